//! Names of the service's hosts.
//!
//! Source: the vendor's endpoint rules (partitions, DNS suffixes, FIPS and dual-stack variants).

/// First part of the region, DNS suffix, DNS suffix of dual-stack hosts.
const PARTITIONS: &[(&str, &str, &str)] = &[
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
];

/// Host of the service in a region.
pub(super) fn host(region: &str, fips: bool, dual_stack: bool) -> String {
    let (_, suffix, dual_suffix) = PARTITIONS
        .iter()
        .find(|(prefix, _, _)| region.starts_with(prefix))
        .unwrap_or(&("", "amazonaws.com", "api.aws"));
    let service = if fips { "secretsmanager-fips" } else { "secretsmanager" };
    let suffix = if dual_stack { dual_suffix } else { suffix };
    format!("{service}.{region}.{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_have_their_suffixes() {
        for (region, fips, dual, expected) in [
            ("eu-west-1", false, false, "secretsmanager.eu-west-1.amazonaws.com"),
            ("us-east-1", true, false, "secretsmanager-fips.us-east-1.amazonaws.com"),
            ("us-gov-west-1", true, false, "secretsmanager-fips.us-gov-west-1.amazonaws.com"),
            ("eu-west-1", false, true, "secretsmanager.eu-west-1.api.aws"),
            ("cn-north-1", false, false, "secretsmanager.cn-north-1.amazonaws.com.cn"),
            ("us-isob-east-1", false, false, "secretsmanager.us-isob-east-1.sc2s.sgov.gov"),
        ] {
            assert_eq!(host(region, fips, dual), expected);
        }
    }
}
