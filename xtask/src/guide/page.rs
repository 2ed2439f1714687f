//! Pages under `docs/` that a guide is made of.

use crate::project;
use anyhow::Result;
use std::path::Path;

/// Sections that a guide prints from a page, in this order, behind the anchors.
pub(super) const SECTIONS: [&str; 5] = ["Plan", "Risks", "Tests", "Definition of Done", "Next steps"];
pub(super) const REPO: &str = "Repo anchors";
pub(super) const SPEC: &str = "Spec anchors";

/// A page: its title, what it is about, its sections.
pub(super) struct Page {
    pub(super) path: String,
    pub(super) title: String,
    /// Words that lead here
    pub(super) topics: Vec<String>,
    /// The page whose sections fill in for those that are missing here
    pub(super) belongs_to: Option<String>,
    sections: Vec<(String, Vec<String>)>,
}

impl Page {
    pub(super) fn parse(path: &str, text: &str) -> Self {
        let mut page = Page {
            path: path.to_owned(),
            title: path.to_owned(),
            topics: Vec::new(),
            belongs_to: None,
            sections: Vec::new(),
        };
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("# ") {
                page.title = title.trim().to_owned();
            } else if let Some(name) = line.strip_prefix("## ") {
                page.sections.push((name.trim().to_owned(), Vec::new()));
            } else if let Some(topics) = line.strip_prefix("Topics: ") {
                page.topics =
                    topics.split(',').map(|topic| topic.trim().trim_end_matches('.').to_owned()).collect();
            } else if let Some(name) = line.strip_prefix("Belongs to: ") {
                page.belongs_to = name.split(['[', ']']).find(|part| !part.is_empty()).map(str::to_owned);
            } else if let Some((_, lines)) = page.sections.last_mut()
                && !line.trim().is_empty()
            {
                lines.push(line.to_owned());
            }
        }
        page
    }

    /// `M3` of `docs/milestones/M3.md`
    pub(super) fn name(&self) -> &str {
        Path::new(&self.path).file_stem().and_then(|name| name.to_str()).unwrap_or("")
    }

    pub(super) fn section(&self, name: &str) -> Option<&[String]> {
        self.sections.iter().find(|(title, _)| title == name).map(|(_, lines)| &lines[..])
    }

    /// What stands in backticks at the start of each item of a section, and the rest of the item.
    pub(super) fn anchors(&self, section: &str) -> Vec<(&str, &str)> {
        let lines = self.section(section).unwrap_or_default();
        let items = lines.iter().filter_map(|line| line.trim_start().strip_prefix("- `"));
        items
            .filter_map(|item| item.split_once('`'))
            .map(|(what, why)| (what, why.trim_start_matches([':', ' '])))
            .collect()
    }
}

/// Every page of `docs/` that has at least repo anchors.
///
/// # Errors
/// A file cannot be read.
pub(super) fn load(root: &Path) -> Result<Vec<Page>> {
    let files = project::texts(root, &["docs"], &["md"])?;
    let pages = files.iter().map(|file| Page::parse(&file.path, &file.text));
    Ok(pages.filter(|page| page.section(REPO).is_some()).collect())
}
