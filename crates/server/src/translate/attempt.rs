//! Sentences through a route, looked at, and tried again where they are no good.
//!
//! First with stand-ins for what must not change; what comes back flawed is
//! tried once more in another way; a sentence whose stand-ins an engine will not
//! keep is translated in the parts between them. What is flawed even then stays
//! as it was in the source, and is counted.
//!
//! Start reading at [`Attempts::translate`].

use domain::text::{
    Flaw, Part, PlacedTag, Protected, Sentence, StandIn, flaw, is_translatable, numbers, place,
    placeholders,
};
use engine::{Leg, Route, Style};

use super::queue::{Lane, Text};
use super::scheduler::{Failure, Scheduler, Work};

/// A text with its tags.
pub(super) type Tagged = (String, Vec<PlacedTag>);

/// What became of a sentence.
#[derive(Clone, Debug)]
pub(super) struct Attempted {
    pub(super) translation: Tagged,
    /// Why it is the source's text, if it is.
    pub(super) flaw: Option<Flaw>,
}

/// How sentences are translated.
pub(super) struct Attempts<'a> {
    pub(super) scheduler: &'a Scheduler,
    pub(super) route: &'a Route,
    pub(super) style: Style,
    pub(super) lane: &'a Lane,
}

/// A sentence that is being translated.
struct Pending<'s, 'b> {
    place: usize,
    sentence: &'s Sentence<'b>,
    protected: Protected<'b>,
    flaw: Option<Flaw>,
}

impl Attempts<'_> {
    /// Translates `sentences`, in order: one result for each.
    ///
    /// # Errors
    ///
    /// If an engine failed.
    pub(super) async fn translate(
        &self,
        sentences: &[&Sentence<'_>],
    ) -> Result<Vec<Attempted>, Failure> {
        let mut done: Vec<Option<Attempted>> = vec![None; sentences.len()];
        let mut pending = Vec::new();
        for (place, sentence) in sentences.iter().copied().enumerate() {
            let protected = protected(sentence, self.stand_in(), Numbers::AsTheyAre);
            if protected.is_translatable() {
                pending.push(Pending { place, sentence, protected, flaw: None });
            } else {
                done[place] = Some(Attempted { translation: source(sentence), flaw: None });
            }
        }
        let unbearable = pending.extract_if(.., |it| !it.protected.is_bearable());
        let mut in_parts: Vec<Pending<'_, '_>> = unbearable.collect();
        let mut flawed = self.round(pending, false, &mut done).await?;
        for it in &mut flawed {
            let style = match (it.flaw, self.stand_in()) {
                (Some(Flaw::Placeholder), StandIn::Word) => StandIn::Brace,
                (Some(Flaw::Placeholder), StandIn::Brace) => StandIn::Word,
                (_, style) => style,
            };
            it.protected = protected(it.sentence, style, Numbers::Protected);
        }
        let flawed = self.round(flawed, true, &mut done).await?;
        for it in flawed {
            if it.flaw == Some(Flaw::Placeholder) {
                in_parts.push(it);
            } else {
                done[it.place] = Some(it.given_up());
            }
        }
        self.in_parts(in_parts, &mut done).await?;
        Ok(done.into_iter().map(|done| done.expect("each sentence came to an end")).collect())
    }

    /// What the first engine brings back best.
    fn stand_in(&self) -> StandIn {
        self.route.legs().first().map_or(StandIn::Word, |leg| leg.engine.stand_in())
    }

    /// Sends sentences through. Gives back those that came out flawed.
    async fn round<'s, 'b>(
        &self,
        pending: Vec<Pending<'s, 'b>>,
        is_retry: bool,
        done: &mut [Option<Attempted>],
    ) -> Result<Vec<Pending<'s, 'b>>, Failure> {
        if pending.is_empty() {
            return Ok(pending);
        }
        let texts =
            pending.iter().map(|it| (it.protected.text.to_string(), it.protected.tags.clone()));
        let through = self.through(texts.collect(), is_retry).await?;
        let mut flawed = Vec::new();
        for (mut it, (translation, flaw)) in pending.into_iter().zip(through) {
            let restored = match flaw {
                None => it.protected.restore(translation.0, translation.1).ok_or(Flaw::Placeholder),
                Some(flaw) => Err(flaw),
            };
            match restored {
                Ok(translation) => done[it.place] = Some(Attempted { translation, flaw: None }),
                Err(flaw) => {
                    it.flaw = Some(flaw);
                    flawed.push(it);
                }
            }
        }
        Ok(flawed)
    }

    /// Texts through all legs, each with the first flaw that shows.
    async fn through(
        &self,
        mut texts: Vec<Tagged>,
        is_retry: bool,
    ) -> Result<Vec<(Tagged, Option<Flaw>)>, Failure> {
        let mut flaws = vec![None; texts.len()];
        for leg in self.route.legs() {
            texts = self.leg(leg, texts, &mut flaws, is_retry).await?;
        }
        Ok(texts.into_iter().zip(flaws).collect())
    }

    async fn leg(
        &self,
        leg: &Leg,
        texts: Vec<Tagged>,
        flaws: &mut [Option<Flaw>],
        is_retry: bool,
    ) -> Result<Vec<Tagged>, Failure> {
        let text = |(text, tags): &Tagged| Text {
            text: text.clone(),
            marks: tags.iter().map(|tag| tag.at).collect(),
        };
        let work = Work {
            leg,
            texts: texts.iter().map(text).collect(),
            style: self.style,
            examples: &[],
            is_retry,
            lane: self.lane,
        };
        let translations = self.scheduler.translate(work).await?;
        let mut translated = Vec::with_capacity(texts.len());
        for (((text, tags), translation), found) in texts.into_iter().zip(translations).zip(flaws) {
            *found = found.or_else(|| flaw(&text, &translation.text, leg.pair.target));
            let tags = place(&text, &tags, &translation.text, &translation.links);
            translated.push((translation.text, tags));
        }
        Ok(translated)
    }

    /// Translates what is between stand-ins by itself, so that none can be lost.
    async fn in_parts(
        &self,
        pending: Vec<Pending<'_, '_>>,
        done: &mut [Option<Attempted>],
    ) -> Result<(), Failure> {
        let parts: Vec<Vec<Part<'_>>> = pending.iter().map(|it| it.protected.parts()).collect();
        let texts = parts.iter().flatten().filter_map(|part| match part {
            Part::Text(text, tags) if is_translatable(text) => Some(trimmed(text, tags)),
            Part::Text(..) | Part::Kept(_) | Part::Tag(_) => None,
        });
        let texts: Vec<Tagged> = texts.collect();
        if texts.is_empty() && pending.is_empty() {
            return Ok(());
        }
        let mut through = self.through(texts, true).await?.into_iter();
        for (it, parts) in pending.iter().zip(&parts) {
            done[it.place] = Some(joined(it, parts, &mut through));
        }
        Ok(())
    }
}

