//! Sound Blaster 16: a DSP of version 4.05 with a CT1745 mixer and FM music.

mod dsp;
mod mixer;
mod spec;
#[cfg(test)]
mod tests;

use crate::adlib::{Chip as FmChip, Fm};
use crate::codec::{Codec, codec_struct};
use crate::lanes;
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, DmaPeripheral, IrqLine, Pio, PortRange, Presence,
    Property, PropertyKind, Role, Snapshot, SoundFrame, Stage, Timed, VmTime, Voice, capabilities,
    declare_device,
};
use dsp::{Direct, Dsp};
use mixer::Mixer;
use spec::port;

const ID: &str = "sb16";
/// Frames a second of samples that the processor gives the converter itself.
const DIRECT_RATE: u32 = 44_100;
/// Nanoseconds that such a sample is held at most.
const LONGEST_DIRECT: u64 = 50_000_000;

/// State of the card without its FM chip.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Card {
    dsp: Dsp,
    mixer: Mixer,
}
codec_struct!(Card { dsp, mixer });

/// The card on its ports.
struct Sb16 {
    card: Card,
    fm: Fm,
    base: u16,
    /// How it was built, for a reset
    built: Mixer,
    voice: Option<Box<dyn Voice>>,
}

impl std::fmt::Debug for Sb16 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sb16").field("base", &self.base).field("card", &self.card).finish_non_exhaustive()
    }
}

impl Snapshot for Sb16 {
    fn save(&self, out: &mut Vec<u8>) {
        self.card.put(out);
        self.fm.chip().put(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let (card, chip) = (Card::get(&mut rest)?, FmChip::get(&mut rest)?);
        self.card = card;
        self.fm.set_chip(chip);
        self.fm.set_gain(self.card.mixer.gain(spec::mixer::MIDI));
        *bytes = rest;
        Some(())
    }
}

impl Sb16 {
    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        let number = |name, default| config.properties.number(name).unwrap_or(default);
        let base = number("iobase", 0x220) as u16;
        let built = Mixer::new(number("irq", 5) as u8, number("dma", 1) as u8, number("dma16", 5) as u8);
        config.ports.extend([PortRange { start: base, len: spec::PORTS }, Fm::PORTS]);
        let voice = config.voice("audiodev")?;
        let fm = Fm::new(config.voice("audiodev")?);
        let card = Card { dsp: Dsp::default(), mixer: built.clone() };
        Ok(Box::new(Self { card, fm, base, built, voice }))
    }

    fn catch_up(&mut self, now: VmTime) {
        self.card.dsp.catch_up(now);
        self.fm.catch_up(now);
    }

    /// Drives the pins. Follows every access.
    fn drive(&self, ctx: &mut Ctx<'_>) {
        let Card { dsp, mixer } = &self.card;
        let (irq8, irq16) = dsp.interrupts();
        ctx.lines.set(IrqLine(mixer.irq()), irq8 || irq16);
        let (requested, _) = dsp.request();
        ctx.lines.dma_request(self.channel(), requested);
    }

    /// Releases all pins before other resources are assigned.
    fn release(&self, ctx: &mut Ctx<'_>) {
        let mixer = &self.card.mixer;
        ctx.lines.set(IrqLine(mixer.irq()), false);
        ctx.lines.dma_request(mixer.dma8(), false);
        ctx.lines.dma_request(mixer.dma16(), false);
    }

    /// SPEC: creative-sb-guide :: Sharing of Interrupts -> mixer register 82h: bit 0 for 8-bit, bit 1 for 16-bit transfers; above them the version of the DSP
    fn interrupt_status(&self) -> u8 {
        let (irq8, irq16) = self.card.dsp.interrupts();
        let status = |is_set, bit| if is_set { bit } else { 0 };
        status(irq8, spec::STATUS_8) | status(irq16, spec::STATUS_16) | 0x40
    }

    fn read(&mut self, now: VmTime, port: u16) -> u8 {
        let offset = port.wrapping_sub(self.base);
        let Card { dsp, mixer } = &mut self.card;
        match offset {
            0..=3 => self.fm.read(now, offset),
            8 | 9 => self.fm.read(now, offset - 8),
            port::MIXER_INDEX => mixer.index(),
            port::MIXER_DATA if mixer.index() == spec::mixer::STATUS => self.interrupt_status(),
            port::MIXER_DATA => mixer.read(),
            port::READ_DATA => dsp.read_data(),
            // The DSP takes whatever comes at once.
            port::WRITE => !spec::STATUS,
            port::READ_STATUS => {
                dsp.acknowledge(false);
                dsp.read_status()
            }
            port::ACKNOWLEDGE_16 => {
                dsp.acknowledge(true);
                0xff
            }
            _ if Fm::PORTS.start <= port => self.fm.read(now, port - Fm::PORTS.start),
            _ => 0xff,
        }
    }

