//! Threads that compile modules, the newest first.
//!
//! There may be more modules to compile than there is time for. The latest hot code is executing now; older code may
//! never run again. So the queue is a stack, and a module that is requested again moves to its top.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use wasm_jit::{Clock, HostError};
use wasmtime::{Engine, Module};

/// Threads at most. One processor is left for the machine.
const MOST_THREADS: usize = 4;

/// A module to compile.
pub(crate) struct Order {
    pub(crate) bytes: Vec<u8>,
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// Where it is to be measured how long it takes
    pub(crate) clock: Option<Clock>,
}

/// What became of it: its first slot, how many functions it has, the module, and the nanoseconds it took.
type Done = (u32, u32, wasmtime::Result<Module>, u64);

#[derive(Default)]
struct Orders {
    stack: Vec<Order>,
    closed: bool,
}

#[derive(Default)]
struct Desk {
    orders: Mutex<Orders>,
    more: Condvar,
}

impl Desk {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        // A thread that panicked did so outside; the list is whole.
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next order; `None` when there will be none.
    fn take(&self) -> Option<Order> {
        let mut orders = self.orders();
        loop {
            if orders.closed {
                return None;
            }
            if let Some(order) = orders.stack.pop() {
                return Some(order);
            }
            orders = self.more.wait(orders).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

pub(crate) struct Compiler {
    desk: Arc<Desk>,
    done: Receiver<Done>,
    /// Modules that have not come back
    out: usize,
}

fn work(desk: &Desk, engine: &Engine, outbox: &Sender<Done>) {
    while let Some(Order { bytes, first, count, clock }) = desk.take() {
        let now = || clock.as_ref().map_or(0, |clock| clock());
        let began = now();
        let module = Module::from_binary(engine, &bytes);
        if outbox.send((first, count, module, now().saturating_sub(began))).is_err() {
            return;
        }
    }
}

impl Compiler {
    pub(crate) fn start(engine: &Engine) -> Result<Self, HostError> {
        let desk = Arc::new(Desk::default());
        let (outbox, done) = channel::<Done>();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        for n in 0..(processors - 1).clamp(1, MOST_THREADS) {
            let (desk, engine, outbox) = (Arc::clone(&desk), engine.clone(), outbox.clone());
            std::thread::Builder::new()
                .name(format!("v64-compile-{n}"))
                .spawn(move || work(&desk, &engine, &outbox))
                .map_err(|error| HostError::Refused(format!("no thread for the compiler: {error}")))?;
        }
        Ok(Self { desk, done, out: 0 })
    }

    pub(crate) fn submit(&mut self, order: Order) {
        self.desk.orders().stack.push(order);
        self.desk.more.notify_one();
        self.out += 1;
    }

    /// The module with this slot, if it still waits, is compiled next.
    pub(crate) fn hurry(&mut self, slot: u32) {
        let mut orders = self.desk.orders();
        let wanted = |order: &Order| (order.first..order.first + order.count).contains(&slot);
        if let Some(n) = orders.stack.iter().position(wanted) {
            let order = orders.stack.remove(n);
            orders.stack.push(order);
        }
    }

    /// Takes back the order with this first slot, if no thread has begun with it.
    pub(crate) fn cancel(&mut self, first: u32) -> bool {
        let mut orders = self.desk.orders();
        let before = orders.stack.len();
        orders.stack.retain(|order| order.first != first);
        let cancelled = before - orders.stack.len();
        self.out -= cancelled;
        cancelled > 0
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

impl Drop for Compiler {
    fn drop(&mut self) {
        self.desk.orders().closed = true;
        self.desk.more.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_next_unless_another_is_asked_for() {
        let desk = Arc::new(Desk::default());
        let (_, done) = channel();
        let mut compiler = Compiler { desk: Arc::clone(&desk), done, out: 0 };
        for first in [10, 20, 30] {
            compiler.submit(Order { bytes: Vec::new(), first, count: 5, clock: None });
        }
        compiler.hurry(14);
        compiler.hurry(19);
        let order: Vec<u32> = (0..3).filter_map(|_| desk.take()).map(|order| order.first).collect();
        assert_eq!(order, [10, 30, 20]);
        drop(compiler);
        assert!(desk.take().is_none());
    }

    #[test]
    fn what_no_thread_has_begun_with_can_be_taken_back() {
        let desk = Arc::new(Desk::default());
        let (_, done) = channel();
        let mut compiler = Compiler { desk: Arc::clone(&desk), done, out: 0 };
        for first in [10, 20] {
            compiler.submit(Order { bytes: Vec::new(), first, count: 5, clock: None });
        }
        assert_eq!(desk.take().map(|order| order.first), Some(20));
        assert_eq!([10, 20, 10].map(|first| compiler.cancel(first)), [true, false, false]);
        assert_eq!((compiler.out, desk.orders().stack.len()), (1, 0));
    }
}
