//! A vault that is down at plan: told once for each profile, within the configured time.

use std::time::{Duration, Instant};

use crate::fakes::oci_vault::{COMPARTMENT, FINGERPRINT, Fake, KEY, TENANCY, USER, VAULT, sign_in};
use crate::support::cli::{Outcome, Workspace, cases};
use crate::support::fault_proxy::{Fault, FaultProxy, When};
use crate::support::http1::Play;
use crate::support::keys;

cases! {
    dead_endpoint_is_told_once
    outage_at_refresh_is_told_once_for_each_profile
}

/// The CLI's own start, and the configured seconds; not those of each secret.
const LIMIT: Duration = Duration::from_secs(15);

fn configuration(profiles: &str, resources: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    coffer = {{
      source = "coffer/coffer"
    }}
  }}
}}

provider "coffer" {{
  profiles = {{
    {profiles}
  }}
}}
{resources}
"#
    )
}

fn errors(outcome: &Outcome) -> usize {
    outcome.text().matches("Error: ").count()
}

fn dead_endpoint_is_told_once(workspace: &mut Workspace) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let profile = format!(
        r#"main = {{
      aws_secrets_manager = {{
        endpoint          = {endpoint:?}
        region            = "eu-central-1"
        access_key_id     = "coffer"
        secret_access_key = "not-checked"
        retry_seconds     = 2
      }}
    }}"#
    );
    let secrets = r#"
resource "coffer_secret" "a" {
  count    = 30
  name     = "down/${count.index}"
  value_wo = "value-${count.index}"
}"#;
    workspace.write("main.tf", &configuration(&profile, secrets));
    let started = Instant::now();
    let outcome = workspace.plan(&[]).fails().says("gave no answer");
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
    assert_eq!(errors(&outcome), 1, "{}", outcome.text());
}

/// A vault behind a network that can be cut.
struct Site {
    name: &'static str,
    fake: Fake,
    proxy: FaultProxy,
}

impl Site {
    async fn start(name: &'static str) -> Self {
        let fake = Fake::start();
        let server = fake.url().trim_start_matches("http://").parse().expect("an address");
        let proxy = FaultProxy::start(server, |_| false, None, None).await;
        Self { name, fake, proxy }
    }

    fn profile(&self) -> String {
        let Self { name, proxy, .. } = self;
        format!(
            r#"
    {name} = {{
      oci_vault = {{
        endpoint                = {:?}
        vault_id                = "{VAULT}"
        compartment_id          = "{COMPARTMENT}"
        key_id                  = "{KEY}"
        request_timeout_seconds = 1
        retry_seconds           = 2
      }}
    }}"#,
            proxy.url()
        )
    }

    fn secrets(&self) -> String {
        let name = self.name;
        format!(
            r#"
resource "coffer_secret" "{name}" {{
  count    = 20
  profile  = "{name}"
  name     = "{name}-${{count.index}}"
  value_wo = "value-${{count.index}}"
}}"#
        )
    }
}

fn outage_at_refresh_is_told_once_for_each_profile(workspace: &mut Workspace) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let sites = ["one", "two", "fine"].map(|name| runtime.block_on(Site::start(name)));
    for (name, value) in sign_in() {
        workspace.env(name, &value);
    }
    workspace.env("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS);
    let text = |of: fn(&Site) -> String| sites.iter().map(of).collect::<String>();
    workspace.write("main.tf", &configuration(&text(Site::profile), &text(Site::secrets)));
    workspace.apply(&[]).succeeds();
    for outage in [Play::Reset, Play::Stall] {
        for site in &sites[..2] {
            site.proxy.fail(When::From(0), Fault::Before(outage.clone()));
        }
        let started = Instant::now();
        let outcome = workspace.plan(&[]).fails().says("gave no answer");
        assert!(started.elapsed() < LIMIT, "{outage:?}: {:?}", started.elapsed());
        assert_eq!(errors(&outcome), 2, "{outage:?}: {}", outcome.text());
        outcome.says("profile \"one\"").says("profile \"two\"").never_says("profile \"fine\"");
        sites.iter().for_each(|site| site.proxy.heal());
        workspace.plan(&[]).has_no_changes();
    }
    // A refusal of everybody is an outage as well: told once, and never for a secret that is gone.
    let key_id = format!("{TENANCY}/{USER}/{FINGERPRINT}");
    sites[0].fake.world(|world| world.distrust(&key_id));
    let outcome = workspace.plan(&[]).fails();
    assert_eq!(errors(&outcome), 1, "{}", outcome.text());
    outcome.says("profile \"one\"").says("signature was not accepted");
}
