//! `sync_to` of a profile: the profiles that get copies of its secrets.
//!
//! Responsible for reading the argument and for refusing what cannot work: a profile that copies
//! to itself, that does not exist, or that would get its own copies back over others. Leaves the
//! copying to [`resource_secret`](super::resource_secret).

use std::collections::{BTreeMap, BTreeSet};

use super::settings::texts;
use crate::domain::sync::route::circle;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;

/// The argument in the provider block.
pub(super) const ARGUMENT: &str = "sync_to";

/// Where the secrets of each profile are copied to; `None` while it is not known. A profile that
/// is not there copies nowhere.
#[derive(Debug, Default)]
pub(super) struct Routes(BTreeMap<String, Option<Vec<String>>>);

impl Routes {
    /// Reads the argument of all profiles.
    pub(super) fn read(profiles: &Value) -> Self {
        let Value::Map(entries) = profiles else { return Self::default() };
        let given = entries.iter().map(|(name, entry)| (name, entry.get(ARGUMENT)));
        let set = given.filter(|(_, value)| !value.is_null());
        Self(set.map(|(name, value)| (name.clone(), targets(value))).collect())
    }

    /// The targets of a profile; `None` while they are not known.
    pub(super) fn of(&self, profile: &str) -> Option<&[String]> {
        match self.0.get(profile) {
            None => Some(&[]),
            Some(targets) => targets.as_deref(),
        }
    }

    /// True when some profile copies to this one, as far as known.
    pub(super) fn lead_to(&self, profile: &str) -> bool {
        self.pairs().any(|(_, target)| target == profile)
    }

    /// From which profile to which, as far as known.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(from, targets)| {
            targets.iter().flatten().map(move |to| (from.as_str(), to.as_str()))
        })
    }

    /// Reports routes that cannot work. `known` are the names of all profiles, when they are known.
    pub(super) fn check(&self, known: Option<&[String]>, diags: &mut Diagnostics) {
        let mut routes = BTreeSet::new();
        for (from, to) in self.pairs() {
            let at = || Path::attribute("profiles").key(from).child(ARGUMENT);
            if from == to {
                let detail = format!(
                    "The profile {from:?} would copy its secrets to itself. Next step: leave it \
                     out of its own sync_to."
                );
                diags.error(at(), "Profile copies to itself", detail);
                continue;
            }
            if let Some(known) = known.filter(|known| !known.iter().any(|name| name == to)) {
                let detail = format!(
                    "There is no profile {to:?} in profiles. Known profiles: {}.",
                    known.join(", ")
                );
                diags.error(at(), "Target of sync_to does not exist", detail);
            }
            if let Some(circle) = circle(&routes, from, to) {
                let detail = format!(
                    "Secrets would be copied in a circle of profiles: {}. Next step: take one of \
                     them out of sync_to; the profile where a secret is changed is the one that \
                     copies it.",
                    circle.join(" -> ")
                );
                diags.error(at(), "Profiles copy in a circle", detail);
            }
            routes.insert((from.to_owned(), to.to_owned()));
        }
    }
}

fn targets(value: &Value) -> Option<Vec<String>> {
    value.is_wholly_known().then(|| texts(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(pairs: &[(&str, &[&str])]) -> Routes {
        let entries = pairs.iter().map(|(from, to)| {
            let to = Value::Set(to.iter().map(|name| Value::string(*name)).collect());
            ((*from).to_owned(), Value::object([(ARGUMENT, to)]))
        });
        Routes::read(&Value::Map(entries.collect()))
    }

    fn problems(routes: &Routes, known: Option<&[String]>) -> Vec<(String, String)> {
        let mut diags = Diagnostics::new();
        routes.check(known, &mut diags);
        diags.iter().map(|d| (d.summary.clone(), d.detail.clone())).collect()
    }

    #[test]
    fn profile_without_the_argument_copies_nowhere() {
        let routes = routes(&[("a", &["b"])]);
        assert_eq!(routes.of("a").unwrap(), ["b"]);
        assert!(routes.of("b").unwrap().is_empty());
        assert!(routes.lead_to("b") && !routes.lead_to("a"));
        let known = ["a".to_owned(), "b".to_owned()];
        assert!(problems(&routes, Some(&known)).is_empty());
    }

    #[test]
    fn unknown_targets_are_neither_none_nor_refused() {
        let entry = Value::object([(ARGUMENT, Value::Set(vec![Value::UNKNOWN]))]);
        let routes = Routes::read(&Value::Map([("a".to_owned(), entry)].into()));
        assert_eq!(routes.of("a"), None);
        assert!(problems(&routes, Some(&[])).is_empty());
    }

    #[test]
    fn what_cannot_work_is_told_with_the_way() {
        let known: Vec<_> = ["a", "b", "c"].map(str::to_owned).into();
        let told = |routes: &Routes| problems(routes, Some(&known));
        assert_eq!(told(&routes(&[("a", &["a"])]))[0].0, "Profile copies to itself");
        let missing = told(&routes(&[("a", &["d"])]));
        assert_eq!(missing[0].0, "Target of sync_to does not exist");
        assert!(missing[0].1.contains("Known profiles: a, b, c"), "{missing:?}");
        let circle = told(&routes(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])]));
        assert_eq!(circle.len(), 1, "{circle:?}");
        assert_eq!(circle[0].0, "Profiles copy in a circle");
        assert!(circle[0].1.contains("c -> a -> b -> c"), "{circle:?}");
        assert!(problems(&routes(&[("a", &["d"])]), None).is_empty());
    }
}
