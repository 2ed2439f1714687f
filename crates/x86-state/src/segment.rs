//! Selectors, descriptors and the hidden parts of segment registers.

use bitflags::bitflags;

/// A segment selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Selector(pub u16);

impl Selector {
    /// Requested privilege level.
    #[inline]
    pub const fn rpl(self) -> u8 {
        self.0 as u8 & 3
    }
    /// Table indicator: whether the LDT is meant.
    #[inline]
    pub const fn is_local(self) -> bool {
        self.0 & 4 != 0
    }
    /// Index 0 of the GDT, whatever the RPL.
    #[inline]
    pub const fn is_null(self) -> bool {
        self.0 & !3 == 0
    }
    /// Byte offset of the descriptor in its table.
    #[inline]
    pub const fn offset(self) -> u64 {
        (self.0 & !7) as u64
    }
    /// Returns the selector with RPL bits cleared, as error codes carry it.
    #[inline]
    pub const fn error_code(self) -> u16 {
        self.0 & !3
    }
    /// The same selector with another RPL.
    #[inline]
    pub const fn with_rpl(self, rpl: u8) -> Self {
        Self(self.0 & !3 | rpl as u16)
    }
}

bitflags! {
    /// Bits 55:40 of a descriptor, less the limit: access rights.
    ///
    /// SPEC: intel-sdm-vol3 :: 3.4.5 Segment Descriptors -> type, S, DPL, P, AVL, L, D/B, G
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct SegAttr: u16 {
        /// Accessed (code and data segments)
        const ACCESSED = 1 << 0;
        /// Writable (data) or readable (code)
        const RW = 1 << 1;
        /// Expand-down (data) or conforming (code)
        const EC = 1 << 2;
        /// Code segment
        const CODE = 1 << 3;
        /// Code or data rather than system
        const S = 1 << 4;
        /// Descriptor privilege level
        const DPL = 3 << 5;
        /// Present
        const P = 1 << 7;
        /// For software
        const AVL = 1 << 12;
        /// 64-bit code
        const L = 1 << 13;
        /// Default operation size, stack size or upper bound
        const DB = 1 << 14;
        /// Limit in 4 KiB units
        const G = 1 << 15;
    }
}

impl SegAttr {
    /// Descriptor privilege level, 0 to 3.
    #[inline(always)]
    pub const fn dpl(self) -> u8 {
        (self.bits() >> 5) as u8 & 3
    }
    /// Returns the 4-bit type field.
    #[inline(always)]
    pub const fn kind(self) -> u8 {
        self.bits() as u8 & 15
    }
    /// Code segment (S = 1)
    #[inline(always)]
    pub const fn is_code(self) -> bool {
        self.bits() & 0x18 == 0x18
    }
    /// Data segment (S = 1)
    #[inline(always)]
    pub const fn is_data(self) -> bool {
        self.bits() & 0x18 == 0x10
    }
    /// Conforming code
    #[inline(always)]
    pub const fn is_conforming(self) -> bool {
        self.is_code() && self.contains(SegAttr::EC)
    }
    /// Data, or readable code
    #[inline(always)]
    pub const fn is_readable(self) -> bool {
        self.is_data() || self.is_code() && self.contains(SegAttr::RW)
    }
    /// Writable data
    #[inline(always)]
    pub const fn is_writable(self) -> bool {
        self.is_data() && self.contains(SegAttr::RW)
    }
}

/// What a descriptor describes. Values are the type field (with S = 0).
///
/// SPEC: intel-sdm-vol3 :: 3.5 System Descriptor Types -> TSS, LDT and gate types
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the manual's own")]
pub enum DescriptorKind {
    Data,
    Code,
    Tss16Available,
    Ldt,
    Tss16Busy,
    CallGate16,
    TaskGate,
    InterruptGate16,
    TrapGate16,
    Tss32Available,
    Tss32Busy,
    CallGate32,
    InterruptGate32,
    TrapGate32,
    Reserved,
}

/// Eight bytes of a descriptor table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct RawDescriptor(pub u64);

