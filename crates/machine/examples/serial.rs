//! A machine that runs a few instructions of real-mode code, which write to a serial port declared here:
//! `cargo run -p machine --example serial`.

use device_api::{
    Backends, Ctx, Device, DeviceDecl, Pio, PortRange, Presence, Snapshot, capabilities, declare_device,
};
use machine::time::Clock;
use machine::{Machine, MachineConfig, Seed};
use std::error::Error;
use x86_state::RFlags;
use x86_state::cpuid::CpuModel;
use x86_types::{GuestPhysAddr, Seg};

/// The transmitter of a serial port, whose line is standard output.
struct Transmitter;

impl Snapshot for Transmitter {
    fn save(&self, _: &mut Vec<u8>) {}
    fn load(&mut self, _: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

impl Device for Transmitter {
    capabilities!(pio);

    fn id(&self) -> &'static str {
        "transmitter"
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {}
}

impl Pio for Transmitter {
    fn port_read(&mut self, _: &mut Ctx<'_>, port: u16, _: u8) -> u32 {
        // The line status register says that the transmitter is empty.
        if port == 0x3fd { 0x60 } else { 0xff }
    }
    fn port_write(&mut self, _: &mut Ctx<'_>, port: u16, _: u8, value: u32) {
        if port == 0x3f8 {
            print!("{}", char::from(value as u8));
        }
    }
}

declare_device!(DeviceDecl {
    id: "transmitter",
    summary: "the transmitter of COM1",
    presence: Presence::Always,
    ports: &[PortRange { start: 0x3f8, len: 8 }],
    build: |_| Ok(Box::new(Transmitter)),
    ..DeviceDecl::DEFAULT
});

const CODE: &[u8] = &[
    0x31, 0xc0, // xor ax,ax
    0x8e, 0xd8, // mov ds,ax
    0xba, 0xf8, 0x03, // mov dx,3f8h
    0xbe, 0x14, 0x10, // mov si,1014h
    0xac, // lodsb
    0x84, 0xc0, // test al,al
    0x74, 0x03, // je 1012h
    0xee, // out dx,al
    0xeb, 0xf8, // jmp 100ah
    0xfa, // cli
    0xf4, // hlt
];

fn main() -> Result<(), Box<dyn Error>> {
    link();
    let mut machine = Machine::new(MachineConfig {
        ram_bytes: 1 << 20,
        model: CpuModel::X86_64_V2,
        clock: Clock::instructions(),
        epoch_seconds: 0,
        devices: Vec::new(),
        left_out: Vec::new(),
        backends: Backends::default(),
        processors: 1,
        seed: Seed::default(),
    })?;
    machine.memory().write(GuestPhysAddr(0x1000), CODE);
    machine.memory().write(GuestPhysAddr(0x1014), b"Hello from real mode\n\0");
    let vcpu = machine.vcpu_mut();
    vcpu.cpu.seg[Seg::Cs as usize].load_real(0);
    vcpu.cpu.rip = 0x1000;
    vcpu.cpu.set_rflags(RFlags::FIXED);
    vcpu.state_changed();
    let stop = machine.run(1_000);
    println!("{stop:?} after {} instructions", machine.retired());
    Ok(())
}
