//! The DSDT: devices that cannot be found by asking.

use super::table;
use acpi_tables::Aml;
use acpi_tables::aml::{
    AddressSpace, AddressSpaceCacheable, Device, EISAName, IO, Interrupt, Name, Package, ResourceTemplate,
    Scope,
};
use acpi_tables::sdt::Sdt;

/// SLP_TYP of S5, which the power-management chip knows too.
const SLEEP_TYPE_OFF: u8 = 7;

/// A device with an EISA name, ports, and perhaps an interrupt and a number.
struct Legacy {
    name: &'static str,
    eisa: &'static str,
    ports: &'static [(u16, u8)],
    irq: Option<u32>,
    uid: Option<u8>,
}

const fn serial(name: &'static str, ports: &'static [(u16, u8)], irq: u32, uid: u8) -> Legacy {
    Legacy { name, eisa: "PNP0501", ports, irq: Some(irq), uid: Some(uid) }
}

const LEGACY: &[Legacy] = &[
    Legacy {
        name: "PIC_",
        eisa: "PNP0000",
        ports: &[(0x20, 2), (0xa0, 2), (0x4d0, 2)],
        irq: None,
        uid: None,
    },
    Legacy { name: "TIMR", eisa: "PNP0100", ports: &[(0x40, 4)], irq: Some(0), uid: None },
    Legacy { name: "RTC_", eisa: "PNP0B00", ports: &[(0x70, 2)], irq: Some(8), uid: None },
    Legacy { name: "KBD_", eisa: "PNP0303", ports: &[(0x60, 1), (0x64, 1)], irq: Some(1), uid: None },
    serial("COM1", &[(0x3f8, 8)], 4, 1),
    serial("COM2", &[(0x2f8, 8)], 3, 2),
    serial("COM3", &[(0x3e8, 8)], 4, 3),
    serial("COM4", &[(0x2e8, 8)], 3, 4),
];

fn legacy(device: &Legacy, out: &mut Vec<u8>) {
    let ports: Vec<IO> = device.ports.iter().map(|&(port, len)| IO::new(port, port, 1, len)).collect();
    let irq = device.irq.map(|irq| Interrupt::new(true, true, false, false, irq));
    let mut resources: Vec<&dyn Aml> = ports.iter().map(|port| port as &dyn Aml).collect();
    if let Some(irq) = &irq {
        resources.push(irq);
    }
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

/// SPEC: acpi-6.5 :: 7.4.2.6 System _S5 State -> the sleep type to write for soft-off
/// SPEC: acpi-6.5 :: 6.2.2 _CRS (Current Resource Settings) -> ports, windows and interrupts of each device
pub(super) fn dsdt() -> Sdt {
    let mut aml = Vec::new();
    let off = Package::new(vec![&SLEEP_TYPE_OFF, &SLEEP_TYPE_OFF, &0_u8, &0_u8]);
    Name::new("_S5_".into(), &off).to_aml_bytes(&mut aml);
    let mut children = Vec::new();
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
    let crs = Name::new("_CRS".into(), &Raw(windows));
    let inner = Raw(children);
    let bridge = Device::new("PCI0".into(), vec![&hid, &crs, &inner]);
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
