//! `cargo xtask docs`: whether the commands in README and docs still exist.
//!
//! Every command of a fenced block has to be one that can be checked, or its block says why it is not:
//! `<!-- not run: REASON -->` before it, or `# not run: REASON` in it.

mod blocks;
mod native;

use crate::project::{self, Text};
use crate::report::Report;
use crate::steps::Verdict;
use crate::task::{self, task};
use anyhow::{Result, bail};
use blocks::Command;
use std::path::{Path, PathBuf};

/// Check that commands, options and files that the documents name exist
#[derive(clap::Args)]
struct DocsArgs {
    /// Also hand the commands of v64 to this one, natively built
    #[arg(long, value_name = "FILE")]
    v64: Option<PathBuf>,
}

task!("docs", DocsArgs, run);

/// Where documents are.
const PARTS: [&str; 7] = [
    "docs",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "crates/web/js/README.md",
];

/// A document whose other commands are those of profilers, with variables of a shell.
const MEASURING: &str = "docs/performance.md";

/// Programs whose lines are examples of input.
const HARMLESS: [&str; 2] = ["echo", "printf"];

/// What to do about a command that cannot be checked.
const MARK: &str = "say why before the block: <!-- not run: REASON -->";

/// Ways to name the command v64; the last is the package's in Node, which has the same flags.
const V64: [&[&str]; 4] = [&["v64"], &["target/release/v64"], &["npx", "v64"], &["node", "pkg/cli.mjs"]];

/// Folders of the project that paths in documents begin with.
const FOLDERS: [&str; 6] = ["crates/", "xtask/", "docs/", "tests/", "benches/", ".ci/"];

fn run(args: DocsArgs) -> Result<()> {
    let mut wrong = check()?;
    if let Some(v64) = args.v64 {
        wrong.extend(native::check(&v64, &documents()?)?);
    }
    for line in &wrong {
        println!("{line}");
    }
    if !wrong.is_empty() {
        bail!("{} to correct in documents", wrong.len());
    }
    println!("documents name what exists");
    Ok(())
}

fn documents() -> Result<Vec<Text>> {
    project::texts(&project::root(), &PARTS, &["md"])
}

/// Commands, options and files that do not exist, a line each. Commands of v64 are only known by name here.
///
/// # Errors
/// A document cannot be read.
pub(crate) fn check() -> Result<Vec<String>> {
    let root = project::root();
    let files = documents()?;
    Ok(files.iter().flat_map(|file| check_file(&root, file)).collect())
}

/// Runs the documents' commands of v64, as far as an instruction of the guest goes.
///
/// # Errors
/// Options, devices or values that are refused.
pub(crate) fn with_v64(v64: &Path, _: &Report) -> Result<Verdict> {
    let files = documents()?;
    let count = files
        .iter()
        .flat_map(blocks::commands)
        .filter(|command| v64_arguments(&command.words).is_some())
        .count();
    let wrong = native::check(v64, &files)?;
    match wrong.is_empty() {
        true => Ok(Verdict::Passed(count)),
        false => bail!("{}", wrong.join("\n")),
    }
}

fn check_file(root: &Path, file: &Text) -> Vec<String> {
    let mut wrong = Vec::new();
    for command in blocks::commands(file).into_iter().chain(inline(file)) {
        if let Err(what) = check_command(root, &command, &file.path) {
            let line = format!("{}:{}: {what}", file.path, command.line);
            // One for a document: a block of something else would give hundreds.
            if !(what.ends_with(MARK) && wrong.iter().any(|other: &String| other.ends_with(MARK))) {
                wrong.push(line);
            }
        }
    }
    for (line, span) in blocks::spans(file) {
        if let Some(path) = path_of(span)
            && !root.join(path).exists()
        {
            wrong.push(format!("{}:{line}: there is no {path}", file.path));
        }
    }
    wrong
}

/// Commands of `cargo xtask` in running text.
fn inline(file: &Text) -> Vec<Command> {
    let spans = blocks::spans(file).into_iter().filter(|(_, span)| span.starts_with("cargo xtask "));
    spans
        .flat_map(|(line, span)| {
            let each = blocks::split(span).into_iter();
            each.map(move |words| Command { line, words, is_inline: true })
        })
        .collect()
}

