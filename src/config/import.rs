//! Routinator's configuration file in our keys, and what of it has no counterpart.
//!
//! Source: the manual of Routinator 0.16.

use std::path::{Path, PathBuf};

use super::ConfigError;
use crate::model::excerpt;

/// A configuration made from that of Routinator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// Our keys with their values, in the order of the other file.
    pub keys: Vec<(&'static str, toml::Value)>,
    /// What has no counterpart: the key with its value, and what that means.
    pub without: Vec<(String, String)>,
}

/// Keys that we have under another name or the same, with the same values.
const SAME: &[(&str, &str)] = &[
    ("no-rir-tals", "no-rir-tals"),
    ("disable-rsync", "no-rsync"),
    ("disable-rrdp", "no-rrdp"),
    ("unsafe-vrps", "unsafe-vrps"),
    ("rrdp-fallback", "rrdp-fallback"),
    ("max-ca-depth", "max-ca-depth"),
];

/// Keys whose values are lists of paths.
const PATHS: &[(&str, &str)] = &[("exceptions", "exceptions"), ("rrdp-root-certs", "root-cert")];

/// Keys whose values are paths.
const PATH: &[(&str, &str)] = &[("rtr-tls-cert", "rtr-tls-cert"), ("rtr-tls-key", "rtr-tls-key")];

/// Keys that mean listeners, of which we have one each.
const LISTENERS: &[(&str, &str)] =
    &[("rtr-listen", "rtr"), ("rtr-tls-listen", "rtr-tls"), ("http-listen", "http")];

/// What has no counterpart, and what that means; a value that means the same as what we do is
/// not named.
const WITHOUT: &[(&str, Same, &str)] = &[
    ("repository-dir", Same::Never, "the cache is below data-dir, and is fetched again"),
    ("tals", Same::Empty, "only the five RIRs are built in; name other locators with `tal`"),
    ("tal-labels", Same::Empty, "a trust anchor is called as its file is"),
    ("strict", Same::Is("true"), "objects are always judged strictly (docs/strictness.md)"),
    ("stale", Same::Is("reject"), "stale manifests and CRLs are never used (RFC 9286)"),
    ("unknown-objects", Same::Is("warn"), "unknown objects are hash-checked and left alone"),
    ("limit-v4-len", Same::Never, "no VRP is left out for its length: ANSWERS CAN DIFFER"),
    ("limit-v6-len", Same::Never, "no VRP is left out for its length: ANSWERS CAN DIFFER"),
    (
        "allow-dubious-hosts",
        Same::Is("false"),
        "names and ports are taken; local addresses only with allow-local-addresses, for labs",
    ),
    ("rsync-command", Same::Is("rsync"), "`rsync` is taken from the path"),
    ("rsync-args", Same::Empty, "rsync gets fixed arguments"),
    ("rsync-timeout", Same::Is("300"), "an attempt may take 300 s"),
    ("rrdp-fallback-time", Same::Is("3600"), "rsync is used when RRDP has failed for an hour"),
    ("rrdp-max-delta-count", Same::Is("100"), "at most 100 deltas are applied"),
    ("rrdp-max-delta-list-len", Same::Is("500"), "a list of at most 500 deltas is used"),
    ("rrdp-timeout", Same::Is("600"), "an attempt may take 300 s"),
    ("rrdp-read-timeout", Same::Never, "a server may be silent for 15 s"),
    ("rrdp-connect-timeout", Same::Never, "connecting may take 15 s"),
    ("rrdp-tcp-keepalive", Same::Is("60"), "a server that is silent is given up soon"),
    ("rrdp-local-addr", Same::Never, "the system chooses the local address"),
    ("rrdp-proxies", Same::Empty, "one proxy can be named with `proxy`"),
    ("rrdp-keep-responses", Same::Never, "what servers send is kept by content, in the cache"),
    ("max-object-size", Same::Is("20000000"), "objects have at most 20,000,000 bytes"),
    ("enable-bgpsec", Same::Is("true"), "router keys are always validated and served"),
    ("enable-aspa", Same::Is("true"), "ASPAs are always validated and served"),
    ("dirty", Same::Is("false"), "what nothing needs is removed from the cache"),
    ("validation-threads", Same::Never, "all cores are used"),
    ("history-size", Same::Is("10"), "recent changes are kept for routers by number and size"),
    ("min-refresh", Same::Never, "each repository has its own clock; changes are served at once"),
    ("retry", Same::Is("600"), "routers are told to retry after 600 s"),
    ("expire", Same::Is("7200"), "routers are told to drop data after 7200 s"),
    ("http-tls-listen", Same::Empty, "HTTP is served without TLS: use a proxy in front of it"),
    ("http-tls-key", Same::Never, "HTTP is served without TLS"),
    ("http-tls-cert", Same::Never, "HTTP is served without TLS"),
    ("systemd-listen", Same::Is("false"), "systemd/ has a socket unit for each listener"),
    // So the manual calls it; Routinator itself knows the other name alone.
    ("listen-systemd", Same::Is("false"), "systemd/ has a socket unit for each listener"),
    ("tal-dir", Same::Never, "Routinator ignores it, too; name locators with `tal`"),
    ("rtr-tcp-keepalive", Same::Is("60"), "routers that read nothing are cut off"),
    ("rtr-client-metrics", Same::Is("false"), "see docs/metrics.md for what is counted"),
    ("log-level", Same::Is("warn"), "-v, -vv and --quiet choose what is logged"),
    ("log", Same::Is("default"), "the log is standard error; --log-format json for machines"),
    ("log-file", Same::Never, "the log is standard error"),
    ("syslog-facility", Same::Is("daemon"), "the log is standard error"),
    ("log-repository-issues", Same::Is("false"), "/v1/findings has what was rejected, and why"),
    ("repository-log-level", Same::Never, "/v1/findings has what was rejected, and why"),
    ("repository-log", Same::Never, "/v1/findings has what was rejected, and why"),
    ("repository-log-file", Same::Never, "/v1/findings has what was rejected, and why"),
    ("repository-syslog-facility", Same::Never, "/v1/findings has what was rejected, and why"),
    ("pid-file", Same::Never, "`serve` stays in the foreground: see systemd/"),
    ("working-dir", Same::Never, "`serve` stays in the foreground: see systemd/"),
    ("chroot", Same::Never, "worker and server sandbox themselves: see systemd/"),
    ("user", Same::Never, "the service manager chooses the user: see systemd/"),
    ("group", Same::Never, "the service manager chooses the user: see systemd/"),
];

