//! `coffer_secret` through the framework's server, over vaults in memory: the plan rules, applies,
//! drift, taken names, deletion policies, moves, imports, and the state after failures.

use super::super::testing::{Bench, Config, config, errors, warnings};
use crate::domain::port::{BackendError, Capability, ErrorKind, Lifecycle};
use crate::engine::testing::{Memory, When, capability, failing};
use crate::engine::vault::DriftDetection;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::number::Number;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::AttributeKind;
use crate::plugin::framework::value::Value;

fn text(value: &str) -> Value {
    Value::string(value)
}

fn map(entries: &[(&str, &str)]) -> Value {
    Value::Map(entries.iter().map(|(k, v)| ((*k).to_owned(), text(v))).collect())
}

fn number(value: i64) -> Value {
    Value::Number(Number::Int(value))
}

/// A bench with the secret `db` of this value.
async fn given(value: &str, more: Config<'_>) -> Bench {
    let mut bench = Bench::new();
    succeed(&bench.apply(&config(value, more)).await);
    bench
}

fn succeed(diagnostics: &Diagnostics) {
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
}

// Plan rules.

#[tokio::test]
async fn create_plans_what_is_known() {
    let planned = Bench::new().plan(&config("one", vec![])).await;
    assert!(planned.diagnostics.iter().next().is_none());
    assert_eq!(planned.value.get("profile"), &text("main"));
    assert_eq!(planned.value.get("type"), &text("generic"));
    assert_eq!(planned.value.get("effective_tags"), &map(&[("team", "a")]));
    assert!(planned.value.get("value_wo").is_null());
    let unknown = [
        "backend_id",
        "created_at",
        "fingerprint",
        "id",
        "lifecycle_state",
        "updated_at",
        "version",
        "version_id",
    ];
    assert_eq!(planned.unknown(), unknown);
}

#[tokio::test]
async fn second_plan_is_empty() {
    let bench = given("one", vec![]).await;
    let planned = bench.plan(&config("one", vec![])).await;
    assert!(planned.value.same(&bench.state));
    assert!(planned.diagnostics.iter().next().is_none());
}

#[tokio::test]
async fn plan_of_an_update_asks_the_vault_nothing() {
    let bench = given("one", vec![]).await;
    bench.main.calls();
    bench.plan(&config("one", vec![])).await;
    bench.plan(&config("two", vec![("description", text("x"))])).await;
    assert_eq!(bench.main.calls(), Vec::<&str>::new());
}

#[tokio::test]
async fn changed_content_is_planned_unknown_and_written_once() {
    let mut bench = given("one", vec![]).await;
    let changed = config("two", vec![]);
    let planned = bench.plan(&changed).await;
    assert_eq!(planned.unknown(), ["fingerprint", "updated_at", "version", "version_id"]);
    assert!(planned.diagnostics.iter().next().is_none());
    succeed(&bench.apply_planned(&changed, planned).await);
    assert_eq!(bench.state.get("version"), &number(2));
    assert_eq!(bench.main.value("db").as_deref(), Some("two"));
    assert!(bench.plan(&changed).await.value.same(&bench.state));
}

#[tokio::test]
async fn changed_tag_leaves_version_and_fingerprint_alone() {
    let mut bench = given("one", vec![]).await;
    let changed = config("one", vec![("tags", map(&[("env", "prod")]))]);
    let planned = bench.plan(&changed).await;
    assert_eq!(planned.unknown(), ["updated_at"]);
    succeed(&bench.apply_planned(&changed, planned).await);
    assert_eq!(bench.main.latest("db"), 1);
    assert_eq!(bench.state.get("effective_tags"), &map(&[("env", "prod"), ("team", "a")]));
    succeed(&bench.refresh().await);
    assert!(bench.plan(&changed).await.value.same(&bench.state));
}

