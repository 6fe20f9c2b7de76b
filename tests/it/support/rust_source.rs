//! A small reader of Rust source for the layer test: which paths a file refers to, which macros
//! and functions it calls, how long it is.
//!
//! It works on tokens, so comments and string contents never count as code. It resolves
//! `crate::`, `super::` and `self::` against the file's place in the tree and leaves out what is
//! only compiled for tests. It does not expand macros.

use std::collections::BTreeSet;

/// One token that matters here; punctuation other than these is dropped or kept as `Punct`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// Identifier or keyword.
    Ident(String),
    /// Contents of a string literal.
    Str(String),
    /// `::`
    PathSep,
    /// Any other character of punctuation.
    Punct(char),
}

/// A token with the line it is on (from 1).
#[derive(Debug, Clone)]
pub struct Spanned {
    /// The token.
    pub token: Token,
    /// Its line.
    pub line: usize,
}

/// A file as the checks see it.
#[derive(Debug)]
pub struct SourceFile {
    /// Path below `src`, with `/`.
    pub path: String,
    /// Whether it starts with a `//!` header.
    pub has_header: bool,
    /// Lines without items that are compiled for tests only.
    pub lines: usize,
    /// Absolute paths referred to: `["crate", "domain", "kind"]` or `["tokio", "net"]`.
    pub references: Vec<(Vec<String>, usize)>,
    /// Tokens outside test-only items.
    pub tokens: Vec<Spanned>,
}

impl SourceFile {
    /// Reads a file.
    pub fn parse(path: &str, text: &str) -> Self {
        let has_header = text.lines().next().is_some_and(|first| first.starts_with("//!"));
        let total = text.lines().count();
        let (tokens, test_lines) = without_tests(&tokenize(text));
        let test_only = path.ends_with("/tests.rs") || path.contains("/tests/");
        let references = references(path, &tokens);
        let lines = if test_only { 0 } else { total.saturating_sub(test_lines) };
        let (tokens, references) =
            if test_only { (Vec::new(), Vec::new()) } else { (tokens, references) };
        Self { path: path.to_owned(), has_header, lines, references, tokens }
    }

    /// Lines on which the macro `name!` is used.
    pub fn macro_uses(&self, name: &str) -> Vec<usize> {
        self.tokens
            .windows(2)
            .filter(|pair| {
                matches!(&pair[0].token, Token::Ident(ident) if ident == name)
                    && pair[1].token == Token::Punct('!')
            })
            .map(|pair| pair[0].line)
            .collect()
    }

    /// Lines on which a function called `name` is called, whatever its path.
    pub fn calls(&self, name: &str) -> Vec<usize> {
        self.tokens
            .windows(2)
            .filter(|pair| {
                matches!(&pair[0].token, Token::Ident(ident) if ident == name)
                    && pair[1].token == Token::Punct('(')
            })
            .map(|pair| pair[0].line)
            .collect()
    }

    /// Lines with exactly this string literal.
    pub fn string_literals(&self, wanted: &str) -> Vec<usize> {
        self.tokens
            .iter()
            .filter(|spanned| matches!(&spanned.token, Token::Str(text) if text == wanted))
            .map(|spanned| spanned.line)
            .collect()
    }
}

/// Splits source into tokens.
pub fn tokenize(text: &str) -> Vec<Spanned> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut line = 1;
    while at < chars.len() {
        let start_line = line;
        let begin = at;
        let token = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => {
                while at < chars.len() && chars[at] != '\n' {
                    at += 1;
                }
                None
            }
            '/' if chars.get(at + 1) == Some(&'*') => {
                at = end_of_block_comment(&chars, at);
                None
            }
            '"' => {
                at = end_of_string(&chars, at);
                Some(Token::Str(chars[begin + 1..at.saturating_sub(1)].iter().collect()))
            }
            'r' | 'b' | 'c' if raw_string_end(&chars, at).is_some() => {
                at = raw_string_end(&chars, at).unwrap_or(at + 1);
                let text: String = chars[begin..at].iter().collect();
                let open = text.find('"').map_or(0, |index| index + 1);
                let close = text.rfind('"').unwrap_or(text.len()).max(open);
                Some(Token::Str(text[open..close].to_owned()))
            }
            '\'' => {
                at = end_of_char_or_lifetime(&chars, at);
                None
            }
            ':' if chars.get(at + 1) == Some(&':') => {
                at += 2;
                Some(Token::PathSep)
            }
            c if c.is_alphanumeric() || c == '_' => {
                while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                    at += 1;
                }
                Some(Token::Ident(chars[begin..at].iter().collect()))
            }
            c if c.is_whitespace() => {
                at += 1;
                None
            }
            c => {
                at += 1;
                Some(Token::Punct(c))
            }
        };
        line += chars[begin..at].iter().filter(|c| **c == '\n').count();
        tokens.extend(token.map(|token| Spanned { token, line: start_line }));
    }
    tokens
}

