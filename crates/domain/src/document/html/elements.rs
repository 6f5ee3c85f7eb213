//! What the elements of HTML mean for text: which of them end a sentence, which
//! have no text in them, and which end another by beginning.
//!
//! What is not listed, such as `b`, `span` and the elements that people make up,
//! is part of a sentence.
//!
//! Start reading at [`Element::of`].

/// A kind of element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Part of a sentence.
    Inline,
    /// `code`: as above, with its white space kept.
    Code,
    /// `br`
    Break,
    /// Nothing can be in it.
    Void,
    /// Nothing can be in it, and it ends a sentence.
    Rule,
    /// What is in it is not HTML, and nobody reads it.
    Unread(&'static str),
    /// `plaintext`: nothing after it is HTML.
    Plaintext,
    /// What is in it may have elements of its own, and is not text.
    Foreign(&'static str),
    /// `math`: as above, but read as part of the sentence.
    Math,
    /// `noscript`: as above in a head; elsewhere it is text.
    Noscript,
    /// What is in it is text without tags.
    Title,
    Textarea,
    Html,
    Head,
    Body,
    /// Other elements that end a sentence.
    Block,
    Division,
    Paragraph,
    Heading,
    Preformatted,
    List,
    Item,
    Definition,
    Button,
    Select,
    OptionGroup,
    Option,
    Table,
    /// `caption`, `thead`, `tbody`, `tfoot`, `colgroup`
    TablePart,
    Row,
    Cell,
}

/// What an element that is open means for another that begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// It ends.
    Ends,
    /// It does not matter; those that it is in are looked at.
    Passes,
    /// Nothing that it is in matters.
    Stops,
}

const NAME_BYTES_MAX: usize = 10;

impl Element {
    /// The element called `name`, in any case.
    pub(super) fn of(name: &str) -> Self {
        let mut lower = [0; NAME_BYTES_MAX];
        let Some(lower) = lower.get_mut(..name.len()) else {
            return Self::Inline;
        };
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        match &*lower {
            b"code" => Self::Code,
            b"br" => Self::Break,
            b"area" | b"base" | b"basefont" | b"bgsound" | b"embed" | b"img" | b"input"
            | b"keygen" | b"link" | b"meta" | b"param" | b"source" | b"track" | b"wbr" => {
                Self::Void
            }
            b"hr" | b"col" | b"frame" => Self::Rule,
            b"script" => Self::Unread("script"),
            b"style" => Self::Unread("style"),
            b"iframe" => Self::Unread("iframe"),
            b"noembed" => Self::Unread("noembed"),
            b"noframes" => Self::Unread("noframes"),
            b"xmp" => Self::Unread("xmp"),
            b"plaintext" => Self::Plaintext,
            b"svg" => Self::Foreign("svg"),
            b"template" => Self::Foreign("template"),
            b"math" => Self::Math,
            b"noscript" => Self::Noscript,
            b"title" => Self::Title,
            b"textarea" => Self::Textarea,
            b"html" => Self::Html,
            b"head" => Self::Head,
            b"body" | b"frameset" => Self::Body,
            b"address" | b"div" => Self::Division,
            b"article" | b"aside" | b"blockquote" | b"center" | b"details" | b"dialog" | b"dl"
            | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"header"
            | b"hgroup" | b"legend" | b"main" | b"marquee" | b"nav" | b"search" | b"section"
            | b"summary" => Self::Block,
            b"p" => Self::Paragraph,
            b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => Self::Heading,
            b"pre" | b"listing" => Self::Preformatted,
            b"ul" | b"ol" | b"menu" | b"dir" => Self::List,
            b"li" => Self::Item,
            b"dd" | b"dt" => Self::Definition,
            b"button" => Self::Button,
            b"select" | b"datalist" => Self::Select,
            b"optgroup" => Self::OptionGroup,
            b"option" => Self::Option,
            b"table" => Self::Table,
            b"caption" | b"thead" | b"tbody" | b"tfoot" | b"colgroup" => Self::TablePart,
            b"tr" => Self::Row,
            b"td" | b"th" => Self::Cell,
            _ => Self::Inline,
        }
    }

