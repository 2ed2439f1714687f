//! A [`CodeHost`] over wasmtime: the modules that a browser would run, on this machine.
//!
//! Their memory is this process's address space, from [`COMPILED_BASE`] on, so that addresses mean the same to compiled
//! code and to the processor; that is what a code generator for the host's own instructions would do, too. What guards
//! memory from the guest is the emulated TLB in either case.

mod background;
mod whole;

use background::Compiler;
use wasm_jit::{CodeHost, HostError, Installed};
use wasmtime::{
    Config, Engine, Extern, Func, Instance, Memory, Module, OptLevel, Ref, RefType, Store, Table, TableType,
    TypedFunc,
};
use whole::WholeMemory;
use x86_exec::Vcpu;
use x86_exec::vcpu::compiled::{COMPILED_BASE, FlagsKind};

/// Functions at most.
const TABLE_LEN: u64 = 1 << 20;

/// Compiles by Cranelift and runs.
pub struct WasmtimeHost {
    engine: Engine,
    store: Store<()>,
    imports: Vec<Extern>,
    table: Table,
    functions: Vec<Option<TypedFunc<(u64, u64), u64>>>,
    /// Compiles beside the machine, where that is wanted
    compiler: Option<Compiler>,
}

/// The processor behind an address that compiled code was handed.
///
/// # Safety
/// `address` is the one that [`CodeHost::enter`] was called with, and that call has not returned.
#[allow(unsafe_code)]
unsafe fn processor<'a>(address: u64) -> &'a mut Vcpu {
    let pointer = address.wrapping_add(COMPILED_BASE) as usize as *mut Vcpu;
    // SAFETY: by the contract above the processor is alive, and whoever lent it waits for `enter` to return.
    unsafe { &mut *pointer }
}

#[allow(unsafe_code)]
fn imports(store: &mut Store<()>, memory: Memory, table: Table) -> Vec<Extern> {
    // SAFETY: (of each) compiled code passes on the address that it was entered with, and it runs within `enter`.
    let load = Func::wrap(&mut *store, |vcpu: u64, linear: u64, size: u64| unsafe {
        processor(vcpu).compiled_load(linear, size, false)
    });
    // SAFETY: as above.
    let load_for_write = Func::wrap(&mut *store, |vcpu: u64, linear: u64, size: u64| unsafe {
        processor(vcpu).compiled_load(linear, size, true)
    });
    // SAFETY: as above.
    let to_store = Func::wrap(&mut *store, |vcpu: u64, linear: u64, size: u64, value: u64| unsafe {
        processor(vcpu).compiled_store(linear, size, value);
    });
    let step = Func::wrap(&mut *store, |vcpu: u64, number: u64, left: u64| -> u64 {
        // SAFETY: as above.
        let vcpu = unsafe { processor(vcpu) };
        vcpu.compiled_step(number, left) as u64
    });
    // SAFETY: as above.
    let code_address =
        Func::wrap(&mut *store, |vcpu: u64, rip: u64| unsafe { processor(vcpu).compiled_code_address(rip) });
    let result = Func::wrap(&mut *store, |kind: u64, a: u64, b: u64, result: u64, carry: u64| {
        FlagsKind(kind).flags(a, b, result, carry).result
    });
    let aux = Func::wrap(&mut *store, |kind: u64, a: u64, b: u64, result: u64, carry: u64| {
        FlagsKind(kind).flags(a, b, result, carry).aux
    });
    // SAFETY: as above.
    let load_vector = Func::wrap(&mut *store, |vcpu: u64, linear: u64| unsafe {
        processor(vcpu).compiled_load_vector(linear)
    });
    // SAFETY: as above.
    let store_vector = Func::wrap(&mut *store, |vcpu: u64, linear: u64| unsafe {
        processor(vcpu).compiled_store_vector(linear)
    });
    let functions =
        [load, load_for_write, to_store, step, code_address, result, aux, load_vector, store_vector];
    [memory.into(), table.into()].into_iter().chain(functions.map(Extern::from)).collect()
}

fn refused(error: wasmtime::Error) -> HostError {
    HostError::Refused(format!("{error:#}"))
}

