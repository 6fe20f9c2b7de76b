//! What a vault can hold, checked against what a plan wants to put there.
//!
//! Pure: a [`Capability`] and what is wanted give a list of [`Violation`]s, each with the argument
//! it concerns. What is not known yet at plan is `None` and not checked. Leaves the wording of
//! diagnostics (which profile, which block) to the provider.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::kind::{Content, Kind};
use super::policy::DeletionPolicy;
use super::port::{Capability, Stage};
use super::secret::SecretName;

/// What a plan wants of a vault; `None` where nothing is wanted or nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'w> {
    /// Name in the vault.
    pub name: Option<&'w SecretName>,
    /// The content.
    pub content: Option<&'w Content>,
    /// How a new version starts.
    pub stage: Option<Stage>,
    /// Tags, without those coffer keeps for itself.
    pub tags: Option<&'w BTreeMap<String, String>>,
    /// Text for people.
    pub description: Option<&'w str>,
    /// Not to be used before.
    pub not_before: Option<OffsetDateTime>,
    /// Not to be used after.
    pub expires_at: Option<OffsetDateTime>,
    /// Readers may read it.
    pub enabled: Option<bool>,
    /// What destroying does.
    pub deletion_policy: Option<DeletionPolicy>,
    /// Days a soft-deleted secret can be recovered.
    pub recovery_window_days: Option<i64>,
    /// Single versions are to be deleted, at once or later.
    pub version_deletion: Option<Subject>,
}

/// Something that the vault cannot hold or do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", subject.argument())]
pub struct Violation {
    /// What it concerns.
    pub subject: Subject,
    /// The limit, what was wanted, and what to do; never a value.
    pub message: String,
}

/// What a violation concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The name.
    Name,
    /// The content: whichever argument carries it.
    Content,
    /// How a version starts.
    RotationState,
    /// The tags.
    Tags,
    /// The text for people.
    Description,
    /// The time from which it may be used.
    NotBefore,
    /// The time until which it may be used.
    ExpiresAt,
    /// Whether readers may read it.
    Enabled,
    /// What destroying does.
    DeletionPolicy,
    /// Days a soft-deleted secret can be recovered.
    RecoveryWindowDays,
    /// Which versions are pruned.
    Retain,
    /// What destroying a version does.
    OnDestroy,
}

impl Subject {
    /// The argument as users write it. For the content, of which there are several, `content`.
    #[must_use]
    pub const fn argument(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Content => "content",
            Self::RotationState => "rotation_state",
            Self::Tags => "tags",
            Self::Description => "description",
            Self::NotBefore => "not_before",
            Self::ExpiresAt => "expires_at",
            Self::Enabled => "enabled",
            Self::DeletionPolicy => "deletion_policy",
            Self::RecoveryWindowDays => "recovery_window_days",
            Self::Retain => "retain",
            Self::OnDestroy => "on_destroy",
        }
    }
}

/// Everything the vault cannot hold or do, in the order of the arguments.
#[must_use]
pub fn violations(vault: &Capability, wanted: &Wanted<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |subject, message: Option<String>| {
        found.extend(message.map(|message| Violation { subject, message }))
    };
    report(Subject::Name, wanted.name.and_then(|name| check_name(vault, name)));
    report(Subject::Content, wanted.content.and_then(|content| check_content(vault, content)));
    report(Subject::RotationState, wanted.stage.and_then(|stage| check_stage(vault, stage)));
    report(Subject::Tags, wanted.tags.and_then(|tags| check_tags(vault, tags)));
    report(Subject::Description, wanted.description.and_then(|d| check_description(vault, d)));
    report(Subject::NotBefore, wanted.not_before.and_then(|_| check_validity(vault)));
    report(Subject::ExpiresAt, check_expiry(vault, wanted));
    report(Subject::Enabled, wanted.enabled.and_then(|enabled| check_enabled(vault, enabled)));
    report(Subject::DeletionPolicy, wanted.deletion_policy.and_then(|p| check_deletion(vault, p)));
    report(
        Subject::RecoveryWindowDays,
        wanted.recovery_window_days.and_then(|days| check_window(vault, days)),
    );
    if let Some(subject) = wanted.version_deletion.filter(|_| !vault.delete_versions) {
        let message = "this vault deletes no single version; leave it out".to_owned();
        found.push(Violation { subject, message });
    }
    found
}

/// The vault's rules on names; `None` when it takes this one.
#[must_use]
pub fn check_name(vault: &Capability, name: &SecretName) -> Option<String> {
    let name = name.as_str();
    if name.len() > vault.max_name_bytes {
        return Some(format!(
            "this vault takes names of at most {} bytes, {name:?} has {}",
            vault.max_name_bytes,
            name.len()
        ));
    }
    let bad = name.chars().find(|c| !takes_character(vault, *c))?;
    let others = if vault.unicode_names { ", characters beyond ASCII" } else { "" };
    Some(format!(
        "this vault takes names of ASCII letters and digits{others} and {}, {name:?} contains {bad:?}",
        list_characters(vault.name_punctuation)
    ))
}

