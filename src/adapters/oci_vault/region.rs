//! Regions and realms: from what a profile says to the addresses of the services.
//!
//! Responsible for the table of regions and their short codes, for the domain of each realm and
//! for the host names. Pure. Leaves where the region comes from to [`auth`](super::auth). Source:
//! Oracle's page "Regions and Availability Domains" and the SDKs' list of regions.

/// A realm: its name in OCIDs, its domain, and its regions with their short codes.
struct Realm {
    name: &'static str,
    domain: &'static str,
    regions: &'static [(&'static str, &'static str)],
}

/// The realm of everything that no table knows.
const COMMERCIAL: &str = "oraclecloud.com";

const REALMS: &[Realm] = &[
    Realm {
        name: "oc1",
        domain: "oraclecloud.com",
        regions: &[
            ("lej", "af-casablanca-1"),
            ("jnb", "af-johannesburg-1"),
            ("hsg", "ap-batam-1"),
            ("yny", "ap-chuncheon-1"),
            ("onm", "ap-delhi-1"),
            ("hyd", "ap-hyderabad-1"),
            ("jbp", "ap-kulai-2"),
            ("mel", "ap-melbourne-1"),
            ("bom", "ap-mumbai-1"),
            ("kix", "ap-osaka-1"),
            ("icn", "ap-seoul-1"),
            ("sin", "ap-singapore-1"),
            ("xsp", "ap-singapore-2"),
            ("syd", "ap-sydney-1"),
            ("nrt", "ap-tokyo-1"),
            ("yul", "ca-montreal-1"),
            ("yyz", "ca-toronto-1"),
            ("ams", "eu-amsterdam-1"),
            ("fra", "eu-frankfurt-1"),
            ("mad", "eu-madrid-1"),
            ("orf", "eu-madrid-3"),
            ("mrs", "eu-marseille-1"),
            ("lin", "eu-milan-1"),
            ("cdg", "eu-paris-1"),
            ("arn", "eu-stockholm-1"),
            ("nrq", "eu-turin-1"),
            ("zrh", "eu-zurich-1"),
            ("mtz", "il-jerusalem-1"),
            ("auh", "me-abudhabi-1"),
            ("dxb", "me-dubai-1"),
            ("jed", "me-jeddah-1"),
            ("ruh", "me-riyadh-1"),
            ("mty", "mx-monterrey-1"),
            ("qro", "mx-queretaro-1"),
            ("bog", "sa-bogota-1"),
            ("scl", "sa-santiago-1"),
            ("gru", "sa-saopaulo-1"),
            ("vap", "sa-valparaiso-1"),
            ("vcp", "sa-vinhedo-1"),
            ("cwl", "uk-cardiff-1"),
            ("lhr", "uk-london-1"),
            ("iad", "us-ashburn-1"),
            ("ord", "us-chicago-1"),
            ("phx", "us-phoenix-1"),
            ("aga", "us-saltlake-2"),
            ("sjc", "us-sanjose-1"),
        ],
    },
    Realm {
        name: "oc2",
        domain: "oraclegovcloud.com",
        regions: &[("lfi", "us-langley-1"), ("luf", "us-luke-1")],
    },
    Realm {
        name: "oc3",
        domain: "oraclegovcloud.com",
        regions: &[
            ("ric", "us-gov-ashburn-1"),
            ("pia", "us-gov-chicago-1"),
            ("tus", "us-gov-phoenix-1"),
        ],
    },
    Realm {
        name: "oc4",
        domain: "oraclegovcloud.uk",
        regions: &[("brs", "uk-gov-cardiff-1"), ("ltn", "uk-gov-london-1")],
    },
    Realm {
        name: "oc8",
        domain: "oraclecloud8.com",
        regions: &[("nja", "ap-chiyoda-1"), ("ukb", "ap-ibaraki-1")],
    },
    Realm {
        name: "oc9",
        domain: "oraclecloud9.com",
        regions: &[("mct", "me-dcc-muscat-1"), ("ibr", "me-ibri-1")],
    },
    Realm { name: "oc10", domain: "oraclecloud10.com", regions: &[("wga", "ap-dcc-canberra-1")] },
    Realm {
        name: "oc14",
        domain: "oraclecloud14.com",
        regions: &[
            ("ork", "eu-dcc-dublin-1"),
            ("snn", "eu-dcc-dublin-2"),
            ("bgy", "eu-dcc-milan-1"),
            ("mxp", "eu-dcc-milan-2"),
            ("dus", "eu-dcc-rating-1"),
            ("dtm", "eu-dcc-rating-2"),
        ],
    },
    Realm { name: "oc15", domain: "oraclecloud15.com", regions: &[("dac", "ap-dcc-gazipur-1")] },
    Realm {
        name: "oc19",
        domain: "oraclecloud.eu",
        regions: &[("str", "eu-frankfurt-2"), ("vll", "eu-madrid-2")],
    },
    Realm { name: "oc20", domain: "oraclecloud20.com", regions: &[("beg", "eu-jovanovac-1")] },
    Realm {
        name: "oc21",
        domain: "oraclecloud21.com",
        regions: &[("vve", "me-alrayyan-1"), ("doh", "me-dcc-doha-1")],
    },
    Realm {
        name: "oc23",
        domain: "oraclecloud23.com",
        regions: &[("ebb", "us-somerset-1"), ("ebl", "us-thames-1")],
    },
    Realm {
        name: "oc24",
        domain: "oraclecloud24.com",
        regions: &[("avf", "eu-crissier-1"), ("avz", "eu-dcc-zurich-1")],
    },
    Realm {
        name: "oc26",
        domain: "oraclecloud26.com",
        regions: &[("ahu", "me-abudhabi-3"), ("rba", "me-alain-1")],
    },
    Realm {
        name: "oc29",
        domain: "oraclecloud29.com",
        regions: &[("rkt", "me-abudhabi-2"), ("shj", "me-abudhabi-4")],
    },
    Realm {
        name: "oc35",
        domain: "oraclecloud35.com",
        regions: &[("bno", "ap-chuncheon-2"), ("dtz", "ap-seoul-2"), ("dln", "ap-suwon-1")],
    },
    Realm {
        name: "oc42",
        domain: "oraclecloud42.com",
        regions: &[("yxj", "us-ashburn-2"), ("pgc", "us-newark-1")],
    },
    Realm { name: "oc51", domain: "oraclecloud51.com", regions: &[("jsk", "eu-budapest-1")] },
    Realm { name: "oc52", domain: "oraclecloud52.com", regions: &[("hnw", "sa-riodejaneiro-1")] },
];

