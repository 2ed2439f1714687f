//! `docs/spec-index.md`: document, section, files.

use super::{Cited, documents::DOCUMENTS};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Sections sort as people count: 5.9 before 5.10.
#[derive(PartialEq, Eq)]
struct Key<'a>(&'a str);

impl Key<'_> {
    fn parts(&self) -> Vec<Result<u64, &str>> {
        let number = self.0.split(' ').next().unwrap_or("");
        number.split('.').map(|part| part.parse().map_err(|_| part)).collect()
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts()).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Returns the index as Markdown.
pub(super) fn write(all: &[Cited]) -> String {
    let mut text = "# Spec index\n\nWhich file does what which section says. Written by `cargo xtask spec`; do not edit.\n".to_owned();
    for document in DOCUMENTS {
        let mut sections: BTreeMap<Key<'_>, BTreeSet<&str>> = BTreeMap::new();
        for cited in all.iter().filter(|cited| cited.citation.document == document.id) {
            sections.entry(Key(&cited.citation.section)).or_default().insert(&cited.path);
        }
        if sections.is_empty() {
            continue;
        }
        let compared = match document.compared {
            Some(with) => format!("The sections were compared with {with}."),
            None => "The sections were not compared with a copy: numbers and titles may be wrong.".to_owned(),
        };
        let _ = write!(text, "\n## {}\n\n{}. {compared}\n\n", document.id, document.title);
        for (section, files) in sections {
            let files: Vec<_> = files.iter().map(|file| format!("[{file}](../{file})")).collect();
            let _ = writeln!(
                text,
                "- {}: {}",
                section.0.replace('*', "\\*").replace('_', "\\_"),
                files.join(", ")
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::line::Citation;

    fn cited(document: &'static str, section: &str, path: &str) -> Cited {
        let citation = Citation { document, section: section.to_owned(), note: "so it is".to_owned() };
        Cited { path: path.to_owned(), line: 1, citation }
    }

    #[test]
    fn sections_are_in_the_order_of_their_numbers_and_files_once() {
        let all = [
            cited("intel-sdm-vol3", "5.10 Caching", "b.rs"),
            cited("intel-sdm-vol3", "5.9 Typing", "b.rs"),
            cited("intel-sdm-vol3", "5.9 Typing", "a.rs"),
            cited("intel-sdm-vol3", "5.9 Typing", "a.rs"),
            cited("intel-sdm-vol1", "B.1 Condition Codes", "c.rs"),
        ];
        let text = write(&all);
        let lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("- ") || line.starts_with("## ")).collect();
        let wanted = [
            "## intel-sdm-vol1",
            "- B.1 Condition Codes: [c.rs](../c.rs)",
            "## intel-sdm-vol3",
            "- 5.9 Typing: [a.rs](../a.rs), [b.rs](../b.rs)",
            "- 5.10 Caching: [b.rs](../b.rs)",
        ];
        assert_eq!(lines, wanted);
    }
}
