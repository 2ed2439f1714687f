//! The functions that compiled code may call: those of the processor it runs on.

use wasmtime::{Extern, Func, Memory, Store, StoreLimits, Table};
use x86_exec::Vcpu;
use x86_exec::vcpu::compiled::{COMPILED_BASE, FlagsKind};

/// The processor behind an address that compiled code was handed.
///
/// # Safety
/// `address` is the one that [`wasm_jit::CodeHost::enter`] was called with, and that call has not returned.
#[allow(unsafe_code)]
unsafe fn processor<'a>(address: u64) -> &'a mut Vcpu {
    let pointer = address.wrapping_add(COMPILED_BASE) as usize as *mut Vcpu;
    // SAFETY: by the contract above the processor is alive, and whoever lent it waits for `enter` to return.
    unsafe { &mut *pointer }
}

#[allow(unsafe_code)]
pub(crate) fn imports(store: &mut Store<StoreLimits>, memory: Memory, table: Table) -> Vec<Extern> {
    // SAFETY: (of each) compiled code passes on the address that it was entered with, and it runs within `enter`.
    let find = Func::wrap(&mut *store, |vcpu: u64, linear: u64, access: u64, left: u64| unsafe {
        processor(vcpu).compiled_find(linear, access, left, false)
    });
    // SAFETY: as above.
    let find_to_write = Func::wrap(&mut *store, |vcpu: u64, linear: u64, access: u64, left: u64| unsafe {
        processor(vcpu).compiled_find(linear, access, left, true)
    });
    // SAFETY: as above.
    let store_slow =
        Func::wrap(&mut *store, |vcpu: u64, linear: u64, access: u64, left: u64, value: u64| unsafe {
            processor(vcpu).compiled_store(linear, access, left, value)
        });
    let step = Func::wrap(&mut *store, |vcpu: u64, number: u64, left: u64| -> u64 {
        // SAFETY: as above.
        let vcpu = unsafe { processor(vcpu) };
        vcpu.compiled_step(number, left)
    });
    // SAFETY: as above.
    let code_address =
        Func::wrap(&mut *store, |vcpu: u64, rip: u64| unsafe { processor(vcpu).compiled_code_address(rip) });
    // SAFETY: as above.
    let jump = Func::wrap(&mut *store, |vcpu: u64, slot: u64| unsafe { processor(vcpu).compiled_jump(slot) });
    let result = Func::wrap(&mut *store, |kind: u64, a: u64, b: u64, result: u64, carry: u64| {
        FlagsKind(kind).flags(a, b, result, carry).result
    });
    let aux = Func::wrap(&mut *store, |kind: u64, a: u64, b: u64, result: u64, carry: u64| {
        FlagsKind(kind).flags(a, b, result, carry).aux
    });
    let f80 = Func::wrap(&mut *store, |vcpu: u64, what: u64, a0: u64, a1: u64, b0: u64, b1: u64| -> u64 {
        // SAFETY: as above.
        let vcpu = unsafe { processor(vcpu) };
        vcpu.compiled_f80(what, (a0, a1), (b0, b1))
    });
    let functions = [find, find_to_write, store_slow, step, code_address, jump, result, aux, f80];
    [memory.into(), table.into()].into_iter().chain(functions.map(Extern::from)).collect()
}
