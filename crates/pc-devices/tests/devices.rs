//! The list of devices, and what none of them may do whatever the guest does.

use device_api::bench::Bench;
use device_api::{
    BlockBackend, BlockInfo, BlockOp, BlockResult, CharBackend, Device, DeviceDecl, HostEvent, InputEvent,
    KeyCode, NetBackend, PointerButton, PortRange, Presence, Property, PropertyKind, RequestId, Role,
    SoundBackend, SoundFrame, VmTime, Voice, declarations,
};
use proptest::prelude::*;
use x86_types::GuestPhysAddr;

/// A serial line on which someone types without end.
struct Chatter;

impl CharBackend for Chatter {
    fn send(&mut self, _byte: u8) {}
    fn receive(&mut self) -> Option<u8> {
        Some(b'x')
    }
}

/// An audio device: no device plays more in one call than a second.
struct Loudspeaker;

impl SoundBackend for Loudspeaker {
    fn voice(&mut self) -> Box<dyn Voice> {
        Box::new(Self)
    }
}

impl Voice for Loudspeaker {
    fn play(&mut self, _at: VmTime, rate: u32, frames: &[SoundFrame]) {
        assert!(rate >= 1000 && frames.len() <= rate as usize, "{} frames at {rate} Hz", frames.len());
    }
}

/// A medium without end that reads as zeros.
#[derive(Debug, Default)]
struct Zeros(Vec<(RequestId, BlockResult)>);

impl BlockBackend for Zeros {
    fn info(&self) -> BlockInfo {
        BlockInfo { bytes: 1440 << 10, read_only: false }
    }
    fn submit(&mut self, id: RequestId, op: BlockOp) {
        let len = if let BlockOp::Read { len, .. } = op { len } else { 0 };
        self.0.push((id, Ok(vec![0; len as usize])));
    }
    fn poll(&mut self) -> Option<(RequestId, BlockResult)> {
        self.0.pop()
    }
}

/// A network that sends back what it was sent, a hundred times.
#[derive(Debug, Default)]
struct Echo(Option<(Vec<u8>, u8)>);

impl NetBackend for Echo {
    fn send(&mut self, _now: VmTime, frame: &[u8]) {
        self.0 = Some((frame.to_vec(), 100));
    }
    fn receive(&mut self, _now: VmTime, frame: &mut Vec<u8>) -> bool {
        let Some((sent, left)) = self.0.as_mut().filter(|(_, left)| *left > 0) else { return false };
        *left -= 1;
        frame.clone_from(sent);
        true
    }
}

struct Built {
    decl: &'static DeviceDecl,
    device: Box<dyn Device>,
    ports: Vec<PortRange>,
    bench: Bench,
}

fn linked() -> Vec<&'static DeviceDecl> {
    pc_devices::link();
    declarations()
}

/// Builds every model, with the parts that can be attached to it, with a character device or a medium where it takes one
/// and what it cannot do without.
fn build_all() -> Vec<Built> {
    let part_of = |decl: &DeviceDecl| matches!(decl.presence, Presence::AttachedTo(_));
    let build = |decl: &'static DeviceDecl| {
        let mut bench = Bench::with_ram(1 << 20).unwrap();
        bench.backends.chars.insert("chatter".to_owned(), Box::new(Chatter));
        bench.backends.sounds.insert("loudspeaker".to_owned(), Box::new(Loudspeaker));
        bench.backends.images.insert("image".to_owned(), vec![0x90; 1 << 16]);
        bench.backends.nets.insert("echo".to_owned(), Box::new(Echo::default()));
        let media = ["disk0", "disk1", "disk2", "disk3"];
        for medium in media {
            bench.backends.blocks.insert(medium.to_owned(), Box::new(Zeros::default()));
        }
        // It reads all of its medium when it is built.
        let flash = block::Memory::new(vec![0xff; 1 << 12], true);
        bench.backends.blocks.insert("flash".to_owned(), Box::new(flash));
        let mut media = media.into_iter();
        let mut named = |decl: &DeviceDecl| -> Vec<_> {
            let backend = |property: &Property| match property.kind {
                PropertyKind::Backend(Role::Char) => Some((property.name, "chatter")),
                PropertyKind::Backend(Role::Image) => Some((property.name, "image")),
                PropertyKind::Backend(Role::Sound) => Some((property.name, "loudspeaker")),
                PropertyKind::Backend(Role::Net) => Some((property.name, "echo")),
                PropertyKind::Backend(Role::Block) if decl.id == "cfi.pflash01" => {
                    Some((property.name, "flash"))
                }
                PropertyKind::Backend(Role::Block) => Some((property.name, media.next()?)),
                _ => None,
            };
            decl.properties.iter().filter_map(backend).collect()
        };
        let part_of_it = |part: &&DeviceDecl| part.presence == Presence::AttachedTo(decl.id);
        let parts: Vec<_> = linked().into_iter().filter(part_of_it).map(|part| (part, named(part))).collect();
        let attached: Vec<_> = parts.iter().map(|(part, named)| (*part, &named[..])).collect();
        let device = bench.build(decl, &named(decl), &attached).unwrap();
        let mut ports = decl.ports.to_vec();
        ports.extend(bench.ports.iter());
        Built { decl, device, ports, bench }
    };
    linked().into_iter().filter(|decl| !part_of(decl)).map(build).collect()
}

