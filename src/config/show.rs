//! What is in force: each key with its value, and who said so.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::settings::DEFAULT_RTR;
use super::{ConfigFile, Settings};

/// Who gave a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// Nobody.
    Default,
    /// A line of the configuration file.
    File(PathBuf, usize),
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path, line) => write!(f, "{}:{line}", path.display()),
            Source::Flag(name) => write!(f, "--{name}"),
            Source::Environment(name) => write!(f, "${name}"),
        }
    }
}

/// A key with the value that is in force, as TOML.
#[derive(Clone, Debug, PartialEq)]
pub struct InForce {
    /// The key.
    pub key: &'static str,
    /// The value.
    pub value: toml::Value,
    /// Who gave it.
    pub source: Source,
}

/// How a key's value is read from the settings.
type Reader = fn(&Settings) -> toml::Value;

/// Every key of the file, and its value in force.
const KEYS: &[(&str, Reader)] = &[
    ("data-dir", |settings| path(settings.data.path())),
    ("tal", |settings| paths(&settings.tals)),
    ("no-rir-tals", |settings| (!settings.rir_tals).into()),
    ("no-rrdp", |settings| (!settings.rrdp).into()),
    ("no-rsync", |settings| (!settings.rsync).into()),
    ("rrdp-fallback", |settings| settings.rrdp_fallback.as_str().into()),
    ("no-proxy", |settings| texts(&settings.no_proxy)),
    ("root-cert", |settings| paths(&settings.root_certs)),
    ("allow-local-addresses", |settings| settings.allow_local_addresses.into()),
    ("refresh", |settings| duration(settings.refresh)),
    ("transfer-limit", |settings| size(settings.disk.transfers)),
    ("cache-limit", |settings| size(settings.disk.cache)),
    ("disk-reserve", |settings| size(settings.disk.reserve)),
    ("unsafe-vrps", |settings| settings.unsafe_vrps.as_str().into()),
    ("max-ca-depth", |settings| number(settings.max_ca_depth)),
    ("exceptions", |settings| paths(&settings.exceptions)),
    ("routinator-metrics", |settings| settings.routinator_metrics.into()),
    ("http", |settings| settings.http.to_string().into()),
    ("http-name", |settings| texts(&settings.http_names)),
    ("max-age", |settings| duration(settings.max_age)),
    ("rtr", |settings| settings.rtr.unwrap_or(DEFAULT_RTR).to_string().into()),
    ("no-rtr", |settings| settings.rtr.is_none().into()),
    ("rtr-max-age", |settings| duration(settings.rtr_max_age)),
    ("rtr-loss", |settings| settings.rtr_loss.as_str().into()),
];

/// The same of a key that may have none.
type OptionalReader = fn(&Settings) -> Option<toml::Value>;

/// Keys that have no value unless somebody gives one; then they are shown, too.
const OPTIONAL: &[(&str, OptionalReader)] = &[
    ("proxy", |settings| Some(settings.proxy.clone()?.into())),
    ("rtr-tls", |settings| Some(settings.rtr_tls?.to_string().into())),
    ("rtr-tls-cert", |settings| settings.rtr_tls_cert.as_deref().map(path)),
    ("rtr-tls-key", |settings| settings.rtr_tls_key.as_deref().map(path)),
    ("rtr-tls-client-ca", |settings| settings.rtr_tls_client_ca.as_deref().map(path)),
];

fn path(path: &Path) -> toml::Value {
    path.display().to_string().into()
}

fn paths(list: &[PathBuf]) -> toml::Value {
    toml::Value::Array(list.iter().map(|item| path(item)).collect())
}

fn texts(list: &[String]) -> toml::Value {
    toml::Value::Array(list.iter().map(|item| item.as_str().into()).collect())
}

fn duration(duration: Duration) -> toml::Value {
    format!("{}s", duration.as_secs()).into()
}

/// Writes a size as the file has it: every one is a multiple of the smallest unit.
fn size(bytes: u64) -> toml::Value {
    format!("{}k", bytes / 1_000).into()
}

fn number(number: usize) -> toml::Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

