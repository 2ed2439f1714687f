//! Local allocation: which values of a block are live, and which of them are kept in a local.

use crate::block::{Access, Action, Base, Block, Effect, Exit, FlagState, State, Terminator};
use crate::shared_probes::{SharedProbe, shared_probes};
use crate::value::vector::{Kind, VectorNode};
use crate::value::{Entry, Node, Op2, Value};
use x86_exec::FlagDef;
use x86_types::Width;

/// Deepest nesting of an expression. A deeper value is kept in a local.
const MAX_DEPTH: u32 = 24;

/// Result of the allocation for a block.
pub(crate) struct LocalAllocation {
    /// Local by value, counted from the first of its kind
    local: Vec<Option<(Kind, u32)>>,
    /// Locals used, by kind
    pub(crate) locals: [u32; 4],
    /// By exit: the values that it uses more than once, in order; they are computed first
    shared: Vec<Vec<Value>>,
    /// By effect number: the same for a second condition, which is evaluated only if the first is not 0
    doubts: Vec<(u32, Vec<Value>)>,
    /// Whether a value is a load that is used as the lowest lane of a vector only: it is loaded as a vector. Empty if
    /// no value is
    low_load: Vec<bool>,
    /// By effect, whether and how it shares a TLB probe
    shares: Vec<Option<SharedProbe>>,
}

/// Returns the values that represent a flag state: a, b, result, carry.
pub(crate) fn flag_values(flags: &FlagState) -> [Option<Value>; 4] {
    let [a, b, result] = match flags.base {
        Base::Entry => [None; 3],
        Base::Canonical(result, aux) | Base::CarryZero(result, aux, ..) => [Some(aux), None, Some(result)],
        Base::Def(FlagDef::Add { a, b, result, .. } | FlagDef::Sub { a, b, result, .. }, _) => {
            [Some(a), Some(b), Some(result)]
        }
        Base::Def(
            FlagDef::Logic { result, .. } | FlagDef::Inc { result, .. } | FlagDef::Dec { result, .. },
            _,
        ) => [None, None, Some(result)],
        Base::Def(..) => [None; 3],
    };
    [a, b, result, flags.carry]
}

/// Returns the values of a state.
pub(crate) fn state_values(state: &State) -> impl Iterator<Item = Value> + '_ {
    let flags = if state.flags.version == 0 { [None; 4] } else { flag_values(&state.flags) };
    let registers = state.gpr.iter().chain(&state.vectors).copied().flatten();
    let segments = state.segments.iter().flatten().flat_map(|&(selector, base)| [selector, base]);
    registers.chain(segments).chain(flags.into_iter().flatten()).chain(state.fpu.values())
}

/// Uses of a value.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    /// Number of uses on the main path
    hot: u32,
    /// Number of uses in the exit being examined
    here: u32,
    /// Nesting depth of its expression
    depth: u32,
    /// Whether it is used off the main path
    cold: bool,
}

/// Scratch memory, reused from block to block.
#[derive(Default)]
pub(crate) struct Scratch {
    uses: Vec<Use>,
    waiting: Vec<Value>,
    touched: Vec<Value>,
}

impl LocalAllocation {
    /// A value without a use is not emitted, so flags that the next definition replaces are dead. A value that only exits use is
    /// computed there.
    pub(crate) fn of(block: &Block, scratch: &mut Scratch) -> LocalAllocation {
        let values = &block.values;
        let (mut shares, ranges) = shared_probes(block);
        scratch.uses.clear();
        scratch.uses.resize(values.len(), Use::default());
        let low_load = low_loads(block);
        count_uses(block, &shares, &mut scratch.uses);
        let mut plan = LocalAllocation {
            local: vec![None; values.len()],
            locals: [0; 4],
            shared: Vec::new(),
            doubts: Vec::new(),
            low_load,
            shares: Vec::new(),
        };
        plan.place(block, &mut scratch.uses);
        let integers = &mut plan.locals[Kind::I64 as usize];
        shares.iter_mut().flatten().for_each(|share| share.local += *integers);
        *integers += ranges;
        plan.shares = shares;
        let of_exit = |exit: &Exit| plan.shared_by(block, state_values(&exit.state), scratch);
        let shared = block.exits.iter().map(of_exit).collect();
        let second = |(n, effect): (usize, &Effect)| match effect.action {
            Action::ExitIfBoth { second, .. } => Some((n as u32, second)),
            _ => None,
        };
        let doubts = block.effects.iter().enumerate().filter_map(second);
        let doubts = doubts.map(|(n, v)| (n, plan.shared_by(block, [v].into_iter(), scratch))).collect();
        (plan.shared, plan.doubts) = (shared, doubts);
        plan
    }

