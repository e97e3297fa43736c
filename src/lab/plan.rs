//! The plan of a lab: what its CAs hold, publish and where. Pure.
//!
//! The truth about a lab is computed from its plan alone, never by validating, so that validation
//! can be tested against it.

use std::collections::BTreeSet;

use crate::ca::{KeyPool, ROUTER_SPKI, Resources, RoaPrefix};
use crate::model::{Asn, Aspa, KeyIdentifier, RouterKey, Vrp};

/// A whole RPKI: where it is published, and its trust anchors with all that is below them.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The publication servers.
    pub servers: Vec<Server>,
    /// The trust anchors; their resources must be named, not inherited.
    pub trust_anchors: Vec<Ca>,
}

/// A publication server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Server {
    /// Its name, the first label of its host name.
    pub name: String,
    /// How objects are fetched from it.
    pub transports: Transports,
}

/// How a publication server is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transports {
    /// RRDP, and rsync beside it.
    RrdpAndRsync,
    /// rsync alone.
    RsyncOnly,
}

/// A CA with its publication point.
#[derive(Clone, Debug)]
pub struct Ca {
    /// Its name, unique in the plan; names the directory and the files, too.
    pub name: String,
    /// The number of its publication server.
    pub server: usize,
    /// The resources of its certificate.
    pub resources: Resources,
    /// Its ROAs.
    pub roas: Vec<Roa>,
    /// Its ASPAs.
    pub aspas: Vec<Aspa>,
    /// The ASes for which it certifies a router key.
    pub routers: Vec<Asn>,
    /// The name of a contact, published as a Ghostbusters record.
    pub contact: Option<String>,
    /// The CAs below it.
    pub children: Vec<Ca>,
}

/// A ROA.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Roa {
    /// Its file name without the extension, unique in its CA.
    pub name: String,
    /// The AS that it permits.
    pub asn: Asn,
    /// Its prefixes.
    pub prefixes: Vec<RoaPrefix>,
}

/// What a validator must find in a lab: each item with the name of its trust anchor.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Truth {
    /// The VRPs.
    pub vrps: BTreeSet<(Vrp, String)>,
    /// The ASPAs.
    pub aspas: BTreeSet<(Aspa, String)>,
    /// The router keys.
    pub router_keys: BTreeSet<(RouterKey, String)>,
}

impl Plan {
    /// Computes what a validator must find.
    pub fn truth(&self) -> Truth {
        let mut truth = Truth::default();
        for anchor in &self.trust_anchors {
            anchor.add_to(&mut truth, &anchor.name);
        }
        truth
    }

    /// Returns the CA `name`.
    pub fn ca(&self, name: &str) -> Option<&Ca> {
        self.trust_anchors.iter().find_map(|anchor| anchor.find(name))
    }

    /// Returns the CA `name` to be changed.
    pub(super) fn ca_mut(&mut self, name: &str) -> Option<&mut Ca> {
        self.trust_anchors.iter_mut().find_map(|anchor| anchor.find_mut(name))
    }

    /// Gives every server RRDP, for machines that have no `rsync` program.
    pub fn with_rrdp_everywhere(mut self) -> Self {
        for server in &mut self.servers {
            server.transports = Transports::RrdpAndRsync;
        }
        self
    }

    /// Returns the number of keys that the plan needs for its CAs.
    pub(super) fn ca_count(&self) -> usize {
        self.trust_anchors.iter().map(Ca::count).sum::<usize>().min(KeyPool::shared().len())
    }
}

impl Ca {
    fn add_to(&self, truth: &mut Truth, anchor: &str) {
        for roa in &self.roas {
            truth.vrps.extend(roa.prefixes.iter().map(|&RoaPrefix { prefix, max_length }| {
                let max_length = max_length.unwrap_or(prefix.len());
                (Vrp { prefix, max_length, asn: roa.asn }, anchor.to_owned())
            }));
        }
        truth.aspas.extend(self.aspas.iter().map(|aspa| (aspa.clone(), anchor.to_owned())));
        truth.router_keys.extend(self.routers.iter().map(|&asn| {
            let key = RouterKey { ski: ROUTER_SKI, asn, spki: ROUTER_SPKI.to_vec() };
            (key, anchor.to_owned())
        }));
        for child in &self.children {
            child.add_to(truth, anchor);
        }
    }

    fn find(&self, name: &str) -> Option<&Ca> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    fn find_mut(&mut self, name: &str) -> Option<&mut Ca> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter_mut().find_map(|child| child.find_mut(name))
    }

    fn count(&self) -> usize {
        1 + self.children.iter().map(Ca::count).sum::<usize>()
    }
}

/// The key identifier of [`ROUTER_SPKI`], written out so that the truth needs no code of ours.
const ROUTER_SKI: KeyIdentifier = KeyIdentifier([
    0x94, 0xab, 0x63, 0x95, 0x80, 0xcc, 0xa7, 0xb8, 0x52, 0xd3, 0x6e, 0x60, 0xc6, 0xd5, 0x1c, 0x3a,
    0xcb, 0xdb, 0xc5, 0x9f,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_router_key_identifier_is_that_of_the_key() {
        let key = rpki::crypto::PublicKey::decode(ROUTER_SPKI.as_slice()).unwrap();
        assert_eq!(ROUTER_SKI.0, <[u8; 20]>::from(key.key_identifier()));
    }
}
