//! Signed objects: a content, its EE certificate, and the signature of that over this.

use bytes::Bytes;
use rpki::crypto::{DigestAlgorithm, RpkiSignatureAlgorithm};
use rpki::oid;
use rpki::repository::cert::TbsCert;

use super::certificate::{Issuer, Resources, object_certificate, sign_certificate, time};
use super::content::{
    ASPA, CHECKLIST, GHOSTBUSTERS, MANIFEST, ManifestFields, PREFIX_LIST, ROA, RoaPrefix, TAK,
    TakKey, aspa_content, checklist_content, manifest_content, prefix_list_content, roa_content,
    tak_content,
};
use super::der::{
    CONTEXT_0, CONTEXT_0_PRIMITIVE, OCTET_STRING, OID, SEQUENCE, SET, encoded, integer, tlv,
};
use super::{CaError, SigningKey};
use crate::model::{
    AsRange, Asn, Aspa, KeyIdentifier, ObjectHash, ObjectUri, Prefix, ResourceSet, TimeWindow,
    Timestamp,
};

/// What every signed object says beside its content, and the keys that sign it.
#[derive(Clone, Copy, Debug)]
pub struct ObjectFields<'a> {
    /// The CA that issues the EE certificate.
    pub issuer: Issuer<'a>,
    /// The key of the EE certificate; used for this object only.
    pub key: &'a SigningKey,
    /// The serial number of the EE certificate, unique for the issuer.
    pub serial: u64,
    /// The validity of the EE certificate.
    pub validity: TimeWindow,
    /// The time that the signed attributes claim.
    pub signing_time: Timestamp,
    /// Where the object is published.
    pub uri: &'a ObjectUri,
}

impl ObjectFields<'_> {
    /// Makes the EE certificate, not yet signed.
    pub fn certificate(&self, resources: &Resources) -> Result<TbsCert, CaError> {
        let subject = self.key.public_key();
        object_certificate(self.issuer, self.serial, self.validity, subject, self.uri, resources)
    }

    /// Makes a ROA (RFC 9582).
    pub fn roa(&self, asn: Asn, prefixes: &[RoaPrefix]) -> Result<SignedObject, CaError> {
        let set = ResourceSet::from_prefixes(prefixes.iter().map(|entry| entry.prefix));
        SignedObject::new(self, ROA, roa_content(asn, prefixes), &Resources::Set(set))
    }

    /// Makes a manifest (RFC 9286).
    pub fn manifest(&self, fields: ManifestFields<'_>) -> Result<SignedObject, CaError> {
        SignedObject::new(self, MANIFEST, manifest_content(fields)?, &Resources::Inherit)
    }

    /// Makes an ASPA (draft-ietf-sidrops-aspa-profile).
    pub fn aspa(&self, aspa: &Aspa) -> Result<SignedObject, CaError> {
        let range = AsRange { min: aspa.customer.0, max: aspa.customer.0 };
        let set = ResourceSet::new([], [], [range]);
        SignedObject::new(self, ASPA, aspa_content(aspa), &Resources::Set(set))
    }

    /// Makes a signed checklist; its certificate says nothing of a place (RFC 9323, section 3).
    pub fn checklist(
        &self,
        resources: &ResourceSet,
        files: &[(Option<&str>, ObjectHash)],
    ) -> Result<SignedObject, CaError> {
        let mut tbs = self.certificate(&Resources::Set(resources.clone()))?;
        tbs.set_signed_object(None);
        let content = checklist_content(resources, files);
        SignedObject::with_certificate(self, CHECKLIST, content, &tbs)
    }

    /// Makes a TAK (RFC 9691).
    pub fn tak(
        &self,
        current: TakKey<'_>,
        predecessor: Option<TakKey<'_>>,
        successor: Option<TakKey<'_>>,
    ) -> Result<SignedObject, CaError> {
        let content = tak_content(current, predecessor, successor);
        SignedObject::new(self, TAK, content, &Resources::Inherit)
    }

    /// Makes a signed prefix list (draft-ietf-sidrops-rpki-prefixlist).
    pub fn prefix_list(&self, asn: Asn, prefixes: &[Prefix]) -> Result<SignedObject, CaError> {
        let set = ResourceSet::new([], [], [AsRange { min: asn.0, max: asn.0 }]);
        let content = prefix_list_content(asn, prefixes);
        SignedObject::new(self, PREFIX_LIST, content, &Resources::Set(set))
    }

    /// Makes a Ghostbusters record from a vCard (RFC 6493).
    pub fn ghostbusters(&self, vcard: &str) -> Result<SignedObject, CaError> {
        SignedObject::new(self, GHOSTBUSTERS, vcard.into(), &Resources::Inherit)
    }
}

