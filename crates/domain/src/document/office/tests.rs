//! Small office files, made here, taken apart and put together again.
//!
//! Blocks are written with their tags in braces: `{0}bold{/0}`, `{1/}` for a point
//! and `{2!}` for what stands for words.

use std::io::{Cursor, Read as _, Write as _};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::*;
use crate::text::{PlacedTag, Tag};

const OFFICE: &str = "http://schemas.openxmlformats.org";
const TYPES: &str = "application/vnd.openxmlformats-officedocument";

fn zipped(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn entry(bytes: &[u8], name: &str) -> String {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut content = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut content).unwrap();
    content
}

/// A package whose main part is the first of `parts`: name, type, content.
fn package(parts: &[(&str, &str, &str)], others: &[(&str, &str)]) -> Vec<u8> {
    let overrides: Vec<String> = parts
        .iter()
        .map(|(name, kind, _)| {
            format!(r#"<Override PartName="/{name}" ContentType="{TYPES}.{kind}+xml"/>"#)
        })
        .collect();
    let types = format!(
        r#"<Types xmlns="{OFFICE}/package/2006/content-types">{}</Types>"#,
        overrides.concat()
    );
    let relationships = relationships(&[("officeDocument", parts[0].0)]);
    let mut entries =
        vec![("[Content_Types].xml", types.as_str()), ("_rels/.rels", &relationships)];
    entries.extend(parts.iter().map(|(name, _, content)| (*name, *content)));
    entries.extend(others);
    zipped(&entries)
}

fn relationships(targets: &[(&str, &str)]) -> String {
    let all: Vec<String> = targets
        .iter()
        .map(|(kind, target)| {
            format!(
                r#"<Relationship Id="r" Type="{OFFICE}/officeDocument/2006/relationships/{kind}" Target="{target}"/>"#
            )
        })
        .collect();
    format!(
        r#"<Relationships xmlns="{OFFICE}/package/2006/relationships">{}</Relationships>"#,
        all.concat()
    )
}

const DOCUMENT: &str = "word/document.xml";

fn docx(body: &str) -> Vec<u8> {
    let content = format!(
        r#"<w:document xmlns:w="{OFFICE}/wordprocessingml/2006/main" xmlns:m="{OFFICE}/officeDocument/2006/math"><w:body>{body}</w:body></w:document>"#
    );
    package(&[(DOCUMENT, "wordprocessingml.document.main", &content)], &[])
}

fn slide(body: &str) -> Vec<u8> {
    let content = format!(
        r#"<p:sld xmlns:p="{OFFICE}/presentationml/2006/main" xmlns:a="{OFFICE}/drawingml/2006/main">{body}</p:sld>"#
    );
    let main = ("ppt/presentation.xml", "presentationml.presentation.main", "<p/>");
    package(&[main, ("ppt/slides/slide1.xml", "presentationml.slide", &content)], &[])
}

fn shown(block: &Block<'_>) -> String {
    let mut shown = String::new();
    let mut end = 0;
    for placed in &block.tags {
        shown.push_str(&block.text[end..placed.at]);
        end = placed.at;
        let tag = match placed.tag {
            Tag::Open(number) => format!("{{{number}}}"),
            Tag::Close(number) => format!("{{/{number}}}"),
            Tag::Point(number) => format!("{{{number}/}}"),
            Tag::Opaque(number) => format!("{{{number}!}}"),
        };
        shown.push_str(&tag);
    }
    shown + &block.text[end..]
}

fn block(shown: &str) -> Block<'static> {
    let mut text = String::new();
    let mut tags = Vec::new();
    for part in shown.split_inclusive(['{', '}']) {
        let Some(tag) = part.strip_suffix('}') else {
            text.push_str(part.trim_end_matches('{'));
            continue;
        };
        let number = tag.trim_matches(['/', '!']).parse().unwrap();
        let tag = match tag {
            _ if tag.starts_with('/') => Tag::Close(number),
            _ if tag.ends_with('/') => Tag::Point(number),
            _ if tag.ends_with('!') => Tag::Opaque(number),
            _ => Tag::Open(number),
        };
        tags.push(PlacedTag { at: text.len(), tag });
    }
    Block { text: text.into(), tags }
}

fn parse(kind: OfficeKind, bytes: Vec<u8>) -> Office {
    Office::parse(kind, bytes).unwrap()
}

fn shown_blocks(document: &Office) -> Vec<String> {
    document.blocks().iter().map(shown).collect()
}

