//! Plays core: calls a provider in core's order and checks every answer as core does.
//!
//! Works over any connection: in process (`in_process`) or to the real binary (`peer`). A violated
//! check fails the test at once, with what core would have said.
//! Source: docs/resource-instance-change-lifecycle of core; docs/internals/protocol.md.

use std::collections::BTreeMap;

use coffer::plugin::framework::codec::{decode_msgpack, encode_json, encode_msgpack};
use coffer::plugin::framework::path::Path;
use coffer::plugin::framework::schema::{BlockNesting, Schema};
use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::value::Value;
use coffer::plugin::wire::proto;
use coffer::plugin::wire::proto::attribute_path::step::Selector;
use coffer::plugin::wire::proto::provider_client::ProviderClient;
use proto::diagnostic::Severity;
use tonic::transport::Channel;

use super::core_checks as checks;
use super::core_proposal::proposed_new_state;
use super::core_schema;

/// A resource instance as the state file holds it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Instance {
    /// The object; null when there is none.
    pub value: Value,
    pub private: Vec<u8>,
    pub identity: Option<Value>,
}

/// What core decides after a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    NoOp,
    Create,
    Update,
    Replace,
    Delete,
}

/// A plan that passed the checks.
#[derive(Debug, Clone)]
pub struct Plan {
    pub action: Action,
    pub planned: Value,
    pub private: Vec<u8>,
    pub identity: Option<Value>,
    pub requires_replace: Vec<Path>,
    pub warnings: Vec<String>,
}

/// The errors of a call, as texts with their paths.
pub type Errors = Vec<String>;

/// A connected core.
pub struct Core {
    pub client: ProviderClient<Channel>,
    pub capabilities: Option<proto::ClientCapabilities>,
    pub provider: Schema,
    pub resources: BTreeMap<String, Schema>,
    pub identities: BTreeMap<String, Schema>,
    pub data_sources: BTreeMap<String, Schema>,
    pub ephemeral_resources: BTreeMap<String, Schema>,
    /// Warnings of reads so far.
    pub told: Vec<String>,
    /// The configuration of the provider.
    pub configured: Option<Value>,
}

impl Core {
    /// Reads the schemas.
    pub async fn connect(mut client: ProviderClient<Channel>) -> Self {
        let request = proto::get_provider_schema::Request {};
        let answer = client.get_provider_schema(request).await.unwrap().into_inner();
        assert!(answer.diagnostics.is_empty(), "{:?}", answer.diagnostics);
        let request = proto::get_resource_identity_schemas::Request {};
        let identities = client.get_resource_identity_schemas(request).await.unwrap().into_inner();
        let all = |schemas: &BTreeMap<String, proto::Schema>| {
            schemas.iter().map(|(n, s)| (n.clone(), core_schema::schema(s))).collect()
        };
        Self {
            client,
            capabilities: Some(modern()),
            provider: core_schema::schema(answer.provider.as_ref().unwrap()),
            resources: all(&answer.resource_schemas),
            data_sources: all(&answer.data_source_schemas),
            ephemeral_resources: all(&answer.ephemeral_resource_schemas),
            told: Vec::new(),
            configured: None,
            identities: identities
                .identity_schemas
                .iter()
                .map(|(n, s)| (n.clone(), core_schema::identity(s)))
                .collect(),
        }
    }

    /// Validates and configures the provider.
    pub async fn configure(&mut self, config: &Value) -> Result<(), Errors> {
        let ty = self.provider.object_type();
        let request = proto::validate_provider_config::Request { config: dynamic(config, &ty) };
        let answer = self.client.validate_provider_config(request).await.unwrap().into_inner();
        outcome(&answer.diagnostics)?;
        let request = proto::configure_provider::Request {
            terraform_version: "1.15.0".to_owned(),
            config: dynamic(config, &ty),
            client_capabilities: self.capabilities,
        };
        let answer = self.client.configure_provider(request).await.unwrap().into_inner();
        self.configured = Some(config.clone());
        outcome(&answer.diagnostics).map(|_| ())
    }

