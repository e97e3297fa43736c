//! The settings in force: defaults, then the configuration file, then flags.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::{ConfigFile, DataDir, recorded_tals};
use crate::rtr::LossPolicy;
use crate::validate::{Policy, UnsafeVrps};

/// When data count as stale, unless told otherwise.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(2 * 3_600);

/// How often a repository is asked for changes, unless told otherwise; Routinator's interval.
pub const DEFAULT_REFRESH: Duration = Duration::from_secs(600);

/// The port of the HTTP listener, as Routinator's users know it.
pub const DEFAULT_HTTP: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8323);

/// The port of the listener for routers, as Routinator's users know it.
pub const DEFAULT_RTR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 3323);

/// From which age of the data on routers get none, unless told otherwise: with the two hours for
/// which they keep what they have, data are used for four hours.
pub const DEFAULT_RTR_MAX_AGE: Duration = Duration::from_secs(2 * 3_600);

/// Everything that was chosen, with every default filled in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where everything is kept.
    pub data: DataDir,
    /// TAL files.
    pub tals: Vec<PathBuf>,
    /// Whether the five built-in trust anchors are used.
    pub rir_tals: bool,
    /// Whether RRDP is used.
    pub rrdp: bool,
    /// Whether rsync is used.
    pub rsync: bool,
    /// PEM files with more TLS roots.
    pub root_certs: Vec<PathBuf>,
    /// Whether loopback and private addresses may be contacted.
    pub allow_local_addresses: bool,
    /// The address of the HTTP listener.
    pub http: SocketAddr,
    /// The address of the listener for routers over bare TCP; `None` has none.
    pub rtr: Option<SocketAddr>,
    /// The address of the listener for routers that speak TLS.
    pub rtr_tls: Option<SocketAddr>,
    /// The PEM file with the certificate that they are shown.
    pub rtr_tls_cert: Option<PathBuf>,
    /// The PEM file with its key.
    pub rtr_tls_key: Option<PathBuf>,
    /// The PEM file with the roots of the routers' own certificates.
    pub rtr_tls_client_ca: Option<PathBuf>,
    /// From which age of the data on routers get none.
    pub rtr_max_age: Duration,
    /// What to do about a sudden mass loss of VRPs.
    pub rtr_loss: LossPolicy,
    /// When data count as stale.
    pub max_age: Duration,
    /// How often a repository is asked for changes.
    pub refresh: Duration,
    /// What becomes of VRPs that overlap the resources of a CA without valid data.
    pub unsafe_vrps: UnsafeVrps,
    /// The deepest CA below a trust anchor that is followed.
    pub max_ca_depth: usize,
    /// SLURM files with local exceptions.
    pub exceptions: Vec<PathBuf>,
    /// Whether metrics have Routinator's names, too.
    pub routinator_metrics: bool,
}

impl Settings {
    /// Lets `flags` override `file`, and fills in the defaults.
    ///
    /// Lists in `flags` replace those of the file; a switch counts when either has it.
    pub fn new(
        file: ConfigFile,
        flags: ConfigFile,
        default_data: impl FnOnce() -> DataDir,
    ) -> Self {
        let list = |flag: Vec<PathBuf>, file| if flag.is_empty() { file } else { flag };
        Settings {
            data: flags.data_dir.or(file.data_dir).map_or_else(default_data, DataDir::new),
            tals: list(flags.tal, file.tal),
            rir_tals: !(flags.no_rir_tals || file.no_rir_tals),
            rrdp: !(flags.no_rrdp || file.no_rrdp),
            rsync: !(flags.no_rsync || file.no_rsync),
            root_certs: list(flags.root_cert, file.root_cert),
            allow_local_addresses: flags.allow_local_addresses || file.allow_local_addresses,
            http: flags.http.or(file.http).unwrap_or(DEFAULT_HTTP),
            rtr: if flags.no_rtr || (file.no_rtr && flags.rtr.is_none()) {
                None
            } else {
                Some(flags.rtr.or(file.rtr).unwrap_or(DEFAULT_RTR))
            },
            rtr_tls: flags.rtr_tls.or(file.rtr_tls),
            rtr_tls_cert: flags.rtr_tls_cert.or(file.rtr_tls_cert),
            rtr_tls_key: flags.rtr_tls_key.or(file.rtr_tls_key),
            rtr_tls_client_ca: flags.rtr_tls_client_ca.or(file.rtr_tls_client_ca),
            rtr_max_age: flags.rtr_max_age.or(file.rtr_max_age).unwrap_or(DEFAULT_RTR_MAX_AGE),
            rtr_loss: flags.rtr_loss.or(file.rtr_loss).unwrap_or_default(),
            max_age: flags.max_age.or(file.max_age).unwrap_or(DEFAULT_MAX_AGE),
            refresh: flags.refresh.or(file.refresh).unwrap_or(DEFAULT_REFRESH),
            unsafe_vrps: flags.unsafe_vrps.or(file.unsafe_vrps).unwrap_or_default(),
            max_ca_depth: flags
                .max_ca_depth
                .or(file.max_ca_depth)
                .unwrap_or_else(|| Policy::default().max_depth),
            exceptions: list(flags.exceptions, file.exceptions),
            routinator_metrics: flags.routinator_metrics || file.routinator_metrics,
        }
    }

