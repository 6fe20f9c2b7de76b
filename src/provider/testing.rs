//! The provider over vaults in memory, driven as a command line tool drives it: for tests.
//!
//! Holds one `coffer_secret` with its state and private data. A step plans and applies through the
//! framework's server, so that the whole pipeline takes part.

use std::sync::Arc;

use super::Coffer;
use super::access::Shared;
use super::configure::Configured;
use super::keys::Sources;
use crate::domain::port::Backend;
use crate::engine::testing::Memory;
use crate::engine::vault::{DriftDetection, Vault, VaultOptions};
use crate::plugin::framework::codec::{decode_msgpack, encode_msgpack};
use crate::plugin::framework::diag::{Diagnostics, Severity};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::server::{
    ApplyCall, ClientCapabilities, Encoded, ImportCall, MoveCall, PlanAnswer, PlanCall, ReadCall,
    Server, ServerInfo, StateAnswer, StoredState,
};
use crate::plugin::framework::value::Value;

const TYPE: &str = "coffer_secret";

/// Attributes of a configuration.
pub(super) type Config<'c> = Vec<(&'c str, Value)>;

/// One resource and its vaults.
pub(super) struct Bench {
    server: Server,
    shared: Arc<Shared>,
    drift_detection: DriftDetection,
    schema: Schema,
    pub(super) main: Arc<Memory>,
    pub(super) other: Arc<Memory>,
    /// The state; null when there is none.
    pub(super) state: Value,
    pub(super) private: Vec<u8>,
}

/// A plan, decoded.
pub(super) struct Planned {
    pub(super) value: Value,
    pub(super) private: Vec<u8>,
    pub(super) replaces: Vec<Path>,
    pub(super) diagnostics: Diagnostics,
}

impl Planned {
    /// Names of the attributes that are not known yet, in order.
    pub(super) fn unknown(&self) -> Vec<&str> {
        match &self.value {
            Value::Object(attributes) => attributes
                .iter()
                .filter(|(_, value)| value.is_unknown())
                .map(|(name, _)| name.as_str())
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Summaries of the errors.
pub(super) fn errors(diagnostics: &Diagnostics) -> Vec<&str> {
    summaries(diagnostics, Severity::Error)
}

/// Summaries of the warnings.
pub(super) fn warnings(diagnostics: &Diagnostics) -> Vec<&str> {
    summaries(diagnostics, Severity::Warning)
}

fn summaries(diagnostics: &Diagnostics, severity: Severity) -> Vec<&str> {
    let of = diagnostics.iter().filter(|d| d.severity == severity);
    of.map(|d| d.summary.as_str()).collect()
}

/// A configuration with a text as content.
pub(super) fn config<'c>(value: &str, more: Config<'c>) -> Config<'c> {
    let mut config = vec![("name", Value::string("db")), ("value_wo", Value::string(value))];
    config.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    config.extend(more);
    config
}

impl Bench {
    /// Profiles `main` (the default, with the tag `team = "a"`) and `other`, both in memory.
    pub(super) fn new() -> Self {
        Self::with(Memory::new(), DriftDetection::Metadata)
    }

    pub(super) fn with(main: Arc<Memory>, drift_detection: DriftDetection) -> Self {
        let coffer = Coffer::new();
        let shared = Arc::clone(&coffer.shared);
        let info = ServerInfo { name: super::NAME, version: "test" };
        let bench = Self {
            server: Server::new(Arc::new(coffer), info),
            shared,
            drift_detection,
            schema: super::schema::secret::schema(),
            main,
            other: Memory::new(),
            state: Value::Null,
            private: Vec::new(),
        };
        bench.begin_walk();
        bench
    }

    /// Configures, as a CLI does at the beginning of each walk.
    fn begin_walk(&self) {
        let options = VaultOptions {
            drift_detection: self.drift_detection,
            default_tags: [("team".to_owned(), "a".to_owned())].into(),
            ..VaultOptions::default()
        };
        let vault = |name: &str, memory: &Arc<Memory>, options| {
            let backend: Arc<dyn Backend> = Arc::<Memory>::clone(memory);
            Vault::new(name, backend, options)
        };
        let vaults = vec![
            vault("main", &self.main, options),
            vault("other", &self.other, VaultOptions::default()),
        ];
        self.shared.set(Configured::of_vaults(vaults, "main", Sources::default()));
    }

    fn encode(&self, value: &Value) -> Encoded {
        Encoded {
            msgpack: encode_msgpack(value, &self.schema.object_type()).unwrap(),
            json: Vec::new(),
        }
    }

    fn decode(&self, encoded: &Encoded) -> Value {
        decode_msgpack(&encoded.msgpack, &self.schema.object_type()).unwrap()
    }

    /// The whole configuration object.
    fn configuration(&self, config: &Config<'_>) -> Value {
        let mut object = Value::object(self.schema.attributes.keys().map(|n| (n, Value::Null)));
        for (name, value) in config {
            assert!(self.schema.attributes.contains_key(*name), "{name}");
            object.set(name, value.clone());
        }
        object
    }

    /// What core proposes: the configuration, with prior values where the provider decides.
    fn proposal(&self, config: &Value) -> Value {
        let mut proposal = config.clone();
        for (name, attribute) in &self.schema.attributes {
            if attribute.is_computed() && config.get(name).is_null() {
                proposal.set(name, self.state.get(name).clone());
            }
        }
        proposal
    }

