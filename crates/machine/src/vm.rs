//! The machine: processors, memory, the board, and the loop that gives them time.

use crate::board::Board;
use crate::bus::BoardConfig;
use crate::random::{Random, Seed};
use crate::time::Clock;
use device_api::{Backends, DeviceSpec, FirmwareConfig, FirmwareTables, HostEvent, MachineEvent, VmTime};
use guest_memory::GuestMemory;
use std::rc::Rc;
use thiserror::Error;
use x86_exec::{Exit, Pending, Vcpu, VcpuBus};
use x86_state::Activity;
use x86_state::cpuid::CpuModel;
use x86_types::GuestPhysAddr;

/// Why a machine could not be built.
#[derive(Debug, Error)]
pub enum MachineError {
    /// RAM
    #[error(transparent)]
    Ram(#[from] guest_memory::MemoryError),
    /// Devices or buses
    #[error(transparent)]
    Bus(#[from] crate::bus::BusError),
    /// The guest's image
    #[error(transparent)]
    Boot(#[from] crate::boot::BootError),
    /// None, or too many
    #[error("a machine of {processors} processors cannot be built; give 1 to {MAX_PROCESSORS} (-smp)")]
    Processors {
        /// The requested number
        processors: u32,
    },
}

/// Processors that a machine has at most.
pub const MAX_PROCESSORS: u32 = 8;

/// Why [`Machine::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The instruction limit was reached
    Limit,
    /// The guest switched the machine off
    PowerOff,
    /// The guest requested a reset, and resets stop the machine or there is nothing to restart from
    Reset,
    /// A triple fault, and resets stop the machine
    TripleFault,
    /// isa-debug-exit with this status
    DebugExit(u32),
    /// Firmware boots from the kernel that was given, which is to be loaded now
    BootKernel {
        /// Entries of firmware's memory map, which its option ROM left in memory
        map_entries: u16,
    },
    /// The guest waits for so many nanoseconds, or for input, and the host's clock cannot sleep; under
    /// [`Clock::Instructions`] only where it has waited for long
    Idle(u64),
    /// All processors wait for an interrupt, and no device has a deadline; only a host event ([`Machine::host_event`])
    /// can raise one
    Waiting,
    /// A request is on its way at the host. Where time is made of instructions the machine waits for it, so that the guest
    /// sees it complete at the same moment in every run
    Host,
    /// The guest waits with interrupts off: nothing can wake it
    Dead,
    /// The moment of [`Machine::set_alarm`] has come
    Alarm,
}

/// What a machine is made of.
pub struct MachineConfig {
    /// Bytes of RAM
    pub ram_bytes: u64,
    /// Processor model
    pub model: CpuModel,
    /// Time source
    pub clock: Clock,
    /// Seconds since 1970 at power-on
    pub epoch_seconds: u64,
    /// Devices beside those of every machine
    pub devices: Vec<DeviceSpec>,
    /// Devices of every machine that this one lacks, by model
    pub left_out: Vec<&'static str>,
    /// What the host supplies to them
    pub backends: Backends,
    /// Processors, 1 to [`MAX_PROCESSORS`]
    pub processors: u32,
    /// Seed of the generator behind RDRAND and RDSEED: the host's entropy, or constant bytes for repeatable runs
    pub seed: Seed,
}

/// A PC.
pub struct Machine {
    vcpus: Vec<Vcpu>,
    board: Board,
    memory: Rc<GuestMemory>,
    /// The processor whose turn it is, and the instructions left of the turn if there are several
    turn: usize,
    turn_left: u64,
    resets: u64,
    /// The processor starts in firmware, and INIT# leads there
    has_firmware: bool,
    /// Instructions retired and the time when the processor last halted
    halted: (u64, VmTime),
}

/// The parts of a machine that are its state.
pub(crate) struct State<'a> {
    pub(crate) vcpus: &'a mut Vec<Vcpu>,
    pub(crate) board: &'a mut Board,
    pub(crate) memory: &'a Rc<GuestMemory>,
    pub(crate) turn: &'a mut usize,
    pub(crate) turn_left: &'a mut u64,
    pub(crate) resets: &'a mut u64,
    pub(crate) has_firmware: &'a mut bool,
}

/// Instructions between looks at the host's clock.
const REAL_TIME_SLICE: u64 = 100_000;
/// Instructions of one processor before the next has its turn: what one of them spins for another does soon.
pub(crate) const TURN: u64 = 10_000;
/// Nanoseconds of one halt, counted by [`Clock::Instructions`], after which it is taken to wait for input: skipping more
/// of it would only keep the host busy.
const LONG_HALT: u64 = 5_000_000_000;

impl Machine {
    /// Builds a machine of every device linked into the program.
    ///
    /// # Errors
    /// [`MachineError`]: no RAM, a number of processors that cannot be, or devices in each other's way.
    pub fn new(mut config: MachineConfig) -> Result<Self, MachineError> {
        let processors = config.processors;
        if !(1..=MAX_PROCESSORS).contains(&processors) {
            return Err(MachineError::Processors { processors });
        }
        let memory = Rc::new(GuestMemory::new(config.ram_bytes)?);
        let mut build = BoardConfig {
            epoch_seconds: config.epoch_seconds,
            processors,
            devices: &config.devices,
            left_out: &config.left_out,
            backends: &mut config.backends,
        };
        let board = Board::new(&mut build, config.clock, Random::new(config.seed), Rc::clone(&memory))?;
        let vcpus = (0..processors).map(|_| Vcpu::new(config.model, Rc::clone(&memory))).collect();
        let mut machine = Self {
            vcpus,
            board,
            memory,
            turn: 0,
            turn_left: TURN,
            resets: 0,
            has_firmware: true,
            halted: (0, VmTime::ZERO),
        };
        machine.start_processors();
        Ok(machine)
    }

