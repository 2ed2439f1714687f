//! The recording [`Domain`]: the instructions' semantics, run over it, record values and effects instead of computing.

mod building_blocks;
mod exits;
mod memory;
mod reuse;
mod segments;
mod vector;
mod x87;

use crate::block::{Access, Action, Base, Block, Effect, Exit, State, Terminator};
use crate::layout;
use crate::value::vector::Precision;
use crate::value::{Entry, Node, Op2, Value, Values};
use exits::Checkpoint;
use x86_decode::Instruction;
use x86_exec::vcpu::compiled::{CodeMode, Segments};
use x86_exec::vector::VecOp;
use x86_exec::{Bin, Cmp, Domain, Flag, FlagDef, Flow, MemRef, Step, Un, exec};
use x86_types::{CodeSize, Cond, Exception, Seg, Width};

/// The current instruction cannot be recorded; the block ends before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotRecorded;

pub(crate) struct Recorder {
    pub(crate) mode: CodeMode,
    pub(crate) values: Values,
    effects: Vec<Effect>,
    exits: Vec<Exit>,
    pub(crate) state: State,
    /// Where the interpreter starts over after a side exit
    checkpoint: Checkpoint,
    pub(crate) versions: u32,
    retired: u32,
    /// RIP of the region's entry when it was formed, as far as that tells distances that wrap
    start: u64,
    /// Distance of the instruction being recorded, and of the next one, from the region's entry
    offset: i64,
    next_offset: i64,
    /// Terminator of this instruction
    term: Option<Terminator>,
    /// The address that this instruction's last load translated for writing
    opened: Option<Access>,
    /// The instruction has stored
    stored: bool,
    /// The instruction stored the address of the next one
    returns_to: Option<i64>,
    /// Conditions of earlier side exits, which are known to be false
    excluded: Vec<Value>,
    /// Floats, and vectors of floats of a format, that are neither NaNs nor denormal
    known_normal: Vec<(Option<Precision>, Value)>,
    /// What was recorded depends on [`CodeMode::float`]
    of_float_mode: bool,
    /// What tells exceptions of x87 instructions since the checkpoint that were not looked at
    unchecked: Option<Value>,
    /// The instruction needs what cannot be recorded
    unsupported: bool,
}

impl Recorder {
    /// Records one instruction, or nothing of it. Returns whether the block continues.
    pub(crate) fn instruction(&mut self, insn: &Instruction) -> Result<bool, NotRecorded> {
        let (values, effects, exits) = (self.values.len(), self.effects.len(), self.exits.len());
        let (excluded, known_normal, unchecked) =
            (self.excluded.len(), self.known_normal.len(), self.unchecked);
        if std::mem::take(&mut self.stored) {
            let state = self.state.clone();
            self.checkpoint = Checkpoint { state, at: self.offset, retired: self.retired, exit: None };
        }
        let (before, exit) = (self.state.clone(), self.checkpoint.exit);
        self.opened = None;
        self.returns_to = None;
        self.next_offset = self.offset + i64::from(insn.len);
        let step = exec(self, insn);
        // A store cannot be repeated.
        self.unsupported |= self.stored && self.unchecked.is_some();
        if step.is_err() || self.unsupported {
            self.values.truncate(values);
            self.effects.truncate(effects);
            self.exits.truncate(exits);
            self.excluded.truncate(excluded);
            self.known_normal.truncate(known_normal);
            self.unchecked = unchecked;
            self.state = before;
            self.checkpoint.exit = exit;
            self.term = None;
            self.unsupported = false;
            return Err(NotRecorded);
        }
        self.retired += 1;
        self.offset = self.next_offset;
        Ok(step == Ok(Flow::Next))
    }

    /// Distance of the next instruction from the region's entry.
    pub(crate) fn offset(&self) -> i64 {
        self.offset
    }

