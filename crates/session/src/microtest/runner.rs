//! A processor in user mode over flat memory, for one vector after the other.

use super::case::{Case, Fault, Memory, State, bytes, hex, number};
use anyhow::{Result, bail};
use guest_memory::GuestMemory;
use std::rc::Rc;
use x86_exec::{Exit, NoBus, Vcpu};
use x86_state::cpuid::CpuModel;
use x86_state::{
    Cr0, Cr4, Efer, F80, Mxcsr, RFlags, SegAttr, Segment, Selector, Shadow, Vector256, X87, Xcr0,
};
use x86_types::{GuestPhysAddr, LinearAddr, Seg};

const RAM: u64 = 16 << 20;
const PML4: u64 = 0xf0_0000;
const PDPT: u64 = 0xf0_1000;
const PD: u64 = 0xf0_2000;
/// The interrupt table: each vector has its own HLT as handler.
const IDT: u64 = 0xf1_0000;
const GDT: u64 = 0xf2_0000;
const TSS: u64 = 0xf2_1000;
const HANDLERS: u64 = 0xf3_0000;
const STACK: u64 = 0xf4_0000;
/// No snippet takes more: a repeated string instruction of 64 Ki iterations is one.
const MAX_INSTRUCTIONS: u64 = 1_000_000;
const GPRS: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];

/// Runs vectors.
pub(super) struct Runner {
    vcpu: Vcpu,
    ram: Rc<GuestMemory>,
}

impl Runner {
    pub(super) fn new() -> Result<Self> {
        let ram = Rc::new(GuestMemory::new(RAM)?);
        let vcpu = Vcpu::new(CpuModel::MAX, Rc::clone(&ram));
        Ok(Self { vcpu, ram })
    }

    pub(super) fn vcpu_mut(&mut self) -> &mut Vcpu {
        &mut self.vcpu
    }

    /// Writes what differs: translated code stays where its bytes do.
    fn write(&mut self, at: u64, data: &[u8]) {
        let mut old = vec![0; data.len()];
        self.ram.read(GuestPhysAddr(at), &mut old);
        if old == data {
            return;
        }
        self.vcpu.invalidate_code(GuestPhysAddr(at), data.len() as u64);
        self.ram.write(GuestPhysAddr(at), data);
    }

    /// Tables: identity paging with user rights, a handler per vector, a TSS for the kernel stack.
    fn tables(&mut self, long: bool) {
        self.ram.write_u64(GuestPhysAddr(PML4), PDPT | 7);
        self.ram.write_u64(GuestPhysAddr(PDPT), PD | 7);
        for n in 0..RAM >> 21 {
            self.ram.write_u64(GuestPhysAddr(PD + 8 * n), n << 21 | 0xe7);
        }
        let kernel = if long { 0x00af_9b00_0000_ffff } else { 0x00cf_9b00_0000_ffff_u64 };
        self.ram.write_u64(GuestPhysAddr(GDT + 8), kernel);
        self.ram.write_u64(GuestPhysAddr(GDT + 16), 0x00cf_9300_0000_ffff);
        for vector in 0..256 {
            let handler = HANDLERS + 16 * vector;
            let gate = handler & 0xffff | 8 << 16 | 0x8e00 << 32 | (handler >> 16 & 0xffff) << 48;
            // Only INT3 of the code behind the snippet may be reached by a user's INT.
            let gate = gate | 0x6000 << 32;
            if long {
                self.ram.write_u64(GuestPhysAddr(IDT + 16 * vector), gate);
                self.ram.write_u64(GuestPhysAddr(IDT + 16 * vector + 8), 0);
            } else {
                self.ram.write_u64(GuestPhysAddr(IDT + 8 * vector), gate);
            }
            self.ram.write(GuestPhysAddr(handler), &[0xf4]);
        }
        if long {
            self.ram.write_u64(GuestPhysAddr(TSS + 4), STACK);
        } else {
            self.ram.write_u32(GuestPhysAddr(TSS + 4), STACK as u32);
            self.ram.write_u32(GuestPhysAddr(TSS + 8), 16);
        }
    }

