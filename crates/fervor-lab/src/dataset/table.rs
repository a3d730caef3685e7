//! Tables of paths and labels: CSV, TSV, JSON with a row a line, and the `metadata` files of Hugging Face's image folders. What stands in
//! other columns (a person, an age, a camera) travels with the samples as their groups.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::folder::{self, Candidate, Listing};
use super::stream::{Form, LABELS, PATHS, SPLITS, Table, delimiter, fields, reader};
use super::{Dataset, Listed, OpenOptions, Problem, Split, first_problem};
use crate::lines::{Lines, check_quotes};
use crate::words::shown;
use fervor::emotion::canonical_label;
use fervor::error::{Error, Reason, Result};

/// The names of the tables in an image folder of Hugging Face's `datasets`.
const METADATA: [(&str, Form); 2] = [("metadata.csv", Form::Separated), ("metadata.jsonl", Form::JsonLines)];

/// A table as text: its columns, and its rows with the line in which each stands; a row that cannot be read is a message.
struct Rows {
    columns: Vec<String>,
    rows: Vec<(usize, Result<Vec<String>, String>)>,
}

/// Where the columns stand.
struct Columns {
    path: usize,
    label: Option<usize>,
    split: Option<usize>,
    /// All others that have a name.
    groups: Vec<usize>,
}

/// A row with a picture.
struct Entry {
    line: usize,
    path: PathBuf,
    label: String,
    split: Option<Split>,
    groups: Vec<String>,
}

