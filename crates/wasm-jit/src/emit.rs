//! From recorded blocks to a WebAssembly module.

use crate::block::{Action, Block, Exit};
use crate::domain::seg_index;
use crate::layout::{self, Leave, StoreStatus};
use crate::value::{Entry, Node, Op1, Op2, Value};
use wasm_encoder::{
    BlockType, CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    InstructionSink, MemArg, MemoryType, Module, TypeSection, ValType,
};

/// Parameters of a block's function: addresses of the `Cpu` and of the [`layout::Context`].
const CPU: u32 = 0;
const CONTEXT: u32 = 1;
const PARAMETERS: u32 = 2;

const LOAD: u32 = 0;
const LOAD_FOR_WRITE: u32 = 1;
const STORE: u32 = 2;
const IMPORTS: u32 = 3;

/// Expressions nest at most so deep: what lies deeper goes through a local.
const MAX_DEPTH: u32 = 24;

/// One module with a function `b0`, `b1`... for each block.
///
/// SPEC: wasm-3.0-core :: 2.4.5 Memory Instructions -> the memory is 64-bit: addresses on the stack are i64, and field offsets ride in the memory argument
pub fn module(blocks: &[Block]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I64; 2], [ValType::I32]);
    types.ty().function([ValType::I64, ValType::I32, ValType::I64, ValType::I32], [ValType::I64]);
    types
        .ty()
        .function([ValType::I64, ValType::I32, ValType::I64, ValType::I32, ValType::I64], [ValType::I32]);
    let mut imports = ImportSection::new();
    let memory =
        MemoryType { minimum: 1, maximum: None, memory64: true, shared: false, page_size_log2: None };
    imports.import("env", "memory", memory);
    imports.import("env", "load", EntityType::Function(1));
    imports.import("env", "load_for_write", EntityType::Function(1));
    imports.import("env", "store", EntityType::Function(2));
    let (mut functions, mut exports, mut code) =
        (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    for (n, block) in blocks.iter().enumerate() {
        functions.function(0);
        exports.export(&format!("b{n}"), ExportKind::Func, IMPORTS + n as u32);
        code.function(&function(block));
    }
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    module.finish()
}

/// Which values live, and which of them in a local.
struct Plan {
    /// Local by value
    local: Vec<Option<u32>>,
    locals: u32,
}

impl Plan {
    /// A value that nothing needs is not emitted: that is how flags die that the next definition replaces. One with a
    /// single use is computed there; if that is a way out, only code that leaves pays for it.
    fn of(block: &Block) -> Plan {
        let values = &block.values;
        let (mut uses, mut cold) = (vec![0_u32; values.len()], vec![0_u32; values.len()]);
        let mut count = |v: Value, leaving: bool| {
            if let (Some(uses), Some(cold)) = (uses.get_mut(v.0 as usize), cold.get_mut(v.0 as usize)) {
                *uses += 1;
                *cold += u32::from(leaving);
            }
        };
        for (_, v) in stores(block, &block.last) {
            count(v, false);
        }
        for effect in &block.effects {
            effect.action.operands().for_each(|v| count(v, false));
            if let Some(exit) = block.exits.get(effect.action.exit() as usize) {
                stores(block, exit).for_each(|(_, v)| count(v, true));
            }
        }
        let mut plan = Plan { local: vec![None; values.len()], locals: 0 };
        for (v, node) in values.iter().rev() {
            if uses.get(v.0 as usize).is_some_and(|&n| n > 0) {
                for operand in node.operands() {
                    if let Some(uses) = uses.get_mut(operand.0 as usize) {
                        *uses += 1;
                    }
                }
            }
        }
        let mut depth = vec![0_u32; values.len()];
        for (v, node) in values.iter() {
            let n = v.0 as usize;
            let (Some(&used), Some(&leaving)) = (uses.get(n), cold.get(n)) else { continue };
            let inlined =
                node.operands().filter_map(|v| depth.get(v.0 as usize)).max().copied().unwrap_or(0) + 1;
            let cheap = matches!(node, Node::Two(_, a, b)
                if matches!(values.node(a), Node::Entry(_)) && values.constant(b).is_some());
            let needs_local = match node {
                Node::Imm(_) | Node::Entry(Entry::Rip) => false,
                Node::Effect(..) => used > 0,
                _ if cheap && used == leaving => false,
                _ => used > 1 || used == 1 && inlined > MAX_DEPTH,
            };
            if let (true, Some(place)) = (needs_local, plan.local.get_mut(n)) {
                *place = Some(PARAMETERS + plan.locals);
                plan.locals += 1;
            } else if let Some(depth) = depth.get_mut(n) {
                *depth = inlined;
            }
        }
        plan
    }

    fn local(&self, v: Value) -> Option<u32> {
        self.local.get(v.0 as usize).copied().flatten()
    }
}

