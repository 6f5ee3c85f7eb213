//! What `special:model.yml` says about how a model is built.
//!
//! Marian writes all its options there, most of which matter only in training.
//! Of the others each must have the one value that is computed here.

use super::InferenceError;

/// The part of the file that says how the model is built.
pub(super) const DESCRIPTION: &str = "special:model.yml";

/// Options that must have this value if they are there.
const EXPECTED: &[(&str, &[&str])] = &[
    ("type", &["transformer"]),
    ("transformer-decoder-autoreg", &["rnn"]),
    ("dec-cell", &["ssru"]),
    ("transformer-ffn-activation", &["relu"]),
    ("transformer-ffn-depth", &["2"]),
    ("transformer-decoder-ffn-depth", &["2", "0"]),
    ("transformer-train-position-embeddings", &["false"]),
    ("transformer-no-projection", &["false"]),
    ("transformer-tied-layers", &["[]"]),
    ("lemma-dim-emb", &["0"]),
    ("ulr", &["false"]),
];

/// The numbers and choices that shapes of tensors do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Architecture {
    pub(super) heads: usize,
    pub(super) encoder_layers: usize,
    pub(super) decoder_layers: usize,
    pub(super) sublayers: Frames,
    /// Whether embeddings are normalized before the first layer.
    pub(super) normalizes_embeddings: bool,
    /// Whether what comes out of the last layer is.
    pub(super) normalizes_top: bool,
    pub(super) has_output_bias: bool,
    pub(super) alignment: Alignment,
}

/// Where in the decoder to see which words belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alignment {
    /// The layer, from 0.
    pub(super) layer: usize,
    /// Its first heads, of which the mean is taken.
    pub(super) heads: usize,
}

/// What happens around each part of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frames {
    pub(super) normalizes_before: bool,
    pub(super) adds_input: bool,
    pub(super) normalizes_after: bool,
}

impl Architecture {
    pub(super) fn parse(yml: &str) -> Result<Self, InferenceError> {
        for (name, values) in EXPECTED {
            if let Some(found) = option(yml, name)
                && !values.contains(&found.as_str())
            {
                return Err(unsupported(name, found));
            }
        }
        let (adds_input, normalizes_after) =
            match operations(yml, "transformer-postprocess").as_str() {
                "" => (false, false),
                "a" => (true, false),
                "n" => (false, true),
                "an" => (true, true),
                other => return Err(unsupported("transformer-postprocess", other)),
            };
        let sublayers = Frames {
            normalizes_before: normalizes(yml, "transformer-preprocess")?,
            adds_input,
            normalizes_after,
        };
        let heads = number(yml, "transformer-heads")?;
        let decoder_layers = number(yml, "dec-depth")?;
        Ok(Self {
            heads,
            encoder_layers: number(yml, "enc-depth")?,
            decoder_layers,
            sublayers,
            normalizes_embeddings: normalizes(yml, "transformer-postprocess-emb")?,
            normalizes_top: normalizes(yml, "transformer-postprocess-top")?,
            has_output_bias: option(yml, "output-omit-bias").as_deref() != Some("true"),
            alignment: alignment(yml, heads, decoder_layers)?,
        })
    }
}

// Where a head is trained to say which words belong together, it is the first
// one of a layer that is named. No head of other models knows alone.
fn alignment(yml: &str, heads: usize, layers: usize) -> Result<Alignment, InferenceError> {
    let name = "transformer-guided-alignment-layer";
    let Some(value) = option(yml, name) else {
        return Ok(Alignment { layer: layers - 1, heads });
    };
    if value == "last" {
        return Ok(Alignment { layer: layers - 1, heads: 1 });
    }
    match number(yml, name)? {
        number if number <= layers => Ok(Alignment { layer: number - 1, heads: 1 }),
        _ => Err(unsupported(name, value)),
    }
}

