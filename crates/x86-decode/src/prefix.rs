//! What stands before the opcode: legacy prefixes, REX, VEX and escapes.

use crate::table::form::opctx;
use crate::table::{self, key, template};
use crate::window::{MAX_LEN, Window};
use crate::{DecodeError, InsnFlags};
use x86_types::{CodeSize, Seg, Width};

/// Prefixes, and the fields of escape bytes.
#[derive(Clone, Copy)]
pub(crate) struct Prefixes {
    /// What they set in an instruction's flags
    pub(crate) flags: InsnFlags,
    /// The part of a form's key that does not depend on ModRM
    pub(crate) key: u16,
    /// See [`opctx`]
    pub(crate) opctx: u8,
    pub(crate) addrsize: Width,
    /// The segment of an effective override (see the flags); else DS
    pub(crate) seg: Seg,
    /// W, R, X and B of REX or VEX in bits 3:0
    rex: u8,
    /// VEX.vvvv, not inverted; all four bits in every mode
    pub(crate) vvvv: u8,
    /// A REX prefix stands directly before the opcode
    pub(crate) has_rex: bool,
    /// F3 or F2, where they repeat: the last one given
    pub(crate) rep: InsnFlags,
}

/// What [`Prefixes::read`] found.
pub(crate) struct Opcode {
    pub(crate) p: Prefixes,
    pub(crate) map: u8,
    pub(crate) opcode: u8,
    /// How many bytes were read
    pub(crate) at: usize,
}

impl Prefixes {
    /// Those of an instruction that has a REX prefix or none; `rex` are its low four bits.
    #[inline(always)]
    pub(crate) fn rex(size: CodeSize, rex: u8, has_rex: bool) -> Self {
        let mode64 = matches!(size, CodeSize::Bits64);
        Self {
            flags: InsnFlags::from_bits_retain(u16::from(rex & REX_W) << 4),
            key: u16::from(rex) << key::REX_SHIFT | if mode64 { key::MODE64 } else { 0 },
            opctx: size as u8 | rex & REX_W,
            addrsize: size.width(),
            seg: Seg::Ds,
            rex,
            vvvv: 0,
            has_rex,
            rep: InsnFlags::empty(),
        }
    }

    /// 8 if ModRM.reg is extended, else 0.
    #[inline(always)]
    pub(crate) fn r(&self) -> u8 {
        self.rex << 1 & 8
    }

    /// 8 if the index is extended, else 0.
    #[inline(always)]
    pub(crate) fn x(&self) -> u8 {
        self.rex << 2 & 8
    }

    /// 8 if ModRM.rm or the base is extended, else 0.
    #[inline(always)]
    pub(crate) fn b(&self) -> u8 {
        self.rex << 3 & 8
    }

    /// VEX.L as a bit of a template's variant.
    #[inline(always)]
    pub(crate) fn l(&self) -> u8 {
        if self.flags.contains(InsnFlags::VEX_L) { template::L >> 1 } else { 0 }
    }

