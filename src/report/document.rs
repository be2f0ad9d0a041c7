//! A page: all that a report says, in the order in which it is read, without a form yet. Each command makes one of its view
//! (`report::pages`); it is rendered as HTML, Markdown, CSV and `JUnit`.

use super::plots::Chart;

/// A report.
#[derive(Debug, Clone)]
pub struct Page {
    /// The scenario's name.
    pub name: String,
    /// What was done: `simulated`, `load line`, ….
    pub what: &'static str,
    /// The scenario's hash.
    pub hash: String,
    /// The seed.
    pub seed: u64,
    /// The answer, the weightiest sentence first.
    pub verdict: Vec<Said>,
    /// The figures to remember.
    pub figures: Vec<Headline>,
    /// The rest.
    pub sections: Vec<Section>,
    /// The table that `--format csv` prints, where it is not the first of the page.
    pub data: Option<Table>,
    /// What was judged, for a CI server.
    pub cases: Vec<Case>,
    /// What it takes to make it again.
    pub origin: Option<Origin>,
}

/// A sentence of a verdict.
#[derive(Debug, Clone)]
pub struct Said {
    /// How good that is.
    pub tone: Tone,
    /// What is said.
    pub text: String,
    /// Smaller print below it.
    pub note: String,
}

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A fact.
    Plain,
    /// Good.
    Good,
    /// To be looked at.
    Warn,
    /// Bad.
    Bad,
}

/// A figure to remember.
#[derive(Debug, Clone)]
pub struct Headline {
    /// What it is of.
    pub what: &'static str,
    /// The figure.
    pub figure: String,
    /// What belongs to it.
    pub note: String,
}

/// A part of a page.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its name.
    pub title: &'static str,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// What is in a section.
#[derive(Debug, Clone)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// Points.
    List(Vec<String>),
    /// A table.
    Table(Table),
    /// A chart; its figures are a table.
    Chart(Chart, Table),
    /// What is looked at only if asked for.
    Folded(String, Vec<Block>),
}

/// A table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The name of its file, without its ending.
    pub file: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, as long as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name for people.
    pub title: String,
    /// Its name for programs, which says its unit.
    pub name: String,
    /// Whether it holds figures.
    pub is_number: bool,
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// What people read.
    pub shown: String,
    /// What programs read.
    pub value: Value,
}

/// What a program reads in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// The same as people.
    Text,
    /// A figure in the unit that the column's name says.
    Number(f64),
    /// Nothing.
    Nothing,
}

/// Something that was judged.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// What was found.
    pub says: String,
    /// What that means.
    pub outcome: Outcome,
}

/// What a judgement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It doesn't.
    Failed,
    /// The run can't tell.
    Unclear,
}

/// What it takes to make a page again.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The command, with the scenario as `scenario.yaml`.
    pub command: String,
    /// What scenario files say, each with its name.
    pub scenarios: Vec<(String, String)>,
}

impl Page {
    /// All tables, those of charts and of what is folded away too, in their order.
    pub fn tables(&self) -> Vec<&Table> {
        self.blocks()
            .into_iter()
            .filter_map(|block| match block {
                Block::Table(table) | Block::Chart(_, table) => Some(table),
                _ => None,
            })
            .collect()
    }

    /// All charts, in their order.
    pub fn charts(&self) -> Vec<&Chart> {
        self.blocks()
            .into_iter()
            .filter_map(|block| if let Block::Chart(chart, _) = block { Some(chart) } else { None })
            .collect()
    }

    fn blocks(&self) -> Vec<&Block> {
        fn add<'a>(blocks: &'a [Block], all: &mut Vec<&'a Block>) {
            for block in blocks {
                all.push(block);
                if let Block::Folded(_, inner) = block {
                    add(inner, all);
                }
            }
        }
        let mut all = Vec::new();
        self.sections.iter().for_each(|section| add(&section.blocks, &mut all));
        all
    }
}

impl Table {
    /// A table without rows.
    pub fn new(file: &str, columns: Vec<Column>) -> Self {
        Self { file: file.to_owned(), columns, rows: Vec::new() }
    }
}

impl Column {
    /// A column of words.
    pub fn text(title: &str, name: &str) -> Self {
        Self { title: title.to_owned(), name: name.to_owned(), is_number: false }
    }

    /// A column of figures.
    pub fn number(title: &str, name: &str) -> Self {
        Self { is_number: true, ..Self::text(title, name) }
    }
}

impl Cell {
    /// Words.
    pub fn text(shown: impl Into<String>) -> Self {
        Self { shown: shown.into(), value: Value::Text }
    }

    /// A figure, as people and as programs read it.
    pub fn number(shown: impl Into<String>, value: f64) -> Self {
        Self { shown: shown.into(), value: if value.is_finite() { Value::Number(value) } else { Value::Nothing } }
    }

    /// A figure that there may not be; else people read this.
    pub fn maybe(figure: Option<f64>, show: impl Fn(f64) -> String, none: &str) -> Self {
        figure.map_or_else(|| Self { shown: none.to_owned(), value: Value::Nothing }, |f| Self::number(show(f), f))
    }
}
