//! What is sent again, when, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use coffer::adapters::descriptor::Setting;
use coffer::adapters::http::Client;
use coffer::domain::port::{ErrorKind, Outcome, Status};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::{Service, client, ok, read, settings, status, write};
use crate::support::http1::{Message, Play};
use crate::support::scripted::Scripted;

fn lost() -> Vec<Play> {
    vec![
        Play::Reset,
        Play::Bytes(Vec::new()),
        Play::Half(Message::answer(200, "{\"ok\":true}")),
        Play::Bytes(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
    ]
}

#[tokio::test]
async fn read_is_repeated_after_a_lost_answer() {
    for play in lost() {
        let server = Scripted::plays(vec![play.clone(), ok()]).await;
        let answer = client(vec![]).send(&read(&server.url())).await;
        assert_eq!(answer.expect("the second attempt").status, 200, "{play:?}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn write_is_never_repeated_after_a_lost_answer() {
    for play in lost() {
        let server = Scripted::plays(vec![play.clone(), ok()]).await;
        let error = client(vec![]).send(&write(&server.url())).await.expect_err("no answer");
        assert_eq!((error.kind, error.outcome), (ErrorKind::Unavailable, Outcome::Unknown));
        assert_eq!(server.requests().len(), 1, "{play:?}");
    }
}

#[tokio::test]
async fn write_is_not_repeated_when_the_service_may_have_acted() {
    for code in [408, 500, 502, 504] {
        let server = Scripted::plays(vec![status(code), ok()]).await;
        let error = client(vec![]).send(&write(&server.url())).await.expect_err("no success");
        assert_eq!((error.kind, error.outcome), (ErrorKind::Unavailable, Outcome::Unknown));
        assert_eq!(server.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn passing_refusal_is_repeated() {
    for code in [425, 429, 503] {
        let server = Scripted::plays(vec![status(code), status(code), ok()]).await;
        client(vec![]).send(&write(&server.url())).await.expect("the third attempt");
        assert_eq!(server.requests().len(), 3, "{code}");
    }
    for code in [408, 425, 429, 500, 502, 503, 504] {
        let server = Scripted::plays(vec![status(code), ok()]).await;
        client(vec![]).send(&read(&server.url())).await.expect("the second attempt");
    }
}

#[tokio::test]
async fn lasting_refusal_is_not_repeated() {
    for (code, kind) in [
        (400, ErrorKind::InvalidRequest),
        (403, ErrorKind::PermissionDenied),
        (404, ErrorKind::NotFound),
        (409, ErrorKind::Conflict),
        (412, ErrorKind::Precondition),
        (423, ErrorKind::Conflict),
        (501, ErrorKind::Unsupported),
    ] {
        for writes in [false, true] {
            let server = Scripted::plays(vec![status(code), ok()]).await;
            let request = if writes { write(&server.url()) } else { read(&server.url()) };
            let error = client(vec![]).send(&request).await.expect_err("refused");
            assert_eq!((error.kind, error.status), (kind, Status::Permanent), "{code}");
            assert!(error.context.contains(&("request_id", "req-7".to_owned())));
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[tokio::test]
async fn write_is_repeated_when_nobody_listened() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let budget = vec![("retry_seconds", Setting::Integer(1))];
    let started = Instant::now();
    let error = client(budget).send(&write(&url)).await.expect_err("nobody");
    assert_eq!((error.kind, error.status), (ErrorKind::Unavailable, Status::Exhausted));
    assert_eq!(error.outcome, Outcome::NotApplied);
    let attempts = error.context.iter().find(|(key, _)| *key == "attempts").unwrap();
    assert!(attempts.1.parse::<u32>().unwrap() >= 3, "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn server_says_when_in_seconds_or_as_a_date() {
    let now = OffsetDateTime::now_utc();
    // A clock of its own, an hour ahead: the date counts from there.
    let theirs = now + Duration::from_secs(3600);
    let http = |at: OffsetDateTime| at.format(&Rfc2822).unwrap().replace("+0000", "GMT");
    let limited = Message::answer(429, "{}");
    for answer in [
        limited.clone().with("retry-after", "1"),
        limited
            .with("date", &http(theirs))
            .with("retry-after", &http(theirs + Duration::from_secs(1))),
    ] {
        let server = Scripted::plays(vec![Play::Answer(answer), ok()]).await;
        client(vec![]).send(&write(&server.url())).await.expect("the second attempt");
        let times = server.times();
        let wait = (times[1] - times[0]).as_millis();
        assert!((950..1900).contains(&wait), "{wait} ms");
    }
}

#[tokio::test]
async fn wait_beyond_the_budget_ends_at_once_and_is_told() {
    for after in ["3600", "18446744073709551615"] {
        let answer = Message::answer(503, "{}").with("retry-after", after);
        let server = Scripted::plays(vec![Play::Answer(answer), ok()]).await;
        let started = Instant::now();
        let error = client(vec![]).send(&read(&server.url())).await.expect_err("too long");
        assert!(started.elapsed() < Duration::from_millis(500));
        assert_eq!(error.status, Status::Exhausted);
        assert!(error.context.contains(&("retry_after", format!("{after} s"))), "{error:?}");
    }
}

#[tokio::test]
async fn budget_of_nothing_never_repeats() {
    let server = Scripted::answers(|_| status(503)).await;
    let client = client(vec![("retry_seconds", Setting::Integer(0))]);
    client.send(&read(&server.url())).await.expect_err("refused");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn requests_share_a_quota_of_repetitions() {
    let server = Scripted::answers(|_| status(503)).await;
    let client = client(vec![("retry_seconds", Setting::Integer(2))]);
    let request = read(&server.url());
    let calls = (0..150).map(|_| client.send(&request));
    for outcome in futures_util::future::join_all(calls).await {
        assert_eq!(outcome.expect_err("refused").status, Status::Exhausted);
    }
    // 100 repetitions, however many callers.
    assert_eq!(server.requests().len(), 250);
}

#[tokio::test]
async fn refused_token_is_renewed_once() {
    let server = Scripted::answers(|request| match request.header("authorization") {
        Some("Bearer token-1") => status(401),
        _ => ok(),
    })
    .await;
    let client = client(vec![]);
    client.send(&write(&server.url())).await.expect("with the second token");
    client.send(&write(&server.url())).await.expect("with the same");
    let tokens: Vec<_> =
        server.requests().iter().map(|r| r.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-2", "Bearer token-2"]);
}

#[tokio::test]
async fn revoked_access_ends_after_one_renewal() {
    let server = Scripted::answers(|_| status(401)).await;
    let error = client(vec![]).send(&read(&server.url())).await.expect_err("refused");
    assert_eq!((error.kind, error.status), (ErrorKind::Unauthenticated, Status::Permanent));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn sign_in_that_fails_in_passing_is_repeated() {
    let server = Scripted::answers(|_| ok()).await;
    let service = Arc::new(Service { outages: AtomicUsize::new(2), ..Service::default() });
    let client = Client::new(settings(vec![]), service.clone());
    client.send(&write(&server.url())).await.expect("the third sign-in");
    assert_eq!(service.fetched.load(Ordering::SeqCst), 1);
    assert_eq!(server.requests().len(), 1);
}