    /// The block, which goes on to `term` unless its last instruction says otherwise. Another one can begin then.
    pub(crate) fn finish(&mut self, term: Terminator) -> Block {
        self.exit_if_unmasked();
        Block {
            values: self.values.take(),
            effects: self.effects.as_slice().into(),
            exits: self.exits.as_slice().into(),
            state: self.state.clone(),
            term: self.end(term),
            returns_to: self.returns_to,
            retired: self.retired,
            of_float_mode: self.of_float_mode,
        }
    }

    /// Returns where the instructions so far go: to `term` unless the last of them says otherwise.
    pub(crate) fn end(&self, term: Terminator) -> Terminator {
        self.term.unwrap_or(term)
    }

    /// Returns where the last instruction, a call, will return to.
    pub(crate) fn returns_to(&self) -> Option<i64> {
        self.returns_to
    }
}

impl Domain for Recorder {
    type V = Value;
    type X = Value;
    type Fault = NotRecorded;

    const BY_SHAPE: bool = false;

    fn code_size(&self) -> CodeSize {
        self.mode.code_size
    }

    fn stack_width(&self) -> Width {
        self.mode.stack_width
    }

    fn has_paragraphs(&self) -> bool {
        self.mode.segments == Segments::Real
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
        self.lower_set_flags(def);
    }

