//! Compartments, listings, and how many calls it takes.

use coffer::domain::port::{Backend, ErrorKind, ListFilter, Options};
use coffer::domain::secret::SecretName;

use super::{Setting, create, name, refused, text};
use crate::fakes::oci_vault::{COMPARTMENT, OTHER_COMPARTMENT, backend, backend_with};

#[tokio::test]
async fn secret_moves_in_place_and_is_found_there() {
    let s = Setting::new();
    let made = s.create("one").await.unwrap();
    s.put("two").await.unwrap();
    let moved = s.set("compartment_id", text(OTHER_COMPARTMENT)).await.expect("moved");
    assert_eq!(moved.backend_id, made.backend_id);
    assert_eq!(moved.options["compartment_id"], text(OTHER_COMPARTMENT));
    let fresh = backend(&s.fake);
    let found = fresh.read(&name()).await.expect("found in the other compartment");
    assert_eq!((found.backend_id, found.latest), (made.backend_id, 2));
    let back = s.set("compartment_id", text(COMPARTMENT)).await.expect("moved back");
    assert_eq!(back.options["compartment_id"], text(COMPARTMENT));
}

#[tokio::test]
async fn compartment_that_is_not_searched_is_refused() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    let elsewhere = "ocid1.compartment.oc1..three";
    let moved = s.set("compartment_id", text(elsewhere)).await;
    refused(moved, ErrorKind::InvalidRequest, "other_compartment_ids");
    let options = Options::from([("compartment_id".to_owned(), text(elsewhere))]);
    let made = create(&*s.backend, "b", "v", options).await;
    refused(made, ErrorKind::InvalidRequest, "other_compartment_ids");
}

#[tokio::test]
async fn name_held_in_an_unlisted_compartment_is_told() {
    let s = Setting::new();
    let options = Options::from([("compartment_id".to_owned(), text(OTHER_COMPARTMENT))]);
    s.create_with("one", options).await.expect("created there");
    let narrow = backend_with(&s.fake, |settings| {
        let none = coffer::adapters::descriptor::Setting::TextList(Vec::new());
        settings.set("other_compartment_ids", none);
    });
    refused(narrow.read(&name()).await, ErrorKind::NotFound, "no secret a");
    let taken = create(&*narrow, "a", "v", Options::new()).await;
    refused(taken, ErrorKind::AlreadyExists, "other_compartment_ids");
}

#[tokio::test]
async fn listing_covers_all_compartments_and_hides_the_deleted() {
    let s = Setting::new();
    let there = || Options::from([("compartment_id".to_owned(), text(OTHER_COMPARTMENT))]);
    for place in 0..3 {
        create(&*s.backend, &format!("one-{place}"), "v", Options::new()).await.unwrap();
        create(&*s.backend, &format!("two-{place}"), "v", there()).await.unwrap();
    }
    let gone = SecretName::parse("two-1").unwrap();
    s.backend.soft_delete(&gone, None).await.unwrap();
    s.fake.world(|world| world.settings.page = 2);
    assert_eq!(names(&*s.backend, false).await.len(), 5);
    assert_eq!(names(&*s.backend, true).await.len(), 6);
}

async fn names(backend: &dyn Backend, include_deleted: bool) -> Vec<String> {
    let filter = ListFilter { include_deleted, ..ListFilter::default() };
    let (mut names, mut page) = (Vec::new(), None);
    loop {
        let answer = backend.list(&filter, page).await.expect("a page");
        names.extend(answer.items.iter().map(|record| record.name.to_string()));
        page = answer.next;
        if page.is_none() {
            return names;
        }
    }
}

#[tokio::test]
async fn calls_are_few() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    assert_eq!(s.fake.calls(), ["CreateSecret", "ListSecretVersions"]);
    s.backend.read(&name()).await.unwrap();
    let mut read = s.fake.calls();
    read.sort_unstable();
    assert_eq!(read, ["GetSecret", "ListSecretVersions"]);
    s.put("two").await.unwrap();
    assert_eq!(s.fake.calls(), ["UpdateSecret", "ListSecretVersions"]);
}

#[tokio::test]
async fn many_names_are_found_through_one_listing() {
    let s = Setting::new();
    for place in 0..40 {
        create(&*s.backend, &format!("s-{place}"), "v", Options::new()).await.unwrap();
    }
    let fresh = backend(&s.fake);
    s.fake.calls();
    for place in 0..40 {
        fresh.read(&SecretName::parse(&format!("s-{place}")).unwrap()).await.unwrap();
    }
    let calls = s.fake.calls();
    let count = |operation| calls.iter().filter(|call| **call == operation).count();
    assert_eq!((count("GetSecret"), count("ListSecretVersions")), (40, 40));
    assert!(count("ListSecrets") <= 10, "{} listings", count("ListSecrets"));
}
