//! Handler selection: from an instruction to its handler, specialized for operand size and shape.

use crate::int::alu::{self, Alu};
use crate::int::bits::{self, BitOp};
use crate::int::bmi::{self, Lowest};
use crate::int::shift::{self, Shift};
use crate::int::{branch, data, locked, muldiv, segment, stack, string};
use crate::operand::Form;
use crate::{Bin, Domain, Flow, Step, X87};
use x86_decode::{InsnFlags, Instruction, Op, OperandKind};
use x86_types::Width;

/// A handler: the definition of an instruction in a domain.
pub type Handler<D> = fn(&mut D, &Instruction) -> Step<D>;

/// One handler per operand size, in which the width is a constant; a single handler if [`Domain::BY_SHAPE`] is false.
macro_rules! by_width {
    ($insn:expr, $d:ident, $i:ident, $w:ident => $body:expr) => {
        if D::BY_SHAPE {
            by_width!(@each $insn, $d, $i, $w => $body)
        } else {
            #[allow(non_snake_case)] // it stands for a constant
            let f: Handler<D> = |$d: &mut D, $i: &Instruction| {
                let $w = $i.opsize;
                $body
            };
            f
        }
    };
    (@each $insn:expr, $d:ident, $i:ident, $w:ident => $body:expr) => {
        match $insn.opsize {
            Width::B1 => by_width!(@one $d, $i, $w, B1, $body),
            Width::B2 => by_width!(@one $d, $i, $w, B2, $body),
            Width::B4 => by_width!(@one $d, $i, $w, B4, $body),
            Width::B8 => by_width!(@one $d, $i, $w, B8, $body),
        }
    };
    (@one $d:ident, $i:ident, $w:ident, $width:ident, $body:expr) => {{
        let f: Handler<D> = |$d: &mut D, $i: &Instruction| {
            const $w: Width = Width::$width;
            $body
        };
        f
    }};
}

/// One handler per operand size and form, likewise.
macro_rules! by_form {
    ($insn:expr, $d:ident, $i:ident, $w:ident, $f:ident => $body:expr) => {
        if D::BY_SHAPE {
            match Form::of($insn) {
                Form::Rr => by_form!(@one $insn, $d, $i, $w, $f, Rr, $body),
                Form::Ri => by_form!(@one $insn, $d, $i, $w, $f, Ri, $body),
                Form::Rm => by_form!(@one $insn, $d, $i, $w, $f, Rm, $body),
                Form::Mr => by_form!(@one $insn, $d, $i, $w, $f, Mr, $body),
                Form::Mi => by_form!(@one $insn, $d, $i, $w, $f, Mi, $body),
            }
        } else {
            #[allow(non_snake_case)] // they stand for constants
            let f: Handler<D> = |$d: &mut D, $i: &Instruction| {
                let ($w, $f) = ($i.opsize, Form::of($i));
                $body
            };
            f
        }
    };
    (@one $insn:expr, $d:ident, $i:ident, $w:ident, $f:ident, $form:ident, $body:expr) => {
        by_width!(@each $insn, $d, $i, $w => {
            const $f: Form = Form::$form;
            $body
        })
    };
}

/// Returns the handler of an instruction.
pub fn handler<D: X87>(insn: &Instruction) -> Handler<D> {
    integer(insn)
        .or_else(|| crate::vector::handler(insn))
        .or_else(|| crate::x87::handler(insn))
        .unwrap_or_else(|| D::concrete_handler(insn))
}

/// Executes an instruction in `d`. RIP is that of the next instruction already.
///
/// # Errors
/// The faults of the domain.
pub fn exec<D: X87>(d: &mut D, insn: &Instruction) -> Step<D> {
    handler(insn)(d, insn)
}

