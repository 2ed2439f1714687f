//! The DSDT: devices that cannot be found by asking.

use super::table;
use acpi_tables::Aml;
use acpi_tables::aml::{
    AddressSpace, AddressSpaceCacheable, Arg, Device, EISAName, IO, If, Memory32Fixed, Method, Name, Package,
    PackageBuilder, Path, ResourceTemplate, Return, Scope, Store, ZERO,
};
use acpi_tables::sdt::Sdt;

/// SLP_TYP of S5, which the power-management chip knows too.
const SLEEP_TYPE_OFF: u8 = 7;

/// A device with an EISA name, ports, and perhaps an interrupt, a DMA channel and a number.
struct Legacy {
    name: &'static str,
    eisa: &'static str,
    ports: &'static [(u16, u8)],
    irq: Option<u8>,
    dma: Option<u8>,
    uid: Option<u8>,
}

const fn chip(
    name: &'static str,
    eisa: &'static str,
    ports: &'static [(u16, u8)],
    irq: Option<u8>,
) -> Legacy {
    Legacy { name, eisa, ports, irq, dma: None, uid: None }
}

const fn serial(name: &'static str, ports: &'static [(u16, u8)], irq: u8, uid: u8) -> Legacy {
    Legacy { uid: Some(uid), ..chip(name, "PNP0501", ports, Some(irq)) }
}

/// There is no mouse: nothing answers at the 8042's auxiliary port.
const LEGACY: &[Legacy] = &[
    chip("PIC_", "PNP0000", &[(0x20, 2), (0xa0, 2), (0x4d0, 2)], Some(2)),
    Legacy { dma: Some(4), ..chip("DMAC", "PNP0200", &[(0x00, 16), (0x81, 15), (0xc0, 32)], None) },
    chip("TIMR", "PNP0100", &[(0x40, 4)], Some(0)),
    chip("RTC_", "PNP0B00", &[(0x70, 2)], Some(8)),
    chip("SPKR", "PNP0800", &[(0x61, 1)], None),
    chip("KBD_", "PNP0303", &[(0x60, 1), (0x64, 1)], Some(1)),
    serial("COM1", &[(0x3f8, 8)], 4, 1),
    serial("COM2", &[(0x2f8, 8)], 3, 2),
    serial("COM3", &[(0x3e8, 8)], 4, 3),
    serial("COM4", &[(0x2e8, 8)], 3, 4),
    // Ports that no driver is told of otherwise: port 92h, the SMI command port, power management. Reset control lies in
    // the PCI bridge's configuration ports.
    chip("MBRD", "PNP0C02", &[(0x92, 1), (0xb2, 2), (0x600, 12), (0x620, 4)], None),
];

/// The interrupt of an ISA device: the MADT's overrides apply to it.
///
/// SPEC: acpi-6.5 :: 6.4.2.1 IRQ Descriptor -> a bit for each interrupt; without flags edge-triggered, active high, not shared
fn irq(number: u8) -> Raw {
    let mask = 1_u16.checked_shl(u32::from(number)).unwrap_or(0).to_le_bytes();
    Raw(vec![0x22, mask[0], mask[1]])
}

/// SPEC: acpi-6.5 :: 6.4.2.2 DMA Descriptor -> a bit for each channel; compatibility speed, 8-bit transfers
fn dma(channel: u8) -> Raw {
    Raw(vec![0x2a, 1_u8.checked_shl(u32::from(channel)).unwrap_or(0), 0])
}

fn legacy(device: &Legacy, out: &mut Vec<u8>) {
    let ports: Vec<IO> = device.ports.iter().map(|&(port, len)| IO::new(port, port, 1, len)).collect();
    let (irq, dma) = (device.irq.map(irq), device.dma.map(dma));
    let mut resources: Vec<&dyn Aml> = ports.iter().map(|port| port as &dyn Aml).collect();
    resources.extend(irq.iter().chain(&dma).map(|raw| raw as &dyn Aml));
    let hid = Name::new("_HID".into(), &EISAName::new(device.eisa));
    let crs = Name::new("_CRS".into(), &ResourceTemplate::new(resources));
    let uid = device.uid.map(|uid| Name::new("_UID".into(), &uid));
    let mut children: Vec<&dyn Aml> = vec![&hid];
    if let Some(uid) = &uid {
        children.push(uid);
    }
    children.push(&crs);
    Device::new(device.name.into(), children).to_aml_bytes(out);
}

