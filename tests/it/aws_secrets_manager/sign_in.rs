//! Every kind of sign-in: the right keys sign, expired ones are replaced, and failures are told
//! without what is secret (each child's output and log are searched).

use std::time::Duration;

use coffer::adapters::aws_secrets_manager::DESCRIPTOR;
use coffer::adapters::descriptor::{Setting, Settings};
use coffer::domain::port::ErrorKind;
use coffer::domain::secret::SecretName;

use super::account::{Account, ROLE};
use super::child::{Child, SIGNED_IN, cached_token};
use crate::support::cli::report_ignored;
use crate::support::moto::Moto;

/// How long short-lived keys live. They are replaced when a fifth of that is left.
const SHORT: Duration = Duration::from_secs(3);

/// What was issued signs; what expires or is refused as expired is replaced.
async fn issues_and_renews<'a>(
    account: &'a Account,
    child: impl Fn() -> Child<'a>,
    ids: impl Fn(usize) -> String,
) {
    assert_eq!(child().looks().await, [SIGNED_IN]);
    assert_eq!(account.signed(), [ids(0)]);
    // Expired by its date.
    account.lasting(SHORT);
    assert_eq!(child().looks_again_after(SHORT).await, [SIGNED_IN; 2]);
    assert_eq!(account.signed()[1..], [ids(1), ids(2)]);
    // Expired in the eyes of the service.
    account.lasting(Duration::from_secs(3600));
    account.revoke(&ids(3));
    assert_eq!(child().looks().await, [SIGNED_IN]);
    assert_eq!(account.signed()[3..], [ids(3), ids(4)]);
}

/// Ids of temporary keys, when this many others were made before.
fn temporary(before: usize) -> impl Fn(usize) -> String {
    move |number| format!("ASIA{:016}", before + number + 1)
}

/// One refusal, with these words.
#[track_caller]
fn refused(said: &[String], words: &[&str]) {
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("Unauthenticated: "), "{said:?}");
    for word in words {
        assert!(said[0].contains(word), "{word}: {said:?}");
    }
}

#[tokio::test]
async fn nothing_at_all_is_told_with_what_there_is() {
    let account = Account::start().await;
    refused(&Child::of(&account).looks().await, &["no AWS credentials were found", "sso login"]);
    assert!(account.signed().is_empty());
}

#[tokio::test]
async fn keys_of_the_environment() {
    let account = Account::start().await;
    let keys = account.made();
    assert_eq!(Child::of(&account).with_keys(&keys).looks().await, [SIGNED_IN]);
    assert_eq!(account.signed(), [keys.id.as_str()]);
    let wrong = Child::of(&account).with_keys(&keys).with("AWS_SECRET_ACCESS_KEY", "canary-wrong");
    refused(&wrong.looks().await, &["signature"]);
    let half = Child::of(&account).with("AWS_ACCESS_KEY_ID", &keys.id);
    refused(&half.looks().await, &["no AWS credentials"]);
    // They cannot be renewed: the service is asked no more than twice.
    account.revoke(&keys.id);
    let before = account.signed().len();
    refused(&Child::of(&account).with_keys(&keys).looks().await, &["expired"]);
    assert!(account.signed().len() <= before + 2, "{:?}", account.signed());
}

#[tokio::test]
async fn keys_of_a_shared_profile() {
    let account = Account::start().await;
    let (ours, theirs) = (account.made(), account.made());
    let file = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n\n\
         [team]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        theirs.id, theirs.secret, ours.id, ours.secret
    );
    let child = || Child::of(&account).file(".aws/credentials", &file);
    assert_eq!(child().set("shared_config_profile", "team").looks().await, [SIGNED_IN]);
    assert_eq!(child().with("AWS_PROFILE", "team").looks().await, [SIGNED_IN]);
    assert_eq!(child().looks().await, [SIGNED_IN]);
    assert_eq!(account.signed(), [&ours.id, &ours.id, &theirs.id].map(Clone::clone));
    refused(&child().set("shared_config_profile", "nobody").looks().await, &["nobody"]);
    let moved = Child::of(&account).file("elsewhere", &file);
    let place = moved.path("elsewhere").display().to_string();
    let moved = moved.with("AWS_SHARED_CREDENTIALS_FILE", &place);
    assert_eq!(moved.looks().await, [SIGNED_IN]);
    let broken = file.replace("[team]", "team]");
    let broken = Child::of(&account).file(".aws/credentials", &broken);
    refused(&broken.looks().await, &["configuration"]);
}

