//! Which lines of a file of subtitles are text.
//!
//! Start reading at [`groups`].

use std::ops::Range;

use super::Kind;
use crate::document::DocumentError;

/// A line of text, without its end.
pub(super) type Line = Range<usize>;

const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// The lines of text, in groups that stand together.
///
/// # Errors
///
/// If the file is not of that kind.
pub(super) fn groups(kind: Kind, file: &str) -> Result<Vec<Vec<Line>>, DocumentError> {
    let start = if file.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let lines = lines(file, start);
    let malformed = |reason: &str| DocumentError::Malformed {
        expected: kind.expected(),
        reason: reason.to_owned(),
    };
    let groups = match kind {
        Kind::SubRip => {
            let is_empty = file[start..].trim().is_empty();
            if !is_empty && !lines.iter().any(|line| is_timing(&file[line.clone()])) {
                return Err(malformed("there is no line with the times of a cue"));
            }
            of_subrip(file, &lines)
        }
        Kind::WebVtt => {
            let behind = file[start..].strip_prefix("WEBVTT");
            if !behind
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
            {
                return Err(malformed("it does not begin with WEBVTT"));
            }
            of_webvtt(file, &lines)
        }
    };
    Ok(groups)
}

// Here text may hold empty lines: it ends only where the next cue begins.
fn of_subrip(file: &str, lines: &[Line]) -> Vec<Vec<Line>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let mut is_text = false;
    for (index, line) in lines.iter().enumerate() {
        let text = file[line.clone()].trim();
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_next_cue =
            || lines.get(index + 1).is_some_and(|next| is_timing(&file[next.clone()]));
        if is_timing(text) {
            is_text = true;
        } else if is_number && is_next_cue() {
            is_text = false;
        } else if is_text && !text.is_empty() {
            group.push(line.clone());
            continue;
        }
        groups.push(std::mem::take(&mut group));
    }
    groups.push(group);
    groups
}

fn of_webvtt(file: &str, lines: &[Line]) -> Vec<Vec<Line>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let mut place = Place::Other;
    for line in lines {
        let text = &file[line.clone()];
        let word = text.split([' ', '\t']).next().unwrap_or(text);
        place = match place {
            _ if text.is_empty() => Place::Between,
            Place::Between if matches!(word, "NOTE" | "STYLE" | "REGION") => Place::Other,
            Place::Between | Place::Text if is_timing(text) => Place::Text,
            Place::Between | Place::Text | Place::Other => place,
        };
        if place == Place::Text && !is_timing(text) {
            group.push(line.clone());
        } else {
            groups.push(std::mem::take(&mut group));
        }
    }
    groups.push(group);
    groups
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind an empty line or the name of a cue.
    Between,
    /// Behind the times of a cue.
    Text,
    /// In the header, a note, a style.
    Other,
}

// `00:00:01,600 --> 00:00:04,200`, with settings behind it.
fn is_timing(line: &str) -> bool {
    let is_time = |time: &str| {
        time.starts_with(|first: char| first.is_ascii_digit())
            && time.contains(':')
            && time.bytes().all(|byte| byte.is_ascii_digit() || b":,.".contains(&byte))
    };
    line.split_once("-->").is_some_and(|(from, to)| {
        is_time(from.trim()) && to.split_whitespace().next().is_some_and(is_time)
    })
}

// The lines of `file` from `start` on, however they end.
fn lines(file: &str, mut start: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    while let Some(length) = file[start..].find(['\n', '\r']) {
        let end = start + length;
        lines.push(start..end);
        start = end + if file[end..].starts_with("\r\n") { 2 } else { 1 };
    }
    lines.push(start..file.len());
    lines
}
