//! What keeps the engines busy: for each engine a few threads that take batches
//! from its queues, and a memory of what was translated before.
//!
//! One thread of each engine works for callers that wait and for nobody else,
//! so that they do not even wait for a batch in work. The queues are bounded by
//! whoever reads documents: so many are in hand at once, and no more is read.
//!
//! Start reading at [`Scheduler::translate`].

use std::collections::HashMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use engine::{Engine, EngineError, Example, Leg, Request, Segment, Style, Translation};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::memory::{Asked, Memory};
use super::queue::{Batch, CallId, Lane, Queues, Text, Way};

/// How far threads that work on jobs stand back behind all others.
const BATCH_NICENESS: i32 = 10;
/// How often texts are tried before their caller is told that the engine failed.
const ATTEMPTS_MAX: u32 = 3;

/// What is wanted of an engine.
pub(crate) struct Work<'a> {
    pub(crate) leg: &'a Leg,
    pub(crate) texts: Vec<Text>,
    pub(crate) style: Style,
    pub(crate) examples: &'a [(String, String)],
    pub(crate) is_retry: bool,
    pub(crate) lane: &'a Lane,
}

/// Why texts were not translated. Told to all whose texts were in a batch.
pub(crate) type Failure = Arc<EngineError>;

type Reply = oneshot::Sender<Result<Vec<Translation>, Failure>>;

/// Gives the engines of this node their work.
pub(crate) struct Scheduler {
    cores: NonZero<usize>,
    memory: Memory,
    // By the engine's address: an engine lives as long as its pool.
    pools: Mutex<HashMap<usize, Pool>>,
}

/// The threads of one engine. They end when this is dropped and what was begun is done.
struct Pool(Arc<Shared>);

struct Shared {
    engine: Arc<dyn Engine>,
    per_pair_max: usize,
    state: Mutex<State>,
    for_all: Condvar,
    for_real_time: Condvar,
}

struct State {
    queues: Queues<Reply>,
    is_closed: bool,
}

impl Scheduler {
    /// A scheduler for so many cores that remembers so many bytes.
    pub(crate) fn new(cores: NonZero<usize>, memory_bytes_max: u64) -> Self {
        Self { cores, memory: Memory::new(memory_bytes_max), pools: Mutex::default() }
    }

    /// Translates the texts of `work`, in order: one result for each. Dropped,
    /// it takes back what was not translated yet.
    ///
    /// # Errors
    ///
    /// If the engine failed again and again, or does not serve the pair.
    pub(crate) async fn translate(&self, work: Work<'_>) -> Result<Vec<Translation>, Failure> {
        let Work { leg, texts, style, examples, is_retry, lane } = work;
        let engine = &leg.engine;
        let remembers = engine.is_worth_remembering() && examples.is_empty();
        let asked = Asked::new(engine.as_ref(), leg.pair, style, is_retry);
        let mut found: Vec<Option<Translation>> = texts
            .iter()
            .map(|text| remembers.then(|| self.memory.find(asked, text)).flatten())
            .collect();
        let is_missing = |(text, found): (&Text, &Option<_>)| found.is_none().then(|| text.clone());
        let missing: Vec<Text> = texts.iter().zip(&found).filter_map(is_missing).collect();
        count(engine.name(), texts.len() - missing.len(), missing.len());
        if !missing.is_empty() {
            let way = |call| Way {
                pair: leg.pair,
                style,
                is_retry,
                examples: (!examples.is_empty()).then(|| (call, Arc::new(examples.to_vec()))),
            };
            let translated = self.ask(engine, lane.clone(), way, missing).await?;
            let places = texts.into_iter().zip(&mut found).filter(|(_, found)| found.is_none());
            for ((text, place), translation) in places.zip(translated) {
                if remembers {
                    self.memory.keep(asked, text, translation.clone());
                }
                *place = Some(translation);
            }
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            metrics::gauge!("metaphrast_memory_bytes").set(self.memory.bytes() as f64);
        }
        Ok(found.into_iter().flatten().collect())
    }

    async fn ask(
        &self,
        engine: &Arc<dyn Engine>,
        lane: Lane,
        way: impl FnOnce(CallId) -> Way,
        texts: Vec<Text>,
    ) -> Result<Vec<Translation>, Failure> {
        let shared = self.shared(engine);
        let (sender, receiver) = oneshot::channel();
        let is_real_time = lane == Lane::RealTime;
        let call = shared.lock().queues.add(lane, way, texts, sender);
        let _taken_back = TakenBack { shared: &shared, call };
        if is_real_time {
            shared.for_real_time.notify_one();
        }
        shared.for_all.notify_one();
        let answer = receiver.await;
        answer.unwrap_or_else(|_| {
            tracing::debug!(engine = engine.name(), "the engine was closed");
            Err(Arc::new(EngineError::Stopped))
        })
    }

