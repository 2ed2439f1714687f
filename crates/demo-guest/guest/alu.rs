//! M1: what the integer instructions compute, and their flags.

use super::asm::{Guest, R};
use super::layout::SCRATCH;
use iced_x86::code_asm::*;

const CF: u64 = 0x01;
const PF: u64 = 0x04;
const AF: u64 = 0x10;
const ZF: u64 = 0x40;
const SF: u64 = 0x80;
const OF: u64 = 0x800;

impl Guest {
    pub(crate) fn alu(&mut self) -> R {
        self.additions()?;
        self.registers()?;
        self.addressing()?;
        self.products()?;
        self.shifts()?;
        self.bits()?;
        self.exchanges()?;
        self.strings_and_stack()?;
        self.conditions()?;
        self.vectors()
    }

    fn additions(&mut self) -> R {
        self.check("ADD and ADC carry across 128 bits", |g, fail| {
            g.a.mov(rax, -1i64 as u64)?;
            g.a.mov(rdx, 7u64)?;
            g.a.add(rax, 1)?;
            g.a.adc(rdx, 0)?;
            g.expect(fail, rdx, 8)?;
            g.expect(fail, rax, 0)
        })?;
        self.check("ADD, SUB and CMP set all six flags", |g, fail| {
            g.a.mov(rbx, i64::MAX as u64)?;
            g.a.add(rbx, 1)?;
            g.expect_flags(fail, OF | SF | AF | PF)?;
            g.a.xor(ebx, ebx)?;
            g.a.sub(ebx, 1)?;
            g.expect_flags(fail, CF | PF | AF | SF)?;
            g.expect(fail, rbx, 0xffff_ffff)?;
            g.a.cmp(bl, bl)?;
            g.expect_flags(fail, ZF | PF)
        })?;
        self.check("INC and DEC leave CF alone", |g, fail| {
            g.a.mov(bl, 0xffu32)?;
            g.a.stc()?;
            g.a.inc(bl)?;
            g.expect_flags(fail, CF | PF | AF | ZF)?;
            g.a.clc()?;
            g.a.dec(bl)?;
            g.expect_flags(fail, PF | AF | SF)
        })
    }

    fn registers(&mut self) -> R {
        self.check("8 and 16-bit writes merge, 32-bit writes clear", |g, fail| {
            g.a.mov(rbx, 0x1122_3344_5566_7788u64)?;
            g.a.mov(bl, 0x99u32)?;
            g.a.mov(bh, 0xaau32)?;
            g.expect(fail, rbx, 0x1122_3344_5566_aa99)?;
            g.a.mov(bx, 0xbbccu32)?;
            g.expect(fail, rbx, 0x1122_3344_5566_bbcc)?;
            g.a.mov(ebx, ebx)?;
            g.expect(fail, rbx, 0x5566_bbcc)
        })?;
        self.check("REX reaches SIL and R8 to R15", |g, fail| {
            g.a.mov(rsi, 0x11ffu64)?;
            g.a.mov(sil, 1)?;
            g.expect(fail, rsi, 0x1101)?;
            g.a.mov(r8, 1u64 << 40)?;
            g.a.lea(r9, ptr(r8 + r8 * 8 + 5))?;
            g.expect(fail, r9, 9 * (1 << 40) + 5)?;
            g.a.mov(r10d, r9d)?;
            g.expect(fail, r10, 5)
        })?;
        self.check("MOVSX, MOVSXD and MOVZX extend", |g, fail| {
            g.a.mov(eax, 0x8000_0080u32)?;
            g.a.movsx(rbx, al)?;
            g.expect(fail, rbx, -128i64 as u64)?;
            g.a.movsxd(rbx, eax)?;
            g.expect(fail, rbx, 0xffff_ffff_8000_0080)?;
            g.a.movzx(ebx, al)?;
            g.expect(fail, rbx, 0x80)?;
            g.a.cdqe()?;
            g.a.cqo()?;
            g.expect(fail, rdx, u64::MAX)
        })
    }

