//! Pictures in a column: as bytes, as paths, or as both.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use fervor::error::{Error, Reason, Result};
use fervor::picture::{self, Limits, Picture};

/// A column whose cells are pictures: a file's bytes, a file's path, or a structure of `bytes` and `path` as Hugging Face's
/// `datasets` writes it, where either may be null.
#[derive(Clone, Debug)]
pub struct PictureColumn(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Bytes(ArrayRef),
    Path(ArrayRef),
    /// The structure itself, for its nulls; then its bytes and its paths.
    Both(ArrayRef, Option<ArrayRef>, Option<ArrayRef>),
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
                let [bytes, path] = ["bytes", "path"].map(|name| structure.column_by_name(name).cloned());
                let bytes = bytes.filter(|bytes| holds_bytes(bytes.data_type()));
                let path = path.filter(|path| holds_text(path.data_type()));
                (bytes.is_some() || path.is_some()).then(|| Kind::Both(ArrayRef::clone(column), bytes, path))
            }
            kind if holds_bytes(kind) => Some(Kind::Bytes(ArrayRef::clone(column))),
            kind if holds_text(kind) => Some(Kind::Path(ArrayRef::clone(column))),
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
            Kind::Bytes(column) | Kind::Path(column) | Kind::Both(column, ..) => column.len(),
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
            Kind::Bytes(column) => bytes(column, row).map_or(Cell::Null, Cell::Bytes),
            Kind::Path(column) => text(column, row).map_or(Cell::Null, Cell::Path),
            Kind::Both(whole, ..) if whole.is_null(row) => Cell::Null,
            Kind::Both(_, pictures, paths) => {
                let held = pictures.as_ref().and_then(|column| bytes(column, row)).map(Cell::Bytes);
                held.or_else(|| paths.as_ref().and_then(|column| text(column, row)).map(Cell::Path)).unwrap_or(Cell::Null)
            }
        }
    }

    /// What the cell calls its file: its path, where it has one, also beside bytes.
    ///
    /// # Panics
    /// If there are not so many cells.
    pub fn path(&self, row: usize) -> Option<&str> {
        match &self.0 {
            Kind::Path(column) => text(column, row),
            Kind::Both(whole, _, Some(paths)) if whole.is_valid(row) => text(paths, row),
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
    matches!(kind, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

fn holds_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn bytes(column: &ArrayRef, row: usize) -> Option<&[u8]> {
    column.is_valid(row).then(|| match column.data_type() {
        DataType::LargeBinary => column.as_binary::<i64>().value(row),
        DataType::BinaryView => column.as_binary_view().value(row),
        _ => column.as_binary::<i32>().value(row),
    })
}

fn text(column: &ArrayRef, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| match column.data_type() {
        DataType::LargeUtf8 => column.as_string::<i64>().value(row),
        DataType::Utf8View => column.as_string_view().value(row),
        _ => column.as_string::<i32>().value(row),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BinaryArray, BinaryViewArray, Int32Array, LargeBinaryArray, StringArray, StructArray};
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
