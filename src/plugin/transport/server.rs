//! Serves: binds, announces, answers calls and ends in order.
//!
//! The two ways to serve are [`serve`] (started by a command line, with handshake and TLS) and
//! [`serve_debug`] (started by a developer, attached to by `TF_REATTACH_PROVIDERS`).
//! The end, in order: no new connections, running calls are told to stop, streams close, the
//! calls get a moment, the socket is removed, the provider closes what it holds.
//! Source: go-plugin life cycle; the client kills the process two seconds after `Shutdown`.

use std::io;
use std::time::Duration;

use tonic::transport::Server;

use super::dispatch::{Dispatch, GrpcService};
use super::environment::{Launch, Network};
use super::listener::{Address, Listener};
use super::running::Running;
use super::shutdown::{Reason, Shutdown, watch_process};
use super::side::SideServices;
use super::tls::{TlsError, server_config};
use super::{accept, handshake};

/// Time for running calls after `Shutdown`: the client kills after two seconds.
const DRAIN_AFTER_SHUTDOWN: Duration = Duration::from_millis(800);
/// Time for running calls when nobody is going to kill us: a write may reach its end.
const DRAIN_OTHERWISE: Duration = Duration::from_secs(5);

/// Time for the last answers to leave and for clients to hang up.
const GOODBYE: Duration = Duration::from_millis(300);

/// Time for the provider to close what it holds, such as files. With the two before it stays
/// below the client's two seconds.
const CLOSING: Duration = Duration::from_millis(500);

/// What the plugin serves.
pub struct Plugin<P> {
    /// The provider's gRPC service.
    pub service: P,
    /// Counts calls and the work that outlives them; shared with the service.
    pub running: Running,
    /// Tells all running calls to stop; called once, when the process is about to end.
    pub stop: Box<dyn Fn() + Send + Sync>,
    /// Source address of the provider in logs, without a host.
    pub address: &'static str,
}

impl<P> std::fmt::Debug for Plugin<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why serving failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No socket.
    #[error("no socket could be opened: {0}")]
    Listen(#[source] io::Error),
    /// No TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The client could not be told where we listen.
    #[error("the handshake could not be written to standard output: {0}")]
    Announce(#[source] io::Error),
    /// Signals cannot be watched.
    #[error("signals could not be watched: {0}")]
    Signals(#[source] io::Error),
    /// The HTTP/2 server gave up.
    #[error("the server stopped: {0}")]
    Server(#[from] tonic::transport::Error),
}

/// Serves a client that started us, until it, a signal or its death ends us.
///
/// # Errors
/// [`ServeError`]
pub async fn serve<P: GrpcService>(plugin: Plugin<P>, launch: Launch) -> Result<(), ServeError> {
    let shutdown = Shutdown::new();
    watch_process(&shutdown, false).map_err(ServeError::Signals)?;
    let listener = Listener::bind(&launch.network).await.map_err(ServeError::Listen)?;
    let (tls, certificate) = match launch.client_certificate {
        Some(client) => {
            let (config, certificate) = server_config(client)?;
            (Some(config), Some(certificate))
        }
        None => (None, None),
    };
    if !launch.version_offered {
        tracing::warn!("the client did not offer protocol version 6, the only one spoken here");
    }
    let line = handshake::line(listener.address(), certificate.as_ref(), launch.multiplex_field);
    let _silence = handshake::announce(&line).map_err(ServeError::Announce)?;
    run(plugin, listener, tls, shutdown, false).await
}

/// Serves any number of clients without TLS until Ctrl-C. `announce` tells people where.
///
/// # Errors
/// [`ServeError`]
pub async fn serve_debug<P: GrpcService>(
    plugin: Plugin<P>,
    network: Network,
    announce: impl FnOnce(&Address) -> io::Result<()>,
) -> Result<(), ServeError> {
    let shutdown = Shutdown::new();
    watch_process(&shutdown, true).map_err(ServeError::Signals)?;
    let listener = Listener::bind(&network).await.map_err(ServeError::Listen)?;
    announce(listener.address()).map_err(ServeError::Announce)?;
    run(plugin, listener, None, shutdown, true).await
}

async fn run<P: GrpcService>(
    plugin: Plugin<P>,
    listener: Listener,
    tls: Option<rustls::ServerConfig>,
    shutdown: Shutdown,
    debug: bool,
) -> Result<(), ServeError> {
    let dispatch = Dispatch {
        provider: plugin.service,
        side: SideServices::new(shutdown.clone(), debug),
        running: plugin.running.clone(),
        provider_address: plugin.address,
    };
    let (incoming, accepting) = accept::connections(listener, tls);
    let begun = {
        let shutdown = shutdown.clone();
        async move {
            shutdown.begun().await;
        }
    };
    let mut server =
        Box::pin(Server::builder().serve_with_incoming_shutdown(dispatch, incoming, begun));
    let reason = tokio::select! {
        // First, because the server sees the switch too and may be done at once.
        biased;
        reason = shutdown.begun() => reason,
        // By itself it only stops when it cannot go on.
        result = &mut server => return result.map_err(ServeError::from),
    };
    tracing::debug!(?reason, "ending");
    (plugin.stop)();
    let limit = match reason {
        Reason::Client => DRAIN_AFTER_SHUTDOWN,
        Reason::Signal | Reason::ParentDied => DRAIN_OTHERWISE,
    };
    // The server has to go on while the calls finish: it carries their answers.
    let goodbye = async {
        let finished = plugin.running.finished(limit).await;
        tokio::time::sleep(GOODBYE).await;
        finished
    };
    let finished = tokio::select! {
        finished = goodbye => finished,
        // Every connection is closed. Work may outlive its connection.
        _ = &mut server => plugin.running.finished(limit).await,
    };
    if !finished {
        tracing::warn!("calls were still running at the end and were cut off");
    }
    // The socket is gone once this task is.
    let _ = accepting.await;
    // Dropping the provider closes what it holds, which may wait for others.
    let closing = tokio::task::spawn_blocking(move || drop((server, plugin.stop)));
    if tokio::time::timeout(CLOSING, closing).await.is_err() {
        tracing::warn!("the provider could not close everything in time");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
