//! The recording [`Domain`]: semantics over it write down what they would do.

use crate::block::{Access, Action, Block, Effect, End, Exit, State};
use crate::value::{Entry, Op2, Value, Values};
use crate::{MAX_INSTRUCTIONS, Mode};
use x86_decode::Instruction;
use x86_exec::vector::VecOp;
use x86_exec::{Bin, Cmp, Domain, Flag, FlagDef, Flow, MemRef, Step, Un, exec};
use x86_types::{CodeSize, Cond, Exception, Seg, Width};

/// The instruction being recorded cannot be: the block ends before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotRecorded;

/// A vector. None is recorded yet: whatever touches one is [`NotRecorded`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoVector;

pub(crate) struct Recorder {
    mode: Mode,
    pub(crate) values: Values,
    effects: Vec<Effect>,
    exits: Vec<Exit>,
    pub(crate) state: State,
    /// The state before the instruction being recorded
    before: State,
    /// Set while the last [`FlagDef`] says more than the lazy form
    pub(crate) last_flags: Option<FlagDef<Value>>,
    retired: u32,
    /// Distance of the instruction being recorded, and of the next one, from the block's start
    offset: u64,
    next_offset: u64,
    /// The way out before this instruction, where one was needed
    before_exit: Option<u32>,
    /// Where a jump of this instruction goes
    target: Option<Value>,
    /// Statuses of this instruction's stores
    stores: Vec<Value>,
    /// Conditions on which the block has been left: they do not hold any more
    excluded: Vec<Value>,
    /// The instruction needs what cannot be recorded
    unsupported: bool,
}

/// Records as many of `insns` as can be.
pub(crate) fn record(insns: &[Instruction], mode: Mode) -> Block {
    let mut recorder = Recorder {
        mode,
        values: Values::default(),
        effects: Vec::new(),
        exits: Vec::new(),
        state: State::default(),
        before: State::default(),
        last_flags: None,
        retired: 0,
        offset: 0,
        next_offset: 0,
        before_exit: None,
        target: None,
        stores: Vec::new(),
        excluded: Vec::new(),
        unsupported: false,
    };
    let mut end = if insns.len() > MAX_INSTRUCTIONS { End::Full } else { End::Whole };
    for (n, insn) in insns.iter().take(MAX_INSTRUCTIONS).enumerate() {
        match recorder.instruction(insn) {
            Ok(Flow::Next) if n + 1 < insns.len().min(MAX_INSTRUCTIONS) => recorder.leave_after_stores(),
            Ok(Flow::Next) => {}
            Ok(Flow::End) => {
                end = End::Branch;
                break;
            }
            Err(NotRecorded) => {
                end = End::Interpret;
                break;
            }
        }
    }
    recorder.finish(end)
}

impl Recorder {
    /// One instruction, or the state before it.
    fn instruction(&mut self, insn: &Instruction) -> Result<Flow, NotRecorded> {
        let (values, effects, exits) = (self.values.len(), self.effects.len(), self.exits.len());
        let flags = self.last_flags;
        self.before = self.state.clone();
        self.before_exit = None;
        self.stores.clear();
        self.next_offset = self.offset + u64::from(insn.len);
        let step = exec(self, insn);
        if step.is_err() || self.unsupported {
            self.values.truncate(values);
            self.effects.truncate(effects);
            self.exits.truncate(exits);
            self.state = self.before.clone();
            self.last_flags = flags;
            self.target = None;
            return Err(NotRecorded);
        }
        self.retired += 1;
        self.offset = self.next_offset;
        step
    }

    fn finish(mut self, end: End) -> Block {
        let rip = match self.target {
            Some(target) => target,
            None => self.rip(self.offset),
        };
        let interpret = end == End::Interpret;
        let last = Exit { state: self.state, rip, retired: self.retired, interpret };
        Block { values: self.values, effects: self.effects, exits: self.exits, last, end }
    }

    /// RIP so far behind the block's start. The start is read from the state: code may be mapped at several addresses.
    fn rip(&mut self, offset: u64) -> Value {
        let (start, offset) = (self.values.entry(Entry::Rip), self.values.imm(offset));
        let rip = self.values.two(Op2::Add, start, offset);
        if self.mode.code_size == CodeSize::Bits64 { rip } else { self.cut(Width::B4, rip) }
    }

    fn add_exit(&mut self, exit: Exit) -> u32 {
        self.exits.push(exit);
        self.exits.len() as u32 - 1
    }

    /// The way out that leaves this instruction to the interpreter. It starts the instruction over, so that none of its
    /// stores may have been made: it could read what they changed.
    fn exit_before(&mut self) -> u32 {
        self.unsupported |= !self.stores.is_empty();
        if let Some(exit) = self.before_exit {
            return exit;
        }
        let rip = self.rip(self.offset);
        let exit =
            self.add_exit(Exit { state: self.before.clone(), rip, retired: self.retired, interpret: true });
        self.before_exit = Some(exit);
        exit
    }

