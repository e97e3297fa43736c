//! The payload of a canonical cache representation (CCR), as a VRP file.

use super::vrp_file::{FileAspa, FileFormat, FileRouterKey, FileVrp, VrpFile, VrpFileError};
use super::vrp_rows::Rows;
use crate::object::Ccr;

/// Reads a CCR; it names no trust anchor of an item, and no time at which one ends.
pub(super) fn parse_ccr(bytes: &[u8]) -> Result<VrpFile, VrpFileError> {
    let refused = |error: String| VrpFileError::Ccr(error);
    let ccr = Ccr::decode(bytes)
        .map_err(|error| refused(format!("{error}; the rule: {}", error.rule.words())))?;
    // Without the state nothing is said of VRPs, which is not the same as that there are none.
    let vrps = ccr.vrps.ok_or_else(|| refused("it has no state of ROA payloads".to_owned()))?;
    let vrps = vrps.entries.into_iter();
    let aspas = ccr.aspas.map(|state| state.entries).unwrap_or_default().into_iter();
    let keys = ccr.router_keys.map(|state| state.entries).unwrap_or_default().into_iter();
    Ok(VrpFile {
        generated: Some(ccr.produced_at),
        vrps: vrps.map(|vrp| FileVrp { vrp, trust_anchor: None, expires: None }).collect(),
        aspas: aspas.map(|aspa| FileAspa { aspa, trust_anchor: None, expires: None }).collect(),
        router_keys: keys
            .map(|key| FileRouterKey { key, trust_anchor: None, expires: None })
            .collect(),
        ..Rows::new(FileFormat::Ccr).file
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::{
        ROUTER_SPKI, RoaPrefix, ccr, ccr_aspa, ccr_router_keys, ccr_state, roa_content,
    };
    use crate::model::{Asn, Aspa, KeyIdentifier, Timestamp};

    fn vrps() -> Vec<u8> {
        let prefix = "192.0.2.0/24".parse().unwrap();
        let roa = roa_content(Asn(64_496), &[RoaPrefix { prefix, max_length: Some(26) }]);
        ccr_state(2, &[roa], &[])
    }

    #[test]
    fn a_ccr_is_a_vrp_file_with_aspas_and_router_keys() {
        let aspa = Aspa { customer: Asn(64_496), providers: vec![Asn(64_497)] };
        let keys = ccr_router_keys(Asn(64_496), &[(KeyIdentifier([1; 20]), &ROUTER_SPKI)]);
        let states = [vrps(), ccr_state(3, &[ccr_aspa(&aspa)], &[]), ccr_state(5, &[keys], &[])];
        let file = VrpFile::parse(&ccr(Timestamp(1_767_225_600), &states)).unwrap();
        assert_eq!(file.format, FileFormat::Ccr);
        assert_eq!(file.generated, Some(Timestamp(1_767_225_600)));
        assert_eq!(file.vrps[0].vrp.to_string(), "192.0.2.0/24-26 AS64496");
        assert_eq!((file.vrps.len(), file.aspas.len(), file.router_keys.len()), (1, 1, 1));
        assert_eq!(file.aspas[0].aspa, aspa);
        assert_eq!(file.router_keys[0].key.spki, ROUTER_SPKI);
    }

    #[test]
    fn k10_a_ccr_is_read_whole_or_not_at_all() {
        let good = ccr(Timestamp(0), &[vrps()]);
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        let refusal = |bytes: &[u8]| VrpFile::parse(bytes).unwrap_err().to_string();
        assert!(refusal(&bad).contains("The hash of a state is the SHA-256"), "{}", refusal(&bad));
        assert!(refusal(&good[..good.len() - 1]).starts_with("not a CCR that can be used"));
        let aspas_only = ccr(Timestamp(0), &[ccr_state(3, &[], &[])]);
        assert!(refusal(&aspas_only).contains("no state of ROA payloads"));
        assert!(VrpFile::parse(&ccr(Timestamp(0), &[ccr_state(2, &[], &[])])).is_ok());
    }
}
