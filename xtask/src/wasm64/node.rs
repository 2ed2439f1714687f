//! A Node that has 64-bit memories: the machine's own, or npm's package `node` in the cache.

use crate::steps::Report;
use crate::{apt, guests, shell};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// The first version with memory64.
const LEAST: u32 = 24;
/// What is fetched where the machine's own is older.
const FETCHED: &str = "26";

fn version(node: &Path) -> Option<u32> {
    let text = shell::output(shell::command(node).arg("--version")).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Folder of a package from npm, which is kept in the cache.
///
/// # Errors
/// Where npm cannot fetch it.
pub(crate) fn package(report: &Report, name: &str, version: &str) -> Result<PathBuf> {
    let folder = guests::cache()?.join(name);
    let package = folder.join("node_modules").join(name);
    if !package.join("package.json").is_file() {
        apt::need(report, &[("npm", "npm")])?;
        report.say(&format!("fetching {name} from npm"));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut command = shell::command("npm");
        command.args(["install", "--no-fund", "--no-audit", "--prefix"]).arg(&folder);
        command.arg(format!("{name}@{version}"));
        super::fetch(report, &format!("npm's package {name}"), &mut command)?;
    }
    Ok(package)
}

/// Path of a Node that is new enough.
///
/// # Errors
/// Where none is here and npm cannot fetch one.
pub(crate) fn node(report: &Report) -> Result<PathBuf> {
    if let Ok(text) = shell::output(shell::command("sh").args(["-c", "command -v node"])) {
        let path = PathBuf::from(text.trim());
        if version(&path).is_some_and(|version| version >= LEAST) {
            return Ok(path);
        }
    }
    let folder = package(report, "node", FETCHED)?;
    let fetched = folder.join("bin/node");
    ensure!(
        version(&fetched).is_some_and(|version| version >= LEAST),
        "{} is no Node {LEAST} or newer; delete that folder and try again",
        fetched.display()
    );
    Ok(fetched)
}
