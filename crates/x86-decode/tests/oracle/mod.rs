//! iced-x86 as an oracle: what this decoder should give, by iced's own instruction.

mod differences;
mod features;
mod names;

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction as Iced, OpKind, Register};
use x86_decode::{InsnFlags, Instruction, MemSize, NO_REG, Op, Operand, OperandKind};
use x86_types::{CodeSize, Width};

/// Instruction pointer that branch targets and RIP-relative addresses are taken from.
const IP: u64 = 0x1234;

/// What the oracle says.
pub(crate) enum Expect {
    Undefined,
    Insn(Box<Iced>),
}

/// iced's codes with this crate's operations; `None` for what this crate does not decode.
pub(crate) struct Oracle {
    codes: Vec<Option<(Op, u8)>>,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        Self { codes: Code::values().map(names::operation).collect() }
    }

    /// With `nop`, what iced makes of `bytes` if all of the hint space is NOP.
    pub(crate) fn decode(&self, size: CodeSize, bytes: &[u8], nop: bool) -> Expect {
        let bits = size.width().bits();
        let options = if nop { DecoderOptions::FORCE_RESERVED_NOP } else { DecoderOptions::NONE };
        let mut decoder = Decoder::with_ip(bits, bytes, IP, options);
        let insn = decoder.decode();
        if insn.is_invalid() || self.codes[insn.code() as usize].is_none() {
            return Expect::Undefined;
        }
        Expect::Insn(Box::new(insn))
    }

    pub(crate) fn compare(&self, ours: &Instruction, theirs: &Iced) -> Result<(), String> {
        let code = theirs.code();
        let (op, cc) = self.codes[code as usize].expect("checked by decode");
        if (ours.op, ours.cc) != (op, cc) {
            return Err(format!("{code:?} should be {op:?} {cc}, not {:?} {}", ours.op, ours.cc));
        }
        if ours.len as usize != theirs.len() {
            return Err(format!("{code:?}: length {} not {}", ours.len, theirs.len()));
        }
        if !features::agrees(ours, code) {
            return Err(format!("{code:?}: feature {:?}, not {:?}", ours.feature(), code.cpuid_features()));
        }
        attributes(ours, theirs).map_err(|what| format!("{code:?}: {what}"))?;
        if ours.flags.contains(InsnFlags::LOCK) != theirs.has_lock_prefix() {
            return Err(format!("{code:?}: LOCK"));
        }
        if names::is_string(op) {
            return string(ours, theirs);
        }
        if differences::OPERANDS.iter().any(|&(listed, _)| listed == op) {
            return Ok(());
        }
        let count = ours.operands.iter().filter(|operand| operand.kind != OperandKind::None).count();
        // Reserved NOPs name ModRM.reg as a second operand in iced.
        if op != Op::Nop && count != theirs.op_count() as usize {
            return Err(format!("{code:?}: {count} operands, not {}", theirs.op_count()));
        }
        for (i, operand) in ours.operands[..count].iter().enumerate() {
            let kind = theirs.op_kind(i as u32);
            self::operand(ours, *operand, theirs, i as u32)
                .map_err(|what| format!("{code:?}: operand {i} {what} ({kind:?})"))?;
        }
        Ok(())
    }
}

/// Privilege, ends of blocks, and sizes that no explicit operand shows.
fn attributes(ours: &Instruction, theirs: &Iced) -> Result<(), String> {
    let code = theirs.code();
    if code.op_code().is_privileged() != ours.flags.contains(InsnFlags::PRIVILEGED)
        && !differences::PRIVILEGE.iter().any(|&(listed, _)| listed == ours.op)
    {
        return Err(format!("privileged {}", code.op_code().is_privileged()));
    }
    let branches = theirs.flow_control() != FlowControl::Next;
    if branches && !ours.flags.contains(InsnFlags::ENDS_BLOCK) {
        return Err(format!("ends no block: {:?}", theirs.flow_control()));
    }
    let slots = match ours.op {
        Op::Push | Op::Pushf | Op::Call => -1,
        Op::Pop | Op::Popf | Op::Ret => 1,
        Op::Pusha => -8,
        Op::Popa => 8,
        Op::CallFar => -2,
        Op::RetFar => 2,
        _ => 0,
    };
    let released = if matches!(ours.op, Op::Ret | Op::RetFar) { ours.imm as i32 } else { 0 };
    if slots != 0 && slots * ours.opsize.bytes() as i32 + released != theirs.stack_pointer_increment() {
        return Err(format!("operand size {:?}", ours.opsize));
    }
    let name = format!("{code:?}");
    let counter = match ours.op {
        Op::Jcxz => name.split('c').next(),
        Op::Loop | Op::Loope | Op::Loopne => {
            name.rsplit('_').next().and_then(|counter| counter.strip_suffix("CX"))
        }
        Op::Xlat => theirs
            .memory_base()
            .size()
            .checked_ilog2()
            .and_then(|log| ["", "", "E", "R"].get(log as usize).copied()),
        _ => return Ok(()),
    };
    let width = match counter {
        Some("J" | "") => Width::B2,
        Some("Je" | "E") => Width::B4,
        _ => Width::B8,
    };
    if ours.addrsize != width { Err(format!("address size {:?}", ours.addrsize)) } else { Ok(()) }
}

