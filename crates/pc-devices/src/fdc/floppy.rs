//! The drives, as they are attached.

use super::geometry::{DriveType, check_size};
use device_api::{
    BlockBackend, BuildConfig, DeviceDecl, DeviceError, Presence, Property, PropertyKind, Role,
    declare_device,
};

declare_device!(DeviceDecl {
    id: "floppy",
    summary: "Floppy disk drive of isa-fdc",
    presence: Presence::AttachedTo(super::ID),
    properties: &[
        Property {
            name: "drive",
            kind: PropertyKind::Backend(Role::Block),
            default: None,
            summary: "the medium; without it the drive is empty",
        },
        Property {
            name: "unit",
            kind: PropertyKind::Number { min: 0, max: 1 },
            default: None,
            summary: "number of the drive; the first that is free where it is not given",
        },
        Property {
            name: "drive-type",
            kind: PropertyKind::Choice(&["120", "144", "288", "auto"]),
            default: Some("auto"),
            summary: "1.2, 1.44 or 2.88 MB, or by the size of the medium",
        },
        Property {
            name: "bootindex",
            kind: PropertyKind::Number { min: 0, max: 0x7fff_ffff },
            default: None,
            summary: "when firmware boots from it: 0 first",
        },
    ],
    ..DeviceDecl::DEFAULT
});

/// A drive as it is built.
pub(super) struct Floppy {
    pub(super) id: String,
    pub(super) unit: usize,
    pub(super) kind: DriveType,
    pub(super) medium: Option<Box<dyn BlockBackend>>,
}

/// Returns the drives attached to the controller.
pub(super) fn attached(config: &mut BuildConfig<'_>) -> Result<Vec<Floppy>, DeviceError> {
    let mut floppies: Vec<Floppy> = Vec::new();
    for attached in config.attached {
        let error = |reason| DeviceError { id: attached.id.clone(), reason };
        let properties = &attached.properties;
        let medium = properties
            .take("drive", Role::Block, config.backends, |backends| &mut backends.blocks)
            .map_err(error)?;
        let taken = |unit: usize| floppies.iter().any(|floppy| floppy.unit == unit);
        let named = properties.number("unit").map(|unit| unit as usize);
        let unit = match named {
            Some(unit) if taken(unit) => {
                return Err(error(format!("unit={unit} is another drive's; there are units 0 and 1")));
            }
            Some(unit) => unit,
            None => (0..2)
                .find(|unit| !taken(*unit))
                .ok_or_else(|| error("isa-fdc has two drives already; leave one out".to_owned()))?,
        };
        let named = properties.text("drive-type").and_then(DriveType::of);
        let bytes = medium.as_ref().map(|medium| medium.info().bytes);
        check_size(bytes.unwrap_or_default()).map_err(error)?;
        let kind = DriveType::choose(named, bytes);
        floppies.push(Floppy { id: attached.id.clone(), unit, kind, medium });
    }
    Ok(floppies)
}
