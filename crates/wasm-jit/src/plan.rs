//! Which values of a block live, and which of them in a local.

use crate::block::{Action, Base, Block, Exit, FlagState, State, Term};
use crate::value::{Node, Op2, Value};
use x86_exec::FlagDef;

/// Expressions nest at most so deep: what lies deeper goes through a local.
const MAX_DEPTH: u32 = 24;

/// Where values go.
pub(crate) struct Plan {
    /// Local by value, counted from the first
    local: Vec<Option<u32>>,
    /// Locals used
    pub(crate) locals: u32,
    /// By way out: values that have to be computed first since it needs them more than once, in order
    shared: Vec<Vec<Value>>,
}

/// The values that a flag state is written down with: a, b, result, carry.
pub(crate) fn flag_values(flags: &FlagState) -> [Option<Value>; 4] {
    let [a, b, result] = match flags.base {
        Base::Entry => [None; 3],
        Base::Canonical(result, aux) => [Some(aux), None, Some(result)],
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
    state.gpr.iter().copied().flatten().chain(flags.into_iter().flatten())
}

impl Plan {
    /// A value that nothing needs is not emitted: that is how flags die that the next definition replaces. What only
    /// ways out need is computed there.
    pub(crate) fn of(block: &Block) -> Plan {
        let values = &block.values;
        let mut hot = vec![0_u32; values.len()];
        let mut cold = vec![false; values.len()];
        for v in state_values(&block.state) {
            hot[v.0 as usize] += 1;
        }
        match block.term {
            Term::Branch { condition: v, .. } | Term::Indirect { target: v, .. } => hot[v.0 as usize] += 1,
            Term::Goto(_) | Term::Step { .. } => {}
        }
        for effect in &block.effects {
            effect.action.operands().for_each(|v| hot[v.0 as usize] += 1);
            if let Action::Store { value, .. } = effect.action {
                // Stored in either of two ways.
                hot[value.0 as usize] += 1;
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
        let mut plan = Plan { local: vec![None; values.len()], locals: 0, shared: Vec::new() };
        let mut depth = vec![0_u32; values.len()];
        for (v, node) in values.iter() {
            let n = v.0 as usize;
            let deep = node.operands().map(|v| depth[v.0 as usize]).max().unwrap_or(0) + 1;
            let needs_local = match node {
                Node::Imm(_) => false,
                Node::Entry(entry) if entry.is_local() => false,
                Node::Effect(..) => hot[n] > 0 || cold[n],
                // A sum of the entry's address is computed as quickly as a local is read.
                Node::Two(Op2::Add, a, b) if is_rip(block, a, b) => false,
                _ => hot[n] > 1 || hot[n] == 1 && (cold[n] || deep > MAX_DEPTH),
            };
            if needs_local {
                plan.local[n] = Some(plan.locals);
                plan.locals += 1;
            } else {
                depth[n] = deep;
            }
        }
        let mut uses = vec![0_u32; values.len()];
        plan.shared = block.exits.iter().map(|exit| plan.shared_by(block, exit, &mut uses)).collect();
        plan
    }

    pub(crate) fn local(&self, v: Value) -> Option<u32> {
        self.local.get(v.0 as usize).copied().flatten()
    }

    /// Values that have to be computed first where the way out with this number needs them more than once, in order.
    pub(crate) fn shared(&self, exit: usize) -> &[Value] {
        self.shared.get(exit).map_or(&[], Vec::as_slice)
    }

    /// The most of them that any way out has.
    pub(crate) fn most_shared(&self) -> u32 {
        self.shared.iter().map(Vec::len).max().unwrap_or(0) as u32
    }

    /// `uses` is all zeros, before and after.
    fn shared_by(&self, block: &Block, exit: &Exit, uses: &mut [u32]) -> Vec<Value> {
        let mut touched: Vec<Value> = Vec::new();
        let mut waiting: Vec<Value> = state_values(&exit.state).collect();
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
    block.values.node(a) == Node::Entry(crate::value::Entry::Base) && block.values.constant(b).is_some()
}
