//! From keys to file names and back: a bijection, so that no key can name a
//! file outside its bucket or another key's file.
//!
//! An ordinary key is its own path: `sub/b.txt` is the file `b.txt` in the folder `sub`.
//! What a file system cannot name, or reads in its own way, begins with `%`:
//!
//! | in the key | as a name |
//! | --- | --- |
//! | `%`, a control character | `%25`, `%0A` and so on |
//! | the segment `.` or `..` | `%2E` or `%2E%2E` |
//! | the empty segment, as in `a//b` or `trail/` | `%e` |
//! | a segment too long for a name | a folder `…%+` with the rest of the segment in it |
//! | `a`, where `a/b` is an object too | the file `a%o` beside the folder `a` |
//!
//! Knows nothing of the file system. Start reading at [`ObjectPath::of`].

use std::fmt::Write as _;

/// The longest key, in bytes of UTF-8.
pub(super) const KEY_BYTES_MAX: usize = 1024;

/// A name is cut after the character with which it reaches this length. With the
/// rest of that character and a suffix it stays below the 255 bytes of most file systems.
const CUT_BYTES: usize = 230;

const EMPTY: &str = "%e";
const CUT_SUFFIX: &str = "%+";
const BESIDE_SUFFIX: &str = "%o";

/// Where a key lies inside its bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectPath {
    /// The names of the folders on the way.
    pub(super) folders: Vec<String>,
    /// The name of the file, while no folder has taken it.
    pub(super) name: String,
}

impl ObjectPath {
    /// The path of a key, or why it cannot be a key.
    pub(super) fn of(key: &str) -> Result<Self, &'static str> {
        if key.is_empty() {
            return Err("a key is at least 1 byte long");
        }
        if KEY_BYTES_MAX < key.len() {
            return Err("a key is at most 1024 bytes long");
        }
        let mut folders = Vec::new();
        for segment in key.split('/') {
            encode_segment(segment, &mut folders);
        }
        let name = folders.pop().expect("a segment has at least one name");
        Ok(Self { folders, name })
    }
}

/// The folders in which all keys lie that begin with `prefix`, which ends in a slash or is empty.
pub(super) fn folders_of(prefix: &str) -> Vec<String> {
    let mut folders = Vec::new();
    for segment in prefix.split_terminator('/') {
        encode_segment(segment, &mut folders);
    }
    folders
}

/// The name of an object whose own name is taken by a folder.
pub(super) fn beside(name: &str) -> String {
    format!("{name}{BESIDE_SUFFIX}")
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The last part of a key, or a folder that holds the segments after it.
    Whole,
    /// The last part of a key, beside a folder of the same name.
    Beside,
    /// A folder that holds the rest of an over-long segment.
    Cut,
}

/// What a name in a folder stands for; nothing if no key leads to it.
pub(super) fn decode(name: &str) -> Option<(String, Kind)> {
    if is_plain(name) {
        return Some((name.to_owned(), Kind::Whole));
    }
    let (body, kind) = if let Some(body) = name.strip_suffix(CUT_SUFFIX) {
        (body, Kind::Cut)
    } else if let Some(body) = name.strip_suffix(BESIDE_SUFFIX) {
        (body, Kind::Beside)
    } else {
        (name, Kind::Whole)
    };
    let text = decode_body(body)?;
    (encode(&text, kind)? == name).then_some((text, kind))
}

/// The name of what [`decode`] gave.
pub(super) fn encode(text: &str, kind: Kind) -> Option<String> {
    let mut names = Vec::with_capacity(2);
    encode_segment(text, &mut names);
    match (kind, names.as_mut_slice()) {
        (Kind::Whole, [name]) => Some(std::mem::take(name)),
        (Kind::Beside, [name]) => Some(beside(name)),
        (Kind::Cut, [cut, rest]) if rest == EMPTY => Some(std::mem::take(cut)),
        (Kind::Whole | Kind::Beside | Kind::Cut, _) => None,
    }
}

/// Whether a name is its own text: nearly all names are.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() < CUT_BYTES
        && name.bytes().all(|byte| byte != b'%' && byte != b'/' && !byte.is_ascii_control())
}

fn encode_segment(segment: &str, names: &mut Vec<String>) {
    let mut rest = segment;
    while let Some((name, length)) = cut(rest) {
        names.push(name);
        rest = &rest[length..];
    }
    names.push(match rest {
        "" => EMPTY.to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        rest if is_plain(rest) => rest.to_owned(),
        rest => {
            let mut name = String::with_capacity(rest.len() + 8);
            rest.chars().for_each(|character| push_encoded(&mut name, character));
            name
        }
    });
}

