//! Seconds since 1970 to and from dates of the proleptic Gregorian calendar.

/// Seconds in a day
pub(super) const DAY: i64 = 86_400;

/// A date and time. `month` and `day` count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

/// Days from 1970-01-01 to the first of March of year 0 of a 400-year era, and back.
const EPOCH_SHIFT: i64 = 719_468;
const ERA: i64 = 146_097;

impl Date {
    /// Returns the date of `seconds` since 1970.
    pub(super) fn from_seconds(seconds: i64) -> Date {
        let (days, time) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let shifted = days + EPOCH_SHIFT;
        let (era, day) = (shifted.div_euclid(ERA), shifted.rem_euclid(ERA));
        // Years begin in March, so that the leap day is the last.
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let march = (5 * day + 2) / 153;
        let month = if march < 10 { march + 3 } else { march - 9 };
        Date {
            year: era * 400 + year + i64::from(month <= 2),
            month,
            day: day - (153 * march + 2) / 5 + 1,
            hour: time / 3600,
            minute: time / 60 % 60,
            second: time % 60,
        }
    }

    /// Seconds since 1970. Fields beyond their range carry into the next; the month is brought into 1 to 12 first.
    pub(super) fn seconds(self) -> i64 {
        let month = self.month.clamp(1, 12);
        let year = self.year - i64::from(month <= 2);
        let march = (month + 9) % 12;
        let day = (153 * march + 2) / 5 + self.day - 1;
        let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
        let days = era * ERA + year * 365 + year / 4 - year / 100 + day - EPOCH_SHIFT;
        days * DAY + self.hour * 3600 + self.minute * 60 + self.second
    }

    /// 0 for Sunday to 6.
    pub(super) fn weekday(seconds: i64) -> i64 {
        (seconds.div_euclid(DAY) + 4).rem_euclid(7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        // Seconds, date, weekday
        let table = [
            (0, (1970, 1, 1, 0, 0, 0), 4),
            (951_782_399, (2000, 2, 28, 23, 59, 59), 1),
            (951_782_400, (2000, 2, 29, 0, 0, 0), 2),
            (1_709_164_800, (2024, 2, 29, 0, 0, 0), 4),
            (4_107_542_400, (2100, 3, 1, 0, 0, 0), 1),
            (-1, (1969, 12, 31, 23, 59, 59), 3),
        ];
        for (seconds, (year, month, day, hour, minute, second), weekday) in table {
            let date = Date { year, month, day, hour, minute, second };
            assert_eq!(Date::from_seconds(seconds), date);
            assert_eq!(date.seconds(), seconds);
            assert_eq!(Date::weekday(seconds), weekday, "{date:?}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in -ERA..ERA {
            let seconds = day * DAY + day.rem_euclid(DAY);
            assert_eq!(Date::from_seconds(seconds).seconds(), seconds);
        }
    }
}
