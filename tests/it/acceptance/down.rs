//! A vault that is down at plan: told once, within the configured time.

use std::time::{Duration, Instant};

use crate::support::cli::{Workspace, cases};

cases! {
    dead_endpoint_is_told_once
}

fn dead_endpoint_is_told_once(workspace: &mut Workspace) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let text = format!(
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
    main = {{
      aws_secrets_manager = {{
        endpoint          = {endpoint:?}
        region            = "eu-central-1"
        access_key_id     = "coffer"
        secret_access_key = "not-checked"
        retry_seconds     = 2
      }}
    }}
  }}
}}

resource "coffer_secret" "a" {{
  count    = 30
  name     = "down/${{count.index}}"
  value_wo = "value-${{count.index}}"
}}
"#
    );
    workspace.write("main.tf", &text);
    let started = Instant::now();
    let outcome = workspace.plan(&[]).fails().says("gave no answer");
    // The CLI's own start, and the two seconds; not thirty times two.
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    let told = outcome.text().matches("Error: ").count();
    assert_eq!(told, 1, "{}", outcome.text());
}
