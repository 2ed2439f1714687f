//! What the translator makes of a place, as text.

use std::fmt::Write;
use wasm_jit::{MemorySize, Placed, Region, module};
use x86_exec::Vcpu;
use x86_types::PAGE_SIZE;

/// Returns the guest's instructions in a region's blocks, a line each.
pub(crate) fn disassembly(region: &Region, vcpu: &Vcpu, rip: u64) -> String {
    let mut out = String::new();
    for (start, end) in region.ranges() {
        let mut at = start;
        while at < end {
            let here = rip.wrapping_add(at as u64);
            let Some(insn) = vcpu.instruction_at(here) else {
                let _ = writeln!(out, "{here:016x}  (cannot be fetched now)");
                break;
            };
            let _ = writeln!(out, "{here:016x}  {}", insn.display(here));
            at += i64::from(insn.len);
        }
        out.push('\n');
    }
    out
}

/// Returns the WebAssembly of a region with its entry at `rip`. Helper calls are numbered from 0, so that the text is
/// reproducible.
pub(crate) fn describe(region: &Region, vcpu: &Vcpu, rip: u64) -> String {
    let offset = (rip % PAGE_SIZE) as i64;
    let mut pages: Vec<(i64, u64)> = Vec::new();
    for distance in region.ranges().flat_map(|(start, end)| [start, end - 1]) {
        let page = (offset + distance).div_euclid(PAGE_SIZE as i64);
        if let Some((_, place)) = vcpu.code_location(rip.wrapping_add(distance as u64))
            && !pages.iter().any(|&(known, _)| known == page)
        {
            pages.push((page, place & !(PAGE_SIZE - 1)));
        }
    }
    let helpers = (0..region.helper_calls().len() as u32).collect();
    let bytes = module(&[Placed { region, helpers, pages, count: false, fixed: None }], 1, MemorySize::Grows);
    wasmprinter::print_bytes(bytes)
        .unwrap_or_else(|error| format!("(the module cannot be printed: {error:#})\n"))
}
