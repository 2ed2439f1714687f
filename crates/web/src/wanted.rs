//! The files that a run requires before it starts.

use serde::Serialize;
use session::spec::{BlockSpec, ImageSource, MediaKind};
use session::{MachineSpec, RunArgs};
use std::path::Path;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FileRole {
    /// The kernel
    Kernel,
    /// The initial RAM disk
    Initrd,
    /// The saved state to start from
    State,
    /// The content of a ROM
    Image,
    /// A medium, which is opened rather than read
    Block,
}

/// A file that the host reads for the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedFile {
    /// By which the module is given it
    pub name: String,
    /// What it is for
    pub role: FileRole,
    /// Its path on the command line. A ROM image may also be one of the package, by name
    pub path: Option<String>,
    /// The package's file of firmware that it is, where there is no path
    pub firmware: Option<&'static str>,
    /// How a medium is opened
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<WantedMedium>,
}

/// How a medium is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedMedium {
    /// Its format; probed by default
    pub format: Option<String>,
    /// The guest may not write
    pub read_only: bool,
    /// The host is to write nothing: what the guest writes stays in the module
    pub snapshot: bool,
}

/// Returns the name by which the module is given the content of a ROM.
pub(crate) fn image_name(id: &str) -> String {
    format!("image:{id}")
}

/// Returns the name by which the module is given a medium that a drive begins with.
pub(crate) fn block_name(id: &str) -> String {
    format!("block:{id}")
}

/// Returns the name by which the module is given a medium that a monitor command requires.
pub(crate) fn medium_name(file: &str) -> String {
    format!("medium:{file}")
}

/// Returns the name by which the module is given a saved state that a monitor command requires.
pub(crate) fn state_name(file: &str) -> String {
    format!("loadvm:{file}")
}

/// Returns a saved state that a monitor command requires.
pub(crate) fn wanted_state(path: &str) -> WantedFile {
    let (name, path) = (state_name(path), Some(path.to_owned()));
    WantedFile { name, role: FileRole::State, path, firmware: None, medium: None }
}

/// Returns a medium that a monitor command requires.
pub(crate) fn wanted_medium(file: &str, format: Option<&str>, read_only: bool) -> WantedFile {
    let medium = WantedMedium { format: format.map(str::to_owned), read_only, snapshot: false };
    let (name, path) = (medium_name(file), Some(file.to_owned()));
    WantedFile { name, role: FileRole::Block, path, firmware: None, medium: Some(medium) }
}

/// Returns the medium of a drive.
fn wanted_block(block: &BlockSpec) -> WantedFile {
    let read_only = block.read_only || block.kind == MediaKind::Cd;
    let medium = WantedMedium { format: block.format.clone(), read_only, snapshot: block.snapshot };
    let path = Some(block.file.to_string_lossy().into_owned());
    WantedFile {
        name: block_name(&block.id),
        role: FileRole::Block,
        path,
        firmware: None,
        medium: Some(medium),
    }
}

/// Returns the files that a run requires.
pub(crate) fn wanted(args: &RunArgs, spec: &MachineSpec) -> Vec<WantedFile> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let named = [
        ("kernel", FileRole::Kernel, &args.kernel),
        ("initrd", FileRole::Initrd, &args.initrd),
        ("state", FileRole::State, &args.load_state),
    ];
    let mut files: Vec<_> = named
        .into_iter()
        .filter_map(|(name, role, path)| {
            let path = Some(text(path.as_ref()?));
            Some(WantedFile { name: name.to_owned(), role, path, firmware: None, medium: None })
        })
        .collect();
    files.extend(spec.images.iter().map(|image| {
        let (path, firmware) = match &image.source {
            ImageSource::Path(path) => (Some(text(path)), None),
            ImageSource::Firmware(name) => (None, Some(*name)),
        };
        WantedFile { name: image_name(&image.id), role: FileRole::Image, path, firmware, medium: None }
    }));
    files.extend(spec.blocks.iter().map(wanted_block));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn of(args: &RunArgs) -> Vec<(String, Option<String>, Option<&'static str>)> {
        let files = wanted(args, &MachineSpec::new(args).unwrap());
        files.into_iter().map(|file| (file.name, file.path, file.firmware)).collect()
    }

    #[test]
    fn a_screen_wants_firmware_of_the_package() {
        let std = RunArgs { vga: Some("std".to_owned()), ..RunArgs::default() };
        let (bios, vgabios) = (Some("bios-256k.bin"), Some("vgabios-stdvga.bin"));
        let images = [("image:bios".to_owned(), None, bios), ("image:vgabios".to_owned(), None, vgabios)];
        assert_eq!(of(&std), images);
        let kernel = Some(PathBuf::from("vmlinuz"));
        let own = RunArgs { bios: Some("own.bin".into()), kernel, ..std };
        let names: Vec<_> = of(&own).into_iter().map(|(name, path, _)| (name, path)).collect();
        assert_eq!(names[0], ("kernel".to_owned(), Some("vmlinuz".to_owned())));
        assert_eq!(names[1], ("image:bios".to_owned(), Some("own.bin".to_owned())));
        assert_eq!(names[2], ("image:vgabios".to_owned(), None));
        assert_eq!(of(&RunArgs::default()), []);
    }

    #[test]
    fn media_are_opened_as_their_drives_want_them() {
        let drive = vec!["file=a.qcow2,format=qcow2,snapshot=on".to_owned()];
        let args = RunArgs { cdrom: Some("x.iso".into()), drive, ..RunArgs::default() };
        let files = wanted(&args, &MachineSpec::new(&args).unwrap());
        let media: Vec<_> = files.into_iter().filter_map(|file| Some((file.name, file.medium?))).collect();
        let medium = |format: Option<&str>, read_only, snapshot| WantedMedium {
            format: format.map(str::to_owned),
            read_only,
            snapshot,
        };
        assert_eq!(media[0], ("block:ide1-cd0".to_owned(), medium(None, true, false)));
        assert_eq!(media[1], ("block:ide0-hd0".to_owned(), medium(Some("qcow2"), false, true)));
    }
}
