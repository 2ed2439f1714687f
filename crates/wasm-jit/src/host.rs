//! The host of compiled code: compiles and installs modules, by the browser, Node or a native runtime.

use crate::cache::SlotTable;
use std::sync::Arc;

/// A monotonic clock, in nanoseconds, to measure compile time. The program provides it, since this crate reads no clock.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Why a host could not install a module.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The module is invalid, or an export is missing
    #[error("the host refused a compiled module: {0}")]
    Refused(String),
    /// The table of functions is full: modules have to be retired first
    #[error("no place is left for a compiled module")]
    Full,
}

/// Compiles, instantiates and runs modules.
///
/// Modules share a 64-bit memory, in which compiled addresses (host addresses less
/// [`COMPILED_BASE`](x86_exec::vcpu::compiled::COMPILED_BASE)) mean what they mean to the processor, and a 64-bit table of
/// functions, into which each module puts its own. The functions they import ([`IMPORTS`](crate::IMPORTS)) are those of
/// [`x86_exec::Vcpu`] that compiled code may call.
pub trait CodeHost {
    /// Returns the allocator of the table's slots, in which slot 0 is taken. Hosts over one table return clones of one.
    fn slots(&self) -> SlotTable {
        SlotTable::new(1)
    }

    /// Returns the limits of the memory that modules import.
    fn memory_size(&self) -> MemorySize {
        MemorySize::Grows
    }

    /// Makes a module's functions callable, now or later; it puts them into the table from `first` on, `count` of them.
    ///
    /// # Errors
    /// [`HostError`]; nothing was installed then.
    fn install(&mut self, module: Vec<u8>, first: u32, count: u32) -> Result<Installed, HostError>;

    /// Returns the modules whose compilation has finished since the last call, by their first slots, with the results.
    fn finished(&mut self) -> Vec<(u32, Result<(), HostError>)> {
        Vec::new()
    }

    /// Notifies the host that the function in this slot is hot and not callable yet.
    fn hurry(&mut self, _slot: u32) {}

    /// Cancels the compilation of the module with this first slot. Returns whether it was cancelled; then
    /// [`CodeHost::finished`] does not report it.
    fn cancel(&mut self, _first: u32) -> bool {
        false
    }

    /// Sets the clock by which compile time is measured.
    fn measure(&mut self, _: Clock) {}

    /// Returns the nanoseconds spent compiling and installing; `None` if the host does not measure it.
    fn compile_time(&self) -> Option<u64> {
        None
    }

    /// Drops the functions in `count` slots from `first` on. They may still be running.
    fn retire(&mut self, first: u32, count: u32);

    /// Calls the function in a slot with the compiled address of the processor and a budget of instructions. Returns the rest of
    /// the budget.
    fn enter(&mut self, slot: u32, vcpu: u64, budget: u64) -> u64;
}

/// The size of the memory that modules share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemorySize {
    /// A minimum only
    Grows,
    /// Always so many pages of 64 KiB: engines that compare addresses with its end have a constant to compare with
    Pages(u64),
}

/// When a module's functions can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// At once
    Now,
    /// When [`CodeHost::finished`] reports it: it is compiled concurrently with the machine
    Later,
}
