//! `plimsoll schema`.

use super::{Failure, output};
use crate::cli::{Schema, SchemaOf};
use crate::report::schema;

/// Prints a schema.
pub fn run(options: &Schema) -> Result<(), Failure> {
    output::print_json(&match options.of {
        SchemaOf::Scenario => crate::scenario::schema(),
        SchemaOf::Result => schema::of_result("result"),
        SchemaOf::Sweep => schema::of_result("sweep"),
        SchemaOf::Compare => schema::of_result("compare"),
        SchemaOf::Plan => schema::of_result("plan"),
        SchemaOf::Line => schema::of_result("line"),
        SchemaOf::Check => schema::of_result("check"),
        SchemaOf::Validate => schema::of_result("validate"),
        SchemaOf::Calibrate => schema::of_result("calibrate"),
        SchemaOf::Drive => schema::of_result("drive"),
    })
}
