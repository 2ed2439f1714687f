//! RFLAGS: the status flags and DF.

use super::{Arithmetic, Bin, Flag, FlagDef};
use x86_types::{Cond, Width};

/// The flags that handlers of application instructions read and write.
pub trait FlagsRegister: Arithmetic {
    /// Defines the status flags.
    fn set_flags(&mut self, def: FlagDef<Self::V>);
    /// Defines the status flags if `c` is not 0, else leaves them.
    fn set_flags_if(&mut self, c: Self::V, def: FlagDef<Self::V>);
    /// Returns one status flag, 0 or 1.
    fn flag(&mut self, flag: Flag) -> Self::V;
    /// Returns all six status flags at their places in RFLAGS.
    fn flags_image(&mut self) -> Self::V;
    /// Returns RFLAGS.DF, 0 or 1.
    fn direction(&mut self) -> Self::V;

    /// Returns whether a condition holds, 0 or 1. A compiler overrides this to compare the operands of the last [`FlagDef`].
    ///
    /// SPEC: intel-sdm-vol1 :: B.1 Condition Codes -> each condition as a function of the flags
    #[inline(always)]
    fn cond(&mut self, cond: Cond) -> Self::V {
        let plain = match cond as u8 & !1 {
            0 => self.flag(Flag::Of),
            2 => self.flag(Flag::Cf),
            4 => self.flag(Flag::Zf),
            6 => {
                let (cf, zf) = (self.flag(Flag::Cf), self.flag(Flag::Zf));
                self.bin(Bin::Or, Width::B4, cf, zf)
            }
            8 => self.flag(Flag::Sf),
            10 => self.flag(Flag::Pf),
            even => {
                let (sf, of) = (self.flag(Flag::Sf), self.flag(Flag::Of));
                let less = self.bin(Bin::Xor, Width::B4, sf, of);
                if even == 12 {
                    less
                } else {
                    let zf = self.flag(Flag::Zf);
                    self.bin(Bin::Or, Width::B4, less, zf)
                }
            }
        };
        if cond as u8 & 1 == 0 {
            plain
        } else {
            let one = self.imm(1);
            self.bin(Bin::Xor, Width::B4, plain, one)
        }
    }
}
