//! From the command line to a scenario.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Failure, verbose};
use crate::cli::Input;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::scenario::{Catalogue, Document};

/// A scenario file is at most so large, and so is a data file next to it (in bytes).
const LARGEST_SCENARIO: u64 = 1 << 20;
const LARGEST_DATA: u64 = 64 << 20;

/// Reads the scenario and changes in it what the command line asks for.
pub fn document(input: &Input) -> Result<Document, Failure> {
    document_with(input, &[])
}

/// The same, with more keys changed after that.
pub fn document_with(input: &Input, changes: &[(String, String)]) -> Result<Document, Failure> {
    let folder = Path::new(&input.scenario).parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let load = |name: &str| {
        let mut text = String::new();
        open(&folder.join(name))?.take(LARGEST_DATA).read_to_string(&mut text)?;
        Ok(text)
    };
    let bytes = read(&input.scenario)?;
    let name = if input.scenario == "-" { "<standard input>" } else { &input.scenario };
    let mut document = Document::parse(name, &bytes, &load)?;
    let mut errors: Vec<Diagnostics> = Vec::new();
    let options = [("--users", "users", &input.users), ("--seed", "simulation.seed", &input.seed)];
    for assignment in &input.set {
        errors.extend(document.set(assignment).err());
    }
    for (origin, path, value) in options {
        if let Some(value) = value {
            errors.extend(document.set_path(origin, path, value).err());
        }
    }
    for (path, value) in changes {
        errors.extend(document.set_path("--with", path, value).err());
    }
    document.load_files(&load);
    if !errors.is_empty() {
        // What is wrong in the file is said in the same breath.
        errors.extend(document.resolve().err());
        return Err(Diagnostics::from_iter(errors).into());
    }
    verbose::done(|| format!("read {name}"));
    Ok(document)
}

/// The catalogue of machines that `--shapes` names, or else this one: a file, `example` for the one in the program, `none`.
pub fn catalogue(shapes: Option<&str>, otherwise: Option<&str>) -> Result<Option<Catalogue>, Failure> {
    match shapes.or(otherwise) {
        None | Some("none") => Ok(None),
        Some("example") => Ok(Some(Catalogue::example()?)),
        Some(file) => Ok(Some(Catalogue::parse(file, &bytes(file)?)?)),
    }
}

/// Reads a data file of the scenario, one that lies in the scenario's folder or below it: what is set from outside may not
/// lead elsewhere.
pub fn data_below(scenario: &str, name: &str) -> io::Result<String> {
    let folder = Path::new(scenario).parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    let path = folder.join(name).canonicalize()?;
    if !path.starts_with(folder.canonicalize()?) {
        return Err(io::Error::other("it is not in the scenario's folder"));
    }
    let mut text = String::new();
    open(&path)?.take(LARGEST_DATA).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads a file of measurements; `-` is standard input.
pub fn measurements(path: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let found = if path == "-" {
        io::stdin().lock().take(LARGEST_DATA + 1).read_to_end(&mut bytes)
    } else {
        open(Path::new(path)).and_then(|file| file.take(LARGEST_DATA + 1).read_to_end(&mut bytes))
    };
    found.map_err(|error| Diagnostics::from(unreadable_data(path, &error)))?;
    if bytes.len() as u64 > LARGEST_DATA {
        let error = Diagnostic::new(format!("`{path}` is larger than 64 MiB"));
        return Err(Diagnostics::from(error.help("thin it out, or take a part of it")).into());
    }
    String::from_utf8(bytes).map_err(|_| {
        let error = Diagnostic::new(format!("`{path}` is not text in UTF-8"));
        Diagnostics::from(error.help("if it is packed (.gz), unpack it first")).into()
    })
}

/// The help speaks of scenarios, which measurements are not.
fn unreadable_data(path: &str, error: &io::Error) -> Diagnostic {
    match error.kind() {
        io::ErrorKind::NotFound => Diagnostic::new(format!("there is no file `{path}`")).help("check the path"),
        io::ErrorKind::IsADirectory => Diagnostic::new(format!("`{path}` is a folder")).help("name a file in it"),
        _ => unreadable(path, error),
    }
}

/// The bytes of another file that the command line names.
pub fn bytes(path: &str) -> Result<Vec<u8>, Failure> {
    read(path)
}

fn read(path: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let found = if path == "-" {
        io::stdin().lock().take(LARGEST_SCENARIO + 1).read_to_end(&mut bytes)
    } else {
        open(Path::new(path)).and_then(|file| file.take(LARGEST_SCENARIO + 1).read_to_end(&mut bytes))
    };
    match found {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Diagnostics::from(unreadable(path, &error)).into()),
    }
}

/// Opens a file that holds data: a folder, which can be opened too, can't be read.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

fn unreadable(path: &str, error: &io::Error) -> Diagnostic {
    match error.kind() {
        io::ErrorKind::NotFound => Diagnostic::new(format!("there is no file `{path}`"))
            .help("check the path, or start with `plimsoll new NAME`"),
        io::ErrorKind::IsADirectory => {
            Diagnostic::new(format!("`{path}` is a folder")).help("name a scenario file in it")
        }
        io::ErrorKind::PermissionDenied => {
            Diagnostic::new(format!("`{path}` may not be read")).help("check its permissions")
        }
        _ => Diagnostic::new(format!("`{path}` can't be read: {error}")),
    }
}
