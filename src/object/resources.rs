//! The resource extensions of certificates (RFC 3779), in canonical form only.

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::limits::MAX_RESOURCE_RANGES;
use crate::model::{AsRange, ResourceSet, V4Range, V6Range};

/// What a certificate says about one kind of resources.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Claim<T> {
    /// Nothing: it has none.
    #[default]
    Missing,
    /// It has what its issuer has.
    Inherit,
    /// These ranges: ascending, neither overlapping nor touching.
    Ranges(Vec<T>),
}

impl<T> Claim<T> {
    /// Tells whether the kind is inherited.
    pub fn is_inherit(&self) -> bool {
        matches!(self, Claim::Inherit)
    }

    /// Tells whether the certificate has the extension for this kind.
    pub fn is_present(&self) -> bool {
        !matches!(self, Claim::Missing)
    }

    fn resolve<'a>(&'a self, issuer: &'a [T]) -> &'a [T] {
        match self {
            Claim::Missing => &[],
            Claim::Inherit => issuer,
            Claim::Ranges(ranges) => ranges,
        }
    }
}

/// What a certificate says about its resources.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CertResources {
    /// IPv4 addresses.
    pub v4: Claim<V4Range>,
    /// IPv6 addresses.
    pub v6: Claim<V6Range>,
    /// AS numbers.
    pub asn: Claim<AsRange>,
}

impl CertResources {
    /// Tells whether any kind is inherited.
    pub fn has_inherit(&self) -> bool {
        self.v4.is_inherit() || self.v6.is_inherit() || self.asn.is_inherit()
    }

    /// Tells whether any kind lists ranges of its own.
    pub fn has_ranges(&self) -> bool {
        matches!(self.v4, Claim::Ranges(_))
            || matches!(self.v6, Claim::Ranges(_))
            || matches!(self.asn, Claim::Ranges(_))
    }

    /// Returns the set that is claimed under an issuer that has `issuer`.
    pub fn resolve(&self, issuer: &ResourceSet) -> ResourceSet {
        ResourceSet::new(
            self.v4.resolve(issuer.v4()).iter().copied(),
            self.v6.resolve(issuer.v6()).iter().copied(),
            self.asn.resolve(issuer.asn()).iter().copied(),
        )
    }

    /// Reads the content of an IPAddrBlocks extension (RFC 3779, section 2.2.3).
    pub(crate) fn read_ip(&mut self, extension: &[u8]) -> Result<(), DecodeError> {
        let mut families = Reader::whole_sequence(extension, "IP resources").map_err(as_fault)?;
        while !families.is_empty() {
            let mut family = families.sequence("address family").map_err(as_fault)?;
            match family.expect(der::OCTET_STRING, "address family").map_err(as_fault)? {
                [0, 1] if !self.v4.is_present() && !self.v6.is_present() => {
                    self.v4 = read_claim(&mut family, |reader| read_address_range(reader, 32))?
                        .map(|(min, max)| Some(V4Range { min: narrow(min)?, max: narrow(max)? }))?;
                }
                [0, 2] if !self.v6.is_present() => {
                    self.v6 = read_claim(&mut family, |reader| read_address_range(reader, 128))?
                        .map(|(min, max)| Some(V6Range { min, max }))?;
                }
                _ => return Err(fault("an address family is unknown, twice there or unsorted")),
            }
            family.end("address family").map_err(as_fault)?;
        }
        match self.v4.is_present() || self.v6.is_present() {
            true => Ok(()),
            false => Err(fault("the IP resources have no address family")),
        }
    }

    /// Reads the content of an ASIdentifiers extension (RFC 3779, section 3.2.3).
    pub(crate) fn read_asn(&mut self, extension: &[u8]) -> Result<(), DecodeError> {
        let mut kinds = Reader::whole_sequence(extension, "AS resources").map_err(as_fault)?;
        let asnum = kinds.expect(der::EXPLICIT_0, "AS numbers").map_err(as_fault)?;
        kinds.end("AS resources").map_err(as_fault)?;
        let mut asnum = Reader::new(asnum);
        self.asn = read_claim(&mut asnum, read_as_range)?
            .map(|(min, max)| Some(AsRange { min: narrow(min)?, max: narrow(max)? }))?;
        asnum.end("AS numbers").map_err(as_fault)
    }
}

/// Ranges as read, whatever the width of their numbers.
enum RawClaim {
    Inherit,
    Ranges(Vec<(u128, u128)>),
}

impl RawClaim {
    fn map<T>(self, op: impl Fn((u128, u128)) -> Option<T>) -> Result<Claim<T>, DecodeError> {
        match self {
            RawClaim::Inherit => Ok(Claim::Inherit),
            RawClaim::Ranges(ranges) => {
                let ranges: Option<Vec<T>> = ranges.into_iter().map(op).collect();
                ranges.map(Claim::Ranges).ok_or_else(|| fault("a number is out of range"))
            }
        }
    }
}

