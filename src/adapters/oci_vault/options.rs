//! `options.oci_vault` of a secret: what only this kind of vault has.
//!
//! Responsible for the list of options, for reading them out of what the service tells and for
//! putting them into what it is told. Each is told in the shape in which it is configured, so that
//! what was written is no difference afterwards.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::record;
use super::wire::{
    ReplicationConfig, ReplicationTarget, RotationConfig, Secret, SecretRule, TargetSystemDetails,
    rfc3339,
};
use crate::adapters::descriptor::{OptionChange, OptionKind, SecretOption};
use crate::domain::port::{OptionValue, Options};

pub(super) const COMPARTMENT: &str = "compartment_id";
pub(super) const KEY: &str = "key_id";
pub(super) const METADATA: &str = "metadata";
pub(super) const EXPIRY_RULE: &str = "expiry_rule";
pub(super) const REUSE_RULE: &str = "reuse_rule";
pub(super) const ROTATION: &str = "rotation";
pub(super) const REPLICATION: &str = "replication";

const fn option(name: &'static str, kind: OptionKind, description: &'static str) -> SecretOption {
    SecretOption { name, kind, change: OptionChange::InPlace, description }
}

/// The options.
pub(super) const OPTIONS: &[SecretOption] = &[
    option(
        COMPARTMENT,
        OptionKind::Text,
        "OCID of the compartment the secret lies in: the profile's `compartment_id` or one of its \
         `other_compartment_ids`. A change moves the secret.",
    ),
    SecretOption {
        change: OptionChange::Replace,
        ..option(KEY, OptionKind::Text, "OCID of the key that encrypts it. Default: the profile's.")
    },
    option(METADATA, OptionKind::TextMap, "Metadata of the secret, besides coffer's own entries."),
    option(
        EXPIRY_RULE,
        OptionKind::Object(&[
            option(
                "version_interval_days",
                OptionKind::Integer,
                "Days after which a version expires, 1 to 90.",
            ),
            option(
                "at",
                OptionKind::Text,
                "Time at which the secret expires, such as `2027-01-31T00:00:00Z`: one day to one \
                 year ahead.",
            ),
            option("block_reading", OptionKind::Bool, "What has expired cannot be read."),
        ]),
        "When versions expire. `{}` takes the rule away.",
    ),
    option(
        REUSE_RULE,
        OptionKind::Text,
        "Which earlier contents the vault refuses: `off`, `existing_versions` or `all_versions` \
         (deleted ones, too).",
    ),
    option(
        ROTATION,
        OptionKind::Object(&[
            option("interval_days", OptionKind::Integer, "Days between rotations, 1 to 360."),
            option("scheduled", OptionKind::Bool, "Rotate by schedule. Needs `interval_days`."),
            option("function_id", OptionKind::Text, "OCID of the function that rotates."),
            option(
                "autonomous_database_id",
                OptionKind::Text,
                "OCID of the autonomous database whose password this is.",
            ),
        ]),
        "How the vault itself rotates the secret: with a function or an autonomous database.",
    ),
    option(
        REPLICATION,
        OptionKind::Object(&[
            option(
                "targets",
                OptionKind::ObjectList(&[
                    option("region", OptionKind::Text, "Region of the replica."),
                    option("vault_id", OptionKind::Text, "OCID of its vault."),
                    option("key_id", OptionKind::Text, "OCID of the key that encrypts it."),
                ]),
                "At most three; an empty list takes the replicas away.",
            ),
            option("write_forward", OptionKind::Bool, "Replicas pass writes on to this secret."),
        ]),
        "Replicas in other regions.",
    ),
];

const EXPIRY: &str = "SECRET_EXPIRY_RULE";
const REUSE: &str = "SECRET_REUSE_RULE";
const REUSE_CODES: [(&str, Option<bool>); 3] =
    [("off", None), ("existing_versions", Some(false)), ("all_versions", Some(true))];

type Fields = BTreeMap<String, OptionValue>;

/// The options of a secret, as far as the service tells them.
pub(super) fn told(secret: &Secret) -> Options {
    let mut told = Options::new();
    told.insert(COMPARTMENT.to_owned(), text(&secret.compartment_id));
    if let Some(key) = &secret.key_id {
        told.insert(KEY.to_owned(), text(key));
    }
    if let Some(metadata) = &secret.metadata {
        let own = metadata.iter().filter(|(key, _)| !record::OWN.contains(&key.as_str()));
        let entries = own.map(|(key, value)| {
            (key.clone(), value.as_str().map_or_else(|| text(&value.to_string()), text))
        });
        told.insert(METADATA.to_owned(), OptionValue::Map(entries.collect()));
    }
    if let Some(rules) = &secret.secret_rules {
        told.insert(EXPIRY_RULE.to_owned(), OptionValue::Map(expiry_told(rules)));
        told.insert(REUSE_RULE.to_owned(), reuse_told(rules));
    }
    told.insert(ROTATION.to_owned(), rotation_told(secret.rotation_config.as_ref()));
    told.insert(REPLICATION.to_owned(), replication_told(secret.replication_config.as_ref()));
    told
}

