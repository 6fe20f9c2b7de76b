//! Every remote backend against a network that makes trouble at every request.
//!
//! For each operation of the engine, each fault of the catalogue ([`trouble`]) and each request of
//! the operation: run it into the fault, then, if it failed, once more without. Then the vault holds
//! what was asked for, exactly once; the error, if any, was clear and told nothing secret. A new
//! backend joins with [`Harness::remote`](crate::conformance::harness::Harness::remote).

mod clocks;
mod kills;
mod operations;
mod process;
mod sessions;
mod trouble;

use std::sync::Arc;

use coffer::adapters::catalog::BACKENDS;
use coffer::domain::port::{Backend, BackendError, ErrorKind};
use coffer::engine::failure::Failure;
use futures_util::StreamExt as _;

use crate::conformance::harness::{Harness, Remote, descriptors, fresh, unavailable};
use crate::support::cli::report_ignored;
use crate::support::fault_proxy::{FaultProxy, Hook, When};
use operations::{Operation, Secrets};
use trouble::{REQUEST_ID, Trouble};

/// Cases at the same time. Most of them wait.
const AT_ONCE: usize = 32;

/// A vault behind a network.
struct Subject {
    name: &'static str,
    remote: Remote,
    /// A client that the network does not trouble.
    calm: Arc<dyn Backend>,
    /// Keeps the server.
    _harness: Box<dyn Harness>,
}

impl Subject {
    /// Every backend with a network; the catalogue says which have one.
    fn all() -> Vec<Self> {
        let networked = descriptors().filter(|descriptor| descriptor.pacing.is_some());
        networked.filter_map(|descriptor| Self::of(descriptor.name)).collect()
    }

    fn of(name: &'static str) -> Option<Self> {
        if let Some(reason) = unavailable(name) {
            report_ignored(name, "faults", &reason);
            return None;
        }
        let harness = fresh(name);
        let remote = harness.remote();
        let remote = remote.unwrap_or_else(|| panic!("{name} does not say how it is reached"));
        Some(Self { name, calm: harness.backend(), remote, _harness: harness })
    }

    async fn proxy(&self) -> FaultProxy {
        self.proxy_with(None).await
    }

    async fn proxy_with(&self, hook: Option<Hook>) -> FaultProxy {
        FaultProxy::start(self.remote.server, self.remote.reads, hook, self.remote.tls.clone())
            .await
    }
}

#[test]
fn every_remote_backend_takes_part() {
    let networked = BACKENDS.iter().filter(|descriptor| descriptor.pacing.is_some()).count();
    let taking_part = descriptors().filter(|descriptor| descriptor.pacing.is_some()).count();
    assert_eq!(taking_part, networked + 1, "the catalogue and the throw-away one");
}

macro_rules! operations {
    ($($operation:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $operation() {
            run(&operations::$operation()).await;
        }
    )+};
}

operations! {
    create,
    put_version,
    set_rotation_state,
    update_metadata,
    soft_delete,
    recover,
    read,
    list,
}

async fn run(operation: &Operation) {
    let mut findings = Vec::new();
    let mut played = 0;
    for subject in Subject::all() {
        if !(operation.possible)(subject.calm.capability()) {
            continue;
        }
        let requests = requests(&subject, operation).await;
        let mut cases = Vec::new();
        for trouble in trouble::all() {
            for number in 1..=requests {
                for when in [When::At(number), When::From(number)] {
                    if when == When::At(number) || trouble.lasting {
                        cases.push((trouble.clone(), when));
                    }
                }
            }
        }
        played += cases.len();
        let outcomes = cases.into_iter().enumerate().map(|(place, (trouble, when))| {
            let subject = &subject;
            async move {
                let secrets = Secrets::new(&format!("{}-{place}", operation.name));
                let outcome = case(subject, operation, &trouble, when, &secrets).await;
                outcome.err().map(|finding| {
                    format!(
                        "{} {} {when:?} {}: {finding}",
                        subject.name, operation.name, trouble.name
                    )
                })
            }
        });
        let found: Vec<_> =
            futures_util::stream::iter(outcomes).buffer_unordered(AT_ONCE).collect().await;
        findings.extend(found.into_iter().flatten());
        if let Err(finding) = behind(&subject, operation).await {
            findings.push(format!(
                "{} {} reads from the past: {finding}",
                subject.name, operation.name
            ));
        }
    }
    assert!(played > 0, "nothing was played");
    findings.sort();
    assert!(findings.is_empty(), "{} of {played}:\n{}", findings.len(), findings.join("\n"));
}

