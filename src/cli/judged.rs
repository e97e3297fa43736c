//! What is in the cache, judged again for one question; writes nothing.

use std::sync::Arc;

use bytes::Bytes;

use super::sync::{as_fetched, open_engine};
use super::{CliError, Context};
use crate::clock;
use crate::config::{ConfigFile, Settings};
use crate::model::{ObjectHash, ObjectUri, RepositoryId, Timestamp};
use crate::object::{Cert, ContentType, Crl, Manifest, SignedObject};
use crate::service::engine::{Engine, Known, Validated};
use crate::store::{Access, Snapshot, Store};
use crate::validate::{
    Finding, ObjectKind, ObjectSource, PointOutcome, PointStatus, SourceError, Validation,
};
use crate::world::{Purpose, World};

/// The cache and the verdicts on all that is in it, at one time.
pub(super) struct Judged {
    engine: Engine,
    snapshot: Snapshot,
    validated: Validated,
    repositories: Vec<RepositoryId>,
}

/// Where an object is, and what is said about it.
pub(super) struct Located {
    /// The index of the point that it belongs to.
    pub(super) point: Option<usize>,
    /// The SHA-256 of what is published.
    pub(super) hash: Option<ObjectHash>,
    /// What was decided.
    pub(super) verdict: Verdict,
}

/// What was decided about an object.
pub(super) enum Verdict {
    /// It is in use.
    Valid,
    /// Only its hash counts: its kind decides nothing.
    HashChecked,
    /// It is not in use, for this reason.
    Rejected(Finding),
    /// It is of a point that as a whole is not in use, or only in an earlier state.
    PointNotUsed(Option<Finding>),
    /// No manifest in use lists it.
    NotListed,
    /// It is not in the cache.
    Absent,
}

/// Something along a chain that ends.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// What ends: `certificate`, `manifest`, `manifest certificate`, `CRL` or `ROA certificate`.
    pub(super) what: &'static str,
    /// Its URI.
    pub(super) uri: String,
    /// The last second in which it is valid.
    pub(super) until: Timestamp,
}

impl Judged {
    /// Judges the cache, now or `at` another time, under the trust anchors of the last run.
    pub(super) fn load(context: &Context, at: Option<Timestamp>) -> Result<Judged, CliError> {
        Self::with(context.settings(ConfigFile::default())?, at)
    }

    fn with(settings: Settings, at: Option<Timestamp>) -> Result<Judged, CliError> {
        let purpose = Store::purpose_of(&settings.data.cache()).map_err(|error| {
            CliError::no_data(error.to_string()).hint("run `provost sync` first")
        })?;
        let at = at.unwrap_or(match purpose {
            Purpose::Archive { at } => at,
            Purpose::Live | Purpose::Lab => clock::now(),
        });
        let engine = open_engine(&settings.with_recorded_tals(), purpose, Access::Read)?;
        let engine = as_fetched(engine)?;
        let validated =
            engine.judge(&Known { state: engine.store.load_state()?, with_memory: false }, at)?;
        let snapshot = engine.store.snapshot(engine.transports, at)?;
        let repositories = engine.statuses()?.into_keys().collect();
        Ok(Judged { engine, snapshot, validated, repositories })
    }

    /// Returns what was found.
    pub(super) fn validation(&self) -> &Validation {
        &self.validated.validation
    }

