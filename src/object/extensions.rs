//! The extensions of resource certificates (RFC 6487, section 4.8).

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::resources::CertResources;
use crate::model::{HttpsUri, KeyIdentifier, ObjectUri};

const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 29, 14];
const KEY_USAGE: &[u8] = &[0x55, 29, 15];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 29, 19];
const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 29, 31];
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 29, 32];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 29, 35];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 29, 37];
const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
const IP_RESOURCES: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 7];
const AS_RESOURCES: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 8];
const SUBJECT_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 11];
const IP_RESOURCES_V2: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 28];
const AS_RESOURCES_V2: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 29];

const POLICY: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 14, 2];
const POLICY_V2: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 14, 3];
const BGPSEC_ROUTER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 30];

const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 2];
const CA_REPOSITORY: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 5];
const RPKI_MANIFEST: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 10];
const SIGNED_OBJECT: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 11];
const RPKI_NOTIFY: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 13];

/// `[0]`, constructed: in this place a choice, not EXPLICIT.
const CONTEXT_0: u8 = 0xa0;
/// `[6]`, primitive: a URI among GeneralNames.
const URI: u8 = 0x86;

/// What a key may be used for; there are only two kinds (RFC 6487, section 4.8.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KeyUsage {
    /// keyCertSign and cRLSign.
    Ca,
    /// digitalSignature.
    Ee,
}

/// How resources beyond the issuer's are treated (RFC 6487, section 4.8.9; RFC 8360).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Overclaim {
    Refuse,
    Trim,
}

/// The extensions of one certificate.
#[derive(Clone, Debug)]
pub(super) struct Extensions {
    /// The cA flag, where there are basic constraints.
    pub(super) basic_ca: Option<bool>,
    pub(super) ski: KeyIdentifier,
    pub(super) aki: Option<KeyIdentifier>,
    pub(super) key_usage: KeyUsage,
    /// Whether the BGPsec router usage is among the extended ones, where there are any.
    pub(super) is_router: Option<bool>,
    pub(super) crl_uri: Option<ObjectUri>,
    pub(super) ca_issuer: Option<ObjectUri>,
    pub(super) sia: Option<SubjectAccess>,
    pub(super) overclaim: Overclaim,
    pub(super) resources: CertResources,
}

/// The subject information access: of each method the first URI that we read.
#[derive(Clone, Debug, Default)]
pub(super) struct SubjectAccess {
    pub(super) ca_repository: Option<ObjectUri>,
    pub(super) manifest: Option<ObjectUri>,
    pub(super) signed_object: Option<ObjectUri>,
    pub(super) notify: Option<HttpsUri>,
    /// An rpkiNotify that we do not read, where there is no other.
    pub(super) bad_notify: Option<String>,
}

fn profile(detail: impl Into<std::borrow::Cow<'static, str>>) -> DecodeError {
    DecodeError::new(Fault::CertificateProfile, detail)
}

/// What was read so far; each at most once.
#[derive(Default)]
struct Builder {
    basic_ca: Option<bool>,
    ski: Option<KeyIdentifier>,
    aki: Option<KeyIdentifier>,
    key_usage: Option<KeyUsage>,
    is_router: Option<bool>,
    crl_uri: Option<ObjectUri>,
    ca_issuer: Option<ObjectUri>,
    sia: Option<SubjectAccess>,
    overclaim: Option<Overclaim>,
    ip_overclaim: Option<Overclaim>,
    as_overclaim: Option<Overclaim>,
    resources: CertResources,
}

impl Extensions {
    /// Reads the content of the extensions field.
    ///
    /// An unknown extension is fatal only if it is critical: RFC 6487, section 4.8.
    pub(super) fn read(bytes: &[u8]) -> Result<Extensions, DecodeError> {
        let mut builder = Builder::default();
        let mut list = Reader::whole_sequence(bytes, "extensions")?;
        while !list.is_empty() {
            let mut extension = list.sequence("extension")?;
            let id = extension.oid("extension")?;
            let is_critical = match extension.optional(der::BOOLEAN, "critical")? {
                None => false,
                Some([0xff]) => true,
                // FALSE is the default, so DER has no way to write it.
                Some(_) => return Err(DecodeError::syntax("critical: not TRUE in DER")),
            };
            let content = extension.expect(der::OCTET_STRING, "extension")?;
            extension.end("extension")?;
            builder.read(id, is_critical, content)?;
        }
        builder.finish()
    }
}

