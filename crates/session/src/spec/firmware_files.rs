//! Files that firmware and guests find in fw_cfg: `-fw_cfg` and `-option-rom`.

use super::{ImageSource, ImageSpec, Keyed, MachineSpec};
use crate::RunArgs;
use anyhow::{Result, bail, ensure};
use std::path::Path;

/// Bytes of a name at most.
///
/// SPEC: qemu-fw-cfg :: File Directory (Key 0x0019, FW_CFG_FILE_DIR) -> 56 bytes of name, the last of them zero
const LONGEST_NAME: usize = 55;

/// Prefix of the names of images with the bytes of a file.
pub(super) const PREFIX: &str = "fw_cfg:";

/// Files that the machine itself makes.
const OWN: [&str; 6] = [
    "bootorder",
    "etc/acpi/rsdp",
    "etc/acpi/tables",
    "etc/e820",
    "etc/table-loader",
    pc_devices::kernel_boot::rom::FILE,
];

/// What a file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// A text
    Text(String),
    /// What the host reads, by the name of a [`ImageSpec`]
    Image(String),
}

/// A file of fw_cfg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareFile {
    /// Its name
    pub name: String,
    /// What it has
    pub content: FileContent,
    /// When firmware is to boot from it: 0 first
    pub boot_index: Option<u32>,
}

impl MachineSpec {
    /// `-option-rom` and `-fw_cfg`.
    pub(super) fn add_firmware_files(&mut self, args: &RunArgs) -> Result<()> {
        for text in &args.option_rom {
            self.add_option_rom(args, text)?;
        }
        for text in &args.fw_cfg {
            let mut options = Keyed::parse("-fw_cfg", text, "name")?;
            let given = |text: Option<String>| text.filter(|text| !text.is_empty());
            let name = given(options.take("name"));
            let (file, string) = (given(options.take("file")), given(options.take("string")));
            options.end()?;
            let Some(name) = name else { bail!("-fw_cfg {text} needs a name, such as name=opt/x") };
            let content = match (file, string) {
                (Some(file), None) => self.firmware_image(&name, Path::new(&file)),
                (None, Some(string)) => FileContent::Text(string),
                _ => bail!("-fw_cfg {text} needs either file=FILE or string=TEXT"),
            };
            self.add_firmware_file("-fw_cfg", FirmwareFile { name, content, boot_index: None })?;
        }
        Ok(())
    }

    /// `-option-rom FILE,bootindex=N`
    fn add_option_rom(&mut self, args: &RunArgs, text: &str) -> Result<()> {
        let mut options = Keyed::parse("-option-rom", text, "romfile")?;
        let file = options.take("romfile").unwrap_or_default();
        let boot_index = match options.take("bootindex") {
            None => None,
            Some(index) => match index.parse::<u32>() {
                Ok(index) => Some(index),
                Err(_) => bail!("-option-rom: bootindex={index} is no number; 0 is booted from first"),
            },
        };
        options.end()?;
        let Some(base) = Path::new(&file).file_name() else { bail!("-option-rom {text} names no file") };
        ensure!(
            self.has_firmware(),
            "-option-rom {text} is run by firmware, and this machine has none; give -bios FILE or leave it out"
        );
        let taken = self.firmware_files.iter().any(|other| other.boot_index == boot_index);
        // A kernel is booted from first.
        let taken = boot_index.is_some() && taken || args.kernel.is_some() && boot_index == Some(0);
        ensure!(!taken, "-option-rom {text}: this bootindex is taken; give another one");
        let name = format!("genroms/{}", base.to_string_lossy());
        let content = self.firmware_image(&name, Path::new(&file));
        self.add_firmware_file("-option-rom", FirmwareFile { name, content, boot_index })
    }

    /// Has the host read a file.
    fn firmware_image(&mut self, name: &str, path: &Path) -> FileContent {
        let id = format!("{PREFIX}{name}");
        self.images.push(ImageSpec { id: id.clone(), source: ImageSource::Path(path.to_owned()) });
        FileContent::Image(id)
    }

    fn add_firmware_file(&mut self, option: &str, file: FirmwareFile) -> Result<()> {
        let name = &file.name;
        ensure!(
            name.len() <= LONGEST_NAME,
            "{option}: the name {name} is too long; give one of at most {LONGEST_NAME} bytes"
        );
        let taken = self.firmware_files.iter().any(|other| other.name == *name);
        ensure!(
            !taken && !OWN.contains(&name.as_str()),
            "{option}: fw_cfg has a file {name} already; give another name"
        );
        self.firmware_files.push(file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::tests::args;

    fn files(line: &str) -> Result<Vec<FirmwareFile>, String> {
        let spec = MachineSpec::new(&args(line)).map_err(|error| error.to_string())?;
        for file in &spec.firmware_files {
            let FileContent::Image(id) = &file.content else { continue };
            assert_eq!(spec.images.iter().filter(|image| image.id == *id).count(), 1, "{id}");
        }
        Ok(spec.firmware_files)
    }

    #[test]
    fn files_have_a_text_or_what_is_read() {
        let file = |name: &str, content, boot_index| FirmwareFile { name: name.into(), content, boot_index };
        let image = |name: &str| FileContent::Image(format!("fw_cfg:{name}"));
        let text = FileContent::Text("a,b".into());
        assert_eq!(files("--fw_cfg opt/a,string=a,,b"), Ok(vec![file("opt/a", text, None)]));
        let read = Ok(vec![file("opt/a", image("opt/a"), None)]);
        assert_eq!(files("--fw_cfg name=opt/a,file=x"), read);
        let rom = |index| Ok(vec![file("genroms/r.rom", image("genroms/r.rom"), index)]);
        assert_eq!(files("--option-rom /x/r.rom"), rom(None));
        assert_eq!(files("--bios x --option-rom /x/r.rom,bootindex=3"), rom(Some(3)));
    }

    #[test]
    fn what_cannot_be_is_refused_in_one_line() {
        let long = format!("--fw_cfg opt/{},string=x", "x".repeat(52));
        for (line, says) in [
            ("--fw_cfg opt/a", "needs either file=FILE or string=TEXT"),
            ("--fw_cfg opt/a,string=", "needs either file=FILE or string=TEXT"),
            ("--fw_cfg opt/a,string=x,file=y", "needs either file=FILE or string=TEXT"),
            ("--fw_cfg string=x", "needs a name, such as name=opt/x"),
            ("--fw_cfg opt/a,gen_id=x", "-fw_cfg has no gen_id; leave it out"),
            ("--fw_cfg etc/e820,string=x", "fw_cfg has a file etc/e820 already"),
            ("--fw_cfg opt/a,string=x --fw_cfg opt/a,string=y", "fw_cfg has a file opt/a already"),
            (&long, "is too long; give one of at most 55 bytes"),
            ("--option-rom r --guest demo", "is run by firmware, and this machine has none"),
            ("--option-rom r,bootindex=x", "bootindex=x is no number"),
            ("--option-rom a,bootindex=1 --option-rom b,bootindex=1", "this bootindex is taken"),
            ("--kernel k --option-rom a,bootindex=0", "this bootindex is taken"),
            ("--option-rom /", "names no file"),
        ] {
            let error = files(line).unwrap_err();
            assert!(error.contains(says) && !error.contains('\n'), "{line}: {error}");
        }
    }
}
