//! Inputs that a user names: a file or the standard input, decompressed if it is compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;

use super::CliError;

/// The bytes that are read at once.
const BUFFER: usize = 128 * 1024;

/// Opens a file, or the standard input for `-`; gzip and bzip2 are seen by their first bytes.
///
/// Reading ends with an error behind `limit` bytes after decompression.
pub(super) fn open(path: &Path, limit: u64) -> Result<Box<dyn BufRead>, CliError> {
    let raw: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| unreadable(path, &error))?)
    };
    decompress(raw, limit).map_err(|error| unreadable(path, &error))
}

/// Returns the error for an input that cannot be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::usage(format!("cannot read {}: {error}", name(path)))
}

/// Returns the name of an input for messages.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

fn decompress(mut raw: Box<dyn Read>, limit: u64) -> io::Result<Box<dyn BufRead>> {
    let mut head = Vec::new();
    raw.by_ref().take(3).read_to_end(&mut head)?;
    let kind = match head.as_slice() {
        [0x1f, 0x8b, ..] => Kind::Gzip,
        b"BZh" => Kind::Bzip2,
        _ => Kind::Plain,
    };
    let whole = BufReader::with_capacity(BUFFER, io::Cursor::new(head).chain(raw));
    let plain: Box<dyn Read> = match kind {
        Kind::Gzip => Box::new(MultiGzDecoder::new(whole)),
        Kind::Bzip2 => Box::new(MultiBzDecoder::new(whole)),
        Kind::Plain => Box::new(whole),
    };
    Ok(Box::new(BufReader::with_capacity(BUFFER, Limited { inner: plain, left: limit, limit })))
}

enum Kind {
    Gzip,
    Bzip2,
    Plain,
}

/// A reader that refuses to give more than `limit` bytes.
struct Limited<R> {
    inner: R,
    left: u64,
    limit: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => Err(io::Error::other(format!("larger than {} bytes", self.limit))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn read(bytes: Vec<u8>, limit: u64) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        decompress(Box::new(io::Cursor::new(bytes)), limit)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn compression_is_seen_by_the_first_bytes() {
        for bytes in [b"hello".to_vec(), gzip(b"hello"), bzip2(b"hello")] {
            assert_eq!(read(bytes, 5).unwrap(), b"hello");
        }
        // Several members, one behind the other, are one input.
        assert_eq!(read([gzip(b"he"), gzip(b"llo")].concat(), 5).unwrap(), b"hello");
        assert_eq!(read([bzip2(b"he"), bzip2(b"llo")].concat(), 5).unwrap(), b"hello");
        for bytes in [b"".as_slice(), b"B", b"\x1f"] {
            assert_eq!(read(bytes.to_vec(), 5).unwrap(), bytes);
        }
    }

    #[test]
    fn k10_a_compressed_bomb_ends_at_the_limit() {
        let zeros = vec![0; 1 << 20];
        for bytes in [zeros.clone(), gzip(&zeros), bzip2(&zeros)] {
            let error = read(bytes, 1000).unwrap_err();
            assert_eq!(error.to_string(), "larger than 1000 bytes");
        }
    }

    #[test]
    fn a_truncated_input_is_an_error() {
        for mut bytes in [gzip(&[7; 5000]), bzip2(&[7; 5000])] {
            bytes.truncate(bytes.len() - 4);
            assert!(read(bytes, 1 << 20).is_err());
        }
    }
}
