//! Modules that can be called, in one store.
//!
//! A store keeps every instance that was ever made in it, and so the code of every module. Once most of them are of
//! modules that were dropped, what is left of them moves to a new store, and the old one goes with all the rest.

use crate::imports::imports;
use crate::{refused, whole};
use std::collections::BTreeMap;
use wasm_jit::HostError;
use wasmtime::{
    Engine, Extern, Instance, Module, Ref, RefType, Store, StoreLimits, StoreLimitsBuilder, Table, TableType,
    TypedFunc,
};

/// Functions at most.
pub(crate) const TABLE_LEN: u64 = 1 << 20;
/// Instances of dropped modules that do not matter.
const FEW: usize = 512;

pub(crate) struct Linked {
    store: Store<StoreLimits>,
    imports: Vec<Extern>,
    table: Table,
    functions: Vec<Option<TypedFunc<(u64, u64), u64>>>,
    /// Functions and code by first slot
    modules: BTreeMap<u32, (u32, Module)>,
    /// Instances in the store
    instances: usize,
}

impl Linked {
    pub(crate) fn new(engine: &Engine) -> Result<Self, HostError> {
        // Wasmtime's own limit guards a host from guests; here the host itself makes the modules.
        let limits = StoreLimitsBuilder::new().instances(usize::MAX).build();
        let mut store = Store::new(engine, limits);
        store.limiter(|limits| limits);
        // Only a memory that a module defines is made by the engine's creator of memories.
        let base = Module::from_binary(engine, &whole::module()).map_err(refused)?;
        let base = Instance::new(&mut store, &base, &[]).map_err(refused)?;
        let memory = base.get_memory(&mut store, "memory").ok_or(HostError::Full)?;
        let kind = TableType::new64(RefType::FUNCREF, TABLE_LEN, Some(TABLE_LEN));
        let table = Table::new(&mut store, kind, Ref::Func(None)).map_err(refused)?;
        let imports = imports(&mut store, memory, table);
        Ok(Self { store, imports, table, functions: Vec::new(), modules: BTreeMap::new(), instances: 0 })
    }

    /// Modules that can be called, and instances.
    pub(crate) fn instances(&self) -> (usize, usize) {
        (self.modules.len(), self.instances)
    }

    /// Makes a module's functions callable. None of them is running.
    pub(crate) fn link(&mut self, module: Module, first: u32, count: u32) -> Result<(), HostError> {
        if self.instances >= 2 * self.modules.len() + FEW {
            let mut fresh = Linked::new(module.engine())?;
            for (&first, (count, module)) in &self.modules {
                fresh.add(module.clone(), first, *count)?;
            }
            *self = fresh;
        }
        self.add(module, first, count)
    }

    fn add(&mut self, module: Module, first: u32, count: u32) -> Result<(), HostError> {
        Instance::new(&mut self.store, &module, &self.imports).map_err(refused)?;
        self.instances += 1;
        for slot in first..first + count {
            let function = self.table.get(&mut self.store, slot.into());
            let function = function.and_then(|f| f.as_func().flatten().copied()).ok_or(HostError::Full)?;
            let slot = slot as usize;
            if self.functions.len() <= slot {
                self.functions.resize_with(slot + 1, || None);
            }
            self.functions[slot] = Some(function.typed(&self.store).map_err(refused)?);
        }
        self.modules.insert(first, (count, module));
        Ok(())
    }

    /// Drops the module with this first slot.
    pub(crate) fn retire(&mut self, first: u32) {
        let count = self.modules.remove(&first).map_or(0, |(count, _)| count);
        for slot in first..first + count {
            if let Some(place) = self.functions.get_mut(slot as usize) {
                *place = None;
            }
        }
    }

    pub(crate) fn enter(&mut self, slot: u32, vcpu: u64, budget: u64) -> u64 {
        let Some(Some(function)) = self.functions.get(slot as usize) else { return budget };
        // Compiled code has no instruction that traps: what it divides by and jumps to is checked before.
        function.call(&mut self.store, (vcpu, budget)).unwrap_or(budget)
    }
}