    /// Reads prefixes, escapes and the opcode from the start of the code. With an error comes how many bytes were read.
    ///
    /// SPEC: intel-sdm-vol2 :: 2.1.1 Instruction Prefixes -> four groups in any order; where a group repeats, which the manual leaves open, the last one counts, as on processors
    /// SPEC: intel-sdm-vol2 :: 2.2.1 REX Prefixes -> a REX byte counts only directly before the opcode or its escape
    #[inline(always)]
    pub(crate) fn read(size: CodeSize, window: &Window<'_>) -> Result<Opcode, (DecodeError, usize)> {
        let mode64 = matches!(size, CodeSize::Bits64);
        let mut flags = InsnFlags::empty();
        let mut rep = InsnFlags::empty();
        let mut seg = Seg::Ds;
        let mut addrsize = size.width();
        let mut rex = 0;
        let mut at = 0;
        let opcode = loop {
            if at >= MAX_LEN {
                return Err((DecodeError::TooLong, at + 1));
            }
            let byte = window.u8(at);
            at += 1;
            match byte {
                0x66 => flags |= InsnFlags::OPSIZE_PREFIX,
                0x67 => addrsize = if matches!(size, CodeSize::Bits32) { Width::B2 } else { Width::B4 },
                0xf0 => flags |= InsnFlags::LOCK,
                0xf2 => rep = InsnFlags::REPNE,
                0xf3 => rep = InsnFlags::REP,
                // SPEC: intel-sdm-vol1 :: 3.3.7 Address Calculations in 64-Bit Mode -> only FS and GS overrides count
                0x26 | 0x2e | 0x36 | 0x3e if mode64 => {}
                0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 => {
                    flags |= InsnFlags::SEG_OVERRIDE;
                    seg = match byte {
                        0x64 => Seg::Fs,
                        0x65 => Seg::Gs,
                        _ => Seg::ALL[usize::from(byte >> 3 & 3)],
                    };
                }
                0x40..=0x4f if mode64 => {
                    rex = byte;
                    continue;
                }
                _ => break byte,
            }
            rex = 0;
        };
        let mut p = Self::rex(size, rex & 15, rex != 0);
        (p.rep, p.seg, p.addrsize) = (rep, seg, addrsize);
        p.flags |= flags;
        let opsize = flags.contains(InsnFlags::OPSIZE_PREFIX);
        p.opctx |= if opsize { opctx::OPSIZE_PREFIX } else { 0 };
        let mandatory = match rep {
            InsnFlags::REPNE => 3,
            InsnFlags::REP => 2,
            _ => u16::from(opsize),
        };
        p.key |= mandatory << key::PFX_SHIFT;
        let next = window.u8(at);
        let vector = mode64 || next >= 0xc0;
        match opcode {
            0x0f => {
                let (map, opcode) = match next {
                    0x38 => (table::MAP_0F38, window.u8(at + 1)),
                    0x3a => (table::MAP_0F3A, window.u8(at + 1)),
                    opcode => return Ok(Opcode { p, map: table::MAP_0F, opcode, at: at + 1 }),
                };
                Ok(Opcode { p, map, opcode, at: at + 2 })
            }
            // SPEC: intel-sdm-vol2 :: 2.3.5 The VEX Prefix -> outside 64-bit mode C4 and C5 are VEX only if the next byte's bits 7:6 are 11
            0xc4 | 0xc5 if vector => p.vex(size, window, at, opcode == 0xc4),
            // EVEX, where it would not be BOUND: not decoded
            0x62 if vector => Err((DecodeError::Undefined, at + usize::from(!mode64))),
            _ => Ok(Opcode { p, map: table::ONE_BYTE, opcode, at }),
        }
    }

    /// SPEC: intel-sdm-vol2 :: 2.3.5 The VEX Prefix -> R, X, B and vvvv are inverted; pp stands for 66, F3, F2; mmmmm for 0F, 0F38, 0F3A
    /// SPEC: intel-sdm-vol2 :: 2.3.2 VEX and the LOCK prefix -> LOCK, 66, F2, F3 and REX before VEX are #UD (also 2.3.3 and 2.3.4)
    fn vex(
        self,
        size: CodeSize,
        window: &Window<'_>,
        at: usize,
        three: bool,
    ) -> Result<Opcode, (DecodeError, usize)> {
        let mode64 = matches!(size, CodeSize::Bits64);
        let legacy = InsnFlags::LOCK | InsnFlags::OPSIZE_PREFIX;
        if self.flags.intersects(legacy) || !self.rep.is_empty() || self.has_rex {
            return Err((DecodeError::Undefined, at + usize::from(!mode64)));
        }
        let first = window.u8(at);
        let (map, wrxb, last, at) = if three {
            let map = match first & 0x1f {
                1 => table::VEX_0F,
                2 => table::VEX_0F38,
                3 => table::VEX_0F3A,
                _ => return Err((DecodeError::Undefined, at + 1)),
            };
            let last = window.u8(at + 1);
            (map, (!first >> 5) & 7 | (last >> 4) & 8, last, at + 2)
        } else {
            (table::VEX_0F, (!first & 0x80) >> 5, first, at + 1)
        };
        let mut p = Self::rex(size, if mode64 { wrxb } else { wrxb & REX_W }, false);
        (p.seg, p.addrsize) = (self.seg, self.addrsize);
        p.flags |= InsnFlags::VEX | self.flags & InsnFlags::SEG_OVERRIDE;
        if last & 4 != 0 {
            p.flags |= InsnFlags::VEX_L;
            p.key |= key::L;
        }
        p.vvvv = (!last >> 3) & 15;
        p.key |= u16::from(last & 3) << key::PFX_SHIFT;
        Ok(Opcode { p, map, opcode: window.u8(at), at: at + 1 })
    }
}

/// W in REX
const REX_W: u8 = 8;

const _: () = assert!((REX_W as u16) << 4 == InsnFlags::W.bits() && REX_W == opctx::W);
