//! Names of the coprocessor error logic.

use device_api::IrqLine;

/// Any write clears the interrupt request
pub(super) const COPROC_ERR: u16 = 0xf0;
/// The interrupt request
pub(super) const FP_IRQ: IrqLine = IrqLine(13);
