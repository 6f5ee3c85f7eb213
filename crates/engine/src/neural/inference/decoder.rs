//! Writes the translation, one token of each sentence at a time.
//!
//! The most likely token is taken, and becomes the input of the next step. A
//! sentence that has ended makes room: only those that go on are computed.

use super::architecture::Alignment;
use super::kernels::{Level, Matrix, Peaks, padded};
use super::layers::{Buffers, Memory, Place};
use super::positions::Positions;
use super::weights::Weights;
use super::{Options, Output, Stopped, target_tokens_max};

/// What is needed besides [`Buffers`]. All but the peaks is about the sentences
/// that go on, in the same order.
#[derive(Default)]
pub(super) struct DecoderState {
    rows: Vec<f32>,
    /// What each layer remembers of each sentence.
    cells: Vec<Vec<f32>>,
    /// Which sentence of the batch it is.
    numbers: Vec<usize>,
    places: Vec<Place>,
    previous: Vec<u32>,
    peaks: Peaks,
}

/// Translates the sentences at `places`.
pub(super) fn write(
    (weights, positions, level): (&Weights, &Positions, Level),
    (memories, places): (&[Memory], &[Place]),
    options: Options,
    (state, buffers): (&mut DecoderState, &mut Buffers),
    should_stop: &dyn Fn() -> bool,
) -> Result<Vec<Output>, Stopped> {
    let mut outputs = vec![Output::default(); places.len()];
    state.begin(weights, places);
    for step in 0.. {
        state.keep(weights.width, |_, place| step < target_tokens_max(place.tokens));
        if state.numbers.is_empty() {
            break;
        }
        if should_stop() {
            return Err(Stopped);
        }
        state.embed(weights, positions, step);
        let wanted = options.alignments.then_some(outputs.as_mut_slice());
        state.pass_layers((weights, level), memories, wanted, buffers);
        state.choose(&weights.output, level, buffers);
        for (number, id) in state.numbers.iter().zip(&state.previous) {
            outputs[*number].take(*id, options);
        }
        state.keep(weights.width, |id, _| id != options.end);
    }
    Ok(outputs)
}

impl DecoderState {
    fn begin(&mut self, weights: &Weights, places: &[Place]) {
        self.numbers.clear();
        self.numbers.extend(0..places.len());
        self.places.clear();
        self.places.extend_from_slice(places);
        self.previous.clear();
        self.previous.resize(places.len(), 0);
        self.cells.resize_with(weights.decoder.layers.len(), Vec::new);
        for cells in &mut self.cells {
            cells.clear();
            cells.resize(places.len() * weights.width, 0.0);
        }
    }

    // Drops the sentences of which `goes_on` says no, by the last token and the place.
    fn keep(&mut self, width: usize, goes_on: impl Fn(u32, Place) -> bool) {
        let mut kept = 0;
        for nth in 0..self.numbers.len() {
            if !goes_on(self.previous[nth], self.places[nth]) {
                continue;
            }
            if kept < nth {
                self.numbers[kept] = self.numbers[nth];
                self.places[kept] = self.places[nth];
                self.previous[kept] = self.previous[nth];
                for cells in &mut self.cells {
                    cells.copy_within(nth * width..(nth + 1) * width, kept * width);
                }
            }
            kept += 1;
        }
        self.numbers.truncate(kept);
        self.places.truncate(kept);
        self.previous.truncate(kept);
        for cells in &mut self.cells {
            cells.truncate(kept * width);
        }
    }

    fn embed(&mut self, weights: &Weights, positions: &Positions, step: usize) {
        self.rows.resize(self.numbers.len() * weights.width, 0.0);
        let embeddings = weights.target_embeddings();
        for (row, id) in self.rows.chunks_exact_mut(weights.width).zip(&self.previous) {
            // Nothing comes before the first token, not even a mark.
            if step == 0 {
                row.fill(0.0);
            } else {
                embeddings.weights_of(usize::try_from(*id).unwrap_or(usize::MAX), row);
            }
            positions.add_to(step, row);
        }
    }

    fn pass_layers(
        &mut self,
        (weights, level): (&Weights, Level),
        memories: &[Memory],
        mut wanted: Option<&mut [Output]>,
        buffers: &mut Buffers,
    ) {
        let Self { rows, cells, numbers, places, .. } = self;
        if let Some(norm) = &weights.decoder.embeddings {
            level.normalize(norm, &[], rows);
        }
        let Alignment { layer: aligned, heads } = weights.alignment;
        for (nth, layer) in weights.decoder.layers.iter().enumerate() {
            layer.recurrence.apply(level, &mut cells[nth], rows, buffers);
            let seen = (&memories[nth], places.as_slice());
            layer.attention.apply(level, seen, rows, buffers, |row, shares| {
                if let Some(outputs) = wanted.as_deref_mut().filter(|_| nth == aligned) {
                    outputs[numbers[row]].look(shares, places[row].tokens, heads);
                }
            });
            layer.feed_forward.apply(level, rows, buffers);
        }
        if let Some(norm) = &weights.decoder.top {
            level.normalize(norm, &[], rows);
        }
    }

    fn choose(&mut self, output: &Matrix, level: Level, buffers: &mut Buffers) {
        level.quantize(&self.rows, output, &mut buffers.quantized);
        level.find_peaks(&buffers.quantized, output, &mut self.peaks);
        self.previous.clear();
        self.previous.extend(self.peaks.outputs());
    }
}

impl Output {
    // The mean of the first `heads`; one is left for the token that is to come.
    fn look(&mut self, shares: &[f32], tokens: usize, heads: usize) {
        let start = self.alignment.len();
        self.alignment.resize(start + tokens, 0.0);
        #[expect(clippy::cast_precision_loss, reason = "heads are few")]
        let factor = 1.0 / heads as f32;
        for shares in shares.chunks_exact(padded(tokens)).take(heads) {
            for (mean, share) in self.alignment[start..].iter_mut().zip(shares) {
                *mean += share * factor;
            }
        }
    }

    fn take(&mut self, id: u32, options: Options) {
        if id != options.end {
            self.ids.push(id);
            return;
        }
        // The end mark is not part of the translation, nor what it belongs to.
        if options.alignments {
            let width = self.alignment.len() / (self.ids.len() + 1);
            self.alignment.truncate(self.ids.len() * width);
        }
    }
}
