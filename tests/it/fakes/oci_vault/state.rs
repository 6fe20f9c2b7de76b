//! What the fake knows, its clock, and which operation a request means.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::answer::{Answer, Outcome, Refusal};
use super::faults::{Effect, Fault, effect};
use super::identity::Instance;
use super::model::Secret;
use super::signature::Trust;
use super::{COMPARTMENT, KEY, OTHER_COMPARTMENT, Received, VAULT};

/// How the service behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time that a write takes.
    pub delay: Duration,
    /// Most items on a page.
    pub page: usize,
    /// A destroyed secret keeps its name.
    pub reserve_names: bool,
    /// `lifecycleState` filters take CamelCase names only, as has been seen.
    pub strict_states: bool,
    /// A change under way never ends.
    pub stuck: bool,
    /// The next change fails with these details.
    pub fail_next: Option<String>,
    /// Refusals of content repeat it.
    pub echo_content: bool,
    /// What every answer takes longer.
    pub latency: std::time::Duration,
    /// The vault's state; `None` when there is none.
    pub vault_state: Option<&'static str>,
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    /// How the service behaves.
    pub settings: Settings,
    /// How far its clock is ahead.
    pub ahead: Duration,
    /// How far ahead it is when signatures are looked at, and in the dates of answers.
    pub skew: Duration,
    /// Faults to come.
    pub faults: Vec<(&'static str, Fault)>,
    /// Operations that were called.
    pub calls: Vec<&'static str>,
    /// Why signatures were not accepted.
    pub rejected: Vec<String>,
    /// What reads see instead of the truth, for as long as it is set.
    pub stale: Option<Vec<Secret>>,
    pub(super) secrets: Vec<Secret>,
    pub(super) tokens: HashMap<String, (Vec<u8>, String)>,
    pub(super) made: u64,
    pub(super) instance: Option<Instance>,
    trust: Trust,
}

/// A request, taken apart.
#[derive(Debug)]
pub struct Call<'r> {
    pub received: &'r Received,
    pub query: Vec<(String, String)>,
    pub body: Value,
}

