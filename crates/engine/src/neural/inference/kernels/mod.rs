//! The arithmetic, once in plain Rust and once for AVX2.
//!
//! Both give the same bits: integer sums are exact, and sums of floats are
//! taken in the same order everywhere, so that a text is translated alike on
//! every machine. Which of the two runs is asked of the processor once, when
//! a model is loaded.
//!
//! Start reading at [`Level`]; [`matrix`] says how weights lie in memory.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod matrix;
mod portable;

pub(super) use self::matrix::{Matrix, MatrixParts, Peaks, Quantized};

/// Sums are taken in this many parts, whatever the processor.
const LANES: usize = 8;

/// Which instructions are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
}

/// What is done to the results of a product before they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Nothing,
    /// Negative results become zero.
    Relu,
}

/// How attention is laid out, for one sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attended<'a> {
    /// `width` rows of `padded` numbers: the keys of all heads, transposed.
    pub(super) keys: &'a [f32],
    /// For each head, after one another, its part of each token's value.
    pub(super) values: &'a [f32],
    pub(super) tokens: usize,
    /// `tokens`, rounded up as [`padded`] does.
    pub(super) padded: usize,
    pub(super) heads: usize,
}

/// What one query looks at, and how much: the scratch of [`Level::attend`].
#[derive(Debug, Default)]
pub(super) struct Attention {
    /// For each head `padded` numbers, of which the first `tokens` sum up to one.
    pub(super) shares: Vec<f32>,
}

/// A layer's gain and offset for numbers brought to mean 0 and deviation 1.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) gain: Vec<f32>,
    pub(super) offset: Vec<f32>,
}

/// How much room `tokens` take where keys lie side by side.
pub(super) fn padded(tokens: usize) -> usize {
    tokens.next_multiple_of(LANES)
}

