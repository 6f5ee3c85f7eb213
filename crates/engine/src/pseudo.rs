//! An engine that translates nothing and shows where it was: `Hello {name}`
//! into French becomes `[fr Ĥéļļó {name}]`.
//!
//! For tests and for trying an installation out. Each letter has one accented
//! letter of its own, so that the text can be told back; placeholders and tags
//! stay as they are.

use std::thread;
use std::time::Duration;

use domain::language::{LanguageCode, LanguagePair};
use domain::text::{Placeholders, StandIn};

use crate::{
    Abilities, Engine, EngineError, Installed, Limits, Links, Request, Segment, StopFlag,
    Translation,
};

/// How long to wait between two looks at the stop flag.
const LOOK_EVERY: Duration = Duration::from_millis(25);

const SMALL: [&str; 26] = [
    "á", "ƀ", "ç", "đ", "é", "ƒ", "ĝ", "ĥ", "í", "ĵ", "ķ", "ļ", "ɱ", "ñ", "ó", "þ", "ɋ", "ŕ", "š",
    "ŧ", "ú", "ṽ", "ŵ", "ẋ", "ý", "ž",
];
const CAPITAL: [&str; 26] = [
    "Á", "Ƀ", "Ç", "Đ", "É", "Ƒ", "Ĝ", "Ĥ", "Í", "Ĵ", "Ķ", "Ļ", "Ɱ", "Ñ", "Ó", "Þ", "Ɋ", "Ŕ", "Š",
    "Ŧ", "Ú", "Ṽ", "Ŵ", "Ẋ", "Ý", "Ž",
];

/// The engine. Serves every pair of two different languages.
#[derive(Clone, Copy, Debug, Default)]
pub struct PseudoEngine {
    /// Per segment: a slow engine, to test what waits for jobs and stops them.
    delay: Duration,
}

impl PseudoEngine {
    /// An engine that takes `delay` for each segment.
    pub fn new(delay: Duration) -> Self {
        Self { delay }
    }

    fn wait(self, stop: &StopFlag) -> Result<(), EngineError> {
        let mut left = self.delay;
        loop {
            if stop.is_raised() {
                return Err(EngineError::Stopped);
            }
            if left.is_zero() {
                return Ok(());
            }
            let nap = left.min(LOOK_EVERY);
            thread::sleep(nap);
            left -= nap;
        }
    }
}

impl Engine for PseudoEngine {
    fn name(&self) -> &'static str {
        "pseudo"
    }

    fn pairs(&self) -> Vec<LanguagePair> {
        let into_others = |source| {
            LanguageCode::all()
                .filter(move |target| *target != source)
                .map(move |target| LanguagePair { source, target })
        };
        LanguageCode::all().flat_map(into_others).collect()
    }

    fn serves(&self, pair: LanguagePair) -> bool {
        pair.source != pair.target
    }

    fn installed(&self) -> Vec<Installed> {
        vec![Installed {
            pair: None,
            origin: "inside the program".to_owned(),
            version: None,
            size_bytes: 0,
            memory_bytes: 0,
            is_loading: false,
            problem: None,
        }]
    }

    fn limits(&self, _pair: LanguagePair) -> Limits {
        Limits { segment_bytes_max: 10_000, batch_segments_max: 1_000, batch_bytes_max: 100_000 }
    }

    fn abilities(&self, pair: LanguagePair) -> Abilities {
        Abilities { formality: pair.target.has_formality(), brevity: true, examples: false }
    }

    fn stand_in(&self) -> StandIn {
        StandIn::Brace
    }

    // What is done in no time need not be remembered, and a delay is wanted each time.
    fn is_worth_remembering(&self) -> bool {
        false
    }

    fn translate(&self, request: &Request<'_>) -> Result<Vec<Translation>, EngineError> {
        if !self.serves(request.pair) {
            return Err(EngineError::UnsupportedPair(request.pair));
        }
        let mut translations = Vec::with_capacity(request.segments.len());
        for segment in request.segments {
            self.wait(request.stop)?;
            translations.push(pseudo(segment, request.pair.target));
        }
        Ok(translations)
    }
}

