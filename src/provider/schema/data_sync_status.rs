//! Schema of the data source `coffer_sync_status`.

use super::{name_of_sync, profile_rule, told};
use crate::plugin::framework::schema::{Attribute, Nesting, Presence, Schema};
use crate::plugin::framework::types::Type;

/// The data source.
pub(crate) fn schema() -> Schema {
    Schema::new(
        "The copies that a `coffer_secret_sync` keeps, as they stand now: found in the \
         destinations by their owner tags, without the state of the sync, and compared with their \
         sources by fingerprint, without a value. For monitoring, and for those who have the \
         copies but not the configuration. A secret that was never copied is not seen.",
    )
    .attribute("name", name_of_sync("Name of the sync."))
    .attribute(
        "id",
        Attribute::optional(
            Type::String,
            "Instance of the sync, its `id`. Default: every sync of the name.",
        ),
    )
    .attribute(
        "destinations",
        Attribute::required(
            Type::set(Type::String),
            "Profiles of the vaults in which copies are looked for.",
        ),
    )
    .attribute(
        "source_profile",
        Attribute::optional(
            Type::String,
            "Profile of the vault with the sources. Default: the one that each copy names, which \
             is what it is called where the sync is configured.",
        )
        .check(profile_rule()),
    )
    .attribute(
        "status",
        told(
            "`synced` when every copy is, `partial` when some are not, `empty` when there is none. \
             Soft-deleted copies do not count.",
            Type::String,
        ),
    )
    .attribute("counts", told("Copies by status.", Type::map(Type::Number)))
    .attribute(
        "copies",
        Attribute::nested(
            Nesting::List,
            Presence::Computed,
            copy(),
            "The copies, by destination and name.",
        ),
    )
}

fn copy() -> [(&'static str, Attribute); 12] {
    let text = |description: &str| told(description, Type::String);
    [
        ("destination", text("Profile of the vault it is in.")),
        ("name", text("Its name there.")),
        ("key", text("Name of its source, if it says.")),
        ("source", text("Its source, `<profile>/<name>`, as it says.")),
        ("sync_id", text("Instance of the sync whose it is.")),
        (
            "status",
            text(
                "`synced`: it has the content of its source. `different`: it has not; which of \
                 them changed, only the sync can tell. `orphaned`: the source is gone. `disabled`, \
                 `deleted`: it cannot be read, or is soft-deleted. `unknown`: nothing to compare.",
            ),
        ),
        ("message", text("Why the status is `unknown`.")),
        ("remote_version", text("The vault's own id of its current version.")),
        ("fingerprint", text("Fingerprint of its content.")),
        ("source_version", text("The vault's own id of the source's current version.")),
        ("source_fingerprint", text("Fingerprint of the source's content.")),
        ("updated_at", text("When anything about it last changed (RFC 3339).")),
    ]
}
