//! Holding citations to a user's own text copies of the manuals.

use super::Cited;
use super::documents::DOCUMENTS;
use super::headings::{Heading, find, key};
use super::line::{instruction, numbered};
use crate::project;
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a check found.
pub(super) struct Report {
    /// For the reader: what was read, warnings
    pub(super) notes: Vec<String>,
    /// Citations of sections that are not there
    pub(super) wrong: Vec<String>,
}

/// How a cited section stands to a manual's headings.
#[derive(Debug, PartialEq, Eq)]
enum Match {
    Found,
    /// It is there under another chapter number
    OtherChapter(String),
    /// The heading exists, and the citation has more text
    More(String),
    Missing(Vec<String>),
}

/// Returns the documents that a file of this name holds.
fn documents_of(file: &str) -> Vec<&'static str> {
    // Without its ending: `vol-3a.md` is no volume of AMD's.
    let name = key(file.rsplit_once('.').map_or(file, |(stem, _)| stem));
    let exact: Vec<_> =
        DOCUMENTS.iter().map(|document| document.id).filter(|id| name.contains(&key(id))).collect();
    if !exact.is_empty() {
        return exact;
    }
    if name.contains("wasm") || name.contains("webassembly") {
        return vec!["wasm-3.0-core"];
    }
    let family = if name.contains("apm") || name.contains("amd") { "amd-apm" } else { "intel-sdm" };
    // All volumes in one file: its name lists them, as in vol-1-2abcd-3abcd-4.
    if family == "intel-sdm" && name.contains("12abcd3abcd") {
        return vec!["intel-sdm-vol1", "intel-sdm-vol2", "intel-sdm-vol3", "intel-sdm-vol4"];
    }
    let name = name.replace("volume", "vol");
    let has = |id: &&str| id.strip_prefix(family).is_some_and(|volume| name.contains(&key(volume)));
    DOCUMENTS.iter().map(|document| document.id).filter(has).collect()
}

fn shown(heading: &Heading) -> String {
    format!("{} {}", heading.number, heading.title).trim().to_owned()
}

/// Returns whether a title equals a heading, which may be broken over two lines.
fn same_title(heading: &Heading, title: &str) -> bool {
    let (cited, short, long) = (key(title), key(&heading.title), key(&heading.longer));
    cited == short || cited.starts_with(&short) && long.starts_with(&cited) && cited.len() > short.len()
}

fn after_chapter(number: &str) -> &str {
    number.split_once('.').map_or("", |(_, rest)| rest)
}

fn near(headings: &[Heading], section: &str) -> Vec<String> {
    let wanted = key(section);
    let likeness = |heading: &Heading| strsim::normalized_levenshtein(&key(&shown(heading)), &wanted);
    let mut all: Vec<_> = headings.iter().map(|heading| (likeness(heading), shown(heading))).collect();
    all.retain(|(likeness, _)| *likeness > 0.55);
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    all.dedup_by(|a, b| key(&a.1) == key(&b.1));
    all.into_iter().take(3).map(|(_, text)| text).collect()
}

