//! What saves each device the same lines.

/// Inside `impl Device for T`: the capabilities whose traits `T` itself implements, by the names of [`Device`]'s methods.
///
/// ```
/// # use device_api::{Ctx, Device, Pio, Snapshot, capabilities};
/// struct Beeper;
/// # impl Snapshot for Beeper {
/// #     fn save(&self, _: &mut Vec<u8>) {}
/// #     fn load(&mut self, _: &mut &[u8]) -> Option<()> { Some(()) }
/// # }
/// impl Pio for Beeper {
///     fn port_read(&mut self, _: &mut Ctx<'_>, _: u16, _: u8) -> u32 { 0 }
///     fn port_write(&mut self, _: &mut Ctx<'_>, _: u16, _: u8, _: u32) {}
/// }
/// impl Device for Beeper {
///     capabilities!(pio);
///     fn id(&self) -> &'static str { "beeper" }
///     fn reset(&mut self, _: &mut Ctx<'_>) {}
/// }
/// assert!(Beeper.pio().is_some() && Beeper.mmio().is_none());
/// ```
///
/// [`Device`]: crate::Device
#[macro_export]
macro_rules! capabilities {
    (@ pio) => { $crate::capabilities!(@@ pio Pio); };
    (@ mmio) => { $crate::capabilities!(@@ mmio Mmio); };
    (@ pci) => { $crate::capabilities!(@@ pci PciFunction); };
    (@ timed) => { $crate::capabilities!(@@ timed Timed); };
    (@ irq_inputs) => { $crate::capabilities!(@@ irq_inputs IrqInputs); };
    (@ legacy_controller) => { $crate::capabilities!(@@ legacy_controller LegacyController); };
    (@ local_controller) => { $crate::capabilities!(@@ local_controller LocalController); };
    (@ coprocessor_error) => { $crate::capabilities!(@@ coprocessor_error CoprocessorError); };
    (@ host_io) => { $crate::capabilities!(@@ host_io HostIo); };
    (@ drives) => { $crate::capabilities!(@@ drives Drives); };
    (@ screen) => { $crate::capabilities!(@@ screen Screen); };
    (@ dma_controller) => { $crate::capabilities!(@@ dma_controller DmaController); };
    (@ dma_peripheral) => { $crate::capabilities!(@@ dma_peripheral DmaPeripheral); };
    (@ firmware_config) => { $crate::capabilities!(@@ firmware_config FirmwareConfig); };
    (@@ $method:ident $capability:ident) => {
        fn $method(&mut self) -> Option<&mut dyn $crate::$capability> {
            Some(self)
        }
    };
    ($($name:ident),+ $(,)?) => { $($crate::capabilities!(@ $name);)+ };
}

/// Inside `impl PciFunction for T`: the field of `T` that is its configuration space.
#[macro_export]
macro_rules! config_space {
    ($($field:ident).+) => {
        fn config(&self) -> &$crate::pci::ConfigSpace {
            &self.$($field).+
        }
        fn config_mut(&mut self) -> &mut $crate::pci::ConfigSpace {
            &mut self.$($field).+
        }
    };
}
