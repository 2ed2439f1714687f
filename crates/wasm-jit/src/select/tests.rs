use super::*;
use crate::value::{Entry, Node as ValueNode};
use x86_decode::decode;
use x86_exec::vcpu::compiled::{FloatMode, Segments};
use x86_types::{CodeSize, Width};

/// Code that is all warm, and where within it a region begins.
struct From(&'static [u8], i64);

impl CodeSource for From {
    fn instruction(&self, distance: i64) -> Option<Instruction> {
        let at = usize::try_from(self.1 + distance).ok()?;
        decode(CodeSize::Bits64, self.0.get(at..)?).ok()
    }
    fn is_warm(&self, distance: i64) -> bool {
        self.instruction(distance).is_some()
    }
    fn page_offset(&self) -> u64 {
        self.1 as u64
    }
}

const MODE: CodeMode = CodeMode {
    code_size: CodeSize::Bits64,
    stack_width: Width::B8,
    bank: 1,
    sse: true,
    avx: true,
    float: FloatMode::Exact,
    segments: Segments::Flat,
};

/// add eax, edi; cmp eax, 100h; jbe -9; ret
const LOOP: &[u8] = &[0x01, 0xf8, 0x3d, 0, 1, 0, 0, 0x76, 0xf7, 0xc3];

#[test]
fn an_entry_in_the_midst_of_a_loop_does_not_cut_it() {
    let region = select_region(&From(LOOP, 7), MODE).unwrap();
    let mut ranges: Vec<_> = region.ranges().collect();
    ranges.sort_unstable();
    assert_eq!(ranges, [(-7, 2), (0, 2), (2, 3)]);
    // The loop knows its flags, the entry does not.
    let asks = |at: i64| {
        let node = region.nodes.iter().find(|node| node.at == at).unwrap();
        let any = [Entry::AnyCarry, Entry::AnyResult, Entry::AnyAux].map(ValueNode::Entry);
        node.block.values.iter().any(|(_, value)| any.contains(&value))
    };
    assert!(asks(0) && !asks(-7));
}

#[test]
fn an_entry_that_is_jumped_to_is_where_blocks_end() {
    let region = select_region(&From(LOOP, 0), MODE).unwrap();
    let mut ranges: Vec<_> = region.ranges().collect();
    ranges.sort_unstable();
    assert_eq!(ranges, [(0, 9), (9, 10)]);
}
