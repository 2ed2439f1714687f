//! One row of the table, its constraints and its flags.

use super::arg::{Arg, Class, NONE};
use crate::Op;

/// Bits of the key that a row's constraints are matched against.
pub(crate) mod key {
    pub(crate) const REG: u16 = 7;
    /// ModRM.mod is 3
    pub(crate) const MOD3: u16 = 1 << 3;
    /// Mandatory prefix: 0 none, 1 66, 2 F3, 3 F2
    pub(crate) const PFX: u16 = 3 << PFX_SHIFT;
    pub(crate) const PFX_SHIFT: u16 = 4;
    /// VEX.L
    pub(crate) const L: u16 = 1 << 6;
    /// 64-bit mode
    pub(crate) const MODE64: u16 = 1 << 7;
    /// REX's or VEX's W, R, X and B, as REX has them in its low four bits
    pub(crate) const REX_SHIFT: u16 = 8;
    pub(crate) const B: u16 = 1 << REX_SHIFT;
    pub(crate) const W: u16 = 8 << REX_SHIFT;
    /// Bits that select an opcode's slot; rows that differ in ModRM.rm only are searched.
    pub(crate) const SELECT: u16 = (1 << RM_SHIFT) - 1;
    pub(crate) const RM_SHIFT: u16 = 12;
    pub(crate) const RM: u16 = 7 << RM_SHIFT;
    /// All bits that come from ModRM
    pub(crate) const MODRM: u16 = REG | RM | MOD3;
    /// Set in no key: a row that requires it never matches.
    pub(crate) const NEVER: u16 = 1 << 15;
}

/// Facts about a row that are not constraints.
pub(crate) mod flag {
    /// Operand size is a byte
    pub(crate) const BYTE: u16 = 1 << 0;
    /// Operand size defaults to 64 bits in 64-bit mode
    pub(crate) const D64: u16 = 1 << 1;
    /// Operand size is 64 bits in 64-bit mode, whatever the prefixes
    pub(crate) const F64: u16 = 1 << 2;
    /// Operand size is 64 bits in 64-bit mode, else 32
    pub(crate) const NATIVE: u16 = 1 << 3;
    /// REX.W gives a 32-bit operand size
    pub(crate) const Z32: u16 = 1 << 4;
    /// LOCK is allowed with a memory destination
    pub(crate) const LOCK: u16 = 1 << 5;
    /// F2 and F3 repeat
    pub(crate) const STR: u16 = 1 << 6;
    /// Ends a block
    pub(crate) const END: u16 = 1 << 7;
    /// Needs CPL 0
    pub(crate) const PRIV: u16 = 1 << 8;
    /// The low opcode nibble is a condition
    pub(crate) const CC: u16 = 1 << 9;
    /// A ModRM byte follows the opcode
    pub(crate) const MODRM: u16 = 1 << 10;
    /// VEX.vvvv names an operand
    pub(crate) const VVVV: u16 = 1 << 11;
    /// 66 is part of the opcode, not an operand-size prefix
    pub(crate) const NO_66: u16 = 1 << 12;
    /// Some register number of an operand is not allowed
    pub(crate) const CHECK: u16 = 1 << 13;
}

/// An item of a row's bracket: a constraint on the key, flags, or both.
#[derive(Clone, Copy)]
pub(crate) struct Con {
    mask: u16,
    value: u16,
    flags: u16,
}

const fn on(mask: u16, value: u16) -> Con {
    Con { mask, value, flags: 0 }
}

const fn says(flags: u16) -> Con {
    Con { mask: 0, value: 0, flags }
}

/// The words of a row's bracket.
pub(crate) mod con {
    use super::{Con, flag, key, on, says};

