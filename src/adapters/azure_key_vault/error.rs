//! What the service's answers mean.
//!
//! Responsible for the one table from Key Vault's codes to error kinds, and for naming the
//! permission that is missing. The innermost code decides, then the outer one, then the status.
//! Messages of the service are not passed on (some repeat what was sent); of a refusal only the
//! action that it names. Source: "Authentication, requests and responses" and the recordings of
//! the Azure SDKs.

use super::wire::{ErrorBody, ErrorDetail};
use crate::adapters::http::{Response, kind_of_status, status_of};
use crate::domain::port::{BackendError, ErrorKind, Status};

/// Context of an error that says that the name belongs to a soft-deleted secret.
pub(super) const DELETED: &str = "deleted";
/// Context of an error that passes when a deletion or recovery has settled.
pub(super) const SETTLING: &str = "settling";

/// A code, what it means and in which words.
struct Meaning {
    code: &'static str,
    kind: ErrorKind,
    message: &'static str,
}

const fn means(code: &'static str, kind: ErrorKind, message: &'static str) -> Meaning {
    Meaning { code, kind, message }
}

/// Codes whose answer is final. The inner ones come first.
const FINAL: &[Meaning] = &[
    means(
        "SecretDisabled",
        ErrorKind::Precondition,
        "this version is disabled, so its value cannot be read; enable it first",
    ),
    means(
        "ForbiddenByFirewall",
        ErrorKind::PermissionDenied,
        "the vault's firewall does not let this address in; add it to the vault's networking \
         rules or use a private endpoint",
    ),
    means(
        "ForbiddenByRbac",
        ErrorKind::PermissionDenied,
        "the identity has no role with the action that this needs (new role assignments take up \
         to some minutes)",
    ),
    means(
        "AccessDenied",
        ErrorKind::PermissionDenied,
        "the access policy of the vault does not give the identity the permission that this needs",
    ),
    means(
        "ForbiddenByPolicy",
        ErrorKind::PermissionDenied,
        "the access policy of the vault does not give the identity the permission that this needs",
    ),
    means(
        "ObjectIsDeletedButRecoverable",
        ErrorKind::AlreadyExists,
        "the name belongs to a deleted secret that can be recovered. Recover or purge it",
    ),
    means("SecretNotFound", ErrorKind::NotFound, "the vault holds no secret of this name"),
    means("BadParameter", ErrorKind::InvalidRequest, "the vault does not take the request"),
    means(
        "Conflict",
        ErrorKind::AlreadyExists,
        "the vault holds a secret of this name, active or deleted",
    ),
];

/// Codes of states that pass: what settles, and in which words.
const PASSING: &[(&str, &str, &str)] = &[
    ("ObjectIsBeingDeleted", "deletion", "the secret is still being deleted"),
    ("ObjectIsBeingRecovered", "recovery", "the secret is still being recovered"),
];

/// The error of an answer that is no success.
pub(super) fn failure(operation: &'static str, answer: &Response) -> BackendError {
    let body: Option<ErrorBody> = answer.try_json();
    let detail = body.and_then(|body| body.error);
    let codes = detail.as_ref().map(codes).unwrap_or_default();
    let message = detail.as_ref().and_then(|detail| detail.message.as_deref()).unwrap_or_default();
    let mut error = meaning(operation, answer.status, &codes, message);
    error = error.with("status", answer.status.to_string());
    if let Some(code) = codes.first() {
        error = error.with("code", code.clone());
    }
    if let Some(id) = request_id(answer) {
        error = error.with("request_id", id);
    }
    error
}

fn meaning(operation: &'static str, status: u16, codes: &[String], message: &str) -> BackendError {
    if message.contains("purge protection") {
        return BackendError::permanent(
            ErrorKind::Unsupported,
            operation,
            "purge protection is enabled on the vault: a deleted secret goes when its window ends, \
             not before",
        );
    }
    for code in codes {
        if let Some((_, what, text)) = PASSING.iter().find(|(known, ..)| known == code) {
            return BackendError::temporary(ErrorKind::Conflict, operation, *text)
                .with(SETTLING, *what);
        }
        if let Some(known) = FINAL.iter().find(|known| known.code == code) {
            let mut error = BackendError::permanent(known.kind, operation, known.message);
            if known.code == "ObjectIsDeletedButRecoverable" {
                error = error.with(DELETED, "recoverable");
            }
            if let Some(action) = named_after(message, "Action: '").filter(|_| status == 403) {
                error = error.with("action", action);
            }
            return error;
        }
    }
    plain(operation, status, message)
}

/// An answer without a code that is known.
fn plain(operation: &'static str, status: u16, message: &str) -> BackendError {
    let permanent = |kind, text: &str| BackendError::permanent(kind, operation, text);
    match status {
        401 => {
            let error = permanent(
                ErrorKind::Unauthenticated,
                "the vault did not accept the token; check that the identity belongs to the \
                 vault's tenant",
            );
            match message.split([':', ' ']).next().filter(|code| is_akv_code(code)) {
                Some(code) => error.with("reason", code),
                None => error,
            }
        }
        403 => permanent(ErrorKind::PermissionDenied, "the vault refused permission"),
        // Somebody between us and the vault answers 404, too; that proves nothing.
        404 => permanent(
            ErrorKind::Unexpected,
            "the answer is not the vault's; look at vault_url and proxy",
        ),
        429 => BackendError::temporary(
            ErrorKind::RateLimited,
            operation,
            "the vault gets too many requests (4,000 in 10 s, of which 300 create secrets)",
        ),
        status if status >= 500 => {
            // A gateway in between may say 503 although the vault has acted.
            BackendError::temporary(
                ErrorKind::Unavailable,
                operation,
                format!("the vault answered with status {status}"),
            )
            .outcome_unknown()
        }
        status => {
            let kind = kind_of_status(status);
            let error = status_of(operation, status, format!("the vault answered with {status}"));
            // The status is added by the caller.
            BackendError { kind, context: Vec::new(), ..error }
        }
    }
}

