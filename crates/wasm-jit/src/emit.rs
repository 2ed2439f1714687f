//! Emits the WebAssembly function of a region: its frame and its control flow.
//!
//! A function takes the address of the processor and a budget of instructions, and returns the rest of the budget. General
//! registers and flags are locals. The prologue loads them, and the single epilogue stores them and continues in other
//! compiled code by a tail call, or returns to the run loop.

mod blocks;
mod dispatch_thunk;
mod entry_checks;
mod f80;
mod fpu;
mod frame;
mod inline_system;
mod irreducible;
mod link;
mod memory;
mod narrow;
mod table_address;
mod values;
mod vector;

use crate::abi::Import;
use crate::block::{Block, Terminator};
use crate::graph::{Shape, shape};
use crate::layout;
use crate::local_allocation::{LocalAllocation, Scratch};
use crate::placement::Placed;
use crate::region::{Edge, Region, rip_mask};
pub(crate) use dispatch_thunk::dispatch_thunk;
pub(crate) use f80::functions as f80_functions;
use frame::Frame;
use wasm_encoder::{BlockType, BranchHint, Function, InstructionSink, MemArg};
use x86_exec::RegisterEffects;
use x86_exec::vcpu::compiled::{ExitReason, FlagsKind, HELPER_RETIRED_SHIFT};
use x86_types::PAGE_SIZE;

// Parameters and locals of every function.
const VCPU: u32 = 0;
const LEFT: u32 = 1;
/// RIP at the entry
const BASE: u32 = 2;
/// RIP at the exit
const RIP: u32 = 3;
/// An [`ExitReason`]
const REASON: u32 = 4;
/// Compiled address of the code at `RIP`, where it is known; else 0
const CODE_ADDRESS: u32 = 5;
const FLAG_KIND: u32 = 6;
const FLAG_A: u32 = 7;
const FLAG_B: u32 = 8;
const FLAG_RESULT: u32 = 9;
const FLAG_CARRY: u32 = 10;
/// The bank of the TLB, where it is not a constant
const TLB: u32 = 11;
/// A linear address, an entry of the TLB, and the address that a load for writing found
const LINEAR: u32 = 12;
const SLOT: u32 = 13;
const WRITE_ADDRESS: u32 = 14;
const FIXED: u32 = 15;
/// Target of the dispatcher of an irreducible loop. It shares a local with `WRITE_ADDRESS`, which is live within a block only
const DISPATCH_TARGET: u32 = WRITE_ADDRESS;

/// Target of a branch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Loop(usize),
    After(usize),
    /// An exit of the block being emitted, by number
    Exit(u32),
    /// The epilogue: state is in the locals
    Epilogue,
    /// The epilogue's second half: state is stored, RIP is in its local
    Stored,
    Other,
}

struct Emitter<'a> {
    placed: &'a Placed<'a>,
    region: &'a Region,
    shape: Shape,
    frame: Frame,
    code: Vec<u8>,
    /// Branch hints: offsets in `code`, and whether the branch is likely taken
    hints: Vec<(usize, bool)>,
    labels: Vec<Label>,
    /// Most instructions that the region executes between two checks of the budget
    bound: i64,
}

const fn mem_arg(offset: u64, align: u32) -> MemArg {
    MemArg { offset, align, memory_index: 0 }
}

/// Returns the function of a region and its branch hints.
pub(crate) fn function(placed: &Placed<'_>) -> (Function, Vec<BranchHint>) {
    let region = placed.region;
    let mut scratch = Scratch::default();
    let plans: Vec<LocalAllocation> =
        region.nodes.iter().map(|node| LocalAllocation::of(&node.block, &mut scratch)).collect();
    let mut frame = Frame::of(region);
    let mut values = [0_u32; 4];
    for (plan, node) in plans.iter().zip(&region.nodes) {
        let most = plan.most_locals(&node.block);
        values = core::array::from_fn(|kind| most[kind].max(values[kind]));
    }
    let locals = frame.lay_out(&values);
    let mut function = Function::new(locals);
    let mut emitter = Emitter {
        placed,
        region,
        shape: shape(&region.nodes),
        frame,
        code: Vec::new(),
        hints: Vec::new(),
        labels: Vec::new(),
        bound: i64::from(region.instructions()),
    };
    emitter.prologue();
    for label in [Label::Stored, Label::Epilogue] {
        emitter.begin(label, |out| {
            out.block(BlockType::Empty);
        });
    }
    emitter.tree(0, &plans);
    emitter.out().unreachable();
    emitter.end();
    emitter.store_state();
    emitter.vcpu().local_get(RIP).i64_store(mem_arg(layout::RIP, 3));
    emitter.end();
    emitter.emit_epilogue();
    emitter.out().end();
    let start = function.byte_len();
    let hint = |&(at, taken): &(usize, bool)| BranchHint {
        branch_func_offset: (start + at) as u32,
        branch_hint_value: taken.into(),
    };
    let hints = emitter.hints.iter().map(hint).collect();
    function.raw(emitter.code);
    (function, hints)
}