/// When a value needs no word.
#[derive(Clone, Copy, Debug)]
enum Same {
    /// It always does.
    Never,
    /// It is what we do.
    Is(&'static str),
    /// It says nothing.
    Empty,
}

impl Same {
    fn holds(self, value: &toml::Value) -> bool {
        match (self, value) {
            (Same::Never, _) => false,
            (Same::Is(same), toml::Value::String(text)) => text == same,
            (Same::Is(same), value) => value.to_string() == same,
            (Same::Empty, toml::Value::Array(list)) => list.is_empty(),
            (Same::Empty, toml::Value::Table(table)) => table.is_empty(),
            (Same::Empty, _) => false,
        }
    }
}

/// Translates the text of the file at `path`; relative paths in it are taken from its directory.
///
/// `list` gives the files of a directory, for `extra-tals-dir`; `None` if it cannot be read.
///
/// # Errors
///
/// The file is no TOML, or a value has a type that Routinator does not take.
pub fn import_routinator(
    path: &Path,
    text: &str,
    list: &dyn Fn(&Path) -> Option<Vec<PathBuf>>,
) -> Result<Imported, ConfigError> {
    let table: toml::Table = toml::from_str(text).map_err(|error| ConfigError {
        file: path.to_owned(),
        line: error.span().map(|span| super::file::line_of(text, span.start)),
        message: error.message().to_owned(),
    })?;
    let base = path.parent().unwrap_or(Path::new(""));
    let mut imported = Imported::default();
    for (key, value) in &table {
        imported.add(key, value, base, list).map_err(|expected| ConfigError {
            file: path.to_owned(),
            line: None,
            message: format!("{key} is no {expected}"),
        })?;
    }
    Ok(imported)
}

fn ours(table: &'static [(&str, &str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(theirs, _)| *theirs == key).map(|(_, ours)| *ours)
}

impl Imported {
    fn add(
        &mut self,
        key: &str,
        value: &toml::Value,
        base: &Path,
        list: &dyn Fn(&Path) -> Option<Vec<PathBuf>>,
    ) -> Result<(), &'static str> {
        if let Some(ours) = ours(SAME, key) {
            self.keys.push((ours, value.clone()));
        } else if let Some(ours) = ours(PATHS, key) {
            let paths = texts(value)?.into_iter().map(|text| join(base, text));
            self.keys.push((ours, toml::Value::Array(paths.collect())));
        } else if let Some(ours) = ours(PATH, key) {
            self.keys.push((ours, join(base, value.as_str().ok_or("text")?)));
        } else if let Some(ours) = ours(LISTENERS, key) {
            let mut addresses = texts(value)?.into_iter();
            if let Some(first) = addresses.next() {
                self.keys.push((ours, first.into()));
            }
            let more: Vec<_> = addresses.collect();
            if !more.is_empty() {
                self.note(key, &more.join(", "), "there is one listener; use a proxy for more");
            }
        } else if key == "refresh" {
            let seconds = value.as_integer().filter(|seconds| *seconds > 0);
            let seconds = seconds.ok_or("number of seconds")?;
            self.keys.push(("refresh", format!("{seconds}s").into()));
        } else if key == "extra-tals-dir" {
            let directory = base.join(value.as_str().ok_or("text")?);
            match list(&directory) {
                Some(mut files) => {
                    files.retain(|file| file.extension().is_some_and(|end| end == "tal"));
                    files.sort();
                    let files = files.iter().map(|file| file.display().to_string().into());
                    self.keys.push(("tal", toml::Value::Array(files.collect())));
                }
                None => self.note(key, &value.to_string(), "cannot be read; name each with `tal`"),
            }
        } else if let Some((_, same, why)) = WITHOUT.iter().find(|(theirs, _, _)| *theirs == key) {
            if !same.holds(value) {
                self.note(key, &value.to_string(), why);
            }
        } else {
            self.note(key, &value.to_string(), "is no key of Routinator 0.16");
        }
        Ok(())
    }

