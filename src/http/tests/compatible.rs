//! The paths that Routinator's users know.

use super::*;
use crate::world::Purpose;

#[tokio::test]
async fn validity_has_the_body_that_routinators_clients_know() {
    let app = serving(world());
    let mut bodies = String::new();
    for path in [
        "/api/v1/validity/AS64496/192.0.2.0/24",
        "/api/v1/validity/as64497/192.0.2.0/24",
        "/validity?asn=64497&prefix=198.51.100.0/25",
        "/validity?prefix=2001:db8:1::/49&asn=AS64499",
        "/api/v1/validity/AS0/192.0.2.200/32",
        "/api/v1/validity/AS64496/10.0.0.0/8",
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        answer.json();
        bodies.push_str(&format!("# {path}\n{}", answer.body));
    }
    insta::assert_snapshot!(bodies);
}

#[tokio::test]
async fn host_bits_are_cleared_without_a_word() {
    let app = serving(world());
    let with = get(&app, "/api/v1/validity/AS64496/192.0.2.77/24").await;
    let without = get(&app, "/api/v1/validity/AS64496/192.0.2.0/24").await;
    assert_eq!(with.body, without.body);
}

#[tokio::test]
async fn j03_j04_bad_questions_get_the_texts_that_routinator_has() {
    let app = serving(world());
    let huge = format!("/validity?asn=1&prefix={}", "1".repeat(60_000));
    for (path, text) in [
        ("/api/v1/validity/ASX/192.0.2.0/24", "invalid ASN"),
        ("/api/v1/validity/AS/192.0.2.0/24", "invalid ASN"),
        ("/api/v1/validity/AS-1/192.0.2.0/24", "invalid ASN"),
        ("/api/v1/validity/AS4294967296/192.0.2.0/24", "invalid ASN"),
        ("/api/v1/validity/A%C3%A9/192.0.2.0/24", "invalid ASN"),
        ("/validity?asn=%FF%FE&prefix=192.0.2.0/24", "invalid ASN"),
        ("/validity?asn=AS%E2%82%AC&prefix=192.0.2.0/24", "invalid ASN"),
        ("/api/v1/validity/AS1/192.0.2.0", "invalid prefix"),
        ("/api/v1/validity/AS1/0.0.0.0/33", "invalid prefix"),
        ("/api/v1/validity/AS1/::/129", "invalid prefix"),
        ("/api/v1/validity/AS1/192.0.2.0/24/7", "invalid prefix"),
        ("/api/v1/validity/AS1/192.0.2.0/%0024", "invalid prefix"),
        (&huge, "invalid prefix"),
        ("/api/v1/validity/AS1", "missing prefix in path"),
        ("/api/v1/validity/", "missing prefix in path"),
        ("/api/v1/validity/%FF%FF", "missing prefix in path"),
        ("/validity", "missing query arguments"),
        ("/validity?", "missing 'asn' argument in query"),
        ("/validity?prefix=192.0.2.0/24", "missing 'asn' argument in query"),
        ("/validity?asn=1", "missing 'prefix' argument in query"),
        ("/validity?asn=1&x=2&prefix=::/0", "unexpected argument 'x' in query"),
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.body, format!("{{\n   \"error\": \"{text}\"\n}}"), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    let answer = get(&app, "/validity?asn=1&%22%0A%3Cb%3E=2").await;
    assert_eq!(answer.json()["error"], "unexpected argument '\"\n<b>' in query");
}

#[tokio::test]
async fn payload_is_what_export_writes_and_carries_validators() {
    let app = serving(world());
    for (path, content_type, sample) in [
        ("/csv", "text/csv;charset=utf-8;header=present", "AS64496,192.0.2.0/24,24,alpha\n"),
        ("/json", "application/json", "\"maxLength\": 24, \"ta\": \"alpha\" }"),
        ("/jsonext", "application/json", "\"uri\": \"rsync://left.example/repo/a.roa\""),
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.header("last-modified"), "Tue, 24 Nov 2026 06:00:00 GMT");
        let etag = answer.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with("-1\""), "{etag}");
        assert!(answer.body.contains(sample), "{}", answer.body);

        let head = send(&app, Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
        assert_eq!(head.header("content-length"), answer.body.len().to_string());

        let weak = format!("\"other\", W/{etag}");
        for (condition, status) in [
            ([("if-none-match", etag.as_str())], StatusCode::NOT_MODIFIED),
            ([("if-none-match", weak.as_str())], StatusCode::NOT_MODIFIED),
            ([("if-none-match", "*")], StatusCode::NOT_MODIFIED),
            ([("if-none-match", "\"other\"")], StatusCode::OK),
            ([("if-modified-since", "Tue, 24 Nov 2026 06:00:00 GMT")], StatusCode::NOT_MODIFIED),
            ([("if-modified-since", "Tue, 24 Nov 2026 05:59:59 GMT")], StatusCode::OK),
            ([("if-modified-since", "yesterday")], StatusCode::OK),
        ] {
            let answer = send(&app, Method::GET, path, &condition).await;
            assert_eq!(answer.status, status, "{condition:?}");
            assert_eq!(answer.header("etag"), etag);
        }
        let both = [
            ("if-none-match", "\"other\""),
            ("if-modified-since", "Tue, 24 Nov 2026 06:00:00 GMT"),
        ];
        assert_eq!(send(&app, Method::GET, path, &both).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn another_payload_has_another_tag_and_the_same_one_the_same() {
    let etag = async |app: &App| get(app, "/json").await.header("etag").to_owned();
    let before = etag(&serving(world())).await;
    assert_eq!(before, etag(&serving(world())).await, "a restart changes nothing");
    let app = empty();
    app.publish(Served::new(Arc::new(world()), crate::world::fixture::hours(25)));
    assert_ne!(before, etag(&app).await, "the same world after something expired");
}

#[tokio::test]
async fn a_selection_that_is_not_understood_is_refused() {
    let app = serving(world());
    for path in [
        "/json?select=64496",
        "/csv?select-asn=AS%F0%9F%92%A9",
        "/csv?select-prefix",
        "/csv?select-prefix=192.0.2.1/24",
        "/csv?select-asn=1&x",
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.body, "invalid query");
    }
}

#[tokio::test]
async fn a_selection_is_answered_as_routinator_does() {
    let app = serving(world());
    let count = async |query: &str, list: &str| {
        let answer = get(&app, &format!("/json?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}");
        answer.json().get(list).and_then(|rows| rows.as_array().map(Vec::len))
    };
    assert_eq!(count("select-prefix=192.0.2.128/25", "roas").await, Some(2));
    assert_eq!(count("select-prefix=192.0.2.0/24", "roas").await, Some(1));
    assert_eq!(count("filter-prefix=192.0.2.0/24&include=more-specifics", "roas").await, Some(2));
    assert_eq!(count("select-asn=AS64496&select-asn=64497", "roas").await, Some(3));
    assert_eq!(count("select-prefix=10.0.0.0/8", "aspas").await, Some(0));
    assert_eq!(count("exclude=routeOrigins,unknown", "roas").await, None);
    let openbgpd = get(&app, "/openbgpd?select-asn=64499").await;
    assert_eq!(openbgpd.body, "roa-set {\n    203.0.113.0/24 source-as 64499\n}\n");
    assert_eq!(get(&app, "/api/v1/origins/").await.body, get(&app, "/json").await.body);
}

#[tokio::test]
async fn before_the_first_world_every_path_with_data_says_so() {
    let app = empty();
    for path in ["/validity?asn=1&prefix=::/0", "/api/v1/validity/AS1/::/0", "/validity?bad"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.json()["error"], "Initial validation ongoing. Please wait.");
        assert_eq!(answer.header("retry-after"), "10");
    }
    for path in ["/json", "/csv"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.body, "Initial validation ongoing. Please wait.");
    }
    assert_eq!(get(&app, "/version").await.body, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn j05_other_methods_and_paths_are_refused_in_their_own_words() {
    let app = serving(world());
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::TRACE, Method::OPTIONS] {
        let answer = send(&app, method.clone(), "/json", &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.body, "method not allowed");
        let answer = send(&app, method.clone(), "/api/v1/validity/AS1/::/0", &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.body, "{\n   \"error\": \"method not allowed\"\n}");
    }
    for path in ["/", "//json", "/json/", "/..//json", "/json%00", "/%2e%2e/json", "/ui/", "/api/"]
    {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.body, "resource not found");
    }
}

#[tokio::test]
async fn a_lab_is_named_in_a_header_and_the_bodies_stay_the_same() {
    let live = serving(world());
    let lab = serving(World { purpose: Purpose::Lab, ..world() });
    for path in ["/validity?asn=64496&prefix=192.0.2.0/24", "/csv", "/json", "/nothing"] {
        let (live, lab) = (get(&live, path).await, get(&lab, path).await);
        assert_eq!(live.body, lab.body);
        assert_eq!(live.header("provost-purpose"), "");
        assert_eq!(lab.header("provost-purpose"), "lab");
    }
}
