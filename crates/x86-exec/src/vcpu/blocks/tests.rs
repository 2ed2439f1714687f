//! Blocks that come and go.

use super::super::block_table::LEN;
use super::*;
use x86_decode::decode;

const RAM: u64 = 1 << 30;

fn cache() -> BlockCache {
    BlockCache::new()
}

/// A block of one NOP.
fn nop() -> Rc<Block> {
    let mut block = Block::default();
    block.push(decode(CodeSize::Bits64, &[0x90]).unwrap());
    Rc::new(block)
}

fn keep(cache: &mut BlockCache, at: u64) -> bool {
    cache.keep(RamAddr(at), CodeSize::Bits64, nop())
}

#[test]
fn what_is_kept_of_blocks_is_bounded_and_never_all_dropped() {
    let mut cache = cache();
    let block = nop();
    for n in 0..6 * LEN as u64 {
        let at = RamAddr((n * 0x9e37_79b1 * 16 + 0x2000) % RAM);
        cache.keep(at, CodeSize::Bits64, Rc::clone(&block));
        if n > 2 * LEN as u64 && n % 30_000 == 0 {
            let (blocks, pages, _) = cache.kept();
            assert!(blocks > LEN * 3 / 4 && pages <= blocks, "{blocks} blocks in {pages} pages");
        }
    }
    let (blocks, pages, _) = cache.kept();
    let found = cache.table.iter().filter(|entry| entry.key != NO_KEY).count();
    assert_eq!(blocks, found, "pages know the blocks that can be found and no others");
    assert!(cache.pages.values().all(|page| page.lines != 0));
    let with_code = cache.has_code.iter().filter(|&&has| has != 0).count();
    assert_eq!(with_code, pages);
}

#[test]
fn a_page_whose_last_block_lost_its_place_has_no_code() {
    let mut cache = cache();
    // Five blocks for four places.
    let set = |at: &u64| Table::set_of(key_of(RamAddr(*at), CodeSize::Bits64)) == Table::set_of(2);
    let rivals: Vec<u64> = (0..RAM / 4096).map(|page| page * 4096).filter(set).take(5).collect();
    assert!(rivals.iter().all(|&at| keep(&mut cache, at)));
    let gone: Vec<u64> = rivals.into_iter().filter(|&at| !cache.is_code(RamAddr(at))).collect();
    assert_eq!(gone.len(), 1);
    assert!(cache.find(RamAddr(gone[0]), CodeSize::Bits64).is_none());
    assert!(keep(&mut cache, gone[0]), "writes to it have to be revoked again");
    assert!(cache.written(RamAddr(gone[0]), 1, 0));
}
