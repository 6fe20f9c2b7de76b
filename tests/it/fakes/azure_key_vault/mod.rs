//! A Key Vault in this process, judged by the vendor's own Python clients.
//!
//! Secrets with versions, soft deletion that settles, recovery, purge, backup, pages, tokens with
//! permissions, the sign-in service, a managed-identity endpoint, a clock that can be moved, faults
//! and a journal. Served over TLS under a certificate authority of its own, also through a proxy
//! under the real host names, so that clients run with every check on.
//!
//! Reading order: here what tests use, [`server`] connections, [`routes`] requests, [`state`] what
//! is in a vault, [`sign_in`] tokens, [`faults`] what goes wrong.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use coffer::adapters::descriptor::{Setting, Settings};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tokio::runtime::Runtime;

use crate::support::cli::Workspace;

mod faults;
mod routes;
mod server;
mod sign_in;
mod state;

pub use faults::{Action, Fault};
pub use sign_in::Challenge;

use faults::Faults;
use sign_in::Directory;
use state::Vaults;

/// Everything that the service tells apart.
pub const EVERY_PERMISSION: &[&str] =
    &["get", "list", "set", "update", "delete", "recover", "purge", "backup", "restore"];
/// What a plan needs.
pub const LIST_ONLY: &[&str] = &["list"];
/// The tenant of the vaults.
pub const TENANT: &str = "72f988bf-0000-4000-8000-2d7cd011db47";

/// The secret of the application `app-1` of workspaces.
pub const CLIENT_SECRET: &str = "kQ8~vX2pLw9zT4mB7nR1cF6sJ3hD5gY0";
const FINGERPRINT_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What can be chosen about the service.
#[derive(Debug, Clone)]
pub struct Options {
    /// Looks until a deletion or recovery has settled.
    pub settle: u32,
    /// Days a deleted secret is kept.
    pub retention_days: i64,
    /// Deleted secrets cannot be purged.
    pub purge_protection: bool,
    /// Whether `null` clears a time, or is ignored.
    pub null_clears: bool,
    /// A recovery looks done once before it is.
    pub recovers_late: bool,
    /// Every page of a list is followed by an empty one.
    pub empty_pages: bool,
    /// What is answered to a request without a token.
    pub challenge: Challenge,
    /// The right to read deleted secrets is not part of the right to list.
    pub deleted_need_get: bool,
    /// What every answer takes longer.
    pub latency: std::time::Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settle: 2,
            retention_days: 90,
            purge_protection: false,
            null_clears: true,
            recovers_late: false,
            empty_pages: false,
            challenge: Challenge::default(),
            deleted_need_get: true,
            latency: std::time::Duration::ZERO,
        }
    }
}

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method.
    pub method: String,
    /// Host name, without port.
    pub host: String,
    /// Path.
    pub path: String,
    /// Bytes of the body.
    pub body: usize,
    /// It had a token.
    pub authorized: bool,
    /// What was answered; 0 for a connection that was cut.
    pub status: u16,
    /// What the caller calls itself.
    pub user_agent: String,
}

/// What connections share.
#[derive(Debug)]
struct Shared {
    vaults: Mutex<Vaults>,
    directory: Mutex<Directory>,
    options: Mutex<Options>,
    faults: Faults,
    journal: Mutex<Vec<Seen>>,
    ahead: Mutex<Duration>,
}

impl Shared {
    fn now(&self) -> i64 {
        let now = OffsetDateTime::now_utc() + *locked(&self.ahead);
        now.unix_timestamp()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of the lock panics")
}

/// A running service.
#[derive(Debug)]
pub struct Fake {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    files: TempDir,
    ports: server::Ports,
    tls: Arc<rustls::ServerConfig>,
}

impl Fake {
    /// Starts it on free ports of this machine.
    pub fn start() -> Self {
        let shared = Arc::new(Shared {
            vaults: Mutex::default(),
            directory: Mutex::default(),
            options: Mutex::default(),
            faults: Faults::default(),
            journal: Mutex::default(),
            ahead: Mutex::new(Duration::ZERO),
        });
        let files = tempfile::tempdir().expect("a temporary directory");
        let authority = server::Authority::new();
        std::fs::write(files.path().join("ca.pem"), authority.pem()).expect("it is writable");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let ports = {
            let _entered = runtime.enter();
            server::start(&authority, &shared)
        };
        let tls = Arc::new(authority.server_config());
        Self { shared, runtime: Some(runtime), files, ports, tls }
    }

    /// What it shows to clients over TLS, for somebody in between.
    pub fn tls(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.tls)
    }

