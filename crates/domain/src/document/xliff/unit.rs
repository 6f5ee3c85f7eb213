//! One `trans-unit`: its source, its target, and what is written into it.
//!
//! Start reading at [`Unit::changes`].

use std::ops::Range;

use super::content::{Content, Inline};
use super::units::{New, Setting, Splice};
use crate::document::draft::{PairName, Pairing, Segment, is_space};
use crate::document::xml::{self, Attribute, Event, Opening, Step, Walker, XmlError};

/// A file that is being read.
pub(super) struct Source<'a> {
    pub file: &'a str,
    pub walker: Walker<'a>,
    /// That of the root, and so of all that is XLIFF here.
    pub namespace: &'a str,
}

/// What stands in a `trans-unit`.
#[derive(Debug, Default)]
pub(super) struct Unit {
    source: Option<Part>,
    seg_source: Option<Part>,
    target: Option<Target>,
}

// A `source` or `seg-source`.
#[derive(Debug)]
struct Part {
    range: Range<usize>,
    content: Range<usize>,
    // With its colon.
    prefix: String,
    // Attributes that its content needs to mean the same elsewhere.
    inherited: Vec<String>,
    segments: Vec<Segment>,
    has_segments: bool,
}

// A `target` that is there already.
#[derive(Debug)]
struct Target {
    tag: Range<usize>,
    // None if the tag is all of it.
    content: Option<Range<usize>>,
    is_settled: bool,
    state: Option<Range<usize>>,
    language: Option<Range<usize>>,
}

impl Unit {
    /// Reads one to its end; its start tag was read last.
    pub(super) fn read(source: &mut Source<'_>, setting: Setting) -> Result<Self, XmlError> {
        let mut unit = Self::default();
        while let Some(Step { range, event }) = source.walker.next()? {
            let opening = match event {
                Event::Open(opening) => opening,
                Event::Close(_) => break,
                Event::Text(_) | Event::CData(_) | Event::Other => continue,
            };
            match source.local(&opening) {
                "source" if unit.source.is_none() => {
                    let is_preserved = setting.within(&opening).is_preserved;
                    let content = Content::of_source(source.file, is_preserved, range.end);
                    unit.source = Some(Part::read(source, &opening, range, content)?);
                }
                "seg-source" if unit.seg_source.is_none() => {
                    let is_preserved = setting.within(&opening).is_preserved;
                    let content = Content::of_segments(source.file, is_preserved);
                    unit.seg_source = Some(Part::read(source, &opening, range, content)?);
                }
                "target" if unit.target.is_none() => {
                    unit.target = Some(Target::read(source, &opening, range)?);
                }
                _ => source.pass(&opening)?,
            }
        }
        Ok(unit)
    }

    /// What is written so that there is a translated target, and what must be
    /// translated for it. Nothing if the unit has no source or a settled target.
    pub(super) fn changes(self, file: &str) -> (Vec<Splice>, Vec<Segment>) {
        let Self { source, seg_source, target } = self;
        let Some(source) = source else {
            return Default::default();
        };
        let behind = match &seg_source {
            Some(part) if source.range.end < part.range.end => part,
            Some(_) | None => &source,
        };
        let origin = match &seg_source {
            Some(part) if part.has_segments => part,
            Some(_) | None => &source,
        };
        let splices = match target {
            Some(target) if target.is_settled => return Default::default(),
            Some(target) => target.rewritten(file, origin),
            None => created(file, behind, origin),
        };
        let segments = match seg_source {
            Some(part) if part.has_segments => part.segments,
            Some(_) | None => source.segments,
        };
        (splices, segments)
    }
}

