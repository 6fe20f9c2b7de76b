//! Circles: a sync whose copies would, over others, become its own source.

use std::collections::{BTreeMap, BTreeSet};

/// The way back from `to` to `from` over the routes that exist, with both ends; `None` when there
/// is none. A route leads from a source profile to a destination profile.
#[must_use]
pub fn circle(routes: &BTreeSet<(String, String)>, from: &str, to: &str) -> Option<Vec<String>> {
    let mut reached: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = vec![to];
    while let Some(here) = open.pop() {
        if here == from {
            let mut way = vec![from.to_owned()];
            let mut at = here;
            while at != to {
                at = reached.get(at).copied()?;
                way.push(at.to_owned());
            }
            way.push(from.to_owned());
            // Collected against the direction of the routes.
            way.reverse();
            return Some(way);
        }
        for (_, next) in routes.iter().filter(|(source, _)| source == here) {
            if next != to && !reached.contains_key(next.as_str()) {
                reached.insert(next, here);
                open.push(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn way_back_is_told() {
        let known = routes(&[("b", "c"), ("c", "a"), ("c", "d")]);
        assert_eq!(circle(&known, "a", "b").unwrap(), ["a", "b", "c", "a"]);
        assert_eq!(circle(&known, "a", "d"), None);
        assert_eq!(circle(&known, "x", "x").unwrap(), ["x", "x"]);
    }

    #[test]
    fn circle_of_others_does_not_hold_up() {
        assert_eq!(circle(&routes(&[("b", "c"), ("c", "b")]), "a", "b"), None);
    }
}
