//! The trust anchor locators in force: the built-in ones and those from files.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::{DataDir, Settings};
use crate::object::{Tal, TalError, rir_tals};
use crate::validate::{Constraints, ConstraintsError};

/// The longest TAL file that is read, in bytes; real ones have about 600.
const MAX_TAL_FILE: u64 = 64 * 1024;

/// How many TALs are read from a directory; there are five, and a few for tests.
const MAX_RECORDED: usize = 1_000;

/// The longest constraints file that is read, in bytes; those of rpki-client have up to 20 KB.
const MAX_CONSTRAINTS_FILE: u64 = 4 * 1024 * 1024;

/// A TAL file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TalFileError {
    /// The file cannot be read.
    #[error("cannot read the TAL {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no TAL.
    #[error("{path} is no trust anchor locator: {source}", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TalError,
    },
    /// The file is far larger than any TAL.
    #[error("{path} is larger than {MAX_TAL_FILE} bytes, so it is no trust anchor locator", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Two TALs have the same name.
    #[error("two trust anchors are named {name}")]
    Twice {
        /// The name.
        name: String,
    },
    /// A constraints file beside a TAL cannot be used.
    #[error("{path}: {source}", path = path.display())]
    Constraints {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ConstraintsError,
    },
    /// There is no TAL at all.
    #[error("there is no trust anchor: --no-rir-tals without --tal")]
    None,
}

/// Loads the trust anchor locators, sorted by name; one from a file is named after the file, without
/// `.tal`.
///
/// Sorted, so that the same trust anchors named in another order are the same to what was found.
pub fn load_tals(settings: &Settings) -> Result<Vec<Tal>, TalFileError> {
    let mut tals = if settings.rir_tals { rir_tals() } else { Vec::new() };
    for path in &settings.tals {
        let read = |source| TalFileError::Read { path: path.clone(), source };
        if std::fs::metadata(path).map_err(read)?.len() > MAX_TAL_FILE {
            return Err(TalFileError::TooLarge { path: path.clone() });
        }
        let bytes = std::fs::read(path).map_err(read)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let tal = Tal::parse(&name, &bytes)
            .map_err(|source| TalFileError::Parse { path: path.clone(), source })?;
        if tals.iter().any(|other| other.name == tal.name) {
            return Err(TalFileError::Twice { name: tal.name });
        }
        tals.push(tal);
    }
    tals.sort_by(|a, b| a.name.cmp(&b.name));
    if tals.is_empty() { Err(TalFileError::None) } else { Ok(tals) }
}

/// Keeps the locators with which a cache is validated beside it, with their constraints, so that
/// others can judge it again under the same trust anchors.
pub fn record_tals(settings: &Settings, tals: &[Tal]) -> std::io::Result<()> {
    let dir = settings.data.tals();
    std::fs::create_dir_all(&dir)?;
    let mut wanted = BTreeMap::new();
    for tal in tals {
        wanted.insert(dir.join(format!("{}.tal", tal.name)), tal.to_string());
    }
    for tal in &settings.tals {
        match std::fs::read_to_string(tal.with_extension("constraints")) {
            Ok(text) => {
                let name = tal.file_stem().unwrap_or_default();
                wanted.insert(dir.join(name).with_extension("constraints"), text);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for entry in std::fs::read_dir(&dir)? {
        let path = entry?.path();
        if !wanted.contains_key(&path) {
            std::fs::remove_file(path)?;
        }
    }
    for (path, text) in wanted {
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            std::fs::write(path, text)?;
        }
    }
    Ok(())
}

/// Returns the TAL files with which the cache was validated last, sorted by name.
pub fn recorded_tals(data: &DataDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data.tals()).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).take(MAX_RECORDED).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "tal"));
    paths.sort();
    paths
}

/// Loads the constraints files, `NAME.constraints` beside each `NAME.tal` that has one.
pub fn load_constraints(
    settings: &Settings,
) -> Result<BTreeMap<String, Constraints>, TalFileError> {
    let mut constraints = BTreeMap::new();
    for tal in &settings.tals {
        let path = tal.with_extension("constraints");
        let read = |source| TalFileError::Read { path: path.clone(), source };
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(read(error)),
            Ok(metadata) if metadata.len() > MAX_CONSTRAINTS_FILE => {
                return Err(TalFileError::TooLarge { path });
            }
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(&path).map_err(read)?;
        let parsed = Constraints::parse(&text)
            .map_err(|source| TalFileError::Constraints { path: path.clone(), source })?;
        let name = tal.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        constraints.insert(name, parsed);
    }
    Ok(constraints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, DataDir};

    #[test]
    fn what_was_recorded_has_the_same_locators_and_constraints() {
        let directory = tempfile::tempdir().unwrap();
        let tal = directory.path().join("lab.tal");
        std::fs::write(&tal, rir_tals().remove(0).to_string()).unwrap();
        std::fs::write(tal.with_extension("constraints"), "allow 192.0.2.0/24\n").unwrap();
        let file = ConfigFile { tal: vec![tal], no_rir_tals: true, ..ConfigFile::default() };
        let data = DataDir::new(directory.path().join("data"));
        std::fs::create_dir_all(data.tals()).unwrap();
        std::fs::write(data.tals().join("old.tal"), "of an earlier run").unwrap();
        let settings = Settings::new(file, ConfigFile::default(), || data);
        record_tals(&settings, &load_tals(&settings).unwrap()).unwrap();
        let recorded = settings.clone().with_recorded_tals();
        assert_eq!(load_tals(&recorded).unwrap(), load_tals(&settings).unwrap());
        assert_eq!(load_constraints(&recorded).unwrap(), load_constraints(&settings).unwrap());
        assert_eq!(load_constraints(&recorded).unwrap().len(), 1);
    }

    #[test]
    fn constraints_stand_beside_the_locator_and_must_be_readable() {
        let directory = tempfile::tempdir().unwrap();
        let tal = directory.path().join("lab.tal");
        let file = ConfigFile { tal: vec![tal], ..ConfigFile::default() };
        let settings = Settings::new(file, ConfigFile::default(), || DataDir::new("/none"));
        assert!(load_constraints(&settings).unwrap().is_empty());
        let path = directory.path().join("lab.constraints");
        std::fs::write(&path, "deny 10.0.0.0/8\n").unwrap();
        let constraints = load_constraints(&settings).unwrap();
        assert_eq!(constraints["lab"], Constraints::parse("deny 10.0.0.0/8").unwrap());
        std::fs::write(&path, "\ndeny everything\n").unwrap();
        let error = load_constraints(&settings).unwrap_err().to_string();
        assert!(error.contains("lab.constraints: line 2:"), "{error}");
    }
}
