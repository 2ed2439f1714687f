//! The memory guest: every 2 MiB of RAM holds words of its own, all of them at once, also above 4 GiB.

use super::asm::{Guest, R, at};
use super::layout::*;
use iced_x86::code_asm::*;

/// Regions of this size are mapped and looked at.
const REGION: u64 = 0x20_0000;
/// Words of a region: on its first page and on its last.
const WORDS: [u64; 4] = [0, 0xff8, REGION - 0x1000, REGION - 8];
/// An odd number: its product with an address is another for each address.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// One PDPT maps so much.
const MOST: u64 = 512 << 30;
/// Regions from here on are free.
const FREE: u64 = HIGH_PD + (MOST >> 30) * 0x1000;
/// Loads a constant into EAX and returns; the constant is at 1.
const ROUTINE: [u8; 6] = [0xb8, 0x11, 0x22, 0x33, 0x44, 0xc3];
/// Below the end of RAM: a PML4, a PDPT, a routine. None of them touches a word.
const TOP_PML4: u64 = 0x4000;
const TOP_PDPT: u64 = 0x3000;
const TOP_ROUTINE: u64 = 0x5000;

/// What the guest does, from the first byte of its 64-bit part on.
pub(crate) fn main(g: &mut Guest) -> R {
    let [mut stubs, mut wrong, mut failed, mut no_map, mut low_only, mut finish] =
        [(); 6].map(|()| g.a.create_label());
    g.start(stubs, &[])?;
    g.a.lea(rax, ptr(failed))?;
    g.a.mov(at(var::ABORT), rax)?;
    g.say("\r\nv64 memory guest\r\n")?;
    g.read_map(no_map)?;
    g.map_regions()?;
    g.above_4_gib(low_only)?;
    g.move_tables()?;
    g.run_at_the_top(failed)?;
    g.say("memory: page tables and code above 4 GiB, ok\r\n")?;
    g.here(&mut low_only)?;
    g.fill()?;
    g.verify(wrong)?;
    g.say("memory: ")?;
    g.a.mov(rax, at(var::RAM_BYTES))?;
    g.a.add(rax, 0xf_ffff)?;
    g.a.shr(rax, 20u32)?;
    g.a.call(g.lib.put_decimal)?;
    g.say(" MiB, ")?;
    g.a.mov(rax, r15)?;
    g.a.call(g.lib.put_decimal)?;
    g.say(" regions above 4 GiB, ok\r\n")?;
    g.power_off()?;
    g.a.jmp(finish)?;

    g.here(&mut wrong)?;
    g.report_wrong()?;
    g.a.jmp(failed)?;
    g.here(&mut no_map)?;
    g.say("memory: the loader gave no memory map\r\n")?;
    g.here(&mut failed)?;
    g.say("memory: FAILED\r\n")?;
    g.here(&mut finish)?;
    g.end_badly()?;

    g.serial_routines()?;
    g.traps(&mut stubs)?;
    g.place_strings()
}

impl Guest {
    /// Makes a table of start and end of each stretch of usable regions at `SCRATCH`, with a zero behind it.
    ///
    /// SPEC: multiboot-1 :: 3.3 Boot information format -> flags bit 6: mmap_length and mmap_addr; entries of size, base, length, type (1: usable)
    fn read_map(&mut self, no_map: CodeLabel) -> R {
        let [mut next, mut over, mut done] = [(); 3].map(|()| self.a.create_label());
        self.a.mov(rbx, at(var::INFO))?;
        self.a.test(rbx, rbx)?;
        self.a.jz(no_map)?;
        self.a.test(dword_ptr(rbx), 1 << 6)?;
        self.a.jz(no_map)?;
        self.a.mov(esi, dword_ptr(rbx + 48))?;
        self.a.mov(ecx, dword_ptr(rbx + 44))?;
        self.a.lea(r8, ptr(rsi + rcx))?;
        self.a.mov(edi, SCRATCH as u32)?;
        self.here(&mut next)?;
        self.a.cmp(rsi, r8)?;
        self.a.jae(done)?;
        self.a.cmp(edi, (LINE - 16) as i32)?;
        self.a.jae(done)?;
        self.a.mov(eax, dword_ptr(rsi))?;
        self.a.lea(r9, ptr(rsi + rax + 4))?;
        self.a.cmp(dword_ptr(rsi + 20), 1)?;
        self.a.jne(over)?;
        self.a.mov(r10, qword_ptr(rsi + 4))?;
        self.a.mov(r11, qword_ptr(rsi + 12))?;
        self.a.add(at(var::RAM_BYTES), r11)?;
        self.a.add(r11, r10)?;
        self.whole_regions()?;
        self.a.cmp(r10, r11)?;
        self.a.jae(over)?;
        self.a.mov(qword_ptr(rdi), r10)?;
        self.a.mov(qword_ptr(rdi + 8), r11)?;
        self.a.add(edi, 16)?;
        self.a.cmp(r11, at(var::TOP))?;
        self.a.jbe(over)?;
        self.a.mov(at(var::TOP), r11)?;
        self.here(&mut over)?;
        self.a.mov(rsi, r9)?;
        self.a.jmp(next)?;
        self.here(&mut done)?;
        self.a.mov(qword_ptr(rdi), 0)
    }

