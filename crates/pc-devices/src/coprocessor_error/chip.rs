//! The two flip-flops between FERR#, IRQ 13 and IGNNE#, without a bus.

/// State.
///
/// SPEC: intel-sdm-vol1 :: D.2.1.2 Recommended External Hardware to Support the MS-DOS* Compatibility Sub-mode -> FERR# sets the interrupt request; an access to port F0H clears it and asserts IGNNE#, which is never active while FERR# is not
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    ferr: bool,
    irq: bool,
    ignne: bool,
}
crate::codec::codec_struct!(Chip { ferr, irq, ignne });

impl Chip {
    /// The processor drives FERR#.
    pub(super) fn set_ferr(&mut self, asserted: bool) {
        self.irq |= asserted && !self.ferr;
        self.ignne &= asserted;
        self.ferr = asserted;
    }

    /// A write to COPROC_ERR.
    pub(super) fn clear(&mut self) {
        self.irq = false;
        self.ignne = self.ferr;
    }

    /// Returns the interrupt request.
    pub(super) fn irq(&self) -> bool {
        self.irq
    }

    /// Returns whether IGNNE# is asserted.
    pub(super) fn ignne(&self) -> bool {
        self.ignne
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        Ferr(bool),
        Clear,
    }

    #[test]
    fn the_order_of_a_handlers_actions_does_not_matter() {
        use Step::{Clear, Ferr};
        let mut chip = Chip::default();
        // What happens in turn; IRQ 13 and IGNNE# afterwards
        let table = [
            // The port, then the exception
            (Ferr(true), (true, false)),
            (Ferr(true), (true, false)),
            (Clear, (false, true)),
            (Ferr(true), (false, true)),
            (Ferr(false), (false, false)),
            // The exception, then the port
            (Ferr(true), (true, false)),
            (Ferr(false), (true, false)),
            (Clear, (false, false)),
            // A write without a pending error
            (Clear, (false, false)),
            (Ferr(true), (true, false)),
        ];
        for (n, (step, pins)) in table.into_iter().enumerate() {
            match step {
                Ferr(asserted) => chip.set_ferr(asserted),
                Clear => chip.clear(),
            }
            assert_eq!((chip.irq(), chip.ignne()), pins, "step {n}");
        }
    }
}
