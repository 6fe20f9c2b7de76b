//! Policies: what users choose about deletion, drift, taken names and who owns the content.
//!
//! Each is a closed set of codes with a default; what they do is up to the engine.

use std::fmt;

/// Defines a set of codes: an enum with `ALL`, `code`, `parse` and `Display`, the first variant
/// being the default.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident {
        $(#[$first_meta:meta])* $first:ident = $first_code:literal,
        $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum $name {
            $(#[$first_meta])*
            #[default]
            $first,
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// Every choice, the default first.
            pub const ALL: &'static [Self] = &[Self::$first, $(Self::$variant),*];
            /// The codes of all choices, the default first.
            pub const CODES: &'static [&'static str] = &[$first_code, $($code),*];

            /// The code as users write it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    Self::$first => $first_code,
                    $(Self::$variant => $code,)*
                }
            }

            /// The choice of a code.
            #[must_use]
            pub fn parse(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|choice| choice.code() == code)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}

codes! {
    /// What destroying the resource does to the secret.
    DeletionPolicy {
        /// Soft-deletes; refused at plan where the vault cannot.
        Recoverable = "recoverable",
        /// Refuses the destroy.
        Prevent = "prevent",
        /// Leaves the secret and only forgets it.
        Retain = "retain",
        /// Disables the secret and leaves it.
        Disable = "disable",
        /// Destroys it for good.
        Destroy = "destroy",
    }
}

codes! {
    /// What happens when the content was changed outside.
    OnDrift {
        /// The configuration wins.
        Overwrite = "overwrite",
        /// What the vault holds is the baseline until the configuration itself changes.
        Accept = "accept",
    }
}

codes! {
    /// What creating does when the name is taken.
    OnExisting {
        /// Recovers a soft-deleted secret; an active one is an error.
        Recover = "recover",
        /// Takes an active one over as well.
        Adopt = "adopt",
        /// Any is an error.
        Fail = "fail",
    }
}

codes! {
    /// Who owns the content.
    ManageContent {
        /// The configuration, at all times.
        Always = "always",
        /// The configuration at creation, others afterwards.
        Initial = "initial",
        /// Others.
        Never = "never",
    }
}

codes! {
    /// What destroying a version's resource does to the version.
    OnDestroy {
        /// Leaves it as it is.
        Keep = "keep",
        /// Retires it.
        Deprecate = "deprecate",
        /// Deletes it, if it is deprecated.
        Delete = "delete",
    }
}

codes! {
    /// What a sync does with a secret that stands under a name of its own the first time.
    InitialSync {
        /// Writes over what this sync wrote; anything else is a conflict, and left alone.
        OverwriteManaged = "overwrite_managed",
        /// Takes over what has the same content; anything else is a conflict.
        AdoptIfEqual = "adopt_if_equal",
        /// Fails at plan.
        FailIfExists = "fail_if_exists",
        /// Writes over it.
        OverwriteDestination = "overwrite_destination",
        /// Brings what only the destination has into the source; writes over the rest.
        ImportPrioritizeSource = "import_prioritize_source",
        /// Brings what the destination has into the source, also where the source differs.
        ImportPrioritizeDestination = "import_prioritize_destination",
    }
}

codes! {
    /// What a sync does with a secret that it wrote and that has no source any more.
    Removal {
        /// Soft-deletes; refused at plan where the vault cannot.
        SoftDelete = "soft_delete",
        /// Leaves it and forgets it.
        Retain = "retain",
        /// Disables it and forgets it.
        Disable = "disable",
        /// Deletes it for good.
        Delete = "delete",
    }
}

codes! {
    /// What a sync does with a copy that somebody changed.
    DriftPolicy {
        /// Writes it again.
        Correct = "correct",
        /// Leaves it and warns, at every plan.
        Warn = "warn",
        /// Takes it for good until the source changes.
        Accept = "accept",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_every_choice_parses_back() {
        for choice in DeletionPolicy::ALL {
            assert_eq!(DeletionPolicy::parse(choice.code()), Some(*choice));
        }
        assert_eq!(DeletionPolicy::CODES.len(), DeletionPolicy::ALL.len());
        assert_eq!(DeletionPolicy::default(), DeletionPolicy::Recoverable);
        assert_eq!(DeletionPolicy::parse("Recoverable"), None);
        assert_eq!(OnDrift::CODES, ["overwrite", "accept"]);
        assert_eq!(OnExisting::CODES, ["recover", "adopt", "fail"]);
        assert_eq!(ManageContent::CODES, ["always", "initial", "never"]);
    }
}