impl Call<'_> {
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A text of the body.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }

    pub fn need(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::new(400, "MissingParameter", format!("{name} is missing"));
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(missing)
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            settings: Settings {
                latency: std::time::Duration::ZERO,
                delay: Duration::ZERO,
                page: 50,
                reserve_names: true,
                strict_states: true,
                stuck: false,
                fail_next: None,
                echo_content: false,
                vault_state: Some("ACTIVE"),
            },
            ahead: Duration::ZERO,
            skew: Duration::ZERO,
            faults: Vec::new(),
            calls: Vec::new(),
            rejected: Vec::new(),
            stale: None,
            secrets: Vec::new(),
            tokens: HashMap::new(),
            made: 0,
            instance: None,
            trust: Trust::default(),
        }
    }

    /// Accepts signatures of a key.
    pub fn trust(&mut self, key_id: &str, pem: &str) {
        self.trust.add(key_id, pem);
    }

    /// Accepts signatures of a key of which the public half is known.
    pub fn trust_public(&mut self, key_id: &str, der: Vec<u8>) {
        self.trust.add_public(key_id, der);
    }

    pub(super) fn verify_without_host(&self, received: &Received) -> Result<(), String> {
        self.trust.verify(received, OffsetDateTime::now_utc(), false)
    }

    /// Accepts them no more.
    pub fn distrust(&mut self, key_id: &str) {
        self.trust.remove(key_id);
    }

    /// The secret of a name that is not destroyed.
    pub fn secret(&mut self, name: &str) -> Option<&mut Secret> {
        self.secrets.iter_mut().find(|secret| secret.name == name && secret.state != "DELETED")
    }

    /// No secret was ever there.
    pub fn forget_everything(&mut self) {
        self.secrets.clear();
    }

    /// Reads see the present state of everything until `stale` is cleared.
    pub fn freeze_reads(&mut self) {
        self.stale = Some(self.secrets.clone());
    }

    /// What the service believes to be the time when it looks at signatures.
    pub(super) fn clock(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.skew
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.ahead
    }

    pub(super) fn handle(&mut self, received: &Received) -> Answer {
        if let Some(answer) = self.identify(received) {
            return answer;
        }
        if let Err(reason) = self.trust.verify(received, self.clock(), true) {
            self.rejected.push(reason);
            let message = "The required information to complete authentication was not provided.";
            return Refusal::new(401, "NotAuthenticated", message).answer();
        }
        self.settle();
        let (path, query) = received.target.split_once('?').unwrap_or((&received.target, ""));
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let segments: Vec<String> = path
            .split('/')
            .skip(1)
            .map(|part| {
                let pair = format!("p={part}").replace('+', "%2B");
                let mut decoded = url::form_urlencoded::parse(pair.as_bytes());
                decoded.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
            })
            .collect();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let body = if received.body.is_empty() {
            json!({})
        } else {
            match serde_json::from_slice(&received.body) {
                Ok(body) => body,
                Err(_) => return Refusal::new(400, "CannotParseRequest", "no JSON").answer(),
            }
        };
        let call = Call { received, query, body };
        let Some(operation) = operation(received.method.as_str(), &parts) else {
            return Refusal::new(404, "NotFound", "there is no such path").answer();
        };
        self.calls.push(operation);
        match effect(&mut self.faults, operation) {
            Some(Effect::Instead(answer)) => answer,
            Some(Effect::Afterwards(answer)) => {
                let done = self.perform(operation, &parts, &call);
                if done.is_ok() { answer } else { finish(done) }
            }
            None => finish(self.perform(operation, &parts, &call)),
        }
    }

    fn perform(&mut self, operation: &str, parts: &[&str], call: &Call<'_>) -> Outcome {
        let id = parts.get(2).copied().unwrap_or_default();
        let number = parts.get(4).and_then(|text| text.parse::<u64>().ok());
        let version = || number.ok_or_else(Refusal::hidden);
        match operation {
            "ListSecrets" => self.list_secrets(call),
            "CreateSecret" => self.create_secret(call),
            "GetSecret" => self.get_secret(id),
            "UpdateSecret" => self.update_secret(id, call),
            "ListSecretVersions" => self.list_versions(id, call),
            "GetSecretVersion" => self.get_version(id, version()?),
            "ScheduleSecretDeletion" => self.schedule_deletion(id, call),
            "CancelSecretDeletion" => self.cancel_deletion(id, call),
            "ScheduleSecretVersionDeletion" => self.schedule_version_deletion(id, version()?, call),
            "CancelSecretVersionDeletion" => self.cancel_version_deletion(id, version()?, call),
            "ChangeSecretCompartment" => self.change_compartment(id, call),
            "RotateSecret" => self.rotate(id, call),
            "CancelSecretRotation" => self.cancel_rotation(id, call),
            "GetSecretBundle" => self.bundle(id, call),
            "GetSecretBundleByName" => self.bundle_by_name(call),
            "ListSecretBundleVersions" => self.list_bundle_versions(id, call),
            "GetVault" => self.get_vault(id),
            _ => Err(Refusal::new(404, "NotFound", "there is no such operation")),
        }
    }

    fn get_vault(&self, id: &str) -> Outcome {
        let state = self.settings.vault_state.filter(|_| id == VAULT);
        let state = state.ok_or_else(Refusal::hidden)?;
        Ok(Answer::of(json!({
            "id": id,
            "compartmentId": COMPARTMENT,
            "displayName": "fake",
            "lifecycleState": state,
            "vaultType": "DEFAULT",
            "cryptoEndpoint": "http://127.0.0.1",
            "managementEndpoint": "http://127.0.0.1",
            "timeCreated": "2020-01-01T00:00:00.000Z",
            "wrappingkeyId": KEY,
        })))
    }

    pub(super) fn knows_compartment(id: &str) -> bool {
        id == COMPARTMENT || id == OTHER_COMPARTMENT
    }

    /// 64 hexadecimal digits that nothing else has.
    pub(super) fn etag(&mut self) -> String {
        self.made += 1;
        let hash = digest(&SHA256, &self.made.to_be_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A write was accepted: the secret is on its way from one state to another.
    pub(super) fn begin(&mut self, id: &str, during: &'static str, after: &'static str) {
        let due = self.now() + self.settings.delay;
        let etag = self.etag();
        if let Some(secret) = self.secrets.iter_mut().find(|secret| secret.id == id) {
            secret.state = during;
            secret.due = Some((due, after));
            secret.etag = etag;
        }
        self.settle();
    }

    /// Lets happen what is due.
    fn settle(&mut self) {
        let now = self.now();
        for place in 0..self.secrets.len() {
            let due = self.secrets[place].due.filter(|(at, _)| *at <= now);
            if let Some((_, after)) = due
                && !self.settings.stuck
            {
                let etag = self.etag();
                let failed = self.settings.fail_next.take();
                let secret = &mut self.secrets[place];
                secret.due = None;
                secret.etag = etag;
                secret.state = if failed.is_some() { "FAILED" } else { after };
                secret.details = failed;
            }
            let secret = &mut self.secrets[place];
            if secret.state == "PENDING_DELETION" && secret.deletion.is_some_and(|at| at <= now) {
                secret.state = "DELETED";
                secret.versions.clear();
                secret.etag = format!("deleted-{}", secret.etag);
            }
            let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut secret.versions)
                .into_iter()
                .partition(|version| version.deletion.is_some_and(|at| at <= now));
            secret.versions = kept;
            secret.forgotten.extend(gone.into_iter().map(|version| version.content));
        }
    }

    /// What reads see.
    pub(super) fn seen(&self) -> &[Secret] {
        self.stale.as_deref().unwrap_or(&self.secrets)
    }

    pub(super) fn find(&self, id: &str) -> Result<&Secret, Refusal> {
        self.seen().iter().find(|secret| secret.id == id).ok_or_else(Refusal::hidden)
    }

    /// The secret that is to be written, if it is as the caller saw it.
    pub(super) fn writable(&self, id: &str, call: &Call<'_>) -> Result<&Secret, Refusal> {
        let secret =
            self.secrets.iter().find(|secret| secret.id == id).ok_or_else(Refusal::hidden)?;
        match call.received.header("if-match") {
            Some(etag) if etag != secret.etag => {
                Err(Refusal::new(412, "NoEtagMatch", "The etag does not match."))
            }
            _ if secret.replica => Err(Refusal::parameter("A replica is read-only.")),
            _ => Ok(secret),
        }
    }

    pub(super) fn active(&self, id: &str, call: &Call<'_>) -> Result<&Secret, Refusal> {
        let secret = self.writable(id, call)?;
        if secret.state == "ACTIVE" {
            return Ok(secret);
        }
        Err(Refusal::state(format!("The secret is {}.", secret.state)))
    }

    pub(super) fn edit(&mut self, id: &str) -> &mut Secret {
        self.secrets.iter_mut().find(|secret| secret.id == id).expect("it was found before")
    }

    /// Whether a request with this token was done before: its secret, or a refusal.
    pub(super) fn replayed(
        &self,
        operation: &str,
        call: &Call<'_>,
    ) -> Result<Option<String>, Refusal> {
        let Some(token) = call.received.header("opc-retry-token") else { return Ok(None) };
        match self.tokens.get(&format!("{operation} {token}")) {
            None => Ok(None),
            Some((body, id)) if body[..] == call.received.body[..] => Ok(Some(id.clone())),
            Some(_) => {
                Err(Refusal::new(409, "InvalidatedRetryToken", "The token was used before."))
            }
        }
    }

    pub(super) fn remember_token(&mut self, operation: &str, call: &Call<'_>, id: &str) {
        if let Some(token) = call.received.header("opc-retry-token") {
            let entry = (call.received.body.to_vec(), id.to_owned());
            self.tokens.insert(format!("{operation} {token}"), entry);
        }
    }

    /// A page of what there is.
    pub(super) fn page(&self, items: Vec<Value>, call: &Call<'_>) -> Outcome {
        let limit = call.query("limit").map(|text| text.parse::<usize>());
        let limit = match limit {
            Some(Ok(limit)) if limit > 0 => limit.min(self.settings.page),
            Some(_) => return Err(Refusal::parameter("limit is no number")),
            None => self.settings.page,
        };
        // Tokens have characters that must be encoded.
        let start = match call.query("page") {
            Some(token) => token
                .strip_prefix("p+/=")
                .and_then(|place| place.parse().ok())
                .ok_or_else(|| Refusal::parameter("page is not a token of ours"))?,
            None => 0,
        };
        let end = (start + limit).min(items.len());
        let more = end < items.len();
        let page: Vec<Value> = items.into_iter().skip(start).take(limit).collect();
        let answer = Answer::of(Value::Array(page));
        Ok(if more { answer.with("opc-next-page", format!("p+/={end}")) } else { answer })
    }
}

