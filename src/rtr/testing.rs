//! Reads what the server sends, as a strict router would; for the tests of this module.

use std::fmt;
use std::net::IpAddr;

use super::pdu::{Header, kind};

/// One payload PDU.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Item {
    Prefix { announce: bool, address: IpAddr, length: u8, max_length: u8, asn: u32 },
    RouterKey { announce: bool, ski: u8, spki: Vec<u8>, asn: u32 },
    Aspa { announce: bool, customer: u32, providers: Vec<u32> },
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = |announce: &bool| if *announce { '+' } else { '-' };
        match self {
            Item::Prefix { announce, address, length, max_length, asn } => {
                write!(f, "{}{address}/{length}-{max_length} AS{asn}", sign(announce))
            }
            Item::RouterKey { announce, ski, spki, asn } => {
                write!(f, "{}key {ski:02x} ", sign(announce))?;
                spki.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                write!(f, " AS{asn}")
            }
            Item::Aspa { announce, customer, providers } => {
                write!(f, "{}aspa AS{customer} {providers:?}", sign(announce))
            }
        }
    }
}

/// Splits bytes into PDUs; panics where they do not end with one.
pub(crate) fn pdus(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut pdus = Vec::new();
    while !bytes.is_empty() {
        let header = Header::read(bytes[..8].try_into().unwrap());
        let (pdu, rest) = bytes.split_at(header.length as usize);
        pdus.push(pdu);
        bytes = rest;
    }
    pdus
}

/// Returns the payload of one whole answer: Cache Response, payload, End of Data.
pub(crate) fn items(bytes: &[u8]) -> Vec<Item> {
    let pdus = pdus(bytes);
    let (first, rest) = pdus.split_first().unwrap();
    let (last, payload) = rest.split_last().unwrap();
    assert_eq!((first[1], last[1]), (kind::CACHE_RESPONSE, kind::END_OF_DATA));
    assert!(pdus.iter().all(|pdu| pdu[0] == first[0]), "one version");
    payload.iter().map(|pdu| item(pdu)).collect()
}

fn item(pdu: &[u8]) -> Item {
    let number = |at: usize| u32::from_be_bytes(pdu[at..at + 4].try_into().unwrap());
    let announce = |flags: u8| {
        assert!(flags <= 1);
        flags == 1
    };
    let prefix = |address: IpAddr, end: usize| {
        assert_eq!((pdu[2], pdu[3], pdu[11], pdu.len()), (0, 0, 0, end + 4));
        Item::Prefix {
            announce: announce(pdu[8]),
            address,
            length: pdu[9],
            max_length: pdu[10],
            asn: number(end),
        }
    };
    match pdu[1] {
        kind::IPV4_PREFIX => prefix(<[u8; 4]>::try_from(&pdu[12..16]).unwrap().into(), 16),
        kind::IPV6_PREFIX => prefix(<[u8; 16]>::try_from(&pdu[12..28]).unwrap().into(), 28),
        kind::ROUTER_KEY => Item::RouterKey {
            announce: announce(pdu[2]),
            ski: pdu[8],
            asn: number(28),
            spki: pdu[32..].to_vec(),
        },
        kind::ASPA => Item::Aspa {
            announce: announce(pdu[2]),
            customer: number(8),
            providers: (12..pdu.len()).step_by(4).map(number).collect(),
        },
        other => panic!("no payload: type {other}"),
    }
}
