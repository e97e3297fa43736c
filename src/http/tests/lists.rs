//! The lists of our own: pages, filters, conditions, chains, changes.

use super::*;
use crate::world::fixture::hours;

/// Reads all pages of a list.
async fn pages(app: &App, path: &str, list: &str) -> Vec<serde_json::Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = get(app, &format!("{path}{cursor}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{cursor}: {}", answer.body);
        let page = answer.json();
        all.extend(page[list].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", next.replace('/', "%2F")),
            None => return all,
        }
        assert!(all.len() < 1000, "{path} never ends");
    }
}

#[tokio::test]
async fn pages_of_every_size_are_the_whole_list() {
    let app = serving(world());
    for (path, list, count) in [
        ("/v1/vrps?", "vrps", 5),
        ("/v1/vrps?asn=64496&", "vrps", 2),
        ("/v1/aspas?", "aspas", 1),
        ("/v1/router-keys?", "router_keys", 1),
        ("/v1/findings?", "findings", 1),
    ] {
        let whole = pages(&app, path, list).await;
        assert_eq!(whole.len(), count, "{path}");
        for limit in 1..4 {
            assert_eq!(pages(&app, &format!("{path}limit={limit}"), list).await, whole);
        }
    }
}

#[tokio::test]
async fn a_page_goes_on_where_the_last_one_ended_though_the_list_has_changed() {
    let app = serving(world());
    let first = get(&app, "/v1/vrps?limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let mut changed = world();
    changed.vrps.edit(|rows| rows.remove(0));
    app.publish(Served::new(Arc::new(changed), NOW));
    let rest = get(&app, &format!("/v1/vrps?cursor={cursor}")).await.json();
    let whole = get(&serving(world()), "/v1/vrps").await.json();
    assert_eq!(rest["vrps"].as_array().unwrap()[..], whole["vrps"].as_array().unwrap()[2..]);
}

#[tokio::test]
async fn vrps_are_found_by_prefix_origin_and_trust_anchor() {
    let app = serving(world());
    let count = async |query: &str| {
        let answer = get(&app, &format!("/v1/vrps?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()["vrps"].as_array().unwrap().len()
    };
    assert_eq!(count("prefix=192.0.2.128/25").await, 2);
    assert_eq!(count("prefix=192.0.2.0/24").await, 1);
    assert_eq!(count("prefix=192.0.2.0/24&include=more-specifics").await, 2);
    assert_eq!(count("prefix=0.0.0.0/0&include=more-specifics").await, 4);
    assert_eq!(count("prefix=192.0.2.128/25&asn=AS0").await, 1);
    assert_eq!(count("asn=64496&trust-anchor=alpha").await, 2);
    assert_eq!(count("trust-anchor=nobody").await, 0);
    for query in ["include=more-specifics", "prefix=::/0&include=all", "limit=0", "cursor=x"] {
        let answer = get(&app, &format!("/v1/vrps?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn findings_are_found_by_object_repository_trust_anchor_and_reason() {
    let app = serving(world());
    for (query, total) in [
        ("", 1),
        ("?object=rsync://alpha.example/repo/old.mft", 1),
        ("?object=rsync://alpha.example/repo/new.mft", 0),
        ("?repository=https://right.example/notify.xml", 1),
        ("?repository=https://left.example/notify.xml", 0),
        ("?trust-anchor=alpha&reason=manifest.stale", 1),
        ("?trust-anchor=beta", 0),
        ("?reason=manifest.missing", 0),
    ] {
        let found = get(&app, &format!("/v1/findings{query}")).await.json();
        assert_eq!(found["total"], total, "{query}");
    }
}

#[tokio::test]
async fn a_chain_leads_from_the_roa_to_the_trust_anchor() {
    let app = serving(world());
    insta::assert_snapshot!(get(&app, "/v1/chain?prefix=192.0.2.128/25&asn=0").await.body);
    let shared = get(&app, "/v1/chain?prefix=192.0.2.0/24&asn=64496&max-length=24").await.json();
    assert_eq!(shared["chains"].as_array().unwrap().len(), 2, "two ROAs give it");
    let none = get(&app, "/v1/chain?prefix=192.0.2.0/24&asn=64496&max-length=25").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert_eq!(none.json()["type"], "urn:provost:problem:no-vrp");
}

#[tokio::test]
async fn lists_that_the_client_has_are_not_sent_again() {
    let app = serving(world());
    for path in ["/v1/vrps", "/v1/findings", "/v1/worlds", "/v1/trust-anchors"] {
        let first = get(&app, path).await;
        let tag = first.header("etag").to_owned();
        let again = send(&app, Method::GET, path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path}");
        let other = send(&app, Method::GET, path, &[("if-none-match", "W/\"x\"")]).await;
        assert_eq!(other.status, StatusCode::OK);
    }
    let tag = get(&app, "/v1/vrps").await.header("etag").to_owned();
    app.publish(Served::new(Arc::new(world()), hours(25)));
    let after = send(&app, Method::GET, "/v1/vrps", &[("if-none-match", &tag)]).await;
    assert_eq!(after.status, StatusCode::OK, "something has expired");
}

#[tokio::test]
async fn changes_lead_from_one_version_to_the_next() {
    let app = serving(world());
    let before = get(&app, "/v1/worlds").await.json();
    let since = before["version"].as_str().unwrap().to_owned();
    assert_eq!(before["changes"], serde_json::json!([]));
    let none = get(&app, &format!("/v1/changes?since={since}")).await.json();
    assert_eq!(none["announced"]["vrps"], serde_json::json!([]));
    app.publish(Served::new(Arc::new(world()), hours(25)));
    let after = get(&app, "/v1/worlds").await.json();
    assert_eq!(after["changes"][0]["withdrawn"]["vrps"], 5);
    assert_eq!(after["changes"][0]["version"], after["version"]);
    let changes = get(&app, &format!("/v1/changes?since={since}")).await.json();
    assert_eq!(changes["withdrawn"]["vrps"].as_array().unwrap().len(), 5);
    assert_eq!(changes["withdrawn"]["aspas"].as_array().unwrap().len(), 1);
    assert_eq!(changes["version"], after["version"]);
    for (since, status) in [("1-1", 410), ("x", 400), ("1-01", 400), ("", 400)] {
        let answer = get(&app, &format!("/v1/changes?since={since}")).await;
        assert_eq!(answer.status.as_u16(), status, "{since}");
    }
}

#[tokio::test]
async fn repositories_and_trust_anchors_are_those_of_the_status() {
    let app = serving(world());
    let status = get(&app, "/v1/status").await.json();
    let anchors = get(&app, "/v1/trust-anchors").await.json();
    assert_eq!(anchors["trust_anchors"], status["trust_anchors"]);
    let all = get(&app, "/v1/repositories").await.json();
    assert_eq!(all["repositories"], status["repositories"]);
    let failing = get(&app, "/v1/repositories?state=failing").await.json();
    assert_eq!(failing["repositories"][0]["uri"], "https://right.example/notify.xml");
    let one = get(&app, "/v1/repositories?uri=https://left.example/notify.xml").await.json();
    assert_eq!(one["repositories"].as_array().unwrap().len(), 1);
    assert_eq!(get(&app, "/v1/repositories?state=sad").await.status, StatusCode::BAD_REQUEST);
}