#[tokio::test]
async fn changed_policy_touches_no_vault() {
    let mut bench = given("one", vec![]).await;
    bench.main.calls();
    let changed = config("one", vec![("deletion_policy", text("destroy"))]);
    let planned = bench.plan(&changed).await;
    assert!(planned.unknown().is_empty());
    succeed(&bench.apply_planned(&changed, planned).await);
    assert_eq!(bench.text("deletion_policy"), Some("destroy"));
    assert_eq!(bench.main.calls(), Vec::<&str>::new());
}

#[tokio::test]
async fn missing_content_leaves_the_vault_alone() {
    let bench = given("one", vec![]).await;
    let planned = bench.plan(&config("", vec![("value_wo", Value::Null)])).await;
    assert!(planned.value.same(&bench.state));
}

#[tokio::test]
async fn unknown_content_is_planned_unknown() {
    let mut bench = given("one", vec![]).await;
    let unknown = config("", vec![("value_wo", Value::UNKNOWN)]);
    let planned = bench.plan(&unknown).await;
    assert_eq!(planned.unknown(), ["fingerprint", "type", "updated_at", "version", "version_id"]);
    // It turns out to be what is there already.
    succeed(&bench.apply_planned(&config("one", vec![]), planned).await);
    assert_eq!(bench.state.get("version"), &number(1));
}

#[tokio::test]
async fn value_that_differs_between_plan_and_apply_is_applied_as_it_is_then() {
    let mut bench = given("one", vec![]).await;
    let planned = bench.plan(&config("two", vec![])).await;
    succeed(&bench.apply_planned(&config("three", vec![]), planned).await);
    assert_eq!(bench.main.value("db").as_deref(), Some("three"));
}

#[tokio::test]
async fn what_was_planned_unchanged_stays_unchanged() {
    let mut bench = given("one", vec![]).await;
    let planned = bench.plan(&config("one", vec![("description", text("x"))])).await;
    let now = config("two", vec![("description", text("x"))]);
    succeed(&bench.apply_planned(&now, planned).await);
    assert_eq!(bench.main.value("db").as_deref(), Some("one"));
    assert_eq!(bench.text("description"), Some("x"));
}

#[tokio::test]
async fn version_text_alone_decides() {
    let version = |version: &str, value: &str| {
        config(value, vec![("content_wo_version", Value::string(version))])
    };
    let mut bench = Bench::new();
    succeed(&bench.apply(&version("1", "one")).await);
    let planned = bench.plan(&version("1", "two")).await;
    assert!(planned.value.same(&bench.state));
    assert_eq!(warnings(&planned.diagnostics), ["Content differs and is not written"]);
    succeed(&bench.apply(&version("2", "two")).await);
    assert_eq!(bench.main.value("db").as_deref(), Some("two"));
    assert!(bench.plan(&version("2", "three")).await.value.same(&bench.state));
}

#[tokio::test]
async fn changed_version_text_without_content_writes_nothing_and_says_so() {
    let mut bench = given("one", vec![]).await;
    let changed = config("", vec![("value_wo", Value::Null), ("content_wo_version", text("2"))]);
    let diagnostics = bench.apply(&changed).await;
    assert_eq!(warnings(&diagnostics), ["No content to write"]);
    assert_eq!(bench.main.latest("db"), 1);
}

#[tokio::test]
async fn initial_content_is_written_once() {
    let initial = |value: &str| config(value, vec![("manage_content", text("initial"))]);
    let mut bench = Bench::new();
    succeed(&bench.apply(&initial("one")).await);
    assert!(bench.plan(&initial("two")).await.value.same(&bench.state));
    bench.main.meddle("db", "theirs");
    succeed(&bench.refresh().await);
    assert!(bench.plan(&initial("two")).await.value.same(&bench.state));
}

#[tokio::test]
async fn another_type_is_planned_by_name() {
    let mut bench = given("one", vec![]).await;
    let key = config("", vec![("value_wo", Value::Null), ("api_key_wo", text("one"))]);
    let planned = bench.plan(&key).await;
    assert_eq!(planned.value.get("type"), &text("api_key"));
    assert!(planned.unknown().contains(&"fingerprint"));
    succeed(&bench.apply_planned(&key, planned).await);
    assert_eq!(bench.text("type"), Some("api_key"));
}

