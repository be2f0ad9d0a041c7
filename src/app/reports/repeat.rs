//! The command that makes a report again, with scenarios beside it and no path of this machine.

use super::file_name;
use crate::cli::Input;
use crate::report::document::Origin;
use crate::scenario::Document;

/// The command, as a person would type it.
#[derive(Debug, Clone)]
pub struct Repeat(Vec<String>);

impl Repeat {
    /// A subcommand on a scenario.
    pub fn new(subcommand: &str, input: &Input) -> Self {
        Self(vec!["plimsoll".to_owned(), subcommand.to_owned(), scenario(0)])
            .option("--users", input.users.as_ref())
            .option("--set", &input.set)
            .option("--seed", input.seed.as_ref())
    }

    /// With an option for each of these values.
    #[must_use]
    pub fn option<'a>(mut self, name: &str, values: impl IntoIterator<Item = &'a String>) -> Self {
        for value in values {
            self.0.extend([name.to_owned(), value.clone()]);
        }
        self
    }

    /// With an option that names a file: its name counts, not where it is.
    #[must_use]
    pub fn file(self, name: &str, path: Option<&String>) -> Self {
        let path = path.map(|path| file_name(path));
        self.option(name, path.as_ref())
    }

    /// With a word that stands for itself.
    #[must_use]
    pub fn word(mut self, word: String) -> Self {
        self.0.push(word);
        self
    }

    /// The command and the scenarios that it reads.
    pub fn origin(&self, documents: &[&Document]) -> Origin {
        let words: Vec<String> = self.0.iter().map(|word| quoted(word)).collect();
        let scenarios = documents.iter().enumerate();
        Origin {
            command: words.join(" "),
            scenarios: scenarios.map(|(number, document)| (scenario(number), document.text().to_owned())).collect(),
        }
    }
}

/// The name of a scenario's file in a report.
pub fn scenario(number: usize) -> String {
    if number == 0 { "scenario.yaml".to_owned() } else { format!("scenario-{}.yaml", number + 1) }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,%+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_words_as_they_are() {
        assert_eq!(quoted("users=10k"), "users=10k");
        assert_eq!(quoted("a=$(rm -r x); it's"), "'a=$(rm -r x); it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
