//! A lab that runs: its authorities, published on loopback.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::attack::{Attack, Target, is_tarpit};
use super::hostile::Manner;
use super::https::{self, Document, Served, Site};
use super::rsync::{self, RsyncSite};
use super::server_uris::{MODULE, TA_MODULE};
use super::tls::TlsAuthority;
use super::{
    Authority, LabError, Plan, Roa, RrdpRepository, ServerUris, TrustAnchorFiles, Truth, generate,
};
use crate::model::{ObjectHash, ObjectUri, RepositoryId, Timestamp};

/// How to start a lab.
#[derive(Clone, Debug)]
pub struct LabOptions {
    /// What there is.
    pub plan: Plan,
    /// Decides keys and RRDP sessions.
    pub seed: u64,
    /// The time at which everything is issued.
    pub now: Timestamp,
    /// Whether to offer rsync.
    pub rsync: RsyncUse,
}

/// Whether a lab offers rsync.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RsyncUse {
    /// Where the `rsync` program is installed.
    WhereInstalled,
    /// Not at all: every server has RRDP then.
    Never,
}

/// A lab that is published on loopback until it is dropped.
///
/// Dropping it closes the listeners, kills its processes, and removes its files.
pub struct Lab {
    authority: Authority,
    servers: Vec<PublicationServer>,
    files: TempDir,
    tals: Vec<PathBuf>,
    rsync: RsyncUse,
    attack: Option<Attack>,
    /// When the publication changed last; strictly ascending.
    modified: Timestamp,
    _listeners: JoinSet<()>,
}

struct PublicationServer {
    uris: ServerUris,
    rrdp: Option<RrdpRepository>,
    site: Arc<Site>,
    rsync: Option<RsyncSite>,
}

impl Lab {
    /// Starts a lab: takes free ports, signs everything for them, and publishes it.
    ///
    /// Must run inside a tokio runtime with I/O and time.
    pub async fn start(options: LabOptions) -> Result<Lab, LabError> {
        let LabOptions { plan, seed, now, rsync } = options;
        let (rsync, plan) = if rsync == RsyncUse::WhereInstalled && rsync::is_installed().await {
            (rsync, plan)
        } else {
            (RsyncUse::Never, plan.with_rrdp_everywhere())
        };
        let files = tempfile::Builder::new().prefix("provost-lab-").tempdir();
        let files = files.map_err(LabError::io("directory for the lab"))?;
        let tls = TlsAuthority::new(now)?;
        let mut listeners = JoinSet::new();
        let mut servers = Vec::new();
        for (number, server) in plan.servers.iter().enumerate() {
            let (https, address) = listen(number).await?;
            let site = Arc::new(Site::default());
            listeners.spawn(https::serve(https, tls.server(address.ip())?, site.clone()));
            let (rsync_site, rsync_address) = if rsync == RsyncUse::WhereInstalled {
                let (listener, address) = listen(number).await?;
                let site = RsyncSite::new(files.path().join("rsync").join(&server.name));
                listeners.spawn(rsync::serve(listener, site.config(), site.manner()));
                (Some(site), address)
            } else {
                // Objects have rsync URIs all the same; nobody listens there.
                (None, SocketAddr::new(address.ip(), 873))
            };
            let uris = ServerUris::new(
                &address.to_string(),
                &rsync_address.to_string(),
                server.transports,
            )?;
            servers.push(PublicationServer { uris, rrdp: None, site, rsync: rsync_site });
        }
        let uris = servers.iter().map(|server| server.uris.clone()).collect();
        let authority = Authority::new(plan, uris, seed, now)?;
        let tls_root = files.path().join(TLS_ROOT);
        std::fs::write(&tls_root, tls.root_pem()).map_err(LabError::io(tls_root.display()))?;
        let tals = generate::write_tals(&authority, &files.path().join(TALS), rsync)?;
        let mut lab = Lab {
            authority,
            servers,
            files,
            tals,
            rsync,
            attack: None,
            modified: now,
            _listeners: listeners,
        };
        lab.publish()?;
        Ok(lab)
    }

    /// Returns the plan as it is now.
    pub fn plan(&self) -> &Plan {
        self.authority.plan()
    }

    /// Computes from the plan what a validator must find now.
    pub fn truth(&self) -> Truth {
        self.plan().truth()
    }

    /// Returns the authorities.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns the TAL files, one for each trust anchor.
    pub fn tals(&self) -> &[PathBuf] {
        &self.tals
    }

    /// Returns the directory that holds the TAL files and nothing else.
    pub fn tal_directory(&self) -> PathBuf {
        self.files.path().join(TALS)
    }

