//! Schemas and signatures as messages.
//!
//! Source: protocol messages `Schema`, `Function`, `ResourceIdentitySchema`, `ActionSchema`.

use std::collections::BTreeMap;

use super::super::framework::codec::encode_type;
use super::super::framework::object::{Parameter, Signature};
use super::super::framework::schema::{
    Attribute, AttributeKind, Block, BlockNesting, Nesting, Presence, Schema,
};
use super::proto;

pub(super) fn schema(schema: &Schema) -> proto::Schema {
    let block = proto::schema::Block {
        attributes: attributes(&schema.attributes),
        block_types: blocks(&schema.blocks),
        description: schema.description.clone(),
        description_kind: markdown(),
        deprecated: schema.deprecation.is_some(),
        deprecation_message: schema.deprecation.clone().unwrap_or_default(),
        ..Default::default()
    };
    proto::Schema { version: schema.version, block: Some(block) }
}

pub(super) fn action(config: &Schema) -> proto::ActionSchema {
    proto::ActionSchema { schema: Some(schema(config)) }
}

pub(super) fn identity(schema: &Schema) -> proto::ResourceIdentitySchema {
    let attributes = schema.attributes.iter().map(|(name, attribute)| {
        proto::resource_identity_schema::IdentityAttribute {
            name: name.clone(),
            r#type: encode_type(&attribute.value_type()),
            required_for_import: attribute.presence == Presence::Required,
            optional_for_import: attribute.presence != Presence::Required,
            description: attribute.description.clone(),
        }
    });
    proto::ResourceIdentitySchema {
        version: schema.version,
        identity_attributes: attributes.collect(),
    }
}

pub(super) fn function(signature: &Signature) -> proto::Function {
    proto::Function {
        parameters: signature.parameters.iter().map(parameter).collect(),
        variadic_parameter: signature.variadic.as_ref().map(parameter),
        r#return: Some(proto::function::Return { r#type: encode_type(&signature.result) }),
        summary: signature.summary.clone(),
        description: signature.description.clone(),
        description_kind: markdown(),
        deprecation_message: String::new(),
    }
}

fn parameter(parameter: &Parameter) -> proto::function::Parameter {
    proto::function::Parameter {
        name: parameter.name.to_owned(),
        r#type: encode_type(&parameter.ty),
        allow_null_value: parameter.allow_null,
        allow_unknown_values: parameter.allow_unknown,
        description: parameter.description.clone(),
        description_kind: markdown(),
    }
}

fn attributes(attributes: &BTreeMap<String, Attribute>) -> Vec<proto::schema::Attribute> {
    attributes.iter().map(|(name, attribute)| self::attribute(name, attribute)).collect()
}

fn attribute(name: &str, attribute: &Attribute) -> proto::schema::Attribute {
    let (ty, nested_type) = match &attribute.kind {
        AttributeKind::Type(ty) => (encode_type(ty), None),
        AttributeKind::Nested(nesting, inner) => (Vec::new(), Some(object(*nesting, inner))),
    };
    proto::schema::Attribute {
        name: name.to_owned(),
        r#type: ty,
        nested_type,
        description: attribute.description.clone(),
        required: attribute.presence == Presence::Required,
        optional: matches!(attribute.presence, Presence::Optional | Presence::OptionalComputed),
        computed: attribute.is_computed(),
        sensitive: attribute.sensitive,
        description_kind: markdown(),
        deprecated: attribute.deprecation.is_some(),
        write_only: attribute.write_only,
        deprecation_message: attribute.deprecation.clone().unwrap_or_default(),
    }
}

fn object(nesting: Nesting, inner: &BTreeMap<String, Attribute>) -> proto::schema::Object {
    use proto::schema::object::NestingMode;
    let mode = match nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
        Nesting::Map => NestingMode::Map,
    };
    proto::schema::Object {
        attributes: attributes(inner),
        nesting: mode.into(),
        ..Default::default()
    }
}

fn blocks(blocks: &BTreeMap<String, Block>) -> Vec<proto::schema::NestedBlock> {
    blocks.iter().map(|(name, block)| self::block(name, block)).collect()
}

fn block(name: &str, block: &Block) -> proto::schema::NestedBlock {
    use proto::schema::nested_block::NestingMode;
    let mode = match block.nesting {
        BlockNesting::Single => NestingMode::Single,
        BlockNesting::List => NestingMode::List,
        BlockNesting::Set => NestingMode::Set,
        BlockNesting::Map => NestingMode::Map,
        BlockNesting::Group => NestingMode::Group,
    };
    let content = proto::schema::Block {
        attributes: attributes(&block.attributes),
        block_types: blocks(&block.blocks),
        description: block.description.clone(),
        description_kind: markdown(),
        deprecated: block.deprecation.is_some(),
        deprecation_message: block.deprecation.clone().unwrap_or_default(),
        ..Default::default()
    };
    proto::schema::NestedBlock {
        type_name: name.to_owned(),
        block: Some(content),
        nesting: mode.into(),
        min_items: block.min_items,
        max_items: block.max_items,
    }
}

fn markdown() -> i32 {
    proto::StringKind::Markdown.into()
}
