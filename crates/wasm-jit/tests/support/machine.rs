//! A processor in user mode over flat memory, interpreting or with compiled code.

use super::bus::TestBus;
use super::vectors::{Case, bytes, number};
use guest_memory::GuestMemory;
use std::rc::Rc;
use wasm_jit::{CodeHost, Counts, Settings, Translator};
use wasmtime_host::WasmtimeHost;
use x86_exec::{Exit, Vcpu};
use x86_state::cpuid::CpuModel;
use x86_state::{Cpu, Cr0, Cr4, Efer, Mxcsr, RFlags, SegAttr, Segment, Selector, X87, Xcr0};
use x86_types::{CodeSize, GuestPhysAddr, Seg};

pub const RAM: u64 = 16 << 20;
pub const PML4: u64 = 0xf0_0000;
pub const PDPT: u64 = 0xf0_1000;
pub const PD: u64 = 0xf0_2000;
/// Linear addresses of 4-KiB pages that tests map, and the tables for them.
pub const PAGES: u64 = 0x4000_0000;
const PAGES_PD: u64 = 0xe8_0000;
const PAGES_PT: u64 = 0xe8_1000;
/// Where vectors of real mode are, and behind them a HLT for each.
const VECTORS: u64 = 0xe_0000;
const IDT: u64 = 0xf1_0000;
const GDT: u64 = 0xf2_0000;
const TSS: u64 = 0xf2_1000;
pub const HANDLERS: u64 = 0xf3_0000;
pub const STACK: u64 = 0xf4_0000;
const GPRS: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];

/// Where the entry of a page from [`PAGES`] on lies.
pub fn entry_of(linear: u64) -> u64 {
    PAGES_PT + 8 * (linear >> 12 & 511)
}

/// Where a run starts.
#[derive(Clone, Debug)]
pub struct Start {
    pub gpr: [u64; 16],
    pub rip: u64,
    pub rflags: u64,
    pub code: Vec<u8>,
    /// Physical address of the code, where it is not RIP
    pub at: Option<u64>,
    pub mem: Vec<(u64, Vec<u8>)>,
    pub xmm: [u128; 16],
    /// Bits 255:128 of the vector registers
    pub high: [u128; 16],
    pub mxcsr: Mxcsr,
    pub x87: X87,
    /// At CPL 0
    pub kernel: bool,
    /// What the segment registers hold where they are not flat
    pub segments: Option<[Segment; 6]>,
    /// Not in protected mode or 64-bit mode
    pub old: Option<Old>,
}

/// The modes in which selectors are paragraphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    Real,
    Virtual8086,
}

/// A segment of `size` bytes, or of the size that real mode gives it: its selector is a paragraph.
pub fn paragraph(selector: u16, attr: u16) -> Segment {
    Segment {
        base: u64::from(selector) << 4,
        limit: 0xffff,
        selector: Selector(selector),
        attr: SegAttr::from_bits_retain(attr),
    }
}

impl Default for Start {
    fn default() -> Start {
        Start {
            gpr: [0; 16],
            rip: 0,
            rflags: 0,
            code: Vec::new(),
            at: None,
            mem: Vec::new(),
            xmm: [0; 16],
            high: [0; 16],
            mxcsr: Mxcsr::RESET,
            x87: X87::INIT,
            kernel: false,
            segments: None,
            old: None,
        }
    }
}

impl Start {
    pub fn of(case: &Case) -> Start {
        let register = |name: &str| case.input.regs.get(name).map_or(0, |v| number(v));
        let half = |n: usize, from: usize| {
            let names = [format!("xmm{n}"), format!("ymm{n}")];
            let text = names.iter().find_map(|name| case.input.regs.get(name));
            let all = text.map(|text| bytes(text)).unwrap_or_default();
            all.get(from..from + 16).map_or(0, |half| u128::from_le_bytes(half.try_into().unwrap()))
        };
        Start {
            gpr: GPRS.map(register),
            rip: register("rip"),
            rflags: register("rflags"),
            code: bytes(&case.code),
            at: None,
            mem: case.input.mem.iter().map(|m| (number(&m.at), bytes(&m.bytes))).collect(),
            xmm: core::array::from_fn(|n| half(n, 0)),
            high: core::array::from_fn(|n| half(n, 16)),
            mxcsr: match register("mxcsr") {
                0 => Mxcsr::RESET,
                bits => Mxcsr::from_bits_retain(bits as u32),
            },
            x87: x87(case, register),
            ..Start::default()
        }
    }
}

/// The x87 unit as a case has it.
fn x87(case: &Case, register: impl Fn(&str) -> u64) -> X87 {
    let mut x87 = X87::INIT;
    if case.input.regs.contains_key("fcw") {
        (x87.control, x87.status, x87.tags) =
            (register("fcw") as u16, register("fsw") as u16, register("ftw") as u8);
    }
    for n in 0..8_u8 {
        let Some(text) = case.input.regs.get(&format!("st{n}")) else { continue };
        let all = bytes(text);
        let place = &mut x87.r[usize::from(((x87.status >> 11) as u8 + n) & 7)];
        place.significand = u64::from_le_bytes(all[..8].try_into().unwrap());
        place.sign_exponent = u16::from_le_bytes(all[8..10].try_into().unwrap());
    }
    x87
}

