//! From a subject to what is known about it.

use super::page::{Page, REPO, SECTIONS, SPEC};
use crate::spec::Cited;
use crate::spec::line::numbered;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::Path;

/// Anchors that a guide has at least, and that one made from citations has at most.
pub(super) const LEAST: usize = 5;
const MOST: usize = 12;

/// What a guide prints.
#[derive(Debug)]
pub(super) struct Guide {
    pub(super) title: String,
    /// File and why
    pub(super) repo: Vec<(String, String)>,
    /// `document :: section`
    pub(super) spec: Vec<String>,
    /// Lines under each of [`SECTIONS`]
    pub(super) sections: Vec<(&'static str, Vec<String>)>,
}

/// Pages and citations.
pub(super) struct Library<'a> {
    pub(super) root: &'a Path,
    pub(super) pages: &'a [Page],
    pub(super) cited: &'a [Cited],
}

fn simple(text: &str) -> String {
    let text: String =
        text.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn section_of(cited: &Cited) -> String {
    format!("{} :: {}", cited.citation.document, cited.citation.section)
}

fn add_new<T: PartialEq>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>, most: usize) {
    for item in more {
        if list.len() < most && !list.contains(&item) {
            list.push(item);
        }
    }
}

impl Library<'_> {
    fn by_name(&self, name: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.name().eq_ignore_ascii_case(name))
    }

    fn parent(&self, page: &Page) -> Option<&Page> {
        page.belongs_to.as_deref().and_then(|name| self.by_name(name))
    }

    /// Returns the guide of a page. Anchors that the page lacks come from the page it belongs to and from citations in
    /// its files.
    fn guide(&self, page: &Page) -> Result<Guide> {
        let mut repo: Vec<(String, String)> = Vec::new();
        let mut spec: Vec<String> = Vec::new();
        for page in [Some(page), self.parent(page)].into_iter().flatten() {
            if repo.len() < LEAST {
                repo.extend(
                    page.anchors(REPO).into_iter().map(|(path, why)| (path.to_owned(), why.to_owned())),
                );
            }
            if spec.len() < LEAST {
                add_new(
                    &mut spec,
                    page.anchors(SPEC).into_iter().map(|(text, _)| text.to_owned()),
                    usize::MAX,
                );
            }
        }
        if spec.len() < LEAST {
            let files: BTreeSet<&str> = repo.iter().map(|(path, _)| path.as_str()).collect();
            let here =
                self.cited.iter().filter(|cited| files.iter().any(|file| cited.path.starts_with(file)));
            add_new(&mut spec, here.map(section_of), MOST);
        }
        for (path, _) in &repo {
            if !self.root.join(path).exists() {
                bail!("{}: the repo anchor {path} does not exist", page.path);
            }
        }
        if repo.len() < LEAST || spec.len() < LEAST {
            bail!("{}: fewer than {LEAST} repo or spec anchors", page.path);
        }
        Ok(Guide { title: page.title.clone(), repo, spec, sections: self.sections(page)? })
    }

    fn sections(&self, page: &Page) -> Result<Vec<(&'static str, Vec<String>)>> {
        let mut all = Vec::new();
        for name in SECTIONS {
            let parent = self.parent(page);
            let lines = page.section(name).or_else(|| parent.and_then(|parent| parent.section(name)));
            let lines = lines.with_context(|| format!("{} has no section `{name}`", page.path))?;
            let most = if name == "Next steps" { 7 } else { usize::MAX };
            all.push((name, lines.iter().take(most).cloned().collect()));
        }
        Ok(all)
    }

    pub(super) fn page(&self, name: &str) -> Result<Guide> {
        self.guide(self.by_name(name).with_context(|| format!("docs/ has no page {name}"))?)
    }

    pub(super) fn milestone(&self, name: &str) -> Result<Guide> {
        let milestones = || self.pages.iter().filter(|page| page.path.starts_with("docs/milestones/"));
        match milestones().find(|page| page.name().eq_ignore_ascii_case(name)) {
            Some(page) => self.guide(page),
            None => {
                let names: Vec<_> = milestones().map(Page::name).collect();
                bail!("no milestone {name}; there are {}", names.join(", "));
            }
        }
    }

    /// Returns the page of this title or topic; else the citations that mention it.
    pub(super) fn topic(&self, words: &str) -> Result<Guide> {
        let wanted = simple(words);
        if wanted.is_empty() {
            bail!("no topic given; topics: {}", self.topics().join(", "));
        }
        let named = |page: &&Page| {
            simple(page.name()) == wanted
                || simple(&page.title) == wanted
                || page.topics.iter().any(|topic| simple(topic) == wanted)
        };
        // Checklists and reference pages take precedence over milestones.
        let mut pages: Vec<_> = self.pages.iter().filter(named).collect();
        pages.sort_by_key(|page| page.path.starts_with("docs/milestones/"));
        match pages.first() {
            Some(page) => self.guide(page),
            None => self.topic_by_citations(words, &wanted),
        }
    }

    fn topic_by_citations(&self, words: &str, wanted: &str) -> Result<Guide> {
        let has_all = |cited: &&Cited| {
            let text = simple(&format!("{} {}", cited.citation.section, cited.citation.note));
            wanted.split(' ').all(|word| text.split(' ').any(|part| part == word))
        };
        let about: Vec<_> = self.cited.iter().filter(has_all).collect();
        let mut spec = Vec::new();
        add_new(&mut spec, about.iter().map(|cited| section_of(cited)), MOST);
        let mut repo = Vec::new();
        add_new(&mut repo, about.iter().map(|cited| (cited.path.clone(), String::new())), MOST);
        if about.len() < 3 {
            bail!("unknown topic {words}; near it: {}", self.near(wanted).join(", "));
        }
        let page = self.owner(&about[0].path)?;
        let base = self.guide(page)?;
        add_new(&mut spec, base.spec, MOST.min(LEAST.max(about.len())));
        let paths: Vec<_> = repo.iter().map(|(path, _)| path.clone()).collect();
        let more = base.repo.into_iter().filter(|(path, _)| !paths.contains(path));
        add_new(&mut repo, more, MOST.min(LEAST.max(about.len())));
        Ok(Guide { title: format!("{words} (part of {})", page.title), repo, spec, sections: base.sections })
    }

    fn topics(&self) -> Vec<String> {
        let mut all: Vec<String> = self.pages.iter().flat_map(|page| page.topics.clone()).collect();
        all.sort();
        all.dedup();
        all
    }

    fn near(&self, wanted: &str) -> Vec<String> {
        let mut all: Vec<_> = self
            .topics()
            .into_iter()
            .map(|topic| (strsim::jaro_winkler(&simple(&topic), wanted), topic))
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.into_iter().take(5).map(|(_, topic)| topic).collect()
    }

    /// Returns the page whose repo anchor is the closest to this file: the longest common beginning of the path.
    /// Milestones go before the others; the roadmap is about everything and owns nothing.
    fn owner(&self, path: &str) -> Result<&Page> {
        let common = |anchor: &str| anchor.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
        let closeness =
            |page: &Page| page.anchors(REPO).iter().map(|(anchor, _)| common(anchor)).max().unwrap_or(0);
        let pages = self.pages.iter().filter(|page| page.name() != "roadmap");
        let key = |page: &&Page| (closeness(page), page.path.starts_with("docs/milestones/"));
        pages.rev().max_by_key(key).context("docs/ has no page with repo anchors")
    }

    pub(super) fn file(&self, path: &str) -> Result<Guide> {
        let path = path.trim_start_matches("./");
        if !self.root.join(path).is_file() {
            bail!("no file {path} under the top of the work tree");
        }
        let page = self.owner(path)?;
        let base = self.guide(page)?;
        let mut repo = vec![(path.to_owned(), "the file itself".to_owned())];
        repo.extend(self.neighbours(path));
        let own: Vec<_> = repo.iter().map(|(path, _)| path.clone()).collect();
        let more = base.repo.into_iter().filter(|(anchor, _)| !own.contains(anchor));
        add_new(&mut repo, more, LEAST + 3);
        let mut spec = Vec::new();
        // The file's own citations, then those of its folder, of its crate, of its milestone.
        let mut at = Some(Path::new(path));
        while let Some(part) = at.filter(|part| part.components().count() >= 2) {
            let part = part.to_string_lossy();
            let here = self
                .cited
                .iter()
                .filter(|cited| cited.path == part || cited.path.starts_with(&format!("{part}/")));
            let most = if part == path { usize::MAX } else { LEAST.max(spec.len()) };
            add_new(&mut spec, here.map(section_of), most);
            at = Path::new(part.as_ref()).parent().map(|parent| Path::new(&path[..parent.as_os_str().len()]));
        }
        let most = LEAST.max(spec.len());
        add_new(&mut spec, base.spec, most);
        Ok(Guide { title: format!("{path} (part of {})", page.title), repo, spec, sections: base.sections })
    }

    /// Files of the same folder, and the root of the crate.
    fn neighbours(&self, path: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let Some(folder) = Path::new(path).parent() else { return all };
        let mut names: Vec<_> = self.root.join(folder).read_dir().into_iter().flatten().flatten().collect();
        names.sort_by_key(std::fs::DirEntry::file_name);
        for entry in names.iter().filter(|entry| entry.path().is_file()).take(4) {
            let other = folder.join(entry.file_name()).to_string_lossy().into_owned();
            if other != path {
                all.push((other, "beside it".to_owned()));
            }
        }
        all
    }
}

/// Returns the citations of a section: `document :: section`.
pub(super) fn cites<'a>(cited: &'a [Cited], section: &str) -> Vec<&'a Cited> {
    let exact = |one: &&Cited| section_of(one) == section;
    let inner = |one: &&Cited| {
        let mine = section.split_once(" :: ");
        mine.is_some_and(|(document, section)| {
            let number = numbered(section).map(|(number, _)| format!("{number}."));
            one.citation.document == document
                && number.is_some_and(|number| one.citation.section.starts_with(&number))
        })
    };
    let mut all: Vec<_> = cited.iter().filter(exact).collect();
    if all.is_empty() {
        all = cited.iter().filter(inner).collect();
    }
    all
}
