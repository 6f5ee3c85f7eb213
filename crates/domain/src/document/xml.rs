//! XML as its source: events and the bytes they stand at, so that a format can
//! splice new text into a file and leave the rest of it as it was.
//!
//! Hardened: no document type, so no entities but the five; bounded nesting; no
//! encoding but UTF-8. It knows no format and builds no tree.
//!
//! Start reading at [`Walker::next`]; new source is made with [`Splices`].

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event as Token;

/// The deepest nesting of elements; office files reach about 60.
pub(super) const DEPTH_MAX: usize = 256;
/// The most attributes of an element; the root of a Word file has about 40.
const ATTRIBUTES_MAX: usize = 512;

pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// Why XML is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum XmlError {
    /// The bytes are not UTF-8, or say that they are something else.
    #[error("it is not encoded in UTF-8")]
    NotUtf8,
    /// It is not well-formed, or more than is allowed here.
    #[error("XML fault at byte {at}: {reason}")]
    Fault {
        /// Where.
        at: usize,
        /// What, in words for the document's owner.
        reason: String,
    },
}

/// The name of an element or an attribute, whatever its prefix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name<'a> {
    /// The namespace as it is written where it was declared; empty if none.
    pub uri: &'a str,
    /// The name in it.
    pub local: &'a str,
}

impl Name<'_> {
    pub(super) fn is(self, uri: &str, local: &str) -> bool {
        self.local == local && self.uri == uri
    }
}

