//! What callers of a client share: slots, pace, connections, a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use coffer::adapters::descriptor::{Pacing, Settings};
use coffer::adapters::http::{Client, HttpSettings};

use super::{Service, client, ok, read, write};
use crate::support::http1::{Message, Play};
use crate::support::scripted::Scripted;

fn paced(concurrency: usize, requests_per_second: u32) -> Client {
    let mut settings = Settings::default();
    settings.pacing = Some(Pacing { concurrency, requests_per_second });
    let settings = HttpSettings::take(&mut settings).unwrap();
    Client::new(settings, Arc::new(Service::default()))
}

#[tokio::test]
async fn dropped_call_ends_and_frees_its_slot() {
    let server = Scripted::plays(vec![Play::Stall, ok()]).await;
    let client = paced(1, 100);
    let request = read(&server.url());
    let call = tokio::time::timeout(Duration::from_millis(300), client.send(&request));
    assert!(call.await.is_err(), "the server stalls");
    let second = tokio::time::timeout(Duration::from_secs(1), client.send(&request)).await;
    second.expect("the slot is free").expect("an answer");
}

#[tokio::test]
async fn no_more_than_the_slots_are_in_flight() {
    let late = Play::Late(Duration::from_millis(100), Message::answer(200, "{}"));
    let server = Scripted::answers(move |_| late.clone()).await;
    let client = paced(4, 1000);
    let request = read(&server.url());
    let started = Instant::now();
    let calls = (0..12).map(|_| client.send(&request));
    futures_util::future::try_join_all(calls).await.expect("answers");
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(server.connections() <= 4, "{}", server.connections());
}

#[tokio::test]
async fn rate_holds_after_the_burst() {
    let server = Scripted::answers(|_| ok()).await;
    let client = paced(50, 20);
    let request = read(&server.url());
    let calls = (0..40).map(|_| client.send(&request));
    futures_util::future::try_join_all(calls).await.expect("answers");
    let times = server.times();
    let spread = times[39] - times[0];
    assert!((900..2000).contains(&spread.as_millis()), "{spread:?}");
}

#[tokio::test]
async fn many_callers_sign_in_once() {
    let server = Scripted::answers(|_| ok()).await;
    let service = Arc::new(Service::default());
    let client = Client::new(HttpSettings::default(), service.clone());
    let request = read(&server.url());
    let calls = (0..50).map(|_| client.send(&request));
    futures_util::future::try_join_all(calls).await.expect("answers");
    assert_eq!(service.fetched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn many_callers_with_a_refused_token_renew_it_together() {
    let refused = AtomicUsize::new(0);
    let server = Scripted::answers(move |request| {
        if request.header("authorization") == Some("Bearer token-1") {
            refused.fetch_add(1, Ordering::SeqCst);
            return super::status(401);
        }
        ok()
    })
    .await;
    let service = Arc::new(Service::default());
    let client = Client::new(HttpSettings::default(), service.clone());
    let request = write(&server.url());
    let calls = (0..20).map(|_| client.send(&request));
    futures_util::future::try_join_all(calls).await.expect("answers");
    let fetched = service.fetched.load(Ordering::SeqCst);
    assert!((2..=3).contains(&fetched), "{fetched} sign-ins");
}

#[tokio::test]
async fn connections_are_kept() {
    let server = Scripted::answers(|_| ok()).await;
    let client = client(vec![]);
    for _ in 0..5 {
        client.send(&write(&server.url())).await.expect("an answer");
    }
    assert_eq!(server.connections(), 1);
    let request = &server.requests()[0];
    assert_eq!(request.header("user-agent"), Some("coffer/test"));
    assert_eq!(request.text(), "{\"value\":\"v\"}");
}
