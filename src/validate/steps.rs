//! The checks in the order in which they are made, for people to follow. A table.
//!
//! The rule sets are straight-line code; tests in `tests/steps.rs` break every check of an object
//! at once and repair one after the other, so that this list cannot drift from what they do.

use super::{ObjectKind, Reason};

/// One check, and the reasons that it can end with.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What is checked, as a statement that holds when the check passes.
    pub title: &'static str,
    /// The reasons for which it fails, or that it notes.
    pub reasons: &'static [Reason],
}

const fn step(title: &'static str, reasons: &'static [Reason]) -> Step {
    Step { title, reasons }
}

const FETCHED: Step =
    step("its repository was fetched", &[Reason::RepositoryPending, Reason::RepositoryUnavailable]);
const SIGNER: Step = step("signer and certificate have one key", &[Reason::ObjectSigner]);
const DIGEST: Step = step("the signed digest is that of the content", &[Reason::ObjectDigest]);
const PROFILE: Step =
    step("the certificate keeps to its profile", &[Reason::CertProfile, Reason::CertKey]);
const PLACE: Step = step("the certificate is for the place of publication", &[Reason::ObjectUri]);
const ISSUER: Step = step(
    "the certificate names the key and the name of the CA",
    &[Reason::CertAki, Reason::CertIssuerName],
);
const CONSTRAINTS: Step = step(
    "the constraints of the trust anchor permit the resources",
    &[Reason::TrustAnchorConstraint],
);
/// Warnings, after all else.
const FORM: Step = step(
    "the certificate is in the form of its profile",
    &[Reason::CertIssuerUri, Reason::CertNameForm],
);
const VALIDITY: Step =
    step("the certificate is valid at this time", &[Reason::CertNotYetValid, Reason::CertExpired]);
const SIGNING_TIME: Step =
    step("it was signed before its certificate ends", &[Reason::ObjectSigningTime]);
const CERT_SIGNATURE: Step = step("the CA signed the certificate", &[Reason::CertSignature]);
const SIGNATURE: Step =
    step("the key of the certificate signed the object", &[Reason::ObjectSignature]);
const CRL_URI: Step = step("the certificate names the CA's CRL", &[Reason::CertCrlUri]);
const REVOKED: Step = step("the certificate is not revoked", &[Reason::ObjectRevoked]);
const OVERCLAIM: Step = step("the CA holds the resources", &[Reason::CertOverclaim]);

/// What can be wrong with the bytes of a certificate.
const CERTIFICATE: Step = step(
    "it decodes as a certificate",
    &[
        Reason::CertMalformed,
        Reason::CertAlgorithm,
        Reason::CertSerial,
        Reason::CertResourcesForm,
        Reason::ObjectTooLarge,
        Reason::ObjectTooManyEntries,
    ],
);

/// What can be wrong with the bytes of a signed object.
const ENVELOPE: Step = step(
    "it decodes as a signed object of its type",
    &[
        Reason::ObjectMalformed,
        Reason::ObjectContentType,
        Reason::ObjectAlgorithm,
        Reason::ObjectTooLarge,
        Reason::ObjectTooManyEntries,
        Reason::CertMalformed,
        Reason::CertAlgorithm,
        Reason::CertSerial,
        Reason::CertResourcesForm,
    ],
);

/// A trust anchor's certificate (RFC 8630).
const TRUST_ANCHOR: &[Step] = &[
    step("a certificate was fetched", &[Reason::TrustAnchorMissing]),
    CERTIFICATE,
    step("its key is that of the locator", &[Reason::TrustAnchorKey]),
    PROFILE,
    VALIDITY,
    step("it lists its resources", &[Reason::TrustAnchorInherit]),
    step("its own key signed it", &[Reason::TrustAnchorSignature]),
    step("it says where it publishes", &[Reason::CertLocation]),
    step(
        "it is in the form of its profile, and not valid for very long",
        &[Reason::CertNameForm, Reason::TrustAnchorLongLived],
    ),
];