    fn shared(&self, engine: &Arc<dyn Engine>) -> Arc<Shared> {
        let address = Arc::as_ptr(engine).cast::<()>().addr();
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools.entry(address).or_insert_with(|| Pool::start(engine, self.cores));
        Arc::clone(&pool.0)
    }

    /// How many segments wait.
    pub(crate) fn measure(&self) {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        for Pool(shared) in pools.values() {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            let depth = shared.lock().queues.depth() as f64;
            metrics::gauge!("metaphrast_segments_waiting", "engine" => shared.engine.name())
                .set(depth);
        }
    }
}

/// Lets whoever waits for an answer go before this thread, which has enough to
/// do for hours. Where that cannot be had, answers take longer.
fn give_way() {
    if let Err(err) = rustix::process::setpriority_process(None, BATCH_NICENESS) {
        tracing::debug!(error = %err, "a thread keeps its priority");
    }
}

fn count(engine: &'static str, found: usize, missing: usize) {
    for (outcome, segments) in [("hit", found), ("miss", missing)] {
        metrics::counter!("metaphrast_memory_total", "engine" => engine, "outcome" => outcome)
            .increment(segments as u64);
    }
}

impl Pool {
    fn start(engine: &Arc<dyn Engine>, cores: NonZero<usize>) -> Self {
        let calls = engine.calls_max(cores);
        let shared = Arc::new(Shared {
            engine: Arc::clone(engine),
            per_pair_max: calls.per_pair.get(),
            state: Mutex::new(State { queues: Queues::new(), is_closed: false }),
            for_all: Condvar::new(),
            for_real_time: Condvar::new(),
        });
        for number in 0..=calls.all.get() {
            let shared = Arc::clone(&shared);
            let only_real_time = number == calls.all.get();
            std::thread::spawn(move || shared.work(only_real_time));
        }
        Self(shared)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_closed = true;
        state.queues.stop_all();
        drop(state);
        self.0.for_all.notify_all();
        self.0.for_real_time.notify_all();
    }
}

/// Takes a call out of the queues when its caller has gone away.
struct TakenBack<'a> {
    shared: &'a Shared,
    call: CallId,
}