    /// Assigns locals to values.
    fn place(&mut self, block: &Block, uses: &mut [Use]) {
        let values = &block.values;
        let loads_segments = block.state.segments.iter().any(Option::is_some);
        for (v, node) in values.iter() {
            let n = v.index();
            let Use { hot, cold, .. } = uses[n];
            if hot == 0 && !cold {
                continue;
            }
            let mut deep = 0;
            node.for_each_operand(|v| deep = uses[v.index()].depth.max(deep));
            deep += 1;
            let needs_local = match node {
                Node::Imm(_) => false,
                Node::Entry(entry) if entry.is_local() => false,
                Node::Effect(..) => true,
                // The final state of the block overwrites this local.
                Node::Entry(Entry::Selector(_) | Entry::SegBase(_)) if loads_segments => true,
                // Adding a constant to the entry's address is as cheap as reading a local.
                Node::Two(Op2::Add, a, b) if is_rip(block, a, b) => false,
                Node::Vector(VectorNode::Const(_)) => false,
                Node::Vector(VectorNode::Widen(_, load)) if self.is_low_load(load) => false,
                _ => hot > 1 || hot == 1 && (cold || deep > MAX_DEPTH),
            };
            if needs_local {
                let kind = if self.is_low_load(v) { Kind::V128 } else { values.kind(v) };
                let count = &mut self.locals[kind as usize];
                self.local[n] = Some((kind, *count));
                *count += 1;
            } else {
                uses[n].depth = deep;
            }
        }
    }

    pub(crate) fn local(&self, v: Value) -> Option<(Kind, u32)> {
        self.local.get(v.index()).copied().flatten()
    }

    pub(crate) fn is_low_load(&self, v: Value) -> bool {
        self.low_load.get(v.index()).copied().unwrap_or(false)
    }

    /// Returns the values that the exit with this number uses more than once, in order. They are computed first.
    pub(crate) fn shared(&self, exit: usize) -> &[Value] {
        self.shared.get(exit).map_or(&[], Vec::as_slice)
    }

    /// Returns the same for the second condition of the effect with this number.
    pub(crate) fn doubts(&self, effect: usize) -> &[Value] {
        let found = self.doubts.binary_search_by_key(&(effect as u32), |&(number, _)| number);
        found.map_or(&[], |n| &self.doubts[n].1)
    }

    /// Returns how the effect with this number shares a TLB probe, if it does.
    pub(crate) fn share(&self, effect: u32) -> Option<SharedProbe> {
        self.shares.get(effect as usize).copied().flatten()
    }

    /// Returns the number of locals by kind, including those for values that an exit computes first.
    pub(crate) fn most_locals(&self, block: &Block) -> [u32; 4] {
        let mut most = self.locals;
        for shared in self.shared.iter().chain(self.doubts.iter().map(|(_, shared)| shared)) {
            let mut count = self.locals;
            shared.iter().for_each(|&v| count[block.values.kind(v) as usize] += 1);
            most = core::array::from_fn(|kind| count[kind].max(most[kind]));
        }
        most
    }

    /// Returns the values without a local that the expressions of `roots` use more than once, in order. [`Use::here`]
    /// is 0 everywhere, before and after.
    fn shared_by(
        &self,
        block: &Block,
        roots: impl Iterator<Item = Value>,
        scratch: &mut Scratch,
    ) -> Vec<Value> {
        let Scratch { uses, waiting, touched } = scratch;
        let mut any = false;
        waiting.extend(roots);
        while let Some(v) = waiting.pop() {
            let node = block.values.node(v);
            let free = matches!(node, Node::Imm(_)) || matches!(node, Node::Entry(entry) if entry.is_local());
            if free || self.local(v).is_some() {
                continue;
            }
            let count = &mut uses[v.index()].here;
            *count += 1;
            if *count == 1 {
                touched.push(v);
                node.for_each_operand(|v| waiting.push(v));
            } else {
                any = true;
            }
        }
        let mut shared = Vec::new();
        if any {
            shared.extend(touched.iter().copied().filter(|v| uses[v.index()].here > 1));
            shared.sort_unstable();
        }
        touched.drain(..).for_each(|v| uses[v.index()].here = 0);
        shared
    }
}

