//! Which language a text is in, for callers that say `auto`.
//!
//! Two detectors are asked. `whichlang` is the better one on short texts, but
//! knows 16 languages and always names one of them; `whatlang` knows 70 and
//! can be told which may occur. Regional variants are never detected, except
//! that Chinese is told apart by its characters.

use domain::language::LanguageCode;
use whatlang::{Detector, Info, Lang, Script};

/// How much of a text is looked at.
pub const EXAMINED_CHARACTERS_MAX: usize = 5_000;

/// How sure we are when both detectors agree: they rarely err together.
const CONFIDENCE_AGREED: f64 = 0.9;
/// How sure we are when they do not, and the better one decides.
const CONFIDENCE_DISPUTED: f64 = 0.6;
/// From about a sentence on the slow detector can be trusted with languages
/// that the quick one has never heard of.
const SENTENCE_BYTES_MIN: usize = 60;

/// The language of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// The language. It need not be one that anything is installed for: a text
    /// that surely is of another one is not forced into those.
    pub language: LanguageCode,
    /// From 0 to 1.
    pub confidence: f64,
}

/// Tells the language of `text`, of which the first
/// [`EXAMINED_CHARACTERS_MAX`] characters are looked at.
///
/// In doubt it is one of `sources`, the languages that something can be
/// translated from. None if the text has no letters, or only such as no
/// language of the list is written in.
pub fn detect(text: &str, sources: &[LanguageCode]) -> Option<Detection> {
    let end = text.char_indices().nth(EXAMINED_CHARACTERS_MAX).map_or(text.len(), |(at, _)| at);
    let text = &text[..end];
    if !text.contains(char::is_alphabetic) {
        return None;
    }
    let script = Detector::new().detect_script(text)?;
    let quick = quick(text, script);
    let likely = Detector::with_allowlist(installed(sources)).detect(text);
    let (lang, confidence) = match (quick, likely) {
        (Some(quick), Some(likely)) if is_one_of(quick, sources) => weigh(quick, &likely, text),
        (quick, likely) => foreign(text, quick).or_else(|| {
            let any = || Detector::new().detect(text);
            likely.or_else(any).map(|info| (info.lang(), info.confidence()))
        })?,
    };
    Some(Detection { language: language(lang, text, sources)?, confidence })
}

// Both are languages that are installed.
fn weigh(quick: Lang, likely: &Info, text: &str) -> (Lang, f64) {
    if likely.lang() == quick {
        return (quick, likely.confidence().max(CONFIDENCE_AGREED));
    }
    // The quick one is right more often, but about its own languages only.
    let is_plain = likely.is_reliable() || SENTENCE_BYTES_MIN <= text.len();
    if is_plain && !is_quick(likely.lang()) {
        return (likely.lang(), likely.confidence().max(CONFIDENCE_DISPUTED));
    }
    (quick, CONFIDENCE_DISPUTED)
}

// A language that is not installed is believed when both are sure of it.
fn foreign(text: &str, quick: Option<Lang>) -> Option<(Lang, f64)> {
    let any = Detector::new().detect(text)?;
    (quick == Some(any.lang()) && any.is_reliable()).then(|| (any.lang(), any.confidence()))
}

// What the quick detector says, if it is written as that language is.
fn quick(text: &str, script: Script) -> Option<Lang> {
    let lang = Lang::from_code(whichlang::detect_language(text).three_letter_code())?;
    (script.langs().contains(&lang) || is_japanese(lang, script)).then_some(lang)
}

fn is_japanese(lang: Lang, script: Script) -> bool {
    lang == Lang::Jpn && script == Script::Mandarin
}

fn is_quick(lang: Lang) -> bool {
    whichlang::LANGUAGES.iter().any(|known| known.three_letter_code() == lang.code())
}

fn installed(sources: &[LanguageCode]) -> Vec<Lang> {
    if sources.is_empty() {
        return Lang::all().to_vec();
    }
    Lang::all().iter().copied().filter(|lang| is_one_of(*lang, sources)).collect()
}

fn is_one_of(lang: Lang, sources: &[LanguageCode]) -> bool {
    let is_code = |code: &str| sources.iter().any(|source| source.as_str() == code);
    if lang == Lang::Cmn {
        return is_code("zh") || is_code("zh-TW");
    }
    code_of(lang).is_some_and(is_code)
}

