//! Device nodes of the DSDT.

use acpi_tables::Aml;
use acpi_tables::aml::{Device, EISAName, IO, Name, ResourceTemplate};

/// Bytes that are AML already.
pub(crate) struct Raw(pub(crate) Vec<u8>);

impl Aml for Raw {
    fn to_aml_bytes(&self, sink: &mut dyn acpi_tables::AmlSink) {
        sink.vec(&self.0);
    }
}

/// A device with an EISA name, ports, and perhaps an interrupt, a DMA channel and a number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Node<'a> {
    pub(crate) name: &'a str,
    pub(crate) eisa: &'a str,
    /// First ports, with how many there are
    pub(crate) ports: &'a [(u16, u8)],
    pub(crate) irq: Option<u8>,
    pub(crate) dma: Option<u8>,
    pub(crate) uid: Option<u8>,
}

/// Returns the interrupt of an ISA device: the MADT's overrides apply to it.
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

/// Returns the resource of a level-triggered interrupt that PCI functions share: one of `choices`.
///
/// SPEC: acpi-6.5 :: 6.4.3.6 Extended Interrupt Descriptor -> consumer, level-triggered, active high, shared; count and 32-bit numbers
pub(crate) fn shared_interrupt(choices: &[u32]) -> Raw {
    let mut bytes = vec![0x89];
    bytes.extend((2 + 4 * choices.len() as u16).to_le_bytes());
    bytes.extend([0b1001, choices.len() as u8]);
    bytes.extend(choices.iter().flat_map(|number| number.to_le_bytes()));
    Raw(bytes)
}

impl Node<'_> {
    /// Appends the node.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let ports: Vec<IO> = self.ports.iter().map(|&(port, len)| IO::new(port, port, 1, len)).collect();
        let (irq, dma) = (self.irq.map(irq), self.dma.map(dma));
        let mut resources: Vec<&dyn Aml> = ports.iter().map(|port| port as &dyn Aml).collect();
        resources.extend(irq.iter().chain(&dma).map(|raw| raw as &dyn Aml));
        let hid = Name::new("_HID".into(), &EISAName::new(self.eisa));
        let crs = Name::new("_CRS".into(), &ResourceTemplate::new(resources));
        let uid = self.uid.map(|uid| Name::new("_UID".into(), &uid));
        let mut children: Vec<&dyn Aml> = vec![&hid];
        if let Some(uid) = &uid {
            children.push(uid);
        }
        children.push(&crs);
        Device::new(self.name.into(), children).to_aml_bytes(out);
    }
}
