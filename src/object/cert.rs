//! Resource certificates (RFC 6487) and router certificates (RFC 8209).

use aws_lc_rs::digest;
use bytes::Bytes;

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::extensions::{Extensions, KeyUsage, Overclaim};
use super::key::{rsa_public_key, subject_public_key};
use super::limits::MAX_CERTIFICATE_SIZE;
use super::name::Name;
use super::name_text::name_text;
use super::resources::CertResources;
use super::signed::{SHA_256_WITH_RSA, read_algorithm};
use crate::model::{HttpsUri, KeyIdentifier, ObjectUri, TimeWindow};

/// A serial number: big endian, padded on the left to 20 octets.
pub type Serial = [u8; 20];

/// A decoded certificate.
///
/// The bytes that are signed are slices of the input, so that nothing is encoded again.
#[derive(Clone, Debug)]
pub struct Cert {
    serial: Serial,
    issuer: Name,
    validity: TimeWindow,
    subject: Name,
    spki: Bytes,
    /// Within `spki`: the bits of the key.
    public_key: Bytes,
    extensions: Extensions,
    tbs: Bytes,
    signature: Bytes,
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

fn profile_fault(detail: impl Into<std::borrow::Cow<'static, str>>) -> DecodeError {
    DecodeError::new(Fault::CertificateProfile, detail)
}

impl Cert {
    /// Decodes a certificate that is the whole of `bytes`.
    pub fn decode(bytes: &Bytes) -> Result<Cert, DecodeError> {
        if bytes.len() > MAX_CERTIFICATE_SIZE {
            let detail = format!("{} bytes, more than {MAX_CERTIFICATE_SIZE}", bytes.len());
            return Err(DecodeError::new(Fault::TooLarge, detail));
        }
        let mut cert = Reader::whole_sequence(bytes, "certificate")?;
        let tbs = cert.value("tbsCertificate")?;
        let outer_algorithm = cert.value("signatureAlgorithm")?;
        let (signature, _) = der::bit_string(cert.expect(der::BIT_STRING, "signature")?)
            .filter(|(_, unused)| *unused == 0)
            .ok_or_else(|| DecodeError::syntax("signature: unused bits"))?;
        cert.end("certificate")?;

        let mut fields = Reader::whole_sequence(tbs.whole, "tbsCertificate")?;
        let mut version = Reader::new(fields.expect(der::EXPLICIT_0, "version")?);
        version.version(2, "version of the certificate")?;
        version.end("version")?;
        let serial = fields.unsigned_20("serialNumber")?.filter(|serial| *serial != [0; 20]);
        let serial = serial.ok_or_else(|| {
            let detail = "the serial number is zero, negative or longer than 20 octets";
            DecodeError::new(Fault::CertificateSerial, detail)
        })?;
        let algorithm = fields.value("signature algorithm")?;
        let inner = Reader::whole_sequence(algorithm.whole, "signature algorithm")?;
        read_algorithm(inner, &[SHA_256_WITH_RSA], "signature algorithm")?;
        if algorithm.whole != outer_algorithm.whole {
            return Err(profile_fault("the two signature algorithms differ"));
        }
        let issuer = Name::read(fields.sequence("issuer")?, "issuer")?;
        let mut times = fields.sequence("validity")?;
        let validity = TimeWindow::new(times.time("notBefore")?, times.time("notAfter")?);
        times.end("validity")?;
        let subject = Name::read(fields.sequence("subject")?, "subject")?;
        let spki = fields.value("subjectPublicKeyInfo")?.whole;
        let public_key = subject_public_key(spki)?;
        let extensions = Extensions::read(fields.expect(der::EXPLICIT_3, "extensions")?)?;
        fields.end("tbsCertificate")?;
        Ok(Cert {
            serial,
            issuer,
            validity,
            subject,
            spki: bytes.slice_ref(spki),
            public_key: bytes.slice_ref(public_key),
            extensions,
            tbs: bytes.slice_ref(tbs.whole),
            signature: bytes.slice_ref(signature),
        })
    }

