//! Loads of segment registers, LDTR and TR.

use super::descriptor::{Entry, gp, lookup, np, null_segment, stack_segment, ts, virtual_8086_segment};
use crate::SystemContext;
use x86_state::{CpuMode, DescriptorKind, SegAttr, Segment, Selector};
use x86_types::{Exception, LinearAddr, Seg};

/// Loads ES, SS, DS, FS or GS as MOV, POP and LDS and their like do. The interrupt shadow of an SS load is the caller's.
///
/// # Errors
/// #GP, #NP or #SS with the selector; #UD for CS; #PF.
pub fn load_segment<C: SystemContext>(ctx: &mut C, seg: Seg, selector: Selector) -> Result<(), Exception> {
    if seg == Seg::Cs {
        return Err(Exception::InvalidOpcode);
    }
    let (mode, cpl) = (ctx.cpu().mode(), ctx.cpu().cpl);
    let segment = match mode {
        // SPEC: intel-sdm-vol3 :: 22.1.1 Address Translation in Real-Address Mode -> the base is sixteen times the selector; limit and rights stay what they were
        CpuMode::Real => {
            let mut segment = *ctx.cpu().segment(seg);
            segment.load_real(selector.0);
            segment
        }
        CpuMode::Virtual8086 => virtual_8086_segment(selector.0),
        _ if seg == Seg::Ss => stack_segment(ctx, selector, cpl, mode == CpuMode::Long64)?,
        _ => data_segment(ctx, selector, cpl)?,
    };
    ctx.cpu_mut().seg[seg as usize] = segment;
    Ok(())
}

/// SPEC: intel-sdm-vol3 :: 6.6 Privilege Level Checking When Accessing Data Segments -> CPL and RPL must both be at most DPL, except for conforming code
pub(crate) fn is_data_accessible(attr: SegAttr, cpl: u8, rpl: u8) -> bool {
    attr.is_readable() && (attr.is_conforming() || attr.dpl() >= cpl.max(rpl))
}

fn data_segment<C: SystemContext>(ctx: &mut C, selector: Selector, cpl: u8) -> Result<Segment, Exception> {
    if selector.is_null() {
        return Ok(null_segment(selector, 0));
    }
    let entry = lookup(ctx, selector)?.ok_or(gp(selector, 0))?;
    if !is_data_accessible(entry.attr(), cpl, selector.rpl()) {
        return Err(gp(selector, 0));
    }
    if !entry.is_present() {
        return Err(np(selector, 0));
    }
    entry.load(ctx, selector.rpl())
}

/// As `load_segment` for a data segment register during a task switch, where the complaints are #TS.
pub(crate) fn task_data_segment<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
    cpl: u8,
    ext: u16,
) -> Result<Segment, Exception> {
    match data_segment(ctx, selector, cpl) {
        Err(Exception::GeneralProtection(_)) => Err(ts(selector, ext)),
        Err(Exception::SegmentNotPresent(_)) => Err(np(selector, ext)),
        other => other,
    }
}

/// What LLDT and LTR have in common before they look at a selector.
fn check_system_load<C: SystemContext>(ctx: &C) -> Result<(), Exception> {
    if ctx.cpu().mode().is_real_like() {
        return Err(Exception::InvalidOpcode);
    }
    if ctx.cpu().cpl != 0 { Err(Exception::GP0) } else { Ok(()) }
}

/// Returns the hidden part of LDTR or TR; the descriptor has 16 bytes in IA-32e mode.
///
/// SPEC: intel-sdm-vol3 :: 9.2.3 TSS Descriptor in 64-bit mode -> the upper eight bytes hold base bits 63:32 and a type field that must be 0
fn system_segment<C: SystemContext>(ctx: &mut C, entry: &Entry) -> Result<Segment, Exception> {
    let mut segment = Segment::from_descriptor(entry.selector, entry.raw);
    if ctx.cpu().mode().is_long() {
        let upper = entry.upper_half(ctx)?.ok_or(gp(entry.selector, 0))?;
        segment.base |= upper << 32;
        let canonical = LinearAddr(segment.base).is_canonical(ctx.cpu().supported_linear_bits());
        if upper >> 40 & 0x1f != 0 || !canonical {
            return Err(gp(entry.selector, 0));
        }
    }
    Ok(segment)
}

/// LLDT
///
/// SPEC: intel-sdm-vol2 :: LLDT—Load Local Descriptor Table Register -> a null selector makes LDTR unusable; else a present LDT descriptor in the GDT
///
/// # Errors
/// What the instruction raises, #UD in real and virtual-8086 mode and #GP(0) at CPL 1 to 3 included.
pub fn lldt<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<(), Exception> {
    check_system_load(ctx)?;
    let segment = if selector.is_null() {
        null_segment(selector, 0)
    } else {
        local_table(ctx, selector, gp(selector, 0), np(selector, 0))?
    };
    ctx.cpu_mut().ldtr = segment;
    Ok(())
}

/// Returns the LDT that a selector names, which is `invalid` where it is none and `absent` where P is clear.
pub(crate) fn local_table<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
    invalid: Exception,
    absent: Exception,
) -> Result<Segment, Exception> {
    if selector.is_local() {
        return Err(invalid);
    }
    let entry = lookup(ctx, selector)?.ok_or(invalid)?;
    if entry.raw.kind() != DescriptorKind::Ldt {
        return Err(invalid);
    }
    if !entry.is_present() {
        return Err(absent);
    }
    system_segment(ctx, &entry)
}

/// LTR
///
/// SPEC: intel-sdm-vol2 :: LTR—Load Task Register -> an available, present TSS descriptor in the GDT, which is marked busy; only a 64-bit one in IA-32e mode
///
/// # Errors
/// What the instruction raises, #UD in real and virtual-8086 mode and #GP(0) at CPL 1 to 3 included.
pub fn ltr<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<(), Exception> {
    check_system_load(ctx)?;
    if selector.is_null() {
        return Err(Exception::GP0);
    }
    if selector.is_local() {
        return Err(gp(selector, 0));
    }
    let entry = lookup(ctx, selector)?.ok_or(gp(selector, 0))?;
    let long = ctx.cpu().mode().is_long();
    match entry.raw.kind() {
        DescriptorKind::Tss32Available => {}
        DescriptorKind::Tss16Available if !long => {}
        _ => return Err(gp(selector, 0)),
    }
    if !entry.is_present() {
        return Err(np(selector, 0));
    }
    let mut segment = system_segment(ctx, &entry)?;
    segment.attr |= BUSY;
    entry.write_busy(ctx, true)?;
    ctx.cpu_mut().tr = segment;
    Ok(())
}

/// The flag that makes an available TSS type a busy one.
pub(crate) const BUSY: SegAttr = SegAttr::RW;
