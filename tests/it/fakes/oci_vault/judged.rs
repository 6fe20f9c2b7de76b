//! The fake before its judge: the vendor's unmodified Python client.

use super::{COMPARTMENT, FINGERPRINT, Fake, KEY, OTHER_COMPARTMENT, TENANCY, USER, VAULT};
use crate::support::python;

const STEPS: [&str; 13] = [
    "vault",
    "create",
    "read",
    "new version",
    "stage, promote, roll back",
    "conditional update, rules",
    "delete a version, cancel it",
    "move",
    "rotate",
    "delete, cancel",
    "pages",
    "wrong key",
    "",
];

#[test]
fn vendors_client_is_content() {
    if python::interpreter_for("fakes::oci_vault::judged::vendors_client_is_content").is_none() {
        return;
    }
    let fake = Fake::start();
    let folder = tempfile::tempdir().expect("a directory");
    let key = folder.path().join("key.pem");
    std::fs::write(&key, Fake::private_key()).expect("the key is written");
    let url = fake.url();
    let arguments = [
        url.as_str(),
        key.to_str().expect("a path of text"),
        TENANCY,
        USER,
        FINGERPRINT,
        VAULT,
        KEY,
        COMPARTMENT,
        OTHER_COMPARTMENT,
    ];
    let said = python::run(include_str!("judge.py"), &arguments, &[]);
    assert_eq!(said.split('\n').collect::<Vec<_>>(), STEPS);
    let rejected = fake.world(|world| world.rejected.clone());
    assert_eq!(rejected, ["unknown keyId"]);
}
