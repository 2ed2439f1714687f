//! The IDE function of a PIIX3 with its drives: hard disks and CD drives.
//!
//! `drive.rs` is what every drive does, `disk.rs`, `ata.rs` and `smart.rs` are hard disks, `cd.rs`, `mmc.rs` and
//! `mmc_data.rs` CD drives; `channel.rs` is the cable, `bus_master.rs` is DMA.

mod ata;
mod attach;
mod bus_master;
mod cd;
mod channel;
mod disk;
mod drive;
mod identify;
mod media;
mod mmc;
mod mmc_data;
mod slot;
mod smart;
mod spec;
mod task_file;
#[cfg(test)]
mod tests;

use crate::codec::Codec;
use crate::lanes;
use crate::reset_vector;
use channel::Channel;
use device_api::pci::{Bar, Command, ConfigSpace, Identity, offset};
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, HostIo, IrqLine, PciAddress, PciFunction, Pio,
    PortRange, Snapshot, Stage, capabilities, config_space, declare_device, inventory,
};
use drive::{Drive, Phase};
use slot::Slot;

/// The function.
#[derive(Debug)]
pub struct Piix3Ide {
    config: ConfigSpace,
    channels: [Channel; 2],
    slots: [[Slot; 2]; 2],
}

/// What a port is: of which channel, and where in its block.
enum Place {
    Command(usize, u16),
    Control(usize),
    Master(usize, u16),
    None,
}

impl Piix3Ide {
    fn new(config: &mut BuildConfig<'_>) -> Result<Self, DeviceError> {
        let (channels, slots) = attach::channels(config)?;
        let mut space = ConfigSpace::new(Identity {
            vendor: 0x8086,
            device: 0x7010,
            revision: 0,
            // Both channels at their legacy addresses, with bus masters
            class: 0x01_01_80,
            subsystem: (0x1af4, 0x1100),
            multifunction: false,
        })
        .with_bar(spec::BUS_MASTER_BAR, Bar::Io { len: spec::BUS_MASTER_PORTS });
        // SPEC: intel-82371sb :: PCISTS—PCI Device Status Register (Function 1) -> fast back-to-back, medium DEVSEL# timing
        space.set_u16(offset::STATUS, 0x0280);
        space.allow(spec::IDETIM, &[0xff; 5]);
        Ok(Self { config: space.built(), channels, slots })
    }

    fn place(&self, port: u16) -> Place {
        for n in 0..2 {
            if let offset @ 0..=7 = port.wrapping_sub(spec::COMMAND_PORTS[n]) {
                return Place::Command(n, offset);
            }
            if port == spec::CONTROL_PORTS[n] {
                return Place::Control(n);
            }
        }
        let base = self.config.base(spec::BUS_MASTER_BAR).unwrap_or(0) as u16;
        match port.wrapping_sub(base) {
            offset @ 0..=15 => Place::Master(usize::from(offset >> 3), offset & 7),
            _ => Place::None,
        }
    }

    /// Advances media and bus master as far as possible, and drives the interrupt line.
    fn serve(&mut self, ctx: &mut Ctx<'_>, n: usize) {
        let (channel, slots) = (&mut self.channels[n], &mut self.slots[n]);
        let is_master = self.config.command().contains(Command::MASTER);
        // Each round moves a part of the commands that run: there is an end to it.
        loop {
            let mut moved = false;
            for (drive, slot) in channel.drives.iter_mut().zip(slots.iter_mut()) {
                moved |= slot.serve(drive);
            }
            moved |= is_master && channel.run_master(ctx.dma);
            if !moved {
                break;
            }
        }
        for level in channel.line_changes() {
            ctx.lines.set(IrqLine(spec::IRQS[n]), level);
        }
    }

    fn serve_all(&mut self, ctx: &mut Ctx<'_>) {
        for n in 0..2 {
            self.serve(ctx, n);
        }
    }

    fn read_byte(&mut self, port: u16) -> u8 {
        match self.place(port) {
            // The data register is 16 bits wide.
            Place::Command(_, spec::register::DATA) | Place::None => 0xff,
            Place::Command(n, offset) => self.channels[n].read(offset),
            Place::Control(n) => self.channels[n].alternate_status(),
            Place::Master(n, offset) => self.channels[n].master.read(offset),
        }
    }

    fn write_byte(&mut self, port: u16, value: u8) {
        match self.place(port) {
            Place::Command(_, spec::register::DATA) | Place::None => {}
            Place::Command(n, offset) => self.channels[n].write(offset, value),
            Place::Control(n) => self.channels[n].write_control(value),
            Place::Master(n, offset) => self.channels[n].master.write(offset, value),
        }
    }

    /// What follows an access.
    #[inline]
    fn follow_up(&mut self, ctx: &mut Ctx<'_>) {
        for n in 0..2 {
            if !self.channels[n].is_quiet() {
                self.serve(ctx, n);
            }
        }
    }

    /// Returns the channel of a data register that a wide access addresses.
    fn data_register(port: u16, size: u8) -> Option<usize> {
        spec::COMMAND_PORTS.iter().position(|&base| base == port).filter(|_| size > 1)
    }
}

