//! Shell completions and manual pages, from the definitions of the arguments.

use std::path::Path;

use clap::CommandFactory;

use super::context::to_stdout;
use super::{Arguments, CliError, Exit};

/// Writes the completions for `shell` to standard output.
pub fn completions(shell: clap_complete::Shell) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "provost", &mut script);
    to_stdout(|out| out.write_all(&script))?;
    Ok(Exit::Done)
}

/// Writes one manual page for the program and one for each command into `dir`.
pub fn pages(dir: &Path) -> Result<Exit, CliError> {
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), dir))
        .map_err(|error| CliError::failed(format!("cannot write to {}: {error}", dir.display())))?;
    Ok(Exit::Done)
}
