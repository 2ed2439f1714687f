//! `cargo xtask tidy`: rules that no compiler checks.

mod dependencies;
mod links;
mod rules;

use crate::project;
use crate::task::task;
use anyhow::{Result, bail};

/// Check rules of the source text: sizes, unsafe code, forbidden words, links, unused dependencies
#[derive(clap::Args)]
struct TidyArgs {}

task!("tidy", TidyArgs, run);

/// Folders and files that are looked at.
const PARTS: &[&str] = &[
    ".cargo",
    ".ci",
    "benches",
    "crates",
    "docs",
    "tests",
    "xtask",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "SECURITY.md",
    "book.toml",
];
const EXTENSIONS: &[&str] =
    &["rs", "md", "toml", "sh", "c", "h", "js", "mjs", "ts", "html", "css", "wat", "json", "yml", ""];

/// Everything that is wrong, a line each.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn check() -> Result<Vec<String>> {
    let root = project::root();
    let files = project::texts(&root, PARTS, EXTENSIONS)?;
    let mut wrong = Vec::new();
    for file in &files {
        wrong.extend(rules::check(file).into_iter().map(|what| format!("{}:{what}", file.path)));
    }
    wrong.extend(rules::forbids_unsafe(&files));
    wrong.extend(links::check(&root, &files));
    wrong.extend(dependencies::check(&root, &files)?);
    Ok(wrong)
}

fn run(_: TidyArgs) -> Result<()> {
    let wrong = check()?;
    for line in &wrong {
        println!("{line}");
    }
    if !wrong.is_empty() {
        bail!("{} to tidy", wrong.len());
    }
    println!("tidy");
    Ok(())
}
