//! Fused multiply-add: three operands, one rounding.

use super::float::in_environment;
use super::forms::{is_wide, pair, read_pair, source, write, write_pair};
use super::lanes::{Lane, build, lane, with_low};
use crate::concrete_operand::ConcreteResult;
use crate::{Flow, Vcpu, Vectors};
use x86_decode::{Instruction, Op};
use x86_float::Env;
use x86_float::sse::{self, Float, FmaSigns};

/// Which operands are multiplied and which one is added, in the order of NaN propagation. Operands count from 1.
#[derive(Clone, Copy)]
enum Order {
    /// 1 * 3 + 2
    F132,
    /// 2 * 1 + 3
    F213,
    /// 2 * 3 + 1
    F231,
}

/// Which signs change in even and in odd lanes
#[derive(Clone, Copy)]
struct Signs {
    even: FmaSigns,
    odd: FmaSigns,
}

const fn signs(product: bool, addend: bool) -> FmaSigns {
    FmaSigns { product, addend }
}

const fn alike(product: bool, addend: bool) -> Signs {
    Signs { even: signs(product, addend), odd: signs(product, addend) }
}

const ADD: Signs = alike(false, false);
const SUB: Signs = alike(false, true);
const NEGATED_ADD: Signs = alike(true, false);
const NEGATED_SUB: Signs = alike(true, true);
const ADD_SUB: Signs = Signs { even: signs(false, true), odd: signs(false, false) };
const SUB_ADD: Signs = Signs { even: signs(false, false), odd: signs(false, true) };

/// Format and number of lanes
#[derive(Clone, Copy)]
enum Lanes {
    PackedSingle,
    PackedDouble,
    ScalarSingle,
    ScalarDouble,
}

/// The parts of the operation's name; `None` for other instructions
fn parts(op: Op) -> Option<(Order, Signs, Lanes)> {
    macro_rules! table {
        ($($f132:ident $f213:ident $f231:ident: $signs:ident $lanes:ident;)*) => {
            Some(match op {
                $(
                    Op::$f132 => (Order::F132, $signs, Lanes::$lanes),
                    Op::$f213 => (Order::F213, $signs, Lanes::$lanes),
                    Op::$f231 => (Order::F231, $signs, Lanes::$lanes),
                )*
                _ => return None,
            })
        };
    }
    table! {
        Vfmadd132ps Vfmadd213ps Vfmadd231ps: ADD PackedSingle;
        Vfmadd132pd Vfmadd213pd Vfmadd231pd: ADD PackedDouble;
        Vfmadd132ss Vfmadd213ss Vfmadd231ss: ADD ScalarSingle;
        Vfmadd132sd Vfmadd213sd Vfmadd231sd: ADD ScalarDouble;
        Vfmsub132ps Vfmsub213ps Vfmsub231ps: SUB PackedSingle;
        Vfmsub132pd Vfmsub213pd Vfmsub231pd: SUB PackedDouble;
        Vfmsub132ss Vfmsub213ss Vfmsub231ss: SUB ScalarSingle;
        Vfmsub132sd Vfmsub213sd Vfmsub231sd: SUB ScalarDouble;
        Vfnmadd132ps Vfnmadd213ps Vfnmadd231ps: NEGATED_ADD PackedSingle;
        Vfnmadd132pd Vfnmadd213pd Vfnmadd231pd: NEGATED_ADD PackedDouble;
        Vfnmadd132ss Vfnmadd213ss Vfnmadd231ss: NEGATED_ADD ScalarSingle;
        Vfnmadd132sd Vfnmadd213sd Vfnmadd231sd: NEGATED_ADD ScalarDouble;
        Vfnmsub132ps Vfnmsub213ps Vfnmsub231ps: NEGATED_SUB PackedSingle;
        Vfnmsub132pd Vfnmsub213pd Vfnmsub231pd: NEGATED_SUB PackedDouble;
        Vfnmsub132ss Vfnmsub213ss Vfnmsub231ss: NEGATED_SUB ScalarSingle;
        Vfnmsub132sd Vfnmsub213sd Vfnmsub231sd: NEGATED_SUB ScalarDouble;
        Vfmaddsub132ps Vfmaddsub213ps Vfmaddsub231ps: ADD_SUB PackedSingle;
        Vfmaddsub132pd Vfmaddsub213pd Vfmaddsub231pd: ADD_SUB PackedDouble;
        Vfmsubadd132ps Vfmsubadd213ps Vfmsubadd231ps: SUB_ADD PackedSingle;
        Vfmsubadd132pd Vfmsubadd213pd Vfmsubadd231pd: SUB_ADD PackedDouble;
    }
}