/// What is known about where a vault is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place<'p> {
    /// A region (`eu-frankfurt-1`), its short code (`fra`), or a whole domain
    /// (`eu-frankfurt-1.oraclecloud.com`).
    pub region: Option<&'p str>,
    /// The realm's domain, when it is given.
    pub realm_domain: Option<&'p str>,
    /// OCID of the vault: it names realm and region.
    pub vault_id: &'p str,
}

/// The end of every host name: `oci.<domain>` and `<domain>` follow a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    region: String,
    domain: String,
}

/// Finds out region and domain.
///
/// The domain is the given one, else that of the region, else that of the realm in the vault's
/// OCID, else the commercial realm's. `None` when there is no region anywhere.
pub(super) fn site(place: &Place<'_>) -> Option<Site> {
    let mut ocid = place.vault_id.split('.').skip(2);
    let (realm, ocid_region) = (ocid.next().unwrap_or(""), ocid.next().unwrap_or(""));
    let region = place.region.filter(|region| !region.is_empty()).unwrap_or(ocid_region);
    if region.is_empty() {
        return None;
    }
    if let Some((region, domain)) = region.split_once('.') {
        return Some(Site { region: region.to_owned(), domain: domain.to_owned() });
    }
    let known = find(&region.to_lowercase());
    let domain = place
        .realm_domain
        .or(known.map(|(_, domain)| domain))
        .or_else(|| REALMS.iter().find(|r| r.name == realm).map(|r| r.domain))
        .unwrap_or(COMMERCIAL);
    let region = known.map_or(region, |(region, _)| region);
    Some(Site { region: region.to_lowercase(), domain: domain.to_owned() })
}

