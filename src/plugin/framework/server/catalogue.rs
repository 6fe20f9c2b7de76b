//! The objects of a provider with their schemas, built once.
//!
//! Responsible for look-up by type name and for the self-check of all schemas.
//! Source: protocol RPCs GetProviderSchema, GetResourceIdentitySchemas, GetMetadata.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::diag::Diagnostics;
use super::super::object::{
    Action, DataSource, EphemeralResource, Function, ListResource, Provider, Resource, Signature,
};
use super::super::path::Path;
use super::super::schema::{Schema, Shape};
use super::super::schema_check::{Problem, Purpose, check};

/// All objects by kind and name.
#[derive(Debug)]
pub struct Catalogue {
    /// The provider block.
    pub provider: Shape,
    /// Managed resources.
    pub resources: BTreeMap<&'static str, ResourceEntry>,
    /// Data sources.
    pub data_sources: BTreeMap<&'static str, ObjectEntry<dyn DataSource>>,
    /// Ephemeral resources.
    pub ephemeral_resources: BTreeMap<&'static str, ObjectEntry<dyn EphemeralResource>>,
    /// Functions.
    pub functions: BTreeMap<&'static str, FunctionEntry>,
    /// List resources.
    pub list_resources: BTreeMap<&'static str, ObjectEntry<dyn ListResource>>,
    /// Actions.
    pub actions: BTreeMap<&'static str, ObjectEntry<dyn Action>>,
}

/// A managed resource.
#[derive(Debug)]
pub struct ResourceEntry {
    /// The implementation.
    pub object: Arc<dyn Resource>,
    /// Its schema.
    pub shape: Shape,
    /// Its identity, if it has one.
    pub identity: Option<Shape>,
}

/// An object of another kind.
#[derive(Debug)]
pub struct ObjectEntry<T: ?Sized> {
    /// The implementation.
    pub object: Arc<T>,
    /// Its schema.
    pub shape: Shape,
}

/// A function.
#[derive(Debug)]
pub struct FunctionEntry {
    /// The implementation.
    pub object: Arc<dyn Function>,
    /// What it takes and returns.
    pub signature: Signature,
}

impl Catalogue {
    pub(super) fn new(provider: &dyn Provider) -> Self {
        Self {
            provider: provider.schema().into(),
            resources: provider.resources().into_iter().map(|(n, o)| (n, resource(o))).collect(),
            data_sources: entries(provider.data_sources(), |o| o.schema()),
            ephemeral_resources: entries(provider.ephemeral_resources(), |o| o.schema()),
            functions: provider.functions().into_iter().map(|(n, o)| (n, function(o))).collect(),
            list_resources: entries(provider.list_resources(), |o| o.schema()),
            actions: entries(provider.actions(), |o| o.schema()),
        }
    }

    pub(super) fn problems(&self) -> Vec<(String, Problem)> {
        use Purpose::{Identity, WriteOnlyAllowed, WriteOnlyForbidden};
        let mut found = Vec::new();
        let mut visit = |what: String, shape: &Shape, purpose: Purpose| {
            let problems = check(&shape.schema, purpose);
            found.extend(problems.into_iter().map(|problem| (what.clone(), problem)));
        };
        visit("provider".to_owned(), &self.provider, WriteOnlyForbidden);
        for (name, entry) in &self.resources {
            visit(format!("resource {name}"), &entry.shape, WriteOnlyAllowed);
            if let Some(identity) = &entry.identity {
                visit(format!("identity of {name}"), identity, Identity);
            }
        }
        for (name, entry) in &self.data_sources {
            visit(format!("data source {name}"), &entry.shape, WriteOnlyForbidden);
        }
        for (name, entry) in &self.ephemeral_resources {
            visit(format!("ephemeral resource {name}"), &entry.shape, WriteOnlyForbidden);
        }
        for (name, entry) in &self.list_resources {
            visit(format!("list resource {name}"), &entry.shape, WriteOnlyForbidden);
        }
        for (name, entry) in &self.actions {
            visit(format!("action {name}"), &entry.shape, WriteOnlyAllowed);
        }
        found.extend(self.lists_without_identity());
        found
    }

    fn lists_without_identity(&self) -> impl Iterator<Item = (String, Problem)> {
        let lonely = self.list_resources.keys().filter(|name| {
            self.resources.get(*name).is_none_or(|resource| resource.identity.is_none())
        });
        lonely.map(|name| {
            let message = "needs a managed resource of the same name with an identity".to_owned();
            (format!("list resource {name}"), Problem { path: Path::root(), message })
        })
    }
}

fn entries<T: ?Sized>(
    objects: Vec<(&'static str, Arc<T>)>,
    schema: impl Fn(&T) -> Schema,
) -> BTreeMap<&'static str, ObjectEntry<T>> {
    let entry = |object: Arc<T>| ObjectEntry { shape: schema(&object).into(), object };
    objects.into_iter().map(|(name, object)| (name, entry(object))).collect()
}

fn resource(object: Arc<dyn Resource>) -> ResourceEntry {
    ResourceEntry {
        shape: object.schema().into(),
        identity: object.identity_schema().map(Shape::from),
        object,
    }
}

fn function(object: Arc<dyn Function>) -> FunctionEntry {
    FunctionEntry { signature: object.signature(), object }
}

/// Finds an object, or reports that there is none.
pub(super) fn find<'c, T>(
    objects: &'c BTreeMap<&'static str, T>,
    kind: &str,
    name: &str,
    diags: &mut Diagnostics,
) -> Option<&'c T> {
    let found = objects.get(name);
    if found.is_none() {
        diags.error(
            Path::root(),
            format!("There is no such {kind}"),
            format!(
                "This version of the provider has no {kind} {name:?}. Next step: check the name, \
                 or use a version of the provider that has it."
            ),
        );
    }
    found
}
