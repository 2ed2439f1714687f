//! Tests work on a flat 1 MiB memory without paging. The same tables serve all modes; each case changes what it is about.

mod combination;
mod delivery;
mod far;
mod returns;
mod robustness;
mod segment_loads;
mod tasks;

use crate::{Event, Privilege, SystemContext, deliver};
use x86_state::{
    Cpu, Cr0, DescriptorTable, Efer, RFlags, RawDescriptor, Segment, Selector, cpuid::CpuModel, gpr,
};
use x86_types::{Exception, LinearAddr, PageFaultCode, Seg, Width};

pub(super) const GDT: u64 = 0x1000;
pub(super) const IDT: u64 = 0x2000;
pub(super) const TSS: u64 = 0x4000;
/// A second task
pub(super) const TSS_B: u64 = 0x5000;
pub(super) const LDT: u64 = 0x6000;
pub(super) const STACK: u64 = 0x9000;
/// The stack for level 0 that the TSS names
pub(super) const STACK0: u64 = 0xa000;
pub(super) const HANDLER: u64 = 0x1234;

// Selectors of the GDT that `Machine::new` lays out.
pub(super) const CODE0: u16 = 0x08;
pub(super) const DATA0: u16 = 0x10;
pub(super) const CODE3: u16 = 0x1b;
pub(super) const DATA3: u16 = 0x23;
pub(super) const CONFORMING: u16 = 0x28;
pub(super) const CODE64: u16 = 0x30;
pub(super) const CODE64_3: u16 = 0x3b;
pub(super) const CODE16: u16 = 0x40;
pub(super) const DATA16: u16 = 0x48;
pub(super) const ABSENT_CODE: u16 = 0x50;
pub(super) const ABSENT_DATA: u16 = 0x58;
pub(super) const READ_ONLY: u16 = 0x60;
pub(super) const CODE_L_AND_D: u16 = 0x68;
pub(super) const SHORT_CODE: u16 = 0x70;
pub(super) const DATA1: u16 = 0x79;
/// 16 bytes in long mode
pub(super) const TSS_SELECTOR: u16 = 0x80;
pub(super) const TSS_B_SELECTOR: u16 = 0x90;
pub(super) const LDT_SELECTOR: u16 = 0xa0;
/// For the gate of a case; 16 bytes
pub(super) const GATE: u16 = 0xb0;
pub(super) const DATA16_3: u16 = 0xc3;
pub(super) const GDT_LIMIT: u16 = 0xcf;

pub(super) const INTERRUPT: u64 = 14;
pub(super) const TRAP: u64 = 15;
pub(super) const CALL: u64 = 12;
pub(super) const TASK: u64 = 5;

/// A descriptor with base 0; `attr` as in `SegAttr`.
pub(super) const fn segment(limit: u64, attr: u64) -> u64 {
    limit & 0xffff | (limit >> 16 & 0xf) << 48 | (attr & 0xff) << 40 | (attr >> 12) << 52
}

/// A system descriptor with a base.
pub(super) const fn system(base: u64, limit: u64, attr: u64) -> u64 {
    segment(limit, attr) | (base & 0xff_ffff) << 16 | (base >> 24 & 0xff) << 56
}

