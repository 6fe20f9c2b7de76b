//! Pages have the shape of the registry's, and `--check` finds every difference.

use std::sync::Arc;

use async_trait::async_trait;
use coffer::adapters::descriptor::{Argument, ArgumentKind, InvalidSettings, Stability};
use coffer::domain::port::{Capability, RecoveryWindow};
use coffer::plugin::framework::context::Context;
use coffer::plugin::framework::diag::Diagnostics;
use coffer::plugin::framework::object::{
    ApplyRequest, ConfigureRequest, DeleteRequest, Function, FunctionError, Parameter, ReadRequest,
    Resource, Signature, StateResponse,
};
use coffer::plugin::framework::schema::{
    Attribute, Block, BlockNesting, Nesting, Presence, Schema,
};
use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::value::Value;

use super::*;

#[derive(Debug)]
struct Sample;

#[async_trait]
impl Provider for Sample {
    fn schema(&self) -> Schema {
        Schema::new("Manages `things`.\n\nMore.").attribute(
            "profiles",
            Attribute::nested(
                Nesting::Map,
                Presence::Optional,
                [("path", Attribute::required(Type::String, "Where."))],
                "Vaults.",
            ),
        )
    }

    async fn configure(&self, _: &Context, _: ConfigureRequest, _: &mut Diagnostics) {}

    fn resources(&self) -> Vec<(&'static str, Arc<dyn Resource>)> {
        vec![("coffer_thing", Arc::new(Self))]
    }

    fn functions(&self) -> Vec<(&'static str, Arc<dyn Function>)> {
        vec![("join_all", Arc::new(Self))]
    }
}

#[async_trait]
impl Resource for Sample {
    fn schema(&self) -> Schema {
        let login = [
            ("username", Attribute::required(Type::String, "The name.").write_only()),
            ("password", Attribute::optional(Type::String, "").write_only()),
        ];
        Schema::new("A [thing](https://example.com) that\nis **kept**.\n\nSecond paragraph.")
            .attribute("name", Attribute::required(Type::String, "Its name."))
            .attribute("tags", Attribute::optional(Type::map(Type::String), "Tags."))
            .attribute(
                "old",
                Attribute::optional(Type::Bool, "One.\n\nTwo.").deprecated("use `tags`"),
            )
            .attribute(
                "login_wo",
                Attribute::nested(Nesting::Single, Presence::Optional, login, "Login.")
                    .write_only(),
            )
            .attribute("id", Attribute::computed(Type::String, "The id."))
            .block(
                "rule",
                Block {
                    nesting: BlockNesting::List,
                    attributes: [("size".to_owned(), Attribute::computed(Type::Number, "Bytes."))]
                        .into(),
                    blocks: BTreeMap::new(),
                    description: "Rules.".to_owned(),
                    deprecation: None,
                    min_items: 1,
                    max_items: 3,
                },
            )
    }

    fn identity_schema(&self) -> Option<Schema> {
        Some(Schema::new("").attribute("name", Attribute::required(Type::String, "Its name.")))
    }

    async fn create(&self, _: &Context, _: ApplyRequest, _: &mut StateResponse) {}
    async fn read(&self, _: &Context, _: ReadRequest, _: &mut StateResponse) {}
    async fn update(&self, _: &Context, _: ApplyRequest, _: &mut StateResponse) {}
    async fn delete(&self, _: &Context, _: DeleteRequest, _: &mut StateResponse) {}
}

impl Function for Sample {
    fn signature(&self) -> Signature {
        let parameter = |name, ty, allow_null| Parameter {
            name,
            ty,
            description: "Some text.".to_owned(),
            allow_null,
            allow_unknown: false,
        };
        Signature {
            summary: "Join texts".to_owned(),
            description: "Joins *all* texts.".to_owned(),
            parameters: vec![parameter("separator", Type::String, true)],
            variadic: Some(parameter("texts", Type::list(Type::Bool), false)),
            result: Type::object([("text", Type::String)]),
        }
    }

    fn call(&self, _: Vec<Value>) -> Result<Value, FunctionError> {
        Ok(Value::default())
    }
}

