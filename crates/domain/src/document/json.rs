//! Catalogs of messages in JSON: every string is translated that is a value. Keys,
//! numbers, order and indentation stay, for new text is spliced into the file.
//!
//! What a message leaves open (`{name}`, `%s`) is text here, and is protected
//! where text is translated. Nothing is known of the schema of a catalog.
//!
//! Start reading at [`Json::parse`].

use std::fmt::Write;
use std::ops::Range;

use super::{DocumentError, characters_within_limits};
use crate::text::{Block, is_translatable};

const BYTE_ORDER_MARK: &str = "\u{FEFF}";
const DEPTH_MAX: usize = 256;

/// A catalog of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json {
    file: String,
    // Invariant: in order, and apart.
    values: Vec<Value>,
    characters: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    // Between the quotation marks.
    range: Range<usize>,
    text: String,
}

impl Json {
    /// Reads JSON of UTF-8.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8, not JSON, nested too deeply, or exceeds a limit.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, DocumentError> {
        let file = String::from_utf8(bytes).map_err(|_| DocumentError::NotUtf8)?;
        let start = if file.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let mut reader = Reader { file: &file, at: start, values: Vec::new() };
        if let Err(reason) = reader.document() {
            let line = 1 + file[..reader.at.min(file.len())].matches('\n').count();
            return Err(DocumentError::Malformed {
                expected: "a JSON document (.json)",
                reason: format!("line {line}: {reason}"),
            });
        }
        let values = reader.values;
        let mut json = Self { file, values, characters: 0 };
        json.characters = characters_within_limits(&json.blocks())?;
        Ok(json)
    }

    /// The file as it was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.file.as_bytes().to_vec()
    }

    /// The characters of the strings to be translated.
    pub fn characters(&self) -> u64 {
        self.characters
    }

    /// The strings that have something to translate.
    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        self.values.iter().map(|value| Block::from(value.text.as_str())).collect()
    }

    /// The file with its strings translated: one block for each of [`Self::blocks`].
    pub(super) fn render(&self, translated: impl IntoIterator<Item = Block<'static>>) -> Vec<u8> {
        let mut rendered = String::with_capacity(self.file.len() + self.file.len() / 4);
        let mut end = 0;
        for (value, block) in self.values.iter().zip(translated) {
            rendered.push_str(&self.file[end..value.range.start]);
            let style = Style::of(&self.file[value.range.clone()]);
            escape_into(&mut rendered, &block.text, style);
            end = value.range.end;
        }
        rendered.push_str(&self.file[end..]);
        rendered.into_bytes()
    }
}

/// How a string is written that may be written in several ways.
#[derive(Clone, Copy)]
struct Style {
    escapes_slashes: bool,
    escapes_all_but_ascii: bool,
}

impl Style {
    // A translation is written like its source.
    fn of(source: &str) -> Self {
        let is_escape = |place: usize| {
            let digits = source.get(place + 2..place + 6);
            digits
                .is_some_and(|digits| u32::from_str_radix(digits, 16).is_ok_and(|code| code > 0x7F))
        };
        Self {
            escapes_slashes: source.contains("\\/"),
            escapes_all_but_ascii: source.is_ascii()
                && source.match_indices("\\u").any(|(place, _)| is_escape(place)),
        }
    }
}

