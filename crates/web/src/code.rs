//! Compiled code: JavaScript instantiates modules that share this module's memory and table.

use crate::host;
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use wasm_jit::{CodeHost, HostError, Installed, SlotTable};
use x86_exec::Vcpu;
use x86_exec::vcpu::compiled::FlagsKind;

/// Functions of compiled code lie in the table from here on, far behind the module's own.
const FIRST_SLOT: u32 = 1 << 16;

/// Results of the import `install`.
const INSTALLED: u32 = 1;
const INSTALLED_LATER: u32 = 2;

fn refused() -> HostError {
    HostError::Refused("the engine did not take it".into())
}

/// What the translators of all processors share: the table's slots, and the results of compiling in the background.
pub(crate) struct Engine {
    slots: SlotTable,
    /// Modules that were compiled between two slices, by first slot, until the host that installed them collects them
    finished: RefCell<Vec<(u32, bool)>>,
}

impl Default for Engine {
    fn default() -> Self {
        Self { slots: SlotTable::new(FIRST_SLOT), finished: RefCell::default() }
    }
}

impl Engine {
    /// A module that was to be compiled later can be called, or was refused. JavaScript reports it between two slices.
    pub(crate) fn finished(&self, first: u32, good: bool) {
        self.finished.borrow_mut().push((first, good));
    }
}

/// V8 or another engine of the page, through JavaScript: the host of one processor's translator.
///
/// What is compiled in the background becomes callable between two slices, mostly with the next one. Where slices follow each
/// other without a turn of JavaScript's event loop it never does, and the code stays interpreted.
pub(crate) struct EngineHost {
    engine: Rc<Engine>,
    in_background: bool,
    /// First slots of the modules that are being compiled
    pending: HashSet<u32>,
}

impl EngineHost {
    /// `in_background`: whether a large module may be compiled while the machine runs on.
    pub(crate) fn new(engine: &Rc<Engine>, in_background: bool) -> Self {
        Self { engine: Rc::clone(engine), in_background, pending: HashSet::new() }
    }
}

impl CodeHost for EngineHost {
    fn slots(&self) -> SlotTable {
        self.engine.slots.clone()
    }

    fn install(&mut self, module: Vec<u8>, first: u32, count: u32) -> Result<Installed, HostError> {
        match host::install(&module, first, count, self.in_background) {
            INSTALLED => Ok(Installed::Now),
            INSTALLED_LATER => {
                self.pending.insert(first);
                Ok(Installed::Later)
            }
            _ => Err(refused()),
        }
    }

    fn finished(&mut self) -> Vec<(u32, Result<(), HostError>)> {
        if self.pending.is_empty() {
            return Vec::new();
        }
        let mut finished = self.engine.finished.borrow_mut();
        let mine = finished.extract_if(.., |(first, _)| self.pending.remove(first));
        mine.map(|(first, good)| (first, good.then_some(()).ok_or_else(refused))).collect()
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
    // SAFETY: the slot was filled by `install` with a function of this type, and has not been retired; a call with a
    // wrong type would fail the engine's own check.
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
    // alive, and its owner waits for that call to return.
    work(unsafe { &mut *(address as usize as *mut Vcpu) })
}

macro_rules! imports {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident),*) $(-> $result:ty)? = $body:expr;)*) => {
        $(
            $(#[$doc])*
            // SAFETY: the name is unique within the module.
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
    /// [`wasm_jit::Import::HelperCall`]
    fn v64_jit_step(vcpu, number, left) -> u64 = on(vcpu, |vcpu| vcpu.compiled_helper_call(number, left));
    /// [`wasm_jit::Import::CodeAddress`]
    fn v64_jit_code_address(vcpu, rip) -> u64 = on(vcpu, |vcpu| vcpu.compiled_code_address(rip));
    /// [`wasm_jit::Import::JumpFound`]
    fn v64_jit_jump(vcpu, slot) = on(vcpu, |vcpu| vcpu.compiled_jump_found(slot));
    /// [`wasm_jit::Import::FlagsResult`]
    fn v64_jit_flags_result(kind, a, b, result, carry) -> u64 = FlagsKind(kind).flags(a, b, result, carry).result;
    /// [`wasm_jit::Import::FlagsAux`]
    fn v64_jit_flags_aux(kind, a, b, result, carry) -> u64 = FlagsKind(kind).flags(a, b, result, carry).aux;
    /// [`wasm_jit::Import::F80`]
    fn v64_jit_f80(vcpu, what, a0, a1, b0, b1) -> u64 = on(vcpu, |vcpu| vcpu.compiled_f80(what, (a0, a1), (b0, b1)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_processor_collects_its_own_modules_once() {
        let engine = Rc::new(Engine::default());
        let [mut one, mut two] = [(); 2].map(|()| EngineHost::new(&engine, true));
        one.pending.extend([10, 30]);
        two.pending.insert(20);
        engine.finished(20, false);
        engine.finished(30, true);
        let collect = |host: &mut EngineHost| -> Vec<_> {
            host.finished().into_iter().map(|(first, how)| (first, how.is_ok())).collect()
        };
        assert_eq!(collect(&mut one), [(30, true)]);
        assert_eq!(collect(&mut one), []);
        assert_eq!(collect(&mut two), [(20, false)]);
        engine.finished(10, true);
        assert_eq!(collect(&mut two), []);
        assert_eq!(collect(&mut one), [(10, true)]);
    }
}
