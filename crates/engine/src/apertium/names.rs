//! Apertium's names of languages and the service's codes.
//!
//! Apertium writes ISO 639-3 today and wrote ISO 639-1 before; packages of both
//! kinds are about. A variant stands behind an underscore. Names that are not
//! here, such as `glg` or `cat_valencia`, are of no use to the service, which
//! has no code for them.

use domain::language::{LanguageCode, LanguagePair};

/// A name, and the codes of the languages that are read and written under it.
struct Name {
    apertium: &'static str,
    read: &'static [&'static str],
    written: &'static [&'static str],
}

const fn both(apertium: &'static str, codes: &'static [&'static str]) -> Name {
    Name { apertium, read: codes, written: codes }
}

// Names of two letters that are codes of the service stand for themselves and
// are not listed, unless they mean something else.
const NAMES: &[Name] = &[
    both("afr", &["af"]),
    both("sqi", &["sq"]),
    both("amh", &["am"]),
    both("ara", &["ar"]),
    both("hye", &["hy"]),
    both("aze", &["az"]),
    both("ben", &["bn"]),
    both("bul", &["bg"]),
    both("cat", &["ca"]),
    both("zho", &["zh"]),
    both("ces", &["cs"]),
    both("dan", &["da"]),
    both("nld", &["nl"]),
    both("eng", &["en"]),
    both("est", &["et"]),
    both("fin", &["fi"]),
    both("fra", &["fr"]),
    both("kat", &["ka"]),
    both("deu", &["de"]),
    both("ell", &["el"]),
    both("guj", &["gu"]),
    both("hat", &["ht"]),
    both("hau", &["ha"]),
    both("heb", &["he"]),
    both("hin", &["hi"]),
    both("hun", &["hu"]),
    both("isl", &["is"]),
    both("ind", &["id"]),
    both("gle", &["ga"]),
    both("ita", &["it"]),
    both("jpn", &["ja"]),
    both("kan", &["kn"]),
    both("kaz", &["kk"]),
    both("kor", &["ko"]),
    both("lav", &["lv"]),
    both("lvs", &["lv"]),
    both("lit", &["lt"]),
    both("mkd", &["mk"]),
    both("zlm", &["ms"]),
    both("msa", &["ms"]),
    both("mal", &["ml"]),
    both("mlt", &["mt"]),
    both("mar", &["mr"]),
    both("khk", &["mn"]),
    // The service's Norwegian is Bokmål.
    both("nob", &["no"]),
    both("nb", &["no"]),
    both("pus", &["ps"]),
    both("pes", &["fa"]),
    both("pol", &["pl"]),
    both("pan", &["pa"]),
    both("ron", &["ro"]),
    both("rus", &["ru"]),
    both("sin", &["si"]),
    both("slk", &["sk"]),
    both("slv", &["sl"]),
    both("som", &["so"]),
    both("spa", &["es"]),
    both("swa", &["sw"]),
    both("swe", &["sv"]),
    both("tgl", &["tl"]),
    both("tam", &["ta"]),
    both("tel", &["te"]),
    both("tha", &["th"]),
    both("tur", &["tr"]),
    both("ukr", &["uk"]),
    both("urd", &["ur"]),
    both("uzb", &["uz"]),
    both("vie", &["vi"]),
    both("cym", &["cy"]),
    // Both spellings of Portuguese are read; without a variant the European
    // one is written.
    Name { apertium: "pt", read: &["pt", "pt-PT"], written: &["pt-PT"] },
    Name { apertium: "por", read: &["pt", "pt-PT"], written: &["pt-PT"] },
    Name { apertium: "pt_BR", read: &[], written: &["pt"] },
    Name { apertium: "por_BR", read: &[], written: &["pt"] },
    // Serbo-Croatian is read as one language; what is written without a
    // variant is none of the three.
    Name { apertium: "hbs", read: &["bs", "hr", "sr"], written: &[] },
    Name { apertium: "hbs_BS", read: &[], written: &["bs"] },
    Name { apertium: "hbs_HR", read: &[], written: &["hr"] },
    Name { apertium: "hbs_SR", read: &[], written: &["sr"] },
];

/// The directions that the mode called `mode`, such as `eng-spa`, translates;
/// none if it is no direction between two of the service's languages.
pub(super) fn pairs_of_mode(mode: &str) -> Vec<LanguagePair> {
    let Some((source, target)) = mode.split_once('-') else {
        return Vec::new();
    };
    let targets = codes(target, |name| name.written);
    let into_targets = |source| targets.iter().map(move |&target| LanguagePair { source, target });
    codes(source, |name| name.read).into_iter().flat_map(into_targets).collect()
}

fn codes(apertium: &str, side: fn(&Name) -> &'static [&'static str]) -> Vec<LanguageCode> {
    let parsed = |code: &&str| code.parse().ok();
    match NAMES.iter().find(|name| name.apertium == apertium) {
        Some(name) => side(name).iter().filter_map(parsed).collect(),
        None if apertium.len() == 2 => [apertium].iter().filter_map(parsed).collect(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mode: &str, expected: &str) {
        let pairs: Vec<String> = pairs_of_mode(mode)
            .into_iter()
            .map(|LanguagePair { source, target }| format!("{source}>{target}"))
            .collect();
        assert_eq!(pairs.join(" "), expected, "{mode}");
    }

    #[test]
    fn names_of_two_and_three_letters_are_read() {
        check("eng-spa", "en>es");
        check("en-es", "en>es");
        check("fr-es", "fr>es");
        check("ro-es", "ro>es");
        check("ind-zlm", "id>ms");
        check("swe-nob", "sv>no");
        check("hin-urd", "hi>ur");
    }

    #[test]
    fn variants_are_languages_where_the_service_has_a_code() {
        check("es-pt", "es>pt-PT");
        check("es-pt_BR", "es>pt");
        check("cat-por_BR", "ca>pt");
        check("pt-es", "pt>es pt-PT>es");
        check("hbs-slv", "bs>sl hr>sl sr>sl");
        check("slv-hbs_HR", "sl>hr");
        for unknown in ["slv-hbs", "eng-cat_valencia", "spa-eng_US", "cat-por_PTpre1990"] {
            check(unknown, "");
        }
    }

    #[test]
    fn what_the_service_has_no_code_for_is_left_out() {
        for mode in ["es-gl", "en-eo", "swe-nno", "eo-en-compounds", "eco-es-fr", "README", "-"] {
            check(mode, "");
        }
        check("en-es-bytecode", "");
    }

    #[test]
    fn every_code_of_the_table_is_one_of_the_service() {
        for name in NAMES {
            for code in name.read.iter().chain(name.written) {
                assert!(code.parse::<LanguageCode>().is_ok(), "{code}");
            }
        }
    }
}
