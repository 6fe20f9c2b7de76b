//! The conformance suite: what every backend must do, by what it says it can do.
//!
//! Each case runs on a fresh vault of every line of the catalogue. Where a capability is missing,
//! the case asserts that the call is refused as unsupported; nothing skips silently. A new backend
//! joins with one line in [`harness::fresh`].

pub mod harness;

use std::collections::BTreeMap;

use crate::support::cli::report_ignored;
use coffer::domain::kind::{Content, Kind};
use coffer::domain::material::Secret;
use coffer::domain::port::{
    BackendError, ErrorKind, Lifecycle, ListFilter, Lists, Metadata, MetadataPatch, NewSecret,
    NewVersion, Options, Stage, Status, VersionSelector,
};
use coffer::domain::rotation::RotationState;
use harness::{CURRENT, Subject, backends, generic, name, nonce, print};
use time::{Duration, OffsetDateTime};

/// One test for each case; a failed one names the backend.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        const CASES: &[&str] = &[$(stringify!($case)),+];

        mod case {
            use std::panic::AssertUnwindSafe;

            use futures_util::FutureExt as _;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    for backend in super::backends() {
                        if let Some(reason) = super::harness::unavailable(backend) {
                            super::report_ignored(backend, stringify!($case), &reason);
                            continue;
                        }
                        let subject = super::Subject::new(backend);
                        if let Some(reason) = subject.gap(stringify!($case)) {
                            subject.report_gap(stringify!($case), reason);
                            continue;
                        }
                        let outcome = AssertUnwindSafe(super::$case(&subject)).catch_unwind().await;
                        assert!(outcome.is_ok(), "the backend {backend} fails, see above");
                    }
                }
            )+
        }
    };
}

/// Names in gaps that are no cases would hide nothing and mislead.
#[test]
fn gaps_name_existing_cases() {
    for backend in backends() {
        for (case, reason) in harness::gaps(backend) {
            assert!(CASES.contains(case), "{backend}: there is no case {case}");
            assert!(reason.len() > 20, "{backend}: {case} needs a reason");
        }
    }
}

cases! {
    reading_an_empty_vault_finds_nothing,
    created_secret_is_read_back,
    created_secret_has_one_current_version,
    taken_name_is_refused,
    repeated_create_returns_the_first,
    every_byte_string_comes_back_exactly,
    every_type_comes_back_exactly,
    largest_value_is_kept_and_a_larger_one_refused,
    longest_name_and_every_allowed_character_are_kept,
    names_differ_by_case,
    metadata_is_kept_and_cleared,
    metadata_patch_leaves_the_rest,
    too_many_tags_are_refused,
    disabled_secret_is_not_read,
    fingerprint_is_replaced_by_metadata_patch,
    version_write_is_listed,
    version_write_moves_current,
    repeated_version_write_returns_the_first,
    stale_expected_version_is_refused,
    pending_version_does_not_reach_readers,
    promoted_version_is_read,
    rollback_uploads_nothing,
    second_pending_version_retires_the_first,
    first_version_cannot_be_pending,
    unknown_version_is_not_found,
    only_deprecated_versions_are_deleted,
    deleted_version_number_is_never_used_again,
    list_returns_each_secret_once,
    list_honours_the_prefix,
    list_pages_reach_the_end,
    soft_deleted_secret_is_recovered_with_all_versions,
    soft_deleted_name_stays_taken,
    soft_deleted_secret_is_not_written,
    soft_deleted_secret_expires,
    recovery_window_limits_are_enforced,
    purged_name_is_free_again,
    purging_nothing_is_not_found,
    writes_to_missing_secrets_are_not_found,
    backup_restores_everything,
    restore_refuses_a_taken_name,
    damaged_backup_is_refused,
    another_client_sees_every_write,
    concurrent_writers_lose_nothing,
    concurrent_conditional_writers_yield_one_winner,
    errors_say_nothing_about_values,
}

fn assert_kind<T: std::fmt::Debug>(
    result: Result<T, BackendError>,
    kind: ErrorKind,
) -> BackendError {
    let error = result.expect_err("the call is refused");
    assert_eq!(error.kind, kind, "{error}");
    error
}

/// Moves a version of the secret `a`.
async fn set_state(s: &Subject, number: u64, state: RotationState) -> Result<(), BackendError> {
    s.backend.set_rotation_state(&name("a"), number, state).await
}

