//! Identity of the machine and its date: `-uuid`, `-rtc`.

/// `-uuid`
pub(crate) fn parse_uuid(text: &str) -> Result<[u8; 16], String> {
    let bad = || format!("{text} is no UUID; write 550e8400-e29b-41d4-a716-446655440000");
    let lengths = text.split('-').map(str::len);
    if !lengths.eq([8, 4, 4, 4, 12]) {
        return Err(bad());
    }
    let digits = text.replace('-', "");
    let number = u128::from_str_radix(&digits, 16).map_err(|_| bad())?;
    // A sign would be taken as a digit.
    if digits.starts_with('+') { Err(bad()) } else { Ok(number.to_be_bytes()) }
}

/// `-rtc`: a date at power-on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rtc {
    /// Seconds since 1970, where a date was given
    pub base: Option<u64>,
}

/// `-rtc`
pub(crate) fn parse_rtc(text: &str) -> Result<Rtc, String> {
    let mut rtc = Rtc::default();
    for part in text.split(',') {
        match part.split_once('=') {
            Some(("base", "utc")) => {}
            Some(("base", "localtime")) => {
                return Err(
                    "the clock shows UTC; give base=utc or a date such as base=2006-06-17T16:01:21".into()
                );
            }
            Some(("base", date)) => {
                let bad = || {
                    format!("{date} is no date from 1970 to 2099; write 2006-06-17 or 2006-06-17T16:01:21")
                };
                rtc.base = Some(parse_date(date).ok_or_else(bad)?);
            }
            // The clock counts the machine's time, which is the host's unless --clock icount is given.
            Some(("clock", "host" | "rt" | "vm")) | Some(("driftfix", "none" | "slew")) => {}
            _ => {
                return Err(format!(
                    "{part} is no part of -rtc; there are base=utc, base=DATE and clock=host"
                ));
            }
        }
    }
    Ok(rtc)
}

/// Returns seconds since 1970 of `2006-06-17T16:01:21` or `2006-06-17`.
fn parse_date(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T').unwrap_or((text, "0:0:0"));
    let numbers = |text: &str, separator| -> Option<[u64; 3]> {
        let number =
            |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?;
        let parts: Option<Vec<u64>> = text.split(separator).map(number).collect();
        parts?.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(time, ':')?);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let valid = (1970..2100).contains(&year) && (1..=*months.get(index)?).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let days = years + months[..index].iter().sum::<u64>() + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        let base = |text: &str| parse_rtc(text).map(|rtc| rtc.base);
        assert_eq!(base("base=2006-06-17T16:01:21"), Ok(Some(1_150_560_081)));
        assert_eq!(base("base=2024-02-29,clock=vm"), Ok(Some(1_709_164_800)));
        assert_eq!(base("base=utc,clock=host,driftfix=slew"), Ok(None));
        for wrong in [
            "base=localtime",
            "base=2023-02-29",
            "base=1969-01-01",
            "base=2024-13-01",
            "base=2024-01-01T24:00:00",
        ] {
            assert!(base(wrong).is_err(), "{wrong}");
        }
        assert!(base("frob=1").is_err() && base("base=2024-01-+1").is_err());
    }

    #[test]
    fn uuids_have_five_parts() {
        let uuid = parse_uuid("550e8400-e29b-41d4-a716-446655440000").unwrap();
        assert_eq!((uuid[0], uuid[15], uuid[8]), (0x55, 0, 0xa7));
        for wrong in
            ["", "550e8400", "550e8400-e29b-41d4-a716-44665544000g", "+50e8400-e29b-41d4-a716-446655440000"]
        {
            assert!(parse_uuid(wrong).is_err(), "{wrong}");
        }
    }
}
