//! The URIs under which a publication server is reached.

use super::{LabError, Transports};
use crate::model::{HttpsUri, ObjectUri, RsyncModule};

/// The name of the rsync module for objects.
pub(super) const MODULE: &str = "repo";
/// The name of the rsync module, and of the HTTPS directory, for trust anchor certificates.
pub(super) const TA_MODULE: &str = "ta";

/// Where a publication server is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerUris {
    /// The RRDP notification file; without RRDP there is none.
    pub notification: Option<HttpsUri>,
    /// The rsync module of the objects.
    pub module: RsyncModule,
    https: String,
    rsync: String,
}

impl ServerUris {
    /// Makes the URIs of the server at these two authorities (`HOST` or `HOST:PORT`).
    pub fn new(https: &str, rsync: &str, transports: Transports) -> Result<Self, LabError> {
        let notification = match transports {
            Transports::RrdpAndRsync => {
                Some(format!("https://{https}/rrdp/notification.xml").parse()?)
            }
            Transports::RsyncOnly => None,
        };
        let module = format!("rsync://{rsync}/{MODULE}/").parse()?;
        Ok(ServerUris { notification, module, https: https.into(), rsync: rsync.into() })
    }

    /// Returns the directory of a CA.
    pub(super) fn directory(&self, ca: &str) -> Result<ObjectUri, LabError> {
        Ok(format!("{}{ca}/", self.module).parse()?)
    }

    /// Returns the HTTPS URI of a trust anchor's certificate, if the server has HTTPS.
    pub(super) fn ta_https(&self, name: &str) -> Option<String> {
        self.notification.as_ref()?;
        Some(format!("https://{}/{TA_MODULE}/{name}.cer", self.https))
    }

    /// Returns the rsync URI of a trust anchor's certificate.
    pub(super) fn ta_rsync(&self, name: &str) -> Result<ObjectUri, LabError> {
        Ok(format!("rsync://{}/{TA_MODULE}/{name}.cer", self.rsync).parse()?)
    }
}
