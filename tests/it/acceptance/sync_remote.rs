//! `coffer_secret_sync` between vaults of different services: the embedded vault, and the fakes
//! that play OCI, Azure and AWS, each as destination and as source.
//!
//! What a service does to one copy is the backends' own subject; here is what crosses them: names,
//! ownership, states of a life cycle, and that nothing is written that need not be.

use crate::fakes::azure_key_vault::Fake as Azure;
use crate::fakes::oci_vault::{COMPARTMENT, Fake as Oci, Fault, KEY, VAULT, sign_in};
use crate::support::cli::{Workspace, cases, report_ignored};
use crate::support::keys;
use crate::support::moto::{self, Moto};
use crate::support::vault::Vault;

cases! {
    one_to_three_services
    every_service_is_a_source
    many_syncs_into_one_vault
    names_that_azure_cannot_hold
    names_that_differ_in_case_only
    schema_that_changes_case_only
    oci_copy_pending_deletion_is_recovered
    oci_changes_that_take_time
    failed_write_keeps_the_rest
    changed_between_plan_and_apply
    two_syncs_on_one_target
    source_that_cannot_be_read
    source_removed_and_a_write_fails
    empty_values_where_none_fit
}

/// Everything that a sync can reach.
struct Services<'w> {
    workspace: &'w mut Workspace,
    oci: Oci,
    azure: Azure,
    aws: Option<(&'static Moto, String)>,
}

impl<'w> Services<'w> {
    fn start(workspace: &'w mut Workspace) -> Self {
        let azure = Azure::quick();
        azure.serve(workspace);
        let oci = Oci::start();
        for (name, value) in sign_in() {
            workspace.env(name, &value);
        }
        workspace.env("OCI_CLI_ENDPOINT", &oci.url());
        workspace.env("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS);
        workspace.env("AWS_ACCESS_KEY_ID", "coffer");
        workspace.env("AWS_SECRET_ACCESS_KEY", "not-checked");
        Self { workspace, oci, azure, aws: None }
    }

    /// With AWS, too; `None`, with a report, where moto cannot be had.
    fn with_aws(workspace: &'w mut Workspace, case: &str) -> Option<Self> {
        match moto::shared() {
            Ok(moto) => Some(Self { aws: Some((moto, moto.region())), ..Self::start(workspace) }),
            Err(reason) => {
                report_ignored("moto", case, &reason);
                None
            }
        }
    }

    fn write(&self, resources: &str) {
        let aws = self.aws.as_ref().map_or_else(String::new, |(moto, region)| {
            let url = moto.url();
            format!(
                "aws = {{ aws_secrets_manager = {{ region = {region:?}, endpoint = {url:?} }} }}"
            )
        });
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
  default_profile = "main"
  profiles = {{
    main  = {{ embedded = {{ path = "main.db" }} }}
    other = {{ embedded = {{ path = "other.db" }} }}
    azure = {{ azure_key_vault = {{ vault_url = "https://kv1.vault.azure.net", retry_seconds = 5 }} }}
    oci = {{
      oci_vault = {{
        vault_id       = "{VAULT}"
        compartment_id = "{COMPARTMENT}"
        key_id         = "{KEY}"
        retry_seconds  = 2
      }}
    }}
    {aws}
  }}
}}
{resources}
"#
        );
        self.workspace.write("main.tf", &text);
    }

    #[track_caller]
    fn apply(&self, resources: &str) {
        self.write(resources);
        self.workspace.apply(&[]).succeeds();
    }

    /// The value of a secret in a profile, through an output of a second project.
    #[track_caller]
    fn value(&self, profile: &str, name: &str) -> Option<String> {
        match profile {
            "azure" => self.azure.values("kv1", name).last().cloned(),
            "oci" => self.oci_content(name),
            "aws" => {
                let (moto, region) = self.aws.as_ref().expect("the case has it");
                let script = format!(
                    "try:\n  print('=' + client.get_secret_value(SecretId={name:?}, VersionStage='AWSCURRENT')['SecretString'])\n\
                     except client.exceptions.ResourceNotFoundException:\n  print('-')\n\
                     except client.exceptions.InvalidRequestException:\n  print('-')"
                );
                moto.boto3(region, &script).strip_prefix('=').map(str::to_owned)
            }
            file => Vault::at(&self.workspace.file(&format!("{file}.db"))).value(name),
        }
    }

    fn oci_content(&self, name: &str) -> Option<String> {
        self.oci.world(|world| {
            let secret = world.secret(name)?;
            let newest = secret.versions.last()?;
            (secret.state == "ACTIVE").then(|| String::from_utf8(newest.content.clone()).unwrap())
        })
    }

    /// Number of versions that a service has of a name.
    fn versions(&self, profile: &str, name: &str) -> usize {
        match profile {
            "azure" => self.azure.values("kv1", name).len(),
            "oci" => self.oci.world(|world| world.secret(name).map_or(0, |s| s.versions.len())),
            _ => {
                let (moto, region) = self.aws.as_ref().expect("the case has it");
                let script = format!(
                    "print(len(client.list_secret_version_ids(SecretId={name:?}, \
                     IncludeDeprecated=True)['Versions']))"
                );
                moto.boto3(region, &script).parse().unwrap()
            }
        }
    }
}

