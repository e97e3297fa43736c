//! `provost serve`: the supervisor with its two children, or the server alone.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use super::sync::runtime;
use super::{CliError, Context, Exit, ServeArgs};
use crate::clock;
use crate::config::{ConfigFile, Settings, load_tals};
use crate::rtr::{self, Tls, TlsFiles, Transport};
use crate::service::exceptions::ExceptionFiles;
use crate::service::server::{self, Rtr, ServerOptions};
use crate::service::supervisor::{self, ChildFlags};
use crate::service::{Child, ChildRecord};
use crate::system::listeners::Listeners;
use crate::system::sandbox::{self, Allowed, Connect};
use crate::system::{notify, parent, shutdown};

/// Runs the command.
pub fn run(context: &Context, args: &ServeArgs) -> Result<Exit, CliError> {
    let mut flags = ConfigFile {
        http: args.http,
        max_age: args.max_age,
        rtr: args.rtr,
        no_rtr: args.no_rtr,
        rtr_tls: args.rtr_tls,
        rtr_tls_cert: args.rtr_tls_cert.clone(),
        rtr_tls_key: args.rtr_tls_key.clone(),
        rtr_tls_client_ca: args.rtr_tls_client_ca.clone(),
        rtr_max_age: args.rtr_max_age,
        rtr_loss: args.rtr_loss,
        exceptions: args.exceptions.files.clone(),
        routinator_metrics: args.routinator_metrics,
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
    let listeners = listeners(&settings)?;
    let has_tls = listeners.rtr_tls.is_some();
    tls(&settings, has_tls)?;
    let children = child_flags(context, args.transport.lab);
    let reload = || {
        let settings = context.settings(flags.clone())?;
        load_tals(&settings)?;
        exception_files(&settings)?;
        tls(&settings, has_tls)?;
        Ok(settings)
    };
    let reload = || reload().map_err(|error: CliError| error.to_string());
    let run = supervisor::run(settings, listeners, children, Some(&reload), shutdown::requested());
    runtime()?.block_on(run);
    Ok(Exit::Done)
}

/// Takes the listeners that the service manager opened, and opens the others.
fn listeners(settings: &Settings) -> Result<Listeners, CliError> {
    let failed = |error: std::io::Error| CliError::failed(error.to_string());
    let passed = Listeners::of_service_manager().map_err(failed)?;
    Ok(Listeners {
        http: open(passed.http, Some(settings.http), "", "--http")?,
        rtr: open(passed.rtr, settings.rtr, " for routers", "--rtr")?,
        rtr_tls: open(passed.rtr_tls, settings.rtr_tls, " for routers", "--rtr-tls")?,
    })
}

/// Opens a listener, unless it is there, or there is to be none.
fn open(
    passed: Option<TcpListener>,
    address: Option<SocketAddr>,
    whom: &str,
    flag: &str,
) -> Result<Option<TcpListener>, CliError> {
    let (None, Some(address)) = (&passed, address) else { return Ok(passed) };
    let listener = TcpListener::bind(address).map_err(|error| {
        CliError::failed(format!("cannot listen{whom} on {address}: {error}"))
            .hint(format!("choose another address with {flag}"))
    })?;
    Ok(Some(listener))
}

/// Reads the certificates for routers, where there is a listener that needs them.
fn tls(settings: &Settings, has_listener: bool) -> Result<Option<Arc<Tls>>, CliError> {
    if !has_listener {
        return Ok(None);
    }
    let (Some(certificate), Some(key)) = (&settings.rtr_tls_cert, &settings.rtr_tls_key) else {
        return Err(CliError::usage("rtr-tls needs rtr-tls-cert and rtr-tls-key"));
    };
    let (certificate, key) = (certificate.clone(), key.clone());
    let client_ca = settings.rtr_tls_client_ca.clone();
    let tls = Tls::open(TlsFiles { certificate, key, client_ca });
    tls.map(|tls| Some(Arc::new(tls))).map_err(|error| CliError::failed(error.to_string()))
}

/// Reads the files of local exceptions, or takes the last good ones.
fn exception_files(settings: &Settings) -> Result<ExceptionFiles, CliError> {
    // Without the directory nothing is kept for a restart, which is then said.
    let _ = std::fs::create_dir_all(settings.data.state());
    let (files, saved) = (settings.exceptions.clone(), settings.data.saved_exceptions());
    Ok(ExceptionFiles::open(files, saved, clock::now())?)
}

/// Returns what the server reads: the worlds, and the directories of local exceptions and
/// certificates, in which files are replaced by others.
fn readable(settings: &Settings) -> Vec<PathBuf> {
    let mut paths = vec![settings.data.path().to_owned()];
    let tls = [&settings.rtr_tls_cert, &settings.rtr_tls_key, &settings.rtr_tls_client_ca];
    for file in settings.exceptions.iter().chain(tls.into_iter().flatten()) {
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
    let listeners = if args.inherit {
        parent::end_with_parent();
        Listeners::take(std::io::stdin())
            .map_err(|error| CliError::failed(format!("standard input has no sockets: {error}")))?
    } else {
        listeners(settings)?
    };
    let tls = tls(settings, listeners.rtr_tls.is_some())?;
    let http = listeners.http.ok_or_else(|| CliError::failed("there is no listener for HTTP"))?;
    let tcp = listeners.rtr.map(|listener| (listener, Transport::Tcp));
    let tls = listeners.rtr_tls.zip(tls.map(Transport::Tls));
    let rtr = Rtr {
        listeners: tcp.into_iter().chain(tls).collect(),
        state: settings.data.rtr_state(),
        options: rtr::Options { max_age: settings.rtr_max_age, loss: settings.rtr_loss },
    };
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
    let options = ServerOptions {
        max_age: settings.max_age,
        routinator_metrics: settings.routinator_metrics,
    };
    runtime()?
        .block_on(async {
            notify::ready();
            let world = settings.data.world();
            server::run(http, rtr, world, exceptions, options, shutdown::requested()).await
        })
        .map_err(|error| CliError::failed(error.to_string()))?;
    Ok(Exit::Done)
}
