//! What the services' refusals mean.
//!
//! Responsible for the one table from status and code to kind and status, and for the words. The
//! service answers 404 `NotAuthorizedOrNotFound` to whoever may not know, so that code never
//! becomes `NotFound` here; [`directory`](super::backend) proves it with a listing. Source:
//! Oracle's page "API Errors"; observed texts in `docs.md`.

use time::OffsetDateTime;

use crate::adapters::http::{Response, status_of};
use crate::adapters::oci_vault::wire::ErrorBody;
use crate::domain::port::{BackendError, ErrorKind, Outcome, Status};

/// Context keys of errors of this backend.
const CODE: &str = "code";
const STATUS: &str = "status";

/// Longest text of the service's that is passed on.
const LONGEST_MESSAGE: usize = 500;

/// What an answer that is no success means. `unaccepted` says what to do about a refused signature,
/// for sign-ins that are not a user's key.
pub(super) fn failure(
    operation: &'static str,
    answer: &Response,
    unaccepted: Option<&'static str>,
) -> BackendError {
    let body = answer.try_json::<ErrorBody>();
    let code = body.as_ref().map_or_else(String::new, |body| match &body.code {
        serde_json::Value::String(code) => code.clone(),
        other => other.to_string(),
    });
    let said = body.and_then(|body| body.message).unwrap_or_default();
    let mut error = read(operation, answer.status, &code, &said);
    let wrong = answer.wrong_clock(OffsetDateTime::now_utc());
    if answer.status == 401
        && let Some(why) = wrong.as_deref().or(unaccepted)
    {
        error.message = format!("the signature was not accepted: {why}");
    }
    if !said.is_empty() && said.len() <= LONGEST_MESSAGE {
        error.message = format!("{} (the service says: {said})", error.message);
    }
    if !code.is_empty() {
        error = error.with(CODE, code);
    }
    match answer.header("opc-request-id") {
        Some(id) => error.with("request_id", id),
        None => error,
    }
}

fn read(operation: &'static str, status: u16, code: &str, said: &str) -> BackendError {
    let permanent = |kind, message: &str| {
        BackendError::permanent(kind, operation, message).with(STATUS, status.to_string())
    };
    match (status, code) {
        (400, _) if said.contains("already exists") => {
            permanent(ErrorKind::AlreadyExists, "the name is taken")
        }
        (400, "LimitExceeded" | "QuotaExceeded") => permanent(
            ErrorKind::InvalidRequest,
            "a limit of the tenancy, the vault or the secret is reached; delete what is not needed \
             any more, or ask Oracle for a higher limit",
        ),
        (400, "RelatedResourceNotAuthorizedOrNotFound") => permanent(
            ErrorKind::PermissionDenied,
            "the vault, the key or the compartment does not exist, or this identity may not use it \
             (`use vaults`, `use keys`)",
        ),
        (401, _) => permanent(
            ErrorKind::Unauthenticated,
            "the signature was not accepted. Check tenancy_id, user_id, fingerprint and key, and \
             that this machine's clock is right to five minutes",
        ),
        (403, _) => permanent(ErrorKind::PermissionDenied, "this identity may not do that"),
        (404, "NotAuthorizedOrNotFound") => permanent(
            ErrorKind::PermissionDenied,
            "it does not exist, or this identity may not do that: the service does not tell which",
        ),
        // Somebody between us and the service answers 404, too; that proves nothing.
        (404, "") => permanent(
            ErrorKind::Unexpected,
            "the answer is not the service's; look at endpoint, region and proxy",
        ),
        (409, "IncorrectState") => {
            permanent(ErrorKind::Precondition, "the secret is in a state that does not allow it")
        }
        (409, "LockConflict") => BackendError::temporary(
            ErrorKind::Conflict,
            operation,
            "somebody else is changing the secret",
        )
        .with(STATUS, status.to_string()),
        (409, _) => permanent(ErrorKind::Conflict, "it contradicts another change"),
        (412, _) => permanent(ErrorKind::Precondition, "the secret changed in the meantime"),
        (429, _) => status_of(operation, status, "too many requests at a time"),
        (500.., _) => status_of(operation, status, "the service has a problem"),
        _ => status_of(operation, status, "the service refused the request"),
    }
}

/// The HTTP status of an error.
fn status(error: &BackendError) -> Option<&str> {
    error.context.iter().find(|(key, _)| *key == STATUS).map(|(_, value)| value.as_str())
}

fn code(error: &BackendError) -> Option<&str> {
    error.context.iter().find(|(key, _)| *key == CODE).map(|(_, value)| value.as_str())
}