#[tokio::test]
async fn another_name_replaces() {
    let bench = given("one", vec![]).await;
    let planned = bench.plan(&config("one", vec![("name", text("db2"))])).await;
    assert_eq!(planned.replaces, [Path::attribute("name")]);
    succeed(&planned.diagnostics);
}

#[tokio::test]
async fn replacement_under_the_same_name_is_not_told_to_be_taken() {
    let bench = given("one", vec![]).await;
    let first = bench.plan(&config("one", vec![])).await;
    let second = bench.plan_again(&config("one", vec![]), &first).await;
    succeed(&second.diagnostics);
    // Where the old one would stay, the new one has no place.
    let bench = given("one", vec![("deletion_policy", text("retain"))]).await;
    let kept = config("two", vec![("deletion_policy", text("retain"))]);
    let first = bench.plan(&kept).await;
    let second = bench.plan_again(&kept, &first).await;
    assert_eq!(errors(&second.diagnostics), ["Name is taken by an existing secret"]);
}

#[tokio::test]
async fn replacement_of_a_prevented_secret_is_told_at_plan() {
    let prevent = config("one", vec![("deletion_policy", text("prevent"))]);
    let bench = given("one", vec![("deletion_policy", text("prevent"))]).await;
    let first = bench.plan(&prevent).await;
    succeed(&first.diagnostics);
    let second = bench.plan_again(&prevent, &first).await;
    assert_eq!(errors(&second.diagnostics), ["Deletion is prevented"]);
}

#[tokio::test]
async fn limits_of_the_vault_are_told_at_their_attributes() {
    let long = "x".repeat(65);
    for (attribute, value, path) in [
        ("name", text(&long), Path::attribute("name")),
        ("name", text("sp ace"), Path::attribute("name")),
        ("value_wo", text(&"v".repeat(2000)), Path::attribute("value_wo")),
        (
            "tags",
            map(&[("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", "")]),
            Path::attribute("tags"),
        ),
        ("recovery_window_days", number(3), Path::attribute("recovery_window_days")),
    ] {
        let planned = Bench::new().plan(&config("one", vec![(attribute, value)])).await;
        assert_eq!(errors(&planned.diagnostics), ["Vault cannot hold this"], "{attribute}");
        assert_eq!(planned.diagnostics.iter().next().unwrap().path, path);
    }
}

#[tokio::test]
async fn unknown_profile_is_told_with_the_known_ones() {
    let planned = Bench::new().plan(&config("one", vec![("profile", text("mian"))])).await;
    let diagnostic = planned.diagnostics.iter().next().unwrap();
    assert_eq!(diagnostic.path, Path::attribute("profile"));
    assert!(diagnostic.detail.contains("Known profiles: main, other"), "{}", diagnostic.detail);
}

// Taken names.

#[tokio::test]
async fn taken_name_is_told_at_plan() {
    let mut bench = given("theirs", vec![]).await;
    bench.state = Value::Null;
    let planned = bench.plan(&config("ours", vec![])).await;
    assert_eq!(errors(&planned.diagnostics), ["Name is taken by an existing secret"]);
    let detail = &planned.diagnostics.iter().next().unwrap().detail;
    assert!(detail.contains("\"main/db\"") && detail.contains("adopt"), "{detail}");
}

/// At apply core plans a create once more, in the process that writes others meanwhile: a look per
/// create for something that was told before.
#[tokio::test]
async fn plan_of_an_apply_that_has_begun_does_not_look_at_the_name() {
    let mut bench = Bench::new();
    let first = bench.plan(&config("one", vec![])).await;
    assert_eq!(bench.main.calls(), ["read"]);
    succeed(&bench.apply(&config("one", vec![])).await);
    bench.main.calls();
    let again = bench.plan_again(&config("two", vec![]), &first).await;
    assert_eq!(errors(&again.diagnostics), Vec::<&str>::new());
    assert_eq!(bench.main.calls(), Vec::<&str>::new());
    // The next walk looks.
    bench.state = Value::Null;
    let next = bench.plan(&config("two", vec![])).await;
    assert_eq!(errors(&next.diagnostics), ["Name is taken by an existing secret"]);
}

