//! Checks at a region's entry: its code and the targets of its direct branches are canonical and within CS.

use super::{BASE, Emitter, LEFT, mem_arg};
use crate::block::Terminator;
use crate::layout;
use crate::region::Region;
use wasm_encoder::BlockType;
use x86_exec::vcpu::compiled::{ExitReason, Segments};
use x86_types::CodeSize;

/// Least and greatest distance that direct branches into other pages lead to; `None` where there are none, or where
/// addresses have no gap. Within a page all addresses are canonical or none is, and what runs into a page without a
/// branch faults there.
fn branch_target_span(region: &Region) -> Option<(i64, i64)> {
    if region.mode.code_size != CodeSize::Bits64 {
        return None;
    }
    let mut span = None;
    // What leads to a dispatcher was looked at on the way there.
    for node in region.nodes.iter().filter(|node| node.block.term != Terminator::Dispatch) {
        let page = region.page(node.end - 1);
        for &edge in &node.edges {
            let at = region.goal(edge);
            if at != node.end && region.page(at) != page {
                let (least, most) = span.unwrap_or((at, at));
                span = Some((at.min(least), at.max(most)));
            }
        }
    }
    span
}

/// Least distance of the region, and one past the greatest: bytes of code, and what direct branches lead to.
fn code_span(region: &Region) -> (i64, i64) {
    let (mut least, mut most) = (0, 1);
    for node in region.nodes.iter().filter(|node| node.block.term != Terminator::Dispatch) {
        let goals = node.edges.iter().map(|&edge| region.goal(edge));
        for (from, to) in goals.map(|at| (at, at + 1)).chain([(node.at, node.end)]) {
            (least, most) = (from.min(least), to.max(most));
        }
    }
    (least, most)
}

impl Emitter<'_> {
    /// Exits to the interpreter if the region or the target of a direct branch is not within CS. After this check no offset in
    /// the region wraps.
    ///
    /// SPEC: intel-sdm-vol3 :: 6.3 Limit Checking -> code beyond the limit of CS is #GP(0) when it is fetched, and a branch there is at once
    pub(super) fn check_code_limit(&mut self) {
        if self.region.mode.segments == Segments::Flat {
            return;
        }
        let (least, most) = code_span(self.region);
        self.out().local_get(BASE).i64_const(most).i64_add();
        self.vcpu().i64_load(mem_arg(layout::CODE_END, 3)).i64_gt_u();
        if least < 0 {
            self.out().local_get(BASE).i64_const(-least).i64_lt_u().i32_or();
        }
        self.exit_at_entry();
    }

    /// Exits before the region's first effect if the i32 on the stack is not 0.
    fn exit_at_entry(&mut self) {
        self.hint_unlikely();
        self.out().if_(BlockType::Empty);
        self.vcpu().i64_const(ExitReason::Interpret as i64).i64_store(mem_arg(layout::LEAVE, 3));
        self.out().local_get(LEFT).return_().end();
    }

    /// Leaves the region to the interpreter where one of its branches would go to an address that is not canonical: it is
    /// the branch that faults then, before anything has changed. Near no end of a half that is one comparison.
    ///
    /// SPEC: intel-sdm-vol2 :: CALL—Call Procedure -> #GP(0) if the target offset is not canonical, with RIP and RSP as before the branch
    pub(super) fn check_canonical(&mut self) {
        let Some((least, most)) = branch_target_span(self.region) else { return };
        // Both halves, the upper one first, begin at 0 here.
        self.out().local_get(BASE).i64_const((1 << 47) + least).i64_add();
        self.out().i64_const((1 << 48) - (most - least)).i64_ge_u();
        self.exit_at_entry();
    }
}
