//! What can be made to go wrong.

use super::answer::{Answer, Refusal};

/// A fault of one operation.
#[derive(Debug, Clone)]
pub enum Fault {
    /// So many calls are refused, then it works again.
    Refuse {
        /// Status.
        status: u16,
        /// Code.
        code: &'static str,
        /// Seconds in `Retry-After`.
        retry_after: Option<u32>,
        /// Calls.
        times: u32,
    },
    /// So many calls are done, but answered with a failure.
    LoseAnswer {
        /// Calls.
        times: u32,
    },
    /// This identity may not do it, until the fault is cleared.
    Deny,
}

/// What a fault does to a call.
#[derive(Debug)]
pub enum Effect {
    /// It is answered so instead of being done.
    Instead(Answer),
    /// It is done, and answered so.
    Afterwards(Answer),
}

/// The effect of the first fault on an operation; used up ones are removed.
pub fn effect(faults: &mut Vec<(&'static str, Fault)>, operation: &str) -> Option<Effect> {
    let place = faults.iter().position(|(of, _)| *of == operation || *of == "*")?;
    let (effect, left) = match &mut faults[place].1 {
        Fault::Deny => (Effect::Instead(Refusal::hidden().answer()), 1),
        Fault::Refuse { status, code, retry_after, times } => {
            *times -= 1;
            let mut answer = Refusal::new(*status, code, "an injected fault").answer();
            if let Some(seconds) = retry_after {
                answer = answer.with("retry-after", seconds.to_string());
            }
            (Effect::Instead(answer), *times)
        }
        Fault::LoseAnswer { times } => {
            *times -= 1;
            let answer = Refusal::new(500, "InternalServerError", "an injected fault").answer();
            (Effect::Afterwards(answer), *times)
        }
    };
    if left == 0 {
        faults.remove(place);
    }
    Some(effect)
}
