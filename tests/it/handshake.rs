//! From process start to gRPC, against the real binary: checklist items 1 to 6 of
//! `docs/internals/protocol.md` (handshake, AutoMTLS, side services, life cycle, logging, debug).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use coffer::plugin::transport::health::HealthCheckRequest;
use coffer::plugin::transport::health::health_check_response::ServingStatus;
use coffer::plugin::transport::health::health_client::HealthClient;
use coffer::plugin::transport::proto::grpc_broker_client::GrpcBrokerClient;
use coffer::plugin::transport::proto::grpc_controller_client::GrpcControllerClient;
use coffer::plugin::transport::proto::grpc_stdio_client::GrpcStdioClient;
use coffer::plugin::transport::proto::{ConnInfo, Empty};
use coffer::plugin::transport::{COOKIE_NAME, NETWORK_NAME};
use coffer::plugin::wire::proto::{get_metadata, validate_resource_config};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;

use crate::support::peer::{
    Handshake, Identity, Process, Start, client_config, open_channel, open_raw,
};

/// For what takes milliseconds on an idle machine, which a test machine is not.
const PATIENCE: Duration = Duration::from_secs(20);

/// True when the server answers a health check over this connection.
async fn serves(channel: tonic::transport::Channel) -> bool {
    let request = HealthCheckRequest { service: "plugin".into() };
    match HealthClient::new(channel).check(request).await {
        Ok(answer) => answer.get_ref().status() == ServingStatus::Serving,
        Err(_) => false,
    }
}

async fn still_serves(process: &Process, handshake: &Handshake) -> bool {
    serves(process.channel(handshake).await.unwrap()).await
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Waits until `condition` holds.
fn eventually(limit: Duration, condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[tokio::test]
async fn handshake_has_six_fields_and_a_private_socket() {
    let peer = Start::new().connect().await;
    let fields = &peer.handshake.fields;
    assert_eq!(fields.len(), 6, "{fields:?}");
    assert_eq!(fields[..3], ["1", "6", "unix"]);
    assert_eq!(fields[4], "grpc");
    assert!(!fields[5].ends_with('='), "go-plugin reads unpadded base64");
    let socket = Path::new(peer.handshake.address());
    assert_eq!(mode(socket), 0o600);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    assert!(serves(peer.channel.clone()).await);
}

#[tokio::test]
async fn server_certificate_is_a_plain_leaf_for_localhost() {
    let peer = Start::new().connect().await;
    let der = peer.handshake.certificate.as_ref().unwrap();
    let contains = |needle: &[u8]| der.windows(needle.len()).any(|w| w == needle);
    assert!(contains(b"localhost"));
    // P-256 key; server and client authentication; basic constraints without an authority flag.
    assert!(contains(&[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]));
    assert!(contains(&[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01]));
    assert!(contains(&[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02]));
    assert!(!contains(&[0x30, 0x03, 0x01, 0x01, 0xff]), "the leaf must not be an authority");
}

#[test]
fn process_without_cookie_explains_itself() {
    for start in [Start::new().without(COOKIE_NAME), Start::new().with(COOKIE_NAME, "wrong")] {
        let mut process = start.spawn();
        assert_eq!(process.wait(PATIENCE).unwrap().code(), Some(1));
        let stderr = process.stderr();
        assert!(
            stderr.contains("required_providers") && stderr.contains("dev_overrides"),
            "{stderr}"
        );
        assert!(process.stdout.recv().is_err(), "standard output is for the handshake");
    }
}

#[test]
fn arguments_answer_on_standard_output_and_mistakes_do_not() {
    let outcome = |argument: &str| {
        let mut process = Start::new().without(COOKIE_NAME).argument(argument).spawn();
        let code = process.wait(PATIENCE).unwrap().code();
        (code, process.stdout.iter().collect::<Vec<_>>().join("\n"), process.stderr())
    };
    for argument in ["--version", "-version", "-V"] {
        let version = format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        assert_eq!(outcome(argument), (Some(0), version, String::new()), "{argument}");
    }
    let (code, stdout, _) = outcome("--help");
    assert!(code == Some(0) && stdout.contains("--debug") && stdout.contains("vault"), "{stdout}");
    let (code, stdout, stderr) = outcome("--no-such-thing");
    assert!(code == Some(2) && stdout.is_empty() && stderr.contains("--help"), "{stderr}");
}

#[test]
fn unusable_client_certificate_is_an_error_not_a_plain_connection() {
    let mut process = Start::new().with("PLUGIN_CLIENT_CERT", "garbage").spawn();
    assert_eq!(process.wait(PATIENCE).unwrap().code(), Some(1));
    assert!(process.stderr().contains("PLUGIN_CLIENT_CERT"), "{}", process.stderr());
    assert!(process.stdout.recv().is_err());
}

#[test]
fn any_version_list_is_answered_with_six() {
    for list in ["6", "6,5", "5,6", "5", ""] {
        let process = Start::new().with("PLUGIN_PROTOCOL_VERSIONS", list).spawn();
        assert_eq!(process.handshake().fields[1], "6", "{list:?}");
    }
}

#[test]
fn seventh_field_appears_only_on_request() {
    let process = Start::new().with("PLUGIN_MULTIPLEX_GRPC", "true").spawn();
    let fields = process.handshake().fields;
    assert_eq!((fields.len(), fields[6].as_str()), (7, "false"));
}

#[test]
fn socket_goes_where_it_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let group = rustix::process::getgid().as_raw().to_string();
    let process = Start::new()
        .with("PLUGIN_UNIX_SOCKET_DIR", directory.path().to_str().unwrap())
        .with("PLUGIN_UNIX_SOCKET_GROUP", &group)
        .spawn();
    let handshake = process.handshake();
    let socket = Path::new(handshake.address());
    assert!(socket.starts_with(directory.path()));
    assert_eq!(mode(socket), 0o660);
}

#[tokio::test]
async fn tcp_serves_on_loopback_within_the_range() {
    let peer = Start::new().with(NETWORK_NAME, "tcp").connect().await;
    assert_eq!(peer.handshake.network(), "tcp");
    let address: std::net::SocketAddr = peer.handshake.address().parse().unwrap();
    assert!(address.ip().is_loopback() && (10_000..=25_000).contains(&address.port()));
    assert!(serves(peer.channel.clone()).await);
    peer.shutdown().await;
}

#[test]
fn tcp_without_tls_is_refused() {
    let mut process = Start::new().without_tls().with(NETWORK_NAME, "tcp").spawn();
    assert_eq!(process.wait(PATIENCE).unwrap().code(), Some(1));
    assert!(process.stderr().contains("TF_DISABLE_PLUGIN_TLS"), "{}", process.stderr());
}

#[tokio::test]
async fn plaintext_works_when_the_client_asks_for_no_tls() {
    let peer = Start::new().without_tls().connect().await;
    assert_eq!(peer.handshake.fields[5], "");
    assert!(serves(peer.channel.clone()).await);
    peer.shutdown().await;
}

#[tokio::test]
async fn both_tls_versions_work() {
    let process = Start::new().spawn();
    let handshake = process.handshake();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = client_config(&handshake, process.identity.as_ref(), &[version]);
        let channel = open_channel(&handshake, Some(config)).await.unwrap();
        assert!(serves(channel).await, "{version:?}");
    }
}