    fn write(&mut self, ctx: &mut Ctx<'_>, port: u16, value: u8) {
        let offset = port.wrapping_sub(self.base);
        let now = ctx.now;
        match offset {
            0..=3 => self.fm.write(now, offset, value),
            8 | 9 => self.fm.write(now, offset - 8, value),
            port::MIXER_INDEX => self.card.mixer.set_index(value),
            port::MIXER_DATA => {
                self.release(ctx);
                self.card.mixer.write(value);
                self.fm.set_gain(self.card.mixer.gain(spec::mixer::MIDI));
            }
            port::RESET => {
                self.release(ctx);
                self.card.dsp.write_reset(value);
            }
            port::WRITE => {
                self.release(ctx);
                let before = self.card.dsp.direct();
                self.card.dsp.write(now, value);
                self.play_direct(before, now);
            }
            _ if (spec::PORTS..).contains(&offset) && Fm::PORTS.start <= port => {
                self.fm.write(now, port - Fm::PORTS.start, value);
            }
            _ => {}
        }
    }

    /// Plays the sample that the converter held until it was given another.
    fn play_direct(&mut self, before: Option<Direct>, now: VmTime) {
        let (Some(before), Some(after)) = (before, self.card.dsp.direct()) else { return };
        if after.since == before.since || now.since(before.since) > LONGEST_DIRECT {
            return;
        }
        let (first, end) = (before.since.ticks(DIRECT_RATE.into()), now.ticks(DIRECT_RATE.into()));
        let sample = (i16::from(before.sample) - 0x80) << 8;
        let mut frames = vec![[sample; 2]; end.saturating_sub(first) as usize];
        self.play(VmTime::at_tick(first, DIRECT_RATE.into()), DIRECT_RATE, &mut frames);
    }

    fn play(&mut self, at: VmTime, rate: u32, frames: &mut [SoundFrame]) {
        let gain = self.card.mixer.gain(spec::mixer::VOICE);
        let Some(voice) = self.voice.as_mut().filter(|_| !frames.is_empty()) else { return };
        for frame in frames.iter_mut() {
            for (sample, gain) in frame.iter_mut().zip(gain) {
                *sample = (i32::from(*sample) * gain / 32_768) as i16;
            }
        }
        voice.play(at, rate, frames);
    }
}

impl Device for Sb16 {
    capabilities!(pio, timed, dma_peripheral);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.release(ctx);
        self.card = Card { dsp: Dsp::default(), mixer: self.built.clone() };
        self.fm.reset(ctx.now);
        self.fm.set_gain(self.card.mixer.gain(spec::mixer::MIDI));
    }
}

impl Pio for Sb16 {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.catch_up(ctx.now);
        let value = lanes::read(port, size, |port| self.read(ctx.now, port));
        self.drive(ctx);
        value
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.catch_up(ctx.now);
        lanes::write(port, size, value, |port, byte| self.write(ctx, port, byte));
        self.drive(ctx);
    }
}

impl Timed for Sb16 {
    fn next_deadline(&self) -> Option<VmTime> {
        [self.card.dsp.next_deadline(), self.fm.next_deadline()].into_iter().flatten().min()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx.now);
        self.drive(ctx);
    }
}

impl DmaPeripheral for Sb16 {
    fn channel(&self) -> u8 {
        let mixer = &self.card.mixer;
        if self.card.dsp.request().1 { mixer.dma16() } else { mixer.dma8() }
    }
    fn to_memory(&mut self, ctx: &mut Ctx<'_>, bytes: &mut [u8]) -> usize {
        let channel = self.channel();
        let moved = self.card.dsp.give(bytes);
        ctx.lines.dma_request(channel, false);
        self.drive(ctx);
        moved
    }
    fn from_memory(&mut self, ctx: &mut Ctx<'_>, bytes: &[u8]) -> usize {
        let channel = self.channel();
        let (moved, frames) = self.card.dsp.take(bytes);
        if let Some((at, rate, mut frames)) = frames {
            self.play(at, rate, &mut frames);
        }
        ctx.lines.dma_request(channel, false);
        self.drive(ctx);
        moved
    }
    /// The DSP has its own count.
    fn terminal_count(&mut self, _ctx: &mut Ctx<'_>) {}
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Sound Blaster 16: DSP 4.05, CT1745 mixer, OPL3",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    properties: &[
        Property {
            name: "iobase",
            kind: PropertyKind::Number { min: 0x210, max: 0x280 },
            default: Some("0x220"),
            summary: "first port; 0x240, 0x260 and 0x280 are the others of the card",
        },
        Property {
            name: "irq",
            kind: PropertyKind::Choice(&["5", "7", "9", "10"]),
            default: Some("5"),
            summary: "interrupt line; guests can change it",
        },
        Property {
            name: "dma",
            kind: PropertyKind::Choice(&["0", "1", "3"]),
            default: Some("1"),
            summary: "DMA channel of bytes; guests can change it",
        },
        Property {
            name: "dma16",
            kind: PropertyKind::Choice(&["5", "6", "7"]),
            default: Some("5"),
            summary: "DMA channel of words; guests can change it",
        },
        Property {
            name: "audiodev",
            kind: PropertyKind::Backend(Role::Sound),
            default: None,
            summary: "where it is heard; without it nothing is",
        },
    ],
    build: Sb16::build,
    ..DeviceDecl::DEFAULT
});
