//! Quantities as people read them: `10.0 MB/s`, `1.23 ms`, `10,000`, `4.2 M`.
//!
//! Three significant digits; the unit is the largest of which there is at least one. The parser reads all of it back
//! (but for the comma in whole numbers, which there would separate the items of a list).

use super::parse::Quantity;
use super::{BitRate, ByteRate, Bytes, Rate, Ratio, Seconds};

const SECONDS: [(f64, &str); 6] =
    [(1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3_600.0, "hours")];
const DAYS: f64 = 86_400.0;
/// Times are simulated in whole picoseconds: half of one is none.
const SHORTEST: f64 = 0.5e-12;
const BYTES: [(f64, &str); 6] = [(1.0, "B"), (1e3, "KB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB"), (1e15, "PB")];
const BITS: [(f64, &str); 5] = [(1.0, "bit"), (1e3, "kbit"), (1e6, "Mbit"), (1e9, "Gbit"), (1e12, "Tbit")];

/// A whole number, its digits in groups: `25,820`.
pub fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let mut out = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number: in full up to a million, then short (`4.2 M`, `1.86 bn`); small ones with three digits.
pub fn count(value: f64) -> String {
    if value >= 999_500_000.0 {
        let billions = value / 1e9;
        return format!("{} bn", if billions >= 999.5 { whole(billions) } else { trimmed(&digits(billions)) });
    }
    if value >= 999_999.5 {
        return format!("{} M", trimmed(&digits(value / 1e6)));
    }
    if value >= 100.0 || value.fract() == 0.0 { whole(value) } else { trimmed(&digits(value)) }
}

/// A time: `1.23 ms`, `7.00 days`.
pub fn seconds(value: Seconds) -> String {
    let value = value.get();
    if value.abs() < SHORTEST {
        return "0 s".to_owned();
    }
    if value >= 2.0 * DAYS {
        return format!("{} days", digits(value / DAYS));
    }
    // "90.0 s" reads better than "1.50 min", and "1.00 hours" is no English.
    let found = SECONDS.iter().rev().find(|(size, _)| value >= *size * if *size > 1.0 { 2.0 } else { 0.999_5 });
    scaled(value, found, SECONDS[0], "s", "")
}

/// An amount of data: `1.00 KB`.
pub fn bytes(value: Bytes) -> String {
    scaled(value.get(), largest(&BYTES, value.get()), BYTES[0], "B", "")
}

/// A flow of data: `10.0 MB/s`.
pub fn byte_rate(value: ByteRate) -> String {
    scaled(value.get(), largest(&BYTES, value.get()), BYTES[0], "B", "/s")
}

/// A flow of data by the hour, as logs are counted: `36.0 GB/hour`.
pub fn byte_rate_hourly(value: ByteRate) -> String {
    let hourly = value.get() * 3_600.0;
    scaled(hourly, largest(&BYTES, hourly), BYTES[0], "B", "/hour")
}

/// A line speed: `1.00 Gbit/s`.
pub fn bit_rate(value: BitRate) -> String {
    scaled(value.get(), largest(&BITS, value.get()), BITS[0], "bit", "/s")
}

/// Events a second: `0.0300/s`, `10,000/s`.
pub fn rate(value: Rate) -> String {
    let value = value.get();
    if (999.5..999_999.5).contains(&value) {
        format!("{}/s", whole(value))
    } else {
        format!("{}/s", count(value)).replace(" M", "M").replace(" bn", "bn")
    }
}

/// A share: `70 %`, `0.10 %`.
pub fn ratio(value: Ratio) -> String {
    let percent = value.get() * 100.0;
    format!("{} %", if percent >= 1_000.0 { whole(percent) } else { trimmed(&digits(percent)) })
}

/// A figure in the base unit of its quantity.
pub fn figure(value: f64, quantity: Quantity) -> String {
    match quantity {
        Quantity::Count => count(value),
        Quantity::Time => seconds(Seconds::new(value)),
        Quantity::Bytes => bytes(Bytes::new(value)),
        Quantity::BitRate => bit_rate(BitRate::new(value)),
        Quantity::ByteRate => byte_rate(ByteRate::new(value)),
        Quantity::Rate => rate(Rate::new(value)),
        Quantity::Ratio => ratio(Ratio::new(value)),
    }
}