fn string(ours: &Instruction, theirs: &Iced) -> Result<(), String> {
    let code = theirs.code();
    let name = format!("{:?}", theirs.mnemonic());
    let suffix = name.chars().last().unwrap_or('?');
    let width = match suffix {
        'b' => Width::B1,
        'w' => Width::B2,
        'd' => Width::B4,
        _ => Width::B8,
    };
    if ours.opsize != width {
        return Err(format!("{code:?}: operand size {:?}", ours.opsize));
    }
    let addrsize = (0..theirs.op_count()).find_map(|i| match theirs.op_kind(i) {
        OpKind::MemorySegSI | OpKind::MemorySegDI | OpKind::MemoryESDI => Some(Width::B2),
        OpKind::MemorySegESI | OpKind::MemorySegEDI | OpKind::MemoryESEDI => Some(Width::B4),
        OpKind::MemorySegRSI | OpKind::MemorySegRDI | OpKind::MemoryESRDI => Some(Width::B8),
        _ => None,
    });
    if Some(ours.addrsize) != addrsize {
        return Err(format!("{code:?}: address size {:?}", ours.addrsize));
    }
    let source = (0..theirs.op_count()).any(|i| {
        matches!(theirs.op_kind(i), OpKind::MemorySegSI | OpKind::MemorySegESI | OpKind::MemorySegRSI)
    });
    if source && ours.seg as usize != segment(theirs) {
        return Err(format!("{code:?}: segment {:?}", ours.seg));
    }
    let rep = (ours.flags.contains(InsnFlags::REP), ours.flags.contains(InsnFlags::REPNE));
    if rep != (theirs.has_rep_prefix(), theirs.has_repne_prefix()) {
        return Err(format!("{code:?}: repeat prefix {rep:?}"));
    }
    Ok(())
}

/// iced's register as an operand.
fn register(reg: Register) -> Operand {
    use OperandKind as K;
    let (kind, reg) = match reg {
        Register::AH | Register::CH | Register::DH | Register::BH => {
            (K::Gpr8, 16 + (reg as u8 - Register::AH as u8))
        }
        // iced numbers AH to BH before SPL to DIL
        r if r.is_gpr8() => {
            (K::Gpr8, (r as u8 - Register::AL as u8) - if r >= Register::SPL { 4 } else { 0 })
        }
        r if r.is_gpr16() => (K::Gpr16, r.number() as u8),
        r if r.is_gpr32() => (K::Gpr32, r.number() as u8),
        r if r.is_gpr64() => (K::Gpr64, r.number() as u8),
        r if r.is_segment_register() => (K::Seg, r.number() as u8),
        r if r.is_cr() => (K::Cr, r.number() as u8),
        r if r.is_dr() => (K::Dr, r.number() as u8),
        r if r.is_st() => (K::St, r.number() as u8),
        r if r.is_mm() => (K::Mmx, r.number() as u8),
        r if r.is_xmm() => (K::Xmm, r.number() as u8),
        r if r.is_ymm() => (K::Ymm, r.number() as u8),
        _ => (K::None, 0),
    };
    Operand { kind, reg }
}

