//! What answers that are no success mean.
//!
//! By the service's own code (`__type`, `x-amzn-errortype`, or `Code` of an XML body); the status
//! says next to nothing, since the service answers 400 to almost everything, and a 404 from in
//! between never proves that a secret is gone. The service's words are passed on only for codes
//! whose words repeat no parameter. Source: API reference, "Common Errors" and the errors of each
//! operation.

use serde::Deserialize;
use time::OffsetDateTime;

use crate::adapters::http::{Response, status_of};
use crate::domain::port::{BackendError, ErrorKind};

/// A row: codes, kind, whether it passes, what coffer says.
struct Row {
    codes: &'static [&'static str],
    kind: ErrorKind,
    passes: bool,
    says: &'static str,
    /// The service's own words are added.
    quotes: bool,
}

const TABLE: &[Row] = &[
    Row {
        codes: &["ResourceNotFoundException"],
        kind: ErrorKind::NotFound,
        passes: false,
        says: "there is no such secret or version",
        quotes: false,
    },
    Row {
        codes: &["ResourceExistsException"],
        kind: ErrorKind::AlreadyExists,
        passes: false,
        says: "the name is taken",
        quotes: false,
    },
    Row {
        codes: &["InvalidRequestException"],
        kind: ErrorKind::Precondition,
        passes: false,
        says: "the secret is not in a state for this",
        quotes: true,
    },
    Row {
        codes: &["InvalidParameterException", "ValidationException", "SerializationException"],
        kind: ErrorKind::InvalidRequest,
        passes: false,
        says: "the service does not accept a value of the request",
        quotes: false,
    },
    Row {
        codes: &["InvalidNextTokenException"],
        kind: ErrorKind::Conflict,
        passes: false,
        says: "the listing changed while it was read",
        quotes: false,
    },
    Row {
        codes: &["LimitExceededException"],
        kind: ErrorKind::Precondition,
        passes: false,
        says: "a quota of the account or the secret is used up (versions, or 20 staging labels); \
               trying again does not help",
        quotes: true,
    },
    Row {
        codes: &["EncryptionFailure", "EncryptionFailureException"],
        kind: ErrorKind::Precondition,
        passes: false,
        says: "the KMS key cannot encrypt: check that it exists, is enabled and may be used",
        quotes: true,
    },
    Row {
        codes: &["DecryptionFailure", "DecryptionFailureException"],
        kind: ErrorKind::Precondition,
        passes: false,
        says: "the KMS key cannot decrypt: check that it exists, is enabled and may be used",
        quotes: true,
    },
    Row {
        codes: &["PreconditionNotMetException", "MalformedPolicyDocumentException"],
        kind: ErrorKind::Precondition,
        passes: false,
        says: "the secret is not in a state for this",
        quotes: true,
    },
    Row {
        codes: &["AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "OptInRequired"],
        kind: ErrorKind::PermissionDenied,
        passes: false,
        says: "the identity may not do this",
        quotes: true,
    },
    Row {
        codes: EXPIRED,
        kind: ErrorKind::Unauthenticated,
        passes: false,
        says: "the credentials have expired",
        quotes: false,
    },
    Row {
        codes: SKEWED,
        kind: ErrorKind::Unauthenticated,
        passes: false,
        says: "the signature was not accepted: check the secret access key and the clock of this \
               machine",
        quotes: false,
    },
    Row {
        codes: &[
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidAccessKeyId",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "NotAuthorized",
        ],
        kind: ErrorKind::Unauthenticated,
        passes: false,
        says: "the credentials were not accepted: check the access key",
        quotes: false,
    },
    Row {
        codes: &[
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
        ],
        kind: ErrorKind::RateLimited,
        passes: true,
        says: "the service is called too often",
        quotes: false,
    },
    Row {
        codes: &[
            "InternalServiceError",
            "InternalServiceErrorException",
            "InternalServerError",
            "InternalFailure",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ],
        kind: ErrorKind::Unavailable,
        passes: true,
        says: "the service has a problem of its own",
        quotes: false,
    },
];

/// Codes of credentials that were good once.
const EXPIRED: &[&str] =
    &["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];
/// Codes of signatures, which carry the time.
const SKEWED: &[&str] =
    &["InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "AuthFailure"];

/// Longest text of the service that is passed on.
const LONGEST: usize = 400;

/// The error of an answer.
pub(super) fn understand(operation: &'static str, answer: &Response) -> BackendError {
    let code = code(answer);
    let row = code.as_deref().and_then(|code| TABLE.iter().find(|row| row.codes.contains(&code)));
    let error = match row {
        Some(row) => {
            let says = match words(answer).filter(|_| row.quotes) {
                Some(words) => format!("{}. AWS: {words}", row.says),
                None => row.says.to_owned(),
            };
            let made = if row.passes { BackendError::temporary } else { BackendError::permanent };
            let error = made(row.kind, operation, says).with("status", answer.status.to_string());
            if row.kind == ErrorKind::Unavailable { error.outcome_unknown() } else { error }
        }
        None => unknown(operation, answer),
    };
    let wrong = answer.wrong_clock(OffsetDateTime::now_utc()).filter(|_| may_be_skewed(answer));
    let error = match wrong {
        Some(wrong) => {
            BackendError { message: format!("the signature was not accepted: {wrong}"), ..error }
        }
        None => error,
    };
    let error = match code {
        Some(code) => error.with("code", code),
        None => error,
    };
    match request_id(answer) {
        Some(id) => error.with("request_id", id),
        None => error,
    }
}

/// Without a code of the service the answer may come from a proxy. Then 401 and 403 still count,
/// but "not found" and "conflict" say nothing about a secret.
fn unknown(operation: &'static str, answer: &Response) -> BackendError {
    let says = format!("the answer {} is none of the service's", answer.status);
    let error = status_of(operation, answer.status, says);
    match error.kind {
        ErrorKind::PermissionDenied
        | ErrorKind::Unauthenticated
        | ErrorKind::RateLimited
        | ErrorKind::Unavailable
        | ErrorKind::InvalidRequest => error,
        _ => BackendError { kind: ErrorKind::Unexpected, ..error },
    }
}

/// True when new credentials may do better.
pub(super) fn is_expired(answer: &Response) -> bool {
    answer.status == 401 || code(answer).is_some_and(|code| EXPIRED.contains(&code.as_str()))
}

/// True when the time in the signature may be what is wrong.
pub(super) fn may_be_skewed(answer: &Response) -> bool {
    code(answer).is_some_and(|code| SKEWED.contains(&code.as_str()))
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "__type")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// The service's code, without name space and link.
fn code(answer: &Response) -> Option<String> {
    let raw = match answer.header("x-amzn-errortype") {
        Some(header) => header.to_owned(),
        None => match answer.try_json::<Body>() {
            Some(body) => body.code?,
            None => element(answer, "Code")?,
        },
    };
    let code = raw.split(':').next().unwrap_or(&raw);
    let code = code.rsplit('#').next().unwrap_or(code).trim();
    let plain =
        !code.is_empty() && code.len() <= 80 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| code.to_owned())
}

/// The service's words, on one line.
fn words(answer: &Response) -> Option<String> {
    let text = match answer.try_json::<Body>() {
        Some(body) => body.message?,
        None => element(answer, "Message")?,
    };
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then(|| line.chars().take(LONGEST).collect())
}

/// Text of an element of an XML body.
fn element(answer: &Response, name: &str) -> Option<String> {
    let body = answer.body.expose_text().ok()?;
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once('<')?;
    Some(text.to_owned())
}

fn request_id(answer: &Response) -> Option<String> {
    ["x-amzn-requestid", "x-amz-request-id"]
        .into_iter()
        .find_map(|name| answer.header(name))
        .map(|id| id.chars().take(100).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::http::{HeaderMap, HeaderValue};
    use crate::domain::material::Secret;
    use crate::domain::port::{Outcome, Status};

    fn answer(status: u16, body: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert("x-amzn-requestid", HeaderValue::from_static("11-22"));
        Response { status, headers, body: Secret::from(body) }
    }

    #[test]
    fn code_decides_and_not_the_status() {
        for (body, kind) in [
            (r#"{"__type":"ResourceNotFoundException","message":"x"}"#, ErrorKind::NotFound),
            (r#"{"__type":"com.amazonaws#ResourceExistsException"}"#, ErrorKind::AlreadyExists),
            ("<E><Code>SignatureDoesNotMatch</Code></E>", ErrorKind::Unauthenticated),
            (r#"{"__type":"AccessDeniedException"}"#, ErrorKind::PermissionDenied),
            (r#"{"__type":"ThrottlingException"}"#, ErrorKind::RateLimited),
        ] {
            for status in [400, 404, 500] {
                assert_eq!(understand("read", &answer(status, body)).kind, kind, "{body}");
            }
        }
    }

    #[test]
    fn header_names_the_code_too() {
        let mut answer = answer(400, "");
        let value = "ResourceNotFoundException:http://internal.amazon.com/";
        answer.headers.insert("x-amzn-errortype", HeaderValue::from_static(value));
        assert_eq!(understand("read", &answer).kind, ErrorKind::NotFound);
    }

    #[test]
    fn not_found_of_somebody_in_between_proves_nothing() {
        for body in ["<html>404</html>", "", "{}"] {
            assert_eq!(understand("read", &answer(404, body)).kind, ErrorKind::Unexpected);
            assert_eq!(understand("read", &answer(403, body)).kind, ErrorKind::PermissionDenied);
            let error = understand("read", &answer(503, body));
            assert_eq!((error.kind, error.status), (ErrorKind::Unavailable, Status::Temporary));
        }
    }

    #[test]
    fn hard_quota_is_not_tried_again() {
        let body = r#"{"__type":"LimitExceededException","Message":"too many labels"}"#;
        let error = understand("put_version", &answer(400, body));
        assert_eq!(error.status, Status::Permanent);
        assert!(error.message.contains("too many labels"));
    }

    #[test]
    fn own_problem_of_the_service_leaves_the_outcome_open() {
        let error = understand("create", &answer(500, r#"{"__type":"InternalServiceError"}"#));
        assert_eq!((error.status, error.outcome), (Status::Temporary, Outcome::Unknown));
        assert!(error.context.contains(&("request_id", "11-22".to_owned())));
        assert!(error.context.contains(&("code", "InternalServiceError".to_owned())));
    }

    #[test]
    fn words_that_may_repeat_a_value_are_not_passed_on() {
        let body =
            r#"{"__type":"ValidationException","message":"Value 'canary' at 'secretString'"}"#;
        let error = understand("create", &answer(400, body));
        assert!(!format!("{error} {error:?}").contains("canary"));
        let body = r#"{"__type":"canary value","message":"canary"}"#;
        let error = understand("create", &answer(400, body));
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}
