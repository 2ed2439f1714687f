//! Emits a block: its effects, its exits, and its final state in the locals.

use super::memory::Reached;
use super::{Emitter, FLAG_A, FLAG_B, FLAG_CARRY, FLAG_KIND, FLAG_RESULT, LEFT, Label, REASON, RIP, mem_arg};
use crate::block::{Access, Action, Base, Block, State, Terminator};
use crate::layout;
use crate::local_allocation::{LocalAllocation, flag_values};
use crate::shared_probes::SharedProbe;
use crate::value::vector::Kind;
use crate::value::{Entry, Node, Value};
use wasm_encoder::BlockType;
use x86_exec::vcpu::compiled::{ExitReason, FlagsKind};

/// A block being emitted.
pub(super) struct Scope<'a> {
    pub(super) block: &'a Block,
    plan: &'a LocalAllocation,
    /// Local of the first value, by kind
    first: [u32; 4],
    /// Values that the exit being emitted computes first, and their locals
    shared: Vec<(Value, u32)>,
    /// Values before this one are in their locals
    ready: usize,
}

impl Scope<'_> {
    /// Whether effect `number` is a load into the lowest lane of a vector.
    pub(super) fn is_low_load(&self, number: u32) -> bool {
        let effect = self.block.effects.get(number as usize);
        effect.is_some_and(|effect| self.plan.is_low_load(Value::new(effect.at as u32)))
    }

    /// Where the value of effect `number` goes, if anything wants it. It stands right behind the effect.
    pub(super) fn result(&self, number: u32) -> Option<u32> {
        let at = self.block.effects.get(number as usize)?.at;
        let v = Value::new(at as u32);
        match self.block.values.node(v) {
            Node::Effect(n, _) if n == number => self.local(v),
            _ => None,
        }
    }

    /// The local with the start of a range that accesses share.
    pub(super) fn shared_range(&self, share: SharedProbe) -> u32 {
        self.first[Kind::I64 as usize] + share.local
    }

    /// The local of a vector that was made of what `v` loaded.
    pub(super) fn low_load(&self, v: Value) -> Option<u32> {
        if self.plan.is_low_load(v) { self.local(v) } else { None }
    }

    pub(super) fn local(&self, v: Value) -> Option<u32> {
        let planned = self.plan.local(v).map(|(kind, n)| self.first[kind as usize] + n);
        planned.or_else(|| self.shared.iter().find(|&&(value, _)| value == v).map(|&(_, local)| local))
    }
}

