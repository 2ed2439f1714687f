//! The functions of a module: imported ones, and the numbers and types of its own.

/// The functions that modules import, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Import {
    /// `(vcpu, linear, access, left) -> compiled address`, 0 if only the interpreter can load from there. The access is
    /// described by [`x86_exec::vcpu::compiled::access`]
    Find = 0,
    /// The same for storing vectors, and for loading what is stored back
    FindToWrite,
    /// `(vcpu, linear, access, left, value)`: stores. 0 where only the interpreter can
    Store,
    /// `(vcpu, step, left) ->` the value of [`x86_exec::vcpu::compiled::helper_result`], or 0
    HelperCall,
    /// `(vcpu, linear) -> compiled address`, 0 where it cannot be fetched from
    CodeAddress,
    /// `(vcpu, slot)`: the function in the slot is the target of a jump to RIP
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

/// The first function that a module defines: the dispatch thunk. Functions of x87 arithmetic follow, if the module has any;
/// then those of the regions.
pub(crate) const FIRST_FUNCTION: u32 = IMPORTS.len() as u32;

/// The first function of x87 arithmetic, in modules that have any.
pub(crate) const F80_FUNCTION: u32 = FIRST_FUNCTION + 1;
