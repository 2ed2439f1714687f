//! The floppy disk controller, an 82077AA with what QEMU has of the 82078, and its drives.

mod chip;
mod command;
mod drive;
mod end;
mod floppy;
mod geometry;
mod spec;
#[cfg(test)]
mod tests;
mod transfer;

use crate::aml::Node;
use crate::media_errors::Reported;
use crate::{codec::Codec, lanes};
use chip::Chip;
use device_api::{
    BlockBackend, BlockError, BlockOp, BuildConfig, Ctx, Device, DeviceDecl, DeviceError, DmaPeripheral,
    DriveInfo, Drives, FirmwareTables, HostIo, IrqLine, Pio, PortRange, RequestId, Snapshot, Stage, Timed,
    VmTime, capabilities, declare_device,
};
pub use geometry::DriveType;

const ID: &str = "isa-fdc";
const IRQ: IrqLine = IrqLine(6);
const DMA_CHANNEL: u8 = 2;

/// A connected drive.
#[derive(Debug)]
struct Connected {
    id: String,
    medium: Option<Box<dyn BlockBackend>>,
    reported: Reported,
}

/// The controller with its drives.
#[derive(Debug, Default)]
pub struct Fdc {
    chip: Chip,
    drives: [Option<Connected>; 2],
    /// The pending request, and its drive
    request: Option<(RequestId, u8)>,
    requests: u64,
}

impl Fdc {
    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        let mut fdc = Self::default();
        for floppy::Floppy { id, unit, kind, medium } in floppy::attached(config)? {
            let drive = fdc.chip.drive(unit as u8);
            drive.kind = Some(kind);
            drive.change(medium.as_ref().map(|medium| {
                let info = medium.info();
                (info.bytes, info.read_only)
            }));
            if let Some(place) = fdc.drives.get_mut(unit) {
                *place = Some(Connected { id, medium, reported: Reported::default() });
            }
        }
        Ok(Box::new(fdc))
    }

    fn medium(&mut self, unit: u8) -> Option<&mut Box<dyn BlockBackend>> {
        self.drives.get_mut(usize::from(unit))?.as_mut()?.medium.as_mut()
    }

    /// Hands requests to the media and takes what has completed. Returns whether anything went on.
    fn serve_io(&mut self) -> bool {
        let mut any = false;
        if self.chip.io().is_none() {
            self.request = None;
        }
        loop {
            if self.request.is_none() {
                let Some(io) = self.chip.io() else { return any };
                let data = if io.write { self.chip.sector().to_vec() } else { Vec::new() };
                let id = RequestId(self.requests);
                let Some(medium) = self.medium(io.unit) else {
                    self.chip.io_done(Err(BlockError::Io("there is no medium".to_owned())));
                    continue;
                };
                let len = spec::SECTOR as u32;
                let op = match io.write {
                    true => BlockOp::Write { offset: io.offset, data },
                    false => BlockOp::Read { offset: io.offset, len },
                };
                medium.submit(id, op);
                self.request = Some((id, io.unit));
                self.requests = self.requests.wrapping_add(1);
            }
            let Some((id, unit)) = self.request else { return any };
            let Some((done, result)) = self.medium(unit).and_then(|medium| medium.poll()) else { return any };
            // A request that was on its way at a reset or when a state was loaded is dropped.
            if done == id {
                self.request = None;
                if let (Err(error), Some(Some(drive))) = (&result, self.drives.get_mut(usize::from(unit))) {
                    drive.reported.report(&drive.id, error);
                }
                self.chip.io_done(result);
                any = true;
            }
        }
    }

    fn drive(&mut self, ctx: &mut Ctx<'_>) {
        self.serve_io();
        ctx.lines.set(IRQ, self.chip.irq());
        ctx.lines.dma_request(DMA_CHANNEL, self.chip.dma_request());
    }

    fn find(&self, name: &str) -> Result<usize, String> {
        let of = |drive: &Option<Connected>| drive.as_ref().is_some_and(|drive| drive.id == name);
        self.drives.iter().position(of).ok_or_else(|| format!("{ID} has no drive {name}"))
    }

    /// Puts another medium in, or none.
    fn change(&mut self, ctx: &mut Ctx<'_>, unit: usize, medium: Option<Box<dyn BlockBackend>>) {
        if self.request.is_some_and(|(_, of)| usize::from(of) == unit) {
            self.request = None;
            self.chip.io_done(Err(BlockError::Io("the medium was taken out".to_owned())));
        }
        let info = medium.as_ref().map(|medium| medium.info());
        self.chip.drive(unit as u8).change(info.map(|info| (info.bytes, info.read_only)));
        if let Some(Some(drive)) = self.drives.get_mut(unit) {
            drive.medium = medium;
        }
        self.drive(ctx);
    }

    fn save_media(&self, out: &mut Vec<u8>) {
        for drive in &self.drives {
            let medium = drive.as_ref().and_then(|drive| drive.medium.as_ref());
            medium.is_some().put(out);
            if let Some(medium) = medium {
                medium.save(out);
            }
        }
    }

    /// Loads media where both the state and the machine have one. A drive that was empty is emptied.
    fn load_media(&mut self, bytes: &mut &[u8]) -> Option<()> {
        for drive in &mut self.drives {
            let medium = drive.as_mut().and_then(|drive| drive.medium.as_mut());
            match (bool::get(bytes)?, medium) {
                (true, Some(medium)) => medium.load(bytes)?,
                (true, None) => return None,
                (false, _) => {}
            }
        }
        Some(())
    }
}