    fn note(&mut self, key: &str, value: &str, why: &str) {
        // Quotes do no harm here, and escaped ones are hard to read.
        let value = excerpt(value.as_bytes()).replace("\\\"", "\"");
        let shown = format!("{} = {value}", excerpt(key.as_bytes()));
        self.without.push((shown, why.to_owned()));
    }
}

/// Returns a text, or the texts of a list.
fn texts(value: &toml::Value) -> Result<Vec<&str>, &'static str> {
    match value {
        toml::Value::String(text) => Ok(vec![text]),
        toml::Value::Array(list) => {
            list.iter().map(|item| item.as_str().ok_or("list of texts")).collect()
        }
        _ => Err("list of texts"),
    }
}

fn join(base: &Path, text: &str) -> toml::Value {
    base.join(text).display().to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;

    const ROUTINATOR: &str = r#"
repository-dir = "/var/lib/routinator/rpki-cache"
exceptions = ["local.json", "/etc/other.json"]
strict = false
stale = "reject"
unsafe-vrps = "warn"
refresh = 300
rtr-listen = ["192.0.2.13:3323", "[2001:db8::13]:3323"]
http-listen = ["127.0.0.1:8323"]
extra-tals-dir = "tals"
rrdp-root-certs = ["ca.pem"]
rtr-tls-listen = "192.0.2.13:324"
rtr-tls-cert = "rtr.pem"
rtr-tls-key = "rtr.key"
limit-v4-len = 24
max-ca-depth = 16
disable-rsync = true
log = "file"
no-such-key = 1
"#;

    fn import(text: &str) -> Result<Imported, ConfigError> {
        import_routinator(Path::new("/etc/routinator/routinator.conf"), text, &|directory| {
            Some(vec![directory.join("my.tal"), directory.join("readme.txt")])
        })
    }

    #[test]
    fn a_file_of_routinator_becomes_one_of_ours() {
        let imported = import(ROUTINATOR).unwrap();
        let text: String =
            imported.keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let file = ConfigFile::parse(Path::new("/etc/provost/provost.toml"), &text).unwrap();
        let paths = |list: &[PathBuf]| format!("{list:?}");
        assert_eq!(paths(&file.exceptions), r#"["/etc/routinator/local.json", "/etc/other.json"]"#);
        assert_eq!(paths(&file.tal), r#"["/etc/routinator/tals/my.tal"]"#);
        assert_eq!(paths(&file.root_cert), r#"["/etc/routinator/ca.pem"]"#);
        assert_eq!(file.refresh, Some(std::time::Duration::from_secs(300)));
        assert_eq!(file.rtr, Some("192.0.2.13:3323".parse().unwrap()));
        assert_eq!(file.rtr_tls, Some("192.0.2.13:324".parse().unwrap()));
        assert_eq!(file.rtr_tls_cert, Some("/etc/routinator/rtr.pem".into()));
        assert_eq!(file.rtr_tls_key, Some("/etc/routinator/rtr.key".into()));
        assert_eq!((file.max_ca_depth, file.no_rsync), (Some(16), true));
    }

    #[test]
    fn what_has_no_counterpart_is_named_unless_it_is_what_we_do() {
        let without = import(ROUTINATOR).unwrap().without;
        let keys: Vec<_> = without.iter().map(|(shown, _)| shown.as_str()).collect();
        assert_eq!(
            keys,
            [
                "limit-v4-len = 24",
                "log = \"file\"",
                "no-such-key = 1",
                "repository-dir = \"/var/lib/routinator/rpki-cache\"",
                "rtr-listen = [2001:db8::13]:3323",
                "strict = false",
            ]
        );
    }

    /// Every key of the section "Configuration file" of the manual of Routinator 0.16, by its order.
    const MANUAL: &str = "repository-dir no-rir-tals tals extra-tals-dir exceptions strict stale \
        unsafe-vrps unknown-objects limit-v4-len limit-v6-len allow-dubious-hosts disable-rsync \
        rsync-command rsync-args rsync-timeout disable-rrdp rrdp-fallback rrdp-fallback-time \
        rrdp-max-delta-count rrdp-max-delta-list-len rrdp-timeout rrdp-read-timeout \
        rrdp-connect-timeout rrdp-tcp-keepalive rrdp-local-addr rrdp-root-certs rrdp-proxies \
        max-object-size max-ca-depth enable-bgpsec enable-aspa dirty validation-threads log-level \
        log log-file syslog-facility repository-log-level repository-log repository-log-file \
        repository-syslog-facility rtr-listen rtr-tls-listen http-listen http-tls-listen \
        listen-systemd rtr-tcp-keepalive rtr-client-metrics rtr-tls-key rtr-tls-cert http-tls-key \
        http-tls-cert refresh min-refresh retry expire history-size pid-file working-dir chroot \
        user group tal-labels";

    #[test]
    fn every_key_of_the_manual_is_one_of_ours_or_is_named_with_its_reason() {
        // A value that no default has, of a type that each takes.
        let value = |key: &str| match key {
            "refresh" => "1",
            "no-rir-tals" | "disable-rsync" | "disable-rrdp" => "true",
            _ => "\"other\"",
        };
        let keys: Vec<&str> = MANUAL.split_whitespace().collect();
        assert_eq!(keys.len(), 64);
        for key in keys {
            let imported = import(&format!("{key} = {}", value(key))).unwrap();
            match (imported.keys.as_slice(), imported.without.as_slice()) {
                ([_], []) => {}
                ([], [(shown, why)]) => {
                    assert!(shown.starts_with(key) && !why.contains("is no key"), "{key}: {why}");
                }
                other => panic!("{key}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_file_of_routinator_is_an_error() {
        assert_eq!(import("x = [").unwrap_err().line, Some(1));
        for text in ["exceptions = 1", "refresh = 'x'", "rtr-listen = [1]", "extra-tals-dir = 1"] {
            assert!(import(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_key_that_we_make_is_one_of_ours_and_none_is_there_twice() {
        let ours: Vec<_> = ConfigFile::keys().collect();
        let tables = [SAME, PATHS, PATH, LISTENERS];
        for (theirs, key) in tables.into_iter().flatten() {
            assert!(ours.contains(key), "{key}");
            assert!(!WITHOUT.iter().any(|(other, _, _)| other == theirs), "{theirs}");
        }
        let mut names: Vec<_> = WITHOUT.iter().map(|(name, _, _)| name).collect();
        names.sort();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
