//! The vendor's unmodified Python clients, through the whole flow of their documentation, against
//! the fake: what they take for a Key Vault is good enough to test ours against.

use crate::fakes::azure_key_vault::{EVERY_PERMISSION, Fake, TENANT};
use crate::support::python;

const FLOW: &str = include_str!("flow.py");

fn environment(fake: &Fake) -> Vec<(&'static str, String)> {
    vec![
        ("HTTPS_PROXY", fake.proxy_url()),
        ("REQUESTS_CA_BUNDLE", fake.ca_bundle().display().to_string()),
        ("VAULT_URL", fake.vault_url("kv1")),
        ("LOCAL_URL", fake.local_url()),
        ("AZURE_TENANT_ID", TENANT.to_owned()),
        ("AZURE_CLIENT_ID", "app-1".to_owned()),
        ("AZURE_CLIENT_SECRET", "the client secret".to_owned()),
    ]
}

#[test]
fn python_clients_take_it_for_a_key_vault() {
    let test = concat!(module_path!(), "::python_clients_take_it_for_a_key_vault");
    if python::interpreter_for(test).is_none() {
        return;
    }
    let fake = Fake::start();
    fake.application("app-1", "the client secret", EVERY_PERMISSION);
    let environment = environment(&fake);
    let environment: Vec<_> = environment.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let said = python::run(FLOW, &[], &environment);
    assert!(said.ends_with("all as documented\n"), "{said}");
    let journal = fake.journal();
    let bare = journal.iter().filter(|seen| seen.path.contains("secrets") && !seen.authorized);
    assert!(bare.clone().count() > 0, "no client asked without a token first");
    assert!(bare.clone().all(|seen| seen.body == 0), "a request without a token had a body");
}