fn escape_into(written: &mut String, text: &str, style: Style) {
    let mut units = [0; 2];
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '/' if style.escapes_slashes => written.push_str("\\/"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            _ if character < ' ' || (style.escapes_all_but_ascii && !character.is_ascii()) => {
                for unit in character.encode_utf16(&mut units) {
                    write!(written, "\\u{unit:04x}").expect("a string takes all that is written");
                }
            }
            _ => written.push(character),
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    at: usize,
    values: Vec<Value>,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
}

type Read<T> = Result<T, &'static str>;

impl Reader<'_> {
    fn document(&mut self) -> Read<()> {
        // The ends of what is open: `}` or `]`.
        let mut open: Vec<u8> = Vec::new();
        let mut expected = Expected::Value;
        loop {
            self.space();
            let Some(byte) = self.peek() else {
                return Err("the document is not complete");
            };
            expected = match (expected, byte) {
                (Expected::Value | Expected::ValueOrEnd, b'{' | b'[') => {
                    if DEPTH_MAX <= open.len() {
                        return Err("values are nested too deeply");
                    }
                    self.at += 1;
                    open.push(if byte == b'{' { b'}' } else { b']' });
                    if byte == b'{' { Expected::KeyOrEnd } else { Expected::ValueOrEnd }
                }
                (Expected::ValueOrEnd | Expected::KeyOrEnd | Expected::CommaOrEnd, b'}' | b']')
                    if open.last() == Some(&byte) =>
                {
                    self.at += 1;
                    open.pop();
                    Expected::CommaOrEnd
                }
                (Expected::CommaOrEnd, b',') => {
                    self.at += 1;
                    if open.last() == Some(&b'}') { Expected::Key } else { Expected::Value }
                }
                (Expected::Key | Expected::KeyOrEnd, b'"') => {
                    self.string()?;
                    self.space();
                    self.take(b':')?;
                    Expected::Value
                }
                (Expected::Value | Expected::ValueOrEnd, _) => {
                    self.scalar(byte)?;
                    Expected::CommaOrEnd
                }
                (Expected::Key | Expected::KeyOrEnd | Expected::CommaOrEnd, _) => {
                    return Err("something else was expected here");
                }
            };
            if open.is_empty() {
                self.space();
                return if self.at == self.file.len() {
                    Ok(())
                } else {
                    Err("there is more than one value")
                };
            }
        }
    }

    fn scalar(&mut self, first: u8) -> Read<()> {
        if first == b'"' {
            let value = self.string()?;
            if is_translatable(&value.text) {
                self.values.push(value);
            }
            return Ok(());
        }
        let rest = &self.file[self.at..];
        let end = rest.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
        if !matches!(&rest[..end], "true" | "false" | "null") && !is_number(&rest[..end]) {
            return Err("something is no value");
        }
        self.at += end;
        Ok(())
    }

    fn string(&mut self) -> Read<Value> {
        self.take(b'"')?;
        let start = self.at;
        let mut text = String::new();
        loop {
            let rest = &self.file[self.at..];
            let plain = rest.find(|it: char| it < ' ' || matches!(it, '"' | '\\'));
            let plain = plain.ok_or("a string has no end")?;
            text.push_str(&rest[..plain]);
            self.at += plain;
            match rest.as_bytes()[plain] {
                b'"' => {
                    let range = start..self.at;
                    self.at += 1;
                    return Ok(Value { range, text });
                }
                b'\\' => text.push(self.escape()?),
                _ => return Err("a control character in a string"),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let escaped = self.file[self.at + 1..].chars().next();
        let character = match escaped {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{C}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode(),
            Some(_) | None => return Err("an escape that JSON does not know"),
        };
        self.at += 2;
        Ok(character)
    }

    fn unicode(&mut self) -> Read<char> {
        let mut units = vec![self.unit()?];
        if (0xD800..0xDC00).contains(&units[0]) {
            units.push(self.unit()?);
        }
        let mut characters = char::decode_utf16(units);
        match (characters.next(), characters.next()) {
            (Some(Ok(character)), None) => Ok(character),
            _ => Err("half of a surrogate pair"),
        }
    }

    fn unit(&mut self) -> Read<u16> {
        let digits = self.file[self.at..].strip_prefix("\\u").and_then(|rest| rest.get(..4));
        let digits = digits.filter(|digits| digits.bytes().all(|it| it.is_ascii_hexdigit()));
        let digits = digits.ok_or("an escape that JSON does not know")?;
        self.at += "\\u0000".len();
        u16::from_str_radix(digits, 16).map_err(|_| "an escape that JSON does not know")
    }

    fn space(&mut self) {
        let rest = &self.file[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn peek(&self) -> Option<u8> {
        self.file.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Read<()> {
        if self.peek() != Some(byte) {
            return Err("something else was expected here");
        }
        self.at += 1;
        Ok(())
    }
}

// `-1.5e+10`, and no zeros before it.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    are_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && are_digits(fraction)
        && are_digits(exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(file: &str) -> Result<Json, DocumentError> {
        Json::parse(file.as_bytes().to_vec())
    }

    fn render(json: &Json, translate: impl Fn(&str) -> String) -> String {
        let translated: Vec<_> = json
            .blocks()
            .iter()
            .map(|block| Block { text: translate(&block.text).into(), tags: Vec::new() })
            .collect();
        String::from_utf8(json.render(translated)).unwrap()
    }

    fn check(file: &str, expected: &str) {
        let json = parse(file).unwrap();
        assert_eq!(render(&json, str::to_ascii_uppercase), expected);
        assert_eq!(json.to_bytes(), file.as_bytes());
    }

    #[test]
    fn values_are_translated_and_nothing_else() {
        check(
            "\u{FEFF}{\r\n  \"key\": \"value\",\t\"n\": [1, -2.5e+3, true, null, \"a b\"],\n\"o\": {\"k\":{}, \"l\": []}}\n",
            "\u{FEFF}{\r\n  \"key\": \"VALUE\",\t\"n\": [1, -2.5e+3, true, null, \"A B\"],\n\"o\": {\"k\":{}, \"l\": []}}\n",
        );
        check("\"a\"", "\"A\"");
        check(
            "{\"a\": \"\", \"b\": \"12 %\", \"a\": \"x\"}",
            "{\"a\": \"\", \"b\": \"12 %\", \"a\": \"X\"}",
        );
        check(" 1 ", " 1 ");
    }

    #[test]
    fn strings_are_written_as_they_were() {
        let json =
            parse(r#"["a\n\"b\"\\ \u0001 \u00e9\ud83d\ude00", "<\/p>a/", "é\u00e9a", "a\tb"]"#)
                .unwrap();
        let texts: Vec<_> = json.blocks().iter().map(|block| block.text.to_string()).collect();
        assert_eq!(texts, ["a\n\"b\"\\ \u{1} é😀", "</p>a/", "ééa", "a\tb"]);
        assert_eq!(
            render(&json, str::to_owned),
            r#"["a\n\"b\"\\ \u0001 \u00e9\ud83d\ude00", "<\/p>a\/", "ééa", "a\tb"]"#
        );
        assert_eq!(json.characters(), 11 + 6 + 3 + 3);
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_line() {
        for (file, reason) in [
            ("", "line 1: the document is not complete"),
            ("{\n\"a\": \"b\"", "line 2: the document is not complete"),
            ("{\n\n\"a\" \"b\"}", "line 3: something else was expected here"),
            ("[\"a\",]", "line 1: something is no value"),
            ("{\"a\": 1,}", "line 1: something else was expected here"),
            ("[1}", "line 1: something else was expected here"),
            ("[01]", "line 1: something is no value"),
            ("[\"a\nb\"]", "line 1: a control character in a string"),
            ("[\"a]", "line 1: a string has no end"),
            ("[\"\\x\"]", "line 1: an escape that JSON does not know"),
            ("[\"\\ud83da\"]", "line 1: an escape that JSON does not know"),
            ("[\"\\ude00\"]", "line 1: half of a surrogate pair"),
            ("1 2", "line 1: there is more than one value"),
            ("// a\n1", "line 1: something is no value"),
        ] {
            let expected = format!("The document is not a JSON document (.json): {reason}");
            assert_eq!(parse(file).unwrap_err().to_string(), expected, "{file}");
        }
        assert_eq!(Json::parse(vec![b'"', 0xFF, b'"']), Err(DocumentError::NotUtf8));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}\"a\"{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(256), &nested(256).replace('a', "A"));
        let refused = parse(&nested(257)).unwrap_err().to_string();
        assert!(refused.ends_with("line 1: values are nested too deeply"));
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_written_and_read_again(texts in prop::collection::vec("(\\PC|[\0-\u{1F}\"\\\\/]){0,20}a", 1..5)) {
            let json = parse(&format!("[{}]", vec!["\"a\""; texts.len()].join(", "))).unwrap();
            let blocks = texts.iter().map(|text| Block { text: text.clone().into(), tags: Vec::new() });
            let again = Json::parse(json.render(blocks.collect::<Vec<_>>())).unwrap();
            let read: Vec<_> = again.blocks().iter().map(|block| block.text.to_string()).collect();
            prop_assert_eq!(read, texts);
        }

        #[test]
        fn no_text_makes_it_panic(text in "([\\[\\]{}:,\"\\\\ua0-9e.\n -]|true|\\PC){0,60}") {
            if let Ok(json) = parse(&text) {
                prop_assert_eq!(json.to_bytes(), text.as_bytes());
                prop_assert!(parse(&render(&json, str::to_owned)).is_ok());
            }
        }
    }
}
