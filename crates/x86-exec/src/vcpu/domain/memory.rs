//! Memory operands of the processor.

use crate::vcpu::{Raised, Vcpu};
use crate::{GeneralRegisters, MemRef, Memory};
use x86_state::gpr;
use x86_types::{Seg, Width};

impl Memory for Vcpu {
    #[inline(always)]
    fn load(&mut self, m: &MemRef<u64>, w: Width) -> Result<u64, Raised> {
        self.load_ref(m, w)
    }

    #[inline(always)]
    fn load_for_write(&mut self, m: &MemRef<u64>, w: Width) -> Result<u64, Raised> {
        self.load_for_write_ref(m, w)
    }

    #[inline(always)]
    fn store(&mut self, m: &MemRef<u64>, w: Width, v: u64) -> Result<(), Raised> {
        self.store_ref(m, w, v)
    }

    fn push_two(&mut self, w: Width, first: u64, second: u64) -> Result<(), Raised> {
        let (sw, size) = (self.mem.stack_width, u64::from(w.bytes()));
        let sp = self.read_gpr(gpr::RSP as u8, sw);
        let [high, low] =
            [size, 2 * size].map(|down| MemRef { seg: Seg::Ss, offset: sw.trunc(sp.wrapping_sub(down)) });
        self.check_write_ref(&high, w)?;
        self.check_write_ref(&low, w)?;
        self.store_ref(&high, w, w.trunc(first))?;
        self.store_ref(&low, w, w.trunc(second))?;
        self.write_gpr(gpr::RSP as u8, sw, low.offset);
        Ok(())
    }
}
