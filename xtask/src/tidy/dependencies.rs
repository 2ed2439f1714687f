//! Dependencies that nothing uses.

use crate::metadata::{Kind, Metadata, Package};
use crate::project::{self, Text};
use anyhow::Result;
use std::path::Path;

/// Returns whether code names a crate: a path that begins with it, or a `use` of it whole.
fn names(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.lines().map(code).any(|line| {
        line.match_indices(name).any(|(at, _)| {
            let (before, behind) = (&line[..at], &line[at + name.len()..]);
            let begins = !before.ends_with(part) && (!before.ends_with("::") || before.ends_with(" ::"));
            let used = ["use", "crate"].iter().any(|word| before.trim_end().ends_with(word));
            let whole = behind.starts_with([';', ',']) || behind.starts_with(" as ");
            begins && (behind.starts_with("::") || used && whole)
        })
    })
}

/// Returns the line less its comment.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Where code of a package may use a dependency of this kind, relative to the package.
fn may_use(kind: Kind, path: &str) -> bool {
    let is_development = ["tests/", "benches/", "examples/"].iter().any(|folder| path.starts_with(folder));
    // A build script may have modules in any other folder.
    let is_build = !is_development && !path.starts_with("src/");
    match kind {
        Kind::Build => is_build,
        Kind::Development => !is_build,
        _ => !is_build && !is_development,
    }
}

/// Returns the dependencies of one package that its sources do not name: the table and the crate's name.
fn unused<'a>(package: &'a Package, sources: &[(&str, &str)]) -> Vec<(&'static str, &'a str)> {
    let mut found = Vec::new();
    for dependency in &package.dependencies {
        let table = match dependency.kind {
            Kind::Build => "build-dependencies",
            Kind::Development => "dev-dependencies",
            _ => "dependencies",
        };
        let name = dependency.rename.as_ref().unwrap_or(&dependency.name);
        let in_code = name.replace('-', "_");
        let named = |(path, text): &(&str, &str)| may_use(dependency.kind, path) && names(text, &in_code);
        if !sources.iter().any(named) {
            found.push((table, name.as_str()));
        }
    }
    found
}

/// Names that the workspace's table of dependencies gives, with their lines.
fn workspace_table(manifest: &str) -> Vec<(usize, &str)> {
    let lines =
        manifest.lines().enumerate().skip_while(|(_, line)| *line != "[workspace.dependencies]").skip(1);
    let entries = lines.take_while(|(_, line)| !line.starts_with('['));
    entries
        .filter(|(_, line)| !line.starts_with('#'))
        .filter_map(|(n, line)| Some((n + 1, line.split_once('=')?.0.trim())))
        .collect()
}

/// Dependencies that no code names, a line each.
///
/// # Errors
/// `cargo metadata` fails, or a file cannot be read.
pub(super) fn check(root: &Path, files: &[Text]) -> Result<Vec<String>> {
    let packages = Metadata::read()?.packages;
    let (mut wrong, mut wanted) = (Vec::new(), Vec::new());
    for package in &packages {
        let folder = package.manifest.parent().and_then(|folder| folder.strip_prefix(root).ok());
        let folder = format!("{}/", folder.unwrap_or(Path::new("")).display());
        let sources: Vec<_> = files
            .iter()
            .filter(|file| file.path.ends_with(".rs"))
            .filter_map(|file| Some((file.path.strip_prefix(&folder)?, file.text.as_str())))
            .collect();
        for (table, name) in unused(package, &sources) {
            wrong.push(format!("{folder}Cargo.toml: {name} of [{table}] is named nowhere in its code"));
        }
        wanted.extend(package.dependencies.iter().map(|dependency| dependency.name.clone()));
    }
    let manifest = project::texts(root, &["Cargo.toml"], &["toml"])?;
    for (line, name) in manifest.iter().flat_map(|file| workspace_table(&file.text)) {
        let own = packages.iter().any(|package| package.name == name);
        if !own && !wanted.iter().any(|wanted| wanted == name) {
            wrong.push(format!("Cargo.toml:{line}: {name} of [workspace.dependencies] is no crate's"));
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_named_by_a_path_or_a_use() {
        for (text, named) in [
            ("use anyhow::Result;", true),
            ("    let x = anyhow::anyhow!(1);", true),
            ("use ::anyhow::Result;", true),
            ("pub use anyhow;", true),
            ("extern crate anyhow as other;", true),
            ("#[derive(anyhow::Args)]", true),
            ("// anyhow::Result", false),
            ("use other::anyhow::Result;", false),
            ("let anyhow = 1;", false),
            ("f(anyhow, b);", false),
            ("not_anyhow::f();", false),
        ] {
            assert_eq!(names(text, "anyhow"), named, "{text}");
        }
    }

    #[test]
    fn each_table_has_code_of_its_own() {
        let kinds = [Kind::Normal, Kind::Development, Kind::Build];
        for (path, want) in [
            ("src/lib.rs", [true, true, false]),
            ("tests/a.rs", [false, true, false]),
            ("benches/a.rs", [false, true, false]),
            ("build.rs", [false, false, true]),
            ("guest/mod.rs", [false, false, true]),
        ] {
            assert_eq!(kinds.map(|kind| may_use(kind, path)), want, "{path}");
        }
    }

    #[test]
    fn what_the_workspace_offers_is_listed_with_its_lines() {
        let text = "[workspace]\n\n[workspace.dependencies]\n# Ours.\na-b = { path = \"x\" }\n\nc = \"1\"\n\n[profile.dev]\nd = 1\n";
        assert_eq!(workspace_table(text), [(5, "a-b"), (7, "c")]);
    }

    /// Returns a package as `cargo metadata` prints it, as far as it matters.
    fn package(dependency: &str, kind: &str) -> Package {
        let text = format!(
            r#"{{"name":"p","version":"0.1.0","id":"p","license":null,"license_file":null,"description":null,
            "source":null,"dependencies":[{{"name":"{dependency}","source":null,"req":"*","kind":{kind},
            "rename":null,"optional":false,"uses_default_features":true,"features":[],"target":null,
            "registry":null}}],"targets":[],"features":{{}},"manifest_path":"/p/Cargo.toml"}}"#
        );
        Metadata::parse(&format!(
            r#"{{"packages":[{text}],"workspace_members":["p"],"workspace_default_members":["p"],"resolve":null,
            "target_directory":"/p/target","version":1,"workspace_root":"/p","metadata":null}}"#
        ))
        .unwrap()
        .packages
        .remove(0)
    }

    #[test]
    fn what_no_code_names_is_found() {
        let sources = [("src/lib.rs", "use a_b::C;\n"), ("tests/t.rs", "use d::E;\n")];
        for (name, kind, want) in [
            ("a-b", "null", None),
            ("d", "\"dev\"", None),
            ("a-b", "\"dev\"", None),
            ("d", "null", Some(("dependencies", "d"))),
            ("a-b", "\"build\"", Some(("build-dependencies", "a-b"))),
            ("e", "\"dev\"", Some(("dev-dependencies", "e"))),
        ] {
            let package = package(name, kind);
            assert_eq!(unused(&package, &sources).first().copied(), want, "{name} {kind}");
        }
    }
}
