//! What plan and state tell of a made value: its public half, when it is due, and warnings.
//!
//! Responsible for planning unknown only what will change. Leaves the value itself to nobody: it is
//! told nowhere.

use time::OffsetDateTime;

use super::making::{is_made, rotate_at};
use super::{ATTRIBUTE, Making, Order};
use crate::domain::kind::Content;
use crate::plugin::framework::convert::IntoValue;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::times;

/// Plans what `generate` tells: the public half and the due time, unknown only when they change.
pub(in crate::provider) fn plan_told(
    config: &Value,
    prior: &Value,
    secret: &str,
    making: Making,
    planned: &mut Value,
) {
    let wanted = config.get(ATTRIBUTE);
    let pair = Order::read(wanted).is_ok_and(|order| order.is_key_pair());
    let public_key = match making {
        Making::Open => Value::UNKNOWN,
        making if making.makes() && pair => Value::UNKNOWN,
        making if making.makes() => Value::Null,
        _ if wanted.is_null() => Value::Null,
        // Made by a run that was interrupted: it can be told now.
        _ if pair && prior.get("public_key").is_null() && is_made(config, prior, secret) => {
            Value::UNKNOWN
        }
        _ => prior.get("public_key").clone(),
    };
    planned.set("public_key", public_key);
    let days = wanted.get("rotate_after_days");
    let rotate_at = if days.is_null() && !wanted.is_unknown() {
        Value::Null
    } else if matches!(making, Making::No)
        && days.same(prior.get(ATTRIBUTE).get("rotate_after_days"))
    {
        prior.get("rotate_at").clone()
    } else {
        Value::UNKNOWN
    };
    planned.set("rotate_at", rotate_at);
}

/// What a state tells of a value whose version was made at `created_at`.
pub(in crate::provider) fn tell(
    state: &mut Value,
    created_at: Option<OffsetDateTime>,
    same_version: bool,
) {
    state.set("rotate_at", due(state, created_at));
    // The public half of a version that somebody else wrote is not known.
    if state.get("public_key").is_unknown() || !same_version {
        state.set("public_key", Value::Null);
    }
}

/// The public half of a key pair that is in the vault and was made by this order.
pub(in crate::provider) fn told_half(config: &Value, content: &Content) -> Value {
    let order = Order::read(config.get(ATTRIBUTE)).ok();
    order.and_then(|order| order.public_half(content)).into_value()
}

/// When a value whose version was made at `created_at` is due.
pub(in crate::provider) fn due(state: &Value, created_at: Option<OffsetDateTime>) -> Value {
    rotate_at(state.get(ATTRIBUTE), created_at).map(times::format).into_value()
}

/// Warns of what the plan alone does not say well.
pub(in crate::provider) fn caution(making: Making, name: &str, diags: &mut Diagnostics) {
    match making {
        Making::Due(due) => diags.warning(
            Path::attribute(ATTRIBUTE).child("rotate_after_days"),
            "Rotation is due",
            format!(
                "The value of {name:?} is due for rotation since {}. Apply makes a new one.",
                times::told(due)
            ),
        ),
        Making::Kept => diags.warning(
            Path::attribute(ATTRIBUTE),
            "Present value is kept",
            format!(
                "{name:?} exists, and generate is new in its configuration. Its value stays as it \
                 is. Next step: to have a new one made, add keepers after this apply and change \
                 them."
            ),
        ),
        Making::LeftToOthers => diags.warning(
            Path::attribute(ATTRIBUTE),
            "No value is made",
            format!(
                "The arguments of generate changed, and manage_content of {name:?} is \"initial\": \
                 coffer made its first value, and others manage it since. The value stays as it is, \
                 and the state takes the new arguments. Next step: to replace the value now, add a \
                 coffer_secret_version with generate, or set manage_content = \"always\" and \
                 change keepers in the same apply."
            ),
        ),
        Making::No | Making::Yes | Making::Open => {}
    }
}
