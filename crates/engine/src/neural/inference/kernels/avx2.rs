//! The kernels for processors with AVX2.
//!
//! Products widen weights to 16 bits and use `vpmaddwd`, whose sums are exact:
//! `vpmaddubsw`, which takes bytes, would need as many multiplications once its
//! results are widened, and cuts off large sums before that.
//!
//! Everything else is what [`portable`] has, compiled for these instructions.

#![expect(unsafe_code, reason = "instructions that not every processor has, on raw memory")]

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _mm_loadu_si128, _mm256_add_epi32, _mm256_add_ps,
    _mm256_blendv_epi8, _mm256_blendv_ps, _mm256_castps_si256, _mm256_cmp_ps, _mm256_cvtepi8_epi16,
    _mm256_cvtepi32_ps, _mm256_hadd_epi32, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_max_ps, _mm256_mul_ps, _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_set1_epi64x,
    _mm256_set1_ps, _mm256_setr_epi32, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_storeu_ps,
    _mm256_storeu_si256,
};

use super::matrix::{HALF, Matrix, PANEL, Peaks, QUAD, Quantized};
use super::{Attended, Finish, Norm, portable};

/// Rows that are multiplied at once: their sums fill twelve of sixteen registers.
const ROWS: usize = 6;

/// Says that this processor has AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(
    // Invariant: made by `detect` only.
    (),
);

#[expect(clippy::unused_self, reason = "it is the proof that the processor has AVX2")]
impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    pub(super) fn quantize(self, row: &[f32], scale: f32, target: &mut [i16]) {
        // SAFETY: `self` exists, so the processor has AVX2.
        unsafe { quantize(row, scale, target) }
    }

    pub(super) fn multiply(
        self,
        quantized: &Quantized,
        matrix: &Matrix,
        finish: Finish,
        out: &mut [f32],
    ) {
        // SAFETY: `self` exists, so the processor has AVX2.
        unsafe { multiply(quantized, matrix, finish, out) }
    }

    pub(super) fn find_peaks(self, quantized: &Quantized, matrix: &Matrix, peaks: &mut Peaks) {
        // SAFETY: `self` exists, so the processor has AVX2.
        unsafe { find_peaks(quantized, matrix, peaks) }
    }

    pub(super) fn normalize(self, norm: &Norm, added: &[f32], rows: &mut [f32]) {
        // SAFETY: `self` exists, so the processor has AVX2.
        unsafe { normalize(norm, added, rows) }
    }

    pub(super) fn attend(
        self,
        query: &[f32],
        attended: Attended<'_>,
        shares: &mut [f32],
        out: &mut [f32],
    ) {
        // SAFETY: `self` exists, so the processor has AVX2.
        unsafe { attend(query, attended, shares, out) }
    }

    pub(super) fn step_cells(self, gates: &[f32], candidates: &mut [f32], cells: &mut [f32]) {
        // SAFETY: `self` exists, so the processor has AVX2.
        unsafe { step_cells(gates, candidates, cells) }
    }

    pub(super) fn transpose(self, rows: &[f32], width: usize, keys: &mut [f32]) {
        // SAFETY: `self` exists, so the processor has AVX2.
        unsafe { transpose(rows, width, keys) }
    }
}

#[target_feature(enable = "avx2")]
fn quantize(row: &[f32], scale: f32, target: &mut [i16]) {
    portable::quantize(row, scale, target);
}

#[target_feature(enable = "avx2")]
fn normalize(norm: &Norm, added: &[f32], rows: &mut [f32]) {
    portable::normalize(norm, added, rows);
}

#[target_feature(enable = "avx2")]
fn attend(query: &[f32], attended: Attended<'_>, shares: &mut [f32], out: &mut [f32]) {
    portable::attend(query, attended, shares, out);
}

#[target_feature(enable = "avx2")]
fn step_cells(gates: &[f32], candidates: &mut [f32], cells: &mut [f32]) {
    portable::step_cells(gates, candidates, cells);
}

#[target_feature(enable = "avx2")]
fn transpose(rows: &[f32], width: usize, keys: &mut [f32]) {
    portable::transpose(rows, width, keys);
}

#[target_feature(enable = "avx2")]
fn multiply(quantized: &Quantized, matrix: &Matrix, finish: Finish, out: &mut [f32]) {
    let outputs = matrix.outputs();
    let least = match finish {
        Finish::Nothing => _mm256_set1_ps(f32::NEG_INFINITY),
        Finish::Relu => _mm256_setzero_ps(),
    };
    for part in 0..matrix.panels() * (PANEL / HALF) {
        let first = part * HALF;
        let Some(room) = outputs.checked_sub(first).filter(|room| 0 < *room) else {
            return;
        };
        let mut row = 0;
        while row < quantized.rows() {
            let (count, sums) = some_sums(quantized, row, matrix, part);
            for (nth, sum) in sums.into_iter().enumerate().take(count) {
                let result = _mm256_max_ps(result(sum, quantized, row + nth, matrix, first), least);
                let target = &mut out[(row + nth) * outputs + first..][..room.min(HALF)];
                store(result, target);
            }
            row += count;
        }
    }
}

