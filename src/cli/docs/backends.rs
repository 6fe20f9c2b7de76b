//! The guides to the backends: what each vault can do, and a page for each with the arguments of
//! its profiles, the options of its secrets and what its own `docs.md` tells.

use coffer::adapters::descriptor::{ArgumentKind, Descriptor, OptionChange, OptionKind, Stability};
use coffer::domain::port::{Capability, Lists};

use super::page::Examples;
use super::text;

const INTRODUCTION: &str = "\
A profile names a vault: one entry of `profiles` in the provider block, with exactly one backend
attribute. The same resources work on every backend; what differs is in the tables below, and a
plan refuses what a vault cannot hold or do before anything is changed.
";

/// The whole page.
pub(super) fn guide(backends: &[&Descriptor]) -> String {
    let mut page =
        text::head("Backends", None, "What each vault can do and its limits.", "Backends");
    page.push_str(INTRODUCTION);
    page.push_str("\n## What each vault can do\n\n");
    page.push_str(&text::table(&matrix(backends)));
    page.push_str("\n## Pages\n\n");
    for backend in backends {
        let file = file(backend);
        page.push_str(&format!("* [{}]({file}): {}\n", backend.title, backend.summary));
    }
    page
}

/// The page of one backend, below the documentation folder.
pub(super) fn path(backend: &Descriptor) -> String {
    format!("guides/{}", file(backend))
}

fn file(backend: &Descriptor) -> String {
    format!("backend-{}.md", backend.name.replace('_', "-"))
}

/// What the page of one backend says.
pub(super) fn own_page(backend: &Descriptor, examples: &Examples) -> anyhow::Result<String> {
    let mut page = text::head(backend.title, Some("Backends"), backend.summary, backend.title);
    page.push_str(backend.summary);
    page.push_str("\n\n## Example\n\n");
    page.push_str(&examples.blocks("provider", &format!("provider-{}", backend.name))?);
    page.push_str(&format!("\n## Arguments of `{}` in a profile\n\n", backend.name));
    page.push_str(&text::table(&arguments(backend)));
    if !backend.options.is_empty() {
        page.push_str(&format!("\n## Options of a secret (`options.{}`)\n\n", backend.name));
        page.push_str(&text::table(&options(backend)));
    }
    if let Some(pacing) = backend.pacing {
        page.push_str(&format!(
            "\nUnless `limits` of the profile says otherwise, at most {} requests are under way at \
             once, and {} a second.\n",
            pacing.concurrency, pacing.requests_per_second
        ));
    }
    page.push_str(&format!("\n{}\n", text::without_title(backend.docs)));
    Ok(page)
}

fn options(backend: &Descriptor) -> Vec<Vec<String>> {
    let head = ["Option", "Type", "A change", "Description"].map(str::to_owned).to_vec();
    let rows = backend.options.iter().map(|option| {
        let kind = match option.kind {
            OptionKind::Text => "String",
            OptionKind::Integer => "Number",
            OptionKind::Bool => "Boolean",
            OptionKind::TextList => "List of String",
            OptionKind::TextMap => "Map of String",
            OptionKind::Object(_) => "Object",
            OptionKind::ObjectList(_) => "List of Object",
        };
        let change = match option.change {
            OptionChange::InPlace => "is made in place",
            OptionChange::Replace => "replaces the secret",
        };
        vec![
            format!("`{}`", option.name),
            kind.to_owned(),
            change.to_owned(),
            text::cell(option.description),
        ]
    });
    std::iter::once(head).chain(rows).collect()
}

/// One column per backend, one row per capability.
fn matrix(backends: &[&Descriptor]) -> Vec<Vec<String>> {
    let mut head = vec![String::new()];
    head.extend(backends.iter().map(|backend| backend.title.to_owned()));
    let mut rows = vec![head];
    for backend in backends {
        let facts = facts(backend.stability, &(backend.capability)());
        for (place, (feature, value)) in facts.into_iter().enumerate() {
            if rows.len() == place + 1 {
                rows.push(vec![feature.to_owned()]);
            }
            rows[place + 1].push(value);
        }
    }
    rows
}

