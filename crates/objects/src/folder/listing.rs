//! A walk through a bucket in the order of keys, from any key on.
//!
//! A folder sorts as its name and a slash, because its keys do; so the keys of a
//! folder stand together, and a walk that begins anywhere reads only the folders on
//! the way there. Start reading at [`Walk::next`].

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::error::FolderError;
use super::headers::Kept;
use super::names::{Kind, decode, encode, folders_of};
use super::tree::{Bucket, open_folder, open_object};
use crate::ObjectInfo;

/// A folder with at least this many entries is kept from one page of a listing to
/// the next: reading and sorting it again for each page would be quadratic.
const KEPT_ENTRIES_MIN: usize = 4096;

/// How many folders of a walk are open at once; those between are opened again when needed.
const OPEN_FOLDERS_MAX: usize = 32;

/// How often a folder is read anew because an object in it changed its name meanwhile.
const READS_MAX: usize = 4;

/// The entries of a folder in the order of keys. One text holds all names, as
/// a folder may have millions.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    length: u16,
    kind: EntryKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EntryKind {
    /// An object; its text is the last part of its key.
    Object,
    /// An object beside a folder of the same name.
    ObjectBeside,
    /// A folder; its text ends in a slash.
    Folder,
    /// A folder with the rest of an over-long segment.
    Cut,
}

impl EntryKind {
    fn is_folder(self) -> bool {
        match self {
            Self::Object | Self::ObjectBeside => false,
            Self::Folder | Self::Cut => true,
        }
    }
}

impl Sorted {
    /// How much memory this takes, in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    fn read(folder: &OwnedFd) -> Result<Self, Errno> {
        let mut sorted = Self::default();
        for entry in rustix::fs::Dir::read_from(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let mut file_type = entry.file_type();
            if file_type == FileType::Unknown {
                match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => file_type = FileType::from_raw_mode(stat.st_mode),
                    Err(Errno::NOENT) => continue,
                    Err(err) => return Err(err),
                }
            }
            sorted.push(name, file_type);
        }
        sorted.text.shrink_to_fit();
        sorted.sort();
        Ok(sorted)
    }

    fn push(&mut self, name: &str, file_type: FileType) {
        let Some((text, kind)) = decode(name) else {
            return;
        };
        let kind = match (file_type, kind) {
            (FileType::RegularFile, Kind::Whole) => EntryKind::Object,
            (FileType::RegularFile, Kind::Beside) => EntryKind::ObjectBeside,
            (FileType::Directory, Kind::Whole) => EntryKind::Folder,
            (FileType::Directory, Kind::Cut) => EntryKind::Cut,
            (_, Kind::Whole | Kind::Beside | Kind::Cut) => return,
        };
        // Four thousand million bytes of names are more than a folder can have.
        let Ok(start) = u32::try_from(self.text.len()) else {
            return;
        };
        self.text.extend_from_slice(text.as_bytes());
        if kind == EntryKind::Folder {
            self.text.push(b'/');
        }
        let length = self.text.len() - start as usize;
        let length = u16::try_from(length).expect("a name is shorter than 255 bytes");
        self.entries.push(Entry { start, length, kind });
    }

    fn sort(&mut self) {
        let Self { text, entries } = self;
        let text_of = |entry: &Entry| text_of(text, *entry);
        entries.sort_unstable_by(|left, right| {
            text_of(left).cmp(text_of(right)).then(left.kind.cmp(&right.kind))
        });
        // After a crash an object may stand here under both its names.
        entries.dedup_by(|later, earlier| text_of(later) == text_of(earlier));
        entries.shrink_to_fit();
    }

    fn text(&self, entry: Entry) -> &str {
        // Only whole names were put in.
        std::str::from_utf8(text_of(&self.text, entry)).unwrap_or_default()
    }
}

fn text_of(text: &[u8], entry: Entry) -> &[u8] {
    &text[entry.start as usize..][..usize::from(entry.length)]
}

/// Where a walk begins and where it ends.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    /// All keys begin so.
    prefix: String,
    low: String,
    begin: Begin,
}

/// Where a walk begins, in relation to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// At the key that is the text, or the first one after it.
    At,
    /// At the first key after the text.
    After,
    /// At the first key after all that begin with the text.
    AfterAll,
}

impl Bounds {
    pub(super) fn new(prefix: &str, start: Option<(&str, Begin)>) -> Self {
        let (low, begin) = match start {
            Some((low, begin)) if prefix <= low => (low, begin),
            Some(_) | None => (prefix, Begin::At),
        };
        Self { prefix: prefix.to_owned(), low: low.to_owned(), begin }
    }