/// The largest unit of which there is, to three digits, at least one.
fn largest<'a>(units: &'a [(f64, &'static str)], value: f64) -> Option<&'a (f64, &'static str)> {
    units.iter().rev().find(|(size, _)| value >= size * 0.999_5)
}

fn scaled(
    value: f64,
    found: Option<&(f64, &'static str)>,
    smallest: (f64, &'static str),
    none: &str,
    per: &str,
) -> String {
    if value == 0.0 {
        return format!("0 {none}{per}");
    }
    let (size, name) = found.unwrap_or(&smallest);
    format!("{} {name}{per}", digits(value / size))
}

/// Three significant digits.
fn digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    // Rounding may carry into a further digit: 9.996 is 10.0.
    let magnitude = (value.abs() * 1.000_5).log10().floor() as i32;
    if magnitude < -6 {
        return format!("{value:.2e}");
    }
    let decimals = (2 - magnitude).max(0) as usize;
    format!("{value:.decimals$}")
}

/// Without zeros at the end of a fraction.
fn trimmed(text: &str) -> String {
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::parse::exact;

    #[test]
    fn they_look_like_this() {
        assert_eq!(byte_rate(ByteRate::new(10e6)), "10.0 MB/s");
        assert_eq!(byte_rate_hourly(ByteRate::new(10e6)), "36.0 GB/hour");
        assert_eq!(seconds(Seconds::new(0.001_234)), "1.23 ms");
        assert_eq!(seconds(Seconds::new(604_800.0)), "7.00 days");
        assert_eq!(seconds(Seconds::new(90.0)), "90.0 s");
        assert_eq!(seconds(Seconds::ZERO), "0 s");
        assert_eq!(whole(25_820.0), "25,820");
        assert_eq!(count(10_000.0), "10,000");
        assert_eq!(count(4_200_000.0), "4.2 M");
        assert_eq!(count(0.03), "0.03");
        assert_eq!(count(999.4e6), "999 M");
        assert_eq!(count(1_862.4e6), "1.86 bn");
        assert_eq!(count(1e10), "10 bn");
        assert_eq!(count(5.2e12), "5,200 bn");
        assert_eq!(rate(Rate::new(1_053e6)), "1.05bn/s");
        assert_eq!(seconds(Seconds::new(1.43e-19)), "0 s");
        assert_eq!(seconds(Seconds::new(1e-12)), "0.00100 ns");
        assert_eq!(rate(Rate::new(10_000.0)), "10,000/s");
        assert_eq!(rate(Rate::new(3e6)), "3M/s");
        assert_eq!(ratio(Ratio::new(0.7)), "70 %");
        assert_eq!(ratio(Ratio::new(0.001)), "0.1 %");
        assert_eq!(bit_rate(BitRate::new(1e9)), "1.00 Gbit/s");
        assert_eq!(bytes(Bytes::new(999_999.0)), "1.00 MB");
    }

    /// What is shown is read back to within half a unit of the third digit.
    #[test]
    fn the_parser_reads_it_back() {
        let mut state = 7_u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unit = (state >> 11) as f64 / 9_007_199_254_740_992.0;
            for (quantity, least, most) in [
                (Quantity::Count, 1e-3, 1e12),
                (Quantity::Time, 1e-10, 1e9),
                (Quantity::Bytes, 0.1, 1e18),
                (Quantity::BitRate, 0.1, 1e15),
                (Quantity::ByteRate, 0.1, 1e18),
                (Quantity::Rate, 1e-4, 1e9),
                (Quantity::Ratio, 1e-6, 50.0),
            ] {
                let value = least * f64::powf(most / least, unit);
                let shown = figure(value, quantity).replace(',', "_");
                let read = exact(&shown, quantity).unwrap_or_else(|e| panic!("{value} as {shown}: {e:?}"));
                assert!((read / value - 1.0).abs() <= 0.005_1, "{value} as {shown}, read as {read}");
            }
        }
    }
}