/// The event timer's registers. Which of its interrupts is used, its driver decides.
fn event_timer(out: &mut Vec<u8>) {
    let hid = Name::new("_HID".into(), &EISAName::new("PNP0103"));
    let registers = Memory32Fixed::new(true, 0xfed0_0000, 0x400);
    let crs = Name::new("_CRS".into(), &ResourceTemplate::new(vec![&registers]));
    Device::new("HPET".into(), vec![&hid, &crs]).to_aml_bytes(out);
}

/// Global interrupts 16 to 19 are the four that PCI pins share.
const FIRST_PCI_INTERRUPT: u8 = 16;

/// Where the interrupt pins of the slots go. With the 8259A pair alone they go nowhere: lines from 16 on are the I/O
/// APIC's.
///
/// SPEC: acpi-6.5 :: 6.2.13 _PRT (PCI Routing Table) -> address, pin, source 0 for a global interrupt, its number
/// SPEC: acpi-6.5 :: 5.8.1 _PIC Method -> 1 says that the operating system uses the I/O APIC
fn routing(out: &mut Vec<u8>) {
    let mut table = PackageBuilder::new();
    for slot in 1..32_u32 {
        for pin in 0..4_u8 {
            let interrupt = FIRST_PCI_INTERRUPT + (slot as u8 + pin) % 4;
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

/// SPEC: acpi-6.5 :: 7.4.2.6 System _S5 State -> the sleep type to write for soft-off
/// SPEC: acpi-6.5 :: 6.2.2 _CRS (Current Resource Settings) -> ports, windows and interrupts of each device
pub(super) fn dsdt() -> Sdt {
    let mut aml = Vec::new();
    let off = Package::new(vec![&SLEEP_TYPE_OFF, &SLEEP_TYPE_OFF, &0_u8, &0_u8]);
    Name::new("_S5_".into(), &off).to_aml_bytes(&mut aml);
    Name::new("PICM".into(), &ZERO).to_aml_bytes(&mut aml);
    let (model, argument) = (Path::new("PICM"), Arg(0));
    let store = Store::new(&model, &argument);
    Method::new("_PIC".into(), 1, false, vec![&store]).to_aml_bytes(&mut aml);
    let mut children = Vec::new();
    routing(&mut children);
    event_timer(&mut children);
    for device in LEGACY {
        legacy(device, &mut children);
    }
    let windows = ResourceTemplate::new(vec![
        &AddressSpace::<u16>::new_bus_number(0, 0xff),
        &IO::new(0xcf8, 0xcf8, 1, 8),
        &AddressSpace::<u16>::new_io(0, 0xcf7, None),
        &AddressSpace::<u16>::new_io(0xd00, 0xffff, None),
        &AddressSpace::<u32>::new_memory(
            AddressSpaceCacheable::NotCacheable,
            true,
            0xc000_0000,
            0xfebf_ffff,
            None,
        ),
    ])
    .to_bytes();
    let hid = Name::new("_HID".into(), &EISAName::new("PNP0A03"));
    let uid = Name::new("_UID".into(), &ZERO);
    let crs = Name::new("_CRS".into(), &Raw(windows));
    let inner = Raw(children);
    let bridge = Device::new("PCI0".into(), vec![&hid, &uid, &crs, &inner]);
    Scope::new("_SB_".into(), vec![&bridge]).to_aml_bytes(&mut aml);
    let mut dsdt = table(*b"DSDT", 2, 36);
    dsdt.append_slice(&aml);
    dsdt
}

/// Bytes that are AML already.
struct Raw(Vec<u8>);

impl Aml for Raw {
    fn to_aml_bytes(&self, sink: &mut dyn acpi_tables::AmlSink) {
        sink.vec(&self.0);
    }
}

/// Turns an object into its bytes.
trait ToBytes {
    fn to_bytes(&self) -> Vec<u8>;
}

impl<T: Aml> ToBytes for T {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.to_aml_bytes(&mut bytes);
        bytes
    }
}
