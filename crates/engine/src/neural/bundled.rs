//! The models inside the program, so that a copied binary translates at once.
//!
//! They are ours: `metadata.json` says how each was made and of what data.

/// One model inside the program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bundled {
    /// The text of `metadata.json`.
    pub(super) metadata: &'static str,
    /// The files that the metadata names.
    pub(super) files: &'static [(&'static str, &'static [u8])],
}

pub(super) const BUNDLED: &[Bundled] = &[
    Bundled {
        metadata: include_str!("../../../../models/en-es/metadata.json"),
        files: &[
            (
                "model.enes.intgemm.alphas.bin",
                include_bytes!("../../../../models/en-es/model.enes.intgemm.alphas.bin"),
            ),
            ("vocab.enes.spm", include_bytes!("../../../../models/en-es/vocab.enes.spm")),
        ],
    },
    Bundled {
        metadata: include_str!("../../../../models/es-en/metadata.json"),
        files: &[
            (
                "model.esen.intgemm.alphas.bin",
                include_bytes!("../../../../models/es-en/model.esen.intgemm.alphas.bin"),
            ),
            ("vocab.esen.spm", include_bytes!("../../../../models/es-en/vocab.esen.spm")),
        ],
    },
];