/// Secrets in a profile, by name and value.
fn secrets(profile: &str, all: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| {
        let label = name.replace(['/', '.'], "-");
        format!(
            "\nresource \"coffer_secret\" \"{profile}-{label}\" {{\n  profile  = {profile:?}\n  \
             name     = {name:?}\n  value_wo = {value:?}\n}}\n"
        )
    };
    all.iter().map(one).collect()
}

fn sync(label: &str, source: &str, destinations: &str, more: &str) -> String {
    format!(
        r#"
resource "coffer_secret_sync" "{label}" {{
  name         = "{label}"
  source       = {{ {source} }}
  destinations = {{ {destinations} }}
  {more}
}}
"#
    )
}

const ALL: &str = r#"names = ["**"]"#;
const TWO: &[(&str, &str)] = &[("db", "one"), ("api", "two")];
const TWO_NEW: &[(&str, &str)] = &[("db", "one"), ("api", "new")];

fn one_to_three_services(workspace: &mut Workspace) {
    let Some(s) = Services::with_aws(workspace, "sync_remote::one_to_three_services") else {
        return;
    };
    let sync = sync(
        "s",
        ALL,
        r#"
    azure = { profile = "azure", key_schema = "prod-{{secretKey}}" }
    oci   = { profile = "oci", key_schema = "prod.{{secretKey}}" }
    aws   = { profile = "aws", key_schema = "prod/{{secretKey}}" }
  "#,
        "",
    );
    let copies = [("azure", "prod-"), ("oci", "prod."), ("aws", "prod/")];
    s.apply(&secrets("main", TWO));
    s.apply(&(secrets("main", TWO) + &sync));
    for (profile, prefix) in copies {
        assert_eq!(s.value(profile, &format!("{prefix}db")).as_deref(), Some("one"), "{profile}");
        assert_eq!(s.value(profile, &format!("{prefix}api")).as_deref(), Some("two"), "{profile}");
    }
    s.workspace.plan(&[]).has_no_changes();
    // One key changes: one write at each.
    let resources = secrets("main", TWO_NEW) + &sync;
    s.write(&resources);
    s.workspace.apply(&["-target=coffer_secret.main-api"]).succeeds();
    s.workspace.plan(&[]).has_changes().says("update from api").never_says("from db");
    s.workspace.apply(&[]).succeeds();
    for (profile, prefix) in copies {
        let versions = ["db", "api"].map(|key| s.versions(profile, &format!("{prefix}{key}")));
        assert_eq!(versions, [1, 2], "{profile}");
        assert_eq!(s.value(profile, &format!("{prefix}api")).as_deref(), Some("new"), "{profile}");
    }
    s.workspace.plan(&[]).has_no_changes();
    // An orphan goes everywhere, in each service's own way.
    s.apply(&secrets("main", &TWO[..1]).add(&sync));
    s.workspace.apply(&[]).succeeds();
    for (profile, prefix) in copies {
        assert_eq!(s.value(profile, &format!("{prefix}api")), None, "{profile}");
        assert_eq!(s.value(profile, &format!("{prefix}db")).as_deref(), Some("one"), "{profile}");
    }
    s.workspace.plan(&[]).has_no_changes();
}

trait Add {
    fn add(self, more: &str) -> String;
}

impl Add for String {
    fn add(self, more: &str) -> String {
        self + more
    }
}

