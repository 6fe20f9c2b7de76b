//! `docs`: the documentation pages of the registry, from the schema, the examples and the
//! catalogue of backends.
//!
//! Responsible for which pages there are and for writing or comparing them. Pages have the shape
//! that the registry's usual generator gives them, which needs a Go toolchain; `page` lays a page
//! out, `schema` renders arguments and attributes, `backends` the capability matrix. Guides other
//! than that of the backends are written by hand and not touched.

mod backends;
mod page;
mod schema;
mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use coffer::adapters::catalog::BACKENDS;
use coffer::adapters::descriptor::Descriptor;
use coffer::plugin::framework::object::Provider;
use coffer::provider::Coffer;

use super::output;
use page::{Examples, Import, Kind};

/// Folders whose every page is generated: what else lies there is left over.
const FOLDERS: [&str; 6] =
    ["actions", "data-sources", "ephemeral-resources", "functions", "list-resources", "resources"];

/// Write the documentation pages of the registry.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where the pages are.
    #[arg(long, value_name = "DIR", default_value = "docs")]
    out: PathBuf,
    /// Where the examples are that the pages show.
    #[arg(long, value_name = "DIR", default_value = "examples")]
    examples: PathBuf,
    /// Write nothing; fail when a page is not as it would be written.
    #[arg(long)]
    check: bool,
}

/// Generated pages by path below the documentation folder.
type Pages = BTreeMap<String, String>;

/// The subcommand, for the provider and the backends of this binary.
pub(super) fn command(arguments: &Arguments) -> anyhow::Result<()> {
    let done = run(arguments, &Coffer::new(), BACKENDS)?;
    Ok(output::text(&done)?)
}

/// Writes or checks the pages and says what was done.
fn run(
    arguments: &Arguments,
    provider: &dyn Provider,
    backends: &[&Descriptor],
) -> anyhow::Result<String> {
    let pages = pages(provider, backends, &Examples::new(arguments.examples.clone()))?;
    let stale = stale(&arguments.out, &pages)?;
    let different: Vec<_> = pages
        .iter()
        .filter(|(path, text)| {
            fs::read_to_string(arguments.out.join(path)).ok().as_ref() != Some(*text)
        })
        .collect();
    if arguments.check {
        let names = different.iter().map(|(path, _)| path.as_str());
        let names: Vec<_> = names.chain(stale.iter().map(String::as_str)).collect();
        if !names.is_empty() {
            bail!(
                "these pages of {} are not as they would be generated: {}; run `make docs`",
                arguments.out.display(),
                names.join(", ")
            );
        }
        return Ok(format!("{} pages are as they would be generated.", pages.len()));
    }
    for (path, text) in &different {
        let path = arguments.out.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    for path in &stale {
        let path = arguments.out.join(path);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    let written = different.len();
    Ok(format!("{written} of {} pages written, {} removed.", pages.len(), stale.len()))
}

fn pages(
    provider: &dyn Provider,
    backends: &[&Descriptor],
    examples: &Examples,
) -> anyhow::Result<Pages> {
    let mut pages = Pages::new();
    pages.insert("index.md".to_owned(), page::index(&provider.schema(), examples)?);
    for (name, resource) in provider.resources() {
        let identity = resource.identity_schema();
        // What has no identity is imported by id, if at all: then there is an example of it.
        let by_id = examples.imports(name);
        let import =
            (identity.is_some() || by_id).then_some(Import { identity: identity.as_ref() });
        let text = page::object(Kind::Resource, name, &resource.schema(), import, examples)?;
        pages.insert(page::path(Kind::Resource, name), text);
    }
    for (name, source) in provider.data_sources() {
        let text = page::object(Kind::DataSource, name, &source.schema(), None, examples)?;
        pages.insert(page::path(Kind::DataSource, name), text);
    }
    for (name, ephemeral) in provider.ephemeral_resources() {
        let text = page::object(Kind::Ephemeral, name, &ephemeral.schema(), None, examples)?;
        pages.insert(page::path(Kind::Ephemeral, name), text);
    }
    for (name, list) in provider.list_resources() {
        let text = page::object(Kind::List, name, &list.schema(), None, examples)?;
        pages.insert(page::path(Kind::List, name), text);
    }
    for (name, action) in provider.actions() {
        let text = page::object(Kind::Action, name, &action.schema(), None, examples)?;
        pages.insert(page::path(Kind::Action, name), text);
    }
    for (name, function) in provider.functions() {
        let text = page::function(name, &function.signature(), examples)?;
        pages.insert(format!("functions/{name}.md"), text);
    }
    pages.insert("guides/backends.md".to_owned(), backends::guide(backends));
    for backend in backends {
        pages.insert(backends::path(backend), backends::own_page(backend, examples)?);
    }
    Ok(pages)
}

/// Pages in generated folders that are not generated any more.
fn stale(out: &Path, pages: &Pages) -> anyhow::Result<Vec<String>> {
    let mut stale = Vec::new();
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(out.join(folder)) else { continue };
        for entry in entries {
            let name = entry.with_context(|| format!("cannot read {folder}"))?.file_name();
            let path = format!("{folder}/{}", name.to_string_lossy());
            if !pages.contains_key(&path) {
                stale.push(path);
            }
        }
    }
    stale.sort();
    Ok(stale)
}

#[cfg(test)]
mod tests;
