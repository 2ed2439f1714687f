//! A channel: two drives on one cable, their registers, their bus master.

use super::bus_master::BusMaster;
use super::drive::{Drive, Kind, Phase};
use super::spec::*;
use crate::codec::Codec;
use device_api::DmaMemory;

/// State of a channel.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) drives: [Drive; 2],
    /// The drive that the DEV bit selects
    selected: u8,
    control: u8,
    pub(super) master: BusMaster,
    /// The interrupt line as it was driven last
    line: bool,
    /// It fell since then
    fell: bool,
}

impl Channel {
    pub(super) fn new(drives: [Drive; 2]) -> Self {
        Self { drives, selected: 0, control: 0, master: BusMaster::default(), line: false, fell: false }
    }

    /// RESET#.
    pub(super) fn reset(&mut self) {
        self.drives.iter_mut().for_each(Drive::power_on);
        self.selected = 0;
        self.control = 0;
        self.master = BusMaster::default();
    }

    fn selected(&mut self) -> &mut Drive {
        &mut self.drives[usize::from(self.selected & 1)]
    }

    fn is_empty(&self) -> bool {
        self.drives.iter().all(|drive| drive.kind == Kind::Absent)
    }

    /// Returns whether the selected drive is a second one that is not there: it drives nothing, and takes no command.
    fn is_absent(&self) -> bool {
        self.selected == 1 && self.drives[1].kind == Kind::Absent
    }

    fn control(&self) -> Control {
        Control::from_bits_truncate(self.control)
    }

    /// Reads a byte register, the data register excepted.
    ///
    /// Without drives the registers read as zeros; a missing second drive has a status of zero, and no error.
    pub(super) fn read(&mut self, offset: u16) -> u8 {
        if self.is_empty() {
            return 0;
        }
        let previous = self.control().contains(Control::HOB);
        let absent = self.is_absent();
        let drive = self.selected();
        let task = &drive.task;
        match offset {
            register::ERROR_FEATURES if absent => 0,
            register::ERROR_FEATURES if previous => task.features.previous,
            register::ERROR_FEATURES => drive.error,
            register::SECTOR_COUNT => task.count.read(previous),
            register::LBA_LOW => task.low.read(previous),
            register::LBA_MID => task.mid.read(previous),
            register::LBA_HIGH => task.high.read(previous),
            register::DEVICE => task.device,
            register::STATUS_COMMAND if absent => 0,
            register::STATUS_COMMAND => {
                // SPEC: ata-atapi-6 :: Status register -> reading it clears the pending interrupt
                drive.intrq = false;
                drive.status.bits()
            }
            _ => 0xff,
        }
    }

    /// Returns the status, and leaves the interrupt pending.
    ///
    /// SPEC: ata-atapi-6 :: Alternate Status register -> as the status register, without its effect
    pub(super) fn alternate_status(&mut self) -> u8 {
        if self.is_empty() || self.is_absent() { 0 } else { self.selected().status.bits() }
    }

    /// Writes a byte register, the data register excepted.
    pub(super) fn write(&mut self, offset: u16, value: u8) {
        // SPEC: ata-atapi-6 :: Device Control register -> HOB is cleared by a write to any command block register
        self.control &= !Control::HOB.bits();
        if offset == register::STATUS_COMMAND {
            return self.command(value);
        }
        if self.selected().is_busy() {
            return;
        }
        // Both drives see what is written.
        for drive in &mut self.drives {
            let task = &mut drive.task;
            match offset {
                register::ERROR_FEATURES => task.features.write(value),
                register::SECTOR_COUNT => task.count.write(value),
                register::LBA_LOW => task.low.write(value),
                register::LBA_MID => task.mid.write(value),
                register::LBA_HIGH => task.high.write(value),
                register::DEVICE => task.device = value | DeviceBits::ONES.bits(),
                _ => {}
            }
        }
        if offset == register::DEVICE {
            self.selected = u8::from(value & DeviceBits::DEV.bits() != 0);
        }
    }