    /// Plans a configuration.
    pub(super) async fn plan(&self, config: &Config<'_>) -> Planned {
        self.begin_walk();
        self.plan_from(config, &self.state, &self.private).await
    }

    /// Plans the create that follows the destroy of a replacement.
    pub(super) async fn plan_again(&self, config: &Config<'_>, first: &Planned) -> Planned {
        self.plan_from(config, &Value::Null, &first.private).await
    }

    async fn plan_from(&self, config: &Config<'_>, prior: &Value, private: &[u8]) -> Planned {
        let config = self.configuration(config);
        let answer = self
            .server
            .plan(PlanCall {
                type_name: TYPE.to_owned(),
                prior: self.encode(prior),
                proposed: self.encode(&self.proposal(&config)),
                config: self.encode(&config),
                private: private.to_vec(),
                client: ClientCapabilities { write_only_attributes: true, ..Default::default() },
                ..PlanCall::default()
            })
            .await;
        let PlanAnswer { planned, requires_replace, private, diagnostics, .. } = answer;
        let value = self.decode(&planned);
        Planned { value, private, replaces: requires_replace, diagnostics }
    }

    /// Plans and applies; returns the messages of the apply. The plan must not fail.
    pub(super) async fn apply(&mut self, config: &Config<'_>) -> Diagnostics {
        let planned = self.plan(config).await;
        assert!(!planned.diagnostics.has_errors(), "{:?}", planned.diagnostics);
        self.apply_planned(config, planned).await
    }

    /// Applies a plan, with the configuration of now.
    pub(super) async fn apply_planned(
        &mut self,
        config: &Config<'_>,
        planned: Planned,
    ) -> Diagnostics {
        if planned.value.same(&self.state) {
            return Diagnostics::new();
        }
        let config = self.configuration(config);
        let answer = self
            .server
            .apply(ApplyCall {
                type_name: TYPE.to_owned(),
                prior: self.encode(&self.state),
                planned: self.encode(&planned.value),
                config: self.encode(&config),
                private: planned.private,
                identity: None,
            })
            .await;
        let failed = answer.diagnostics.has_errors();
        let diagnostics = self.take(answer);
        if !failed {
            agree(&planned.value, &self.state);
        }
        diagnostics
    }

    /// Plans a destroy.
    pub(super) async fn plan_destroy(&self) -> Diagnostics {
        let null = || self.encode(&Value::Null);
        let call = PlanCall {
            type_name: TYPE.to_owned(),
            prior: self.encode(&self.state),
            proposed: null(),
            config: null(),
            private: self.private.clone(),
            ..PlanCall::default()
        };
        self.server.plan(call).await.diagnostics
    }

    /// Destroys.
    pub(super) async fn destroy(&mut self) -> Diagnostics {
        let null = || self.encode(&Value::Null);
        let answer = self
            .server
            .apply(ApplyCall {
                type_name: TYPE.to_owned(),
                prior: self.encode(&self.state),
                planned: null(),
                config: null(),
                private: self.private.clone(),
                identity: None,
            })
            .await;
        self.take(answer)
    }

    /// Refreshes, in a walk of its own.
    pub(super) async fn refresh(&mut self) -> Diagnostics {
        self.begin_walk();
        let answer = self
            .server
            .read(ReadCall {
                type_name: TYPE.to_owned(),
                state: self.encode(&self.state),
                private: self.private.clone(),
                identity: None,
            })
            .await;
        self.take(answer)
    }

    /// Imports by id, and reads.
    pub(super) async fn import(&mut self, id: &str) -> Diagnostics {
        let call =
            ImportCall { type_name: TYPE.to_owned(), id: id.to_owned(), ..ImportCall::default() };
        let answer = self.server.import(call).await;
        let failed = answer.diagnostics.has_errors();
        let mut diagnostics = self.take(answer);
        if !failed {
            diagnostics.extend(self.refresh().await);
        }
        diagnostics
    }

    /// Takes another type's state over, and reads.
    pub(super) async fn take_over(&mut self, ty: &str, state: &str) -> Diagnostics {
        let call = MoveCall {
            target_type: TYPE.to_owned(),
            source_type: ty.to_owned(),
            source_state: StoredState { json: state.as_bytes().to_vec(), flatmap: false },
            ..MoveCall::default()
        };
        let answer = self.server.move_state(call).await;
        let failed = answer.diagnostics.has_errors();
        let mut diagnostics = self.take(answer);
        if !failed {
            diagnostics.extend(self.refresh().await);
        }
        diagnostics
    }

    fn take(&mut self, answer: StateAnswer) -> Diagnostics {
        self.state = self.decode(&answer.state);
        self.private = answer.private;
        answer.diagnostics
    }

    /// An attribute of the state, if it is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.state.get(name).as_str()
    }
}

/// Core's check of an apply: what was planned as known is so.
fn agree(planned: &Value, applied: &Value) {
    if let (Value::Object(planned), Value::Object(_)) = (planned, applied) {
        for (name, value) in planned.iter().filter(|(_, value)| value.is_wholly_known()) {
            assert!(value.same(applied.get(name)), "{name} was planned otherwise");
        }
        assert!(applied.is_wholly_known());
    }
}