// A new target behind `behind`, and set on its line like it.
fn created(file: &str, behind: &Part, origin: &Part) -> Vec<Splice> {
    let before = &file[..behind.range.start];
    let space = &before[before.trim_end_matches(is_space).len()..];
    let line_end =
        space.rfind('\n').map(|at| if space[..at].ends_with('\r') { at - 1 } else { at });
    let indentation = line_end.map_or("", |at| &space[at..]);
    let name = format!("{}target", behind.prefix);
    let inherited = origin.inherited.concat();
    let at = behind.range.end..behind.range.end;
    vec![
        Splice::text(at.clone(), format!("{indentation}<{name}{inherited} state=\"translated\">")),
        Splice { range: at.clone(), new: New::Content(origin.content.clone()) },
        Splice::text(at, format!("</{name}>")),
    ]
}

impl Target {
    fn read(
        source: &mut Source<'_>,
        opening: &Opening<'_>,
        tag: Range<usize>,
    ) -> Result<Self, XmlError> {
        let mut content = None;
        if !opening.is_empty {
            let end = source.walker.skip()?;
            let end_tag = source.file[..end].rfind("</").unwrap_or(end);
            content = Some(tag.end..end_tag);
        }
        let value = |uri, local| find(opening, uri, local).map(|found| found.value_range.clone());
        Ok(Self {
            tag,
            content,
            is_settled: matches!(opening.attribute("", "state"), Some("final" | "signed-off")),
            state: value("", "state"),
            language: value(xml::XML, "lang"),
        })
    }

    // What is written in this target so that it translates `origin`.
    fn rewritten(self, file: &str, origin: &Part) -> Vec<Splice> {
        let end = end_of_attributes(file, self.tag.clone());
        let mut splices = Vec::new();
        if let Some(range) = self.language {
            splices.push(Splice { range, new: New::TargetCode });
        }
        match self.state {
            Some(range) => splices.push(Splice::text(range, "translated")),
            None => splices.push(Splice::text(end..end, " state=\"translated\"")),
        }
        for attribute in &origin.inherited {
            let name = attribute.split('=').next().unwrap_or(attribute);
            if !file[self.tag.clone()].contains(name) {
                splices.push(Splice::text(end..end, attribute.clone()));
            }
        }
        splices.sort_by_key(|splice| splice.range.start);
        let new = New::Content(origin.content.clone());
        if let Some(range) = self.content {
            splices.push(Splice { range, new });
            return splices;
        }
        let name = name_of(&file[self.tag.clone()]);
        let at = self.tag.end;
        splices.push(Splice::text(at - "/>".len()..at, ">"));
        splices.push(Splice { range: at..at, new });
        splices.push(Splice::text(at..at, format!("</{name}>")));
        splices
    }
}

impl Part {
    fn read(
        source: &mut Source<'_>,
        opening: &Opening<'_>,
        tag: Range<usize>,
        mut content: Content<'_>,
    ) -> Result<Self, XmlError> {
        let written = &source.file[tag.clone()];
        let prefix = name_of(written).rsplit_once(':').map_or("", |(prefix, _)| prefix);
        let mut part = Self {
            range: tag.clone(),
            content: tag.end..tag.end,
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}:") },
            inherited: inherited(source.file, opening, tag.clone()),
            segments: Vec::new(),
            has_segments: false,
        };
        if opening.is_empty {
            return Ok(part);
        }
        let depth = source.walker.depth();
        while let Some(Step { range, event }) = source.walker.next()? {
            match event {
                Event::Open(element) => {
                    let inline = inline(source.local(&element), &element);
                    part.has_segments |= inline == Inline::Segment;
                    content.start(inline, range.clone());
                    if element.is_empty {
                        content.end(range.end..range.end);
                    }
                }
                Event::Close(_) if source.walker.depth() < depth => {
                    part.content.end = range.start;
                    part.range.end = range.end;
                    break;
                }
                Event::Close(_) => content.end(range),
                Event::Text(text) => content.text(range, &text),
                Event::CData(text) => content.section(&range, &text),
                Event::Other if source.file[range.clone()].starts_with("<?") => {
                    content.instruction(range);
                }
                Event::Other => (),
            }
        }
        part.segments = content.finish(part.content.end);
        Ok(part)
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a str) -> Result<Self, XmlError> {
        Ok(Self { file, walker: Walker::new(file.as_bytes())?, namespace: "" })
    }

    /// What an element of XLIFF is called; nothing for those of others.
    pub(super) fn local(&self, opening: &Opening<'a>) -> &'a str {
        if opening.name.uri == self.namespace { opening.name.local } else { "" }
    }

    /// Goes to the end of an element, whatever is in it.
    pub(super) fn pass(&mut self, opening: &Opening<'_>) -> Result<(), XmlError> {
        if !opening.is_empty {
            self.walker.skip()?;
        }
        Ok(())
    }
}

