//! ACPI entries of PCI interrupts: the link devices, and the routing of slots and pins to links.

use crate::aml::shared_interrupt;
use acpi_tables::Aml;
use acpi_tables::aml::{
    And, Arg, CreateDWordField, Device, EISAName, Field, FieldAccessType, FieldEntry, FieldLockRule,
    FieldUpdateRule, If, LessThan, Method, Name, OpRegion, OpRegionSpace, Or, Package, PackageBuilder, Path,
    ResourceTemplate, Return, Store, ZERO,
};
use device_api::{FirmwareTables, InterruptOverride};

use super::spec::{PIRQRC, ROUTE_DISABLED};

/// ISA interrupts that operating systems may route a link to. Others belong to ISA devices.
const CHOICES: [u8; 3] = [5, 10, 11];
/// The interrupt of power management, which is no function's pin though its function claims one.
const SCI: u8 = 9;
/// The slot of this chip and of power management.
const SLOT: u32 = 1;
/// Level-triggered, active high
///
/// SPEC: acpi-6.5 :: 5.2.12.5 Interrupt Source Override Structure -> Table 5.27, polarity 1:0, trigger mode 3:2
const LEVEL_HIGH: u16 = 0x0d;

/// Fields of the configuration space, a byte for each route control register.
const ROUTES: [&str; 4] = ["PRQ0", "PRQ1", "PRQ2", "PRQ3"];
const LINKS: [&str; 4] = ["LNKA", "LNKB", "LNKC", "LNKD"];
/// The link that is not routed.
const SCI_LINK: &str = "LNKS";

/// _STA: there and working, with and without being enabled.
///
/// SPEC: acpi-6.5 :: 6.3.7 _STA (Device Status) -> present, enabled, shown, functioning
const ENABLED: u8 = 0x0b;
const DISABLED: u8 = 0x09;

/// Offset of the number in an extended interrupt descriptor.
const NUMBER_AT: u8 = 5;

/// Adds the bridge with its registers, the links, and the routing table of the bus.
pub(super) fn add(tables: &mut FirmwareTables) {
    let out = &mut tables.bus;
    bridge(out);
    for (uid, (link, route)) in LINKS.iter().zip(ROUTES).enumerate() {
        routed_link(link, route, uid as u8, out);
    }
    fixed_link(out);
    routing_table(out);
    let level = |irq| InterruptOverride { irq, interrupt: u32::from(irq), flags: LEVEL_HIGH };
    tables.overrides.extend(CHOICES.map(level));
}

/// SPEC: acpi-6.5 :: 19.6.100 OperationRegion (Declare Operation Region) -> PCI_Config is the configuration space of the function that _ADR names
fn bridge(out: &mut Vec<u8>) {
    let address = SLOT << 16;
    let name = Name::new("_ADR".into(), &address);
    let region = OpRegion::new("P40C".into(), OpRegionSpace::PCIConfig, &PIRQRC, &4_u8);
    let entry = |name: &str| FieldEntry::Named(name.as_bytes().try_into().unwrap_or(*b"PRQ_"), 8);
    let (access, lock, update) = (FieldAccessType::Byte, FieldLockRule::NoLock, FieldUpdateRule::Preserve);
    let field = Field::new("P40C".into(), access, lock, update, ROUTES.map(entry).to_vec());
    Device::new("ISA_".into(), vec![&name, &region, &field]).to_aml_bytes(out);
}

/// A link device; its route control register has the interrupt.
///
/// SPEC: acpi-6.5 :: 6.2.13 _PRT (PCI Routing Table) -> PNP0C0F devices with _PRS, _CRS, _SRS and _DIS
fn routed_link(link: &str, route: &str, uid: u8, out: &mut Vec<u8>) {
    // SPEC: acpi-6.5 :: 5.3 ACPI Namespace -> only names of one segment are looked for in the scopes above
    let route = Path::new(&format!("\\_SB_.PCI0.ISA_.{route}"));
    let hid = Name::new("_HID".into(), &EISAName::new("PNP0C0F"));
    let uid = Name::new("_UID".into(), &uid);
    let choices = shared_interrupt(&CHOICES.map(u32::from));
    let possible = Name::new("_PRS".into(), &ResourceTemplate::new(vec![&choices]));

    let is_disabled = And::new(&ZERO, &route, &ROUTE_DISABLED);
    let (disabled, enabled) = (Return::new(&DISABLED), Return::new(&ENABLED));
    let if_disabled = If::new(&is_disabled, vec![&disabled]);
    let status = Method::new("_STA".into(), 0, false, vec![&if_disabled, &enabled]);

    let set_disabled = Or::new(&route, &route, &ROUTE_DISABLED);
    let disable = Method::new("_DIS".into(), 0, false, vec![&set_disabled]);

    let none = shared_interrupt(&[0]);
    let (template, number) = (Path::new("PRR0"), Path::new("PRRI"));
    let buffer = Name::new("PRR0".into(), &ResourceTemplate::new(vec![&none]));
    let field = CreateDWordField::new(&number, &template, &NUMBER_AT);
    let is_routed = LessThan::new(&route, &ROUTE_DISABLED);
    let fill = Store::new(&number, &route);
    let if_routed = If::new(&is_routed, vec![&fill]);
    let template = Return::new(&template);
    let current = Method::new("_CRS".into(), 0, true, vec![&buffer, &field, &if_routed, &template]);

    let given = CreateDWordField::new(&number, &Arg(0), &NUMBER_AT);
    let set = Store::new(&route, &number);
    let set = Method::new("_SRS".into(), 1, false, vec![&given, &set]);

    let children: Vec<&dyn Aml> = vec![&hid, &uid, &possible, &status, &disable, &current, &set];
    Device::new(link.into(), children).to_aml_bytes(out);
}

/// The link of power management, which stays as it is.
fn fixed_link(out: &mut Vec<u8>) {
    let hid = Name::new("_HID".into(), &EISAName::new("PNP0C0F"));
    let uid = Name::new("_UID".into(), &(LINKS.len() as u8));
    let interrupt = shared_interrupt(&[u32::from(SCI)]);
    let template = ResourceTemplate::new(vec![&interrupt]);
    let (possible, current) = (Name::new("_PRS".into(), &template), Name::new("_CRS".into(), &template));
    let status = Name::new("_STA".into(), &ENABLED);
    let disable = Method::new("_DIS".into(), 0, false, vec![]);
    let set = Method::new("_SRS".into(), 1, false, vec![]);
    let children: Vec<&dyn Aml> = vec![&hid, &uid, &status, &possible, &current, &disable, &set];
    Device::new(SCI_LINK.into(), children).to_aml_bytes(out);
}

/// The same with the 8259A pair and with the I/O APIC: both have the ISA interrupts.
///
/// SPEC: acpi-6.5 :: 6.2.13 _PRT (PCI Routing Table) -> address, pin, link, index 0
/// SPEC: pci-local-bus-3.0 :: 2.2.6 Interrupt Pins (Optional) -> INTx# of a slot to the wires by turns
fn routing_table(out: &mut Vec<u8>) {
    let mut table = PackageBuilder::new();
    for slot in 0..32_u32 {
        for pin in 0..4_u8 {
            let wire = (slot as usize + usize::from(pin) + 3) % 4;
            let link = if (slot, pin) == (SLOT, 0) { SCI_LINK } else { LINKS[wire] };
            let address = slot << 16 | 0xffff;
            table.add_element(&Package::new(vec![&address, &pin, &Path::new(link), &ZERO]));
        }
    }
    Name::new("_PRT".into(), &table).to_aml_bytes(out);
}
