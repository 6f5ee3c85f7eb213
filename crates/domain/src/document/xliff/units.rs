//! Which units of a file are to be translated, and which places of it change.
//!
//! Start reading at [`Units::read`].

use std::borrow::Cow;
use std::ops::Range;

use super::unit::{Source, Unit, end_of_attributes, find};
use crate::document::draft::Segment;
use crate::document::xml::{self, Event, Opening, Step, XmlError};
use crate::language::LanguageCode;

const NAMESPACE: &str = "urn:oasis:names:tc:xliff:document:1.2";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// What is to be done to a file.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// What is written, in order.
    pub splices: Vec<Splice>,
    /// What is translated, in order.
    pub segments: Vec<Segment>,
    /// What all of it is written in, if that is said.
    pub language: Option<LanguageCode>,
}

/// Something new in the place of `range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub range: Range<usize>,
    pub new: New,
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum New {
    /// This.
    Text(Cow<'static, str>),
    /// The code of the target language.
    TargetCode,
    /// What stands at this range, with its segments translated.
    Content(Range<usize>),
}

impl Splice {
    pub(super) fn text(range: Range<usize>, text: impl Into<Cow<'static, str>>) -> Self {
        Self { range, new: New::Text(text.into()) }
    }
}

/// What elements inherit from those around them.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    pub is_translated: bool,
    pub is_preserved: bool,
    language: Option<LanguageCode>,
}

impl Setting {
    pub(super) fn within(self, opening: &Opening<'_>) -> Self {
        let is_translated = match opening.attribute("", "translate") {
            Some("no") => false,
            Some("yes") => true,
            Some(_) | None => self.is_translated,
        };
        let is_preserved = match opening.attribute(xml::XML, "space") {
            Some("preserve") => true,
            Some("default") => false,
            Some(_) | None => self.is_preserved,
        };
        Self { is_translated, is_preserved, ..self }
    }
}

impl Units {
    /// Finds them in `file`.
    ///
    /// # Errors
    ///
    /// If the file is no XLIFF 1.2.
    pub(super) fn read(file: &str) -> Result<Self, XmlError> {
        let mut reader =
            Reader { source: Source::new(file)?, units: Self::default(), languages: Vec::new() };
        reader.declaration();
        reader.root()?;
        let mut units = reader.units;
        let mut languages = reader.languages.into_iter();
        let first = languages.next().flatten();
        units.language = first.filter(|_| languages.all(|language| language == first));
        Ok(units)
    }
}

struct Reader<'a> {
    source: Source<'a>,
    units: Units,
    // What the `file` elements say that have something to translate.
    languages: Vec<Option<LanguageCode>>,
}

impl Reader<'_> {
    fn declaration(&mut self) {
        let file = self.source.file;
        let at = if file.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        if !file[at..].starts_with("<?xml") {
            let line_end = if file.contains("\r\n") { "\r\n" } else { "\n" };
            self.splice(at, format!("{DECLARATION}{line_end}"));
        }
    }

    fn root(&mut self) -> Result<(), XmlError> {
        while let Some(step) = self.source.walker.next()? {
            if let Event::Open(opening) = step.event {
                check_version(&opening, step.range.start)?;
                self.source.namespace = opening.name.uri;
                let around = Setting { is_translated: true, is_preserved: false, language: None };
                self.inside(&opening, around.within(&opening))?;
            }
        }
        Ok(())
    }

    // Goes through an element that may hold units, to its end.
    fn inside(&mut self, opening: &Opening<'_>, setting: Setting) -> Result<(), XmlError> {
        if opening.is_empty {
            return Ok(());
        }
        while let Some(Step { range, event }) = self.source.walker.next()? {
            let opening = match event {
                Event::Open(opening) => opening,
                Event::Close(_) => break,
                Event::Text(_) | Event::CData(_) | Event::Other => continue,
            };
            let mut setting = setting.within(&opening);
            match self.source.local(&opening) {
                "file" => {
                    let tag = opening.attribute("", "source-language");
                    setting.language = tag.and_then(LanguageCode::from_tag);
                    self.name_target(&opening, range);
                    self.inside(&opening, setting)?;
                }
                "body" | "group" => self.inside(&opening, setting)?,
                "trans-unit" if !opening.is_empty => {
                    let unit = Unit::read(&mut self.source, setting)?;
                    if setting.is_translated && opening.attribute("", "approved") != Some("yes") {
                        self.take(unit, setting);
                    }
                }
                _ => self.source.pass(&opening)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, unit: Unit, setting: Setting) {
        let (splices, segments) = unit.changes(self.source.file);
        if !segments.is_empty() && self.languages.last() != Some(&setting.language) {
            self.languages.push(setting.language);
        }
        self.units.splices.extend(splices);
        self.units.segments.extend(segments);
    }

    // Sets `file/@target-language`.
    fn name_target(&mut self, opening: &Opening<'_>, tag: Range<usize>) {
        if let Some(attribute) = find(opening, "", "target-language") {
            let range = attribute.value_range.clone();
            self.units.splices.push(Splice { range, new: New::TargetCode });
            return;
        }
        let at = match find(opening, "", "source-language") {
            Some(attribute) => attribute.range.end,
            None => end_of_attributes(self.source.file, tag),
        };
        self.splice(at, " target-language=\"");
        self.units.splices.push(Splice { range: at..at, new: New::TargetCode });
        self.splice(at, "\"");
    }

    fn splice(&mut self, at: usize, text: impl Into<Cow<'static, str>>) {
        self.units.splices.push(Splice::text(at..at, text));
    }
}

// Namespaces of other versions are told by their versions.
fn check_version(root: &Opening<'_>, at: usize) -> Result<(), XmlError> {
    let reason = match (root.name.local, root.attribute("", "version")) {
        ("xliff", Some("1.2")) if root.name.uri == NAMESPACE || root.name.uri.is_empty() => {
            return Ok(());
        }
        ("xliff", Some("1.2")) => format!("its namespace is {}", shortened(root.name.uri)),
        ("xliff", Some(version)) => format!("its version is {}", shortened(version)),
        ("xliff", None) => "it does not say its version".to_owned(),
        (name, _) => format!("its root element is {}", shortened(name)),
    };
    Err(XmlError::Fault { at, reason })
}

// What is shown of a file that may hold anything.
fn shortened(text: &str) -> String {
    if text.is_empty() { "empty".to_owned() } else { text.chars().take(100).collect() }
}