fn pseudo(segment: &Segment<'_>, target: LanguageCode) -> Translation {
    let text = segment.text;
    if text.trim().is_empty() {
        return Translation { text: text.to_owned(), links: Links::Marks(segment.marks.to_vec()) };
    }
    let mut out = String::with_capacity(2 * text.len() + 10);
    out.push('[');
    out.push_str(target.as_str());
    out.push(' ');

    let bytes = text.as_bytes();
    let mut kept = Kept::of(text);
    let mut marks = Vec::with_capacity(segment.marks.len());
    // What is copied as it is, from here to the next letter.
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        place_marks(segment.marks, at, out.len() + at - copied, &mut marks);
        if let Some(end) = kept.end_of(at) {
            at = end;
            continue;
        }
        if let Some(letter) = accented(bytes[at]) {
            out.push_str(&text[copied..at]);
            out.push_str(letter);
            copied = at + 1;
        }
        at += 1;
    }
    out.push_str(&text[copied..]);
    place_marks(segment.marks, at, out.len(), &mut marks);
    out.push(']');
    Translation { text: out, links: Links::Marks(marks) }
}

/// Notes that what stands up to `at` of the source is at `place` of the
/// translation, for all marks that are not placed yet.
fn place_marks(wanted: &[usize], at: usize, place: usize, placed: &mut Vec<usize>) {
    while wanted.get(placed.len()).is_some_and(|mark| *mark <= at) {
        placed.push(place);
    }
}

fn accented(byte: u8) -> Option<&'static str> {
    match byte {
        b'a'..=b'z' => Some(SMALL[usize::from(byte - b'a')]),
        b'A'..=b'Z' => Some(CAPITAL[usize::from(byte - b'A')]),
        _ => None,
    }
}

/// Finds what stays as it is, in one pass over a text.
struct Kept<'a> {
    bytes: &'a [u8],
    placeholders: Placeholders<'a>,
    /// Whether a `>` may still follow: a text full of `<` is searched only once.
    has_tag_end: bool,
}

impl<'a> Kept<'a> {
    fn of(text: &'a str) -> Self {
        let placeholders = Placeholders::of(text);
        Self { bytes: text.as_bytes(), placeholders, has_tag_end: true }
    }

    /// Where the placeholder or tag that begins at `at` ends, if one does.
    /// Asked for growing places only.
    fn end_of(&mut self, at: usize) -> Option<usize> {
        self.placeholders.end_of(at).or_else(|| self.end_of_tag(at))
    }