/// A move and a new recipe at once: what is told belongs to the value in the new vault.
#[tokio::test]
async fn move_with_another_recipe_tells_the_new_public_half() {
    let schema = crate::provider::schema::secret::schema();
    let AttributeKind::Nested(_, arguments) = &schema.attributes["generate"].kind else {
        panic!("generate is nested");
    };
    let pair = |profile: &str, owner: &str| -> Config<'static> {
        let mut generate = Value::object(arguments.keys().map(|name| (name, Value::Null)));
        generate.set("kind", text("ed25519"));
        generate.set("keepers", map(&[("owner", owner)]));
        vec![("name", text("db")), ("profile", text(profile)), ("generate", generate)]
    };
    let mut bench = Bench::new();
    succeed(&bench.apply(&pair("main", "anna")).await);
    let first = bench.text("public_key").unwrap().to_owned();
    succeed(&bench.apply(&pair("other", "anna")).await);
    assert_eq!(bench.text("public_key"), Some(first.as_str()), "a move alone keeps the value");
    succeed(&bench.apply(&pair("main", "berta")).await);
    let second = bench.text("public_key").expect("a public half").to_owned();
    assert_ne!(first, second);
    let planned = bench.plan(&pair("main", "berta")).await;
    assert!(planned.value.same(&bench.state));
}

#[tokio::test]
async fn adopted_secret_is_announced_and_taken_over() {
    let mut bench = given("theirs", vec![]).await;
    bench.state = Value::Null;
    let adopt = config("ours", vec![("on_existing", text("adopt"))]);
    let planned = bench.plan(&adopt).await;
    assert_eq!(warnings(&planned.diagnostics), ["Existing secret will be taken over"]);
    let diagnostics = bench.apply_planned(&adopt, planned).await;
    assert_eq!(warnings(&diagnostics), ["Existing secret was taken over"]);
    assert_eq!(bench.state.get("version"), &number(2));
    assert!(bench.plan(&adopt).await.value.same(&bench.state));
}

#[tokio::test]
async fn adopting_without_content_touches_metadata_only() {
    let mut bench = given("theirs", vec![]).await;
    bench.state = Value::Null;
    let adopt = vec![
        ("name", text("db")),
        ("on_existing", text("adopt")),
        ("manage_content", text("never")),
        ("description", text("ours")),
    ];
    succeed(&bench.apply(&adopt).await);
    assert_eq!((bench.main.value("db").as_deref(), bench.main.latest("db")), (Some("theirs"), 1));
    assert_eq!(bench.text("description"), Some("ours"));
}

#[tokio::test]
async fn destroy_and_create_again_recovers_without_a_version() {
    let mut bench = given("one", vec![]).await;
    let print = bench.text("fingerprint").map(str::to_owned);
    succeed(&bench.destroy().await);
    assert!(bench.state.is_null());
    let planned = bench.plan(&config("one", vec![])).await;
    assert_eq!(warnings(&planned.diagnostics), ["Deleted secret will be recovered"]);
    let diagnostics = bench.apply_planned(&config("one", vec![]), planned).await;
    assert_eq!(warnings(&diagnostics), ["Deleted secret was recovered"]);
    assert_eq!(bench.text("fingerprint").map(str::to_owned), print);
    assert_eq!(bench.main.latest("db"), 1);
}

#[tokio::test]
async fn deleted_name_is_refused_when_asked() {
    let mut bench = given("one", vec![]).await;
    succeed(&bench.destroy().await);
    let planned = bench.plan(&config("one", vec![("on_existing", text("fail"))])).await;
    assert_eq!(errors(&planned.diagnostics), ["Name is taken by a deleted secret"]);
    let detail = &planned.diagnostics.iter().next().unwrap().detail;
    assert!(detail.contains("until 2026-03-31"), "{detail}");
}

