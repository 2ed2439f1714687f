//! The PCI bus in the DSDT.

use crate::aml::Raw;
use acpi_tables::Aml;
use acpi_tables::aml::{
    AddressSpace, AddressSpaceCacheable, Arg, EISAName, IO, If, Method, Name, Package, PackageBuilder, Path,
    ResourceTemplate, Return, Store, ZERO,
};
use device_api::{FirmwareTables, PIRQA};

/// SPEC: acpi-6.5 :: 5.8.1 _PIC Method -> 1 says that the operating system uses the I/O APIC
/// SPEC: acpi-6.5 :: 6.2.2 _CRS (Current Resource Settings) -> the ports and windows that the bus passes on
pub(super) fn write(tables: &mut FirmwareTables) {
    Name::new("PICM".into(), &ZERO).to_aml_bytes(&mut tables.root);
    let (model, argument) = (Path::new("PICM"), Arg(0));
    let store = Store::new(&model, &argument);
    Method::new("_PIC".into(), 1, false, vec![&store]).to_aml_bytes(&mut tables.root);
    let mut windows = Vec::new();
    ResourceTemplate::new(vec![
        &AddressSpace::<u16>::new_bus_number(0, 0xff),
        &IO::new(0xcf8, 0xcf8, 1, 8),
        &AddressSpace::<u16>::new_io(0, 0xcf7, None),
        &AddressSpace::<u16>::new_io(0xd00, 0xffff, None),
        &AddressSpace::<u32>::new_memory(AddressSpaceCacheable::Cacheable, true, 0xa_0000, 0xb_ffff, None),
        &AddressSpace::<u32>::new_memory(
            AddressSpaceCacheable::NotCacheable,
            true,
            0xc000_0000,
            0xfebf_ffff,
            None,
        ),
    ])
    .to_aml_bytes(&mut windows);
    let bus = &mut tables.bus;
    Name::new("_HID".into(), &EISAName::new("PNP0A03")).to_aml_bytes(bus);
    Name::new("_UID".into(), &ZERO).to_aml_bytes(bus);
    Name::new("_CRS".into(), &Raw(windows)).to_aml_bytes(bus);
    routing(bus);
}

/// Where the interrupt pins of the slots go. With the 8259A pair alone they go nowhere: lines from 16 on are the I/O
/// APIC's.
///
/// SPEC: acpi-6.5 :: 6.2.13 _PRT (PCI Routing Table) -> address, pin, source 0 for a global interrupt, its number
fn routing(out: &mut Vec<u8>) {
    let mut table = PackageBuilder::new();
    for slot in 1..32_u32 {
        for pin in 0..4_u8 {
            let interrupt = PIRQA.0 + (slot as u8 + pin + 3) % 4;
            let address = slot << 16 | 0xffff;
            table.add_element(&Package::new(vec![&address, &pin, &ZERO, &interrupt]));
        }
    }
    let model = Path::new("\\PICM");
    let all = Return::new(&table);
    let nothing = Package::new(vec![]);
    let none = Return::new(&nothing);
    let choice = If::new(&model, vec![&all]);
    Method::new("_PRT".into(), 0, false, vec![&choice, &none]).to_aml_bytes(out);
}
