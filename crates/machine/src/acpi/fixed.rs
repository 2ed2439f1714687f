//! FADT and MADT: tables of fixed form.

use super::table;
use acpi_tables::sdt::{GenericAddress, Sdt};
use device_api::{FirmwareTables, FixedHardware};

/// SPEC: acpi-6.5 :: 5.2.9 Fixed ACPI Description Table (FADT) -> where the fixed registers are, how to reset, which legacy devices exist; the pointers are added later
pub(super) fn fadt(fixed: &FixedHardware) -> Sdt {
    let mut fadt = table(*b"FACP", 6, 276);
    // Preferred profile: desktop
    fadt.write_u8(45, 1);
    fadt.write_u16(46, fixed.sci_int);
    fadt.write_u32(48, fixed.smi_cmd);
    fadt.write_u8(52, fixed.acpi_enable);
    fadt.write_u8(53, fixed.acpi_disable);
    fadt.write_u32(56, fixed.pm1a_evt_blk);
    fadt.write_u32(64, fixed.pm1a_cnt_blk);
    fadt.write_u32(76, fixed.pm_tmr_blk);
    fadt.write_u32(80, fixed.gpe0_blk);
    fadt.write_u8(88, 4);
    fadt.write_u8(89, 2);
    fadt.write_u8(91, 4);
    fadt.write_u8(92, fixed.gpe0_blk_len);
    // No C2 and C3: latencies beyond what would make them usable
    fadt.write_u16(96, 0xfff);
    fadt.write_u16(98, 0xfff);
    fadt.write_u8(108, fixed.century);
    // Legacy devices, 8042, no VGA
    fadt.write_u16(109, 1 | u16::from(fixed.has_8042) << 1 | u16::from(!fixed.has_vga) << 2);
    // WBINVD, C1, sleep button and waking by the RTC are no fixed features, reset register
    let reset = u32::from(fixed.reset_reg != 0) << 10;
    fadt.write_u32(112, 1 | 1 << 2 | 1 << 5 | 1 << 6 | reset);
    if fixed.reset_reg != 0 {
        fadt.write(116, GenericAddress::io_port_address::<u8>(fixed.reset_reg));
        fadt.write_u8(128, fixed.reset_value);
    }
    fadt.write(148, GenericAddress::io_port_address::<u32>(fixed.pm1a_evt_blk as u16));
    fadt.write(172, GenericAddress::io_port_address::<u16>(fixed.pm1a_cnt_blk as u16));
    fadt.write(208, GenericAddress::io_port_address::<u32>(fixed.pm_tmr_blk as u16));
    let mut gpe0 = GenericAddress::io_port_address::<u32>(fixed.gpe0_blk as u16);
    gpe0.register_bit_width = fixed.gpe0_blk_len.saturating_mul(8);
    fadt.write(220, gpe0);
    fadt
}

/// SPEC: acpi-6.5 :: 5.2.12 Multiple APIC Description Table (MADT) -> local APICs, the I/O APICs, and where their wiring differs from the ISA bus
pub(super) fn madt(parts: &FirmwareTables) -> Sdt {
    let mut madt = table(*b"APIC", 5, 44);
    madt.write_u32(36, 0xfee0_0000);
    // The 8259A pair exists too.
    madt.write_u32(40, 1);
    for (n, &id) in parts.processors.iter().enumerate() {
        madt.append_slice(&[0, 8, n as u8, id, 1, 0, 0, 0]);
    }
    for apic in &parts.io_apics {
        madt.append_slice(&[1, 12, apic.id, 0]);
        madt.append(apic.address);
        madt.append(apic.first_interrupt);
    }
    for entry in &parts.overrides {
        madt.append_slice(&[2, 10, 0, entry.irq]);
        madt.append(entry.interrupt);
        madt.append(entry.flags);
    }
    // NMI at LINT1 of every processor
    madt.append_slice(&[4, 6, 0xff, 0, 0, 1]);
    madt
}