/// Codes from the innermost to the outermost.
fn codes(detail: &ErrorDetail) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = Some(detail);
    while let Some(detail) = next {
        found.extend(detail.code.clone().filter(|code| is_code(code)));
        next = detail.innererror.as_deref();
    }
    found.reverse();
    found
}

/// A code is a word; anything else is not repeated to the user.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_akv_code(text: &str) -> bool {
    text.strip_prefix("AKV").is_some_and(|digits| {
        (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The action that a refusal names, such as `Microsoft.KeyVault/vaults/secrets/setSecret/action`.
fn named_after(message: &str, lead: &str) -> Option<String> {
    let (_, rest) = message.split_once(lead)?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '.')?;
    let action = &rest[..end];
    action.starts_with("Microsoft.KeyVault/").then(|| action.to_owned())
}

/// The service's id of a request.
fn request_id(answer: &Response) -> Option<String> {
    let id = answer.header("x-ms-request-id")?;
    let plain = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    plain.then(|| id.to_owned())
}

/// True for an error that says that the name belongs to a soft-deleted secret.
pub(super) fn is_deleted(error: &BackendError) -> bool {
    error.kind == ErrorKind::AlreadyExists && error.context.iter().any(|(key, _)| *key == DELETED)
}

/// True for an answer that says the same on every repetition.
pub(super) fn is_kind(error: &BackendError, kind: ErrorKind) -> bool {
    error.kind == kind && error.status != Status::Temporary
}

/// A secret in a state that does not allow the operation.
pub(super) fn refused(
    kind: ErrorKind,
    operation: &'static str,
    message: impl Into<String>,
) -> BackendError {
    BackendError::permanent(kind, operation, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::http::HeaderMap;
    use crate::domain::material::Secret;
    use crate::domain::port::Outcome;

    fn answer(status: u16, body: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-request-id", "8f2a-11".parse().unwrap());
        Response { status, headers, body: Secret::from(body) }
    }

    fn coded(status: u16, code: &str, inner: Option<&str>, message: &str) -> BackendError {
        let mut error = serde_json::json!({ "code": code, "message": message });
        if let Some(inner) = inner {
            error["innererror"] = serde_json::json!({ "code": inner });
        }
        let body = serde_json::json!({ "error": error }).to_string();
        failure("put_version", &answer(status, &body))
    }

    #[test]
    fn innermost_code_decides() {
        let kinds = [
            (403, "Forbidden", Some("SecretDisabled"), ErrorKind::Precondition),
            (403, "Forbidden", Some("ForbiddenByRbac"), ErrorKind::PermissionDenied),
            (403, "Forbidden", None, ErrorKind::PermissionDenied),
            (404, "SecretNotFound", None, ErrorKind::NotFound),
            (409, "Conflict", Some("ObjectIsDeletedButRecoverable"), ErrorKind::AlreadyExists),
            (409, "Conflict", Some("ObjectIsBeingRecovered"), ErrorKind::Conflict),
            (409, "Conflict", None, ErrorKind::AlreadyExists),
            (400, "BadParameter", None, ErrorKind::InvalidRequest),
            (401, "Unauthorized", None, ErrorKind::Unauthenticated),
            (429, "Throttled", None, ErrorKind::RateLimited),
            (503, "Whatever", None, ErrorKind::Unavailable),
        ];
        for (status, code, inner, kind) in kinds {
            let error = coded(status, code, inner, "");
            assert_eq!(error.kind, kind, "{status} {code} {inner:?}");
            assert!(error.context.contains(&("request_id", "8f2a-11".to_owned())));
            assert!(error.context.contains(&("status", status.to_string())));
        }
        assert!(is_deleted(&coded(409, "Conflict", Some("ObjectIsDeletedButRecoverable"), "")));
        assert!(!is_deleted(&coded(409, "Conflict", None, "")));
    }

    #[test]
    fn what_passes_is_temporary_and_what_may_have_acted_is_unknown() {
        let settling = coded(409, "Conflict", Some("ObjectIsBeingDeleted"), "");
        assert_eq!((settling.status, settling.outcome), (Status::Temporary, Outcome::NotApplied));
        for status in [500, 502, 503, 504] {
            let error = failure("put_version", &answer(status, "<html>"));
            assert_eq!((error.status, error.outcome), (Status::Temporary, Outcome::Unknown));
        }
        let throttled = coded(429, "Throttled", None, "");
        assert_eq!((throttled.status, throttled.outcome), (Status::Temporary, Outcome::NotApplied));
    }

    #[test]
    fn refusal_names_the_action_and_nothing_else_of_the_message() {
        let message = "Caller is not authorized: canary-1. Action: \
            'Microsoft.KeyVault/vaults/secrets/setSecret/action' Resource: canary-2";
        let error = coded(403, "Forbidden", Some("ForbiddenByRbac"), message);
        let action = "Microsoft.KeyVault/vaults/secrets/setSecret/action".to_owned();
        assert!(error.context.contains(&("action", action)));
        assert!(!format!("{error:?}").contains("canary"));
        let error = coded(400, "BadParameter", None, "the value canary-3 is wrong");
        assert!(!format!("{error:?}").contains("canary"));
        let error = coded(400, "canary 4", None, "");
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn purge_protection_is_no_lack_of_permission() {
        let message = "Operation \"purge\" is not allowed because purge protection is enabled";
        let error = coded(403, "Forbidden", None, message);
        assert_eq!(error.kind, ErrorKind::Unsupported);
    }
}
