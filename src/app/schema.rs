//! `plimsoll schema`.

use super::{Failure, output};

/// Prints the schema.
pub fn run() -> Result<(), Failure> {
    output::print_json(&crate::scenario::schema())
}
