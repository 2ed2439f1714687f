//! Debian packages, downloaded and unpacked without being installed.

use super::Bits;
use crate::report::Report;
use crate::{apt, fetch, shell};
use anyhow::{Context, Result, anyhow, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const BUSYBOX: &str = "busybox-static";

/// apt for one architecture of Debian.
pub(super) struct Apt<'a> {
    pub(super) bits: Bits,
    pub(super) cache: &'a Path,
}

impl Apt<'_> {
    /// Returns the package whose dependency is the current kernel.
    fn kernel(&self) -> &'static str {
        match self.bits {
            Bits::B64 => "linux-image-cloud-amd64",
            Bits::B32 => "linux-image-686",
        }
    }

    /// Returns an apt program. For the machine's own architecture it is the machine's; for another one its lists are
    /// kept in the cache, so that what is set up here stays as it is.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if self.bits == Bits::B32 {
            let folder = |name: &str, place: &str| format!("{name}={}", self.cache.join(place).display());
            for option in [
                "APT::Architecture=i386".to_owned(),
                "APT::Architectures=i386".to_owned(),
                "Dir::State::status=/dev/null".to_owned(),
                folder("Dir::State::Lists", "lists"),
                folder("Dir::Cache", "apt"),
            ] {
                command.arg("-o").arg(option);
            }
        }
        command
    }

    /// Fetches package lists. Returns their error, see [`apt::lists`].
    fn update(&self, report: &Report) -> Result<Option<String>> {
        if self.bits == Bits::B64 {
            return Ok(apt::update(report).map(str::to_owned));
        }
        for place in ["lists/partial", "apt/archives/partial"] {
            std::fs::create_dir_all(self.cache.join(place))?;
        }
        Ok(apt::lists(report, self.command("apt-get").args(["-q", "update"])))
    }

    fn resolve(&self) -> Option<String> {
        let depends = shell::output(self.command("apt-cache").args(["depends", self.kernel()])).ok()?;
        kernel_package(&depends).map(str::to_owned)
    }

    /// Downloads a package into `folder` and gives its file.
    pub(super) fn download(&self, report: &Report, package: &str, folder: &Path) -> Result<PathBuf> {
        let mut command = self.command("apt-get");
        command.args(["-q", "download", package]).current_dir(folder);
        let first = shell::watch(&mut command, |line| fetch::say(report, line))?;
        if !first.status.success() {
            // Old lists name files that the mirror no longer has.
            report.note(&format!("{package}: {}", fetch::reason(&first)));
            let list_error = self.update(report)?;
            fetch::fetch(report, &format!("Debian's package {package}"), &mut command)
                .map_err(|error| apt::with_list_error(&error, list_error.as_deref()))?;
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
}

/// Returns the first dependency that `apt-cache depends` names and that is a kernel image.
fn kernel_package(depends: &str) -> Option<&str> {
    let names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends:"));
    names.map(str::trim).find(|name| name.starts_with("linux-image-"))
}

/// Unpacks a package. Returns the folder with its files.
pub(super) fn unpack(deb: &Path, scratch: &Path) -> Result<PathBuf> {
    if !shell::exists("dpkg-deb") {
        bail!("unpacking Debian's packages needs dpkg-deb; install dpkg");
    }
    let tree = scratch.join("tree");
    shell::output(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&tree))?;
    Ok(tree)
}

/// Copies the file that `pick` chooses in `folder` of a package to `to`.
fn take(deb: &Path, scratch: &Path, folder: &str, pick: impl Fn(&str) -> bool, to: &Path) -> Result<()> {
    let tree = unpack(deb, scratch)?;
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
pub(super) fn fetch(report: &Report, bits: Bits, cache: &Path) -> Result<()> {
    apt::require("the Debian guest")?;
    let apt = Apt { bits, cache };
    let kernel = match apt.resolve() {
        Some(name) => name,
        None => {
            let list_error = apt.update(report)?;
            let unknown = || anyhow!("apt knows no package {}", apt.kernel());
            apt.resolve().ok_or_else(|| apt::with_list_error(&unknown(), list_error.as_deref()))?
        }
    };
    let scratch = cache.join(format!("fetch.{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let outcome = (|| {
        report.say(&format!("downloading {kernel}"));
        take(
            &apt.download(report, &kernel, &scratch)?,
            &scratch,
            "boot",
            |name| name.starts_with("vmlinuz-"),
            &cache.join("vmlinuz"),
        )?;
        report.say(&format!("downloading {BUSYBOX}"));
        let busybox = cache.join("busybox");
        take(&apt.download(report, BUSYBOX, &scratch)?, &scratch, "bin", |name| name == "busybox", &busybox)?;
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

/// Returns the applets that this busybox has, in order.
pub(super) fn applets(busybox: &Path) -> Result<Vec<String>> {
    let list = shell::output(Command::new(busybox).arg("--list")).with_context(|| {
        format!("{} does not run here (it is a Linux program for x86)", busybox.display())
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
