//! The log of deltas that goes with a base file. Pure.
//!
//! ```text
//! 8 bytes   magic                  "PROVLOG\n"
//! 4 bytes   format version         big endian, that of the base file
//! 32 bytes  digest of the base
//! for each record
//!   8 bytes   length of the body   big endian
//!   32 bytes  digest of the world before
//!   32 bytes  SHA-256 of the two fields above and the body: the digest of this world
//!   body      the delta, in postcard's encoding
//! ```

use super::delta::Delta;
use super::format::{VERSION, read};
use super::limits::LARGEST_RECORD;
use super::{Head, WorldError};
use crate::model::ObjectHash;

const MAGIC: &[u8; 8] = b"PROVLOG\n";
const RECORD_HEADER_LENGTH: usize = 8 + 32 + 32;

/// Makes the beginning of the log of a base.
pub(super) fn header(base: &ObjectHash) -> Vec<u8> {
    [&MAGIC[..], &VERSION.to_be_bytes(), &base.0].concat()
}

/// Verifies the beginning of the log of `base`, and returns the records.
pub(super) fn records<'a>(log: &'a [u8], base: &ObjectHash) -> Result<&'a [u8], WorldError> {
    log.strip_prefix(header(base).as_slice()).ok_or(WorldError::Digest)
}

/// Encodes one record, which follows on the world with the digest `previous`; returns it with the
/// digest of the new world.
pub(super) fn encode(
    previous: &ObjectHash,
    delta: &Delta,
) -> Result<(Vec<u8>, ObjectHash), WorldError> {
    let record = vec![0; RECORD_HEADER_LENGTH];
    let mut record = postcard::to_extend(delta, record)
        .map_err(|error| WorldError::Decode(error.to_string()))?;
    let length = record.len().saturating_sub(RECORD_HEADER_LENGTH);
    let length = (length as u64).to_be_bytes();
    let digest = digest(&length, previous, record.get(RECORD_HEADER_LENGTH..).unwrap_or_default());
    let header = length.iter().chain(&previous.0).chain(&digest.0);
    record.iter_mut().zip(header).for_each(|(to, from)| *to = *from);
    Ok((record, digest))
}

/// A record that was verified.
pub(super) struct Record<'a> {
    body: &'a [u8],
    /// The digest of the world before.
    pub(super) previous: ObjectHash,
    /// The digest of the world that it leads to.
    pub(super) digest: ObjectHash,
    /// What comes behind it.
    pub(super) rest: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads and verifies the first of `records`.
    pub(super) fn first(records: &'a [u8]) -> Result<Record<'a>, WorldError> {
        let (length, rest) = records.split_first_chunk::<8>().ok_or(WorldError::Length)?;
        let (previous, rest) = rest.split_first_chunk::<32>().ok_or(WorldError::Length)?;
        let (expected, rest) = rest.split_first_chunk::<32>().ok_or(WorldError::Length)?;
        let size = usize::try_from(u64::from_be_bytes(*length)).ok();
        let size = size.filter(|size| *size <= LARGEST_RECORD).ok_or(WorldError::Length)?;
        let (body, rest) = rest.split_at_checked(size).ok_or(WorldError::Length)?;
        let previous = ObjectHash(*previous);
        let digest = digest(length, &previous, body);
        if digest.0 != *expected {
            return Err(WorldError::Digest);
        }
        Ok(Record { body, previous, digest, rest })
    }

    /// Decodes the whole delta.
    pub(super) fn delta(&self) -> Result<Delta, WorldError> {
        read(self.body)
    }

    /// Decodes the head alone.
    pub(super) fn head(&self) -> Result<Head, WorldError> {
        let (head, _) = postcard::take_from_bytes(self.body)
            .map_err(|error| WorldError::Decode(error.to_string()))?;
        Ok(head)
    }
}

fn digest(length: &[u8; 8], previous: &ObjectHash, body: &[u8]) -> ObjectHash {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(length);
    context.update(&previous.0);
    context.update(body);
    ObjectHash::from_slice(context.finish().as_ref()).unwrap_or(ObjectHash([0; 32]))
}
