//! `CreateSecret`, and what it shares with new versions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::answer::{Answer, Outcome, Refusal};
use super::model::{Secret, Version};
use super::state::{Call, World};
use super::{KEY, VAULT};

const LARGEST: usize = 25_600;

/// Letters, digits, hyphen, underscore, period.
pub fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.len() <= 255 && name.chars().all(fits) {
        return Ok(());
    }
    Err(Refusal::parameter(format!("{what} is not valid")))
}

/// The bytes of a `SecretContentDetails`.
pub fn content(details: &Value) -> Result<Vec<u8>, Refusal> {
    if details["contentType"] != "BASE64" {
        return Err(Refusal::parameter("contentType must be BASE64"));
    }
    let text = details["content"].as_str().unwrap_or_default();
    let bytes = STANDARD.decode(text).map_err(|_| Refusal::parameter("content is not base64"))?;
    if bytes.is_empty() || bytes.len() > LARGEST {
        return Err(Refusal::parameter("content is empty or too large"));
    }
    Ok(bytes)
}

pub fn check_tags(tags: &Value) -> Result<(), Refusal> {
    if tags.as_object().is_some_and(|tags| tags.len() > 10) {
        return Err(Refusal::parameter("at most 10 free-form tags"));
    }
    Ok(())
}

impl World {
    pub(super) fn create_secret(&mut self, call: &Call<'_>) -> Outcome {
        if let Some(id) = self.replayed("create", call)? {
            let secret = self.find(&id)?;
            return Ok(Answer::of(secret.show()).with("etag", secret.etag.clone()));
        }
        let (compartment, vault) = (call.need("compartmentId")?, call.need("vaultId")?);
        let (key, name) = (call.need("keyId")?, call.need("secretName")?);
        check_name("secretName", name)?;
        let vault_there = vault == VAULT && self.settings.vault_state == Some("ACTIVE");
        if !vault_there || key != KEY || !Self::knows_compartment(compartment) {
            let message = "Authorization failed or requested resource not found.";
            return Err(Refusal::new(400, "RelatedResourceNotAuthorizedOrNotFound", message));
        }
        let holds = |secret: &&Secret| {
            secret.name == name && (secret.state != "DELETED" || self.settings.reserve_names)
        };
        if self.secrets.iter().any(|secret| holds(&secret)) {
            return Err(Refusal::parameter(format!("The secret name '{name}' already exists")));
        }
        let details = &call.body["secretContent"];
        if details.is_null() {
            return Err(Refusal::parameter("secretContent is missing"));
        }
        if self.settings.echo_content {
            return Err(Refusal::parameter(format!("content {} is bad", details["content"])));
        }
        let bytes = content(details)?;
        if details["stage"].as_str().is_some_and(|stage| stage != "CURRENT") {
            return Err(Refusal::parameter("the first version must be CURRENT"));
        }
        let version_name = details["name"].as_str().map(str::to_owned);
        if let Some(name) = &version_name {
            check_name("name", name)?;
        }
        check_tags(&call.body["freeformTags"])?;
        let now = self.now();
        self.made += 1;
        let id = format!("ocid1.vaultsecret.oc1.iad.fake{:08}", self.made);
        let or = |field: &str, default: Value| match &call.body[field] {
            Value::Null => default,
            value => value.clone(),
        };
        let optional = |field: &str| Some(call.body[field].clone()).filter(|v| !v.is_null());
        let mut secret = Secret {
            id: id.clone(),
            etag: String::new(),
            compartment: compartment.to_owned(),
            vault: vault.to_owned(),
            key: key.to_owned(),
            name: name.to_owned(),
            state: "CREATING",
            due: None,
            details: None,
            description: call.text("description").map(str::to_owned),
            freeform_tags: or("freeformTags", json!({})),
            defined_tags: or("definedTags", json!({})),
            metadata: or("metadata", json!({})),
            rules: call.body["secretRules"].as_array().cloned().unwrap_or_default(),
            rotation: optional("rotationConfig"),
            rotation_status: "NOT_ENABLED",
            last_rotation: None,
            replication: optional("replicationConfig"),
            replica: false,
            versions: vec![Version {
                number: 1,
                name: version_name,
                content: bytes,
                stages: Default::default(),
                created: now,
                deletion: None,
                generated: false,
            }],
            forgotten: Vec::new(),
            created: now,
            deletion: None,
        };
        secret.add_current();
        self.secrets.push(secret);
        self.remember_token("create", call, &id);
        self.begin(&id, "CREATING", "ACTIVE");
        let secret = self.edit(&id);
        Ok(Answer::of(secret.show()).with("etag", secret.etag.clone()))
    }
}
