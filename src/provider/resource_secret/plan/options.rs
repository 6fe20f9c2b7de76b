//! Planning `options`: what only one kind of vault has.
//!
//! Responsible for keeping what the configuration leaves out, for refusing options of another kind
//! of vault than the profile's, and for saying which changes need another secret.

use super::Planner;
use crate::adapters::descriptor::{Descriptor, OptionChange};
use crate::plugin::framework::object::PlanResponse;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::options;
use crate::provider::resource_secret::fields::Fields;
use crate::provider::schema::options::{ATTRIBUTE, with_options};

impl Planner<'_> {
    /// What the configuration sets of the options, and what the vault has of the others.
    pub(super) fn plan_options(&self, response: &mut PlanResponse) {
        let config = self.request.config.get(ATTRIBUTE);
        let Some(backend) = self.backend() else { return };
        // A schema without any option has no such attribute.
        if config.is_unknown() || with_options().next().is_none() {
            return;
        }
        let foreign = with_options()
            .filter(|other| other.name != backend.name && !config.get(other.name).is_null());
        for other in foreign {
            response.diagnostics.error(
                Path::attribute(ATTRIBUTE).child(other.name),
                "Options are of another kind of vault",
                format!(
                    "The secret is in profile {:?}, a vault of the backend {}. Next step: leave \
                     options.{} out.",
                    self.profile.as_deref().unwrap_or_default(),
                    backend.name,
                    other.name
                ),
            );
        }
        let prior = match self.request.prior {
            Some(prior) if prior.get("profile").as_str() == self.profile.as_deref() => {
                prior.get(ATTRIBUTE)
            }
            _ => &Value::Null,
        };
        response.planned.set(ATTRIBUTE, options::planned(backend, config, prior));
    }

    /// Options with another value that the vault can only have from the start.
    pub(super) fn replacing_options(&self, prior: &Value, before: &Fields) -> Vec<Path> {
        let Some(backend) = self.backend() else { return Vec::new() };
        if before.profile.known() != self.profile.as_ref() {
            return Vec::new();
        }
        let place = |value: &Value, name| value.get(ATTRIBUTE).get(backend.name).get(name).clone();
        let fixed = backend.options.iter().filter(|o| o.change == OptionChange::Replace);
        fixed
            .filter(|option| {
                let (had, wanted) =
                    (place(prior, option.name), place(self.request.config, option.name));
                !had.is_null() && !wanted.is_null() && !had.same(&wanted)
            })
            .map(|option| Path::attribute(ATTRIBUTE).child(backend.name).child(option.name))
            .collect()
    }

    /// The backend of the profile, when its configuration is known.
    fn backend(&self) -> Option<&'static Descriptor> {
        self.configured.backend(self.profile.as_deref()?)
    }
}