    /// Takes the trust anchors with which the cache was validated last, where that is known.
    pub fn with_recorded_tals(self) -> Self {
        let tals = recorded_tals(&self.data);
        if tals.is_empty() { self } else { Settings { tals, rir_tals: false, ..self } }
    }

    /// Returns the flags with which a worker process gets these settings.
    pub fn worker_flags(&self) -> Vec<OsString> {
        let mut flags: Vec<OsString> = vec!["--data-dir".into(), self.data.path().into()];
        for path in &self.tals {
            flags.extend(["--tal".into(), path.into()]);
        }
        for path in &self.root_certs {
            flags.extend(["--root-cert".into(), path.into()]);
        }
        let switches = [
            (!self.rir_tals, "--no-rir-tals"),
            (!self.rrdp, "--no-rrdp"),
            (!self.rsync, "--no-rsync"),
            (self.allow_local_addresses, "--allow-local-addresses"),
        ];
        flags.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.into()));
        flags.extend(["--refresh".into(), format!("{}s", self.refresh.as_secs()).into()]);
        flags.extend(["--unsafe-vrps".into(), self.unsafe_vrps.as_str().into()]);
        flags.extend(["--max-ca-depth".into(), self.max_ca_depth.to_string().into()]);
        flags
    }

    /// Returns the flags with which a server process gets these settings.
    pub fn server_flags(&self) -> Vec<OsString> {
        let seconds = |duration: Duration| format!("{}s", duration.as_secs()).into();
        let mut flags = vec![
            "--data-dir".into(),
            self.data.path().into(),
            "--max-age".into(),
            seconds(self.max_age),
            "--rtr-max-age".into(),
            seconds(self.rtr_max_age),
            "--rtr-loss".into(),
            self.rtr_loss.as_str().into(),
        ];
        if self.routinator_metrics {
            flags.push("--routinator-metrics".into());
        }
        for path in &self.exceptions {
            flags.extend(["--exceptions".into(), path.into()]);
        }
        for (flag, path) in [
            ("--rtr-tls-cert", &self.rtr_tls_cert),
            ("--rtr-tls-key", &self.rtr_tls_key),
            ("--rtr-tls-client-ca", &self.rtr_tls_client_ca),
        ] {
            if let Some(path) = path {
                flags.extend([flag.into(), path.into()]);
            }
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_override_the_file_and_the_file_the_defaults() {
        let file = ConfigFile {
            tal: vec!["file.tal".into()],
            no_rsync: true,
            max_age: Some(Duration::from_secs(60)),
            ..ConfigFile::default()
        };
        let flags = ConfigFile {
            data_dir: Some("/flag".into()),
            no_rrdp: true,
            refresh: Some(Duration::from_secs(5)),
            unsafe_vrps: Some(UnsafeVrps::Reject),
            ..ConfigFile::default()
        };
        let settings = Settings::new(file, flags, || DataDir::new("/default"));
        assert_eq!(settings.data, DataDir::new("/flag"));
        assert_eq!(settings.tals, [PathBuf::from("file.tal")]);
        assert_eq!((settings.rrdp, settings.rsync), (false, false));
        assert_eq!(settings.max_age, Duration::from_secs(60));
        assert_eq!(settings.refresh, Duration::from_secs(5));
        assert_eq!(settings.http, DEFAULT_HTTP);
        assert_eq!((settings.unsafe_vrps, settings.max_ca_depth), (UnsafeVrps::Reject, 32));
        let flags = settings.worker_flags();
        let position = flags.iter().position(|flag| flag == "--unsafe-vrps").unwrap();
        assert_eq!(flags[position + 1], "reject");
    }
}
