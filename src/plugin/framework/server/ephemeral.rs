//! Opening, renewing and closing ephemeral resources.
//!
//! Responsible for the result being consistent with the configuration, as core checks it like a
//! plan. Keeps nothing between the calls: Terraform closes with the private data of open and
//! OpenTofu with that of the last renewal, so each call works from what it is given.
//! Source: protocol RPCs OpenEphemeralResource, RenewEphemeralResource, CloseEphemeralResource.

use super::super::diag::Diagnostics;
use super::super::guard;
use super::super::object::Opened;
use super::super::path::Path;
use super::super::private::Private;
use super::super::value::Value;
use super::Server;
use super::call::{Doing, guarded, report};
use super::catalogue::find;
use super::exchange::Encoded;

/// An opened ephemeral resource.
#[derive(Debug, Default)]
pub struct OpenAnswer {
    /// The result; null after an error.
    pub result: Encoded,
    /// Private data for renew and close.
    pub private: Vec<u8>,
    /// Unix time of the first renewal.
    pub renew_at: Option<i64>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// A renewed ephemeral resource.
#[derive(Debug, Default)]
pub struct RenewAnswer {
    /// Private data for the next call.
    pub private: Vec<u8>,
    /// Unix time of the next renewal; none ends renewing.
    pub renew_at: Option<i64>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

impl Server {
    /// OpenEphemeralResource.
    pub async fn open(&self, type_name: &str, config: &Encoded) -> OpenAnswer {
        let mut diags = Diagnostics::new();
        let objects = &self.catalogue.ephemeral_resources;
        let found = find(objects, "ephemeral resource", type_name, &mut diags);
        let config =
            found.and_then(|entry| config.decode(&entry.shape.ty, "configuration", &mut diags));
        let (Some(entry), Some(config)) = (found, config) else {
            return OpenAnswer::failed(diags);
        };
        let running = self.calls.start();
        let doing = Doing { operation: "open", type_name };
        let work = entry.object.open(running.context(), config.clone(), &mut diags);
        let opened = match guarded(doing, work).await {
            Ok(opened) => opened,
            Err(panic) => {
                diags.extend(panic);
                None
            }
        };
        let Some(Opened { mut result, private, renew_at }) = opened else {
            if !diags.has_errors() {
                diags.error(
                    Path::root(),
                    "The provider returned no object",
                    format!(
                        "Opening {type_name} reported success and no result. This is a bug in the \
                         provider, please report it."
                    ),
                );
            }
            return OpenAnswer::failed(diags);
        };
        echo(&config, &mut result);
        let sealed = guard::planned(&entry.shape, result, &mut diags);
        OpenAnswer {
            result: Encoded::sealed(&sealed, &entry.shape.ty, &mut diags),
            private: private.encode(),
            renew_at,
            diagnostics: diags,
        }
    }

    /// RenewEphemeralResource.
    pub async fn renew(&self, type_name: &str, private: &[u8]) -> RenewAnswer {
        let mut diags = Diagnostics::new();
        let objects = &self.catalogue.ephemeral_resources;
        let Some(entry) = find(objects, "ephemeral resource", type_name, &mut diags) else {
            return RenewAnswer { diagnostics: diags, ..RenewAnswer::default() };
        };
        let running = self.calls.start();
        let doing = Doing { operation: "renewal", type_name };
        let given = Private::decode(private);
        let work = entry.object.renew(running.context(), given, &mut diags);
        let renewed = match guarded(doing, work).await {
            Ok(renewed) => renewed,
            Err(panic) => {
                diags.extend(panic);
                None
            }
        };
        match renewed {
            Some(renewed) => RenewAnswer {
                private: renewed.private.encode(),
                renew_at: renewed.renew_at,
                diagnostics: diags,
            },
            // Close still needs what was there.
            None => RenewAnswer { private: private.to_vec(), renew_at: None, diagnostics: diags },
        }
    }

    /// CloseEphemeralResource.
    pub async fn close(&self, type_name: &str, private: &[u8]) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let objects = &self.catalogue.ephemeral_resources;
        if let Some(entry) = find(objects, "ephemeral resource", type_name, &mut diags) {
            let running = self.calls.start();
            let doing = Doing { operation: "close", type_name };
            let given = Private::decode(private);
            let work = entry.object.close(running.context(), given, &mut diags);
            report(guarded(doing, work).await, &mut diags);
        }
        diags
    }
}

impl OpenAnswer {
    fn failed(diagnostics: Diagnostics) -> Self {
        Self { result: Encoded::null(), diagnostics, ..Self::default() }
    }
}

/// Copies configured attributes that the result leaves out.
fn echo(config: &Value, result: &mut Value) {
    let (Value::Object(config), Value::Object(result)) = (config, result) else { return };
    for (name, configured) in config {
        let entry = result.entry(name.clone()).or_default();
        if entry.is_null() {
            *entry = configured.clone();
        }
    }
}