#[test]
fn the_list_of_devices_is_as_written() {
    let list: String = linked().iter().map(|decl| format!("{:?} {}\n", decl.stage, decl.id)).collect();
    assert_eq!(list, include_str!("golden_devices.txt"));
}

#[test]
fn devices_are_what_their_declarations_say() {
    for mut built in build_all() {
        let decl = built.decl;
        assert_eq!(built.device.id(), decl.id);
        // Where a PCI function or a local APIC answers, their registers say.
        if built.device.local_controller().is_none() && built.device.pci().is_none() {
            assert_eq!(built.device.pio().is_some(), !built.ports.is_empty(), "{}", decl.id);
            // A device may map registers itself.
            assert!(built.device.mmio().is_some() || decl.mmio.is_empty(), "{}", decl.id);
        }
        assert!(decl.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
        assert!(!decl.summary.is_empty());
    }
}

#[test]
fn no_two_devices_share_a_port_or_an_address() {
    let mut ports = Vec::new();
    let mut memory = Vec::new();
    // A Sound Blaster has the ports of an AdLib card.
    for built in build_all().into_iter().filter(|built| built.device.id() != "adlib") {
        let id = built.device.id();
        ports.extend(built.ports.iter().map(|range| (u32::from(range.start), u32::from(range.len), id)));
        memory.extend(built.decl.mmio.iter().map(|range| (range.start.0, range.len, id)));
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
    Config { pick: u8, size: u8, write: Option<u32> },
    Wait(u64),
    Line(u8, bool),
    Acknowledge,
    Ferr(bool),
    Input(InputEvent),
    Dma { len: u16, write: bool, last: bool },
    Reset,
}

fn value() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), 0..256u32, Just(0), Just(u32::MAX)]
}

fn input() -> impl Strategy<Value = InputEvent> {
    let button =
        prop_oneof![Just(PointerButton::Left), Just(PointerButton::Right), Just(PointerButton::Middle)];
    prop_oneof![
        (proptest::sample::select(KeyCode::ALL), any::<bool>())
            .prop_map(|(code, down)| InputEvent::Key { code, down }),
        (any::<i32>(), -300..300).prop_map(|(dx, dy)| InputEvent::Move { dx, dy }),
        any::<i32>().prop_map(|dz| InputEvent::Wheel { dz }),
        (button, any::<bool>()).prop_map(|(button, down)| InputEvent::Button { button, down }),
    ]
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
        3 => (any::<u8>(), prop_oneof![Just(1u8), Just(2), Just(4)], proptest::option::of(value()))
            .prop_map(|(pick, size, write)| Op::Config { pick, size, write }),
        6 => wait.prop_map(Op::Wait),
        3 => (0..40u8, any::<bool>()).prop_map(|(line, high)| Op::Line(line, high)),
        2 => Just(Op::Acknowledge),
        1 => any::<bool>().prop_map(Op::Ferr),
        2 => input().prop_map(Op::Input),
        2 => (1..2000u16, any::<bool>(), any::<bool>())
            .prop_map(|(len, write, last)| Op::Dma { len, write, last }),
        1 => Just(Op::Reset),
    ]
}

