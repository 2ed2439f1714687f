//! Linux kernels under firmware: entered at their real-mode code, which calls the BIOS.

use super::linux::{CAN_USE_HEAP, LOADED_HIGH, field, get, get_u16, get_u32};
use super::{BootError, BootImage, MapEntry, initrd_does_not_fit};
use guest_memory::GuestMemory;
use x86_state::{Cpu, RFlags, SegAttr, Segment, Selector, gpr};
use x86_types::{GuestPhysAddr, PAGE_SIZE, Seg};

/// Where real-mode code enters a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RealModeEntry {
    /// Segment of the real-mode part
    pub segment: u16,
    /// Stack pointer
    pub stack: u16,
}

/// Places of the parts, by protocol and kind of kernel.
struct Places {
    real: u64,
    line: u64,
    protected: u64,
}

/// SPEC: linux-boot-protocol :: Memory Layout -> the real-mode part below 640 KiB with its heap and the command line behind it; the rest at 1 MiB, or at 10000H of a zImage
fn places(version: u16, high: bool) -> Places {
    match (version >= 0x202, high) {
        (true, true) => Places { real: 0x1_0000, line: 0x2_0000, protected: 0x10_0000 },
        (false, true) => Places { real: 0x9_0000, line: 0x9_8000, protected: 0x10_0000 },
        (_, false) => Places { real: 0x9_0000, line: 0x9_8000, protected: 0x1_0000 },
    }
}

/// Highest address of an initrd where the kernel names none.
///
/// SPEC: linux-boot-protocol :: Loading The Rest of The Kernel -> before 2.03 the limit is 37FFFFFFH
const INITRD_MAX: u32 = 0x37ff_ffff;

/// Returns the highest place for `bytes` of an initrd in memory that firmware leaves free.
fn initrd_place(map: &[MapEntry], bytes: u64, from: u64, highest: u64) -> Option<u64> {
    let places = map.iter().filter(|entry| entry.usable).filter_map(|entry| {
        let end = entry.start.saturating_add(entry.len).min(highest);
        let at = end.checked_sub(bytes)? & !(PAGE_SIZE - 1);
        (at >= entry.start.max(from)).then_some(at)
    });
    places.max()
}

