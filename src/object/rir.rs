//! The trust anchor locators of the five RIRs: data, and the function that reads them.

use super::Tal;

/// Returns the locators of AFRINIC, APNIC, ARIN, LACNIC and the RIPE NCC.
///
/// The keys are those that every other validator ships; a test compares their checksums.
pub fn rir_tals() -> Vec<Tal> {
    // The texts are constants: a test says that all five can be read.
    RIRS.iter().filter_map(|(name, text)| Tal::parse(name, text.as_bytes()).ok()).collect()
}

const RIRS: [(&str, &str); 5] = [
    (
        "afrinic",
        "\
https://rpki.afrinic.net/repository/AfriNIC.cer
rsync://rpki.afrinic.net/repository/AfriNIC.cer

MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxsAqAhWIO+ON2Ef9oRDM
pKxv+AfmSLIdLWJtjrvUyDxJPBjgR+kVrOHUeTaujygFUp49tuN5H2C1rUuQavTH
vve6xNF5fU3OkTcqEzMOZy+ctkbde2SRMVdvbO22+TH9gNhKDc9l7Vu01qU4LeJH
k3X0f5uu5346YrGAOSv6AaYBXVgXxa0s9ZvgqFpim50pReQe/WI3QwFKNgpPzfQL
6Y7fDPYdYaVOXPXSKtx7P4s4KLA/ZWmRL/bobw/i2fFviAGhDrjqqqum+/9w1hEl
L/vqihVnV18saKTnLvkItA/Bf5i11Yhw2K7qv573YWxyuqCknO/iYLTR1DToBZcZ
UQIDAQAB
",
    ),
    (
        "apnic",
        "\
https://rpki.apnic.net/repository/apnic-rpki-root-iana-origin.cer
rsync://rpki.apnic.net/repository/apnic-rpki-root-iana-origin.cer

MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAx9RWSL61YAAYumEiU8z8
qH2ETVIL01ilxZlzIL9JYSORMN5Cmtf8V2JblIealSqgOTGjvSjEsiV73s67zYQI
7C/iSOb96uf3/s86NqbxDiFQGN8qG7RNcdgVuUlAidl8WxvLNI8VhqbAB5uSg/Mr
LeSOvXRja041VptAxIhcGzDMvlAJRwkrYK/Mo8P4E2rSQgwqCgae0ebY1CsJ3Cjf
i67C1nw7oXqJJovvXJ4apGmEv8az23OLC6Ki54Ul/E6xk227BFttqFV3YMtKx42H
cCcDVZZy01n7JjzvO8ccaXmHIgR7utnqhBRNNq5Xc5ZhbkrUsNtiJmrZzVlgU6Ou
0wIDAQAB
",
    ),
    (
        "arin",
        "\
https://rrdp.arin.net/arin-rpki-ta.cer
rsync://rpki.arin.net/repository/arin-rpki-ta.cer

MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3lZPjbHvMRV5sDDqfLc/
685th5FnreHMJjg8pEZUbG8Y8TQxSBsDebbsDpl3Ov3Cj1WtdrJ3CIfQODCPrrJd
OBSrMATeUbPC+JlNf2SRP3UB+VJFgtTj0RN8cEYIuhBW5t6AxQbHhdNQH+A1F/OJ
dw0q9da2U29Lx85nfFxvnC1EpK9CbLJS4m37+RlpNbT1cba+b+loXpx0Qcb1C4Up
JCGDy7uNf5w6/+l7RpATAHqqsX4qCtwwDYlbHzp2xk9owF3mkCxzl0HwncO+sEHH
eaL3OjtwdIGrRGeHi2Mpt+mvWHhtQqVG+51MHTyg+nIjWFKKGx1Q9+KDx4wJStwv
eQIDAQAB
",
    ),
    (
        "lacnic",
        "\
https://rrdp.lacnic.net/ta/rta-lacnic-rpki.cer
rsync://repository.lacnic.net/rpki/lacnic/rta-lacnic-rpki.cer

MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqZEzhYK0+PtDOPfub/KR
c3MeWx3neXx4/wbnJWGbNAtbYqXg3uU5J4HFzPgk/VIppgSKAhlO0H60DRP48by9
gr5/yDHu2KXhOmnMg46sYsUIpfgtBS9+VtrqWziJfb+pkGtuOWeTnj6zBmBNZKK+
5AlMCW1WPhrylIcB+XSZx8tk9GS/3SMQ+YfMVwwAyYjsex14Uzto4GjONALE5oh1
M3+glRQduD6vzSwOD+WahMbc9vCOTED+2McLHRKgNaQf0YJ9a1jG9oJIvDkKXEqd
fqDRktwyoD74cV57bW3tBAexB7GglITbInyQAsmdngtfg2LUMrcROHHP86QPZINj
DQIDAQAB
",
    ),
    (
        "ripe",
        "\
https://rpki.ripe.net/ta/ripe-ncc-ta.cer
rsync://rpki.ripe.net/ta/ripe-ncc-ta.cer

MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0URYSGqUz2myBsOzeW1j
Q6NsxNvlLMyhWknvnl8NiBCs/T/S2XuNKQNZ+wBZxIgPPV2pFBFeQAvoH/WK83Hw
A26V2siwm/MY2nKZ+Olw+wlpzlZ1p3Ipj2eNcKrmit8BwBC8xImzuCGaV0jkRB0G
Z0hoH6Ml03umLprRsn6v0xOP0+l6Qc1ZHMFVFb385IQ7FQQTcVIxrdeMsoyJq9eM
kE6DoclHhF/NlSllXubASQ9KUWqJ0+Ot3QCXr4LXECMfkpkVR2TZT+v5v658bHVs
6ZxRD1b6Uk1uQKAyHUbn/tXvP8lrjAibGzVsXDT2L0x4Edx+QdixPgOji3gBMyL2
VwIDAQAB
",
    ),
];

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::model::ObjectHash;

    #[test]
    fn keys_have_the_known_checksums() {
        let sums: Vec<_> = rir_tals()
            .iter()
            .map(|tal| (tal.name.clone(), ObjectHash::of(&tal.spki).to_string()))
            .collect();
        let known = [
            ("afrinic", "25927ba316fb67f1a19355b900230fb9529186c25800bd57d94d17ecb50b0034"),
            ("apnic", "bae5d3c3d3b7d1195d756765f8c4164158927affdaea3f91c69a8c02d8cf3022"),
            ("arin", "e5ce11ce20c2811efec8209615e688946baf4988fbe263450345c0c0e14c944f"),
            ("lacnic", "2b701ba6899728b1e45c0be30938174fb60171ed3959525a4d13a5845a0ba489"),
            ("ripe", "5e22b2daa07f1a6b78d2f81b0ca5e06eafc2a9c817d1edfc78021522a987b34e"),
        ];
        assert_eq!(sums, known.map(|(name, sum)| (name.to_owned(), sum.to_owned())));
    }

    #[test]
    fn equals_the_files_of_debian_where_they_are_installed() {
        let mut compared = 0;
        for tal in rir_tals() {
            let Ok(bytes) = std::fs::read(format!("/etc/tals/{}.tal", tal.name)) else { continue };
            let debian = Tal::parse(&tal.name, &bytes).unwrap();
            assert_eq!(tal, debian);
            compared += 1;
        }
        if compared == 0 {
            // Past the harness, which shows nothing of tests that pass.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: Debian's rpki-trust-anchors is not installed (/etc/tals)"
            );
        }
    }
}
