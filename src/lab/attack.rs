//! The hostile twin of the lab: one publication server of it attacks, in one of many ways. Pure.
//!
//! An attack changes the documents that one server publishes, or the manner in which it sends
//! them. Everything else stays honest, so what it does to the others can be seen.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rpki::rrdp::Hash;
use rpki::util::base64;

use super::hostile::Manner;
use super::plan::{Ca, Plan, Server, Transports};
use crate::model::ObjectHash;

/// How many bytes the gzip bomb has when it is unpacked: ten times what a notification may have.
const BOMB: usize = 100_000_000;

/// How many deltas the list without end has.
const DELTAS: u64 = 50_000;

/// A session that the lab's servers never have.
const OTHER_SESSION: &str = "9df4b597-af9e-4dca-bdda-719cce2c4e28";

/// An attack of the lab.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// The name on the command line.
    pub name: &'static str,
    /// What the server does.
    pub does: &'static str,
    /// What a validator must do about it, and why.
    pub defence: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    SnapshotManner(fn() -> Manner),
    NotificationManner(fn(&Target<'_>) -> Manner),
    GzipBomb,
    Notification(fn(&str, &Target<'_>) -> String),
    /// Another snapshot, announced with its own hash.
    Snapshot(fn(&str, &Target<'_>) -> String),
    /// Another snapshot than was announced.
    Swapped,
    DelegationTree,
    Siege,
    Rsync(RsyncAttack),
}

/// How an rsync server attacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RsyncAttack {
    /// It accepts connections and says nothing.
    Silent,
    /// It serves links to files of the client.
    Links,
    /// It closes each connection at once.
    Dies,
}

/// Whom an attack is about: the attacker's own URIs, and a victim's.
pub(super) struct Target<'a> {
    /// The notification of the attacker.
    pub(super) notification: &'a str,
    /// The rsync module of the attacker.
    pub(super) module: &'a str,
    /// The notification of a server that does no harm.
    pub(super) victim_notification: &'a str,
    /// A snapshot of that server, and its hash.
    pub(super) victim_snapshot: (&'a str, &'a str),
    /// An object of that server.
    pub(super) victim_object: &'a str,
}

/// A document with its path and the manner in which it is sent.
pub(super) type Sent = (String, Bytes, Manner);

const fn attack(
    name: &'static str,
    does: &'static str,
    defence: &'static str,
    kind: Kind,
) -> Attack {
    Attack { name, does, defence, kind }
}

/// Every attack.
const ATTACKS: &[Attack] = &[
    attack(
        "slow-bytes",
        "sends its snapshot one byte at a time, and is never quite silent",
        "A deadline for the whole attempt and a lowest rate, not only a limit on silence.",
        Kind::SnapshotManner(|| Manner::Drip),
    ),
    attack(
        "silence",
        "accepts the request for its snapshot, and then says nothing",
        "A limit on silence; nobody else waits meanwhile.",
        Kind::SnapshotManner(|| Manner::Silent),
    ),
    attack(
        "endless-body",
        "sends a notification that never ends",
        "A limit on the bytes that are read, whatever length the server gives or leaves out.",
        Kind::NotificationManner(|_| Manner::Endless),
    ),
    attack(
        "dies-in-transfer",
        "closes the connection in the middle of its snapshot",
        "Nothing of half a document is used; the data of before stay.",
        Kind::SnapshotManner(|| Manner::Dies),
    ),
    attack(
        "length-lie",
        "announces more bytes than it sends",
        "A body that is shorter than announced is a failed transfer.",
        Kind::SnapshotManner(|| Manner::ShorterThanSaid),
    ),
    attack(
        "gzip-bomb",
        "packs a hundred megabytes of blanks into a notification of a hundred kilobytes",
        "Limits count what comes out of the decompressor, not what went into it.",
        Kind::GzipBomb,
    ),
    attack(
        "xml-bomb",
        "defines XML entities that unfold to a billion times their size",
        "Document types are refused before any XML parser sees them.",
        Kind::Notification(|text, _| text.replacen("<notification", XML_BOMB, 1)),
    ),
    attack(
        "hash-lie",
        "serves another snapshot than its notification announces",
        "The hash is checked before anything is read (RFC 8182, section 3.4.3).",
        Kind::Swapped,
    ),
    attack(
        "serial-lie",
        "serves a snapshot whose serial is not the one that it announces",
        "Session and serial of every file are those of the notification (RFC 8182).",
        Kind::Snapshot(|text, _| text.replacen("serial=\"", "serial=\"9", 1)),
    ),
    attack(
        "session-lie",
        "serves a snapshot of another session than it announces",
        "Session and serial of every file are those of the notification (RFC 8182).",
        Kind::Snapshot(|text, _| match text.split_once("session_id=\"") {
            Some((head, rest)) => {
                let rest = rest.split_once('"').map_or("", |(_, rest)| rest);
                format!("{head}session_id=\"{OTHER_SESSION}\"{rest}")
            }
            None => text.to_owned(),
        }),
    ),
    attack(
        "redirect-loop",
        "redirects the request for its notification to itself, for ever",
        "A small number of redirects is followed.",
        Kind::NotificationManner(|target| Manner::Redirect(target.notification.to_owned())),
    ),
    attack(
        "redirect-elsewhere",
        "redirects the request for its notification to another server",
        "No redirect leaves the origin (RFC 9674), so nobody is made to ask others.",
        Kind::NotificationManner(|target| Manner::Redirect(target.victim_notification.to_owned())),
    ),
    attack(
        "cross-origin",
        "names the snapshot of another server as its own",
        "Files of a repository come from its own origin (RFC 9674), and what one repository \
         holds is kept under its notification URI alone, so the other loses nothing.",
        Kind::Notification(cross_origin),
    ),
    attack(
        "path-tricks",
        "publishes an object whose URI climbs out of its directory",
        "Such URIs are refused, and no part of a URI ever becomes part of a path.",
        Kind::Snapshot(|text, target| {
            publish_also(text, &format!("{}../../../../etc/cron.daily/x.roa", target.module))
        }),
    ),
    attack(
        "foreign-objects",
        "publishes objects under the URIs of another server",
        "What one repository publishes is never visible through another.",
        Kind::Snapshot(|text, target| publish_also(text, target.victim_object)),
    ),
    attack(
        "come-back-tomorrow",
        "answers 429 with a Retry-After of a day",
        "It is tried again on our own schedule; nobody waits for it.",
        Kind::NotificationManner(|_| Manner::Refuse { status: 429, retry_after: 86_400 }),
    ),
    attack(
        "many-deltas",
        "lists fifty thousand deltas in its notification",
        "A list beyond a limit is passed over, and the snapshot is taken.",
        Kind::Notification(many_deltas),
    ),
    attack(
        "delegation-tree",
        "delegates to dozens of CAs, each on its own host, each slower than the other",
        "A host has few slots, newcomers and slow ones leave slots to the prompt, a trust anchor \
         has a limited number of repositories, and no world waits for all of them.",
        Kind::DelegationTree,
    ),
    attack(
        "siege",
        "delegates to dozens of CAs, each on its own host, each broken in another way",
        "The same; whoever failed is asked again after a pause that grows, and meanwhile takes \
         no slot.",
        Kind::Siege,
    ),
    attack(
        "rsync-silence",
        "accepts rsync connections and says nothing",
        "The rsync program has a limit on silence, a deadline, and is killed with its children.",
        Kind::Rsync(RsyncAttack::Silent),
    ),
    attack(
        "rsync-links",
        "serves links to files of the client instead of objects",
        "Links, pipes and devices are neither made nor followed.",
        Kind::Rsync(RsyncAttack::Links),
    ),
    attack(
        "rsync-dies",
        "closes each rsync connection at once",
        "A module that cannot be copied keeps what it had.",
        Kind::Rsync(RsyncAttack::Dies),
    ),
];

const XML_BOMB: &str = "<!DOCTYPE b [<!ENTITY a0 \"0123456789\">\
    <!ENTITY a1 \"&a0;&a0;&a0;&a0;&a0;&a0;&a0;&a0;&a0;&a0;\">\
    <!ENTITY a2 \"&a1;&a1;&a1;&a1;&a1;&a1;&a1;&a1;&a1;&a1;\">\
    <!ENTITY a3 \"&a2;&a2;&a2;&a2;&a2;&a2;&a2;&a2;&a2;&a2;\">\
    <!ENTITY a4 \"&a3;&a3;&a3;&a3;&a3;&a3;&a3;&a3;&a3;&a3;\">\
    <!ENTITY a5 \"&a4;&a4;&a4;&a4;&a4;&a4;&a4;&a4;&a4;&a4;\">]>\n<notification";

/// Returns every attack, in the order in which they are listed.
pub fn attacks() -> &'static [Attack] {
    ATTACKS
}

impl Attack {
    /// Returns the attack of this name.
    pub fn named(name: &str) -> Option<Attack> {
        ATTACKS.iter().copied().find(|attack| attack.name == name)
    }

    /// Tells whether it is carried out over rsync.
    pub fn needs_rsync(&self) -> bool {
        self.rsync().is_some()
    }

    pub(super) fn rsync(&self) -> Option<RsyncAttack> {
        match self.kind {
            Kind::Rsync(attack) => Some(attack),
            _ => None,
        }
    }

    /// Tells whether it is carried out by servers of its own, which [`besieged`] adds to a plan.
    pub fn needs_siege(&self) -> bool {
        matches!(self.kind, Kind::DelegationTree | Kind::Siege)
    }

    /// Changes the documents of the attacking server, of which the last is the notification.
    pub(super) fn twist(&self, documents: Vec<(String, Bytes)>, target: &Target<'_>) -> Vec<Sent> {
        let mut sent: Vec<Sent> =
            documents.into_iter().map(|(path, bytes)| (path, bytes, Manner::Honest)).collect();
        let Some((path, mut notification, mut manner)) = sent.pop() else { return sent };
        let is_snapshot = |path: &str| path.ends_with("/snapshot.xml");
        let snapshot = sent.iter_mut().find(|(path, _, _)| is_snapshot(path));
        match (self.kind, snapshot) {
            (Kind::SnapshotManner(make), Some(snapshot)) => snapshot.2 = make(),
            (Kind::NotificationManner(make), _) => manner = make(target),
            (Kind::DelegationTree, _) => manner = Manner::Drip,
            (Kind::Siege, _) => manner = of_a_siege(target.notification),
            (Kind::GzipBomb, _) => {
                notification = bomb(&notification);
                manner = Manner::Gzip;
            }
            (Kind::Notification(change), _) => notification = edit(&notification, target, change),
            (Kind::Snapshot(change), Some(snapshot)) => {
                let old = Hash::from_data(&snapshot.1).to_string();
                snapshot.1 = edit(&snapshot.1, target, change);
                let new = Hash::from_data(&snapshot.1).to_string();
                notification = edit(&notification, target, |text, _| text.replace(&old, &new));
            }
            (Kind::Swapped, Some(snapshot)) => {
                snapshot.1 = edit(&snapshot.1, target, |text, _| format!("{text}\n"));
            }
            (Kind::Rsync(_) | Kind::Snapshot(_) | Kind::SnapshotManner(_) | Kind::Swapped, _) => {}
        }
        sent.push((path, notification, manner));
        sent
    }
}

/// Chooses one of many manners by the name of the server.
fn of_a_siege(notification: &str) -> Manner {
    let manners = [
        Manner::Drip,
        Manner::Silent,
        Manner::Dies,
        Manner::ShorterThanSaid,
        Manner::Redirect(notification.to_owned()),
        Manner::Refuse { status: 503, retry_after: 86_400 },
    ];
    let hash = ObjectHash::of(notification.as_bytes());
    let position = usize::from(hash.0.first().copied().unwrap_or(0)) % manners.len();
    manners.into_iter().nth(position).unwrap_or_default()
}

fn edit(
    bytes: &[u8],
    target: &Target<'_>,
    change: impl FnOnce(&str, &Target<'_>) -> String,
) -> Bytes {
    change(&String::from_utf8_lossy(bytes), target).into()
}

fn bomb(notification: &[u8]) -> Bytes {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let mut fill = || {
        packer.write_all(notification)?;
        let blanks = [b' '; 100_000];
        (0..BOMB / blanks.len()).try_for_each(|_| packer.write_all(&blanks))
    };
    // Writing to memory does not fail; if it did, the bomb would be a dud.
    let _ = fill();
    packer.finish().unwrap_or_default().into()
}

fn cross_origin(text: &str, target: &Target<'_>) -> String {
    let (uri, hash) = target.victim_snapshot;
    let snapshot = format!("<snapshot uri=\"{uri}\" hash=\"{hash}\"/>");
    match (text.find("<snapshot"), text.rfind("</notification>")) {
        (Some(from), Some(to)) => {
            let head = text.get(..from).unwrap_or_default();
            format!("{head}{snapshot}\n{}", text.get(to..).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

fn many_deltas(text: &str, target: &Target<'_>) -> String {
    let base = target.notification.rsplit_once('/').map_or("", |(base, _)| base);
    let hash = Hash::from_data(b"");
    let deltas: String = (1..=DELTAS)
        .map(|serial| {
            format!("<delta serial=\"{serial}\" uri=\"{base}/{serial}.xml\" hash=\"{hash}\"/>\n")
        })
        .collect();
    text.replace("</notification>", &format!("{deltas}</notification>"))
}

fn publish_also(text: &str, uri: &str) -> String {
    let content = base64::Xml.encode(b"nothing of use");
    let element = format!("<publish uri=\"{uri}\">{content}</publish>\n</snapshot>");
    text.replace("</snapshot>", &element)
}

/// How the names of the servers of a siege begin.
const TARPIT: &str = "tarpit-";

/// Tells whether a server is one of a siege.
pub(super) fn is_tarpit(server: &Server) -> bool {
    server.name.starts_with(TARPIT)
}

/// Adds `count` CAs below the CA `parent`, each on a server of its own.
///
/// They publish nothing that gives payload, so the truth about the plan stays the same.
pub fn besieged(mut plan: Plan, parent: &str, count: usize) -> Plan {
    let first = plan.servers.len();
    let Some(resources) = plan.ca(parent).map(|ca| ca.resources.clone()) else { return plan };
    let name = |number: usize| format!("{TARPIT}{number}");
    plan.servers.extend(
        (0..count)
            .map(|number| Server { name: name(number), transports: Transports::RrdpAndRsync }),
    );
    if let Some(parent) = plan.ca_mut(parent) {
        parent.children.extend((0..count).map(|number| Ca {
            name: name(number),
            server: first + number,
            resources: resources.clone(),
            roas: Vec::new(),
            aspas: Vec::new(),
            routers: Vec::new(),
            contact: None,
            children: Vec::new(),
        }));
    }
    plan
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TARGET: Target<'_> = Target {
        notification: "https://evil.example/rrdp/notification.xml",
        module: "rsync://evil.example/repo/",
        victim_notification: "https://good.example/rrdp/notification.xml",
        victim_snapshot: ("https://good.example/rrdp/1/snapshot.xml", "00"),
        victim_object: "rsync://good.example/repo/a/a.mft",
    };

    fn documents() -> Vec<(String, Bytes)> {
        let snapshot = "<snapshot version=\"1\" session_id=\"a\" serial=\"1\">\n</snapshot>";
        let hash = Hash::from_data(snapshot.as_bytes());
        let notification = format!(
            "<notification version=\"1\" session_id=\"a\" serial=\"1\">\n<snapshot uri=\"https://\
             evil.example/rrdp/1/snapshot.xml\" hash=\"{hash}\"/>\n</notification>"
        );
        vec![
            ("/rrdp/1/snapshot.xml".into(), snapshot.into()),
            ("/rrdp/notification.xml".into(), notification.into()),
        ]
    }

    #[test]
    fn every_attack_has_a_name_of_its_own_and_changes_something() {
        let names: BTreeSet<_> = attacks().iter().map(|attack| attack.name).collect();
        assert_eq!(names.len(), attacks().len());
        let honest: Vec<Sent> =
            documents().into_iter().map(|(path, bytes)| (path, bytes, Manner::Honest)).collect();
        for attack in attacks() {
            assert!(Attack::named(attack.name).is_some());
            let sent = attack.twist(documents(), &TARGET);
            assert_eq!(sent.len(), 2);
            assert_eq!(sent != honest, !attack.needs_rsync(), "{}", attack.name);
        }
    }

    #[test]
    fn a_snapshot_that_was_changed_is_announced_with_its_own_hash() {
        for name in ["serial-lie", "session-lie", "path-tricks", "foreign-objects"] {
            let sent = Attack::named(name).unwrap().twist(documents(), &TARGET);
            let hash = Hash::from_data(&sent[0].1).to_string();
            let notification = String::from_utf8(sent[1].1.to_vec()).unwrap();
            assert!(notification.contains(&hash), "{name}");
        }
        let sent = Attack::named("hash-lie").unwrap().twist(documents(), &TARGET);
        let hash = Hash::from_data(&sent[0].1).to_string();
        assert!(!String::from_utf8(sent[1].1.to_vec()).unwrap().contains(&hash));
    }

    #[test]
    fn a_siege_leaves_the_truth_as_it_was() {
        let plan = super::super::small_internet();
        let more = besieged(plan.clone(), "birch", 30);
        assert_eq!(more.servers.len(), plan.servers.len() + 30);
        assert_eq!(more.truth(), plan.truth());
    }
}
