//! `plimsoll new`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context as _;

use super::{Failure, output};
use crate::cli::New;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::scenario::{Template, template};

/// Writes a scenario that is not there yet.
pub fn run(options: &New) -> Result<(), Failure> {
    let stem = options.name.strip_suffix(".yaml").unwrap_or(&options.name);
    let file = format!("{stem}.yaml");
    let name = Path::new(stem).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name.is_empty() {
        let error = Diagnostic::new("a scenario needs a name").help("write it like `plimsoll new chat`");
        return Err(Diagnostics::from(error).into());
    }
    let kind = if options.full { Template::Full } else { Template::Short };
    let created = OpenOptions::new().write(true).create_new(true).open(&file);
    match created {
        Ok(mut out) => {
            out.write_all(template(kind, &name).as_bytes()).with_context(|| format!("`{file}` can't be written"))?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let error = Diagnostic::new(format!("there is already a file `{file}`")).help("choose another name");
            return Err(Diagnostics::from(error).into());
        }
        Err(error) => return Err(anyhow::Error::from(error).context(format!("`{file}` can't be written")).into()),
    }
    output::print_plain(&format!("Wrote {file}. Next: plimsoll simulate {file}\n"))
}
