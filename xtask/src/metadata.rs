//! The parts of `cargo metadata` that tasks need.

use crate::shell;
use anyhow::{Context, Result};
use std::path::PathBuf;
use tinyjson::JsonValue;

/// A package of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Names of its normal and build dependencies
    pub(crate) needs: Vec<String>,
}

/// The workspace.
pub(crate) struct Metadata {
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

impl Metadata {
    /// Runs `cargo metadata`.
    ///
    /// # Errors
    /// cargo fails, or prints something unexpected.
    pub(crate) fn read() -> Result<Self> {
        let mut command = shell::cargo(&["metadata", "--format-version", "1", "--no-deps"]);
        Self::parse(&shell::output(&mut command)?)
    }

    /// Parses the output of `cargo metadata`.
    ///
    /// # Errors
    /// The text is not that JSON.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        parse(text).context("unexpected output of cargo metadata")
    }
}

fn parse(text: &str) -> Result<Metadata> {
    let json: JsonValue = text.parse()?;
    let packages = list(&json, "packages")?.iter().map(package).collect::<Result<_>>()?;
    Ok(Metadata { target: string(&json, "target_directory")?.into(), packages })
}

fn package(json: &JsonValue) -> Result<Package> {
    let mut needs = Vec::new();
    for dependency in list(json, "dependencies")? {
        // null is a normal one.
        if member(dependency, "kind")?.get::<String>().is_none_or(|kind| kind != "dev") {
            needs.push(string(dependency, "name")?);
        }
    }
    Ok(Package { name: string(json, "name")?, needs })
}

fn member<'a>(json: &'a JsonValue, key: &str) -> Result<&'a JsonValue> {
    let object = json.get::<std::collections::HashMap<String, JsonValue>>();
    object.and_then(|object| object.get(key)).with_context(|| format!("no {key}"))
}

fn list<'a>(json: &'a JsonValue, key: &str) -> Result<&'a Vec<JsonValue>> {
    member(json, key)?.get().with_context(|| format!("{key} is no list"))
}

fn string(json: &JsonValue, key: &str) -> Result<String> {
    member(json, key)?.get().cloned().with_context(|| format!("{key} is no string"))
}
