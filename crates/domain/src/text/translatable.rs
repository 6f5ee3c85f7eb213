//! What an engine need not see: numbers, punctuation, addresses.

/// Whether there is anything to translate in `segment`: a word that is neither
/// a number nor the address of a page or of a person.
pub fn is_translatable(segment: &str) -> bool {
    segment.split_whitespace().any(|word| word.contains(char::is_alphabetic) && !is_address(word))
}

fn is_address(word: &str) -> bool {
    address_within(word).is_some()
}

/// The address that `word` is, without the punctuation around it.
pub(super) fn address_within(word: &str) -> Option<&str> {
    let word = word.trim_matches(|character: char| "\"'()[]{}<>«»“”‘’.,;:!?…".contains(character));
    (is_page(word) || is_mailbox(word)).then_some(word)
}

fn is_page(word: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|character: char| character.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    match word.split_once("://") {
        Some((scheme, rest)) => is_scheme(scheme) && !rest.is_empty(),
        None => {
            word.strip_prefix("mailto:").is_some_and(is_mailbox)
                || word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
        }
    }
}

fn is_mailbox(word: &str) -> bool {
    let Some((name, host)) = word.split_once('@') else {
        return false;
    };
    let is_part = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !part.is_empty() && part.bytes().all(is_plain)
    };
    let is_name =
        |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    !name.is_empty()
        && name.bytes().all(is_name)
        && host.contains('.')
        && host.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(segment: &str, expected: bool) {
        assert_eq!(is_translatable(segment), expected, "{segment:?}");
    }

    #[test]
    fn words_are_translated() {
        for segment in
            ["a", "room 5", "5kg", "漢字", "See https://example.com", "write: a@b.org now"]
        {
            check(segment, true);
        }
        for segment in ["user@host", "www", "a://", "@someone", "http:", "and/or", "C++", "{name}"]
        {
            check(segment, true);
        }
    }

    #[test]
    fn numbers_punctuation_and_addresses_are_not() {
        for segment in
            ["", " ", "12:30 - 13:45", "***", "...", "¿?", "😀", "$3.50", "+49 30 123-456"]
        {
            check(segment, false);
        }
        for segment in [
            "https://example.com/a?b=c#d",
            "(www.example.com).",
            "<info@example.com>,",
            "mailto:first.last+tag@mail.example.co.uk",
            "1. ftp://host/file",
            "s3://bucket/key",
        ] {
            check(segment, false);
        }
    }
}
