//! The command line: what is understood, what is refused, in how many words.

mod common;

use common::{HALT, file, multiboot, run, v64};
use std::process::Stdio;

/// Runs a line that is refused. Returns the one line that says why.
fn refused(words: &[&str]) -> String {
    let done = run(words);
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{words:?}: {done:?}");
    let line = done.stderr.strip_prefix("v64: ").and_then(|text| text.strip_suffix('\n'));
    let line = line.unwrap_or_else(|| panic!("{words:?}: {:?}", done.stderr)).to_owned();
    assert!(!line.contains('\n'), "{words:?}: {line}");
    line
}

#[test]
fn options_of_qemu_that_are_not_there_are_named_with_the_nearest() {
    let cases: &[(&[&str], &str)] = &[
        (&["run", "-numa", "node"], "-numa, an option of QEMU, is not there: all memory is one node"),
        (&["run", "-sdl"], "-sdl, an option of QEMU, is not there: the nearest is -display window"),
        (&["run", "-device", "virtio-net"], "no device is called virtio-net; there are "),
        (&["run", "-nic", "tap"], "-nic tap is not there; there are user and none"),
        (
            &["run", "-nic", "user,hostfwd=udp::53-:53"],
            "-nic user: hostfwd=udp::53-:53: connections of tcp are forwarded",
        ),
        (&["run", "-s"], "-s, an option of QEMU, is not there: there is no debugger"),
        (&["run", "-loadvm", "x"], "-loadvm, an option of QEMU, is not there: a saved state is a file"),
        (
            &["run", "-enable-kvm"],
            "-enable-kvm, an option of QEMU, is not there: guest code is always translated",
        ),
    ];
    for (words, expected) in cases {
        let line = refused(words);
        assert!(line.starts_with(expected), "{line}");
    }
    let machine = run(&["run", "-M", "q35"]);
    assert_eq!(machine.code, Some(2));
    assert!(machine.stderr.contains("q35 is not there"), "{machine:?}");
}

#[test]
fn one_dash_is_as_good_as_two_and_what_is_true_anyway_is_accepted() {
    let kernel = file("halt.elf", &multiboot(HALT));
    for line in [
        "run --kernel K -m 16M",
        "run -kernel K -m 16",
        "-m 16M -kernel K",
        "run -kernel=K -memory 1.5G -append quiet -engine interp -cpu max",
        "run -kernel K -nographic -M pc -accel tcg -smp 1 -display none -serial mon:stdio -no-reboot -net none",
        "run -kernel K -name box -uuid 550e8400-e29b-41d4-a716-446655440000 -rtc base=2006-06-17 -monitor none -no-shutdown",
        "run -kernel K -append -v -device isa-debug-exit,iobase=0xf4,iosize=4",
    ] {
        let words: Vec<&str> =
            line.split(' ').map(|word| if word == "K" { kernel.as_str() } else { word }).collect();
        let words: Vec<String> = words.iter().map(|word| word.replace("=K", &format!("={kernel}"))).collect();
        let done = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(done.code, Some(0), "{line}: {done:?}");
        assert!(done.stderr.starts_with("v64: the guest halted with interrupts off"), "{line}: {done:?}");
    }
}

#[test]
fn help_and_version_are_on_standard_output() {
    for words in [
        &["-h"][..],
        &["--help"],
        &["-help"],
        &["help"],
        &["run", "-h"],
        &["run", "--help"],
        &["run", "-help"],
        &["help", "run"],
        &["-version"],
        &["-V"],
        &["decode", "-h"],
    ] {
        let done = run(words);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{words:?}");
        assert!(done.stdout.contains("Usage: v64") || done.stdout.starts_with("v64 "), "{words:?}: {done:?}");
    }
    assert!(run(&["run", "-h"]).stdout.contains("--exit-on-eof"));
}

#[test]
fn misspelt_options_have_a_suggestion() {
    for word in ["-kernl", "--kernl"] {
        let done = run(&["run", word, "x"]);
        assert_eq!(done.code, Some(2));
        assert!(done.stderr.contains("'--kernl'") && done.stderr.contains("'--kernel'"), "{done:?}");
    }
}

#[test]
fn sizes_are_understood_or_refused_with_the_limits() {
    for (size, expected) in [
        ("4T", "4T is more than this machine can have; give between 1M and 64G"),
        ("512K", "512K is too little; give between 1M and 64G"),
        ("0", "0 is too little"),
        ("much", "much is not a size; write 512M, 1.5G or 4G"),
        ("1G,slots=2", "slots=2 is for memory that is plugged in later"),
    ] {
        let done = run(&["run", "-m", size]);
        assert_eq!(done.code, Some(2), "{size}");
        assert!(done.stderr.contains(expected), "{size}: {}", done.stderr);
    }
}

#[test]
fn options_for_a_kernel_need_one() {
    assert!(
        refused(&["run", "--append", "quiet"]).starts_with("--append is for a kernel given with --kernel")
    );
    assert!(refused(&["run", "--initrd", "x"]).starts_with("--initrd is for a kernel given with --kernel"));
    assert!(refused(&["run", "--exit-on-eof", "--serial", "none"]).starts_with("--exit-on-eof is for"));
    let done = run(&["run", "--kernel", "x", "--append", "one\ntwo"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("a kernel's command line is one line"), "{done:?}");
    let line = refused(&["run", "--serial", "pty"]);
    assert_eq!(
        line,
        "-serial pty is none of stdio, file:PATH, unix:PATH, tcp:HOST:PORT, chardev:ID, null and none"
    );
}

/// Text that does not fit is an error; a reader that has read enough is none.
#[test]
fn standard_output_that_is_full_is_an_error() {
    for words in [&["devices"][..], &["decode", "90"], &["run", "--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = v64(words).stdout(full).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        assert!(stderr.starts_with("v64: cannot write to standard output: "), "{stderr}");
        let mut child = v64(words).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{words:?}");
    }
}

#[test]
fn a_cd_image_is_no_floppy() {
    let mut cd = vec![0; 0x8806];
    cd[0x8001..0x8006].copy_from_slice(b"CD001");
    let path = file("no-floppy.iso", &cd);
    let line = refused(&["run", "-guest", "demo", "-fda", &path]);
    assert_eq!(line, format!("{path}: a CD image, not a floppy; give it as -cdrom"));
    let path = file("no-floppy.img", &vec![0; 4 << 20]);
    assert!(
        refused(&["run", "-guest", "demo", "-fda", &path])
            .contains("the medium has 4194304 bytes, and no floppy more than")
    );
}

#[test]
fn help_and_version_may_be_asked_for_anywhere() {
    let done = run(&["run", "-m", "16M", "-version"]);
    assert_eq!((done.code, done.stdout), (Some(0), format!("v64 {}\n", env!("CARGO_PKG_VERSION"))));
    let done = run(&["-M", "help"]);
    assert_eq!((done.code, done.stdout.starts_with("pc ")), (Some(0), true));
}
