//! Attribute paths, as diagnostics and replacement rules carry them.
//!
//! Responsible for naming a place in a value (`profiles["main"].embedded.path`). Leaves the
//! protobuf form to the wire layer. Source: protocol message `AttributePath`.

use std::fmt;

use super::value::Value;

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Attribute of an object or block.
    Attribute(String),
    /// Entry of a map.
    Key(String),
    /// Element of a list or tuple, from 0.
    Index(i64),
}

/// A place in a value; empty for the value as a whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path(Vec<Step>);

impl Path {
    /// The value as a whole.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A top-level attribute.
    #[must_use]
    pub fn attribute(name: &str) -> Self {
        Self::root().child(name)
    }

    /// The attribute `name` below this place.
    #[must_use]
    pub fn child(mut self, name: &str) -> Self {
        self.0.push(Step::Attribute(name.to_owned()));
        self
    }

    /// The map entry `key` below this place.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.0.push(Step::Key(key.to_owned()));
        self
    }

    /// The list element `index` below this place.
    #[must_use]
    pub fn index(mut self, index: i64) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    /// The steps from the root.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The part of `value` at this place, or `None` when the path leads nowhere (a null or an
    /// unknown on the way counts as nowhere).
    #[must_use]
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |at, step| match (step, at) {
            (Step::Attribute(name), Value::Object(entries))
            | (Step::Key(name), Value::Map(entries)) => entries.get(name),
            (Step::Index(index), Value::List(items) | Value::Tuple(items)) => {
                usize::try_from(*index).ok().and_then(|index| items.get(index))
            }
            _ => None,
        })
    }
}

/// A place on the way down a value, without any allocation; a [`Path`] is made of it only when
/// there is something to report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trail<'t>(Option<(&'t Self, Link<'t>)>);

/// One step of a [`Trail`], borrowed.
#[derive(Debug, Clone, Copy)]
enum Link<'t> {
    Attribute(&'t str),
    Key(&'t str),
    Index(usize),
}

impl<'t> Trail<'t> {
    /// The value as a whole.
    #[must_use]
    pub const fn root() -> Self {
        Self(None)
    }

    /// The attribute `name` below this place.
    #[must_use]
    pub const fn attribute(&'t self, name: &'t str) -> Self {
        Self(Some((self, Link::Attribute(name))))
    }

    /// The map entry `key` below this place.
    #[must_use]
    pub const fn key(&'t self, key: &'t str) -> Self {
        Self(Some((self, Link::Key(key))))
    }

    /// The element `index` below this place.
    #[must_use]
    pub const fn index(&'t self, index: usize) -> Self {
        Self(Some((self, Link::Index(index))))
    }

    /// The same place as an owned path.
    #[must_use]
    pub fn path(&self) -> Path {
        match self.0 {
            None => Path::root(),
            Some((above, Link::Attribute(name))) => above.path().child(name),
            Some((above, Link::Key(key))) => above.path().key(key),
            Some((above, Link::Index(index))) => {
                above.path().index(i64::try_from(index).unwrap_or(i64::MAX))
            }
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