impl Pio for Piix3Ide {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        let value = match Self::data_register(port, size) {
            Some(n) => {
                let mut bytes = [0; 4];
                self.channels[n].data_in(&mut bytes[..usize::from(size.min(4))]);
                u32::from_le_bytes(bytes)
            }
            None => lanes::read(port, size, |port| self.read_byte(port)),
        };
        self.follow_up(ctx);
        value
    }

    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        match Self::data_register(port, size) {
            Some(n) => self.channels[n].data_out(&value.to_le_bytes()[..usize::from(size.min(4))]),
            None => lanes::write(port, size, value, |port, byte| self.write_byte(port, byte)),
        }
        self.follow_up(ctx);
    }

    fn port_read_block(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, data: &mut [u8]) -> Option<usize> {
        let channel = &mut self.channels[Self::data_register(port, size)?];
        let mut done = 0;
        for element in data.chunks_exact_mut(size.into()) {
            element.fill(0);
            channel.data_in(element);
            done += 1;
            if !channel.is_quiet() {
                break;
            }
        }
        self.follow_up(ctx);
        Some(done)
    }

    fn port_write_block(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, data: &[u8]) -> Option<usize> {
        let channel = &mut self.channels[Self::data_register(port, size)?];
        let mut done = 0;
        for element in data.chunks_exact(size.into()) {
            channel.data_out(element);
            done += 1;
            if !channel.is_quiet() {
                break;
            }
        }
        self.follow_up(ctx);
        Some(done)
    }
}

impl PciFunction for Piix3Ide {
    config_space!(config);

    fn config_write(&mut self, ctx: &mut Ctx<'_>, at: u8, size: u8, value: u32) {
        self.config.write(at, size, value);
        // A transfer may have waited for the right to be bus master.
        self.serve_all(ctx);
    }
}

impl HostIo for Piix3Ide {
    fn is_waiting(&self) -> bool {
        let waits = |drive: &Drive| drive.phase == Phase::Medium;
        self.channels.iter().any(|channel| channel.drives.iter().any(waits))
    }
    fn poll(&mut self, ctx: &mut Ctx<'_>) {
        self.serve_all(ctx);
    }
}

impl Device for Piix3Ide {
    capabilities!(pio, pci, host_io, drives);

    fn id(&self) -> &'static str {
        attach::CONTROLLER
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.config.reset();
        if !reset_vector::has_firmware(ctx.memory) {
            // Firmware enables both channels; Linux takes those that are not for absent.
            self.config.set_u32(spec::IDETIM, spec::IDE_DECODE_ENABLE);
        }
        self.channels.iter_mut().for_each(Channel::reset);
        self.slots.iter_mut().flatten().for_each(Slot::cancel);
        self.serve_all(ctx);
    }
}

/// Configuration space, channels, and of each medium what is nowhere else.
impl Snapshot for Piix3Ide {
    fn save(&self, out: &mut Vec<u8>) {
        let Self { config, channels, slots } = self;
        config.save(out);
        channels.iter().for_each(|channel| channel.save(out));
        for slot in slots.iter().flatten() {
            let mut state = Vec::new();
            if let Some(medium) = &slot.medium {
                medium.save(&mut state);
            }
            state.put(out);
        }
    }

    /// A request that was on its way is made again. `None` also for disks of other sizes. A CD drive that was empty is empty
    /// again; one that had another CD in it shows the guest that it was changed.
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let mut config = self.config.clone();
        config.load(&mut rest)?;
        let [first, second] = &self.channels;
        let channels = [first.loaded(&mut rest)?, second.loaded(&mut rest)?];
        let states: [Vec<u8>; 4] = Codec::get(&mut rest)?;
        let drives = channels.iter().flat_map(|channel| &channel.drives);
        for ((slot, drive), state) in self.slots.iter_mut().flatten().zip(drives).zip(&states) {
            match &mut slot.medium {
                // The changes belong to the medium that was there.
                Some(medium) if drive.medium.is_some() && drive.cd.changed != 2 => {
                    medium.load(&mut &state[..])?;
                }
                _ => {}
            }
        }
        for (slot, drive) in
            self.slots.iter_mut().flatten().zip(channels.iter().flat_map(|channel| &channel.drives))
        {
            slot.cancel();
            if drive.medium.is_none() {
                slot.medium = None;
            }
        }
        (self.config, self.channels) = (config, channels);
        *bytes = rest;
        Some(())
    }
}

inventory::submit! { attach::DISK_DECL }
inventory::submit! { attach::CD_DECL }

declare_device!(DeviceDecl {
    id: attach::CONTROLLER,
    summary: "82371SB IDE controller: two channels with bus masters",
    stage: Stage::Peripherals,
    ports: &[
        PortRange { start: spec::COMMAND_PORTS[0], len: 8 },
        PortRange { start: spec::CONTROL_PORTS[0], len: 1 },
        PortRange { start: spec::COMMAND_PORTS[1], len: 8 },
        PortRange { start: spec::CONTROL_PORTS[1], len: 1 },
    ],
    pci: Some(PciAddress { slot: 1, function: 1 }),
    build: |config| Ok(Box::new(Piix3Ide::new(config)?)),
    ..DeviceDecl::DEFAULT
});
