//! The machine: one processor, RAM, devices, and the loop that gives them time.

use crate::board::Board;
use crate::random::{Random, Seed};
use crate::time::Clock;
use device_api::{BuildConfig, HostEvent, MachineEvent, VmTime};
use guest_ram::GuestRam;
use std::rc::Rc;
use thiserror::Error;
use x86_exec::{Exit, Vcpu};
use x86_state::cpuid::CpuModel;

/// Why a machine could not be built.
#[derive(Debug, Error)]
pub enum MachineError {
    /// RAM
    #[error(transparent)]
    Ram(#[from] guest_ram::RamError),
    /// Devices or buses
    #[error(transparent)]
    Bus(#[from] crate::bus::BusError),
    /// The guest's image
    #[error(transparent)]
    Boot(#[from] crate::boot::BootError),
}

/// Why [`Machine::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The instruction limit was reached
    Limit,
    /// The guest switched the machine off
    PowerOff,
    /// The guest asked for a reset and resets are not wanted, or there is nothing to restart from
    Reset,
    /// A triple fault, and resets are not wanted
    TripleFault,
    /// isa-debug-exit with this status
    DebugExit(u32),
    /// The guest waits for so many nanoseconds, or for input, and the host's clock cannot sleep
    Idle(u64),
    /// The guest waits for an interrupt, and no device will raise one by itself; [`Machine::host_event`] may
    Waiting,
    /// The guest waits with interrupts off: nothing can wake it
    Dead,
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
    /// Back ends of COM1 to COM4
    pub serial: [Option<Box<dyn device_api::SerialPort>>; 4],
    /// Port of isa-debug-exit
    pub debug_exit: Option<u16>,
    /// Seed of the generator behind RDRAND and RDSEED: the host's entropy, or constant bytes for repeatable runs
    pub seed: Seed,
}

/// A PC.
pub struct Machine {
    vcpu: Vcpu,
    ram: Rc<GuestRam>,
    resets: u64,
}

/// Instructions between looks at the host's clock.
const REAL_TIME_SLICE: u64 = 100_000;

impl Machine {
    /// Builds a machine of every device linked into the program.
    ///
    /// # Errors
    /// [`MachineError`]: no RAM, or devices in each other's way.
    pub fn new(mut config: MachineConfig) -> Result<Self, MachineError> {
        let ram = Rc::new(GuestRam::new(config.ram_bytes)?);
        let mut build = BuildConfig {
            ram_bytes: ram.layout().size(),
            epoch_seconds: config.epoch_seconds,
            serial: &mut config.serial,
            debug_exit: config.debug_exit,
            processors: 1,
        };
        let board = Board::new(&mut build, config.clock, Random::new(config.seed), Rc::clone(&ram))?;
        let vcpu = Vcpu::new(config.model, Rc::clone(&ram), Box::new(board));
        Ok(Self { vcpu, ram, resets: 0 })
    }

    /// Guest RAM.
    pub fn ram(&self) -> &Rc<GuestRam> {
        &self.ram
    }

    /// The processor.
    pub fn vcpu(&self) -> &Vcpu {
        &self.vcpu
    }

    /// The processor, to change; [`Vcpu::state_changed`] is called by whoever does.
    pub fn vcpu_mut(&mut self) -> &mut Vcpu {
        &mut self.vcpu
    }

    /// Resets since power-on.
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// Ids of the devices, in building order.
    pub fn device_ids(&mut self) -> Vec<&'static str> {
        self.board().map(|board| board.device_ids()).unwrap_or_default()
    }

    pub(crate) fn save_devices(&mut self, out: &mut Vec<u8>) {
        if let Some(board) = self.board() {
            board.save(out);
        }
    }

    fn board(&mut self) -> Option<&mut Board> {
        self.vcpu.bus_mut().as_any_mut().downcast_mut()
    }

    /// Now.
    pub fn now(&mut self) -> VmTime {
        let retired = self.vcpu.retired();
        self.board().map_or(VmTime::ZERO, |board| board.now(retired))
    }

    /// A person did something.
    pub fn host_event(&mut self, event: HostEvent) {
        let retired = self.vcpu.retired();
        if let Some(board) = self.board() {
            board.host_event(retired, event);
        }
    }

    /// Whether the devices let address line 20 through.
    pub fn a20(&mut self) -> bool {
        self.board().is_none_or(|board| board.a20())
    }

    /// Runs until `limit` instructions have retired since power-on or something else stops the machine.
    pub fn run(&mut self, limit: u64) -> Stop {
        loop {
            let retired = self.vcpu.retired();
            if retired >= limit {
                return Stop::Limit;
            }
            let Some(board) = self.board() else { return Stop::Dead };
            board.advance(retired);
            if let Some(stop) = self.events() {
                return stop;
            }
            let Some(board) = self.board() else { return Stop::Dead };
            let until = board.instructions_to_deadline(retired).unwrap_or(REAL_TIME_SLICE);
            self.vcpu.poll_bus();
            match self.vcpu.run(retired.saturating_add(until.max(1)).min(limit)) {
                Exit::Budget | Exit::Bus => {}
                Exit::Halted => {
                    if let Some(stop) = self.idle() {
                        return stop;
                    }
                }
                Exit::Shutdown => return Stop::TripleFault,
            }
        }
    }

    /// Carries out what devices asked for.
    fn events(&mut self) -> Option<Stop> {
        let board = self.board()?;
        let (events, written) = (board.take_events(), board.take_dma_writes());
        for (at, len) in written {
            self.vcpu.invalidate_code(at, len);
        }
        let mut stop = None;
        for event in events {
            match event {
                MachineEvent::PowerOff => stop = Some(Stop::PowerOff),
                // INIT# alone would start the processor in firmware, which does not exist: the guest starts anew.
                MachineEvent::Reset | MachineEvent::Init => stop = Some(Stop::Reset),
                MachineEvent::DebugExit(code) => stop = Some(Stop::DebugExit(code)),
            }
        }
        stop
    }

    /// The processor is halted: skip or sleep to the next deadline.
    fn idle(&mut self) -> Option<Stop> {
        let interruptible = self.vcpu.cpu.system_flags.contains(x86_state::RFlags::IF);
        let retired = self.vcpu.retired();
        let board = self.board()?;
        if board.has_events() {
            return None;
        }
        if !interruptible {
            return Some(Stop::Dead);
        }
        match board.idle_to_deadline(retired) {
            Some(None) => None,
            Some(Some(ns)) => Some(Stop::Idle(ns)),
            None => Some(Stop::Waiting),
        }
    }

    /// RESET#: devices and processor start over; RAM stays. The caller loads the guest anew.
    pub fn reset(&mut self) {
        let retired = self.vcpu.retired();
        if let Some(board) = self.board() {
            board.reset(retired);
        }
        self.vcpu.reset();
        self.resets += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x86_state::RFlags;
    use x86_types::{GuestPhysAddr, Seg};

    /// A machine without devices that is about to halt.
    fn halting(flags: RFlags) -> Machine {
        let config = MachineConfig {
            ram_bytes: 1 << 20,
            model: CpuModel::X86_64_V2,
            clock: Clock::instructions(),
            epoch_seconds: 0,
            serial: [None, None, None, None],
            debug_exit: None,
            seed: Seed::default(),
        };
        let Ok(mut machine) = Machine::new(config) else { panic!("1 MiB of RAM") };
        machine.ram().write(GuestPhysAddr(0x1000), &[0xf4]);
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
