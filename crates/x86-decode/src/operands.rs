//! Operands as typed values, and effective addresses.

use crate::{InsnFlags, Instruction, MemSize, NO_REG, Op, Operand, OperandKind, Register, RegisterKind};
use x86_types::{Seg, Width};

/// An operand, with its type and access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum OperandValue {
    /// A register
    Register(Register),
    /// Memory
    Memory(MemoryOperand),
    /// An immediate
    Immediate {
        /// The value, cut to its width
        value: u64,
        /// Width: the operand size, or a byte or word by the instruction
        width: Width,
    },
    /// The target of a near branch, relative to the next instruction; see [`Instruction::branch_target`]
    Relative {
        /// The displacement, sign-extended
        displacement: i64,
        /// The width that the target is cut to
        width: Width,
    },
    /// The target of a far branch
    FarPointer {
        /// Selector of the code segment
        selector: u16,
        /// Offset in it
        offset: u32,
    },
}

/// A memory operand: `segment:[base + index * scale + displacement]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MemoryOperand {
    /// Effective segment
    pub segment: Seg,
    /// Base register; the instruction pointer if the operand is RIP-relative
    pub base: Option<Register>,
    /// Index register; a vector register for gathers
    pub index: Option<Register>,
    /// What the index is multiplied by: 1, 2, 4 or 8
    pub scale: u8,
    /// Displacement; the whole address if there are no registers
    pub displacement: i64,
    /// Width of addresses
    pub address_size: Width,
    /// What is accessed
    pub size: MemSize,
}

impl MemoryOperand {
    /// Returns the effective address: the offset in the segment, cut to the address size. `register` returns the value of
    /// a general register, or of the instruction pointer: that of the next instruction. `None` for gathers, which have one
    /// address for each element.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.7.5 Specifying an Offset -> base + index * scale + displacement, modulo the address size
    pub fn effective_address(&self, mut register: impl FnMut(Register) -> u64) -> Option<u64> {
        let mut value = |of: Option<Register>| of.map_or(0, |of| self.address_size.trunc(register(of)));
        let vector = |of: Register| matches!(of.kind(), RegisterKind::Xmm | RegisterKind::Ymm);
        if self.index.is_some_and(vector) {
            return None;
        }
        let index = value(self.index).wrapping_mul(self.scale.into());
        let offset = value(self.base).wrapping_add(index).wrapping_add(self.displacement as u64);
        Some(self.address_size.trunc(offset))
    }
}

impl MemSize {
    /// Returns the size in bytes, `None` where the operation or its operand size decides; see
    /// [`Instruction::memory_bytes`].
    pub const fn bytes(self) -> Option<u32> {
        match self {
            MemSize::B1 => Some(1),
            MemSize::B2 => Some(2),
            MemSize::B4 => Some(4),
            MemSize::B8 => Some(8),
            MemSize::B10 => Some(10),
            MemSize::B16 => Some(16),
            MemSize::B32 => Some(32),
            MemSize::Far | MemSize::Other => None,
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            0 => MemSize::B1,
            1 => MemSize::B2,
            2 => MemSize::B4,
            3 => MemSize::B8,
            4 => MemSize::B16,
            5 => MemSize::B32,
            6 => MemSize::B10,
            7 => MemSize::Far,
            _ => MemSize::Other,
        }
    }
}

impl Operand {
    /// Returns the register, `None` if the operand is none.
    pub const fn register(self) -> Option<Register> {
        let kind = match self.kind {
            OperandKind::Gpr8 => RegisterKind::Gpr8,
            OperandKind::Gpr16 => RegisterKind::Gpr16,
            OperandKind::Gpr32 => RegisterKind::Gpr32,
            OperandKind::Gpr64 => RegisterKind::Gpr64,
            OperandKind::Seg => RegisterKind::Segment,
            OperandKind::Cr => RegisterKind::Control,
            OperandKind::Dr => RegisterKind::Debug,
            OperandKind::St => RegisterKind::X87,
            OperandKind::Mmx => RegisterKind::Mmx,
            OperandKind::Xmm => RegisterKind::Xmm,
            OperandKind::Ymm => RegisterKind::Ymm,
            _ => return None,
        };
        Register::new(kind, self.reg)
    }

