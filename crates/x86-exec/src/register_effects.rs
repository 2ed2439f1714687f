//! Register effects (def/use): the registers that an instruction reads and writes, among those that compiled code keeps
//! in locals.

use x86_decode::{Feature, Instruction, Op, OperandKind};

/// The general registers, by bit, and the status flags that an instruction may read or write. Other registers neither
/// change nor influence the result, a fault included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterEffects {
    /// General registers read or written
    pub reads: u16,
    /// General registers written; each of them counts as read as well, since it keeps its value if the instruction
    /// faults
    pub writes: u16,
    /// Whether status flags are read or written
    pub flags: bool,
    /// Whether vector registers are
    pub vectors: bool,
}

const RAX: u16 = 1 << 0;
const RCX: u16 = 1 << 1;
const RDX: u16 = 1 << 2;
const RBX: u16 = 1 << 3;
const RSP: u16 = 1 << 4;
const RBP: u16 = 1 << 5;
const RSI: u16 = 1 << 6;
const RDI: u16 = 1 << 7;
const R11: u16 = 1 << 11;
/// The general registers of 16- and 32-bit code.
const EIGHT: u16 = 0xff;

impl RegisterEffects {
    /// Everything.
    pub const ALL: RegisterEffects =
        RegisterEffects { reads: u16::MAX, writes: u16::MAX, flags: true, vectors: true };

    const fn registers(reads: u16, writes: u16) -> RegisterEffects {
        RegisterEffects { reads: reads | writes, writes, flags: false, vectors: false }
    }

    /// Returns the union of both effects.
    pub fn union(self, other: RegisterEffects) -> RegisterEffects {
        RegisterEffects {
            reads: self.reads | other.reads,
            writes: self.writes | other.writes,
            flags: self.flags | other.flags,
            vectors: self.vectors | other.vectors,
        }
    }

    /// Returns the effects of an instruction that is executed by a helper call. For instructions that are frequent in compiled
    /// code they are exact, for others they may be [`RegisterEffects::ALL`].
    ///
    /// SPEC: intel-sdm-vol1 :: 8.1 x87 FPU Execution Environment -> x87 instructions work on their own registers; FNSTSW alone can write a general one, and none of those of the first processors has to do with EFLAGS
    /// SPEC: intel-sdm-vol2 :: RDTSC—Read Time-Stamp Counter -> EDX:EAX
    /// SPEC: intel-sdm-vol2 :: STAC—Set AC Flag in EFLAGS Register -> AC is no status flag; likewise CLAC, CLI, STI, CLD and STD
    /// SPEC: intel-sdm-vol2 :: PUSHA/PUSHAD—Push All General-Purpose Registers -> no flags; likewise POPA, PUSH, POP, ENTER and LDS
    /// SPEC: intel-sdm-vol2 :: MOVS/MOVSB/MOVSW/MOVSD/MOVSQ—Move Data From String to String -> (E/R)SI and (E/R)DI, with REP the counter, and no status flag; likewise STOS and LODS with the accumulator
    /// SPEC: intel-sdm-vol2 :: IN—Input From Port -> the accumulator from the port that an immediate or DX names; OUT likewise
    /// SPEC: intel-sdm-vol2 :: INS/INSB/INSW/INSD—Input from Port to String -> (E/R)DI and with REP the counter, by DX; OUTS likewise with (E/R)SI
    /// SPEC: intel-sdm-vol2 :: RDMSR—Read From Model Specific Register -> EDX:EAX from the register that ECX names; WRMSR likewise
    pub fn of(insn: &Instruction) -> RegisterEffects {
        match insn.op {
            Op::Fnstsw if insn.operands[0].kind != OperandKind::Mem => Self::registers(RAX, RAX),
            Op::Cli | Op::Sti | Op::Cld | Op::Std | Op::Swapgs | Op::Stac | Op::Clac | Op::Pause => {
                Self::registers(0, 0)
            }
            Op::Rdtsc => Self::registers(0, RAX | RDX),
            Op::Rdtscp => Self::registers(0, RAX | RCX | RDX),
            Op::Pushf | Op::Popf => Self { flags: true, ..Self::registers(0, RSP) },
            // SYSCALL keeps RFLAGS in R11 and clears some of them.
            Op::Syscall => Self { flags: true, ..Self::registers(0, RCX | R11) },
            Op::Movs => Self::registers(0, RCX | RSI | RDI),
            Op::Stos => Self::registers(RAX, RCX | RDI),
            Op::Lods => Self::registers(0, RAX | RCX | RSI),
            Op::MovSeg | Op::MovCr | Op::Invlpg => {
                Self::registers(addressing(insn) | named(insn, &[0, 1]), named(insn, &[0]))
            }
            Op::Push | Op::Pop if insn.operands[0].kind == OperandKind::Seg => Self::registers(0, RSP),
            Op::Lds | Op::Les | Op::Lfs | Op::Lgs | Op::Lss => {
                Self::registers(addressing(insn), named(insn, &[0]))
            }
            Op::Pusha => Self::registers(EIGHT, RSP),
            Op::Popa => Self::registers(0, EIGHT),
            Op::Enter => Self::registers(0, RSP | RBP),
            Op::Ldmxcsr | Op::Stmxcsr => Self::registers(addressing(insn), 0),
            Op::Fxsave | Op::Fxrstor => Self { vectors: true, ..Self::registers(addressing(insn), 0) },
            Op::Cmpxchg16b => {
                let reads = RAX | RCX | RDX | RBX | addressing(insn);
                Self { flags: true, ..Self::registers(reads, RAX | RDX) }
            }
            Op::In => Self::registers(RDX, RAX),
            Op::Out => Self::registers(RAX | RDX, 0),
            Op::Ins => Self::registers(RDX, RCX | RDI),
            Op::Outs => Self::registers(RDX, RCX | RSI),
            Op::Rdmsr => Self::registers(RCX, RAX | RDX),
            Op::Wrmsr => Self::registers(RAX | RCX | RDX, 0),
            _ if insn.feature() == Feature::Fpu => Self::registers(addressing(insn), 0),
            _ => Self::ALL,
        }
    }
}

/// Returns the general registers among these operands. Byte registers are parts of the first eight.
fn named(insn: &Instruction, operands: &[usize]) -> u16 {
    let of = |n: &usize| {
        let operand = insn.operands.get(*n)?;
        match operand.kind {
            OperandKind::Gpr8 if operand.reg >= 16 => Some(1 << (operand.reg & 3)),
            OperandKind::Gpr8 | OperandKind::Gpr16 | OperandKind::Gpr32 | OperandKind::Gpr64 => {
                1_u16.checked_shl(operand.reg.into())
            }
            _ => None,
        }
    };
    operands.iter().filter_map(of).fold(0, |all, bit| all | bit)
}

/// Returns the registers that form the address of a memory operand.
fn addressing(insn: &Instruction) -> u16 {
    let bit = |register: u8| 1_u16.checked_shl(register.into()).unwrap_or(0);
    bit(insn.base) | bit(insn.index)
}
