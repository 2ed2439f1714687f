//! What a processor does between instructions: running, halted, waiting for another to start it.

use super::Vcpu;
use crate::Pending;
use x86_state::{Activity, RFlags, Segment, Selector};
use x86_types::Seg;

impl Vcpu {
    /// Returns whether the processor goes on when this waits for it: it runs, or is woken.
    ///
    /// SPEC: intel-sdm-vol2 :: HLT—Halt -> an enabled interrupt, an NMI and INIT resume execution
    /// SPEC: intel-sdm-vol3 :: 10.4.3 MP Initialization Protocol Algorithm for MP Systems -> a processor that waits for a SIPI answers to nothing but INIT and SIPI
    pub fn is_woken_by(&self, pending: Pending) -> bool {
        match self.cpu.activity {
            Activity::Running | Activity::Shutdown => true,
            Activity::Halted => {
                pending.start
                    || pending.nmi && !self.cpu.nmi_blocked
                    || pending.interrupt && self.cpu.system_flags.contains(RFlags::IF)
            }
            Activity::WaitForSipi => pending.start,
        }
    }

    /// Takes INIT or a start-up message. Returns whether that changed what the processor does.
    pub(super) fn take_start(&mut self) -> bool {
        let mut changed = false;
        if self.bus_mut().take_init() {
            self.init();
            changed = true;
        }
        // A processor that does not wait for one ignores it.
        if let Some(vector) = self.bus_mut().take_startup()
            && self.cpu.activity == Activity::WaitForSipi
        {
            self.start_at(vector);
            changed = true;
        }
        changed
    }

    /// INIT# for the bootstrap processor, which goes on at the reset vector.
    ///
    /// SPEC: intel-sdm-vol3 :: 10.4.2 MP Initialization Protocol Requirements and Restrictions -> only application processors wait for a SIPI after INIT
    pub fn init_bootstrap(&mut self) {
        self.init();
        self.cpu.activity = Activity::Running;
    }

    /// INIT#, for a processor other than the bootstrap processor.
    ///
    /// SPEC: intel-sdm-vol3 :: 11.1.1 Processor State After Reset -> Table 11-1, INIT: as after RESET#, but for x87, MMX, SSE and AVX state, MSRs and CR0.CD and NW, which stay
    fn init(&mut self) {
        let kept = x86_state::Cr0::CD | x86_state::Cr0::NW;
        let cache = self.cpu.cr0.intersection(kept);
        let (vector, mxcsr, x87, msr, xcr0) =
            (self.cpu.vector, self.cpu.mxcsr, self.cpu.x87, self.cpu.msr, self.cpu.xcr0);
        self.reset();
        self.cpu.cr0 = self.cpu.cr0.difference(kept) | cache;
        (self.cpu.vector, self.cpu.mxcsr, self.cpu.x87, self.cpu.msr, self.cpu.xcr0) =
            (vector, mxcsr, x87, msr, xcr0);
        self.cpu.activity = Activity::WaitForSipi;
        self.state_changed();
    }

    /// SPEC: intel-sdm-vol3 :: 10.4.4 MP Initialization Example -> a SIPI with vector VV starts a processor in real mode at 000VV000H
    fn start_at(&mut self, vector: u8) {
        let selector = u16::from(vector) << 8;
        let cs = &mut self.cpu.seg[Seg::Cs as usize];
        *cs = Segment { base: u64::from(selector) << 4, selector: Selector(selector), ..*cs };
        self.cpu.rip = 0;
        self.cpu.activity = Activity::Running;
        self.state_changed();
    }
}
