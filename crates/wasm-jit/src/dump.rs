//! A region as text: its blocks with values, effects, exits and terminators, one a line, in order of execution.

use crate::block::{Action, Base, Block, Exit, FlagState, State, Terminator};
use crate::region::{Edge, Node, Region};
use crate::value::{self, Entry, Value};
use std::fmt::{self, Debug, Display, Formatter};
use x86_exec::FlagDef;
use x86_types::Width;

const REGISTERS: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.number())
    }
}

/// A distance from the region's entry.
struct Distance(i64);

impl Display for Distance {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:#x}", self.0.unsigned_abs())
    }
}

impl Display for Edge {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Edge::Block(n) => write!(f, "block {n}"),
            Edge::Dispatched { dispatcher, to } => write!(f, "block {to} by way of {dispatcher}"),
            Edge::Exit(distance) => write!(f, "out to {}", Distance(distance)),
        }
    }
}

/// Returns the name of an enumeration's variant, in words.
fn words(case: impl Debug) -> String {
    let text = format!("{case:?}");
    let name = text.split(['(', ' ']).next().unwrap_or_default();
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn list<T: Display>(f: &mut Formatter<'_>, items: impl Iterator<Item = T>) -> fmt::Result {
    for (n, item) in items.enumerate() {
        write!(f, "{}{item}", if n == 0 { " " } else { ", " })?;
    }
    Ok(())
}

impl Display for value::Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = match *self {
            value::Node::Imm(number) => return write!(f, "{number:#x}"),
            value::Node::Entry(Entry::Gpr(n)) => {
                return write!(f, "{} at entry", REGISTERS[usize::from(n & 15)]);
            }
            value::Node::Entry(entry) => return write!(f, "{} at entry", words(entry)),
            value::Node::Effect(n, bits) => return write!(f, "what effect {n} gives, {bits} bits"),
            value::Node::Two(op, ..) => words(op),
            value::Node::One(op, _) => words(op),
            other => words(other),
        };
        write!(f, "{name}")?;
        let mut operands = Vec::new();
        self.for_each_operand(|v| operands.push(v));
        list(f, operands.into_iter())
    }
}

fn bits(w: Width) -> u32 {
    w.mask().count_ones()
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Action::Load { access, for_write, .. } => {
                let why = if for_write { " to be written" } else { "" };
                write!(f, "load {} bits at {}{why}", bits(access.w), access.linear)?;
            }
            Action::Store { access, value, again, .. } => {
                let place = if again { ", looked up before" } else { "" };
                write!(f, "store {} bits of {value} at {}{place}", bits(access.w), access.linear)?;
            }
            other => {
                write!(f, "{}", words(other))?;
                list(f, other.operands())?;
            }
        }
        write!(f, ", else exit {}", self.exit())
    }
}

impl Display for FlagState {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.base {
            Base::Entry => write!(f, "as at entry")?,
            Base::Canonical(result, aux) => write!(f, "result {result}, aux {aux}")?,
            Base::Def(def, _) => {
                let (w, operands, result) = match def {
                    FlagDef::Add { w, a, b, result } | FlagDef::Sub { w, a, b, result } => {
                        (w, vec![a, b], result)
                    }
                    FlagDef::Inc { w, result }
                    | FlagDef::Dec { w, result }
                    | FlagDef::Logic { w, result } => (w, Vec::new(), result),
                    other => return write!(f, "{other:?}"),
                };
                write!(f, "{} {} bits", words(def), bits(w))?;
                list(f, operands.into_iter())?;
                write!(f, " = {result}")?;
            }
            Base::CarryZero(result, aux, cf, zf) => {
                write!(f, "result {result}, aux {aux}, cf {cf}, zf {zf}, the others 0")?;
            }
        }
        self.carry.map_or(Ok(()), |carry| write!(f, ", carry {carry}"))
    }
}

/// The changes since the block's entry.
impl Display for State {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (name, value) in REGISTERS.iter().zip(self.gpr) {
            if let Some(value) = value {
                write!(f, "{name} = {value}, ")?;
            }
        }
        write!(f, "flags {}", self.flags)
    }
}

impl Display for Exit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "before {}, {} retired: {}", Distance(self.at), self.retired, self.state)
    }
}

/// Values and effects, in their order.
fn body(f: &mut Formatter<'_>, block: &Block) -> fmt::Result {
    let mut effects = block.effects.iter().enumerate().peekable();
    let mut before = |f: &mut Formatter<'_>, at: usize| {
        while let Some((n, effect)) = effects.next_if(|(_, effect)| effect.at <= at) {
            writeln!(f, "  effect {n}: {}", effect.action)?;
        }
        Ok(())
    };
    for (n, (value, node)) in block.values.iter().enumerate() {
        before(f, n)?;
        writeln!(f, "  {value} = {node}")?;
    }
    before(f, usize::MAX)?;
    for (n, exit) in block.exits.iter().enumerate() {
        writeln!(f, "  exit {n} {exit}")?;
    }
    Ok(())
}

fn node(f: &mut Formatter<'_>, n: usize, node: &Node) -> fmt::Result {
    if node.block.term == Terminator::Dispatch {
        write!(f, "block {n}: to one of")?;
        list(f, node.edges.iter())?;
        return writeln!(f);
    }
    let (from, to) = (Distance(node.at), Distance(node.end));
    writeln!(f, "block {n}: {from} to {to}, {} instructions", node.retired())?;
    body(f, &node.block)?;
    writeln!(f, "  end {}", node.block.state)?;
    match node.block.term {
        Terminator::Jump(_) => write!(f, "  on to")?,
        Terminator::Branch { condition, .. } => {
            write!(f, "  where {condition} is not 0 to the first, else to the second:")?
        }
        Terminator::Indirect { target, .. } => write!(f, "  to what {target} names; may be")?,
        Terminator::Dispatch => {}
        Terminator::HelperCall { index, .. } => write!(f, "  step {index}, then on to")?,
    }
    if node.edges.is_empty() {
        write!(f, " anything")?;
    }
    list(f, node.edges.iter())?;
    writeln!(f)?;
    node.block.returns_to.map_or(Ok(()), |back| writeln!(f, "  a call that returns to {}", Distance(back)))
}

impl Display for Region {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, insns) in self.helpers.iter().enumerate() {
            let insns: Vec<String> = insns.iter().map(|insn| insn.display(0).to_string()).collect();
            writeln!(f, "step {n}: {}", insns.join("; "))?;
        }
        self.nodes.iter().enumerate().try_for_each(|(n, each)| node(f, n, each))
    }
}
