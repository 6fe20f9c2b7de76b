//! Whether content is to be written: the plan rules, pure.
//!
//! Responsible for the one decision that plan and apply share. Without content nothing is written;
//! content not known yet may be; a version text decides alone; otherwise prints decide: against
//! the vault's, or with `on_drift = "accept"` against that of the configuration applied last.
//! Leaves what becomes unknown to [`plan`](super::plan).

use std::sync::Arc;

use super::fields::Fields;
use crate::domain::fingerprint::{Fingerprint, KeyRing, Match};
use crate::domain::kind::Content;
use crate::domain::policy::{ManageContent, OnDrift};
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::keys::Keys;
use crate::provider::content::Given;

/// Whether content is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// No.
    Keep,
    /// Yes.
    Write,
    /// Depends on a value that is not known before apply.
    Open,
}

/// Something about the decision that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caution {
    /// The content differs, but the version text that decides did not change.
    VersionUnchanged,
    /// The print was made with a key that is not there, so it cannot be compared.
    UnknownKey(Option<String>),
}

/// The decision with the keys it was made with.
pub(super) struct Decided {
    pub(super) decision: Decision,
    pub(super) caution: Option<Caution>,
    pub(super) ring: Arc<KeyRing>,
}

/// Decides with the keys of the process, which are fetched only when there is something to
/// compare; keys of other vaults only when a print was made with one.
pub(super) async fn decide_with(
    keys: &Keys,
    run: &Run,
    config: &Fields,
    given: &Given,
    prior: &Fields,
    applied: Option<&Fingerprint>,
) -> Result<Decided, Failure> {
    let compares = given.content().is_some() && config.manage_content() == ManageContent::Always;
    let mut ring = if compares { keys.ring(run).await? } else { Arc::default() };
    let (mut decision, mut caution) = decide(config, given, prior, applied, &ring);
    if matches!(caution, Some(Caution::UnknownKey(_))) {
        ring = keys.full_ring(run).await?;
        (decision, caution) = decide(config, given, prior, applied, &ring);
    }
    Ok(Decided { decision, caution, ring })
}

/// Decides about the content of an existing secret. `applied` is the print of the configuration
/// that was applied last.
fn decide(
    config: &Fields,
    given: &Given,
    prior: &Fields,
    applied: Option<&Fingerprint>,
    ring: &KeyRing,
) -> (Decision, Option<Caution>) {
    if config.manage_content() != ManageContent::Always {
        return (Decision::Keep, None);
    }
    if config.manage_content.is_unknown() || config.content_wo_version.is_unknown() {
        return (Decision::Open, None);
    }
    if config.content_wo_version.known().is_some() {
        return by_version(config, given, prior, ring);
    }
    match given {
        Given::Nothing | Given::Invalid => (Decision::Keep, None),
        Given::Unknown { .. } => (Decision::Open, None),
        Given::Known { content, .. } => by_print(config, content, prior, applied, ring),
    }
}

fn by_version(
    config: &Fields,
    given: &Given,
    prior: &Fields,
    ring: &KeyRing,
) -> (Decision, Option<Caution>) {
    if config.content_wo_version.known() != prior.content_wo_version.known() {
        return (Decision::Write, None);
    }
    let differs = given.content().is_some_and(|content| {
        prior.print().is_some_and(|print| ring.verify(content, &print) == Match::Different)
    });
    (Decision::Keep, differs.then_some(Caution::VersionUnchanged))
}

fn by_print(
    config: &Fields,
    content: &Content,
    prior: &Fields,
    applied: Option<&Fingerprint>,
    ring: &KeyRing,
) -> (Decision, Option<Caution>) {
    let print = prior.print();
    if config.on_drift() == OnDrift::Accept
        && let Some(applied) = applied
    {
        match ring.verify(content, applied) {
            Match::Same => return (Decision::Keep, None),
            Match::UnknownKey => return unknown_key(applied),
            Match::Different => {}
        }
    }
    match print.as_ref().map(|print| ring.verify(content, print)) {
        Some(Match::Same) => (Decision::Keep, None),
        // With `accept` the configuration applied last would count instead.
        Some(Match::Different) | None if config.on_drift.is_unknown() => (Decision::Open, None),
        Some(Match::Different) | None => (Decision::Write, None),
        Some(Match::UnknownKey) => print.as_ref().map_or((Decision::Write, None), unknown_key),
    }
}