/// `body` has these blocks, and becomes `expected` with these translations.
fn check(bytes: Vec<u8>, kind: OfficeKind, part: &str, blocks: &[&str], new: &[&str]) -> String {
    let document = parse(kind, bytes);
    assert_eq!(shown_blocks(&document), blocks);
    let rendered = document.render(new.iter().map(|shown| block(shown))).unwrap();
    assert_eq!(Office::parse(kind, rendered.clone()).unwrap().blocks().len(), blocks.len());
    entry(&rendered, part)
}

fn check_docx(body: &str, blocks: &[&str], new: &[&str], expected: &str) {
    let content = check(docx(body), OfficeKind::Document, DOCUMENT, blocks, new);
    let start = content.find("<w:body>").unwrap() + "<w:body>".len();
    assert_eq!(&content[start..content.find("</w:body>").unwrap()], expected);
}

#[test]
fn runs_of_one_format_are_joined() {
    check_docx(
        r#"<w:p><w:pPr><w:b/></w:pPr><w:r w:rsidR="1"><w:t>Good </w:t></w:r><w:proofErr w:type="x"/><w:r><w:rPr><w:lang w:val="en"/></w:rPr><w:t>morn</w:t><w:t>ing &amp; hi</w:t></w:r></w:p>"#,
        &["Goodmorning & hi"],
        &["Bonjour & salut "],
        r#"<w:p><w:pPr><w:b/></w:pPr><w:r w:rsidR="1"><w:t xml:space="preserve">Bonjour &amp; salut </w:t></w:r></w:p>"#,
    );
}

