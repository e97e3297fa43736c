//! What every command has: the common flags, the settings made of them, and standard output.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use super::{CliError, CommonArgs, TransportArgs, TrustAnchorArgs};
use crate::config::{
    ConfigError, ConfigFile, DataDir, InForce, Settings, Source, default_config_file,
    default_data_dir, in_force,
};
use crate::system::log;

/// The common flags and what follows from them.
#[derive(Clone, Debug)]
pub struct Context {
    common: CommonArgs,
}

impl Context {
    /// Takes the common flags.
    pub fn new(common: CommonArgs) -> Self {
        Context { common }
    }

    /// Starts the log as the flags want it.
    pub fn start_log(&self) {
        let verbosity = if self.common.quiet { -1 } else { i16::from(self.common.verbose) };
        log::init(verbosity, self.common.log_format);
    }

    /// Returns the settings in force; `flags` holds what the command's own flags say.
    pub fn settings(&self, mut flags: ConfigFile) -> Result<Settings, CliError> {
        let file = match self.config_file() {
            Some(path) => ConfigFile::read(&path).map_err(wrong_config)?,
            None => ConfigFile::default(),
        };
        flags.data_dir = self.common.data_dir.clone();
        Ok(Settings::new(file, flags, || default_data_dir(&environment)))
    }

    /// Returns the configuration file, and every key in force.
    pub fn in_force(&self) -> Result<(Option<PathBuf>, Vec<InForce>), CliError> {
        let settings = self.settings(ConfigFile::default())?;
        let path = self.config_file();
        let text = path.as_deref().map(ConfigFile::text).transpose().map_err(wrong_config)?;
        let data_dir = match &self.common.data_dir {
            Some(_) if is_flag_given("--data-dir") => Source::Flag("data-dir"),
            Some(_) => Source::Environment("PROVOST_DATA_DIR"),
            None if environment("STATE_DIRECTORY").is_some() => {
                Source::Environment("STATE_DIRECTORY")
            }
            None => Source::Default,
        };
        let file = path.as_deref().zip(text.as_deref());
        let keys = in_force(&settings, file, &data_dir);
        Ok((path, keys))
    }

    fn config_file(&self) -> Option<PathBuf> {
        self.common.config.clone().or_else(|| default_config_file(&environment))
    }

    /// Returns the settings of a command that fetches or validates.
    pub fn worker_settings(
        &self,
        trust_anchors: &TrustAnchorArgs,
        transport: &TransportArgs,
    ) -> Result<Settings, CliError> {
        let mut flags = ConfigFile::default();
        trust_anchors.apply(&mut flags);
        transport.apply(&mut flags);
        self.settings(flags)
    }

    /// Returns the data directory in force.
    pub fn data(&self) -> Result<DataDir, CliError> {
        Ok(self.settings(ConfigFile::default())?.data)
    }

    /// Returns the data directory that a flag or the environment names.
    pub fn named_data_dir(&self) -> Option<DataDir> {
        self.common.data_dir.clone().map(DataDir::new)
    }

    /// Tells whether progress is shown: standard error is a terminal, and nobody asked for quiet.
    pub fn shows_progress(&self) -> bool {
        !self.common.quiet && io::stderr().is_terminal()
    }

    /// Returns the flags that a child process needs beside its settings.
    pub fn child_flags(&self) -> Vec<OsString> {
        let mut flags: Vec<OsString> = Vec::new();
        if let Some(config) = &self.common.config {
            flags.extend(["--config".into(), config.into()]);
        }
        if self.common.log_format == log::LogFormat::Json {
            flags.extend(["--log-format".into(), "json".into()]);
        }
        if self.common.quiet {
            flags.push("--quiet".into());
        }
        flags.extend((0..self.common.verbose).map(|_| OsString::from("--verbose")));
        flags
    }
}

fn wrong_config(error: ConfigError) -> CliError {
    CliError::usage(error.to_string()).hint("docs/configuration.md lists the keys")
}

/// Tells whether the command line has the flag: clap does not tell it from the environment.
fn is_flag_given(name: &str) -> bool {
    std::env::args().any(|word| word.split('=').next() == Some(name))
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Lets `write` fill standard output; a reader that went away is no error (as with `head`).
pub fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let stdout = io::stdout().lock();
    let mut out = io::BufWriter::new(stdout);
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::failed(format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}
