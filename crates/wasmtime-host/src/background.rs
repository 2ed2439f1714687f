//! A thread that compiles modules.

use std::sync::mpsc::{Receiver, Sender, channel};
use wasm_jit::HostError;
use wasmtime::{Engine, Module};

/// A module to compile, its first slot and how many functions it has.
type Order = (Vec<u8>, u32, u32);
/// What became of it.
type Done = (u32, u32, wasmtime::Result<Module>);

pub(crate) struct Compiler {
    orders: Sender<Order>,
    done: Receiver<Done>,
    /// Modules that have not come back
    out: usize,
}

impl Compiler {
    pub(crate) fn start(engine: &Engine) -> Result<Self, HostError> {
        let (orders, inbox) = channel::<Order>();
        let (outbox, done) = channel::<Done>();
        let engine = engine.clone();
        // It ends with the sender of orders.
        std::thread::Builder::new()
            .name("v64-compile".into())
            .spawn(move || {
                for (bytes, first, count) in inbox {
                    let module = Module::from_binary(&engine, &bytes);
                    if outbox.send((first, count, module)).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| HostError::Refused(format!("no thread for the compiler: {error}")))?;
        Ok(Self { orders, done, out: 0 })
    }

    pub(crate) fn submit(&mut self, module: Vec<u8>, first: u32, count: u32) -> Result<(), HostError> {
        let gone = |_| HostError::Refused("the compiler's thread is gone".into());
        self.orders.send((module, first, count)).map_err(gone)?;
        self.out += 1;
        Ok(())
    }

    pub(crate) fn finished(&mut self) -> Vec<Done> {
        if self.out == 0 {
            return Vec::new();
        }
        let done: Vec<Done> = self.done.try_iter().collect();
        self.out -= done.len();
        done
    }
}
