//! The base file: one world, in sections that are read side by side. Pure.
//!
//! ```text
//! 8 bytes   magic                  "PROVOST\n"
//! 4 bytes   format version         big endian
//! 4 bytes   number of sections     big endian
//! for each section
//!   1 byte    what it holds        in this order, each once or more
//!   8 bytes   its length           big endian
//!   32 bytes  its SHA-256
//! 32 bytes  SHA-256 of all of the above: the digest of the world
//! sections  in postcard's encoding: the head, then lists of points, objects, VRPs, ASPAs, keys
//! ```
//!
//! | reader | version 1 | version 2 | newer version |
//! | --- | --- | --- | --- |
//! | version 2 | refuses; the next publication replaces it | reads | refuses, naming both versions |

use std::io::{self, Cursor, Read, Seek, Write};

use rayon::prelude::*;
use serde::Deserialize;

use super::limits::{
    LARGEST_HEAD, MAX_SECTIONS, SECTION_RECORDS, SECTIONS_AT_ONCE, SMALLEST_VRP_RECORD,
};
use super::vrp_list::Columns;
use super::{
    AspaRecord, Head, ObjectRecord, PointRecord, RouterKeyRecord, VrpRecord, World, WorldError,
};
use crate::model::ObjectHash;

const MAGIC: &[u8; 8] = b"PROVOST\n";
/// A change of any type that a world holds must raise it; the log has the same number.
pub const VERSION: u32 = 2;
const FIELDS_LENGTH: usize = 8 + 4 + 4;
const ENTRY_LENGTH: usize = 1 + 8 + 32;

/// A world as it lies in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorldFile {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// The digest in its header.
    pub digest: ObjectHash,
}

/// What a section holds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Head,
    Points,
    Objects,
    Vrps,
    Aspas,
    RouterKeys,
}

impl Kind {
    const ALL: [Kind; 6] =
        [Kind::Head, Kind::Points, Kind::Objects, Kind::Vrps, Kind::Aspas, Kind::RouterKeys];
}

/// The content of a section.
enum Section {
    Head(Box<Head>),
    Points(Vec<PointRecord>),
    Objects(Vec<ObjectRecord>),
    Vrps(Vec<VrpRecord>),
    Aspas(Vec<AspaRecord>),
    RouterKeys(Vec<RouterKeyRecord>),
}

/// Encodes a world.
///
/// # Errors
///
/// Fails only where postcard does, which no world is known to make it do.
pub fn encode(world: &World) -> Result<WorldFile, WorldError> {
    let mut file = Cursor::new(Vec::new());
    let digest = write(world, &mut file).map_err(|error| WorldError::Decode(error.to_string()))?;
    Ok(WorldFile { bytes: file.into_inner(), digest })
}

