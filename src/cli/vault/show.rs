//! Tables and JSON of `vault`, without values.

use coffer::adapters::embedded::{SealState, Verification};
use coffer::domain::port::{Lifecycle, SecretRecord};
use coffer::domain::version::VersionRecord;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) fn list(secrets: &[SecretRecord]) -> String {
    if secrets.is_empty() {
        return "There are no secrets.".to_owned();
    }
    let mut rows =
        vec![["NAME", "TYPE", "VERSION", "STATE", "UPDATED"].map(str::to_owned).to_vec()];
    rows.extend(secrets.iter().map(|secret| {
        vec![
            secret.name.to_string(),
            kind(secret).to_owned(),
            secret.current.as_ref().map_or_else(|| "-".to_owned(), |v| v.number.to_string()),
            state(secret.lifecycle),
            short(secret.updated_at),
        ]
    }));
    table(&rows)
}

pub(super) fn list_json(secrets: &[SecretRecord]) -> String {
    pretty(&Value::Array(secrets.iter().map(secret_value).collect()))
}

pub(super) fn secret(secret: &SecretRecord) -> String {
    let metadata = &secret.metadata;
    let mut rows = vec![
        row("Name", secret.name.as_str()),
        row("Type", kind(secret)),
        row("State", &state(secret.lifecycle)),
        row("Id", &secret.backend_id),
        row("Latest version", &secret.latest.to_string()),
    ];
    if let Some(current) = &secret.current {
        rows.push(row("Current version", &current.number.to_string()));
        if let Some(print) = &current.fingerprint {
            rows.push(row("Fingerprint", print.as_str()));
        }
    }
    for (label, text) in
        [("Description", &metadata.description), ("Content type", &metadata.content_type)]
    {
        if let Some(text) = text {
            rows.push(row(label, &one_line(text)));
        }
    }
    for (key, value) in &metadata.tags {
        rows.push(row("Tag", &one_line(&format!("{key} = {value}"))));
    }
    for (label, time) in [
        ("Not before", metadata.not_before),
        ("Expires", metadata.expires_at),
        ("Created", secret.created_at),
        ("Updated", secret.updated_at),
    ] {
        if let Some(time) = time {
            rows.push(row(label, &long(time)));
        }
    }
    table(&rows)
}

pub(super) fn secret_json(secret: &SecretRecord) -> String {
    pretty(&secret_value(secret))
}

pub(super) fn history(versions: &[VersionRecord]) -> String {
    let mut rows =
        vec![["VERSION", "STATES", "CREATED", "FINGERPRINT"].map(str::to_owned).to_vec()];
    rows.extend(versions.iter().rev().map(|version| {
        vec![
            version.number.to_string(),
            version.rotation_states.to_string(),
            short(version.created_at),
            version.fingerprint.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        ]
    }));
    table(&rows)
}

pub(super) fn history_json(versions: &[VersionRecord]) -> String {
    pretty(&Value::Array(versions.iter().map(version_value).collect()))
}

pub(super) fn verification(found: &Verification) -> String {
    let mut lines =
        vec![format!("Secrets   {}", found.secrets), format!("Versions  {}", found.versions)];
    lines.extend(found.remarks.iter().map(|remark| format!("Remark: {remark}.")));
    if found.problems.is_empty() {
        lines.push(match found.seal {
            SealState::Intact => {
                "The vault is sound: every record and every byte of the file.".to_owned()
            }
            _ => "Every record of the vault is sound.".to_owned(),
        });
    } else {
        lines.push(format!("The vault is damaged ({} problems):", found.problems.len()));
        lines.extend(found.problems.iter().map(|problem| format!("  - {problem}")));
    }
    lines.join("\n")
}

pub(super) fn verification_json(found: &Verification) -> String {
    let seal = match found.seal {
        SealState::Intact => "intact",
        SealState::Outdated => "outdated",
        SealState::Absent => "absent",
        SealState::Broken => "broken",
    };
    pretty(&json!({
        "sound": found.problems.is_empty(),
        "secrets": found.secrets,
        "versions": found.versions,
        "file_checksum": seal,
        "problems": found.problems,
        "remarks": found.remarks,
    }))
}

fn secret_value(secret: &SecretRecord) -> Value {
    let metadata = &secret.metadata;
    let (lifecycle, purge_at) = match secret.lifecycle {
        Lifecycle::Active => ("active", None),
        Lifecycle::Disabled => ("disabled", None),
        Lifecycle::Deleted { purge_at } => ("deleted", purge_at),
    };
    json!({
        "name": secret.name.as_str(),
        "id": secret.backend_id,
        "type": secret.kind.map(|kind| kind.code()),
        "state": lifecycle,
        "purge_at": purge_at.map(long),
        "latest_version": secret.latest,
        "current": secret.current.as_ref().map(version_value),
        "description": metadata.description,
        "content_type": metadata.content_type,
        "tags": metadata.tags,
        "not_before": metadata.not_before.map(long),
        "expires_at": metadata.expires_at.map(long),
        "created_at": secret.created_at.map(long),
        "updated_at": secret.updated_at.map(long),
    })
}

fn version_value(version: &VersionRecord) -> Value {
    json!({
        "number": version.number,
        "version_id": version.version_id,
        "rotation_states":
            version.rotation_states.iter().map(|state| state.code()).collect::<Vec<_>>(),
        "fingerprint": version.fingerprint.as_ref().map(|print| print.as_str()),
        "created_at": version.created_at.map(long),
    })
}

fn kind(secret: &SecretRecord) -> &'static str {
    secret.kind.map_or("-", |kind| kind.code())
}

fn state(lifecycle: Lifecycle) -> String {
    match lifecycle {
        Lifecycle::Active => "active".to_owned(),
        Lifecycle::Disabled => "disabled".to_owned(),
        Lifecycle::Deleted { purge_at: None } => "deleted".to_owned(),
        Lifecycle::Deleted { purge_at: Some(at) } => format!("deleted until {}", at.date()),
    }
}

fn short(time: Option<OffsetDateTime>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| long(time.truncate_to_second()))
}

fn long(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn row(label: &str, text: &str) -> Vec<String> {
    vec![label.to_owned(), text.to_owned()]
}

/// Text of users in a table, on one line and without control characters for the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Columns as wide as their widest cell, two spaces apart.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}
