//! What an instruction can see and change of the registers that compiled code keeps elsewhere.

use x86_decode::{Feature, Instruction, Op, OperandKind};

/// The general registers, by bit, and the status flags that an instruction may read or write. What is not named keeps its
/// value and does not matter to the outcome, a fault included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// General registers read or written
    pub reads: u16,
    /// General registers written; each of them is among those read, since a fault leaves it as it was
    pub writes: u16,
    /// Whether status flags are read or written
    pub flags: bool,
    /// Whether vector registers are
    pub vectors: bool,
}

const RAX: u16 = 1 << 0;
const RCX: u16 = 1 << 1;
const RDX: u16 = 1 << 2;

impl Reach {
    /// Everything.
    pub const ALL: Reach = Reach { reads: u16::MAX, writes: u16::MAX, flags: true, vectors: true };

    const fn registers(reads: u16, writes: u16) -> Reach {
        Reach { reads: reads | writes, writes, flags: false, vectors: false }
    }

    /// What either can see and change.
    pub fn union(self, other: Reach) -> Reach {
        Reach {
            reads: self.reads | other.reads,
            writes: self.writes | other.writes,
            flags: self.flags | other.flags,
            vectors: self.vectors | other.vectors,
        }
    }

    /// The reach of an instruction that the processor executes for compiled code. It may be less than [`Reach::ALL`] for
    /// what compiled code meets often.
    ///
    /// SPEC: intel-sdm-vol1 :: 8.1 x87 FPU Execution Environment -> x87 instructions work on their own registers; FNSTSW alone can write a general one, and none of those of the first processors has to do with EFLAGS
    /// SPEC: intel-sdm-vol2 :: RDTSC—Read Time-Stamp Counter -> EDX:EAX
    /// SPEC: intel-sdm-vol2 :: RDMSR—Read From Model Specific Register -> EDX:EAX from the register that ECX names; WRMSR likewise
    pub fn of(insn: &Instruction) -> Reach {
        match insn.op {
            Op::Fnstsw if insn.operands[0].kind != OperandKind::Mem => Self::registers(RAX, RAX),
            Op::Cli | Op::Sti | Op::Swapgs => Self::registers(0, 0),
            Op::Rdtsc => Self::registers(0, RAX | RDX),
            Op::Rdmsr => Self::registers(RCX, RAX | RDX),
            Op::Wrmsr => Self::registers(RAX | RCX | RDX, 0),
            _ if insn.feature() == Feature::Fpu => Self::registers(addressing(insn), 0),
            _ => Self::ALL,
        }
    }
}

/// The registers that make up the address of a memory operand.
fn addressing(insn: &Instruction) -> u16 {
    let bit = |register: u8| 1_u16.checked_shl(register.into()).unwrap_or(0);
    bit(insn.base) | bit(insn.index)
}
