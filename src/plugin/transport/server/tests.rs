//! The end of the server, with a service whose calls take as long as they are told.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::future::BoxFuture;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::super::side::proto::Empty;
use super::super::side::proto::grpc_controller_client::GrpcControllerClient;
use super::*;

/// Answers every call with `Aborted`, after a while.
#[derive(Clone)]
struct Slow(Duration);

impl NamedService for Slow {
    const NAME: &'static str = "test.Slow";
}

impl Service<Request<Body>> for Slow {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        let pause = self.0;
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            Ok(Status::aborted("done").into_http())
        })
    }
}

struct Started {
    _directory: tempfile::TempDir,
    address: Address,
    running: Running,
    stopped: Arc<AtomicBool>,
    server: JoinHandle<Result<(), ServeError>>,
}

async fn start(pause: Duration) -> Started {
    let directory = tempfile::tempdir().unwrap();
    let network = Network::Unix { directory: Some(directory.path().into()), group: None };
    let listener = Listener::bind(&network).await.unwrap();
    let address = listener.address().clone();
    let (running, stopped) = (Running::new(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&stopped);
    let plugin = Plugin {
        service: Slow(pause),
        running: running.clone(),
        stop: Box::new(move || told.store(true, Ordering::SeqCst)),
        address: "test/slow",
    };
    let server = tokio::spawn(run(plugin, listener, None, Shutdown::new(), false));
    Started { _directory: directory, address, running, stopped, server }
}

async fn connect(address: &Address) -> Channel {
    let Address::Unix(path) = address.clone() else { panic!("not a Unix socket") };
    let connector = tower::service_fn(move |_: tonic::codegen::http::Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await.unwrap()
}

async fn call(channel: Channel) -> Code {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/test.Slow/Call");
    let codec = tonic_prost::ProstCodec::<Empty, Empty>::default();
    client.unary(tonic::Request::new(Empty {}), path, codec).await.unwrap_err().code()
}

/// Starts a call, waits until it runs, shuts down. The call and the time to the end.
async fn shut_down_during_a_call(pause: Duration) -> (JoinHandle<Code>, Duration) {
    let started = start(pause).await;
    let channel = connect(&started.address).await;
    let call = tokio::spawn(call(channel.clone()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!started.running.finished(Duration::ZERO).await, "the call is counted");
    let begin = Instant::now();
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    started.server.await.unwrap().unwrap();
    let took = begin.elapsed();
    assert!(started.stopped.load(Ordering::SeqCst), "running calls are told to stop");
    let Address::Unix(path) = started.address else { panic!("not a Unix socket") };
    assert!(!path.exists());
    (call, took)
}

#[tokio::test]
async fn a_running_call_is_answered_before_the_end() {
    let (call, took) = shut_down_during_a_call(Duration::from_millis(300)).await;
    assert_eq!(call.await.unwrap(), Code::Aborted);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_off() {
    // In a process of its own the runtime ends here, and the call with it.
    let (call, took) = shut_down_during_a_call(Duration::from_secs(3600)).await;
    call.abort();
    assert!(took >= DRAIN_AFTER_SHUTDOWN && took < Duration::from_millis(1500), "{took:?}");
}

/// A provider that waits for somebody else when it is dropped does not hold up the end.
#[tokio::test]
async fn a_provider_that_does_not_close_is_left_behind() {
    struct Stuck(std::sync::mpsc::Receiver<()>);
    impl Drop for Stuck {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let network = Network::Unix { directory: Some(directory.path().into()), group: None };
    let listener = Listener::bind(&network).await.unwrap();
    let (release, stuck) = std::sync::mpsc::channel();
    let stuck = std::sync::Mutex::new(Stuck(stuck));
    let plugin = Plugin {
        service: Slow(Duration::ZERO),
        running: Running::new(),
        stop: Box::new(move || drop(stuck.lock())),
        address: "test/slow",
    };
    let shutdown = Shutdown::new();
    shutdown.begin(Reason::Client);
    let begin = Instant::now();
    run(plugin, listener, None, shutdown, false).await.unwrap();
    let took = begin.elapsed();
    assert!(took >= CLOSING && took < Duration::from_millis(1500), "{took:?}");
    drop(release);
}

#[tokio::test]
async fn work_that_outlives_its_call_is_waited_for() {
    let started = start(Duration::ZERO).await;
    let channel = connect(&started.address).await;
    let work = started.running.begin();
    let done = Arc::new(AtomicBool::new(false));
    let finishing = Arc::clone(&done);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        finishing.store(true, Ordering::SeqCst);
        drop(work);
    });
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    started.server.await.unwrap().unwrap();
    assert!(done.load(Ordering::SeqCst));
}
