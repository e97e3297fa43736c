//! `provost serve`: the supervisor with its two children, or the server alone.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::PathBuf;

use super::sync::runtime;
use super::{CliError, Context, Exit, ServeArgs};
use crate::clock;
use crate::config::{ConfigFile, Settings, load_tals};
use crate::rtr;
use crate::service::exceptions::ExceptionFiles;
use crate::service::server::{self, Rtr, ServerOptions};
use crate::service::supervisor::{self, ChildFlags, Listeners};
use crate::service::{Child, ChildRecord};
use crate::system::sandbox::{self, Allowed, Connect};
use crate::system::{notify, parent, shutdown};

/// Runs the command.
pub fn run(context: &Context, args: &ServeArgs) -> Result<Exit, CliError> {
    let mut flags = ConfigFile {
        http: args.http,
        http_name: args.http_name.clone(),
        max_age: args.max_age,
        rtr: args.rtr,
        no_rtr: args.no_rtr,
        rtr_max_age: args.rtr_max_age,
        rtr_loss: args.rtr_loss,
        exceptions: args.exceptions.files.clone(),
        ..ConfigFile::default()
    };
    args.trust_anchors.apply(&mut flags);
    args.transport.apply(&mut flags);
    let settings = context.settings(flags.clone())?;
    if args.no_worker {
        return serve(&settings, args);
    }
    // A bad TAL file is said here, once, and not by a worker that is started again and again.
    load_tals(&settings)?;
    exception_files(&settings)?;
    let listeners = Listeners { http: listen(&settings)?, rtr: listen_for_routers(&settings)? };
    let children = child_flags(context, args.transport.lab);
    let reload = || {
        let settings = context.settings(flags.clone())?;
        load_tals(&settings)?;
        exception_files(&settings)?;
        Ok(settings)
    };
    let reload = || reload().map_err(|error: CliError| error.to_string());
    let run = supervisor::run(settings, listeners, children, Some(&reload), shutdown::requested());
    runtime()?.block_on(run);
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

/// Reads the files of local exceptions, or takes the last good ones.
fn exception_files(settings: &Settings) -> Result<ExceptionFiles, CliError> {
    // Without the directory nothing is kept for a restart, which is then said.
    let _ = std::fs::create_dir_all(settings.data.state());
    let (files, saved) = (settings.exceptions.clone(), settings.data.saved_exceptions());
    Ok(ExceptionFiles::open(files, saved, clock::now())?)
}

/// Returns what the server reads: the worlds, and the directories of local exceptions, in which
/// files are replaced by others.
fn readable(settings: &Settings) -> Vec<PathBuf> {
    let mut paths = vec![settings.data.path().to_owned()];
    for file in &settings.exceptions {
        let real = std::fs::canonicalize(file).ok();
        let directories = [Some(file.clone()), real].into_iter().flatten();
        paths.extend(directories.filter_map(|path| {
            let parent = path.parent()?;
            Some(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
        }));
    }
    paths
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
    // It makes the directory, which must be there to be named in the sandbox.
    let exceptions = exception_files(settings)?;
    sandbox::limit_resources(None);
    let level = sandbox::enter(&Allowed {
        read: readable(settings),
        write: vec![state.clone()],
        connect: Connect::Nowhere,
    });
    if let Err(error) = ChildRecord::write(&state, Child::Server, level, clock::now()) {
        tracing::warn!(%error, "cannot record the start");
    }
    let options = ServerOptions { max_age: settings.max_age, names: settings.http_names.clone() };
    runtime()?
        .block_on(async {
            notify::ready();
            let world = settings.data.world();
            server::run(listener, rtr, world, exceptions, options, shutdown::requested()).await
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
