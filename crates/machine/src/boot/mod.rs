//! Loaders: they write a guest to RAM and return the processor's state at its entry.

mod bytes;
mod elf;
mod file_type;
mod linux;
mod multiboot;
mod real_mode;
mod state;

use guest_memory::{GuestMemory, RamLayout};
use thiserror::Error;
use x86_state::Cpu;
use x86_types::GuestPhysAddr;

pub use bytes::Bytes;
pub use file_type::{FileType, HEAD_BYTES, identify};
pub use real_mode::RealModeEntry;
pub use state::EntryState;

/// The formats that a kernel's file can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Linux bzImage
    Linux,
    /// A multiboot-1 image: ELF, or any file with the header's address fields
    Multiboot,
}

/// What a kernel's file is; `None` when nothing here loads it.
pub fn detect(kernel: &[u8]) -> Option<Kind> {
    if linux::is_linux(kernel) {
        Some(Kind::Linux)
    } else {
        multiboot::header(kernel).map(|_| Kind::Multiboot)
    }
}

/// What a guest is started with.
#[derive(Clone, Copy, Debug)]
pub struct BootImage<'a> {
    /// Contents of the kernel's file
    pub kernel: &'a [u8],
    /// Path of the kernel's file, which multiboot kernels get as the first word of their command line
    pub kernel_name: &'a str,
    /// Contents of the initial RAM disk's file
    pub initrd: Option<&'a [u8]>,
    /// Path of the initial RAM disk's file, which multiboot kernels get as the string of their module
    pub initrd_name: &'a str,
    /// Kernel command line
    pub command_line: &'a str,
    /// Where the ACPI tables begin
    pub rsdp: GuestPhysAddr,
}

/// Why a guest could not be loaded. Each message contains the cause and what to do.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BootError {
    /// Neither format, and none that is known
    #[error("the kernel is neither a Linux bzImage nor a multiboot image; give a file like vmlinuz")]
    UnknownFormat,
    /// A file of another format
    #[error("{0}")]
    NotAKernel(FileType),
    /// The file ends early
    #[error("the kernel's file is truncated: it should have {expected} bytes and has {found}; copy it again")]
    Truncated {
        /// By its own header
        expected: u64,
        /// In the file
        found: u64,
    },
    /// A boot protocol before 2.06
    #[error("the Linux kernel speaks boot protocol {major}.{minor}; 2.06 or later is needed (Linux 2.6.22)")]
    OldProtocol {
        /// Major version
        major: u8,
        /// Minor version
        minor: u8,
    },
    /// A kernel from before bzImage
    #[error("the Linux kernel is a zImage, which loads below 640 KiB; build or give a bzImage")]
    LowKernel,
    /// Kernel and RAM
    #[error("the kernel needs {needed} MiB of memory at {at}; give a larger -m")]
    KernelDoesNotFit {
        /// MiB
        needed: u64,
        /// Load address
        at: GuestPhysAddr,
    },
    /// Initial RAM disk and RAM
    #[error("the initrd of {bytes} does not fit: {room} of memory are free behind the kernel; {advice}")]
    InitrdDoesNotFit {
        /// Its size
        bytes: Bytes,
        /// What is free
        room: Bytes,
        /// What to do
        advice: &'static str,
    },
    /// Command line
    #[error("the kernel's command line has {len} bytes; it takes at most {most}")]
    CommandLineTooLong {
        /// Given
        len: usize,
        /// Allowed
        most: usize,
    },
    /// A multiboot image that requests an unsupported feature
    #[error("the multiboot image {reason}")]
    Multiboot {
        /// What is wrong and what to do
        reason: &'static str,
    },
}

/// Loads a guest, whatever kind it is.
///
/// # Errors
/// [`BootError`]
pub fn load(ram: &GuestMemory, image: &BootImage<'_>) -> Result<EntryState, BootError> {
    match detect(image.kernel) {
        Some(Kind::Linux) => linux::load(ram, image),
        Some(Kind::Multiboot) => multiboot::load(ram, image, &memory_map(ram)),
        None => Err(not_a_kernel(image.kernel, image.kernel.len() as u64)),
    }
}

