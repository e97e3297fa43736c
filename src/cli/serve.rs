//! `provost serve`: the supervisor with its two children, or the server alone.

use std::net::TcpListener;
use std::os::fd::AsFd;

use super::sync::runtime;
use super::{CliError, Context, Exit, ServeArgs};
use crate::clock;
use crate::config::{ConfigFile, Settings, load_tals};
use crate::rtr;
use crate::service::server::{self, Rtr, ServerOptions};
use crate::service::supervisor::{self, ChildFlags, Listeners};
use crate::service::{Child, ChildRecord};
use crate::system::sandbox::{self, Allowed, Connect};
use crate::system::{notify, parent, shutdown};

/// Runs the command.
pub fn run(context: &Context, args: &ServeArgs) -> Result<Exit, CliError> {
    let mut flags = ConfigFile {
        http: args.http,
        max_age: args.max_age,
        rtr: args.rtr,
        no_rtr: args.no_rtr,
        rtr_max_age: args.rtr_max_age,
        rtr_loss: args.rtr_loss,
        ..ConfigFile::default()
    };
    args.trust_anchors.apply(&mut flags);
    args.transport.apply(&mut flags);
    let settings = context.settings(flags)?;
    if args.no_worker {
        return serve(&settings, args);
    }
    // A bad TAL file is said here, once, and not by a worker that is started again and again.
    load_tals(&settings)?;
    let listeners = Listeners { http: listen(&settings)?, rtr: listen_for_routers(&settings)? };
    let flags = child_flags(context, args.transport.lab);
    runtime()?.block_on(supervisor::run(&settings, listeners, flags, shutdown::requested()));
    Ok(Exit::Done)
}

/// Listens where the settings say.
fn listen(settings: &Settings) -> Result<TcpListener, CliError> {
    TcpListener::bind(settings.http).map_err(|error| {
        CliError::failed(format!("cannot listen on {}: {error}", settings.http))
            .hint("choose another address with --http")
    })
}

/// Listens for routers, unless there are to be none.
fn listen_for_routers(settings: &Settings) -> Result<Option<TcpListener>, CliError> {
    let listen = |address| {
        TcpListener::bind(address).map_err(|error| {
            CliError::failed(format!("cannot listen for routers on {address}: {error}"))
                .hint("choose another address with --rtr, or serve no routers with --no-rtr")
        })
    };
    settings.rtr.map(listen).transpose()
}

/// Returns the flags that worker and server get beside their settings.
pub(super) fn child_flags(context: &Context, lab: bool) -> ChildFlags {
    let worker = if lab { vec!["--lab".into()] } else { Vec::new() };
    ChildFlags { common: context.child_flags(), worker }
}

/// Answers from the last published world until a signal comes.
fn serve(settings: &Settings, args: &ServeArgs) -> Result<Exit, CliError> {
    if args.inherit_http {
        parent::end_with_parent();
    }
    let listener =
        if args.inherit_http { inherited("input", std::io::stdin())? } else { listen(settings)? };
    let routers = if args.inherit_rtr {
        Some(inherited("output", std::io::stdout())?)
    } else {
        listen_for_routers(settings)?
    };
    let rtr = routers.map(|listener| Rtr {
        listener,
        state: settings.data.rtr_state(),
        options: rtr::Options { max_age: settings.rtr_max_age, loss: settings.rtr_loss },
    });
    let state = settings.data.state();
    // The directory must be there to be named in the sandbox; without it nothing is lost.
    let _ = std::fs::create_dir_all(&state);
    sandbox::limit_resources(None);
    let level = sandbox::enter(&Allowed {
        read: vec![settings.data.path().to_owned()],
        write: vec![state.clone()],
        connect: Connect::Nowhere,
    });
    if let Err(error) = ChildRecord::write(&state, Child::Server, level, clock::now()) {
        tracing::warn!(%error, "cannot record the start");
    }
    let options = ServerOptions { max_age: settings.max_age };
    runtime()?
        .block_on(async {
            notify::ready();
            let world = settings.data.world();
            server::run(listener, rtr, world, options, shutdown::requested()).await
        })
        .map_err(|error| CliError::failed(error.to_string()))?;
    Ok(Exit::Done)
}

/// Takes a listener that the supervisor passed as standard input or output.
fn inherited(name: &str, stream: impl AsFd) -> Result<TcpListener, CliError> {
    let descriptor = stream
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| CliError::failed(format!("standard {name} is no listener: {error}")))?;
    Ok(TcpListener::from(descriptor))
}
