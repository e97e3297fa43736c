//! The reference, shell completions and manual pages, from the definitions of the arguments.

use std::path::Path;

use clap::CommandFactory;

use super::context::to_stdout;
use super::{Arguments, CliError, Exit};

/// Writes the completions for `shell` to standard output.
pub fn completions(shell: clap_complete::Shell) -> Result<Exit, CliError> {
    let script = script(shell);
    to_stdout(|out| out.write_all(&script))?;
    Ok(Exit::Done)
}

fn script(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "provost", &mut script);
    script
}

/// Writes one manual page for the program and one for each command into `dir`.
pub fn pages(dir: &Path) -> Result<Exit, CliError> {
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), dir))
        .map_err(|error| CliError::failed(format!("cannot write to {}: {error}", dir.display())))?;
    Ok(Exit::Done)
}

/// How wide the help on the page of reference is.
const WIDTH: usize = 100;

/// Returns the page of reference: the help of the program and of each command, as Markdown.
pub fn reference() -> String {
    let mut page = "\
# Commands

The help of every command, as `provost COMMAND --help` prints it. This page is made from the
program: `PROVOST_UPDATE_DOCS=1 cargo test --test docs` writes it again.

`provost completions SHELL` writes completions for bash, elvish, fish, powershell and zsh, and
`provost man DIR` the manual pages, from the same definitions.
"
    .to_owned();
    let mut program = Arguments::command().term_width(WIDTH);
    program.build();
    for mut command in commands(&program) {
        let name = command.get_bin_name().unwrap_or("provost").to_owned();
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        page.push_str(&format!("\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n")));
    }
    page
}

/// Returns the command and all below it that are not hidden.
fn commands(command: &clap::Command) -> Vec<clap::Command> {
    let below = command.get_subcommands();
    // Each has a `help` of its own, which says nothing new.
    let below = below.filter(|below| !below.is_hide_set() && below.get_name() != "help");
    let mut all = vec![command.clone()];
    all.extend(below.flat_map(commands));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every flag that is not hidden, with its command.
    fn flags() -> Vec<(String, String)> {
        let mut program = Arguments::command();
        program.build();
        let of = |command: &clap::Command| {
            let name = command.get_bin_name().unwrap_or("provost").to_owned();
            let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
            let flags = shown.filter_map(|argument| argument.get_long().map(str::to_owned));
            flags.map(|flag| (name.clone(), flag)).collect::<Vec<_>>()
        };
        commands(&program).iter().flat_map(of).collect()
    }

    #[test]
    fn completions_and_manual_pages_have_every_flag_of_every_command() {
        let dir = tempfile::tempdir().unwrap();
        pages(dir.path()).unwrap();
        let shells =
            [clap_complete::Shell::Bash, clap_complete::Shell::Fish, clap_complete::Shell::Zsh];
        let scripts = shells.map(|shell| String::from_utf8(script(shell)).unwrap());
        let flags = flags();
        assert!(flags.len() > 50, "{}", flags.len());
        for (command, flag) in flags {
            let page = dir.path().join(format!("{}.1", command.replace(' ', "-")));
            let page = std::fs::read_to_string(&page).unwrap().replace('\\', "");
            assert!(page.contains(&format!("--{flag}")), "{command} --{flag} in its page");
            for script in &scripts {
                assert!(script.contains(&flag), "{command} --{flag} in the completions");
            }
        }
    }

    #[test]
    fn the_reference_does_not_depend_on_the_environment() {
        assert!(!reference().contains("[env: PROVOST_CONFIG="));
    }
}