fn apply(built: &mut Built, op: &Op) {
    let Built { decl, device, ports, bench: bus } = built;
    let mut windows = Vec::new();
    if let Some(function) = device.pci() {
        function.windows(&mut windows);
    }
    match *op {
        Op::Port { pick, size, write } => {
            let Some(pio) = device.pio() else { return };
            let moved = windows.iter().filter(|window| window.io);
            let moved = moved.map(|window| PortRange { start: window.start as u16, len: window.len as u16 });
            let all: Vec<_> = ports.iter().copied().chain(moved).filter(|range| range.len > 0).collect();
            if all.is_empty() {
                return;
            }
            let range = all[usize::from(pick >> 8) % all.len()];
            let port = range.start + pick % range.len;
            match write {
                Some(value) => pio.port_write(&mut bus.ctx(), port, size, value),
                None => _ = pio.port_read(&mut bus.ctx(), port, size),
            }
        }
        Op::Mmio { pick, size, write } => {
            let Some(mmio) = device.mmio() else { return };
            let fixed = decl.mmio.iter().map(|range| (range.start.0, range.len));
            let moved = windows.iter().filter(|window| !window.io).map(|window| (window.start, window.len));
            let all: Vec<_> = fixed.chain(moved).collect();
            // The local APIC declares none: its page is given.
            let (start, len) =
                all.get(pick as usize % all.len().max(1)).copied().unwrap_or((0xfee0_0000, 4096));
            let address = GuestPhysAddr(start + pick % len);
            match write {
                Some(value) => mmio.mmio_write(&mut bus.ctx(), address, size, value),
                None => _ = mmio.mmio_read(&mut bus.ctx(), address, size),
            }
        }
        Op::Config { pick, size, write } => {
            let Some(function) = device.pci() else { return };
            let at = pick & !(size - 1);
            match write {
                Some(value) => function.config_write(&mut bus.ctx(), at, size, value),
                None => _ = function.config_read(&mut bus.ctx(), at, size),
            }
        }
        Op::Wait(ns) => bus.now = bus.now + ns,
        Op::Line(line, high) => {
            if let Some(inputs) = device.irq_inputs() {
                inputs.irq_changed(&mut bus.ctx(), device_api::IrqLine(line), high);
            }
        }
        Op::Acknowledge => {
            if let Some(controller) = device.legacy_controller() {
                let _ = (controller.intr(), controller.acknowledge());
            }
        }
        Op::Ferr(asserted) => {
            if let Some(logic) = device.coprocessor_error() {
                logic.set_ferr(&mut bus.ctx(), asserted);
                let _ = logic.ignne();
            }
        }
        Op::Dma { len, write, last } => {
            if let Some(controller) = device.dma_controller() {
                let transfer = controller.transfer(len as u8);
                let _ =
                    transfer.map(|transfer| controller.moved(transfer.channel, transfer.len.min(len.into())));
            }
            let Some(peripheral) = device.dma_peripheral() else { return };
            let mut bytes = vec![0; len.into()];
            let moved = match write {
                true => peripheral.to_memory(&mut bus.ctx(), &mut bytes),
                false => peripheral.from_memory(&mut bus.ctx(), &bytes),
            };
            assert!(moved <= bytes.len(), "{}", decl.id);
            if last {
                peripheral.terminal_count(&mut bus.ctx());
            }
        }
        Op::Input(event) => device.host_event(&mut bus.ctx(), HostEvent::Input(event)),
        Op::Reset => device.reset(&mut bus.ctx()),
    }
}

/// Serves a deadline that has come; the next must lie ahead, or a run loop would never go on.
fn serve_deadline(built: &mut Built) {
    let Built { device, bench: bus, .. } = built;
    let Some(timed) = device.timed() else { return };
    if timed.next_deadline().is_some_and(|at| at <= bus.now) {
        timed.advance(&mut bus.ctx());
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
            for op in &ops {
                apply(&mut built, op);
                serve_deadline(&mut built);
                let bus = &mut built.bench;
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
            ops.iter().for_each(|op| apply(&mut built, op));
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
                apply(&mut copy, op);
                if let Some(timed) = copy.device.timed() {
                    let _ = timed.next_deadline();
                    timed.advance(&mut copy.bench.ctx());
                }
            }
        }
    }
}