#[tokio::test]
async fn strangers_are_turned_away_and_the_client_stays_served() {
    let process = Start::new().spawn();
    let handshake = process.handshake();
    let stranger = Identity::generate();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for identity in [None, Some(&stranger)] {
            let config = client_config(&handshake, identity, &[version]);
            // TLS 1.3 clients learn of the refusal with their first read.
            let refused = match open_channel(&handshake, Some(config)).await {
                Ok(channel) => !serves(channel).await,
                Err(_) => true,
            };
            assert!(refused, "{version:?}, certificate: {}", identity.is_some());
        }
    }
    // Without TLS at all.
    let refused = match open_channel(&handshake, None).await {
        Ok(channel) => !serves(channel).await,
        Err(_) => true,
    };
    assert!(refused);
    assert!(still_serves(&process, &handshake).await);
}

#[tokio::test]
async fn client_without_alpn_is_turned_away() {
    let process = Start::new().spawn();
    let handshake = process.handshake();
    let mut config = client_config(&handshake, process.identity.as_ref(), rustls::DEFAULT_VERSIONS);
    config.alpn_protocols.clear();
    let refused = match open_channel(&handshake, Some(config)).await {
        Ok(channel) => !serves(channel).await,
        Err(_) => true,
    };
    assert!(refused);
    assert!(still_serves(&process, &handshake).await);
}