async fn reading_an_empty_vault_finds_nothing(s: &Subject) {
    assert_kind(s.backend.read(&name("a")).await, ErrorKind::NotFound);
    assert_kind(s.backend.list_versions(&name("a")).await, ErrorKind::NotFound);
    assert_kind(s.value("a", CURRENT).await, ErrorKind::NotFound);
    let page = s.backend.list(&ListFilter::default(), None).await.expect("an empty page");
    assert!(page.items.is_empty() && page.next.is_none());
}

async fn created_secret_is_read_back(s: &Subject) {
    let created = s.create("app-db", "one").await;
    assert_eq!(s.backend.read(&name("app-db")).await.expect("it is there"), created);
    assert_eq!(s.current("app-db").await, "one");
    assert_eq!(created.name, name("app-db"));
    assert_eq!(created.lifecycle, Lifecycle::Active);
    assert!(!created.backend_id.is_empty());
    assert_eq!(created.kind, Some(Kind::Generic));
    assert_eq!(created.salt, Some(print(&generic(b"one")).salt()));
}

async fn created_secret_has_one_current_version(s: &Subject) {
    let created = s.create("a", "one").await;
    assert_eq!(created.latest, 1);
    let versions = s.backend.list_versions(&name("a")).await.expect("versions");
    assert_eq!(versions, [created.current.expect("a current version")]);
    assert_eq!(s.states("a").await, [(1, "current, latest".to_owned())]);
    assert_eq!(versions[0].fingerprint, Some(print(&generic(b"one"))));
}

async fn taken_name_is_refused(s: &Subject) {
    s.create("a", "one").await;
    let error = assert_kind(s.try_create("a", "two", nonce()).await, ErrorKind::AlreadyExists);
    assert!(!error.context.iter().any(|(key, _)| *key == "deleted"));
    assert_eq!(s.current("a").await, "one");
}

async fn repeated_create_returns_the_first(s: &Subject) {
    let nonce = nonce();
    let first = s.try_create("a", "one", nonce).await.expect("created");
    let second = s.try_create("a", "one", nonce).await.expect("the same again");
    assert_eq!(first, second);
    assert_eq!(s.states("a").await.len(), 1);
}

async fn every_byte_string_comes_back_exactly(s: &Subject) {
    let mut values: Vec<Vec<u8>> = vec![
        b"plain".to_vec(),
        b"nul\0inside\0".to_vec(),
        b"\r\n\t line ends \r".to_vec(),
        b"\xef\xbb\xbfbyte order mark".to_vec(),
        b"\xff\xfe\xc3\x28 not UTF-8".to_vec(),
        "e\u{301} and \u{e9} stay apart".as_bytes().to_vec(),
        (0..=255).collect(),
    ];
    values.extend((1..200).map(|length| vec![b'x'; length]));
    for (place, value) in values.iter().enumerate() {
        let secret = name(&format!("bytes-{place}"));
        let content = generic(value);
        create(s, &secret, &content).await;
        let read = s.backend.read_content(&secret, CURRENT).await.expect("it is there");
        assert_eq!(read.content, content, "value {place}");
    }
}

async fn every_type_comes_back_exactly(s: &Subject) {
    let text = |fields: &[(&str, &str)]| -> Vec<(String, Secret)> {
        fields.iter().map(|(k, v)| ((*k).to_owned(), Secret::from(*v))).collect()
    };
    for (kind, fields) in [
        (Kind::Generic, text(&[("value", "v")])),
        (Kind::ApiKey, text(&[("value", "k-123")])),
        (Kind::BasicAuth, text(&[("username", "u"), ("password", "p w")])),
        (Kind::KeyValue, text(&[("B", "2"), ("a", "1"), ("empty", "")])),
    ] {
        let secret = name(&kind.code().replace('_', "-"));
        let content = Content::new(kind, fields).expect("valid content");
        create(s, &secret, &content).await;
        let read = s.backend.read_content(&secret, CURRENT).await.expect("it is there");
        assert_eq!(read.content, content);
        let record = s.backend.read(&secret).await.expect("it is there");
        assert_eq!(record.kind, Some(kind));
    }
}

async fn create(s: &Subject, secret: &coffer::domain::secret::SecretName, content: &Content) {
    try_create_with(s, secret, content, Metadata { enabled: true, ..Metadata::default() })
        .await
        .expect("the secret is created");
}

async fn try_create_with(
    s: &Subject,
    secret: &coffer::domain::secret::SecretName,
    content: &Content,
    metadata: Metadata,
) -> Result<coffer::domain::port::SecretRecord, BackendError> {
    let print = print(content);
    let version = NewVersion {
        content,
        fingerprint: &print,
        stage: Stage::Current,
        expected_version: None,
        nonce: nonce(),
    };
    s.backend.create(NewSecret { name: secret, metadata, options: Options::new(), version }).await
}

