//! The CMS envelope of signed objects (RFC 6488), as slices of the input.

use bytes::Bytes;

use super::cert::Cert;
use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::limits::{MAX_OBJECT_SIZE, MAX_SIGNED_ATTRIBUTES};
use crate::model::{KeyIdentifier, Timestamp};

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
pub(crate) const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
pub(crate) const SHA_256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];

/// The eContentTypes that have a decoder here (IANA, "RPKI Signed Objects").
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ContentType {
    /// A route origin authorisation.
    Roa,
    /// A manifest.
    Manifest,
    /// An autonomous system provider authorisation.
    Aspa,
    /// A Ghostbusters record.
    Ghostbusters,
    /// A signed checklist.
    Rsc,
    /// A list of a trust anchor's keys.
    Tak,
    /// A signed prefix list.
    Spl,
}

impl ContentType {
    const ALL: [ContentType; 7] = [
        ContentType::Roa,
        ContentType::Manifest,
        ContentType::Aspa,
        ContentType::Ghostbusters,
        ContentType::Rsc,
        ContentType::Tak,
        ContentType::Spl,
    ];

    /// Returns the type with this object identifier, as its octets.
    pub(crate) fn of_oid(oid: &[u8]) -> Option<ContentType> {
        ContentType::ALL.into_iter().find(|kind| kind.oid() == oid)
    }

    fn oid(self) -> [u8; 11] {
        let last = match self {
            ContentType::Roa => 24,
            ContentType::Manifest => 26,
            ContentType::Aspa => 49,
            ContentType::Ghostbusters => 35,
            ContentType::Rsc => 48,
            ContentType::Tak => 50,
            ContentType::Spl => 51,
        };
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, last]
    }
}

/// A decoded envelope: nothing in it is verified yet.
#[derive(Clone, Debug)]
pub struct SignedObject {
    /// The content, which `digest` must fit.
    pub content: Bytes,
    /// The certificate of the key that signed.
    pub cert: Cert,
    /// The key identifier by which the signer names its certificate.
    pub sid: KeyIdentifier,
    /// The SHA-256 of the content, as signed.
    pub digest: Bytes,
    /// When it was signed, as signed.
    pub signing_time: Timestamp,
    /// The signature over the signed attributes.
    pub signature: Bytes,
    attributes: Bytes,
}

impl SignedObject {
    /// Decodes an envelope that is the whole of `bytes` and has a content of the wanted type.
    pub fn decode(bytes: &Bytes, wanted: ContentType) -> Result<SignedObject, DecodeError> {
        if bytes.len() > MAX_OBJECT_SIZE {
            let detail = format!("{} bytes, more than {MAX_OBJECT_SIZE}", bytes.len());
            return Err(DecodeError::new(Fault::TooLarge, detail));
        }
        let mut info = Reader::whole_sequence(bytes, "signed object")?;
        if info.oid("contentType")? != SIGNED_DATA {
            return Err(DecodeError::syntax("contentType: not CMS signed data"));
        }
        let mut data = Reader::new(info.expect(der::EXPLICIT_0, "content")?);
        info.end("signed object")?;
        let mut signed = data.sequence("signedData")?;
        data.end("content")?;

        signed.version(3, "version of the signed data")?;
        read_digest_algorithms(signed.expect(der::SET, "digestAlgorithms")?)?;
        let (content_type, content) = read_content(signed.sequence("encapContentInfo")?)?;
        if content_type != wanted.oid() {
            let detail = format!("the eContentType is not that of a {wanted:?}");
            return Err(DecodeError::new(Fault::ContentType, detail));
        }
        // Exactly one certificate; what follows must be the signers, so there are no CRLs.
        let cert = signed.expect(der::EXPLICIT_0, "certificates")?;
        let mut signers = Reader::new(signed.expect(der::SET, "signerInfos")?);
        signed.end("signedData")?;
        let signer = Signer::read(signers.sequence("signerInfo")?)?;
        signers.end("signerInfos")?;
        if signer.attributes.content_type != content_type {
            let detail = "the signed content type is not the eContentType";
            return Err(DecodeError::new(Fault::ContentType, detail));
        }
        Ok(SignedObject {
            content: bytes.slice_ref(content),
            cert: Cert::decode(&bytes.slice_ref(cert))?,
            sid: signer.sid,
            digest: bytes.slice_ref(signer.attributes.digest),
            signing_time: signer.attributes.signing_time,
            signature: bytes.slice_ref(signer.signature),
            attributes: bytes.slice_ref(signer.attributes.whole),
        })
    }

    /// Returns the bytes that are signed: the attributes with the tag of a SET.
    ///
    /// Source: RFC 5652, section 5.4.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = self.attributes.to_vec();
        if let Some(tag) = bytes.first_mut() {
            *tag = der::SET;
        }
        bytes
    }
}