fn end_of_block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn end_of_string(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// End of `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`, or nothing when none starts here.
fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    if start > 0 && (chars[start - 1].is_alphanumeric() || chars[start - 1] == '_') {
        return None;
    }
    let mut at = start;
    let mut raw = false;
    while at < chars.len() && matches!(chars[at], 'r' | 'b' | 'c') && at - start < 2 {
        raw |= chars[at] == 'r';
        at += 1;
    }
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    if (hashes > 0 && !raw) || chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    at += hashes;
    if !raw {
        return Some(end_of_string(chars, at));
    }
    at += 1;
    while at < chars.len() {
        if chars[at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(at)
}

fn end_of_char_or_lifetime(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let mut end = at + 3;
            while end < chars.len() && chars[end] != '\'' {
                end += 1;
            }
            end + 1
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// Drops items behind `#[cfg(test)]` and counts their lines.
fn without_tests(tokens: &[Spanned]) -> (Vec<Spanned>, usize) {
    let mut kept = Vec::new();
    let mut dropped = 0;
    let mut at = 0;
    while at < tokens.len() {
        if is_cfg_test(&tokens[at..]) {
            let first = tokens[at].line;
            let end = end_of_item(tokens, at + CFG_TEST_TOKENS);
            let last = tokens.get(end.saturating_sub(1)).map_or(first, |spanned| spanned.line);
            dropped += last - first + 1;
            at = end;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    (kept, dropped)
}

const CFG_TEST_TOKENS: usize = 7;

fn is_cfg_test(tokens: &[Spanned]) -> bool {
    let expected = [
        Token::Punct('#'),
        Token::Punct('['),
        Token::Ident("cfg".to_owned()),
        Token::Punct('('),
        Token::Ident("test".to_owned()),
        Token::Punct(')'),
        Token::Punct(']'),
    ];
    tokens.len() >= expected.len()
        && tokens.iter().zip(&expected).all(|(spanned, expected)| spanned.token == *expected)
}

/// First token after the item that starts at `at`: after its `;`, or after its braces.
fn end_of_item(tokens: &[Spanned], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].token {
            Token::Punct('{') => depth += 1,
            Token::Punct('}') => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            Token::Punct(';') if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Module path of a file: `domain/mod.rs` and `domain.rs` are `["crate", "domain"]`.
fn module_of(path: &str) -> Vec<String> {
    let stem = path.trim_end_matches(".rs");
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    let mut module = vec!["crate".to_owned()];
    if !matches!(stem, "lib" | "main") {
        module.extend(stem.split('/').map(str::to_owned));
    }
    module
}

fn references(path: &str, tokens: &[Spanned]) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    let mut module = module_of(path);
    let mut open: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].token {
            Token::Ident(word) if word == "mod" && is_punct(tokens, at + 2, '{') => {
                if let Some(Token::Ident(name)) = tokens.get(at + 1).map(|spanned| &spanned.token) {
                    module.push(name.clone());
                }
                open.push(true);
                at += 3;
            }
            Token::Punct('{') => {
                open.push(false);
                at += 1;
            }
            Token::Punct('}') => {
                if open.pop() == Some(true) {
                    module.pop();
                }
                at += 1;
            }
            Token::Ident(word) if word == "use" => {
                at = use_tree(tokens, at + 1, &module, &[], &mut found);
            }
            Token::Ident(_) if starts_path(tokens, at) => {
                let (segments, next) = inline_path(tokens, at);
                found.push((absolute(&module, &segments), tokens[at].line));
                at = next;
            }
            _ => at += 1,
        }
    }
    let bound = bound_names(tokens);
    found.retain(|(path, _)| path.len() > 1 && (path[0] == "crate" || !bound.contains(&path[0])));
    found
}

fn is_punct(tokens: &[Spanned], at: usize, wanted: char) -> bool {
    tokens.get(at).is_some_and(|spanned| spanned.token == Token::Punct(wanted))
}

fn is_sep(tokens: &[Spanned], at: usize) -> bool {
    tokens.get(at).is_some_and(|spanned| spanned.token == Token::PathSep)
}

fn starts_path(tokens: &[Spanned], at: usize) -> bool {
    is_sep(tokens, at + 1)
        && (at == 0 || !is_sep(tokens, at - 1))
        && !is_punct_before_dot(tokens, at)
}

fn is_punct_before_dot(tokens: &[Spanned], at: usize) -> bool {
    at > 0 && is_punct(tokens, at - 1, '.') && !(at > 1 && is_punct(tokens, at - 2, '.'))
}

fn inline_path(tokens: &[Spanned], mut at: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    while let Some(Token::Ident(segment)) = tokens.get(at).map(|spanned| &spanned.token) {
        segments.push(segment.clone());
        at += 1;
        if !is_sep(tokens, at) {
            break;
        }
        at += 1;
    }
    (segments, at.max(1))
}

/// Reads a `use` tree from `at`, returns the index after it.
fn use_tree(
    tokens: &[Spanned],
    mut at: usize,
    module: &[String],
    prefix: &[String],
    found: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |spanned| spanned.line);
    if is_sep(tokens, at) {
        at += 1;
    }
    loop {
        match tokens.get(at).map(|spanned| &spanned.token) {
            Some(Token::Ident(word)) if word == "as" => at += 2,
            Some(Token::Ident(word)) => {
                path.push(word.clone());
                at += 1;
            }
            Some(Token::PathSep) => at += 1,
            Some(Token::Punct('*')) => at += 1,
            Some(Token::Punct('{')) => {
                at += 1;
                while at < tokens.len() && !is_punct(tokens, at, '}') {
                    at = use_tree(tokens, at, module, &path, found);
                    if is_punct(tokens, at, ',') {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => break,
        }
    }
    found.push((absolute(module, &path), line));
    at
}

fn absolute(module: &[String], path: &[String]) -> Vec<String> {
    let mut base: Vec<String> = Vec::new();
    let mut rest = path;
    match rest.first().map(String::as_str) {
        Some("self") => {
            base = module.to_vec();
            rest = &rest[1..];
        }
        Some("super") => {
            base = module.to_vec();
            while rest.first().is_some_and(|segment| segment == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => {}
    }
    base.extend(rest.iter().filter(|segment| *segment != "self").cloned());
    base
}

/// Names that `use` and `mod` bind in the file, so that `time::sleep` after `use tokio::time` is
/// not taken for the crate `time`.
fn bound_names(tokens: &[Spanned]) -> BTreeSet<String> {
    let mut bound = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].token {
            Token::Ident(word) if word == "mod" => {
                if let Some(Token::Ident(name)) = tokens.get(at + 1).map(|spanned| &spanned.token) {
                    bound.insert(name.clone());
                }
            }
            Token::Ident(word) if word == "use" => {
                let mut end = at + 1;
                while end < tokens.len() && !is_punct(tokens, end, ';') {
                    // The last segment of a path deeper than one is a name bound here.
                    if let Token::Ident(name) = &tokens[end].token
                        && !is_sep(tokens, end + 1)
                        && (is_sep(tokens, end - 1)
                            || is_punct(tokens, end - 1, ',')
                            || is_punct(tokens, end - 1, '{'))
                    {
                        bound.insert(name.clone());
                    }
                    end += 1;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    bound
}
