//! `-M`: the machine and its switches.

/// Switches of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineOptions {
    /// ACPI tables and the power management function
    pub acpi: bool,
    /// The HPET
    pub hpet: bool,
}

impl Default for MachineOptions {
    fn default() -> Self {
        Self { acpi: true, hpet: true }
    }
}

/// Switches of QEMU's `pc` whose value here is fixed, with that value.
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
            _ => match FIXED.iter().find(|(fixed, _)| *fixed == name) {
                Some((_, values)) if values.contains(&value) => {}
                Some((_, values)) => {
                    return Err(format!(
                        "{name}={value} is not there; possible is {name}={}",
                        values.join(" or ")
                    ));
                }
                None => return Err(format!("{name} is no switch of the machine; there are acpi= and hpet=")),
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
        assert_eq!(parse("pc,acpi=off"), Ok(MachineOptions { acpi: false, hpet: true }));
        assert_eq!(parse("hpet=off"), Ok(MachineOptions { acpi: true, hpet: false }));
        for (text, says) in [
            ("q35", "q35 is not there"),
            ("pc,accel=kvm", "accel=tcg"),
            ("pc,acpi=maybe", "on or off"),
            ("pc,floppy=on", "acpi= and hpet="),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
