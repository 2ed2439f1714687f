//! `v64 fuzz`: random code, page tables, traffic at every device, damaged disk images. It looks for panics, hangs, and
//! states that do not come back from a saved one.

mod backends;
mod devices;
mod images;
mod inventory;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail};
use backends::Chaos;
use clap::Args;
use device_api::Frame;
use inventory::Sets;
use machine::{Machine, Stop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use x86_exec::VcpuBus;
use x86_state::cpuid::CpuModel;
use x86_state::{Cpu, Cr0, Cr4, DescriptorTable, Efer, Mxcsr, RFlags, SegAttr, Segment, Selector, X87};
use x86_types::{GuestPhysAddr, Seg};

/// Options of `v64 fuzz`.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// First seed; each round uses the next
    #[arg(long)]
    seed: Option<u64>,
    /// Only this many rounds
    #[arg(long)]
    rounds: Option<u64>,
    /// What is fed: the machine, disk images, or both in turn
    #[arg(long, value_enum, default_value_t)]
    target: FuzzTarget,
}

/// What is fed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum FuzzTarget {
    /// The machine and disk images in turn
    #[default]
    All,
    /// The machine: code, page tables, devices
    Machine,
    /// Damaged disk images
    Images,
}

const RAM: u64 = 4 << 20;
const CODE: u64 = 0x8000;
const TABLES: u64 = 0x10_0000;
const INSTRUCTIONS: u64 = 4000;
/// One round in so many ends with saving and restoring.
const SAVED: u64 = 16;
/// Rounds after which machines are rebuilt: a failure is reproduced from the first round of its batch.
const BATCH: u64 = 64;
/// Instructions of a halted processor: this many times virtual time advances to the next deadline.
const HALTS: u64 = 300;
/// A round takes milliseconds; one of nothing but REP INS into registers, a page each time, takes seconds, and more on a busy
/// host. One that takes this long is a hang.
const HANG: Duration = Duration::from_secs(60);

/// xorshift64*: small, and the same everywhere.
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    /// Returns the numbers of a seed.
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 32) % n.max(1)
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    /// A number such as bugs like: small, at an edge, or anything.
    fn value(&mut self) -> u64 {
        match self.below(6) {
            0 => self.below(16),
            1 => self.below(RAM),
            2 => (1_u64 << self.below(64)).wrapping_sub(self.below(3)),
            3 => 0_u64.wrapping_sub(self.below(0x1_0000)),
            4 => 0xfee0_0000 | self.below(0x1000),
            _ => self.next(),
        }
    }
}

fn code(random: &mut Random) -> Vec<u8> {
    const PREFIXES: [u8; 12] = [0x66, 0x67, 0xf2, 0xf3, 0x48, 0x4c, 0x41, 0xf0, 0x2e, 0x65, 0x40, 0x44];
    let mut bytes = Vec::new();
    while bytes.len() < 512 {
        while random.one_in(4) {
            bytes.push(PREFIXES[random.below(12) as usize]);
        }
        match random.below(8) {
            0..3 => bytes.push(0x0f),
            3 if random.one_in(4) => bytes.extend([0x0f, 0x38]),
            3 => bytes.extend([0x0f, 0x01]),
            _ => {}
        }
        bytes.push(random.next() as u8);
        // Mostly ModRM with a short displacement, so that code continues.
        bytes.push(random.next() as u8);
        for _ in 0..random.below(5) {
            bytes.push(if random.one_in(2) { 0 } else { random.next() as u8 });
        }
    }
    bytes
}

