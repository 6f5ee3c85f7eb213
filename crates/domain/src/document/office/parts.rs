//! Which parts of a package are translated: by its content types, for each kind
//! of office file.
//!
//! It reads no text. Start reading at [`translated_parts`].

use std::collections::HashMap;

use super::package::{Package, PackageError};
use crate::document::xml::{Event, Opening, Walker, XmlError};

/// The kinds of office files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfficeKind {
    /// Word.
    Document,
    /// PowerPoint.
    Presentation,
    /// Excel.
    Workbook,
}

/// What is translated in a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PartKind {
    /// Paragraphs of WordprocessingML.
    Word,
    /// The strings that the cells of all sheets point to.
    SharedStrings,
    /// A sheet: the strings in its cells.
    Sheet,
    /// The comments of a sheet.
    SheetComments,
    /// Paragraphs of DrawingML.
    Drawing,
    /// The text of comments without any formatting.
    PlainComments,
}

/// A part that is translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Which entry of the package it is.
    pub entry: usize,
    pub kind: PartKind,
}

const OFFICE: &str = "application/vnd.openxmlformats-officedocument.";
const RELATIONSHIPS: [&str; 2] = [
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships/",
    "http://purl.oclc.org/ooxml/officeDocument/relationships/",
];

impl OfficeKind {
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Document => "a Word document (.docx)",
            Self::Presentation => "a PowerPoint presentation (.pptx)",
            Self::Workbook => "an Excel workbook (.xlsx)",
        }
    }

    /// The kind whose main part has that content type; macros and templates are
    /// no kinds of their own.
    fn of_main(content_type: &str) -> Option<Self> {
        let content_type = content_type.to_ascii_lowercase();
        let main = content_type.strip_suffix(".main+xml")?;
        if let Some(main) = main.strip_prefix(OFFICE) {
            return match main {
                "wordprocessingml.document" | "wordprocessingml.template" => Some(Self::Document),
                "presentationml.presentation"
                | "presentationml.slideshow"
                | "presentationml.template" => Some(Self::Presentation),
                "spreadsheetml.sheet" | "spreadsheetml.template" => Some(Self::Workbook),
                _ => None,
            };
        }
        let main = main.strip_prefix("application/vnd.ms-")?;
        match main.split_once('.')?.0 {
            "word" => Some(Self::Document),
            "powerpoint" => Some(Self::Presentation),
            "excel" => Some(Self::Workbook),
            _ => None,
        }
    }

    fn part(self, content_type: &str) -> Option<PartKind> {
        let office = content_type.strip_prefix(OFFICE);
        match (self, office.unwrap_or(content_type)) {
            (Self::Document, _) if Self::of_main(content_type) == Some(self) => {
                Some(PartKind::Word)
            }
            (
                Self::Document,
                "wordprocessingml.header+xml"
                | "wordprocessingml.footer+xml"
                | "wordprocessingml.footnotes+xml"
                | "wordprocessingml.endnotes+xml"
                | "wordprocessingml.comments+xml",
            ) => Some(PartKind::Word),
            (
                Self::Presentation,
                "presentationml.slide+xml"
                | "presentationml.notesslide+xml"
                | "drawingml.chart+xml"
                | "drawingml.diagramdata+xml"
                | "application/vnd.ms-office.drawingml.diagramdrawing+xml"
                | "application/vnd.ms-office.chartex+xml"
                | "application/vnd.ms-powerpoint.comments+xml",
            ) => Some(PartKind::Drawing),
            (Self::Presentation, "presentationml.comments+xml") => Some(PartKind::PlainComments),
            (Self::Workbook, "spreadsheetml.sharedstrings+xml") => Some(PartKind::SharedStrings),
            (Self::Workbook, "spreadsheetml.worksheet+xml") => Some(PartKind::Sheet),
            (Self::Workbook, "spreadsheetml.comments+xml") => Some(PartKind::SheetComments),
            (Self::Workbook, "drawing+xml") => Some(PartKind::Drawing),
            (Self::Workbook, "application/vnd.ms-excel.threadedcomments+xml") => {
                Some(PartKind::PlainComments)
            }
            (Self::Document | Self::Presentation | Self::Workbook, _) => None,
        }
    }
}

