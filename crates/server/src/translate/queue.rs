//! The segments that wait for one engine, and which of them go together next.
//!
//! Data and no threads. Callers of all documents and jobs lay their segments
//! into queues, one for each pair and way of asking; batches are taken from
//! there: real-time calls first, then lanes in rotation, each time the longest
//! of what the lane's first caller wants with others of like length, whoever
//! they are from.
//!
//! Start reading at [`Queues::take`].

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use domain::language::LanguagePair;
use engine::{Limits, StopFlag, Style, Translation};

/// Segments that are shorter than this part of the longest waste too much of a batch.
const LENGTH_PART_MIN: usize = 2;
/// A batch of fewer segments takes shorter ones all the same.
const BATCH_SEGMENTS_MIN: usize = 8;

/// A text to translate and the places in it that are wanted in the translation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) marks: Vec<usize>,
}

/// Whose work it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Somebody waits for it.
    RealTime,
    /// A job. Jobs do not wait behind all of another's work.
    Job(String),
}

/// What all segments of a batch have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) pair: LanguagePair,
    pub(super) style: Style,
    pub(super) is_retry: bool,
    /// Examples are for one caller's texts only.
    pub(super) examples: Option<(CallId, Examples)>,
}

/// Originals and what people made of them.
pub(super) type Examples = Arc<Vec<(String, String)>>;

/// The number of a call, never used twice.
pub(super) type CallId = u64;

/// One segment of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    bytes: usize,
    pub(super) call: CallId,
    pub(super) index: usize,
}

/// What is given to an engine at once.
pub(super) struct Batch {
    pub(super) way: Way,
    pub(super) items: Vec<Item>,
    pub(super) texts: Vec<Arc<Vec<Text>>>,
    /// Raised when nobody wants any of it any more.
    pub(super) stop: StopFlag,
    number: u64,
}

impl Batch {
    /// The texts of the items, in order.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.items.iter().zip(&self.texts).map(|(item, texts)| &texts[item.index])
    }
}

/// A caller that waits.
struct Call<R> {
    way: Way,
    lane: Lane,
    texts: Arc<Vec<Text>>,
    // Not given out yet.
    waiting: BTreeSet<(usize, usize)>,
    done: Vec<Option<Translation>>,
    // Not translated yet.
    left: usize,
    reply: R,
}

/// The waiting calls of one lane; those that have segments to give out.
struct Queue {
    lane: Lane,
    calls: VecDeque<CallId>,
}

/// All that waits for one engine. `R` is how a caller is answered.
pub(super) struct Queues<R> {
    next: u64,
    calls: HashMap<CallId, Call<R>>,
    // Invariant: an item is here exactly while its call has it in `waiting`.
    items: HashMap<(Way, bool), BTreeSet<Item>>,
    real_time: Queue,
    lanes: VecDeque<Queue>,
    in_work: HashMap<u64, (StopFlag, Vec<CallId>, LanguagePair)>,
}

impl<R> Queues<R> {
    pub(super) fn new() -> Self {
        Self {
            next: 0,
            calls: HashMap::new(),
            items: HashMap::new(),
            real_time: Queue { lane: Lane::RealTime, calls: VecDeque::new() },
            lanes: VecDeque::new(),
            in_work: HashMap::new(),
        }
    }

    /// Lays in a call, whose texts are not empty.
    pub(super) fn add(
        &mut self,
        lane: Lane,
        way: impl FnOnce(CallId) -> Way,
        texts: Vec<Text>,
        reply: R,
    ) -> CallId {
        let id = self.number();
        let way = way(id);
        let items = self.items.entry((way.clone(), lane == Lane::RealTime)).or_default();
        let mut waiting = BTreeSet::new();
        for (index, text) in texts.iter().enumerate() {
            items.insert(Item { bytes: text.text.len(), call: id, index });
            waiting.insert((text.text.len(), index));
        }
        self.lane(&lane).calls.push_back(id);
        let (left, done) = (texts.len(), vec![None; texts.len()]);
        let call = Call { way, lane, texts: Arc::new(texts), waiting, done, left, reply };
        self.calls.insert(id, call);
        id
    }