impl Snapshot for Fdc {
    fn save(&self, out: &mut Vec<u8>) {
        // A request on its way is made again.
        let Self { chip, drives: _, request: _, requests: _ } = self;
        chip.put(out);
        self.save_media(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let chip = Chip::get(&mut rest)?;
        let connected =
            |drives: &[Option<Connected>; 2], unit: usize| drives.get(unit).is_some_and(Option::is_some);
        for (unit, drive) in chip.drives.iter().enumerate() {
            if drive.kind.is_some() != connected(&self.drives, unit) {
                return None;
            }
        }
        let mut before = Vec::new();
        self.save_media(&mut before);
        if self.load_media(&mut rest).is_none() {
            // They take back what they have just saved.
            self.load_media(&mut &before[..])?;
            return None;
        }
        for (drive, of) in self.drives.iter_mut().flatten().zip(&chip.drives) {
            if of.medium.is_none() {
                drive.medium = None;
            }
        }
        self.chip = chip;
        self.request = None;
        *bytes = rest;
        Some(())
    }
}

impl Device for Fdc {
    capabilities!(pio, timed, host_io, drives, dma_peripheral);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        let node = Node {
            name: "FDC0",
            eisa: "PNP0700",
            ports: &[(spec::BASE + 2, 4), (spec::BASE + 7, 1)],
            irq: Some(IRQ.0),
            dma: Some(DMA_CHANNEL),
            ..Node::default()
        };
        node.write(&mut tables.bus);
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        let before = std::mem::take(&mut self.chip);
        for (drive, before) in self.chip.drives.iter_mut().zip(before.drives) {
            *drive = drive::Drive { track: 0, ..before };
        }
        self.drive(ctx);
    }
}

impl Pio for Fdc {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.chip.catch_up(ctx.now);
        let value = lanes::read(port, size, |port| {
            let byte = self.chip.read_port(port);
            self.serve_io();
            byte
        });
        self.drive(ctx);
        value
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.chip.catch_up(ctx.now);
        lanes::write(port, size, value, |port, byte| {
            self.chip.write_port(ctx.now, port, byte);
            self.serve_io();
        });
        self.drive(ctx);
    }
}

impl Timed for Fdc {
    fn next_deadline(&self) -> Option<VmTime> {
        self.chip.next_event()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.chip.catch_up(ctx.now);
        self.drive(ctx);
    }
}

impl HostIo for Fdc {
    fn is_waiting(&self) -> bool {
        self.chip.io().is_some()
    }
    fn poll(&mut self, ctx: &mut Ctx<'_>) {
        self.drive(ctx);
    }
}

impl DmaPeripheral for Fdc {
    fn channel(&self) -> u8 {
        DMA_CHANNEL
    }
    fn to_memory(&mut self, ctx: &mut Ctx<'_>, bytes: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let given = self.chip.give(rest);
            done += given;
            if !self.serve_io() && given == 0 {
                break;
            }
        }
        self.drive(ctx);
        done
    }
    fn from_memory(&mut self, ctx: &mut Ctx<'_>, bytes: &[u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            let taken = self.chip.take(rest);
            done += taken;
            if !self.serve_io() && taken == 0 {
                break;
            }
        }
        self.drive(ctx);
        done
    }
    fn terminal_count(&mut self, ctx: &mut Ctx<'_>) {
        self.chip.terminal_count();
        self.drive(ctx);
    }
}

impl Drives for Fdc {
    fn list(&self) -> Vec<DriveInfo> {
        let info = |drive: &Connected| DriveInfo {
            id: drive.id.clone(),
            removable: true,
            locked: false,
            open: false,
            medium: drive.medium.as_ref().map(|medium| medium.info()),
        };
        self.drives.iter().flatten().map(info).collect()
    }
    fn eject(&mut self, ctx: &mut Ctx<'_>, drive: &str, _force: bool) -> Result<(), String> {
        let unit = self.find(drive)?;
        self.change(ctx, unit, None);
        Ok(())
    }
    fn insert(
        &mut self,
        ctx: &mut Ctx<'_>,
        drive: &str,
        medium: Box<dyn BlockBackend>,
    ) -> Result<(), String> {
        let unit = self.find(drive)?;
        geometry::check_size(medium.info().bytes)?;
        self.change(ctx, unit, Some(medium));
        Ok(())
    }
}

/// Link anchor of the controller and of its drives.
#[inline(never)]
pub fn link() {
    controller::link();
    floppy::link();
}

mod controller {
    use super::*;

    declare_device!(DeviceDecl {
        id: ID,
        summary: "82077AA floppy disk controller at 3F0h, IRQ 6, DMA 2",
        stage: Stage::Peripherals,
        ports: &[PortRange { start: spec::BASE, len: 6 }, PortRange { start: spec::BASE + 7, len: 1 }],
        build: Fdc::build,
        ..DeviceDecl::DEFAULT
    });
}
