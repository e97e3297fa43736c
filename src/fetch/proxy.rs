//! The HTTP proxy: which hosts are asked through it, and which directly.

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::{Guard, GuardError};

/// The proxy that the operator wants.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProxyConfig {
    /// Its URL, with the scheme `http` or `https`; `None` for no proxy.
    pub url: Option<String>,
    /// Hosts that are asked directly, with those below them; `*` for all.
    pub direct: Vec<String>,
}

/// A proxy in use.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    pub(super) url: Url,
    host: String,
    direct: Vec<String>,
}

impl Proxy {
    /// Reads the operator's wish; `Err` says what is wrong with it.
    pub(super) fn new(config: &ProxyConfig) -> Result<Option<Self>, String> {
        let Some(text) = &config.url else { return Ok(None) };
        // As curl has it: without a scheme, HTTP is meant.
        let text = if text.contains("://") { text.clone() } else { format!("http://{text}") };
        let url: Url = text.parse().map_err(|error| format!("proxy {text}: {error}"))?;
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        if !matches!(url.scheme(), "http" | "https") || host.is_empty() {
            return Err(format!("proxy {text}: expected a URL such as http://proxy.example:3128"));
        }
        let name = |name: &String| name.trim().trim_start_matches('.').to_ascii_lowercase();
        let direct = config.direct.iter().map(name).filter(|name| !name.is_empty()).collect();
        Ok(Some(Proxy { url, host, direct }))
    }

    /// Tells whether `host` is asked directly.
    pub(super) fn is_direct(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.direct.iter().any(|name| {
            name == "*"
                || host == *name
                || host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'))
        })
    }

    /// Tells whether this is the proxy's own host, which is no repository: its address is trusted.
    pub(super) fn is_own(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(&self.host)
    }
}

/// Resolves names for connections: those of repositories under guard, the proxy's own without.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    pub(super) guard: Guard,
    pub(super) proxy: Option<Proxy>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        if self.proxy.as_ref().is_some_and(|proxy| proxy.is_own(name.as_str())) {
            return Box::pin(async move {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
                let found: Addrs = Box::new(found.collect::<Vec<_>>().into_iter());
                Ok(found)
            });
        }
        Resolve::resolve(&self.guard, name)
    }
}

impl Guard {
    /// Checks a host that somebody else resolves: as written, it must not name our own network.
    pub(super) fn check_unresolved(self, host: &str) -> Result<(), GuardError> {
        const LOCAL: [&str; 4] = [".localhost", ".local", ".internal", ".home.arpa"];
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let local = LOCAL.iter().any(|ending| name.ends_with(ending));
        // An address that is no public one was refused before.
        let bare = !name.contains('.') && !name.contains(':');
        match self.allows_local() {
            false if local || bare => Err(GuardError::LocalName),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::LocalAddresses;

    fn proxy(url: &str, direct: &[&str]) -> Result<Option<Proxy>, String> {
        let direct = direct.iter().map(ToString::to_string).collect();
        Proxy::new(&ProxyConfig { url: Some(url.to_owned()), direct })
    }

    #[test]
    fn hosts_without_proxy_are_names_with_those_below_them() {
        let found = proxy("proxy.example:3128", &["a.example", " .b.example ", "192.0.2.1", ""]);
        let found = found.unwrap().unwrap();
        assert_eq!(found.url.as_str(), "http://proxy.example:3128/");
        for host in ["a.example", "x.A.example", "y.b.example", "b.example", "192.0.2.1"] {
            assert!(found.is_direct(host), "{host}");
        }
        for host in ["aa.example", "example", "192.0.2.11", "c.example"] {
            assert!(!found.is_direct(host), "{host}");
        }
        assert!(found.is_own("Proxy.Example"));
        assert!(proxy("http://p", &["*"]).unwrap().unwrap().is_direct("anything"));
        assert!(Proxy::new(&ProxyConfig::default()).unwrap().is_none());
        for bad in ["socks5://p:1", "http://", "ftp://p", "http://p:99999"] {
            assert!(proxy(bad, &[]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a19_names_of_our_own_network_are_not_sent_to_a_proxy() {
        let guard = Guard(LocalAddresses::Refuse);
        for local in
            ["localhost", "intranet", "a.localhost", "db.internal", "x.LOCAL.", "p.home.arpa"]
        {
            assert_eq!(guard.check_unresolved(local), Err(GuardError::LocalName), "{local}");
            assert_eq!(Guard(LocalAddresses::Allow).check_unresolved(local), Ok(()));
        }
        for public in ["rrdp.example.net", "1.1.1.1", "2a00::1"] {
            assert_eq!(guard.check_unresolved(public), Ok(()), "{public}");
        }
    }
}
