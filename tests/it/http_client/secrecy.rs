//! Nothing that proves identity and nothing that is secret gets into coffer's log or errors, also
//! when every library logs all it can.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use coffer::adapters::descriptor::Setting;
use coffer::adapters::http::{Client, Method, Repeat, Request};
use coffer::domain::material::Secret;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::{Service, ok, settings, status};
use crate::support::canary::{Canary, Search};
use crate::support::http1::{Message, Play};
use crate::support::scripted::{Scripted, Tunnel};

/// Writes down every event of every crate.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<Vec<(String, String)>>>);

impl<S: Subscriber> Layer<S> for Everything {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push((event.metadata().target().to_owned(), line.0));
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

#[tokio::test]
async fn nothing_secret_is_logged_or_told() {
    let (query, header, body, answer, proxy) = (
        Canary::of("querykanarienvogel"),
        Canary::of("headerkanarienvogel"),
        Canary::of("bodykanarienvogel"),
        Canary::of("answerkanarienvogel"),
        Canary::of("proxykanarienvogel"),
    );
    let search = Search::new(&[query.clone(), header, body.clone(), answer.clone(), proxy.clone()]);
    let text = answer.text().to_owned();
    let plays = vec![
        ok(),
        status(429),
        Play::Answer(Message::answer(400, &format!("{{\"message\":\"{text}\"}}"))),
        Play::Half(Message::answer(200, &format!("{{\"message\":\"{text}\"}}"))),
        Play::Answer(Message::answer(302, "").with("location", &format!("https://x/?{text}"))),
        Play::Answer(Message::answer(200, &format!("<html>{text}"))),
        Play::Bytes(format!("HTTP/1.1 two {text}\r\n\r\n").into_bytes()),
        Play::Bytes(format!("HTTP/1.1 200 OK\r\nbad header {text}\r\n\r\n").into_bytes()),
        Play::Reset,
    ];
    let server = Scripted::plays(plays).await;
    let tunnel = Tunnel::to(server.address()).await;
    let url = format!("{}/path?sig={}", server.url(), query.text()).parse().unwrap();
    let write = Request::new("put_version", Method::PUT, url, Repeat::IfNotApplied)
        .body(Secret::from(body.text()), "text/plain");
    let elsewhere = format!("https://vault.test/?sig={}", query.text()).parse().unwrap();
    let service = || Arc::new(Service { prefix: "headerkanarienvogel", ..Service::default() });
    let direct = Client::new(settings(vec![]), service());
    let through = format!("http://joe:{}@{}", proxy.text(), tunnel.address);
    let through = settings(vec![
        ("proxy", Setting::Secret(Secret::from(through.as_str()))),
        ("retry_seconds", Setting::Integer(0)),
    ]);

    let log = Everything::default();
    let told = async {
        let mut told = format!("{write:?} {through:?}");
        for _ in 0..8 {
            let outcome = direct.send(&write).await;
            let _ = write!(told, "{outcome:?}");
            if let Ok(answer) = outcome {
                let shape = answer.json::<u64>("put_version").expect_err("no number");
                let _ = write!(told, "{shape} {shape:?}");
            }
        }
        // TLS with a server that has none: fails after the proxy was told the password.
        let request = Request::get("read", elsewhere);
        let outcome = Client::new(through, service()).send(&request).await;
        let _ = write!(told, "{:?}", outcome.expect_err("no TLS there"));
        told
    };
    let told = told.with_subscriber(tracing_subscriber::registry().with(log.clone())).await;

    assert!(search.find(told.as_bytes()).is_none(), "{told}");
    let lines = log.0.lock().unwrap();
    let ours: Vec<_> = lines.iter().filter(|(target, _)| target.starts_with("coffer")).collect();
    assert!(ours.len() >= 10, "the requests are logged: {ours:?}");
    for (target, line) in &ours {
        assert!(search.find(line.as_bytes()).is_none(), "{target}: {line}");
    }
    assert!(lines.len() > ours.len(), "the libraries log, too");
    assert!(tunnel.asked.lock().unwrap()[0].header("proxy-authorization").is_some());
    assert_eq!(server.requests().len(), 9, "{:?}", server.requests());
}
