//! The device's state: registers, what it computes, and its bus master.

use super::spec::{self, DmaCommand, Status};
use crate::codec::codec_struct;
use device_api::{DmaMemory, VmTime};
use x86_types::GuestPhysAddr;

/// Nanoseconds that a factorial takes: long enough that a driver has to wait for it.
const COMPUTE_NS: u64 = 1_000_000;
/// Nanoseconds that a transfer takes, as in QEMU.
const DMA_NS: u64 = 100_000_000;

/// Registers of the bus master.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Dma {
    source: u64,
    destination: u64,
    count: u64,
    command: u64,
}

codec_struct!(Dma { source, destination, count, command });

/// The effect of a call on the interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// The interrupt status got bits: an edge for message-signalled interrupts
    Raised,
    /// Nothing new; the level may have changed
    Level,
}

/// The device without its bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    liveness: u32,
    factorial: u32,
    status: u32,
    interrupts: u32,
    dma: Dma,
    buffer: Vec<u8>,
    computes_until: Option<VmTime>,
    transfers_until: Option<VmTime>,
}

codec_struct!(Chip { liveness, factorial, status, interrupts, dma, buffer, computes_until, transfers_until });

impl Default for Chip {
    fn default() -> Self {
        Self {
            liveness: 0,
            factorial: 0,
            status: 0,
            interrupts: 0,
            dma: Dma::default(),
            buffer: vec![0; spec::BUFFER_LEN],
            computes_until: None,
            transfers_until: None,
        }
    }
}

/// Returns n! modulo 2^32. It is 0 from 34! on, which has 32 factors of two.
fn factorial(n: u32) -> u32 {
    if n >= 34 { 0 } else { (1..=n).fold(1, u32::wrapping_mul) }
}

impl Chip {
    /// Returns whether a state that was loaded can be that of a device.
    pub(super) fn is_valid(&self) -> bool {
        self.buffer.len() == spec::BUFFER_LEN
    }

    /// Returns whether INTA# is asserted where messages are off.
    pub(super) fn interrupts(&self) -> bool {
        self.interrupts != 0
    }

    /// Returns a register; all ones where there is none, or where `size` does not fit it.
    pub(super) fn read(&self, at: u64, size: u8) -> u64 {
        if !takes(at, size) {
            return u64::MAX;
        }
        match at {
            spec::IDENTIFICATION => spec::IDENTIFICATION_VALUE.into(),
            spec::LIVENESS => self.liveness.into(),
            spec::FACTORIAL => self.factorial.into(),
            spec::STATUS => self.status.into(),
            spec::INTERRUPT_STATUS => self.interrupts.into(),
            spec::DMA_SOURCE => self.dma.source,
            spec::DMA_DESTINATION => self.dma.destination,
            spec::DMA_COUNT => self.dma.count,
            spec::DMA_COMMAND => self.dma.command,
            _ => u64::MAX,
        }
    }

    /// Writes a register. The bus master's registers keep their values while it runs.
    pub(super) fn write(&mut self, now: VmTime, at: u64, size: u8, value: u64) -> Signal {
        if !takes(at, size) {
            return Signal::Level;
        }
        let (low, idle) = (value as u32, self.dma.command & DmaCommand::RUN.bits() == 0);
        match at {
            spec::LIVENESS => self.liveness = !low,
            spec::FACTORIAL if self.status & Status::COMPUTING.bits() == 0 => {
                self.factorial = low;
                self.status |= Status::COMPUTING.bits();
                self.computes_until = Some(now + COMPUTE_NS);
            }
            spec::STATUS => {
                let asks = low & Status::INTERRUPT.bits();
                self.status = self.status & !Status::INTERRUPT.bits() | asks;
            }
            spec::INTERRUPT_RAISE => return self.raise(low),
            spec::INTERRUPT_ACKNOWLEDGE => self.interrupts &= !low,
            spec::DMA_SOURCE if idle => self.dma.source = value,
            spec::DMA_DESTINATION if idle => self.dma.destination = value,
            spec::DMA_COUNT if idle => self.dma.count = value,
            spec::DMA_COMMAND if idle && value & DmaCommand::RUN.bits() != 0 => {
                self.dma.command = value;
                self.transfers_until = Some(now + DMA_NS);
            }
            _ => {}
        }
        Signal::Level
    }

    fn raise(&mut self, bits: u32) -> Signal {
        self.interrupts |= bits;
        if self.interrupts != 0 { Signal::Raised } else { Signal::Level }
    }

    /// Returns when something ends.
    pub(super) fn deadline(&self) -> Option<VmTime> {
        [self.computes_until, self.transfers_until].into_iter().flatten().min()
    }

    /// Ends what is due. `mask` holds the address bits that the bus master drives; without `memory` it may not be one.
    pub(super) fn advance(&mut self, now: VmTime, mask: u64, memory: Option<&mut dyn DmaMemory>) -> Signal {
        let mut signal = Signal::Level;
        if self.computes_until.is_some_and(|at| at <= now) {
            self.computes_until = None;
            self.factorial = factorial(self.factorial);
            self.status &= !Status::COMPUTING.bits();
            if self.status & Status::INTERRUPT.bits() != 0 {
                signal = self.raise(spec::FACTORIAL_DONE);
            }
        }
        if self.transfers_until.is_some_and(|at| at <= now) {
            self.transfers_until = None;
            let command = DmaCommand::from_bits_retain(self.dma.command);
            if let Some(memory) = memory {
                self.transfer(command.contains(DmaCommand::TO_RAM), mask, memory);
            }
            self.dma.command &= !DmaCommand::RUN.bits();
            if command.contains(DmaCommand::INTERRUPT) {
                signal = self.raise(spec::DMA_DONE);
            }
        }
        signal
    }

    /// Moves the bytes. A range that is not inside the buffer moves none.
    fn transfer(&mut self, to_ram: bool, mask: u64, memory: &mut dyn DmaMemory) {
        let Dma { source, destination, count, .. } = self.dma;
        let (inside, outside) = if to_ram { (source, destination) } else { (destination, source) };
        let range = inside.checked_sub(spec::BUFFER_START).and_then(|start| {
            let start = usize::try_from(start).ok()?;
            self.buffer.get_mut(start..start.checked_add(usize::try_from(count).ok()?)?)
        });
        let Some(bytes) = range else {
            tracing::debug!("a transfer of {count} bytes at {inside:#x} is not inside the buffer");
            return;
        };
        let address = GuestPhysAddr(outside & mask);
        if to_ram { memory.write(address, bytes) } else { memory.read(address, bytes) }
    }
}

/// Returns whether a register takes accesses of this size.
fn takes(at: u64, size: u8) -> bool {
    size == 4 || size == 8 && at >= spec::WIDE_REGISTERS
}
