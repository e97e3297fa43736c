//! `provost lab`: a complete RPKI on loopback, fetched, validated and asked.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::context::to_stdout;
use super::export::last_world;
use super::generate::GenerateArgs;
use super::progress::ProgressLine;
use super::serve::child_flags;
use super::summary::Summary;
use super::sync::{open_engine, runtime};
use super::{CliError, Context, Exit};
use crate::clock;
use crate::config::{ConfigFile, DEFAULT_RTR, DataDir, Settings};
use crate::lab::{self, Expected, Lab, LabOptions, RsyncUse, Stop, Truth, small_internet};
use crate::model::Vrp;
use crate::origin::{InvalidReason, Validity};
use crate::output::columns::{Align, write_columns};
use crate::output::why::why;
use crate::output::words;
use crate::service::supervisor;
use crate::service::worker::{self, Mode};
use crate::store::Access;
use crate::system::listeners::Listeners;
use crate::system::shutdown;
use crate::world::{Answer, Purpose, View, World};

/// The seed of the lab's keys and sessions.
pub(super) const SEED: u64 = 1;

/// How often the lab's repositories are asked for changes.
const REFRESH: Duration = Duration::from_secs(5);

/// How often the lab reissues its manifests and CRLs, which else run out after three days.
const REISSUE: Duration = Duration::from_secs(24 * 3_600);

/// `provost lab`
#[derive(clap::Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  provost lab tour              publish, fetch, validate, ask; then end
  provost lab                   the same, and stay up until Ctrl-C
  provost lab attack            list what a hostile server can do
  provost lab attack gzip-bomb  let one do it, and see what happens
  provost lab generate my-lab   write the lab to disk, for other validators
  provost lab generate big --scale internet   45,000 CAs, for measurements
  provost lab generate big --churn 1          the next state of it: 1 % of its CAs changed

The lab uses documentation addresses and AS numbers, listens on loopback only, and keeps its data
apart from those of the real RPKI."
)]
pub struct LabArgs {
    /// What to do instead of staying up
    #[command(subcommand)]
    pub action: Option<LabAction>,
    /// Answer HTTP at this address [default: 127.0.0.1:8323, or a free port]
    #[arg(long, value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Serve routers (RTR) at this address [default: 127.0.0.1:3323, or a free port]
    #[arg(long, value_name = "ADDR")]
    pub rtr: Option<SocketAddr>,
}

/// What to do with a lab.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum LabAction {
    /// Publish, fetch, validate and ask about a dozen announced routes; then end
    Tour,
    /// Let one server of the lab attack, and see that the others are unchanged; alone: list them
    Attack {
        /// Which attack
        name: Option<String>,
    },
    /// Write the lab to disk: rsync tree, RRDP files, TALs and the truth about it
    Generate(GenerateArgs),
}

/// Runs the command.
pub fn run(context: &Context, args: &LabArgs) -> Result<Exit, CliError> {
    match &args.action {
        Some(LabAction::Generate(args)) => super::generate::run(args),
        Some(LabAction::Attack { name }) => super::attack::run(context, name.as_deref()),
        Some(LabAction::Tour) => runtime()?.block_on(async {
            let tour = Tour::start(context).await?;
            tour.show()
        }),
        None => runtime()?.block_on(stay_up(context, args)),
    }
}

/// A lab that was published, fetched and validated.
struct Tour {
    lab: Lab,
    settings: Settings,
    world: Arc<World>,
}

impl Tour {
    /// Publishes a lab, and fetches and validates it in this process.
    async fn start(context: &Context) -> Result<Self, CliError> {
        let options = LabOptions {
            plan: small_internet(),
            seed: SEED,
            now: clock::now(),
            rsync: RsyncUse::WhereInstalled,
        };
        let lab = Lab::start(options).await.map_err(lab_failed)?;
        let settings = lab_settings(context, &lab)?;
        let engine = open_engine(&settings, Purpose::Lab, Access::Write)?;
        let line = ProgressLine::start(context.shows_progress());
        let show = |progress: &worker::Progress| line.show(progress);
        let head =
            worker::run(Arc::new(engine), Mode::OnePass, &show, shutdown::requested()).await?;
        head.ok_or_else(|| CliError::failed("interrupted"))?;
        let world = Arc::new(last_world(&settings.data)?);
        Ok(Tour { lab, settings, world })
    }

