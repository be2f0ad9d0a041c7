//! A scenario file in memory, with what the command line changed in it.

use std::io;
use std::sync::{Arc, OnceLock};

use super::calibration;
use super::data::{self, Files};
use super::draft::{Draft, UncertainInput, World};
use super::keys;
use super::paths::{self, Axis};
use super::tree::{self, Node, Value};
use super::{Scenario, read, resolve};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source};
use crate::random::hash_bytes;

/// A scenario file, read but not yet one world. Its text is gone through once; each world after that is cheap.
#[derive(Debug, Clone)]
pub struct Document {
    root: Node,
    /// The name where the file gives none.
    default_name: String,
    files: Files,
    /// What the tree says, found when it is first asked for. Changing the tree empties it.
    draft: OnceLock<Result<Arc<Draft>, Diagnostics>>,
}

impl Document {
    /// Reads a file's bytes. `load` gives the text of a data file by the name that the scenario has for it.
    ///
    /// # Errors
    /// When the bytes are no YAML. What the YAML says is checked by [`Document::resolve`], after all changes.
    pub fn parse(
        source_name: &str,
        bytes: &[u8],
        load: &dyn Fn(&str) -> io::Result<String>,
    ) -> Result<Self, Diagnostics> {
        let mut root = tree::parse(source_name, bytes)?;
        if root.value == Value::Null {
            // Something may be set, so this is no error yet; and there is no text to point at.
            root.place = paths::whole(&Source::file(source_name, ""));
        }
        let default_name = std::path::Path::new(source_name)
            .file_stem()
            .map_or_else(|| "scenario".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let mut document = Self { root, default_name, files: Files::new(), draft: OnceLock::new() };
        document.load_files(load);
        Ok(document)
    }

    /// Loads the data files that are named and not loaded yet: after [`Document::set`], there may be new ones. One
    /// that can't be loaded becomes an error of [`Document::resolve`].
    pub fn load_files(&mut self, load: &dyn Fn(&str) -> io::Result<String>) {
        data::load(&self.root, &mut self.files, load);
        self.draft = OnceLock::new();
    }

    /// Changes a key, as `--set workload.message.rate=2/s` does.
    ///
    /// # Errors
    /// When this is no assignment, there is no such key, or the value is no YAML.
    pub fn set(&mut self, assignment: &str) -> Result<(), Diagnostics> {
        let Some((path, value)) = assignment.split_once('=') else {
            let source = Source::argument(format!("--set {assignment}"));
            let place = Place::new(&source, "--set ".len(), source.text.len());
            let error = Diagnostic::at(&place, "`--set` needs a key and a value");
            return Err(error.help("write it like `--set workload.message.rate=2/s`").into());
        };
        self.set_path("--set", path, value)
    }

    /// Changes a key on behalf of an option: `origin` is how a person knows it, such as `--users`.
    ///
    /// # Errors
    /// When there is no such key, or the value is no YAML.
    pub fn set_path(&mut self, origin: &str, path: &str, value: &str) -> Result<(), Diagnostics> {
        let (place, node) = paths::argument(origin, path, value)?;
        // Where the option names the key itself, the path is ours and right.
        if place.text() == path {
            paths::check(path, &place, false)?;
        }
        if matches!(self.root.value, Value::Map(_) | Value::Null) {
            paths::assign(&mut self.root, path, &place, node);
        }
        self.draft = OnceLock::new();
        Ok(())
    }

    /// What the file says, as it was read; nothing where it was empty.
    pub fn text(&self) -> &str {
        &self.root.place.source().text
    }

    /// The scenario with every uncertain figure at its median.
    ///
    /// # Errors
    /// All that is wrong with what the file says.
    pub fn resolve(&self) -> Result<Scenario, Diagnostics> {
        self.resolve_world(&|_| 0.5)
    }

    /// The scenario of one world: each uncertain figure is at the quantile, in (0, 1), that its path is given.
    ///
    /// # Errors
    /// All that is wrong with what the file says.
    pub fn resolve_world(&self, quantile: &dyn Fn(&str) -> f64) -> Result<Scenario, Diagnostics> {
        let draft = self.draft()?;
        Ok(resolve::scenario(&World::new(draft, quantile), &self.default_name))
    }

    /// The figures given as intervals, by path; none where the file is wrong.
    pub fn uncertain(&self) -> Vec<UncertainInput> {
        let mut inputs: Vec<_> = self.draft().map_or_else(|_| Vec::new(), |draft| draft.uncertain().cloned().collect());
        inputs.sort_by(|a, b| a.path.cmp(&b.path));
        inputs
    }

    /// Whether the file (or the command line) gives this key; else it has its default, whose source
    /// [`keys::find`](super::keys::find) has. No key is given where the file is wrong.
    pub fn is_given(&self, path: &str) -> bool {
        keys::find(path).is_some() && self.draft().is_ok_and(|draft| draft.place(path).is_some())
    }

    /// What the file's `sweep:` varies; nothing where it has none.
    ///
    /// # Errors
    /// When a path is none, or has no list of values.
    pub fn sweep(&self) -> Result<Vec<Axis>, Diagnostics> {
        self.root.get("sweep").map_or(Ok(Vec::new()), |node| paths::axes(node).map_err(Diagnostics::new))
    }

    /// 16 hexadecimal digits that tell scenarios apart by what they say, defaults included. How it is written, its
    /// name, its seed and its `sweep:` don't count.
    pub fn hash(&self) -> String {
        let content = self.draft().map_or_else(|_| paths::render(&self.root), Draft::canonical);
        format!("{:016x}", hash_bytes(content.as_bytes()))
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    fn draft(&self) -> Result<&Draft, Diagnostics> {
        let draft = self.draft.get_or_init(|| {
            let calibrated = calibration::applied(&self.root, &self.files)?;
            let root = calibrated.as_ref().map_or(&self.root, |(root, _)| root);
            let mut draft = read::read(root, &self.files)?;
            draft.calibration = calibrated.map(|(_, calibration)| calibration);
            resolve::contradictions(&draft).map_or_else(|| Ok(Arc::new(draft)), Err)
        });
        match draft {
            Ok(draft) => Ok(draft),
            Err(errors) => Err(errors.clone()),
        }
    }
}
