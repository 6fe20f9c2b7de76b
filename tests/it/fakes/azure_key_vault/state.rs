//! What is in a vault, and what each request does to it.
//!
//! A name is absent, in use, being deleted, deleted or being recovered; a deletion and a recovery
//! settle after a number of looks. Versions have random ids, and times have whole seconds, so
//! neither tells their order to one who only lists them.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Options;

const MOST_BYTES: usize = 25_600;
const MOST_TAGS: usize = 15;
const MOST_TAG_CHARS: usize = 512;
const MOST_MEDIA_CHARS: usize = 255;
const DAY: i64 = 86_400;

/// A refusal: status, code, inner code, message.
#[derive(Debug)]
pub(super) struct Refusal(pub u16, pub &'static str, pub Option<&'static str>, pub String);

type Answer = Result<Value, Refusal>;

/// Vaults by host name.
#[derive(Debug, Default)]
pub(super) struct Vaults(BTreeMap<String, Vault>);

impl Vaults {
    pub(super) fn of(&mut self, host: &str) -> &mut Vault {
        self.0.entry(host.to_owned()).or_insert_with(|| Vault::new(host))
    }
}

/// One vault.
#[derive(Debug)]
pub(super) struct Vault {
    base: String,
    secrets: BTreeMap<String, Secret>,
    key: [u8; 32],
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Secret {
    name: String,
    versions: Vec<Version>,
    #[serde(skip)]
    life: Life,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Live,
    Deleting {
        left: u32,
        at: i64,
    },
    Deleted {
        at: i64,
    },
    Recovering {
        left: u32,
        late: bool,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Version {
    id: String,
    value: String,
    content_type: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    enabled: bool,
    nbf: Option<i64>,
    exp: Option<i64>,
    created: i64,
    updated: i64,
}

/// What a caller sends to set or change a version.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Body {
    value: Option<String>,
    #[serde(rename = "contentType")]
    content_type: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    attributes: Times,
}

#[derive(Debug, Default, Deserialize)]
struct Times {
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    nbf: Option<Option<i64>>,
    #[serde(default, deserialize_with = "given")]
    exp: Option<Option<i64>>,
}

/// Tells `null` from nothing.
#[expect(clippy::option_option, reason = "that is what it tells apart")]
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::<i64>::deserialize(from).map(Some)
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal(400, "BadParameter", None, message.into())
}

fn absent(name: &str) -> Refusal {
    let message = format!(
        "A secret with (name/id) {name} was not found in this key vault. If you recently deleted \
         this secret you may be able to recover it"
    );
    Refusal(404, "SecretNotFound", None, message)
}

fn not_deleted(name: &str) -> Refusal {
    Refusal(404, "SecretNotFound", None, format!("Deleted Secret not found: {name}"))
}

fn conflict(inner: Option<&'static str>, message: &str) -> Refusal {
    Refusal(409, "Conflict", inner, message.to_owned())
}

fn disabled() -> Refusal {
    let message = "Operation get is not allowed on a disabled secret.".to_owned();
    Refusal(403, "Forbidden", Some("SecretDisabled"), message)
}

impl Secret {
    fn newest(&self) -> &Version {
        self.versions.last().expect("a secret has a version")
    }

    /// One more look at something that settles.
    fn look(&mut self) {
        self.life = match self.life.clone() {
            Life::Deleting { left: 0, at } => Life::Deleted { at },
            Life::Deleting { left, at } => Life::Deleting { left: left - 1, at },
            Life::Recovering { left: 0, late: false } => Life::Live,
            Life::Recovering { left, late } => {
                Life::Recovering { left: left.saturating_sub(1), late }
            }
            life => life,
        };
    }
}

impl Vault {
    fn new(host: &str) -> Self {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).expect("random bytes");
        Self { base: format!("https://{host}"), secrets: BTreeMap::new(), key }
    }

    /// Time passes: what is beyond its window goes.
    pub(super) fn expire(&mut self, now: i64, options: &Options) {
        let window = options.retention_days * DAY;
        self.secrets.retain(|_, secret| match secret.life {
            Life::Deleted { at } | Life::Deleting { at, .. } => now < at + window,
            _ => true,
        });
    }

    /// Addresses in answers are those that the caller used.
    pub(super) fn called(&mut self, base: &str) {
        self.base = base.to_owned();
    }

