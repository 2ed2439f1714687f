//! What `--stats` tells: ways from region to region, and the time that compiling takes. Without it nothing is counted.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::asm::Asm;
use support::machine::{Machine, Start};
use wasm_jit::{Settings, Translator};
use x86_types::CodeSize;

/// A loop that goes to a function by a return, which no region follows, and is come back to likewise.
fn start() -> Start {
    let mut asm = Asm::default();
    // 1: push rdi; push rsi; ret; sub ebp, 1; jnz 1b; int3; f: add eax, 1; ret
    let top = asm.mark();
    asm.hex("57 56 c3 83ed01").jcc(5, top).hex("cc").org(0x40).hex("83c001 c3");
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code: asm.finish(), ..Start::default() };
    (start.gpr[4], start.gpr[5]) = (0x18_1000, 1000);
    (start.gpr[6], start.gpr[7]) = (0x10_0040, 0x10_0003);
    start
}

fn machine(count: bool) -> Machine {
    let mut machine = Machine::with(CodeSize::Bits64, Settings { count, ..Settings::AT_ONCE });
    machine.set_up(&start());
    machine
}

#[test]
fn ways_from_region_to_region_are_counted() {
    let mut machine = machine(true);
    machine.run(100_000);
    let (chained, missed) = (machine.vcpu.chained(), machine.vcpu.statistics.exits[0]);
    // There and back in every round, but for the first ones.
    assert!((1900..=2000).contains(&chained), "{chained} chained");
    assert!(missed < 50, "{missed} missed");
}

#[test]
fn nothing_is_counted_unasked() {
    let mut machine = machine(false);
    machine.run(100_000);
    assert!(machine.vcpu.statistics.compiled > 4000);
    assert_eq!(machine.vcpu.chained(), 0);
    let statistics = machine.vcpu.compiled_mut().map(|code| code.statistics()).unwrap_or_default();
    assert_eq!((statistics.translating_ns, statistics.compiling_ns), (0, 0));
}

#[test]
fn compiling_is_measured_by_the_clock_that_is_lent() {
    let mut machine = machine(false);
    // A clock that goes on by a second whenever it is looked at.
    let seconds = AtomicU64::new(0);
    let clock = Arc::new(move || seconds.fetch_add(1, Ordering::Relaxed) * 1_000_000_000);
    let translator = |machine: &mut Machine| -> Option<(u64, u64)> {
        let code = machine.vcpu.compiled_mut()?.as_any_mut().downcast_mut::<Translator>()?;
        Some(code.times())
    };
    if let Some(code) =
        machine.vcpu.compiled_mut().and_then(|code| code.as_any_mut().downcast_mut::<Translator>())
    {
        code.measure(clock);
    }
    assert_eq!(translator(&mut machine), Some((0, 0)));
    machine.run(100_000);
    let regions = machine.counts().regions;
    let (translating, compiling) = translator(&mut machine).unwrap();
    // Twice and once a region, at least: other looks come in between.
    assert!(translating >= 2_000_000_000 * regions, "{translating} ns for {regions} regions");
    assert!(compiling >= 1_000_000_000 * regions, "{compiling} ns for {regions} regions");
}