fn arithmetic<D: Domain>(insn: &Instruction) -> Option<Handler<D>> {
    Some(match insn.op {
        Op::Add => by_form!(insn, d, i, W, F => alu::alu(d, i, Alu::Add, W, F)),
        Op::Adc => by_form!(insn, d, i, W, F => alu::alu(d, i, Alu::Adc, W, F)),
        Op::Sub => by_form!(insn, d, i, W, F => alu::alu(d, i, Alu::Sub, W, F)),
        Op::Sbb => by_form!(insn, d, i, W, F => alu::alu(d, i, Alu::Sbb, W, F)),
        Op::Cmp => by_form!(insn, d, i, W, F => alu::alu(d, i, Alu::Cmp, W, F)),
        Op::And => by_form!(insn, d, i, W, F => alu::alu(d, i, Alu::And, W, F)),
        Op::Or => by_form!(insn, d, i, W, F => alu::alu(d, i, Alu::Or, W, F)),
        Op::Xor => by_form!(insn, d, i, W, F => alu::alu(d, i, Alu::Xor, W, F)),
        Op::Test => by_form!(insn, d, i, W, F => alu::alu(d, i, Alu::Test, W, F)),
        Op::Inc => by_width!(insn, d, i, W => alu::inc_dec(d, i, true, W)),
        Op::Dec => by_width!(insn, d, i, W => alu::inc_dec(d, i, false, W)),
        Op::Neg => by_width!(insn, d, i, W => alu::neg(d, i, W)),
        Op::Not => by_width!(insn, d, i, W => alu::not(d, i, W)),
        Op::Xadd => by_width!(insn, d, i, W => alu::xadd(d, i, W)),
        Op::Cmpxchg => by_width!(insn, d, i, W => alu::cmpxchg(d, i, W)),
        Op::Adcx => by_width!(insn, d, i, W => alu::add_one_flag(d, i, false, W)),
        Op::Adox => by_width!(insn, d, i, W => alu::add_one_flag(d, i, true, W)),
        Op::Mul => by_width!(insn, d, i, W => muldiv::mul(d, i, false, W)),
        Op::Imul if insn.operands[1].kind == OperandKind::None => {
            by_width!(insn, d, i, W => muldiv::mul(d, i, true, W))
        }
        Op::Imul => by_width!(insn, d, i, W => muldiv::imul(d, i, W)),
        Op::Div => by_width!(insn, d, i, W => muldiv::div(d, i, false, W)),
        Op::Idiv => by_width!(insn, d, i, W => muldiv::div(d, i, true, W)),
        Op::Mulx => muldiv::mulx,
        Op::Andn => by_width!(insn, d, i, W => bmi::andn(d, i, W)),
        Op::Blsr => by_width!(insn, d, i, W => bmi::lowest_set(d, i, Lowest::Reset, W)),
        Op::Blsmsk => by_width!(insn, d, i, W => bmi::lowest_set(d, i, Lowest::Mask, W)),
        Op::Blsi => by_width!(insn, d, i, W => bmi::lowest_set(d, i, Lowest::Isolate, W)),
        Op::Bextr => by_width!(insn, d, i, W => bmi::bextr(d, i, W)),
        Op::Bzhi => by_width!(insn, d, i, W => bmi::bzhi(d, i, W)),
        Op::Rorx => by_width!(insn, d, i, W => bmi::shift(d, i, Bin::Ror, W)),
        Op::Sarx => by_width!(insn, d, i, W => bmi::shift(d, i, Bin::Sar, W)),
        Op::Shlx => by_width!(insn, d, i, W => bmi::shift(d, i, Bin::Shl, W)),
        Op::Shrx => by_width!(insn, d, i, W => bmi::shift(d, i, Bin::Shr, W)),
        Op::Shl => by_width!(insn, d, i, W => shift::shift(d, i, Shift::Shl, W)),
        Op::Shr => by_width!(insn, d, i, W => shift::shift(d, i, Shift::Shr, W)),
        Op::Sar => by_width!(insn, d, i, W => shift::shift(d, i, Shift::Sar, W)),
        Op::Rol => by_width!(insn, d, i, W => shift::shift(d, i, Shift::Rol, W)),
        Op::Ror => by_width!(insn, d, i, W => shift::shift(d, i, Shift::Ror, W)),
        Op::Rcl => by_width!(insn, d, i, W => shift::rotate_carry(d, i, true, W)),
        Op::Rcr => by_width!(insn, d, i, W => shift::rotate_carry(d, i, false, W)),
        Op::Shld => by_width!(insn, d, i, W => shift::double_shift(d, i, true, W)),
        Op::Shrd => by_width!(insn, d, i, W => shift::double_shift(d, i, false, W)),
        Op::Bt => by_width!(insn, d, i, W => bits::bit_test(d, i, BitOp::Test, W)),
        Op::Bts => by_width!(insn, d, i, W => bits::bit_test(d, i, BitOp::Set, W)),
        Op::Btr => by_width!(insn, d, i, W => bits::bit_test(d, i, BitOp::Reset, W)),
        Op::Btc => by_width!(insn, d, i, W => bits::bit_test(d, i, BitOp::Complement, W)),
        Op::Bsf => by_width!(insn, d, i, W => bits::scan(d, i, true, W)),
        Op::Bsr => by_width!(insn, d, i, W => bits::scan(d, i, false, W)),
        Op::Tzcnt => by_width!(insn, d, i, W => bits::count_zeros(d, i, true, W)),
        Op::Lzcnt => by_width!(insn, d, i, W => bits::count_zeros(d, i, false, W)),
        Op::Popcnt => by_width!(insn, d, i, W => bits::popcnt(d, i, W)),
        _ => return None,
    })
}

