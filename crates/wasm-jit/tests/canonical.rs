//! Near branches out of the canonical addresses: the branch itself faults, and nothing has changed.

mod support;

use support::asm::Asm;
use support::machine::{Machine, PD, PDPT, PML4, STACK, Start};
use support::pair::{MOST, Pair};
use x86_types::{CodeSize, GuestPhysAddr};

/// The last page of the lower half and the first one of the upper half, and where they lie.
const LOW: (u64, u64) = (0x7fff_ffff_f000, 0x1f_f000);
const HIGH: (u64, u64) = (0xffff_8000_0000_0000, 0x40_0000);

/// Maps the last 2 MiB of the lower half and the first 2 MiB of the upper half.
fn map(machine: &Machine) {
    let write = |at, value| machine.ram.write_u64(GuestPhysAddr(at), value);
    for (n, pdpt, pd, linear, phys) in
        [(255, 0xe0_0000, 0xe0_1000, LOW.0, 0), (256, 0xe0_2000, 0xe0_3000, HIGH.0, HIGH.1)]
    {
        write(PML4 + 8 * n, pdpt | 7);
        write(pdpt + 8 * (linear >> 30 & 511), pd | 7);
        write(pd + 8 * (linear >> 21 & 511), phys | 0xe7);
    }
    assert_eq!(machine.ram.read_u64(GuestPhysAddr(PML4)), PDPT | 7);
    assert_eq!(machine.ram.read_u64(GuestPhysAddr(PDPT)), PD | 7);
}

/// Runs a loop and then `branch`, at a place in a page, and looks at what the handler of #GP found.
fn faults(pair: &mut Pair, (page, phys): (u64, u64), offset: u64, branch: &str) {
    let mut asm = Asm::default();
    let top = asm.mark();
    asm.hex("01e8 83ed01").jcc(5, top);
    let at = page + offset + asm.here() as u64;
    asm.hex(branch);
    let mut start = Start { rip: page + offset, at: Some(phys + offset), rflags: 0x202, ..Start::default() };
    start.code = asm.finish();
    start.gpr = core::array::from_fn(|r| 0x1111 * r as u64);
    (start.gpr[4], start.gpr[5]) = (0x18_1000, 500);
    // Targets of indirect ones: in RSI, at RDI, and on the stack.
    let bad = 0x8000_0000_0000_u64;
    (start.gpr[6], start.gpr[7], start.gpr[1]) = (bad, 0x20_0000, 7);
    start.mem =
        vec![(0x20_0000, bad.to_le_bytes().to_vec()), (0x18_0ff8, [[0x55; 8], bad.to_le_bytes()].concat())];
    for machine in [&pair.plain, &pair.compiled] {
        machine.ram.write(GuestPhysAddr(STACK - 48), &[0; 48]);
    }
    let compiled = pair.compare(branch, &start, MOST);
    assert!(compiled > 500, "{branch}: {compiled} instructions compiled");
    pair.same_memory();
    // SPEC: intel-sdm-vol3 :: 7.14.2 64-Bit Mode Stack Frame -> SS, RSP, RFLAGS, CS, RIP, and the error code
    let word = |n: u64| pair.plain.ram.read_u64(GuestPhysAddr(STACK - 8 * n));
    assert_eq!((word(6), word(5)), (0, at), "{branch}: error code and RIP of the branch");
    assert_eq!(word(2), 0x18_1000, "{branch}: RSP");
    assert_eq!(pair.plain.read(0x18_0ff8, 8), [0x55; 8], "{branch}: nothing was pushed");
    assert_eq!(pair.plain.vcpu.cpu.gpr[1], 7, "{branch}: RCX");
    assert_eq!(pair.plain.vcpu.statistics.exceptions[13], pair.compiled.vcpu.statistics.exceptions[13]);
}

fn pair() -> Pair {
    let pair = Pair::new(CodeSize::Bits64);
    map(&pair.plain);
    map(&pair.compiled);
    pair
}

/// SPEC: intel-sdm-vol2 :: JMP—Jump -> a target that is not canonical is #GP(0) of the jump
/// SPEC: intel-sdm-vol2 :: CALL—Call Procedure -> the same, before anything is pushed
/// SPEC: intel-sdm-vol2 :: RET—Return From Procedure -> the same, with RSP as before
#[test]
fn branches_over_the_end_of_the_lower_half_fault() {
    let mut pair = pair();
    // jmp +1000h; jz +1000h, taken behind the loop; call +1000h; loop +20h; jmp rsi; call rsi; jmp [rdi]; call [rdi]; ret
    let far = ["e900100000", "0f8400100000", "e800100000"];
    for branch in far {
        faults(&mut pair, LOW, 0x10, branch);
    }
    for branch in
        [far[0], far[1], far[2], "e220", "7420", "eb20", "ffe6", "ffd6", "ff27", "ff17", "c3", "c21000"]
    {
        faults(&mut pair, LOW, 0xfe0, branch);
    }
}

#[test]
fn branches_below_the_start_of_the_upper_half_fault() {
    let mut pair = pair();
    // jmp -1000h; jz -1000h; call -1000h; jmp -40h; loop -40h
    for branch in ["e900f0ffff", "0f8400f0ffff", "e800f0ffff", "ebc0", "e2c0"] {
        faults(&mut pair, HIGH, 0x10, branch);
    }
}

/// Code that runs over the end of the lower half faults where it is fetched, not where it came from.
#[test]
fn running_over_the_end_faults_there() {
    let mut pair = pair();
    // 15 bytes: 1: sub ebp, 1; jnz 1b; nop...
    let mut start = Start { rip: 0x7fff_ffff_fff0, at: Some(0x1f_fff0), rflags: 0x202, ..Start::default() };
    start.code = support::vectors::bytes("83ed0175fb9090909090909090909090");
    (start.gpr[4], start.gpr[5]) = (0x18_1000, 500);
    pair.compare("over the end", &start, MOST);
    pair.same_memory();
    assert_eq!(pair.plain.ram.read_u64(GuestPhysAddr(STACK - 40)), 0x8000_0000_0000);
}