    /// Narrows R10 to R11 to the regions that lie in it, are free and can be mapped. RAX is used.
    fn whole_regions(&mut self) -> R {
        self.a.mov(rax, FREE)?;
        self.a.cmp(r10, rax)?;
        self.a.cmovb(r10, rax)?;
        self.a.mov(rax, MOST)?;
        self.a.cmp(r11, rax)?;
        self.a.cmova(r11, rax)?;
        self.a.add(r10, (REGION - 1) as i32)?;
        self.a.and(r10, -(REGION as i32))?;
        self.a.and(r11, -(REGION as i32))
    }

    /// Runs `body` for each region, its address in RBX. R12 and R13 are used; R12 points to where the stretch starts.
    fn each_region(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let [mut stretch, mut region, mut done] = [(); 3].map(|()| self.a.create_label());
        self.a.mov(r12d, SCRATCH as u32)?;
        self.here(&mut stretch)?;
        self.a.mov(rbx, qword_ptr(r12))?;
        self.a.test(rbx, rbx)?;
        self.a.jz(done)?;
        self.a.mov(r13, qword_ptr(r12 + 8))?;
        self.here(&mut region)?;
        body(self)?;
        self.a.add(rbx, REGION as i32)?;
        self.a.cmp(rbx, r13)?;
        self.a.jb(region)?;
        self.a.add(r12, 16)?;
        self.a.jmp(stretch)?;
        self.here(&mut done)
    }

    /// Maps what lies above 4 GiB one to one, in a page directory for each GiB, and counts it in R15.
    fn map_regions(&mut self) -> R {
        self.a.xor(r15d, r15d)?;
        self.each_region(|g| {
            let [mut have, mut low] = [(); 2].map(|()| g.a.create_label());
            g.a.mov(rax, rbx)?;
            g.a.shr(rax, 32u32)?;
            g.a.jz(low)?;
            g.a.inc(r15)?;
            g.a.mov(rax, rbx)?;
            g.a.shr(rax, 30u32)?;
            g.a.cmp(qword_ptr(PDPT + rax * 8), 0)?;
            g.a.jne(have)?;
            g.a.mov(rdi, rax)?;
            g.a.shl(rdi, 12u32)?;
            g.a.add(rdi, HIGH_PD as i32)?;
            g.a.lea(rdx, ptr(rdi + 3))?;
            g.a.mov(qword_ptr(PDPT + rax * 8), rdx)?;
            g.a.xor(eax, eax)?;
            g.a.mov(ecx, 512)?;
            g.a.rep().stosq()?;
            g.here(&mut have)?;
            g.a.mov(rax, rbx)?;
            g.a.shr(rax, 21u32)?;
            g.a.lea(rdx, ptr(rbx + 0x83))?;
            g.a.mov(qword_ptr(HIGH_PD + rax * 8), rdx)?;
            g.here(&mut low)
        })
    }

    /// R13 = the end of RAM; jumps if that is not above 4 GiB.
    fn above_4_gib(&mut self, not: CodeLabel) -> R {
        self.a.mov(r13, at(var::TOP))?;
        self.a.test(r15, r15)?;
        self.a.jz(not)
    }

