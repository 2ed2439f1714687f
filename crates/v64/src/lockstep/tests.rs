//! An injected difference is located exactly.

use super::pair::{Pair, Recipe, Tamper};
use super::{Pace, Verdict, run};
use session::{Guest, MachineSpec, RunArgs};
use wasm_jit::{CodeHost, HostError, Installed};
use wasmparser::{Operator, Parser, Payload};
use wasmtime_host::WasmtimeHost;
use x86_types::GuestPhysAddr;

const PACE: Pace = Pace { stride: 5_000, whole: 20_000 };

fn verdict(most: u64, tamper: Option<Tamper>) -> Verdict {
    pc_devices::link();
    let args = RunArgs { memory: 64 << 20, max_instructions: Some(most), ..RunArgs::default() };
    let guest = Guest::new(&args, &MachineSpec::default(), None, None);
    run(&Recipe { args: &args, guest: &guest, tamper, host: |host| Box::new(host) }, PACE, None).unwrap()
}

fn told(most: u64, tamper: Tamper) -> String {
    match verdict(most, Some(tamper)) {
        Verdict::Differ(text) => text,
        Verdict::Same(_) => panic!("the difference is not found"),
    }
}

#[test]
fn engines_agree_on_the_demo_guest() {
    let Verdict::Same(pair) = verdict(200_000, None) else { panic!("the engines differ") };
    assert_eq!(pair.plain.machine.retired(), 200_000);
    assert_eq!(pair.plain.ended.unwrap().0, 3);
    assert!(pair.compiled.machine.vcpu().statistics.compiled > 100_000, "little was compiled");
    assert_eq!(pair.plain.machine.vcpu().statistics.compiled, 0);
}

#[test]
fn a_changed_register_is_found_at_its_instruction() {
    let text = told(60_000, (32_123, |machine| machine.vcpu_mut().cpu.gpr[13] ^= 0x100));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("v64: the engines differ after 32123 instructions: R13"), "{text}");
    let marked: Vec<&str> = lines.filter(|line| line.starts_with("* ")).collect();
    assert!(matches!(marked[..], [line] if line.starts_with("* R13")), "{marked:?}");
}

#[test]
fn a_changed_byte_of_memory_is_found_by_the_whole_state() {
    let text = told(60_000, (23_456, |machine| machine.memory().write(GuestPhysAddr(0x3ff_f008), &[1])));
    assert!(text.starts_with("v64: the engines differ after 23456 instructions: memory\n"), "{text}");
    assert!(text.contains("\n* 0x000003fff008  [00, 00, 00, 00, 00, 00, 00, 00]  [01, 00,"), "{text}");
}

/// A host that makes a byte of every word that compiled code stores, and "less or equal" of every "less".
struct Wrong(WasmtimeHost);

/// The module with other instructions.
fn spoiled(mut module: Vec<u8>) -> Vec<u8> {
    const I64_STORE8: u8 = 0x3c;
    const I64_LE_U: u8 = 0x58;
    let mut places = Vec::new();
    for payload in Parser::new(0).parse_all(&module) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        for operator in body.get_operators_reader().unwrap().into_iter_with_offsets() {
            match operator.unwrap() {
                (Operator::I64Store16 { .. }, at) => places.push((at, I64_STORE8)),
                (Operator::I64LtU, at) => places.push((at, I64_LE_U)),
                _ => {}
            }
        }
    }
    places.into_iter().for_each(|(at, opcode)| module[at] = opcode);
    module
}

impl CodeHost for Wrong {
    fn install(&mut self, module: Vec<u8>, first: u32, count: u32) -> Result<Installed, HostError> {
        self.0.install(spoiled(module), first, count)
    }
    fn retire(&mut self, first: u32, count: u32) {
        self.0.retire(first, count);
    }
    fn enter(&mut self, slot: u32, vcpu: u64, budget: u64) -> u64 {
        self.0.enter(slot, vcpu, budget)
    }
}

/// Compiled code that is wrong from the start: the report has the first instruction after which states differ, and the
/// region.
#[test]
fn wrong_code_is_found_at_the_first_difference() {
    pc_devices::link();
    let args = RunArgs { memory: 64 << 20, max_instructions: Some(100_000), ..RunArgs::default() };
    let guest = Guest::new(&args, &MachineSpec::default(), None, None);
    let recipe = Recipe { args: &args, guest: &guest, tamper: None, host: |host| Box::new(Wrong(host)) };
    let Verdict::Differ(text) = run(&recipe, PACE, None).unwrap() else { panic!("nothing is found") };
    let at = text.strip_prefix("v64: the engines differ after ").and_then(|rest| rest.split(' ').next());
    let at: u64 = at.and_then(|at| at.parse().ok()).unwrap_or_else(|| panic!("{text}"));
    let region = text.split_once("\nThe region that contains ").map(|(_, region)| region);
    assert!(region.is_some_and(|region| region.contains("i64.store16")), "{text}");
    for (to, differ) in [(at - 1, false), (at, true)] {
        let mut pair = Pair::new(&recipe, None).unwrap();
        for stop in (PACE.stride..to).step_by(PACE.stride as usize) {
            pair.advance(&recipe, stop).unwrap();
        }
        pair.advance(&recipe, to).unwrap();
        assert_eq!(pair.differ(), differ, "{to} instructions of {at}");
    }
}