    /// Takes what is to be translated next. At most `per_pair_max` batches of
    /// one pair are out at once.
    pub(super) fn take(
        &mut self,
        only_real_time: bool,
        per_pair_max: usize,
        limits: impl Fn(LanguagePair) -> Limits,
    ) -> Option<Batch> {
        if let Some(call) = self.first_free(&self.real_time, per_pair_max) {
            return Some(self.gather(call, limits));
        }
        if only_real_time {
            return None;
        }
        let (place, call) = self
            .lanes
            .iter()
            .enumerate()
            .find_map(|(place, lane)| Some((place, self.first_free(lane, per_pair_max)?)))?;
        // Whoever had its turn goes to the end.
        let lane = self.lanes.remove(place)?;
        self.lanes.push_back(lane);
        Some(self.gather(call, limits))
    }

    /// Takes the results of a batch. Gives back the calls that are complete with it.
    pub(super) fn finish(
        &mut self,
        batch: &Batch,
        translations: impl IntoIterator<Item = Translation>,
    ) -> Vec<(R, Vec<Translation>)> {
        self.in_work.remove(&batch.number);
        let mut complete = Vec::new();
        for (item, translation) in batch.items.iter().zip(translations) {
            let Some(call) = self.calls.get_mut(&item.call) else { continue };
            if call.done[item.index].replace(translation).is_none() {
                call.left -= 1;
            }
            if call.left == 0
                && let Some(call) = self.calls.remove(&item.call)
            {
                complete.push((call.reply, call.done.into_iter().flatten().collect()));
            }
        }
        complete
    }

    /// Notes that a batch failed for these calls, and gives back how to tell them.
    pub(super) fn fail(&mut self, batch: &Batch, calls: &[CallId]) -> Vec<R> {
        self.in_work.remove(&batch.number);
        calls.iter().filter_map(|call| self.remove(*call)).collect()
    }

    /// Takes out a call that is no longer wanted, wherever its segments are.
    pub(super) fn remove(&mut self, id: CallId) -> Option<R> {
        let call = self.calls.remove(&id)?;
        let key = (call.way, call.lane == Lane::RealTime);
        if let Some(items) = self.items.get_mut(&key) {
            for (bytes, index) in &call.waiting {
                items.remove(&Item { bytes: *bytes, call: id, index: *index });
            }
            if items.is_empty() {
                self.items.remove(&key);
            }
        }
        self.leave_lane(&call.lane, id);
        for (stop, calls, _) in self.in_work.values() {
            if calls.contains(&id) && !calls.iter().any(|call| self.calls.contains_key(call)) {
                stop.raise();
            }
        }
        Some(call.reply)
    }

