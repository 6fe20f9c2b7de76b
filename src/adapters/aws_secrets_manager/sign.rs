//! Signature Version 4 of one request.
//!
//! Over the vendor's `aws-sigv4`; time and keys come in. Source: "AWS Signature Version 4 for API
//! requests" in the IAM user guide.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::HeaderValue;

use crate::adapters::http::{HeaderName, Outgoing};
use crate::domain::port::{BackendError, ErrorKind};

/// Name of the service in signatures.
const SERVICE: &str = "secretsmanager";

/// Adds the signature and the headers it needs.
///
/// # Errors
/// `Unexpected` for a request that has no signature: a header that is not text.
pub(super) fn add_signature(
    request: &mut Outgoing<'_>,
    credentials: &Credentials,
    region: &str,
    now: SystemTime,
) -> Result<(), BackendError> {
    let operation = request.operation;
    let failed = |_| {
        let message = "the request could not be signed";
        BackendError::permanent(ErrorKind::Unexpected, operation, message)
    };
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| failed(()))?
        .into();
    let headers = request
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new(
        request.method.as_str(),
        request.url.as_str(),
        headers,
        SignableBody::Bytes(request.body),
    )
    .map_err(|_| failed(()))?;
    let (instructions, _) = sign(signable, &parameters).map_err(|_| failed(()))?.into_parts();
    let (signed, _) = instructions.into_parts();
    for header in signed {
        let name = HeaderName::from_static(header.name());
        let mut value = HeaderValue::from_str(header.value()).map_err(|_| failed(()))?;
        value.set_sensitive(true);
        request.headers.insert(name, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use url::Url;

    use super::*;
    use crate::adapters::http::{HeaderMap, Method};

    /// The signing key of the vendor's examples: 2015-08-30T12:36:00Z, `AKIDEXAMPLE`, us-east-1.
    fn signed(token: Option<&str>, body: &[u8]) -> HeaderMap {
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            token.map(str::to_owned),
            None,
            "test",
        );
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-target", HeaderValue::from_static("secretsmanager.DescribeSecret"));
        let url = Url::parse("https://secretsmanager.us-east-1.amazonaws.com/").unwrap();
        let mut request = Outgoing {
            operation: "read",
            method: &Method::POST,
            url: &url,
            headers: &mut headers,
            body,
        };
        let now = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        add_signature(&mut request, &credentials, "us-east-1", now).unwrap();
        headers
    }

    #[test]
    fn known_request_gets_its_known_signature() {
        let headers = signed(None, br#"{"SecretId":"app/db"}"#);
        assert_eq!(headers["x-amz-date"], "20150830T123600Z");
        // Computed with botocore 1.44.5 (botocore.auth.SigV4Auth) for the same request.
        assert_eq!(
            headers["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/secretsmanager/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=474bbf2cae7c5a2514151ec4732062bbd8d821e7f172b4ba2284258989d4c79e"
        );
        assert!(headers["authorization"].is_sensitive());
    }

    #[test]
    fn session_token_is_signed_and_hidden() {
        let headers = signed(Some("canary-token"), b"{}");
        assert_eq!(headers["x-amz-security-token"], "canary-token");
        assert!(!format!("{headers:?}").contains("canary-token"));
        let authorization = headers["authorization"].to_str().unwrap();
        assert!(authorization.contains("x-amz-security-token"), "{authorization}");
    }
}
