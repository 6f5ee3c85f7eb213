//! The kernels in plain Rust.
//!
//! Loops are written so that a compiler makes vector code of them for whatever
//! instructions it may use: the AVX2 kernels but for the products are these
//! same functions, compiled once more.

#![expect(clippy::inline_always, reason = "else the copies for AVX2 would not be compiled for it")]

use super::matrix::{HALF, Matrix, PANEL, Peaks, QUAD, Quantized};
use super::{Attended, Finish, LANES, Norm};

/// The largest number that activations become.
const LARGEST: f32 = 127.0;
/// Adding it leaves the nearest whole number in the last bits.
const ROUNDER: f32 = 12_582_912.0;
/// So that numbers that are all alike are not divided by nothing.
const EPSILON: f32 = 1e-6;
/// Scores that are computed together.
const WIDE: usize = 4 * LANES;

/// What makes the largest number of `row` the largest that fits.
pub(super) fn scale_for(row: &[f32]) -> f32 {
    let largest = row.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
    if 0.0 < largest { LARGEST / largest } else { 1.0 }
}

#[expect(clippy::manual_clamp, reason = "what is no number becomes one in this way")]
#[inline(always)]
pub(super) fn quantize(row: &[f32], scale: f32, target: &mut [i16]) {
    for (value, target) in row.iter().zip(target) {
        let rounded = (value * scale).max(-LARGEST).min(LARGEST) + ROUNDER;
        let whole = rounded.to_bits().wrapping_sub(ROUNDER.to_bits());
        #[expect(clippy::cast_possible_truncation, reason = "it is within 127 of zero")]
        {
            *target = whole as i16;
        }
    }
}

pub(super) fn multiply(quantized: &Quantized, matrix: &Matrix, finish: Finish, out: &mut [f32]) {
    each_panel(quantized, matrix, |row, first, results| {
        let outputs = matrix.outputs();
        let count = PANEL.min(outputs - first);
        let target = &mut out[row * outputs + first..][..count];
        for (target, result) in target.iter_mut().zip(results) {
            *target = match finish {
                Finish::Nothing => result,
                Finish::Relu => result.max(0.0),
            };
        }
    });
}

pub(super) fn find_peaks(quantized: &Quantized, matrix: &Matrix, peaks: &mut Peaks) {
    each_panel(quantized, matrix, |row, first, results| {
        for (output, result) in (first..).zip(results) {
            let best = &mut peaks.values[row][output % HALF];
            if *best < result {
                *best = result;
                peaks.outputs[row][output % HALF] = i32::try_from(output).unwrap_or(i32::MAX);
            }
        }
    });
}

// Calls with the row, the first output and the results.
fn each_panel(
    quantized: &Quantized,
    matrix: &Matrix,
    mut take: impl FnMut(usize, usize, [f32; PANEL]),
) {
    let stride = quantized.stride();
    for nth in 0..matrix.panels() {
        let panel = matrix.panel(nth);
        let bias = &matrix.bias()[nth * PANEL..][..PANEL];
        for (row, values) in quantized.values().chunks_exact(stride).enumerate() {
            let sums = sums(values, panel);
            let unit = quantized.units()[row] * matrix.unit();
            let mut results = [0.0; PANEL];
            for (result, (sum, bias)) in results.iter_mut().zip(sums.iter().zip(bias)) {
                #[expect(clippy::cast_precision_loss, reason = "what is lost is far below a unit")]
                {
                    *result = *sum as f32 * unit + bias;
                }
            }
            take(row, nth * PANEL, results);
        }
    }
}

#[inline(always)]
fn sums(values: &[i16], panel: &[i8]) -> [i32; PANEL] {
    let mut sums = [0; PANEL];
    let quads = values.as_chunks::<QUAD>().0.iter().zip(panel.as_chunks::<{ QUAD * PANEL }>().0);
    for (values, weights) in quads {
        for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<QUAD>().0) {
            for (value, weight) in values.iter().zip(weights) {
                *sum += i32::from(*value) * i32::from(*weight);
            }
        }
    }
    sums
}

