//! AWS Secrets Manager through real commands, with moto as AWS and boto3 as everybody else.
//!
//! What moto 5.2.5 plays otherwise than AWS is left out: clearing a description, the end of a
//! deletion window, an implicit stage in GetSecretValue.

use std::time::{Duration, Instant};

use crate::support::canary::{Canary, Search};
use crate::support::cli::{Workspace, cases, report_ignored};
use crate::support::moto::{self, Moto};

cases! {
    values_come_and_go_and_come_back
    staged_rotation_and_roll_back
    changes_from_outside
    deletion_and_recovery
    options_and_tags
    imports
    signatures_and_policies
    nobody_there
    no_traces
}

/// A workspace with a region of its own at moto.
struct Account<'w> {
    workspace: &'w mut Workspace,
    moto: &'static Moto,
    region: String,
}

impl<'w> Account<'w> {
    /// `None`, with a report, where moto cannot be had.
    fn new(workspace: &'w mut Workspace, case: &str) -> Option<Self> {
        match moto::shared() {
            Ok(moto) => {
                workspace.env("AWS_ACCESS_KEY_ID", "coffer");
                workspace.env("AWS_SECRET_ACCESS_KEY", "not-checked");
                Some(Self { workspace, moto, region: moto.region() })
            }
            Err(reason) => {
                report_ignored("moto", case, &reason);
                None
            }
        }
    }

    fn write(&self, resources: &str) {
        let text = configuration(&self.moto.url(), &self.region, "", resources);
        self.workspace.write("main.tf", &text);
    }

    fn value(&mut self, value: &str) {
        self.workspace.env("TF_VAR_value", value);
    }

    #[track_caller]
    fn boto3(&self, script: &str) -> String {
        self.moto.boto3(&self.region, script)
    }

    /// The value that applications get.
    #[track_caller]
    fn current(&self) -> String {
        self.boto3(
            "print(client.get_secret_value(SecretId='app/a', VersionStage='AWSCURRENT')\
             ['SecretString'])",
        )
    }
}

fn configuration(url: &str, region: &str, more: &str, resources: &str) -> String {
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
    aws = {{
      aws_secrets_manager = {{
        region   = "{region}"
        endpoint = "{url}"
        {more}
      }}
    }}
  }}
  fingerprint = {{
    key_env = "COFFER_FINGERPRINT_KEY"
  }}
}}

variable "value" {{
  type      = string
  ephemeral = true
  default   = null
}}
{resources}
"#
    )
}

fn secret(more: &str) -> String {
    format!(
        "resource \"coffer_secret\" \"a\" {{\n  name     = \"app/a\"\n  value_wo = var.value\n  \
         {more}\n}}\n"
    )
}

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn account<'w>(workspace: &'w mut Workspace, case: &str) -> Option<Account<'w>> {
    workspace.env("COFFER_FINGERPRINT_KEY", KEY);
    Account::new(workspace, case)
}

fn values_come_and_go_and_come_back(workspace: &mut Workspace) {
    let Some(mut aws) = account(workspace, "aws::values_come_and_go_and_come_back") else { return };
    aws.write(&secret(""));
    for (version, value) in [("1", "A"), ("2", "B"), ("3", "A")] {
        aws.value(value);
        aws.workspace.plan(&[]).has_changes();
        aws.workspace.apply(&[]).succeeds();
        assert_eq!(aws.current(), value);
        assert_eq!(aws.workspace.attribute("coffer_secret.a", "version"), version);
        aws.workspace.plan(&[]).has_no_changes();
    }
    let labels = aws.boto3(
        "stages = client.describe_secret(SecretId='app/a')['VersionIdsToStages']\n\
         print(sorted(sorted(s) for s in stages.values() if s))",
    );
    assert_eq!(labels, "[['AWSCURRENT', 'coffer-latest'], ['AWSPREVIOUS']]");
    assert_eq!(aws.boto3("print(client.describe_secret(SecretId='app/a').get('Tags'))"), "None");
}