    /// Prints everything; done only if validation found exactly what the plan says.
    fn show(&self) -> Result<Exit, CliError> {
        let view = View::of_world(self.world.clone(), clock::now());
        let now = clock::now();
        let ask = |stop: Stop| (stop, view.answer(stop.route, now, self.settings.max_age));
        let stops: Vec<(Stop, Answer)> = lab::tour().into_iter().map(ask).collect();
        let truth = self.lab.truth();
        let is_true = found(&view) == truth;
        to_stdout(|out| self.write(out, &stops, &truth, is_true))?;
        let as_planned =
            stops.iter().all(|(stop, answer)| stop.expected == expected(answer.verdict.validity));
        let complete = Summary::of(&self.world.head(), true).is_complete();
        Ok(if is_true && as_planned && complete { Exit::Done } else { Exit::Failed })
    }

    fn write(
        &self,
        out: &mut dyn Write,
        stops: &[(Stop, Answer)],
        truth: &Truth,
        is_true: bool,
    ) -> io::Result<()> {
        writeln!(
            out,
            "Provost lab: a small RPKI on loopback. It uses documentation addresses and AS\n\
             numbers and is signed with worthless keys: nothing in it is real.\n"
        )?;
        self.write_published(out)?;
        writeln!(out, "\n2. Fetched and validated, starting from the trust anchors' keys.\n")?;
        Summary::of(&self.world.head(), true).print(out, false)?;
        let verdict = if is_true { "exactly as" } else { "NOT what" };
        writeln!(
            out,
            "\nThat is {verdict} the lab's plan says: {} VRPs, {} ASPA, {} router key.",
            truth.vrps.len(),
            truth.aspas.len(),
            truth.router_keys.len()
        )?;
        writeln!(
            out,
            "\n3. Asked: may this AS originate this prefix? (A VRP, validated ROA payload, is what\n\
             a valid ROA says: prefix, max length, AS.)\n"
        )?;
        write_stops(out, stops)
    }

    fn write_published(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "1. Published: each CA signs certificates, a manifest (the list of its files), a CRL (what\n\
             it revoked) and ROAs (which AS may originate which prefix).\n"
        )?;
        for repository in self.lab.repositories() {
            writeln!(out, "   {repository}")?;
        }
        if !self.lab.has_rsync() {
            writeln!(out, "   (The rsync program is not installed: RRDP only.)")?;
        }
        Ok(())
    }
}

fn write_stops(out: &mut dyn Write, stops: &[(Stop, Answer)]) -> io::Result<()> {
    let head = [
        ("Announced prefix", Align::Left),
        ("Origin AS", Align::Left),
        ("State", Align::Left),
        ("Why", Align::Left),
        ("This stop shows", Align::Left),
    ];
    let rows = stops.iter().map(|(stop, answer)| {
        vec![
            stop.route.prefix.to_string(),
            stop.route.origin.to_string(),
            words::validity(answer.verdict.validity).to_owned(),
            why(answer),
            stop.shows.to_owned(),
        ]
    });
    write_columns(out, &head, &rows.collect::<Vec<_>>())
}

/// Returns what validation found, in the form of the truth.
fn found(view: &View) -> Truth {
    let anchor = |source| view.trust_anchor(source).unwrap_or_default().to_owned();
    let vrps = view.vrps().iter().enumerate().flat_map(|(position, vrp): (usize, &Vrp)| {
        let sources = view.vrp_sources(position);
        sources.map(move |source| (*vrp, anchor(source)))
    });
    Truth {
        vrps: vrps.collect(),
        aspas: view.aspas().iter().map(|i| (i.payload.clone(), anchor(i.source))).collect(),
        router_keys: view
            .router_keys()
            .iter()
            .map(|item| (item.payload.clone(), anchor(item.source)))
            .collect(),
    }
}

fn expected(validity: Validity) -> Expected {
    match validity {
        Validity::Valid => Expected::Valid,
        Validity::Invalid(InvalidReason::As0) => Expected::InvalidAs0,
        Validity::Invalid(InvalidReason::MaxLength) => Expected::InvalidMaxLength,
        Validity::Invalid(InvalidReason::OriginAs) => Expected::InvalidOriginAs,
        Validity::Invalid(InvalidReason::Both) => Expected::InvalidBoth,
        Validity::NotFound => Expected::NotFound,
    }
}

