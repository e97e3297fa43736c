//! What one validation run produces: the value that crosses from `validate` to `world`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Finding;
use super::next_key::{AnnouncedKey, NextKeys};
use crate::model::{
    Aspa, HttpsUri, KeyIdentifier, ObjectHash, ObjectUri, PointId, RepositoryId, ResourceSet,
    RouterKey, TimeWindow, Timestamp, Vrp,
};

/// Everything that a run found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Validation {
    /// The time at which everything was judged.
    pub time: Timestamp,
    /// One for each TAL, in the order of the TALs.
    pub trust_anchors: Vec<TrustAnchorOutcome>,
    /// Every CA that was reached: grouped by trust anchor, parents before children, siblings in
    /// `PointId` order, so that two runs over the same input give the same list.
    pub points: Vec<Arc<PointOutcome>>,
    /// The window in which the same input gives the same result; its end is the next wake-up.
    pub horizon: TimeWindow,
}

/// What became of one trust anchor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustAnchorOutcome {
    /// The TAL's name.
    pub name: String,
    /// Whether its certificate is in use.
    pub status: TrustAnchorStatus,
    /// What was wrong with the certificate.
    pub findings: Vec<Finding>,
}

/// Whether a trust anchor's certificate is in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum TrustAnchorStatus {
    /// It is valid; its tree was walked.
    Valid,
    /// It was never fetched.
    Missing,
    /// It was rejected; the findings say why.
    Rejected,
    /// The cache could not be read. That is not absence: the world keeps what the previous world
    /// had for this trust anchor, until it expires.
    Unreadable,
}

/// Where a CA publishes (RFC 6487, section 4.8.8.1; RFC 8182, section 3.2).
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CaLocation {
    /// The RRDP notification URI, if the CA has one.
    pub notify: Option<HttpsUri>,
    /// `caRepository`, with its final slash.
    pub directory: ObjectUri,
    /// `rpkiManifest`.
    pub manifest: ObjectUri,
}

/// What became of one CA's publication point.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PointOutcome {
    /// The point.
    pub id: PointId,
    /// The point of the issuer; `None` for a trust anchor's own.
    pub parent: Option<PointId>,
    /// The index of its trust anchor in [`Validation::trust_anchors`].
    pub trust_anchor: usize,
    /// The URI of the CA's certificate, as text (a trust anchor's may be HTTPS).
    pub certificate_uri: String,
    /// The SHA-256 of the CA's certificate.
    pub certificate_hash: ObjectHash,
    /// The subject key identifier of the CA.
    pub ski: KeyIdentifier,
    /// Where it publishes.
    pub location: CaLocation,
    /// The repository that its objects were read from.
    pub repository: Option<RepositoryId>,
    /// What the CA may sign for, after inheritance.
    pub resources: Arc<ResourceSet>,
    /// Which data are in use.
    pub status: PointStatus,
    /// The manifest in use.
    pub manifest: Option<ManifestRef>,
    /// When the CA's certificate, its manifest and its CRL are all valid; not the ancestors'.
    pub validity: TimeWindow,
    /// The objects that give payload, in the order of the manifest's names.
    #[serde(skip)] // They are remembered with the verdicts that they come from.
    pub objects: Vec<Arc<PayloadObject>>,
    /// How many objects of each kind are valid.
    pub counts: ObjectCounts,
    /// In a trust anchor's own point: the next key that a valid TAK announces, the first if
    /// several do.
    pub(crate) next_key: Option<AnnouncedKey>,
    /// What was wrong, worst first.
    pub findings: Vec<Finding>,
}

/// Which data of a publication point are in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum PointStatus {
    /// What was fetched last.
    Current,
    /// An earlier state, because what was fetched last failed (RFC 9286, section 6.6).
    LastGood,
    /// The repository was not fetched yet; an earlier state is in use, if there is one.
    Pending,
    /// Nothing: there is no valid state.
    Failed,
    /// The cache could not be read. That is not absence: the world keeps what the previous world
    /// had for this point and for the points below it, until it expires.
    Unreadable,
}

/// The manifest that a point's data come from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ManifestRef {
    /// The SHA-256 of the manifest.
    pub hash: ObjectHash,
    /// The manifest number, big endian, 20 octets (RFC 9286, section 4.2.1).
    pub number: [u8; 20],
    /// When it was made.
    pub this_update: Timestamp,
    /// When the next one is due.
    pub next_update: Timestamp,
}

/// An object that gives payload.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PayloadObject {
    /// Where it was published.
    pub uri: ObjectUri,
    /// The SHA-256 of its bytes.
    pub hash: ObjectHash,
    /// The validity of its own certificate; the chain's is narrower.
    pub validity: TimeWindow,
    /// What it says.
    pub payload: Payload,
}

/// What an object says to routers.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Payload {
    /// A ROA, with each VRP once.
    Roa(Vec<Vrp>),
    /// An ASPA.
    Aspa(Aspa),
    /// A BGPsec router certificate, one key for each AS.
    RouterKeys(Vec<RouterKey>),
}

/// The kinds of objects that are counted.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum ObjectKind {
    /// A CA certificate.
    CaCertificate,
    /// A BGPsec router certificate.
    RouterCertificate,
    /// A certificate revocation list.
    Crl,
    /// A manifest.
    Manifest,
    /// A route origin authorisation.
    Roa,
    /// An autonomous system provider authorisation.
    Aspa,
    /// A Ghostbusters record.
    Ghostbusters,
    /// Any other object; its hash was checked.
    Other,
}

impl ObjectKind {
    /// Returns the kind that a file name announces (RFC 6481, section 3, and the IANA registry).
    pub fn of_name(name: &str) -> ObjectKind {
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("cer") => ObjectKind::CaCertificate,
            Some("crl") => ObjectKind::Crl,
            Some("mft") => ObjectKind::Manifest,
            Some("roa") => ObjectKind::Roa,
            Some("asa") => ObjectKind::Aspa,
            Some("gbr") => ObjectKind::Ghostbusters,
            _ => ObjectKind::Other,
        }
    }

    /// Returns the word that output and metrics use.
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectKind::CaCertificate => "ca_cert",
            ObjectKind::RouterCertificate => "router_cert",
            ObjectKind::Crl => "crl",
            ObjectKind::Manifest => "manifest",
            ObjectKind::Roa => "roa",
            ObjectKind::Aspa => "aspa",
            ObjectKind::Ghostbusters => "gbr",
            ObjectKind::Other => "other",
        }
    }
}

/// How many objects of each kind are valid in a point.
pub type ObjectCounts = BTreeMap<ObjectKind, u32>;

/// What is remembered about points between runs: state, not memo.
///
/// Replay, regression and fallback are decided against it (RFC 9286, section 6.6), and the age of a
/// trust anchor's next key (RFC 9691, section 4).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct State {
    /// The last good state of each point.
    pub points: BTreeMap<PointId, Arc<LastGood>>,
    /// Since when the trust anchors announce their next keys.
    pub next_keys: NextKeys,
}

/// The last state of a point that passed as a whole.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LastGood {
    /// The manifest; what it lists is read from the store by hash.
    pub manifest: ManifestRef,
    /// The URI of the manifest, whose file name may change after a reset of the number.
    pub manifest_uri: ObjectUri,
    /// The hashes of manifest, CRL and every listed object: pinned against pruning.
    pub objects: Vec<ObjectHash>,
}
