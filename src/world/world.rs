//! A world: an immutable, complete result of validation, with the proof's addresses.

use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{RepositoryStatus, TrustAnchorFetch, VrpList};
use crate::model::{
    Aspa, KeyIdentifier, ObjectHash, ObjectUri, PointId, ResourceSet, RouterKey, TimeWindow,
    Timestamp, Vrp, WorldId,
};
use crate::validate::{Finding, ManifestRef, ObjectCounts, PointStatus, TrustAnchorStatus};

/// What validation found at one time.
///
/// Records refer to each other by index. Invariants: points are ordered by trust anchor, depth and
/// id, objects by point, URI and hash, and payload by its value, so that the same findings give the
/// same world in whatever way they were gathered; every index is in bounds ([`World::check`] says
/// so for a world that was read from a file). What points and objects say is shared by the worlds
/// in which it is the same.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Its number.
    pub id: WorldId,
    /// The world that it follows.
    pub parent: Option<WorldId>,
    /// What the data are for.
    pub purpose: Purpose,
    /// The time at which everything was judged.
    pub time: Timestamp,
    /// How long validation took.
    pub validation_duration: Duration,
    /// Which state of a cache it shows, so that a later process knows whether it still does;
    /// `None` if it was made in another way.
    pub stamp: Option<ObjectHash>,
    /// One for each TAL.
    pub trust_anchors: Vec<TrustAnchorRecord>,
    /// One for each repository that a certificate names.
    pub repositories: Vec<RepositoryStatus>,
    /// One for each CA; parents before children.
    pub points: Vec<PointRecord>,
    /// The objects that give payload, grouped by point.
    pub objects: Vec<ObjectRecord>,
    /// The VRPs, sorted; one that several ROAs give is there several times.
    pub vrps: VrpList,
    /// The ASPA payloads, sorted by customer, one for each ASPA object.
    pub aspas: Vec<AspaRecord>,
    /// The router keys, sorted.
    pub router_keys: Vec<RouterKeyRecord>,
}

/// What the data are for; every answer says so unless they are live.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Purpose {
    /// The real RPKI, now.
    Live,
    /// A lab: nothing in it is real.
    Lab,
    /// Objects from files, judged at a fixed time.
    Archive {
        /// The time at which they are judged.
        at: Timestamp,
    },
}

/// One trust anchor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrustAnchorRecord {
    /// The TAL's name.
    pub name: String,
    /// Whether its certificate is in use.
    pub status: TrustAnchorStatus,
    /// How fetching it went.
    pub fetch: TrustAnchorFetch,
    /// What was wrong with the certificate.
    pub findings: Vec<Finding>,
}

/// One CA and its publication point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointRecord {
    /// The index of the issuer's point in [`World::points`].
    pub parent: Option<u32>,
    /// The index of the repository that its objects were read from.
    pub repository: Option<u32>,
    /// What is the same wherever the point stands.
    pub data: Arc<PointData>,
}

/// What is known about a publication point, wherever it stands in a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointData {
    /// The point.
    pub id: PointId,
    /// The index of its trust anchor.
    pub trust_anchor: u16,
    /// The URI of the CA's certificate.
    pub certificate_uri: String,
    /// The SHA-256 of the CA's certificate.
    pub certificate_hash: ObjectHash,
    /// The CA's subject key identifier.
    pub ski: KeyIdentifier,
    /// The URI of its manifest.
    pub manifest_uri: ObjectUri,
    /// Which data are in use.
    pub status: PointStatus,
    /// The manifest in use.
    pub manifest: Option<ManifestRef>,
    /// When the CA's certificate, manifest and CRL are all valid; not the ancestors'.
    pub validity: TimeWindow,
    /// What the CA may sign for; kept only where its data are missing or old, else empty.
    ///
    /// A route inside them that no VRP covers is unknown *and incomplete*.
    pub unproven: ResourceSet,
    /// How many objects of each kind are valid.
    pub counts: ObjectCounts,
    /// What was wrong: at most [`World::MAX_FINDINGS_PER_POINT`].
    pub findings: Vec<Finding>,
    /// How many more findings there were.
    pub findings_left_out: u32,
}

/// An object that gives payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// The index of its point.
    pub point: u32,
    /// What is the same wherever the object stands.
    pub data: Arc<ObjectData>,
}

/// What is known about an object, wherever it stands in a world.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct ObjectData {
    /// Where it was published.
    pub uri: ObjectUri,
    /// The SHA-256 of its bytes.
    pub hash: ObjectHash,
    /// The validity of its own certificate.
    pub validity: TimeWindow,
}

/// A VRP and one object that gives it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct VrpRecord {
    /// The VRP.
    pub vrp: Vrp,
    /// The index of the object.
    pub object: u32,
}

/// An ASPA payload and the object that gives it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct AspaRecord {
    /// The payload.
    pub aspa: Aspa,
    /// The index of the object.
    pub object: u32,
}

/// A router key and the certificate that gives it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct RouterKeyRecord {
    /// The key.
    pub key: RouterKey,
    /// The index of the certificate.
    pub object: u32,
}

impl Deref for PointRecord {
    type Target = PointData;

    fn deref(&self) -> &PointData {
        &self.data
    }
}

impl DerefMut for PointRecord {
    fn deref_mut(&mut self) -> &mut PointData {
        Arc::make_mut(&mut self.data)
    }
}

impl Deref for ObjectRecord {
    type Target = ObjectData;

    fn deref(&self) -> &ObjectData {
        &self.data
    }
}

impl DerefMut for ObjectRecord {
    fn deref_mut(&mut self) -> &mut ObjectData {
        Arc::make_mut(&mut self.data)
    }
}

impl ObjectData {
    /// Returns what orders the objects of a point.
    pub(super) fn key(&self) -> (&str, &ObjectHash) {
        (self.uri.as_str(), &self.hash)
    }
}

impl World {
    /// Returns the positions of the objects of each point.
    pub(super) fn object_ranges(&self) -> Vec<Range<u32>> {
        let mut ranges = Vec::with_capacity(self.points.len());
        let mut end = 0u32;
        let mut rest = self.objects.iter().peekable();
        for point in 0..u32::try_from(self.points.len()).unwrap_or(u32::MAX) {
            let start = end;
            while rest.next_if(|object| object.point <= point).is_some() {
                end = end.saturating_add(1);
            }
            ranges.push(start..end);
        }
        ranges
    }

    /// Returns how far below its trust anchor each point stands.
    pub(super) fn depths(&self) -> Vec<u32> {
        let mut depths: Vec<u32> = Vec::with_capacity(self.points.len());
        for point in &self.points {
            let above = point.parent.and_then(|parent| depths.get(parent as usize));
            depths.push(above.map_or(0, |above| above.saturating_add(1)));
        }
        depths
    }
}

impl World {
    /// How many findings of one point are kept; the rest is counted.
    pub const MAX_FINDINGS_PER_POINT: usize = 100;
}
