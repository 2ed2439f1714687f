use super::chip::Pair;

/// Initialized as a PC does: vectors 20h and 28h.
fn pair(icw4: u8) -> Pair {
    let mut pair = Pair::default();
    for (port, value) in [(0x20, 0x11), (0x21, 0x20), (0x21, 0x04), (0x21, icw4)] {
        pair.write(port, value);
    }
    for (port, value) in [(0xa0, 0x11), (0xa1, 0x28), (0xa1, 0x02), (0xa1, 0x01)] {
        pair.write(port, value);
    }
    pair
}

fn isr(pair: &mut Pair, port: u16) -> u8 {
    pair.write(port, 0x0b);
    pair.read(port)
}

fn irr(pair: &mut Pair, port: u16) -> u8 {
    pair.write(port, 0x0a);
    pair.read(port)
}

#[test]
fn nothing_interrupts_before_initialization_is_complete() {
    let mut pair = Pair::default();
    pair.set_line(1, true);
    assert!(!pair.int());
    for (port, value) in [(0x20, 0x11), (0x21, 0x20), (0x21, 0x04)] {
        pair.write(port, value);
        pair.set_line(1, false);
        pair.set_line(1, true);
        assert!(!pair.int(), "after {value:#x}");
    }
    pair.write(0x21, 1);
    assert!(pair.int());
}

#[test]
fn icw1_clears_mask_and_latches_and_wants_a_new_edge() {
    let mut pair = pair(1);
    pair.write(0x21, 0xfb);
    pair.set_line(1, true);
    for (port, value) in [(0x20, 0x11), (0x21, 0x40), (0x21, 0x04), (0x21, 0x01)] {
        pair.write(port, value);
    }
    assert_eq!(pair.read(0x21), 0);
    assert!(!pair.int());
    pair.set_line(1, false);
    pair.set_line(1, true);
    assert_eq!(pair.acknowledge(), 0x41);
}

#[test]
fn icw3_and_icw4_are_skipped_as_icw1_says() {
    // SNGL, no IC4: after ICW2 the next data write is the mask.
    let mut pair = Pair::default();
    for (port, value) in [(0x20, 0x12), (0x21, 0x30), (0x21, 0xa5)] {
        pair.write(port, value);
    }
    assert_eq!(pair.read(0x21), 0xa5);
}

#[test]
fn every_line_has_its_vector() {
    for line in (0..16).filter(|line| *line != 2) {
        let mut pair = pair(1);
        pair.set_line(line, true);
        assert!(pair.int(), "line {line}");
        assert_eq!(pair.acknowledge(), 0x20 + line, "line {line}");
        assert!(!pair.int());
        if line >= 8 {
            assert_eq!(isr(&mut pair, 0x20), 1 << 2);
            assert_eq!(isr(&mut pair, 0xa0), 1 << (line - 8));
        } else {
            assert_eq!(isr(&mut pair, 0x20), 1 << line);
        }
    }
}

#[test]
fn line_2_is_not_connected() {
    let mut pair = pair(1);
    pair.set_line(2, true);
    assert!(!pair.int());
}

#[test]
fn fully_nested_a_more_urgent_request_interrupts_and_a_lesser_waits() {
    let mut pair = pair(1);
    pair.set_line(4, true);
    assert_eq!(pair.acknowledge(), 0x24);
    pair.set_line(6, true);
    assert!(!pair.int());
    pair.set_line(3, true);
    assert_eq!(pair.acknowledge(), 0x23);
    assert_eq!(isr(&mut pair, 0x20), 0x18);
    // Non-specific EOI ends the most urgent first.
    pair.write(0x20, 0x20);
    assert_eq!(isr(&mut pair, 0x20), 0x10);
    assert!(!pair.int());
    pair.write(0x20, 0x20);
    assert_eq!(pair.acknowledge(), 0x26);
}

#[test]
fn slave_lines_rank_between_1_and_3() {
    let mut pair = pair(1);
    pair.set_line(3, true);
    pair.set_line(12, true);
    pair.set_line(8, true);
    pair.set_line(1, true);
    let mut order = Vec::new();
    while pair.int() {
        let vector = pair.acknowledge();
        order.push(vector - 0x20);
        if vector >= 0x28 {
            pair.write(0xa0, 0x20);
        }
        pair.write(0x20, 0x20);
    }
    assert_eq!(order, [1, 8, 12, 3]);
}

#[test]
fn edge_mode_takes_one_interrupt_an_edge_and_level_mode_repeats() {
    let mut pair = pair(1);
    pair.set_line(5, true);
    assert_eq!(pair.acknowledge(), 0x25);
    pair.write(0x20, 0x20);
    assert!(!pair.int(), "the line is still high, but there was no new edge");

    pair.write(0x4d0, 0xff);
    assert_eq!(pair.read(0x4d0), 0xf8);
    pair.write(0x4d1, 0xff);
    assert_eq!(pair.read(0x4d1), 0xde);
    assert_eq!(pair.acknowledge(), 0x25);
    assert!(!pair.int());
    pair.write(0x20, 0x20);
    assert!(pair.int(), "a level asks again after EOI");
    pair.set_line(5, false);
    assert!(!pair.int());
}

#[test]
fn a_request_that_vanishes_is_spurious() {
    let mut pair = pair(1);
    pair.set_line(3, true);
    assert!(pair.int());
    pair.set_line(3, false);
    assert!(!pair.int());
    assert_eq!(pair.acknowledge(), 0x27);
    assert_eq!(isr(&mut pair, 0x20), 0, "spurious sets no in-service bit");
}

