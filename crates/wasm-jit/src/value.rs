//! The expression list of a block: hash-consed values in the order of their creation. Integers have 64 bits, vectors
//! 128.

mod fold;
mod interning;
#[cfg(test)]
mod tests;
pub(crate) mod vector;

pub(crate) use fold::IDENTITY;
use interning::{Index, Place};
use std::num::NonZeroU32;
use vector::{Kind, VectorNode};

/// A value of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Value(NonZeroU32);

impl Value {
    /// Returns the value with this number in its list.
    pub(crate) const fn new(number: u32) -> Value {
        Value(NonZeroU32::MIN.saturating_add(number))
    }

    /// Returns its number in the list.
    pub(crate) const fn number(self) -> u32 {
        self.0.get() - 1
    }

    /// Returns its number as an index.
    pub(crate) const fn index(self) -> usize {
        self.number() as usize
    }
}

/// State at the entry of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    /// A general register, whole
    Gpr(u8),
    /// Half of a vector register, as [`layout::vector`](crate::layout::vector) numbers them
    Vector(u8),
    /// RIP of the region's entry
    Base,
    /// `flags_a`, `flags_b`, `flags_result` and `flags_carry`, from the locals; their meaning depends on the kind of
    /// flags
    FlagA,
    FlagB,
    FlagResult,
    FlagCarry,
    /// `ArithFlags::result`, for any kind of flags in the locals
    AnyResult,
    /// `ArithFlags::aux`, likewise
    AnyAux,
    /// CF, likewise
    AnyCarry,
    /// RFLAGS without its status flags
    SystemFlags,
    /// Selector in a segment register
    Selector(u8),
    /// Base of a segment
    SegBase(u8),
    /// One past the last offset that may be loaded from in a segment, or stored to
    SegEnd(u8, bool),
    /// One past the last offset of code
    CodeEnd,
    /// CR0
    Cr0,
    /// Words of the x87 unit
    X87Status,
    X87Control,
    X87Tags,
    /// An MMX register
    Mmx(u8),
}

impl Entry {
    /// Returns whether it is read by a `local.get`.
    pub(crate) fn is_local(self) -> bool {
        use Entry::{Base, FlagA, FlagB, FlagCarry, FlagResult, Gpr, Vector};
        matches!(self, Gpr(_) | Vector(_) | Base | FlagA | FlagB | FlagResult | FlagCarry)
    }
}

/// An operation on two 64-bit values, as WebAssembly defines it (shift and rotate counts modulo 64).
///
/// SPEC: wasm-3.0-core :: 4.3.2 Integer Operations -> ishl, ishr_u, ishr_s, irotl and irotr take their count modulo the width, so x86's masked counts need no masking again
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op2 {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Shl,
    ShrU,
    ShrS,
    Rotl,
    Rotr,
    /// Traps on 0: recorded behind an exit that excludes it
    DivU,
    /// Traps on 0 and on overflow: recorded behind exits that exclude both
    DivS,
    RemU,
    RemS,
    // Comparisons give 0 or 1.
    Eq,
    Ne,
    LtU,
    LeU,
    LtS,
    LeS,
}

/// An operation on one 64-bit value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op1 {
    Clz,
    Ctz,
    Popcnt,
    Extend8,
    Extend16,
    Extend32,
}

/// The definition of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Imm(u64),
    Entry(Entry),
    Two(Op2, Value, Value),
    One(Op1, Value),
    /// The second where the first is not 0, else the third
    Select(Value, Value, Value),
    /// The result of an effect, by number, and its bits; a vector if it has 128
    Effect(u32, u8),
    /// An operation on vectors or floats
    Vector(VectorNode),
}

impl Node {
    /// Calls `f` for each operand.
    #[inline]
    pub(crate) fn for_each_operand(self, mut f: impl FnMut(Value)) {
        match self {
            Node::Two(_, a, b) => {
                f(a);
                f(b);
            }
            Node::One(_, a) => f(a),
            Node::Select(c, yes, no) => {
                f(c);
                f(yes);
                f(no);
            }
            Node::Vector(node) => node.operands().into_iter().flatten().for_each(f),
            Node::Imm(_) | Node::Entry(_) | Node::Effect(..) => {}
        }
    }
}

