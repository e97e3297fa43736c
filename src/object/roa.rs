//! The content of ROAs (RFC 9582).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::limits::MAX_ROA_PREFIXES;
use super::resources::prefix_bounds;
use crate::model::{Asn, Family, Prefix, Vrp};

/// The first twelve octets of an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2).
const V4_MAPPED: u128 = 0xffff;

/// Decodes the eContent of a ROA into its VRPs, sorted, each once.
///
/// Source: RFC 9582, section 4.
pub fn decode_roa(content: &[u8]) -> Result<Vec<Vrp>, DecodeError> {
    let mut fields = Reader::whole_sequence(content, "ROA")?;
    // Version 0 is the default, so DER has no way to write it.
    let asn = Asn(fields.u32("asID")?);
    let mut blocks = fields.sequence("ipAddrBlocks")?;
    fields.end("ROA")?;
    let mut vrps = Vec::new();
    let mut families = Vec::new();
    while !blocks.is_empty() {
        let mut block = blocks.sequence("address family")?;
        let family = read_family(block.expect(der::OCTET_STRING, "address family")?)?;
        if families.contains(&family) {
            return Err(family_fault("an address family is there twice"));
        }
        families.push(family);
        let mut addresses = block.sequence("addresses")?;
        block.end("address family")?;
        if addresses.is_empty() {
            return Err(DecodeError::new(Fault::RoaEmpty, "an address family has no prefix"));
        }
        while !addresses.is_empty() {
            if vrps.len() == MAX_ROA_PREFIXES {
                return Err(DecodeError::too_many("prefixes", MAX_ROA_PREFIXES));
            }
            vrps.push(read_vrp(addresses.sequence("address")?, family, asn)?);
        }
    }
    if vrps.is_empty() {
        return Err(DecodeError::new(Fault::RoaEmpty, "the ROA has no prefix"));
    }
    vrps.sort_unstable();
    vrps.dedup();
    // Kept as long as the ROA is valid, and most have one prefix: no room to spare.
    vrps.shrink_to_fit();
    Ok(vrps)
}

fn family_fault(detail: &'static str) -> DecodeError {
    DecodeError::new(Fault::RoaFamily, detail)
}

/// Reads an address family without a subsequent identifier (RFC 9582, section 4.3.1).
pub(super) fn read_family(octets: &[u8]) -> Result<Family, DecodeError> {
    match octets {
        [0, 1] => Ok(Family::V4),
        [0, 2] => Ok(Family::V6),
        _ => Err(family_fault("an address family is neither IPv4 nor IPv6")),
    }
}

/// Reads a ROAIPAddress.
pub(super) fn read_vrp(
    mut fields: Reader<'_>,
    family: Family,
    asn: Asn,
) -> Result<Vrp, DecodeError> {
    let prefix = read_prefix(fields.expect(der::BIT_STRING, "prefix")?, family)?;
    let max_length = if fields.is_empty() {
        prefix.len()
    } else {
        let max_length = fields.u32("maxLength")?;
        u8::try_from(max_length)
            .ok()
            .filter(|length| (prefix.len()..=family.bits()).contains(length))
            .ok_or_else(|| {
                let detail = format!("{prefix}: max length {max_length}");
                DecodeError::new(Fault::RoaMaxLength, detail)
            })?
    };
    fields.end("address")?;
    Ok(Vrp { prefix, max_length, asn })
}

