//! ACPI entries of power management.

use super::spec::*;
use crate::aml::Node;
use acpi_tables::Aml;
use acpi_tables::aml::{Name, Package};
use device_api::{FirmwareTables, InterruptOverride};

/// Adds fixed hardware, soft off, the interrupt of events, and the ports that no driver finds otherwise.
///
/// SPEC: acpi-6.5 :: 7.4.2.6 System _S5 State -> the sleep type to write for soft-off
/// SPEC: acpi-6.5 :: 5.2.9 Fixed ACPI Description Table (FADT) -> SCI_INT, SMI_CMD and the register blocks
pub(super) fn add(base: u16, tables: &mut FirmwareTables) {
    let off = Package::new(vec![&SLP_TYP_S5, &SLP_TYP_S5, &0_u8, &0_u8]);
    Name::new("_S5_".into(), &off).to_aml_bytes(&mut tables.root);
    let ports = &[(APMC, 2), (base, PM_LEN as u8), (GPE0, GPE0_LEN)];
    let node = Node { name: "PM__", eisa: "PNP0C02", ports, uid: Some(2), ..Node::default() };
    node.write(&mut tables.bus);
    // Level-triggered, active high
    let sci = InterruptOverride { irq: SCI_IRQ, interrupt: SCI_IRQ.into(), flags: 0x0d };
    tables.overrides.push(sci);
    let fixed = &mut tables.fixed;
    fixed.sci_int = SCI_IRQ.into();
    fixed.smi_cmd = APMC.into();
    (fixed.acpi_enable, fixed.acpi_disable) = (ACPI_ENABLE, ACPI_DISABLE);
    let at = |offset: u16| u32::from(base) + u32::from(offset);
    fixed.pm1a_evt_blk = at(PM1A_EVT);
    fixed.pm1a_cnt_blk = at(PM1A_CNT);
    fixed.pm_tmr_blk = at(PM_TMR);
    fixed.gpe0_blk = GPE0.into();
    fixed.gpe0_blk_len = GPE0_LEN;
}