    /// Walks begin above 4 GiB from here on.
    fn move_tables(&mut self) -> R {
        for (from, below) in [(PML4, TOP_PML4), (PDPT, TOP_PDPT)] {
            self.a.mov(esi, from as u32)?;
            self.a.lea(rdi, ptr(r13 - below as i32))?;
            self.a.mov(ecx, 512)?;
            self.a.rep().movsq()?;
        }
        self.a.lea(rax, ptr(r13 - TOP_PDPT as i32 + 3))?;
        self.a.mov(qword_ptr(r13 - TOP_PML4 as i32), rax)?;
        self.a.lea(rax, ptr(r13 - TOP_PML4 as i32))?;
        self.a.mov(cr3, rax)?;
        // The old tables are of no use any more.
        self.a.mov(qword_ptr(PML4), 0)
    }

    /// Runs a routine there, changes it and runs it again.
    fn run_at_the_top(&mut self, fail: CodeLabel) -> R {
        let (mut bytes, changed) = ([0; 8], 0x5566_7788_u32);
        bytes[..ROUTINE.len()].copy_from_slice(&ROUTINE);
        self.a.mov(rax, u64::from_le_bytes(bytes))?;
        self.a.lea(rbx, ptr(r13 - TOP_ROUTINE as i32))?;
        self.a.mov(qword_ptr(rbx), rax)?;
        self.a.call(rbx)?;
        self.a.cmp(eax, 0x4433_2211)?;
        self.a.jne(fail)?;
        self.a.mov(dword_ptr(rbx + 1), changed)?;
        self.a.call(rbx)?;
        self.a.cmp(eax, changed as i32)?;
        self.a.jne(fail)
    }

    /// R14 = the factor.
    fn fill(&mut self) -> R {
        self.a.mov(r14, FACTOR)?;
        self.each_region(|g| {
            for word in WORDS {
                g.a.lea(rdx, ptr(rbx + word as i32))?;
                g.a.mov(rax, rdx)?;
                g.a.imul_2(rax, r14)?;
                g.a.mov(qword_ptr(rdx), rax)?;
            }
            Ok(())
        })
    }

    /// Leaves for `wrong` with the address in RDX and what it should hold in RAX.
    fn verify(&mut self, wrong: CodeLabel) -> R {
        self.each_region(|g| {
            for word in WORDS {
                g.a.lea(rdx, ptr(rbx + word as i32))?;
                g.a.mov(rax, rdx)?;
                g.a.imul_2(rax, r14)?;
                g.a.cmp(qword_ptr(rdx), rax)?;
                g.a.jne(wrong)?;
            }
            g.verify_crossing(wrong)
        })
    }

    /// Reads half of the last word before the region and half of the first in it at once.
    fn verify_crossing(&mut self, wrong: CodeLabel) -> R {
        let mut first = self.a.create_label();
        self.a.cmp(rbx, qword_ptr(r12))?;
        self.a.je(first)?;
        self.a.lea(rcx, ptr(rbx - 8))?;
        self.a.imul_2(rcx, r14)?;
        self.a.shr(rcx, 32u32)?;
        self.a.mov(rax, rbx)?;
        self.a.imul_2(rax, r14)?;
        self.a.shl(rax, 32u32)?;
        self.a.or(rax, rcx)?;
        self.a.lea(rdx, ptr(rbx - 4))?;
        self.a.cmp(qword_ptr(rdx), rax)?;
        self.a.jne(wrong)?;
        self.here(&mut first)
    }

    fn report_wrong(&mut self) -> R {
        self.a.mov(rbp, rax)?;
        self.say("memory: ")?;
        self.a.mov(rax, rdx)?;
        self.a.call(self.lib.put_hex)?;
        self.say(" holds ")?;
        self.a.mov(rax, qword_ptr(rdx))?;
        self.a.call(self.lib.put_hex)?;
        self.say(", not ")?;
        self.a.mov(rax, rbp)?;
        self.a.call(self.lib.put_hex)?;
        self.say("\r\n")
    }

    /// By isa-debug-exit where there is one, else by a halt from which nothing wakes.
    fn end_badly(&mut self) -> R {
        let mut halt = self.a.create_label();
        self.out(0xf4, 1)?;
        self.here(&mut halt)?;
        self.a.cli()?;
        self.a.hlt()?;
        self.a.jmp(halt)
    }
}