    fn known(&mut self, name: &str) -> Option<&mut Secret> {
        let secret = self.secrets.get_mut(&name.to_ascii_lowercase())?;
        secret.look();
        Some(secret)
    }

    fn live(&mut self, name: &str) -> Result<&mut Secret, Refusal> {
        match self.known(name) {
            Some(secret)
                if matches!(secret.life, Life::Live | Life::Recovering { left: 0, .. }) =>
            {
                Ok(secret)
            }
            _ => Err(absent(name)),
        }
    }

    pub(super) fn set(&mut self, name: &str, body: Body, now: i64, options: &Options) -> Answer {
        check(&body)?;
        let value = body.value.ok_or_else(|| bad("The parameter value is required."))?;
        if value.len() > MOST_BYTES {
            return Err(bad("The value is too long."));
        }
        let version = Version {
            id: uuid::Uuid::new_v4().simple().to_string(),
            value,
            content_type: body.content_type,
            tags: body.tags,
            enabled: body.attributes.enabled.unwrap_or(true),
            nbf: body.attributes.nbf.flatten(),
            exp: body.attributes.exp.flatten(),
            created: now,
            updated: now,
        };
        if let Some(secret) = self.known(name) {
            match &mut secret.life {
                Life::Live => secret.versions.push(version.clone()),
                Life::Deleting { .. } => {
                    return Err(conflict(
                        Some("ObjectIsBeingDeleted"),
                        "Secret is currently being deleted.",
                    ));
                }
                Life::Deleted { .. } => {
                    return Err(conflict(
                        Some("ObjectIsDeletedButRecoverable"),
                        "Secret is currently in a deleted but recoverable state.",
                    ));
                }
                Life::Recovering { left, late } => {
                    if *left == 0 {
                        *late = false;
                    }
                    return Err(conflict(
                        Some("ObjectIsBeingRecovered"),
                        "Secret is currently being recovered.",
                    ));
                }
            }
        } else {
            let secret =
                Secret { name: name.to_owned(), versions: vec![version.clone()], life: Life::Live };
            self.secrets.insert(name.to_ascii_lowercase(), secret);
        }
        let stored = self.stored_name(name);
        let mut answer = self.bundle(&stored, &version, options, true);
        answer["value"] = version.value.into();
        Ok(answer)
    }

    pub(super) fn get(&mut self, name: &str, id: Option<&str>, options: &Options) -> Answer {
        let secret = self.live(name)?.clone();
        let version = pick(&secret, id).ok_or_else(|| absent(name))?;
        if !version.enabled {
            return Err(disabled());
        }
        let mut answer = self.bundle(&secret.name, version, options, true);
        answer["value"] = version.value.clone().into();
        Ok(answer)
    }

    pub(super) fn update(
        &mut self,
        name: &str,
        id: Option<&str>,
        body: Body,
        now: i64,
        options: &Options,
    ) -> Answer {
        check(&body)?;
        let secret = self.live(name)?;
        if let Life::Recovering { late, .. } = &mut secret.life {
            *late = false;
            return Err(conflict(
                Some("ObjectIsBeingRecovered"),
                "Secret is currently being recovered.",
            ));
        }
        let place = match id {
            None => secret.versions.len() - 1,
            Some(id) => {
                secret.versions.iter().position(|v| v.id == id).ok_or_else(|| absent(name))?
            }
        };
        let version = &mut secret.versions[place];
        if let Some(content_type) = body.content_type {
            version.content_type = Some(content_type).filter(|text| !text.is_empty());
        }
        if let Some(tags) = body.tags {
            version.tags = Some(tags);
        }
        if let Some(enabled) = body.attributes.enabled {
            version.enabled = enabled;
        }
        let change = |time: &mut Option<i64>, to: Option<Option<i64>>| match to {
            Some(Some(to)) => *time = Some(to),
            Some(None) if options.null_clears => *time = None,
            _ => {}
        };
        change(&mut version.nbf, body.attributes.nbf);
        change(&mut version.exp, body.attributes.exp);
        version.updated = now;
        let (name, version) = (secret.name.clone(), version.clone());
        Ok(self.bundle(&name, &version, options, true))
    }

    /// Items of all secrets in use.
    pub(super) fn list(&self, options: &Options) -> Vec<(String, Value)> {
        let live = self.secrets.values().filter(|secret| secret.life == Life::Live);
        live.map(|s| (s.name.to_uppercase(), self.bundle(&s.name, s.newest(), options, false)))
            .collect()
    }

