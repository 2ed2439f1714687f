//! A machine whose code is compiled: a [`CodeHost`] over wasmtime.

use super::machine::{Machine, Start};
use wasm_jit::layout::{self, Context, Leave, StoreStatus};
use wasm_jit::{CodeHost, HostError, Slot};
use wasmtime::{
    Caller, Config, Engine, Extern, Func, Instance, Memory, MemoryType, Module, OptLevel, Store, Val,
};
use x86_exec::{Domain, MemRef, Vcpu};
use x86_types::{CodeSize, Seg, Width};

/// Where the `Cpu` and the context lie in linear memory.
const CPU: u64 = 0x1000;
const CONTEXT: u64 = 0x100;

pub struct Inside {
    pub machine: Machine,
    memory: Option<Memory>,
    /// Answered by every store that succeeds
    pub status: StoreStatus,
}

pub struct Compiled {
    engine: Engine,
    store: Store<Inside>,
    imports: Vec<Extern>,
    installed: Vec<Option<Instance>>,
}

fn reference(seg: i32, offset: i64, size: i32) -> (MemRef<u64>, Width) {
    let w = Width::ALL[size.trailing_zeros() as usize];
    (MemRef { seg: Seg::from_index(seg as u8).unwrap(), offset: offset as u64 }, w)
}

fn load(
    mut caller: Caller<'_, Inside>,
    (seg, offset, size): (i32, i64, i32),
    how: fn(&mut Vcpu, &MemRef<u64>, Width) -> Result<u64, x86_exec::Trap>,
) -> i64 {
    let (m, w) = reference(seg, offset, size);
    match how(&mut caller.data_mut().machine.vcpu, &m, w) {
        Ok(v) => v as i64,
        Err(_) => {
            let memory = caller.data().memory.unwrap();
            memory.write(&mut caller, (CONTEXT + layout::REFUSED) as usize, &1_u32.to_le_bytes()).unwrap();
            // What comes with a refusal may not matter.
            0x5a5a_5a5a
        }
    }
}

impl Compiled {
    pub fn new(size: CodeSize) -> Compiled {
        let mut config = Config::new();
        config.wasm_memory64(true).cranelift_opt_level(OptLevel::None);
        let engine = Engine::new(&config).unwrap();
        let inside = Inside { machine: Machine::new(size), memory: None, status: StoreStatus::Done };
        let mut store = Store::new(&engine, inside);
        let memory = Memory::new(&mut store, MemoryType::new64(1, None)).unwrap();
        store.data_mut().memory = Some(memory);
        let plain = Func::wrap(&mut store, |caller: Caller<'_, Inside>, _: i64, seg, offset, size| {
            load(caller, (seg, offset, size), |vcpu, m, w| vcpu.load(m, w))
        });
        let for_write = Func::wrap(&mut store, |caller: Caller<'_, Inside>, _: i64, seg, offset, size| {
            load(caller, (seg, offset, size), |vcpu, m, w| vcpu.load_for_write(m, w))
        });
        let to_store = Func::wrap(
            &mut store,
            |mut caller: Caller<'_, Inside>, _: i64, seg: i32, offset: i64, size: i32, v: i64| {
                let (m, w) = reference(seg, offset, size);
                let inside = caller.data_mut();
                match inside.machine.vcpu.store(&m, w, v as u64) {
                    Ok(()) => inside.status as i32,
                    Err(_) => StoreStatus::Refused as i32,
                }
            },
        );
        let imports = vec![memory.into(), plain.into(), for_write.into(), to_store.into()];
        Compiled { engine, store, imports, installed: Vec::new() }
    }

    pub fn inside(&mut self) -> &mut Inside {
        self.store.data_mut()
    }

    pub fn machine(&mut self) -> &mut Machine {
        &mut self.store.data_mut().machine
    }

    /// Whether a module is valid.
    pub fn validate(&self, module: &[u8]) -> wasmtime::Result<()> {
        Module::validate(&self.engine, module)
    }

    pub fn set_up(&mut self, start: &Start) {
        self.machine().set_up(start);
    }

    fn put(&mut self, at: u64, value: u64) {
        let memory = self.store.data().memory.unwrap();
        memory.write(&mut self.store, at as usize, &value.to_le_bytes()).unwrap();
    }

    fn get(&mut self, at: u64) -> u64 {
        let memory = self.store.data().memory.unwrap();
        let mut data = [0; 8];
        memory.read(&self.store, at as usize, &mut data).unwrap();
        u64::from_le_bytes(data)
    }

    /// Runs function `n` of a module on the machine's state.
    pub fn run(&mut self, slot: Slot, n: usize) -> Leave {
        let cpu = self.machine().vcpu.cpu.clone();
        for (n, &v) in cpu.gpr.iter().enumerate() {
            self.put(CPU + layout::gpr(n as u8), v);
        }
        self.put(CPU + layout::RIP, cpu.rip);
        self.put(CPU + layout::FLAGS_RESULT, cpu.arith.result);
        self.put(CPU + layout::FLAGS_AUX, cpu.arith.aux);
        self.put(CPU + layout::SYSTEM_FLAGS, cpu.system_flags.bits());
        self.put(CPU + layout::CS_LIMIT, u64::from(cpu.segment(Seg::Cs).limit));
        let clear = Context::default();
        self.put(CONTEXT + layout::REFUSED, u64::from(clear.refused));
        let instance = self.installed[slot.0 as usize].unwrap();
        let function = instance.get_func(&mut self.store, &format!("b{n}")).unwrap();
        let mut result = [Val::I32(0)];
        function
            .call(&mut self.store, &[Val::I64(CPU as i64), Val::I64(CONTEXT as i64)], &mut result)
            .unwrap();
        let mut gpr = [0; 16];
        for (n, v) in gpr.iter_mut().enumerate() {
            *v = self.get(CPU + layout::gpr(n as u8));
        }
        let (rip, result_of_flags) = (self.get(CPU + layout::RIP), self.get(CPU + layout::FLAGS_RESULT));
        let aux = self.get(CPU + layout::FLAGS_AUX);
        let cpu = &mut self.machine().vcpu.cpu;
        (cpu.gpr, cpu.rip, cpu.arith.result, cpu.arith.aux) = (gpr, rip, result_of_flags, aux);
        Leave(result[0].unwrap_i32() as u32)
    }
}

impl CodeHost for Compiled {
    fn install(&mut self, module: &[u8]) -> Result<Slot, HostError> {
        let refused = |e: wasmtime::Error| HostError::Refused(format!("{e:#}"));
        let module = Module::from_binary(&self.engine, module).map_err(refused)?;
        let instance = Instance::new(&mut self.store, &module, &self.imports).map_err(refused)?;
        self.installed.push(Some(instance));
        Ok(Slot(self.installed.len() as u32 - 1))
    }

    fn retire(&mut self, slot: Slot) {
        if let Some(place) = self.installed.get_mut(slot.0 as usize) {
            *place = None;
        }
    }
}
