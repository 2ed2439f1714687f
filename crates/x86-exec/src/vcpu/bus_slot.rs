//! The bus, for as long as the processor runs.
//!
//! The bus is an argument of [`Vcpu::run`](super::Vcpu::run). Instructions reach it through the processor, which is all that
//! handlers and the helper calls of compiled code are given.

use crate::bus::{NoBus, VcpuBus};
use std::ptr::NonNull;

/// A place for a borrowed bus.
#[derive(Default)]
pub(super) struct BusSlot {
    bus: Option<NonNull<dyn VcpuBus>>,
    none: NoBus,
}

impl BusSlot {
    /// Puts a bus in place.
    ///
    /// # Safety
    /// Until [`BusSlot::detach`], the bus has to exist, and nothing but this slot may use it.
    #[allow(unsafe_code)]
    pub(super) unsafe fn attach(&mut self, bus: &mut dyn VcpuBus) {
        let bus: NonNull<dyn VcpuBus + '_> = bus.into();
        // SAFETY: the two types differ in a lifetime alone, which the caller vouches for.
        self.bus =
            Some(unsafe { std::mem::transmute::<NonNull<dyn VcpuBus + '_>, NonNull<dyn VcpuBus>>(bus) });
    }

    pub(super) fn detach(&mut self) {
        self.bus = None;
    }

    /// The bus; one with nothing on it while the processor does not run.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(super) fn get(&mut self) -> &mut dyn VcpuBus {
        match self.bus {
            // SAFETY: `attach` was told that the bus exists and is used through this slot alone, which is borrowed here.
            Some(mut bus) => unsafe { bus.as_mut() },
            None => &mut self.none,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vcpu::tests::processor;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// A bus on which every access ends in a panic.
    struct Broken(NoBus);

    impl VcpuBus for Broken {
        fn wants_exit(&mut self) -> bool {
            panic!("broken");
        }
    }

    #[test]
    fn a_bus_is_let_go_when_it_panics() {
        let mut vcpu = processor();
        vcpu.poll_bus();
        let ran = catch_unwind(AssertUnwindSafe(|| vcpu.run(&mut Broken(NoBus), 10)));
        assert!(ran.is_err());
        assert!(!vcpu.bus_mut().wants_exit(), "nothing is attached");
    }
}