/// The service hides whether it is missing or forbidden.
pub(super) fn is_hidden(error: &BackendError) -> bool {
    status(error) == Some("404") && code(error).is_some()
}

/// Only a look at the secret tells what to do: the answer was lost, or the secret was not as it
/// had been seen.
pub(super) fn needs_a_look(error: &BackendError) -> bool {
    error.outcome == Outcome::Unknown
        || status(error) == Some("412")
        || matches!(code(error), Some("IncorrectState" | "LockConflict" | "InvalidatedRetryToken"))
        || (error.kind == ErrorKind::AlreadyExists && status(error).is_some())
}

/// The error that says it again, in other words.
pub(super) fn reworded(
    error: &BackendError,
    kind: ErrorKind,
    message: impl Into<String>,
) -> BackendError {
    BackendError {
        kind,
        status: Status::Permanent,
        outcome: Outcome::NotApplied,
        message: message.into(),
        ..error.clone()
    }
}

/// An error whose words hold nothing of a value, even if the service repeated some of it.
pub(super) fn without_value(error: BackendError, values: &[&[u8]]) -> BackendError {
    const WINDOW: usize = 8;
    let message = error.message.as_bytes();
    let repeated = values.iter().any(|value| {
        let length = WINDOW.min(value.len()).max(1);
        message.windows(length).any(|window| value.windows(length).any(|part| part == window))
    });
    // Short values occur in any text by chance; then the text goes as well, and the code stays.
    if repeated && error.message.contains("the service says:") {
        let own = error.message.split(" (the service says:").next().unwrap_or_default().to_owned();
        return BackendError { message: own, ..error };
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::http::{HeaderMap, HeaderValue};
    use crate::domain::material::Secret;

    fn answer(status: u16, body: &str) -> BackendError {
        let mut headers = HeaderMap::new();
        headers.insert("opc-request-id", HeaderValue::from_static("A/B/C"));
        failure("read", &Response { status, headers, body: Secret::from(body) }, None)
    }

    fn kind(status: u16, code: &str) -> (ErrorKind, Status) {
        let error = answer(status, &format!("{{\"code\":\"{code}\",\"message\":\"m\"}}"));
        (error.kind, error.status)
    }

    #[test]
    fn every_code_has_its_kind() {
        use ErrorKind as K;
        let permanent = Status::Permanent;
        assert_eq!(kind(400, "InvalidParameter"), (K::InvalidRequest, permanent));
        assert_eq!(kind(400, "LimitExceeded"), (K::InvalidRequest, permanent));
        let related = kind(400, "RelatedResourceNotAuthorizedOrNotFound");
        assert_eq!(related, (K::PermissionDenied, permanent));
        assert_eq!(kind(401, "NotAuthenticated"), (K::Unauthenticated, permanent));
        assert_eq!(kind(403, "NotAllowed"), (K::PermissionDenied, permanent));
        assert_eq!(kind(404, "NotAuthorizedOrNotFound"), (K::PermissionDenied, permanent));
        assert_eq!(kind(409, "IncorrectState"), (K::Precondition, permanent));
        assert_eq!(kind(409, "LockConflict"), (K::Conflict, Status::Temporary));
        assert_eq!(kind(412, "NoEtagMatch"), (K::Precondition, permanent));
        assert_eq!(kind(429, "TooManyRequests"), (K::RateLimited, Status::Temporary));
        assert_eq!(kind(503, "ServiceUnavailable"), (K::Unavailable, Status::Temporary));
        let taken = answer(400, r#"{"code":"InvalidParameter","message":"name already exists"}"#);
        assert_eq!(taken.kind, K::AlreadyExists);
    }

    #[test]
    fn request_id_code_and_numeric_codes_are_kept() {
        let error = answer(400, r#"{"code":400,"message":"query param"}"#);
        assert_eq!(code(&error), Some("400"));
        assert!(error.context.contains(&("request_id", "A/B/C".to_owned())));
        let page = answer(502, "<html>not JSON</html>");
        assert_eq!((page.kind, page.outcome), (ErrorKind::Unavailable, Outcome::Unknown));
        assert!(!page.message.contains("html"));
    }

    #[test]
    fn repeated_value_is_cut_out() {
        let body = r#"{"code":"InvalidParameter","message":"content c2VjcmV0LXZhbHVl is bad"}"#;
        let error = answer(400, body);
        assert!(error.message.contains("c2VjcmV0"));
        let clean = without_value(error.clone(), &[b"c2VjcmV0LXZhbHVl"]);
        assert!(!clean.message.contains("c2VjcmV0"), "{}", clean.message);
        assert_eq!(without_value(error.clone(), &[b"unrelated text"]), error);
    }
}
