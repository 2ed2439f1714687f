//! PCI configuration mechanism 1 and the host bridge, function 0:0.0.

mod chip;
mod spec;
#[cfg(test)]
mod tests;

use crate::codec::snapshot_of;
use device_api::{Ctx, Device, DeviceDecl, PciFunction, Pio, PortRange, Stage, declare_device};

const ID: &str = "pci-host";

/// The bridge on the bus, with the functions behind it.
#[derive(Default)]
pub struct PciHost {
    state: chip::Chip,
    /// Functions attached by the machine; each saves its own state
    functions: Vec<Box<dyn PciFunction>>,
}

snapshot_of!(PciHost, state);

impl PciHost {
    /// Puts a function on bus 0. It is refused, and given back, when its slot is taken or does not exist.
    pub fn attach(&mut self, function: Box<dyn PciFunction>) -> Result<(), Box<dyn PciFunction>> {
        let slot = function.slot();
        let taken = slot == self.slot() || self.functions.iter().any(|other| other.slot() == slot);
        if taken || slot.0 > 31 || slot.1 > 7 {
            return Err(function);
        }
        self.functions.push(function);
        Ok(())
    }

    /// The function that CONFIG_ADDRESS selects, and the register.
    fn selected(&mut self) -> Option<(&mut dyn PciFunction, u8)> {
        let target = self.state.target().filter(|target| target.bus == 0)?;
        let slot = (target.device, target.function);
        if slot == self.slot() {
            return Some((self, target.offset));
        }
        let function = self.functions.iter_mut().find(|function| function.slot() == slot)?;
        Some((&mut **function, target.offset))
    }
}

/// Byte position in the dword and mask of an access to CONFIG_DATA; bytes beyond the dword are not decoded.
fn lanes(port: u16, size: u8) -> (u32, u32) {
    let shift = 8 * u32::from(port & 3);
    let mask = match size {
        1 => 0xff,
        2 => 0xffff,
        _ => u32::MAX,
    };
    (shift, mask << shift)
}

impl PciFunction for PciHost {
    fn slot(&self) -> (u8, u8) {
        (0, 0)
    }
    fn config_read(&mut self, offset: u8) -> u32 {
        self.state.config_read(offset)
    }
    fn config_write(&mut self, _ctx: &mut Ctx<'_>, offset: u8, value: u32, mask: u32) {
        self.state.config_write(offset, value, mask);
    }
}

impl Device for PciHost {
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        self.state = chip::Chip::default();
    }
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        Some(self)
    }
    fn pci(&mut self) -> Option<&mut dyn PciFunction> {
        Some(self)
    }
}

impl Pio for PciHost {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        match (port, size) {
            (spec::CONFIG_ADDRESS, 4) => self.state.address(),
            (0xcfc..=0xcff, _) => {
                let (shift, mask) = lanes(port, size);
                // SPEC: pci-local-bus-3.0 :: 6.1 Configuration Space Organization -> a function that is absent reads as all ones
                let dword =
                    self.selected().map_or(u32::MAX, |(function, offset)| function.config_read(offset));
                (dword | !mask) >> shift | !(u32::MAX >> shift)
            }
            _ => u32::MAX,
        }
    }

    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        match (port, size) {
            (spec::CONFIG_ADDRESS, 4) => self.state.set_address(value),
            (0xcfc..=0xcff, _) => {
                let (shift, mask) = lanes(port, size);
                if let Some((function, offset)) = self.selected() {
                    function.config_write(ctx, offset, value << shift, mask);
                }
            }
            _ => {}
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "PCI configuration mechanism 1 and an 82441FX host bridge",
    stage: Stage::Chipset,
    // CF9h belongs to the reset control register; a dword at CF8h is dispatched by its first port.
    ports: &[
        PortRange { start: spec::CONFIG_ADDRESS, len: 1 },
        PortRange { start: spec::CONFIG_DATA, len: 4 },
    ],
    mmio: &[],
    dynamic_ports: None,
    per_processor: false,
    build: |_| Ok(Some(Box::new(PciHost::default()))),
});
