//! Decodes an object for display, as far as it can be: every field that `rpki-client -f` shows.

use bytes::Bytes;
use rpki::util::base64;
use serde_json::json;

use super::sheet::{Entry, Sheet, entry, plain, serial_text};
use crate::model::{AsRange, ObjectHash, ResourceSet, Vrp};
use crate::object::{
    Cert, CertResources, Checklist, Claim, ContentType, Crl, Ghostbusters, Manifest, Outline,
    SignedObject, SignedPrefixList, TaKey, Tak, Tal, decode_aspa, decode_roa, printable,
};

/// Returns what can be decoded of `bytes`; `name` is the file's name, for locators a hint.
pub(in crate::cli) fn decode(bytes: &Bytes, name: &str) -> Sheet {
    let mut sheet = head(bytes, name);
    match Outline::of(bytes) {
        Outline::SignedObject { content_type, content, cert, .. } => {
            add_signed_object(&mut sheet, bytes, content_type, content, cert);
        }
        Outline::Certificate => {
            if let Ok(cert) = Cert::decode(bytes) {
                add_certificate(&mut sheet, &cert);
            }
        }
        Outline::Crl => {
            if let Ok(crl) = Crl::decode(bytes) {
                add_crl(&mut sheet, &crl);
            }
        }
        Outline::Unknown => {
            if let Some(tal) = read_tal(bytes, name) {
                add_tal(&mut sheet, &tal);
            }
        }
    }
    sheet
}

/// Begins with what can be said of any bytes.
pub(super) fn head(bytes: &[u8], name: &str) -> Sheet {
    let mut sheet = Sheet::default();
    sheet.text("file", "File", printable(name));
    sheet.text("hash_id", "Hash identifier", base64_of(&ObjectHash::of(bytes).0));
    sheet
}

/// Reads a trust anchor locator; its name is the file's, without the extension.
pub(in crate::cli) fn read_tal(bytes: &Bytes, name: &str) -> Option<Tal> {
    let file = name.rsplit('/').next().unwrap_or(name);
    Tal::parse(file.strip_suffix(".tal").unwrap_or(file), bytes).ok()
}

pub(super) fn base64_of(octets: &[u8]) -> String {
    base64::Xml.encode(octets)
}

fn add_signed_object(
    sheet: &mut Sheet,
    bytes: &Bytes,
    content_type: Option<ContentType>,
    content: Option<Bytes>,
    cert: Option<Bytes>,
) {
    if let Some(content_type) = content_type {
        sheet.text("type", "Type", type_name(content_type));
    }
    let cert = cert.and_then(|bytes| Cert::decode(&bytes).ok());
    if let Some(cert) = &cert {
        add_certificate_head(sheet, cert);
        sheet.optional("sia", "Subject info access", cert.signed_object_uri());
    }
    let strict = content_type.and_then(|wanted| SignedObject::decode(bytes, wanted).ok());
    if let Some(object) = &strict {
        sheet.time("signing_time", "Signing time", object.signing_time);
    }
    let (content_type, content) = match (content_type, content) {
        (Some(content_type), Some(content)) => (content_type, content),
        _ => return,
    };
    // A manifest's validity is its own, not that of its certificate.
    if content_type != ContentType::Manifest
        && let Some(cert) = &cert
    {
        add_validity(sheet, cert);
    }
    match content_type {
        ContentType::Manifest => add_manifest(sheet, &content),
        ContentType::Roa => {
            if let Ok(vrps) = decode_roa(&content) {
                sheet.list("vrps", "VRPs", vrps.iter().map(vrp).collect());
            }
        }
        ContentType::Aspa => {
            if let Ok(aspa) = decode_aspa(&content) {
                sheet.number("customer_asid", "Customer AS", aspa.customer.0.into());
                let providers = aspa.providers.iter();
                let providers = providers.map(|asn| (json!(asn.0), asn.to_string()));
                sheet.list("providers", "Providers", providers.collect());
            }
        }
        ContentType::Ghostbusters => {
            if let Ok(card) = Ghostbusters::decode(&content) {
                let lines = card.properties.iter().map(|p| format!("{}: {}", p.name, p.value));
                // What is not printable was replaced when the card was decoded.
                sheet.text("vcard", "Contact (not verified)", lines.collect::<Vec<_>>().join("\n"));
            }
        }
        ContentType::Rsc => add_checklist(sheet, &content),
        ContentType::Tak => {
            if let Ok(tak) = Tak::decode(&content) {
                add_tak(sheet, &tak);
            }
        }
        ContentType::Spl => {
            if let Ok(list) = SignedPrefixList::decode(&content) {
                sheet.number("asid", "AS", list.asn.0.into());
                let prefixes = list.prefixes.iter().map(|prefix| plain(prefix.to_string()));
                sheet.list("prefixes", "Prefixes", prefixes.collect());
            }
        }
    }
}