    fn addressing(&mut self) -> R {
        self.check("SIB with R12 and R13, RIP-relative, segment-free 64-bit offsets", |g, fail| {
            g.poke(SCRATCH + 0x48, 0xfeed)?;
            g.a.mov(r12, SCRATCH)?;
            g.a.mov(r13, 9u64)?;
            g.a.mov(rbx, qword_ptr(r12 + r13 * 8))?;
            g.expect(fail, rbx, 0xfeed)?;
            g.a.lea(r13, ptr(r12 + 0x50))?;
            g.a.mov(rbx, qword_ptr(r13 - 8))?;
            g.expect(fail, rbx, 0xfeed)?;
            g.a.mov(rax, qword_ptr(SCRATCH + 0x48))?;
            g.expect(fail, rax, 0xfeed)?;
            let mut here = g.a.create_label();
            g.a.lea(rbx, ptr(here))?;
            g.a.call(here)?;
            g.here(&mut here)?;
            g.a.pop(rcx)?;
            g.a.cmp(rbx, rcx)?;
            g.a.jne(fail)
        })
    }

    fn products(&mut self) -> R {
        self.check("MUL and IMUL to 128 bits", |g, fail| {
            g.a.mov(rax, u64::MAX)?;
            g.a.mov(rcx, rax)?;
            g.a.mul(rcx)?;
            g.expect(fail, rdx, u64::MAX - 1)?;
            g.expect(fail, rax, 1)?;
            g.a.mov(rax, rcx)?;
            g.a.imul(rcx)?;
            g.expect(fail, rdx, 0)?;
            g.expect(fail, rax, 1)?;
            g.a.imul_3(rbx, rcx, -7)?;
            g.expect(fail, rbx, 7)
        })?;
        self.check("DIV and IDIV from 128 bits", |g, fail| {
            g.a.mov(edx, 1)?;
            g.a.xor(eax, eax)?;
            g.a.mov(ecx, 3)?;
            g.a.div(rcx)?;
            g.expect(fail, rax, 0x5555_5555_5555_5555)?;
            g.expect(fail, rdx, 1)?;
            g.a.mov(rax, -7i64 as u64)?;
            g.a.cqo()?;
            g.a.mov(ecx, 2)?;
            g.a.idiv(rcx)?;
            g.expect(fail, rax, -3i64 as u64)?;
            g.expect(fail, rdx, -1i64 as u64)
        })
    }

    fn shifts(&mut self) -> R {
        self.check("shifts mask their count and rotate through CF", |g, fail| {
            g.a.mov(ebx, 1)?;
            g.a.mov(cl, 65)?;
            g.a.shl(rbx, cl)?;
            g.expect(fail, rbx, 2)?;
            g.a.mov(cl, 32)?;
            g.a.cmp(ebx, ebx)?;
            g.a.shl(ebx, cl)?;
            g.expect_flags(fail, ZF | PF)?;
            g.a.stc()?;
            g.a.mov(ebx, 0x80)?;
            g.a.rcl(bl, 1)?;
            g.a.jnc(fail)?;
            g.expect(fail, rbx, 1)?;
            g.a.mov(rbx, i64::MIN as u64)?;
            g.a.sar(rbx, 63u32)?;
            g.expect(fail, rbx, u64::MAX)?;
            g.a.mov(rbx, 0x1234_5678_9abc_def0u64)?;
            g.a.xor(edx, edx)?;
            g.a.shld(rdx, rbx, 16u32)?;
            g.expect(fail, rdx, 0x1234)
        })
    }

    fn bits(&mut self) -> R {
        self.check("BSF, BSR, and BTS with a bit offset below its address", |g, fail| {
            g.a.mov(rax, 0x0000_0100_0000_1000u64)?;
            g.a.bsf(rbx, rax)?;
            g.expect(fail, rbx, 12)?;
            g.a.bsr(rbx, rax)?;
            g.expect(fail, rbx, 40)?;
            g.poke(SCRATCH, 0)?;
            g.a.mov(rbx, SCRATCH + 8)?;
            g.a.mov(rcx, -1i64 as u64)?;
            g.a.lock().bts(qword_ptr(rbx), rcx)?;
            g.a.jc(fail)?;
            g.expect_at(fail, SCRATCH, 1 << 63)
        })
    }

