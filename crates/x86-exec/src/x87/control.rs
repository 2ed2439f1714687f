//! Control and environment instructions: they neither compute nor record the last-instruction pointers.

use super::{Area, status, summarize};
use crate::concrete_operand::ConcreteResult;
use crate::{Flow, Step, Vcpu, X87 as Unit};
use x86_decode::{Instruction, Op, OperandKind};
use x86_float::{Class, F80};
use x86_state::X87;
use x86_types::{Exception, Width};

/// Returns whether an instruction belongs to this module.
pub(super) fn is_one(op: Op) -> bool {
    use Op::{Fldenv, Fnclex, Fninit, Fnsave, Fnstenv, Frstor};
    matches!(op, Fninit | Fnclex | Fnstenv | Fnsave | Fldenv | Frstor)
}

/// Executes an instruction that does not check for pending exceptions (FN...).
#[inline(always)]
pub(super) fn without_wait(vm: &mut Vcpu, i: &Instruction, op: Op) -> Option<ConcreteResult> {
    Some(match op {
        Op::Fninit => {
            initialize(&mut vm.cpu.x87);
            Ok(Flow::Next)
        }
        Op::Fnclex => {
            // SPEC: intel-sdm-vol2 :: FCLEX/FNCLEX—Clear Exceptions -> exception flags, SF, ES and B
            vm.cpu.x87.status &= !(status::EXCEPTIONS | status::SF | status::ES | status::B);
            Ok(Flow::Next)
        }
        Op::Fnstenv => store_environment(vm, i),
        Op::Fnsave => save(vm, i),
        _ => return None,
    })
}

/// Executes an instruction that checks for pending exceptions.
#[inline(always)]
pub(super) fn with_wait(vm: &mut Vcpu, i: &Instruction, op: Op) -> Option<ConcreteResult> {
    Some(match op {
        Op::Fldenv => load_environment(vm, i),
        Op::Frstor => restore(vm, i),
        _ => return None,
    })
}

/// SPEC: intel-sdm-vol2 :: FINIT/FNINIT—Initialize Floating-Point Unit -> FCW 037FH, the rest cleared, all registers empty but unchanged
fn initialize(x87: &mut X87) {
    *x87 = X87 { r: x87.r, ..X87::INIT };
}

/// FNSTCW and FNSTSW: they do not check for pending exceptions.
pub(super) fn store_word<D: Unit>(d: &mut D, i: &Instruction) -> Step<D> {
    d.x87_available()?;
    let word = if i.op == Op::Fnstcw { d.x87_control() } else { d.x87_status() };
    if i.operands[0].kind == OperandKind::Mem {
        let m = crate::operand::mem(d, i);
        d.store(&m, Width::B2, word)?;
    } else {
        d.write_gpr(0, Width::B2, word);
    }
    Ok(Flow::Next)
}

/// Sets the control word: reserved bits read 0, bit 6 reads 1.
fn set_control(x87: &mut X87, word: u16) {
    x87.control = word & 0x1f3f | 0x40;
    summarize(x87);
}

/// SPEC: intel-sdm-vol2 :: FLDCW—Load x87 FPU Control Word -> unmasking a flagged exception makes it pending
pub(super) fn load_control<D: Unit>(d: &mut D, i: &Instruction) -> Step<D> {
    d.x87_ready()?;
    let m = crate::operand::mem(d, i);
    let word = d.load(&m, Width::B2)?;
    d.set_x87_control(word);
    Ok(Flow::Next)
}

/// Sets the control word; FERR# goes inactive with the last unmasked exception.
pub(crate) fn load_control_word(vm: &mut Vcpu, word: u16) {
    let waited = vm.cpu.x87.status & status::ES != 0;
    set_control(&mut vm.cpu.x87, word);
    if waited && vm.cpu.x87.status & status::ES == 0 {
        vm.drive_ferr(false);
    }
}

/// The full tag word: 00 valid, 01 zero, 10 special, 11 empty.
///
/// SPEC: intel-sdm-vol1 :: 8.1.7 x87 FPU Tag Word -> two bits a physical register
fn tag_word(x87: &X87) -> u16 {
    (0..8).fold(0, |word, n| {
        let x = x87.r[n];
        let tag = match F80::new(x.significand, x.sign_exponent).class() {
            _ if x87.tags >> n & 1 == 0 => 3,
            Class::Zero => 1,
            Class::Normal => 0,
            _ => 2,
        };
        word | tag << (2 * n)
    })
}

/// Bytes of one field of the environment: 2 or 4 by operand size.
fn field(i: &Instruction) -> (u64, Width) {
    if i.opsize == Width::B2 { (2, Width::B2) } else { (4, Width::B4) }
}

