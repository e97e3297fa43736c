//! The data directory and the names of what lies in it.

use std::path::{Path, PathBuf};

/// The data directory; everything that Provost keeps lies below it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Takes a directory; nothing is read or made.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        DataDir(path.into())
    }

    /// Returns the directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the cache: objects, repository maps, last good states. May be deleted.
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache.sqlite")
    }

    /// Returns the directory of the published worlds.
    pub fn world(&self) -> PathBuf {
        self.0.join("world")
    }

    /// Returns the directory of the TALs with which the cache was validated last.
    pub fn tals(&self) -> PathBuf {
        self.0.join("tals")
    }

    /// Returns the directory of the server's own state.
    pub fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// Returns the file in which the server keeps the last good local exceptions.
    pub fn saved_exceptions(&self) -> PathBuf {
        self.state().join("exceptions")
    }

    /// Returns the file with session, serial and recent changes of the RTR server.
    pub fn rtr_state(&self) -> PathBuf {
        self.state().join("rtr")
    }
}

/// Returns the data directory that is used where none is named.
///
/// `$STATE_DIRECTORY` (set by systemd), else `/var/lib/provost` where it exists, else
/// `$XDG_DATA_HOME/provost`, else `~/.local/share/provost`, else `provost-data` here.
pub fn default_data_dir(env: &dyn Fn(&str) -> Option<String>) -> DataDir {
    let system = Path::new("/var/lib/provost");
    let path = if let Some(dir) = absolute(env("STATE_DIRECTORY")) {
        dir
    } else if system.is_dir() {
        system.to_owned()
    } else if let Some(dir) = absolute(env("XDG_DATA_HOME")) {
        dir.join("provost")
    } else if let Some(home) = absolute(env("HOME")) {
        home.join(".local/share/provost")
    } else {
        PathBuf::from("provost-data")
    };
    DataDir::new(path)
}

/// Returns the configuration file that is read if it exists and none is named.
///
/// `$XDG_CONFIG_HOME/provost/provost.toml`, `~/.config/provost/provost.toml`, or
/// `/etc/provost/provost.toml`: the first that exists.
pub fn default_config_file(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let user = absolute(env("XDG_CONFIG_HOME"))
        .or_else(|| absolute(env("HOME")).map(|home| home.join(".config")));
    user.into_iter()
        .map(|dir| dir.join("provost/provost.toml"))
        .chain([PathBuf::from("/etc/provost/provost.toml")])
        .find(|path| path.is_file())
}

/// The XDG specification ignores relative paths; so do we.
fn absolute(value: Option<String>) -> Option<PathBuf> {
    value.map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_manager_comes_before_the_home_directory() {
        let env = |name: &str| match name {
            "STATE_DIRECTORY" => Some("/state/provost".to_owned()),
            "HOME" => Some("/home/u".to_owned()),
            _ => None,
        };
        assert_eq!(default_data_dir(&env), DataDir::new("/state/provost"));
    }

    #[test]
    fn a_relative_xdg_path_is_ignored() {
        if Path::new("/var/lib/provost").is_dir() {
            return; // The system directory wins on this machine.
        }
        let env = |name: &str| match name {
            "XDG_DATA_HOME" => Some("data".to_owned()),
            "HOME" => Some("/home/u".to_owned()),
            _ => None,
        };
        assert_eq!(default_data_dir(&env), DataDir::new("/home/u/.local/share/provost"));
    }
}
