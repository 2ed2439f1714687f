//! FADT, MADT and HPET: tables of fixed form.

use super::table;
use acpi_tables::sdt::{GenericAddress, Sdt};

/// Ports and values of the power-management chip.
const SMI_COMMAND: u32 = 0xb2;
const ACPI_ENABLE: u8 = 2;
const ACPI_DISABLE: u8 = 3;
const PM1A_EVENT: u16 = 0x600;
const PM1A_CONTROL: u16 = 0x604;
const PM_TIMER: u16 = 0x608;
const GPE0: u16 = 0x620;
const SCI: u16 = 9;
const RESET_PORT: u16 = 0xcf9;
const RESET_VALUE: u8 = 6;

/// SPEC: acpi-6.5 :: 5.2.9 Fixed ACPI Description Table (FADT) -> where the fixed registers are, how to reset, which legacy devices exist
pub(super) fn fadt(facs: u64, dsdt: u64) -> Sdt {
    let mut fadt = table(*b"FACP", 6, 276);
    fadt.write_u32(36, facs as u32);
    fadt.write_u32(40, dsdt as u32);
    // Preferred profile: desktop
    fadt.write_u8(45, 1);
    fadt.write_u16(46, SCI);
    fadt.write_u32(48, SMI_COMMAND);
    fadt.write_u8(52, ACPI_ENABLE);
    fadt.write_u8(53, ACPI_DISABLE);
    fadt.write_u32(56, u32::from(PM1A_EVENT));
    fadt.write_u32(64, u32::from(PM1A_CONTROL));
    fadt.write_u32(76, u32::from(PM_TIMER));
    fadt.write_u32(80, u32::from(GPE0));
    fadt.write_u8(88, 4);
    fadt.write_u8(89, 2);
    fadt.write_u8(91, 4);
    fadt.write_u8(92, 4);
    // No C2 and C3: latencies beyond what would make them usable
    fadt.write_u16(96, 0xfff);
    fadt.write_u16(98, 0xfff);
    // Century byte of the RTC
    fadt.write_u8(108, 0x32);
    // Legacy devices, 8042, no VGA
    fadt.write_u16(109, 1 | 1 << 1 | 1 << 2);
    // WBINVD, C1, sleep button and waking by the RTC are no fixed features, reset register
    fadt.write_u32(112, 1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 10);
    fadt.write(116, GenericAddress::io_port_address::<u8>(RESET_PORT));
    fadt.write_u8(128, RESET_VALUE);
    fadt.write_u64(132, facs);
    fadt.write_u64(140, dsdt);
    fadt.write(148, GenericAddress::io_port_address::<u32>(PM1A_EVENT));
    fadt.write(172, GenericAddress::io_port_address::<u16>(PM1A_CONTROL));
    fadt.write(208, GenericAddress::io_port_address::<u32>(PM_TIMER));
    fadt.write(220, GenericAddress::io_port_address::<u32>(GPE0));
    fadt.update_checksum();
    fadt
}

/// SPEC: acpi-6.5 :: 5.2.12 Multiple APIC Description Table (MADT) -> local APICs, the I/O APIC, and where its wiring differs from the ISA bus
pub(super) fn madt(processors: u32) -> Sdt {
    let mut madt = table(*b"APIC", 5, 44);
    madt.write_u32(36, 0xfee0_0000);
    // The 8259A pair exists too.
    madt.write_u32(40, 1);
    for id in 0..processors.min(255) as u8 {
        madt.append_slice(&[0, 8, id, id, 1, 0, 0, 0]);
    }
    // I/O APIC: its id after reset, address, first global interrupt
    madt.append_slice(&[1, 12, 0, 0]);
    madt.append(0xfec0_0000_u32);
    madt.append(0_u32);
    // The timer's IRQ 0 arrives at input 2; the SCI is level-triggered, active high.
    madt.append_slice(&[2, 10, 0, 0, 2, 0, 0, 0, 0, 0]);
    madt.append_slice(&[2, 10, 0, SCI as u8, SCI as u8, 0, 0, 0, 0x0d, 0]);
    // NMI at LINT1 of every processor
    madt.append_slice(&[4, 6, 0xff, 0, 0, 1]);
    madt
}

/// SPEC: intel-hpet-1.0a :: 3.2.4 The ACPI 2.0 HPET Description Table (HPET) -> the event timer block at FED00000H
pub(super) fn hpet() -> Sdt {
    let mut hpet = table(*b"HPET", 1, 56);
    // Intel, legacy replacement, 64-bit counter, three comparators, revision 1
    hpet.write_u32(36, 0x8086_a201);
    hpet.write(40, GenericAddress::mmio_address::<u64>(0xfed0_0000));
    hpet.write_u8(52, 0);
    hpet.write_u16(53, 128);
    hpet.update_checksum();
    hpet
}