pub struct Machine {
    pub vcpu: Vcpu,
    pub ram: Rc<GuestMemory>,
    pub bus: TestBus,
    size: CodeSize,
    long: bool,
}

impl Machine {
    pub fn new(size: CodeSize) -> Machine {
        let ram = Rc::new(GuestMemory::new(RAM).unwrap());
        let bus = TestBus::new(Rc::clone(&ram));
        let vcpu = Vcpu::new(CpuModel::MAX, Rc::clone(&ram));
        let machine = Machine { vcpu, ram, bus, size, long: size == CodeSize::Bits64 };
        machine.tables();
        machine
    }

    /// Identity paging with user rights, a handler per vector that halts, a TSS for the kernel stack.
    fn tables(&self) {
        let write = |at, value| self.ram.write_u64(GuestPhysAddr(at), value);
        write(PML4, PDPT | 7);
        write(PDPT, PD | 7);
        (0..RAM >> 21).for_each(|n| write(PD + 8 * n, n << 21 | 0xe7));
        write(GDT + 8, if self.long { 0x00af_9b00_0000_ffff } else { 0x00cf_9b00_0000_ffff });
        write(GDT + 16, 0x00cf_9300_0000_ffff);
        write(GDT + 24, if self.long { 0x00af_fb00_0000_ffff } else { 0x00cf_fb00_0000_ffff });
        write(GDT + 32, 0x00cf_f300_0000_ffff);
        for vector in 0..256 {
            let handler = HANDLERS + 16 * vector;
            let gate = handler & 0xffff | 8 << 16 | 0xee00 << 32 | (handler >> 16 & 0xffff) << 48;
            write(IDT + if self.long { 16 } else { 8 } * vector, gate);
            self.ram.write(GuestPhysAddr(handler), &[0xf4]);
        }
        for vector in 0..256 {
            let handler = VECTORS as u32 + 0x400;
            self.ram.write_u32(GuestPhysAddr(VECTORS + 4 * vector), handler << 12 | vector as u32);
            self.ram.write(GuestPhysAddr(VECTORS + 0x400 + vector), &[0xf4]);
        }
        write(TSS + 4, STACK);
        if !self.long {
            self.ram.write_u32(GuestPhysAddr(TSS + 8), 16);
        }
    }

    /// The same, whose code is translated as soon as it runs the second time.
    pub fn compiling(size: CodeSize) -> Machine {
        Machine::with(size, Settings::AT_ONCE)
    }

    /// The same, with other settings.
    pub fn with(size: CodeSize, settings: Settings) -> Machine {
        Machine::on(Box::new(WasmtimeHost::new().unwrap()), size, settings)
    }

    /// The same, on another host.
    pub fn on(host: Box<dyn CodeHost>, size: CodeSize, settings: Settings) -> Machine {
        let mut machine = Machine::new(size);
        let translator = Translator::new(host, settings, &mut machine.vcpu);
        machine.vcpu.set_compiled(Box::new(translator));
        machine
    }

    /// What its translator did; nothing without one.
    pub fn counts(&mut self) -> Counts {
        self.translator().map(|translator| translator.counts()).unwrap_or_default()
    }

    pub fn translator(&mut self) -> Option<&mut Translator> {
        self.vcpu.compiled_mut().and_then(|code| code.as_any_mut().downcast_mut())
    }

    /// Writes what differs: compiled code stays where its bytes do.
    pub fn write(&mut self, at: u64, data: &[u8]) {
        if self.read(at, data.len()) == data {
            return;
        }
        self.vcpu.invalidate_code(GuestPhysAddr(at), data.len() as u64);
        self.ram.write(GuestPhysAddr(at), data);
    }

    pub fn read(&self, at: u64, len: usize) -> Vec<u8> {
        let mut data = vec![0; len];
        self.ram.read(GuestPhysAddr(at), &mut data);
        data
    }