impl Emitter<'_> {
    /// Emits a block up to its end. A condition or a target is left on the stack.
    pub(super) fn block(&mut self, block: &Block, plan: &LocalAllocation) {
        let mut scope = Scope { block, plan, first: self.frame.values, shared: Vec::new(), ready: 0 };
        let mut open = None;
        for (n, effect) in block.effects.iter().enumerate() {
            let exit = effect.action.exit();
            if open != Some(exit) {
                self.close_exit(&mut scope, open.take());
                // An exit that is taken by several effects is emitted once, behind them.
                let next = block.effects.get(n + 1).map(|next| next.action.exit());
                open = (next == Some(exit)).then_some(exit);
                open.into_iter().for_each(|exit| self.open_exit(exit));
            }
            self.compute(&mut scope, effect.at);
            self.action(&mut scope, n as u32, effect.before, effect.action);
        }
        self.close_exit(&mut scope, open);
        self.compute(&mut scope, block.values.len());
        match block.term {
            Terminator::Branch { condition, .. } => self.truth(&scope, condition),
            Terminator::Indirect { target, .. } => self.value(&scope, target),
            Terminator::Jump(_) | Terminator::HelperCall { .. } | Terminator::Dispatch => {}
        }
        self.commit_state(&scope, &block.state);
        self.decrement_budget(block);
    }

    /// Puts the values before number `end` into their locals.
    fn compute(&mut self, scope: &mut Scope<'_>, end: usize) {
        for n in scope.ready..end {
            let v = Value::new(n as u32);
            let node = scope.block.values.node(v);
            if let (Some(local), false) = (scope.local(v), matches!(node, Node::Effect(..))) {
                self.node_value(scope, node);
                self.out().local_set(local);
            }
        }
        scope.ready = scope.ready.max(end);
    }

    /// Puts a state into the locals that stand for it, and segment registers into the processor. All values are taken before
    /// the first local changes.
    fn commit_state(&mut self, scope: &Scope<'_>, state: &State) {
        self.commit_fpu(scope, &state.fpu);
        let mut places = Vec::new();
        for (r, v) in state.gpr.iter().enumerate() {
            if let (&Some(v), Some(local)) = (v, self.frame.gpr[r])
                && scope.block.values.node(v) != Node::Entry(Entry::Gpr(r as u8))
            {
                self.value(scope, v);
                places.push(local);
            }
        }
        for (r, x) in state.vectors.iter().enumerate() {
            if let (&Some(x), Some(local)) = (x, self.frame.vectors[r])
                && scope.block.values.node(x) != Node::Entry(Entry::Vector(r as u8))
            {
                self.value(scope, x);
                places.push(local);
            }
        }
        let flags = &state.flags;
        if flags.version != 0 {
            let locals = [FLAG_A, FLAG_B, FLAG_RESULT, FLAG_CARRY];
            for (v, local) in flag_values(flags).into_iter().zip(locals) {
                if let Some(v) = v {
                    self.value(scope, v);
                    places.push(local);
                }
            }
            let carry = if flags.carry.is_some() { FlagsKind::CARRY } else { 0 };
            match flags.base {
                Base::Entry => {
                    self.out().local_get(FLAG_KIND).i64_const(carry as i64).i64_or();
                }
                Base::Canonical(..) | Base::CarryZero(..) => {
                    self.out().i64_const(carry as i64);
                }
                Base::Def(def, _) => {
                    let kind = FlagsKind::of(&def).map_or(0, |kind| kind.0);
                    self.out().i64_const((kind | carry) as i64);
                }
            }
            places.push(FLAG_KIND);
        }
        for (n, segment) in (0..).zip(state.segments) {
            let Some((selector, base)) = segment else { continue };
            self.vcpu();
            self.value(scope, selector);
            self.out().i64_store16(mem_arg(layout::SELECTOR + layout::SEGMENT * n, 1));
            for offset in [layout::BASE + layout::SEGMENT * n, layout::SEG_BASE + 8 * n] {
                self.vcpu();
                self.value(scope, base);
                self.out().i64_store(mem_arg(offset, 3));
            }
        }
        for &local in places.iter().rev() {
            self.out().local_set(local);
        }
    }

    fn action(&mut self, scope: &mut Scope<'_>, number: u32, before: u32, action: Action) {
        let share = scope.plan.share(number);
        match action {
            Action::Load { access: Access { linear, w }, for_write, refused } => {
                let place = Reached { linear, bytes: w.bytes(), before, share };
                self.load(scope, number, place, for_write, refused);
            }
            Action::Store { access: Access { linear, w }, value, again, refused } => {
                let place = Reached { linear, bytes: w.bytes(), before, share };
                self.store(scope, place, value, again, refused);
            }
            Action::LoadVector { linear, refused } => {
                let place = Reached { linear, bytes: 16, before, share };
                self.load_vector(scope, number, place, refused);
            }
            Action::StoreVector { linear, value, refused } => {
                let place = Reached { linear, bytes: 16, before, share };
                self.store_vector(scope, place, value, refused)
            }
            Action::ExitIf { condition, exit } => {
                self.truth(scope, condition);
                self.exit_if(scope, exit);
            }
            Action::ExitIfBoth { first, second, exit } => {
                self.truth(scope, first);
                self.begin_unlikely();
                self.compute_shared(scope, scope.plan.doubts(number as usize));
                self.truth(scope, second);
                scope.shared.clear();
                self.exit_if(scope, exit);
                self.end();
            }
        }
    }

    /// Puts values that are needed more than once off the main way into locals behind those of the plan.
    fn compute_shared(&mut self, scope: &mut Scope<'_>, shared: &[Value]) {
        let mut next: [u32; 4] = core::array::from_fn(|kind| scope.first[kind] + scope.plan.locals[kind]);
        for &v in shared {
            self.node_value(scope, scope.block.values.node(v));
            let local = &mut next[scope.block.values.kind(v) as usize];
            self.out().local_set(*local);
            scope.shared.push((v, *local));
            *local += 1;
        }
    }

    fn open_exit(&mut self, number: u32) {
        for label in [Label::Other, Label::Exit(number)] {
            self.begin(label, |out| {
                out.block(BlockType::Empty);
            });
        }
    }

    /// Ends the effects that share an open exit, if any, and emits that exit.
    fn close_exit(&mut self, scope: &mut Scope<'_>, open: Option<u32>) {
        let Some(number) = open else { return };
        self.out().br(1);
        self.end();
        self.emit_exit(scope, number);
        self.end();
    }

    /// Branches to an exit if the i32 on the stack is not 0.
    pub(super) fn exit_if(&mut self, scope: &mut Scope<'_>, number: u32) {
        if let Some(depth) = self.labels.iter().rev().position(|&label| label == Label::Exit(number)) {
            self.hint_unlikely();
            self.out().br_if(depth as u32);
            return;
        }
        self.begin_unlikely();
        self.emit_exit(scope, number);
        self.end();
    }

    fn emit_exit(&mut self, scope: &mut Scope<'_>, number: u32) {
        let Some(exit) = scope.block.exits.get(number as usize) else { return };
        self.compute_shared(scope, scope.plan.shared(number as usize));
        self.commit_state(scope, &exit.state);
        scope.shared.clear();
        if exit.retired != 0 {
            self.out().local_get(LEFT).i64_const(exit.retired.into()).i64_sub().local_set(LEFT);
        }
        self.rip(exit.at);
        self.out().local_set(RIP).i64_const(ExitReason::Interpret as i64).local_set(REASON);
        self.branch_to_epilogue();
    }
}
