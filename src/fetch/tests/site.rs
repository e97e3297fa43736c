//! An RRDP publication server's files, made step by step.

use std::collections::BTreeMap;

use rpki::util::base64;

use super::server::{Reply, Server};
use crate::model::{ObjectHash, RepositoryId};

pub(super) const SESSION: &str = "9df4b597-af9e-4dca-bdda-719cce2c4e28";
const NS: &str = "xmlns=\"http://www.ripe.net/rpki/rrdp\" version=\"1\"";

/// What is published, and the deltas that led here.
pub(super) struct Site {
    pub(super) session: String,
    pub(super) serial: u64,
    pub(super) objects: BTreeMap<String, Vec<u8>>,
    /// Serial, path and hash.
    pub(super) deltas: Vec<(u64, String, ObjectHash)>,
}

pub(super) fn uri(name: &str) -> String {
    format!("rsync://h/m/{name}")
}

/// `<publish>` with the hash of what it replaces, if it replaces anything.
pub(super) fn publish(name: &str, content: &[u8], replaces: Option<&[u8]>) -> String {
    let hash = replaces.map(|old| format!(" hash=\"{}\"", ObjectHash::of(old)));
    let text = base64::Xml.encode(content);
    format!("<publish uri=\"{}\"{}>\n{text}\n</publish>\n", uri(name), hash.unwrap_or_default())
}

pub(super) fn withdraw(name: &str, content: &[u8]) -> String {
    format!("<withdraw uri=\"{}\" hash=\"{}\"/>\n", uri(name), ObjectHash::of(content))
}

pub(super) fn document(root: &str, session: &str, serial: &str, content: &str) -> String {
    format!("<{root} {NS} session_id=\"{session}\" serial=\"{serial}\">\n{content}</{root}>\n")
}

impl Site {
    pub(super) fn new(objects: &[(&str, &str)]) -> Self {
        let object = |(name, text): &(&str, &str)| (name.to_string(), text.as_bytes().to_vec());
        Site {
            session: SESSION.to_owned(),
            serial: 1,
            objects: objects.iter().map(object).collect(),
            deltas: vec![],
        }
    }

    pub(super) fn id(server: &Server) -> RepositoryId {
        server.uri("/notification.xml").parse().unwrap()
    }

    /// Goes to the next serial with these changes and puts the delta on the server.
    pub(super) fn step(&mut self, server: &Server, changes: &[(&str, Option<&str>)]) {
        self.serial += 1;
        let mut content = String::new();
        for (name, text) in changes {
            let old = self.objects.get(*name).cloned();
            match text {
                Some(text) => {
                    content += &publish(name, text.as_bytes(), old.as_deref());
                    self.objects.insert(name.to_string(), text.as_bytes().to_vec());
                }
                None => {
                    content += &withdraw(name, &old.unwrap());
                    self.objects.remove(*name);
                }
            }
        }
        self.put_delta(server, &content);
    }

    /// Puts a delta with this content on the server, as the one that leads to the current serial.
    pub(super) fn put_delta(&mut self, server: &Server, content: &str) {
        let text = document("delta", &self.session, &self.serial.to_string(), content);
        self.put_delta_text(server, &text);
    }

    pub(super) fn put_delta_text(&mut self, server: &Server, text: &str) {
        let path = format!("/delta-{}.xml", self.serial);
        self.deltas.retain(|(serial, _, _)| *serial != self.serial);
        self.deltas.push((self.serial, path.clone(), ObjectHash::of(text.as_bytes())));
        server.put(&path, Reply::ok(text));
    }

    pub(super) fn snapshot(&self) -> String {
        let content: String =
            self.objects.iter().map(|(name, content)| publish(name, content, None)).collect();
        document("snapshot", &self.session, &self.serial.to_string(), &content)
    }

    /// Puts snapshot and notification on the server.
    pub(super) fn put(&self, server: &Server) {
        self.put_with(server, &self.snapshot());
    }

    /// The same with another snapshot, hashed as it is.
    pub(super) fn put_with(&self, server: &Server, snapshot: &str) {
        server.put("/snapshot.xml", Reply::ok(snapshot));
        let notification = self.notification(server, ObjectHash::of(snapshot.as_bytes()));
        self.put_notification(server, &notification);
    }

    pub(super) fn notification(&self, server: &Server, snapshot: ObjectHash) -> String {
        let mut content =
            format!("<snapshot uri=\"{}\" hash=\"{snapshot}\"/>\n", server.uri("/snapshot.xml"));
        for (serial, path, hash) in &self.deltas {
            let uri = server.uri(path);
            content += &format!("<delta serial=\"{serial}\" uri=\"{uri}\" hash=\"{hash}\"/>\n");
        }
        document("notification", &self.session, &self.serial.to_string(), &content)
    }

    pub(super) fn put_notification(&self, server: &Server, text: &str) {
        let etag = format!("\"{}\"", ObjectHash::of(text.as_bytes()));
        server.put("/notification.xml", Reply::ok(text).header("ETag", etag));
    }
}