#[inline(always)]
pub(super) fn normalize(norm: &Norm, added: &[f32], rows: &mut [f32]) {
    let width = norm.gain.len();
    if !added.is_empty() {
        for (value, added) in rows.iter_mut().zip(added) {
            *value += added;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a layer has no millions of numbers")]
    let count = width as f32;
    for row in rows.chunks_exact_mut(width) {
        let mean = sum_of(row, |value| value) / count;
        let variance = sum_of(row, |value| (value - mean) * (value - mean)) / count;
        let factor = 1.0 / (variance + EPSILON).sqrt();
        for (value, (gain, offset)) in row.iter_mut().zip(norm.gain.iter().zip(&norm.offset)) {
            *value = gain * ((*value - mean) * factor) + offset;
        }
    }
}

#[inline(always)]
pub(super) fn attend(query: &[f32], attended: Attended<'_>, shares: &mut [f32], out: &mut [f32]) {
    let Attended { keys, values, tokens, padded, heads } = attended;
    let width = query.len();
    let size = width / heads;
    #[expect(clippy::cast_precision_loss, reason = "a head has no millions of numbers")]
    let factor = 1.0 / (size as f32).sqrt();
    for head in 0..heads {
        let shares = &mut shares[head * padded..][..padded];
        let range = head * size..(head + 1) * size;
        score(&query[range.clone()], &keys[head * size * padded..][..size * padded], shares);
        let shares = &mut shares[..tokens];
        softmax(shares, factor);
        collect(shares, &values[head * tokens * size..][..tokens * size], &mut out[range]);
    }
}

#[inline(always)]
fn score(query: &[f32], keys: &[f32], scores: &mut [f32]) {
    let padded = scores.len();
    let mut at = 0;
    while at + WIDE <= padded {
        score_some::<WIDE>(query, &keys[at..], padded, &mut scores[at..]);
        at += WIDE;
    }
    while at + LANES <= padded {
        score_some::<LANES>(query, &keys[at..], padded, &mut scores[at..]);
        at += LANES;
    }
}

#[inline(always)]
fn score_some<const N: usize>(query: &[f32], keys: &[f32], padded: usize, scores: &mut [f32]) {
    let mut sums = [0.0; N];
    for (value, keys) in query.iter().zip(keys.chunks(padded)) {
        for (sum, key) in sums.iter_mut().zip(&keys[..N]) {
            *sum += value * key;
        }
    }
    scores[..N].copy_from_slice(&sums);
}

#[inline(always)]
fn softmax(scores: &mut [f32], factor: f32) {
    let mut largest = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = scores.as_chunks::<LANES>();
    for chunk in chunks {
        for (largest, score) in largest.iter_mut().zip(chunk) {
            *largest = if *largest < *score { *score } else { *largest };
        }
    }
    let largest = largest.iter().chain(rest).fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    for score in scores.iter_mut() {
        *score = exp((*score - largest) * factor);
    }
    let share = 1.0 / sum_of(scores, |score| score);
    for score in scores {
        *score *= share;
    }
}

// Adds up the values, each as much as its share says.
#[inline(always)]
fn collect(shares: &[f32], values: &[f32], out: &mut [f32]) {
    let mut at = 0;
    while at + WIDE <= out.len() {
        collect_some::<WIDE>(shares, values, at, out);
        at += WIDE;
    }
    while at + LANES <= out.len() {
        collect_some::<LANES>(shares, values, at, out);
        at += LANES;
    }
    while at < out.len() {
        collect_some::<1>(shares, values, at, out);
        at += 1;
    }
}

#[inline(always)]
fn collect_some<const N: usize>(shares: &[f32], values: &[f32], at: usize, out: &mut [f32]) {
    let mut sums = [0.0; N];
    for (share, values) in shares.iter().zip(values.chunks_exact(out.len())) {
        for (sum, value) in sums.iter_mut().zip(&values[at..at + N]) {
            *sum += share * value;
        }
    }
    out[at..at + N].copy_from_slice(&sums);
}

#[inline(always)]
pub(super) fn step_cells(gates: &[f32], candidates: &mut [f32], cells: &mut [f32]) {
    for ((gate, candidate), cell) in gates.iter().zip(candidates).zip(cells) {
        let kept = 1.0 / (1.0 + exp(-gate));
        *cell = kept * *cell + (1.0 - kept) * *candidate;
        *candidate = cell.max(0.0);
    }
}

#[inline(always)]
pub(super) fn transpose(rows: &[f32], width: usize, keys: &mut [f32]) {
    let padded = super::padded(rows.len() / width);
    for (first, rows) in rows.chunks(LANES * width).enumerate() {
        for (column, keys) in keys.chunks_exact_mut(padded).take(width).enumerate() {
            let keys = &mut keys[first * LANES..][..LANES];
            keys.fill(0.0);
            for (key, row) in keys.iter_mut().zip(rows.chunks_exact(width)) {
                *key = row[column];
            }
        }
    }
}

#[inline(always)]
fn sum_of(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += term(*value);
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += term(*value);
    }
    sums.iter().sum()
}

// The power of two nearest to the result, times a polynomial: the library's
// function is more exact by a bit, and would be called once for each number.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let power = rounded - ROUNDER;
    // The natural logarithm of two, in a part without its last bits and the rest.
    let x = x - power * (355.0 / 512.0) + power * 2.121_944_4e-4;
    let mut sum = 1.987_569_2e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5, 1.0, 1.0] {
        sum = sum * x + coefficient;
    }
    sum * f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
}
