//! What is promised of subtitles.

use proptest::prelude::*;

use super::*;
use crate::text::PlacedTag;

fn parse(kind: Kind, file: &str) -> Result<Subtitles, DocumentError> {
    Subtitles::parse(kind, file.as_bytes().to_vec())
}

fn render(subtitles: &Subtitles, translate: impl Fn(&str) -> String) -> String {
    let blocks = subtitles
        .blocks()
        .into_iter()
        .map(|block| Block { text: translate(&block.text).into(), tags: block.tags.clone() });
    String::from_utf8(subtitles.render(blocks.collect::<Vec<_>>())).unwrap()
}

fn check(kind: Kind, file: &str, texts: &[&str], expected: &str) {
    let subtitles = parse(kind, file).unwrap();
    let blocks: Vec<_> = subtitles.blocks().iter().map(|block| block.text.to_string()).collect();
    assert_eq!(blocks, texts, "{file}");
    assert_eq!(render(&subtitles, str::to_ascii_uppercase), expected, "{file}");
    assert_eq!(subtitles.to_bytes(), file.as_bytes());
}

const TIMES: &str = "00:00:01,600 --> 00:00:04,200";

#[test]
fn text_of_subrip_is_translated_and_nothing_else() {
    check(
        Kind::SubRip,
        &format!(
            "\u{FEFF}1\r\n{TIMES}\r\nOne, two\r\nand three.\r\n\r\n2\r\n{TIMES} X1:1\r\n1984\r\n\r\n"
        ),
        &["One, two and three."],
        &format!(
            "\u{FEFF}1\r\n{TIMES}\r\nONE, TWO\r\nAND THREE.\r\n\r\n2\r\n{TIMES} X1:1\r\n1984\r\n\r\n"
        ),
    );
    // Empty lines in the text, no line end at the end, a number as text.
    check(
        Kind::SubRip,
        &format!("1\n{TIMES}\na\n\nb\n2\n{TIMES}\n7\n\n\n3\n{TIMES}\n c "),
        &["a", "b", "c"],
        &format!("1\n{TIMES}\nA\n\nB\n2\n{TIMES}\n7\n\n\n3\n{TIMES}\n C "),
    );
    check(Kind::SubRip, "", &[], "");
}

#[test]
fn tags_stay_where_they_belong() {
    check(
        Kind::SubRip,
        &format!(
            "1\n{TIMES}\n{{\\an8}}<i>one two\nthree</i> <font color=\"#fff\">four</font> a < b > c <br/>\n"
        ),
        &["one two three four a < b > c "],
        &format!(
            "1\n{TIMES}\n{{\\an8}}<i>ONE TWO THREE</i>\n<font color=\"#fff\">FOUR</font> A < B > C <br/>\n"
        ),
    );
    let subtitles = parse(Kind::SubRip, &format!("1\n{TIMES}\n{{\\an8}}a <i>b</i></u>")).unwrap();
    assert_eq!(
        subtitles.blocks()[0].tags,
        [
            PlacedTag { at: 0, tag: Tag::Point(0) },
            PlacedTag { at: 2, tag: Tag::Open(1) },
            PlacedTag { at: 3, tag: Tag::Close(1) },
            PlacedTag { at: 3, tag: Tag::Point(2) },
        ]
    );
}

#[test]
fn speakers_of_a_dialog_are_translated_apart() {
    check(
        Kind::SubRip,
        &format!("1\n{TIMES}\n- How are\nyou?\n-Fine -- thanks.\n– And you?\n--\n"),
        &["How are you?", "Fine -- thanks.", "And you? --"],
        &format!("1\n{TIMES}\n- HOW ARE\nYOU?\n-FINE -- THANKS.\n– AND\nYOU? --\n"),
    );
}

#[test]
fn of_webvtt_only_the_cues_are_text() {
    let file = |text: &str| {
        format!(
            "WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue {{ color: red }}\n\nNOTE a\nnote\n\n\
             intro\n00:01.000 --> 00:02.000 align:start\n{text}\n\nNOTE\n00:01.000 --> 00:02.000\nb\n\n\
             00:01.000 --> 00:02.000\n<00:01.500>1\n"
        )
    };
    check(
        Kind::WebVtt,
        &file("<v Ann>a &amp; <c.x>b</c>&nbsp;&gt;</v>\n<00:01.500>c {d}"),
        &["a & b\u{A0}> c {d}"],
        &file("<v Ann>A &amp; <c.x>B</c>&nbsp;&gt;</v>\n<00:01.500>C {D}"),
    );
    check(
        Kind::WebVtt,
        "WEBVTT\r\r00:01.000 --> 00:02.000\ra\rb",
        &["a b"],
        "WEBVTT\r\r00:01.000 --> 00:02.000\rA\rB",
    );
}

