//! Certificates: trust anchors, CAs, router keys and the EE certificates inside signed objects.
//!
//! Each function returns the part to be signed, so that a caller may change it first.

use std::str::FromStr;

use bytes::Bytes;
use chrono::DateTime;
use rpki::crypto::{PublicKey, RpkiSignatureAlgorithm};
use rpki::dep::bcder::Mode;
use rpki::repository::cert::{ExtendedKeyUsage, KeyUsage, Overclaim, TbsCert};
use rpki::repository::resources::{Addr, AsBlock, AsResources, IpBlock, IpResources};
use rpki::repository::x509::{Serial, Time, Validity};
use rpki::uri;

use super::der::{BIT_STRING, SEQUENCE, encoded, tlv};
use super::{CaError, ROUTER_SPKI, SigningKey};
use crate::model::{Asn, HttpsUri, ObjectUri, ResourceSet, TimeWindow, Timestamp};

/// The resources of a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resources {
    /// Those of the issuer, in all three kinds.
    Inherit,
    /// These; a kind without any is left out.
    Set(ResourceSet),
}

/// A CA as the issuer of a certificate: what the certificate says of it, and the key.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// The key that signs.
    pub key: &'a SigningKey,
    /// Where the CA's own certificate is published (authority information access).
    pub certificate: &'a ObjectUri,
    /// Where the CA publishes its CRL.
    pub crl: &'a ObjectUri,
}

/// What a trust anchor's certificate says.
#[derive(Clone, Copy, Debug)]
pub struct TrustAnchorFields<'a> {
    /// The serial number.
    pub serial: u64,
    /// The validity.
    pub validity: TimeWindow,
    /// The key, whose owner signs itself.
    pub key: &'a SigningKey,
    /// The resources; a trust anchor cannot inherit.
    pub resources: &'a ResourceSet,
    /// The directory of the publication point.
    pub repository: &'a ObjectUri,
    /// The manifest, a direct child of `repository`.
    pub manifest: &'a ObjectUri,
    /// The RRDP notification file, if there is RRDP.
    pub notify: Option<&'a HttpsUri>,
}

/// Makes a self-signed trust anchor certificate (RFC 6487, section 4; RFC 8630, section 2.3).
pub fn trust_anchor_certificate(fields: TrustAnchorFields<'_>) -> Result<TbsCert, CaError> {
    let public = fields.key.public_key();
    let mut tbs = TbsCert::new(
        Serial::from(fields.serial),
        public.to_subject_name(),
        validity(fields.validity)?,
        None,
        public.clone(),
        KeyUsage::Ca,
        Overclaim::Refuse,
    );
    tbs.set_basic_ca(Some(true));
    set_point(&mut tbs, fields.repository, fields.manifest, fields.notify)?;
    set_resources(&mut tbs, &Resources::Set(fields.resources.clone()));
    Ok(tbs)
}

/// What a CA's certificate says.
#[derive(Clone, Copy, Debug)]
pub struct CaFields<'a> {
    /// The serial number, unique for the issuer.
    pub serial: u64,
    /// The validity.
    pub validity: TimeWindow,
    /// The subject's public key.
    pub subject: &'a PublicKey,
    /// The resources.
    pub resources: &'a Resources,
    /// The directory of the subject's publication point.
    pub repository: &'a ObjectUri,
    /// The subject's manifest, a direct child of `repository`.
    pub manifest: &'a ObjectUri,
    /// The RRDP notification file, if there is RRDP.
    pub notify: Option<&'a HttpsUri>,
}

/// Makes the certificate of a CA below another (RFC 6487, section 4).
pub fn ca_certificate(issuer: Issuer<'_>, fields: CaFields<'_>) -> Result<TbsCert, CaError> {
    let mut tbs = issued(issuer, fields.serial, fields.validity, fields.subject, KeyUsage::Ca)?;
    tbs.set_basic_ca(Some(true));
    set_point(&mut tbs, fields.repository, fields.manifest, fields.notify)?;
    set_resources(&mut tbs, fields.resources);
    Ok(tbs)
}

/// What a BGPsec router certificate says.
#[derive(Clone, Copy, Debug)]
pub struct RouterFields {
    /// The serial number, unique for the issuer.
    pub serial: u64,
    /// The validity.
    pub validity: TimeWindow,
    /// The AS of the router.
    pub asn: Asn,
}

/// Makes a router certificate for [`ROUTER_SPKI`] (RFC 8209, section 3.1).
pub fn router_certificate(issuer: Issuer<'_>, fields: RouterFields) -> Result<TbsCert, CaError> {
    let subject = PublicKey::decode(ROUTER_SPKI.as_slice()).map_err(|_| CaError::Der)?;
    let mut tbs = issued(issuer, fields.serial, fields.validity, &subject, KeyUsage::Ee)?;
    tbs.set_extended_key_usage(Some(ExtendedKeyUsage::create_router()));
    tbs.build_as_resource_blocks(|blocks| blocks.push(rpki_asn(fields.asn.0)));
    Ok(tbs)
}

