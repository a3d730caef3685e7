//! Tables across the border: the Arrow PyCapsule interface, both ways, without a package of Python.

use std::ptr;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use fervor::{Error, Reason};
use fervor_table::Rows;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods, PyDict, PyList, PyTuple};

use crate::answer::{Answer, number};
use crate::errors::{raised, unexpected};

/// Rows after which a batch of answers ends.
const BATCH: usize = 65_536;

/// A table of rows, in Arrow's form. `pyarrow.table(t)`, `polars.DataFrame(t)` and whatever else speaks the Arrow PyCapsule
/// interface take it without a copy.
#[pyclass(frozen, module = "fervor", name = "Table")]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// How many columns of somebody else's table stand in front.
    kept: Vec<usize>,
}

impl Table {
    /// No rows yet: the columns of `keep` from another table, then those of `rows`.
    ///
    /// # Errors
    /// A column of `keep` that the other table lacks, or that is called as one of ours.
    pub fn begin(schema: &Schema, keep: &[String], rows: &SchemaRef) -> fervor::Result<Self> {
        let mut fields = Vec::new();
        let mut kept = Vec::new();
        for name in keep {
            let (index, field) = schema
                .column_with_name(name)
                .ok_or_else(|| Error::input(format!("the table has no column {name:?}")).because(Reason::Missing))?;
            if rows.column_with_name(name).is_some() {
                return Err(Error::input(format!("a column that is to be kept is called as one of the answer's: {name:?}"))
                    .because(Reason::Exists)
                    .with_hint("rename it first"));
            }
            kept.push(index);
            fields.push(field.clone());
        }
        fields.extend(rows.fields().iter().map(|field| Field::clone(field)));
        let schema = Arc::new(Schema::new_with_metadata(fields, rows.metadata().clone()));
        Ok(Self { schema, batches: Vec::new(), kept })
    }

    /// Adds rows, with the cells of the rows `taken` of `from` in front.
    ///
    /// # Errors
    /// None that depends on the rows.
    pub fn add(&mut self, from: &RecordBatch, taken: Vec<u64>, rows: RecordBatch) -> fervor::Result<()> {
        let failed = |e: arrow_schema::ArrowError| Error::output("the rows do not make a table").with_source(e);
        let taken = UInt64Array::from(taken);
        let mut columns: Vec<ArrayRef> =
            self.kept.iter().map(|&index| take(from.column(index), &taken, None)).collect::<Result<_, _>>().map_err(failed)?;
        columns.extend(rows.columns().iter().cloned());
        self.batches.push(RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(failed)?);
        Ok(())
    }

    /// All of it in one batch.
    fn whole(&self) -> PyResult<RecordBatch> {
        concat_batches(&self.schema, &self.batches).map_err(unexpected)
    }

    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// The rows of answers, which are of one model.
///
/// # Errors
/// Answers of several models, or none, of which nobody knows the columns.
pub fn rows_of<'a>(py: Python<'_>, answers: impl Iterator<Item = &'a Answer>, row_ids: bool) -> PyResult<Table> {
    let mut answers = answers.enumerate().peekable();
    let Some((_, first)) = answers.peek() else {
        let error = Error::input("no answers: their model, which says the columns, is not known").because(Reason::Empty);
        return Err(raised(py, &error));
    };
    let model = first.row.model.clone();
    let mut rows = Rows::of(&first.labels, model.clone());
    let mut table = Table { schema: Arc::clone(rows.schema()), batches: Vec::new(), kept: Vec::new() };
    for (index, answer) in answers {
        if answer.row.model != model {
            let error = Error::input("answers of several models do not make one table").because(Reason::Mismatch);
            return Err(raised(py, &error));
        }
        rows.push_prediction(&answer.row, row_ids.then_some(index as i64));
        if rows.len() >= BATCH {
            table.batches.push(rows.finish().map_err(|e| raised(py, &e))?);
        }
    }
    if !rows.is_empty() {
        table.batches.push(rows.finish().map_err(|e| raised(py, &e))?);
    }
    Ok(table)
}

/// The table of many answers.
#[pyfunction]
#[pyo3(name = "_table")]
pub fn table_of(py: Python<'_>, answers: Vec<PyRef<'_, Answer>>) -> PyResult<Table> {
    rows_of(py, answers.iter().map(|answer| &**answer), true)
}

#[pymethods]
impl Table {
    /// The number of rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.rows()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// What the table says of itself: schema, model, its SHA-256.
    #[getter]
    fn metadata(&self) -> std::collections::HashMap<String, String> {
        self.schema.metadata().clone().into()
    }

    /// As a table of pyarrow.
    pub fn to_arrow<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("pyarrow")?.getattr("table")?.call1((Self::again(self),))
    }

    /// As a data frame of pandas.
    pub fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let single = self.schema.fields().iter().filter(|field| *field.data_type() == DataType::Float32);
        let single: Vec<&str> = single.map(|field| field.name().as_str()).collect();
        py.import("fervor._frames")?.getattr("to_pandas")?.call1((Self::again(self), single))
    }

    /// As a data frame of polars.
    pub fn to_polars<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("polars")?.getattr("DataFrame")?.call1((Self::again(self),))
    }

    /// The columns as lists.
    fn to_pydict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let whole = self.whole()?;
        let columns = PyDict::new(py);
        for (field, column) in self.schema.fields().iter().zip(whole.columns()) {
            let cells: Vec<Bound<'py, PyAny>> =
                (0..column.len()).map(|row| cell(py, field.name(), column, row)).collect::<PyResult<_>>()?;
            columns.set_item(field.name(), PyList::new(py, cells)?)?;
        }
        Ok(columns)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A schema is a wish that need not be granted.
        drop(requested_schema);
        let batches = self.batches.clone().into_iter().map(Ok);
        let reader = RecordBatchIterator::new(batches, Arc::clone(&self.schema));
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(&*self.schema).map_err(unexpected)?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        drop(requested_schema);
        let (array, _) = to_ffi(&StructArray::from(self.whole()?).into_data()).map_err(unexpected)?;
        Ok((self.__arrow_c_schema__(py)?, PyCapsule::new_with_value(py, array, c"arrow_array")?))
    }

    fn __len__(&self) -> usize {
        self.rows()
    }

    fn __repr__(&self) -> String {
        format!("<fervor.Table: {} rows, {} columns>", self.rows(), self.schema.fields().len())
    }
}