    /// Raises all flags, since nobody will hear of results.
    pub(super) fn stop_all(&mut self) {
        self.in_work.values().for_each(|(stop, ..)| stop.raise());
        self.calls.clear();
        self.items.clear();
        self.lanes.clear();
        self.real_time.calls.clear();
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many segments wait.
    pub(super) fn depth(&self) -> usize {
        self.items.values().map(BTreeSet::len).sum()
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn lane(&mut self, lane: &Lane) -> &mut Queue {
        if *lane == Lane::RealTime {
            return &mut self.real_time;
        }
        let place = self.lanes.iter().position(|queue| queue.lane == *lane).unwrap_or_else(|| {
            self.lanes.push_back(Queue { lane: lane.clone(), calls: VecDeque::new() });
            self.lanes.len() - 1
        });
        &mut self.lanes[place]
    }

    fn leave_lane(&mut self, lane: &Lane, call: CallId) {
        let queue = self.lane(lane);
        queue.calls.retain(|waiting| *waiting != call);
        self.lanes.retain(|queue| !queue.calls.is_empty());
    }

    /// The first call of a lane for whose pair one more batch may be out.
    fn first_free(&self, lane: &Queue, per_pair_max: usize) -> Option<CallId> {
        let is_free = |id: &&CallId| {
            let pair = self.calls.get(*id).map(|call| call.way.pair);
            let out = self.in_work.values().filter(|(_, _, busy)| Some(*busy) == pair).count();
            out < per_pair_max
        };
        lane.calls.iter().find(is_free).copied()
    }

    /// Makes a batch of the longest segment of `id` and such as go well with it.
    fn gather(&mut self, id: CallId, limits: impl Fn(LanguagePair) -> Limits) -> Batch {
        let call = &self.calls[&id];
        let (way, is_real_time) = (call.way.clone(), call.lane == Lane::RealTime);
        let limits = limits(way.pair);
        let (bytes, index) = *call.waiting.last().expect("a call in a lane has something to give");
        let longest = Item { bytes, call: id, index };
        let last_as_long = Item { bytes, call: CallId::MAX, index: usize::MAX };
        let mut items = vec![longest];
        let mut total = bytes;
        let key = (way.clone(), is_real_time);
        let others = self.items[&key].range(..=last_as_long).rev();
        for item in others.filter(|item| **item != longest) {
            let is_full = limits.batch_segments_max <= items.len()
                || limits.batch_bytes_max < total + item.bytes;
            let is_much_shorter = item.bytes * LENGTH_PART_MIN < bytes;
            if is_full || (is_much_shorter && BATCH_SEGMENTS_MIN <= items.len()) {
                break;
            }
            total += item.bytes;
            items.push(*item);
        }
        self.give_out(&key, &items);
        let texts = items.iter().map(|item| Arc::clone(&self.calls[&item.call].texts)).collect();
        let mut calls: Vec<CallId> = items.iter().map(|item| item.call).collect();
        calls.sort_unstable();
        calls.dedup();
        let (number, stop) = (self.number(), StopFlag::default());
        self.in_work.insert(number, (stop.clone(), calls, way.pair));
        Batch { way, items, texts, stop, number }
    }

    fn give_out(&mut self, key: &(Way, bool), items: &[Item]) {
        let waiting = self.items.get_mut(key).expect("the items are of this queue");
        for item in items {
            waiting.remove(item);
        }
        if waiting.is_empty() {
            self.items.remove(key);
        }
        for item in items {
            let call = self.calls.get_mut(&item.call).expect("an item's call waits for it");
            call.waiting.remove(&(item.bytes, item.index));
            if call.waiting.is_empty() {
                let lane = call.lane.clone();
                self.leave_lane(&lane, item.call);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits =
        Limits { segment_bytes_max: 100, batch_segments_max: 3, batch_bytes_max: 100 };

    fn pair(target: &str) -> LanguagePair {
        LanguagePair { source: "en".parse().unwrap(), target: target.parse().unwrap() }
    }

    fn way(target: &str) -> Way {
        Way { pair: pair(target), style: Style::default(), is_retry: false, examples: None }
    }

    fn add(
        queues: &mut Queues<&'static str>,
        lane: &str,
        target: &str,
        texts: &[&str],
        name: &'static str,
    ) -> CallId {
        let lane = if lane.is_empty() { Lane::RealTime } else { Lane::Job(lane.to_owned()) };
        let texts = texts.iter().map(|text| Text { text: (*text).to_owned(), marks: Vec::new() });
        queues.add(lane, |_| way(target), texts.collect(), name)
    }

    fn take(queues: &mut Queues<&'static str>) -> Option<Batch> {
        queues.take(false, 10, |_| LIMITS)
    }

    fn texts(batch: &Batch) -> Vec<&str> {
        batch.texts().map(|text| text.text.as_str()).collect()
    }

    fn finish(
        queues: &mut Queues<&'static str>,
        batch: &Batch,
    ) -> Vec<(&'static str, Vec<String>)> {
        let translated: Vec<Translation> =
            batch.texts().map(|text| text.text.to_uppercase().into()).collect();
        let complete = queues.finish(batch, translated);
        let text = |translation: Translation| translation.text;
        complete
            .into_iter()
            .map(|(name, done)| (name, done.into_iter().map(text).collect()))
            .collect()
    }

    #[test]
    fn segments_of_like_length_go_together_whoever_they_are_from() {
        let mut queues = Queues::new();
        add(&mut queues, "a", "es", &["aaaaaaaa", "a"], "one");
        add(&mut queues, "b", "es", &["bbbbbbb", "bbbbbbbbbb", "b"], "two");
        add(&mut queues, "b", "fr", &["cccccccc"], "three");
        let first = take(&mut queues).unwrap();
        assert_eq!(texts(&first), ["aaaaaaaa", "bbbbbbb", "b"]);
        let second = take(&mut queues).unwrap();
        assert_eq!(texts(&second), ["bbbbbbbbbb", "a"]);
        assert_eq!(finish(&mut queues, &first), []);
        let done = finish(&mut queues, &second);
        assert_eq!(done.len(), 2);
        assert!(done.contains(&("one", vec!["AAAAAAAA".to_owned(), "A".to_owned()])));
        assert_eq!(texts(&take(&mut queues).unwrap()), ["cccccccc"]);
        assert!(take(&mut queues).is_none());
    }

    #[test]
    fn somebody_who_waits_comes_first_and_jobs_take_turns() {
        let mut queues = Queues::new();
        add(&mut queues, "a", "es", &["a"; 7], "job a");
        add(&mut queues, "b", "fr", &["b"; 4], "job b");
        add(&mut queues, "", "de", &["c"], "caller");
        let order: Vec<String> =
            std::iter::from_fn(|| take(&mut queues)).map(|batch| texts(&batch).concat()).collect();
        assert_eq!(order, ["c", "aaa", "bbb", "aaa", "b", "a"]);
    }

    #[test]
    fn a_busy_pair_does_not_keep_others_waiting() {
        let mut queues = Queues::new();
        add(&mut queues, "a", "es", &["a"; 6], "a");
        add(&mut queues, "a", "fr", &["b"], "b");
        let mut take = || queues.take(false, 1, |_| LIMITS);
        let (first, second) = (take().unwrap(), take().unwrap());
        assert_eq!([texts(&first).concat(), texts(&second).concat()], ["aaa", "b"]);
        assert!(take().is_none());
        finish(&mut queues, &first);
        assert!(queues.take(false, 1, |_| LIMITS).is_some());
    }

    #[test]
    fn what_nobody_wants_is_taken_out_and_stopped() {
        let mut queues = Queues::new();
        let one = add(&mut queues, "a", "es", &["aa", "aa"], "one");
        let two = add(&mut queues, "b", "es", &["aa", "aa"], "two");
        let batch = take(&mut queues).unwrap();
        assert_eq!(batch.items.len(), 3);
        assert_eq!(queues.remove(one), Some("one"));
        assert!(!batch.stop.is_raised());
        assert_eq!((queues.remove(two), queues.remove(two)), (Some("two"), None));
        assert!(batch.stop.is_raised());
        assert!(take(&mut queues).is_none());
        assert_eq!(finish(&mut queues, &batch), []);
        assert_eq!(queues.depth(), 0);
    }

    proptest! {
        #[test]
        fn every_call_is_answered_once_with_its_own_texts(
            calls in prop::collection::vec(
                (0usize..3, 0usize..2, prop::collection::vec("[a-z]{1,12}", 1..6)), 1..12),
            gone in prop::collection::vec(0usize..12, 0..4),
        ) {
            let mut queues = Queues::new();
            let mut expected = HashMap::new();
            for (number, (lane, target, texts)) in calls.into_iter().enumerate() {
                let lane = [Lane::RealTime, Lane::Job("a".into()), Lane::Job("b".into())][lane].clone();
                let of = |text: &String| Text { text: text.clone(), marks: Vec::new() };
                let id = queues.add(lane, |_| way(["es", "fr"][target]), texts.iter().map(of).collect(), number);
                let wanted: Vec<String> = texts.iter().map(|text| text.to_uppercase()).collect();
                if gone.contains(&number) {
                    prop_assert_eq!(queues.remove(id), Some(number));
                } else {
                    expected.insert(number, wanted);
                }
            }
            while let Some(batch) = queues.take(false, 2, |_| LIMITS) {
                prop_assert!(batch.items.len() <= LIMITS.batch_segments_max);
                let done: Vec<Translation> =
                    batch.texts().map(|text| text.text.to_uppercase().into()).collect();
                for (number, done) in queues.finish(&batch, done) {
                    let done: Vec<String> = done.into_iter().map(|it| it.text).collect();
                    prop_assert_eq!(expected.remove(&number), Some(done));
                }
            }
            prop_assert!(expected.is_empty() && queues.depth() == 0);
        }
    }
}
