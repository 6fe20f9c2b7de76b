//! All that the command line prints. Nothing else writes to standard output, except the handshake.

use std::io::{self, Write as _};

/// Prints text and a line end to standard output.
///
/// # Errors
/// When standard output is closed or full.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Prints text and a line end to standard error.
pub(crate) fn error(text: &str) {
    // There is nowhere left to report a failure to.
    let _ = writeln!(io::stderr(), "{text}");
}
