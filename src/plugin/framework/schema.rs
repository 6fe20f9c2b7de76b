//! Schemas: what a block of configuration may contain.
//!
//! Responsible for attributes, nested attributes, blocks and everything declared about them
//! (required, computed, sensitive, write-only, default, validators, replacement rule). Leaves
//! running those declarations to [`validate`](super::validate) and [`plan`](super::plan).
//! Source: protocol message `Schema`; core's checks of a schema at load.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::diag::Diagnostics;
use super::path::Path;
use super::types::Type;
use super::value::Value;

/// The schema of a provider block, resource, data source, ephemeral resource or identity.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// Raised when stored state changes shape; a resource then upgrades older states.
    pub version: i64,
    /// Markdown for the documentation page.
    pub description: String,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Nested blocks by name. New schemas prefer nested attributes.
    pub blocks: BTreeMap<String, Block>,
    /// Shown as a warning when the object is used, with what to use instead.
    pub deprecation: Option<String>,
    /// Rules over several attributes.
    pub validators: Vec<ConfigValidator>,
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// The type, or a nested object shape.
    pub kind: AttributeKind,
    /// Markdown for the documentation page.
    pub description: String,
    /// Who gives the value.
    pub presence: Presence,
    /// Hidden in plans.
    pub sensitive: bool,
    /// Never in plan or state (protocol 6.8). Cannot be computed or stand inside a set.
    pub write_only: bool,
    /// Shown as a warning when set, with what to use instead.
    pub deprecation: Option<String>,
    /// Value when the configuration leaves the attribute out; makes it optional and computed.
    pub default: Option<Value>,
    /// What a change does to the object.
    pub on_change: OnChange,
    /// For computed attributes: plan the prior value instead of unknown when the object changes.
    pub keep_prior: bool,
    /// Checks of a known, non-null value.
    pub validators: Vec<Validator>,
}

/// Scalar, collection or nested attribute.
#[derive(Debug, Clone)]
pub enum AttributeKind {
    /// A plain type.
    Type(Type),
    /// An object with attributes of its own.
    Nested(Nesting, BTreeMap<String, Attribute>),
}

/// How nested objects are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// One object or null.
    Single,
    /// List of objects.
    List,
    /// Set of objects.
    Set,
    /// Map of objects.
    Map,
}

/// Who gives an attribute its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The configuration must.
    Required,
    /// The configuration may; else null.
    Optional,
    /// The provider does.
    Computed,
    /// The configuration may; else the provider does.
    OptionalComputed,
}

/// What a change of an attribute does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnChange {
    /// Update in place.
    #[default]
    Update,
    /// Destroy and create again.
    Replace,
}

/// A nested block.
#[derive(Debug, Clone)]
pub struct Block {
    /// How many and how collected.
    pub nesting: BlockNesting,
    /// What it contains.
    pub attributes: BTreeMap<String, Attribute>,
    /// Blocks inside.
    pub blocks: BTreeMap<String, Self>,
    /// Markdown for the documentation page.
    pub description: String,
    /// Shown as a warning when used.
    pub deprecation: Option<String>,
    /// Least number of blocks.
    pub min_items: i64,
    /// Greatest number of blocks; 0 for no limit.
    pub max_items: i64,
}

/// How blocks are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockNesting {
    /// One block or null.
    Single,
    /// Ordered blocks.
    List,
    /// Unordered blocks.
    Set,
    /// Labelled blocks.
    Map,
    /// One block, synthesised with nulls when absent.
    Group,
}

/// A schema with what is derived from it once: the type of its values and whether anything in it
/// is write-only.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The schema.
    pub schema: Schema,
    /// The object type its values have.
    pub ty: Type,
    /// True when any attribute, however deep, is write-only.
    pub has_write_only: bool,
}

impl From<Schema> for Shape {
    fn from(schema: Schema) -> Self {
        let ty = schema.object_type();
        let has_write_only = schema.level().has_write_only();
        Self { schema, ty, has_write_only }
    }
}

/// The attributes and blocks of one object: of a schema, a nested attribute or a block.
#[derive(Debug, Clone, Copy)]
pub struct Level<'s> {
    /// Attributes by name.
    pub attributes: &'s BTreeMap<String, Attribute>,
    /// Blocks by name; none below a nested attribute.
    pub blocks: &'s BTreeMap<String, Block>,
}

static NO_BLOCKS: BTreeMap<String, Block> = BTreeMap::new();

