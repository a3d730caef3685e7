//! Pictures in a column: as bytes, as paths, or as both.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use fervor::error::{Error, Reason, Result};
use fervor::picture::{self, Limits, Picture};

/// Names of columns with pictures, as people call them; the first that is there is taken.
pub const PICTURE_COLUMNS: [&str; 8] = ["image", "picture", "photo", "img", "jpg", "png", "bytes", "content"];

/// A column whose cells are pictures: a file's bytes, a file's path, or a structure of `bytes` and `path` as Hugging Face's
/// `datasets` writes it, where either may be null. Bytes and paths may be categorical, Arrow's dictionaries.
#[derive(Clone, Debug)]
pub struct PictureColumn(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Bytes(Cells),
    Path(Cells),
    /// The structure itself, for its nulls; then its bytes and its paths.
    Both(ArrayRef, Option<Cells>, Option<Cells>),
}

/// Bytes or texts, each in its row or, in a categorical column, once for all rows that have it.
#[derive(Clone, Debug)]
struct Cells {
    column: ArrayRef,
    /// Of a categorical column: its values, and which of them each row has.
    values: Option<(ArrayRef, Vec<usize>)>,
}

impl Cells {
    fn new(column: &ArrayRef) -> Self {
        let values = column.as_any_dictionary_opt().map(|column| {
            let values = ArrayRef::clone(column.values());
            // Without values every row is null, and none is looked up.
            let keys = if values.is_empty() { Vec::new() } else { column.normalized_keys() };
            (values, keys)
        });
        Self { column: ArrayRef::clone(column), values }
    }

    /// Where the value of a row stands; `None` for a null.
    fn place(&self, row: usize) -> Option<(&ArrayRef, usize)> {
        let place = match &self.values {
            _ if self.column.is_null(row) => None,
            Some((values, keys)) => keys.get(row).map(|&key| (values, key)),
            None => Some((&self.column, row)),
        };
        place.filter(|(values, row)| values.is_valid(*row))
    }

    fn bytes(&self, row: usize) -> Option<&[u8]> {
        self.place(row).map(|(values, row)| match values.data_type() {
            DataType::LargeBinary => values.as_binary::<i64>().value(row),
            DataType::BinaryView => values.as_binary_view().value(row),
            _ => values.as_binary::<i32>().value(row),
        })
    }

    /// A text that names a file; an empty one names none.
    fn path(&self, row: usize) -> Option<&str> {
        let text = self.place(row).map(|(values, row)| match values.data_type() {
            DataType::LargeUtf8 => values.as_string::<i64>().value(row),
            DataType::Utf8View => values.as_string_view().value(row),
            _ => values.as_string::<i32>().value(row),
        });
        text.filter(|path| !path.is_empty())
    }
}

/// One cell of a [`PictureColumn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing in it.
    Null,
    /// The bytes of a picture's file.
    Bytes(&'a [u8]),
    /// Where the file is.
    Path(&'a str),
}

impl Cell<'_> {
    /// The picture of this cell, decoded; the error's context is the file's path, where the cell names one.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input): nothing in it ([`Reason::Empty`]), or what [`Picture::decode`] refuses.
    pub fn read(&self, limits: &Limits) -> Result<Picture> {
        match self {
            Self::Null => Err(Error::input("there is no picture in this row").because(Reason::Empty)),
            Self::Bytes(bytes) => Picture::decode(bytes, limits),
            Self::Path(path) => picture::read(path.as_ref(), limits),
        }
    }
}

impl PictureColumn {
    /// Looks at a column.
    ///
    /// # Errors
    /// [`Input`](fervor::ErrorKind::Input), [`Reason::WrongType`]: cells of this type hold no pictures.
    pub fn new(column: &ArrayRef) -> Result<Self> {
        let kind = match column.data_type() {
            DataType::Struct(_) => {
                let structure = column.as_struct();
                let [bytes, path] = ["bytes", "path"].map(|name| structure.column_by_name(name));
                let bytes = bytes.filter(|bytes| holds_bytes(bytes.data_type())).map(Cells::new);
                let path = path.filter(|path| holds_text(path.data_type())).map(Cells::new);
                (bytes.is_some() || path.is_some()).then(|| Kind::Both(ArrayRef::clone(column), bytes, path))
            }
            kind if holds_bytes(kind) => Some(Kind::Bytes(Cells::new(column))),
            kind if holds_text(kind) => Some(Kind::Path(Cells::new(column))),
            _ => None,
        };
        kind.map(Self).ok_or_else(|| {
            let message =
                format!("expected pictures as bytes, paths or a structure of both, found a column of {}", column.data_type());
            Error::input(message).because(Reason::WrongType)
        })
    }