#[tokio::test]
async fn credential_process() {
    let account = Account::start().await;
    let keys: Vec<_> = (0..6).map(|_| account.made()).collect();
    let child = |first: usize, lasting: &str| {
        let mut child = Child::of(&account)
            .file(".aws/config", "[profile tool]\ncredential_process = sh ./tool canary-argument\n")
            .file(
                "tool",
                &format!(
                    "n=$(cat next); echo $((n + 1)) > next; at=$(date -u -d '{lasting}' \
                     +%Y-%m-%dT%H:%M:%SZ)\nsed \"s/WHEN/$at/\" keys-$n\n"
                ),
            )
            .file("next", &first.to_string());
        for (number, keys) in keys.iter().enumerate() {
            let document = serde_json::json!({
                "Version": 1, "AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
                "Expiration": "WHEN",
            });
            child = child.file(&format!("keys-{number}"), &document.to_string());
        }
        child.set("shared_config_profile", "tool")
    };
    assert_eq!(child(0, "+1 hour").looks().await, [SIGNED_IN]);
    assert_eq!(child(1, "+3 seconds").looks_again_after(SHORT).await, [SIGNED_IN; 2]);
    account.revoke(&keys[3].id);
    assert_eq!(child(3, "+1 hour").looks().await, [SIGNED_IN]);
    let ids: Vec<_> = keys[..5].iter().map(|keys| keys.id.clone()).collect();
    assert_eq!(account.signed(), ids);
    // What it prints may be anything.
    let bearer = account.bearer();
    for script in [
        format!("echo {bearer} >&2; exit 3"),
        format!("echo {bearer}"),
        format!("echo '{{\"Version\": 1, \"AccessKeyId\": \"{bearer}\", \"Secret\": 5}}'"),
        format!("echo '{{\"Version\": \"{bearer}\"}}'"),
        format!(
            "echo '{{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"{bearer}\", \
             \"Expiration\": \"{bearer}\"}}'"
        ),
        "exit 0".to_owned(),
    ] {
        let said = child(0, "now").file("tool", &script).looks().await;
        refused(&said, &["credential process failed; run it by hand"]);
    }
}

#[tokio::test]
async fn assumed_role_of_the_profile() {
    let account = Account::start().await;
    let keys = account.made();
    let child = || {
        Child::of(&account)
            .set("access_key_id", &keys.id)
            .set("secret_access_key", &keys.secret)
            .set("assume_role_arn", ROLE)
            .set("sts_endpoint", &account.url())
    };
    issues_and_renews(&account, child, temporary(1)).await;
    assert_eq!(account.asked(), ["AssumeRole"; 5]);
    let wrong = child().set("secret_access_key", "canary-wrong");
    let words = ["AccessDenied: Not authorized to perform sts:AssumeRole"];
    refused(&wrong.looks().await, &words);
    let down = child().set("sts_endpoint", "http://127.0.0.1:9").set("retry_seconds", "1");
    let said = down.looks().await;
    assert!(said[0].starts_with("Unavailable: ") && said[0].contains("not reached"), "{said:?}");
}

