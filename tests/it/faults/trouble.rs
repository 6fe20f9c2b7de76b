//! What goes wrong on the way to a vault.

use crate::support::fault_proxy::Fault;
use crate::support::http1::{Message, Play};

/// The id that injected answers carry, in the header of every vendor.
pub const REQUEST_ID: &str = "fault-req-4711";
/// Headers in which vendors tell it.
const REQUEST_ID_HEADERS: &[&str] =
    &["x-request-id", "opc-request-id", "x-ms-request-id", "x-amzn-requestid"];
/// Something that an error must not repeat.
const BODY: &str = "{\"note\":\"canary-of-a-body\"}";
const HTML: &str = "<html><title>Sign in</title>canary-of-a-page</html>";

/// One kind of trouble.
#[derive(Clone)]
pub struct Trouble {
    /// For people.
    pub name: String,
    /// What happens.
    pub fault: Fault,
    /// Played also for all requests that follow.
    pub lasting: bool,
    /// The error must tell [`REQUEST_ID`].
    pub has_request_id: bool,
}

fn trouble(name: &str, fault: Fault) -> Trouble {
    Trouble { name: name.to_owned(), fault, lasting: false, has_request_id: false }
}

fn answer(status: u16, body: &str) -> Message {
    let answer = Message::answer(status, body);
    REQUEST_ID_HEADERS.iter().fold(answer, |answer, header| answer.with(header, REQUEST_ID))
}

/// Every kind.
pub fn all() -> Vec<Trouble> {
    let mut all = vec![
        lasting(trouble("reset before", Fault::Before(Play::Reset))),
        lasting(trouble("reset after", Fault::after(|_| Play::Reset))),
        trouble("closed before", Fault::Before(Play::Bytes(Vec::new()))),
        trouble("closed after", Fault::after(|_| Play::Bytes(Vec::new()))),
        trouble("half of the head", Fault::after(|a| Play::Bytes(a.head()[..20].to_vec()))),
        trouble("half of the body", Fault::after(half)),
        trouble("one byte a second", Fault::after(Play::Drip)),
        trouble("silence before", Fault::Before(Play::Stall)),
        trouble("silence after", Fault::after(|_| Play::Stall)),
        trouble("JSON cut short", Fault::after(cut_short)),
        told(trouble("HTML for success", Fault::after(|_| Play::Answer(html(200))))),
        told(trouble("HTML with 404", Fault::Before(Play::Answer(html(404))))),
        told(trouble("HTML with 502", Fault::after(|_| Play::Answer(html(502))))),
        trouble(
            "another content type",
            Fault::after(|a| Play::Answer(a.with("content-type", "text/plain"))),
        ),
        trouble("100 MB of JSON", Fault::after(|_| flood(true))),
        trouble("100 MB of JSON in chunks", Fault::after(|_| flood(false))),
        told(trouble(
            "redirect",
            Fault::Before(Play::Answer(answer(307, "").with("location", "https://192.0.2.1/"))),
        )),
    ];
    for status in [401, 403, 408, 409, 412, 423, 429, 500, 502, 503, 504] {
        let before = Fault::Before(Play::Answer(answer(status, BODY)));
        all.push(told(lasting(trouble(&format!("{status}"), before))));
    }
    for status in [408, 500, 502, 504] {
        let after = Fault::after(move |_| Play::Answer(answer(status, BODY)));
        all.push(told(trouble(&format!("{status} after it was done"), after)));
    }
    for (status, wait) in [(429, "1"), (503, "1"), (503, "3600")] {
        let before = Fault::Before(Play::Answer(answer(status, BODY).with("retry-after", wait)));
        all.push(told(lasting(trouble(&format!("{status} with Retry-After {wait}"), before))));
    }
    all
}

/// An error that comes of it tells the request id.
fn told(trouble: Trouble) -> Trouble {
    Trouble { has_request_id: true, ..trouble }
}

fn lasting(trouble: Trouble) -> Trouble {
    Trouble { lasting: true, ..trouble }
}

/// Without a body there is no half of it; the head ends early then.
fn half(answer: Message) -> Play {
    match answer.body.len() {
        0 | 1 => Play::Bytes(answer.head()[..12].to_vec()),
        _ => Play::Half(answer),
    }
}

/// A shorter body whose length is told as such.
fn cut_short(mut answer: Message) -> Play {
    answer.body.truncate(answer.body.len() / 2);
    Play::Answer(answer)
}

fn html(status: u16) -> Message {
    answer(status, HTML).with("content-type", "text/html")
}

fn flood(told: bool) -> Play {
    Play::Flood { bytes: 100 << 20, told }
}
