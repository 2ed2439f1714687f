//! What lies at an address changes while compiled code runs there: ROM and shadow RAM, windows that move, line A20.

mod support;

use guest_memory::{Backing, GuestMemory, Priority, Region};
use support::asm::Asm;
use support::machine::{Machine, Start};
use support::pair::{MOST, Pair};
use x86_types::{CodeSize, GuestPhysAddr, RamAddr};

/// In an even megabyte, which line A20 does not reach.
const CODE: u64 = 0x40_0000;
/// A page that is remapped, in an odd one.
const PAGE: u64 = 0x30_0000;
/// Rounds of the loop.
const ROUNDS: u64 = 200;
/// mov eax, 1; ret
const ONE: &[u8] = &[0xb8, 1, 0, 0, 0, 0xc3];
/// mov eax, 100h; ret
const MANY: &[u8] = &[0xb8, 0, 1, 0, 0, 0xc3];

/// The loop: remaps by the number of the round, then executes `body` (hexadecimal) and adds EAX to EDX.
fn program(body: &str) -> Start {
    let mut asm = Asm::default();
    // 1: mov eax, ebp; out 84h, eax; body; add edx, eax; sub ebp, 1; jnz 1b; int3
    let top = asm.mark();
    asm.hex("89e8 e784").hex(body).hex("01c2 83ed01").jcc(5, top).hex("cc");
    let mut start = Start { kernel: true, rip: CODE, code: asm.finish(), rflags: 0x202, ..Start::default() };
    (start.gpr[4], start.gpr[5], start.gpr[7]) = (0x18_1000, ROUNDS, PAGE);
    start
}

/// Runs it in both engines, with a remap made for each; EDX has to be `sum` in the end.
fn agree(size: CodeSize, start: &Start, sum: u64, set_up: impl Fn(&mut Machine)) {
    let mut pair = Pair::new(size);
    for machine in [&mut pair.plain, &mut pair.compiled] {
        machine.write(PAGE, ONE);
        set_up(machine);
    }
    let compiled = pair.compare("remap", start, MOST);
    assert_eq!(pair.compiled.vcpu.cpu.gpr[2], sum);
    assert!(compiled > ROUNDS, "{compiled} instructions in compiled code");
}

/// Returns a block of firmware, and maps it as `region` makes it over [`PAGE`] in even rounds.
fn overlay(machine: &mut Machine, region: fn(RamAddr) -> Region) {
    let firmware = machine.ram.allocate(0x1000).unwrap();
    machine.ram.ram_write(firmware, MANY);
    let (nowhere, range) = ((GuestPhysAddr(0), 0), (GuestPhysAddr(PAGE), 0x1000));
    let id = machine.ram.map("pam", Priority::Overlay, nowhere, region(firmware)).unwrap();
    machine.bus.remap = Some(Box::new(move |memory: &GuestMemory, round| {
        memory.remap(id, if round & 1 == 0 { range } else { nowhere }, region(firmware)).unwrap();
    }));
}

#[test]
fn code_in_rom_takes_the_place_of_code_in_ram_and_gives_it_back() {
    // call rdi
    agree(CodeSize::Bits64, &program("ffd7"), ROUNDS / 2 * 0x101, |machine| overlay(machine, Region::rom));
}

#[test]
fn writes_to_rom_change_nothing_and_writes_to_shadow_ram_are_unseen() {
    // add byte [rdi+1], 1; call rdi: in odd rounds RAM counts, in even ones the write is dropped.
    let counted: u64 = (0..ROUNDS / 2).map(|n| n + 2).sum();
    let mut start = program("80470101 ffd7");
    // The program runs twice: RAM is as it was before the second time.
    start.mem = vec![(PAGE, ONE.to_vec())];
    agree(CodeSize::Bits64, &start, ROUNDS / 2 * 0x100 + counted, |machine| overlay(machine, Region::rom));
    // What is written in even rounds is read in odd ones: one more than the byte in ROM, which is 0.
    let sum = ROUNDS / 2 * (0x100 + 2);
    agree(CodeSize::Bits64, &start, sum, |machine| {
        overlay(machine, |rom| Region { write: Backing::Ram(RamAddr(PAGE)), ..Region::rom(rom) });
    });
}

#[test]
fn a_window_moves_under_running_loads() {
    // mov eax, [rdi]
    let expected = ROUNDS / 2 * (0x1111 + 0x2222);
    agree(CodeSize::Bits64, &program("8b07"), expected, |machine| {
        let block = machine.ram.allocate(0x1000).unwrap();
        machine.ram.set_ram_value(block, 4, 0x1111);
        machine.write(PAGE, &0x2222_u32.to_le_bytes());
        let range = |page: u64| (GuestPhysAddr(PAGE + page * 0x1000), 0x1000);
        let id = machine.ram.map("bar", Priority::Movable, range(1), Region::ram(block)).unwrap();
        machine.bus.remap = Some(Box::new(move |memory: &GuestMemory, round| {
            memory.remap(id, range(u64::from(round & 1)), Region::ram(block)).unwrap();
        }));
    });
}

#[test]
fn line_a20_cuts_fetches_and_data() {
    // With the line closed PAGE, in an odd megabyte, is the one below it.
    let set_up = |machine: &mut Machine| {
        machine.write(PAGE - (1 << 20), MANY);
        machine.bus.remap = Some(Box::new(|memory: &GuestMemory, round| memory.set_a20(round & 1 == 1)));
    };
    // movzx eax, word [rdi+1]; call rdi. Without paging, whose tables would be cut too.
    for body in ["0fb74701", "ffd7"] {
        agree(CodeSize::Bits32, &program(body), ROUNDS / 2 * 0x101, set_up);
    }
}
