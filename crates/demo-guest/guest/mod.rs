//! The guests' sources. Four assemblies make the demo's image: the 32-bit entry, the 16-bit and the ring-3 parts (which
//! are copied to where they run), and the 64-bit part, which knows the addresses of the others. The memory guest has the
//! same 32-bit entry and a 64-bit part of its own.

mod alu;
mod asm;
mod entry32;
mod exceptions;
mod layout;
mod memory;
mod modes;
mod paging;
mod real16;
mod serial;
mod shell;
mod system;
mod timers;
mod traps;
mod user;

use asm::{Blobs, Guest, R};
use iced_x86::IcedError;
use iced_x86::code_asm::*;
use layout::*;

/// A flat image.
pub(crate) struct Image {
    pub(crate) bytes: Vec<u8>,
    pub(crate) checks: u32,
}

/// The demo guest.
pub(crate) fn demo() -> Result<Image, IcedError> {
    let entry = entry32::assemble()?;
    let real = real16::assemble(entry.back)?;
    let (user_bytes, user) = user::assemble()?;
    let mut guest = Guest::new(Blobs { compat: entry.compat, leave: entry.leave, user })?;
    main(&mut guest, &real, &user_bytes)?;
    image(entry.bytes, guest)
}

/// The memory guest.
pub(crate) fn memory() -> Result<Image, IcedError> {
    let entry = entry32::assemble()?;
    let blobs = Blobs { compat: entry.compat, leave: entry.leave, user: asm::User::default() };
    let mut guest = Guest::new(blobs)?;
    memory::main(&mut guest)?;
    image(entry.bytes, guest)
}

/// The 32-bit part with the 64-bit part behind it.
fn image(entry: Vec<u8>, mut guest: Guest) -> Result<Image, IcedError> {
    let mut bytes = entry;
    assert!(bytes.len() <= (CODE64 - LOAD) as usize, "the 32-bit part has outgrown its page");
    bytes.resize((CODE64 - LOAD) as usize, 0);
    bytes.extend(guest.a.assemble(CODE64)?);
    let header = entry32::header(LOAD + bytes.len() as u64);
    bytes[..header.len()].copy_from_slice(&header);
    assert!(LOAD + bytes.len() as u64 <= BSS, "the image has outgrown its place");
    Ok(Image { bytes, checks: guest.checks })
}

impl Guest {
    /// A stack, flat segments, no interrupts, the serial line and the IDT.
    fn start(&mut self, stubs: CodeLabel, handlers: &[(u64, CodeLabel)]) -> R {
        self.a.mov(rsp, STACK)?;
        self.a.mov(eax, u32::from(sel::DATA))?;
        for segment in [ds, es, ss] {
            self.a.mov(segment, eax)?;
        }
        self.a.xor(eax, eax)?;
        self.a.mov(fs, eax)?;
        self.a.mov(gs, eax)?;
        // Both 8259A masked until their turn comes.
        self.out(0x21, 0xff)?;
        self.out(0xa1, 0xff)?;
        self.serial_init()?;
        self.detect_tcg()?;
        self.traps_init(stubs, handlers)
    }
}

/// The demo's 64-bit part, from its first byte on.
fn main(g: &mut Guest, real: &real16::Real16, user: &[u8]) -> R {
    let mut stubs = g.a.create_label();
    let mut handlers =
        [traps::PIT, traps::PIC_SPURIOUS, traps::SOFT, traps::APIC_TIMER, traps::APIC_SPURIOUS].map(
            |vector| {
                let label = g.a.create_label();
                (vector, label)
            },
        );
    let (mut real_blob, mut user_blob) = (g.a.create_label(), g.a.create_label());

    g.start(stubs, &handlers)?;
    copy(g, real_blob, REAL, real.bytes.len())?;
    copy(g, user_blob, USER_CODE_PAGE, user.len())?;
    g.poke(4 * real16::VECTOR, real.handler.into())?;
    g.poke(real16::VECTOR_TABLE, 0x3ff)?;
    g.test_area_init()?;

    g.say("\r\nv64 demo guest: from protected mode to ring 3 and back, on this line\r\n")?;
    g.say("\r\nInstructions\r\n")?;
    g.alu()?;
    g.say("\r\nModes\r\n")?;
    g.modes()?;
    g.say("\r\nPaging\r\n")?;
    g.paging()?;
    g.say("\r\nExceptions and privilege\r\n")?;
    g.exceptions()?;
    g.say("\r\nSystem calls, model-specific registers, timers\r\n")?;
    g.system()?;
    g.timers()?;
    g.summary()?;
    g.shell()?;

    g.serial_routines()?;
    g.traps(&mut stubs)?;
    g.interrupt_handlers(&mut handlers)?;
    g.here(&mut real_blob)?;
    g.a.db(&real.bytes)?;
    g.here(&mut user_blob)?;
    g.a.db(user)?;
    g.place_strings()
}

fn copy(g: &mut Guest, from: CodeLabel, to: u64, bytes: usize) -> R {
    g.a.lea(rsi, ptr(from))?;
    g.a.mov(edi, to as u32)?;
    g.a.mov(ecx, bytes as u32)?;
    g.a.rep().movsb()
}
