//! The controller: its registers, the phases of a command, interrupts and reset.

use super::command;
use super::drive::Drive;
use super::end::End;
use super::spec::*;
use super::transfer::{Io, Transfer};
use crate::codec::{codec_enum, codec_struct};
use device_api::{BlockError, VmTime};

/// Where a command is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first byte of a command is expected
    #[default]
    Idle,
    /// Parameters are expected
    Command,
    /// The command runs
    Execution,
    /// Results wait to be read
    Result,
}
codec_enum!(Phase { Idle, Command, Execution, Result });

/// The longest list of parameters or results: RESTORE.
pub(super) const LONGEST: usize = 18;

/// Registers that commands set and return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Parameters of SPECIFY
    pub(super) specify: [u8; 2],
    pub(super) config: u8,
    pub(super) precompensation: u8,
    pub(super) lock: bool,
    pub(super) perpendicular: u8,
    pub(super) power: u8,
    pub(super) drive_types: [u8; 4],
    /// EOT, or sectors of a track, of the last command that had it
    pub(super) last_sector: u8,
}
codec_struct!(Settings {
    specify,
    config,
    precompensation,
    lock,
    perpendicular,
    power,
    drive_types,
    last_sector
});

impl Default for Settings {
    /// SPEC: intel-82077aa :: CONFIGURE -> no implied seeks, polling, FIFO disabled after hardware reset
    fn default() -> Self {
        Self {
            specify: [0, 0],
            config: Config::NO_FIFO.bits(),
            precompensation: 0,
            lock: false,
            perpendicular: 0,
            power: 0,
            drive_types: [0; 4],
            last_sector: 0,
        }
    }
}

/// State of the controller and of its drives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    pub(super) drives: [Drive; 4],
    pub(super) settings: Settings,
    dor: u8,
    tdr: u8,
    dsr: u8,
    pub(super) phase: Phase,
    /// The command with its parameters, or results
    pub(super) fifo: [u8; LONGEST],
    /// Bytes in `fifo`, or results in it
    pub(super) len: u8,
    /// Results read
    read: u8,
    /// ST0 of each drive, for SENSE INTERRUPT STATUS
    pub(super) ended: [Option<u8>; 4],
    /// The interrupt output, before its gate
    pub(super) interrupt: bool,
    /// The results announced themselves by it
    announced: bool,
    pub(super) transfer: Option<Transfer>,
    /// When READ ID has found one
    pub(super) found_at: Option<VmTime>,
}
codec_struct!(Chip {
    drives,
    settings,
    dor,
    tdr,
    dsr,
    phase,
    fifo,
    len,
    read,
    ended,
    interrupt,
    announced,
    transfer,
    found_at
});

impl Default for Chip {
    /// The state that firmware sets up: out of reset.
    fn default() -> Self {
        Self {
            drives: std::array::from_fn(|_| Drive::default()),
            settings: Settings::default(),
            dor: (Dor::NOT_RESET | Dor::DMA_GATE).bits(),
            tdr: 0,
            // SPEC: intel-82077aa :: Datarate Select Register (DSR) -> 250 kb/s after hardware reset
            dsr: rate::K250,
            phase: Phase::Idle,
            fifo: [0; LONGEST],
            len: 0,
            read: 0,
            ended: [None; 4],
            interrupt: false,
            announced: false,
            transfer: None,
            found_at: None,
        }
    }
}

impl Chip {
    fn dor(&self) -> Dor {
        Dor::from_bits_truncate(self.dor)
    }

    /// Returns the data rate.
    pub(super) fn rate(&self) -> u8 {
        self.dsr & Dsr::RATE.bits()
    }

    /// Returns the drive that a command names.
    pub(super) fn drive(&mut self, unit: u8) -> &mut Drive {
        &mut self.drives[usize::from(unit & 3)]
    }

    /// Returns whether transfers go by DMA.
    pub(super) fn by_dma(&self) -> bool {
        self.settings.specify[1] & 1 == 0 && self.dor().contains(Dor::DMA_GATE)
    }

    /// Returns the interrupt output.
    ///
    /// SPEC: intel-82077aa :: Digital Output Register (DOR) -> the DMA gate switches INT and DRQ on
    pub(super) fn irq(&self) -> bool {
        self.interrupt && self.dor().contains(Dor::DMA_GATE)
    }

    /// Returns the DMA request output.
    pub(super) fn dma_request(&self) -> bool {
        self.by_dma() && self.transfer.as_ref().is_some_and(Transfer::needs_host)
    }

    /// What the controller waits for from a medium.
    pub(super) fn io(&self) -> Option<Io> {
        self.transfer.as_ref().and_then(|transfer| transfer.io(&self.drives))
    }