    /// How many cells it has.
    pub fn len(&self) -> usize {
        match &self.0 {
            Kind::Bytes(cells) | Kind::Path(cells) => cells.column.len(),
            Kind::Both(column, ..) => column.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One cell. Of a structure its bytes, or else its path.
    ///
    /// # Panics
    /// If there are not so many cells.
    pub fn cell(&self, row: usize) -> Cell<'_> {
        match &self.0 {
            Kind::Bytes(cells) => cells.bytes(row).map_or(Cell::Null, Cell::Bytes),
            Kind::Path(cells) => cells.path(row).map_or(Cell::Null, Cell::Path),
            Kind::Both(whole, ..) if whole.is_null(row) => Cell::Null,
            Kind::Both(_, pictures, paths) => {
                let held = pictures.as_ref().and_then(|cells| cells.bytes(row)).map(Cell::Bytes);
                held.or_else(|| paths.as_ref().and_then(|cells| cells.path(row)).map(Cell::Path)).unwrap_or(Cell::Null)
            }
        }
    }

    /// What the cell calls its file: its path, where it has one, also beside bytes.
    ///
    /// # Panics
    /// If there are not so many cells.
    pub fn path(&self, row: usize) -> Option<&str> {
        match &self.0 {
            Kind::Path(cells) => cells.path(row),
            Kind::Both(whole, _, Some(paths)) if whole.is_valid(row) => paths.path(row),
            _ => None,
        }
    }
}

/// Whether a column of this type can hold pictures.
pub(crate) fn holds_pictures(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(fields) => fields.iter().any(|field| match field.name().as_str() {
            "bytes" => holds_bytes(field.data_type()),
            "path" => holds_text(field.data_type()),
            _ => false,
        }),
        kind => holds_bytes(kind) || holds_text(kind),
    }
}

fn holds_bytes(kind: &DataType) -> bool {
    matches!(of_values(kind), DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

pub(crate) fn holds_text(kind: &DataType) -> bool {
    matches!(of_values(kind), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The type of a column's values, whether they stand in their rows or are named there.
fn of_values(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, values) => values,
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::{Int8Type, Int32Type};
    use arrow_array::{
        BinaryArray, BinaryViewArray, DictionaryArray, Int8Array, Int32Array, LargeBinaryArray, StringArray, StructArray,
    };
    use arrow_schema::{Field, Fields};

    use super::*;

    fn cells(column: ArrayRef) -> Vec<String> {
        let column = PictureColumn::new(&column).unwrap();
        (0..column.len()).map(|row| format!("{:?} {:?}", column.cell(row), column.path(row))).collect()
    }

    #[test]
    fn pictures_are_bytes_or_paths_or_both() {
        let bytes: [Option<&[u8]>; 2] = [Some(b"a"), None];
        let expected = ["Bytes([97]) None", "Null None"];
        assert_eq!(cells(Arc::new(BinaryArray::from_iter(bytes))), expected);
        assert_eq!(cells(Arc::new(LargeBinaryArray::from_iter(bytes))), expected);
        assert_eq!(cells(Arc::new(BinaryViewArray::from_iter(bytes))), expected);
        assert_eq!(
            cells(Arc::new(StringArray::from_iter([Some("a.png"), None]))),
            [r#"Path("a.png") Some("a.png")"#, "Null None"]
        );
    }

    #[test]
    fn a_categorical_column_is_read_as_its_values_are() {
        let paths: DictionaryArray<Int32Type> = [Some("a.png"), None, Some("b.png"), Some("a.png")].into_iter().collect();
        let expected = [r#"Path("a.png") Some("a.png")"#, "Null None", r#"Path("b.png") Some("b.png")"#];
        assert_eq!(cells(Arc::new(paths.clone()))[..3], expected);
        assert_eq!(cells(Arc::new(paths))[3], expected[0]);
        let values: ArrayRef = Arc::new(BinaryArray::from_iter([Some(b"a"), None]));
        let bytes = DictionaryArray::<Int8Type>::new(Int8Array::from(vec![Some(1), Some(0), None]), values);
        assert_eq!(cells(Arc::new(bytes)), ["Null None", "Bytes([97]) None", "Null None"]);
        let none: DictionaryArray<Int32Type> = [None::<&str>, None].into_iter().collect();
        assert_eq!(cells(Arc::new(none)), ["Null None", "Null None"]);
    }

    #[test]
    fn of_a_structure_the_bytes_come_first_and_then_the_path() {
        let bytes: ArrayRef = Arc::new(BinaryArray::from_iter([Some(b"a"), None, None, Some(b"d")]));
        let paths: ArrayRef = Arc::new(StringArray::from_iter([Some("a.png"), Some("b.png"), None, None]));
        let field = |name, array: &ArrayRef| Field::new(name, array.data_type().clone(), true);
        let fields = Fields::from(vec![field("bytes", &bytes), field("path", &paths)]);
        let structure = StructArray::new(fields, vec![bytes, paths], Some(vec![true, true, true, false].into()));
        let expected = [r#"Bytes([97]) Some("a.png")"#, r#"Path("b.png") Some("b.png")"#, "Null None", "Null None"];
        assert_eq!(cells(Arc::new(structure)), expected);
    }

    #[test]
    fn numbers_are_no_pictures_and_an_empty_cell_says_so() {
        let column: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        let error = PictureColumn::new(&column).unwrap_err();
        assert!(error.reason() == Reason::WrongType && error.message().contains("Int32"), "{error}");
        assert_eq!(Cell::Null.read(&Limits::default()).unwrap_err().reason(), Reason::Empty);
        let missing = Cell::Path("/no/such/file.png").read(&Limits::default()).unwrap_err();
        assert_eq!(missing.reason(), Reason::Missing);
    }
}
