//! `cargo xtask spec`: the citations of manuals in the code.

pub(crate) mod documents;
mod headings;
mod index;
pub(crate) mod line;
mod manuals;

use crate::project;
use crate::task::task;
use anyhow::{Context, Result, bail};
use line::Citation;
use std::path::{Path, PathBuf};

/// Collect the citations of manuals, check their form and write docs/spec-index.md
#[derive(clap::Args)]
struct SpecArgs {
    /// Do not write the index; fail if it is not up to date
    #[arg(long)]
    check: bool,
    /// A folder with your own text copies (.txt, .md) of the manuals; every cited section must be there. A file's name
    /// tells which it is: it has vol1, vol2 or vol3 (Intel SDM), apm and a volume, wasm, or a data sheet's short name
    #[arg(long, value_name = "DIR")]
    manuals: Option<PathBuf>,
}

task!("spec", SpecArgs, run);

/// Crates with citations for all non-trivial behaviour, and the minimum number of citations.
const CITING: &[&str] =
    &["x86-paging", "x86-exceptions", "msr", "x86-state", "x86-exec", "x86-decode", "wasm-jit"];
const LEAST: usize = 5;

const INDEX: &str = "docs/spec-index.md";

/// A citation and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Cited {
    /// From the top of the work tree
    pub(crate) path: String,
    /// From 1
    pub(crate) line: usize,
    pub(crate) citation: Citation,
}

/// Every citation of the project, and every malformed line.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn collect(root: &Path) -> Result<(Vec<Cited>, Vec<String>)> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for file in project::texts(root, &["crates", "xtask"], &["rs"])? {
        for (n, text) in file.text.lines().enumerate() {
            match line::parse(text) {
                Some(Ok(citation)) => all.push(Cited { path: file.path.clone(), line: n + 1, citation }),
                Some(Err(what)) => wrong.push(format!("{}:{}: {what}", file.path, n + 1)),
                None => {}
            }
        }
    }
    Ok((all, wrong))
}

/// Crates that cite too little.
fn silent(all: &[Cited]) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in CITING {
        let folder = format!("crates/{name}/");
        let count = all.iter().filter(|cited| cited.path.starts_with(&folder)).count();
        if count < LEAST {
            wrong.push(format!("{name} cites {count} sections; {LEAST} are the least"));
        }
    }
    wrong
}

/// Everything that is wrong, a line each. The index is written, or compared if `only_compare`.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn check(only_compare: bool) -> Result<(usize, Vec<String>)> {
    let root = project::root();
    let (all, mut wrong) = collect(&root)?;
    wrong.extend(silent(&all));
    let (path, text) = (root.join(INDEX), index::write(&all));
    if only_compare {
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            wrong.push(format!("{INDEX} is not up to date; run `cargo xtask spec`"));
        }
    } else {
        std::fs::write(&path, text).with_context(|| format!("cannot write {INDEX}"))?;
    }
    Ok((all.len(), wrong))
}

fn run(args: SpecArgs) -> Result<()> {
    let (count, mut wrong) = check(args.check)?;
    if let Some(folder) = &args.manuals {
        let (all, _) = collect(&project::root())?;
        let report = manuals::check(folder, &all)?;
        for line in report.notes {
            println!("{line}");
        }
        wrong.extend(report.wrong);
    }
    for line in &wrong {
        println!("{line}");
    }
    if !wrong.is_empty() {
        bail!("{} to mend", wrong.len());
    }
    println!("{count} citations, all well-formed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_with_four_citations_is_told() {
        let citation = Citation {
            document: "intel-sdm-vol3",
            section: "5.3 32-Bit Paging".to_owned(),
            note: "x".to_owned(),
        };
        let mut all = Vec::new();
        for name in CITING {
            let path = format!("crates/{name}/src/lib.rs");
            all.extend((0..LEAST).map(|line| Cited { path: path.clone(), line, citation: citation.clone() }));
        }
        assert_eq!(silent(&all), Vec::<String>::new());
        all.pop();
        assert_eq!(silent(&all), ["wasm-jit cites 4 sections; 5 are the least"]);
    }
}
