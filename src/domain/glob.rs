//! Patterns of names: `*` within a path segment, `**` across segments, `?` for one character.
//!
//! Names are compared byte for byte otherwise; nothing is escaped.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Token>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// This character.
    Exactly(char),
    /// One character but a slash.
    One,
    /// Any characters but slashes.
    Segment,
    /// Any characters.
    Any,
}

impl Glob {
    /// The pattern of a text; every text is one.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        for character in pattern.chars() {
            match (character, tokens.last()) {
                ('*', Some(Token::Segment | Token::Any)) => {
                    tokens.pop();
                    tokens.push(Token::Any);
                }
                ('*', _) => tokens.push(Token::Segment),
                ('?', _) => tokens.push(Token::One),
                (other, _) => tokens.push(Token::Exactly(other)),
            }
        }
        Self(tokens)
    }

    /// True when the pattern stands for the whole text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        // Which tokens may come next; linear in the text for each token, whatever the pattern.
        let tokens = &self.0;
        let mut open = vec![false; tokens.len() + 1];
        open[0] = true;
        skip(tokens, &mut open);
        for character in text.chars() {
            let mut next = vec![false; tokens.len() + 1];
            for (place, token) in tokens.iter().enumerate().filter(|(place, _)| open[*place]) {
                match token {
                    Token::Exactly(wanted) if *wanted == character => next[place + 1] = true,
                    Token::One if character != '/' => next[place + 1] = true,
                    Token::Segment if character != '/' => next[place] = true,
                    Token::Any => next[place] = true,
                    _ => {}
                }
            }
            skip(tokens, &mut next);
            open = next;
        }
        open[tokens.len()]
    }
}

/// Stars may stand for nothing.
fn skip(tokens: &[Token], open: &mut [bool]) {
    for (place, token) in tokens.iter().enumerate() {
        if open[place] && matches!(token, Token::Segment | Token::Any) {
            open[place + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, yes, no) in [
            ("app/*", &["app/a", "app/"][..], &["app/a/b", "app", "xapp/a"][..]),
            ("app/**", &["app/a", "app/a/b"], &["ap/a"]),
            ("**", &["", "a/b"], &[]),
            ("*-prod", &["db-prod", "-prod"], &["db-prod2", "x/db-prod"]),
            ("a?c", &["abc", "aüc"], &["ac", "a/c", "abbc"]),
            ("a*b*c", &["abc", "aXbYc"], &["ab", "abcd"]),
            ("", &[""], &["a"]),
            ("a.c", &["a.c"], &["abc"]),
        ] {
            let glob = Glob::new(pattern);
            assert!(yes.iter().all(|name| glob.matches(name)), "{pattern}");
            assert!(!no.iter().any(|name| glob.matches(name)), "{pattern}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let glob = Glob::new(&"*a".repeat(60));
        assert!(!glob.matches(&"a".repeat(59)));
        assert!(!glob.matches(&"b".repeat(500)));
    }
}
