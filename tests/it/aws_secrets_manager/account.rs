//! An AWS account that issues keys in every way there is and tells which of them signed a call.
//!
//! Plays the token service (`AssumeRole`, `AssumeRoleWithWebIdentity`), the container's credentials,
//! the machine's metadata (IMDSv2) and the SSO portal, and an empty Secrets Manager. Signatures are
//! verified with the issued secret. Sources: the API references of STS and of the SSO portal, the
//! user guides of ECS ("Task IAM role") and EC2 ("Use IMDSv2").

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::json;
use time::format_description::well_known::Iso8601;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use url::Url;

use crate::support::http1::{Message, Play};
use crate::support::scripted::Scripted;

/// Region of everything.
pub const REGION: &str = "eu-test-1";
/// The role that can be assumed.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";

/// Keys that may sign.
#[derive(Debug, Clone)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl Keys {
    /// Keys that nobody has seen, temporary ones with a session token.
    fn new(number: usize, temporary: bool) -> Self {
        let random = || uuid::Uuid::new_v4().simple().to_string();
        let kind = if temporary { "ASIA" } else { "AKIA" };
        Self {
            id: format!("{kind}{number:016}"),
            secret: format!("canary-key-{}", random()),
            token: temporary.then(|| format!("canary-session-{}", random())),
        }
    }
}

/// The account, for as long as it lives.
pub struct Account {
    server: Scripted,
    world: Arc<Mutex<World>>,
}

struct World {
    known: Vec<Keys>,
    revoked: BTreeSet<String>,
    lifetime: Duration,
    bearer: String,
    refusal: Option<(u16, String)>,
    machine_has_role: bool,
    signed: Vec<String>,
    asked: Vec<String>,
}

impl Account {
    pub async fn start() -> Self {
        let world = Arc::new(Mutex::new(World {
            known: Vec::new(),
            revoked: BTreeSet::new(),
            lifetime: Duration::from_secs(3600),
            bearer: format!("canary-bearer-{}", uuid::Uuid::new_v4().simple()),
            refusal: None,
            machine_has_role: false,
            signed: Vec::new(),
            asked: Vec::new(),
        }));
        let shared = Arc::clone(&world);
        let respond = move |request: &Message| {
            let now = OffsetDateTime::now_utc();
            Play::Answer(shared.lock().unwrap().answer(request, now))
        };
        Self { server: Scripted::answers(respond).await, world }
    }

    /// Address of all services.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        with(&mut self.world.lock().unwrap())
    }

    /// Keys that last for ever, made by hand.
    pub fn made(&self) -> Keys {
        self.world(|world| world.make(false))
    }

    /// How long what is issued from now on lasts.
    pub fn lasting(&self, lifetime: Duration) {
        self.world(|world| world.lifetime = lifetime);
    }

    /// What whoever asks for keys has to show: a token of the container, of SSO, of the cluster.
    pub fn bearer(&self) -> String {
        self.world(|world| world.bearer.clone())
    }

    /// Secrets Manager says of these keys that they have expired.
    pub fn revoke(&self, id: &str) {
        self.world(|world| world.revoked.insert(id.to_owned()));
    }

    /// Who asks for keys gets this answer, in which `BEARER` stands for what they showed.
    pub fn refuses(&self, status: u16, body: &str) {
        self.world(|world| world.refusal = Some((status, body.replace("BEARER", &world.bearer))));
    }

    /// The machine has a role.
    pub fn gives_the_machine_a_role(&self) {
        self.world(|world| world.machine_has_role = true);
    }

    /// Access key ids that signed calls of Secrets Manager, in their order.
    pub fn signed(&self) -> Vec<String> {
        self.world(|world| world.signed.clone())
    }

    /// What was asked of the services that issue keys.
    pub fn asked(&self) -> Vec<String> {
        self.world(|world| world.asked.clone())
    }

    /// Every text that nobody may see.
    pub fn secrets(&self) -> Vec<String> {
        self.world(|world| {
            let keys = world.known.iter();
            let keys = keys.flat_map(|k| k.token.iter().chain([&k.secret]).cloned());
            keys.chain([world.bearer.clone()]).collect()
        })
    }
}

