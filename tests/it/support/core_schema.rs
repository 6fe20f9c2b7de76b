//! Schemas as core reads them from the answer to GetProviderSchema.
//!
//! Only what travels is known here: no defaults, no validators, no replacement rules.

use std::collections::BTreeMap;

use coffer::plugin::framework::codec::decode_type;
use coffer::plugin::framework::schema::{
    Attribute, AttributeKind, Block, BlockNesting, Nesting, Presence, Schema,
};
use coffer::plugin::wire::proto;

pub fn schema(message: &proto::Schema) -> Schema {
    let block = message.block.as_ref().expect("a schema has a block");
    let mut schema = Schema::new(&block.description);
    schema.version = message.version;
    schema.attributes = attributes(&block.attributes);
    schema.blocks = blocks(&block.block_types);
    schema
}

pub fn identity(message: &proto::ResourceIdentitySchema) -> Schema {
    let mut schema = Schema::new("");
    schema.version = message.version;
    for attribute in &message.identity_attributes {
        assert_ne!(attribute.required_for_import, attribute.optional_for_import);
        let ty = decode_type(&attribute.r#type).unwrap();
        let built = if attribute.required_for_import {
            Attribute::required(ty, "")
        } else {
            Attribute::optional(ty, "")
        };
        schema = schema.attribute(&attribute.name, built);
    }
    schema
}

fn attributes(messages: &[proto::schema::Attribute]) -> BTreeMap<String, Attribute> {
    messages.iter().map(|message| (message.name.clone(), attribute(message))).collect()
}

fn attribute(message: &proto::schema::Attribute) -> Attribute {
    let presence = match (message.required, message.optional, message.computed) {
        (true, false, false) => Presence::Required,
        (false, true, false) => Presence::Optional,
        (false, false, true) => Presence::Computed,
        (false, true, true) => Presence::OptionalComputed,
        mix => panic!("{}: no sensible mix of required, optional, computed: {mix:?}", message.name),
    };
    assert_ne!(message.r#type.is_empty(), message.nested_type.is_none(), "{}", message.name);
    let mut attribute = match &message.nested_type {
        Some(object) => {
            use proto::schema::object::NestingMode;
            let nesting = match object.nesting() {
                NestingMode::Single => Nesting::Single,
                NestingMode::List => Nesting::List,
                NestingMode::Set => Nesting::Set,
                NestingMode::Map => Nesting::Map,
                NestingMode::Invalid => panic!("{}: invalid nesting", message.name),
            };
            let mut nested = Attribute::nested(nesting, presence, [], "");
            nested.kind = AttributeKind::Nested(nesting, attributes(&object.attributes));
            nested
        }
        None => Attribute::required(decode_type(&message.r#type).unwrap(), ""),
    };
    attribute.presence = presence;
    attribute.write_only = message.write_only;
    attribute.sensitive = message.sensitive;
    assert!(message.deprecated || message.deprecation_message.is_empty(), "{}", message.name);
    attribute
}

fn blocks(messages: &[proto::schema::NestedBlock]) -> BTreeMap<String, Block> {
    messages.iter().map(|message| (message.type_name.clone(), block(message))).collect()
}

fn block(message: &proto::schema::NestedBlock) -> Block {
    use proto::schema::nested_block::NestingMode;
    let nesting = match message.nesting() {
        NestingMode::Single => BlockNesting::Single,
        NestingMode::List => BlockNesting::List,
        NestingMode::Set => BlockNesting::Set,
        NestingMode::Map => BlockNesting::Map,
        NestingMode::Group => BlockNesting::Group,
        NestingMode::Invalid => panic!("{}: invalid nesting", message.type_name),
    };
    let content = message.block.as_ref().expect("a nested block has a block");
    let mut block = Block::new(nesting, "");
    block.attributes = attributes(&content.attributes);
    block.blocks = blocks(&content.block_types);
    (block.min_items, block.max_items) = (message.min_items, message.max_items);
    block
}
