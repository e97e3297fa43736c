//! Certificate revocation lists (RFC 6487, section 5; RFC 9829).

use bytes::Bytes;

use super::cert::Serial;
use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::limits::{MAX_CRL_ENTRIES, MAX_OBJECT_SIZE};
use super::name::Name;
use super::name_text::name_text;
use super::signed::{SHA_256_WITH_RSA, read_algorithm};
use crate::model::{KeyIdentifier, Timestamp};

const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 29, 35];
const CRL_NUMBER: &[u8] = &[0x55, 29, 20];

/// A decoded CRL: its signature is not verified yet.
#[derive(Clone, Debug)]
pub struct Crl {
    /// When it was made.
    pub this_update: Timestamp,
    /// When the next one is due.
    pub next_update: Timestamp,
    /// The name of the CA.
    pub issuer: Name,
    /// The key that signed it.
    pub aki: KeyIdentifier,
    /// The CRL number; of no consequence (RFC 9829, section 3.1).
    pub number: [u8; 20],
    tbs: Bytes,
    signature: Bytes,
    /// Invariant: ascending.
    revoked: Vec<Serial>,
}

impl Crl {
    /// Decodes a CRL that is the whole of `bytes`.
    pub fn decode(bytes: &Bytes) -> Result<Crl, DecodeError> {
        if bytes.len() > MAX_OBJECT_SIZE {
            let detail = format!("{} bytes, more than {MAX_OBJECT_SIZE}", bytes.len());
            return Err(DecodeError::new(Fault::TooLarge, detail));
        }
        let mut outer = Reader::whole_sequence(bytes, "CRL")?;
        let tbs = outer.value("tbsCertList")?;
        let outer_algorithm = outer.value("signatureAlgorithm")?;
        let (signature, _) = der::bit_string(outer.expect(der::BIT_STRING, "signature")?)
            .filter(|(_, unused)| *unused == 0)
            .ok_or_else(|| DecodeError::syntax("signature: unused bits"))?;
        outer.end("CRL")?;

        let mut fields = Reader::whole_sequence(tbs.whole, "tbsCertList")?;
        fields.version(1, "version of the CRL")?;
        let algorithm = fields.value("signature algorithm")?;
        let inner = Reader::whole_sequence(algorithm.whole, "signature algorithm")?;
        read_algorithm(inner, &[SHA_256_WITH_RSA], "signature algorithm")?;
        if algorithm.whole != outer_algorithm.whole {
            return Err(DecodeError::syntax("the two signature algorithms differ"));
        }
        let issuer = Name::read(fields.sequence("issuer")?, "issuer")
            .map_err(|error| DecodeError { fault: as_crl_fault(error.fault), ..error })?;
        let this_update = fields.time("thisUpdate")?;
        let next_update = fields.time("nextUpdate")?;
        if next_update < this_update {
            let detail = format!("nextUpdate {next_update} before thisUpdate {this_update}");
            return Err(DecodeError::new(Fault::CrlProfile, detail));
        }
        let revoked = match fields.optional(der::SEQUENCE, "revokedCertificates")? {
            Some(list) => read_revoked(list)?,
            None => Vec::new(),
        };
        let extensions = fields.expect(der::EXPLICIT_0, "extensions")?;
        fields.end("tbsCertList")?;
        let (aki, number) = read_extensions(extensions)?;
        Ok(Crl {
            this_update,
            next_update,
            issuer,
            aki,
            number,
            tbs: bytes.slice_ref(tbs.whole),
            signature: bytes.slice_ref(signature),
            revoked,
        })
    }

    /// Returns the bytes that the issuer signed.
    pub fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// Returns the signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Returns the issuer's name as `/CN=..`, safe to print; what it says decides nothing.
    pub fn issuer_name(&self) -> String {
        let read = || {
            let mut fields = Reader::whole_sequence(&self.tbs, "tbsCertList").ok()?;
            fields.value("version").ok()?;
            fields.value("signature algorithm").ok()?;
            Some(name_text(fields.sequence("issuer").ok()?))
        };
        read().unwrap_or_default()
    }

