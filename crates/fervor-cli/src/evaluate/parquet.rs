//! Predictions as Parquet: the table that is written as CSV, with numbers as numbers.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fervor::{Error, Result};
use fervor_table::PartWriter;
use fervor_table::arrow_array::{ArrayRef, BooleanArray, Float32Array, RecordBatch, StringArray};

/// Writes the rows of a CSV table of predictions as Parquet: `confidence` and `p_CLASS` as 32-bit floats, `in_training` as a truth
/// value, everything else as text; empty groups are null.
///
/// # Errors
/// `Output`: the file cannot be written.
pub fn write(path: &Path, csv: &[u8]) -> Result<()> {
    let unwritable = |e: Box<dyn std::error::Error + Send + Sync>| {
        Error::output("the predictions cannot be written").with_source(e).context(path.display())
    };
    let mut table = csv::Reader::from_reader(csv);
    let head = table.headers().map_err(|e| unwritable(e.into()))?.clone();
    let mut columns = vec![Vec::new(); head.len()];
    for record in table.records() {
        let record = record.map_err(|e| unwritable(e.into()))?;
        columns.iter_mut().zip(&record).for_each(|(column, cell)| column.push(cell.to_owned()));
    }
    let columns = head.iter().zip(columns).map(|(name, cells)| (name, column(name, &cells)));
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .map_err(|e| unwritable(e.into()))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| unwritable(e.into()))?;
    }
    let mut part = PartWriter::create(path, &batch.schema())?;
    part.write(&batch)?;
    part.finish()?;
    Ok(())
}

fn column(name: &str, cells: &[String]) -> ArrayRef {
    match name {
        "in_training" => Arc::new(cells.iter().map(|cell| cell.parse().ok()).collect::<BooleanArray>()),
        "confidence" => Arc::new(cells.iter().map(|cell| cell.parse().ok()).collect::<Float32Array>()),
        name if name.starts_with("p_") => Arc::new(cells.iter().map(|cell| cell.parse().ok()).collect::<Float32Array>()),
        name if name.starts_with("group_") => {
            Arc::new(cells.iter().map(|cell| (!cell.is_empty()).then_some(cell)).collect::<StringArray>())
        }
        _ => Arc::new(cells.iter().map(Some).collect::<StringArray>()),
    }
}
