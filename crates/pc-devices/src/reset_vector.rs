//! Whether the machine starts with firmware.

use guest_memory::{Backing, GuestMemory};
use x86_types::GuestPhysAddr;

/// The first instruction of a processor.
///
/// SPEC: intel-sdm-vol3 :: 11.1.4 First Instruction Executed -> at FFFFFFF0H after a reset
const RESET_VECTOR: GuestPhysAddr = GuestPhysAddr(0xffff_fff0);

/// Returns whether something answers the fetch of the first instruction. Machines without firmware are started by what
/// loads an operating system's kernel; chips that firmware would set up begin as it leaves them.
pub(crate) fn has_firmware(memory: &GuestMemory) -> bool {
    memory.region(RESET_VECTOR).0.execute != Backing::Unassigned
}
