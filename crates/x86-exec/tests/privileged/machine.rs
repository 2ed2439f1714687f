//! A processor over 4 MiB of RAM with tables of its own, and a bus with nothing but interrupts.

use guest_memory::GuestMemory;
use std::cell::Cell;
use std::rc::Rc;
use x86_exec::{Exit, Pending, Vcpu, VcpuBus};
use x86_state::cpuid::CpuModel;
use x86_state::{Cr0, Cr4, Efer, RFlags, SegAttr, Segment, Selector};
use x86_types::{GuestPhysAddr, MsrAccess, Seg};

/// Where snippets start.
pub const CODE: u64 = 0x1000;
/// Stack of the snippet; the page below 1_0000h.
pub const STACK: u64 = 0x1_0000;
/// RSP0 of the TSS.
pub const RSP0: u64 = 0x1_4000;
/// IST1 of the TSS.
pub const IST1: u64 = 0x1_8000;
/// Plain data.
pub const DATA: u64 = 0x2_0000;
/// Vector n leads to a HLT at `HANDLERS + 16 * n`.
pub const HANDLERS: u64 = 0x3_0000;
/// Tables of 4-level paging; `PDPT` does for PAE paging too, when its entries may hold no more than P.
pub const PML4: u64 = 0x10_0000;
const PDPT: u64 = 0x10_1000;
const PD: u64 = 0x10_2000;
const PT: u64 = 0x10_3000;
/// GDT
pub const GDT: u64 = 0x11_0000;
/// IDT
pub const IDT: u64 = 0x11_1000;
/// TSS
pub const TSS: u64 = 0x11_2000;

/// Selectors: kernel 64-bit code, kernel data, user 32-bit code, user data, user 64-bit code, kernel 32-bit code, all
/// flat; the task; 16-bit code and data of 64 KiB from 0; 16-bit code of 64 KiB from `HANDLERS`.
pub const CS64: u16 = 0x08;
pub const DS: u16 = 0x10;
pub const USER_CS32: u16 = 0x1b;
pub const USER_DS: u16 = 0x23;
pub const USER_CS64: u16 = 0x2b;
pub const CS32: u16 = 0x30;
pub const TASK: u16 = 0x38;
pub const CS16: u16 = 0x48;
pub const DS16: u16 = 0x50;
pub const HANDLERS16: u16 = 0x58;
/// Descriptors from here on are the test's own.
pub const OWN: u16 = 0x60;

/// A write to this port, to the local APIC's ICR, or to x2APIC's self-IPI register sends an NMI.
pub const NMI_PORT: u16 = 0xb2;
pub const ICR: GuestPhysAddr = GuestPhysAddr(0xfee0_0300);

/// What the bus gives to RDRAND and RDSEED.
pub const RANDOM: u64 = 0x8765_4321_fedc_ba98;

/// What the test sets and reads of the bus.
#[derive(Default)]
pub struct Lines {
    pub irq: Cell<Option<u8>>,
    pub nmi: Cell<bool>,
    pub init: Cell<bool>,
    pub startup: Cell<Option<u8>>,
    pub cr8: Cell<u8>,
    pub ferr: Cell<bool>,
    pub ignne: Cell<bool>,
}

struct StubBus(Rc<Lines>);

impl VcpuBus for StubBus {
    fn port_read(&mut self, _: u64, port: u16, _: u8) -> u32 {
        u32::from(port)
    }
    fn port_write(&mut self, _: u64, port: u16, _: u8, _: u32) {
        if port == NMI_PORT {
            self.0.nmi.set(true);
        }
    }
    /// A local APIC in x2APIC mode: its base, the deadline of its timer, its number.
    fn read_msr(&mut self, _: u64, msr: u32) -> MsrAccess {
        match msr {
            0x1b => MsrAccess::Handled(0xfee0_0d00),
            0x6e0 | 0x802 => MsrAccess::Handled(0),
            _ => MsrAccess::GeneralProtection,
        }
    }
    fn mmio_write(&mut self, _: u64, address: GuestPhysAddr, _: u8, _: u64) {
        if address == ICR {
            self.0.nmi.set(true);
        }
    }
    fn write_msr(&mut self, _: u64, msr: u32, _: u64) -> MsrAccess {
        if msr != 0x83f {
            return MsrAccess::GeneralProtection;
        }
        self.0.nmi.set(true);
        MsrAccess::Handled(0)
    }
    fn cr8(&mut self) -> u8 {
        self.0.cr8.get()
    }
    fn set_cr8(&mut self, _: u64, value: u8) {
        self.0.cr8.set(value);
    }
    fn pending(&mut self) -> Pending {
        let start = self.0.init.get() || self.0.startup.get().is_some();
        Pending { interrupt: self.0.irq.get().is_some(), nmi: self.0.nmi.get(), start }
    }
    fn take_init(&mut self) -> bool {
        self.0.init.take()
    }
    fn take_startup(&mut self) -> Option<u8> {
        self.0.startup.take()
    }
    fn acknowledge(&mut self, _: u64) -> Option<u8> {
        self.0.irq.take()
    }
    fn take_nmi(&mut self) -> bool {
        self.0.nmi.take()
    }
    fn random(&mut self, _: u64) -> u64 {
        RANDOM
    }
    fn set_ferr(&mut self, _: u64, asserted: bool) {
        self.0.ferr.set(asserted);
    }
    fn ignne(&mut self) -> bool {
        self.0.ignne.get()
    }
}