/// Opens a table; paths are taken from its folder.
pub(super) fn open(path: &Path, form: Form, options: &OpenOptions) -> Result<Dataset> {
    let table = read(path, form).map_err(|e| e.context(path.display()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (listing, root) =
        list(vec![Part { table, folder: folder.to_owned(), split: None }]).map_err(|e| e.context(path.display()))?;
    listing.read(&root, path, options).map_err(|e| match e.reason() {
        Reason::Empty if e.hint().is_none() => {
            e.with_hint(format!("the paths are taken from the table's folder: {}", folder.display()))
        }
        _ => e,
    })
}

/// A table, where its paths begin, and the part that its folder says.
struct Part {
    table: Rows,
    folder: PathBuf,
    split: Option<Split>,
}

/// Opens a folder: by its metadata where those hold labels, else by its class folders; metadata without labels say more of their samples.
pub(super) fn open_folder(root: &Path, options: &OpenOptions) -> Result<Dataset> {
    let mut parts = Vec::new();
    let mut labelled = true;
    for (path, form, split) in metadata(root) {
        let table = read(&path, form).map_err(|e| e.context(path.display()))?;
        let columns = Columns::find(&table.columns).map_err(|e| e.context(path.display()))?;
        labelled &= columns.label.is_some();
        let folder = path.parent().unwrap_or(root).to_owned();
        parts.push(Part { table, folder, split });
    }
    if parts.is_empty() {
        #[cfg(feature = "parquet")]
        if let files @ [_, ..] = &*super::parquet::files(root) {
            return super::parquet::open(root, files, options);
        }
        return folder::open(root, options);
    }
    if labelled {
        let (listing, root_of_files) = list(parts).map_err(|e| e.context(root.display()))?;
        return listing.read(&root_of_files, root, options);
    }
    let mut dataset = folder::open(root, options)?;
    join(&mut dataset, parts);
    Ok(dataset)
}

/// The metadata of an image folder: beside the pictures, or in each part.
fn metadata(root: &Path) -> Vec<(PathBuf, Form, Option<Split>)> {
    let of = |folder: &Path, split: Option<Split>| {
        let found = METADATA.iter().map(|(name, form)| (folder.join(name), *form, split)).find(|(path, ..)| path.is_file());
        found.into_iter().collect::<Vec<_>>()
    };
    let mut found = of(root, None);
    let mut folders: Vec<_> = std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.sort_unstable();
    for folder in folders {
        if let Some(split) = folder.file_name().and_then(|name| Split::parse(&name.to_string_lossy())) {
            found.extend(of(&folder, Some(split)));
        }
    }
    found
}

/// Gives the samples of class folders what metadata say of their files.
fn join(dataset: &mut Dataset, parts: Vec<Part>) {
    let mut known: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for Part { table, folder, .. } in parts {
        let Ok(columns) = Columns::find(&table.columns) else { continue };
        for &column in &columns.groups {
            if !dataset.group_columns.contains(&table.columns[column]) {
                dataset.group_columns.push(table.columns[column].clone());
            }
        }
        for (_, row) in table.rows {
            let Ok(row) = row else { continue };
            let path = normalized(&folder.join(native(&row[columns.path])));
            let id = path.strip_prefix(normalized(&dataset.root)).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let of_row = columns.groups.iter().map(|&column| (table.columns[column].clone(), row[column].clone()));
            known.entry(id).or_default().extend(of_row);
        }
    }
    for sample in &mut dataset.samples {
        let of_sample = known.remove(&sample.id).unwrap_or_default();
        let value = |column: &String| {
            of_sample.iter().find(|(name, _)| name == column).map_or_else(String::new, |(_, value)| value.clone())
        };
        sample.groups = dataset.group_columns.iter().map(value).collect();
    }
}

/// The files of tables, and the folder that holds all of them.
fn list(parts: Vec<Part>) -> Result<(Listing, PathBuf)> {
    let mut listing = Listing::default();
    let mut entries = Vec::new();
    let mut tables: Vec<(Vec<String>, usize)> = Vec::new();
    let mut root: Option<PathBuf> = None;
    for Part { table, folder, split } in parts {
        let columns = Columns::find(&table.columns)?;
        let folder = normalized(&absolute(&folder));
        root = Some(root.map_or_else(|| folder.clone(), |root| common(&root, &folder)));
        let names: Vec<String> = columns.groups.iter().map(|&column| table.columns[column].clone()).collect();
        for name in &names {
            if !listing.group_columns.contains(name) {
                listing.group_columns.push(name.clone());
            }
        }
        tables.push((names, entries.len()));
        for (line, row) in table.rows {
            match row.and_then(|row| columns.entry(line, &row, split)) {
                Ok(mut entry) => {
                    entry.path = normalized(&folder.join(&entry.path));
                    entries.push(entry);
                }
                Err(message) => listing.problems.push(Problem::new(format!("line:{line}"), Reason::Invalid, message)),
            }
        }
    }
    let mut root = root.unwrap_or_default();
    if entries.is_empty() {
        let message = first_problem(&listing.problems);
        return Err(
            Error::data(format!("expected a row for each picture, found none that can be read{message}")).because(Reason::Empty)
        );
    }
    for entry in &entries {
        if !entry.path.starts_with(&root) {
            root = common(&root, entry.path.parent().unwrap_or(&root));
        }
    }
    let mut rows = RowsOfPictures::default();
    for (nth, entry) in entries.into_iter().enumerate() {
        let (names, _) = tables.iter().rev().find(|(_, first)| *first <= nth).expect("each entry is of a table");
        let groups = listing.group_columns.iter().map(|column| {
            names.iter().position(|name| name == column).map_or_else(String::new, |place| entry.groups[place].clone())
        });
        let groups = groups.collect();
        let below = entry.path.strip_prefix(&root).unwrap_or(&entry.path);
        let id = below.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
        rows.add(&mut listing, entry.line, Candidate { id, class: canonical_label(&entry.label), split: entry.split, groups });
    }
    rows.settle(&mut listing);
    Ok((listing, root))
}

/// The rows that name each picture.
#[derive(Default)]
struct RowsOfPictures {
    /// The place of a picture among the candidates.
    places: HashMap<String, usize>,
    /// For each candidate the rows that name it.
    rows: Vec<Vec<Naming>>,
}

/// What one row says of a picture.
struct Naming {
    line: usize,
    class: String,
    split: Option<Split>,
}

impl RowsOfPictures {
    fn add(&mut self, listing: &mut Listing, line: usize, candidate: Candidate) {
        let row = Naming { line, class: candidate.class.clone(), split: candidate.split };
        match self.places.get(&candidate.id) {
            Some(&place) => self.rows[place].push(row),
            None => {
                self.places.insert(candidate.id.clone(), listing.candidates.len());
                self.rows.push(vec![row]);
                listing.candidates.push(candidate);
            }
        }
    }

    /// A picture that is named again counts once, in the part that any of its rows says. One of several labels has none that could
    /// be trusted, one of several parts would be trained and judged on: both are left out.
    fn settle(self, listing: &mut Listing) {
        let mut rows = self.rows.into_iter();
        listing.candidates.retain_mut(|Candidate { id, split, .. }| {
            let rows = rows.next().expect("each candidate has its rows");
            let labels = differing(&rows, |row| Some(row.class.clone()));
            let parts = differing(&rows, |row| row.split.map(|split| split.to_string()));
            *split = rows.iter().find_map(|row| row.split);
            let (listed, wrong) = match (&labels[..], &parts[..]) {
                ([_, _, ..], [_, _, ..]) => {
                    let both = format!("label: {}; and in more than one part: {}", labels.join(", "), parts.join(", "));
                    (Listed::Torn, format!("has more than one {both}"))
                }
                ([_, _, ..], _) => (Listed::Disputed, format!("has more than one label: {}", labels.join(", "))),
                (_, [_, _, ..]) => (Listed::Torn, format!("is in more than one part: {}", parts.join(", "))),
                _ => {
                    listing.problems.extend(rows[1..].iter().map(|again| {
                        let message = format!("the row is left out: it names {} again, after line {}", shown(id), rows[0].line);
                        Problem::listed(format!("line:{}", again.line), Listed::Again, message)
                    }));
                    return true;
                }
            };
            let split = if listed == Listed::Torn { None } else { *split };
            let problem = Problem::listed(id.clone(), listed, format!("left out, it {wrong}"));
            listing.problems.push(problem.in_part(split));
            false
        });
    }
}

/// The different things that rows say, each with the first line that says it: `happy by line 4`.
fn differing(rows: &[Naming], says: impl Fn(&Naming) -> Option<String>) -> Vec<String> {
    let mut said: Vec<(String, usize)> = Vec::new();
    for row in rows {
        if let Some(what) = says(row).filter(|what| said.iter().all(|(other, _)| other != what)) {
            said.push((what, row.line));
        }
    }
    said.into_iter().map(|(what, line)| format!("{} by line {line}", shown(&what))).collect()
}

impl Columns {
    /// # Errors
    /// `Data`: no column of paths.
    fn find(columns: &[String]) -> Result<Self> {
        let lower: Vec<String> = columns.iter().map(|name| name.trim().to_lowercase()).collect();
        let column = |names: &[&str]| names.iter().find_map(|name| lower.iter().position(|found| found == name));
        let (path, label, split) = (column(&PATHS), column(&LABELS), column(&SPLITS));
        let Some(path) = path else {
            let found: String = columns.join(",").chars().filter(|c| !c.is_control()).take(80).collect();
            return Err(Error::data(format!("expected a table with the columns emotion,pixels,Usage or path,label, found {found:?}"))
                .because(Reason::WrongType)
                .with_hint(
                    "give a folder with one folder of pictures for each class, a FER-2013 table (.csv, .csv.xz, .csv.gz), a table of paths and \
                     labels (.csv, .tsv, .jsonl), or a manifest (.json)",
                ));
        };
        let taken = [Some(path), label, split];
        let groups = (0..columns.len()).filter(|&place| !taken.contains(&Some(place)) && !lower[place].is_empty()).collect();
        Ok(Self { path, label, split, groups })
    }

    fn entry(&self, line: usize, row: &[String], part: Option<Split>) -> Result<Entry, String> {
        let path = row[self.path].trim();
        if path.is_empty() {
            return Err("a row without a path".to_owned());
        }
        let label = self.label.map_or("", |column| row[column].trim());
        if label.is_empty() {
            return Err(format!("{} has no label", shown(path)));
        }
        let split = match self.split.map_or("", |column| row[column].trim()) {
            "" => part,
            text => Some(Split::parse(text).ok_or_else(|| format!("{} is in an unknown part: {:?}", shown(path), shown(text)))?),
        };
        let groups = self.groups.iter().map(|&column| row[column].trim().to_owned()).collect();
        Ok(Entry { line, path: native(path), label: label.to_owned(), split, groups })
    }
}

fn read(path: &Path, form: Form) -> Result<Rows> {
    let text = Table::open(path)?.text()?;
    let rows = match form {
        Form::Separated => separated(&text)?,
        Form::JsonLines => json_lines(&text),
        Form::JsonArray => json_array(&text)?,
    };
    let columns = Columns::find(&rows.columns)?;
    // The metadata of an image folder need no labels: its folders say them.
    let metadata = METADATA.iter().any(|(name, _)| path.file_name().is_some_and(|found| found == *name));
    if columns.label.is_none() && !metadata {
        return Err(Error::data(format!(
            "expected a column label beside {}, found {}",
            rows.columns[columns.path],
            shown(&rows.columns.join(","))
        ))
        .because(Reason::WrongType));
    }
    Ok(rows)
}

fn separated(text: &str) -> Result<Rows> {
    let header = text.lines().next().unwrap_or_default();
    let delimiter = delimiter(header);
    check_quotes(text.as_bytes(), delimiter)?;
    let columns = fields(header, delimiter);
    let mut lines = Lines::of(text.as_bytes());
    let mut rows = Vec::new();
    for row in reader(delimiter).from_reader(text.as_bytes()).into_records().skip(1) {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                rows.push((lines.of_row(None), Err(error.to_string())));
                continue;
            }
        };
        let line = lines.of_row(row.position());
        // A line of blanks is no row.
        if row.len() == 1 && row[0].is_empty() {
            continue;
        }
        let surplus = row.iter().skip(columns.len()).find(|field| !field.is_empty());
        let row = match surplus {
            Some(field) => Err(format!("line {line}: more than {} columns, found {:?} after them", columns.len(), shown(field))),
            None => Ok((0..columns.len()).map(|place| row.get(place).unwrap_or_default().to_owned()).collect()),
        };
        rows.push((line, row));
    }
    Ok(Rows { columns, rows })
}

