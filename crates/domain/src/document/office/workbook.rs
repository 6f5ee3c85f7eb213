//! What is special about workbooks: strings that cells share, and tables, whose
//! header cells must say what the definition of the table says.
//!
//! Strings of header cells are not translated. One that other cells show as well
//! is split: its text as it was is put at the end of the list, and the header
//! cells point there.
//!
//! Start reading at [`Headers::of`].

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use super::dialect::{Dialect, is_sheet};
use super::package::{Package, PackageError};
use super::parts::{Part, PartKind, related};
use super::scan::{Scanner, Task};
use crate::document::xml::{Event, Opening, Step, Walker, XmlError};

/// The header cells of a workbook's tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Headers {
    by_sheet: HashMap<usize, Vec<HeaderRow>>,
    /// The strings that only header cells point to.
    kept: BTreeSet<usize>,
    /// The strings that header cells and others point to.
    split: BTreeSet<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct HeaderRow {
    row: u32,
    columns: RangeInclusive<u32>,
}

impl Headers {
    /// Finds the header cells of the tables on the sheets among `parts`.
    pub(super) fn of(package: &Package, parts: &[Part]) -> Result<Self, PackageError> {
        let mut headers = Self::default();
        let sheets = || parts.iter().filter(|part| part.kind == PartKind::Sheet);
        for sheet in sheets() {
            let mut rows = Vec::new();
            for table in related(package, &package.names()[sheet.entry], "table")? {
                if let Some(entry) = package.find(&table) {
                    rows.extend(header_row(&package.read(entry)?).map_err(damaged)?);
                }
            }
            if !rows.is_empty() {
                headers.by_sheet.insert(sheet.entry, rows);
            }
        }
        if headers.by_sheet.is_empty() {
            return Ok(headers);
        }
        let (mut of_headers, mut of_others) = (BTreeSet::new(), BTreeSet::new());
        for sheet in sheets() {
            let content = package.read(sheet.entry)?;
            let mut walk = || {
                let mut scanner = Scanner::new(&content, Dialect::Strings, Task::Skip)?;
                headers.walk(&mut scanner, sheet.entry, |is_header, string| {
                    if is_header { &mut of_headers } else { &mut of_others }.insert(string);
                    None
                })
            };
            walk().map_err(damaged)?;
        }
        headers.split = of_headers.intersection(&of_others).copied().collect();
        headers.kept = of_headers.difference(&of_others).copied().collect();
        Ok(headers)
    }

    /// Whether the cells of that sheet may have to point to other strings.
    pub(super) fn are_split_on(&self, sheet: usize) -> bool {
        !self.split.is_empty() && self.by_sheet.contains_key(&sheet)
    }

    /// Goes through a sheet, the strings in its cells being paragraphs. If strings
    /// are split, `strings` is how many there were before.
    pub(super) fn scan_sheet(
        &self,
        scanner: &mut Scanner<'_, '_>,
        sheet: usize,
        strings: Option<usize>,
    ) -> Result<(), XmlError> {
        let copies: HashMap<usize, usize> = match strings {
            Some(first) => self.split.iter().zip(first..).map(|(old, new)| (*old, new)).collect(),
            None => HashMap::new(),
        };
        self.walk(
            scanner,
            sheet,
            |is_header, string| {
                if is_header { copies.get(&string).copied() } else { None }
            },
        )
    }