/// The low eight bytes of a gate; `low5` is an IST index or parameter count.
pub(super) const fn gate(kind: u64, dpl: u64, selector: u16, offset: u64, low5: u64) -> u64 {
    offset & 0xffff
        | (selector as u64) << 16
        | low5 << 32
        | (0x80 | dpl << 5 | kind) << 40
        | (offset >> 16 & 0xffff) << 48
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Machine {
    pub(super) cpu: Cpu,
    pub(super) memory: Vec<u8>,
    /// This page faults.
    pub(super) absent_page: Option<u64>,
    /// Stack accesses at this level fault as misaligned.
    pub(super) misaligned_level: Option<u8>,
}

impl SystemContext for Machine {
    fn cpu(&self) -> &Cpu {
        &self.cpu
    }
    fn cpu_mut(&mut self) -> &mut Cpu {
        &mut self.cpu
    }
    fn read_linear(&mut self, at: LinearAddr, width: Width, privilege: Privilege) -> Result<u64, Exception> {
        self.check(at, privilege, PageFaultCode::empty())?;
        let mut bytes = [0; 8];
        for (byte, address) in bytes.iter_mut().zip(at.0..at.0 + u64::from(width.bytes())) {
            *byte = self.memory[address as usize];
        }
        Ok(u64::from_le_bytes(bytes))
    }
    fn write_linear(
        &mut self,
        at: LinearAddr,
        width: Width,
        value: u64,
        privilege: Privilege,
    ) -> Result<(), Exception> {
        self.check(at, privilege, PageFaultCode::W)?;
        self.put(at.0, width, value);
        Ok(())
    }
    fn mode_changed(&mut self) {}
    fn load_cr3(&mut self, cr3: u64) -> Result<(), Exception> {
        self.cpu.cr3 = cr3;
        Ok(())
    }
}

impl Machine {
    fn check(&self, at: LinearAddr, privilege: Privilege, code: PageFaultCode) -> Result<(), Exception> {
        if self.misaligned_level.is_some_and(|level| privilege == Privilege::Level(level)) {
            return Err(Exception::AlignmentCheck);
        }
        // Accesses to canonical high addresses are legal; no memory is mapped there.
        if self.absent_page == Some(at.page().0) || at.0.saturating_add(8) > self.memory.len() as u64 {
            return Err(Exception::PageFault { address: at, code });
        }
        Ok(())
    }

    pub(super) fn put(&mut self, at: u64, width: Width, value: u64) {
        let at = at as usize;
        let count = width.bytes() as usize;
        self.memory[at..at + count].copy_from_slice(&value.to_le_bytes()[..count]);
    }

    pub(super) fn get(&self, at: u64, width: Width) -> u64 {
        let mut bytes = [0; 8];
        let count = width.bytes() as usize;
        bytes[..count].copy_from_slice(&self.memory[at as usize..at as usize + count]);
        u64::from_le_bytes(bytes)
    }

    /// `count` words from the top of the stack.
    pub(super) fn frame(&self, width: Width, count: u64) -> Vec<u64> {
        let base =
            if self.cpu.mode() == x86_state::CpuMode::Long64 { 0 } else { self.cpu.segment(Seg::Ss).base };
        let top = base + self.cpu.gpr[gpr::RSP];
        (0..count).map(|i| self.get(top + i * u64::from(width.bytes()), width)).collect()
    }

    pub(super) fn push_words(&mut self, width: Width, words: &[u64]) {
        for &word in words {
            let sp = self.cpu.gpr[gpr::RSP] - u64::from(width.bytes());
            self.cpu.gpr[gpr::RSP] = sp;
            self.put(sp + self.cpu.segment(Seg::Ss).base, width, word);
        }
    }

    pub(super) fn set_gdt(&mut self, selector: u16, raw: u64) {
        self.put(GDT + u64::from(selector & !7), Width::B8, raw);
    }

    pub(super) fn set_idt(&mut self, vector: u8, raw: u64) {
        self.put(IDT + u64::from(vector) * 8, Width::B8, raw);
    }

    /// A gate of 16 bytes.
    pub(super) fn set_idt64(&mut self, vector: u8, raw: u64, offset_high: u64) {
        self.put(IDT + u64::from(vector) * 16, Width::B8, raw);
        self.put(IDT + u64::from(vector) * 16 + 8, Width::B8, offset_high);
    }

    pub(super) fn use_segment(&mut self, seg: Seg, selector: u16) {
        let raw = RawDescriptor(self.get(GDT + u64::from(selector & !7), Width::B8));
        self.cpu.seg[seg as usize] = Segment::from_descriptor(Selector(selector), raw);
    }

    /// Runs at the level of `cs`, with `ss`.
    pub(super) fn run_in(&mut self, cs: u16, ss: u16) {
        self.use_segment(Seg::Cs, cs);
        self.use_segment(Seg::Ss, ss);
        self.cpu.cpl = cs as u8 & 3;
        self.cpu.update_code_size();
    }

    pub(super) fn add_flags(&mut self, flags: RFlags) {
        let all = self.cpu.rflags() | flags;
        self.cpu.set_rflags(all);
    }

    /// Real mode with an IVT at 0, stack at 9000:1000 and code at 8000:100.
    pub(super) fn real() -> Machine {
        let mut cpu = Cpu::new(CpuModel::X86_64_V2);
        cpu.gpr[gpr::RSP] = 0x1000;
        cpu.rip = 0x100;
        for (seg, selector) in [(Seg::Cs, 0x800), (Seg::Ss, 0x900)] {
            cpu.seg[seg as usize].load_real(selector);
        }
        cpu.set_rflags(RFlags::FIXED | RFlags::IF | RFlags::CF);
        Machine { cpu, memory: vec![0; 1 << 20], absent_page: None, misaligned_level: None }
    }

    /// 32-bit protected mode at level 0.
    pub(super) fn protected() -> Machine {
        let mut machine = Machine::real();
        machine.cpu.cr0 |= Cr0::PE;
        for (selector, raw) in [
            (CODE0, segment(0xfffff, 0xc09b)),
            (DATA0, segment(0xfffff, 0xc093)),
            (CODE3, segment(0xfffff, 0xc0fb)),
            (DATA3, segment(0xfffff, 0xc0f3)),
            (CONFORMING, segment(0xfffff, 0xc09f)),
            (CODE64, segment(0xfffff, 0xa09b)),
            (CODE64_3, segment(0xfffff, 0xa0fb)),
            (CODE16, segment(0xffff, 0x9b)),
            (DATA16, segment(0xffff, 0x93)),
            (ABSENT_CODE, segment(0xfffff, 0xc01b)),
            (ABSENT_DATA, segment(0xfffff, 0xc013)),
            (READ_ONLY, segment(0xfffff, 0xc091)),
            (CODE_L_AND_D, segment(0xfffff, 0xe09b)),
            (SHORT_CODE, segment(0xff, 0x409b)),
            (DATA1, segment(0xfffff, 0xc0b3)),
            (TSS_SELECTOR, system(TSS, 0x67, 0x8b)),
            (TSS_B_SELECTOR, system(TSS_B, 0x67, 0x89)),
            (LDT_SELECTOR, system(LDT, 0xff, 0x82)),
            (DATA16_3, segment(0xffff, 0xf3)),
        ] {
            machine.set_gdt(selector, raw);
        }
        let table = |base, limit| DescriptorTable { base, limit, reserved: [0; 3] };
        machine.cpu.gdtr = table(GDT, GDT_LIMIT);
        machine.cpu.idtr = table(IDT, 0xff);
        machine.cpu.tr =
            Segment::from_descriptor(Selector(TSS_SELECTOR), RawDescriptor(system(TSS, 0x67, 0x8b)));
        machine.cpu.ldtr = Segment::default();
        machine.run_in(CODE0, DATA0);
        for seg in [Seg::Ds, Seg::Es, Seg::Fs, Seg::Gs] {
            machine.use_segment(seg, DATA3);
        }
        machine.cpu.gpr[gpr::RSP] = STACK;
        machine.cpu.rip = 0x4321;
        machine.put(TSS + 4, Width::B4, STACK0);
        machine.put(TSS + 8, Width::B4, u64::from(DATA0));
        machine
    }

    /// 64-bit mode at level 0; the TSS names STACK0, and STACK0 + 1000H as IST1.
    pub(super) fn long() -> Machine {
        let mut machine = Machine::protected();
        machine.cpu.efer = Efer::LME | Efer::LMA;
        machine.cpu.cr0 |= Cr0::PG;
        machine.run_in(CODE64, DATA0);
        machine.cpu.idtr.limit = 0x1ff;
        machine.put(TSS + 4, Width::B8, STACK0);
        machine.put(TSS + 0x24, Width::B8, STACK0 + 0x1000);
        machine
    }

    /// Virtual-8086 mode with IOPL 3, on the real-mode stack and code of [`Machine::real`].
    pub(super) fn virtual_8086() -> Machine {
        let mut machine = Machine::protected();
        machine.cpu.set_rflags(RFlags::FIXED | RFlags::IF | RFlags::VM | RFlags::IOPL);
        for (seg, selector) in Seg::ALL.into_iter().zip([0x111, 0x800, 0x900, 0x444, 0x555, 0x666]) {
            machine.cpu.seg[seg as usize] = crate::segments::descriptor::virtual_8086_segment(selector);
        }
        machine.cpu.cpl = 3;
        machine.cpu.gpr[gpr::RSP] = 0x1000;
        machine.cpu.rip = 0x100;
        machine.cpu.update_code_size();
        machine
    }

    /// As [`Machine::protected`], at level 3.
    pub(super) fn user() -> Machine {
        let mut machine = Machine::protected();
        machine.run_in(CODE3, DATA3);
        machine
    }

    /// As [`Machine::long`], at level 3.
    pub(super) fn long_user() -> Machine {
        let mut machine = Machine::long();
        machine.run_in(CODE64_3, DATA3);
        machine
    }

    /// Delivers, and checks that a failure changed nothing (`#PF` and `#DB` latch their registers).
    pub(super) fn deliver(&mut self, event: Event) -> Result<(), Exception> {
        let before = self.cpu.clone();
        let result = deliver(self, event).map_err(|failure| failure.exception);
        if result.is_err() {
            let after = Cpu { cr2: before.cr2, dr: before.dr, ..self.cpu.clone() };
            assert_eq!(after, before, "a failed delivery changes nothing");
        }
        result
    }

    pub(super) fn selectors(&self) -> [u16; 6] {
        Seg::ALL.map(|seg| self.cpu.segment(seg).selector.0)
    }
}

/// Runs an operation that must leave the processor alone when it fails.
pub(super) fn attempt<T>(
    machine: &mut Machine,
    operation: impl FnOnce(&mut Machine) -> Result<T, Exception>,
) -> Result<T, Exception> {
    let before = machine.cpu.clone();
    let result = operation(machine);
    if result.is_err() {
        assert_eq!(machine.cpu, before, "a fault changes nothing");
    }
    result
}