/// An event and where it stands. The ranges of all events make up the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step<'a> {
    pub range: Range<usize>,
    pub event: Event<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A start tag, or the tag of an empty element, which no `Close` follows.
    Open(Opening<'a>),
    /// An end tag.
    Close(Name<'a>),
    /// Text with its references resolved and line ends as XML reads them. Two may
    /// follow each other.
    Text(Cow<'a, str>),
    /// The content of a CDATA section, line ends as XML reads them.
    CData(Cow<'a, str>),
    /// The XML declaration, a comment or a processing instruction.
    Other,
}

/// A start tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening<'a> {
    pub name: Name<'a>,
    pub is_empty: bool,
    /// All but the declarations of namespaces, in order.
    pub attributes: Vec<Attribute<'a>>,
}

impl Opening<'_> {
    /// The value of the attribute of that name.
    pub(super) fn attribute(&self, uri: &str, local: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.name.is(uri, local));
        found.map(|attribute| attribute.value.as_ref())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    pub name: Name<'a>,
    /// With its references resolved.
    pub value: Cow<'a, str>,
    /// Where it is, from its name to the closing quotation mark.
    pub range: Range<usize>,
    /// Where its value is, between the quotation marks.
    pub value_range: Range<usize>,
}

/// Goes through a document from its first byte to its last.
pub(super) struct Walker<'a> {
    source: &'a str,
    reader: Reader<&'a [u8]>,
    // The reader counts from behind the byte order mark.
    mark_bytes: usize,
    namespaces: HashMap<&'a str, &'a str>,
    // What the elements that are open declared: prefixes and what they meant before.
    shadowed: Vec<(&'a str, Option<&'a str>)>,
    // The elements that are open, and how much was in `shadowed` before each.
    open: Vec<(Name<'a>, usize)>,
    is_over: bool,
}

impl<'a> Walker<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, XmlError> {
        let source = std::str::from_utf8(bytes).map_err(|_| XmlError::NotUtf8)?;
        let text = source.strip_prefix(BYTE_ORDER_MARK).unwrap_or(source);
        Ok(Self {
            source,
            reader: Reader::from_str(text),
            mark_bytes: source.len() - text.len(),
            namespaces: HashMap::from([("xml", XML)]),
            shadowed: Vec::new(),
            open: Vec::new(),
            is_over: false,
        })
    }

    /// The whole document.
    pub(super) fn source(&self) -> &'a str {
        self.source
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next event; none at the end of a complete document.
    pub(super) fn next(&mut self) -> Result<Option<Step<'a>>, XmlError> {
        let start = self.position();
        let token = self.reader.read_event().map_err(|err| fault(start, err.to_string()))?;
        let range = start..self.position();
        let event = match token {
            Token::Start(_) => self.opened(range.clone(), false)?,
            Token::Empty(_) => self.opened(range.clone(), true)?,
            Token::End(_) => self.closed(start)?,
            Token::Text(_) => Event::Text(self.text(range.clone())?),
            Token::GeneralRef(_) if self.open.is_empty() => {
                return Err(fault(start, "there is text outside the root element"));
            }
            Token::GeneralRef(_) => Event::Text(unescape(&self.source[range.clone()], start)?),
            Token::CData(content) => {
                let content_start = start + "<![CDATA[".len();
                let content = &self.source[content_start..content_start + content.len()];
                if self.open.is_empty() {
                    return Err(fault(start, "there is text outside the root element"));
                }
                only_legal(content, start)?;
                Event::CData(with_plain_line_ends(content))
            }
            Token::Decl(declaration) => {
                if declaration.encoding().is_some_and(|name| !name.is_ok_and(|name| is_utf8(&name)))
                {
                    return Err(XmlError::NotUtf8);
                }
                Event::Other
            }
            Token::Comment(_) | Token::PI(_) => Event::Other,
            Token::DocType(_) => {
                return Err(fault(start, "a document type declaration is not allowed"));
            }
            Token::Eof if self.is_over => return Ok(None),
            Token::Eof => return Err(fault(start, "the document is not complete")),
        };
        Ok(Some(Step { range, event }))
    }

    /// Goes to the end of the element just opened, which must not be empty, and
    /// tells where its end tag ends.
    pub(super) fn skip(&mut self) -> Result<usize, XmlError> {
        let depth = self.open.len();
        while let Some(step) = self.next()? {
            if self.open.len() < depth {
                return Ok(step.range.end);
            }
        }
        Ok(self.position())
    }

    /// Where the next event begins.
    pub(super) fn position(&self) -> usize {
        let behind_mark = usize::try_from(self.reader.buffer_position());
        self.mark_bytes + behind_mark.expect("a position in a slice")
    }

    fn text(&self, range: Range<usize>) -> Result<Cow<'a, str>, XmlError> {
        let text = &self.source[range.clone()];
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(fault(range.start, "there is text outside the root element"));
        }
        only_legal(text, range.start)?;
        Ok(with_plain_line_ends(text))
    }

    fn opened(&mut self, range: Range<usize>, is_empty: bool) -> Result<Event<'a>, XmlError> {
        let start = range.start;
        if self.is_over {
            return Err(fault(start, "there is more than one root element"));
        }
        if DEPTH_MAX <= self.open.len() {
            return Err(fault(start, format!("elements are nested more than {DEPTH_MAX} deep")));
        }
        let end = range.end - if is_empty { "/>".len() } else { ">".len() };
        let tag = &self.source[..end];
        let name_start = start + "<".len();
        let name_end = tag[name_start..].find(is_space).map_or(end, |at| name_start + at);

        let written = scan_attributes(tag, name_end)?;
        let shadowed = self.shadowed.len();
        self.declare(&written);
        let name = self.resolve(&tag[name_start..name_end], start, Kind::Element)?;
        let mut attributes = Vec::with_capacity(written.len());
        for attribute in written {
            if attribute.declared_prefix().is_some() {
                continue;
            }
            let name = self.resolve(attribute.name, start, Kind::Attribute)?;
            let at = attribute.value_range.start;
            attributes.push(Attribute {
                name,
                value: unescape_attribute(&tag[attribute.value_range.clone()], at)?,
                range: attribute.range,
                value_range: attribute.value_range,
            });
        }
        are_different(&attributes, start)?;
        self.open.push((name, shadowed));
        if is_empty {
            self.closed(start)?;
        }
        Ok(Event::Open(Opening { name, is_empty, attributes }))
    }

    fn closed(&mut self, at: usize) -> Result<Event<'a>, XmlError> {
        // The reader has seen that the end tag is that of the last start tag.
        let (name, shadowed) =
            self.open.pop().ok_or_else(|| fault(at, "an end tag without a start tag"))?;
        for (prefix, before) in self.shadowed.drain(shadowed..).rev() {
            match before {
                Some(uri) => self.namespaces.insert(prefix, uri),
                None => self.namespaces.remove(prefix),
            };
        }
        self.is_over = self.open.is_empty();
        Ok(Event::Close(name))
    }

    fn declare(&mut self, attributes: &[Written<'a>]) {
        for attribute in attributes {
            if let Some(prefix) = attribute.declared_prefix() {
                let uri = &self.source[attribute.value_range.clone()];
                self.shadowed.push((prefix, self.namespaces.insert(prefix, uri)));
            }
        }
    }

    fn resolve(&self, name: &'a str, at: usize, kind: Kind) -> Result<Name<'a>, XmlError> {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        if local.is_empty() {
            return Err(fault(at, "a name is missing"));
        }
        if prefix.is_empty() && kind == Kind::Attribute {
            return Ok(Name { uri: "", local });
        }
        match self.namespaces.get(prefix) {
            Some(uri) => Ok(Name { uri, local }),
            None if prefix.is_empty() => Ok(Name { uri: "", local }),
            None => Err(fault(at, format!("the prefix {prefix} is not declared"))),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Element,
    Attribute,
}

/// An attribute whose name is not resolved yet.
struct Written<'a> {
    name: &'a str,
    range: Range<usize>,
    value_range: Range<usize>,
}

impl<'a> Written<'a> {
    /// The prefix that it declares, if it does that; empty for the default.
    fn declared_prefix(&self) -> Option<&'a str> {
        if self.name == "xmlns" { Some("") } else { self.name.strip_prefix("xmlns:") }
    }
}

/// The attributes in `tag` from `at` on, where the name of the element ends.
fn scan_attributes(tag: &str, mut at: usize) -> Result<Vec<Written<'_>>, XmlError> {
    let mut attributes = Vec::new();
    let spaces = |at: usize| tag[at..].len() - tag[at..].trim_start_matches(is_space).len();
    loop {
        let start = at + spaces(at);
        if start == tag.len() {
            return Ok(attributes);
        }
        if start == at || ATTRIBUTES_MAX <= attributes.len() {
            return Err(fault(at, "attributes without space between them, or too many of them"));
        }
        let is_end = |character: char| is_space(character) || character == '=';
        let name_end = start + tag[start..].find(is_end).unwrap_or(tag.len() - start);
        let equals = name_end + spaces(name_end);
        let quote = equals + 1;
        if !tag[equals..].starts_with('=') || start == name_end {
            return Err(fault(start, "an attribute without a value"));
        }
        let quote = quote + spaces(quote);
        let mark = tag[quote..].chars().next().filter(|mark| matches!(mark, '"' | '\''));
        let value_start = quote + 1;
        let length = mark.and_then(|mark| tag[value_start..].find(mark));
        let value_end =
            value_start + length.ok_or_else(|| fault(start, "an attribute without quotes"))?;
        at = value_end + 1;
        attributes.push(Written {
            name: &tag[start..name_end],
            range: start..at,
            value_range: value_start..value_end,
        });
    }
}

