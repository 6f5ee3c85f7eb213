//! Finds the translations in what a language model wrote.
//!
//! Models wrap their JSON in fences and words, number it wrongly, leave things
//! out and repeat what they were asked. Here only what is beyond doubt is taken;
//! the caller asks again for the rest.
//!
//! Start reading at [`translations`].

use serde_json::Value;

use super::prompt;

/// How many places of an answer are tried as the beginning of JSON, so that a
/// hostile answer does not take long.
const BEGINNINGS_MAX: usize = 64;

/// The translation of each of `sources`, which were numbered from 1, as far as
/// `content` has it.
pub(super) fn translations(content: &str, sources: &[&str]) -> Vec<Option<String>> {
    // What a model thought may hold drafts.
    let content = content.rsplit_once("</think>").map_or(content, |(_, rest)| rest);
    let mut best = vec![None; sources.len()];
    let mut best_count = 0;
    let mut at = 0;
    for _ in 0..BEGINNINGS_MAX {
        let Some(offset) = content[at..].find(['{', '[']) else { break };
        at += offset;
        let mut values = serde_json::Deserializer::from_str(&content[at..]).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else {
            at += 1;
            continue;
        };
        at += values.byte_offset();
        let found = sorted(&value, sources);
        let count = found.iter().flatten().count();
        // Of two equally good ones the later is what the model settled on.
        if best_count <= count {
            (best, best_count) = (found, count);
        }
    }
    best
}

/// The translations of `value`, by number.
fn sorted(value: &Value, sources: &[&str]) -> Vec<Option<String>> {
    let mut found: Vec<Option<&str>> = vec![None; sources.len()];
    let mut is_doubtful = vec![false; sources.len()];
    for (index, text) in entries(value).iter().filter_map(|entry| numbered(entry)) {
        let (Some(place), Some(is_doubtful)) = (found.get_mut(index), is_doubtful.get_mut(index))
        else {
            continue;
        };
        // Two translations of one text: one of them is another text's.
        *is_doubtful |= place.is_some_and(|other| other != text);
        *place = Some(text);
    }
    let checked = |((text, is_doubtful), source): ((Option<&str>, bool), &&str)| {
        let text = text.filter(|text| !is_doubtful && is_plausible(text, source))?;
        Some(text.to_owned())
    };
    found.into_iter().zip(is_doubtful).zip(sources).map(checked).collect()
}

/// The list in `value`, whatever it is called.
fn entries(value: &Value) -> &[Value] {
    match value {
        Value::Array(entries) => entries,
        Value::Object(object) if object.contains_key("id") => std::slice::from_ref(value),
        Value::Object(object) => {
            object.values().find_map(|value| value.as_array()).map_or(&[], Vec::as_slice)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => &[],
    }
}

/// The place, from 0, and the text of an entry.
fn numbered(entry: &Value) -> Option<(usize, &str)> {
    let id = entry.get("id")?;
    let id = match id.as_str() {
        Some(id) => id.trim().parse().ok()?,
        None => id.as_u64()?,
    };
    let index = usize::try_from(id.checked_sub(1)?).ok()?;
    Some((index, entry.get("text")?.as_str()?))
}

fn is_plausible(text: &str, source: &str) -> bool {
    let is_echo = text.contains(prompt::BEGINNING) && !source.contains(prompt::BEGINNING);
    !text.trim().is_empty() && !is_echo
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(content: &str, expected: [Option<&str>; 2]) {
        assert_eq!(
            translations(content, &["one", "two"]),
            expected.map(|text| text.map(str::to_owned)),
            "{content}"
        );
    }

    const BOTH: [Option<&str>; 2] = [Some("uno"), Some("dos")];
    const GOOD: &str = r#"{"translations":[{"id":1,"text":"uno"},{"id":2,"text":"dos"}]}"#;

    #[test]
    fn a_good_answer_is_read_however_it_is_wrapped() {
        check(GOOD, BOTH);
        check(r#"[{"id":1,"text":"uno"},{"id":2,"text":"dos"}]"#, BOTH);
        check(&format!("```json\n{GOOD}\n```"), BOTH);
        check(&format!("Here [as you asked] are {{the}} translations:\n{GOOD}\nGood luck!"), BOTH);
        check(&format!("<think>{{\"a\":[{{\"id\":1,\"text\":\"x\"}}]}}</think>{GOOD}"), BOTH);
        check(r#"{"items":[{"id":"2","text":"dos"},{"id":" 1","text":"uno"}]}"#, BOTH);
        check(r#"{"id":1,"text":"uno"} {"x":[]}"#, [Some("uno"), None]);
    }

    #[test]
    fn what_is_doubtful_is_left_out() {
        check(r#"[{"id":2,"text":"dos"}]"#, [None, Some("dos")]);
        check(r#"[{"id":1,"text":"uno"},{"id":1,"text":"dos"}]"#, [None, None]);
        check(r#"[{"id":1,"text":"uno"},{"id":1,"text":"uno"}]"#, [Some("uno"), None]);
        check(
            r#"[{"id":0,"text":"x"},{"id":1,"text":"uno"},{"id":2,"text":"dos"},{"id":3,"text":"y"}]"#,
            BOTH,
        );
        check(r#"[{"id":1,"text":7},{"id":2,"text":null}]"#, [None, None]);
        check(r#"[{"id":1,"text":" "},{"id":2}]"#, [None, None]);
        check(
            r#"[{"id":-1,"text":"x"},{"id":1.5,"text":"x"},{"id":18446744073709551615,"text":"x"}]"#,
            [None, None],
        );
        check(r#"["uno","dos"]"#, [None, None]);
        check("uno\ndos", [None, None]);
        check("", [None, None]);
        check(&GOOD[..GOOD.len() - 3], [Some("uno"), None]);
    }

    #[test]
    fn an_echo_is_no_translation() {
        check(r#"{"items":[{"id":1,"source":"one"},{"id":2,"source":"two"}]}"#, [None, None]);
        let echo = format!("{} Translate from", prompt::BEGINNING);
        check(&format!(r#"[{{"id":1,"text":"{echo}"}}]"#), [None, None]);
        let sent = r#"{"items":[{"id":1,"source":"one"},{"id":2,"source":"two"}]}"#;
        check(&format!("{sent}\n{GOOD}"), BOTH);
        check(&format!("{GOOD}\n{sent}"), BOTH);
    }

    #[test]
    fn hostile_answers_take_no_longer_than_others() {
        for unit in ["[", "{", "[\"", "{\"a\":", "[[1],"] {
            let content = unit.repeat(2_000_000 / unit.len());
            check(&content, [None, None]);
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(content in "[\\[\\]{}\":,a-z0-9 é]{0,60}") {
            let found = translations(&content, &["one", "two"]);
            prop_assert_eq!(found.len(), 2);
        }

        #[test]
        fn what_was_written_is_read(texts in proptest::collection::vec("[^ \t\n]{1,20}", 1..10)) {
            let entries: Vec<Value> = texts
                .iter()
                .zip(1..)
                .map(|(text, id): (_, u32)| serde_json::json!({ "id": id, "text": text }))
                .collect();
            let sources: Vec<&str> = texts.iter().map(String::as_str).collect();
            let found = translations(&Value::Array(entries).to_string(), &sources);
            let expected: Vec<Option<String>> = texts
                .iter()
                .map(|text| Some(text.clone()).filter(|text| !text.trim().is_empty()))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
