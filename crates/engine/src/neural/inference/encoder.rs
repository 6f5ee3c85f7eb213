//! Reads the source: from tokens to one row for each.
//!
//! Sentences are not padded. They lie one after the other, and only attention
//! knows where one ends. A few go through all layers together, as many as the
//! processor's caches hold.

use super::Stopped;
use super::kernels::Level;
use super::layers::{Buffers, Memory, Place};
use super::positions::Positions;
use super::weights::Weights;

/// Sentences are read together until they have this many tokens.
const TOKENS_TOGETHER: usize = 96;

/// What is needed besides [`Buffers`].
#[derive(Default)]
pub(super) struct EncoderState {
    rows: Vec<f32>,
    lengths: Vec<usize>,
}

/// Reads `sentences`, and keeps in `memories` what each layer of the decoder
/// will look at. `places` says where in them each sentence goes.
pub(super) fn read(
    (weights, positions, level): (&Weights, &Positions, Level),
    (sentences, places): (&[&[u32]], &[Place]),
    memories: &mut [Memory],
    (state, buffers): (&mut EncoderState, &mut Buffers),
    should_stop: &dyn Fn() -> bool,
) -> Result<(), Stopped> {
    let mut start = 0;
    while start < sentences.len() {
        let end = start + some_sentences(&sentences[start..]);
        let EncoderState { rows, lengths } = state;
        lengths.clear();
        lengths.extend(sentences[start..end].iter().map(|sentence| sentence.len()));
        rows.resize(lengths.iter().sum::<usize>() * weights.width, 0.0);
        embed(weights, positions, &sentences[start..end], rows);

        if let Some(norm) = &weights.encoder.embeddings {
            level.normalize(norm, &[], rows);
        }
        for layer in &weights.encoder.layers {
            if should_stop() {
                return Err(Stopped);
            }
            layer.attention.apply(level, lengths, rows, buffers);
            layer.feed_forward.apply(level, rows, buffers);
        }
        if let Some(norm) = &weights.encoder.top {
            level.normalize(norm, &[], rows);
        }
        for (layer, memory) in weights.decoder.layers.iter().zip(memories.iter_mut()) {
            layer.attention.remember(level, rows, &places[start..end], memory, buffers);
        }
        start = end;
    }
    Ok(())
}

fn some_sentences(sentences: &[&[u32]]) -> usize {
    let mut tokens = 0;
    for (count, sentence) in sentences.iter().enumerate() {
        if TOKENS_TOGETHER <= tokens {
            return count;
        }
        tokens += sentence.len();
    }
    sentences.len()
}

fn embed(weights: &Weights, positions: &Positions, sentences: &[&[u32]], rows: &mut [f32]) {
    let embeddings = weights.source_embeddings();
    let mut rows = rows.chunks_exact_mut(weights.width);
    for sentence in sentences {
        for (nth, (id, row)) in sentence.iter().zip(rows.by_ref()).enumerate() {
            embeddings.weights_of(usize::try_from(*id).unwrap_or(usize::MAX), row);
            positions.add_to(nth, row);
        }
    }
}