fn fold_two(op: Op2, a: u64, b: u64) -> Option<u64> {
    let (sa, sb, n) = (a as i64, b as i64, b as u32 & 63);
    Some(match op {
        Op2::Add => a.wrapping_add(b),
        Op2::Sub => a.wrapping_sub(b),
        Op2::Mul => a.wrapping_mul(b),
        Op2::And => a & b,
        Op2::Or => a | b,
        Op2::Xor => a ^ b,
        Op2::Shl => a << n,
        Op2::ShrU => a >> n,
        Op2::ShrS => (sa >> n) as u64,
        Op2::Rotl => a.rotate_left(n),
        Op2::Rotr => a.rotate_right(n),
        Op2::Eq => u64::from(a == b),
        Op2::Ne => u64::from(a != b),
        Op2::LtU => u64::from(a < b),
        Op2::LeU => u64::from(a <= b),
        Op2::LtS => u64::from(sa < sb),
        Op2::LeS => u64::from(sa <= sb),
        Op2::DivU | Op2::DivS | Op2::RemU | Op2::RemS => return None,
    })
}

fn fold_one(op: Op1, a: u64) -> u64 {
    match op {
        Op1::Clz => u64::from(a.leading_zeros()),
        Op1::Ctz => u64::from(a.trailing_zeros()),
        Op1::Popcnt => u64::from(a.count_ones()),
        Op1::Extend8 => a as i8 as u64,
        Op1::Extend16 => a as i16 as u64,
        Op1::Extend32 => a as i32 as u64,
    }
}

