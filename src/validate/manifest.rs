//! The rules for manifests (RFC 9286, section 6).

use super::context::CaContext;
use super::finding::Rejection;
use super::moment::Moment;
use super::object::{Subject, judge_signed_object};
use super::{ManifestRef, ObjectKind, Reason};
use crate::model::{ObjectUri, TimeWindow};
use crate::object::{Cert, ContentType, ListedFile, Manifest};

/// A manifest that is valid by itself; what it lists is not judged yet.
pub(crate) struct JudgedManifest {
    pub(crate) reference: ManifestRef,
    /// From thisUpdate to nextUpdate, and within the validity of its certificate.
    pub(crate) validity: TimeWindow,
    /// What is listed, by name.
    pub(crate) files: Vec<ListedFile>,
    /// The URI of the one CRL that is listed.
    pub(crate) crl_uri: ObjectUri,
    pub(crate) cert: Cert,
}

/// Judges a manifest that was found at the URI that the CA's certificate names.
///
/// Revocation is checked later: the CRL is known only from the manifest.
pub(crate) fn judge_manifest(
    subject: Subject<'_>,
    moment: &mut Moment,
) -> Result<JudgedManifest, Rejection> {
    let kind = ObjectKind::Manifest;
    let object = judge_signed_object(subject, kind, ContentType::Manifest, moment)?;
    // RFC 9286, section 5.1: inherit, so that no change of resources breaks the manifest.
    if object.cert.resources().has_ranges() {
        let detail = "the certificate lists resources instead of inheriting them";
        return Err(Rejection::new(Reason::ManifestResources, detail));
    }
    let content =
        Manifest::decode(&object.content).map_err(|error| Rejection::of_decoding(kind, error))?;
    if moment.is_before(content.this_update) {
        let detail = format!("thisUpdate is {}", content.this_update);
        return Err(Rejection::new(Reason::ManifestPremature, detail));
    }
    if moment.is_after(content.next_update) {
        let detail = format!("nextUpdate was {}", content.next_update);
        return Err(Rejection::new(Reason::ManifestStale, detail));
    }
    let crl_uri = find_crl(&content.files, &object.cert, subject)?;
    let updates = TimeWindow::new(content.this_update, content.next_update);
    Ok(JudgedManifest {
        reference: ManifestRef {
            hash: subject.hash,
            number: content.number,
            this_update: content.this_update,
            next_update: content.next_update,
        },
        validity: updates.intersect(object.cert.validity()),
        files: content.files,
        crl_uri,
        cert: object.cert,
    })
}

/// Returns the URI of the one CRL, which must be the one that the manifest's certificate names.
fn find_crl(
    files: &[ListedFile],
    cert: &Cert,
    subject: Subject<'_>,
) -> Result<ObjectUri, Rejection> {
    let mut crls = files.iter().filter(|file| ObjectKind::of_name(&file.name) == ObjectKind::Crl);
    let Some(crl) = crls.next() else {
        return Err(Rejection::new(Reason::ManifestNoCrl, "no file with the extension crl"));
    };
    if let Some(other) = crls.next() {
        let detail = format!("{} and {}", crl.name, other.name);
        return Err(Rejection::new(Reason::ManifestTwoCrls, detail));
    }
    let uri = file_uri(subject.ca, crl)?;
    if !cert.has_crl_uri(&uri) {
        let named = cert.crl_uri().unwrap_or("none");
        let detail = format!("{} is listed, the certificate names {named}", crl.name);
        return Err(Rejection::new(Reason::ManifestCrlName, detail));
    }
    Ok(uri)
}

/// Returns the URI of a listed file.
pub(crate) fn file_uri(ca: &CaContext, file: &ListedFile) -> Result<ObjectUri, Rejection> {
    ca.location.directory.join(&file.name).map_err(|error| {
        Rejection::new(Reason::ManifestFileName, format!("{}: {error}", file.name))
    })
}