fn number(yml: &str, name: &str) -> Result<usize, InferenceError> {
    let value = option(yml, name).unwrap_or_default();
    match value.parse() {
        Ok(number) if 0 < number => Ok(number),
        _ => Err(unsupported(name, value)),
    }
}

// Steps are letters; `d` is dropout, which happens in training only.
fn operations(yml: &str, name: &str) -> String {
    option(yml, name).unwrap_or_default().replace('d', "")
}

fn normalizes(yml: &str, name: &str) -> Result<bool, InferenceError> {
    match operations(yml, name).as_str() {
        "" => Ok(false),
        "n" => Ok(true),
        other => Err(unsupported(name, other)),
    }
}

// A value stands behind its name or, if it is a list, in the lines below it.
fn option(yml: &str, name: &str) -> Option<String> {
    let mut lines = yml.lines();
    let value = lines.by_ref().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let value = match value.trim() {
        "" => {
            let below = lines.take_while(|line| line.starts_with([' ', '-']));
            below.map(str::trim).collect::<Vec<_>>().join(" ")
        }
        value => value.to_owned(),
    };
    Some(value.trim_matches(['"', '\'']).to_owned())
}

fn unsupported(name: &str, value: impl Into<String>) -> InferenceError {
    InferenceError::Option { name: name.to_owned(), value: value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "\
dim-vocabs:
  - 8000
  - 8000
enc-depth: 4
dec-depth: 2
transformer-heads: 8
dec-cell: ssru
transformer-postprocess: dan
transformer-postprocess-emb: d
transformer-postprocess-top: \"\"
transformer-preprocess: \"\"
transformer-tied-layers:
  []
";

    #[test]
    fn the_shape_of_a_model_is_read() {
        let found = Architecture::parse(SMALL).expect("a model");
        assert_eq!((found.heads, found.encoder_layers, found.decoder_layers), (8, 4, 2));
        let after = Frames { normalizes_before: false, adds_input: true, normalizes_after: true };
        assert_eq!(found.sublayers, after);
        assert!(!found.normalizes_embeddings && !found.normalizes_top && found.has_output_bias);

        let normalized_before = SMALL
            .replace("transformer-postprocess: dan", "transformer-postprocess: da")
            .replace("transformer-preprocess: \"\"", "transformer-preprocess: n")
            .replace("transformer-postprocess-top: \"\"", "transformer-postprocess-top: n");
        let found = Architecture::parse(&normalized_before).expect("a model");
        let before = Frames { normalizes_before: true, adds_input: true, normalizes_after: false };
        assert_eq!(found.sublayers, before);
        assert!(found.normalizes_top);
    }

    #[test]
    fn the_head_that_aligns_words_is_found() {
        let found = |line: &str| {
            let alignment =
                Architecture::parse(&format!("{SMALL}{line}")).expect("a model").alignment;
            (alignment.layer, alignment.heads)
        };
        assert_eq!(found(""), (1, 8));
        assert_eq!(found("transformer-guided-alignment-layer: last\n"), (1, 1));
        assert_eq!(found("transformer-guided-alignment-layer: 1\n"), (0, 1));
    }

    fn check_refused(old: &str, new: &str, expected: &str) {
        let refused = Architecture::parse(&SMALL.replace(old, new)).expect_err(new);
        assert!(refused.to_string().contains(expected), "{refused}");
    }

    #[test]
    fn what_is_not_computed_is_refused_by_name() {
        check_refused("ssru", "gru", "dec-cell: gru");
        check_refused("dan", "dhn", "transformer-postprocess: hn");
        check_refused("  []", "  - 1\n  - 1", "transformer-tied-layers: - 1 - 1");
        check_refused("enc-depth: 4", "enc-depth: four", "enc-depth: four");
        check_refused("transformer-heads: 8", "", "transformer-heads");
        check_refused("dec-depth: 2", "dec-depth: 0", "dec-depth: 0");
        let layer = "transformer-guided-alignment-layer: 3";
        check_refused("dec-cell: ssru", layer, layer);
    }
}
