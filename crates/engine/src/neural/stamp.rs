//! How a folder of a model looks from outside, to notice that it was changed
//! without reading it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Which files a folder has, of which size and when each was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<(OsString, FileStamp)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FileStamp {
    inode: u64,
    size_bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let mut files = vec![(OsString::new(), FileStamp::of(&fs::metadata(folder)?))];
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // What a link leads to is what would be read, if it leads anywhere.
            let path = entry.path();
            let metadata = fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path))?;
            files.push((entry.file_name(), FileStamp::of(&metadata)));
        }
        files.sort_unstable();
        Ok(Self(files))
    }
}

impl FileStamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