    fn command(&mut self, code: u8) {
        if self.control().contains(Control::SRST) {
            return;
        }
        // A command takes a pending interrupt back, and may raise its own before the line is looked at again.
        self.fell |= self.line;
        if code == command::EXECUTE_DEVICE_DIAGNOSTIC && !self.is_empty() {
            return self.diagnose();
        }
        if !self.is_absent() {
            self.selected().command(code);
        }
    }

    /// SPEC: ata-atapi-6 :: EXECUTE DEVICE DIAGNOSTIC -> both drives do it, signature, code 01h; device 0 is selected
    fn diagnose(&mut self) {
        if self.selected().is_busy() {
            return;
        }
        self.drives.iter_mut().for_each(Drive::soft_reset);
        self.selected = 0;
        self.drives[0].intrq = true;
    }

    /// Writes the device control register.
    ///
    /// SPEC: ata-atapi-6 :: Software reset -> BSY while SRST is set, signature and status when it is cleared, no interrupt
    pub(super) fn write_control(&mut self, value: u8) {
        let (was, is) = (self.control().contains(Control::SRST), value & Control::SRST.bits() != 0);
        self.control = value;
        if was != is {
            for drive in &mut self.drives {
                drive.soft_reset();
                if is {
                    drive.status = Status::BSY;
                }
            }
            self.selected = 0;
        }
    }

    /// Reads the data register.
    #[inline]
    pub(super) fn data_in(&mut self, out: &mut [u8]) {
        self.selected().data_in(out);
    }

    /// Writes the data register.
    #[inline]
    pub(super) fn data_out(&mut self, bytes: &[u8]) {
        self.selected().data_out(bytes);
    }

    /// Returns whether nothing is to be done but by the host's accesses.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        let idle = |drive: &Drive| !matches!(drive.phase, Phase::Medium | Phase::Dma);
        self.drives.iter().all(idle) && self.level() == self.line && !self.fell
    }

    /// SPEC: ata-atapi-6 :: INTRQ -> driven by the selected drive, unless nIEN is set
    fn level(&self) -> bool {
        let pending = self.drives[usize::from(self.selected & 1)].intrq;
        pending && !self.control().contains(Control::NIEN)
    }

    /// Returns what the interrupt line does, in order.
    pub(super) fn line_changes(&mut self) -> impl Iterator<Item = bool> + use<> {
        let falls = std::mem::take(&mut self.fell) && self.line;
        let level = self.level();
        let before = self.line && !falls;
        self.line = level;
        if level && !before {
            self.master.interrupt();
        }
        let change = (level != before).then_some(level);
        falls.then_some(false).into_iter().chain(change)
    }

    /// Has the bus master move what a drive waits with. Returns whether it did anything.
    pub(super) fn run_master(&mut self, memory: &mut dyn DmaMemory) -> bool {
        if !self.master.is_active() {
            return false;
        }
        for drive in &mut self.drives {
            let Some(to_memory) = drive.dma_to_memory() else { continue };
            let whole = self.master.transfer(memory, to_memory, drive.dma_bytes());
            drive.dma_moved(whole);
            if !whole {
                self.master.stop();
            } else if drive.phase == Phase::Idle {
                self.master.finish();
            }
            return true;
        }
        false
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        // The line is driven before anything is saved.
        let Self { drives, selected, control, master, line, fell: _ } = self;
        drives.iter().for_each(|drive| drive.save(out));
        selected.put(out);
        control.put(out);
        master.put(out);
        line.put(out);
    }

    /// Returns this channel in the state that was saved.
    pub(super) fn loaded(&self, bytes: &mut &[u8]) -> Option<Self> {
        let [first, second] = &self.drives;
        Some(Self {
            drives: [first.loaded(bytes)?, second.loaded(bytes)?],
            selected: Codec::get(bytes)?,
            control: Codec::get(bytes)?,
            master: Codec::get(bytes)?,
            line: Codec::get(bytes)?,
            fell: false,
        })
    }
}