#[tokio::test]
async fn rude_connections_do_not_end_or_block_the_server() {
    for start in [Start::new(), Start::new().without_tls()] {
        let process = start.spawn();
        let handshake = process.handshake();
        // Opened and closed at once, as a reattached Terraform does.
        drop(open_raw(&handshake).await.unwrap());
        // Opened and left alone.
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(open_raw(&handshake).await.unwrap());
        }
        // Garbage.
        for garbage in
            [&b"\0"[..], b"GET / HTTP/1.1\r\n\r\n", &[0xff; 70_000], &[0x16, 3, 1, 0xff, 0xff]]
        {
            let mut stream = open_raw(&handshake).await.unwrap();
            // The server may hang up before it has all.
            let _ = stream.write_all(garbage).await;
            let _ = stream.shutdown().await;
            let mut rest = Vec::new();
            let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        }
        assert!(still_serves(&process, &handshake).await);
        drop(silent);
        assert!(still_serves(&process, &handshake).await);
    }
}

#[tokio::test]
async fn side_services_answer_as_go_plugin_expects() {
    let peer = Start::new().connect().await;
    let mut health = HealthClient::new(peer.channel.clone());
    let unknown = HealthCheckRequest { service: "other".into() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);
    let request = HealthCheckRequest { service: "plugin".into() };
    let mut watch = health.watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);

    let mut stdio =
        GrpcStdioClient::new(peer.channel.clone()).stream_stdio(()).await.unwrap().into_inner();
    let offers = tokio_stream::pending::<ConnInfo>();
    let mut broker = GrpcBrokerClient::new(peer.channel.clone())
        .start_stream(offers)
        .await
        .unwrap()
        .into_inner();
    let quiet = Duration::from_millis(200);
    assert!(tokio::time::timeout(quiet, stdio.message()).await.is_err(), "open and silent");
    assert!(tokio::time::timeout(quiet, broker.message()).await.is_err(), "open and silent");

    // All of them end with the process.
    peer.shutdown().await;
    let _ = (stdio.message().await, broker.message().await, watch.message().await);
}

#[tokio::test]
async fn unknown_services_and_calls_are_unimplemented() {
    let peer = Start::new().connect().await;
    for path in ["/tfplugin6.Provider/LockState", "/tfplugin5.Provider/GetSchema", "/x/y"] {
        let mut client = tonic::client::Grpc::new(peer.channel.clone());
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<Empty, Empty>::default();
        let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
        let status = client.unary(tonic::Request::new(Empty {}), path, codec).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
    }
}

#[tokio::test]
async fn shutdown_cleans_up_and_says_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let start = Start::new().with("PLUGIN_UNIX_SOCKET_DIR", directory.path().to_str().unwrap());
    let (process, _) = start.connect().await.shutdown().await;
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "socket and directory go");
    assert_eq!(process.stderr(), "");
    assert!(process.stdout.recv().is_err(), "nothing follows the handshake");
}

/// go-plugin kills after two seconds. A busy machine gets more than one try.
#[tokio::test]
async fn shutdown_takes_less_than_a_second() {
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let peer = Start::new().connect().await;
        // Streams and connections that nobody closes must not hold it up.
        let stdio = GrpcStdioClient::new(peer.channel.clone()).stream_stdio(()).await.unwrap();
        let held = open_raw(&peer.handshake).await.unwrap();
        let (_, took) = peer.shutdown().await;
        quickest = quickest.min(took);
        drop((stdio, held));
        if quickest < Duration::from_secs(1) {
            return;
        }
    }
    panic!("the quickest took {quickest:?}");
}

#[tokio::test]
async fn interrupt_is_ignored_and_terminate_is_not() {
    let peer = Start::new().connect().await;
    let socket = peer.handshake.address().to_owned();
    peer.process.signal(Signal::INT);
    peer.process.signal(Signal::INT);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(serves(peer.channel.clone()).await);
    let mut process = peer.process;
    process.signal(Signal::TERM);
    assert!(process.wait(PATIENCE).unwrap().success());
    assert!(!Path::new(&socket).exists());
}

#[test]
fn process_ends_with_its_parent() {
    let mut process = Start::new().below_a_shell().spawn();
    let handshake = process.handshake();
    let socket = Path::new(handshake.address()).to_owned();
    std::thread::sleep(Duration::from_millis(300));
    assert!(socket.exists());
    process.child.kill().unwrap();
    process.child.wait().unwrap();
    assert!(eventually(PATIENCE, || !socket.exists()));
    // Its end of the pipe is closed, so it is gone.
    assert!(process.stdout.recv_timeout(PATIENCE).is_err());
}