fn narrow(number: u128) -> Option<u32> {
    u32::try_from(number).ok()
}

fn fault(detail: &'static str) -> DecodeError {
    DecodeError::new(Fault::CertificateResources, detail)
}

fn as_fault(error: DecodeError) -> DecodeError {
    DecodeError { fault: Fault::CertificateResources, ..error }
}

fn read_claim(
    reader: &mut Reader<'_>,
    read_range: impl Fn(&mut Reader<'_>) -> Option<(u128, u128)>,
) -> Result<RawClaim, DecodeError> {
    if let Some(null) = reader.optional(der::NULL, "inherit").map_err(as_fault)? {
        return if null.is_empty() { Ok(RawClaim::Inherit) } else { Err(fault("NULL not empty")) };
    }
    let mut items = reader.sequence("resources").map_err(as_fault)?;
    let mut ranges: Vec<(u128, u128)> = Vec::new();
    while !items.is_empty() {
        if ranges.len() == MAX_RESOURCE_RANGES {
            return Err(DecodeError::too_many("resource ranges", MAX_RESOURCE_RANGES));
        }
        let range = read_range(&mut items)
            .ok_or_else(|| fault("a range or prefix is reversed, too long or not canonical"))?;
        // Touching ranges must have been written as one: RFC 3779, sections 2.2.3.6 and 3.2.3.4.
        let is_apart = ranges
            .last()
            .is_none_or(|(_, max)| max.checked_add(1).is_some_and(|next| next < range.0));
        if !is_apart {
            return Err(fault("ranges are unsorted, overlap or touch"));
        }
        ranges.push(range);
    }
    match ranges.is_empty() {
        true => Err(fault("a list of resources is empty")),
        false => Ok(RawClaim::Ranges(ranges)),
    }
}

fn read_address_range(reader: &mut Reader<'_>, bits: u32) -> Option<(u128, u128)> {
    let value = reader.value("range").ok()?;
    if value.tag == der::BIT_STRING {
        return prefix_bounds(value.content, bits);
    }
    let mut ends = (value.tag == der::SEQUENCE).then(|| Reader::new(value.content))?;
    let (min, _) = prefix_bounds(ends.expect(der::BIT_STRING, "min").ok()?, bits)?;
    let (_, max) = prefix_bounds(ends.expect(der::BIT_STRING, "max").ok()?, bits)?;
    // RFC 3779, section 2.2.3.7: what is a prefix is written as one.
    let span = max.checked_sub(min)?;
    let is_prefix = span & span.wrapping_add(1) == 0 && min & span == 0;
    (ends.is_empty() && !is_prefix).then_some((min, max))
}

/// Returns the first and last address of a prefix in a BIT STRING, as numbers of `bits` bits.
pub(crate) fn prefix_bounds(content: &[u8], bits: u32) -> Option<(u128, u128)> {
    let (octets, unused) = der::bit_string(content)?;
    let length = u32::try_from(octets.len()).ok()?.checked_mul(8)?.checked_sub(unused.into())?;
    let host_bits = bits.checked_sub(length)?;
    let value = octets.iter().fold(0u128, |sum, octet| (sum << 8) | u128::from(*octet));
    let min = value.checked_shr(unused.into())?.checked_shl(host_bits).unwrap_or(0);
    let hosts = u128::MAX.checked_shr(128 - host_bits).unwrap_or(0);
    Some((min, min | hosts))
}

fn read_as_range(reader: &mut Reader<'_>) -> Option<(u128, u128)> {
    if let Some(content) = reader.optional(der::SEQUENCE, "range").ok()? {
        let mut ends = Reader::new(content);
        let (min, max) = (ends.u32("min").ok()?, ends.u32("max").ok()?);
        return (ends.is_empty() && min < max).then_some((min.into(), max.into()));
    }
    let asn = reader.u32("AS number").ok()?;
    Some((asn.into(), asn.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::testing::der;

    fn ip(families: &[Vec<u8>]) -> Result<CertResources, Fault> {
        let mut resources = CertResources::default();
        resources.read_ip(&der(0x30, &families.concat())).map_err(|error| error.fault)?;
        Ok(resources)
    }

    fn family(afi: &[u8], items: &[Vec<u8>]) -> Vec<u8> {
        der(0x30, &[der(0x04, afi), der(0x30, &items.concat())].concat())
    }

    fn bits(unused: u8, octets: &[u8]) -> Vec<u8> {
        der(0x03, &[&[unused], octets].concat())
    }

    fn range(min: Vec<u8>, max: Vec<u8>) -> Vec<u8> {
        der(0x30, &[min, max].concat())
    }

    fn asn(content: &[u8]) -> Result<CertResources, Fault> {
        let mut resources = CertResources::default();
        let bytes = der(0x30, &der(0xa0, content));
        resources.read_asn(&bytes).map_err(|error| error.fault)?;
        Ok(resources)
    }

    #[test]
    fn reads_prefixes_ranges_and_inherit() {
        let v4 = family(&[0, 1], &[bits(0, &[10]), range(bits(0, &[12]), bits(1, &[13, 0x80]))]);
        let v6 = der(0x30, &[der(0x04, &[0, 2]), der(0x05, &[])].concat());
        let resources = ip(&[v4, v6]).unwrap();
        assert!(resources.v6.is_inherit() && resources.has_inherit() && resources.has_ranges());
        let issuer = ResourceSet::from_prefixes(["2001:db8::/32".parse().unwrap()]);
        let resolved = resources.resolve(&issuer).to_string();
        assert_eq!(resolved, "10.0.0.0/8, 12.0.0.0-13.129.255.255, 2001:db8::/32");
    }

    #[test]
    fn g05_to_g10_only_the_canonical_form_passes() {
        let net10 = || bits(0, &[10]);
        for (families, why) in [
            (vec![], "no family"),
            (vec![family(&[0, 1], &[])], "no range"),
            (vec![family(&[0, 3], &[net10()])], "AFI 3"),
            (vec![family(&[0, 1, 1], &[net10()])], "SAFI"),
            (vec![family(&[0, 1], &[net10()]), family(&[0, 1], &[bits(0, &[12])])], "twice"),
            (vec![family(&[0, 2], &[net10()]), family(&[0, 1], &[net10()])], "unsorted families"),
            (vec![family(&[0, 1], &[bits(0, &[12]), net10()])], "unsorted"),
            (vec![family(&[0, 1], &[net10(), bits(0, &[10, 1])])], "overlap"),
            (vec![family(&[0, 1], &[net10(), bits(0, &[11])])], "touch"),
            (vec![family(&[0, 1], &[range(bits(0, &[12]), net10())])], "reversed"),
            (vec![family(&[0, 1], &[range(net10(), net10())])], "a prefix as a range"),
            (vec![family(&[0, 1], &[bits(0, &[1, 2, 3, 4, 5])])], "too long"),
            (vec![family(&[0, 1], &[bits(1, &[11])])], "padding"),
        ] {
            assert_eq!(ip(&families), Err(Fault::CertificateResources), "{why}");
        }
        let one = der(0x02, &[1]);
        assert!(asn(&der(0x30, &one)).is_ok());
        for (content, why) in [
            (der(0x30, &[]), "empty"),
            (der(0x30, &der(0x02, &[1, 0, 0, 0, 0])), "2^32"),
            (der(0x30, &der(0x02, &[0xff])), "negative"),
            (der(0x30, &der(0x30, &[one.clone(), one.clone()].concat())), "one as a range"),
            (der(0x30, &[one.clone(), one.clone()].concat()), "twice"),
            (der(0x30, &[one, der(0x02, &[2])].concat()), "touch"),
        ] {
            assert_eq!(asn(&content), Err(Fault::CertificateResources), "{why}");
        }
        let mut resources = CertResources::default();
        let with_rdi =
            der(0x30, &[der(0xa0, &der(0x05, &[])), der(0xa1, &der(0x05, &[]))].concat());
        assert!(resources.read_asn(&with_rdi).is_err());
    }

    #[test]
    fn bounds_of_the_shortest_and_longest_prefixes() {
        assert_eq!(prefix_bounds(&[0], 128), Some((0, u128::MAX)));
        assert_eq!(prefix_bounds(&[0], 32), Some((0, u32::MAX.into())));
        assert_eq!(prefix_bounds(&[0, 10, 0, 0, 1], 32), Some((0x0a00_0001, 0x0a00_0001)));
        let longest = [&[0u8][..], &[0xff; 16]].concat();
        assert_eq!(prefix_bounds(&longest, 128), Some((u128::MAX, u128::MAX)));
    }

    #[test]
    fn f31_the_number_of_ranges_is_bounded() {
        let list = |count: usize| {
            let hosts = (0..count).map(|n| bits(0, &u32::try_from(2 * n).unwrap().to_be_bytes()));
            [family(&[0, 1], &hosts.collect::<Vec<_>>())]
        };
        assert!(ip(&list(MAX_RESOURCE_RANGES)).is_ok());
        assert_eq!(ip(&list(MAX_RESOURCE_RANGES + 1)), Err(Fault::TooMany));
    }
}
