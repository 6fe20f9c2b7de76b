//! The attributes of `coffer_secret_version` as Rust values.
//!
//! One shape for configuration, plan and state. Content arguments are not here: they are read by
//! [`content`](crate::provider::content) and nowhere else.

use crate::domain::fingerprint::Fingerprint;
use crate::domain::policy::OnDestroy;
use crate::domain::rotation::{RotationState, RotationStates};
use crate::plugin::framework::convert::{Input, read, record};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::value::Value;

record! {
    /// All attributes but content and time limits.
    #[derive(Debug, Clone, Default)]
    pub(super) struct Fields {
        pub(super) secret_id: Input<String>,
        pub(super) content_wo_version: Input<String>,
        pub(super) number: Input<i64>,
        pub(super) rotation_state: Input<String>,
        pub(super) on_destroy: Input<String>,
        pub(super) id: Input<String>,
        pub(super) fingerprint: Input<String>,
        pub(super) rotation_states: Input<Vec<String>>,
    }
}

impl Fields {
    /// Reads an object; reports what has another type than the schema says.
    pub(super) fn read(object: &Value, diags: &mut Diagnostics) -> Option<Self> {
        read(object).map_err(|error| error.report(diags)).ok()
    }

    pub(super) fn print(&self) -> Option<Fingerprint> {
        self.fingerprint.known()?.parse().ok()
    }

    pub(super) fn number(&self) -> Option<u64> {
        self.number.known().and_then(|number| u64::try_from(*number).ok())
    }

    /// The state that the configuration asks for.
    pub(super) fn wants(&self, state: RotationState) -> bool {
        self.rotation_state.known().is_some_and(|code| code == state.code())
    }

    pub(super) fn states(&self) -> RotationStates {
        let codes = self.rotation_states.known().map_or(&[][..], Vec::as_slice);
        codes.iter().filter_map(|code| RotationState::parse(code)).collect()
    }

    pub(super) fn on_destroy(&self) -> OnDestroy {
        self.on_destroy.known().and_then(|code| OnDestroy::parse(code)).unwrap_or_default()
    }
}
