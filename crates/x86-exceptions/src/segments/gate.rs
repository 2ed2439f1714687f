//! What gates of all kinds share: the code segment they lead to and the stack of an inner privilege level.

use super::descriptor::{
    Entry, check_long_and_default, gp, is_64_bit, lookup, np, null_segment, read_system, ss, ts,
};
use crate::{SystemContext, stack::Stack};
use x86_state::{DescriptorKind, Segment, Selector};
use x86_types::{Exception, Width};

/// Returns the code segment that a gate names, checked against the CPL.
///
/// SPEC: intel-sdm-vol3 :: 6.8.4 Accessing a Code Segment Through a Call Gate -> DPL of the code segment must be at most CPL; in IA-32e mode it must be 64-bit code
///
/// Only where `inward` is set may it lead to a more privileged level.
pub(crate) fn target<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
    inward: bool,
    ext: u16,
) -> Result<Entry, Exception> {
    if selector.is_null() {
        return Err(Exception::GeneralProtection(ext));
    }
    let code = lookup(ctx, selector)?.ok_or(gp(selector, ext))?;
    let cpu = ctx.cpu();
    let (attr, cpl) = (code.attr(), cpu.cpl);
    let lowest = if inward || attr.is_conforming() { 0 } else { cpl };
    if !attr.is_code() || !(lowest..=cpl).contains(&attr.dpl()) {
        return Err(gp(selector, ext));
    }
    if cpu.mode().is_long() && !is_64_bit(cpu, &code) {
        return Err(gp(selector, ext));
    }
    check_long_and_default(cpu, &code, ext)?;
    if !code.is_present() {
        return Err(np(selector, ext));
    }
    Ok(code)
}

/// Returns a field of the current TSS.
fn read_tss<C: SystemContext>(ctx: &mut C, offset: u64, width: Width, ext: u16) -> Result<u64, Exception> {
    let tr = ctx.cpu().tr;
    if offset + u64::from(width.bytes()) - 1 > u64::from(tr.limit) {
        return Err(ts(tr.selector, ext));
    }
    read_system(ctx, tr.base.wrapping_add(offset), width)
}

/// Returns whether a TSS type is a 32-bit one (or the 64-bit one).
pub(crate) const fn is_tss_32(segment: &Segment) -> bool {
    segment.attr.kind() & 8 != 0
}

/// Returns the stack for privilege `level` that the TSS names. Its SS is loaded but not in force.
///
/// SPEC: intel-sdm-vol3 :: 6.8.5 Stack Switching -> SS and ESP from the TSS; the segment must be writable data of the new level: #TS(selector), and present: #SS(selector)
pub(crate) fn inner_stack<C: SystemContext>(ctx: &mut C, level: u8, ext: u16) -> Result<Stack, Exception> {
    if ctx.cpu().mode().is_long() {
        let pointer = read_tss(ctx, 4 + 8 * u64::from(level), Width::B8, ext)?;
        return Ok(null_stack(ctx, pointer, level, ext));
    }
    let (width, first) = if is_tss_32(&ctx.cpu().tr) { (Width::B4, 4) } else { (Width::B2, 2) };
    let bytes = u64::from(width.bytes());
    let at = first + 2 * bytes * u64::from(level);
    // The pair must be within the limit as one; the word after a 32-bit SS is not looked at.
    let selector = read_tss(ctx, at + bytes, Width::B2, ext)?;
    let pointer = read_tss(ctx, at, width, ext)?;
    let selector = Selector(selector as u16);
    if selector.is_null() {
        return Err(Exception::InvalidTss(ext));
    }
    let entry = lookup(ctx, selector)?.ok_or(ts(selector, ext))?;
    let attr = entry.attr();
    if selector.rpl() != level || attr.dpl() != level || !attr.is_writable() {
        return Err(ts(selector, ext));
    }
    if !entry.is_present() {
        return Err(ss(selector, ext));
    }
    let segment = entry.load(ctx, level)?;
    Ok(Stack::new(ctx.cpu(), segment, pointer, false, level, selector.error_code() | ext))
}

/// Returns a 64-bit stack for a new privilege level.
///
/// SPEC: intel-sdm-vol3 :: 6.8.5.1 Stack Switching in 64-bit Mode -> SS becomes null, its RPL the new CPL; RSP comes from the TSS
fn null_stack<C: SystemContext>(ctx: &C, pointer: u64, level: u8, ext: u16) -> Stack {
    let segment = null_segment(Selector(u16::from(level)), level);
    Stack::new(ctx.cpu(), segment, pointer, true, level, ext)
}

/// Returns the stack that entry `ist` (1 to 7) of the interrupt stack table names; `inner` where the privilege level
/// changes.
///
/// SPEC: intel-sdm-vol3 :: 7.14.5 Interrupt Stack Table -> a non-zero IST index in the gate loads RSP from the TSS, with or without a change of level
pub(crate) fn ist_stack<C: SystemContext>(
    ctx: &mut C,
    ist: u8,
    level: u8,
    inner: bool,
    ext: u16,
) -> Result<Stack, Exception> {
    let pointer = read_tss(ctx, 0x1c + 8 * u64::from(ist), Width::B8, ext)?;
    let mut stack = null_stack(ctx, pointer, level, ext);
    if !inner {
        stack.segment = *ctx.cpu().segment(x86_types::Seg::Ss);
    }
    Ok(stack)
}

/// Returns the available, present TSS that a task gate or a far transfer names.
///
/// SPEC: intel-sdm-vol3 :: 9.2.5 Task-Gate Descriptor -> the TSS descriptor must lie in the GDT and be available
pub(crate) fn available_tss<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
    ext: u16,
) -> Result<Entry, Exception> {
    if selector.is_local() {
        return Err(gp(selector, ext));
    }
    let entry = lookup(ctx, selector)?.ok_or(gp(selector, ext))?;
    if !matches!(entry.raw.kind(), DescriptorKind::Tss16Available | DescriptorKind::Tss32Available) {
        return Err(gp(selector, ext));
    }
    if !entry.is_present() {
        return Err(np(selector, ext));
    }
    Ok(entry)
}
