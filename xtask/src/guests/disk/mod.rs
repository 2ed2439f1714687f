//! A disk with Debian and GRUB, made of Debian's packages.

use super::Scratch;
use crate::report::Report;
use crate::{apt, fetch, shell};
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages beside Debian's smallest system.
const PACKAGES: &str = "systemd-sysv,udev,kmod,initramfs-tools,linux-image-amd64,grub-pc-bin,iproute2,procps,gcc,libc6-dev,\
                        python3-minimal,perl-base,openssl,bzip2,xz-utils,e2fsprogs,dbus,login,less,nano";

const SECTOR: u64 = 512;
/// Size of the disk in bytes; what is free takes no room here.
const SIZE: u64 = 1536 << 20;
/// First sector of the partition. `image.sh` makes its file system there.
const FIRST: u64 = 2048;

/// Code of a boot sector, before the disk's signature and the partition table.
const BOOT_CODE: usize = 440;
const TABLE: u64 = 446;

/// Programs that make the disk, with their packages.
const TOOLS: [(&str, &str); 3] = [("mmdebstrap", "mmdebstrap"), ("mke2fs", "e2fsprogs"), ("tar", "tar")];
/// What gives a user's program users and groups of its own, without root.
const ROOTLESS: [(&str, &str); 2] = [("unshare", "util-linux"), ("newuidmap", "uidmap")];

/// Makes the disk at `place`. It takes minutes.
///
/// # Errors
/// Missing programs, in one line with how to install them; packages that cannot be had; a full disk.
pub(super) fn make(report: &Report, place: &Path) -> Result<()> {
    apt::require("Debian's disk")?;
    let is_root = apt::is_root();
    require(&missing(is_root, is_there))?;
    let folder = place.parent().context("a disk lies in a folder")?;
    let scratch = Scratch::new(folder, "disk")?;
    install(report, is_root, &scratch.path().join("root.tar"))?;
    report.note("making the file system");
    let mut image = match is_root {
        true => Command::new("sh"),
        false => {
            let mut command = Command::new("unshare");
            command.args(["--map-root-user", "--map-auto", "sh"]);
            command
        }
    };
    image.args(["-c", include_str!("image.sh"), "image"]).arg(scratch.path()).arg(SIZE.to_string());
    let done = shell::watch(&mut image, |line| report.say(line))?;
    ensure!(done.status.success(), "the disk's file system cannot be made: {}", fetch::reason(&done));
    let disk = scratch.path().join("disk.img");
    boot_loader(&disk, scratch.path())?;
    std::fs::rename(&disk, place).with_context(|| format!("cannot write {}", place.display()))
}

/// Installs Debian into an archive.
fn install(report: &Report, is_root: bool, to: &Path) -> Result<()> {
    let mirror = shell::output(Command::new("apt-get").args(["indextargets", "--format", "$(REPO_URI)"]))?;
    let mirror =
        mirror.lines().find(|uri| !uri.contains("security")).context("apt has no package sources")?;
    let mut command = Command::new("mmdebstrap");
    command
        .args(["--mode", if is_root { "root" } else { "unshare" }])
        .args(["--architectures=amd64", "--variant=minbase", "--aptopt=APT::Install-Recommends \"false\""])
        .arg(format!("--include={PACKAGES}"))
        .arg(format!("--essential-hook={}", include_str!("early.sh")))
        .arg(format!("--customize-hook={}", include_str!("setup.sh")))
        .arg("bookworm")
        .arg(to)
        .arg(format!("deb {mirror} bookworm main"));
    let done = shell::watch(&mut command, |line| {
        if let Some(step) = step(line) {
            report.note(step);
        }
    })?;
    ensure!(done.status.success(), "Debian's disk cannot be made: {}", fetch::reason(&done));
    Ok(())
}

/// What mmdebstrap says that it is doing. The text of scripts is left out.
fn step(line: &str) -> Option<&str> {
    let text = line.strip_prefix("I: ")?;
    (text.ends_with("...") && !text.contains("hook")).then(|| text.trim_end_matches('.'))
}

fn is_there(program: &str) -> bool {
    // Users have no sbin on their path.
    shell::exists(program)
        || ["/usr/sbin", "/sbin"].iter().any(|folder| Path::new(folder).join(program).is_file())
}