/// Returns the path that a span of code is, if it is one of the project.
fn path_of(span: &str) -> Option<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_-.".contains(c);
    let begins = FOLDERS.iter().any(|folder| span.starts_with(folder) && span.len() > folder.len());
    (begins && span.chars().all(is_plain)).then_some(span)
}

/// Returns the arguments of a command of v64.
fn v64_arguments(words: &[String]) -> Option<&[String]> {
    V64.iter().find_map(|name| {
        let is_it = words.len() >= name.len() && words.iter().zip(*name).all(|(word, part)| word == part);
        is_it.then(|| &words[name.len()..])
    })
}

fn check_command(root: &Path, command: &Command, path: &str) -> Result<(), String> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    for file in words.iter().filter_map(|word| path_of(word)) {
        if !root.join(file).exists() {
            return Err(format!("there is no {file}"));
        }
    }
    match words.as_slice() {
        ["cargo", "xtask", rest @ ..] => {
            task::parse(rest).or_else(|why| match command.is_inline && rest.len() > 1 {
                // A placeholder such as `N` may stand for a value.
                true if why.contains("invalid value") => Ok(()),
                _ => Err(why),
            })
        }
        ["cargo", verb, rest @ ..] => cargo(root, verb, rest),
        _ if v64_arguments(&command.words).is_some() => Ok(()),
        [program, ..] if HARMLESS.contains(program) || path == MEASURING => Ok(()),
        [program, ..] => Err(format!("{program} is not checked; {MARK}")),
        [] => Ok(()),
    }
}

/// Checks a command of cargo's own: that the packages and tests that it names exist.
fn cargo(root: &Path, verb: &str, rest: &[&str]) -> Result<(), String> {
    const VERBS: [&str; 6] = ["build", "run", "test", "clippy", "fmt", "doc"];
    if !VERBS.contains(&verb) {
        return Err(format!("cargo {verb} is not checked"));
    }
    let values =
        |option: &'static str| rest.windows(2).filter(move |pair| pair[0] == option).map(|pair| pair[1]);
    let mut folders = Vec::new();
    for package in values("-p").chain(values("--package")) {
        let folder = if package == "xtask" { "xtask".to_owned() } else { format!("crates/{package}") };
        if !root.join(&folder).join("Cargo.toml").is_file() {
            return Err(format!("there is no package {package}"));
        }
        folders.push(folder);
    }
    for test in values("--test") {
        let is_there = |folder: &String| {
            let tests = root.join(folder).join("tests");
            tests.join(format!("{test}.rs")).is_file() || tests.join(test).join("main.rs").is_file()
        };
        if !folders.iter().any(is_there) {
            return Err(format!("there is no test {test}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        check_file(&project::root(), &Text { path: "docs/a.md".to_owned(), text: text.to_owned() })
    }

    fn block(line: &str) -> Vec<String> {
        wrong(&format!("```\n{line}\n```\n"))
    }

    #[test]
    fn the_documents_name_what_exists() {
        assert_eq!(check().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_exist_is_found() {
        for line in [
            "cargo xtask build-wasm32",
            "cargo xtask serve --ports 80",
            "cargo xtask",
            "cargo test -p x87-exec",
            "cargo test -p x86-exec --test unprivileged",
            "cargo harvest",
            "v64 microtest --check tests/vectors/user128.jsonl.zst",
            "qemu-img create disk.img 1G",
        ] {
            assert_eq!(block(line).len(), 1, "{line}");
        }
        assert_eq!(wrong("See `cargo xtask fizz` and `crates/msr/src/tables.rs`.\n").len(), 2);
    }

    #[test]
    fn what_exists_passes() {
        for line in [
            "cargo xtask serve --address 0.0.0.0 --port 8080   # a comment",
            "cargo test -p x86-exec --test privileged",
            "echo poweroff | v64 run --exit-on-eof",
            "node pkg/cli.mjs run -m 6G",
        ] {
            assert_eq!(block(line), Vec::<String>::new(), "{line}");
        }
        assert_eq!(wrong("See `cargo xtask fuzz --seconds N` and `crates/msr/src/table.rs`.\n"), [""; 0]);
    }
}
