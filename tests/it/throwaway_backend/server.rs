//! The service of the throw-away backend: documents with revisions, in memory.
//!
//! `GET`, `PUT`, `DELETE /secrets/<name>` with `ETag`, `If-Match` and `If-None-Match` (RFC 9110
//! §13), `GET /secrets?prefix=&after=&limit=`. Its clock is the test's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::support::http1::{Message, Play};
use crate::support::scripted::Scripted;

/// The token that the service accepts.
pub(super) const TOKEN: &str = "throwaway-token-0815";

/// A running service.
pub(super) struct Server {
    server: Scripted,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    documents: BTreeMap<String, (u64, Vec<u8>)>,
    revision: u64,
    requests: u64,
    ahead: Duration,
}

impl Server {
    pub(super) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let respond = move |request: &Message| {
            let mut state = shared.lock().unwrap();
            state.requests += 1;
            let now = OffsetDateTime::now_utc() + state.ahead;
            let date = now.format(&Rfc2822).unwrap().replace("+0000", "GMT");
            let id = format!("req-{}", state.requests);
            let answer = state.answer(request);
            Play::Answer(answer.with("date", &date).with("x-request-id", &id))
        };
        Self { server: Scripted::answers(respond).await, state }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(super) fn advance(&self, by: Duration) {
        self.state.lock().unwrap().ahead += by;
    }
}

impl State {
    fn answer(&mut self, request: &Message) -> Message {
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return problem(401, "wrong_token");
        }
        let url = Url::parse("http://service").unwrap().join(request.target()).unwrap();
        let method = request.start.split(' ').next().unwrap_or_default();
        let segments: Vec<_> = url.path_segments().unwrap().collect();
        match (method, segments.as_slice()) {
            ("GET", ["secrets"]) => self.list(&url),
            ("GET", ["secrets", name]) => self.get(&decoded(name)),
            ("PUT", ["secrets", name]) => self.put(&decoded(name), request),
            ("DELETE", ["secrets", name]) => self.delete(&decoded(name), request),
            _ => problem(404, "no_such_route"),
        }
    }

    fn get(&self, name: &str) -> Message {
        match self.documents.get(name) {
            None => problem(404, "no_such_secret"),
            Some((revision, document)) => {
                Message::answer(200, std::str::from_utf8(document).unwrap())
                    .with("etag", &format!("\"{revision}\""))
            }
        }
    }

    fn put(&mut self, name: &str, request: &Message) -> Message {
        if !self.allows(name, request) {
            return problem(412, "changed_meanwhile");
        }
        self.revision += 1;
        self.documents.insert(name.to_owned(), (self.revision, request.body.clone()));
        Message::answer(200, "{}")
    }

    fn delete(&mut self, name: &str, request: &Message) -> Message {
        if !self.documents.contains_key(name) {
            return problem(404, "no_such_secret");
        }
        if !self.allows(name, request) {
            return problem(412, "changed_meanwhile");
        }
        self.documents.remove(name);
        Message::answer(200, "{}")
    }

    /// Whether the conditions of a write hold.
    fn allows(&self, name: &str, request: &Message) -> bool {
        match self.documents.get(name) {
            None => request.header("if-none-match") == Some("*"),
            Some((revision, _)) => request.header("if-match") == Some(&format!("\"{revision}\"")),
        }
    }

    fn list(&self, url: &Url) -> Message {
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let limit: usize = query["limit"].parse().unwrap();
        let mut found: Vec<_> = self
            .documents
            .iter()
            .filter(|(name, _)| name.starts_with(&query["prefix"]) && **name > query["after"])
            .take(limit + 1)
            .collect();
        let next = (found.len() > limit).then(|| found[limit - 1].0.clone());
        found.truncate(limit);
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
        let items: Vec<_> = found.iter().map(|(_, (_, document))| text(document)).collect();
        let next = serde_json::to_string(&next).unwrap();
        Message::answer(200, &format!("{{\"items\":[{}],\"next\":{next}}}", items.join(",")))
    }
}

fn problem(status: u16, code: &str) -> Message {
    Message::answer(status, &format!("{{\"code\":\"{code}\"}}"))
}

/// A path segment without its escapes.
fn decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut plain = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            plain.push(u8::from_str_radix(&segment[at + 1..at + 3], 16).expect("an escape"));
            at += 3;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(plain).expect("a name is text")
}