fn text(text: &str) -> OptionValue {
    OptionValue::Text(text.to_owned())
}

fn insert(fields: &mut Fields, name: &str, value: Option<OptionValue>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value);
    }
}

fn expiry_told(rules: &[SecretRule]) -> Fields {
    let mut fields = Fields::new();
    if let Some(rule) = rules.iter().find(|rule| rule.rule_type == EXPIRY) {
        let days = rule.secret_version_expiry_interval.as_deref().and_then(days);
        let at = rule.time_of_absolute_expiry.as_deref().and_then(moment);
        let blocks = rule.is_secret_content_retrieval_blocked_on_expiry;
        insert(&mut fields, "version_interval_days", days.map(OptionValue::Integer));
        insert(&mut fields, "at", at.map(|at| text(&rfc3339(at))));
        insert(&mut fields, "block_reading", blocks.map(OptionValue::Bool));
    }
    fields
}

fn reuse_told(rules: &[SecretRule]) -> OptionValue {
    let rule = rules.iter().find(|rule| rule.rule_type == REUSE);
    let deleted = rule.map(|rule| rule.is_enforced_on_deleted_secret_versions.unwrap_or(false));
    let code = REUSE_CODES.iter().find(|(_, meaning)| *meaning == deleted);
    text(code.map_or("off", |(code, _)| code))
}

fn rotation_told(config: Option<&RotationConfig>) -> OptionValue {
    let Some(config) = config else { return OptionValue::Null };
    let mut fields = Fields::new();
    let target = &config.target_system_details;
    let interval = config.rotation_interval.as_deref().and_then(days);
    let scheduled = config.is_scheduled_rotation_enabled;
    insert(&mut fields, "interval_days", interval.map(OptionValue::Integer));
    insert(&mut fields, "scheduled", scheduled.map(OptionValue::Bool));
    insert(&mut fields, "function_id", target.function_id.as_deref().map(text));
    insert(&mut fields, "autonomous_database_id", target.adb_id.as_deref().map(text));
    OptionValue::Map(fields)
}

fn replication_told(config: Option<&ReplicationConfig>) -> OptionValue {
    let mut fields = Fields::new();
    let targets = config.map_or(&[][..], |config| &config.replication_targets);
    let targets = targets.iter().map(|target| {
        OptionValue::Map(Fields::from([
            ("region".to_owned(), text(&target.target_region)),
            ("vault_id".to_owned(), text(&target.target_vault_id)),
            ("key_id".to_owned(), text(&target.target_key_id)),
        ]))
    });
    fields.insert("targets".to_owned(), OptionValue::List(targets.collect()));
    let forward = config.and_then(|config| config.is_write_forward_enabled);
    insert(&mut fields, "write_forward", forward.map(OptionValue::Bool));
    OptionValue::Map(fields)
}

/// `P30D`.
fn days(interval: &str) -> Option<i64> {
    interval.strip_prefix('P')?.strip_suffix('D')?.parse().ok()
}