impl Table {
    /// A table of the same columns, which are shared.
    fn again(&self) -> Self {
        Self { schema: Arc::clone(&self.schema), batches: self.batches.clone(), kept: self.kept.clone() }
    }
}

/// One cell, of the types that our rows have.
fn cell<'py>(py: Python<'py>, name: &str, column: &ArrayRef, row: usize) -> PyResult<Bound<'py, PyAny>> {
    if column.is_null(row) {
        return Ok(py.None().into_bound(py));
    }
    Ok(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into_pyobject(py)?.into_any(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).into_pyobject(py)?.into_any(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::Float32 => number(column.as_primitive::<Float32Type>().value(row)).into_pyobject(py)?.into_any(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::Boolean => column.as_boolean().value(row).into_pyobject(py)?.to_owned().into_any(),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            let items: Vec<Bound<'py, PyAny>> =
                (0..items.len()).map(|item| cell(py, name, &items, item)).collect::<PyResult<_>>()?;
            PyList::new(py, items)?.into_any()
        }
        other => return Err(PyTypeError::new_err(format!("the column {name} of type {other} is given by to_arrow alone"))),
    })
}

/// Batches as they come.
pub type Batches = Box<dyn Iterator<Item = PyResult<RecordBatch>>>;

/// The schema and the batches of anything that speaks the Arrow PyCapsule interface; a stream is read as it is asked for.
pub fn read_table(table: &Bound<'_, PyAny>) -> PyResult<(SchemaRef, Batches)> {
    let py = table.py();
    if table.hasattr(intern!(py, "__arrow_c_stream__"))? {
        let reader = stream(table)?;
        let schema = reader.schema();
        return Ok((schema, Box::new(reader.map(|batch| batch.map_err(unexpected)))));
    }
    if table.hasattr(intern!(py, "__arrow_c_array__"))? {
        let capsules = table.call_method0(intern!(py, "__arrow_c_array__"))?;
        let capsules = capsules.cast::<PyTuple>()?;
        let [schema, array] = [capsules.get_item(0)?, capsules.get_item(1)?];
        let schema = schema.cast::<PyCapsule>()?.pointer_checked(Some(c"arrow_schema"))?;
        let array = array.cast::<PyCapsule>()?.pointer_checked(Some(c"arrow_array"))?;
        // SAFETY: capsules of these names hold these structures, says the interface, and live until the end of this block. The array
        // is moved out of its own, which an empty one, of which nothing is released, takes the place of.
        let data = unsafe {
            let array = ptr::replace(array.as_ptr().cast::<FFI_ArrowArray>(), FFI_ArrowArray::empty());
            from_ffi(array, schema.cast::<FFI_ArrowSchema>().as_ref())
        };
        let data = data.map_err(unexpected)?;
        if !matches!(data.data_type(), DataType::Struct(_)) {
            return Err(PyTypeError::new_err(format!("a table is expected, this is an array of {}", data.data_type())));
        }
        let batch = RecordBatch::from(StructArray::from(data));
        return Ok((batch.schema(), Box::new(std::iter::once(Ok(batch)))));
    }
    Err(no_table(table)?)
}

/// The schema of a table, or of whatever has one; its rows stay where they are.
pub fn read_schema(table: &Bound<'_, PyAny>) -> PyResult<SchemaRef> {
    if table.hasattr(intern!(table.py(), "__arrow_c_schema__"))? {
        let capsule = table.call_method0(intern!(table.py(), "__arrow_c_schema__"))?;
        let schema = capsule.cast::<PyCapsule>()?.pointer_checked(Some(c"arrow_schema"))?;
        // SAFETY: a capsule of this name holds a schema, says the interface, and lives until the end of this block.
        let schema = Schema::try_from(unsafe { schema.cast::<FFI_ArrowSchema>().as_ref() });
        return Ok(Arc::new(schema.map_err(unexpected)?));
    }
    if table.hasattr(intern!(table.py(), "__arrow_c_stream__"))? {
        return Ok(stream(table)?.schema());
    }
    Err(no_table(table)?)
}

fn stream(table: &Bound<'_, PyAny>) -> PyResult<RecordBatchStreamReader> {
    let capsule = table.call_method0(intern!(table.py(), "__arrow_c_stream__"))?;
    let stream = capsule.cast::<PyCapsule>()?.pointer_checked(Some(c"arrow_array_stream"))?;
    // SAFETY: a capsule of this name holds a stream, says the interface, and lives until the end of this function; the stream is moved
    // out, and an empty one takes its place.
    unsafe { RecordBatchStreamReader::from_raw(stream.as_ptr().cast::<FFI_ArrowArrayStream>()) }.map_err(unexpected)
}

fn no_table(object: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    let kind = object.get_type().name()?;
    Ok(PyTypeError::new_err(format!(
        "a table is expected that speaks the Arrow PyCapsule interface, as those of pyarrow, polars, pandas and DuckDB do; this \
         is an object of type {kind}"
    )))
}
