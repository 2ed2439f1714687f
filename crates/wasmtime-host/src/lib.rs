//! A [`CodeHost`] over wasmtime: the modules that a browser would run, on this machine.
//!
//! Their memory is this process's address space, from [`COMPILED_BASE`] on, so that addresses mean the same to compiled
//! code and to the processor; that is what a code generator for the host's own instructions would do, too. What guards
//! memory from the guest is the emulated TLB in either case.

mod background;
mod imports;
mod linked;
mod whole;

use background::{Compiler, Order};
use linked::{Linked, TABLE_LEN};
use wasm_jit::{Clock, CodeHost, HostError, Installed, MemorySize};
use wasmtime::{Config, Engine, Module, OptLevel};
use whole::{PAGES, WholeMemory};

/// Compiles by Cranelift and runs.
pub struct WasmtimeHost {
    engine: Engine,
    linked: Linked,
    /// The compiler thread, if modules are compiled concurrently
    compiler: Option<Compiler>,
    clock: Option<Clock>,
    /// Nanoseconds that compiling and linking took
    took: u64,
}

pub(crate) fn refused(error: wasmtime::Error) -> HostError {
    HostError::Refused(format!("{error:#}"))
}

impl WasmtimeHost {
    /// Returns a host that compiles modules in a separate thread, while the machine runs.
    ///
    /// # Errors
    /// [`HostError`] where wasmtime does not support this machine, or no thread can be had.
    pub fn in_background() -> Result<Self, HostError> {
        let mut host = Self::new()?;
        host.compiler = Some(Compiler::start(&host.engine)?);
        Ok(host)
    }

    /// Returns a host that compiles modules at once.
    ///
    /// # Errors
    /// [`HostError`] where wasmtime does not support this machine.
    #[allow(unsafe_code)]
    pub fn new() -> Result<Self, HostError> {
        let mut config = Config::new();
        config
            .wasm_memory64(true)
            .wasm_tail_call(true)
            .wasm_branch_hinting(true)
            .cranelift_opt_level(OptLevel::Speed);
        config.with_host_memory(std::sync::Arc::new(WholeMemory));
        config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(0);
        // Compiled code does not trap. Where traps are signals, what looks for them is a comparison and a branch, no call.
        config.memory_init_cow(false).signals_based_traps(true).table_lazy_init(false);
        // Nothing walks its frames, so that no map from addresses to WebAssembly is needed.
        config.native_unwind_info(false).generate_address_map(false).wasm_backtrace_max_frames(None);
        // SAFETY: what these guard against is speculation in code that must not see the whole process; this code may.
        unsafe {
            config.cranelift_flag_set("enable_heap_access_spectre_mitigation", "false");
            config.cranelift_flag_set("enable_table_access_spectre_mitigation", "false");
        }
        let engine = Engine::new(&config).map_err(refused)?;
        let linked = Linked::new(&engine)?;
        Ok(Self { engine, linked, compiler: None, clock: None, took: 0 })
    }

    fn now(&self) -> u64 {
        self.clock.as_ref().map_or(0, |clock| clock())
    }

    /// Modules that can be called, and instances that there are of them and of dropped ones.
    pub fn instances(&self) -> (usize, usize) {
        self.linked.instances()
    }
}

impl CodeHost for WasmtimeHost {
    fn memory_size(&self) -> MemorySize {
        MemorySize::Pages(PAGES)
    }

    fn install(&mut self, module: Vec<u8>, first: u32, count: u32) -> Result<Installed, HostError> {
        if u64::from(first) + u64::from(count) > TABLE_LEN {
            return Err(HostError::Full);
        }
        if let Some(compiler) = &mut self.compiler {
            let clock = self.clock.clone();
            compiler.submit(Order { bytes: module, first, count, clock });
            return Ok(Installed::Later);
        }
        let began = self.now();
        let module = Module::from_binary(&self.engine, &module).map_err(refused)?;
        self.linked.link(module, first, count)?;
        self.took += self.now().saturating_sub(began);
        Ok(Installed::Now)
    }

    fn hurry(&mut self, slot: u32) {
        if let Some(compiler) = &mut self.compiler {
            compiler.hurry(slot);
        }
    }

    fn cancel(&mut self, first: u32) -> bool {
        self.compiler.as_mut().is_some_and(|compiler| compiler.cancel(first))
    }

    fn finished(&mut self) -> Vec<(u32, Result<(), HostError>)> {
        let done = self.compiler.as_mut().map(Compiler::finished).unwrap_or_default();
        done.into_iter()
            .map(|(first, count, module, took)| {
                let began = self.now();
                let linked =
                    module.map_err(refused).and_then(|module| self.linked.link(module, first, count));
                self.took += took + self.now().saturating_sub(began);
                (first, linked)
            })
            .collect()
    }

    fn measure(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    fn compile_time(&self) -> Option<u64> {
        Some(self.took)
    }

    fn retire(&mut self, first: u32, _: u32) {
        self.linked.retire(first);
    }

    fn enter(&mut self, slot: u32, vcpu: u64, budget: u64) -> u64 {
        self.linked.enter(slot, vcpu, budget)
    }
}
