//! The units that the parser knows, and what it says about those it doesn't.
//!
//! People write `kB`, `Gb`, `Mbps` and `sec`; each gets an answer of its own, since a wrong guess here is a factor of 8
//! or 1,000 in every result.

use std::ops::Range;

use super::parse::{ParseError, Problem, Quantity, error};

/// The size of a unit in base units: `times / over`. Kept apart, since a division by 1,000 rounds better than a
/// multiplication by 0.001: `50 us` is then the float nearest to 0.00005.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    times: f64,
    over: f64,
}

impl Scale {
    const fn times(times: f64) -> Self {
        Self { times, over: 1.0 }
    }

    const fn over(over: f64) -> Self {
        Self { times: 1.0, over }
    }

    /// So many of the unit, in base units.
    pub fn of(self, value: f64) -> f64 {
        value * self.times / self.over
    }
}

const TIMES: [(&str, Scale); 14] = [
    ("ns", Scale::over(1e9)),
    ("us", Scale::over(1e6)),
    ("µs", Scale::over(1e6)),
    ("μs", Scale::over(1e6)),
    ("ms", Scale::over(1e3)),
    ("s", Scale::times(1.0)),
    ("min", Scale::times(60.0)),
    ("h", Scale::times(3_600.0)),
    ("hour", Scale::times(3_600.0)),
    ("hours", Scale::times(3_600.0)),
    ("day", Scale::times(86_400.0)),
    ("days", Scale::times(86_400.0)),
    ("week", Scale::times(604_800.0)),
    ("weeks", Scale::times(604_800.0)),
];
const BYTES: [(&str, f64); 10] = [
    ("B", 1.0),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("PB", 1e15),
    ("KiB", 1_024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];
const BITS: [(&str, f64); 5] = [("bit", 1.0), ("kbit", 1e3), ("Mbit", 1e6), ("Gbit", 1e9), ("Tbit", 1e12)];
const PER: [(&str, f64); 5] = [("s", 1.0), ("min", 60.0), ("h", 3_600.0), ("hour", 3_600.0), ("day", 86_400.0)];

/// The size of the unit that starts at this byte.
pub(super) fn unit(text: &str, start: usize, quantity: Quantity) -> Result<Scale, ParseError> {
    let tail = &text[start..];
    let mut unit = tail.strip_prefix(' ').unwrap_or(tail);
    let mut at = text.len() - unit.len()..text.len();
    let mut factor = 1.0;
    if matches!(quantity, Quantity::Count | Quantity::Rate) {
        for (prefix, thousand) in [("k", 1e3), ("M", 1e6), ("bn", 1e9)] {
            if let Some(rest) = unit.strip_prefix(prefix)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                (unit, factor) = (rest, thousand);
                at.start += prefix.len();
            }
        }
    }
    if unit.is_empty() {
        if quantity.plain() {
            return Ok(Scale::times(factor));
        }
        let label = "a plain number";
        return Err(error(Problem::NoUnit, 0..text.trim_end().len(), label).with_help(quantity.examples()));
    }
    match known(unit) {
        Some((kind, size)) if kind == quantity => Ok(Scale { times: factor * size.times, ..size }),
        Some((kind, size)) => Err(wrong_kind(text, start, at, (kind, size), quantity)),
        None => match BITS.iter().find(|(bits, _)| *bits == unit) {
            Some((_, size)) if quantity == Quantity::Bytes => {
                let problem = Problem::WrongKind { needed: "bytes", given: "bits" };
                let help = format!(
                    "8 bits are a byte: this is `{}`",
                    scaled(typed(text, start) * size / 8.0, &BYTES[..6], "")
                );
                Err(error(problem, at, "bits").with_help(help))
            }
            _ => Err(unknown_unit(unit, at, quantity)),
        },
    }
}

/// The number before the unit, which was read before.
fn typed(text: &str, start: usize) -> f64 {
    text[..start].replace('_', "").parse().unwrap_or(1.0)
}

/// What a unit is a unit of, and how many base units it is.
fn known(unit: &str) -> Option<(Quantity, Scale)> {
    let find =
        |table: &[(&str, f64)], name: &str| table.iter().find(|(known, _)| *known == name).map(|&(_, size)| size);
    if unit == "%" {
        return Some((Quantity::Ratio, Scale::over(100.0)));
    }
    let Some((amount, per)) = unit.split_once('/') else {
        let time = TIMES.iter().find(|(known, _)| *known == unit).map(|&(_, size)| (Quantity::Time, size));
        return time.or_else(|| find(&BYTES, unit).map(|size| (Quantity::Bytes, Scale::times(size))));
    };
    let per = find(&PER, per)?;
    if amount.is_empty() {
        return Some((Quantity::Rate, Scale::over(per)));
    }
    find(&BYTES, amount)
        .map(|times| (Quantity::ByteRate, Scale { times, over: per }))
        .or_else(|| find(&BITS, amount).map(|times| (Quantity::BitRate, Scale { times, over: per })))
}

