//! `text/plain`: every line is translated for itself, so that the output has
//! as many lines as the input, with the same ends, indentation and blanks.
//!
//! There is no markup: whatever looks like it is text.

use super::DocumentError;
use crate::job::{DOCUMENT_CHARACTERS_MAX, TRANSLATABLE_BYTES_MAX};
use crate::text::{Block, blocks, is_translatable};

const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// A text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainText {
    // Invariant: without NUL, and within the limits.
    text: String,
    characters: u64,
}

impl PlainText {
    /// Reads a text file of UTF-8.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8, has a NUL in it or exceeds a limit.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, DocumentError> {
        let text = String::from_utf8(bytes).map_err(|_| DocumentError::NotUtf8)?;
        if text.contains('\0') {
            return Err(DocumentError::Nul);
        }
        // The mark says how the text is encoded and is not part of it.
        let characters = without_mark(&text).chars().count() as u64;
        if DOCUMENT_CHARACTERS_MAX < characters {
            return Err(DocumentError::TooManyCharacters);
        }
        if TRANSLATABLE_BYTES_MAX < translatable_bytes(&text) {
            return Err(DocumentError::TooMuchText);
        }
        Ok(Self { text, characters })
    }

    /// The file as it was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.text.as_bytes().to_vec()
    }

    /// All characters of the file: here every one is charged for.
    pub fn characters(&self) -> u64 {
        self.characters
    }

    /// The lines that have something on them.
    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        let text = without_mark(&self.text);
        blocks(text).map(|line| Block::from(&text[line])).collect()
    }

    /// The file with its lines translated: one block for each of [`Self::blocks`].
    pub(super) fn render(&self, translated: impl IntoIterator<Item = Block<'static>>) -> Vec<u8> {
        let text = without_mark(&self.text);
        let mut rendered = String::with_capacity(self.text.len() + self.text.len() / 4);
        rendered.push_str(&self.text[..self.text.len() - text.len()]);
        let mut end = 0;
        for (line, translation) in blocks(text).zip(translated) {
            rendered.push_str(&text[end..line.start]);
            rendered.push_str(&translation.text);
            end = line.end;
        }
        rendered.push_str(&text[end..]);
        rendered.into_bytes()
    }
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

// Counted by lines and not by sentences, so that a document has one answer,
// whatever its language is taken for.
fn translatable_bytes(text: &str) -> u64 {
    // Most files are far from it, and need not be looked at.
    if text.len() as u64 <= TRANSLATABLE_BYTES_MAX {
        return text.len() as u64;
    }
    let texts = blocks(text).map(|block| &text[block]).filter(|block| is_translatable(block));
    texts.map(|block| block.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<PlainText, DocumentError> {
        PlainText::parse(text.as_bytes().to_vec())
    }

    fn render(document: &PlainText, translate: impl Fn(&str) -> String) -> String {
        let translated = document
            .blocks()
            .into_iter()
            .map(|block| Block { text: translate(&block.text).into(), tags: Vec::new() });
        String::from_utf8(document.render(translated.collect::<Vec<_>>())).unwrap()
    }

    fn check(text: &str, expected: &str) {
        let document = parse(text).unwrap();
        assert_eq!(render(&document, |segment| format!("[{segment}]")), expected);
    }

    #[test]
    fn lines_indentation_and_blanks_stay() {
        check("", "");
        check("a", "[a]");
        check("One.  Two.\r\n\r\n  c \t\n\rd\n", "[One.  Two.]\r\n\r\n  [c] \t\n\r[d]\n");
        check("\u{FEFF}a\n", "\u{FEFF}[a]\n");
        check("\u{FEFF}", "\u{FEFF}");
        check("a\u{7}b\u{1b}[1m", "[a]\u{7}[b]\u{1b}[[1m]");
        check("<b translate=\"no\">a</b>", "[<b translate=\"no\">a</b>]");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for bytes in [&b"a\xFFb"[..], b"\xFF\xFEa\0", b"\xC3", b"\xED\xA0\x80"] {
            assert_eq!(PlainText::parse(bytes.to_vec()), Err(DocumentError::NotUtf8));
        }
        assert_eq!(parse("a\0b"), Err(DocumentError::Nul));
    }

    #[test]
    fn the_limits_are_exact() {
        let characters =
            |count: usize| parse(&"1".repeat(count)).map(|document| document.characters());
        assert_eq!(characters(1_000_000), Ok(1_000_000));
        assert_eq!(characters(1_000_001), Err(DocumentError::TooManyCharacters));
        assert_eq!(parse("\u{FEFF}é€\n").unwrap().characters(), 3);

        // 524,288 letters of two bytes each, and digits that do not count.
        let full = format!("{}\n{}", "é".repeat(1 << 19), "1".repeat(1_000));
        assert!(parse(&full).is_ok());
        assert_eq!(parse(&format!("{full}\na")), Err(DocumentError::TooMuchText));
    }

    proptest! {
        #[test]
        fn a_text_translated_into_itself_is_unchanged(text in "([a-z.!? \t\r\n\u{FEFF}1é]|\\PC){0,300}") {
            let document = parse(&text).unwrap();
            prop_assert_eq!(render(&document, str::to_owned), text);
        }

        #[test]
        fn translations_keep_the_lines(text in "[a-zA-Z.!? \t\r\n]{0,300}") {
            let document = parse(&text).unwrap();
            let rendered = render(&document, str::to_uppercase);
            prop_assert_eq!(rendered, text.to_uppercase());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(document) = PlainText::parse(bytes.clone()) {
                prop_assert_eq!(&document.to_bytes(), &bytes);
                prop_assert_eq!(render(&document, str::to_owned).into_bytes(), bytes);
            }
        }
    }
}
