//! What an hour of installing packages does to compiled code, in seconds: thousands of programs that come, run hot for a
//! while and go, at changing places, beside a kernel that all of them call. Nothing grows without limit, and what stays
//! hot is never dropped all at once.

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use support::asm::{Asm, Label, set_flags};
use support::machine::{Machine, PAGES, Start};
use support::pair::Pair;
use support::random::Random;
use wasm_jit::{CodeHost, HostError, Installed, Settings};
use x86_exec::vcpu::compiled::CodeMode;
use x86_types::CodeSize;

const KERNEL: u64 = 0x10_0000;
/// Functions of the kernel, which are so far from one another.
const FUNCTIONS: u64 = 16;
const APART: u64 = 0x80;
/// So many of them are called whatever runs.
const ALWAYS: u64 = 8;
const DATA: u64 = 0x20_0000;
const DATA_LEN: u64 = 0x10_0000;
/// Where programs are loaded, two pages each.
const FRAMES: u64 = 0x40_0000;
/// Instructions after which is looked at what is kept, a few times while a program runs.
const SLICE: u64 = 150;

fn frame(n: usize) -> u64 {
    FRAMES + 0x2000 * n as u64
}

/// Calls the program so often, then halts; and the kernel's functions, each with a loop.
fn kernel(random: &mut Random) -> Vec<u8> {
    let mut asm = Asm::at(KERNEL);
    // 1: mov r8d, function; call r8, several times; call r14; sub ebp, 1; jnz 1b; int3
    let top = asm.mark();
    for n in 1..=ALWAYS {
        asm.hex("41b8").imm32((KERNEL + APART * n) as u32).hex("41ffd0");
    }
    asm.hex("41ffd6 83ed01").jcc(5, top).hex("cc");
    for n in 1..=FUNCTIONS {
        // mov ecx, 2; 1: ...; sub ecx, 1; jnz 1b; ret
        asm.org((n * APART) as usize).hex("b902000000");
        let top = asm.mark();
        (0..3 + random.below(5)).for_each(|_| set_flags(&mut asm, random));
        asm.hex("83e901").jcc(5, top).hex("c3");
    }
    asm.finish()
}

/// A program of two pages, for where all of them are mapped. It calls a few of the kernel's functions, and has an instruction
/// for the processor that no other program has.
fn program(random: &mut Random) -> Vec<u8> {
    let mut asm = Asm::at(PAGES);
    let second = asm.label();
    let part = |asm: &mut Asm, random: &mut Random, call: Option<Label>| {
        // mov ecx, 3; 1: ...; sub ecx, 1; jnz 1b
        asm.hex("b903000000");
        let top = asm.mark();
        (0..3 + random.below(5)).for_each(|_| set_flags(asm, random));
        asm.hex("83e901").jcc(5, top);
        // fld qword [DATA + n]; fstp st0; mov eax, [DATA + n], so that the sum of things depends on the place
        let place = (DATA + random.next() % (DATA_LEN - 8)) as u32;
        asm.hex("dd0425").imm32(place).hex("ddd8 8b0425").imm32(place);
        match call {
            Some(label) => asm.call(label),
            // mov r8d, function; call r8
            None => {
                asm.hex("41b8").imm32((KERNEL + APART * (1 + random.below(16) as u64)) as u32).hex("41ffd0")
            }
        };
    };
    part(&mut asm, random, Some(second));
    asm.hex("c3").org(0xfe0 - random.below(64)).bind(second);
    part(&mut asm, random, None);
    asm.hex("c3").org(0x2000);
    asm.finish()
}

/// The programs there were, as far as their pages were not given to others; and what is to be done next.
struct System {
    random: Random,
    start: Start,
    /// By place
    loaded: Vec<Option<Vec<u8>>>,
}

impl System {
    fn new(seed: u64, places: usize) -> System {
        let mut random = Random(seed);
        let mut start = Start { rip: KERNEL, rflags: 0x202, code: kernel(&mut random), ..Start::default() };
        (start.gpr[4], start.gpr[5], start.gpr[14]) = (0x18_1000, 6, PAGES);
        let data = (0..DATA_LEN).map(|_| random.next() as u8 & 0x3f).collect();
        start.mem.push((DATA, data));
        System { random, start, loaded: vec![None; places] }
    }

    /// The place of the program that runs next: one that was loaded before, or a new one.
    fn next(&mut self) -> usize {
        let n = self.random.below(self.loaded.len());
        if self.random.below(4) != 0 || self.loaded[n].is_none() {
            self.loaded[n] = Some(program(&mut self.random));
        }
        n
    }

    /// Runs what is at a place. Gives the instructions.
    fn run(&self, machine: &mut Machine, n: usize, mut look: impl FnMut(&mut Machine)) -> u64 {
        for (page, bytes) in self.loaded[n].iter().flat_map(|code| code.chunks(0x1000)).enumerate() {
            let (at, page) = (frame(n) + 0x1000 * page as u64, PAGES + 0x1000 * page as u64);
            machine.write(at, bytes);
            machine.map(page, at | 7);
        }
        machine.set_up(&Start { mem: Vec::new(), ..self.start.clone() });
        let mut total = 0;
        loop {
            let done = machine.run(SLICE);
            look(machine);
            total += done;
            if done < SLICE {
                return total;
            }
        }
    }
}

