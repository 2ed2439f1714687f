//! Modules: regions as functions, with what they import.

use crate::emit;
use crate::host::MemorySize;
use crate::region::Region;
use wasm_encoder::{
    BranchHints, CodeSection, ConstExpr, ElementSection, Elements, EntityType, FunctionSection,
    ImportSection, MemoryType, Module, RefType, TableType, TypeSection, ValType,
};
use x86_exec::Vcpu;

/// What a module needs to know of where its regions lie.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    /// The region
    pub region: &'a Region,
    /// Numbers of its helpers, under which [`x86_exec::Vcpu::compiled_helper_call`] knows them
    pub helpers: Vec<u32>,
    /// Compiled addresses of the pages it lies in: page counted from the entry's, address of its first byte
    pub pages: Vec<(i64, u64)>,
    /// Whether its ways on to other compiled code are counted
    pub count: bool,
    /// What code may take for granted
    pub fixed: Option<Fixed>,
}

/// Compiled addresses that are the same whenever the code runs. Engines that compare addresses with the end of a 64-bit
/// memory need not do so for constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The processor
    pub vcpu: u64,
    /// The bank of the TLB that the code's mode looks into
    pub bank: u64,
    /// The table of entries
    pub entries: u64,
    /// The table of jumps
    pub jumps: u64,
}

/// A page of WebAssembly's memory.
const WASM_PAGE: u64 = 1 << 16;

/// The functions that modules import, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Import {
    /// `(vcpu, linear, access, left) -> compiled address`, 0 where only the interpreter can load from there. The access is
    /// described by [`x86_exec::vcpu::compiled::access`]
    Find = 0,
    /// The same for storing vectors, and for loading what is stored back
    FindToWrite,
    /// `(vcpu, linear, access, left, value)`: stores. 0 where only the interpreter can
    Store,
    /// `(vcpu, step, left) ->` what [`x86_exec::vcpu::compiled::helper_result`] makes, or 0
    HelperCall,
    /// `(vcpu, linear) -> compiled address`, 0 where it cannot be fetched from
    CodeAddress,
    /// `(vcpu, slot)`: what is in the slot was found at RIP
    JumpFound,
    /// `(kind, a, b, result, carry) -> ArithFlags::result`
    FlagsResult,
    /// `(kind, a, b, result, carry) -> ArithFlags::aux`
    FlagsAux,
    /// `(vcpu, what, a, a, b, b) -> low half`: see [`x86_exec::Vcpu::compiled_f80`]
    F80,
}

/// Names of the imports in module `v64`, with parameters and whether there is a result.
pub const IMPORTS: [(&str, usize, bool); 9] = [
    ("find", 4, true),
    ("find_to_write", 4, true),
    ("store", 5, true),
    ("step", 3, true),
    ("code_address", 2, true),
    ("jump", 2, false),
    ("flags_result", 5, true),
    ("flags_aux", 5, true),
    ("f80", 6, true),
];

/// Type of a region's function, `(vcpu: i64, budget: i64) -> left: i64`.
pub(crate) const REGION_TYPE: u32 = 0;

/// The first function that is a module's own; it is the one by which regions go on. Those of regions come behind it, and
/// behind that of x87 instructions where there are any.
pub(crate) const FIRST_FUNCTION: u32 = IMPORTS.len() as u32;

/// The first function of x87 instructions that compute, in modules that have any.
pub(crate) const F80_FUNCTION: u32 = FIRST_FUNCTION + 1;

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
