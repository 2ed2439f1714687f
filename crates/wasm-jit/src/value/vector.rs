//! Vectors in the expression list: 128-bit values, their lanes, and scalar floats.

use super::Value;
use wasm_encoder::{InstructionSink, ValType};
use x86_types::Width;

/// WebAssembly type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    I64,
    V128,
    F32,
    F64,
}

impl Kind {
    /// All of them, by number
    pub(crate) const ALL: [Kind; 4] = [Kind::I64, Kind::V128, Kind::F32, Kind::F64];

    pub(crate) fn val_type(self) -> ValType {
        match self {
            Kind::I64 => ValType::I64,
            Kind::V128 => ValType::V128,
            Kind::F32 => ValType::F32,
            Kind::F64 => ValType::F64,
        }
    }
}

/// A floating-point format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Precision {
    Single,
    Double,
}

impl Precision {
    pub(crate) fn width(self) -> Width {
        if self == Precision::Single { Width::B4 } else { Width::B8 }
    }

    pub(crate) fn kind(self) -> Kind {
        if self == Precision::Single { Kind::F32 } else { Kind::F64 }
    }
}

/// Operations, each with its WebAssembly instruction.
macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident { $($op:ident $emit:ident)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum $name { $($op,)* }

        impl $name {
            pub(crate) fn emit(self, out: &mut InstructionSink<'_>) {
                match self { $($name::$op => out.$emit(),)* };
            }
        }
    )*};
}

operations! {
    /// From one vector to another, as WebAssembly defines it
    VectorOne {
        Not v128_not
        AbsB i8x16_abs AbsW i16x8_abs AbsD i32x4_abs
        PairsB i16x8_extadd_pairwise_i8x16_u PairsW i32x4_extadd_pairwise_i16x8_u
        ExtendBS i16x8_extend_low_i8x16_s ExtendBU i16x8_extend_low_i8x16_u
        ExtendWS i32x4_extend_low_i16x8_s ExtendWU i32x4_extend_low_i16x8_u
        ExtendDS i64x2_extend_low_i32x4_s ExtendDU i64x2_extend_low_i32x4_u
        AbsF32 f32x4_abs SqrtF32 f32x4_sqrt NearestF32 f32x4_nearest FloorF32 f32x4_floor CeilF32 f32x4_ceil
        TruncF32 f32x4_trunc
        AbsF64 f64x2_abs SqrtF64 f64x2_sqrt NearestF64 f64x2_nearest FloorF64 f64x2_floor CeilF64 f64x2_ceil
        TruncF64 f64x2_trunc
        Promote f64x2_promote_low_f32x4 Demote f32x4_demote_f64x2_zero
        SinglesOf f32x4_convert_i32x4_s DoublesOf f64x2_convert_low_i32x4_s
        IntegersOfF32 i32x4_trunc_sat_f32x4_s IntegersOfF64 i32x4_trunc_sat_f64x2_s_zero
    }
    /// From two vectors to one
    VectorTwo {
        And v128_and AndNot v128_andnot Or v128_or Xor v128_xor
        AddB i8x16_add AddW i16x8_add AddD i32x4_add AddQ i64x2_add
        SubB i8x16_sub SubW i16x8_sub SubD i32x4_sub SubQ i64x2_sub
        AddSatBS i8x16_add_sat_s AddSatBU i8x16_add_sat_u AddSatWS i16x8_add_sat_s AddSatWU i16x8_add_sat_u
        SubSatBS i8x16_sub_sat_s SubSatBU i8x16_sub_sat_u SubSatWS i16x8_sub_sat_s SubSatWU i16x8_sub_sat_u
        MulW i16x8_mul MulD i32x4_mul
        WideLowWS i32x4_extmul_low_i16x8_s WideHighWS i32x4_extmul_high_i16x8_s
        WideLowWU i32x4_extmul_low_i16x8_u WideHighWU i32x4_extmul_high_i16x8_u
        WideLowDS i64x2_extmul_low_i32x4_s WideLowDU i64x2_extmul_low_i32x4_u
        Rounded i16x8_q15mulr_sat_s Dot i32x4_dot_i16x8_s
        MinBS i8x16_min_s MinBU i8x16_min_u MinWS i16x8_min_s MinWU i16x8_min_u MinDS i32x4_min_s MinDU i32x4_min_u
        MaxBS i8x16_max_s MaxBU i8x16_max_u MaxWS i16x8_max_s MaxWU i16x8_max_u MaxDS i32x4_max_s MaxDU i32x4_max_u
        AverageB i8x16_avgr_u AverageW i16x8_avgr_u
        EqB i8x16_eq EqW i16x8_eq EqD i32x4_eq EqQ i64x2_eq
        GtB i8x16_gt_s GtW i16x8_gt_s GtD i32x4_gt_s GtQ i64x2_gt_s
        NarrowWS i8x16_narrow_i16x8_s NarrowWU i8x16_narrow_i16x8_u
        NarrowDS i16x8_narrow_i32x4_s NarrowDU i16x8_narrow_i32x4_u
        Swizzle i8x16_swizzle
        AddF32 f32x4_add SubF32 f32x4_sub MulF32 f32x4_mul DivF32 f32x4_div PminF32 f32x4_pmin PmaxF32 f32x4_pmax
        EqF32 f32x4_eq NeF32 f32x4_ne LtF32 f32x4_lt LeF32 f32x4_le GtF32 f32x4_gt GeF32 f32x4_ge
        AddF64 f64x2_add SubF64 f64x2_sub MulF64 f64x2_mul DivF64 f64x2_div PminF64 f64x2_pmin PmaxF64 f64x2_pmax
        EqF64 f64x2_eq NeF64 f64x2_ne LtF64 f64x2_lt LeF64 f64x2_le GtF64 f64x2_gt GeF64 f64x2_ge
    }
    /// Lanes shifted by one count, taken modulo their width
    VectorShift {
        ShlW i16x8_shl ShlD i32x4_shl ShlQ i64x2_shl ShrUW i16x8_shr_u ShrUD i32x4_shr_u ShrUQ i64x2_shr_u
        ShrSB i8x16_shr_s ShrSW i16x8_shr_s ShrSD i32x4_shr_s
    }
    /// From a vector to an integer: whether any bit is set, the signs of the lanes
    VectorTest { Any v128_any_true SignsB i8x16_bitmask SignsD i32x4_bitmask SignsQ i64x2_bitmask }
}

