//! Byte lanes: a chip on an 8-bit bus sees a wide access as several byte accesses to consecutive ports.

/// Reads `size` bytes (1, 2 or 4), the lowest port first.
pub(crate) fn read(port: u16, size: u8, mut byte: impl FnMut(u16) -> u8) -> u32 {
    let mut value = 0;
    for lane in 0..u16::from(size.min(4)) {
        value |= u32::from(byte(port.wrapping_add(lane))) << (8 * lane);
    }
    value
}

/// Writes `size` bytes (1, 2 or 4), the lowest port first.
pub(crate) fn write(port: u16, size: u8, value: u32, mut byte: impl FnMut(u16, u8)) {
    for lane in 0..u16::from(size.min(4)) {
        byte(port.wrapping_add(lane), (value >> (8 * lane)) as u8);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lowest_port_holds_the_lowest_byte() {
        assert_eq!(super::read(0x70, 4, |port| port as u8), 0x7372_7170);
        let mut seen = Vec::new();
        super::write(0xffff, 2, 0x1234, |port, byte| seen.push((port, byte)));
        assert_eq!(seen, [(0xffff, 0x34), (0, 0x12)]);
    }
}
