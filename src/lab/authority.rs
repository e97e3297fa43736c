//! The authorities of a lab: they issue what the plan says, and reissue when it changes. Pure.
//!
//! Plan, URIs, seed and times decide every byte.

use std::collections::BTreeMap;

use bytes::Bytes;
use uuid::Uuid;

use super::issue::{CaState, Times};
use super::keys::Keys;
use super::plan::{Ca, Plan, Roa};
use super::{LabError, ServerUris};
use crate::ca::{
    CaFields, Resources, TrustAnchorFields, ca_certificate, sign_certificate, tal,
    trust_anchor_certificate,
};
use crate::model::{ObjectHash, ObjectUri, Timestamp};

/// The CAs of a lab, with their keys, and everything that they publish now.
pub struct Authority {
    plan: Plan,
    seed: u64,
    servers: Vec<ServerUris>,
    /// Parents precede children; trust anchors have no parent.
    cas: Vec<CaState>,
    keys: Keys,
}

/// A trust anchor as relying parties get it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustAnchorFiles {
    /// Its name, and the name of its TAL without `.tal`.
    pub name: String,
    /// The number of the server that has its certificate.
    pub server: usize,
    /// The rsync URI of its certificate.
    pub certificate_uri: ObjectUri,
    /// The trust anchor's certificate.
    pub certificate: Bytes,
    /// The text of the TAL.
    pub tal: String,
}

impl Authority {
    /// Issues everything that `plan` says, as of `now`.
    ///
    /// `servers` gives the URIs of each server of the plan, in its order.
    pub fn new(
        plan: Plan,
        servers: Vec<ServerUris>,
        seed: u64,
        now: Timestamp,
    ) -> Result<Self, LabError> {
        if servers.len() != plan.servers.len() {
            let (given, planned) = (servers.len(), plan.servers.len());
            return Err(LabError::Plan(format!("{planned} servers, but URIs for {given}")));
        }
        let mut authority =
            Authority { keys: Keys::new(&plan, seed), plan, seed, servers, cas: Vec::new() };
        for anchor in authority.plan.trust_anchors.clone() {
            authority.found(&anchor, None, now)?;
        }
        Ok(authority)
    }

    /// Returns the plan as it is now.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns everything that the server publishes, without trust anchor certificates.
    pub fn objects(&self, server: usize) -> BTreeMap<ObjectUri, Bytes> {
        let cas = self.cas.iter().filter(|ca| ca.server == server);
        cas.flat_map(CaState::objects).collect()
    }

