//! Names of the copies, and the proof that no two keys share one.

use std::collections::BTreeMap;

use crate::domain::key_schema::{KeySchema, Placeholder, RenderError, Values, collisions};
use crate::domain::kind::Kind;
use crate::domain::limits::check_name;
use crate::domain::port::Capability;
use crate::domain::secret::SecretName;

/// How a destination names its copies.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The schema, for keys that are not in the map.
    pub schema: KeySchema,
    /// What its placeholders stand for, but for `{{path}}` and `{{type}}`, which every key has for
    /// itself.
    pub values: Values,
    /// Types of the secrets by key, as far as they are known.
    pub kinds: BTreeMap<String, Kind>,
    /// Names by key; they win over the schema.
    pub map: BTreeMap<String, SecretName>,
}

impl Naming {
    /// The name of a key. Where the schema has `{{path}}`, that is the key up to its last `/`, and
    /// `{{secretKey}}` what comes after it.
    ///
    /// # Errors
    /// When the schema gives none.
    pub fn name(&self, key: &str) -> Result<SecretName, RenderError> {
        if let Some(name) = self.map.get(key) {
            return Ok(name.clone());
        }
        if !depends_on_secret(&self.schema) {
            return self.schema.render(key, &self.values);
        }
        let mut values = self.values.clone();
        values.extend(self.kinds.get(key).map(|kind| (Placeholder::Type, kind.code().to_owned())));
        let mut last = key;
        if uses(&self.schema, Placeholder::Path)
            && let Some((path, rest)) = key.rsplit_once('/')
        {
            values.insert(Placeholder::Path, path.to_owned());
            last = rest;
        }
        self.schema.render(last, &values)
    }

    /// The key of a name, when this naming gives the key that name; so it holds that a name found
    /// by `key` is given back by [`Self::name`]. With a schema that [depends on the
    /// secret](depends_on_secret) only names of the map have one.
    #[must_use]
    pub fn key(&self, name: &SecretName) -> Option<String> {
        if let Some((key, _)) = self.map.iter().find(|(_, mapped)| *mapped == name) {
            return Some(key.clone());
        }
        if depends_on_secret(&self.schema) {
            return None;
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

/// True when the schema has a placeholder that each secret has its own value for, so that a name
/// alone does not tell the key.
#[must_use]
pub fn depends_on_secret(schema: &KeySchema) -> bool {
    uses(schema, Placeholder::Path) || uses(schema, Placeholder::Type)
}

fn uses(schema: &KeySchema, placeholder: Placeholder) -> bool {
    schema.placeholders().any(|one| one == placeholder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::capability;

    fn naming(schema: &str, map: &[(&str, &str)]) -> Naming {
        let map = map.iter().map(|(key, name)| ((*key).to_owned(), name.parse().unwrap()));
        let (schema, map) = (schema.parse().unwrap(), map.collect());
        Naming { schema, values: Values::new(), kinds: BTreeMap::new(), map }
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

    #[test]
    fn path_and_type_are_those_of_each_secret() {
        let mut naming = naming("{{path}}/x/{{type}}/{{secretKey}}", &[("top", "a/b")]);
        naming.kinds.insert("app/web/db".to_owned(), Kind::BasicAuth);
        naming.kinds.insert("app/api".to_owned(), Kind::ApiKey);
        naming.kinds.insert("here".to_owned(), Kind::ApiKey);
        let name = |key: &str| naming.name(key).map(|name| name.to_string());
        assert_eq!(name("app/web/db").unwrap(), "app/web/x/basic_auth/db");
        assert_eq!(name("app/api").unwrap(), "app/x/api_key/api");
        assert_eq!(name("top").unwrap(), "a/b");
        assert_eq!(name("here"), Err(RenderError::NoValue(Placeholder::Path)));
        assert_eq!(name("app/new"), Err(RenderError::NoValue(Placeholder::Type)));
        assert_eq!(naming.key(&"a/b".parse().unwrap()).as_deref(), Some("top"));
        assert_eq!(naming.key(&"app/x/api_key/api".parse().unwrap()), None);
    }

    #[test]
    fn names_that_only_the_path_told_apart_are_a_collision() {
        let naming = naming("{{path}}{{secretKey}}", &[]);
        let problems = naming.names(["a/bc", "ab/c"], &capability()).unwrap_err();
        assert!(problems[0].contains(r#"keys "a/bc", "ab/c" would share"#), "{problems:?}");
    }
}