/// Returns the handler of an atomic read-modify-write of memory.
fn atomic<D: Domain>(insn: &Instruction) -> Option<Handler<D>> {
    let is_mem = insn.operands[0].is_mem() || insn.operands[1].is_mem();
    if !is_mem || !insn.flags.contains(InsnFlags::LOCK) && insn.op != Op::Xchg {
        return None;
    }
    Some(match insn.op {
        Op::Add => by_width!(insn, d, i, W => locked::alu(d, i, Alu::Add, W)),
        Op::Adc => by_width!(insn, d, i, W => locked::alu(d, i, Alu::Adc, W)),
        Op::Sub => by_width!(insn, d, i, W => locked::alu(d, i, Alu::Sub, W)),
        Op::Sbb => by_width!(insn, d, i, W => locked::alu(d, i, Alu::Sbb, W)),
        Op::And => by_width!(insn, d, i, W => locked::alu(d, i, Alu::And, W)),
        Op::Or => by_width!(insn, d, i, W => locked::alu(d, i, Alu::Or, W)),
        Op::Xor => by_width!(insn, d, i, W => locked::alu(d, i, Alu::Xor, W)),
        Op::Inc => by_width!(insn, d, i, W => locked::inc_dec(d, i, true, W)),
        Op::Dec => by_width!(insn, d, i, W => locked::inc_dec(d, i, false, W)),
        Op::Neg => by_width!(insn, d, i, W => locked::neg(d, i, W)),
        Op::Not => by_width!(insn, d, i, W => locked::not(d, i, W)),
        Op::Xadd => by_width!(insn, d, i, W => locked::xadd(d, i, W)),
        Op::Xchg => by_width!(insn, d, i, W => locked::xchg(d, i, W)),
        Op::Cmpxchg => by_width!(insn, d, i, W => locked::cmpxchg(d, i, W)),
        Op::Bts => by_width!(insn, d, i, W => locked::bit_test(d, i, BitOp::Set, W)),
        Op::Btr => by_width!(insn, d, i, W => locked::bit_test(d, i, BitOp::Reset, W)),
        Op::Btc => by_width!(insn, d, i, W => locked::bit_test(d, i, BitOp::Complement, W)),
        _ => return None,
    })
}

