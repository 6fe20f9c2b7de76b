//! Plays the part of Terraform: starts the real binary as go-plugin does and speaks gRPC to it.
//!
//! Responsible for the environment, the handshake line, mutual TLS with a certificate like
//! go-plugin's (P-521, self-signed, an authority) and for collecting what the process prints.
//! Leaves judging answers to the tests.
//! Source: go-plugin's client; docs/internals/protocol.md.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use coffer::plugin::transport::proto::Empty;
use coffer::plugin::transport::proto::grpc_controller_client::GrpcControllerClient;
use coffer::plugin::transport::{COOKIE_NAME, COOKIE_VALUE, MAX_MESSAGE};
use coffer::plugin::wire::proto::provider_client::ProviderClient;
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P521_SHA512,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

/// Both directions of a connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A certificate with its key, as go-plugin's client makes one per process.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// What Go generates: P-521, self-signed, `CA:TRUE`, subject and name `localhost`.
    pub fn generate() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.distinguished_name.push(DnType::OrganizationName, "HashiCorp");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyAgreement,
            KeyUsagePurpose::KeyCertSign,
        ];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }
}

/// How to start the process. Begins as what Terraform does on Linux.
pub struct Start {
    variables: BTreeMap<String, String>,
    arguments: Vec<String>,
    program: PathBuf,
    identity: Option<Identity>,
    directory: tempfile::TempDir,
}

impl Start {
    /// With the cookie, both protocol versions and a fresh client certificate.
    pub fn new() -> Self {
        let identity = Identity::generate();
        let directory = tempfile::tempdir().unwrap();
        let mut variables = BTreeMap::new();
        for (name, value) in [
            (COOKIE_NAME, COOKIE_VALUE),
            ("PLUGIN_PROTOCOL_VERSIONS", "5,6"),
            ("PLUGIN_MIN_PORT", "10000"),
            ("PLUGIN_MAX_PORT", "25000"),
            ("PLUGIN_CLIENT_CERT", &identity.pem),
            // Sockets of a test that was killed go with the directory.
            ("TMPDIR", directory.path().to_str().unwrap()),
        ] {
            variables.insert(name.to_owned(), value.to_owned());
        }
        Self {
            variables,
            arguments: Vec::new(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_terraform-provider-coffer")),
            identity: Some(identity),
            directory,
        }
    }

    /// As with `TF_DISABLE_PLUGIN_TLS`.
    pub fn without_tls(mut self) -> Self {
        self.identity = None;
        self.without("PLUGIN_CLIENT_CERT")
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts it below a shell, whose death is the death of its parent.
    pub fn below_a_shell(mut self) -> Self {
        let program = std::mem::replace(&mut self.program, PathBuf::from("/bin/sh"));
        self.arguments =
            vec!["-c".into(), "\"$0\" & wait".into(), program.to_str().unwrap().into()];
        self
    }

    /// Starts the process without waiting for anything.
    pub fn spawn(self) -> Process {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(&self.variables);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (lines, stdout) = channel();
        let reader = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let (sink, mut source) = (Arc::clone(&stderr), child.stderr.take().unwrap());
        let stderr_reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = source.read(&mut buffer) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
        });
        Process {
            child,
            stdout,
            stderr,
            stderr_reader: Some(stderr_reader),
            identity: self.identity,
            _directory: self.directory,
        }
    }

    /// Starts the process, reads the handshake and connects.
    pub async fn connect(self) -> Peer {
        let process = self.spawn();
        let handshake = process.handshake();
        let channel = process.channel(&handshake).await.expect("connecting");
        Peer { process, handshake, channel }
    }
}

/// A started process. Killed on drop.
pub struct Process {
    pub child: Child,
    pub stdout: Receiver<String>,
    pub identity: Option<Identity>,
    stderr: Arc<Mutex<String>>,
    stderr_reader: Option<std::thread::JoinHandle<()>>,
    _directory: tempfile::TempDir,
}

