//! Reading data sources.
//!
//! Responsible for what core expects: an object that is not null and wholly known.
//! Source: protocol RPC ReadDataSource.

use super::super::diag::Diagnostics;
use super::super::guard;
use super::super::path::Path;
use super::Server;
use super::call::{Doing, guarded};
use super::catalogue::find;
use super::exchange::{Encoded, ValueAnswer};

impl Server {
    /// ReadDataSource.
    pub async fn read_data(&self, type_name: &str, config: &Encoded) -> ValueAnswer {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.data_sources, "data source", type_name, &mut diags);
        let config =
            found.and_then(|entry| config.decode(&entry.shape.ty, "configuration", &mut diags));
        let (Some(entry), Some(config)) = (found, config) else {
            return ValueAnswer::failed(diags);
        };
        let running = self.calls.start();
        let doing = Doing { operation: "read", type_name };
        let work = entry.object.read(running.context(), config, &mut diags);
        let state = match guarded(doing, work).await {
            Ok(state) => state.filter(|state| !state.is_null()),
            Err(panic) => {
                diags.extend(panic);
                None
            }
        };
        let Some(state) = state else {
            if !diags.has_errors() {
                diags.error(
                    Path::root(),
                    "The provider returned no object",
                    format!(
                        "Reading {type_name} reported success and no data. This is a bug in the \
                         provider, please report it."
                    ),
                );
            }
            return ValueAnswer::failed(diags);
        };
        let sealed = guard::stored(&entry.shape, state, &mut diags);
        let value = Encoded::sealed(&sealed, &entry.shape.ty, &mut diags);
        ValueAnswer { value, diagnostics: diags }
    }
}