/// Requests that the operation makes when nothing goes wrong.
async fn requests(subject: &Subject, operation: &Operation) -> usize {
    let secrets = Secrets::new(&format!("{}-count", operation.name));
    let before = (operation.arrange)(subject.calm.clone(), secrets.clone()).await;
    let proxy = subject.proxy().await;
    let client = (subject.remote.open)(&proxy.url());
    (operation.act)(client, secrets, before).await.expect("nothing goes wrong");
    assert!(proxy.count() > 0, "{} {} uses no network", subject.name, operation.name);
    proxy.count()
}

async fn case(
    subject: &Subject,
    operation: &Operation,
    trouble: &Trouble,
    when: When,
    secrets: &Secrets,
) -> Result<(), String> {
    let before = (operation.arrange)(subject.calm.clone(), secrets.clone()).await;
    let proxy = subject.proxy().await;
    let client = (subject.remote.open)(&proxy.url());
    proxy.fail(when, trouble.fault.clone());
    let first = (operation.act)(Arc::clone(&client), secrets.clone(), before.clone()).await;
    proxy.heal();
    if let Err(failure) = first {
        judge(&failure, trouble, secrets)?;
        // A client that signs in with a token may have noted a refusal for a while.
        let again = (subject.remote.open)(&proxy.url());
        (operation.act)(again, secrets.clone(), before)
            .await
            .map_err(|again| format!("the second run fails, too: {again:?} after {failure:?}"))?;
    }
    (operation.assert)(subject.calm.clone(), secrets.clone()).await
}

/// A service that answers reads from before the change for ten seconds.
async fn behind(subject: &Subject, operation: &Operation) -> Result<(), String> {
    let secrets = Secrets::new(&format!("{}-behind", operation.name));
    let before = (operation.arrange)(subject.calm.clone(), secrets.clone()).await;
    let proxy = subject.proxy().await;
    let client = (subject.remote.open)(&proxy.url());
    // What it will be behind with.
    let _ = client.read(&secrets.name).await;
    let _ = client.list_versions(&secrets.name).await;
    proxy.stay_behind(std::time::Duration::from_secs(10));
    let first = (operation.act)(client, secrets.clone(), before.clone()).await;
    proxy.heal();
    if let Err(failure) = first {
        let again = (subject.remote.open)(&proxy.url());
        (operation.act)(again, secrets.clone(), before)
            .await
            .map_err(|again| format!("the second run fails, too: {again:?} after {failure:?}"))?;
    }
    (operation.assert)(subject.calm.clone(), secrets).await
}

/// What an error must say and must not.
fn judge(failure: &Failure, trouble: &Trouble, secrets: &Secrets) -> Result<(), String> {
    let Failure::Backend(error) = failure else {
        return Err(format!("no error of the vault: {failure:?}"));
    };
    let text = format!("{error} {error:?}");
    if text.contains(&secrets.value) || text.contains(&secrets.next) || text.contains("canary") {
        return Err(format!("the error tells something secret: {text}"));
    }
    if error.message.is_empty() || error.operation.is_empty() {
        return Err(format!("the error says nothing: {text}"));
    }
    // A vault that cannot be reached, or lets nobody in, is never taken for an empty one.
    if error.kind == ErrorKind::NotFound {
        return Err(format!("the secret counts as gone: {text}"));
    }
    if trouble.has_request_id && !knows_request_id(error) {
        return Err(format!("the error does not tell the request id: {error:?}"));
    }
    Ok(())
}

fn knows_request_id(error: &BackendError) -> bool {
    error.context.iter().any(|(_, value)| value.contains(REQUEST_ID))
}