#[test]
fn a_spurious_slave_interrupt_leaves_the_cascade_in_service() {
    let mut pair = pair(1);
    pair.set_line(10, true);
    // The slave's request is withdrawn by polling it between INT and INTA of the master.
    let ir = pair.master.take();
    assert_eq!(ir, Some(2));
    pair.set_line(10, false);
    let ir = pair.slave.take();
    assert_eq!(pair.slave.vector(ir), 0x2f);
    assert_eq!(isr(&mut pair, 0x20), 4);
    assert_eq!(isr(&mut pair, 0xa0), 0);
}

#[test]
fn masks_hide_requests_but_keep_them() {
    let mut pair = pair(1);
    pair.write(0x21, 0x02);
    pair.set_line(1, true);
    assert!(!pair.int());
    assert_eq!(irr(&mut pair, 0x20), 2);
    pair.write(0x21, 0);
    assert_eq!(pair.acknowledge(), 0x21);
    assert_eq!(irr(&mut pair, 0x20), 0);
}

#[test]
fn automatic_eoi_leaves_nothing_in_service() {
    let mut pair = pair(0x03);
    pair.set_line(4, true);
    assert_eq!(pair.acknowledge(), 0x24);
    assert_eq!(isr(&mut pair, 0x20), 0);
    pair.set_line(6, true);
    assert_eq!(pair.acknowledge(), 0x26);
}

#[test]
fn rotation_in_automatic_eoi_makes_the_served_line_last() {
    let mut pair = pair(0x03);
    pair.write(0x20, 0x80);
    pair.set_line(1, true);
    assert_eq!(pair.acknowledge(), 0x21);
    pair.set_line(1, false);
    pair.set_line(1, true);
    pair.set_line(7, true);
    assert_eq!(pair.acknowledge(), 0x27, "1 is now the least urgent");
    pair.write(0x20, 0x00);
    assert_eq!(pair.acknowledge(), 0x21);
    pair.set_line(0, true);
    pair.set_line(3, true);
    assert_eq!(pair.acknowledge(), 0x20, "no rotation any more: 7 was served last, so 0 leads");
}

/// OCW2 after lines 4 and 6 were taken (6 in service under rotated priorities, then 4): what is in service, and the
/// highest priority.
#[test]
fn ocw2_commands() {
    let table: &[(u8, u8, u8)] = &[
        // command, ISR after it, first vector of 0..=7 all requested (after everything is ended)
        (0x20, 0x40, 0),
        (0x64, 0x40, 0),
        (0x66, 0x10, 0),
        (0xa0, 0x40, 5),
        (0xe6, 0x10, 7),
        (0xc2, 0x50, 3),
        (0x40, 0x50, 0),
    ];
    for &(command, serving, leader) in table {
        let mut pair = pair(1);
        pair.set_line(6, true);
        pair.acknowledge();
        pair.set_line(4, true);
        pair.acknowledge();
        pair.write(0x20, command);
        assert_eq!(isr(&mut pair, 0x20), serving, "command {command:#x}");
        pair.write(0x20, 0x64);
        pair.write(0x20, 0x66);
        for line in 0..8 {
            pair.set_line(line, false);
            pair.set_line(line, true);
        }
        assert_eq!(pair.acknowledge(), 0x20 + leader, "command {command:#x}");
    }
}

#[test]
fn special_mask_mode_lets_lesser_lines_through() {
    let mut pair = pair(1);
    pair.set_line(3, true);
    pair.acknowledge();
    pair.set_line(6, true);
    pair.write(0x21, 0x08);
    assert!(!pair.int());
    pair.write(0x20, 0x68);
    assert_eq!(pair.acknowledge(), 0x26);
    // A non-specific EOI passes over the masked level.
    pair.write(0x20, 0x20);
    assert_eq!(isr(&mut pair, 0x20), 0x08);
    pair.write(0x20, 0x20);
    assert_eq!(isr(&mut pair, 0x20), 0x08);
    pair.write(0x20, 0x48);
    pair.set_line(6, false);
    pair.set_line(6, true);
    assert!(!pair.int());
    pair.write(0x20, 0x63);
    assert!(pair.int());
}

#[test]
fn special_fully_nested_mode_lets_the_slave_interrupt_its_own_service() {
    for (icw4, nested) in [(0x01, false), (0x11, true)] {
        let mut pair = pair(icw4);
        pair.set_line(12, true);
        assert_eq!(pair.acknowledge(), 0x2c);
        pair.set_line(9, true);
        assert_eq!(pair.int(), nested, "ICW4 {icw4:#x}");
        // With the slave masked meanwhile its level in service still holds lesser lines back.
        pair.write(0x21, 0x04);
        pair.set_line(5, true);
        assert!(!pair.int(), "ICW4 {icw4:#x}");
    }
}

#[test]
fn poll_acknowledges_on_the_next_read() {
    let mut pair = pair(1);
    pair.write(0x20, 0x0c);
    assert_eq!(pair.read(0x20), 0x00);
    pair.set_line(5, true);
    pair.set_line(1, true);
    pair.write(0x20, 0x0c);
    assert_eq!(pair.read(0x20), 0x81);
    assert_eq!(isr(&mut pair, 0x20), 0x02);
    // Only one read is a poll; the register choice is as before.
    assert_eq!(pair.read(0x20), 0x02);
    assert_eq!(pair.read(0x21), 0x00);
}
