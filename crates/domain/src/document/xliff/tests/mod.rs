//! What is promised of XLIFF, sentence by sentence, and what hostile files must
//! not do.

use super::*;
use crate::document::Document;
use crate::job::ContentType;
use crate::text::{PlacedTag, Tag};

mod properties;
mod real_files;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn code(code: &str) -> LanguageCode {
    code.parse().unwrap()
}

fn parse(file: &str) -> Result<Xliff, DocumentError> {
    Xliff::parse(file.as_bytes().to_vec())
}

fn file_with(body: &str) -> String {
    format!(
        "{HEAD}<xliff version=\"1.2\" xmlns=\"urn:oasis:names:tc:xliff:document:1.2\">\
         <file source-language=\"en\" target-language=\"de\"><body>{body}</body></file></xliff>"
    )
}

fn unit_with(content: &str) -> String {
    file_with(&format!("<trans-unit id=\"1\">{content}</trans-unit>"))
}

/// A translation whose tags stand where they stood: letters become capitals.
fn in_capitals(block: &Block<'_>) -> Block<'static> {
    Block { text: block.text.to_ascii_uppercase().into(), tags: block.tags.clone() }
}

fn render(file: &str) -> String {
    let xliff = parse(file).unwrap();
    let translated: Vec<_> = xliff.blocks().iter().map(in_capitals).collect();
    String::from_utf8(xliff.render(code("de"), translated)).unwrap()
}

/// A block as text: `{1}` opens, `{/1}` closes, `{1/}` is a point, `{=1}` stands
/// for words.
fn shown(block: &Block<'_>) -> String {
    let mut shown = String::new();
    let mut end = 0;
    for PlacedTag { at, tag } in &block.tags {
        shown.push_str(&block.text[end..*at]);
        let tag = match tag {
            Tag::Open(number) => format!("{{{number}}}"),
            Tag::Close(number) => format!("{{/{number}}}"),
            Tag::Point(number) => format!("{{{number}/}}"),
            Tag::Opaque(number) => format!("{{={number}}}"),
        };
        shown.push_str(&tag);
        end = *at;
    }
    shown + &block.text[end..]
}

/// Checks the blocks of a unit and what becomes of the unit.
fn check(unit: &str, blocks: &[&str], expected: &str) {
    let file = unit_with(unit);
    let xliff = parse(&file).unwrap();
    assert_eq!(xliff.blocks().iter().map(shown).collect::<Vec<_>>(), blocks, "{unit}");
    if !blocks.is_empty() {
        assert_eq!(render(&file), unit_with(expected), "{unit}");
    }
}

/// Checks the target made of a source; beside it is a unit with something to translate.
fn check_target(source: &str, expected: &str) {
    let other = "<trans-unit><source>a</source><target state=\"translated\"/></trans-unit>";
    let unit =
        |target: &str| format!("<trans-unit><source>{source}</source>{target}</trans-unit>{other}");
    let expected = unit(&format!("<target state=\"translated\">{expected}</target>"))
        .replace("<target state=\"translated\"/>", "<target state=\"translated\">A</target>");
    assert_eq!(render(&file_with(&unit(""))), file_with(&expected), "{source}");
}

fn refused(file: &str) -> String {
    match parse(file).map(|_| ()) {
        Err(DocumentError::Malformed { expected, reason }) => {
            assert_eq!(expected, "an XLIFF 1.2 document (.xlf)");
            reason
        }
        other => panic!("{other:?}: {file}"),
    }
}

#[test]
fn only_version_1_2_is_read() {
    assert!(parse("<xliff version=\"1.2\"/>").is_ok());
    assert!(parse("<xliff version='1.2' xmlns='urn:oasis:names:tc:xliff:document:1.2'/>").is_ok());
    assert!(
        parse("<x:xliff version='1.2' xmlns:x='urn:oasis:names:tc:xliff:document:1.2'/>").is_ok()
    );
    for (file, reason) in [
        ("\n<xliff version=\"2.0\"/>", "line 2: its version is 2.0"),
        (
            "<xliff version=\"2.1\" xmlns=\"urn:oasis:names:tc:xliff:document:2.0\"/>",
            "line 1: its version is 2.1",
        ),
        ("<xliff version=\"1.1\"/>", "line 1: its version is 1.1"),
        ("<xliff version=\"\"/>", "line 1: its version is empty"),
        ("<xliff/>", "line 1: it does not say its version"),
        ("<tmx version=\"1.2\"/>", "line 1: its root element is tmx"),
        ("<xliff version=\"1.2\" xmlns=\"urn:other\"/>", "line 1: its namespace is urn:other"),
    ] {
        assert_eq!(refused(file), reason);
    }
    let err = parse("<tmx/>").unwrap_err();
    assert_eq!(
        err.to_string(),
        "The document is not an XLIFF 1.2 document (.xlf): line 1: its root element is tmx"
    );
}

#[test]
fn a_target_is_made_behind_the_source() {
    check(
        "<source>one</source>",
        &["one"],
        "<source>one</source><target state=\"translated\">ONE</target>",
    );
    check(
        "\n    <source>one</source>\n    <note>n</note>\n  ",
        &["one"],
        "\n    <source>one</source>\n    <target state=\"translated\">ONE</target>\n    <note>n</note>\n  ",
    );
    check(
        "\r\n\t\t<source>one</source>\r\n",
        &["one"],
        "\r\n\t\t<source>one</source>\r\n\t\t<target state=\"translated\">ONE</target>\r\n",
    );
}

#[test]
fn a_target_that_is_there_has_its_content_replaced() {
    check(
        "<source>one</source><target>old <x id='1'/></target>",
        &["one"],
        "<source>one</source><target state=\"translated\">ONE</target>",
    );
    check(
        "<source>one</source> <target  state-qualifier='x' state='new' />",
        &["one"],
        "<source>one</source> <target  state-qualifier='x' state='translated' >ONE</target>",
    );
    check(
        "<source>one</source><target xml:lang=\"fr\"\n></target >",
        &["one"],
        "<source>one</source><target xml:lang=\"de\" state=\"translated\"\n>ONE</target >",
    );
    check(
        "<target/><!-- c --><source>one</source>",
        &["one"],
        "<target state=\"translated\">ONE</target><!-- c --><source>one</source>",
    );
}

#[test]
fn prefixes_are_those_of_the_file() {
    let file = |target: &str| {
        format!(
            "{HEAD}<x:xliff version='1.2' xmlns:x='urn:oasis:names:tc:xliff:document:1.2' \
             xmlns:o='urn:o'><x:file target-language='de'>\n <x:trans-unit>\n  \
             <o:source>no</o:source><x:source o:a='b'>one <x:g id='1'>two</x:g></x:source>{target}\
             </x:trans-unit></x:file></x:xliff>"
        )
    };
    let target = "<x:target state=\"translated\">ONE <x:g id='1'>TWO</x:g></x:target>";
    assert_eq!(render(&file("")), file(target));
    assert_eq!(render(&file("<x:target/>")), file(target));
    // What the source declares for its content holds for the target's as well.
    check(
        "<source xmlns:o='urn:xmlns' id='s' xml:space='preserve' xmlns:p=\"p\">a  <o:b>c</o:b></source>",
        &["a  {0}c{/0}"],
        "<source xmlns:o='urn:xmlns' id='s' xml:space='preserve' xmlns:p=\"p\">a  <o:b>c</o:b></source>\
         <target xmlns:o='urn:xmlns' xml:space='preserve' xmlns:p=\"p\" state=\"translated\">A  <o:b>C</o:b></target>",
    );
}

#[test]
fn without_a_namespace_it_is_read_as_well() {
    let file = |target: &str| {
        format!(
            "{HEAD}<xliff version=\"1.2\"><file target-language=\"de\"><body><trans-unit>\
             <source>a</source>{target}</trans-unit></body></file></xliff>"
        )
    };
    assert_eq!(render(&file("")), file("<target state=\"translated\">A</target>"));
}

#[test]
fn what_is_not_to_be_translated_is_inherited() {
    let unit = |id: &str, attribute: &str| {
        format!("<trans-unit id=\"{id}\"{attribute}><source>{id}</source></trans-unit>")
    };
    let (yes, no) = (" translate=\"yes\"", " translate=\"no\"");
    let body = format!(
        "{}<group translate=\"no\">{}{}<group>{}</group><group translate=\"yes\">{}</group></group>{}",
        unit("a", no),
        unit("b", ""),
        unit("c", yes),
        unit("d", ""),
        unit("e", ""),
        unit("f", ""),
    );
    let texts = |file: &str| {
        let xliff = parse(file).unwrap();
        let texts: Vec<_> = xliff.blocks().iter().map(shown).collect();
        texts.concat()
    };
    assert_eq!(texts(&file_with(&body)), "cef");
    assert_eq!(texts(&file_with(&body).replace("<file ", "<file translate=\"no\" ")), "ce");
}

#[test]
fn settled_units_are_left_alone() {
    for unit in [
        "<trans-unit approved=\"yes\"><source>a</source><target>x</target></trans-unit>",
        "<trans-unit approved=\"yes\"><source>a</source></trans-unit>",
        "<trans-unit><source>a</source><target state=\"final\">x</target></trans-unit>",
        "<trans-unit><source>a</source><target state=\"signed-off\"/></trans-unit>",
        "<trans-unit><target>x</target></trans-unit>",
        "<trans-unit/>",
        "<trans-unit translate=\"no\"><source>a</source></trans-unit>",
    ] {
        let file = file_with(&format!("{unit}<trans-unit><source>b</source></trans-unit>"));
        let rendered = render(&file);
        assert!(rendered.contains(unit), "{unit}");
        assert_eq!(parse(&file).unwrap().blocks().len(), 1);
    }
    check(
        "<source>a</source><target state=\"needs-review-translation\">x</target>",
        &["a"],
        "<source>a</source><target state=\"translated\">A</target>",
    );
}

#[test]
fn other_parts_of_a_file_stay() {
    let unit = |target: &str| {
        format!(
            "<trans-unit id=\"1\" approved='no'><!-- <source>x</source> --><source>a</source>{target}\
             <context-group><context>c</context></context-group><note>n</note>\
             <alt-trans><source>b</source><target>c</target></alt-trans></trans-unit>\
             <bin-unit id=\"2\"><bin-source/><trans-unit id=\"3\"><source>d</source></trans-unit></bin-unit>"
        )
    };
    let expected = unit("<target state=\"translated\">A</target>");
    assert_eq!(render(&file_with(&unit(""))), file_with(&expected));
    // The target of another translation is not the unit's.
    check(
        "<alt-trans><source>x</source><target>y</target></alt-trans><source>a</source>",
        &["a"],
        "<alt-trans><source>x</source><target>y</target></alt-trans>\
         <source>a</source><target state=\"translated\">A</target>",
    );
    let file = |target: &str| {
        format!(
            "{HEAD}<xliff version='1.2'><file target-language='de'><header><skl><internal-file>\
             <![CDATA[<source>a</source>]]></internal-file></skl><note>n</note></header>\
             <body><trans-unit><source>a</source>{target}</trans-unit></body></file></xliff>\n"
        )
    };
    assert_eq!(render(&file("")), file("<target state=\"translated\">A</target>"));
}

#[test]
fn segments_of_a_seg_source_are_kept_apart() {
    let seg_source = "<seg-source> <mrk mtype=\"seg\" mid=\"0\">One. </mrk> <g id=\"1\">\
                      <mrk mid='1' mtype='seg'>Two <g id=\"2\">three</g>.</mrk></g>\n\
                      <mrk mtype=\"seg\" mid=\"2\">4</mrk></seg-source>";
    let inner = " <mrk mtype=\"seg\" mid=\"0\">ONE. </mrk> <g id=\"1\">\
                 <mrk mid='1' mtype='seg'>TWO <g id=\"2\">THREE</g>.</mrk></g>\n\
                 <mrk mtype=\"seg\" mid=\"2\">4</mrk>";
    let source = "<source>One.  Two three. 4</source>";
    let blocks = ["One.", "Two {0}three{/0}."];
    check(
        &format!("{source}{seg_source}"),
        &blocks,
        &format!("{source}{seg_source}<target state=\"translated\">{inner}</target>"),
    );
    check(
        &format!("{source}\n  {seg_source}\n  <target>x</target>"),
        &blocks,
        &format!("{source}\n  {seg_source}\n  <target state=\"translated\">{inner}</target>"),
    );
    // Without segments in it there is nothing to keep apart.
    check(
        "<source>a b</source><seg-source>a b</seg-source>",
        &["a b"],
        "<source>a b</source><seg-source>a b</seg-source><target state=\"translated\">A B</target>",
    );
}

#[test]
fn inline_elements_are_tags_with_their_content() {
    for (source, block, target) in [
        ("a <g id=\"1\">b</g> c", "a {0}b{/0} c", "A <g id=\"1\">B</g> C"),
        ("<mrk mtype=\"term\">b</mrk>", "{0}b{/0}", "<mrk mtype=\"term\">B</mrk>"),
        (
            "a <mrk mtype=\"protected\">b <x id='1'/></mrk>.",
            "a {=0}.",
            "A <mrk mtype=\"protected\">b <x id='1'/></mrk>.",
        ),
        ("a <mrk mtype=\"x-DNT\">b</mrk>", "a {=0}", "A <mrk mtype=\"x-DNT\">b</mrk>"),
        (
            "a<x id=\"1\"/>b<ph id=\"2\">&lt;br/></ph>",
            "a{0/}b{1/}",
            "A<x id=\"1\"/>B<ph id=\"2\">&lt;br/></ph>",
        ),
        ("<it pos='open'>c</it>a<ut>c</ut>", "{0/}a{1/}", "<it pos='open'>c</it>A<ut>c</ut>"),
        ("a <g id=\"1\"/>b <g id='2'></g>", "a {0/}b {1/}", "A <g id=\"1\"/>B <g id='2'></g>"),
        ("a <g id=\"1\"><x id=\"2\"/></g>b", "a {0}{1/}{/0}b", "A <g id=\"1\"><x id=\"2\"/></g>B"),
        ("a <?pi b?> c", "a {0/} c", "A <?pi b?> C"),
        ("a <!-- b --> c", "a c", "A C"),
    ] {
        check(
            &format!("<source>{source}</source>"),
            &[block],
            &format!("<source>{source}</source><target state=\"translated\">{target}</target>"),
        );
    }
}

#[test]
fn codes_that_belong_together_are_paired() {
    for (source, block) in [
        ("<bpt id='1'>c</bpt>a<ept id='1'>c</ept>", "{0}a{/0}"),
        ("<bpt id='1' rid='9'/>a<ept id='2' rid='9'/>", "{0}a{/0}"),
        ("<bx id='1'/>a<ex id='1'/>", "{0}a{/0}"),
        ("<bx id='1'/>a<ept id='1'/>", "{0/}a{1/}"),
        ("<bpt id='1'/>a<bpt id='2'/>b<ept id='2'/><ept id='1'/>", "{0}a{1}b{/1}{/0}"),
        // Overlapping pairs cannot both be nested.
        ("<bpt id='1'/>a<bpt id='2'/>b<ept id='1'/>c<ept id='2'/>", "{0}a{1/}b{/0}c{2/}"),
        ("<g id='3'><bpt id='1'/>a</g>b<ept id='1'/>", "{0}{1/}a{/0}b{2/}"),
        ("<bpt id='1'/>a<g id='3'>b<ept id='1'/></g>", "{0/}a{1}b{2/}{/1}"),
        ("<bpt id='1'/><ept id='1'/>a", "{0/}{1/}a"),
        ("<bpt/>a<ept/>", "{0/}a{1/}"),
        ("a<ept id='1'/>b<bpt id='1'/>", "a{0/}b{1/}"),
        ("<g id='1'>a</g><g id='2'/><g id='3'>b</g>", "{0}a{/0}{1/}{2}b{/2}"),
    ] {
        let target = source.replace('a', "A").replace(">b", ">B").replace(">c<", ">C<");
        let target = target.replace("'>C</", "'>c</");
        check(
            &format!("<source>{source}</source>"),
            &[block],
            &format!("<source>{source}</source><target state=\"translated\">{target}</target>"),
        );
    }
}

#[test]
fn text_within_codes_is_a_block_of_its_own() {
    check(
        "<source>a <ph id=\"1\">&lt;img alt=\"<sub> b <x id=\"2\"/> </sub>\" t=\"<sub>c</sub>\"></ph> d</source>",
        &["a {0/} d", "b {0/}", "c"],
        "<source>a <ph id=\"1\">&lt;img alt=\"<sub> b <x id=\"2\"/> </sub>\" t=\"<sub>c</sub>\"></ph> d</source>\
         <target state=\"translated\">A <ph id=\"1\">&lt;img alt=\"<sub> B <x id=\"2\"/> </sub>\" t=\"<sub>C</sub>\"></ph> D</target>",
    );
    // Also where there is nothing else to translate.
    check(
        "<source><ph>p<sub>a<bpt id='1'>q<sub>b</sub></bpt>c<ept id='1'/></sub></ph>1</source>",
        &["a{0}c{/0}", "b"],
        "<source><ph>p<sub>a<bpt id='1'>q<sub>b</sub></bpt>c<ept id='1'/></sub></ph>1</source>\
         <target state=\"translated\"><ph>p<sub>A<bpt id='1'>q<sub>B</sub></bpt>C<ept id='1'/></sub></ph>1</target>",
    );
}

#[test]
fn white_space_collapses_unless_it_is_preserved() {
    check(
        "<source>\n  one\n  two <g id='1'> three</g> \t</source>",
        &["one two {0}three{/0}"],
        "<source>\n  one\n  two <g id='1'> three</g> \t</source>\
         <target state=\"translated\">\n  ONE TWO <g id='1'>THREE</g> \t</target>",
    );
    let preserved = |text: &str, target: &str| {
        file_with(&format!(
            "<trans-unit xml:space=\"preserve\"><source>{text}</source>{target}</trans-unit>"
        ))
    };
    for (text, target) in [
        (" one\n\n  two\t. ", " ONE\n\n  TWO\t. "),
        (" one\r\n two", " ONE\r\n TWO"),
        ("one&#10;two&#xD;", "ONE&#10;TWO&#13;"),
    ] {
        let target = format!("<target state=\"translated\">{target}</target>");
        assert_eq!(render(&preserved(text, "")), preserved(text, &target));
    }
    // It can be turned off again, and references are never white space to collapse.
    let file = |target: &str| {
        file_with(&format!(
            "<group xml:space='preserve'><trans-unit xml:space='default'>\
             <source>a\n b&#10;&#9;c</source>{target}</trans-unit></group>"
        ))
    };
    assert_eq!(render(&file("")), file("<target state=\"translated\">A B&#10;&#9;C</target>"));
}

#[test]
fn characters_are_escaped_as_xml_needs_it() {
    check_target("a &amp; b &lt;c&gt; &quot;&#x27;", "A &amp; B &lt;C&gt; \"'");
    check_target("a > b", "A &gt; B");
    check_target("<![CDATA[<b>a & b</b>]]>", "<![CDATA[<B>A & B</B>]]>");
    check_target(" <![CDATA[ a ]]> ", " <![CDATA[ A ]]> ");
    check_target("x <![CDATA[<b>]]>", "X &lt;B&gt;");
    check_target("<![CDATA[a]]><![CDATA[<b]]>", "A&lt;B");
    let xliff = parse(&unit_with("<source>a</source>")).unwrap();
    let rendered = xliff.render(code("de"), [Block::from("\0a\u{1}\u{FFFE}\u{B}b]]>\r")]);
    let rendered = String::from_utf8(rendered).unwrap();
    assert!(rendered.contains(">ab]]&gt;&#13;</target>"), "{rendered}");
    let xliff = parse(&unit_with("<source><![CDATA[a]]></source>")).unwrap();
    let rendered = xliff.render(code("de"), [Block::from("b]]>c")]);
    let rendered = String::from_utf8(rendered).unwrap();
    assert!(
        rendered.contains("<target state=\"translated\"><![CDATA[b]]]]><![CDATA[>c]]></target>")
    );
}

#[test]
fn what_needs_no_translation_is_copied() {
    for source in [
        "",
        " ",
        "12:30",
        "<x id='1'/>",
        " <ph id='1'>a</ph> &amp;",
        "<mrk mtype='protected'>a</mrk>",
    ] {
        check_target(source, source);
    }
    let file = unit_with("<source/>") + "<!-- end -->";
    let xliff = parse(&file).unwrap();
    assert_eq!((xliff.characters(), xliff.blocks().len()), (0, 0));
    // Nothing at all to translate: nothing changes, not even the language.
    assert_eq!(xliff.render(code("fr"), []), file.as_bytes());
    let other =
        file_with("<trans-unit><source/></trans-unit><trans-unit><source>a</source></trans-unit>");
    assert!(render(&other).contains("<source/><target state=\"translated\"></target>"));
}

#[test]
fn the_target_language_is_named_in_each_file() {
    let file = |first: &str, second: &str| {
        format!(
            "{HEAD}<xliff version='1.2'><file {first}><trans-unit><source>a</source>\
             <target state='translated'>A</target></trans-unit></file><file {second}/></xliff>"
        )
    };
    for (given, expected) in [
        (
            "source-language='en-US' target-language='fr'",
            "source-language='en-US' target-language='de'",
        ),
        ("target-language=\"\" id='1'", "target-language=\"de\" id='1'"),
        ("source-language='en' id='1' ", "source-language='en' target-language=\"de\" id='1' "),
        ("id='1' ", "id='1' target-language=\"de\" "),
    ] {
        assert_eq!(render(&file(given, given)), file(expected, expected));
    }
}

#[test]
fn the_source_language_is_what_the_files_with_text_say() {
    let language = |first: &str, second: &str, text: &str| {
        let file = |language: &str, text: &str| {
            format!("<file{language}><trans-unit><source>{text}</source></trans-unit></file>")
        };
        let file =
            format!("<xliff version='1.2'>{}{}</xliff>", file(first, "a"), file(second, text));
        parse(&file).unwrap().language().map(LanguageCode::as_str)
    };
    let (en, us, fr) =
        (" source-language='en'", " source-language='en-US'", " source-language='fr'");
    assert_eq!(language(en, us, "b"), Some("en"));
    assert_eq!(language(en, fr, "b"), None);
    assert_eq!(language(en, fr, "1"), Some("en"));
    assert_eq!(language(en, "", "b"), None);
    assert_eq!(language(" source-language='tlh'", us, "1"), None);
}

#[test]
fn a_declaration_is_kept_or_added_and_so_is_the_mark() {
    let body = "<xliff version='1.2'><file target-language='de'><trans-unit><source>a</source>\
                <target state='translated'>A</target></trans-unit></file></xliff>";
    assert_eq!(render(body), format!("{HEAD}{body}"));
    assert_eq!(
        render(&format!("\u{FEFF}{body}\r\n")),
        format!("\u{FEFF}{}\r\n{body}\r\n", HEAD.trim())
    );
    for head in ["<?xml version='1.0'?>", "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n\r\n"] {
        assert_eq!(render(&format!("{head}{body}")), format!("{head}{body}"));
        assert_eq!(render(&format!("\u{FEFF}{head}{body}")), format!("\u{FEFF}{head}{body}"));
    }
}

#[test]
fn characters_are_those_of_the_blocks() {
    let xliff = parse(&unit_with(
        "<source> é <g id='1'>a&amp;</g> <ph>code<sub>bc</sub></ph></source><note>n</note>",
    ));
    assert_eq!(xliff.unwrap().characters(), "é a& ".len() as u64 - 1 + 2);
    let text = "a".repeat(1_000_001);
    let err = parse(&unit_with(&format!("<source>{text}</source>"))).unwrap_err();
    assert_eq!(err, DocumentError::TooManyCharacters);
    let text = "é".repeat((1 << 19) + 1);
    let err = parse(&unit_with(&format!("<source>{text}</source>"))).unwrap_err();
    assert_eq!(err, DocumentError::TooMuchText);
}

#[test]
fn other_encodings_are_refused() {
    let utf16 = |bytes: fn(u16) -> [u8; 2], mark: &str| {
        let file = format!("{mark}{}", unit_with("<source>é</source>"));
        Xliff::parse(file.encode_utf16().flat_map(bytes).collect())
    };
    for mark in ["", "\u{FEFF}"] {
        assert_eq!(utf16(u16::to_le_bytes, mark), Err(DocumentError::NotUtf8));
        assert_eq!(utf16(u16::to_be_bytes, mark), Err(DocumentError::NotUtf8));
    }
    assert_eq!(
        Xliff::parse(b"<xliff version='1.2'>\xE9</xliff>".to_vec()),
        Err(DocumentError::NotUtf8)
    );
    let latin = "<?xml version='1.0' encoding='iso-8859-1'?><xliff version='1.2'/>";
    assert_eq!(parse(latin), Err(DocumentError::NotUtf8));
}

#[test]
fn what_is_not_well_formed_is_refused_with_its_line() {
    for (file, line) in [
        (unit_with("<source>\n\na</sauce>"), 4),
        (unit_with("<source>\na &nbsp; b</source>"), 3),
        (unit_with("<source>a & b</source>"), 2),
        (unit_with("<source>\u{1}</source>"), 2),
        (unit_with("<source o:a='1'>a</source>"), 2),
        (format!("<!DOCTYPE xliff>{}", &unit_with("")[HEAD.len()..]), 1),
        ("plain text".to_owned(), 1),
        (String::new(), 1),
    ] {
        let reason = refused(&file);
        assert!(reason.starts_with(&format!("line {line}: ")), "{reason}: {file}");
    }
}

#[test]
fn a_document_is_read_by_its_content_type() {
    let file = unit_with("<source>a</source>");
    let document = Document::parse(ContentType::Xliff, file.clone().into_bytes()).unwrap();
    assert_eq!(document.to_bytes(), file.as_bytes());
    assert_eq!((document.characters(), document.language()), (1, Some(code("en"))));
    let rendered = document.render(code("zh-TW"), [Block::from("b")]).unwrap();
    let expected = unit_with("<source>a</source><target state=\"translated\">b</target>");
    assert_eq!(rendered, expected.replace("\"de\"", "\"zh-TW\"").into_bytes());
}