fn operand(ours: &Instruction, operand: Operand, theirs: &Iced, i: u32) -> Result<(), String> {
    let kind = theirs.op_kind(i);
    let next = IP + theirs.len() as u64;
    let (expected, got) = match kind {
        OpKind::Register => {
            let expected = register(theirs.op_register(i));
            return if expected == operand { Ok(()) } else { Err(format!("{operand:?}, not {expected:?}")) };
        }
        OpKind::Memory => {
            if operand.kind != OperandKind::Mem {
                return Err(format!("{operand:?}"));
            }
            return memory(ours, operand, theirs);
        }
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            if operand.kind != OperandKind::Rel {
                return Err(format!("{operand:?}"));
            }
            (theirs.near_branch_target(), ours.opsize.trunc(next.wrapping_add(ours.imm)))
        }
        OpKind::FarBranch16 => {
            (theirs.far_branch16() as u64 | (theirs.far_branch_selector() as u64) << 32, ours.imm)
        }
        OpKind::FarBranch32 => {
            (theirs.far_branch32() as u64 | (theirs.far_branch_selector() as u64) << 32, ours.imm)
        }
        OpKind::Immediate8_2nd => (theirs.immediate8_2nd() as u64, ours.imm >> 16),
        _ if operand.kind == OperandKind::One => (theirs.immediate(i), 1),
        _ => {
            let mask = match kind {
                OpKind::Immediate8 => 0xff,
                OpKind::Immediate16 | OpKind::Immediate8to16 => 0xffff,
                OpKind::Immediate32 | OpKind::Immediate8to32 => 0xffff_ffff,
                _ => u64::MAX,
            };
            (theirs.immediate(i) & mask, ours.imm & mask)
        }
    };
    let kinds = matches!(
        operand.kind,
        OperandKind::Imm | OperandKind::Imm2 | OperandKind::Rel | OperandKind::FarPtr | OperandKind::One
    );
    if !kinds || expected != got { Err(format!("{operand:?}: value")) } else { Ok(()) }
}

/// Number of the effective segment; iced reports ES, CS, SS and DS overrides in 64-bit mode too.
fn segment(theirs: &Iced) -> usize {
    let given = theirs.memory_segment().number();
    if theirs.code_size() != iced_x86::CodeSize::Code64 || given >= 4 {
        return given;
    }
    let stack = matches!(theirs.memory_base(), Register::RSP | Register::RBP | Register::ESP | Register::EBP);
    if stack { 2 } else { 3 }
}

fn memory(ours: &Instruction, operand: Operand, theirs: &Iced) -> Result<(), String> {
    let number = |reg: Register| if reg == Register::None { NO_REG } else { reg.number() as u8 };
    let rip = matches!(theirs.memory_base(), Register::RIP | Register::EIP);
    if rip != ours.flags.contains(InsnFlags::RIP_RELATIVE) {
        return Err("RIP-relative".into());
    }
    let base = if rip { NO_REG } else { number(theirs.memory_base()) };
    if (ours.base, ours.index) != (base, number(theirs.memory_index())) {
        return Err(format!("base {} index {}", ours.base, ours.index));
    }
    if ours.index != NO_REG && 1 << ours.scale != theirs.memory_index_scale() {
        return Err(format!("scale {}", ours.scale));
    }
    let width = match theirs.memory_base() {
        Register::None => None,
        reg => Some(reg.size() as u32),
    };
    if width.is_some_and(|bytes| bytes != ours.addrsize.bytes()) {
        return Err(format!("address size {:?}", ours.addrsize));
    }
    let disp = if ours.flags.contains(InsnFlags::MOFFS) {
        ours.imm
    } else if rip {
        (IP + ours.len as u64).wrapping_add(ours.disp as u64)
    } else {
        ours.disp as u64
    };
    if ours.addrsize.trunc(disp) != ours.addrsize.trunc(theirs.memory_displacement64()) {
        return Err(format!("displacement {disp:#x}"));
    }
    if ours.seg as usize != segment(theirs) {
        return Err(format!("segment {:?}", ours.seg));
    }
    let size = match operand.reg {
        r if r <= MemSize::B32 as u8 => 1 << r,
        r if r == MemSize::B10 as u8 => 10,
        _ => return Ok(()),
    };
    let theirs_size = theirs.memory_size().size();
    if size != theirs_size { Err(format!("{size} bytes, not {theirs_size}")) } else { Ok(()) }
}
