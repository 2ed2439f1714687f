//! What the tests of the built command share: running it, and guests of a few instructions.
#![allow(dead_code)] // each test file uses some of it

pub(crate) mod screen;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How the command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command with these words, without input.
pub(crate) fn v64(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v64"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub(crate) fn run(words: &[&str]) -> Done {
    run_with_input(words, b"")
}

/// The same with standard input of these bytes.
pub(crate) fn run_with_input(words: &[&str], input: &[u8]) -> Done {
    let mut child = v64(words).stdin(Stdio::piped()).spawn().unwrap();
    // The command may end before it has read anything.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A file in the tests' own directory; `name` is unique among all tests.
pub(crate) fn file(name: &str, content: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// 32-bit code as a multiboot kernel, which begins 32 bytes behind `load`.
pub(crate) fn multiboot_at(load: u32, code: &[u8]) -> Vec<u8> {
    let (magic, flags) = (0x1bad_b002_u32, 1 << 16);
    let words = [magic, flags, 0_u32.wrapping_sub(magic + flags), load, load, 0, 0, load + 32];
    let mut image: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    image.extend(code);
    image
}

/// The same at 1 MiB.
pub(crate) fn multiboot(code: &[u8]) -> Vec<u8> {
    multiboot_at(0x10_0000, code)
}

/// Makes COM1 send bytes of 8 bits; leaves the data register's port in DX.
pub(crate) const OPEN_COM1: &[u8] = &[
    0xba, 0xfb, 3, 0, 0, // mov edx, 0x3fb
    0xb0, 3,    // mov al, 3
    0xee, // out dx, al
    0xba, 0xf8, 3, 0, 0, // mov edx, 0x3f8
];

/// After [`OPEN_COM1`]: sends the string at ESI, then halts for good.
pub(crate) const PUT_STRING_AND_HALT: &[u8] = &[
    0xac, // more: lodsb
    0x84, 0xc0, // test al, al
    0x74, 0x03, // jz end
    0xee, // out dx, al
    0xeb, 0xf8, // jmp more
    0xfa, 0xf4, // end: cli; hlt
];

/// Sends what the multiboot information has at an offset, then halts for good.
pub(crate) fn put_string(load: &[u8]) -> Vec<u8> {
    [OPEN_COM1, load, PUT_STRING_AND_HALT].concat()
}

/// Loads ESI with the command line.
pub(crate) const COMMAND_LINE: &[u8] = &[0x8b, 0x73, 0x10]; // mov esi, [ebx+16]
/// Loads ESI with the module's string.
pub(crate) const MODULE_STRING: &[u8] = &[
    0x8b, 0x73, 0x18, // mov esi, [ebx+24]
    0x8b, 0x76, 0x08, // mov esi, [esi+8]
];

/// Sends `a` for ever.
pub(crate) fn babble() -> Vec<u8> {
    [OPEN_COM1, &[0xb0, b'a', 0xee, 0xeb, 0xfd]].concat() // mov al, 'a'; more: out dx, al; jmp more
}

/// Clears the FIFOs, as a driver does when it starts, and sends back what comes.
pub(crate) fn echo() -> Vec<u8> {
    let start = [
        0xba, 0xfa, 3, 0, 0, // mov edx, 0x3fa
        0xb0, 0x07, 0xee, // mov al, 7; out dx, al: enable and clear the FIFOs
        0xba, 0xfd, 3, 0, 0, 0xec, // mov edx, 0x3fd; in al, dx
        0xba, 0xf8, 3, 0, 0, 0xec, // mov edx, 0x3f8; in al, dx
        0xba, 0xfa, 3, 0, 0, // mov edx, 0x3fa
        0xb0, 0x07, 0xee, // mov al, 7; out dx, al
    ];
    let more = [
        0xba, 0xfd, 3, 0, 0,    // more: mov edx, 0x3fd
        0xec, // wait: in al, dx
        0xa8, 0x01, // test al, 1
        0x74, 0xfb, // jz wait
        0xba, 0xf8, 3, 0, 0, // mov edx, 0x3f8
        0xec, 0xee, // in al, dx; out dx, al
        0xeb, 0xed, // jmp more
    ];
    [OPEN_COM1, &start, &more].concat()
}

/// Does nothing for ever.
pub(crate) const SPIN: &[u8] = &[0xeb, 0xfe];
/// Halts for good.
pub(crate) const HALT: &[u8] = &[0xfa, 0xf4];
/// Waits for interrupts, none of which is enabled anywhere.
pub(crate) const WAIT: &[u8] = &[0xfb, 0xf4, 0xeb, 0xfc]; // more: sti; hlt; jmp more
