//! The parts of a layer, and how each changes the rows that pass through it.
//!
//! A row is what the model makes of one token. Parts change rows in place, and
//! what they need besides lies in [`Buffers`], which grow to the largest batch
//! and are used again.

use super::kernels::{Attended, Attention, Finish, Level, Matrix, Norm, Quantized, padded};

/// Rows that go through a feed-forward part at once: their inner rows stay in the cache.
const INNER_ROWS: usize = 48;

/// What happens around a part.
pub(super) struct Frame {
    pub(super) before: Option<Norm>,
    pub(super) adds_input: bool,
    pub(super) after: Option<Norm>,
}

/// What both kinds of attention are made of.
pub(super) struct Projections {
    pub(super) queries: Matrix,
    pub(super) keys: Matrix,
    pub(super) values: Matrix,
    pub(super) output: Matrix,
    pub(super) frame: Frame,
    pub(super) heads: usize,
}

/// Each token of a sentence looks at all tokens of that sentence.
pub(super) struct SelfAttention(pub(super) Projections);

/// The next token of a translation looks at all tokens of the source.
pub(super) struct CrossAttention(pub(super) Projections);

/// Each row on its own, through an inner one that is longer.
pub(super) struct FeedForward {
    pub(super) inner: Matrix,
    pub(super) outer: Matrix,
    pub(super) frame: Frame,
}

/// What is remembered from token to token.
pub(super) struct Recurrence {
    pub(super) candidates: Matrix,
    pub(super) gates: Matrix,
    pub(super) frame: Frame,
}

pub(super) struct EncoderLayer {
    pub(super) attention: SelfAttention,
    pub(super) feed_forward: FeedForward,
}

pub(super) struct DecoderLayer {
    pub(super) recurrence: Recurrence,
    pub(super) attention: CrossAttention,
    pub(super) feed_forward: FeedForward,
}

/// Memory that parts compute in.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) quantized: Quantized,
    pub(super) attention: Attention,
    normalized: Vec<f32>,
    branch: Vec<f32>,
    inner: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    transposed: Vec<f32>,
    split: Vec<f32>,
}

/// The keys and values of one layer for all sentences of a batch.
#[derive(Default)]
pub(super) struct Memory {
    /// Sentence after sentence, each as wide as [`padded`] says.
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// Where in a [`Memory`] a sentence is, in tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) tokens: usize,
    pub(super) values_start: usize,
    pub(super) keys_start: usize,
}

impl EncoderLayer {
    pub(super) fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        self.attention.0.matrices().into_iter().chain(self.feed_forward.matrices())
    }
}

impl DecoderLayer {
    pub(super) fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        let recurrence = [&self.recurrence.candidates, &self.recurrence.gates];
        let attention = self.attention.0.matrices();
        recurrence.into_iter().chain(attention).chain(self.feed_forward.matrices())
    }
}

impl Frame {
    // What the part itself gets to see.
    fn open<'a>(&self, level: Level, rows: &'a [f32], normalized: &'a mut Vec<f32>) -> &'a [f32] {
        let Some(norm) = &self.before else {
            return rows;
        };
        normalized.clear();
        normalized.extend_from_slice(rows);
        level.normalize(norm, &[], normalized);
        normalized
    }

    fn close(&self, level: Level, branch: &[f32], rows: &mut [f32]) {
        if !self.adds_input {
            rows.copy_from_slice(branch);
        }
        let added = if self.adds_input { branch } else { &[] };
        match &self.after {
            Some(norm) => level.normalize(norm, added, rows),
            None => rows.iter_mut().zip(added).for_each(|(value, added)| *value += added),
        }
    }
}

impl Projections {
    fn matrices(&self) -> [&Matrix; 4] {
        [&self.queries, &self.keys, &self.values, &self.output]
    }

    // Keys and values see rows as they are, even where queries see them normalized.
    fn project_keys(&self, level: Level, rows: &[f32], buffers: &mut Buffers) {
        level.quantize(rows, &self.keys, &mut buffers.quantized);
        buffers.keys.resize(rows.len(), 0.0);
        level.multiply(&buffers.quantized, &self.keys, Finish::Nothing, &mut buffers.keys);
        if !self.values.reads_like(&self.keys) {
            level.quantize(rows, &self.values, &mut buffers.quantized);
        }
    }

    fn project_queries(&self, level: Level, rows: &[f32], buffers: &mut Buffers) {
        let seen = self.frame.open(level, rows, &mut buffers.normalized);
        level.quantize(seen, &self.queries, &mut buffers.quantized);
        buffers.queries.resize(rows.len(), 0.0);
        level.multiply(&buffers.quantized, &self.queries, Finish::Nothing, &mut buffers.queries);
    }

    // What was attended to is where the queries were not: in `normalized`.
    fn finish(&self, level: Level, rows: &mut [f32], buffers: &mut Buffers) {
        level.quantize(&buffers.normalized, &self.output, &mut buffers.quantized);
        buffers.branch.resize(rows.len(), 0.0);
        level.multiply(&buffers.quantized, &self.output, Finish::Nothing, &mut buffers.branch);
        self.frame.close(level, &buffers.branch, rows);
    }
}