    /// Items of all versions, by their ids.
    pub(super) fn list_versions(
        &mut self,
        name: &str,
        options: &Options,
    ) -> Result<Vec<(String, Value)>, Refusal> {
        let secret = self.live(name)?.clone();
        let mut versions = secret.versions.clone();
        versions.sort_by(|a, b| a.id.cmp(&b.id));
        let item = |v: &Version| (v.id.clone(), self.bundle(&secret.name, v, options, true));
        Ok(versions.iter().map(item).collect())
    }

    pub(super) fn delete(&mut self, name: &str, now: i64, options: &Options) -> Answer {
        let secret = self.live(name)?;
        secret.life = match options.settle {
            0 => Life::Deleted { at: now },
            left => Life::Deleting { left, at: now },
        };
        let secret = secret.clone();
        Ok(self.deleted_bundle(&secret, now, options, true))
    }

    pub(super) fn get_deleted(&mut self, name: &str, options: &Options) -> Answer {
        let secret = self.known(name).ok_or_else(|| not_deleted(name))?.clone();
        match secret.life {
            Life::Deleted { .. } if !secret.newest().enabled => Err(disabled()),
            Life::Deleted { at } => Ok(self.deleted_bundle(&secret, at, options, true)),
            _ => Err(not_deleted(name)),
        }
    }

    /// Items of all deleted secrets.
    pub(super) fn list_deleted(&self, options: &Options) -> Vec<(String, Value)> {
        let item = |secret: &Secret| match secret.life {
            Life::Deleted { at } => {
                Some((secret.name.to_uppercase(), self.deleted_bundle(secret, at, options, false)))
            }
            _ => None,
        };
        self.secrets.values().filter_map(item).collect()
    }

    pub(super) fn recover(&mut self, name: &str, options: &Options) -> Answer {
        let secret = self.known(name).ok_or_else(|| not_deleted(name))?;
        match secret.life {
            Life::Deleted { .. } => {}
            Life::Deleting { .. } => {
                return Err(conflict(
                    Some("ObjectIsBeingDeleted"),
                    "Secret is currently being deleted.",
                ));
            }
            _ => return Err(not_deleted(name)),
        }
        secret.life = match (options.settle, options.recovers_late) {
            (0, false) => Life::Live,
            (left, late) => Life::Recovering { left, late },
        };
        let secret = secret.clone();
        Ok(self.bundle(&secret.name, secret.newest(), options, true))
    }

    pub(super) fn purge(&mut self, name: &str, options: &Options) -> Answer {
        let secret = self.known(name).ok_or_else(|| not_deleted(name))?;
        match secret.life {
            Life::Deleted { .. } if options.purge_protection => {
                let message = "Operation \"purge\" is not allowed because purge protection is \
                    enabled for this vault.";
                Err(Refusal(403, "Forbidden", None, message.to_owned()))
            }
            Life::Deleted { .. } => {
                self.secrets.remove(&name.to_ascii_lowercase());
                Ok(Value::Null)
            }
            Life::Deleting { .. } => {
                Err(conflict(Some("ObjectIsBeingDeleted"), "Secret is currently being deleted."))
            }
            _ => Err(not_deleted(name)),
        }
    }