    fn end_of_tag(&mut self, at: usize) -> Option<usize> {
        let begins_tag = |byte: &u8| byte.is_ascii_alphabetic() || b"/!?".contains(byte);
        let is_tag = self.bytes[at] == b'<' && self.bytes.get(at + 1).is_some_and(begins_tag);
        if !self.has_tag_end || !is_tag {
            return None;
        }
        let end = self.bytes[at..].iter().position(|byte| *byte == b'>');
        self.has_tag_end = end.is_some();
        end.map(|len| at + len + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(source: &str, target: &str) -> LanguagePair {
        LanguagePair { source: source.parse().unwrap(), target: target.parse().unwrap() }
    }

    fn pseudo(text: &str, target: &str) -> String {
        super::pseudo(&text.into(), target.parse().unwrap()).text
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(pseudo(text, "fr"), expected);
    }

    /// The text that a pseudo translation was made from.
    fn told_back(translation: &str) -> String {
        let inner = translation.strip_prefix("[fr ").and_then(|text| text.strip_suffix(']'));
        let letter = |character: char| {
            let mut buffer = [0; 4];
            let letter: &str = character.encode_utf8(&mut buffer);
            let small = SMALL.iter().position(|accented| *accented == letter);
            let capital = CAPITAL.iter().position(|accented| *accented == letter);
            match (small, capital) {
                (Some(index), _) => char::from(b'a' + u8::try_from(index).unwrap()),
                (None, Some(index)) => char::from(b'A' + u8::try_from(index).unwrap()),
                (None, None) => character,
            }
        };
        inner.unwrap_or(translation).chars().map(letter).collect()
    }

    #[test]
    fn letters_are_accented_and_the_target_is_named() {
        check("Hello {name}", "[fr Ĥéļļó {name}]");
        check("Grüße, 123!", "[fr Ĝŕüßé, 123!]");
        check("abcdefghijklmnopqrstuvwxyz", "[fr áƀçđéƒĝĥíĵķļɱñóþɋŕšŧúṽŵẋýž]");
        check("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "[fr ÁɃÇĐÉƑĜĤÍĴĶĻⱮÑÓÞɊŔŠŦÚṼŴẊÝŽ]");
        check("", "");
        check(" \t", " \t");
        assert_eq!(pseudo("a", "zh-TW"), "[zh-TW á]");
    }

    #[test]
    fn placeholders_and_tags_stay() {
        check("{a}{{b}} ${c} {n, plural, one {# x} other {# y}}", {
            "[fr {a}{{b}} ${c} {n, plural, one {# x} other {# y}}]"
        });
        check("%s %1$s %-5.2f %ld %(name)s %@ %%", "[fr %s %1$s %-5.2f %ld %(name)s %@ %%]");
        check("<b class=\"x\">a</b><!-- c --><br/>", "[fr <b class=\"x\">á</b><!-- c --><br/>]");
    }

    #[test]
    fn what_only_looks_like_one_does_not() {
        check("{a", "[fr {á]");
        check("a} {b {c}", "[fr á} {ƀ {c}]");
        check("a < b and c > d", "[fr á < ƀ áñđ ç > đ]");
        check("<a", "[fr <á]");
        check("100 % sure, 5%", "[fr 100 % šúŕé, 5%]");
        check("%(name", "[fr %(ñáɱé]");
    }

    #[test]
    fn marks_are_told_where_they_went() {
        let marked = |text: &str, marks: &[usize]| {
            let segment = Segment { text, marks };
            let Translation { text, links: Links::Marks(placed) } =
                super::pseudo(&segment, "fr".parse().unwrap())
            else {
                panic!("marks are placed")
            };
            let mut shown = text;
            for place in placed.iter().rev() {
                shown.insert(*place, '|');
            }
            shown
        };
        assert_eq!(marked("ab {c} d", &[0, 1, 2, 7, 8]), "[fr |á|ƀ| {c} |đ|]");
        assert_eq!(marked("é", &[0, 0, 2]), "[fr ||é|]");
        assert_eq!(marked(" ", &[1]), " |");
    }

    #[test]
    fn every_pair_of_two_languages_is_served() {
        let engine = PseudoEngine::default();
        assert_eq!(engine.pairs().len(), 75 * 74);
        assert!(engine.pairs().into_iter().all(|pair| engine.serves(pair)));
        let same = pair("fr", "fr");
        let refused = engine.translate(&Request::new(same, &["a".into()], &StopFlag::default()));
        assert!(matches!(refused, Err(EngineError::UnsupportedPair(pair)) if pair == same));
    }

    #[test]
    fn a_raised_flag_ends_even_a_long_delay() {
        let engine = PseudoEngine::new(Duration::from_secs(1_000_000));
        let stop = StopFlag::default();
        let stopped = thread::scope(|scope| {
            let work = scope
                .spawn(|| engine.translate(&Request::new(pair("en", "fr"), &["a".into()], &stop)));
            stop.raise();
            work.join().unwrap()
        });
        assert!(matches!(stopped, Err(EngineError::Stopped)));
    }

    #[test]
    fn hostile_text_takes_no_longer_than_any_other() {
        for unit in ["{", "<a", "%(", "{<%(", "}{"] {
            let text = unit.repeat(300_000 / unit.len());
            assert_eq!(told_back(&pseudo(&text, "fr")), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_told_back(text in "[a-zA-Z{}<>/%s$1 .\u{4e00}]{0,60}") {
            let translation = pseudo(&text, "fr");
            prop_assert_eq!(told_back(&translation), text);
        }
    }
}
