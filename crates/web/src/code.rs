//! Compiled code here: JavaScript makes instances of modules that share this module's memory and table.

use crate::host;
use std::cell::RefCell;
use wasm_jit::{CodeHost, HostError, Installed};
use x86_exec::Vcpu;
use x86_exec::vcpu::compiled::FlagsKind;

/// Functions of compiled code lie in the table from here on, far behind the module's own.
const FIRST_SLOT: u32 = 1 << 16;

/// What JavaScript says of a module that it was handed.
const INSTALLED: u32 = 1;
const INSTALLED_LATER: u32 = 2;

thread_local! {
    /// Modules that were compiled between two slices, by first slot, until [`CodeHost::finished`] tells of them
    static FINISHED: RefCell<Vec<(u32, bool)>> = const { RefCell::new(Vec::new()) };
}

/// A module that was to be compiled later can be called, or was refused. JavaScript tells it between two slices.
pub(crate) fn finished(first: u32, good: bool) {
    FINISHED.with_borrow_mut(|finished| finished.push((first, good)));
}

fn refused() -> HostError {
    HostError::Refused("the engine did not take it".into())
}

/// V8 or another engine of the page, through JavaScript.
///
/// What is compiled beside the machine comes between two slices, mostly with the next one: there is nothing to hurry. Where
/// slices follow each other without a turn of JavaScript's event loop it never comes, and the code stays interpreted.
pub(crate) struct EngineHost {
    /// Whether a large module may be compiled beside the machine
    pub(crate) in_background: bool,
}

impl CodeHost for EngineHost {
    fn first_slot(&self) -> u32 {
        FIRST_SLOT
    }

    fn install(&mut self, module: Vec<u8>, first: u32, count: u32) -> Result<Installed, HostError> {
        match host::install(&module, first, count, self.in_background) {
            INSTALLED => Ok(Installed::Now),
            INSTALLED_LATER => Ok(Installed::Later),
            _ => Err(refused()),
        }
    }

    fn finished(&mut self) -> Vec<(u32, Result<(), HostError>)> {
        let finished = FINISHED.take();
        finished.into_iter().map(|(first, good)| (first, good.then_some(()).ok_or_else(refused))).collect()
    }

    fn retire(&mut self, first: u32, count: u32) {
        host::retire(first, count);
    }

    fn enter(&mut self, slot: u32, vcpu: u64, budget: u64) -> u64 {
        call(slot, vcpu, budget)
    }
}

/// A function pointer is an index into the table.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code)]
fn call(slot: u32, vcpu: u64, budget: u64) -> u64 {
    // SAFETY: the slot was filled by `install` with a function of this type, and has not been retired; whoever called a
    // wrong type would meet the engine's own check.
    let function: extern "C" fn(u64, u64) -> u64 = unsafe { core::mem::transmute(slot as usize) };
    function(vcpu, budget)
}

#[cfg(not(target_family = "wasm"))]
fn call(_: u32, _: u64, budget: u64) -> u64 {
    budget
}

/// Works on the processor behind an address that compiled code was handed. Only the functions below use it, and only
/// compiled code calls them.
#[allow(unsafe_code)]
fn on<R>(address: u64, work: impl FnOnce(&mut Vcpu) -> R) -> R {
    // SAFETY: compiled code passes on the address that it was entered with, and it runs within `enter`: the processor is
    // alive, and whoever lent it waits for that call to return.
    work(unsafe { &mut *(address as usize as *mut Vcpu) })
}

macro_rules! imports {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident),*) $(-> $result:ty)? = $body:expr;)*) => {
        $(
            $(#[$doc])*
            // SAFETY: the name is the module's own; nothing else is called so.
            #[allow(unsafe_code)]
            #[unsafe(no_mangle)]
            pub(crate) extern "C" fn $name($($arg: u64),*) $(-> $result)? {
                $body
            }
        )*
    };
}

imports! {
    /// [`wasm_jit::Import::Find`]
    fn v64_jit_find(vcpu, linear, access, left) -> u64 =
        on(vcpu, |vcpu| vcpu.compiled_find(linear, access, left, false));
    /// [`wasm_jit::Import::FindToWrite`]
    fn v64_jit_find_to_write(vcpu, linear, access, left) -> u64 =
        on(vcpu, |vcpu| vcpu.compiled_find(linear, access, left, true));
    /// [`wasm_jit::Import::Store`]
    fn v64_jit_store(vcpu, linear, access, left, value) -> u64 =
        on(vcpu, |vcpu| vcpu.compiled_store(linear, access, left, value));
    /// [`wasm_jit::Import::Step`]
    fn v64_jit_step(vcpu, number, left) -> u64 = on(vcpu, |vcpu| vcpu.compiled_step(number, left));
    /// [`wasm_jit::Import::CodeAddress`]
    fn v64_jit_code_address(vcpu, rip) -> u64 = on(vcpu, |vcpu| vcpu.compiled_code_address(rip));
    /// [`wasm_jit::Import::Jump`]
    fn v64_jit_jump(vcpu, slot) = on(vcpu, |vcpu| vcpu.compiled_jump(slot));
    /// [`wasm_jit::Import::FlagsResult`]
    fn v64_jit_flags_result(kind, a, b, result, carry) -> u64 = FlagsKind(kind).flags(a, b, result, carry).result;
    /// [`wasm_jit::Import::FlagsAux`]
    fn v64_jit_flags_aux(kind, a, b, result, carry) -> u64 = FlagsKind(kind).flags(a, b, result, carry).aux;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_module_is_told_once() {
        let mut host = EngineHost { in_background: true };
        finished(5, true);
        finished(9, false);
        let told: Vec<_> = host.finished().into_iter().map(|(first, how)| (first, how.is_ok())).collect();
        assert_eq!(told, [(5, true), (9, false)]);
        assert!(host.finished().is_empty());
    }
}