fn are_different(attributes: &[Attribute<'_>], at: usize) -> Result<(), XmlError> {
    let mut seen = HashSet::new();
    if attributes.len() < 2 || attributes.iter().all(|attribute| seen.insert(attribute.name)) {
        return Ok(());
    }
    Err(fault(at, "an attribute is given twice"))
}

fn fault(at: usize, reason: impl Into<String>) -> XmlError {
    XmlError::Fault { at, reason: reason.into() }
}

fn is_utf8(encoding: &[u8]) -> bool {
    // Not ASCII: a translation may hold any letter.
    encoding.eq_ignore_ascii_case(b"utf-8") || encoding.eq_ignore_ascii_case(b"utf8")
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// Whether XML 1.0 can hold the character at all.
pub(super) fn is_legal(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..
    )
}

fn only_legal(text: &str, at: usize) -> Result<(), XmlError> {
    if text.bytes().any(|byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) {
        return Err(fault(at, "a character that XML cannot hold"));
    }
    Ok(())
}

fn with_plain_line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        return Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"));
    }
    Cow::Borrowed(text)
}

/// The value of an attribute as XML reads it: white space is blanks.
fn unescape_attribute(source: &str, at: usize) -> Result<Cow<'_, str>, XmlError> {
    only_legal(source, at)?;
    if source.contains('<') {
        return Err(fault(at, "a < in an attribute"));
    }
    if source.contains(['\t', '\n', '\r']) {
        let blank = source.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ");
        return Ok(Cow::Owned(unescape(&blank, at)?.into_owned()));
    }
    unescape(source, at)
}

