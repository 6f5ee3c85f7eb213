//! The service's model as data: what each operation takes, and within which limits.
//!
//! Names, limits, patterns and the order of members are those of the published
//! model of Amazon Translate, 2017-07-01. A further operation is a further list
//! of members in `inputs.rs`. Knows neither JSON nor the texts of errors.
//!
//! Start reading at [`Shape`].

mod inputs;
mod shapes;

use std::sync::OnceLock;

use regex::Regex;

pub use inputs::{
    DESCRIBE_TEXT_TRANSLATION_JOB, LIST_LANGUAGES, LIST_TEXT_TRANSLATION_JOBS,
    START_TEXT_TRANSLATION_JOB, STOP_TEXT_TRANSLATION_JOB, TRANSLATE_DOCUMENT, TRANSLATE_TEXT,
};

/// What a value may be.
#[derive(Debug)]
pub enum Shape {
    /// A string.
    Text {
        /// The fewest Unicode scalar values.
        characters_min: usize,
        /// The most Unicode scalar values; `usize::MAX` for no limit.
        characters_max: usize,
        /// What the whole value must match.
        pattern: Option<&'static Pattern>,
        /// The only values allowed; empty when any is.
        values: &'static [&'static str],
    },
    /// A whole number.
    Integer {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// Seconds since 1970-01-01 UTC, with a fraction or without.
    Timestamp,
    /// Bytes. Their value is never shown: all blobs of the model are marked sensitive.
    Blob {
        /// The most bytes, decoded.
        bytes_max: usize,
    },
    /// Any number of values of one shape.
    List {
        /// What each element may be.
        element: &'static Shape,
        /// The fewest elements.
        length_min: usize,
        /// The most elements; `usize::MAX` for no limit.
        length_max: usize,
    },
    /// Named values.
    Structure(&'static [Member]),
}

/// One named value of a structure.
#[derive(Debug)]
pub struct Member {
    /// The name on the wire, such as `JobId`.
    pub name: &'static str,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it may be.
    pub shape: &'static Shape,
}

/// A regular expression of the model, compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    text: &'static str,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// The expression as the model has it.
    pub fn as_str(&self) -> &'static str {
        self.text
    }

    /// Whether the whole of `value` matches.
    pub fn matches(&self, value: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| {
            // In the model's dialect these two classes are ASCII.
            let text = self.text.replace(r"\w", "[0-9A-Za-z_]").replace(r"\d", "[0-9]");
            Regex::new(&format!(r"\A(?:{text})\z")).expect("a test compiles every pattern")
        });
        compiled.is_match(value)
    }
}

const fn text(characters_min: usize, characters_max: usize) -> Shape {
    Shape::Text { characters_min, characters_max, pattern: None, values: &[] }
}

const fn matching(
    characters_min: usize,
    characters_max: usize,
    pattern: &'static Pattern,
) -> Shape {
    Shape::Text { characters_min, characters_max, pattern: Some(pattern), values: &[] }
}

const fn one_of(values: &'static [&'static str]) -> Shape {
    Shape::Text { characters_min: 0, characters_max: usize::MAX, pattern: None, values }
}

const fn list(element: &'static Shape, length_min: usize, length_max: usize) -> Shape {
    Shape::List { element, length_min, length_max }
}

const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, is_required: true, shape }
}

const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, is_required: false, shape }
}

#[cfg(test)]
mod tests {
    use super::shapes::*;
    use super::*;

    fn check(pattern: &Pattern, legal: &[&str], illegal: &[&str]) {
        for value in legal {
            assert!(pattern.matches(value), "{} should match {value:?}", pattern.as_str());
        }
        for value in illegal {
            assert!(!pattern.matches(value), "{} should not match {value:?}", pattern.as_str());
        }
    }

    #[test]
    fn patterns_mean_what_the_model_means() {
        check(
            &NAME_PATTERN,
            &["", "a", "Ünïted 日本 9", "a_b.c:/=+-%@", "\u{a0}"],
            &["a*b", "a\nb", "\t", "é\u{301}"],
        );
        check(&RESOURCE_NAME_PATTERN, &["a_b-C9", "a_", "-"], &["", "_a", "a__b", "a b", "é"]);
        check(
            &S3_URI_PATTERN,
            &["s3://abc", "s3://abc/", "s3://a.b/c d/é"],
            &["http://x", "s3://ab", "s3://Abc/", "s3://abc-", "xs3://abc", "s3://abc/\n"],
        );
        check(
            &ROLE_ARN_PATTERN,
            &["arn:aws:iam::111122223333:role/x", "arn:aws-cn:iam::111122223333:role/a/b"],
            &["arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:role/", "arn:aws:iam::x"],
        );
        check(
            &CONTENT_TYPE_PATTERN,
            &["text/html", "application/x-xliff+xml", "a.b/c.d"],
            &["text/html; charset=utf-8", "text", "a+b/c", "é/b", "text/"],
        );
        check(
            &KEY_ID_PATTERN,
            &[
                "1234abcd-12ab-34cd-56ef-1234567890ab",
                "alias/my/key",
                "arn:aws:kms:us-west-2:111122223333:key/1234abcd",
                "arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/a",
            ],
            &["", "a b", "arn:aws:s3:us-west-2:111122223333:key/1", "é"],
        );
        check(&CLIENT_TOKEN_PATTERN, &["a-1"], &["", "a_1", "a b"]);
        check(&NEXT_TOKEN_PATTERN, &["", "abc\n~"], &["é"]);
    }

    fn walk(shape: &Shape, visit: &mut impl FnMut(&Shape)) {
        visit(shape);
        match shape {
            Shape::Text { .. } | Shape::Integer { .. } | Shape::Timestamp | Shape::Blob { .. } => {}
            Shape::List { element, .. } => walk(element, visit),
            Shape::Structure(members) => {
                for member in *members {
                    walk(member.shape, visit);
                }
            }
        }
    }

    #[test]
    fn every_pattern_compiles() {
        let mut patterns = 0;
        for input in [
            DESCRIBE_TEXT_TRANSLATION_JOB,
            LIST_LANGUAGES,
            LIST_TEXT_TRANSLATION_JOBS,
            START_TEXT_TRANSLATION_JOB,
            STOP_TEXT_TRANSLATION_JOB,
            TRANSLATE_DOCUMENT,
            TRANSLATE_TEXT,
        ] {
            walk(&Shape::Structure(input), &mut |shape| {
                if let Shape::Text { pattern: Some(pattern), .. } = shape {
                    pattern.matches("");
                    patterns += 1;
                }
            });
        }
        assert_eq!(patterns, 17);
    }
}