fn integer<D: Domain>(insn: &Instruction) -> Option<Handler<D>> {
    if let Some(handler) = atomic(insn).or_else(|| arithmetic(insn)) {
        return Some(handler);
    }
    Some(match insn.op {
        Op::Mov => by_form!(insn, d, i, W, F => data::mov(d, i, W, F)),
        Op::Movzx => match insn.operands[1].width() {
            Some(Width::B1) => |d, i| data::extend(d, i, false, Width::B1),
            _ => |d, i| data::extend(d, i, false, Width::B2),
        },
        Op::Movsx | Op::Movsxd => match insn.operands[1].width() {
            Some(Width::B1) => |d, i| data::extend(d, i, true, Width::B1),
            Some(Width::B2) => |d, i| data::extend(d, i, true, Width::B2),
            _ => |d, i| data::extend(d, i, true, Width::B4),
        },
        Op::Lea => by_width!(insn, d, i, W => data::lea(d, i, W)),
        Op::Xchg => by_width!(insn, d, i, W => data::xchg(d, i, W)),
        Op::Cmovcc => by_width!(insn, d, i, W => data::cmov(d, i, W)),
        Op::Setcc => data::setcc,
        Op::Cbw => data::cbw,
        Op::Cwd => data::cwd,
        Op::Bswap => data::bswap,
        Op::Movbe => data::movbe,
        Op::Xlat => data::xlat,
        Op::Lahf => |d, _| data::lahf(d),
        Op::Sahf => |d, _| data::sahf(d),
        Op::Clc => |d, _| data::carry(d, Some(false)),
        Op::Stc => |d, _| data::carry(d, Some(true)),
        Op::Cmc => |d, _| data::carry(d, None),
        Op::Salc => |d, _| data::salc(d),
        Op::Push if stack::is_segment(insn) => segment::push,
        Op::Pop if stack::is_segment(insn) => segment::pop,
        Op::MovSeg => segment::mov,
        Op::Lds | Op::Les | Op::Lfs | Op::Lgs | Op::Lss => segment::load_far_pointer,
        Op::JmpFar | Op::CallFar => segment::transfer,
        Op::RetFar => segment::ret,
        Op::Push => by_width!(insn, d, i, W => stack::push(d, i, W)),
        Op::Pop => by_width!(insn, d, i, W => stack::pop(d, i, W)),
        Op::Leave => stack::leave,
        Op::Jmp => branch::jmp,
        Op::Jcc => branch::jcc,
        Op::Call => branch::call,
        Op::Ret => branch::ret,
        Op::Loop => |d, i| branch::loop_(d, i, None),
        Op::Loope => |d, i| branch::loop_(d, i, Some(true)),
        Op::Loopne => |d, i| branch::loop_(d, i, Some(false)),
        Op::Jcxz => branch::jcxz,
        Op::Movs | Op::Cmps | Op::Stos | Op::Lods | Op::Scas => string::string,
        Op::Nop | Op::Prefetchnta | Op::Prefetcht0 | Op::Prefetcht1 | Op::Prefetcht2 | Op::Prefetchw => nop,
        Op::Lfence | Op::Mfence | Op::Sfence => nop,
        // Hints on a processor without CET
        Op::Endbr32 | Op::Endbr64 | Op::Rdsspd | Op::Rdsspq => nop,
        _ => return None,
    })
}

/// Instructions without an architectural effect. Prefetches do not fault.
fn nop<D: Domain>(_: &mut D, _: &Instruction) -> Step<D> {
    Ok(Flow::Next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Vcpu;
    use x86_decode::decode;
    use x86_types::CodeSize;

    /// Every instruction for which the decoder accepts LOCK has an atomic handler; CMPXCHG8B and CMPXCHG16B have no
    /// other.
    #[test]
    fn every_locked_instruction_is_atomic() {
        let mut count = 0;
        for escape in [&[0xf0][..], &[0xf0, 0x0f]] {
            for (opcode, reg) in (0..=0xff).flat_map(|opcode| (0..8).map(move |reg| (opcode, reg))) {
                let bytes = [escape, &[opcode, 0x06 | reg << 3, 0, 0, 0, 0]].concat();
                let Ok(insn) = decode(CodeSize::Bits64, &bytes) else { continue };
                let is_pair = matches!(insn.op, Op::Cmpxchg8b | Op::Cmpxchg16b);
                assert_eq!(atomic::<Vcpu>(&insn).is_none(), is_pair, "{insn:?}");
                count += 1;
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn what_is_not_locked_is_not_atomic_but_for_xchg_with_memory() {
        // add [rsi], eax; add eax, [rsi]; xchg ecx, edx
        for bytes in [[0x01, 0x06], [0x03, 0x06], [0x87, 0xca]] {
            assert!(atomic::<Vcpu>(&decode(CodeSize::Bits64, &bytes).unwrap()).is_none());
        }
        // xchg [rsi], eax
        assert!(atomic::<Vcpu>(&decode(CodeSize::Bits64, &[0x87, 0x06]).unwrap()).is_some());
    }
}
