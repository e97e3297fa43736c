//! Guards routers against a sudden mass loss of VRPs: one fault at a trust anchor, or in a
//! validator, can take away a tenth of the Internet's VRPs at once (THREATS I25). Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::model::{Timestamp, Vrp};

/// A loss within this time is sudden.
const WINDOW: Duration = Duration::from_secs(3_600);

/// A sudden loss of more than this share of a trust anchor's VRPs is a mass loss.
const LIMIT_PERCENT: usize = 10;

/// Fewer lost VRPs are never a mass loss: in a small trust anchor one ROA is ten percent.
const MIN_LOSS: usize = 100;

/// After this time a loss counts as meant, and the alarm ends.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// What to do about a sudden mass loss.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LossPolicy {
    /// Nothing.
    Off,
    /// Say so: in the log, in the metrics, in the status.
    #[default]
    Alarm,
    /// Say so, and leave routers what they have, each VRP until its chain expires.
    Hold,
}

impl LossPolicy {
    /// Returns the word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            LossPolicy::Off => "off",
            LossPolicy::Alarm => "alarm",
            LossPolicy::Hold => "hold",
        }
    }
}

impl fmt::Display for LossPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected off, alarm or hold")]
pub struct LossPolicyError;

impl FromStr for LossPolicy {
    type Err = LossPolicyError;

    fn from_str(text: &str) -> Result<Self, LossPolicyError> {
        [LossPolicy::Off, LossPolicy::Alarm, LossPolicy::Hold]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or(LossPolicyError)
    }
}

/// A sudden mass loss that nobody took back yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loss {
    /// The name of the trust anchor.
    pub trust_anchor: String,
    /// How many VRPs it had.
    pub before: usize,
    /// How many it has.
    pub after: usize,
    /// How many of the lost ones routers still get.
    pub held: usize,
    /// When it was seen first.
    pub since: Timestamp,
}

/// A VRP and the last second in which its chain is valid.
pub(super) type Row = (Vrp, Timestamp);

/// What a trust anchor gives now.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// How many different VRPs.
    pub count: usize,
    /// The VRPs, sorted; needed only where they may be held.
    pub rows: Vec<Row>,
}

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub losses: Vec<Loss>,
    /// VRPs to announce beside those that there are.
    pub held: Vec<Vrp>,
    /// The first second in which time alone changes this.
    pub due: Option<Timestamp>,
}

/// What each trust anchor had, by its name.
#[derive(Debug)]
pub(super) struct Guard {
    policy: LossPolicy,
    baselines: BTreeMap<String, Baseline>,
}

#[derive(Debug)]
struct Baseline {
    at: Timestamp,
    count: usize,
    /// Sorted; kept only where they may be held.
    rows: Vec<Row>,
    lost_since: Option<Timestamp>,
}

impl Guard {
    pub fn new(policy: LossPolicy) -> Self {
        Guard { policy, baselines: BTreeMap::new() }
    }

    /// Compares what each trust anchor gives with what it gave within the last hour.
    ///
    /// A trust anchor that is not in `current` is not configured any more.
    pub fn judge(&mut self, current: BTreeMap<String, Given>, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        if self.policy == LossPolicy::Off {
            return judgement;
        }
        self.baselines.retain(|name, _| current.contains_key(name));
        for (name, given) in current {
            let baseline = self.baselines.get_mut(&name);
            match baseline.and_then(|baseline| baseline.loss(&name, given.count, now)) {
                Some((mut loss, due)) => {
                    let mut dues = vec![due];
                    if self.policy == LossPolicy::Hold {
                        let held = self.baselines.get(&name).into_iter();
                        let held = held.flat_map(|baseline| baseline.lost(&given.rows, now));
                        for (vrp, expires) in held {
                            loss.held += 1;
                            judgement.held.push(*vrp);
                            dues.extend(expires.0.checked_add(1).map(Timestamp));
                        }
                    }
                    judgement.due = judgement.due.into_iter().chain(dues).min();
                    judgement.losses.push(loss);
                }
                None => self.keep(name, given, now),
            }
        }
        judgement
    }

    /// Takes a new baseline where there is more than before, or the old one is old.
    fn keep(&mut self, name: String, given: Given, now: Timestamp) {
        let old = self.baselines.get_mut(&name);
        if let Some(old) = old {
            old.lost_since = None;
            if given.count < old.count && now.since(old.at) < WINDOW {
                return;
            }
        }
        let Given { count, rows } = given;
        self.baselines.insert(name, Baseline { at: now, count, rows, lost_since: None });
    }
}