/// The seven fields of the environment.
///
/// SPEC: intel-sdm-vol1 :: 8.1.10 Saving the x87 FPU's State with FSTENV/FNSTENV and FSAVE/FNSAVE -> layouts by operand size, protected and real-address mode
pub(super) fn environment(x87: &X87, w: Width, real: bool) -> [u64; 7] {
    let (fip, fdp, opcode) = (x87.fip, x87.fdp, u64::from(x87.opcode & 0x7ff));
    let (control, status, tags) = (u64::from(x87.control), u64::from(x87.status), u64::from(tag_word(x87)));
    // Reserved upper halves read as ones.
    let wide = if w == Width::B4 { 0xffff_0000 } else { 0 };
    let pointers = match (real, w) {
        (false, Width::B2) => [fip, x87.fcs.into(), fdp, x87.fds.into()],
        (false, _) => [fip, u64::from(x87.fcs) | opcode << 16, fdp, wide | u64::from(x87.fds)],
        (true, Width::B2) => [fip, opcode | (fip >> 16 & 15) << 12, fdp, (fdp >> 16 & 15) << 12],
        (true, _) => [
            wide | fip & 0xffff,
            opcode | (fip >> 16 & 0xffff) << 12,
            wide | fdp & 0xffff,
            (fdp >> 16 & 0xffff) << 12,
        ],
    };
    let [a, b, c, d] = pointers;
    [wide | control, wide | status, wide | tags, a, b, c, d].map(|v| w.trunc(v))
}

/// FNSTENV masks all exceptions afterwards.
fn store_environment(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let (size, w) = field(i);
    let fields = environment(&vm.cpu.x87, w, vm.cpu.mode().is_real_like());
    let mut area = Area::to_write(vm, i, 7 * size)?;
    for (n, value) in (0..).zip(fields) {
        area.store(n * size, w, value)?;
    }
    let x87 = &mut vm.cpu.x87;
    x87.control |= status::EXCEPTIONS;
    summarize(x87);
    Ok(Flow::Next)
}

/// FNSAVE: environment, then ST(0) to ST(7), ten bytes each; then FNINIT.
fn save(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let (size, w) = field(i);
    let x87 = vm.cpu.x87;
    let fields = environment(&x87, w, vm.cpu.mode().is_real_like());
    let mut area = Area::to_write(vm, i, 7 * size + 80)?;
    for (n, value) in (0..).zip(fields) {
        area.store(n * size, w, value)?;
    }
    for n in 0..8u8 {
        let x = x87.r[usize::from(x87.top().wrapping_add(n) & 7)];
        let at = 7 * size + 10 * u64::from(n);
        area.store(at, Width::B8, x.significand)?;
        area.store(at + 8, Width::B2, x.sign_exponent.into())?;
    }
    initialize(&mut vm.cpu.x87);
    Ok(Flow::Next)
}

/// Reads an environment over a copy of the state.
fn read_environment(vm: &mut Vcpu, i: &Instruction) -> Result<X87, Exception> {
    let (size, w) = field(i);
    let real = vm.cpu.mode().is_real_like();
    let mut x87 = vm.cpu.x87;
    let mut area = Area::to_read(vm, i, 7 * size);
    let mut fields = [0; 7];
    for (n, value) in (0..).zip(&mut fields) {
        *value = area.load(n * size, w)?;
    }
    let [control, status, tags, a, b, c, d] = fields;
    x87.status = status as u16;
    x87.tags = (0..8).fold(0, |abridged, n| abridged | u8::from(tags >> (2 * n) & 3 != 3) << n);
    if real {
        let mask = if w == Width::B2 { 0xf } else { 0xffff };
        x87.fip = a & 0xffff | (b >> 12 & mask) << 16;
        x87.fdp = c & 0xffff | (d >> 12 & mask) << 16;
        x87.opcode = (b & 0x7ff) as u16;
    } else {
        (x87.fip, x87.fcs, x87.fdp, x87.fds) = (a, b as u16, c, d as u16);
        if w == Width::B4 {
            x87.opcode = (b >> 16 & 0x7ff) as u16;
        }
    }
    set_control(&mut x87, control as u16);
    Ok(x87)
}

/// SPEC: intel-sdm-vol2 :: FLDENV—Load x87 FPU Environment -> unmasked exceptions flagged in the new status word become pending
fn load_environment(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    vm.cpu.x87 = read_environment(vm, i)?;
    Ok(Flow::Next)
}

fn restore(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let (size, _) = field(i);
    let mut x87 = read_environment(vm, i)?;
    let mut area = Area::to_read(vm, i, 7 * size + 80);
    for n in 0..8u8 {
        let at = 7 * size + 10 * u64::from(n);
        let place = usize::from(x87.top().wrapping_add(n) & 7);
        x87.r[place] = x86_state::F80 {
            significand: area.load(at, Width::B8)?,
            sign_exponent: area.load(at + 8, Width::B2)? as u16,
            reserved: [0; 3],
        };
    }
    vm.cpu.x87 = x87;
    Ok(Flow::Next)
}
