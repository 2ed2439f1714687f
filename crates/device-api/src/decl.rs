//! How a device makes itself known.

use crate::{Device, SerialPort};
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

/// What a device may want to know when it is built. Everything a host supplies arrives here, so that devices stay pure.
pub struct BuildConfig<'a> {
    /// Bytes of RAM (CMOS tells firmware)
    pub ram_bytes: u64,
    /// Seconds since 1970 at power-on, for the RTC
    pub epoch_seconds: u64,
    /// Serial back ends by COM port, 0 to 3; a device takes its own
    pub serial: &'a mut [Option<Box<dyn SerialPort>>; 4],
    /// Port of isa-debug-exit, if asked for
    pub debug_exit: Option<u16>,
    /// Number of processors
    pub processors: u32,
    /// The processor that a device is built for, where there is one for each
    pub processor: u32,
}

/// Why a device could not be built.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The configuration does not suit the device
    #[error("device {id}: {reason}")]
    Config {
        /// Which device
        id: &'static str,
        /// What is wrong and what to do
        reason: String,
    },
}

/// One device's self-registration. Sorted by `(stage, id)` wherever it is listed.
pub struct DeviceDecl {
    /// Stable name: lower case, digits and hyphens
    pub id: &'static str,
    /// One line for `v64 devices`
    pub summary: &'static str,
    /// When it is built
    pub stage: Stage,
    /// Ports it answers
    pub ports: &'static [PortRange],
    /// Memory it answers
    pub mmio: &'static [MmioRange],
    /// Ports that depend on the configuration, beside `ports`; asked once, before `build`. `None` for almost all
    pub dynamic_ports: Option<DynamicPorts>,
    /// There is one for each processor, all at the same place
    pub per_processor: bool,
    /// Builds it in its power-on state; `Ok(None)` when the configuration leaves it out
    pub build: Build,
}

/// Names the ports that a configuration gives to a device.
pub type DynamicPorts = fn(&BuildConfig<'_>) -> Vec<PortRange>;

/// Builds a device in its power-on state.
pub type Build = fn(&mut BuildConfig<'_>) -> Result<Option<Box<dyn Device>>, DeviceError>;

inventory::collect!(DeviceDecl);

impl fmt::Debug for DeviceDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceDecl").field("id", &self.id).field("stage", &self.stage).finish_non_exhaustive()
    }
}

/// All declarations linked into this program, in building order.
pub fn declarations() -> Vec<&'static DeviceDecl> {
    let mut all: Vec<_> = inventory::iter::<DeviceDecl>.into_iter().collect();
    all.sort_by_key(|decl| (decl.stage, decl.id));
    all
}

/// Submits a [`DeviceDecl`] and emits `pub fn link()`, the anchor that the crate's one list of anchors references.
///
/// The declaration is a constant. A device whose ports are fixed writes `dynamic_ports: None`; one whose port is
/// configured leaves `ports` empty and names a [`DynamicPorts`] function.
#[macro_export]
macro_rules! declare_device {
    ($decl:expr) => {
        $crate::inventory::submit! { $decl }

        /// Link anchor: referenced from the crate's list, so that wasm linkers keep this device.
        #[inline(never)]
        pub fn link() {}
    };
}
