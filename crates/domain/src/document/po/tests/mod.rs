//! What is promised of catalogs.

use proptest::prelude::*;

use super::*;

const HEADER: &str = "# Title\n#, fuzzy\nmsgid \"\"\nmsgstr \"\"\n\
    \"Content-Type: text/plain; charset=UTF-8\\n\"\n\"Language: de\\n\"\n\
    \"Plural-Forms: nplurals=2; plural=n != 1;\\n\"\n\n";

fn parse(file: &str) -> Result<Po, DocumentError> {
    Po::parse(file.as_bytes().to_vec())
}

fn render(po: &Po, translate: impl Fn(&str) -> String) -> String {
    let blocks = po
        .blocks()
        .into_iter()
        .map(|block| Block { text: translate(&block.text).into(), tags: Vec::new() });
    String::from_utf8(po.render("de".parse().unwrap(), blocks.collect::<Vec<_>>())).unwrap()
}

fn check(entries: &str, texts: &[&str], expected: &str) {
    let po = parse(&format!("{HEADER}{entries}")).unwrap();
    let blocks: Vec<_> = po.blocks().iter().map(|block| block.text.to_string()).collect();
    assert_eq!(blocks, texts, "{entries}");
    assert_eq!(render(&po, str::to_ascii_uppercase), format!("{HEADER}{expected}"));
}

#[test]
fn empty_translations_are_filled() {
    check(
        "#. Note\n#: a.c:1\n#, c-format\nmsgctxt \"menu\"\nmsgid \"open\"\nmsgstr \"\"\n",
        &["open"],
        "#. Note\n#: a.c:1\n#, c-format\nmsgctxt \"menu\"\nmsgid \"open\"\nmsgstr \"OPEN\"\n",
    );
    check(
        "msgid \" a\\n\\\"b\\\"\\t\\\\ \\n\"\nmsgstr   \"\"  ",
        &["a\n\"b\"\t\\"],
        "msgid \" a\\n\\\"b\\\"\\t\\\\ \\n\"\nmsgstr   \" A\\n\\\"B\\\"\\t\\\\ \\n\"  ",
    );
    // Set on lines like the message.
    check(
        "msgid \"\"\n\"one \"\n\"two\\n\"\n\"three\"\nmsgstr \"\"\n\"\"\n\nmsgctxt \"c\"\n\"d\"\nmsgid \"e\"\nmsgstr \"\"",
        &["one two\nthree", "e"],
        "msgid \"\"\n\"one \"\n\"two\\n\"\n\"three\"\nmsgstr \"\"\n\"ONE TWO\\n\"\n\"THREE\"\n\n\
         msgctxt \"c\"\n\"d\"\nmsgid \"e\"\nmsgstr \"E\"",
    );
}

#[test]
fn what_was_translated_and_what_is_obsolete_stays() {
    let kept = "#, fuzzy\n#| msgid \"z\"\nmsgid \"a\"\nmsgstr \"b\"\n\nmsgid \"12\"\nmsgstr \"\"\n\n\
                #~ msgid \"old\"\n#~ msgstr \"\"\n\n";
    check(
        &format!("{kept}msgid \"c\"\nmsgstr \"\"\n"),
        &["c"],
        &format!("{kept}msgid \"c\"\nmsgstr \"C\"\n"),
    );
    // Nothing to translate: nothing changes, not even the language.
    let file = format!("{HEADER}{kept}").replace("Language: de", "Language: fr");
    assert_eq!(render(&parse(&file).unwrap(), str::to_owned), file);
}

#[test]
fn plurals_have_the_forms_of_the_header() {
    let plural = "msgid \"%d file\"\nmsgid_plural \"%d files\"\n";
    check(
        &format!("{plural}msgstr[0] \"\"\nmsgstr[1] \"\"\n"),
        &["%d file", "%d files"],
        &format!("{plural}msgstr[0] \"%D FILE\"\nmsgstr[1] \"%D FILES\"\n"),
    );
    check(
        &format!("{plural}msgstr[0] \"x\"\n\nmsgid \"a\"\nmsgstr \"\""),
        &["%d files", "a"],
        &format!("{plural}msgstr[0] \"x\"\nmsgstr[1] \"%D FILES\"\n\nmsgid \"a\"\nmsgstr \"A\""),
    );
    let with_forms = |forms: &str, strings: &str| {
        let head = HEADER.replace("nplurals=2", forms);
        let po = parse(&format!("{head}{plural}{strings}")).unwrap();
        render(&po, str::to_ascii_uppercase).split_once("files\"\n").unwrap().1.to_owned()
    };
    assert_eq!(with_forms("nplurals=1", "msgstr[0] \"\""), "msgstr[0] \"%D FILES\"");
    assert_eq!(
        with_forms("nplurals=3", "msgstr[0] \"\"\nmsgstr[1] \"\"\n"),
        "msgstr[0] \"%D FILE\"\nmsgstr[1] \"%D FILES\"\nmsgstr[2] \"%D FILES\"\n"
    );
    assert_eq!(
        with_forms("nplurals=INTEGER", "msgstr[0] \"\"\nmsgstr[1] \"\""),
        "msgstr[0] \"%D FILE\"\nmsgstr[1] \"%D FILES\""
    );
}

