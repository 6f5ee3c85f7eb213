//! How the documents and the progress of a unit stand in a row, on every database.
//!
//! A million documents are ten thousand rows: paths are written as the
//! difference from the one before, since they are sorted, and then deflated.

use std::io::{Read, Write};

use domain::job::InputDocument;
use domain::language::LanguageCode;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::{StoreError, Untranslated};

/// The documents of a unit, small.
pub(crate) fn pack_documents(documents: &[InputDocument]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(documents.len() * 64);
    let mut previous: &[u8] = b"";
    for document in documents {
        let path = document.path.as_bytes();
        let shared = path.iter().zip(previous).take_while(|(a, b)| a == b).count();
        push_number(&mut plain, shared as u64);
        push_bytes(&mut plain, &path[shared..]);
        push_number(&mut plain, document.size_bytes);
        push_bytes(&mut plain, document.etag.as_bytes());
        previous = path;
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(&plain)
        .and_then(|()| encoder.finish())
        .expect("writing to memory does not fail")
}

/// The documents of [`pack_documents`].
pub(crate) fn unpack_documents(packed: &[u8]) -> Result<Vec<InputDocument>, StoreError> {
    let mut plain = Vec::new();
    DeflateDecoder::new(packed).read_to_end(&mut plain).map_err(|_| DAMAGED)?;
    let mut rest = plain.as_slice();
    let mut documents: Vec<InputDocument> = Vec::new();
    while !rest.is_empty() {
        let shared = usize::try_from(take_number(&mut rest)?).map_err(|_| DAMAGED)?;
        let previous = documents.last().map_or(&b""[..], |document| document.path.as_bytes());
        let mut path = previous.get(..shared).ok_or(DAMAGED)?.to_vec();
        path.extend_from_slice(take_bytes(&mut rest)?);
        let size_bytes = take_number(&mut rest)?;
        documents.push(InputDocument {
            path: String::from_utf8(path).map_err(|_| DAMAGED)?,
            size_bytes,
            etag: std::str::from_utf8(take_bytes(&mut rest)?).map_err(|_| DAMAGED)?.to_owned(),
        });
    }
    Ok(documents)
}

/// One bit for each flag, the first one lowest in the first byte.
pub(crate) fn pack_flags(flags: &[bool]) -> Vec<u8> {
    let mut bytes = vec![0; flags.len().div_ceil(8)];
    for (index, _) in flags.iter().enumerate().filter(|(_, is_set)| **is_set) {
        bytes[index / 8] |= 1 << (index % 8);
    }
    bytes
}

/// The first `count` flags of [`pack_flags`].
pub(crate) fn unpack_flags(bytes: &[u8], count: usize) -> Result<Vec<bool>, StoreError> {
    if bytes.len() != count.div_ceil(8) {
        return Err(StoreError::Damaged("progress"));
    }
    Ok((0..count).map(|index| bytes[index / 8] & (1 << (index % 8)) != 0).collect())
}

/// Numbers, joined with commas.
pub(crate) fn join_numbers(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

/// The numbers of [`join_numbers`].
pub(crate) fn split_numbers(joined: &str) -> Result<Vec<u64>, StoreError> {
    split(joined).map(|number| number.parse().map_err(|_| StoreError::Damaged("count"))).collect()
}

/// Three numbers for each document that has some.
pub(crate) fn join_untranslated(all: &[Untranslated]) -> String {
    let numbers = |it: &Untranslated| [it.document as u64, it.target as u64, it.sentences];
    join_numbers(&all.iter().flat_map(numbers).collect::<Vec<u64>>())
}

/// What was joined by [`join_untranslated`].
pub(crate) fn split_untranslated(joined: &str) -> Result<Vec<Untranslated>, StoreError> {
    let index = |number: u64| usize::try_from(number).map_err(|_| StoreError::Damaged("count"));
    let numbers = split_numbers(joined)?;
    let (all, rest) = numbers.as_chunks();
    if !rest.is_empty() {
        return Err(StoreError::Damaged("count"));
    }
    all.iter()
        .map(|&[document, target, sentences]| {
            Ok(Untranslated { document: index(document)?, target: index(target)?, sentences })
        })
        .collect()
}

/// Codes, joined with commas; nothing where there is none.
pub(crate) fn join_languages(languages: &[Option<LanguageCode>]) -> String {
    let codes: Vec<&str> =
        languages.iter().map(|code| code.map_or("", LanguageCode::as_str)).collect();
    codes.join(",")
}

/// The codes of [`join_languages`].
pub(crate) fn split_languages(joined: &str) -> Result<Vec<Option<LanguageCode>>, StoreError> {
    joined
        .split(',')
        .map(|code| match code {
            "" => Ok(None),
            code => code.parse().map(Some).map_err(|_| StoreError::Damaged("language")),
        })
        .collect()
}

/// The parts of a list that was joined with commas; none of an empty text.
pub(crate) fn split(joined: &str) -> impl Iterator<Item = &str> {
    joined.split(',').filter(|part| !part.is_empty())
}

const DAMAGED: StoreError = StoreError::Damaged("list of documents");

fn push_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = (number & 0x7F).to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_number(rest: &mut &[u8]) -> Result<u64, StoreError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(DAMAGED)?;
        *rest = tail;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(DAMAGED)
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], StoreError> {
    let count = usize::try_from(take_number(rest)?).map_err(|_| DAMAGED)?;
    let (bytes, tail) = rest.split_at_checked(count).ok_or(DAMAGED)?;
    *rest = tail;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_document() -> impl Strategy<Value = InputDocument> {
        ("[a-cé/]{1,12}", any::<u64>(), "[0-9a-f]{0,8}")
            .prop_map(|(path, size_bytes, etag)| InputDocument { path, size_bytes, etag })
    }

    proptest! {
        #[test]
        fn documents_are_read_back(documents in prop::collection::vec(any_document(), 0..20)) {
            let packed = pack_documents(&documents);
            prop_assert_eq!(unpack_documents(&packed).unwrap(), documents);
        }

        #[test]
        fn damaged_documents_are_refused_or_read(
            documents in prop::collection::vec(any_document(), 1..5),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut packed = pack_documents(&documents);
            let at = at.index(packed.len());
            packed[at] = byte;
            // Either is right; a panic is not.
            let _either = unpack_documents(&packed);
        }

        #[test]
        fn flags_are_read_back(flags in prop::collection::vec(any::<bool>(), 0..40)) {
            prop_assert_eq!(unpack_flags(&pack_flags(&flags), flags.len()).unwrap(), flags);
        }

        #[test]
        fn numbers_are_read_back(numbers in prop::collection::vec(any::<u64>(), 0..5)) {
            prop_assert_eq!(split_numbers(&join_numbers(&numbers)).unwrap(), numbers);
        }
    }

    #[test]
    fn what_stayed_untranslated_is_read_back() {
        let all = [(3, 0, 1), (4, 9, 1_000)].map(|(document, target, sentences)| Untranslated {
            document,
            target,
            sentences,
        });
        assert_eq!(split_untranslated(&join_untranslated(&all)).unwrap(), all);
        assert!(split_untranslated("1,2").is_err());
    }

    #[test]
    fn a_hundred_like_paths_take_little_room() {
        let documents: Vec<InputDocument> = (0..100)
            .map(|index| InputDocument {
                path: format!("reports/2026/november/part-{index:05}.txt"),
                size_bytes: 2_000,
                etag: String::new(),
            })
            .collect();
        assert!(pack_documents(&documents).len() < 400);
    }

    #[test]
    fn languages_are_read_back() {
        let languages = vec![Some("en".parse().unwrap()), None, Some("zh-TW".parse().unwrap())];
        assert_eq!(split_languages(&join_languages(&languages)).unwrap(), languages);
    }
}
