//! Refreshing `coffer_secret`.
//!
//! Reads metadata only, unless the profile asks for content or the secret comes into state now.
//! Gone and soft-deleted secrets leave the state; refused access is an error and never counts as
//! gone. Source: protocol RPC ReadResource; the configuration is not known here.

use time::OffsetDateTime;

use super::fields::Fields;
use super::state::{absorb, identity};
use super::targets::read::{look_again, refuse_copy};
use super::{APPLIED, NEW_HERE, ResourceSecret, applied, set_applied, tell, timeout};
use crate::domain::policy::DeletionPolicy;
use crate::domain::secret::SecretName;
use crate::engine::refresh::{Known, Looked, refresh};
use crate::engine::secret::Observed;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{ReadRequest, StateResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::timeouts::Operation;
use crate::provider::access::run;
use crate::provider::configure::NoVault;
use crate::provider::errors::{self, Attempt};
use crate::provider::times;

/// Looks at the secret.
pub(super) async fn read(
    resource: &ResourceSecret,
    ctx: &Context,
    request: ReadRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(configured) = resource.shared.configured(diags) else { return };
    let Some(fields) = Fields::read(&request.state, diags) else { return };
    let profile = match configured.profile_name(fields.profile.known().map(String::as_str)) {
        Ok(profile) => profile,
        Err(NoVault::Unknown) => return warn_not_refreshed("(default)", diags),
        Err(problem) => return errors::no_vault(&problem, Path::attribute("profile"), diags),
    };
    let profile = profile.as_str();
    let text = fields.name.known().map_or("", String::as_str);
    // Also what is not looked at keeps an identity; older clients bring none.
    if response.identity.is_none() {
        response.identity = Some(identity(profile, text));
    }
    let vault = match configured.vault(profile) {
        Ok(vault) => vault,
        Err(NoVault::Unknown) => return warn_not_refreshed(profile, diags),
        Err(problem) => return errors::no_vault(&problem, Path::attribute("profile"), diags),
    };
    let name = match SecretName::parse(text) {
        Ok(name) => name,
        Err(error) => {
            let path = Path::attribute("name");
            return diags.error(path, "Name of a secret is not valid", format!("{error}."));
        }
    };
    let new_here = request.private.get(NEW_HERE).and_then(|how| how.as_str()).map(str::to_owned);
    let known = Known {
        version_id: fields.version_id.known().cloned(),
        fingerprint: fields.print(),
        created_at: request.state.get("created_at").as_str().and_then(times::parse),
        first_time: new_here.is_some(),
    };
    let run = run(ctx, timeout(&request.state, Operation::Read));
    let attempt = Attempt { verb: "refresh", secret: text, profile };
    let backend = configured.backend(profile);
    let unchanged = |observed: &Observed| {
        let mut state = request.state.clone();
        absorb(&mut state, observed, &vault, backend);
        state.same(&request.state)
    };
    let looked = refresh(&vault, &run, configured.keys(), &name, &known, &unchanged).await;
    let observed = match looked {
        Ok(Looked::There(observed)) => *observed,
        Ok(_) if new_here.as_deref() == Some("move") => {
            return report_not_moved(text, profile, diags);
        }
        Ok(gone) => {
            if let Looked::Deleted { purge_at } = gone
                && fields.deletion_policy() == DeletionPolicy::Destroy
            {
                warn_not_destroyed(attempt, purge_at, diags);
            }
            response.state = None;
            return;
        }
        Err(failure) => {
            // Told once, an outage has failed the walk; what was not seen stays as it was.
            if vault.is_news(&failure) {
                errors::report(&failure, attempt, Path::attribute("name"), diags);
            }
            return;
        }
    };
    tell(&configured, &vault, diags);
    if new_here.is_some() && refuse_copy(&configured, &observed, profile, diags) {
        return;
    }
    response.private = request.private;
    response.private.remove(NEW_HERE);
    // The baseline of on_drift = "accept" for a state that has none: what was known before.
    if applied(&response.private).is_none() {
        response.private.remove(APPLIED);
        if let Some(print) = known.fingerprint.as_ref().or(observed.fingerprint.as_ref()) {
            set_applied(&mut response.private, print);
        }
    }
    let mut state = request.state;
    absorb(&mut state, &observed, &vault, backend);
    let private = &response.private;
    look_again(&configured, &vault, &run, &observed, private, &mut state, diags).await;
    // The vault's own name: an import may have come with another, such as an ARN.
    response.identity = Some(identity(profile, state.get("name").as_str().unwrap_or(text)));
    response.state = Some(state);
}

fn warn_not_refreshed(profile: &str, diags: &mut Diagnostics) {
    diags.warning(
        Path::attribute("profile"),
        "Secret was not refreshed",
        format!(
            "The configuration of profile {profile:?} depends on values that are known only after \
             apply, so the secret was not looked at. Changes made outside are found by the next \
             plan."
        ),
    );
}

/// A vault that destroys in two steps was left between them, or somebody else deleted the secret.
fn warn_not_destroyed(
    attempt: Attempt<'_>,
    purge_at: Option<OffsetDateTime>,
    diags: &mut Diagnostics,
) {
    let Attempt { secret, profile, .. } = attempt;
    let until = purge_at.map_or_else(String::new, |time| format!(" until {}", times::told(time)));
    diags.warning(
        Path::attribute("deletion_policy"),
        "Secret is deleted and not destroyed",
        format!(
            "The secret {secret:?} in profile {profile:?} has deletion_policy = \"destroy\", and \
             the vault keeps it as a deleted one{until}: a destroy was interrupted, or somebody \
             else deleted it. It leaves the state. To destroy it now, purge it with the vault's \
             own tools, or apply with the resource in the configuration, which recovers it, and \
             destroy it again."
        ),
    );
}

fn report_not_moved(name: &str, profile: &str, diags: &mut Diagnostics) {
    diags.error(
        Path::attribute("name"),
        "Moved secret was not found",
        format!(
            "Attempted: find the secret {name:?}, taken over by a moved block, in profile \
             {profile:?}.\nAnswer: there is no such secret.\nNext step: a moved block maps to the \
             default profile. Set default_profile to the profile whose vault holds the secret, or \
             import it with the id \"<profile>/{name}\" instead."
        ),
    );
}
