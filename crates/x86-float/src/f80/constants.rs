//! Constants of the mathematical functions, and those that the x87 loads.

use super::F80;
use crate::Env;
use crate::unpacked::Unpacked;

/// pi / 4
pub(super) const PI_4: Unpacked = Unpacked::constant(-1, 0xc90fdaa22168c234c4c6628b80dc1cd1);
/// pi / 2
pub(super) const PI_2: Unpacked = PI_4.scale(1);
/// pi
pub(super) const PI: Unpacked = PI_4.scale(2);
/// Natural logarithm of 2
pub(super) const LN_2: Unpacked = Unpacked::constant(-1, 0xb17217f7d1cf79abc9e3b39803f2f6af);
/// log2(e)
pub(super) const LOG2_E: Unpacked = Unpacked::constant(0, 0xb8aa3b295c17f0bbbe87fed0691d3e89);
const LOG2_10: Unpacked = Unpacked::constant(1, 0xd49a784bcd1b8afe492bf6ff4dafdb4d);
const LOG10_2: Unpacked = Unpacked::constant(-2, 0x9a209a84fbcff7988f8959ac0b7c9178);

/// pi / 2 in units of 2^-65, as the x87 reduces angles with it.
///
/// SPEC: intel-sdm-vol1 :: 8.3.8 Approximation of Pi -> the 66-bit value 0.C90FDAA22168C234C * 2^2
pub(super) const PI_2_66: u128 = 0x3243f6a8885a308d3;

/// Rounds a constant as FLDPI, FLDL2E and so on do: by RC, without PE.
///
/// SPEC: intel-sdm-vol2 :: FLD1/FLDL2T/FLDL2E/FLDPI/FLDLG2/FLDLN2/FLDZ—Load Constant -> rounded from a 66-bit internal constant by RC; no inexact exception
fn load(env: &Env, value: Unpacked) -> F80 {
    F80::pack(false, value.round(64, env.rounding))
}

impl F80 {
    /// FLDPI
    pub fn pi(env: &Env) -> Self {
        load(env, PI)
    }
    /// FLDL2T
    pub fn log2_10(env: &Env) -> Self {
        load(env, LOG2_10)
    }
    /// FLDL2E
    pub fn log2_e(env: &Env) -> Self {
        load(env, LOG2_E)
    }
    /// FLDLG2
    pub fn log10_2(env: &Env) -> Self {
        load(env, LOG10_2)
    }
    /// FLDLN2
    pub fn ln_2(env: &Env) -> Self {
        load(env, LN_2)
    }
}