impl World {
    fn make(&mut self, temporary: bool) -> Keys {
        let keys = Keys::new(self.known.len() + 1, temporary);
        self.known.push(keys.clone());
        keys
    }

    fn answer(&mut self, request: &Message, now: OffsetDateTime) -> Message {
        if request.header("x-amz-target").is_some() {
            return self.secrets_manager(request);
        }
        let (method, target) = (request.start.split(' ').next().unwrap(), request.target());
        let path = target.split('?').next().unwrap();
        if (method, path) == ("POST", "/") {
            return self.token_service(request, now);
        }
        self.asked.push(format!("{method} {path}"));
        let roles = "/latest/meta-data/iam/security-credentials/";
        let shown = |name: &str, value: &str| request.header(name) == Some(value);
        match (method, path) {
            ("PUT", "/latest/api/token") => match self.machine_has_role {
                true => text("a token of the machine")
                    .with("x-aws-ec2-metadata-token-ttl-seconds", "21600"),
                false => Message::answer(404, ""),
            },
            ("GET", path) if path.starts_with(roles) => {
                assert!(shown("x-aws-ec2-metadata-token", "a token of the machine"));
                match (path == roles, &self.refusal) {
                    (true, _) => text("deploy"),
                    (false, Some(_)) => self.refused(),
                    (false, None) => self.document(now),
                }
            }
            ("GET", "/container") => match shown("authorization", &self.bearer) {
                true if self.refusal.is_none() => self.document(now),
                true => self.refused(),
                false => Message::answer(401, r#"{"code":"Denied","message":"another token"}"#),
            },
            ("GET", "/federation/credentials") => {
                match shown("x-amz-sso_bearer_token", &self.bearer) {
                    true if self.refusal.is_none() => self.portal(now),
                    true => self.refused().with("x-amzn-errortype", "UnauthorizedException"),
                    false => Message::answer(401, r#"{"message":"Session token not found"}"#)
                        .with("x-amzn-errortype", "UnauthorizedException"),
                }
            }
            _ => Message::answer(404, ""),
        }
    }

    /// The refusal that the test chose.
    fn refused(&self) -> Message {
        let (status, body) = self.refusal.as_ref().expect("the caller has looked");
        let kind = if body.starts_with('<') { "text/xml" } else { "application/json" };
        Message::answer(*status, body).with("content-type", kind)
    }

    /// Keys as container and machine give them.
    fn document(&mut self, now: OffsetDateTime) -> Message {
        let expiration = stamp(now + self.lifetime);
        let keys = self.make(true);
        let body = json!({
            "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": stamp(now),
            "AccessKeyId": keys.id, "SecretAccessKey": keys.secret, "Token": keys.token,
            "Expiration": expiration,
        });
        Message::answer(200, &body.to_string())
    }

    fn portal(&mut self, now: OffsetDateTime) -> Message {
        let expiration = (now + self.lifetime).unix_timestamp() * 1000;
        let keys = self.make(true);
        let body = json!({ "roleCredentials": {
            "accessKeyId": keys.id, "secretAccessKey": keys.secret, "sessionToken": keys.token,
            "expiration": expiration,
        }});
        Message::answer(200, &body.to_string())
    }

    fn token_service(&mut self, request: &Message, now: OffsetDateTime) -> Message {
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(&request.body).into_owned().collect();
        let field = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let action = field("Action").unwrap_or_default();
        self.asked.push(action.to_owned());
        assert_eq!(field("RoleArn"), Some(ROLE));
        if self.refusal.is_some() {
            return self.refused();
        }
        let permitted = match action {
            "AssumeRole" => self.verify(request, "sts").is_ok(),
            "AssumeRoleWithWebIdentity" => field("WebIdentityToken") == Some(&self.bearer),
            other => panic!("{other} is not played"),
        };
        if !permitted {
            let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                        <Message>Not authorized to perform sts:AssumeRole</Message></Error>\
                        </ErrorResponse>";
            return Message::answer(403, body).with("content-type", "text/xml");
        }
        let expiration = stamp(now + self.lifetime);
        let keys = self.make(true);
        let body = format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
             <AssumedRoleUser><Arn>{ROLE}/coffer</Arn><AssumedRoleId>A:coffer</AssumedRoleId>\
             </AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}\
             </SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{expiration}</Expiration>\
             </Credentials></{action}Result></{action}Response>",
            keys.id,
            keys.secret,
            keys.token.unwrap_or_default()
        );
        Message::answer(200, &body).with("content-type", "text/xml")
    }