    fn set_up(&mut self, case: &Case) -> Result<()> {
        let long = match case.mode {
            64 => true,
            32 => false,
            other => bail!("mode {other} is neither 32 nor 64"),
        };
        self.tables(long);
        let cpu = &mut self.vcpu.cpu;
        *cpu = x86_state::Cpu::new(CpuModel::MAX);
        cpu.cr0 = Cr0::PE | Cr0::MP | Cr0::ET | Cr0::NE | Cr0::WP | Cr0::AM;
        cpu.cr4 = Cr4::OSFXSR | Cr4::OSXMMEXCPT | Cr4::OSXSAVE;
        cpu.xcr0 = Xcr0::X87 | Xcr0::SSE | Xcr0::AVX;
        cpu.x87 = X87::INIT;
        cpu.mxcsr = Mxcsr::RESET;
        if long {
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
        cpu.seg = [segment(0x23, 0xc0f3); 6];
        cpu.seg[Seg::Cs as usize] = segment(0x1b, if long { 0xa0fb } else { 0xc0fb });
        cpu.tr = Segment {
            base: TSS,
            limit: 0x67,
            selector: Selector(0x28),
            attr: SegAttr::from_bits_retain(0x8b),
        };
        cpu.gdtr.base = GDT;
        cpu.gdtr.limit = 0x17;
        cpu.idtr.base = IDT;
        cpu.idtr.limit = 0xfff;
        cpu.cpl = 3;
        cpu.shadow = Shadow::None;
        for (name, value) in &case.input.regs {
            set_register(cpu, name, value)?;
        }
        let mut flags = cpu.rflags() | RFlags::IF | RFlags::FIXED;
        flags.remove(RFlags::VM | RFlags::RF);
        cpu.set_rflags(flags);
        let (rip, code) = (cpu.rip, bytes(&case.code)?);
        self.write(rip, &code);
        self.write(rip + code.len() as u64, &[0xcc; 64]);
        for place in &case.input.mem {
            self.write(number(&place.at)?, &bytes(&place.bytes)?);
        }
        self.vcpu.state_changed();
        Ok(())
    }

    /// Runs one vector.
    pub(super) fn run(&mut self, case: &Case) -> Result<State> {
        self.set_up(case)?;
        let start = self.vcpu.cpu.rip;
        let end = start + bytes(&case.code)?.len() as u64;
        let limit = self.vcpu.retired() + MAX_INSTRUCTIONS;
        let mut fault = None;
        while (start..end).contains(&self.vcpu.cpu.rip) && self.vcpu.retired() < limit {
            // One at a time, so that leaving the snippet is seen at once.
            let next = self.vcpu.retired() + 1;
            let exit = self.vcpu.run(&mut NoBus, next);
            if self.vcpu.cpu.cpl == 0 {
                fault = Some(self.take_fault(case.mode == 64));
                break;
            }
            if !matches!(exit, Exit::Budget | Exit::Halted) {
                bail!("the processor stopped with {exit:?}");
            }
        }
        self.outcome(case, fault)
    }

    /// Runs a vector again without stopping after each instruction, so that compiled code can run. The first run
    /// determined its end, which has an INT3. Also returns the number of instructions executed in compiled code.
    pub(super) fn run_again(&mut self, case: &Case, first: &State) -> Result<(State, u64)> {
        let end = self.vcpu.cpu.rip;
        if first.fault.is_none() && self.ram.contains(GuestPhysAddr(end), 1) {
            self.write(end, &[0xcc]);
        }
        self.set_up(case)?;
        let (limit, before) = (self.vcpu.retired() + MAX_INSTRUCTIONS, self.vcpu.statistics.compiled);
        let mut fault = None;
        while self.vcpu.retired() < limit {
            let exit = self.vcpu.run(&mut NoBus, limit);
            if self.vcpu.cpu.cpl == 0 {
                let taken = self.take_fault(case.mode == 64);
                let rip = self.vcpu.cpu.rip.wrapping_sub(u64::from(taken.vector == 3));
                if first.fault.is_none() && rip == end {
                    self.vcpu.cpu.rip = end;
                } else {
                    fault = Some(taken);
                }
                break;
            }
            if !matches!(exit, Exit::Budget | Exit::Halted) {
                bail!("the processor stopped with {exit:?}");
            }
        }
        Ok((self.outcome(case, fault)?, self.vcpu.statistics.compiled - before))
    }

    /// Registers and memory that the case names.
    fn outcome(&self, case: &Case, fault: Option<Fault>) -> Result<State> {
        let mut out = State { fault, ..State::default() };
        for name in case.input.regs.keys() {
            out.regs.insert(name.clone(), register(&self.vcpu.cpu, name)?);
        }
        for place in &case.input.mem {
            let mut data = bytes(&place.bytes)?;
            self.ram.read(GuestPhysAddr(number(&place.at)?), &mut data);
            out.mem.push(Memory { at: place.at.clone(), bytes: hex(&data) });
        }
        Ok(out)
    }

    /// Reads the handler's stack frame back into the registers, as if the exception had not been delivered.
    fn take_fault(&mut self, long: bool) -> Fault {
        let cpu = &mut self.vcpu.cpu;
        let vector = (cpu.rip.wrapping_sub(HANDLERS) >> 4) as u8;
        let (size, mut at) = (if long { 8 } else { 4 }, cpu.gpr[4]);
        let mut pop = || {
            let value = if long {
                self.ram.read_u64(GuestPhysAddr(at))
            } else {
                u64::from(self.ram.read_u32(GuestPhysAddr(at)))
            };
            at += size;
            value
        };
        let error = if matches!(vector, 8 | 10..=14 | 17) { pop() as u32 } else { 0 };
        let (rip, _cs, flags, rsp) = (pop(), pop(), pop(), pop());
        cpu.rip = rip;
        cpu.gpr[4] = rsp;
        cpu.set_rflags(RFlags::from_bits_retain(flags));
        Fault { vector, error: if matches!(vector, 12 | 13 | 17) { error } else { 0 } }
    }
}

fn vector_register<'a>(cpu: &'a mut Vcpu256, name: &str) -> Option<&'a mut Vector256> {
    let n: usize = name[3..].parse().ok()?;
    cpu.get_mut(n)
}