fn every_service_is_a_source(workspace: &mut Workspace) {
    let Some(s) = Services::with_aws(workspace, "sync_remote::every_service_is_a_source") else {
        return;
    };
    for source in ["azure", "oci", "aws"] {
        let made = secrets(source, TWO);
        let destinations = format!(
            r#"there = {{ profile = "other", key_schema = "{source}/{{{{secretKey}}}}" }}"#
        );
        let copying = sync("s", &format!("profile = {source:?}, {ALL}"), &destinations, "");
        s.apply(&made);
        s.apply(&(made + &copying));
        let value = |key: &str| s.value("other", &format!("{source}/{key}"));
        assert_eq!([value("db"), value("api")].map(Option::unwrap), ["one", "two"], "{source}");
        s.workspace.plan(&[]).has_no_changes();
        s.write(&(secrets(source, TWO_NEW) + &copying));
        let target = format!("-target=coffer_secret.{source}-api");
        s.workspace.apply(&[&target]).succeeds();
        s.workspace.plan(&[]).has_changes().says("update from api").never_says("from db");
        s.workspace.apply(&[]).succeeds();
        assert_eq!(value("api").as_deref(), Some("new"), "{source}");
        s.workspace.plan(&[]).has_no_changes();
        s.apply(&secrets(source, TWO_NEW));
    }
}