fn interval(days: i64) -> String {
    format!("P{days}D")
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// The rules of a secret after a change of the two options; `None` when neither changes.
pub(super) fn rules(
    options: &Options,
    now: &[SecretRule],
) -> Result<Option<Vec<SecretRule>>, String> {
    let of = |kind: &str| now.iter().find(|rule| rule.rule_type == kind).cloned();
    let expiry = match options.get(EXPIRY_RULE) {
        Some(value) => expiry_rule(value)?,
        None => of(EXPIRY),
    };
    let reuse = match options.get(REUSE_RULE) {
        Some(value) => reuse_rule(value)?,
        None => of(REUSE),
    };
    let others = now.iter().filter(|rule| rule.rule_type != EXPIRY && rule.rule_type != REUSE);
    let rules: Vec<_> = others.cloned().chain(expiry).chain(reuse).collect();
    let mentioned = options.contains_key(EXPIRY_RULE) || options.contains_key(REUSE_RULE);
    let same = rules.len() == now.len() && rules.iter().all(|rule| now.contains(rule));
    Ok((mentioned && !same).then_some(rules))
}

fn expiry_rule(value: &OptionValue) -> Result<Option<SecretRule>, String> {
    let OptionValue::Map(fields) = value else { return Ok(None) };
    if fields.is_empty() {
        return Ok(None);
    }
    let days = integer(fields, "version_interval_days");
    let at = text_of(fields, "at");
    if days.is_none() && at.is_none() {
        return Err("expiry_rule needs version_interval_days or at; {} takes it away".to_owned());
    }
    if let Some(days) = days.filter(|days| !(1..=90).contains(days)) {
        return Err(format!(
            "expiry_rule.version_interval_days is a number from 1 to 90, not {days}"
        ));
    }
    if let Some(at) = at {
        let normal = moment(at).map(rfc3339);
        if normal.as_deref() != Some(at) {
            let example = normal.unwrap_or_else(|| "2027-01-31T00:00:00Z".to_owned());
            return Err(format!(
                "expiry_rule.at is a time in UTC without fractions of a second, such as {example}"
            ));
        }
    }
    Ok(Some(SecretRule {
        rule_type: EXPIRY.to_owned(),
        secret_version_expiry_interval: days.map(interval),
        time_of_absolute_expiry: at.map(str::to_owned),
        is_secret_content_retrieval_blocked_on_expiry: flag(fields, "block_reading"),
        ..SecretRule::default()
    }))
}

fn reuse_rule(value: &OptionValue) -> Result<Option<SecretRule>, String> {
    let code = match value {
        OptionValue::Text(code) => code.as_str(),
        _ => "off",
    };
    let Some((_, meaning)) = REUSE_CODES.iter().find(|(known, _)| *known == code) else {
        let codes: Vec<_> = REUSE_CODES.iter().map(|(known, _)| *known).collect();
        return Err(format!("reuse_rule is one of {}, not {code:?}", codes.join(", ")));
    };
    Ok(meaning.map(|deleted| SecretRule {
        rule_type: REUSE.to_owned(),
        is_enforced_on_deleted_secret_versions: Some(deleted),
        ..SecretRule::default()
    }))
}

/// How the vault rotates; `None` when the option is not mentioned or is null: the service cannot
/// take it away again.
pub(super) fn rotation(options: &Options) -> Result<Option<RotationConfig>, String> {
    let Some(OptionValue::Map(fields)) = options.get(ROTATION) else { return Ok(None) };
    let function = text_of(fields, "function_id").map(str::to_owned);
    let database = text_of(fields, "autonomous_database_id").map(str::to_owned);
    if function.is_some() == database.is_some() {
        return Err("rotation needs either function_id or autonomous_database_id".to_owned());
    }
    let (days, scheduled) = (integer(fields, "interval_days"), flag(fields, "scheduled"));
    if scheduled == Some(true) && days.is_none() {
        return Err("rotation.scheduled needs rotation.interval_days".to_owned());
    }
    if let Some(days) = days.filter(|days| !(1..=360).contains(days)) {
        return Err(format!("rotation.interval_days is a number from 1 to 360, not {days}"));
    }
    let kind = if function.is_some() { "FUNCTION" } else { "ADB" };
    Ok(Some(RotationConfig {
        rotation_interval: days.map(interval),
        is_scheduled_rotation_enabled: scheduled,
        target_system_details: TargetSystemDetails {
            target_system_type: kind.to_owned(),
            adb_id: database,
            function_id: function,
        },
    }))
}

/// The replicas; `None` when the option is not mentioned.
pub(super) fn replication(options: &Options) -> Result<Option<ReplicationConfig>, String> {
    let Some(OptionValue::Map(fields)) = options.get(REPLICATION) else { return Ok(None) };
    let targets = match fields.get("targets") {
        Some(OptionValue::List(targets)) => targets.as_slice(),
        _ => &[],
    };
    if targets.len() > 3 {
        return Err("replication.targets has at most three entries".to_owned());
    }
    let targets = targets.iter().map(|target| {
        let OptionValue::Map(fields) = target else { return Err(INCOMPLETE.to_owned()) };
        let need = |name| text_of(fields, name).map(str::to_owned).ok_or(INCOMPLETE);
        Ok(ReplicationTarget {
            target_region: need("region")?,
            target_vault_id: need("vault_id")?,
            target_key_id: need("key_id")?,
        })
    });
    Ok(Some(ReplicationConfig {
        replication_targets: targets.collect::<Result<_, String>>()?,
        is_write_forward_enabled: flag(fields, "write_forward"),
    }))
}

const INCOMPLETE: &str = "each of replication.targets needs region, vault_id and key_id";

/// The user's metadata, when the option is mentioned.
pub(super) fn metadata(options: &Options) -> Result<Option<BTreeMap<&str, &str>>, String> {
    let entries = match options.get(METADATA) {
        None => return Ok(None),
        Some(OptionValue::Map(entries)) => entries,
        Some(_) => return Ok(Some(BTreeMap::new())),
    };
    let mut metadata = BTreeMap::new();
    for (key, value) in entries {
        if record::OWN.contains(&key.as_str()) {
            return Err(format!("metadata must not set {key:?}, which is coffer's own"));
        }
        if let OptionValue::Text(value) = value {
            metadata.insert(key.as_str(), value.as_str());
        }
    }
    Ok(Some(metadata))
}

/// A text option.
pub(super) fn text_option<'o>(options: &'o Options, name: &str) -> Option<&'o str> {
    match options.get(name) {
        Some(OptionValue::Text(text)) => Some(text),
        _ => None,
    }
}

fn text_of<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    text_option(fields, name)
}

fn integer(fields: &Fields, name: &str) -> Option<i64> {
    match fields.get(name) {
        Some(OptionValue::Integer(number)) => Some(*number),
        _ => None,
    }
}

fn flag(fields: &Fields, name: &str) -> Option<bool> {
    match fields.get(name) {
        Some(OptionValue::Bool(flag)) => Some(*flag),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
