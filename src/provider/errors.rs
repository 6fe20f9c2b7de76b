//! How failures read: from an engine's failure to a diagnostic.
//!
//! Responsible for three answers in every detail: what was attempted (operation, object, profile),
//! what was answered (kind, message, facts), and the next step. Summaries have no values, and no
//! text ever contains content. Leaves the attribute path to the caller, who knows it.

use super::configure::NoVault;
use super::schema::secret::CONTENT_ARGUMENTS;
use super::times;
use crate::domain::port::{BackendError, ErrorKind, Status};
use crate::engine::failure::{Failure, Taken};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;

/// What was attempted, in words: `create`, secret, profile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// The verb, as in "could not {verb}".
    pub(super) verb: &'static str,
    /// Name of the secret.
    pub(super) secret: &'a str,
    /// Profile of the vault.
    pub(super) profile: &'a str,
}

/// Reports a failed use case.
pub(super) fn report(failure: &Failure, attempt: Attempt<'_>, at: Path, diags: &mut Diagnostics) {
    let Attempt { verb, secret, profile } = attempt;
    let object = format!("secret {secret:?} in profile {profile:?}");
    match failure {
        Failure::Backend(error) => backend(error, attempt, at, diags),
        Failure::Stopped { operation, in_flight } => {
            let known = if *in_flight {
                "The vault had been asked and had not answered, so it may or may not have been \
                 done. Next step: run the command again; what was done is found and not repeated."
            } else {
                "Nothing further was sent to the vault. Next step: run the command again."
            };
            diags.error(
                at,
                "Stopped before the work was done",
                format!("Attempted: {verb} {object} (step {operation}). {known}"),
            );
        }
        Failure::TimedOut { operation, after } => diags.error(
            at,
            "Vault did not answer in time",
            format!(
                "Attempted: {verb} {object} (step {operation}).\nAnswer: none within {} s.\nNext \
                 step: run the command again; what was done is found and not repeated. Raise the \
                 limit in timeouts if the vault is slow.",
                after.as_secs_f32()
            ),
        ),
        Failure::Taken(taken) => name_taken(taken, attempt, at, diags),
        Failure::ChangedSincePlan { planned, found } => diags.error(
            at,
            "Secret changed since the plan was made",
            format!(
                "Attempted: {verb} {object}.\nAnswer: the plan was made with version {}, the vault \
                 now has version {}: somebody else wrote in between. Nothing was overwritten.\nNext \
                 step: plan again and look at the difference.",
                planned.as_deref().unwrap_or("(none)"),
                found.as_deref().unwrap_or("(none)"),
            ),
        ),
        Failure::Vanished => diags.error(
            at,
            "Secret is gone",
            format!(
                "Attempted: {verb} {object}.\nAnswer: it was deleted after the plan was made.\nNext \
                 step: plan again; the secret will be planned for creation."
            ),
        ),
        Failure::NoContent => no_content(&object, at, diags),
        Failure::NotVerified => diags.error(
            at,
            "Copy differs from the original",
            format!(
                "Attempted: {verb} {object}.\nAnswer: what was read back is not what was \
                 written.\nNext step: the original is untouched; look at the copy in the new vault \
                 and remove it before another try."
            ),
        ),
        Failure::NotTakenBack => diags.error(
            at,
            "Version in use differs from what was written",
            format!(
                "Attempted: {verb} {object}.\nAnswer: what was read back is not what was written, \
                 and the former version could not be made current again.\nNext step: readers have \
                 the damaged version; make the former one current (number, with rotation_state = \
                 \"current\", in a coffer_secret_version, or the action coffer_rollback)."
            ),
        ),
        Failure::Incapable { needs } => diags.error(
            at,
            "Vault cannot do this",
            format!(
                "Attempted: {verb} {object}.\nAnswer: this vault has no {needs}.\nNext step: set \
                 deletion_policy = \"destroy\" to destroy the secret for good, or \"retain\" to \
                 leave it in the vault, and apply that first."
            ),
        ),
        Failure::Held => diags.error(
            at,
            "Held back",
            format!(
                "Attempted: {verb} {object}.\nAnswer: not done, because something that comes \
                 before it failed.\nNext step: see the other messages, and run again."
            ),
        ),
        Failure::Prevented => diags.error(
            at,
            "Deletion is prevented",
            format!(
                "Attempted: {verb} {object}.\nAnswer: its deletion_policy is \"prevent\".\nNext \
                 step: to delete it, set another deletion_policy, apply, and try again."
            ),
        ),
        Failure::Keys(problem) => diags.error(
            at,
            "Fingerprint key is not usable",
            format!(
                "Attempted: {verb} {object}.\nAnswer: {}\nNext step: correct this, or the \
                 argument fingerprint.{} of the provider block.",
                problem.message, problem.argument
            ),
        ),
    }
}

/// Reports that a new secret has no content.
pub(super) fn no_content(object: &str, at: Path, diags: &mut Diagnostics) {
    diags.error(
        at,
        "Content is missing",
        format!(
            "Attempted: create {object}.\nAnswer: a new secret needs content, and no content \
             argument is set.\nNext step: set one of {}. To manage a secret that \
             exists without touching its content, import it or set on_existing = \"adopt\".",
            [CONTENT_ARGUMENTS, &["generate"]].concat().join(", ")
        ),
    );
}

