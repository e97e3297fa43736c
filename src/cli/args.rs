//! The arguments of every command; help, man page and completions come from here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::{ConfigFile, parse_duration};
use crate::model::Timestamp;
use crate::rtr::LossPolicy;
use crate::system::log::LogFormat;
use crate::validate::UnsafeVrps;

const EXAMPLES: &str = "\
Examples:
  provost lab tour                          see it work, without any network
  provost check 192.0.2.0/24 AS64500        is this announced route valid?
  provost check --vrps vrps.json -i table   a whole table, from a VRP file
  provost serve                             sync, validate, answer HTTP and routers

Exit codes: 0 done, no invalid route; 1 failed; 2 usage; 3 an invalid route was
found; 4 --require-valid not met; 5 no data, or older than an explicit --max-age.";

/// Is this announced route valid, invalid or unknown by RPKI, and why?
#[derive(Debug, Parser)]
#[command(name = "provost", version, about, after_help = EXAMPLES, propagate_version = true)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// Keep cache, world, history and state below DIR
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PROVOST_DATA_DIR",
        hide_env_values = true,
        help_heading = "Global"
    )]
    pub data_dir: Option<PathBuf>,
    /// Read this TOML file instead of the one at the usual places
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PROVOST_CONFIG",
        hide_env_values = true,
        help_heading = "Global"
    )]
    pub config: Option<PathBuf>,
    /// Log more: -v information, -vv details
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global")]
    pub verbose: u8,
    /// Log errors only, and show no progress
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global")]
    pub quiet: bool,
    /// How log lines are written
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Global"
    )]
    pub log_format: LogFormat,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check announced routes: valid, invalid or unknown, and why
    Check(super::check::CheckArgs),
    /// Run the service: sync, validate, answer over HTTP and RTR
    Serve(ServeArgs),
    /// Fetch the repositories, validate, publish a world
    Sync(SyncArgs),
    /// Validate what is in the cache, without any network
    Validate(ValidateArgs),
    /// Write the validated payloads for other programs
    Export(super::export::ExportArgs),
    /// Explain a route, an object or a reason code
    Explain(super::explain::ExplainArgs),
    /// Decode any RPKI object, and show the first rule that it breaks
    Inspect(super::inspect::InspectArgs),
    /// Verify a signed checklist, and files against it
    VerifyRsc(super::verify_rsc::VerifyRscArgs),
    /// Check local exceptions (SLURM) before they are used
    Slurm(super::slurm::SlurmArgs),
    /// Show the configuration in force, or import Routinator's
    Config(super::config::ConfigArgs),
    /// A complete RPKI on loopback, for learning and for tests
    Lab(super::lab::LabArgs),
    /// Write completions for a shell to standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into DIR
    #[command(hide = true)]
    Man {
        /// The directory
        dir: PathBuf,
    },
}

/// Which trust anchors are used, and how they are judged.
#[derive(Args, Clone, Debug, Default)]
pub struct TrustAnchorArgs {
    /// Use this trust anchor locator, too (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Trust anchors")]
    pub tal: Vec<PathBuf>,
    /// Do not use the five RIR trust anchors that are built in
    #[arg(long, help_heading = "Trust anchors")]
    pub no_rir_tals: bool,
    /// What to do with VRPs that overlap the resources of a CA without valid data: accept, warn
    /// or reject
    #[arg(long, value_name = "POLICY", help_heading = "Validation")]
    pub unsafe_vrps: Option<UnsafeVrps>,
    /// Follow CAs down to this depth below a trust anchor
    #[arg(long, value_name = "DEPTH", help_heading = "Validation")]
    pub max_ca_depth: Option<usize>,
}

/// How repositories are fetched.
#[derive(Args, Clone, Debug, Default)]
pub struct TransportArgs {
    /// Do not use RRDP
    #[arg(long, help_heading = "Network")]
    pub no_rrdp: bool,
    /// Do not use rsync
    #[arg(long, help_heading = "Network")]
    pub no_rsync: bool,
    /// Trust the TLS roots in this PEM file, too (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub root_cert: Vec<PathBuf>,
    /// Contact loopback and private addresses, too: for labs only
    #[arg(long, help_heading = "Network")]
    pub allow_local_addresses: bool,
    /// Ask each repository for changes this often
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Network")]
    pub refresh: Option<Duration>,
    /// Mark the data directory as a lab
    #[arg(long, hide = true)]
    pub lab: bool,
}

