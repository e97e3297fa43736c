//! The world file: magic, version, length, digest, body. Pure.
//!
//! ```text
//! 8 bytes   magic                 "PROVOST\n"
//! 4 bytes   format version        big endian
//! 8 bytes   length of the body    big endian
//! 32 bytes  SHA-256 of the three fields above and the body
//! body      the world, in postcard's encoding
//! ```
//!
//! | reader | version 1 | newer version |
//! | --- | --- | --- |
//! | version 1 | reads | refuses, naming both versions |

use super::{World, WorldError};
use crate::model::ObjectHash;

const MAGIC: &[u8; 8] = b"PROVOST\n";
/// A change of any type that a world holds must raise it.
const VERSION: u32 = 1;
const FIELDS_LENGTH: usize = 8 + 4 + 8;
const HEADER_LENGTH: usize = FIELDS_LENGTH + 32;

/// A world as it lies in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorldFile {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// The digest in its header.
    pub digest: ObjectHash,
}

/// Encodes a world.
///
/// # Errors
///
/// Fails only where postcard does, which no world is known to make it do.
pub fn encode(world: &World) -> Result<WorldFile, WorldError> {
    let header = vec![0; HEADER_LENGTH];
    let mut bytes = postcard::to_extend(world, header)
        .map_err(|error| WorldError::Decode(error.to_string()))?;
    let body_length = bytes.len().saturating_sub(HEADER_LENGTH);
    let body_length = u64::try_from(body_length).map_err(|_| WorldError::Length)?;
    let mut fields = Vec::with_capacity(FIELDS_LENGTH);
    fields.extend_from_slice(MAGIC);
    fields.extend_from_slice(&VERSION.to_be_bytes());
    fields.extend_from_slice(&body_length.to_be_bytes());
    let digest = digest(&fields, bytes.get(HEADER_LENGTH..).unwrap_or_default());
    fields.extend_from_slice(&digest.0);
    for (byte, field) in bytes.iter_mut().zip(fields) {
        *byte = field;
    }
    Ok(WorldFile { bytes, digest })
}

/// Decodes and checks a world; returns it with the digest in its header.
///
/// Memory stays within a small multiple of the input's length: postcard reserves at most one
/// mebibyte for a list before it has seen its items.
///
/// # Errors
///
/// Refuses what is no world, is from a newer program, was changed or cut off, or contradicts
/// itself.
pub fn decode(bytes: &[u8]) -> Result<(World, ObjectHash), WorldError> {
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(WorldError::NotAWorld)?;
    if magic != MAGIC {
        return Err(WorldError::NotAWorld);
    }
    let (version, rest) = rest.split_first_chunk::<4>().ok_or(WorldError::Length)?;
    match u32::from_be_bytes(*version) {
        VERSION => {}
        0 => return Err(WorldError::NotAWorld),
        found => return Err(WorldError::Newer { found, known: VERSION }),
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or(WorldError::Length)?;
    let (expected, body) = rest.split_first_chunk::<32>().ok_or(WorldError::Length)?;
    if u64::try_from(body.len()).ok() != Some(u64::from_be_bytes(*length)) {
        return Err(WorldError::Length);
    }
    let digest = digest(bytes.get(..FIELDS_LENGTH).unwrap_or_default(), body);
    if digest.0 != *expected {
        return Err(WorldError::Digest);
    }
    let (world, rest) = postcard::take_from_bytes::<World>(body)
        .map_err(|error| WorldError::Decode(error.to_string()))?;
    if !rest.is_empty() {
        return Err(WorldError::Length);
    }
    world.check()?;
    Ok((world, digest))
}

fn digest(fields: &[u8], body: &[u8]) -> ObjectHash {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(fields);
    context.update(body);
    ObjectHash::from_slice(context.finish().as_ref()).unwrap_or(ObjectHash([0; 32]))
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
        bytes[11] = 2;
        let error = decode(&bytes).unwrap_err();
        assert!(error.is_newer());
        assert_eq!(error.to_string(), "world format 2, but this program reads up to 1");
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

    /// Gives `body` a header that fits, so that decoding reaches the body.
    fn sealed(body: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&u64::try_from(body.len()).unwrap().to_be_bytes());
        let digest = digest(&bytes, body);
        bytes.extend_from_slice(&digest.0);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn a_length_that_the_input_cannot_hold_allocates_little() {
        // The first list claims 2^60 trust anchors; reserving them would end the test.
        let mut body = vec![1, 0, 0, 2, 0, 0];
        body.extend_from_slice(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]);
        assert!(matches!(decode(&sealed(&body)), Err(WorldError::Decode(_))));
    }

    proptest! {
        #[test]
        fn a_changed_body_with_a_right_digest_never_panics(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut body = encode(&world()).unwrap().bytes.split_off(HEADER_LENGTH);
            for (at, byte) in changes {
                let at = at.index(body.len());
                body[at] = byte;
            }
            if let Ok((world, _)) = decode(&sealed(&body)) {
                prop_assert!(world.check().is_ok());
            }
        }

        #[test]
        fn random_bodies_never_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = decode(&sealed(&body));
            let _ = decode(&body);
        }
    }
}