/// Writes a world as a base file; returns its digest.
///
/// Only a few sections at a time are in memory: the table before them is written last.
///
/// # Errors
///
/// `output` fails, or postcard does, which no world is known to make it do.
pub fn write(world: &World, output: &mut (impl Write + Seek)) -> io::Result<ObjectHash> {
    let head = world.head();
    // Of the VRPs no list of records is there: each section's is made when it is written.
    let mut records = world.vrps.iter();
    let vrps = (0..sections_of(world.vrps.len()))
        .map(|_| Part::Vrps(records.by_ref().take(SECTION_RECORDS).collect()));
    let mut parts = std::iter::once(Part::Head(&head))
        .chain(world.points.chunks(SECTION_RECORDS).map(Part::Points))
        .chain(world.objects.chunks(SECTION_RECORDS).map(Part::Objects))
        .chain(vrps)
        .chain(world.aspas.chunks(SECTION_RECORDS).map(Part::Aspas))
        .chain(world.router_keys.chunks(SECTION_RECORDS).map(Part::RouterKeys));
    let lengths = [
        world.points.len(),
        world.objects.len(),
        world.vrps.len(),
        world.aspas.len(),
        world.router_keys.len(),
    ];
    let sections = 1 + lengths.into_iter().map(sections_of).sum::<usize>();
    let count = u32::try_from(sections).ok().filter(|count| *count <= MAX_SECTIONS);
    let count = count.ok_or_else(|| io::Error::other(WorldError::Length))?;
    let mut table = Vec::with_capacity(FIELDS_LENGTH + sections * ENTRY_LENGTH);
    table.extend_from_slice(MAGIC);
    table.extend_from_slice(&VERSION.to_be_bytes());
    table.extend_from_slice(&count.to_be_bytes());
    output.write_all(&vec![0; FIELDS_LENGTH + sections * ENTRY_LENGTH + 32])?;
    loop {
        let some: Vec<_> = parts.by_ref().take(rayon::current_num_threads()).collect();
        if some.is_empty() {
            break;
        }
        let bodies: io::Result<Vec<_>> = some.par_iter().map(Part::encode).collect();
        for (part, (body, hash)) in some.iter().zip(bodies?) {
            table.push(part.kind() as u8);
            table.extend_from_slice(&(body.len() as u64).to_be_bytes());
            table.extend_from_slice(&hash.0);
            output.write_all(&body)?;
        }
    }
    let digest = ObjectHash::of(&table);
    table.extend_from_slice(&digest.0);
    output.rewind()?;
    output.write_all(&table)?;
    Ok(digest)
}

fn sections_of(records: usize) -> usize {
    records.div_ceil(SECTION_RECORDS)
}

