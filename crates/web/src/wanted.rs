//! The files that a run wants before it starts.

use serde::Serialize;
use session::spec::ImageSource;
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
}

/// A file that the host reads for the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedFile {
    /// By which the module is given it
    pub name: String,
    /// What it is for
    pub role: FileRole,
    /// Its path, as the command line has it. A ROM image may also be one of the package's, by its name
    pub path: Option<String>,
    /// The package's file of firmware that it is, where there is no path
    pub firmware: Option<&'static str>,
}

/// Returns the name by which the module is given the content of a ROM.
pub(crate) fn image_name(id: &str) -> String {
    format!("image:{id}")
}

/// Returns the files that a run wants.
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
            Some(WantedFile { name: name.to_owned(), role, path, firmware: None })
        })
        .collect();
    files.extend(spec.images.iter().map(|image| {
        let (path, firmware) = match &image.source {
            ImageSource::Path(path) => (Some(text(path)), None),
            ImageSource::Firmware(name) => (None, Some(*name)),
        };
        WantedFile { name: image_name(&image.id), role: FileRole::Image, path, firmware }
    }));
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
}
