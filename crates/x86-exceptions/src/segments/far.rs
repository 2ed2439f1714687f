//! Far JMP and far CALL where selectors name descriptors.

use super::descriptor::{
    Entry, check_code_offset, check_long_and_default, gp, is_64_bit, lookup, np, set_code,
};
use super::gate::{available_tss, inner_stack, target};
use crate::task::{Cause, switch_and_raise};
use crate::{SystemContext, stack::Stack};
use x86_state::{DescriptorKind, Selector, gpr};
use x86_types::{Exception, Seg, Width};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Jump,
    Call,
}

/// Far JMP. `offset` has the operand size `opsize`.
///
/// An exception that a task switch raises in the new task has been delivered there, and the result is `Ok`.
///
/// # Errors
/// What the instruction raises.
pub fn far_jump<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
    offset: u64,
    opsize: Width,
) -> Result<(), Exception> {
    transfer(ctx, Transfer::Jump, selector, opsize.trunc(offset), opsize)
}

/// Far CALL. `offset` has the operand size `opsize`; `Cpu::rip` is the return address.
///
/// An exception that a task switch raises in the new task has been delivered there, and the result is `Ok`.
///
/// # Errors
/// What the instruction raises.
pub fn far_call<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
    offset: u64,
    opsize: Width,
) -> Result<(), Exception> {
    transfer(ctx, Transfer::Call, selector, opsize.trunc(offset), opsize)
}

/// SPEC: intel-sdm-vol2 :: JMP—Jump -> code segments directly, call gates, and outside IA-32e mode task gates and TSSs; the offset counts for the first only
fn transfer<C: SystemContext>(
    ctx: &mut C,
    how: Transfer,
    selector: Selector,
    offset: u64,
    opsize: Width,
) -> Result<(), Exception> {
    if selector.is_null() {
        return Err(Exception::GP0);
    }
    let entry = lookup(ctx, selector)?.ok_or(gp(selector, 0))?;
    let long = ctx.cpu().mode().is_long();
    match entry.raw.kind() {
        DescriptorKind::Code => direct(ctx, how, &entry, offset, opsize),
        DescriptorKind::CallGate32 if long => call_gate(ctx, how, &entry, Width::B8),
        DescriptorKind::CallGate32 => call_gate(ctx, how, &entry, Width::B4),
        DescriptorKind::CallGate16 if !long => call_gate(ctx, how, &entry, Width::B2),
        DescriptorKind::TaskGate if !long => {
            check_gate(ctx, &entry)?;
            task(ctx, how, entry.raw.gate_selector())
        }
        DescriptorKind::Tss16Available | DescriptorKind::Tss32Available if !long => {
            let dpl = entry.attr().dpl();
            if dpl < ctx.cpu().cpl || dpl < selector.rpl() {
                return Err(gp(selector, 0));
            }
            task(ctx, how, selector)
        }
        _ => Err(gp(selector, 0)),
    }
}

/// SPEC: intel-sdm-vol3 :: 6.8.1 Direct Calls or Jumps to Code Segments -> nonconforming code needs DPL = CPL and RPL at most CPL, conforming code DPL at most CPL; CPL does not change
fn direct<C: SystemContext>(
    ctx: &mut C,
    how: Transfer,
    code: &Entry,
    offset: u64,
    opsize: Width,
) -> Result<(), Exception> {
    let (cpu, attr) = (ctx.cpu(), code.attr());
    let cpl = cpu.cpl;
    let allowed = if attr.is_conforming() {
        attr.dpl() <= cpl
    } else {
        attr.dpl() == cpl && code.selector.rpl() <= cpl
    };
    if !allowed {
        return Err(gp(code.selector, 0));
    }
    check_long_and_default(cpu, code, 0)?;
    if !code.is_present() {
        return Err(np(code.selector, 0));
    }
    check_code_offset(cpu, code, offset, 0)?;
    let mut stack = Stack::current(cpu, 0);
    let words = [u64::from(cpu.segment(Seg::Cs).selector.0), cpu.rip];
    let segment = code.load(ctx, cpl)?;
    if how == Transfer::Call {
        stack.push_all(ctx, opsize, &words)?;
        stack.commit(ctx.cpu_mut());
    }
    set_code(ctx.cpu_mut(), segment, offset);
    ctx.mode_changed();
    Ok(())
}

