//! What stands before the opcode: legacy prefixes, REX, VEX, and the bytes themselves.

use crate::DecodeError;
use crate::table::{self, Map, key};
use x86_types::{CodeSize, Seg};

/// Longest instruction in bytes.
///
/// SPEC: intel-sdm-vol2 :: 2.3.11 AVX Instruction Length -> 15 bytes, with VEX as without; more is #GP
pub(crate) const MAX_LEN: usize = 15;

/// The bytes being decoded.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte, not consumed.
    #[inline(always)]
    pub(crate) fn peek(&self) -> Result<u8, DecodeError> {
        if self.at >= MAX_LEN {
            return Err(DecodeError::TooLong);
        }
        self.bytes.get(self.at).copied().ok_or(DecodeError::NeedMore)
    }

    #[inline(always)]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    /// `N` bytes, little end first, zero-extended.
    #[inline(always)]
    fn le<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let end = self.at + N;
        if end > MAX_LEN {
            return Err(DecodeError::TooLong);
        }
        let chunk = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        self.at = end;
        chunk.copied().ok_or(DecodeError::NeedMore)
    }

    #[inline(always)]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.le().map(u16::from_le_bytes)
    }

    #[inline(always)]
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.le().map(u32::from_le_bytes)
    }

    #[inline(always)]
    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.le().map(u64::from_le_bytes)
    }
}

/// Prefixes, and what an opcode's escape bytes said.
pub(crate) struct Prefixes {
    pub(crate) mode64: bool,
    /// 66
    pub(crate) opsize: bool,
    /// 67
    pub(crate) addrsize: bool,
    /// F0
    pub(crate) lock: bool,
    /// 0, or 2 for F3, or 3 for F2: the last one given
    pub(crate) rep: u8,
    /// The override that applies
    pub(crate) seg: Option<Seg>,
    /// A REX prefix stands directly before the opcode
    pub(crate) has_rex: bool,
    pub(crate) w: bool,
    /// 8 if the bit extends ModRM.reg, the index and the base, else 0
    pub(crate) r: u8,
    pub(crate) x: u8,
    pub(crate) b: u8,
    pub(crate) vex: bool,
    pub(crate) l: bool,
    /// VEX.vvvv, not inverted; all four bits in every mode
    pub(crate) vvvv: u8,
    /// Mandatory prefix: 0 none, 1 66, 2 F3, 3 F2
    pub(crate) pfx: u8,
}

impl Prefixes {
    /// Reads prefixes and escapes; what follows the returned opcode is ModRM or an immediate.
    ///
    /// SPEC: intel-sdm-vol2 :: 2.1.1 Instruction Prefixes -> four groups in any order; where a group repeats, which the manual leaves open, the last one counts, as on processors
    /// SPEC: intel-sdm-vol2 :: 2.2.1 REX Prefixes -> a REX byte counts only directly before the opcode or its escape
    pub(crate) fn read(
        size: CodeSize,
        cur: &mut Cursor<'_>,
    ) -> Result<(Self, &'static Map, u8), DecodeError> {
        let mode64 = matches!(size, CodeSize::Bits64);
        let mut p = Self {
            mode64,
            opsize: false,
            addrsize: false,
            lock: false,
            rep: 0,
            seg: None,
            has_rex: false,
            w: false,
            r: 0,
            x: 0,
            b: 0,
            vex: false,
            l: false,
            vvvv: 0,
            pfx: 0,
        };
        let mut rex = 0;
        let opcode = loop {
            let byte = cur.u8()?;
            match byte {
                0x66 => p.opsize = true,
                0x67 => p.addrsize = true,
                0xf0 => p.lock = true,
                0xf2 => p.rep = 3,
                0xf3 => p.rep = 2,
                // SPEC: intel-sdm-vol1 :: 3.3.7 Address Calculations in 64-Bit Mode -> only FS and GS overrides count
                0x26 | 0x2e | 0x36 | 0x3e => {
                    if !mode64 {
                        p.seg = Seg::from_index((byte >> 3) & 3);
                    }
                }
                0x64 => p.seg = Some(Seg::Fs),
                0x65 => p.seg = Some(Seg::Gs),
                0x40..=0x4f if mode64 => {
                    rex = byte;
                    continue;
                }
                _ => break byte,
            }
            rex = 0;
        };
        if rex != 0 {
            p.has_rex = true;
            p.set_wrxb(rex);
        }
        p.pfx = if p.rep != 0 { p.rep } else { p.opsize as u8 };
        match opcode {
            0x0f => p.escape(cur),
            // SPEC: intel-sdm-vol2 :: 2.3.5 The VEX Prefix -> outside 64-bit mode C4 and C5 are VEX only if the next byte's bits 7:6 are 11
            0xc4 | 0xc5 if mode64 || cur.peek()? >= 0xc0 => p.vex(cur, opcode == 0xc4),
            // EVEX, where it would not be BOUND: AVX-512 is not decoded
            0x62 if mode64 || cur.peek()? >= 0xc0 => Err(DecodeError::Undefined),
            _ => Ok((p, &table::ONE_BYTE, opcode)),
        }
    }

