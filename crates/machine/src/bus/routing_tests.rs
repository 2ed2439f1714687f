//! Split accesses, moved pages, messages, the end of interrupts and snapshots, with devices made for the purpose.

use super::tests::{NoDma, memory};
use super::{BoardConfig, BusCall, BusEnv, BusError, Conflict, DeviceSet};
use ::snapshot::{Reader, SnapshotError, Writer};
use device_api::{
    Backends, Ctx, Delivery, Device, DeviceDecl, Driver, InterruptMessage, IrqInputs, IrqLine,
    LocalController, MachineEvent, Mmio, MmioRange, MsrAccess, Pio, PortRange, Snapshot, Stage, VmTime,
    capabilities,
};
use x86_exec::Pending;
use x86_types::GuestPhysAddr;

/// A device with eight bytes of memory at eight ports, which records the width of accesses.
struct Bytes {
    id: &'static str,
    bytes: [u8; 8],
    widest: u8,
}

impl Snapshot for Bytes {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend(self.bytes);
        out.push(self.widest);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let (state, rest) = bytes.split_first_chunk::<9>()?;
        // No access is wider: such a state is damaged.
        if state[8] > 4 {
            return None;
        }
        self.bytes.copy_from_slice(&state[..8]);
        self.widest = state[8];
        *bytes = rest;
        Some(())
    }
}

impl Device for Bytes {
    capabilities!(pio);

    fn id(&self) -> &'static str {
        self.id
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.bytes = [0; 8];
        ctx.events.push(MachineEvent::Reset);
    }
}

impl Pio for Bytes {
    fn port_read(&mut self, _: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.widest = self.widest.max(size);
        (0..size).fold(0, |value, lane| {
            let byte = self.bytes[usize::from(port.wrapping_add(u16::from(lane)) & 7)];
            value | u32::from(byte) << (8 * lane)
        })
    }
    fn port_write(&mut self, _: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.widest = self.widest.max(size);
        for lane in 0..size {
            self.bytes[usize::from(port.wrapping_add(u16::from(lane)) & 7)] = (value >> (8 * lane)) as u8;
        }
    }
}

/// A local APIC that keeps the last vector and ends it, as level-triggered, when its register 0 is written.
struct Apic {
    id: &'static str,
    apic_id: u32,
    base: u64,
    pending: Option<u8>,
    ended: Option<u8>,
    /// Software-enabled
    on: bool,
    legacy: bool,
    nmi: bool,
    startup: Option<u8>,
    init: bool,
}