/// A publication point: its manifest, the listed files, its CRL (RFC 9286, section 6).
const POINT: &[Step] = &[
    FETCHED,
    step("the manifest is there", &[Reason::ManifestMissing]),
    step(
        "it decodes as a signed object of its type",
        &[
            Reason::ManifestMalformed,
            Reason::ObjectContentType,
            Reason::ObjectAlgorithm,
            Reason::ObjectTooLarge,
            Reason::CertMalformed,
            Reason::CertAlgorithm,
            Reason::CertSerial,
            Reason::CertResourcesForm,
        ],
    ),
    SIGNER,
    DIGEST,
    PROFILE,
    PLACE,
    ISSUER,
    VALIDITY,
    SIGNING_TIME,
    CERT_SIGNATURE,
    SIGNATURE,
    step("its certificate inherits", &[Reason::ManifestResources]),
    step(
        "its content is that of a manifest",
        &[
            Reason::ManifestMalformed,
            Reason::ManifestNumber,
            Reason::ManifestInterval,
            Reason::ManifestFileName,
            Reason::ManifestDuplicate,
            Reason::ManifestEmpty,
            Reason::ManifestHash,
            Reason::ObjectTooManyEntries,
        ],
    ),
    step("its time has come", &[Reason::ManifestPremature]),
    step("its next update is not due", &[Reason::ManifestStale]),
    step(
        "it lists the one CRL that its certificate names",
        &[Reason::ManifestNoCrl, Reason::ManifestTwoCrls, Reason::ManifestCrlName],
    ),
    step(
        "it follows the manifest that was in use",
        &[
            Reason::ManifestReplay,
            Reason::ManifestNumberReused,
            Reason::ManifestNumberGap,
            Reason::ManifestNumberReset,
        ],
    ),
    step(
        "every listed file is there, with its hash",
        &[Reason::ManifestMissingFile, Reason::ManifestHashMismatch],
    ),
    step(
        "the CRL decodes",
        &[
            Reason::CrlMalformed,
            Reason::CrlProfile,
            Reason::CrlNumber,
            Reason::ObjectTooLarge,
            Reason::ObjectTooManyEntries,
        ],
    ),
    step("the CRL names the key of the CA", &[Reason::CrlIssuer]),
    step("the CRL's time has come", &[Reason::CrlPremature]),
    step("the CRL's next update is not due", &[Reason::CrlStale]),
    step("the CA signed the CRL", &[Reason::CrlSignature]),
    step("the manifest's certificate is not revoked", &[Reason::ObjectRevoked]),
];

/// The certificate of a CA below another (RFC 6487, section 7.2).
const CA: &[Step] = &[
    CERTIFICATE,
    step("it is for a CA or a router", &[Reason::CertUnknownKind]),
    PROFILE,
    ISSUER,
    VALIDITY,
    CERT_SIGNATURE,
    OVERCLAIM,
    step("it says where it publishes", &[Reason::CertLocation]),
    step("the CA is not its own ancestor", &[Reason::CaLoop]),
    step("the CA is not too deep", &[Reason::CaTooDeep]),
    CRL_URI,
    REVOKED,
    FORM,
    step("no newer certificate is for the same CA", &[Reason::CaTwice]),
    step("the trust anchor has not too many CAs", &[Reason::CaTooMany]),
];

/// A BGPsec router certificate (RFC 8209).
const ROUTER: &[Step] = &[
    CERTIFICATE,
    step("it is for a CA or a router", &[Reason::CertUnknownKind]),
    PROFILE,
    ISSUER,
    VALIDITY,
    CERT_SIGNATURE,
    step("its key is a point of P-256", &[Reason::CertKey]),
    OVERCLAIM,
    CONSTRAINTS,
    step("it is not for too many ASes", &[Reason::RouterTooManyAsns]),
    CRL_URI,
    REVOKED,
    FORM,
];

