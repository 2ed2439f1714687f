//! The processor's state at a guest's first instruction.

use guest_memory::GuestMemory;
use x86_state::{Cpu, Cr0, Cr4, DescriptorTable, Efer, RFlags, SegAttr, Segment, Selector, gpr};
use x86_types::{GuestPhysAddr, Seg};

/// Offset of the page tables from the descriptor table.
const PML4: u64 = 0x2000;

/// How a guest is entered: 32-bit protected mode without paging, or 64-bit mode with the first 4 GiB mapped one to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryState {
    /// First instruction
    pub rip: u64,
    /// In 64-bit mode
    pub long: bool,
    /// General registers, numbers as encoded
    pub registers: [Option<(usize, u64)>; 3],
    /// Selectors of the flat code and data segments
    pub selectors: (u16, u16),
    /// Guest-physical address of the descriptor table, with page tables 8 KiB behind it in 64-bit mode; the stack lies below
    pub tables: u64,
}

impl EntryState {
    /// Writes descriptor and page tables that the state needs.
    pub(super) fn write_tables(&self, ram: &GuestMemory) {
        let (gdt, pml4) = (self.tables, self.tables + PML4);
        let code = if self.long { 0x00af_9b00_0000_ffff_u64 } else { 0x00cf_9b00_0000_ffff };
        for entry in 0..=u64::from(self.selectors.1 >> 3) {
            ram.write_u64(GuestPhysAddr(gdt + 8 * entry), 0);
        }
        ram.write_u64(GuestPhysAddr(gdt + u64::from(self.selectors.0)), code);
        ram.write_u64(GuestPhysAddr(gdt + u64::from(self.selectors.1)), 0x00cf_9300_0000_ffff);
        if self.long {
            ram.write_u64(GuestPhysAddr(pml4), (pml4 + 0x1000) | 3);
            for gib in 0..4 {
                let directory = pml4 + 0x2000 + 0x1000 * gib;
                ram.write_u64(GuestPhysAddr(pml4 + 0x1000 + 8 * gib), directory | 3);
                for n in 0..512 {
                    ram.write_u64(GuestPhysAddr(directory + 8 * n), gib << 30 | n << 21 | 0x83);
                }
            }
        }
    }

    /// Puts the processor into the state. The caller then calls `Vcpu::state_changed`.
    ///
    /// SPEC: linux-boot-protocol :: 64-bit Boot Protocol -> 64-bit mode, paging on with an identity map, flat CS and DS, interrupts off
    /// SPEC: linux-boot-protocol :: 32-bit Boot Protocol -> protected mode, paging off, flat CS, DS, ES and SS, interrupts off
    pub fn apply(&self, cpu: &mut Cpu) {
        let flat = |selector, attr| Segment {
            base: 0,
            limit: u32::MAX,
            selector: Selector(selector),
            attr: SegAttr::from_bits_retain(attr),
        };
        cpu.gpr = [0; 16];
        cpu.seg = [flat(self.selectors.1, 0xc093); 6];
        cpu.seg[Seg::Cs as usize] = flat(self.selectors.0, if self.long { 0xa09b } else { 0xc09b });
        cpu.gdtr = DescriptorTable { base: self.tables, limit: self.selectors.1 + 7, reserved: [0; 3] };
        cpu.idtr = DescriptorTable::default();
        cpu.cr0 = Cr0::PE | Cr0::ET | Cr0::NE;
        cpu.set_rflags(RFlags::FIXED);
        cpu.cpl = 0;
        (cpu.cr2, cpu.cr3, cpu.cr4, cpu.efer) = (0, 0, Cr4::empty(), Efer::empty());
        if self.long {
            cpu.cr3 = self.tables + PML4;
            cpu.cr4 = Cr4::PAE;
            cpu.efer = Efer::LME | Efer::LMA;
            cpu.cr0 |= Cr0::PG;
        }
        for (r, value) in self.registers.into_iter().flatten() {
            cpu.gpr[r] = value;
        }
        // The guest does not use the memory below this before it sets up its own stack.
        cpu.gpr[gpr::RSP] = self.tables;
        cpu.rip = self.rip;
    }
}