/// Returns the settings with which the lab is fetched: nothing of the real RPKI, loopback only.
pub(super) fn lab_settings(context: &Context, lab: &Lab) -> Result<Settings, CliError> {
    let flags = ConfigFile {
        tal: lab.tals().to_vec(),
        no_rir_tals: true,
        no_rsync: !lab.has_rsync(),
        root_cert: vec![lab.tls_root()],
        allow_local_addresses: true,
        refresh: Some(REFRESH),
        ..ConfigFile::default()
    };
    // The lab's data go with the lab, unless a directory for them is named.
    let data = context.named_data_dir();
    let data = data.unwrap_or_else(|| DataDir::new(lab.directory().join("data")));
    Ok(Settings { data, proxy: None, ..context.settings(flags)? })
}

/// Shows the tour, then serves until a signal comes.
async fn stay_up(context: &Context, args: &LabArgs) -> Result<Exit, CliError> {
    let mut tour = Tour::start(context).await?;
    let exit = tour.show()?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    let http = listen(tour.settings.http, args.http)?;
    let rtr = listen(DEFAULT_RTR, args.rtr)?;
    let address = |listener: &TcpListener| {
        listener.local_addr().map_err(|error| CliError::failed(error.to_string()))
    };
    let (http_address, rtr_address) = (address(&http)?, address(&rtr)?);
    to_stdout(|out| tour.write_commands(out, http_address, rtr_address))?;

    let flags = child_flags(context, true);
    let listeners = Listeners { http: Some(http), rtr: Some(rtr), rtr_tls: None };
    let settings = Settings { rtr: Some(rtr_address), ..tour.settings.clone() };
    let mut service =
        std::pin::pin!(supervisor::run(settings, listeners, flags, None, shutdown::requested()));
    loop {
        tokio::select! {
            () = &mut service => return Ok(Exit::Done),
            () = tokio::time::sleep(REISSUE) => tour.lab.refresh(clock::now()).map_err(lab_failed)?,
        }
    }
}

/// Listens where told, else at the usual address, else at a free port of it.
fn listen(usual: SocketAddr, told: Option<SocketAddr>) -> Result<TcpListener, CliError> {
    let free = SocketAddr::new(usual.ip(), 0);
    let listener = match told {
        Some(address) => TcpListener::bind(address),
        None => TcpListener::bind(usual).or_else(|_| TcpListener::bind(free)),
    };
    listener.map_err(|error| CliError::failed(format!("cannot listen: {error}")))
}

impl Tour {
    fn write_commands(
        &self,
        out: &mut dyn Write,
        address: SocketAddr,
        routers: SocketAddr,
    ) -> io::Result<()> {
        let provost = program();
        let data = self.settings.data.path().display();
        writeln!(
            out,
            "\nThe lab stays up until Ctrl-C. Routers connect to {routers} (RTR). Other validators\n\
             need its trust anchor locators {} and its TLS root {};\n\
             docs/lab.md has their commands. Try, in another terminal:\n",
            self.lab.tal_directory().display(),
            self.lab.tls_root().display()
        )?;
        for words in [
            "check 192.0.2.0/25 AS64496",
            "check 192.0.2.0/25 AS64511",
            "check 203.0.113.192/26",
            "export --format json",
        ] {
            writeln!(out, "   {provost} {words} --data-dir {data}")?;
        }
        writeln!(out)?;
        for path in [
            "/api/v1/validity/AS64511/192.0.2.0/25",
            "/v1/validity?prefix=192.0.2.0/25&asn=AS64511",
            "/json",
            "/csv",
            "/v1/status",
            "/ready",
            "/metrics",
        ] {
            writeln!(out, "   curl 'http://{address}{path}'")?;
        }
        let notification = self.lab.repositories().into_iter().next();
        if let Some(notification) = notification {
            let root = self.lab.tls_root();
            writeln!(out, "   curl --cacert {} {notification}", root.display())?;
        }
        Ok(())
    }
}

/// Returns how to call this program from here.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("provost"));
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(&path).display().to_string()
}

pub(super) fn lab_failed(error: lab::LabError) -> CliError {
    CliError::failed(error.to_string())
}