/// Entries that map one to one, with flags changed here and there.
fn tables(random: &mut Random, machine: &Machine) {
    let ram = machine.memory();
    let entry = |random: &mut Random, address: u64, flags: u64| {
        let mut v = address | flags;
        if random.one_in(8) {
            v ^= 1 << random.below(64);
        }
        if random.one_in(40) { random.next() } else { v }
    };
    for table in 0..4 {
        for n in 0..512 {
            let flags = if random.one_in(4) { 0x63 } else { 0x67 };
            let v = match table {
                // PML4 (or page directory pointers), then pointers, a directory of large pages, a table of small ones
                0 | 1 => entry(random, TABLES + 0x1000 * (table + 1), 7),
                2 if random.one_in(16) => entry(random, TABLES + 0x3000, 7),
                2 => entry(random, (n << 21) & (RAM - 1), 0xe7),
                _ => entry(random, (n << 12) & (RAM - 1), flags),
            };
            ram.write_u64(GuestPhysAddr(TABLES + 0x1000 * table + 8 * n), v);
        }
    }
    // Descriptors and gates: some good, some random.
    for n in 0..256_u64 {
        let descriptors = [
            0x00af_9b00_0000_ffff,
            0x00cf_9300_0000_ffff,
            0x00cf_fb00_0000_ffff,
            0x00cf_f300_0000_ffff,
            0x008f_8900_0000_ffff,
            0x0000_8e00_0008_8000,
            0x0000_ef00_0008_8000,
            0x0000_ec00_0010_8000,
        ];
        let v = if random.one_in(6) { random.next() } else { descriptors[random.below(8) as usize] };
        ram.write_u64(GuestPhysAddr(TABLES + 0x4000 + 8 * n), v);
        let gate = if random.one_in(4) { random.next() } else { 0x0000_8e00_0008_8000 | random.below(0x100) };
        ram.write_u64(GuestPhysAddr(TABLES + 0x5000 + 8 * n), gate);
    }
}

fn state(random: &mut Random, cpu: &mut Cpu) {
    *cpu = Cpu::new(cpu.model);
    for r in &mut cpu.gpr {
        *r = random.value();
    }
    cpu.gpr[4] = 0x7000 + random.below(64);
    cpu.x87 = X87::INIT;
    cpu.mxcsr = Mxcsr::RESET;
    cpu.rip = CODE;
    let flat = |attr| Segment {
        base: 0,
        limit: u32::MAX,
        selector: Selector(8),
        attr: SegAttr::from_bits_retain(attr),
    };
    cpu.gdtr = DescriptorTable { base: TABLES + 0x4000, limit: 0x7ff, reserved: [0; 3] };
    cpu.idtr = DescriptorTable { base: TABLES + 0x5000, limit: 0x7ff, reserved: [0; 3] };
    cpu.tr = Segment {
        base: TABLES + 0x6000,
        limit: 0x2067,
        selector: Selector(32),
        attr: SegAttr::from_bits_retain(0x8b),
    };
    cpu.cr4 = Cr4::OSFXSR | Cr4::OSXMMEXCPT;
    for bit in [Cr4::SMAP, Cr4::SMEP, Cr4::PGE, Cr4::PSE, Cr4::FSGSBASE, Cr4::UMIP, Cr4::DE, Cr4::TSD] {
        cpu.cr4.set(bit, random.one_in(2));
    }
    cpu.cr0 = Cr0::ET | Cr0::NE;
    cpu.cr0.set(Cr0::WP, random.one_in(2));
    cpu.cr0.set(Cr0::AM, random.one_in(4));
    cpu.cr3 = TABLES;
    let mode = random.below(6);
    let cpl = if mode == 0 || random.one_in(2) { 0 } else { 3 };
    if mode == 0 {
        // Real mode: code in the first 64 KiB
        cpu.seg[Seg::Cs as usize].load_real(0);
    } else {
        cpu.cr0 |= Cr0::PE;
        let dpl = (cpl as u16) << 5;
        cpu.seg = [flat(0xc093 | dpl); 6];
        let kind = match mode {
            1 => 0x809b,
            2..4 => 0xc09b,
            4 => 0xa09b,
            _ if random.one_in(2) => 0xa09b,
            _ => 0xc09b,
        };
        cpu.seg[Seg::Cs as usize] = flat(kind | dpl);
        cpu.cpl = cpl;
        if mode >= 4 {
            cpu.efer = Efer::LME | Efer::LMA | Efer::SCE;
            cpu.efer.set(Efer::NXE, random.one_in(2));
            cpu.cr4 |= Cr4::PAE;
            cpu.cr0 |= Cr0::PG;
        } else if mode == 3 {
            cpu.cr0 |= Cr0::PG;
            cpu.cr4.set(Cr4::PAE, random.one_in(2));
            cpu.pdpte = [(TABLES + 0x2000) | 1; 4];
        }
    }
    let mut flags = RFlags::from_bits_retain(random.next() & 0x0024_7fd7) | RFlags::FIXED;
    flags.set(RFlags::TF, random.one_in(8));
    flags.set(RFlags::IF, random.one_in(2));
    cpu.set_rflags(flags);
    if random.one_in(8) {
        cpu.dr[0] = random.value();
        cpu.dr[7] = 0x400 | random.next() & 0x000f_00ff;
    }
}

