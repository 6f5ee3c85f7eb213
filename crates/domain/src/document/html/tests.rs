//! What becomes of pages: examples, properties, hostile input.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::text::PlacedTag;

fn parse(source: &str) -> Html {
    Html::parse(source.as_bytes().to_vec()).unwrap()
}

fn owned(block: Block<'_>, translate: impl Fn(&str) -> String) -> Block<'static> {
    Block { text: translate(&block.text).into(), tags: block.tags }
}

fn render(html: &Html, translate: impl Fn(&str) -> String) -> String {
    let translated: Vec<_> =
        html.blocks().into_iter().map(|block| owned(block, &translate)).collect();
    String::from_utf8(html.render(translated)).unwrap()
}

/// A block with its tags shown in its text: `{1 1}` for pairs, `{1}` for points
/// and `[1]` for what is opaque.
fn shown(block: &Block<'_>) -> String {
    let (mut shown, mut start) = (String::new(), 0);
    for &PlacedTag { at, tag } in &block.tags {
        shown.push_str(&block.text[start..at]);
        match tag {
            Tag::Open(number) => write!(shown, "{{{number} "),
            Tag::Close(number) => write!(shown, " {number}}}"),
            Tag::Point(number) => write!(shown, "{{{number}}}"),
            Tag::Opaque(number) => write!(shown, "[{number}]"),
        }
        .unwrap();
        start = at;
    }
    shown.push_str(&block.text[start..]);
    shown
}

fn check(source: &str, expected: &[&str]) {
    let html = parse(source);
    let blocks: Vec<String> = html.blocks().iter().map(shown).collect();
    assert_eq!(blocks, expected, "{source:?}");
    assert_eq!(render(&html, str::to_owned), source);
}

/// What a page becomes whose text is translated into capitals.
fn check_upper(source: &str, expected: &str) {
    assert_eq!(render(&parse(source), str::to_uppercase), expected, "{source:?}");
}

#[test]
fn block_elements_end_sentences() {
    check("<p>One<p>Two</p><div>Three</div>Four", &["One", "Two", "Three", "Four"]);
    check("<ul><li>a<li>b</ul>", &["a", "b"]);
    check("<table><tr><th>a<td>b</table>", &["a", "b"]);
    check("<h1>a</h1>\n<hr>b", &["a", "b"]);
    check("a</br>b</br></br>c</p>d", &["a{0} b", "c", "d"]);
    check("a<br>b<br><br>c<br> <br> <br>d", &["a{0} b", "c", "d"]);
    check("<button>a</button> b <select><option>c<option>d</select> e", &["a", "b", "c", "d", "e"]);
}

#[test]
fn inline_elements_stay_in_the_sentence() {
    check("<p>My name <b>is</b> Michael</p>", &["My name {0 is 0} Michael"]);
    check("a <my-tag>b</my-tag> c", &["a {0 b 0} c"]);
    check("a <b>b <i>c</i></b> d", &["a {0 b {1 c 1} 0} d"]);
    check("a <a href=#><b>b</b></a> d", &["a {0 b 0} d"]);
    check("a <img><input> b <wbr>c", &["a {0}b {1}c"]);
    check("a <!-- note --> b", &["a {0}b"]);
    check("a <script>b</script> c", &["a {0}c"]);
    check("a <i class=icon></i> b", &["a {0}b"]);
    check("a <svg><text>b</text></svg> c", &["a {0}c"]);
    check("let <math><mi>x</mi></math> be", &["let [0] be"]);
}

#[test]
fn tags_around_the_whole_sentence_stay_outside() {
    check("<p><b>One</b></p>", &["One"]);
    check("<p><img> <a><b> One </b></a> <img></p>", &["One"]);
    check("<b>One</b> two <i>three</i>", &["{0 One 0} two {1 three 1}"]);
    check("<b><img>One</b> two", &["{0 {1}One 0} two"]);
}

#[test]
fn tags_without_a_partner_are_points() {
    check("a <b>b", &["a {0}b"]);
    check("a </b>b", &["a {0}b"]);
    check("a <b>b <i>c</b> d</i> e", &["a {0 b {1}c 0} d{2} e"]);
    check("<b>a<p>b</b>c", &["a", "b{0}c"]);
    check("a <b>b<p>c</p>d</b> e", &["a {0}b", "c", "d{0} e"]);
    check("a <b\nc", &["a"]);
}

#[test]
fn white_space_is_one_blank_and_stays_at_the_ends() {
    check("<p>\r\n  a\n\tb  c \n</p>", &["a b c"]);
    check_upper("<p>\r\n  a\n\tb  c \n</p>", "<p>\r\n  A B C \n</p>");
    check_upper("a <b> b </b> c<br>\n  d", "A <b> B </b> C<br> D");
    check_upper("a<br>b <br>\n c<br><i>d</i>", "A<br>B <br>\n C<br><i>D</i>");
    check("a <code>b  c</code>", &["a {0 b  c 0}"]);
}

#[test]
fn lines_of_preformatted_text_are_blocks() {
    check("<pre>\n  a  b\r\n\n\tc\td \n</pre>", &["a  b", "c\td"]);
    check_upper("<pre>\n  a  b\r\n\n\tc\td \n</pre>", "<pre>\n  A  B\r\n\n\tC\tD \n</pre>");
    check("<pre>a<b>b\nc</b>d<br>e</pre>f  g", &["a{0}b", "c{0}d", "e", "f g"]);
    check("<textarea>\na <b> &lt;\n b</textarea>", &["a <b> <", "b"]);
    check_upper("<textarea>\na <b>\n</textarea>", "<textarea>\nA &lt;B&gt;\n</textarea>");
}

#[test]
fn what_is_not_text_is_unchanged() {
    check("<style>a</style><template>b<p>c</template><svg><title>d</title></svg>", &[]);
    check("<svg/>a<svg><svg/><svg></svg>b</svg>c", &["a{0}c"]);
    check("<script>a</b> <p>\"</scripted></script >b", &["b"]);
    check("<script>a<p>b", &[]);
    check("<svg>a<p>b", &["a", "b"]);
    check("<head><noscript>a</noscript></head><body><noscript>b</noscript>", &["b"]);
    check("<template>a<script></template></script>b</template>c", &["c"]);
    check("<![CDATA[a]]><?b?><!c>d", &["d"]);
    check("<a title='a'>1</a><img alt=b>", &[]);
    check("<p>123</p> <p>a@b.org &amp; &mdash;</p>", &[]);
    check("a<plaintext>b</plaintext>c", &["a"]);
    check("<iframe>a</iframe><xmp>b</xmp>", &[]);
}

#[test]
fn only_what_is_in_html_is_text() {
    check("a<!doctype html>b<html>c<title>d</title>e</html>f", &["c", "d", "e"]);
    check("a<p translate=no>b<html>c", &["c"]);
    check("a</html>b", &["a", "b"]);
    check("<html>a</html>b<html>c<html>d", &["a", "c", "d"]);
    check("\u{FEFF}a", &["a"]);
    check("<title>a<b>b</title>c", &["a<b>b", "c"]);
    check("<title>a<p>b", &["a", "b"]);
}

#[test]
fn what_is_not_to_be_translated_stands_for_a_word() {
    check("<p>Good morning.</p> <p translate=no>Keep me.</p>", &["Good morning."]);
    check("Buy <b translate='NO'>Big <i>Mac</i></b> now", &["Buy [0] now"]);
    check("Buy <a><b translate=no>it</b></a> now", &["Buy [0] now"]);
    check("<i translate=no>Mac</i> is <i translate=no>it</i>", &["[0] is [1]"]);
    check("<div translate=no>a <p>b</p> c</div>d", &["d"]);
    check("<p translate=no>a<p>b<ul translate=no><li>c<li>d</ul>e", &["b", "e"]);
    check("<p>a <i translate=no>b</p>c", &["a {0}[1]", "c"]);
    check("a <i translate=no>b</p>c", &["a {0}[1]"]);
    check("<img translate=no>a<p translate=no><img>b", &["a"]);
    check("<html translate=no>a<p translate=yes>b", &["b"]);
    check("<body translate=no>a</body><p>b", &[]);
    check("<table translate=no><tr><td>a</table>b", &["b"]);
    check("<table><tr><td translate=no><div>a<td>b</table>", &["b"]);
}

#[test]
fn translation_is_turned_on_again_inside() {
    check("a <i translate=no>b <b translate=yes>c</b> d</i> e", &["a {0 [1]{2 c 2}[3] 0} e"]);
    check("<div translate=no>a<p translate=''>b</p>c</div>d", &["b", "d"]);
    check("a <i translate=no>b<div translate=yes>c</div>d</i>e", &["a {0}[1]", "c", "[0]{1}e"]);
}

#[test]
fn references_are_read_and_few_are_written() {
    check(
        "caf&eacute; &lt;b&gt; &copy &nosuch; &#128; a&nbsp;b",
        &["café <b> © &nosuch; € a\u{A0}b"],
    );
    check_upper(
        "caf&eacute; &lt;b&gt; R&D &amp; &#128; a&nbsp;b&#32;&#10;c",
        "CAFÉ &lt;B&gt; R&amp;D &amp; € A&nbsp;B C",
    );
    check_upper("<p>1 < 2 & a > b", "<p>1 &lt; 2 &amp; A &gt; B");
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    assert_eq!(Html::parse(b"a\xFFb".to_vec()), Err(DocumentError::NotUtf8));
    check("a\0b\u{1}<p\0>c<p a=\0>d", &["a\0b\u{1}{0}c", "d"]);
}

#[test]
fn only_text_that_is_translated_counts() {
    assert_eq!(parse("<p>a&eacute; <b>b</b></p>12<p translate=no>c</p>").characters(), 4);
    let page = |text: &str, count| parse_many(text, count).map(|html| html.characters());
    assert_eq!(page("<p>a", 1_000_000), Ok(1_000_000));
    assert_eq!(page("<p>a", 1_000_001), Err(DocumentError::TooManyCharacters));
    assert_eq!(page("<p>é€", 300_000), Err(DocumentError::TooMuchText));
    assert_eq!(page("<p translate=no>é€", 300_000), Ok(0));
}

fn parse_many(unit: &str, count: usize) -> Result<Html, DocumentError> {
    Html::parse(unit.repeat(count).into_bytes())
}

#[test]
fn snippets_have_tags_and_keep_their_references() {
    for text in
        ["", "a", "a < b > c", "<3", "a & b", "<a", "<!-- a -->", "<https://a.b>", "<a@b.c>"]
    {
        assert_eq!(Html::parse_snippet(text), None, "{text:?}");
    }
    let upper = |text: &str| render(&Html::parse_snippet(text).unwrap(), str::to_uppercase);
    assert_eq!(
        upper("&quot;a&quot; &#38; b & &lt; <b>c&nbsp;d</b> e"),
        "&quot;A&quot; &#38; B & &lt; <b>C&nbsp;D</b> E"
    );
    assert_eq!(upper("</p>a<html>b</html>c"), "</p>A<html>B</html>C");
    assert_eq!(upper("a &mdash; b<br/>"), "A &mdash; B<br/>");
    assert_eq!(Html::parse_snippet("<b>a</b>").unwrap().characters(), 1);
}

#[test]
fn translations_may_move_tags() {
    let html = parse("<p>a <b>b</b> c<br>d</p>");
    let tags = [
        PlacedTag { at: 0, tag: Tag::Open(0) },
        PlacedTag { at: 1, tag: Tag::Close(0) },
        PlacedTag { at: 3, tag: Tag::Point(1) },
    ];
    let block = Block { text: "X y z".into(), tags: tags.into() };
    assert_eq!(html.render([block]), b"<p><b>X</b> y<br>z</p>");
}

#[test]
fn tags_at_impossible_places_are_no_panic() {
    let html = parse("a <b>b</b> c");
    let tags = [(9, Tag::Open(0)), (1, Tag::Close(0)), (0, Tag::Point(7)), (0, Tag::Close(9))];
    let tags = tags.map(|(at, tag)| PlacedTag { at, tag }).into();
    assert_eq!(html.render([Block { text: "é".into(), tags }]), "é<b></b>".as_bytes());
}

const HOSTILE: &str = "<|&|<a|<a |<a>|</a>|<p>|</p>|<!--|<!-->|-->|<![CDATA[|<?php |<?|</|<a b=\"|<a b='>|\
    <a b=\"'>\" |<b>a|<b><i></b></i>|<b><p></b>|<b>a<i>b</b>c</i>|<svg>|<svg></svg>|<svg/>|\
    <math>|<title>|<title></title>|<textarea>|<script>|<script></script>|<template>|\
    <table><tr><td>|<ul><li>|<br>|a<br>|a<br><i>|&#|&#9|&aaaaaaaaaaaaaaaaaaa|<html>|\
    <html>a</html>|<i translate=no>|<i translate=no>a<b translate=yes>b|\
    <i translate=no>a</i>|<pre>\n|a\n| |</ |<!|a<b> |<div><b>|</b></i>|<p translate=no>a<p>|\
    <head><noscript>|<!-- --|--|<a =|<a/|\0";

#[test]
fn hostile_pages_take_no_longer_than_others() {
    for unit in HOSTILE.split('|') {
        let many = |bytes: usize| unit.repeat(bytes / unit.len());
        let within = many(50_000);
        for source in [many(300_000), format!("a <pre>{within}"), format!("<i>x {within}</i> y")] {
            let html = Html::of(source, Extent::Page, References::Few);
            assert!(render(&html, str::to_owned) == html.source, "{unit:?}");
            render(&html, |text| format!("{text}."));
        }
    }
}

const PIECES: &str = " |\n|\t|\
    a|Bc|é|&|&amp;|&nbsp;|&eacute;|&#10;|<|>|\"|'|=|/|1|<b>|</b>|<i>|</i>|<a href='x>y'>|</a>|\
    <p>|</p>|<div>|</div>|<br>|<br/>|<img alt=\"a\">|<!--|-->|<!-- b -->|<span translate=no>|\
    <b translate=yes>|</span>|<p translate=\"no\">|<ul>|<li>|</ul>|<table>|<tr>|<td>|</table>|\
    <pre>|</pre>|<code>|</code>|<textarea>|</textarea>|<title>|</title>|<script>|</script>|\
    <svg>|</svg>|<math>|</math>|<html>|</html>|<head>|<body>|<noscript>|</noscript>|<template>|\
    </template>|<![CDATA[|]]>|<?x?>|<option>|<select>|</|<x";

/// Pieces of pages, put together without sense.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES.split('|').collect::<Vec<_>>());
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// All markup of a page, with what in it is no text.
fn markup(source: &str) -> Vec<String> {
    let mut tokens = Tokens::of(source, 0);
    let mut found = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(_) => (),
            Token::Start(tag) | Token::End(tag) => found.push(source[tag.span].to_owned()),
            Token::Other(span) => found.push(source[span].to_owned()),
        }
    }
    found
}

