//! The gate by which everything from outside enters: calls of the machine between two stretches of running, and back ends
//! that devices poll. Where time is made of instructions, equal inputs at equal instruction counts give equal states,
//! however the host divides the run.

use device_api::{
    CharBackend, DeviceSpec, HostEvent, InputEvent, KeyCode, NetBackend, PointerButton, VmTime,
};
use machine::{Machine, MachineConfig, Stop};
use session::RunArgs;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use x86_exec::VcpuBus;
use x86_state::RFlags;
use x86_types::{GuestPhysAddr, Seg};

/// What has arrived at the host and the guest has not taken.
#[derive(Clone, Debug, Default)]
struct Arrived {
    bytes: Arc<Mutex<VecDeque<u8>>>,
    frames: Arc<Mutex<VecDeque<Vec<u8>>>>,
}

impl CharBackend for Arrived {
    fn send(&mut self, _byte: u8) {}
    fn receive(&mut self) -> Option<u8> {
        self.bytes.lock().unwrap().pop_front()
    }
}

impl NetBackend for Arrived {
    fn send(&mut self, _now: VmTime, _frame: &[u8]) {}
    fn receive(&mut self, _now: VmTime, frame: &mut Vec<u8>) -> bool {
        let Some(next) = self.frames.lock().unwrap().pop_front() else { return false };
        *frame = next;
        true
    }
}

/// Polls the keyboard, COM1 and the floppy's change line for ever, and adds up what it reads.
const PROGRAM: [u8; 44] = [
    0xba, 0xf9, 0x03, // mov dx, 3f9h
    0xb0, 0x01, // mov al, 1: the receive interrupt, by which the port takes input
    0xee, // out dx, al
    0xe4, 0x64, // in al, 64h
    0xe4, 0x60, // in al, 60h
    0x00, 0x06, 0x00, 0x06, // add [600h], al
    0xd1, 0x06, 0x00, 0x06, // rol word [600h], 1
    0xba, 0xfd, 0x03, 0xec, // mov dx, 3fdh; in al, dx
    0xba, 0xf8, 0x03, 0xec, // mov dx, 3f8h; in al, dx
    0x00, 0x06, 0x00, 0x06, // add [600h], al
    0xd1, 0x06, 0x00, 0x06, // rol word [600h], 1
    0xba, 0xf7, 0x03, 0xec, // mov dx, 3f7h; in al, dx
    0x00, 0x06, 0x00, 0x06, // add [600h], al
    0xeb, 0xda, // jmp to the first IN
];
const RING: u64 = 0x1_0000;
const RING_LEN: u32 = 256;
const REGISTERS: u32 = 0xe000_0000;

/// Gives the card a ring of descriptors, as a driver does.
fn start_card(machine: &mut Machine) {
    let functions = machine.pci_functions();
    let card = functions.iter().find(|function| function.id.contains("e1000")).expect("the card").address;
    for n in 0..u64::from(RING_LEN) {
        machine.memory().write_u64(GuestPhysAddr(RING + 16 * n), 0x2_0000 + 0x800 * n);
    }
    let mut bus = machine.bus();
    for (register, value) in [(0x10, REGISTERS), (4, 6)] {
        bus.port_write(0, 0xcf8, 4, 0x8000_0000 | u32::from(card.slot) << 11 | register);
        bus.port_write(0, 0xcfc, 4, value);
    }
    // RDBAL, RDLEN, RDH, RDT, CTRL.SLU, and RCTL: all frames
    let registers = [
        (0x2800, RING as u32),
        (0x2808, 16 * RING_LEN),
        (0x2810, 0),
        (0x2818, RING_LEN - 1),
        (0, 0x40),
        (0x100, 0x801a),
    ];
    for (register, value) in registers {
        bus.mmio_write(0, GuestPhysAddr(u64::from(REGISTERS + register)), 4, value.into());
    }
}