    /// Returns the file with the root certificate of the lab's HTTPS servers (PEM).
    pub fn tls_root(&self) -> PathBuf {
        self.files.path().join(TLS_ROOT)
    }

    /// Returns the directory of the lab's files; it goes with the lab.
    pub fn directory(&self) -> &Path {
        self.files.path()
    }

    /// Tells whether the lab offers rsync.
    pub fn has_rsync(&self) -> bool {
        self.rsync == RsyncUse::WhereInstalled
    }

    /// Returns the repositories that are published, RRDP before rsync for each server.
    pub fn repositories(&self) -> Vec<RepositoryId> {
        let each = self.servers.iter().flat_map(|server| {
            let rrdp = server.uris.notification.clone().map(RepositoryId::Rrdp);
            let rsync = server.rsync.as_ref();
            [rrdp, rsync.map(|_| RepositoryId::Rsync(server.uris.module.clone()))]
        });
        each.flatten().collect()
    }

    /// Returns what the HTTPS servers answered: server by server, each oldest first.
    pub fn requests(&self) -> Vec<Served> {
        self.servers.iter().flat_map(|server| server.site.requests()).collect()
    }

    /// Adds a ROA to the CA `ca` and publishes the change: the next RRDP serial, with its delta.
    pub fn add_roa(&mut self, ca: &str, roa: Roa, now: Timestamp) -> Result<(), LabError> {
        self.authority.add_roa(ca, roa, now)?;
        self.publish_at(now)
    }

    /// Removes the ROA `roa` from the CA `ca` and publishes the change.
    pub fn remove_roa(&mut self, ca: &str, roa: &str, now: Timestamp) -> Result<(), LabError> {
        self.authority.remove_roa(ca, roa, now)?;
        self.publish_at(now)
    }

    /// Reissues every manifest and CRL, which else run out after three days.
    pub fn refresh(&mut self, now: Timestamp) -> Result<(), LabError> {
        self.authority.refresh(now)?;
        self.publish_at(now)
    }

    /// Lets the lab's hostile servers attack from now on; they were honest before.
    ///
    /// They begin another RRDP session, so that a client takes their snapshot.
    pub fn attack(&mut self, attack: Attack, now: Timestamp) -> Result<(), LabError> {
        self.attack = Some(attack);
        for number in self.attackers() {
            let session = self.authority.session(number + 1_000);
            let objects = self.authority.objects(number);
            let Some(server) = self.servers.get_mut(number) else { continue };
            if let Some(site) = &mut server.rsync {
                site.attack(attack.rsync());
            }
            let notification = server.uris.notification.clone();
            server.rrdp = notification.map(|uri| RrdpRepository::new(uri, session, objects));
        }
        self.publish_at(now)
    }

    /// Returns the repositories that attack, if any do.
    pub fn hostile_repositories(&self) -> Vec<RepositoryId> {
        let servers = self.attackers().into_iter().filter_map(|number| self.servers.get(number));
        servers
            .map(|server| match &server.uris.notification {
                Some(notification) => RepositoryId::Rrdp(notification.clone()),
                None => RepositoryId::Rsync(server.uris.module.clone()),
            })
            .collect()
    }

    /// Returns the numbers of the servers that attack.
    fn attackers(&self) -> Vec<usize> {
        match self.attack {
            None => Vec::new(),
            Some(attack) if attack.needs_siege() => {
                let named = self.plan().servers.iter().enumerate();
                named.filter(|(_, server)| is_tarpit(server)).map(|(number, _)| number).collect()
            }
            Some(attack) if attack.needs_rsync() => vec![HOSTILE_RSYNC],
            Some(_) => vec![HOSTILE],
        }
    }

    /// Returns what the attacking server `number` publishes, changed as the attack wants it.
    fn twisted(
        &self,
        number: usize,
        documents: Vec<(String, Bytes)>,
    ) -> Result<Vec<(String, Bytes, Manner)>, LabError> {
        let honest = |(path, body)| (path, body, Manner::Honest);
        let (Some(attack), true) = (self.attack, self.attackers().contains(&number)) else {
            return Ok(documents.into_iter().map(honest).collect());
        };
        let own = self.servers.get(number);
        let victim = self.servers.get(VICTIM);
        let uri = |server: Option<&PublicationServer>| {
            server.and_then(|server| server.uris.notification.clone())
        };
        let (Some(own), Some(own_uri), Some(victim_uri)) = (own, uri(own), uri(victim)) else {
            return Ok(documents.into_iter().map(honest).collect());
        };
        let victims = self.authority.objects(VICTIM);
        let object = victims.keys().next().map(ToString::to_string).unwrap_or_default();
        let published = match victim.and_then(|server| server.rrdp.as_ref()) {
            Some(rrdp) => rrdp.documents()?,
            None => Vec::new(),
        };
        let snapshot = published.iter().find(|(path, _)| path.ends_with("/snapshot.xml"));
        let (path, bytes) = snapshot.cloned().unwrap_or_default();
        let snapshot_uri = format!("https://{}{path}", victim_uri.authority());
        let hash = ObjectHash::of(&bytes).to_string();
        let target = Target {
            notification: own_uri.as_str(),
            module: own.uris.module.as_str(),
            victim_notification: victim_uri.as_str(),
            victim_snapshot: (&snapshot_uri, &hash),
            victim_object: &object,
        };
        Ok(attack.twist(documents, &target))
    }