    fn set_flags_if(&mut self, c: Value, def: FlagDef<Value>) {
        match self.values.constant(c) {
            Some(0) => {}
            Some(_) => self.set_flags(def),
            None => {
                let old = self.canonical();
                self.lower_set_flags(def);
                let new = self.canonical();
                let result = self.values.select(c, new.0, old.0);
                let aux = self.values.select(c, new.1, old.1);
                self.new_flags(Base::Canonical(result, aux), None);
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
        self.exit_if_unmasked();
        let access = Access { linear: self.linear(m, w.bytes().into(), true), w };
        let refused = self.exit_before();
        let again = self.opened == Some(access);
        self.act(Action::Store { access, value: v, again, refused });
        self.stored = true;
        if self.distance(v) == Some(self.next_offset) {
            self.returns_to = Some(self.next_offset);
        }
        Ok(())
    }

    fn load128(&mut self, m: &MemRef<Value>, aligned: bool) -> Result<Value, NotRecorded> {
        Ok(self.load_vector(m, aligned))
    }

    fn store128(&mut self, m: &MemRef<Value>, aligned: bool, x: Value) -> Result<(), NotRecorded> {
        self.store_vector(m, aligned, x);
        Ok(())
    }

    fn read_xmm(&mut self, r: u8) -> Value {
        self.vector_half(r & 15)
    }

    fn write_xmm(&mut self, r: u8, x: Value) {
        self.set_vector_half(r & 15, x);
    }

    fn read_ymm_high(&mut self, r: u8) -> Value {
        self.vector_half(layout::HIGH_HALF | r & 15)
    }

    fn write_ymm_high(&mut self, r: u8, x: Value) {
        self.set_vector_half(layout::HIGH_HALF | r & 15, x);
    }

    fn load256(
        &mut self,
        m: &MemRef<Value>,
        addrsize: Width,
        aligned: bool,
    ) -> Result<[Value; 2], NotRecorded> {
        Ok(self.load_vector_pair(m, addrsize, aligned))
    }

    fn store256(
        &mut self,
        m: &MemRef<Value>,
        addrsize: Width,
        aligned: bool,
        x: [Value; 2],
    ) -> Result<(), NotRecorded> {
        self.store_vector_pair(m, addrsize, aligned, x);
        Ok(())
    }

    fn vector_pair(
        &mut self,
        op: VecOp,
        a: [Value; 2],
        b: [Value; 2],
        imm: [u8; 2],
    ) -> Result<[Value; 2], NotRecorded> {
        // What either half may raise leaves before the instruction.
        Ok([self.vector(op, a[0], b[0], imm[0])?, self.vector(op, a[1], b[1], imm[1])?])
    }

    fn extract(&mut self, x: Value, w: Width, lane: u8) -> Value {
        self.values.lane(w, lane, x)
    }

    fn insert(&mut self, x: Value, w: Width, lane: u8, v: Value) -> Value {
        self.values.with_lane(w, lane, x, v)
    }

    fn zero128(&mut self) -> Value {
        self.values.bits128(0)
    }

    fn vector(&mut self, op: VecOp, a: Value, b: Value, imm: u8) -> Result<Value, NotRecorded> {
        let lowered =
            if op.is_float() { self.lower_float(op, a, b, imm) } else { self.lower_vector(op, a, b, imm) };
        lowered.ok_or(NotRecorded)
    }

    fn check_sse(&mut self) -> Result<(), NotRecorded> {
        if self.mode.sse { Ok(()) } else { Err(NotRecorded) }
    }

    fn check_avx(&mut self) -> Result<(), NotRecorded> {
        if self.mode.avx { Ok(()) } else { Err(NotRecorded) }
    }

    fn check_vex(&mut self) -> Result<(), NotRecorded> {
        if self.mode.segments == Segments::Real { Err(NotRecorded) } else { Ok(()) }
    }

    fn read_mmx(&mut self, r: u8) -> Value {
        self.mmx(r)
    }

    fn write_mmx(&mut self, r: u8, v: Value) {
        if let Some(register) = self.state.fpu.mmx.get_mut(usize::from(r & 7)) {
            *register = Some(v);
        }
    }

    fn check_mmx(&mut self) -> Result<(), NotRecorded> {
        self.exit_if_no_mmx()
    }

    fn enter_mmx(&mut self) {
        self.state.fpu.is_mmx = true;
        self.state.fpu.tags = Some(0xff);
    }

    fn leave_mmx(&mut self) {
        self.state.fpu.tags = Some(0);
    }

    fn selector(&mut self, seg: Seg) -> Value {
        self.selector_of(seg)
    }

    fn load_segment(&mut self, seg: Seg, selector: Value) -> Result<(), NotRecorded> {
        // Others look at descriptors, and SS holds interrupts.
        if self.mode.segments != Segments::Real || matches!(seg, Seg::Cs | Seg::Ss) {
            return Err(NotRecorded);
        }
        self.load_paragraph(seg, selector);
        Ok(())
    }

    fn hold_interrupts(&mut self) {
        self.unsupported = true;
    }

    fn push_two(&mut self, w: Width, first: Value, second: Value) -> Result<(), NotRecorded> {
        self.push_both(w, first, second)
    }

    fn jump_to_paragraph(&mut self, selector: Value, offset: Value) -> Result<(), NotRecorded> {
        self.check_target(offset)?;
        self.load_paragraph(Seg::Cs, selector);
        self.term = Some(Terminator::Indirect { target: offset, from_memory: false });
        Ok(())
    }

    fn next_rip(&mut self) -> Value {
        self.rip(self.next_offset)
    }

    fn check_target(&mut self, target: Value) -> Result<(), NotRecorded> {
        self.exit_if_bad_target(target);
        Ok(())
    }

    fn jump(&mut self, target: Value) -> Result<(), NotRecorded> {
        self.check_target(target)?;
        let from_memory = matches!(self.values.node(target), Node::Effect(..));
        self.term = Some(match self.distance(target) {
            Some(distance) => Terminator::Jump(distance),
            None => Terminator::Indirect { target, from_memory },
        });
        Ok(())
    }

    fn branch(&mut self, c: Value, target: Value) -> Result<(), NotRecorded> {
        let taken = self.distance(target).ok_or(NotRecorded)?;
        self.term = Some(match self.values.constant(c) {
            Some(0) => Terminator::Jump(self.next_offset),
            Some(_) => Terminator::Jump(taken),
            None => Terminator::Branch { condition: c, taken, next: self.next_offset },
        });
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
