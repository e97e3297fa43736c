//! The transition from one manifest to the next: replay, regression, gaps (RFC 9286, section 6.6).

use super::finding::Rejection;
use super::{LastGood, ManifestRef, Reason};
use crate::model::{ObjectUri, Timestamp};

/// Whether a manifest may follow the one that was in use before.
#[derive(Debug)]
pub(crate) enum Succession {
    /// It may; with a warning if something is strange.
    Accepted(Option<Rejection>),
    /// It is older than the one before.
    Replayed {
        /// The finding.
        rejection: Rejection,
        /// Whether it was at least made after the one before: then it is no replay of old bytes,
        /// and may be used once the one before has run out.
        is_newer: bool,
    },
}

/// Compares the manifest `next`, which was found at `uri`, with the last good state.
///
/// The number may start again under another file name.
/// Source: RFC 9286, section 4.2.1; RFC 9981.
pub(crate) fn succession(
    last: Option<&LastGood>,
    next: &ManifestRef,
    uri: &ObjectUri,
) -> Succession {
    let Some(LastGood { manifest: last, manifest_uri, .. }) = last else {
        return Succession::Accepted(None);
    };
    if last.hash == next.hash || manifest_uri != uri {
        return Succession::Accepted(None);
    }
    if next.number < last.number || next.this_update < last.this_update {
        let detail = format!(
            "number {} of {}, but number {} of {} was seen before",
            number(next),
            next.this_update,
            number(last),
            last.this_update,
        );
        return Succession::Replayed {
            rejection: Rejection::new(Reason::ManifestReplay, detail),
            is_newer: next.this_update > last.this_update,
        };
    }
    if next.number == last.number {
        let detail = format!("number {} has two contents", number(next));
        return Succession::Accepted(Some(Rejection::new(Reason::ManifestNumberReused, detail)));
    }
    if !is_next(&last.number, &next.number) {
        let detail = format!("number {} follows number {}", number(next), number(last));
        return Succession::Accepted(Some(Rejection::new(Reason::ManifestNumberGap, detail)));
    }
    Succession::Accepted(None)
}

/// Says that a lower number is in use because the state before it has run out.
pub(crate) fn reset(last: &ManifestRef, next: &ManifestRef) -> Rejection {
    let detail = format!("number {} follows number {}", number(next), number(last));
    Rejection::new(Reason::ManifestNumberReset, detail)
}

/// Tells whether an unreached point's state may still be of use.
///
/// `now` is not compared through a moment: this decides nothing about a judgement.
pub(crate) fn is_worth_keeping(last: &LastGood, now: Timestamp) -> bool {
    last.manifest.next_update >= now
}

fn is_next(last: &[u8; 20], next: &[u8; 20]) -> bool {
    let mut wanted = *last;
    for byte in wanted.iter_mut().rev() {
        let (sum, is_carried) = byte.overflowing_add(1);
        *byte = sum;
        if !is_carried {
            break;
        }
    }
    wanted == *next
}

/// Writes a manifest number in hex, as short as it is.
fn number(manifest: &ManifestRef) -> String {
    let hex: String = manifest.number.iter().map(|byte| format!("{byte:02x}")).collect();
    match hex.trim_start_matches('0') {
        "" => "0x0".to_owned(),
        digits => format!("0x{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectHash;

    fn manifest(hash: u8, number: u64, this_update: i64) -> ManifestRef {
        let mut octets = [0; 20];
        octets[12..].copy_from_slice(&number.to_be_bytes());
        ManifestRef {
            hash: ObjectHash([hash; 32]),
            number: octets,
            this_update: Timestamp(this_update),
            next_update: Timestamp(this_update + 100),
        }
    }

    fn after_255(next: ManifestRef, name: &str) -> Result<Option<Reason>, bool> {
        let uri = |name: &str| format!("rsync://h/m/{name}").parse().unwrap();
        let last = LastGood {
            manifest: manifest(1, 255, 1000),
            manifest_uri: uri("a.mft"),
            objects: Vec::new(),
        };
        match succession(Some(&last), &next, &uri(name)) {
            Succession::Accepted(warning) => Ok(warning.map(|warning| warning.reason)),
            Succession::Replayed { is_newer, .. } => Err(is_newer),
        }
    }

    #[test]
    fn e01_to_e05_numbers_and_times_go_forward() {
        let reused = Some(Reason::ManifestNumberReused);
        let gap = Some(Reason::ManifestNumberGap);
        for (next, wanted, why) in [
            (manifest(1, 255, 1000), Ok(None), "the same manifest"),
            (manifest(2, 256, 1001), Ok(None), "the next"),
            (manifest(2, 256, 1000), Ok(None), "the next in the same second"),
            (manifest(2, 254, 999), Err(false), "E01 older"),
            (manifest(2, 254, 1001), Err(true), "a lower number, but newer"),
            (manifest(2, 256, 999), Err(false), "E02 a higher number, but older"),
            (manifest(2, 255, 1001), Ok(reused), "E03 the same number"),
            (manifest(2, 257, 1001), Ok(gap), "E04 a gap"),
        ] {
            assert_eq!(after_255(next, "a.mft"), wanted, "{why}");
        }
        assert_eq!(after_255(manifest(2, 1, 999), "b.mft"), Ok(None), "E05 another file name");
        let uri = "rsync://h/m/a.mft".parse().unwrap();
        let first = succession(None, &manifest(1, 1, 1), &uri);
        assert!(matches!(first, Succession::Accepted(None)));
    }
}
