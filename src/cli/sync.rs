//! `provost sync`: one pass of the worker's loop, or with `--follow` the worker itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::context::{environment, to_stdout};
use super::progress::ProgressLine;
use super::summary::Summary;
use super::{CliError, Context, Exit, SyncArgs};
use crate::clock;
use crate::config::{Settings, load_constraints, load_tals, proxy_in_force, record_tals};
use crate::fetch::limits::REPOSITORY_DEADLINE;
use crate::fetch::{FetchConfig, Fetcher, LocalAddresses, import_tree, record_absent};
use crate::model::{RepositoryId, Timestamp};
use crate::service::engine::{Engine, Known};
use crate::service::worker::{self, Mode};
use crate::service::{Child, ChildRecord, Ending, InHand};
use crate::store::{Access, Store, Transports};
use crate::system::sandbox::{self, Allowed, Connect};
use crate::system::{hang_up, log, parent, shutdown};
use crate::validate::Policy;
use crate::world::{Head, Purpose, RepositoryState};

/// Runs the command.
pub fn run(context: &Context, args: &SyncArgs) -> Result<Exit, CliError> {
    let mut settings = context.worker_settings(&args.trust_anchors, &args.transport)?;
    if args.from.is_some() {
        // A tree of files is what rsync would have brought: every CA is read by its rsync URI.
        (settings.rrdp, settings.rsync) = (false, true);
    }
    let purpose = match (args.transport.lab, args.at) {
        (true, _) => Purpose::Lab,
        (false, Some(at)) => Purpose::Archive { at },
        (false, None) => Purpose::Live,
    };
    if args.supervised {
        parent::end_with_parent();
    }
    if args.follow {
        return follow(&settings, purpose, args);
    }
    let deadline = args.repository_deadline.unwrap_or(REPOSITORY_DEADLINE);
    let engine = Arc::new(open_engine_within(&settings, purpose, Access::Write, deadline)?);
    let world = match &args.from {
        Some(dir) => {
            import(&engine, dir)?;
            Some(judge_once(&engine, &engine.load_known()?)?)
        }
        None => {
            let line = ProgressLine::start(context.shows_progress());
            let show = |progress: &worker::Progress| line.show(progress);
            run_worker(&engine, Mode::OnePass, &show)?
        }
    };
    match world {
        Some(head) => finish(&head, args.json),
        None => Err(CliError::failed("interrupted before a world was published")),
    }
}

/// Prints the summary of a world; done only if every trust anchor was validated.
pub(super) fn finish(head: &Head, json: bool) -> Result<Exit, CliError> {
    let summary = Summary::of(head, true);
    to_stdout(|out| summary.print(out, json))?;
    Ok(if summary.is_complete() { Exit::Done } else { Exit::Failed })
}

/// The worker: a child of the supervisor, or a unit of its own.
fn follow(settings: &Settings, purpose: Purpose, args: &SyncArgs) -> Result<Exit, CliError> {
    make_data_dir(settings)?;
    sandbox::limit_resources(Some(sandbox::WORKER_ADDRESS_SPACE));
    let level = sandbox::enter(&Allowed {
        read: settings.tals.iter().chain(&settings.root_certs).cloned().collect(),
        write: vec![settings.data.path().to_owned()],
        connect: Connect::Anywhere,
    });
    log::never_block();
    let deadline = args.repository_deadline.unwrap_or(REPOSITORY_DEADLINE);
    let mut engine = open_engine_within(settings, purpose, Access::Write, deadline)?;
    let state = settings.data.state();
    // Opened after the cache, whose lock says that no other worker has anything in hand.
    let end = if args.killed { Ending::Killed } else { Ending::Unknown };
    let in_hand = InHand::open(&state, end, clock::now()).map_err(|error| {
        CliError::failed(format!("cannot write below {}: {error}", state.display()))
    })?;
    engine.in_hand = Some(in_hand);
    let record = ChildRecord::new(level, clock::now());
    if let Err(error) = record.write(&state, Child::Worker) {
        tracing::warn!(%error, "cannot record the start");
    }
    engine.record = Some((state, record));
    run_worker(&Arc::new(engine), Mode::Follow, &|_| {})?;
    Ok(Exit::Done)
}

/// Runs the worker; a cache that turns out to be damaged is marked, so that the next one heals it.
fn run_worker(
    engine: &Arc<Engine>,
    mode: Mode,
    on_progress: &(dyn Fn(&worker::Progress) + Sync),
) -> Result<Option<Head>, CliError> {
    let runtime = runtime()?;
    if mode == Mode::Follow {
        // A pass that somebody watches ends with their terminal; a service does not.
        runtime.spawn(hang_up::decline("the worker takes its settings at its start"));
    }
    let run = worker::run(engine.clone(), mode, on_progress, shutdown::requested());
    match runtime.block_on(run) {
        Err(error) if error.is_damaged_cache() => {
            engine.store.condemn()?;
            let hint = "run it again: the next sync sets the cache aside and makes a new one; \
                        the published world stays in use meanwhile";
            Err(CliError::from(error).hint(hint))
        }
        result => Ok(result?),
    }
}