#[tokio::test]
async fn create_whose_state_was_lost_is_taken_up_again() {
    let mut bench = Bench::new();
    let wanted = config("one", vec![("tags", map(&[("a", "b")]))]);
    bench.main.fail("create", When::After, failing(ErrorKind::Unavailable));
    let diagnostics = bench.apply(&wanted).await;
    assert_eq!(errors(&diagnostics), ["Vault does not answer"]);
    assert!(bench.state.is_null());
    // The vault's clock is fixed, the provider's is not; only the age keeps this from going on.
    bench.main.edit("db", |record| record.created_at = Some(time::OffsetDateTime::now_utc()));
    let planned = bench.plan(&wanted).await;
    assert_eq!(warnings(&planned.diagnostics), ["Secret of an interrupted run will be taken over"]);
    succeed(&bench.apply_planned(&wanted, planned).await);
    assert_eq!(bench.main.latest("db"), 1);
    assert!(bench.plan(&wanted).await.value.same(&bench.state));
}

#[tokio::test]
async fn new_secret_without_content_is_told_at_plan() {
    let planned = Bench::new().plan(&vec![("name", text("db"))]).await;
    assert_eq!(errors(&planned.diagnostics), ["Content is missing"]);
    // With a version text the content may come at apply.
    let later = vec![("name", text("db")), ("content_wo_version", text("1"))];
    succeed(&Bench::new().plan(&later).await.diagnostics);
}

#[tokio::test]
async fn refused_look_fails_the_plan_of_a_create() {
    let bench = Bench::new();
    bench.main.fail("read", When::Before, failing(ErrorKind::PermissionDenied));
    let planned = bench.plan(&config("one", vec![])).await;
    assert_eq!(errors(&planned.diagnostics), ["Vault refused permission"]);
}

// Drift.

#[tokio::test]
async fn drift_is_overwritten() {
    let mut bench = given("ours", vec![]).await;
    bench.main.meddle("db", "theirs");
    succeed(&bench.refresh().await);
    assert_eq!(bench.state.get("version"), &number(2));
    succeed(&bench.apply(&config("ours", vec![])).await);
    assert_eq!(bench.main.value("db").as_deref(), Some("ours"));
    assert_eq!(bench.main.latest("db"), 3);
}

#[tokio::test]
async fn drift_is_accepted_until_the_configuration_changes() {
    for detection in [DriftDetection::Metadata, DriftDetection::Content] {
        let accept = |value: &str| config(value, vec![("on_drift", text("accept"))]);
        let mut bench = Bench::with(Memory::new(), detection);
        succeed(&bench.apply(&accept("ours")).await);
        bench.main.meddle("db", "theirs");
        succeed(&bench.refresh().await);
        assert!(bench.plan(&accept("ours")).await.value.same(&bench.state));
        bench.main.meddle("db", "theirs again");
        succeed(&bench.refresh().await);
        assert!(bench.plan(&accept("ours")).await.value.same(&bench.state));
        succeed(&bench.apply(&accept("new")).await);
        assert_eq!(bench.main.value("db").as_deref(), Some("new"));
        assert!(bench.plan(&accept("new")).await.value.same(&bench.state));
    }
}

#[tokio::test]
async fn metadata_drift_is_healed_and_nothing_else() {
    let wanted = config("one", vec![("description", text("ours"))]);
    let mut bench = Bench::new();
    succeed(&bench.apply(&wanted).await);
    bench.main.edit("db", |record| record.metadata.description = Some("theirs".to_owned()));
    succeed(&bench.refresh().await);
    assert_eq!(bench.text("description"), Some("theirs"));
    let planned = bench.plan(&wanted).await;
    assert_eq!(planned.unknown(), ["updated_at"]);
    succeed(&bench.apply_planned(&wanted, planned).await);
    assert_eq!(bench.main.latest("db"), 1);
}

#[tokio::test]
async fn secret_deleted_outside_leaves_the_state() {
    let mut bench = given("one", vec![]).await;
    let lifecycle = Lifecycle::Deleted { purge_at: None };
    bench.main.edit("db", |record| record.lifecycle = lifecycle);
    succeed(&bench.refresh().await);
    assert!(bench.state.is_null());
}