impl WasmtimeHost {
    /// A host that compiles modules in a thread of their own, while the machine goes on.
    ///
    /// # Errors
    /// [`HostError`] where wasmtime does not support this machine, or no thread can be had.
    pub fn in_background() -> Result<Self, HostError> {
        let mut host = Self::new()?;
        host.compiler = Some(Compiler::start(&host.engine)?);
        Ok(host)
    }

    /// A host that compiles modules at once.
    ///
    /// # Errors
    /// [`HostError`] where wasmtime does not support this machine.
    #[allow(unsafe_code)]
    pub fn new() -> Result<Self, HostError> {
        let mut config = Config::new();
        config.wasm_memory64(true).wasm_tail_call(true).cranelift_opt_level(OptLevel::Speed);
        config.with_host_memory(std::sync::Arc::new(WholeMemory));
        config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(0);
        config.memory_init_cow(false).signals_based_traps(false).table_lazy_init(false);
        // SAFETY: what these guard against is speculation in code that must not see the whole process; this code may.
        unsafe {
            config.cranelift_flag_set("enable_heap_access_spectre_mitigation", "false");
            config.cranelift_flag_set("enable_table_access_spectre_mitigation", "false");
        }
        let engine = Engine::new(&config).map_err(refused)?;
        let mut store = Store::new(&engine, ());
        // Only a memory that a module defines is made by the creator above.
        let base = Module::from_binary(&engine, &whole::module()).map_err(refused)?;
        let base = Instance::new(&mut store, &base, &[]).map_err(refused)?;
        let memory = base.get_memory(&mut store, "memory").ok_or(HostError::Full)?;
        let kind = TableType::new64(RefType::FUNCREF, TABLE_LEN, Some(TABLE_LEN));
        let table = Table::new(&mut store, kind, Ref::Func(None)).map_err(refused)?;
        let imports = imports(&mut store, memory, table);
        Ok(Self { engine, store, imports, table, functions: Vec::new(), compiler: None })
    }

    /// Makes a compiled module's functions callable.
    fn link(&mut self, module: &Module, first: u32, count: u32) -> Result<(), HostError> {
        Instance::new(&mut self.store, module, &self.imports).map_err(refused)?;
        for slot in first..first + count {
            let function = self.table.get(&mut self.store, slot.into());
            let function = function.and_then(|f| f.as_func().flatten().copied()).ok_or(HostError::Full)?;
            let slot = slot as usize;
            if self.functions.len() <= slot {
                self.functions.resize_with(slot + 1, || None);
            }
            self.functions[slot] = Some(function.typed(&self.store).map_err(refused)?);
        }
        Ok(())
    }
}

impl CodeHost for WasmtimeHost {
    fn install(&mut self, module: Vec<u8>, first: u32, count: u32) -> Result<Installed, HostError> {
        if u64::from(first) + u64::from(count) > TABLE_LEN {
            return Err(HostError::Full);
        }
        if let Some(compiler) = &mut self.compiler {
            compiler.submit(module, first, count)?;
            return Ok(Installed::Later);
        }
        let module = Module::from_binary(&self.engine, &module).map_err(refused)?;
        self.link(&module, first, count)?;
        Ok(Installed::Now)
    }

    fn finished(&mut self) -> Vec<(u32, Result<(), HostError>)> {
        let done = self.compiler.as_mut().map(Compiler::finished).unwrap_or_default();
        done.into_iter()
            .map(|(first, count, module)| {
                let linked = module.map_err(refused).and_then(|module| self.link(&module, first, count));
                (first, linked)
            })
            .collect()
    }

    fn retire(&mut self, first: u32, count: u32) {
        for slot in first..first + count {
            if let Some(place) = self.functions.get_mut(slot as usize) {
                *place = None;
            }
        }
    }

    fn enter(&mut self, slot: u32, vcpu: u64, budget: u64) -> u64 {
        let Some(Some(function)) = self.functions.get(slot as usize) else { return budget };
        // Compiled code has no instruction that traps: what it divides by and jumps to is checked before.
        function.call(&mut self.store, (vcpu, budget)).unwrap_or(budget)
    }
}
