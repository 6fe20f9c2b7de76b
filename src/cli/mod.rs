//! The command line: what the binary does when a person, a script or Terraform starts it.
//!
//! Responsible for arguments, exit codes and the choice between a subcommand, help and serving as
//! a plugin. Subcommands live in files of their own; [`output`] is the only place that prints.

mod docs;
mod output;
mod serve;
mod vault;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use coffer::plugin::transport::{Start, decide};

/// Name of the binary and package.
pub(crate) const NAME: &str = env!("CARGO_PKG_NAME");

/// The environment, as text.
pub(crate) type Environment = BTreeMap<String, String>;

const BY_HAND: &str = "\
This is a provider plugin: Terraform and OpenTofu start it themselves.

To use it, name it in a configuration and run `terraform init`:

    terraform {
      required_providers {
        coffer = { source = \"coffer/coffer\" }
      }
    }

To use this very file without a registry, put this into ~/.terraformrc (OpenTofu: ~/.tofurc) and
run `terraform plan` without `init`:

    provider_installation {
      dev_overrides { \"coffer/coffer\" = \"DIRECTORY\" }
      direct {}
    }

To do something by hand, see `terraform-provider-coffer --help`.";

/// Terraform and OpenTofu provider for secrets in any vault.
///
/// Started without arguments it serves Terraform, which does that by itself.
#[derive(Debug, Parser)]
#[command(name = NAME, version, disable_help_subcommand = true)]
struct Arguments {
    /// Serve until Ctrl-C and print how to attach Terraform to this process.
    #[arg(long)]
    debug: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look into an embedded vault, check it, change its key.
    Vault(vault::Vault),
    /// Write the documentation pages of the registry.
    Docs(docs::Arguments),
}

/// Runs what the arguments ask for.
pub(crate) fn run(environment: &Environment) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error),
    };
    match arguments.command {
        Some(Command::Vault(arguments)) => vault(&arguments, environment),
        Some(Command::Docs(arguments)) => finish(docs::command(&arguments)),
        None if arguments.debug => finish(serve::debug(environment)),
        None => plugin(environment),
    }
}

/// A vault that is found damaged is a failure, but not of the command.
fn vault(arguments: &vault::Vault, environment: &Environment) -> ExitCode {
    match vault::run(arguments, environment) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => finish(Err(error)),
    }
}

/// Go programs take long options with one dash too, so people and tools write them that way.
fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    given
        .map(|argument| match argument.to_str() {
            Some("-debug") => "--debug".into(),
            Some("-version") => "--version".into(),
            Some("-help") => "--help".into(),
            _ => argument,
        })
        .collect()
}

/// Serves if a command line started us, explains otherwise.
fn plugin(environment: &Environment) -> ExitCode {
    match decide(environment, cfg!(unix)) {
        Ok(Start::Plugin(launch)) => finish(serve::plugin(environment, launch)),
        Ok(Start::ByHand) => {
            let directory = std::env::current_exe()
                .ok()
                .and_then(|file| Some(file.parent()?.display().to_string()))
                .unwrap_or_else(|| "DIRECTORY".to_owned());
            output::error(&BY_HAND.replace("DIRECTORY", &directory));
            ExitCode::FAILURE
        }
        Err(error) => finish(Err(error.into())),
    }
}

/// Help and version are answers; anything else is a mistake in the arguments.
fn explain(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            finish(output::text(text.trim_end()).map_err(Into::into))
        }
        _ => {
            output::error(text.trim_end());
            ExitCode::from(2)
        }
    }
}

/// Turns the outcome of a command into an exit code and tells the user about a failure.
fn finish(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&format!("Error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_well_formed() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn single_dashes_are_tolerated() {
        let given = ["x", "-debug"].map(OsString::from).into_iter();
        assert!(Arguments::try_parse_from(arguments(given)).unwrap().debug);
    }
}
