//! Fetching: from bytes of code to decoded blocks.

use super::Vcpu;
use super::block_store::{BlockId, MAX_BLOCK, Slot};
use x86_decode::{DecodeError, InsnFlags, Instruction, Op, decode};
use x86_paging::AccessKind;
use x86_types::{CodeSize, Exception, GuestPhysAddr, LinearAddr, PAGE_SIZE, RamAddr, Seg};

/// Bytes of code read at once.
const PORTION: usize = 64;

impl Vcpu {
    #[cold]
    #[inline(never)]
    pub(super) fn decode_block(&mut self, linear: LinearAddr) -> Result<BlockId, Exception> {
        let size = self.cpu.code_size;
        let limit = u64::from(self.cpu.segment(Seg::Cs).limit);
        if size != CodeSize::Bits64 && self.cpu.rip > limit {
            return Err(Exception::GP0);
        }
        if size == CodeSize::Bits64 && !linear.is_canonical(self.cpu.linear_bits()) {
            return Err(Exception::GP0);
        }
        let at = self.physical(linear, self.explicit(AccessKind::Execute))?;
        let ram = self.mem.guest.ram_to_execute(at, 1);
        if let Some(ram) = ram
            && let Some(block) = self.code.blocks.find(ram, size)
            && self.inside_limit(block)
        {
            return Ok(block);
        }
        let room = (PAGE_SIZE - linear.page_offset()).min(self.mem.guest.region(at).1) as usize;
        // Most blocks are short: bytes are read a few at a time.
        let mut bytes = [0u8; PORTION];
        let mut read = 0;
        let inside = if size == CodeSize::Bits64 { usize::MAX } else { (limit - self.cpu.rip) as usize + 1 };
        let mut slots = std::mem::take(&mut self.code.decoded);
        slots.clear();
        let (mut start, mut from) = (0, 0);
        while slots.len() < MAX_BLOCK && from < room {
            if read < room.min(from + 15) {
                // What was not decoded moves to the front.
                start = from;
                read = room.min(from + PORTION);
                self.read_code(at.wrapping_add(from as u64), &mut bytes[..read - from]);
            }
            let end = read.min(from + 15);
            match decode(size, &bytes[from - start..end - start]).map(|insn| self.as_on_model(insn)) {
                Ok(insn) if !crate::features::has_feature(self, &insn) => {
                    if from != 0 {
                        break;
                    }
                    return Err(Exception::InvalidOpcode);
                }
                Ok(insn) if from + usize::from(insn.len) <= inside => {
                    from += usize::from(insn.len);
                    let last = insn.flags.contains(InsnFlags::ENDS_BLOCK);
                    slots.push(Slot::new(insn));
                    if last {
                        break;
                    }
                }
                // What is wrong with a later instruction shows when it is reached.
                _ if from != 0 => break,
                Ok(_) => return Err(Exception::GP0),
                Err(DecodeError::TooLong) => return Err(Exception::GP0),
                Err(DecodeError::Undefined) => return Err(Exception::InvalidOpcode),
                Err(DecodeError::NeedMore) => {
                    return self.decode_across(linear, at, &bytes[..room.min(15)], inside);
                }
            }
        }
        let block = match ram {
            Some(ram) => self.keep_block(ram, size, &slots),
            // What no memory holds is fetched anew each time.
            None => self.code.blocks.make_fleeting(&slots),
        };
        self.code.decoded = slots;
        Ok(block)
    }

    /// Keeps a block whose code lies at `ram`.
    fn keep_block(&mut self, ram: RamAddr, size: CodeSize, slots: &[Slot]) -> BlockId {
        let block = self.code.blocks.make(slots);
        if self.code.compiled.is_some() {
            let len = self.code.blocks.store.block(block).len;
            let doublings = self.code.blocks.doublings(ram, len.into(), self.run_state.retired);
            self.code.blocks.store.observe(block, self.code.hot, doublings);
        }
        if self.code.blocks.keep(ram, size, block) {
            self.mem.tlb.revoke_write(ram.page());
        }
        block
    }

