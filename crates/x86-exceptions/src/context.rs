//! What this crate needs of the machine around it.

use x86_state::Cpu;
use x86_types::{Exception, LinearAddr, Width};

/// The privilege of an access to a linear address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Privilege {
    /// An implicit supervisor-mode access, whatever the CPL: GDT, LDT, IDT and TSS
    ///
    /// SPEC: intel-sdm-vol3 :: 5.6.1 Determination of Access Rights -> accesses to system data structures are supervisor-mode accesses even at CPL 3, and SMAP applies to them whatever EFLAGS.AC
    Supervisor,
    /// An explicit access at this privilege level (which during a change of privilege need not be `Cpu::cpl`): stacks
    Level(u8),
}

/// The processor and the linear memory that system operations work on.
pub trait SystemContext {
    /// Returns the processor's state.
    fn cpu(&self) -> &Cpu;

    /// Returns the processor's state, to change.
    fn cpu_mut(&mut self) -> &mut Cpu;

    /// Reads `width` bytes, zero-extended. The access may cross a page.
    ///
    /// # Errors
    /// The exception of paging, or of alignment checking for an access at level 3. The address is canonical.
    fn read_linear(&mut self, at: LinearAddr, width: Width, privilege: Privilege) -> Result<u64, Exception>;

    /// Writes the low `width` bytes of `value`. The access may cross a page; on an error nothing has been written.
    ///
    /// # Errors
    /// The exception of paging, or of alignment checking for an access at level 3. The address is canonical.
    fn write_linear(
        &mut self,
        at: LinearAddr,
        width: Width,
        value: u64,
        privilege: Privilege,
    ) -> Result<(), Exception>;

    /// CS, CPL or RFLAGS were replaced: whatever is cached of them (TLB index, code size, pending traps) is stale.
    fn mode_changed(&mut self);

    /// Loads CR3 as a task switch does: `Cpu::cr3` is written, translations that are not global are dropped, and with PAE
    /// paging the PDPTE registers are reloaded.
    ///
    /// # Errors
    /// #GP(0) where a PDPTE has reserved bits set; CR3 is then as before.
    fn load_cr3(&mut self, cr3: u64) -> Result<(), Exception>;
}
