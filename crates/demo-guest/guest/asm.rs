//! The 64-bit assembler with what every topic needs: checks, expected exceptions, strings.

use super::layout::var;
use iced_x86::IcedError;
use iced_x86::code_asm::*;

pub(crate) type R = Result<(), IcedError>;

/// Assembles the 64-bit part.
pub(crate) struct Guest {
    pub(crate) a: CodeAssembler,
    pub(crate) lib: Library,
    pub(crate) blobs: Blobs,
    strings: Vec<(CodeLabel, Vec<u8>)>,
    pub(crate) checks: u32,
}

/// Routines that every topic calls.
pub(crate) struct Library {
    /// AL to the serial line
    pub(crate) putc: CodeLabel,
    /// The zero-terminated string at RSI
    pub(crate) puts: CodeLabel,
    /// RAX in decimal
    pub(crate) put_decimal: CodeLabel,
    /// RAX as 16 hexadecimal digits
    pub(crate) put_hex: CodeLabel,
    pub(crate) report_pass: CodeLabel,
    pub(crate) report_fail: CodeLabel,
    pub(crate) report_skip: CodeLabel,
}

/// What the other assemblies offer to this one.
#[derive(Clone, Copy)]
pub(crate) struct Blobs {
    /// 32-bit code that a far call from 64-bit code reaches
    pub(crate) compat: u64,
    /// 32-bit code that leaves long mode for real mode and comes back through `WAY_BACK`
    pub(crate) leave: u64,
    /// Linear addresses in the user page
    pub(crate) user: User,
}

/// Entries of the user page.
#[derive(Clone, Copy, Default)]
pub(crate) struct User {
    pub(crate) interrupt: u64,
    pub(crate) halt: u64,
    pub(crate) touch: u64,
    pub(crate) gate: u64,
    pub(crate) syscall: u64,
    pub(crate) after_syscall: u64,
}

/// An absolute quadword.
pub(crate) fn at(address: u64) -> AsmMemoryOperand {
    qword_ptr(address)
}

impl Guest {
    pub(crate) fn new(blobs: Blobs) -> Result<Self, IcedError> {
        let mut a = CodeAssembler::new(64)?;
        let lib = Library {
            putc: a.create_label(),
            puts: a.create_label(),
            put_decimal: a.create_label(),
            put_hex: a.create_label(),
            report_pass: a.create_label(),
            report_fail: a.create_label(),
            report_skip: a.create_label(),
        };
        Ok(Self { a, lib, blobs, strings: Vec::new(), checks: 0 })
    }

    /// Puts a label here, even where there is one already.
    pub(crate) fn here(&mut self, label: &mut CodeLabel) -> R {
        self.a.set_label(label)?;
        self.a.zero_bytes()
    }

    /// A string, to be put behind the code.
    pub(crate) fn string(&mut self, text: &str) -> CodeLabel {
        let label = self.a.create_label();
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        self.strings.push((label, bytes));
        label
    }

    pub(crate) fn place_strings(&mut self) -> R {
        for (mut label, bytes) in std::mem::take(&mut self.strings) {
            self.here(&mut label)?;
            self.a.db(&bytes)?;
        }
        Ok(())
    }

    /// Prints a string.
    pub(crate) fn say(&mut self, text: &str) -> R {
        let text = self.string(text);
        self.a.lea(rsi, ptr(text))?;
        self.a.call(self.lib.puts)
    }

    /// One check: `body` jumps to the label it is given when something is not as it should be. It may use every register.
    pub(crate) fn check(&mut self, name: &str, body: impl FnOnce(&mut Self, CodeLabel) -> R) -> R {
        let name = self.string(name);
        let mut fail = self.a.create_label();
        let mut done = self.a.create_label();
        self.a.mov(at(var::CHECK_RSP), rsp)?;
        self.a.lea(rax, ptr(fail))?;
        self.a.mov(at(var::ABORT), rax)?;
        body(self, fail)?;
        self.a.mov(rsp, at(var::CHECK_RSP))?;
        self.a.lea(rsi, ptr(name))?;
        self.a.call(self.lib.report_pass)?;
        self.a.jmp(done)?;
        self.here(&mut fail)?;
        self.a.mov(rsp, at(var::CHECK_RSP))?;
        self.a.lea(rsi, ptr(name))?;
        self.a.call(self.lib.report_fail)?;
        self.here(&mut done)?;
        self.checks += 1;
        Ok(())
    }

