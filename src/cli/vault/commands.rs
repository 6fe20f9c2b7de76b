//! What the subcommands of `vault` do.

use anyhow::{Context as _, anyhow, bail};
use coffer::adapters::embedded::{Embedded, KeySource, MasterKey, default_key_file};
use coffer::domain::material::Secret;
use coffer::domain::port::{Backend as _, BackendError, ListFilter, SecretRecord, VersionSelector};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;

use super::{Command, Get, Rekey, backup, show};
use crate::cli::{Environment, output};

/// Runs one; false for a damaged vault.
pub(super) async fn run(
    command: &Command,
    backend: &Embedded,
    environment: &Environment,
) -> anyhow::Result<bool> {
    if !matches!(command, Command::Init | Command::Rekey(_)) {
        require_vault(backend)?;
    }
    match command {
        Command::Init => init(backend)?,
        Command::List { prefix, deleted, json } => {
            let filter = ListFilter { name_prefix: prefix.clone(), include_deleted: *deleted };
            let secrets = list(backend, &filter).await?;
            output::text(&if *json { show::list_json(&secrets) } else { show::list(&secrets) })?;
        }
        Command::Show { name, json } => {
            let record = backend.read(&parse(name)?).await.map_err(about(name))?;
            output::text(&if *json { show::secret_json(&record) } else { show::secret(&record) })?;
        }
        Command::History { name, json } => {
            let versions = backend.list_versions(&parse(name)?).await.map_err(about(name))?;
            output::text(&if *json {
                show::history_json(&versions)
            } else {
                show::history(&versions)
            })?;
        }
        Command::Get(arguments) => get(backend, arguments).await?,
        Command::Backup(arguments) => backup::backup(backend, arguments).await?,
        Command::Restore(arguments) => backup::restore(backend, arguments).await?,
        Command::Verify { json } => return verify(backend, *json),
        Command::Rekey(arguments) => rekey(backend, arguments, environment)?,
    }
    Ok(true)
}

/// Names the secret that a failure is about, instead of the operation.
pub(super) fn about(name: &str) -> impl FnOnce(BackendError) -> anyhow::Error {
    move |error| anyhow!("secret {name:?}: {}", error.message)
}

/// A vault that does not exist reads as empty; by hand, a mistyped path is more likely.
fn require_vault(backend: &Embedded) -> anyhow::Result<()> {
    if backend.vault().exists()? {
        return Ok(());
    }
    bail!(
        "there is no vault at {}. Give its --path, or create it with `vault init`",
        backend.vault().config().path.display()
    )
}

fn init(backend: &Embedded) -> anyhow::Result<()> {
    let vault = backend.vault();
    let path = vault.config().path.display();
    if !vault.init()? {
        output::text(&format!("The vault {path} exists already; nothing was changed."))?;
        return Ok(());
    }
    output::text(&format!("Created the vault {path}."))?;
    match &vault.config().key {
        KeySource::File(file) => {
            output::text(&format!(
                "Its master key is in {}, which only you can read.",
                file.display()
            ))?;
        }
        KeySource::Key(_) => output::text("It is protected by the key that was given.")?,
        KeySource::Passphrase(_) => {
            output::text("It is protected by the passphrase that was given.")?;
        }
    }
    output::text(
        "\nKeep the key (or passphrase) safe:\n  \
         - Without it nothing in the vault can be recovered, by anybody.\n  \
         - Keep a copy of it apart from the vault: whoever has both can read every secret.\n  \
         - The vault file may be committed to version control or copied; the key must not.",
    )?;
    Ok(())
}

async fn list(backend: &Embedded, filter: &ListFilter) -> anyhow::Result<Vec<SecretRecord>> {
    let mut secrets = Vec::new();
    let mut page = None;
    loop {
        let answer = backend.list(filter, page).await?;
        secrets.extend(answer.items);
        page = answer.next;
        if page.is_none() {
            return Ok(secrets);
        }
    }
}

async fn get(backend: &Embedded, arguments: &Get) -> anyhow::Result<()> {
    let selector = match (arguments.version, &arguments.state) {
        (Some(number), _) => VersionSelector::Number(number),
        (None, Some(state)) => {
            VersionSelector::State(RotationState::parse(state).with_context(|| {
                format!("{state:?} is no rotation state; use current, latest, pending or previous")
            })?)
        }
        (None, None) => VersionSelector::State(RotationState::Current),
    };
    let name = &arguments.name;
    let read = backend.read_content(&parse(name)?, selector).await.map_err(about(name))?;
    let content = read.content;
    let names: Vec<&str> = content.fields().iter().map(|(name, _)| name.as_str()).collect();
    let field = match (&arguments.field, &names[..]) {
        (Some(field), _) => field.as_str(),
        (None, [only]) => only,
        (None, _) => bail!(
            "the secret is of type {} and has the fields {}; choose one with --field",
            content.kind().code(),
            names.join(", ")
        ),
    };
    let value = content.field(field).with_context(|| {
        format!("the secret has no field {field:?}, it has {}", names.join(", "))
    })?;
    output::value(value.expose())?;
    Ok(())
}

fn verify(backend: &Embedded, json: bool) -> anyhow::Result<bool> {
    let verification = backend.vault().verify()?.context("the vault is gone")?;
    let text = if json {
        show::verification_json(&verification)
    } else {
        show::verification(&verification)
    };
    output::text(&text)?;
    Ok(verification.problems.is_empty())
}

fn rekey(backend: &Embedded, arguments: &Rekey, environment: &Environment) -> anyhow::Result<()> {
    let given = |name: &str| environment.get(name).filter(|text| !text.is_empty());
    let key = given("COFFER_EMBEDDED_NEW_KEY");
    let passphrase = given("COFFER_EMBEDDED_NEW_PASSPHRASE");
    let config = backend.vault().config();
    let new = match (&arguments.new_key_file, key, passphrase) {
        (Some(file), None, None) => KeySource::File(file.clone()),
        (None, Some(text), None) => KeySource::Key(
            MasterKey::parse(&Secret::from(text.as_str()))
                .map_err(|why| anyhow::anyhow!("COFFER_EMBEDDED_NEW_KEY: {why}"))?,
        ),
        (None, None, Some(text)) => KeySource::Passphrase(Secret::from(text.as_str())),
        (None, None, None) => match &config.key {
            KeySource::File(file) => KeySource::File(file.clone()),
            _ => bail!(
                "say what the new key is: --new-key-file {}, COFFER_EMBEDDED_NEW_KEY or COFFER_EMBEDDED_NEW_PASSPHRASE",
                default_key_file(&config.path).display()
            ),
        },
        _ => bail!(
            "give only one of --new-key-file, COFFER_EMBEDDED_NEW_KEY and COFFER_EMBEDDED_NEW_PASSPHRASE"
        ),
    };
    let notices = backend.vault().rekey(&new)?;
    output::text(&format!("The vault {} is protected by the new key.", config.path.display()))?;
    for notice in notices {
        output::text(&notice)?;
    }
    output::text("Copies of the vault made before still open with the old key only.")?;
    Ok(())
}

pub(super) fn parse(name: &str) -> anyhow::Result<SecretName> {
    Ok(SecretName::parse(name)?)
}