fn staged_rotation_and_roll_back(workspace: &mut Workspace) {
    let Some(mut aws) = account(workspace, "aws::staged_rotation_and_roll_back") else { return };
    let with = |version: &str| {
        format!(
            "resource \"coffer_secret\" \"a\" {{\n  name = \"app/a\"\n  value_wo = \"one\"\n  \
             manage_content = \"initial\"\n}}\n{version}"
        )
    };
    let two = |state: &str| {
        with(&format!(
            "resource \"coffer_secret_version\" \"two\" {{\n  secret_id = coffer_secret.a.id\n  \
             value_wo = \"two\"\n  rotation_state = \"{state}\"\n}}\n"
        ))
    };
    aws.value("unused");
    aws.write(&two("pending"));
    aws.workspace.apply(&[]).succeeds();
    assert_eq!(aws.current(), "one");
    let pending = "print(client.get_secret_value(SecretId='app/a', VersionStage='AWSPENDING')['SecretString'])";
    assert_eq!(aws.boto3(pending), "two");
    aws.workspace.plan(&[]).has_no_changes();
    aws.write(&two("current"));
    aws.workspace.apply(&[]).succeeds();
    assert_eq!(aws.current(), "two");
    aws.workspace.plan(&[]).has_no_changes();
    let back = with(
        "resource \"coffer_secret_version\" \"two\" {\n  secret_id = coffer_secret.a.id\n  \
         number = 1\n  rotation_state = \"current\"\n}\n",
    );
    aws.write(&back);
    aws.workspace.apply(&[]).succeeds();
    assert_eq!(aws.current(), "one");
    aws.workspace.plan(&[]).has_no_changes();
}

fn changes_from_outside(workspace: &mut Workspace) {
    let Some(mut aws) = account(workspace, "aws::changes_from_outside") else { return };
    aws.write(&secret("tags = { env = \"prod\" }"));
    aws.value("ours");
    aws.workspace.apply(&[]).succeeds();
    // moto goes on from the version that AWSCURRENT was created with, so the label is moved.
    aws.boto3(
        "new = client.put_secret_value(SecretId='app/a', SecretString='theirs', \
         VersionStages=['other'])['VersionId']\n\
         old = [k for k, v in client.describe_secret(SecretId='app/a')\
         ['VersionIdsToStages'].items() if 'AWSCURRENT' in v][0]\n\
         client.update_secret_version_stage(SecretId='app/a', VersionStage='AWSCURRENT', \
         MoveToVersionId=new, RemoveFromVersionId=old)\n\
         client.tag_resource(SecretId='app/a', Tags=[{'Key': 'env', 'Value': 'test'}])",
    );
    assert_eq!(aws.current(), "theirs");
    aws.workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    aws.workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(aws.current(), "ours");
    assert_eq!(aws.workspace.attribute("coffer_secret.a", "version"), "3");
    aws.workspace.plan(&[]).has_no_changes();
    aws.boto3("client.delete_secret(SecretId='app/a', ForceDeleteWithoutRecovery=True)");
    aws.workspace.plan(&[]).has_changes().says("1 to add");
}

fn deletion_and_recovery(workspace: &mut Workspace) {
    let Some(mut aws) = account(workspace, "aws::deletion_and_recovery") else { return };
    aws.write(&secret("recovery_window_days = 6"));
    aws.value("one");
    aws.workspace.plan(&[]).fails().says("recovery_window_days");
    aws.write(&secret("recovery_window_days = 7"));
    aws.workspace.apply(&[]).succeeds();
    aws.workspace.destroy().succeeds();
    let days = aws.boto3(
        "import datetime\nat = client.describe_secret(SecretId='app/a')['DeletedDate']\n\
         print(round((at - datetime.datetime.now(at.tzinfo)).total_seconds() / 86400))",
    );
    assert_eq!(days, "7");
    aws.workspace.apply(&[]).succeeds();
    assert_eq!(aws.current(), "one");
    assert_eq!(aws.workspace.attribute("coffer_secret.a", "version"), "1");
    aws.workspace.plan(&[]).has_no_changes();
    aws.write(&secret("deletion_policy = \"destroy\""));
    aws.workspace.apply(&[]).succeeds();
    aws.workspace.destroy().succeeds();
    assert_eq!(
        aws.boto3("print(client.list_secrets(IncludePlannedDeletion=True)['SecretList'])"),
        "[]"
    );
}

