//! Which package of Debian adds which directions.
//!
//! Only what Debian 12 has, and only directions between two languages of the
//! service that this engine can drive.

use domain::language::LanguagePair;

use super::names::pairs_of_mode;

/// A package that can be installed, and what it adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addable {
    /// Its name: `apt-get install` takes it.
    pub package: &'static str,
    /// What can be translated once it is installed.
    pub pairs: Vec<LanguagePair>,
}

/// Packages with their modes. Variants without a code of their own are left out.
#[rustfmt::skip]
const PACKAGES: &[(&str, &[&str])] = &[
    ("apertium-afr-nld", &["afr-nld", "nld-afr"]),
    ("apertium-cat-ita", &["cat-ita", "ita-cat"]),
    ("apertium-dan-nor", &["dan-nob", "nob-dan"]),
    ("apertium-eng-cat", &["eng-cat", "cat-eng"]),
    ("apertium-eng-spa", &["eng-spa", "spa-eng"]),
    ("apertium-es-pt", &["es-pt", "es-pt_BR", "pt-es"]),
    ("apertium-es-ro", &["ro-es"]),
    ("apertium-fr-es", &["es-fr", "fr-es"]),
    ("apertium-fra-cat", &["cat-fra", "fra-cat"]),
    ("apertium-hbs-eng", &["eng-hbs_BS", "eng-hbs_HR", "eng-hbs_SR", "hbs-eng"]),
    ("apertium-hbs-mkd", &["mkd-hbs_BS", "mkd-hbs_HR", "mkd-hbs_SR"]),
    ("apertium-hbs-slv", &["hbs-slv", "slv-hbs_BS", "slv-hbs_HR", "slv-hbs_SR"]),
    ("apertium-ind-zlm", &["ind-zlm", "zlm-ind"]),
    ("apertium-isl-eng", &["isl-eng"]),
    ("apertium-isl-swe", &["isl-swe", "swe-isl"]),
    ("apertium-mkd-bul", &["bul-mkd", "mkd-bul"]),
    ("apertium-mkd-eng", &["mkd-eng"]),
    ("apertium-por-cat", &["cat-por", "cat-por_BR", "por-cat"]),
    ("apertium-rus-ukr", &["rus-ukr", "ukr-rus"]),
    ("apertium-spa-cat", &["cat-spa", "spa-cat"]),
    ("apertium-spa-ita", &["ita-spa", "spa-ita"]),
    ("apertium-swe-dan", &["dan-swe", "swe-dan"]),
    ("apertium-swe-nor", &["nob-swe", "swe-nob"]),
    ("apertium-urd-hin", &["hin-urd", "urd-hin"]),
];

/// All of them, in the order of their names.
pub(super) fn addable() -> Vec<Addable> {
    let addable = |(package, modes): &(&'static str, &[&str])| Addable {
        package,
        pairs: modes.iter().flat_map(|mode| pairs_of_mode(mode)).collect(),
    };
    PACKAGES.iter().map(addable).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_mode_of_the_table_adds_something_no_other_adds() {
        for (_, modes) in PACKAGES {
            assert!(modes.iter().all(|mode| !pairs_of_mode(mode).is_empty()), "{modes:?}");
        }
        let pairs: Vec<LanguagePair> = addable().into_iter().flat_map(|one| one.pairs).collect();
        assert_eq!(pairs.iter().collect::<BTreeSet<_>>().len(), pairs.len());
        assert!(PACKAGES.is_sorted());
    }
}
