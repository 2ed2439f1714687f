//! `cargo xtask deps`: compares the layers of ARCHITECTURE.md with cargo's metadata.

use crate::metadata::{Metadata, Package};
use crate::project;
use crate::task::task;
use anyhow::{Result, bail};
use std::path::Path;

/// Check that every crate depends on lower layers alone
#[derive(clap::Args)]
struct DepsArgs {}

task!("deps", DepsArgs, run);

/// Lowest first. A crate may depend on crates of earlier rows, never on one of its own row.
const LAYERS: &[&[&str]] = &[
    &["x86-types", "snapshot"],
    &["guest-memory"],
    &["device-api"],
    &["x86-decode", "x86-state", "x86-float"],
    &["x86-paging", "x86-exceptions", "msr"],
    &["x86-exec"],
    &["wasm-jit", "pc-devices", "block", "net"],
    &["machine", "wasmtime-host"],
    &["demo-guest"],
    &["session"],
    &["v64", "web"],
    &["xtask"],
];

/// Crates that must do without `std`.
const NO_STD: &[&str] = &["x86-decode", "x86-state"];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&name))
}

fn violations(packages: &[Package]) -> Vec<String> {
    let mut wrong = Vec::new();
    let own = |name: &&String| packages.iter().any(|package| package.name == **name);
    for package in packages {
        let Some(mine) = layer(&package.name) else {
            wrong.push(format!(
                "{} has no layer; give it one in xtask/src/deps.rs and ARCHITECTURE.md",
                package.name
            ));
            continue;
        };
        for need in package.needs().filter(own) {
            if layer(need).is_none_or(|other| other >= mine) {
                wrong.push(format!("{} depends on {need}, which is not below it", package.name));
            }
            if package.name == "pc-devices" && need.starts_with("x86-") && need != "x86-types" {
                wrong.push(format!("pc-devices names the processor: it depends on {need}"));
            }
            if package.name == "machine" && need == "pc-devices" {
                wrong.push("machine depends on pc-devices; devices have to be behind traits".to_owned());
            }
        }
    }
    wrong
}

/// Files of a `no_std` crate that name `std`, tests apart.
fn std_users(root: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for name in NO_STD {
        let folder = format!("crates/{name}/src");
        for file in project::texts(root, &[&folder], &["rs"])? {
            if file.path.ends_with("src/lib.rs") && !file.text.lines().any(|line| line == "#![no_std]") {
                wrong.push(format!("{} is not #![no_std]", file.path));
            }
            let is_test = file.path.contains("/tests/") || file.path.ends_with("tests.rs");
            let body = file.text.split("#[cfg(test)]").next().unwrap_or("");
            let code = body.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
            if !is_test
                && code.clone().any(|line| line.contains("extern crate std") || line.contains("std::"))
            {
                wrong.push(format!("{} uses std", file.path));
            }
        }
    }
    Ok(wrong)
}

/// Everything that is wrong with the layers, a line each.
///
/// # Errors
/// `cargo metadata` fails, or a file cannot be read.
pub(crate) fn check() -> Result<Vec<String>> {
    let root = project::root();
    let mut wrong = violations(&Metadata::read()?.packages);
    wrong.extend(std_users(&root)?);
    Ok(wrong)
}

fn run(_: DepsArgs) -> Result<()> {
    let wrong = check()?;
    for line in &wrong {
        println!("{line}");
    }
    if !wrong.is_empty() {
        bail!("{} against the layers", wrong.len());
    }
    println!("every dependency points down");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metadata as cargo prints it, of packages with these normal, dev and build dependencies
    fn metadata(packages: &[(&str, &[(&str, &str)])]) -> Metadata {
        let mut list = Vec::new();
        let mut ids = Vec::new();
        for (name, needs) in packages {
            let id = format!("path+file:///x/{name}#0.1.0");
            let needs: Vec<_> = needs
                .iter()
                .map(|(need, kind)| {
                    let kind = if *kind == "normal" { "null".to_owned() } else { format!("\"{kind}\"") };
                    format!(
                        r#"{{"name":"{need}","source":null,"req":"*","kind":{kind},"rename":null,"optional":false,
                        "uses_default_features":true,"features":[],"target":null,"registry":null}}"#
                    )
                })
                .collect();
            list.push(format!(
                r#"{{"name":"{name}","version":"0.1.0","id":"{id}","license":null,"license_file":null,"description":null,
                "source":null,"dependencies":[{}],"targets":[],"features":{{}},"manifest_path":"/x/{name}/Cargo.toml",
                "edition":"2024","metadata":null}}"#,
                needs.join(",")
            ));
            ids.push(format!("\"{id}\""));
        }
        let text = format!(
            r#"{{"packages":[{}],"workspace_members":[{}],"resolve":null,"target_directory":"/x/target","version":1,
            "workspace_root":"/x","metadata":null}}"#,
            list.join(","),
            ids.join(",")
        );
        Metadata::parse(&text).unwrap()
    }

    fn wrong(list: &[(&str, &[(&str, &str)])]) -> Vec<String> {
        violations(&metadata(list).packages)
    }

    #[test]
    fn dependencies_downwards_and_of_tests_are_allowed() {
        let list: &[(&str, &[(&str, &str)])] = &[
            ("x86-types", &[("bitflags", "normal")]),
            ("x86-decode", &[("x86-types", "normal"), ("x86-exec", "dev")]),
            ("x86-exec", &[("x86-decode", "normal"), ("x86-types", "normal")]),
        ];
        assert_eq!(wrong(list), Vec::<String>::new());
    }

    #[test]
    fn upwards_and_sideways_are_told() {
        let up: &[(&str, &[(&str, &str)])] = &[("x86-types", &[("msr", "normal")]), ("msr", &[])];
        assert_eq!(wrong(up), ["x86-types depends on msr, which is not below it"]);
        let side: &[(&str, &[(&str, &str)])] = &[("msr", &[("x86-paging", "build")]), ("x86-paging", &[])];
        assert_eq!(wrong(side), ["msr depends on x86-paging, which is not below it"]);
    }

    #[test]
    fn devices_do_not_name_the_processor_and_every_crate_has_a_layer() {
        let list: &[(&str, &[(&str, &str)])] =
            &[("pc-devices", &[("x86-state", "normal")]), ("x86-state", &[])];
        assert_eq!(wrong(list), ["pc-devices names the processor: it depends on x86-state"]);
        assert_eq!(wrong(&[("helper", &[])]).len(), 1);
        let list: &[(&str, &[(&str, &str)])] =
            &[("machine", &[("pc-devices", "normal")]), ("pc-devices", &[])];
        assert_eq!(wrong(list), ["machine depends on pc-devices; devices have to be behind traits"]);
    }
}