fn options_and_tags(workspace: &mut Workspace) {
    let Some(mut aws) = account(workspace, "aws::options_and_tags") else { return };
    let with = |replicas: &str| {
        secret(&format!(
            "description = \"for people\"\n  content_type = \"text/plain; charset=utf-8\"\n  \
             expires_at = \"2099-01-01T00:00:00Z\"\n  tags = {{ env = \"prod\" }}\n  \
             options = {{\n    aws_secrets_manager = {{\n      kms_key_id = \"alias/app\"\n      \
             replica_regions = {replicas}\n    }}\n  }}"
        ))
    };
    let there = "client.describe_secret(SecretId='app/a')";
    let script = format!(
        "found = {there}\nprint(found['KmsKeyId'], found['Description'], \
         [r['Region'] for r in found.get('ReplicationStatus', [])])"
    );
    aws.value("one");
    let other = format!("{}-replica", aws.region);
    aws.write(&with(&format!("{{ \"{other}\" = \"alias/aws/secretsmanager\" }}")));
    aws.workspace.apply(&[]).succeeds();
    assert_eq!(aws.boto3(&script), format!("alias/app for people ['{other}']"));
    aws.workspace.plan(&[]).has_no_changes();
    aws.write(&with("{}"));
    aws.workspace.apply(&[]).succeeds().says("1 changed");
    aws.workspace.plan(&[]).has_no_changes();
    aws.workspace.destroy().succeeds();
}

fn imports(workspace: &mut Workspace) {
    let Some(mut aws) = account(workspace, "aws::imports") else { return };
    let arn = aws.boto3(
        "print(client.create_secret(Name='app/a', SecretString='theirs', \
         Tags=[{'Key': 'env', 'Value': 'prod'}])['ARN'])",
    );
    let block = |id: &str| {
        format!(
            "import {{\n  to = coffer_secret.a\n  id = \"aws/{id}\"\n}}\nresource \"coffer_secret\" \
             \"a\" {{\n  name = \"app/a\"\n  tags = {{ env = \"prod\" }}\n}}\n"
        )
    };
    for id in ["app/a", arn.as_str()] {
        aws.write(&block(id));
        aws.workspace.apply(&[]).succeeds().says("1 imported, 0 added, 0 changed");
        assert_eq!(aws.workspace.attribute("coffer_secret.a", "id"), "aws/app/a");
        assert_eq!(aws.workspace.attribute("coffer_secret.a", "backend_id"), arn);
        aws.workspace.plan(&[]).has_no_changes();
        aws.workspace.run(&["state", "rm", "coffer_secret.a"]).succeeds();
    }
    aws.write(&block("app/a"));
    aws.workspace.apply(&[]).succeeds();
    aws.write(&secret("tags = { env = \"prod\" }"));
    aws.value("theirs");
    aws.workspace.plan(&[]).has_no_changes();
    aws.value("ours");
    aws.workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(aws.current(), "ours");
    assert_eq!(aws.workspace.attribute("coffer_secret.a", "version"), "2");
}

