//! QEMU's standard VGA: a VGA with the Bochs display interface as a PCI function.

mod bar2;
mod cells;
mod chip;
mod dac;
mod dispi;
mod draw;
mod edid;
mod mode;
mod spec;
#[cfg(test)]
mod tests;
mod timing;
mod view;
mod window;

use crate::codec::Codec;
use crate::lanes;
use chip::Chip;
use device_api::pci::{Bar, ConfigSpace, Identity, ROM_BAR};
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, Frame, Mmio, PciFunction, Pio, PortRange, Presence,
    Property, PropertyKind, Role, Screen, Snapshot, TextScreen, VmTime, capabilities, config_space,
    declare_device,
};
use guest_memory::{GuestMemory, MapId, Priority, Region};
use mode::Mode;
use spec::{WINDOW, WINDOW_LEN, bar2 as offsets, port};
use view::View;
use window::{PlainWindow, Vram};
use x86_types::{GuestPhysAddr, RamAddr};

const ID: &str = "VGA";

/// Base address register of the frame buffer.
const FRAME_BUFFER: u8 = 0;
/// Base address register of the registers.
const REGISTERS: usize = 2;

/// The adapter.
pub struct Vga {
    chip: Chip,
    config: ConfigSpace,
    video: Video,
    rom: Option<RamAddr>,
    edid: Option<Box<[u8; edid::LEN]>>,
    /// Plain part of the display buffer, over its registers
    plain: MapId,
    /// What is mapped there
    mapped: Option<PlainWindow>,
    view: View,
}

/// Where video memory is.
#[derive(Clone, Copy)]
struct Video {
    start: RamAddr,
    len: u32,
}

/// Video memory in reach.
struct VideoMemory<'a> {
    memory: &'a GuestMemory,
    video: Video,
}

impl VideoMemory<'_> {
    fn at(&self, at: u32) -> RamAddr {
        self.video.start.wrapping_add(at.into())
    }
}

impl Vram for VideoMemory<'_> {
    fn len(&self) -> u32 {
        self.video.len
    }
    #[inline]
    fn word(&self, at: u32) -> u32 {
        self.memory.ram_value(self.at(at & !3), 4) as u32
    }
    #[inline]
    fn set_word(&mut self, at: u32, value: u32) {
        let at = self.at(at & !3);
        self.memory.record_write(at, 4);
        self.memory.set_ram_value(at, 4, value.into());
    }
    fn byte(&self, at: u32) -> u8 {
        self.memory.ram_value(self.at(at), 1) as u8
    }
    fn set_byte(&mut self, at: u32, value: u8) {
        let at = self.at(at);
        self.memory.record_write(at, 1);
        self.memory.set_ram_value(at, 1, value.into());
    }
    fn copy(&self, at: u32, bytes: &mut [u8]) {
        self.memory.ram_read(self.at(at), bytes);
    }
}

