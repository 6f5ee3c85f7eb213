//! A loaded model: segments in, segments out.
//!
//! What is computed at once are sentences of like length, so that few of them
//! are still going on when most have ended.

use std::any::Any;
use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::language::LanguagePair;

use super::inference::{Inference, Options, Output};
use super::package::{Contents, ModelProblem, Package};
use super::sentence::{Draft, Keep, Row, Rows, Translated, unchanged};
use super::vocabulary::Vocabulary;
use crate::{EngineError, Segment, StopFlag, Translation};

/// More rows at once gain little, and take more memory.
const BATCH_ROWS_MAX: usize = 32;
/// What a batch takes in memory grows with its tokens.
const BATCH_TOKENS_MAX: usize = 1_536;
/// Any model of any languages puts something out for it.
const SMOKE_TEST: &str = "1, 2, 3.";

/// A model that has computed a sentence, to be shared by all threads.
pub(super) struct Model {
    pair: LanguagePair,
    inference: Inference,
    source: Vocabulary,
    /// None if it is the source's.
    target: Option<Vocabulary>,
}

impl Model {
    pub(super) fn load(package: &Package) -> Result<Self, ModelProblem> {
        let contents = package.contents()?;
        let pair = package.pair;
        let unusable = |reason| ModelProblem::Unusable { path: package.place(), reason };

        // The library believes what a vocabulary says, which may end in panics.
        catch_unwind(|| {
            let model = Self::assemble(&contents, pair)?;
            model.smoke_test()?;
            Ok(model)
        })
        .map_err(|panic| panic_text(&*panic))
        .flatten()
        .map_err(unusable)
    }

    fn assemble(contents: &Contents, pair: LanguagePair) -> Result<Self, String> {
        let source = Vocabulary::from_bytes(&contents.source_vocabulary);
        let target = contents.target_vocabulary.as_deref().map(Vocabulary::from_bytes);
        let inference = Inference::from_bytes(&contents.model).map_err(|err| err.to_string())?;
        let (source_words, target_words) = inference.vocabulary_sizes();
        let target_pieces = target.as_ref().unwrap_or(&source).len();
        if source_words < source.len() || target_words < target_pieces {
            return Err("its vocabulary has more words than the model".to_owned());
        }
        Ok(Self { pair, inference, source, target })
    }

    /// What the model takes in memory.
    pub(super) fn size_bytes(&self) -> u64 {
        self.inference.size_bytes() as u64
    }

    // Some damage shows only in what comes out.
    fn smoke_test(&self) -> Result<(), String> {
        let mut rows = Rows::default();
        rows.push(&self.source, &self.source.encode(SMOKE_TEST).tokens, false);
        let translated = self.compute(rows, &StopFlag::default()).map_err(|err| err.to_string())?;
        match translated.as_slice() {
            [row] if !row.text.is_empty() => Ok(()),
            _ => Err("it translates nothing".to_owned()),
        }
    }

