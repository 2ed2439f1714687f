//! Simplification of vectors while they are recorded. Moves between lanes are folded, so that a chain of scalar
//! operations keeps its operands as floats.

use super::vector::{FloatOrder, Precision, VectorNode, VectorTwo};
use super::{Node, Op2, Value, Values};
use x86_types::Width;

/// Returns sixteen byte numbers, from `start` on.
const fn bytes_from(start: u8) -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut n = 0;
    while n < 16 {
        bytes[n] = start + n as u8;
        n += 1;
    }
    bytes
}

/// The identity shuffle.
pub(crate) const IDENTITY: [u8; 16] = bytes_from(0);

/// Returns the format of this width.
fn precision(w: Width) -> Option<Precision> {
    match w {
        Width::B4 => Some(Precision::Single),
        Width::B8 => Some(Precision::Double),
        _ => None,
    }
}

impl Values {
    pub(crate) fn vector(&mut self, node: VectorNode) -> Value {
        self.add(Node::Vector(node))
    }

    pub(crate) fn vector_node(&self, v: Value) -> Option<VectorNode> {
        if let Node::Vector(node) = self.node(v) { Some(node) } else { None }
    }

    pub(crate) fn bits128(&mut self, bits: u128) -> Value {
        self.vector(VectorNode::Const(bits))
    }

    fn constant128(&self, v: Value) -> Option<u128> {
        if let Some(VectorNode::Const(bits)) = self.vector_node(v) { Some(bits) } else { None }
    }

    fn cut_to(&mut self, w: Width, v: Value) -> Value {
        let mask = self.imm(w.mask());
        self.two(Op2::And, v, mask)
    }

    /// Returns a lane as an integer.
    pub(crate) fn lane(&mut self, w: Width, lane: u8, x: Value) -> Value {
        let start = u32::from(lane) * w.bits();
        let apart = |width: Width, at: u8| {
            let other = u32::from(at) * width.bits();
            other + width.bits() <= start || start + w.bits() <= other
        };
        match self.vector_node(x) {
            Some(VectorNode::Const(bits)) => self.imm(w.trunc((bits >> (start & 127)) as u64)),
            Some(VectorNode::Widen(from, _)) if start >= from.bits() => self.imm(0),
            Some(VectorNode::Widen(from, v)) if lane == 0 && w <= from => self.cut_to(w, v),
            Some(VectorNode::WithLane(width, at, _, v)) if (width, at) == (w, lane) => self.cut_to(w, v),
            Some(VectorNode::WithLane(width, at, base, _)) if apart(width, at) => self.lane(w, lane, base),
            Some(VectorNode::WithLow(p, _, f)) if lane == 0 && w == p.width() => self.float_bits(p, f),
            Some(VectorNode::WithLow(p, base, _)) if apart(p.width(), 0) => self.lane(w, lane, base),
            _ => self.vector(VectorNode::Lane(w, lane, x)),
        }
    }

    /// Returns a vector with a lane replaced by the low bits of an integer.
    pub(crate) fn with_lane(&mut self, w: Width, lane: u8, x: Value, v: Value) -> Value {
        let from = match self.vector_node(v) {
            Some(VectorNode::Lane(width, from, other)) if width == w => Some((from, other)),
            _ => None,
        };
        if lane == 0 && self.constant128(x) == Some(0) {
            return match (self.constant(v), from) {
                (Some(value), _) => self.bits128(w.trunc(value).into()),
                (None, Some((0, other))) => {
                    let mask = self.bits128(w.mask().into());
                    self.vector_two(VectorTwo::And, other, mask)
                }
                _ => self.vector(VectorNode::Widen(w, v)),
            };
        }
        match (from, precision(w)) {
            (Some((0, other)), Some(p)) if lane == 0 => {
                let float = self.low(p, other);
                return self.with_low(p, x, float);
            }
            (Some((from, other)), _) => {
                let mut bytes = IDENTITY;
                let size = w.bytes() as u8;
                for n in 0..size {
                    bytes[usize::from(lane * size + n) & 15] = 16 + from * size + n;
                }
                return self.shuffle(bytes, x, other);
            }
            _ => {}
        }
        let base = match self.vector_node(x) {
            Some(VectorNode::WithLane(width, at, base, _)) if (width, at) == (w, lane) => base,
            Some(VectorNode::WithLow(p, base, _)) if lane == 0 && p.width() == w => base,
            _ => x,
        };
        self.vector(VectorNode::WithLane(w, lane, base, v))
    }

