//! What the provider offers: schemas, identities, functions, names, capabilities.
//!
//! Source: protocol RPCs GetProviderSchema, GetResourceIdentitySchemas, GetMetadata, GetFunctions.
//! OpenTofu asks for functions and nobody asks for metadata; both are cheap.

use std::collections::BTreeMap;

use super::super::framework::schema::Shape;
use super::super::framework::server::{Catalogue, ObjectEntry};
use super::proto;
use super::proto::{
    get_functions, get_metadata, get_provider_schema, get_resource_identity_schemas,
};
use super::schema;

/// What this server does beyond the base protocol. Deferral is a matter of answers, not of a flag;
/// no answer of ours ever defers.
const CAPABILITIES: proto::ServerCapabilities = proto::ServerCapabilities {
    plan_destroy: true,
    get_provider_schema_optional: true,
    move_resource_state: true,
    generate_resource_config: true,
};

pub(super) fn provider_schema(catalogue: &Catalogue) -> get_provider_schema::Response {
    get_provider_schema::Response {
        provider: Some(schema::schema(&catalogue.provider.schema)),
        resource_schemas: named(&catalogue.resources, |r| shape(&r.shape)),
        data_source_schemas: objects(&catalogue.data_sources),
        functions: functions(catalogue),
        ephemeral_resource_schemas: objects(&catalogue.ephemeral_resources),
        list_resource_schemas: objects(&catalogue.list_resources),
        action_schemas: named(&catalogue.actions, |a| schema::action(&a.shape.schema)),
        server_capabilities: Some(CAPABILITIES),
        ..Default::default()
    }
}

pub(super) fn identity_schemas(catalogue: &Catalogue) -> get_resource_identity_schemas::Response {
    let identities = catalogue.resources.iter().filter_map(|(name, resource)| {
        let identity = resource.identity.as_ref()?;
        Some(((*name).to_owned(), schema::identity(&identity.schema)))
    });
    get_resource_identity_schemas::Response {
        identity_schemas: identities.collect(),
        diagnostics: Vec::new(),
    }
}

pub(super) fn functions_answer(catalogue: &Catalogue) -> get_functions::Response {
    get_functions::Response { functions: functions(catalogue), diagnostics: Vec::new() }
}

pub(super) fn metadata(catalogue: &Catalogue) -> get_metadata::Response {
    use get_metadata::{
        ActionMetadata, DataSourceMetadata, EphemeralMetadata, FunctionMetadata,
        ListResourceMetadata, ResourceMetadata,
    };
    get_metadata::Response {
        server_capabilities: Some(CAPABILITIES),
        resources: each(&catalogue.resources, |type_name| ResourceMetadata { type_name }),
        data_sources: each(&catalogue.data_sources, |type_name| DataSourceMetadata { type_name }),
        functions: each(&catalogue.functions, |name| FunctionMetadata { name }),
        ephemeral_resources: each(&catalogue.ephemeral_resources, |type_name| EphemeralMetadata {
            type_name,
        }),
        list_resources: each(&catalogue.list_resources, |type_name| ListResourceMetadata {
            type_name,
        }),
        actions: each(&catalogue.actions, |type_name| ActionMetadata { type_name }),
        ..Default::default()
    }
}

fn functions(catalogue: &Catalogue) -> BTreeMap<String, proto::Function> {
    named(&catalogue.functions, |f| schema::function(&f.signature))
}

fn objects<T: ?Sized>(
    entries: &BTreeMap<&'static str, ObjectEntry<T>>,
) -> BTreeMap<String, proto::Schema> {
    named(entries, |entry| shape(&entry.shape))
}

fn shape(shape: &Shape) -> proto::Schema {
    schema::schema(&shape.schema)
}

fn named<T, M>(
    entries: &BTreeMap<&'static str, T>,
    message: impl Fn(&T) -> M,
) -> BTreeMap<String, M> {
    entries.iter().map(|(name, entry)| ((*name).to_owned(), message(entry))).collect()
}

fn each<T, M>(entries: &BTreeMap<&'static str, T>, message: impl Fn(String) -> M) -> Vec<M> {
    entries.keys().map(|name| message((*name).to_owned())).collect()
}
