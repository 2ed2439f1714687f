//! Which values of a block live, and which of them in a local.

use crate::block::{Access, Action, Base, Block, Effect, Exit, FlagState, State, Term};
use crate::sharing::{Share, shares};
use crate::value::vector::{Kind, VectorNode};
use crate::value::{Entry, Node, Op2, Value};
use x86_exec::FlagDef;
use x86_types::Width;

/// Expressions nest at most so deep: what lies deeper goes through a local.
const MAX_DEPTH: u32 = 24;

/// Where values go.
pub(crate) struct Plan {
    /// Local by value, counted from the first of its kind
    local: Vec<Option<(Kind, u32)>>,
    /// Locals used, by kind
    pub(crate) locals: [u32; 4],
    /// By way out: values that have to be computed first since it needs them more than once, in order
    shared: Vec<Vec<Value>>,
    /// By effect: the same, of a condition that is looked at only in doubt
    doubts: Vec<Vec<Value>>,
    /// Whether a value is a load wanted in the lowest lane of a vector alone: it is one from the start
    low_load: Vec<bool>,
    /// By effect, whether and how it shares a look into the TLB
    shares: Vec<Option<Share>>,
}

/// The values that a flag state is written down with: a, b, result, carry.
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

/// The values that a state is made of.
pub(crate) fn state_values(state: &State) -> impl Iterator<Item = Value> + '_ {
    let flags = if state.flags.version == 0 { [None; 4] } else { flag_values(&state.flags) };
    let registers = state.gpr.iter().chain(&state.vectors).copied().flatten();
    let segments = state.segments.iter().flatten().flat_map(|&(selector, base)| [selector, base]);
    registers.chain(segments).chain(flags.into_iter().flatten()).chain(state.fpu.values())
}

impl Plan {
    /// A value that nothing needs is not emitted: that is how flags die that the next definition replaces. What only
    /// ways out need is computed there.
    pub(crate) fn of(block: &Block) -> Plan {
        let values = &block.values;
        let (mut shares, ranges) = shares(block);
        let mut hot = vec![0_u32; values.len()];
        let mut cold = vec![false; values.len()];
        for v in state_values(&block.state) {
            hot[v.0 as usize] += 1;
        }
        match block.term {
            Term::Branch { condition: v, .. } | Term::Indirect { target: v, .. } => hot[v.0 as usize] += 1,
            Term::Goto(_) | Term::Step { .. } | Term::Choose => {}
        }
        for (effect, share) in block.effects.iter().zip(&shares) {
            // An address that another access has looked up is needed off the main way alone.
            let found = share.is_some_and(|share| share.look.is_none());
            match effect.action {
                Action::Load { access, .. } if found => cold[access.linear.0 as usize] = true,
                Action::LoadVector { linear, .. } if found => cold[linear.0 as usize] = true,
                Action::Store { access: Access { linear, .. }, value, .. }
                | Action::StoreVector { linear, value, .. }
                    if found =>
                {
                    cold[linear.0 as usize] = true;
                    hot[value.0 as usize] += 1;
                    cold[value.0 as usize] = true;
                }
                Action::LeaveIfBoth { first, second, .. } => {
                    hot[first.0 as usize] += 1;
                    cold[second.0 as usize] = true;
                }
                // It goes where the load before it went, unless that is a device.
                Action::Store { access, value, again: true, .. } if share.is_none() => {
                    hot[value.0 as usize] += 1;
                    cold[value.0 as usize] = true;
                    cold[access.linear.0 as usize] = true;
                }
                // What misses the TLB is stored by a call, which is off the main way.
                Action::Store { access, value, .. } => {
                    hot[access.linear.0 as usize] += 1;
                    hot[value.0 as usize] += 1;
                    cold[value.0 as usize] = true;
                }
                action => action.operands().for_each(|v| hot[v.0 as usize] += 1),
            }
            if let Some(exit) = block.exits.get(effect.action.exit() as usize) {
                state_values(&exit.state).for_each(|v| cold[v.0 as usize] = true);
            }
        }
        for (v, node) in values.iter().rev() {
            let (is_hot, is_cold) = (hot[v.0 as usize] > 0, cold[v.0 as usize]);
            for operand in node.operands() {
                if is_hot {
                    hot[operand.0 as usize] += 1;
                } else if is_cold {
                    cold[operand.0 as usize] = true;
                }
            }
        }
        let low_load = low_loads(block);
        let mut plan = Plan {
            local: vec![None; values.len()],
            locals: [0; 4],
            shared: Vec::new(),
            doubts: Vec::new(),
            low_load,
            shares: Vec::new(),
        };
        let loads_segments = block.state.segments.iter().any(Option::is_some);
        let mut depth = vec![0_u32; values.len()];
        for (v, node) in values.iter() {
            let n = v.0 as usize;
            let deep = node.operands().map(|v| depth[v.0 as usize]).max().unwrap_or(0) + 1;
            let needs_local = match node {
                Node::Imm(_) => false,
                Node::Entry(entry) if entry.is_local() => false,
                Node::Effect(..) => hot[n] > 0 || cold[n],
                // They are where the block's last state puts others.
                Node::Entry(Entry::Selector(_) | Entry::SegBase(_)) if loads_segments => {
                    hot[n] > 0 || cold[n]
                }
                // A sum of the entry's address is computed as quickly as a local is read.
                Node::Two(Op2::Add, a, b) if is_rip(block, a, b) => false,
                Node::Vector(VectorNode::Const(_)) => false,
                Node::Vector(VectorNode::Widen(_, load)) if plan.is_low_load(load) => false,
                _ => hot[n] > 1 || hot[n] == 1 && (cold[n] || deep > MAX_DEPTH),
            };
            if needs_local {
                let kind = if plan.low_load[n] { Kind::V128 } else { values.kind(v) };
                let count = &mut plan.locals[kind as usize];
                plan.local[n] = Some((kind, *count));
                *count += 1;
            } else {
                depth[n] = deep;
            }
        }
        let integers = &mut plan.locals[Kind::I64 as usize];
        shares.iter_mut().flatten().for_each(|share| share.local += *integers);
        *integers += ranges;
        plan.shares = shares;
        let mut uses = vec![0_u32; values.len()];
        let of_exit = |exit: &Exit| plan.shared_by(block, state_values(&exit.state), &mut uses);
        let shared = block.exits.iter().map(of_exit).collect();
        let of_effect = |effect: &Effect| match effect.action {
            Action::LeaveIfBoth { second, .. } => plan.shared_by(block, [second].into_iter(), &mut uses),
            _ => Vec::new(),
        };
        let doubts = block.effects.iter().map(of_effect).collect();
        (plan.shared, plan.doubts) = (shared, doubts);
        plan
    }

