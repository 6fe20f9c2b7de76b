//! A clock of this machine that is ten minutes wrong, in both directions.
//!
//! AWS and Oracle sign the time: coffer takes AWS' from the refusal, as AWS' own clients do, and
//! says how wrong the clock is where that does not help. Tokens of Azure tell how long they are
//! good for, so that no clock matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coffer::plugin::framework::value::Value;
use futures_util::future::join_all;
use serde_json::json;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::Subject;
use super::kills::SECRET;
use super::process::Provider;
use crate::conformance::harness::Reached;
use crate::conformance::harness::azure_key_vault::reached;
use crate::fakes::{azure_key_vault, oci_vault};
use crate::support::core::{Core, Errors, Instance, config};
use crate::support::fault_proxy::{Fault, When};
use crate::support::http1::Message;

/// Calls at the same time.
const MANY: usize = 12;
/// What services tolerate.
const TOLERATED: Duration = Duration::minutes(5);
const WRONG: [Duration; 2] = [Duration::minutes(10), Duration::minutes(-10)];

/// A configuration of a secret.
pub fn secret(core: &Core, name: &str, value: &str) -> Value {
    config(&core.resources[SECRET], &json!({ "name": name, "value_wo": value }))
}

/// Creates or changes a secret.
pub async fn apply(
    core: &mut Core,
    prior: &Instance,
    name: &str,
    value: &str,
) -> Result<Instance, Errors> {
    let wanted = secret(core, name, value);
    core.run(SECRET, prior, &wanted).await.map(|(_, after)| after)
}

/// Creates secrets.
pub async fn create_many(core: &mut Core) -> Vec<Instance> {
    let mut made = Vec::new();
    for number in 0..MANY {
        let name = format!("secret-{number}");
        made.push(apply(core, &Instance::default(), &name, "canary-one").await.expect("made"));
    }
    made
}

/// Looks at secrets at the same time; what was refused.
pub async fn look_at(provider: &Provider, secrets: &[Instance]) -> Vec<Errors> {
    let looks = secrets.iter().map(|secret| async move {
        provider.another().await.refresh(SECRET, secret).await.map(drop)
    });
    join_all(looks).await.into_iter().filter_map(Result::err).collect()
}

/// AWS with another time: what was signed at a time that is too far off is refused. Counts.
fn aws_at(skew: Duration, code: &'static str, tells: bool, refused: &Arc<AtomicUsize>) -> Fault {
    let refused = Arc::clone(refused);
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    Fault::Judge(Arc::new(move |request: &Message| {
        let signed = PrimitiveDateTime::parse(request.header("x-amz-date")?, &format);
        let service = OffsetDateTime::now_utc() + skew;
        if (signed.expect("a time").assume_utc() - service).abs() < TOLERATED {
            return None;
        }
        refused.fetch_add(1, Ordering::Relaxed);
        let body = json!({ "__type": code, "message": "Signature expired or not yet current" });
        let answer = Message::answer(400, &body.to_string());
        let date = oci_vault::http_date(service);
        Some(if tells { answer.with("date", &date) } else { answer })
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn aws_tells_the_time() {
    for (skew, code) in WRONG.into_iter().zip(["InvalidSignatureException", "RequestTimeTooSkewed"])
    {
        let Some(subject) = Subject::of("aws_secrets_manager") else { return };
        let proxy = subject.proxy().await;
        let refused = Arc::default();
        proxy.fail(When::From(0), aws_at(skew, code, true, &refused));
        let mut first = Provider::start(&subject.remote, &proxy).await;
        let secrets = create_many(&mut first.core).await;
        assert_eq!(refused.load(Ordering::Relaxed), 1, "{skew}: one refusal tells the time");
        let second = Provider::start(&subject.remote, &proxy).await;
        let errors = look_at(&second, &secrets).await;
        assert_eq!(errors, [] as [Errors; 0], "{skew}: all that were signed too early go again");
        apply(&mut first.core, &secrets[0], "secret-0", "canary-two").await.expect("changed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn aws_that_does_not_tell_the_time_is_explained() {
    let Some(subject) = Subject::of("aws_secrets_manager") else { return };
    let proxy = subject.proxy().await;
    let refused = Arc::default();
    proxy.fail(When::From(0), aws_at(WRONG[0], "InvalidSignatureException", false, &refused));
    let mut provider = Provider::start(&subject.remote, &proxy).await;
    let errors = apply(&mut provider.core, &Instance::default(), "a", "canary-one").await;
    let text = errors.expect_err("it is refused").join("\n");
    assert!(text.contains("the clock of this machine"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn oracle_s_refusal_says_how_wrong_the_clock_is() {
    for (skew, says) in WRONG.into_iter().zip(["10 minutes behind", "10 minutes ahead of"]) {
        let fake = oci_vault::Fake::start();
        let profile = oci_vault::profile(&fake.url());
        let environment = oci_vault::sign_in().to_vec();
        let mut provider = Provider::directed(Reached { profile, environment }).await;
        let core = &mut provider.core;
        let made = apply(core, &Instance::default(), "a", "canary-one").await.expect("made");
        fake.world(|world| world.skew = skew);
        for prior in [&Instance::default(), &made] {
            let name = if prior.value.is_null() { "b" } else { "a" };
            let errors = apply(core, prior, name, "canary-two").await;
            let text = errors.expect_err("it is refused").join("\n");
            assert!(text.contains(says) && text.contains("set it right"), "{text}");
            assert!(text.contains("request_id") && !text.contains("canary"), "{text}");
        }
        fake.world(|world| world.skew = Duration::ZERO);
        apply(core, &made, "a", "canary-two").await.expect("the clock is right again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn azure_s_clock_does_not_matter() {
    for skew in WRONG {
        let fake = azure_key_vault::Fake::quick();
        fake.advance(skew);
        let mut provider = Provider::directed(reached(&fake)).await;
        let core = &mut provider.core;
        let made = apply(core, &Instance::default(), "a", "canary-one").await.expect("made");
        apply(core, &made, "a", "canary-two").await.expect("changed");
        assert_eq!(fake.values("kv1", "a"), ["canary-one", "canary-two"]);
    }
}