impl<'s> Level<'s> {
    /// What is nested in this level, by name: how it is collected and what one object of it holds.
    /// Write-only nested attributes are included.
    pub fn nested(self) -> impl Iterator<Item = (&'s str, Nesting, Self)> {
        let attributes = self.attributes.iter().filter_map(|(name, attribute)| {
            let (nesting, level) = attribute.level()?;
            Some((name.as_str(), nesting, level))
        });
        let blocks = self.blocks.iter().map(|(name, block)| {
            let (nesting, level) = block.level();
            (name.as_str(), nesting, level)
        });
        attributes.chain(blocks)
    }

    /// True when any attribute at this level or below is write-only.
    #[must_use]
    pub fn has_write_only(self) -> bool {
        self.attributes.values().any(|a| a.write_only)
            || self.nested().any(|(_, _, level)| level.has_write_only())
    }
}

/// The code of a [`Validator`].
pub type Check = dyn Fn(&Value, &Path, &mut Diagnostics) + Send + Sync;

/// A check of one value; it reports with the path it is given.
#[derive(Clone)]
pub struct Validator {
    /// The rule in words, for the documentation ("between 7 and 30").
    pub description: String,
    /// Reports what is wrong. Called only with known, non-null values.
    pub check: Arc<Check>,
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Validator").field(&self.description).finish()
    }
}

/// A rule over several attributes. Unknown values never break a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigValidator {
    /// One of them, not more, not fewer.
    ExactlyOneOf(Vec<Path>),
    /// One of them or none.
    AtMostOneOf(Vec<Path>),
    /// At least one of them.
    AtLeastOneOf(Vec<Path>),
    /// All of them or none.
    RequiredTogether(Vec<Path>),
}

impl Schema {
    /// An empty schema of version 0.
    #[must_use]
    pub fn new(description: impl Into<String>) -> Self {
        Self { description: description.into(), ..Self::default() }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: &str, attribute: Attribute) -> Self {
        self.attributes.insert(name.to_owned(), attribute);
        self
    }

    /// Adds a block.
    #[must_use]
    pub fn block(mut self, name: &str, block: Block) -> Self {
        self.blocks.insert(name.to_owned(), block);
        self
    }

    /// Adds a rule over several attributes.
    #[must_use]
    pub fn rule(mut self, rule: ConfigValidator) -> Self {
        self.validators.push(rule);
        self
    }

    /// The top level of the schema.
    #[must_use]
    pub const fn level(&self) -> Level<'_> {
        Level { attributes: &self.attributes, blocks: &self.blocks }
    }

    /// The object type that values of this schema have.
    #[must_use]
    pub fn object_type(&self) -> Type {
        object_type(&self.attributes, &self.blocks)
    }
}

impl Attribute {
    fn new(kind: AttributeKind, presence: Presence, description: impl Into<String>) -> Self {
        Self {
            kind,
            description: description.into(),
            presence,
            sensitive: false,
            write_only: false,
            deprecation: None,
            default: None,
            on_change: OnChange::Update,
            keep_prior: false,
            validators: Vec::new(),
        }
    }

    /// An attribute the configuration must set.
    #[must_use]
    pub fn required(ty: Type, description: impl Into<String>) -> Self {
        Self::new(AttributeKind::Type(ty), Presence::Required, description)
    }

    /// An attribute the configuration may set.
    #[must_use]
    pub fn optional(ty: Type, description: impl Into<String>) -> Self {
        Self::new(AttributeKind::Type(ty), Presence::Optional, description)
    }

    /// An attribute only the provider sets.
    #[must_use]
    pub fn computed(ty: Type, description: impl Into<String>) -> Self {
        Self::new(AttributeKind::Type(ty), Presence::Computed, description)
    }

    /// An attribute the configuration may set and the provider fills otherwise.
    #[must_use]
    pub fn optional_computed(ty: Type, description: impl Into<String>) -> Self {
        Self::new(AttributeKind::Type(ty), Presence::OptionalComputed, description)
    }

    /// A nested attribute.
    #[must_use]
    pub fn nested<'a>(
        nesting: Nesting,
        presence: Presence,
        attributes: impl IntoIterator<Item = (&'a str, Self)>,
        description: impl Into<String>,
    ) -> Self {
        let attributes = attributes.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        Self::new(AttributeKind::Nested(nesting, attributes), presence, description)
    }

