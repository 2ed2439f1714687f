//! The memory operand: ModRM, SIB and displacement.

use crate::NO_REG;
use crate::table::key;

const BX: u8 = 3;
pub(crate) const SP: u8 = 4;
pub(crate) const BP: u8 = 5;
const SI: u8 = 6;
const DI: u8 = 7;

/// What a ModRM byte says, for one address size.
#[derive(Clone, Copy)]
pub(crate) struct ModRm {
    /// Its part of a form's [key]
    pub(crate) key: u16,
    pub(crate) base: u8,
    pub(crate) index: u8,
    /// Bytes of ModRM, SIB and displacement, unless SIB says otherwise
    pub(crate) len: u8,
    /// For [`sign_extend`]
    pub(crate) shift: u8,
    /// 1 if there is a memory operand, else 0
    pub(crate) memory: u8,
    /// See [`modrm`]
    pub(crate) flags: u8,
}

/// [`ModRm::flags`].
pub(crate) mod modrm {
    use crate::InsnFlags;

    /// A SIB byte follows
    pub(crate) const SIB: u8 = 1;
    /// RIP-relative in 64-bit mode: as in an instruction's flags
    pub(crate) const RIP: u8 = InsnFlags::RIP_RELATIVE.bits() as u8;
}

impl ModRm {
    const fn new(base: u8, index: u8, disp: u8, flags: u8) -> Self {
        let len = 1 + disp + (flags & modrm::SIB);
        Self { key: 0, base, index, len, shift: shift(disp), memory: 1, flags }
    }
}

/// By ModRM byte, with 16-bit addressing.
pub(crate) static FORMS_16: [ModRm; 256] = forms(false);

/// By ModRM byte, with addressing of 32 and 64 bits.
pub(crate) static FORMS_32: [ModRm; 256] = forms(true);

const fn forms(wide: bool) -> [ModRm; 256] {
    let register =
        ModRm { key: 0, base: NO_REG, index: NO_REG, len: 1, shift: shift(0), memory: 0, flags: 0 };
    let mut forms = [register; 256];
    let mut i = 0;
    while i < 256 {
        let (mode, reg, rm) = (i as u8 >> 6, i as u16 >> 3 & 7, i as u8 & 7);
        if mode != 3 {
            forms[i] = if wide { form_32(mode, rm) } else { form_16(mode, rm) };
        }
        forms[i].key = reg | (rm as u16) << key::RM_SHIFT | if mode == 3 { key::MOD3 } else { 0 };
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
    let flags = if rm == 4 { modrm::SIB } else { 0 };
    let disp = match mode {
        0 => 0,
        1 => 1,
        _ => 4,
    };
    if mode == 0 && rm == 5 {
        return ModRm::new(NO_REG, NO_REG, 4, flags | modrm::RIP);
    }
    ModRm::new(rm, NO_REG, disp, flags)
}

/// How far [`sign_extend`] shifts for a displacement of `len` bytes.
pub(crate) const fn shift(len: u8) -> u8 {
    63 - 8 * len
}

/// Cuts a displacement out of `raw` and extends its sign; nothing is left of one of no bytes.
#[inline(always)]
pub(crate) const fn sign_extend(raw: u64, shift: u8) -> i32 {
    ((((raw << 1) << (shift & 63)) as i64) >> 1 >> (shift & 63)) as i32
}
