//! `terraform-provider-coffer vault`: what it prints, what it never prints, and exit codes.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use coffer::domain::port::{Backend as _, MetadataPatch};
use tempfile::TempDir;

use super::{Bench, name};

const VALUE: &str = "value-8c1fd2-of-the-secret";
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The command line in a directory of its own, with nothing of the tests' environment.
struct Shell {
    directory: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Shell {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// With a vault that holds `app/token` in two versions and a deleted `old`.
    fn with_secrets() -> Self {
        let bench = Bench::new();
        bench.create("app/token", b"first").unwrap();
        bench.put("app/token", VALUE.as_bytes()).unwrap();
        bench.create("old", b"gone").unwrap();
        bench.runtime.block_on(async {
            let patch = MetadataPatch {
                description: Some(Some("token of\u{7} the app".to_owned())),
                tags: Some([("team".to_owned(), "blue".to_owned())].into()),
                ..MetadataPatch::default()
            };
            bench.backend.update_metadata(&name("app/token"), patch).await.unwrap();
            bench.backend.soft_delete(&name("old"), None).await.unwrap();
        });
        let directory = std::sync::Arc::into_inner(bench.close()).unwrap();
        Self { directory, variables: Vec::new() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_terraform-provider-coffer"));
        command
            .arg("vault")
            .args(["--path", "vault.db"])
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a successful command prints.
    fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a failed command says on standard error; it prints nothing.
    fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.directory.path().join(file)
    }
}

#[test]
fn init_creates_a_vault_once_and_says_what_to_keep_safe() {
    let shell = Shell::new();
    let said = shell.prints(&["init"]);
    assert!(
        said.contains("vault.db.key") && said.contains("nothing in the vault can be recovered")
    );
    assert!(shell.path("vault.db.key").exists());
    let before = fs::read(shell.path("vault.db")).unwrap();
    assert!(shell.prints(&["init"]).contains("exists already"));
    assert!(fs::read(shell.path("vault.db")).unwrap() == before);
    assert_eq!(shell.prints(&["list"]), "There are no secrets.\n");
    assert!(shell.prints(&["verify"]).contains("every byte"));
}

#[test]
fn a_missing_vault_is_an_error_and_stays_missing() {
    let shell = Shell::new();
    for arguments in [&["list"][..], &["get", "a"], &["verify"], &["rekey"]] {
        let said = shell.fails(arguments, 1);
        assert!(said.contains("vault init"), "{said}");
    }
    assert!(!shell.path("vault.db").exists());
}

#[test]
fn get_prints_the_value_and_nothing_else_does() {
    let shell = Shell::with_secrets();
    assert_eq!(shell.prints(&["get", "app/token"]), VALUE);
    assert_eq!(shell.prints(&["get", "app/token", "--version", "1"]), "first");
    assert_eq!(shell.prints(&["get", "app/token", "--state", "previous"]), "first");
    assert_eq!(shell.prints(&["get", "app/token", "--field", "value"]), VALUE);
    for arguments in [
        &["list"][..],
        &["list", "--json", "--deleted"],
        &["show", "app/token"],
        &["show", "app/token", "--json"],
        &["history", "app/token"],
        &["history", "app/token", "--json"],
        &["verify"],
        &["rekey"],
    ] {
        let output = shell.run(arguments);
        let all = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(all).unwrap();
        assert!(!text.contains(VALUE) && !text.contains("first"), "{arguments:?}: {text}");
    }
}

#[test]
fn get_says_what_there_is_when_asked_for_something_else() {
    let shell = Shell::with_secrets();
    assert!(shell.fails(&["get", "app/tok"], 1).contains("no secret of this name"));
    assert!(shell.fails(&["get", "old"], 1).contains("recover"));
    assert!(shell.fails(&["get", "app/token", "--field", "password"], 1).contains("it has value"));
    assert!(shell.fails(&["get", "app/token", "--state", "newest"], 1).contains("previous"));
    assert!(shell.fails(&["get", "app/token", "--version", "9"], 1).contains("no version 9"));
    shell.fails(&["get", "app/token", "--version", "1", "--state", "current"], 2);
    shell.fails(&["get"], 2);
}

#[test]
fn tables_and_json_show_metadata() {
    let shell = Shell::with_secrets();
    let list = shell.prints(&["list"]);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(lines[0].starts_with("NAME       TYPE     VERSION  STATE   UPDATED"), "{list}");
    assert!(lines[1].starts_with("app/token  generic  2        active  "), "{list}");
    assert!(shell.prints(&["list", "--deleted"]).contains("deleted until "));
    assert_eq!(shell.prints(&["list", "nothing/"]), "There are no secrets.\n");

    let show = shell.prints(&["show", "app/token"]);
    assert!(show.contains("Tag              team = blue"), "{show}");
    assert!(show.contains("token of  the app"), "control characters stay out: {show:?}");
    let json: serde_json::Value =
        serde_json::from_str(&shell.prints(&["show", "app/token", "--json"])).unwrap();
    assert_eq!(json["tags"]["team"], "blue");
    assert_eq!(json["current"]["number"], 2);
    let json: serde_json::Value =
        serde_json::from_str(&shell.prints(&["history", "app/token", "--json"])).unwrap();
    assert_eq!(json[0]["rotation_states"][0], "previous");
}

#[test]
fn verify_fails_for_a_damaged_vault() {
    let shell = Shell::with_secrets();
    assert!(shell.prints(&["verify"]).contains("sound"));
    let mut file = fs::read(shell.path("vault.db")).unwrap();
    let middle = file.len() / 2;
    file[middle] ^= 1;
    fs::write(shell.path("vault.db"), file).unwrap();
    assert!(!shell.run(&["verify"]).status.success());
}

#[test]
fn keys_come_from_variables_options_and_standard_input() {
    let mut shell = Shell::new();
    shell.variables.push(("COFFER_EMBEDDED_KEY", KEY.to_owned()));
    assert!(shell.prints(&["init"]).contains("the key that was given"));
    assert!(!shell.path("vault.db.key").exists());
    shell.prints(&["list"]);
    shell.variables[0].1 = KEY.replace('M', "N");
    assert!(shell.fails(&["list"], 1).contains("does not open this vault"));

    // From the key to a passphrase, and on to a key file.
    shell.variables[0].1 = KEY.to_owned();
    shell.variables.push(("COFFER_EMBEDDED_NEW_PASSPHRASE", "correct horse".to_owned()));
    shell.prints(&["rekey"]);
    shell.variables.clear();
    assert!(shell.fails(&["list"], 1).contains("passphrase"));
    assert!(piped(&shell, &["--passphrase-stdin", "list"], "correct horse\n").status.success());
    assert!(!piped(&shell, &["--passphrase-stdin", "list"], "wrong horse\n").status.success());
    let arguments = ["--passphrase-stdin", "rekey", "--new-key-file", "mine.key"];
    assert!(piped(&shell, &arguments, "correct horse\n").status.success());
    shell.prints(&["list", "--key-file", "mine.key"]);
    assert!(Path::new(&shell.path("mine.key")).exists());
}

fn piped(shell: &Shell, arguments: &[&str], input: &str) -> Output {
    let mut child = shell
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn backup_brings_a_destroyed_secret_back() {
    let shell = Shell::with_secrets();
    let said = shell.prints(&["backup", "app/token", "--out", "token.backup"]);
    assert!(said.contains("token.backup") && !said.contains(VALUE), "{said}");
    let backup = fs::read(shell.path("token.backup")).unwrap();
    for plain in [VALUE, "first", "app/token", "token of", "team"] {
        let found = backup.windows(plain.len()).any(|window| window == plain.as_bytes());
        assert!(!found, "the backup shows {plain:?}");
    }
    let before = shell.prints(&["history", "app/token"]);

    // While the name is taken, nothing is touched.
    let said = shell.fails(&["restore", "token.backup"], 1);
    assert!(said.contains("token.backup"), "{said}");
    assert_eq!(shell.prints(&["history", "app/token"]), before);

    super::runtime()
        .block_on(super::open(&shell.path("vault.db")).purge(&name("app/token")))
        .unwrap();
    shell.fails(&["get", "app/token"], 1);
    let said = shell.prints(&["restore", "token.backup"]);
    assert!(said.contains("app/token") && said.contains("number 2"), "{said}");
    assert_eq!(shell.prints(&["get", "app/token"]), VALUE);
    assert_eq!(shell.prints(&["get", "app/token", "--version", "1"]), "first");
}

#[test]
fn backup_is_private_and_overwrites_nothing() {
    let shell = Shell::with_secrets();
    fs::write(shell.path("there"), "precious").unwrap();
    let said = shell.fails(&["backup", "app/token", "--out", "there"], 1);
    assert!(said.contains("exists already"), "{said}");
    assert_eq!(fs::read_to_string(shell.path("there")).unwrap(), "precious");
    let said = shell.fails(&["backup", "nothing", "--out", "new"], 1);
    assert!(said.contains("nothing") && !shell.path("new").exists(), "{said}");
    shell.fails(&["backup", "app/token", "--out", "no/such/folder"], 1);
    shell.prints(&["backup", "app/token", "--out", "new"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(shell.path("new")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn restore_refuses_what_is_no_backup_of_this_vault() {
    let (shell, other) = (Shell::with_secrets(), Shell::with_secrets());
    other.prints(&["backup", "app/token", "--out", "foreign"]);
    fs::copy(other.path("foreign"), shell.path("foreign")).unwrap();
    let said = shell.fails(&["restore", "foreign"], 1);
    assert!(said.contains("another vault"), "{said}");
    fs::write(shell.path("text"), "hello").unwrap();
    assert!(shell.fails(&["restore", "text"], 1).contains("not a backup"));
    shell.prints(&["backup", "app/token", "--out", "own"]);
    let mut damaged = fs::read(shell.path("own")).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(shell.path("own-damaged"), damaged).unwrap();
    assert!(shell.fails(&["restore", "own-damaged"], 1).contains("damaged"));
    assert!(shell.fails(&["restore", "missing"], 1).contains("missing"));
}