    /// What the encoding means on this model: without BMI1 and LZCNT their scans are the older ones with a prefix that
    /// means nothing.
    ///
    /// SPEC: intel-sdm-vol2 :: TZCNT—Count the Number of Trailing Zero Bits -> processors without it execute the encoding as BSF; LZCNT likewise as BSR
    pub(super) fn as_on_model(&self, mut insn: Instruction) -> Instruction {
        if matches!(insn.op, Op::Tzcnt | Op::Lzcnt) && !crate::features::has_feature(self, &insn) {
            insn.op = if insn.op == Op::Tzcnt { Op::Bsf } else { Op::Bsr };
        }
        insn
    }

    /// One instruction that lies in two pages: its bytes are read anew each time, since either page's mapping may change.
    fn decode_across(
        &mut self,
        linear: LinearAddr,
        at: GuestPhysAddr,
        here: &[u8],
        inside: usize,
    ) -> Result<BlockId, Exception> {
        let next = LinearAddr(linear.0.wrapping_add(here.len() as u64) & self.mem.linear_mask);
        let mut bytes = [0u8; 15];
        bytes[..here.len()].copy_from_slice(here);
        let mut second = None;
        if here.len() < inside {
            let at = self.physical(next, self.explicit(AccessKind::Execute))?;
            let rest = &mut bytes[here.len()..];
            self.read_code(at, rest);
            second = self.mem.guest.ram_to_execute(at, 1);
        }
        let size = self.cpu.code_size;
        let ram = self.mem.guest.ram_to_execute(at, 1);
        if let Some(ram) = ram
            && let Some(block) = self.code.blocks.across(ram, size, &bytes)
            && self.inside_limit(block)
        {
            return Ok(block);
        }
        let insn = match decode(self.cpu.code_size, &bytes).map(|insn| self.as_on_model(insn)) {
            Ok(insn) if !crate::features::has_feature(self, &insn) => return Err(Exception::InvalidOpcode),
            Ok(insn) if usize::from(insn.len) <= inside => insn,
            Err(DecodeError::Undefined) => return Err(Exception::InvalidOpcode),
            _ => return Err(Exception::GP0),
        };
        let slots = [Slot::new(insn)];
        let Some(ram) = ram else { return Ok(self.code.blocks.make_fleeting(&slots)) };
        let block = self.code.blocks.make(&slots);
        if self.code.compiled.is_some() {
            let (first, len) = (here.len() as u64, u64::from(insn.len));
            let behind = second
                .map_or(0, |at| self.code.blocks.doublings(at, len - first.min(len), self.run_state.retired));
            let doublings = self.code.blocks.doublings(ram, first, self.run_state.retired).max(behind);
            self.code.blocks.store.observe(block, self.code.hot, doublings);
        }
        self.code.blocks.keep_across(ram, size, bytes, block);
        Ok(block)
    }

    /// Physical address of the code at `rip`, if it can be fetched; for reports.
    pub fn peek_code(&mut self, rip: u64) -> Option<GuestPhysAddr> {
        let access = self.explicit(AccessKind::Execute);
        self.physical(self.linear_code(rip), access).ok()
    }

    /// Reads bytes of code that lie in one page.
    pub(crate) fn read_code(&mut self, at: GuestPhysAddr, bytes: &mut [u8]) {
        if let Some(ram) = self.mem.guest.ram_to_execute(at, bytes.len() as u64) {
            return self.mem.guest.ram_read(ram, bytes);
        }
        for (n, byte) in bytes.iter_mut().enumerate() {
            let at = at.wrapping_add(n as u64);
            *byte = match self.mem.guest.ram_to_execute(at, 1) {
                Some(ram) => self.mem.guest.ram_value(ram, 1) as u8,
                None => self.read_device(at, 1) as u8,
            };
        }
    }
}
