//! The VRPs of a world in columns: a view, and what routers get, share them instead of a copy.

use std::sync::Arc;

use super::VrpRecord;
use crate::model::Vrp;

/// Stands where a VRP is not given by exactly one object.
const SEVERAL: u32 = u32::MAX;

/// VRPs, each with the objects that give it; a clone shares the memory.
///
/// It is a list of [`VrpRecord`]s, in which those of the same VRP that follow on each other are
/// joined.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VrpList {
    vrps: Arc<Vec<Vrp>>,
    /// For each VRP the object, or [`SEVERAL`].
    objects: Arc<Vec<u32>>,
    /// Position and object, ascending by position: of the VRPs that have not just one.
    several: Arc<Vec<(u32, u32)>>,
    records: usize,
}

impl VrpList {
    /// Returns the VRPs, each once where the list is sorted.
    pub fn vrps(&self) -> &Arc<Vec<Vrp>> {
        &self.vrps
    }

    /// Returns the number of records.
    pub fn len(&self) -> usize {
        self.records
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Returns the objects of the VRP at `position` of [`VrpList::vrps`].
    pub fn objects(&self, position: usize) -> impl Iterator<Item = u32> + Clone + '_ {
        let object = self.objects.get(position).copied();
        let rest = match object {
            Some(SEVERAL) => {
                let first = self.several.partition_point(|(at, _)| (*at as usize) < position);
                self.several.get(first..).unwrap_or_default()
            }
            _ => &[],
        };
        let rest = rest.iter().take_while(move |(at, _)| *at as usize == position);
        object
            .filter(|object| *object != SEVERAL)
            .into_iter()
            .chain(rest.map(|(_, object)| *object))
    }

    /// Returns the records.
    pub fn iter(&self) -> impl Iterator<Item = VrpRecord> + Clone + '_ {
        let several = self.several.as_slice();
        Records { vrps: &self.vrps, objects: &self.objects, several }
    }

    /// Tells whether `is_so` holds for every object that is named; each may be asked for often.
    pub fn all_objects(&self, is_so: impl Fn(u32) -> bool) -> bool {
        self.objects.iter().all(|object| *object == SEVERAL || is_so(*object))
            && self.several.iter().all(|(_, object)| is_so(*object))
    }

    /// Changes the records as a list.
    pub fn edit<T>(&mut self, change: impl FnOnce(&mut Vec<VrpRecord>) -> T) -> T {
        let mut records = self.iter().collect();
        let result = change(&mut records);
        *self = records.into_iter().collect();
        result
    }

    /// Makes a list of records that come one by one; `size` is how many are expected.
    pub fn collect(records: impl IntoIterator<Item = VrpRecord>, size: usize) -> VrpList {
        let mut columns = Columns::with_capacity(size);
        records.into_iter().for_each(|record| columns.push(record));
        columns.finish()
    }
}

impl FromIterator<VrpRecord> for VrpList {
    fn from_iter<T: IntoIterator<Item = VrpRecord>>(records: T) -> Self {
        let records = records.into_iter();
        let size = records.size_hint().0;
        VrpList::collect(records, size)
    }
}

/// The records of a list: a pass over all of them is what a change of world is made of.
#[derive(Clone, Debug)]
struct Records<'a> {
    /// The VRPs from the next one on, and their objects.
    vrps: &'a [Vrp],
    objects: &'a [u32],
    /// The rest of those that have not just one.
    several: &'a [(u32, u32)],
}

impl Iterator for Records<'_> {
    type Item = VrpRecord;

    #[inline]
    fn next(&mut self) -> Option<VrpRecord> {
        let ((vrp, vrps), (object, objects)) =
            self.vrps.split_first().zip(self.objects.split_first())?;
        if *object != SEVERAL {
            (self.vrps, self.objects) = (vrps, objects);
            return Some(VrpRecord { vrp: *vrp, object: *object });
        }
        let ((position, object), rest) = self.several.split_first()?;
        if rest.first().is_none_or(|(next, _)| next != position) {
            (self.vrps, self.objects) = (vrps, objects);
        }
        self.several = rest;
        Some(VrpRecord { vrp: *vrp, object: *object })
    }
}

/// A list while it is made.
#[derive(Debug, Default)]
pub(super) struct Columns {
    vrps: Vec<Vrp>,
    objects: Vec<u32>,
    several: Vec<(u32, u32)>,
    records: usize,
}

impl Columns {
    /// Makes room for `size` records.
    pub fn with_capacity(size: usize) -> Self {
        let (vrps, objects) = (Vec::with_capacity(size), Vec::with_capacity(size));
        Columns { vrps, objects, ..Columns::default() }
    }

    /// Adds a record behind the others.
    pub fn push(&mut self, VrpRecord { vrp, object }: VrpRecord) {
        self.records += 1;
        let is_same = self.vrps.last() == Some(&vrp);
        if !is_same {
            self.vrps.push(vrp);
            self.objects.push(object);
            if object != SEVERAL {
                return;
            }
        }
        let position = u32::try_from(self.vrps.len()).unwrap_or(u32::MAX).saturating_sub(1);
        if let Some(only) = self.objects.last_mut().filter(|only| **only != SEVERAL) {
            self.several.push((position, *only));
            *only = SEVERAL;
        }
        self.several.push((position, object));
    }

    /// Ends the list.
    pub fn finish(mut self) -> VrpList {
        self.vrps.shrink_to_fit();
        self.objects.shrink_to_fit();
        self.several.shrink_to_fit();
        VrpList {
            vrps: Arc::new(self.vrps),
            objects: Arc::new(self.objects),
            several: Arc::new(self.several),
            records: self.records,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Asn;

    proptest! {
        #[test]
        fn records_in_any_order_come_back_as_they_were(
            rows in prop::collection::vec((0u32..4, prop_oneof![0u32..4, Just(u32::MAX)]), 0..40),
        ) {
            let prefix = "192.0.2.0/24".parse().unwrap();
            let vrp = |asn| Vrp { prefix, max_length: 24, asn: Asn(asn) };
            let records: Vec<VrpRecord> =
                rows.into_iter().map(|(asn, object)| VrpRecord { vrp: vrp(asn), object }).collect();
            let list: VrpList = records.iter().copied().collect();
            prop_assert_eq!(list.len(), records.len());
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), records.clone());
            prop_assert!(list.vrps().windows(2).all(|pair| pair[0] != pair[1]));
            let mut again = list.clone();
            again.edit(|_| ());
            prop_assert_eq!(again, list);
        }
    }
}
