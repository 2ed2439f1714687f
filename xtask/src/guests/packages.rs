//! Debian packages, downloaded and unpacked without being installed.

use crate::steps::Report;
use crate::{apt, shell};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package whose dependency is the current kernel.
const KERNEL: &str = "linux-image-cloud-amd64";
const BUSYBOX: &str = "busybox-static";

/// The first dependency that `apt-cache depends` names and that is a kernel image.
fn kernel_package(depends: &str) -> Option<&str> {
    let names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends:"));
    names.map(str::trim).find(|name| name.starts_with("linux-image-"))
}

fn resolve() -> Option<String> {
    let depends = shell::output(Command::new("apt-cache").args(["depends", KERNEL])).ok()?;
    kernel_package(&depends).map(str::to_owned)
}

/// Downloads a package into `folder` and gives its file.
fn download(package: &str, folder: &Path) -> Result<PathBuf> {
    let get = || shell::output(Command::new("apt-get").args(["-q", "download", package]).current_dir(folder));
    if get().is_err() {
        // Lists of yesterday name files that are gone.
        apt::update()?;
        get().with_context(|| format!("cannot download Debian's package {package}"))?;
    }
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if name.starts_with(&format!("{package}_")) && name.ends_with(".deb") {
            return Ok(path);
        }
    }
    bail!("apt-get download {package} left no file");
}

/// Copies the file that `pick` chooses in `folder` of a package to `to`.
fn take(deb: &Path, scratch: &Path, folder: &str, pick: impl Fn(&str) -> bool, to: &Path) -> Result<()> {
    let tree = scratch.join("tree");
    shell::output(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&tree))?;
    for entry in
        tree.join(folder).read_dir().with_context(|| format!("{} has no folder {folder}", deb.display()))?
    {
        let path = entry?.path();
        if path.is_file() && path.file_name().and_then(|name| name.to_str()).is_some_and(&pick) {
            super::write_once(to, &std::fs::read(&path)?)?;
            return std::fs::remove_dir_all(&tree).context("cannot clean up after unpacking");
        }
    }
    bail!("{} does not hold what is looked for in {folder}", deb.display());
}

/// Fetches kernel and busybox into `cache`.
pub(super) fn fetch(report: &Report, cache: &Path) -> Result<()> {
    apt::require("the Debian guest")?;
    if !shell::exists("dpkg-deb") {
        bail!("unpacking Debian's packages needs dpkg-deb; install dpkg");
    }
    let kernel = match resolve() {
        Some(name) => name,
        None => {
            report.say("fetching package lists");
            apt::update()?;
            resolve().with_context(|| format!("apt knows no {KERNEL}"))?
        }
    };
    let scratch = cache.join(format!("fetch.{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let outcome = (|| {
        report.say(&format!("downloading {kernel}"));
        take(
            &download(&kernel, &scratch)?,
            &scratch,
            "boot",
            |name| name.starts_with("vmlinuz-"),
            &cache.join("vmlinuz"),
        )?;
        report.say(&format!("downloading {BUSYBOX}"));
        let busybox = cache.join("busybox");
        take(&download(BUSYBOX, &scratch)?, &scratch, "bin", |name| name == "busybox", &busybox)?;
        make_executable(&busybox)?;
        super::write_once(&cache.join("kernel-package"), kernel.as_bytes())
    })();
    std::fs::remove_dir_all(&scratch)?;
    outcome
}

fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The applets that this busybox has, in order.
pub(super) fn applets(busybox: &Path) -> Result<Vec<String>> {
    let list = shell::output(Command::new(busybox).arg("--list")).with_context(|| {
        format!("{} does not run here (it is an x86-64 Linux program)", busybox.display())
    })?;
    let mut names: Vec<String> =
        list.lines().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_the_dependency_that_is_an_image() {
        let text = "linux-image-cloud-amd64\n  Depends: initramfs-tools\n  Depends: linux-image-6.1.0-9-cloud-amd64\n";
        assert_eq!(kernel_package(text), Some("linux-image-6.1.0-9-cloud-amd64"));
        assert_eq!(kernel_package("linux-image-cloud-amd64\n  Recommends: linux-image-x\n"), None);
    }
}
