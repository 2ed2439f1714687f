//! Blocks that come and go.

use super::super::block_table::LEN;
use super::*;
use x86_decode::decode;

const RAM: u64 = 1 << 30;

fn cache() -> BlockCache {
    BlockCache::new()
}

/// Keeps a block of so many NOPs.
fn keep_nops(cache: &mut BlockCache, at: u64, count: usize) -> bool {
    let nops = vec![Slot::new(decode(CodeSize::Bits64, &[0x90]).unwrap()); count];
    let block = cache.make(&nops);
    cache.keep(RamAddr(at), CodeSize::Bits64, block)
}

fn keep(cache: &mut BlockCache, at: u64) -> bool {
    keep_nops(cache, at, 1)
}

#[test]
fn what_is_kept_of_blocks_is_bounded_and_never_all_dropped() {
    let mut cache = cache();
    for n in 0..6 * LEN as u64 {
        keep(&mut cache, (n * 0x9e37_79b1 * 16 + 0x2000) % RAM);
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

#[test]
fn blocks_that_have_no_room_any_more_all_go_and_units_stay() {
    let mut cache = cache();
    let at = |n: u64| 0x10_0000 + n * 64;
    cache.keep_unit(7, RamAddr(at(0)), 32);
    let mut n = 0;
    while n <= 1 || cache.kept().0 > 1 {
        keep_nops(&mut cache, at(n), 64);
        n += 1;
    }
    assert!(n > 20_000, "{n} blocks");
    assert_eq!(cache.kept().1, 2, "the last block's page, and that with a unit");
    assert!(cache.find(RamAddr(at(n - 1)), CodeSize::Bits64).is_some());
    assert!((0..n - 1).all(|n| cache.find(RamAddr(at(n)), CodeSize::Bits64).is_none()));
    assert!(cache.written(RamAddr(at(0)), 1, 0));
    assert_eq!(cache.dropped_units, [7]);
}

#[test]
fn a_compiled_form_is_looked_for_anew_where_one_was_made_and_nowhere_else() {
    let mut cache = cache();
    let known = Found { slot: 3, stamp: 9 };
    let ids = [0x2000, 0x2040].map(|at| {
        keep(&mut cache, at);
        cache.find(RamAddr(at), CodeSize::Bits64).unwrap()
    });
    ids.iter().for_each(|&id| cache.store.block_mut(id).compiled = known);
    cache.compiled_at(RamAddr(0x2000), CodeSize::Bits32);
    assert_eq!(cache.store.block(ids[0]).compiled, known, "other code");
    cache.compiled_at(RamAddr(0x2000), CodeSize::Bits64);
    assert_eq!(ids.map(|id| cache.store.block(id).compiled), [Found::default(), known]);
    cache.compiled_anywhere();
    assert_eq!(cache.store.block(ids[1]).compiled, Found::default());
}
