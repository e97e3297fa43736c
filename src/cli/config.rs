//! `provost config`: what is in force and who said so; a configuration made from Routinator's.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::context::to_stdout;
use super::limits::MAX_IMPORTED_BYTES;
use super::{CliError, Context, Exit};
use crate::config::{Imported, InForce, import_routinator};

/// Show the configuration in force, or import Routinator's
#[derive(Clone, Debug, clap::Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with the configuration.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Show every key with its value and who gave it
    #[command(after_help = "\
Examples:
  provost config show                       as TOML that can be used as a file
  provost config show --config new.toml     before it is used

A flag of a command overrides what is shown, for that command.")]
    Show {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a configuration made from Routinator's, and say what has no counterpart
    #[command(after_help = "\
Examples:
  provost config import /etc/routinator/routinator.conf > provost.toml")]
    Import {
        /// Routinator's configuration file
        file: PathBuf,
    },
}

/// Runs the command.
pub fn run(context: &Context, args: &ConfigArgs) -> Result<Exit, CliError> {
    match &args.command {
        ConfigCommand::Show { json } => {
            let (file, keys) = context.in_force()?;
            to_stdout(|out| show(out, file.as_deref(), &keys, *json))?;
        }
        ConfigCommand::Import { file } => {
            let imported = import(file)?;
            to_stdout(|out| write_imported(out, file, &imported))?;
        }
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct KeyBody<'a> {
    key: &'a str,
    value: &'a toml::Value,
    source: String,
}

fn show(out: &mut dyn Write, file: Option<&Path>, keys: &[InForce], json: bool) -> io::Result<()> {
    if json {
        let body = keys.iter().map(|item| KeyBody {
            key: item.key,
            value: &item.value,
            source: item.source.to_string(),
        });
        serde_json::to_writer(&mut *out, &body.collect::<Vec<_>>())?;
        return writeln!(out);
    }
    match file {
        Some(file) => writeln!(out, "# configuration file: {}", file.display())?,
        None => writeln!(out, "# no configuration file")?,
    }
    for InForce { key, value, source } in keys {
        let line = format!("{key} = {value}");
        writeln!(out, "{line:<48}  # {source}")?;
    }
    Ok(())
}

fn import(path: &Path) -> Result<Imported, CliError> {
    use io::Read;
    let unreadable = |error| CliError::usage(format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_IMPORTED_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    let list = |directory: &Path| {
        let entries = std::fs::read_dir(directory).ok()?;
        Some(entries.flatten().map(|entry| entry.path()).collect())
    };
    import_routinator(path, &text, &list).map_err(|error| {
        CliError::usage(error.to_string()).hint("it must be Routinator's configuration file, TOML")
    })
}

fn write_imported(out: &mut dyn Write, path: &Path, imported: &Imported) -> io::Result<()> {
    writeln!(out, "# Made from {} by `provost config import`.", path.display())?;
    for (key, value) in &imported.keys {
        writeln!(out, "{key} = {value}")?;
    }
    if !imported.without.is_empty() {
        writeln!(out, "\n# Without counterpart:")?;
    }
    imported.without.iter().try_for_each(|(shown, why)| writeln!(out, "# {shown}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, Source};

    #[test]
    fn what_is_shown_is_toml_with_the_sources_behind() {
        let value = |text: &str| toml::Value::from(text);
        let keys = [
            InForce { key: "max-age", value: value("7200s"), source: Source::Default },
            InForce {
                key: "no-rrdp",
                value: true.into(),
                source: Source::File("/etc/provost.toml".into(), 3),
            },
        ];
        let mut out = Vec::new();
        show(&mut out, Some(Path::new("/etc/provost.toml")), &keys, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        insta::assert_snapshot!(text, @r#"
        # configuration file: /etc/provost.toml
        max-age = "7200s"                                 # default
        no-rrdp = true                                    # /etc/provost.toml:3
        "#);
        assert!(ConfigFile::parse(Path::new("x"), &text).is_ok());
        let mut out = Vec::new();
        show(&mut out, None, &keys, true).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json[1]["source"], "/etc/provost.toml:3");
    }

    #[test]
    fn an_import_is_a_file_of_ours_with_notes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("routinator.conf");
        std::fs::write(&path, "refresh = 60\nlimit-v4-len = 24\n").unwrap();
        let mut out = Vec::new();
        write_imported(&mut out, &path, &import(&path).unwrap()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(ConfigFile::parse(Path::new("x"), &text).is_ok());
        assert!(text.contains("refresh = \"60s\"\n"), "{text}");
        assert!(text.contains("# limit-v4-len = 24: no VRP is left out"), "{text}");
        assert!(import(&dir.path().join("none")).is_err());
    }
}
