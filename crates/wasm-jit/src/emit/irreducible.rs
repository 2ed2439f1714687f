//! Dispatchers: heads of irreducible loops, which have several entries.

use super::{DISPATCH_TARGET, Emitter, Label, REASON, RIP};
use x86_exec::vcpu::compiled::ExitReason;

impl Emitter<'_> {
    /// Returns the number by which dispatchers select a node.
    fn number(&self, node: usize) -> usize {
        self.shape.choices.binary_search(&node).unwrap_or(0)
    }

    /// Selects the node to which the dispatchers that follow continue.
    pub(super) fn select_target(&mut self, node: usize) {
        let number = self.number(node);
        self.out().i64_const(number as i64).local_set(DISPATCH_TARGET);
    }

    /// Branches to the selected node.
    pub(super) fn dispatch(&mut self, n: usize) {
        let mut labels = vec![None; self.shape.choices.len()];
        let mut otherwise = 0;
        for &edge in &self.region.nodes[n].edges {
            if let (Some(to), Some(next)) = (edge.block(), edge.next()) {
                // An inner dispatcher tests the same number again.
                otherwise = self.depth(Label::After(next));
                labels[self.number(to)] = Some(otherwise);
            }
        }
        // Only this dispatcher's nodes can be selected here.
        let labels: Vec<u32> = labels.into_iter().map(|label| label.unwrap_or(otherwise)).collect();
        self.out().local_get(DISPATCH_TARGET).i32_wrap_i64().br_table(labels, otherwise);
    }

    /// Exits to the run loop, which continues at the selected node.
    pub(super) fn exit_to_selected(&mut self, n: usize) {
        let region = self.region;
        for (k, &edge) in region.nodes[n].edges.iter().enumerate() {
            self.rip(region.goal(edge));
            if let (true, Some(to)) = (k > 0, edge.block()) {
                let number = self.number(to) as i64;
                self.out().local_get(DISPATCH_TARGET).i64_const(number).i64_ne().select();
            }
        }
        self.out().local_set(RIP).i64_const(ExitReason::Budget as i64).local_set(REASON);
        self.branch_to_epilogue();
    }
}