#[tokio::test]
async fn refused_refresh_keeps_the_state() {
    for kind in [ErrorKind::PermissionDenied, ErrorKind::Unauthenticated] {
        let mut bench = given("one", vec![]).await;
        let before = bench.state.clone();
        bench.main.fail("read", When::Before, failing(kind));
        let diagnostics = bench.refresh().await;
        assert!(diagnostics.has_errors());
        assert!(bench.state.same(&before));
    }
}

#[tokio::test]
async fn tags_of_the_profile_make_no_difference() {
    let mut bench = given("one", vec![]).await;
    succeed(&bench.refresh().await);
    assert!(bench.state.get("tags").is_null());
    assert!(bench.plan(&config("one", vec![])).await.value.same(&bench.state));
    // A tag that is set both ways stays the resource's.
    let both = config("one", vec![("tags", map(&[("team", "a")]))]);
    succeed(&bench.apply(&both).await);
    succeed(&bench.refresh().await);
    assert!(bench.plan(&both).await.value.same(&bench.state));
}

#[tokio::test]
async fn another_spelling_of_a_time_makes_no_difference() {
    let mut bench = given("one", vec![("expires_at", text("2030-01-31T13:00:00+01:00"))]).await;
    succeed(&bench.refresh().await);
    assert_eq!(bench.text("expires_at"), Some("2030-01-31T13:00:00+01:00"));
    let same = config("one", vec![("expires_at", text("2030-01-31T12:00:00Z"))]);
    assert!(bench.plan(&same).await.value.same(&bench.state));
}

// Deletion.

#[tokio::test]
async fn prevented_deletion_is_told_at_plan() {
    let bench = given("one", vec![("deletion_policy", text("prevent"))]).await;
    assert_eq!(errors(&bench.plan_destroy().await), ["Deletion is prevented"]);
    let renamed = config("one", vec![("deletion_policy", text("prevent")), ("name", text("db2"))]);
    let planned = bench.plan(&renamed).await;
    assert_eq!(errors(&planned.diagnostics), ["Deletion is prevented"]);
}

#[tokio::test]
async fn recoverable_deletion_is_refused_at_plan_where_there_is_none() {
    let memory = Memory::with(Capability { soft_delete: None, ..capability() });
    let mut bench = Bench::with(memory, DriftDetection::Metadata);
    succeed(&bench.apply(&config("one", vec![])).await);
    let diagnostics = bench.plan_destroy().await;
    assert_eq!(errors(&diagnostics), ["Vault cannot do this"]);
    let diagnostic = diagnostics.iter().next().unwrap();
    assert_eq!(diagnostic.path, Path::attribute("deletion_policy"));
    assert!(diagnostic.detail.contains("deletion_policy = \"destroy\""));
}

#[tokio::test]
async fn failed_deletion_keeps_the_state() {
    let mut bench = given("one", vec![]).await;
    let before = bench.state.clone();
    bench.main.fail("soft_delete", When::Before, failing(ErrorKind::PermissionDenied));
    assert!(bench.destroy().await.has_errors());
    assert!(bench.state.same(&before));
}

// Failures half-way.

#[tokio::test]
async fn update_that_fails_half_way_records_what_was_written() {
    let mut bench = given("one", vec![]).await;
    bench.main.fail("update_metadata", When::Before, failing(ErrorKind::PermissionDenied));
    let changed = config("two", vec![("description", text("x"))]);
    let diagnostics = bench.apply(&changed).await;
    assert_eq!(errors(&diagnostics), ["Vault refused permission"]);
    assert_eq!(bench.state.get("version"), &number(2));
    assert!(bench.state.get("description").is_null());
    assert!(bench.state.is_wholly_known());
    // The next plan has only the rest to do.
    let planned = bench.plan(&changed).await;
    assert_eq!(planned.unknown(), ["updated_at"]);
    succeed(&bench.apply_planned(&changed, planned).await);
    assert_eq!(bench.text("description"), Some("x"));
}

