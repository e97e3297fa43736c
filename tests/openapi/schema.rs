//! Holds a value against a schema of the document, more strictly than JSON Schema asks: what an
//! object has and its schema does not name is an error, unless the schema says what is there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Every keyword that a schema of the document may have; one that is not understood here would
/// hold nothing.
const KEYWORDS: &[&str] = &[
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "type",
];

/// Returns what is wrong with `value`, each fault with its place.
pub fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    hold(document, &[schema], value, "", &mut faults);
    faults
}

/// Replaces references, and joins what `allOf` joins.
fn flatten<'a>(document: &'a Value, schema: &'a Value, flat: &mut Vec<&'a Map<String, Value>>) {
    let map = schema.as_object().expect("a schema is an object");
    for keyword in map.keys() {
        assert!(KEYWORDS.contains(&keyword.as_str()), "the test knows no keyword {keyword}");
    }
    flat.push(map);
    if let Some(name) = map.get("$ref") {
        let name = name.as_str().and_then(|name| name.strip_prefix('#')).expect("a local name");
        flatten(document, document.pointer(name).expect(name), flat);
    }
    for part in map.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        flatten(document, part, flat);
    }
}

fn hold(
    document: &Value,
    schemas: &[&Value],
    value: &Value,
    place: &str,
    faults: &mut Vec<String>,
) {
    let mut flat = Vec::new();
    schemas.iter().for_each(|schema| flatten(document, schema, &mut flat));
    let branches =
        |map: &&Map<String, Value>| map.get("anyOf").or_else(|| map.get("oneOf")).cloned();
    if let Some(Value::Array(branches)) = flat.iter().find_map(branches) {
        return one_of(document, &branches, value, place, faults);
    }
    let mut fault = |what: String| faults.push(format!("{place}: {what}"));
    for map in &flat {
        if let Some(types) = map.get("type").filter(|types| !has_type(types, value)) {
            fault(format!("{value} is no {types}"));
        }
        let listed = map.get("enum").and_then(Value::as_array);
        if listed.is_some_and(|listed| !listed.contains(value)) {
            fault(format!("{value} is none of the listed"));
        }
        if map.get("const").is_some_and(|only| only != value) {
            fault(format!("{value} is not the only value"));
        }
        let text = value.as_str();
        let pattern = map.get("pattern").and_then(Value::as_str);
        if let (Some(text), Some(pattern)) = (text, pattern)
            && !matches(pattern, text)
        {
            fault(format!("{text} is not as {pattern}"));
        }
        if let (Some(text), Some("date-time")) = (text, map.get("format").and_then(Value::as_str))
            && text.parse::<chrono::DateTime<chrono::Utc>>().is_err()
        {
            fault(format!("{text} is no time"));
        }
        let bound = |name: &str| map.get(name).and_then(Value::as_f64);
        let number = value.as_f64().or_else(|| value.as_array().map(|list| list.len() as f64));
        let (low, high) = match value {
            Value::Array(_) => (bound("minItems"), bound("maxItems")),
            _ => (bound("minimum"), bound("maximum")),
        };
        if number.is_some_and(|number| {
            low.is_some_and(|low| number < low) || high.is_some_and(|high| number > high)
        }) {
            fault(format!("{value} is out of bounds"));
        }
    }
    match value {
        Value::Object(members) => hold_members(document, &flat, members, place, faults),
        Value::Array(items) => {
            let schemas: Vec<&Value> = flat.iter().filter_map(|map| map.get("items")).collect();
            if schemas.is_empty() {
                faults.push(format!("{place}: nothing is said about the items"));
            }
            for item in items {
                hold(document, &schemas, item, &format!("{place}[]"), faults);
            }
        }
        _ => {}
    }
}

fn hold_members(
    document: &Value,
    flat: &[&Map<String, Value>],
    members: &Map<String, Value>,
    place: &str,
    faults: &mut Vec<String>,
) {
    let lists = flat.iter().filter_map(|map| map.get("required")?.as_array()).flatten();
    for name in lists.filter_map(Value::as_str).collect::<BTreeSet<_>>() {
        if !members.contains_key(name) {
            faults.push(format!("{place}: lacks {name}"));
        }
    }
    for (name, member) in members {
        let named: Vec<&Value> =
            flat.iter().filter_map(|map| map.get("properties")?.get(name)).collect();
        let others: Vec<&Value> =
            flat.iter().filter_map(|map| map.get("additionalProperties")).collect();
        let place = format!("{place}.{name}");
        match (named.as_slice(), others.as_slice()) {
            ([], []) | ([], [Value::Bool(false)]) => {
                faults.push(format!("{place}: is not in the document"));
            }
            // Said on purpose: whatever it is.
            ([], [Value::Bool(true)]) => {}
            ([], others) => hold(document, others, member, &place, faults),
            (named, _) => hold(document, named, member, &place, faults),
        }
    }
}

