//! The whole inference: models of all shapes, and bytes that are none.

use std::cell::Cell;

use fxtranslate::engine::Engine;
use fxtranslate::spm::SpmVocab;
use proptest::prelude::*;

use super::super::bundled::BUNDLED;
use super::container::testing::{File, int8};
use super::*;

const WIDTH: usize = 8;
const INNER: usize = 12;
const WORDS: usize = 21;
const END: u32 = 1;

/// How a model made for a test differs from the usual one.
#[derive(Clone, Copy)]
struct Shape {
    normalizes_before: bool,
    has_scales: bool,
    has_two_vocabularies: bool,
}

const USUAL: Shape =
    Shape { normalizes_before: false, has_scales: true, has_two_vocabularies: false };

fn yml(shape: Shape) -> String {
    let (before, after, top) =
        if shape.normalizes_before { ("n", "da", "n") } else { ("\"\"", "dan", "\"\"") };
    format!(
        "type: transformer\nenc-depth: 2\ndec-depth: 2\ntransformer-heads: 2\n\
         transformer-preprocess: {before}\ntransformer-postprocess: {after}\n\
         transformer-postprocess-top: {top}\n"
    )
}

/// A model of random weights, in which the end mark is never likely.
fn file(shape: Shape) -> File {
    let mut file = File::default();
    let matrix = |file: &mut File, name: &str, rows: usize, columns: usize| {
        file.add(name, 0x4101, &[rows, columns], int8(name, rows * columns));
        if shape.has_scales {
            file.floats(&format!("{name}_QuantMultA"), &[30.0]);
        }
    };
    let norm = |file: &mut File, prefix: &str, suffix: &str| {
        file.floats(&format!("{prefix}_ln_scale{suffix}"), &[1.0; WIDTH]);
        file.floats(&format!("{prefix}_ln_bias{suffix}"), &[0.1; WIDTH]);
    };
    let frame = |file: &mut File, before: &str, after: &str| {
        if shape.normalizes_before { norm(file, before, "_pre") } else { norm(file, after, "") }
    };
    let attention = |file: &mut File, prefix: &str| {
        for letter in ["q", "k", "v", "o"] {
            matrix(file, &format!("{prefix}_W{letter}"), WIDTH, WIDTH);
            file.floats(&format!("{prefix}_b{letter}"), &[0.1; WIDTH]);
        }
        frame(file, &format!("{prefix}_Wo"), &format!("{prefix}_Wo"));
    };
    for side in ["encoder", "decoder"] {
        if shape.has_two_vocabularies {
            matrix(&mut file, &format!("{side}_Wemb"), WORDS, WIDTH);
        }
        for layer in 1..=2 {
            let part = |name: &str| format!("{side}_l{layer}_{name}");
            if side == "encoder" {
                attention(&mut file, &part("self"));
            } else {
                matrix(&mut file, &part("rnn_W"), WIDTH, WIDTH);
                matrix(&mut file, &part("rnn_Wf"), WIDTH, WIDTH);
                file.floats(&part("rnn_bf"), &[0.1; WIDTH]);
                frame(&mut file, &part("rnn"), &part("rnn_ffn"));
                attention(&mut file, &part("context"));
            }
            matrix(&mut file, &part("ffn_W1"), WIDTH, INNER);
            file.floats(&part("ffn_b1"), &[0.1; INNER]);
            matrix(&mut file, &part("ffn_W2"), INNER, WIDTH);
            file.floats(&part("ffn_b2"), &[0.1; WIDTH]);
            frame(&mut file, &part("ffn_ffn"), &part("ffn_ffn"));
        }
        if shape.normalizes_before {
            norm(&mut file, &format!("{side}_top"), "");
        }
    }
    if !shape.has_two_vocabularies {
        matrix(&mut file, "Wemb", WORDS, WIDTH);
        if shape.has_scales {
            file.floats("none_QuantMultA", &[30.0]);
        }
    }
    let mut bias = [0.0; WORDS];
    bias[END as usize] = -1e6;
    file.floats("decoder_ff_logit_out_b", &bias);
    file.add("special:model.yml", 0x101, &[yml(shape).len()], yml(shape).into_bytes());
    file
}