    /// Returns the bytes of the sector that a write is for.
    pub(super) fn sector(&self) -> &[u8] {
        self.transfer.as_ref().map_or(&[], |transfer| transfer.sector())
    }

    /// A medium has answered.
    pub(super) fn io_done(&mut self, result: Result<Vec<u8>, BlockError>) {
        let by_dma = self.by_dma();
        self.with_transfer(|transfer, drives| {
            let end = transfer.io_done(result);
            end.or_else(|| if by_dma { None } else { transfer.without_count(drives) })
        });
    }

    /// DMA takes bytes. Returns how many there are.
    pub(super) fn give(&mut self, bytes: &mut [u8]) -> usize {
        let mut given = 0;
        self.with_transfer(|transfer, drives| {
            let end = transfer.without_count(drives);
            given = if end.is_none() { transfer.give(bytes) } else { 0 };
            end
        });
        given
    }

    /// DMA has bytes. Returns how many are taken.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        self.with_transfer(|transfer, drives| {
            transfer.without_count(drives).or_else(|| {
                taken = transfer.take(bytes);
                transfer.received(drives)
            })
        });
        taken
    }

    /// Terminal count: the DMA controller has transferred the last byte.
    pub(super) fn terminal_count(&mut self) {
        self.with_transfer(|transfer, drives| transfer.terminal_count(drives));
    }

    /// Runs a step of the transfer, and ends the command if the step does. Without DMA each sector raises an interrupt.
    pub(super) fn with_transfer(&mut self, step: impl FnOnce(&mut Transfer, &[Drive; 4]) -> Option<End>) {
        let by_dma = self.by_dma();
        let Some(transfer) = &mut self.transfer else { return };
        let waited = !transfer.needs_host();
        let end = step(transfer, &self.drives);
        if waited && transfer.needs_host() && !by_dma {
            self.interrupt = true;
        }
        if let Some(end) = end {
            let result = transfer.result(end);
            self.transfer = None;
            self.finish(&result, true);
        }
    }

    /// Enters the result phase; `interrupt` is whether it raises an interrupt.
    pub(super) fn finish(&mut self, result: &[u8], interrupt: bool) {
        self.fifo.iter_mut().zip(result).for_each(|(to, from)| *to = *from);
        self.len = result.len().min(LONGEST) as u8;
        self.read = 0;
        self.phase = if result.is_empty() { Phase::Idle } else { Phase::Result };
        self.interrupt |= interrupt;
        self.announced = interrupt;
    }

    /// Returns whether the end of a seek has not been sensed yet. The interrupt of a reset covers all drives; each seek
    /// has its own.
    pub(super) fn seek_waits(&self) -> bool {
        let polling = |status: u8| St0::from_bits_truncate(status).contains(St0::POLLING);
        self.ended.iter().flatten().any(|status| !polling(*status))
    }

    /// When READ ID ends.
    pub(super) fn next_event(&self) -> Option<VmTime> {
        self.found_at
    }

    /// Brings the controller up to `now`.
    pub(super) fn catch_up(&mut self, now: VmTime) {
        if self.found_at.is_some_and(|at| at <= now) {
            self.found_at = None;
            command::id_found(self);
        }
    }

    /// SPEC: intel-82077aa :: Main Status Register (MSR) -> the host may access the data register with RQM; DIO is the direction
    fn msr(&self) -> Msr {
        if !self.dor().contains(Dor::NOT_RESET) {
            return Msr::empty();
        }
        match (self.phase, &self.transfer) {
            (Phase::Idle, _) => Msr::RQM,
            (Phase::Command, _) => Msr::RQM | Msr::CMD_BUSY,
            (Phase::Result, _) => Msr::RQM | Msr::DIO | Msr::CMD_BUSY,
            (Phase::Execution, Some(transfer)) if !self.by_dma() => {
                let ready = if transfer.needs_host() { Msr::RQM } else { Msr::empty() };
                let direction = if transfer.reads() { Msr::DIO } else { Msr::empty() };
                Msr::CMD_BUSY | Msr::NON_DMA | ready | direction
            }
            (Phase::Execution, _) => Msr::CMD_BUSY,
        }
    }

    pub(super) fn read_port(&mut self, port: u16) -> u8 {
        match port.wrapping_sub(BASE) {
            offset::SRA => {
                let pending = if self.interrupt { Sra::INT_PENDING } else { Sra::empty() };
                let second = if self.drives[1].kind.is_none() { Sra::NO_DRIVE_2 } else { Sra::empty() };
                (pending | second).bits()
            }
            offset::SRB => {
                let dor = self.dor();
                let flag = |of: Dor, is: Srb| if dor.contains(of) { is } else { Srb::empty() };
                let drive_0 = if self.dor & 1 != 0 { Srb::DRIVE_0 } else { Srb::empty() };
                let motors = flag(Dor::MOTOR_0, Srb::MOTOR_0) | flag(Dor::MOTOR_1, Srb::MOTOR_1);
                (Srb::ONES | motors | drive_0).bits()
            }
            offset::DOR => self.dor,
            offset::TDR => self.tdr,
            offset::MSR_DSR => self.msr().bits(),
            offset::FIFO => self.read_data(),
            // The low bits are the disk's on a PC.
            offset::DIR_CCR => {
                let selected = self.dor & Dor::SELECT.bits();
                if self.drive(selected).changed { DSKCHG } else { 0 }
            }
            _ => 0xff,
        }
    }

    pub(super) fn write_port(&mut self, now: VmTime, port: u16, value: u8) {
        let running = self.dor().contains(Dor::NOT_RESET);
        match port.wrapping_sub(BASE) {
            offset::DOR => self.write_dor(value),
            offset::TDR => self.tdr = value & 3,
            offset::MSR_DSR => {
                self.dsr = value & !Dsr::RESET.bits();
                if value & Dsr::RESET.bits() != 0 {
                    self.reset();
                }
            }
            offset::FIFO if running => self.write_data(now, value),
            offset::DIR_CCR => self.dsr = self.dsr & !Dsr::RATE.bits() | value & Dsr::RATE.bits(),
            _ => {}
        }
    }

    fn write_dor(&mut self, value: u8) {
        let before = self.dor();
        self.dor = value;
        match (before.contains(Dor::NOT_RESET), self.dor().contains(Dor::NOT_RESET)) {
            (true, false) => self.stop(),
            (false, true) => self.reset(),
            _ => {}
        }
    }

    /// Whatever ran is over.
    fn stop(&mut self) {
        self.phase = Phase::Idle;
        self.transfer = None;
        self.found_at = None;
        self.interrupt = false;
        self.ended = [None; 4];
    }

    /// Software reset. The heads return to track 0, as in QEMU: not all drivers recalibrate after a reset.
    ///
    /// SPEC: intel-82077aa :: Drive Polling -> after reset each drive is reported as changed: one interrupt, four SENSE INTERRUPT STATUS
    /// SPEC: intel-82077aa :: LOCK -> while locked a software reset leaves FIFO, its threshold and precompensation alone
    /// SPEC: intel-82077aa :: PERPENDICULAR MODE -> a software reset clears GAP and WGATE
    fn reset(&mut self) {
        self.stop();
        let settings = &mut self.settings;
        let kept = (Config::NO_FIFO | Config::THRESHOLD).bits();
        settings.config = if settings.lock { settings.config & kept } else { Config::NO_FIFO.bits() };
        if !settings.lock {
            settings.precompensation = 0;
        }
        settings.perpendicular &= !3;
        for drive in &mut self.drives {
            drive.track = 0;
        }
        self.ended = std::array::from_fn(|unit| Some(St0::POLLING.bits() | unit as u8));
        self.interrupt = true;
    }

    fn read_data(&mut self) -> u8 {
        match self.phase {
            Phase::Result => {
                // SPEC: intel-82077aa :: Result Phase -> reading the first result clears the interrupt
                if std::mem::take(&mut self.announced) {
                    self.interrupt = self.seek_waits();
                }
                let byte = self.fifo.get(usize::from(self.read)).copied().unwrap_or(0);
                self.read = self.read.saturating_add(1);
                if self.read >= self.len {
                    self.phase = Phase::Idle;
                }
                byte
            }
            Phase::Execution if !self.by_dma() => {
                let mut byte = [0];
                if self.transfer.as_ref().is_some_and(|transfer| transfer.reads() && transfer.needs_host()) {
                    self.interrupt = false;
                    self.with_transfer(|transfer, drives| {
                        transfer.give(&mut byte);
                        transfer.without_count(drives)
                    });
                }
                byte[0]
            }
            _ => 0,
        }
    }

    fn write_data(&mut self, now: VmTime, value: u8) {
        match self.phase {
            Phase::Result => {}
            Phase::Execution => {
                let takes = |transfer: &Transfer| !transfer.reads() && transfer.needs_host();
                if !self.by_dma() && self.transfer.as_ref().is_some_and(takes) {
                    self.interrupt = false;
                    self.with_transfer(|transfer, drives| {
                        transfer.take(&[value]);
                        transfer.received(drives).or_else(|| transfer.without_count(drives))
                    });
                }
            }
            Phase::Idle | Phase::Command => {
                if self.phase == Phase::Idle {
                    self.len = 0;
                }
                if let Some(to) = self.fifo.get_mut(usize::from(self.len)) {
                    *to = value;
                    self.len += 1;
                }
                self.phase = Phase::Command;
                if command::is_complete(self.fifo.get(..usize::from(self.len)).unwrap_or_default()) {
                    command::run(self, now);
                }
            }
        }
    }
}