    pub fn set_up(&mut self, start: &Start) {
        let cpu = &mut self.vcpu.cpu;
        *cpu = Cpu::new(CpuModel::MAX);
        cpu.cr0 = Cr0::PE | Cr0::MP | Cr0::ET | Cr0::NE | Cr0::WP | Cr0::AM;
        cpu.cr4 = Cr4::OSFXSR | Cr4::OSXMMEXCPT | Cr4::OSXSAVE;
        cpu.xcr0 = Xcr0::X87 | Xcr0::SSE | Xcr0::AVX;
        cpu.x87 = start.x87;
        cpu.mxcsr = start.mxcsr;
        for (n, register) in cpu.vector.iter_mut().enumerate() {
            (register.lo, register.hi) = (start.xmm[n], start.high[n]);
        }
        if self.long {
            cpu.cr0 |= Cr0::PG;
            cpu.cr4 |= Cr4::PAE;
            cpu.cr3 = PML4;
            cpu.efer = Efer::LME | Efer::LMA;
        }
        let segment = |selector, attr| Segment {
            base: 0,
            limit: u32::MAX,
            selector: Selector(selector),
            attr: SegAttr::from_bits_retain(attr),
        };
        let (code, data) = match self.size {
            CodeSize::Bits64 => (0xa0fb, 0xc0f3),
            CodeSize::Bits32 => (0xc0fb, 0xc0f3),
            CodeSize::Bits16 => (0x80fb, 0x80f3),
        };
        // A privilege level of 3 in the attributes and in the selectors, or of 0.
        let (level, selectors) = if start.kernel { (0x60, (0x10, 8)) } else { (0, (0x23, 0x1b)) };
        cpu.seg = [segment(selectors.0, data & !level); 6];
        cpu.seg[Seg::Cs as usize] = segment(selectors.1, code & !level);
        cpu.tr = Segment {
            base: TSS,
            limit: 0x67,
            selector: Selector(0x28),
            attr: SegAttr::from_bits_retain(0x8b),
        };
        cpu.gdtr.base = GDT;
        cpu.gdtr.limit = 0x27;
        cpu.idtr.base = IDT;
        cpu.idtr.limit = 0xfff;
        cpu.cpl = if start.kernel { 0 } else { 3 };
        cpu.gpr = start.gpr;
        cpu.rip = start.rip;
        let mut flags = RFlags::from_bits_retain(start.rflags) | RFlags::IF | RFlags::FIXED;
        flags.remove(RFlags::VM | RFlags::RF | RFlags::TF);
        flags.set(RFlags::VM, start.old == Some(Old::Virtual8086));
        cpu.set_rflags(flags);
        cpu.seg = start.segments.unwrap_or(cpu.seg);
        if start.old == Some(Old::Real) {
            cpu.cr0.remove(Cr0::PE);
            cpu.cpl = 0;
            (cpu.idtr.base, cpu.idtr.limit) = (VECTORS, 0x3ff);
        }
        let at = start.at.unwrap_or(start.rip);
        self.write(at, &start.code);
        self.write(at + start.code.len() as u64, &[0xcc; 64]);
        for (at, data) in &start.mem {
            self.write(*at, data);
        }
        self.vcpu.state_changed();
    }

    /// Runs until the handler of some exception halts, or for so many instructions. Gives how many were executed.
    pub fn run(&mut self, most: u64) -> u64 {
        let start = self.vcpu.retired();
        while self.vcpu.retired() < start + most {
            match self.vcpu.run(&mut self.bus, start + most) {
                Exit::Halted | Exit::Shutdown => break,
                Exit::Bus => {
                    self.bus.device.take_exit();
                    self.tell_writes();
                }
                Exit::Budget => {}
            }
        }
        self.vcpu.retired() - start
    }

    /// Tells the processor what the device wrote.
    fn tell_writes(&mut self) {
        for (at, len) in std::mem::take(&mut self.bus.written) {
            self.vcpu.invalidate_code(at, len);
        }
    }

    /// Code in place of the HLT that a vector's handler is.
    pub fn handle(&mut self, vector: u64, code: &str) {
        let (from, to) = (HANDLERS + 16 * vector, HANDLERS + 0x1000 + 64 * vector);
        let code = bytes(&code.replace(' ', ""));
        assert!(code.len() <= 64);
        self.write(to, &code);
        // jmp to
        let distance = (to - from - 5) as u32;
        self.write(from, &[&[0xe9][..], &distance.to_le_bytes()].concat());
    }

    /// An interrupt comes.
    pub fn raise(&mut self, vector: u8) {
        self.bus.vector = Some(vector);
        self.vcpu.poll_bus();
    }

    /// Puts a page behind a linear address from [`PAGES`] on.
    pub fn map(&self, linear: u64, entry: u64) {
        let write = |at, value| self.ram.write_u64(GuestPhysAddr(at), value);
        write(PDPT + 8 * (PAGES >> 30), PAGES_PD | 7);
        write(PAGES_PD, PAGES_PT | 7);
        write(entry_of(linear), entry);
    }

    /// Registers and flags, as text to compare.
    pub fn state(&self) -> String {
        let cpu = &self.vcpu.cpu;
        let (rip, flags) = (cpu.rip, cpu.rflags().bits());
        format!(
            "rip {rip:x} rflags {flags:x} cpl {} cr2 {:x} mxcsr {:x} gpr {:x?} seg {:x?} xmm {:x?} x87 {:x?}",
            cpu.cpl, cpu.cr2, cpu.mxcsr, cpu.gpr, cpu.seg, cpu.vector, cpu.x87
        )
    }

    /// All of memory.
    pub fn memory(&self) -> Vec<u8> {
        self.read(0, RAM as usize)
    }
}
