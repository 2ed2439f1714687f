//! The flags of the processor.

use crate::vcpu::Vcpu;
use crate::vcpu::arith::arith;
use crate::{Flag, FlagDef, FlagsRegister};
use x86_state::RFlags;

impl FlagsRegister for Vcpu {
    #[inline(always)]
    fn set_flags(&mut self, def: FlagDef<u64>) {
        self.cpu.arith = arith(self.cpu.arith, def);
    }

    #[inline(always)]
    fn set_flags_if(&mut self, c: u64, def: FlagDef<u64>) {
        if c != 0 {
            self.cpu.arith = arith(self.cpu.arith, def);
        }
    }

    #[inline(always)]
    fn flag(&mut self, flag: Flag) -> u64 {
        let flags = self.cpu.arith;
        u64::from(match flag {
            Flag::Cf => flags.cf(),
            Flag::Pf => flags.pf(),
            Flag::Af => flags.af(),
            Flag::Zf => flags.zf(),
            Flag::Sf => flags.sf(),
            Flag::Of => flags.of(),
        })
    }

    #[inline(always)]
    fn flags_image(&mut self) -> u64 {
        self.cpu.arith.pack()
    }

    #[inline(always)]
    fn direction(&mut self) -> u64 {
        u64::from(self.cpu.system_flags.contains(RFlags::DF))
    }
}
