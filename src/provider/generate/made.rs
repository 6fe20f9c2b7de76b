//! Making a value at apply, with the randomness of the operating system.
//!
//! Responsible for doing so only when the decision says it, and for what is remembered of it until
//! the state is written. Key pairs come from the cryptographic library's own generators.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use time::OffsetDateTime;

use super::{ATTRIBUTE, Order, making, read, salt};
use crate::domain::fingerprint::Salt;
use crate::domain::generate::{Entropy, Generated, KeyAlgorithm, NotMade};
use crate::domain::material::Secret;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::content::Given;
use crate::provider::import_id::capitalised;

/// A value that was made for an apply.
#[derive(Debug)]
pub(in crate::provider) struct Made {
    /// What it was made by.
    pub(in crate::provider) order: Order,
    /// Its public half, for a key pair.
    pub(in crate::provider) public_key: Option<String>,
    /// Salt of its print: it follows from the secret and the order.
    pub(in crate::provider) salt: Salt,
}

impl Made {
    /// Makes the value that the configuration orders, if one is to be made, and puts it into
    /// `given`. The outer `None` only after an error.
    pub(in crate::provider) fn by(
        config: &Value,
        prior: &Value,
        secret: &str,
        given: &mut Given,
        diags: &mut Diagnostics,
    ) -> Option<Option<Self>> {
        let making = making(config, prior, secret, OffsetDateTime::now_utc());
        if !making.makes() {
            return Some(None);
        }
        let salt = salt(secret, config, making);
        let path = Path::attribute(ATTRIBUTE);
        let order = read(config, diags)?;
        let Generated { content, public_key } = order.make(diags)?;
        *given = Given::Known { content, path };
        Some(Some(Self { order, public_key, salt }))
    }
}

impl Order {
    /// Makes the value.
    pub(in crate::provider) fn make(&self, diags: &mut Diagnostics) -> Option<Generated> {
        self.recipe
            .make(self.username.as_deref(), &mut System)
            .map_err(|error| {
                let message = format!("{}.", capitalised(&error.0));
                diags.error(Path::attribute(ATTRIBUTE), "Value could not be made", message);
            })
            .ok()
    }
}

/// The operating system's randomness.
struct System;

impl Entropy for System {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap_or_else(|error| {
            // There is nothing safe to go on with.
            panic!("the operating system gives no random bytes: {error}")
        });
    }

    fn private_key(&mut self, algorithm: KeyAlgorithm) -> Result<Secret, NotMade> {
        use aws_lc_rs::rsa::{KeyPair, KeySize};
        let random = SystemRandom::new();
        let der = match algorithm {
            KeyAlgorithm::Rsa(bits) => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    _ => KeySize::Rsa4096,
                };
                KeyPair::generate(size)
                    .and_then(|pair| pair.as_der())
                    .map(|der: Pkcs8V1Der<'_>| Secret::new(der.as_ref().to_vec()))
            }
            KeyAlgorithm::P256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
                    .map(|der| Secret::new(der.as_ref().to_vec()))
            }
            KeyAlgorithm::P384 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random)
                    .map(|der| Secret::new(der.as_ref().to_vec()))
            }
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random)
                .map(|der| Secret::new(der.as_ref().to_vec())),
        };
        der.map_err(|_| NotMade("the key pair could not be made".to_owned()))
    }
}