/// The exception or interrupt a handler halted in: vector, error code (0 without), RIP of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caught {
    pub vector: u8,
    pub error: u32,
    pub rip: u64,
}

/// The machine under test.
pub struct Machine {
    pub vcpu: Vcpu,
    pub ram: Rc<GuestMemory>,
    pub lines: Rc<Lines>,
}

impl Machine {
    fn bare() -> Self {
        let ram = Rc::new(GuestMemory::new(4 << 20).expect("RAM"));
        let lines = Rc::new(Lines::default());
        let vcpu = Vcpu::new(CpuModel::MAX, Rc::clone(&ram));
        Machine { vcpu, ram, lines }
    }

    /// Real mode, all segments at 0, an interrupt table at 0 whose vectors lead to HLTs. The descriptor and page tables of
    /// the other modes are there, but no register points to them.
    pub fn real(code: &[u8]) -> Self {
        let mut m = Self::bare();
        m.page_tables();
        m.descriptors();
        for n in 0..256 {
            m.ram.write_u32(GuestPhysAddr(4 * n), 0x3000 << 16 | (16 * n) as u32);
        }
        let cpu = &mut m.vcpu.cpu;
        for seg in &mut cpu.seg {
            *seg = Segment { base: 0, selector: Selector(0), ..Segment::REAL };
        }
        cpu.idtr.limit = 0x3ff;
        m.finish(code, 0xff00)
    }

    /// 32-bit protected mode at CPL 0 without paging, with a 32-bit TSS and an IDT of 32-bit interrupt gates.
    pub fn protected(code: &[u8]) -> Self {
        let mut m = Self::bare();
        m.page_tables();
        m.descriptors();
        m.load_tables();
        for n in 0..256 {
            m.set_gate8(n, CS32, (HANDLERS + 16 * n) as u32, 0x8e00);
        }
        m.ram.write_u32(GuestPhysAddr(TSS + 4), RSP0 as u32);
        m.ram.write_u32(GuestPhysAddr(TSS + 8), DS.into());
        let cpu = &mut m.vcpu.cpu;
        cpu.idtr.limit = 0x7ff;
        cpu.cr0 = Cr0::PE | Cr0::ET | Cr0::NE | Cr0::WP;
        cpu.seg = [flat(DS, 0xc093); 6];
        cpu.seg[Seg::Cs as usize] = flat(CS32, 0xc09b);
        m.finish(code, STACK)
    }

    /// The same at CPL 3.
    pub fn protected_user(code: &[u8]) -> Self {
        let mut m = Self::protected(code);
        let cpu = &mut m.vcpu.cpu;
        cpu.seg = [flat(USER_DS, 0xc0f3); 6];
        cpu.seg[Seg::Cs as usize] = flat(USER_CS32, 0xc0fb);
        cpu.cpl = 3;
        m.vcpu.state_changed();
        m
    }

    /// Compatibility mode at CPL 0: 32-bit code over the tables of [`Machine::long`].
    pub fn compat(code: &[u8]) -> Self {
        let mut m = Self::long(code);
        m.vcpu.cpu.seg[Seg::Cs as usize] = flat(CS32, 0xc09b);
        m.vcpu.state_changed();
        m
    }