/// The parts of a signed object (RFC 6488, section 2.1), each open to be changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedObject {
    /// The content type, as the bytes of the object identifier.
    pub content_type: Vec<u8>,
    /// The eContent.
    pub content: Vec<u8>,
    /// The DER of the EE certificate.
    pub certificate: Bytes,
    /// The identifier of the key that signed.
    pub signer: KeyIdentifier,
    /// The DER of the signed attributes, one after the other, without the SET around them.
    pub attributes: Vec<u8>,
    /// The signature over the SET of the attributes.
    pub signature: Vec<u8>,
}

impl SignedObject {
    /// Signs a content of any type.
    pub fn new(
        fields: &ObjectFields<'_>,
        content_type: &[u8],
        content: Vec<u8>,
        resources: &Resources,
    ) -> Result<Self, CaError> {
        Self::with_certificate(fields, content_type, content, &fields.certificate(resources)?)
    }

    /// Signs a content of any type with a certificate that was made by hand.
    pub fn with_certificate(
        fields: &ObjectFields<'_>,
        content_type: &[u8],
        content: Vec<u8>,
        certificate: &TbsCert,
    ) -> Result<Self, CaError> {
        let certificate = sign_certificate(certificate, fields.issuer.key)?;
        let attributes =
            signed_attributes(content_type, ObjectHash::of(&content), fields.signing_time)?;
        let object = SignedObject {
            content_type: content_type.to_vec(),
            content,
            certificate,
            signer: fields.key.ski(),
            attributes,
            signature: Vec::new(),
        };
        object.sign(fields.key)
    }

    /// Signs the attributes as they are now.
    pub fn sign(mut self, key: &SigningKey) -> Result<Self, CaError> {
        self.signature = key.sign(&tlv(SET, &[&self.attributes]))?;
        Ok(self)
    }

    /// Writes the object.
    pub fn encode(&self) -> Bytes {
        let digest = encoded(DigestAlgorithm::default().encode());
        let content = tlv(
            SEQUENCE,
            &[
                &tlv(OID, &[&self.content_type]),
                &tlv(CONTEXT_0, &[&tlv(OCTET_STRING, &[&self.content])]),
            ],
        );
        let signer = tlv(
            SEQUENCE,
            &[
                &integer(3),
                &tlv(CONTEXT_0_PRIMITIVE, &[&self.signer.0]),
                &digest,
                &tlv(CONTEXT_0, &[&self.attributes]),
                &encoded(RpkiSignatureAlgorithm::default().cms_encode()),
                &tlv(OCTET_STRING, &[&self.signature]),
            ],
        );
        let signed_data = tlv(
            SEQUENCE,
            &[
                &integer(3),
                &tlv(SET, &[&digest]),
                &content,
                &tlv(CONTEXT_0, &[&self.certificate]),
                &tlv(SET, &[&signer]),
            ],
        );
        let envelope = [tlv(OID, &[oid::SIGNED_DATA.0]), tlv(CONTEXT_0, &[&signed_data])];
        let [kind, content] = &envelope;
        tlv(SEQUENCE, &[kind, content]).into()
    }
}

/// Writes the three signed attributes that RFC 9589 demands, in the order of a DER SET OF.
pub fn signed_attributes(
    content_type: &[u8],
    digest: ObjectHash,
    signing_time: Timestamp,
) -> Result<Vec<u8>, CaError> {
    let attribute =
        |kind: &[u8], value: &[u8]| tlv(SEQUENCE, &[&tlv(OID, &[kind]), &tlv(SET, &[value])]);
    let mut attributes = [
        attribute(oid::CONTENT_TYPE.0, &tlv(OID, &[content_type])),
        attribute(oid::SIGNING_TIME.0, &encoded(time(signing_time)?.encode_varied())),
        attribute(oid::MESSAGE_DIGEST.0, &tlv(OCTET_STRING, &[&digest.0])),
    ];
    attributes.sort_unstable();
    Ok(attributes.concat())
}