/// Reports that a name belongs to another secret.
pub(super) fn name_taken(taken: &Taken, attempt: Attempt<'_>, at: Path, diags: &mut Diagnostics) {
    let Attempt { verb, secret, profile } = attempt;
    match taken {
        Taken::Active => diags.error(
            at,
            "Name is taken by an existing secret",
            format!(
                "Attempted: {verb} secret {secret:?} in profile {profile:?}.\nAnswer: an active \
                 secret has this name, and it is not in this state.\nNext step: import it with \
                 the id \"{profile}/{secret}\", set on_existing = \"adopt\" to take it over, or \
                 choose another name."
            ),
        ),
        Taken::Deleted { purge_at } => {
            let until = purge_at.map_or_else(String::new, |time| {
                format!(" until {}, when the vault destroys it", times::told(time))
            });
            diags.error(
                at,
                "Name is taken by a deleted secret",
                format!(
                    "Attempted: {verb} secret {secret:?} in profile {profile:?}.\nAnswer: a \
                     soft-deleted secret holds this name{until}, and on_existing is \
                     \"fail\".\nNext step: set on_existing = \"recover\" to bring it back, or \
                     choose another name."
                ),
            );
        }
    }
}

fn backend(error: &BackendError, attempt: Attempt<'_>, at: Path, diags: &mut Diagnostics) {
    let Attempt { verb, secret, profile } = attempt;
    let mut detail = format!(
        "Attempted: {verb} secret {secret:?} in profile {profile:?} (step {}).\nAnswer: {} ({})",
        error.operation,
        error.message,
        kind(error.kind)
    );
    for (key, value) in &error.context {
        detail.push_str(&format!("; {key}: {value}"));
    }
    if error.status == Status::Exhausted {
        detail.push_str("; tried several times");
    }
    detail.push_str(&format!(".\nNext step: {}", next_step(error.kind)));
    diags.error(at, summary(error.kind), detail);
}

/// Reports a profile that gives no vault.
pub(super) fn no_vault(problem: &NoVault, at: Path, diags: &mut Diagnostics) {
    match problem {
        NoVault::Unknown => diags.error(
            at,
            "Profile is not known yet",
            "The provider configuration of this profile depends on values that are known only \
             after apply. Next step: apply what it depends on first (-target), or give the profile \
             values that are known at plan.",
        ),
        NoVault::NoSuchProfile { name, known } => diags.error(
            at,
            "Profile does not exist",
            format!(
                "The provider block has no profile {name:?}. Known profiles: {}. Next step: use \
                 one of them, or add {name:?} to profiles.",
                known.join(", ")
            ),
        ),
        NoVault::NoDefault { known } => diags.error(
            at,
            "Profile is missing",
            format!(
                "There are several profiles and no default_profile. Known profiles: {}. Next \
                 step: set profile here, or default_profile in the provider block.",
                known.join(", ")
            ),
        ),
        NoVault::Broken { name, path, message } => diags.error(
            at,
            "Profile cannot be used",
            format!(
                "The profile {name:?} of the provider block cannot work (provider argument \
                 {path}): {message} Other profiles are not affected."
            ),
        ),
    }
}

/// The kind as users read it.
pub(super) const fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "not_found",
        ErrorKind::AlreadyExists => "already_exists",
        ErrorKind::PermissionDenied => "permission_denied",
        ErrorKind::Unauthenticated => "unauthenticated",
        ErrorKind::Precondition => "precondition",
        ErrorKind::Conflict => "conflict",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::InvalidRequest => "invalid_request",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::Unexpected => "unexpected",
    }
}

const fn summary(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "Secret was not found",
        ErrorKind::AlreadyExists => "Name is taken by an existing secret",
        ErrorKind::PermissionDenied => "Vault refused permission",
        ErrorKind::Unauthenticated => "Vault did not accept the credentials",
        ErrorKind::Precondition | ErrorKind::Conflict => "Secret was changed by somebody else",
        ErrorKind::RateLimited => "Vault is called too often",
        ErrorKind::InvalidRequest => "Vault refused the request",
        ErrorKind::Unsupported => "Vault cannot do this",
        ErrorKind::Unavailable => "Vault does not answer",
        ErrorKind::Corrupt => "Vault holds damaged data",
        ErrorKind::Unexpected => "Vault answered something unexpected",
    }
}

const fn next_step(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "check name and profile, and that the secret was not deleted.",
        ErrorKind::AlreadyExists => {
            "import the secret, set on_existing = \"adopt\", or choose another name."
        }
        ErrorKind::PermissionDenied => {
            "give the identity of this profile the permission for this step. The secret was not \
             taken for deleted."
        }
        ErrorKind::Unauthenticated => {
            "check the credentials of this profile (key, token, environment variables). The secret \
             was not taken for deleted."
        }
        ErrorKind::Precondition | ErrorKind::Conflict => {
            "plan again and look at the difference. Nothing was overwritten."
        }
        ErrorKind::RateLimited => {
            "set limits.requests_per_second in the profile, or run again later."
        }
        ErrorKind::InvalidRequest => "correct the argument that the answer names.",
        ErrorKind::Unsupported => "use another vault, or leave the argument out.",
        ErrorKind::Unavailable => {
            "check address, network and proxy of this profile, and run again."
        }
        ErrorKind::Corrupt => "restore the vault from a backup; nothing was changed.",
        ErrorKind::Unexpected => {
            "run again with TF_LOG_PROVIDER=DEBUG, and report the answer if it stays."
        }
    }
}
