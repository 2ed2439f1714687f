//! What firmware and guests get by options: files of fw_cfg, folders of firmware, images of `-blockdev`.

mod common;

use common::{OPEN_COM1, file, multiboot, run};

/// After [`OPEN_COM1`]: sends the first file of fw_cfg up to a zero, then halts for good.
const SEND_FIRST_FILE: &[u8] = &[
    0xba, 0x10, 5, 0, 0, // mov edx, 0x510
    0x66, 0xb8, 0x20, 0, // mov ax, 0x20
    0x66, 0xef, // out dx, ax
    0xba, 0x11, 5, 0, 0,    // more: mov edx, 0x511
    0xec, // in al, dx
    0x84, 0xc0, // test al, al
    0x74, 0x08, // jz end
    0xba, 0xf8, 3, 0, 0,    // mov edx, 0x3f8
    0xee, // out dx, al
    0xeb, 0xee, // jmp more
    0xfa, 0xf4, // end: cli; hlt
];

#[test]
fn a_kernel_without_firmware_finds_the_files_of_fw_cfg() {
    let kernel = file("fw-cfg.elf", &multiboot(&[OPEN_COM1, SEND_FIRST_FILE].concat()));
    let done =
        run(&["run", "-m", "16M", "-kernel", &kernel, "-fw_cfg", "name=opt/org.example/a,string=b,,c"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "b,c"), "{done:?}");
    let content = file("fw-cfg.txt", b"from a file");
    let done = run(&["run", "-m", "16M", "-kernel", &kernel, "-fw_cfg", &format!("opt/a,file={content}")]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "from a file"), "{done:?}");
    let done = run(&["run", "-kernel", &kernel, "-fw_cfg", "opt/a,file=/no-such"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.starts_with("v64: cannot read the file /no-such: No such file"), "{done:?}");
}

/// Returns firmware of 16-bit code that ends the run with AL.
fn firmware(code: &[u8]) -> Vec<u8> {
    let mut image = [code, &[0xe6, 0xf4]].concat(); // out 0xf4, al
    image.resize(0x1_0000, 0);
    image[0xfff0..0xfff5].copy_from_slice(&[0xea, 0x00, 0x00, 0x00, 0xf0]); // jmp 0xf000:0
    image
}

const BARE: [&str; 8] = ["run", "-m", "16M", "-vga", "none", "-debug-exit", "0xf4", "-bios"];

#[test]
fn firmware_is_looked_for_in_the_folders_that_are_given() {
    let path = file("fw-folder.bin", &firmware(&[0xb0, 5])); // mov al, 5
    let (folder, name) = path.rsplit_once('/').unwrap();
    let done = run(&[&BARE[..], &[name, "-L", folder]].concat());
    assert_eq!(done.code, Some(11), "{done:?}");
    for (folder, says) in [
        ("/no-such", "cannot look for firmware in -L /no-such: No such file"),
        (path.as_str(), "is no folder; give the one that has the firmware"),
    ] {
        let done = run(&[&BARE[..], &[&path, "-L", folder]].concat());
        assert!(done.code == Some(2) && done.stderr.contains(says), "{done:?}");
    }
    let done = run(&["run", "-L", "help"]);
    assert!(done.code == Some(0) && done.stdout.contains("/usr/share/seabios\n"), "{done:?}");
}

/// Loads AL with the first byte of the first disk, by READ SECTOR(S).
const READ_DISK: &[u8] = &[
    0xba, 0xf6, 0x01, 0xb0, 0xe0, 0xee, // mov dx, 0x1f6; mov al, 0xe0; out dx, al
    0xba, 0xf2, 0x01, 0xb0, 0x01, 0xee, // mov dx, 0x1f2; mov al, 1; out dx, al
    0x30, 0xc0, 0x42, 0xee, 0x42, 0xee, 0x42, 0xee, // xor al, al; (inc dx; out dx, al) three times
    0xba, 0xf7, 0x01, 0xb0, 0x20, 0xee, // mov dx, 0x1f7; mov al, 0x20; out dx, al
    0xec, 0xa8, 0x08, 0x74, 0xfb, // wait: in al, dx; test al, 8; jz wait
    0xba, 0xf0, 0x01, 0xed, // mov dx, 0x1f0; in ax, dx
];

#[test]
fn images_of_blockdev_are_disks() {
    let bios = file("blockdev-bios.bin", &firmware(READ_DISK));
    let mut bytes = vec![0; 1 << 20];
    bytes[0] = 9;
    let disk = file("blockdev,disk.img", &bytes);
    let comma = disk.replace(',', ",,");
    for node in [
        format!("driver=file,node-name=d,filename={comma}"),
        format!("driver=raw,node-name=d,file.driver=file,file.filename={comma}"),
        format!(r#"{{"driver":"raw","node-name":"d","file":{{"driver":"file","filename":"{disk}"}}}}"#),
    ] {
        let done = run(&[&BARE[..], &[&bios, "-blockdev", &node, "-device", "ide-hd,drive=d"]].concat());
        assert_eq!(done.code, Some(19), "{node}: {done:?}");
    }
    let node = format!("driver=qcow2,node-name=d,file.driver=file,file.filename={comma}");
    let done = run(&[&BARE[..], &[&bios, "-blockdev", &node, "-device", "ide-hd,drive=d"]].concat());
    assert!(done.code == Some(2) && done.stderr.contains("not a qcow2 image"), "{done:?}");
    let done = run(&[&BARE[..], &[&bios, "-device", "ide-hd,drive=e"]].concat());
    assert!(done.code == Some(2) && done.stderr.lines().count() == 1, "{done:?}");
}