/// The list. Constants are folded, and equal expressions are one value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    nodes: Vec<Node>,
    kinds: Vec<Kind>,
    known_bits: Vec<u8>,
    known: Index,
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the list and leaves an empty one with the same capacity.
    pub(crate) fn take(&mut self) -> Values {
        let list = Values {
            nodes: self.nodes.as_slice().into(),
            kinds: self.kinds.as_slice().into(),
            known_bits: self.known_bits.as_slice().into(),
            known: Index::default(),
        };
        self.clear();
        list
    }

    /// Removes all values.
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.kinds.clear();
        self.known_bits.clear();
        self.known.clear();
    }

    /// Removes the values from number `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len == self.nodes.len() {
            return;
        }
        self.nodes.truncate(len);
        self.kinds.truncate(len);
        self.known_bits.truncate(len);
        self.known.drop_table();
    }

    pub(crate) fn node(&self, v: Value) -> Node {
        self.nodes.get(v.index()).copied().unwrap_or(Node::Imm(0))
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Value, Node)> + '_ {
        self.nodes.iter().enumerate().map(|(n, &node)| (Value::new(n as u32), node))
    }

    fn add(&mut self, node: Node) -> Value {
        let node_at = |n: u32| self.nodes.get(n as usize).copied();
        let slot = match self.known.lookup(&node, self.nodes.len(), node_at) {
            Place::Known(n) => return Value::new(n),
            Place::Free(slot) => slot,
        };
        let kind = match node {
            Node::Vector(node) => node.kind(),
            Node::Entry(Entry::Vector(_)) | Node::Effect(_, 128) => Kind::V128,
            Node::Select(_, yes, _) => self.kind(yes),
            _ => Kind::I64,
        };
        let bits = self.bits_of(node);
        let v = Value::new(self.nodes.len() as u32);
        self.nodes.push(node);
        self.kinds.push(kind);
        self.known_bits.push(bits as u8);
        self.known.keep(slot, v.number());
        v
    }

    pub(crate) fn kind(&self, v: Value) -> Kind {
        self.kinds.get(v.index()).copied().unwrap_or(Kind::I64)
    }

    /// Returns the constant that a value is, if it is one.
    pub(crate) fn constant(&self, v: Value) -> Option<u64> {
        if let Node::Imm(value) = self.node(v) { Some(value) } else { None }
    }

    /// Returns the number of low bits above which all bits are known to be 0.
    pub(crate) fn bits(&self, v: Value) -> u32 {
        self.known_bits.get(v.index()).copied().unwrap_or(64).into()
    }

    fn bits_of(&self, node: Node) -> u32 {
        match node {
            Node::Imm(value) => 64 - value.leading_zeros(),
            Node::Effect(_, bits) => u32::from(bits),
            Node::Entry(Entry::FlagCarry | Entry::AnyCarry) => 1,
            Node::Entry(Entry::X87Status | Entry::X87Control) => 16,
            Node::Entry(Entry::X87Tags) => 8,
            Node::Entry(Entry::Selector(_)) => 16,
            Node::Entry(_) => 64,
            Node::One(Op1::Clz | Op1::Ctz | Op1::Popcnt, _) => 7,
            Node::One(..) => 64,
            Node::Two(op, a, b) => match op {
                Op2::And => self.bits(a).min(self.bits(b)),
                Op2::Or | Op2::Xor => self.bits(a).max(self.bits(b)),
                Op2::Eq | Op2::Ne | Op2::LtU | Op2::LeU | Op2::LtS | Op2::LeS => 1,
                Op2::ShrU => match self.constant(b) {
                    Some(n) => self.bits(a).saturating_sub(n as u32 & 63),
                    None => self.bits(a),
                },
                Op2::Shl => match self.constant(b) {
                    Some(n) => (self.bits(a) + (n as u32 & 63)).min(64),
                    None => 64,
                },
                _ => 64,
            },
            Node::Select(_, yes, no) => self.bits(yes).max(self.bits(no)),
            Node::Vector(node) => node.bits(),
        }
    }

    pub(crate) fn imm(&mut self, value: u64) -> Value {
        self.add(Node::Imm(value))
    }

    pub(crate) fn entry(&mut self, entry: Entry) -> Value {
        self.add(Node::Entry(entry))
    }

    pub(crate) fn effect(&mut self, number: u32, bits: u32) -> Value {
        self.add(Node::Effect(number, bits as u8))
    }

    pub(crate) fn one(&mut self, op: Op1, a: Value) -> Value {
        match self.constant(a) {
            Some(value) => self.imm(fold_one(op, value)),
            None => {
                let kept = match op {
                    Op1::Extend8 => u8::MAX.into(),
                    Op1::Extend16 => u16::MAX.into(),
                    Op1::Extend32 => u32::MAX.into(),
                    Op1::Clz | Op1::Ctz | Op1::Popcnt => u64::MAX,
                };
                let a = self.without_mask(a, kept);
                self.add(Node::One(op, a))
            }
        }
    }

    /// Returns the operand of a mask that keeps all bits of `kept`, or else `v`.
    fn without_mask(&self, v: Value, kept: u64) -> Value {
        match self.node(v) {
            Node::Two(Op2::And, x, mask) if self.constant(mask).is_some_and(|mask| mask & kept == kept) => x,
            _ => v,
        }
    }

    /// Splits a sum into a variable part and a constant. The sum may be masked by `mask`.
    pub(crate) fn without_constant(&mut self, v: Value, mask: u64) -> (Value, Value) {
        let sum = self.without_mask(v, mask);
        match self.node(sum) {
            Node::Two(Op2::Add, x, constant) if self.constant(constant).is_some() => (x, constant),
            _ => (v, self.imm(0)),
        }
    }

    /// Removes masks from the operands of a masked sum, difference or product: its low bits depend on the low bits of
    /// the operands only. In 32-bit code this makes an address computed in several steps a single sum.
    fn cut_once(&mut self, a: Value, mask: u64) -> Option<Value> {
        let Node::Two(op @ (Op2::Add | Op2::Sub | Op2::Mul), x, y) = self.node(a) else { return None };
        let (wide_x, wide_y) = (self.without_mask(x, mask), self.without_mask(y, mask));
        (mask & mask.wrapping_add(1) == 0 && (wide_x, wide_y) != (x, y)).then(|| self.two(op, wide_x, wide_y))
    }

    /// Returns the bits that may be set.
    fn possible(&self, v: Value) -> u64 {
        let known = u64::MAX.checked_shr(64 - self.bits(v)).unwrap_or(0);
        known
            & match self.node(v) {
                Node::Two(Op2::And, _, mask) => self.constant(mask).unwrap_or(u64::MAX),
                Node::Two(Op2::Shl, _, n) => u64::MAX << (self.constant(n).unwrap_or(0) & 63),
                _ => u64::MAX,
            }
    }

    /// Returns the operand of an `or` (or of one shifted right) that alone contributes to the bits of `mask`. Writes of
    /// byte and word registers are such an `or` with the rest of the register.
    fn part(&mut self, v: Value, mask: u64) -> Option<Value> {
        match self.node(v) {
            Node::Two(Op2::Or, x, y) if self.possible(x) & mask == 0 => Some(y),
            Node::Two(Op2::Or, x, y) if self.possible(y) & mask == 0 => Some(x),
            Node::Two(Op2::ShrU, joined, n) => {
                let down = self.constant(n)? & 63;
                let part = self.part(joined, mask << down).filter(|_| mask << down >> down == mask)?;
                Some(match self.node(part) {
                    Node::Two(Op2::Shl, x, up) if up == n && u64::from(self.bits(x)) + down <= 64 => x,
                    _ => self.two(Op2::ShrU, part, n),
                })
            }
            _ => None,
        }
    }

    pub(crate) fn two(&mut self, op: Op2, a: Value, b: Value) -> Value {
        let (left, right) = (self.constant(a), self.constant(b));
        if let (Some(x), Some(y)) = (left, right)
            && let Some(value) = fold_two(op, x, y)
        {
            return self.imm(value);
        }
        match (op, left, right) {
            (Op2::And, Some(0), _) | (Op2::And | Op2::Mul, _, Some(0)) => self.imm(0),
            (Op2::And, _, Some(mask)) if mask.trailing_ones() >= self.bits(a) => a,
            (Op2::And, _, Some(mask)) if let Some(sum) = self.cut_once(a, mask) => self.two(op, sum, b),
            (Op2::And, _, Some(mask)) if let Some(part) = self.part(a, mask) => self.two(op, part, b),
            (Op2::And, Some(_), None) | (Op2::Or | Op2::Xor | Op2::Add, Some(_), None) => self.two(op, b, a),
            (
                Op2::Add
                | Op2::Sub
                | Op2::Or
                | Op2::Xor
                | Op2::Shl
                | Op2::ShrU
                | Op2::ShrS
                | Op2::Rotl
                | Op2::Rotr,
                _,
                Some(0),
            ) => a,
            (Op2::Xor | Op2::Sub, ..) if a == b => self.imm(0),
            (Op2::And | Op2::Or, ..) if a == b => a,
            // Merges constants: (x & m) & n, (x + m) + n.
            (Op2::And | Op2::Add, _, Some(y)) => match self.node(a) {
                Node::Two(inner, x, m) if inner == op => match self.constant(m) {
                    Some(m) => {
                        let joined = self.imm(if op == Op2::And { m & y } else { m.wrapping_add(y) });
                        self.two(op, x, joined)
                    }
                    None => self.add(Node::Two(op, a, b)),
                },
                _ => self.add(Node::Two(op, a, b)),
            },
            (Op2::Or, ..) => {
                let joined = self.joined_orders(a, b);
                self.add(joined.unwrap_or(Node::Two(op, a, b)))
            }
            _ => self.add(Node::Two(op, a, b)),
        }
    }

    pub(crate) fn select(&mut self, c: Value, yes: Value, no: Value) -> Value {
        match self.constant(c) {
            Some(0) => no,
            Some(_) => yes,
            None if yes == no => yes,
            None => self.add(Node::Select(c, yes, no)),
        }
    }
}