    pub(crate) fn local(&self, v: Value) -> Option<(Kind, u32)> {
        self.local.get(v.0 as usize).copied().flatten()
    }

    pub(crate) fn is_low_load(&self, v: Value) -> bool {
        self.low_load.get(v.0 as usize).copied().unwrap_or(false)
    }

    /// Values that have to be computed first where the way out with this number needs them more than once, in order.
    pub(crate) fn shared(&self, exit: usize) -> &[Value] {
        self.shared.get(exit).map_or(&[], Vec::as_slice)
    }

    /// The same, for the second condition of the effect with this number.
    pub(crate) fn doubts(&self, effect: usize) -> &[Value] {
        self.doubts.get(effect).map_or(&[], Vec::as_slice)
    }

    /// How the effect with this number shares a look into the TLB, if it does.
    pub(crate) fn share(&self, effect: u32) -> Option<Share> {
        self.shares.get(effect as usize).copied().flatten()
    }

    /// Locals needed by kind, those for what a way out computes first included.
    pub(crate) fn most_locals(&self, block: &Block) -> [u32; 4] {
        let mut most = self.locals;
        for shared in self.shared.iter().chain(&self.doubts) {
            let mut count = self.locals;
            shared.iter().for_each(|&v| count[block.values.kind(v) as usize] += 1);
            most = core::array::from_fn(|kind| count[kind].max(most[kind]));
        }
        most
    }

    /// `uses` is all zeros, before and after.
    fn shared_by(&self, block: &Block, roots: impl Iterator<Item = Value>, uses: &mut [u32]) -> Vec<Value> {
        let mut touched: Vec<Value> = Vec::new();
        let mut waiting: Vec<Value> = roots.collect();
        while let Some(v) = waiting.pop() {
            let node = block.values.node(v);
            let free = matches!(node, Node::Imm(_)) || matches!(node, Node::Entry(entry) if entry.is_local());
            if free || self.local(v).is_some() {
                continue;
            }
            let count = &mut uses[v.0 as usize];
            *count += 1;
            if *count == 1 {
                touched.push(v);
                waiting.extend(node.operands());
            }
        }
        let mut shared: Vec<Value> = touched.iter().copied().filter(|v| uses[v.0 as usize] > 1).collect();
        shared.sort_unstable();
        touched.into_iter().for_each(|v| uses[v.0 as usize] = 0);
        shared
    }
}

fn is_rip(block: &Block, a: Value, b: Value) -> bool {
    block.values.node(a) == Node::Entry(Entry::Base) && block.values.constant(b).is_some()
}

/// By value, whether it is a load of a float or an integer that nothing wants but as the lowest lane of a vector.
fn low_loads(block: &Block) -> Vec<bool> {
    let values = &block.values;
    let mut low = vec![false; values.len()];
    for effect in &block.effects {
        if let Action::Load { access, for_write: false, .. } = effect.action
            && matches!(access.w, Width::B4 | Width::B8)
            && let Some(place) = low.get_mut(effect.at)
        {
            *place = matches!(values.node(Value(effect.at as u32)), Node::Effect(..));
        }
    }
    let mut other = |v: Value| low[v.0 as usize] = false;
    state_values(&block.state).for_each(&mut other);
    for effect in &block.effects {
        effect.action.operands().for_each(&mut other);
    }
    block.exits.iter().flat_map(|exit| state_values(&exit.state)).for_each(&mut other);
    if let Term::Branch { condition: v, .. } | Term::Indirect { target: v, .. } = block.term {
        other(v);
    }
    for (_, node) in values.iter() {
        match node {
            Node::Vector(VectorNode::Widen(w, v)) if values.bits(v) == w.bits() => {}
            _ => node.operands().for_each(&mut other),
        }
    }
    low
}
