//! Sign-in: credentials, region and address, from the profile or from the vendor's chain.
//!
//! Over `aws-config`, which reads the environment, the shared configuration files, SSO caches,
//! web identity tokens, container and instance metadata; its requests go through our transport
//! ([`connector`]). Everything waits for the first call. Responsible for caching credentials until
//! shortly before they expire and for the service's clock. Source: the vendor's reference guide of
//! tools and kits, "Standardized credential providers".

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_types::service_config::ServiceConfigKey;
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use url::Url;

use super::config::{Config, Keys};
use crate::adapters::http::{Expiring, Response, TokenCache, Transport, endpoint};
use crate::domain::port::{BackendError, ErrorKind, Place};

mod connector;
mod failure;
mod partition;

/// Clocks that differ by less are not what is wrong with a signature.
const TOLERATED_SKEW: i64 = 30;

/// Where the service is.
#[derive(Debug)]
pub(super) struct Site {
    /// Its address.
    pub(super) url: Url,
    /// The region that signatures name.
    pub(super) region: String,
}

/// Sign-in of one profile.
#[derive(Debug)]
pub(super) struct Access {
    config: Config,
    transport: Transport,
    sdk: OnceCell<SdkConfig>,
    site: OnceCell<Site>,
    provider: OnceCell<SharedCredentialsProvider>,
    credentials: TokenCache<Credentials>,
    /// Seconds that the service's clock is ahead of ours.
    ahead: AtomicI64,
}

impl Access {
    /// Sign-in that has not begun.
    pub(super) fn new(config: Config, transport: Transport) -> Self {
        Self {
            config,
            transport,
            sdk: OnceCell::new(),
            site: OnceCell::new(),
            provider: OnceCell::new(),
            credentials: TokenCache::default(),
            ahead: AtomicI64::new(0),
        }
    }

    /// Where the service is.
    ///
    /// # Errors
    /// `InvalidRequest` when no region is set anywhere, or an address is not usable.
    pub(super) async fn site(&self, operation: &'static str) -> Result<&Site, BackendError> {
        self.site.get_or_try_init(|| self.find_site(operation)).await
    }

    /// Where that is, as vaults of the same account tell it: those with the same sign-in.
    ///
    /// # Errors
    /// As [`Self::site`].
    pub(super) async fn place(&self, operation: &'static str) -> Result<Place, BackendError> {
        let config = &self.config;
        let (keys, role) = (config.keys.as_ref(), config.role.as_ref());
        let account = format!(
            "{:?}",
            (&config.profile, keys.map(|keys| &keys.id), role.map(|role| &role.arn))
        );
        let location = self.site(operation).await?.region.clone();
        Ok(Place { service: "aws_secrets_manager", account, location })
    }

    async fn find_site(&self, operation: &'static str) -> Result<Site, BackendError> {
        let invalid = |message: String| {
            BackendError::permanent(ErrorKind::InvalidRequest, operation, message)
        };
        let sdk = self.sdk().await;
        let region = sdk.region().map(|region| region.as_ref().to_owned()).ok_or_else(|| {
            invalid(
                "no region is known: set region in the profile, AWS_REGION, or a region in the \
                 shared configuration"
                    .to_owned(),
            )
        })?;
        let url = match (&self.config.endpoint, service_endpoint(sdk)) {
            (Some(url), _) => url.clone(),
            (None, Some((from, text))) => {
                endpoint(from, &text).map_err(|problem| invalid(problem.message))?
            }
            (None, None) => {
                let host = partition::host(
                    &region,
                    sdk.use_fips().unwrap_or_default(),
                    sdk.use_dual_stack().unwrap_or_default(),
                );
                Url::parse(&format!("https://{host}/"))
                    .map_err(|_| invalid(format!("{region:?} is not the name of a region")))?
            }
        };
        Ok(Site { url, region })
    }

    /// Credentials that last.
    ///
    /// # Errors
    /// `Unauthenticated` when nothing signs in, with what was tried.
    pub(super) async fn credentials(
        &self,
        operation: &'static str,
    ) -> Result<Arc<Credentials>, BackendError> {
        self.credentials.get(|| self.sign_in(operation)).await
    }

