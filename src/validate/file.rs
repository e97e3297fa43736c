//! One file of a manifest: which rules judge it, by its extension.

use std::sync::Arc;

use super::context::CaContext;
use super::finding::Rejection;
use super::moment::Moment;
use super::next_key::AnnouncedKey;
use super::object::{Subject, check_crl_uri, judge_ca, judge_signed_object, warnings};
use super::payload::{judge_aspa, judge_roa, judge_router};
use super::tak::{is_tak, judge_tak};
use super::{ObjectKind, Payload, PayloadObject, Policy, Reason};
use crate::model::ObjectUri;
use crate::object::{Cert, ContentType, Serial};

/// What is judged for each listed file alike.
pub(crate) struct FileRules<'a> {
    pub(crate) crl_uri: &'a ObjectUri,
    pub(crate) trust_anchor_name: &'a Arc<str>,
    pub(crate) policy: &'a Policy,
}

/// A file that passed.
pub(crate) enum ValidFile {
    /// A CA, to be followed.
    Ca(Arc<CaContext>),
    /// Payload.
    Payload(Arc<PayloadObject>),
    /// A trust anchor's word on its keys, with the next one.
    Tak(Option<AnnouncedKey>),
}

/// A verdict on a file: everything but revocation, which is a look-up that is always made again.
pub(crate) struct FileVerdict {
    pub(crate) kind: ObjectKind,
    /// The serial number of the certificate that must not be revoked.
    pub(crate) serial: Serial,
    pub(crate) valid: ValidFile,
    /// What is strange about it, but no reason to reject it.
    pub(crate) warnings: Vec<Rejection>,
}

/// Tells whether a file of `ca` is judged; of the others only the hash counts.
///
/// Source: RFC 9286, section 6.5: unknown kinds are no reason to reject.
pub(crate) fn is_judged(ca: &CaContext, kind: ObjectKind, name: &str) -> bool {
    matches!(kind, ObjectKind::CaCertificate | ObjectKind::Roa | ObjectKind::Aspa)
        || is_tak(ca.issuer.is_none(), name)
}

/// Judges one listed file of a kind that is judged.
pub(crate) fn judge_file(
    subject: Subject<'_>,
    kind: ObjectKind,
    rules: &FileRules<'_>,
    moment: &mut Moment,
) -> Result<FileVerdict, Rejection> {
    match kind {
        ObjectKind::Roa => {
            let object = judge_signed_object(subject, kind, ContentType::Roa, moment)?;
            check_crl_uri(&object.cert, rules.crl_uri)?;
            let payload = judge_roa(&object, subject, rules)?;
            Ok(verdict(kind, subject, &object.cert, payload))
        }
        ObjectKind::Aspa => {
            let object = judge_signed_object(subject, kind, ContentType::Aspa, moment)?;
            check_crl_uri(&object.cert, rules.crl_uri)?;
            let payload = judge_aspa(&object, subject, rules)?;
            Ok(verdict(kind, subject, &object.cert, payload))
        }
        ObjectKind::Other => {
            let object = judge_signed_object(subject, kind, ContentType::Tak, moment)?;
            check_crl_uri(&object.cert, rules.crl_uri)?;
            let valid = ValidFile::Tak(judge_tak(&object, subject)?);
            let warnings = warnings(&object.cert, subject.ca);
            Ok(FileVerdict { kind, serial: object.cert.serial(), valid, warnings })
        }
        _ => judge_certificate_file(subject, rules, moment),
    }
}

fn judge_certificate_file(
    subject: Subject<'_>,
    rules: &FileRules<'_>,
    moment: &mut Moment,
) -> Result<FileVerdict, Rejection> {
    let cert = Cert::decode(subject.bytes)
        .map_err(|error| Rejection::of_decoding(ObjectKind::CaCertificate, error))?;
    if cert.is_ca() {
        let ca = judge_ca(subject, &cert, rules.trust_anchor_name, rules.policy, moment)?;
        check_crl_uri(&cert, rules.crl_uri)?;
        let valid = ValidFile::Ca(Arc::new(ca));
        let kind = ObjectKind::CaCertificate;
        let warnings = warnings(&cert, subject.ca);
        return Ok(FileVerdict { kind, serial: cert.serial(), valid, warnings });
    }
    if !cert.has_extended_key_usage() {
        let detail = "an end entity certificate without the BGPsec router key usage";
        return Err(Rejection::new(Reason::CertUnknownKind, detail));
    }
    let payload = judge_router(subject, &cert, rules, moment)?;
    check_crl_uri(&cert, rules.crl_uri)?;
    Ok(verdict(ObjectKind::RouterCertificate, subject, &cert, payload))
}

fn verdict(kind: ObjectKind, subject: Subject<'_>, cert: &Cert, payload: Payload) -> FileVerdict {
    let object = PayloadObject {
        uri: subject.uri.clone(),
        hash: subject.hash,
        validity: cert.validity(),
        payload,
    };
    let warnings = warnings(cert, subject.ca);
    let valid = ValidFile::Payload(Arc::new(object));
    FileVerdict { kind, serial: cert.serial(), valid, warnings }
}