    fn set_wrxb(&mut self, bits: u8) {
        self.w = bits & 8 != 0;
        self.r = (bits & 4) << 1;
        self.x = (bits & 2) << 2;
        self.b = (bits & 1) << 3;
    }

    fn escape(self, cur: &mut Cursor<'_>) -> Result<(Self, &'static Map, u8), DecodeError> {
        match cur.u8()? {
            0x38 => Ok((self, &table::MAP_0F38, cur.u8()?)),
            0x3a => Ok((self, &table::MAP_0F3A, cur.u8()?)),
            opcode => Ok((self, &table::MAP_0F, opcode)),
        }
    }

    /// SPEC: intel-sdm-vol2 :: 2.3.5 The VEX Prefix -> R, X, B and vvvv are inverted; pp stands for 66, F3, F2; mmmmm for 0F, 0F38, 0F3A
    /// SPEC: intel-sdm-vol2 :: 2.3.2 VEX and the LOCK prefix -> LOCK, 66, F2, F3 and REX before VEX are #UD (also 2.3.3 and 2.3.4)
    fn vex(mut self, cur: &mut Cursor<'_>, three: bool) -> Result<(Self, &'static Map, u8), DecodeError> {
        if self.lock || self.opsize || self.rep != 0 || self.has_rex {
            return Err(DecodeError::Undefined);
        }
        let first = cur.u8()?;
        let (map, last) = if three {
            let map = match first & 0x1f {
                1 => &table::VEX_0F,
                2 => &table::VEX_0F38,
                3 => &table::VEX_0F3A,
                _ => return Err(DecodeError::Undefined),
            };
            let last = cur.u8()?;
            self.set_wrxb((!first >> 5) & 7 | (last >> 4) & 8);
            (map, last)
        } else {
            self.r = (!first & 0x80) >> 4;
            (&table::VEX_0F, first)
        };
        if !self.mode64 {
            (self.r, self.x, self.b) = (0, 0, 0);
        }
        self.vex = true;
        self.vvvv = (!last >> 3) & 15;
        self.l = last & 4 != 0;
        self.pfx = last & 3;
        Ok((self, map, cur.u8()?))
    }

    /// The part of a row's key that does not depend on ModRM.
    #[inline(always)]
    pub(crate) fn key(&self) -> u16 {
        let mut bits = (self.pfx as u16) << key::PFX_SHIFT;
        bits |= if self.w { key::W } else { 0 };
        bits |= if self.l { key::L } else { 0 };
        bits |= if self.mode64 { key::MODE64 } else { 0 };
        bits | if self.b != 0 { key::B } else { 0 }
    }
}