async fn largest_value_is_kept_and_a_larger_one_refused(s: &Subject) {
    let largest = generic(&vec![0x5a; s.capability.max_value_bytes]);
    create(s, &name("largest"), &largest).await;
    let read = s.backend.read_content(&name("largest"), CURRENT).await.expect("it is there");
    assert!(read.content == largest, "the largest value came back changed");
    let larger = generic(&vec![0x5a; s.capability.max_value_bytes + 1]);
    let enabled = Metadata { enabled: true, ..Metadata::default() };
    let refused = try_create_with(s, &name("larger"), &larger, enabled).await;
    assert_kind(refused, ErrorKind::InvalidRequest);
    assert_kind(s.backend.read(&name("larger")).await, ErrorKind::NotFound);
}

async fn longest_name_and_every_allowed_character_are_kept(s: &Subject) {
    let mut names = vec!["n".repeat(s.capability.max_name_bytes)];
    for character in s.capability.name_punctuation.chars() {
        names.push(format!("a{character}b"));
    }
    if s.capability.unicode_names {
        names.push("Schl\u{fc}ssel/\u{1f511}".to_owned());
    }
    for text in &names {
        s.create(text, text).await;
    }
    for text in &names {
        assert_eq!(s.current(text).await, *text);
    }
}

async fn names_differ_by_case(s: &Subject) {
    if s.capability.case_sensitive_names {
        s.create("Name", "upper").await;
        s.create("name", "lower").await;
        assert_eq!(s.current("Name").await, "upper");
    } else {
        s.create("Name", "upper").await;
        assert_kind(s.try_create("name", "lower", nonce()).await, ErrorKind::AlreadyExists);
    }
}

fn full_metadata(s: &Subject) -> Metadata {
    let instant = |seconds| OffsetDateTime::from_unix_timestamp(seconds).expect("a time");
    let times = s.capability.validity_times;
    Metadata {
        description: (s.capability.max_description_chars > 0)
            .then(|| "what it is \u{2013} for people".to_owned()),
        content_type: Some("text/plain".to_owned()),
        tags: (0..s.capability.max_tags.min(5))
            .map(|n| (format!("key-{n}"), format!("value {n}")))
            .collect(),
        not_before: times.then(|| instant(1_700_000_000)),
        expires_at: times.then(|| instant(4_000_000_000)),
        enabled: true,
    }
}

async fn metadata_is_kept_and_cleared(s: &Subject) {
    let metadata = full_metadata(s);
    let created =
        try_create_with(s, &name("a"), &generic(b"v"), metadata.clone()).await.expect("created");
    assert_eq!(created.metadata, metadata);
    let patch = MetadataPatch {
        description: (s.capability.max_description_chars > 0).then_some(None),
        content_type: Some(None),
        tags: Some(BTreeMap::new()),
        not_before: s.capability.validity_times.then_some(None),
        expires_at: s.capability.validity_times.then_some(None),
        ..MetadataPatch::default()
    };
    let cleared = s.backend.update_metadata(&name("a"), patch).await.expect("cleared");
    assert_eq!(cleared.metadata, Metadata { enabled: true, ..Metadata::default() });
    assert_eq!(s.backend.read(&name("a")).await.expect("it is there"), cleared);
}

async fn metadata_patch_leaves_the_rest(s: &Subject) {
    let metadata = full_metadata(s);
    try_create_with(s, &name("a"), &generic(b"v"), metadata.clone()).await.expect("created");
    let patch =
        MetadataPatch { content_type: Some(Some("new".to_owned())), ..MetadataPatch::default() };
    let record = s.backend.update_metadata(&name("a"), patch).await.expect("changed");
    assert_eq!(record.metadata, Metadata { content_type: Some("new".to_owned()), ..metadata });
    assert_eq!(record.latest, 1, "metadata makes no version");
    assert_eq!(s.current("a").await, "v");
}

async fn too_many_tags_are_refused(s: &Subject) {
    let tags = |count: usize| (0..count).map(|n| (format!("k{n}"), "v".to_owned())).collect();
    let most = Metadata { tags: tags(s.capability.max_tags), enabled: true, ..Metadata::default() };
    try_create_with(s, &name("most"), &generic(b"v"), most).await.expect("created");
    let more =
        Metadata { tags: tags(s.capability.max_tags + 1), enabled: true, ..Metadata::default() };
    let refused = try_create_with(s, &name("more"), &generic(b"v"), more).await;
    assert_kind(refused, ErrorKind::InvalidRequest);
}

