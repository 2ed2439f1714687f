//! The IDT: a stub for each vector, the recorder of exceptions, and the interrupt handlers.

use super::asm::{Guest, R, at};
use super::layout::*;
use iced_x86::code_asm::*;

/// Vectors of the interrupts.
pub(crate) const PIT: u64 = 0x20;
pub(crate) const PIC_SPURIOUS: u64 = 0x27;
pub(crate) const SOFT: u64 = super::user::KERNEL_GATE as u64;
pub(crate) const APIC_TIMER: u64 = 0x50;
pub(crate) const APIC_SPURIOUS: u64 = 0xff;

/// Vectors that push an error code.
///
/// SPEC: intel-sdm-vol3 :: 7.13 Error Code -> Table 7-1: 8, 10 to 14, 17, 21
const WITH_ERROR: [u8; 8] = [8, 10, 11, 12, 13, 14, 17, 21];
const STUB: usize = 16;

/// The address of a vector's IDT entry.
pub(crate) const fn gate(vector: u64) -> u64 {
    IDT + 16 * vector
}

/// One stub a vector, 16 bytes apart: push a zero in place of an error code, push the vector, jump behind the stubs.
fn stubs() -> Vec<u8> {
    let mut all = Vec::new();
    for vector in 0..=255u8 {
        let start = all.len();
        if !WITH_ERROR.contains(&vector) {
            all.extend([0x6a, 0]);
        }
        all.push(0x68);
        all.extend(u32::from(vector).to_le_bytes());
        let distance = 256 * STUB - (all.len() + 5);
        all.push(0xe9);
        all.extend((distance as u32).to_le_bytes());
        all.resize(start + STUB, 0x90);
    }
    all
}

impl Guest {
    /// Fills the IDT and the TSS and loads both.
    pub(crate) fn traps_init(&mut self, stubs: CodeLabel, handlers: &[(u64, CodeLabel)]) -> R {
        let mut next = self.a.create_label();
        self.a.mov(edi, IDT as u32)?;
        self.a.lea(rbx, ptr(stubs))?;
        self.a.mov(ecx, 256)?;
        self.here(&mut next)?;
        self.write_gate()?;
        self.a.add(rbx, STUB as i32)?;
        self.a.add(edi, 16)?;
        self.a.dec(ecx)?;
        self.a.jnz(next)?;
        for (vector, handler) in handlers {
            self.a.mov(edi, gate(*vector) as u32)?;
            self.a.lea(rbx, ptr(*handler))?;
            self.write_gate()?;
        }
        // DPL 3 for the vector that user code may raise; stacks of their own for NMI and double faults.
        self.a.mov(byte_ptr(gate(super::user::GATE.into()) + 5), 0xeeu32)?;
        self.a.mov(byte_ptr(gate(2) + 4), 1)?;
        self.a.mov(byte_ptr(gate(8) + 4), 2)?;
        self.poke(TSS + 0x04, RSP0)?;
        self.poke(TSS + 0x24, IST1)?;
        self.poke(TSS + 0x2c, IST2)?;
        self.a.mov(word_ptr(TSS + 0x66), 0x68)?;
        self.load_idt()?;
        self.a.mov(eax, u32::from(sel::TSS))?;
        self.a.ltr(ax)
    }

    pub(crate) fn load_idt(&mut self) -> R {
        self.a.mov(word_ptr(var::TABLE), 0xfff)?;
        self.poke(var::TABLE + 2, IDT)?;
        self.a.lidt(tbyte_ptr(var::TABLE))
    }

    /// An interrupt gate at EDI for the code at RBX. RAX is used.
    ///
    /// SPEC: intel-sdm-vol3 :: 7.14.1 64-Bit Mode IDT -> the 16 bytes of a gate
    fn write_gate(&mut self) -> R {
        self.a.mov(rax, rbx)?;
        self.a.mov(word_ptr(rdi), ax)?;
        self.a.mov(word_ptr(rdi + 2), u32::from(sel::CODE64))?;
        self.a.mov(word_ptr(rdi + 4), 0x8e00u32)?;
        self.a.shr(rax, 16u32)?;
        self.a.mov(word_ptr(rdi + 6), ax)?;
        self.a.shr(rax, 16u32)?;
        self.a.mov(qword_ptr(rdi + 8), rax)
    }