type Vcpu256 = [Vector256; 16];

fn st_index(name: &str) -> Result<usize> {
    match name[2..].parse() {
        Ok(n) if n < 8 => Ok(n),
        _ => bail!("{name} is no register"),
    }
}

fn set_register(cpu: &mut x86_state::Cpu, name: &str, value: &str) -> Result<()> {
    if let Some(n) = GPRS.iter().position(|&gpr| gpr == name) {
        cpu.gpr[n] = number(value)?;
        return Ok(());
    }
    match name {
        "rip" => cpu.rip = number(value)?,
        "rflags" => cpu.set_rflags(RFlags::from_bits_retain(number(value)?)),
        "mxcsr" => cpu.mxcsr = Mxcsr::from_bits_retain(number(value)? as u32),
        "fcw" => cpu.x87.control = number(value)? as u16,
        "fsw" => {
            // The vector has stack registers relative to TOP: store them at their physical positions.
            let old = cpu.x87.r;
            let (before, status) = (usize::from(cpu.x87.top()), number(value)? as u16);
            cpu.x87.status = status;
            let after = usize::from(cpu.x87.top());
            for n in 0..8 {
                cpu.x87.r[(after + n) & 7] = old[(before + n) & 7];
            }
        }
        "ftw" => cpu.x87.tags = number(value)? as u8,
        "fs_base" => cpu.seg[Seg::Fs as usize].base = LinearAddr(number(value)?).0,
        "gs_base" => cpu.seg[Seg::Gs as usize].base = LinearAddr(number(value)?).0,
        _ if name.starts_with("st") => {
            let data = bytes(value)?;
            let (Some(significand), Some(top)) = (data.first_chunk::<8>(), data.get(8..10)) else {
                bail!("{name} needs ten bytes");
            };
            let place = (usize::from(cpu.x87.top()) + st_index(name)?) & 7;
            cpu.x87.r[place] = F80 {
                significand: u64::from_le_bytes(*significand),
                sign_exponent: u16::from_le_bytes([top[0], top[1]]),
                reserved: [0; 3],
            };
        }
        _ if name.starts_with("xmm") || name.starts_with("ymm") => {
            let mut data = bytes(value)?;
            let wide = data.len() > 16;
            data.resize(32, 0);
            let Some(register) = vector_register(&mut cpu.vector, name) else {
                bail!("{name} is no register")
            };
            let half =
                |n: usize| data[n..].first_chunk::<16>().map_or(0, |bytes| u128::from_le_bytes(*bytes));
            register.lo = half(0);
            if wide {
                register.hi = half(16);
            }
        }
        _ => bail!("unknown register {name}"),
    }
    Ok(())
}

fn register(cpu: &x86_state::Cpu, name: &str) -> Result<String> {
    if let Some(n) = GPRS.iter().position(|&gpr| gpr == name) {
        return Ok(format!("{:#x}", cpu.gpr[n]));
    }
    Ok(match name {
        "rip" => format!("{:#x}", cpu.rip),
        "rflags" => {
            format!("{:#x}", cpu.rflags().difference(RFlags::IF | RFlags::FIXED | RFlags::RF).bits() | 2)
        }
        "mxcsr" => format!("{:#x}", cpu.mxcsr.bits()),
        "fcw" => format!("{:#x}", cpu.x87.control),
        "fsw" => format!("{:#x}", cpu.x87.status),
        "ftw" => format!("{:#x}", cpu.x87.tags),
        "fs_base" => format!("{:#x}", cpu.segment(Seg::Fs).base),
        "gs_base" => format!("{:#x}", cpu.segment(Seg::Gs).base),
        _ if name.starts_with("st") => {
            let value = cpu.x87.r[(usize::from(cpu.x87.top()) + st_index(name)?) & 7];
            hex(&value.significand.to_le_bytes()) + &hex(&value.sign_exponent.to_le_bytes())
        }
        _ => {
            let n: usize = name.get(3..).and_then(|n| n.parse().ok()).unwrap_or(16);
            let Some(value) = cpu.vector.get(n) else { bail!("{name} is no register") };
            let low = hex(&value.lo.to_le_bytes());
            if name.starts_with('x') { low } else { low + &hex(&value.hi.to_le_bytes()) }
        }
    })
}
