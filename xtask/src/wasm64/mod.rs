//! `cargo xtask build-wasm64`: the machine as a wasm64 module, with its npm package and its page, in `pkg/`.

pub(crate) mod node;
mod swap;
mod toolchain;

use crate::steps::{Report, Verdict};
use crate::task::task;
use crate::{project, shell};
use anyhow::{Context, Result, anyhow, ensure};
use std::path::{Path, PathBuf};

/// Build the wasm64 module, its npm package and its web page into pkg/
#[derive(clap::Args)]
struct BuildArgs {
    /// Keep the names of functions, for profiles of the host; the module is larger
    #[arg(long)]
    names: bool,
}

task!("build-wasm64", BuildArgs, run);

/// The module's profile in `Cargo.toml`.
const PROFILE: &str = "wasm64";

/// Crates of the standard library that are optimised for size. Their overrides are not in `Cargo.toml`: cargo warns of
/// overrides that match no package, and only `-Zbuild-std` makes packages of these.
const STANDARD_LIBRARY: [&str; 3] = ["alloc", "core", "std"];

/// Where the package is built.
pub(crate) fn package() -> PathBuf {
    project::root().join("pkg")
}

/// The sources of the package.
fn sources() -> PathBuf {
    project::root().join("crates/web/js")
}

fn run(args: BuildArgs) -> Result<()> {
    let report = Report::start("wasm64");
    let size = build_with(&report, args.names)?;
    let node = node::node(&report)?;
    report.done("built");
    println!("pkg/v64.wasm {} KiB", size >> 10);
    println!("try: {} pkg/cli.mjs run", node.display());
    Ok(())
}

/// Builds everything, beside what is there: a server or run that uses `pkg/` meanwhile gets the old one or the new one, never a part.
/// Gives the bytes of the module.
pub(crate) fn build(report: &Report) -> Result<u64> {
    build_with(report, false)
}

fn build_with(report: &Report, names: bool) -> Result<u64> {
    let package = project::root().join(".pkg-new");
    swap::empty(&package)?;
    let module = module(report, names)?;
    let node = node::node(report)?;
    dependencies(report, &node)?;
    let module = optimised(report, &node, &module, names)?;
    let size = std::fs::copy(&module, package.join("v64.wasm"))
        .with_context(|| format!("cannot copy {}", module.display()))?;
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        std::fs::copy(project::root().join(license), package.join(license))
            .with_context(|| format!("cannot copy {license}"))?;
    }
    crate::guests::firmware::copy_to(report, &package)?;
    let mut command = npm(&node);
    watch(report, command.args(["run", "build"]).env("V64_PKG", &package))?;
    swap::into_place(&package, &self::package())?;
    Ok(size)
}

/// Optimises the module with Binaryen: it becomes a fifth smaller, and loses names unless they are kept. Functions that
/// differ in a constant are merged; handlers for each operand size and shape are hundreds of these.
fn optimised(report: &Report, node: &Path, module: &Path, names: bool) -> Result<PathBuf> {
    let done = module.with_file_name(if names { "v64-names.wasm" } else { "v64.wasm" });
    if time(&done) < time(module) {
        report.say("making the module smaller");
        let wasm_opt = sources().join("node_modules/binaryen/bin/wasm-opt");
        let mut command = shell::command(node);
        watch(
            report,
            command.arg(wasm_opt).arg("-Oz").args(names.then_some("-g")).arg(module).arg("-o").arg(&done),
        )?;
    }
    Ok(done)
}

/// When a file was last written; nothing where there is none.
fn time(path: &Path) -> Option<std::time::SystemTime> {
    path.metadata().and_then(|data| data.modified()).ok()
}

/// Flags of rustc. Without a reference to the constructors, the linker would have every export call all of them, every
/// time.
const FLAGS: [&str; 4] = [
    "-Ctarget-feature=+simd128,+bulk-memory",
    "-Clink-arg=--export-table",
    "-Clink-arg=--growable-table",
    "-Clink-arg=--export=__wasm_call_ctors",
];

/// Flags that keep this machine's folders out of the places that panics name. Of two that fit, rustc takes the last.
fn remapped(sysroot: &Path) -> Vec<String> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = std::env::home_dir();
    let registry = cargo.or_else(|| Some(home.clone()?.join(".cargo")));
    [
        (home, "home"),
        (registry, "cargo"),
        (Some(sysroot.join("lib/rustlib/src/rust")), "rust"),
        (Some(project::root()), "v64"),
    ]
    .into_iter()
    .filter_map(|(folder, name)| Some(format!("--remap-path-prefix={}={name}", folder?.display())))
    .collect()
}

