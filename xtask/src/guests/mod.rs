//! `cargo xtask fetch-guests`: Debian's kernel and a busybox, from Debian's packages.

mod alpine;
mod disk;
pub(crate) mod firmware;
pub(crate) mod gallery;
mod initramfs;
mod packages;

use crate::report::Report;
use crate::task::task;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Fetch Debian's cloud kernel and busybox and build an initramfs of them
#[derive(clap::Args)]
struct FetchArgs {
    /// Fetch anew what is there already
    #[arg(long)]
    refresh: bool,
}

task!("fetch-guests", FetchArgs, run);

fn run(args: FetchArgs) -> Result<()> {
    let report = Report::start("Debian guest");
    let guest = debian(&report, args.refresh)?;
    report.done(&guest.package);
    println!("{} ({})", guest.kernel.display(), guest.package);
    println!("{}", guest.initrd.display());
    Ok(())
}

/// The line that `/init` prints, up to the kernel's release.
pub(crate) const UP: &str = "v64: Debian kernel ";

/// The prompt of the guest's shell in `/`.
pub(crate) const PROMPT: &str = "v64:/# ";

/// Which of Debian's PCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Bits {
    /// amd64, its kernel for clouds
    #[value(name = "64")]
    B64,
    /// i386, its kernel for any PC
    #[value(name = "32")]
    B32,
}

impl Bits {
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::B64 => 64,
            Self::B32 => 32,
        }
    }

    /// Where its packages are kept.
    fn folder(self) -> Result<PathBuf> {
        let mut folder = cache()?;
        if self == Self::B32 {
            folder.push("i386");
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(folder)
    }
}

/// A Debian guest: a kernel and an initramfs with busybox.
pub(crate) struct Guest {
    pub(crate) package: String,
    pub(crate) kernel: PathBuf,
    pub(crate) initrd: PathBuf,
}

impl Guest {
    /// Returns the kernel's command line; `commands` are run instead of a shell, then the guest powers off.
    pub(crate) fn command_line(append: &str, commands: Option<&str>) -> String {
        let mut line = "console=ttyS0".to_owned();
        if !append.is_empty() {
            line += &format!(" {append}");
        }
        if let Some(commands) = commands {
            line += &format!(" v64.run=\"{commands}\"");
        }
        line
    }

    /// `v64 run` arguments of a boot, see [`Self::command_line`].
    pub(crate) fn arguments(&self, append: &str, commands: Option<&str>) -> Vec<std::ffi::OsString> {
        vec![
            "--kernel".into(),
            self.kernel.clone().into(),
            "--initrd".into(),
            self.initrd.clone().into(),
            "--append".into(),
            Self::command_line(append, commands).into(),
        ]
    }
}

/// The folder outside of the work tree that fetched guests live in.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => std::env::home_dir()
            .context("no home folder to keep fetched guests in; set XDG_CACHE_HOME")?
            .join(".cache"),
    };
    let cache = base.join("v64");
    std::fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    Ok(cache)
}

/// Returns the 64-bit Debian guest; what is missing is fetched first. The initramfs is always rebuilt, which takes
/// milliseconds.
///
/// # Errors
/// No apt, a package that cannot be had, or a folder that cannot be written.
pub(crate) fn debian(report: &Report, refresh: bool) -> Result<Guest> {
    debian_with(report, refresh, Bits::B64, "initramfs.cpio", &[])
}

/// Returns a Debian guest with more programs in its `/bin`: their names, their bytes. `initramfs` names the file that
/// is built.
///
/// # Errors
/// As for [`debian`].
pub(crate) fn debian_with(
    report: &Report,
    refresh: bool,
    bits: Bits,
    initramfs: &str,
    programs: &[(&str, &[u8])],
) -> Result<Guest> {
    let cache = bits.folder()?;
    let (kernel, busybox, name) =
        (cache.join("vmlinuz"), cache.join("busybox"), cache.join("kernel-package"));
    if refresh || !kernel.is_file() || !busybox.is_file() || !name.is_file() {
        packages::fetch(report, bits, &cache)?;
    }
    report.say("building the initramfs");
    let initrd = cache.join(initramfs);
    let applets = packages::applets(&busybox)?;
    let archive = initramfs::build(&std::fs::read(&busybox)?, &applets, programs)?;
    write_once(&initrd, &archive)?;
    let package = std::fs::read_to_string(&name)?.trim().to_owned();
    Ok(Guest { package, kernel, initrd })
}

/// Writes through a second name, so that a run beside this one never reads half a file.
fn write_once(path: &std::path::Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let part = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&part, bytes).with_context(|| format!("cannot write {}", part.display()))?;
    std::fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))
}

/// A folder for what a fetch leaves behind; it goes when this does.
struct Scratch(PathBuf);

impl Scratch {
    /// Makes one in a folder, which is made too where it is missing. `what` is fetched by one at a time.
    fn new(folder: &std::path::Path, what: &str) -> Result<Self> {
        let path = folder.join(format!("fetch-{what}.{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