fn check_blocks(html: &Html) -> Result<(), TestCaseError> {
    for block in html.blocks() {
        let mut open = Vec::new();
        let (mut start, mut next) = (0, 0);
        for &PlacedTag { at, tag } in &block.tags {
            prop_assert!(start <= at && block.text.is_char_boundary(at));
            start = at;
            match tag {
                Tag::Close(number) => prop_assert_eq!(open.pop(), Some(number)),
                Tag::Open(number) | Tag::Point(number) | Tag::Opaque(number) => {
                    prop_assert_eq!(number, next);
                    next += 1;
                    if let Tag::Open(number) = tag {
                        open.push(number);
                    }
                }
            }
        }
        prop_assert!(open.is_empty());
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_page_translated_into_itself_is_unchanged(
        source in prop_oneof![soup(), "\\PC{0,200}", "[<>a-z/ \n&;!'\"=-]{0,200}"]
    ) {
        let html = parse(&source);
        check_blocks(&html)?;
        prop_assert_eq!(render(&html, str::to_owned), source.clone());
        if let Some(html) = Html::parse_snippet(&source) {
            check_blocks(&html)?;
            prop_assert_eq!(render(&html, str::to_owned), source);
        }
    }

    #[test]
    fn only_text_is_translated(source in soup()) {
        let html = parse(&source);
        // Another text of the same shape, without capitals that make markup of text.
        let rendered = render(&html, |text| text.replace('a', "o"));
        // The tags of what is text without tags are text.
        if !source.contains("<t") {
            prop_assert_eq!(markup(&rendered), markup(&source));
        }
        let again = parse(&rendered);
        let texts = |html: &Html| html.blocks().iter().map(shown).collect::<Vec<_>>();
        let expected: Vec<String> = texts(&html).iter().map(|text| text.replace('a', "o")).collect();
        prop_assert_eq!(texts(&again), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(html) = Html::parse(bytes.clone()) {
            prop_assert_eq!(html.to_bytes(), bytes);
        }
    }
}