/// The name of the folder into which a segment is cut, and how much of the segment it stands for.
///
/// Depends on nothing behind the cut, so that all keys with this beginning
/// meet in the same folder and the order of keys is kept.
fn cut(segment: &str) -> Option<(String, usize)> {
    // A character becomes at most three times as long.
    if segment.len() * 3 < CUT_BYTES {
        return None;
    }
    let mut name = String::new();
    for (start, character) in segment.char_indices() {
        push_encoded(&mut name, character);
        if CUT_BYTES <= name.len() {
            name.push_str(CUT_SUFFIX);
            return Some((name, start + character.len_utf8()));
        }
    }
    None
}

fn push_encoded(name: &mut String, character: char) {
    if character == '%' || character.is_ascii_control() {
        write!(name, "%{:02X}", u32::from(character)).expect("a String takes all");
    } else {
        name.push(character);
    }
}

fn decode_body(body: &str) -> Option<String> {
    if body == EMPTY {
        return Some(String::new());
    }
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let code = u8::from_str_radix(after.get(..2)?, 16).ok()?;
        text.push(char::from(code));
        rest = &after[2..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(key: &str, path: &str) {
        let ObjectPath { mut folders, name } = ObjectPath::of(key).unwrap();
        folders.push(name);
        assert_eq!(folders.join("/"), path, "{key:?}");
    }

    #[test]
    fn an_ordinary_key_is_its_own_path() {
        check("a", "a");
        check("sub/b.txt", "sub/b.txt");
        check(".hidden/...", ".hidden/...");
        check("naïve résumé/日本語/👩‍🚀 +&?#\".txt", "naïve résumé/日本語/👩‍🚀 +&?#\".txt");
    }

    #[test]
    fn what_a_file_system_cannot_name_is_encoded() {
        check("a//b", "a/%e/b");
        check("/lead", "%e/lead");
        check("trail/", "trail/%e");
        check("../x", "%2E%2E/x");
        check(".", "%2E");
        check("100%/%e", "100%25/%25e");
        check("a\nb\0", "a%0Ab%00");
        check("a%o", "a%25o");
    }

    #[test]
    fn a_long_segment_is_cut_into_folders() {
        let x = |count: usize| "x".repeat(count);
        check(&x(229), &x(229));
        check(&x(230), &format!("{}%+/%e", x(230)));
        check(&format!("{}/y", x(231)), &format!("{}%+/x/y", x(230)));
        check(&x(1024), &format!("{0}%+/{0}%+/{0}%+/{0}%+/{1}", x(230), x(104)));
        check(&format!("{}👩.", x(229)), &format!("{}👩%+/%2E", x(229)));
    }

    #[test]
    fn a_key_has_1_to_1024_bytes() {
        assert!(ObjectPath::of("").is_err());
        assert!(ObjectPath::of(&"x".repeat(1025)).is_err());
    }

    #[test]
    fn names_that_no_key_leads_to_are_nothing() {
        let long = "x".repeat(230);
        for name in ["%", "%zz", "%0a", "%41", "%2e", "a%", "%+", "%o", "", ".", "..", &long] {
            assert_eq!(decode(name), None, "{name:?}");
        }
        assert_eq!(decode("a%o"), Some(("a".to_owned(), Kind::Beside)));
        assert_eq!(decode("%e%o"), Some((String::new(), Kind::Beside)));
    }

    proptest! {
        #[test]
        fn every_key_comes_back_from_its_names(
            key in r"([./%eox+\x00-\x1f]|\PC|[a-c]{200,240}){1,12}"
        ) {
            prop_assume!(key.len() <= KEY_BYTES_MAX);
            let ObjectPath { mut folders, name } = ObjectPath::of(&key).unwrap();
            folders.push(name);
            let mut back = String::new();
            for (index, name) in folders.iter().enumerate() {
                prop_assert!(name.len() <= 240);
                let (text, kind) = decode(name).unwrap();
                prop_assert_eq!(encode(&text, kind), Some(name.clone()));
                back.push_str(&text);
                if kind != Kind::Cut && index + 1 < folders.len() {
                    back.push('/');
                }
            }
            prop_assert_eq!(back, key);
        }

        #[test]
        fn a_name_is_decoded_to_what_encodes_to_it(name in r"[a.%eo+0-9A-F]{0,8}") {
            if let Some((text, kind)) = decode(&name) {
                prop_assert_eq!(encode(&text, kind), Some(name));
            }
        }
    }
}