impl Level {
    /// The best this processor has.
    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = avx2::Avx2::detect() {
            return Self(Kind::Avx2(avx2));
        }
        Self::portable()
    }

    /// What every processor has.
    pub(super) fn portable() -> Self {
        Self(Kind::Portable)
    }

    /// Makes whole numbers of `rows`, which are as wide as `matrix` reads,
    /// unless `quantized` has them already.
    pub(super) fn quantize(self, rows: &[f32], matrix: &Matrix, quantized: &mut Quantized) {
        quantized.prepare(rows, matrix);
        let width = matrix.inputs();
        for (nth, row) in rows.chunks_exact(width).enumerate() {
            let scale = match matrix.activation_scale() {
                Some(scale) => scale,
                None => portable::scale_for(row),
            };
            let target = quantized.row(nth, scale, matrix);
            match self.0 {
                Kind::Portable => portable::quantize(row, scale, target),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2(avx2) => avx2.quantize(row, scale, target),
            }
        }
    }

    /// Writes the product of what was quantized and `matrix`, with its bias, to `out`.
    pub(super) fn multiply(
        self,
        quantized: &Quantized,
        matrix: &Matrix,
        finish: Finish,
        out: &mut [f32],
    ) {
        matrix.check(quantized);
        assert_eq!(out.len(), quantized.rows() * matrix.outputs(), "room for every result");
        match self.0 {
            Kind::Portable => portable::multiply(quantized, matrix, finish, out),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => avx2.multiply(quantized, matrix, finish, out),
        }
    }

    /// Finds for each row the largest of the results that [`Level::multiply`]
    /// would write; the first of them if several are.
    pub(super) fn find_peaks(self, quantized: &Quantized, matrix: &Matrix, peaks: &mut Peaks) {
        matrix.check(quantized);
        peaks.prepare(quantized.rows());
        match self.0 {
            Kind::Portable => portable::find_peaks(quantized, matrix, peaks),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => avx2.find_peaks(quantized, matrix, peaks),
        }
    }

    /// Brings each row of `rows`, after `added` if that is not empty, to mean 0
    /// and deviation 1, and then to what `norm` says.
    pub(super) fn normalize(self, norm: &Norm, added: &[f32], rows: &mut [f32]) {
        match self.0 {
            Kind::Portable => portable::normalize(norm, added, rows),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => avx2.normalize(norm, added, rows),
        }
    }

    /// Writes what `query` finds among `attended` to `out`.
    pub(super) fn attend(
        self,
        query: &[f32],
        attended: Attended<'_>,
        attention: &mut Attention,
        out: &mut [f32],
    ) {
        attention.shares.resize(attended.heads * attended.padded, 0.0);
        match self.0 {
            Kind::Portable => portable::attend(query, attended, &mut attention.shares, out),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => avx2.attend(query, attended, &mut attention.shares, out),
        }
    }

    /// One step of a simple recurrent unit: `cells` move towards `candidates`
    /// as far as `gates` let them, and `candidates` become what is put out.
    pub(super) fn step_cells(self, gates: &[f32], candidates: &mut [f32], cells: &mut [f32]) {
        match self.0 {
            Kind::Portable => portable::step_cells(gates, candidates, cells),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => avx2.step_cells(gates, candidates, cells),
        }
    }

    /// Writes `rows` for `heads` heads to `values`, as [`Attended::values`] wants them.
    pub(super) fn split_heads(rows: &[f32], width: usize, heads: usize, values: &mut [f32]) {
        let size = width / heads;
        let tokens = rows.len() / width;
        for (token, row) in rows.chunks_exact(width).enumerate() {
            for (head, part) in row.chunks_exact(size).enumerate() {
                values[(head * tokens + token) * size..][..size].copy_from_slice(part);
            }
        }
    }

    /// Writes `rows` of `width` numbers to `keys`, as [`Attended::keys`] wants them.
    pub(super) fn transpose(self, rows: &[f32], width: usize, keys: &mut [f32]) {
        match self.0 {
            Kind::Portable => portable::transpose(rows, width, keys),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => avx2.transpose(rows, width, keys),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEVELS: fn() -> [Level; 2] = || [Level::portable(), Level::detect()];

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(state.to_le_bytes()[3].cast_signed()) / 50.0
        };
        (0..count).map(next).collect()
    }

    fn matrix(inputs: usize, outputs: usize, seed: u32, has_scale: bool) -> (Matrix, Vec<i8>) {
        let whole = numbers(inputs * outputs, seed).into_iter().map(|value| value * 50.0);
        #[expect(clippy::cast_possible_truncation, reason = "they were bytes before")]
        let weights: Vec<i8> = whole.map(|value| value as i8).collect();
        let bytes: Vec<u8> = weights.iter().map(|weight| weight.cast_unsigned()).collect();
        let parts = MatrixParts {
            inputs,
            weights: &bytes,
            scale: 64.0,
            activation_scale: has_scale.then_some(30.0),
            bias: numbers(outputs, seed ^ 1),
        };
        (Matrix::new(parts), weights)
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    proptest! {
        #[test]
        fn products_are_exact_for_all_sizes(
            (rows, inputs, outputs) in (1..15_usize, 1..70_usize, 1..40_usize),
            seed: u32,
            has_scale: bool,
        ) {
            let (matrix, weights) = matrix(inputs, outputs, seed, has_scale);
            let bias = numbers(outputs, seed ^ 1);
            let values = numbers(rows * inputs, seed ^ 2);
            for level in LEVELS() {
                let mut quantized = Quantized::default();
                // What is left over from another matrix does no harm.
                let (other, _) = self::matrix(inputs + 3, outputs, seed, false);
                level.quantize(&numbers(2 * (inputs + 3), seed), &other, &mut quantized);
                level.quantize(&values, &matrix, &mut quantized);
                let mut found = vec![0.0; rows * outputs];
                level.multiply(&quantized, &matrix, Finish::Nothing, &mut found);
                let mut positive = vec![0.0; rows * outputs];
                level.multiply(&quantized, &matrix, Finish::Relu, &mut positive);
                let mut peaks = Peaks::default();
                level.find_peaks(&quantized, &matrix, &mut peaks);
                let peaks: Vec<u32> = peaks.outputs().collect();

                for row in 0..rows {
                    let values = &values[row * inputs..][..inputs];
                    let largest = values.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
                    let scale = if has_scale { 30.0 } else if largest == 0.0 { 1.0 } else { 127.0 / largest };
                    let mut best = 0;
                    for output in 0..outputs {
                        let mut sum = 0.0_f64;
                        for (value, weight) in values.iter().zip(&weights[output * inputs..]) {
                            let whole = (value * scale).round_ties_even().clamp(-127.0, 127.0);
                            sum += f64::from(whole) * f64::from(*weight);
                        }
                        #[expect(clippy::cast_possible_truncation, reason = "it is a whole number that fits")]
                        let expected = sum as f32 * ((1.0 / scale) * (1.0 / 64.0)) + bias[output];
                        let at = row * outputs + output;
                        prop_assert_eq!(found[at].to_bits(), expected.to_bits());
                        prop_assert_eq!(positive[at].to_bits(), expected.max(0.0).to_bits());
                        if found[row * outputs + best] < found[at] {
                            best = output;
                        }
                    }
                    prop_assert_eq!(peaks[row] as usize, best);
                }
            }
        }

        #[test]
        fn attention_is_a_weighted_mean_for_all_sizes(
            (tokens, heads, size) in (1..70_usize, 1..4_usize, 1..50_usize),
            seed: u32,
        ) {
            let width = heads * size;
            let (keys, values) = (numbers(tokens * width, seed), numbers(tokens * width, seed ^ 1));
            let query = numbers(width, seed ^ 2);
            let mut results = Vec::new();
            for level in LEVELS() {
                let mut transposed = vec![9.0; padded(tokens) * width];
                level.transpose(&keys, width, &mut transposed);
                let mut split = vec![0.0; tokens * width];
                Level::split_heads(&values, width, heads, &mut split);
                let attended = Attended {
                    keys: &transposed,
                    values: &split,
                    tokens,
                    padded: padded(tokens),
                    heads,
                };
                let mut out = vec![0.0; width];
                level.attend(&query, attended, &mut Attention::default(), &mut out);
                results.push(bits(&out));

                for (at, found) in out.iter().enumerate() {
                    let head = at / size * size..(at / size + 1) * size;
                    let score = |token: usize| -> f64 {
                        let keys = &keys[token * width..][head.clone()];
                        let products = query[head.clone()].iter().zip(keys);
                        let sum: f64 = products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                        (sum / f64::from(u32::try_from(size).unwrap()).sqrt()).exp()
                    };
                    let total: f64 = (0..tokens).map(score).sum();
                    let expected: f64 = (0..tokens)
                        .map(|token| score(token) / total * f64::from(values[token * width + at]))
                        .sum();
                    prop_assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} {expected}");
                }
            }
            prop_assert_eq!(&results[0], &results[1]);
        }

        #[test]
        fn rows_are_normalized_and_cells_step_alike(width in 1..70_usize, seed: u32) {
            let norm = Norm { gain: numbers(width, seed), offset: numbers(width, seed ^ 1) };
            let (rows, added) = (numbers(3 * width, seed ^ 2), numbers(3 * width, seed ^ 3));
            let results = LEVELS().map(|level| {
                let mut normalized = rows.clone();
                level.normalize(&norm, &added, &mut normalized);
                let (mut candidates, mut cells) = (rows.clone(), added.clone());
                level.step_cells(&normalized, &mut candidates, &mut cells);
                for (nth, cell) in cells.iter().enumerate() {
                    let kept = 1.0 / (1.0 + (-f64::from(normalized[nth])).exp());
                    let expected = kept * f64::from(added[nth]) + (1.0 - kept) * f64::from(rows[nth]);
                    assert!((f64::from(*cell) - expected).abs() < 1e-5, "{cell} {expected}");
                    assert_eq!(candidates[nth].to_bits(), cell.max(0.0).to_bits());
                }
                [bits(&normalized), bits(&cells), bits(&candidates)]
            });
            prop_assert_eq!(&results[0], &results[1]);
        }
    }

    #[test]
    fn of_equal_results_the_first_is_the_largest() {
        for level in LEVELS() {
            let mut bias = vec![0.0; 40];
            for (output, value) in [(3, 1.0), (17, 2.0), (25, 2.0), (33, 2.0), (38, 2.0)] {
                bias[output] = value;
            }
            let parts = MatrixParts {
                inputs: 4,
                weights: &[0; 160],
                scale: 1.0,
                activation_scale: None,
                bias,
            };
            let matrix = Matrix::new(parts);
            let mut quantized = Quantized::default();
            level.quantize(&[0.0; 8], &matrix, &mut quantized);
            let mut peaks = Peaks::default();
            level.find_peaks(&quantized, &matrix, &mut peaks);
            assert_eq!(peaks.outputs().collect::<Vec<_>>(), [17, 17]);
        }
    }

    #[test]
    fn weights_are_found_again() {
        let (matrix, weights) = matrix(13, 35, 5, true);
        let mut row = [0.0; 13];
        for output in 0..35 {
            matrix.weights_of(output, &mut row);
            let expected =
                weights[output * 13..][..13].iter().map(|weight| f32::from(*weight) / 64.0);
            assert!(row.iter().copied().eq(expected));
        }
        matrix.weights_of(35, &mut row);
        assert_eq!(bits(&row), [0; 13]);
    }

    #[test]
    fn what_is_no_number_becomes_one() {
        let (matrix, _) = matrix(4, 3, 1, true);
        for level in LEVELS() {
            let mut quantized = Quantized::default();
            let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30];
            level.quantize(&values, &matrix, &mut quantized);
            assert_eq!(quantized.values(), [-127, 127, -127, 127]);
        }
    }
}
