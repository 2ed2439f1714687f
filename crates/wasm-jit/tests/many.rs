//! More modules than a store of wasmtime holds.

mod support;

use support::asm::Asm;
use support::machine::{Machine, Start};
use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, EntityType, Function, FunctionSection, ImportSection,
    Module, RefType, TableType, TypeSection, ValType,
};
use wasm_jit::{CodeHost, Installed, Settings};
use wasmtime_host::WasmtimeHost;
use x86_types::CodeSize;

/// A module whose functions give their budget less a number, with nothing imported but the table.
fn module(first: u32, numbers: &[u64]) -> Vec<u8> {
    let (mut types, mut imports, mut functions) =
        (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    let (mut elements, mut code) = (ElementSection::new(), CodeSection::new());
    types.ty().function([ValType::I64; 2], [ValType::I64]);
    let table =
        TableType { element_type: RefType::FUNCREF, table64: true, minimum: 1, maximum: None, shared: false };
    let memory = wasm_encoder::MemoryType {
        minimum: 1,
        maximum: None,
        memory64: true,
        shared: false,
        page_size_log2: None,
    };
    imports.import("v64", "memory", memory).import("v64", "table", table);
    for (n, (name, parameters, result)) in wasm_jit::IMPORTS.into_iter().enumerate() {
        types.ty().function(vec![ValType::I64; parameters], vec![ValType::I64; usize::from(result)]);
        imports.import("v64", name, EntityType::Function(1 + n as u32));
    }
    for &number in numbers {
        let mut function = Function::new([]);
        function.instructions().local_get(1).i64_const(number as i64).i64_sub().end();
        functions.function(0);
        code.function(&function);
    }
    let base = wasm_jit::IMPORTS.len() as u32;
    let all: Vec<u32> = (0..numbers.len() as u32).map(|n| base + n).collect();
    elements.active(None, &ConstExpr::i64_const(first.into()), Elements::Functions(all.into()));
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&elements).section(&code);
    module.finish()
}

/// Two modules stay, the others come and go at one place: all can be called, and instances do not pile up.
#[test]
fn a_host_takes_any_number_of_modules() {
    let mut host = WasmtimeHost::new().unwrap();
    assert_eq!(host.install(module(1, &[7]), 1, 1).unwrap(), Installed::Now);
    let mut most = 0;
    for n in 0..10_050 {
        host.install(module(5, &[n]), 5, 1).unwrap();
        if n == 3000 {
            host.install(module(2, &[8, 9]), 2, 2).unwrap();
        }
        assert_eq!(host.enter(5, 0, 100_000), 100_000 - n);
        host.retire(5, 1);
        assert_eq!(host.enter(5, 0, 100_000), 100_000, "dropped");
        most = host.instances().1.max(most);
    }
    assert_eq!([1, 2, 3].map(|slot| host.enter(slot, 0, 100)), [93, 92, 91]);
    assert_eq!(host.instances().0, 2);
    assert!(most < 1000, "{most} instances");
}

/// The same with a guest: a function is changed from outside so often that what calls it moves to a new store.
#[test]
fn a_machine_goes_on_when_its_modules_move() {
    const FUNCTIONS: u64 = 0x11_0000;
    let mut asm = Asm::default();
    // 1: call rsi; add ebx, eax; sub ebp, 1; jnz 1b; int3
    let top = asm.mark();
    asm.hex("ffd6 01c3 83ed01").jcc(5, top).hex("cc");
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code: asm.finish(), ..Start::default() };
    (start.gpr[4], start.gpr[5]) = (0x18_1000, 60);
    let mut machine = Machine::with(CodeSize::Bits64, Settings { hot: 4, warm: 4, ..Settings::AT_ONCE });
    for n in 0..700_u64 {
        // mov eax, n; ret: twice in each line of memory.
        start.gpr[6] = FUNCTIONS + 64 * (n / 2);
        machine.write(start.gpr[6], &[&[0xb8], &(n as u32 + 1).to_le_bytes()[..], &[0xc3]].concat());
        machine.set_up(&start);
        machine.run(10_000);
        assert_eq!(machine.vcpu.cpu.gpr[3], 60 * (n + 1), "round {n}");
    }
    let counts = machine.counts();
    assert!(counts.regions > 690 && counts.refused == 0, "{counts:?}");
    assert!(machine.vcpu.statistics.compiled > 700 * 60 * 4, "{}", machine.vcpu.statistics.compiled);
}