    /// Returns where bytes come from.
    pub(super) fn source(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the world that this validation would give.
    pub(super) fn world(&self) -> Result<World, CliError> {
        Ok(self.engine.assemble(&self.validated, None)?)
    }

    /// Returns what the data are for.
    pub(super) fn purpose(&self) -> Purpose {
        self.engine.purpose
    }

    /// Returns a point.
    pub(super) fn point(&self, index: usize) -> Option<&PointOutcome> {
        self.validation().points.get(index).map(Arc::as_ref)
    }

    /// Returns the name of a point's trust anchor.
    pub(super) fn trust_anchor(&self, point: &PointOutcome) -> &str {
        let outcome = self.validation().trust_anchors.get(point.trust_anchor);
        outcome.map_or("", |outcome| outcome.name.as_str())
    }

    /// Returns the points from the trust anchor down to the one at `index`.
    pub(super) fn chain(&self, index: usize) -> Vec<&PointOutcome> {
        let mut chain = Vec::new();
        let mut next = self.point(index);
        // Parents come before children, so that this ends.
        while let Some(point) = next {
            chain.push(point);
            let parent = point.parent;
            next = parent
                .and_then(|id| self.validation().points.iter().find(|p| p.id == id))
                .map(Arc::as_ref);
        }
        chain.reverse();
        chain
    }

    /// Reads the bytes with this hash.
    pub(super) fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, CliError> {
        self.snapshot.bytes(hash).map_err(unreadable)
    }

    /// Finds an object by its URI.
    pub(super) fn locate(&self, uri: &ObjectUri) -> Result<Located, CliError> {
        let points = &self.validation().points;
        if let Some(index) = points.iter().position(|p| p.certificate_uri == uri.as_str()) {
            let hash = points.get(index).map(|point| point.certificate_hash);
            return Ok(Located { point: Some(index), hash, verdict: Verdict::Valid });
        }
        let here: Vec<usize> = (0..points.len())
            .filter(|i| points.get(*i).is_some_and(|p| p.location.directory == uri.directory()))
            .collect();
        let mut found = None;
        for index in &here {
            let Some(point) = points.get(*index) else { continue };
            let located = self.locate_in(*index, point, uri, &self.listed(point)?)?;
            let is_better = matches!(
                located.verdict,
                Verdict::Valid | Verdict::HashChecked | Verdict::Rejected(_)
            );
            if is_better || found.is_none() {
                found = Some(located);
            }
            if is_better {
                break;
            }
        }
        match found {
            Some(located) => Ok(located),
            None => {
                let hash = self.published(None, uri)?;
                let verdict = if hash.is_some() { Verdict::NotListed } else { Verdict::Absent };
                Ok(Located { point: None, hash, verdict })
            }
        }
    }

    /// Says what became of an object in the directory of a point, whose manifest lists `listed`.
    pub(super) fn locate_in(
        &self,
        index: usize,
        point: &PointOutcome,
        uri: &ObjectUri,
        listed: &[(String, ObjectHash)],
    ) -> Result<Located, CliError> {
        let published = self.published(point.repository.as_ref(), uri)?;
        let findings = point.findings.iter().filter(|f| f.object == uri.as_str());
        let about = findings
            .min_by_key(|finding| finding.reason.effect())
            .filter(|finding| finding.reason.effect() != crate::validate::Effect::Warning);
        let listed = listed.iter().find(|(name, _)| name == uri.file_name()).map(|(_, hash)| *hash);
        let whole = point.findings.first().cloned();
        let is_manifest = *uri == point.location.manifest;
        let verdict = match (about, point.status) {
            (Some(finding), _) => Verdict::Rejected(finding.clone()),
            (None, PointStatus::Failed | PointStatus::Unreadable) => Verdict::PointNotUsed(whole),
            (None, _) if is_manifest => match &point.manifest {
                Some(manifest) if Some(manifest.hash) == published => Verdict::Valid,
                _ => Verdict::PointNotUsed(whole),
            },
            (None, _) if listed.is_some() && listed == published => {
                match ObjectKind::of_name(uri.file_name()) {
                    ObjectKind::Other if is_judged_tak(point, uri) => Verdict::Valid,
                    ObjectKind::Ghostbusters | ObjectKind::Other => Verdict::HashChecked,
                    _ => Verdict::Valid,
                }
            }
            (None, PointStatus::LastGood | PointStatus::Pending) => Verdict::PointNotUsed(whole),
            (None, PointStatus::Current) if published.is_some() => Verdict::NotListed,
            (None, PointStatus::Current) => Verdict::Absent,
        };
        let hash = published.or(listed);
        Ok(Located { point: Some(index), hash, verdict })
    }

    /// Returns the hash that the repositories have for `uri`, the point's own first.
    fn published(
        &self,
        first: Option<&RepositoryId>,
        uri: &ObjectUri,
    ) -> Result<Option<ObjectHash>, CliError> {
        for repository in first.into_iter().chain(&self.repositories) {
            if let Some(hash) = self.snapshot.lookup(repository, uri).map_err(unreadable)? {
                return Ok(Some(hash));
            }
        }
        Ok(None)
    }

    /// Returns the names and hashes that a point's manifest lists: the one in use, else the one
    /// that was fetched.
    pub(super) fn listed(
        &self,
        point: &PointOutcome,
    ) -> Result<Vec<(String, ObjectHash)>, CliError> {
        let hash = match &point.manifest {
            Some(manifest) => Some(manifest.hash),
            None => self.published(point.repository.as_ref(), &point.location.manifest)?,
        };
        let Some(bytes) = hash.map(|hash| self.bytes(&hash)).transpose()?.flatten() else {
            return Ok(Vec::new());
        };
        let object = SignedObject::decode(&bytes, ContentType::Manifest);
        let manifest = object.and_then(|object| Manifest::decode(&object.content));
        let files = manifest.map(|manifest| manifest.files).unwrap_or_default();
        Ok(files.into_iter().map(|file| (file.name.into(), file.hash)).collect())
    }

    /// Returns everything of a point that ends: its certificate, its manifest, its CRL.
    pub(super) fn endings(&self, point: &PointOutcome) -> Result<Vec<Ending>, CliError> {
        let mut endings = Vec::new();
        let mut add = |what, uri: &str, until| {
            endings.push(Ending { what, uri: uri.to_owned(), until });
        };
        if let Some(bytes) = self.bytes(&point.certificate_hash)?
            && let Ok(cert) = Cert::decode(&bytes)
        {
            add("certificate", &point.certificate_uri, cert.validity().until);
        }
        let Some(manifest) = &point.manifest else { return Ok(endings) };
        let uri = &point.location.manifest;
        add("manifest", uri.as_str(), manifest.next_update);
        if let Some(bytes) = self.bytes(&manifest.hash)?
            && let Ok(object) = SignedObject::decode(&bytes, ContentType::Manifest)
        {
            add("manifest certificate", uri.as_str(), object.cert.validity().until);
        }
        let crl = self.listed(point)?;
        let crl = crl.iter().find(|(name, _)| ObjectKind::of_name(name) == ObjectKind::Crl);
        if let Some((name, hash)) = crl
            && let Some(bytes) = self.bytes(hash)?
            && let Ok(crl) = Crl::decode(&bytes)
            && let Ok(uri) = point.location.directory.join(name)
        {
            add("CRL", uri.as_str(), crl.next_update);
        }
        Ok(endings)
    }
}

/// Tells whether an object is a TAK that validation judges: one in a trust anchor's own point.
pub(super) fn is_judged_tak(point: &PointOutcome, uri: &ObjectUri) -> bool {
    point.parent.is_none() && uri.file_name().ends_with(".tak")
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn unreadable(error: SourceError) -> CliError {
    CliError::failed(error.to_string())
}
