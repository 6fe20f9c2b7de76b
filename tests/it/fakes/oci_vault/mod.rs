//! Oracle Cloud's secret management, secret retrieval and a corner of key management.
//!
//! One listener on loopback serves all three. Signatures are verified over the bytes that came
//! over the wire before anything else happens. Time is the real one plus what a test adds; writes
//! take effect after a delay that a test sets. Where nobody knows what the real service answers,
//! the choice is the one that is harder on a client.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};
use tokio::sync::oneshot;

use crate::support::keys;

mod answer;
mod bundles;
mod client;
mod create;
mod faults;
mod identity;
mod judged;
mod management;
mod model;
mod signature;
mod stages;
mod state;
mod update;

pub use client::{backend, backend_with, in_environment, place, profile, sign_in};
pub use faults::Fault;
pub use identity::ACCOUNT_TOKEN;
pub use state::World;

/// Who signs in.
pub const TENANCY: &str = "ocid1.tenancy.oc1..fake";
/// Their user.
pub const USER: &str = "ocid1.user.oc1..fake";
/// Their key's.
pub const FINGERPRINT: &str = "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34";
/// The vault there is.
pub const VAULT: &str = "ocid1.vault.oc1.iad.fake.vault";
/// Its key.
pub const KEY: &str = "ocid1.key.oc1.iad.fake.key";
/// Compartments there are.
pub const COMPARTMENT: &str = "ocid1.compartment.oc1..one";
/// The other one.
pub const OTHER_COMPARTMENT: &str = "ocid1.compartment.oc1..two";

/// A request as it came.
#[derive(Debug)]
pub struct Received {
    method: Method,
    target: String,
    headers: axum::http::HeaderMap,
    body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The services, for as long as it lives.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// Starts with one vault, one key, two compartments and one API key, that of
    /// [`private_key`](Self::private_key).
    pub fn start() -> Self {
        let mut world = World::new();
        let key_id = format!("{TENANCY}/{USER}/{FINGERPRINT}");
        world.trust(&key_id, &Self::private_key());
        let world = Arc::new(Mutex::new(world));
        let (ready, started) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&world);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(async move {
                let listener =
                    tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                ready.send(listener.local_addr().expect("an address")).expect("somebody waits");
                let router = Router::new().fallback(serve).with_state(shared);
                let server = axum::serve(listener, router);
                tokio::select! {
                    result = server => result.expect("the fake serves"),
                    _ = stopped => {}
                }
            });
        });
        let address = started.recv().expect("the fake starts");
        Self { address, world, stop: Some(stop), thread: Some(thread) }
    }

    /// The key that may sign in, PKCS#8 in PEM.
    pub fn private_key() -> String {
        keys::text("rsa.pkcs8.pem")
    }

    /// Address of all services.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it knows, for a look or a change behind everybody's back.
    pub fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        with(&mut self.world.lock().expect("no handler panicked"))
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.world(|world| world.ahead += by);
    }

    /// Makes the next calls of an operation (`GetSecret`) go wrong.
    pub fn fault(&self, operation: &'static str, fault: Fault) {
        self.world(|world| world.faults.push((operation, fault)));
    }

    /// The operations that were called since the last time this was asked.
    pub fn calls(&self) -> Vec<&'static str> {
        self.world(|world| std::mem::take(&mut world.calls))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let received = Received { method: parts.method, target, headers: parts.headers, body };
    let request_id = received.header("opc-request-id").unwrap_or("NONE").to_owned();
    let latency = world.lock().expect("no handler panicked").settings.latency;
    tokio::time::sleep(latency).await;
    let mut world = world.lock().expect("no handler panicked");
    let date = http_date(world.clock());
    world.handle(&received).with("date", date).render(&request_id)
}

/// As HTTP writes it.
pub fn http_date(time: OffsetDateTime) -> String {
    let text = time.format(&Rfc2822).expect("a date of this century");
    text.replace("+0000", "GMT")
}
