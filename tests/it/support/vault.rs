//! Looks into an embedded vault past the provider: what a test has stored there is read through
//! the backend port.

use std::path::Path;

use coffer::adapters::catalog::BACKENDS;
use coffer::adapters::descriptor::{Setting, Settings};
use coffer::domain::kind::{Content, field};
use coffer::domain::material::Secret;
use coffer::domain::port::{ErrorKind, Lifecycle, ListFilter, VersionSelector};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;

/// An embedded vault in a file.
#[derive(Debug)]
pub struct Vault<'p> {
    path: &'p Path,
    key: Option<&'p str>,
}

impl<'p> Vault<'p> {
    /// The vault at `path`, under the key file next to it.
    pub fn at(path: &'p Path) -> Self {
        Self { path, key: None }
    }

    /// The same under this key.
    pub fn under(self, key: &'p str) -> Self {
        Self { key: Some(key), ..self }
    }

    /// The current value of a secret with one field, as text; none when it cannot be read.
    pub fn value(&self, name: &str) -> Option<String> {
        let content = self.content(name)?;
        let value = content.field(field::VALUE).expect("a content of one field");
        Some(value.expose_text().expect("a text").to_owned())
    }

    /// The current content of a secret; none when it cannot be read.
    pub fn content(&self, name: &str) -> Option<Content> {
        let backend = self.open();
        let selector = VersionSelector::State(RotationState::Current);
        run(backend.read_content(&parse(name), selector)).ok().map(|read| read.content)
    }

    /// Where a secret is in its life; none when there is none of the name.
    pub fn lifecycle(&self, name: &str) -> Option<Lifecycle> {
        match run(self.open().read(&parse(name))) {
            Ok(record) => Some(record.lifecycle),
            Err(error) if error.kind == ErrorKind::NotFound => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Number of the last version of a secret; none when there is no secret of the name.
    pub fn latest(&self, name: &str) -> Option<u64> {
        run(self.open().read(&parse(name))).ok().map(|record| record.latest)
    }

    /// How many versions a secret has.
    pub fn versions(&self, name: &str) -> usize {
        run(self.open().list_versions(&parse(name))).expect("a secret").len()
    }

    /// Removes a secret for good.
    pub fn purge(&self, name: &str) {
        run(self.open().purge(&parse(name))).expect("a secret");
    }

    /// Names of all secrets in use.
    pub fn names(&self) -> Vec<String> {
        let (backend, filter) = (self.open(), ListFilter::default());
        let (mut names, mut next) = (Vec::new(), None);
        loop {
            let page = run(backend.list(&filter, next)).expect("it can be listed");
            names.extend(page.items.iter().map(|record| record.name.to_string()));
            next = page.next;
            if next.is_none() {
                return names;
            }
        }
    }

    fn open(&self) -> std::sync::Arc<dyn coffer::domain::port::Backend> {
        let descriptor = BACKENDS.iter().find(|backend| backend.name == "embedded").unwrap();
        let mut settings = Settings::default();
        settings.set("path", Setting::Text(self.path.to_string_lossy().into_owned()));
        if let Some(key) = self.key {
            settings.set("key", Setting::Secret(Secret::new(key.as_bytes().to_vec())));
        }
        (descriptor.open)(settings).expect("the settings are fine")
    }
}

fn parse(name: &str) -> SecretName {
    SecretName::parse(name).expect("a name")
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime starts").block_on(future)
}
