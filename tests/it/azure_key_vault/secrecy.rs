//! No value, token or client secret in errors or in what is logged at the loudest level.

use std::io::Write;
use std::sync::{Arc, Mutex};

use coffer::domain::port::{Stage, VersionSelector};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::Registry;

use super::{Vault, name};
use crate::fakes::azure_key_vault::{Action, EVERY_PERMISSION, Fake, Fault};
use crate::support::canary::{Canary, Search};

/// Keeps every event as text.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl<S: tracing::Subscriber> Layer<S> for Kept {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Fields<'k>(&'k mut Vec<u8>);
        impl tracing::field::Visit for Fields<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                let _ = write!(self.0, "{field}={value:?} ");
            }
        }
        let mut kept = self.0.lock().expect("no holder panics");
        event.record(&mut Fields(&mut kept));
        kept.push(b'\n');
    }
}

#[test]
fn nothing_secret_is_logged_or_part_of_an_error() {
    let kept = Kept::default();
    let value = Canary::new();
    let fake = Fake::quick();
    let token = fake.token(EVERY_PERMISSION);
    let search = Search::new(&[value.clone(), Canary::of(&token)]);
    let vault = Vault::open(fake, &token, |_| {});
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let subscriber = Registry::default().with(kept.clone());
    let errors = tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let mut errors = Vec::new();
            let value = value.text();
            vault.create(value).await.expect("created");
            errors.extend(vault.create(value).await.err());
            vault.put(value, Stage::Pending).await.expect("stored");
            vault.promote(2).await.expect("promoted");
            assert_eq!(vault.current().await, value);
            errors.extend(vault.value(VersionSelector::Number(9)).await.err());
            // A service that repeats what it was sent.
            let echo = serde_json::json!({ "error": { "code": value, "message": value } });
            for status in [400, 403, 409, 500] {
                let echo = Action::Answer(status, Vec::new(), echo.to_string());
                vault.fake.fault(Fault::once("PUT", "/secrets", echo));
                errors.extend(vault.put(value, Stage::Current).await.err());
            }
            let strange = Action::Answer(200, Vec::new(), format!("{{\"id\": \"{value}\", "));
            vault.fake.fault(Fault::once("GET", "/secrets", strange));
            errors.extend(vault.read().await.err());
            vault.backend.soft_delete(&name(), None).await.expect("deleted");
            errors.extend(vault.put(value, Stage::Current).await.err());
            errors
        })
    });
    assert!(errors.len() >= 6, "{errors:?}");
    search.assert_none_in("an error", &format!("{errors:?}"));
    let logged = String::from_utf8(kept.0.lock().unwrap().clone()).expect("text");
    assert!(logged.contains("/secrets/app-password"), "requests were logged: {logged}");
    search.assert_none_in("the log", &logged);
}
