//! What a provider implements: resources, data sources, ephemeral resources, functions, list
//! resources and actions.
//!
//! Responsible for the traits and for the requests and responses they exchange, all in typed
//! values. Leaves dispatch, decoding, the plan pipeline, consistency guards and write-only nulling
//! to [`server`](super::server). Responses are `&mut` and start as "nothing changed", so that an
//! early return after an error never loses state.
//! Source: protocol RPCs of managed resources, data sources, ephemeral resources and functions.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::context::Context;
use super::diag::Diagnostics;
use super::path::Path;
use super::private::Private;
use super::schema::{Attribute, Schema};
use super::types::Type;
use super::value::Value;

/// A provider: its own configuration and the objects it offers.
#[async_trait]
pub trait Provider: Debug + Send + Sync {
    /// Schema of the provider block.
    fn schema(&self) -> Schema;

    /// Checks the provider block beyond what the schema says. Parts may be unknown.
    async fn validate(&self, _ctx: &Context, _config: &Value, _diags: &mut Diagnostics) {}

    /// Takes the provider block. Must be cheap and may be called again at any time.
    async fn configure(&self, ctx: &Context, request: ConfigureRequest, diags: &mut Diagnostics);

    /// Managed resources by type name.
    fn resources(&self) -> Vec<(&'static str, Arc<dyn Resource>)>;

    /// Data sources by type name.
    fn data_sources(&self) -> Vec<(&'static str, Arc<dyn DataSource>)> {
        Vec::new()
    }

    /// Ephemeral resources by type name.
    fn ephemeral_resources(&self) -> Vec<(&'static str, Arc<dyn EphemeralResource>)> {
        Vec::new()
    }

    /// Functions by name.
    fn functions(&self) -> Vec<(&'static str, Arc<dyn Function>)> {
        Vec::new()
    }

    /// List resources by type name; each needs a managed resource of that name with identity.
    fn list_resources(&self) -> Vec<(&'static str, Arc<dyn ListResource>)> {
        Vec::new()
    }

    /// Actions by type name.
    fn actions(&self) -> Vec<(&'static str, Arc<dyn Action>)> {
        Vec::new()
    }
}

/// The provider block as sent by the CLI.
#[derive(Debug)]
pub struct ConfigureRequest {
    /// Object of the provider schema; parts may be unknown during plan.
    pub config: Value,
    /// Version of the CLI; OpenTofu sends its own.
    pub terraform_version: String,
}

/// A managed resource.
#[async_trait]
pub trait Resource: Debug + Send + Sync {
    /// Schema of the configuration and state.
    fn schema(&self) -> Schema;

    /// Identity attributes, if the resource has an identity. Required ones have
    /// [`Presence::Required`](super::schema::Presence::Required); only primitive types and lists
    /// of them are allowed.
    fn identity_schema(&self) -> Option<Schema> {
        None
    }

    /// Checks a configuration beyond what the schema says. Parts may be unknown; the provider may
    /// not be configured.
    async fn validate(&self, _ctx: &Context, _config: &Value, _diags: &mut Diagnostics) {}