impl Snapshot for Apic {
    fn save(&self, _: &mut Vec<u8>) {}
    fn load(&mut self, _: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

impl Device for Apic {
    capabilities!(mmio, local_controller);

    fn id(&self) -> &'static str {
        self.id
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {}
}

impl Mmio for Apic {
    fn mmio_read(&mut self, _: &mut Ctx<'_>, _: GuestPhysAddr, _: u8) -> u64 {
        u64::from(self.pending.unwrap_or(0)) | 0xa00
    }
    fn mmio_write(&mut self, _: &mut Ctx<'_>, address: GuestPhysAddr, _: u8, value: u64) {
        match address.0 & 0xfff {
            0 => self.ended = Some(value as u8),
            0xf0 => self.on = value & 0x100 != 0,
            // Masked for as long as the APIC is off.
            0x350 => self.legacy = self.on && value == 0x700,
            0x360 => self.nmi = self.on && value == 0x400,
            _ => {}
        }
    }
}

impl LocalController for Apic {
    fn pending(&self) -> Option<u8> {
        self.pending
    }
    fn acknowledge(&mut self, _: &mut Ctx<'_>) -> Option<u8> {
        self.pending.take()
    }
    fn accepts_legacy(&self) -> bool {
        self.legacy
    }
    fn message(&mut self, _: &mut Ctx<'_>, message: &InterruptMessage) -> bool {
        let mine = message.destination == self.apic_id || message.destination == 0xff;
        match message.delivery {
            _ if !mine => {}
            Delivery::Init => self.init = true,
            Delivery::StartUp => self.startup = Some(message.vector),
            _ => self.pending = Some(message.vector),
        }
        mine
    }
    fn nmi_pending(&self) -> bool {
        self.nmi
    }
    fn take_nmi(&mut self) -> bool {
        self.nmi
    }
    fn take_eoi_broadcast(&mut self) -> Option<u8> {
        self.ended.take()
    }
    fn cr8(&self) -> u8 {
        0
    }
    fn set_cr8(&mut self, _: &mut Ctx<'_>, _: u8) {}
    fn read_msr(&mut self, _: &mut Ctx<'_>, msr: u32) -> MsrAccess {
        if msr == 0x1b { MsrAccess::Handled(self.base) } else { MsrAccess::NotHandled }
    }
    fn write_msr(&mut self, _: &mut Ctx<'_>, _: u32, value: u64) -> MsrAccess {
        self.base = value;
        MsrAccess::Handled(0)
    }
    fn start_pending(&self) -> bool {
        self.init || self.startup.is_some()
    }
    fn take_startup(&mut self) -> Option<u8> {
        self.startup.take()
    }
    fn take_init(&mut self) -> bool {
        std::mem::take(&mut self.init)
    }
    fn apic_id(&self) -> u32 {
        self.apic_id
    }
    fn enabled(&self) -> bool {
        true
    }
    fn base(&self) -> u64 {
        self.base
    }
}

/// Sends line n as vector 30h + n, and again at the end of that vector while the line is high.
struct Sender {
    restless: bool,
    sent: u64,
}

impl Sender {
    fn send(&mut self, ctx: &mut Ctx<'_>, line: IrqLine) {
        self.sent += 1;
        ctx.messages.push(message(0, Delivery::Fixed, 0x30 + line.0));
    }
}

impl Snapshot for Sender {
    fn save(&self, _: &mut Vec<u8>) {}
    fn load(&mut self, _: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

impl Device for Sender {
    capabilities!(irq_inputs);

    fn id(&self) -> &'static str {
        "sender"
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {}
}

impl IrqInputs for Sender {
    fn irq_changed(&mut self, ctx: &mut Ctx<'_>, line: IrqLine, high: bool) {
        if self.restless {
            ctx.lines.set(line, !high);
        }
        if high {
            self.send(ctx, line);
        }
    }
    fn end_of_interrupt(&mut self, ctx: &mut Ctx<'_>, vector: u8) {
        let line = IrqLine(vector.wrapping_sub(0x30));
        if ctx.lines.level(line) {
            self.send(ctx, line);
        }
    }
}

fn message(destination: u32, delivery: Delivery, vector: u8) -> InterruptMessage {
    InterruptMessage { destination, logical: false, delivery, vector, level: true }
}

const fn decl(
    id: &'static str,
    ports: &'static [PortRange],
    mmio: &'static [MmioRange],
    build: device_api::Build,
) -> DeviceDecl {
    let stage = Stage::Peripherals;
    DeviceDecl { id, stage, ports, mmio, build, ..DeviceDecl::DEFAULT }
}

fn bytes(id: &'static str) -> Box<dyn Device> {
    Box::new(Bytes { id, bytes: [0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17], widest: 0 })
}

fn apic(id: &'static str, apic_id: u32) -> Box<dyn Device> {
    let apic = Apic {
        id,
        apic_id,
        base: 0xfee0_0000,
        pending: None,
        ended: None,
        on: false,
        legacy: false,
        nmi: false,
        startup: None,
        init: false,
    };
    Box::new(apic)
}

static LOW: DeviceDecl = decl("low", &[PortRange { start: 0x60, len: 2 }], &[], |_| Ok(bytes("low")));
static HIGH: DeviceDecl = decl("high", &[PortRange { start: 0x62, len: 4 }], &[], |_| Ok(bytes("high")));
static OVER: DeviceDecl =
    decl("over", &[PortRange { start: 0x61, len: 4 }, PortRange { start: 0xfffe, len: 4 }], &[], |_| {
        Ok(bytes("over"))
    });
/// As CONFIG_ADDRESS: one port, accessed as a doubleword; the next port is another's.
static ADDRESS: DeviceDecl =
    decl("address", &[PortRange { start: 0xcf8, len: 1 }], &[], |_| Ok(bytes("address")));
static INSIDE: DeviceDecl =
    decl("inside", &[PortRange { start: 0xcf9, len: 1 }], &[], |_| Ok(bytes("inside")));
static APIC: DeviceDecl =
    decl("apic", &[], &[MmioRange { start: GuestPhysAddr(0xfee0_0000), len: 0x1000 }], |_| {
        Ok(apic("apic", 0))
    });
static SECOND: DeviceDecl = decl("second", &[], &[], |_| Ok(apic("second", 1)));
static SENDER: DeviceDecl = decl("sender", &[], &[], |_| Ok(Box::new(Sender { restless: false, sent: 0 })));
static RESTLESS: DeviceDecl = decl("sender", &[], &[], |_| Ok(Box::new(Sender { restless: true, sent: 0 })));

const NOW: VmTime = VmTime(0);

fn build(decls: &[&'static DeviceDecl]) -> Result<(DeviceSet, BusEnv), BusError> {
    let mut config = BoardConfig {
        epoch_seconds: 0,
        processors: 2,
        devices: &[],
        left_out: &[],
        backends: &mut Backends::default(),
    };
    let memory = memory();
    let mut env = BusEnv::new(&memory);
    DeviceSet::build_from(decls, &mut config, &memory, &mut env).map(|set| (set, env))
}

fn machine(decls: &[&'static DeviceDecl]) -> (DeviceSet, BusEnv) {
    match build(decls) {
        Ok(built) => built,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_conflict_is_named() {
    let Err(BusError::Conflicts(conflicts)) = build(&[&LOW, &HIGH, &OVER]) else { panic!("three in a heap") };
    let expected = [
        Conflict::Ports { first: "low", second: "over", from: 0x61, to: 0x61 },
        Conflict::Ports { first: "high", second: "over", from: 0x62, to: 0x64 },
        Conflict::PortsEnd { id: "over", start: 0xfffe },
    ];
    assert_eq!(conflicts, expected);
    let text = BusError::Conflicts(conflicts).to_string();
    assert!(text.contains("devices high and over both claim ports 0x62 to 0x64;"), "{text}");
}

#[test]
fn an_access_into_anothers_ports_goes_byte_by_byte() {
    let (mut set, mut env) = machine(&[&LOW, &HIGH, &ADDRESS, &INSIDE]);
    let call = &mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW };
    set.port_write(call, 0x60, 4, 0x4433_2211);
    assert_eq!(set.port_read(call, 0x60, 2), 0x2211, "the first two are low's");
    assert_eq!(set.port_read(call, 0x62, 2), 0x4433, "the others are high's");
    assert_eq!(set.port_read(call, 0x5f, 2), 0x11ff, "the byte before is unassigned");
    set.port_write(call, 0xcf8, 4, 0x8000_1234);
    assert_eq!(set.port_read(call, 0xcf8, 4), 0x8000_1234, "whole, though the second byte is another's");
    assert_eq!(set.port_read(call, 0xcf9, 1), 0x11);
    assert_eq!(set.port_read(call, 0xcf8, 2), 0x1134, "a word ends in the other's port");
    assert_eq!(set.port_read(call, 0xffff, 4), 0xffff_ffff, "ports end there");
}

#[test]
fn the_local_apic_answers_where_it_says() {
    let (mut set, mut env) = machine(&[&APIC]);
    let call = &mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW };
    let (old, new) = (GuestPhysAddr(0xfee0_0020), GuestPhysAddr(0xd000_0020));
    for _ in 0..2 {
        assert_eq!(set.mmio_read(call, old, 4), 0xa00);
        assert_eq!(set.mmio_read(call, new, 4), 0xffff_ffff);
    }
    assert_eq!(set.msr(call, 0x1b, Some(0xd000_0900)), MsrAccess::Handled(0));
    assert_eq!(set.mmio_read(call, old, 4), 0xffff_ffff);
    assert_eq!(set.mmio_read(call, new, 4), 0xa00);
    assert_eq!(set.msr(call, 0x10, None), MsrAccess::NotHandled);
}

/// Sends a message and gives what the processor's APIC and the second one have then.
fn sent(message: InterruptMessage) -> (Option<u8>, u64) {
    // The second APIC is seen through a set in which it is the processor's.
    let mut seen = [APIC_FIRST, SECOND_FIRST].map(|order| {
        let (mut set, mut env) = machine(order);
        env.messages.push(message);
        set.deliver_irqs(&mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW });
        assert!(env.messages.is_empty());
        set.acknowledge(&mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW })
    });
    let second = seen[1].take().map_or(0, u64::from);
    (seen[0], second)
}

const APIC_FIRST: &[&DeviceDecl] = &[&APIC, &SECOND];
const SECOND_FIRST: &[&DeviceDecl] = &[&SECOND, &APIC];

#[test]
fn messages_find_those_they_are_for() {
    assert_eq!(sent(message(0, Delivery::Fixed, 0x41)), (Some(0x41), 0));
    assert_eq!(sent(message(1, Delivery::Fixed, 0x42)), (None, 0x42));
    assert_eq!(sent(message(0xff, Delivery::Fixed, 0x43)), (Some(0x43), 0x43));
    assert_eq!(sent(message(1, Delivery::LowestPriority, 0x44)), (None, 0x44));
    assert_eq!(sent(message(7, Delivery::Fixed, 0x45)), (None, 0));
}

#[test]
fn lowest_priority_is_taken_by_one() {
    let (mut set, mut env) = machine(APIC_FIRST);
    env.messages.push(message(0xff, Delivery::LowestPriority, 0x51));
    set.deliver_irqs(&mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW });
    let taken: Vec<_> = set
        .devices
        .iter_mut()
        .map(|device| device.local_controller().and_then(|apic| apic.pending()))
        .collect();
    assert_eq!(taken, [Some(0x51), None]);
}

#[test]
fn a_line_that_stays_high_comes_again_after_its_end() {
    let (mut set, mut env) = machine(&[&SENDER, &APIC]);
    let call = &mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW };
    call.env.lines.pins(Driver(200)).set(IrqLine(5), true);
    set.deliver_irqs(call);
    assert_eq!(set.acknowledge(call), Some(0x35));
    assert!(!set.pending(0).interrupt);
    set.mmio_write(call, GuestPhysAddr(0xfee0_0000), 4, 0x35);
    assert_eq!(set.acknowledge(call), Some(0x35));
    call.env.lines.pins(Driver(200)).set(IrqLine(5), false);
    set.mmio_write(call, GuestPhysAddr(0xfee0_0000), 4, 0x35);
    assert_eq!(set.acknowledge(call), None);
}

#[test]
fn devices_that_never_rest_are_cut_off() {
    let (mut set, mut env) = machine(&[&RESTLESS, &APIC]);
    env.lines.pins(Driver(200)).set(IrqLine(3), true);
    set.deliver_irqs(&mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW });
    assert_eq!(set.acknowledge(&mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW }), Some(0x33));
}

#[test]
fn an_init_message_is_an_event_once_and_a_startup_message_is_none() {
    let (mut set, mut env) = machine(&[&APIC]);
    env.messages.extend([message(0, Delivery::Init, 0), message(0, Delivery::StartUp, 0x9f)]);
    set.deliver_irqs(&mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW });
    assert_eq!(env.events, [MachineEvent::Init]);
    env.messages.push(message(0, Delivery::Fixed, 0x31));
    set.deliver_irqs(&mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW });
    assert_eq!(env.events.len(), 1, "it was taken");
}