/// Example files for the sample.
fn examples() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("provider/provider.tf", "provider \"coffer\" {}\n"),
        ("resources/coffer_thing/resource.tf", "# one\n\n"),
        ("resources/coffer_thing/resource-more.tf", "# two\n"),
        ("resources/coffer_thing/resources.tf", "# another kind of file\n"),
        ("resources/coffer_thing/import-by-identity.tf", "# identity\n"),
        ("resources/coffer_thing/import-by-string-id.tf", "# string\n"),
        ("resources/coffer_thing/import.sh", "terraform import coffer_thing.x y\n"),
        ("functions/join_all/function.tf", "# function\n"),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn sample_pages() -> Pages {
    let examples = examples();
    pages(&Sample, &[], &Examples::new(examples.path().to_owned())).unwrap()
}

#[test]
fn resource_page_has_the_registry_shape() {
    let expected = r##"---
# generated by `terraform-provider-coffer docs`
page_title: "coffer_thing Resource - terraform-provider-coffer"
subcategory: ""
description: |-
  A thing that is kept.
---

# coffer_thing (Resource)

A [thing](https://example.com) that
is **kept**.

Second paragraph.

## Example Usage

```terraform
# one
```

```terraform
# two
```

<!-- schema generated by terraform-provider-coffer -->
## Schema

### Required

- `name` (String) Its name.
- `rule` (Block List, Min: 1, Max: 3) Rules. (see [below for nested schema](#nestedblock--rule))

### Optional

> **NOTE**: [Write-only arguments](https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments) are supported in Terraform 1.11 and later.

- `login_wo` (Attributes, [Write-only](https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments)) Login. (see [below for nested schema](#nestedatt--login_wo))
- `old` (Boolean, Deprecated) One.  
  Two.
- `tags` (Map of String) Tags.

### Read-Only

- `id` (String) The id.

<a id="nestedblock--rule"></a>
### Nested Schema for `rule`

Read-Only:

- `size` (Number) Bytes.

<a id="nestedatt--login_wo"></a>
### Nested Schema for `login_wo`

Required:

- `username` (String, Sensitive, [Write-only](https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments)) The name.

Optional:

- `password` (String, Sensitive, [Write-only](https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments))

## Import

Import is supported using the following syntax:

In Terraform v1.12.0 and later, the [`import` block](https://developer.hashicorp.com/terraform/language/import) can be used with the `identity` attribute, for example:

```terraform
# identity
```

<!-- schema generated by terraform-provider-coffer -->
### Identity Schema

#### Required

- `name` (String) Its name.

In Terraform v1.5.0 and later, the [`import` block](https://developer.hashicorp.com/terraform/language/import) can be used with the `id` attribute, for example:

```terraform
# string
```

The [`terraform import` command](https://developer.hashicorp.com/terraform/cli/commands/import) can be used, for example:

```shell
terraform import coffer_thing.x y
```
"##;
    assert_eq!(sample_pages()["resources/thing.md"], expected);
}

#[test]
fn function_page_has_the_registry_shape() {
    let expected = r##"---
# generated by `terraform-provider-coffer docs`
page_title: "join_all function - terraform-provider-coffer"
subcategory: ""
description: |-
  Join texts
---

# function: join_all

Joins *all* texts.

## Example Usage

```terraform
# function
```

## Signature

<!-- signature generated by terraform-provider-coffer -->
```text
join_all(separator string, texts list of bool...) object
```

## Arguments

<!-- arguments generated by terraform-provider-coffer -->
1. `separator` (String, Nullable) Some text.
1. `texts` (Variadic, List of Boolean) Some text.
"##;
    assert_eq!(sample_pages()["functions/join_all.md"], expected);
}

#[test]
fn index_page_has_no_subcategory_and_ends_with_the_schema() {
    let page = &sample_pages()["index.md"];
    assert!(page.starts_with(
        "---\n# generated by `terraform-provider-coffer docs`\npage_title: \"coffer Provider\"\ndescription: |-\n  Manages things.\n---\n\n# coffer Provider\n"
    ));
    assert!(page.ends_with(
        "<a id=\"nestedatt--profiles\"></a>\n### Nested Schema for `profiles`\n\nRequired:\n\n- `path` (String) Where.\n"
    ));
}

#[test]
fn pages_have_no_two_blank_lines_in_a_row() {
    for (path, page) in sample_pages() {
        assert!(!page.contains("\n\n\n"), "{path}:\n{page}");
    }
}

#[test]
fn missing_examples_are_told() {
    let examples = examples();
    fs::remove_file(examples.path().join("functions/join_all/function.tf")).unwrap();
    let error = pages(&Sample, &[], &Examples::new(examples.path().to_owned())).unwrap_err();
    assert!(format!("{error:#}").contains("there is no example function*.tf"), "{error:#}");
}

#[test]
fn check_finds_changed_missing_and_left_over_pages() {
    let examples = examples();
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| out.path().join(name);
    let run = |check| {
        let arguments =
            Arguments { out: out.path().to_owned(), examples: examples.path().to_owned(), check };
        super::run(&arguments, &Sample, &[]).map_err(|error| format!("{error:#}"))
    };
    assert!(run(true).unwrap_err().contains("functions/join_all.md, guides/backends.md, index.md"));
    assert_eq!(run(false).unwrap(), "4 of 4 pages written, 0 removed.");
    assert_eq!(run(false).unwrap(), "0 of 4 pages written, 0 removed.");
    assert!(run(true).is_ok());

    fs::write(path("guides/by-hand.md"), "mine").unwrap();
    assert!(run(true).is_ok());
    fs::write(path("resources/gone.md"), "old").unwrap();
    fs::write(path("index.md"), "edited").unwrap();
    assert!(run(true).unwrap_err().contains(": index.md, resources/gone.md; run `make docs`"));
    assert_eq!(run(false).unwrap(), "1 of 4 pages written, 1 removed.");
    assert!(path("guides/by-hand.md").exists());
}

static VAULT: Descriptor = Descriptor {
    name: "sample",
    title: "Sample vault",
    stability: Stability::Beta,
    summary: "Holds things.",
    docs: "# Sample vault\n\n## Notes\n\n```\n# code\n```\n\nNone.\n",
    arguments: &[Argument {
        name: "path",
        kind: ArgumentKind::Text,
        required: true,
        sensitive: true,
        env: Some("SAMPLE_PATH"),
        description: "One | two\nlines.",
    }],
    options: &[],
    pacing: None,
    capability: || Capability {
        versions: true,
        max_versions: Some(30),
        max_value_bytes: 25 << 10,
        empty_values: false,
        max_name_bytes: 127,
        name_punctuation: "-|",
        unicode_names: false,
        case_sensitive_names: false,
        max_tags: usize::MAX,
        max_tag_value_chars: 256,
        max_description_chars: 1024,
        compare_and_set: true,
        soft_delete: Some(RecoveryWindow { min_days: 7, default_days: 30, max_days: 30 }),
        purge: true,
        delete_versions: true,
        disable: true,
        pending_versions: false,
        metadata_without_values: true,
        validity_times: true,
        backup: false,
        lists: coffer::domain::port::Lists::Partial,
    },
    open: |_| Err(InvalidSettings { argument: None, message: String::new() }),
};

#[test]
fn guide_to_the_backends_has_a_matrix_and_a_section_each() {
    let guide = backends::guide(&[&VAULT, &VAULT]);
    for line in [
        "|  | Sample vault | Sample vault |\n|---|---|---|\n",
        "| Stability | beta | beta |\n",
        "| Keeps versions | at most 30 | at most 30 |\n",
        "| Largest value | 25 KiB | 25 KiB |\n",
        "| Longest name | 127 bytes | 127 bytes |\n",
        "| Characters in names | letters, digits, `-` `\\|` |",
        "| Tags | any number |",
        "| Recoverable deletion | 7 to 30 days, 30 unless set |",
        "* [Sample vault](backend-sample.md): Holds things.\n",
    ] {
        assert!(guide.contains(line), "{line}\n{guide}");
    }
}

#[test]
fn each_backend_has_a_page() {
    let folder = examples();
    fs::write(folder.path().join("provider/provider-sample.tf"), "# sample").unwrap();
    let page = backends::own_page(&VAULT, &Examples::new(folder.path().to_owned())).unwrap();
    for line in [
        "# Sample vault\n\nHolds things.\n\n## Example\n\n```terraform\n# sample\n```\n",
        "| `path` | String, required, sensitive | `SAMPLE_PATH` | One \\| two lines. |\n\n## Notes\n\n```\n# code\n```\n\nNone.\n",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    assert_eq!(backends::path(&VAULT), "guides/backend-sample.md");
}
