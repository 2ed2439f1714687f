//! Far RET where selectors name descriptors, and the checks of a return's code segment.

use super::descriptor::{
    Entry, check_code_offset, check_long_and_default, gp, is_64_bit, lookup, np, set_code, stack_segment,
};
use super::query::drop_inaccessible;
use crate::{SystemContext, stack::Stack};
use x86_state::Selector;
use x86_types::{Exception, Seg, Width};

/// Where a return leads.
pub(crate) struct ReturnCode {
    pub(crate) entry: Entry,
    /// To a less privileged level
    pub(crate) outer: bool,
    pub(crate) is_64: bool,
}

/// Checks the code segment that IRET or RET popped.
///
/// SPEC: intel-sdm-vol3 :: 6.8.6 Returning from a Called Procedure -> never to a more privileged level; RPL is the new CPL and must be the DPL of nonconforming code, at least that of conforming code
pub(crate) fn check_return_code<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
) -> Result<ReturnCode, Exception> {
    if selector.is_null() {
        return Err(Exception::GP0);
    }
    let entry = lookup(ctx, selector)?.ok_or(gp(selector, 0))?;
    let (attr, rpl, cpu) = (entry.attr(), selector.rpl(), ctx.cpu());
    let level_fits = if attr.is_conforming() { attr.dpl() <= rpl } else { attr.dpl() == rpl };
    if !attr.is_code() || rpl < cpu.cpl || !level_fits {
        return Err(gp(selector, 0));
    }
    check_long_and_default(cpu, &entry, 0)?;
    if !entry.is_present() {
        return Err(np(selector, 0));
    }
    Ok(ReturnCode { outer: rpl > cpu.cpl, is_64: is_64_bit(cpu, &entry), entry })
}

/// Far RET with an operand size of 16, 32 or 64 bits, releasing `pop_bytes` of parameters.
///
/// SPEC: intel-sdm-vol2 :: RET—Return From Procedure -> a return to an outer level pops SS and the stack pointer above the parameters, and releases them from both stacks
///
/// # Errors
/// What the instruction raises.
pub fn far_ret<C: SystemContext>(ctx: &mut C, opsize: Width, pop_bytes: u16) -> Result<(), Exception> {
    let pop_bytes = u64::from(pop_bytes);
    let mut stack = Stack::current(ctx.cpu(), 0);
    let rip = stack.pop(ctx, opsize)?;
    let selector = Selector(stack.pop(ctx, opsize)? as u16);
    let ReturnCode { entry, outer, is_64 } = check_return_code(ctx, selector)?;
    stack.release(pop_bytes);
    let level = selector.rpl();
    if outer {
        let pointer = stack.pop(ctx, opsize)?;
        let ss = Selector(stack.pop(ctx, opsize)? as u16);
        let segment = stack_segment(ctx, ss, level, is_64)?;
        stack = Stack::new(ctx.cpu(), segment, pointer, is_64, level, 0);
        stack.release(pop_bytes);
    }
    check_code_offset(ctx.cpu(), &entry, rip, 0)?;
    let segment = entry.load(ctx, level)?;
    let cpu = ctx.cpu_mut();
    cpu.seg[Seg::Ss as usize] = stack.segment;
    stack.commit(cpu);
    set_code(cpu, segment, rip);
    if outer {
        drop_inaccessible(ctx);
    }
    ctx.mode_changed();
    Ok(())
}
