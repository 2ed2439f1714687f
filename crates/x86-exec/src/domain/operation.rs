//! Operations on integers, and definitions of the status flags.

use x86_types::Width;

/// A value-producing operation on two operands of one width. Shift and rotate counts are below the width in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bin {
    /// Sum, cut to the width
    Add,
    /// Difference, cut to the width
    Sub,
    /// Bitwise AND
    And,
    /// Bitwise OR
    Or,
    /// Bitwise exclusive OR
    Xor,
    /// Low half of the product
    Mul,
    /// Left shift
    Shl,
    /// Logical right shift
    Shr,
    /// Arithmetic right shift
    Sar,
    /// Rotation to the left
    Rol,
    /// Rotation to the right
    Ror,
}

/// An operation on one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Un {
    /// Ones' complement
    Not,
    /// Two's complement
    Neg,
    /// Number of trailing zeros; the width in bits for 0
    Ctz,
    /// Number of leading zeros within the width; the width in bits for 0
    Clz,
    /// Number of ones
    Popcnt,
    /// Bytes in reverse order
    Bswap,
}

/// A comparison, whose result is 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cmp {
    /// Equal
    Eq,
    /// Not equal
    Ne,
    /// Unsigned less
    Ltu,
    /// Unsigned less or equal
    Leu,
    /// Signed less
    Lts,
    /// Signed less or equal
    Les,
}

/// One of the status flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// Carry
    Cf,
    /// Parity of the low byte
    Pf,
    /// Auxiliary carry, out of bit 3
    Af,
    /// Zero
    Zf,
    /// Sign
    Sf,
    /// Overflow
    Of,
}

/// The new value of an atomic read-modify-write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rmw {
    /// The operand
    Exchange,
    /// The old value with the operand, by this operation
    Op(Bin),
    /// The old value alone, by this operation
    Un(Un),
}

/// A definition of the status flags, from which each flag can be computed.
///
/// SPEC: intel-sdm-vol1 :: 3.4.3.1 Status Flags -> CF, PF, AF, ZF, SF and OF as each kind of operation sets them
#[derive(Clone, Copy, Debug)]
pub enum FlagDef<V> {
    /// `result = a + b`, or with carry in: the carries follow from operands and result
    Add {
        /// Width of the operation
        w: Width,
        /// Left operand
        a: V,
        /// Right operand
        b: V,
        /// Result, cut to the width
        result: V,
    },
    /// `result = a - b`, or with borrow in
    Sub {
        /// Width of the operation
        w: Width,
        /// Left operand
        a: V,
        /// Right operand
        b: V,
        /// Result, cut to the width
        result: V,
    },
    /// Like `Add` with b = 1, CF unchanged
    Inc {
        /// Width of the operation
        w: Width,
        /// Result
        result: V,
    },
    /// Like `Sub` with b = 1, CF unchanged
    Dec {
        /// Width of the operation
        w: Width,
        /// Result
        result: V,
    },
    /// SF, ZF and PF by the result; CF, OF and AF cleared
    Logic {
        /// Width of the operation
        w: Width,
        /// Result
        result: V,
    },
    /// SF, ZF and PF by the result; the others as given (each 0 or 1)
    Explicit {
        /// Width of the operation
        w: Width,
        /// Result
        result: V,
        /// CF
        cf: V,
        /// OF
        of: V,
        /// AF
        af: V,
    },
    /// CF and OF as given (each 0 or 1), the others unchanged
    CarryOverflow {
        /// CF
        cf: V,
        /// OF
        of: V,
    },
    /// CF as given (0 or 1), the others unchanged
    Carry(V),
    /// All six from the places they have in RFLAGS
    Image(V),
}