    /// All processors but the first wait for a start-up message.
    ///
    /// SPEC: intel-sdm-vol3 :: 10.4.3 MP Initialization Protocol Algorithm for MP Systems -> the application processors wait for a SIPI; here the first processor is always the bootstrap processor
    fn start_processors(&mut self) {
        let several = self.vcpus.len() > 1;
        for (n, vcpu) in self.vcpus.iter_mut().enumerate() {
            vcpu.share_code(several);
            if n > 0 {
                vcpu.cpu.activity = Activity::WaitForSipi;
            }
        }
    }

    /// Guest memory.
    pub fn memory(&self) -> &Rc<GuestMemory> {
        &self.memory
    }

    /// Returns the first processor.
    pub fn vcpu(&self) -> &Vcpu {
        // A machine has at least one.
        &self.vcpus[0]
    }

    /// Returns the first processor, to change; the caller announces that by [`Vcpu::state_changed`].
    pub fn vcpu_mut(&mut self) -> &mut Vcpu {
        &mut self.vcpus[0]
    }

    /// Returns all processors.
    pub fn vcpus(&self) -> &[Vcpu] {
        &self.vcpus
    }

    /// Returns all processors, to change.
    pub fn vcpus_mut(&mut self) -> &mut [Vcpu] {
        &mut self.vcpus
    }

    /// Instructions that all processors retired since power-on.
    pub fn retired(&self) -> u64 {
        self.vcpus.iter().map(Vcpu::retired).sum()
    }

    /// Resets since power-on.
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// Ids of the devices, in building order.
    pub fn device_models(&self) -> Vec<&'static str> {
        self.board.device_models()
    }