async fn disabled_secret_is_not_read(s: &Subject) {
    s.create("a", "one").await;
    let enable = |enabled| MetadataPatch { enabled: Some(enabled), ..MetadataPatch::default() };
    let disabled = s.backend.update_metadata(&name("a"), enable(false)).await;
    if !s.capability.disable {
        assert_kind(disabled, ErrorKind::Unsupported);
        return;
    }
    assert_eq!(disabled.expect("disabled").lifecycle, Lifecycle::Disabled);
    assert_kind(s.value("a", CURRENT).await, ErrorKind::Precondition);
    let enabled = s.backend.update_metadata(&name("a"), enable(true)).await.expect("enabled");
    assert_eq!(enabled.lifecycle, Lifecycle::Active);
    assert_eq!(s.current("a").await, "one");
}

async fn fingerprint_is_replaced_by_metadata_patch(s: &Subject) {
    s.create("a", "one").await;
    let other = print(&generic(b"another key made this one"));
    let patch = MetadataPatch { fingerprint: Some(other.clone()), ..MetadataPatch::default() };
    let record = s.backend.update_metadata(&name("a"), patch).await.expect("changed");
    assert_eq!(record.current.expect("current").fingerprint, Some(other));
    assert_eq!(record.latest, 1);
}

async fn version_write_is_listed(s: &Subject) {
    s.create("a", "one").await;
    let version = s.put("a", "two", Stage::Current).await;
    assert_eq!(version.number, 2);
    let versions = s.backend.list_versions(&name("a")).await.expect("versions");
    assert_eq!(versions.last(), Some(&version));
    let ids: std::collections::BTreeSet<_> = versions.iter().map(|v| &v.version_id).collect();
    assert_eq!(ids.len(), versions.len(), "version ids are unique");
}

async fn version_write_moves_current(s: &Subject) {
    s.create("a", "one").await;
    s.put("a", "two", Stage::Current).await;
    s.put("a", "three", Stage::Current).await;
    assert_eq!(s.current("a").await, "three");
    assert_eq!(s.value("a", VersionSelector::Number(1)).await.expect("kept"), "one");
    let previous = VersionSelector::State(RotationState::Previous);
    assert_eq!(s.value("a", previous).await.expect("kept"), "two");
    assert_eq!(s.backend.read(&name("a")).await.expect("it is there").latest, 3);
    let expected = [(1, "deprecated"), (2, "previous"), (3, "current, latest")];
    assert_eq!(s.states("a").await, expected.map(|(n, states)| (n, states.to_owned())));
}

async fn repeated_version_write_returns_the_first(s: &Subject) {
    s.create("a", "one").await;
    let nonce = nonce();
    let first = s.try_put("a", "two", Stage::Current, Some(1), nonce).await.expect("stored");
    let again = s.try_put("a", "two", Stage::Current, Some(1), nonce).await.expect("the same");
    assert_eq!(first, again);
    assert_eq!(s.states("a").await.len(), 2);
}

async fn stale_expected_version_is_refused(s: &Subject) {
    s.create("a", "one").await;
    let put = |expected| s.try_put("a", "two", Stage::Current, expected, nonce());
    put(Some(1)).await.expect("nobody wrote in between");
    if s.capability.compare_and_set {
        assert_kind(put(Some(1)).await, ErrorKind::Precondition);
        assert_kind(put(Some(9)).await, ErrorKind::Precondition);
    }
    put(Some(2)).await.expect("the latest is 2");
}

async fn pending_version_does_not_reach_readers(s: &Subject) {
    s.create("a", "one").await;
    let pending = s.try_put("a", "two", Stage::Pending, None, nonce()).await;
    if !s.capability.pending_versions {
        assert_kind(pending, ErrorKind::Unsupported);
        return;
    }
    assert_eq!(s.current("a").await, "one");
    let selector = VersionSelector::State(RotationState::Pending);
    assert_eq!(s.value("a", selector).await.expect("pending"), "two");
    let record = s.backend.read(&name("a")).await.expect("it is there");
    assert_eq!((record.current.expect("current").number, record.latest), (1, 2));
}

async fn promoted_version_is_read(s: &Subject) {
    if !s.capability.pending_versions {
        return pending_version_does_not_reach_readers(s).await;
    }
    s.create("a", "one").await;
    s.put("a", "two", Stage::Pending).await;
    set_state(s, 2, RotationState::Current).await.expect("promoted");
    assert_eq!(s.current("a").await, "two");
    let expected = [(1, "previous".to_owned()), (2, "current, latest".to_owned())];
    assert_eq!(s.states("a").await, expected);
    set_state(s, 2, RotationState::Current)
        .await
        .expect("promoting the current version changes nothing");
    assert_eq!(s.states("a").await, expected);
}

