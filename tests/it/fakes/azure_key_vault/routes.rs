//! From a request to an answer: faults, token, version of the API, name, permission, state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::faults::{Moment, act};
use super::state::{Refusal, Vault};
use super::{Options, Seen, Shared, locked, sign_in};

/// Versions of the API that are taken.
const API_VERSIONS: &[&str] =
    &["2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"];
const MOST_ON_A_PAGE: usize = 25;

/// A request, taken apart.
struct Asked<'a> {
    method: &'a str,
    host: String,
    /// With scheme and port, as the caller wrote it.
    base: String,
    path: &'a str,
    query: BTreeMap<String, String>,
    token: Option<String>,
    body: &'a [u8],
}

/// Answers a request and notes it.
pub(super) async fn answer(shared: &Arc<Shared>, head: &Parts, body: &[u8]) -> Response {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let authority = head.uri.authority().map(|a| a.as_str().to_owned());
    let authority = authority.or_else(|| header("host").map(str::to_owned)).unwrap_or_default();
    let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let asked = Asked {
        method: head.method.as_str(),
        host: authority.split(':').next().unwrap_or_default().to_owned(),
        base: format!("https://{authority}"),
        path: head.uri.path(),
        query: query.into_owned().collect(),
        token: header("authorization").and_then(|v| v.strip_prefix("Bearer ")).map(str::to_owned),
        body,
    };
    let place = note(shared, &asked, header("user-agent").unwrap_or_default());
    let fault = shared.faults.take(asked.method, asked.path);
    let answer = match fault {
        Some(fault) if fault.moment == Moment::Before => {
            let passes = matches!(fault.action, super::Action::Delay(_));
            let answer = passes.then(|| serve(shared, &asked, header("x-identity-header")));
            act(fault.action, answer).await
        }
        Some(fault) => {
            let answer = serve(shared, &asked, header("x-identity-header"));
            act(fault.action, Some(answer)).await
        }
        None => serve(shared, &asked, header("x-identity-header")),
    };
    locked(&shared.journal).get_mut(place).into_iter().for_each(|seen| {
        seen.status = answer.status().as_u16();
    });
    answer
}

fn note(shared: &Shared, asked: &Asked<'_>, user_agent: &str) -> usize {
    let mut journal = locked(&shared.journal);
    journal.push(Seen {
        method: asked.method.to_owned(),
        host: asked.host.clone(),
        path: asked.path.to_owned(),
        body: asked.body.len(),
        authorized: asked.token.is_some(),
        status: 0,
        user_agent: user_agent.to_owned(),
    });
    journal.len() - 1
}

fn serve(shared: &Shared, asked: &Asked<'_>, identity_header: Option<&str>) -> Response {
    let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
    let now = shared.now();
    let options = locked(&shared.options).clone();
    match (asked.method, &parts[..]) {
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => {
            let (status, body) = locked(&shared.directory).sign_in(tenant, asked.body, now);
            reply(status, &body)
        }
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
            let authority = asked.base.trim_start_matches("https://");
            reply(StatusCode::OK, &sign_in::openid_configuration(authority, tenant))
        }
        ("GET", ["msi", "token"]) => {
            let resource = asked.query.get("resource").cloned().unwrap_or_default();
            let mut directory = locked(&shared.directory);
            let header = identity_header.unwrap_or_default();
            let (status, body) = directory.managed_token(header, &resource, now);
            reply(status, &body)
        }
        _ => vault(shared, asked, &parts, now, &options),
    }
}

fn vault(
    shared: &Shared,
    asked: &Asked<'_>,
    parts: &[&str],
    now: i64,
    options: &Options,
) -> Response {
    let token = asked.token.as_deref();
    let known = token.and_then(|token| locked(&shared.directory).permissions(token, now));
    let Some(permissions) = known else { return unauthorized(token.is_some(), options) };
    let mut vaults = locked(&shared.vaults);
    let vault = vaults.of(&asked.host);
    vault.called(&asked.base);
    vault.expire(now, options);
    match act_on(vault, asked, parts, &permissions, now, options) {
        Ok(Value::Null) => reply(StatusCode::NO_CONTENT, &Value::Null),
        Ok(body) => reply(StatusCode::OK, &body),
        Err(refusal) => refuse(&refusal),
    }
}

