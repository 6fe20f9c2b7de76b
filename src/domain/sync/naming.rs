//! Names of the copies, and the proof that no two keys share one.

use std::collections::BTreeMap;

use crate::domain::key_schema::{KeySchema, RenderError, Values, collisions};
use crate::domain::limits::check_name;
use crate::domain::port::Capability;
use crate::domain::secret::SecretName;

/// How a destination names its copies.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The schema, for keys that are not in the map.
    pub schema: KeySchema,
    /// What its placeholders stand for.
    pub values: Values,
    /// Names by key; they win over the schema.
    pub map: BTreeMap<String, SecretName>,
}

impl Naming {
    /// The name of a key.
    ///
    /// # Errors
    /// When the schema gives none.
    pub fn name(&self, key: &str) -> Result<SecretName, RenderError> {
        match self.map.get(key) {
            Some(name) => Ok(name.clone()),
            None => self.schema.render(key, &self.values),
        }
    }

    /// The key of a name, when this naming gives the key that name; so it holds that a name found
    /// by `key` is given back by [`Self::name`].
    #[must_use]
    pub fn key(&self, name: &SecretName) -> Option<String> {
        if let Some((key, _)) = self.map.iter().find(|(_, mapped)| *mapped == name) {
            return Some(key.clone());
        }
        let key = self.schema.invert(name.as_str(), &self.values).ok().flatten()?;
        (!self.map.contains_key(&key)).then_some(key)
    }

    /// The names of all keys, each of them one that the vault takes.
    ///
    /// # Errors
    /// Every key without a name, name that the vault refuses, and name that keys would share.
    pub fn names<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
        vault: &Capability,
    ) -> Result<BTreeMap<String, SecretName>, Vec<String>> {
        let (mut names, mut problems) = (BTreeMap::new(), Vec::new());
        for key in keys {
            match self.name(key) {
                Ok(name) => {
                    problems.extend(check_name(vault, &name));
                    names.insert(key.to_owned(), name);
                }
                Err(error) => problems.push(format!("key {key:?}: {error}")),
            }
        }
        let pairs = names.iter().map(|(key, name)| (key.as_str(), name));
        let shared = collisions(pairs, vault.case_sensitive_names);
        problems.extend(shared.iter().map(ToString::to_string));
        if problems.is_empty() { Ok(names) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::capability;

    fn naming(schema: &str, map: &[(&str, &str)]) -> Naming {
        let map = map.iter().map(|(key, name)| ((*key).to_owned(), name.parse().unwrap()));
        Naming { schema: schema.parse().unwrap(), values: Values::new(), map: map.collect() }
    }

    #[test]
    fn map_wins_over_the_schema_and_both_are_undone() {
        let naming = naming("prod-{{secretKey}}", &[("db", "database")]);
        let names = naming.names(["db", "api"], &capability()).unwrap();
        assert_eq!(names["db"].as_str(), "database");
        assert_eq!(names["api"].as_str(), "prod-api");
        for (key, name) in &names {
            assert_eq!(naming.key(name).as_ref(), Some(key));
        }
        // A name that the schema would give to a mapped key is nobody's.
        assert_eq!(naming.key(&"prod-db".parse().unwrap()), None);
    }

    #[test]
    fn shared_and_refused_names_are_told_together() {
        let naming = naming("x-{{secretKey}}", &[("a", "x-b")]);
        let problems = naming.names(["a", "b", "c d"], &capability()).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("' '"), "{problems:?}");
        assert!(problems[1].contains(r#"keys "a", "b" would share"#), "{problems:?}");
    }
}
