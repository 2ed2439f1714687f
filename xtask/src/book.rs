//! `cargo xtask book`: the documents as a book, by mdBook.
//!
//! `SUMMARY.md` and the folder that mdBook reads are generated each time. README and the other documents at the top of
//! the work tree are in the same folder as those of `docs/`, so that links between them work.

use crate::project::{self, Text};
use crate::report::Report;
use crate::task::task;
use crate::{fetch, guests, shell};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// Build the documents as a book into target/book
#[derive(clap::Args)]
struct BookArgs {
    /// Also build the crates' documentation, into the book's folder rustdoc
    #[arg(long)]
    with_rustdoc: bool,
}

task!("book", BookArgs, run);

/// The version of mdBook that is fetched.
const MDBOOK: &str = "0.5.4";

/// Documents outside of `docs/`.
const TOP: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
/// The npm package's readme.
const PACKAGE: &str = "crates/web/js/README.md";

fn run(args: BookArgs) -> Result<()> {
    let report = Report::start("book");
    let mdbook = mdbook(&report)?;
    let target = project::root().join("target");
    let (source, book) = (target.join("book-src"), target.join("book"));
    write_source(&project::root(), &source)?;
    report.say("mdbook build");
    let mut command = shell::command(mdbook);
    command.args(["build", "--dest-dir"]).arg(&book).arg(&source);
    shell::output(&mut command)?;
    if args.with_rustdoc {
        let mut doc = shell::cargo(&["doc", "--no-deps", "--workspace", "--target-dir"]);
        crate::cargo::run(&report, doc.arg(target.join("rustdoc")))?;
        copy(&target.join("rustdoc/doc"), &book.join("rustdoc"))?;
    }
    report.done("built");
    println!("{}", book.join("index.html").display());
    if args.with_rustdoc {
        println!("{}", book.join("rustdoc/machine/index.html").display());
    }
    Ok(())
}

/// Returns the path of mdBook, which is installed into the cache where it is missing.
fn mdbook(report: &Report) -> Result<PathBuf> {
    let folder = guests::cache()?.join("mdbook");
    let program = folder.join("bin/mdbook");
    let version = || shell::output(shell::command(&program).arg("--version")).ok();
    if version().is_none_or(|text| !text.contains(MDBOOK)) {
        report.note(&format!("installing mdbook {MDBOOK}, which takes a few minutes"));
        let mut command = shell::cargo(&["install", "mdbook", "--version", MDBOOK, "--locked", "--debug"]);
        command.args(["--no-default-features", "--features", "search", "--force", "--root"]).arg(&folder);
        fetch::fetch(report, "mdbook", &mut command)?;
        ensure!(program.is_file(), "cargo installed no mdbook into {}", folder.display());
    }
    Ok(program)
}

/// Makes the folder that mdBook reads: `book.toml`, `SUMMARY.md` and the documents.
fn write_source(root: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to).with_context(|| format!("cannot empty {}", to.display()))?;
    }
    let files = project::texts(root, &[&["docs", PACKAGE], &TOP[..]].concat(), &["md"])?;
    let summary = root.join("docs/SUMMARY.md");
    for file in &files {
        let place = to.join("src").join(&file.path);
        let folder = place.parent().unwrap_or(to);
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        std::fs::write(&place, in_book(file, &files))?;
    }
    std::fs::rename(to.join("src/docs/SUMMARY.md"), to.join("src/SUMMARY.md"))
        .with_context(|| format!("{} is missing", summary.display()))?;
    let text = std::fs::read_to_string(to.join("src/SUMMARY.md"))?;
    std::fs::write(
        to.join("src/SUMMARY.md"),
        text.replace("](../", "](TOP/").replace("](", "](docs/").replace("docs/TOP/", ""),
    )?;
    std::fs::copy(root.join("book.toml"), to.join("book.toml")).context("cannot copy book.toml")?;
    Ok(())
}

/// Returns the document as mdBook takes it: links to files that are not in the book are plain text.
fn in_book(file: &Text, files: &[Text]) -> String {
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let is_there = |target: &str| {
        let path = target.split('#').next().unwrap_or_default();
        path.is_empty()
            || target.contains("://")
            || files.iter().any(|other| Path::new(&other.path) == plain(&folder.join(path)))
    };
    let mut text = String::new();
    let mut rest = file.text.as_str();
    while let Some(at) = rest.find("](") {
        let Some(end) = rest[at..].find(')') else { break };
        let target = &rest[at + 2..at + end];
        let begin = rest[..at].rfind('[').filter(|_| !is_there(target));
        match begin {
            Some(begin) => {
                text += &rest[..begin];
                text += &rest[begin + 1..at];
            }
            // mdBook calls the page of a README index.
            None if !target.contains("://") => {
                text += &rest[..at + 2];
                text += &target.replace("README.md", "index.md");
                text.push(')');
            }
            None => text += &rest[..=at + end],
        }
        rest = &rest[at + end + 1..];
    }
    text + rest
}

/// Returns the path without `..` and `.`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(out.pop()),
            std::path::Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in from.read_dir().with_context(|| format!("cannot list {}", from.display()))? {
        let path = entry?.path();
        let place = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &place)?;
        } else {
            std::fs::copy(&path, &place).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str, text: &str) -> Text {
        Text { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn links_out_of_the_book_become_text() {
        let files = [
            text("README.md", ""),
            text("docs/a.md", "[x](../README.md#y) [b](../crates/b) [c](https://c) [d](#e)\n"),
        ];
        assert_eq!(in_book(&files[1], &files), "[x](../index.md#y) b [c](https://c) [d](#e)\n");
    }

    /// The links themselves are followed by `cargo xtask tidy`.
    #[test]
    fn every_document_is_in_the_summary() {
        let root = project::root();
        let summary = std::fs::read_to_string(root.join("docs/SUMMARY.md")).unwrap();
        for file in project::texts(&root, &[&["docs", PACKAGE], &TOP[..]].concat(), &["md"]).unwrap() {
            let name =
                file.path.strip_prefix("docs/").map_or_else(|| format!("../{}", file.path), str::to_owned);
            assert!(
                name == "SUMMARY.md" || summary.contains(&format!("]({name})")),
                "docs/SUMMARY.md lacks {name}"
            );
        }
    }
}
