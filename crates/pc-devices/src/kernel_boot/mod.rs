//! Starts a kernel under firmware: an option ROM that firmware boots from, and a port by which it has the machine load the
//! kernel. It is no chip; the ROM finds out how firmware uses memory, and the machine does the rest.

pub mod rom;

use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, MachineEvent, Pio, PortRange, Presence, Snapshot,
    Stage, capabilities, declare_device,
};

const ID: &str = "kernel-boot";
/// The port that the ROM writes the number of entries of firmware's memory map to.
const PORT: u16 = 0x8a00;

/// The device on the bus.
#[derive(Debug, Default)]
pub struct KernelBoot {
    _stateless: (),
}

impl Snapshot for KernelBoot {
    fn save(&self, _out: &mut Vec<u8>) {
        let Self { _stateless: () } = self;
    }
    fn load(&mut self, _bytes: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

impl Device for KernelBoot {
    capabilities!(pio);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}
}

impl Pio for KernelBoot {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, _port: u16, _size: u8) -> u32 {
        u32::MAX
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, _port: u16, _size: u8, value: u32) {
        ctx.events.push(MachineEvent::BootKernel { map_entries: value as u16 });
    }
}

fn build(_: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
    Ok(Box::new(KernelBoot::default()))
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Loads the kernel of -kernel when firmware boots from its option ROM",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    ports: &[PortRange { start: PORT, len: 2 }],
    build,
    ..DeviceDecl::DEFAULT
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;

    #[test]
    fn a_write_asks_for_the_kernel() {
        let mut bench = Bench::new();
        KernelBoot::default().port_write(&mut bench.ctx(), PORT, 2, 7);
        assert_eq!(bench.events, [MachineEvent::BootKernel { map_entries: 7 }]);
    }

    #[test]
    fn firmware_takes_the_rom_for_one_that_boots() {
        let rom = rom::image();
        assert_eq!((rom.len(), &rom[..3]), (512, &[0x55, 0xaa, 1][..]));
        assert_eq!(rom.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte)), 0);
        let header = usize::from(u16::from_le_bytes([rom[0x1a], rom[0x1b]]));
        assert_eq!(&rom[header..header + 4], b"$PnP");
        let sum = rom[header..header + 32].iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
        assert_eq!(sum, 0);
        let bev = usize::from(u16::from_le_bytes([rom[header + 0x1a], rom[header + 0x1b]]));
        assert_eq!(rom[bev..bev + 2], [0x31, 0xc0]);
    }
}