fn machine(arrived: &Arrived) -> Machine {
    pc_devices::link();
    let args = RunArgs { memory: 16 << 20, ..RunArgs::default() };
    let mut config: MachineConfig = args.silent_config().expect("a machine");
    let names: Vec<_> = config.backends.chars.keys().cloned().collect();
    for name in names {
        config.backends.chars.insert(name, Box::new(arrived.clone()));
    }
    config.backends.nets.insert("net".to_owned(), Box::new(arrived.clone()));
    config.devices.push(DeviceSpec::new("e1000").with("netdev", "net"));
    config.devices.push(DeviceSpec::new("floppy").named("floppy0"));
    let mut machine = Machine::new(config).expect("a machine");
    start_card(&mut machine);
    machine.memory().write(GuestPhysAddr(0x8000), &PROGRAM);
    let cpu = &mut machine.vcpu_mut().cpu;
    cpu.seg[Seg::Cs as usize].load_real(0);
    cpu.rip = 0x8000;
    cpu.set_rflags(RFlags::FIXED);
    machine.vcpu_mut().state_changed();
    machine
}

/// Something that comes from outside.
type Input = fn(&mut Machine, &Arrived);

/// The inputs, and when each arrives, in instructions.
fn inputs() -> Vec<(u64, Input)> {
    fn key(machine: &mut Machine, down: bool) {
        machine.host_event(HostEvent::Input(InputEvent::Key { code: KeyCode::ALL[10], down }));
    }
    vec![
        (1_000, |machine, _| key(machine, true)),
        (1_500, |_, arrived| arrived.bytes.lock().unwrap().extend(*b"more than a FIFO holds, by far")),
        (20_500, |_, arrived| {
            let frame = |n: u8| [&[0xff; 6][..], &[0x52, 0x55, 0, 0, 0, n], &[8, 6], &[n; 60]].concat();
            arrived.frames.lock().unwrap().extend((0..200).map(frame));
        }),
        (30_000, |machine, _| {
            let medium = Box::new(block::Memory::new(vec![1; 1440 << 10], false));
            machine.insert("floppy0", false, medium).expect("it is inserted");
        }),
        (40_000, |machine, _| {
            machine.host_event(HostEvent::Input(InputEvent::Move { dx: 5, dy: -5 }));
            let button = InputEvent::Button { button: PointerButton::Left, down: true };
            machine.host_event(HostEvent::Input(button));
        }),
        (50_000, |machine, _| key(machine, false)),
        (60_000, |machine, _| machine.eject("floppy0", false).expect("it is ejected")),
        (70_000, |machine, _| machine.host_event(HostEvent::PowerButton)),
    ]
}
const END: u64 = 100_000;

/// Runs to an instruction count in stretches of at most `slice`, each announced to the serial port as the hosts' loops do.
fn run(machine: &mut Machine, to: u64, slice: u64) {
    while machine.retired() < to {
        machine.host_event(HostEvent::CharInput);
        let limit = to.min(machine.retired().saturating_add(slice));
        assert_eq!(machine.run(limit), Stop::Limit);
    }
}

/// Returns the hash of the state at the end, and what the guest had added up.
fn end(slice: u64, delay: u64) -> (u64, u32) {
    let arrived = Arrived::default();
    let mut machine = machine(&arrived);
    for (at, input) in inputs() {
        run(&mut machine, at + delay, slice);
        input(&mut machine, &arrived);
    }
    run(&mut machine, END, slice);
    assert!(arrived.bytes.lock().unwrap().is_empty() && arrived.frames.lock().unwrap().is_empty());
    (machine.state_hash(), machine.memory().read_u32(GuestPhysAddr(0x600)))
}

#[test]
fn equal_inputs_give_equal_states_however_the_run_is_divided() {
    let whole = end(u64::MAX, 0);
    for slice in [50_000, 5_000, 777] {
        assert_eq!(end(slice, 0), whole, "in stretches of {slice}");
    }
    assert_ne!(end(u64::MAX, 100).1, whole.1, "the guest sees the inputs");
}
