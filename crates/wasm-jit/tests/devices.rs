//! Compiled code accesses devices and goes on: each access once, at its instruction, with what it gave.

mod support;

use support::asm::Asm;
use support::machine::{Machine, PAGES, Start};
use support::pair::Pair;
use support::random::Random;
use wasm_jit::Settings;
use x86_types::CodeSize;

const CODE: u64 = 0x10_0000;
const DATA: u64 = 0x20_0000;
/// Where handlers count.
const COUNT: u64 = 0x20_3000;
/// Where no memory is.
const DEVICE: u64 = 0xfee0_0000;
const SOON: Settings = Settings { hot: 4, warm: 2, ..Settings::AT_ONCE };

/// Two engines with a page of a device at [`PAGES`] (in RDI), behind it one of memory.
fn both(set_up: impl Fn(&mut Machine)) -> Pair {
    let mut pair = Pair::with(CodeSize::Bits64, SOON);
    for machine in [&mut pair.plain, &mut pair.compiled] {
        machine.map(PAGES, DEVICE | 7);
        machine.map(PAGES + 0x1000, (DATA + 0x1000) | 7);
        // inc qword [COUNT]; iretq. For #DE: the divisor becomes 1.
        machine.handle(0x40, "48ff042500302000 48cf");
        machine.handle(0, "48ff042508302000 b901000000 48cf");
        set_up(machine);
    }
    pair
}

fn start(code: Vec<u8>, rounds: u64) -> Start {
    let mut start = Start { kernel: true, rip: CODE, rflags: 0x202, code, ..Start::default() };
    (start.gpr[4], start.gpr[5], start.gpr[6], start.gpr[7]) = (0x18_1000, rounds, DATA, PAGES);
    start.mem = vec![(COUNT, vec![0; 16]), (DATA, (0..=255).collect())];
    start
}

/// Runs both engines to the same place and compares states and what the devices saw.
fn same(pair: &mut Pair, id: &str, start: &Start, most: u64) {
    for machine in [&mut pair.plain, &mut pair.compiled] {
        machine.bus.device.accesses.clear();
        machine.bus.vector = None;
        machine.set_up(start);
    }
    let (a, b) = (pair.plain.run(most), pair.compiled.run(most));
    let (plain, compiled) = (&pair.plain.bus.device.accesses, &pair.compiled.bus.device.accesses);
    let differs = plain.iter().zip(compiled).position(|(a, b)| a != b);
    let first = differs.unwrap_or(plain.len().min(compiled.len()));
    assert_eq!(plain.get(first), compiled.get(first), "{id}: access {first} of {}", plain.len());
    assert_eq!(pair.plain.state(), pair.compiled.state(), "{id}: interpreted, compiled");
    assert_eq!(a, b, "{id}: instructions");
    assert!(pair.plain.read(DATA, 0x4000) == pair.compiled.read(DATA, 0x4000), "{id}: memory differs");
}

/// Accesses of all kinds, beside others to memory, which keep registers and flags alive.
const PARTS: [&str; 26] = [
    "8b07",                                   // mov eax, [rdi]
    "488b4f08",                               // mov rcx, [rdi+8]
    "0fb6570c",                               // movzx edx, byte [rdi+12]
    "668b4710",                               // mov ax, [rdi+16]
    "034720",                                 // add eax, [rdi+32]
    "135f24",                                 // adc ebx, [rdi+36]
    "894728",                                 // mov [rdi+40], eax
    "48894f30",                               // mov [rdi+48], rcx
    "885738",                                 // mov [rdi+56], dl
    "c7473c78563412",                         // mov dword [rdi+60], 12345678h
    "014740",                                 // add [rdi+64], eax
    "f0014744",                               // lock add [rdi+68], eax
    "ff4748",                                 // inc dword [rdi+72]
    "874f4c",                                 // xchg [rdi+76], ecx
    "480fb15750",                             // cmpxchg [rdi+80], rdx
    "0fba6f5803",                             // bts dword [rdi+88], 3
    "3b4760 11db",                            // cmp eax, [rdi+96]; adc ebx, ebx
    "f30f6f4770",                             // movdqu xmm0, [rdi+112]
    "660fefc8 660f7f0e",                      // pxor xmm1, xmm0; movdqa [rsi], xmm1
    "8b06 0106",                              // mov eax, [rsi]; add [rsi], eax
    "014e04 034608",                          // add [rsi+4], ecx; add eax, [rsi+8]
    "31d2 83e107 b864000000 f7f1", // xor edx, edx; and ecx, 7; mov eax, 100; div ecx: #DE now and then
    "ff7714 58",                   // push qword [rdi+20]; pop rax
    "e590 e790",                   // in eax, 90h; out 90h, eax
    "01866e0f0000 01867f0f0000",   // add [rsi+0f6eh], eax; add [rsi+0f7fh], eax
    "8b86fe0f0000 0186fe0f0000 8986fd0f0000", // the end of a page: mov, add, mov
];