#[target_feature(enable = "avx2")]
fn find_peaks(quantized: &Quantized, matrix: &Matrix, peaks: &mut Peaks) {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for part in 0..matrix.panels() * (PANEL / HALF) {
        let first = part * HALF;
        let outputs =
            _mm256_add_epi32(lanes, _mm256_set1_epi32(i32::try_from(first).unwrap_or(i32::MAX)));
        let mut row = 0;
        while row < quantized.rows() {
            let (count, sums) = some_sums(quantized, row, matrix, part);
            for (nth, sum) in sums.into_iter().enumerate().take(count) {
                let result = result(sum, quantized, row + nth, matrix, first);
                keep_larger(
                    result,
                    outputs,
                    &mut peaks.values[row + nth],
                    &mut peaks.outputs[row + nth],
                );
            }
            row += count;
        }
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn keep_larger(
    result: __m256,
    outputs: __m256i,
    best: &mut [f32; HALF],
    best_outputs: &mut [i32; HALF],
) {
    // SAFETY: both arrays hold eight numbers of four bytes.
    unsafe {
        let old = _mm256_loadu_ps(best.as_ptr());
        let old_outputs = _mm256_loadu_si256(best_outputs.as_ptr().cast());
        // Not if both are alike: the first one stays.
        let is_larger = _mm256_cmp_ps::<_CMP_LT_OQ>(old, result);
        let mask = _mm256_castps_si256(is_larger);
        _mm256_storeu_ps(best.as_mut_ptr(), _mm256_blendv_ps(old, result, is_larger));
        let new_outputs = _mm256_blendv_epi8(old_outputs, outputs, mask);
        _mm256_storeu_si256(best_outputs.as_mut_ptr().cast(), new_outputs);
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(result: __m256, target: &mut [f32]) {
    if let Some(whole) = target.first_chunk_mut::<HALF>() {
        // SAFETY: the array holds eight numbers of four bytes.
        unsafe { _mm256_storeu_ps(whole.as_mut_ptr(), result) }
        return;
    }
    let mut whole = [0.0; HALF];
    // SAFETY: the array holds eight numbers of four bytes.
    unsafe { _mm256_storeu_ps(whole.as_mut_ptr(), result) }
    target.copy_from_slice(&whole[..target.len()]);
}

// What eight sums of a row stand for.
#[target_feature(enable = "avx2")]
#[inline]
fn result(
    sum: __m256i,
    quantized: &Quantized,
    row: usize,
    matrix: &Matrix,
    first: usize,
) -> __m256 {
    let unit = _mm256_set1_ps(quantized.units()[row] * matrix.unit());
    let bias = &matrix.bias()[first..first + HALF];
    // SAFETY: the slice holds eight numbers of four bytes.
    let bias = unsafe { _mm256_loadu_ps(bias.as_ptr()) };
    _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), unit), bias)
}

// The sums of the next rows for the eight outputs of `part`, and how many rows.
#[target_feature(enable = "avx2")]
#[inline]
fn some_sums(
    quantized: &Quantized,
    row: usize,
    matrix: &Matrix,
    part: usize,
) -> (usize, [__m256i; ROWS]) {
    let stride = quantized.stride();
    let values = &quantized.values()[row * stride..];
    let panel = matrix.panel(part / (PANEL / HALF));
    let half = part % (PANEL / HALF);
    let mut all = [_mm256_setzero_si256(); ROWS];
    let count = ROWS.min(quantized.rows() - row);
    match count {
        1 => all[..1].copy_from_slice(&sums::<1>(values, stride, panel, half)),
        2 => all[..2].copy_from_slice(&sums::<2>(values, stride, panel, half)),
        3 => all[..3].copy_from_slice(&sums::<3>(values, stride, panel, half)),
        4 => all[..4].copy_from_slice(&sums::<4>(values, stride, panel, half)),
        5 => all[..5].copy_from_slice(&sums::<5>(values, stride, panel, half)),
        _ => all = sums::<ROWS>(values, stride, panel, half),
    }
    (count, all)
}

#[target_feature(enable = "avx2")]
#[inline]
fn sums<const COUNT: usize>(
    values: &[i16],
    stride: usize,
    panel: &[i8],
    half: usize,
) -> [__m256i; COUNT] {
    let quads = stride / QUAD;
    assert!(COUNT * stride <= values.len(), "all rows are there");
    assert!(quads * QUAD * PANEL <= panel.len() && half < PANEL / HALF, "all weights are there");
    let mut low = [_mm256_setzero_si256(); COUNT];
    let mut high = [_mm256_setzero_si256(); COUNT];
    for quad in 0..quads {
        // SAFETY: a quad of a panel is 64 bytes, the panel holds `quads` of
        // them, and `half` is 0 or 1: 32 bytes from here are in the panel.
        let (weights, further) = unsafe {
            let at = panel.as_ptr().add((quad * PANEL + half * HALF) * QUAD);
            (_mm_loadu_si128(at.cast()), _mm_loadu_si128(at.add(16).cast()))
        };
        let (weights, further) = (_mm256_cvtepi8_epi16(weights), _mm256_cvtepi8_epi16(further));
        for nth in 0..COUNT {
            // SAFETY: `values` holds `COUNT` rows of `stride` numbers, and
            // `quad` is one of the quads in a row: four numbers of two bytes.
            let four = unsafe {
                values.as_ptr().add(nth * stride + quad * QUAD).cast::<i64>().read_unaligned()
            };
            let four = _mm256_set1_epi64x(four);
            low[nth] = _mm256_add_epi32(low[nth], _mm256_madd_epi16(four, weights));
            high[nth] = _mm256_add_epi32(high[nth], _mm256_madd_epi16(four, further));
        }
    }
    let mut sums = [_mm256_setzero_si256(); COUNT];
    for nth in 0..COUNT {
        // Each output has two halves of its sum side by side. Adding them
        // leaves the outputs in the order 0 1 4 5 2 3 6 7.
        let added = _mm256_hadd_epi32(low[nth], high[nth]);
        sums[nth] = _mm256_permute4x64_epi64::<0b11_01_10_00>(added);
    }
    sums
}