fn json_lines(text: &str) -> Rows {
    let rows = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    json_rows(
        rows.map(|(nth, line)| (nth + 1, serde_json::from_str(line).map_err(|e| format!("line {}: {e}", nth + 1)))).collect(),
    )
}

fn json_array(text: &str) -> Result<Rows> {
    let objects: Vec<Map<String, Value>> = serde_json::from_str(text)
        .map_err(|e| Error::data("not a list of rows, as JSON").because(Reason::Damaged).with_source(e))?;
    Ok(json_rows(objects.into_iter().enumerate().map(|(nth, row)| (nth + 1, Ok(row))).collect()))
}

/// One row's object, or what is wrong with it.
type Object = Result<Map<String, Value>, String>;

/// The keys are the columns, in the order in which they come.
fn json_rows(objects: Vec<(usize, Object)>) -> Rows {
    let mut columns: Vec<String> = Vec::new();
    for key in objects.iter().filter_map(|(_, object)| object.as_ref().ok()).flat_map(Map::keys) {
        if !columns.contains(key) {
            columns.push(key.clone());
        }
    }
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let rows = objects
        .into_iter()
        .map(|(line, object)| (line, object.map(|object| columns.iter().map(|column| text(object.get(column))).collect())));
    let rows = rows.collect();
    Rows { columns, rows }
}

/// A path as this system writes it: tables from Windows have backslashes.
fn native(path: &str) -> PathBuf {
    if std::path::MAIN_SEPARATOR == '/' && path.contains('\\') && !path.contains('/') {
        PathBuf::from(path.replace('\\', "/"))
    } else {
        PathBuf::from(path)
    }
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// Without `.` and `..`, by the words alone.
fn normalized(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.components().next_back(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts
}

/// The deepest folder that holds both.
fn common(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(part, _)| part).collect()
}