fn unknown_key(print: &Fingerprint) -> (Decision, Option<Caution>) {
    (Decision::Keep, Some(Caution::UnknownKey(print.key_id().map(str::to_owned))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fingerprint::Key;
    use crate::domain::material::Secret;
    use crate::engine::testing::{content, print, ring};
    use crate::plugin::framework::convert::Input;
    use crate::plugin::framework::path::Path;

    fn given(value: &str) -> Given {
        Given::Known { content: content(value), path: Path::attribute("value_wo") }
    }

    fn state(value: &str) -> Fields {
        Fields { fingerprint: Input::Known(print(value).to_string()), ..Fields::default() }
    }

    fn versioned(version: &str, fields: Fields) -> Fields {
        Fields { content_wo_version: Input::Known(version.to_owned()), ..fields }
    }

    fn accept() -> Fields {
        Fields { on_drift: Input::Known("accept".to_owned()), ..Fields::default() }
    }

    fn decision(config: &Fields, given: &Given, prior: &Fields) -> (Decision, Option<Caution>) {
        decide(config, given, prior, None, &ring())
    }

    #[test]
    fn no_content_leaves_the_vault_alone() {
        let config = Fields::default();
        assert_eq!(decision(&config, &Given::Nothing, &state("a")), (Decision::Keep, None));
    }

    #[test]
    fn unknown_content_leaves_it_open() {
        let unknown = Given::Unknown { kind: None };
        assert_eq!(decision(&Fields::default(), &unknown, &state("a")), (Decision::Open, None));
    }

    #[test]
    fn prints_decide() {
        let config = Fields::default();
        assert_eq!(decision(&config, &given("a"), &state("a")), (Decision::Keep, None));
        assert_eq!(decision(&config, &given("b"), &state("a")), (Decision::Write, None));
        assert_eq!(decision(&config, &given("a"), &Fields::default()), (Decision::Write, None));
    }

    #[test]
    fn version_text_decides_alone() {
        let prior = versioned("1", state("a"));
        let same = versioned("1", Fields::default());
        let raised = versioned("2", Fields::default());
        let warned = (Decision::Keep, Some(Caution::VersionUnchanged));
        assert_eq!(decision(&same, &given("a"), &prior), (Decision::Keep, None));
        assert_eq!(decision(&same, &given("b"), &prior), warned);
        assert_eq!(decision(&raised, &given("a"), &prior), (Decision::Write, None));
        assert_eq!(decision(&raised, &Given::Nothing, &prior), (Decision::Write, None));
        let unknown = Fields { content_wo_version: Input::Unknown, ..Fields::default() };
        assert_eq!(decision(&unknown, &given("a"), &prior), (Decision::Open, None));
    }

    #[test]
    fn content_that_others_manage_is_kept() {
        for code in ["initial", "never"] {
            let config =
                Fields { manage_content: Input::Known(code.to_owned()), ..Fields::default() };
            assert_eq!(decision(&config, &given("b"), &state("a")), (Decision::Keep, None));
        }
    }

    #[test]
    fn accepted_drift_stands_until_the_configuration_changes() {
        let drifted = state("outside");
        let decide = |value: &str| {
            decide(&accept(), &given(value), &drifted, Some(&print("applied")), &ring()).0
        };
        assert_eq!(decide("applied"), Decision::Keep);
        assert_eq!(decide("new"), Decision::Write);
        assert_eq!(decide("outside"), Decision::Keep);
    }

    #[test]
    fn print_under_an_unknown_key_is_kept_with_a_warning() {
        let other = KeyRing::new(Some(Key::new(Secret::new(vec![9; 32])).unwrap()), Vec::new());
        let (decision, caution) =
            decide(&Fields::default(), &given("b"), &state("a"), None, &other);
        assert_eq!(decision, Decision::Keep);
        let id = print("a").key_id().map(str::to_owned);
        assert_eq!(caution, Some(Caution::UnknownKey(id)));
    }
}