fn read_digest_algorithms(set: &[u8]) -> Result<(), DecodeError> {
    let mut set = Reader::new(set);
    read_algorithm(set.sequence("digestAlgorithms")?, &[SHA_256], "digest algorithm")?;
    set.end("digestAlgorithms")
}

/// Reads an AlgorithmIdentifier with no parameters or NULL.
pub(crate) fn read_algorithm(
    mut algorithm: Reader<'_>,
    wanted: &[&[u8]],
    what: &'static str,
) -> Result<(), DecodeError> {
    let oid = algorithm.oid(what)?;
    let null = algorithm.optional(der::NULL, what)?;
    if !wanted.contains(&oid) || null.is_some_and(|content| !content.is_empty()) {
        let detail = format!("{what}: not one that the RPKI uses");
        return Err(DecodeError::new(Fault::Algorithm, detail));
    }
    algorithm.end(what)
}

fn read_content(mut info: Reader<'_>) -> Result<(&[u8], &[u8]), DecodeError> {
    let content_type = info.oid("eContentType")?;
    let mut explicit = Reader::new(info.expect(der::EXPLICIT_0, "eContent")?);
    info.end("encapContentInfo")?;
    let content = explicit.expect(der::OCTET_STRING, "eContent")?;
    explicit.end("eContent")?;
    Ok((content_type, content))
}

struct Signer<'a> {
    sid: KeyIdentifier,
    attributes: Attributes<'a>,
    signature: &'a [u8],
}

impl<'a> Signer<'a> {
    fn read(mut info: Reader<'a>) -> Result<Self, DecodeError> {
        info.version(3, "version of the signer")?;
        let sid = info.expect(der::IMPLICIT_0, "sid")?;
        let sid = sid.try_into().map_err(|_| DecodeError::syntax("sid: not 20 octets"))?;
        read_algorithm(info.sequence("digestAlgorithm")?, &[SHA_256], "digest algorithm")?;
        let attributes = Attributes::read(info.value("signedAttrs")?)?;
        let algorithms = [RSA_ENCRYPTION, SHA_256_WITH_RSA];
        read_algorithm(info.sequence("signatureAlgorithm")?, &algorithms, "signature algorithm")?;
        let signature = info.expect(der::OCTET_STRING, "signature")?;
        // Nothing may follow: no unsigned attributes.
        info.end("signerInfo")?;
        Ok(Signer { sid: KeyIdentifier(sid), attributes, signature })
    }
}

struct Attributes<'a> {
    whole: &'a [u8],
    content_type: &'a [u8],
    digest: &'a [u8],
    signing_time: Timestamp,
}

impl<'a> Attributes<'a> {
    /// Reads the three attributes that must be there; no other may be.
    ///
    /// Source: RFC 6488, section 2.1.6.4; RFC 9589, section 4.
    fn read(value: der::Value<'a>) -> Result<Self, DecodeError> {
        if value.tag != der::EXPLICIT_0 {
            return Err(DecodeError::syntax("signedAttrs: missing"));
        }
        if value.whole.len() > MAX_SIGNED_ATTRIBUTES {
            return Err(DecodeError::too_many("bytes of signed attributes", MAX_SIGNED_ATTRIBUTES));
        }
        let (mut content_type, mut digest, mut signing_time) = (None, None, None);
        let mut last: &[u8] = &[];
        let mut reader = Reader::new(value.content);
        while !reader.is_empty() {
            let attribute = reader.value("attribute")?;
            // DER: a SET OF is sorted. Equal attributes would be duplicates.
            if attribute.whole <= last {
                return Err(DecodeError::syntax("signedAttrs: unsorted, or twice the same"));
            }
            last = attribute.whole;
            let mut fields = Reader::whole_sequence(attribute.whole, "attribute")?;
            let id = fields.oid("attribute")?;
            let mut values = Reader::new(fields.expect(der::SET, "attribute")?);
            fields.end("attribute")?;
            let is_new = match id {
                CONTENT_TYPE => content_type.replace(values.oid("content-type")?),
                MESSAGE_DIGEST => digest.replace(values.expect(der::OCTET_STRING, "digest")?),
                SIGNING_TIME => {
                    let time = values.time("signing-time")?;
                    signing_time.replace(time).map(|_| &[][..])
                }
                _ => return Err(DecodeError::syntax("signedAttrs: one that is not permitted")),
            }
            .is_none();
            values.end("attribute")?;
            if !is_new {
                return Err(DecodeError::syntax("signedAttrs: an attribute is there twice"));
            }
        }
        let missing = |what| DecodeError::syntax(format!("signedAttrs: no {what}"));
        Ok(Attributes {
            whole: value.whole,
            content_type: content_type.ok_or_else(|| missing("content-type"))?,
            digest: digest.ok_or_else(|| missing("message-digest"))?,
            signing_time: signing_time.ok_or_else(|| missing("signing-time"))?,
        })
    }
}
