//! Verifies the invariants of a world that was read from a file. Pure.

use super::{PointRecord, World, WorldError};
use crate::model::ResourceSet;

impl World {
    /// Verifies that every index is in bounds, every order holds and every VRP is possible.
    ///
    /// # Errors
    ///
    /// Names the first invariant that does not hold.
    pub fn check(&self) -> Result<(), WorldError> {
        holds(u32::try_from(self.points.len()).is_ok(), "too many points")?;
        holds(u32::try_from(self.objects.len()).is_ok(), "too many objects")?;
        for (index, point) in self.points.iter().enumerate() {
            self.check_point(index, point)?;
        }
        let depths = self.depths();
        let places = self.points.iter().zip(&depths);
        holds(
            places.is_sorted_by(|(a, above), (b, below)| {
                (a.trust_anchor, above, a.id) < (b.trust_anchor, below, b.id)
            }),
            "points not in order",
        )?;
        holds(
            self.objects.is_sorted_by(|a, b| match a.point == b.point {
                true => a.key() <= b.key(),
                false => a.point < b.point,
            }),
            "objects not grouped by point",
        )?;
        let last = self.objects.last().map(|object| object.point);
        holds(
            last.is_none_or(|last| in_bounds(last, self.points.len())),
            "object without a point",
        )?;
        self.check_payload()
    }

    fn check_point(&self, index: usize, point: &PointRecord) -> Result<(), WorldError> {
        holds(
            usize::from(point.trust_anchor) < self.trust_anchors.len(),
            "point without a trust anchor",
        )?;
        if let Some(parent) = point.parent {
            holds(in_bounds(parent, index), "a parent does not come before its child")?;
            let parent = usize::try_from(parent).ok().and_then(|parent| self.points.get(parent));
            holds(
                parent.is_some_and(|parent| parent.trust_anchor == point.trust_anchor),
                "a child has another trust anchor than its parent",
            )?;
        }
        if let Some(repository) = point.repository {
            holds(in_bounds(repository, self.repositories.len()), "point without a repository")?;
        }
        let set = &point.unproven;
        let (v4, v6, asn) = (set.v4().iter(), set.v6().iter(), set.asn().iter());
        let normal = ResourceSet::new(v4.copied(), v6.copied(), asn.copied());
        holds(normal == *set, "a resource set is not in order")
    }

    fn check_payload(&self) -> Result<(), WorldError> {
        let objects = self.objects.len();
        holds(self.vrps.iter().is_sorted(), "VRPs not sorted")?;
        holds(self.aspas.is_sorted(), "ASPAs not sorted")?;
        holds(self.router_keys.is_sorted(), "router keys not sorted")?;
        for record in self.vrps.iter() {
            let vrp = record.vrp;
            holds(in_bounds(record.object, objects), "VRP without an object")?;
            holds(
                vrp.prefix.len() <= vrp.max_length && vrp.max_length <= vrp.prefix.family().bits(),
                "a VRP's max length is out of bounds",
            )?;
        }
        let mut others = self.aspas.iter().map(|record| record.object);
        holds(others.all(|object| in_bounds(object, objects)), "ASPA without an object")?;
        let mut others = self.router_keys.iter().map(|record| record.object);
        holds(others.all(|object| in_bounds(object, objects)), "router key without an object")
    }
}

fn in_bounds(index: u32, len: usize) -> bool {
    usize::try_from(index).is_ok_and(|index| index < len)
}

fn holds(invariant: bool, name: &'static str) -> Result<(), WorldError> {
    if invariant { Ok(()) } else { Err(WorldError::Inconsistent(name)) }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::world;
    use super::*;

    #[test]
    fn every_broken_invariant_is_named() {
        type Case = (&'static str, fn(&mut World));
        let cases: [Case; 11] = [
            ("point without a trust anchor", |w| w.points[1].trust_anchor = 2),
            ("a parent does not come before its child", |w| w.points[1].parent = Some(1)),
            ("a child has another trust anchor than its parent", |w| w.points[4].parent = Some(0)),
            ("point without a repository", |w| w.points[0].repository = Some(5)),
            ("objects not grouped by point", |w| w.objects.reverse()),
            ("object without a point", |w| w.objects.last_mut().unwrap().point = 5),
            ("VRPs not sorted", |w| w.vrps.edit(|rows| rows.reverse())),
            ("VRP without an object", |w| {
                w.vrps.edit(|rows| rows.last_mut().unwrap().object = 99);
            }),
            ("a VRP's max length is out of bounds", |w| {
                w.vrps.edit(|rows| rows[5].vrp.max_length = 129);
            }),
            ("ASPA without an object", |w| w.aspas[0].object = 99),
            ("router key without an object", |w| w.router_keys[0].object = 99),
        ];
        world().check().unwrap();
        for (name, harm) in cases {
            let mut world = world();
            harm(&mut world);
            match world.check() {
                Err(WorldError::Inconsistent(found)) => assert_eq!(found, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
