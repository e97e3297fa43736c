//! Resource certificates (RFC 6487) and router certificates (RFC 8209).

use bytes::Bytes;
use rpki::crypto::KeyIdentifier as RpkiKeyIdentifier;
use rpki::repository::cert::{Cert as RpkiCert, Overclaim};
use rpki::repository::error::InspectionError;
use rpki::repository::x509::Time;

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::key::rsa_public_key;
use super::limits::MAX_CERTIFICATE_SIZE;
use super::name::name_text;
use super::resources::CertResources;
use crate::model::{HttpsUri, KeyIdentifier, ObjectUri, TimeWindow, Timestamp};

const IP_RESOURCES: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 7];
const IP_RESOURCES_V2: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 28];
const AS_RESOURCES: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 8];
const AS_RESOURCES_V2: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 29];

/// A serial number: big endian, padded on the left to 20 octets.
pub type Serial = [u8; 20];

/// A decoded certificate.
///
/// The bytes that are signed are slices of the input, so that nothing is encoded again.
#[derive(Clone, Debug)]
pub struct Cert {
    rpki: RpkiCert,
    serial: Serial,
    tbs: Bytes,
    signature: Bytes,
    spki: Bytes,
    resources: CertResources,
}

/// What a certificate is for; each kind has its own profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// A trust anchor (RFC 6487; RFC 8630, section 2.3).
    TrustAnchor,
    /// A CA.
    Ca,
    /// The one-time certificate of a signed object.
    Ee,
    /// The one-time certificate of a signed object that is not published (RFC 9323, section 3).
    DetachedEe,
    /// A BGPsec router certificate.
    Router,
}

impl Cert {
    /// Decodes a certificate that is the whole of `bytes`.
    pub fn decode(bytes: &Bytes) -> Result<Cert, DecodeError> {
        if bytes.len() > MAX_CERTIFICATE_SIZE {
            let detail = format!("{} bytes, more than {MAX_CERTIFICATE_SIZE}", bytes.len());
            return Err(DecodeError::new(Fault::TooLarge, detail));
        }
        let parts = Parts::read(bytes)?;
        // After our own pass, which bounds counts and demands sorted resources: the decoder
        // of the crate is not linear on what is unsorted.
        let rpki = RpkiCert::decode(bytes.clone()).map_err(|error| {
            DecodeError::syntax(format!("certificate: {}", error.to_string().trim_end()))
        })?;
        Ok(Cert {
            rpki,
            serial: parts.serial,
            tbs: bytes.slice_ref(parts.tbs),
            signature: bytes.slice_ref(parts.signature),
            spki: bytes.slice_ref(parts.spki),
            resources: parts.resources,
        })
    }

    /// Checks everything that can be checked without the issuer and the time.
    pub fn inspect(&self, profile: Profile) -> Result<(), DecodeError> {
        // Names are read in any string type: peers accept them, and nothing hangs on them.
        let strict = false;
        match profile {
            Profile::TrustAnchor => self.rpki.inspect_ta(strict),
            Profile::Ca => self.rpki.inspect_ca(strict),
            Profile::Ee => self.rpki.inspect_ee(strict),
            Profile::DetachedEe => self.rpki.inspect_detached_ee(strict),
            Profile::Router => self.rpki.inspect_router(strict),
        }
        .map_err(|error: InspectionError| {
            DecodeError::new(Fault::CertificateProfile, error.to_string())
        })?;
        if profile != Profile::TrustAnchor && self.rpki.ca_issuer().is_none() {
            let detail = "missing Authority Information Access extension";
            return Err(DecodeError::new(Fault::CertificateProfile, detail));
        }
        if profile == Profile::DetachedEe && self.rpki.signed_object().is_some() {
            let detail = "an object that is not published has a Subject Information Access";
            return Err(DecodeError::new(Fault::CertificateProfile, detail));
        }
        let validity = self.validity();
        if validity.from > validity.until {
            let detail = format!("notBefore {} after notAfter {}", validity.from, validity.until);
            return Err(DecodeError::new(Fault::CertificateProfile, detail));
        }
        if profile != Profile::Router {
            rsa_public_key(&self.spki)?;
        }
        Ok(())
    }

    /// Tells whether the certificate calls itself a CA.
    pub fn is_ca(&self) -> bool {
        self.rpki.is_ca()
    }

    /// Tells whether there is an extended key usage, which only router certificates have.
    pub fn has_extended_key_usage(&self) -> bool {
        self.rpki.extended_key_usage().is_some()
    }

    /// Returns the serial number.
    pub fn serial(&self) -> Serial {
        self.serial
    }

    /// Returns the bytes that the issuer signed.
    pub fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// Returns the signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Returns the DER of the SubjectPublicKeyInfo.
    pub fn spki(&self) -> &Bytes {
        &self.spki
    }

    /// Returns the bits of the subject's public key: an RSAPublicKey or a point of a curve.
    pub fn public_key(&self) -> &[u8] {
        self.rpki.subject_public_key_info().bits()
    }

    /// Returns the subject key identifier.
    pub fn ski(&self) -> KeyIdentifier {
        key_identifier(self.rpki.subject_key_identifier())
    }

    /// Returns the authority key identifier.
    pub fn aki(&self) -> Option<KeyIdentifier> {
        self.rpki.authority_key_identifier().map(key_identifier)
    }

    /// Returns the validity.
    pub fn validity(&self) -> TimeWindow {
        let validity = self.rpki.validity();
        TimeWindow::new(timestamp(validity.not_before()), timestamp(validity.not_after()))
    }

    /// Returns the resources as claimed.
    pub fn resources(&self) -> &CertResources {
        &self.resources
    }