    /// Goes through the list of shared strings. If it `is_split`, the strings of
    /// headers that others share are put at its end once more.
    pub(super) fn scan_strings(
        &self,
        scanner: &mut Scanner<'_, '_>,
        is_split: bool,
    ) -> Result<(), XmlError> {
        let mut strings = 0;
        let mut copies = String::new();
        let source = scanner.walker.source();
        let is_split = is_split && !self.split.is_empty();
        while let Some(Step { range, event }) = scanner.next()? {
            match event {
                Event::Open(tag) if tag.name.local == "si" && is_sheet(tag.name.uri) => {
                    if self.kept.contains(&strings) && !tag.is_empty {
                        scanner.walker.skip()?;
                    } else if !tag.is_empty {
                        scanner.paragraph()?;
                    }
                    if self.split.contains(&strings) {
                        copies.push_str(&source[range.start..scanner.walker.position()]);
                    }
                    strings += 1;
                }
                Event::Open(tag) if is_split && scanner.walker.depth() == 1 => {
                    let count =
                        tag.attributes.iter().find(|found| found.name.local == "uniqueCount");
                    if let Some(count) = count
                        && let Ok(old) = count.value.parse::<usize>()
                    {
                        let new = old.saturating_add(self.split.len()).to_string();
                        scanner.edits.replace(count.value_range.clone(), new);
                    }
                }
                Event::Close(_) if is_split && scanner.walker.depth() == 0 => {
                    scanner.edits.replace(range.start..range.start, std::mem::take(&mut copies));
                }
                Event::Open(_)
                | Event::Close(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::Other => (),
            }
        }
        Ok(())
    }

    /// Goes through a sheet. `shared(is_header, string)` is asked for each cell that
    /// points to a string, and may give another that it is to point to.
    fn walk(
        &self,
        scanner: &mut Scanner<'_, '_>,
        sheet: usize,
        mut shared: impl FnMut(bool, usize) -> Option<usize>,
    ) -> Result<(), XmlError> {
        let rows = self.by_sheet.get(&sheet).map_or(&[][..], Vec::as_slice);
        let mut cell = Cell::default();
        while let Some(step) = scanner.next()? {
            let Event::Open(tag) = &step.event else {
                continue;
            };
            if !is_sheet(tag.name.uri) {
                continue;
            }
            let is_header =
                rows.iter().any(|row| row.row == cell.row && row.columns.contains(&cell.column));
            match tag.name.local {
                "row" => cell.next_row(tag),
                "c" => cell.next(tag),
                "is" if is_header && !tag.is_empty => drop(scanner.walker.skip()?),
                "is" => scanner.outside(&step)?,
                "v" if cell.is_shared && !tag.is_empty => {
                    if let Some(Step { range, event: Event::Text(text) }) = scanner.next()?
                        && let Ok(string) = text.trim().parse()
                        && let Some(new) = shared(is_header, string)
                    {
                        scanner.edits.replace(range, new.to_string());
                    }
                }
                _ => (),
            }
        }
        Ok(())
    }
}

/// How many strings a list of shared strings has.
pub(super) fn count_strings(content: &[u8]) -> Result<usize, XmlError> {
    let mut walker = Walker::new(content)?;
    let mut strings = 0;
    while let Some(step) = walker.next()? {
        if let Event::Open(tag) = step.event
            && tag.name.local == "si"
            && is_sheet(tag.name.uri)
        {
            strings += 1;
        }
    }
    Ok(strings)
}

/// Where a walk through a sheet is. Rows and columns count from 1; most files give
/// their numbers, but they need not.
#[derive(Default)]
struct Cell {
    row: u32,
    column: u32,
    is_shared: bool,
}

impl Cell {
    fn next_row(&mut self, tag: &Opening<'_>) {
        let given = tag.attribute("", "r").and_then(|row| row.parse().ok());
        self.row = given.unwrap_or(self.row.saturating_add(1));
        self.column = 0;
    }

    fn next(&mut self, tag: &Opening<'_>) {
        let given = tag.attribute("", "r").and_then(place);
        self.column = given.map_or(self.column.saturating_add(1), |(column, _)| column);
        self.is_shared = tag.attribute("", "t") == Some("s");
    }
}

/// The column and the row of a cell called like `AB12`.
fn place(reference: &str) -> Option<(u32, u32)> {
    let digits = reference.find(|character: char| character.is_ascii_digit())?;
    let (letters, row) = reference.split_at(digits);
    let mut column = 0_u32;
    for letter in letters.bytes() {
        let value = letter.to_ascii_uppercase().checked_sub(b'A').filter(|value| *value < 26)?;
        column = column.checked_mul(26)?.checked_add(u32::from(value) + 1)?;
    }
    Some((column, row.parse().ok()?))
}

/// The header cells of a table, if it shows them.
fn header_row(table: &[u8]) -> Result<Option<HeaderRow>, XmlError> {
    let mut walker = Walker::new(table)?;
    while let Some(step) = walker.next()? {
        let Event::Open(tag) = step.event else {
            continue;
        };
        let area = tag.attribute("", "ref").unwrap_or_default();
        let (first, last) = area.split_once(':').unwrap_or((area, area));
        let corners = place(first).zip(place(last));
        let has_header = tag.attribute("", "headerRowCount") != Some("0");
        return Ok(corners
            .filter(|_| has_header)
            .map(|((from, row), (to, _))| HeaderRow { row, columns: from..=to }));
    }
    Ok(None)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn damaged(err: XmlError) -> PackageError {
    PackageError::damaged(err.to_string())
}