    pub(super) fn backup(&mut self, name: &str) -> Answer {
        let secret = self.live(name)?.clone();
        let mut bytes = serde_json::to_vec(&secret).expect("a secret is JSON");
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).expect("random bytes");
        let unique = Nonce::assume_unique_for_key(nonce);
        self.cipher()
            .seal_in_place_append_tag(unique, Aad::empty(), &mut bytes)
            .expect("it can be sealed");
        let blob = URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat());
        Ok(json!({ "value": blob }))
    }

    pub(super) fn restore(&mut self, blob: &str, options: &Options) -> Answer {
        let damaged = || bad("Backup blob contains invalid or corrupt version.");
        let bytes = URL_SAFE_NO_PAD.decode(blob.trim_end_matches('=')).map_err(|_| damaged())?;
        if bytes.len() < NONCE_LEN {
            return Err(damaged());
        }
        let (nonce, sealed) = bytes.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut sealed = sealed.to_vec();
        let plain =
            self.cipher().open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| damaged())?;
        let secret: Secret = serde_json::from_slice(plain).map_err(|_| damaged())?;
        let key = secret.name.to_ascii_lowercase();
        if self.secrets.contains_key(&key) {
            return Err(conflict(None, "The secret already exists or is deleted."));
        }
        self.secrets.insert(key, secret.clone());
        Ok(self.bundle(&secret.name, secret.newest(), options, true))
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.key).expect("32 bytes"))
    }

    fn stored_name(&self, name: &str) -> String {
        self.secrets.get(&name.to_ascii_lowercase()).map_or(name, |s| &s.name).to_owned()
    }

    fn bundle(&self, name: &str, version: &Version, options: &Options, versioned: bool) -> Value {
        let mut id = format!("{}/secrets/{name}", self.base);
        if versioned {
            id.push('/');
            id.push_str(&version.id);
        }
        let level = match (options.retention_days, options.purge_protection) {
            (90, false) => "Recoverable+Purgeable",
            (90, true) => "Recoverable",
            (_, false) => "CustomizedRecoverable+Purgeable",
            (_, true) => "CustomizedRecoverable",
        };
        let mut attributes = json!({
            "enabled": version.enabled, "created": version.created, "updated": version.updated,
            "recoveryLevel": level, "recoverableDays": options.retention_days,
        });
        for (field, time) in [("nbf", version.nbf), ("exp", version.exp)] {
            if let Some(time) = time {
                attributes[field] = time.into();
            }
        }
        let mut bundle = json!({ "id": id, "attributes": attributes });
        if let Some(content_type) = &version.content_type {
            bundle["contentType"] = content_type.clone().into();
        }
        if let Some(tags) = &version.tags {
            bundle["tags"] = json!(tags);
        }
        bundle
    }

    fn deleted_bundle(
        &self,
        secret: &Secret,
        at: i64,
        options: &Options,
        versioned: bool,
    ) -> Value {
        let mut bundle = self.bundle(&secret.name, secret.newest(), options, versioned);
        bundle["recoveryId"] = format!("{}/deletedsecrets/{}", self.base, secret.name).into();
        bundle["deletedDate"] = at.into();
        bundle["scheduledPurgeDate"] = (at + options.retention_days * DAY).into();
        bundle
    }

    // What tests do behind everybody's back.

    pub(super) fn store_plainly(
        &mut self,
        name: &str,
        value: &str,
        tags: BTreeMap<String, String>,
        now: i64,
    ) {
        let tags = Some(tags).filter(|tags| !tags.is_empty());
        let body = Body { value: Some(value.to_owned()), tags, ..Body::default() };
        self.set(name, body, now, &Options::default()).expect("it can be stored");
    }

    fn in_use(&self, name: &str) -> &[Version] {
        let secret = self.secrets.get(&name.to_ascii_lowercase());
        secret.filter(|secret| secret.life == Life::Live).map_or(&[], |secret| &secret.versions)
    }

    pub(super) fn values(&self, name: &str) -> Vec<String> {
        self.in_use(name).iter().map(|version| version.value.clone()).collect()
    }

    pub(super) fn newest(&self, name: &str) -> Value {
        let newest = self.in_use(name).last();
        newest.map_or(Value::Null, |v| self.bundle(name, v, &Options::default(), true))
    }

    pub(super) fn names(&self) -> (Vec<String>, Vec<String>) {
        let (live, gone): (Vec<_>, Vec<_>) =
            self.secrets.values().partition(|secret| secret.life == Life::Live);
        let names = |secrets: Vec<&Secret>| secrets.iter().map(|s| s.name.clone()).collect();
        (names(live), names(gone))
    }
}

fn pick<'s>(secret: &'s Secret, id: Option<&str>) -> Option<&'s Version> {
    match id {
        None => Some(secret.newest()),
        Some(id) => secret.versions.iter().find(|version| version.id == id),
    }
}

fn check(body: &Body) -> Result<(), Refusal> {
    let long = |text: &str, most| text.chars().count() > most;
    if body.content_type.as_deref().is_some_and(|text| long(text, MOST_MEDIA_CHARS)) {
        return Err(bad("The content type is too long."));
    }
    let Some(tags) = &body.tags else { return Ok(()) };
    if tags.len() > MOST_TAGS {
        return Err(bad("Too many tags."));
    }
    if tags.iter().any(|(n, v)| long(n, MOST_TAG_CHARS) || long(v, MOST_TAG_CHARS)) {
        return Err(bad("A tag is too long."));
    }
    Ok(())
}
