//! Values as WebAssembly expressions.

use super::blocks::Scope;
use super::narrow::LOW;
use super::{BASE, Emitter, FLAG_A, FLAG_B, FLAG_CARRY, FLAG_KIND, FLAG_RESULT, mem_arg};
use crate::abi::Import;
use crate::layout;
use crate::value::{Entry, Node, Op1, Op2, Value};
use wasm_encoder::{BlockType, ValType};
use x86_exec::vcpu::compiled::FlagsKind;

impl Emitter<'_> {
    /// Pushes a value.
    pub(super) fn value(&mut self, scope: &Scope<'_>, v: Value) {
        match scope.local(v) {
            Some(local) => {
                self.out().local_get(local);
            }
            None => self.node_value(scope, scope.block.values.node(v)),
        }
    }

    /// Pushes an i32 that is 0 exactly where `v` is.
    pub(super) fn truth(&mut self, scope: &Scope<'_>, v: Value) {
        let node = scope.block.values.node(v);
        match node {
            Node::Two(op, a, b) if scope.local(v).is_none() => {
                let constant = scope.block.values.constant(b);
                if op == Op2::Eq && constant == Some(0) {
                    if scope.block.values.bits(a) <= 32 {
                        self.narrow(scope, a);
                        self.out().i32_eqz();
                    } else {
                        self.value(scope, a);
                        self.out().i64_eqz();
                    }
                    return;
                }
                if op == Op2::Xor && constant == Some(1) && scope.block.values.bits(a) <= 1 {
                    self.truth(scope, a);
                    self.out().i32_eqz();
                    return;
                }
                if self.comparison(scope, op, a, b) {
                    return;
                }
                let bits = |v| scope.block.values.bits(v);
                if matches!(op, Op2::Or | Op2::And) && bits(a) <= 1 && bits(b) <= 1 {
                    self.truth(scope, a);
                    self.truth(scope, b);
                    let out = &mut self.out();
                    if op == Op2::Or {
                        out.i32_or()
                    } else {
                        out.i32_and()
                    };
                    return;
                }
            }
            Node::Vector(node) if scope.local(v).is_none() && self.vector_truth(scope, node) => return,
            _ => {}
        }
        if scope.block.values.bits(v) <= 32 {
            self.narrow(scope, v);
        } else {
            self.value(scope, v);
            self.out().i64_const(0).i64_ne();
        }
    }

    /// Pushes the i32 of a comparison, if `op` is one.
    pub(super) fn comparison(&mut self, scope: &Scope<'_>, op: Op2, a: Value, b: Value) -> bool {
        if !matches!(op, Op2::Eq | Op2::Ne | Op2::LtU | Op2::LeU | Op2::LtS | Op2::LeS) {
            return false;
        }
        if self.compares_narrow(scope, op, a, b) {
            return true;
        }
        self.value(scope, a);
        self.value(scope, b);
        match op {
            Op2::Eq => self.out().i64_eq(),
            Op2::Ne => self.out().i64_ne(),
            Op2::LtU => self.out().i64_lt_u(),
            Op2::LeU => self.out().i64_le_u(),
            Op2::LtS => self.out().i64_lt_s(),
            _ => self.out().i64_le_s(),
        };
        true
    }

    pub(super) fn node_value(&mut self, scope: &Scope<'_>, node: Node) {
        match node {
            Node::Imm(value) => {
                self.out().i64_const(value as i64);
            }
            Node::Entry(entry) => self.entry(entry),
            Node::Two(op, a, b) => self.two(scope, op, a, b),
            Node::One(Op1::Extend32, a) if self.is_narrow_sum(scope, a) => {
                self.narrow(scope, a);
                self.out().i64_extend_i32_s();
            }
            Node::One(op, a) => {
                self.value(scope, a);
                match op {
                    Op1::Clz => self.out().i64_clz(),
                    Op1::Ctz => self.out().i64_ctz(),
                    Op1::Popcnt => self.out().i64_popcnt(),
                    Op1::Extend8 => self.out().i64_extend8_s(),
                    Op1::Extend16 => self.out().i64_extend16_s(),
                    Op1::Extend32 => self.out().i64_extend32_s(),
                };
            }
            // SPEC: wasm-3.0-core :: 2.4.1 Parametric Instructions -> `select` takes the first of two operands where the i32 above them is not 0
            Node::Select(c, yes, no) => {
                self.value(scope, yes);
                self.value(scope, no);
                self.truth(scope, c);
                self.out().select();
            }
            Node::Vector(node) => self.vector_value(scope, node),
            // Always in a local where it is used.
            Node::Effect(..) => {
                self.out().unreachable();
            }
        }
    }

    fn entry(&mut self, entry: Entry) {
        match entry {
            Entry::Gpr(n) => {
                let local = self.frame.gpr.get(usize::from(n)).copied().flatten();
                self.out().local_get(local.unwrap_or(BASE));
            }
            Entry::Vector(n) => {
                let local = self.frame.vectors.get(usize::from(n)).copied().flatten();
                self.out().local_get(local.unwrap_or(BASE));
            }
            Entry::Base => {
                self.out().local_get(BASE);
                self.wrap_rip();
            }
            Entry::FlagA => {
                self.out().local_get(FLAG_A);
            }
            Entry::FlagB => {
                self.out().local_get(FLAG_B);
            }
            Entry::FlagResult => {
                self.out().local_get(FLAG_RESULT);
            }
            Entry::FlagCarry => {
                self.out().local_get(FLAG_CARRY);
            }
            Entry::AnyResult => {
                self.if_canonical();
                self.out().local_get(FLAG_RESULT).else_();
                self.flags(Import::FlagsResult);
                self.out().end();
            }
            Entry::AnyAux => {
                self.if_canonical();
                self.out().local_get(FLAG_A).else_();
                self.flags(Import::FlagsAux);
                self.out().end();
            }
            Entry::AnyCarry => {
                self.out()
                    .local_get(FLAG_KIND)
                    .i64_const(FlagsKind::CARRY as i64)
                    .i64_and()
                    .i64_eqz()
                    .i32_eqz();
                self.out().if_(BlockType::Result(ValType::I64)).local_get(FLAG_CARRY).else_();
                self.if_canonical();
                self.out().local_get(FLAG_A).else_();
                self.flags(Import::FlagsAux);
                self.out().end().i64_const(63).i64_shr_u().end();
            }
            Entry::SystemFlags => {
                self.vcpu().i64_load(mem_arg(layout::SYSTEM_FLAGS, 3));
            }
            Entry::Selector(seg) => {
                let offset = layout::SELECTOR + layout::SEGMENT * u64::from(seg);
                self.vcpu().i64_load16_u(mem_arg(offset, 1));
            }
            Entry::SegBase(seg) => {
                let offset = layout::SEG_BASE + 8 * u64::from(seg);
                self.vcpu().i64_load(mem_arg(offset, 3));
            }
            Entry::Cr0 => {
                self.vcpu().i64_load(mem_arg(layout::CR0, 3));
            }
            Entry::X87Status => {
                self.vcpu().i64_load16_u(mem_arg(layout::X87_STATUS, 1));
            }
            Entry::X87Control => {
                self.vcpu().i64_load16_u(mem_arg(layout::X87_CONTROL, 1));
            }
            Entry::X87Tags => {
                self.vcpu().i64_load8_u(mem_arg(layout::X87_TAGS, 0));
            }
            Entry::Mmx(n) => {
                let offset = layout::X87_REGISTERS + (u64::from(n) << layout::X87_REGISTER_SHIFT);
                self.vcpu().i64_load(mem_arg(offset, 3));
            }
            Entry::SegEnd(seg, write) => {
                let offset = layout::SEG_ENDS + 8 * (u64::from(seg) + 6 * u64::from(write));
                self.vcpu().i64_load(mem_arg(offset, 3));
            }
            Entry::CodeEnd => {
                self.vcpu().i64_load(mem_arg(layout::CODE_END, 3));
            }
        }
    }

    fn if_canonical(&mut self) {
        self.out().local_get(FLAG_KIND).i64_eqz().if_(BlockType::Result(ValType::I64));
    }

    fn flags(&mut self, import: Import) {
        self.out().local_get(FLAG_KIND).local_get(FLAG_A).local_get(FLAG_B).local_get(FLAG_RESULT);
        self.out().local_get(FLAG_CARRY).call(import as u32);
    }

    fn two(&mut self, scope: &Scope<'_>, op: Op2, a: Value, b: Value) {
        if self.comparison(scope, op, a, b) {
            self.out().i64_extend_i32_u();
            return;
        }
        if op == Op2::And && scope.block.values.constant(b) == Some(LOW) {
            self.narrow(scope, a);
            self.out().i64_extend_i32_u();
            return;
        }
        self.value(scope, a);
        self.value(scope, b);
        let out = &mut self.out();
        match op {
            Op2::Add => out.i64_add(),
            Op2::Sub => out.i64_sub(),
            Op2::Mul => out.i64_mul(),
            Op2::And => out.i64_and(),
            Op2::Or => out.i64_or(),
            Op2::Xor => out.i64_xor(),
            Op2::Shl => out.i64_shl(),
            Op2::ShrU => out.i64_shr_u(),
            Op2::ShrS => out.i64_shr_s(),
            Op2::Rotl => out.i64_rotl(),
            Op2::Rotr => out.i64_rotr(),
            Op2::DivU => out.i64_div_u(),
            Op2::DivS => out.i64_div_s(),
            Op2::RemU => out.i64_rem_u(),
            Op2::RemS => out.i64_rem_s(),
            Op2::Eq | Op2::Ne | Op2::LtU | Op2::LeU | Op2::LtS | Op2::LeS => out,
        };
    }
}
