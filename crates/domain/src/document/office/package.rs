//! The ZIP container of an office file: opened with distrust, and written again
//! with some of its entries replaced and all others copied as they are.
//!
//! It knows nothing of what the entries mean, and their names are never used as
//! names of files.
//!
//! Start reading at [`Package::open`].

use std::collections::HashSet;
use std::io::{Cursor, Read, Write};
use std::sync::Arc;

use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::document::DocumentError;

/// The most entries; a presentation with a thousand slides has about 5,000.
const ENTRIES_MAX: usize = 10_000;
/// The most bytes that all entries together have when unpacked.
const UNPACKED_BYTES_MAX: u64 = 200_000_000;
/// The most bytes of an entry that is read.
const PART_BYTES_MAX: u64 = 100_000_000;
/// An entry that shrank more than this is no document but a bomb...
const RATIO_MAX: u64 = 300;
/// ... unless it is small anyway.
const RATIO_FREE_BYTES: u64 = 4_000_000;

const OLE_MAGIC: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
const CENTRAL_HEADER: &[u8] = b"PK\x01\x02";

/// An office file as it lies there.
#[derive(Clone, Debug)]
pub(super) struct Package {
    // Invariant: a ZIP file within the limits. A clone of it shares the bytes and
    // the list of entries, and has a place of its own to read at.
    archive: Archive,
    bytes: Arc<[u8]>,
    names: Vec<String>,
}

type Archive = ZipArchive<Cursor<Arc<[u8]>>>;

impl PartialEq for Package {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Package {}

/// Why a package is not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PackageError {
    Encrypted,
    TooLargeUnpacked,
    /// In words for the owner of the document.
    Damaged(String),
}

impl PackageError {
    pub(super) fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged(reason.into())
    }

    /// What a document that should have been `expected` is refused with.
    pub(super) fn into_error(self, expected: &'static str) -> DocumentError {
        match self {
            Self::Encrypted => DocumentError::Encrypted,
            Self::TooLargeUnpacked => DocumentError::TooLargeUnpacked,
            Self::Damaged(reason) => DocumentError::Malformed { expected, reason },
        }
    }
}

impl Package {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, PackageError> {
        if bytes.starts_with(OLE_MAGIC) {
            return Err(ole_error(&bytes));
        }
        // Before anything is allocated for each of them.
        let headers = bytes.windows(4).filter(|window| *window == CENTRAL_HEADER).count();
        if ENTRIES_MAX < headers {
            return Err(too_many_entries());
        }
        let bytes: Arc<[u8]> = bytes.into();
        let mut archive = ZipArchive::new(Cursor::new(Arc::clone(&bytes)))
            .map_err(|_| PackageError::damaged("it is no ZIP container, or a damaged one"))?;
        if ENTRIES_MAX < archive.len() {
            return Err(too_many_entries());
        }
        if archive.has_duplicate_names() {
            return Err(duplicate_name());
        }
        let has_overlap = archive.has_overlapping_entries();
        if has_overlap.map_err(|err| PackageError::damaged(err.to_string()))? {
            return Err(PackageError::damaged("entries of the ZIP container overlap"));
        }
        let names = checked_names(&archive)?;
        Ok(Self { archive, bytes, names })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The names of the entries in their order, as parts are called: with slashes,
    /// none at the start, and in small letters.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|entry| entry == name)
    }

    /// Unpacks an entry.
    pub(super) fn read(&self, index: usize) -> Result<Vec<u8>, PackageError> {
        read(&mut self.archive.clone(), index)
    }

    /// The file with `changed(index, content)` in the place of each entry that
    /// `is_read` names, where it gives something; all others are copied packed.
    pub(super) fn rewrite(
        &self,
        is_read: impl Fn(usize) -> bool,
        mut changed: impl FnMut(usize, &[u8]) -> Result<Option<Vec<u8>>, PackageError>,
    ) -> Result<Vec<u8>, PackageError> {
        let mut source = self.archive.clone();
        let mut target = ZipWriter::new(Cursor::new(Vec::with_capacity(self.bytes.len())));
        let written = |err: zip::result::ZipError| PackageError::damaged(err.to_string());
        target.set_raw_comment(source.comment().into()).map_err(written)?;
        for index in 0..source.len() {
            let new =
                if is_read(index) { changed(index, &read(&mut source, index)?)? } else { None };
            let entry = source.by_index_raw(index).map_err(written)?;
            let Some(content) = new else {
                target.raw_copy_file(entry).map_err(written)?;
                continue;
            };
            let name = entry.name_raw().to_vec();
            let options = entry.options().compression_method(CompressionMethod::Deflated);
            target.start_file_with_options(options.name(&name)).map_err(written)?;
            target.write_all(&content).map_err(|err| PackageError::damaged(err.to_string()))?;
        }
        Ok(target.finish().map_err(written)?.into_inner())
    }
}

fn checked_names(archive: &Archive) -> Result<Vec<String>, PackageError> {
    let mut names = Vec::with_capacity(archive.len());
    let mut seen = HashSet::new();
    let mut unpacked = 0_u64;
    for index in 0..archive.len() {
        let entry =
            archive.by_index_data(index).map_err(|err| PackageError::damaged(err.to_string()))?;
        if entry.encrypted() {
            return Err(PackageError::Encrypted);
        }
        unpacked = unpacked.saturating_add(entry.size());
        let is_bomb = RATIO_FREE_BYTES < entry.size()
            && entry.compressed_size().saturating_mul(RATIO_MAX) < entry.size();
        if UNPACKED_BYTES_MAX < unpacked || is_bomb {
            return Err(PackageError::TooLargeUnpacked);
        }
        let name = String::from_utf8_lossy(entry.name_raw()).replace('\\', "/");
        let name = name.trim_start_matches('/').to_ascii_lowercase();
        if !seen.insert(name.clone()) {
            return Err(duplicate_name());
        }
        names.push(name);
    }
    Ok(names)
}

fn read(archive: &mut Archive, index: usize) -> Result<Vec<u8>, PackageError> {
    let entry = archive.by_index(index).map_err(|err| PackageError::damaged(err.to_string()))?;
    let size = entry.size();
    if PART_BYTES_MAX < size {
        return Err(PackageError::TooLargeUnpacked);
    }
    let mut content = Vec::new();
    // One byte more than there should be shows that the size is a lie.
    entry
        .take(size + 1)
        .read_to_end(&mut content)
        .map_err(|err| PackageError::damaged(format!("an entry cannot be unpacked: {err}")))?;
    if content.len() as u64 != size {
        return Err(PackageError::damaged("an entry is not as long as the ZIP container says"));
    }
    Ok(content)
}

// An encrypted office file is a container of the old kind with this stream in it;
// the names of streams are UTF-16.
fn ole_error(bytes: &[u8]) -> PackageError {
    let stream: Vec<u8> = "EncryptedPackage".bytes().flat_map(|byte| [byte, 0]).collect();
    if bytes.windows(stream.len()).any(|window| window == stream) {
        return PackageError::Encrypted;
    }
    PackageError::damaged("it is in the format of Office 97-2003: save it in the new format")
}

fn too_many_entries() -> PackageError {
    PackageError::damaged(format!("the ZIP container has more than {ENTRIES_MAX} entries"))
}

fn duplicate_name() -> PackageError {
    PackageError::damaged("the ZIP container has two entries of the same name")
}
