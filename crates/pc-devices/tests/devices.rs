//! The list of devices, and what none of them may do whatever the guest does.

use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DmaMemory, Driver, Lines, MmioRange, PortRange, SerialPort, VmTime,
    declarations,
};
use proptest::prelude::*;
use x86_types::GuestPhysAddr;

const DEBUG_EXIT: u16 = 0xf4;

struct NoMemory;

impl DmaMemory for NoMemory {
    fn read(&mut self, _address: GuestPhysAddr, bytes: &mut [u8]) {
        bytes.fill(0xff);
    }
    fn write(&mut self, _address: GuestPhysAddr, _bytes: &[u8]) {}
}

/// A serial line on which someone types without end.
struct Chatter;

impl SerialPort for Chatter {
    fn send(&mut self, _byte: u8) {}
    fn receive(&mut self) -> Option<u8> {
        Some(b'x')
    }
}

fn with_config<T>(use_it: impl FnOnce(&mut BuildConfig<'_>) -> T) -> T {
    let mut serial = std::array::from_fn(|_| Some(Box::new(Chatter) as Box<dyn SerialPort>));
    use_it(&mut BuildConfig {
        ram_bytes: 5 << 30,
        epoch_seconds: 1_700_000_000,
        serial: &mut serial,
        debug_exit: Some(DEBUG_EXIT),
        processors: 1,
        processor: 0,
    })
}

struct Built {
    device: Box<dyn Device>,
    ports: Vec<PortRange>,
    mmio: &'static [MmioRange],
}

fn linked() -> Vec<&'static DeviceDecl> {
    pc_devices::link();
    declarations()
}

fn build_all() -> Vec<Built> {
    let decls = linked();
    with_config(|config| {
        let mut all = Vec::new();
        for decl in decls {
            let mut ports = decl.ports.to_vec();
            ports.extend(decl.dynamic_ports.into_iter().flat_map(|ports| ports(config)));
            if let Some(device) = (decl.build)(config).unwrap() {
                all.push(Built { device, ports, mmio: decl.mmio });
            }
        }
        all
    })
}

#[test]
fn the_list_of_devices_is_as_written() {
    let list: String = linked().iter().map(|decl| format!("{:?} {}\n", decl.stage, decl.id)).collect();
    assert_eq!(list, include_str!("golden_devices.txt"));
}

#[test]
fn devices_are_what_their_declarations_say() {
    let decls = linked();
    let built = build_all();
    assert_eq!(built.len(), decls.len(), "this configuration has them all");
    for (mut built, decl) in built.into_iter().zip(decls) {
        assert_eq!(built.device.id(), decl.id);
        assert_eq!(built.device.pio().is_some(), !built.ports.is_empty(), "{}", decl.id);
        // A local APIC answers where its base register says, not at a declared place.
        if built.device.local_controller().is_none() {
            assert_eq!(built.device.mmio().is_some(), !decl.mmio.is_empty(), "{}", decl.id);
        }
        assert!(
            decl.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        );
        assert!(!decl.summary.is_empty());
    }
}

#[test]
fn no_two_devices_share_a_port_or_an_address() {
    let mut ports = Vec::new();
    let mut memory = Vec::new();
    for built in build_all() {
        let id = built.device.id();
        ports.extend(built.ports.iter().map(|range| (u32::from(range.start), u32::from(range.len), id)));
        memory.extend(built.mmio.iter().map(|range| (range.start.0, range.len, id)));
    }
    ports.sort_unstable();
    memory.sort_unstable();
    for pair in ports.windows(2) {
        assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:x?}");
    }
    for pair in memory.windows(2) {
        assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:x?}");
    }
}

/// One thing that a guest does. Numbers are reduced to what the device has.
#[derive(Clone, Debug)]
enum Op {
    Port { pick: u16, size: u8, write: Option<u32> },
    Mmio { pick: u64, size: u8, write: Option<u64> },
    Wait(u64),
    Line(u8, bool),
    Acknowledge,
    Ferr(bool),
    Reset,
}

fn value() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), 0..256u32, Just(0), Just(u32::MAX)]
}

fn op() -> impl Strategy<Value = Op> {
    let port_size = prop_oneof![4 => Just(1u8), 1 => Just(2), 1 => Just(4)];
    let mmio_size = prop_oneof![Just(1u8), Just(2), Just(4), Just(8)];
    let wide = prop_oneof![any::<u64>(), value().prop_map(u64::from)];
    let wait = prop_oneof![0..1000u64, 0..10_000_000u64, 0..5_000_000_000u64, 0..400_000_000_000_000u64];
    prop_oneof![
        12 => (any::<u16>(), port_size, proptest::option::of(value()))
            .prop_map(|(pick, size, write)| Op::Port { pick, size, write }),
        12 => (any::<u64>(), mmio_size, proptest::option::of(wide))
            .prop_map(|(pick, size, write)| Op::Mmio { pick, size, write }),
        6 => wait.prop_map(Op::Wait),
        3 => (0..40u8, any::<bool>()).prop_map(|(line, high)| Op::Line(line, high)),
        2 => Just(Op::Acknowledge),
        1 => any::<bool>().prop_map(Op::Ferr),
        1 => Just(Op::Reset),
    ]
}

