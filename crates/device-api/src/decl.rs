//! How a device makes itself known.

use crate::{Backends, BlockBackend, CharBackend, Device, NetBackend, Properties, Property, Role, Voice};
use guest_memory::{DeviceId, GuestMemory};
use std::fmt;
use thiserror::Error;
use x86_types::GuestPhysAddr;

/// When a device is built, relative to others; ties are broken by id, since `inventory` has no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Interrupt controllers
    Interrupts,
    /// Clocks and timers
    Timers,
    /// Bridges, power management, configuration space
    Chipset,
    /// Everything else
    Peripherals,
}

/// I/O ports `start..start + len`. An access of any size belongs whole to the owner of its first port, unless its last
/// port is another device's: then each byte goes to its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// First port
    pub start: u16,
    /// How many
    pub len: u16,
}

/// Guest-physical addresses `start..start + len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmioRange {
    /// First address
    pub start: GuestPhysAddr,
    /// How many bytes
    pub len: u64,
}

/// The configuration that a device is built from. Everything from the host is passed here, so that devices stay pure.
pub struct BuildConfig<'a> {
    /// Bytes of RAM, which CMOS reports to firmware
    pub ram_bytes: u64,
    /// Seconds since 1970 at power-on, for the RTC
    pub epoch_seconds: u64,
    /// Number of processors
    pub processors: u32,
    /// The processor that a device is built for, where there is one for each
    pub processor: u32,
    /// The instance's name, from `id=` or the model's
    pub id: &'a str,
    /// The instance's properties, checked
    pub properties: &'a Properties,
    /// Devices attached to it, in the order of the command line
    pub attached: &'a [Attached],
    /// What the host supplies
    pub backends: &'a mut Backends,
    /// Guest memory, to allocate a device's own and to map it
    pub memory: &'a GuestMemory,
    /// Number of the device on the bus
    pub device: DeviceId,
    /// Ports that it answers beside those of its declaration
    pub ports: Vec<PortRange>,
}

impl BuildConfig<'_> {
    /// Returns the error that the instance cannot be built, for this reason.
    pub fn error(&self, reason: impl Into<String>) -> DeviceError {
        DeviceError { id: self.id.to_owned(), reason: reason.into() }
    }

    /// Takes the character device that a property names; `None` where the property is not given.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn take_char(&mut self, property: &str) -> Result<Option<Box<dyn CharBackend>>, DeviceError> {
        self.properties
            .take(property, Role::Char, self.backends, |backends| &mut backends.chars)
            .map_err(|reason| self.error(reason))
    }

    /// Takes the medium that a property names; `None` where the property is not given.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn take_block(&mut self, property: &str) -> Result<Option<Box<dyn BlockBackend>>, DeviceError> {
        self.properties
            .take(property, Role::Block, self.backends, |backends| &mut backends.blocks)
            .map_err(|reason| self.error(reason))
    }

    /// Returns a voice of the audio device that a property names; `None` where the property is not given.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn voice(&mut self, property: &str) -> Result<Option<Box<dyn Voice>>, DeviceError> {
        let Some(wanted) = self.properties.text(property) else { return Ok(None) };
        if let Some(found) = self.backends.sounds.get_mut(wanted) {
            return Ok(Some(found.voice()));
        }
        let names = self.backends.names(Role::Sound).join(", ");
        let there =
            if names.is_empty() { "-audiodev makes one".to_owned() } else { format!("there are {names}") };
        Err(self.error(format!("{property}={wanted}: no audio device has this name; {there}")))
    }

    /// Takes the content of a ROM that a property names; `None` where the property is not given.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn take_image(&mut self, property: &str) -> Result<Option<Vec<u8>>, DeviceError> {
        self.properties
            .take(property, Role::Image, self.backends, |backends| &mut backends.images)
            .map_err(|reason| self.error(reason))
    }

    /// Takes the network that a property names; `None` where the property is not given.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn take_net(&mut self, property: &str) -> Result<Option<Box<dyn NetBackend>>, DeviceError> {
        self.properties
            .take(property, Role::Net, self.backends, |backends| &mut backends.nets)
            .map_err(|reason| self.error(reason))
    }
}

