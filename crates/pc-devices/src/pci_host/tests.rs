use super::*;

#[test]
fn attribute_registers_keep_their_values_and_reset() {
    let mut bridge = HostBridge::new();
    bridge.config.write(0x58, 4, u32::MAX);
    bridge.config.write(0x72, 1, 0xff);
    assert_eq!((bridge.config.read(0x58, 4), bridge.config.read(0x72, 1)), (0x3333_3000, 0x7f));
    bridge.config.reset();
    assert_eq!(bridge.config.read(0x58, 4), 0);
    assert_eq!(bridge.config.read(0, 4), 0x1237_8086);
}