/// The region of a name or short code, and its domain.
fn find(text: &str) -> Option<(&'static str, &'static str)> {
    REALMS.iter().find_map(|realm| {
        let hit = realm.regions.iter().find(|(code, region)| *code == text || *region == text);
        hit.map(|(_, region)| (*region, realm.domain))
    })
}

impl Site {
    /// Where secrets are managed.
    pub(super) fn management(&self) -> String {
        format!("https://vaults.{}.oci.{}", self.region, self.domain)
    }

    /// Where values are read.
    pub(super) fn retrieval(&self) -> String {
        format!("https://secrets.vaults.{}.oci.{}", self.region, self.domain)
    }

    /// Where vaults themselves are looked up.
    pub(super) fn key_management(&self) -> String {
        format!("https://kms.{}.{}", self.region, self.domain)
    }

    /// Where an instance changes its certificate for a token.
    pub(super) fn federation(&self) -> String {
        format!("https://auth.{}.{}", self.region, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(region: Option<&str>, realm_domain: Option<&str>, vault_id: &str) -> Option<String> {
        site(&Place { region, realm_domain, vault_id }).map(|site| site.management())
    }

    #[test]
    fn region_is_a_name_a_code_or_a_whole_domain() {
        let id = "ocid1.vault.oc1.iad.ext.unique";
        for (region, expected) in [
            ("eu-frankfurt-1", "https://vaults.eu-frankfurt-1.oci.oraclecloud.com"),
            ("FRA", "https://vaults.eu-frankfurt-1.oci.oraclecloud.com"),
            ("us-gov-ashburn-1", "https://vaults.us-gov-ashburn-1.oci.oraclegovcloud.com"),
            ("new-region-7", "https://vaults.new-region-7.oci.oraclecloud.com"),
            ("r1.example.com", "https://vaults.r1.oci.example.com"),
        ] {
            assert_eq!(host(Some(region), None, id).as_deref(), Some(expected));
        }
    }

    #[test]
    fn vault_tells_region_and_realm() {
        let told = |id| host(None, None, id);
        assert_eq!(
            told("ocid1.vault.oc1.iad.ext.unique").as_deref(),
            Some("https://vaults.us-ashburn-1.oci.oraclecloud.com")
        );
        assert_eq!(
            told("ocid1.vault.oc19.eu-new-9.ext.unique").as_deref(),
            Some("https://vaults.eu-new-9.oci.oraclecloud.eu")
        );
        assert_eq!(told("nonsense"), None);
    }

    #[test]
    fn given_domain_wins() {
        let id = "ocid1.vault.oc1.iad.ext.unique";
        assert_eq!(
            host(Some("fra"), Some("example.org"), id).as_deref(),
            Some("https://vaults.eu-frankfurt-1.oci.example.org")
        );
    }

    #[test]
    fn services_have_hosts_of_their_own() {
        let place = Place { region: Some("phx"), ..Place::default() };
        let site = site(&place).unwrap();
        assert_eq!(site.retrieval(), "https://secrets.vaults.us-phoenix-1.oci.oraclecloud.com");
        assert_eq!(site.key_management(), "https://kms.us-phoenix-1.oraclecloud.com");
        assert_eq!(site.federation(), "https://auth.us-phoenix-1.oraclecloud.com");
    }

    #[test]
    fn every_region_is_there_once() {
        let mut all: Vec<_> =
            REALMS.iter().flat_map(|realm| realm.regions).flat_map(|(c, r)| [c, r]).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
