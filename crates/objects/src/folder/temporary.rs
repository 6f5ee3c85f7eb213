//! Files in the making: written in a folder of their own, made durable, and then
//! moved to where they belong. Everything here blocks.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use super::error::{FolderError, failure};

/// How much is read and written at once when an object is copied.
const COPY_BYTES: usize = 1 << 20;

/// A file that is removed again unless it was moved away.
#[derive(Debug)]
pub(super) struct Temporary {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) size_bytes: u64,
    md5: Md5,
}

impl Temporary {
    pub(super) fn create(path: PathBuf) -> Result<Self, FolderError> {
        let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failure)?;
        Ok(Self { file, path, size_bytes: 0, md5: Md5::new() })
    }

    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), FolderError> {
        self.file.write_all(piece).map_err(failure)?;
        self.md5.update(piece);
        self.size_bytes += piece.len() as u64;
        Ok(())
    }

    /// Appends `length` bytes of another file from `start`.
    pub(super) fn append_range(
        &mut self,
        source: &File,
        start: u64,
        length: u64,
    ) -> Result<(), FolderError> {
        let mut buffer = vec![0; COPY_BYTES.min(usize::try_from(length).unwrap_or(COPY_BYTES))];
        let end = start + length;
        let mut position = start;
        while position < end {
            let wanted = buffer.len().min(usize::try_from(end - position).unwrap_or(usize::MAX));
            let read = source.read_at(&mut buffer[..wanted], position).map_err(failure)?;
            if read == 0 {
                return Err(failure(io::Error::from(io::ErrorKind::UnexpectedEof)));
            }
            self.append(&buffer[..read])?;
            position += read as u64;
        }
        Ok(())
    }

    /// Appends a whole file without a look at its content, which the system can do best.
    pub(super) fn append_unseen(&mut self, source: &mut File) -> Result<(), FolderError> {
        self.size_bytes += io::copy(source, &mut self.file).map_err(failure)?;
        Ok(())
    }

    /// The MD5 of what was appended and seen.
    pub(super) fn md5(&self) -> [u8; 16] {
        self.md5.clone().finalize().into()
    }

    /// Makes the content durable.
    pub(super) fn sync(&self) -> Result<(), FolderError> {
        self.file.sync_all().map_err(failure)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing is there when it was moved away; what stays is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Removes what an earlier process left.
pub(super) fn clean(folder: &Path) -> Result<(), FolderError> {
    for entry in std::fs::read_dir(folder).map_err(failure)? {
        let entry = entry.map_err(failure)?;
        let is_folder = entry.file_type().map_err(failure)?.is_dir();
        let removed = if is_folder {
            std::fs::remove_dir_all(entry.path())
        } else {
            std::fs::remove_file(entry.path())
        };
        removed.map_err(failure)?;
    }
    Ok(())
}