/// Writes a kernel into memory. Returns how it is entered.
///
/// SPEC: linux-boot-protocol :: Running the Kernel -> header fields that the loader fills in; DS = ES = SS = the real-mode part, entry 20H paragraphs behind, interrupts off
pub(super) fn load(
    memory: &GuestMemory,
    image: &BootImage<'_>,
    map: &[MapEntry],
) -> Result<RealModeEntry, BootError> {
    let kernel = image.kernel;
    let (version, flags) = (get_u16(kernel, field::VERSION), get::<1>(kernel, field::LOADFLAGS)[0]);
    let places = places(version, flags & LOADED_HIGH != 0);
    let sectors = match get::<1>(kernel, field::SETUP_SECTS)[0] {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let (found, expected) = (kernel.len() as u64, (sectors as u64 + 1) * 512);
    let Some((setup, body)) = kernel.split_at_checked((sectors + 1) * 512) else {
        return Err(BootError::Truncated { expected, found });
    };
    let most = if version >= 0x206 { get_u32(kernel, field::CMDLINE_SIZE) as usize } else { 255 };
    let (len, most) = (image.command_line.len(), most.clamp(255, 0x7000));
    if len > most {
        return Err(BootError::CommandLineTooLong { len, most });
    }
    let end = places.protected + body.len() as u64;
    let fits =
        |entry: &MapEntry| entry.usable && entry.start <= places.protected && end <= entry.start + entry.len;
    if !map.iter().any(fits) {
        let needed = (body.len() as u64).div_ceil(1 << 20);
        return Err(BootError::KernelDoesNotFit { needed, at: GuestPhysAddr(places.protected) });
    }
    let mut setup = setup.to_vec();
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = setup.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(field::TYPE_OF_LOADER, &[0xff]);
    if version >= 0x201 {
        put(field::LOADFLAGS, &[flags | CAN_USE_HEAP]);
        put(field::HEAP_END, &((places.line - places.real - 0x200) as u16).to_le_bytes());
    }
    if version >= 0x202 {
        put(field::CMD_LINE_PTR, &(places.line as u32).to_le_bytes());
    } else {
        // SPEC: linux-boot-protocol :: The Kernel Command Line -> before 2.02: A33FH at 20H, the offset at 22H
        put(0x20, &0xa33f_u16.to_le_bytes());
        put(0x22, &((places.line - places.real) as u16).to_le_bytes());
    }
    if let Some(initrd) = image.initrd.filter(|initrd| !initrd.is_empty()) {
        let bytes = initrd.len() as u64;
        let highest = if version >= 0x203 { get_u32(kernel, field::INITRD_ADDR_MAX) } else { INITRD_MAX };
        let highest = u64::from(highest) + 1;
        let Some(at) = initrd_place(map, bytes, end.next_multiple_of(PAGE_SIZE), highest) else {
            return Err(initrd_does_not_fit(memory.layout(), bytes, highest.saturating_sub(end)));
        };
        memory.write(GuestPhysAddr(at), initrd);
        put(field::RAMDISK_IMAGE, &(at as u32).to_le_bytes());
        put(field::RAMDISK_SIZE, &(bytes as u32).to_le_bytes());
    }
    memory.write(GuestPhysAddr(places.protected), body);
    memory.write(GuestPhysAddr(places.real), &setup);
    memory.write(GuestPhysAddr(places.line), &[image.command_line.as_bytes(), &[0]].concat());
    let stack = (places.line - places.real - 16) as u16;
    Ok(RealModeEntry { segment: (places.real >> 4) as u16, stack })
}

impl RealModeEntry {
    /// Puts a processor that is in real-address mode at the entry.
    pub fn apply(&self, cpu: &mut Cpu) {
        let segment = |selector: u16, attr| Segment {
            base: u64::from(selector) << 4,
            limit: 0xffff,
            selector: Selector(selector),
            attr: SegAttr::from_bits_retain(attr),
        };
        cpu.seg = [segment(self.segment, 0x93); 6];
        cpu.seg[Seg::Cs as usize] = segment(self.segment.wrapping_add(0x20), 0x9b);
        cpu.gpr = [0; 16];
        cpu.gpr[gpr::RSP] = u64::from(self.stack);
        cpu.set_rflags(RFlags::FIXED);
        cpu.rip = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initrd_goes_as_high_as_firmware_and_kernel_allow() {
        let map = [
            MapEntry { start: 0, len: 0x9_fc00, usable: true },
            MapEntry { start: 0x10_0000, len: 0x3f0_0000, usable: true },
            MapEntry { start: 0x400_0000, len: 0x10_0000, usable: false },
        ];
        assert_eq!(initrd_place(&map, 0x1234, 0x20_0000, 1 << 32), Some(0x3ff_e000));
        assert_eq!(initrd_place(&map, 0x1234, 0x20_0000, 0x30_0000), Some(0x2f_e000));
        assert_eq!(initrd_place(&map, 0x10_0000, 0x3f1_0000, 1 << 32), None);
    }

    #[test]
    fn an_old_kernel_is_entered_where_it_expects_to_be() {
        let memory = GuestMemory::new(4 << 20).unwrap();
        let mut kernel = vec![0; 5 * 512 + 100];
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        (kernel[0x206], kernel[0x207], kernel[0x211]) = (0x03, 0x02, 1);
        kernel[0x22c..0x230].copy_from_slice(&0x37ff_ffff_u32.to_le_bytes());
        kernel[5 * 512] = 0x90;
        let image = BootImage {
            kernel: &kernel,
            kernel_name: "old",
            initrd: Some(&[7; 10]),
            initrd_name: "",
            command_line: "quiet",
            rsdp: GuestPhysAddr(0),
        };
        let map = [MapEntry { start: 0x10_0000, len: 0x30_0000, usable: true }];
        let entry = load(&memory, &image, &map).unwrap();
        assert_eq!(entry, RealModeEntry { segment: 0x1000, stack: 0xfff0 });
        assert_eq!(memory.read_array::<1>(GuestPhysAddr(0x10_0000)), [0x90]);
        assert_eq!(memory.read_array::<6>(GuestPhysAddr(0x2_0000)), *b"quiet\0");
        assert_eq!(memory.read_u32(GuestPhysAddr(0x1_0228)), 0x2_0000);
        let initrd = memory.read_u32(GuestPhysAddr(0x1_0218));
        assert_eq!((initrd, memory.read_array::<1>(GuestPhysAddr(u64::from(initrd)))), (0x3f_f000, [7]));
        let none = [MapEntry { start: 0x10_0000, len: 50, usable: true }];
        assert!(matches!(load(&memory, &image, &none), Err(BootError::KernelDoesNotFit { .. })));
    }
}
