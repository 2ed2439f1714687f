mod commands;
mod fuzz;
mod media;
mod transfers;

use crate::bench::Bench;
use device_api::{
    BlockBackend, BlockError, BlockInfo, BlockOp, BlockResult, Device, DmaPeripheral, IrqLine, RequestId,
};
use std::sync::{Arc, Mutex};

/// A medium in memory; the test can read its content.
#[derive(Clone, Debug, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    read_only: bool,
    /// Requests complete once this is empty of stops
    held: Arc<Mutex<bool>>,
    broken: bool,
    done: Vec<(RequestId, BlockResult)>,
}

impl Disk {
    /// Every sector begins with its number.
    fn new(kib: usize) -> Self {
        let mut bytes = vec![0; kib << 10];
        for (n, sector) in bytes.chunks_mut(512).enumerate() {
            sector[..4].copy_from_slice(&(n as u32).to_le_bytes());
            sector[4..].fill(n as u8);
        }
        Self { bytes: Arc::new(Mutex::new(bytes)), ..Self::default() }
    }

    fn sector(&self, n: usize) -> Vec<u8> {
        self.bytes.lock().unwrap()[n * 512..][..512].to_vec()
    }

    fn hold(&self, held: bool) {
        *self.held.lock().unwrap() = held;
    }
}

impl BlockBackend for Disk {
    fn info(&self) -> BlockInfo {
        BlockInfo { bytes: self.bytes.lock().unwrap().len() as u64, read_only: self.read_only }
    }
    fn submit(&mut self, id: RequestId, op: BlockOp) {
        let mut bytes = self.bytes.lock().unwrap();
        let result = match op {
            _ if self.broken => Err(BlockError::Io("broken".to_owned())),
            BlockOp::Read { offset, len } => {
                let at = bytes.iter().skip(offset as usize).copied().chain(std::iter::repeat(0));
                Ok(at.take(len as usize).collect())
            }
            BlockOp::Write { offset, data } => {
                match bytes.get_mut(offset as usize..offset as usize + data.len()) {
                    Some(to) => {
                        to.copy_from_slice(&data);
                        Ok(Vec::new())
                    }
                    None => Err(BlockError::OutOfRange),
                }
            }
            BlockOp::Flush => Ok(Vec::new()),
        };
        self.done.push((id, result));
    }
    fn poll(&mut self) -> Option<(RequestId, BlockResult)> {
        if *self.held.lock().unwrap() { None } else { self.done.pop() }
    }
}

/// The controller with its wires.
struct Board {
    bench: Bench,
    fdc: Box<dyn Device>,
}

impl Board {
    /// With these media, one in each drive.
    fn new(media: &[&Disk]) -> Self {
        let mut bench = Bench::new();
        let names = ["a", "b"];
        for (name, disk) in names.iter().zip(media) {
            bench.backends.blocks.insert((*name).to_owned(), Box::new((*disk).clone()));
        }
        let of: Vec<_> = names.iter().map(|name| [("drive", *name)]).collect();
        let attached: Vec<_> =
            of.iter().take(media.len()).map(|of| (crate::declaration("floppy"), &of[..])).collect();
        let fdc = bench.build(crate::declaration("isa-fdc"), &[], &attached).unwrap();
        Self { bench, fdc }
    }

    /// One drive with a 1.44 MB disk, recalibrated, at 500 kb/s.
    fn ready(disk: &Disk) -> Self {
        let mut board = Self::new(&[disk]);
        board.write(0x3f2, 0x1c);
        board.write(0x3f7, 0);
        board.command(&[0x07, 0]);
        board.command(&[0x08]);
        board
    }

    fn read(&mut self, port: u16) -> u8 {
        self.fdc.pio().unwrap().port_read(&mut self.bench.ctx(), port, 1) as u8
    }

    fn write(&mut self, port: u16, value: u8) {
        self.fdc.pio().unwrap().port_write(&mut self.bench.ctx(), port, 1, value.into());
    }

    /// Sends a command, byte by byte as the main status register allows. Returns what it returns without a transfer.
    fn command(&mut self, bytes: &[u8]) -> Vec<u8> {
        for byte in bytes {
            assert_eq!(self.read(0x3f4) & 0xc0, 0x80, "{bytes:x?}");
            self.write(0x3f5, *byte);
        }
        self.results()
    }

    /// Reads results as long as there are some.
    fn results(&mut self) -> Vec<u8> {
        let mut results = Vec::new();
        while self.read(0x3f4) & 0xf0 == 0xd0 {
            results.push(self.read(0x3f5));
        }
        results
    }

    fn peripheral(&mut self) -> (&mut dyn DmaPeripheral, device_api::Ctx<'_>) {
        (self.fdc.dma_peripheral().unwrap(), self.bench.ctx())
    }

    fn requested(&self) -> bool {
        self.bench.irq.dma_requests() & 4 != 0
    }

    /// Moves up to `count` bytes as the DMA controller does, in pieces; with the terminal count if all were moved.
    fn dma_in(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count && self.requested() {
            let mut piece = vec![0; (count - bytes.len()).min(700)];
            let (peripheral, mut ctx) = self.peripheral();
            let got = peripheral.to_memory(&mut ctx, &mut piece);
            bytes.extend(&piece[..got]);
            if got == 0 {
                break;
            }
            if bytes.len() == count {
                let (peripheral, mut ctx) = self.peripheral();
                peripheral.terminal_count(&mut ctx);
            }
        }
        bytes
    }

    /// The same the other way. Returns how many bytes were taken.
    fn dma_out(&mut self, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() && self.requested() {
            let (peripheral, mut ctx) = self.peripheral();
            let piece = &bytes[done..][..(bytes.len() - done).min(700)];
            let got = peripheral.from_memory(&mut ctx, piece);
            done += got;
            if got == 0 {
                break;
            }
            if done == bytes.len() {
                let (peripheral, mut ctx) = self.peripheral();
                peripheral.terminal_count(&mut ctx);
            }
        }
        done
    }

    fn irq(&self) -> bool {
        self.bench.irq.level(IrqLine(6))
    }

    fn poll(&mut self) {
        let (fdc, mut ctx) = (self.fdc.host_io().unwrap(), self.bench.ctx());
        fdc.poll(&mut ctx);
    }

    /// Advances time to the next deadline.
    fn wait(&mut self) {
        let timed = self.fdc.timed().unwrap();
        self.bench.now = timed.next_deadline().unwrap();
        timed.advance(&mut self.bench.ctx());
    }
}

/// A command for data: MT, MFM and SK with the code, drive and head, C, H, R, EOT.
fn data(code: u8, unit: u8, [cylinder, head, sector]: [u8; 3], last: u8) -> [u8; 9] {
    [code, unit | head << 2, cylinder, head, sector, 2, last, 0x1b, 0xff]
}