    /// Checks everything that can be checked without the issuer and the time.
    pub fn inspect(&self, profile: Profile) -> Result<(), DecodeError> {
        let must = |is_good: bool, detail: &'static str| match is_good {
            true => Ok(()),
            false => Err(profile_fault(detail)),
        };
        let extensions = &self.extensions;
        let sia = extensions.sia.as_ref();
        match profile {
            Profile::Router => inspect_router_key(&self.spki)?,
            _ => _ = rsa_public_key(&self.spki)?,
        }
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.public_key);
        must(hash.as_ref() == extensions.ski.0, "the subject key identifier is not the key's")?;
        let (from, until) = (self.validity.from, self.validity.until);
        must(from <= until, "notBefore is after notAfter")?;

        let is_ca = matches!(profile, Profile::TrustAnchor | Profile::Ca);
        if is_ca {
            must(extensions.basic_ca == Some(true), "not marked as a CA by basic constraints")?;
            must(extensions.key_usage == KeyUsage::Ca, "the key usage is not that of a CA")?;
            let is_located = sia.is_some_and(|sia| {
                sia.ca_repository.is_some() && sia.manifest.is_some() && sia.signed_object.is_none()
            });
            must(is_located, "not both caRepository and rpkiManifest, or a signedObject")?;
        } else {
            must(extensions.basic_ca.is_none(), "basic constraints in an end entity certificate")?;
            must(extensions.key_usage == KeyUsage::Ee, "the key usage is not digitalSignature")?;
        }
        match profile {
            Profile::TrustAnchor => {
                let is_own = extensions.aki.is_none_or(|aki| aki == extensions.ski);
                must(is_own, "the authority key identifier is not the certificate's own")?;
                must(self.issuer == self.subject, "the issuer is not the subject")?;
                must(extensions.crl_uri.is_none(), "a CRL distribution point")?;
                must(extensions.ca_issuer.is_none(), "an authority information access")?;
            }
            _ => {
                must(extensions.crl_uri.is_some(), "no CRL distribution point")?;
                must(extensions.ca_issuer.is_some(), "no authority information access")?;
            }
        }
        if profile == Profile::Ee {
            let is_object = sia.is_some_and(|sia| {
                sia.signed_object.is_some() && sia.ca_repository.is_none() && sia.manifest.is_none()
            });
            must(is_object, "no signedObject, or the access of a CA")?;
        }
        if profile == Profile::DetachedEe {
            must(sia.is_none(), "a subject information access for what is not published")?;
        }
        if profile == Profile::Router {
            must(extensions.is_router == Some(true), "not marked as a BGPsec router")?;
            must(sia.is_none(), "a router certificate with a subject information access")?;
            let claim = self.resources();
            must(!claim.v4.is_present() && !claim.v6.is_present(), "addresses for a router")?;
            must(claim.asn.is_present() && !claim.asn.is_inherit(), "no AS numbers of its own")
        } else {
            must(extensions.is_router.is_none(), "an extended key usage")
        }
    }

    /// Tells whether the certificate calls itself a CA.
    pub fn is_ca(&self) -> bool {
        self.extensions.basic_ca == Some(true)
    }

    /// Tells whether there is an extended key usage, which only router certificates have.
    pub fn has_extended_key_usage(&self) -> bool {
        self.extensions.is_router.is_some()
    }

    /// Returns the serial number.
    pub fn serial(&self) -> Serial {
        self.serial
    }

    /// Returns the name of the issuer.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// Returns the name of the subject.
    pub fn subject(&self) -> &Name {
        &self.subject
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
        &self.public_key
    }

    /// Returns the subject key identifier.
    pub fn ski(&self) -> KeyIdentifier {
        self.extensions.ski
    }

    /// Returns the authority key identifier.
    pub fn aki(&self) -> Option<KeyIdentifier> {
        self.extensions.aki
    }

    /// Returns the validity.
    pub fn validity(&self) -> TimeWindow {
        self.validity
    }

    /// Returns the resources as claimed.
    pub fn resources(&self) -> &CertResources {
        &self.extensions.resources
    }

    /// Tells whether resources beyond the issuer's are cut off (RFC 8360) or fatal (RFC 6487).
    pub fn is_trimmed(&self) -> bool {
        self.extensions.overclaim == Overclaim::Trim
    }

    /// Returns where the issuer's certificate is published, as this one says.
    pub fn issuer_uri(&self) -> Option<&ObjectUri> {
        self.extensions.ca_issuer.as_ref()
    }

    /// Tells whether the CRL distribution point is `uri`.
    pub fn has_crl_uri(&self, uri: &ObjectUri) -> bool {
        self.extensions.crl_uri.as_ref() == Some(uri)
    }

    /// Returns the CRL distribution point as text.
    pub fn crl_uri(&self) -> Option<&str> {
        self.extensions.crl_uri.as_ref().map(ObjectUri::as_str)
    }

    /// Tells whether the signed object is published at `uri`, as the certificate says.
    pub fn has_signed_object_uri(&self, uri: &ObjectUri) -> bool {
        self.extensions.sia.as_ref().is_some_and(|sia| sia.signed_object.as_ref() == Some(uri))
    }

    /// Returns where the signed object is published, as text.
    pub fn signed_object_uri(&self) -> Option<&str> {
        let sia = self.extensions.sia.as_ref()?;
        sia.signed_object.as_ref().map(ObjectUri::as_str)
    }

    /// Returns the issuer's name as `/CN=..`, safe to print; what it says decides nothing.
    pub fn issuer_name(&self) -> String {
        issuer_of_tbs(&self.tbs).unwrap_or_default()
    }

    /// Returns `caRepository`, if it is a URI that we read.
    pub fn ca_repository(&self) -> Option<ObjectUri> {
        let sia = self.extensions.sia.as_ref()?;
        sia.ca_repository.as_ref().map(ObjectUri::to_directory)
    }

    /// Returns `rpkiManifest`, if it is a URI that we read.
    pub fn manifest(&self) -> Option<ObjectUri> {
        self.extensions.sia.as_ref()?.manifest.clone()
    }

    /// Returns `rpkiNotify`: `Err` holds one that we do not read.
    pub fn notify(&self) -> Result<Option<HttpsUri>, String> {
        match &self.extensions.sia {
            None => Ok(None),
            Some(sia) => match (&sia.notify, &sia.bad_notify) {
                (Some(uri), _) => Ok(Some(uri.clone())),
                (None, Some(bad)) => Err(bad.clone()),
                (None, None) => Ok(None),
            },
        }
    }
}

/// Checks that a key is on the one curve of BGPsec (RFC 8608, section 3.1).
pub(super) fn inspect_router_key(spki: &[u8]) -> Result<(), DecodeError> {
    const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    const P_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let mut info = Reader::whole_sequence(spki, "key")?;
    let mut algorithm = info.sequence("key algorithm")?;
    let kind = algorithm.oid("key algorithm")?;
    let is_p256 = kind == EC_PUBLIC_KEY && algorithm.oid("curve").is_ok_and(|id| id == P_256);
    match is_p256 && algorithm.is_empty() {
        true => Ok(()),
        false => Err(DecodeError::new(Fault::CertificateKey, "the key is not one of P-256")),
    }
}
fn issuer_of_tbs(tbs: &[u8]) -> Option<String> {
    let mut fields = Reader::whole_sequence(tbs, "tbsCertificate").ok()?;
    for what in ["version", "serialNumber", "signature algorithm"] {
        fields.value(what).ok()?;
    }
    Some(name_text(fields.sequence("issuer").ok()?))
}
