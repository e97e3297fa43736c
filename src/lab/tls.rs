//! The lab's own TLS authority.
//!
//! Its keys are drawn anew for each lab and never written to disk with the root. The root may
//! vouch for loopback names only, so that adding it to a trust store by mistake opens no door.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Datelike};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
    date_time_ymd,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::LabError;
use crate::model::Timestamp;

/// How long the certificates are valid, to both sides of the lab's "now".
const DAYS: i64 = 30;

/// A TLS root with its key.
pub(super) struct TlsAuthority {
    root: CertifiedIssuer<'static, KeyPair>,
    now: Timestamp,
}

impl TlsAuthority {
    /// Draws a root that is valid around `now`.
    pub(super) fn new(now: Timestamp) -> Result<Self, LabError> {
        let mut params = named("Lab test TLS root", now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![
                GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
                GeneralSubtree::DnsName("localhost".into()),
            ],
            excluded_subtrees: Vec::new(),
        });
        let key = KeyPair::generate().map_err(tls_error)?;
        let root = CertifiedIssuer::self_signed(params, key).map_err(tls_error)?;
        Ok(TlsAuthority { root, now })
    }

    /// Returns the root certificate as PEM.
    pub(super) fn root_pem(&self) -> String {
        self.root.as_ref().pem()
    }

    /// Makes the configuration of a server at `address`, which is also `localhost`.
    pub(super) fn server(&self, address: IpAddr) -> Result<Arc<ServerConfig>, LabError> {
        let mut params = named("Lab publication server", self.now)?;
        params.subject_alt_names =
            CertificateParams::new([address.to_string(), "localhost".into()])
                .map_err(tls_error)?
                .subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(tls_error)?;
        let certificate = params.signed_by(&key, &self.root).map_err(tls_error)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(tls_error)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(tls_error)?;
        Ok(Arc::new(config))
    }
}

fn named(name: &str, now: Timestamp) -> Result<CertificateParams, LabError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let date = |days: i64| {
        let time = DateTime::from_timestamp(now.0.saturating_add(days * 86_400), 0);
        let date = time.ok_or_else(|| LabError::Tls("time out of range".into()))?.date_naive();
        let month = u8::try_from(date.month()).unwrap_or(1);
        let day = u8::try_from(date.day()).unwrap_or(1);
        Ok::<_, LabError>(date_time_ymd(date.year(), month, day))
    };
    params.not_before = date(-DAYS)?;
    params.not_after = date(DAYS)?;
    Ok(params)
}

fn tls_error(error: impl ToString) -> LabError {
    LabError::Tls(error.to_string())
}
