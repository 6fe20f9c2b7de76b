//! How rotation states move over the versions of a secret.

use super::model::{Secret, Stage};

impl Secret {
    /// The last version becomes current (new content).
    pub fn add_current(&mut self) {
        self.take(Stage::Latest);
        self.shift_current(self.newest());
        let newest = self.newest();
        self.give(newest, Stage::Latest);
        self.deprecate();
    }

    /// The last version becomes pending (staged content).
    pub fn add_pending(&mut self) {
        self.take(Stage::Latest);
        self.take(Stage::Pending);
        let newest = self.newest();
        self.give(newest, Stage::Pending);
        self.give(newest, Stage::Latest);
        self.deprecate();
    }

    /// A version there is becomes current. False when it is already.
    pub fn promote(&mut self, number: u64) -> bool {
        if self.holding(Stage::Current).is_some_and(|version| version.number == number) {
            return false;
        }
        self.shift_current(number);
        self.deprecate();
        true
    }

    fn shift_current(&mut self, number: u64) {
        self.take(Stage::Previous);
        if let Some(old) = self.holding(Stage::Current).map(|version| version.number) {
            self.take(Stage::Current);
            self.give(old, Stage::Previous);
        }
        for version in self.versions.iter_mut().filter(|version| version.number == number) {
            version.stages.retain(|stage| *stage == Stage::Latest);
            version.stages.insert(Stage::Current);
        }
    }

    fn newest(&self) -> u64 {
        self.versions.iter().map(|version| version.number).max().unwrap_or(0)
    }

    fn take(&mut self, stage: Stage) {
        for version in &mut self.versions {
            version.stages.remove(&stage);
        }
    }

    fn give(&mut self, number: u64, stage: Stage) {
        for version in self.versions.iter_mut().filter(|version| version.number == number) {
            version.stages.insert(stage);
        }
    }

    fn deprecate(&mut self) {
        for version in &mut self.versions {
            let used = [Stage::Current, Stage::Pending, Stage::Previous]
                .iter()
                .any(|stage| version.stages.contains(stage));
            if used {
                version.stages.remove(&Stage::Deprecated);
            } else {
                version.stages.insert(Stage::Deprecated);
            }
        }
    }
}