/// Modules that were handed over and not dropped: first slot, number of functions and bytes.
#[derive(Default)]
struct Ledger {
    modules: BTreeMap<u32, (u32, u64)>,
    most_slot: u32,
    largest: u64,
    smallest: u64,
}

/// Takes modules and runs none of them: all is interpreted.
struct Idle(Rc<RefCell<Ledger>>);

impl CodeHost for Idle {
    fn install(&mut self, module: Vec<u8>, first: u32, count: u32) -> Result<Installed, HostError> {
        let mut ledger = self.0.borrow_mut();
        let before = ledger.modules.range(..first + count).next_back();
        assert!(before.is_none_or(|(&other, &(count, _))| other + count <= first), "slots are taken twice");
        let len = module.len() as u64;
        ledger.modules.insert(first, (count, len));
        ledger.most_slot = ledger.most_slot.max(first + count);
        ledger.largest = ledger.largest.max(len);
        ledger.smallest = if ledger.smallest == 0 { len } else { ledger.smallest.min(len) };
        Ok(Installed::Now)
    }

    fn retire(&mut self, first: u32, count: u32) {
        let module = self.0.borrow_mut().modules.remove(&first);
        assert_eq!(module.map(|(count, _)| count), Some(count), "what was not installed is dropped");
    }

    fn enter(&mut self, _: u32, _: u64, budget: u64) -> u64 {
        budget
    }
}

/// Where the kernel's functions are, and the mode they are compiled for: neither changes.
struct Kernel(u64, CodeMode);

impl Kernel {
    fn of(system: &System, machine: &mut Machine) -> Kernel {
        machine.set_up(&system.start);
        machine.run(1);
        Kernel(machine.vcpu.code_location(KERNEL).unwrap().1, machine.vcpu.code_mode().unwrap())
    }

    /// How many of those that are always called are compiled.
    fn compiled(&self, machine: &mut Machine) -> usize {
        let translator = machine.translator().unwrap();
        (1..=ALWAYS).filter(|n| translator.is_kept(self.0 + n * APART, self.1)).count()
    }
}

/// The most that was kept at any time.
#[derive(Clone, Copy, Debug, Default)]
struct Most {
    bytes: u64,
    modules: u64,
    regions: u64,
    waiting: u64,
    covered: u64,
    helpers: usize,
    blocks: usize,
    code_pages: usize,
    rewritten_pages: usize,
}

impl Most {
    fn note(&mut self, machine: &mut Machine) {
        let (counts, kept) = (machine.counts(), machine.vcpu.code_usage());
        self.bytes = self.bytes.max(counts.kept_bytes);
        self.modules = self.modules.max(counts.kept_modules);
        self.regions = self.regions.max(counts.kept_regions);
        self.waiting = self.waiting.max(counts.waiting);
        self.covered = self.covered.max(counts.covered);
        self.helpers = self.helpers.max(kept.helpers);
        self.blocks = self.blocks.max(kept.blocks);
        self.code_pages = self.code_pages.max(kept.code_pages);
        self.rewritten_pages = self.rewritten_pages.max(kept.rewritten_pages);
    }
}

#[test]
fn nothing_grows_in_an_hour_of_programs() {
    const PROGRAMS: u64 = 20_000;
    const PLACES: usize = 600;
    let settings =
        Settings { hot: 4, warm: 2, shared: 24, batch: 8, bytes: 128 << 10, count: false, fixed: false };
    let ledger = Rc::new(RefCell::new(Ledger::default()));
    let mut machine = Machine::on(Box::new(Idle(Rc::clone(&ledger))), CodeSize::Bits64, settings);
    let mut system = System::new(0xbb67_ae85_84ca_a73b, PLACES);
    let kernel = Kernel::of(&system, &mut machine);
    let (mut most, mut slots) = ([Most::default(); 2], [0; 2]);
    let mut evicted = 0;
    for n in 0..PROGRAMS {
        let half = (2 * n / PROGRAMS) as usize;
        let place = system.next();
        let mut fewest = ALWAYS as usize;
        system.run(&mut machine, place, |machine| fewest = fewest.min(kernel.compiled(machine)));
        // What all of them call is dropped piece by piece at most.
        assert!(n < 10 || fewest >= ALWAYS as usize / 2, "program {n}: {fewest} of the kernel's functions");
        most[half].note(&mut machine);
        slots[half] = ledger.borrow().most_slot;
        let counts = machine.counts();
        let ledger = ledger.borrow();
        let bytes: u64 = ledger.modules.values().map(|&(_, bytes)| bytes).sum();
        assert_eq!((counts.kept_modules, counts.kept_bytes), (ledger.modules.len() as u64, bytes));
        if n % 1000 == 999 {
            assert!(bytes > settings.bytes / 2, "program {n}: {bytes} bytes are left");
            assert!(counts.evicted > evicted + 1000, "there was never room for all");
            evicted = counts.evicted;
        }
    }
    let [early, late] = most;
    println!("{early:?}, then {late:?}; {slots:?} slots; {:?}", machine.counts());
    let ledger = ledger.borrow();
    assert!(late.bytes <= settings.bytes + settings.bytes / 8 + ledger.largest);
    assert!(late.modules <= late.bytes / ledger.smallest);
    assert!(late.waiting < settings.batch as u64 && late.covered < 48 * settings.batch as u64);
    assert!(u64::from(slots[1]) < 2 * late.regions, "{} slots for {} functions", slots[1], late.regions);
    // A program has several that no other has.
    assert!((late.helpers as u64) < 2 * late.regions, "{} helpers", late.helpers);
    assert!(late.code_pages <= 2 * PLACES + 4 && late.rewritten_pages <= 2 * PLACES + 4);
    let grew = |a: u64, b: u64| b > a + a / 8;
    assert!(!grew(early.blocks as u64, late.blocks as u64), "{} blocks, then {}", early.blocks, late.blocks);
    assert!(!grew(slots[0].into(), slots[1].into()));
}