fn program(random: &mut Random) -> Vec<u8> {
    let mut asm = Asm::default();
    let top = asm.mark();
    for _ in 0..3 + random.below(14) {
        asm.hex(PARTS[random.below(PARTS.len())]);
    }
    asm.hex("83ed01").jcc(5, top).hex("cc");
    asm.finish()
}

#[test]
fn each_access_is_made_once_and_in_order() {
    let mut random = Random(0x6a09_e667_f3bc_c908);
    let mut compiled = 0;
    for n in 0..40 {
        let mut pair = both(|machine| {
            machine.bus.device.interrupts = [None, Some((7, 0x40)), Some((1, 0x40))][n % 3];
            machine.bus.device.exits = [None, Some(5), None, Some(11)][n % 4];
        });
        let start = start(program(&mut random), 60);
        same(&mut pair, &format!("program {n}, warm up"), &start, 30_000);
        for _ in 0..12 {
            let most = 1 + random.below(2500) as u64;
            same(&mut pair, &format!("program {n}, {most} instructions"), &start, most);
        }
        compiled += pair.compiled.vcpu.statistics.compiled;
    }
    assert!(compiled > 40_000, "{compiled}");
}

/// Code that does nothing but access a device is entered once and comes back for its end.
#[test]
fn compiled_code_goes_on_behind_an_access() {
    let bodies = [
        ("load", "8b07 01c3"),
        ("store", "895f08"),
        ("read-modify-write", "014710"),
        ("locked", "f0ff4714"),
        ("shared look", "8b07 034704 895f08 895f0c"),
        ("IN and OUT", "e590 01c3 e790"),
    ];
    for (name, body) in bodies {
        let mut pair = both(|_| ());
        let mut asm = Asm::default();
        let top = asm.mark();
        asm.hex(body).hex("83ed01").jcc(5, top).hex("cc");
        let start = start(asm.finish(), 10_000);
        same(&mut pair, name, &start, 100_000);
        let entries = pair.compiled.vcpu.statistics.entries;
        assert!(entries < 10, "{name}: entered {entries} times");
        assert!(pair.compiled.bus.device.accesses.len() >= 10_000, "{name}");
    }
}

/// An interrupt that an access makes due comes behind its instruction; one that is disabled waits, and code goes on.
#[test]
fn interrupts_of_an_access_come_behind_it() {
    let mut pair = both(|machine| machine.bus.device.interrupts = Some((3, 0x40)));
    let mut asm = Asm::default();
    let top = asm.mark();
    // mov eax, [rdi]; add ebx, eax; cli; mov ecx, [rdi+4]; mov [rdi+8], ecx; adc edx, ecx; sti; add ebx, 1; sub ebp, 1
    asm.hex("8b07 01c3 fa 8b4f04 894f08 11ca fb 83c301 83ed01").jcc(5, top).hex("cc");
    let start = start(asm.finish(), 300);
    same(&mut pair, "warm up", &start, 100_000);
    assert_eq!(pair.plain.read(COUNT, 8), 300_u64.to_le_bytes());
    for most in (1..200).chain((201..4000).step_by(37)) {
        same(&mut pair, &format!("{most} instructions"), &start, most);
    }
    assert!(pair.compiled.vcpu.statistics.compiled > 50_000);
}

/// REP INS and OUTS in a loop, from and to pages that end on the way, with interrupts in between.
#[test]
fn blocks_of_ports_agree() {
    for interrupts in [None, Some((1, 0x40)), Some((100, 0x40))] {
        let mut pair = both(|machine| machine.bus.device.interrupts = interrupts);
        let mut asm = Asm::default();
        let top = asm.mark();
        // mov edi, DATA+ff0h; mov ecx, 40; mov edx, 1f0h; rep insw
        asm.hex("bff00f2000 b928000000 baf0010000 66f36d 01cb");
        // mov esi, DATA+f00h; mov ecx, 70; rep outsd; std; mov cl, 5; rep insb; cld; sub ebp, 1; jnz
        asm.hex("be000f2000 b946000000 f36f fd b105 f36c fc 83ed01").jcc(5, top).hex("cc");
        let start = start(asm.finish(), 40);
        same(&mut pair, "warm up", &start, 100_000);
        assert_eq!(pair.plain.bus.device.accesses.len(), 40 * 115);
        for most in (1..400).step_by(7) {
            same(&mut pair, &format!("{most} instructions"), &start, most);
        }
    }
}
