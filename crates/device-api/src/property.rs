//! Properties of devices: the parameters of `-device NAME`.

use crate::{Backends, Role};
use std::collections::BTreeMap;

/// What a property's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyKind {
    /// `on` or `off`
    Bool,
    /// A number, decimal or with `0x`
    Number {
        /// Least
        min: u64,
        /// Largest
        max: u64,
    },
    /// Bytes, with K, M or G
    Size,
    /// One of some words
    Choice(&'static [&'static str]),
    /// Any text
    Text,
    /// The name of a back end
    Backend(Role),
}

/// A property of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// QEMU's name of it
    pub name: &'static str,
    /// What its value is
    pub kind: PropertyKind,
    /// Its value where none is given
    pub default: Option<&'static str>,
    /// One line for `-device NAME,help`
    pub summary: &'static str,
}

/// Returns the number that a text is: decimal, or hexadecimal behind `0x`.
pub fn parse_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Returns a number of bytes: a number with K, M or G behind it, or without.
pub fn parse_size(text: &str) -> Option<u64> {
    let units = [("K", 10), ("k", 10), ("M", 20), ("m", 20), ("G", 30), ("g", 30)];
    let found = units.iter().find_map(|&(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let (digits, shift) = found.unwrap_or((text, 0));
    parse_number(digits)?.checked_mul(1 << shift)
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "on" | "yes" | "true" => Some(true),
        "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

impl PropertyKind {
    /// Returns what is possible, in words.
    pub fn possible(&self) -> String {
        match self {
            Self::Bool => "on or off".to_owned(),
            Self::Number { min, max } if *max > 9 => format!("{min} to {max:#x}"),
            Self::Number { min, max } => format!("{min} to {max}"),
            Self::Size => "a size, as in 16M".to_owned(),
            Self::Choice(words) => words.join(", "),
            Self::Text => "text".to_owned(),
            Self::Backend(role) => format!("the name of a {role}"),
        }
    }

    fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Bool => parse_bool(text).is_some(),
            Self::Number { min, max } => parse_number(text).is_some_and(|n| (*min..=*max).contains(&n)),
            Self::Size => parse_size(text).is_some(),
            Self::Choice(words) => words.contains(&text),
            Self::Text | Self::Backend(_) => true,
        }
    }
}

/// The values of one device's properties, checked, with defaults filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<&'static str, String>);

impl Properties {
    /// Checks what was given against what there is.
    ///
    /// # Errors
    /// A property does not exist, was given twice, or has an invalid value. The text names it and the valid ones.
    pub fn new(known: &[Property], given: &[(String, String)]) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        for (name, value) in given {
            let Some(property) = known.iter().find(|property| property.name == name) else {
                let names: Vec<_> = known.iter().map(|property| property.name).collect();
                return Err(match names[..] {
                    [] => format!("there is no property {name}, nor any other"),
                    _ => format!("there is no property {name}; there are {}", names.join(", ")),
                });
            };
            if !property.kind.accepts(value) {
                return Err(format!("{name} cannot be {value}; possible: {}", property.kind.possible()));
            }
            if values.insert(property.name, value.clone()).is_some() {
                return Err(format!("{name} is given twice"));
            }
        }
        for property in known {
            if let Some(default) = property.default {
                values.entry(property.name).or_insert_with(|| default.to_owned());
            }
        }
        Ok(Self(values))
    }

    /// Returns a text; `None` where there is none.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns a number; `None` where there is none.
    pub fn number(&self, name: &str) -> Option<u64> {
        parse_number(self.text(name)?)
    }

    /// Returns a number of bytes; `None` where there is none.
    pub fn size(&self, name: &str) -> Option<u64> {
        parse_size(self.text(name)?)
    }

    /// Returns whether a switch is on; `false` by default.
    pub fn is_on(&self, name: &str) -> bool {
        self.text(name).and_then(parse_bool).unwrap_or(false)
    }

    /// Takes the back end that a property names out of those of a role.
    ///
    /// # Errors
    /// There is none of this name; the text lists those that exist.
    pub fn take<T>(
        &self,
        name: &str,
        role: Role,
        backends: &mut Backends,
        of: impl FnOnce(&mut Backends) -> &mut BTreeMap<String, T>,
    ) -> Result<Option<T>, String> {
        let Some(wanted) = self.text(name) else { return Ok(None) };
        if let Some(found) = of(backends).remove(wanted) {
            return Ok(Some(found));
        }
        let names = backends.names(role).join(", ");
        let there =
            if names.is_empty() { "there is none left".to_owned() } else { format!("there are {names}") };
        Err(format!("{name}={wanted}: no {role} has this name, or another device has it; {there}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Property] = &[
        Property {
            name: "iobase",
            kind: PropertyKind::Number { min: 0, max: 0xffff },
            default: Some("0x3f8"),
            summary: "first port",
        },
        Property { name: "chardev", kind: PropertyKind::Backend(Role::Char), default: None, summary: "" },
        Property { name: "mode", kind: PropertyKind::Choice(&["fast", "slow"]), default: None, summary: "" },
        Property { name: "vgamem", kind: PropertyKind::Size, default: Some("16M"), summary: "" },
        Property { name: "edid", kind: PropertyKind::Bool, default: None, summary: "" },
    ];

    fn given(list: &[(&str, &str)]) -> Result<Properties, String> {
        let list: Vec<_> = list.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Properties::new(KNOWN, &list)
    }

    #[test]
    fn values_are_typed_and_defaults_are_filled_in() {
        let values = given(&[("edid", "on"), ("vgamem", "512K")]).unwrap();
        assert_eq!((values.number("iobase"), values.size("vgamem")), (Some(0x3f8), Some(512 << 10)));
        assert!(values.is_on("edid") && values.text("chardev").is_none());
    }

    #[test]
    fn errors_name_the_property_and_what_is_possible() {
        let table = [
            (
                &[("port", "1")][..],
                "there is no property port; there are iobase, chardev, mode, vgamem, edid",
            ),
            (&[("iobase", "0x10000")], "iobase cannot be 0x10000; possible: 0 to 0xffff"),
            (&[("mode", "x")], "mode cannot be x; possible: fast, slow"),
            (&[("edid", "on"), ("edid", "off")], "edid is given twice"),
        ];
        for (list, error) in table {
            assert_eq!(given(list), Err(error.to_owned()));
        }
    }

    #[test]
    fn a_back_end_is_taken_once() {
        let mut backends = Backends::default();
        backends.images.insert("bios".to_owned(), vec![1]);
        let values = given(&[("chardev", "bios")]).unwrap();
        let take = |backends: &mut Backends| values.take("chardev", Role::Image, backends, |b| &mut b.images);
        assert_eq!(take(&mut backends), Ok(Some(vec![1])));
        let error = "chardev=bios: no image has this name, or another device has it; there is none left";
        assert_eq!(take(&mut backends), Err(error.to_owned()));
    }
}