/// Holds a value against alternatives; if it fits none, the nearest says why.
fn one_of(
    document: &Value,
    branches: &[Value],
    value: &Value,
    place: &str,
    faults: &mut Vec<String>,
) {
    let tried = branches.iter().map(|branch| {
        let mut faults = Vec::new();
        hold(document, &[branch], value, place, &mut faults);
        faults
    });
    faults.extend(tried.min_by_key(Vec::len).expect("there are alternatives"));
}

fn has_type(types: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        name => panic!("there is no type {name}"),
    };
    match types {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => panic!("{types} is no type"),
    }
}

/// Matches the few patterns that the document has.
fn matches(pattern: &str, text: &str) -> bool {
    let all = |text: &str, is: fn(char) -> bool| !text.is_empty() && text.chars().all(is);
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let upper_hex = |c: char| c.is_ascii_digit() || ('A'..='F').contains(&c);
    let code = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '-';
    match pattern {
        "^AS[0-9]{1,10}$" => {
            text.strip_prefix("AS").is_some_and(|n| n.len() <= 10 && all(n, |c| c.is_ascii_digit()))
        }
        "^[0-9a-f]{64}$" => text.len() == 64 && all(text, hex),
        "^[0-9A-F]{40}$" => text.len() == 40 && all(text, upper_hex),
        "^[a-z0-9-]+\\.[a-z0-9-]+$" => {
            text.split_once('.').is_some_and(|(a, b)| all(a, code) && all(b, code))
        }
        "^urn:provost:problem:[a-z-]+$" => {
            text.strip_prefix("urn:provost:problem:").is_some_and(|name| all(name, code))
        }
        pattern => panic!("the test knows no pattern {pattern}"),
    }
}

#[test]
fn a_value_that_is_not_as_its_schema_says_is_found() {
    let document: Value = serde_json::from_str(
        r##"{"s": {"type": "object", "required": ["a"], "properties": {
            "a": {"type": "integer", "minimum": 1, "maximum": 9},
            "b": {"type": "array", "items": {"enum": ["x", null]}},
            "c": {"anyOf": [{"$ref": "#/t"}, {"type": "null"}]},
            "d": {"type": "object"},
            "e": {"allOf": [{"$ref": "#/t"}, {"type": "object", "properties": {"f": {}}}]}
        }}, "t": {"type": "object", "required": ["t"], "properties": {
            "t": {"type": "string", "format": "date-time"}}}}"##,
    )
    .unwrap();
    let found = |text: &str| {
        faults(&document, &document["s"], &serde_json::from_str(text).unwrap()).join("; ")
    };
    let good = [
        r#"{"a": 1, "b": ["x", null], "c": null, "d": {}}"#,
        r#"{"a": 9, "c": {"t": "2026-11-24T09:57:29Z"}, "e": {"t": "2026-11-24T09:57:29Z", "f": 1}}"#,
    ];
    for text in good {
        assert_eq!(found(text), "", "{text}");
    }
    let bad = [
        ("{}", "lacks a"),
        (r#"{"a": 0}"#, "out of bounds"),
        (r#"{"a": 1.5}"#, "is no"),
        (r#"{"a": 1, "b": ["y"]}"#, "none of the listed"),
        (r#"{"a": 1, "c": {"t": "noon"}}"#, "is no time"),
        (r#"{"a": 1, "d": {"new": 1}}"#, ".d.new: is not in the document"),
        (r#"{"a": 1, "e": {"t": "2026-11-24T09:57:29Z", "g": 1}}"#, ".e.g: is not in the document"),
        (r#"{"a": 1, "z": 1}"#, ".z: is not in the document"),
    ];
    for (text, fault) in bad {
        assert!(found(text).contains(fault), "{text}: {}", found(text));
    }
}
