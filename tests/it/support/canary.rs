//! Values that are unlike anything else, and the search for any trace of them.
//!
//! A canary is searched as it is and reversed (every 8-byte window), in base64 of both alphabets
//! at every alignment, in hexadecimal, JSON- and URL-escaped (every window that is long enough not
//! to occur by chance). Archives are searched unpacked.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A secret value made for one test.
#[derive(Debug, Clone)]
pub struct Canary {
    text: String,
}

impl Canary {
    /// A random value with characters that every escape treats differently.
    pub fn new() -> Self {
        let random = uuid::Uuid::new_v4().simple().to_string();
        let more = uuid::Uuid::new_v4().simple().to_string();
        // Letters that do not occur in hexadecimal, so that no digest can look like a window.
        let spread = |text: &str| -> String {
            text.bytes().map(|byte| char::from(b'g' + (byte ^ (byte >> 4)) % 20)).collect()
        };
        Self { text: format!("{}\"\\<&>/+ü%{}", spread(&random), spread(&more)) }
    }

    /// A value that is unlike anything else by itself.
    pub fn of(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// The value.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Searches for canaries.
#[derive(Debug)]
pub struct Search {
    windows: HashMap<Vec<u8>, String>,
    lengths: Vec<usize>,
}

impl Search {
    /// Prepares the search for these.
    pub fn new(canaries: &[Canary]) -> Self {
        let mut search = Self { windows: HashMap::new(), lengths: Vec::new() };
        for canary in canaries {
            search.add(canary);
        }
        search
    }

    fn add(&mut self, canary: &Canary) {
        let raw = canary.text.as_bytes();
        self.add_windows("raw", raw, 8);
        self.add_windows("reversed", &raw.iter().rev().copied().collect::<Vec<u8>>(), 8);
        for skip in 0..3 {
            let part = &raw[skip..];
            let part = &part[..part.len() / 3 * 3];
            self.add_windows("base64", STANDARD_NO_PAD.encode(part).as_bytes(), 16);
            self.add_windows("base64url", URL_SAFE_NO_PAD.encode(part).as_bytes(), 16);
        }
        let hex = raw.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        self.add_windows("hex", hex.as_bytes(), 20);
        self.add_windows("hex", hex.to_uppercase().as_bytes(), 20);
        let json = serde_json::to_string(&canary.text).expect("a text is JSON");
        self.add_windows("JSON", json.as_bytes(), 12);
        let escaped = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        self.add_windows("JSON as Go writes it", escaped.as_bytes(), 12);
        let url = raw.iter().fold(String::new(), |mut text, byte| {
            if byte.is_ascii_alphanumeric() {
                text.push(char::from(*byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
            text
        });
        self.add_windows("URL", url.as_bytes(), 12);
    }

    fn add_windows(&mut self, form: &str, bytes: &[u8], length: usize) {
        for window in bytes.windows(length) {
            self.windows.entry(window.to_vec()).or_insert_with(|| form.to_owned());
        }
        if !self.lengths.contains(&length) {
            self.lengths.push(length);
        }
    }

    /// Forms found in these bytes, with the offset.
    pub fn find(&self, bytes: &[u8]) -> Option<(String, usize)> {
        self.lengths.iter().find_map(|length| {
            bytes
                .windows(*length)
                .enumerate()
                .find_map(|(at, window)| self.windows.get(window).map(|form| (form.clone(), at)))
        })
    }

    /// Asserts that no file below a directory holds a trace; unpacks archives. Says how much it
    /// searched, so that a test can know that there was something to search.
    #[track_caller]
    pub fn assert_none_below(&self, folder: &Path) -> Searched {
        let mut searched = Searched::default();
        let mut findings = Vec::new();
        self.walk(folder, &mut searched, &mut findings);
        assert!(findings.is_empty(), "canaries found:\n{}", findings.join("\n"));
        searched
    }

    /// Asserts that a text holds no trace.
    #[track_caller]
    pub fn assert_none_in(&self, what: &str, text: &str) {
        if let Some((form, at)) = self.find(text.as_bytes()) {
            panic!("{what} holds a canary ({form}, at {at}):\n{text}");
        }
    }

    fn walk(&self, folder: &Path, searched: &mut Searched, findings: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("the directory is readable") {
            let path = entry.expect("the directory is readable").path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                self.walk(&path, searched, findings);
                continue;
            }
            // A socket cannot be read; nothing is kept in one.
            let Ok(bytes) = fs::read(&path) else { continue };
            if bytes.starts_with(b"PK\x03\x04") {
                let unpacked = unpack(&path);
                self.walk(&unpacked, searched, findings);
                fs::remove_dir_all(unpacked).expect("what was unpacked can be removed");
            }
            searched.files.push(path.clone());
            searched.bytes += bytes.len();
            if let Some((form, at)) = self.find(&bytes) {
                let around = &bytes[at.saturating_sub(80)..(at + 80).min(bytes.len())];
                let around = String::from_utf8_lossy(around);
                findings.push(format!("{}: {form} at {at}: …{around}…", path.display()));
            }
        }
    }
}

/// What was searched.
#[derive(Debug, Default)]
pub struct Searched {
    /// Files.
    pub files: Vec<PathBuf>,
    /// Bytes.
    pub bytes: usize,
}

impl Searched {
    /// Whether a file whose name ends so was among them.
    pub fn has(&self, name: &str) -> bool {
        self.files.iter().any(|path| path.to_string_lossy().ends_with(name))
    }
}

fn unpack(archive: &Path) -> PathBuf {
    let mut folder = archive.as_os_str().to_owned();
    folder.push(".unpacked");
    let folder = PathBuf::from(folder);
    let done =
        Command::new("python3").args(["-m", "zipfile", "-e"]).arg(archive).arg(&folder).status();
    assert!(done.is_ok_and(|status| status.success()), "python3 unpacks {}", archive.display());
    folder
}

#[test]
fn every_form_is_found_wherever_it_starts() {
    let canary = Canary::new();
    let search = Search::new(&[canary.clone(), Canary::new()]);
    let raw = canary.text.as_bytes();
    for front in ["", "a", "ab", "abc"] {
        let embedded = format!("{front}{}tail", canary.text);
        let forms = [
            embedded.clone(),
            String::from_utf8_lossy(&embedded.bytes().rev().collect::<Vec<u8>>()).into_owned(),
            STANDARD_NO_PAD.encode(&embedded),
            URL_SAFE_NO_PAD.encode(&embedded),
            raw.iter().map(|byte| format!("{byte:02x}")).collect(),
            raw.iter().map(|byte| format!("{byte:02X}")).collect(),
            serde_json::to_string(&embedded).expect("a text is JSON"),
            canary.text.chars().skip(9).take(8).collect(),
        ];
        for (number, form) in forms.iter().enumerate() {
            assert!(search.find(form.as_bytes()).is_some(), "form {number}: {form}");
        }
    }
    assert!(search.find(b"nothing to see here, only text of no importance").is_none());
    assert!(search.find("0123456789abcdef".repeat(100).as_bytes()).is_none());
}
