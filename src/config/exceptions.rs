//! Loading the files of local exceptions.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::payload::limits::{MAX_SLURM_BYTES, MAX_SLURM_FILES};
use crate::payload::{Exceptions, SlurmConflict, SlurmFile};

/// Reads SLURM files and joins them: all of them, or none.
pub fn load_exceptions(paths: &[PathBuf]) -> Result<Exceptions, ExceptionsError> {
    read_exception_files(paths).and_then(|files| parse_exceptions(&files))
}

/// Reads the bytes of each file, bounded.
pub(crate) fn read_exception_files(
    paths: &[PathBuf],
) -> Result<Vec<(PathBuf, Vec<u8>)>, ExceptionsError> {
    if paths.len() > MAX_SLURM_FILES {
        let message = format!("more than {MAX_SLURM_FILES} files of local exceptions");
        return Err(ExceptionsError { file: None, line: None, message });
    }
    let read = |path: &PathBuf| match read(path) {
        Ok(bytes) => Ok((path.clone(), bytes)),
        Err(error) => Err(ExceptionsError::of(path, None, error.to_string())),
    };
    paths.iter().map(read).collect()
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    // One more than is allowed, so that the reader sees that there are too many.
    let limit = u64::try_from(MAX_SLURM_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Joins files that were read.
pub(crate) fn parse_exceptions(
    files: &[(PathBuf, Vec<u8>)],
) -> Result<Exceptions, ExceptionsError> {
    let parse = |(path, bytes): &(PathBuf, Vec<u8>)| match SlurmFile::parse(bytes) {
        Ok(file) => Ok((path.display().to_string(), file)),
        Err(error) => Err(ExceptionsError::of(path, error.line, error.message)),
    };
    Ok(Exceptions::new(files.iter().map(parse).collect::<Result<_, _>>()?)?)
}

/// Files of local exceptions that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExceptionsError {
    /// The file, unless several are at odds.
    pub file: Option<PathBuf>,
    /// The line, counted from one, where that is known.
    pub line: Option<u32>,
    /// What is wrong, log-safe.
    pub message: String,
}

impl ExceptionsError {
    fn of(path: &Path, line: Option<u32>, message: String) -> Self {
        ExceptionsError { file: Some(path.to_owned()), line, message }
    }
}

impl From<SlurmConflict> for ExceptionsError {
    fn from(conflict: SlurmConflict) -> Self {
        ExceptionsError { file: None, line: None, message: conflict.to_string() }
    }
}

impl fmt::Display for ExceptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            write!(f, " ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExceptionsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_file_and_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        let missing = load_exceptions(std::slice::from_ref(&path)).unwrap_err();
        assert!(missing.to_string().contains("x.json: No such file"), "{missing}");
        std::fs::write(&path, "{\n\"slurmVersion\": 7 }").unwrap();
        let broken = load_exceptions(std::slice::from_ref(&path)).unwrap_err();
        assert!(broken.to_string().ends_with("x.json:2: slurmVersion is 1 or 2"), "{broken}");
        assert!(load_exceptions(&vec![path; MAX_SLURM_FILES + 1]).is_err());
        assert!(load_exceptions(&[]).unwrap().is_empty());
    }
}
