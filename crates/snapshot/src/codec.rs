//! Values as bytes: little-endian, in the order of the fields.

use alloc::string::String;
use alloc::vec::Vec;

/// A value that can be saved and read back.
pub trait Codec: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads the value back and moves `bytes` behind it. Returns `None` when the bytes are no such value.
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
integers!(u8, u16, u32, u64, u128);

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

/// The number of elements, then each.
impl<T: Codec> Codec for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        self.iter().for_each(|value| value.put(out));
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let count = u64::get(bytes)?;
        // Every element takes at least a byte: a count that cannot be true allocates nothing.
        if count > bytes.len() as u64 {
            return None;
        }
        (0..count).map(|_| T::get(bytes)).collect()
    }
}

impl Codec for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        out.extend_from_slice(self.as_bytes());
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(u64::get(bytes)?).ok()?;
        let (text, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

impl<A: Codec, B: Codec> Codec for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::get(bytes)?, B::get(bytes)?))
    }
}

/// Returns the bytes of a value.
pub fn to_bytes(value: &impl Codec) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

/// Returns the value encoded by `bytes`; `None` if they are not exactly one value.
pub fn from_bytes<T: Codec>(mut bytes: &[u8]) -> Option<T> {
    T::get(&mut bytes).filter(|_| bytes.is_empty())
}

/// Implements [`Codec`] for a struct from the list of its fields. The list is used as a pattern without `..`, so a field
/// that is missing here breaks the build.
#[macro_export]
macro_rules! codec_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::Codec for $name {
            fn put(&self, out: &mut $crate::Bytes) {
                let Self { $($field),* } = self;
                $($crate::Codec::put($field, out);)*
            }
            fn get(bytes: &mut &[u8]) -> Option<Self> {
                $(let $field = $crate::Codec::get(bytes)?;)*
                Some(Self { $($field),* })
            }
        }
    };
}

/// Implements [`Codec`] for a fieldless enum from the list of its variants, in order.
#[macro_export]
macro_rules! codec_enum {
    ($name:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::Codec for $name {
            fn put(&self, out: &mut $crate::Bytes) {
                // Exhaustive, so that a new variant breaks the build until it is listed.
                match self { $(Self::$variant)|* => {} }
                const ALL: &[$name] = &[$($name::$variant),*];
                let at = ALL.iter().position(|variant| variant == self).unwrap_or(0);
                out.push(at as u8);
            }
            fn get(bytes: &mut &[u8]) -> Option<Self> {
                const ALL: &[$name] = &[$($name::$variant),*];
                ALL.get(usize::from(<u8 as $crate::Codec>::get(bytes)?)).copied()
            }
        }
    };
}

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
        f: Vec<(u64, u128)>,
        g: String,
    }
    codec_struct!(Sample { a, b, c, d, e, f, g });

    fn sample() -> Sample {
        let f = vec![(5, 6), (u64::MAX, u128::MAX)];
        Sample { a: 7, b: Some(9), c: [1, 2, 3], d: Phase::Busy, e: true, f, g: "text".into() }
    }

    #[test]
    fn every_truncation_is_refused_and_the_whole_comes_back() {
        let bytes = to_bytes(&sample());
        for cut in 0..bytes.len() {
            assert_eq!(Sample::get(&mut &bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(from_bytes(&bytes), Some(sample()));
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(from_bytes::<Sample>(&longer), None);
    }

    #[test]
    fn values_outside_a_type_are_refused() {
        assert_eq!(from_bytes::<bool>(&[2]), None);
        assert_eq!(from_bytes::<Phase>(&[2]), None);
        assert_eq!(from_bytes::<Vec<u8>>(&u64::MAX.to_le_bytes()), None);
        assert_eq!(from_bytes::<String>(&u64::MAX.to_le_bytes()), None);
        assert_eq!(from_bytes::<String>(&[1, 0, 0, 0, 0, 0, 0, 0, 0xff]), None);
    }
}
