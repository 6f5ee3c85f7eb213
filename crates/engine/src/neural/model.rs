//! A loaded model: segments in, segments out.
//!
//! The library computes a whole batch at once and cannot be interrupted, so a
//! batch is made of steps short enough to look at the stop flag in between:
//! sentences of like length, so that little is computed for padding.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::language::LanguagePair;
use fxtranslate::engine::Engine;
use fxtranslate::spm::SpmVocab;
use fxtranslate::weights::Weights;

use super::package::{Contents, ModelProblem, Package};
use super::sendable::SendableEngine;
use super::sentence::{Draft, Keep, Rows};
use super::vocabulary::Vocabulary;
use crate::{EngineError, StopFlag};

/// More rows at once fall out of the processor's caches.
const STEP_ROWS_MAX: usize = 32;
/// How long a step is to take: less than the 200 ms within which a stop must be
/// seen, since other machines are slower than the one this was measured on.
const STEP_MICROSECONDS: usize = 150_000;
/// What a token takes, padding included, however small the model is.
const TOKEN_MICROSECONDS: usize = 240;
/// What it takes more for each megabyte of the model.
const TOKEN_MICROSECONDS_PER_MEGABYTE: usize = 14;
/// Any model of any languages puts something out for it.
const SMOKE_TEST: &str = "1, 2, 3.";

/// A model that has computed a sentence, to be shared by all threads.
pub(super) struct Model {
    pair: LanguagePair,
    engine: SendableEngine,
    source: Vocabulary,
    /// None if it is the source's.
    target: Option<Vocabulary>,
    step_tokens_max: usize,
}

impl Model {
    pub(super) fn load(package: &Package) -> Result<Self, ModelProblem> {
        check_processor()?;
        let contents = package.contents()?;
        let model_bytes = contents.model.len();
        let pair = package.pair;
        let unusable = |reason| ModelProblem::Unusable { path: package.place(), reason };

        // Sizes in a model's header are believed, which ends in panics.
        catch_unwind(|| {
            let (engine, source, target) = assemble(&contents)?;
            let megabytes = model_bytes.div_ceil(1 << 20);
            let token_microseconds =
                TOKEN_MICROSECONDS + TOKEN_MICROSECONDS_PER_MEGABYTE * megabytes;
            let step_tokens_max = STEP_MICROSECONDS / token_microseconds;
            let model = Self { pair, engine, source, target, step_tokens_max };
            model.smoke_test()?;
            Ok(model)
        })
        .map_err(|panic| panic_text(&*panic))
        .flatten()
        .map_err(unusable)
    }

    // Missing weights show when they are first used, and not while loading.
    fn smoke_test(&self) -> Result<(), String> {
        let mut rows = Rows::default();
        rows.push(&self.source, &self.source.encode(SMOKE_TEST).tokens);
        let translated = self.compute(rows, &StopFlag::default()).map_err(|err| err.to_string())?;
        match translated.as_slice() {
            [text] if !text.is_empty() => Ok(()),
            _ => Err("it translates nothing".to_owned()),
        }
    }

    /// Translates each segment; one that cannot be translated stays as it is.
    pub(super) fn translate(
        &self,
        segments: &[&str],
        stop: &StopFlag,
    ) -> Result<Vec<String>, EngineError> {
        // The model holds nothing that a panic could leave half-changed. What
        // the panic says may quote the text, which is nobody else's business.
        catch_unwind(AssertUnwindSafe(|| self.translate_unguarded(segments, stop)))
            .unwrap_or_else(|_| Err(self.failed("the library panicked")))
    }

    fn translate_unguarded(
        &self,
        segments: &[&str],
        stop: &StopFlag,
    ) -> Result<Vec<String>, EngineError> {
        let (mut translations, failed) = self.attempt(segments, Keep::Symbols, stop)?;
        if failed.is_empty() {
            return Ok(translations);
        }
        let again: Vec<&str> = failed.iter().map(|index| segments[*index]).collect();
        let (second, failed_again) = self.attempt(&again, Keep::UnknownWords, stop)?;
        for (nth, (index, translation)) in failed.into_iter().zip(second).enumerate() {
            let is_good = !failed_again.contains(&nth);
            translations[index] = if is_good { translation } else { segments[index].to_owned() };
        }
        Ok(translations)
    }