    /// Returns the lowest lane as a float.
    pub(crate) fn low(&mut self, p: Precision, x: Value) -> Value {
        match self.vector_node(x) {
            Some(VectorNode::WithLow(q, _, f)) if q == p => f,
            Some(VectorNode::Widen(w, v)) if w == p.width() => self.vector(VectorNode::FromBits(p, v)),
            _ => self.vector(VectorNode::Low(p, x)),
        }
    }

    /// Returns a vector with the lowest lane replaced by a float.
    pub(crate) fn with_low(&mut self, p: Precision, x: Value, f: Value) -> Value {
        if self.vector_node(f) == Some(VectorNode::Low(p, x)) {
            return x;
        }
        let base = match self.vector_node(x) {
            Some(VectorNode::WithLow(q, base, _)) if q.width() <= p.width() => base,
            Some(VectorNode::WithLane(w, 0, base, _)) if w <= p.width() => base,
            Some(VectorNode::Widen(w, _)) if w <= p.width() => self.bits128(0),
            _ => x,
        };
        self.vector(VectorNode::WithLow(p, base, f))
    }

    /// Returns the bits of a float.
    pub(crate) fn float_bits(&mut self, p: Precision, f: Value) -> Value {
        match self.vector_node(f) {
            Some(VectorNode::Low(q, x)) if q == p => self.lane(p.width(), 0, x),
            Some(VectorNode::FromBits(q, v)) if q == p => self.cut_to(p.width(), v),
            _ => self.vector(VectorNode::Bits(p, f)),
        }
    }

    pub(crate) fn shuffle(&mut self, mut bytes: [u8; 16], mut a: Value, mut b: Value) -> Value {
        if bytes.iter().all(|&n| n >= 16) {
            (a, bytes) = (b, bytes.map(|n| n - 16));
        }
        if a == b || bytes.iter().all(|&n| n < 16) {
            (b, bytes) = (a, bytes.map(|n| n & 15));
        }
        if bytes == IDENTITY {
            return a;
        }
        if let (Some(x), Some(y)) = (self.constant128(a), self.constant128(b)) {
            let byte = |n: u8| (if n < 16 { x } else { y } >> (8 * u32::from(n & 15))) as u8;
            return self.bits128(u128::from_le_bytes(bytes.map(byte)));
        }
        self.vector(VectorNode::Shuffle(bytes, a, b))
    }

    pub(crate) fn vector_two(&mut self, op: VectorTwo, a: Value, b: Value) -> Value {
        use VectorTwo::*;
        if a == b {
            match op {
                Xor | AndNot | SubB | SubW | SubD | SubQ | SubSatBS | SubSatBU | SubSatWS | SubSatWU
                | GtB | GtW | GtD | GtQ => return self.bits128(0),
                EqB | EqW | EqD | EqQ => return self.bits128(u128::MAX),
                And | Or => return a,
                _ => {}
            }
        }
        match (op, self.constant128(a), self.constant128(b)) {
            (And, Some(x), Some(y)) => self.bits128(x & y),
            (Or, Some(x), Some(y)) => self.bits128(x | y),
            (Xor, Some(x), Some(y)) => self.bits128(x ^ y),
            (AndNot, Some(x), Some(y)) => self.bits128(x & !y),
            (And, Some(0), _) | (And, _, Some(u128::MAX)) | (Or | Xor | AndNot, _, Some(0)) => a,
            (And, _, Some(0)) | (And, Some(u128::MAX), _) | (Or | Xor, Some(0), _) => b,
            _ => self.vector(VectorNode::Two(op, a, b)),
        }
    }

    /// Returns one comparison (`<=`) for an `or` of `<` and `==` of the same operands.
    pub(super) fn joined_orders(&self, a: Value, b: Value) -> Option<Node> {
        match (self.vector_node(a)?, self.vector_node(b)?) {
            (VectorNode::Compare(FloatOrder::Lt, p, x, y), VectorNode::Compare(FloatOrder::Eq, q, z, w))
                if (p, x, y) == (q, z, w) =>
            {
                Some(Node::Vector(VectorNode::Compare(FloatOrder::Le, p, x, y)))
            }
            _ => None,
        }
    }
}
