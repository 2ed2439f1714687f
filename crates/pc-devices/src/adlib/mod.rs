//! FM music: an `AdLib` card with an OPL3.

mod chip;
mod spec;
mod synth;
#[cfg(test)]
mod tests;

use crate::codec::Codec;
use crate::lanes;
pub(crate) use chip::Chip;
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, Pio, PortRange, Presence, Property, PropertyKind,
    Role, Snapshot, Stage, Timed, VmTime, Voice, capabilities, declare_device,
};
pub(crate) use synth::Synth;

const ID: &str = "adlib";

/// The chip with what it plays.
pub(crate) struct Fm {
    chip: Chip,
    synth: Synth,
    /// The registers are to be taken over by the part that sounds
    loaded: bool,
}

impl Fm {
    /// The four ports of an OPL3
    pub(crate) const PORTS: PortRange = PortRange { start: spec::BASE, len: 4 };

    pub(crate) fn new(voice: Option<Box<dyn Voice>>) -> Self {
        Self { chip: Chip::default(), synth: Synth::new(voice), loaded: false }
    }

    pub(crate) fn chip(&self) -> &Chip {
        &self.chip
    }

    /// Puts a state in the place of this one.
    pub(crate) fn set_chip(&mut self, chip: Chip) {
        self.chip = chip;
        self.loaded = true;
    }

    pub(crate) fn reset(&mut self, now: VmTime) {
        self.catch_up(now);
        self.chip = Chip::default();
        self.synth.load(&self.chip, now);
    }

    pub(crate) fn set_gain(&mut self, gain: [i32; 2]) {
        self.synth.set_gain(gain);
    }

    /// Plays up to now. Precedes every access.
    pub(crate) fn catch_up(&mut self, now: VmTime) {
        if std::mem::take(&mut self.loaded) {
            self.synth.load(&self.chip, now);
        }
        self.synth.catch_up(now);
    }

    pub(crate) fn next_deadline(&self) -> Option<VmTime> {
        self.synth.next_deadline()
    }

    /// Reads one of the four ports, counted from the first.
    pub(crate) fn read(&mut self, now: VmTime, offset: u16) -> u8 {
        match offset {
            0 | 2 => self.chip.read_status(now),
            _ => 0xff,
        }
    }

    pub(crate) fn write(&mut self, now: VmTime, offset: u16, value: u8) {
        match offset {
            0 => self.chip.write_index(0, value),
            2 => self.chip.write_index(1, value),
            _ => {
                let written = self.chip.write_data(now, value);
                self.synth.write(now, written);
            }
        }
    }
}

/// The card.
struct AdLib {
    base: u16,
    fm: Fm,
}

impl std::fmt::Debug for AdLib {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdLib").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Snapshot for AdLib {
    fn save(&self, out: &mut Vec<u8>) {
        self.fm.chip().put(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        self.fm.set_chip(Chip::get(&mut rest)?);
        *bytes = rest;
        Some(())
    }
}

impl AdLib {
    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        let base = config.properties.number("iobase").map_or(spec::BASE, |base| base as u16);
        config.ports.push(PortRange { start: base, len: Fm::PORTS.len });
        Ok(Box::new(Self { base, fm: Fm::new(config.voice("audiodev")?) }))
    }
}

impl Device for AdLib {
    capabilities!(pio, timed);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.fm.reset(ctx.now);
    }
}

impl Pio for AdLib {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        lanes::read(port, size, |port| self.fm.read(ctx.now, port.wrapping_sub(self.base)))
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.fm.catch_up(ctx.now);
        lanes::write(port, size, value, |port, byte| {
            self.fm.write(ctx.now, port.wrapping_sub(self.base), byte);
        });
    }
}

impl Timed for AdLib {
    fn next_deadline(&self) -> Option<VmTime> {
        self.fm.next_deadline()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.fm.catch_up(ctx.now);
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "AdLib card: FM music by an OPL3",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    properties: &[
        Property {
            name: "iobase",
            kind: PropertyKind::Number { min: 0, max: 0xfffc },
            default: Some("0x388"),
            summary: "first of four ports",
        },
        Property {
            name: "audiodev",
            kind: PropertyKind::Backend(Role::Sound),
            default: None,
            summary: "where it is heard; without it nothing is",
        },
    ],
    build: AdLib::build,
    ..DeviceDecl::DEFAULT
});