    /// Where it listens without TLS.
    pub fn without_tls(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.ports.plain).into()
    }

    /// The same, with deletions and recoveries that settle at once.
    pub fn quick() -> Self {
        let fake = Self::start();
        fake.configure(|options| options.settle = 0);
        fake
    }

    /// Address of a vault under its real host name; reached through [`proxy_url`](Self::proxy_url).
    pub fn vault_url(&self, vault: &str) -> String {
        format!("https://{vault}.vault.azure.net")
    }

    /// Address of a vault on this machine.
    pub fn local_url(&self) -> String {
        format!("https://localhost:{}", self.ports.tls)
    }

    /// A proxy that leads every host name here.
    pub fn proxy_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.proxy)
    }

    /// Address of the managed identity of an App Service.
    pub fn identity_endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/msi/token", self.ports.plain)
    }

    /// File with the certificate authority.
    pub fn ca_bundle(&self) -> PathBuf {
        self.files.path().join("ca.pem")
    }

    /// The settings of a profile for a vault under its real host name.
    pub fn settings(&self, vault: &str, token: &str) -> Settings {
        let mut settings = Settings::default();
        "coffer-tests".clone_into(&mut settings.user_agent);
        let text = |text: String| Setting::Text(text);
        settings.set("vault_url", text(self.vault_url(vault)));
        settings.set("ca_bundle", text(self.ca_bundle().display().to_string()));
        settings.set("proxy", Setting::Secret(self.proxy_url().as_str().into()));
        settings.set("access_token", Setting::Secret(token.into()));
        settings
    }

    /// Lets the commands of a workspace reach the vaults under their real host names, as the
    /// application `app-1`, which may do everything.
    pub fn serve(&self, workspace: &mut Workspace) {
        for (name, value) in self.sign_in() {
            workspace.env(name, &value);
        }
        workspace.env("HTTPS_PROXY", &self.proxy_url());
        workspace.env("NO_PROXY", "127.0.0.1");
        workspace.env("COFFER_FINGERPRINT_KEY", FINGERPRINT_KEY);
    }

    /// Environment variables that sign in as the application `app-1`, which may do everything, and
    /// trust the service.
    pub fn sign_in(&self) -> Vec<(&'static str, String)> {
        self.application("app-1", CLIENT_SECRET, EVERY_PERMISSION);
        vec![
            ("COFFER_CA_BUNDLE", self.ca_bundle().display().to_string()),
            ("AZURE_CLIENT_ID", "app-1".to_owned()),
            ("AZURE_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ]
    }

    /// A directory that lives as long as the fake.
    pub fn files(&self) -> &std::path::Path {
        self.files.path()
    }

    /// Changes options.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        change(&mut locked(&self.shared.options));
    }

    /// A token with these permissions, which does not expire.
    pub fn token(&self, permissions: &[&str]) -> String {
        locked(&self.shared.directory).issue(&names(permissions), i64::MAX)
    }

    /// An application that signs in with a secret.
    pub fn application(&self, client_id: &str, secret: &str, permissions: &[&str]) {
        locked(&self.shared.directory).add_secret(client_id, secret, names(permissions));
    }

    /// An application that trusts the token of another issuer.
    pub fn federated(&self, client_id: &str, token: &str, permissions: &[&str]) {
        locked(&self.shared.directory).add_federated(client_id, token, names(permissions));
    }

    /// An application with a certificate: its thumbprint (SHA-1, base64url) and RSA public key.
    pub fn certified(&self, client_id: &str, thumbprint: &str, key: Vec<u8>, permissions: &[&str]) {
        let permissions = names(permissions);
        locked(&self.shared.directory).add_certificate(client_id, thumbprint, key, permissions);
    }

    /// The managed identity of this machine, and the header that its callers must have.
    pub fn managed_identity(&self, header: &str, permissions: &[&str]) {
        locked(&self.shared.directory).set_managed(header, names(permissions));
    }

    /// What every token of an application may do from now on.
    pub fn grant(&self, client_id: &str, permissions: &[&str]) {
        locked(&self.shared.directory).grant(client_id, &names(permissions));
    }

    /// Refuses every token that was issued so far.
    pub fn revoke_tokens(&self) {
        locked(&self.shared.directory).revoke();
    }

    /// Lets time pass for the service.
    pub fn advance(&self, by: Duration) {
        *locked(&self.shared.ahead) += by;
    }

    /// Makes something go wrong.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Every request so far.
    pub fn journal(&self) -> Vec<Seen> {
        locked(&self.shared.journal).clone()
    }

    /// Forgets the requests so far.
    pub fn clear_journal(&self) {
        locked(&self.shared.journal).clear();
    }

    /// Number of requests with this method whose path begins so.
    pub fn count(&self, method: &str, path: &str) -> usize {
        let journal = locked(&self.shared.journal);
        journal.iter().filter(|seen| seen.method == method && seen.path.starts_with(path)).count()
    }

    /// Somebody else stores a version in a vault, in the way of the portal: without tags.
    pub fn somebody_stores(&self, vault: &str, name: &str, value: &str) {
        self.somebody_stores_with(vault, name, value, &[]);
    }

    /// The same with tags.
    pub fn somebody_stores_with(
        &self,
        vault: &str,
        name: &str,
        value: &str,
        tags: &[(&str, &str)],
    ) {
        let now = self.shared.now();
        let tags = tags.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let mut vaults = locked(&self.shared.vaults);
        vaults.of(&host(vault)).store_plainly(name, value, tags, now);
    }

    /// Values of all versions of a secret, oldest first; empty when there is none in use.
    pub fn values(&self, vault: &str, name: &str) -> Vec<String> {
        locked(&self.shared.vaults).of(&host(vault)).values(name)
    }

    /// The newest version as the service would list it.
    pub fn newest(&self, vault: &str, name: &str) -> serde_json::Value {
        locked(&self.shared.vaults).of(&host(vault)).newest(name)
    }

    /// Names of the secrets in use, and of the deleted ones.
    pub fn names(&self, vault: &str) -> (Vec<String>, Vec<String>) {
        locked(&self.shared.vaults).of(&host(vault)).names()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // Tests also end inside a runtime, where one may not be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn names(permissions: &[&str]) -> BTreeSet<String> {
    permissions.iter().map(|name| (*name).to_owned()).collect()
}

fn host(vault: &str) -> String {
    if vault == "localhost" { vault.to_owned() } else { format!("{vault}.vault.azure.net") }
}
