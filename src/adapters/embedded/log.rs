//! The write-ahead log, read without SQLite: has it lost something that was committed?
//!
//! SQLite takes the first frame whose checksum is wrong for the end of the log, because a power
//! cut leaves such a frame behind. A damaged bit in the middle looks the same, and everything
//! committed after it would be dropped in silence. The difference is what follows: a power cut
//! leaves at most the one transaction that was being written. Format:
//! <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::path::Path;
use std::time::Duration;

use super::error::{Failure, from_io};
use super::store::log_path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// What the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogState {
    /// Empty, or readable to its end.
    Whole,
    /// It ends in a transaction that was never completely written, as after a power cut.
    Torn,
    /// A committed transaction cannot be read.
    Damaged,
}

/// Refuses a damaged log. Reading it while another process writes may see it in motion, so bad
/// news is asked for again.
pub(super) fn check(vault: &Path) -> Result<(), Failure> {
    const ATTEMPTS: u32 = 4;
    for _ in 0..ATTEMPTS {
        if inspect(vault)? != LogState::Damaged {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    let log = log_path(vault);
    Err(Failure::corrupt(format!(
        "its log {} is, so that committed changes would be lost. To go on without them, move the log away",
        log.display()
    )))
}

/// Reads the log next to the vault file.
pub(super) fn inspect(vault: &Path) -> Result<LogState, Failure> {
    match std::fs::read(log_path(vault)) {
        Ok(log) => Ok(classify(&log)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(LogState::Whole),
        Err(e) => Err(from_io("reading the log of the vault file", &e)),
    }
}

fn classify(log: &[u8]) -> LogState {
    let Some((header, frames)) = log.split_first_chunk::<HEADER>() else {
        return if log.is_empty() { LogState::Whole } else { LogState::Torn };
    };
    let big_endian = match u32_at(header, 0) {
        0x377f_0682 => false,
        0x377f_0683 => true,
        // Never written completely: then there is no whole frame after it either.
        _ if frames.len() < FRAME_HEADER => return LogState::Torn,
        _ => return LogState::Damaged,
    };
    let page = u32_at(header, 8) as usize;
    let mut sum = checksum(big_endian, (0, 0), &header[..24]);
    if sum != (u32_at(header, 24), u32_at(header, 28)) || page < 512 {
        return if frames.len() < FRAME_HEADER { LogState::Torn } else { LogState::Damaged };
    }
    let salts = &header[16..24];
    let mut readable = true;
    let mut lost_commits = 0;
    for frame in frames.chunks_exact(FRAME_HEADER + page) {
        if frame[8..16] != *salts {
            // Left over from before the log was started anew, unless the damage is right here.
            continue;
        }
        if readable {
            let next = checksum(big_endian, sum, &frame[..8]);
            let next = checksum(big_endian, next, &frame[FRAME_HEADER..]);
            readable = next == (u32_at(frame, 16), u32_at(frame, 20));
            sum = next;
        }
        if !readable && u32_at(frame, 4) != 0 {
            lost_commits += 1;
        }
    }
    match (readable, lost_commits) {
        (true, _) => LogState::Whole,
        (false, 0 | 1) => LogState::Torn,
        (false, _) => LogState::Damaged,
    }
}

/// SQLite's checksum over pairs of words.
fn checksum(big_endian: bool, start: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let word = |chunk: &[u8]| {
        let chunk = [chunk[0], chunk[1], chunk[2], chunk[3]];
        if big_endian { u32::from_be_bytes(chunk) } else { u32::from_le_bytes(chunk) }
    };
    bytes.chunks_exact(8).fold(start, |(a, b), pair| {
        let a = a.wrapping_add(word(&pair[..4])).wrapping_add(b);
        let b = b.wrapping_add(word(&pair[4..])).wrapping_add(a);
        (a, b)
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
