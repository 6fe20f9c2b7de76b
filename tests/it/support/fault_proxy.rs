//! A proxy between coffer and a service that makes trouble at the n-th request.
//!
//! Responsible for faults before and after the service has acted, for answering reads from the
//! past, for counting requests and for calling the test at each boundary of a request. Speaks
//! HTTP/1.1 to both sides, with TLS towards the client where it is asked for. One proxy per case: requests
//! are counted from 1 for its whole life.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::http1::{Message, Play, Wire, read};

/// What goes wrong with a request.
#[derive(Clone)]
pub enum Fault {
    /// The service never sees it.
    Before(Play),
    /// The service does it, and its answer goes another way.
    After(Arc<dyn Fn(Message) -> Play + Send + Sync>),
    /// The service sees only requests for which there is no answer.
    Judge(Judge),
}

/// Answers a request in the service's place, or leaves it to the service.
pub type Judge = Arc<dyn Fn(&Message) -> Option<Message> + Send + Sync>;

impl Fault {
    /// The service does it, and its answer is replaced.
    pub fn after(play: impl Fn(Message) -> Play + Send + Sync + 'static) -> Self {
        Self::After(Arc::new(play))
    }
}

/// Which requests a fault meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This one.
    At(usize),
    /// This one and all that follow.
    From(usize),
}

impl When {
    fn meets(self, number: usize) -> bool {
        match self {
            Self::At(at) => number == at,
            Self::From(at) => number >= at,
        }
    }
}

/// A moment in the life of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// The proxy has it, the service not yet.
    Before(usize),
    /// The service has answered, the client does not know yet.
    After(usize),
}

/// Called at each boundary, on a thread that may block. False cuts the connection there: before,
/// the service never sees the request; after, the client never sees the answer.
pub type Hook = Arc<dyn Fn(Boundary) -> bool + Send + Sync>;
/// Tells requests that read.
pub type Reads = fn(&Message) -> bool;

/// What a proxy does; shared by its connections.
struct Plan {
    upstream: SocketAddr,
    reads: Reads,
    hook: Option<Hook>,
    state: Mutex<State>,
}

struct State {
    fault: Option<(When, Fault)>,
    count: usize,
    past: HashMap<Vec<u8>, Message>,
    stale_until: Option<Instant>,
}

/// A running proxy; ends when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    plan: Arc<Plan>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// A proxy before a service, for now without faults, with a hook at each boundary where wanted.
    /// With TLS it is the proxy that a client is told to use (`CONNECT`), and then the service.
    pub async fn start(
        upstream: SocketAddr,
        reads: Reads,
        hook: Option<Hook>,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let state = State { fault: None, count: 0, past: HashMap::new(), stale_until: None };
        let plan = Arc::new(Plan { upstream, reads, hook, state: Mutex::new(state) });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::clone(&plan);
        let tls = tls.map(TlsAcceptor::from);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (plan, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => plan.serve(stream).await,
                        Some(tls) => plan.serve(tls.accept(connected(stream).await?).await?).await,
                    }
                });
            }
        });
        Self { address, plan, task }
    }

    /// Its address, for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets what goes wrong from now on.
    pub fn fail(&self, when: When, fault: Fault) {
        self.plan.state.lock().unwrap().fault = Some((when, fault));
    }

    /// Everything goes right again.
    pub fn heal(&self) {
        let mut state = self.plan.state.lock().unwrap();
        state.fault = None;
        state.stale_until = None;
    }

    /// Answers reads as they were answered before, for so long.
    pub fn stay_behind(&self, time: Duration) {
        self.plan.state.lock().unwrap().stale_until = Some(Instant::now() + time);
    }

    /// Requests so far.
    pub fn count(&self) -> usize {
        self.plan.state.lock().unwrap().count
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Agrees to lead a client wherever it wants, which is here.
async fn connected(stream: TcpStream) -> io::Result<TcpStream> {
    let mut stream = BufReader::new(stream);
    read(&mut stream, false).await?;
    let mut stream = stream.into_inner();
    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
    Ok(stream)
}

impl Plan {
    async fn serve(&self, stream: impl Wire) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read(&mut stream, false).await? {
            let (number, fault) = self.next();
            if !self.call(Boundary::Before(number)).await {
                stream.get_ref().cut();
                break;
            }
            let refused = match &fault {
                Some(Fault::Judge(judge)) => judge(&request),
                _ => None,
            };
            let play = match (fault, refused.or_else(|| self.past(&request))) {
                (Some(Fault::Before(play)), _) => play,
                (_, Some(answer)) => Play::Answer(answer),
                (fault, None) => {
                    let answer = self.forward(&request).await?;
                    self.note(&request, &answer);
                    match fault {
                        Some(Fault::After(play)) => play(answer),
                        _ => Play::Answer(answer),
                    }
                }
            };
            if !self.call(Boundary::After(number)).await {
                stream.get_ref().cut();
                break;
            }
            if !play.on(stream.get_mut()).await? {
                break;
            }
        }
        Ok(())
    }

    fn next(&self) -> (usize, Option<Fault>) {
        let mut state = self.state.lock().unwrap();
        state.count += 1;
        let number = state.count;
        let fault = state.fault.as_ref().filter(|(when, _)| when.meets(number));
        (number, fault.map(|(_, fault)| fault.clone()))
    }

    async fn call(&self, boundary: Boundary) -> bool {
        match self.hook.clone() {
            Some(hook) => {
                let called = tokio::task::spawn_blocking(move || hook(boundary));
                called.await.expect("the hook works")
            }
            None => true,
        }
    }

    /// Only reads are answered from the past; a write always arrives.
    fn past(&self, request: &Message) -> Option<Message> {
        let key = self.read(request)?;
        let state = self.state.lock().unwrap();
        let behind = state.stale_until.is_some_and(|until| Instant::now() < until);
        state.past.get(&key).filter(|_| behind).cloned()
    }

    fn note(&self, request: &Message, answer: &Message) {
        if let Some(key) = self.read(request) {
            let mut state = self.state.lock().unwrap();
            // While it stays behind, the past is that of the beginning.
            if state.stale_until.is_none() {
                state.past.insert(key, answer.clone());
            }
        }
    }

    /// What makes a read the same one again. Some services name the operation in a header.
    fn read(&self, request: &Message) -> Option<Vec<u8>> {
        let operation = request.header("x-amz-target").unwrap_or_default();
        let parts = [request.start.as_bytes(), operation.as_bytes(), &request.body];
        (self.reads)(request).then(|| parts.join(&b'\n'))
    }

    /// A connection of its own for each request: what the service does to one is no other's fault.
    async fn forward(&self, request: &Message) -> io::Result<Message> {
        let mut stream = BufReader::new(TcpStream::connect(self.upstream).await?);
        stream.get_mut().write_all(&request.bytes()).await?;
        let bodyless = request.start.starts_with("HEAD ");
        read(&mut stream, bodyless).await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
