//! The other operations of secret management.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::answer::{Answer, Outcome, Refusal};
use super::model::{Stage, Version};
use super::state::{Call, World};

const TOLERANCE: Duration = Duration::minutes(1);
const STATES: [&str; 9] = [
    "CREATING",
    "ACTIVE",
    "UPDATING",
    "DELETING",
    "DELETED",
    "SCHEDULING_DELETION",
    "PENDING_DELETION",
    "CANCELLING_DELETION",
    "FAILED",
];

impl World {
    pub(super) fn list_secrets(&self, call: &Call<'_>) -> Outcome {
        let compartment = call
            .query("compartmentId")
            .ok_or_else(|| Refusal::new(400, "MissingParameter", "compartmentId is missing"))?;
        if !Self::knows_compartment(compartment) {
            return Err(Refusal::hidden());
        }
        let state = call.query("lifecycleState").map(|text| self.state_filter(text)).transpose()?;
        let mut found: Vec<_> = self
            .seen()
            .iter()
            .filter(|secret| secret.compartment == compartment)
            .filter(|secret| call.query("vaultId").is_none_or(|vault| secret.vault == vault))
            .filter(|secret| call.query("name").is_none_or(|name| secret.name == name))
            .filter(|secret| state.is_none_or(|state| secret.state == state))
            .collect();
        let descending = match call.query("sortBy") {
            None | Some("TIMECREATED") => {
                found.sort_by_key(|secret| (secret.created, secret.id.clone()));
                true
            }
            Some("NAME") => {
                found.sort_by_key(|secret| secret.name.clone());
                false
            }
            Some(_) => return Err(Refusal::parameter("sortBy is not valid")),
        };
        match call.query("sortOrder") {
            None if descending => found.reverse(),
            Some("DESC") => found.reverse(),
            None | Some("ASC") => {}
            Some(_) => return Err(Refusal::parameter("sortOrder is not valid")),
        }
        self.page(found.into_iter().map(|secret| secret.summary()).collect(), call)
    }

