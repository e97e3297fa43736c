//! Stable reason codes: what was wrong, by which RFC, what it means and what to do. Mostly a table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a reason costs at least; a fault in a manifest's own certificate costs the point.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Effect {
    /// The whole trust anchor.
    TrustAnchor,
    /// What was fetched last of one publication point; an earlier state may stay in use.
    Point,
    /// One object, and what is below it if it is a CA.
    Object,
    /// Nothing.
    Warning,
}

/// One row of the table.
struct Entry {
    code: &'static str,
    effect: Effect,
    rfc: &'static str,
    title: &'static str,
    cause: &'static str,
    fix: &'static str,
}

macro_rules! reasons {
    ($($name:ident $code:literal $effect:ident $rfc:literal $title:literal $cause:literal $fix:literal)+) => {
        /// Why an object, a point or a trust anchor was rejected, or what is worth a warning.
        ///
        /// The codes are API: rows are added, never changed or removed.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Reason {
            $(
                #[doc = concat!("`", $code, "`: ", $title, ".")]
                $name,
            )+
        }

        impl Reason {
            /// Every reason, grouped by what it is about.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),+];

            fn entry(self) -> &'static Entry {
                match self {
                    $(Reason::$name => &Entry {
                        code: $code,
                        effect: Effect::$effect,
                        rfc: $rfc,
                        title: $title,
                        cause: $cause,
                        fix: $fix,
                    },)+
                }
            }
        }
    };
}

impl Reason {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// Returns what it costs.
    pub fn effect(self) -> Effect {
        self.entry().effect
    }

    /// Returns the document and section that the rule comes from.
    pub fn rfc(self) -> &'static str {
        self.entry().rfc
    }

    /// Returns the rule that was broken, as a fragment.
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// Returns what it means, in a sentence or two for people who do not know the RFCs.
    pub fn cause(self) -> &'static str {
        self.entry().cause
    }

    /// Returns what can be done about it, mostly by the operator of the CA.
    pub fn fix(self) -> &'static str {
        self.entry().fix
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A text that is no reason code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown reason code")]
pub struct UnknownReason;

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, UnknownReason> {
        Reason::ALL.iter().copied().find(|reason| reason.code() == code).ok_or(UnknownReason)
    }
}

impl TryFrom<String> for Reason {
    type Error = UnknownReason;