#[tokio::test]
async fn write_by_somebody_else_between_plan_and_apply_is_not_overwritten() {
    let mut bench = given("one", vec![]).await;
    let planned = bench.plan(&config("two", vec![])).await;
    bench.main.meddle("db", "theirs");
    let diagnostics = bench.apply_planned(&config("two", vec![]), planned).await;
    assert_eq!(errors(&diagnostics), ["Secret changed since the plan was made"]);
    assert_eq!(bench.main.value("db").as_deref(), Some("theirs"));
    assert_eq!(bench.state.get("version"), &number(1));
}

#[tokio::test]
async fn error_tells_attempt_answer_and_next_step() {
    let mut bench = Bench::new();
    let error = BackendError::permanent(ErrorKind::PermissionDenied, "create", "not yours")
        .with("request id", "r-1");
    bench.main.fail("create", When::Before, error);
    let diagnostics = bench.apply(&config("canary-value", vec![])).await;
    let diagnostic = diagnostics.iter().next().unwrap();
    for part in [
        "create secret \"db\" in profile \"main\"",
        "not yours (permission_denied)",
        "request id: r-1",
        "Next step: give the identity",
    ] {
        assert!(diagnostic.detail.contains(part), "{part}: {}", diagnostic.detail);
    }
    assert!(!format!("{diagnostics:?}").contains("canary"));
}

// Moves between profiles.

#[tokio::test]
async fn another_profile_moves_the_secret() {
    let mut bench = given("one", vec![("deletion_policy", text("destroy"))]).await;
    let print = bench.text("fingerprint").map(str::to_owned);
    let moved =
        config("one", vec![("deletion_policy", text("destroy")), ("profile", text("other"))]);
    let planned = bench.plan(&moved).await;
    assert!(planned.replaces.is_empty());
    succeed(&bench.apply_planned(&moved, planned).await);
    assert_eq!(bench.text("id"), Some("other/db"));
    assert_eq!(bench.text("fingerprint").map(str::to_owned), print);
    assert_eq!(bench.other.value("db").as_deref(), Some("one"));
    assert_eq!(bench.main.lifecycle("db"), None);
    succeed(&bench.refresh().await);
    assert!(bench.plan(&moved).await.value.same(&bench.state));
}

#[tokio::test]
async fn failed_move_says_where_the_secret_is() {
    let mut bench = given("one", vec![]).await;
    let moved = config("one", vec![("profile", text("other"))]);
    bench.main.fail("soft_delete", When::Before, failing(ErrorKind::PermissionDenied));
    let diagnostics = bench.apply(&moved).await;
    assert_eq!(errors(&diagnostics), ["Vault refused permission"]);
    assert_eq!(warnings(&diagnostics), ["Secret was not moved"]);
    assert_eq!(bench.text("profile"), Some("main"));
    bench.other.edit("db", |record| record.created_at = Some(time::OffsetDateTime::now_utc()));
    succeed(&bench.apply(&moved).await);
    assert_eq!(bench.text("profile"), Some("other"));
    assert_eq!(bench.other.latest("db"), 1);
}

#[tokio::test]
async fn disabled_secret_without_configured_content_is_not_moved() {
    let initial = |more: Config<'static>| {
        let mut arguments = vec![("manage_content", text("initial"))];
        arguments.extend(more);
        arguments
    };
    let mut bench = given("one", initial(vec![])).await;
    let disabled = config("one", initial(vec![("enabled", Value::Bool(false))]));
    succeed(&bench.apply(&disabled).await);
    let moved = |enabled| {
        let more = vec![("enabled", Value::Bool(enabled)), ("profile", text("other"))];
        config("one", initial(more))
    };
    for enabled in [false, true] {
        let planned = bench.plan(&moved(enabled)).await;
        assert_eq!(errors(&planned.diagnostics), ["Disabled secret cannot be moved"]);
    }
    // A profile that is not known yet may be the one that it is in.
    let more = vec![("enabled", Value::Bool(false)), ("profile", Value::UNKNOWN)];
    let planned = bench.plan(&config("one", initial(more))).await;
    assert_eq!(errors(&planned.diagnostics), [""; 0]);
    // With the content at hand nothing has to be read.
    let with_content =
        config("one", vec![("enabled", Value::Bool(false)), ("profile", text("other"))]);
    succeed(&bench.apply(&with_content).await);
    assert_eq!(bench.other.value("db").as_deref(), Some("one"));
}

