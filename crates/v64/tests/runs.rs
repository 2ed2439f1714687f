//! How runs begin and end: the guest's command line, halts, input and output.

mod common;

use common::{
    COMMAND_LINE, HALT, MODULE_STRING, OPEN_COM1, SPIN, WAIT, babble, echo, file, multiboot, multiboot_at,
    put_string, run, run_with_input, v64,
};
use std::io::{Read, Write};
use std::process::Stdio;

#[test]
fn multiboot_images_get_their_name_before_their_command_line() {
    let kernel = file("line.elf", &multiboot(&put_string(COMMAND_LINE)));
    let done = run(&["run", "-m", "16M", "-kernel", &kernel, "-append", "first second"]);
    assert_eq!((done.code, done.stdout), (Some(0), format!("{kernel} first second")));
    let done = run(&["run", "-m", "16M", "-kernel", &kernel]);
    assert_eq!(done.stdout, format!("{kernel} "));
    let kernel = file("module.elf", &multiboot(&put_string(MODULE_STRING)));
    let done = run(&["run", "-m", "16M", "-kernel", &kernel, "-initrd", &kernel]);
    assert_eq!(done.stdout, kernel);
}

#[test]
fn multiboot_images_below_1_mib_run() {
    for load in [0x7c00, 0x1_0000, 0x5_0000, 0x9_0000] {
        let kernel = file(&format!("low-{load:x}.elf"), &multiboot_at(load, &put_string(COMMAND_LINE)));
        let done = run(&["run", "-m", "16M", "-kernel", &kernel, "-append", "low"]);
        assert_eq!((done.code, done.stdout), (Some(0), format!("{kernel} low")), "{load:x}");
    }
}

#[test]
fn a_halt_from_which_nothing_wakes_ends_quietly() {
    let kernel = file("halts.elf", &multiboot(HALT));
    let done = run(&["run", "-m", "16M", "-kernel", &kernel]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""));
    assert_eq!(done.stderr, "v64: the guest halted with interrupts off (CLI, HLT) after 2 instructions\n");
}

/// It waits as long as input may come: what is typed could not wake it, but it is not for the command to know that.
#[test]
fn waiting_without_a_timer_lasts_as_long_as_standard_input() {
    let code = [OPEN_COM1, &[0xb0, b'R', 0xee], WAIT].concat(); // mov al, 'R'; out dx, al
    let kernel = file("waits.elf", &multiboot(&code));
    for clock in ["real", "icount"] {
        let mut child = v64(&["run", "-m", "16M", "-kernel", &kernel, "-clock", clock])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"more than a UART holds").unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert_eq!(stderr, "v64: the guest waits for an interrupt that no device will raise\n");
    }
}

#[test]
fn input_that_comes_before_the_guest_listens_is_not_lost() {
    let kernel = file("echo.elf", &multiboot(&echo()));
    let input: String = (0..2000).map(|n| char::from(b' ' + n as u8 % 90)).collect();
    for clock in ["real", "icount"] {
        let words = ["run", "-m", "16M", "-kernel", &kernel, "-clock", clock, "--exit-on-eof"];
        let done = run_with_input(&words, input.as_bytes());
        assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (Some(0), input.as_str(), ""));
    }
}

/// No timer runs, and only the port is looked at now and then: under the instruction clock nothing else would end the halt.
#[test]
fn a_guest_that_halts_for_an_interrupt_of_the_port_ends_with_its_input() {
    let enable = [0xba, 0xf9, 3, 0, 0, 0xb0, 1, 0xee]; // mov edx, 0x3f9; mov al, 1; out dx, al
    let kernel = file("listens.elf", &multiboot(&[OPEN_COM1, &enable, WAIT].concat()));
    for clock in ["real", "icount"] {
        let done = run(&["run", "-m", "16M", "-kernel", &kernel, "-clock", clock, "--exit-on-eof"]);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{clock}");
    }
}

/// The built-in guest sleeps between the ticks of a timer while it waits.
#[test]
fn a_guest_that_halts_between_keys_ends_with_its_input() {
    let words = ["run", "-m", "64M", "-clock", "icount", "--exit-on-eof"];
    let done = run_with_input(&words, b"help\r");
    assert_eq!(done.code, Some(0), "{done:?}");
    let (_, answer) = done.stdout.split_once("> help").unwrap();
    assert!(answer.contains("poweroff") && answer.trim_end().ends_with('>'), "{answer}");
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let kernel = file("babble.elf", &multiboot(&babble()));
    for engine in ["jit", "interp"] {
        let words = ["run", "-m", "16M", "-kernel", &kernel, "-engine", engine];
        let mut child = v64(&words).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        output.read_exact(&mut [0; 100]).unwrap();
        drop(output);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let kernel = file("full.elf", &multiboot(&babble()));
    let words = ["run", "-m", "16M", "-kernel", &kernel];
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = v64(&words).stdout(full).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.starts_with("v64: cannot write to standard output: No space left"), "{stderr}");
    let done = run(&[&words[..], &["-serial", "file:/dev/full"]].concat());
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.starts_with("v64: cannot write to /dev/full: No space left"), "{done:?}");
    // Messages that cannot be written are lost, and nothing else.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let words = [
        "run",
        "-m",
        "16M",
        "--clock",
        "icount",
        "--max-instructions",
        "1000",
        "--stats",
        "--serial",
        "none",
    ];
    let output = v64(&words).stderr(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn the_profile_shows_where_branches_go() {
    let kernel = file("spin.elf", &multiboot(SPIN));
    let words = ["run", "-m", "16M", "-kernel", &kernel, "--profile", "--max-instructions", "1000"];
    let done = run(&words);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("runs at 100020, Bits32\n           jmp 100020h\n"), "{}", done.stderr);
}