/// From one float to another of its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FloatOne {
    Sqrt,
    Nearest,
    Floor,
    Ceil,
    Trunc,
}

/// From two floats to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FloatTwo {
    Add,
    Sub,
    Mul,
    Div,
}

/// A comparison of floats; gives 0 or 1, 0 where one is a NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FloatOrder {
    Eq,
    Lt,
    Le,
}

/// The definition of a vector or a float, or of an integer computed from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum VectorNode {
    Const(u128),
    /// A lane, zero-extended to 64 bits
    Lane(Width, u8, Value),
    /// A vector with one lane replaced by the low bits of an integer
    WithLane(Width, u8, Value, Value),
    /// The low bits of an integer in the lowest lane, zeros above
    Widen(Width, Value),
    One(VectorOne, Value),
    Two(VectorTwo, Value, Value),
    /// Lanes shifted by an integer count
    Shift(VectorShift, Value, Value),
    /// Bytes of two vectors by number, those of the second from 16 on
    Shuffle([u8; 16], Value, Value),
    Test(VectorTest, Value),
    /// The lowest lane as a float
    Low(Precision, Value),
    /// A vector with the lowest lane replaced by a float
    WithLow(Precision, Value, Value),
    FloatOne(FloatOne, Precision, Value),
    FloatTwo(FloatTwo, Precision, Value, Value),
    Compare(FloatOrder, Precision, Value, Value),
    /// The bits of a float, zero-extended
    Bits(Precision, Value),
    /// The float whose bits are the low ones of an integer
    FromBits(Precision, Value),
    /// A signed 64-bit integer, rounded to a float
    FromInteger(Precision, Value),
    /// A float truncated to a signed 64-bit integer: recorded after an exit for what does not fit
    ToInteger(Precision, Value),
    /// A float of the other format, in this one
    Converted(Precision, Value),
    /// An x87 register, by physical number, as it was at the block's entry: significand, sign and exponent
    X87Register(Value),
    /// The result of [`x86_exec::F80Function::apply`]: number of the function, two operands and the control word
    F80(u8, Value, Value, Value),
    /// CF and ZF, each 0 or 1, at their places in RFLAGS
    CarryZero(Value, Value),
}

impl VectorNode {
    /// Returns its operands.
    pub(crate) fn operands(self) -> [Option<Value>; 3] {
        use VectorNode::*;
        match self {
            Const(_) => [None; 3],
            Lane(_, _, a)
            | Widen(_, a)
            | One(_, a)
            | Test(_, a)
            | Low(_, a)
            | FloatOne(_, _, a)
            | Bits(_, a)
            | FromBits(_, a)
            | FromInteger(_, a)
            | ToInteger(_, a)
            | X87Register(a)
            | Converted(_, a) => [Some(a), None, None],
            F80(_, a, b, control) => [Some(a), Some(b), Some(control)],
            WithLane(_, _, a, b)
            | Two(_, a, b)
            | Shift(_, a, b)
            | Shuffle(_, a, b)
            | WithLow(_, a, b)
            | FloatTwo(_, _, a, b)
            | Compare(_, _, a, b)
            | CarryZero(a, b) => [Some(a), Some(b), None],
        }
    }

    pub(crate) fn kind(self) -> Kind {
        use VectorNode::*;
        match self {
            Const(_) | WithLane(..) | Widen(..) | One(..) | Two(..) | Shift(..) | Shuffle(..)
            | WithLow(..) | X87Register(_) | F80(..) => Kind::V128,
            Lane(..) | Test(..) | Compare(..) | Bits(..) | ToInteger(..) | CarryZero(..) => Kind::I64,
            Low(p, _)
            | FloatOne(_, p, _)
            | FloatTwo(_, p, _, _)
            | FromInteger(p, _)
            | FromBits(p, _)
            | Converted(p, _) => p.kind(),
        }
    }

    /// Returns the number of low bits above which all bits of an integer are known to be 0.
    pub(crate) fn bits(self) -> u32 {
        match self {
            VectorNode::Lane(w, ..) => w.bits(),
            VectorNode::Bits(p, _) => p.width().bits(),
            VectorNode::Test(VectorTest::Any, _) | VectorNode::Compare(..) => 1,
            VectorNode::Test(..) => 16,
            VectorNode::CarryZero(..) => 7,
            _ => 64,
        }
    }
}