    fn act(&mut self, action: Action) -> u32 {
        self.effects.push(Effect { at: self.values.len(), action });
        self.effects.len() as u32 - 1
    }

    /// Leaves before this instruction where `condition` is not 0.
    pub(crate) fn leave_if(&mut self, condition: Value) {
        if self.values.constant(condition) == Some(0) || self.excluded.contains(&condition) {
            return;
        }
        self.excluded.push(condition);
        let exit = self.exit_before();
        self.act(Action::LeaveIf { condition, exit });
    }

    /// A store may have asked to go no further: code was written, or an interrupt is due.
    fn leave_after_stores(&mut self) {
        for n in 0..self.stores.len() {
            let Some(&condition) = self.stores.get(n) else { break };
            let rip = self.rip(self.offset);
            let state = self.state.clone();
            let exit = self.add_exit(Exit { state, rip, retired: self.retired, interpret: false });
            self.act(Action::LeaveIf { condition, exit });
        }
    }

    /// Whether RIP may not become `target`. With 57-bit linear addresses the interpreter decides what lies between.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.3.7.1 Canonical Addressing -> bits 63:47 of a target have to be equal; if not, the instruction is left to the interpreter
    fn is_bad_target(&mut self, target: Value) -> Value {
        if self.mode.code_size == CodeSize::Bits64 {
            let up = self.values.imm(16);
            let shifted = self.values.two(Op2::Shl, target, up);
            let back = self.values.two(Op2::ShrS, shifted, up);
            return self.values.two(Op2::Ne, back, target);
        }
        let limit = self.values.entry(Entry::CsLimit);
        self.values.two(Op2::LtU, limit, target)
    }

    fn read_memory(&mut self, m: &MemRef<Value>, w: Width, for_write: bool) -> Value {
        let refused = self.exit_before();
        let access = Access { seg: m.seg, offset: m.offset, w };
        let number = self.act(Action::Load { access, for_write, refused });
        self.values.effect(number, w.bits())
    }

    fn whole_gpr(&mut self, r: u8) -> Value {
        let r = r & 15;
        match self.state.gpr.get(usize::from(r)) {
            Some(&Some(v)) => v,
            _ => self.values.entry(Entry::Gpr(r)),
        }
    }

    fn high_byte(r: u8) -> u64 {
        u64::from(r >> 4 & 1) * 8
    }
}

impl Domain for Recorder {
    type V = Value;
    type X = NoVector;
    type Fault = NotRecorded;

    fn code_size(&self) -> CodeSize {
        self.mode.code_size
    }

    fn stack_width(&self) -> Width {
        self.mode.stack_width
    }

    fn imm(&mut self, value: u64) -> Value {
        self.values.imm(value)
    }

    fn bin(&mut self, op: Bin, w: Width, a: Value, b: Value) -> Value {
        self.lower_bin(op, w, a, b)
    }

    fn un(&mut self, op: Un, w: Width, a: Value) -> Value {
        self.lower_un(op, w, a)
    }

    fn cmp(&mut self, op: Cmp, w: Width, a: Value, b: Value) -> Value {
        self.lower_cmp(op, w, a, b)
    }

    fn select(&mut self, c: Value, yes: Value, no: Value) -> Value {
        self.values.select(c, yes, no)
    }

    fn sext(&mut self, from: Width, to: Width, a: Value) -> Value {
        let wide = self.extend(from, a);
        self.cut(to, wide)
    }

    fn trunc(&mut self, to: Width, a: Value) -> Value {
        self.cut(to, a)
    }

    fn mul_wide(&mut self, signed: bool, w: Width, a: Value, b: Value) -> (Value, Value) {
        self.lower_mul(signed, w, a, b)
    }

    fn div_wide(
        &mut self,
        signed: bool,
        w: Width,
        hi: Value,
        lo: Value,
        divisor: Value,
    ) -> Result<(Value, Value), NotRecorded> {
        Ok(if signed { self.lower_idiv(w, hi, lo, divisor) } else { self.lower_div(w, hi, lo, divisor) })
    }

    fn read_gpr(&mut self, r: u8, w: Width) -> Value {
        let mut v = self.whole_gpr(r);
        if w == Width::B1 {
            let shift = self.values.imm(Self::high_byte(r));
            v = self.values.two(Op2::ShrU, v, shift);
        }
        self.cut(w, v)
    }

    fn write_gpr(&mut self, r: u8, w: Width, v: Value) {
        let mut new = self.cut(w, v);
        if matches!(w, Width::B1 | Width::B2) {
            let shift = if w == Width::B1 { Self::high_byte(r) } else { 0 };
            let (old, keep) = (self.whole_gpr(r), self.values.imm(!(w.mask() << shift)));
            let kept = self.values.two(Op2::And, old, keep);
            let shift = self.values.imm(shift);
            new = self.values.two(Op2::Shl, new, shift);
            new = self.values.two(Op2::Or, kept, new);
        }
        if let Some(place) = self.state.gpr.get_mut(usize::from(r & 15)) {
            *place = Some(new);
        }
    }

