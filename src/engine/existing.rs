//! What a create finds under its name, and whether it may take it.
//!
//! Responsible for the one rule that plan and apply share ([`judge`]): a free name is used, a
//! soft-deleted secret is recovered, an active one belongs to somebody else unless the user says
//! `adopt` or it is what an interrupted run of the same configuration left behind. Pure: what is
//! in the vault comes in as a record. Leaves acting on it to [`secret`](super::secret).

use time::{Duration, OffsetDateTime};

use super::failure::Taken;
use crate::domain::fingerprint::{KeyRing, Match, Salt};
use crate::domain::kind::{Content, Kind};
use crate::domain::policy::OnExisting;
use crate::domain::port::{Lifecycle, Metadata, SecretRecord};

/// How long after its creation a secret may count as left behind by an interrupted run.
const INTERRUPTED: Duration = Duration::days(7);

/// What to do with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing there: create.
    Free,
    /// A soft-deleted secret: recover it.
    Recover {
        /// When the vault would have destroyed it.
        purge_at: Option<OffsetDateTime>,
    },
    /// An active secret: take it over, as the user said.
    Adopt,
    /// An active secret that an interrupted run of this configuration made: go on with it.
    Resume,
    /// Not ours to take.
    Refuse(Taken),
}

/// What is known of the content of the configuration.
#[derive(Debug, Clone, Copy)]
pub enum Offered<'c> {
    /// There is none.
    Nothing,
    /// There is some, not known before apply.
    Unknown,
    /// This.
    Content(&'c Content, &'c KeyRing),
    /// A value of this type that is made anew each time, so that it cannot be compared; the salt
    /// of its print follows from what it is made by.
    Made(Kind, Salt),
}

/// Judges what was found under the name of a secret to create.
#[must_use]
pub fn judge(
    found: Option<&SecretRecord>,
    on_existing: OnExisting,
    wanted: &Metadata,
    offered: Offered<'_>,
    now: OffsetDateTime,
) -> Verdict {
    let Some(record) = found else { return Verdict::Free };
    match (&record.lifecycle, on_existing) {
        (Lifecycle::Deleted { purge_at }, OnExisting::Fail) => {
            Verdict::Refuse(Taken::Deleted { purge_at: *purge_at })
        }
        (Lifecycle::Deleted { purge_at }, _) => Verdict::Recover { purge_at: *purge_at },
        (_, OnExisting::Adopt) => Verdict::Adopt,
        (_, OnExisting::Recover) if is_left_behind(record, wanted, offered, now) => Verdict::Resume,
        _ => Verdict::Refuse(Taken::Active),
    }
}

/// True for a secret that looks, in everything, like what this create would have made a short time
/// ago: first and only version, printed with a key of ours, the same content and metadata. Taking
/// it over then changes nothing in the vault.
fn is_left_behind(
    record: &SecretRecord,
    wanted: &Metadata,
    offered: Offered<'_>,
    now: OffsetDateTime,
) -> bool {
    let Some(current) = &record.current else { return false };
    let Some(print) = &current.fingerprint else { return false };
    let same_content = match offered {
        // The salt says what a made value was made by.
        Offered::Made(kind, salt) => record.kind == Some(kind) && print.salt() == salt,
        Offered::Nothing => false,
        Offered::Unknown => true,
        Offered::Content(content, ring) => ring.verify(content, print) == Match::Same,
    };
    let recent = record.created_at.is_some_and(|created| now - created < INTERRUPTED);
    record.latest == 1 && recent && record.metadata == *wanted && same_content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{NOW, content, record, ring};

    fn verdict(record: &SecretRecord, on_existing: OnExisting, value: &str) -> Verdict {
        let (content, ring) = (content(value), ring());
        judge(Some(record), on_existing, &record.metadata, Offered::Content(&content, &ring), NOW)
    }

    #[test]
    fn free_name_is_used() {
        let metadata = Metadata::default();
        for on_existing in OnExisting::ALL {
            let verdict = judge(None, *on_existing, &metadata, Offered::Nothing, NOW);
            assert_eq!(verdict, Verdict::Free);
        }
    }

    #[test]
    fn deleted_secret_is_recovered_unless_that_is_refused() {
        let purge_at = Some(NOW + Duration::days(3));
        let record = SecretRecord { lifecycle: Lifecycle::Deleted { purge_at }, ..record("a") };
        assert_eq!(verdict(&record, OnExisting::Recover, "a"), Verdict::Recover { purge_at });
        assert_eq!(verdict(&record, OnExisting::Adopt, "b"), Verdict::Recover { purge_at });
        let taken = Taken::Deleted { purge_at };
        assert_eq!(verdict(&record, OnExisting::Fail, "a"), Verdict::Refuse(taken));
    }

    #[test]
    fn active_secret_is_taken_only_with_adopt() {
        let mut record = record("a");
        assert_eq!(verdict(&record, OnExisting::Adopt, "b"), Verdict::Adopt);
        assert_eq!(verdict(&record, OnExisting::Recover, "b"), Verdict::Refuse(Taken::Active));
        record.lifecycle = Lifecycle::Disabled;
        assert_eq!(verdict(&record, OnExisting::Recover, "b"), Verdict::Refuse(Taken::Active));
    }

    #[test]
    fn secret_of_an_interrupted_run_is_resumed() {
        let record = record("a");
        assert_eq!(verdict(&record, OnExisting::Recover, "a"), Verdict::Resume);
        assert_eq!(verdict(&record, OnExisting::Fail, "a"), Verdict::Refuse(Taken::Active));
    }

    #[test]
    fn secret_that_lived_on_is_not_resumed() {
        let old = SecretRecord { created_at: Some(NOW - Duration::days(8)), ..record("a") };
        assert_eq!(verdict(&old, OnExisting::Recover, "a"), Verdict::Refuse(Taken::Active));
        let used = SecretRecord { latest: 2, ..record("a") };
        assert_eq!(verdict(&used, OnExisting::Recover, "a"), Verdict::Refuse(Taken::Active));
        let mut foreign = record("a");
        foreign.current.iter_mut().for_each(|version| version.fingerprint = None);
        assert_eq!(verdict(&foreign, OnExisting::Recover, "a"), Verdict::Refuse(Taken::Active));
    }

    #[test]
    fn secret_with_other_metadata_is_not_resumed() {
        let record = record("a");
        let wanted = Metadata { description: Some("other".to_owned()), ..record.metadata.clone() };
        let (content, ring) = (content("a"), ring());
        let offered = Offered::Content(&content, &ring);
        let verdict = judge(Some(&record), OnExisting::Recover, &wanted, offered, NOW);
        assert_eq!(verdict, Verdict::Refuse(Taken::Active));
    }
}
