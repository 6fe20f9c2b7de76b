//! Why sign-in failed, in words for the user.
//!
//! Responsible for saying what was tried and for leaving out what may be secret: the vendor's
//! texts are passed on only where they talk about configuration. What an external process printed
//! is never passed on.

use aws_credential_types::provider::error::CredentialsError;

use crate::adapters::aws_secrets_manager::config::Role;
use crate::domain::port::{BackendError, ErrorKind};

const WHERE: &str = "Sign in with access_key_id and secret_access_key in the profile, \
                     AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a shared_config_profile, \
                     `aws sso login`, a web identity, or a role of the container or machine";

/// The error of a sign-in that failed.
pub(super) fn explain(
    operation: &'static str,
    error: &CredentialsError,
    role: Option<&Role>,
) -> BackendError {
    let unauthenticated =
        |message: String| BackendError::permanent(ErrorKind::Unauthenticated, operation, message);
    let error = match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            unauthenticated(format!("no AWS credentials were found. {WHERE}"))
        }
        CredentialsError::ProviderTimedOut(_) => BackendError::temporary(
            ErrorKind::Unavailable,
            operation,
            "signing in to AWS took too long",
        ),
        CredentialsError::InvalidConfiguration(_) => unauthenticated(format!(
            "the shared AWS configuration cannot be used: {}",
            innermost(error)
        )),
        _ => unauthenticated(format!("signing in to AWS failed: {}", cause(error))),
    };
    match role {
        Some(role) => error.with("role", role.arn.clone()),
        None => error,
    }
}

/// The reason, unless it could be something that a process printed.
fn cause(error: &CredentialsError) -> String {
    let text = innermost(error);
    if text.contains("process") || text.contains("tderr") || text.contains("output") {
        return "the credential process failed; run it by hand to see why".to_owned();
    }
    text
}

fn innermost(error: &CredentialsError) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    let text = reason.to_string();
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_printed_is_not_repeated() {
        let printed = "external process exited with code 1. Stderr: canary-password";
        let error = explain("read", &CredentialsError::provider_error(printed), None);
        assert_eq!(error.kind, ErrorKind::Unauthenticated);
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }

    #[test]
    fn nothing_found_says_what_there_is() {
        let error = CredentialsError::not_loaded("no providers in chain provided credentials");
        let error = explain("read", &error, None);
        assert!(error.message.contains("AWS_ACCESS_KEY_ID"), "{error}");
    }

    #[test]
    fn role_is_named() {
        let role = Role {
            arn: "arn:aws:iam::1:role/deploy".to_owned(),
            external_id: None,
            session_name: "coffer".to_owned(),
        };
        let error = CredentialsError::provider_error("AccessDenied");
        let error = explain("read", &error, Some(&role));
        assert!(error.context.contains(&("role", "arn:aws:iam::1:role/deploy".to_owned())));
    }
}
