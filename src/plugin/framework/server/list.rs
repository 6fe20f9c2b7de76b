//! Listing existing objects.
//!
//! Responsible for the limit and for each event having an identity.
//! Source: protocol RPC ListResource (streamed; Terraform ≥ 1.14).

use super::super::diag::Diagnostics;
use super::super::guard;
use super::super::object::Listed;
use super::super::path::Path;
use super::Server;
use super::call::{Doing, guarded, report};
use super::catalogue::{ResourceEntry, find};
use super::exchange::Encoded;
use super::identity;

/// One event of a list.
#[derive(Debug, Default)]
pub struct ListedAnswer {
    /// Identity of the object; absent in an event that only reports.
    pub identity: Option<Encoded>,
    /// Name for people.
    pub display_name: String,
    /// The whole object, when asked for.
    pub object: Option<Encoded>,
    /// Messages; an error ends the list.
    pub diagnostics: Diagnostics,
}

impl Server {
    /// ListResource. Calls `emit` until it returns false. A limit of zero or less means none.
    pub async fn list(
        &self,
        type_name: &str,
        config: &Encoded,
        include_object: bool,
        limit: i64,
        emit: &mut (dyn FnMut(ListedAnswer) -> bool + Send),
    ) {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.list_resources, "list resource", type_name, &mut diags);
        let resource = find(&self.catalogue.resources, "resource type", type_name, &mut diags);
        let config =
            found.and_then(|entry| config.decode(&entry.shape.ty, "configuration", &mut diags));
        if let (Some(entry), Some(resource), Some(config)) = (found, resource, config) {
            let running = self.calls.start();
            let doing = Doing { operation: "the list", type_name };
            let mut left = if limit > 0 { limit } else { i64::MAX };
            let mut forward = |listed: Listed| {
                if left == 0 {
                    return false;
                }
                left -= 1;
                let event = event(resource, listed);
                let failed = event.diagnostics.has_errors();
                emit(event) && !failed && left > 0
            };
            let ctx = running.context();
            let work = entry.object.list(ctx, config, include_object, &mut forward, &mut diags);
            report(guarded(doing, work).await, &mut diags);
        }
        // Core accepts an event without identity only with an error.
        if diags.has_errors() {
            emit(ListedAnswer { diagnostics: diags, ..ListedAnswer::default() });
        }
    }
}

fn event(resource: &ResourceEntry, listed: Listed) -> ListedAnswer {
    let mut diags = Diagnostics::new();
    identity::check_present(resource, Some(&listed.identity), &mut diags);
    let identity = identity::encode(resource, Some(listed.identity), &mut diags);
    if identity.is_none() && !diags.has_errors() {
        diags.error(
            Path::root(),
            "The resource has no identity",
            "Only resources with an identity can be listed. This is a bug in the provider, please \
             report it.",
        );
    }
    let object = listed.resource.map(|object| {
        let sealed = guard::stored(&resource.shape, object, &mut diags);
        Encoded::sealed(&sealed, &resource.shape.ty, &mut diags)
    });
    ListedAnswer { identity, display_name: listed.display_name, object, diagnostics: diags }
}
