//! Pages of a listing, and what is kept between two pages of the same one.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::error::FolderError;
use super::listing::{Begin, Bounds, Snapshot, Step, Walk};
use super::tree::Bucket;
use super::{FolderObjects, Inner, lock};
use crate::ObjectInfo;

/// The longest page.
const ENTRIES_MAX: usize = 1000;

/// How long the next page of a listing may be waited for.
const CURSOR_TERM: Duration = Duration::from_mins(2);

/// How many listings may be under way before the oldest has to read its folders again.
const CURSORS_MAX: usize = 64;

/// How much memory the folders of all listings may take, except that one is always kept.
const CURSORS_BYTES_MAX: usize = 64 << 20;

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryQuery {
    /// How all keys begin.
    pub prefix: String,
    /// Keys that are alike up to this text after the prefix are listed as one common prefix.
    pub delimiter: Option<String>,
    /// List what comes after this key or common prefix.
    pub start_after: Option<String>,
    /// How many entries at most: 1 to 1,000; what is outside is moved inside.
    pub entries_max: usize,
}

/// A line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An object.
    Object(ObjectInfo),
    /// How the keys of at least one object begin, up to and with the delimiter.
    CommonPrefix(String),
}

impl Entry {
    /// The key or common prefix.
    pub fn key(&self) -> &str {
        match self {
            Self::Object(object) => &object.key,
            Self::CommonPrefix(prefix) => prefix,
        }
    }
}

/// A part of a listing, in the byte order of keys and common prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryPage {
    /// The lines.
    pub entries: Vec<Entry>,
    /// Whether there are more.
    pub is_truncated: bool,
}

impl FolderObjects {
    /// Lists objects and common prefixes in the order of keys.
    ///
    /// A page sees what was written before it was asked for, except that the
    /// further pages of a listing see large folders as they were at its beginning.
    ///
    /// # Errors
    ///
    /// [`crate::ObjectsError::NoSuchBucket`], [`crate::ObjectsError::AccessDenied`].
    pub async fn list_entries(
        &self,
        account: &str,
        bucket: &str,
        query: EntryQuery,
    ) -> Result<EntryPage, FolderError> {
        let (account, bucket) = (account.to_owned(), bucket.to_owned());
        let asked = Instant::now();
        self.blocking(move |inner| {
            let bucket = inner.bucket(&account, &bucket)?;
            inner.list_entries(&bucket, query, asked)
        })
        .await
    }
}

impl Inner {
    fn list_entries(
        &self,
        bucket: &Bucket,
        query: EntryQuery,
        asked: Instant,
    ) -> Result<EntryPage, FolderError> {
        let EntryQuery { prefix, delimiter, start_after, entries_max } = query;
        let entries_max = entries_max.clamp(1, ENTRIES_MAX);
        let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty());
        let listing = |position| Position {
            bucket: bucket.name.clone(),
            prefix: prefix.clone(),
            after: position,
        };
        let snapshots = match &start_after {
            Some(after) => lock(&self.cursors).take(&listing(after.clone()), asked),
            None => Vec::new(),
        };
        let grouping = Grouping { prefix: &prefix, delimiter: delimiter.as_deref() };
        let start = start_after.as_deref().map(|after| match grouping.common_prefix(after) {
            // The keys with this beginning have all been listed as one.
            Some(common) if common == after => (after, Begin::AfterAll),
            Some(_) | None => (after, Begin::After),
        });
        let walk = Walk::begin(bucket, Bounds::new(&prefix, start), snapshots)?;
        let mut pager = Pager { walk, grouping };
        let mut entries = Vec::new();
        while entries.len() < entries_max {
            match pager.next()? {
                Some(entry) => entries.push(entry),
                None => return Ok(EntryPage { entries, is_truncated: false }),
            }
        }
        let is_truncated = pager.next()?.is_some();
        if is_truncated && let Some(last) = entries.last() {
            let snapshots = pager.walk.into_snapshots();
            lock(&self.cursors).keep(listing(last.key().to_owned()), snapshots, asked);
        }
        Ok(EntryPage { entries, is_truncated })
    }
}

struct Pager<'a> {
    walk: Walk<'a>,
    grouping: Grouping<'a>,
}

impl Pager<'_> {
    fn next(&mut self) -> Result<Option<Entry>, FolderError> {
        while let Some(step) = self.walk.next() {
            match step {
                Step::Object(key) => {
                    let common = self.grouping.common_prefix(&key).map(str::to_owned);
                    // The look also finds out whether the object is still there.
                    let Some(object) = self.walk.info(key)? else {
                        continue;
                    };
                    let Some(common) = common else {
                        return Ok(Some(Entry::Object(object)));
                    };
                    self.walk.pass(&common);
                    return Ok(Some(Entry::CommonPrefix(common)));
                }
                Step::Folder(keys_begin) => {
                    let common = self.grouping.common_prefix(&keys_begin).map(str::to_owned);
                    self.walk.enter(keys_begin)?;
                    let Some(common) = common else {
                        continue;
                    };
                    // A folder without objects is none that anybody asked for.
                    if self.has_object(&common)? {
                        self.walk.pass(&common);
                        return Ok(Some(Entry::CommonPrefix(common)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether a key with this beginning comes next.
    fn has_object(&mut self, keys_begin: &str) -> Result<bool, FolderError> {
        while self.walk.is_within(keys_begin) {
            match self.walk.next() {
                None => return Ok(false),
                Some(Step::Object(key)) => {
                    if self.walk.info(key)?.is_some() {
                        return Ok(true);
                    }
                }
                Some(Step::Folder(keys_begin)) => self.walk.enter(keys_begin)?,
            }
        }
        Ok(false)
    }
}

/// Which keys are listed as one.
#[derive(Clone, Copy, Debug)]
struct Grouping<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
}

impl Grouping<'_> {
    /// The common prefix that a key belongs to.
    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = key.strip_prefix(self.prefix)?;
        let delimiter = self.delimiter?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        Some(&key[..end])
    }
}

/// Where a listing stands.
#[derive(Debug, PartialEq, Eq)]
struct Position {
    bucket: String,
    prefix: String,
    after: String,
}

#[derive(Debug)]
struct Cursor {
    position: Position,
    snapshots: Vec<Snapshot>,
    until: Instant,
}

/// What is kept between the pages of listings: the large folders they stand in.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    /// The oldest first.
    cursors: VecDeque<Cursor>,
}

impl Cursors {
    fn take(&mut self, position: &Position, now: Instant) -> Vec<Snapshot> {
        self.cursors.retain(|cursor| now < cursor.until);
        let found = self.cursors.iter().position(|cursor| cursor.position == *position);
        found
            .and_then(|index| self.cursors.remove(index))
            .map(|cursor| cursor.snapshots)
            .unwrap_or_default()
    }

    fn keep(&mut self, position: Position, snapshots: Vec<Snapshot>, now: Instant) {
        if snapshots.is_empty() {
            return;
        }
        self.cursors.push_back(Cursor { position, snapshots, until: now + CURSOR_TERM });
        while CURSORS_MAX < self.cursors.len()
            || (1 < self.cursors.len() && CURSORS_BYTES_MAX < self.size_bytes())
        {
            self.cursors.pop_front();
        }
    }

    fn size_bytes(&self) -> usize {
        let snapshots = self.cursors.iter().flat_map(|cursor| &cursor.snapshots);
        snapshots.map(|(_, sorted)| sorted.size_bytes()).sum()
    }
}
