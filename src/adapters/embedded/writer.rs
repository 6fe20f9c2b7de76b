//! The one thread of a process that writes to a vault.
//!
//! Responsible for order and for group commit: calls that arrive while a commit is being synced
//! share the next one, so many writers cost few syncs. When nothing more comes it moves the log
//! into the file and renews the checksum over it. A call is answered after its commit, and takes
//! place even when nobody waits for the answer any more.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::Failure;
use super::seal;
use super::tx::{StoredRoot, Tx, View};
use super::vault::Shared;
use crate::domain::material::wipe_stack;
use crate::domain::port::ErrorKind;

/// Quiet time after which the log is moved into the file.
const IDLE: Duration = Duration::from_millis(100);
/// Calls in one commit.
const GROUP: usize = 64;

/// A call that waits for its commit.
trait Job: Send {
    /// Does the work; false when it failed and nothing of it may stay.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Answers: what the work gave, or why its commit failed.
    fn finish(self: Box<Self>, commit: Result<(), &Failure>);
}

struct Call<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, Failure>>,
    reply: oneshot::Sender<Result<T, Failure>>,
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, Failure> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        self.outcome = self.work.take().map(|work| work(tx));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, commit: Result<(), &Failure>) {
        let answer = match (commit, self.outcome) {
            (_, Some(Err(own))) => Err(own),
            (Err(failure), _) => Err(failure.clone()),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(stopped()),
        };
        // Nobody waits any more; the write stands all the same.
        let _ = self.reply.send(answer);
    }
}

/// The thread, for as long as the vault is open.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(shared: Arc<Shared>, connection: Connection) -> Result<Self, Failure> {
        let (jobs, queue) = channel();
        let thread = Builder::new()
            .name("embedded-vault".to_owned())
            .spawn(move || serve(&shared, connection, &queue))
            .map_err(|_| Failure::new(ErrorKind::Unexpected, "no thread could be started"))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Queues a call.
    pub(super) fn submit<T, F>(&self, work: F) -> oneshot::Receiver<Result<T, Failure>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = Call { work: Some(work), outcome: None, reply };
        if let Some(jobs) = &self.jobs {
            // When the thread is gone the call is dropped and its receiver says so.
            let _ = jobs.send(Box::new(call));
        }
        answer
    }
}

impl Drop for Writer {
    /// Waits until everything queued is committed and the file is complete.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

pub(super) fn stopped() -> Failure {
    Failure::new(ErrorKind::Unexpected, "the vault's writer has stopped")
}

fn serve(shared: &Shared, mut connection: Connection, queue: &Receiver<Box<dyn Job>>) {
    let mut unsettled = false;
    loop {
        let next = if unsettled {
            queue.recv_timeout(IDLE)
        } else {
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match next {
            Ok(job) => {
                let mut group = vec![job];
                group.extend(queue.try_iter().take(GROUP - 1));
                unsettled |= commit(shared, &mut connection, group);
                wipe_stack();
            }
            Err(reason) => {
                if unsettled {
                    seal::settle(shared, &mut connection);
                    unsettled = false;
                }
                if reason == RecvTimeoutError::Disconnected {
                    return;
                }
            }
        }
    }
}

/// Runs a group of calls in one transaction; true when something was written.
fn commit(shared: &Shared, connection: &mut Connection, mut group: Vec<Box<dyn Job>>) -> bool {
    let result = run_group(shared, connection, &mut group);
    for job in group {
        job.finish(result.as_ref().map(|_| ()));
    }
    matches!(result, Ok(true))
}

fn run_group(
    shared: &Shared,
    connection: &mut Connection,
    group: &mut [Box<dyn Job>],
) -> Result<bool, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored = StoredRoot::load(&transaction, &shared.keys, shared.trusted().as_ref())?;
    shared.trust(stored.clone());
    let view = View::new(&transaction, &shared.keys, shared.ambient.now());
    let mut tx = Tx::new(view, &shared.ambient, stored.root().clone());
    tx.purge_expired()?;
    for job in group {
        let before = tx.root().clone();
        transaction.execute_batch("SAVEPOINT call")?;
        if !job.run(&mut tx) {
            if transaction.is_autocommit() {
                // SQLite has rolled everything back (full disk, I/O error): nothing of the group
                // took place.
                return Err(Failure::temporary(
                    ErrorKind::Unavailable,
                    "writing to the vault file failed, and nothing was changed. Check the disk and its free space, and run again",
                ));
            }
            transaction.execute_batch("ROLLBACK TO call")?;
            tx.reset_root(before);
        }
        transaction.execute_batch("RELEASE call")?;
    }
    if tx.root() == stored.root() {
        return Ok(false);
    }
    let root = tx.finish()?;
    transaction.commit()?;
    shared.trust(root);
    Ok(true)
}
