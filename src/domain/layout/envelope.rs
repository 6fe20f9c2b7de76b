//! The layout `envelope`: `{"coffer":1,"encoding":{…},"fields":{…},"type":…}`.
//!
//! Fields that are text are given as they are, others in base64 and listed in `encoding`. Holds any
//! content of any type.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Form, Shape};
use crate::domain::kind::{Content, Kind};
use crate::domain::material::Secret;

/// Key of the document in maps, and its name among named bytes.
const KEY: &str = "coffer";
const DATA_KEY: &str = "coffer.json";
const MEDIA_TYPE: &str = "application/vnd.coffer+json";
const VERSION: u8 = 1;
const BASE64: &str = "base64";

/// The document. It exists while it is written or read, in memory that the allocator wipes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    coffer: u8,
    encoding: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
    #[serde(rename = "type")]
    kind: String,
}

pub(super) fn write(content: &Content, shape: Shape) -> Form {
    let document = document(content);
    match shape {
        Shape::Map => Form::Map([(KEY.to_owned(), document)].into()),
        Shape::Bytes => Form::Bytes(document),
        Shape::Text => Form::Text { text: document, content_type: MEDIA_TYPE.to_owned() },
        Shape::Data => Form::Data {
            data_type: super::native::OPAQUE,
            entries: [(DATA_KEY.to_owned(), document)].into(),
        },
    }
}

/// The content of a value that is an envelope.
pub(super) fn read(form: &Form) -> Option<Content> {
    let document = match form {
        Form::Map(entries) => only(entries, KEY)?,
        Form::Data { entries, .. } => only(entries, DATA_KEY)?,
        Form::Bytes(document) | Form::Text { text: document, .. } => document,
    };
    parse(document.expose())
}

fn only<'e>(entries: &'e BTreeMap<String, Secret>, key: &str) -> Option<&'e Secret> {
    if entries.len() == 1 { entries.get(key) } else { None }
}

fn document(content: &Content) -> Secret {
    let mut document = Document {
        coffer: VERSION,
        encoding: BTreeMap::new(),
        fields: BTreeMap::new(),
        kind: content.kind().code().to_owned(),
    };
    for (name, value) in content.fields() {
        let text = value.expose_text().map_or_else(
            |_| {
                document.encoding.insert(name.clone(), BASE64.to_owned());
                STANDARD.encode(value.expose())
            },
            str::to_owned,
        );
        document.fields.insert(name.clone(), text);
    }
    let json = serde_json::to_vec(&document);
    Secret::new(json.unwrap_or_else(|_| unreachable!("a map of texts is JSON")))
}

fn parse(json: &[u8]) -> Option<Content> {
    let document: Document = serde_json::from_slice(json).ok()?;
    if document.coffer != VERSION {
        return None;
    }
    let mut encoding = document.encoding;
    let mut fields = Vec::with_capacity(document.fields.len());
    for (name, text) in document.fields {
        let bytes = match encoding.remove(&name).as_deref() {
            None => text.into_bytes(),
            Some(BASE64) => STANDARD.decode(text).ok()?,
            Some(_) => return None,
        };
        fields.push((name, Secret::new(bytes)));
    }
    if !encoding.is_empty() {
        return None;
    }
    Content::restore(Kind::parse(&document.kind)?, fields).ok()
}