/// What becomes a section.
enum Part<'a> {
    Head(&'a Head),
    Points(&'a [PointRecord]),
    Objects(&'a [ObjectRecord]),
    Vrps(Vec<VrpRecord>),
    Aspas(&'a [AspaRecord]),
    RouterKeys(&'a [RouterKeyRecord]),
}

impl Part<'_> {
    fn kind(&self) -> Kind {
        match self {
            Part::Head(_) => Kind::Head,
            Part::Points(_) => Kind::Points,
            Part::Objects(_) => Kind::Objects,
            Part::Vrps(_) => Kind::Vrps,
            Part::Aspas(_) => Kind::Aspas,
            Part::RouterKeys(_) => Kind::RouterKeys,
        }
    }

    fn encode(&self) -> io::Result<(Vec<u8>, ObjectHash)> {
        let body = match self {
            Part::Head(head) => postcard::to_stdvec(head),
            Part::Points(points) => postcard::to_stdvec(points),
            Part::Objects(objects) => postcard::to_stdvec(objects),
            Part::Vrps(vrps) => postcard::to_stdvec(vrps),
            Part::Aspas(aspas) => postcard::to_stdvec(aspas),
            Part::RouterKeys(keys) => postcard::to_stdvec(keys),
        };
        let body = body.map_err(io::Error::other)?;
        let hash = ObjectHash::of(&body);
        Ok((body, hash))
    }
}

/// One line of the table of sections.
struct EntryOf {
    kind: Kind,
    length: usize,
    hash: ObjectHash,
}

/// Reads the table of sections, and verifies it.
fn read_table(input: &mut impl Read) -> Result<(Vec<EntryOf>, ObjectHash), WorldError> {
    let mut fields = [0; FIELDS_LENGTH];
    let filled = read_up_to(input, &mut fields);
    let (magic, rest) = fields.split_first_chunk::<8>().ok_or(WorldError::NotAWorld)?;
    if filled < 8 || magic != MAGIC {
        return Err(WorldError::NotAWorld);
    }
    let (version, rest) = rest.split_first_chunk::<4>().ok_or(WorldError::Length)?;
    if filled < 12 {
        return Err(WorldError::Length);
    }
    match u32::from_be_bytes(*version) {
        VERSION => {}
        0 => return Err(WorldError::NotAWorld),
        found if found < VERSION => return Err(WorldError::Older { found }),
        found => return Err(WorldError::Newer { found, known: VERSION }),
    }
    let count = rest.first_chunk::<4>().filter(|_| filled == FIELDS_LENGTH);
    let count = u32::from_be_bytes(*count.ok_or(WorldError::Length)?);
    let count = Some(count).filter(|count| *count <= MAX_SECTIONS);
    let count = count.and_then(|count| usize::try_from(count).ok()).ok_or(WorldError::Length)?;
    let mut table = vec![0; count * ENTRY_LENGTH + 32];
    if read_up_to(input, &mut table) != table.len() {
        return Err(WorldError::Length);
    }
    let (table, digest) = table.split_last_chunk::<32>().ok_or(WorldError::Length)?;
    if ObjectHash::of(&[&fields, table].concat()).0 != *digest {
        return Err(WorldError::Digest);
    }
    let entries: Option<Vec<EntryOf>> = table.chunks_exact(ENTRY_LENGTH).map(read_entry).collect();
    let entries = entries.ok_or(WorldError::Length)?;
    if !entries.is_sorted_by_key(|entry| entry.kind) {
        return Err(WorldError::Inconsistent("sections not in order"));
    }
    Ok((entries, ObjectHash(*digest)))
}

fn read_entry(entry: &[u8]) -> Option<EntryOf> {
    let (kind, rest) = entry.split_first()?;
    let (length, hash) = rest.split_first_chunk::<8>()?;
    Some(EntryOf {
        kind: *Kind::ALL.get(usize::from(*kind))?,
        length: usize::try_from(u64::from_be_bytes(*length)).ok()?,
        hash: ObjectHash::from_slice(hash)?,
    })
}

/// Reads until the buffer is full or the input ends; returns how many bytes there were.
fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    filled
}

/// Reads the head of a base file, and no more of it; returns it with the digest of the world.
///
/// # Errors
///
/// As [`decode`], as far as it can tell.
pub fn read_head(input: &mut impl Read) -> Result<(Head, ObjectHash), WorldError> {
    let (entries, digest) = read_table(input)?;
    let entry = entries.first().filter(|entry| entry.kind == Kind::Head);
    let entry = entry.filter(|entry| entry.length <= LARGEST_HEAD).ok_or(WorldError::Length)?;
    let mut body = vec![0; entry.length];
    if read_up_to(input, &mut body) != body.len() {
        return Err(WorldError::Length);
    }
    match read_section(entry, &body)? {
        Section::Head(head) => Ok((*head, digest)),
        _ => Err(WorldError::Length),
    }
}

/// Decodes and checks a world; returns it with the digest in its header.
///
/// # Errors
///
/// As [`read_world`].
pub fn decode(mut bytes: &[u8]) -> Result<(World, ObjectHash), WorldError> {
    read_world(&mut bytes)
}

/// Reads and checks a world; returns it with the digest in its header.
///
/// A few sections at a time are in memory beside what was decoded of them, and memory stays within
/// a small multiple of the input's length: postcard reserves at most one mebibyte for a list before
/// it has seen its items.
///
/// # Errors
///
/// Refuses what is no world, is from a newer program, was changed or cut off, or contradicts
/// itself.
pub fn read_world(input: &mut impl Read) -> Result<(World, ObjectHash), WorldError> {
    let (entries, digest) = read_table(input)?;
    let vrp_sections = entries.iter().filter(|entry| entry.kind == Kind::Vrps).count();
    // No more than the file can hold: a record takes a dozen octets there.
    let lengths = entries.iter().filter(|entry| entry.kind == Kind::Vrps).map(|entry| entry.length);
    let room = lengths.fold(0, usize::saturating_add) / SMALLEST_VRP_RECORD;
    let mut vrps = Columns::with_capacity(room.min(vrp_sections.saturating_mul(SECTION_RECORDS)));
    let mut world: Option<World> = None;
    for group in entries.chunks(SECTIONS_AT_ONCE) {
        let mut bodies = Vec::with_capacity(group.len());
        for entry in group {
            bodies.push((entry, read_body(input, entry.length)?));
        }
        let sections: Vec<_> =
            bodies.into_par_iter().map(|(entry, body)| read_section(entry, &body)).collect();
        for section in sections {
            let Some(world) = &mut world else {
                let Section::Head(head) = section? else { return Err(WorldError::Length) };
                world = Some(head.without_points());
                continue;
            };
            match section? {
                Section::Head(_) => return Err(WorldError::Inconsistent("two heads")),
                Section::Points(points) => world.points.extend(points),
                Section::Objects(objects) => world.objects.extend(objects),
                Section::Vrps(records) => records.into_iter().for_each(|r| vrps.push(r)),
                Section::Aspas(aspas) => world.aspas.extend(aspas),
                Section::RouterKeys(keys) => world.router_keys.extend(keys),
            }
        }
    }
    if read_up_to(input, &mut [0]) > 0 {
        return Err(WorldError::Length);
    }
    let mut world = world.ok_or(WorldError::Length)?;
    world.vrps = vrps.finish();
    world.check()?;
    Ok((world, digest))
}

/// Reads the octets of a section; what is reserved for them is what there is.
fn read_body(input: &mut impl Read, length: usize) -> Result<Vec<u8>, WorldError> {
    let mut body = Vec::with_capacity(length.min(1 << 20));
    let read = input.take(length as u64).read_to_end(&mut body);
    read.ok().filter(|read| *read == length).ok_or(WorldError::Length)?;
    Ok(body)
}

fn read_section(entry: &EntryOf, body: &[u8]) -> Result<Section, WorldError> {
    if ObjectHash::of(body) != entry.hash {
        return Err(WorldError::Digest);
    }
    Ok(match entry.kind {
        Kind::Head => Section::Head(read(body)?),
        Kind::Points => Section::Points(read(body)?),
        Kind::Objects => Section::Objects(read(body)?),
        Kind::Vrps => Section::Vrps(read(body)?),
        Kind::Aspas => Section::Aspas(read(body)?),
        Kind::RouterKeys => Section::RouterKeys(read(body)?),
    })
}

/// Decodes all of `body`.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, WorldError> {
    let (value, rest) =
        postcard::take_from_bytes(body).map_err(|error| WorldError::Decode(error.to_string()))?;
    if rest.is_empty() { Ok(value) } else { Err(WorldError::Length) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::world;
    use super::*;

    #[test]
    fn a_world_survives_its_file() {
        let file = encode(&world()).unwrap();
        assert_eq!(decode(&file.bytes).unwrap(), (world(), file.digest));
        assert_eq!(encode(&world()).unwrap(), file, "the same world gives the same bytes");
    }

    #[test]
    fn a_newer_version_is_refused_by_name() {
        let mut bytes = encode(&world()).unwrap().bytes;
        bytes[11] = 3;
        let error = decode(&bytes).unwrap_err();
        assert!(error.is_newer());
        assert_eq!(error.to_string(), "world format 3, but this program reads up to 2");
    }

    #[test]
    fn every_truncation_and_addition_is_refused() {
        let bytes = encode(&world()).unwrap().bytes;
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(matches!(decode(&longer), Err(WorldError::Length)));
    }

    #[test]
    fn l04_every_flipped_bit_is_detected() {
        let mut bytes = encode(&world()).unwrap().bytes;
        for index in 0..bytes.len() {
            let bit = 1 << (index % 8);
            bytes[index] ^= bit;
            assert!(decode(&bytes).is_err(), "byte {index}");
            bytes[index] ^= bit;
        }
        assert!(decode(&bytes).is_ok());
    }

    /// Puts a file together whose hashes are right, so that decoding reaches the sections.
    fn sealed(sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&u32::try_from(sections.len()).unwrap().to_be_bytes());
        for (kind, body) in sections {
            bytes.push(*kind);
            bytes.extend_from_slice(&u64::try_from(body.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(&ObjectHash::of(body).0);
        }
        let digest = ObjectHash::of(&bytes);
        bytes.extend_from_slice(&digest.0);
        sections.iter().for_each(|(_, body)| bytes.extend_from_slice(body));
        bytes
    }

    /// Takes a file apart.
    fn sections() -> Vec<(u8, Vec<u8>)> {
        let bytes = encode(&world()).unwrap().bytes;
        let mut rest = bytes.as_slice();
        let (entries, _) = read_table(&mut rest).unwrap();
        let cut = entries.into_iter().map(|entry| {
            let (body, others) = rest.split_at(entry.length);
            rest = others;
            (entry.kind as u8, body.to_vec())
        });
        cut.collect()
    }

    #[test]
    fn a_length_that_the_input_cannot_hold_allocates_little() {
        // The first list claims 2^60 points; reserving them would end the test.
        let head = sections().remove(0);
        let claim = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
        let bytes = sealed(&[(0, &head.1), (1, &claim)]);
        assert!(matches!(decode(&bytes), Err(WorldError::Decode(_))));
    }

    #[test]
    fn the_head_is_read_alone() {
        let file = encode(&world()).unwrap();
        let cut = &file.bytes[..file.bytes.len() / 2];
        assert_eq!(read_head(&mut &*cut).unwrap(), (world().head(), file.digest));
        for length in 0..500 {
            assert!(read_head(&mut &file.bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_world_of_many_sections_survives_its_file() {
        let mut world = world();
        let record = world.vrps.iter().next().unwrap();
        let vrp = |asn| crate::model::Vrp { asn: crate::model::Asn(asn), ..record.vrp };
        let more = (0..200_000).map(|asn| VrpRecord { vrp: vrp(asn), ..record });
        world.vrps.edit(|rows| {
            rows.extend(more);
            rows.sort_unstable();
        });
        let file = encode(&world).unwrap();
        assert_eq!(decode(&file.bytes).unwrap(), (world, file.digest));
    }

    #[test]
    fn sections_that_are_out_of_order_or_missing_are_refused() {
        let sections = sections();
        let all: Vec<(u8, &[u8])> = sections.iter().map(|(k, b)| (*k, b.as_slice())).collect();
        assert!(decode(&sealed(&all)).is_ok());
        assert!(decode(&sealed(&all[1..])).is_err(), "no head");
        assert!(decode(&sealed(&[all[0], all[0]])).is_err(), "two heads");
        assert!(decode(&sealed(&[all[0], all[2], all[1]])).is_err());
        assert!(decode(&sealed(&[(9, all[0].1)])).is_err(), "no such kind");
        assert!(decode(&sealed(&[])).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_body_with_a_right_digest_never_panics(
            changes in prop::collection::vec(
                (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()),
                1..4,
            ),
        ) {
            let mut sections = sections();
            for (section, at, byte) in changes {
                let section = section.index(sections.len());
                let body = &mut sections[section].1;
                let at = at.index(body.len());
                body[at] = byte;
            }
            let all: Vec<(u8, &[u8])> = sections.iter().map(|(k, b)| (*k, b.as_slice())).collect();
            if let Ok((world, _)) = decode(&sealed(&all)) {
                prop_assert!(world.check().is_ok());
            }
        }

        #[test]
        fn random_bodies_never_panic(
            kind in 0u8..7,
            body in prop::collection::vec(any::<u8>(), 0..512),
        ) {
            let head = sections().remove(0).1;
            let _ = decode(&sealed(&[(0, &head), (kind, &body)]));
            let _ = decode(&sealed(&[(kind, &body)]));
            let _ = decode(&body);
        }
    }
}