#[test]
fn most_of_the_text_needs_no_tags() {
    let bold = |text: &str| {
        format!(r#"<w:r><w:rPr><w:b/></w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>"#)
    };
    let plain = |text: &str| format!(r#"<w:r><w:t xml:space="preserve">{text}</w:t></w:r>"#);
    check_docx(
        &format!("<w:p>{}{}{}</w:p>", plain("My name "), bold("is "), plain("Michael")),
        &["My name {0}is {0/}Michael".replace("{0/}", "{/0}").as_str()],
        &["Je {0}suis {/0}Michel"],
        &format!("<w:p>{}{}{}</w:p>", plain("Je "), bold("suis "), "<w:r><w:t>Michel</w:t></w:r>"),
    );
}

#[test]
fn tabs_links_and_inserted_text_are_tags() {
    check_docx(
        r#"<w:p><w:r><w:tab/><w:t>See</w:t><w:tab/><w:t>the</w:t></w:r><w:hyperlink w:id="h"><w:r><w:rPr><w:u/></w:rPr><w:t>page</w:t></w:r></w:hyperlink><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>now</w:t></w:r></w:ins><w:bookmarkEnd w:id="7"/></w:p>"#,
        &["See{0/}the{1}page{/1}{2/}{3}now{/3}"],
        &["{3}ici{/3} {2/}{1}page{/1} Voir{0/}"],
        r#"<w:p><w:r><w:tab/></w:r><w:ins><w:r><w:t>ici</w:t></w:r></w:ins><w:r><w:t xml:space="preserve"> </w:t></w:r><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:hyperlink w:id="h"><w:r><w:rPr><w:u/></w:rPr><w:t>page</w:t></w:r></w:hyperlink><w:r><w:t xml:space="preserve"> Voir</w:t></w:r><w:r><w:tab/></w:r><w:bookmarkEnd w:id="7"/></w:p>"#,
    );
}

#[test]
fn fields_stand_around_their_results() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let begin =
        format!("{}<w:r><w:instrText>REF a</w:instrText></w:r>{}", mark("begin"), mark("separate"));
    check_docx(
        &format!(
            "<w:p><w:r><w:t>See</w:t></w:r>{begin}<w:r><w:t>page one</w:t></w:r>{}</w:p>",
            mark("end")
        ),
        &["See{0}page one{/0}"],
        &["{0}page un{/0}, voir"],
        &format!(
            "<w:p>{begin}<w:r><w:t>page un</w:t></w:r>{}<w:r><w:t>, voir</w:t></w:r></w:p>",
            mark("end")
        ),
    );
    // One that goes on in the next paragraph keeps its place among the others.
    let first = format!("<w:p><w:r><w:t>a</w:t></w:r>{begin}<w:r><w:t>b</w:t></w:r></w:p>");
    let second =
        format!("<w:p><w:r><w:t>c</w:t></w:r>{}<w:r><w:t>d</w:t></w:r></w:p>", mark("end"));
    let document = parse(OfficeKind::Document, docx(&(first + &second)));
    assert_eq!(
        shown_blocks(&document),
        ["a{0/}{1/}b", "c{0/}d"].map(|shown| shown.replace("{0/}{1/}", "{0/}"))
    );
    // Without a result there is nothing to translate.
    check_docx(
        &format!(
            "<w:p><w:r><w:t>a</w:t></w:r>{}<w:r><w:instrText>TIME</w:instrText><w:t>no</w:t></w:r>{}<w:r><w:t>b</w:t></w:r></w:p>",
            mark("begin"),
            mark("end")
        ),
        &["a{0/}b"],
        &["a{0/}b"],
        &format!(
            "<w:p><w:r><w:t>a</w:t></w:r>{}<w:r><w:instrText>TIME</w:instrText><w:t>no</w:t></w:r>{}<w:r><w:t>b</w:t></w:r></w:p>",
            mark("begin"),
            mark("end")
        ),
    );
}

#[test]
fn ranges_that_cross_keep_their_order() {
    let start = |id: u8| format!(r#"<w:bookmarkStart w:id="{id}"/>"#);
    let end = |id: u8| format!(r#"<w:bookmarkEnd w:id="{id}"/>"#);
    let text = |text: &str| format!("<w:r><w:t>{text}</w:t></w:r>");
    let body =
        [text("a"), start(1), text("b"), start(2), text("c"), end(1), text("d"), end(2), text("e")];
    check_docx(
        &format!("<w:p>{}</w:p>", body.concat()),
        &["a{0/}b{1}c{2/}d{/1}e"],
        &["A{1}B{2/}C{/1}D{0/}E"],
        &format!("<w:p>{}</w:p>", body.concat().to_uppercase_text()),
    );
    let nested = [text("a"), start(1), text("b"), end(1), text("c")].concat();
    let document = parse(OfficeKind::Document, docx(&format!("<w:p>{nested}</w:p>")));
    assert_eq!(shown_blocks(&document), ["a{0}b{/0}c"]);
}

trait UppercaseText {
    fn to_uppercase_text(&self) -> String;
}

impl UppercaseText for String {
    /// Its texts of one letter in capitals.
    fn to_uppercase_text(&self) -> String {
        let upper = |text: String, letter: &str| {
            text.replace(&format!(">{letter}<"), &format!(">{}<", letter.to_uppercase()))
        };
        ["a", "b", "c", "d", "e"].into_iter().fold(self.clone(), upper)
    }
}

#[test]
fn text_boxes_are_blocks_of_their_own() {
    let inner = |text: &str| {
        format!("<w:txbxContent><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:txbxContent>")
    };
    let body = |outer: &str, text: &str| {
        format!(
            "<w:p><w:r><w:t>{outer}</w:t></w:r><w:r><w:pict>{}</w:pict></w:r><w:r><w:t>z</w:t></w:r></w:p>",
            inner(text)
        )
    };
    check_docx(&body("a", "in"), &["in", "a{0/}z"], &["dans", "b{0/}z"], &body("b", "dans"));
    check_docx(&body("a", "in"), &["in", "a{0/}z"], &["dans", "a{0/}z"], &body("a", "dans"));
    check_docx(&body("a", "in"), &["in", "a{0/}z"], &["in", "b{0/}z"], &body("b", "in"));
}

#[test]
fn content_controls_math_and_hyphens() {
    check_docx(
        "<w:p><w:r><w:t>a</w:t></w:r><w:sdt><w:sdtPr><w:id/></w:sdtPr><w:sdtContent><w:r><w:t>b</w:t><w:noBreakHyphen/><w:t>c</w:t></w:r></w:sdtContent></w:sdt><m:oMath><m:r><m:t>x</m:t></m:r></m:oMath></w:p>",
        &["a{0}b\u{2011}c{/0}{1!}"],
        &["{1!}{0}B\u{2011}C{/0}A"],
        "<w:p><m:oMath><m:r><m:t>x</m:t></m:r></m:oMath><w:sdt><w:sdtPr><w:id/></w:sdtPr><w:sdtContent><w:r><w:t>B\u{2011}C</w:t></w:r></w:sdtContent></w:sdt><w:r><w:t>A</w:t></w:r></w:p>",
    );
}

#[test]
fn paragraphs_without_words_are_left_alone() {
    let body = "<w:p/><w:p><w:r><w:t> 12:30 </w:t></w:r></w:p><w:p><w:r><w:t>https://example.com</w:t></w:r></w:p>";
    check_docx(body, &[], &[], body);
}

#[test]
fn a_translation_that_breaks_the_rules_still_makes_a_document() {
    let body = "<w:p><w:r><w:t>a</w:t></w:r><w:hyperlink><w:r><w:t>b</w:t></w:r></w:hyperlink><w:r><w:t>c</w:t></w:r></w:p>";
    for wrong in ["{/0}x{0}", "xyz", "{0}xyz", "{0}x{/0}{1/}yz", "{0}x{0}y{/0}{/0}"] {
        let document = parse(OfficeKind::Document, docx(body));
        let rendered = document.render([block(wrong)]).unwrap();
        let again = parse(OfficeKind::Document, rendered);
        assert_eq!(again.blocks().len(), 1, "{wrong}");
        assert_eq!(again.blocks()[0].text, block(wrong).text, "{wrong}");
    }
}

#[test]
fn slides_have_links_and_breaks_in_paragraphs() {
    let content = check(
        slide(
            r#"<a:p><a:pPr/><a:r><a:rPr lang="en" dirty="0"/><a:t>One </a:t></a:r><a:r><a:rPr lang="de"/><a:t>two</a:t></a:r><a:br/><a:r><a:rPr><a:hlinkClick/></a:rPr><a:t>me</a:t></a:r><a:fld><a:t>7</a:t></a:fld><a:endParaRPr/></a:p>"#,
        ),
        OfficeKind::Presentation,
        "ppt/slides/slide1.xml",
        &["One two{0/}{1}me{/1}{2!}"],
        &["Un deux{0/}{1}moi{/1} {2!}"],
    );
    assert!(content.contains(
        r#"<a:p><a:pPr/><a:r><a:rPr lang="en" dirty="0"/><a:t>Un deux</a:t></a:r><a:br/><a:r><a:rPr><a:hlinkClick/></a:rPr><a:t>moi</a:t></a:r><a:r><a:rPr lang="en" dirty="0"/><a:t> </a:t></a:r><a:fld><a:t>7</a:t></a:fld><a:endParaRPr/></a:p>"#
    ), "{content}");
}

const SHEET: &str = "xl/worksheets/sheet1.xml";

fn workbook(strings: &str, cells: &str, table: Option<&str>) -> Vec<u8> {
    let main = format!("xmlns=\"{OFFICE}/spreadsheetml/2006/main\"");
    let strings = format!(r#"<sst {main} count="9" uniqueCount="3">{strings}</sst>"#);
    let sheet = format!("<worksheet {main}><sheetData>{cells}</sheetData></worksheet>");
    let tables = relationships(&[("table", "../tables/table1.xml")]);
    let definition = format!("<table {main} ref=\"{}\"/>", table.unwrap_or_default());
    let mut others = Vec::new();
    if table.is_some() {
        others.push(("xl/worksheets/_rels/sheet1.xml.rels", tables.as_str()));
        others.push(("xl/tables/table1.xml", &definition));
    }
    package(
        &[
            ("xl/workbook.xml", "spreadsheetml.sheet.main", "<workbook/>"),
            (SHEET, "spreadsheetml.worksheet", &sheet),
            ("xl/sharedStrings.xml", "spreadsheetml.sharedStrings", &strings),
        ],
        &others,
    )
}

#[test]
fn strings_of_cells_are_translated_without_their_readings() {
    let content = check(
        workbook(
            r#"<si><t>a_x000D_&#10;b</t><rPh sb="0" eb="1"><t>x</t></rPh><phoneticPr/></si><si><r><t>one</t></r><r><rPr><b/></rPr><t xml:space="preserve"> two!</t></r></si>"#,
            "",
            None,
        ),
        OfficeKind::Workbook,
        "xl/sharedStrings.xml",
        &["a\r\nb", "{0}one{/0} two!"],
        &["A\r\nB _x0041_", "{0}un{/0} deux"],
    );
    assert!(content.ends_with(
        "<si><t xml:space=\"preserve\">A_x000D_\nB _x005F_x0041_</t></si><si><r><t>un</t></r><r><rPr><b/></rPr><t xml:space=\"preserve\"> deux</t></r></si></sst>"
    ), "{content}");
}

#[test]
fn header_cells_of_tables_keep_their_words() {
    let strings = "<si><t>name</t></si><si><t>both</t></si><si><t>other</t></si>";
    let cells = r#"<row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c><c t="inlineStr"><is><t>head</t></is></c></row><row><c r="B3" t="s"><v>1</v></c><c r="C3" t="s"><v>2</v></c><c t="inlineStr"><is><t>inline</t></is></c><c><f>A1</f><v>1</v></c></row>"#;
    let bytes = workbook(strings, cells, Some("B2:D9"));
    let document = parse(OfficeKind::Workbook, bytes.clone());
    assert_eq!(shown_blocks(&document), ["both", "other", "inline"]);
    let rendered = document.render(["deux", "autre", "dedans"].map(block)).unwrap();
    let strings = entry(&rendered, "xl/sharedStrings.xml");
    assert!(strings.contains(r#"count="9" uniqueCount="4">"#), "{strings}");
    assert!(strings.ends_with("<si><t>name</t></si><si><t>deux</t></si><si><t>autre</t></si><si><t>both</t></si></sst>"), "{strings}");
    let sheet = entry(&rendered, SHEET);
    let expected = cells.replace(
        "<v>1</v></c><c t=\"inlineStr\"><is><t>head",
        "<v>3</v></c><c t=\"inlineStr\"><is><t>head",
    );
    assert!(sheet.contains(&expected.replace(">inline<", ">dedans<")), "{sheet}");

    // What is not translated needs no second string.
    let same = document
        .render(
            document
                .blocks()
                .into_iter()
                .map(|block| Block { text: block.text.into_owned().into(), tags: block.tags }),
        )
        .unwrap();
    assert_eq!(entry(&same, SHEET), entry(&bytes, SHEET));
    assert_eq!(entry(&same, "xl/sharedStrings.xml"), entry(&bytes, "xl/sharedStrings.xml"));
}

#[test]
fn a_file_of_another_kind_is_named() {
    let refusal = Office::parse(OfficeKind::Document, slide("")).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "The document is not a Word document (.docx): it is a PowerPoint presentation"
    );
    let refusal = Office::parse(OfficeKind::Workbook, docx("")).unwrap_err().to_string();
    assert_eq!(refusal, "The document is not an Excel workbook (.xlsx): it is a Word document");
    let reason = |bytes: Vec<u8>| match Office::parse(OfficeKind::Document, bytes) {
        Err(DocumentError::Malformed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(reason(Vec::new()).contains("no ZIP container"));
    assert!(reason(b"<html>".to_vec()).contains("no ZIP container"));
    assert!(reason(zipped(&[("a", "b")])).contains("no office file"));
    let old = [b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".as_slice(), b"W\0o\0r\0d\0"].concat();
    assert!(reason(old).contains("Office 97-2003"));
}

#[test]
fn the_parts_with_text_are_found() {
    let word = |text: &str| {
        format!(
            r#"<w:x xmlns:w="{OFFICE}/wordprocessingml/2006/main"><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:x>"#
        )
    };
    let parts = [
        ("document.main", "document"),
        ("header", "header10"),
        ("header", "header2"),
        ("footnotes", "footnotes"),
        ("comments", "comments"),
        ("document.glossary", "glossary"),
        ("settings", "settings"),
    ];
    let parts = parts.map(|(kind, name)| {
        (format!("word/{name}.xml"), format!("wordprocessingml.{kind}"), word(name))
    });
    let parts: Vec<(&str, &str, &str)> = parts
        .iter()
        .map(|(name, kind, content)| (name.as_str(), kind.as_str(), content.as_str()))
        .collect();
    let document = parse(OfficeKind::Document, package(&parts, &[]));
    assert_eq!(
        shown_blocks(&document),
        ["document", "comments", "footnotes", "header2", "header10"]
    );
}

#[test]
fn comments_without_formatting_are_translated() {
    let content = format!(
        r#"<p:cmLst xmlns:p="{OFFICE}/presentationml/2006/main"><p:cm><p:pos/><p:text>a &lt; b</p:text></p:cm></p:cmLst>"#
    );
    let main = ("ppt/presentation.xml", "presentationml.presentation.main", "<p/>");
    let comments = ("ppt/comments/comment1.xml", "presentationml.comments", content.as_str());
    let bytes = package(&[main, comments], &[]);
    let new = check(bytes, OfficeKind::Presentation, comments.0, &["a < b"], &["c & d"]);
    assert_eq!(new, content.replace("a &lt; b", "c &amp; d"));
}

#[test]
fn threaded_comments_that_mention_people_stay() {
    let threads = r#"<ThreadedComments xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"><threadedComment><text>one</text></threadedComment><threadedComment><text>@me two</text><mentions><mention startIndex="0" length="3"/></mentions></threadedComment></ThreadedComments>"#;
    let types = format!(
        r#"<Types><Override PartName="/a.xml" ContentType="{TYPES}.spreadsheetml.sheet.main+xml"/><Override PartName="/b.xml" ContentType="application/vnd.ms-excel.threadedcomments+xml"/></Types>"#
    );
    let relationships = relationships(&[("officeDocument", "/a.xml")]);
    let entries = [
        ("[Content_Types].xml", types.as_str()),
        ("_rels/.rels", &relationships),
        ("a.xml", "<a/>"),
        ("b.xml", threads),
    ];
    let new = check(zipped(&entries), OfficeKind::Workbook, "b.xml", &["one"], &["un"]);
    assert_eq!(new, threads.replace(">one<", ">un<"));
}

#[test]
fn strict_files_and_macros_are_read() {
    let strict = r#"<document xmlns="http://purl.oclc.org/ooxml/wordprocessingml/main"><p><r><t>a</t></r></p></document>"#;
    let bytes = package(&[(DOCUMENT, "wordprocessingml.template.main", strict)], &[]);
    let content = check(bytes, OfficeKind::Document, DOCUMENT, &["a"], &["b"]);
    assert!(content.ends_with("<p><r><t>b</t></r></p></document>"), "{content}");
}

#[test]
fn entries_without_text_are_copied() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let source = docx("<w:p><w:r><w:t>a</w:t></w:r></w:p>");
    let mut archive = ZipArchive::new(Cursor::new(source)).unwrap();
    for index in 0..archive.len() {
        writer.raw_copy_file(archive.by_index_raw(index).unwrap()).unwrap();
    }
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    writer.start_file("word/media/\u{e9}.png", stored).unwrap();
    writer.write_all(&[0; 999]).unwrap();
    writer.set_comment("about").unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let rendered = parse(OfficeKind::Document, bytes).render([block("b")]).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(&rendered)).unwrap();
    assert_eq!(archive.comment(), b"about");
    let last = archive.by_index(3).unwrap();
    assert_eq!(
        (last.name().unwrap().as_ref(), last.compression()),
        ("word/media/\u{e9}.png", CompressionMethod::Stored)
    );
}

mod hostile {
    use super::*;

    fn refused(bytes: Vec<u8>) -> DocumentError {
        Office::parse(OfficeKind::Document, bytes).unwrap_err()
    }

    #[test]
    fn bombs_are_not_unpacked() {
        let zeros = "0".repeat(30_000_000);
        let bomb = docx(&format!("<w:p><w:r><w:t>{zeros}</w:t></w:r></w:p>"));
        assert_eq!(refused(bomb), DocumentError::TooLargeUnpacked);
        let million = "a ".repeat(600_000);
        let long = docx(&format!("<w:p><w:r><w:t>{million}</w:t></w:r></w:p>"));
        assert_eq!(refused(long), DocumentError::TooManyCharacters);
    }

    #[test]
    fn too_many_entries_are_refused() {
        let names: Vec<String> = (0..65_536).map(|number| number.to_string()).collect();
        let entries: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(refused(zipped(&entries)).to_string().contains("more than 10000 entries"));
    }

    #[test]
    fn lies_about_sizes_are_seen() {
        let bytes = docx("<w:p><w:r><w:t>a</w:t></w:r></w:p>");
        let central = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
        for (at, lie) in [
            (24, 1_u32),
            (24, 999),
            (24, 90_000_000),
            (24, u32::MAX - 1),
            (20, 3),
            (20, 99_999),
            (42, 0),
            (42, 9_999_999),
        ] {
            let mut bytes = bytes.clone();
            bytes[central + at..central + at + 4].copy_from_slice(&lie.to_le_bytes());
            refused(bytes);
        }
    }

    #[test]
    fn two_entries_of_one_name_are_refused() {
        let entries = [("[Content_Types].xml", ""), ("[content_types].XML", "")];
        assert!(refused(zipped(&entries)).to_string().contains("two entries of the same name"));
        let mut twice = zipped(&[("aa", ""), ("ab", "")]);
        while let Some(at) = twice.windows(2).position(|window| window == b"ab") {
            twice[at + 1] = b'a';
        }
        assert!(refused(twice).to_string().contains("two entries of the same name"));
    }

    #[test]
    fn encrypted_files_are_named_so() {
        let name: Vec<u8> = "EncryptedPackage".bytes().flat_map(|byte| [byte, 0]).collect();
        let container = [b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".as_slice(), &[0; 500], &name].concat();
        assert_eq!(refused(container), DocumentError::Encrypted);
        let mut bytes = docx("");
        while let Some(at) = bytes.windows(4).position(|window| window == b"PK\x01\x02") {
            bytes[at + 8] |= 1;
            bytes[at + 3] = 0xFF;
        }
        for at in 0..bytes.len() - 4 {
            if bytes[at..at + 4] == *b"PK\x01\xFF" {
                bytes[at + 3] = 2;
            }
        }
        assert_eq!(refused(bytes), DocumentError::Encrypted);
    }

    #[test]
    fn hostile_xml_is_refused() {
        let part =
            |content: &str| package(&[(DOCUMENT, "wordprocessingml.document.main", content)], &[]);
        assert!(
            refused(part("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>")).to_string().contains("not allowed")
        );
        let deep = "<a>".repeat(300) + &"</a>".repeat(300);
        assert!(refused(part(&deep)).to_string().contains("nested"));
        assert!(refused(part("<a>")).to_string().contains("not complete"));
        let mut latin = part("<a>~</a>");
        let mut archive = ZipArchive::new(Cursor::new(latin.clone())).unwrap();
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..2 {
            writer.raw_copy_file(archive.by_index_raw(index).unwrap()).unwrap();
        }
        writer.start_file(DOCUMENT, SimpleFileOptions::default()).unwrap();
        writer.write_all(b"<a>\xE9</a>").unwrap();
        latin = writer.finish().unwrap().into_inner();
        assert_eq!(refused(latin), DocumentError::NotUtf8);
    }

    #[test]
    fn many_runs_take_no_longer_than_others() {
        let runs: Vec<String> = (0..10_000)
            .map(|n| format!("<w:bookmarkStart w:id=\"{n}\"/><w:r><w:rPr><w:a{n}/></w:rPr><w:t>a</w:t><w:tab/></w:r><w:bookmarkEnd w:id=\"{}\"/>", n / 2))
            .collect();
        let document = parse(OfficeKind::Document, docx(&format!("<w:p>{}</w:p>", runs.concat())));
        let mut blocks: Vec<Block<'static>> = document.blocks.clone();
        blocks[0].text = blocks[0].text.to_uppercase().into();
        parse(OfficeKind::Document, document.render(blocks).unwrap());
        let items: Vec<String> =
            (0..100_002).map(|n| format!("<w:x w:id=\"{}\"/>", n * 7919 % 100_003)).collect();
        let items = items.concat();
        for paragraph in [format!("<w:p>{items}</w:p>"), format!("<w:p><w:r>{items}</w:r></w:p>")] {
            assert!(refused(docx(&paragraph)).to_string().contains("more than 100000 parts"));
        }
    }

    #[test]
    fn nested_elements_are_joined() {
        let open = "<w:ins>".repeat(200) + "<w:r><w:t>a</w:t></w:r>" + &"</w:ins>".repeat(200);
        assert_eq!(
            shown_blocks(&parse(OfficeKind::Document, docx(&format!("<w:p>{open}</w:p>")))),
            ["a"]
        );
    }

    #[test]
    fn many_fields_take_no_longer_than_others() {
        let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
        let open = (mark("begin") + &mark("separate") + "<w:r><w:t>a</w:t></w:r>").repeat(5_000);
        parse(OfficeKind::Document, docx(&format!("<w:p>{open}</w:p>")));
        let nested = mark("begin").repeat(10_000) + &mark("end").repeat(10_000);
        parse(OfficeKind::Document, docx(&format!("<w:p>{nested}</w:p>")));
    }
}

fn any_content() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "<w:r><w:t>a </w:t></w:r>",
        "<w:r><w:rPr><w:b/></w:rPr><w:t xml:space=\"preserve\">b c</w:t><w:br/></w:r>",
        "<w:r><w:rPr><w:i/></w:rPr><w:tab/><w:t>d</w:t></w:r>",
        "<w:bookmarkStart w:id=\"1\"/>",
        "<w:bookmarkEnd w:id=\"1\"/>",
        "<w:bookmarkStart w:id=\"2\"/>",
        "<w:bookmarkEnd w:id=\"2\"/>",
        "<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r>",
        "<w:r><w:fldChar w:fldCharType=\"separate\"/></w:r>",
        "<w:r><w:fldChar w:fldCharType=\"end\"/><w:t>e</w:t></w:r>",
        "<w:r><w:instrText>x</w:instrText><w:t>y</w:t></w:r>",
        "<w:proofErr/>",
        "<w:r><w:pict><w:p><w:r><w:t>box</w:t></w:r></w:p></w:pict></w:r>",
        "</w:p><w:p>",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 20, 6, |inner| {
        (prop::sample::select(vec!["hyperlink", "ins", "del"]), prop::collection::vec(inner, 0..6))
            .prop_map(|(name, content)| {
                let content = content.concat().replace("</w:p><w:p>", "");
                format!("<w:{name}>{content}</w:{name}>")
            })
    })
}

proptest! {
    #[test]
    fn untouched_blocks_leave_every_byte(content in prop::collection::vec(any_content(), 0..12)) {
        let bytes = docx(&format!("<w:p>{}</w:p>", content.concat()));
        let document = parse(OfficeKind::Document, bytes.clone());
        let rendered = document.render(document.blocks.clone()).unwrap();
        prop_assert_eq!(entry(&rendered, DOCUMENT), entry(&bytes, DOCUMENT));
    }

    #[test]
    fn nothing_is_lost_wherever_the_tags_go(
        content in prop::collection::vec(any_content(), 0..12),
        places in prop::collection::vec(0_usize..40, 40),
        is_turned in any::<bool>(),
    ) {
        let bytes = docx(&format!("<w:p>{}</w:p>", content.concat()));
        let document = parse(OfficeKind::Document, bytes.clone());
        let moved = document.blocks.iter().map(|block| {
            let text = block.text.to_uppercase();
            let mut tags = block.tags.clone();
            if is_turned {
                // Each with its partner the other way round: nested as before.
                tags.reverse();
                for placed in &mut tags {
                    placed.tag = match placed.tag {
                        Tag::Open(number) => Tag::Close(number),
                        Tag::Close(number) => Tag::Open(number),
                        Tag::Point(_) | Tag::Opaque(_) => placed.tag,
                    };
                }
            }
            let mut at: Vec<usize> = tags.iter().zip(places.iter().cycle()).map(|(_, at)| at % (text.len() + 1)).collect();
            at.sort_unstable();
            let tags = tags.iter().zip(at).map(|(placed, at)| PlacedTag { at, tag: placed.tag });
            Block { tags: tags.collect(), text: text.into() }
        });
        let rendered = document.render(moved.collect::<Vec<_>>()).unwrap();
        let (old, new) = (entry(&bytes, DOCUMENT), entry(&rendered, DOCUMENT));
        for kept in ["<w:bookmarkStart w:id=\"1\"", "<w:bookmarkEnd w:id=\"2\"", "<w:br/>", "<w:tab/>", "instrText>x<", "<w:pict>", "<w:hyperlink>", "</w:del>"] {
            prop_assert_eq!(old.matches(kept).count(), new.matches(kept).count(), "{}\n{}\n{}", kept, old, new);
        }
        let fields = |source: &str| -> Vec<String> {
            source.split("fldCharType=\"").skip(1).map(|rest| rest[..3].to_owned()).collect()
        };
        let paragraphs = |source: &str| source.split("</w:p><w:p>").map(|part| {
            let mut fields = fields(part);
            fields.sort();
            fields
        }).collect::<Vec<_>>();
        prop_assert_eq!(paragraphs(&old), paragraphs(&new));
        let again = parse(OfficeKind::Document, rendered);
        let letters = |document: &Office| {
            document.blocks.iter().map(|block| block.text.to_uppercase().replace(' ', "")).collect::<Vec<_>>()
        };
        prop_assert_eq!(letters(&again), letters(&document));
    }

    #[test]
    fn damaged_files_do_not_make_it_panic(cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let bytes = workbook("<si><t>a</t></si>", "<row><c t=\"s\"><v>0</v></c></row>", Some("A1:B2"));
        let _ = Office::parse(OfficeKind::Workbook, bytes[..cut.index(bytes.len())].to_vec());
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] = byte;
        if let Ok(document) = Office::parse(OfficeKind::Workbook, changed) {
            let _ = document.render(document.blocks.iter().map(|_| block("b")));
        }
    }

    #[test]
    fn random_bytes_do_not_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Office::parse(OfficeKind::Presentation, [b"PK\x03\x04".as_slice(), &bytes].concat());
    }
}
