//! How long a start takes and what an idle process holds, seen from a client like go-plugin's.

use std::time::{Duration, Instant};

use coffer::plugin::wire::proto::get_provider_schema;

use super::support::peer::{Peer, Start};
use super::{median, memory_mib};

/// Figures of a start.
pub struct Starts {
    /// From the start of the process to the handshake line.
    pub handshake: Duration,
    /// From asking for the schema to having it, the first call of a process.
    pub schema: Duration,
    /// Resident memory of a process that has answered and waits.
    pub idle_mib: f64,
}

/// Starts the binary `times` times.
pub fn measure(times: usize) -> Starts {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (mut handshakes, mut schemas, mut idle_mib) = (Vec::new(), Vec::new(), 0.0_f64);
        for _ in 0..times {
            let start = Start::new();
            let begin = Instant::now();
            let process = start.spawn();
            let handshake = process.handshake();
            handshakes.push(begin.elapsed());
            let channel = process.channel(&handshake).await.unwrap();
            let peer = Peer { process, handshake, channel };
            let begin = Instant::now();
            let request = get_provider_schema::Request::default();
            peer.provider().get_provider_schema(request).await.unwrap();
            schemas.push(begin.elapsed());
            let idle = memory_mib(peer.process.child.id(), "VmRSS").unwrap_or(f64::NAN);
            idle_mib = idle_mib.max(idle);
            peer.shutdown().await;
        }
        Starts { handshake: median(handshakes), schema: median(schemas), idle_mib }
    })
}
