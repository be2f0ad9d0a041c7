//! `plimsoll check`.

use super::reports::Repeat;
use super::{Failure, input, reports};
use crate::analysis::assess;
use crate::analysis::check::{Quantity, grade};
use crate::cli::Check;
use crate::diagnostic::{Diagnostic, Diagnostics, option_figure};
use crate::report::{check, pages};
use crate::units::parse;

/// Grades the figures that were given.
pub fn run(options: &Check) -> Result<(), Failure> {
    let given = given(options)?;
    let document = input::document(&options.input)?;
    let assessment = assess(&document)?;
    let mut verdicts = Vec::new();
    for graded in grade(&assessment, &given) {
        verdicts.push(graded.ok_or_else(|| {
            let error = Diagnostic::new("the scenario logs nothing, so `--storage` has nothing to be compared with");
            Diagnostics::from(error.help("say what is logged: `logs: {bytes_per_message: 1 KB}`"))
        })?);
    }
    let hash = document.hash();
    let repeat = figures(options)
        .into_iter()
        .fold(Repeat::new("check", &options.input), |repeat, (option, text, _)| repeat.option(option, text));
    let result = reports::Result {
        terminal: &|| check::terminal(&assessment, &hash, &verdicts),
        json: &|| check::json(&assessment, &hash, &verdicts),
        page: &|| pages::check(&assessment, &hash, &verdicts, repeat.origin(&[&document])),
    };
    reports::show(&options.output, &result)?;
    if verdicts.iter().all(|verdict| verdict.within) { Ok(()) } else { Err(Failure::Negative) }
}

/// What an option may be a figure of, the usual first.
type Kinds = &'static [(Quantity, parse::Quantity)];

/// The figures of the command line, in the order in which they are shown; all mistakes in them at once.
fn given(options: &Check) -> Result<Vec<(Quantity, f64)>, Failure> {
    use parse::Quantity::BitRate;
    let figures = figures(options);
    let mut given = Vec::new();
    let mut errors = Vec::new();
    for (option, text, kinds) in figures {
        let Some(text) = text else { continue };
        // The first kind that the text is one of; if of none, the mistake in it as the usual one.
        let read = kinds.iter().find_map(|(quantity, kind)| Some((*quantity, *kind, parse::exact(text, *kind).ok()?)));
        match read {
            Some((quantity, kind, figure)) => {
                given.push((quantity, if kind == BitRate { figure / 8.0 } else { figure }));
            }
            None => errors.extend(option_figure(option, text, kinds[0].1).err()),
        }
    }
    if given.is_empty() && errors.is_empty() {
        let names: Vec<&str> = figures.iter().map(|(option, ..)| *option).collect();
        errors.push(
            Diagnostic::new("`check` needs a figure to check")
                .help(format!("give one or more of {}", names.join(", "))),
        );
    }
    if errors.is_empty() { Ok(given) } else { Err(Diagnostics::new(errors).into()) }
}

/// What the options say, and what each may be a figure of.
fn figures(options: &Check) -> [(&'static str, &Option<String>, Kinds); 8] {
    use parse::Quantity::{BitRate, ByteRate, Bytes, Count, Rate};
    [
        ("--connections", &options.connections, &[(Quantity::Connections, Count)]),
        ("--servers", &options.servers, &[(Quantity::Servers, Count)]),
        ("--messages", &options.messages, &[(Quantity::Messages, Rate)]),
        ("--deliveries", &options.deliveries, &[(Quantity::Deliveries, Rate)]),
        ("--bandwidth", &options.bandwidth, &[(Quantity::Bandwidth, ByteRate), (Quantity::Bandwidth, BitRate)]),
        ("--egress", &options.egress, &[(Quantity::Egress, ByteRate), (Quantity::Egress, BitRate)]),
        ("--network", &options.network, &[(Quantity::Network, ByteRate), (Quantity::Network, BitRate)]),
        ("--storage", &options.storage, &[(Quantity::Storage, ByteRate), (Quantity::Kept, Bytes)]),
    ]
}
