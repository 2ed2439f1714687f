//! The memory operand: ModRM, SIB and displacement.

use crate::table::key;
use crate::{InsnFlags, NO_REG};

const BX: u8 = 3;
pub(crate) const SP: u8 = 4;
/// One more than [`SP`]: the decoder compares with both at once.
const BP: u8 = 5;
const SI: u8 = 6;
const DI: u8 = 7;

/// The addressing form of a ModRM byte, for one address size, packed.
#[derive(Clone, Copy)]
pub(crate) struct ModRm(u64);

impl ModRm {
    const INDEX: u32 = 8;
    const KEY: u32 = 32;
    const LEN: u32 = 48;
    const SHIFT: u32 = 52;
    const MEMORY: u32 = 58;
    const SIB: u32 = 59;
    const RIP: u32 = 60;

    const REGISTER: Self = Self::new(NO_REG, NO_REG, 0, 0).register();

    /// A memory operand with `disp` bytes of displacement.
    const fn new(base: u8, index: u8, disp: u8, flags: u64) -> Self {
        let sib = flags >> Self::SIB & 1;
        Self(
            base as u64
                | (index as u64) << Self::INDEX
                | (1 + disp as u64 + sib) << Self::LEN
                | (shift(disp) as u64) << Self::SHIFT
                | 1 << Self::MEMORY
                | flags,
        )
    }

    const fn register(self) -> Self {
        Self(self.0 & !(1 << Self::MEMORY))
    }

    const fn with_key(self, key: u16) -> Self {
        Self(self.0 | (key as u64) << Self::KEY)
    }

    /// Base in bits 7:0, index in bits 15:8.
    #[inline(always)]
    pub(crate) const fn registers(self) -> u32 {
        self.0 as u32
    }

    /// Its part of a form's [key].
    #[inline(always)]
    pub(crate) const fn key(self) -> u16 {
        (self.0 >> Self::KEY) as u16
    }

    /// Returns the bytes of ModRM, SIB and displacement; a SIB byte without base adds four.
    #[inline(always)]
    pub(crate) const fn len(self) -> usize {
        (self.0 >> Self::LEN & 15) as usize
    }

    /// For [`sign_extend`].
    #[inline(always)]
    pub(crate) const fn shift(self) -> u32 {
        (self.0 >> Self::SHIFT & 63) as u32
    }

    /// 1 if there is a memory operand, else 0.
    #[inline(always)]
    pub(crate) const fn memory(self) -> u32 {
        (self.0 >> Self::MEMORY & 1) as u32
    }

    /// Returns whether a SIB byte follows.
    #[inline(always)]
    pub(crate) const fn has_sib(self) -> bool {
        self.0 & 1 << Self::SIB != 0
    }

    /// [`InsnFlags::RIP_RELATIVE`] if the operand is that in 64-bit mode.
    #[inline(always)]
    pub(crate) const fn rip_relative(self) -> InsnFlags {
        const DOWN: u32 = ModRm::RIP - InsnFlags::RIP_RELATIVE.bits().trailing_zeros();
        InsnFlags::from_bits_retain((self.0 >> DOWN) as u16 & InsnFlags::RIP_RELATIVE.bits())
    }
}

/// By ModRM byte, with 16-bit addressing.
pub(crate) static FORMS_16: [ModRm; 256] = forms(false);

/// By ModRM byte, with addressing of 32 and 64 bits.
pub(crate) static FORMS_32: [ModRm; 256] = forms(true);

const fn forms(wide: bool) -> [ModRm; 256] {
    let mut forms = [ModRm::REGISTER; 256];
    let mut i = 0;
    while i < 256 {
        let (mode, reg, rm) = (i as u8 >> 6, i as u16 >> 3 & 7, i as u8 & 7);
        if mode != 3 {
            forms[i] = if wide { form_32(mode, rm) } else { form_16(mode, rm) };
        }
        let key = reg | (rm as u16) << key::RM_SHIFT | if mode == 3 { key::MOD3 } else { 0 };
        forms[i] = forms[i].with_key(key);
        i += 1;
    }
    forms
}

/// SPEC: intel-sdm-vol2 :: 2.1.5 Addressing-Mode Encoding of ModR/M and SIB Bytes -> table 2-1, 16-bit forms
const fn form_16(mode: u8, rm: u8) -> ModRm {
    const REGISTERS: [(u8, u8); 8] =
        [(BX, SI), (BX, DI), (BP, SI), (BP, DI), (SI, NO_REG), (DI, NO_REG), (BP, NO_REG), (BX, NO_REG)];
    let (base, index) = REGISTERS[rm as usize];
    let flags = 0;
    match mode {
        0 if rm == 6 => ModRm::new(NO_REG, index, 2, flags),
        0 => ModRm::new(base, index, 0, flags),
        1 => ModRm::new(base, index, 1, flags),
        _ => ModRm::new(base, index, 2, flags),
    }
}

/// SPEC: intel-sdm-vol2 :: 2.1.5 Addressing-Mode Encoding of ModR/M and SIB Bytes -> tables 2-2 and 2-3
/// SPEC: intel-sdm-vol2 :: 2.2.1.6 RIP-Relative Addressing -> in 64-bit mode mod 0 rm 5 is relative to the next instruction
const fn form_32(mode: u8, rm: u8) -> ModRm {
    let flags = if rm == 4 { 1 << ModRm::SIB } else { 0 };
    let disp = match mode {
        0 => 0,
        1 => 1,
        _ => 4,
    };
    if mode == 0 && rm == 5 {
        return ModRm::new(NO_REG, NO_REG, 4, flags | 1 << ModRm::RIP);
    }
    ModRm::new(rm, NO_REG, disp, flags)
}

/// How far [`sign_extend`] shifts for a displacement of `len` bytes.
pub(crate) const fn shift(len: u8) -> u32 {
    63 - 8 * len as u32
}

/// Cuts a displacement out of `raw` and extends its sign; nothing is left of one of no bytes.
#[inline(always)]
pub(crate) const fn sign_extend(raw: u64, shift: u32) -> i32 {
    ((((raw << 1) << (shift & 63)) as i64) >> 1 >> (shift & 63)) as i32
}
