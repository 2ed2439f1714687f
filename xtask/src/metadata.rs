//! The parts of `cargo metadata` that tasks need.

use crate::shell;
use anyhow::{Context, Result};
use std::path::PathBuf;
use tinyjson::JsonValue;

/// A package of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its Cargo.toml
    pub(crate) manifest: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

impl Package {
    /// Names of its normal and build dependencies.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &String> {
        let needs = self.dependencies.iter().filter(|dependency| dependency.kind != Kind::Development);
        needs.map(|dependency| &dependency.name)
    }
}

/// What a package depends on.
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// What the package calls it
    pub(crate) rename: Option<String>,
    pub(crate) kind: Kind,
}

/// What a dependency is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Development,
    Build,
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
    let dependencies = list(json, "dependencies")?.iter().map(dependency).collect::<Result<_>>()?;
    Ok(Package { name: string(json, "name")?, manifest: string(json, "manifest_path")?.into(), dependencies })
}

fn dependency(json: &JsonValue) -> Result<Dependency> {
    let kind = match member(json, "kind")?.get::<String>().map(String::as_str) {
        Some("dev") => Kind::Development,
        Some("build") => Kind::Build,
        // null is a normal one.
        _ => Kind::Normal,
    };
    Ok(Dependency { name: string(json, "name")?, rename: member(json, "rename")?.get().cloned(), kind })
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