    /// Begins another walk, as a CLI does: with the same configuration.
    pub async fn walk(&mut self) -> Result<(), Errors> {
        match self.configured.clone() {
            Some(config) => self.configure(&config).await,
            None => Ok(()),
        }
    }

    /// Validates a resource configuration; returns warnings.
    pub async fn validate(&mut self, name: &str, config: &Value) -> Result<Vec<String>, Errors> {
        let request = proto::validate_resource_config::Request {
            type_name: name.to_owned(),
            config: dynamic(config, &self.resources[name].object_type()),
            client_capabilities: self.capabilities,
        };
        let answer = self.client.validate_resource_config(request).await.unwrap().into_inner();
        outcome(&answer.diagnostics)
    }

    /// Plans, as core does: a second time with no prior state for a replacement.
    pub async fn plan(
        &mut self,
        name: &str,
        prior: &Instance,
        config: &Value,
    ) -> Result<Plan, Errors> {
        let first = self.plan_once(name, prior, config, &[]).await?;
        if first.action != Action::Replace {
            return Ok(first);
        }
        let gone = Instance { private: first.private.clone(), ..Instance::default() };
        let second = self.plan_once(name, &gone, config, &[]).await?;
        assert_eq!(second.action, Action::Create);
        Ok(Plan {
            action: Action::Replace,
            requires_replace: first.requires_replace,
            warnings: first.warnings,
            ..second
        })
    }

    /// One PlanResourceChange with its checks. A null configuration plans a destroy.
    pub async fn plan_once(
        &mut self,
        name: &str,
        prior: &Instance,
        config: &Value,
        planned_private: &[u8],
    ) -> Result<Plan, Errors> {
        let schema = &self.resources[name];
        let ty = schema.object_type();
        let proposed = match config {
            Value::Null => Value::Null,
            config => proposed_new_state(schema, &prior.value, config),
        };
        let request = proto::plan_resource_change::Request {
            type_name: name.to_owned(),
            prior_state: dynamic(&prior.value, &ty),
            proposed_new_state: dynamic(&proposed, &ty),
            config: dynamic(config, &ty),
            prior_private: prior.private.clone(),
            provider_meta: None,
            client_capabilities: self.capabilities,
            prior_identity: self.identity_message(name, prior.identity.as_ref()),
            planned_private: planned_private.to_vec(),
        };
        let answer = self.client.plan_resource_change(request).await.unwrap().into_inner();
        assert!(answer.deferred.is_none() && !answer.legacy_type_system);
        let planned = value(answer.planned_state.as_ref(), &ty);
        let paths: Vec<Path> = answer.requires_replace.iter().map(path).collect();
        let warnings = outcome(&answer.diagnostics)?;
        content(&checks::plan(&self.resources[name], &prior.value, config, &planned));
        content(&checks::replacement_paths(&prior.value, &planned, &paths));
        let identity = self.identity_value(name, answer.planned_identity.as_ref());
        let action = decide(&prior.value, &planned, &paths);
        if action == Action::NoOp {
            let before = encode_msgpack(&prior.value, &ty).unwrap();
            assert_eq!(answer.planned_state.unwrap().msgpack, before, "unchanged to the byte");
        }
        if matches!(action, Action::NoOp | Action::Update)
            && let Some(identity) = &identity
        {
            content(&checks::identity(&self.identities[name], identity));
        }
        let private = answer.planned_private;
        Ok(Plan { action, planned, private, identity, requires_replace: paths, warnings })
    }