    /// The first entry of a folder that is not wholly before the bounds.
    fn first(&self, key_prefix: &str, sorted: &Sorted) -> usize {
        let Some(low) = self.low.strip_prefix(key_prefix) else {
            return if self.low.as_str() < key_prefix { 0 } else { sorted.entries.len() };
        };
        sorted.entries.partition_point(|entry| {
            let text = sorted.text(*entry);
            let is_passed = match self.begin {
                Begin::At => false,
                Begin::After => text == low && !entry.kind.is_folder(),
                Begin::AfterAll => text.starts_with(low),
            };
            // The keys of a folder go on behind its own text.
            is_passed || (text < low && !(entry.kind.is_folder() && low.starts_with(text)))
        })
    }
}

#[derive(Debug)]
struct Frame {
    folder: Option<OwnedFd>,
    /// The folder's name in the one around it; of the first frame, empty.
    name: String,
    /// How the keys of the folder begin.
    key_prefix: String,
    sorted: Arc<Sorted>,
    next: usize,
}

/// A folder kept from an earlier page, under the beginning of its keys.
pub(super) type Snapshot = (String, Arc<Sorted>);

/// What a walk comes to.
#[derive(Debug)]
pub(super) enum Step {
    /// An object, of which [`Walk::info`] may be asked before the next step.
    Object(String),
    /// A folder that may hold objects, and which [`Walk::enter`] goes into. Its keys begin so.
    Folder(String),
}

/// A walk through the keys of a bucket.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    bucket: &'a Bucket,
    bounds: Bounds,
    /// The folders around the first frame.
    base: Vec<String>,
    frames: Vec<Frame>,
    snapshots: Vec<Snapshot>,
    /// The entry that the last step came to.
    current: Option<Entry>,
}

impl<'a> Walk<'a> {
    pub(super) fn begin(
        bucket: &'a Bucket,
        bounds: Bounds,
        snapshots: Vec<Snapshot>,
    ) -> Result<Self, FolderError> {
        // All keys lie in the folder that the prefix names.
        let folder_end = bounds.prefix.rfind('/').map_or(0, |slash| slash + 1);
        let key_prefix = bounds.prefix[..folder_end].to_owned();
        let base = folders_of(&key_prefix);
        let folder = bucket.folder(&base)?;
        let mut walk = Self { bucket, bounds, base, frames: Vec::new(), snapshots, current: None };
        if let Some(folder) = folder {
            walk.push(folder, String::new(), key_prefix)?;
        }
        Ok(walk)
    }

    /// The next object or folder. A folder is passed by unless it is entered.
    pub(super) fn next(&mut self) -> Option<Step> {
        loop {
            let frame = self.frames.last_mut()?;
            let Some(entry) = frame.sorted.entries.get(frame.next).copied() else {
                self.frames.pop();
                continue;
            };
            let text = frame.sorted.text(entry);
            if let Some(rest) = self.bounds.prefix.strip_prefix(&frame.key_prefix)
                && !text.starts_with(rest)
                && !(rest.starts_with(text) && entry.kind == EntryKind::Cut)
            {
                // What is not within the prefix here lies behind it.
                self.frames.clear();
                return None;
            }
            frame.next += 1;
            let key = format!("{}{text}", frame.key_prefix);
            self.current = Some(entry);
            return Some(match entry.kind {
                EntryKind::Object | EntryKind::ObjectBeside => Step::Object(key),
                EntryKind::Folder | EntryKind::Cut => Step::Folder(key),
            });
        }
    }

    /// Goes into the folder that the last step came to.
    pub(super) fn enter(&mut self, key_prefix: String) -> Result<(), FolderError> {
        let Some((name, _)) = self.current_name() else {
            return Ok(());
        };
        let Some(around) = self.top_folder()? else {
            return Ok(());
        };
        match open_folder(around, &name) {
            Ok(folder) => self.push(folder, name, key_prefix),
            // It went away since the folder around it was read.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(err) => Err(self.bucket.failure(err)),
        }
    }