/// True when a name in the vault may have the character.
#[must_use]
pub fn takes_character(vault: &Capability, character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || vault.name_punctuation.contains(character)
    } else {
        vault.unicode_names
    }
}

fn list_characters(characters: &str) -> String {
    if characters.is_empty() {
        return "nothing else".to_owned();
    }
    let quoted: Vec<_> = characters.chars().map(|c| format!("{:?}", c.to_string())).collect();
    quoted.join(" ")
}

/// The vault's rules on values. The message does not tell the size: the exact length of a password
/// is nobody's business.
fn check_content(vault: &Capability, content: &Content) -> Option<String> {
    if content.size() > vault.max_value_bytes {
        return Some(format!(
            "this vault holds values of at most {} bytes, this one is larger; keep it in a vault that holds larger values",
            vault.max_value_bytes
        ));
    }
    // Types of several fields are stored in one text, which is never empty.
    let empty = content.kind() == Kind::Generic && content.size() == 0;
    (empty && !vault.empty_values)
        .then(|| "this vault cannot hold empty values, and this one is empty".to_owned())
}

fn check_stage(vault: &Capability, stage: Stage) -> Option<String> {
    (stage == Stage::Pending && !vault.pending_versions)
        .then(|| "this vault has no pending versions; upload the version as current".to_owned())
}

fn check_tags(vault: &Capability, tags: &BTreeMap<String, String>) -> Option<String> {
    if tags.len() > vault.max_tags {
        return Some(match vault.max_tags {
            0 => "this vault has no tags; leave them out".to_owned(),
            most => format!("this vault holds at most {most} tags, these are {}", tags.len()),
        });
    }
    let most = vault.max_tag_value_chars;
    let long = tags.iter().find(|(_, value)| value.chars().count() > most)?;
    Some(format!(
        "this vault holds tag values of at most {most} characters, {:?} is longer",
        long.0
    ))
}

fn check_description(vault: &Capability, description: &str) -> Option<String> {
    let most = vault.max_description_chars;
    (description.chars().count() > most).then(|| match most {
        0 => "this vault has no descriptions; leave it out".to_owned(),
        _ => format!("this vault holds descriptions of at most {most} characters"),
    })
}

fn check_validity(vault: &Capability) -> Option<String> {
    (!vault.validity_times)
        .then(|| "this vault does not hold times of validity; leave it out".to_owned())
}

fn check_expiry(vault: &Capability, wanted: &Wanted<'_>) -> Option<String> {
    let expires_at = wanted.expires_at?;
    check_validity(vault).or_else(|| {
        (wanted.not_before? >= expires_at)
            .then(|| "must be later than not_before, or the secret is never valid".to_owned())
    })
}

fn check_enabled(vault: &Capability, enabled: bool) -> Option<String> {
    (!enabled && !vault.disable).then(|| "this vault cannot disable a secret".to_owned())
}

fn check_deletion(vault: &Capability, policy: DeletionPolicy) -> Option<String> {
    match policy {
        DeletionPolicy::Recoverable if vault.soft_delete.is_none() => Some(format!(
            "this vault cannot delete recoverably; to delete secrets for good write deletion_policy = {:?}, to leave them in the vault {:?}",
            DeletionPolicy::Destroy.code(),
            DeletionPolicy::Retain.code()
        )),
        DeletionPolicy::Destroy if !vault.purge => Some(format!(
            "this vault destroys nothing at once: a deleted secret goes after its window; choose {:?} or {:?}",
            DeletionPolicy::Recoverable.code(),
            DeletionPolicy::Retain.code()
        )),
        DeletionPolicy::Disable if !vault.disable => Some(format!(
            "this vault cannot disable a secret; choose {:?} or {:?}",
            DeletionPolicy::Retain.code(),
            if vault.soft_delete.is_some() {
                DeletionPolicy::Recoverable.code()
            } else {
                DeletionPolicy::Destroy.code()
            }
        )),
        _ => None,
    }
}

fn check_window(vault: &Capability, days: i64) -> Option<String> {
    let Some(window) = vault.soft_delete else {
        return Some("this vault cannot delete recoverably; leave it out".to_owned());
    };
    let (least, most) = (window.min_days, window.max_days);
    if (i64::from(least)..=i64::from(most)).contains(&days) {
        None
    } else if least == most {
        Some(format!(
            "this vault keeps deleted secrets for {least} days and nothing else, not {days}"
        ))
    } else {
        Some(format!("this vault keeps deleted secrets for {least} to {most} days, not {days}"))
    }
}

#[cfg(test)]
mod tests;
