//! What a VRP file of another validator holds.

use crate::model::{Aspa, RouterKey, Timestamp, Vrp};

/// The content of a VRP file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VrpFile {
    /// The format that was found.
    pub format: FileFormat,
    /// When the file was made, if it says so.
    pub generated: Option<Timestamp>,
    /// The names of the trust anchors, in order of appearance.
    pub trust_anchors: Vec<String>,
    /// The VRPs, in the file's order.
    pub vrps: Vec<FileVrp>,
    /// The ASPAs.
    pub aspas: Vec<FileAspa>,
    /// The router keys.
    pub router_keys: Vec<FileRouterKey>,
}

/// The formats that can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileFormat {
    /// JSON of rpki-client, or of one of the many programs that write the same.
    RpkiClientJson,
    /// Routinator's `json`.
    RoutinatorJson,
    /// Routinator's `csv`, or rpki-client's with the column `Expires`.
    Csv,
}

/// A VRP of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileVrp {
    /// The VRP.
    pub vrp: Vrp,
    /// The index of its trust anchor in [`VrpFile::trust_anchors`], if the file names one.
    pub trust_anchor: Option<u16>,
    /// The last second in which it is valid, if the file says so.
    pub expires: Option<Timestamp>,
}

/// An ASPA of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileAspa {
    /// The ASPA.
    pub aspa: Aspa,
    /// The index of its trust anchor, if the file names one.
    pub trust_anchor: Option<u16>,
    /// The last second in which it is valid, if the file says so.
    pub expires: Option<Timestamp>,
}

/// A router key of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileRouterKey {
    /// The key.
    pub key: RouterKey,
    /// The index of its trust anchor, if the file names one.
    pub trust_anchor: Option<u16>,
    /// The last second in which it is valid, if the file says so.
    pub expires: Option<Timestamp>,
}
