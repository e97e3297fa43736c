//! The answer for one route as one line of JSON, the same on the command line and over HTTP;
//! documented in docs/json.md.
//!
//! This is what is asked for most. Written like this it is what serde would write, to the byte,
//! in a fraction of the time (docs/performance.md).

use std::fmt::{Display, Write};

use super::answer::{FreshnessBody, LocalBody, RuleBody, purpose};
use super::why::why;
use super::words;
use crate::model::Origin;
use crate::origin::CoveringVrp;
use crate::world::{Answer, Freshness, ItemSource, View};

/// Writes an answer.
pub(crate) fn push_answer(out: &mut String, view: &View, answer: &Answer) {
    push_members(out, view, answer);
    out.push('}');
}

/// Writes an answer without its closing brace, so that more can follow.
pub(crate) fn push_members(out: &mut String, view: &View, answer: &Answer) {
    let validity = answer.verdict.validity;
    push_text(out, "{\"prefix\":\"", answer.route.prefix);
    let origin = match answer.route.origin {
        Origin::As(asn) => Some(asn),
        Origin::None => None,
    };
    out.push_str("\",\"origin\":");
    push_optional(out, origin);
    push_all(out, [",\"state\":\"", words::validity(validity), "\",\"reason\":"]);
    match validity.reason() {
        Some(reason) => push_all(out, ["\"", words::invalid_reason(reason), "\""]),
        None => out.push_str("null"),
    }
    out.push_str(",\"explanation\":");
    push_string(out, &why(answer));
    out.push_str(",\"covering\":[");
    push_list(out, &answer.verdict.covering, |out, covering| push_covering(out, view, covering));
    out.push_str("],\"freshness\":");
    match &answer.freshness {
        Freshness::Fresh => out.push_str("{\"state\":\"fresh\"}"),
        freshness => push_json(out, &FreshnessBody::new(freshness)),
    }
    out.push_str(",\"as_of\":");
    push_optional(out, answer.as_of);
    push_all(out, [",\"purpose\":\"", purpose(view), "\""]);
    if let Some(local) = LocalBody::new(view, answer) {
        out.push_str(",\"local_exceptions\":");
        push_json(out, &local);
    }
}

fn push_covering(out: &mut String, view: &View, covering: &CoveringVrp) {
    let vrp = covering.vrp;
    push_text(out, "{\"prefix\":\"", vrp.prefix);
    push_text(out, "\",\"max_length\":", vrp.max_length);
    push_text(out, ",\"asn\":\"", vrp.asn);
    push_all(out, ["\",\"fit\":\"", words::fit(covering.fit), "\",\"sources\":["]);
    let sources = view.vrp_sources(covering.position);
    push_list(out, sources, |out, source| push_source(out, view, source));
    out.push_str("]}");
}

fn push_source(out: &mut String, view: &View, source: ItemSource) {
    let object = view.object(source);
    out.push_str("{\"trust_anchor\":");
    push_optional_string(out, view.trust_anchor(source));
    out.push_str(",\"uri\":");
    push_optional_string(out, object.map(|object| object.uri.as_str()));
    out.push_str(",\"hash\":");
    push_optional(out, object.map(|object| object.hash));
    out.push_str(",\"expires\":");
    push_optional(out, source.expires);
    if let Some(rule) = view.exception(source) {
        out.push_str(",\"exception\":");
        push_json(out, &RuleBody::new(rule));
    }
    out.push('}');
}

fn push_list<T>(
    out: &mut String,
    list: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut String, T),
) {
    for (number, item) in list.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        push(out, item);
    }
}

fn push_all<const N: usize>(out: &mut String, parts: [&str; N]) {
    parts.into_iter().for_each(|part| out.push_str(part));
}

/// Writes a value in whose text JSON escapes nothing.
fn push_text(out: &mut String, before: &str, value: impl Display) {
    out.push_str(before);
    // Writing to a string does not fail.
    let _ = write!(out, "{value}");
}

/// Writes `null`, or a value in whose text JSON escapes nothing.
fn push_optional(out: &mut String, value: Option<impl Display>) {
    match value {
        Some(value) => {
            push_text(out, "\"", value);
            out.push('"');
        }
        None => out.push_str("null"),
    }
}

fn push_optional_string(out: &mut String, text: Option<&str>) {
    match text {
        Some(text) => push_string(out, text),
        None => out.push_str("null"),
    }
}

fn push_string(out: &mut String, text: &str) {
    // Without an early end the compiler looks at many bytes at a time.
    let is_escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if text.bytes().fold(false, |found, byte| found | is_escaped(byte)) {
        push_json(out, &text);
    } else {
        push_all(out, ["\"", text, "\""]);
    }
}