impl Vga {
    /// SPEC: qemu-standard-vga :: PCI spec -> 1234:1111; region 0 frame buffer, region 2 registers, the video BIOS as expansion ROM
    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        let number = |name| config.properties.number(name).unwrap_or(0) as u32;
        let megabytes = number("vgamem_mb").clamp(1, MAX_MEGABYTES as u32).next_power_of_two();
        let size = (number("xres"), number("yres"));
        let edid = config.properties.is_on("edid").then(|| Box::new(edid::edid(size.0, size.1)));
        let video = Video { start: allocate(config, u64::from(megabytes) << 20)?, len: megabytes << 20 };
        config.memory.log_writes(video.start);
        let mut space = ConfigSpace::new(Identity {
            vendor: 0x1234,
            device: 0x1111,
            revision: 2,
            class: 0x03_00_00,
            subsystem: (0x1af4, 0x1100),
            multifunction: false,
        })
        .with_bar(usize::from(FRAME_BUFFER), Bar::Memory32 { len: video.len, prefetchable: true })
        .with_bar(REGISTERS, Bar::Memory32 { len: offsets::LEN, prefetchable: false });
        let rom = match config.take_image("romfile")? {
            None => None,
            Some(image) if image.is_empty() || image.len() > MAX_ROM => {
                return Err(config.error(format!(
                    "romfile has {} bytes; a video BIOS has up to {} KiB",
                    image.len(),
                    MAX_ROM >> 10
                )));
            }
            Some(image) => {
                let len = image.len().next_power_of_two().max(0x1000) as u32;
                space = space.with_bar(ROM_BAR, Bar::Rom { len });
                let at = allocate(config, len.into())?;
                config.memory.ram_write(at, &image);
                Some(at)
            }
        };
        let map = |range, region| {
            let mapped = config.memory.map(ID, Priority::Overlay, range, region);
            mapped.map_err(|error| config.error(error.to_string()))
        };
        map((GuestPhysAddr(WINDOW), WINDOW_LEN), Region::mmio(config.device))?;
        let plain = map((GuestPhysAddr(WINDOW), 0), Region::UNASSIGNED)?;
        Ok(Box::new(Self {
            chip: Chip::new(),
            config: space.built(),
            video,
            rom,
            edid,
            plain,
            mapped: None,
            view: View::default(),
        }))
    }

    fn memory<'a>(&self, memory: &'a GuestMemory) -> VideoMemory<'a> {
        VideoMemory { memory, video: self.video }
    }

    /// Maps the display buffer as memory where it is plain bytes, so that accesses to it take no call.
    fn map_plain_window(&mut self, memory: &GuestMemory) {
        let plain = self.chip.plain_window(self.video.len);
        if plain == self.mapped {
            return;
        }
        let PlainWindow { start, len, vram } = plain.unwrap_or(PlainWindow { start: 0, len: 0, vram: 0 });
        let range = (GuestPhysAddr(WINDOW + u64::from(start)), len.into());
        let region = Region::ram(self.video.start.wrapping_add(vram.into()));
        match memory.remap(self.plain, range, region) {
            Ok(()) => self.mapped = plain,
            // Without it accesses come here one by one.
            Err(error) => tracing::debug!(%error, "the display buffer cannot be mapped"),
        }
    }

    fn write_vga_port(&mut self, memory: &GuestMemory, at: u16, value: u8) {
        self.chip.write_port(at, value);
        if matches!(at, port::SEQUENCER_DATA | port::GRAPHICS_DATA | port::MISC_WRITE) {
            self.map_plain_window(memory);
        }
    }

    fn write_dispi(&mut self, memory: &GuestMemory, value: u16) {
        let clear = u64::from(self.chip.write_dispi(value, self.video.len));
        if clear > 0 {
            memory.record_write(self.video.start, clear);
            memory.ram_fill(self.video.start, clear, 0);
        }
        self.map_plain_window(memory);
    }
}

fn allocate(config: &BuildConfig<'_>, len: u64) -> Result<RamAddr, DeviceError> {
    config.memory.allocate(len).map_err(|error| config.error(error.to_string()))
}

/// The registers; video memory is guest memory, which saves itself.
impl Snapshot for Vga {
    fn save(&self, out: &mut Vec<u8>) {
        let Self { chip, config, video: _, rom: _, edid: _, plain: _, mapped: _, view: _ } = self;
        chip.put(out);
        config.save(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let chip = Chip::get(&mut rest)?;
        self.config.load(&mut rest)?;
        self.chip = chip;
        self.view.invalidate();
        *bytes = rest;
        Some(())
    }
}

impl Device for Vga {
    capabilities!(pio, mmio, pci, screen);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.chip = Chip::new();
        self.config.reset();
        self.map_plain_window(ctx.memory);
    }
    fn map_restored(&mut self, memory: &GuestMemory) {
        self.map_plain_window(memory);
    }
}

impl PciFunction for Vga {
    config_space!(config);

    fn backing(&self, bar: u8) -> Option<Region> {
        match usize::from(bar) {
            ROM_BAR => self.rom.map(Region::rom),
            _ if bar == FRAME_BUFFER => Some(Region::ram(self.video.start)),
            _ => None,
        }
    }
}

impl Pio for Vga {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, at: u16, size: u8) -> u32 {
        match (at, size) {
            // SPEC: qemu-standard-vga :: IO ports used -> 1CEh index, 1CFh and 1D0h data, all of 16 bits
            (port::DISPI_INDEX, 4) => {
                u32::from(self.chip.dispi.index) | u32::from(self.chip.read_dispi(self.video.len)) << 16
            }
            (port::DISPI_INDEX, 2) => self.chip.dispi.index.into(),
            (port::DISPI_DATA | port::DISPI_DATA_EVEN, 2 | 4) => self.chip.read_dispi(self.video.len).into(),
            (port::DISPI_INDEX..=port::DISPI_DATA_EVEN, _) => u32::MAX,
            _ => lanes::read(at, size, |at| self.chip.read_port(ctx.now, at)),
        }
    }

    fn port_write(&mut self, ctx: &mut Ctx<'_>, at: u16, size: u8, value: u32) {
        match (at, size) {
            (port::DISPI_INDEX, 2 | 4) => {
                self.chip.dispi.index = value as u16;
                if size == 4 {
                    self.write_dispi(ctx.memory, (value >> 16) as u16);
                }
            }
            (port::DISPI_DATA | port::DISPI_DATA_EVEN, 2 | 4) => self.write_dispi(ctx.memory, value as u16),
            (port::DISPI_INDEX..=port::DISPI_DATA_EVEN, _) => {}
            _ => lanes::write(at, size, value, |at, byte| self.write_vga_port(ctx.memory, at, byte)),
        }
    }
}