    /// Filters by a state of two words have been refused although documented.
    fn state_filter(&self, text: &str) -> Result<&'static str, Refusal> {
        let wanted = text.replace('_', "").to_uppercase();
        let known = STATES.into_iter().find(|state| state.replace('_', "") == wanted);
        match known {
            Some(state) if !self.settings.strict_states || !text.contains('_') => Ok(state),
            _ => {
                let message =
                    "query param lifecycleState must be one of Active, PendingDeletion, …";
                Err(Refusal { status: 400, code: 400.into(), message: message.to_owned() })
            }
        }
    }

    pub(super) fn get_secret(&self, id: &str) -> Outcome {
        let secret = self.find(id)?;
        Ok(Answer::of(secret.show()).with("etag", secret.etag.clone()))
    }

    pub(super) fn list_versions(&self, id: &str, call: &Call<'_>) -> Outcome {
        let secret = self.find(id)?;
        let mut versions: Vec<&Version> = secret.versions.iter().collect();
        versions.sort_by_key(|version| version.number);
        if call.query("sortOrder") != Some("ASC") {
            versions.reverse();
        }
        let shown = versions.into_iter().map(|version| secret.version_summary(version));
        self.page(shown.collect(), call)
    }

    pub(super) fn get_version(&self, id: &str, number: u64) -> Outcome {
        let secret = self.find(id)?;
        let version = secret.versions.iter().find(|version| version.number == number);
        let shown = secret.show_version(version.ok_or_else(Refusal::hidden)?);
        Ok(Answer::of(shown).with("etag", secret.etag.clone()))
    }

    /// The time in a body, 1 to 30 days ahead; 30 days when it has none.
    fn deletion_time(&self, call: &Call<'_>) -> Result<OffsetDateTime, Refusal> {
        let now = self.now();
        let at = match &call.body["timeOfDeletion"] {
            Value::Null => now + Duration::days(30),
            value => value
                .as_str()
                .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
                .ok_or_else(|| Refusal::parameter("timeOfDeletion is no time"))?,
        };
        let window = at - now;
        if window < Duration::days(1) - TOLERANCE || window > Duration::days(30) + TOLERANCE {
            return Err(Refusal::parameter("timeOfDeletion must be 1 to 30 days ahead"));
        }
        Ok(at)
    }

    fn acted(&mut self, id: &str) -> Outcome {
        Ok(Answer::empty().with("etag", self.edit(id).etag.clone()))
    }

    pub(super) fn schedule_deletion(&mut self, id: &str, call: &Call<'_>) -> Outcome {
        self.active(id, call)?;
        let at = self.deletion_time(call)?;
        self.edit(id).deletion = Some(at);
        self.begin(id, "SCHEDULING_DELETION", "PENDING_DELETION");
        self.acted(id)
    }

    pub(super) fn cancel_deletion(&mut self, id: &str, call: &Call<'_>) -> Outcome {
        let secret = self.writable(id, call)?;
        if secret.state != "PENDING_DELETION" {
            return Err(Refusal::state(format!("The secret is {}.", secret.state)));
        }
        self.edit(id).deletion = None;
        self.begin(id, "CANCELLING_DELETION", "ACTIVE");
        self.acted(id)
    }

    pub(super) fn schedule_version_deletion(
        &mut self,
        id: &str,
        number: u64,
        call: &Call<'_>,
    ) -> Outcome {
        let secret = self.active(id, call)?;
        let waiting = secret.versions.iter().filter(|version| version.deletion.is_some()).count();
        let version = secret.versions.iter().find(|version| version.number == number);
        let version = version.ok_or_else(Refusal::hidden)?;
        if !version.stages.contains(&Stage::Deprecated) || version.deletion.is_some() {
            return Err(Refusal::state("The version is not deprecated."));
        }
        if waiting >= 30 {
            return Err(Refusal::new(400, "LimitExceeded", "Too many versions wait."));
        }
        let at = self.deletion_time(call)?;
        self.mark_version(id, number, Some(at));
        self.acted(id)
    }

    pub(super) fn cancel_version_deletion(
        &mut self,
        id: &str,
        number: u64,
        call: &Call<'_>,
    ) -> Outcome {
        let secret = self.active(id, call)?;
        let version = secret.versions.iter().find(|version| version.number == number);
        if version.ok_or_else(Refusal::hidden)?.deletion.is_none() {
            return Err(Refusal::state("The version does not wait for its deletion."));
        }
        self.mark_version(id, number, None);
        self.acted(id)
    }

    fn mark_version(&mut self, id: &str, number: u64, at: Option<OffsetDateTime>) {
        let etag = self.etag();
        let secret = self.edit(id);
        secret.etag = etag;
        for version in secret.versions.iter_mut().filter(|version| version.number == number) {
            version.deletion = at;
        }
    }

    pub(super) fn change_compartment(&mut self, id: &str, call: &Call<'_>) -> Outcome {
        if self.replayed("move", call)?.is_some() {
            return self.acted(id);
        }
        let target = call.need("compartmentId")?.to_owned();
        self.writable(id, call)?;
        if !Self::knows_compartment(&target) {
            return Err(Refusal::hidden());
        }
        self.active(id, call)?;
        self.edit(id).compartment = target;
        self.remember_token("move", call, id);
        self.begin(id, "UPDATING", "ACTIVE");
        self.acted(id)
    }

    pub(super) fn rotate(&mut self, id: &str, call: &Call<'_>) -> Outcome {
        let secret = self.writable(id, call)?;
        if secret.rotation.is_none() {
            return Err(Refusal::parameter("The secret has no rotation configuration."));
        }
        self.active(id, call)?;
        let now = self.now();
        let secret = self.edit(id);
        let number = secret.versions.iter().map(|version| version.number).max().unwrap_or(0) + 1;
        secret.versions.push(Version {
            number,
            name: None,
            content: format!("rotated-{number}").into_bytes(),
            stages: Default::default(),
            created: now,
            deletion: None,
            generated: true,
        });
        secret.add_current();
        secret.rotation_status = "SCHEDULED";
        secret.last_rotation = Some(now);
        self.begin(id, "UPDATING", "ACTIVE");
        let work = format!("ocid1.workrequest.oc1.iad.fake{number}");
        Ok(self.acted(id)?.with("opc-work-request-id", work))
    }

    pub(super) fn cancel_rotation(&mut self, id: &str, call: &Call<'_>) -> Outcome {
        let secret = self.writable(id, call)?;
        if secret.rotation_status != "IN_PROGRESS" {
            return Err(Refusal::state("No rotation is in progress."));
        }
        self.edit(id).rotation_status = "NOT_ENABLED";
        self.acted(id)
    }
}