async fn rollback_uploads_nothing(s: &Subject) {
    s.create("a", "one").await;
    s.put("a", "two", Stage::Current).await;
    set_state(s, 1, RotationState::Current).await.expect("rolled back");
    assert_eq!(s.current("a").await, "one");
    assert_eq!(s.backend.read(&name("a")).await.expect("it is there").latest, 2);
    let next = s.put("a", "three", Stage::Current).await;
    assert_eq!(next.number, 3);
}

async fn second_pending_version_retires_the_first(s: &Subject) {
    if !s.capability.pending_versions {
        return pending_version_does_not_reach_readers(s).await;
    }
    s.create("a", "one").await;
    s.put("a", "two", Stage::Pending).await;
    s.put("a", "three", Stage::Pending).await;
    let expected = [(1, "current"), (2, "deprecated"), (3, "latest, pending")];
    assert_eq!(s.states("a").await, expected.map(|(n, states)| (n, states.to_owned())));
}

async fn first_version_cannot_be_pending(s: &Subject) {
    let content = generic(b"v");
    let print = print(&content);
    let version = NewVersion {
        content: &content,
        fingerprint: &print,
        stage: Stage::Pending,
        expected_version: None,
        nonce: nonce(),
    };
    let metadata = Metadata { enabled: true, ..Metadata::default() };
    let refused = s
        .backend
        .create(NewSecret { name: &name("a"), metadata, options: Options::new(), version })
        .await;
    assert_kind(refused, ErrorKind::InvalidRequest);
    assert_kind(s.backend.read(&name("a")).await, ErrorKind::NotFound);
}

async fn unknown_version_is_not_found(s: &Subject) {
    let deletion =
        if s.capability.delete_versions { ErrorKind::NotFound } else { ErrorKind::Unsupported };
    s.create("a", "one").await;
    assert_kind(s.value("a", VersionSelector::Number(2)).await, ErrorKind::NotFound);
    let deprecated = VersionSelector::State(RotationState::Deprecated);
    assert_kind(s.value("a", deprecated).await, ErrorKind::NotFound);
    let state = s.backend.set_rotation_state(&name("a"), 2, RotationState::Current).await;
    assert_kind(state, ErrorKind::NotFound);
    assert_kind(s.backend.delete_version(&name("a"), 2).await, deletion);
}

/// Retires a version of the secret `a`; false where a vault moves states only by itself.
async fn retires(s: &Subject, number: u64) -> bool {
    match set_state(s, number, RotationState::Deprecated).await {
        Err(error) if error.kind == ErrorKind::Unsupported => false,
        result => {
            result.expect("retired");
            true
        }
    }
}

async fn only_deprecated_versions_are_deleted(s: &Subject) {
    s.create("a", "one").await;
    s.put("a", "two", Stage::Current).await;
    if !s.capability.delete_versions {
        assert_kind(s.backend.delete_version(&name("a"), 1).await, ErrorKind::Unsupported);
        return;
    }
    for number in [1, 2] {
        let refused = s.backend.delete_version(&name("a"), number).await;
        assert_kind(refused, ErrorKind::Precondition);
    }
    let deprecated = RotationState::Deprecated;
    assert_kind(set_state(s, 2, deprecated).await, ErrorKind::Precondition);
    if !retires(s, 1).await {
        s.put("a", "three", Stage::Current).await;
    }
    let current = s.current("a").await;
    s.backend.delete_version(&name("a"), 1).await.expect("deleted");
    let versions = s.backend.list_versions(&name("a")).await.expect("versions");
    // A vault that deletes after a window still lists it, with the time.
    assert!(versions.iter().all(|v| v.number != 1 || v.deletion_scheduled_at.is_some()));
    assert_kind(s.value("a", VersionSelector::Number(1)).await, ErrorKind::NotFound);
    assert_eq!(s.current("a").await, current);
}

async fn deleted_version_number_is_never_used_again(s: &Subject) {
    if !s.capability.delete_versions {
        return only_deprecated_versions_are_deleted(s).await;
    }
    if !s.capability.pending_versions {
        return pending_version_does_not_reach_readers(s).await;
    }
    s.create("a", "one").await;
    s.put("a", "two", Stage::Pending).await;
    let mut next = 3;
    if !retires(s, 2).await {
        s.put("a", "another", Stage::Pending).await;
        next = 4;
    }
    s.backend.delete_version(&name("a"), 2).await.expect("deleted");
    assert_eq!(s.put("a", "three", Stage::Current).await.number, next);
}

