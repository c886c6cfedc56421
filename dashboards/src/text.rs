//! How numbers and days are written on the pages. Pure; English, digits grouped by comma.
//!
//! Invariant: nothing is rounded to a different statement. A share that is not quite all is never "100 %".

use jiff::civil::{Date, Time};

/// A narrow space that does not break, between a number and its unit.
const THIN: &str = "\u{202f}";

/// `41,286`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share between 0 and 1 as `38 %`, below ten per cent as `7.2 %`.
pub fn percent(share: f64) -> String {
    let hundredths = share * 100.0;
    if hundredths > 99.0 && hundredths < 100.0 {
        return format!("{:.1}{THIN}%", (hundredths * 10.0).floor() / 10.0);
    }
    if hundredths == 0.0 || hundredths >= 9.95 {
        format!("{hundredths:.0}{THIN}%")
    } else if hundredths < 0.05 {
        format!("< 0.1{THIN}%")
    } else {
        format!("{hundredths:.1}{THIN}%")
    }
}

/// How much a number changed, without its sign: `8.2 %`.
pub fn change(share: f64) -> String {
    let hundredths = share.abs() * 100.0;
    if hundredths >= 100.0 {
        format!("{}{THIN}%", count(hundredths.round() as u64))
    } else {
        format!("{hundredths:.1}{THIN}%")
    }
}

/// How much a share changed, in points and without its sign: `2.0 pt`.
pub fn points(difference: f64) -> String {
    format!("{:.1}{THIN}pt", difference.abs() * 100.0)
}

/// `2m 14s`, `47s`, `1h 02m`
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        _ => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
    }
}

/// `Mon 16 Nov`
pub fn weekday(day: Date) -> String {
    format!(
        "{} {}",
        &WEEKDAYS[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())][..3],
        short_day(day)
    )
}

/// `Monday 16 November`
pub fn long_day(day: Date) -> String {
    let weekday = WEEKDAYS[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())];
    format!("{weekday} {} {}", day.day(), month_name(day))
}

/// `16 Nov`
pub fn short_day(day: Date) -> String {
    format!("{} {}", day.day(), &month_name(day)[..3])
}

/// `Nov 2026`
pub fn month(day: Date) -> String {
    format!("{} {}", &month_name(day)[..3], day.year())
}

/// `14:00`
pub fn time(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// `1 – 25 Nov`, `28 Oct – 24 Nov`, and with the year where it is not `this_year`.
pub fn days(first: Date, last: Date, this_year: i16) -> String {
    let end = if last.year() == this_year {
        short_day(last)
    } else {
        format!("{} {}", short_day(last), last.year())
    };
    if first == last {
        end
    } else if first.year() != last.year() {
        format!("{} {} – {} {}", short_day(first), first.year(), short_day(last), last.year())
    } else if first.month() == last.month() {
        format!("{} – {end}", first.day())
    } else {
        format!("{} – {end}", short_day(first))
    }
}

fn month_name(day: Date) -> &'static str {
    MONTHS[usize::from(day.month().unsigned_abs()) - 1]
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn check(found: &str, expected: &str) {
        assert_eq!(found.replace('\u{202f}', " "), expected);
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (41_286, "41,286"), (1_234_567, "1,234,567")]
        {
            check(&count(number), text);
        }
        for (seconds, text) in
            [(0.0, "0s"), (59.4, "59s"), (62.0, "1m 02s"), (134.0, "2m 14s"), (3_725.0, "1h 02m")]
        {
            check(&duration(seconds), text);
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        for (share, text) in [
            (0.0, "0 %"),
            (0.0001, "< 0.1 %"),
            (0.072, "7.2 %"),
            (0.0999, "10 %"),
            (0.384, "38 %"),
            (0.9996, "99.9 %"),
            (1.0, "100 %"),
        ] {
            check(&percent(share), text);
        }
        check(&change(-0.082), "8.2 %");
        check(&change(12.345), "1,235 %");
        check(&points(-0.02), "2.0 pt");
    }

    #[test]
    fn days_say_no_more_than_needed() {
        let (november, year) = (date(2026, 11, 16), 2026);
        check(&weekday(november), "Mon 16 Nov");
        check(&long_day(november), "Monday 16 November");
        check(&month(november), "Nov 2026");
        check(&days(date(2026, 11, 1), date(2026, 11, 25), year), "1 – 25 Nov");
        check(&days(date(2026, 10, 28), date(2026, 11, 24), year), "28 Oct – 24 Nov");
        check(&days(november, november, year), "16 Nov");
        check(&days(date(2025, 11, 1), date(2025, 11, 25), year), "1 – 25 Nov 2025");
        check(&days(date(2025, 12, 1), date(2026, 11, 25), year), "1 Dec 2025 – 25 Nov 2026");
    }
}