    /// Looks at the object that the last step came to; nothing if it has gone.
    pub(super) fn info(&mut self, key: String) -> Result<Option<ObjectInfo>, FolderError> {
        let Some((name, other_name)) = self.current_name() else {
            return Ok(None);
        };
        let bucket = self.bucket;
        let Some(folder) = self.top_folder()? else {
            return Ok(None);
        };
        for name in [Some(name), other_name].into_iter().flatten() {
            let (stat, etag) = match open_object(folder, &name) {
                Ok(None) => continue,
                Ok(Some(found)) => (found.stat, Kept::read(&found.file, &found.stat).etag),
                // Not ours to read, and yet there.
                Err(Errno::ACCESS) => {
                    let stat = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)
                        .map_err(|err| bucket.failure(err))?;
                    (stat, Kept::derived(&stat).etag)
                }
                Err(err) => return Err(bucket.failure(err)),
            };
            let size_bytes = u64::try_from(stat.st_size).unwrap_or_default();
            let modified = super::read::modified(&stat);
            return Ok(Some(ObjectInfo { key, size_bytes, etag, modified }));
        }
        Ok(None)
    }

    /// Passes by all keys that begin with `prefix`.
    pub(super) fn pass(&mut self, prefix: &str) {
        while self.frames.last().is_some_and(|frame| frame.key_prefix.starts_with(prefix)) {
            self.frames.pop();
        }
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if let Some(rest) = prefix.strip_prefix(&frame.key_prefix) {
            let sorted = &frame.sorted;
            let behind = sorted.entries.partition_point(|entry| {
                let text = sorted.text(*entry);
                text < rest || text.starts_with(rest)
            });
            frame.next = frame.next.max(behind);
        }
    }

    /// Whether the next step begins with `prefix`, which the last one did.
    pub(super) fn is_within(&mut self, prefix: &str) -> bool {
        while let Some(frame) = self.frames.last() {
            if let Some(entry) = frame.sorted.entries.get(frame.next) {
                let text = frame.sorted.text(*entry);
                return match prefix.strip_prefix(&frame.key_prefix) {
                    Some(rest) => text.starts_with(rest),
                    None => frame.key_prefix.starts_with(prefix),
                };
            }
            self.frames.pop();
        }
        false
    }

    /// The large folders that the walk stands in, for a walk that goes on from here.
    pub(super) fn into_snapshots(self) -> Vec<Snapshot> {
        let large = |frame: &Frame| KEPT_ENTRIES_MIN <= frame.sorted.entries.len();
        let frames = self.frames.into_iter().filter(large);
        frames.map(|frame| (frame.key_prefix, frame.sorted)).collect()
    }

    fn push(
        &mut self,
        folder: OwnedFd,
        name: String,
        key_prefix: String,
    ) -> Result<(), FolderError> {
        let kept = self.snapshots.iter().find(|(of, _)| *of == key_prefix);
        let sorted = match kept {
            Some((_, sorted)) => Arc::clone(sorted),
            None => Arc::new(self.read(&folder).map_err(|err| self.bucket.failure(err))?),
        };
        let next = self.bounds.first(&key_prefix, &sorted);
        self.frames.push(Frame { folder: Some(folder), name, key_prefix, sorted, next });
        if OPEN_FOLDERS_MAX < self.frames.len() {
            let between = self.frames.len() - 2;
            self.frames[between].folder = None;
        }
        Ok(())
    }

    /// Reads a folder so that no object is missed because it is just changing its name.
    fn read(&self, folder: &OwnedFd) -> Result<Sorted, Errno> {
        let shared = &self.bucket.shared;
        for _ in 1..READS_MAX {
            let before = shared.renames();
            let sorted = Sorted::read(folder)?;
            if before.is_multiple_of(2) && before == shared.renames() {
                return Ok(sorted);
            }
        }
        let _still = shared.stand_still();
        Sorted::read(folder)
    }

    /// The name of the current entry, and for an object the other name it may have by now.
    fn current_name(&self) -> Option<(String, Option<String>)> {
        let entry = self.current?;
        let text = self.frames.last()?.sorted.text(entry);
        let object = |kind, other| Some((encode(text, kind)?, encode(text, other)));
        match entry.kind {
            EntryKind::Object => object(Kind::Whole, Kind::Beside),
            EntryKind::ObjectBeside => object(Kind::Beside, Kind::Whole),
            EntryKind::Folder => {
                Some((encode(text.strip_suffix('/').unwrap_or(text), Kind::Whole)?, None))
            }
            EntryKind::Cut => Some((encode(text, Kind::Cut)?, None)),
        }
    }

    fn top_folder(&mut self) -> Result<Option<&OwnedFd>, FolderError> {
        let Some(top) = self.frames.last() else {
            return Ok(None);
        };
        if top.folder.is_none() {
            let inner = self.frames.iter().skip(1).map(|frame| frame.name.clone());
            let names: Vec<String> = self.base.iter().cloned().chain(inner).collect();
            let folder = self.bucket.folder(&names)?;
            if let Some(top) = self.frames.last_mut() {
                top.folder = folder;
            }
        }
        Ok(self.frames.last().and_then(|top| top.folder.as_ref()))
    }
}
