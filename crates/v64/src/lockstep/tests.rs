//! A difference that is made on purpose is found and told exactly.

use super::pair::{Recipe, Tamper};
use super::{Pace, Verdict, run};
use session::{Guest, RunArgs};
use x86_types::GuestPhysAddr;

const PACE: Pace = Pace { stride: 5_000, whole: 20_000 };

fn verdict(most: u64, tamper: Option<Tamper>) -> Verdict {
    pc_devices::link();
    let args = RunArgs { memory: 64 << 20, max_instructions: Some(most), ..RunArgs::default() };
    let guest = Guest::new(&args, None, None);
    run(&Recipe { args: &args, guest: &guest, tamper }, PACE, None).unwrap()
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
    assert_eq!(pair.plain.machine.vcpu().retired(), 200_000);
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
    let text = told(60_000, (23_456, |machine| machine.ram().write(GuestPhysAddr(0x3ff_f008), &[1])));
    assert!(text.starts_with("v64: the engines differ after 23456 instructions: memory\n"), "{text}");
    assert!(text.contains("\n* 0x000003fff008  [00, 00, 00, 00, 00, 00, 00, 00]  [01, 00,"), "{text}");
}