    fn exchanges(&mut self) -> R {
        self.check("CMPXCHG, CMPXCHG16B, XADD, BSWAP and CMOV", |g, fail| {
            g.poke(SCRATCH, 5)?;
            g.a.mov(rbx, SCRATCH)?;
            g.a.mov(eax, 4)?;
            g.a.mov(ecx, 9)?;
            g.a.lock().cmpxchg(qword_ptr(rbx), rcx)?;
            g.a.jz(fail)?;
            g.expect(fail, rax, 5)?;
            g.a.lock().cmpxchg(qword_ptr(rbx), rcx)?;
            g.a.jnz(fail)?;
            g.a.lock().xadd(qword_ptr(rbx), rcx)?;
            g.expect(fail, rcx, 9)?;
            g.expect_at(fail, SCRATCH, 18)?;
            g.poke(SCRATCH + 8, 7)?;
            g.a.mov(rdi, SCRATCH)?;
            g.a.mov(eax, 18)?;
            g.a.mov(edx, 7)?;
            g.a.mov(ebx, 1)?;
            g.a.mov(ecx, 2)?;
            g.a.lock().cmpxchg16b(xmmword_ptr(rdi))?;
            g.a.jnz(fail)?;
            g.expect_at(fail, SCRATCH + 8, 2)?;
            g.a.mov(rbx, 0x0102_0304_0506_0708u64)?;
            g.a.bswap(rbx)?;
            g.expect(fail, rbx, 0x0807_0605_0403_0201)?;
            g.a.cmp(ebx, ebx)?;
            g.a.cmovne(ebx, ecx)?;
            g.expect(fail, rbx, 0x0403_0201)
        })
    }

    fn strings_and_stack(&mut self) -> R {
        self.check("REP STOS, MOVS backwards, REPNE SCAS", |g, fail| {
            g.a.mov(rdi, SCRATCH)?;
            g.a.mov(rax, 0x4141_4141_4141_4141u64)?;
            g.a.mov(ecx, 64)?;
            g.a.rep().stosq()?;
            g.expect(fail, rdi, SCRATCH + 512)?;
            g.a.mov(byte_ptr(rdi - 100), 0x42)?;
            g.a.std()?;
            g.a.lea(rsi, ptr(rdi - 1))?;
            g.a.lea(rdi, ptr(rdi + 7))?;
            g.a.mov(ecx, 512)?;
            g.a.rep().movsb()?;
            g.a.cld()?;
            g.expect(fail, rdi, SCRATCH + 7)?;
            g.a.mov(rdi, SCRATCH)?;
            g.a.mov(ecx, 1000)?;
            g.a.mov(al, 0x42)?;
            g.a.repne().scasb()?;
            g.a.jnz(fail)?;
            g.expect(fail, rdi, SCRATCH + 512 - 100 + 8 + 1)?;
            g.expect(fail, rcx, 1000 - (512 - 100 + 8 + 1))
        })?;
        self.check("CALL, RET, ENTER and LEAVE keep the stack", |g, fail| {
            let (mut function, mut over) = (g.a.create_label(), g.a.create_label());
            g.a.mov(rbx, rsp)?;
            g.a.push(0x77)?;
            g.a.call(function)?;
            g.a.cmp(rbx, rsp)?;
            g.a.jne(fail)?;
            g.expect(fail, rax, 0x77)?;
            g.a.jmp(over)?;
            g.here(&mut function)?;
            g.a.enter(32, 0)?;
            g.a.mov(rax, qword_ptr(rbp + 16))?;
            g.a.leave()?;
            g.a.ret_1(8)?;
            g.here(&mut over)
        })
    }

    fn conditions(&mut self) -> R {
        self.check("all sixteen conditions after comparing 1 with 2", |g, fail| {
            g.a.mov(edi, SCRATCH as u32)?;
            g.a.mov(eax, 1)?;
            g.a.cmp(eax, 2)?;
            // SETcc [RDI + condition]
            for condition in 0..16u8 {
                g.a.db(&[0x0f, 0x90 + condition, 0x47, condition])?;
            }
            g.expect_at(fail, SCRATCH, 0x0001_0100_0001_0100)?;
            g.expect_at(fail, SCRATCH + 8, 0x0001_0001_0001_0001)
        })
    }

    fn vectors(&mut self) -> R {
        self.check("SSE2 adds four lanes at once", |g, fail| {
            g.poke(SCRATCH, 0xffff_ffff_0000_0001)?;
            g.poke(SCRATCH + 8, 0x7fff_ffff_0000_0003)?;
            g.a.mov(edi, SCRATCH as u32)?;
            g.a.movdqu(xmm1, xmmword_ptr(rdi))?;
            g.a.paddd(xmm1, xmm1)?;
            g.a.movq(rbx, xmm1)?;
            g.expect(fail, rbx, 0xffff_fffe_0000_0002)?;
            g.a.psrldq(xmm1, 8)?;
            g.a.movq(rbx, xmm1)?;
            g.expect(fail, rbx, 0xffff_fffe_0000_0006)
        })
    }
}
