//! `provost serve`: the supervisor with its two children, or the server alone.

use std::net::TcpListener;
use std::os::fd::AsFd;

use super::sync::runtime;
use super::{CliError, Context, Exit, ServeArgs};
use crate::config::{ConfigFile, Settings, load_tals};
use crate::service::server::{self, ServerOptions};
use crate::service::supervisor::{self, ChildFlags};
use crate::system::{notify, parent, shutdown};

/// Runs the command.
pub fn run(context: &Context, args: &ServeArgs) -> Result<Exit, CliError> {
    let mut flags = ConfigFile { http: args.http, max_age: args.max_age, ..ConfigFile::default() };
    args.trust_anchors.apply(&mut flags);
    args.transport.apply(&mut flags);
    let settings = context.settings(flags)?;
    if args.no_worker {
        return serve(&settings, args.inherit_http);
    }
    // A bad TAL file is said here, once, and not by a worker that is started again and again.
    load_tals(&settings)?;
    supervise(context, &settings, args.transport.lab, |_| {})
}

/// Runs supervisor, worker and server until a signal comes.
pub(super) fn supervise(
    context: &Context,
    settings: &Settings,
    lab: bool,
    on_ready: impl FnOnce(std::net::SocketAddr),
) -> Result<Exit, CliError> {
    let worker = if lab { vec!["--lab".into()] } else { Vec::new() };
    let flags = ChildFlags { common: context.child_flags(), worker };
    runtime()?
        .block_on(supervisor::run(settings, flags, on_ready, shutdown::requested()))
        .map_err(|error| CliError::failed(error.to_string()))?;
    Ok(Exit::Done)
}

/// Answers from the last published world until a signal comes.
fn serve(settings: &Settings, inherit: bool) -> Result<Exit, CliError> {
    if inherit {
        parent::end_with_parent();
    }
    let listener = if inherit { inherited() } else { TcpListener::bind(settings.http) };
    let listener = listener.map_err(|error| {
        CliError::failed(format!("cannot listen on {}: {error}", settings.http))
    })?;
    let options = ServerOptions { max_age: settings.max_age };
    runtime()?
        .block_on(async {
            notify::ready();
            server::run(listener, settings.data.world(), options, shutdown::requested()).await
        })
        .map_err(|error| CliError::failed(error.to_string()))?;
    Ok(Exit::Done)
}

/// Takes the listener that the supervisor passed as standard input.
fn inherited() -> std::io::Result<TcpListener> {
    Ok(TcpListener::from(std::io::stdin().as_fd().try_clone_to_owned()?))
}
