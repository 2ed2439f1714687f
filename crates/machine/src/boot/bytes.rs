//! Numbers of bytes as messages show them.

use std::fmt;

/// A number of bytes, displayed with one decimal place in the largest binary unit that gives at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let Some((shift, unit)) = units.into_iter().find(|(shift, _)| bytes >> shift != 0) else {
            return write!(f, "{bytes} bytes");
        };
        let (whole, rest) = (bytes >> shift, bytes & ((1 << shift) - 1));
        // Rounded down, so that what does not fit never looks as if it did.
        match (rest * 10) >> shift {
            0 => write!(f, "{whole} {unit}"),
            tenths => write!(f, "{whole}.{tenths} {unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_largest_that_gives_a_whole_number() {
        let shown = |bytes| Bytes(bytes).to_string();
        assert_eq!(shown(0), "0 bytes");
        assert_eq!(shown(1023), "1023 bytes");
        assert_eq!(shown(1024), "1 KiB");
        assert_eq!(shown(512 << 20), "512 MiB");
        assert_eq!(shown(3 << 29), "1.5 GiB");
        assert_eq!(shown((1 << 30) - 1), "1023.9 MiB");
        assert_eq!(shown(4 << 40), "4 TiB");
        assert_eq!(shown(u64::MAX), "16777215.9 TiB");
    }
}