fn compare(headings: &[Heading], section: &str) -> Match {
    if let Some((number, title)) = numbered(section) {
        let with_number = || headings.iter().filter(move |heading| heading.number == number);
        let with_title = || headings.iter().filter(move |heading| same_title(heading, title));
        if with_number().any(|heading| same_title(heading, title)) {
            return Match::Found;
        }
        if let Some(heading) = with_number().find(|heading| {
            title.contains([',', ':', '('])
                && heading.title.len() > 4
                && key(title).starts_with(&key(&heading.title))
        }) {
            return Match::More(shown(heading));
        }
        let moved = |heading: &&Heading| {
            after_chapter(&heading.number) == after_chapter(number) && !heading.number.is_empty()
        };
        if let Some(heading) = with_title().find(moved) {
            return Match::OtherChapter(shown(heading));
        }
        let mut close: Vec<_> = with_title().chain(with_number()).map(shown).collect();
        close.sort();
        close.dedup();
        for heading in near(headings, section) {
            if !close.contains(&heading) {
                close.push(heading);
            }
        }
        close.truncate(3);
        return Match::Missing(close);
    }
    if headings.iter().any(|heading| heading.number.is_empty() && same_title(heading, section)) {
        return Match::Found;
    }
    // Headings of data sheets are numbered in some copies and not in others.
    if headings.iter().any(|heading| same_title(heading, section)) {
        return Match::Found;
    }
    let mnemonic = instruction(section).map(|(left, _)| key(left));
    let same = |heading: &&Heading| {
        mnemonic.is_some() && instruction(&heading.title).map(|(left, _)| key(left)) == mnemonic
    };
    let mut close: Vec<_> = headings.iter().filter(same).map(shown).collect();
    close.extend(near(headings, section));
    close.dedup();
    close.truncate(3);
    Match::Missing(close)
}

/// Compares every citation with the manuals in `folder`. Documents without a copy there are passed over.
///
/// # Errors
/// The folder cannot be read or holds no manual.
pub(super) fn check(folder: &Path, all: &[Cited]) -> Result<Report> {
    if !folder.is_dir() {
        bail!("{} is not a folder; name one with text copies of the manuals", folder.display());
    }
    let mut manuals: BTreeMap<&str, Vec<Heading>> = BTreeMap::new();
    let mut report = Report { notes: Vec::new(), wrong: Vec::new() };
    for file in project::texts(folder, &[""], &["txt", "md", "text", "markdown"])? {
        let documents = documents_of(&file.path);
        let headings = find(&file.text);
        report.notes.push(match documents.is_empty() {
            true => format!("{}: not a manual by its name, passed over", file.path),
            false => format!("{}: {} headings of {}", file.path, headings.len(), documents.join(", ")),
        });
        for id in documents {
            manuals.entry(id).or_default().extend(headings.iter().cloned());
        }
    }
    if manuals.is_empty() {
        bail!(
            "{} holds no manual; file names must tell which they are (vol1, vol2, vol3, apm, wasm)",
            folder.display()
        );
    }
    judge(&manuals, all, &mut report);
    Ok(report)
}

