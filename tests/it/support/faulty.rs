//! A vault that fails on demand: before a call takes effect, or after it, with a lost answer.
//!
//! Wraps any backend. Calls are counted, so that a test can let the first, the second, … fail and
//! see that the use case converges when it is run again.

use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;
use coffer::domain::port::{
    Backend, BackendError, Capability, ErrorKind, ListFilter, MetadataPatch, NewSecret, NewVersion,
    Page, Read, SecretRecord, VersionSelector, WhenMissing,
};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use coffer::domain::version::VersionRecord;
use time::Duration;

/// When a failing call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nothing was done.
    Before,
    /// It was done, and the answer was lost.
    After,
}

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<&'static str>,
    fault: Option<(usize, When)>,
    mangled: Option<String>,
}

/// The wrapper.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Backend>,
    plan: Mutex<Plan>,
}

impl Faulty {
    /// Wraps a backend; nothing fails yet.
    pub fn new(inner: Arc<dyn Backend>) -> Arc<Self> {
        Arc::new(Self { inner, plan: Mutex::default() })
    }

    /// Lets the call of this number, from 0, counted from now, fail for good.
    pub fn fail(&self, call: usize, when: When) {
        let mut plan = self.plan.lock().unwrap();
        plan.calls.clear();
        plan.fault = Some((call, when));
    }

    /// Lets every read give this content instead.
    pub fn mangle(&self, value: Option<&str>) {
        self.plan.lock().unwrap().mangled = value.map(str::to_owned);
    }

    /// The calls since the last time this was asked or a fault was set; ends the fault.
    pub fn calls(&self) -> Vec<&'static str> {
        let mut plan = self.plan.lock().unwrap();
        plan.fault = None;
        std::mem::take(&mut plan.calls)
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        let fault = {
            let mut plan = self.plan.lock().unwrap();
            let number = plan.calls.len();
            plan.calls.push(operation);
            plan.fault.filter(|(call, _)| *call == number).map(|(_, when)| when)
        };
        let error = BackendError::permanent(ErrorKind::Unavailable, operation, "the test says so");
        match fault {
            None => work.await,
            Some(When::Before) => Err(error),
            Some(When::After) => work.await.and_then(|_| Err(error.outcome_unknown())),
        }
    }
}

#[async_trait]
impl Backend for Faulty {
    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    fn check_content(&self, content: &Content) -> Result<(), String> {
        self.inner.check_content(content)
    }

    async fn fingerprint_key_material(
        &self,
        when_missing: WhenMissing,
    ) -> Result<Option<Secret>, BackendError> {
        self.inner.fingerprint_key_material(when_missing).await
    }

    async fn read(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        self.call("read", self.inner.read(name)).await
    }

    async fn list(
        &self,
        filter: &ListFilter,
        page: Option<String>,
    ) -> Result<Page<SecretRecord>, BackendError> {
        self.call("list", self.inner.list(filter, page)).await
    }

    async fn list_versions(&self, name: &SecretName) -> Result<Vec<VersionRecord>, BackendError> {
        self.call("list_versions", self.inner.list_versions(name)).await
    }

    async fn create(&self, secret: NewSecret<'_>) -> Result<SecretRecord, BackendError> {
        self.call("create", self.inner.create(secret)).await
    }

    async fn put_version(
        &self,
        name: &SecretName,
        version: NewVersion<'_>,
    ) -> Result<VersionRecord, BackendError> {
        self.call("put_version", self.inner.put_version(name, version)).await
    }

    async fn set_rotation_state(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Result<(), BackendError> {
        let work = self.inner.set_rotation_state(name, number, state);
        self.call("set_rotation_state", work).await
    }

    async fn read_content(
        &self,
        name: &SecretName,
        selector: VersionSelector,
    ) -> Result<Read, BackendError> {
        let mut read = self.call("read_content", self.inner.read_content(name, selector)).await?;
        if let Some(value) = self.plan.lock().unwrap().mangled.as_deref() {
            read.content = Content::generic(Secret::from(value)).unwrap();
        }
        Ok(read)
    }

    async fn update_metadata(
        &self,
        name: &SecretName,
        patch: MetadataPatch,
    ) -> Result<SecretRecord, BackendError> {
        self.call("update_metadata", self.inner.update_metadata(name, patch)).await
    }

    async fn soft_delete(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Result<SecretRecord, BackendError> {
        self.call("soft_delete", self.inner.soft_delete(name, window)).await
    }

    async fn recover(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        self.call("recover", self.inner.recover(name)).await
    }

    async fn purge(&self, name: &SecretName) -> Result<(), BackendError> {
        self.call("purge", self.inner.purge(name)).await
    }

    async fn delete_version(&self, name: &SecretName, number: u64) -> Result<(), BackendError> {
        self.call("delete_version", self.inner.delete_version(name, number)).await
    }

    async fn backup(&self, name: &SecretName) -> Result<Vec<u8>, BackendError> {
        self.call("backup", self.inner.backup(name)).await
    }

    async fn restore(&self, backup: &[u8]) -> Result<SecretRecord, BackendError> {
        self.call("restore", self.inner.restore(backup)).await
    }
}