    fn secrets_manager(&mut self, request: &Message) -> Message {
        let problem = |code: &str| Message::answer(400, &json!({ "__type": code }).to_string());
        match self.verify(request, "secretsmanager") {
            Err(code) => problem(code),
            Ok(id) => {
                self.signed.push(id.clone());
                match self.revoked.contains(&id) {
                    true => problem("ExpiredTokenException"),
                    false => problem("ResourceNotFoundException"),
                }
            }
        }
    }

    /// The access key id whose secret signed the request, by signing it again.
    fn verify(&self, request: &Message, service: &str) -> Result<String, &'static str> {
        let authorization = request.header("authorization").ok_or("MissingAuthentication")?;
        let id = between(authorization, "Credential=", "/").ok_or("IncompleteSignature")?;
        let keys = self.known.iter().find(|keys| keys.id == id);
        let keys = keys.ok_or("UnrecognizedClientException")?;
        if request.header("x-amz-security-token") != keys.token.as_deref() {
            return Err("UnrecognizedClientException");
        }
        let date = request.header("x-amz-date").ok_or("IncompleteSignature")?;
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let date = PrimitiveDateTime::parse(date, format).map_err(|_| "IncompleteSignature")?;
        let credentials =
            Credentials::new(&keys.id, &keys.secret, keys.token.clone(), None, "account");
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(service)
            .time(SystemTime::from(date.assume_utc()))
            .settings(SigningSettings::default())
            .build()
            .expect("all is set")
            .into();
        let signed = between(authorization, "SignedHeaders=", ",").ok_or("IncompleteSignature")?;
        let added = ["x-amz-date", "x-amz-security-token"];
        let headers = signed.split(';').filter(|name| !added.contains(name));
        let headers = headers.filter_map(|name| Some((name, request.header(name)?)));
        let host = request.header("host").ok_or("IncompleteSignature")?;
        let url = Url::parse(&format!("http://{host}{}", request.target())).expect("a URL");
        let body = SignableBody::Bytes(&request.body);
        let again = SignableRequest::new("POST", url.as_str(), headers, body).expect("a request");
        let (again, _) = sign(again, &parameters).expect("it can be signed").into_parts();
        let (again, _) = again.into_parts();
        let again = again.iter().find(|header| header.name() == "authorization");
        match again.is_some_and(|header| header.value() == authorization) {
            true => Ok(id.to_owned()),
            false => Err("InvalidSignatureException"),
        }
    }
}

fn text(body: &str) -> Message {
    Message::answer(200, body).with("content-type", "text/plain")
}

fn stamp(at: OffsetDateTime) -> String {
    let whole = at.replace_nanosecond(0).expect("0 is a nanosecond");
    whole.format(&Iso8601::DATE_TIME).expect("a date").replace("+00:00", "Z") + "Z"
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let rest = text.split_once(start)?.1;
    Some(rest.split_once(end).map_or(rest, |(found, _)| found))
}