fn language(lang: Lang, text: &str, sources: &[LanguageCode]) -> Option<LanguageCode> {
    if lang != Lang::Cmn {
        return code_of(lang)?.parse().ok();
    }
    let (code, other) = if is_traditional(text) { ("zh-TW", "zh") } else { ("zh", "zh-TW") };
    // The other way of writing is better than nothing.
    let is_installed = |code: &str| sources.iter().any(|source| source.as_str() == code);
    let code = if !is_installed(code) && is_installed(other) { other } else { code };
    code.parse().ok()
}

fn is_traditional(text: &str) -> bool {
    let count = |set: &str| text.chars().filter(|character| set.contains(*character)).count();
    count(SIMPLIFIED) < count(TRADITIONAL)
}

// The same frequent characters as one and the other write them.
const SIMPLIFIED: &str = "们这国来时会为么学对发经还过进现点动开长没关实问间应让说话语请谁认识读写书买卖钱东车马鸟鱼门见贝页风飞习乡云电头岁师带帮变与专业严丧个丰临举义乐乔亚产亲仅从仓仪价众优传伤伦伟侧侨俩债倾偿儿党兰兴养内军农冲决况冻净凉减凤凭击则刚创别剧劝办务劳势华协单卫历厂厅压厌县参双号叶后吗听启员响团园围图圆圣场坏块坚坛";
const TRADITIONAL: &str = "們這國來時會為麼學對發經還過進現點動開長沒關實問間應讓說話語請誰認識讀寫書買賣錢東車馬鳥魚門見貝頁風飛習鄉雲電頭歲師帶幫變與專業嚴喪個豐臨舉義樂喬亞產親僅從倉儀價眾優傳傷倫偉側僑倆債傾償兒黨蘭興養內軍農衝決況凍淨涼減鳳憑擊則剛創別劇勸辦務勞勢華協單衛歷廠廳壓厭縣參雙號葉後嗎聽啟員響團園圍圖圓聖場壞塊堅壇";

/// The code of the list. None for what is not in it.
fn code_of(lang: Lang) -> Option<&'static str> {
    let found = CODES.iter().find(|(three_letters, _)| *three_letters == lang.code());
    found.map(|(_, code)| *code)
}

