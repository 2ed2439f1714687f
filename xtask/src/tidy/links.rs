//! Links of the Markdown files to files and headings of the project.

use crate::project::Text;
use std::path::Path;

/// Targets of the links on this line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(move |(at, _)| {
        let rest = &line[at + 2..];
        rest.split_once(')').map(|(target, _)| target)
    })
}

/// Returns the name that a heading is linked by.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn has_anchor(text: &str, name: &str) -> bool {
    text.lines().any(|line| line.starts_with('#') && anchor(line) == name)
}

/// Links that lead nowhere, a line each.
pub(super) fn check(root: &Path, files: &[Text]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        for (n, line) in file.text.lines().enumerate() {
            for target in targets(line).filter(|target| !target.contains("://")) {
                let (path, name) = target.split_once('#').unwrap_or((target, ""));
                let place = root.join(folder).join(path);
                let found = if path.is_empty() { true } else { place.exists() };
                let text = if path.is_empty() {
                    Some(file.text.clone())
                } else {
                    std::fs::read_to_string(place).ok()
                };
                if !found || !name.is_empty() && !text.is_some_and(|text| has_anchor(&text, name)) {
                    wrong.push(format!("{}:{}: a link to nothing: {target}", file.path, n + 1));
                }
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_and_headings_are_followed() {
        let root = crate::project::root();
        let text = |text: &str| [Text { path: "docs/a.md".to_owned(), text: text.to_owned() }];
        let good = "# One thing, more\n[a](../Cargo.toml) [b](#one-thing-more) [c](https://example.org/x)\n";
        assert_eq!(check(&root, &text(good)), Vec::<String>::new());
        for bad in ["[a](../Cargo.tom)", "[a](#two)", "[a](nowhere/b.md)"] {
            assert_eq!(check(&root, &text(bad)).len(), 1, "{bad}");
        }
    }
}
