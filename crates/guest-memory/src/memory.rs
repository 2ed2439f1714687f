//! Guest-physical memory as processors and bus masters reach it.

use crate::blocks::Blocks;
use crate::layout::HIGH_RAM_START;
use crate::view::View;
use crate::{DirtyLog, MapError, MapId, Priority, RamLayout, Region, map::Map};
use std::cell::{Cell, RefCell};
use thiserror::Error;
use x86_types::{GuestPhysAddr, PAGE_SIZE, RamAddr};

/// Why memory could not be had.
#[derive(Debug, Error)]
pub enum MemoryError {
    /// The host refused the reservation.
    #[error("cannot reserve {megabytes} MiB of guest memory ({source}); give a smaller -m")]
    Reserve {
        /// The requested size
        megabytes: u64,
        /// The host's error
        source: std::io::Error,
    },
    /// Zero bytes, or more than the guest-physical address space of the emulated processor
    #[error("{bytes} bytes of guest memory is not a size this machine can have; give between 1M and 64G")]
    Size {
        /// The requested size
        bytes: u64,
    },
    /// Two things in one place
    #[error(transparent)]
    Map(#[from] MapError),
}

/// Guest-physical memory: blocks of host memory and the map over them.
///
/// It is shared by reference and changed through it, by one thread: the map lies in cells, so that the compiler keeps
/// processors of several threads from sharing it until their accesses are atomic.
pub struct GuestMemory {
    blocks: RefCell<Blocks>,
    /// Start and size of each block with a dirty log
    logs: RefCell<Vec<(RamAddr, u64, DirtyLog)>>,
    /// Whether there are any
    logging: Cell<bool>,
    map: RefCell<Map>,
    view: RefCell<View>,
    generation: Cell<u64>,
    /// What addresses of processors are cut by
    a20_mask: Cell<u64>,
    layout: RamLayout,
}

/// What a page is made of, for a translation that is to be cached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageBacking {
    /// The page's bytes, where data reads are answered by such
    pub ram: Option<RamAddr>,
    /// Host address of these bytes
    pub host: u64,
    /// Writes go to the same bytes, and need not be noted first
    pub plain_write: bool,
    /// Writes go to the same bytes
    pub writable: bool,
    /// Fetches are answered by the same bytes
    pub executable: bool,
}

impl GuestMemory {
    /// Reserves `size` bytes of RAM (rounded down to whole pages) without touching them, and maps them where a PC has
    /// its RAM.
    ///
    /// # Errors
    /// [`MemoryError`] where the size is none or the host refuses.
    pub fn new(size: u64) -> Result<Self, MemoryError> {
        let layout = RamLayout::new(size);
        if layout.size() < PAGE_SIZE || layout.size() > 64 << 30 {
            return Err(MemoryError::Size { bytes: size });
        }
        let blocks = Blocks::new(layout.size())
            .map_err(|source| MemoryError::Reserve { megabytes: size >> 20, source })?;
        let mut map = Map::default();
        map.add("ram", Priority::Fixed, (GuestPhysAddr(0), layout.low), Region::ram(RamAddr(0)))?;
        let high = (GuestPhysAddr(HIGH_RAM_START), layout.high);
        map.add("ram", Priority::Fixed, high, Region::ram(RamAddr(layout.low)))?;
        Ok(Self {
            blocks: RefCell::new(blocks),
            logs: RefCell::default(),
            logging: Cell::new(false),
            view: RefCell::new(map.flatten()),
            map: RefCell::new(map),
            generation: Cell::new(0),
            a20_mask: Cell::new(u64::MAX),
            layout,
        })
    }

    /// Where the RAM lies.
    #[inline(always)]
    pub fn layout(&self) -> RamLayout {
        self.layout
    }

    /// Reserves a block of `len` bytes, rounded up to whole pages, for firmware or a device. It reads as zeros and is
    /// mapped nowhere. Returns the address of its first byte.
    ///
    /// # Errors
    /// [`MemoryError::Reserve`]
    pub fn allocate(&self, len: u64) -> Result<RamAddr, MemoryError> {
        let reserve = |source| MemoryError::Reserve { megabytes: len >> 20, source };
        self.blocks.borrow_mut().add(len).map_err(reserve)
    }

    /// Start and bytes of each block; RAM is the first.
    pub fn blocks(&self) -> Vec<(RamAddr, u64)> {
        self.blocks.borrow().list().collect()
    }

    /// Maps `len` bytes from `start` on; none at all where `len` is 0, to be moved later.
    ///
    /// # Errors
    /// [`MemoryError::Map`] where it is fixed and something fixed is there.
    pub fn map(
        &self,
        owner: &'static str,
        priority: Priority,
        (start, len): (GuestPhysAddr, u64),
        region: Region,
    ) -> Result<MapId, MapError> {
        let id = self.map.borrow_mut().add(owner, priority, (start, len), region)?;
        self.changed();
        Ok(id)
    }

