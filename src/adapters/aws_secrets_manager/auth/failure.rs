//! Why sign-in failed, in words for the user.
//!
//! Responsible for saying what was tried, and what to do about it, and for leaving out what may be
//! secret: of the vendor's and the services' texts long words with digits, which is what tokens are,
//! and everything that an external process printed.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_types::error::ErrorMetadata;

use crate::adapters::aws_secrets_manager::config::Role;
use crate::adapters::http::{Reached, TransportError};
use crate::domain::port::{BackendError, ErrorKind};

const WHERE: &str = "Sign in with access_key_id and secret_access_key in the profile, \
                     AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a shared_config_profile, \
                     `aws sso login`, a web identity, or a role of the container or machine";

/// Words that are longer and have a digit are taken for tokens. Ids of AWS have 21 characters.
const LONGEST_WORD: usize = 24;
/// Longest text of others that is passed on, in characters.
const LONGEST_TEXT: usize = 300;

/// The error of a sign-in that failed.
pub(super) fn explain(
    operation: &'static str,
    error: &CredentialsError,
    role: Option<&Role>,
) -> BackendError {
    let unauthenticated =
        |message: String| BackendError::permanent(ErrorKind::Unauthenticated, operation, message);
    let unavailable =
        |message: String| BackendError::temporary(ErrorKind::Unavailable, operation, message);
    let reason = innermost(error);
    let error = match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            unauthenticated(format!("no AWS credentials were found. {WHERE}"))
        }
        // Other clouds' machines have another service at the same address.
        _ if reason.contains("TTL header") => unauthenticated(format!(
            "no AWS credentials were found, and the metadata service of this machine is not that \
             of AWS. {WHERE}"
        )),
        CredentialsError::ProviderTimedOut(_) => {
            unavailable("signing in to AWS took too long".to_owned())
        }
        CredentialsError::InvalidConfiguration(_) => unauthenticated(format!(
            "the configuration of the AWS sign-in cannot be used: {reason}"
        )),
        _ if is_sso(error) => unauthenticated(format!(
            "signing in to AWS failed: {reason}. Next step: run `aws sso login`"
        )),
        _ if is_unreachable(error) => {
            unavailable(format!("the service that signs in to AWS was not reached: {reason}"))
        }
        _ if is_printed(&reason) => unauthenticated(
            "signing in to AWS failed: the credential process failed; run it by hand to see why"
                .to_owned(),
        ),
        _ => unauthenticated(format!("signing in to AWS failed: {reason}")),
    };
    match role {
        Some(role) => error.with("role", role.arn.clone()),
        None => error,
    }
}

/// True when the reason could be something that a process printed.
fn is_printed(reason: &str) -> bool {
    reason.contains("process") || reason.contains("tderr") || reason.contains("output")
}

/// True when a new login helps: the token of SSO is missing, has expired, or is refused.
fn is_sso(error: &CredentialsError) -> bool {
    chain(error).any(|part| {
        let text = part.to_string();
        ["SSO token", "sso/cache", "UnauthorizedException"].iter().any(|sign| text.contains(sign))
    })
}

/// True when the service may answer the next time.
fn is_unreachable(error: &CredentialsError) -> bool {
    chain(error)
        .filter_map(|part| part.downcast_ref::<TransportError>())
        .any(|error| error.reached != Reached::Nothing)
}

fn chain<'e>(error: &'e CredentialsError) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let first: &'e (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |part: &&'e (dyn Error + 'static)| (*part).source())
}

/// The text of the first cause, one line without long words.
fn innermost(error: &CredentialsError) -> String {
    let Some(reason) = chain(error).last() else { return String::new() };
    let text = match reason.downcast_ref::<ErrorMetadata>() {
        Some(answer) => match (answer.code(), answer.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => "the answer says no reason".to_owned(),
        },
        None => reason.to_string(),
    };
    let words: Vec<&str> = text.split_whitespace().map(harmless).collect();
    words.join(" ").chars().take(LONGEST_TEXT).collect()
}

/// A word, unless it may be a token. Of a URL, what may carry none.
fn harmless(word: &str) -> &str {
    let bare = word.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '/');
    if bare.starts_with("https://") || bare.starts_with("http://") {
        return word.split(['?', '#']).next().unwrap_or_default();
    }
    let named = bare.starts_with("arn:") || bare.starts_with('/');
    if named || word.len() <= LONGEST_WORD || !word.contains(|c: char| c.is_ascii_digit()) {
        return word;
    }
    "(…)"
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
    fn words_that_may_be_tokens_are_left_out() {
        for (word, stays) in [
            ("AssumeRoleUnauthorizedAccess", true),
            ("arn:aws:sts::123456789012:assumed-role/deploy/session", true),
            ("/home/someone/.aws/sso/cache/0123456789abcdef0123456789abcdef01234567.json", true),
            ("AIDAJQABLZS4A3QDU576Q", true),
            ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjb2ZmZXIifQ.c2lnbmF0dXJl", false),
            ("\"IQoJb3JpZ2luX2VjEGcaCXVzLWVhc3QtMSJ\"", false),
        ] {
            assert_eq!(harmless(word) == word, stays, "{word}");
        }
        assert_eq!(harmless("(https://example.com/x?token=abc)"), "(https://example.com/x");
    }

    #[test]
    fn answer_is_told_by_code_and_message() {
        let answer = ErrorMetadata::builder().code("AccessDenied").message("Not\nyou").build();
        let error = explain("read", &CredentialsError::provider_error(answer), None);
        assert_eq!(error.message, "signing in to AWS failed: AccessDenied: Not you");
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
