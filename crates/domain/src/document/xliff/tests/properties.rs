//! Files made at random, and hostile ones.

use proptest::prelude::*;

use super::*;
use crate::document::xml::{Event, Walker};

/// Whether a file is read to its end.
pub(super) fn well_formed(file: &str) -> bool {
    let mut walker = Walker::new(file.as_bytes()).unwrap();
    loop {
        match walker.next() {
            Ok(Some(_)) => (),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// What a reader of the elements called `name` sees: their tags and their text.
pub(super) fn contents(file: &str, name: &str) -> Vec<String> {
    let mut walker = Walker::new(file.as_bytes()).unwrap();
    let mut contents: Vec<String> = Vec::new();
    let mut depth = None;
    while let Some(step) = walker.next().unwrap() {
        let is_inside = depth.is_some();
        let seen = match step.event {
            Event::Open(opening) if depth.is_none() && opening.name.local == name => {
                contents.push(String::new());
                depth = (!opening.is_empty).then(|| walker.depth());
                continue;
            }
            Event::Close(_) if depth.is_some_and(|depth| walker.depth() < depth) => {
                depth = None;
                continue;
            }
            Event::Open(_) | Event::Close(_) | Event::Other => file[step.range].to_owned(),
            Event::Text(text) | Event::CData(text) => text.into_owned(),
        };
        if is_inside {
            contents.last_mut().unwrap().push_str(&seen);
        }
    }
    contents
}

fn copied(xliff: &Xliff) -> String {
    let blocks = xliff.blocks();
    let same = blocks
        .iter()
        .map(|block| Block { text: block.text.to_string().into(), tags: block.tags.clone() });
    String::from_utf8(xliff.render(code("de"), same.collect::<Vec<_>>())).unwrap()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,8}",
        "[a-z é漢\u{A0}]{1,4}",
        Just("&amp;&lt;".to_owned()),
        Just("&#10;".to_owned()),
        Just("<![CDATA[<b> & ]]>".to_owned()),
        Just(" 1 ".to_owned()),
    ]
}

fn content() -> impl Strategy<Value = String> {
    let code = prop_oneof![
        Just("<x id='1'/>".to_owned()),
        Just("<bpt id='1'>&lt;b></bpt>".to_owned()),
        Just("<ept id='1'>&lt;/b></ept>".to_owned()),
        Just("<bx id='2'/>".to_owned()),
        Just("<ex id='2'/>".to_owned()),
        Just("<it pos='open'>c</it>".to_owned()),
    ];
    let leaf = prop_oneof![3 => text(), 2 => code];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let several = prop::collection::vec(inner, 0..5).prop_map(|parts| parts.concat());
        let element = prop::sample::select(vec![
            ("<g id='1'>", "</g>"),
            ("<mrk mtype='x'>", "</mrk>"),
            ("<mrk mtype='protected'>", "</mrk>"),
            ("<mrk mtype='seg' mid='1'>", "</mrk>"),
            ("<ph id='1'>code <sub>", "</sub> code</ph>"),
            ("<sub>", "</sub>"),
            ("<o>", "</o>"),
        ]);
        prop_oneof![
            several.clone(),
            (element, several).prop_map(|((open, close), inner)| format!("{open}{inner}{close}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_source_translated_into_itself_is_its_target(
        content in content(),
        element in prop::sample::select(vec!["source", "seg-source"]),
    ) {
        let source = if element == "source" { "" } else { "<source>a</source>" };
        let unit = format!(
            "{source}<{element} xml:space='preserve'>{content}</{element}><target>old</target>"
        );
        let xliff = parse(&unit_with(&unit)).unwrap();
        let rendered = copied(&xliff);
        prop_assert!(well_formed(&rendered));
        let is_read = element == "source" || content.contains("'seg'");
        if !xliff.blocks().is_empty() && is_read {
            prop_assert_eq!(contents(&rendered, "target"), contents(&rendered, element));
        }
        prop_assert_eq!(contents(&rendered, "source"), contents(&unit_with(&unit), "source"));
    }

    #[test]
    fn all_tags_are_numbered_once_and_nested(content in content()) {
        let xliff = parse(&unit_with(&format!("<source>{content}</source>"))).unwrap();
        for block in xliff.blocks() {
            let mut seen = std::collections::HashSet::new();
            let mut open = Vec::new();
            let mut end = 0;
            for PlacedTag { at, tag } in block.tags {
                prop_assert!(end <= at && block.text.is_char_boundary(at));
                end = at;
                match tag {
                    Tag::Close(number) => prop_assert_eq!(open.pop(), Some(number)),
                    Tag::Open(number) | Tag::Point(number) | Tag::Opaque(number) => {
                        prop_assert!(seen.insert(number));
                        if matches!(tag, Tag::Open(_)) {
                            open.push(number);
                        }
                    }
                }
            }
            prop_assert!(open.is_empty());
        }
    }

    #[test]
    fn translations_of_any_text_are_well_formed(content in content(), text in "(\\PC|[\0-\u{1F}<>&\\]\u{FFFE}]){0,20}") {
        let xliff = parse(&unit_with(&format!("<source>{content}</source>"))).unwrap();
        let translated = xliff.blocks().into_iter().map(|block| Block {
            text: text.clone().into(),
            tags: block.tags.iter().map(|placed| PlacedTag { at: 0, ..*placed }).collect(),
        });
        let rendered = xliff.render(code("de"), translated.collect::<Vec<_>>());
        prop_assert!(well_formed(&String::from_utf8(rendered).unwrap()));
    }

    #[test]
    fn no_damage_makes_it_panic(
        content in content(),
        at in any::<prop::sample::Index>(),
        with in "[<>/&'\" a-z\0\\]!-]{0,3}",
        cut in any::<bool>(),
    ) {
        let file = unit_with(&format!("<source>{content}</source><target>x</target>"));
        let mut at = at.index(file.len());
        while !file.is_char_boundary(at) {
            at -= 1;
        }
        let rest = if cut { "" } else { &file[at..] };
        if let Ok(xliff) = parse(&format!("{}{with}{rest}", &file[..at])) {
            prop_assert!(well_formed(&copied(&xliff)));
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{}a{}", open.repeat(depth), close.repeat(depth))
    };
    let source = |content: &str| unit_with(&format!("<source>{content}</source>"));
    assert_eq!(render(&source(&nested("<g>", "</g>", 100))).matches("<g>").count(), 200);
    assert_eq!(
        render(&source(&nested("<ph><sub>", "</sub></ph>", 50))).matches("<sub>").count(),
        100
    );
    for depth in [300, 100_000] {
        assert!(refused(&source(&nested("<g>", "</g>", depth))).contains("nested"));
        assert!(refused(&file_with(&nested("<group>", "</group>", depth))).contains("nested"));
    }
}

#[test]
fn entities_are_not_expanded() {
    let body = &unit_with("<source>&a;</source>")[HEAD.len()..];
    let bomb = format!("<!DOCTYPE x [<!ENTITY a 'aaa'><!ENTITY b '&a;&a;'>]>{body}");
    assert!(refused(&bomb).starts_with("line 1: "));
    let external = format!("<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>{body}");
    assert!(refused(&external).starts_with("line 1: "));
}

#[test]
fn large_and_odd_files_take_no_longer_than_others() {
    let source = |content: &str| unit_with(&format!("<source>{content}</source>"));
    let long = "v".repeat(1 << 20);
    let rendered = render(&source(&format!("a<x id=\"{long}\"/>b<x {long}=\"1\"/>")));
    assert!(3 << 20 < rendered.len());
    for unit in
        ["<bpt id='1'/>", "<ept id='1'/>", "<bpt id='1'/><ept id='2'/>", "<g></g>", " <x/>\n"]
    {
        let content = format!("a{}", unit.repeat(200_000 / unit.len()));
        assert_eq!(parse(&source(&content)).unwrap().blocks().len(), 1, "{unit}");
    }
    let tags = |tag: fn(u32) -> String| (0..5_000).map(tag).collect::<Vec<_>>().concat();
    let begins = tags(|id| format!("<bpt id='{id}'/>"));
    let ends = tags(|id| format!("<ept id='x{id}'/>"));
    assert_eq!(parse(&source(&format!("a{begins}{ends}"))).unwrap().blocks().len(), 1);
    let unit = "<trans-unit><source>ab</source></trans-unit>";
    let units = file_with(&unit.repeat(20_000));
    assert_eq!(render(&units).matches("AB").count(), 20_000);
}