fn type_name(content_type: ContentType) -> &'static str {
    match content_type {
        ContentType::Roa => "roa",
        ContentType::Manifest => "manifest",
        ContentType::Aspa => "aspa",
        ContentType::Ghostbusters => "gbr",
        ContentType::Rsc => "rsc",
        ContentType::Tak => "tak",
        ContentType::Spl => "spl",
    }
}

fn add_certificate_head(sheet: &mut Sheet, cert: &Cert) {
    sheet.hex("ski", "Subject key identifier", &cert.ski().0);
    if let Some(aki) = cert.aki() {
        sheet.hex("aki", "Authority key identifier", &aki.0);
    }
    sheet.text("cert_issuer", "Certificate issuer", cert.issuer_name());
    sheet.serial("cert_serial", "Certificate serial", &cert.serial());
    sheet.optional("aia", "Authority info access", cert.issuer_uri().map(|uri| uri.as_str()));
}

fn add_validity(sheet: &mut Sheet, cert: &Cert) {
    sheet.time("valid_since", "Valid since", cert.validity().from);
    sheet.time("valid_until", "Valid until", cert.validity().until);
}

fn add_certificate(sheet: &mut Sheet, cert: &Cert) {
    let is_router = !cert.is_ca() && cert.has_extended_key_usage();
    let word = match (cert.is_ca(), is_router) {
        (true, _) => "ca_cert",
        (false, true) => "router_key",
        (false, false) => "ee_cert",
    };
    sheet.text("type", "Type", word);
    add_certificate_head(sheet, cert);
    sheet.optional("manifest", "Manifest", cert.manifest().as_ref().map(|uri| uri.as_str()));
    let repository = cert.ca_repository();
    sheet.optional("carepository", "caRepository", repository.as_ref().map(|uri| uri.as_str()));
    if let Ok(Some(notify)) = cert.notify() {
        sheet.text("notify_url", "Notify URL", notify.as_str());
    }
    if is_router {
        sheet.text("router_key", "BGPsec ECDSA public key", base64_of(cert.spki()));
    }
    add_validity(sheet, cert);
    let resources = claims(cert.resources());
    sheet.list("subordinate_resources", "Subordinate resources", resources);
}

/// Lists AS numbers, IPv4 and IPv6, as rpki-client orders and names them.
fn claims(claim: &CertResources) -> Vec<Entry> {
    let inherit = |key, text: &str| entry(&[(key, json!(true))], text);
    let mut entries = Vec::new();
    match &claim.asn {
        Claim::Missing => {}
        Claim::Inherit => entries.push(inherit("asid_inherit", "AS: inherit")),
        Claim::Ranges(ranges) => entries.extend(ranges.iter().map(as_range)),
    }
    for set in [
        match &claim.v4 {
            Claim::Ranges(ranges) => Some(ResourceSet::new(ranges.iter().copied(), [], [])),
            Claim::Inherit => {
                entries.push(inherit("ip_inherit", "IPv4: inherit"));
                None
            }
            Claim::Missing => None,
        },
        match &claim.v6 {
            Claim::Ranges(ranges) => Some(ResourceSet::new([], ranges.iter().copied(), [])),
            Claim::Inherit => {
                entries.push(inherit("ip_inherit", "IPv6: inherit"));
                None
            }
            Claim::Missing => None,
        },
    ] {
        entries.extend(set.iter().flat_map(addresses));
    }
    entries
}

fn as_range(range: &AsRange) -> Entry {
    let AsRange { min, max } = *range;
    match min == max {
        true => entry(&[("asid", json!(min))], format!("AS: {min}")),
        false => {
            let json = json!({ "min": min, "max": max });
            entry(&[("asrange", json)], format!("AS: {min} -- {max}"))
        }
    }
}

/// Lists address ranges, each as a prefix where it is one; the model's text knows how.
fn addresses(set: &ResourceSet) -> Vec<Entry> {
    let v4 = set.v4().iter().map(|range| ResourceSet::new([*range], [], []).to_string());
    let v6 = set.v6().iter().map(|range| ResourceSet::new([], [*range], []).to_string());
    let one = |text: String| match text.split_once('-') {
        None => entry(&[("ip_prefix", json!(text))], format!("IP: {text}")),
        Some((min, max)) => {
            let json = json!({ "min": min, "max": max });
            entry(&[("ip_range", json)], format!("IP: {min} -- {max}"))
        }
    };
    v4.chain(v6).map(one).collect()
}