/// What an exit writes: offsets within `Cpu`, and values. What is as at entry is not written.
fn stores<'a>(block: &'a Block, exit: &'a Exit) -> impl Iterator<Item = (u64, Value)> + 'a {
    let gprs = exit.state.gpr.iter().enumerate().filter_map(|(n, &v)| Some((n as u8, v?)));
    let gprs = gprs
        .filter(|&(n, v)| block.values.node(v) != Node::Entry(Entry::Gpr(n)))
        .map(|(n, v)| (layout::gpr(n), v));
    let flags = exit.state.flags.into_iter().flat_map(|(result, aux)| {
        [(layout::FLAGS_RESULT, Entry::FlagsResult, result), (layout::FLAGS_AUX, Entry::FlagsAux, aux)]
    });
    let flags = flags
        .filter(|&(_, entry, v)| block.values.node(v) != Node::Entry(entry))
        .map(|(offset, _, v)| (offset, v));
    let rip = (block.values.node(exit.rip) != Node::Entry(Entry::Rip)).then_some((layout::RIP, exit.rip));
    gprs.chain(flags).chain(rip)
}

fn function(block: &Block) -> Function {
    let plan = Plan::of(block);
    let mut function = Function::new([(plan.locals, ValType::I64)]);
    let mut emitter = Emitter { block, plan, out: function.instructions(), ready: 0 };
    for (n, effect) in block.effects.iter().enumerate() {
        emitter.compute(effect.at);
        emitter.action(n as u32, effect.action);
    }
    emitter.compute(block.values.len());
    emitter.leave(&block.last);
    emitter.out.end();
    function
}

const fn place(offset: u64, align: u32) -> MemArg {
    MemArg { offset, align, memory_index: 0 }
}

struct Emitter<'a> {
    block: &'a Block,
    plan: Plan,
    out: InstructionSink<'a>,
    /// Values before this one are in their locals
    ready: usize,
}