fn act_on(
    vault: &mut Vault,
    asked: &Asked<'_>,
    parts: &[&str],
    permissions: &BTreeSet<String>,
    now: i64,
    options: &Options,
) -> Result<Value, Refusal> {
    let bad = |message: &str| Refusal(400, "BadParameter", None, message.to_owned());
    let version = asked.query.get("api-version").map(String::as_str);
    if !version.is_some_and(|version| API_VERSIONS.contains(&version)) {
        return Err(bad("The api-version is missing or not supported."));
    }
    let may = |permission: &str, action: &str| {
        if permissions.contains(permission) {
            return Ok(());
        }
        let message = format!(
            "Caller is not authorized to perform action on resource.\r\nAction: \
             'Microsoft.KeyVault/vaults/secrets/{action}'\r\nAssignment: (not found)"
        );
        Err(Refusal(403, "Forbidden", Some("ForbiddenByRbac"), message))
    };
    let named = |name: &str| {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if (1..=127).contains(&name.len()) && plain { Ok(()) } else { Err(bad("Invalid name.")) }
    };
    let body = || -> Result<super::state::Body, Refusal> {
        serde_json::from_slice(asked.body).map_err(|_| bad("The body cannot be read."))
    };
    if let [_, name, ..] = parts
        && *name != "restore"
    {
        named(name)?;
    }
    match (asked.method, parts) {
        ("GET", ["secrets"]) => {
            may("list", "readMetadata/action")?;
            page(asked, vault.list(options), options)
        }
        ("GET", ["deletedsecrets"]) => {
            may("list", "readMetadata/action")?;
            page(asked, vault.list_deleted(options), options)
        }
        ("GET", ["secrets", name, "versions"]) => {
            may("list", "readMetadata/action")?;
            page(asked, vault.list_versions(name, options)?, options)
        }
        ("GET", ["secrets", name, rest @ ..]) => {
            may("get", "getSecret/action")?;
            vault.get(name, one(rest), options)
        }
        ("PUT", ["secrets", name]) => {
            may("set", "setSecret/action")?;
            vault.set(name, body()?, now, options)
        }
        ("PATCH", ["secrets", name, rest @ ..]) => {
            may("update", "update/action")?;
            vault.update(name, one(rest), body()?, now, options)
        }
        ("DELETE", ["secrets", name]) => {
            may("delete", "delete")?;
            vault.delete(name, now, options)
        }
        ("GET", ["deletedsecrets", name]) => {
            let needed = if options.deleted_need_get { "get" } else { "list" };
            may(needed, "getSecret/action")?;
            vault.get_deleted(name, options)
        }
        ("DELETE", ["deletedsecrets", name]) => {
            may("purge", "purge/action")?;
            vault.purge(name, options)
        }
        ("POST", ["deletedsecrets", name, "recover"]) => {
            may("recover", "recover/action")?;
            vault.recover(name, options)
        }
        ("POST", ["secrets", name, "backup"]) => {
            may("backup", "backup/action")?;
            vault.backup(name)
        }
        ("POST", ["secrets", "restore"]) => {
            may("restore", "restore/action")?;
            let body: Value =
                serde_json::from_slice(asked.body).map_err(|_| bad("The body cannot be read."))?;
            let blob = body["value"].as_str().ok_or_else(|| bad("No backup."))?;
            vault.restore(blob, options)
        }
        _ => Err(Refusal(404, "NotFound", None, "There is nothing here.".to_owned())),
    }
}

/// The version that a path names; a trailing slash names none.
fn one<'p>(rest: &[&'p str]) -> Option<&'p str> {
    rest.first().copied().filter(|id| !id.is_empty())
}

/// A page of items that are sorted by what the marker names.
fn page(
    asked: &Asked<'_>,
    mut items: Vec<(String, Value)>,
    options: &Options,
) -> Result<Value, Refusal> {
    let bad = || Refusal(400, "BadParameter", None, "maxresults is 1 to 25.".to_owned());
    let most = match asked.query.get("maxresults") {
        None => MOST_ON_A_PAGE,
        Some(text) => text.parse().map_err(|_| bad())?,
    };
    if !(1..=MOST_ON_A_PAGE).contains(&most) {
        return Err(bad());
    }
    items.sort_by(|a, b| a.0.cmp(&b.0));
    let token = asked.query.get("$skiptoken");
    let marker: Option<Value> =
        token.and_then(|token| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok());
    let after = marker.as_ref().and_then(|m| m["NextMarker"].as_str()).unwrap_or_default();
    let pause = marker.as_ref().is_some_and(|m| m["Pause"] == true);
    items.retain(|(key, _)| after.is_empty() || key.as_str() > after);
    let take = if pause { 0 } else { most };
    let more = items.len() > take;
    let last = items.get(take.wrapping_sub(1)).map(|(key, _)| key.clone());
    items.truncate(take);
    let next = match (pause, more, last) {
        (true, ..) if !items.is_empty() || more => Some((after.to_owned(), false)),
        (false, true, Some(last)) => Some((last, options.empty_pages)),
        _ => None,
    };
    let next = next.map(|(marker, pause)| {
        let token = json!({ "NextMarker": marker, "Pause": pause }).to_string();
        let host = asked.base.trim_start_matches("https://");
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:443") };
        // As the service does: an explicit port, and not the version that was asked for.
        format!(
            "https://{host}{}?api-version=7.2&$skiptoken={}&maxresults={most}",
            asked.path,
            URL_SAFE_NO_PAD.encode(token)
        )
    });
    let values: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
    Ok(json!({ "value": values, "nextLink": next }))
}

fn unauthorized(had_token: bool, options: &Options) -> Response {
    let message = if had_token {
        "AKV10032: Invalid issuer or token."
    } else {
        "AKV10000: Request is missing a Bearer or PoP token."
    };
    let mut answer = refuse(&Refusal(401, "Unauthorized", None, message.to_owned()));
    if let Some(header) = options.challenge.header() {
        let header = HeaderValue::try_from(header).expect("a header");
        answer.headers_mut().insert("www-authenticate", header);
    }
    answer
}

fn refuse(refusal: &Refusal) -> Response {
    let Refusal(status, code, inner, message) = refusal;
    let mut error = json!({ "code": code, "message": message });
    if let Some(inner) = inner {
        error["innererror"] = json!({ "code": inner });
    }
    let status = StatusCode::from_u16(*status).expect("a status");
    reply(status, &json!({ "error": error }))
}

fn reply(status: StatusCode, body: &Value) -> Response {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let id = uuid::Uuid::new_v4().to_string();
    headers.insert("x-ms-request-id", HeaderValue::try_from(id).expect("a header"));
    for (name, value) in [
        ("cache-control", "no-cache"),
        ("x-ms-keyvault-service-version", "1.9.2"),
        ("content-type", "application/json; charset=utf-8"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
