//! `UpdateSecret`: one concern per call.

use serde_json::Value;

use super::answer::{Answer, Outcome, Refusal};
use super::create::{check_name, check_tags, content};
use super::model::Version;
use super::state::{Call, World};

const GROUPS: [&str; 4] =
    ["secretContent", "currentVersionNumber", "secretRules", "replicationConfig"];
const MOST_VERSIONS: usize = 30;

impl World {
    pub(super) fn update_secret(&mut self, id: &str, call: &Call<'_>) -> Outcome {
        self.active(id, call)?;
        let given = |field: &str| !call.body[field].is_null();
        if GROUPS.iter().filter(|group| given(group)).count() > 1 {
            return Err(Refusal::parameter(
                "Only one of content, version number, rules and replication can be updated",
            ));
        }
        check_tags(&call.body["freeformTags"])?;
        if given("secretContent") {
            self.add_version(id, &call.body["secretContent"])?;
        }
        if let Some(number) = call.body["currentVersionNumber"].as_u64() {
            self.promote(id, number)?;
        }
        let secret = self.edit(id);
        let replace = |field: &str, target: &mut Value| {
            if !call.body[field].is_null() {
                *target = call.body[field].clone();
            }
        };
        replace("freeformTags", &mut secret.freeform_tags);
        replace("definedTags", &mut secret.defined_tags);
        replace("metadata", &mut secret.metadata);
        if let Some(text) = call.text("description") {
            secret.description = Some(text.to_owned());
        }
        if let Some(rules) = call.body["secretRules"].as_array() {
            secret.rules.clone_from(rules);
        }
        if given("rotationConfig") {
            secret.rotation = Some(call.body["rotationConfig"].clone());
        }
        if given("replicationConfig") {
            secret.replication = Some(call.body["replicationConfig"].clone());
        }
        self.begin(id, "UPDATING", "ACTIVE");
        let secret = self.edit(id);
        Ok(Answer::of(secret.show()).with("etag", secret.etag.clone()))
    }

    fn add_version(&mut self, id: &str, details: &Value) -> Result<(), Refusal> {
        let now = self.now();
        let bytes = content(details)?;
        let secret = self.edit(id);
        let name = details["name"].as_str().map(str::to_owned);
        if let Some(name) = &name {
            check_name("name", name)?;
            if secret.versions.iter().any(|version| version.name.as_ref() == Some(name)) {
                return Err(Refusal::parameter(format!(
                    "The version name '{name}' already exists"
                )));
            }
        }
        if secret.refuses_reuse(&bytes) {
            return Err(Refusal::parameter("The content was used before"));
        }
        let used = secret.versions.iter().filter(|version| version.deletion.is_none()).count();
        if used >= MOST_VERSIONS {
            return Err(Refusal::new(400, "LimitExceeded", "Too many versions"));
        }
        let pending = match details["stage"].as_str() {
            None | Some("CURRENT") => false,
            Some("PENDING") => true,
            Some(_) => return Err(Refusal::parameter("stage is CURRENT or PENDING")),
        };
        let last = secret.versions.iter().map(|version| version.number).max().unwrap_or(0);
        let number =
            (last + 1).max(secret.versions.len() as u64 + secret.forgotten.len() as u64 + 1);
        secret.versions.push(Version {
            number,
            name,
            content: bytes,
            stages: Default::default(),
            created: now,
            deletion: None,
            generated: false,
        });
        if pending {
            secret.add_pending()
        } else {
            secret.add_current()
        }
        Ok(())
    }

    fn promote(&mut self, id: &str, number: u64) -> Result<(), Refusal> {
        let secret = self.edit(id);
        let there = secret
            .versions
            .iter()
            .any(|version| version.number == number && version.deletion.is_none());
        if !there {
            return Err(Refusal::parameter("currentVersionNumber is not a version in use"));
        }
        secret.promote(number);
        Ok(())
    }
}