#[test]
fn virtual_wire_mode_is_firmwares_doing_wherever_the_apic_is() {
    for base in [0xfee0_0900, 0xd000_0900] {
        let (mut set, mut env) = machine(&[&APIC]);
        set.msr(&mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW }, 0x1b, Some(base));
        let wired =
            |set: &mut DeviceSet| (set.local(0).is_some_and(|apic| apic.accepts_legacy()), set.take_nmi(0));
        assert_eq!((wired(&mut set), set.pending(0)), ((false, false), Pending::default()));
        set.virtual_wire(&mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW });
        assert!(set.pending(0).nmi, "an NMI is one, which is looked for after each access");
        assert_eq!(wired(&mut set), (true, true), "base {base:#x}");
    }
}

fn saved(set: &DeviceSet) -> Vec<u8> {
    let mut writer = Writer::file();
    set.save(&mut writer);
    writer.finish()
}

#[test]
fn a_snapshot_comes_back_and_a_damaged_one_changes_nothing() {
    let (mut set, mut env) = machine(&[&LOW, &HIGH]);
    let call = &mut BusCall { env: &mut env, dma: &mut NoDma, now: NOW };
    set.port_write(call, 0x60, 1, 0xaa);
    let good = saved(&set);
    set.reset(call);
    assert!(call.env.events.is_empty(), "what devices say during a reset is no event");
    assert_eq!(set.port_read(call, 0x60, 1), 0);
    let now = saved(&set);

    // Each file is refused in the second device, when the first could be loaded.
    let file = Reader::new(&good).unwrap();
    let (low, high) = (file.section("device.low", 1).unwrap(), file.section("device.high", 1).unwrap());
    let mut wrong = high.to_vec();
    if let Some(last) = wrong.last_mut() {
        *last = 9;
    }
    let content = || SnapshotError::Content { tag: "device.high".into() };
    let longer = [high, &[0]].concat();
    type Sections<'a> = &'a [(&'a str, u16, &'a [u8])];
    let cases: [(Sections<'_>, _); 5] = [
        (&[("device.low", 1, low), ("device.high", 1, &wrong)], content()),
        (&[("device.low", 1, low), ("device.high", 1, &high[1..])], content()),
        (&[("device.low", 1, low), ("device.high", 1, &longer)], content()),
        (&[("device.low", 1, low)], SnapshotError::Missing { tag: "device.high".into() }),
        (
            &[("device.low", 1, low), ("device.high", 2, high)],
            SnapshotError::Version { tag: "device.high".into(), found: 2, expected: 1 },
        ),
    ];
    for (sections, error) in cases {
        let mut writer = Writer::file();
        sections.iter().for_each(|&(tag, version, content)| writer.section(tag, version, content));
        let bytes = writer.finish();
        assert_eq!(set.load(&Reader::new(&bytes).unwrap()), Err(error.clone()));
        assert_eq!(saved(&set), now, "{error}");
    }
    assert_eq!(set.load(&file), Ok(()));
    assert_eq!(saved(&set), good);
    assert_eq!(set.port_read(call, 0x60, 1), 0xaa);
}

#[test]
fn lines_keep_their_levels_in_a_snapshot() {
    let mut env = BusEnv::new(&memory());
    env.lines.pins(Driver(200)).set(IrqLine(9), true);
    env.lines.pins(Driver(200)).set(IrqLine(31), true);
    let mut saved = Vec::new();
    env.save(&mut saved);
    let mut other = BusEnv::new(&memory());
    other.lines.pins(Driver(1)).set(IrqLine(1), true);
    assert_eq!(other.load(&mut &saved[..]), Some(()));
    let high: Vec<u8> = (0..32).filter(|&line| other.lines.level(IrqLine(line))).collect();
    assert_eq!(high, [9, 31]);
    assert!(!other.lines.has_changes());
    assert_eq!(other.load(&mut &saved[..3]), None);
}
