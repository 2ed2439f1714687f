//! Repeated string instructions: in bulk where nothing can tell, else one iteration after the other.
//!
//! One step of a repeated instruction goes at most to the end of a page; then RIP still names it and the run loop looks
//! up, so that interrupts come in between and no count can hold up the host. A step counts as one instruction, so where it
//! ends follows from what the guest can see alone: the same for all engines, whatever of its code they keep.

use super::{Raised, Vcpu, attention};
use crate::{Flow, GeneralRegisters};
use x86_decode::{InsnFlags, Instruction, Op};
use x86_paging::AccessKind;
use x86_state::{RFlags, gpr};
use x86_types::{CodeSize, LinearAddr, PAGE_SIZE, RamAddr, Seg, Width};

impl Vcpu {
    /// SPEC: intel-sdm-vol3 :: 19.3.1.4 Single-Step Exception Condition -> RFLAGS.TF traps after each iteration
    /// SPEC: intel-sdm-vol2 :: REP/REPE/REPZ/REPNE/REPNZ—Repeat String Operation Prefix -> the count register has the address size; CMPS and SCAS end by ZF too; exceptions and interrupts leave the registers at the iteration reached
    pub(crate) fn repeat_string(
        &mut self,
        insn: &Instruction,
        body: fn(&mut Self, &Instruction) -> Result<(), Raised>,
    ) -> Result<Flow, Raised> {
        let w = insn.addrsize;
        let mut count = w.trunc(self.cpu.gpr[gpr::RCX]);
        let until_zf = match insn.op {
            Op::Cmps | Op::Scas => Some(insn.flags.contains(InsnFlags::REPNE)),
            _ => None,
        };
        let stepping = self.cpu.system_flags.contains(RFlags::TF);
        let mut left = if stepping { count.min(1) } else { self.reach(insn, count) };
        self.run_state.event = false;
        while left != 0 && !self.run_state.event {
            let done = match (until_zf, insn.op) {
                (None, Op::Ins | Op::Outs) => self.port_block(insn, left),
                (None, _) => self.bulk(insn, left),
                (Some(end), _) => self.bulk_scan(insn, left, end),
            };
            if done != 0 {
                count -= done;
                left -= done;
                self.set_count(insn, count);
                // A comparison ends by an iteration that sets the flags.
                if until_zf.is_none() {
                    continue;
                }
            }
            body(self, insn)?;
            count = w.trunc(count.wrapping_sub(1));
            self.set_count(insn, count);
            left -= 1;
            if until_zf.is_some_and(|end| self.cpu.arith.zf() == end) {
                return Ok(Flow::End);
            }
        }
        if count != 0 {
            self.cpu.rip = self.cpu.rip.wrapping_sub(u64::from(insn.len));
        }
        Ok(Flow::End)
    }

    /// Iterations of one step: as many of `count` as stay within pages, or a single one.
    fn reach(&self, insn: &Instruction, count: u64) -> u64 {
        let (size, w) = (u64::from(element(insn).bytes()), insn.addrsize);
        let down = self.cpu.system_flags.contains(RFlags::DF);
        let within = |register: usize| stretch(w.trunc(self.cpu.gpr[register]), 0, size, w, down);
        let mut n = u64::MAX;
        if !matches!(insn.op, Op::Lods | Op::Outs) {
            n = within(gpr::RDI);
        }
        if matches!(insn.op, Op::Movs | Op::Cmps | Op::Lods | Op::Outs) {
            n = n.min(within(gpr::RSI));
        }
        count.min(n.max(1))
    }

    fn set_count(&mut self, insn: &Instruction, count: u64) {
        self.write_gpr(gpr::RCX as u8, insn.addrsize, count);
    }

