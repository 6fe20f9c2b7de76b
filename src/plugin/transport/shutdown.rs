//! When and how the process ends: Shutdown call, SIGTERM, death of the parent, Ctrl-C in debug
//! mode.
//!
//! Responsible for the one switch that everything which must end watches. Leaves the ending itself
//! to [`server`](super::server).
//! Source: go-plugin life cycle. A terminal's Ctrl-C reaches the whole process group; as a plugin
//! we ignore it, because the command line stops its providers itself.

use tokio::sync::watch;

/// Why the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The client called `Shutdown`.
    Client,
    /// SIGTERM, or Ctrl-C in debug mode.
    Signal,
    /// The command line that started us is gone.
    ParentDied,
}

/// The switch. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Shutdown(watch::Sender<Option<Reason>>);

impl Shutdown {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Turns the switch; the first reason stays.
    pub(super) fn begin(&self, reason: Reason) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
    }

    /// Waits until the switch is turned.
    pub(super) async fn begun(&self) -> Reason {
        let mut receiver = self.0.subscribe();
        loop {
            if let Some(reason) = *receiver.borrow_and_update() {
                return reason;
            }
            if receiver.changed().await.is_err() {
                // Not reachable while `self` holds the sender.
                return Reason::Signal;
            }
        }
    }
}

/// Starts to watch for signals and, unless in debug mode, for the death of the parent.
///
/// # Errors
/// When a signal cannot be watched.
pub(super) fn watch_process(shutdown: &Shutdown, debug: bool) -> std::io::Result<()> {
    #[cfg(unix)]
    unix::watch(shutdown, debug)?;
    #[cfg(not(unix))]
    watch_interrupt(shutdown.clone(), debug);
    Ok(())
}

#[cfg(not(unix))]
fn watch_interrupt(shutdown: Shutdown, debug: bool) {
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if debug {
                shutdown.begin(Reason::Signal);
            }
        }
    });
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::time::Duration;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{Reason, Shutdown};

    /// Where the kernel cannot tell us, we look this often.
    const PARENT_POLL: Duration = Duration::from_millis(500);

    pub(super) fn watch(shutdown: &Shutdown, debug: bool) -> io::Result<()> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        tokio::spawn(signals(shutdown.clone(), interrupt, terminate, debug));
        if !debug {
            let shutdown = shutdown.clone();
            tokio::spawn(async move {
                parent_death().await;
                shutdown.begin(Reason::ParentDied);
            });
        }
        Ok(())
    }

    async fn signals(
        shutdown: Shutdown,
        mut interrupt: Signal,
        mut terminate: Signal,
        debug: bool,
    ) {
        loop {
            tokio::select! {
                Some(()) = interrupt.recv() => {
                    if debug {
                        shutdown.begin(Reason::Signal);
                    } else {
                        tracing::trace!("interrupt ignored: the client decides what stops");
                    }
                }
                Some(()) = terminate.recv() => shutdown.begin(Reason::Signal),
                else => return,
            }
        }
    }

    async fn parent_death() {
        let Some(parent) = rustix::process::getppid() else { return };
        #[cfg(target_os = "linux")]
        if linux::wait_for_exit(parent).await.is_some() {
            return;
        }
        while rustix::process::getppid() == Some(parent) {
            tokio::time::sleep(PARENT_POLL).await;
        }
    }

    #[cfg(target_os = "linux")]
    mod linux {
        use rustix::event::{PollFd, PollFlags, poll};
        use rustix::process::{Pid, PidfdFlags, getppid, pidfd_open};

        /// The watching thread needs next to no stack.
        const STACK: usize = 64 << 10;

        /// Waits in a thread of its own, which costs nothing, unlike looking again and again.
        /// `None` when this kernel cannot.
        pub(super) async fn wait_for_exit(parent: Pid) -> Option<()> {
            let descriptor = pidfd_open(parent, PidfdFlags::empty()).ok()?;
            if getppid() != Some(parent) {
                // It died before we held it, and its number may already be someone else's.
                return Some(());
            }
            let (sender, receiver) = tokio::sync::oneshot::channel();
            std::thread::Builder::new()
                .name("parent-watch".to_owned())
                .stack_size(STACK)
                .spawn(move || {
                    let mut watched = [PollFd::new(&descriptor, PollFlags::IN)];
                    while let Ok(0) | Err(rustix::io::Errno::INTR) = poll(&mut watched, None) {}
                    // Nobody listens any more when the process is ending anyway.
                    let _ = sender.send(());
                })
                .ok()?;
            receiver.await.ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn first_reason_stays_and_all_waiters_wake() {
        let shutdown = Shutdown::new();
        let (one, two) = (shutdown.clone(), shutdown.clone());
        let waiters = async { tokio::join!(one.begun(), two.begun()) };
        let begin = async {
            shutdown.begin(Reason::ParentDied);
            shutdown.begin(Reason::Client);
        };
        let ((first, second), ()) = tokio::join!(waiters, begin);
        assert_eq!((first, second), (Reason::ParentDied, Reason::ParentDied));
        assert_eq!(shutdown.begun().await, Reason::ParentDied);
    }
}
