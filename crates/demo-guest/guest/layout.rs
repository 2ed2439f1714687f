//! Where things are in the guest's physical memory, and the selectors of its GDT.

pub(crate) const LOAD: u64 = 0x10_0000;
pub(crate) const ENTRY: u64 = LOAD + 0x20;
/// The 64-bit part, entered at its first byte
pub(crate) const CODE64: u64 = LOAD + 0x1000;

/// Real-mode part, copied down to where real mode reaches; 4 KiB
pub(crate) const REAL: u64 = 0x6000;
/// Top of the real-mode stack
pub(crate) const REAL_STACK: u64 = 0x8000;
/// Where the real-mode part leaves its results
pub(crate) const REAL_RESULT: u64 = 0x5000;

/// Everything from here to `BSS_END` is cleared at the start.
pub(crate) const BSS: u64 = 0x20_0000;
pub(crate) const PML4: u64 = BSS;
pub(crate) const PDPT: u64 = 0x20_1000;
/// Four page directories: 4 GiB, mapped one to one
pub(crate) const PD: u64 = 0x20_2000;
/// Tables of the test area at `TEST`
pub(crate) const TEST_PDPT: u64 = 0x20_6000;
pub(crate) const TEST_PD: u64 = 0x20_7000;
pub(crate) const TEST_PT: u64 = 0x20_8000;
pub(crate) const VARS: u64 = 0x20_9000;
pub(crate) const IDT: u64 = 0x20_a000;
pub(crate) const TSS: u64 = 0x20_b000;
pub(crate) const STACK: u64 = 0x21_0000;
pub(crate) const IST1: u64 = 0x21_2000;
pub(crate) const IST2: u64 = 0x21_4000;
pub(crate) const RSP0: u64 = 0x21_6000;
pub(crate) const SYSCALL_STACK: u64 = 0x21_8000;
pub(crate) const USER_CODE_PAGE: u64 = 0x21_9000;
pub(crate) const USER_STACK_PAGE: u64 = 0x21_a000;
pub(crate) const SCRATCH: u64 = 0x21_c000;
pub(crate) const LINE: u64 = 0x22_0000;
pub(crate) const PAGE1: u64 = 0x23_0000;
pub(crate) const PAGE2: u64 = 0x23_1000;
pub(crate) const BSS_END: u64 = 0x24_0000;

/// The memory guest's page directories: the one of GiB n is at page n. Those of the first 4 GiB are at `PD` instead.
pub(crate) const HIGH_PD: u64 = 0x40_0000;

/// Linear address of the test area: its own PML4 entry, 512 pages of 4 KiB, then one of 2 MiB.
pub(crate) const TEST: u64 = 0x80_0000_0000;
pub(crate) const USER_CODE: u64 = TEST + 0x10_0000;
pub(crate) const USER_STACK: u64 = TEST + 0x10_2000;

pub(crate) const LAPIC: u64 = 0xfee0_0000;

/// Selectors, in the order of the GDT. SYSRET wants 32-bit code, data, 64-bit code side by side.
pub(crate) mod sel {
    pub(crate) const CODE64: u16 = 0x08;
    pub(crate) const DATA: u16 = 0x10;
    pub(crate) const USER_BASE: u16 = 0x18 | 3;
    pub(crate) const USER_DATA: u16 = 0x20 | 3;
    pub(crate) const USER_CODE64: u16 = 0x28 | 3;
    pub(crate) const CODE32: u16 = 0x30;
    pub(crate) const CODE16: u16 = 0x38;
    pub(crate) const DATA16: u16 = 0x40;
    pub(crate) const TSS: u16 = 0x48;
}

/// Variables, as absolute addresses of quadwords.
pub(crate) mod var {
    use super::VARS;
    /// Where a check goes on after an expected exception (0: none is expected), and with which stack
    pub(crate) const RESUME: u64 = VARS;
    pub(crate) const RESUME_RSP: u64 = VARS + 0x08;
    /// What the last exception looked like
    pub(crate) const VECTOR: u64 = VARS + 0x10;
    pub(crate) const ERROR: u64 = VARS + 0x18;
    pub(crate) const CR2: u64 = VARS + 0x20;
    pub(crate) const RIP: u64 = VARS + 0x28;
    pub(crate) const CS: u64 = VARS + 0x30;
    pub(crate) const FLAGS: u64 = VARS + 0x38;
    pub(crate) const RSP: u64 = VARS + 0x40;
    pub(crate) const SS: u64 = VARS + 0x48;
    /// Where its frame lay
    pub(crate) const FRAME: u64 = VARS + 0x50;
    pub(crate) const RAX: u64 = VARS + 0x58;
    pub(crate) const RBX: u64 = VARS + 0x60;
    pub(crate) const RCX: u64 = VARS + 0x68;
    pub(crate) const R11: u64 = VARS + 0x70;
    /// The stack of the check under way, and where it goes when it fails
    pub(crate) const CHECK_RSP: u64 = VARS + 0x78;
    pub(crate) const ABORT: u64 = VARS + 0x80;
    pub(crate) const PASSED: u64 = VARS + 0x88;
    pub(crate) const FAILED: u64 = VARS + 0x90;
    pub(crate) const TICKS: u64 = VARS + 0x98;
    pub(crate) const APIC_TICKS: u64 = VARS + 0xa0;
    pub(crate) const SOFT_INTERRUPTS: u64 = VARS + 0xa8;
    /// KiB below and above 1 MiB as the loader told, 0 if it did not
    pub(crate) const MEM_LOWER: u64 = VARS + 0xb0;
    pub(crate) const MEM_UPPER: u64 = VARS + 0xb8;
    /// Far pointer for the way back to 64-bit code
    pub(crate) const WAY_BACK: u64 = VARS + 0xc0;
    /// What the 32-bit parts saw
    pub(crate) const COMPAT: u64 = VARS + 0xc8;
    pub(crate) const EFER_OFF: u64 = VARS + 0xd0;
    /// Not 0 under QEMU's own translator
    pub(crate) const TCG: u64 = VARS + 0x108;
    /// What the SYSCALL entry saw
    pub(crate) const SYS_RCX: u64 = VARS + 0xd8;
    pub(crate) const SYS_R11: u64 = VARS + 0xe0;
    pub(crate) const SYS_CS: u64 = VARS + 0xe8;
    pub(crate) const SYS_FLAGS: u64 = VARS + 0xf0;
    pub(crate) const SYS_RSP: u64 = VARS + 0xf8;
    pub(crate) const SYS_GS: u64 = VARS + 0x100;
    /// Limit and base for LGDT, LIDT and their stores
    pub(crate) const TABLE: u64 = VARS + 0x110;
    /// The loader's information structure, 0 if there is none
    pub(crate) const INFO: u64 = VARS + 0x120;
    /// Usable bytes by the loader's memory map, and the end of the highest whole region
    pub(crate) const RAM_BYTES: u64 = VARS + 0x128;
    pub(crate) const TOP: u64 = VARS + 0x130;
}
