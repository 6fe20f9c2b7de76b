//! Composes provider, framework server and transport, and serves: as a plugin or for debugging.

use std::sync::Arc;

use coffer::domain::material::wipe_stack;
use coffer::plugin::framework::server::{Server, ServerInfo};
use coffer::plugin::transport::{
    self, GrpcService, Launch, Network, Plugin, Running, logging, reattach_value, serve,
    serve_debug,
};
use coffer::plugin::wire::ProviderService;
use coffer::provider::{self, Coffer};

use super::{Environment, output};

/// Its source address without the host.
const ADDRESS: &str = "coffer/coffer";
/// Its source addresses in full: Terraform and OpenTofu complete the short one differently.
const SOURCES: [&str; 2] =
    ["registry.terraform.io/coffer/coffer", "registry.opentofu.org/coffer/coffer"];

/// Calls are short or wait for the network, so two threads do. Few threads start fast.
const THREADS: usize = 2;

/// Serves the command line that started this process.
pub(super) fn plugin(environment: &Environment, launch: Launch) -> anyhow::Result<()> {
    logging::start(environment, provider::NAME);
    run(async { Ok(serve(compose(server()), launch).await?) })
}

/// Serves whoever attaches, until Ctrl-C.
pub(super) fn debug(environment: &Environment) -> anyhow::Result<()> {
    logging::start(environment, provider::NAME);
    let network = if cfg!(unix) {
        Network::Unix { directory: None, group: None }
    } else {
        Network::Tcp { first: 0, last: 0 }
    };
    let server = server();
    check_schemas(&server)?;
    run(async { Ok(serve_debug(compose(server), network, banner).await?) })
}

fn run(serving: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        // A thread with nothing to do has finished what was secret. Threads for blocking work
        // wipe their stacks themselves.
        .on_thread_park(wipe_stack)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(serving);
    // What still runs has had its time.
    runtime.shutdown_background();
    outcome
}

fn banner(address: &transport::Address) -> std::io::Result<()> {
    let value = reattach_value(&SOURCES, address, std::process::id());
    let assignment = if cfg!(windows) {
        format!("    $env:TF_REATTACH_PROVIDERS='{value}'")
    } else {
        format!("    export TF_REATTACH_PROVIDERS='{value}'")
    };
    output::text(&format!(
        "Provider started. To make Terraform or OpenTofu attach to it, run this in their shell:\n\n\
         {assignment}\n\n\
         Values pass unencrypted through a socket that only you can open. Ctrl-C ends the \
         provider;\nunset the variable then, because its process number may come to belong to \
         another process."
    ))
}

fn server() -> Arc<Server> {
    let info = ServerInfo { name: provider::NAME, version: env!("CARGO_PKG_VERSION") };
    Arc::new(Server::new(Arc::new(Coffer::new()), info))
}

/// Tells a developer at once what a command line would refuse later, and less clearly.
fn check_schemas(server: &Server) -> anyhow::Result<()> {
    let problems = server.schema_problems();
    let lines: Vec<_> =
        problems.iter().map(|(what, p)| format!("{what}, {}: {}", p.path, p.message)).collect();
    anyhow::ensure!(lines.is_empty(), "schemas that would not load:\n{}", lines.join("\n"));
    Ok(())
}

/// From the server to what the transport serves.
fn compose(server: Arc<Server>) -> Plugin<impl GrpcService> {
    let running = Running::new();
    let counted = running.clone();
    let service =
        ProviderService::new(Arc::clone(&server)).counted_by(move || counted.begin()).into_server();
    Plugin { service, running, stop: Box::new(move || server.stop()), address: ADDRESS }
}