    /// The stubs and, right behind them, the recorder.
    pub(crate) fn traps(&mut self, stubs_label: &mut CodeLabel) -> R {
        self.here(stubs_label)?;
        self.a.db(&stubs())?;
        let mut unexpected = self.a.create_label();
        self.a.cld()?;
        for (address, register) in [(var::RAX, rax), (var::RBX, rbx), (var::RCX, rcx), (var::R11, r11)] {
            self.a.mov(at(address), register)?;
        }
        // Vector, error code and the five quadwords of the frame.
        self.a.lea(rax, ptr(rsp + 56))?;
        self.a.mov(at(var::FRAME), rax)?;
        for address in [var::VECTOR, var::ERROR, var::RIP, var::CS, var::FLAGS, var::RSP, var::SS] {
            self.a.pop(rax)?;
            self.a.mov(at(address), rax)?;
        }
        self.a.mov(rax, cr2)?;
        self.a.mov(at(var::CR2), rax)?;
        self.a.mov(eax, u32::from(sel::DATA))?;
        for segment in [ds, es, ss] {
            self.a.mov(segment, eax)?;
        }
        self.a.mov(rax, at(var::RESUME))?;
        self.a.test(rax, rax)?;
        self.a.jz(unexpected)?;
        self.a.mov(at(var::RESUME), 0)?;
        self.a.mov(rsp, at(var::RESUME_RSP))?;
        self.a.jmp(rax)?;
        self.here(&mut unexpected)?;
        self.unexpected()
    }

    /// Tells what came and fails the check under way.
    fn unexpected(&mut self) -> R {
        let mut halt = self.a.create_label();
        self.a.mov(rsp, STACK - 0x1000)?;
        self.say("  unexpected exception ")?;
        self.a.mov(rax, at(var::VECTOR))?;
        self.a.call(self.lib.put_decimal)?;
        self.say(", error code ")?;
        self.a.mov(rax, at(var::ERROR))?;
        self.a.call(self.lib.put_hex)?;
        self.say(", at ")?;
        self.a.mov(rax, at(var::RIP))?;
        self.a.call(self.lib.put_hex)?;
        self.say("\r\n")?;
        self.a.mov(rax, at(var::ABORT))?;
        self.a.test(rax, rax)?;
        self.a.jz(halt)?;
        self.a.jmp(rax)?;
        self.here(&mut halt)?;
        self.a.cli()?;
        self.a.hlt()?;
        self.a.jmp(halt)
    }

    /// The interrupt handlers, with their vectors.
    pub(crate) fn interrupt_handlers(&mut self, labels: &mut [(u64, CodeLabel); 5]) -> R {
        let [pit, pic_spurious, soft, apic, apic_spurious] = labels;
        self.here(&mut pit.1)?;
        self.a.push(rax)?;
        self.a.inc(at(var::TICKS))?;
        self.a.mov(al, 0x20)?;
        self.a.out(0x20, al)?;
        self.a.pop(rax)?;
        self.a.iretq()?;
        self.here(&mut apic.1)?;
        self.a.push(rax)?;
        self.a.inc(at(var::APIC_TICKS))?;
        self.a.mov(eax, (LAPIC + 0xb0) as u32)?;
        self.a.mov(dword_ptr(rax), 0)?;
        self.a.pop(rax)?;
        self.a.iretq()?;
        self.here(&mut soft.1)?;
        self.a.inc(at(var::SOFT_INTERRUPTS))?;
        self.a.iretq()?;
        self.here(&mut pic_spurious.1)?;
        self.here(&mut apic_spurious.1)?;
        self.a.iretq()
    }
}