/// Writes what serde makes of a value: for what is rare.
fn push_json(out: &mut String, value: &impl serde::Serialize) {
    out.push_str(&serde_json::to_string(value).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::prelude::*;
    use serde::Serialize;

    use super::super::answer::{CoveringBody, Text, covering};
    use super::*;
    use crate::model::{Asn, Prefix, Route, Timestamp};
    use crate::payload::{Exceptions, SlurmFile};
    use crate::validate::{PointStatus, TrustAnchorStatus};
    use crate::world::World;
    use crate::world::fixture::{NOW, finding, hours, vrp, world};

    /// The form of an answer, for serde to write.
    #[derive(Serialize)]
    struct AnswerBody<'a> {
        prefix: Text<Prefix>,
        origin: Option<Text<Asn>>,
        state: &'static str,
        reason: Option<&'static str>,
        explanation: String,
        covering: Vec<CoveringBody<'a>>,
        freshness: FreshnessBody<'a>,
        as_of: Option<Text<Timestamp>>,
        purpose: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        local_exceptions: Option<LocalBody<'a>>,
    }

    fn by_serde(view: &View, answer: &Answer) -> String {
        let validity = answer.verdict.validity;
        let body = AnswerBody {
            prefix: Text(answer.route.prefix),
            origin: match answer.route.origin {
                Origin::As(asn) => Some(Text(asn)),
                Origin::None => None,
            },
            state: words::validity(validity),
            reason: validity.reason().map(words::invalid_reason),
            explanation: why(answer),
            covering: covering(view, answer, |vrp| words::fit(vrp.fit)),
            freshness: FreshnessBody::new(&answer.freshness),
            as_of: answer.as_of.map(Text),
            purpose: purpose(view),
            local_exceptions: LocalBody::new(view, answer),
        };
        serde_json::to_string(&body).unwrap()
    }

    /// Asserts that serde writes the answers of `view` in the same way, and returns them.
    fn assert_as_serde_writes(view: &View, routes: &[(&str, Option<u32>)]) -> String {
        let mut all = String::new();
        for (prefix, asn) in routes {
            let origin = asn.map_or(Origin::None, |asn| Origin::As(Asn(asn)));
            let route = Route { prefix: prefix.parse().unwrap(), origin };
            let answer = view.answer(route, NOW, Duration::from_secs(7200));
            let mut line = String::new();
            push_answer(&mut line, view, &answer);
            assert_eq!(line, by_serde(view, &answer));
            all.push_str(&line);
        }
        all
    }

    const ROUTES: [(&str, Option<u32>); 7] = [
        ("192.0.2.0/24", Some(64496)),
        ("192.0.2.128/25", Some(64496)),
        ("198.51.100.0/25", Some(64499)),
        ("198.51.7.0/25", Some(1)),
        ("10.0.0.0/8", Some(u32::MAX)),
        ("2001:db8::/32", None),
        ("::/0", Some(0)),
    ];

    #[test]
    fn an_answer_is_written_as_serde_writes_it() {
        let all = |world: World| {
            let view = View::of_world(Arc::new(world), NOW);
            assert_as_serde_writes(&view, &ROUTES)
        };
        let fresh = all(world());
        assert!(fresh.contains("{\"state\":\"fresh\"}") && fresh.contains("\"reason\":null"));
        let mut broken = world();
        broken.points[2].status = PointStatus::Failed;
        broken.points[2].unproven =
            crate::model::ResourceSet::from_prefixes(["198.51.7.0/24".parse().unwrap()]);
        broken.points[2].findings = vec![finding("\"no\" \\ manifest\n")];
        assert!(all(broken).contains("\"missing\":\"point\""));
        let mut missing = world();
        missing.trust_anchors[1].status = TrustAnchorStatus::Missing;
        assert!(all(missing).contains("\"missing\":\"trust-anchor\""));
        let nothing = World {
            trust_anchors: Vec::new(),
            points: Vec::new(),
            objects: Vec::new(),
            vrps: Default::default(),
            ..world()
        };
        assert!(all(nothing).contains("\"as_of\":null"));
    }

    #[test]
    fn what_exceptions_did_is_written_as_serde_writes_it() {
        let text = br#"{ "slurmVersion": 1,
            "validationOutputFilters": { "bgpsecFilters": [], "prefixFilters": [
              { "prefix": "198.51.100.0/22", "comment": "a \"quote\"" } ] },
            "locallyAddedAssertions": { "bgpsecAssertions": [], "prefixAssertions": [
              { "asn": 64499, "prefix": "198.51.100.0/25", "comment": "ours" } ] } }"#;
        let file = SlurmFile::parse(text).unwrap();
        let files = vec![("a \"local\" file.json".to_owned(), file)];
        let exceptions = Arc::new(Exceptions::new(files).unwrap());
        let view = View::of_world(Arc::new(world()), NOW).except(&exceptions);
        let all = assert_as_serde_writes(&view, &ROUTES);
        assert!(all.contains("\"local_exceptions\":{") && all.contains("\"exception\":{"));
    }

    proptest! {
        #[test]
        fn any_text_of_a_world_is_escaped_as_serde_does_it(
            name in any::<String>(),
            detail in "[\\x00-\\x7f\u{e9}\u{2028}]{0,20}",
            max_length in 24u8..=32,
            asn in any::<u32>(),
        ) {
            let mut world = world();
            world.trust_anchors[0].name = name;
            world.trust_anchors[1].status = TrustAnchorStatus::Rejected;
            world.trust_anchors[1].fetch.error = Some(detail);
            world.vrps.edit(|rows| {
                rows[0].vrp = vrp("192.0.2.0/24", max_length, asn);
                rows.sort_unstable_by_key(|row| row.vrp);
            });
            let view = View::of_world(Arc::new(world), hours(1));
            let routes = [("192.0.2.0/24", Some(asn)), ("192.0.2.0/30", None), ("10.0.0.0/8", None)];
            assert_as_serde_writes(&view, &routes);
        }
    }
}
