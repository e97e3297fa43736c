//! What a process may touch, given up before its first thread: landlock, and no new privileges.

use std::fmt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The newest version of the kernel's interface that is asked for; older kernels give less.
const NEWEST: ABI = ABI::V5;

/// What is read beside what the operator names: programs and their libraries, the resolver's
/// files, TLS roots, the number of processors.
const SYSTEM: &[&str] = &[
    "/bin",
    "/dev/urandom",
    "/etc",
    "/lib",
    "/lib64",
    "/nix/store",
    "/opt",
    "/proc",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/sbin",
    "/sys/fs/cgroup",
    "/usr",
    "/var/lib/ca-certificates",
];

/// The most address space that a worker may have. A full validation of 2026 needs a quarter.
pub const WORKER_ADDRESS_SPACE: u64 = 8 << 30;

/// How many files and sockets a process may have open, where the system lets it.
pub const OPEN_FILES: u64 = 8_192;

/// What a process keeps.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Files and directories that it reads beside those of the system.
    pub read: Vec<PathBuf>,
    /// Directories below which it writes.
    pub write: Vec<PathBuf>,
    /// Whether it opens TCP connections.
    pub connect: Connect,
}

/// Whether a process opens TCP connections.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Connect {
    /// To anybody.
    Anywhere,
    /// Never.
    #[default]
    Nowhere,
}

/// How much of what was asked for the kernel enforces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// All of it.
    Full,
    /// The file system, but not all that newer kernels can do.
    Partial,
    /// Nothing: the kernel has no landlock, or it is switched off.
    None,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Full => "full",
            Level::Partial => "partial",
            Level::None => "none",
        })
    }
}

/// Gives up everything but `allowed`, for this thread and all that it starts.
///
/// Call it before the first thread. Best effort: what the kernel cannot do is left out, and the
/// level says so.
pub fn enter(allowed: &Allowed) -> Level {
    let level = match restrict(allowed) {
        Ok(status) => level(&status),
        Err(error) => {
            tracing::warn!(%error, "no sandbox");
            Level::None
        }
    };
    tracing::info!(%level, "sandbox");
    level
}

/// Tries on a thread of its own, which then ends, how much this kernel enforces.
pub fn probe() -> Level {
    let tried = std::thread::spawn(|| restrict(&Allowed::default()).map(|status| level(&status)));
    tried.join().ok().and_then(Result::ok).unwrap_or(Level::None)
}

fn level(status: &RestrictionStatus) -> Level {
    match status.ruleset {
        RulesetStatus::FullyEnforced => Level::Full,
        RulesetStatus::PartiallyEnforced => Level::Partial,
        RulesetStatus::NotEnforced => Level::None,
    }
}

fn restrict(allowed: &Allowed) -> Result<RestrictionStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?;
    if allowed.connect == Connect::Nowhere {
        rules = rules.handle_access(AccessNet::ConnectTcp)?;
    }
    let mut rules = rules.create()?;
    let read = AccessFs::from_read(NEWEST);
    let variables = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(std::env::var_os);
    let readable = SYSTEM.iter().map(PathBuf::from).chain(variables.map(PathBuf::from));
    for path in readable.chain(std::env::current_exe().ok()).chain(allowed.read.iter().cloned()) {
        rules = allow(rules, &path, read)?;
    }
    rules = allow(rules, Path::new("/dev/null"), read | AccessFs::WriteFile)?;
    for path in &allowed.write {
        rules = allow(rules, path, AccessFs::from_all(NEWEST))?;
    }
    rules.restrict_self()
}