/// The parts of `package`, which should be of that kind, in the order in which
/// they are translated.
pub(super) fn translated_parts(
    package: &Package,
    kind: OfficeKind,
) -> Result<Vec<Part>, PackageError> {
    let types = ContentTypes::of(package)?;
    let main = main_part(package)?;
    let main_type = package.find(&main).and_then(|_| types.of_part(&main));
    let main_type = main_type.ok_or_else(|| PackageError::damaged("its main part is missing"))?;
    match OfficeKind::of_main(main_type) {
        Some(found) if found == kind => (),
        Some(OfficeKind::Document) => return Err(PackageError::damaged("it is a Word document")),
        Some(OfficeKind::Presentation) => {
            return Err(PackageError::damaged("it is a PowerPoint presentation"));
        }
        Some(OfficeKind::Workbook) => return Err(PackageError::damaged("it is an Excel workbook")),
        None => return Err(PackageError::damaged("its main part is of another type")),
    }
    let mut parts: Vec<Part> = Vec::new();
    for (entry, name) in package.names().iter().enumerate() {
        let part_kind = types.of_part(name).and_then(|content_type| kind.part(content_type));
        parts.extend(part_kind.map(|kind| Part { entry, kind }));
    }
    // The main part first, then as a reader would go: slide 2 before slide 10.
    let order = |part: &Part| {
        let name = &package.names()[part.entry];
        let stem =
            name.trim_end_matches(".xml").trim_end_matches(|last: char| last.is_ascii_digit());
        (*name != main, part.kind, stem.to_owned(), name.len(), name.clone())
    };
    parts.sort_by_cached_key(order);
    Ok(parts)
}

/// The names of the parts that `part` points to with a relationship of that type.
pub(super) fn related(
    package: &Package,
    part: &str,
    relationship: &str,
) -> Result<Vec<String>, PackageError> {
    let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
    let separator = if folder.is_empty() { "" } else { "/" };
    let relationships = format!("{folder}{separator}_rels/{file}.rels");
    let Some(entry) = package.find(&relationships) else {
        return Ok(Vec::new());
    };
    let mut targets = Vec::new();
    for_each_element(&package.read(entry)?, |element| {
        let is_wanted = element.name.local == "Relationship"
            && element.attribute("", "TargetMode") != Some("External")
            && element.attribute("", "Type").is_some_and(|found| {
                let found = RELATIONSHIPS.iter().find_map(|start| found.strip_prefix(start));
                found == Some(relationship)
            });
        if is_wanted && let Some(target) = element.attribute("", "Target") {
            targets.push(resolved(folder, target));
        }
    })?;
    Ok(targets)
}

fn main_part(package: &Package) -> Result<String, PackageError> {
    let main = related(package, "", "officeDocument")?.into_iter().next();
    main.ok_or_else(|| PackageError::damaged("the ZIP container is no office file"))
}

/// The part that `target` means when it is written in a part in `folder`.
fn resolved(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/").to_ascii_lowercase();
    let mut segments: Vec<&str> = Vec::new();
    if !target.starts_with('/') {
        segments.extend(folder.split('/'));
    }
    for segment in target.split('/') {
        match segment {
            ".." => drop(segments.pop()),
            "." | "" => (),
            _ => segments.push(segment),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments.join("/")
}

/// What `[Content_Types].xml` says, in small letters.
struct ContentTypes {
    by_name: HashMap<String, String>,
    by_extension: HashMap<String, String>,
}

impl ContentTypes {
    fn of(package: &Package) -> Result<Self, PackageError> {
        let entry = package
            .find("[content_types].xml")
            .ok_or_else(|| PackageError::damaged("the ZIP container is no office file"))?;
        let mut types = Self { by_name: HashMap::new(), by_extension: HashMap::new() };
        for_each_element(&package.read(entry)?, |element| {
            let content_type = element.attribute("", "ContentType").map(str::to_ascii_lowercase);
            let Some(content_type) = content_type else {
                return;
            };
            if let Some(name) = element.attribute("", "PartName") {
                types.by_name.insert(resolved("", name), content_type);
            } else if let Some(extension) = element.attribute("", "Extension") {
                types.by_extension.insert(extension.to_ascii_lowercase(), content_type);
            }
        })?;
        Ok(types)
    }

    fn of_part(&self, name: &str) -> Option<&str> {
        let extension = || self.by_extension.get(name.rsplit_once('.')?.1);
        self.by_name.get(name).or_else(extension).map(String::as_str)
    }
}

fn for_each_element(bytes: &[u8], mut found: impl FnMut(&Opening<'_>)) -> Result<(), PackageError> {
    let mut walk = || -> Result<(), XmlError> {
        let mut walker = Walker::new(bytes)?;
        while let Some(step) = walker.next()? {
            if let Event::Open(element) = step.event {
                found(&element);
            }
        }
        Ok(())
    };
    walk().map_err(|err| PackageError::damaged(err.to_string()))
}
