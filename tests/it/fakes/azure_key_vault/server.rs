//! Connections: TLS under a throw-away authority, a proxy that leads every name here, and a plain
//! port for the managed identity.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Shared, routes};

/// Names of the server's certificate.
const NAMES: &[&str] = &[
    "localhost",
    "127.0.0.1",
    "*.vault.azure.net",
    "*.vault.azure.cn",
    "login.microsoftonline.com",
    "login.chinacloudapi.cn",
];
/// Largest request that is read.
const MOST: usize = 1 << 20;

/// Where the service listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) tls: u16,
    pub(super) plain: u16,
    pub(super) proxy: u16,
}

/// A certificate authority of one run.
#[derive(Debug)]
pub(super) struct Authority {
    pem: String,
    key: KeyPair,
    params: CertificateParams,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("valid parameters");
        params.distinguished_name.push(DnType::CommonName, "throw-away authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).expect("it signs itself").pem();
        Self { pem, key, params }
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn server_config(&self) -> ServerConfig {
        let key = KeyPair::generate().expect("a key can be made");
        let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("valid names");
        params.distinguished_name.push(DnType::CommonName, "fake key vault");
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("the authority signs");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key in PKCS#8");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the certificate fits the key");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

/// Starts all listeners on the runtime that was entered. Blocks nothing: tests also start a fake
/// inside a runtime of their own.
pub(super) fn start(authority: &Authority, shared: &Arc<Shared>) -> Ports {
    let bind = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("it can be");
        TcpListener::from_std(listener).expect("a runtime was entered")
    };
    let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
    let (tls, plain, proxy) = (bind(), bind(), bind());
    let ports = Ports { tls: port(&tls), plain: port(&plain), proxy: port(&proxy) };
    let router = || {
        let shared = Arc::clone(shared);
        axum::Router::new().fallback(move |request: Request| {
            let shared = Arc::clone(&shared);
            async move { answer(&shared, request).await }
        })
    };
    let acceptor = TlsAcceptor::from(Arc::new(authority.server_config()));
    let secured = Secured::accept_on(tls, acceptor);
    let (over_tls, over_tcp) = (axum::serve(secured, router()), axum::serve(plain, router()));
    tokio::spawn(async move { over_tls.await });
    tokio::spawn(async move { over_tcp.await });
    tokio::spawn(lead(proxy, ports.tls));
    ports
}

async fn answer(shared: &Arc<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Body = body;
    let body = to_bytes(body, MOST).await.unwrap_or_default();
    let latency = super::locked(&shared.options).latency;
    tokio::time::sleep(latency).await;
    routes::answer(shared, &head, &body).await
}

/// Accepts TLS connections side by side.
struct Secured {
    accepted: mpsc::Receiver<TlsStream<TcpStream>>,
    address: std::net::SocketAddr,
}

impl Secured {
    fn accept_on(listener: TcpListener, acceptor: TlsAcceptor) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let (sender, accepted) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    // Who does not speak TLS, or does not trust us, is let go.
                    let _ = stream.set_nodelay(true);
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = sender.send(stream).await;
                    }
                });
            }
        });
        Self { accepted, address }
    }
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(stream) => (stream, self.address),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// A proxy for `CONNECT`, to one place whatever is asked for.
async fn lead(listener: TcpListener, port: u16) {
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match client.read_u8().await {
                    Ok(byte) if head.len() < 8192 => head.push(byte),
                    _ => return,
                }
            }
            if !head.starts_with(b"CONNECT ") {
                let _ = client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n").await;
                return;
            }
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            if client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.is_ok() {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
