//! The drives that are attached to the controller: their properties, their places.

use super::channel::Channel;
use super::drive::{Drive, Kind, Names};
use super::slot::Slot;
use device_api::{
    Attached, BlockBackend, BuildConfig, DeviceDecl, DeviceError, Presence, Property, PropertyKind, Role,
};

pub(super) const CONTROLLER: &str = "piix3-ide";
pub(super) const DISK: &str = "ide-hd";
pub(super) const CD: &str = "ide-cd";
const BUSES: &[&str] = &["ide.0", "ide.1"];
/// Characters of the names in the data of IDENTIFY DEVICE.
const SERIAL_LIMIT: usize = 20;
const MODEL_LIMIT: usize = 40;

const PROPERTIES: &[Property] = &[
    Property {
        name: "drive",
        kind: PropertyKind::Backend(Role::Block),
        default: None,
        summary: "the medium, from -drive if=none,id=; a CD drive without one is empty",
    },
    Property {
        name: "bus",
        kind: PropertyKind::Choice(BUSES),
        default: None,
        summary: "the channel; without, the first with a free place",
    },
    Property {
        name: "unit",
        kind: PropertyKind::Number { min: 0, max: 1 },
        default: None,
        summary: "0: first drive of the channel, 1: second; without, the first that is free",
    },
    Property {
        name: "serial",
        kind: PropertyKind::Text,
        default: None,
        summary: "serial number, at most 20 characters",
    },
    Property {
        name: "model",
        kind: PropertyKind::Text,
        default: None,
        summary: "name, at most 40 characters",
    },
    Property {
        name: "bootindex",
        kind: PropertyKind::Number { min: 0, max: 0x7fff_ffff },
        default: None,
        summary: "when firmware boots from it: 0 first",
    },
];

pub(super) const DISK_DECL: DeviceDecl = DeviceDecl {
    id: DISK,
    summary: "hard disk at the IDE controller",
    presence: Presence::AttachedTo(CONTROLLER),
    properties: PROPERTIES,
    ..DeviceDecl::DEFAULT
};

pub(super) const CD_DECL: DeviceDecl = DeviceDecl {
    id: CD,
    summary: "CD and DVD drive at the IDE controller",
    presence: Presence::AttachedTo(CONTROLLER),
    properties: PROPERTIES,
    ..DeviceDecl::DEFAULT
};

/// A place for a drive: channel and unit.
type Place = (usize, usize);
const PLACES: [Place; 4] = [(0, 0), (0, 1), (1, 0), (1, 1)];

fn error(attached: &Attached, reason: impl Into<String>) -> DeviceError {
    DeviceError { id: attached.id.clone(), reason: reason.into() }
}

/// Returns the requested channel and position of a drive.
fn wanted(attached: &Attached) -> (Option<usize>, Option<usize>) {
    let bus = attached.properties.text("bus").and_then(|bus| BUSES.iter().position(|name| *name == bus));
    let unit = attached.properties.number("unit").map(|unit| unit as usize & 1);
    (bus, unit)
}

/// Gives each drive its place: first those that name one whole, then the others in their order.
fn places(list: &[Attached]) -> Result<Vec<(Place, &Attached)>, DeviceError> {
    let mut taken: Vec<(Place, &Attached)> = Vec::new();
    let (whole, others): (Vec<_>, Vec<_>) =
        list.iter().partition(|attached| matches!(wanted(attached), (Some(_), Some(_))));
    for attached in whole.into_iter().chain(others) {
        let (bus, unit) = wanted(attached);
        let fits = |&(b, u): &Place| bus.is_none_or(|bus| bus == b) && unit.is_none_or(|unit| unit == u);
        let holder = |place: Place| taken.iter().find(|(other, _)| *other == place).map(|(_, other)| *other);
        let place = PLACES.into_iter().filter(fits).find(|&place| holder(place).is_none());
        let Some(place) = place else {
            let reason = match (bus, unit) {
                (Some(bus), Some(unit)) => {
                    let other = holder((bus, unit)).map_or("", |other| &other.id);
                    format!("bus={},unit={unit} is the place of {other}", BUSES[bus])
                }
                (Some(bus), None) => format!("both places of {} are taken", BUSES[bus]),
                _ => "no place is left: the controller takes four drives".to_owned(),
            };
            return Err(error(attached, reason));
        };
        taken.push((place, attached));
    }
    Ok(taken)
}

fn text(attached: &Attached, name: &str, limit: usize, default: String) -> Result<String, DeviceError> {
    let Some(text) = attached.properties.text(name) else { return Ok(default) };
    if text.len() > limit || !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err(error(attached, format!("{name} has at most {limit} characters of ASCII")));
    }
    Ok(text.to_owned())
}

/// Builds one drive.
fn drive(
    attached: &Attached,
    (bus, unit): Place,
    config: &mut BuildConfig<'_>,
) -> Result<(Drive, Slot), DeviceError> {
    let is_cd = attached.decl.id == CD;
    let medium: Option<Box<dyn BlockBackend>> = attached
        .properties
        .take("drive", Role::Block, config.backends, |backends| &mut backends.blocks)
        .map_err(|reason| error(attached, reason))?;
    let info = medium.as_ref().map(|medium| medium.info());
    if !is_cd && info.is_none_or(|info| info.bytes < super::spec::SECTOR) {
        return Err(error(attached, "a hard disk needs a medium: drive="));
    }
    let (kind, model, short) =
        if is_cd { (Kind::Cd, "QEMU DVD-ROM", "cd") } else { (Kind::Disk, "QEMU HARDDISK", "hd") };
    let names = Names {
        model: text(attached, "model", MODEL_LIMIT, model.to_owned())?,
        serial: text(attached, "serial", SERIAL_LIMIT, format!("QM{:05}", 1 + 2 * bus + unit))?,
        revision: "2.5+".to_owned(),
    };
    // A drive without an id is named by its position.
    let is_default = attached
        .id
        .strip_prefix(attached.decl.id)
        .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '#')));
    let id = if is_default { format!("ide{bus}-{short}{unit}") } else { attached.id.clone() };
    Ok((Drive::new(kind, names, info), Slot::new(id, medium)))
}

/// Builds the channels with all drives that are attached.
pub(super) fn channels(config: &mut BuildConfig<'_>) -> Result<([Channel; 2], [[Slot; 2]; 2]), DeviceError> {
    let absent = || Drive::new(Kind::Absent, Names::default(), None);
    let mut channels = [0, 1].map(|_| Channel::new([absent(), absent()]));
    let mut slots: [[Slot; 2]; 2] = Default::default();
    for (place, attached) in places(config.attached)? {
        let (drive, slot) = drive(attached, place, config)?;
        let (bus, unit) = place;
        channels[bus].drives[unit] = drive;
        slots[bus][unit] = slot;
    }
    Ok((channels, slots))
}