/// SPEC: intel-sdm-vol3 :: 6.8.4 Accessing a Code Segment Through a Call Gate -> CPL and RPL of the gate selector must be at most the gate's DPL
fn check_gate<C: SystemContext>(ctx: &C, gate: &Entry) -> Result<(), Exception> {
    let dpl = gate.attr().dpl();
    if dpl < ctx.cpu().cpl || dpl < gate.selector.rpl() {
        return Err(gp(gate.selector, 0));
    }
    if !gate.is_present() {
        return Err(np(gate.selector, 0));
    }
    Ok(())
}

/// A call gate of 16, 32 or 64 bits; its size and offset replace the instruction's.
///
/// SPEC: intel-sdm-vol3 :: 6.8.3.1 IA-32e Mode Call Gates -> 16 bytes, a 64-bit offset, type bits of the upper half zero, no parameters
fn call_gate<C: SystemContext>(
    ctx: &mut C,
    how: Transfer,
    gate: &Entry,
    size: Width,
) -> Result<(), Exception> {
    check_gate(ctx, gate)?;
    let mut offset = size.trunc(u64::from(gate.raw.gate_offset()));
    if size == Width::B8 {
        let upper = gate.upper_half(ctx)?.ok_or(gp(gate.selector, 0))?;
        if upper >> 40 & 0x1f != 0 {
            return Err(gp(gate.selector, 0));
        }
        offset |= upper << 32;
    }
    let selector = gate.raw.gate_selector();
    let code = target(ctx, selector, how == Transfer::Call, 0)?;
    let (cpl, dpl, conforming) = (ctx.cpu().cpl, code.attr().dpl(), code.attr().is_conforming());
    let inner = !conforming && dpl < cpl;
    check_code_offset(ctx.cpu(), &code, offset, 0)?;
    let parameters = if size == Width::B8 { 0 } else { gate.raw.gate_low5() };
    let stack = match how {
        Transfer::Jump => None,
        Transfer::Call if inner => Some(inner_frame(ctx, dpl, size, parameters)?),
        Transfer::Call => Some(same_level_frame(ctx, &code, size)?),
    };
    let segment = code.load(ctx, if inner { dpl } else { cpl })?;
    let cpu = ctx.cpu_mut();
    if let Some(stack) = stack {
        cpu.seg[Seg::Ss as usize] = stack.segment;
        stack.commit(cpu);
    }
    set_code(cpu, segment, offset);
    ctx.mode_changed();
    Ok(())
}

fn same_level_frame<C: SystemContext>(ctx: &mut C, code: &Entry, size: Width) -> Result<Stack, Exception> {
    let cpu = ctx.cpu();
    let is_64 = is_64_bit(cpu, code);
    let mut stack = Stack::new(cpu, *cpu.segment(Seg::Ss), cpu.gpr[gpr::RSP], is_64, cpu.cpl, 0);
    let words = [u64::from(cpu.segment(Seg::Cs).selector.0), cpu.rip];
    stack.push_all(ctx, size, &words)?;
    Ok(stack)
}

/// SPEC: intel-sdm-vol3 :: 6.8.5 Stack Switching -> the new stack gets the old SS and stack pointer, up to 31 parameters copied from the old stack, then CS and the return address
fn inner_frame<C: SystemContext>(
    ctx: &mut C,
    level: u8,
    size: Width,
    parameters: u8,
) -> Result<Stack, Exception> {
    let mut stack = inner_stack(ctx, level, 0)?;
    let old = Stack::current(ctx.cpu(), 0);
    let mut words = [0; 4 + 31];
    let mut count = 0;
    let mut push = |word: u64| {
        if let Some(place) = words.get_mut(count) {
            *place = word;
            count += 1;
        }
    };
    push(u64::from(old.segment.selector.0));
    push(ctx.cpu().gpr[gpr::RSP]);
    for index in (0..u64::from(parameters)).rev() {
        push(old.peek(ctx, size, index)?);
    }
    push(u64::from(ctx.cpu().segment(Seg::Cs).selector.0));
    push(ctx.cpu().rip);
    stack.push_all(ctx, size, words.get(..count).unwrap_or_default())?;
    Ok(stack)
}

fn task<C: SystemContext>(ctx: &mut C, how: Transfer, selector: Selector) -> Result<(), Exception> {
    let tss = available_tss(ctx, selector, 0)?;
    let image = ctx.cpu().rflags().bits();
    let cause = if how == Transfer::Call { Cause::Call } else { Cause::Jump };
    switch_and_raise(ctx, &tss, cause, image)
}