fn model(shape: Shape) -> Inference {
    Inference::from_bytes(&file(shape).bytes()).expect("a model")
}

fn translate(model: &Inference, sentences: &[&[u32]]) -> Vec<Output> {
    let options = Options { alignments: true, end: END };
    model.translate(sentences, options, &|| false).expect("nobody stops it")
}

fn shapes() -> impl Iterator<Item = Shape> {
    (0..8).map(|bits| Shape {
        normalizes_before: bits & 1 != 0,
        has_scales: bits & 2 != 0,
        has_two_vocabularies: bits & 4 != 0,
    })
}

#[test]
fn every_shape_is_computed_and_alike_by_all_kernels() {
    for shape in shapes() {
        let fast = model(shape);
        let mut plain = model(shape);
        plain.level = Level::portable();
        let sentences: [&[u32]; 2] = [&[4, 5, 6, END], &[7, END]];
        let found = translate(&fast, &sentences);
        assert_eq!(found, translate(&plain, &sentences));
        assert_eq!(fast.vocabulary_sizes(), (WORDS, WORDS));
        assert!(0 < fast.size_bytes());

        assert_eq!((found[0].ids.len(), found[1].ids.len()), (12, 8), "twice as many and four");
        assert_eq!(found[0].alignment.len(), 12 * 4);
        for shares in found[0].alignment.chunks(4) {
            let sum: f32 = shares.iter().sum();
            assert!((0.999..1.001).contains(&sum), "{shares:?}");
        }
    }
}

#[test]
fn sentences_of_all_lengths_are_translated_together_as_alone() {
    let model = model(USUAL);
    let mut sentences: Vec<Vec<u32>> = (0..40_u32)
        .map(|nth| (0..nth * nth % 67).map(|at| 2 + (nth + at) % 19).chain([END]).collect())
        .collect();
    sentences.push(Vec::new());
    sentences.push(vec![5; 300]);
    // What the model does not know is nothing special.
    sentences.push(vec![u32::MAX, END]);
    let sentences: Vec<&[u32]> = sentences.iter().map(Vec::as_slice).collect();

    let together = translate(&model, &sentences);
    for (sentence, together) in sentences.iter().zip(&together) {
        let alone = translate(&model, &[*sentence]);
        assert_eq!(alone, std::slice::from_ref(together), "{sentence:?}");
        assert!(together.ids.len() <= TARGET_TOKENS_MAX);
    }
    assert!(translate(&model, &[]).is_empty());
}

#[test]
fn the_end_mark_ends_a_translation_and_is_not_part_of_it() {
    let model = model(USUAL);
    let all = translate(&model, &[&[4, 5, 6, END]]).remove(0);
    let end = all.ids[5];
    let first = all.ids.iter().position(|id| *id == end).expect("it is there");
    let options = Options { alignments: true, end };
    let cut = model.translate(&[&[4, 5, 6, END]], options, &|| false).expect("not stopped");
    assert_eq!(cut[0].ids, all.ids[..first]);
    assert_eq!(cut[0].alignment, all.alignment[..first * 4]);
}

#[test]
fn a_stop_is_seen_at_every_step() {
    let model = model(USUAL);
    let options = Options { alignments: false, end: END };
    let steps = Cell::new(0_usize);
    let count = || {
        steps.set(steps.get() + 1);
        false
    };
    model.translate(&[&[4, 5, 6, END]], options, &count).expect("not stopped");
    // Each layer of the encoder, and each token but the one after the last.
    assert_eq!(steps.get(), 2 + 12);

    for last in 0..steps.get() {
        let left = Cell::new(last);
        let is_over = || left.replace(left.get().saturating_sub(1)) == 0;
        let stopped = model.translate(&[&[4, 5, 6, END]], options, &is_over);
        assert_eq!(stopped, Err(Stopped));
    }
}