// What an element within running text means. Those of others hold text.
fn inline(local: &str, element: &Opening<'_>) -> Inline {
    let pair = |kind, pairing: fn(PairName) -> Pairing| {
        let id = element.attribute("", "rid").or_else(|| element.attribute("", "id"));
        Inline::Code(id.map_or(Pairing::Single, |id| pairing(PairName { kind, id: id.to_owned() })))
    };
    match local {
        "mrk" => match element.attribute("", "mtype") {
            Some("seg") => Inline::Segment,
            Some(mtype) if mtype == "protected" || mtype.eq_ignore_ascii_case("x-DNT") => {
                Inline::Protected
            }
            Some(_) | None => Inline::Span,
        },
        "bpt" => pair("bpt", Pairing::Begin),
        "ept" => pair("bpt", Pairing::End),
        "bx" => pair("bx", Pairing::Begin),
        "ex" => pair("bx", Pairing::End),
        "ph" | "it" | "x" | "ut" => Inline::Code(Pairing::Single),
        "sub" => Inline::Sub,
        _ => Inline::Span,
    }
}

// The attributes of a tag that hold for its content too, each with a blank
// before it: how white space counts, and what prefixes mean.
fn inherited(file: &str, opening: &Opening<'_>, tag: Range<usize>) -> Vec<String> {
    let mut inherited = Vec::new();
    let end = end_of_attributes(file, tag.clone());
    let mut start = tag.start + "<".len() + name_of(&file[tag]).len();
    // Declarations of prefixes are what stands between the other attributes.
    for attribute in &opening.attributes {
        inherited.extend(declarations(&file[start..attribute.range.start]));
        start = attribute.range.end;
        if attribute.name.is(xml::XML, "space") {
            inherited.push(format!(" {}", &file[attribute.range.clone()]));
        }
    }
    inherited.extend(declarations(&file[start..end]));
    inherited
}

fn declarations(attributes: &str) -> impl Iterator<Item = String> {
    let mut rest = attributes;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(is_space);
        let quote = rest.find(['"', '\''])?;
        let value = &rest[quote + 1..];
        let end = quote + 1 + value.find(rest[quote..].chars().next()?)? + 1;
        let declaration = format!(" {}", &rest[..end]);
        rest = &rest[end..];
        Some(declaration)
    })
}

/// The attribute of that name.
pub(super) fn find<'o, 'a>(
    opening: &'o Opening<'a>,
    uri: &str,
    local: &str,
) -> Option<&'o Attribute<'a>> {
    opening.attributes.iter().find(|attribute| attribute.name.is(uri, local))
}

/// Where another attribute may be added to the start tag at `tag`.
pub(super) fn end_of_attributes(file: &str, tag: Range<usize>) -> usize {
    let written = file[tag.clone()].trim_end_matches('>').trim_end_matches('/');
    tag.start + written.trim_end_matches(is_space).len()
}

// The name of the element that begins with `tag`, as it is written.
fn name_of(tag: &str) -> &str {
    let name = tag.strip_prefix('<').unwrap_or(tag);
    let end = name.find(|character| is_space(character) || matches!(character, '/' | '>'));
    &name[..end.unwrap_or(name.len())]
}
