//! A 128-bit value as lanes, and functions over them.

/// An integer type that divides 128 bits into lanes.
pub(super) trait Lane: Copy {
    /// All lanes, lowest first
    type All: Copy + AsRef<[Self]> + AsMut<[Self]>;
    /// The lanes of a value
    fn split(x: u128) -> Self::All;
    /// The value of lanes
    fn join(lanes: Self::All) -> u128;
}

macro_rules! lane {
    ($($t:ty)*) => {$(
        impl Lane for $t {
            type All = [$t; 16 / size_of::<$t>()];
            #[inline(always)]
            fn split(x: u128) -> Self::All {
                core::array::from_fn(|n| (x >> (8 * size_of::<$t>() * n)) as $t)
            }
            #[inline(always)]
            fn join(lanes: Self::All) -> u128 {
                let mut bytes = [0; 16];
                for (place, lane) in bytes.chunks_exact_mut(size_of::<$t>()).zip(lanes) {
                    place.copy_from_slice(&lane.to_le_bytes());
                }
                u128::from_le_bytes(bytes)
            }
        }
    )*};
}
lane!(u8 i8 u16 i16 u32 i32 u64 i64);

/// Each lane of the result from the same lanes of `a` and `b`
#[inline(always)]
pub(super) fn zip<T: Lane>(a: u128, b: u128, mut f: impl FnMut(T, T) -> T) -> u128 {
    let (mut a, b) = (T::split(a), T::split(b));
    for (a, &b) in a.as_mut().iter_mut().zip(b.as_ref()) {
        *a = f(*a, b);
    }
    T::join(a)
}

/// Each lane of the result from the same lane of `x`
#[inline(always)]
pub(super) fn map<T: Lane>(x: u128, mut f: impl FnMut(T) -> T) -> u128 {
    zip(x, x, |x, _| f(x))
}

/// Lane `n` of the result from `f(n)`
#[inline(always)]
pub(super) fn build<T: Lane>(mut f: impl FnMut(usize) -> T) -> u128 {
    let mut all = T::split(0);
    for (n, lane) in all.as_mut().iter_mut().enumerate() {
        *lane = f(n);
    }
    T::join(all)
}

/// Lane `n`, counted modulo the number of lanes
#[inline(always)]
pub(super) fn lane<T: Lane + Default>(x: u128, n: usize) -> T {
    let all = T::split(x);
    let lanes = all.as_ref();
    lanes.get(n & (lanes.len() - 1)).copied().unwrap_or_default()
}

/// The lowest lane of `x` replaced
#[inline(always)]
pub(super) fn with_low<T: Lane>(x: u128, low: T) -> u128 {
    let mut all = T::split(x);
    if let Some(first) = all.as_mut().first_mut() {
        *first = low;
    }
    T::join(all)
}

/// Adjacent lanes combined: those of `a` in the lower half, those of `b` in the upper half
#[inline(always)]
pub(super) fn horizontal<T: Lane + Default>(a: u128, b: u128, mut f: impl FnMut(T, T) -> T) -> u128 {
    let half = 8 / size_of::<T>();
    build(|n| {
        let (x, k) = if n < half { (a, 2 * n) } else { (b, 2 * (n - half)) };
        f(lane(x, k), lane(x, k + 1))
    })
}