    fn publish_at(&mut self, now: Timestamp) -> Result<(), LabError> {
        // Two changes in one second must not look like one to a client that compares times.
        self.modified = now.max(self.modified.plus(Duration::from_secs(1)));
        self.publish()
    }

    fn publish(&mut self) -> Result<(), LabError> {
        let anchors = self.authority.trust_anchors();
        for number in 0..self.servers.len() {
            let objects = self.authority.objects(number);
            let certificates: Vec<_> =
                anchors.iter().filter(|anchor| anchor.server == number).collect();
            self.publish_rsync(number, &objects, &certificates)?;
            self.publish_rrdp(number, objects, &certificates)?;
        }
        Ok(())
    }

    fn publish_rsync(
        &mut self,
        number: usize,
        objects: &BTreeMap<ObjectUri, Bytes>,
        certificates: &[&TrustAnchorFiles],
    ) -> Result<(), LabError> {
        let server = self.servers.get_mut(number);
        let Some(site) = server.and_then(|server| server.rsync.as_mut()) else { return Ok(()) };
        let mut files = BTreeMap::new();
        for (uri, bytes) in objects {
            files.insert(format!("{MODULE}/{}", uri.path()), bytes.clone());
        }
        for anchor in certificates {
            let name = format!("{TA_MODULE}/{}.cer", anchor.name);
            files.insert(name, anchor.certificate.clone());
        }
        site.publish(&files, self.modified)
    }

    fn publish_rrdp(
        &mut self,
        number: usize,
        objects: BTreeMap<ObjectUri, Bytes>,
        certificates: &[&TrustAnchorFiles],
    ) -> Result<(), LabError> {
        let session = self.authority.session(number);
        let Some(server) = self.servers.get_mut(number) else { return Ok(()) };
        let Some(notification) = server.uris.notification.clone() else { return Ok(()) };
        let rrdp = match server.rrdp.take() {
            Some(mut rrdp) => {
                rrdp.update(objects)?;
                rrdp
            }
            None => RrdpRepository::new(notification, session, objects),
        };
        let documents = rrdp.documents()?;
        server.rrdp = Some(rrdp);
        let modified = self.modified;
        let mut documents: BTreeMap<_, _> = self
            .twisted(number, documents)?
            .into_iter()
            .map(|(path, body, manner)| (path, Document::new(body, modified).sent(manner)))
            .collect();
        for anchor in certificates {
            let path = format!("/{TA_MODULE}/{}.cer", anchor.name);
            documents.insert(path, Document::new(anchor.certificate.clone(), modified));
        }
        if let Some(server) = self.servers.get(number) {
            server.site.documents.store(Arc::new(documents));
        }
        Ok(())
    }
}

/// The server that attacks over RRDP, in the plan of the default lab: that of delegated CAs.
const HOSTILE: usize = 2;
/// The server that attacks over rsync.
const HOSTILE_RSYNC: usize = 3;
/// The server at which an attack is aimed: that of hosted CAs.
const VICTIM: usize = 1;

/// The name of the directory of TALs.
pub(super) const TALS: &str = "tals";
/// The name of the file with the TLS root.
const TLS_ROOT: &str = "tls-root.pem";

/// How many servers have an address below one third byte.
const HOSTS: usize = 250;

/// Listens on a free port of the address of server `number`: 127.0.0.2, 127.0.0.3, ...
async fn listen(number: usize) -> Result<(TcpListener, SocketAddr), LabError> {
    let byte = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    let own = Ipv4Addr::new(127, 0, byte(number / HOSTS), byte(number % HOSTS + 2));
    let listener = match TcpListener::bind((IpAddr::from(own), 0)).await {
        Ok(listener) => listener,
        // Outside Linux, loopback has one address only; the ports still differ.
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(LabError::io("listener on loopback"))?,
    };
    let address = listener.local_addr().map_err(LabError::io("listener on loopback"))?;
    Ok((listener, address))
}
