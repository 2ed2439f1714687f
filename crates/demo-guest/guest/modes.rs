//! M2: long mode and the modes below it.

use super::asm::{Guest, R, at};
use super::entry32::{EFER, EFER_LME};
use super::layout::*;
use super::real16;
use iced_x86::code_asm::*;

const EFER_LMA: u32 = 1 << 10;

impl Guest {
    pub(crate) fn modes(&mut self) -> R {
        self.check("32-bit entry, then long mode: EFER, CR0, CR4 and CS agree", |g, fail| g.long_mode(fail))?;
        self.check("compatibility mode by a far call, and back", |g, fail| {
            g.poke(var::COMPAT, 0)?;
            g.poke(var::TABLE, g.blobs.compat | u64::from(sel::CODE32) << 32)?;
            g.a.mov(rbp, rsp)?;
            g.a.call(fword_ptr(var::TABLE))?;
            g.a.cmp(rbp, rsp)?;
            g.a.jne(fail)?;
            g.expect_at(fail, var::COMPAT, 0x7fff_ffff + 0x1122_3344)
        })?;
        self.check("down to 16-bit real mode with its own interrupts, and up again", |g, fail| {
            g.down_and_up(fail)
        })?;
        self.check("long mode is on again after the trip", |g, fail| g.long_mode(fail))
    }

    /// SPEC: intel-sdm-vol3 :: 11.8.5 Initializing IA-32e Mode -> LMA follows PG while LME is set
    fn long_mode(&mut self, fail: CodeLabel) -> R {
        self.rdmsr(EFER)?;
        self.a.and(eax, EFER_LMA | EFER_LME)?;
        self.a.cmp(eax, (EFER_LMA | EFER_LME) as i32)?;
        self.a.jne(fail)?;
        self.a.mov(rbx, cr0)?;
        self.a.bt(rbx, 31u32)?;
        self.a.jnc(fail)?;
        self.a.mov(rbx, cr4)?;
        self.a.bt(rbx, 5u32)?;
        self.a.jnc(fail)?;
        self.a.xor(ebx, ebx)?;
        self.a.mov(bx, cs)?;
        self.expect(fail, rbx, sel::CODE64.into())
    }

    fn down_and_up(&mut self, fail: CodeLabel) -> R {
        let mut back = self.a.create_label();
        for address in [real16::STORED, real16::COUNTED, real16::CODE_SEGMENT] {
            self.poke(address, 0)?;
        }
        self.poke(real16::MACHINE_STATUS, 1)?;
        self.poke(var::WAY_BACK, u64::from(sel::CODE64) << 32)?;
        self.a.lea(rax, ptr(back))?;
        self.a.mov(dword_ptr(var::WAY_BACK), eax)?;
        self.a.push(i32::from(sel::CODE32))?;
        self.a.mov(rax, self.blobs.leave)?;
        self.a.push(rax)?;
        // RETFQ
        self.a.db(&[0x48, 0xcb])?;
        self.here(&mut back)?;
        self.a.mov(rsp, at(var::CHECK_RSP))?;
        self.load_idt()?;
        self.a.test(dword_ptr(var::EFER_OFF), EFER_LMA | EFER_LME)?;
        self.a.jnz(fail)?;
        for (address, value) in
            [(real16::STORED, 0xbeef), (real16::COUNTED, 2), (real16::CODE_SEGMENT, REAL >> 4)]
        {
            self.expect_at(fail, address, value)?;
        }
        self.a.test(byte_ptr(real16::MACHINE_STATUS), 1)?;
        self.a.jnz(fail)
    }
}
