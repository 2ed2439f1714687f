//! COM1, polled, and what prints through it.

use super::asm::{Guest, R, at};
use super::layout::var;
use iced_x86::code_asm::*;

const COM1: u32 = 0x3f8;
const LSR: u32 = COM1 + 5;

impl Guest {
    /// 115200 baud, 8N1, FIFOs on, no interrupts.
    pub(crate) fn serial_init(&mut self) -> R {
        for (register, value) in [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 3), (2, 7), (4, 3)] {
            self.out(COM1 + register, value)?;
        }
        Ok(())
    }

    /// The routines. All of them keep every register but RAX, RSI and the flags.
    pub(crate) fn serial_routines(&mut self) -> R {
        self.putc()?;
        self.puts()?;
        self.put_decimal()?;
        self.put_hex()?;
        let (mut pass, mut fail, mut skip) =
            (self.lib.report_pass, self.lib.report_fail, self.lib.report_skip);
        self.report(&mut pass, "  [ ok ] ", Some(var::PASSED))?;
        self.report(&mut fail, "  [FAIL] ", Some(var::FAILED))?;
        self.report(&mut skip, "  [skip] ", None)
    }

    fn putc(&mut self) -> R {
        let mut label = self.lib.putc;
        let mut wait = self.a.create_label();
        self.here(&mut label)?;
        self.a.push(rdx)?;
        self.a.push(rax)?;
        self.a.mov(edx, LSR)?;
        self.here(&mut wait)?;
        self.a.in_(al, dx)?;
        self.a.test(al, 0x20)?;
        self.a.jz(wait)?;
        self.a.pop(rax)?;
        self.a.mov(edx, COM1)?;
        self.a.out(dx, al)?;
        self.a.pop(rdx)?;
        self.a.ret()
    }

    fn puts(&mut self) -> R {
        let mut label = self.lib.puts;
        let (mut next, mut done) = (self.a.create_label(), self.a.create_label());
        self.here(&mut label)?;
        self.a.cld()?;
        self.here(&mut next)?;
        self.a.lodsb()?;
        self.a.test(al, al)?;
        self.a.jz(done)?;
        self.a.call(self.lib.putc)?;
        self.a.jmp(next)?;
        self.here(&mut done)?;
        self.a.ret()
    }

    fn put_decimal(&mut self) -> R {
        let mut label = self.lib.put_decimal;
        let (mut divide, mut print) = (self.a.create_label(), self.a.create_label());
        self.here(&mut label)?;
        for register in [rbx, rcx, rdx] {
            self.a.push(register)?;
        }
        self.a.xor(ecx, ecx)?;
        self.a.mov(ebx, 10)?;
        self.here(&mut divide)?;
        self.a.xor(edx, edx)?;
        self.a.div(rbx)?;
        self.a.push(rdx)?;
        self.a.inc(ecx)?;
        self.a.test(rax, rax)?;
        self.a.jnz(divide)?;
        self.here(&mut print)?;
        self.a.pop(rax)?;
        self.a.add(al, i32::from(b'0'))?;
        self.a.call(self.lib.putc)?;
        self.a.dec(ecx)?;
        self.a.jnz(print)?;
        for register in [rdx, rcx, rbx] {
            self.a.pop(register)?;
        }
        self.a.ret()
    }

    fn put_hex(&mut self) -> R {
        let mut label = self.lib.put_hex;
        let (mut next, mut digit) = (self.a.create_label(), self.a.create_label());
        self.here(&mut label)?;
        self.a.push(rbx)?;
        self.a.push(rcx)?;
        self.a.mov(rbx, rax)?;
        self.a.mov(ecx, 16)?;
        self.here(&mut next)?;
        self.a.rol(rbx, 4u32)?;
        self.a.mov(eax, ebx)?;
        self.a.and(al, 15)?;
        self.a.add(al, i32::from(b'0'))?;
        self.a.cmp(al, i32::from(b'9'))?;
        self.a.jbe(digit)?;
        self.a.add(al, i32::from(b'a' - b'9' - 1))?;
        self.here(&mut digit)?;
        self.a.call(self.lib.putc)?;
        self.a.dec(ecx)?;
        self.a.jnz(next)?;
        self.a.pop(rcx)?;
        self.a.pop(rbx)?;
        self.a.ret()
    }

    /// Prints `mark` and the name at RSI, and counts.
    fn report(&mut self, label: &mut CodeLabel, mark: &str, counter: Option<u64>) -> R {
        self.here(label)?;
        self.a.push(rsi)?;
        self.say(mark)?;
        self.a.pop(rsi)?;
        self.a.call(self.lib.puts)?;
        self.say("\r\n")?;
        if let Some(counter) = counter {
            self.a.inc(at(counter))?;
        }
        // An exception that was expected and did not come must not swallow the next one.
        self.a.mov(at(var::RESUME), 0)?;
        self.a.ret()
    }
}