#[test]
fn the_header_names_language_and_encoding() {
    let render_with = |header: &str, target: &str| {
        let file =
            format!("msgid \"\"\r\nmsgstr \"\"\r\n{header}\r\n\r\nmsgid \"a\"\r\nmsgstr \"\"\r\n");
        let rendered = parse(&file).unwrap().render(target.parse().unwrap(), [Block::from("b")]);
        let rendered = String::from_utf8(rendered).unwrap();
        assert!(rendered.ends_with("\r\n\r\nmsgid \"a\"\r\nmsgstr \"b\"\r\n"));
        rendered.split("\r\n\r\n").next().unwrap()["msgid \"\"\r\nmsgstr \"\"\r\n".len()..]
            .to_owned()
    };
    assert_eq!(
        render_with("\"X-Language: x\\n\"\r\n\"Language: \\n\"", "zh-TW"),
        "\"X-Language: x\\n\"\r\n\"Language: zh_TW\\n\""
    );
    assert_eq!(render_with("\"A: b\\nLanguage:fr\\n\"", "de"), "\"A: b\\nLanguage: de\\n\"");
    assert_eq!(render_with("\"A: b\\n\"", "de"), "\"A: b\\n\"\r\n\"Language: de\\n\"");
    assert_eq!(
        render_with("\"Language: \\n\"\r\n\"Content-Type: text/plain; charset=CHARSET\\n\"", "de"),
        "\"Language: de\\n\"\r\n\"Content-Type: text/plain; charset=UTF-8\\n\""
    );
    let latin = HEADER.replace("UTF-8", "ISO-8859-1");
    assert_eq!(parse(&latin), Err(DocumentError::NotUtf8));
    assert_eq!(
        render(&parse("\u{FEFF}msgid \"a\"\nmsgstr \"\"").unwrap(), str::to_ascii_uppercase),
        "\u{FEFF}msgid \"a\"\nmsgstr \"A\""
    );
}

#[test]
fn what_is_no_catalog_is_refused_with_its_line() {
    for (file, reason) in [
        ("Hello", "line 1: neither a comment nor a string"),
        ("msgstr \"a\"", "line 1: something else than msgid was expected"),
        ("# a\n\"b\"", "line 2: something else than msgid was expected"),
        ("msgid \"a\"\nmsgstr \"b", "line 2: a string has no end"),
        ("msgid \"", "line 1: a string has no end"),
        ("msgid \"a\" \"b\"", "line 1: a quotation mark in a string"),
        ("msgid \"\\q\"", "line 1: an escape that is not known"),
        ("msgid \"a\\\"", "line 1: a string has no end"),
        ("msgid \"a\"\n\n\"b\"", "line 3: a string without a keyword"),
        ("msgid \"a\"\nmsgstr[1] \"\"", "line 2: the forms of a plural are not in order"),
        ("msgid \"a\"\nmsgstr \"\"\nmsgstr \"\"", "line 3: a keyword that is not known"),
    ] {
        let expected = format!("The document is not a gettext catalog (.po): {reason}");
        assert_eq!(parse(file).unwrap_err().to_string(), expected, "{file}");
    }
    assert_eq!(Po::parse(vec![0xFF]), Err(DocumentError::NotUtf8));
}

proptest! {
    #[test]
    fn any_text_is_written_and_read_again(id in "[a-z\"\\\\\n ]{0,9}a", text in "(\\PC|[\"\\\\\n\t]){0,20}a") {
        let mut written = String::new();
        escape_into(&mut written, &id);
        for source in [format!("\"{written}\""), format!("\"\"\n\"{written}\"")] {
            let po = parse(&format!("msgid {source}\nmsgstr \"\"\n")).unwrap();
            let rendered = render(&po, |_| text.clone());
            let entries = entries::entries(&rendered, 0).unwrap();
            prop_assert_eq!(entries.len(), 1);
            prop_assert_eq!(&entries[0].id.text, &id);
            let blank = id.len() - id.trim_start().len();
            prop_assert_eq!(&entries[0].strings[0].1.text, &format!("{}{text}", &id[..blank]));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(msgid |msgid_plural |msgctxt |msgstr |msgstr\\[[0-2]\\] |\"\"|\"a\"|\"nplurals=3 charset=CHARSET\"|\n|[#\\\\\"a]|\\PC){0,30}") {
        if let Ok(po) = parse(&text) {
            prop_assert_eq!(po.to_bytes(), text.as_bytes());
            let rendered = render(&po, str::to_owned);
            prop_assert!(parse(&rendered).is_ok(), "{}", rendered);
        }
    }
}
