//! The buses with devices made for the purpose.

use super::{BoardConfig, BusCall, BusEnv, BusError, DeviceSet};
use device_api::{
    Backends, Ctx, Delivery, Device, DeviceDecl, DmaMemory, InterruptMessage, IrqInputs, IrqLine,
    LegacyController, Mmio, MmioRange, Pio, PortRange, Snapshot, Stage, Timed, VmTime, capabilities,
};
use guest_memory::GuestMemory;
use std::rc::Rc;
use x86_types::GuestPhysAddr;

/// A device that records accesses: ports 10h to 13h, memory at D0000000h, line 5 on a write, a deadline every 100 ns.
struct Probe {
    id: &'static str,
    last: u64,
    next: VmTime,
    seen: Vec<(IrqLine, bool)>,
}

impl Snapshot for Probe {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend(self.last.to_le_bytes());
    }
    fn load(&mut self, _: &mut &[u8]) -> Option<()> {
        None
    }
}

impl Device for Probe {
    capabilities!(pio, mmio, timed, irq_inputs, legacy_controller);

    fn id(&self) -> &'static str {
        self.id
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {
        self.last = 0;
    }
}

impl Pio for Probe {
    fn port_read(&mut self, _: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.last as u32 ^ u32::from(port) ^ u32::from(size) << 16
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, _: u16, _: u8, value: u32) {
        self.last = u64::from(value);
        ctx.lines.set(IrqLine(5), value & 1 != 0);
        let message = InterruptMessage {
            destination: 0,
            logical: false,
            delivery: Delivery::Fixed,
            vector: 0x40,
            level: false,
        };
        ctx.messages.push(message);
    }
}

impl Mmio for Probe {
    fn mmio_read(&mut self, _: &mut Ctx<'_>, address: GuestPhysAddr, _: u8) -> u64 {
        address.0
    }
    fn mmio_write(&mut self, _: &mut Ctx<'_>, _: GuestPhysAddr, _: u8, value: u64) {
        self.last = value;
    }
}

impl Timed for Probe {
    fn next_deadline(&self) -> Option<VmTime> {
        Some(self.next)
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.next = ctx.now + 100;
    }
}

impl IrqInputs for Probe {
    fn irq_changed(&mut self, _: &mut Ctx<'_>, line: IrqLine, high: bool) {
        self.seen.push((line, high));
    }
}

impl LegacyController for Probe {
    fn intr(&self) -> bool {
        self.seen.last().is_some_and(|&(_, high)| high)
    }
    fn acknowledge(&mut self) -> u8 {
        self.seen.clear();
        0x35
    }
}

fn probe(id: &'static str) -> Box<dyn Device> {
    Box::new(Probe { id, last: 0, next: VmTime(100), seen: Vec::new() })
}

const PORTS: &[PortRange] = &[PortRange { start: 0x10, len: 4 }];
const MEMORY: &[MmioRange] = &[MmioRange { start: GuestPhysAddr(0xd000_0000), len: 0x100 }];

static ONE: DeviceDecl = DeviceDecl {
    id: "one",
    summary: "",
    stage: Stage::Peripherals,
    ports: PORTS,
    mmio: MEMORY,
    build: |_| Ok(probe("one")),
    ..DeviceDecl::DEFAULT
};
static BESIDE: DeviceDecl = DeviceDecl {
    id: "beside",
    summary: "",
    stage: Stage::Peripherals,
    ports: &[PortRange { start: 0x20, len: 4 }],
    build: |_| Ok(probe("beside")),
    ..DeviceDecl::DEFAULT
};
static SAME_PORTS: DeviceDecl = DeviceDecl {
    id: "two",
    summary: "",
    stage: Stage::Peripherals,
    ports: &[PortRange { start: 0x13, len: 1 }],
    build: |_| Ok(probe("two")),
    ..DeviceDecl::DEFAULT
};
static SAME_MEMORY: DeviceDecl = DeviceDecl {
    id: "three",
    summary: "",
    stage: Stage::Peripherals,
    ports: &[],
    mmio: &[MmioRange { start: GuestPhysAddr(0xcfff_ffff), len: 2 }],
    build: |_| Ok(probe("three")),
    ..DeviceDecl::DEFAULT
};