impl Baseline {
    /// Returns the loss, if it is one, and when it will count as meant.
    fn loss(&mut self, name: &str, count: usize, now: Timestamp) -> Option<(Loss, Timestamp)> {
        let lost = self.count.saturating_sub(count);
        if lost < MIN_LOSS || lost * 100 <= self.count * LIMIT_PERCENT {
            return None;
        }
        let since = *self.lost_since.get_or_insert(now);
        let end = since.plus(PATIENCE);
        if now >= end {
            // What is there now is what was meant.
            self.count = count;
            self.at = Timestamp::MIN;
            return None;
        }
        let loss = Loss {
            trust_anchor: name.to_owned(),
            before: self.count,
            after: count,
            held: 0,
            since,
        };
        Some((loss, end))
    }

    /// Returns what is not there any more, though its chain has not expired.
    fn lost<'a>(&'a self, rows: &'a [Row], now: Timestamp) -> impl Iterator<Item = &'a Row> {
        let is_there = |vrp: &Vrp| rows.binary_search_by_key(vrp, |(vrp, _)| *vrp).is_ok();
        self.rows.iter().filter(move |(vrp, expires)| now <= *expires && !is_there(vrp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Asn;

    const HOUR: i64 = 3_600;

    /// VRPs of the AS numbers below `count`; number n expires n seconds after `until`.
    fn rows(count: u32, until: i64) -> Vec<Row> {
        let prefix = "192.0.2.0/24".parse().unwrap();
        (0..count)
            .map(|n| (Vrp { prefix, max_length: 24, asn: Asn(n) }, Timestamp(until + i64::from(n))))
            .collect()
    }

    fn given(count: u32) -> Given {
        let rows = rows(count, 10 * HOUR);
        Given { count: rows.len(), rows }
    }

    fn judge(guard: &mut Guard, count: u32, now: i64) -> Judgement {
        let current = BTreeMap::from([("ta".to_owned(), given(count))]);
        guard.judge(current, Timestamp(now))
    }

    #[test]
    fn i25_a_sudden_mass_loss_is_an_alarm_until_it_is_taken_back() {
        let mut guard = Guard::new(LossPolicy::Alarm);
        assert!(judge(&mut guard, 1_000, 0).losses.is_empty());
        assert!(judge(&mut guard, 900, 60).losses.is_empty(), "ten percent are none");
        let judgement = judge(&mut guard, 899, 120);
        assert!(judgement.held.is_empty());
        let loss = Loss {
            trust_anchor: "ta".to_owned(),
            before: 1_000,
            after: 899,
            held: 0,
            since: Timestamp(120),
        };
        assert_eq!(judgement.losses, [loss]);
        // It does not end by becoming a habit.
        assert_eq!(judge(&mut guard, 899, 2 * HOUR).losses.len(), 1);
        assert!(judge(&mut guard, 950, 3 * HOUR).losses.is_empty());
    }

    #[test]
    fn slow_losses_and_small_ones_are_no_alarm() {
        let mut guard = Guard::new(LossPolicy::Alarm);
        for (hour, count) in [1_000, 920, 850, 780].into_iter().enumerate() {
            let now = i64::try_from(hour).unwrap() * HOUR;
            assert!(judge(&mut guard, count, now).losses.is_empty());
        }
        let mut guard = Guard::new(LossPolicy::Alarm);
        judge(&mut guard, 99, 0);
        assert!(judge(&mut guard, 0, 1).losses.is_empty());
        let mut guard = Guard::new(LossPolicy::Off);
        judge(&mut guard, 1_000, 0);
        assert!(judge(&mut guard, 0, 1).losses.is_empty());
    }

    #[test]
    fn i25_what_is_held_ends_with_its_chain() {
        let mut guard = Guard::new(LossPolicy::Hold);
        judge(&mut guard, 1_000, 0);
        let held = judge(&mut guard, 500, 60);
        assert_eq!((held.held.len(), held.losses[0].held), (500, 500));
        // The first that is gone is number 500, one second after its end.
        let first_end = 10 * HOUR + 500;
        assert_eq!(held.due, Some(Timestamp(first_end + 1)));
        assert_eq!(judge(&mut guard, 500, first_end).held.len(), 500);
        assert_eq!(judge(&mut guard, 500, first_end + 1).held.len(), 499);
        let all = judge(&mut guard, 500, 11 * HOUR);
        assert!(all.held.is_empty(), "all have expired");
        assert_eq!(all.losses.len(), 1, "and yet it is said");
    }

    #[test]
    fn what_comes_back_is_not_held_and_a_loss_for_a_day_counts_as_meant() {
        let mut guard = Guard::new(LossPolicy::Hold);
        judge(&mut guard, 1_000, 0);
        assert_eq!(judge(&mut guard, 0, 60).held.len(), 1_000);
        assert_eq!(judge(&mut guard, 700, 120).held.len(), 300);
        assert!(judge(&mut guard, 1_000, 180).held.is_empty());
        judge(&mut guard, 0, 240);
        let end = 240 + 24 * HOUR;
        assert_eq!(judge(&mut guard, 0, end - 1).losses.len(), 1);
        assert!(judge(&mut guard, 0, end).losses.is_empty());
        assert!(judge(&mut guard, 0, end + 60).losses.is_empty());
    }
}