async fn listed(s: &Subject, filter: &ListFilter) -> Vec<String> {
    let mut names = Vec::new();
    let mut page = None;
    loop {
        let answer = s.backend.list(filter, page).await.expect("a page");
        names.extend(answer.items.iter().map(|record| record.name.to_string()));
        page = answer.next;
        if page.is_none() {
            return names;
        }
    }
}

async fn list_returns_each_secret_once(s: &Subject) {
    for secret in ["b", "a", "c-d"] {
        s.create(secret, "v").await;
    }
    let mut names = listed(s, &ListFilter::default()).await;
    names.sort();
    assert_eq!(names, ["a", "b", "c-d"]);
    if s.capability.lists == Lists::Partial {
        return;
    }
    let page = s.backend.list(&ListFilter::default(), None).await.expect("a page");
    for mut record in page.items {
        let read = s.backend.read(&record.name).await.expect("it is there");
        if matches!(s.capability.lists, Lists::Recognisable { .. }) {
            assert_eq!(record.created_at, None);
            record.created_at = read.created_at;
            let current = record.current.as_mut().expect("it is told");
            assert_eq!(current.version_id, "");
            current.version_id.clone_from(&read.current.as_ref().expect("it is there").version_id);
        }
        assert_eq!(record, read);
    }
}

async fn list_honours_the_prefix(s: &Subject) {
    for secret in ["app-a", "app-b", "application", "other"] {
        s.create(secret, "v").await;
    }
    let filter = ListFilter { name_prefix: Some("app-".to_owned()), ..ListFilter::default() };
    let mut names = listed(s, &filter).await;
    names.sort();
    assert_eq!(names, ["app-a", "app-b"]);
}

async fn list_pages_reach_the_end(s: &Subject) {
    let names: Vec<String> = (0..s.harness.many()).map(|n| format!("secret-{n:04}")).collect();
    let creations = names.iter().map(|secret| s.create(secret, "v"));
    futures_util::future::join_all(creations).await;
    let mut found = listed(s, &ListFilter::default()).await;
    found.sort();
    assert_eq!(found, names);
}

async fn soft_deleted_secret_is_recovered_with_all_versions(s: &Subject) {
    s.create("a", "one").await;
    s.put("a", "two", Stage::Current).await;
    let before = s.states("a").await;
    let deleted = s.backend.soft_delete(&name("a"), None).await;
    let Some(window) = s.capability.soft_delete else {
        assert_kind(deleted, ErrorKind::Unsupported);
        return;
    };
    let Lifecycle::Deleted { purge_at: Some(at) } = deleted.expect("deleted").lifecycle else {
        panic!("a soft-deleted secret says when it goes");
    };
    let days = (at - OffsetDateTime::now_utc()).whole_hours() + 1;
    assert_eq!(days / 24, i64::from(window.default_days));
    assert!(listed(s, &ListFilter::default()).await.is_empty());
    let all = ListFilter { include_deleted: true, ..ListFilter::default() };
    assert_eq!(listed(s, &all).await, ["a"]);
    let recovered = s.backend.recover(&name("a")).await.expect("recovered");
    assert_eq!(recovered.lifecycle, Lifecycle::Active);
    assert_eq!(s.states("a").await, before);
    assert_eq!(s.current("a").await, "two");
    assert_kind(s.backend.recover(&name("a")).await, ErrorKind::NotFound);
}

/// A vault with one soft-deleted secret `a`, or `false` where there is no soft deletion.
async fn with_deleted(s: &Subject) -> bool {
    s.create("a", "one").await;
    let deleted = s.backend.soft_delete(&name("a"), None).await;
    if s.capability.soft_delete.is_none() {
        assert_kind(deleted, ErrorKind::Unsupported);
        return false;
    }
    deleted.expect("deleted");
    true
}

async fn soft_deleted_name_stays_taken(s: &Subject) {
    if with_deleted(s).await {
        let error = assert_kind(s.try_create("a", "two", nonce()).await, ErrorKind::AlreadyExists);
        assert!(error.context.iter().any(|(key, _)| *key == "deleted"), "{error:?}");
        let record = s.backend.read(&name("a")).await.expect("its metadata is still there");
        assert!(matches!(record.lifecycle, Lifecycle::Deleted { .. }));
    }
}

async fn soft_deleted_secret_is_not_written(s: &Subject) {
    if with_deleted(s).await {
        let put = s.try_put("a", "two", Stage::Current, None, nonce()).await;
        assert_kind(put, ErrorKind::Precondition);
        let patch = s.backend.update_metadata(&name("a"), MetadataPatch::default()).await;
        assert_kind(patch, ErrorKind::Precondition);
        assert_kind(s.value("a", CURRENT).await, ErrorKind::Precondition);
    }
}