    /// Whether its tags end sentences.
    pub(super) fn is_block(self) -> bool {
        match self {
            Self::Inline
            | Self::Code
            | Self::Break
            | Self::Void
            | Self::Unread(_)
            | Self::Foreign(_)
            | Self::Math
            | Self::Noscript => false,
            Self::Rule
            | Self::Plaintext
            | Self::Title
            | Self::Textarea
            | Self::Html
            | Self::Head
            | Self::Body
            | Self::Block
            | Self::Division
            | Self::Paragraph
            | Self::Heading
            | Self::Preformatted
            | Self::List
            | Self::Item
            | Self::Definition
            | Self::Button
            | Self::Select
            | Self::OptionGroup
            | Self::Option
            | Self::Table
            | Self::TablePart
            | Self::Row
            | Self::Cell => true,
        }
    }

    /// What `open` means for an element of this kind that begins in it.
    pub(super) fn beginning_in(self, open: Self) -> Bar {
        let ends = match (self, open) {
            (Self::Body, Self::Head) | (Self::OptionGroup, Self::OptionGroup) => true,
            (Self::OptionGroup | Self::Option, Self::Option) => true,
            (Self::Title, Self::Head) => false,
            (_, Self::Head) => self.is_block(),
            (_, Self::Paragraph) => self.ends_paragraphs(),
            (Self::Heading, Self::Heading) => true,
            (Self::Item, Self::Item) | (Self::Definition, Self::Definition) => true,
            (Self::Cell, Self::Cell) => true,
            (Self::Row, Self::Cell | Self::Row) => true,
            (Self::TablePart, Self::Cell | Self::Row | Self::TablePart) => true,
            _ => false,
        };
        let passes = if matches!(self, Self::Item | Self::Definition) {
            matches!(open, Self::Division | Self::Paragraph)
        } else if self == Self::Cell {
            !matches!(open, Self::Table | Self::TablePart | Self::Row | Self::Html)
        } else if matches!(self, Self::Row | Self::TablePart) {
            !matches!(open, Self::Table | Self::Html)
        } else {
            false
        };
        if ends {
            Bar::Ends
        } else if passes || !open.is_block() {
            Bar::Passes
        } else {
            Bar::Stops
        }
    }

    /// What `open`, which has another name, means for the end of an element of
    /// this kind.
    pub(super) fn ending_in(self, open: Self) -> Bar {
        let stops = if matches!(self, Self::Cell | Self::Row | Self::TablePart) {
            matches!(open, Self::Table | Self::Html)
        } else if self == Self::Table {
            open == Self::Html
        } else if self.is_block() && self != Self::Paragraph {
            let is_list = self == Self::Item && open == Self::List;
            is_list || matches!(open, Self::Table | Self::TablePart | Self::Cell | Self::Html)
        } else {
            open.is_block()
        };
        if stops { Bar::Stops } else { Bar::Passes }
    }

    fn ends_paragraphs(self) -> bool {
        self.is_block()
            && !matches!(
                self,
                Self::Title
                    | Self::Textarea
                    | Self::Button
                    | Self::Select
                    | Self::OptionGroup
                    | Self::Option
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Element::of("p"), Element::Paragraph);
        assert_eq!(Element::of("BlockQuote"), Element::Block);
        assert_eq!(Element::of("H6"), Element::Heading);
        for name in ["", "b", "h7", "my-element", "ſcript", "figcaptions", &"a".repeat(1_000)] {
            assert_eq!(Element::of(name), Element::Inline, "{name}");
        }
    }

    #[test]
    fn what_begins_may_end_what_is_open() {
        let check = |begins: &str, open: &str, expected| {
            assert_eq!(Element::of(begins).beginning_in(Element::of(open)), expected, "{begins}");
        };
        check("p", "p", Bar::Ends);
        check("table", "p", Bar::Ends);
        check("button", "p", Bar::Stops);
        check("div", "b", Bar::Passes);
        check("div", "div", Bar::Stops);
        check("li", "div", Bar::Passes);
        check("li", "ul", Bar::Stops);
        check("td", "div", Bar::Passes);
        check("td", "tr", Bar::Stops);
        check("tr", "td", Bar::Ends);
        check("body", "head", Bar::Ends);
        check("title", "head", Bar::Stops);
    }
}