    /// Returns the saved state. The duration of a halt is not part of it: it only determines when to poll the host for
    /// input.
    pub(crate) fn state(&mut self) -> State<'_> {
        let Self { vcpus, board, memory, turn, turn_left, resets, has_firmware, halted: _ } = self;
        State { vcpus, board, memory, turn, turn_left, resets, has_firmware }
    }

    /// Now.
    pub fn now(&self) -> VmTime {
        self.board.now(self.retired())
    }

    /// Input of the host arrives.
    pub fn host_event(&mut self, event: HostEvent) {
        self.board.host_event(self.retired(), event);
    }

    /// Returns the entries of the devices in firmware's tables.
    pub fn firmware_tables(&self) -> FirmwareTables {
        self.board.firmware_tables()
    }

    /// Returns the device by which firmware gets its configuration, where there is one.
    pub fn firmware_config(&mut self) -> Option<&mut dyn FirmwareConfig> {
        self.board.firmware_config()
    }

    /// Prepares the machine for a guest that is loaded without firmware: interrupts are routed as firmware would have
    /// done, and a reset of the processor alone reloads the guest.
    pub fn start_without_firmware(&mut self) {
        self.has_firmware = false;
        self.board.virtual_wire(self.retired());
    }

    /// Ports and MMIO as the first processor reaches them.
    pub fn bus(&mut self) -> impl VcpuBus {
        let others = self.vcpus.iter().skip(1).map(Vcpu::retired).sum();
        self.board.for_processor(0, others)
    }

    /// Drops decoded and compiled code of memory that was written from outside.
    pub fn invalidate_code(&mut self, at: GuestPhysAddr, len: u64) {
        for vcpu in &mut self.vcpus {
            vcpu.invalidate_code(at, len);
        }
    }

    /// Drops all decoded and compiled code: a guest was loaded.
    pub fn invalidate_all_code(&mut self) {
        for vcpu in &mut self.vcpus {
            vcpu.invalidate_all_code();
        }
    }

    /// Runs until `limit` instructions have retired since power-on, those of all processors, or something else stops the
    /// machine.
    pub fn run(&mut self, limit: u64) -> Stop {
        loop {
            let retired = self.retired();
            if retired >= limit {
                return Stop::Limit;
            }
            if self.board.poll_host(retired) && self.board.is_repeatable() {
                return Stop::Host;
            }
            self.board.advance(retired);
            if let Some(stop) = self.events() {
                return stop;
            }
            if self.board.take_alarm(retired) {
                return Stop::Alarm;
            }
            let until = self.board.instructions_to_deadline(retired).unwrap_or(REAL_TIME_SLICE).max(1);
            let Some(index) = self.next_to_run() else {
                if let Some(stop) = self.idle() {
                    return stop;
                }
                continue;
            };
            let turn = if self.vcpus.len() > 1 { self.turn_left } else { u64::MAX };
            match self.run_processor(index, until.min(turn).min(limit - retired)) {
                Exit::Budget | Exit::Bus | Exit::Halted => {}
                Exit::Shutdown => return Stop::TripleFault,
            }
        }
    }

    /// Returns the processor whose turn it is, or the next runnable one; `None` if all wait. The end of a turn depends
    /// on instructions only, not on how often the machine stops in between.
    fn next_to_run(&mut self) -> Option<usize> {
        let count = self.vcpus.len();
        let first = usize::from(self.turn_left == 0);
        let mut turns = (first..first + count).map(|n| (self.turn + n) % count);
        let next = turns.find(|&n| self.vcpus[n].is_woken_by(self.board.pending(n)))?;
        if next != self.turn || self.turn_left == 0 {
            (self.turn, self.turn_left) = (next, TURN);
        }
        Some(next)
    }

    fn run_processor(&mut self, index: usize, budget: u64) -> Exit {
        let others =
            self.vcpus.iter().enumerate().filter(|&(n, _)| n != index).map(|(_, vcpu)| vcpu.retired());
        let mut bus = self.board.for_processor(index, others.sum());
        let vcpu = &mut self.vcpus[index];
        vcpu.poll_bus();
        let before = vcpu.retired();
        let exit = vcpu.run(&mut bus, before.saturating_add(budget));
        let ran = vcpu.retired() - before;
        if self.vcpus.len() > 1 {
            self.turn_left = self.turn_left.saturating_sub(ran);
        }
        self.share_code_events(index);
        exit
    }

    /// Notifies all other processors of a processor's changes to code.
    fn share_code_events(&mut self, index: usize) {
        let events = self.vcpus[index].take_code_events();
        for event in &events {
            for (n, vcpu) in self.vcpus.iter_mut().enumerate() {
                if n != index {
                    vcpu.apply_code_event(event);
                }
            }
        }
    }

    /// Executes the requests of the devices.
    fn events(&mut self) -> Option<Stop> {
        for (at, len) in self.board.take_dma_writes() {
            self.invalidate_code(at, len);
        }
        let mut stop = None;
        for event in self.board.take_events() {
            match event {
                MachineEvent::PowerOff => stop = Some(Stop::PowerOff),
                MachineEvent::Init if self.has_firmware => self.vcpus[0].init_bootstrap(),
                // INIT# alone would start the processor in firmware, which does not exist: the guest is reloaded.
                MachineEvent::Reset | MachineEvent::Init => stop = Some(Stop::Reset),
                MachineEvent::DebugExit(code) => stop = Some(Stop::DebugExit(code)),
                MachineEvent::BootKernel { map_entries } => stop = Some(Stop::BootKernel { map_entries }),
            }
        }
        stop
    }

    /// All processors wait: skip or sleep to the next deadline.
    fn idle(&mut self) -> Option<Stop> {
        let retired = self.retired();
        let now = self.now();
        if self.halted.0 != retired {
            self.halted = (retired, now);
        }
        let long = now.since(self.halted.1) >= LONG_HALT;
        if self.board.has_events() {
            return None;
        }
        let interrupt = Pending { interrupt: true, ..Pending::default() };
        if !self.vcpus.iter().any(|vcpu| vcpu.is_woken_by(interrupt)) {
            return Some(Stop::Dead);
        }
        match self.board.idle_to_deadline(retired) {
            Some(None) => long.then(|| Stop::Idle(self.now().since(now))),
            Some(Some(ns)) => Some(Stop::Idle(ns)),
            None if self.board.poll_host(retired) => Some(Stop::Host),
            None => Some(Stop::Waiting),
        }
    }

    /// RESET#: devices and processors start over; RAM stays. The caller reloads the guest.
    pub fn reset(&mut self) {
        let retired = self.retired();
        self.board.reset(retired);
        for vcpu in &mut self.vcpus {
            vcpu.reset();
        }
        self.start_processors();
        (self.turn, self.turn_left) = (0, TURN);
        self.resets += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x86_state::RFlags;
    use x86_types::Seg;

    /// Returns a machine without devices that is about to halt.
    fn halting(flags: RFlags) -> Machine {
        let config = MachineConfig {
            ram_bytes: 1 << 20,
            model: CpuModel::X86_64_V2,
            clock: Clock::instructions(),
            epoch_seconds: 0,
            devices: Vec::new(),
            left_out: Vec::new(),
            backends: Backends::default(),
            processors: 1,
            seed: Seed::default(),
        };
        let Ok(mut machine) = Machine::new(config) else { panic!("1 MiB of RAM") };
        machine.memory().write(GuestPhysAddr(0x1000), &[0xf4]);
        let vcpu = machine.vcpu_mut();
        vcpu.cpu.seg[Seg::Cs as usize].base = 0;
        vcpu.cpu.rip = 0x1000;
        vcpu.cpu.set_rflags(RFlags::FIXED | flags);
        vcpu.state_changed();
        machine
    }

    #[test]
    fn who_halts_for_ever_is_told_from_who_waits() {
        for (flags, stop) in [(RFlags::empty(), Stop::Dead), (RFlags::IF, Stop::Waiting)] {
            let mut machine = halting(flags);
            assert_eq!(machine.run(1000), stop);
            assert_eq!(machine.vcpu().retired(), 1);
        }
    }
}
