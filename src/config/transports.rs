//! The transports with which the cache was filled, kept beside it.
//!
//! They decide from which repository a CA is read. A cache that was filled from files, or with one
//! transport off, would else be judged by what nobody ever fetched.

use std::io::{self, ErrorKind};

use super::{DataDir, Settings};

const RRDP: &str = "rrdp";
const RSYNC: &str = "rsync";

/// Keeps the transports that `settings` leave on, so that others can judge the same cache.
///
/// # Errors
///
/// The file cannot be written.
pub fn record_transports(settings: &Settings) -> io::Result<()> {
    let on = [(RRDP, settings.rrdp), (RSYNC, settings.rsync)].into_iter();
    let on: Vec<&str> = on.filter_map(|(name, on)| on.then_some(name)).collect();
    std::fs::write(settings.data.transports(), format!("{}\n", on.join(" ")))
}

/// Returns which of RRDP and rsync the last run had on; `None` where that is not known.
///
/// # Errors
///
/// The file is there and cannot be read.
pub(super) fn recorded_transports(data: &DataDir) -> io::Result<Option<(bool, bool)>> {
    let text = match std::fs::read_to_string(data.transports()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let has = |name| text.split_whitespace().any(|word| word == name);
    // A file of which nothing is understood says nothing.
    Ok(Some((has(RRDP), has(RSYNC))).filter(|(rrdp, rsync)| *rrdp || *rsync))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;

    #[test]
    fn a_cache_is_judged_with_the_transports_that_filled_it() {
        let directory = tempfile::tempdir().unwrap();
        let settings = |flags| Settings::new(ConfigFile::default(), flags, || DataDir::new("/x"));
        let with = |no_rrdp, no_rsync| {
            let data_dir = Some(directory.path().to_owned());
            settings(ConfigFile { data_dir, no_rrdp, no_rsync, ..ConfigFile::default() })
        };
        let found = || {
            let settings = with(false, false).with_recorded_transports().unwrap();
            (settings.rrdp, settings.rsync)
        };
        assert_eq!(found(), (true, true), "nothing is recorded");
        for (no_rrdp, no_rsync) in [(true, false), (false, true), (false, false)] {
            record_transports(&with(no_rrdp, no_rsync)).unwrap();
            assert_eq!(found(), (!no_rrdp, !no_rsync));
        }
        std::fs::write(directory.path().join("transports"), "pigeon\n").unwrap();
        assert_eq!(found(), (true, true), "nothing is understood");
    }
}