#[tokio::test]
async fn messages_above_the_usual_limit_are_accepted() {
    let peer = Start::new().connect().await;
    // Far more than the 4 MiB at which gRPC libraries usually stop.
    let type_name = "x".repeat(20 << 20);
    let request = validate_resource_config::Request { type_name, ..Default::default() };
    let code = peer.provider().validate_resource_config(request).await.err().map(|s| s.code());
    assert!(
        !matches!(code, Some(Code::OutOfRange | Code::ResourceExhausted | Code::Internal)),
        "{code:?}"
    );
}

#[tokio::test]
async fn log_lines_are_what_the_host_parses() {
    let peer = Start::new().with("TF_LOG", "TRACE").connect().await;
    let _ = peer.provider().get_metadata(get_metadata::Request {}).await;
    let request = validate_resource_config::Request {
        type_name: "coffer_secret".to_owned(),
        ..Default::default()
    };
    let _ = peer.provider().validate_resource_config(request).await;
    let (process, _) = peer.shutdown().await;
    let stderr = process.stderr();
    let lines: Vec<serde_json::Value> =
        stderr.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    assert!(!lines.is_empty());
    for line in &lines {
        assert!(line["@message"].is_string() && line["@module"].is_string(), "{line}");
        assert!(
            ["trace", "debug", "info", "warn", "error"].contains(&line["@level"].as_str().unwrap())
        );
        let timestamp = line["@timestamp"].as_str().unwrap();
        assert_eq!((timestamp.len(), timestamp.ends_with('Z')), (27, true), "{timestamp}");
    }
    let served = lines.iter().find(|l| l["@message"] == "served request").unwrap();
    assert_eq!(served["tf_rpc"], "GetMetadata");
    assert_eq!(served["tf_provider_addr"], "coffer/coffer");
    assert!(served["tf_req_id"].is_string() && served["tf_req_duration_ms"].is_u64());
    assert!(lines.iter().any(|l| l["tf_resource_type"] == "coffer_secret"));
}

#[tokio::test]
async fn log_level_off_is_silent() {
    let start = Start::new().with("TF_LOG", "TRACE").with("TF_LOG_PROVIDER_COFFER", "OFF");
    let peer = start.connect().await;
    let _ = peer.provider().get_metadata(get_metadata::Request {}).await;
    let (process, _) = peer.shutdown().await;
    assert_eq!(process.stderr(), "");
}

#[tokio::test]
async fn debug_mode_serves_several_clients_until_interrupted() {
    for argument in ["--debug", "-debug"] {
        let mut process = Start::new().without(COOKIE_NAME).argument(argument).spawn();
        let value = reattach_value(&process);
        assert_eq!(value.as_object().unwrap().len(), 2);
        let entry = &value["registry.opentofu.org/coffer/coffer"];
        assert_eq!(entry, &value["registry.terraform.io/coffer/coffer"]);
        assert_eq!(entry["ProtocolVersion"], 6);
        assert_eq!(entry["Pid"], process.child.id());
        assert_eq!(entry["Test"], true);
        let handshake = Handshake {
            fields: ["1", "6", "unix", entry["Addr"]["String"].as_str().unwrap(), "grpc", ""]
                .map(str::to_owned)
                .to_vec(),
            certificate: None,
        };
        drop(open_raw(&handshake).await.unwrap());
        let first = open_channel(&handshake, None).await.unwrap();
        let second = open_channel(&handshake, None).await.unwrap();
        GrpcControllerClient::new(first).shutdown(Empty {}).await.unwrap();
        assert!(serves(second).await, "one client's shutdown is not another's");
        assert!(serves(open_channel(&handshake, None).await.unwrap()).await);
        process.signal(Signal::INT);
        assert!(process.wait(PATIENCE).unwrap().success());
        assert!(!Path::new(handshake.address()).exists());
    }
}

/// The JSON between the quotes of the banner.
fn reattach_value(process: &Process) -> serde_json::Value {
    loop {
        let line = process.stdout.recv_timeout(PATIENCE).expect("a banner");
        if let Some((_, rest)) = line.split_once("TF_REATTACH_PROVIDERS='") {
            return serde_json::from_str(rest.trim_end_matches('\'')).unwrap();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn process_cannot_be_dumped_or_attached_to() {
    let process = Start::new().spawn();
    process.handshake();
    let pid = process.child.id();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|l| l.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // A process that must not be dumped belongs to root as far as /proc is concerned.
    let owner = std::os::unix::fs::MetadataExt::uid(
        &std::fs::metadata(format!("/proc/{pid}/mem")).unwrap(),
    );
    assert_eq!(owner, 0);
}
