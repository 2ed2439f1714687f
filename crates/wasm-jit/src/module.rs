//! Modules: regions as functions, and their imports.

use crate::abi::{FIRST_FUNCTION, IMPORTS, REGION_TYPE};
use crate::emit;
use crate::host::MemorySize;
use crate::placement::Placed;
use wasm_encoder::{
    BranchHints, CodeSection, ConstExpr, ElementSection, Elements, EntityType, FunctionSection,
    ImportSection, MemoryType, Module, RefType, TableType, TypeSection, ValType,
};
use x86_exec::Vcpu;

/// A page of WebAssembly's memory.
const WASM_PAGE: u64 = 1 << 16;

/// `(vcpu, a, b, control, function) -> result`
fn types_of_f80(types: &mut TypeSection) -> u32 {
    let number = types.len();
    let parameters = [ValType::I64, ValType::V128, ValType::V128, ValType::I64, ValType::I64];
    types.ty().function(parameters, [ValType::V128]);
    number
}

/// A module whose functions go into the table from `first_slot` on.
///
/// SPEC: wasm-3.0-core :: 2.3.11 Memory Types -> the memory has 64-bit addresses: those on the stack are i64
pub fn module(regions: &[Placed<'_>], first_slot: u32, size: MemorySize) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I64; 2], [ValType::I64]);
    let mut imports = ImportSection::new();
    // What is known to lie within the memory needs no check. The processor lies there, hence the memory is as large.
    let end = |placed: &Placed<'_>| placed.fixed.map(|fixed| fixed.vcpu + size_of::<Vcpu>() as u64);
    let minimum = regions.iter().filter_map(end).max().unwrap_or(1).div_ceil(WASM_PAGE);
    let (minimum, maximum) = match size {
        MemorySize::Grows => (minimum, None),
        MemorySize::Pages(pages) => (pages, Some(pages)),
    };
    let memory = MemoryType { minimum, maximum, memory64: true, shared: false, page_size_log2: None };
    imports.import("v64", "memory", memory);
    let table =
        TableType { element_type: RefType::FUNCREF, table64: true, minimum: 1, maximum: None, shared: false };
    imports.import("v64", "table", table);
    for (n, (name, parameters, result)) in IMPORTS.into_iter().enumerate() {
        types.ty().function(vec![ValType::I64; parameters], vec![ValType::I64; usize::from(result)]);
        imports.import("v64", name, EntityType::Function(1 + n as u32));
    }
    let (mut functions, mut code, mut hints) =
        (FunctionSection::new(), CodeSection::new(), BranchHints::new());
    let thunk_type = types.len();
    types.ty().function([ValType::I64; 3], [ValType::I64]);
    functions.function(thunk_type);
    let common = regions.first().map(|placed| (placed.fixed, placed.count));
    let (fixed, count) = common.unwrap_or_default();
    code.function(&emit::dispatch_thunk(fixed, count));
    let mut first = FIRST_FUNCTION + 1;
    if regions.iter().any(|placed| placed.region.computes_f80()) {
        let f80_type = types_of_f80(&mut types);
        for function in &emit::f80_functions() {
            functions.function(f80_type);
            code.function(function);
            first += 1;
        }
    }
    let numbers = (first..).take(regions.len());
    for (number, placed) in numbers.clone().zip(regions) {
        functions.function(REGION_TYPE);
        let (function, of_function) = emit::function(placed);
        code.function(&function);
        hints.function_hints(number, of_function);
    }
    let numbers: Vec<u32> = numbers.collect();
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i64_const(i64::from(first_slot)), Elements::Functions(numbers.into()));
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&elements)
        .section(&hints)
        .section(&code);
    module.finish()
}
