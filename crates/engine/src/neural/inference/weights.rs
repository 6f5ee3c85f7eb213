//! The weights of a model, taken from its container.
//!
//! Marian gives each tensor a name, such as `encoder_l1_self_Wq`. A matrix has
//! beside it the scale of its input, named after it with `_QuantMultA`, unless
//! the model was made without; then each row's own largest number decides.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::InferenceError;
use super::architecture::{Alignment, Architecture, DESCRIPTION};
use super::container::Container;
use super::kernels::{Matrix, MatrixParts, Norm};
use super::layers::{
    CrossAttention, DecoderLayer, EncoderLayer, FeedForward, Frame, Projections, Recurrence,
    SelfAttention,
};

/// More terms than this would not fit into the sums.
const INPUTS_MAX: usize = 1 << 16;
const ACTIVATION_SCALE: &str = "_QuantMultA";

/// All that is learned.
pub(super) struct Weights {
    pub(super) width: usize,
    pub(super) alignment: Alignment,
    /// None if it is the target's.
    pub(super) source_embeddings: Option<Matrix>,
    /// One row for each word of the target; none if it is the same as `output`.
    pub(super) target_embeddings: Option<Matrix>,
    /// From the width to one number for each word of the target.
    pub(super) output: Matrix,
    pub(super) encoder: Stack<EncoderLayer>,
    pub(super) decoder: Stack<DecoderLayer>,
}

/// The layers of one side, from the first to the last.
pub(super) struct Stack<L> {
    pub(super) embeddings: Option<Norm>,
    pub(super) layers: Vec<L>,
    pub(super) top: Option<Norm>,
}

struct Source<'a> {
    container: &'a Container<'a>,
    architecture: Architecture,
    width: usize,
    taken: RefCell<BTreeSet<String>>,
}

impl Weights {
    pub(super) fn from_container(container: &Container<'_>) -> Result<Self, InferenceError> {
        let architecture = Architecture::parse(container.text(DESCRIPTION)?)?;
        let (source_name, target_name) = embedding_names(container);
        let [_, width] = container.weights(target_name)?.shape;
        if width % architecture.heads != 0 || width < 4 {
            let heads = architecture.heads.to_string();
            return Err(InferenceError::Option { name: "transformer-heads".into(), value: heads });
        }
        let source =
            Source { container, architecture, width, taken: RefCell::new(BTreeSet::new()) };

        let (output, target_embeddings) = source.output(target_name)?;
        let source_embeddings = (source_name != target_name)
            .then(|| source.embeddings(source_name, None, Vec::new()))
            .transpose()?;
        let weights = Self {
            width,
            alignment: architecture.alignment,
            source_embeddings,
            target_embeddings,
            output,
            encoder: source.encoder()?,
            decoder: source.decoder()?,
        };
        source.check_nothing_is_left()?;
        Ok(weights)
    }

    pub(super) fn source_embeddings(&self) -> &Matrix {
        self.source_embeddings.as_ref().unwrap_or(self.target_embeddings())
    }

    pub(super) fn target_embeddings(&self) -> &Matrix {
        self.target_embeddings.as_ref().unwrap_or(&self.output)
    }

    pub(super) fn size_bytes(&self) -> usize {
        let words = [Some(&self.output), self.source_embeddings.as_ref()];
        let words = words.into_iter().chain([self.target_embeddings.as_ref()]).flatten();
        let encoder = self.encoder.layers.iter().flat_map(EncoderLayer::matrices);
        let decoder = self.decoder.layers.iter().flat_map(DecoderLayer::matrices);
        words.chain(encoder).chain(decoder).map(Matrix::size_bytes).sum()
    }
}

// One matrix for both languages, or one for each.
fn embedding_names(container: &Container<'_>) -> (&'static str, &'static str) {
    if container.has("Wemb") {
        return ("Wemb", "Wemb");
    }
    ("encoder_Wemb", "decoder_Wemb")
}

