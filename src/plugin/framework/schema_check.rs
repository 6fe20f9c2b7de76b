//! Core's rules for a schema, checked before core does.
//!
//! Responsible for finding what would make core refuse to load a schema, what would make a plan
//! impossible, and what would let a write-only value through. Run by a unit test of every provider
//! and at debug start. Source: core's internal validation of schemas at load; the Go framework's
//! further rules for write-only attributes.

use super::path::Path;
use super::schema::{Attribute, AttributeKind, Block, BlockNesting, Level, Nesting, Schema};
use super::types::Type;

/// What a schema is for; it decides what may be write-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A managed resource or an action: write-only attributes are allowed.
    WriteOnlyAllowed,
    /// A provider block, data source, ephemeral resource or list resource: they are not.
    WriteOnlyForbidden,
    /// An identity: primitives and lists of primitives only.
    Identity,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The attribute or block; indexes and keys are left out.
    pub path: Path,
    /// The rule.
    pub message: String,
}

/// Checks a schema. An empty answer means core will load it.
#[must_use]
pub fn check(schema: &Schema, purpose: Purpose) -> Vec<Problem> {
    let mut checker = Checker { purpose, problems: Vec::new() };
    if schema.version < 0 {
        checker.report(&Path::root(), "the version is negative");
    }
    if purpose == Purpose::Identity && !schema.blocks.is_empty() {
        checker.report(&Path::root(), "an identity has no blocks");
    }
    checker.level(schema.level(), Place::default(), &Path::root());
    checker.problems
}

/// What surrounds a level.
#[derive(Clone, Copy, Default)]
struct Place {
    in_set: bool,
    in_write_only: bool,
}

struct Checker {
    purpose: Purpose,
    problems: Vec<Problem>,
}

impl Checker {
    fn report(&mut self, path: &Path, message: &str) {
        self.problems.push(Problem { path: path.clone(), message: message.to_owned() });
    }

    fn require(&mut self, path: &Path, holds: bool, message: &str) {
        if !holds {
            self.report(path, message);
        }
    }

    fn level(&mut self, level: Level<'_>, place: Place, path: &Path) {
        for (name, attribute) in level.attributes {
            let path = path.clone().child(name);
            self.name(name, &path);
            self.attribute(attribute, place, &path);
        }
        for (name, block) in level.blocks {
            let path = path.clone().child(name);
            self.name(name, &path);
            let twice = level.attributes.contains_key(name);
            self.require(&path, !twice, "an attribute and a block have the same name");
            self.block(block, place, &path);
        }
    }

    fn name(&mut self, name: &str, path: &Path) {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let good = !name.is_empty()
            && name.bytes().all(allowed)
            && !name.starts_with(|c: char| c.is_ascii_digit());
        self.require(path, good, "a name has only lower case letters, digits and underscores");
    }

    fn attribute(&mut self, attribute: &Attribute, place: Place, path: &Path) {
        match &attribute.kind {
            AttributeKind::Type(ty) => self.value_type(ty, place.in_set, path),
            AttributeKind::Nested(nesting, attributes) => {
                self.require(path, !attributes.is_empty(), "a nested attribute has no attributes");
                let inside = Place {
                    in_set: place.in_set || *nesting == Nesting::Set,
                    in_write_only: place.in_write_only || attribute.write_only,
                };
                if let Some((_, level)) = attribute.level() {
                    self.level(level, inside, path);
                }
            }
        }
        if attribute.write_only || place.in_write_only {
            self.write_only(attribute, place, path);
        }
        if self.purpose == Purpose::Identity {
            let simple = match &attribute.kind {
                AttributeKind::Type(Type::List(element)) => is_primitive(element),
                AttributeKind::Type(ty) => is_primitive(ty),
                AttributeKind::Nested(..) => false,
            };
            self.require(path, simple, "an identity has only primitives and lists of them");
            self.require(path, !attribute.is_computed(), "an identity attribute is not computed");
        }
        let computed = attribute.is_computed();
        self.require(path, computed || attribute.default.is_none(), "a default needs computed");
        self.require(
            path,
            computed || !attribute.keep_prior,
            "only computed values keep the prior",
        );
    }

