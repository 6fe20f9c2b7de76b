//! A server that plays what a test tells it, one [`Play`] for each request.
//!
//! Plain or with TLS, on a free port of this machine. Remembers every request.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::http1::{Message, Play, Wire, read};

/// Answers one request.
pub type Respond = dyn Fn(&Message) -> Play + Send + Sync;

/// A running server; ends when it is dropped.
pub struct Scripted {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<(Instant, Message)>>,
    connections: Mutex<usize>,
}

impl Scripted {
    /// Plays these, one after the other, whoever asks. Further requests get a 418.
    pub async fn plays(plays: Vec<Play>) -> Self {
        let plays = Mutex::new(VecDeque::from(plays));
        Self::answers(move |_| {
            let next = plays.lock().unwrap().pop_front();
            next.unwrap_or_else(|| Play::Answer(Message::answer(418, "{}")))
        })
        .await
    }

    /// Asks `respond` for every request.
    pub async fn answers(respond: impl Fn(&Message) -> Play + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(respond), None).await
    }

    /// The same with TLS.
    pub async fn with_tls(
        config: Arc<rustls::ServerConfig>,
        respond: impl Fn(&Message) -> Play + Send + Sync + 'static,
    ) -> Self {
        Self::start(Arc::new(respond), Some(TlsAcceptor::from(config))).await
    }

    async fn start(respond: Arc<Respond>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Seen::default());
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *noted.connections.lock().unwrap() += 1;
                let (respond, noted, tls) = (respond.clone(), noted.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &*respond, &noted).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &*respond, &noted).await,
                            // The client's affair; it tells the test.
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { address, seen, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address without TLS.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Message> {
        self.seen.requests.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }

    /// When they came.
    pub fn times(&self) -> Vec<Instant> {
        self.seen.requests.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    /// Number of connections so far.
    pub fn connections(&self) -> usize {
        *self.seen.connections.lock().unwrap()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a connection to its end.
async fn serve(stream: impl Wire, respond: &Respond, seen: &Seen) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = read(&mut stream, false).await.ok()??;
        seen.requests.lock().unwrap().push((Instant::now(), request.clone()));
        if !respond(&request).on(stream.get_mut()).await.ok()? {
            return None;
        }
    }
}

/// A proxy for TLS (`CONNECT`, RFC 9110 §9.3.6) that leads everything to one server.
pub struct Tunnel {
    /// Where it listens.
    pub address: SocketAddr,
    /// What was asked of it.
    pub asked: Arc<Mutex<Vec<Message>>>,
    task: JoinHandle<()>,
}

impl Tunnel {
    /// A tunnel to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(lead(stream, target, Arc::clone(&noted)));
            }
        });
        Self { address, asked, task }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn lead(
    stream: TcpStream,
    target: SocketAddr,
    asked: Arc<Mutex<Vec<Message>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let request = read(&mut stream, false).await.ok()??;
    let refused = request.header("proxy-authorization").is_none();
    asked.lock().unwrap().push(request);
    let mut stream = stream.into_inner();
    if refused {
        let answer = Message { start: "HTTP/1.1 407 No".to_owned(), headers: vec![], body: vec![] };
        Play::Answer(answer).on(&mut stream).await.ok()?;
        return None;
    }
    let yes = Message { start: "HTTP/1.1 200 Yes".to_owned(), headers: vec![], body: vec![] };
    Play::Answer(yes).on(&mut stream).await.ok()?;
    let mut server = TcpStream::connect(target).await.ok()?;
    tokio::io::copy_bidirectional(&mut stream, &mut server).await.ok()?;
    None
}
