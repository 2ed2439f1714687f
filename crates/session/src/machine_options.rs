//! `-M`: the machine and its switches.

/// Switches of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineOptions {
    /// ACPI tables and the power management function
    pub acpi: bool,
    /// The HPET
    pub hpet: bool,
    /// The audio device on which the PC speaker is heard
    pub pcspk_audiodev: Option<String>,
    /// The node of `-blockdev` that the first flash memory has
    pub pflash0: Option<String>,
    /// That of the second one
    pub pflash1: Option<String>,
}

impl Default for MachineOptions {
    fn default() -> Self {
        Self { acpi: true, hpet: true, pcspk_audiodev: None, pflash0: None, pflash1: None }
    }
}

/// Switches of QEMU's `pc` that are fixed here, with their values.
const FIXED: &[(&str, &[&str])] = &[
    ("accel", &["tcg"]),
    ("graphics", &["on"]),
    ("kernel_irqchip", &["off"]),
    ("kernel-irqchip", &["off"]),
    ("mem-merge", &["on", "off"]),
    ("nvdimm", &["off"]),
    ("smm", &["off", "auto"]),
    ("suppress-vmdesc", &["on", "off"]),
    ("usb", &["off"]),
    ("vmport", &["off", "auto"]),
];

/// `pc`, `pc-i440fx-7.2` or `type=pc`, and switches behind it; the type may be left out.
pub(crate) fn parse(text: &str) -> Result<MachineOptions, String> {
    let mut options = MachineOptions::default();
    for (n, part) in text.split(',').enumerate() {
        let (name, value) = match part.split_once('=') {
            Some(pair) => pair,
            None if n == 0 => ("type", part),
            None => (part, "on"),
        };
        let switch = || match value {
            "on" | "yes" | "true" => Ok(true),
            "off" | "no" | "false" => Ok(false),
            _ => Err(format!("{name}={value}: give on or off")),
        };
        match name {
            "type" if value == "pc" || value.starts_with("pc-i440fx") => {}
            "type" => return Err(format!("the machine is pc, QEMU's i440FX; {value} is not there")),
            "acpi" => options.acpi = switch()?,
            "hpet" => options.hpet = switch()?,
            "pflash0" => options.pflash0 = Some(value.to_owned()),
            "pflash1" => options.pflash1 = Some(value.to_owned()),
            "pcspk-audiodev" => options.pcspk_audiodev = Some(value.to_owned()),
            _ => match FIXED.iter().find(|(fixed, _)| *fixed == name) {
                Some((_, values)) if values.contains(&value) => {}
                Some((_, values)) => {
                    return Err(format!(
                        "{name}={value} is not there; possible is {name}={}",
                        values.join(" or ")
                    ));
                }
                None => {
                    return Err(format!(
                        "{name} is no switch of the machine; there are acpi=, hpet=, pflash0=, pflash1= and pcspk-audiodev="
                    ));
                }
            },
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_a_pc() {
        for text in ["pc", "pc-i440fx-7.2", "type=pc", "accel=tcg", "pc,accel=tcg,usb=off,vmport=off"] {
            assert_eq!(parse(text), Ok(MachineOptions::default()), "{text}");
        }
        let plain = MachineOptions::default;
        assert_eq!(parse("pc,acpi=off"), Ok(MachineOptions { acpi: false, ..plain() }));
        assert_eq!(parse("hpet=off"), Ok(MachineOptions { hpet: false, ..plain() }));
        let speaker = MachineOptions { pcspk_audiodev: Some("snd".into()), ..plain() };
        assert_eq!(parse("pc,pcspk-audiodev=snd"), Ok(speaker));
        for (text, says) in [
            ("q35", "q35 is not there"),
            ("pc,accel=kvm", "accel=tcg"),
            ("pc,acpi=maybe", "on or off"),
            ("pc,floppy=on", "acpi=, hpet=, pflash0="),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
