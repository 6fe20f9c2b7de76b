//! Secret retrieval: values.

use super::answer::{Answer, Outcome, Refusal};
use super::model::{Secret, Stage, Version};
use super::state::{Call, World};

impl World {
    pub(super) fn bundle(&self, id: &str, call: &Call<'_>) -> Outcome {
        self.open(self.find(id)?, call)
    }

    pub(super) fn bundle_by_name(&self, call: &Call<'_>) -> Outcome {
        let need = |name: &str| {
            let missing = || Refusal::new(400, "MissingParameter", format!("{name} is missing"));
            call.query(name).ok_or_else(missing)
        };
        let (name, vault) = (need("secretName")?, need("vaultId")?);
        let readable =
            |secret: &&Secret| secret.name == name && secret.vault == vault && is_readable(secret);
        self.open(self.seen().iter().find(readable).ok_or_else(Refusal::hidden)?, call)
    }

    fn open(&self, secret: &Secret, call: &Call<'_>) -> Outcome {
        if !is_readable(secret) {
            return Err(Refusal::hidden());
        }
        let version = select(secret, call)?;
        if version.deletion.is_some() {
            return Err(Refusal::hidden());
        }
        let expired = secret.expiry(version).is_some_and(|at| at <= self.now());
        if expired && secret.blocks() {
            return Err(Refusal::hidden());
        }
        Ok(Answer::of(secret.bundle(version)).with("etag", secret.etag.clone()))
    }

    pub(super) fn list_bundle_versions(&self, id: &str, call: &Call<'_>) -> Outcome {
        let secret = self.find(id)?;
        let mut versions: Vec<&Version> = secret.versions.iter().collect();
        versions.sort_by_key(|version| std::cmp::Reverse(version.number));
        let shown = versions.into_iter().map(|version| secret.bundle_summary(version));
        self.page(shown.collect(), call)
    }
}

fn is_readable(secret: &Secret) -> bool {
    matches!(secret.state, "ACTIVE" | "UPDATING")
}

/// The newest version that is meant; the current one when nothing is said.
fn select<'s>(secret: &'s Secret, call: &Call<'_>) -> Result<&'s Version, Refusal> {
    let selectors =
        [call.query("versionNumber"), call.query("secretVersionName"), call.query("stage")];
    if selectors.iter().flatten().count() > 1 {
        return Err(Refusal::parameter("Only one selector is allowed"));
    }
    let newest = |wanted: &dyn Fn(&Version) -> bool| {
        secret.versions.iter().filter(|version| wanted(version)).max_by_key(|v| v.number)
    };
    let found = match selectors {
        [Some(number), ..] => {
            let number: u64 =
                number.parse().map_err(|_| Refusal::parameter("versionNumber is no number"))?;
            newest(&|version| version.number == number)
        }
        [_, Some(name), _] => newest(&|version| version.name.as_deref() == Some(name)),
        [_, _, stage] => {
            let stage = Stage::parse(stage.unwrap_or("CURRENT"))
                .ok_or_else(|| Refusal::parameter("stage is not valid"))?;
            newest(&|version| version.stages.contains(&stage))
        }
    };
    found.ok_or_else(Refusal::hidden)
}
