//! What each copy at a destination is made of, and its name.
//!
//! Responsible for turning `transform` into recipes for the secrets that were selected, and for
//! telling at plan what cannot work: types that a transform does not take, names that two copies
//! would share. Leaves doing it to [`domain::sync::recipe`](crate::domain::sync::recipe).

use std::collections::{BTreeMap, BTreeSet};

use super::settings::Destination;
use crate::domain::kind::Kind;
use crate::domain::limits::check_name;
use crate::domain::port::Capability;
use crate::domain::secret::SecretName;
use crate::domain::sync::naming::Naming;
use crate::domain::sync::pem::Part;
use crate::domain::sync::recipe::{Input, Recipe, Transform};
use crate::engine::sync::Source;
use crate::plugin::framework::convert::record;

record! {
    /// What is done to values on their way; one of them.
    #[derive(Debug, Default)]
    pub(super) struct TransformSettings {
        base64: Option<bool>,
        json_field: Option<String>,
        pem_split: Option<BTreeSet<String>>,
        json_bundle: Option<String>,
    }
}

/// The copies at a destination.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// What they are made of, by key.
    pub(super) recipes: BTreeMap<String, Recipe>,
    /// Their names, by key.
    pub(super) names: BTreeMap<String, SecretName>,
}

impl Destination {
    /// What is copied to where; or everything that cannot work.
    pub(super) fn copies(
        &self,
        source: &Source,
        naming: &Naming,
        vault: &Capability,
    ) -> Result<Copies, Vec<String>> {
        let none = TransformSettings::default();
        let transform = self.transform.as_ref().unwrap_or(&none);
        let keys = || source.secrets.keys();
        let copies = if let Some(name) = &transform.json_bundle {
            bundle(name, source, naming, vault)?
        } else {
            let recipes = match (&transform.pem_split, &transform.json_field) {
                (Some(parts), _) => split(keys(), parts)?,
                (None, Some(field)) => each(keys(), &Transform::JsonField(field.clone())),
                (None, None) if transform.base64.is_some() => each(keys(), &Transform::Base64),
                (None, None) => each(keys(), &Transform::Identity),
            };
            let naming = Naming { kinds: kinds(source, &recipes), ..naming.clone() };
            let names = naming.names(recipes.keys().map(String::as_str), vault)?;
            Copies { recipes, names }
        };
        let problems = unsuitable(source, &copies.recipes);
        if problems.is_empty() { Ok(copies) } else { Err(problems) }
    }
}

/// The types of the secrets that the copies are made of, as far as they are known.
fn kinds(source: &Source, recipes: &BTreeMap<String, Recipe>) -> BTreeMap<String, Kind> {
    let known = recipes.iter().filter_map(|(copy, recipe)| {
        let original = source.secrets.get(&recipe.inputs.first()?.key)?;
        Some((copy.clone(), original.record.as_ref()?.kind?))
    });
    known.collect()
}

fn each<'k>(
    keys: impl Iterator<Item = &'k String>,
    transform: &Transform,
) -> BTreeMap<String, Recipe> {
    keys.map(|key| (key.clone(), Recipe::of(transform.clone(), key))).collect()
}

fn split<'k>(
    keys: impl Iterator<Item = &'k String>,
    parts: &BTreeSet<String>,
) -> Result<BTreeMap<String, Recipe>, Vec<String>> {
    let (mut recipes, mut problems) = (BTreeMap::new(), Vec::new());
    for key in keys {
        for part in parts.iter().filter_map(|code| Part::parse(code)) {
            let copy = format!("{key}{}", part.suffix());
            if let Some(other) = recipes.insert(copy.clone(), Recipe::of(Transform::Pem(part), key))
            {
                let other = &other.inputs[0].key;
                problems.push(format!("parts of {key:?} and {other:?} would share {copy:?}"));
            }
        }
    }
    if problems.is_empty() { Ok(recipes) } else { Err(problems) }
}

/// One copy of everything: schema and map name its fields.
fn bundle(
    name: &str,
    source: &Source,
    naming: &Naming,
    vault: &Capability,
) -> Result<Copies, Vec<String>> {
    if source.secrets.is_empty() {
        return Ok(Copies::default());
    }
    let recipes = each(source.secrets.keys(), &Transform::JsonBundle);
    let naming = Naming { kinds: kinds(source, &recipes), ..naming.clone() };
    let (mut inputs, mut problems) = (Vec::<Input>::new(), Vec::new());
    for key in source.secrets.keys() {
        match naming.name(key) {
            Ok(field) => {
                let field = field.to_string();
                if let Some(other) = inputs.iter().find(|input| input.field == field) {
                    let other = &other.key;
                    problems.push(format!("{key:?} and {other:?} would share the field {field:?}"));
                }
                inputs.push(Input { key: key.clone(), field });
            }
            Err(error) => problems.push(format!("key {key:?}: {error}")),
        }
    }
    match SecretName::parse(name) {
        Ok(parsed) => {
            problems.extend(check_name(vault, &parsed));
            if problems.is_empty() {
                let recipe = Recipe { transform: Transform::JsonBundle, inputs };
                return Ok(Copies {
                    recipes: BTreeMap::from([(name.to_owned(), recipe)]),
                    names: BTreeMap::from([(name.to_owned(), parsed)]),
                });
            }
        }
        Err(error) => problems.push(error.to_string()),
    }
    Err(problems)
}

/// Secrets of types that the transform does not take.
fn unsuitable(source: &Source, recipes: &BTreeMap<String, Recipe>) -> Vec<String> {
    let inputs = recipes.values().flat_map(|r| r.inputs.iter().map(move |input| (r, input)));
    let refused = inputs.filter_map(|(recipe, input)| {
        let record = source.secrets.get(&input.key)?.record.as_ref()?;
        let refusal = recipe.takes(record.kind?).err()?;
        Some(format!("{:?}: {refusal}", input.key))
    });
    let mut refused: Vec<_> = refused.collect();
    refused.dedup();
    refused
}
