//! What guests play, as WAV files.

mod common;

use common::{Done, file, multiboot, run};
use std::path::PathBuf;

/// Plays a square wave of 1000 Hz with the PC speaker for 2 million instructions (20 ms of `--clock icount`), then stops it
/// and spins.
const TONE: &[u8] = &[
    0xb0, 0xb6, 0xe6, 0x43, // mov al, 0xb6; out 0x43, al
    0xb0, 0xa9, 0xe6, 0x42, 0xb0, 0x04, 0xe6, 0x42, // 1193 to counter 2
    0xb0, 0x03, 0xe6, 0x61, // mov al, 3; out 0x61, al
    0xb9, 0x80, 0x84, 0x1e, 0x00, // mov ecx, 2000000
    0xe2, 0xfe, // here: loop here
    0x30, 0xc0, 0xe6, 0x61, // xor al, al; out 0x61, al
    0xeb, 0xfe, // jmp here
];

/// Plays a block of 2000 bytes that count up, by DMA channel 1 at 44100 Hz, with a Sound Blaster, then spins.
const BLOCK: &[u8] = &[
    0xbf, 0x00, 0x00, 0x20, 0x00, // mov edi, 0x200000
    0x30, 0xc0, // xor al, al
    0xaa, 0xfe, 0xc0, // fill: stosb; inc al
    0x81, 0xff, 0xd0, 0x07, 0x20, 0x00, // cmp edi, 0x2007d0
    0x75, 0xf5, // jne fill
    0xbe, 0x30, 0x00, 0x10, 0x00, // mov esi, table (0x100000 + 32 + offset), set by the test
    0x66, 0xad, 0x66, 0x85, 0xc0, // next: lodsw; test ax, ax
    0x74, 0x07, // jz done
    0x66, 0x89, 0xc2, // mov dx, ax
    0xac, 0xee, // lodsb; out dx, al
    0xeb, 0xf2, // jmp next
    0xeb, 0xfe, // done: jmp done
];

/// Ports and bytes: the 8237's channel 1 from 200000h, 2000 bytes; then the card's reset, rate and command 14h.
const WRITES: &[(u16, u8)] = &[
    (0x0a, 0x05),
    (0x0c, 0x00),
    (0x0b, 0x49),
    (0x02, 0x00),
    (0x02, 0x00),
    (0x83, 0x20),
    (0x03, 0xcf),
    (0x03, 0x07),
    (0x0a, 0x01),
    (0x226, 0x01),
    (0x226, 0x00),
    (0x22c, 0x41),
    (0x22c, 0xac),
    (0x22c, 0x44),
    (0x22c, 0x14),
    (0x22c, 0xcf),
    (0x22c, 0x07),
];

fn block() -> Vec<u8> {
    let mut code = BLOCK.to_vec();
    let table = 0x10_0020 + code.len() as u32;
    let at = code.iter().position(|&byte| byte == 0xbe).unwrap() + 1;
    code[at..at + 4].copy_from_slice(&table.to_le_bytes());
    for (port, value) in WRITES {
        code.extend(port.to_le_bytes());
        code.push(*value);
    }
    code.extend([0, 0]);
    code
}

/// Runs a guest. Returns how it ended and the frames that it played.
fn played(name: &str, code: &[u8], instructions: &str, sound: &[&str]) -> (Done, Vec<[i16; 2]>) {
    let kernel = file(&format!("sound-{name}.elf"), &multiboot(code));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("sound-{name}.wav"));
    let audiodev = format!("wav,id=snd,path={}", path.display());
    let words = ["run", "-m", "16M", "-clock", "icount", "-serial", "null", "-kernel", &kernel];
    let rest = ["-max-instructions", instructions, "-audiodev", &audiodev];
    let done = run(&[&words[..], &rest, sound].concat());
    let mut reader = hound::WavReader::open(&path).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 44_100));
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    (done, samples.as_chunks::<2>().0.to_vec())
}

fn hash(frames: &[[i16; 2]]) -> u64 {
    let bytes: Vec<u8> = frames.iter().flatten().flat_map(|sample| sample.to_le_bytes()).collect();
    // FNV-1a
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[test]
fn the_speaker_is_recorded_the_same_in_every_run() {
    let sound = ["-M", "pc,pcspk-audiodev=snd"];
    let (done, frames) = played("tone", TONE, "8000000", &sound);
    assert_eq!(done.code, Some(3), "{done:?}");
    let rises = frames.windows(2).filter(|pair| pair[0][0] < 0 && pair[1][0] >= 0).count();
    assert!((19..=21).contains(&rises), "{rises} periods in {} frames", frames.len());
    let loud = frames.iter().filter(|frame| frame[0] != 0).count();
    assert!((870..=883).contains(&loud), "{loud} frames of 20 ms");
    for engine in ["interp", "jit"] {
        let (_, again) = played(engine, TONE, "8000000", &[&sound[..], &["-engine", engine]].concat());
        assert_eq!(hash(&again), hash(&frames), "{engine}");
    }
}

#[test]
fn a_sound_blaster_plays_what_dma_brings() {
    let (done, frames) = played("block", &block(), "10000000", &["-device", "sb16,audiodev=snd"]);
    assert_eq!(done.code, Some(3), "{done:?}");
    let expected: Vec<_> = (0..2000_i32).map(|n| [(((n & 0xff) - 0x80) << 8) as i16; 2]).collect();
    assert!(frames == expected, "{} frames, {:?}", frames.len(), frames.get(..4));
}

#[test]
fn audio_devices_that_cannot_be_are_refused_in_one_line() {
    for (words, expected) in [
        (
            &["-audiodev", "alsa,id=a"][..],
            "-audiodev alsa is not there; there are wav (path=FILE.wav) and none",
        ),
        (&["-audiodev", "wav,id=a"], "needs a path"),
        (&["-audiodev", "none"], "needs an id"),
        (&["-audiodev", "none,id=a", "-audiodev", "none,id=a"], "two audio devices have the id a"),
        (&["-audiodev", "wav,id=a,path=/nonexistent/x.wav"], "cannot write /nonexistent/x.wav"),
        (&["-M", "pc,pcspk-audiodev=a"], "audiodev=a: no audio device has this name; -audiodev makes one"),
        (
            &["-audiodev", "none,id=b", "-device", "sb16,audiodev=a"],
            "no audio device has this name; there are b",
        ),
    ] {
        let done = run(&[&["run", "-guest", "demo"][..], words].concat());
        assert_eq!(done.code, Some(2), "{words:?}: {done:?}");
        assert!(done.stderr.contains(expected) && done.stderr.lines().count() == 1, "{words:?}: {done:?}");
    }
}
