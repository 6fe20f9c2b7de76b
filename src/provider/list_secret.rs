//! List resource `coffer_secret`: what `terraform query` finds (Terraform 1.14).
//!
//! The state it gives is what an import followed by a refresh gives, so generated configuration is
//! followed by an empty plan. Never a value.

use std::sync::Arc;

use async_trait::async_trait;

use super::access::Shared;
use super::resource_secret::{absorb, blank, identity};
use super::schema;
use super::selection::Selection;
use crate::engine::secret::observe;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::read;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{ListResource, Listed};
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

/// The list resource.
#[derive(Debug)]
pub(super) struct ListSecret {
    shared: Arc<Shared>,
}

impl ListSecret {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl ListResource for ListSecret {
    fn schema(&self) -> Schema {
        schema::list_secret::schema()
    }

    async fn list(
        &self,
        ctx: &Context,
        config: Value,
        include_resource: bool,
        emit: &mut (dyn FnMut(Listed) -> bool + Send),
        diags: &mut Diagnostics,
    ) {
        let Some(configured) = self.shared.configured(diags) else { return };
        let selection: Selection = match read(&config) {
            Ok(selection) => selection,
            Err(error) => return error.report(diags),
        };
        let Some((vault, records)) = selection.find(ctx, &configured, diags).await else { return };
        let profile = vault.profile();
        for record in records {
            let name = record.name.as_str().to_owned();
            let resource = include_resource.then(|| {
                let mut state = blank(Some(profile), &name);
                absorb(&mut state, &observe(record), &vault, configured.backend(profile));
                state
            });
            let identity = identity(profile, &name);
            if !emit(Listed { identity, display_name: name, resource }) {
                return;
            }
        }
    }
}
