//! Sizes of memory as QEMU's `-m` takes them.

const SMALLEST: u64 = 1 << 20;
const LARGEST: u64 = 64 << 30;

/// Returns bytes: a number, also with a fraction, and a unit from B to E, which is M where there is none.
fn parse_size(text: &str) -> Option<u128> {
    let text = text.trim();
    // K, KB and KiB are the same: units are binary, as in QEMU.
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[number.len()..].to_ascii_uppercase().as_str() {
        "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "" | "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        "P" | "PB" | "PIB" => 50,
        "E" | "EB" | "EIB" => 60,
        _ => return None,
    };
    let number = number.trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let value = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u128>().ok() };
    let parts = value(fraction)? << shift;
    Some((value(whole)? << shift) + parts / 10_u128.pow(fraction.len() as u32))
}

/// Parses the value of `-m`.
///
/// # Errors
/// A text with the error and the limits.
pub(crate) fn parse_memory(text: &str) -> Result<u64, String> {
    const LIMITS: &str = "give between 1M and 64G";
    let size = text.strip_prefix("size=").unwrap_or(text);
    if let Some((_, more)) = size.split_once(',') {
        return Err(format!("{more} is for memory that is plugged in later, which there is not; {LIMITS}"));
    }
    let Some(bytes) = parse_size(size) else {
        return Err(format!("{text} is not a size; write 512M, 1.5G or 4G"));
    };
    match u64::try_from(bytes) {
        Ok(bytes) if bytes < SMALLEST => Err(format!("{text} is too little; {LIMITS}")),
        Ok(bytes) if bytes <= LARGEST => Ok(bytes),
        _ => Err(format!("{text} is more than this machine can have; {LIMITS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_understood_as_qemu_understands_them() {
        let cases = [
            ("512", 512 << 20),
            ("512M", 512 << 20),
            ("512m", 512 << 20),
            ("1.5G", 3 << 29),
            (".5g", 1 << 29),
            ("2.", 2 << 20),
            ("1536.5K", 1_573_376),
            ("1048576B", 1 << 20),
            ("64G", 64 << 30),
            ("1GiB", 1 << 30),
            ("256 MB", 256 << 20),
            ("size=2G", 2 << 30),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_memory(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_refused_comes_with_the_limits() {
        for text in ["4T", "65G", "64.001G", "900000G", "999999999999999999E"] {
            assert!(parse_memory(text).unwrap_err().contains("between 1M and 64G"), "{text}");
        }
        for text in ["0", "0.5M", "512K", "1048575B"] {
            let error = parse_memory(text).unwrap_err();
            assert!(error.contains("too little; give between 1M and 64G"), "{error}");
        }
        for text in ["", "much", "-1", "+1", "1e3", "0x100", "1,5G", "1.2.3", ".", "G", "1Q", "1K K", "1GG"] {
            assert!(parse_memory(text).is_err(), "{text}");
        }
        assert!(parse_memory("1G,slots=2").unwrap_err().starts_with("slots=2 is for memory"));
    }

    #[test]
    fn the_limit_is_the_machine_s() {
        assert!(guest_memory::GuestMemory::new(LARGEST).is_ok());
        assert!(guest_memory::GuestMemory::new(LARGEST + (1 << 20)).is_err());
    }
}