impl Source<'_> {
    // What chooses words, and the target's embeddings if they are not the same.
    fn output(&self, target: &str) -> Result<(Matrix, Option<Matrix>), InferenceError> {
        let has_bias = self.architecture.has_output_bias;
        let bias = if has_bias { self.floats("decoder_ff_logit_out_b")? } else { Vec::new() };
        let untied = "decoder_ff_logit_out_W";
        if self.container.has(untied) {
            let output = self.matrix_with(untied, bias, self.width, None)?;
            return Ok((output, Some(self.embeddings(target, None, Vec::new())?)));
        }
        // The tied matrix is used under another name, or under none.
        let scales = ["none", target].map(|name| format!("{name}{ACTIVATION_SCALE}"));
        let scale = scales.iter().find(|name| self.container.has(name));
        let scale = scale.map(|name| self.container.scalar(name)).transpose()?;
        Ok((self.embeddings(target, scale, bias)?, None))
    }

    fn embeddings(
        &self,
        name: &str,
        activation_scale: Option<f32>,
        bias: Vec<f32>,
    ) -> Result<Matrix, InferenceError> {
        self.take(name);
        let weights = self.container.weights(name)?;
        let [words, width] = weights.shape;
        if width != self.width || (!bias.is_empty() && bias.len() != words) {
            return Err(InferenceError::Shape { tensor: name.to_owned() });
        }
        Ok(Matrix::new(MatrixParts {
            inputs: width,
            weights: weights.bytes,
            scale: weights.scale,
            activation_scale,
            bias,
        }))
    }

    fn encoder(&self) -> Result<Stack<EncoderLayer>, InferenceError> {
        let layer = |nth| {
            Ok(EncoderLayer {
                attention: SelfAttention(self.attention(&format!("encoder_l{nth}_self"))?),
                feed_forward: self.feed_forward(&format!("encoder_l{nth}_ffn"))?,
            })
        };
        self.stack("encoder", self.architecture.encoder_layers, layer)
    }

    fn decoder(&self) -> Result<Stack<DecoderLayer>, InferenceError> {
        let layer = |nth| {
            Ok(DecoderLayer {
                recurrence: self.recurrence(&format!("decoder_l{nth}_rnn"))?,
                attention: CrossAttention(self.attention(&format!("decoder_l{nth}_context"))?),
                feed_forward: self.feed_forward(&format!("decoder_l{nth}_ffn"))?,
            })
        };
        self.stack("decoder", self.architecture.decoder_layers, layer)
    }

    fn stack<L>(
        &self,
        side: &str,
        count: usize,
        layer: impl Fn(usize) -> Result<L, InferenceError>,
    ) -> Result<Stack<L>, InferenceError> {
        let Architecture { normalizes_embeddings, normalizes_top, .. } = self.architecture;
        let mut layers = Vec::new();
        for nth in 1..=count {
            layers.push(layer(nth)?);
        }
        Ok(Stack {
            embeddings: self.norm_if(normalizes_embeddings, &format!("{side}_emb"), "_pre")?,
            layers,
            top: self.norm_if(normalizes_top, &format!("{side}_top"), "")?,
        })
    }

    fn attention(&self, prefix: &str) -> Result<Projections, InferenceError> {
        let width = self.width;
        let matrix = |letter: &str| {
            let names = (format!("{prefix}_W{letter}"), format!("{prefix}_b{letter}"));
            self.matrix(&names.0, &names.1, width, Some(width))
        };
        Ok(Projections {
            queries: matrix("q")?,
            keys: matrix("k")?,
            values: matrix("v")?,
            output: matrix("o")?,
            frame: self.frame(&format!("{prefix}_Wo"), &format!("{prefix}_Wo"))?,
            heads: self.architecture.heads,
        })
    }

    fn feed_forward(&self, prefix: &str) -> Result<FeedForward, InferenceError> {
        let name = |part: &str| format!("{prefix}_{part}");
        let inner = self.matrix(&name("W1"), &name("b1"), self.width, None)?;
        let outer = self.matrix(&name("W2"), &name("b2"), inner.outputs(), Some(self.width))?;
        Ok(FeedForward { inner, outer, frame: self.frame(&name("ffn"), &name("ffn"))? })
    }

    fn recurrence(&self, prefix: &str) -> Result<Recurrence, InferenceError> {
        let name = |part: &str| format!("{prefix}_{part}");
        let candidates = self.matrix_with(&name("W"), Vec::new(), self.width, Some(self.width))?;
        let gates = self.matrix(&name("Wf"), &name("bf"), self.width, Some(self.width))?;
        Ok(Recurrence { candidates, gates, frame: self.frame(prefix, &name("ffn"))? })
    }

    // The names of the norms before and after a part of a layer differ in one case.
    fn frame(&self, before: &str, after: &str) -> Result<Frame, InferenceError> {
        let frames = self.architecture.sublayers;
        Ok(Frame {
            before: self.norm_if(frames.normalizes_before, before, "_pre")?,
            adds_input: frames.adds_input,
            after: self.norm_if(frames.normalizes_after, after, "")?,
        })
    }

    fn norm_if(
        &self,
        is_wanted: bool,
        prefix: &str,
        suffix: &str,
    ) -> Result<Option<Norm>, InferenceError> {
        if !is_wanted {
            return Ok(None);
        }
        let row = |part: &str| {
            let name = format!("{prefix}_ln_{part}{suffix}");
            let mut row = self.floats(&name)?;
            // One number may stand for all.
            if let [value] = *row {
                row = vec![value; self.width];
            }
            if row.len() != self.width {
                return Err(InferenceError::Shape { tensor: name });
            }
            Ok(row)
        };
        Ok(Some(Norm { gain: row("scale")?, offset: row("bias")? }))
    }

    fn matrix(
        &self,
        name: &str,
        bias: &str,
        inputs: usize,
        outputs: Option<usize>,
    ) -> Result<Matrix, InferenceError> {
        self.matrix_with(name, self.floats(bias)?, inputs, outputs)
    }

    fn matrix_with(
        &self,
        name: &str,
        bias: Vec<f32>,
        inputs: usize,
        outputs: Option<usize>,
    ) -> Result<Matrix, InferenceError> {
        self.take(name);
        let weights = self.container.weights(name)?;
        let [found_inputs, found_outputs] = weights.shape;
        let is_right = found_inputs == inputs
            && inputs <= INPUTS_MAX
            && found_outputs == outputs.unwrap_or(found_outputs)
            && (bias.is_empty() || bias.len() == found_outputs);
        if !is_right {
            return Err(InferenceError::Shape { tensor: name.to_owned() });
        }
        let scale = format!("{name}{ACTIVATION_SCALE}");
        let activation_scale =
            self.container.has(&scale).then(|| self.container.scalar(&scale)).transpose()?;
        Ok(Matrix::new(MatrixParts {
            inputs,
            weights: weights.bytes,
            scale: weights.scale,
            activation_scale,
            bias,
        }))
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>, InferenceError> {
        self.take(name);
        self.container.floats(name)
    }

    fn take(&self, name: &str) {
        self.taken.borrow_mut().insert(name.to_owned());
    }

    // A model with more in it than was taken computes something else.
    fn check_nothing_is_left(&self) -> Result<(), InferenceError> {
        let taken = self.taken.borrow();
        let is_left = |name: &&str| {
            !taken.contains(*name)
                && !name.starts_with("special:")
                && !name.ends_with(ACTIVATION_SCALE)
        };
        match self.container.names().find(is_left) {
            Some(name) => Err(InferenceError::Unexpected { tensor: name.to_owned() }),
            None => Ok(()),
        }
    }
}