impl Builder {
    fn read(&mut self, id: &[u8], is_critical: bool, content: &[u8]) -> Result<(), DecodeError> {
        let (name, wanted) = match id {
            BASIC_CONSTRAINTS => ("basic constraints", true),
            SUBJECT_KEY_IDENTIFIER => ("subject key identifier", false),
            AUTHORITY_KEY_IDENTIFIER => ("authority key identifier", false),
            KEY_USAGE => ("key usage", true),
            EXTENDED_KEY_USAGE => ("extended key usage", false),
            CRL_DISTRIBUTION_POINTS => ("CRL distribution points", false),
            AUTHORITY_INFO_ACCESS => ("authority information access", false),
            SUBJECT_INFO_ACCESS => ("subject information access", false),
            CERTIFICATE_POLICIES => ("certificate policies", true),
            IP_RESOURCES | IP_RESOURCES_V2 | AS_RESOURCES | AS_RESOURCES_V2 => ("resources", true),
            _ if is_critical => return Err(profile("an unknown extension is critical")),
            _ => return Ok(()),
        };
        if is_critical != wanted {
            let fault = match name {
                "resources" => Fault::CertificateResources,
                _ => Fault::CertificateProfile,
            };
            let must = if wanted { "must" } else { "must not" };
            return Err(DecodeError::new(fault, format!("{name}: {must} be critical")));
        }
        let is_first = match id {
            BASIC_CONSTRAINTS => self.basic_ca.replace(read_basic_constraints(content)?).is_none(),
            SUBJECT_KEY_IDENTIFIER => {
                let mut reader = Reader::new(content);
                let octets = reader.expect(der::OCTET_STRING, name)?;
                reader.end(name)?;
                self.ski.replace(key_identifier(octets, name)?).is_none()
            }
            AUTHORITY_KEY_IDENTIFIER => {
                let mut fields = Reader::whole_sequence(content, name)?;
                let octets = match fields.optional(der::IMPLICIT_0, name)? {
                    Some(octets) if fields.is_empty() => octets,
                    _ => return Err(profile("authority key identifier: not just the identifier")),
                };
                self.aki.replace(key_identifier(octets, name)?).is_none()
            }
            KEY_USAGE => self.key_usage.replace(read_key_usage(content)?).is_none(),
            EXTENDED_KEY_USAGE => self.is_router.replace(read_extended_usage(content)?).is_none(),
            CRL_DISTRIBUTION_POINTS => self.crl_uri.replace(read_crl_uri(content)?).is_none(),
            AUTHORITY_INFO_ACCESS => self.ca_issuer.replace(read_ca_issuer(content)?).is_none(),
            SUBJECT_INFO_ACCESS => self.sia.replace(SubjectAccess::read(content)?).is_none(),
            CERTIFICATE_POLICIES => self.overclaim.replace(read_policy(content)?).is_none(),
            _ => self.read_resources(id, content)?,
        };
        match is_first {
            true => Ok(()),
            false => Err(profile(format!("{name}: there twice"))),
        }
    }

    /// Reads one of the resource extensions; tells whether it is the first of its kind.
    fn read_resources(&mut self, id: &[u8], content: &[u8]) -> Result<bool, DecodeError> {
        let overclaim = match id {
            IP_RESOURCES | AS_RESOURCES => Overclaim::Refuse,
            _ => Overclaim::Trim,
        };
        let is_ip = matches!(id, IP_RESOURCES | IP_RESOURCES_V2);
        let slot = if is_ip { &mut self.ip_overclaim } else { &mut self.as_overclaim };
        if slot.replace(overclaim).is_some() {
            return Ok(false);
        }
        if is_ip {
            self.resources.read_ip(content)?
        } else {
            self.resources.read_asn(content)?
        }
        Ok(true)
    }

    fn finish(self) -> Result<Extensions, DecodeError> {
        let missing = |name: &str| profile(format!("{name}: missing"));
        let overclaim = self.overclaim.ok_or_else(|| missing("certificate policies"))?;
        let kinds = [self.ip_overclaim, self.as_overclaim];
        if kinds == [None, None] {
            return Err(missing("resources"));
        }
        if kinds.into_iter().flatten().any(|kind| kind != overclaim) {
            return Err(profile("the resource extension is not the one of the policy"));
        }
        Ok(Extensions {
            basic_ca: self.basic_ca,
            ski: self.ski.ok_or_else(|| missing("subject key identifier"))?,
            aki: self.aki,
            key_usage: self.key_usage.ok_or_else(|| missing("key usage"))?,
            is_router: self.is_router,
            crl_uri: self.crl_uri,
            ca_issuer: self.ca_issuer,
            sia: self.sia,
            overclaim,
            resources: self.resources,
        })
    }
}

fn read_basic_constraints(content: &[u8]) -> Result<bool, DecodeError> {
    let mut fields = Reader::whole_sequence(content, "basic constraints")?;
    let is_ca = match fields.optional(der::BOOLEAN, "cA")? {
        None => false,
        Some([0xff]) => true,
        Some(_) => return Err(DecodeError::syntax("cA: not TRUE in DER")),
    };
    match fields.is_empty() {
        true => Ok(is_ca),
        false => Err(profile("basic constraints: a path length or more")),
    }
}

fn key_identifier(octets: &[u8], name: &'static str) -> Result<KeyIdentifier, DecodeError> {
    octets.try_into().map(KeyIdentifier).map_err(|_| profile(format!("{name}: not 20 octets")))
}

