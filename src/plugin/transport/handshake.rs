//! The one line a plugin writes to its standard output, and the silence after it.
//!
//! Leaves the decision what to say to [`environment`](super::environment) and the socket to
//! [`listener`](super::listener). Invariant: nothing else in plugin mode writes to standard output
//! (I5); [`announce`] enforces it by pointing the descriptor elsewhere.
//! Source: go-plugin handshake, `CORE|APP|NETWORK|ADDRESS|PROTOCOL|CERTIFICATE[|MULTIPLEX]`.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls::pki_types::CertificateDer;

use super::environment::PROTOCOL_VERSION;
use super::listener::Address;

/// Version of the handshake itself. Clients refuse any other.
const CORE_PROTOCOL: u32 = 1;

/// The line, without its end.
#[must_use]
pub fn line(
    address: &Address,
    certificate: Option<&CertificateDer<'_>>,
    multiplex_field: bool,
) -> String {
    let (network, address) = address.parts();
    let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    // We never multiplex. Clients that do not know the field refuse a line that has it.
    let multiplex = if multiplex_field { "|false" } else { "" };
    format!("{CORE_PROTOCOL}|{PROTOCOL_VERSION}|{network}|{address}|grpc|{certificate}{multiplex}")
}

/// Keeps the client's end of standard output open without letting anything write to it.
#[derive(Debug)]
pub(super) struct Silence {
    #[cfg(unix)]
    _original: rustix::fd::OwnedFd,
}

/// Writes the line, flushes it and makes standard output a dead end.
///
/// # Errors
/// When the line cannot be written: there is no client then.
pub(super) fn announce(line: &str) -> io::Result<Silence> {
    {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        stdout.flush()?;
    }
    silence()
}

/// The original stays open because clients read it until the process ends.
#[cfg(unix)]
fn silence() -> io::Result<Silence> {
    let original = rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)?;
    let nowhere = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    rustix::stdio::dup2_stdout(nowhere)?;
    Ok(Silence { _original: original })
}

#[cfg(not(unix))]
fn silence() -> io::Result<Silence> {
    Ok(Silence {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_six_fields_and_an_unpadded_certificate() {
        let unix = Address::Unix("/run/x/s".into());
        let certificate = CertificateDer::from(vec![1, 2, 3, 4]);
        assert_eq!(line(&unix, Some(&certificate), false), "1|6|unix|/run/x/s|grpc|AQIDBA");
        assert_eq!(line(&unix, None, false), "1|6|unix|/run/x/s|grpc|");
    }

    #[test]
    fn line_has_a_seventh_field_on_request() {
        let tcp = Address::Tcp(([127, 0, 0, 1], 4711).into());
        assert_eq!(line(&tcp, None, true), "1|6|tcp|127.0.0.1:4711|grpc||false");
    }
}
