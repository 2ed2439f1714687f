//! Traffic that knows where devices are: bursts at one device's registers, PCI configuration, descriptors in memory, input.

use super::{RAM, Random};
use block::Memory;
use device_api::{
    Backends, DeviceSpec, Frame, HostEvent, InputEvent, KeyCode, PointerButton, PortRange, declarations,
};
use machine::Machine;
use x86_exec::VcpuBus;
use x86_types::GuestPhysAddr;

/// Accesses of a burst at most.
const BURST: u64 = 200;
/// Where bursts leave descriptors and buffers for bus masters.
const BUFFERS: u64 = 0x20_0000;

/// Returns every model that a PC can have at once, and the media behind them.
pub(super) fn devices() -> (Vec<DeviceSpec>, Backends) {
    let mut backends = Backends::default();
    let disk =
        |sectors: usize, size: usize| (0..sectors * size).map(|n| (n / size) as u8).collect::<Vec<_>>();
    for (id, bytes, read_only) in [
        ("disk", disk(512, 512), false),
        ("cd", disk(64, 2048), true),
        ("floppy", vec![0xf6; 1_474_560], false),
    ] {
        backends.blocks.insert(id.to_owned(), Box::new(Memory::new(bytes, read_only)));
    }
    backends.sounds.insert("sound".to_owned(), Box::new(session::sound::Mixer::new(44_100)));
    backends.nets.insert("net".to_owned(), Box::new(net::UserNet::new(net::Config::default())));
    let specs = vec![
        DeviceSpec::new("isa-serial"),
        DeviceSpec::new("isa-parallel"),
        DeviceSpec::new("isa-debugcon"),
        DeviceSpec::new("isa-debug-exit").with("iobase", 0xf4).with("iosize", 4),
        DeviceSpec::new("VGA"),
        DeviceSpec::new("sb16").with("audiodev", "sound"),
        DeviceSpec::new("ide-hd").with("drive", "disk").with("bus", "ide.0").with("unit", 0),
        DeviceSpec::new("ide-cd").with("drive", "cd").with("bus", "ide.1").with("unit", 0),
        DeviceSpec::new("floppy").with("drive", "floppy").with("unit", 0),
        DeviceSpec::new("e1000").with("netdev", "net"),
        DeviceSpec::new("edu"),
    ];
    (specs, backends)
}

/// A number as registers like it: a command, a count, an address of the buffers, anything.
fn value(random: &mut Random) -> u64 {
    match random.below(5) {
        0 => random.below(4),
        1 => 1 << random.below(32),
        2 => BUFFERS + 4 * random.below(0x400),
        3 => random.below(0x100),
        _ => random.value(),
    }
}

/// Fills a part of the buffers: with PRDs that fit, with small numbers, or at random.
fn buffers(random: &mut Random, machine: &Machine) {
    for n in 0..64 {
        let word = match random.below(3) {
            0 => (BUFFERS + 0x1000 * random.below(16)) | random.below(0x1000) << 32 | random.below(2) << 63,
            1 => random.below(0x40) | random.below(0x40) << 32,
            _ => random.next(),
        };
        machine.memory().write_u64(GuestPhysAddr(BUFFERS + 8 * n), word);
    }
}

/// Writes a register of a PCI function; bars and commands more often than others.
fn configure(random: &mut Random, bus: &mut impl VcpuBus, now: u64) {
    let slot = if random.one_in(8) { random.below(32) } else { random.below(4) };
    let register = [0x04, 0x10, 0x14, 0x18, 0x20, 0x30, 0x3c, 0x40, 0x58, 0x60, 0x72];
    let at = if random.one_in(3) { random.below(0x100) } else { register[random.below(11) as usize] };
    let address = 0x8000_0000 | slot << 11 | random.below(4) << 8 | at & !3;
    bus.port_write(now, 0xcf8, 4, address as u32);
    let size = 1 << random.below(3);
    let value = match at {
        0x04 => 7,
        0x10..=0x30 if random.one_in(2) => (0xc000 | random.below(0x40) << 4) | random.below(2) << 31,
        _ => value(random),
    };
    bus.port_write(now, 0xcfc + (at & 3) as u16, size, value as u32);
    let _ = bus.port_read(now, 0xcfc, 4);
}

/// A burst at the ports of one device, near one another.
fn burst(random: &mut Random, bus: &mut impl VcpuBus, now: u64) {
    let mut ranges: Vec<_> = declarations().iter().flat_map(|decl| decl.ports).copied().collect();
    // Devices whose ports are where their options say
    ranges.extend([PortRange { start: 0x220, len: 16 }, PortRange { start: 0x388, len: 4 }]);
    let Some(range) = ranges.get(random.below(ranges.len() as u64) as usize) else { return };
    let mut port = range.start;
    let mut data = [0; 512];
    for _ in 0..random.below(BURST) {
        // A FIFO or an index and its data are written again and again.
        if random.one_in(3) {
            port = range.start.wrapping_add(random.below(range.len.into()) as u16);
        }
        let size = if random.one_in(3) { 1 << random.below(3) } else { 1 };
        match random.below(8) {
            0..3 => drop(bus.port_read(now, port, size)),
            3 => drop(bus.port_read_block(now, port, size, &mut data)),
            4 => drop(bus.port_write_block(now, port, size, &data)),
            _ => bus.port_write(now, port, size, value(random) as u32),
        }
    }
}

fn memory_traffic(random: &mut Random, bus: &mut impl VcpuBus, now: u64) {
    let bases = [0xa_0000, 0xb_8000, 0xc_0000, 0xe000_0000, 0xc000_0000, 0xfed0_0000, 0xfee0_0000];
    let base = bases[random.below(7) as usize];
    for _ in 0..random.below(BURST) {
        let at = GuestPhysAddr(base + random.below(0x1_0000));
        let size = 1 << random.below(4);
        match random.one_in(2) {
            true => drop(bus.mmio_read(now, at, size)),
            false => bus.mmio_write(now, at, size, random.next()),
        }
    }
}

fn input(random: &mut Random) -> HostEvent {
    let keys = KeyCode::ALL;
    let event = match random.below(4) {
        0 => InputEvent::Move { dx: random.next() as i32, dy: random.next() as i32 },
        1 => InputEvent::Wheel { dz: random.next() as i32 },
        2 => InputEvent::Button { button: PointerButton::Left, down: random.one_in(2) },
        _ => InputEvent::Key { code: keys[random.below(keys.len() as u64) as usize], down: random.one_in(2) },
    };
    HostEvent::Input(event)
}

/// Bursts of all kinds, one after the other.
pub(super) fn traffic(random: &mut Random, machine: &mut Machine, frame: &mut Frame) {
    buffers(random, machine);
    for _ in 0..random.below(8) {
        let now = machine.vcpu().retired();
        match random.below(6) {
            0 => configure(random, &mut machine.bus(), now),
            1 => memory_traffic(random, &mut machine.bus(), now),
            2 => machine.host_event(input(random)),
            _ => burst(random, &mut machine.bus(), now),
        }
    }
    if random.one_in(8) {
        machine.render(frame);
        machine.screen_text();
        let mut bytes = [0; 64];
        machine.peek(GuestPhysAddr(random.below(RAM)), &mut bytes);
    }
}