#[test]
fn threads_share_a_model_and_its_memory() {
    let model = model(USUAL);
    let expected = translate(&model, &[&[4, 5, END], &[6, END]]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(translate(&model, &[&[4, 5, END], &[6, END]]), expected);
                }
            });
        }
    });
    let idle = model.lock_idle().len();
    assert!((1..=4).contains(&idle), "{idle}");
}

fn check_refused(change: impl Fn(&mut File), expected: &str) {
    let mut file = file(USUAL);
    change(&mut file);
    let refused = Inference::from_bytes(&file.bytes()).err().expect(expected).to_string();
    assert!(refused.contains(expected), "{refused}");
}

#[test]
fn what_cannot_be_computed_is_refused_by_name() {
    let name = "encoder_l2_self_Wq";
    check_refused(|file| file.remove(name), "encoder_l2_self_Wq is missing");
    check_refused(|file| file.remove("special:model.yml"), "special:model.yml is missing");
    check_refused(|file| file.floats("encoder_l1_self_Wx", &[1.0]), "encoder_l1_self_Wx belongs");
    check_refused(
        |file| {
            file.remove(name);
            file.floats(name, &[1.0]);
        },
        "encoder_l2_self_Wq has numbers of an unknown kind",
    );
    check_refused(
        |file| {
            file.remove(name);
            file.add(name, 0x4101, &[WIDTH, 2], int8(name, WIDTH * 2));
        },
        "encoder_l2_self_Wq has the wrong size",
    );
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        check_refused(
            |file| {
                let name = format!("{name}_QuantMultA");
                file.remove(&name);
                file.floats(&name, &[scale]);
            },
            "the scale of the tensor encoder_l2_self_Wq_QuantMultA",
        );
    }
    let other = yml(USUAL).replace("transformer-heads: 2", "transformer-heads: 3");
    check_refused(
        |file| {
            file.remove("special:model.yml");
            file.add("special:model.yml", 0x101, &[other.len()], other.clone().into_bytes());
        },
        "transformer-heads: 3 is not supported",
    );
}

#[test]
fn a_model_that_was_cut_off_is_refused_wherever_that_was() {
    let bytes = file(USUAL).bytes();
    for len in 0..bytes.len() {
        assert!(Inference::from_bytes(&bytes[..len]).is_err(), "{len} of {}", bytes.len());
    }
}

/// The arithmetic is the same, but not the order of sums: where two words are
/// about equally likely, another one may be taken.
#[test]
fn translations_are_those_of_another_implementation() {
    let texts = [
        include_str!("../../../../../models/en-es/everyday.txt"),
        include_str!("../../../../../models/es-en/everyday.txt"),
    ];
    let mut alike = 0;
    let mut lines = 0;
    for (bundled, text) in BUNDLED.iter().zip(texts) {
        let [(_, model), (_, vocabulary)] = bundled.files else { panic!("two files") };
        let ours = Inference::from_bytes(model).unwrap();
        let theirs = Engine::from_bytes(model, vocabulary, vocabulary).unwrap();
        let vocabulary = SpmVocab::from_bytes(vocabulary);
        let options = Options { alignments: false, end: vocabulary.eos_id() };
        for line in text.lines().filter_map(|line| line.split('|').next()) {
            let ids = vocabulary.encode_with_eos(line);
            let found = ours.translate(&[&ids], options, &|| false).unwrap();
            alike += usize::from(found[0].ids == theirs.greedy(&ids));
            lines += 1;
        }
    }
    assert!(lines - 3 <= alike, "{alike} of {lines}");
}

proptest! {
    #[test]
    fn damage_does_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = file(USUAL).bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(model) = Inference::from_bytes(&bytes) {
            translate(&model, &[&[4, 5, 6, END]]);
        }
    }

    #[test]
    fn damaged_headers_do_no_harm(changes in prop::collection::vec((0..2_400_usize, any::<u8>()), 1..4)) {
        let mut bytes = file(USUAL).bytes();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if let Ok(model) = Inference::from_bytes(&bytes) {
            translate(&model, &[&[4, 5, 6, END]]);
        }
    }
}
