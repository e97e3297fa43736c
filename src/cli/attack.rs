//! `provost lab attack`: one server of the lab turns hostile, and the others are unchanged.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::context::to_stdout;
use super::export::last_world;
use super::lab::{SEED, lab_failed, lab_settings};
use super::progress::ProgressLine;
use super::sync::{open_engine_within, runtime};
use super::{CliError, Context, Exit};
use crate::clock;
use crate::config::Settings;
use crate::lab::{Attack, Lab, LabOptions, RsyncUse, attacks, besieged, small_internet};
use crate::model::{RepositoryId, Vrp};
use crate::output::columns::{Align, write_columns};
use crate::output::words;
use crate::service::worker::{self, Mode};
use crate::store::Access;
use crate::system::shutdown;
use crate::world::{Purpose, RepositoryStatus, View, World};

/// How long one attempt at a repository may take here; in earnest it is five minutes.
const DEADLINE: Duration = Duration::from_secs(5);

/// How many CAs with slow hosts the siege has.
const TARPITS: usize = 40;

/// Lists the attacks, or carries one out.
pub(super) fn run(context: &Context, name: Option<&str>) -> Result<Exit, CliError> {
    let Some(name) = name else {
        to_stdout(list)?;
        return Ok(Exit::Done);
    };
    let attack = Attack::named(name).ok_or_else(|| {
        CliError::usage(format!("there is no attack {name:?}"))
            .hint("`provost lab attack` lists them")
    })?;
    let shown = runtime()?.block_on(Shown::of(context, attack))?;
    to_stdout(|out| shown.write(out))?;
    Ok(if shown.siblings_unchanged() { Exit::Done } else { Exit::Failed })
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Each attack is carried out by a server of the lab, on loopback:\n")?;
    for attack in attacks() {
        writeln!(
            out,
            "{}\n    The server {}.\n    {}\n",
            attack.name, attack.does, attack.defence
        )?;
    }
    writeln!(out, "Carry one out with: provost lab attack NAME")
}

/// An attack, with what there was before it and after it.
struct Shown {
    attack: Attack,
    hostile: BTreeSet<RepositoryId>,
    before: Arc<World>,
    after: Arc<World>,
    took: Duration,
}

/// A VRP, and whether it comes from a repository that attacks.
type Sourced = BTreeSet<(Vrp, bool)>;

impl Shown {
    async fn of(context: &Context, attack: Attack) -> Result<Self, CliError> {
        let plan = if attack.needs_siege() {
            besieged(small_internet(), "birch", TARPITS)
        } else {
            small_internet()
        };
        let rsync = RsyncUse::WhereInstalled;
        let options = LabOptions { plan, seed: SEED, now: clock::now(), rsync };
        let mut lab = Lab::start(options).await.map_err(lab_failed)?;
        if attack.needs_rsync() && !lab.has_rsync() {
            let message = "this attack needs the rsync program, which is not installed";
            return Err(CliError::failed(message));
        }
        let settings = lab_settings(context, &lab)?;
        let before = pass(context, &settings).await?;
        lab.attack(attack, clock::now()).map_err(lab_failed)?;
        let started = Instant::now();
        let after = pass(context, &settings).await?;
        let hostile = lab.hostile_repositories().into_iter().collect();
        Ok(Shown { attack, hostile, before, after, took: started.elapsed() })
    }

    /// Returns the VRPs of a world, each with whether a hostile repository gives it.
    fn vrps(&self, world: &Arc<World>) -> Sourced {
        let view = View::of_world(world.clone(), clock::now());
        let is_hostile = |position: usize| {
            view.vrp_sources(position).any(|source| {
                let point = view.object(source).map(|object| object.point);
                let point = point.and_then(|index| world.points.get(usize::try_from(index).ok()?));
                let repository = point.and_then(|point| point.repository);
                let status = repository
                    .and_then(|index| world.repositories.get(usize::try_from(index).ok()?));
                status.is_some_and(|status| self.hostile.contains(&status.id))
            })
        };
        let each = view.vrps().iter().enumerate();
        each.map(|(position, vrp)| (*vrp, is_hostile(position))).collect()
    }

    fn siblings_unchanged(&self) -> bool {
        let siblings = |world| -> BTreeSet<Vrp> {
            let all = self.vrps(world).into_iter();
            all.filter(|(_, hostile)| !hostile).map(|(vrp, _)| vrp).collect()
        };
        siblings(&self.before) == siblings(&self.after)
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (before, after) = (self.vrps(&self.before), self.vrps(&self.after));
        let count = |vrps: &Sourced, hostile| vrps.iter().filter(|(_, h)| *h == hostile).count();
        writeln!(out, "The attack `{}`: the server {}.", self.attack.name, self.attack.does)?;
        writeln!(out, "The defence: {}\n", self.attack.defence)?;
        writeln!(
            out,
            "VRPs before the attack: {} from its repository, {} from the others.\n\
             With the attack, a sync took {:.1} s (an attempt is given up after {} s here, and \
             after five minutes in earnest), and ended so:\n",
            count(&before, true),
            count(&before, false),
            self.took.as_secs_f64(),
            DEADLINE.as_secs(),
        )?;
        self.write_repositories(out)?;
        writeln!(
            out,
            "\nVRPs of the others: {}, {}.",
            count(&after, false),
            if self.siblings_unchanged() { "unchanged" } else { "CHANGED" },
        )?;
        writeln!(
            out,
            "VRPs of the attacker: {}; what it published in good order stays until it expires.",
            count(&after, true),
        )
    }

    fn write_repositories(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = [
            ("", Align::Left),
            ("Repository", Align::Left),
            ("State", Align::Left),
            ("Took", Align::Right),
            ("", Align::Left),
        ];
        let row = |status: &RepositoryStatus| {
            let took = status.duration.map(|took| format!("{:.1} s", took.as_secs_f64()));
            vec![
                if self.hostile.contains(&status.id) { "attacks" } else { "" }.to_owned(),
                status.id.to_string(),
                words::repository_state(status.state).to_owned(),
                took.unwrap_or_else(|| "-".to_owned()),
                status.error.clone().unwrap_or_default(),
            ]
        };
        // Of a siege, the first few tell enough.
        let (hostile, honest): (Vec<_>, Vec<_>) =
            self.after.repositories.iter().partition(|status| self.hostile.contains(&status.id));
        let shown = honest.into_iter().chain(hostile.iter().copied().take(5));
        let rows: Vec<Vec<String>> = shown.map(row).collect();
        write_columns(out, &head, &rows)?;
        match hostile.len().saturating_sub(5) {
            0 => Ok(()),
            more => writeln!(out, "... and {more} more that attack"),
        }
    }
}

/// Fetches and validates once, in this process.
async fn pass(context: &Context, settings: &Settings) -> Result<Arc<World>, CliError> {
    let engine = open_engine_within(settings, Purpose::Lab, Access::Write, DEADLINE)?;
    let line = ProgressLine::start(context.shows_progress());
    let show = |progress: &worker::Progress| line.show(progress);
    let head = worker::run(Arc::new(engine), Mode::OnePass, &show, shutdown::requested()).await?;
    head.ok_or_else(|| CliError::failed("interrupted"))?;
    Ok(Arc::new(last_world(&settings.data)?))
}
