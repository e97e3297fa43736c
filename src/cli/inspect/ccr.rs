//! Shows a canonical cache representation (CCR): what each part holds, or the rule that it breaks.

use serde_json::{Value, json};

use super::decode::{base64_of, head};
use super::sheet::{Entry, Sheet, entry, plain, serial_text};
use crate::cli::limits::MAX_LISTED_CCR_ENTRIES;
use crate::model::{Aspa, KeyIdentifier, RouterKey, Vrp};
use crate::object::{Ccr, CcrManifest, CcrState};

/// Shows the bytes of a CCR; it stands alone, as no certificate speaks for it.
pub(super) fn of_ccr(bytes: &[u8], name: &str) -> Sheet {
    let mut sheet = head(bytes, name);
    sheet.text("type", "Type", "ccr");
    match Ccr::decode(bytes) {
        Ok(ccr) => {
            add_states(&mut sheet, &ccr);
            sheet.text("validation", "Validation", "N/A");
            let note = "well formed, and each hash is right; it is not signed, so anybody can have made it";
            sheet.text("note", "Note", note);
        }
        Err(error) => {
            sheet.text("validation", "Validation", "Failed");
            sheet.text("error", "Error", error.detail);
            sheet.text("rule", "First rule broken", error.rule.words());
        }
    }
    sheet
}

fn add_states(sheet: &mut Sheet, ccr: &Ccr) {
    sheet.time("produced_at", "Produced at", ccr.produced_at);
    if let Some(state) = &ccr.manifests {
        let mut object = json!({});
        if let (Some(time), Some(members)) = (ccr.most_recent_update, object.as_object_mut()) {
            members.insert("most_recent_update".to_owned(), time.0.into());
        }
        let newest = ccr.most_recent_update.map(|time| format!("newest {time}; "));
        let key = "manifest_state";
        add(sheet, (key, "Manifests", "refs"), state, (object, newest), manifest);
    }
    let none = || (json!({}), None);
    if let Some(state) = &ccr.vrps {
        add(sheet, ("roapayload_state", "VRPs", "vrps"), state, none(), vrp);
    }
    if let Some(state) = &ccr.aspas {
        add(sheet, ("aspapayload_state", "ASPAs", "vaps"), state, none(), aspa);
    }
    if let Some(state) = &ccr.trust_anchors {
        let names = ("trustanchor_state", "Trust anchor keys", "skis");
        add(sheet, names, state, none(), key_identifier);
    }
    if let Some(state) = &ccr.router_keys {
        let names = ("routerkey_state", "Router keys", "routerkeys");
        add(sheet, names, state, none(), router_key);
    }
}

/// Adds a state under the key and label of `names`, its entries in the member that is the third.
fn add<T>(
    sheet: &mut Sheet,
    (key, label, member): (&'static str, &'static str, &'static str),
    state: &CcrState<T>,
    (mut object, before): (Value, Option<String>),
    show: fn(&T) -> Entry,
) {
    let (count, hash) = (state.entries.len(), base64_of(&state.hash.0));
    let entries = state.entries.iter().take(MAX_LISTED_CCR_ENTRIES).map(show);
    let (listed, text): (Vec<_>, Vec<_>) = entries.unzip();
    let first = match count > listed.len() {
        true => format!(" (the first {} are listed)", listed.len()),
        false => String::new(),
    };
    let summary = format!("{count}{first}; {}hash verified: {hash}", before.unwrap_or_default());
    if let Some(members) = object.as_object_mut() {
        members.insert("hash".to_owned(), hash.into());
        members.insert("count".to_owned(), count.into());
        members.insert(member.to_owned(), listed.into());
    }
    sheet.object(key, label, object, summary, text);
}

fn manifest(manifest: &CcrManifest) -> Entry {
    let hash = base64_of(&manifest.hash.0);
    let number = serial_text(&manifest.number);
    let subordinates: Vec<_> = manifest.subordinates.iter().map(KeyIdentifier::to_string).collect();
    let members = [
        ("hash", json!(hash)),
        ("size", json!(manifest.size)),
        ("aki", json!(manifest.aki.to_string())),
        ("seqnum", json!(number)),
        ("thisupdate", json!(manifest.this_update.0)),
        ("sia", json!(manifest.locations.first())),
        ("locations", json!(manifest.locations)),
        ("subordinates", json!(subordinates)),
    ];
    let text = format!(
        "{} number {number} of {} ({} bytes, CA {}, {} below it, hash {hash})",
        manifest.locations.join(" "),
        manifest.this_update,
        manifest.size,
        manifest.aki,
        subordinates.len(),
    );
    entry(&members, text)
}

fn vrp(vrp: &Vrp) -> Entry {
    let members = [
        ("prefix", json!(vrp.prefix.to_string())),
        ("asn", json!(vrp.asn.0)),
        ("maxlen", json!(vrp.max_length)),
    ];
    entry(&members, format!("{} maxlen: {} {}", vrp.prefix, vrp.max_length, vrp.asn))
}

fn aspa(aspa: &Aspa) -> Entry {
    let providers: Vec<_> = aspa.providers.iter().map(|asn| asn.0).collect();
    let members = [("customer_asid", json!(aspa.customer.0)), ("providers", json!(providers))];
    let providers: Vec<_> = aspa.providers.iter().map(ToString::to_string).collect();
    entry(&members, format!("{} providers: {}", aspa.customer, providers.join(" ")))
}

fn key_identifier(ski: &KeyIdentifier) -> Entry {
    plain(ski.to_string())
}

fn router_key(key: &RouterKey) -> Entry {
    let (ski, spki) = (key.ski.to_string(), base64_of(&key.spki));
    let members = [("asn", json!(key.asn.0)), ("ski", json!(ski)), ("pubkey", json!(spki))];
    entry(&members, format!("{} SKI {ski} key {spki}", key.asn))
}