fn read_key_usage(content: &[u8]) -> Result<KeyUsage, DecodeError> {
    let mut reader = Reader::new(content);
    let bits = reader.expect(der::BIT_STRING, "key usage")?;
    reader.end("key usage")?;
    match bits {
        [1, 0b0000_0110] => Ok(KeyUsage::Ca),
        [7, 0b1000_0000] => Ok(KeyUsage::Ee),
        _ => Err(profile("key usage: neither that of a CA nor that of an end entity")),
    }
}

fn read_extended_usage(content: &[u8]) -> Result<bool, DecodeError> {
    let mut list = Reader::whole_sequence(content, "extended key usage")?;
    if list.is_empty() {
        return Err(profile("extended key usage: empty"));
    }
    let mut is_router = false;
    while !list.is_empty() {
        is_router |= list.oid("extended key usage")? == BGPSEC_ROUTER;
    }
    Ok(is_router)
}

/// Reads the one distribution point, which has a full name and nothing else.
///
/// Source: RFC 6487, section 4.8.6.
fn read_crl_uri(content: &[u8]) -> Result<ObjectUri, DecodeError> {
    const NAME: &str = "CRL distribution points";
    let bad = |detail: &str| profile(format!("{NAME}: {detail}"));
    let mut list = Reader::whole_sequence(content, NAME)?;
    let mut point = list.sequence(NAME)?;
    if !list.is_empty() {
        return Err(bad("more than one"));
    }
    let name = point.optional(CONTEXT_0, NAME)?.ok_or_else(|| bad("no name"))?;
    if !point.is_empty() {
        return Err(bad("reasons or a CRL issuer"));
    }
    let mut name = Reader::new(name);
    let full_name = name.optional(CONTEXT_0, NAME)?.ok_or_else(|| bad("no full name"))?;
    name.end(NAME)?;
    let mut names = Reader::new(full_name);
    let mut found = None;
    while !names.is_empty() {
        let uri = uri_of(names.value(NAME)?);
        found = found.or_else(|| uri?.parse().ok());
    }
    found.ok_or_else(|| bad("no rsync URI"))
}

/// Returns the text of a GeneralName that is a URI.
fn uri_of(name: der::Value<'_>) -> Option<&str> {
    (name.tag == URI).then(|| std::str::from_utf8(name.content).ok()).flatten()
}

/// Reads access descriptions; whatever is not a URI is passed over.
///
/// Source: RFC 6487, sections 4.8.7 and 4.8.8: there may be more than the ones that are needed.
fn read_access(
    content: &[u8],
    name: &'static str,
    mut op: impl FnMut(&[u8], &str),
) -> Result<(), DecodeError> {
    let mut list = Reader::whole_sequence(content, name)?;
    if list.is_empty() {
        return Err(profile(format!("{name}: empty")));
    }
    while !list.is_empty() {
        let mut description = list.sequence(name)?;
        let method = description.oid(name)?;
        let location = description.value(name)?;
        description.end(name)?;
        if let Some(uri) = uri_of(location) {
            op(method, uri);
        }
    }
    Ok(())
}

fn read_ca_issuer(content: &[u8]) -> Result<ObjectUri, DecodeError> {
    let mut found = None;
    read_access(content, "authority information access", |method, uri| {
        if method == CA_ISSUERS && found.is_none() {
            found = uri.parse().ok();
        }
    })?;
    found.ok_or_else(|| profile("authority information access: no rsync URI of the issuer"))
}

impl SubjectAccess {
    fn read(content: &[u8]) -> Result<SubjectAccess, DecodeError> {
        let mut access = SubjectAccess::default();
        read_access(content, "subject information access", |method, uri| {
            let slot = match method {
                CA_REPOSITORY => &mut access.ca_repository,
                RPKI_MANIFEST => &mut access.manifest,
                SIGNED_OBJECT => &mut access.signed_object,
                RPKI_NOTIFY => {
                    match uri.parse() {
                        Ok(uri) => _ = access.notify.get_or_insert(uri),
                        Err(_) => _ = access.bad_notify.get_or_insert(uri.to_owned()),
                    }
                    return;
                }
                _ => return,
            };
            if slot.is_none() {
                *slot = uri.parse().ok();
            }
        })?;
        Ok(access)
    }
}

fn read_policy(content: &[u8]) -> Result<Overclaim, DecodeError> {
    let mut list = Reader::whole_sequence(content, "certificate policies")?;
    let mut policy = list.sequence("certificate policies")?;
    if !list.is_empty() {
        return Err(profile("certificate policies: more than one"));
    }
    let overclaim = match policy.oid("certificate policies")? {
        POLICY => Overclaim::Refuse,
        POLICY_V2 => Overclaim::Trim,
        _ => return Err(profile("certificate policies: not the one of the RPKI")),
    };
    // The qualifiers point to a practice statement, for people.
    policy.optional(der::SEQUENCE, "policy qualifiers")?;
    policy.end("certificate policies")?;
    Ok(overclaim)
}
