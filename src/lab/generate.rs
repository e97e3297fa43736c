//! A lab written to disk: the tree that rsync would leave, RRDP files, TALs, and the truth.

use std::fs;
use std::path::{Path, PathBuf};

use rpki::util::base64;
use serde_json::{Value, json};

use super::rsync::write_file;
use super::running::TALS;
use super::{Authority, LabError, Plan, RrdpRepository, RsyncUse, ServerUris, Truth};
use crate::model::Timestamp;

/// The domain of the hosts of a lab on disk; reserved, so that it never resolves.
const DOMAIN: &str = "lab.example";

/// What a lab on disk explains about itself.
const README: &str = include_str!("generated-readme.md");

/// Writes a whole lab below `directory`; plan, seed and time decide every byte.
///
/// The files are those of the README that is written with them.
pub fn generate(directory: &Path, plan: Plan, seed: u64, now: Timestamp) -> Result<(), LabError> {
    let servers: Result<Vec<_>, _> = plan
        .servers
        .iter()
        .map(|server| {
            let host = format!("{}.{DOMAIN}", server.name);
            ServerUris::new(&host, &host, server.transports)
        })
        .collect();
    let servers = servers?;
    let authority = Authority::new(plan, servers.clone(), seed, now)?;
    for (number, uris) in servers.into_iter().enumerate() {
        let objects = authority.objects(number);
        for (uri, bytes) in &objects {
            let module = uri.module();
            let path = directory.join(module.authority()).join(module.name()).join(uri.path());
            write_file(&path, bytes, now)?;
        }
        let Some(notification) = uris.notification else { continue };
        let host = notification.authority().to_owned();
        let rrdp = RrdpRepository::new(notification, authority.session(number), objects);
        for (path, bytes) in rrdp.documents()? {
            let path = path.strip_prefix("/rrdp/").unwrap_or(&path);
            write_file(&directory.join("rrdp").join(&host).join(path), &bytes, now)?;
        }
    }
    for anchor in authority.trust_anchors() {
        let module = anchor.certificate_uri.module();
        let as_rsync = directory.join(module.authority()).join(module.name());
        let file = format!("{}.cer", anchor.name);
        write_file(&as_rsync.join(&file), &anchor.certificate, now)?;
        let as_rpki_client = directory.join("ta").join(&anchor.name);
        write_file(&as_rpki_client.join(&file), &anchor.certificate, now)?;
    }
    write_tals(&authority, &directory.join(TALS), RsyncUse::WhereInstalled)?;
    let truth = authority.plan().truth();
    let readme = README.replace("@TIME@", &now.to_string()).replace("@SEED@", &seed.to_string());
    for (name, text) in [
        ("truth.csv", truth.to_csv()),
        ("truth.json", format!("{:#}\n", truth.to_json())),
        ("README.md", readme),
    ] {
        write_file(&directory.join(name), text.as_bytes(), now)?;
    }
    Ok(())
}

/// Writes the TALs, and returns their files.
pub(super) fn write_tals(
    authority: &Authority,
    directory: &Path,
    rsync: RsyncUse,
) -> Result<Vec<PathBuf>, LabError> {
    fs::create_dir_all(directory).map_err(LabError::io(directory.display()))?;
    let mut files = Vec::new();
    for anchor in authority.trust_anchors() {
        let path = directory.join(format!("{}.tal", anchor.name));
        let lines = anchor.tal.split_inclusive('\n');
        // Without rsync, a TAL that names it would only cost its reader a timeout.
        let tal: String = lines
            .filter(|line| rsync != RsyncUse::Never || !line.starts_with("rsync://"))
            .collect();
        fs::write(&path, tal).map_err(LabError::io(path.display()))?;
        files.push(path);
    }
    Ok(files)
}

impl Truth {
    /// Writes the VRPs as the CSV that Routinator exports.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("ASN,IP Prefix,Max Length,Trust Anchor\n");
        for (vrp, anchor) in &self.vrps {
            text.push_str(&format!("{},{},{},{anchor}\n", vrp.asn, vrp.prefix, vrp.max_length));
        }
        text
    }

    /// Writes everything, with the member names of the JSON that Routinator exports.
    pub fn to_json(&self) -> Value {
        let roas = self.vrps.iter().map(|(vrp, ta)| {
            json!({
                "asn": vrp.asn.to_string(),
                "prefix": vrp.prefix.to_string(),
                "maxLength": vrp.max_length,
                "ta": ta,
            })
        });
        let keys = self.router_keys.iter().map(|(key, ta)| {
            json!({
                "asn": key.asn.to_string(),
                "SKI": key.ski.to_string(),
                "routerPublicKey": base64::Slurm.encode(&key.spki),
                "ta": ta,
            })
        });
        let aspas = self.aspas.iter().map(|(aspa, ta)| {
            let providers: Vec<_> = aspa.providers.iter().map(ToString::to_string).collect();
            json!({ "customer": aspa.customer.to_string(), "providers": providers, "ta": ta })
        });
        json!({
            "roas": roas.collect::<Vec<_>>(),
            "routerKeys": keys.collect::<Vec<_>>(),
            "aspas": aspas.collect::<Vec<_>>(),
        })
    }
}