    /// Plans again with the final configuration and applies, as core does. Returns the instance
    /// to store and the errors; an instance with errors is stored all the same.
    pub async fn apply(
        &mut self,
        name: &str,
        prior: &Instance,
        plan: &Plan,
        config: &Value,
    ) -> (Instance, Errors) {
        if plan.action == Action::NoOp {
            return (prior.clone(), Errors::new());
        }
        let mut prior = prior.clone();
        if plan.action == Action::Replace {
            let destroy = self.plan_once(name, &prior, &Value::Null, &[]).await.unwrap();
            let (left, errors) = self.apply_once(name, &prior, &destroy, &Value::Null).await;
            if !errors.is_empty() {
                return (left, errors);
            }
            prior = Instance::default();
        }
        let again = if plan.action == Action::Delete {
            plan.clone()
        } else {
            let kept = if self.capabilities.is_some_and(|c| c.store_planned_private) {
                plan.private.clone()
            } else {
                Vec::new()
            };
            match self.plan_once(name, &prior, config, &kept).await {
                Ok(again) => again,
                Err(errors) => return (prior, errors),
            }
        };
        content(&checks::final_plan(&plan.planned, &again.planned));
        if again.action == Action::NoOp {
            return (prior, Errors::new());
        }
        self.apply_once(name, &prior, &again, config).await
    }

    /// One ApplyResourceChange with its checks.
    pub async fn apply_once(
        &mut self,
        name: &str,
        prior: &Instance,
        plan: &Plan,
        config: &Value,
    ) -> (Instance, Errors) {
        let request = self.apply_request(name, prior, plan, config);
        let answer = self.client.apply_resource_change(request).await.unwrap().into_inner();
        self.applied(name, plan, answer)
    }

    /// The message for an apply.
    pub fn apply_request(
        &self,
        name: &str,
        prior: &Instance,
        plan: &Plan,
        config: &Value,
    ) -> proto::apply_resource_change::Request {
        let ty = self.resources[name].object_type();
        proto::apply_resource_change::Request {
            type_name: name.to_owned(),
            prior_state: dynamic(&prior.value, &ty),
            planned_state: dynamic(&plan.planned, &ty),
            config: dynamic(config, &ty),
            planned_private: plan.private.clone(),
            provider_meta: None,
            planned_identity: self.identity_message(name, plan.identity.as_ref()),
        }
    }

    /// Checks the answer to an apply.
    pub fn applied(
        &self,
        name: &str,
        plan: &Plan,
        answer: proto::apply_resource_change::Response,
    ) -> (Instance, Errors) {
        let schema = &self.resources[name];
        assert!(!answer.legacy_type_system);
        let new = value(answer.new_state.as_ref(), &schema.object_type());
        let identity = self.identity_value(name, answer.new_identity.as_ref());
        let errors = outcome(&answer.diagnostics).err().unwrap_or_default();
        if errors.is_empty() {
            content(&checks::applied(schema, &plan.planned, &new));
            if let (Some(schema), false) = (self.identities.get(name), new.is_null()) {
                content(&checks::identity(schema, identity.as_ref().unwrap_or(&Value::Null)));
            }
        } else {
            content(&checks::stored(schema, &new));
        }
        (Instance { value: new, private: answer.private, identity }, errors)
    }

    /// Reads the stored JSON of an instance, as at the start of every run.
    pub async fn upgrade(
        &mut self,
        name: &str,
        version: i64,
        json: &[u8],
    ) -> Result<Value, Errors> {
        let request = proto::upgrade_resource_state::Request {
            type_name: name.to_owned(),
            version,
            raw_state: Some(proto::RawState { json: json.to_vec(), flatmap: BTreeMap::new() }),
        };
        let answer = self.client.upgrade_resource_state(request).await.unwrap().into_inner();
        let schema = &self.resources[name];
        let upgraded = value(answer.upgraded_state.as_ref(), &schema.object_type());
        outcome(&answer.diagnostics)?;
        content(&checks::stored(schema, &upgraded));
        Ok(upgraded)
    }