    /// Moves a mapping, or changes what it maps; a `len` of 0 removes it. Processors compare
    /// [`GuestMemory::generation`] before the next instruction.
    ///
    /// # Errors
    /// [`MapError::End`]
    pub fn remap(
        &self,
        id: MapId,
        (start, len): (GuestPhysAddr, u64),
        region: Region,
    ) -> Result<(), MapError> {
        if self.map.borrow_mut().set(id, (start, len), region)? {
            self.changed();
        }
        Ok(())
    }

    fn changed(&self) {
        self.view.replace(self.map.borrow().flatten());
        self.bump();
    }

    fn bump(&self) {
        self.generation.set(self.generation.get() + 1);
    }

    /// Returns a number that changes whenever translations that processors keep have to be dropped: what an address
    /// means changed, or a log of writes was taken.
    #[inline(always)]
    pub fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// Opens or closes the gate of address line 20. Closed, processors reach the even megabytes only; bus masters do not
    /// go through the gate.
    ///
    /// SPEC: intel-sdm-vol3 :: 22.1.1 Address Translation in Real-Address Mode -> with A20M# asserted address bit 20 is 0; as the pin sits between the core and everything behind it, page walks and fetches are cut like data
    pub fn set_a20(&self, open: bool) {
        let mask = if open { u64::MAX } else { !(1 << 20) };
        if self.a20_mask.replace(mask) != mask {
            self.bump();
        }
    }

    /// Returns the address that leaves a processor.
    #[inline(always)]
    pub fn through_a20(&self, address: GuestPhysAddr) -> GuestPhysAddr {
        GuestPhysAddr(address.0 & self.a20_mask.get())
    }

    /// Returns what answers at `address`, and for how many bytes from it on.
    #[inline]
    pub fn region(&self, address: GuestPhysAddr) -> (Region, u64) {
        self.view.borrow().find(address)
    }

    /// Returns start, bytes and region of everything that is mapped, and of what lies between.
    pub fn regions(&self) -> Vec<(GuestPhysAddr, u64, Region)> {
        self.view.borrow().entries().collect()
    }

    /// Returns the backing of the page of `address`. A page with several regions has no single backing: each access to
    /// it is looked up. With `to_write` the page is recorded in the dirty log.
    pub fn page_backing(&self, address: GuestPhysAddr, to_write: bool) -> PageBacking {
        let (region, len) = self.region(address.page());
        if to_write && let Some(ram) = region.write.ram() {
            self.record_write(ram, 1);
        }
        let Some(ram) = region.read.ram().filter(|_| len >= PAGE_SIZE) else { return PageBacking::default() };
        let Some((host, _)) = self.host_ptr(ram) else { return PageBacking::default() };
        let writable = region.write == region.read;
        PageBacking {
            ram: Some(ram),
            host: host as usize as u64,
            plain_write: writable && self.is_noted(ram),
            writable,
            executable: region.execute == region.read,
        }
    }

    /// Returns the bytes that answer a read of `len` bytes, if all of them are such.
    #[inline]
    pub fn ram_to_read(&self, address: GuestPhysAddr, len: u64) -> Option<RamAddr> {
        let (region, have) = self.region(address);
        region.read.ram().filter(|_| have >= len)
    }

    /// Returns the bytes that a write of `len` bytes changes, if all of them are such. The write is noted where it has to
    /// be.
    #[inline]
    pub fn ram_to_write(&self, address: GuestPhysAddr, len: u64) -> Option<RamAddr> {
        let (region, have) = self.region(address);
        let ram = region.write.ram().filter(|_| have >= len)?;
        self.record_write(ram, len);
        Some(ram)
    }

    /// Returns the bytes that a read-modify-write of `len` bytes reads and changes, if all of them are such and the same
    /// for both. The write is noted where it has to be.
    #[inline]
    pub fn ram_to_modify(&self, address: GuestPhysAddr, len: u64) -> Option<RamAddr> {
        let (region, have) = self.region(address);
        let ram = region.write.ram().filter(|_| have >= len && region.read == region.write)?;
        self.record_write(ram, len);
        Some(ram)
    }

    /// Returns the bytes that answer a fetch of `len` bytes, if all of them are such.
    #[inline]
    pub fn ram_to_execute(&self, address: GuestPhysAddr, len: u64) -> Option<RamAddr> {
        let (region, have) = self.region(address);
        region.execute.ram().filter(|_| have >= len)
    }

    /// Logs the writes to a block from now on.
    pub fn log_writes(&self, block: RamAddr) {
        let Some((start, len)) = self.blocks.borrow().list().find(|&(start, _)| start == block) else {
            return;
        };
        self.logs.borrow_mut().push((start, len, DirtyLog::new(len)));
        self.logging.set(true);
        self.bump();
    }