/// Counts the uses of a block's values.
fn count_uses(block: &Block, shares: &[Option<SharedProbe>], uses: &mut [Use]) {
    for v in state_values(&block.state) {
        uses[v.index()].hot += 1;
    }
    match block.term {
        Terminator::Branch { condition: v, .. } | Terminator::Indirect { target: v, .. } => {
            uses[v.index()].hot += 1
        }
        Terminator::Jump(_) | Terminator::HelperCall { .. } | Terminator::Dispatch => {}
    }
    for (effect, share) in block.effects.iter().zip(shares) {
        // An address that another access's probe covers is used off the main path only.
        let found = share.is_some_and(|share| share.look.is_none());
        match effect.action {
            Action::Load { access: Access { linear, .. }, .. } | Action::LoadVector { linear, .. }
                if found =>
            {
                uses[linear.index()].cold = true;
            }
            Action::Store { access: Access { linear, .. }, value, .. }
            | Action::StoreVector { linear, value, .. }
                if found =>
            {
                uses[linear.index()].cold = true;
                uses[value.index()].hot += 1;
                uses[value.index()].cold = true;
            }
            Action::ExitIfBoth { first, second, .. } => {
                uses[first.index()].hot += 1;
                uses[second.index()].cold = true;
            }
            // It uses the address of the load before it, unless that is a device.
            Action::Store { access, value, again: true, .. } if share.is_none() => {
                uses[value.index()].hot += 1;
                uses[value.index()].cold = true;
                uses[access.linear.index()].cold = true;
            }
            // A TLB miss is a helper call, which is off the main path.
            Action::Store { access, value, .. } => {
                uses[access.linear.index()].hot += 1;
                uses[value.index()].hot += 1;
                uses[value.index()].cold = true;
            }
            action => action.operands().for_each(|v| uses[v.index()].hot += 1),
        }
    }
    for exit in &block.exits {
        state_values(&exit.state).for_each(|v| uses[v.index()].cold = true);
    }
    for (v, node) in block.values.iter().rev() {
        let Use { hot, cold, .. } = uses[v.index()];
        if hot > 0 {
            node.for_each_operand(|operand| uses[operand.index()].hot += 1);
        } else if cold {
            node.for_each_operand(|operand| uses[operand.index()].cold = true);
        }
    }
}

fn is_rip(block: &Block, a: Value, b: Value) -> bool {
    block.values.node(a) == Node::Entry(Entry::Base) && block.values.constant(b).is_some()
}

/// Returns, by value, whether it is a load that is used as the lowest lane of a vector only.
fn low_loads(block: &Block) -> Vec<bool> {
    let values = &block.values;
    if !values.iter().any(|(_, node)| matches!(node, Node::Vector(VectorNode::Widen(..)))) {
        return Vec::new();
    }
    let mut low = vec![false; values.len()];
    for effect in &block.effects {
        if let Action::Load { access, for_write: false, .. } = effect.action
            && matches!(access.w, Width::B4 | Width::B8)
            && let Some(place) = low.get_mut(effect.at)
        {
            *place = matches!(values.node(Value::new(effect.at as u32)), Node::Effect(..));
        }
    }
    let mut other = |v: Value| low[v.index()] = false;
    state_values(&block.state).for_each(&mut other);
    for effect in &block.effects {
        effect.action.operands().for_each(&mut other);
    }
    block.exits.iter().flat_map(|exit| state_values(&exit.state)).for_each(&mut other);
    if let Terminator::Branch { condition: v, .. } | Terminator::Indirect { target: v, .. } = block.term {
        other(v);
    }
    for (_, node) in values.iter() {
        match node {
            Node::Vector(VectorNode::Widen(w, v)) if values.bits(v) == w.bits() => {}
            _ => node.for_each_operand(&mut other),
        }
    }
    low
}
