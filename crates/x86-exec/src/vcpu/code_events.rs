//! Code that several processors keep of the same memory: what one of them does to it, the others learn before they run.

use super::Vcpu;
use x86_types::RamAddr;

/// What happened to decoded or compiled code, or to the bytes it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeEvent {
    /// A processor has code in this page now, so that others have to announce their writes to it
    Holds(RamAddr),
    /// It has none there any more
    Forgets(RamAddr),
    /// So many bytes within one page, of which others have code, were written
    Written(RamAddr, u64),
}

/// In what is known of a page: this processor has code there.
pub(super) const OWN: u8 = 1;
/// The same for one other processor.
pub(super) const OTHER: u8 = 2;

impl Vcpu {
    /// Says whether there are other processors, for which [`Vcpu::take_code_events`] collects.
    pub fn share_code(&mut self, shared: bool) {
        self.code.blocks.share(shared);
    }

    /// Returns what all other processors have to be given by [`Vcpu::apply_code_event`] before they run.
    pub fn take_code_events(&mut self) -> Vec<CodeEvent> {
        self.code.blocks.take_events()
    }

    /// Follows what another processor did.
    pub fn apply_code_event(&mut self, event: &CodeEvent) {
        match *event {
            CodeEvent::Holds(page) => {
                if self.code.blocks.other_holds(page) {
                    self.mem.tlb.revoke_write(page);
                }
            }
            CodeEvent::Forgets(page) => self.code.blocks.other_forgets(page),
            CodeEvent::Written(at, len) => {
                self.code.blocks.written(at, len, self.run_state.retired);
                self.drop_units();
            }
        }
    }
}
