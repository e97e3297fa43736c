//! The configuration file: TOML whose keys are the names of the flags.

use std::fmt;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::parse_duration;
use crate::rtr::LossPolicy;
use crate::validate::UnsafeVrps;

/// The permission of everybody to write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// What the configuration file may say; every key is optional.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConfigFile {
    /// Where Provost keeps everything.
    pub data_dir: Option<PathBuf>,
    /// TAL files to use in addition to the built-in ones.
    pub tal: Vec<PathBuf>,
    /// Do not use the five RIR trust anchors.
    pub no_rir_tals: bool,
    /// Do not use RRDP.
    pub no_rrdp: bool,
    /// Do not use rsync.
    pub no_rsync: bool,
    /// PEM files with more TLS roots for HTTPS.
    pub root_cert: Vec<PathBuf>,
    /// Loopback and private addresses may be contacted.
    pub allow_local_addresses: bool,
    /// The address of the HTTP listener.
    pub http: Option<SocketAddr>,
    /// When data count as stale.
    #[serde(deserialize_with = "duration")]
    pub max_age: Option<Duration>,
    /// The address of the listener for routers.
    pub rtr: Option<SocketAddr>,
    /// Serve no routers over bare TCP.
    pub no_rtr: bool,
    /// The address of the listener for routers that speak TLS.
    pub rtr_tls: Option<SocketAddr>,
    /// The PEM file with the certificate that they are shown.
    pub rtr_tls_cert: Option<PathBuf>,
    /// The PEM file with its key.
    pub rtr_tls_key: Option<PathBuf>,
    /// The PEM file with the roots of the routers' own certificates.
    pub rtr_tls_client_ca: Option<PathBuf>,
    /// From which age of the data on routers get none.
    #[serde(deserialize_with = "duration")]
    pub rtr_max_age: Option<Duration>,
    /// What to do about a sudden mass loss of VRPs.
    #[serde(deserialize_with = "loss_policy")]
    pub rtr_loss: Option<LossPolicy>,
    /// How often a repository is asked for changes.
    #[serde(deserialize_with = "duration")]
    pub refresh: Option<Duration>,
    /// What becomes of VRPs that overlap the resources of a CA without valid data.
    pub unsafe_vrps: Option<UnsafeVrps>,
    /// The deepest CA below a trust anchor that is followed.
    pub max_ca_depth: Option<usize>,
    /// SLURM files with local exceptions.
    pub exceptions: Vec<PathBuf>,
    /// Show metrics under Routinator's names, too.
    pub routinator_metrics: bool,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
}

fn loss_policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LossPolicy>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

impl ConfigFile {
    /// Reads a configuration from the text of the file at `path`, which only names it in errors.
    ///
    /// Relative paths in it are taken from the file's directory.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut file: ConfigFile = toml::from_str(text).map_err(|error| ConfigError {
            file: path.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            message: error.message().to_owned(),
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        let lists = file.tal.iter_mut().chain(&mut file.root_cert).chain(&mut file.exceptions);
        let tls = [&mut file.rtr_tls_cert, &mut file.rtr_tls_key, &mut file.rtr_tls_client_ca];
        let paths = lists.chain(&mut file.data_dir).chain(tls.into_iter().flatten());
        for path in paths {
            *path = base.join(&path);
        }
        Ok(file)
    }

    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        ConfigFile::parse(path, &ConfigFile::text(path)?)
    }

    /// Returns the text of the file at `path`, which nobody but its owner and group may change.
    pub fn text(path: &Path) -> Result<String, ConfigError> {
        let wrong = |message| ConfigError { file: path.to_owned(), line: None, message };
        let read = || {
            let mode = std::fs::metadata(path)?.permissions().mode();
            Ok((mode, std::fs::read_to_string(path)?))
        };
        let (mode, text) = read().map_err(|error: std::io::Error| wrong(error.to_string()))?;
        if mode & WRITABLE_BY_ALL != 0 {
            return Err(wrong("anybody may change it: `chmod o-w` it first".to_owned()));
        }
        Ok(text)
    }
}

pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// A configuration file that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from one, where that is known.
    pub line: Option<usize>,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, ConfigError> {
        ConfigFile::parse(Path::new("/etc/provost/provost.toml"), text)
    }

    #[test]
    fn reads_every_key() {
        let file = parse(
            "data-dir = '/srv/provost'\ntal = ['my.tal']\nno-rir-tals = true\nno-rrdp = false\n\
             no-rsync = true\nroot-cert = ['/etc/root.pem']\nallow-local-addresses = false\n\
             http = '127.0.0.1:8323'\nmax-age = '2h'\nrefresh = '10m'\n\
             rtr = '[::]:3323'\nno-rtr = true\nrtr-max-age = '3h'\nrtr-loss = 'hold'\n\
             rtr-tls = '[::]:324'\nrtr-tls-cert = 'a.pem'\nrtr-tls-key = 'b.pem'\n\
             rtr-tls-client-ca = 'c.pem'\n\
             unsafe-vrps = 'warn'\nmax-ca-depth = 12\nexceptions = ['x.json']\n\
             routinator-metrics = true\n",
        )
        .unwrap();
        assert_eq!(file.data_dir, Some(PathBuf::from("/srv/provost")));
        assert_eq!(file.tal, [PathBuf::from("/etc/provost/my.tal")]);
        assert_eq!(file.max_age, Some(Duration::from_secs(7200)));
        assert_eq!((file.rtr, file.no_rtr), (Some("[::]:3323".parse().unwrap()), true));
        assert_eq!(file.rtr_max_age, Some(Duration::from_secs(3 * 3600)));
        assert_eq!(file.rtr_loss, Some(LossPolicy::Hold));
        assert_eq!(file.rtr_tls, Some("[::]:324".parse().unwrap()));
        let pem = |name: &str| Some(PathBuf::from(format!("/etc/provost/{name}.pem")));
        assert_eq!((&file.rtr_tls_cert, &file.rtr_tls_key), (&pem("a"), &pem("b")));
        assert_eq!(file.rtr_tls_client_ca, pem("c"));
        assert_eq!(file.unsafe_vrps, Some(UnsafeVrps::Warn));
        assert_eq!((file.max_ca_depth, file.routinator_metrics), (Some(12), true));
        assert_eq!(file.exceptions, [PathBuf::from("/etc/provost/x.json")]);
    }

    #[test]
    fn k08_a_file_that_anybody_may_change_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("provost.toml");
        std::fs::write(&path, "no-rrdp = true\n").unwrap();
        let read_with = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            ConfigFile::read(&path)
        };
        assert!(read_with(0o664).unwrap().no_rrdp);
        let error = read_with(0o666).unwrap_err();
        assert!(error.to_string().contains("chmod o-w"), "{error}");
    }

    #[test]
    fn k07_an_unknown_key_is_refused_with_its_line() {
        let error = parse("no-rrdp = true\nno-rsnyc = true\n").unwrap_err();
        assert_eq!(error.line, Some(2));
        let text = error.to_string();
        assert!(
            text.starts_with("/etc/provost/provost.toml:2: unknown field `no-rsnyc`"),
            "{text}"
        );
    }

    #[test]
    fn k07_wrong_types_and_bad_durations_are_refused_with_their_line() {
        for text in [
            "\nno-rrdp = 'yes'",
            "\nmax-age = '-2h'",
            "\nmax-age = 7200",
            "\nhttp = 'x'",
            "\nunsafe-vrps = 'maybe'",
            "\nrtr-loss = 'panic'",
        ] {
            assert_eq!(parse(text).unwrap_err().line, Some(2), "{text}");
        }
    }
}