/// What the traffic runs on.
struct Bus {
    now: VmTime,
    irq: Lines,
    messages: Vec<device_api::InterruptMessage>,
    events: Vec<device_api::MachineEvent>,
}

impl Bus {
    fn new() -> Self {
        Self { now: VmTime::ZERO, irq: Lines::default(), messages: Vec::new(), events: Vec::new() }
    }

    fn ctx<'a>(&'a mut self, memory: &'a mut NoMemory) -> Ctx<'a> {
        Ctx {
            now: self.now,
            lines: self.irq.pins(Driver(0)),
            messages: &mut self.messages,
            events: &mut self.events,
            dma: memory,
        }
    }
}

fn apply(built: &mut Built, bus: &mut Bus, op: &Op) {
    let memory = &mut NoMemory;
    let device = &mut *built.device;
    match *op {
        Op::Port { pick, size, write } => {
            let Some(pio) = device.pio() else { return };
            let range = built.ports[usize::from(pick >> 8) % built.ports.len()];
            let port = range.start + pick % range.len;
            match write {
                Some(value) => pio.port_write(&mut bus.ctx(memory), port, size, value),
                None => _ = pio.port_read(&mut bus.ctx(memory), port, size),
            }
        }
        Op::Mmio { pick, size, write } => {
            let Some(mmio) = device.mmio() else { return };
            // The local APIC declares none: its page is given.
            let (start, len) =
                built.mmio.first().map_or((0xfee0_0000, 4096), |range| (range.start.0, range.len));
            let address = GuestPhysAddr(start + pick % len);
            match write {
                Some(value) => mmio.mmio_write(&mut bus.ctx(memory), address, size, value),
                None => _ = mmio.mmio_read(&mut bus.ctx(memory), address, size),
            }
        }
        Op::Wait(ns) => bus.now = bus.now + ns,
        Op::Line(line, high) => {
            if let Some(inputs) = device.irq_inputs() {
                inputs.irq_changed(&mut bus.ctx(memory), device_api::IrqLine(line), high);
            }
        }
        Op::Acknowledge => {
            if let Some(controller) = device.legacy_controller() {
                let _ = (controller.intr(), controller.acknowledge());
            }
        }
        Op::Ferr(asserted) => {
            if let Some(logic) = device.coprocessor_error() {
                logic.set_ferr(&mut bus.ctx(memory), asserted);
                let _ = logic.ignne();
            }
        }
        Op::Reset => device.reset(&mut bus.ctx(memory)),
    }
}

/// Serves a deadline that has come; the next must lie ahead, or a run loop would never go on.
fn serve_deadline(built: &mut Built, bus: &mut Bus) {
    let memory = &mut NoMemory;
    let Some(timed) = built.device.timed() else { return };
    if timed.next_deadline().is_some_and(|at| at <= bus.now) {
        timed.advance(&mut bus.ctx(memory));
        let next = timed.next_deadline();
        assert!(next.is_none_or(|at| at > bus.now), "{next:?} does not lie after {:?}", bus.now);
    }
}

fn saved(device: &dyn Device) -> Vec<u8> {
    let mut bytes = Vec::new();
    device.save(&mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// No panic, no growth, deadlines that lie ahead, and a state that comes back from its bytes.
    #[test]
    fn random_traffic_is_harmless(ops in proptest::collection::vec(op(), 1..120)) {
        for (mut built, mut copy) in build_all().into_iter().zip(build_all()) {
            let mut bus = Bus::new();
            for op in &ops {
                apply(&mut built, &mut bus, op);
                serve_deadline(&mut built, &mut bus);
                let noise = bus.irq.take_changes().len() + bus.messages.len() + bus.events.len();
                prop_assert!(noise <= 64, "{} said {noise} things after {op:?}", built.device.id());
                bus.messages.clear();
                bus.events.clear();
            }
            let bytes = saved(&*built.device);
            prop_assert!(bytes.len() <= 8192, "{}: {} bytes", built.device.id(), bytes.len());
            let mut rest = &bytes[..];
            prop_assert_eq!(copy.device.load(&mut rest), Some(()), "{}", built.device.id());
            prop_assert!(rest.is_empty(), "{} left {} bytes", built.device.id(), rest.len());
            prop_assert_eq!(saved(&*copy.device), bytes, "{}", built.device.id());
        }
    }

    /// A damaged state is refused or harmless. Only its deadlines may lie anywhere.
    #[test]
    fn damaged_states_are_harmless(
        ops in proptest::collection::vec(op(), 1..40),
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
    ) {
        for (mut built, mut copy) in build_all().into_iter().zip(build_all()) {
            let mut bus = Bus::new();
            ops.iter().for_each(|op| apply(&mut built, &mut bus, op));
            let mut bytes = saved(&*built.device);
            for (at, byte) in &damage {
                let at = at % bytes.len().max(1);
                bytes.iter_mut().skip(at).take(1).for_each(|to| *to = *byte);
            }
            let before = saved(&*copy.device);
            if copy.device.load(&mut &bytes[..]).is_none() {
                prop_assert_eq!(saved(&*copy.device), before, "{}: refused, but changed", copy.device.id());
                continue;
            }
            for op in &ops {
                apply(&mut copy, &mut bus, op);
                if let Some(timed) = copy.device.timed() {
                    let _ = timed.next_deadline();
                    timed.advance(&mut bus.ctx(&mut NoMemory));
                }
            }
        }
    }
}
