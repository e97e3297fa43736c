//! Trust anchor locators.

use rpki::util::base64;

use super::SigningKey;

/// Writes a TAL: the URIs of the trust anchor certificate, then its key.
///
/// Source: RFC 8630, section 2.2.
pub fn tal<U: AsRef<str>>(comment: &str, uris: &[U], key: &SigningKey) -> String {
    let mut text = String::new();
    for line in comment.lines() {
        text.push_str("# ");
        text.push_str(line);
        text.push('\n');
    }
    for uri in uris {
        text.push_str(uri.as_ref());
        text.push('\n');
    }
    text.push('\n');
    for (column, character) in base64::Serde.encode(&key.spki_der()).chars().enumerate() {
        if column > 0 && column % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::KeyPool;

    #[test]
    fn the_rpki_crate_reads_what_is_written() {
        let key = KeyPool::shared().key(0).unwrap();
        let text = tal("a\nb", &["https://h/ta.cer", "rsync://h/m/ta.cer"], &key);
        let read = rpki::repository::Tal::read_named("x".into(), &mut text.as_bytes()).unwrap();
        assert_eq!(read.key_info(), key.public_key());
        let uris: Vec<_> = read.uris().map(|uri| uri.to_string()).collect();
        assert_eq!(uris, ["https://h/ta.cer", "rsync://h/m/ta.cer"]);
    }
}