    /// Translates each segment, and says which words belong together where there
    /// are marks; one that cannot be translated stays as it is.
    pub(super) fn translate(
        &self,
        segments: &[Segment<'_>],
        stop: &StopFlag,
    ) -> Result<Vec<Translation>, EngineError> {
        // The model holds nothing that a panic could leave half-changed. What
        // the panic says may quote the text, which is nobody else's business.
        catch_unwind(AssertUnwindSafe(|| self.translate_unguarded(segments, stop)))
            .unwrap_or_else(|_| Err(self.failed("it panicked")))
    }

    fn translate_unguarded(
        &self,
        segments: &[Segment<'_>],
        stop: &StopFlag,
    ) -> Result<Vec<Translation>, EngineError> {
        let (mut translations, failed) = self.attempt(segments, Keep::Symbols, stop)?;
        if failed.is_empty() {
            return Ok(translations);
        }
        let again: Vec<Segment<'_>> = failed.iter().map(|index| segments[*index]).collect();
        let (second, failed_again) = self.attempt(&again, Keep::UnknownWords, stop)?;
        for (nth, (index, translation)) in failed.into_iter().zip(second).enumerate() {
            let is_good = !failed_again.contains(&nth);
            translations[index] = if is_good { translation } else { unchanged(segments[index]) };
        }
        Ok(translations)
    }

    // Returns the translations, and which of them are no good.
    fn attempt(
        &self,
        segments: &[Segment<'_>],
        keep: Keep,
        stop: &StopFlag,
    ) -> Result<(Vec<Translation>, Vec<usize>), EngineError> {
        let mut rows = Rows::default();
        let mut drafts = Vec::with_capacity(segments.len());
        for segment in segments {
            drafts.push(Draft::of(*segment, self.pair, &self.source, keep, &mut rows));
        }
        let translated = self.compute(rows, stop)?;

        let mut failed = Vec::new();
        let mut translations = Vec::with_capacity(segments.len());
        for (index, draft) in drafts.iter().enumerate() {
            let translation = draft.join(&translated);
            if translation.is_none() {
                failed.push(index);
            }
            translations.push(translation.unwrap_or_default());
        }
        Ok((translations, failed))
    }

    fn compute(&self, rows: Rows, stop: &StopFlag) -> Result<Vec<Translated>, EngineError> {
        let mut sorted: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
        sorted.sort_by_key(|(_, row)| Reverse(row.ids.len()));
        let mut translated = vec![Translated::default(); sorted.len()];

        let mut rest = sorted.as_slice();
        while !rest.is_empty() {
            let (batch, others) = rest.split_at(batch_len(rest));
            rest = others;
            let sentences: Vec<&[u32]> = batch.iter().map(|(_, row)| row.ids.as_slice()).collect();
            let alignments = batch.iter().any(|(_, row)| row.is_linked);
            let end = self.target.as_ref().unwrap_or(&self.source).end();
            let outputs = self
                .inference
                .translate(&sentences, Options { alignments, end }, &|| stop.is_raised())
                .map_err(|_| EngineError::Stopped)?;
            for ((number, _), output) in batch.iter().zip(outputs) {
                translated[*number] = self.spell(output);
            }
        }
        Ok(translated)
    }

    fn spell(&self, output: Output) -> Translated {
        let (text, ranges) = self.target.as_ref().unwrap_or(&self.source).decode(&output.ids);
        Translated { text, ranges, shares: output.alignment }
    }

    fn failed(&self, reason: &str) -> EngineError {
        EngineError::Failed { pair: self.pair, reason: reason.to_owned() }
    }
}

// How many of `rows`, which get shorter, are computed at once.
fn batch_len(rows: &[(usize, Row)]) -> usize {
    let mut tokens = 0;
    let fits = |(_, row): &&(usize, Row)| {
        tokens += row.ids.len();
        tokens <= BATCH_TOKENS_MAX
    };
    rows.iter().take(BATCH_ROWS_MAX).take_while(fits).count().max(1)
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("reading it panicked: {}", text.unwrap_or("for no stated reason"))
}

#[cfg(test)]
mod tests {
    use super::super::bundled::BUNDLED;
    use super::*;
    use crate::{Link, Links};

    fn model() -> Model {
        Model::load(&Package::bundled(BUNDLED[0]).unwrap()).unwrap()
    }

    fn linked(text: &str) -> (String, Vec<Link>) {
        let wanted = [Segment { text, marks: &[0] }, Segment { text, marks: &[] }];
        let mut translations = model().translate(&wanted, &StopFlag::default()).unwrap();
        assert_eq!(translations[0].text, translations[1].text);
        assert_eq!(translations[1].links, Links::None);
        match translations.remove(0) {
            Translation { text, links: Links::Words(links) } => (text, links),
            other => panic!("{other:?}"),
        }
    }

    /// Links in order, within both texts, and whole words of them.
    fn check_shape(text: &str) -> (String, Vec<Link>) {
        let (translation, links) = linked(text);
        let mut end = 0;
        for Link { source, target } in &links {
            assert!(end <= target.start && !target.is_empty() && !source.is_empty(), "{links:?}");
            let (from, to) = (&text[source.clone()], &translation[target.clone()]);
            assert!(from.trim() == from && to.trim() == to, "{from:?} {to:?}");
            assert!(!to.contains(char::is_whitespace), "{to:?}");
            end = target.end;
        }
        (translation, links)
    }

    /// Looks for `expected`, a word of the translation and what it stands for.
    fn check(text: &str, expected: &[(&str, &str)]) {
        let (translation, links) = check_shape(text);
        let found: Vec<(&str, &str)> = links
            .iter()
            .map(|link| (&text[link.source.clone()], &translation[link.target.clone()]))
            .collect();
        for pair in expected {
            assert!(found.contains(pair), "{pair:?} is not in {found:?}");
        }
    }

    #[test]
    fn words_are_linked_with_what_they_stand_for() {
        check("Good morning.", &[("Good", "Buenos"), ("morning.", "días.")]);
        check("The red house is big.", &[("house", "casa"), ("red", "roja"), ("big.", "grande.")]);
        check(
            " Click  the button to save your changes. ",
            &[("button", "botón"), ("save", "guardar"), ("changes.", "cambios.")],
        );
    }

    #[test]
    fn links_survive_capitals_and_kept_symbols() {
        check("GOOD MORNING.", &[("GOOD", "BUENOS"), ("MORNING.", "DÍAS.")]);
        check("I love you 😀 my friend", &[("😀", "😀"), ("friend", "amigo")]);
        check("Write to info@example.com.", &[("info@example.com.", "info@example.com.")]);
    }

    #[test]
    fn links_cover_wrapped_sentences() {
        let text = vec!["I have two dogs"; 60].join(", ");
        let (translation, links) = check_shape(&text);
        let dogs = |link: &&Link| translation[link.target.clone()].starts_with("perros");
        let links: Vec<Link> = links.iter().filter(dogs).cloned().collect();
        let last = links.last().expect("dogs");
        assert!(50 <= links.len() && 800 < last.source.start, "{last:?}");
    }

    #[test]
    fn hostile_texts_have_links_that_make_sense() {
        for text in
            ["", " ", "😀", "漢字 and 日本語", "\u{1} a", "ﬁne ½ Å", "x\u{301}\u{301} \u{200B}y"]
        {
            check_shape(text);
        }
    }
}