    /// Does as many iterations of MOVS or STOS as stay within pages of plain RAM, in either direction. Gives how many.
    fn bulk(&mut self, insn: &Instruction, count: u64) -> u64 {
        if !matches!(insn.op, Op::Movs | Op::Stos)
            || count < 4
            || self.run_state.attention & attention::BREAKPOINTS != 0
        {
            return 0;
        }
        let size = u64::from(insn.opsize.bytes());
        let w = insn.addrsize;
        let down = self.cpu.system_flags.contains(RFlags::DF);
        let (rsi, rdi) = (w.trunc(self.cpu.gpr[gpr::RSI]), w.trunc(self.cpu.gpr[gpr::RDI]));
        let (from_base, to_base) = (self.base_of(insn.seg), self.base_of(Seg::Es));
        let mut n = count.min(stretch(rdi, to_base, size, w, down));
        if insn.op == Op::Movs {
            n = n.min(stretch(rsi, from_base, size, w, down));
        }
        if n < 4 {
            return 0;
        }
        // Going down, the last element lies lowest.
        let back = if down { (n - 1) * size } else { 0 };
        let len = n * size;
        let Some(to) = self.bulk_page(Seg::Es, rdi - back, len, AccessKind::Write) else { return 0 };
        if insn.op == Op::Movs {
            let Some(from) = self.bulk_page(insn.seg, rsi - back, len, AccessKind::Read) else { return 0 };
            // A destination shortly ahead of the source repeats what was just written: iteration by iteration then.
            let ahead = if down { from.0.wrapping_sub(to.0) } else { to.0.wrapping_sub(from.0) };
            if ahead != 0 && ahead < len {
                return 0;
            }
            self.code_written(to, len);
            if !self.mem.guest.ram_copy(from, to, len) {
                return 0;
            }
            self.step_register(gpr::RSI, insn, len, down);
        } else {
            self.code_written(to, len);
            let unit = insn.opsize.trunc(self.cpu.gpr[gpr::RAX]);
            if unit == (unit & 0xff) * (insn.opsize.mask() / 0xff) {
                if !self.mem.guest.ram_fill(to, len, unit as u8) {
                    return 0;
                }
            } else {
                (0..n).for_each(|k| self.mem.guest.set_ram_value(to.wrapping_add(k * size), size, unit));
            }
        }
        self.step_register(gpr::RDI, insn, len, down);
        n
    }

    /// Does iterations of INS or OUTS that go up within a page of plain RAM, in as few calls of the bus as it allows, until
    /// an access makes the run loop look up. Returns how many.
    ///
    /// SPEC: intel-sdm-vol2 :: INS/INSB/INSW/INSD—Input from Port to String -> an interrupt that a read makes due is taken behind its iteration
    /// SPEC: intel-sdm-vol2 :: OUTS/OUTSB/OUTSW/OUTSD—Output String to Port -> likewise behind a write
    fn port_block(&mut self, insn: &Instruction, count: u64) -> u64 {
        let w = insn.addrsize;
        if count < 2
            || self.cpu.system_flags.contains(RFlags::DF)
            || self.run_state.attention & attention::BREAKPOINTS != 0
        {
            return 0;
        }
        let input = insn.op == Op::Ins;
        let (register, seg, kind) = match input {
            true => (gpr::RDI, Seg::Es, AccessKind::Write),
            false => (gpr::RSI, insn.seg, AccessKind::Read),
        };
        let (port, bytes) = (self.cpu.gpr[gpr::RDX] as u16, element(insn).bytes());
        let size = u64::from(bytes);
        let offset = w.trunc(self.cpu.gpr[register]);
        let n = count.min(stretch(offset, self.base_of(seg), size, w, false));
        if n == 0 {
            return 0;
        }
        let Some(place) = self.bulk_page(seg, offset, n * size, kind) else { return 0 };
        let mut page = [0; PAGE_SIZE as usize];
        let data = &mut page[..(n * size) as usize];
        if !input {
            self.mem.guest.ram_read(place, data);
        }
        let (now, mut done) = (self.run_state.retired, 0);
        while done < n && !self.run_state.event {
            let from = (done * size) as usize;
            let moved = if input {
                self.bus_mut().port_read_block(now, port, bytes as u8, &mut data[from..])
            } else {
                self.bus_mut().port_write_block(now, port, bytes as u8, &data[from..])
            };
            let moved = (moved as u64).clamp(1, n - done);
            if input {
                self.code_written(place.wrapping_add(done * size), moved * size);
                self.mem
                    .guest
                    .ram_write(place.wrapping_add(done * size), &data[from..][..(moved * size) as usize]);
            }
            tracing::trace!(target: "io", port, size, moved, input, "block");
            self.statistics.port_io += 1;
            done += moved;
            self.bus_touched();
        }
        self.step_register(register, insn, done * size, false);
        done
    }

    /// Skips iterations of CMPS or SCAS, going up through one page of plain RAM each, that leave ZF not as `end`; at
    /// least one iteration is left, which sets the flags. Gives how many were skipped.
    fn bulk_scan(&mut self, insn: &Instruction, count: u64, end: bool) -> u64 {
        let size = u64::from(insn.opsize.bytes());
        let w = insn.addrsize;
        if count < 8
            || self.cpu.system_flags.contains(RFlags::DF)
            || self.run_state.attention & attention::BREAKPOINTS != 0
        {
            return 0;
        }
        let (rsi, rdi) = (w.trunc(self.cpu.gpr[gpr::RSI]), w.trunc(self.cpu.gpr[gpr::RDI]));
        let mut n = (count - 1).min(stretch(rdi, self.base_of(Seg::Es), size, w, false));
        let from = if insn.op == Op::Cmps {
            n = n.min(stretch(rsi, self.base_of(insn.seg), size, w, false));
            self.bulk_page(insn.seg, rsi, n * size, AccessKind::Read)
        } else {
            None
        };
        if n == 0 || insn.op == Op::Cmps && from.is_none() {
            return 0;
        }
        let Some(to) = self.bulk_page(Seg::Es, rdi, n * size, AccessKind::Read) else { return 0 };
        let wanted = insn.opsize.trunc(self.cpu.gpr[gpr::RAX]);
        let skipped = self.skipped(insn.opsize, n, from, to, wanted, end);
        if insn.op == Op::Cmps {
            self.step_register(gpr::RSI, insn, skipped * size, false);
        }
        self.step_register(gpr::RDI, insn, skipped * size, false);
        skipped
    }

