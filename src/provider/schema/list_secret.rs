//! Schema of the list resource `coffer_secret`: the filters of `terraform query`.

use super::data_secrets::filters;
use crate::plugin::framework::schema::{Presence, Schema};

/// The `config` block.
pub(crate) fn schema() -> Schema {
    filters(
        Schema::new(
            "Finds secrets in a vault for `terraform query`, by name, without their values, and \
             writes configuration and import blocks for them with `-generate-config-out`. Deleted \
             ones are not listed. Needs Terraform 1.14. Everywhere else the data source \
             `coffer_secrets` finds the same, and `import` blocks with `for_each` take them in.",
        ),
        Presence::Optional,
    )
}