    /// 64-bit mode at CPL 0 with 4-KByte pages over the first 2 MiB, supervisor and writable.
    pub fn long(code: &[u8]) -> Self {
        let mut m = Self::bare();
        m.page_tables();
        m.descriptors();
        m.long_tables();
        m.load_tables();
        let cpu = &mut m.vcpu.cpu;
        cpu.cr0 = Cr0::PE | Cr0::ET | Cr0::NE | Cr0::WP | Cr0::PG;
        cpu.cr4 = Cr4::PAE | Cr4::PGE;
        cpu.cr3 = PML4;
        cpu.efer = Efer::LME | Efer::LMA | Efer::NXE | Efer::SCE;
        cpu.seg = [flat(DS, 0xc093); 6];
        cpu.seg[Seg::Cs as usize] = flat(CS64, 0xa09b);
        m.finish(code, STACK)
    }

    /// The same at CPL 3, with code, stack and data of user pages.
    pub fn user(code: &[u8]) -> Self {
        let mut m = Self::long(code);
        for page in [CODE, CODE + 0x1000, STACK - 0x1000, DATA, DATA + 0x1000] {
            m.set_pte(page, page | 7);
        }
        let cpu = &mut m.vcpu.cpu;
        cpu.seg = [flat(USER_DS, 0xc0f3); 6];
        cpu.seg[Seg::Cs as usize] = flat(USER_CS64, 0xa0fb);
        cpu.cpl = 3;
        m.vcpu.state_changed();
        m
    }

    fn page_tables(&mut self) {
        let write = |at: u64, v: u64| self.ram.write_u64(GuestPhysAddr(at), v);
        write(PML4, PDPT | 7);
        write(PDPT, PD | 7);
        write(PD, PT | 7);
        for n in 0..512 {
            write(PT + 8 * n, n << 12 | 3);
        }
    }

    /// The GDT, and the handlers.
    fn descriptors(&mut self) {
        let descriptors = [
            0,
            0x00af_9b00_0000_ffff,
            0x00cf_9300_0000_ffff,
            0x00cf_fb00_0000_ffff,
            0x00cf_f300_0000_ffff,
            0x00af_fb00_0000_ffff,
            0x00cf_9b00_0000_ffff_u64,
            (TSS & 0xff_ffff) << 16 | 0x0000_8b00_0000_0067,
            0,
            0x0000_9b00_0000_ffff,
            0x0000_9300_0000_ffff,
            HANDLERS << 16 | 0x0000_9b00_0000_ffff,
        ];
        for (n, d) in descriptors.into_iter().enumerate() {
            self.set_descriptor(8 * n as u16, d);
        }
        for n in 0..256 {
            self.ram.write(GuestPhysAddr(HANDLERS + 16 * n), &[0xf4]);
        }
    }

    /// The IDT and TSS of IA-32e mode.
    fn long_tables(&mut self) {
        let write = |at: u64, v: u64| self.ram.write_u64(GuestPhysAddr(at), v);
        for n in 0..256 {
            let handler = HANDLERS + 16 * n;
            let gate = handler & 0xffff | u64::from(CS64) << 16 | 0x8e00 << 32 | (handler >> 16) << 48;
            write(IDT + 16 * n, gate);
        }
        write(TSS + 4, RSP0);
        write(TSS + 0x24, IST1);
        // The I/O map lies beyond the limit.
        write(TSS + 0x60, 0x68 << 48);
    }

    fn load_tables(&mut self) {
        let cpu = &mut self.vcpu.cpu;
        cpu.gdtr.base = GDT;
        cpu.gdtr.limit = 0xff;
        cpu.idtr.base = IDT;
        cpu.idtr.limit = 0xfff;
        cpu.tr = Segment { base: TSS, limit: 0x67, ..flat(TASK, 0x8b) };
    }

    /// Writes a descriptor of the GDT.
    pub fn set_descriptor(&mut self, selector: u16, descriptor: u64) {
        self.ram.write_u64(GuestPhysAddr(GDT + u64::from(selector & !7)), descriptor);
    }

    /// Writes an 8-byte gate of the IDT: selector, offset, and the word of P, DPL and type.
    pub fn set_gate8(&mut self, vector: u64, selector: u16, offset: u32, kind: u16) {
        let offset = u64::from(offset);
        let gate = offset & 0xffff | u64::from(selector) << 16 | u64::from(kind) << 32 | (offset >> 16) << 48;
        self.ram.write_u64(GuestPhysAddr(IDT + 8 * vector), gate);
    }