/// The module, by whatever toolchain can build std for it.
fn module(report: &Report, names: bool) -> Result<PathBuf> {
    let target = project::root().join(if names { "target/wasm64-names" } else { "target/wasm64" });
    let toolchain::Toolchain { mut cargo, sysroot } = toolchain::find(report)?;
    let command = &mut cargo;
    command.current_dir(project::root()).env("CARGO_TARGET_DIR", &target);
    let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
    flags.extend(remapped(&sysroot));
    // Folders may have blanks in their names.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")).env_remove("RUSTFLAGS");
    command.args(["build", "--profile", PROFILE, "--package", "web", "--lib", "--target", toolchain::TARGET]);
    if names {
        command.env(format!("CARGO_PROFILE_{}_STRIP", PROFILE.to_uppercase()), "none");
    }
    // Without backtraces, which are useless in a module without names, and optimised for size.
    command.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
    for part in STANDARD_LIBRARY {
        command.arg("--config").arg(format!("profile.{PROFILE}.package.{part}.opt-level='s'"));
    }
    crate::cargo::run(report, command)?;
    Ok(target.join(toolchain::TARGET).join(PROFILE).join("web.wasm"))
}

fn watch(report: &Report, command: &mut std::process::Command) -> Result<()> {
    let done = shell::watch(command, |line| report.say(line))?;
    ensure!(done.status.success(), "{}", done.tail());
    Ok(())
}

/// npm beside a certain node.
fn npm(node: &Path) -> std::process::Command {
    let mut command = shell::command("npm");
    command.current_dir(sources());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = node.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    command
}

fn dependencies(report: &Report, node: &Path) -> Result<()> {
    let (lock, have) =
        (sources().join("package-lock.json"), sources().join("node_modules/.package-lock.json"));
    if time(&have) >= time(&lock) && have.exists() {
        return Ok(());
    }
    let what = "what crates/web/js/package-lock.json lists";
    fetch(report, what, npm(node).args(["ci", "--no-fund", "--no-audit"]))
}

/// Runs an npm that downloads `what`; retries it once.
fn fetch(report: &Report, what: &str, command: &mut std::process::Command) -> Result<()> {
    report.note(&format!("fetching {what}"));
    let hint = "try again later, or see which registry `npm config get registry` names";
    crate::fetch::fetch(report, what, command).map(drop).map_err(|error| anyhow!("{error:#}; {hint}"))
}

/// Counts of node's test reporter: `# pass 12`, or with a sign before it.
fn count(line: &str, what: &str) -> Option<usize> {
    let rest = line.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix(what)?;
    rest.trim().parse().ok()
}

/// A script of the package's tests as a step.
fn tests(report: &Report, script: &str) -> Result<Verdict> {
    let node = node::node(report)?;
    let (mut passed, mut failed) = (0, 0);
    let done = shell::watch(npm(&node).args(["run", script]), |line| {
        report.say(line);
        passed += count(line, "pass").unwrap_or(0);
        failed += count(line, "fail").unwrap_or(0);
    })?;
    if done.status.success() && passed > 0 {
        return Ok(Verdict::Passed(passed));
    }
    let failures: Vec<_> =
        done.text.lines().filter(|line| line.contains('✖') || line.contains("not ok")).collect();
    Ok(Verdict::Failed {
        passed,
        failed: failed.max(1),
        why: format!("{}\n{}", done.tail(), failures.join("\n")),
    })
}

/// A Node that is new enough, and the package's command, which is built where it is older than the native one.
pub(crate) fn command(native: &Path, report: &Report) -> Result<(PathBuf, PathBuf)> {
    if time(&package().join("v64.wasm")) < time(native) {
        build(report)?;
    }
    Ok((node::node(report)?, package().join("cli.mjs")))
}

/// The module, the package's types and its tests in Node. They compare with the native command.
pub(crate) fn in_node(_: &Path, report: &Report) -> Result<Verdict> {
    build(report)?;
    watch(report, npm(&node::node(report)?).args(["run", "check"]))?;
    tests(report, "test")
}

/// The page in Chromium, from Debian's packages.
pub(crate) fn in_browser(_: &Path, report: &Report) -> Result<Verdict> {
    crate::apt::need(report, &[("chromium", "chromium")])?;
    tests(report, "test:browser")
}

/// The package in projects of users: bundlers and compilers take it, and what bundlers make runs in Chromium.
pub(crate) fn as_package(_: &Path, report: &Report) -> Result<Verdict> {
    crate::apt::need(report, &[("chromium", "chromium")])?;
    tests(report, "test:package")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The built module contains no path of this machine; the test passes if it was never built.
    #[test]
    fn the_module_names_no_folder_of_this_machine() {
        let Ok(module) = std::fs::read(package().join("v64.wasm")) else { return };
        let home = std::env::home_dir().into_iter();
        for folder in home.chain([project::root()]) {
            let name = folder.to_string_lossy().into_owned();
            let found = module.windows(name.len()).position(|bytes| bytes == name.as_bytes());
            if let Some(at) = found {
                let rest = String::from_utf8_lossy(&module[at..module.len().min(at + 120)]);
                panic!("pkg/v64.wasm names {rest}");
            }
        }
    }

    #[test]
    fn counts_are_read_from_either_reporter() {
        assert_eq!(count("# pass 12", "pass"), Some(12));
        assert_eq!(count("ℹ fail 3", "fail"), Some(3));
        assert_eq!(count("passing by", "pass"), None);
    }
}
