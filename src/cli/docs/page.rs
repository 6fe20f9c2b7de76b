//! Pages: front matter, description, examples, arguments, import.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use coffer::plugin::framework::object::{Parameter, Signature};
use coffer::plugin::framework::schema::Schema;

use super::{schema, text};
use crate::cli::NAME;

/// What the index page says between its example and its arguments.
const INDEX: &str = include_str!("index.md");

/// Kinds of objects with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Managed resource.
    Resource,
    /// Data source.
    DataSource,
    /// Ephemeral resource.
    Ephemeral,
    /// List resource of `terraform query`.
    List,
    /// Action.
    Action,
}

impl Kind {
    /// Folder of its pages and examples.
    const fn folder(self) -> &'static str {
        match self {
            Self::Resource => "resources",
            Self::DataSource => "data-sources",
            Self::Ephemeral => "ephemeral-resources",
            Self::List => "list-resources",
            Self::Action => "actions",
        }
    }

    /// How the names of its example files begin.
    const fn example(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::DataSource => "data-source",
            Self::Ephemeral => "ephemeral-resource",
            Self::List => "list-resource",
            Self::Action => "action",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Resource => "Resource",
            Self::DataSource => "Data Source",
            Self::Ephemeral => "Ephemeral Resource",
            Self::List => "List Resource",
            Self::Action => "Action",
        }
    }
}

/// How a resource is imported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Import<'s> {
    /// The identity, for those who import by it.
    pub(super) identity: Option<&'s Schema>,
}

/// The example files. A page without an example is an error: a page nobody can try is half a page.
#[derive(Debug)]
pub(super) struct Examples {
    root: PathBuf,
}

impl Examples {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// True when there is an example of the import of a resource by id.
    pub(super) fn imports(&self, resource: &str) -> bool {
        self.root.join("resources").join(resource).join("import-by-string-id.tf").is_file()
    }

    /// The files of a folder whose names begin with `stem`, in order, each as a block of code.
    pub(super) fn blocks(&self, folder: &str, stem: &str) -> anyhow::Result<String> {
        let path = self.root.join(folder);
        let mut names: Vec<_> = fs::read_dir(&path)
            .with_context(|| format!("cannot read the examples in {}", path.display()))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                name.strip_suffix(".tf")
                    .and_then(|name| name.strip_prefix(stem))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
            })
            .collect();
        if names.is_empty() {
            bail!("there is no example {stem}*.tf in {}", path.display());
        }
        // `resource.tf` before `resource-more.tf`.
        names.sort_by_key(|name| name.trim_end_matches(".tf").to_owned());
        let blocks: Result<Vec<_>, _> =
            names.iter().map(|name| self.block("terraform", &format!("{folder}/{name}"))).collect();
        Ok(blocks?.join("\n"))
    }

    /// One file as a block of code.
    fn block(&self, language: &str, file: &str) -> anyhow::Result<String> {
        let path = self.root.join(file);
        let content = fs::read_to_string(&path)
            .with_context(|| format!("cannot read the example {}", path.display()))?;
        Ok(text::code(language, &content))
    }
}

/// Path of an object's page.
pub(super) fn path(kind: Kind, name: &str) -> String {
    format!("{}/{}.md", kind.folder(), name.strip_prefix("coffer_").unwrap_or(name))
}

/// The page of the provider itself.
pub(super) fn index(schema: &Schema, examples: &Examples) -> anyhow::Result<String> {
    Ok(format!(
        "{}{}\n\n## Example Usage\n\n{}\n{}\n{}",
        text::head("coffer Provider", None, &schema.description, "coffer Provider"),
        schema.description.trim(),
        examples.block("terraform", "provider/provider.tf")?,
        INDEX,
        schema::arguments(schema),
    ))
}

/// The page of an object with a schema.
pub(super) fn object(
    kind: Kind,
    name: &str,
    schema: &Schema,
    import: Option<Import<'_>>,
    examples: &Examples,
) -> anyhow::Result<String> {
    let folder = format!("{}/{name}", kind.folder());
    let title = kind.title();
    let mut page = format!(
        "{}{}\n\n## Example Usage\n\n{}\n{}",
        text::head(
            &format!("{name} {title} - {NAME}"),
            Some(""),
            &schema.description,
            &format!("{name} ({title})"),
        ),
        schema.description.trim(),
        examples.blocks(&folder, kind.example())?,
        schema::arguments(schema),
    );
    if let Some(import) = import {
        page.push('\n');
        page.push_str(&section_import(&folder, import, examples)?);
    }
    Ok(page)
}

fn section_import(folder: &str, import: Import<'_>, examples: &Examples) -> anyhow::Result<String> {
    const BLOCK: &str =
        "the [`import` block](https://developer.hashicorp.com/terraform/language/import)";
    let mut section = "## Import\n\nImport is supported using the following syntax:\n".to_owned();
    if let Some(identity) = import.identity {
        section.push_str(&format!(
            "\nIn Terraform v1.12.0 and later, {BLOCK} can be used with the `identity` attribute, for example:\n\n{}\n{}",
            examples.block("terraform", &format!("{folder}/import-by-identity.tf"))?,
            schema::identity(identity),
        ));
    }
    section.push_str(&format!(
        "\nIn Terraform v1.5.0 and later, {BLOCK} can be used with the `id` attribute, for example:\n\n{}",
        examples.block("terraform", &format!("{folder}/import-by-string-id.tf"))?,
    ));
    section.push_str(&format!(
        "\nThe [`terraform import` command](https://developer.hashicorp.com/terraform/cli/commands/import) can be used, for example:\n\n{}",
        examples.block("shell", &format!("{folder}/import.sh"))?,
    ));
    Ok(section)
}

/// The page of a function.
pub(super) fn function(
    name: &str,
    signature: &Signature,
    examples: &Examples,
) -> anyhow::Result<String> {
    let typed = |parameter: &Parameter, dots: &str| {
        format!("{} {}{dots}", parameter.name, schema::friendly(&parameter.ty))
    };
    let parameters = signature.parameters.iter().map(|parameter| typed(parameter, ""));
    let variadic = signature.variadic.iter().map(|parameter| typed(parameter, "..."));
    let list: Vec<_> = parameters.chain(variadic).collect();
    let call = format!("{name}({}) {}", list.join(", "), schema::friendly(&signature.result));

    let argument = |parameter: &Parameter, variadic: &str| {
        format!(
            "1. `{}` ({variadic}{}{}) {}\n",
            parameter.name,
            schema::type_name(&parameter.ty),
            if parameter.allow_null { ", Nullable" } else { "" },
            parameter.description.trim()
        )
    };
    let mut page = format!(
        "{}{}\n\n## Example Usage\n\n{}\n## Signature\n\n<!-- signature generated by {NAME} -->\n{}\n## Arguments\n\n<!-- arguments generated by {NAME} -->\n",
        text::head(
            &format!("{name} function - {NAME}"),
            Some(""),
            &signature.summary,
            &format!("function: {name}"),
        ),
        signature.description.trim(),
        examples.blocks(&format!("functions/{name}"), "function")?,
        text::code("text", &call),
    );
    page.extend(signature.parameters.iter().map(|parameter| argument(parameter, "")));
    page.extend(signature.variadic.iter().map(|parameter| argument(parameter, "Variadic, ")));
    Ok(page)
}