    async fn sign_in(
        &self,
        operation: &'static str,
    ) -> Result<Expiring<Credentials>, BackendError> {
        let provider = self.provider.get_or_init(|| self.make_provider()).await;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| failure::explain(operation, &error, self.config.role.as_ref()))?;
        let lifetime = credentials
            .expiry()
            .map(|at| at.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO));
        Ok(Expiring { value: credentials, lifetime })
    }

    async fn make_provider(&self) -> SharedCredentialsProvider {
        let sdk = self.sdk().await;
        let base = match &self.config.keys {
            Some(keys) => SharedCredentialsProvider::new(fixed(keys)),
            None => sdk.credentials_provider().unwrap_or_else(|| {
                // The loader always sets one; without, sign-in says that nothing is there.
                SharedCredentialsProvider::new(Credentials::new("", "", None, None, "none"))
            }),
        };
        let Some(role) = &self.config.role else { return base };
        let mut sts = sdk.to_builder();
        if let Some(url) = &self.config.sts_endpoint {
            sts.set_endpoint_url(Some(url.to_string()));
        } else {
            // An address of this service is none of the token service.
            sts.set_endpoint_url(None);
        }
        let mut builder = AssumeRoleProvider::builder(&role.arn)
            .session_name(&role.session_name)
            .configure(&sts.build());
        if let Some(id) = &role.external_id {
            builder = builder.external_id(id);
        }
        SharedCredentialsProvider::new(builder.build_from_provider(base).await)
    }

    /// What the vendor's chain finds. Loads files and environment, calls nobody but, for the
    /// region, the machine's own metadata.
    async fn sdk(&self) -> &SdkConfig {
        self.sdk
            .get_or_init(|| async {
                let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
                    .http_client(connector::over(self.transport.clone()));
                if let Some(profile) = &self.config.profile {
                    loader = loader.profile_name(profile);
                }
                if let Some(region) = &self.config.region {
                    loader = loader.region(Region::new(region.clone()));
                }
                if let Some(fips) = self.config.use_fips {
                    loader = loader.use_fips(fips);
                }
                if let Some(dual) = self.config.use_dualstack {
                    loader = loader.use_dual_stack(dual);
                }
                loader.load().await
            })
            .await
    }

    /// Forgets credentials that were refused. True when others can be had.
    pub(super) async fn forget_credentials(&self) -> bool {
        self.credentials.clear().await;
        self.config.keys.is_none() || self.config.role.is_some()
    }

    /// The time as the service has it.
    pub(super) fn service_time(&self, now: SystemTime) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        if ahead >= 0 { now + by } else { now.checked_sub(by).unwrap_or(now) }
    }

    /// Takes the time from an answer. True when the clocks differ, or differed until now: what was
    /// refused may have been signed before another answer told.
    pub(super) fn learn_time(&self, answer: &Response, now: SystemTime) -> bool {
        let Some(theirs) = answer.date() else { return false };
        let ahead = (theirs - OffsetDateTime::from(now)).whole_seconds();
        let known = self.ahead.swap(ahead, Ordering::Relaxed);
        ahead.abs() > TOLERATED_SKEW || (ahead - known).abs() > TOLERATED_SKEW
    }
}

fn fixed(keys: &Keys) -> Credentials {
    let text = |secret: &crate::domain::material::Secret| {
        secret.expose_text().unwrap_or_default().to_owned()
    };
    Credentials::new(&keys.id, text(&keys.secret), keys.token.as_ref().map(text), None, "profile")
}

/// An address that environment or shared configuration gives, and what gives it.
fn service_endpoint(sdk: &SdkConfig) -> Option<(&'static str, String)> {
    let own = || {
        let key = ServiceConfigKey::builder()
            .service_id("Secrets Manager")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        sdk.service_config()?.load_config(key)
    };
    own()
        .map(|url| ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url))
        .or_else(|| Some(("AWS_ENDPOINT_URL", sdk.endpoint_url()?.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::descriptor::{Setting, Settings};
    use crate::adapters::http::{HeaderMap, HeaderValue, HttpSettings};
    use crate::domain::material::Secret;

    fn access() -> Access {
        let mut settings = Settings::default();
        settings.set("region", Setting::Text("eu-central-1".to_owned()));
        settings.set("access_key_id", Setting::Text("AKID".to_owned()));
        settings.set("secret_access_key", Setting::Secret(Secret::from("canary-key")));
        let config = Config::from_settings(settings).unwrap();
        Access::new(config, Transport::new(HttpSettings::default()))
    }

    #[tokio::test]
    async fn profile_with_keys_signs_in_without_a_call() {
        let access = access();
        let credentials = access.credentials("read").await.unwrap();
        assert_eq!(credentials.access_key_id(), "AKID");
        assert_eq!(credentials.secret_access_key(), "canary-key");
        assert!(!access.forget_credentials().await, "there are no others");
        assert!(!format!("{access:?}").contains("canary"));
    }

    #[tokio::test]
    async fn address_follows_from_the_region() {
        let access = access();
        let site = access.site("read").await.unwrap();
        assert_eq!(site.region, "eu-central-1");
        assert_eq!(site.url.as_str(), "https://secretsmanager.eu-central-1.amazonaws.com/");
    }

    #[test]
    fn clock_is_taken_from_the_service() {
        let access = access();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let mut headers = HeaderMap::new();
        let date = HeaderValue::from_static("Sun, 30 Aug 2015 13:36:00 GMT");
        headers.insert("date", date);
        let answer = Response { status: 403, headers, body: Secret::from("") };
        assert!(access.learn_time(&answer, now));
        assert_eq!(access.service_time(now), now + Duration::from_secs(3600));
        assert!(access.learn_time(&answer, now), "another call was refused at the same time");
        let right = now + Duration::from_secs(3600);
        assert!(access.learn_time(&answer, right), "the clock was set right meanwhile");
        assert!(!access.learn_time(&answer, right), "the time is not what was refused");
    }
}