pub(super) fn memory() -> Rc<GuestMemory> {
    let Ok(memory) = GuestMemory::new(1 << 20) else { panic!("a megabyte") };
    Rc::new(memory)
}

fn build(decls: &[&'static DeviceDecl]) -> Result<(DeviceSet, BusEnv), BusError> {
    let mut config = BoardConfig {
        epoch_seconds: 0,
        processors: 1,
        devices: &[],
        left_out: &[],
        backends: &mut Backends::default(),
    };
    let memory = memory();
    let mut env = BusEnv::new(&memory);
    DeviceSet::build_from(decls, &mut config, &memory, &mut env).map(|set| (set, env))
}

/// No memory for bus masters.
pub(super) struct NoDma;

impl DmaMemory for NoDma {
    fn read(&mut self, _: GuestPhysAddr, _: &mut [u8]) {}
    fn write(&mut self, _: GuestPhysAddr, _: &[u8]) {}
}

#[test]
fn conflicts_name_both_owners() {
    let Err(error) = build(&[&ONE, &SAME_PORTS]) else { panic!("two owners of a port") };
    assert_eq!(error.to_string(), "devices one and two both claim port 0x13; leave one out");
    let Err(error) = build(&[&ONE, &SAME_MEMORY]) else { panic!("two owners of an address") };
    assert_eq!(error.to_string(), "one and three both claim memory at 0xd0000000; leave one out");
}

#[test]
fn accesses_reach_their_owner_and_nobody_reads_as_ones() {
    let Ok((mut set, mut env)) = build(&[&ONE]) else { panic!("one device alone") };
    let call = &mut BusCall { env: &mut env, dma: &mut NoDma, now: VmTime(0) };
    set.port_write(call, 0x10, 2, 0xabcd_1234);
    assert_eq!(set.port_read(call, 0x11, 1), 0x34 ^ 0x11, "the value is cut to the access");
    assert_eq!(set.port_read(call, 0x14, 2), 0xffff);
    assert_eq!(set.mmio_read(call, GuestPhysAddr(0xd000_00ff), 4), 0xd000_00ff);
    assert_eq!(set.mmio_read(call, GuestPhysAddr(0xd000_0100), 4), 0xffff_ffff);
    assert_eq!(set.mmio_read(call, GuestPhysAddr(0xcfff_ffff), 1), 0xff);
}

#[test]
fn lines_reach_the_controller_and_its_vector_the_processor() {
    let Ok((mut set, mut env)) = build(&[&ONE]) else { panic!("one device alone") };
    let call = &mut BusCall { env: &mut env, dma: &mut NoDma, now: VmTime(0) };
    assert!(!set.pending(0).interrupt);
    set.port_write(call, 0x10, 1, 1);
    assert!(call.env.messages.is_empty(), "messages without a destination are dropped");
    assert!(set.pending(0).interrupt);
    assert_eq!(set.acknowledge(call), Some(0x35));
    assert!(!set.pending(0).interrupt);
    assert_eq!(set.acknowledge(call), None);
}

#[test]
fn two_devices_share_a_line() {
    let Ok((mut set, mut env)) = build(&[&ONE, &BESIDE]) else { panic!("two devices") };
    let call = &mut BusCall { env: &mut env, dma: &mut NoDma, now: VmTime(0) };
    for (port, value, high) in [(0x10, 1, true), (0x20, 1, true), (0x10, 0, true), (0x20, 0, false)] {
        set.port_write(call, port, 1, value);
        assert_eq!(set.pending(0).interrupt, high, "{value} to {port:#x}");
    }
}

#[test]
fn deadlines_are_kept() {
    let Ok((mut set, mut env)) = build(&[&ONE]) else { panic!("one device alone") };
    let call = &mut BusCall { env: &mut env, dma: &mut NoDma, now: VmTime(0) };
    assert_eq!(set.next_deadline(), Some(VmTime(100)));
    call.now = VmTime(99);
    set.advance(call);
    assert_eq!(set.next_deadline(), Some(VmTime(100)));
    call.now = VmTime(130);
    set.advance(call);
    assert_eq!(set.next_deadline(), Some(VmTime(230)));
}
