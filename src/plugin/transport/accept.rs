//! Accepts connections, does the TLS handshakes and hands finished connections to the server.
//!
//! Invariant: no client can end or block the loop. Each handshake runs in a task of its own with
//! a time limit; a failed one is logged and forgotten (the first connection of a reattached
//! Terraform is opened and closed without a byte).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::listener::{Listener, Stream};

/// A client on the same machine needs milliseconds.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Pause after an error of the accepting itself, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Handshakes at the same time; more wait in the socket's queue.
const HANDSHAKES: usize = 64;

/// A connection ready for HTTP/2.
pub(super) struct Connection(Box<dyn Stream>);

/// Starts accepting. The task ends when the returned stream is dropped, and removes the socket.
pub(super) fn connections(
    listener: Listener,
    tls: Option<ServerConfig>,
) -> (ReceiverStream<io::Result<Connection>>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(1);
    let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    let task = tokio::spawn(async move {
        tokio::select! {
            () = accept_all(&listener, acceptor, &sender) => {}
            () = sender.closed() => {}
        }
    });
    (ReceiverStream::new(receiver), task)
}

async fn accept_all(
    listener: &Listener,
    acceptor: Option<TlsAcceptor>,
    sender: &mpsc::Sender<io::Result<Connection>>,
) {
    let slots = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        // The semaphore is never closed.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            let connection = secure(stream, acceptor).await;
            drop(slot);
            if let Some(connection) = connection {
                // Fails only when the server has stopped; the connection closes with it.
                let _ = sender.send(Ok(connection)).await;
            }
        });
    }
}

async fn secure(stream: Box<dyn Stream>, acceptor: Option<TlsAcceptor>) -> Option<Connection> {
    let Some(acceptor) = acceptor else { return Some(Connection(stream)) };
    match tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            Some(Connection(Box::new(stream)))
        }
        Ok(Ok(_)) => {
            tracing::warn!("a client was turned away: it does not speak HTTP/2");
            None
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "a client was turned away: the TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::warn!("a client was turned away: the TLS handshake took too long");
            None
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
