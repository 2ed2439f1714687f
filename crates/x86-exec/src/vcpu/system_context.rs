//! How exception delivery, far transfers and segment loads reach the processor.

use super::Vcpu;
use x86_exceptions::{Privilege, SystemContext};
use x86_paging::{Access, AccessKind, PagingMode, load_pdptes};
use x86_state::Cpu;
use x86_types::{Exception, LinearAddr, Width};

impl SystemContext for Vcpu {
    fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    fn cpu_mut(&mut self) -> &mut Cpu {
        &mut self.cpu
    }

    fn read_linear(&mut self, at: LinearAddr, width: Width, privilege: Privilege) -> Result<u64, Exception> {
        self.read_linear_as(at, u64::from(width.bytes()), access(AccessKind::Read, privilege))
    }

    fn write_linear(
        &mut self,
        at: LinearAddr,
        width: Width,
        value: u64,
        privilege: Privilege,
    ) -> Result<(), Exception> {
        self.write_linear_as(at, u64::from(width.bytes()), value, access(AccessKind::Write, privilege))
    }

    fn mode_changed(&mut self) {
        self.mode_switched();
    }

    fn load_cr3(&mut self, cr3: u64) -> Result<(), Exception> {
        self.write_cr3(cr3, false)
    }
}

fn access(kind: AccessKind, privilege: Privilege) -> Access {
    match privilege {
        Privilege::Supervisor => Access::implicit(kind),
        Privilege::Level(level) => Access::explicit(kind, level),
    }
}

impl Vcpu {
    /// Loads CR3 and drops the translations that do not survive it. `cr3` has bit 63 cut off already.
    /// Those of its PCID survive if they are to be kept.
    pub(crate) fn write_cr3(&mut self, cr3: u64, keep: bool) -> Result<(), Exception> {
        if let x86_paging::PagingKind::Pae = self.mem.paging.kind() {
            let bits = self.cpu.model.physical_bits;
            self.cpu.pdpte = load_pdptes(self, cr3, bits).map_err(|_| Exception::GP0)?;
        }
        self.cpu.cr3 = cr3;
        self.mem.paging = PagingMode::of(&self.cpu);
        self.privilege_changed();
        self.mem.tlb.switch(self.mem.paging.pcid(), keep);
        Ok(())
    }

    /// The TLB, for the instructions that invalidate it.
    pub(crate) fn tlb_mut(&mut self) -> &mut x86_paging::Tlb {
        &mut self.mem.tlb
    }
}