fn many_syncs_into_one_vault(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    let made = secrets("main", TWO) + &secrets("other", &[("db", "three"), ("web", "four")]);
    let one = sync("one", ALL, r#"a = { profile = "azure", key_schema = "m-{{secretKey}}" }"#, "");
    let two = sync(
        "two",
        &format!("profile = \"other\", {ALL}"),
        r#"a = { profile = "azure", key_schema = "o-{{secretKey}}" }"#,
        "",
    );
    s.apply(&made);
    s.apply(&format!("{made}{one}{two}"));
    for (name, value) in [("m-db", "one"), ("m-api", "two"), ("o-db", "three"), ("o-web", "four")] {
        assert_eq!(s.azure.values("kv1", name), [value]);
    }
    s.workspace.plan(&[]).has_no_changes();
    // The end of one is nothing to the other.
    let two_gone = two.replace(ALL, "names = [\"none\"]");
    s.apply(&format!("{made}{one}{two_gone}"));
    let (mut active, mut deleted) = s.azure.names("kv1");
    active.sort();
    deleted.sort();
    assert_eq!((active, deleted), (words(&["m-api", "m-db"]), words(&["o-db", "o-web"])));
    s.workspace.plan(&[]).has_no_changes();
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

fn names_that_azure_cannot_hold(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    let made = secrets("main", &[("app/db", "one"), ("my_key", "two")]);
    s.apply(&made);
    let to_azure =
        |more: &str| sync("s", ALL, &format!("a = {{ profile = \"azure\" {more} }}"), "");
    s.write(&format!("{made}{}", to_azure("")));
    s.workspace.plan(&[]).fails().says("Copies cannot be made").says("app/db").says("my_key");
    // A name for each of them in the map.
    let map = r#", map = { "app/db" = "app-db", my_key = "my-key" }"#;
    s.apply(&format!("{made}{}", to_azure(map)));
    assert_eq!(s.azure.values("kv1", "app-db"), ["one"]);
    assert_eq!(s.azure.values("kv1", "my-key"), ["two"]);
    s.workspace.plan(&[]).has_no_changes();
}

fn names_that_differ_in_case_only(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    let made = secrets("main", &[("db", "one"), ("DB", "two")]);
    let made = made.replace("\"main-DB\"", "\"main-upper\"");
    s.apply(&made);
    let to = |profile: &str| sync("s", ALL, &format!("d = {{ profile = {profile:?} }}"), "");
    s.write(&format!("{made}{}", to("azure")));
    s.workspace.plan(&[]).fails().says("would share the name");
    // OCI tells them apart.
    s.apply(&format!("{made}{}", to("oci")));
    assert_eq!(s.value("oci", "db").as_deref(), Some("one"));
    assert_eq!(s.value("oci", "DB").as_deref(), Some("two"));
    // Two syncs whose names differ in case only meet in Azure.
    let one = sync("one", "names = [\"db\"]", "d = { profile = \"azure\" }", "");
    let two = sync("two", "names = [\"DB\"]", "d = { profile = \"azure\" }", "");
    s.write(&format!("{made}{one}{two}"));
    s.workspace.plan(&[]).fails().says("Two syncs write the same secret");
}

/// For a vault that does not tell case apart the old name is the new one: nothing may be removed.
fn schema_that_changes_case_only(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    let made = secrets("main", TWO);
    let to = |prefix: &str| {
        let schema =
            format!("a = {{ profile = \"azure\", key_schema = \"{prefix}-{{{{secretKey}}}}\" }}");
        sync("s", ALL, &schema, "")
    };
    s.apply(&made);
    s.apply(&format!("{made}{}", to("Prod")));
    s.apply(&format!("{made}{}", to("prod")));
    s.workspace.plan(&[]).has_no_changes();
    assert_eq!(s.azure.values("kv1", "prod-db"), ["one"]);
    let made = secrets("main", TWO_NEW);
    s.apply(&made.clone().add(&to("prod")));
    s.apply(&made.add(&to("prod")));
    assert_eq!(s.azure.values("kv1", "prod-db"), ["one"]);
    assert_eq!(s.azure.values("kv1", "prod-api"), ["two", "new"]);
    s.workspace.plan(&[]).has_no_changes();
    let (_, deleted) = s.azure.names("kv1");
    assert_eq!(deleted, [""; 0]);
}

const TO_OCI: &str = r#"o = { profile = "oci" }"#;

/// The case that the vendor's page describes: a copy on its way out gets its deletion cancelled and
/// is then written.
fn oci_copy_pending_deletion_is_recovered(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    s.apply(&secrets("main", TWO));
    s.apply(&secrets("main", TWO).add(&sync("s", ALL, TO_OCI, "")));
    let delete = |name: &str| {
        s.oci.world(|world| {
            let deletion = Some(time::OffsetDateTime::now_utc() + time::Duration::days(7));
            let secret = world.secret(name).unwrap();
            secret.state = "PENDING_DELETION";
            secret.deletion = deletion;
        });
    };
    delete("db");
    delete("api");
    s.write(&secrets("main", TWO_NEW).add(&sync("s", ALL, TO_OCI, "")));
    s.workspace.apply(&["-target=coffer_secret.main-api"]).succeeds();
    s.workspace.plan(&[]).has_changes().says("recover and update");
    s.oci.calls();
    s.workspace.apply(&[]).succeeds();
    let calls = s.oci.calls();
    let count = |operation| calls.iter().filter(|call| **call == operation).count();
    assert_eq!(count("CancelSecretDeletion"), 2, "{calls:?}");
    assert_eq!(s.value("oci", "api").as_deref(), Some("new"));
    assert_eq!(s.value("oci", "db").as_deref(), Some("one"));
    let versions = ["db", "api"].map(|name| s.versions("oci", name));
    assert_eq!(versions, [1, 2], "what came back as it was is not written again");
    s.workspace.plan(&[]).has_no_changes();
}

fn oci_changes_that_take_time(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    s.apply(&secrets("main", TWO));
    s.oci.world(|world| world.settings.delay = time::Duration::milliseconds(400));
    let copying = sync("s", ALL, TO_OCI, "");
    s.apply(&secrets("main", TWO).add(&copying));
    assert_eq!(s.value("oci", "db").as_deref(), Some("one"));
    s.workspace.plan(&[]).has_no_changes();
    s.write(&secrets("main", TWO_NEW).add(&copying));
    s.workspace.apply(&["-target=coffer_secret.main-api"]).succeeds();
    // Somebody's deletion is still under way while the sync comes.
    s.oci.world(|world| {
        let soon = time::OffsetDateTime::now_utc() + time::Duration::seconds(3);
        let secret = world.secret("api").unwrap();
        secret.state = "SCHEDULING_DELETION";
        secret.due = Some((soon, "PENDING_DELETION"));
        secret.deletion = Some(soon + time::Duration::days(7));
    });
    s.workspace.apply(&[]).succeeds();
    assert_eq!(s.value("oci", "api").as_deref(), Some("new"));
    s.workspace.plan(&[]).has_no_changes();
}

/// Which of the writes fails does not matter: the others are in the state, and the next run does
/// only the rest.
fn failed_write_keeps_the_rest(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    let three: &[(&str, &str)] = &[("a", "one"), ("b", "two"), ("c", "three")];
    s.apply(&secrets("main", three));
    let resources = secrets("main", three).add(&sync("s", ALL, TO_OCI, "parallelism = 1"));
    s.write(&resources);
    s.oci.fault(
        "CreateSecret",
        Fault::Refuse { status: 400, code: "InvalidParameter", retry_after: None, times: 1 },
    );
    s.workspace.apply(&[]).succeeds().says("Sync is not complete").says("oci");
    assert_eq!(s.workspace.attribute("coffer_secret_sync.s", "status"), "partial");
    let results = s.workspace.attributes("coffer_secret_sync.s")["results"]["o"].clone();
    let failed = three.iter().filter(|(n, _)| results[n]["result"] == "failed").count();
    assert_eq!(failed, 1, "{results}");
    s.oci.calls();
    s.workspace.plan(&[]).has_changes().says("create");
    s.workspace.apply(&[]).succeeds();
    let calls = s.oci.calls();
    assert_eq!(calls.iter().filter(|call| **call == "CreateSecret").count(), 1, "{calls:?}");
    for (name, value) in three {
        assert_eq!(s.value("oci", name).as_deref(), Some(*value));
        assert_eq!(s.versions("oci", name), 1);
    }
    s.workspace.plan(&[]).has_no_changes();
}

/// The CLI plans again before it applies, and refuses what is not what was reviewed; if it is
/// still the same then, the provider looks once more.
#[track_caller]
fn refused_late(s: &Services<'_>, plan: &str) {
    let outcome = s.workspace.run(&["apply", "-no-color", plan]).fails();
    let said = outcome.prose();
    let refused = ["inconsistent final plan", "changed since the plan was made"];
    assert!(refused.iter().any(|words| said.contains(words)), "{said}");
}

fn changed_between_plan_and_apply(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    s.apply(&secrets("main", TWO));
    let copying = sync("s", ALL, r#"a = { profile = "azure" }"#, "adopt = [\"db\"]");
    // The source changes before the first copy is made.
    s.write(&secrets("main", TWO).add(&copying));
    s.workspace.plan(&["-out=first.plan"]).has_changes();
    let other = s.workspace.beside("somebody-else");
    let path = s.workspace.file("main.db");
    let theirs = format!(
        r#"
terraform {{
  required_providers {{
    coffer = {{
      source = "coffer/coffer"
    }}
  }}
}}

provider "coffer" {{
  profiles = {{ main = {{ embedded = {{ path = {path:?} }} }} }}
}}

resource "coffer_secret" "a" {{
  name            = "db"
  value_wo        = "theirs"
  on_existing     = "adopt"
  deletion_policy = "retain"
}}
"#
    );
    other.write("main.tf", &theirs);
    other.apply(&[]).succeeds();
    refused_late(&s, "first.plan");
    assert_eq!(s.azure.names("kv1").0, [""; 0]);
    // Now the destination: somebody stores under the name that is still free.
    s.workspace.plan(&["-out=second.plan", "-target=coffer_secret_sync.s"]).has_changes();
    s.azure.somebody_stores("kv1", "db", "first");
    refused_late(&s, "second.plan");
    assert_eq!(s.azure.names("kv1").0, ["db"]);
    // What is to be overwritten is not overwritten when it is something else by then.
    s.workspace.plan(&["-out=second.plan", "-target=coffer_secret_sync.s"]).has_changes();
    s.azure.somebody_stores("kv1", "db", "second");
    refused_late(&s, "second.plan");
    assert_eq!(s.azure.values("kv1", "db"), ["first", "second"]);
    s.workspace.apply(&["-target=coffer_secret_sync.s"]).succeeds();
    assert_eq!(s.azure.values("kv1", "db"), ["first", "second", "theirs"]);
}

fn two_syncs_on_one_target(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    let made = secrets("main", TWO) + &secrets("other", &[("db", "other")]);
    s.apply(&made);
    let one = sync("one", ALL, r#"a = { profile = "azure" }"#, "");
    let two =
        sync("two", &format!("profile = \"other\", {ALL}"), r#"b = { profile = "azure" }"#, "");
    let refused = |syncs: &str| {
        s.write(&format!("{made}{syncs}"));
        s.workspace.plan(&[]).fails().says("Two syncs write the same secret");
    };
    refused(&format!("{one}{two}"));
    // The same name does not make them the same sync.
    refused(&format!("{one}{}", two.replace("= \"two\"", "= \"one\"")));
    // Nor may two destinations of one sync meet.
    let twice = r#"a = { profile = "azure" }, b = { profile = "azure" }"#;
    s.write(&made.clone().add(&sync("one", ALL, twice, "")));
    s.workspace.plan(&[]).fails().says("write the same secret");
    assert_eq!(s.azure.names("kv1").0, [""; 0]);
    // In another configuration, the tag of the owner tells.
    s.apply(&format!("{made}{one}"));
    s.write(&format!("{made}{two}"));
    s.workspace.run(&["state", "rm", "coffer_secret_sync.one"]).succeeds();
    s.workspace.apply(&[]).succeeds().says("conflict: another sync owns it");
    assert_eq!(s.azure.values("kv1", "db"), ["one"]);
}

/// What was not seen is not gone.
fn source_that_cannot_be_read(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    let made = secrets("oci", TWO);
    let copying =
        sync("s", &format!("profile = \"oci\", {ALL}"), r#"o = { profile = "other" }"#, "");
    s.apply(&made);
    s.apply(&made.clone().add(&copying));
    // One of the sources is to go, and the vault does not answer.
    let resting = copying.replace("\"s\" {", "\"s\" {\n  enabled = false");
    s.apply(&secrets("oci", &TWO[..1]).add(&resting));
    s.write(&secrets("oci", &TWO[..1]).add(&copying));
    for operation in ["ListSecrets", "GetSecret"] {
        s.oci.fault(operation, Fault::Deny);
        let only = ["-refresh=false", "-target=coffer_secret_sync.s"];
        s.workspace.plan(&only).fails().never_says("soft-delete");
        s.workspace.apply(&only).fails();
        s.oci.world(|world| world.faults.clear());
        assert_eq!(s.value("other", "api").as_deref(), Some("two"), "{operation}");
        assert_eq!(s.value("other", "db").as_deref(), Some("one"), "{operation}");
    }
    s.workspace.plan(&[]).has_changes().says("soft-delete");
    s.workspace.apply(&[]).succeeds();
    assert_eq!(s.value("other", "api"), None);
    s.workspace.plan(&[]).has_no_changes();
}

fn source_removed_and_a_write_fails(workspace: &mut Workspace) {
    let s = Services::start(workspace);
    let copying = sync("s", ALL, TO_OCI, "");
    s.apply(&secrets("main", TWO));
    s.apply(&secrets("main", TWO).add(&copying));
    let next: &[(&str, &str)] = &[("db", "new")];
    s.apply(&secrets("main", next).add(&copying.replace("\"s\" {", "\"s\" {\n  enabled = false")));
    s.write(&secrets("main", next).add(&copying));
    s.oci.fault(
        "UpdateSecret",
        Fault::Refuse { status: 400, code: "InvalidParameter", retry_after: None, times: 1 },
    );
    s.workspace.apply(&[]).fails().says("nothing was removed");
    assert_eq!(s.value("oci", "api").as_deref(), Some("two"));
    s.workspace.apply(&[]).succeeds();
    assert_eq!(s.value("oci", "api"), None);
    assert_eq!(s.value("oci", "db").as_deref(), Some("new"));
    assert_eq!(s.versions("oci", "db"), 2);
    s.workspace.plan(&[]).has_no_changes();
}

fn empty_values_where_none_fit(workspace: &mut Workspace) {
    let Some(s) = Services::with_aws(workspace, "sync_remote::empty_values_where_none_fit") else {
        return;
    };
    s.azure.somebody_stores("kv1", "empty", "");
    s.azure.somebody_stores("kv1", "db", "one");
    let first =
        sync("first", r#"profile = "azure", names = ["**"]"#, r#"d = { profile = "other" }"#, "");
    s.apply(&first);
    assert_eq!(s.value("other", "empty").as_deref(), Some(""), "an empty value is a value");
    s.workspace.plan(&[]).has_no_changes();
    // It is known by its print now, and where it does not fit, this is told before anything is done.
    let from = r#"profile = "other", names = ["**"]"#;
    s.write(&first.clone().add(&sync("second", from, r#"d = { profile = "aws" }"#, "")));
    s.workspace.plan(&[]).fails().says("empty");
    assert_eq!(s.value("aws", "db"), None, "nothing is written");
    let from = r#"profile = "azure", names = ["**"]"#;
    s.write(&first.add(&sync("second", from, r#"d = { profile = "aws" }"#, "")));
    s.workspace.apply(&[]).says("cannot hold empty values");
    assert_eq!(s.value("aws", "db").as_deref(), Some("one"), "the others are copied");
}