/// Every lane of 128 bits: `x[0] * x[1] + x[2]`
fn packed<T: Lane + Float + Default>(e: &mut Env, x: [u128; 3], signs: Signs) -> u128 {
    let [a, b, c] = x;
    build(|n| {
        let signs = if n & 1 == 0 { signs.even } else { signs.odd };
        sse::fma::<T>(e, lane(a, n), lane(b, n), lane(c, n), signs)
    })
}

/// The lowest lane; the others are those of `first`.
fn scalar<T: Lane + Float + Default>(e: &mut Env, first: u128, x: [u128; 3], signs: Signs) -> u128 {
    let [a, b, c] = x;
    with_low(first, sse::fma::<T>(e, lane(a, 0), lane(b, 0), lane(c, 0), signs.even))
}

/// The operands in the order of the multiplication
fn ordered(order: Order, x: [u128; 3]) -> [u128; 3] {
    let [first, second, third] = x;
    match order {
        Order::F132 => [first, third, second],
        Order::F213 => [second, first, third],
        Order::F231 => [second, third, first],
    }
}

/// Executes a fused multiply-add; `None` for other instructions.
///
/// SPEC: intel-sdm-vol2 :: VFMADD132PS/VFMADD213PS/VFMADD231PS—Fused Multiply-Add of Packed Single Precision Floating-Point Values -> which operands are factors; one rounding; the upper half as for any VEX instruction
/// SPEC: intel-sdm-vol2 :: VFMADDSUB132PS/VFMADDSUB213PS/VFMADDSUB231PS—Fused Multiply-Alternating Add/Subtract of Packed Single Precision Floating-Point Values -> odd lanes add, even lanes subtract; VFMSUBADD the other way round
pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> Option<ConcreteResult> {
    let (order, signs, lanes) = parts(i.op)?;
    Some(multiply_add(vm, i, order, signs, lanes))
}

fn multiply_add(vm: &mut Vcpu, i: &Instruction, order: Order, signs: Signs, lanes: Lanes) -> ConcreteResult {
    vm.check_avx()?;
    let to = i.operands[0].reg;
    let (first, second) = (read_pair(vm, to), read_pair(vm, i.operands[1].reg));
    let before = vm.cpu.mxcsr;
    if is_wide(i.operands[0]) {
        let third = pair(vm, i, 2, false)?;
        let result = in_environment(&mut vm.cpu, |e| {
            [0, 1].map(|n| {
                let x = ordered(order, [first[n], second[n], third[n]]);
                match lanes {
                    Lanes::PackedDouble | Lanes::ScalarDouble => packed::<u64>(e, x, signs),
                    Lanes::PackedSingle | Lanes::ScalarSingle => packed::<u32>(e, x, signs),
                }
            })
        });
        vm.note_mxcsr(before);
        write_pair(vm, to, result?);
    } else {
        let third = source(vm, i, 2, false)?;
        let result = in_environment(&mut vm.cpu, |e| {
            let x = ordered(order, [first[0], second[0], third]);
            match lanes {
                Lanes::PackedSingle => packed::<u32>(e, x, signs),
                Lanes::PackedDouble => packed::<u64>(e, x, signs),
                Lanes::ScalarSingle => scalar::<u32>(e, first[0], x, signs),
                Lanes::ScalarDouble => scalar::<u64>(e, first[0], x, signs),
            }
        });
        vm.note_mxcsr(before);
        write::<Vcpu, true>(vm, to, result?);
    }
    Ok(Flow::Next)
}
