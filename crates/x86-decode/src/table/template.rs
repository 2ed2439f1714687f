//! Operands but for the register numbers that ModRM, opcode and VEX choose: worked out at compile time for every form,
//! operand size, vector length, and for memory and register.

use super::arg::{Arg, Class, Size};
use super::index::MAPS;
use super::row::Row;
use crate::{MemSize, Operand, OperandKind};
use x86_types::Width;

/// Operands as an instruction has them.
pub(crate) type Template = [Operand; 4];

/// Bit 0 of a choice: ModRM.rm is memory. Bits 2:1 are the variant: the operand size, or with VEX whether it is 64
/// bits, and [`L`].
pub(crate) const MEMORY: u8 = 1;
pub(crate) const L: u8 = 4;

/// Returns the bits of a choice that distinguish a row's templates; plus 8 if VEX.L is among them.
pub(super) const fn choice(row: &Row, vex: bool) -> u8 {
    let mut bits = 0;
    let mut i = 0;
    while i < 4 {
        bits |= match row.args[i].size {
            Size::V | Size::Z | Size::Y | Size::VMw | Size::YMb | Size::YMw | Size::YMd => 6,
            Size::X | Size::Half | Size::Quarter | Size::Eighth if vex => 8 | 6,
            _ => 0,
        };
        bits |= match row.args[i].class {
            Class::E | Class::Q | Class::W => MEMORY,
            _ => 0,
        };
        i += 1;
    }
    if vex && bits & 6 != 0 { bits | 8 } else { bits }
}

/// Templates that rows share, found by hashing.
pub(super) struct Templates<const T: usize> {
    pub(super) templates: [Template; T],
    pub(super) used: usize,
    /// First template and [key](Self::key) of what has been put there, by hash
    places: [(u16, u64); PLACES],
}

const PLACES: usize = 1024;

impl<const T: usize> Templates<T> {
    pub(super) const fn new() -> Self {
        Self { templates: [[NONE; 4]; T], used: 0, places: [(0, 0); PLACES] }
    }

    /// Returns all that templates depend on; never 0.
    const fn key(row: &Row, choice: u8) -> u64 {
        let mut key = 1 << 40 | (choice as u64) << 32;
        let mut i = 0;
        while i < 4 {
            key |= (row.args[i].id as u64) << (8 * i);
            i += 1;
        }
        key
    }

    /// Returns the first of the row's templates, which are added if no row before had the same.
    pub(super) const fn of(&mut self, row: &Row, choice: u8) -> u16 {
        let key = Self::key(row, choice);
        let mut place = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize;
        while self.places[place].1 != 0 {
            if self.places[place].1 == key {
                return self.places[place].0;
            }
            place = (place + 1) % PLACES;
        }
        let first = self.used;
        self.places[place] = (first as u16, key);
        let mask = choice & 7;
        let mut bits = 0;
        while bits <= mask {
            if self.used < T {
                let mut i = 0;
                while i < 4 {
                    self.templates[self.used][i] = operand(row.args[i], bits, choice & 8 != 0);
                    i += 1;
                }
            }
            self.used += 1;
            bits += 1;
        }
        first as u16
    }
}

const NONE: Operand = Operand { kind: OperandKind::None, reg: 0 };