/// Returns every key in force; `file` is the configuration file and its text, `data_dir` who gave
/// the data directory unless the file did.
pub fn in_force(
    settings: &Settings,
    file: Option<(&Path, &str)>,
    data_dir: &Source,
) -> Vec<InForce> {
    let lines = file.map(|(_, text)| key_lines(text)).unwrap_or_default();
    let source = |key: &str| match (key, data_dir, file, lines.get(key)) {
        ("data-dir", Source::Flag(_) | Source::Environment("PROVOST_DATA_DIR"), _, _) => {
            data_dir.clone()
        }
        (_, _, Some((path, _)), Some(line)) => Source::File(path.to_owned(), *line),
        ("data-dir", _, _, None) => data_dir.clone(),
        _ => Source::Default,
    };
    let always = KEYS.iter().map(|(key, value)| (*key, value(settings)));
    let given = OPTIONAL.iter().filter_map(|(key, value)| Some((*key, value(settings)?)));
    let all = always.chain(given);
    all.map(|(key, value)| InForce { key, value, source: source(key) }).collect()
}

/// Returns the line of each key of a file that could be read.
fn key_lines(text: &str) -> BTreeMap<String, usize> {
    let Ok(table) = toml::de::DeTable::parse(text) else { return BTreeMap::new() };
    let keys = table.get_ref().keys();
    keys.map(|key| (key.get_ref().to_string(), super::file::line_of(text, key.span().start)))
        .collect()
}

impl ConfigFile {
    /// Returns every key that a file may have, in the order of its documentation.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        KEYS.iter().map(|(key, _)| *key).chain(OPTIONAL.iter().map(|(key, _)| *key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::DataDir;

    const FILE: &str = "# ours\nno-rsync = true\nmax-age = '90m'\n\nexceptions = [\n  'x.json',\n]\n\
         rtr-tls = '[::1]:324'\nrtr-tls-cert = 'rtr.pem'\n";

    fn settings(text: &str) -> Settings {
        let file = ConfigFile::parse(Path::new("/etc/p.toml"), text).unwrap();
        Settings::new(file, ConfigFile::default(), || DataDir::new("/data"))
    }

    fn shown(text: &str, data_dir: &Source) -> Vec<InForce> {
        in_force(&settings(text), Some((Path::new("/etc/p.toml"), text)), data_dir)
    }

    #[test]
    fn every_value_says_who_gave_it() {
        let all = shown(FILE, &Source::Environment("STATE_DIRECTORY"));
        let source = |key: &str| {
            let found = all.iter().find(|item| item.key == key).unwrap();
            format!("{} {}", found.value, found.source)
        };
        assert_eq!(source("no-rsync"), "true /etc/p.toml:2");
        assert_eq!(source("max-age"), "\"5400s\" /etc/p.toml:3");
        assert_eq!(source("exceptions"), "[\"/etc/x.json\"] /etc/p.toml:5");
        assert_eq!(source("rtr-tls-cert"), "\"/etc/rtr.pem\" /etc/p.toml:9");
        assert!(all.iter().all(|item| item.key != "rtr-tls-key"), "it has no value");
        assert_eq!(source("no-rrdp"), "false default");
        assert_eq!(source("data-dir"), "\"/data\" $STATE_DIRECTORY");
        let all = shown("data-dir = '/srv'", &Source::Default);
        assert_eq!(all[0].source, Source::File("/etc/p.toml".into(), 1));
        let all = shown("data-dir = '/srv'", &Source::Flag("data-dir"));
        assert_eq!(all[0].source.to_string(), "--data-dir");
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        let text: String = shown(FILE, &Source::Default)
            .iter()
            .map(|item| format!("{} = {}\n", item.key, item.value))
            .collect();
        assert_eq!(settings(&text), Settings { data: DataDir::new("/data"), ..settings(FILE) });
    }

    #[test]
    fn every_key_of_the_file_is_shown_and_documented() {
        // The reader itself says which keys there are.
        let error = ConfigFile::parse(Path::new("x"), "no-such-key = 1").unwrap_err();
        let expected = error.message.split_once("expected one of").unwrap().1;
        let known: BTreeSet<&str> = expected.split('`').skip(1).step_by(2).collect();
        assert_eq!(ConfigFile::keys().collect::<BTreeSet<_>>(), known);
        let page = include_str!("../../docs/configuration.md");
        for key in known {
            assert!(page.contains(&format!("`{key}`")), "docs/configuration.md lacks {key}");
        }
    }
}
