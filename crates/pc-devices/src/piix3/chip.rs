//! Routing of PCI interrupts.

use super::spec::*;
use crate::codec::codec_struct;

/// State beside the configuration space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    /// A bit for each of PIRQA# to PIRQD# that is asserted
    asserted: u8,
}
codec_struct!(Chip { asserted });

impl Chip {
    /// PIRQ# `n` (0 to 3) is asserted, or released.
    pub(super) fn set(&mut self, n: u8, asserted: bool) {
        let bit = 1_u8.checked_shl(u32::from(n)).unwrap_or(0) & 0xf;
        self.asserted = if asserted { self.asserted | bit } else { self.asserted & !bit };
    }

    /// Returns a bit for each ISA interrupt that is driven high, with these route control registers.
    ///
    /// SPEC: intel-82371sb :: PIRQRC[A:D]—PIRQx Route Control Registers -> bit 7 disables; bits 3:0 name the interrupt, of which 0 to 2, 8 and 13 are reserved
    pub(super) fn isa_interrupts(&self, routes: [u8; PIRQS]) -> u16 {
        let driven = routes.into_iter().enumerate().fold(0, |driven, (n, route)| {
            let enabled = route & ROUTE_DISABLED == 0 && self.asserted >> n & 1 != 0;
            driven | u16::from(enabled) << (route & 0xf)
        });
        driven & ROUTABLE
    }
}