/// Takes objects from the tree below `dir`, as if they had been fetched by rsync.
///
/// They replace what came by RRDP, so that a later validation reads what was judged here.
fn import(engine: &Engine, dir: &Path) -> Result<(), CliError> {
    let now = judged_at(engine);
    let is_rsync = |id: &RepositoryId| matches!(id, RepositoryId::Rsync(_));
    engine.store.retain_repositories(&is_rsync, usize::MAX)?;
    let report = import_tree(dir, &engine.store, &engine.tals, now)?;
    for (name, reason) in &report.drops.listed {
        tracing::info!(file = name, ?reason, "not imported");
    }
    if let Some((first, reason)) = report.drops.listed.first() {
        let files = report.drops.count;
        tracing::warn!(files, first, ?reason, "files are no objects; with -v each is named");
    }
    // What certificates name and the tree lacks is absent, and not still to come.
    loop {
        // Kept, so that the next look judges only what waited.
        let validated = engine.validate(&engine.load_known()?, now)?;
        let pending = validated.wanted.iter();
        let pending: Vec<_> =
            pending.filter(|status| status.state == RepositoryState::Pending).collect();
        if pending.is_empty() {
            return Ok(());
        }
        for status in pending {
            record_absent(&engine.store, &status.id, now)?;
        }
    }
}

/// Validates the cache as it is, and publishes the result.
///
/// `known` is what the cache holds; without its memory, everything is judged again.
pub(super) fn judge_once(engine: &Engine, known: &Known) -> Result<Head, CliError> {
    let now = judged_at(engine);
    let parent = match crate::world::load_head(&engine.world_dir) {
        Ok(head) => head.map(|head| head.id),
        Err(error) if error.is_newer() => return Err(error.into()),
        // An older one may be sound.
        Err(_) => engine.last_world()?.map(|world| world.id),
    };
    let (validated, world) = engine.validate_to_world(known, parent, now)?;
    crate::world::publish(&engine.world_dir, &world)?;
    let head = world.head();
    // The process ends now, which frees a million small things faster than one by one.
    std::mem::forget((validated, world));
    Ok(head)
}

/// Returns the time at which the cache is judged: an archive's own, else now.
fn judged_at(engine: &Engine) -> Timestamp {
    match engine.purpose {
        Purpose::Archive { at } => at,
        Purpose::Live | Purpose::Lab => clock::now(),
    }
}

/// Opens what a worker works with.
pub(super) fn open_engine(
    settings: &Settings,
    purpose: Purpose,
    access: Access,
) -> Result<Engine, CliError> {
    open_engine_within(settings, purpose, access, REPOSITORY_DEADLINE)
}

/// The same, with another deadline for one attempt at a repository.
pub(super) fn open_engine_within(
    settings: &Settings,
    purpose: Purpose,
    access: Access,
    deadline: Duration,
) -> Result<Engine, CliError> {
    let tals = load_tals(settings)?;
    let policy = Policy {
        unsafe_vrps: settings.unsafe_vrps,
        max_depth: settings.max_ca_depth,
        constraints: load_constraints(settings)?,
        ..Policy::default()
    };
    let transports =
        Transports { rrdp: settings.rrdp, rsync: settings.rsync, fallback: settings.rrdp_fallback };
    if !(transports.rrdp || transports.rsync) {
        return Err(CliError::usage("both transports are switched off, so nothing can be read"));
    }
    make_data_dir(settings)?;
    let fetcher = Fetcher::new(&FetchConfig {
        local_addresses: match settings.allow_local_addresses {
            true => LocalAddresses::Allow,
            false => LocalAddresses::Refuse,
        },
        root_certificates: settings.root_certs.clone(),
        proxy: match purpose {
            // Nobody else's proxy leads to a lab on loopback.
            Purpose::Lab => proxy_in_force(settings.proxy.as_ref(), &settings.no_proxy, &|_| None),
            _ => proxy_in_force(settings.proxy.as_ref(), &settings.no_proxy, &environment),
        },
        refresh: settings.refresh,
        disk: settings.disk,
        deadline,
        ..FetchConfig::new(settings.data.path().join("staging"))
    })?;
    let store = Store::open(&settings.data.cache(), purpose, access)?;
    if access == Access::Write {
        record_tals(settings, &tals).map_err(|error| {
            CliError::failed(format!("cannot write {}: {error}", settings.data.tals().display()))
        })?;
    }
    Ok(Engine {
        tals,
        store,
        fetcher,
        refresh: settings.refresh,
        transports,
        world_dir: settings.data.world(),
        purpose,
        policy,
        in_hand: None,
        record: None,
        suspects_turn: tokio::sync::Mutex::new(()),
    })
}

fn make_data_dir(settings: &Settings) -> Result<(), CliError> {
    std::fs::create_dir_all(settings.data.path()).map_err(|error| {
        CliError::failed(format!("cannot make {}: {error}", settings.data.path().display()))
    })
}

/// Leaves out a transport by which nothing was ever fetched, so that a cache is judged again as it
/// was filled: what `sync --from` took from files is never waited for over RRDP.
pub(super) fn as_fetched(mut engine: Engine) -> Result<Engine, CliError> {
    let known = engine.statuses()?;
    let has_rrdp = known.keys().any(|id| matches!(id, RepositoryId::Rrdp(_)));
    if !has_rrdp && !known.is_empty() {
        engine.transports = Transports { rrdp: false, rsync: true, ..engine.transports };
    }
    Ok(engine)
}

/// Starts the runtime of a command that waits for the network.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start: {error}")))
}
