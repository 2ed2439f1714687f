//! The functions that compiled code may call: those of the processor it runs on.
//!
//! They take and give numbers of 64 bits alone, which are read and written where wasmtime has put them: its conversions of
//! arguments cost more than most of these calls.

use std::mem::MaybeUninit;
use wasmtime::{Extern, Func, FuncType, Memory, Store, StoreLimits, Table, ValRaw, ValType};
use x86_exec::Vcpu;
use x86_exec::vcpu::compiled::{COMPILED_BASE, FlagsKind};

/// Returns the processor behind an address that compiled code was handed.
///
/// # Safety
/// `address` is the one that [`wasm_jit::CodeHost::enter`] was called with, and that call has not returned.
#[allow(unsafe_code)]
unsafe fn processor<'a>(address: u64) -> &'a mut Vcpu {
    let pointer = address.wrapping_add(COMPILED_BASE) as usize as *mut Vcpu;
    // SAFETY: by the contract above the processor is alive, and its owner waits for `enter` to return.
    unsafe { &mut *pointer }
}

/// Returns a function of `N` numbers, which gives one if `gives`.
#[allow(unsafe_code)]
fn function<const N: usize>(
    store: &mut Store<StoreLimits>,
    gives: bool,
    f: impl Fn([u64; N]) -> u64 + Send + Sync + 'static,
) -> Extern {
    let kind = FuncType::new(store.engine(), [const { ValType::I64 }; N], gives.then_some(ValType::I64));
    let body = move |values: &mut [MaybeUninit<ValRaw>]| {
        let arguments = std::array::from_fn(|n| {
            let Some(value) = values.get(n) else { return 0 };
            // SAFETY: by its type the function is called with `N` arguments, all of them i64; its result has the first place.
            unsafe { value.assume_init_ref() }.get_u64()
        });
        let result = f(arguments);
        if gives && let Some(place) = values.first_mut() {
            place.write(ValRaw::u64(result));
        }
        Ok(())
    };
    // SAFETY: as above; the caller, which would lead to the store, is not used.
    unsafe { Func::new_unchecked(store, kind, move |_, values| body(values)) }.into()
}

#[allow(unsafe_code)]
pub(crate) fn imports(store: &mut Store<StoreLimits>, memory: Memory, table: Table) -> Vec<Extern> {
    // SAFETY: (of each) compiled code passes on the address that it was entered with, and it runs within `enter`.
    let find = function(store, true, |[vcpu, linear, access, left]| unsafe {
        processor(vcpu).compiled_find(linear, access, left, false)
    });
    // SAFETY: as above.
    let find_to_write = function(store, true, |[vcpu, linear, access, left]| unsafe {
        processor(vcpu).compiled_find(linear, access, left, true)
    });
    // SAFETY: as above.
    let store_slow = function(store, true, |[vcpu, linear, access, left, value]| unsafe {
        processor(vcpu).compiled_store(linear, access, left, value)
    });
    // SAFETY: as above.
    let step = function(store, true, |[vcpu, number, left]| unsafe {
        processor(vcpu).compiled_helper_call(number, left)
    });
    // SAFETY: as above.
    let code_address =
        function(store, true, |[vcpu, rip]| unsafe { processor(vcpu).compiled_code_address(rip) });
    let jump = function(store, false, |[vcpu, slot]| {
        // SAFETY: as above.
        unsafe { processor(vcpu) }.compiled_jump_found(slot);
        0
    });
    let result = function(store, true, |[kind, a, b, result, carry]| {
        FlagsKind(kind).flags(a, b, result, carry).result
    });
    let aux =
        function(store, true, |[kind, a, b, result, carry]| FlagsKind(kind).flags(a, b, result, carry).aux);
    // SAFETY: as above.
    let f80 = function(store, true, |[vcpu, what, a0, a1, b0, b1]| unsafe {
        processor(vcpu).compiled_f80(what, (a0, a1), (b0, b1))
    });
    let functions = [find, find_to_write, store_slow, step, code_address, jump, result, aux, f80];
    [memory.into(), table.into()].into_iter().chain(functions).collect()
}
