//! The decision about content, and what forbids a destroy. Whole lives are in the acceptance
//! tests.

use super::fields::Fields;
use super::plan::{Decision, decide, obstacle};
use crate::domain::policy::OnDestroy;
use crate::domain::rotation::{RotationState, RotationStates};
use crate::engine::testing::{content, print, ring};
use crate::plugin::framework::convert::Input;
use crate::plugin::framework::path::Path;
use crate::provider::content::Given;

fn given(value: &str) -> Given {
    Given::Known { content: content(value), path: Path::attribute("value_wo") }
}

fn state(value: &str) -> Fields {
    Fields { fingerprint: Input::Known(print(value).to_string()), ..Fields::default() }
}

fn versioned(version: &str, fields: Fields) -> Fields {
    Fields { content_wo_version: Input::Known(version.to_owned()), ..fields }
}

#[test]
fn prints_decide() {
    let config = Fields::default();
    assert_eq!(decide(&config, &given("a"), &state("a"), &ring()), Decision::Keep);
    assert_eq!(decide(&config, &given("b"), &state("a"), &ring()), Decision::Upload);
    assert_eq!(decide(&config, &Given::Nothing, &state("a"), &ring()), Decision::Keep);
    let unknown = Given::Unknown { kind: None };
    assert_eq!(decide(&config, &unknown, &state("a"), &ring()), Decision::Open);
}

#[test]
fn version_text_decides_alone() {
    let prior = versioned("1", state("a"));
    let same = versioned("1", Fields::default());
    let raised = versioned("2", Fields::default());
    let unknown = Given::Unknown { kind: None };
    assert_eq!(decide(&same, &given("b"), &prior, &ring()), Decision::Keep);
    assert_eq!(decide(&same, &unknown, &prior, &ring()), Decision::Keep);
    assert_eq!(decide(&raised, &given("a"), &prior, &ring()), Decision::Upload);
    assert_eq!(decide(&raised, &unknown, &prior, &ring()), Decision::Upload);
}

#[test]
fn only_deprecated_versions_may_be_deleted_and_the_current_one_not_retired() {
    let states = |state: RotationState| RotationStates::empty().with(state);
    for state in [RotationState::Current, RotationState::Pending, RotationState::Previous] {
        assert_eq!(obstacle(OnDestroy::Delete, states(state)), Some(state));
        assert_eq!(obstacle(OnDestroy::Keep, states(state)), None);
    }
    assert_eq!(obstacle(OnDestroy::Delete, states(RotationState::Deprecated)), None);
    let current = states(RotationState::Current);
    assert_eq!(obstacle(OnDestroy::Deprecate, current), Some(RotationState::Current));
    assert_eq!(obstacle(OnDestroy::Deprecate, states(RotationState::Pending)), None);
}