    /// Returns what was written to a block since the last call; `None` where its writes are not logged.
    pub fn take_dirty(&self, block: RamAddr) -> Option<DirtyLog> {
        let mut logs = self.logs.borrow_mut();
        let (.., log) = logs.iter_mut().find(|(start, ..)| *start == block)?;
        // Pages that were written before are written unseen until processors drop their translations.
        if !log.is_empty() {
            self.bump();
        }
        Some(log.take())
    }

    /// Records, in the log of a block, a device's write by the block's own addresses.
    #[inline]
    pub fn record_write(&self, ram: RamAddr, len: u64) {
        if self.logging.get() {
            self.mark_logs(ram, len);
        }
    }

    #[cold]
    fn mark_logs(&self, ram: RamAddr, len: u64) {
        for (start, size, log) in self.logs.borrow_mut().iter_mut() {
            if let Some(offset) = ram.0.checked_sub(start.0).filter(|offset| offset < size) {
                log.mark(offset, len);
            }
        }
    }

    /// Returns whether writes to the page at `ram` change no log.
    #[inline]
    fn is_noted(&self, ram: RamAddr) -> bool {
        !self.logging.get() || self.is_marked(ram)
    }

    #[cold]
    fn is_marked(&self, ram: RamAddr) -> bool {
        self.logs.borrow().iter().all(|(start, size, log)| {
            ram.0
                .checked_sub(start.0)
                .filter(|offset| offset < size)
                .is_none_or(|offset| log.contains(offset))
        })
    }

    /// Host pointer to a byte, with how many bytes may be reached through it; `None` outside all blocks.
    ///
    /// The pointer is valid as long as `self`. Guest memory is never behind a Rust reference, so reads and writes
    /// through it alias nothing.
    #[inline(always)]
    pub fn host_ptr(&self, at: RamAddr) -> Option<(*mut u8, u64)> {
        self.blocks.borrow().host_ptr(at)
    }

    /// Copies bytes out of memory as a bus master reads it; what no RAM or ROM answers reads as ones.
    pub fn read(&self, address: GuestPhysAddr, bytes: &mut [u8]) {
        self.pieces(address, bytes.len(), |region, range| match region.read.ram() {
            Some(ram) => self.ram_read(ram, &mut bytes[range]),
            None => bytes[range].fill(0xff),
        });
    }

    /// Copies bytes into memory as a bus master writes it; what falls on no RAM is dropped.
    pub fn write(&self, address: GuestPhysAddr, bytes: &[u8]) {
        self.pieces(address, bytes.len(), |region, range| {
            if let Some(ram) = region.write.ram() {
                self.record_write(ram, range.len() as u64);
                self.ram_write(ram, &bytes[range]);
            }
        });
    }

    /// Calls for each run of bytes with one answer: what answers, and which of the bytes it is.
    fn pieces(
        &self,
        address: GuestPhysAddr,
        len: usize,
        mut call: impl FnMut(Region, std::ops::Range<usize>),
    ) {
        let mut done = 0;
        while done < len {
            let at = address.wrapping_add(done as u64);
            let (region, have) = self.region(at);
            let end = len.min(done.saturating_add(usize::try_from(have.max(1)).unwrap_or(usize::MAX)));
            call(region, done..end);
            done = end;
        }
    }

    /// Returns whether reads of `len` bytes from `address` are all answered by one run of RAM or ROM.
    pub fn contains(&self, address: GuestPhysAddr, len: u64) -> bool {
        self.ram_to_read(address, len).is_some()
    }

    /// Returns `N` bytes; what no RAM or ROM answers reads as ones.
    #[inline]
    pub fn read_array<const N: usize>(&self, address: GuestPhysAddr) -> [u8; N] {
        if let Some(ram) = self.ram_to_read(address, N as u64) {
            return self.ram_array(ram);
        }
        let mut bytes = [0; N];
        self.read(address, &mut bytes);
        bytes
    }

    /// Stores `N` bytes; what falls on no RAM is dropped.
    #[inline]
    pub fn write_array<const N: usize>(&self, address: GuestPhysAddr, bytes: [u8; N]) {
        match self.ram_to_write(address, N as u64) {
            Some(ram) => self.ram_store(ram, bytes),
            None => self.write(address, &bytes),
        }
    }

    /// Returns a little-endian 32-bit value.
    #[inline]
    pub fn read_u32(&self, address: GuestPhysAddr) -> u32 {
        u32::from_le_bytes(self.read_array(address))
    }

    /// Returns a little-endian 64-bit value.
    #[inline]
    pub fn read_u64(&self, address: GuestPhysAddr) -> u64 {
        u64::from_le_bytes(self.read_array(address))
    }

    /// Stores a little-endian 32-bit value.
    #[inline]
    pub fn write_u32(&self, address: GuestPhysAddr, value: u32) {
        self.write_array(address, value.to_le_bytes());
    }

    /// Stores a little-endian 64-bit value.
    #[inline]
    pub fn write_u64(&self, address: GuestPhysAddr, value: u64) {
        self.write_array(address, value.to_le_bytes());
    }
}
