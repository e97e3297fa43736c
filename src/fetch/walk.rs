//! Walks a tree of files without following links, bounded in depth and count.

use std::path::{Path, PathBuf};

use super::limits::{OBJECT_BYTES, REPOSITORY_NAME_BYTES, TREE_DEPTH, TREE_ENTRIES};
use super::report::{DropReason, Drops};
use super::stop::Stop;

/// Why a tree cannot be walked.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error("more than {TREE_ENTRIES} files and directories")]
    TooMany,
    #[error("names of more than {REPOSITORY_NAME_BYTES} bytes")]
    Names,
    #[error("directories nested deeper than {TREE_DEPTH}")]
    TooDeep,
    #[error("stopped")]
    Stopped,
}

/// A regular file that was found.
pub(super) struct Found {
    /// Its path below the root, with slashes.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
}

/// Returns the regular files below `root`, ordered by name, and what they add up to in bytes,
/// those above the limit included.
///
/// Links and devices, files above the limit and names that are no text go to `drops`.
pub(super) fn walk(
    root: &Path,
    stop: &Stop,
    drops: &mut Drops,
) -> Result<(Vec<Found>, u64), WalkError> {
    let (mut found, mut bytes, mut entries) = (Vec::new(), 0u64, 0u64);
    let mut names = 0u64;
    let mut open = vec![(root.to_owned(), String::new(), 0)];
    while let Some((directory, prefix, depth)) = open.pop() {
        let io = |error| WalkError::Io { path: directory.clone(), error };
        for entry in std::fs::read_dir(&directory).map_err(io)? {
            let entry = entry.map_err(io)?;
            entries += 1;
            if stop.is_set() {
                return Err(WalkError::Stopped);
            }
            if entries > TREE_ENTRIES {
                return Err(WalkError::TooMany);
            }
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            names = names.saturating_add(name.len() as u64);
            if names > REPOSITORY_NAME_BYTES {
                return Err(WalkError::Names);
            }
            // Of the entry itself, not of what a link points to.
            let metadata = entry.metadata().map_err(io)?;
            if entry.file_name().to_str().is_none() {
                drops.add(&name, DropReason::Uri);
            } else if metadata.is_dir() {
                if depth >= TREE_DEPTH {
                    return Err(WalkError::TooDeep);
                }
                open.push((entry.path(), format!("{name}/"), depth + 1));
            } else if !metadata.is_file() {
                drops.add(&name, DropReason::FileType);
            } else if metadata.len() > OBJECT_BYTES {
                bytes = bytes.saturating_add(metadata.len());
                drops.add(&name, DropReason::TooLarge);
            } else {
                bytes = bytes.saturating_add(metadata.len());
                found.push(Found { name, path: entry.path() });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((found, bytes))
}

/// Reads a file of at most the largest object's size; `None` if it grew beyond.
pub(super) fn read_object(path: &Path) -> Result<Option<Vec<u8>>, WalkError> {
    use std::io::Read;
    let io = |error| WalkError::Io { path: path.to_owned(), error };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(OBJECT_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok((bytes.len() as u64 <= OBJECT_BYTES).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c05_links_and_pipes_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("a")).unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        std::fs::write(root.join("a/b.roa"), "b").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), root.join("link")).unwrap();
        std::os::unix::fs::symlink(dir.path(), root.join("a/up")).unwrap();
        let mut drops = Drops::default();
        let (found, bytes) = walk(&root, &Stop::default(), &mut drops).unwrap();
        let names: Vec<_> = found.iter().map(|f| f.name.as_str()).collect();
        assert_eq!((names, bytes), (vec!["a/b.roa"], 1));
        let mut listed = drops.listed;
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        let link = |name: &str| (name.to_owned(), DropReason::FileType);
        assert_eq!(listed, [link("a/up"), link("link")]);
    }

    #[test]
    fn c04_deep_trees_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let deep = (0..=TREE_DEPTH).fold(dir.path().to_owned(), |path, _| path.join("d"));
        std::fs::create_dir_all(deep).unwrap();
        let result = walk(dir.path(), &Stop::default(), &mut Drops::default());
        assert!(matches!(result, Err(WalkError::TooDeep)));
    }
}
