//! Control registers, EFER, RFLAGS and debug registers as typed bits. Unknown bits are kept (`from_bits_retain`), since
//! deciding about them is the business of the instruction that writes them.
#![allow(missing_docs, reason = "the names of bits are the manual's own")]

use bitflags::bitflags;

bitflags! {
    /// CR0: protection, paging, caching, the x87 FPU.
    ///
    /// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> the flags of CR0
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct Cr0: u64 {
        const PE = 1 << 0;
        const MP = 1 << 1;
        const EM = 1 << 2;
        const TS = 1 << 3;
        const ET = 1 << 4;
        const NE = 1 << 5;
        const WP = 1 << 16;
        const AM = 1 << 18;
        const NW = 1 << 29;
        const CD = 1 << 30;
        const PG = 1 << 31;
    }

    /// CR4: architectural extensions that software enables.
    ///
    /// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> the flags of CR4
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct Cr4: u64 {
        const VME = 1 << 0;
        const PVI = 1 << 1;
        const TSD = 1 << 2;
        const DE = 1 << 3;
        const PSE = 1 << 4;
        const PAE = 1 << 5;
        const MCE = 1 << 6;
        const PGE = 1 << 7;
        const PCE = 1 << 8;
        const OSFXSR = 1 << 9;
        const OSXMMEXCPT = 1 << 10;
        const UMIP = 1 << 11;
        const LA57 = 1 << 12;
        const FSGSBASE = 1 << 16;
        const PCIDE = 1 << 17;
        const OSXSAVE = 1 << 18;
        const SMEP = 1 << 20;
        const SMAP = 1 << 21;
        const PKE = 1 << 22;
    }

    /// IA32_EFER: SYSCALL, IA-32e mode, execute disable.
    ///
    /// SPEC: intel-sdm-vol3 :: 2.2.1 Extended Feature Enable Register -> SCE, LME, LMA, NXE
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct Efer: u64 {
        const SCE = 1 << 0;
        const LME = 1 << 8;
        const LMA = 1 << 10;
        const NXE = 1 << 11;
    }

    /// RFLAGS.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.4.3 EFLAGS Register -> status, control and system flags
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct RFlags: u64 {
        const CF = 1 << 0;
        /// Bit 1 is always set.
        const FIXED = 1 << 1;
        const PF = 1 << 2;
        const AF = 1 << 4;
        const ZF = 1 << 6;
        const SF = 1 << 7;
        const TF = 1 << 8;
        const IF = 1 << 9;
        const DF = 1 << 10;
        const OF = 1 << 11;
        const IOPL = 3 << 12;
        const NT = 1 << 14;
        const RF = 1 << 16;
        const VM = 1 << 17;
        const AC = 1 << 18;
        const VIF = 1 << 19;
        const VIP = 1 << 20;
        const ID = 1 << 21;
        /// CF, PF, AF, ZF, SF and OF
        const STATUS = 0x8d5;
    }

    /// XCR0: state components that XSAVE manages.
    ///
    /// SPEC: intel-sdm-vol1 :: 13.3 Enabling the XSAVE Feature Set and XSAVE-Enabled Features -> x87, SSE, AVX
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct Xcr0: u64 {
        const X87 = 1 << 0;
        const SSE = 1 << 1;
        const AVX = 1 << 2;
    }

    /// DR6, the debug status register.
    ///
    /// SPEC: intel-sdm-vol3 :: 19.2.3 Debug Status Register (DR6) -> what raised #DB
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct Dr6: u64 {
        const B0 = 1 << 0;
        const B1 = 1 << 1;
        const B2 = 1 << 2;
        const B3 = 1 << 3;
        const BD = 1 << 13;
        const BS = 1 << 14;
        const BT = 1 << 15;
        /// Bits that read as ones.
        const FIXED = 0xffff_0ff0;
    }

    /// DR7, the debug control register.
    ///
    /// SPEC: intel-sdm-vol3 :: 19.2.4 Debug Control Register (DR7) -> enables; conditions and lengths are fields
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct Dr7: u64 {
        /// L0 to G3: any breakpoint enabled
        const ENABLES = 0xff;
        const LE = 1 << 8;
        const GE = 1 << 9;
        /// Reads as one.
        const FIXED = 1 << 10;
        const GD = 1 << 13;
    }
}

impl Cr0 {
    /// Bits that exist; setting another one in bits 63:32 is #GP(0), in bits 31:0 it is ignored.
    pub const KNOWN: Cr0 = Cr0::all();
    /// After RESET#.
    ///
    /// SPEC: intel-sdm-vol3 :: 11.1.1 Processor State After Reset -> CR0 = 60000010H
    pub const RESET: Cr0 = Cr0::CD.union(Cr0::NW).union(Cr0::ET);
}

impl RFlags {
    /// I/O privilege level, 0 to 3.
    #[inline(always)]
    pub const fn iopl(self) -> u8 {
        ((self.bits() >> 12) & 3) as u8
    }
}

impl Dr7 {
    /// Returns whether breakpoint `n` (0 to 3) is enabled, locally or globally.
    #[inline]
    pub const fn enabled(self, n: u32) -> bool {
        self.bits() >> (2 * n) & 3 != 0
    }
    /// R/W field of breakpoint `n`: 0 execution, 1 data write, 2 I/O (CR4.DE), 3 data read or write.
    #[inline]
    pub const fn condition(self, n: u32) -> u8 {
        (self.bits() >> (16 + 4 * n) & 3) as u8
    }
    /// LEN field of breakpoint `n` in bytes: 1, 2, 4 or 8.
    #[inline]
    pub const fn length(self, n: u32) -> u64 {
        [1, 2, 8, 4][(self.bits() >> (18 + 4 * n) & 3) as usize]
    }
}
