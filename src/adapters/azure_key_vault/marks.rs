//! What coffer notes on a version, in tags.
//!
//! Key Vault has no descriptions, stages or idempotency keys; tags are all there is, 15 to a
//! version, readable with the right to list. Responsible for the three that coffer keeps for
//! itself (`coffer`, `coffer-fingerprint`, `coffer-description`) and for keeping them from users.
//! Unknown notes are ignored, so that an older coffer reads what a newer one wrote.
//!
//! ```text
//! coffer = n=3;s=4;type=generic;op=<nonce>;media=text/plain[;user-media][;copy=<version>]
//!          [;pending|;staged][;retired][;role=pending]
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::wire::Tags;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::kind::Kind;
use crate::domain::sync::owner::{OWNER_TAG, SOURCE_TAG};

/// Tags that coffer keeps for itself, out of the service's 15.
pub(super) const RESERVED_TAGS: usize = 3;

const NOTES: &str = "coffer";
const FINGERPRINT: &str = "coffer-fingerprint";
const DESCRIPTION: &str = "coffer-description";
const PREFIX: &str = "coffer-";

/// The notes on a version. A version of somebody else's has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Number of the version.
    pub(super) number: Option<u64>,
    /// Place in the order of writes; tells versions of the same second apart.
    pub(super) sequence: Option<u64>,
    /// Type of the content.
    pub(super) kind: Option<Kind>,
    /// Nonce of the write, base64url.
    pub(super) nonce: Option<String>,
    /// Media type of the layout in which the content lies.
    pub(super) media: Option<String>,
    /// The media type of the version is the user's own.
    pub(super) user_media: bool,
    /// Version of the vault that this one repeats: a promotion, a roll-back, a cleared time.
    pub(super) copy: Option<String>,
    /// Whether there is a sibling secret, and whether something waits there.
    pub(super) sibling: Sibling,
    /// Retired by the user.
    pub(super) retired: bool,
    /// This is the sibling, not a version that anybody reads.
    pub(super) is_sibling: bool,
}

/// The secret beside a secret, where pending versions wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sibling {
    /// There never was one.
    #[default]
    None,
    /// It is there; nothing in it waits.
    Idle,
    /// Something may wait there: look.
    Staged,
}

impl Marks {
    /// The marks of a current version after which nothing was written and beside which nothing
    /// waits.
    pub(super) fn tells_all(&self) -> bool {
        let beside = self.sibling == Sibling::Staged || self.is_sibling || self.retired;
        self.number.is_some() && self.copy.is_none() && !beside
    }

    /// Reads the notes; `None` on a version that coffer did not write.
    pub(super) fn of(tags: Option<&Tags>) -> Option<Self> {
        let notes = tags?.get(NOTES)?;
        let mut marks = Self::default();
        for note in notes.split(';') {
            let (name, value) = note.split_once('=').unwrap_or((note, ""));
            match name {
                "n" => marks.number = value.parse().ok().filter(|number| *number > 0),
                "s" => marks.sequence = value.parse().ok(),
                "type" => marks.kind = Kind::parse(value),
                "op" => marks.nonce = Some(value.to_owned()),
                "media" => marks.media = Some(value.replace(',', ";")),
                "user-media" => marks.user_media = true,
                "copy" => marks.copy = Some(value.to_owned()),
                "pending" => marks.sibling = Sibling::Staged,
                "staged" => marks.sibling = Sibling::Idle,
                "retired" => marks.retired = true,
                "role" => marks.is_sibling = value == "pending",
                _ => {}
            }
        }
        Some(marks)
    }