    fn try_from(code: String) -> Result<Self, UnknownReason> {
        code.parse()
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> String {
        reason.code().to_owned()
    }
}

reasons! {
    TrustAnchorMissing "trust-anchor.missing" TrustAnchor
        "RFC 8630, section 3"
        "the trust anchor certificate was never fetched"
        "No certificate could be fetched from any URI of the trust anchor locator, now or earlier."
        "Check the network path to the URIs in the locator; the findings of the fetch say what failed."

    TrustAnchorKey "trust-anchor.key-mismatch" TrustAnchor
        "RFC 8630, section 3"
        "the certificate has another key than the locator"
        "The certificate that was fetched holds another public key than the trust anchor locator."
        "Compare the locator with the one that the trust anchor publishes; one of the two is old or forged."

    TrustAnchorSignature "trust-anchor.not-self-signed" TrustAnchor
        "RFC 6487, section 7.2; RFC 8630, section 2.3"
        "the trust anchor certificate is not signed by its own key"
        "The signature of the trust anchor certificate does not fit the key inside it."
        "The trust anchor has to publish an undamaged certificate."

    TrustAnchorInherit "trust-anchor.inherits" TrustAnchor
        "RFC 8630, section 2.3"
        "the trust anchor certificate inherits resources"
        "A trust anchor has no issuer, so there is nothing that it could inherit."
        "The trust anchor has to list its resources."

    TrustAnchorLongLived "trust-anchor.long-lived" Warning
        "RFC 6487, section 4.6; local limit"
        "the trust anchor certificate is valid for very long"
        "A certificate that lives for many years can be replayed for as long, whatever its owner has changed since."
        "The trust anchor should issue certificates that live for a few years at most."

    TrustAnchorConstraint "trust-anchor.constraints" Object
        "draft-ietf-sidrops-constraining-rpki-trust-anchors"
        "the constraints of the trust anchor do not permit these resources"
        "The constraints file that stands beside the trust anchor locator excludes resources of the object."
        "Nothing, if the constraints are what you want; else change the file."

    TrustAnchorTooManyVrps "trust-anchor.too-many-vrps" Object
        "local limit"
        "the trust anchor has too many VRPs"
        "The payload of some CAs is left out because the trust anchor's number of VRPs has reached the limit."
        "Find the CA that makes so many VRPs; routers could not hold them."

    RepositoryPending "repository.pending" Warning
        "RFC 8182, section 3.4"
        "the repository was not fetched yet"
        "The first fetch of the repository has not ended, so only what was known earlier is in use."
        "Wait for the first fetch; nothing is wrong yet."

    RepositoryUnavailable "repository.unavailable" Point
        "RFC 9286, section 6.6"
        "the repository could never be fetched"
        "Every way to the repository that the certificate names was tried, and none has ever succeeded."
        "Check that the repository answers over RRDP or rsync from outside the own network."

    CacheUnreadable "cache.unreadable" Point
        "none"
        "the local cache could not be read"
        "A read error of the local cache; it says nothing about what the CA publishes."
        "Check the disk; the cache can be deleted and is then fetched again."

    InternalError "internal.panic" Point
        "none"
        "an error in this program"
        "Judging the publication point ended in a bug of this program."
        "Report the URI and the time; the objects of the point show the bug."

    CaLoop "ca.loop" Object
        "RFC 5280, section 6.1; RFC 6487, section 7.2"
        "the CA is its own ancestor"
        "The certificate has the key and the manifest of a CA above it, so that following it would never end."
        "Revoke the certificate."

    CaTooDeep "ca.too-deep" Object
        "local limit"
        "the CA is too far below its trust anchor"
        "Between the trust anchor and this CA are more CAs than the limit permits."
        "No real CA is that deep; raise the limit only for a laboratory."

    CaTooMany "ca.too-many" Object
        "local limit"
        "the trust anchor has too many CAs"
        "The number of CAs below this trust anchor has reached the limit; later ones are not followed."
        "Find the CA that makes so many others; raise the limit only if they are real."

    CaTwice "ca.twice" Warning
        "RFC 6481, section 2.2"
        "a CA has two certificates for the same key and manifest"
        "The issuer publishes more than one certificate for the same key and manifest; the newest is in use."
        "Revoke the older certificate."

    ObjectTooLarge "object.too-large" Object
        "local limit"
        "the object is too large"
        "The object has more bytes than are decoded."
        "Split the object; no validator reads objects of any size."

    ObjectTooManyEntries "object.too-many-entries" Object
        "local limit"
        "the object has too many entries"
        "The object has more entries than are read."
        "Split the object; no validator reads objects of any size."

    ObjectMalformed "object.malformed" Object
        "RFC 6488, sections 2 and 3"
        "the object cannot be decoded"
        "The bytes are not the DER structure that the object's RFC demands."
        "Publish the object again; if it stays, the CA software has a bug."

    ObjectContentType "object.content-type" Object
        "RFC 6488, sections 2.1.3.1 and 3"
        "the content type does not fit the file name"
        "The type that is signed inside the object is not the one that its file name announces."
        "Publish the object under a name with the right extension."

    ObjectAlgorithm "object.algorithm" Object
        "RFC 7935, section 2"
        "an algorithm is not one that the RPKI uses"
        "A digest or signature algorithm is another than SHA-256 with RSA; it is passed over, not judged."
        "Sign the object with the algorithms of RFC 7935; a new suite is used only after a planned migration (RFC 6916)."

    ObjectSigner "object.signer-mismatch" Object
        "RFC 6488, sections 2.1.6.2 and 3"
        "the signer is not the certificate inside"
        "The key identifier of the signer is not that of the certificate inside the object."
        "Sign the object again; the CA software has a bug."

    ObjectDigest "object.digest-mismatch" Object
        "RFC 6488, section 3; RFC 5652, section 5.6"
        "the signed digest does not fit the content"
        "The content was changed after it was signed."
        "Publish the object again."

    ObjectSignature "object.signature" Object
        "RFC 6488, section 3"
        "the signature does not fit the content"
        "The signature over the content does not verify with the key of the certificate inside the object."
        "Publish the object again."

    ObjectSigningTime "object.signing-time" Object
        "RFC 9589, section 4"
        "the object was signed after its certificate had expired"
        "The signed signing time lies after the end of the certificate inside the object."
        "Check the clock of the CA and sign the object again."

    ObjectUri "object.uri-mismatch" Object
        "RFC 6487, section 4.8.8.2"
        "the object is not where its certificate says"
        "The certificate inside the object names another URI than the one at which it is published."
        "Publish the object at the URI in its certificate."

    ObjectRevoked "object.revoked" Object
        "RFC 6487, section 7.2; RFC 6488, section 3"
        "the certificate is revoked"
        "The serial number of the certificate is on the CRL of its issuer."
        "Nothing, if it was revoked on purpose; else issue a new one. A revoked object should leave the manifest."

    CertMalformed "cert.malformed" Object
        "RFC 6487, section 4"
        "the certificate cannot be decoded"
        "The bytes are not the DER structure of a resource certificate."
        "Issue the certificate again; if it stays, the CA software has a bug."

    CertProfile "cert.profile" Object
        "RFC 6487, section 4"
        "the certificate breaks the profile"
        "A field or extension is missing, not permitted, or not as the profile of resource certificates demands."
        "Issue the certificate again with software that follows the profile."

    CertAlgorithm "cert.algorithm" Object
        "RFC 7935, section 2"
        "the signature algorithm is not one that the RPKI uses"
        "The certificate is signed with another algorithm than SHA-256 with RSA; it is passed over, not judged."
        "Issue the certificate with the algorithms of RFC 7935."

    CertSerial "cert.serial" Object
        "RFC 6487, section 4.2"
        "the serial number is out of range"
        "The serial number is zero, negative or longer than 20 octets."
        "Issue the certificate again with a positive serial number."

    CertKey "cert.key" Object
        "RFC 7935, section 3; RFC 8608, section 3"
        "the key is not one that the RPKI uses"
        "The public key is not RSA with 2,048 bits and the exponent 65,537 (for routers: not a point of P-256)."
        "Make a new key of the permitted kind and a certificate for it."

    CertResourcesForm "cert.resources-malformed" Object
        "RFC 3779, sections 2.2.3 and 3.2.3; RFC 6487, sections 4.8.10 and 4.8.11"
        "the resources are not in canonical form"
        "Ranges are empty, unsorted, overlapping, touching, reversed, or written as a range where a prefix would do."
        "Issue the certificate again with software that writes the canonical form."

    CertAki "cert.issuer-mismatch" Object
        "RFC 6487, section 4.8.3"
        "the certificate was issued by another key"
        "The authority key identifier is not the key identifier of the CA that publishes the certificate."
        "After a key rollover all certificates have to be issued again by the new key."

    CertIssuerName "cert.issuer-name" Object
        "RFC 6487, section 7.2; RFC 5280, section 6.1.3"
        "the issuer's name is not that of the CA"
        "The name of the issuer in the certificate is not the name of the subject in the CA's certificate."
        "Issue the certificate again; after a change of the CA's name everything has to be issued again."

    CertIssuerUri "cert.issuer-uri" Warning
        "RFC 6487, section 4.8.7"
        "the certificate says that its issuer's certificate is somewhere else"
        "The authority information access names another URI than the one at which the issuer's certificate was found."
        "Issue the certificate again with the present URI of the CA's certificate; nothing is lost until then."

    CertNameForm "cert.name-form" Warning
        "RFC 6487, sections 4.4 and 4.5"
        "a name is not a PrintableString"
        "The names of issuer and subject are written in another string type than the profile demands."
        "Issue the certificate again with software that follows the profile; nothing is lost until then."

    CertCrlUri "cert.crl-mismatch" Object
        "RFC 6487, section 4.8.6"
        "the certificate names another CRL"
        "The CRL distribution point is not the CRL that the manifest lists."
        "Issue the certificate again with the URI of the CA's CRL."

    CertNotYetValid "cert.not-yet-valid" Object
        "RFC 6487, section 7.2"
        "the certificate is not valid yet"
        "The certificate becomes valid only in the future."
        "Check the clocks of the CA and of this machine."

    CertExpired "cert.expired" Object
        "RFC 6487, section 7.2"
        "the certificate has expired"
        "The certificate's validity has ended."
        "Renew the certificate or the object; a CA that stopped running lets everything expire."

    CertSignature "cert.signature" Object
        "RFC 6487, section 7.2"
        "the signature does not fit the issuer's key"
        "The signature of the certificate does not verify with the key of the CA that publishes it."
        "Issue the certificate again."

    CertOverclaim "cert.overclaim" Object
        "RFC 6487, section 7.2; RFC 3779, section 2.3"
        "the certificate has resources that its issuer has not"
        "The certificate claims addresses or AS numbers that are not, or no longer, the issuer's. All that is below it is lost."
        "Shrink the certificate to what the issuer holds, or get the missing resources back."

    CertLocation "cert.location" Object
        "RFC 6487, section 4.8.8.1; RFC 8182, section 3.2"
        "the CA's publication point has no usable address"
        "caRepository, rpkiManifest or rpkiNotify is not a URI that can be fetched."
        "Issue the certificate again with rsync and HTTPS URIs."

    CertUnknownKind "cert.unknown-kind" Object
        "RFC 6487, section 4; RFC 8209, section 3"
        "the certificate is neither a CA nor a router"
        "A certificate file holds an end entity certificate that is no BGPsec router certificate."
        "Remove the file from the publication point."

    CrlMalformed "crl.malformed" Point
        "RFC 6487, section 5"
        "the CRL cannot be decoded"
        "The bytes are not the DER structure of a certificate revocation list."
        "Publish a new CRL and manifest."

    CrlProfile "crl.profile" Point
        "RFC 6487, section 5"
        "the CRL breaks the profile"
        "The CRL has an extension, an entry or dates that the profile does not permit."
        "Publish a new CRL with software that follows the profile."

    CrlNumber "crl.number" Point
        "RFC 9829, section 3"
        "the CRL number is missing or wrong"
        "A CRL has exactly one CRL number, not critical, between 0 and 2^159 - 1."
        "Publish a new CRL with software that follows the profile."

    CrlIssuer "crl.issuer-mismatch" Point
        "RFC 6487, section 5; RFC 5280, section 6.3.3"
        "the CRL was issued by another key"
        "The authority key identifier or the issuer's name in the CRL is not that of the CA."
        "Publish a CRL that is signed by the CA's current key."

    CrlSignature "crl.signature" Point
        "RFC 6487, section 5; RFC 5280, section 6.3.3"
        "the signature of the CRL does not fit the CA's key"
        "The signature of the CRL does not verify with the key of the CA."
        "Publish a new CRL and manifest."

    CrlPremature "crl.premature" Point
        "RFC 5280, section 5.1.2.4"
        "the CRL is from the future"
        "The CRL's thisUpdate has not come yet."
        "Check the clocks of the CA and of this machine."

    CrlStale "crl.stale" Point
        "RFC 5280, sections 5.1.2.5 and 6.3.3"
        "the CRL is out of date"
        "The CRL's nextUpdate has passed and no newer one was published. All objects of the CA are lost."
        "Check that the CA is running; it has to publish a new CRL and manifest before nextUpdate."

    ManifestMissing "manifest.missing" Point
        "RFC 9286, section 6.2"
        "there is no manifest"
        "The repository has no file at the URI of the manifest that the CA's certificate names."
        "Check that the CA is running and publishes to the repository that its certificate names."

    ManifestMalformed "manifest.malformed" Point
        "RFC 9286, section 4"
        "the manifest cannot be decoded"
        "The bytes are not the DER structure of a manifest."
        "Publish a new manifest."

    ManifestNumber "manifest.number" Point
        "RFC 9286, section 4.2.1"
        "the manifest number is out of range"
        "The manifest number is negative or above 2^159 - 1."
        "Publish the manifest under a new file name with a number in range."

    ManifestInterval "manifest.update-interval" Point
        "RFC 9286, section 4.2.1"
        "nextUpdate does not come after thisUpdate"
        "The two times of the manifest are crossed or equal."
        "Publish a new manifest; check the settings of the CA."

    ManifestFileName "manifest.file-name" Point
        "RFC 9286, section 4.2.2"
        "a listed file has a forbidden name"
        "File names have letters, digits, hyphens and underscores, one dot and an extension of three letters."
        "Rename the file and publish a new manifest."

    ManifestDuplicate "manifest.duplicate-file" Point
        "RFC 9286, section 4.2.1"
        "a file is listed twice"
        "Two entries of the manifest have the same file name."
        "Publish a new manifest that lists each file once."

    ManifestEmpty "manifest.empty" Point
        "RFC 9286, section 4.2.1"
        "the manifest lists nothing"
        "A manifest lists at least the CRL of its CA."
        "Publish a new manifest that lists the CRL."

    ManifestHash "manifest.hash-algorithm" Point
        "RFC 9286, section 4.2.1; RFC 7935, section 2"
        "a hash is not SHA-256"
        "The manifest uses another hash algorithm, or a hash has not 32 octets."
        "Publish a new manifest with SHA-256 hashes."

    ManifestResources "manifest.explicit-resources" Point
        "RFC 9286, section 5.1"
        "the certificate of the manifest lists resources"
        "The certificate inside a manifest inherits all resources, so that no change of them can break it."
        "Publish a new manifest whose certificate inherits."

    ManifestPremature "manifest.premature" Point
        "RFC 9286, section 6.3"
        "the manifest is from the future"
        "The manifest's thisUpdate has not come yet."
        "Check the clocks of the CA and of this machine."

    ManifestStale "manifest.stale" Point
        "RFC 9286, section 6.3"
        "the manifest is out of date"
        "The manifest's nextUpdate has passed and no newer one was published. All objects of the CA are lost."
        "Check that the CA is running; it has to publish a new manifest before nextUpdate."

    ManifestNoCrl "manifest.no-crl" Point
        "RFC 9286, section 2; RFC 6487, section 4.8.6"
        "the manifest lists no CRL"
        "A manifest lists exactly one CRL, without which nothing below it can be trusted."
        "Publish a new manifest that lists the CRL."

    ManifestTwoCrls "manifest.two-crls" Point
        "RFC 9286, section 2; RFC 6487, section 4.8.6"
        "the manifest lists more than one CRL"
        "A manifest lists exactly one CRL."
        "Publish a new manifest that lists only the current CRL."

    ManifestCrlName "manifest.crl-mismatch" Point
        "RFC 9286, section 2; RFC 6487, section 4.8.6"
        "the listed CRL is not the one of the certificate"
        "The certificate inside the manifest names another CRL than the manifest lists."
        "Publish a new manifest whose certificate names the listed CRL."

    ManifestMissingFile "manifest.missing-file" Point
        "RFC 9286, section 6.4"
        "a listed file is missing"
        "The manifest lists a file that the repository does not have; the state of the CA is not complete."
        "Often passes with the next fetch; if not, publish all files and a new manifest at once."

    ManifestHashMismatch "manifest.hash-mismatch" Point
        "RFC 9286, section 6.5"
        "a listed file is not the one that is published"
        "The file in the repository has another hash than the manifest says."
        "Often passes with the next fetch; if not, publish all files and a new manifest at once."

    ManifestReplay "manifest.replay" Point
        "RFC 9286, section 4.2.1; RFC 9981"
        "the manifest is older than one seen before"
        "The repository gives out a manifest with a lower number or an earlier thisUpdate than it did before."
        "A repository was restored from a backup, or someone replays old objects: publish a manifest with a higher number."

    ManifestNumberReused "manifest.number-reused" Warning
        "RFC 9286, section 4.2.1"
        "two manifests have the same number"
        "A manifest with the same number but another content was seen before."
        "Check that only one instance of the CA is running."

    ManifestNumberGap "manifest.number-gap" Warning
        "RFC 9286, section 4.2.1"
        "manifest numbers were skipped"
        "Between this manifest and the one seen before it, others were made that were never seen."
        "Nothing, if the CA publishes more often than it is fetched."

    ManifestNumberReset "manifest.number-reset" Warning
        "RFC 9286, section 4.2.1; RFC 9981"
        "manifest numbers start again"
        "The number is lower than one seen before; it is accepted because it is newer and the earlier one is out of date."
        "Give the manifest a new file name when its numbers start again."

    RoaEmpty "roa.no-prefixes" Object
        "RFC 9582, section 4.3"
        "the ROA has no prefix"
        "A ROA, and each address family in it, has at least one prefix."
        "Remove the ROA, or issue it with prefixes."

    RoaFamily "roa.address-family" Object
        "RFC 9582, section 4.3.1"
        "an address family is unknown or there twice"
        "A ROA has IPv4 and IPv6 prefixes, each family at most once."
        "Issue the ROA again with software that follows the RFC."

    RoaPrefix "roa.prefix" Object
        "RFC 9582, section 4.3"
        "a prefix is not one"
        "A prefix is longer than its address family permits, or an IPv4 prefix is written in IPv6 form."
        "Issue the ROA again with correct prefixes."

    RoaMaxLength "roa.max-length" Object
        "RFC 9582, section 4.3.2.2"
        "a max length is out of range"
        "The max length is below the prefix length or above what the address family permits."
        "Issue the ROA again with a max length from the prefix length up to 32 or 128."

    RoaAsResources "roa.as-resources" Object
        "RFC 9582, section 5"
        "the certificate of the ROA has AS resources"
        "The certificate inside a ROA may hold addresses only."
        "Issue the ROA again with software that follows the RFC."

    RoaInherit "roa.inherits" Object
        "RFC 9582, section 5"
        "the certificate of the ROA inherits resources"
        "The certificate inside a ROA has to list its addresses."
        "Issue the ROA again with software that follows the RFC."

    RoaNotCovered "roa.resources-not-covered" Object
        "RFC 9582, section 5"
        "the ROA names a prefix that its certificate does not hold"
        "At least one prefix of the ROA is not covered by the resources of the certificate inside it."
        "Issue the ROA again for prefixes that the CA holds."

    RoaTooManyVrps "roa.too-many-vrps" Object
        "local limit"
        "the CA has too many VRPs"
        "ROAs of this CA are left out because its number of VRPs has reached the limit."
        "Use fewer, larger prefixes with a max length, or split the resources among several CAs."

    RoaManyOrigins "roa.many-origins" Warning
        "local limit"
        "one prefix is authorised for very many AS numbers"
        "So many origins for one prefix serve no purpose, but fill the memory of routers."
        "Remove the ROAs that are not needed."

    RoaUnsafeVrps "roa.unsafe-vrps" Warning
        "local policy"
        "VRPs overlap the resources of a CA without valid data"
        "Routes that the rejected CA has authorised can be invalid because of these VRPs. With the policy `reject` the VRPs are left out, with `warn` they are only named."
        "Repair the CA that has no valid data; the detail names its resources."

    AspaTooManyProviders "aspa.too-many-providers" Object
        "local limit; draft-ietf-sidrops-8210bis, section 5.12"
        "the ASPAs of one customer have too many providers together"
        "All ASPAs of the customer AS are left out: their union does not fit into what is sent to routers."
        "Remove the providers that are none."

    AspaVersion "aspa.version" Object
        "draft-ietf-sidrops-aspa-profile, section 3"
        "the ASPA has an unknown version"
        "Only version 1 of the ASPA profile is in use; older ones were drafts."
        "Issue the ASPA again with current software."

    AspaCustomer "aspa.customer-is-provider" Object
        "draft-ietf-sidrops-aspa-profile, section 3"
        "the customer is its own provider"
        "The customer AS is in the list of its providers."
        "Issue the ASPA again without the customer in the list."

    AspaProviders "aspa.providers" Object
        "draft-ietf-sidrops-aspa-profile, section 3"
        "the list of providers is not canonical"
        "Providers are in ascending order, each once, at least one, and AS 0 only alone."
        "Issue the ASPA again with software that follows the profile."

    AspaIpResources "aspa.ip-resources" Object
        "draft-ietf-sidrops-aspa-profile, section 4"
        "the certificate of the ASPA has addresses"
        "The certificate inside an ASPA may hold AS numbers only."
        "Issue the ASPA again with software that follows the profile."

    AspaInherit "aspa.inherits" Object
        "draft-ietf-sidrops-aspa-profile, section 4"
        "the certificate of the ASPA inherits resources"
        "The certificate inside an ASPA has to list the customer AS."
        "Issue the ASPA again with software that follows the profile."

    AspaNotCovered "aspa.customer-not-covered" Object
        "draft-ietf-sidrops-aspa-profile, section 4"
        "the customer is not held by the certificate"
        "The certificate inside the ASPA does not hold the customer AS."
        "Issue the ASPA again for an AS that the CA holds."

    RouterTooManyAsns "router.too-many-asns" Object
        "local limit"
        "the router certificate has too many AS numbers"
        "Each AS number of a router certificate is a payload of its own with the whole key."
        "Issue certificates for the AS numbers that the router has."

    TakResources "tak.explicit-resources" Object
        "RFC 9691, section 2.3"
        "the certificate of the TAK lists resources"
        "The certificate inside a TAK inherits all resources: a TAK speaks about keys alone."
        "Publish a new TAK whose certificate inherits."

    TakCurrentKey "tak.current-key" Object
        "RFC 9691, section 2.3"
        "the TAK is not about the key of its trust anchor"
        "A trust anchor lists its keys, but the one that it calls current is another than the one that signed."
        "The trust anchor has to publish a TAK for each of its keys, each in that key's own publication point."

    TakSuccessor "tak.successor" Warning
        "RFC 9691, sections 4 and 4.1"
        "the trust anchor announces its next key"
        "The trust anchor will move to another key. Nothing is changed here: the locator in use stays in use until you replace it, and the 30 days for which the key has to be announced first have begun."
        "Wait until the time in the detail, and use it to compare the new key with what the trust anchor announces elsewhere."

    TakSuccessorDue "tak.successor-due" Warning
        "RFC 9691, sections 4 and 4.1"
        "the trust anchor has announced its next key for 30 days"
        "The key was announced in every run for 30 days, so that it may be used. Nothing is changed here: the locator in use stays in use until you replace it."
        "Check that the trust anchor announces the same key elsewhere, and replace the locator before the present key is retired; `provost inspect` prints the new one from the TAK."
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_read_back() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(reason.code().parse(), Ok(*reason));
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{reason}\""));
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), *reason);
        }
        assert_eq!("manifest.fresh".parse::<Reason>(), Err(UnknownReason));
    }

    #[test]
    fn every_reason_explains_itself_in_sentences() {
        for reason in Reason::ALL {
            let (subject, rule) = reason.code().split_once('.').unwrap();
            let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            assert!(is_plain(subject) && is_plain(rule), "{reason}");
            assert!(!reason.title().ends_with('.') && !reason.rfc().is_empty(), "{reason}");
            assert!(reason.cause().ends_with('.') && reason.fix().ends_with('.'), "{reason}");
        }
    }
}