fn wrong_kind(
    text: &str,
    start: usize,
    at: Range<usize>,
    (given, size): (Quantity, Scale),
    needed: Quantity,
) -> ParseError {
    let problem = Problem::WrongKind { needed: needed.name(), given: given.name() };
    let amount = size.of(typed(text, start));
    let help = match (needed, given) {
        (Quantity::BitRate, Quantity::ByteRate) => {
            format!("a byte is 8 bits: this is `{}`", scaled(amount * 8.0, &BITS, "/s"))
        }
        (Quantity::ByteRate, Quantity::BitRate) => {
            format!("8 bits are a byte: this is `{}`", scaled(amount / 8.0, &BYTES[..6], "/s"))
        }
        (Quantity::Rate, Quantity::Time) if amount > 0.0 => {
            format!("once every {text} is `{}/s`", short(1.0 / amount))
        }
        _ => needed.examples().to_owned(),
    };
    error(problem, at, given.name()).with_help(help)
}

/// An amount in the largest unit of which there is at least one.
fn scaled(amount: f64, units: &[(&str, f64)], per: &str) -> String {
    let (name, size) = units.iter().rev().find(|(_, size)| amount >= *size).unwrap_or(&units[0]);
    format!("{} {name}{per}", short(amount / size))
}

/// A number with up to six digits behind the point, without trailing zeros.
fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn unknown_unit(unit: &str, at: Range<usize>, quantity: Quantity) -> ParseError {
    let shown: String = unit.chars().take(20).collect();
    let (amount, per) = shown.split_once('/').map_or((shown.as_str(), ""), |(amount, per)| (amount, per));
    // `Gb`, `gb`, `kb` and `Gbps` mean bits to one person and bytes to the next.
    let prefix = amount.chars().next().map_or(' ', |c| c.to_ascii_uppercase());
    let rest = amount.get(1..).unwrap_or("");
    if matches!(prefix, 'K' | 'M' | 'G' | 'T') && matches!(rest, "b" | "bps") {
        let name = match prefix {
            'K' => "kilo",
            'M' => "mega",
            'G' => "giga",
            _ => "tera",
        };
        let bit_prefix = if prefix == 'K' { 'k' } else { prefix };
        let speed = if !per.is_empty() || rest == "bps" { "/s" } else { "" };
        let help = if quantity == Quantity::BitRate {
            // A byte rate would be refused here.
            format!(
                "`{shown}` could be {name}bits or {name}bytes: write `{bit_prefix}bit/s` (a {name}byte a second is 8 of it)"
            )
        } else {
            format!(
                "`{shown}` could be {name}bits or {name}bytes: write `{bit_prefix}bit{speed}` or `{prefix}B{speed}`"
            )
        };
        return error(Problem::AmbiguousUnit, at, format!("`{shown}`")).with_help(help);
    }
    let label = format!("`{shown}`");
    let all: Vec<String> = match quantity {
        Quantity::Time => TIMES.iter().map(|unit| unit.0.to_owned()).collect(),
        Quantity::Bytes => BYTES.iter().map(|unit| unit.0.to_owned()).collect(),
        Quantity::BitRate => BITS.iter().map(|unit| format!("{}/s", unit.0)).collect(),
        Quantity::ByteRate => BYTES.iter().map(|unit| format!("{}/s", unit.0)).collect(),
        Quantity::Rate => PER.iter().map(|unit| format!("/{}", unit.0)).collect(),
        Quantity::Count => vec!["k".to_owned(), "M".to_owned()],
        Quantity::Ratio => Vec::new(),
    };
    // `kB`, `MBps`, `Ms`, `/sec`: the same but for case, or one of the usual long forms.
    let plain = shown.trim_end_matches('.').replace("ps", "/s").replace("per ", "/").replace(' ', "");
    let usual = match plain.as_str() {
        "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "mins" | "minute" | "minutes" if quantity == Quantity::Time => "min",
        "hr" | "hrs" => "h",
        "d" => "days",
        "/sec" | "/second" | "Hz" | "rps" | "qps" | "r/s" => "/s",
        "/minute" => "/min",
        "/hr" => "/h",
        "byte" | "bytes" => "B",
        other => other,
    };
    let near = all
        .iter()
        .find(|unit| unit.as_str() == usual)
        .or_else(|| all.iter().find(|unit| unit.strip_suffix("/s") == Some(usual)))
        .or_else(|| all.iter().find(|unit| unit.eq_ignore_ascii_case(usual) || unit.eq_ignore_ascii_case(&shown)));
    let help = match near {
        Some(unit) => format!("did you mean `{unit}`?"),
        None if quantity == Quantity::Time && shown.starts_with("month") => "write it in `days`".to_owned(),
        None => quantity.examples().to_owned(),
    };
    error(Problem::UnknownUnit, at, label).with_help(help)
}