/// A moto of its own that verifies every signature and every right.
fn signatures_and_policies(workspace: &mut Workspace) {
    workspace.env("COFFER_FINGERPRINT_KEY", KEY);
    let strict = match Moto::start(&[("INITIAL_NO_AUTH_ACTION_COUNT", "3")]) {
        Ok(strict) => strict,
        Err(reason) => return report_ignored("moto", "aws::signatures_and_policies", &reason),
    };
    let keys = strict.boto3(
        "us-east-1",
        "iam = boto3.client('iam')\niam.create_user(UserName='u')\n\
         policy = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Resource': '*', \
         'Action': ['secretsmanager:DescribeSecret', 'secretsmanager:CreateSecret', \
         'secretsmanager:ListSecrets']}]}\n\
         iam.put_user_policy(UserName='u', PolicyName='p', PolicyDocument=json.dumps(policy))\n\
         key = iam.create_access_key(UserName='u')['AccessKey']\n\
         print(key['AccessKeyId'], key['SecretAccessKey'])",
    );
    let (id, key) = keys.split_once(' ').expect("two keys");
    workspace.write("main.tf", &configuration(&strict.url(), "us-east-1", "", &secret("")));
    workspace.env("AWS_ACCESS_KEY_ID", id);
    workspace.env("AWS_SECRET_ACCESS_KEY", key);
    workspace.env("TF_VAR_value", "one");
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
    // Without the right to write, nothing is written, and nothing counts as gone.
    workspace.env("TF_VAR_value", "two");
    workspace.apply(&[]).fails().says("may not do this").never_says("two");
    workspace.env("AWS_SECRET_ACCESS_KEY", "canary-wrong-key");
    workspace.plan(&[]).fails().says("secret access key").never_says("canary-wrong-key");
    workspace.env("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN");
    workspace.plan(&[]).fails().says("credentials were not accepted");
    workspace.unset_env("AWS_ACCESS_KEY_ID");
    workspace.unset_env("AWS_SECRET_ACCESS_KEY");
    workspace.env("AWS_EC2_METADATA_DISABLED", "true");
    workspace.plan(&[]).fails().says("no AWS credentials were found");
}

fn nobody_there(workspace: &mut Workspace) {
    let Some(mut aws) = account(workspace, "aws::nobody_there") else { return };
    aws.write(&secret(""));
    aws.value("one");
    aws.workspace.apply(&[]).succeeds();
    let region = aws.region.clone();
    // Port 9 is closed: nothing listens there for hundreds of years.
    let text = configuration("http://127.0.0.1:9", &region, "retry_seconds = 1", &secret(""));
    workspace.write("main.tf", &text);
    let begin = Instant::now();
    workspace.plan(&[]).fails().says("127.0.0.1");
    assert!(begin.elapsed() < Duration::from_secs(40), "{:?}", begin.elapsed());
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
}

fn no_traces(workspace: &mut Workspace) {
    let Some(mut aws) = account(workspace, "aws::no_traces") else { return };
    let canaries = [Canary::new(), Canary::new(), Canary::of("qzjxkvbwyhuprtgmwkzqjxvbhyqz")];
    let search = Search::new(&canaries);
    let log = aws.workspace.root().join("trace.log");
    aws.workspace.env("TF_LOG", "TRACE");
    aws.workspace.env("TF_LOG_PATH", &log.to_string_lossy());
    aws.workspace.env("AWS_SECRET_ACCESS_KEY", canaries[2].text());
    aws.workspace.env("AWS_SESSION_TOKEN", canaries[2].text());
    aws.write(&secret(""));
    for canary in &canaries[..2] {
        aws.value(canary.text());
        let outcome = aws.workspace.apply(&[]).succeeds();
        search.assert_none_in("apply", &outcome.text());
    }
    let outcome = aws.workspace.plan(&[]).has_no_changes();
    search.assert_none_in("plan", &outcome.text());
    let region = aws.region.clone();
    let text = configuration("http://127.0.0.1:9", &region, "retry_seconds = 0", &secret(""));
    aws.workspace.write("main.tf", &text);
    aws.value(canaries[0].text());
    let outcome = aws.workspace.apply(&[]).fails();
    search.assert_none_in("apply", &outcome.text());
    let searched = search.assert_none_below(aws.workspace.root());
    assert!(searched.has("trace.log") && searched.has("terraform.tfstate"));
    let log = std::fs::read_to_string(log).expect("there is a log");
    assert!(log.contains("operation=put_version"), "requests are in the log");
}
