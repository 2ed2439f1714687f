//! Where the project is, and which files it has.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The top of the work tree.
pub(crate) fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(manifest);
    root.pop();
    root
}

/// A text file of the project.
pub(crate) struct Text {
    /// From the top of the work tree, with `/`
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every text file under `parts` of `root`, in order of path. What is neither UTF-8 nor a file is passed over.
///
/// # Errors
/// A folder or file that cannot be read.
pub(crate) fn texts(root: &Path, parts: &[&str], extensions: &[&str]) -> Result<Vec<Text>> {
    let mut found = Vec::new();
    for part in parts {
        visit(root, &root.join(part), extensions, &mut found)?;
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn visit(root: &Path, at: &Path, extensions: &[&str], found: &mut Vec<Text>) -> Result<()> {
    if at.is_dir() {
        if at.file_name().is_some_and(|name| name == "target" || name == ".git" || name == "node_modules") {
            return Ok(());
        }
        for entry in at.read_dir().with_context(|| format!("cannot list {}", at.display()))? {
            visit(root, &entry?.path(), extensions, found)?;
        }
    } else if at.is_file() {
        let extension = at.extension().and_then(|name| name.to_str()).unwrap_or("");
        if !extensions.contains(&extension) {
            return Ok(());
        }
        let bytes = std::fs::read(at).with_context(|| format!("cannot read {}", at.display()))?;
        if let (Ok(text), Ok(path)) = (String::from_utf8(bytes), at.strip_prefix(root)) {
            found.push(Text { path: path.to_string_lossy().replace('\\', "/"), text });
        }
    }
    Ok(())
}