/// Every field of the capability, so that a new one cannot be forgotten here.
fn facts(stability: Stability, capability: &Capability) -> Vec<(&'static str, String)> {
    let Capability {
        versions,
        max_versions,
        max_value_bytes,
        empty_values,
        max_name_bytes,
        name_punctuation,
        unicode_names,
        case_sensitive_names,
        max_tags,
        max_tag_value_chars,
        max_description_chars,
        compare_and_set,
        soft_delete,
        purge,
        delete_versions,
        disable,
        pending_versions,
        metadata_without_values,
        validity_times,
        backup,
        lists,
    } = capability;
    let yes = |flag: &bool| if *flag { "yes" } else { "no" }.to_owned();
    let names = characters(name_punctuation, *unicode_names);
    vec![
        (
            "Stability",
            match stability {
                Stability::Stable => "stable".to_owned(),
                Stability::Beta => "beta".to_owned(),
            },
        ),
        (
            "Keeps versions",
            match (versions, max_versions) {
                (false, _) => "no".to_owned(),
                (true, None) => "yes".to_owned(),
                (true, Some(most)) => format!("at most {most}"),
            },
        ),
        ("Pending versions", yes(pending_versions)),
        ("Largest value", bytes(*max_value_bytes)),
        ("Empty values", yes(empty_values)),
        ("Longest name", bytes(*max_name_bytes)),
        ("Characters in names", text::cell(&names)),
        ("Upper and lower case are different names", yes(case_sensitive_names)),
        (
            "Tags",
            match max_tags {
                0 => "no".to_owned(),
                &usize::MAX => "any number".to_owned(),
                most => format!("at most {most}"),
            },
        ),
        ("Longest value of a tag", characters_at_most(*max_tag_value_chars)),
        ("Longest description", characters_at_most(*max_description_chars)),
        ("`not_before` and `expires_at`", yes(validity_times)),
        ("Disabling", yes(disable)),
        (
            "Recoverable deletion",
            match soft_delete {
                None => "no".to_owned(),
                Some(window) if window.min_days == window.max_days => {
                    format!("{} days", window.min_days)
                }
                Some(window) => format!(
                    "{} to {} days, {} unless set",
                    window.min_days, window.max_days, window.default_days
                ),
            },
        ),
        ("Destroys at once and for good", yes(purge)),
        ("Deletes single versions", yes(delete_versions)),
        ("Refresh without the right to read values", yes(metadata_without_values)),
        ("Refuses to overwrite a version it has not seen", yes(compare_and_set)),
        ("Backup and restore", yes(backup)),
        (
            "Refresh by listing",
            match lists {
                Lists::Partial => "no".to_owned(),
                Lists::Recognisable { page } => {
                    format!("{page} secrets a call, if coffer wrote them")
                }
                Lists::Complete { page } => format!("{page} secrets a call"),
            },
        ),
    ]
}

fn characters_at_most(limit: usize) -> String {
    match limit {
        0 => "none".to_owned(),
        usize::MAX => "any length".to_owned(),
        most => format!("{most} characters"),
    }
}

/// The characters of names in words; those that are missing where they are fewer.
fn characters(punctuation: &str, unicode: bool) -> String {
    let quoted = |list: String| {
        let codes = list.chars().map(|c| match c {
            '`' => "`` ` ``".to_owned(),
            ' ' => "space".to_owned(),
            c => format!("`{c}`"),
        });
        codes.collect::<Vec<_>>().join(" ")
    };
    let missing: String =
        (' '..='~').filter(|c| !c.is_ascii_alphanumeric() && !punctuation.contains(*c)).collect();
    if unicode && missing.chars().count() < punctuation.chars().count() {
        return format!("all but control characters and {}", quoted(missing));
    }
    let unicode = if unicode { ", characters beyond ASCII" } else { "" };
    format!("letters, digits, {}{unicode}", quoted(punctuation.to_owned()))
}

fn bytes(count: usize) -> String {
    const UNITS: [(usize, &str); 2] = [(1 << 20, "MiB"), (1 << 10, "KiB")];
    UNITS
        .into_iter()
        .find(|(unit, _)| count >= *unit && count.is_multiple_of(*unit))
        .map_or_else(|| format!("{count} bytes"), |(unit, name)| format!("{} {name}", count / unit))
}

fn arguments(backend: &Descriptor) -> Vec<Vec<String>> {
    let head = ["Argument", "Type", "Environment", "Description"].map(str::to_owned).to_vec();
    let rows = backend.arguments.iter().map(|argument| {
        let kind = match argument.kind {
            ArgumentKind::Text | ArgumentKind::Secret => "String",
            ArgumentKind::Integer => "Number",
            ArgumentKind::Bool => "Boolean",
            ArgumentKind::TextList => "List of String",
        };
        let marks = [(argument.required, ", required"), (argument.sensitive, ", sensitive")];
        let marks: String =
            marks.into_iter().filter(|(set, _)| *set).map(|(_, mark)| mark).collect();
        vec![
            format!("`{}`", argument.name),
            format!("{kind}{marks}"),
            argument.env.map_or_else(String::new, |name| format!("`{name}`")),
            text::cell(argument.description),
        ]
    });
    std::iter::once(head).chain(rows).collect()
}