impl Emitter<'_> {
    /// Puts the values before number `end` into their locals.
    fn compute(&mut self, end: usize) {
        for n in self.ready..end {
            let v = Value(n as u32);
            let node = self.block.values.node(v);
            if let (Some(local), false) = (self.plan.local(v), matches!(node, Node::Effect(..))) {
                self.node(node);
                self.out.local_set(local);
            }
        }
        self.ready = self.ready.max(end);
    }

    fn action(&mut self, number: u32, action: Action) {
        let result = self.result_local(number);
        match action {
            Action::Load { access, for_write, .. } => {
                self.address(access);
                self.out.call(if for_write { LOAD_FOR_WRITE } else { LOAD });
                match result {
                    Some(local) => self.out.local_set(local),
                    None => self.out.drop(),
                };
                self.out.local_get(CONTEXT).i32_load(place(layout::REFUSED, 2));
            }
            Action::Store { access, value, .. } => {
                self.address(access);
                self.value(value);
                self.out.call(STORE);
                let refused = StoreStatus::Refused as u32;
                if let Some(local) = result {
                    self.out.i64_extend_i32_u().local_tee(local).i64_const(refused.into()).i64_eq();
                } else {
                    self.out.i32_const(refused as i32).i32_eq();
                }
            }
            Action::LeaveIf { condition, .. } => self.truth(condition),
        }
        // SPEC: wasm-3.0-core :: 2.4.2 Control Instructions -> `if` takes an i32; `return` leaves with the way out's code
        self.out.if_(BlockType::Empty);
        if let Some(exit) = self.block.exits.get(action.exit() as usize) {
            self.leave(exit);
            self.out.return_();
        }
        self.out.end();
    }

    fn address(&mut self, access: crate::block::Access) {
        self.out.local_get(CPU).i32_const(seg_index(access.seg));
        self.value(access.offset);
        self.out.i32_const(access.w.bytes() as i32);
    }

    /// Where the value of effect `number` goes, if anything wants it. It stands right behind the effect.
    fn result_local(&self, number: u32) -> Option<u32> {
        let at = self.block.effects.get(number as usize)?.at;
        let v = Value(at as u32);
        match self.block.values.node(v) {
            Node::Effect(n, _) if n == number => self.plan.local(v),
            _ => None,
        }
    }

    /// Stores the state and pushes the code to return. All values are taken before the first store, since they may
    /// read what a store replaces.
    fn leave(&mut self, exit: &Exit) {
        let block = self.block;
        let mut places = Vec::new();
        for (offset, v) in stores(block, exit) {
            self.out.local_get(CPU);
            self.value(v);
            places.push(offset);
        }
        for &offset in places.iter().rev() {
            self.out.i64_store(place(offset, 3));
        }
        let code = exit.retired | if exit.interpret { Leave::INTERPRET } else { 0 };
        self.out.i32_const(code as i32);
    }

    /// Pushes a value.
    fn value(&mut self, v: Value) {
        match self.plan.local(v) {
            Some(local) => {
                self.out.local_get(local);
            }
            None => self.node(self.block.values.node(v)),
        }
    }

    /// Pushes an i32 that is 0 exactly where `v` is.
    fn truth(&mut self, v: Value) {
        let node = self.block.values.node(v);
        match node {
            Node::Two(op, a, b) if self.plan.local(v).is_none() => {
                let constant = self.block.values.constant(b);
                if op == Op2::Eq && constant == Some(0) {
                    self.value(a);
                    self.out.i64_eqz();
                    return;
                }
                if op == Op2::Xor && constant == Some(1) && self.block.values.bits(a) <= 1 {
                    self.truth(a);
                    self.out.i32_eqz();
                    return;
                }
                if self.comparison(op, a, b) {
                    return;
                }
            }
            _ => {}
        }
        self.value(v);
        if self.block.values.bits(v) <= 32 {
            self.out.i32_wrap_i64();
        } else {
            self.out.i64_const(0).i64_ne();
        }
    }

    /// Pushes the i32 of a comparison, if `op` is one.
    fn comparison(&mut self, op: Op2, a: Value, b: Value) -> bool {
        if !matches!(op, Op2::Eq | Op2::Ne | Op2::LtU | Op2::LeU | Op2::LtS | Op2::LeS) {
            return false;
        }
        self.value(a);
        self.value(b);
        match op {
            Op2::Eq => self.out.i64_eq(),
            Op2::Ne => self.out.i64_ne(),
            Op2::LtU => self.out.i64_lt_u(),
            Op2::LeU => self.out.i64_le_u(),
            Op2::LtS => self.out.i64_lt_s(),
            _ => self.out.i64_le_s(),
        };
        true
    }

    fn node(&mut self, node: Node) {
        match node {
            Node::Imm(value) => {
                self.out.i64_const(value as i64);
            }
            Node::Entry(entry) => self.entry(entry),
            Node::Two(op, a, b) => self.two(op, a, b),
            Node::One(op, a) => {
                self.value(a);
                match op {
                    Op1::Clz => self.out.i64_clz(),
                    Op1::Ctz => self.out.i64_ctz(),
                    Op1::Popcnt => self.out.i64_popcnt(),
                    Op1::Extend8 => self.out.i64_extend8_s(),
                    Op1::Extend16 => self.out.i64_extend16_s(),
                    Op1::Extend32 => self.out.i64_extend32_s(),
                };
            }
            // SPEC: wasm-3.0-core :: 2.4.1 Parametric Instructions -> `select` takes the first of two operands where the i32 above them is not 0
            Node::Select(c, yes, no) => {
                self.value(yes);
                self.value(no);
                self.truth(c);
                self.out.select();
            }
            // Always in a local where it is used.
            Node::Effect(..) => {
                self.out.unreachable();
            }
        }
    }

    fn entry(&mut self, entry: Entry) {
        self.out.local_get(CPU);
        match entry {
            Entry::Gpr(n) => self.out.i64_load(place(layout::gpr(n), 3)),
            Entry::Rip => self.out.i64_load(place(layout::RIP, 3)),
            Entry::FlagsResult => self.out.i64_load(place(layout::FLAGS_RESULT, 3)),
            Entry::FlagsAux => self.out.i64_load(place(layout::FLAGS_AUX, 3)),
            Entry::SystemFlags => self.out.i64_load(place(layout::SYSTEM_FLAGS, 3)),
            Entry::CsLimit => self.out.i64_load32_u(place(layout::CS_LIMIT, 2)),
        };
    }

    fn two(&mut self, op: Op2, a: Value, b: Value) {
        if self.comparison(op, a, b) {
            self.out.i64_extend_i32_u();
            return;
        }
        self.value(a);
        self.value(b);
        match op {
            Op2::Add => self.out.i64_add(),
            Op2::Sub => self.out.i64_sub(),
            Op2::Mul => self.out.i64_mul(),
            Op2::And => self.out.i64_and(),
            Op2::Or => self.out.i64_or(),
            Op2::Xor => self.out.i64_xor(),
            Op2::Shl => self.out.i64_shl(),
            Op2::ShrU => self.out.i64_shr_u(),
            Op2::ShrS => self.out.i64_shr_s(),
            Op2::Rotl => self.out.i64_rotl(),
            Op2::Rotr => self.out.i64_rotr(),
            Op2::DivU => self.out.i64_div_u(),
            Op2::DivS => self.out.i64_div_s(),
            Op2::RemU => self.out.i64_rem_u(),
            Op2::RemS => self.out.i64_rem_s(),
            Op2::Eq | Op2::Ne | Op2::LtU | Op2::LeU | Op2::LtS | Op2::LeS => &mut self.out,
        };
    }
}