/// Checks that an initial RAM disk of `bytes` fits beside a kernel, before it is read.
///
/// # Errors
/// [`BootError`]: it does not fit, or the kernel cannot be loaded at all.
pub fn check_initrd(layout: RamLayout, kernel: &[u8], bytes: u64) -> Result<(), BootError> {
    match detect(kernel) {
        Some(Kind::Linux) => linux::check_initrd(layout, kernel, bytes),
        Some(Kind::Multiboot) => multiboot::check_initrd(layout, kernel, bytes),
        None => Err(not_a_kernel(kernel, kernel.len() as u64)),
    }
}

/// Returns why a file that [`detect`] does not recognize is not loaded. `head` is its beginning, [`HEAD_BYTES`] or the
/// whole file, `bytes` its size.
pub fn not_a_kernel(head: &[u8], bytes: u64) -> BootError {
    identify(head, bytes).map_or(BootError::UnknownFormat, BootError::NotAKernel)
}

fn initrd_does_not_fit(layout: RamLayout, bytes: u64, room: u64) -> BootError {
    // More RAM would lie above 4 GiB, where no initrd goes.
    let full = layout.low >= guest_memory::PCI_HOLE_START;
    let advice = if full { "make it smaller" } else { "give a larger -m" };
    BootError::InitrdDoesNotFit { bytes: Bytes(bytes), room: Bytes(room), advice }
}

/// A range of firmware's memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapEntry {
    /// First address
    pub start: u64,
    /// Bytes
    pub len: u64,
    /// RAM that the guest may use
    pub usable: bool,
}

/// Entries of firmware's memory map that are looked at.
const MOST_ENTRIES: u16 = 128;

/// Reads the memory map that firmware's answers to INT 15h, E820h were stored as.
///
/// SPEC: acpi-6.5 :: 15.1 INT 15H, E820H - Query System Address Map -> base, length, type; type 1 is RAM
pub fn read_map(memory: &GuestMemory, at: GuestPhysAddr, entries: u16) -> Vec<MapEntry> {
    let entry = |n: u64| {
        let at = at.0 + 20 * n;
        MapEntry {
            start: memory.read_u64(GuestPhysAddr(at)),
            len: memory.read_u64(GuestPhysAddr(at + 8)),
            usable: memory.read_u32(GuestPhysAddr(at + 16)) == 1,
        }
    };
    (0..u64::from(entries.min(MOST_ENTRIES)))
        .map(entry)
        .filter(|entry| entry.start.checked_add(entry.len).is_some())
        .collect()
}

/// How a guest is entered that was loaded under firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// In real-address mode
    Real(RealModeEntry),
    /// In protected mode
    Protected(EntryState),
}

impl Entry {
    /// Puts the processor at the entry.
    pub fn apply(&self, cpu: &mut Cpu) {
        match self {
            Self::Real(entry) => entry.apply(cpu),
            Self::Protected(state) => state.apply(cpu),
        }
    }
}

/// Writes a guest to memory, within the RAM ranges of `map`. Returns its entry state.
///
/// # Errors
/// The image is none, or does not fit.
pub fn load_under_firmware(
    memory: &GuestMemory,
    image: &BootImage<'_>,
    map: &[MapEntry],
) -> Result<Entry, BootError> {
    match detect(image.kernel) {
        Some(Kind::Linux) => real_mode::load(memory, image, map).map(Entry::Real),
        Some(Kind::Multiboot) => multiboot::load(memory, image, map).map(Entry::Protected),
        None => Err(not_a_kernel(image.kernel, image.kernel.len() as u64)),
    }
}

/// Returns the stretches of memory as firmware would report them: start, length, and whether an operating system may
/// use it.
pub(crate) fn memory_map(ram: &GuestMemory) -> Vec<MapEntry> {
    let layout = ram.layout();
    let mut map = Vec::new();
    let mut add = |start, len, usable| map.push(MapEntry { start, len, usable });
    add(0, 0x9_fc00.min(layout.low), true);
    if layout.low > 0x10_0000 {
        add(0x9_fc00, 0x400, false);
        add(0xe_0000, 0x2_0000, false);
        add(0x10_0000, layout.low - 0x10_0000, true);
    }
    if layout.high > 0 {
        add(guest_memory::HIGH_RAM_START, layout.high, true);
    }
    map
}
