//! The content of ASPAs (draft-ietf-sidrops-aspa-profile, version 1).

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::limits::MAX_ASPA_PROVIDERS;
use crate::model::{Asn, Aspa};

/// Decodes the eContent of an ASPA.
///
/// Source: draft-ietf-sidrops-aspa-profile, section 3: version 1, providers ascending and unique,
/// without the customer; AS 0 only alone.
pub fn decode_aspa(content: &[u8]) -> Result<Aspa, DecodeError> {
    let mut fields = Reader::whole_sequence(content, "ASPA")?;
    let Some(version) = fields.optional(der::EXPLICIT_0, "version")? else {
        return Err(DecodeError::new(Fault::AspaVersion, "version 0 instead of 1"));
    };
    let mut version = Reader::new(version);
    if version.u32("version")? != 1 || !version.is_empty() {
        return Err(DecodeError::new(Fault::AspaVersion, "the version is not 1"));
    }
    let customer = Asn(fields.u32("customerASID")?);
    let mut list = fields.sequence("providers")?;
    fields.end("ASPA")?;
    let mut providers: Vec<Asn> = Vec::new();
    while !list.is_empty() {
        if providers.len() == MAX_ASPA_PROVIDERS {
            return Err(DecodeError::too_many("providers", MAX_ASPA_PROVIDERS));
        }
        let provider = Asn(list.u32("provider")?);
        if provider == customer {
            let detail = format!("{customer} is its own provider");
            return Err(DecodeError::new(Fault::AspaCustomer, detail));
        }
        if providers.last().is_some_and(|last| *last >= provider) {
            let detail = format!("{provider} is not above the provider before it");
            return Err(DecodeError::new(Fault::AspaProviders, detail));
        }
        providers.push(provider);
    }
    match providers.as_slice() {
        [] => Err(DecodeError::new(Fault::AspaProviders, "there is no provider")),
        [first, _, ..] if first.is_zero() => {
            Err(DecodeError::new(Fault::AspaProviders, "AS0 stands beside other providers"))
        }
        _ => Ok(Aspa { customer, providers }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::testing::der;

    fn integer(n: u32) -> Vec<u8> {
        let bytes = [&[0][..], &n.to_be_bytes()].concat();
        let mut start = 0;
        while start < 4 && bytes[start] == 0 && bytes[start + 1] < 0x80 {
            start += 1;
        }
        der(0x02, &bytes[start..])
    }

    fn aspa(version: Option<u32>, customer: u32, providers: &[u32]) -> Result<Aspa, Fault> {
        let version = version.map(|v| der(0xa0, &integer(v))).unwrap_or_default();
        let list: Vec<u8> = providers.iter().flat_map(|asn| integer(*asn)).collect();
        let content = [version, integer(customer), der(0x30, &list)].concat();
        decode_aspa(&der(0x30, &content)).map_err(|error| error.fault)
    }

    #[test]
    fn reads_customer_and_providers() {
        let wanted = Aspa { customer: Asn(64500), providers: vec![Asn(1), Asn(u32::MAX)] };
        assert_eq!(aspa(Some(1), 64500, &[1, u32::MAX]), Ok(wanted));
        assert_eq!(aspa(Some(1), 64500, &[0]).unwrap().providers, [Asn::ZERO]);
    }

    #[test]
    fn h14_and_h15_only_canonical_provider_lists_pass() {
        assert_eq!(aspa(None, 64500, &[1]), Err(Fault::AspaVersion));
        assert_eq!(aspa(Some(0), 64500, &[1]), Err(Fault::AspaVersion));
        assert_eq!(aspa(Some(2), 64500, &[1]), Err(Fault::AspaVersion));
        assert_eq!(aspa(Some(1), 64500, &[]), Err(Fault::AspaProviders));
        assert_eq!(aspa(Some(1), 64500, &[2, 1]), Err(Fault::AspaProviders));
        assert_eq!(aspa(Some(1), 64500, &[1, 1]), Err(Fault::AspaProviders));
        assert_eq!(aspa(Some(1), 64500, &[0, 1]), Err(Fault::AspaProviders));
        assert_eq!(aspa(Some(1), 64500, &[1, 64500]), Err(Fault::AspaCustomer));
        let most: Vec<u32> = (1..=16_380).collect();
        assert!(aspa(Some(1), 64500, &most).is_ok());
        let above: Vec<u32> = (1..=16_381).collect();
        assert_eq!(aspa(Some(1), 64500, &above), Err(Fault::TooMany));
    }
}
