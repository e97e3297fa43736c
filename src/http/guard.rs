//! Who may be asked for and who may ask, as far as browsers say it (THREATS J12).
//!
//! A page of a stranger must not read our own paths: it gets no CORS headers, is refused where
//! it names itself as `Origin`, and cannot come under a name that it made point here (DNS
//! rebinding), because only names that no stranger can own are answered to, and those that the
//! operator gives.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, Uri, header};

use super::problem::Problem;

/// Returns why a request to one of our own paths is refused, if it is.
pub(super) fn refusal(names: &[String], uri: &Uri, headers: &HeaderMap) -> Option<Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    // An absolute address goes before the header (RFC 9112, section 3.2.2). Without both it is
    // no browser.
    let host = uri.authority().map(|authority| authority.as_str()).or(text(header::HOST));
    if let Some(host) = host.filter(|host| !is_own(names, host)) {
        let status = StatusCode::MISDIRECTED_REQUEST;
        let detail = format!("this server was not told that it is called {:?}", name_of(host));
        return Some(Problem::foreign(status, detail).hint(
            "ask by address, by localhost, or by a name without dots; or give the name to the \
             server with --http-name",
        ));
    }
    let origin = text(header::ORIGIN)?;
    let asking = origin.split_once("://").map_or("", |(_, authority)| authority);
    let is_same = host.is_some_and(|host| host.eq_ignore_ascii_case(asking));
    (!is_same).then(|| {
        let detail = format!("pages of {origin:?} may not ask here");
        Problem::foreign(StatusCode::FORBIDDEN, detail).hint("ask from a program, or by a proxy")
    })
}

/// Returns the host without its port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

/// Tells whether a name can only be ours: what a stranger owns has a dot.
fn is_own(names: &[String], host: &str) -> bool {
    let name = name_of(host);
    let name = name.strip_suffix('.').unwrap_or(name);
    name.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || name.to_ascii_lowercase().ends_with(".localhost")
        || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn status(host: &str, origin: &str) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
            if !value.is_empty() {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
        let names = ["rpki.example.net".to_owned()];
        let problem = refusal(&names, &Uri::from_static("/v1/status"), &headers)?;
        Some(problem.status())
    }

    #[test]
    fn j12_a_name_that_a_stranger_can_own_is_not_answered_to() {
        for host in [
            "",
            "127.0.0.1",
            "127.0.0.1:8323",
            "[::1]:8323",
            "localhost:8323",
            "LOCALHOST.",
            "a.localhost",
            "provost",
            "provost:8323",
            "rpki.example.net",
            "RPKI.example.net:80",
        ] {
            assert_eq!(status(host, ""), None, "{host}");
        }
        for host in
            ["attacker.example", "attacker.example:8323", "127.0.0.1.attacker.example", "x.y"]
        {
            assert_eq!(status(host, ""), Some(421), "{host}");
        }
    }

    #[test]
    fn j12_a_page_of_another_origin_may_not_ask() {
        assert_eq!(status("localhost:8323", "http://localhost:8323"), None);
        assert_eq!(status("rpki.example.net", "https://rpki.example.net"), None);
        for origin in ["https://attacker.example", "http://localhost:1", "null", "http://", "é"] {
            assert_eq!(status("localhost:8323", origin), Some(403), "{origin}");
        }
    }
}
