//! Regular expressions over names: bounded in size, linear in time, always for the whole name.
//!
//! Responsible for refusing what is too long or too large before it is used. The syntax is that of
//! the crate `regex-lite`: no look-around, no back references, and `\d`, `\s`, `\w` are ASCII.

use regex_lite::{Regex, RegexBuilder};

/// Longest pattern in bytes.
pub const MAX_BYTES: usize = 1000;

/// Largest compiled pattern in bytes. Counted repetitions of repetitions grow beyond it.
const MAX_COMPILED: usize = 1 << 18;

/// An expression.
#[derive(Debug, Clone)]
pub struct Regexp(Regex);

impl Regexp {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence without an end.
    pub fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_BYTES {
            let bytes = pattern.len();
            return Err(format!(
                "a regular expression has at most {MAX_BYTES} bytes, and this one has {bytes}"
            ));
        }
        let compile = |pattern: &str| {
            RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build().map_err(|error| {
                format!(
                    "{pattern:?} is not a regular expression: {error} (look-around and back \
                     references do not exist, and its compiled form has at most {} KiB)",
                    MAX_COMPILED >> 10
                )
            })
        };
        // Alone first: two halves such as "a)|(b" must not become whole by what is put around them.
        compile(pattern)?;
        compile(&format!("^(?:{pattern})$")).map(Self)
    }

    /// True when the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Regexp::new(pattern).unwrap().matches(text)
    }

    #[test]
    fn whole_name_matches_or_nothing() {
        assert!(matches("app/.*", "app/db"));
        assert!(!matches("app", "app/db"));
        assert!(!matches("db", "app/db"));
        assert!(matches("a|ab", "ab"));
        assert!(!matches("a|ab", "abc"));
        assert!(!matches("^a$|b", "ab"));
        assert!(matches("(?i)APP-[0-9]{2}", "app-07"));
        assert!(!matches("app", "app\n"));
        assert!(matches("größe.", "größeß"));
        assert!(!matches("", "a"));
    }

    #[test]
    fn what_is_no_expression_or_too_much_is_refused() {
        for pattern in ["(", "a)|(b", "(?=a)", r"(a)\1", "[z-a]", "(?x)a # b"] {
            let problem = Regexp::new(pattern).unwrap_err();
            assert!(problem.contains("is not a regular expression"), "{problem}");
        }
        let problem = Regexp::new(&"a".repeat(MAX_BYTES + 1)).unwrap_err();
        assert!(problem.contains("at most 1000 bytes, and this one has 1001"), "{problem}");
        let problem = Regexp::new("((a{200}){200}){200}").unwrap_err();
        assert!(problem.contains("256 KiB"), "{problem}");
        assert!(Regexp::new(&"a".repeat(MAX_BYTES)).is_ok());
    }

    #[test]
    fn time_is_linear_whatever_the_pattern() {
        let began = std::time::Instant::now();
        assert!(!matches("(a|a)*(a|aa)*b", &"a".repeat(5_000)));
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
}
