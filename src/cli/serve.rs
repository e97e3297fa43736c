//! `provost serve`: the supervisor with its two children, or the server alone.

use std::net::TcpListener;
use std::os::fd::AsFd;

use super::sync::runtime;
use super::{CliError, Context, Exit, ServeArgs};
use crate::clock;
use crate::config::{ConfigFile, Settings, load_tals};
use crate::service::server::{self, ServerOptions};
use crate::service::supervisor::{self, ChildFlags};
use crate::service::{Child, ChildRecord};
use crate::system::sandbox::{self, Allowed, Connect};
use crate::system::{log, notify, parent, shutdown};

/// Runs the command.
pub fn run(context: &Context, args: &ServeArgs) -> Result<Exit, CliError> {
    let mut flags = ConfigFile { http: args.http, max_age: args.max_age, ..ConfigFile::default() };
    args.trust_anchors.apply(&mut flags);
    args.transport.apply(&mut flags);
    let settings = context.settings(flags)?;
    context.check_surroundings(&settings)?;
    if args.no_worker {
        return serve(&settings, args.inherit_http);
    }
    // A bad TAL file is said here, once, and not by a worker that is started again and again.
    load_tals(&settings)?;
    let listener = listen(&settings)?;
    let flags = child_flags(context, args.transport.lab);
    log::never_block();
    runtime()?.block_on(supervisor::run(&settings, listener, flags, shutdown::requested()));
    Ok(Exit::Done)
}

/// Listens where the settings say.
fn listen(settings: &Settings) -> Result<TcpListener, CliError> {
    TcpListener::bind(settings.http).map_err(|error| {
        CliError::failed(format!("cannot listen on {}: {error}", settings.http))
            .hint("choose another address with --http")
    })
}

/// Returns the flags that worker and server get beside their settings.
pub(super) fn child_flags(context: &Context, lab: bool) -> ChildFlags {
    let worker = if lab { vec!["--lab".into()] } else { Vec::new() };
    ChildFlags { common: context.child_flags(), worker }
}

/// Answers from the last published world until a signal comes.
fn serve(settings: &Settings, inherit: bool) -> Result<Exit, CliError> {
    if inherit {
        parent::end_with_parent();
    }
    let listener = if inherit { inherited()? } else { listen(settings)? };
    let state = settings.data.state();
    // The directory must be there to be named in the sandbox; without it nothing is lost.
    let _ = std::fs::create_dir_all(&state);
    sandbox::limit_resources(None);
    let level = sandbox::enter(&Allowed {
        read: vec![settings.data.path().to_owned()],
        write: vec![state.clone()],
        connect: Connect::Nowhere,
    });
    if let Err(error) = ChildRecord::new(level, clock::now()).write(&state, Child::Server) {
        tracing::warn!(%error, "cannot record the start");
    }
    log::never_block();
    let options = ServerOptions { max_age: settings.max_age, state };
    runtime()?
        .block_on(async {
            notify::ready();
            server::run(listener, settings.data.world(), options, shutdown::requested()).await
        })
        .map_err(|error| CliError::failed(error.to_string()))?;
    Ok(Exit::Done)
}

/// Takes the listener that the supervisor passed as standard input.
fn inherited() -> Result<TcpListener, CliError> {
    let descriptor = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| CliError::failed(format!("standard input is no listener: {error}")))?;
    Ok(TcpListener::from(descriptor))
}