fn finish(outcome: Outcome) -> Answer {
    outcome.unwrap_or_else(Refusal::answer)
}

fn operation(method: &str, parts: &[&str]) -> Option<&'static str> {
    Some(match (method, parts) {
        ("GET", ["20180608", "secrets"]) => "ListSecrets",
        ("POST", ["20180608", "secrets"]) => "CreateSecret",
        ("GET", ["20180608", "secrets", _]) => "GetSecret",
        ("PUT", ["20180608", "secrets", _]) => "UpdateSecret",
        ("GET", ["20180608", "secrets", _, "versions"]) => "ListSecretVersions",
        ("GET", ["20180608", "secrets", _, "version", _]) => "GetSecretVersion",
        ("POST", ["20180608", "secrets", _, "actions", action]) => match *action {
            "scheduleDeletion" => "ScheduleSecretDeletion",
            "cancelDeletion" => "CancelSecretDeletion",
            "changeCompartment" => "ChangeSecretCompartment",
            "rotate" => "RotateSecret",
            "cancelRotation" => "CancelSecretRotation",
            _ => return None,
        },
        ("POST", ["20180608", "secrets", _, "version", _, "actions", action]) => match *action {
            "scheduleDeletion" => "ScheduleSecretVersionDeletion",
            "cancelDeletion" => "CancelSecretVersionDeletion",
            _ => return None,
        },
        ("GET", ["20180608", "vaults", _]) => "GetVault",
        ("POST", ["20190301", "secretbundles", "actions", "getByName"]) => "GetSecretBundleByName",
        ("GET", ["20190301", "secretbundles", _]) => "GetSecretBundle",
        ("GET", ["20190301", "secretbundles", _, "versions"]) => "ListSecretBundleVersions",
        _ => return None,
    })
}
