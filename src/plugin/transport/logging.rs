//! Logging: tracing events become hclog lines on standard error, which the host reads.
//!
//! Responsible for levels and form. Only events of this crate pass: libraries may log what they
//! carry, and they carry secrets. Invariant: no raw protocol message is ever logged; there is no
//! switch for it.
//! Source: go-plugin's log reading (docs/internals/protocol.md, section "Logging").

mod level;
mod line;

use std::collections::BTreeMap;
use std::io::Write as _;

use time::OffsetDateTime;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use level::Levels;
use line::Fields;

/// Targets (module paths) of our own events begin with this.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// Starts logging for the whole process, at the levels that the environment asks for.
///
/// Called once. A second call changes nothing.
pub fn start(environment: &BTreeMap<String, String>, provider: &str) {
    let layer = HclogLayer { levels: Levels::from_environment(environment, provider) };
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

struct HclogLayer {
    levels: Levels,
}

impl HclogLayer {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let ours = target.strip_prefix(OURS).is_some_and(|r| r.is_empty() || r.starts_with("::"));
        ours && self.levels.allow(module(target), metadata.level())
    }
}

/// The part of the provider that speaks, in the words of the Go SDK.
fn module(target: &str) -> &'static str {
    match target.split("::").nth(1) {
        Some("plugin") => match target.split("::").nth(2) {
            Some("framework") => "sdk.framework",
            _ => "sdk.proto",
        },
        Some("adapters") => "provider.adapters",
        Some("engine") => "provider.engine",
        _ => "provider",
    }
}

impl<S> Layer<S> for HclogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, _ctx: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in ctx.event_scope(event).into_iter().flatten() {
            // Inner spans come first and win.
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.inherit(outer);
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        let line =
            fields.line(*metadata.level(), module(metadata.target()), OffsetDateTime::now_utc());
        // One call, so that lines of several threads do not mix. Nobody can be told of a failure.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}