impl Emitter<'_> {
    fn out(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.code)
    }

    /// Pushes the address of the processor.
    fn vcpu(&mut self) -> InstructionSink<'_> {
        let fixed = self.placed.fixed;
        let mut out = self.out();
        table_address::vcpu(&mut out, fixed);
        out
    }

    /// Marks the next `if` or `br_if` as unlikely. Engines move unlikely code out of line, so that the likely path saves no
    /// registers for its calls.
    fn hint_unlikely(&mut self) {
        self.hints.push((self.code.len(), false));
    }

    /// Marks the next `if` as likely.
    fn hint_likely(&mut self) {
        self.hints.push((self.code.len(), true));
    }

    fn prologue(&mut self) {
        // The budget is too small for the region: the interpreter executes the rest.
        let bound = self.bound;
        self.out().local_get(LEFT).i64_const(bound).i64_lt_s();
        self.hint_unlikely();
        self.out().if_(BlockType::Empty);
        self.vcpu().i64_const(ExitReason::Budget as i64).i64_store(mem_arg(layout::LEAVE, 3));
        self.out().local_get(LEFT).return_().end();
        self.vcpu().i64_load(mem_arg(layout::RIP, 3)).local_set(BASE);
        self.check_canonical();
        self.check_code_limit();
        self.load_bank();
        self.load_state();
    }

    /// Pushes the linear address `distance` behind the region's entry.
    fn rip(&mut self, distance: i64) {
        self.out().local_get(BASE);
        if distance != 0 {
            self.out().i64_const(distance).i64_add();
        }
        self.wrap_rip();
    }

    /// Truncates the address on the stack to the code's address size.
    fn wrap_rip(&mut self) {
        if rip_mask(self.region.mode.code_size) != u64::MAX {
            self.out().i32_wrap_i64().i64_extend_i32_u();
        }
    }

    /// Branches to a label.
    fn branch_to(&mut self, label: Label) {
        let depth = self.depth(label);
        self.out().br(depth);
    }

    /// Returns the relative depth of a label, for `br`.
    fn depth(&self, label: Label) -> u32 {
        self.labels.iter().rev().position(|&l| l == label).unwrap_or(0) as u32
    }

    /// Branches to the epilogue. RIP, reason and code address have been set.
    fn branch_to_epilogue(&mut self) {
        self.branch_to(Label::Epilogue);
    }

    fn begin(&mut self, label: Label, block: impl FnOnce(&mut InstructionSink<'_>)) {
        block(&mut self.out());
        self.labels.push(label);
    }

    fn begin_if(&mut self) {
        self.begin(Label::Other, |out| {
            out.if_(BlockType::Empty);
        });
    }

    /// Begins an unlikely `if`.
    fn begin_unlikely(&mut self) {
        self.hint_unlikely();
        self.begin_if();
    }

    fn end(&mut self) {
        self.labels.pop();
        self.out().end();
    }

    /// Emits a node with all nodes that it dominates.
    fn tree(&mut self, n: usize, plans: &[LocalAllocation]) {
        let merges: Vec<usize> = self.shape.children[n]
            .iter()
            .copied()
            .filter(|&child| self.shape.is_merge[child])
            .rev()
            .collect();
        if !self.shape.is_loop[n] {
            return self.within(n, &merges, plans);
        }
        self.begin(Label::Loop(n), |out| {
            out.loop_(BlockType::Empty);
        });
        let bound = self.bound;
        self.out().local_get(LEFT).i64_const(bound).i64_lt_s();
        self.begin_unlikely();
        if self.region.nodes[n].block.term == Terminator::Dispatch {
            self.exit_to_selected(n);
        } else {
            self.exit_to_run_loop(self.region.nodes[n].at, ExitReason::Budget);
        }
        self.end();
        self.within(n, &merges, plans);
        self.end();
    }

    /// Emits a node inside the blocks whose ends its merge children follow, the last one outermost.
    fn within(&mut self, n: usize, merges: &[usize], plans: &[LocalAllocation]) {
        let Some((&last, rest)) = merges.split_first() else {
            return self.node(n, plans);
        };
        self.begin(Label::After(last), |out| {
            out.block(BlockType::Empty);
        });
        self.within(n, rest, plans);
        self.end();
        self.tree(last, plans);
    }

    /// Exits to the run loop, which continues at `distance` bytes from the entry.
    fn exit_to_run_loop(&mut self, distance: i64, reason: ExitReason) {
        self.rip(distance);
        self.out().local_set(RIP).i64_const(reason as i64).local_set(REASON);
        self.branch_to_epilogue();
    }

    /// Exits to other compiled code at `distance`, from a block that ends in page `page`.
    fn link_to(&mut self, distance: i64, page: i64) {
        self.rip(distance);
        self.out().local_set(RIP);
        if self.region.page(distance) == page
            && let Some(address) = self.address(distance)
        {
            self.out().i64_const(address as i64).local_set(CODE_ADDRESS);
        }
        self.branch_to_epilogue();
    }

    /// Emits an edge from node `from`, whose last byte is in page `page`.
    fn edge(&mut self, from: usize, page: i64, edge: Edge, plans: &[LocalAllocation]) {
        let at = self.region.goal(edge);
        let Some(next) = edge.next() else { return self.link_to(at, page) };
        if self.region.page(at) != page {
            self.check_page(at, |emitter| emitter.link_to(at, page));
        }
        if let Edge::Dispatched { to, .. } = edge {
            self.select_target(to);
        }
        if next <= from {
            self.branch_to(Label::Loop(next));
        } else if self.shape.is_merge[next] {
            self.branch_to(Label::After(next));
        } else {
            self.tree(next, plans);
        }
    }

    /// Emits a block and its terminator.
    fn node(&mut self, n: usize, plans: &[LocalAllocation]) {
        let region = self.region;
        let node = &region.nodes[n];
        if node.block.term == Terminator::Dispatch {
            return self.dispatch(n);
        }
        let page = region.page(node.end - 1);
        if page != region.page(node.at) {
            let next = (page * PAGE_SIZE as i64) - region.page_offset as i64;
            self.check_page(next, |emitter| emitter.exit_to_run_loop(node.at, ExitReason::Interpret));
        }
        let plan = &plans[n];
        self.block(&node.block, plan);
        match node.block.term {
            Terminator::Jump(_) => self.edge(n, page, node.edges[0], plans),
            Terminator::Branch { .. } => {
                // The condition is on the stack.
                self.begin_if();
                self.edge(n, page, node.edges[0], plans);
                self.end();
                self.edge(n, page, node.edges[1], plans);
            }
            Terminator::Indirect { .. } => self.indirect(n, page, plans),
            Terminator::HelperCall { at, len, index, count } => {
                self.helper_call(at, len, index, count);
                self.edge(n, page, node.edges[0], plans);
            }
            Terminator::Dispatch => {}
        }
    }

    /// Emits an indirect jump, whose target is on the stack: compares it with the expected targets, else exits.
    fn indirect(&mut self, n: usize, page: i64, plans: &[LocalAllocation]) {
        self.out().local_set(RIP);
        for k in 0..self.region.nodes[n].edges.len() {
            let edge = self.region.nodes[n].edges[k];
            self.out().local_get(RIP);
            self.rip(self.region.goal(edge));
            self.out().i64_eq();
            self.begin_if();
            self.edge(n, page, edge, plans);
            self.end();
        }
        self.branch_to_epilogue();
    }

    /// Emits a helper call. Registers that its instructions neither read nor write stay in locals.
    fn helper_call(&mut self, at: i64, len: u32, index: u32, count: u32) {
        let effects = self.region.effects(index);
        let quick = self.inline_op(index);
        if let Some(quick) = quick {
            self.needs_helper(quick);
            self.begin_unlikely();
        }
        self.store_read(effects);
        self.vcpu();
        self.rip(at + i64::from(len));
        self.out().i64_store(mem_arg(layout::RIP, 3));
        let index = self.placed.helpers.get(index as usize).copied().unwrap_or(u32::MAX);
        self.vcpu().i64_const(i64::from(index)).local_get(LEFT).call(Import::HelperCall as u32);
        self.out().local_set(SLOT);
        // If all state was stored, written registers are loaded only on the path that continues.
        let rest = effects != RegisterEffects::ALL;
        if rest {
            self.load_written(effects);
        }
        self.out().local_get(SLOT).i64_eqz().i32_eqz();
        self.begin_unlikely();
        if rest {
            self.store_state();
        }
        self.out().local_get(LEFT).local_get(SLOT).i64_const(HELPER_RETIRED_SHIFT.into()).i64_shr_u();
        self.out().i64_sub().local_set(LEFT);
        self.vcpu().i64_load(mem_arg(layout::RIP, 3)).local_set(RIP);
        self.out().local_get(SLOT).i64_const((1 << HELPER_RETIRED_SHIFT) - 1).i64_and();
        self.out().i64_const(1).i64_sub().local_set(REASON);
        self.branch_to(Label::Stored);
        self.end();
        if let Some(quick) = quick {
            self.out().else_();
            self.emit_inline(quick);
            self.end();
        }
        self.out().local_get(LEFT).i64_const(count.into()).i64_sub().local_set(LEFT);
        if !rest {
            self.load_state();
        }
    }

    fn decrement_budget(&mut self, block: &Block) {
        if block.retired != 0 {
            self.out().local_get(LEFT).i64_const(block.retired.into()).i64_sub().local_set(LEFT);
        }
    }
}

const _: () = assert!(FlagsKind::CANONICAL.0 == 0 && ExitReason::Miss as u64 == 0);