impl Process {
    /// Waits for the handshake line.
    pub fn handshake(&self) -> Handshake {
        match self.stdout.recv_timeout(Duration::from_secs(20)) {
            Ok(line) => Handshake::parse(&line),
            Err(_) => panic!("no handshake; stderr: {}", self.stderr()),
        }
    }

    /// Connects as go-plugin does.
    pub async fn channel(&self, handshake: &Handshake) -> std::io::Result<Channel> {
        let config = self
            .identity
            .as_ref()
            .map(|identity| client_config(handshake, Some(identity), rustls::DEFAULT_VERSIONS));
        open_channel(handshake, config).await
    }

    /// What the process wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits for the end; `None` when it takes longer than `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                if let Some(reader) = self.stderr_reader.take() {
                    reader.join().unwrap();
                }
                return Some(status);
            }
            if start.elapsed() > limit {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The parts of the handshake line.
#[derive(Debug, Clone)]
pub struct Handshake {
    pub fields: Vec<String>,
    pub certificate: Option<CertificateDer<'static>>,
}

impl Handshake {
    fn parse(line: &str) -> Self {
        let fields: Vec<String> = line.split('|').map(str::to_owned).collect();
        assert!(fields.len() >= 6, "not a handshake: {line:?}");
        let certificate = (!fields[5].is_empty())
            .then(|| CertificateDer::from(STANDARD_NO_PAD.decode(&fields[5]).unwrap()));
        Self { fields, certificate }
    }

    pub fn network(&self) -> &str {
        &self.fields[2]
    }

    pub fn address(&self) -> &str {
        &self.fields[3]
    }
}

/// A connected client.
pub struct Peer {
    pub process: Process,
    pub handshake: Handshake,
    pub channel: Channel,
}

impl Peer {
    /// The provider service.
    pub fn provider(&self) -> ProviderClient<Channel> {
        ProviderClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    /// Ends the process as go-plugin does: Shutdown, hang up, wait. Returns how long it took.
    pub async fn shutdown(self) -> (Process, Duration) {
        let Self { mut process, channel, .. } = self;
        let start = Instant::now();
        GrpcControllerClient::new(channel.clone()).shutdown(Empty {}).await.unwrap();
        drop(channel);
        let (process, status) = tokio::task::spawn_blocking(move || {
            let status = process.wait(Duration::from_secs(20));
            (process, status)
        })
        .await
        .unwrap();
        let status = status.expect("the process ends");
        assert!(status.success(), "{status}; stderr: {}", process.stderr());
        (process, start.elapsed())
    }
}

/// TLS as go-plugin's client does it: the server's leaf is the only root, its name `localhost`.
pub fn client_config(
    handshake: &Handshake,
    identity: Option<&Identity>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(handshake.certificate.clone().expect("a certificate in the handshake")).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => builder
            .with_client_auth_cert(vec![identity.certificate.clone()], identity.key.clone_key())
            .unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// A raw connection to the socket.
pub async fn open_raw(handshake: &Handshake) -> std::io::Result<Box<dyn Stream>> {
    match handshake.network() {
        "unix" => Ok(Box::new(UnixStream::connect(handshake.address()).await?)),
        "tcp" => Ok(Box::new(TcpStream::connect(handshake.address()).await?)),
        other => panic!("unknown network {other}"),
    }
}

/// A gRPC channel over one connection, with TLS if `config` is given.
pub async fn open_channel(
    handshake: &Handshake,
    config: Option<ClientConfig>,
) -> std::io::Result<Channel> {
    let raw = open_raw(handshake).await?;
    let stream: Box<dyn Stream> = match config {
        Some(config) => {
            let name = ServerName::try_from("localhost").unwrap();
            let connector = TlsConnector::from(Arc::new(config));
            Box::new(connector.connect(name, raw).await?)
        }
        None => raw,
    };
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: tonic::codegen::http::Uri| {
        let stream = stream.take().ok_or_else(|| std::io::Error::other("the connection is gone"));
        async move { stream }
    });
    Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await
        .map_err(std::io::Error::other)
}