    /// Adjusts the plan of a create or update after the generic pipeline has run. Not called for
    /// destroys (see [`plan_destroy`](Self::plan_destroy)).
    async fn plan(&self, _ctx: &Context, _request: PlanRequest<'_>, _response: &mut PlanResponse) {}

    /// Reports problems of a destroy at plan. An error refuses it.
    async fn plan_destroy(
        &self,
        _ctx: &Context,
        _prior: &Value,
        _private: &Private,
        _diags: &mut Diagnostics,
    ) {
    }

    /// Creates the object. `response.state` starts as `None`.
    async fn create(&self, ctx: &Context, request: ApplyRequest, response: &mut StateResponse);

    /// Reads the object. `response.state` starts as the current state; `None` means gone.
    async fn read(&self, ctx: &Context, request: ReadRequest, response: &mut StateResponse);

    /// Updates the object. `response.state` starts as the prior state.
    async fn update(&self, ctx: &Context, request: ApplyRequest, response: &mut StateResponse);

    /// Deletes the object. `response.state` starts as the prior state and becomes `None` when the
    /// call returns without an error.
    async fn delete(&self, ctx: &Context, request: DeleteRequest, response: &mut StateResponse);

    /// Starts an import: returns a state with just enough for the read that follows.
    async fn import(&self, _ctx: &Context, _request: ImportRequest, response: &mut StateResponse) {
        response.diagnostics.error(
            Path::root(),
            "Import is not supported",
            "This resource type cannot be imported.",
        );
    }

    /// Takes over the state of another resource type. `Ok(None)` when this source type is not
    /// supported.
    async fn move_state(
        &self,
        _ctx: &Context,
        _request: MoveRequest,
        _response: &mut MoveResponse,
    ) {
    }

    /// True when an update may change the identity, as a move to another place does.
    fn mutable_identity(&self) -> bool {
        false
    }

    /// Brings a stored identity of an older identity schema version to the current shape.
    /// Attributes that no longer exist are dropped and new ones are null without any help.
    fn upgrade_identity(
        &self,
        _version: i64,
        identity: serde_json::Value,
        _diags: &mut Diagnostics,
    ) -> Option<serde_json::Value> {
        Some(identity)
    }

    /// Brings stored state of an older schema version to the current shape. Called only when
    /// `version` is older than the schema's; the value is the untyped JSON as stored.
    fn upgrade(
        &self,
        version: i64,
        _state: serde_json::Value,
        diags: &mut Diagnostics,
    ) -> Option<serde_json::Value> {
        diags.error(
            Path::root(),
            "Stored state cannot be upgraded",
            format!("The state was written with schema version {version}, which this provider does not know."),
        );
        None
    }

    /// Adjusts the configuration generated from a state for an import block. The generic part
    /// (computed-only and write-only attributes are nulled) is already done.
    fn generate_config(&self, _state: &Value, _config: &mut Value) {}
}

/// Input of [`Resource::plan`].
#[derive(Debug)]
pub struct PlanRequest<'r> {
    /// The resource's schema.
    pub schema: &'r Schema,
    /// The configuration, with write-only values; parts may be unknown.
    pub config: &'r Value,
    /// The prior state; `None` for a create.
    pub prior: Option<&'r Value>,
    /// Private data of the prior state.
    pub private: &'r Private,
    /// True when the CLI keeps planned private data between plan and apply (Terraform ≥ 1.16).
    pub store_planned_private: bool,
    /// Private data that the plan before this one returned, when this is the plan that apply
    /// starts with and the CLI keeps such data (Terraform ≥ 1.16).
    pub planned_private: Option<&'r Private>,
    /// Identity of the prior state.
    pub identity: Option<&'r Value>,
}

/// Output of [`Resource::plan`], filled by the generic pipeline beforehand.
#[derive(Debug)]
pub struct PlanResponse {
    /// The planned object. Computed attributes the configuration leaves out are unknown when the
    /// object differs from the prior state, except those that keep their prior value.
    pub planned: Value,
    /// Attributes whose change makes it a replacement.
    pub requires_replace: Vec<Path>,
    /// Private data for apply.
    pub private: Private,
    /// Planned identity, if already known.
    pub identity: Option<Value>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// Input of create and update.
#[derive(Debug)]
pub struct ApplyRequest {
    /// The configuration, wholly known, with write-only values.
    pub config: Value,
    /// What was planned; unknown parts are to be decided now. Write-only attributes are null.
    pub planned: Value,
    /// The prior state; `None` for a create.
    pub prior: Option<Value>,
    /// Private data of the plan.
    pub private: Private,
    /// Identity of the prior state or plan.
    pub identity: Option<Value>,
}

/// Input of delete.
#[derive(Debug)]
pub struct DeleteRequest {
    /// The state to delete.
    pub prior: Value,
    /// Private data of the plan.
    pub private: Private,
}

/// Input of read.
#[derive(Debug)]
pub struct ReadRequest {
    /// The state as stored.
    pub state: Value,
    /// Private data as stored.
    pub private: Private,
    /// Identity as stored.
    pub identity: Option<Value>,
}

/// Output of everything that returns a state.
#[derive(Debug, Default)]
pub struct StateResponse {
    /// The object, or `None` when there is none (any more).
    pub state: Option<Value>,
    /// Private data to store with it.
    pub private: Private,
    /// Identity to store with it.
    pub identity: Option<Value>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// What the user named in an import.
#[derive(Debug)]
pub enum ImportRequest {
    /// The id of `terraform import` or of an `import` block.
    Id(String),
    /// The identity object of an `import` block.
    Identity(Value),
}

/// A state of another resource type that a `moved` block hands over.
#[derive(Debug)]
pub struct MoveRequest {
    /// Provider source address, as the CLI writes it (with host).
    pub source_provider: String,
    /// Resource type of the source.
    pub source_type: String,
    /// Schema version of the source state.
    pub source_version: i64,
    /// The source state as stored. It may hold a secret: take identity from it and drop the rest.
    pub source_state: serde_json::Value,
}

/// Output of [`Resource::move_state`].
#[derive(Debug, Default)]
pub struct MoveResponse {
    /// The state in this resource's schema; `None` when the source type is not supported.
    pub state: Option<Value>,
    /// Private data to store with it.
    pub private: Private,
    /// Identity to store with it.
    pub identity: Option<Value>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// A data source.
#[async_trait]
pub trait DataSource: Debug + Send + Sync {
    /// Schema of configuration and result.
    fn schema(&self) -> Schema;