/// Allows `access` below `path`; one that is not there needs no permission.
fn allow(
    rules: landlock::RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, RulesetError> {
    match PathFd::new(path) {
        Ok(opened) => {
            let of_file = AccessFs::from_file(NEWEST);
            let access = if path.is_dir() { access } else { access & of_file };
            rules.add_rule(PathBeneath::new(opened, access))
        }
        Err(_) => Ok(rules),
    }
}

/// Bounds the memory of this process, and lets it open more files where the system permits.
pub fn limit_resources(address_space: Option<u64>) {
    let files = getrlimit(Resource::Nofile);
    let wanted = files.maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if files.current.is_some_and(|now| now < wanted) {
        set(Resource::Nofile, Rlimit { current: Some(wanted), maximum: files.maximum });
    }
    if let Some(bytes) = address_space {
        let old = getrlimit(Resource::As);
        let bytes = old.maximum.map_or(bytes, |most| most.min(bytes));
        set(Resource::As, Rlimit { current: Some(bytes), maximum: Some(bytes) });
    }
}

fn set(resource: Resource, limit: Rlimit) {
    if let Err(error) = setrlimit(resource, limit) {
        tracing::warn!(?resource, %error, "cannot set a limit");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::model::Timestamp;
    use crate::store::{Access, MapChange, Store, StoreError, Success};
    use crate::world::Purpose;

    /// Runs `work` on a pool of threads that were started inside the sandbox.
    fn inside<T: Send + 'static>(
        allowed: Allowed,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        // Landlock is for a thread and those that it starts, so the test's process stays free.
        let thread = std::thread::spawn(move || {
            if enter(&allowed) == Level::None {
                return None;
            }
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            Some(pool.install(work))
        });
        thread.join().unwrap()
    }

    #[test]
    fn c15_l12_a_pool_thread_writes_in_the_data_directory_and_nowhere_else() {
        let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = other.path().join("secret");
        fs::write(&secret, "x").unwrap();
        let allowed = Allowed { write: vec![data.path().to_owned()], ..Allowed::default() };
        let (inner, outer) = (data.path().join("a"), other.path().join("a"));
        let tried = inside(allowed, move || {
            fs::create_dir(inner.with_file_name("b")).unwrap();
            fs::write(&inner, "x").unwrap();
            fs::rename(&inner, inner.with_file_name("c")).unwrap();
            let kind = |result: std::io::Result<()>| result.map_err(|error| error.kind());
            [
                kind(fs::write(&outer, "x")),
                kind(fs::remove_file(&secret)),
                kind(fs::read(&secret).map(drop)),
                kind(std::net::TcpStream::connect("127.0.0.1:9").map(drop)),
            ]
        });
        assert_eq!(tried.is_some(), probe() != Level::None);
        let Some([write, remove, read, connect]) = tried else { return };
        assert_eq!(write, Err(ErrorKind::PermissionDenied));
        assert_eq!(remove, Err(ErrorKind::PermissionDenied));
        assert_eq!(read, Err(ErrorKind::PermissionDenied));
        // Kernels before 6.7 do not know of TCP, and nobody listens there.
        assert!(matches!(connect, Err(ErrorKind::PermissionDenied | ErrorKind::ConnectionRefused)));
        assert!(data.path().join("c").exists());
    }

    #[test]
    fn c15_the_cache_needs_no_file_outside_of_the_data_directory() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("cache.sqlite");
        let allowed = Allowed { write: vec![data.path().to_owned()], ..Allowed::default() };
        let work = move || -> Result<(), StoreError> {
            let store = Store::open(&path, Purpose::Lab, Access::Write)?;
            let id = "https://h/n.xml".parse().unwrap();
            let now = Timestamp(1_000_000);
            let duration = Duration::ZERO;
            let success =
                Success { finished: now, duration, next_attempt: now, bytes: 0, rrdp: None };
            // One statement forgets it all, which SQLite must be able to take back: many pages.
            for names in [0..5_000, 0..0] {
                let attempt = store.begin(&id, now)?;
                let mut staging = store.stage();
                let mut map = std::collections::BTreeMap::new();
                for name in names {
                    let uri = format!("rsync://h/m/{name}.roa").parse().unwrap();
                    map.insert(uri, staging.put(Bytes::from(vec![7; 64]))?);
                }
                staging.commit(&attempt, &MapChange::Replace(map), &success)?;
            }
            store.retain_repositories(&|_| false, 1)?;
            Ok(())
        };
        if let Some(done) = inside(allowed, work) {
            done.unwrap();
        }
    }
}