impl RawDescriptor {
    /// Access rights.
    #[inline]
    pub const fn attr(self) -> SegAttr {
        SegAttr::from_bits_retain((self.0 >> 40) as u16 & 0xf0ff)
    }
    /// Base, 32 bits (the upper half of a 16-byte system descriptor's base follows in the next eight bytes).
    #[inline]
    pub const fn base(self) -> u32 {
        (self.0 >> 16 & 0xff_ffff) as u32 | (self.0 >> 56 << 24) as u32
    }
    /// Returns the highest valid offset, in bytes (granularity applied).
    #[inline]
    pub const fn limit(self) -> u32 {
        let raw = (self.0 & 0xffff) as u32 | (self.0 >> 32 & 0xf_0000) as u32;
        if self.attr().contains(SegAttr::G) { raw << 12 | 0xfff } else { raw }
    }
    /// What it describes.
    pub const fn kind(self) -> DescriptorKind {
        let attr = self.attr();
        if attr.contains(SegAttr::S) {
            return if attr.is_code() { DescriptorKind::Code } else { DescriptorKind::Data };
        }
        match attr.kind() {
            1 => DescriptorKind::Tss16Available,
            2 => DescriptorKind::Ldt,
            3 => DescriptorKind::Tss16Busy,
            4 => DescriptorKind::CallGate16,
            5 => DescriptorKind::TaskGate,
            6 => DescriptorKind::InterruptGate16,
            7 => DescriptorKind::TrapGate16,
            9 => DescriptorKind::Tss32Available,
            11 => DescriptorKind::Tss32Busy,
            12 => DescriptorKind::CallGate32,
            14 => DescriptorKind::InterruptGate32,
            15 => DescriptorKind::TrapGate32,
            _ => DescriptorKind::Reserved,
        }
    }
    /// Gate: target selector.
    #[inline]
    pub const fn gate_selector(self) -> Selector {
        Selector((self.0 >> 16) as u16)
    }
    /// Gate: target offset, low 32 bits (the low 16 for 16-bit gates).
    #[inline]
    pub const fn gate_offset(self) -> u32 {
        (self.0 & 0xffff) as u32 | (self.0 >> 32) as u32 & 0xffff_0000
    }
    /// Gate: parameter count (call gates) or IST index (64-bit interrupt gates).
    #[inline]
    pub const fn gate_low5(self) -> u8 {
        (self.0 >> 32) as u8 & 0x1f
    }
}

/// A segment register with its hidden part. Also LDTR and TR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Segment {
    /// Base. In 64-bit mode only FS and GS (and system segments) use it; FS and GS bases are all 64 bits.
    pub base: u64,
    /// The highest valid offset in bytes (granularity applied)
    pub limit: u32,
    /// Visible part
    pub selector: Selector,
    /// Access rights; `P` clear means unusable (a null selector was loaded)
    pub attr: SegAttr,
}

impl Segment {
    /// The hidden part as a descriptor gives it.
    pub const fn from_descriptor(selector: Selector, raw: RawDescriptor) -> Self {
        Self { base: raw.base() as u64, limit: raw.limit(), selector, attr: raw.attr() }
    }

    /// What loading a selector does in real and virtual-8086 mode to base and selector; limit and attributes stay.
    pub const fn load_real(&mut self, selector: u16) {
        self.selector = Selector(selector);
        self.base = (selector as u64) << 4;
    }

    /// Segment state after RESET#, for all but CS.
    pub const REAL: Segment =
        Segment { base: 0, limit: 0xffff, selector: Selector(0), attr: SegAttr::from_bits_retain(0x93) };
}

/// GDTR or IDTR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct DescriptorTable {
    /// Linear base address
    pub base: u64,
    /// Highest valid byte offset
    pub limit: u16,
    /// Keeps the layout free of padding
    pub reserved: [u16; 3],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_code_descriptor_reads_as_such() {
        let raw = RawDescriptor(0x00cf_9b00_0000_ffff);
        assert_eq!((raw.base(), raw.limit()), (0, 0xffff_ffff));
        assert_eq!(raw.kind(), DescriptorKind::Code);
        assert_eq!(raw.attr().bits(), 0xc09b);
        let raw = RawDescriptor(0x12af_fb34_5678_ffff);
        assert_eq!(raw.base(), 0x1234_5678);
        assert!(raw.attr().contains(SegAttr::L));
        assert_eq!(raw.attr().dpl(), 3);
    }

    #[test]
    fn a_gate_reads_as_such() {
        let raw = RawDescriptor(0xdead_8e03_0010_beef);
        assert_eq!(raw.kind(), DescriptorKind::InterruptGate32);
        assert_eq!((raw.gate_selector().0, raw.gate_offset(), raw.gate_low5()), (0x10, 0xdead_beef, 3));
    }
}
