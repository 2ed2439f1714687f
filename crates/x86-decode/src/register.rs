//! Registers as values: kind, number and name.

use x86_types::{Seg, Width};

/// What a [`Register`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RegisterKind {
    /// 8-bit general registers: AL to R15B as 0 to 15, AH, CH, DH, BH as 16 to 19
    Gpr8,
    /// 16-bit general registers
    Gpr16,
    /// 32-bit general registers
    Gpr32,
    /// 64-bit general registers
    Gpr64,
    /// The instruction pointer; the number is that of its [`Width`]: IP, EIP, RIP as 1 to 3
    Ip,
    /// Segment registers, 0 to 5
    Segment,
    /// Control registers
    Control,
    /// Debug registers
    Debug,
    /// x87 stack registers, ST(0) to ST(7)
    X87,
    /// MMX registers
    Mmx,
    /// 128-bit vector registers
    Xmm,
    /// 256-bit vector registers
    Ymm,
}

/// A register that an instruction names.
///
/// ```
/// use x86_decode::{Register, RegisterKind};
///
/// let rdi = Register::new(RegisterKind::Gpr64, 7).unwrap();
/// assert_eq!(rdi.name(), "rdi");
/// assert!(Register::new(RegisterKind::Segment, 6).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Register {
    kind: RegisterKind,
    number: u8,
}

impl Register {
    /// Returns the register with this number, `None` if there is none.
    pub const fn new(kind: RegisterKind, number: u8) -> Option<Self> {
        let register = Self { kind, number };
        if (number as usize) < register.names().len() { Some(register) } else { None }
    }

    /// Returns the general register with this width and encoded number; 16 to 19 are AH to BH.
    pub const fn general(width: Width, number: u8) -> Option<Self> {
        let kind = match width {
            Width::B1 => RegisterKind::Gpr8,
            Width::B2 => RegisterKind::Gpr16,
            Width::B4 => RegisterKind::Gpr32,
            Width::B8 => RegisterKind::Gpr64,
        };
        Self::new(kind, number)
    }

    /// Returns a segment register.
    pub const fn segment(seg: Seg) -> Self {
        Self { kind: RegisterKind::Segment, number: seg as u8 }
    }

    pub(crate) const fn ip(width: Width) -> Self {
        Self { kind: RegisterKind::Ip, number: width as u8 }
    }

    /// Returns what the register belongs to.
    pub const fn kind(self) -> RegisterKind {
        self.kind
    }

    /// Returns the number within its kind.
    pub const fn number(self) -> u8 {
        self.number
    }

    /// Returns the name, as in Intel syntax and in lower case.
    pub const fn name(self) -> &'static str {
        let names = self.names();
        if (self.number as usize) < names.len() { names[self.number as usize] } else { "?" }
    }

    /// Returns the number of the general register that holds this one, and whether it is bits 15:8 of that (AH to BH);
    /// `None` for other registers.
    pub const fn full(self) -> Option<(u8, bool)> {
        match self.kind {
            RegisterKind::Gpr8 if self.number >= 16 => Some((self.number - 16, true)),
            RegisterKind::Gpr8 | RegisterKind::Gpr16 | RegisterKind::Gpr32 | RegisterKind::Gpr64 => {
                Some((self.number, false))
            }
            _ => None,
        }
    }

    /// Returns the size in bytes; 10 for x87 registers, `None` for control and debug registers, as their size depends
    /// on the mode.
    pub const fn bytes(self) -> Option<u32> {
        match self.kind {
            RegisterKind::Gpr8 => Some(1),
            RegisterKind::Gpr16 | RegisterKind::Segment => Some(2),
            RegisterKind::Gpr32 => Some(4),
            RegisterKind::Gpr64 | RegisterKind::Mmx => Some(8),
            RegisterKind::Ip => Some(1 << self.number),
            RegisterKind::X87 => Some(10),
            RegisterKind::Xmm => Some(16),
            RegisterKind::Ymm => Some(32),
            RegisterKind::Control | RegisterKind::Debug => None,
        }
    }

    const fn names(self) -> &'static [&'static str] {
        match self.kind {
            RegisterKind::Gpr8 => &GPR8,
            RegisterKind::Gpr16 => &GPR16,
            RegisterKind::Gpr32 => &GPR32,
            RegisterKind::Gpr64 => &GPR64,
            RegisterKind::Ip => &IP,
            RegisterKind::Segment => &SEGMENTS,
            RegisterKind::Control => &CONTROL,
            RegisterKind::Debug => &DEBUG,
            RegisterKind::X87 => &X87,
            RegisterKind::Mmx => &MMX,
            RegisterKind::Xmm => &XMM,
            RegisterKind::Ymm => &YMM,
        }
    }
}

#[cfg(feature = "fmt")]
impl core::fmt::Display for Register {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

const GPR8: [&str; 20] = [
    "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b",
    "r15b", "ah", "ch", "dh", "bh",
];
const GPR16: [&str; 16] = [
    "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w",
    "r15w",
];
const GPR32: [&str; 16] = [
    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d",
    "r14d", "r15d",
];
const GPR64: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];
const IP: [&str; 4] = ["?", "ip", "eip", "rip"];
const SEGMENTS: [&str; 6] = ["es", "cs", "ss", "ds", "fs", "gs"];
const CONTROL: [&str; 16] = [
    "cr0", "cr1", "cr2", "cr3", "cr4", "cr5", "cr6", "cr7", "cr8", "cr9", "cr10", "cr11", "cr12", "cr13",
    "cr14", "cr15",
];
const DEBUG: [&str; 8] = ["dr0", "dr1", "dr2", "dr3", "dr4", "dr5", "dr6", "dr7"];
const X87: [&str; 8] = ["st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7"];
const MMX: [&str; 8] = ["mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7"];
const XMM: [&str; 16] = [
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
    "xmm12", "xmm13", "xmm14", "xmm15",
];
const YMM: [&str; 16] = [
    "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7", "ymm8", "ymm9", "ymm10", "ymm11",
    "ymm12", "ymm13", "ymm14", "ymm15",
];
