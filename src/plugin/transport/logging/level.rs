//! Which levels the environment asks for.
//!
//! Source: Terraform's `TF_LOG` family. The host filters once more by `TF_LOG_PROVIDER` or
//! `TF_LOG`; writing less than it would show only saves work.

use std::collections::BTreeMap;

use tracing::Level;
use tracing::level_filters::LevelFilter;

/// Lowest levels that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    provider: LevelFilter,
    sdk: LevelFilter,
    protocol: LevelFilter,
}

/// Without any variable: seen only in debug mode, where standard error is a terminal.
const QUIET: LevelFilter = LevelFilter::WARN;

impl Levels {
    /// Reads the variables, most specific first. `provider` is the name in the source address.
    #[must_use]
    pub fn from_environment(environment: &BTreeMap<String, String>, provider: &str) -> Self {
        let level = |name: &str| {
            environment.get(name).map(String::as_str).filter(|v| !v.is_empty()).map(parse)
        };
        let own = format!("TF_LOG_PROVIDER_{}", provider.to_uppercase().replace('-', "_"));
        let provider = level(&own)
            .or_else(|| level("TF_LOG_PROVIDER"))
            .or_else(|| level("TF_LOG"))
            .unwrap_or(QUIET);
        let sdk = level("TF_LOG_SDK").unwrap_or(provider);
        let protocol = level("TF_LOG_SDK_PROTO").unwrap_or(sdk);
        Self { provider, sdk, protocol }
    }

    /// Whether an event of this module and level is written.
    #[must_use]
    pub fn allow(&self, module: &str, level: &Level) -> bool {
        let lowest = match module {
            "sdk.proto" => self.protocol,
            "sdk.framework" => self.sdk,
            _ => self.provider,
        };
        *level <= lowest
    }
}

/// Unknown words mean everything, as in Terraform; `JSON` is everything in another form.
fn parse(value: &str) -> LevelFilter {
    match value.trim().to_ascii_uppercase().as_str() {
        "DEBUG" => LevelFilter::DEBUG,
        "INFO" => LevelFilter::INFO,
        "WARN" => LevelFilter::WARN,
        "ERROR" => LevelFilter::ERROR,
        "OFF" => LevelFilter::OFF,
        _ => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(pairs: &[(&str, &str)]) -> Levels {
        let map = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Levels::from_environment(&map, "coffer")
    }

    #[test]
    fn most_specific_variable_wins() {
        let all = [
            ("TF_LOG", "TRACE"),
            ("TF_LOG_PROVIDER", "DEBUG"),
            ("TF_LOG_PROVIDER_COFFER", "ERROR"),
            ("TF_LOG_SDK", "INFO"),
            ("TF_LOG_SDK_PROTO", "OFF"),
        ];
        let l = levels(&all);
        assert!(l.allow("provider", &Level::ERROR) && !l.allow("provider", &Level::WARN));
        assert!(l.allow("sdk.framework", &Level::INFO) && !l.allow("sdk.framework", &Level::DEBUG));
        assert!(!l.allow("sdk.proto", &Level::ERROR));
        let l = levels(&all[..2]);
        assert!(l.allow("sdk.proto", &Level::DEBUG) && !l.allow("provider", &Level::TRACE));
    }

    #[test]
    fn unknown_words_mean_trace_and_empty_means_unset() {
        for word in ["TRACE", "json", "1", "loud"] {
            assert!(levels(&[("TF_LOG", word)]).allow("provider", &Level::TRACE), "{word}");
        }
        assert!(!levels(&[("TF_LOG", "off")]).allow("provider", &Level::ERROR));
        let unset = levels(&[("TF_LOG", "")]);
        assert!(unset.allow("provider", &Level::WARN) && !unset.allow("provider", &Level::INFO));
    }
}