// What the detectors say, and the code of the list. Chinese is not here.
#[rustfmt::skip]
const CODES: &[(&str, &str)] = &[
    ("afr", "af"), ("amh", "am"), ("ara", "ar"), ("aze", "az"), ("ben", "bn"), ("bul", "bg"),
    ("cat", "ca"), ("ces", "cs"), ("cym", "cy"), ("dan", "da"), ("deu", "de"), ("ell", "el"),
    ("eng", "en"), ("est", "et"), ("fin", "fi"), ("fra", "fr"), ("guj", "gu"), ("heb", "he"),
    ("hin", "hi"), ("hrv", "hr"), ("hun", "hu"), ("hye", "hy"), ("ind", "id"), ("ita", "it"),
    ("jpn", "ja"), ("kan", "kn"), ("kat", "ka"), ("kor", "ko"), ("lav", "lv"), ("lit", "lt"),
    ("mal", "ml"), ("mar", "mr"), ("mkd", "mk"), ("nld", "nl"), ("nob", "no"), ("pan", "pa"),
    ("pes", "fa"), ("pol", "pl"), ("por", "pt"), ("ron", "ro"), ("rus", "ru"), ("sin", "si"),
    ("slk", "sk"), ("slv", "sl"), ("spa", "es"), ("srp", "sr"), ("swe", "sv"), ("tam", "ta"),
    ("tel", "te"), ("tgl", "tl"), ("tha", "th"), ("tur", "tr"), ("ukr", "uk"), ("urd", "ur"),
    ("uzb", "uz"), ("vie", "vi"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: &str = "The library is open from nine to five, and on Saturdays until noon.";
    const FRENCH: &str = "La bibliothèque est ouverte de neuf heures à cinq heures, et le samedi \
                          jusqu'à midi; elle reste fermée pendant toutes les vacances scolaires.";

    fn languages(codes: &[&str]) -> Vec<LanguageCode> {
        codes.iter().map(|code| code.parse().unwrap()).collect()
    }

    fn code(text: &str, sources: &[LanguageCode]) -> Option<&'static str> {
        detect(text, sources).map(|detection| detection.language.as_str())
    }

    /// With all languages installed.
    fn check(text: &str, expected: Option<&str>) {
        let all: Vec<LanguageCode> = LanguageCode::all().collect();
        assert_eq!(code(text, &all), expected, "{text}");
        let confidence = detect(text, &all).map_or(1.0, |detection| detection.confidence);
        assert!((0.5..=1.0).contains(&confidence), "{text}: {confidence}");
    }

    #[test]
    fn languages_are_told_by_the_codes_of_the_list() {
        check(ENGLISH, Some("en"));
        check(FRENCH, Some("fr"));
        check("Die Bücherei ist am Wochenende geschlossen.", Some("de"));
        check("La biblioteca está abierta por la mañana.", Some("es"));
        check("A biblioteca está aberta até às cinco horas da tarde.", Some("pt"));
        check("图书馆从九点开到五点，星期六不开门。", Some("zh"));
        check("圖書館從九點開到五點，星期六不開門。", Some("zh-TW"));
        check("図書館は九時から五時まで開いています。", Some("ja"));
        check("Η βιβλιοθήκη είναι ανοιχτή το πρωί.", Some("el"));
        check("Библиотека открыта с девяти до пяти.", Some("ru"));
        check("도서관은 아홉 시에 문을 엽니다.", Some("ko"));
        check("המכתבה פתוחה בבוקר", Some("he"));
    }

    #[test]
    fn languages_that_only_one_detector_knows_are_told() {
        check(
            "Biblioteket er åpent fra ni til fem, men jeg vet ikke om det er stengt.",
            Some("no"),
        );
        check(
            "Biblioteka jest otwarta od dziewiątej do piątej, a w soboty do południa.",
            Some("pl"),
        );
        check("La biblioteca és oberta de nou a cinc, i els dissabtes fins al migdia.", Some("ca"));
        check("Бібліотека відкрита з дев'ятої до п'ятої, а в суботу до обіду.", Some("uk"));
    }

    #[test]
    fn short_texts_are_told_too() {
        check("Good morning", Some("en"));
        check("Hello, how are you?", Some("en"));
        check("Buenos días", Some("es"));
        check("Guten Morgen", Some("de"));
    }

    #[test]
    fn what_has_no_letters_has_no_language() {
        for text in ["", " \n", "123.45", "?!", "😀"] {
            check(text, None);
        }
    }

    #[test]
    fn in_doubt_it_is_a_language_that_is_installed() {
        let sources = languages(&["en", "es"]);
        assert_eq!(code("Hello world", &sources), Some("en"));
        assert_eq!(code("Hola mundo", &sources), Some("es"));
        assert_eq!(code("Ok", &languages(&["es"])), Some("es"));
        assert_eq!(code("圖書館從九點開門。", &languages(&["zh"])), Some("zh"));
    }

    #[test]
    fn a_clearly_foreign_text_is_not_forced_into_what_is_installed() {
        let sources = languages(&["en", "es"]);
        assert_eq!(code(FRENCH, &sources), Some("fr"));
        assert_eq!(code("Библиотека открыта с девяти до пяти.", &sources), Some("ru"));
        assert_eq!(code(ENGLISH, &[]), Some("en"));
    }

    #[test]
    fn only_the_beginning_is_looked_at() {
        let sources = languages(&["en", "es", "fr"]);
        let long = format!("{}{}", ENGLISH.repeat(200), FRENCH.repeat(10_000));
        assert_eq!(code(&long, &sources), Some("en"));
        let blank = format!("{}{ENGLISH}", " ".repeat(EXAMINED_CHARACTERS_MAX));
        assert_eq!(code(&blank, &sources), None);
    }

    #[test]
    fn every_code_is_one_of_the_list() {
        for lang in Lang::all() {
            if let Some(code) = code_of(*lang) {
                assert!(code.parse::<LanguageCode>().is_ok(), "{code}");
            }
        }
        assert_eq!(
            CODES.iter().filter(|(code, _)| Lang::from_code(*code).is_some()).count(),
            CODES.len()
        );
        assert_eq!(SIMPLIFIED.chars().count(), TRADITIONAL.chars().count());
    }
}