impl Mmio for Vga {
    fn mmio_read(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64 {
        if let Some(offset) = self.register_offset(address) {
            return self.read_registers(ctx, offset, size);
        }
        let memory = self.memory(ctx.memory);
        (0..u32::from(size.min(8))).fold(0, |value, n| {
            let offset = (address.0.wrapping_sub(WINDOW) as u32).wrapping_add(n);
            value | u64::from(self.chip.read_window(&memory, offset)) << (8 * n)
        })
    }

    fn mmio_write(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64) {
        if let Some(offset) = self.register_offset(address) {
            return self.write_registers(ctx, offset, size, value);
        }
        let mut memory = self.memory(ctx.memory);
        for n in 0..u32::from(size.min(8)) {
            let offset = (address.0.wrapping_sub(WINDOW) as u32).wrapping_add(n);
            self.chip.write_window(&mut memory, offset, (value >> (8 * n)) as u8);
        }
    }

    fn peek(&self, memory: &GuestMemory, address: GuestPhysAddr) -> Option<u8> {
        let in_window = (WINDOW..WINDOW + spec::WINDOW_LEN).contains(&address.0)
            && self.register_offset(address).is_none();
        in_window.then(|| self.chip.peek_window(&self.memory(memory), (address.0 - WINDOW) as u32))
    }
}

impl Screen for Vga {
    fn render(&mut self, memory: &GuestMemory, now: VmTime, frame: &mut Frame) {
        if let Some(dirty) = memory.take_dirty(self.video.start) {
            dirty.pages().for_each(|offset| self.view.mark_page(offset));
        }
        self.view.render(&self.chip, &self.memory(memory), now, frame);
    }

    fn text(&self, memory: &GuestMemory) -> Option<TextScreen> {
        match self.chip.mode(self.video.len) {
            Mode::Text(raster, colors) => {
                Some(cells::text_screen(&self.memory(memory), &raster, &colors, self.chip.cursor()))
            }
            _ => None,
        }
    }

    fn size(&self, _memory: &GuestMemory) -> Option<(u32, u32)> {
        self.chip.mode(self.video.len).size()
    }
}

/// Largest video memory.
const MAX_MEGABYTES: u64 = 256;
/// Largest video BIOS, in bytes.
const MAX_ROM: usize = 1 << 20;

declare_device!(DeviceDecl {
    id: ID,
    summary: "QEMU's standard VGA: VGA, Bochs display interface up to 2560x1600, linear frame buffer",
    presence: Presence::OnRequest,
    properties: &[
        Property {
            name: "vgamem_mb",
            kind: PropertyKind::Number { min: 1, max: MAX_MEGABYTES },
            default: Some("16"),
            summary: "MiB of video memory, made a power of two",
        },
        Property {
            name: "romfile",
            kind: PropertyKind::Backend(Role::Image),
            default: None,
            summary: "video BIOS, as vgabios-stdvga.bin",
        },
        Property {
            name: "edid",
            kind: PropertyKind::Bool,
            default: Some("on"),
            summary: "guests can read what the monitor shows",
        },
        Property {
            name: "xres",
            kind: PropertyKind::Number { min: 8, max: spec::dispi::MAX_XRES as u64 },
            default: Some("1280"),
            summary: "width that the monitor prefers",
        },
        Property {
            name: "yres",
            kind: PropertyKind::Number { min: 8, max: spec::dispi::MAX_YRES as u64 },
            default: Some("800"),
            summary: "height that the monitor prefers",
        },
    ],
    ports: &[
        PortRange { start: port::CRTC_INDEX[1], len: 2 },
        PortRange { start: port::STATUS[1], len: 1 },
        PortRange { start: port::ATTRIBUTE, len: 16 },
        PortRange { start: port::CRTC_INDEX[0], len: 2 },
        PortRange { start: port::STATUS[0], len: 1 },
        PortRange { start: port::DISPI_INDEX, len: 3 },
    ],
    build: Vga::build,
    ..DeviceDecl::DEFAULT
});
