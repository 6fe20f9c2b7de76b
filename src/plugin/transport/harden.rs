//! Keeps the memory of the process to itself: no core dumps, no attaching.
//!
//! The third process-wide measure, the heap that is wiped when freed, is the allocator in
//! `main.rs`; single secrets are wiped earlier, by their own types. Called first thing in `main`.
//! Linux offers both measures, other systems what they have.

/// Set to `1` to allow core dumps and debuggers, while debugging coffer itself.
pub const ALLOW_DUMPS_NAME: &str = "COFFER_ALLOW_CORE_DUMPS";

/// Forbids core dumps and, on Linux, reading the memory of the process by the same user.
///
/// Failures are ignored: a process that may not lower its own limits is confined already, and
/// there is nowhere to report to this early.
pub fn harden(allow_dumps: bool) {
    if allow_dumps {
        return;
    }
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let _ = setrlimit(Resource::Core, none);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