/// Reads a prefix from the content of a BIT STRING.
pub(crate) fn read_prefix(bits: &[u8], family: Family) -> Result<Prefix, DecodeError> {
    let bad = |detail| DecodeError::new(Fault::RoaPrefix, detail);
    let malformed = || bad("a prefix is longer than its family permits, or has bits behind it");
    let (min, max) = prefix_bounds(bits, family.bits().into()).ok_or_else(malformed)?;
    let host_bits = 128 - (max - min).leading_zeros();
    let length = family.bits().checked_sub(u8::try_from(host_bits).unwrap_or(u8::MAX));
    let address = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(min).map_err(|_| malformed())?)),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(min)),
    };
    let prefix = Prefix::new(address, length.ok_or_else(malformed)?).map_err(|_| malformed())?;
    // RFC 9582, section 4.3.1.
    if family == Family::V6 && prefix.len() >= 96 && min >> 32 == V4_MAPPED {
        return Err(bad("an IPv4 prefix is written as an IPv4-mapped IPv6 prefix"));
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::testing::der;

    fn address(unused: u8, octets: &[u8], max_length: Option<&[u8]>) -> Vec<u8> {
        let bits = der(0x03, &[&[unused], octets].concat());
        let max_length = max_length.map(|n| der(0x02, n)).unwrap_or_default();
        der(0x30, &[bits, max_length].concat())
    }

    fn family(afi: &[u8], addresses: &[Vec<u8>]) -> Vec<u8> {
        der(0x30, &[der(0x04, afi), der(0x30, &addresses.concat())].concat())
    }

    fn roa(families: &[Vec<u8>]) -> Result<Vec<String>, Fault> {
        let asn = der(0x02, &[0x00, 0xfb, 0xf4]);
        let bytes = der(0x30, &[asn, der(0x30, &families.concat())].concat());
        let vrps = decode_roa(&bytes).map_err(|error| error.fault)?;
        Ok(vrps.iter().map(Vrp::to_string).collect())
    }

    fn v4(octets: &[u8], max_length: Option<&[u8]>) -> Vec<u8> {
        family(&[0, 1], &[address(0, octets, max_length)])
    }

    #[test]
    fn reads_both_families_with_and_without_max_length() {
        let v4 = family(&[0, 1], &[address(0, &[192, 0, 2], Some(&[26])), address(0, &[10], None)]);
        let v6 = family(&[0, 2], &[address(0, &[0x20, 0x01, 0x0d, 0xb8], None)]);
        let wanted =
            ["10.0.0.0/8-8 AS64500", "192.0.2.0/24-26 AS64500", "2001:db8::/32-32 AS64500"];
        assert_eq!(roa(&[v4, v6]).unwrap(), wanted);
        let all = family(&[0, 2], &[address(0, &[], Some(&[0, 128]))]);
        assert_eq!(roa(&[all]).unwrap(), ["::/0-128 AS64500"]);
    }

    #[test]
    fn h01_max_length_stays_between_prefix_length_and_family() {
        for max_length in [&[23][..], &[33], &[0xff], &[1, 0], &[0, 0xff, 0xff, 0xff, 0xff]] {
            let fault = roa(&[v4(&[192, 0, 2], Some(max_length))]).unwrap_err();
            assert!(matches!(fault, Fault::RoaMaxLength | Fault::Syntax), "{max_length:?}");
        }
        for max_length in [24, 32] {
            assert!(roa(&[v4(&[192, 0, 2], Some(&[max_length]))]).is_ok());
        }
    }

    #[test]
    fn h02_a_max_length_that_is_no_integer_is_rejected() {
        let entry = der(0x30, &[der(0x03, &[0, 10]), der(0x04, &[24])].concat());
        assert_eq!(roa(&[family(&[0, 1], &[entry])]), Err(Fault::Syntax));
    }

    #[test]
    fn h05_to_h08_families_and_prefixes() {
        assert_eq!(roa(&[v4(&[10], None), v4(&[11], None)]), Err(Fault::RoaFamily));
        for afi in [&[0, 3][..], &[1], &[0, 1, 1], &[0, 25]] {
            assert_eq!(roa(&[family(afi, &[address(0, &[10], None)])]), Err(Fault::RoaFamily));
        }
        assert_eq!(roa(&[]), Err(Fault::RoaEmpty));
        assert_eq!(roa(&[family(&[0, 1], &[])]), Err(Fault::RoaEmpty));
        assert_eq!(roa(&[v4(&[1, 2, 3, 4, 5], None)]), Err(Fault::RoaPrefix));
        let mapped = [&[0; 10][..], &[0xff, 0xff, 10]].concat();
        let mapped = family(&[0, 2], &[address(0, &mapped, None)]);
        assert_eq!(roa(&[mapped]), Err(Fault::RoaPrefix));
        let two = || [address(0, &[11], None), address(0, &[10], None)].concat();
        let twice = family(&[0, 1], &[two(), two()]);
        assert_eq!(roa(&[twice]).unwrap().len(), 2);
    }

    #[test]
    fn h09_the_number_of_prefixes_is_bounded() {
        let address = |n: u32| address(0, &n.to_be_bytes(), None);
        let list = |count: u32| [family(&[0, 1], &(0..count).map(address).collect::<Vec<_>>())];
        let limit = u32::try_from(MAX_ROA_PREFIXES).unwrap();
        assert_eq!(roa(&list(limit)).unwrap().len(), MAX_ROA_PREFIXES);
        assert_eq!(roa(&list(limit + 1)), Err(Fault::TooMany));
    }
}
