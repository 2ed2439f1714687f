//! A thread that compiles modules.

use std::sync::mpsc::{Receiver, Sender, channel};
use wasm_jit::{Clock, HostError};
use wasmtime::{Engine, Module};

/// A module to compile, its first slot, how many functions it has, and a clock where that is to be measured.
type Order = (Vec<u8>, u32, u32, Option<Clock>);
/// What became of it: first slot, functions, the module, and the nanoseconds it took.
type Done = (u32, u32, wasmtime::Result<Module>, u64);

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
                for (bytes, first, count, clock) in inbox {
                    let now = || clock.as_ref().map_or(0, |clock| clock());
                    let began = now();
                    let module = Module::from_binary(&engine, &bytes);
                    if outbox.send((first, count, module, now().saturating_sub(began))).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| HostError::Refused(format!("no thread for the compiler: {error}")))?;
        Ok(Self { orders, done, out: 0 })
    }

    pub(crate) fn submit(&mut self, order: Order) -> Result<(), HostError> {
        let gone = |_| HostError::Refused("the compiler's thread is gone".into());
        self.orders.send(order).map_err(gone)?;
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