    /// How many of `n` elements at `to` differ from those at `from`, or from `wanted`, before the first that does not; or
    /// the other way round where `equal` does not end it. Eight bytes are compared at once.
    fn skipped(&self, w: Width, n: u64, from: Option<RamAddr>, to: RamAddr, wanted: u64, equal: bool) -> u64 {
        let (size, bits) = (u64::from(w.bytes()), u64::from(w.bits()));
        // The lowest and the highest bit of each element
        let low = u64::MAX / w.mask();
        let high = low << (bits - 1);
        let differing = |k: u64, bytes: u64, wanted: u64| {
            let left =
                from.map_or(wanted, |from| self.mem.guest.ram_value(from.wrapping_add(k * size), bytes));
            left ^ self.mem.guest.ram_value(to.wrapping_add(k * size), bytes)
        };
        let mut k = 0;
        while k + 8 / size <= n {
            let x = differing(k, 8, wanted.wrapping_mul(low));
            // Of elements that are 0 the lowest one is told for sure.
            let ends = if equal { x.wrapping_sub(low) & !x & high } else { x };
            if ends != 0 {
                return k + u64::from(ends.trailing_zeros()) / bits;
            }
            k += 8 / size;
        }
        while k < n && (differing(k, size, wanted) == 0) != equal {
            k += 1;
        }
        k
    }

    fn step_register(&mut self, r: usize, insn: &Instruction, by: u64, down: bool) {
        let old = self.cpu.gpr[r];
        let v = if down { old.wrapping_sub(by) } else { old.wrapping_add(by) };
        self.write_gpr(r as u8, insn.addrsize, v);
    }

    fn base_of(&self, seg: Seg) -> u64 {
        self.mem.seg_base[seg as usize]
    }

    /// Where `len` bytes lie in memory that are in one page, where the access neither faults nor has to be seen.
    fn bulk_page(&mut self, seg: Seg, offset: u64, len: u64, kind: AccessKind) -> Option<RamAddr> {
        let n = seg as usize;
        let end = self.mem.seg_ends[usize::from(kind == AccessKind::Write)][n];
        if self.mem.seg_checks >> n & 1 != 0 && (offset.saturating_add(len) > end || self.alignment_checked())
        {
            return None;
        }
        let linear = LinearAddr(offset.wrapping_add(self.mem.seg_base[seg as usize]) & self.mem.linear_mask);
        if self.cpu.code_size == CodeSize::Bits64 && !linear.is_canonical(self.cpu.linear_bits()) {
            return None;
        }
        // Tags are those of plain memory.
        let (mmu, tlb) = (self.mem.mmu, &self.mem.tlb);
        let hit = match kind {
            AccessKind::Write => tlb.lookup_write(mmu, linear, 1),
            _ => tlb.lookup_read(mmu, linear, 1),
        };
        if hit.is_some() {
            return tlb.lookup_ram(mmu, linear);
        }
        // The first iteration would meet the same fault, and sets the same accessed and dirty flags.
        let phys = self.physical(linear, self.explicit(kind)).ok()?;
        let page = phys.page();
        let ram = match kind {
            AccessKind::Write => self.mem.guest.ram_to_write(page, PAGE_SIZE),
            _ => self.mem.guest.ram_to_read(page, PAGE_SIZE),
        };
        ram.map(|ram| ram.wrapping_add(phys.page_offset()))
    }
}

/// The width of an iteration's operand. Ports have 32 bits at most.
fn element(insn: &Instruction) -> Width {
    let is_port = matches!(insn.op, Op::Ins | Op::Outs);
    if is_port && insn.opsize == Width::B8 { Width::B4 } else { insn.opsize }
}

/// Elements from `offset` on in a segment at `base`, in the direction of travel, that lie in one page and whose offsets do not
/// wrap.
fn stretch(offset: u64, base: u64, size: u64, w: Width, down: bool) -> u64 {
    let within = offset.wrapping_add(base) & (PAGE_SIZE - 1);
    let room = PAGE_SIZE - within;
    if room < size {
        return 0;
    }
    let (in_page, in_segment) =
        if down { (within / size + 1, offset / size + 1) } else { (room / size, (w.mask() - offset) / size) };
    in_page.min(in_segment)
}