    /// Tells whether resources beyond the issuer's are cut off (RFC 8360) or fatal (RFC 6487).
    pub fn is_trimmed(&self) -> bool {
        self.rpki.overclaim() == Overclaim::Trim
    }

    /// Tells whether the CRL distribution point is `uri`.
    pub fn has_crl_uri(&self, uri: &ObjectUri) -> bool {
        self.rpki.crl_uri().is_some_and(|text| is_same_uri(text.as_str(), uri))
    }

    /// Returns the CRL distribution point as text.
    pub fn crl_uri(&self) -> Option<&str> {
        self.rpki.crl_uri().map(|uri| uri.as_str())
    }

    /// Tells whether the signed object is published at `uri`, as the certificate says.
    pub fn has_signed_object_uri(&self, uri: &ObjectUri) -> bool {
        self.rpki.signed_object().is_some_and(|text| is_same_uri(text.as_str(), uri))
    }

    /// Returns where the signed object is published, as text.
    pub fn signed_object_uri(&self) -> Option<&str> {
        self.rpki.signed_object().map(|uri| uri.as_str())
    }

    /// Returns where the issuer's certificate is published, as text.
    pub fn issuer_uri(&self) -> Option<&str> {
        self.rpki.ca_issuer().map(|uri| uri.as_str())
    }

    /// Returns the issuer's name as `/CN=..`, safe to print; what it says decides nothing.
    pub fn issuer_name(&self) -> String {
        issuer_of_tbs(&self.tbs).unwrap_or_default()
    }

    /// Returns `caRepository`, if it is a URI that we read.
    pub fn ca_repository(&self) -> Option<ObjectUri> {
        let uri: ObjectUri = self.rpki.ca_repository()?.as_str().parse().ok()?;
        Some(uri.to_directory())
    }

    /// Returns `rpkiManifest`, if it is a URI that we read.
    pub fn manifest(&self) -> Option<ObjectUri> {
        self.rpki.rpki_manifest()?.as_str().parse().ok()
    }

    /// Returns `rpkiNotify`: `Err` holds one that we do not read.
    pub fn notify(&self) -> Result<Option<HttpsUri>, String> {
        match self.rpki.rpki_notify() {
            Some(uri) => uri.as_str().parse().map(Some).map_err(|_| uri.to_string()),
            None => Ok(None),
        }
    }
}

fn issuer_of_tbs(tbs: &[u8]) -> Option<String> {
    let mut fields = Reader::whole_sequence(tbs, "tbsCertificate").ok()?;
    for what in ["version", "serialNumber", "signature algorithm"] {
        fields.value(what).ok()?;
    }
    Some(name_text(fields.sequence("issuer").ok()?))
}

fn is_same_uri(text: &str, uri: &ObjectUri) -> bool {
    // The second comparison is for hosts that are not in lower case.
    text == uri.as_str() || text.parse().is_ok_and(|other: ObjectUri| other == *uri)
}

fn key_identifier(id: RpkiKeyIdentifier) -> KeyIdentifier {
    KeyIdentifier(id.into())
}

fn timestamp(time: Time) -> Timestamp {
    Timestamp(time.timestamp())
}

/// The parts of a certificate that the `rpki` crate does not give out.
struct Parts<'a> {
    tbs: &'a [u8],
    signature: &'a [u8],
    serial: Serial,
    spki: &'a [u8],
    resources: CertResources,
}

impl<'a> Parts<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cert = Reader::whole_sequence(bytes, "certificate")?;
        let tbs = cert.value("tbsCertificate")?;
        cert.sequence("signatureAlgorithm")?;
        let signature = der::bit_string(cert.expect(der::BIT_STRING, "signature")?)
            .filter(|(_, unused)| *unused == 0)
            .ok_or_else(|| DecodeError::syntax("signature: unused bits"))?;
        cert.end("certificate")?;

        let mut fields = Reader::whole_sequence(tbs.whole, "tbsCertificate")?;
        fields.expect(der::EXPLICIT_0, "version")?;
        let serial = fields.unsigned_20("serialNumber")?.filter(|serial| *serial != [0; 20]);
        let serial = serial.ok_or_else(|| {
            let detail = "the serial number is zero, negative or longer than 20 octets";
            DecodeError::new(Fault::CertificateSerial, detail)
        })?;
        for what in ["signature algorithm", "issuer", "validity", "subject"] {
            fields.sequence(what)?;
        }
        let spki = fields.value("subjectPublicKeyInfo")?.whole;
        let extensions = fields.expect(der::EXPLICIT_3, "extensions")?;
        fields.end("tbsCertificate")?;
        let resources = read_resources(extensions)?;
        Ok(Parts { tbs: tbs.whole, signature: signature.0, serial, spki, resources })
    }
}

fn read_resources(extensions: &[u8]) -> Result<CertResources, DecodeError> {
    let mut resources = CertResources::default();
    let mut extensions = Reader::whole_sequence(extensions, "extensions")?;
    while !extensions.is_empty() {
        let mut extension = extensions.sequence("extension")?;
        let id = extension.oid("extension")?;
        let critical = extension.optional(der::BOOLEAN, "critical")?;
        let is_ip = [IP_RESOURCES, IP_RESOURCES_V2].contains(&id);
        let is_asn = [AS_RESOURCES, AS_RESOURCES_V2].contains(&id);
        if !is_ip && !is_asn {
            continue;
        }
        if critical != Some(&[0xff]) {
            let detail = "a resource extension is not critical";
            return Err(DecodeError::new(Fault::CertificateResources, detail));
        }
        let content = extension.expect(der::OCTET_STRING, "extension")?;
        extension.end("extension")?;
        if is_ip { resources.read_ip(content)? } else { resources.read_asn(content)? }
    }
    Ok(resources)
}
