//! Traffic directed at devices: bursts at one device's registers, PCI configuration, descriptors in memory, input,
//! changes of media. Addresses are taken from the machine's map.

use super::backends::{Chaos, Medium};
use super::{RAM, Random};
use block::Memory;
use device_api::{Frame, HostEvent, InputEvent, KeyCode, PciAddress, PointerButton, PortRange};
use guest_memory::Backing;
use machine::Machine;
use x86_exec::VcpuBus;
use x86_types::GuestPhysAddr;

/// Accesses of a burst at most.
const BURST: u64 = 200;
/// Where bursts leave descriptors and buffers for bus masters.
const BUFFERS: u64 = 0x20_0000;
/// Bytes of a device's memory that one burst reaches.
const REACH: u64 = 0x1_0000;

/// Where a machine's devices answer at this moment.
struct Map {
    ports: Vec<PortRange>,
    /// Start and length
    memory: Vec<(GuestPhysAddr, u64)>,
    functions: Vec<PciAddress>,
}

impl Map {
    fn of(machine: &mut Machine) -> Self {
        let regions = machine.memory().regions().into_iter();
        let memory = regions
            .filter(|(.., region)| {
                [region.read, region.write].iter().any(|backing| matches!(backing, Backing::Mmio(_)))
            })
            .map(|(start, len, _)| (start, len))
            .collect();
        let functions = machine.pci_functions().into_iter().map(|function| function.address).collect();
        Self { ports: machine.assigned_ports(), memory, functions }
    }
}

/// Returns one of several, if there are any.
fn one_of<'a, T>(random: &mut Random, all: &'a [T]) -> Option<&'a T> {
    all.get(random.below(all.len() as u64) as usize)
}

/// Returns a number as registers like it: a command, a count, an address of the buffers, anything.
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
fn configure(random: &mut Random, functions: &[PciAddress], bus: &mut impl VcpuBus, now: u64) {
    let anywhere = PciAddress { slot: random.below(32) as u8, function: random.below(8) as u8 };
    let known = one_of(random, functions).copied();
    let PciAddress { slot, function } = if random.one_in(8) { anywhere } else { known.unwrap_or(anywhere) };
    let register = [0x04, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30, 0x3c, 0x40, 0x58, 0x60, 0x72];
    let at = if random.one_in(3) { random.below(0x100) } else { *one_of(random, &register).unwrap_or(&4) };
    let address = 0x8000_0000 | u64::from(slot) << 11 | u64::from(function) << 8 | at & !3;
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

/// A burst at ports of one device, near one another.
fn burst(random: &mut Random, ports: &[PortRange], bus: &mut impl VcpuBus, now: u64) {
    let Some(range) = one_of(random, ports) else { return };
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

/// A burst at memory of one device. Registers are dwords more often than not.
fn memory_traffic(random: &mut Random, memory: &[(GuestPhysAddr, u64)], bus: &mut impl VcpuBus, now: u64) {
    let Some(&(start, len)) = one_of(random, memory) else { return };
    let within = random.below(len.div_ceil(REACH)) * REACH;
    let mut offset = within;
    for _ in 0..random.below(BURST) {
        if random.one_in(3) {
            offset = within + random.below(REACH.min(len - within));
        } else if random.one_in(2) {
            offset &= !3;
        }
        let size = if random.one_in(2) { 4 } else { 1 << random.below(4) };
        let at = start.wrapping_add(offset);
        match random.one_in(2) {
            true => drop(bus.mmio_read(now, at, size)),
            false => bus.mmio_write(now, at, size, value(random)),
        }
    }
}

fn input(random: &mut Random) -> HostEvent {
    let button = [PointerButton::Left, PointerButton::Right, PointerButton::Middle];
    let event = match random.below(6) {
        0 => InputEvent::Move { dx: random.next() as i32, dy: random.next() as i32 },
        1 => InputEvent::Wheel { dz: random.next() as i32 },
        2 => InputEvent::Button { button: button[random.below(3) as usize], down: random.one_in(2) },
        3 => return HostEvent::CharInput,
        4 if random.one_in(16) => return HostEvent::PowerButton,
        _ => {
            let code = one_of(random, KeyCode::ALL).copied().unwrap_or(KeyCode::ALL[0]);
            InputEvent::Key { code, down: random.one_in(2) }
        }
    };
    HostEvent::Input(event)
}

/// Takes a medium out of a drive, or puts one in, of any size.
fn change_medium(random: &mut Random, machine: &mut Machine, chaos: &Chaos) {
    let drives = machine.drives();
    let Some(drive) = one_of(random, &drives) else { return };
    let force = random.one_in(4);
    // What a drive refuses is as good as what it does.
    let _ = if random.one_in(2) {
        machine.eject(&drive.id, force)
    } else {
        let sizes = [1, 512, 2048, 160 << 10, 720 << 10, 1440 << 10, random.below(0x1_0000) as usize];
        let bytes = vec![random.next() as u8; sizes[random.below(7) as usize]];
        let medium = Medium::new(Memory::new(bytes, random.one_in(2)), chaos.clone());
        machine.insert(&drive.id, force, Box::new(medium))
    };
}

/// Bursts of all kinds, one after the other.
pub(super) fn traffic(random: &mut Random, machine: &mut Machine, chaos: &Chaos, frame: &mut Frame) {
    buffers(random, machine);
    let map = Map::of(machine);
    for _ in 0..random.below(8) {
        let now = machine.vcpu().retired();
        match random.below(8) {
            0 => configure(random, &map.functions, &mut machine.bus(), now),
            1 | 2 => memory_traffic(random, &map.memory, &mut machine.bus(), now),
            3 => machine.host_event(input(random)),
            4 if random.one_in(4) => change_medium(random, machine, chaos),
            _ => burst(random, &map.ports, &mut machine.bus(), now),
        }
    }
    if random.one_in(8) {
        machine.render(frame);
        machine.screen_text();
        for topic in ["pic", "lapic"] {
            machine.device_info(topic);
        }
        let mut bytes = [0; 64];
        machine.peek(GuestPhysAddr(random.below(RAM)), &mut bytes);
    }
}
