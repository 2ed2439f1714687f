//! ACPI entries of the host bridge.

use acpi_tables::Aml;
use acpi_tables::aml::{AddressSpace, AddressSpaceCacheable, EISAName, IO, Name, ResourceTemplate, ZERO};
use device_api::FirmwareTables;
use guest_memory::{HIGH_RAM_START, RamLayout};

/// The last address below 4 GiB that functions may have: the I/O APIC's registers follow.
const LAST_LOW: u32 = 0xfebf_ffff;
/// Where functions go above 4 GiB: bytes behind RAM, from a multiple of 1 GiB on.
const HIGH_LEN: u64 = 2 << 30;

/// Adds the names of the bridge itself: what it is, and the windows in which functions are placed.
///
/// SPEC: acpi-6.5 :: 6.2.2 _CRS (Current Resource Settings) -> bus numbers, ports and memory that the bridge passes on
pub(super) fn add(layout: RamLayout, tables: &mut FirmwareTables) {
    let out = &mut tables.bus;
    Name::new("_HID".into(), &EISAName::new("PNP0A03")).to_aml_bytes(out);
    Name::new("_UID".into(), &ZERO).to_aml_bytes(out);
    let (cached, uncached) = (AddressSpaceCacheable::Cacheable, AddressSpaceCacheable::NotCacheable);
    let behind = (HIGH_RAM_START + layout.high).next_multiple_of(1 << 30);
    let crs = Name::new(
        "_CRS".into(),
        &ResourceTemplate::new(vec![
            &AddressSpace::<u16>::new_bus_number(0, 0xff),
            &IO::new(0xcf8, 0xcf8, 1, 8),
            &AddressSpace::<u16>::new_io(0, 0xcf7, None),
            &AddressSpace::<u16>::new_io(0xd00, 0xffff, None),
            &AddressSpace::<u32>::new_memory(cached, true, 0xa_0000, 0xb_ffff, None),
            &AddressSpace::<u32>::new_memory(uncached, true, layout.low as u32, LAST_LOW, None),
            &AddressSpace::<u64>::new_memory(uncached, true, behind, behind + HIGH_LEN - 1, None),
        ]),
    );
    crs.to_aml_bytes(out);
}
