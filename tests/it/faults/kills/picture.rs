//! What a vault holds under a name, in a form that two runs can be compared by.

use coffer::domain::port::{Backend, ErrorKind, Lifecycle, ListFilter, VersionSelector};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;

/// One secret, without what differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// In use, deleted or not there at all.
    pub lifecycle: &'static str,
    /// How often a listing has it.
    listed: usize,
    /// Rotation states of all versions.
    pub versions: Vec<String>,
    /// Values by version, where they can be read: made ones by their length.
    values: Vec<Option<String>>,
    /// The value that readers get.
    pub current: Option<String>,
    labels: String,
}

impl Picture {
    /// Looks at a secret.
    pub async fn of(backend: &dyn Backend, name: &SecretName) -> Self {
        let record = match backend.read(name).await {
            Ok(record) => Some(record),
            Err(error) if error.kind == ErrorKind::NotFound => None,
            Err(error) => panic!("the vault cannot be looked at: {error:?}"),
        };
        let lifecycle = match record.as_ref().map(|record| &record.lifecycle) {
            None => "gone",
            Some(Lifecycle::Active) => "active",
            Some(Lifecycle::Disabled) => "disabled",
            Some(Lifecycle::Deleted { .. }) => "deleted",
        };
        let listed = listed(backend, name).await;
        let metadata = record.map(|record| record.metadata).unwrap_or_default();
        let labels = format!("{:?} {:?}", metadata.description, metadata.tags);
        let mut picture = Self {
            lifecycle,
            listed,
            versions: Vec::new(),
            values: Vec::new(),
            current: None,
            labels,
        };
        if lifecycle == "active" {
            picture.look_inside(backend, name).await;
        }
        picture
    }

    async fn look_inside(&mut self, backend: &dyn Backend, name: &SecretName) {
        let versions = backend.list_versions(name).await.expect("versions can be listed");
        for version in versions {
            self.versions.push(version.rotation_states.to_string());
            self.values.push(value(backend, name, VersionSelector::Number(version.number)).await);
        }
        let current = VersionSelector::State(RotationState::Current);
        self.current = value(backend, name, current).await;
    }
}

/// How often a listing has a name.
async fn listed(backend: &dyn Backend, name: &SecretName) -> usize {
    let filter = ListFilter { name_prefix: Some(name.to_string()), ..ListFilter::default() };
    let (mut found, mut page) = (0, None);
    loop {
        let listed = backend.list(&filter, page).await.expect("it can be listed");
        found += listed.items.iter().filter(|listed| listed.name == *name).count();
        page = listed.next;
        if page.is_none() {
            return found;
        }
    }
}

/// Values of the cases have a mark; others were made and differ each time.
async fn value(
    backend: &dyn Backend,
    name: &SecretName,
    selector: VersionSelector,
) -> Option<String> {
    let read = backend.read_content(name, selector).await.ok()?;
    let text = read.content.field("value")?.expose_text().ok()?.to_owned();
    Some(if text.starts_with("canary") { text } else { format!("{} bytes", text.len()) })
}
