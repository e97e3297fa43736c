//! What can go wrong while signing; each case is a mistake of the caller.

/// An object that cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CaError {
    /// The key pool has fewer keys.
    #[error("the key pool has no key number {0}")]
    NoSuchKey(usize),
    /// The primes of this key do not make an RSA key.
    #[error("key number {0} of the pool is no RSA key")]
    BadKey(usize),
    /// The crypto library did not sign.
    #[error("cannot sign")]
    Signing,
    /// A time that X.509 cannot write.
    #[error("time outside what a certificate can hold")]
    Time,
    /// A URI that the object cannot hold.
    #[error("URI outside what a certificate can hold")]
    Uri,
    /// Bytes that are no certificate, CRL or public key.
    #[error("not the DER that was expected")]
    Der,
}