/// Traffic at ports and addresses where there is nothing, too.
fn traffic(random: &mut Random, machine: &mut Machine) {
    let now = machine.vcpu().retired();
    let mut bus = machine.bus();
    for _ in 0..random.below(64) {
        let size = 1 << random.below(3);
        let port = if random.one_in(4) { random.next() as u16 } else { random.below(0x500) as u16 };
        let bases = [0xfee0_0000, 0xfec0_0000, 0xfed0_0000, 0xc000_0000];
        let address = GuestPhysAddr(bases[random.below(4) as usize] + random.below(0x1100));
        let (value, wide) = (random.value(), 1 << random.below(4));
        match random.below(4) {
            0 => drop(bus.port_read(now, port, size)),
            1 => bus.port_write(now, port, size, value as u32),
            2 => drop(bus.mmio_read(now, address, wide)),
            _ => bus.mmio_write(now, address, wide, value),
        }
    }
}

/// Lets time pass from deadline to deadline, as while a guest waits: STI, HLT, JMP in real mode, and an IRET for every
/// vector.
fn wait(machine: &mut Machine) {
    let memory = machine.memory();
    memory.write(GuestPhysAddr(CODE), &[0xfb, 0xf4, 0xeb, 0xfd, 0xcf]);
    for vector in 0..256 {
        memory.write_u32(GuestPhysAddr(4 * vector), CODE as u32 + 4);
    }
    machine.invalidate_code(GuestPhysAddr(0), RAM);
    let vcpu = machine.vcpu_mut();
    vcpu.cpu = Cpu::new(vcpu.cpu.model);
    vcpu.cpu.seg[Seg::Cs as usize].load_real(0);
    vcpu.cpu.gpr[4] = 0x7000;
    vcpu.cpu.rip = CODE;
    vcpu.state_changed();
    let limit = machine.retired() + HALTS;
    for _ in 0..16 {
        match machine.run(limit) {
            Stop::Limit | Stop::Waiting | Stop::Dead | Stop::TripleFault => break,
            _ => {}
        }
    }
}

fn round(seed: u64, machine: &mut Machine, chaos: &Chaos, frame: &mut Frame) {
    let mut random = Random::new(seed);
    chaos.set(Some(random.next()));
    machine.reset();
    let model = [CpuModel::X86_64_V2, CpuModel::MAX][random.below(2) as usize];
    for vcpu in machine.vcpus_mut() {
        vcpu.cpu.model = model;
    }
    tables(&mut random, machine);
    for at in [CODE, CODE + 0x1000 - 256, 0x100] {
        machine.memory().write(GuestPhysAddr(at), &code(&mut random));
    }
    traffic(&mut random, machine);
    devices::traffic(&mut random, machine, chaos, frame);
    machine.invalidate_code(GuestPhysAddr(0), RAM);
    let vcpu = machine.vcpu_mut();
    state(&mut random, &mut vcpu.cpu);
    vcpu.state_changed();
    let limit = machine.retired() + INSTRUCTIONS;
    for _ in 0..16 {
        match machine.run(limit) {
            Stop::Limit => break,
            Stop::TripleFault | Stop::Dead | Stop::Waiting => {
                // Start over in another state, with the memory that was left.
                let vcpu = machine.vcpu_mut();
                state(&mut random, &mut vcpu.cpu);
                vcpu.state_changed();
            }
            _ => {}
        }
        devices::traffic(&mut random, machine, chaos, frame);
    }
    if random.one_in(2) {
        wait(machine);
    }
    if seed.is_multiple_of(SAVED) {
        saved_and_restored(machine, chaos);
    }
}

