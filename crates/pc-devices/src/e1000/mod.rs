//! A network card: the 82540EM, QEMU's `e1000`.
//!
//! `chip.rs` has registers and interrupts, which `delay.rs` delays, `transmit.rs` and `receive.rs` serve the rings of
//! `ring.rs`, `checksum.rs` is what they insert and check, `statistics.rs` what they count; `eeprom.rs` and `phy.rs` are the parts behind EECD and MDIC.

mod checksum;
mod chip;
mod delay;
mod eeprom;
mod phy;
mod receive;
mod ring;
mod spec;
mod statistics;
#[cfg(test)]
mod tests;
mod transmit;

use crate::codec::Codec;
use chip::Chip;
use device_api::pci::{Bar, Command, ConfigSpace, Identity};
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, DmaMemory, HostIo, Mmio, NetBackend, PciFunction, Pio,
    Presence, Property, PropertyKind, Role, Snapshot, Stage, Timed, VmTime, capabilities, config_space,
    declare_device,
};
use std::fmt::Write;
use x86_types::GuestPhysAddr;

const ID: &str = "e1000";
/// The base address register of the registers in memory.
const MEMORY: usize = 0;
/// The base address register of the ports.
const PORTS: usize = 1;
/// INTA#.
const PIN: u8 = 1;
/// The address of QEMU's first card.
const DEFAULT_MAC: &str = "52:54:00:12:34:56";
/// Frames that are taken from the network in one go. A network that follows from the guest's frames alone has fewer waiting:
/// what is left is taken when the machine polls next, and that moment is the host's.
const FRAMES: usize = 512;

/// The card.
#[derive(Debug)]
pub struct E1000 {
    config: ConfigSpace,
    chip: Chip,
    /// IOADDR
    index: u32,
    network: Option<Box<dyn NetBackend>>,
}

/// Returns the six bytes of an address as in `52:54:00:12:34:56`; `None` also for those of groups and for no station.
fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut bytes {
        let is_byte =
            |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_hexdigit());
        let part = parts.next().filter(is_byte)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    (parts.next().is_none() && bytes[0] & 1 == 0 && bytes != [0; 6]).then_some(bytes)
}

impl E1000 {
    fn new(mac: [u8; 6], network: Option<Box<dyn NetBackend>>) -> Self {
        let mut config = ConfigSpace::new(Identity {
            vendor: 0x8086,
            device: 0x100e,
            revision: 3,
            class: 0x02_00_00,
            subsystem: (0x1af4, 0x1100),
            multifunction: false,
        })
        .with_bar(MEMORY, Bar::Memory32 { len: spec::MEMORY_LEN, prefetchable: false })
        .with_bar(PORTS, Bar::Io { len: spec::IO_LEN })
        .with_interrupt_pin(PIN);
        // The size of a cache line may be set, and has no effect.
        config.allow(0x0c, &[0xff]);
        let cable = network.as_ref().is_some_and(|network| network.is_up());
        Self { config: config.built(), chip: Chip::new(mac, cable), index: 0, network }
    }

    fn has_cable(&self) -> bool {
        self.network.as_ref().is_some_and(|network| network.is_up())
    }

    /// Serves the rings as far as the right to be bus master goes, and drives the interrupt line.
    fn serve(&mut self, ctx: &mut Ctx<'_>, transmits: bool) {
        if self.config.command().contains(Command::MASTER) {
            if transmits {
                self.transmit(ctx.now, ctx.dma);
            }
            self.chip.serve_receiver(ctx.now, ctx.dma);
            self.receive(ctx.now, ctx.dma);
        }
        self.drive(ctx);
    }

    fn drive(&mut self, ctx: &mut Ctx<'_>) {
        let asserted = self.chip.update_interrupt(ctx.now);
        let allowed = !self.config.command().contains(Command::INTX_DISABLE);
        ctx.lines.set_intx(PIN, asserted && allowed);
    }

    fn transmit(&mut self, now: VmTime, memory: &mut dyn DmaMemory) {
        let network = &mut self.network;
        self.chip.serve_transmitter(now, memory, &mut |chip, memory, frame| {
            if chip.loopback() {
                chip.arrive(now, memory, frame);
            } else if let Some(network) = network.as_mut().filter(|_| chip.link()) {
                network.send(now, frame);
            }
        });
    }

    /// Takes frames from the network; they wait there while there are no descriptors for them.
    fn receive(&mut self, now: VmTime, memory: &mut dyn DmaMemory) {
        let Some(network) = &mut self.network else { return };
        let mut frame = Vec::new();
        for _ in 0..FRAMES {
            if self.chip.loopback() || !self.chip.can_receive() || !network.receive(now, &mut frame) {
                return;
            }
            self.chip.arrive(now, memory, &frame);
        }
    }

    fn read(&mut self, ctx: &mut Ctx<'_>, at: u32) -> u32 {
        let value = self.chip.read(at);
        self.drive(ctx);
        value
    }

    fn write(&mut self, ctx: &mut Ctx<'_>, at: u32, value: u32) {
        self.chip.write(ctx.now, at, value);
        // While the transmitter pauses a further write of TDT hurries nothing.
        let transmits = self.chip.resumes_at.is_none();
        self.serve(ctx, transmits);
    }

    /// Returns the offset of an address in the registers, which are accessed by 32 bits.
    fn register(&self, address: GuestPhysAddr) -> Option<u32> {
        let at = address.0.checked_sub(self.config.base(MEMORY)?)?;
        u32::try_from(at).ok().filter(|&at| at < spec::MEMORY_LEN)
    }
}

