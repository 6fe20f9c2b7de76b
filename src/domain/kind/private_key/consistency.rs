//! Does the public half of a key belong to its private half?
//!
//! A key whose halves are of two keys would be refused by whoever uses it, long after it was
//! stored. Checked where it can be: RSA by its primes, the NIST curves and Ed25519 by computing the
//! public half. Numbers are big-endian bytes; the two operations on them are the schoolbook's, on a
//! key that is at hand anyway.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use pkcs8::ObjectIdentifier;
use zeroize::Zeroizing;

use super::{Broken, DAMAGED};
use crate::domain::kind::field;

const MISMATCH: Broken =
    (field::PEM, "holds a public half that does not belong to the private one");

/// Curves that can be computed on, and the length of their numbers.
const CURVES: [(&str, usize, &EcdsaSigningAlgorithm); 3] = [
    ("1.2.840.10045.3.1.7", 32, &ECDSA_P256_SHA256_ASN1_SIGNING),
    ("1.3.132.0.34", 48, &ECDSA_P384_SHA384_ASN1_SIGNING),
    ("1.3.132.0.35", 66, &ECDSA_P521_SHA512_ASN1_SIGNING),
];

/// The public half of an elliptic curve key, when it is there and the curve is known.
pub(super) fn ec(
    curve: ObjectIdentifier,
    private: &[u8],
    public: Option<&[u8]>,
) -> Result<(), Broken> {
    let known = CURVES.iter().find(|(oid, ..)| ObjectIdentifier::new_unwrap(oid) == curve);
    let Some((_, length, algorithm)) = known else { return Ok(()) };
    if private.len() != *length {
        return Err(DAMAGED);
    }
    // A compressed point would have to be computed; software does not write them here.
    let Some(public) = public.filter(|public| public.first() == Some(&4)) else { return Ok(()) };
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public)
        .map(drop)
        .map_err(|_| MISMATCH)
}

/// The public half of an Ed25519 key, when it is there.
pub(super) fn ed25519(seed: &[u8], public: Option<&[u8]>) -> Result<(), Broken> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| DAMAGED)?;
    match public {
        Some(public) if aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref() != public => {
            Err(MISMATCH)
        }
        _ => Ok(()),
    }
}

/// The modulus of an RSA key is the product of its primes.
pub(super) fn rsa(modulus: &[u8], p: &[u8], q: &[u8]) -> Result<(), Broken> {
    if significant(&product(p, q)) == significant(modulus) { Ok(()) } else { Err(MISMATCH) }
}

/// `d mod (prime - 1)`.
pub(super) fn exponent(d: &[u8], prime: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
    let mut modulus = Zeroizing::new(prime.to_vec());
    match modulus.last_mut() {
        // A prime that matters here is odd, so taking one away does not borrow.
        Some(last) if *last & 1 == 1 => *last -= 1,
        _ => return Err(DAMAGED),
    }
    if significant(&modulus).is_empty() {
        return Err(DAMAGED);
    }
    Ok(remainder(d, &modulus))
}

fn product(a: &[u8], b: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut result = Zeroizing::new(vec![0_u8; a.len() + b.len()]);
    for (i, x) in a.iter().enumerate().rev() {
        let mut carry = 0_u16;
        for (j, y) in b.iter().enumerate().rev() {
            // At most 255 * 255 + 255 + 255, which is what 16 bits hold.
            let sum = u16::from(*x) * u16::from(*y) + u16::from(result[i + j + 1]) + carry;
            let [high, low] = sum.to_be_bytes();
            result[i + j + 1] = low;
            carry = u16::from(high);
        }
        let [_, low] = carry.to_be_bytes();
        result[i] = low;
    }
    result
}

/// Long division, bit by bit. The remainder has one byte more than `modulus`, for the shift.
fn remainder(number: &[u8], modulus: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![0_u8]);
    padded.extend_from_slice(modulus);
    let mut rest = Zeroizing::new(vec![0_u8; padded.len()]);
    for bit in number.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)) {
        let mut carry = bit;
        for byte in rest.iter_mut().rev() {
            let out = *byte >> 7;
            *byte = *byte << 1 | carry;
            carry = out;
        }
        if rest.as_slice() >= padded.as_slice() {
            let mut borrow = false;
            for (byte, less) in rest.iter_mut().zip(padded.iter()).rev() {
                let (difference, first) = byte.overflowing_sub(*less);
                let (difference, second) = difference.overflowing_sub(u8::from(borrow));
                *byte = difference;
                borrow = first || second;
            }
        }
    }
    rest
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(bytes: &[u8]) -> u128 {
        bytes.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
    }

    proptest! {
        #[test]
        fn product_is_that_of_integers(a: u64, b: u64) {
            let bytes = product(&a.to_be_bytes(), &b.to_be_bytes());
            prop_assert_eq!(value(&bytes), u128::from(a) * u128::from(b));
        }

        #[test]
        fn remainder_is_that_of_integers(a: u128, b in 1_u64..) {
            let bytes = remainder(&a.to_be_bytes(), &b.to_be_bytes());
            prop_assert_eq!(value(&bytes), a % u128::from(b));
        }
    }

    #[test]
    fn exponent_of_no_prime_is_refused() {
        for bytes in [&[][..], &[1], &[0, 1], &[4]] {
            assert!(exponent(&[7], bytes).is_err());
        }
        assert_eq!(value(&exponent(&[29], &[11]).unwrap()), 9);
    }
}
