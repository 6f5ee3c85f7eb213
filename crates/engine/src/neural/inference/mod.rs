//! Computes with models of the kind that Firefox Translations uses: Marian's
//! transformer with a recurrent decoder and weights of eight bits.
//!
//! Knows numbers of tokens and no text. A model is read once, checked, packed
//! for the processor at hand, and then shared by all threads.
//!
//! Start reading at [`Inference::translate`]; `encoder.rs` and `decoder.rs` are
//! its two halves, `layers.rs` is what both are made of, and `kernels` computes.

mod architecture;
mod container;
mod decoder;
mod encoder;
mod kernels;
mod layers;
mod positions;
#[cfg(test)]
mod tests;
mod weights;

use std::sync::{Mutex, MutexGuard, PoisonError};

use self::container::Container;
use self::decoder::DecoderState;
use self::encoder::EncoderState;
use self::kernels::{Level, padded};
use self::layers::{Buffers, Memory, Place};
use self::positions::Positions;
use self::weights::Weights;

/// The most tokens that are read of a sentence, with the end mark.
pub(super) const SOURCE_TOKENS_MAX: usize = 128;
/// The most tokens that are written for any sentence.
const TARGET_TOKENS_MAX: usize = 256;

/// A model, ready to compute.
pub(super) struct Inference {
    weights: Weights,
    positions: Positions,
    level: Level,
    /// What calls computed in, kept for the next: one for each that ran at once.
    idle: Mutex<Vec<Scratch>>,
}

/// How a batch is to be translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// Whether to say which tokens belong together.
    pub(super) alignments: bool,
    /// The token that ends a translation.
    pub(super) end: u32,
}

/// The translation of one sentence.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Output {
    /// The tokens, without the end mark.
    pub(super) ids: Vec<u32>,
    /// For each token of the translation as many numbers as the source has
    /// tokens, which add up to one: how much it owes to each. Empty if not
    /// asked for.
    pub(super) alignment: Vec<f32>,
}

/// Says that a translation was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped;

/// Why bytes are no model that can be computed with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InferenceError {
    #[error("its file is cut off")]
    Truncated,
    #[error("its file has version {0} instead of 1")]
    Version(u64),
    #[error("a tensor has a name that is no text")]
    Name,
    #[error("two tensors have the name {tensor}")]
    Twice { tensor: String },
    #[error("the tensor {tensor} is missing")]
    Missing { tensor: String },
    #[error("the tensor {tensor} has numbers of an unknown kind")]
    Kind { tensor: String },
    #[error("the tensor {tensor} has the wrong size")]
    Shape { tensor: String },
    #[error("the scale of the tensor {tensor} is not a positive number")]
    Scale { tensor: String },
    #[error("the tensor {tensor} belongs to something that is not supported")]
    Unexpected { tensor: String },
    #[error("{name}: {value} is not supported")]
    Option { name: String, value: String },
}

// What one call computes in.
#[derive(Default)]
struct Scratch {
    buffers: Buffers,
    memories: Vec<Memory>,
    places: Vec<Place>,
    encoder: EncoderState,
    decoder: DecoderState,
}

impl Inference {
    /// Reads a model.
    ///
    /// # Errors
    ///
    /// What is not supported is named, and damaged bytes do no harm.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, InferenceError> {
        let weights = Weights::from_container(&Container::parse(bytes)?)?;
        let positions = Positions::new(weights.width, TARGET_TOKENS_MAX);
        Ok(Self { weights, positions, level: Level::detect(), idle: Mutex::default() })
    }

    /// What the weights take in memory.
    pub(super) fn size_bytes(&self) -> usize {
        self.weights.size_bytes()
    }

    /// How many tokens the source and the target have.
    pub(super) fn vocabulary_sizes(&self) -> (usize, usize) {
        (self.weights.source_embeddings().outputs(), self.weights.output.outputs())
    }

    /// Translates sentences, each with its end mark: one output for each, in
    /// order, and the same as if it were alone. Memory grows with the tokens
    /// of all of them, so that a call should not be given too many.
    ///
    /// Of a sentence [`SOURCE_TOKENS_MAX`] tokens are read. A translation has
    /// at most twice as many as its source and four; that of nothing is nothing.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if `should_stop`, which is asked at every step, says so.
    pub(super) fn translate(
        &self,
        sentences: &[&[u32]],
        options: Options,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<Vec<Output>, Stopped> {
        let mut scratch = self.lock_idle().pop().unwrap_or_default();
        let outputs = self.translate_in(&mut scratch, sentences, options, should_stop);
        self.lock_idle().push(scratch);
        outputs
    }

    fn translate_in(
        &self,
        scratch: &mut Scratch,
        sentences: &[&[u32]],
        options: Options,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<Vec<Output>, Stopped> {
        let Scratch { buffers, memories, places, encoder, decoder } = scratch;
        let sentences: Vec<&[u32]> = sentences
            .iter()
            .map(|sentence| {
                sentence.split_at_checked(SOURCE_TOKENS_MAX).map_or(*sentence, |cut| cut.0)
            })
            .collect();
        set_out(&sentences, places);
        memories.resize_with(self.weights.decoder.layers.len(), Memory::default);
        let model = (&self.weights, &self.positions, self.level);
        encoder::read(model, (&sentences, places), memories, (encoder, buffers), should_stop)?;
        decoder::write(model, (memories, places), options, (decoder, buffers), should_stop)
    }

    fn lock_idle(&self) -> MutexGuard<'_, Vec<Scratch>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// One sentence after the other.
fn set_out(sentences: &[&[u32]], places: &mut Vec<Place>) {
    places.clear();
    let (mut values_start, mut keys_start) = (0, 0);
    for sentence in sentences {
        let tokens = sentence.len();
        places.push(Place { tokens, values_start, keys_start });
        values_start += tokens;
        keys_start += padded(tokens);
    }
}

fn target_tokens_max(source_tokens: usize) -> usize {
    match source_tokens {
        0 => 0,
        _ => (2 * source_tokens + 4).min(TARGET_TOKENS_MAX),
    }
}
