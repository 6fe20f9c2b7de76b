//! A process with an environment of its own that looks for a secret: this test binary again.
//!
//! Logs at the loudest level as the provider does. Everything it printed is searched for secrets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use coffer::adapters::aws_secrets_manager::DESCRIPTOR;
use coffer::adapters::descriptor::{ArgumentKind, Setting, Settings};
use coffer::domain::port::ErrorKind;
use coffer::domain::secret::SecretName;
use coffer::plugin::transport::logging;
use tempfile::TempDir;

use super::account::{Account, Keys, REGION};
use crate::support::canary::{Canary, Search};

/// What a child says whose keys were accepted.
pub const SIGNED_IN: &str = "signed in";

const SETTINGS: &str = "COFFER_TEST_AWS_SETTINGS";
const PAUSE: &str = "COFFER_TEST_AWS_PAUSE";

/// Looks for a secret that is not there, twice if there is a pause, and says what it was told.
#[test]
#[ignore = "a child process of the tests beside it; does nothing by itself"]
fn child() {
    let Ok(given) = std::env::var(SETTINGS) else { return };
    logging::start(&std::env::vars().collect(), "coffer");
    let given: BTreeMap<String, String> = serde_json::from_str(&given).unwrap();
    let mut settings = Settings::default();
    for argument in DESCRIPTOR.arguments {
        let Some(value) = given.get(argument.name) else { continue };
        let value = match argument.kind {
            ArgumentKind::Secret => Setting::Secret(value.as_str().into()),
            ArgumentKind::Integer => Setting::Integer(value.parse().unwrap()),
            _ => Setting::Text(value.clone()),
        };
        settings.set(argument.name, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let backend = (DESCRIPTOR.open)(settings).expect("the settings are fine");
    let name = SecretName::parse("app/nothing").unwrap();
    let look = || {
        let error = runtime.block_on(backend.read(&name)).expect_err("there is nothing");
        if error.kind == ErrorKind::NotFound {
            println!("> {SIGNED_IN}");
        } else {
            println!("> {:?}: {error}", error.kind);
            println!("{error:?}");
        }
    };
    look();
    if let Ok(pause) = std::env::var(PAUSE) {
        std::thread::sleep(Duration::from_millis(pause.parse().unwrap()));
        look();
    }
}

/// A process to be started, with a home directory.
pub struct Child<'a> {
    account: &'a Account,
    home: TempDir,
    variables: BTreeMap<String, String>,
    settings: BTreeMap<&'static str, String>,
}

impl<'a> Child<'a> {
    /// Knows where the account's Secrets Manager and the machine's metadata are, and nothing else.
    pub fn of(account: &'a Account) -> Self {
        let child = Self {
            account,
            home: tempfile::tempdir().unwrap(),
            variables: BTreeMap::new(),
            settings: BTreeMap::new(),
        };
        child
            .with("AWS_REGION", REGION)
            .with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &account.url())
            .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &account.url())
            .with("TF_LOG", "TRACE")
    }

    /// With a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With keys in the environment.
    pub fn with_keys(self, keys: &Keys) -> Self {
        let child =
            self.with("AWS_ACCESS_KEY_ID", &keys.id).with("AWS_SECRET_ACCESS_KEY", &keys.secret);
        match &keys.token {
            Some(token) => child.with("AWS_SESSION_TOKEN", token),
            None => child,
        }
    }

    /// With an argument of the profile.
    pub fn set(mut self, name: &'static str, value: &str) -> Self {
        self.settings.insert(name, value.to_owned());
        self
    }

    /// With a file below its home directory.
    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A path below its home directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// Looks once.
    pub async fn looks(self) -> Vec<String> {
        self.run().await
    }

    /// Looks, waits and looks again.
    pub async fn looks_again_after(self, pause: Duration) -> Vec<String> {
        self.with(PAUSE, &pause.as_millis().to_string()).run().await
    }

    async fn run(self) -> Vec<String> {
        let Self { account, home, variables, settings } = self;
        let settings = serde_json::to_string(&settings).unwrap();
        let output = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--ignored", "--exact", "aws_secrets_manager::child::child"]);
            command.arg("--nocapture").env_clear().env("PATH", "/usr/bin:/bin");
            command.env("HOME", home.path()).env(SETTINGS, settings).envs(variables);
            command.current_dir(home.path()).output().unwrap()
        });
        let output = output.await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let logged = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}{logged}");
        assert!(!said.contains(SIGNED_IN) || logged.contains("operation"), "{said}: a log");
        let canaries: Vec<_> = account.secrets().iter().map(|text| Canary::of(text)).collect();
        let search = Search::new(&canaries);
        search.assert_none_in("what it said", &said);
        search.assert_none_in("the log", &logged);
        said.lines().filter_map(|line| Some(line.strip_prefix("> ")?.to_owned())).collect()
    }
}

/// Name of the file in which `aws sso login` leaves the token of a session or start URL.
pub fn cached_token(of: &str) -> String {
    let digest = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
    let digest = aws_lc_rs::digest::digest(digest, of.as_bytes());
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Path::new(".aws/sso/cache").join(hex + ".json").to_string_lossy().into_owned()
}
