//! A mirror: a folder, here or behind a URL, with a list of models in
//! `index.json` and each file at `<from>-<to>/<name>`.
//!
//! The list is bounded and believed in nothing: each model in it is read as
//! [`Metadata`] is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::language::LanguagePair;
use serde::{Deserialize, Serialize};

use super::ModelStoreError;
use super::fetch::{Http, read_bounded};
use crate::neural::metadata::{Metadata, Parts, folder_of_pair};

/// The name of the list.
pub(super) const INDEX: &str = "index.json";
/// A list of all pairs there are has a tenth of this.
pub(super) const INDEX_BYTES_MAX: u64 = 16 << 20;

/// Where models can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mirror {
    /// A folder of this machine.
    Folder(PathBuf),
    /// An HTTP server's.
    Url(String),
}

/// A model that a mirror has.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedModel {
    /// What it is for.
    pub pair: LanguagePair,
    /// What its maker calls it.
    pub name: Option<String>,
    /// Its version, as its maker writes it.
    pub version: Option<String>,
    /// What kind of network it is.
    pub architecture: Option<String>,
    /// Its license.
    pub license: Option<String>,
    /// The size of its files when they are installed.
    pub size_bytes: u64,
    pub(super) metadata: Metadata,
    pub(super) parts: Parts,
}

/// The list as it is written.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Index {
    pub(super) models: Vec<Metadata>,
}

impl Mirror {
    /// A URL is one that begins with `http://` or `https://`; all else is a folder.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Self::Url(text.trim_end_matches('/').to_owned());
        }
        Self::Folder(PathBuf::from(text))
    }

    /// What it has, by pair. Models for languages that the service has not are left out.
    pub fn offers(&self) -> Result<Vec<OfferedModel>, ModelStoreError> {
        self.offers_over(&Http::default())
    }

    pub(super) fn offers_over(&self, http: &Http) -> Result<Vec<OfferedModel>, ModelStoreError> {
        let bytes = match self {
            Self::Folder(folder) => {
                let path = folder.join(INDEX);
                read_bounded(&path, INDEX_BYTES_MAX)
                    .map_err(|reason| self.unusable(format!("{}: {reason}", path.display())))?
            }
            Self::Url(url) => http
                .read(&format!("{url}/{INDEX}"), INDEX_BYTES_MAX)
                .map_err(|reason| self.unusable(format!("{INDEX}: {reason}")))?,
        };
        offers_of(&bytes).map_err(|reason| self.unusable(format!("{INDEX}: {reason}")))
    }

    /// What it is called in messages: without the password a URL may have.
    pub fn place(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Url(url) => shown(url),
        }
    }

    fn unusable(&self, reason: String) -> ModelStoreError {
        ModelStoreError::Mirror { place: self.place(), reason }
    }
}

/// Reads a list. What is wrong with one model is wrong with the list.
pub(super) fn offers_of(bytes: &[u8]) -> Result<Vec<OfferedModel>, String> {
    let index: Index = serde_json::from_slice(bytes).map_err(|err| err.to_string())?;
    let mut offers = Vec::with_capacity(index.models.len());
    let mut pairs = BTreeSet::new();
    for metadata in index.models {
        let parts = metadata
            .parts()
            .map_err(|reason| format!("{:?} to {:?}: {reason}", metadata.from, metadata.to))?;
        // Firefox has languages that the service has not.
        let Ok(pair) = metadata.pair() else { continue };
        if !pairs.insert(pair) {
            return Err(format!("it has more than one model {}", folder_of_pair(pair)));
        }
        offers.push(OfferedModel {
            pair,
            name: metadata.name.clone(),
            version: metadata.version.clone(),
            architecture: metadata.architecture(),
            license: metadata.license.clone(),
            size_bytes: parts.size_bytes(),
            metadata,
            parts,
        });
    }
    offers.sort_by_key(|offer| folder_of_pair(offer.pair));
    Ok(offers)
}

/// A URL without the name and the password that may be in it.
pub(super) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((secret, _)) => format!("{scheme}://{}", &rest[secret.len() + 1..]),
        None => url.to_owned(),
    }
}