fn add_crl(sheet: &mut Sheet, crl: &Crl) {
    sheet.text("type", "Type", "crl");
    sheet.hex("aki", "Authority key identifier", &crl.aki.0);
    sheet.text("crl_issuer", "CRL issuer", crl.issuer_name());
    sheet.serial("crl_serial", "CRL number", &crl.number);
    sheet.time("valid_since", "Valid since", crl.this_update);
    sheet.time("valid_until", "Valid until", crl.next_update);
    let revoked = crl.revocations().into_iter().map(|(serial, time)| {
        let serial = serial_text(&serial);
        let members = [("serial", json!(serial)), ("date", json!(time.0))];
        entry(&members, format!("{serial} at {time}"))
    });
    sheet.list("revoked_certs", "Revoked certificates", revoked.collect());
}

fn add_manifest(sheet: &mut Sheet, content: &[u8]) {
    let Ok(manifest) = Manifest::decode(content) else { return };
    sheet.serial("manifest_number", "Manifest number", &manifest.number);
    sheet.time("valid_since", "Valid since", manifest.this_update);
    sheet.time("valid_until", "Valid until", manifest.next_update);
    let files = manifest.files.iter().map(|file| {
        let hash = base64_of(&file.hash.0);
        let members = [("filename", json!(&*file.name)), ("hash", json!(hash))];
        entry(&members, format!("{} (hash {hash})", file.name))
    });
    sheet.list("filesandhashes", "Files and hashes", files.collect());
}

fn vrp(vrp: &Vrp) -> Entry {
    let members = [
        ("prefix", json!(vrp.prefix.to_string())),
        ("asid", json!(vrp.asn.0)),
        ("maxlen", json!(vrp.max_length)),
    ];
    entry(&members, format!("{} maxlen: {} {}", vrp.prefix, vrp.max_length, vrp.asn))
}

fn add_checklist(sheet: &mut Sheet, content: &[u8]) {
    let Ok(list) = Checklist::decode(content) else { return };
    let mut resources: Vec<Entry> = list.resources.asn().iter().map(as_range).collect();
    resources.extend(addresses(&list.resources));
    sheet.list("signed_with_resources", "Signed with resources", resources);
    let files = list.entries.iter().map(|file| {
        let hash = base64_of(&file.hash.0);
        let name = file.name.as_deref();
        let mut members = vec![("hash_digest", json!(hash))];
        members.extend(name.map(|name| ("filename", json!(name))));
        entry(&members, format!("{} (hash {hash})", name.unwrap_or("no name")))
    });
    sheet.list("filenamesandhashes", "File names and hashes", files.collect());
}

fn add_tak(sheet: &mut Sheet, tak: &Tak) {
    let key = |name: &'static str, key: &TaKey| {
        let spki = base64_of(&key.spki);
        let members = [
            ("name", json!(name)),
            ("comments", json!(key.comments)),
            ("uris", json!(key.uris)),
            ("spki", json!(spki)),
        ];
        entry(&members, format!("{name}: {} key {spki}", key.uris.join(" ")))
    };
    let mut keys = vec![key("current", &tak.current)];
    keys.extend(tak.predecessor.iter().map(|found| key("predecessor", found)));
    keys.extend(tak.successor.iter().map(|found| key("successor", found)));
    sheet.list("takeys", "Trust anchor keys", keys);
    if let Some(next) = &tak.successor {
        sheet.text("successor_tal", "Locator of the successor", locator(next));
    }
}

/// Writes the locator of a key, ready to be a file (RFC 8630, section 2.2).
fn locator(key: &TaKey) -> String {
    let mut text = key.uris.iter().map(|uri| format!("{uri}\n")).collect::<String>() + "\n";
    for (index, character) in base64_of(&key.spki).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text + "\n"
}

fn add_tal(sheet: &mut Sheet, tal: &Tal) {
    sheet.text("type", "Type", "tal");
    sheet.text("name", "Name", printable(&tal.name));
    if let Ok(key) = rpki::crypto::PublicKey::decode(tal.spki.as_slice()) {
        sheet.hex("ski", "Subject key identifier", key.key_identifier().as_slice());
    }
    let uris = tal.uris.iter().map(|uri| plain(uri.as_str()));
    sheet.list("trust_anchor_locations", "Trust anchor locations", uris.collect());
}