    /// No mandatory prefix: none of 66, F2, F3 may stand
    pub(crate) const NP: Con = on(key::PFX, 0);
    pub(crate) const P66: Con = Con { mask: key::PFX, value: 1 << key::PFX_SHIFT, flags: flag::NO_66 };
    pub(crate) const F3: Con = on(key::PFX, 2 << key::PFX_SHIFT);
    pub(crate) const F2: Con = on(key::PFX, 3 << key::PFX_SHIFT);
    /// Neither F2 nor F3; 66 is the operand-size prefix
    pub(crate) const NR: Con = on(2 << key::PFX_SHIFT, 0);
    pub(crate) const R0: Con = on(key::REG, 0);
    pub(crate) const R1: Con = on(key::REG, 1);
    pub(crate) const R2: Con = on(key::REG, 2);
    pub(crate) const R3: Con = on(key::REG, 3);
    pub(crate) const R4: Con = on(key::REG, 4);
    pub(crate) const R5: Con = on(key::REG, 5);
    pub(crate) const R6: Con = on(key::REG, 6);
    pub(crate) const R7: Con = on(key::REG, 7);
    pub(crate) const RM0: Con = on(key::RM, 0);
    pub(crate) const RM1: Con = on(key::RM, 1 << key::RM_SHIFT);
    pub(crate) const RM2: Con = on(key::RM, 2 << key::RM_SHIFT);
    pub(crate) const RM3: Con = on(key::RM, 3 << key::RM_SHIFT);
    pub(crate) const RM4: Con = on(key::RM, 4 << key::RM_SHIFT);
    pub(crate) const RM5: Con = on(key::RM, 5 << key::RM_SHIFT);
    pub(crate) const RM6: Con = on(key::RM, 6 << key::RM_SHIFT);
    pub(crate) const RM7: Con = on(key::RM, 7 << key::RM_SHIFT);
    /// Memory form only
    pub(crate) const MEM: Con = on(key::MOD3, 0);
    /// Register form only
    pub(crate) const REG: Con = on(key::MOD3, key::MOD3);
    /// Only in 64-bit mode
    pub(crate) const M64: Con = on(key::MODE64, key::MODE64);
    /// Not in 64-bit mode
    pub(crate) const N64: Con = on(key::MODE64, 0);
    pub(crate) const W0: Con = on(key::W, 0);
    pub(crate) const W1: Con = on(key::W, key::W);
    pub(crate) const L0: Con = on(key::L, 0);
    pub(crate) const L1: Con = on(key::L, key::L);
    /// REX.B clear
    pub(crate) const B0: Con = on(key::B, 0);
    pub(crate) const BYTE: Con = says(flag::BYTE);
    pub(crate) const D64: Con = says(flag::D64);
    pub(crate) const F64: Con = says(flag::F64);
    pub(crate) const NATIVE: Con = says(flag::NATIVE);
    pub(crate) const Z32: Con = says(flag::Z32);
    pub(crate) const LOCK: Con = says(flag::LOCK);
    pub(crate) const STR: Con = says(flag::STR);
    pub(crate) const END: Con = says(flag::END);
    /// Privileged, and ends a block
    pub(crate) const SYS: Con = says(flag::PRIV | flag::END);
    pub(crate) const PRIV: Con = says(flag::PRIV);
    pub(crate) const CC: Con = says(flag::CC);
}

/// One encoding of one operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) mask: u16,
    pub(crate) value: u16,
    pub(crate) op: Op,
    pub(crate) flags: u16,
    pub(crate) args: [Arg; 4],
    pub(crate) first: u8,
    pub(crate) last: u8,
}

impl Row {
    pub(crate) const BLANK: Row =
        Row { mask: 0, value: 0, op: Op::Nop, flags: 0, args: [NONE; 4], first: 0, last: 0 };

    pub(crate) const fn new(first: u8, last: u8, op: Op, args: &[Arg], cons: &[Con]) -> Row {
        let mut row = Row { op, first, last, ..Row::BLANK };
        let mut i = 0;
        while i < cons.len() {
            row = row.constrain(cons[i]);
            i += 1;
        }
        i = 0;
        while i < args.len() {
            row.args[i] = args[i];
            row = row.imply(args[i].class);
            i += 1;
        }
        if row.mask & key::MODRM != 0 {
            row.flags |= flag::MODRM;
        }
        row
    }

    const fn constrain(mut self, con: Con) -> Row {
        assert!(self.mask & con.mask & (self.value ^ con.value) == 0, "constraints contradict each other");
        self.mask |= con.mask;
        self.value |= con.value;
        self.flags |= con.flags;
        self
    }

    /// Adds what an operand's class implies for the encoding.
    const fn imply(mut self, class: Class) -> Row {
        match class {
            Class::Vm => {
                self.flags |= flag::CHECK;
                self = self.constrain(con::MEM);
            }
            Class::S | Class::SLoad | Class::C | Class::D => self.flags |= flag::CHECK,
            Class::M => self = self.constrain(con::MEM),
            Class::R | Class::N | Class::U => self = self.constrain(con::REG),
            Class::B | Class::H => self.flags |= flag::VVVV,
            _ => {}
        }
        use Class as C;
        if matches!(
            class,
            C::E | C::G | C::RAny | C::S | C::SLoad | C::C | C::D | C::Sti | C::P | C::Q | C::V | C::W
        ) {
            self.flags |= flag::MODRM;
        }
        self
    }

    /// Returns whether the row's constraints hold, looking only at the key's bits in `known`.
    #[inline(always)]
    pub(crate) const fn matches(&self, key: u16, known: u16) -> bool {
        (key ^ self.value) & self.mask & known == 0
    }

    #[inline(always)]
    pub(crate) const fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }
}

/// Rows as `opcode: Operation(operands) [constraints and flags];`.
macro_rules! rows {
    ($name:ident; $($first:literal $(..= $last:literal)? : $op:ident ($($arg:ident),*) $([$($con:ident),*])? ;)*) => {
        pub(super) const $name: &[$crate::table::Row] = &[$(
            $crate::table::Row::new(
                $first,
                { let last = $first; $(let _ = last; let last = $last;)? last },
                $crate::Op::$op,
                &[$($crate::table::arg::$arg),*],
                &[$($($crate::table::row::con::$con),*)?],
            )
        ),*];
    };
}
