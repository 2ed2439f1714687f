//! `cargo xtask fetch-firmware`: SeaBIOS and its video BIOS, and OVMF, from Debian's packages.

use super::packages::{Apt, unpack};
use super::{Bits, cache, write_once};
use crate::apt;
use crate::report::Report;
use crate::task::task;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Fetch firmware (SeaBIOS, its video BIOS, OVMF) for machines that boot from drives
#[derive(clap::Args)]
struct FetchArgs {
    /// Fetch anew what is there already
    #[arg(long)]
    refresh: bool,
}

task!("fetch-firmware", FetchArgs, run);

/// A package, the files that are taken from it, and the name of its licence in the cache.
struct Package {
    name: &'static str,
    files: &'static [&'static str],
    license: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "seabios",
        files: &[
            "usr/share/seabios/bios-256k.bin",
            "usr/share/seabios/bios.bin",
            "usr/share/seabios/vgabios-stdvga.bin",
        ],
        license: "LICENSE-seabios",
    },
    Package { name: "ovmf", files: &["usr/share/ovmf/OVMF.fd"], license: "LICENSE-ovmf" },
];

/// What machines in a browser or in Node boot with, of the first package.
const FOR_PACKAGE: &[&str] = &["bios-256k.bin", "vgabios-stdvga.bin", "LICENSE-seabios"];

fn run(args: FetchArgs) -> Result<()> {
    let report = Report::start("firmware");
    let folder = firmware(&report, args.refresh, PACKAGES)?;
    report.done("there");
    println!("{}", folder.display());
    Ok(())
}

/// Returns the folder with the firmware of these packages; what is missing is fetched first.
///
/// # Errors
/// No apt, or a package that cannot be had.
fn firmware(report: &Report, refresh: bool, packages: &[Package]) -> Result<PathBuf> {
    let folder = cache()?.join("firmware");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for package in packages {
        let is_there = |path: &&str| folder.join(file_name(path)).is_file();
        if !refresh && package.files.iter().all(is_there) && folder.join(package.license).is_file() {
            continue;
        }
        apt::require("firmware")?;
        report.say(&format!("downloading {}", package.name));
        let scratch = folder.join(format!("fetch.{}", std::process::id()));
        std::fs::create_dir_all(&scratch)?;
        let outcome = fetch(report, package, &scratch, &folder);
        std::fs::remove_dir_all(&scratch)?;
        outcome?;
    }
    Ok(folder)
}

fn fetch(report: &Report, package: &Package, scratch: &Path, folder: &Path) -> Result<()> {
    let cache = cache()?;
    let deb = Apt { bits: Bits::B64, cache: &cache }.download(report, package.name, scratch)?;
    let tree = unpack(&deb, scratch)?;
    let copyright = format!("usr/share/doc/{}/copyright", package.name);
    let files = package.files.iter().map(|path| (*path, file_name(path)));
    for (path, name) in files.chain([(copyright.as_str(), package.license)]) {
        let bytes = std::fs::read(tree.join(path))
            .with_context(|| format!("Debian's package {} has no {path}", package.name))?;
        write_once(&folder.join(name), &bytes)?;
    }
    Ok(())
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Copies what machines boot with into the package's folder `firmware`, with the licence.
///
/// # Errors
/// As for [`firmware`], or a folder that cannot be written.
pub(crate) fn copy_to(report: &Report, package: &Path) -> Result<()> {
    let (from, to) = (firmware(report, false, &PACKAGES[..1])?, package.join("firmware"));
    std::fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    for name in FOR_PACKAGE {
        std::fs::copy(from.join(name), to.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    Ok(())
}