    fn write_only(&mut self, attribute: &Attribute, place: Place, path: &Path) {
        let allowed = self.purpose == Purpose::WriteOnlyAllowed;
        self.require(path, allowed, "write-only attributes exist only in resources and actions");
        let own = attribute.write_only;
        self.require(path, own, "everything in a write-only attribute must be write-only");
        let computed = attribute.is_computed();
        self.require(path, !computed, "a write-only attribute cannot be computed");
        self.require(path, !place.in_set, "a write-only attribute cannot stand inside a set");
        let is_set = matches!(&attribute.kind, AttributeKind::Nested(Nesting::Set, _));
        self.require(path, !is_set, "a write-only attribute cannot be a set of objects");
    }

    fn value_type(&mut self, ty: &Type, in_set: bool, path: &Path) {
        match ty {
            Type::Dynamic => {
                self.require(path, !in_set, "a dynamic value cannot stand inside a set");
            }
            Type::Bool | Type::Number | Type::String => {}
            Type::Set(element) => self.value_type(element, true, path),
            Type::List(element) | Type::Map(element) => self.value_type(element, in_set, path),
            Type::Object(attributes) => {
                attributes.values().for_each(|ty| self.value_type(ty, in_set, path));
            }
            Type::Tuple(elements) => {
                elements.iter().for_each(|ty| self.value_type(ty, in_set, path))
            }
        }
    }

    fn block(&mut self, block: &Block, place: Place, path: &Path) {
        let (least, most) = (block.min_items, block.max_items);
        let counted = least >= 0 && most >= 0 && (most == 0 || least <= most);
        self.require(path, counted, "the least number of blocks exceeds the greatest");
        let limits = match block.nesting {
            BlockNesting::Single => {
                (least, most) == (0, 0) || (0..=1).contains(&least) && most == 1
            }
            BlockNesting::Group | BlockNesting::Map => (least, most) == (0, 0),
            BlockNesting::List | BlockNesting::Set => true,
        };
        self.require(path, limits, "this nesting does not allow such numbers of blocks");
        let (nesting, level) = block.level();
        let in_set = place.in_set || nesting == Nesting::Set;
        // Core makes such collections tuples or objects of their own type; nothing here needs that.
        let repeated = nesting != Nesting::Single;
        let dynamic = repeated && has_dynamic(level);
        self.require(path, !dynamic, "a dynamic value cannot stand inside repeated blocks");
        self.level(level, Place { in_set, ..place }, path);
    }
}

const fn is_primitive(ty: &Type) -> bool {
    matches!(ty, Type::Bool | Type::Number | Type::String)
}

fn has_dynamic(level: Level<'_>) -> bool {
    let own = level.attributes.values().any(|attribute| match &attribute.kind {
        AttributeKind::Type(ty) => is_dynamic(ty),
        AttributeKind::Nested(..) => false,
    });
    own || level.nested().any(|(_, _, inner)| has_dynamic(inner))
}