/// `source` with its references resolved: numbers, and the five names that XML
/// itself knows.
pub(super) fn unescape(source: &str, at: usize) -> Result<Cow<'_, str>, XmlError> {
    let Some(first) = source.find('&') else {
        return Ok(Cow::Borrowed(source));
    };
    let mut text = String::with_capacity(source.len());
    text.push_str(&source[..first]);
    let mut rest = &source[first..];
    while let Some(behind) = rest.strip_prefix('&') {
        let name = behind.split_once(';').and_then(|(name, after)| Some((referred(name)?, after)));
        let (character, after) =
            name.ok_or_else(|| fault(at, "a reference to something that XML does not know"))?;
        text.push(character);
        let next = after.find('&').unwrap_or(after.len());
        text.push_str(&after[..next]);
        rest = &after[next..];
    }
    Ok(Cow::Owned(text))
}

fn referred(name: &str) -> Option<char> {
    let number = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => name.strip_prefix('#')?,
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // The standard library would take a sign as well.
    if !digits.starts_with(|digit: char| digit.is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok()?;
    char::from_u32(code).filter(|character| is_legal(*character))
}

/// Writes `text` as XML, fit for elements and for attributes in any quotation
/// marks. What XML cannot hold is left out.
pub(super) fn escape_into(source: &mut String, text: &str) {
    for character in text.chars().filter(|character| is_legal(*character)) {
        match character {
            '&' => source.push_str("&amp;"),
            '<' => source.push_str("&lt;"),
            '>' => source.push_str("&gt;"),
            // Would be read as something else when written plainly.
            '\r' => source.push_str("&#13;"),
            _ => source.push(character),
        }
    }
}

/// A source with some of its parts replaced, made from front to back.
pub(super) struct Splices<'a> {
    source: &'a str,
    spliced: String,
    end: usize,
}