    // Returns the translations, and which of them are no good.
    fn attempt(
        &self,
        segments: &[&str],
        keep: Keep,
        stop: &StopFlag,
    ) -> Result<(Vec<String>, Vec<usize>), EngineError> {
        let mut rows = Rows::default();
        let mut drafts = Vec::with_capacity(segments.len());
        for segment in segments {
            drafts.push(Draft::of(segment, self.pair, &self.source, keep, &mut rows));
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

    fn compute(&self, rows: Rows, stop: &StopFlag) -> Result<Vec<String>, EngineError> {
        let mut sorted: Vec<(usize, Vec<u32>)> = rows.into_iter().enumerate().collect();
        sorted.sort_by_key(|(_, ids)| ids.len());
        let mut translated = vec![String::new(); sorted.len()];

        while !sorted.is_empty() {
            if stop.is_raised() {
                return Err(EngineError::Stopped);
            }
            // From the longest to the shortest, so that a step's first sentence
            // says how much the others are padded.
            let longest = sorted.last().map_or(0, |(_, ids)| ids.len());
            let count = (self.step_tokens_max / longest.max(1)).clamp(1, STEP_ROWS_MAX);
            let batch = sorted.split_off(sorted.len().saturating_sub(count));
            let (numbers, ids): (Vec<usize>, Vec<Vec<u32>>) = batch.into_iter().unzip();
            for (number, text) in numbers.into_iter().zip(self.step(&ids)?) {
                translated[number] = text;
            }
        }
        Ok(translated)
    }

    fn step(&self, rows: &[Vec<u32>]) -> Result<Vec<String>, EngineError> {
        let target = self.target.as_ref().unwrap_or(&self.source);
        let computed = self.engine.greedy_batch(rows);
        if computed.len() != rows.len() {
            return Err(self.failed("it lost a sentence"));
        }
        Ok(computed.iter().map(|ids| target.decode(ids)).collect())
    }

    fn failed(&self, reason: &str) -> EngineError {
        EngineError::Failed { pair: self.pair, reason: reason.to_owned() }
    }
}

fn assemble(
    contents: &Contents,
) -> Result<(SendableEngine, Vocabulary, Option<Vocabulary>), String> {
    let source = Vocabulary::from_bytes(&contents.source_vocabulary);
    let target = contents.target_vocabulary.as_deref().map(Vocabulary::from_bytes);
    let target_bytes = contents.target_vocabulary.as_ref().unwrap_or(&contents.source_vocabulary);
    // The engine asks its vocabularies only for the end mark of the target;
    // reading and writing text is done with ours.
    let engine = Engine::new(
        Weights::from_bytes(&contents.model)?,
        SpmVocab::from_bytes(&[]),
        SpmVocab::from_bytes(target_bytes),
    );
    Ok((SendableEngine::new(engine), source, target))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the library panicked: {}", text.unwrap_or("for no stated reason"))
}

// The library's kernels are compiled for these instructions and do not ask.
#[cfg(target_arch = "x86_64")]
fn check_processor() -> Result<(), ModelProblem> {
    if std::arch::is_x86_feature_detected!("avx2") {
        return Ok(());
    }
    Err(ModelProblem::Processor("AVX2"))
}

#[cfg(target_arch = "aarch64")]
fn check_processor() -> Result<(), ModelProblem> {
    if std::arch::is_aarch64_feature_detected!("i8mm") {
        return Ok(());
    }
    Err(ModelProblem::Processor("i8mm"))
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn check_processor() -> Result<(), ModelProblem> {
    Err(ModelProblem::Processor("the x86-64 or the AArch64 instruction set"))
}