impl Pending<'_, '_> {
    fn given_up(&self) -> Attempted {
        Attempted { translation: source(self.sentence), flaw: self.flaw }
    }
}

fn joined(
    pending: &Pending<'_, '_>,
    parts: &[Part<'_>],
    translated: &mut impl Iterator<Item = (Tagged, Option<Flaw>)>,
) -> Attempted {
    let (mut text, mut tags, mut flaw) = (String::new(), Vec::new(), None);
    for part in parts {
        let base = text.len();
        let moved = |tag: &PlacedTag, by: usize| PlacedTag { at: base + by + tag.at, tag: tag.tag };
        match part {
            Part::Text(source, inner) if is_translatable(source) => {
                let ((translation, placed), found) =
                    translated.next().expect("one translation for each part");
                let before = source.len() - source.trim_start().len();
                text.push_str(&source[..before]);
                text.push_str(&translation);
                text.push_str(&source[source.trim_end().len()..]);
                tags.extend(placed.iter().map(|tag| moved(tag, before)));
                flaw = flaw.or(found);
                debug_assert_eq!(placed.len(), inner.len());
            }
            Part::Text(source, inner) => {
                tags.extend(inner.iter().map(|tag| moved(tag, 0)));
                text.push_str(source);
            }
            Part::Kept(kept) => text.push_str(kept),
            Part::Tag(tag) => tags.push(PlacedTag { at: base, tag: *tag }),
        }
    }
    match flaw {
        None => Attempted { translation: (text, tags), flaw: None },
        Some(_) => Attempted { translation: source(pending.sentence), flaw },
    }
}

/// A part without the white space around it; its tags stay within.
fn trimmed(text: &str, tags: &[PlacedTag]) -> Tagged {
    let before = text.len() - text.trim_start().len();
    let inner = text.trim();
    let moved = |tag: &PlacedTag| PlacedTag {
        at: tag.at.saturating_sub(before).min(inner.len()),
        tag: tag.tag,
    };
    (inner.to_owned(), tags.iter().map(moved).collect())
}

fn source(sentence: &Sentence<'_>) -> Tagged {
    (sentence.text.to_owned(), sentence.tags.clone())
}

/// Whether an engine gets to see the numbers that it must keep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    AsTheyAre,
    Protected,
}

fn protected<'b>(sentence: &Sentence<'b>, style: StandIn, how: Numbers) -> Protected<'b> {
    let text = sentence.text;
    let mut spans = placeholders(text);
    if how == Numbers::Protected {
        let is_apart = |number: &std::ops::Range<usize>| {
            !spans.iter().any(|span| span.start < number.end && number.start < span.end)
        };
        let more: Vec<_> = numbers(text).into_iter().filter(is_apart).collect();
        spans.extend(more);
        spans.sort_by_key(|span| span.start);
    }
    let spans: Vec<_> =
        spans.into_iter().map(|span| (span.clone(), text[span].to_owned())).collect();
    Protected::of(sentence, &spans, style)
}