    fn finish(mut self, code: &[u8], stack: u64) -> Self {
        self.ram.write(GuestPhysAddr(CODE), code);
        // RDX comes out of RESET with the signature.
        self.vcpu.cpu.gpr = [0; 16];
        self.vcpu.cpu.rip = CODE;
        self.vcpu.cpu.gpr[4] = stack;
        self.vcpu.state_changed();
        self
    }

    /// Sets the page-table entry of a page below 2 MiB, dropping the TLB.
    pub fn set_pte(&mut self, page: u64, entry: u64) {
        self.ram.write_u64(GuestPhysAddr(pte_of(page)), entry);
        self.vcpu.state_changed();
    }

    /// The page-table entry of a page below 2 MiB.
    pub fn pte(&self, page: u64) -> u64 {
        self.ram.read_u64(GuestPhysAddr(pte_of(page)))
    }

    /// The vector whose handler halted, and the topmost words of the stack, each of `width` bytes.
    #[track_caller]
    pub fn delivered<const N: usize>(&mut self, width: u64) -> (u8, [u64; N]) {
        assert_eq!(self.step(10_000), Exit::Halted);
        let cpu = &self.vcpu.cpu;
        let (cs, ss) = (cpu.segment(Seg::Cs), cpu.segment(Seg::Ss));
        let handler = cs.base.wrapping_add(cpu.rip).wrapping_sub(HANDLERS);
        assert!(handler < 0x1000, "in no handler: {:x}:{:x}", cs.selector.0, cpu.rip);
        let wide = ss.attr.contains(SegAttr::DB);
        let sp = if wide { cpu.gpr[4] & 0xffff_ffff } else { cpu.gpr[4] & 0xffff };
        let word = |n: usize| self.read(ss.base + sp + width * n as u64) & (u64::MAX >> (64 - 8 * width));
        ((handler >> 4) as u8, std::array::from_fn(word))
    }

    /// Reads 8 bytes.
    pub fn read(&self, at: u64) -> u64 {
        self.ram.read_u64(GuestPhysAddr(at))
    }

    /// Sets RFLAGS bits.
    pub fn set_flags(&mut self, bits: RFlags) {
        let flags = self.vcpu.cpu.rflags() | bits;
        self.vcpu.cpu.set_rflags(flags);
        self.vcpu.state_changed();
    }

    /// Sets a vector's gate to a DPL and an IST entry.
    pub fn set_gate(&mut self, vector: u64, dpl: u64, ist: u64) {
        let at = GuestPhysAddr(IDT + 16 * vector);
        let gate = self.ram.read_u64(at) & !(0x6007 << 32);
        self.ram.write_u64(at, gate | dpl << 45 | ist << 32);
    }

    /// Runs at most `count` instructions.
    pub fn step(&mut self, count: u64) -> Exit {
        let limit = self.vcpu.retired() + count;
        self.vcpu.run(&mut StubBus(Rc::clone(&self.lines)), limit)
    }

    /// Runs to a HLT outside the handlers.
    #[track_caller]
    pub fn run_to_halt(&mut self) {
        assert_eq!(self.step(10_000), Exit::Halted);
        let rip = self.vcpu.cpu.rip;
        assert!(!(HANDLERS..HANDLERS + 0x1000).contains(&rip), "{:?}", self.frame());
    }

    /// Runs to the HLT of a 64-bit handler.
    #[track_caller]
    pub fn caught(&mut self) -> Caught {
        assert_eq!(self.step(10_000), Exit::Halted);
        self.frame()
    }

    fn frame(&self) -> Caught {
        let cpu = &self.vcpu.cpu;
        let vector = (cpu.rip.wrapping_sub(HANDLERS) >> 4) as u8;
        let sp = cpu.gpr[4];
        let coded = matches!(vector, 8 | 10..=14 | 17);
        let error = if coded { self.read(sp) as u32 } else { 0 };
        Caught { vector, error, rip: self.read(sp + 8 * u64::from(coded)) }
    }
}

fn pte_of(page: u64) -> u64 {
    PT + (page >> 12) * 8
}

fn flat(selector: u16, attr: u16) -> Segment {
    Segment { base: 0, limit: u32::MAX, selector: Selector(selector), attr: SegAttr::from_bits_retain(attr) }
}
