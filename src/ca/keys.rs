//! RSA keys for labs and tests, made from a checked-in list of primes.
//!
//! Drawing a fresh key takes a tenth of a second, and every run would differ. Here each pair of
//! primes is a key, made when it is first used, in well under a millisecond, the same every time.
//! They are worthless as secrets: see `primes.txt`.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use bytes::Bytes;
use num_bigint::BigUint;
use rpki::crypto::PublicKey;

use super::CaError;
use crate::model::KeyIdentifier;

/// The primes, in hexadecimal, after a few lines of comment.
const PRIMES: &str = include_str!("primes.txt");

/// More primes, for labs that need as many keys as the Internet has CAs.
const SCALE_PRIMES: &str = include_str!("scale-primes.txt");

/// The public exponent that RFC 7935, section 3, demands.
const EXPONENT: u32 = 65537;

/// A P-256 public key for router certificates (DER); nobody has its private half, nor needs it.
pub const ROUTER_SPKI: [u8; 91] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x06, 0xd3, 0x5f, 0xad, 0x3e,
    0x70, 0xd7, 0xe8, 0x94, 0xe4, 0xcb, 0x4d, 0xa4, 0x88, 0xdb, 0xb5, 0xf1, 0x15, 0xef, 0x2a, 0xd8,
    0xb3, 0xed, 0xce, 0xe3, 0x63, 0x17, 0x3d, 0xb8, 0xb2, 0x3d, 0xb7, 0x5a, 0x61, 0x6a, 0x80, 0x8c,
    0xe2, 0x37, 0xcd, 0xfe, 0x0a, 0xb1, 0x64, 0x75, 0xda, 0xcf, 0x44, 0x28, 0x1e, 0x3f, 0x84, 0xa4,
    0x60, 0x31, 0x73, 0x32, 0x66, 0x05, 0xa8, 0x96, 0xb9, 0x01, 0xbd,
];

/// A pool of RSA keys of exactly 2,048 bits, the same on every run.
pub struct KeyPool {
    primes: Vec<BigUint>,
    keys: Vec<OnceLock<Arc<SigningKey>>>,
}

impl KeyPool {
    /// Returns the pool, one for the whole process, so that a key is made once.
    pub fn shared() -> &'static KeyPool {
        static POOL: OnceLock<KeyPool> = OnceLock::new();
        POOL.get_or_init(|| KeyPool::of(PRIMES))
    }

    /// Returns a second pool, of 47,895 keys, for labs of the size of the Internet.
    ///
    /// Ask it with [`KeyPool::fresh`]: kept, its keys would take hundreds of megabytes.
    pub fn scale() -> &'static KeyPool {
        static POOL: OnceLock<KeyPool> = OnceLock::new();
        POOL.get_or_init(|| KeyPool::of(SCALE_PRIMES))
    }

    fn of(list: &str) -> KeyPool {
        let primes: Vec<_> = list
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| BigUint::parse_bytes(line.as_bytes(), 16))
            .collect();
        let pairs = primes.len() * primes.len().saturating_sub(1) / 2;
        KeyPool { primes, keys: std::iter::repeat_with(OnceLock::new).take(pairs).collect() }
    }

    /// Returns the number of keys.
    #[expect(clippy::len_without_is_empty, reason = "a pool is never empty")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns key number `index`, from 0 to `len() - 1`.
    pub fn key(&self, index: usize) -> Result<Arc<SigningKey>, CaError> {
        let slot = self.keys.get(index).ok_or(CaError::NoSuchKey(index))?;
        if let Some(key) = slot.get() {
            return Ok(key.clone());
        }
        let key = self.fresh(index)?;
        Ok(slot.get_or_init(|| Arc::new(key)).clone())
    }

    /// Makes key number `index` anew, and keeps nothing of it.
    pub fn fresh(&self, index: usize) -> Result<SigningKey, CaError> {
        let (p, q) = self.pair(index).ok_or(CaError::NoSuchKey(index))?;
        SigningKey::from_primes(p, q).ok_or(CaError::BadKey(index))
    }

    /// Makes the public half of key number `index`, which costs a hundredth of the whole key.
    pub fn public_half(&self, index: usize) -> Result<PublicKey, CaError> {
        let (p, q) = self.pair(index).ok_or(CaError::NoSuchKey(index))?;
        let (n, e) = ((p * q).to_bytes_be(), BigUint::from(EXPONENT).to_bytes_be());
        PublicKey::rsa_from_components(&n, &e).map_err(|_| CaError::BadKey(index))
    }

    /// Returns the pair of primes of a key: (1,0), (2,0), (2,1), (3,0), ...
    fn pair(&self, index: usize) -> Option<(&BigUint, &BigUint)> {
        let mut rest = index;
        for (row, p) in self.primes.iter().enumerate() {
            if rest < row {
                return self.primes.get(rest).map(|q| (p, q));
            }
            rest -= row;
        }
        None
    }
}