    /// Refreshes: upgrade of the stored state, then read.
    pub async fn refresh(&mut self, name: &str, instance: &Instance) -> Result<Instance, Errors> {
        let schema = &self.resources[name];
        let (version, json) =
            (schema.version, encode_json(&instance.value, &schema.object_type()).unwrap());
        let upgraded = self.upgrade(name, version, &json).await?;
        assert!(upgraded.same(&instance.value), "an upgrade to the same version changes nothing");
        self.read(name, &Instance { value: upgraded, ..instance.clone() }).await
    }

    /// ReadResource with its checks.
    pub async fn read(&mut self, name: &str, instance: &Instance) -> Result<Instance, Errors> {
        let ty = self.resources[name].object_type();
        let request = proto::read_resource::Request {
            type_name: name.to_owned(),
            current_state: dynamic(&instance.value, &ty),
            private: instance.private.clone(),
            provider_meta: None,
            client_capabilities: self.capabilities,
            current_identity: self.identity_message(name, instance.identity.as_ref()),
        };
        let answer = self.client.read_resource(request).await.unwrap().into_inner();
        assert!(answer.deferred.is_none());
        let new = value(answer.new_state.as_ref(), &ty);
        content(&checks::stored(&self.resources[name], &new));
        self.told.extend(outcome(&answer.diagnostics)?);
        let identity = self.identity_value(name, answer.new_identity.as_ref());
        if let (Some(schema), false) = (self.identities.get(name), new.is_null()) {
            content(&checks::identity(schema, identity.as_ref().unwrap_or(&Value::Null)));
        }
        Ok(Instance { value: new, private: answer.private, identity })
    }

    /// Imports by id, or by identity, and reads.
    pub async fn import(
        &mut self,
        name: &str,
        id: &str,
        identity: Option<&Value>,
    ) -> Result<Instance, Errors> {
        let request = proto::import_resource_state::Request {
            type_name: name.to_owned(),
            id: id.to_owned(),
            client_capabilities: self.capabilities,
            identity: self.identity_message(name, identity),
        };
        let answer = self.client.import_resource_state(request).await.unwrap().into_inner();
        assert!(answer.deferred.is_none());
        outcome(&answer.diagnostics)?;
        let [imported] = answer.imported_resources.as_slice() else {
            panic!("import returned {} resources", answer.imported_resources.len());
        };
        assert_eq!(imported.type_name, name);
        let schema = &self.resources[name];
        let new = value(imported.state.as_ref(), &schema.object_type());
        content(&checks::stored(schema, &new));
        assert!(!new.is_null(), "import returned a null object");
        let returned = self.identity_value(name, imported.identity.as_ref());
        assert!(identity.is_none() || returned.is_some(), "identity after import by identity");
        let instance =
            Instance { value: new, private: imported.private.clone(), identity: returned };
        let read = self.read(name, &instance).await?;
        if read.value.is_null() {
            Err(vec!["cannot import a non-existent object".into()])
        } else {
            Ok(read)
        }
    }

    /// A whole run: validate, refresh, plan, apply, and a second plan that must be empty.
    pub async fn run(
        &mut self,
        name: &str,
        prior: &Instance,
        config: &Value,
    ) -> Result<(Action, Instance), Errors> {
        // What a sync plans depends on what others did in the same walk.
        let anew = name == "coffer_secret_sync";
        if anew {
            self.walk().await?;
        }
        self.validate(name, config).await?;
        let prior =
            if prior.value.is_null() { prior.clone() } else { self.refresh(name, prior).await? };
        let plan = self.plan(name, &prior, config).await?;
        let (instance, errors) = self.apply(name, &prior, &plan, config).await;
        if !errors.is_empty() {
            return Err(errors);
        }
        if anew {
            self.walk().await?;
        }
        let refreshed = self.refresh(name, &instance).await?;
        let second = self.plan(name, &refreshed, config).await?;
        assert_eq!(second.action, Action::NoOp, "second plan: {:#?}", second.planned);
        Ok((plan.action, refreshed))
    }