/// Which local exceptions are applied.
#[derive(Args, Clone, Debug, Default)]
pub struct ExceptionArgs {
    /// Apply the local exceptions in this SLURM file (repeatable)
    #[arg(short = 'x', long = "exceptions", value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `provost sync`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  provost sync                              one pass over the five RIRs' repositories
  provost sync --from /var/cache/rpki-client  objects from files instead of the network

Exits 0 only when every trust anchor was validated.")]
pub struct SyncArgs {
    /// Trust anchors.
    #[command(flatten)]
    pub trust_anchors: TrustAnchorArgs,
    /// Transports.
    #[command(flatten)]
    pub transport: TransportArgs,
    /// Take objects from a tree HOST/MODULE/PATH, or rpki-client's cache, instead of the network
    #[arg(long, value_name = "DIR", conflicts_with = "follow")]
    pub from: Option<PathBuf>,
    /// Judge at this time; marks an empty data directory as an archive of it
    #[arg(long, value_name = "TIME", requires = "from")]
    pub at: Option<Timestamp>,
    /// Do not stop: this is the worker of the service
    #[arg(long)]
    pub follow: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
    /// End when the parent process ends
    #[arg(long, hide = true)]
    pub supervised: bool,
}

/// `provost validate`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  provost validate                          judge the cache again, now
  provost validate --at 2026-12-24T00:00:00Z  what would be valid then; publishes nothing")]
pub struct ValidateArgs {
    /// Trust anchors.
    #[command(flatten)]
    pub trust_anchors: TrustAnchorArgs,
    /// Judge today's objects at this time; writes no state and publishes nothing
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Use no memo of earlier validations
    #[arg(long)]
    pub full: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// `provost serve`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  provost serve                             the service, with its worker
  provost serve --rtr [::]:3323             routers may connect from everywhere
  provost serve --no-worker                 the server alone, from the last published world
  curl http://127.0.0.1:8323/api/v1/validity/AS64500/192.0.2.0/24")]
pub struct ServeArgs {
    /// Trust anchors.
    #[command(flatten)]
    pub trust_anchors: TrustAnchorArgs,
    /// Transports.
    #[command(flatten)]
    pub transport: TransportArgs,
    /// Local exceptions.
    #[command(flatten)]
    pub exceptions: ExceptionArgs,
    /// Answer HTTP at this address [default: 127.0.0.1:8323]
    #[arg(long, value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Serve routers (RTR) at this address [default: 127.0.0.1:3323]
    #[arg(long, value_name = "ADDR", help_heading = "Routers")]
    pub rtr: Option<SocketAddr>,
    /// Serve no routers over bare TCP
    #[arg(long, conflicts_with = "rtr", help_heading = "Routers")]
    pub no_rtr: bool,
    /// Serve routers that speak TLS at this address, too; port 324 is theirs
    #[arg(long, value_name = "ADDR", help_heading = "Routers")]
    pub rtr_tls: Option<SocketAddr>,
    /// PEM file with the certificate that routers are shown, and those below its root
    #[arg(long, value_name = "FILE", help_heading = "Routers")]
    pub rtr_tls_cert: Option<PathBuf>,
    /// PEM file with its private key
    #[arg(long, value_name = "FILE", help_heading = "Routers")]
    pub rtr_tls_key: Option<PathBuf>,
    /// PEM file with roots: routers must show a certificate below one, for their address
    #[arg(long, value_name = "FILE", help_heading = "Routers")]
    pub rtr_tls_client_ca: Option<PathBuf>,
    /// Routers get nothing any more when no source was brought up to date for this long
    /// [default: 2h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Routers")]
    pub rtr_max_age: Option<Duration>,
    /// When a trust anchor loses more than a tenth of its VRPs within an hour: off, alarm, or
    /// hold (routers keep them until they expire) [default: alarm]
    #[arg(long, value_name = "POLICY", help_heading = "Routers")]
    pub rtr_loss: Option<LossPolicy>,
    /// Show metrics under the names of Routinator, too, as far as both count the same
    #[arg(long)]
    pub routinator_metrics: bool,
    /// The server alone: answer from the last published world, and fetch nothing
    #[arg(long)]
    pub no_worker: bool,
    /// Count data as stale that are older than this [default: 2h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub max_age: Option<Duration>,
    /// The listeners wait in standard input
    #[arg(long, hide = true)]
    pub inherit: bool,
}

impl TrustAnchorArgs {
    /// Writes what the flags say into `file`.
    pub fn apply(&self, file: &mut ConfigFile) {
        file.tal = self.tal.clone();
        file.no_rir_tals = self.no_rir_tals;
        file.unsafe_vrps = self.unsafe_vrps;
        file.max_ca_depth = self.max_ca_depth;
    }
}

impl TransportArgs {
    /// Writes what the flags say into `file`.
    pub fn apply(&self, file: &mut ConfigFile) {
        file.no_rrdp = self.no_rrdp;
        file.no_rsync = self.no_rsync;
        file.root_cert = self.root_cert.clone();
        file.allow_local_addresses = self.allow_local_addresses;
        file.refresh = self.refresh;
    }
}