#[tokio::test]
async fn assumed_role_of_a_shared_profile() {
    let account = Account::start().await;
    let keys = account.made();
    let file = format!(
        "[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n\n\
         [profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\n",
        keys.id, keys.secret
    );
    let child = || {
        let child = Child::of(&account).file(".aws/config", &file).with("AWS_PROFILE", "deploy");
        child.with("AWS_ENDPOINT_URL_STS", &account.url())
    };
    issues_and_renews(&account, child, temporary(1)).await;
    // An address for all services is one for this, too; and a role can assume a role.
    let twice = Child::of(&account).file(".aws/config", &file).with("AWS_PROFILE", "deploy");
    let twice = twice.with("AWS_ENDPOINT_URL", &account.url()).set("assume_role_arn", ROLE);
    assert_eq!(twice.looks().await, [SIGNED_IN]);
    assert_eq!(account.signed().last(), Some(&temporary(1)(6)));
    account.refuses(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>No</Message></Error></ErrorResponse>");
    refused(&child().looks().await, &["AccessDenied"]);
    let lost = file.replace("source_profile = base", "source_profile = nobody");
    let lost = Child::of(&account).file(".aws/config", &lost).with("AWS_PROFILE", "deploy");
    refused(&lost.looks().await, &["nobody"]);
}

#[tokio::test]
async fn web_identity() {
    let account = Account::start().await;
    let child = |token: &str| {
        let child = Child::of(&account).file("token", token);
        let path = child.path("token").display().to_string();
        child
            .with("AWS_WEB_IDENTITY_TOKEN_FILE", &path)
            .with("AWS_ROLE_ARN", ROLE)
            .with("AWS_ROLE_SESSION_NAME", "pipeline")
            .with("AWS_ENDPOINT_URL_STS", &account.url())
    };
    let bearer = account.bearer();
    issues_and_renews(&account, || child(&bearer), temporary(0)).await;
    assert_eq!(account.asked(), ["AssumeRoleWithWebIdentity"; 5]);
    refused(&child("canary-other").looks().await, &["AccessDenied"]);
    let body = "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>The token BEARER is \
                not for us</Message></Error></ErrorResponse>";
    account.refuses(400, body);
    refused(&child(&bearer).looks().await, &["InvalidIdentityToken"]);
    let missing = child(&bearer).with("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token");
    refused(&missing.looks().await, &["No such file"]);
}

#[tokio::test]
async fn container() {
    let account = Account::start().await;
    let child = |token: &str| {
        let child = Child::of(&account).file("token", token);
        let path = child.path("token").display().to_string();
        child
            .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/container", account.url()))
            .with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &path)
    };
    let bearer = account.bearer();
    issues_and_renews(&account, || child(&bearer), temporary(0)).await;
    assert_eq!(account.asked(), ["GET /container"; 5]);
    refused(&child("another").looks().await, &["signing in to AWS failed"]);
    // A line end after the token makes no header.
    refused(&child(&format!("{bearer}\n")).looks().await, &["configuration"]);
    account.refuses(400, r#"{"code": "BEARER", "message": "the token BEARER is too old"}"#);
    refused(&child(&bearer).looks().await, &["signing in to AWS failed"]);
    let far = child(&bearer).with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/x");
    refused(&far.looks().await, &["configuration"]);
}

#[tokio::test]
async fn role_of_the_machine() {
    let account = Account::start().await;
    account.gives_the_machine_a_role();
    issues_and_renews(&account, || Child::of(&account), temporary(0)).await;
    let asked = account.asked();
    assert_eq!(
        asked.iter().filter(|what| *what == "PUT /latest/api/token").count(),
        3,
        "{asked:?}"
    );
    let off = Child::of(&account).with("AWS_EC2_METADATA_DISABLED", "true");
    refused(&off.looks().await, &["no AWS credentials were found"]);
    account.refuses(200, r#"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "BEARER"}"#);
    refused(&Child::of(&account).looks().await, &["AssumeRoleUnauthorizedAccess"]);
    account.refuses(500, "BEARER");
    refused(&Child::of(&account).looks().await, &["signing in to AWS failed"]);
}

#[tokio::test]
async fn sso() {
    let account = Account::start().await;
    let start = "https://example.awsapps.com/start";
    let config = format!(
        "[profile old]\nsso_start_url = {start}\nsso_region = {region}\n\
         sso_account_id = 123456789012\nsso_role_name = deploy\n\n\
         [profile new]\nsso_session = team\nsso_account_id = 123456789012\nsso_role_name = deploy\n\n\
         [sso-session team]\nsso_start_url = {start}\nsso_region = {region}\n",
        region = super::account::REGION
    );
    let bearer = account.bearer();
    let token = |expires: &str| {
        let token = serde_json::json!({
            "startUrl": start, "region": super::account::REGION, "accessToken": bearer,
            "expiresAt": expires,
        });
        token.to_string()
    };
    let child = |profile: &str, of: &str, expires: &str| {
        Child::of(&account)
            .file(".aws/config", &config)
            .file(&cached_token(of), &token(expires))
            .set("shared_config_profile", profile)
            .with("AWS_ENDPOINT_URL_SSO", &account.url())
    };
    let valid = "2099-01-01T00:00:00Z";
    issues_and_renews(&account, || child("new", "team", valid), temporary(0)).await;
    assert_eq!(account.asked(), ["GET /federation/credentials"; 5]);
    assert_eq!(child("old", start, valid).looks().await, [SIGNED_IN]);
    let login = ["aws sso login"];
    refused(&child("new", "team", "2020-01-01T00:00:00Z").looks().await, &login);
    // The older form leaves it to the portal whether a token has expired.
    assert_eq!(child("old", start, "2020-01-01T00:00:00Z").looks().await, [SIGNED_IN]);
    refused(&child("old", "nowhere", valid).looks().await, &login);
    account.refuses(401, r#"{"message": "the token BEARER is unknown"}"#);
    refused(&child("new", "team", valid).looks().await, &login);
    refused(&child("old", start, valid).looks().await, &login);
}

/// moto issues the role's keys, and verifies what they sign and may do.
#[tokio::test]
async fn assumed_role_at_moto() {
    let strict = match Moto::start(&[("INITIAL_NO_AUTH_ACTION_COUNT", "5")]) {
        Ok(strict) => strict,
        Err(reason) => {
            let test = "aws_secrets_manager::sign_in::assumed_role_at_moto";
            return report_ignored("moto", test, &reason);
        }
    };
    let script = r"
iam = boto3.client('iam')
def policy(**statement):
    return json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', **statement}]})
iam.create_user(UserName='u')
may = policy(Action='sts:AssumeRole', Resource='*')
iam.put_user_policy(UserName='u', PolicyName='p', PolicyDocument=may)
key = iam.create_access_key(UserName='u')['AccessKey']
trust = policy(Action='sts:AssumeRole', Principal={'AWS': '*'})
role = iam.create_role(RoleName='r', AssumeRolePolicyDocument=trust)['Role']
may = policy(Action='secretsmanager:DescribeSecret', Resource='*')
iam.put_role_policy(RoleName='r', PolicyName='p', PolicyDocument=may)
print(key['AccessKeyId'], key['SecretAccessKey'], role['Arn'])";
    let said = strict.boto3("us-east-1", script);
    let [id, secret, role] = said.split(' ').collect::<Vec<_>>().try_into().expect("three words");
    let open = |role: Option<&str>| {
        let mut settings = Settings::default();
        let url = strict.url();
        for (name, value) in [
            ("region", Some("us-east-1")),
            ("endpoint", Some(url.as_str())),
            ("sts_endpoint", Some(url.as_str())),
            ("access_key_id", Some(id)),
            ("assume_role_arn", role),
        ] {
            if let Some(value) = value {
                settings.set(name, Setting::Text(value.to_owned()));
            }
        }
        settings.set("secret_access_key", Setting::Secret(secret.into()));
        (DESCRIPTOR.open)(settings).expect("the settings are fine")
    };
    let name = SecretName::parse("app/nothing").unwrap();
    let error = open(Some(role)).read(&name).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    let error = open(None).read(&name).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
}
