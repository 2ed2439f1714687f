//! M5, second half: ticks from the 8254 through the 8259A, and from the local APIC.

use super::asm::{Guest, R, at};
use super::layout::*;
use super::traps::{APIC_SPURIOUS, APIC_TIMER, PIT};
use iced_x86::code_asm::*;

/// 1,193,182 Hz / 100
const DIVISOR: u32 = 11_932;
/// Turns of a waiting loop before a check gives up.
const PATIENCE: u32 = 300_000_000;

const TPR: u64 = 0x080;
const EOI_DONE: u64 = 0x110;
const SVR: u64 = 0x0f0;
const ICR: u64 = 0x300;
const LVT_TIMER: u64 = 0x320;
const LVT_LINT0: u64 = 0x350;
const INITIAL: u64 = 0x380;
const CURRENT: u64 = 0x390;
const DIVIDE: u64 = 0x3e0;
const IRR: u64 = 0x200;
const PERIODIC: u32 = 1 << 17;

impl Guest {
    /// Writes a local APIC register. RAX is used.
    fn apic(&mut self, register: u64, value: u32) -> R {
        self.a.mov(eax, (LAPIC + register) as u32)?;
        self.a.mov(dword_ptr(rax), value)
    }

    /// Reads a local APIC register into EBX. RAX is used.
    fn apic_read(&mut self, register: u64) -> R {
        self.a.mov(eax, (LAPIC + register) as u32)?;
        self.a.mov(ebx, dword_ptr(rax))
    }

    /// Interrupts on, until the counter reaches `count`. RCX is used.
    fn wait_for(&mut self, fail: CodeLabel, counter: u64, count: i32) -> R {
        let (mut again, mut reached) = (self.a.create_label(), self.a.create_label());
        self.a.mov(ecx, PATIENCE)?;
        self.a.sti()?;
        self.here(&mut again)?;
        self.a.cmp(at(counter), count)?;
        self.a.jae(reached)?;
        self.a.pause()?;
        self.a.dec(ecx)?;
        self.a.jnz(again)?;
        self.a.cli()?;
        self.a.jmp(fail)?;
        self.here(&mut reached)?;
        self.a.cli()
    }

    pub(crate) fn timers(&mut self) -> R {
        // LINT0 as ExtINT lets the 8259A through where no firmware has set it up.
        self.apic(SVR, 0x100 | APIC_SPURIOUS as u32)?;
        self.apic(LVT_LINT0, 0x700)?;
        self.apic(TPR, 0)?;
        let vector = PIT as u32;
        for (port, value) in [
            (0x20, 0x11),
            (0xa0, 0x11),
            (0x21, vector),
            (0xa1, vector + 8),
            (0x21, 4),
            (0xa1, 2),
            (0x21, 1),
            (0xa1, 1),
            (0x21, 0xfe),
            (0xa1, 0xff),
            (0x43, 0x34),
            (0x40, DIVISOR & 0xff),
            (0x40, DIVISOR >> 8),
        ] {
            self.out(port, value)?;
        }
        self.pit()?;
        self.apic_timer()?;
        self.apic_priority()
    }

    fn pit(&mut self) -> R {
        self.check("8254 ticks at 100 Hz through the 8259A", |g, fail| {
            g.poke(var::TICKS, 0)?;
            g.wait_for(fail, var::TICKS, 3)
        })?;
        self.check("HLT sleeps until a tick, CLI holds it back", |g, fail| {
            g.a.mov(rbx, at(var::TICKS))?;
            g.a.sti()?;
            g.a.hlt()?;
            g.a.cli()?;
            g.a.cmp(rbx, at(var::TICKS))?;
            g.a.je(fail)?;
            // The next tick waits in the IRR of the 8259A (OCW3: read IRR).
            let mut wait = g.a.create_label();
            g.a.mov(rbx, at(var::TICKS))?;
            g.out(0x20, 0x0a)?;
            g.a.mov(ecx, PATIENCE / 10)?;
            g.here(&mut wait)?;
            g.a.dec(ecx)?;
            g.a.jz(fail)?;
            g.a.in_(al, 0x20)?;
            g.a.test(al, 1)?;
            g.a.jz(wait)?;
            g.a.cmp(rbx, at(var::TICKS))?;
            g.a.jne(fail)
        })
    }

    fn apic_timer(&mut self) -> R {
        self.check("the local APIC timer fires once", |g, fail| {
            g.poke(var::APIC_TICKS, 0)?;
            g.apic(DIVIDE, 0xb)?;
            g.apic(LVT_TIMER, APIC_TIMER as u32)?;
            g.apic(INITIAL, 2_000_000)?;
            g.wait_for(fail, var::APIC_TICKS, 1)?;
            g.apic_read(CURRENT)?;
            g.expect(fail, rbx, 0)?;
            g.expect_at(fail, var::APIC_TICKS, 1)
        })?;
        self.check("the local APIC timer fires periodically", |g, fail| {
            g.poke(var::APIC_TICKS, 0)?;
            g.apic(LVT_TIMER, APIC_TIMER as u32 | PERIODIC)?;
            g.apic(INITIAL, 1_000_000)?;
            g.wait_for(fail, var::APIC_TICKS, 3)?;
            g.apic(INITIAL, 0)?;
            g.apic(LVT_TIMER, APIC_TIMER as u32)
        })
    }

    fn apic_priority(&mut self) -> R {
        self.check("a self-IPI waits in IRR until CR8 lets it pass", |g, fail| {
            // Whatever is left of the periodic timer comes first.
            g.a.sti()?;
            g.a.nop()?;
            g.a.nop()?;
            g.poke(var::APIC_TICKS, 0)?;
            g.a.mov(eax, (APIC_TIMER >> 4) as u32)?;
            g.a.mov(cr8, rax)?;
            g.apic(ICR, 1 << 18 | APIC_TIMER as u32)?;
            g.apic_read(IRR + (APIC_TIMER >> 5) * 16)?;
            g.a.bt(ebx, (APIC_TIMER & 31) as u32)?;
            g.a.jnc(fail)?;
            g.expect_at(fail, var::APIC_TICKS, 0)?;
            g.apic_read(TPR)?;
            g.expect(fail, rbx, APIC_TIMER)?;
            g.a.xor(eax, eax)?;
            g.a.mov(cr8, rax)?;
            g.a.nop()?;
            g.a.cli()?;
            g.expect_at(fail, var::APIC_TICKS, 1)?;
            g.apic_read(EOI_DONE)?;
            g.expect(fail, rbx, 0)
        })
    }
}