    /// Hides the value in plans.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Keeps the value out of plan and state; it is sensitive, too. Nested attributes of a
    /// write-only object must be write-only themselves; then they are the sensitive ones, because
    /// generated configuration has `{}` instead of `null` for a sensitive object.
    #[must_use]
    pub fn write_only(mut self) -> Self {
        self.write_only = true;
        self.sensitive = !matches!(self.kind, AttributeKind::Nested(..));
        self
    }

    /// Destroys and creates the object again when the value changes.
    #[must_use]
    pub fn replaces(mut self) -> Self {
        self.on_change = OnChange::Replace;
        self
    }

    /// Keeps the prior value in the plan of an update.
    #[must_use]
    pub fn keeps_prior(mut self) -> Self {
        self.keep_prior = true;
        self
    }

    /// Value when left out; the attribute becomes optional and computed.
    #[must_use]
    pub fn default(mut self, value: Value) -> Self {
        self.default = Some(value);
        self.presence = Presence::OptionalComputed;
        self
    }

    /// Marks the attribute deprecated, with what to use instead.
    #[must_use]
    pub fn deprecated(mut self, message: impl Into<String>) -> Self {
        self.deprecation = Some(message.into());
        self
    }

    /// Adds a check.
    #[must_use]
    pub fn check(mut self, validator: Validator) -> Self {
        self.validators.push(validator);
        self
    }

    /// The type of the attribute's values.
    #[must_use]
    pub fn value_type(&self) -> Type {
        match &self.kind {
            AttributeKind::Type(ty) => ty.clone(),
            AttributeKind::Nested(nesting, attributes) => {
                let object = object_type(attributes, &BTreeMap::new());
                match nesting {
                    Nesting::Single => object,
                    Nesting::List => Type::list(object),
                    Nesting::Set => Type::set(object),
                    Nesting::Map => Type::map(object),
                }
            }
        }
    }

    /// For a nested attribute: how its objects are collected and what one of them holds.
    #[must_use]
    pub fn level(&self) -> Option<(Nesting, Level<'_>)> {
        match &self.kind {
            AttributeKind::Type(_) => None,
            AttributeKind::Nested(nesting, attributes) => {
                Some((*nesting, Level { attributes, blocks: &NO_BLOCKS }))
            }
        }
    }

    /// True when the provider may decide the value.
    #[must_use]
    pub fn is_computed(&self) -> bool {
        matches!(self.presence, Presence::Computed | Presence::OptionalComputed)
    }
}

impl Block {
    /// A block without content; [`attribute`](Self::attribute) and [`block`](Self::block) fill it.
    #[must_use]
    pub fn new(nesting: BlockNesting, description: impl Into<String>) -> Self {
        Self {
            nesting,
            attributes: BTreeMap::new(),
            blocks: BTreeMap::new(),
            description: description.into(),
            deprecation: None,
            min_items: 0,
            max_items: 0,
        }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: &str, attribute: Attribute) -> Self {
        self.attributes.insert(name.to_owned(), attribute);
        self
    }

    /// Adds a block inside this one.
    #[must_use]
    pub fn block(mut self, name: &str, block: Self) -> Self {
        self.blocks.insert(name.to_owned(), block);
        self
    }

    /// How the blocks are collected and what one of them holds.
    #[must_use]
    pub const fn level(&self) -> (Nesting, Level<'_>) {
        let nesting = match self.nesting {
            BlockNesting::Single | BlockNesting::Group => Nesting::Single,
            BlockNesting::List => Nesting::List,
            BlockNesting::Set => Nesting::Set,
            BlockNesting::Map => Nesting::Map,
        };
        (nesting, Level { attributes: &self.attributes, blocks: &self.blocks })
    }
}

fn object_type(attributes: &BTreeMap<String, Attribute>, blocks: &BTreeMap<String, Block>) -> Type {
    let attributes = attributes.iter().map(|(name, a)| (name.clone(), a.value_type()));
    let blocks = blocks.iter().map(|(name, block)| {
        let object = object_type(&block.attributes, &block.blocks);
        let ty = match block.nesting {
            BlockNesting::Single | BlockNesting::Group => object,
            BlockNesting::List => Type::list(object),
            BlockNesting::Set => Type::set(object),
            BlockNesting::Map => Type::map(object),
        };
        (name.clone(), ty)
    });
    Type::object(attributes.chain(blocks))
}
