//! Weights and activations as small whole numbers, and how they lie in memory.
//!
//! A matrix is cut into panels of 16 outputs. In a panel four inputs of every
//! output lie together, so that 64 bytes are what 16 sums need next:
//!
//! ```text
//! panel:  inputs 0..4 of output 0, of output 1, … of output 15, inputs 4..8 of output 0, …
//! ```
//!
//! What is missing at the edges is zero, and the bias of outputs that do not
//! exist is minus infinity, so that none of them is ever the largest.

use std::cmp::Ordering;

/// Outputs that lie together.
pub(super) const PANEL: usize = 16;
/// Inputs that lie together.
pub(super) const QUAD: usize = 4;
/// Outputs that are computed together.
pub(super) const HALF: usize = 8;

/// Weights with their bias.
#[derive(Debug)]
pub(in super::super) struct Matrix {
    inputs: usize,
    outputs: usize,
    /// Invariant: `padded_outputs * padded_inputs` long.
    packed: Vec<i8>,
    /// What a weight is multiplied with to become what it was.
    unit: f32,
    activation_scale: Option<f32>,
    /// Invariant: `padded_outputs` long.
    bias: Vec<f32>,
}

/// What a [`Matrix`] is made of.
pub(in super::super) struct MatrixParts<'a> {
    pub(in super::super) inputs: usize,
    /// All inputs of the first output, then those of the second, and so on, as
    /// bytes that stand for signed numbers.
    pub(in super::super) weights: &'a [u8],
    /// What the weights were multiplied with.
    pub(in super::super) scale: f32,
    /// What activations are to be multiplied with; none if each row's largest decides.
    pub(in super::super) activation_scale: Option<f32>,
    /// One for each output, or none at all.
    pub(in super::super) bias: Vec<f32>,
}

/// Rows of activations.
#[derive(Debug, Default)]
pub(in super::super) struct Quantized {
    values: Vec<i16>,
    /// What the sums of each row are multiplied with, but for the matrix's unit.
    units: Vec<f32>,
    stride: usize,
}

/// The largest result of each row.
#[derive(Debug, Default)]
pub(in super::super) struct Peaks {
    /// Of the results with the same remainder by 8 the largest, and where it is.
    pub(super) values: Vec<[f32; HALF]>,
    pub(super) outputs: Vec<[i32; HALF]>,
}

impl Matrix {
    pub(in super::super) fn new(parts: MatrixParts<'_>) -> Self {
        let MatrixParts { inputs, weights, scale, activation_scale, mut bias } = parts;
        let outputs = weights.len() / inputs;
        let padded_inputs = inputs.next_multiple_of(QUAD);
        let padded_outputs = outputs.next_multiple_of(PANEL);
        let mut packed = vec![0; padded_inputs * padded_outputs];
        let mut packs = packed.chunks_exact_mut(QUAD);
        for panel in 0..padded_outputs / PANEL {
            for quad in 0..padded_inputs / QUAD {
                for (output, pack) in (panel * PANEL..).zip(packs.by_ref().take(PANEL)) {
                    for (input, weight) in (quad * QUAD..inputs).zip(pack) {
                        let byte = weights.get(output * inputs + input).copied();
                        *weight = byte.unwrap_or(0).cast_signed();
                    }
                }
            }
        }
        bias.resize(outputs, 0.0);
        bias.resize(padded_outputs, f32::NEG_INFINITY);
        Self { inputs, outputs, packed, unit: 1.0 / scale, activation_scale, bias }
    }

    pub(in super::super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(in super::super) fn outputs(&self) -> usize {
        self.outputs
    }

    pub(in super::super) fn size_bytes(&self) -> usize {
        self.packed.len() + size_of_val(&*self.bias)
    }

    /// Writes the weights of one output, as they were before they were made
    /// small; zeros if there is no such output.
    pub(in super::super) fn weights_of(&self, output: usize, row: &mut [f32]) {
        if self.outputs <= output {
            row.fill(0.0);
            return;
        }
        let panel = self.panel(output / PANEL);
        for (quad, values) in row.chunks_mut(QUAD).enumerate() {
            let at = (quad * PANEL + output % PANEL) * QUAD;
            for (value, weight) in values.iter_mut().zip(&panel[at..at + QUAD]) {
                *value = f32::from(*weight) * self.unit;
            }
        }
    }

    pub(super) fn activation_scale(&self) -> Option<f32> {
        self.activation_scale
    }

    pub(super) fn check(&self, quantized: &Quantized) {
        assert_eq!(quantized.stride, self.padded_inputs(), "rows as wide as the matrix reads");
    }

    pub(super) fn padded_inputs(&self) -> usize {
        self.inputs.next_multiple_of(QUAD)
    }

    pub(super) fn panels(&self) -> usize {
        self.bias.len() / PANEL
    }

    pub(super) fn panel(&self, nth: usize) -> &[i8] {
        let len = self.padded_inputs() * PANEL;
        &self.packed[nth * len..(nth + 1) * len]
    }

    pub(super) fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// Whether rows for `other` can be multiplied with this one as they are.
    pub(in super::super) fn reads_like(&self, other: &Self) -> bool {
        self.inputs == other.inputs && self.activation_scale == other.activation_scale
    }

    pub(super) fn unit(&self) -> f32 {
        self.unit
    }
}

impl Quantized {
    pub(super) fn prepare(&mut self, rows: &[f32], matrix: &Matrix) {
        assert!(rows.len().is_multiple_of(matrix.inputs()), "whole rows");
        let count = rows.len() / matrix.inputs();
        self.stride = matrix.padded_inputs();
        self.values.resize(count * self.stride, 0);
        self.units.resize(count, 0.0);
    }

    pub(super) fn row(&mut self, nth: usize, scale: f32, matrix: &Matrix) -> &mut [i16] {
        self.units[nth] = 1.0 / scale;
        let row = &mut self.values[nth * self.stride..(nth + 1) * self.stride];
        row[matrix.inputs()..].fill(0);
        &mut row[..matrix.inputs()]
    }

    pub(super) fn rows(&self) -> usize {
        self.units.len()
    }

    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    pub(super) fn values(&self) -> &[i16] {
        &self.values
    }

    pub(super) fn units(&self) -> &[f32] {
        &self.units
    }
}

impl Peaks {
    pub(super) fn prepare(&mut self, rows: usize) {
        self.values.clear();
        self.values.resize(rows, [f32::NEG_INFINITY; HALF]);
        self.outputs.clear();
        self.outputs.resize(rows, [0; HALF]);
    }

    /// The output with the largest result in each row.
    pub(in super::super) fn outputs(&self) -> impl Iterator<Item = u32> {
        self.values.iter().zip(&self.outputs).map(|(values, outputs)| {
            let mut best = 0;
            for lane in 1..HALF {
                let is_first = outputs[lane] < outputs[best];
                match values[lane].partial_cmp(&values[best]) {
                    Some(Ordering::Greater) => best = lane,
                    Some(Ordering::Equal) if is_first => best = lane,
                    Some(Ordering::Equal | Ordering::Less) | None => (),
                }
            }
            outputs[best].cast_unsigned()
        })
    }
}
