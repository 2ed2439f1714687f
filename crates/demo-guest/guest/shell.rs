//! The summary, and a shell of six commands.

use super::asm::{Guest, R, at};
use super::layout::{LINE, var};
use iced_x86::code_asm::*;

/// Longest line
const WIDTH: i32 = 120;
/// PM1a control: SLP_TYP 0 in bits 12:10, SLP_EN in bit 13
///
/// SPEC: acpi-6.5 :: 4.8.3.2.1 PM1 Control Registers -> SLP_TYP and SLP_EN; the machine's \_S5 says 0
const PM1A_CONTROL: u32 = 0x604;
const SOFT_OFF: u32 = 1 << 13;
/// SPEC: intel-ich9 :: 13.7 Processor Interface Registers -> RST_CNT at CF9h: SYS_RST and RST_CPU
const RESET_CONTROL: u32 = 0xcf9;
const HARD_RESET: u32 = 6;

impl Guest {
    pub(crate) fn summary(&mut self) -> R {
        let (mut failed, mut done) = (self.a.create_label(), self.a.create_label());
        self.say("\r\nv64 demo guest: ")?;
        self.a.cmp(at(var::FAILED), 0)?;
        self.a.jne(failed)?;
        self.say("all ")?;
        self.a.mov(rax, at(var::PASSED))?;
        self.a.call(self.lib.put_decimal)?;
        self.say(" checks passed")?;
        self.a.jmp(done)?;
        self.here(&mut failed)?;
        self.a.mov(rax, at(var::FAILED))?;
        self.a.call(self.lib.put_decimal)?;
        self.say(" of ")?;
        self.a.mov(rax, at(var::PASSED))?;
        self.a.add(rax, at(var::FAILED))?;
        self.a.call(self.lib.put_decimal)?;
        self.say(" checks FAILED")?;
        self.here(&mut done)?;
        self.say("\r\nType help for the commands.\r\n")
    }

    pub(crate) fn shell(&mut self) -> R {
        let (mut prompt, mut compare) = (self.a.create_label(), self.a.create_label());
        // Exceptions from here on are nobody's expectation.
        self.a.mov(at(var::ABORT), 0)?;
        self.here(&mut prompt)?;
        self.say("> ")?;
        self.read_line()?;
        self.command(compare, prompt, "help", |g| g.say("help, time, mem, echo TEXT, poweroff, reset\r\n"))?;
        self.command(compare, prompt, "time", |g| {
            g.a.mov(rax, at(var::TICKS))?;
            g.a.call(g.lib.put_decimal)?;
            g.say(" ticks of 10 ms\r\n")
        })?;
        self.command(compare, prompt, "mem", |g| {
            g.a.mov(rax, at(var::MEM_LOWER))?;
            g.a.call(g.lib.put_decimal)?;
            g.say(" KiB below and ")?;
            g.a.mov(rax, at(var::MEM_UPPER))?;
            g.a.call(g.lib.put_decimal)?;
            g.say(" KiB above 1 MiB, as the loader said\r\n")
        })?;
        self.command(compare, prompt, "echo", |g| {
            g.a.mov(rsi, rdi)?;
            g.a.call(g.lib.puts)?;
            g.say("\r\n")
        })?;
        self.command(compare, prompt, "poweroff", |g| {
            g.say("good night\r\n")?;
            g.power_off()
        })?;
        self.command(compare, prompt, "reset", |g| {
            g.out(RESET_CONTROL, HARD_RESET)?;
            g.say("still here\r\n")
        })?;
        self.a.cmp(byte_ptr(LINE), 0)?;
        self.a.je(prompt)?;
        self.say("no such command; try help\r\n")?;
        self.a.jmp(prompt)?;
        self.compare(&mut compare)
    }

    /// Comes back only where the power stays on.
    pub(crate) fn power_off(&mut self) -> R {
        self.a.mov(edx, PM1A_CONTROL)?;
        self.a.mov(eax, SOFT_OFF)?;
        self.a.out(dx, ax)?;
        self.say("the power is still on\r\n")
    }

    /// Runs `body` if the line begins with `word`; RDI is then at what follows.
    fn command(
        &mut self,
        compare: CodeLabel,
        prompt: CodeLabel,
        word: &str,
        body: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let mut next = self.a.create_label();
        let text = self.string(word);
        self.a.lea(rsi, ptr(text))?;
        self.a.call(compare)?;
        self.a.jne(next)?;
        body(self)?;
        self.a.jmp(prompt)?;
        self.here(&mut next)
    }

    /// ZF: the line is the word at RSI, or the word, a space and something at RDI.
    fn compare(&mut self, label: &mut CodeLabel) -> R {
        let (mut next, mut end, mut done) =
            (self.a.create_label(), self.a.create_label(), self.a.create_label());
        self.here(label)?;
        self.a.mov(edi, LINE as u32)?;
        self.here(&mut next)?;
        self.a.lodsb()?;
        self.a.test(al, al)?;
        self.a.jz(end)?;
        self.a.scasb()?;
        self.a.je(next)?;
        self.a.ret()?;
        self.here(&mut end)?;
        self.a.cmp(byte_ptr(rdi), 0)?;
        self.a.je(done)?;
        self.a.mov(al, byte_ptr(rdi))?;
        self.a.inc(rdi)?;
        self.a.cmp(al, i32::from(b' '))?;
        self.here(&mut done)?;
        self.a.ret()
    }

    /// Reads a line with echo into `LINE`, asleep between the ticks of the 8254 while nothing comes.
    fn read_line(&mut self) -> R {
        let [mut next, mut got, mut rubout, mut end] = [(); 4].map(|()| self.a.create_label());
        self.a.mov(edi, LINE as u32)?;
        self.here(&mut next)?;
        self.a.mov(edx, 0x3fd)?;
        self.a.in_(al, dx)?;
        self.a.test(al, 1)?;
        self.a.jnz(got)?;
        self.a.sti()?;
        self.a.hlt()?;
        self.a.jmp(next)?;
        self.here(&mut got)?;
        self.a.mov(edx, 0x3f8)?;
        self.a.in_(al, dx)?;
        for key in [b'\r', b'\n'] {
            self.a.cmp(al, i32::from(key))?;
            self.a.je(end)?;
        }
        for key in [8, 127] {
            self.a.cmp(al, key)?;
            self.a.je(rubout)?;
        }
        self.a.cmp(al, i32::from(b' '))?;
        self.a.jb(next)?;
        self.a.cmp(edi, LINE as i32 + WIDTH)?;
        self.a.jae(next)?;
        self.a.mov(byte_ptr(rdi), al)?;
        self.a.inc(rdi)?;
        self.a.call(self.lib.putc)?;
        self.a.jmp(next)?;
        self.here(&mut rubout)?;
        self.a.cmp(edi, LINE as i32)?;
        self.a.je(next)?;
        self.a.dec(rdi)?;
        self.say("\x08 \x08")?;
        self.a.jmp(next)?;
        self.here(&mut end)?;
        self.a.mov(byte_ptr(rdi), 0)?;
        self.say("\r\n")
    }
}
