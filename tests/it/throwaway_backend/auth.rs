//! Sign-in: a token that never changes.

use async_trait::async_trait;
use coffer::adapters::http::{Api, HeaderValue, Outgoing, Response};
use coffer::domain::material::Secret;
use coffer::domain::port::{BackendError, ErrorKind};

use super::error::failure;

/// How the service is spoken to.
#[derive(Debug)]
pub(super) struct Token(pub(super) Secret);

#[async_trait]
impl Api for Token {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<(), BackendError> {
        let bearer = [b"Bearer ", self.0.expose()].concat();
        let mut value = HeaderValue::from_bytes(&bearer).map_err(|_| {
            let message = "the token has characters that no token has";
            BackendError::permanent(ErrorKind::Unauthenticated, request.operation, message)
        })?;
        value.set_sensitive(true);
        request.headers.insert("authorization", value);
        Ok(())
    }

    async fn renew(&self, _answer: &Response) -> bool {
        false
    }

    fn failure(&self, operation: &'static str, answer: &Response) -> BackendError {
        failure(operation, answer)
    }
}