impl SelfAttention {
    /// `lengths` are those of the sentences that `rows` are the tokens of.
    pub(super) fn apply(
        &self,
        level: Level,
        lengths: &[usize],
        rows: &mut [f32],
        buffers: &mut Buffers,
    ) {
        let parts = &self.0;
        let width = parts.queries.inputs();
        parts.project_queries(level, rows, buffers);
        parts.project_keys(level, rows, buffers);
        buffers.values.resize(rows.len(), 0.0);
        level.multiply(&buffers.quantized, &parts.values, Finish::Nothing, &mut buffers.values);

        buffers.normalized.resize(rows.len(), 0.0);
        buffers.split.resize(rows.len(), 0.0);
        let mut start = 0;
        for tokens in lengths {
            let range = start * width..(start + tokens) * width;
            let padded = padded(*tokens);
            buffers.transposed.resize(padded * width, 0.0);
            level.transpose(&buffers.keys[range.clone()], width, &mut buffers.transposed);
            let values = &mut buffers.split[..tokens * width];
            Level::split_heads(&buffers.values[range.clone()], width, parts.heads, values);
            let attended = Attended {
                keys: &buffers.transposed,
                values,
                tokens: *tokens,
                padded,
                heads: parts.heads,
            };
            let queries = buffers.queries[range.clone()].chunks_exact(width);
            for (query, out) in queries.zip(buffers.normalized[range].chunks_exact_mut(width)) {
                level.attend(query, attended, &mut buffers.attention, out);
            }
            start += tokens;
        }
        parts.finish(level, rows, buffers);
    }
}

impl CrossAttention {
    /// Keeps in `memory` what sentences of the source look like from this layer.
    /// `rows` are their tokens, and `places` where they go, one after the other.
    pub(super) fn remember(
        &self,
        level: Level,
        rows: &[f32],
        places: &[Place],
        memory: &mut Memory,
        buffers: &mut Buffers,
    ) {
        let parts = &self.0;
        let width = parts.keys.inputs();
        let (Some(first), Some(last)) = (places.first(), places.last()) else {
            return;
        };
        let values_end = (last.values_start + last.tokens) * width;
        if memory.values.len() < values_end {
            memory.values.resize(values_end, 0.0);
        }
        let keys_end = (last.keys_start + padded(last.tokens)) * width;
        if memory.keys.len() < keys_end {
            memory.keys.resize(keys_end, 0.0);
        }
        parts.project_keys(level, rows, buffers);
        buffers.values.resize(rows.len(), 0.0);
        level.multiply(&buffers.quantized, &parts.values, Finish::Nothing, &mut buffers.values);
        for place in places {
            let from = (place.values_start - first.values_start) * width;
            let (keys, values) = (&buffers.keys[from..], &buffers.values[from..]);
            let (keys, values) = (&keys[..place.tokens * width], &values[..place.tokens * width]);
            let target = &mut memory.values[place.values_start * width..];
            Level::split_heads(values, width, parts.heads, target);
            let target = &mut memory.keys[place.keys_start * width..];
            level.transpose(keys, width, &mut target[..padded(place.tokens) * width]);
        }
    }

    /// `places` says for each row which sentence it looks at. `take` is given
    /// the number of a row and what it looked at.
    pub(super) fn apply(
        &self,
        level: Level,
        (memory, places): (&Memory, &[Place]),
        rows: &mut [f32],
        buffers: &mut Buffers,
        mut take: impl FnMut(usize, &[f32]),
    ) {
        let parts = &self.0;
        let width = parts.queries.inputs();
        parts.project_queries(level, rows, buffers);
        buffers.normalized.resize(rows.len(), 0.0);
        let queries = buffers.queries.chunks_exact(width);
        let outs = buffers.normalized.chunks_exact_mut(width);
        for (nth, ((query, out), place)) in queries.zip(outs).zip(places).enumerate() {
            let padded = padded(place.tokens);
            let attended = Attended {
                keys: &memory.keys[place.keys_start * width..][..padded * width],
                values: &memory.values[place.values_start * width..][..place.tokens * width],
                tokens: place.tokens,
                padded,
                heads: parts.heads,
            };
            level.attend(query, attended, &mut buffers.attention, out);
            take(nth, &buffers.attention.shares);
        }
        parts.finish(level, rows, buffers);
    }
}

impl FeedForward {
    fn matrices(&self) -> [&Matrix; 2] {
        [&self.inner, &self.outer]
    }

    pub(super) fn apply(&self, level: Level, rows: &mut [f32], buffers: &mut Buffers) {
        let Buffers { quantized, normalized, branch, inner, .. } = buffers;
        let width = self.inner.inputs();
        for rows in rows.chunks_mut(INNER_ROWS * width) {
            let seen = self.frame.open(level, rows, normalized);
            level.quantize(seen, &self.inner, quantized);
            inner.resize(rows.len() / width * self.inner.outputs(), 0.0);
            level.multiply(quantized, &self.inner, Finish::Relu, inner);
            level.quantize(inner, &self.outer, quantized);
            branch.resize(rows.len(), 0.0);
            level.multiply(quantized, &self.outer, Finish::Nothing, branch);
            self.frame.close(level, branch, rows);
        }
    }
}

impl Recurrence {
    /// `cells` are what is remembered for each row.
    pub(super) fn apply(
        &self,
        level: Level,
        cells: &mut [f32],
        rows: &mut [f32],
        buffers: &mut Buffers,
    ) {
        let Buffers { quantized, normalized, branch, inner: gates, .. } = buffers;
        let seen = self.frame.open(level, rows, normalized);
        level.quantize(seen, &self.candidates, quantized);
        branch.resize(rows.len(), 0.0);
        level.multiply(quantized, &self.candidates, Finish::Nothing, branch);
        if !self.gates.reads_like(&self.candidates) {
            level.quantize(seen, &self.gates, quantized);
        }
        gates.resize(rows.len(), 0.0);
        level.multiply(quantized, &self.gates, Finish::Nothing, gates);
        level.step_cells(gates, branch, cells);
        self.frame.close(level, branch, rows);
    }
}