/// Compiles one module of so many that come, the newest first; what it has not begun with can be taken back.
#[derive(Default)]
struct Slow {
    orders: Rc<RefCell<Vec<u32>>>,
    came: u32,
    done: Vec<u32>,
}

impl CodeHost for Slow {
    fn install(&mut self, _: Vec<u8>, first: u32, _: u32) -> Result<Installed, HostError> {
        let mut orders = self.orders.borrow_mut();
        orders.push(first);
        self.came += 1;
        if self.came.is_multiple_of(16) {
            self.done.extend(orders.pop());
        }
        Ok(Installed::Later)
    }

    fn finished(&mut self) -> Vec<(u32, Result<(), HostError>)> {
        self.done.drain(..).map(|first| (first, Ok(()))).collect()
    }

    fn cancel(&mut self, first: u32) -> bool {
        let mut orders = self.orders.borrow_mut();
        let before = orders.len();
        orders.retain(|&other| other != first);
        orders.len() < before
    }

    fn retire(&mut self, _: u32, _: u32) {}

    fn enter(&mut self, _: u32, _: u64, budget: u64) -> u64 {
        budget
    }
}

/// What a host does not come to compile does not pile up there.
#[test]
fn what_waits_to_be_compiled_is_bounded() {
    let host = Slow::default();
    let orders = Rc::clone(&host.orders);
    let settings =
        Settings { hot: 4, warm: 2, shared: 24, batch: 8, bytes: 128 << 10, count: false, fixed: false };
    let mut machine = Machine::on(Box::new(host), CodeSize::Bits64, settings);
    let mut system = System::new(0x9b05_688c_2b3e_6c1f, 200);
    machine.set_up(&system.start);
    let (mut most, mut most_bytes) = (0, 0);
    for _ in 0..1500 {
        let place = system.next();
        system.run(&mut machine, place, |_| ());
        most = orders.borrow().len().max(most);
        most_bytes = machine.counts().kept_bytes.max(most_bytes);
        assert!(orders.borrow().len() as u64 <= machine.counts().kept_modules);
    }
    let counts = machine.counts();
    assert!(counts.modules > 1000 && counts.evicted > 1000, "{counts:?}");
    assert!(
        most < 60 && most_bytes < settings.bytes + settings.bytes / 4,
        "{most} orders, {most_bytes} bytes"
    );
}

/// The same for real, and shorter: what is dropped and compiled again does what the interpreter does.
#[test]
fn programs_agree_while_others_go() {
    const BYTES: u64 = 128 << 10;
    let settings =
        Settings { hot: 4, warm: 2, shared: 24, batch: 8, bytes: BYTES, count: false, fixed: false };
    let mut pair = Pair::with(CodeSize::Bits64, settings);
    let mut system = System::new(0x510e_527f_ade6_82d1, 30);
    system.start.mem.iter().for_each(|(at, data)| pair.plain.write(*at, data));
    let kernel = Kernel::of(&system, &mut pair.compiled);
    let mut all = 0;
    for n in 0..200 {
        let place = system.next();
        let a = system.run(&mut pair.plain, place, |_| ());
        let b = system.run(&mut pair.compiled, place, |_| ());
        assert!(a == b && pair.plain.state() == pair.compiled.state(), "program {n}");
        let counts = pair.compiled.counts();
        assert!(counts.kept_bytes <= BYTES + BYTES / 4, "program {n}: {} bytes", counts.kept_bytes);
        let there = kernel.compiled(&mut pair.compiled);
        assert!(n < 10 || there >= ALWAYS as usize / 4, "program {n}: {there} of the kernel's functions");
        all += there;
    }
    assert!(all >= 200 * ALWAYS as usize * 4 / 5, "{all}");
    pair.same_memory();
    let (counts, statistics) = (pair.compiled.counts(), pair.compiled.vcpu.statistics);
    assert!(statistics.compiled > 100_000, "{statistics:?}");
    assert!(counts.evicted > 100 && counts.invalidated > 20 && counts.refused == 0, "{counts:?}");
}
