//! VERR, VERW, LAR and LSL: questions about a selector that cannot fault on its account.

use super::descriptor::{Entry, lookup};
use super::load::is_data_accessible;
use crate::SystemContext;
use x86_state::{DescriptorKind, SegAttr, Segment, Selector};
use x86_types::Exception;

fn find<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<Option<Entry>, Exception> {
    if ctx.cpu().mode().is_real_like() { Err(Exception::InvalidOpcode) } else { lookup(ctx, selector) }
}

/// VERR: whether the segment can be read at this privilege (the new ZF).
///
/// SPEC: intel-sdm-vol3 :: 6.10.2 Checking Read/Write Rights (VERR and VERW Instructions) -> code or data, readable, and its DPL at least CPL and RPL unless it is conforming code
///
/// # Errors
/// #UD in real and virtual-8086 mode; #PF on the descriptor.
pub fn verr<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<bool, Exception> {
    let entry = find(ctx, selector)?;
    let cpl = ctx.cpu().cpl;
    Ok(entry.is_some_and(|entry| is_data_accessible(entry.attr(), cpl, selector.rpl())))
}

/// VERW: whether the segment can be written at this privilege (the new ZF).
///
/// # Errors
/// As [`verr`].
pub fn verw<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<bool, Exception> {
    let entry = find(ctx, selector)?;
    let level = ctx.cpu().cpl.max(selector.rpl());
    Ok(entry.is_some_and(|entry| entry.attr().is_writable() && entry.attr().dpl() >= level))
}

/// Returns whether LAR and LSL may answer for the descriptor: its privilege, not yet its type.
fn is_visible<C: SystemContext>(ctx: &C, entry: &Entry) -> bool {
    let attr = entry.attr();
    attr.is_conforming() || attr.dpl() >= ctx.cpu().cpl.max(entry.selector.rpl())
}

/// Types that have a limit.
fn has_limit(kind: DescriptorKind, long: bool) -> bool {
    use DescriptorKind as K;
    match kind {
        K::Data | K::Code | K::Ldt | K::Tss32Available | K::Tss32Busy => true,
        K::Tss16Available | K::Tss16Busy => !long,
        _ => false,
    }
}

/// LAR: the access rights as the second doubleword of the descriptor has them, masked; `None` clears ZF.
///
/// SPEC: intel-sdm-vol2 :: LAR—Load Access Rights Byte -> valid for code, data, LDT, TSS, call and task gates, of which IA-32e mode has the 64-bit ones; the result is masked by 00F0FF00H
///
/// # Errors
/// As [`verr`].
pub fn lar<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<Option<u32>, Exception> {
    use DescriptorKind as K;
    let Some(entry) = find(ctx, selector)? else { return Ok(None) };
    let (kind, long) = (entry.raw.kind(), ctx.cpu().mode().is_long());
    let gate = kind == K::CallGate32 || matches!(kind, K::CallGate16 | K::TaskGate) && !long;
    let valid = (gate || has_limit(kind, long)) && is_visible(ctx, &entry);
    Ok(valid.then_some((entry.raw.0 >> 32) as u32 & 0x00f0_ff00))
}

/// LSL: the limit in bytes; `None` clears ZF.
///
/// SPEC: intel-sdm-vol2 :: LSL—Load Segment Limit -> valid for code, data, LDT and TSS; a limit in pages is given in bytes
///
/// # Errors
/// As [`verr`].
pub fn lsl<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<Option<u32>, Exception> {
    let Some(entry) = find(ctx, selector)? else { return Ok(None) };
    let valid = has_limit(entry.raw.kind(), ctx.cpu().mode().is_long()) && is_visible(ctx, &entry);
    Ok(valid.then_some(entry.raw.limit()))
}

/// After a return to an outer level: data segments that the new level may not use become null.
///
/// SPEC: intel-sdm-vol3 :: 6.8.6 Returning from a Called Procedure -> ES, DS, FS and GS whose DPL is below the new CPL are cleared, conforming code excepted
pub(crate) fn drop_inaccessible<C: SystemContext>(ctx: &mut C) {
    use x86_types::Seg;
    let cpl = ctx.cpu().cpl;
    for seg in [Seg::Es, Seg::Ds, Seg::Fs, Seg::Gs] {
        let segment = &mut ctx.cpu_mut().seg[seg as usize];
        let attr = segment.attr;
        // A register that becomes null keeps its hidden base, as on processors, and 64-bit mode still uses those of FS
        // and GS. The same holds for one that is null already.
        if attr.contains(SegAttr::P) && !attr.is_conforming() && attr.dpl() < cpl {
            *segment = Segment { base: segment.base, ..super::descriptor::null_segment(Selector(0), 0) };
        }
    }
}