fn is_dynamic(ty: &Type) -> bool {
    match ty {
        Type::Dynamic => true,
        Type::Bool | Type::Number | Type::String => false,
        Type::List(element) | Type::Set(element) | Type::Map(element) => is_dynamic(element),
        Type::Object(attributes) => attributes.values().any(is_dynamic),
        Type::Tuple(elements) => elements.iter().any(is_dynamic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::framework::schema::Presence;
    use crate::plugin::framework::value::Value;

    fn text() -> Attribute {
        Attribute::optional(Type::String, "Text.")
    }

    fn nested(nesting: Nesting, name: &'static str, inner: Attribute) -> Attribute {
        Attribute::nested(nesting, Presence::Optional, [(name, inner)], "Nested.")
    }

    fn problems(schema: &Schema, purpose: Purpose) -> Vec<String> {
        let found = check(schema, purpose);
        found.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
    }

    #[track_caller]
    fn refuses(schema: &Schema, path: &str, message: &str) {
        let found = problems(schema, Purpose::WriteOnlyAllowed);
        let start = format!("{path}: ");
        assert!(found.iter().any(|p| p.starts_with(&start) && p.contains(message)), "{found:?}");
    }

    #[test]
    fn sound_schema_passes() {
        let login = nested(Nesting::Single, "user", text().write_only()).write_only();
        let rule = Block::new(BlockNesting::Set, "Rules.").attribute("port", text());
        let schema = Schema::new("")
            .attribute("a", text())
            .attribute("b", text().default(Value::string("x")))
            .attribute("secret_wo", text().write_only())
            .attribute("login_wo", login)
            .attribute("map", nested(Nesting::Map, "key_wo", text().write_only()))
            .block("rule", rule);
        assert_eq!(problems(&schema, Purpose::WriteOnlyAllowed), [] as [&str; 0]);
    }

    #[test]
    fn write_only_attributes_stand_where_core_allows_them() {
        let in_set = nested(Nesting::Set, "w", text().write_only());
        refuses(&Schema::new("").attribute("s", in_set), "s.w", "cannot stand inside a set");
        let block = Block::new(BlockNesting::Set, "").attribute("w", text().write_only());
        refuses(&Schema::new("").block("s", block), "s.w", "cannot stand inside a set");
        let deep = nested(Nesting::Set, "m", nested(Nesting::Map, "w", text().write_only()));
        refuses(&Schema::new("").attribute("s", deep), "s.m.w", "cannot stand inside a set");
        let open = nested(Nesting::Single, "user", text()).write_only();
        refuses(&Schema::new("").attribute("o", open), "o.user", "must be write-only");
        let computed = Attribute::computed(Type::String, "").write_only();
        refuses(&Schema::new("").attribute("c", computed), "c", "cannot be computed");
        let forbidden = Schema::new("").attribute("w", text().write_only());
        assert_eq!(problems(&forbidden, Purpose::WriteOnlyForbidden).len(), 1);
    }

    #[test]
    fn names_defaults_types_and_counts_are_checked() {
        refuses(&Schema::new("").attribute("Name", text()), "Name", "lower case");
        let both = Schema::new("").attribute("x", text());
        let both = both.block("x", Block::new(BlockNesting::List, ""));
        refuses(&both, "x", "the same name");
        let mut lost = text();
        lost.default = Some(Value::string("x"));
        refuses(&Schema::new("").attribute("d", lost), "d", "a default needs computed");
        refuses(&Schema::new("").attribute("k", text().keeps_prior()), "k", "only computed");
        let set = Attribute::optional(Type::set(Type::Dynamic), "");
        refuses(&Schema::new("").attribute("s", set), "s", "dynamic value cannot stand");
        let list = Block::new(BlockNesting::List, "")
            .attribute("any", Attribute::optional(Type::Dynamic, ""));
        refuses(&Schema::new("").block("l", list), "l", "repeated blocks");
        let mut counted = Block::new(BlockNesting::List, "");
        (counted.min_items, counted.max_items) = (3, 2);
        refuses(&Schema::new("").block("l", counted), "l", "exceeds");
        let mut many = Block::new(BlockNesting::Single, "");
        many.max_items = 2;
        refuses(&Schema::new("").block("o", many), "o", "does not allow");
    }

    #[test]
    fn identities_are_flat_and_configured() {
        let schema = Schema::new("")
            .attribute("name", Attribute::required(Type::String, ""))
            .attribute("ids", Attribute::optional(Type::list(Type::Number), ""))
            .attribute("map", Attribute::optional(Type::map(Type::String), ""))
            .attribute("made", Attribute::computed(Type::String, ""));
        let found = problems(&schema, Purpose::Identity);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("made: ") && found[1].starts_with("map: "), "{found:?}");
    }
}