#[test]
fn translations_are_set_on_as_many_lines() {
    let lines = |file: &str, text: &str| {
        let subtitles = parse(Kind::SubRip, &format!("1\n{TIMES}\n{file}")).unwrap();
        render(&subtitles, |_| text.to_owned()).replacen(&format!("1\n{TIMES}\n"), "", 1)
    };
    assert_eq!(lines("a\nb", "one two three four"), "one two\nthree four");
    assert_eq!(lines("a\nb\nc", "one two three"), "one\ntwo\nthree");
    assert_eq!(lines("a\nb", "one  two"), "one\ntwo");
    assert_eq!(lines("a\nb", "one"), "one");
    // A line that begins with a dash would be another speaker's.
    assert_eq!(lines("a\nb", "one - two"), "one -\ntwo");
    assert_eq!(
        lines("a\nb", "今日はいい天気ですね、そうでしょう。"),
        "今日はいい天気で\nすね、そうでしょう。"
    );
    assert_eq!(lines("a b", "one\ntwo\n\nthree"), "one two  three");
    assert_eq!(lines("a", "b --> c"), "b -> c");
    let japanese = parse(Kind::SubRip, &format!("1\n{TIMES}\n今日は\nいい天気")).unwrap();
    assert_eq!(japanese.blocks()[0].text, "今日はいい天気");
}

#[test]
fn other_files_are_refused() {
    let refused = |kind, file: &str| parse(kind, file).unwrap_err().to_string();
    assert_eq!(
        refused(Kind::SubRip, "Hello"),
        "The document is not a SubRip file (.srt): there is no line with the times of a cue"
    );
    assert_eq!(
        refused(Kind::WebVtt, "WEBVTTX\n"),
        "The document is not a WebVTT file (.vtt): it does not begin with WEBVTT"
    );
    assert_eq!(parse(Kind::SubRip, "a\0"), Err(DocumentError::Nul));
    assert_eq!(Subtitles::parse(Kind::SubRip, vec![0xFF]), Err(DocumentError::NotUtf8));
}

#[test]
fn large_cues_take_no_longer_than_others() {
    for unit in ["<i>", "</i>", "<", "{\\", "a ", "- a\n", "漢", "<i>a</i>\n", "&amp;"] {
        let text = unit.repeat(60_000 / unit.len());
        for (kind, head) in [
            (Kind::SubRip, format!("1\n{TIMES}\nb")),
            (Kind::WebVtt, format!("WEBVTT\n\n{TIMES}\nb")),
        ] {
            let subtitles = parse(kind, &format!("{head}{text}\nc")).unwrap();
            let rendered = render(&subtitles, str::to_owned);
            assert_eq!(rendered.lines().count(), subtitles.file.lines().count(), "{unit}");
        }
    }
}

proptest! {
    #[test]
    fn times_and_the_number_of_lines_are_kept(
        cues in prop::collection::vec(prop::collection::vec("[a-z<>/ib&;{}\\\\ -]{0,12}[a-z]", 1..4), 0..6),
        kind in prop::sample::select(vec![Kind::SubRip, Kind::WebVtt]),
        line_end in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let head = if kind == Kind::WebVtt { "WEBVTT\n\n" } else { "" };
        let cues = cues.iter().map(|lines| format!("1\n{TIMES}\n{}\n\n", lines.join("\n")));
        let file = format!("{head}{}", cues.collect::<Vec<_>>().concat()).replace('\n', line_end);
        if let Ok(subtitles) = parse(kind, &file) {
            let rendered = render(&subtitles, str::to_ascii_uppercase);
            prop_assert_eq!(rendered.matches(TIMES).count(), file.matches(TIMES).count());
            prop_assert!(rendered.lines().count() <= file.lines().count());
            let again = parse(kind, &rendered).unwrap();
            prop_assert_eq!(again.blocks().len(), subtitles.blocks().len());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(text in "(WEBVTT\n\n)?([a<>{}&;\\\\/ \n\r-]|00:01,000 --> 00:02,000\n|\\PC){0,60}") {
        for kind in [Kind::SubRip, Kind::WebVtt] {
            if let Ok(subtitles) = parse(kind, &text) {
                prop_assert_eq!(subtitles.to_bytes(), text.as_bytes());
                render(&subtitles, str::to_ascii_uppercase);
            }
        }
    }
}
