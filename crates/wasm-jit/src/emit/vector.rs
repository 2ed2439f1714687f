//! Vectors and floats as WebAssembly expressions, and their way to memory.

use super::blocks::Scope;
use super::f80::function_of;
use super::{Emitter, mem_arg};
use crate::layout;
use crate::value::Value;
use crate::value::vector::{FloatOne, FloatOrder, FloatTwo, Precision, VectorNode};
use x86_types::Width;

impl Emitter<'_> {
    /// Pushes an i32 that is 0 exactly where the node's value is, if it has a short form.
    pub(super) fn vector_truth(&mut self, scope: &Scope<'_>, node: VectorNode) -> bool {
        match node {
            VectorNode::Test(op, a) => {
                self.value(scope, a);
                op.emit(&mut self.out());
            }
            VectorNode::Compare(op, p, a, b) => self.order(scope, op, p, a, b),
            _ => return false,
        }
        true
    }

    fn order(&mut self, scope: &Scope<'_>, op: FloatOrder, p: Precision, a: Value, b: Value) {
        self.value(scope, a);
        self.value(scope, b);
        match (op, p) {
            (FloatOrder::Eq, Precision::Single) => self.out().f32_eq(),
            (FloatOrder::Lt, Precision::Single) => self.out().f32_lt(),
            (FloatOrder::Le, Precision::Single) => self.out().f32_le(),
            (FloatOrder::Eq, Precision::Double) => self.out().f64_eq(),
            (FloatOrder::Lt, Precision::Double) => self.out().f64_lt(),
            (FloatOrder::Le, Precision::Double) => self.out().f64_le(),
        };
    }

    pub(super) fn vector_value(&mut self, scope: &Scope<'_>, node: VectorNode) {
        match node {
            VectorNode::Const(bits) => {
                self.out().v128_const(bits as i128);
            }
            VectorNode::Widen(w, v) => match scope.low_load(v) {
                Some(local) => {
                    self.out().local_get(local);
                }
                None => {
                    self.out().v128_const(0);
                    self.value(scope, v);
                    self.replace_lane(w, 0);
                }
            },
            VectorNode::Lane(w, lane, x) => {
                self.value(scope, x);
                match w {
                    Width::B1 => self.out().i8x16_extract_lane_u(lane).i64_extend_i32_u(),
                    Width::B2 => self.out().i16x8_extract_lane_u(lane).i64_extend_i32_u(),
                    Width::B4 => self.out().i32x4_extract_lane(lane).i64_extend_i32_u(),
                    // Engines move a float's bits in one instruction, but the lowest of two lanes in two.
                    Width::B8 if lane == 0 => self.out().f64x2_extract_lane(0).i64_reinterpret_f64(),
                    Width::B8 => self.out().i64x2_extract_lane(lane),
                };
            }
            VectorNode::WithLane(w, lane, x, v) => {
                self.value(scope, x);
                self.value(scope, v);
                self.replace_lane(w, lane);
            }
            VectorNode::One(op, a) => {
                self.value(scope, a);
                op.emit(&mut self.out());
            }
            VectorNode::Two(op, a, b) => {
                self.value(scope, a);
                self.value(scope, b);
                op.emit(&mut self.out());
            }
            VectorNode::Shift(op, a, count) => {
                self.value(scope, a);
                self.value(scope, count);
                self.out().i32_wrap_i64();
                op.emit(&mut self.out());
            }
            VectorNode::Shuffle(bytes, a, b) => {
                self.value(scope, a);
                self.value(scope, b);
                self.out().i8x16_shuffle(bytes);
            }
            VectorNode::Test(..) | VectorNode::Compare(..) => {
                self.vector_truth(scope, node);
                self.out().i64_extend_i32_u();
            }
            VectorNode::X87Register(number) => {
                self.vcpu();
                self.value(scope, number);
                self.out().i64_const(layout::X87_REGISTER_SHIFT as i64).i64_shl().i64_add();
                self.out().v128_load(mem_arg(layout::X87_REGISTERS, 3));
            }
            VectorNode::F80(function, a, b, control) => {
                self.vcpu();
                [a, b, control].into_iter().for_each(|v| self.value(scope, v));
                self.out().i64_const(function.into()).call(function_of(function));
            }
            VectorNode::CarryZero(cf, zf) => {
                self.value(scope, zf);
                self.out().i64_const(6).i64_shl();
                self.value(scope, cf);
                self.out().i64_or();
            }
            _ => self.float_value(scope, node),
        }
    }

    /// The float operations among the nodes.
    fn float_value(&mut self, scope: &Scope<'_>, node: VectorNode) {
        use Precision::{Double, Single};
        for v in node.operands().into_iter().flatten() {
            self.value(scope, v);
        }
        let out = &mut self.out();
        match node {
            VectorNode::Low(Single, _) => out.f32x4_extract_lane(0),
            VectorNode::Low(Double, _) => out.f64x2_extract_lane(0),
            VectorNode::WithLow(Single, ..) => out.f32x4_replace_lane(0),
            VectorNode::WithLow(Double, ..) => out.f64x2_replace_lane(0),
            VectorNode::Bits(Single, _) => out.i32_reinterpret_f32().i64_extend_i32_u(),
            VectorNode::Bits(Double, _) => out.i64_reinterpret_f64(),
            VectorNode::FromBits(Single, _) => out.i32_wrap_i64().f32_reinterpret_i32(),
            VectorNode::FromBits(Double, _) => out.f64_reinterpret_i64(),
            VectorNode::FromInteger(Single, _) => out.f32_convert_i64_s(),
            VectorNode::FromInteger(Double, _) => out.f64_convert_i64_s(),
            VectorNode::ToInteger(Single, _) => out.i64_trunc_sat_f32_s(),
            VectorNode::ToInteger(Double, _) => out.i64_trunc_sat_f64_s(),
            VectorNode::Converted(Single, _) => out.f32_demote_f64(),
            VectorNode::Converted(Double, _) => out.f64_promote_f32(),
            VectorNode::FloatOne(op, Single, _) => match op {
                FloatOne::Sqrt => out.f32_sqrt(),
                FloatOne::Nearest => out.f32_nearest(),
                FloatOne::Floor => out.f32_floor(),
                FloatOne::Ceil => out.f32_ceil(),
                FloatOne::Trunc => out.f32_trunc(),
            },
            VectorNode::FloatOne(op, Double, _) => match op {
                FloatOne::Sqrt => out.f64_sqrt(),
                FloatOne::Nearest => out.f64_nearest(),
                FloatOne::Floor => out.f64_floor(),
                FloatOne::Ceil => out.f64_ceil(),
                FloatOne::Trunc => out.f64_trunc(),
            },
            VectorNode::FloatTwo(op, Single, ..) => match op {
                FloatTwo::Add => out.f32_add(),
                FloatTwo::Sub => out.f32_sub(),
                FloatTwo::Mul => out.f32_mul(),
                FloatTwo::Div => out.f32_div(),
            },
            VectorNode::FloatTwo(op, Double, ..) => match op {
                FloatTwo::Add => out.f64_add(),
                FloatTwo::Sub => out.f64_sub(),
                FloatTwo::Mul => out.f64_mul(),
                FloatTwo::Div => out.f64_div(),
            },
            // The integer ones do not come here.
            _ => out.unreachable(),
        };
    }

    /// Replaces a lane of the vector below by the i64 on the stack.
    fn replace_lane(&mut self, w: Width, lane: u8) {
        let out = &mut self.out();
        match w {
            Width::B1 => out.i32_wrap_i64().i8x16_replace_lane(lane),
            Width::B2 => out.i32_wrap_i64().i16x8_replace_lane(lane),
            Width::B4 => out.i32_wrap_i64().i32x4_replace_lane(lane),
            Width::B8 => out.i64x2_replace_lane(lane),
        };
    }
}
