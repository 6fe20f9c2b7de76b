//! Moving a secret to another profile as part of an update.
//!
//! Responsible for the state at each end: after success that of the new vault, after a failure
//! that of the old one, with a message that says how far it came. Leaves the order of steps to
//! [`engine::relocate`](crate::engine::relocate).

use super::apply::{Apply, notes, place};
use super::fields::Fields;
use super::state::{complete, identity};
use super::{ResourceSecret, set_applied, tell};
use crate::domain::policy::ManageContent;
use crate::engine::relocate::{Relocation, Step, Stuck, relocate as move_secret};
use crate::plugin::framework::object::StateResponse;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::errors;

/// Moves the secret.
pub(super) async fn relocate(
    apply: &Apply,
    prior: &Value,
    before: &Fields,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    response.state = Some(prior.clone());
    let old = before.profile.known().map_or("", String::as_str);
    response.identity = Some(identity(old, apply.name.as_str()));
    let Some(source) = ResourceSecret::vault(&apply.configured, old, diags) else { return };
    let Some(ring) = apply.ring(true, diags).await else { return };
    let managed = apply.config.manage_content() == ManageContent::Always;
    let content = apply.given.content().filter(|_| managed);
    let wanted = Relocation {
        name: &apply.name,
        metadata: apply.metadata(),
        options: apply.options(&Value::Null),
        content,
        fingerprint: before.print(),
        on_existing: apply.config.on_existing(),
        deletion_policy: apply.config.deletion_policy(),
        window: apply.fields.window(),
    };
    let result = move_secret(&source, &apply.vault, &apply.run, &ring, &wanted).await;
    tell(&apply.configured, &apply.vault, diags);
    match result {
        Ok(moved) => {
            notes(&moved.notes, apply, diags);
            let mut state =
                complete(&apply.planned, &moved.observed, &apply.vault, apply.backend());
            if let Some(public_key) = apply.public_key().filter(|_| content.is_some()) {
                state.set("public_key", Value::string(public_key));
            }
            response.state = Some(state);
            response.identity = Some(apply.identity());
            if content.is_some()
                && let Some(print) = &moved.observed.fingerprint
            {
                set_applied(&mut response.private, print);
            }
        }
        Err(stuck) => report(&stuck, apply, old, diags),
    }
}

fn report(
    stuck: &Stuck,
    apply: &Apply,
    old: &str,
    diags: &mut crate::plugin::framework::diag::Diagnostics,
) {
    let (name, new) = (apply.name.as_str(), apply.vault.profile());
    let mut attempt = apply.attempt(match stuck.step {
        Step::ReadSource => "read, for a move,",
        Step::WriteTarget => "write, for a move,",
        Step::Verify => "verify, after a move,",
        Step::RemoveSource => "remove, after a move,",
    });
    if matches!(stuck.step, Step::ReadSource | Step::RemoveSource) {
        attempt.profile = old;
    }
    errors::report(&stuck.failure, attempt, place(&stuck.failure, &apply.given), diags);
    let detail = match stuck.step {
        Step::ReadSource | Step::WriteTarget => format!(
            "The secret {name:?} is still in profile {old:?} and unchanged there. The state says so."
        ),
        Step::Verify => format!(
            "The secret {name:?} is still in profile {old:?} and unchanged there. The state says \
             so. A copy in profile {new:?} may exist and was not confirmed."
        ),
        Step::RemoveSource => format!(
            "The secret {name:?} was copied to profile {new:?} and the copy was confirmed, but the \
             original in profile {old:?} could not be removed, and the state still names it. The \
             next apply takes the copy over and tries again."
        ),
    };
    diags.warning(Path::attribute("profile"), "Secret was not moved", detail);
}