    /// Returns the size of a memory operand, `None` if the operand is not memory.
    pub const fn memory_size(self) -> Option<MemSize> {
        if self.is_mem() { Some(MemSize::from_code(self.reg)) } else { None }
    }
}

impl Instruction {
    /// Returns the explicit operands, destination first.
    ///
    /// ```
    /// use x86_decode::{CodeSize, MemSize, OperandValue, decode};
    ///
    /// // add eax,[rdi+rcx*4+8]
    /// let insn = decode(CodeSize::Bits64, &[0x03, 0x44, 0x8f, 0x08]).unwrap();
    /// let mut operands = insn.operand_values();
    /// assert!(matches!(operands.next(), Some(OperandValue::Register(eax)) if eax.name() == "eax"));
    /// let Some(OperandValue::Memory(memory)) = operands.next() else { panic!("it has one") };
    /// assert_eq!((memory.scale, memory.displacement, memory.size), (4, 8, MemSize::B4));
    /// let address = memory.effective_address(|register| match register.name() {
    ///     "rdi" => 0x1000,
    ///     _ => 3,
    /// });
    /// assert_eq!(address, Some(0x1014));
    /// ```
    pub fn operand_values(&self) -> impl Iterator<Item = OperandValue> + '_ {
        self.operands.iter().map_while(|&operand| self.value(operand))
    }

    /// Returns explicit operand `index`, counted from 0; `None` if there are not so many.
    pub fn operand_value(&self, index: usize) -> Option<OperandValue> {
        self.value(*self.operands.get(index)?)
    }

    fn value(&self, operand: Operand) -> Option<OperandValue> {
        Some(match operand.kind {
            OperandKind::None => return None,
            OperandKind::Mem => OperandValue::Memory(self.memory_operand(operand)),
            OperandKind::Imm => {
                let width = if self.op == Op::Enter { Width::B2 } else { self.immediate_width() };
                OperandValue::Immediate { value: width.trunc(self.imm), width }
            }
            OperandKind::Imm2 => OperandValue::Immediate { value: self.imm >> 16 & 0xff, width: Width::B1 },
            OperandKind::One => OperandValue::Immediate { value: 1, width: Width::B1 },
            OperandKind::Rel => OperandValue::Relative { displacement: self.imm as i64, width: self.opsize },
            OperandKind::FarPtr => {
                OperandValue::FarPointer { selector: (self.imm >> 32) as u16, offset: self.imm as u32 }
            }
            _ => OperandValue::Register(operand.register()?),
        })
    }

    /// Returns the width of an immediate: the operand size, except for instructions with a byte or word immediate.
    fn immediate_width(&self) -> Width {
        match self.op {
            Op::Ret | Op::RetFar => Width::B2,
            Op::Int | Op::Aam | Op::Aad | Op::In | Op::Out => Width::B1,
            _ => self.opsize,
        }
    }

    fn memory_operand(&self, operand: Operand) -> MemoryOperand {
        let general = |number| Register::general(self.addrsize, number);
        let relative = self.flags.contains(InsnFlags::RIP_RELATIVE);
        let base = match self.base {
            _ if relative => Some(Register::ip(self.addrsize)),
            NO_REG => None,
            number => general(number),
        };
        let index = match (self.index, self.vector_index()) {
            (NO_REG, _) => None,
            (number, Some(kind)) => Register::new(kind, number),
            (number, None) => general(number),
        };
        let moffs = self.flags.contains(InsnFlags::MOFFS);
        MemoryOperand {
            segment: self.seg,
            base,
            index,
            scale: 1 << (self.scale & 3),
            displacement: if moffs { self.imm as i64 } else { self.disp.into() },
            address_size: self.addrsize,
            size: MemSize::from_code(operand.reg),
        }
    }

    /// Returns the memory operand among the explicit operands.
    pub fn memory(&self) -> Option<MemoryOperand> {
        let operand = self.operands.iter().find(|operand| operand.is_mem())?;
        Some(self.memory_operand(*operand))
    }

    /// Returns how many bytes of memory the explicit memory operand has; `None` if there is none, if only its address
    /// is used, or if it is a structure with a size that depends on the processor's state (XSAVE).
    pub fn memory_bytes(&self) -> Option<u32> {
        let size = self.memory()?.size;
        Some(match (size, self.op) {
            (MemSize::Far, Op::Lgdt | Op::Lidt | Op::Sgdt | Op::Sidt) => {
                if self.opsize == Width::B8 {
                    10
                } else {
                    6
                }
            }
            (MemSize::Far, _) => 2 + self.opsize.bytes(),
            (MemSize::Other, Op::Bound) => 2 * self.opsize.bytes(),
            (MemSize::Other, Op::Fxsave | Op::Fxrstor) => 512,
            (MemSize::Other, Op::Fnstenv | Op::Fldenv) => 7 * self.opsize.min(Width::B4).bytes(),
            (MemSize::Other, Op::Fnsave | Op::Frstor) => 80 + 7 * self.opsize.min(Width::B4).bytes(),
            _ => size.bytes()?,
        })
    }

    /// Returns the effective address of the explicit memory operand of an instruction at offset `rip`; `register`
    /// returns the values of general registers. `None` without such an operand, and for gathers.
    ///
    /// ```
    /// use x86_decode::{CodeSize, decode};
    ///
    /// // lea rax,[rip+10h]
    /// let insn = decode(CodeSize::Bits64, &[0x48, 0x8d, 0x05, 0x10, 0, 0, 0]).unwrap();
    /// assert_eq!(insn.effective_address(0x1000, |_| 0), Some(0x1017));
    /// ```
    pub fn effective_address(&self, rip: u64, mut register: impl FnMut(Register) -> u64) -> Option<u64> {
        self.memory()?.effective_address(|of| match of.kind() {
            RegisterKind::Ip => rip.wrapping_add(self.len.into()),
            _ => register(of),
        })
    }

    /// Returns the target of a near relative branch, for an instruction at offset `rip`.
    ///
    /// ```
    /// use x86_decode::{CodeSize, decode};
    ///
    /// let insn = decode(CodeSize::Bits64, &[0xeb, 0xfe]).unwrap();
    /// assert_eq!(insn.branch_target(0x1000), Some(0x1000));
    /// ```
    pub fn branch_target(&self, rip: u64) -> Option<u64> {
        self.operand_values().find_map(|operand| match operand {
            OperandValue::Relative { displacement, width } => {
                Some(width.trunc(rip.wrapping_add(self.len.into()).wrapping_add(displacement as u64)))
            }
            _ => None,
        })
    }

    /// Returns the kind of a gather's index register.
    ///
    /// SPEC: intel-sdm-vol2 :: VPGATHERDD/VPGATHERQD—Gather Packed Dword Values Using Signed Dword/Qword Indices -> as many indices as elements: half a register of dword indices for qword elements
    pub(crate) fn vector_index(&self) -> Option<RegisterKind> {
        let wide = self.flags.contains(InsnFlags::VEX_L);
        match self.op {
            Op::Vpgatherdq | Op::Vgatherdpd => Some(RegisterKind::Xmm),
            Op::Vpgatherdd
            | Op::Vgatherdps
            | Op::Vpgatherqd
            | Op::Vgatherqps
            | Op::Vpgatherqq
            | Op::Vgatherqpd => Some(if wide { RegisterKind::Ymm } else { RegisterKind::Xmm }),
            _ => None,
        }
    }
}
