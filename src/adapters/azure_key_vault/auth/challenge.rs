//! The challenge: what a vault says about the token it wants.
//!
//! A request without a token is answered with 401 and `WWW-Authenticate: Bearer
//! authorization="https://login…/{tenant}", resource="https://vault.azure.net"` (newer deployments:
//! `authorization_uri`, `scope`). Responsible for reading it and for believing it only when it is
//! about the domain that the vault is in: otherwise any server could ask for a token to another
//! one. Pure.

use url::Url;

use crate::adapters::azure_key_vault::config::is_tenant;

/// What a vault asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// What the token is for: `https://vault.azure.net/.default`.
    pub(super) scope: String,
    /// The tenant that must issue it, where it is told.
    pub(super) tenant: Option<String>,
}

impl Challenge {
    /// Reads a header.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, parameters) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut scope = None;
        let mut resource = None;
        let mut authority = None;
        for (name, value) in parameters_of(parameters) {
            match name.as_str() {
                "scope" => scope = Some(value),
                "resource" => resource = Some(value),
                "authorization" | "authorization_uri" => authority = Some(value),
                _ => {}
            }
        }
        let scope = match (scope, resource) {
            (Some(scope), _) => scope.split(' ').next().unwrap_or_default().to_owned(),
            (None, Some(resource)) => format!("{}/.default", resource.trim_end_matches('/')),
            (None, None) => return None,
        };
        Some(Self { scope, tenant: authority.as_deref().and_then(tenant_of) })
    }

    /// Whether a token of this scope may go to the vault: the vault's host is below the scope's.
    pub(super) fn is_for(&self, vault: &Url) -> bool {
        let Some(scope) = host_of(&self.scope) else { return false };
        let Some(vault) = vault.host_str() else { return false };
        let (scope, vault) = (scope.to_ascii_lowercase(), vault.to_ascii_lowercase());
        vault.strip_suffix(&scope).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }
}

/// The host of a scope; backslashes, which some parsers take for slashes, make it none.
fn host_of(scope: &str) -> Option<String> {
    if scope.contains('\\') {
        return None;
    }
    let url = Url::parse(scope).ok()?;
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    url.host_str().filter(|_| plain).map(str::to_owned)
}

/// The first segment of the path.
fn tenant_of(authority: &str) -> Option<String> {
    if authority.contains('\\') {
        return None;
    }
    let url = Url::parse(authority).ok()?;
    let tenant = url.path_segments()?.next()?.to_owned();
    is_tenant(&tenant).then_some(tenant)
}

/// `name="value"` pairs; quotes may be missing.
fn parameters_of(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace());
        found.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        rest = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(header: &str) -> Challenge {
        Challenge::parse(header).unwrap_or_else(|| panic!("{header} is no challenge"))
    }

    #[test]
    fn every_form_is_read() {
        let expected = Challenge {
            scope: "https://vault.azure.net/.default".to_owned(),
            tenant: Some("72f9".to_owned()),
        };
        for header in [
            r#"Bearer authorization="https://login.windows.net/72f9", resource="https://vault.azure.net""#,
            r#"bearer authorization_uri="https://login.windows.net/72f9/", scope="https://vault.azure.net/.default""#,
            "Bearer authorization=https://login.windows.net/72f9, resource=https://vault.azure.net",
            r#"Bearer resource="https://vault.azure.net/",authorization="https://login.windows.net/72f9",error="x""#,
        ] {
            assert_eq!(challenge(header), expected, "{header}");
        }
    }

    #[test]
    fn what_is_none_is_not_read() {
        for header in ["", "Basic realm=x", "PoP resource=https://vault.azure.net", "Bearer x=y"] {
            assert_eq!(Challenge::parse(header), None, "{header}");
        }
        let strange = r#"Bearer authorization="https://login/a%2fb", resource="https://r""#;
        assert_eq!(challenge(strange).tenant, None);
    }

    #[test]
    fn token_goes_only_to_hosts_below_its_resource() {
        let vault = Url::parse("https://kv1.vault.azure.net:8443").unwrap();
        let about = |resource: &str| {
            challenge(&format!("Bearer authorization=\"https://l/t\", resource=\"{resource}\""))
        };
        for good in ["https://vault.azure.net", "https://VAULT.azure.net:443", "https://azure.net"]
        {
            assert!(about(good).is_for(&vault), "{good}");
        }
        for bad in [
            "https://kv1.vault.azure.net",
            "https://evil.example",
            "https://t.azure.net",
            "https://ault.azure.net",
            "http://vault.azure.net",
            "https://vault.azure.net@evil.example",
            "https://evil.example\\.vault.azure.net",
            "vault.azure.net",
            "",
        ] {
            assert!(!about(bad).is_for(&vault), "{bad}");
        }
    }
}
