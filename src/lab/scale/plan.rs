//! The plan of a lab of scale: which CAs there are, where, with how many ROAs. Pure.

use super::draw::{Draw, apportion};
use super::size::{ANCHORS, CUSTOMERS, DELEGATED, Scale, WITHOUT_ROAS};
use super::space;
use crate::lab::{LabError, Roa, ServerUris, Transports};
use crate::model::{ObjectUri, ResourceSet};

/// The port of the HTTPS servers, whose addresses are on loopback.
const PORT: u16 = 8443;

/// What there is in a lab of scale, before any change; small enough to be held as a whole.
pub(super) struct ScalePlan {
    pub(super) seed: u64,
    /// One for each registry, then those of others.
    pub(super) servers: Vec<ServerUris>,
    /// Parents precede children.
    pub(super) cas: Vec<ScaleCa>,
}

/// A CA of the plan.
pub(super) struct ScaleCa {
    /// Its name, unique in the plan; names the directory and the files, too.
    pub(super) name: String,
    /// The number of its trust anchor.
    pub(super) anchor: usize,
    pub(super) server: usize,
    pub(super) parent: Option<usize>,
    pub(super) children: Vec<usize>,
    pub(super) resources: ResourceSet,
    pub(super) roas: Vec<Roa>,
}

impl ScalePlan {
    /// Makes the plan; scale and seed decide all of it.
    pub(super) fn new(scale: Scale, seed: u64) -> Result<Self, LabError> {
        let size = scale.size();
        let hosts = 1..=ANCHORS.len() + size.delegated_hosts;
        let servers: Result<Vec<_>, _> = hosts
            .map(|host| {
                let address = format!("127.1.0.{host}");
                let https = format!("{address}:{PORT}");
                ServerUris::new(&https, &address, Transports::RrdpAndRsync)
            })
            .collect();
        let mut plan = ScalePlan { seed, servers: servers?, cas: Vec::with_capacity(size.cas) };
        let shares: Vec<u64> = ANCHORS.iter().map(|anchor| anchor.cas as u64).collect();
        for (anchor, cas) in apportion(&shares, size.cas).into_iter().enumerate() {
            plan.add_anchor(anchor, cas, size.delegated_hosts);
        }
        let counts = plan.prefix_counts(size.roas, size.prefixes);
        space::fill(&mut plan, &counts)?;
        Ok(plan)
    }

    fn add_anchor(&mut self, anchor: usize, cas: usize, delegated_hosts: usize) {
        let Some(kind) = ANCHORS.get(anchor) else { return };
        let root = self.add(kind.name.to_owned(), anchor, anchor, None);
        let registries: Vec<usize> = (1..=kind.registries)
            .map(|number| {
                let name = format!("{}-registry-{number}", kind.name);
                self.add(name, anchor, anchor, Some(root))
            })
            .collect();
        let members = cas.saturating_sub(1 + registries.len());
        let of_each = members.div_ceil(registries.len().max(1)).max(1);
        for number in 0..members {
            let mut draw = Draw::new(self.seed, kind.name, number);
            let Some(&registry) = registries.get(number / of_each) else { return };
            let server = match draw.chance(DELEGATED) {
                // Small hosts are many: the minimum of two draws favours the first ones.
                true => {
                    let host = draw.below(delegated_hosts).min(draw.below(delegated_hosts));
                    ANCHORS.len() + host
                }
                false => anchor,
            };
            let before = number % of_each;
            let parent = match draw.chance(CUSTOMERS) && before > 0 {
                true => self.cas.len() - 1 - draw.below(before),
                false => registry,
            };
            self.add(format!("{}-{number:05}", kind.name), anchor, server, Some(parent));
        }
    }

    fn add(&mut self, name: String, anchor: usize, server: usize, parent: Option<usize>) -> usize {
        let index = self.cas.len();
        if let Some(parent) = parent.and_then(|parent| self.cas.get_mut(parent)) {
            parent.children.push(index);
        }
        self.cas.push(ScaleCa {
            name,
            anchor,
            server,
            parent,
            children: Vec::new(),
            resources: ResourceSet::default(),
            roas: Vec::new(),
        });
        index
    }