/// Makes the EE certificate of a signed object (RFC 6487, section 4; RFC 6488, section 2.1.4).
pub(super) fn object_certificate(
    issuer: Issuer<'_>,
    serial: u64,
    window: TimeWindow,
    subject: &PublicKey,
    object: &ObjectUri,
    resources: &Resources,
) -> Result<TbsCert, CaError> {
    let mut tbs = issued(issuer, serial, window, subject, KeyUsage::Ee)?;
    tbs.set_signed_object(Some(rsync(object)?));
    set_resources(&mut tbs, resources);
    Ok(tbs)
}

/// Signs a certificate.
pub fn sign_certificate(tbs: &TbsCert, key: &SigningKey) -> Result<Bytes, CaError> {
    wrap_signed(&encoded(tbs.encode_ref()), key)
}

/// Changes the signed part of a certificate or CRL, and signs it again.
///
/// `edit` gets the DER of the TBSCertificate or TBSCertList; what it leaves need not be DER.
pub fn resign(
    der: &[u8],
    key: &SigningKey,
    edit: impl FnOnce(&mut Vec<u8>),
) -> Result<Bytes, CaError> {
    let mut tbs = Mode::Der
        .decode(der, |cons| {
            cons.take_sequence(|cons| {
                let tbs = cons.capture_one()?;
                cons.skip_all()?;
                Ok(tbs.as_slice().to_vec())
            })
        })
        .map_err(|_| CaError::Der)?;
    edit(&mut tbs);
    wrap_signed(&tbs, key)
}

/// Signs `tbs` and makes the SEQUENCE of it, the algorithm and the signature.
pub(super) fn wrap_signed(tbs: &[u8], key: &SigningKey) -> Result<Bytes, CaError> {
    let signature = key.sign(tbs)?;
    let algorithm = encoded(RpkiSignatureAlgorithm::default().x509_encode());
    Ok(tlv(SEQUENCE, &[tbs, &algorithm, &tlv(BIT_STRING, &[&[0], &signature])]).into())
}

/// Starts a certificate that `issuer` issues.
fn issued(
    issuer: Issuer<'_>,
    serial: u64,
    window: TimeWindow,
    subject: &PublicKey,
    usage: KeyUsage,
) -> Result<TbsCert, CaError> {
    let public = issuer.key.public_key();
    let mut tbs = TbsCert::new(
        Serial::from(serial),
        public.to_subject_name(),
        validity(window)?,
        None,
        subject.clone(),
        usage,
        Overclaim::Refuse,
    );
    tbs.set_authority_key_identifier(Some(public.key_identifier()));
    tbs.set_ca_issuer(Some(rsync(issuer.certificate)?));
    tbs.set_crl_uri(Some(rsync(issuer.crl)?));
    Ok(tbs)
}

fn set_point(
    tbs: &mut TbsCert,
    repository: &ObjectUri,
    manifest: &ObjectUri,
    notify: Option<&HttpsUri>,
) -> Result<(), CaError> {
    tbs.set_ca_repository(Some(rsync(repository)?));
    tbs.set_rpki_manifest(Some(rsync(manifest)?));
    let notify = notify.map(|uri| uri::Https::from_str(uri.as_str())).transpose();
    tbs.set_rpki_notify(notify.map_err(|_| CaError::Uri)?);
    Ok(())
}

fn set_resources(tbs: &mut TbsCert, resources: &Resources) {
    match resources {
        Resources::Inherit => {
            tbs.set_v4_resources_inherit();
            tbs.set_v6_resources_inherit();
            tbs.set_as_resources_inherit();
        }
        Resources::Set(set) => {
            let v4 = set.v4().iter().map(|range| {
                let address = |bits: u32| Addr::from_v4(bits.into());
                // The crate holds IPv4 in the high bits, and fills the low ones of an end.
                IpBlock::from((address(range.min), address(range.max).to_max(32)))
            });
            tbs.set_v4_resources(IpResources::blocks(v4.collect()));
            let v6 = set.v6().iter().map(|range| {
                IpBlock::from((Addr::from_bits(range.min), Addr::from_bits(range.max)))
            });
            tbs.set_v6_resources(IpResources::blocks(v6.collect()));
            let asn = set
                .asn()
                .iter()
                .map(|range| AsBlock::from((rpki_asn(range.min), rpki_asn(range.max))));
            tbs.set_as_resources(AsResources::blocks(asn.collect()));
        }
    }
}

fn rpki_asn(asn: u32) -> rpki::resources::Asn {
    asn.into()
}

/// Converts a URI; what our grammar takes, the crate takes, too.
fn rsync(uri: &ObjectUri) -> Result<uri::Rsync, CaError> {
    uri::Rsync::from_str(uri.as_str()).map_err(|_| CaError::Uri)
}

fn validity(window: TimeWindow) -> Result<Validity, CaError> {
    Ok(Validity::new(time(window.from)?, time(window.until)?))
}

/// Converts a time; years must have four digits.
pub(super) fn time(timestamp: Timestamp) -> Result<Time, CaError> {
    /// 9999-12-31T23:59:59Z, the last second that GeneralizedTime can write.
    const LAST: i64 = 253_402_300_799;
    if !(0..=LAST).contains(&timestamp.0) {
        return Err(CaError::Time);
    }
    DateTime::from_timestamp(timestamp.0, 0).map(Time::new).ok_or(CaError::Time)
}