/// Every state that a guest reaches can be saved, and comes back as it was.
fn saved_and_restored(machine: &mut Machine, chaos: &Chaos) {
    // What is on its way at the host is no state: it completes first.
    chaos.set(None);
    for _ in 0..64 {
        if machine.run(machine.retired() + 1) != Stop::Host {
            break;
        }
    }
    let hash = machine.state_hash();
    let mut writer = snapshot::Writer::file();
    machine.save(&mut writer);
    let file = writer.finish();
    let restored = snapshot::Reader::new(&file).map_err(machine::RestoreError::from);
    let restored = restored.and_then(|reader| machine.restore(&reader));
    assert_eq!(restored, Ok(()));
    assert_eq!(machine.state_hash(), hash, "restored");
}

/// Does a piece of work of the fuzzer's, and finds out how it went.
fn watched(what: &str, body: impl FnOnce()) -> Result<()> {
    let before = Instant::now();
    if catch_unwind(AssertUnwindSafe(body)).is_err() {
        bail!("panic; {what}");
    }
    if before.elapsed() > HANG {
        bail!("it took {:?}; {what}", before.elapsed());
    }
    Ok(())
}

/// Runs rounds until the time is up. Gives the process's exit code.
pub(crate) fn main(args: &FuzzArgs) -> Result<u8> {
    pc_devices::link();
    let started = Instant::now();
    let first = args.seed.unwrap_or(1);
    let chaos = Chaos::default();
    let sets = Sets::find()?;
    let images = images::Images::new()?;
    let mut machines = Vec::new();
    let mut frame = Frame::default();
    let (mut rounds, mut instructions, mut opened) = (0, 0, 0);
    while started.elapsed() < Duration::from_secs(args.seconds)
        && args.rounds.is_none_or(|most| rounds < most)
    {
        let seed = first.wrapping_add(rounds);
        if args.target != FuzzTarget::Images {
            if rounds.is_multiple_of(BATCH) {
                chaos.set(None);
                instructions += machines.iter().map(Machine::retired).sum::<u64>();
                machines = sets.machines(&chaos)?;
            }
            let since = rounds % BATCH;
            let repeat = format!(
                "repeat with: v64 fuzz --target {} --seed {} --rounds {}",
                if args.target == FuzzTarget::All { "all" } else { "machine" },
                seed.wrapping_sub(since),
                since + 1
            );
            let which = rounds as usize % machines.len().max(1);
            if let Some(machine) = machines.get_mut(which) {
                watched(&repeat, || round(seed, machine, &chaos, &mut frame))?;
            }
        }
        if args.target != FuzzTarget::Machine {
            let repeat = format!("repeat with: v64 fuzz --target images --seed {seed} --rounds 1");
            watched(&repeat, || opened += u64::from(images.round(&mut Random::new(seed))))?;
        }
        rounds += 1;
    }
    instructions += machines.iter().map(Machine::retired).sum::<u64>();
    let took = started.elapsed();
    let text = format!(
        "{rounds} rounds, {instructions} instructions, {opened} damaged images that opened in {took:.0?}: no panic, no hang\n"
    );
    Ok(crate::output::print((text, 0)))
}