fn judge(manuals: &BTreeMap<&str, Vec<Heading>>, all: &[Cited], report: &mut Report) {
    let mut places: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for cited in all {
        let place = format!("{}:{}", cited.path, cited.line);
        places.entry((cited.citation.document, &cited.citation.section)).or_default().insert(place);
    }
    let (mut checked, mut unread) = (0, BTreeSet::new());
    for ((document, section), places) in places {
        let Some(headings) = manuals.get(document) else {
            unread.insert(document);
            continue;
        };
        checked += 1;
        let place = places.into_iter().next().unwrap_or_default();
        match compare(headings, section) {
            Match::Found => {}
            Match::OtherChapter(heading) => {
                report.notes.push(format!(
                    "warning: {place}: {document} :: {section} is `{heading}` in this printing"
                ));
            }
            Match::More(heading) => {
                report
                    .notes
                    .push(format!("warning: {place}: {document} :: {section}: the heading is `{heading}`"));
            }
            Match::Missing(close) if close.is_empty() => {
                report.wrong.push(format!("{place}: {document} :: {section} is not in the manual"));
            }
            Match::Missing(close) => {
                let close = close.join("`, `");
                report
                    .wrong
                    .push(format!("{place}: {document} :: {section} is not in the manual; near: `{close}`"));
            }
        }
    }
    report.notes.push(format!("{checked} sections looked up"));
    if !unread.is_empty() {
        let unread: Vec<_> = unread.into_iter().collect();
        report.notes.push(format!("no copy, not looked up: {}", unread.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::line::Citation;

    const VOLUME_3: &str = "\
4.1.1 FOUR PAGING MODES
5.8 ACCESSED AND DIRTY FLAGS
5.10.4.1 Operations that Invalidate TLBs and Paging-Structure
Caches
7.15 EXCEPTION AND INTERRUPT REFERENCE
";

    #[test]
    fn sections_are_found_moved_or_missing() {
        let headings = find(VOLUME_3);
        let missing = |text: &str| Match::Missing(vec![text.to_owned()]);
        let cases = [
            ("5.8 Accessed and Dirty Flags", Match::Found),
            ("5.10.4.1 Operations that Invalidate TLBs and Paging-Structure Caches", Match::Found),
            ("5.1.1 Four Paging Modes", Match::OtherChapter("4.1.1 FOUR PAGING MODES".to_owned())),
            (
                "7.15 Exception and Interrupt Reference, Interrupt 8",
                Match::More("7.15 EXCEPTION AND INTERRUPT REFERENCE".to_owned()),
            ),
            ("5.9 Accessed and Dirty Flags", missing("5.8 ACCESSED AND DIRTY FLAGS")),
            ("5.8 Accessed and Dirty Bits", missing("5.8 ACCESSED AND DIRTY FLAGS")),
            ("13.12.2 IA32_PAT MSR", Match::Missing(vec![])),
        ];
        for (section, want) in cases {
            assert_eq!(compare(&headings, section), want, "{section}");
        }
    }

    #[test]
    fn instruction_pages_are_compared_by_their_whole_heading() {
        let headings =
            find("CMPXCHG - Compare and Exchange\nCMPXCHG8B/CMPXCHG16B—Compare and Exchange Bytes\n");
        assert_eq!(compare(&headings, "CMPXCHG—Compare and Exchange"), Match::Found);
        let Match::Missing(close) = compare(&headings, "CMPXCHG—Compare Exchange") else { panic!("found") };
        assert_eq!(close[0], "CMPXCHG - Compare and Exchange");
    }

    #[test]
    fn file_names_tell_the_document() {
        let cases: &[(&str, &[&str])] = &[
            ("sdm-vol3.txt", &["intel-sdm-vol3"]),
            ("253668-sdm-vol-3a.md", &["intel-sdm-vol3"]),
            ("intel_volume1.txt", &["intel-sdm-vol1"]),
            ("24593-apm-vol2.txt", &["amd-apm-vol2"]),
            ("wasm-core-3.0.md", &["wasm-3.0-core"]),
            ("acpi-6.5.txt", &["acpi-6.5"]),
            (
                "325462-sdm-vol-1-2abcd-3abcd-4.txt",
                &["intel-sdm-vol1", "intel-sdm-vol2", "intel-sdm-vol3", "intel-sdm-vol4"],
            ),
            ("notes.txt", &[]),
        ];
        for (file, want) in cases {
            assert_eq!(documents_of(file), *want, "{file}");
        }
    }

    #[test]
    fn a_missing_section_is_wrong_and_a_missing_manual_is_told() {
        let cited = |document, section: &str| {
            let citation = Citation { document, section: section.to_owned(), note: "so".to_owned() };
            Cited { path: "a.rs".to_owned(), line: 7, citation }
        };
        let all = [
            cited("intel-sdm-vol3", "5.8 Accessed Flags"),
            cited("acpi-6.5", "5.2.9 FADT"),
            cited("intel-sdm-vol3", "5.1.1 Four Paging Modes"),
        ];
        let manuals = BTreeMap::from([("intel-sdm-vol3", find(VOLUME_3))]);
        let mut report = Report { notes: Vec::new(), wrong: Vec::new() };
        judge(&manuals, &all, &mut report);
        assert_eq!(report.wrong.len(), 1);
        assert!(
            report.wrong[0]
                .starts_with("a.rs:7: intel-sdm-vol3 :: 5.8 Accessed Flags is not in the manual; near:")
        );
        assert_eq!(report.notes.len(), 3);
        assert_eq!(report.notes[2], "no copy, not looked up: acpi-6.5");
    }
}