    fn set_flags(&mut self, def: FlagDef<Value>) {
        let flags = self.lower_flags(def);
        self.state.flags = Some(flags);
        self.last_flags = Some(def);
    }

    fn set_flags_if(&mut self, c: Value, def: FlagDef<Value>) {
        match self.values.constant(c) {
            Some(0) => {}
            Some(_) => self.set_flags(def),
            None => {
                let (old, new) = (self.flags(), self.lower_flags(def));
                let result = self.values.select(c, new.0, old.0);
                let aux = self.values.select(c, new.1, old.1);
                self.state.flags = Some((result, aux));
                self.last_flags = None;
            }
        }
    }

    fn flag(&mut self, flag: Flag) -> Value {
        self.lower_flag(flag)
    }

    fn flags_image(&mut self) -> Value {
        self.lower_image()
    }

    fn direction(&mut self) -> Value {
        let (flags, place) = (self.values.entry(Entry::SystemFlags), self.values.imm(10));
        self.bit(flags, place)
    }

    fn load(&mut self, m: &MemRef<Value>, w: Width) -> Result<Value, NotRecorded> {
        Ok(self.read_memory(m, w, false))
    }

    fn load_for_write(&mut self, m: &MemRef<Value>, w: Width) -> Result<Value, NotRecorded> {
        Ok(self.read_memory(m, w, true))
    }

    fn store(&mut self, m: &MemRef<Value>, w: Width, v: Value) -> Result<(), NotRecorded> {
        let refused = self.exit_before();
        let access = Access { seg: m.seg, offset: m.offset, w };
        let number = self.act(Action::Store { access, value: v, refused });
        let status = self.values.effect(number, 2);
        self.stores.push(status);
        Ok(())
    }

    fn load128(&mut self, _: &MemRef<Value>, _: bool) -> Result<NoVector, NotRecorded> {
        Err(NotRecorded)
    }

    fn store128(&mut self, _: &MemRef<Value>, _: bool, _: NoVector) -> Result<(), NotRecorded> {
        Err(NotRecorded)
    }

    fn read_xmm(&mut self, _: u8) -> NoVector {
        self.unsupported = true;
        NoVector
    }

    fn write_xmm(&mut self, _: u8, _: NoVector) {
        self.unsupported = true;
    }

    fn extract(&mut self, _: NoVector, _: Width, _: u8) -> Value {
        self.unsupported = true;
        self.values.imm(0)
    }

    fn insert(&mut self, _: NoVector, _: Width, _: u8, _: Value) -> NoVector {
        self.unsupported = true;
        NoVector
    }

    fn zero128(&mut self) -> NoVector {
        self.unsupported = true;
        NoVector
    }

    fn vector(&mut self, _: VecOp, _: NoVector, _: NoVector, _: u8) -> Result<NoVector, NotRecorded> {
        Err(NotRecorded)
    }

    fn check_sse(&mut self) -> Result<(), NotRecorded> {
        Err(NotRecorded)
    }

    fn read_mmx(&mut self, _: u8) -> Value {
        self.unsupported = true;
        self.values.imm(0)
    }

    fn write_mmx(&mut self, _: u8, _: Value) {
        self.unsupported = true;
    }

    fn check_mmx(&mut self) -> Result<(), NotRecorded> {
        Err(NotRecorded)
    }

    fn enter_mmx(&mut self) {
        self.unsupported = true;
    }

    fn next_rip(&mut self) -> Value {
        self.rip(self.next_offset)
    }

    fn check_target(&mut self, target: Value) -> Result<(), NotRecorded> {
        let bad = self.is_bad_target(target);
        self.leave_if(bad);
        Ok(())
    }

    fn jump(&mut self, target: Value) -> Result<(), NotRecorded> {
        self.check_target(target)?;
        self.target = Some(target);
        Ok(())
    }

    fn branch(&mut self, c: Value, target: Value) -> Result<(), NotRecorded> {
        let bad = self.is_bad_target(target);
        let bad = self.values.two(Op2::And, c, bad);
        self.leave_if(bad);
        let next = self.rip(self.next_offset);
        self.target = Some(self.values.select(c, target, next));
        Ok(())
    }

    fn raise(&mut self, _: Exception) -> NotRecorded {
        NotRecorded
    }

    fn concrete(&mut self, _: &Instruction) -> Step<Self> {
        Err(NotRecorded)
    }

    fn repeat(
        &mut self,
        _: &Instruction,
        _: fn(&mut Self, &Instruction) -> Result<(), NotRecorded>,
    ) -> Step<Self> {
        Err(NotRecorded)
    }

    fn cond(&mut self, cond: Cond) -> Value {
        self.lower_cond(cond)
    }
}

/// Segments as the imported functions take them.
pub(crate) const fn seg_index(seg: Seg) -> i32 {
    seg as i32
}