impl Mmio for E1000 {
    fn mmio_read(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64 {
        let Some(at) = self.register(address) else { return u64::MAX };
        let low = u64::from(self.read(ctx, at & !3)) >> (8 * (at & 3));
        if size > 4 { low | u64::from(self.read(ctx, (at & !3) + 4)) << 32 } else { low }
    }

    /// Accesses of less than 32 bits have no defined effect on a card, and none here.
    fn mmio_write(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64) {
        let Some(at) = self.register(address).filter(|at| at & 3 == 0 && size >= 4) else { return };
        self.write(ctx, at, value as u32);
        if size > 4 {
            self.write(ctx, at + 4, (value >> 32) as u32);
        }
    }
}

impl Pio for E1000 {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        let base = self.config.base(PORTS).unwrap_or(0) as u16;
        match port.wrapping_sub(base) {
            spec::IOADDR if size == 4 => self.index,
            spec::IODATA if size == 4 && self.index < spec::MEMORY_LEN => self.read(ctx, self.index & !3),
            _ => 0,
        }
    }

    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        let base = self.config.base(PORTS).unwrap_or(0) as u16;
        match port.wrapping_sub(base) {
            spec::IOADDR if size == 4 => self.index = value,
            spec::IODATA if size == 4 && self.index < spec::MEMORY_LEN => {
                self.write(ctx, self.index & !3, value)
            }
            _ => {}
        }
    }
}

impl PciFunction for E1000 {
    config_space!(config);

    fn config_write(&mut self, ctx: &mut Ctx<'_>, at: u8, size: u8, value: u32) {
        self.config.write(at, size, value);
        // Frames may have waited for the right to be bus master.
        self.serve(ctx, self.chip.resumes_at.is_none());
    }
}

impl Timed for E1000 {
    fn next_deadline(&self) -> Option<VmTime> {
        let is_master = self.config.command().contains(Command::MASTER);
        let takes = is_master && self.chip.can_receive();
        let network = self.network.as_ref().filter(|_| takes).and_then(|network| network.next_deadline());
        [self.chip.deadline(), network].into_iter().flatten().min()
    }

    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.chip.advance(ctx.now);
        let resumes = self.chip.resumes_at.is_none_or(|at| at <= ctx.now);
        if resumes {
            self.chip.resumes_at = None;
        }
        self.serve(ctx, resumes);
    }
}

impl HostIo for E1000 {
    fn is_waiting(&self) -> bool {
        false
    }
    fn is_listening(&self) -> bool {
        self.network.is_some()
    }
    fn poll(&mut self, ctx: &mut Ctx<'_>) {
        let plugged = self.has_cable();
        self.chip.set_cable(ctx.now, plugged);
        self.serve(ctx, false);
    }
}

impl Device for E1000 {
    capabilities!(pio, mmio, pci, timed, host_io);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.config.reset();
        self.index = 0;
        self.chip.reset(self.has_cable());
        self.drive(ctx);
    }
    fn info(&self, topic: &str) -> Option<String> {
        (topic == "network").then(|| {
            let mut text = format!("{ID}: model={ID},macaddr=");
            for (n, byte) in self.chip.mac().iter().enumerate() {
                let _ = write!(text, "{}{byte:02x}", if n == 0 { "" } else { ":" });
            }
            let _ = writeln!(text, ", link {}", if self.chip.link() { "up" } else { "down" });
            text
        })
    }
}

/// Configuration space, the card, and of the network what is nowhere else.
impl Snapshot for E1000 {
    fn save(&self, out: &mut Vec<u8>) {
        let Self { config, chip, index, network } = self;
        config.save(out);
        chip.put(out);
        index.put(out);
        let mut state = Vec::new();
        if let Some(network) = network {
            network.save(&mut state);
        }
        state.put(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let mut config = self.config.clone();
        config.load(&mut rest)?;
        let chip = Chip::get(&mut rest)?;
        let index = u32::get(&mut rest)?;
        let state: Vec<u8> = Codec::get(&mut rest)?;
        if let Some(network) = &mut self.network {
            network.load(&mut &state[..])?;
        }
        (self.config, self.chip, self.index) = (config, chip, index);
        *bytes = rest;
        Some(())
    }
}

fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
    let mac = config.properties.text("mac").unwrap_or(DEFAULT_MAC);
    let Some(address) = parse_mac(mac) else {
        return Err(config.error(format!("mac={mac} is no address of a station; write {DEFAULT_MAC}")));
    };
    if let Some(file) = config.properties.text("romfile").filter(|file| !file.is_empty()) {
        return Err(config.error(format!(
            "romfile={file} is not there: the card has no option ROM; leave it out, or boot iPXE from a disk or as -kernel"
        )));
    }
    let network = config.take_net("netdev")?;
    Ok(Box::new(E1000::new(address, network)))
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "82540EM Gigabit Ethernet card",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    properties: &[
        Property {
            name: "netdev",
            kind: PropertyKind::Backend(Role::Net),
            default: None,
            summary: "the network at the other end of the cable; without it there is no link",
        },
        Property {
            name: "mac",
            kind: PropertyKind::Text,
            default: Some(DEFAULT_MAC),
            summary: "the card's address",
        },
        Property {
            name: "romfile",
            kind: PropertyKind::Text,
            default: None,
            summary: "the option ROM: empty, since there is none",
        },
    ],
    build,
    ..DeviceDecl::DEFAULT
});