    /// Checks a configuration beyond what the schema says.
    async fn validate(&self, _ctx: &Context, _config: &Value, _diags: &mut Diagnostics) {}

    /// Reads. The result is the whole object, wholly known; `None` only with an error.
    async fn read(&self, ctx: &Context, config: Value, diags: &mut Diagnostics) -> Option<Value>;
}

/// An ephemeral resource: its result is never stored.
#[async_trait]
pub trait EphemeralResource: Debug + Send + Sync {
    /// Schema of configuration and result.
    fn schema(&self) -> Schema;

    /// Checks a configuration beyond what the schema says.
    async fn validate(&self, _ctx: &Context, _config: &Value, _diags: &mut Diagnostics) {}

    /// Opens. Configured attributes are echoed in the result.
    async fn open(&self, ctx: &Context, config: Value, diags: &mut Diagnostics) -> Option<Opened>;

    /// Renews before `renew_at`. Returning `None` ends renewing.
    async fn renew(
        &self,
        _ctx: &Context,
        _private: Private,
        _diags: &mut Diagnostics,
    ) -> Option<Renewed> {
        None
    }

    /// Closes; may never be called when a run is interrupted.
    async fn close(&self, _ctx: &Context, _private: Private, _diags: &mut Diagnostics) {}
}

/// Result of [`EphemeralResource::open`].
#[derive(Debug, Default)]
pub struct Opened {
    /// The result object.
    pub result: Value,
    /// Handed to renew and close.
    pub private: Private,
    /// Unix time in seconds of the first renewal; `None` for never.
    pub renew_at: Option<i64>,
}

/// Result of [`EphemeralResource::renew`].
#[derive(Debug)]
pub struct Renewed {
    /// Handed to the next renewal.
    pub private: Private,
    /// Unix time in seconds of the next renewal; `None` for no more.
    pub renew_at: Option<i64>,
}

/// A provider-defined function: pure and offline.
pub trait Function: Debug + Send + Sync {
    /// Parameters, result and documentation.
    fn signature(&self) -> Signature;

    /// Computes the result. Arguments conform to the signature.
    ///
    /// # Errors
    /// The message for the user and the argument (from 0) it is about.
    fn call(&self, arguments: Vec<Value>) -> Result<Value, FunctionError>;
}

/// What a function takes and returns.
#[derive(Debug, Clone)]
pub struct Signature {
    /// One line.
    pub summary: String,
    /// Markdown for the documentation page.
    pub description: String,
    /// Positional parameters.
    pub parameters: Vec<Parameter>,
    /// Parameter for all further arguments.
    pub variadic: Option<Parameter>,
    /// Type of the result.
    pub result: Type,
}

/// One parameter of a function.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Name in the documentation.
    pub name: &'static str,
    /// Type of the argument.
    pub ty: Type,
    /// Markdown for the documentation page.
    pub description: String,
    /// The function wants to see nulls.
    pub allow_null: bool,
    /// The function wants to see unknown values.
    pub allow_unknown: bool,
}

/// Why a function call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// Text for the user.
    pub message: String,
    /// Argument from 0, if it is about one.
    pub argument: Option<i64>,
}

/// Lists existing objects for `terraform query` (Terraform ≥ 1.14).
#[async_trait]
pub trait ListResource: Debug + Send + Sync {
    /// Schema of the inner `config` block.
    fn schema(&self) -> Schema;

    /// Calls `emit` for each object until it returns false (limit reached or cancelled). Messages
    /// are shown when one of them is an error; the protocol has no place for other ones.
    async fn list(
        &self,
        ctx: &Context,
        config: Value,
        include_resource: bool,
        emit: &mut (dyn FnMut(Listed) -> bool + Send),
        diags: &mut Diagnostics,
    );
}

/// One object found by [`ListResource::list`].
#[derive(Debug)]
pub struct Listed {
    /// Identity of the object.
    pub identity: Value,
    /// Name for people.
    pub display_name: String,
    /// The whole state, when asked for.
    pub resource: Option<Value>,
}

/// Something done on request (Terraform ≥ 1.14).
#[async_trait]
pub trait Action: Debug + Send + Sync {
    /// Schema of the `config` block; write-only arguments are allowed.
    fn schema(&self) -> Schema;

    /// Reports problems at plan.
    async fn plan(&self, _ctx: &Context, _config: &Value, _diags: &mut Diagnostics) {}

    /// Does it, reporting progress lines.
    async fn invoke(
        &self,
        ctx: &Context,
        config: Value,
        progress: &mut (dyn FnMut(String) + Send),
        diags: &mut Diagnostics,
    );
}

/// Names and attributes of an object, for those who generate documentation.
pub type Attributes = std::collections::BTreeMap<String, Attribute>;