// Import and moved blocks.

#[tokio::test]
async fn first_plan_after_an_import_is_empty() {
    let mut bench = given("one", vec![("tags", map(&[("env", "prod")]))]).await;
    bench.main.meddle("db", "theirs");
    bench.state = Value::Null;
    bench.private = Vec::new();
    succeed(&bench.import("main/db").await);
    let same = config("theirs", vec![("tags", map(&[("env", "prod")]))]);
    assert!(bench.plan(&same).await.value.same(&bench.state), "{:?}", bench.state);
    assert_eq!(bench.main.latest("db"), 2);
    let other = bench.plan(&config("ours", vec![("tags", map(&[("env", "prod")]))])).await;
    assert!(other.unknown().contains(&"fingerprint"));
}

#[tokio::test]
async fn import_with_accepted_drift_compares_with_what_was_imported() {
    let accept = |value: &str| config(value, vec![("on_drift", text("accept"))]);
    let mut bench = given("one", vec![]).await;
    bench.state = Value::Null;
    bench.private = Vec::new();
    succeed(&bench.import("main/db").await);
    bench.main.meddle("db", "theirs");
    succeed(&bench.refresh().await);
    let planned = bench.plan(&accept("one")).await;
    assert!(planned.unknown().is_empty());
}

#[tokio::test]
async fn wrong_ids_are_explained() {
    for (id, part) in [
        ("db", "main/app/db-password"),
        ("nowhere/db", "Known profiles: main, other"),
        ("main/", "not be empty"),
    ] {
        let mut bench = Bench::new();
        let diagnostics = bench.import(id).await;
        let diagnostic = diagnostics.iter().next().unwrap();
        assert!(diagnostic.detail.contains(part), "{id}: {}", diagnostic.detail);
    }
}

#[tokio::test]
async fn state_of_another_type_gives_its_name_and_nothing_else() {
    for (ty, state) in [
        ("aws_secretsmanager_secret", r#"{"name":"db","description":"canary"}"#),
        ("azurerm_key_vault_secret", r#"{"name":"db","value":"canary"}"#),
        ("vault_kv_secret_v2", r#"{"name":"db","data_json":"canary","mount":"kv"}"#),
        ("oci_vault_secret", r#"{"secret_name":"db","secret_content":[{"content":"canary"}]}"#),
        ("google_secret_manager_secret", r#"{"secret_id":"db","labels":{"x":"canary"}}"#),
    ] {
        let mut bench = given("one", vec![]).await;
        bench.state = Value::Null;
        succeed(&bench.take_over(ty, state).await);
        assert_eq!(bench.text("id"), Some("main/db"), "{ty}");
        assert!(bench.plan(&config("one", vec![])).await.value.same(&bench.state));
        assert!(!String::from_utf8_lossy(&bench.private).contains("canary"));
        let mut other = Vec::new();
        collect(&bench.state, &mut other);
        assert!(other.iter().all(|text| !text.contains("canary")), "{ty}");
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.as_str().to_owned()),
        Value::Object(entries) | Value::Map(entries) => {
            entries.values().for_each(|value| collect(value, texts));
        }
        _ => {}
    }
}

#[tokio::test]
async fn moved_secret_must_be_found() {
    let mut bench = Bench::new();
    let diagnostics = bench.take_over("aws_secretsmanager_secret", r#"{"name":"elsewhere"}"#).await;
    assert_eq!(errors(&diagnostics), ["Moved secret was not found"]);
    assert!(!bench.state.is_null());
}
