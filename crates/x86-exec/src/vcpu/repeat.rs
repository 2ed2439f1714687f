//! Repeated string instructions: in bulk where nothing can tell, else one iteration after the other.
//!
//! One step of a repeated instruction goes at most to the end of a page; then RIP still names it and the run loop looks
//! up, so that interrupts come in between and no count can hold up the host.

use super::{Trap, Vcpu};
use crate::Flow;
use x86_decode::{InsnFlags, Instruction, Op};
use x86_state::{RFlags, gpr};
use x86_types::{GuestPhysAddr, PAGE_SIZE};
use x86_types::{LinearAddr, Seg};

/// Iterations in one step at most.
const MAX_ITERATIONS: u64 = 4096;

impl Vcpu {
    /// SPEC: intel-sdm-vol3 :: 19.3.1.4 Single-Step Exception Condition -> RFLAGS.TF traps after each iteration
    /// SPEC: intel-sdm-vol2 :: REP/REPE/REPZ/REPNE/REPNZ—Repeat String Operation Prefix -> the count register has the address size; CMPS and SCAS end by ZF too; exceptions and interrupts leave the registers at the iteration reached
    pub(super) fn repeat_string(
        &mut self,
        insn: &Instruction,
        body: fn(&mut Self, &Instruction) -> Result<(), Trap>,
    ) -> Result<Flow, Trap> {
        let w = insn.addrsize;
        let mut count = w.trunc(self.cpu.gpr[gpr::RCX]);
        let until_zf = match insn.op {
            Op::Cmps | Op::Scas => Some(insn.flags.contains(InsnFlags::REPNE)),
            _ => None,
        };
        let stepping = self.cpu.system_flags.contains(RFlags::TF);
        let mut left = if stepping { 1 } else { MAX_ITERATIONS };
        self.stop = false;
        while count != 0 && left != 0 {
            let done = self.bulk(insn, count.min(left));
            if done != 0 {
                count -= done;
                self.set_count(insn, count);
                // One bulk transfer a step: it went to the end of a page.
                left = 0;
                continue;
            }
            body(self, insn)?;
            count = w.trunc(count.wrapping_sub(1));
            self.set_count(insn, count);
            left -= 1;
            if until_zf.is_some_and(|end| self.cpu.arith.zf() == end) {
                return Ok(Flow::End);
            }
            if self.stop {
                break;
            }
        }
        if count != 0 {
            self.cpu.rip = self.cpu.rip.wrapping_sub(u64::from(insn.len));
        }
        Ok(Flow::End)
    }

    fn set_count(&mut self, insn: &Instruction, count: u64) {
        use crate::Domain;
        self.write_gpr(gpr::RCX as u8, insn.addrsize, count);
    }

    /// Does as many iterations of MOVS or STOS as stay within pages of plain RAM, going up. Gives how many.
    fn bulk(&mut self, insn: &Instruction, count: u64) -> u64 {
        if !matches!(insn.op, Op::Movs | Op::Stos) || self.cpu.system_flags.contains(RFlags::DF) || count < 4
        {
            return 0;
        }
        let size = u64::from(insn.opsize.bytes());
        let w = insn.addrsize;
        let (rsi, rdi) = (w.trunc(self.cpu.gpr[gpr::RSI]), w.trunc(self.cpu.gpr[gpr::RDI]));
        let Some((to, room)) = self.bulk_page(Seg::Es, rdi, true) else { return 0 };
        let mut n = count.min(room / size).min((w.mask() - rdi) / size);
        if insn.op == Op::Movs {
            let Some((from, room)) = self.bulk_page(insn.seg, rsi, false) else { return 0 };
            n = n.min(room / size).min((w.mask() - rsi) / size);
            // A destination shortly behind the source repeats what was just written: iteration by iteration then.
            if n < 4 || to.0 > from.0 && to.0 < from.0 + n * size {
                return 0;
            }
            let mut buffer = [0; PAGE_SIZE as usize];
            let bytes = &mut buffer[..(n * size) as usize];
            self.ram.read(from, bytes);
            self.ram.write(to, bytes);
            self.step_register(gpr::RSI, insn, n * size);
        } else {
            if n < 4 {
                return 0;
            }
            let mut buffer = [0; PAGE_SIZE as usize];
            let bytes = &mut buffer[..(n * size) as usize];
            let unit = self.cpu.gpr[gpr::RAX].to_le_bytes();
            for chunk in bytes.chunks_exact_mut(size as usize) {
                chunk.copy_from_slice(&unit[..size as usize]);
            }
            self.ram.write(to, bytes);
        }
        self.step_register(gpr::RDI, insn, n * size);
        n
    }

    fn step_register(&mut self, r: usize, insn: &Instruction, by: u64) {
        use crate::Domain;
        let v = self.cpu.gpr[r].wrapping_add(by);
        self.write_gpr(r as u8, insn.addrsize, v);
    }

    /// Physical address of an offset and the bytes left in its page, where the TLB lets the access through.
    fn bulk_page(&self, seg: Seg, offset: u64, write: bool) -> Option<(GuestPhysAddr, u64)> {
        if self.seg_checks >> (seg as usize) & 1 != 0 {
            return None;
        }
        let linear = LinearAddr(offset.wrapping_add(self.seg_base[seg as usize]) & self.linear_mask);
        let hit = if write {
            self.tlb.lookup_write(self.mmu, linear, 1)
        } else {
            self.tlb.lookup_read(self.mmu, linear, 1)
        };
        hit?;
        let phys = self.tlb.lookup_slow(self.mmu, linear, x86_paging::AccessKind::Read)?;
        Some((phys, PAGE_SIZE - linear.page_offset()))
    }
}
