//! Session tokens: when they end and what they claim.
//!
//! Responsible for reading a token's claims; their signature is the services' business.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use time::OffsetDateTime;

#[derive(Debug, Deserialize)]
struct Claims {
    exp: Option<i64>,
    iat: Option<i64>,
}

/// How long a token can still be used; `None` when it does not say. One that has ended has no
/// time left.
pub(super) fn lifetime(token: &str, now: OffsetDateTime) -> Option<Duration> {
    let ends = claims(token)?.exp?;
    Some((OffsetDateTime::from_unix_timestamp(ends).ok()? - now).try_into().unwrap_or_default())
}

/// The same up to half of the token's life, after which some services want a new one.
pub(super) fn half_lifetime(token: &str, now: OffsetDateTime) -> Option<Duration> {
    let claims = claims(token)?;
    let whole = u64::try_from(claims.exp? - claims.iat?).ok()?;
    let left = lifetime(token, now)?;
    Some(left.saturating_sub(Duration::from_secs(whole / 2)))
}

fn claims(token: &str) -> Option<Claims> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn token(claims: &str) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn lifetime_is_what_is_left() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let at = now.unix_timestamp();
        let token = token(&format!("{{\"iat\":{},\"exp\":{}}}", at - 600, at + 3000));
        assert_eq!(lifetime(&token, now), Some(Duration::from_secs(3000)));
        assert_eq!(half_lifetime(&token, now), Some(Duration::from_secs(1200)));
        let later = now + Duration::from_secs(4000);
        assert_eq!(lifetime(&token, later), Some(Duration::ZERO));
    }

    #[test]
    fn token_without_claims_does_not_end() {
        let now = datetime!(2026-01-01 00:00 UTC);
        assert_eq!(lifetime("opaque", now), None);
        assert_eq!(lifetime(&token("{}"), now), None);
    }
}
