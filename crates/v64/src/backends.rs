//! The host's files and streams behind devices.

use crate::monitors::SocketFiles;
use crate::terminal::Terminal;
use anyhow::{Context, Result, bail, ensure};
use block::Format;
use device_api::{Backends, BlockBackend};
use net::{Dump, HostNet};
use session::MachineSpec;
use session::spec::{BlockSpec, CharTarget, ImageSource, MediaKind};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of the largest ROM.
const LARGEST_ROM: u64 = 16 << 20;

/// Opens what a machine's devices need. Sound is not heard yet: [`Sounds::open`](crate::sound::Sounds::open) is for that.
pub(crate) fn open(spec: &MachineSpec, terminal: &Terminal, sockets: &SocketFiles) -> Result<Backends> {
    let mut backends = spec.chars(|char| {
        Ok(match &char.target {
            CharTarget::Stdio => Some(terminal.stdio()),
            CharTarget::File(path) => Some(terminal.file(path)?),
            CharTarget::Socket(socket) => {
                Some(crate::monitors::serial_socket(socket, terminal.shared(), sockets)?)
            }
            CharTarget::Null => None,
        })
    })?;
    files(spec, &mut backends, false)?;
    spec.null_sounds(&mut backends);
    networks(spec, terminal, &mut backends)?;
    Ok(backends)
}

/// Opens the files of a machine with null character devices, and disks with temporary overlays.
pub(crate) fn silent(spec: &MachineSpec) -> Result<Backends> {
    let mut backends = spec.null_chars();
    files(spec, &mut backends, true)?;
    Ok(backends)
}

/// Connects networks to the host's, and puts recorders before them.
fn networks(spec: &MachineSpec, terminal: &Terminal, backends: &mut Backends) -> Result<()> {
    for net in &spec.nets {
        if !net.config.restrict || !net.config.forwards.is_empty() {
            let shared = Arc::clone(terminal.shared());
            let opened = HostNet::new(net.config.clone(), name_server(), Arc::new(move || shared.wake()));
            let opened = opened.with_context(|| {
                let ports = net.config.forwards.iter().map(|forward| forward.listen.to_string());
                format!("cannot open the network {} ({})", net.id, ports.collect::<Vec<_>>().join(", "))
            })?;
            backends.nets.insert(net.id.clone(), Box::new(opened));
        }
        let Some(dump) = &net.dump else { continue };
        let cannot = || format!("cannot write the frames of {} to {}", net.id, dump.file.display());
        if let Some(network) = backends.nets.remove(&net.id) {
            let file = std::fs::File::create(&dump.file).with_context(cannot)?;
            let recorded =
                Dump::new(network, std::io::BufWriter::new(file), dump.most).with_context(cannot)?;
            backends.nets.insert(net.id.clone(), Box::new(recorded));
        }
    }
    Ok(())
}

/// Returns the first name server of the host's that has an IPv4 address.
fn name_server() -> Option<Ipv4Addr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").ok()?;
    text.lines().find_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok())
}

fn files(spec: &MachineSpec, backends: &mut Backends, snapshot: bool) -> Result<()> {
    for block in &spec.blocks {
        let opened = medium(block, snapshot)?;
        backends.blocks.insert(block.id.clone(), opened);
    }
    for image in spec.images.iter().filter(|image| !image.is_firmware_file()) {
        let path = match &image.source {
            ImageSource::Path(path) => find(path, &spec.data_dirs),
            ImageSource::Firmware(name) => firmware(name, &spec.data_dirs).with_context(|| {
                format!("the firmware {name} is not there; install the package seabios or run cargo xtask fetch-firmware, or give -bios FILE or -L DIR")
            })?,
        };
        backends.images.insert(image.id.clone(), rom(&path)?);
    }
    Ok(())
}

fn medium(spec: &BlockSpec, snapshot: bool) -> Result<Box<dyn BlockBackend>> {
    ensure!(
        spec.kind != MediaKind::Floppy || !block::is_cd(&spec.file),
        "{}: a CD image, not a floppy; give it as -cdrom",
        spec.file.display()
    );
    open_file(&spec.file, spec.format.as_deref(), spec.read_only, spec.snapshot || snapshot)
}

/// Returns the size of the medium that a file has, in bytes.
pub(crate) fn size(path: &Path) -> Option<u64> {
    block::bytes_of(path)
}

/// Opens a medium. Its format is found out where none is given.
pub(crate) fn open_file(
    file: &Path,
    format: Option<&str>,
    read_only: bool,
    snapshot: bool,
) -> Result<Box<dyn BlockBackend>> {
    let format = match format {
        None => None,
        Some(name) => match Format::by_name(name) {
            Some(format) => Some(format),
            None => bail!(
                "format={name} is not there; there are {}",
                Format::ALL.map(|format| format.to_string()).join(", ")
            ),
        },
    };
    Ok(block::open(file, block::Options { format, read_only, snapshot })?)
}

fn rom(path: &Path) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read the ROM image {}", path.display());
    let metadata = std::fs::metadata(path).with_context(cannot)?;
    ensure!(metadata.is_file(), "{} is not a regular file; give a ROM image", path.display());
    ensure!(
        metadata.len() <= LARGEST_ROM,
        "{} has {} bytes, which no ROM has; give an image of at most 16 MiB",
        path.display(),
        metadata.len()
    );
    std::fs::read(path).with_context(cannot)
}

/// `-bios NAME`: a file, or the name of one of the firmware's, as QEMU takes it.
fn find(path: &Path, data_dirs: &[PathBuf]) -> PathBuf {
    let is_name = path.components().count() == 1 && !path.exists();
    let name = path.to_str().filter(|_| is_name);
    name.and_then(|name| firmware(name, data_dirs)).unwrap_or_else(|| path.to_owned())
}

/// Returns the path of a file of the firmware's.
fn firmware(name: &str, data_dirs: &[PathBuf]) -> Option<PathBuf> {
    firmware_folders(data_dirs).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Refuses folders of `-L` that are none.
pub(crate) fn check_folders(data_dirs: &[PathBuf]) -> Result<()> {
    for folder in data_dirs {
        let metadata = std::fs::metadata(folder);
        let metadata =
            metadata.with_context(|| format!("cannot look for firmware in -L {}", folder.display()))?;
        ensure!(
            metadata.is_dir(),
            "-L {} is no folder; give the one that has the firmware",
            folder.display()
        );
    }
    Ok(())
}

/// Returns the folders that may have firmware: those of `-L`, beside the program, in the user's cache, where packages
/// put it.
pub(crate) fn firmware_folders(data_dirs: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("firmware")));
    let cache = std::env::home_dir().map(|home| home.join(".cache/v64/firmware"));
    let packages = ["/usr/share/seabios", "/usr/share/qemu", "/usr/share/ovmf"].map(PathBuf::from);
    data_dirs.iter().cloned().chain(beside).chain(cache).chain(packages)
}
