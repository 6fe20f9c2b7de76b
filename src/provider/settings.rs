//! How the arguments of a profile become a backend's settings.
//!
//! Responsible for taking each argument that the backend's descriptor declares from the
//! configuration, else from its environment variable. Leaves what the arguments mean to the
//! backend.

use crate::adapters::descriptor::{
    Argument, ArgumentKind, Descriptor, InvalidSettings, Setting, Settings,
};
use crate::domain::material::Secret;
use crate::plugin::framework::number::Number;
use crate::plugin::framework::value::Value;

/// The settings that a profile gives to its backend.
///
/// # Errors
/// A missing argument, or an environment variable that does not fit.
pub(super) fn settings(backend: &Descriptor, given: &Value) -> Result<Settings, InvalidSettings> {
    let mut settings = Settings::default();
    for argument in backend.arguments {
        set(argument, given.get(argument.name), &mut settings)
            .map_err(|message| InvalidSettings::of(argument.name, message))?;
    }
    Ok(settings)
}

/// What coffer calls itself towards a service. Vendors ask for the caller's version, and operators
/// mark their runs with `TF_APPEND_USER_AGENT`, as for every provider.
pub(super) fn user_agent(terraform_version: &str) -> String {
    let version = if terraform_version.is_empty() { "unknown" } else { terraform_version };
    let ours = env!("CARGO_PKG_VERSION");
    let mut agent = format!("Terraform/{version} terraform-provider-coffer/{ours}");
    if let Ok(more) = std::env::var("TF_APPEND_USER_AGENT") {
        let more: String = more.trim().chars().filter(|c| matches!(c, ' '..='~')).collect();
        if !more.is_empty() {
            agent.push(' ');
            agent.push_str(&more);
        }
    }
    agent
}

/// Sets an argument from the configuration, else from its environment variable.
fn set(argument: &Argument, given: &Value, settings: &mut Settings) -> Result<(), String> {
    if let Some(setting) = configured(argument.kind, given) {
        settings.set(argument.name, setting);
        return Ok(());
    }
    let variable = argument.env.and_then(|name| Some((name, std::env::var_os(name)?)));
    match variable {
        Some((name, text)) if !text.is_empty() => {
            let text = text
                .into_string()
                .map_err(|_| format!("The environment variable {name} is not text."))?;
            settings.set_from_environment(argument.name, parsed(argument.kind, name, text)?);
            Ok(())
        }
        _ if argument.required => Err(match argument.env {
            Some(name) => format!(
                "{} is not set. Set it in the profile or through the environment variable {name}.",
                argument.name
            ),
            None => format!("{} is not set. Set it in the profile.", argument.name),
        }),
        _ => Ok(()),
    }
}

fn configured(kind: ArgumentKind, given: &Value) -> Option<Setting> {
    match (kind, given) {
        (ArgumentKind::Text, Value::String(text)) => Some(Setting::Text(text.as_str().to_owned())),
        (ArgumentKind::Secret, Value::String(text)) => {
            Some(Setting::Secret(Secret::from(text.as_str())))
        }
        (ArgumentKind::Integer, number) => integer(number).map(Setting::Integer),
        (ArgumentKind::Bool, Value::Bool(flag)) => Some(Setting::Bool(*flag)),
        (ArgumentKind::TextList, Value::List(_)) => Some(Setting::TextList(texts(given))),
        _ => None,
    }
}

fn parsed(kind: ArgumentKind, variable: &str, text: String) -> Result<Setting, String> {
    let wrong = |what: &str| format!("The environment variable {variable} is not {what}.");
    match kind {
        ArgumentKind::Text => Ok(Setting::Text(text)),
        ArgumentKind::Secret => Ok(Setting::Secret(Secret::new(text.into_bytes()))),
        ArgumentKind::Integer => {
            text.trim().parse().map(Setting::Integer).map_err(|_| wrong("a whole number"))
        }
        ArgumentKind::Bool => match text.trim() {
            "true" | "1" => Ok(Setting::Bool(true)),
            "false" | "0" => Ok(Setting::Bool(false)),
            _ => Err(wrong("true or false")),
        },
        ArgumentKind::TextList => {
            let items = text.split(',').map(|item| item.trim().to_owned());
            Ok(Setting::TextList(items.filter(|item| !item.is_empty()).collect()))
        }
    }
}

/// A list or set of texts; empty for anything else.
pub(super) fn texts(list: &Value) -> Vec<String> {
    match list {
        Value::List(items) | Value::Set(items) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// A whole number.
pub(super) const fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(Number::Int(number)) => Some(*number),
        _ => None,
    }
}