    fn notes(&self) -> String {
        let mut notes = Vec::new();
        let mut note = |name: &str, value: Option<String>| {
            notes.extend(value.map(|value| format!("{name}={value}")));
        };
        note("n", self.number.map(|number| number.to_string()));
        note("s", self.sequence.map(|sequence| sequence.to_string()));
        note("type", self.kind.map(|kind| kind.code().to_owned()));
        note("op", self.nonce.clone());
        // A media type has semicolons of its own and no commas.
        note("media", self.media.as_ref().map(|media| media.replace(';', ",")));
        note("copy", self.copy.clone());
        note("role", self.is_sibling.then(|| "pending".to_owned()));
        for (flag, name) in [
            (self.user_media, "user-media"),
            (self.sibling == Sibling::Staged, "pending"),
            (self.sibling == Sibling::Idle, "staged"),
            (self.retired, "retired"),
        ] {
            if flag {
                notes.push(name.to_owned());
            }
        }
        notes.join(";")
    }
}

/// A nonce as it is noted.
pub(super) fn nonce(bytes: &[u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The print on a version.
pub(super) fn fingerprint(tags: Option<&Tags>) -> Option<Fingerprint> {
    tags?.get(FINGERPRINT)?.parse().ok()
}

/// The description on a version.
pub(super) fn description(tags: Option<&Tags>) -> Option<String> {
    tags?.get(DESCRIPTION).cloned()
}

/// The tags of users.
pub(super) fn user_tags(tags: Option<&Tags>) -> Tags {
    let user = |(name, _): &(&String, &String)| !is_reserved(name);
    tags.into_iter().flatten().filter(user).map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// True for the name of a tag that nobody above this adapter may set. Those of syncs are set by the
/// engine, as tags of users are.
pub(super) fn is_reserved(name: &str) -> bool {
    if [OWNER_TAG, SOURCE_TAG].contains(&name) {
        return false;
    }
    name.eq_ignore_ascii_case(NOTES) || name.to_ascii_lowercase().starts_with(PREFIX)
}

/// All tags of a version.
pub(super) fn assemble(
    user: &Tags,
    marks: &Marks,
    fingerprint: Option<&Fingerprint>,
    description: Option<&str>,
) -> Tags {
    let mut tags = user.clone();
    tags.insert(NOTES.to_owned(), marks.notes());
    if let Some(print) = fingerprint {
        tags.insert(FINGERPRINT.to_owned(), print.as_str().to_owned());
    }
    if let Some(text) = description {
        tags.insert(DESCRIPTION.to_owned(), text.to_owned());
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_as_they_are_written() {
        let marks = Marks {
            number: Some(12),
            sequence: Some(14),
            kind: Some(Kind::KeyValue),
            nonce: Some(nonce(&[7; 16])),
            media: Some("application/octet-stream;encoding=base64".to_owned()),
            user_media: true,
            copy: Some("0123456789abcdef0123456789abcdef".to_owned()),
            sibling: Sibling::Staged,
            retired: true,
            is_sibling: true,
        };
        let user: Tags = [("env".to_owned(), "prod".to_owned())].into();
        let tags = assemble(&user, &marks, None, Some("for people"));
        assert_eq!(Marks::of(Some(&tags)), Some(marks));
        assert_eq!(user_tags(Some(&tags)), user);
        assert_eq!(description(Some(&tags)).as_deref(), Some("for people"));
        assert!(tags["coffer"].len() <= 512, "{}", tags["coffer"].len());
        assert_eq!(tags.len(), user.len() + RESERVED_TAGS - 1);
    }

    #[test]
    fn notes_of_the_future_are_ignored() {
        let tags: Tags = [("coffer".to_owned(), "n=2;colour=blue;shiny".to_owned())].into();
        let marks = Marks::of(Some(&tags)).unwrap();
        assert_eq!(marks, Marks { number: Some(2), ..Marks::default() });
        assert_eq!(Marks::of(Some(&Tags::new())), None);
        assert_eq!(Marks::of(None), None);
    }

    #[test]
    fn reserved_names_are_recognised_in_any_case() {
        assert!(
            ["coffer", "Coffer", "COFFER-fingerprint", "coffer-x"]
                .map(is_reserved)
                .iter()
                .all(|r| *r)
        );
        assert!(!["coffers", "env", "my-coffer"].map(is_reserved).iter().any(|r| *r));
    }
}
