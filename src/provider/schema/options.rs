//! Schema of `options`: what a secret has that only one kind of vault knows.
//!
//! Comes from the catalogue's descriptors (invariant I4). Every option may be left out: what the
//! configuration does not say is the vault's own affair, and shows as the vault has it.

use crate::adapters::catalog::BACKENDS;
use crate::adapters::descriptor::{Descriptor, OptionChange, OptionKind, SecretOption};
use crate::plugin::framework::schema::{Attribute, Nesting, Presence};
use crate::plugin::framework::types::Type;

/// Name of the attribute.
pub(crate) const ATTRIBUTE: &str = "options";

/// The attribute; `None` while no backend has any option.
pub(super) fn attribute() -> Option<Attribute> {
    let backends: Vec<_> = with_options().map(|backend| (backend.name, of(backend))).collect();
    if backends.is_empty() {
        return None;
    }
    let description = "Arguments that only one kind of vault has, below the name of that backend. \
                       Those left out are the vault's own affair.";
    let all = Attribute::nested(Nesting::Single, Presence::OptionalComputed, backends, description);
    Some(all.keeps_prior())
}

/// The same arguments, where nothing but the configuration decides; `None` as above.
pub(super) fn arguments(description: &str) -> Option<Attribute> {
    let backends: Vec<_> = with_options()
        .map(|backend| {
            let options = backend
                .options
                .iter()
                .map(|option| (option.name, attribute_of(option, Presence::Optional)));
            let description = format!("For copies in a vault of the backend {}.", backend.title);
            let presence = Presence::Optional;
            (backend.name, Attribute::nested(Nesting::Single, presence, options, description))
        })
        .collect();
    (!backends.is_empty())
        .then(|| Attribute::nested(Nesting::Single, Presence::Optional, backends, description))
}

/// The backends that have options.
pub(crate) fn with_options() -> impl Iterator<Item = &'static Descriptor> {
    BACKENDS.iter().copied().filter(|backend| !backend.options.is_empty())
}

fn of(backend: &Descriptor) -> Attribute {
    let options = backend.options.iter().map(|option| {
        (option.name, attribute_of(option, Presence::OptionalComputed).keeps_prior())
    });
    let description = format!("For secrets in a vault of the backend {}.", backend.title);
    Attribute::nested(Nesting::Single, Presence::OptionalComputed, options, description)
        .keeps_prior()
}

fn attribute_of(option: &SecretOption, presence: Presence) -> Attribute {
    let mut description = option.description.to_owned();
    if option.change == OptionChange::Replace {
        description.push_str(" Changing it replaces the secret.");
    }
    let plain = |ty| match presence {
        Presence::OptionalComputed => Attribute::optional_computed(ty, description.as_str()),
        _ => Attribute::optional(ty, description.as_str()),
    };
    let nested = |nesting, fields: &'static [SecretOption]| {
        let fields =
            fields.iter().map(|field| (field.name, attribute_of(field, Presence::Optional)));
        Attribute::nested(nesting, presence, fields, description.as_str())
    };
    match option.kind {
        OptionKind::Text => plain(Type::String),
        OptionKind::Integer => plain(Type::Number),
        OptionKind::Bool => plain(Type::Bool),
        OptionKind::TextList => plain(Type::list(Type::String)),
        OptionKind::TextMap => plain(Type::map(Type::String)),
        OptionKind::Object(fields) => nested(Nesting::Single, fields),
        OptionKind::ObjectList(fields) => nested(Nesting::List, fields),
    }
}
