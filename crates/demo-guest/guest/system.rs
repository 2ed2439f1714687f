//! M5, first half: SYSCALL and SYSRET, SWAPGS, model-specific registers, CPUID.

use super::asm::{Guest, R, at};
use super::entry32::{EFER, EFER_LME, EFER_NXE, EFER_SCE};
use super::layout::*;
use super::user::GATE;
use iced_x86::code_asm::*;

const STAR: u32 = 0xc000_0081;
const LSTAR: u32 = 0xc000_0082;
const FMASK: u32 = 0xc000_0084;
const FS_BASE: u32 = 0xc000_0100;
const GS_BASE: u32 = 0xc000_0101;
const KERNEL_GS_BASE: u32 = 0xc000_0102;
/// No processor defines it.
const UNKNOWN_MSR: u32 = 0x4fff_ffff;
/// IF, DF and TF
const MASKED_FLAGS: u64 = 0x700;
/// IF, DF and the bit that is always set
const USER_FLAGS: i32 = 0x602;
const UD: u64 = 6;
const GP: u64 = 13;

impl Guest {
    pub(crate) fn system(&mut self) -> R {
        self.cpuid()?;
        self.bases()?;
        self.syscall()?;
        self.unknown_msr()
    }

    fn cpuid(&mut self) -> R {
        self.check("CPUID tells of long mode, SYSCALL and NX; RDTSC advances", |g, fail| {
            g.a.mov(eax, 0x8000_0001u32)?;
            g.a.cpuid()?;
            for bit in [29u32, 20, 11] {
                g.a.bt(edx, bit)?;
                g.a.jnc(fail)?;
            }
            let mut wait = g.a.create_label();
            g.a.rdtsc()?;
            g.a.mov(ebx, eax)?;
            g.a.mov(ecx, 1000)?;
            g.here(&mut wait)?;
            g.a.dec(ecx)?;
            g.a.jnz(wait)?;
            g.a.rdtsc()?;
            g.a.cmp(eax, ebx)?;
            g.a.je(fail)
        })
    }

    fn bases(&mut self) -> R {
        self.check("FS and GS bases come from their MSRs", |g, fail| {
            g.poke(SCRATCH + 8, 0xf5)?;
            g.poke(SCRATCH + 0x108, 0x65)?;
            g.wrmsr(FS_BASE, SCRATCH)?;
            g.wrmsr(GS_BASE, SCRATCH + 0x100)?;
            g.a.mov(ebp, 8)?;
            g.a.mov(rbx, qword_ptr(rbp).fs())?;
            g.expect(fail, rbx, 0xf5)?;
            g.a.mov(rbx, qword_ptr(rbp).gs())?;
            g.expect(fail, rbx, 0x65)
        })?;
        self.check("SWAPGS exchanges GS base and KERNEL_GS_BASE", |g, fail| {
            g.wrmsr(GS_BASE, 0x1111_2222_3333)?;
            g.wrmsr(KERNEL_GS_BASE, 0xffff_8000_0000_1000)?;
            g.a.swapgs()?;
            g.rdmsr(GS_BASE)?;
            g.expect(fail, rax, 0xffff_8000_0000_1000)?;
            g.rdmsr(KERNEL_GS_BASE)?;
            g.expect(fail, rax, 0x1111_2222_3333)
        })
    }

    /// SPEC: intel-sdm-vol2 :: SYSCALL—Fast System Call -> RCX = next RIP, R11 = RFLAGS, FMASK clears, CS and SS from STAR
    fn syscall(&mut self) -> R {
        let mut entry = self.a.create_label();
        let mut over = self.a.create_label();
        self.a.jmp(over)?;
        self.here(&mut entry)?;
        self.syscall_body()?;
        self.here(&mut over)?;
        self.check("SYSCALL from ring 3 and SYSRET back", |g, fail| {
            g.a.lea(rax, ptr(entry))?;
            g.a.mov(ecx, LSTAR)?;
            g.a.xor(edx, edx)?;
            g.a.wrmsr()?;
            g.wrmsr(STAR, u64::from(sel::USER_BASE) << 48 | u64::from(sel::CODE64) << 32)?;
            g.wrmsr(FMASK, MASKED_FLAGS)?;
            g.poke(SCRATCH, 0xfeed)?;
            g.wrmsr(GS_BASE, 0)?;
            g.wrmsr(KERNEL_GS_BASE, SCRATCH)?;
            let user = g.blobs.user;
            g.raises(fail, GATE.into(), 0, |g| g.enter_user(user.syscall, USER_FLAGS))?;
            for (address, value) in [
                (var::RAX, 42),
                (var::RCX, user.after_syscall),
                (var::SYS_RCX, user.after_syscall),
                (var::SYS_R11, USER_FLAGS as u64),
                (var::SYS_CS, sel::CODE64.into()),
                (var::SYS_RSP, USER_STACK),
                (var::SYS_GS, 0xfeed),
                (var::CS, sel::USER_CODE64.into()),
                (var::SS, sel::USER_DATA.into()),
                (var::FLAGS, USER_FLAGS as u64),
            ] {
                g.expect_at(fail, address, value)?;
            }
            g.a.test(dword_ptr(var::SYS_FLAGS), MASKED_FLAGS as u32)?;
            g.a.jnz(fail)
        })?;
        self.check("SYSCALL without EFER.SCE is #UD", |g, fail| {
            g.wrmsr(EFER, u64::from(EFER_LME | EFER_NXE) | 1 << 10)?;
            g.faults(fail, |g| g.a.syscall())?;
            g.wrmsr(EFER, u64::from(EFER_LME | EFER_NXE | EFER_SCE) | 1 << 10)?;
            g.expect_at(fail, var::VECTOR, UD)
        })
    }

    /// Where SYSCALL goes: notes what it finds, adds 1 to RAX and returns.
    fn syscall_body(&mut self) -> R {
        self.a.swapgs()?;
        self.a.mov(at(var::SYS_RSP), rsp)?;
        self.a.mov(rsp, SYSCALL_STACK)?;
        self.a.pushfq()?;
        self.a.pop(at(var::SYS_FLAGS))?;
        self.a.mov(at(var::SYS_RCX), rcx)?;
        self.a.mov(at(var::SYS_R11), r11)?;
        self.a.xor(ebx, ebx)?;
        self.a.mov(bx, cs)?;
        self.a.mov(at(var::SYS_CS), rbx)?;
        self.a.xor(ebx, ebx)?;
        self.a.mov(rbx, qword_ptr(rbx).gs())?;
        self.a.mov(at(var::SYS_GS), rbx)?;
        self.a.inc(eax)?;
        self.a.mov(rsp, at(var::SYS_RSP))?;
        self.a.swapgs()?;
        self.a.sysretq()
    }

    /// TCG answers unknown MSRs with 0; the check has no meaning there.
    fn unknown_msr(&mut self) -> R {
        let name = "an unknown MSR is #GP";
        let (mut skip, mut done) = (self.a.create_label(), self.a.create_label());
        self.a.cmp(at(var::TCG), 0)?;
        self.a.jne(skip)?;
        self.check(name, |g, fail| {
            g.raises(fail, GP, 0, |g| {
                g.a.mov(ecx, UNKNOWN_MSR)?;
                g.a.rdmsr()
            })
        })?;
        self.a.jmp(done)?;
        self.here(&mut skip)?;
        let text = self.string(name);
        self.a.lea(rsi, ptr(text))?;
        self.a.call(self.lib.report_skip)?;
        self.here(&mut done)
    }
}