/// Returns the operand of a choice.
const fn operand(arg: Arg, choice: u8, by_l: bool) -> Operand {
    use OperandKind as K;
    let variant = choice >> 1;
    let l = by_l && choice & L != 0;
    let width = match variant {
        _ if by_l && variant & 1 != 0 => Width::B8,
        _ if by_l => Width::B4,
        0 => Width::B1,
        1 => Width::B2,
        2 => Width::B4,
        _ => Width::B8,
    };
    let memory = arg.class.reaches_memory() && choice & MEMORY != 0;
    if memory || matches!(arg.class, Class::M | Class::Vm | Class::O) {
        return Operand { kind: K::Mem, reg: mem_size(arg.size, width, l) as u8 };
    }
    let (kind, reg) = match arg.class {
        Class::E | Class::R | Class::RAny | Class::G | Class::Z | Class::B | Class::Acc => {
            (gpr(arg.size, width), 0)
        }
        Class::Cl => (K::Gpr8, 1),
        Class::Dx => (K::Gpr16, 2),
        Class::S | Class::SLoad => (K::Seg, 0),
        Class::Es | Class::Cs | Class::Ss | Class::Ds | Class::Fs | Class::Gs => {
            (K::Seg, arg.class as u8 - Class::Es as u8)
        }
        Class::C => (K::Cr, 0),
        Class::D => (K::Dr, 0),
        Class::St0 | Class::Sti => (K::St, 0),
        Class::P | Class::Q | Class::N => (K::Mmx, 0),
        Class::V | Class::W | Class::U | Class::H | Class::L => {
            let wide = matches!(arg.size, Size::Qq) || matches!(arg.size, Size::X) && l;
            (if wide { K::Ymm } else { K::Xmm }, 0)
        }
        Class::I | Class::Ibs | Class::Iv => (K::Imm, 0),
        Class::I2 => (K::Imm2, 0),
        Class::One => (K::One, 0),
        Class::J => (K::Rel, 0),
        Class::A => (K::FarPtr, 0),
        Class::None | Class::M | Class::Vm | Class::O => (K::None, 0),
    };
    Operand { kind, reg }
}

const fn at_most_32(width: Width) -> Width {
    if matches!(width, Width::B8) { Width::B4 } else { width }
}

/// 64 bits if the operand size is, else 32.
const fn y(width: Width) -> Width {
    if matches!(width, Width::B8) { Width::B8 } else { Width::B4 }
}

const fn gpr(size: Size, width: Width) -> OperandKind {
    let width = match size {
        Size::B => Width::B1,
        Size::W => Width::B2,
        Size::D => Width::B4,
        Size::Q => Width::B8,
        Size::Z => at_most_32(width),
        Size::Y | Size::YMb | Size::YMw | Size::YMd => y(width),
        _ => width,
    };
    match width {
        Width::B1 => OperandKind::Gpr8,
        Width::B2 => OperandKind::Gpr16,
        Width::B4 => OperandKind::Gpr32,
        Width::B8 => OperandKind::Gpr64,
    }
}

const fn of_width(width: Width) -> MemSize {
    match width {
        Width::B1 => MemSize::B1,
        Width::B2 => MemSize::B2,
        Width::B4 => MemSize::B4,
        Width::B8 => MemSize::B8,
    }
}

const fn mem_size(size: Size, width: Width, l: bool) -> MemSize {
    match size {
        Size::B | Size::YMb => MemSize::B1,
        Size::W | Size::VMw | Size::YMw => MemSize::B2,
        Size::D | Size::YMd => MemSize::B4,
        Size::Q => MemSize::B8,
        Size::V => of_width(width),
        Size::Z => of_width(at_most_32(width)),
        Size::Y => of_width(y(width)),
        Size::T => MemSize::B10,
        Size::Far => MemSize::Far,
        Size::Dq => MemSize::B16,
        Size::Qq => MemSize::B32,
        Size::X if l => MemSize::B32,
        Size::X => MemSize::B16,
        Size::Half if l => MemSize::B16,
        Size::Half => MemSize::B8,
        Size::Quarter if l => MemSize::B8,
        Size::Quarter => MemSize::B4,
        Size::Eighth if l => MemSize::B4,
        Size::Eighth => MemSize::B2,
        Size::None => MemSize::Other,
    }
}

/// Returns how many templates all rows need.
pub(super) const fn count<const N: usize>(rows: &super::index::Rows<N>) -> usize {
    let mut templates = Templates::<0>::new();
    let mut map = 0;
    while map < MAPS {
        let mut i = rows.start[map];
        while i < rows.start[map + 1] {
            let row = &rows.rows[i];
            templates.of(row, choice(row, map >= super::VEX_0F as usize));
            i += 1;
        }
        map += 1;
    }
    templates.used
}