impl Drop for TakenBack<'_> {
    fn drop(&mut self) {
        let _reply = self.shared.lock().queues.remove(self.call);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Translates batches until the pool is closed.
    fn work(&self, only_real_time: bool) {
        if !only_real_time {
            give_way();
        }
        let bell = if only_real_time { &self.for_real_time } else { &self.for_all };
        let mut state = self.lock();
        while !state.is_closed {
            let limits = |pair| self.engine.limits(pair);
            match state.queues.take(only_real_time, self.per_pair_max, limits) {
                Some(batch) => {
                    // One thread was woken; where there is more, it wakes the next.
                    if !state.queues.is_empty() {
                        self.for_all.notify_one();
                    }
                    drop(state);
                    self.perform(&batch);
                    state = self.lock();
                }
                None => state = bell.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn perform(&self, batch: &Batch) {
        let began = Instant::now();
        let texts: Vec<&Text> = batch.texts().collect();
        let first = self.attempt(batch, &texts);
        self.measure(batch, began);
        match first {
            Ok(translations) => self.answer(batch, translations),
            Err(err) => self.isolate(batch, err),
        }
        // Others may have waited for the pair or for room.
        self.for_all.notify_one();
        self.for_real_time.notify_one();
    }

    fn answer(&self, batch: &Batch, translations: Vec<Translation>) {
        let complete = self.lock().queues.finish(batch, translations);
        for (reply, translations) in complete {
            // Whoever asked may have gone away.
            let _heard = reply.send(Ok(translations));
        }
    }

    /// Tries the texts of each caller by themselves, so that nobody fails over
    /// another's text.
    fn isolate(&self, batch: &Batch, err: EngineError) {
        let mut calls: Vec<CallId> = batch.items.iter().map(|item| item.call).collect();
        calls.sort_unstable();
        calls.dedup();
        let mut translations = vec![Translation::default(); batch.items.len()];
        let mut failed: Vec<(CallId, Failure)> = Vec::new();
        let first: Failure = Arc::new(err);
        for call in calls {
            let places: Vec<usize> =
                (0..batch.items.len()).filter(|place| batch.items[*place].call == call).collect();
            match self.attempts(batch, &places, &first) {
                Ok(done) => {
                    for (place, translation) in places.into_iter().zip(done) {
                        translations[place] = translation;
                    }
                }
                Err(err) => failed.push((call, err)),
            }
        }
        let ids: Vec<CallId> = failed.iter().map(|(call, _)| *call).collect();
        // Those that failed are taken out first, and get no results any more.
        let replies = self.lock().queues.fail(batch, &ids);
        for (reply, (_, err)) in replies.into_iter().zip(failed) {
            let _heard = reply.send(Err(err));
        }
        self.answer(batch, translations);
    }

    fn attempts(
        &self,
        batch: &Batch,
        places: &[usize],
        first: &Failure,
    ) -> Result<Vec<Translation>, Failure> {
        let all: Vec<&Text> = batch.texts().collect();
        let texts: Vec<&Text> = places.iter().map(|place| all[*place]).collect();
        let mut last = Arc::clone(first);
        for _ in 1..ATTEMPTS_MAX {
            if !matches!(*last, EngineError::Failed { .. }) {
                break;
            }
            tracing::warn!(error = %last, "an engine failed, trying again");
            match self.attempt(batch, &texts) {
                Ok(translations) => return Ok(translations),
                Err(err) => last = Arc::new(err),
            }
        }
        Err(last)
    }

    fn attempt(&self, batch: &Batch, texts: &[&Text]) -> Result<Vec<Translation>, EngineError> {
        let pair = batch.way.pair;
        let segments: Vec<Segment<'_>> =
            texts.iter().map(|it| Segment { text: &it.text, marks: &it.marks }).collect();
        let examples = batch.way.examples.as_ref().map(|(_, examples)| examples.as_slice());
        let examples: Vec<Example<'_>> = examples
            .unwrap_or_default()
            .iter()
            .map(|(source, target)| Example { source, target })
            .collect();
        let request = Request {
            pair,
            segments: &segments,
            style: batch.way.style,
            examples: &examples,
            is_retry: batch.way.is_retry,
            stop: &batch.stop,
        };
        // What a panic says may quote the text, and reasons are logged.
        let failed = |reason: &str| EngineError::Failed { pair, reason: reason.to_owned() };
        let translate = AssertUnwindSafe(|| self.engine.translate(&request));
        let translations =
            catch_unwind(translate).unwrap_or_else(|_| Err(failed("the engine panicked")))?;
        if translations.len() != texts.len() {
            return Err(failed("it returned another number of segments than it was given"));
        }
        Ok(translations)
    }

    fn measure(&self, batch: &Batch, began: Instant) {
        let engine = self.engine.name();
        metrics::counter!("metaphrast_engine_milliseconds_total", "engine" => engine)
            .increment(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        metrics::counter!("metaphrast_batches_total", "engine" => engine).increment(1);
        metrics::counter!("metaphrast_segments_total", "engine" => engine)
            .increment(batch.items.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::language::LanguagePair;
    use engine::{CallsMax, Installed, Limits, PseudoEngine};
    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

    /// Does as it is told by the text.
    #[derive(Default)]
    struct Obedient {
        calls: AtomicUsize,
        inner: PseudoEngine,
        gate: Option<Barrier>,
    }

    impl Engine for Obedient {
        fn name(&self) -> &'static str {
            "obedient"
        }

        fn pairs(&self) -> Vec<LanguagePair> {
            self.inner.pairs()
        }

        fn serves(&self, pair: LanguagePair) -> bool {
            self.inner.serves(pair)
        }

        fn installed(&self) -> Vec<Installed> {
            self.inner.installed()
        }

        fn limits(&self, _pair: LanguagePair) -> Limits {
            Limits { segment_bytes_max: 100, batch_segments_max: 8, batch_bytes_max: 800 }
        }

        fn calls_max(&self, _cores: NonZero<usize>) -> CallsMax {
            CallsMax { all: NonZero::<usize>::MIN, per_pair: NonZero::<usize>::MIN }
        }

        fn translate(&self, request: &Request<'_>) -> Result<Vec<Translation>, EngineError> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let has = |word: &str| request.segments.iter().any(|it| it.text.contains(word));
            if has("wait") {
                let gate = self.gate.as_ref().expect("a gate");
                gate.wait();
                gate.wait();
            }
            assert!(!has("panic"), "a secret");
            if has("fail") {
                return Err(EngineError::Failed { pair: request.pair, reason: "told to".into() });
            }
            if has("lose") {
                return Ok(Vec::new());
            }
            self.inner.translate(request)
        }
    }

    fn leg(engine: &Arc<Obedient>) -> Leg {
        let pair = LanguagePair { source: "en".parse().unwrap(), target: "fr".parse().unwrap() };
        Leg { engine: Arc::clone(engine) as Arc<dyn Engine>, pair }
    }

    fn work<'a>(leg: &'a Leg, lane: &'a Lane, texts: &[&str]) -> Work<'a> {
        let text = |text: &&str| Text { text: (*text).to_owned(), marks: Vec::new() };
        let texts = texts.iter().map(text).collect();
        Work { leg, texts, style: Style::default(), examples: &[], is_retry: false, lane }
    }

    fn scheduler() -> Scheduler {
        Scheduler::new(NonZero::<usize>::MIN, 1 << 20)
    }

    fn shown(done: Result<Vec<Translation>, Failure>) -> Result<String, String> {
        let joined = |done: Vec<Translation>| {
            done.into_iter().map(|translation| translation.text).collect::<Vec<_>>().join(" ")
        };
        done.map(joined).map_err(|err| err.to_string())
    }

    #[tokio::test]
    async fn nobody_fails_over_anothers_text() {
        let (engine, scheduler) = (Arc::new(Obedient::default()), scheduler());
        let (leg, lane) = (leg(&engine), Lane::Job("a".to_owned()));
        for word in ["fail", "panic", "lose"] {
            let good = [format!("a{word:.1}"), "b".to_owned()];
            let good: Vec<&str> = good.iter().map(String::as_str).collect();
            let works = [work(&leg, &lane, &good), work(&leg, &lane, &["a", word])];
            let mut done = join_all(works.map(|work| scheduler.translate(work))).await.into_iter();
            assert!(shown(done.next().unwrap()).unwrap().starts_with("[fr á"));
            let said = shown(done.next().unwrap()).unwrap_err();
            assert!(said.starts_with("the engine for en to fr failed") && !said.contains("secret"));
        }
    }

    #[tokio::test]
    async fn what_comes_again_is_remembered() {
        let (engine, scheduler) = (Arc::new(Obedient::default()), scheduler());
        let (leg, lane) = (leg(&engine), Lane::RealTime);
        let first = scheduler.translate(work(&leg, &lane, &["a", "b"])).await;
        assert_eq!(shown(first).unwrap(), "[fr á] [fr ƀ]");
        let calls = engine.calls.load(Ordering::SeqCst);
        let second = scheduler.translate(work(&leg, &lane, &["b", "c", "a"])).await;
        assert_eq!(shown(second).unwrap(), "[fr ƀ] [fr ç] [fr á]");
        assert_eq!(engine.calls.load(Ordering::SeqCst), calls + 1);
        let third = scheduler.translate(work(&leg, &lane, &["c", "c"])).await;
        assert_eq!(shown(third).unwrap(), "[fr ç] [fr ç]");
        assert_eq!(engine.calls.load(Ordering::SeqCst), calls + 1);
    }

    #[tokio::test]
    async fn who_goes_away_is_not_worked_for() {
        let engine = Arc::new(Obedient { gate: Some(Barrier::new(2)), ..Obedient::default() });
        let (leg, scheduler) = (leg(&engine), scheduler());
        let (a, b) = (Lane::Job("a".to_owned()), Lane::Job("b".to_owned()));
        let mut busy = Box::pin(scheduler.translate(work(&leg, &a, &["wait"])));
        assert!(busy.as_mut().now_or_never().is_none());
        engine.gate.as_ref().unwrap().wait();
        let mut unwanted = Box::pin(scheduler.translate(work(&leg, &b, &["fail"])));
        assert!(unwanted.as_mut().now_or_never().is_none());
        drop(unwanted);
        engine.gate.as_ref().unwrap().wait();
        assert_eq!(shown(busy.await).unwrap(), "[fr ŵáíŧ]");
        assert_eq!(engine.calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn many_callers_get_their_own() {
        let (engine, scheduler) = (Arc::new(Obedient::default()), scheduler());
        let leg = leg(&engine);
        let lanes = [Lane::RealTime, Lane::Job("a".to_owned()), Lane::Job("b".to_owned())];
        let calls = (0..60).map(|number| {
            let (scheduler, leg, lane) = (&scheduler, &leg, &lanes[number % 3]);
            async move {
                let texts: Vec<String> =
                    (0..=number % 7).map(|nth| format!("{number}.{nth}")).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let expected: Vec<String> =
                    texts.iter().map(|text| format!("[fr {text}]")).collect();
                let done = scheduler.translate(work(leg, lane, &texts)).await;
                assert_eq!(shown(done).unwrap(), expected.join(" "));
            }
        });
        join_all(calls).await;
    }
}