    fn identity_message(
        &self,
        name: &str,
        identity: Option<&Value>,
    ) -> Option<proto::ResourceIdentityData> {
        let ty = self.identities.get(name)?.object_type();
        Some(proto::ResourceIdentityData { identity_data: dynamic(identity?, &ty) })
    }

    fn identity_value(
        &self,
        name: &str,
        identity: Option<&proto::ResourceIdentityData>,
    ) -> Option<Value> {
        let data = identity?.identity_data.as_ref();
        Some(value(data, &self.identities[name].object_type()))
    }
}

/// What Terraform 1.16 can do.
pub const fn modern() -> proto::ClientCapabilities {
    proto::ClientCapabilities {
        deferral_allowed: false,
        write_only_attributes_allowed: true,
        store_planned_private: true,
        computed_blocks_allowed: true,
    }
}

/// A configuration as core builds it from JSON: what is left out is null, and empty for blocks.
pub fn config(schema: &Schema, json: &serde_json::Value) -> Value {
    let mut value =
        coffer::plugin::framework::codec::decode_json_value(json.clone(), &schema.object_type())
            .expect("a configuration of the schema");
    for (name, block) in &schema.blocks {
        if value.get(name).is_null() {
            let empty = match block.nesting {
                BlockNesting::Single => Value::Null,
                BlockNesting::Group => Value::Object(
                    block.attributes.keys().map(|name| (name.clone(), Value::Null)).collect(),
                ),
                BlockNesting::List => Value::List(Vec::new()),
                BlockNesting::Set => Value::Set(Vec::new()),
                BlockNesting::Map => Value::Map(BTreeMap::new()),
            };
            value.set(name, empty);
        }
    }
    value
}

/// A value as core sends it.
pub fn dynamic(value: &Value, ty: &Type) -> Option<proto::DynamicValue> {
    let msgpack = encode_msgpack(value, ty).expect("a value of the schema");
    Some(proto::DynamicValue { msgpack, json: Vec::new() })
}

/// A value as core reads it: always MessagePack.
pub fn value(message: Option<&proto::DynamicValue>, ty: &Type) -> Value {
    let message = message.expect("a value in the answer");
    assert!(message.json.is_empty(), "answers are MessagePack");
    decode_msgpack(&message.msgpack, ty).expect("an answer of the schema")
}

/// Warnings, or the errors, as texts.
pub fn outcome(diagnostics: &[proto::Diagnostic]) -> Result<Vec<String>, Errors> {
    let text = |d: &proto::Diagnostic| {
        let place = d.attribute.as_ref().map(path).unwrap_or_default();
        format!("{place}: {}: {}", d.summary, d.detail)
    };
    let with = |severity: Severity| {
        diagnostics.iter().filter(|d| d.severity() == severity).map(text).collect::<Vec<_>>()
    };
    let errors = with(Severity::Error);
    if errors.is_empty() { Ok(with(Severity::Warning)) } else { Err(errors) }
}

fn path(message: &proto::AttributePath) -> Path {
    message.steps.iter().fold(Path::root(), |path, step| match step.selector.as_ref().unwrap() {
        Selector::AttributeName(name) => path.child(name),
        Selector::ElementKeyString(key) => path.key(key),
        Selector::ElementKeyInt(index) => path.index(*index),
    })
}

fn decide(prior: &Value, planned: &Value, paths: &[Path]) -> Action {
    let changes = |path: &Path| match (path.find(prior), path.find(planned)) {
        (Some(a), Some(b)) => !a.same(b) || a.is_null(),
        _ => true,
    };
    match (prior.is_null(), planned.is_null()) {
        (true, true) => Action::NoOp,
        (true, false) => Action::Create,
        (false, true) => Action::Delete,
        (false, false) if paths.iter().any(changes) => Action::Replace,
        (false, false) if planned.same(prior) => Action::NoOp,
        (false, false) => Action::Update,
    }
}

/// Fails the test when core would complain.
pub fn content(violations: &checks::Violations) {
    assert!(violations.is_empty(), "core would refuse this: {violations:#?}");
}
