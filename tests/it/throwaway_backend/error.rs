//! What the service's refusals mean.

use coffer::adapters::http::{Response, status_of};
use coffer::domain::port::{BackendError, ErrorKind};
use serde::Deserialize;

#[derive(Deserialize)]
struct Problem {
    code: String,
}

/// The error of an answer: the service's own code first, else the status.
pub(super) fn failure(operation: &'static str, answer: &Response) -> BackendError {
    let error = match answer.try_json::<Problem>() {
        Some(problem) if problem.code == "no_such_secret" => {
            let message = "the vault holds no secret of this name";
            BackendError::permanent(ErrorKind::NotFound, operation, message)
        }
        // Somebody between us and the service answers 404, too; that proves nothing.
        _ if answer.status == 404 => {
            let message = "the service does not know the address; look at endpoint";
            BackendError::permanent(ErrorKind::Unexpected, operation, message)
        }
        Some(problem) => status_of(operation, answer.status, problem.code),
        None => status_of(operation, answer.status, format!("the status {}", answer.status)),
    };
    match answer.header("x-request-id") {
        Some(id) => error.with("request_id", id),
        None => error,
    }
}
