//! Device state as bytes: little-endian, in the order of the fields.

use device_api::VmTime;

/// A value that can be saved and read back.
pub(crate) trait Codec: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads it back; `None` when the bytes are no such value.
    fn get(bytes: &mut &[u8]) -> Option<Self>;
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Codec for $t {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &mut &[u8]) -> Option<Self> {
                let (head, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(<$t>::from_le_bytes(*head))
            }
        }
    )*};
}
integers!(u8, u16, u32, u64);

impl Codec for bool {
    fn put(&self, out: &mut Vec<u8>) {
        u8::from(*self).put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        match u8::get(bytes)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Codec for VmTime {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        u64::get(bytes).map(VmTime)
    }
}

impl<T: Codec> Codec for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        Some(if bool::get(bytes)? { Some(T::get(bytes)?) } else { None })
    }
}

impl<T: Codec, const N: usize> Codec for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|value| value.put(out));
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let mut values = Vec::with_capacity(N);
        for _ in 0..N {
            values.push(T::get(bytes)?);
        }
        values.try_into().ok()
    }
}

/// Implements [`Codec`] for a struct from the list of its fields. The list is used as a pattern without `..`, so a field
/// that is missing here breaks the build.
macro_rules! codec_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::codec::Codec for $name {
            fn put(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::codec::Codec::put($field, out);)*
            }
            fn get(bytes: &mut &[u8]) -> Option<Self> {
                $(let $field = $crate::codec::Codec::get(bytes)?;)*
                Some(Self { $($field),* })
            }
        }
    };
}

/// Implements [`Codec`] for a fieldless enum from the list of its variants, in order.
macro_rules! codec_enum {
    ($name:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::codec::Codec for $name {
            fn put(&self, out: &mut Vec<u8>) {
                // Exhaustive, so that a new variant breaks the build until it is listed.
                match self { $(Self::$variant)|* => {} }
                const ALL: &[$name] = &[$($name::$variant),*];
                let at = ALL.iter().position(|variant| variant == self).unwrap_or(0);
                out.push(at as u8);
            }
            fn get(bytes: &mut &[u8]) -> Option<Self> {
                const ALL: &[$name] = &[$($name::$variant),*];
                ALL.get(usize::from(u8::get(bytes)?)).copied()
            }
        }
    };
}

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

#[allow(unused_imports)]
pub(crate) use {codec_enum, codec_struct, snapshot_of};

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Phase {
        Idle,
        Busy,
    }
    codec_enum!(Phase { Idle, Busy });

    #[derive(Clone, Debug, PartialEq)]
    struct Sample {
        a: u8,
        b: Option<u32>,
        c: [u16; 3],
        d: Phase,
        e: bool,
        f: VmTime,
    }
    codec_struct!(Sample { a, b, c, d, e, f });

    #[test]
    fn every_truncation_is_refused_and_the_whole_comes_back() {
        let sample = Sample { a: 7, b: Some(9), c: [1, 2, 3], d: Phase::Busy, e: true, f: VmTime(u64::MAX) };
        let mut bytes = Vec::new();
        sample.put(&mut bytes);
        for cut in 0..bytes.len() {
            assert_eq!(Sample::get(&mut &bytes[..cut]), None, "cut at {cut}");
        }
        let mut rest = &bytes[..];
        assert_eq!(Sample::get(&mut rest), Some(sample));
        assert!(rest.is_empty());
    }

    #[test]
    fn values_outside_a_type_are_refused() {
        assert_eq!(bool::get(&mut &[2u8][..]), None);
        assert_eq!(Phase::get(&mut &[2u8][..]), None);
    }
}