    /// Reads the revoked certificates again, in the order of the list, with the times.
    pub fn revocations(&self) -> Vec<(Serial, Timestamp)> {
        let mut found = Vec::with_capacity(self.revoked.len());
        let mut read = || {
            let mut fields = Reader::whole_sequence(&self.tbs, "tbsCertList").ok()?;
            for what in ["version", "signature algorithm", "issuer", "thisUpdate", "nextUpdate"] {
                fields.value(what).ok()?;
            }
            let list = fields.optional(der::SEQUENCE, "revokedCertificates").ok()??;
            let mut list = Reader::new(list);
            // The list was bounded when the CRL was decoded.
            while !list.is_empty() {
                let mut entry = list.sequence("entry").ok()?;
                let serial = entry.unsigned_20("serial").ok()??;
                found.push((serial, entry.time("revocationDate").ok()?));
            }
            Some(())
        };
        read();
        found
    }

    /// Tells whether the certificate with this serial number is revoked.
    pub fn is_revoked(&self, serial: &Serial) -> bool {
        self.revoked.binary_search(serial).is_ok()
    }
}

fn profile(detail: &'static str) -> DecodeError {
    DecodeError::new(Fault::CrlProfile, detail)
}

/// A name that breaks the profile is a fault of the CRL that has it.
fn as_crl_fault(fault: Fault) -> Fault {
    match fault {
        Fault::CertificateProfile => Fault::CrlProfile,
        fault => fault,
    }
}

fn read_revoked(list: &[u8]) -> Result<Vec<Serial>, DecodeError> {
    let mut entries = Reader::new(list);
    if entries.is_empty() {
        // RFC 5280, section 5.1.2.6: without revoked certificates the list is absent.
        return Err(profile("the list of revoked certificates is empty instead of absent"));
    }
    let mut revoked = Vec::new();
    while !entries.is_empty() {
        if revoked.len() == MAX_CRL_ENTRIES {
            return Err(DecodeError::too_many("revoked certificates", MAX_CRL_ENTRIES));
        }
        let mut entry = entries.sequence("revoked certificate")?;
        let serial = entry.unsigned_20("serial number")?.filter(|serial| *serial != [0; 20]);
        revoked.push(serial.ok_or_else(|| profile("a revoked serial number is out of range"))?);
        entry.time("revocationDate")?;
        if !entry.is_empty() {
            return Err(profile("an entry has extensions, which RFC 6487 does not permit"));
        }
    }
    revoked.sort_unstable();
    Ok(revoked)
}

fn read_extensions(extensions: &[u8]) -> Result<(KeyIdentifier, [u8; 20]), DecodeError> {
    let (mut aki, mut number) = (None, None);
    let bad_number = |detail: &'static str| DecodeError::new(Fault::CrlNumber, detail);
    let mut extensions = Reader::whole_sequence(extensions, "extensions")?;
    while !extensions.is_empty() {
        let mut extension = extensions.sequence("extension")?;
        let id = extension.oid("extension")?;
        let critical = extension.optional(der::BOOLEAN, "critical")?;
        let content = extension.expect(der::OCTET_STRING, "extension")?;
        extension.end("extension")?;
        match id {
            AUTHORITY_KEY_IDENTIFIER => {
                let mut fields = Reader::whole_sequence(content, "authority key identifier")?;
                let id = fields.expect(der::IMPLICIT_0, "authority key identifier")?;
                fields.end("authority key identifier")?;
                let id = id.try_into().map_err(|_| profile("the key identifier is not 20 octets"));
                if aki.replace(KeyIdentifier(id?)).is_some() || critical.is_some() {
                    return Err(profile("the authority key identifier is twice there or critical"));
                }
            }
            CRL_NUMBER => {
                let mut reader = Reader::new(content);
                let value = reader
                    .unsigned_20("CRL number")
                    .map_err(|error| DecodeError { fault: Fault::CrlNumber, ..error })?;
                let value = value.ok_or_else(|| bad_number("the CRL number is out of range"))?;
                if number.replace(value).is_some() || critical.is_some() || !reader.is_empty() {
                    return Err(bad_number("the CRL number is twice there or critical"));
                }
            }
            _ => return Err(profile("an extension that RFC 6487 does not permit")),
        }
    }
    let aki = aki.ok_or_else(|| profile("no authority key identifier"))?;
    Ok((aki, number.ok_or_else(|| bad_number("no CRL number"))?))
}