/// Returns the programs that are missing, with their packages.
fn missing(is_root: bool, is_there: impl Fn(&str) -> bool) -> Vec<(&'static str, &'static str)> {
    let rootless = ROOTLESS.into_iter().filter(|_| !is_root);
    TOOLS.into_iter().chain(rootless).filter(|(program, _)| !is_there(program)).collect()
}

fn require(missing: &[(&str, &str)]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let (programs, packages): (Vec<_>, Vec<_>) = missing.iter().copied().unzip();
    bail!(
        "making Debian's disk needs {}: run `apt-get install {}` as root",
        programs.join(", "),
        packages.join(" ")
    )
}

/// Writes GRUB and the partition table before the first partition.
fn boot_loader(disk: &Path, from: &Path) -> Result<()> {
    let read = |name: &str| {
        let path: PathBuf = from.join(name);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (boot, core) = (read("boot.img")?, read("core.img")?);
    let file =
        File::options().write(true).open(disk).with_context(|| format!("cannot open {}", disk.display()))?;
    for (at, bytes) in first_sectors(&boot, &core)? {
        file.write_all_at(&bytes, at).with_context(|| format!("cannot write {}", disk.display()))?;
    }
    file.sync_all()?;
    Ok(())
}

/// Returns what lies before the partition: GRUB's first sector, the partition table, and GRUB's core from the second sector
/// on, where the first looks for it.
fn first_sectors(boot: &[u8], core: &[u8]) -> Result<[(u64, Vec<u8>); 3]> {
    let boot = boot.get(..BOOT_CODE).context("GRUB's boot sector is too short")?;
    ensure!(
        core.len() as u64 <= (FIRST - 1) * SECTOR,
        "GRUB's core is larger than the room before the partition"
    );
    let sectors =
        u32::try_from(SIZE / SECTOR - FIRST).context("the disk is too large for its partition table")?;
    // Active, of type Linux. What has no cylinder, head and sector has the highest of them.
    let mut entry = vec![0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff];
    entry.extend_from_slice(&u32::try_from(FIRST)?.to_le_bytes());
    entry.extend_from_slice(&sectors.to_le_bytes());
    entry.resize(4 * 16, 0);
    entry.extend_from_slice(&[0x55, 0xaa]);
    Ok([(0, boot.to_vec()), (TABLE, entry), (SECTOR, core.to_vec())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grub_and_the_partition_table_lie_before_the_partition() {
        let [boot, table, core] = first_sectors(&[0xeb; 512], &[1; 150_000]).unwrap();
        assert_eq!((boot.0, boot.1.len()), (0, 440));
        // The table ends the first sector, with its signature.
        assert_eq!(table.0 + table.1.len() as u64, SECTOR);
        assert_eq!(table.1[64..], [0x55, 0xaa]);
        assert_eq!(table.1[8..12], [0, 8, 0, 0]);
        let sectors = u32::from_le_bytes(table.1[12..16].try_into().unwrap());
        assert_eq!((FIRST + u64::from(sectors)) * SECTOR, SIZE);
        assert_eq!(core.0, 512);
        assert!(first_sectors(&[0; 100], &[]).is_err());
        assert!(first_sectors(&[0; 512], &vec![0; 1 << 20]).is_err());
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        assert_eq!(missing(true, |_| true), []);
        assert_eq!(missing(true, |program| program != "mke2fs"), [("mke2fs", "e2fsprogs")]);
        assert_eq!(missing(true, |program| program != "newuidmap"), [], "root needs no users of its own");
        let error =
            require(&missing(false, |program| !["mmdebstrap", "newuidmap"].contains(&program))).unwrap_err();
        let text = "making Debian's disk needs mmdebstrap, newuidmap: run `apt-get install mmdebstrap uidmap` as root";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn steps_are_shown_and_scripts_are_not() {
        assert_eq!(step("I: downloading packages with apt..."), Some("downloading packages with apt"));
        assert_eq!(step("I: running --customize-hook in shell: sh -c 'x..."), None);
        assert_eq!(step("I: automatically chosen mode: root"), None);
        assert_eq!(step("search --label debian..."), None);
    }

    #[test]
    fn scripts_agree_with_the_table() {
        assert!(include_str!("image.sh").contains(&format!("offset={}", FIRST * SECTOR)));
        assert!(
            include_str!("setup.sh").contains("root=LABEL=debian")
                && include_str!("image.sh").contains("-L debian")
        );
    }
}
