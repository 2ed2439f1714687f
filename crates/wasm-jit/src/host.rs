//! How modules become callable: the one thing that differs between a browser, Node and a native runtime.

use crate::cache::SlotTable;
use std::sync::Arc;

/// Nanoseconds since some moment. Whoever may look at the host's clock lends it to those who measure.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Why a host could not install a module.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The module is not valid, or lacks what was promised
    #[error("the host refused a compiled module: {0}")]
    Refused(String),
    /// There is no place left: retire something first
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

    /// What modules may say of the size of the memory that they import.
    fn memory_size(&self) -> MemorySize {
        MemorySize::Grows
    }

    /// Makes a module's functions callable, now or later; it puts them into the table from `first` on, `count` of them.
    ///
    /// # Errors
    /// [`HostError`]; nothing was installed then.
    fn install(&mut self, module: Vec<u8>, first: u32, count: u32) -> Result<Installed, HostError>;

    /// Modules that were to become callable later, by their first slots, and how that went. Each is told once.
    fn finished(&mut self) -> Vec<(u32, Result<(), HostError>)> {
        Vec::new()
    }

    /// The function in this slot, which is not callable yet, was wanted again.
    fn hurry(&mut self, _slot: u32) {}

    /// The module with this first slot, which was to become callable later, is not wanted any more. Gives whether that came
    /// in time: then nothing more is heard of it.
    fn cancel(&mut self, _first: u32) -> bool {
        false
    }

    /// From now on it measures, by this clock, what it takes to compile.
    fn measure(&mut self, _: Clock) {}

    /// Nanoseconds that it took to compile and to install; `None` where the host does not know more than whoever calls it.
    fn compile_time(&self) -> Option<u64> {
        None
    }

    /// Drops the functions in `count` slots from `first` on. They may still be running.
    fn retire(&mut self, first: u32, count: u32);

    /// Calls the function in a slot with the compiled address of the processor and a budget. Gives what is left of it.
    fn enter(&mut self, slot: u32, vcpu: u64, budget: u64) -> u64;
}

/// The size of the memory that modules share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemorySize {
    /// It is as large as it has to be
    Grows,
    /// Always so many pages of 64 KiB: engines that compare addresses with its end have a constant to compare with
    Pages(u64),
}

/// When a module's functions can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// From now on
    Now,
    /// Once [`CodeHost::finished`] says so: they are compiled beside the machine's run
    Later,
}