async fn soft_deleted_secret_expires(s: &Subject) {
    let Some(window) = s.capability.soft_delete else {
        with_deleted(s).await;
        return;
    };
    s.create("a", "one").await;
    s.create("b", "kept").await;
    // A vault whose window is fixed takes no other.
    let days = Duration::days(window.default_days.into());
    s.backend.soft_delete(&name("a"), Some(days)).await.expect("deleted");
    s.harness.advance(days + Duration::minutes(1));
    assert_kind(s.backend.read(&name("a")).await, ErrorKind::NotFound);
    assert_kind(s.backend.recover(&name("a")).await, ErrorKind::NotFound);
    s.create("a", "another").await;
    assert_eq!(s.current("a").await, "another");
    assert_eq!(s.states("a").await.len(), 1);
    assert_eq!(s.current("b").await, "kept");
}

async fn recovery_window_limits_are_enforced(s: &Subject) {
    let Some(window) = s.capability.soft_delete else {
        with_deleted(s).await;
        return;
    };
    s.create("a", "one").await;
    let too_long = Duration::days(i64::from(window.max_days) + 1);
    let too_short = Duration::days(window.min_days.into()) - Duration::hours(1);
    for wrong in [too_long, too_short] {
        let refused = s.backend.soft_delete(&name("a"), Some(wrong)).await;
        assert_kind(refused, ErrorKind::InvalidRequest);
    }
    assert_eq!(s.current("a").await, "one");
}

/// For a vault that destroys nothing at once: true after having seen it refuse.
async fn refuses_to_purge(s: &Subject) -> bool {
    if s.capability.purge {
        return false;
    }
    s.create("purge-me", "one").await;
    assert_kind(s.backend.purge(&name("purge-me")).await, ErrorKind::Unsupported);
    assert_eq!(s.current("purge-me").await, "one");
    true
}

async fn purged_name_is_free_again(s: &Subject) {
    if refuses_to_purge(s).await {
        return;
    }
    s.create("a", "one").await;
    s.backend.purge(&name("a")).await.expect("purged");
    assert_kind(s.backend.read(&name("a")).await, ErrorKind::NotFound);
    let second = s.create("a", "two").await;
    assert_eq!(s.current("a").await, "two");
    assert_eq!(second.latest, 1);
    if s.capability.soft_delete.is_some() {
        s.backend.soft_delete(&name("a"), None).await.expect("deleted");
        s.backend.purge(&name("a")).await.expect("a soft-deleted secret can be purged");
        assert_kind(s.backend.recover(&name("a")).await, ErrorKind::NotFound);
    }
}

async fn purging_nothing_is_not_found(s: &Subject) {
    if refuses_to_purge(s).await {
        return;
    }
    assert_kind(s.backend.purge(&name("a")).await, ErrorKind::NotFound);
    s.create("b", "v").await;
    assert_kind(s.backend.purge(&name("a")).await, ErrorKind::NotFound);
}

async fn writes_to_missing_secrets_are_not_found(s: &Subject) {
    for vault in ["empty", "in use"] {
        let put = s.try_put("a", "v", Stage::Current, None, nonce()).await;
        assert_kind(put, ErrorKind::NotFound);
        let patch = s.backend.update_metadata(&name("a"), MetadataPatch::default()).await;
        assert_kind(patch, ErrorKind::NotFound);
        let promote = s.backend.set_rotation_state(&name("a"), 1, RotationState::Current).await;
        assert_kind(promote, ErrorKind::NotFound);
        if s.capability.soft_delete.is_some() {
            assert_kind(s.backend.soft_delete(&name("a"), None).await, ErrorKind::NotFound);
            assert_kind(s.backend.recover(&name("a")).await, ErrorKind::NotFound);
        }
        if vault == "empty" {
            s.create("b", "v").await;
        }
    }
}

async fn backup_restores_everything(s: &Subject) {
    try_create_with(s, &name("a"), &generic(b"one"), full_metadata(s)).await.expect("created");
    s.put("a", "two", Stage::Current).await;
    let backup = s.backend.backup(&name("a")).await;
    if !s.capability.backup {
        assert_kind(backup, ErrorKind::Unsupported);
        return;
    }
    let backup = backup.expect("a backup");
    for plain in ["one", "two", "what it is"] {
        let found = backup.windows(plain.len()).any(|window| window == plain.as_bytes());
        assert!(!found, "the backup is not encrypted");
    }
    assert!(s.capability.purge, "a backup of a vault without purge needs another case");
    let (states, before) = (s.states("a").await, s.backend.read(&name("a")).await.expect("there"));
    s.backend.purge(&name("a")).await.expect("purged");
    let restored = s.backend.restore(&backup).await.expect("restored");
    assert_eq!((&restored.metadata, restored.latest), (&before.metadata, before.latest));
    assert_eq!(s.states("a").await, states);
    assert_eq!(s.value("a", VersionSelector::Number(1)).await.expect("kept"), "one");
    assert_eq!(s.current("a").await, "two");
}

