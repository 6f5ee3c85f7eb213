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
    /// One row of `width` numbers for each token.
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

    /// Writes `rows` of `width` numbers to `keys`, as [`Attended::keys`] wants them.
    pub(super) fn transpose(self, rows: &[f32], width: usize, keys: &mut [f32]) {
        match self.0 {
            Kind::Portable => portable::transpose(rows, width, keys),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => avx2.transpose(rows, width, keys),
        }
    }
}
