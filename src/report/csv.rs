//! CSV: the figures of a page's tables, in base units, for spreadsheets and programs.

use super::document::{Cell, Page, Table, Value};

/// The table that says most: what `--format csv` prints.
pub fn main(page: &Page) -> String {
    page.data.as_ref().or_else(|| page.tables().into_iter().next()).map_or_else(String::new, table)
}

/// One table, its first line the names of its columns.
pub fn table(table: &Table) -> String {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let names = table.columns.iter().map(|column| column.name.as_bytes().to_vec());
    let rows = table.rows.iter().map(|row| row.iter().map(field).collect::<Vec<_>>());
    for record in std::iter::once(names.collect::<Vec<_>>()).chain(rows) {
        // Memory takes every row; one that is not as long as the others would be our own mistake.
        debug_assert_eq!(record.len(), table.columns.len(), "{}", table.file);
        let _ = writer.write_record(&record);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn field(cell: &Cell) -> Vec<u8> {
    match cell.value {
        Value::Number(figure) => figure.to_string().into_bytes(),
        Value::Nothing => Vec::new(),
        Value::Text => harmless(&cell.shown).into_bytes(),
    }
}

/// A text that a spreadsheet doesn't take for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err() {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Column;
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let columns = vec![Column::text("what", "what"), Column::number("time", "time_seconds")];
        let mut written = Table::new("x", columns);
        written.rows = vec![
            vec![Cell::text("a, \"b\"\nc"), Cell::number("1.5 ms", 0.0015)],
            vec![Cell::text("=1+1"), Cell::maybe(None, |_| String::new(), "never")],
        ];
        let text = table(&written);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap(), ["what", "time_seconds"].as_slice());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows, [vec!["a, \"b\"\nc", "0.0015"], vec!["'=1+1", ""]]);
    }
}
