//! The documentation: generated pages are current, front matter is what the registry takes, links
//! lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages the registry shows: all of `docs/` but the notes for developers.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = Vec::new();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("docs/internals") {
                    folders.push(path);
                }
            } else {
                let text = fs::read_to_string(&path).unwrap();
                pages.push((path, text));
            }
        }
    }
    assert!(pages.len() > 5, "only {} pages were found", pages.len());
    pages
}

/// What a heading is linked by: lower case, words joined by hyphens.
fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// The text outside of fenced code.
fn prose(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The anchors that links may name.
fn anchors(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let headings = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
    let explicit = text
        .lines()
        .filter_map(|line| Some(line.split_once("<a id=\"")?.1.split_once('"')?.0.to_owned()));
    headings.chain(explicit).collect()
}

/// Targets of the Markdown links of a page.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let targets =
        text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()));
    targets.collect()
}

#[test]
fn generated_pages_are_current() {
    let output = Command::new(env!("CARGO_BIN_EXE_terraform-provider-coffer"))
        .args(["docs", "--check"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn front_matter_has_what_the_registry_takes_and_no_more() {
    for (path, text) in pages() {
        let front = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let (front, body) = front.unwrap_or_else(|| panic!("{}: no front matter", path.display()));
        let keys: Vec<_> = front
            .lines()
            .filter(|line| !line.starts_with([' ', '#']))
            .filter_map(|line| Some(line.split_once(':')?.0))
            .collect();
        for key in &keys {
            let known = matches!(*key, "page_title" | "subcategory" | "description");
            assert!(known, "{}: {key}", path.display());
        }
        assert!(keys.contains(&"page_title"), "{}: no page_title", path.display());
        let index = path.ends_with("docs/index.md");
        assert!(!(index && keys.contains(&"subcategory")), "the index has no subcategory");
        let headings = prose(body).lines().filter(|line| line.starts_with("# ")).count();
        assert_eq!(headings, 1, "{}: one heading of the first level", path.display());
        assert!(text.len() < 500_000, "{}: longer than the registry shows", path.display());
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for (path, text) in pages() {
        for link in links(&text).iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let target = fs::read_to_string(&target)
                .unwrap_or_else(|error| panic!("{}: {link}: {error}", path.display()));
            assert!(
                anchor.is_empty() || anchors(&target).contains(anchor),
                "{}: there is no heading for {link}",
                path.display()
            );
        }
    }
}

#[test]
fn helpers_find_what_they_look_for() {
    assert_eq!(anchor("The `name` is taken"), "the-name-is-taken");
    let text = "# One\n```\n# no heading\n[no](link)\n```\n<a id=\"x--y\"></a>\nSee [a](b.md#c).\n";
    assert_eq!(anchors(text), ["one", "x--y"].map(str::to_owned).into());
    assert_eq!(links(text), ["b.md#c"]);
}
