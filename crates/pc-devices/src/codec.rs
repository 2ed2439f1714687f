//! Device state as bytes.

pub(crate) use snapshot::{Codec, codec_enum, codec_struct};

/// Implements `Snapshot` for an adapter whose whole state is one field.
macro_rules! snapshot_of {
    ($device:ty, $field:ident) => {
        impl device_api::Snapshot for $device {
            fn save(&self, out: &mut Vec<u8>) {
                $crate::codec::Codec::put(&self.$field, out);
            }
            fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
                let mut rest = *bytes;
                self.$field = $crate::codec::Codec::get(&mut rest)?;
                *bytes = rest;
                Some(())
            }
        }
    };
}

pub(crate) use snapshot_of;