async fn restore_refuses_a_taken_name(s: &Subject) {
    if s.capability.backup {
        s.create("a", "one").await;
        let backup = s.backend.backup(&name("a")).await.expect("a backup");
        s.put("a", "two", Stage::Current).await;
        assert_kind(s.backend.restore(&backup).await, ErrorKind::AlreadyExists);
        assert_eq!(s.current("a").await, "two");
    } else {
        assert_kind(s.backend.restore(b"x").await, ErrorKind::Unsupported);
    }
}

async fn damaged_backup_is_refused(s: &Subject) {
    if !s.capability.backup {
        assert_kind(s.backend.restore(b"x").await, ErrorKind::Unsupported);
        return;
    }
    s.create("a", "one").await;
    let backup = s.backend.backup(&name("a")).await.expect("a backup");
    s.backend.purge(&name("a")).await.expect("purged");
    for place in (0..backup.len()).step_by(7) {
        let mut damaged = backup.clone();
        damaged[place] ^= 0x10;
        assert!(s.backend.restore(&damaged).await.is_err(), "byte {place}");
    }
    assert!(s.backend.restore(&backup[..backup.len() - 1]).await.is_err());
    s.backend.restore(&backup).await.expect("the undamaged one is restored");
}

async fn another_client_sees_every_write(s: &Subject) {
    s.create("a", "one").await;
    let other = s.harness.second_client();
    assert_eq!(other.read(&name("a")).await.expect("it is there").latest, 1);
    s.put("a", "two", Stage::Current).await;
    assert_eq!(other.read(&name("a")).await.expect("it is there").latest, 2);
    if refuses_to_purge(s).await {
        return;
    }
    other.purge(&name("a")).await.expect("purged");
    assert_kind(s.backend.read(&name("a")).await, ErrorKind::NotFound);
}

async fn concurrent_writers_lose_nothing(s: &Subject) {
    // A vault that makes no write conditional cannot number the writes of a race.
    let racing = s.capability.compare_and_set;
    let most = s.capability.max_versions.map_or(64, |most| most.min(65) - 1);
    s.create("shared", "0").await;
    let writes = (0..most).map(|n| async move {
        s.create(&format!("own-{n}"), &n.to_string()).await;
        if racing { s.put("shared", &n.to_string(), Stage::Current).await.number } else { n + 2 }
    });
    let mut numbers = futures_util::future::join_all(writes).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (2..most + 2).collect::<Vec<u64>>());
    for n in 0..most {
        assert_eq!(s.current(&format!("own-{n}")).await, n.to_string());
    }
    if racing {
        let versions = s.states("shared").await.len();
        assert_eq!(u64::try_from(versions).expect("small"), most + 1);
    }
}

async fn concurrent_conditional_writers_yield_one_winner(s: &Subject) {
    if s.capability.compare_and_set {
        s.create("a", "0").await;
        let writes = (0..16).map(|_| s.try_put("a", "1", Stage::Current, Some(1), nonce()));
        let outcomes = futures_util::future::join_all(writes).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for outcome in lost {
            assert_kind(outcome, ErrorKind::Precondition);
        }
    }
}

async fn errors_say_nothing_about_values(s: &Subject) {
    const CANARY: &str = "canary-7f3a9b";
    s.create("a", CANARY).await;
    let mut errors = vec![
        s.try_create("a", CANARY, nonce()).await.expect_err("taken"),
        s.try_put("b", CANARY, Stage::Current, None, nonce()).await.expect_err("missing"),
        s.value("a", VersionSelector::Number(7)).await.expect_err("missing"),
    ];
    if s.capability.compare_and_set {
        let stale = s.try_put("a", CANARY, Stage::Current, Some(7), nonce()).await;
        errors.push(stale.expect_err("stale"));
    }
    for error in errors {
        assert!(!format!("{error} {error:?}").contains(CANARY));
        assert_eq!(error.status, Status::Permanent, "{error}");
        assert!(!error.operation.is_empty() && !error.message.is_empty());
    }
}
