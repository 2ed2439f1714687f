//! The text of a few small modules: what changes in emitted code is seen here. `BLESS=1` writes it anew.

mod support;

use std::path::Path;
use support::vectors::{bytes, instructions};
use wasm_jit::translate;
use x86_types::{CodeSize, Width};

const BLOCKS: [(&str, CodeSize, &str); 7] = [
    // add rax, rbx; sub rcx, rax: the flags of ADD are never written
    ("dead_flags", CodeSize::Bits64, "4801d84829c1"),
    // cmp eax, 10; jb +5: compare and branch are one
    ("compare_and_branch", CodeSize::Bits64, "83f80a7205"),
    // add rax, rbx; mov rcx, [rdx+8]: on a fault the flags of ADD are stored
    ("fault_exit", CodeSize::Bits64, "4801d8488b4a08"),
    // push rbp; mov rbp, rsp; sub rsp, 32; call +16
    ("prologue", CodeSize::Bits64, "554889e54883ec20e810000000"),
    // div ecx
    ("division", CodeSize::Bits64, "f7f1"),
    // shl eax, cl
    ("variable_shift", CodeSize::Bits64, "d3e0"),
    // mov al, [esi]; adc ah, al; ret
    ("bytes_32", CodeSize::Bits32, "8a0610c4c3"),
];

#[test]
fn emitted_text_is_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, size, code) in BLOCKS {
        let stack = if size == CodeSize::Bits64 { Width::B8 } else { Width::B4 };
        let module = translate(&instructions(size, &bytes(code)), size, stack).unwrap();
        let text = wasmprinter::print_bytes(&module).unwrap();
        let path = folder.join(format!("{name}.wat"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == golden, "{name} differs from {}; now it is\n{text}", path.display());
    }
}

/// A register that is written twice, and flags that no one can see, cost nothing.
#[test]
fn flags_that_are_replaced_are_not_stored() {
    let translated = |code: &str| {
        let insns = instructions(CodeSize::Bits64, &bytes(code));
        wasmprinter::print_bytes(translate(&insns, CodeSize::Bits64, Width::B8).unwrap()).unwrap()
    };
    let stores = |text: &str| text.matches("i64.store").count();
    // One ADD, then ten: registers, flags and RIP are stored once in either case.
    let (one, ten) = (translated("4801d8"), translated(&"4801d8".repeat(10)));
    assert_eq!((stores(&one), stores(&ten)), (4, 4));
    // With a load between, the way out has its own stores.
    assert_eq!(stores(&translated("4801d8488b0a")), 4 + 5);
}
