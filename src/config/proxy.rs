//! The HTTP proxy of the environment, for who configures none.

use crate::fetch::ProxyConfig;

/// Returns the proxy that the settings name, else the one of the environment.
///
/// The variables are those of curl; `http_proxy` is not for HTTPS. Hosts that go without the proxy
/// come from where the proxy comes from.
pub fn proxy_in_force(
    url: Option<&String>,
    direct: &[String],
    env: &dyn Fn(&str) -> Option<String>,
) -> ProxyConfig {
    if let Some(url) = url {
        return ProxyConfig { url: Some(url.clone()), direct: direct.to_vec() };
    }
    let first = |names: &[&str]| names.iter().find_map(|name| env(name));
    let url = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
    let without = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    let without = without.split(',').map(|name| name.trim().to_owned());
    ProxyConfig { url, direct: direct.iter().cloned().chain(without).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_before_the_environment_and_small_letters_before_large_ones() {
        let env = |name: &str| match name {
            "HTTPS_PROXY" => Some("http://large".to_owned()),
            "all_proxy" => Some("http://all".to_owned()),
            "no_proxy" => Some("a.example, .b.example".to_owned()),
            _ => None,
        };
        let direct = ["c.example".to_owned()];
        let found = proxy_in_force(None, &direct, &env);
        assert_eq!(found.url.as_deref(), Some("http://large"));
        assert_eq!(found.direct, ["c.example", "a.example", ".b.example"]);
        let own = "http://own".to_owned();
        let found = proxy_in_force(Some(&own), &direct, &env);
        assert_eq!((found.url, found.direct), (Some(own), direct.to_vec()));
        assert_eq!(proxy_in_force(None, &[], &|_| None).url, None);
    }
}