    /// Returns the RRDP session of the server, derived from seed and server name.
    pub fn session(&self, server: usize) -> Uuid {
        let name = self.plan.servers.get(server).map_or("", |server| &server.name);
        let hash =
            ObjectHash::of(format!("{} {} {name}", env!("CARGO_PKG_NAME"), self.seed).as_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash.0).for_each(|(to, from)| *to = from);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Returns the trust anchors with their TALs.
    pub fn trust_anchors(&self) -> Vec<TrustAnchorFiles> {
        let anchors = self.cas.iter().filter(|ca| ca.parent.is_none());
        anchors
            .map(|ca| {
                let https = self.servers.get(ca.server).and_then(|uris| uris.ta_https(&ca.name));
                let mut uris: Vec<String> = https.into_iter().collect();
                uris.push(ca.certificate_uri.to_string());
                let comment = "A trust anchor of a lab: documentation resources, keys that are no secret.\nNever use it for routing.";
                TrustAnchorFiles {
                    name: ca.name.clone(),
                    server: ca.server,
                    certificate_uri: ca.certificate_uri.clone(),
                    certificate: ca.certificate.clone(),
                    tal: tal(comment, &uris, &ca.key),
                }
            })
            .collect()
    }

    /// Adds a ROA to the CA `ca`, and reissues its manifest and CRL.
    pub fn add_roa(&mut self, ca: &str, roa: Roa, now: Timestamp) -> Result<(), LabError> {
        let planned = self.plan.ca_mut(ca).ok_or_else(|| unknown_ca(ca))?;
        if planned.roas.iter().any(|other| other.name == roa.name) {
            return Err(LabError::Plan(format!("{ca} has a ROA {} already", roa.name)));
        }
        planned.roas.push(roa.clone());
        let state = find(&mut self.cas, ca)?;
        state.issue_roa(&roa, self.keys.next()?, now)?;
        state.publish(self.keys.next()?, now)
    }

    /// Removes a ROA from the CA `ca`: revokes its EE certificate, and reissues manifest and CRL.
    pub fn remove_roa(&mut self, ca: &str, roa: &str, now: Timestamp) -> Result<(), LabError> {
        let planned = self.plan.ca_mut(ca).ok_or_else(|| unknown_ca(ca))?;
        let position = planned.roas.iter().position(|other| other.name == roa);
        let position = position.ok_or_else(|| LabError::Plan(format!("{ca} has no ROA {roa}")))?;
        planned.roas.remove(position);
        let state = find(&mut self.cas, ca)?;
        state.withdraw(&format!("{roa}.roa"), now);
        state.publish(self.keys.next()?, now)
    }

    /// Reissues manifest and CRL of every CA, as each does before they run out.
    pub fn refresh(&mut self, now: Timestamp) -> Result<(), LabError> {
        for ca in &mut self.cas {
            ca.publish(self.keys.next()?, now)?;
        }
        Ok(())
    }

    /// Makes a CA with its certificate, and everything below it.
    fn found(
        &mut self,
        planned: &Ca,
        parent: Option<usize>,
        now: Timestamp,
    ) -> Result<(), LabError> {
        if self.cas.iter().any(|ca| ca.name == planned.name) {
            return Err(LabError::Plan(format!("two CAs named {}", planned.name)));
        }
        let uris = self.servers.get(planned.server).ok_or_else(|| {
            LabError::Plan(format!("{} publishes on a server that there is not", planned.name))
        })?;
        let key = self.keys.ca(self.cas.len())?;
        let directory = uris.directory(&planned.name)?;
        let manifest = directory.join(&format!("{}.mft", planned.name))?;
        let notify = uris.notification.as_ref();
        let times = Times::at(now);
        let (certificate, certificate_uri) = match parent {
            None => {
                let Resources::Set(resources) = &planned.resources else {
                    let name = &planned.name;
                    return Err(LabError::Plan(format!("trust anchor {name} inherits")));
                };
                let tbs = trust_anchor_certificate(TrustAnchorFields {
                    serial: 1,
                    validity: times.anchor,
                    key: &key,
                    resources,
                    repository: &directory,
                    manifest: &manifest,
                    notify,
                })?;
                (sign_certificate(&tbs, &key)?, uris.ta_rsync(&planned.name)?)
            }
            Some(parent) => {
                let parent = self.cas.get_mut(parent).ok_or_else(|| unknown_ca("parent"))?;
                let serial = parent.take_serial();
                let fields = CaFields {
                    serial,
                    validity: times.certificate,
                    subject: key.public_key(),
                    resources: &planned.resources,
                    repository: &directory,
                    manifest: &manifest,
                    notify,
                };
                let tbs = ca_certificate(parent.issuer(), fields)?;
                let bytes = sign_certificate(&tbs, &parent.key)?;
                let name = format!("{}.cer", planned.name);
                let uri = parent.directory.join(&name)?;
                parent.insert(name, serial, bytes.clone());
                (bytes, uri)
            }
        };
        let index = self.cas.len();
        self.cas.push(CaState::new(planned, parent, key, certificate, certificate_uri, directory)?);
        for child in &planned.children {
            self.found(child, Some(index), now)?;
        }
        let ca = self.cas.get_mut(index).ok_or_else(|| unknown_ca(&planned.name))?;
        ca.issue_all(planned, &mut self.keys, now)?;
        ca.publish(self.keys.next()?, now)
    }
}

fn unknown_ca(name: &str) -> LabError {
    LabError::Plan(format!("no CA {name}"))
}

fn find<'a>(cas: &'a mut [CaState], name: &str) -> Result<&'a mut CaState, LabError> {
    cas.iter_mut().find(|ca| ca.name == name).ok_or_else(|| unknown_ca(name))
}
