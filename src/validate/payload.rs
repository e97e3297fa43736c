//! The rules for objects that give payload: ROAs, ASPAs and router certificates.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};

use super::file::FileRules;
use super::finding::Rejection;
use super::moment::Moment;
use super::object::{Subject, effective_resources, judge_certificate};
use super::{ObjectKind, Payload, Reason};
use crate::model::{Asn, Aspa, ResourceSet, RouterKey, Vrp};
use crate::object::limits::MAX_ROUTER_ASNS;
use crate::object::{Cert, Profile, SignedObject, decode_aspa, decode_roa};

/// Judges what a ROA says under the resources of its certificate.
///
/// Source: RFC 9582, section 5.
pub(crate) fn judge_roa(
    object: &SignedObject,
    subject: Subject<'_>,
    rules: &FileRules<'_>,
) -> Result<Payload, Rejection> {
    let claim = object.cert.resources();
    if claim.asn.is_present() {
        let detail = "the certificate has an AS resources extension";
        return Err(Rejection::new(Reason::RoaAsResources, detail));
    }
    if claim.has_inherit() {
        return Err(Rejection::new(Reason::RoaInherit, "the certificate inherits addresses"));
    }
    let resources = effective_resources(&object.cert, subject.ca)?;
    check_constraints(&resources, rules)?;
    let vrps = decode_roa(&object.content)
        .map_err(|error| Rejection::of_decoding(ObjectKind::Roa, error))?;
    check_covered(&vrps, &resources)?;
    Ok(Payload::Roa(vrps))
}

/// Checks resources against what the operator permits the trust anchor.
fn check_constraints(resources: &ResourceSet, rules: &FileRules<'_>) -> Result<(), Rejection> {
    match rules.policy.constraints.get(&**rules.trust_anchor_name) {
        Some(constraints) => constraints.check(resources).map_err(|excess| {
            let detail = format!("not permitted: {excess}");
            Rejection::new(Reason::TrustAnchorConstraint, detail)
        }),
        None => Ok(()),
    }
}

fn check_covered(vrps: &[Vrp], resources: &ResourceSet) -> Result<(), Rejection> {
    match vrps.iter().find(|vrp| !resources.contains_prefix(vrp.prefix)) {
        Some(vrp) => {
            let detail = format!("{} is not held by the certificate of the ROA", vrp.prefix);
            Err(Rejection::new(Reason::RoaNotCovered, detail))
        }
        None => Ok(()),
    }
}

/// Judges what an ASPA says under the resources of its certificate.
///
/// Source: draft-ietf-sidrops-aspa-profile, section 4.
pub(crate) fn judge_aspa(
    object: &SignedObject,
    subject: Subject<'_>,
    rules: &FileRules<'_>,
) -> Result<Payload, Rejection> {
    let claim = object.cert.resources();
    if claim.v4.is_present() || claim.v6.is_present() {
        let detail = "the certificate has an IP resources extension";
        return Err(Rejection::new(Reason::AspaIpResources, detail));
    }
    if claim.has_inherit() {
        return Err(Rejection::new(Reason::AspaInherit, "the certificate inherits AS numbers"));
    }
    let resources = effective_resources(&object.cert, subject.ca)?;
    check_constraints(&resources, rules)?;
    let aspa: Aspa = decode_aspa(&object.content)
        .map_err(|error| Rejection::of_decoding(ObjectKind::Aspa, error))?;
    if !resources.contains_asn(aspa.customer) {
        let detail = format!("{} is not held by the certificate of the ASPA", aspa.customer);
        return Err(Rejection::new(Reason::AspaNotCovered, detail));
    }
    Ok(Payload::Aspa(aspa))
}

/// Judges a BGPsec router certificate.
///
/// Source: RFC 8209, section 3.
pub(crate) fn judge_router(
    subject: Subject<'_>,
    cert: &Cert,
    rules: &FileRules<'_>,
    moment: &mut Moment,
) -> Result<Payload, Rejection> {
    judge_certificate(cert, Profile::Router, subject.ca, moment)?;
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, cert.public_key());
    if key.is_err() {
        return Err(Rejection::new(Reason::CertKey, "the key is not a point of P-256"));
    }
    let resources = effective_resources(cert, subject.ca)?;
    check_constraints(&resources, rules)?;
    let asns = resources.asn().iter().flat_map(|range| range.min..=range.max);
    let keys: Vec<RouterKey> = asns
        .take(MAX_ROUTER_ASNS + 1)
        .map(|asn| RouterKey { ski: cert.ski(), asn: Asn(asn), spki: cert.spki().to_vec() })
        .collect();
    if keys.len() > MAX_ROUTER_ASNS {
        let detail = format!("more than {MAX_ROUTER_ASNS} AS numbers");
        return Err(Rejection::new(Reason::RouterTooManyAsns, detail));
    }
    Ok(Payload::RouterKeys(keys))
}
