//! Identities of repositories, publication points and worlds.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use super::{HttpsUri, ObjectUri, RsyncModule, UriError};

/// One source of objects: an RRDP notification file or an rsync module.
///
/// What is fetched from one is never visible through another (RFC 8182, section 3.4.5; THREATS A23).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum RepositoryId {
    /// RRDP, named by the notification URI alone.
    Rrdp(HttpsUri),
    /// An rsync module.
    Rsync(RsyncModule),
}

impl RepositoryId {
    /// Returns the URI as text.
    pub fn as_str(&self) -> &str {
        match self {
            RepositoryId::Rrdp(uri) => uri.as_str(),
            RepositoryId::Rsync(module) => module.as_str(),
        }
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RepositoryId {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        match text.parse() {
            Ok(uri) => Ok(RepositoryId::Rrdp(uri)),
            Err(_) => text.parse().map(RepositoryId::Rsync),
        }
    }
}

/// The identity of a publication point, the same after its CA's certificate was renewed.
///
/// A hash over trust anchor, the issuer's `PointId`, subject public key and manifest URI. Never
/// the key identifier alone: anyone can put any key into a certificate (THREATS G24).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct PointId(pub [u8; 32]);

impl PointId {
    /// Derives the identity of the point whose CA has the key `spki` (DER).
    ///
    /// `issuer` is `None` for a trust anchor's own point.
    pub fn derive(
        trust_anchor: &str,
        issuer: Option<PointId>,
        spki: &[u8],
        manifest: &ObjectUri,
    ) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [
            b"provost point 1".as_slice(),
            trust_anchor.as_bytes(),
            issuer.as_ref().map_or(&[], |id| id.0.as_slice()),
            spki,
            manifest.as_str().as_bytes(),
        ] {
            // The length first, so that no two lists of parts read the same.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut id = [0; 32];
        id.copy_from_slice(context.finish().as_ref());
        PointId(id)
    }
}

impl fmt::Display for PointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The number of a published world; it only grows, also after the cache was deleted.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct WorldId(pub u64);

impl fmt::Display for WorldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g24_every_part_of_a_point_id_counts() {
        let manifest: ObjectUri = "rsync://h/m/a.mft".parse().unwrap();
        let other: ObjectUri = "rsync://h/m/b.mft".parse().unwrap();
        let base = PointId::derive("ta", None, b"key", &manifest);
        assert_eq!(base, PointId::derive("ta", None, b"key", &manifest));
        for changed in [
            PointId::derive("tb", None, b"key", &manifest),
            PointId::derive("ta", Some(base), b"key", &manifest),
            PointId::derive("ta", None, b"yek", &manifest),
            PointId::derive("ta", None, b"key", &other),
        ] {
            assert_ne!(base, changed);
        }
    }
}