impl<'a> Splices<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let spliced = String::with_capacity(source.len() + source.len() / 8);
        Self { source, spliced, end: 0 }
    }

    /// Puts `new` in the place of `range`, which is behind all that were replaced
    /// before; an empty range inserts.
    pub(super) fn replace(&mut self, range: Range<usize>, new: &str) {
        self.spliced.push_str(&self.source[self.end..range.start]);
        self.spliced.push_str(new);
        self.end = range.end;
    }

    pub(super) fn finish(mut self) -> String {
        self.spliced.push_str(&self.source[self.end..]);
        self.spliced
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps(source: &str) -> Result<Vec<Step<'_>>, XmlError> {
        let mut walker = Walker::new(source.as_bytes())?;
        std::iter::from_fn(|| walker.next().transpose()).collect()
    }

    fn reason(source: &str) -> String {
        steps(source).expect_err(source).to_string()
    }

    #[test]
    fn names_have_their_namespaces() {
        let source = "<a xmlns='u' xmlns:p=\"v\"><p:b p:c='1' d='&lt;&#x41;'/><e xmlns=''/></a>";
        let mut seen = Vec::new();
        for step in steps(source).unwrap() {
            if let Event::Open(tag) = step.event {
                seen.push((tag.name.uri, tag.name.local, tag.is_empty));
                if tag.name.is("v", "b") {
                    assert_eq!(tag.attribute("v", "c"), Some("1"));
                    assert_eq!(tag.attribute("", "d"), Some("<A"));
                    assert_eq!(tag.attribute("v", "d"), None);
                    assert_eq!(&source[tag.attributes[0].range.clone()], "p:c='1'");
                    assert_eq!(&source[tag.attributes[1].value_range.clone()], "&lt;&#x41;");
                }
            }
        }
        assert_eq!(seen, [("u", "a", false), ("v", "b", true), ("", "e", true)]);
    }

    #[test]
    fn text_is_what_xml_reads() {
        let source = "\u{FEFF}<?xml version='1.0' encoding='UTF-8'?>\r\n<a>x\r\ny&amp;&#13;<![CDATA[<\r]]></a>\n";
        let mut text = String::new();
        for step in steps(source).unwrap() {
            if let Event::Text(part) | Event::CData(part) = step.event {
                text.push_str(&part);
            }
        }
        assert_eq!(text, "\nx\ny&\r<\n\n");
    }

    #[test]
    fn an_element_is_skipped_whole() {
        let mut walker = Walker::new(b"<a><b><c/><b>x</b></b><d/></a>").unwrap();
        walker.next().unwrap();
        walker.next().unwrap();
        assert_eq!(walker.skip(), Ok(22));
        assert_eq!(walker.depth(), 1);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for source in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "</a>",
            "<a/><b/>",
            "<a/>x",
            "<a b/>",
            "<a b=c/>",
            "<a b='1'c='2'/>",
            "<a b='1' b='2'/>",
            "<a b='<'/>",
            "<p:a/>",
            "<a p:b='1'/>",
            "<a>&nbsp;</a>",
            "<a>&#0;</a>",
            "<a>&#+65;</a>",
            "<a>&</a>",
            "<a>\u{1}</a>",
            "<a><![CDATA[</a>",
            "<a><!-- </a>",
            "< a/>",
            "<a:/>",
            "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
            "&amp;<a/>",
            "<a/><![CDATA[x]]>",
            "<",
        ] {
            assert!(steps(source).is_err(), "{source}");
        }
        let twice = "<?xml version='1.0'?><!DOCTYPE a><a/>";
        assert_eq!(
            reason(twice),
            "XML fault at byte 21: a document type declaration is not allowed"
        );
        assert!(reason("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").contains("not allowed"));
    }

    #[test]
    fn other_encodings_are_refused() {
        for bytes in [&b"\xFF\xFE<\0a\0"[..], b"<a>\xE9</a>"] {
            assert_eq!(Walker::new(bytes).err(), Some(XmlError::NotUtf8));
        }
        assert_eq!(steps("<?xml version='1.0' encoding='latin1'?><a/>"), Err(XmlError::NotUtf8));
        assert!(steps("<?xml version='1.0' encoding='utf-8'?><a/>").is_ok());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(steps(&nested(DEPTH_MAX)).is_ok());
        assert!(reason(&nested(DEPTH_MAX + 1)).contains("nested more than 256 deep"));
    }

    #[test]
    fn hostile_documents_take_no_longer_than_others() {
        let declarations: Vec<String> = (0..500).map(|n| format!(" xmlns:p{n}='u{n}'")).collect();
        let declarations = declarations.concat();
        let elements = format!("<a{declarations}>").repeat(200) + &"<p0:b/>".repeat(100_000);
        assert!(steps(&(elements + &"</a>".repeat(200))).is_ok());
        let attributes: Vec<String> = (0..100_000).map(|n| format!(" a{n}=''")).collect();
        assert!(steps(&format!("<a{}/>", attributes.concat())).is_err());
        assert!(steps(&format!("<a>{}</a>", "&amp;".repeat(200_000))).is_ok());
        assert!(steps(&"<a ".repeat(200_000)).is_err());
    }

    #[test]
    fn splices_keep_the_rest() {
        let mut splices = Splices::new("<a>old</a>");
        splices.replace(3..3, "new ");
        splices.replace(3..6, "text");
        assert_eq!(splices.finish(), "<a>new text</a>");
    }

    proptest! {
        #[test]
        fn the_ranges_make_up_the_source(source in "(<a>|</a>|<b c=\"1\"/>|x|&lt;|\r|<!--y-->|<\\?z \\?>|\u{FEFF}){0,20}") {
            let source = format!("<a>{source}</a>");
            let mut walker = Walker::new(source.as_bytes()).unwrap();
            let mut end = 0;
            while let Ok(Some(step)) = walker.next() {
                prop_assert_eq!(step.range.start, end);
                end = step.range.end;
            }
            if steps(&source).is_ok() {
                prop_assert_eq!(end, walker.source().len());
            }
        }

        #[test]
        fn text_written_is_text_read(text in "(\\PC|[&<>'\"\t\n\r]){0,50}") {
            let mut source = String::from("<a>");
            escape_into(&mut source, &text);
            source.push_str("</a>");
            let mut read = String::new();
            for step in steps(&source).unwrap() {
                match step.event {
                    Event::Text(part) => read.push_str(&part),
                    Event::Open(_) | Event::Close(_) | Event::CData(_) | Event::Other => (),
                }
            }
            prop_assert_eq!(read, text);
        }

        #[test]
        fn no_bytes_make_it_panic(source in "([<>/=!?&;'\" a:x\\[\\]-]|CDATA|xmlns|DOCTYPE|é){0,60}") {
            let _ = steps(&source);
        }
    }
}
