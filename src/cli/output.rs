//! All that the command line prints. Nothing else writes to standard output, except the handshake.

use std::io::{self, IsTerminal as _, Write as _};

/// Prints text and a line end to standard output.
///
/// # Errors
/// When standard output is closed or full.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Prints a value as it is to standard output; on a terminal, with a line end after it.
///
/// # Errors
/// When standard output is closed or full.
pub(crate) fn value(value: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(value)?;
    if stdout.is_terminal() {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}

/// Prints text and a line end to standard error.
pub(crate) fn error(text: &str) {
    // There is nowhere left to report a failure to.
    let _ = writeln!(io::stderr(), "{text}");
}