    /// Returns for each CA how many prefixes each of its ROAs has.
    fn prefix_counts(&self, roas: usize, prefixes: usize) -> Vec<Vec<usize>> {
        let weight = |(index, ca): (usize, &ScaleCa)| {
            let mut draw = Draw::new(self.seed, "roas", index);
            match self.is_member(ca) && !draw.chance(WITHOUT_ROAS) {
                true => draw.weight() * ANCHORS.get(ca.anchor).map_or(1, |anchor| anchor.roas),
                false => 0,
            }
        };
        let weights: Vec<u64> = self.cas.iter().enumerate().map(weight).collect();
        let counts = apportion(&weights, roas);
        let mut draw = Draw::new(self.seed, "prefixes", 0);
        let weights: Vec<u64> = (0..roas).map(|_| draw.weight()).collect();
        let mut more = apportion(&weights, prefixes.saturating_sub(roas)).into_iter();
        counts.into_iter().map(|count| more.by_ref().take(count).map(|n| n + 1).collect()).collect()
    }

    /// Tells whether a CA is neither a trust anchor nor one of a registry's own.
    fn is_member(&self, ca: &ScaleCa) -> bool {
        let parent = ca.parent.and_then(|parent| self.cas.get(parent));
        parent.is_some_and(|parent| parent.parent.is_some())
    }

    /// Returns the numbers of the trust anchors.
    pub(super) fn anchors(&self) -> Vec<usize> {
        let cas = self.cas.iter().enumerate();
        cas.filter(|(_, ca)| ca.parent.is_none()).map(|(index, _)| index).collect()
    }

    /// Returns where a CA publishes.
    pub(super) fn directory(&self, ca: &ScaleCa) -> Result<ObjectUri, LabError> {
        self.server(ca)?.directory(&ca.name)
    }

    /// Returns where the certificate of a CA is published.
    pub(super) fn certificate_uri(&self, ca: &ScaleCa) -> Result<ObjectUri, LabError> {
        match ca.parent.and_then(|parent| self.cas.get(parent)) {
            Some(parent) => Ok(self.directory(parent)?.join(&format!("{}.cer", ca.name))?),
            None => self.server(ca)?.ta_rsync(&ca.name),
        }
    }

    pub(super) fn server(&self, ca: &ScaleCa) -> Result<&ServerUris, LabError> {
        self.servers
            .get(ca.server)
            .ok_or_else(|| LabError::Plan(format!("{} has no server", ca.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_the_size_that_its_scale_says_and_is_skewed() {
        let plan = ScalePlan::new(Scale::Medium, 1).unwrap();
        let roas = |ca: &ScaleCa| ca.roas.len();
        assert_eq!(plan.cas.len(), 4_500);
        assert_eq!(plan.cas.iter().filter(|ca| ca.parent.is_none()).count(), 5);
        assert_eq!(plan.cas.iter().map(roas).sum::<usize>(), 27_600);
        let prefixes = plan.cas.iter().flat_map(|ca| &ca.roas).map(|roa| roa.prefixes.len());
        assert_eq!(prefixes.sum::<usize>(), 84_000);
        let mut counts: Vec<_> = plan.cas.iter().map(roas).collect();
        counts.sort_unstable();
        assert!(counts[2_250] <= 4, "the median CA has {} ROAs", counts[2_250]);
        assert!(counts[4_499] > 300, "the largest CA has {} ROAs", counts[4_499]);
        let hosted = plan.cas.iter().filter(|ca| ca.server < 5).count();
        assert!((4_300..4_420).contains(&hosted), "{hosted} CAs are hosted");
        assert!(plan.cas.iter().all(|ca| ca.roas.is_empty() || plan.is_member(ca)));
    }

    #[test]
    fn no_ca_of_a_plan_claims_what_its_parent_does_not_hold() {
        let plan = ScalePlan::new(Scale::Tiny, 7).unwrap();
        for ca in &plan.cas {
            if let Some(parent) = ca.parent {
                assert!(plan.cas[parent].resources.contains_set(&ca.resources), "{}", ca.name);
            }
            for entry in ca.roas.iter().flat_map(|roa| &roa.prefixes) {
                assert!(ca.resources.contains_prefix(entry.prefix), "{} {}", ca.name, entry.prefix);
            }
        }
    }

    #[test]
    fn the_plan_of_the_internet_fits_its_address_space() {
        let plan = ScalePlan::new(Scale::Internet, 1).unwrap();
        assert_eq!(plan.cas.len(), 45_000);
    }
}