/// A device that is part of another: a drive at its controller.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Its declaration
    pub decl: &'static DeviceDecl,
    /// Its name
    pub id: String,
    /// Its properties
    pub properties: Properties,
}

/// Why a device could not be built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("device {id}: {reason}")]
pub struct DeviceError {
    /// Which instance
    pub id: String,
    /// What is wrong and what to do
    pub reason: String,
}

/// A requested device: `-device MODEL,id=ID,NAME=VALUE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceSpec {
    /// The `id` of a declaration
    pub model: String,
    /// The instance's own name
    pub id: Option<String>,
    /// Values of properties
    pub properties: Vec<(String, String)>,
}

impl DeviceSpec {
    /// Returns a device of this model with its defaults.
    pub fn new(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    /// The same under a name of its own.
    #[must_use]
    pub fn named(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    /// The same with a property.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.properties.push((name.to_owned(), value.to_string()));
        self
    }
}

/// Whether a machine has a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Part of every machine, once
    Always,
    /// Part of every machine, once for each processor, all at the same place
    PerProcessor,
    /// If requested, any number of times
    OnRequest,
    /// If requested, as part of a device of this model
    AttachedTo(&'static str),
}

/// Where a PCI function is on bus 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    /// 0 to 31
    pub slot: u8,
    /// 0 to 7
    pub function: u8,
}

/// One device model's self-registration. Sorted by `(stage, id)` wherever it is listed.
pub struct DeviceDecl {
    /// QEMU's name of the model, where it has one: letters, digits and hyphens
    pub id: &'static str,
    /// One line for `v64 devices`
    pub summary: &'static str,
    /// When it is built
    pub stage: Stage,
    /// Which machines have it
    pub presence: Presence,
    /// Properties of an instance
    pub properties: &'static [Property],
    /// Ports it answers
    pub ports: &'static [PortRange],
    /// Memory it answers
    pub mmio: &'static [MmioRange],
    /// Where it is on the PCI bus, for functions that have their place; others get theirs by `addr=` or the next free
    pub pci: Option<PciAddress>,
    /// Builds it in its power-on state
    pub build: Build,
}

impl DeviceDecl {
    /// What most declarations have in common; `build` refuses.
    pub const DEFAULT: Self = Self {
        id: "",
        summary: "",
        stage: Stage::Peripherals,
        presence: Presence::Always,
        properties: &[],
        ports: &[],
        mmio: &[],
        pci: None,
        build: |config| Err(config.error("it cannot be built by itself")),
    };
}

/// Builds a device in its power-on state.
pub type Build = fn(&mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError>;

inventory::collect!(DeviceDecl);

impl fmt::Debug for DeviceDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceDecl").field("id", &self.id).field("stage", &self.stage).finish_non_exhaustive()
    }
}

/// Returns all declarations linked into this program, in building order.
pub fn declarations() -> Vec<&'static DeviceDecl> {
    let mut all: Vec<_> = inventory::iter::<DeviceDecl>.into_iter().collect();
    all.sort_by_key(|decl| (decl.stage, decl.id));
    all
}

/// Submits a [`DeviceDecl`] and emits `pub fn link()`, the anchor that the crate's one list of anchors references.
///
/// The declaration is a constant. A device whose ports depend on its properties leaves `ports` empty and adds them to
/// [`BuildConfig::ports`] when it is built.
#[macro_export]
macro_rules! declare_device {
    ($decl:expr) => {
        $crate::inventory::submit! { $decl }

        /// Link anchor: referenced from the crate's list, so that wasm linkers keep this device.
        #[inline(never)]
        pub fn link() {}
    };
}
