//! The socket: a Unix socket in a private directory, or a loopback port.
//!
//! Responsible for who may reach it (modes, group) and for removing it. Leaves connections to
//! [`accept`](super::accept).
//! Source: go-plugin's listener: `PLUGIN_UNIX_SOCKET_DIR`, `PLUGIN_UNIX_SOCKET_GROUP`,
//! `PLUGIN_MIN_PORT`, `PLUGIN_MAX_PORT`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::environment::Network;

#[cfg(unix)]
mod unix;

/// Anything bytes can flow through.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where a listener listens, as told to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Path of a Unix socket.
    Unix(PathBuf),
    /// A loopback address.
    Tcp(SocketAddr),
}

impl Address {
    /// Network name and address in go-plugin's words.
    #[must_use]
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Unix(path) => ("unix", path.display().to_string()),
            Self::Tcp(address) => ("tcp", address.to_string()),
        }
    }
}

/// A bound listener. Dropping it removes what it created.
#[derive(Debug)]
pub(super) struct Listener {
    socket: Socket,
    address: Address,
}

#[derive(Debug)]
enum Socket {
    #[cfg(unix)]
    Unix(unix::PrivateSocket),
    Tcp(TcpListener),
}

impl Listener {
    /// Binds.
    ///
    /// # Errors
    /// When no socket can be made where `network` says.
    pub(super) async fn bind(network: &Network) -> io::Result<Self> {
        match network {
            #[cfg(unix)]
            Network::Unix { directory, group } => {
                let socket = unix::PrivateSocket::bind(directory.as_deref(), group.as_deref())?;
                let address = Address::Unix(socket.path());
                Ok(Self { socket: Socket::Unix(socket), address })
            }
            #[cfg(not(unix))]
            Network::Unix { .. } => Err(io::ErrorKind::Unsupported.into()),
            Network::Tcp { first, last } => {
                let listener = bind_range(*first, *last).await?;
                let address = Address::Tcp(listener.local_addr()?);
                Ok(Self { socket: Socket::Tcp(listener), address })
            }
        }
    }

    /// Where clients connect.
    #[must_use]
    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// Waits for the next client.
    ///
    /// # Errors
    /// Of the accepting itself, such as too many open files; the next call may succeed.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match &self.socket {
            #[cfg(unix)]
            Socket::Unix(socket) => Ok(Box::new(socket.accept().await?)),
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

async fn bind_range(first: u16, last: u16) -> io::Result<TcpListener> {
    let mut error = io::Error::from(io::ErrorKind::AddrInUse);
    for port in first..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok(listener),
            Err(e) => error = e,
        }
    }
    Err(error)
}