    /// Expects `reg` to hold `value`. R15 is used.
    pub(crate) fn expect(&mut self, fail: CodeLabel, reg: AsmRegister64, value: u64) -> R {
        self.a.mov(r15, value)?;
        self.a.cmp(reg, r15)?;
        self.a.jne(fail)
    }

    /// Expects a quadword in memory. R14 and R15 are used.
    pub(crate) fn expect_at(&mut self, fail: CodeLabel, address: u64, value: u64) -> R {
        self.a.mov(r14, address)?;
        self.a.mov(r14, qword_ptr(r14))?;
        self.expect(fail, r14, value)
    }

    /// Expects the six status flags. RAX and R15 are used.
    pub(crate) fn expect_flags(&mut self, fail: CodeLabel, value: u64) -> R {
        self.a.pushfq()?;
        self.a.pop(rax)?;
        self.a.and(eax, 0x8d5)?;
        self.expect(fail, rax, value)
    }

    /// `body` must end in an exception, whose particulars are then in `var`. RAX and, afterwards, all others are used.
    pub(crate) fn faults(&mut self, fail: CodeLabel, body: impl FnOnce(&mut Self) -> R) -> R {
        let mut resume = self.a.create_label();
        self.a.lea(rax, ptr(resume))?;
        self.a.mov(at(var::RESUME), rax)?;
        self.a.mov(at(var::RESUME_RSP), rsp)?;
        body(self)?;
        self.a.jmp(fail)?;
        self.here(&mut resume)
    }

    /// `body` must end in this exception with this error code.
    pub(crate) fn raises(
        &mut self,
        fail: CodeLabel,
        vector: u64,
        error: u64,
        body: impl FnOnce(&mut Self) -> R,
    ) -> R {
        self.faults(fail, body)?;
        self.expect_at(fail, var::VECTOR, vector)?;
        self.expect_at(fail, var::ERROR, error)
    }

    /// Finds out whether this is QEMU's own translator (TCG), by which the guest is tried out but which departs from the
    /// manuals here and there. CPUID says so. RAX to RDX are used.
    pub(crate) fn detect_tcg(&mut self) -> R {
        let mut other = self.a.create_label();
        self.a.mov(eax, 1)?;
        self.a.cpuid()?;
        self.a.bt(ecx, 31u32)?;
        self.a.jnc(other)?;
        self.a.mov(eax, 0x4000_0000)?;
        self.a.cpuid()?;
        self.a.cmp(ebx, i32::from_le_bytes(*b"TCGT"))?;
        self.a.jne(other)?;
        self.a.inc(at(var::TCG))?;
        self.here(&mut other)
    }

    /// Leaves out what TCG is known to do otherwise than processors do.
    pub(crate) fn unless_tcg(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let mut over = self.a.create_label();
        self.a.cmp(at(var::TCG), 0)?;
        self.a.jne(over)?;
        body(self)?;
        self.here(&mut over)
    }

    /// Writes a constant to memory. RAX and RDX are used.
    pub(crate) fn poke(&mut self, address: u64, value: u64) -> R {
        self.a.mov(rdx, address)?;
        self.a.mov(rax, value)?;
        self.a.mov(qword_ptr(rdx), rax)
    }

    /// WRMSR of a constant. RAX, RCX and RDX are used.
    pub(crate) fn wrmsr(&mut self, msr: u32, value: u64) -> R {
        self.a.mov(ecx, msr)?;
        self.a.mov(eax, value as u32)?;
        self.a.mov(edx, (value >> 32) as u32)?;
        self.a.wrmsr()
    }

    /// RDMSR into RAX. RCX and RDX are used.
    pub(crate) fn rdmsr(&mut self, msr: u32) -> R {
        self.a.mov(ecx, msr)?;
        self.a.rdmsr()?;
        self.a.shl(rdx, 32u32)?;
        self.a.or(rax, rdx)
    }

    /// OUT of a constant byte. AL and DX are used.
    pub(crate) fn out(&mut self, port: u32, value: u32) -> R {
        self.a.mov(edx, port)?;
        self.a.mov(al, value)?;
        self.a.out(dx, al)
    }
}
