//! Calls of the service: one method of its API each.
//!
//! Responsible for the form of a request (target, content type, address) and for two paces: reads
//! may be frequent, writes and listings have quotas of 50 a second. All requests may be repeated
//! after a lost answer: writes of values carry their id, label moves name where the label comes
//! from, the rest sets what is to be. Leaves bodies to [`wire`](super::wire).

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::auth::Access;
use super::config::Config;
use super::{PACING, WRITE_PACING, error, sign};
use crate::adapters::http::{
    Api, Client, HeaderName, HeaderValue, Method, Outgoing, Repeat, Request, Response, Transport,
    json,
};
use crate::domain::material::Secret;
use crate::domain::port::{BackendError, Place};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// A method of the service's API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action {
    name: &'static str,
    target: &'static str,
    frequent: bool,
}

/// A method and whether it may be called frequently.
macro_rules! actions {
    ($($constant:ident $name:literal $frequent:literal)+) => {
        impl Action {$(
            pub(super) const $constant: Self = Self {
                name: $name,
                target: concat!("secretsmanager.", $name),
                frequent: $frequent,
            };
        )+}
    };
}

actions! {
    CREATE "CreateSecret" false
    DELETE "DeleteSecret" false
    DESCRIBE "DescribeSecret" true
    GET_VALUE "GetSecretValue" true
    LIST "ListSecrets" false
    LIST_VERSIONS "ListSecretVersionIds" false
    MOVE_LABEL "UpdateSecretVersionStage" false
    PUT_VALUE "PutSecretValue" false
    REMOVE_REPLICAS "RemoveRegionsFromReplication" false
    REPLICATE "ReplicateSecretToRegions" false
    RESTORE "RestoreSecret" false
    TAG "TagResource" false
    UNTAG "UntagResource" false
    UPDATE "UpdateSecret" false
}

/// The service of one profile.
#[derive(Debug)]
pub(super) struct Service {
    access: Arc<Access>,
    reads: Client,
    writes: Client,
}

impl Service {
    /// A service. Nothing is read or connected before the first call.
    pub(super) fn new(config: Config) -> Self {
        let transport = Transport::new(config.http.clone());
        let chosen = config.pacing;
        let access = Arc::new(Access::new(config, transport.clone()));
        let reads = Client::over(transport, Arc::new(Signed(Arc::clone(&access))));
        let writes = match chosen {
            // Limits that the profile sets are meant for everything.
            Some(chosen) if chosen != PACING => reads.clone(),
            _ => reads.paced(WRITE_PACING),
        };
        Self { access, reads, writes }
    }

    /// Where the service is, as vaults of the same account tell it.
    ///
    /// # Errors
    /// When no region is known.
    pub(super) async fn place(&self, operation: &'static str) -> Result<Place, BackendError> {
        self.access.place(operation).await
    }

    /// Makes a call.
    ///
    /// # Errors
    /// What the answer means, with the method's name and the service's request id.
    pub(super) async fn call<Q, A>(
        &self,
        operation: &'static str,
        action: Action,
        body: Q,
    ) -> Result<A, BackendError>
    where
        Q: Serialize + Send,
        A: DeserializeOwned,
    {
        let site = self.access.site(operation).await?;
        let bytes = json(operation, &body)?;
        // The bytes hold the value from here on.
        drop(body);
        let request = Request::new(operation, Method::POST, site.url.clone(), Repeat::Always)
            .header(TARGET, HeaderValue::from_static(action.target))
            .body(bytes, CONTENT_TYPE);
        let client = if action.frequent { &self.reads } else { &self.writes };
        let answer = client.send(&request).await;
        let answer = answer.map_err(|error| error.with("action", action.name))?;
        // Some methods answer nothing at all.
        if answer.body.is_empty() {
            let nothing = Response { body: Secret::from("{}"), ..answer };
            return nothing.json(operation);
        }
        answer.json(operation)
    }
}

/// How the service is spoken to.
#[derive(Debug)]
struct Signed(Arc<Access>);

#[async_trait]
impl Api for Signed {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<(), BackendError> {
        let operation = request.operation;
        let credentials = self.0.credentials(operation).await?;
        let site = self.0.site(operation).await?;
        let now = self.0.service_time(SystemTime::now());
        sign::add_signature(request, &credentials, &site.region, now)
    }

    fn refuses(&self, answer: &Response) -> bool {
        error::is_expired(answer) || error::may_be_skewed(answer)
    }

    async fn renew(&self, answer: &Response) -> bool {
        if error::may_be_skewed(answer) {
            return self.0.learn_time(answer, SystemTime::now());
        }
        self.0.forget_credentials().await
    }

    fn failure(&self, operation: &'static str, answer: &Response) -> BackendError {
        error::understand(operation, answer)
    }
}