/// An RSA key that signs, with its public half.
pub struct SigningKey {
    pair: KeyPair,
    public: PublicKey,
}

impl SigningKey {
    fn from_primes(p: &BigUint, q: &BigUint) -> Option<Self> {
        let one = BigUint::from(1u32);
        let (p1, q1) = (p - &one, q - &one);
        let e = BigUint::from(EXPONENT);
        let d = e.modinv(&(&p1 * &q1))?;
        let n = (p * q).to_bytes_be();
        let e = e.to_bytes_be();
        let public = PublicKey::rsa_from_components(&n, &e).ok()?;
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n, e },
            d: d.to_bytes_be(),
            p: p.to_bytes_be(),
            q: q.to_bytes_be(),
            dP: (&d % &p1).to_bytes_be(),
            dQ: (&d % &q1).to_bytes_be(),
            qInv: q.modinv(p)?.to_bytes_be(),
        };
        let pair = KeyPair::from_components(&components).ok()?;
        Some(SigningKey { pair, public })
    }

    /// Returns the public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Returns the DER of the SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> Bytes {
        self.public.to_info_bytes()
    }

    /// Returns the subject key identifier: SHA-1 of the bits of the public key (RFC 6487, section 4.8.2).
    pub fn ski(&self) -> KeyIdentifier {
        KeyIdentifier(self.public.key_identifier().into())
    }

    /// Signs `message` with SHA-256 and PKCS#1 v1.5; equal messages give equal signatures.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CaError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        // PKCS#1 v1.5 takes nothing from the generator.
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| CaError::Signing)?;
        Ok(signature)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.ski())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_lc_rs::signature::KeyPair as _;

    use super::*;

    #[test]
    fn every_key_of_the_pool_is_another_one_of_2048_bits() {
        let pool = KeyPool::shared();
        assert_eq!(pool.len(), 780);
        let mut seen = BTreeSet::new();
        for index in 0..pool.len() {
            let (p, q) = pool.pair(index).unwrap();
            assert_eq!((p * q).bits(), 2048, "key {index}");
            assert!(seen.insert(p * q), "key {index}");
        }
        for index in [0, 1, 400, 779] {
            let key = pool.key(index).unwrap();
            assert_eq!(key.pair.public_modulus_len(), 256);
            assert_eq!(key.pair.public_key().as_ref(), key.public.bits());
        }
        assert_eq!(pool.key(780).unwrap_err(), CaError::NoSuchKey(780));
    }

    #[test]
    fn every_key_of_the_large_pool_is_another_one_of_2048_bits() {
        let (small, pool) = (KeyPool::shared(), KeyPool::scale());
        assert_eq!(pool.len(), 47_895);
        let mut seen: BTreeSet<_> = small.primes.iter().collect();
        for p in &pool.primes {
            assert!(seen.insert(p), "a prime is there twice");
            assert!((p >> 1022u32) == BigUint::from(3u32), "the two top bits are not set");
            assert!((p - 1u32) % EXPONENT != BigUint::ZERO, "no exponent for this prime");
        }
        for index in [0, 20_000, 47_894] {
            let key = pool.fresh(index).unwrap();
            assert_eq!(*key.public_key(), pool.public_half(index).unwrap());
        }
        assert_eq!(pool.public_half(47_895).unwrap_err(), CaError::NoSuchKey(47_895));
    }

    #[test]
    fn a_key_signs_the_same_bytes_each_time() {
        let key = KeyPool::shared().key(7).unwrap();
        let signature = key.sign(b"message").unwrap();
        assert_eq!(signature, key.sign(b"message").unwrap());
        assert_ne!(signature, key.sign(b"massage").unwrap());
        assert_eq!(KeyPool::shared().key(7).unwrap().spki_der(), key.spki_der());
    }
}