/// A route origin authorisation (RFC 9582).
const ROA: &[Step] = &[
    ENVELOPE,
    SIGNER,
    DIGEST,
    PROFILE,
    PLACE,
    ISSUER,
    VALIDITY,
    SIGNING_TIME,
    CERT_SIGNATURE,
    SIGNATURE,
    CRL_URI,
    step("the certificate has no AS numbers", &[Reason::RoaAsResources]),
    step("the certificate lists its addresses", &[Reason::RoaInherit]),
    OVERCLAIM,
    CONSTRAINTS,
    step(
        "its content is that of a ROA",
        &[
            Reason::ObjectMalformed,
            Reason::RoaEmpty,
            Reason::RoaFamily,
            Reason::RoaPrefix,
            Reason::RoaMaxLength,
            Reason::ObjectTooManyEntries,
        ],
    ),
    step("the certificate holds every prefix", &[Reason::RoaNotCovered]),
    REVOKED,
    FORM,
    step("the CA has not too many VRPs", &[Reason::RoaTooManyVrps, Reason::RoaManyOrigins]),
    step("the trust anchor has not too many VRPs", &[Reason::TrustAnchorTooManyVrps]),
    step("no CA that could speak about the prefix is lost", &[Reason::RoaUnsafeVrps]),
];

/// An autonomous system provider authorisation (draft-ietf-sidrops-aspa-profile).
const ASPA: &[Step] = &[
    ENVELOPE,
    SIGNER,
    DIGEST,
    PROFILE,
    PLACE,
    ISSUER,
    VALIDITY,
    SIGNING_TIME,
    CERT_SIGNATURE,
    SIGNATURE,
    CRL_URI,
    step("the certificate has no addresses", &[Reason::AspaIpResources]),
    step("the certificate lists its AS numbers", &[Reason::AspaInherit]),
    OVERCLAIM,
    CONSTRAINTS,
    step(
        "its content is that of an ASPA",
        &[
            Reason::ObjectMalformed,
            Reason::AspaVersion,
            Reason::AspaProviders,
            Reason::AspaCustomer,
            Reason::ObjectTooManyEntries,
        ],
    ),
    step("the certificate holds the customer", &[Reason::AspaNotCovered]),
    REVOKED,
    FORM,
    step("the customer has not too many providers", &[Reason::AspaTooManyProviders]),
];

/// The rest: only the hash counts (RFC 9286, section 6.5).
const OTHER: &[Step] = &[step(
    "the manifest lists it, with its hash",
    &[Reason::ManifestMissingFile, Reason::ManifestHashMismatch],
)];

/// A list of a trust anchor's keys, in its own publication point (RFC 9691).
const TAK: &[Step] = &[
    ENVELOPE,
    SIGNER,
    DIGEST,
    PROFILE,
    PLACE,
    ISSUER,
    VALIDITY,
    SIGNING_TIME,
    CERT_SIGNATURE,
    SIGNATURE,
    CRL_URI,
    step("its certificate inherits", &[Reason::TakResources]),
    step("its content is that of a TAK", &[Reason::ObjectMalformed, Reason::ObjectTooManyEntries]),
    step("it is about the key of its trust anchor", &[Reason::TakCurrentKey]),
    REVOKED,
    FORM,
    step("it announces no next key", &[Reason::TakSuccessor, Reason::TakSuccessorDue]),
];

/// Reasons that no check of an object ends with: the local cache, or this program.
pub const OUTSIDE_OF_STEPS: &[Reason] = &[Reason::CacheUnreadable, Reason::InternalError];

/// What checks are made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Checked {
    /// A trust anchor's certificate.
    TrustAnchor,
    /// A publication point: manifest and CRL.
    Point,
    /// A list of a trust anchor's keys, in its own publication point.
    Tak,
    /// An object of a publication point.
    Object(ObjectKind),
}

/// Returns the checks, in the order in which they are made; the first that fails ends them.
pub fn steps(of: Checked) -> &'static [Step] {
    match of {
        Checked::TrustAnchor => TRUST_ANCHOR,
        Checked::Tak => TAK,
        Checked::Point | Checked::Object(ObjectKind::Manifest | ObjectKind::Crl) => POINT,
        Checked::Object(ObjectKind::CaCertificate) => CA,
        Checked::Object(ObjectKind::RouterCertificate) => ROUTER,
        Checked::Object(ObjectKind::Roa) => ROA,
        Checked::Object(ObjectKind::Aspa) => ASPA,
        Checked::Object(ObjectKind::Ghostbusters | ObjectKind::Other) => OTHER,
    }
}
