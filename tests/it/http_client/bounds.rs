//! Time, size and form of answers.

use std::time::{Duration, Instant};

use coffer::domain::port::{BackendError, ErrorKind, Outcome, Status};

use super::{hasty, ok, read, write};
use crate::support::http1::{Message, Play};
use crate::support::scripted::Scripted;

async fn fails(play: Play) -> (BackendError, BackendError) {
    let server = Scripted::answers(move |_| play.clone()).await;
    let reading = async { decode(&read(&server.url())).await };
    let writing = async { decode(&write(&server.url())).await };
    let (reading, writing) = tokio::join!(reading, writing);
    (reading.expect_err("a read"), writing.expect_err("a write"))
}

async fn decode(request: &coffer::adapters::http::Request) -> Result<(), BackendError> {
    hasty().send(request).await?.json::<Shape>("read").map(|_| ())
}

#[derive(serde::Deserialize)]
struct Shape {
    #[expect(dead_code, reason = "only its presence counts")]
    ok: bool,
}

#[tokio::test]
async fn silence_ends_in_time() {
    for play in [Play::Stall, Play::Drip(Message::answer(200, &"[".repeat(60)))] {
        let started = Instant::now();
        let (reading, writing) = fails(play).await;
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        assert_eq!(reading.kind, ErrorKind::Unavailable);
        assert!(reading.message.contains("within the time limit"), "{reading}");
        assert_eq!((reading.outcome, writing.outcome), (Outcome::NotApplied, Outcome::Unknown));
    }
}

#[tokio::test]
async fn body_beyond_the_bound_is_not_read() {
    for told in [true, false] {
        let (reading, writing) = fails(Play::Flood { bytes: 100 << 20, told }).await;
        assert_eq!((reading.kind, reading.status), (ErrorKind::Unexpected, Status::Permanent));
        assert!(reading.message.contains("larger than 16 MiB"), "{reading}");
        assert_eq!(writing.outcome, Outcome::Unknown);
    }
}

#[tokio::test]
async fn body_that_is_not_understood_is_told_without_it() {
    let html = "<html><body>canary-9f1 sign in to the hotel network</body></html>";
    let page = Message::answer(200, html).with("content-type", "text/html");
    for (answer, what) in [
        (page, "it is not JSON (line 1, column 1, content type text/html)"),
        (Message::answer(200, "{\"ok\": true, \"canary-9f1\": \"v"), "it ends too early"),
        (Message::answer(200, "{\"ok\": \"canary-9f1\"}"), "it does not have the documented shape"),
        (Message::answer(200, ""), "it ends too early"),
    ] {
        let (reading, writing) = fails(Play::Answer(answer)).await;
        assert_eq!(reading.kind, ErrorKind::Unexpected);
        assert!(reading.message.contains(what), "{reading}");
        assert!(!format!("{reading:?} {writing:?}").contains("canary"), "{reading:?}");
        assert_eq!(writing.outcome, Outcome::Unknown, "the write may have been done");
    }
}

#[tokio::test]
async fn wrong_content_type_alone_is_no_reason_to_fail() {
    let answer = Message::answer(200, "{\"ok\": true}").with("content-type", "text/plain");
    let server = Scripted::plays(vec![Play::Answer(answer)]).await;
    decode(&read(&server.url())).await.expect("JSON under another name");
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let elsewhere = Scripted::answers(|_| ok()).await;
    for code in [301, 302, 303, 307, 308] {
        let answer = Message::answer(code, "").with("location", &elsewhere.url());
        let server = Scripted::plays(vec![Play::Answer(answer)]).await;
        let error = hasty().send(&read(&server.url())).await.expect_err("a redirect");
        assert_eq!(error.kind, ErrorKind::Unexpected);
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn answer_that_is_no_http_is_an_error() {
    let (reading, writing) = fails(Play::Bytes(b"220 mail.example ESMTP\r\n".to_vec())).await;
    assert_eq!(reading.kind, ErrorKind::Unavailable);
    assert_eq!(writing.outcome, Outcome::Unknown);
}
