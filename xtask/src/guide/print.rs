//! A guide as Markdown.

use super::find::{Guide, cites};
use super::page::{REPO, SPEC};
use crate::spec::Cited;
use std::fmt::Write;

pub(super) fn markdown(guide: &Guide, cited: &[Cited]) -> String {
    let mut text = format!("# {}\n\n## {REPO}\n\n", guide.title);
    for (path, why) in &guide.repo {
        let _ = match why.as_str() {
            "" => writeln!(text, "- {path}"),
            why => writeln!(text, "- {path}: {why}"),
        };
    }
    let _ = write!(text, "\n## {SPEC}\n\n");
    for section in &guide.spec {
        let mut places: Vec<_> =
            cites(cited, section).iter().map(|one| format!("{}:{}", one.path, one.line)).collect();
        let more = places.len().saturating_sub(3);
        places.truncate(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = match places.is_empty() {
            true => writeln!(text, "- {section}"),
            false => writeln!(text, "- {section} ({}{more})", places.join(", ")),
        };
    }
    for (name, lines) in &guide.sections {
        let _ = write!(text, "\n## {name}\n\n{}\n", lines.join("\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::guide::find::{LEAST, Library, cites};
    use crate::guide::page::{self, SECTIONS, SPEC};
    use crate::{project, spec};

    /// Runs over the real pages: an anchor that has gone fails here.
    fn with_library(test: impl FnOnce(&Library<'_>)) {
        let root = project::root();
        let pages = page::load(&root).unwrap();
        let (cited, _) = spec::collect(&root).unwrap();
        test(&Library { root: &root, pages: &pages, cited: &cited });
    }

    #[test]
    fn every_page_makes_a_whole_guide() {
        with_library(|library| {
            assert!(library.pages.len() >= 13);
            for page in library.pages {
                let guide = library.page(page.name()).unwrap();
                assert!(guide.repo.len() >= LEAST && guide.spec.len() >= LEAST, "{}", page.path);
                let text = super::markdown(&guide, library.cited);
                for name in SECTIONS {
                    assert!(text.contains(&format!("\n## {name}\n\n")), "{}: {name}", page.path);
                }
                let steps = &guide.sections.iter().find(|(name, _)| *name == "Next steps").unwrap().1;
                assert!((1..=7).contains(&steps.len()), "{}", page.path);
                for (section, _) in page.anchors(SPEC) {
                    assert!(
                        !cites(library.cited, section).is_empty(),
                        "{}: nothing cites {section}",
                        page.path
                    );
                }
            }
        });
    }

    #[test]
    fn topics_are_found_by_title_by_word_and_by_citation() {
        with_library(|library| {
            for topic in
                ["4-level paging", "4-Level Paging", "long mode", "PAE", "CPUID", "page-fault", "MTRR"]
            {
                let guide = library.topic(topic).unwrap_or_else(|error| panic!("{topic}: {error}"));
                assert!(guide.repo.len() >= LEAST && guide.spec.len() >= LEAST, "{topic}: {guide:?}");
            }
            let error = library.topic("4-levl pagin").unwrap_err().to_string();
            assert!(error.contains("4-level paging"), "{error}");
            assert!(library.topic("").is_err());
        });
    }

    #[test]
    fn files_and_milestones() {
        with_library(|library| {
            for path in [
                "crates/x86-paging/src/walk.rs",
                "crates/x86-types/src/lib.rs",
                "crates/pc-devices/src/pic/chip.rs",
                "README.md",
            ] {
                let guide = library.file(path).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(guide.repo.len() >= LEAST && guide.spec.len() >= LEAST, "{path}: {guide:?}");
                assert_eq!(guide.repo[0].0, path);
            }
            assert!(library.file("crates/none.rs").is_err());
            assert!(library.milestone("m3").unwrap().title.contains("M3"));
            assert!(library.milestone("M9").unwrap_err().to_string().contains("M0, M1"));
        });
    }
}
