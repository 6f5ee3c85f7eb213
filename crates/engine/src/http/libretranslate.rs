//! A server that speaks LibreTranslate's API, and the languages it has.
//!
//! It is asked for its languages when they are first needed and every so often
//! from then on, by a thread of its own, so that a server that starts later is
//! found and one that is gone is not offered.
//!
//! Start reading at [`LibreTranslate::translate`] and [`Shared::learn`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use domain::language::{LanguageCode, LanguagePair};
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::{CallError, Caller};
use super::client::{Call, Client, NoAnswer};
use super::languages::code_among;
use super::now;
use super::permits::Permits;
use super::settings::{ApiKey, Endpoint, HttpProblem, HttpSettings, check_key};
use crate::{Request, StopFlag};

/// The most that asking for languages may take.
const LEARNING_MAX: Duration = Duration::from_secs(10);
/// How long whoever needs the languages for the first time waits for them.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// How soon a server that was not reached is asked again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// The most languages that are believed.
const LANGUAGES_MAX: usize = 1_000;

/// The server.
#[derive(Debug)]
pub(super) struct LibreTranslate {
    caller: Caller,
    url: Arc<str>,
    api_key: Option<ApiKey>,
    shared: Arc<Shared>,
}

/// What is known of the server, shared with the thread that asks it.
#[derive(Debug)]
struct Shared {
    client: Client,
    permits: Arc<Permits>,
    url: Arc<str>,
    place: String,
    every: Duration,
    /// Raised when the engine is gone.
    stop: StopFlag,
    known: Mutex<Known>,
    learned: Condvar,
    /// Whether a translation came since the languages were last asked for.
    is_alive: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    /// The server's codes for each pair it had when last reached.
    codes: BTreeMap<LanguagePair, Codes>,
    /// Why it serves nothing now; also before it was asked.
    problem: Option<String>,
    asked_at: Option<Instant>,
    is_asked: bool,
    is_first_over: bool,
}

#[derive(Clone, Debug)]
struct Codes {
    source: Arc<str>,
    target: Arc<str>,
}

#[derive(Deserialize)]
struct Listed {
    code: String,
    /// Older versions do not say: then all of them.
    targets: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Translated {
    #[serde(rename = "translatedText")]
    texts: Vec<String>,
}

impl LibreTranslate {
    pub(super) fn new(settings: &HttpSettings, endpoint: &Endpoint) -> Result<Self, HttpProblem> {
        settings.api_key.as_ref().map(check_key).transpose()?;
        let timeout = settings.timeout.min(LEARNING_MAX);
        Ok(Self {
            caller: Caller::new(settings, endpoint),
            url: endpoint.join("translate").into(),
            api_key: settings.api_key.clone(),
            shared: Arc::new(Shared {
                client: Client::new(settings, endpoint, timeout),
                permits: Permits::new(1),
                url: endpoint.join("languages").into(),
                place: endpoint.as_str().to_owned(),
                every: settings.languages_every,
                stop: StopFlag::default(),
                known: Mutex::default(),
                learned: Condvar::new(),
                is_alive: AtomicBool::new(false),
            }),
        })
    }

    /// The pairs served now.
    pub(super) fn pairs(&self) -> Vec<LanguagePair> {
        let known = self.shared.known();
        if known.problem.is_some() { Vec::new() } else { known.codes.keys().copied().collect() }
    }

    pub(super) fn serves(&self, pair: LanguagePair) -> bool {
        let known = self.shared.known();
        known.problem.is_none() && known.codes.contains_key(&pair)
    }

    /// Why nothing is served now.
    pub(super) fn problem(&self) -> Option<String> {
        self.shared.known().problem.clone()
    }

    /// Asks for the languages if it is time to.
    pub(super) fn tick(&self) {
        drop(self.shared.refreshed());
    }

    /// Whether the server had `pair` when it was last reached. It may be away for
    /// a moment, which is another error than not having it.
    pub(super) fn had(&self, pair: LanguagePair) -> bool {
        self.shared.known().codes.contains_key(&pair)
    }

    /// The translations of `texts`, none of which is blank. [`LibreTranslate::had`]
    /// the request's pair.
    pub(super) fn translate(
        &self,
        request: &Request<'_>,
        texts: &[&str],
    ) -> Result<Vec<String>, CallError> {
        let codes = self.shared.known().codes.get(&request.pair).cloned().ok_or_else(|| {
            CallError::Unavailable("the server does not list the pair any more".to_owned())
        })?;
        if !request.is_retry && 1 < texts.len() {
            match self.ask(&codes, texts, request.stop) {
                Ok(Some(translations)) => return Ok(translations),
                // Servers may limit how much they take at once.
                Ok(None) | Err(CallError::Refused { status: 400 | 413, .. }) => (),
                Err(err) => return Err(err),
            }
        }
        let one = |text: &&str| {
            let translations = self.ask(&codes, &[text], request.stop)?;
            let translation = translations.and_then(|mut translations| translations.pop());
            translation.ok_or_else(|| {
                CallError::Failed(
                    "the server's answer is no translation: check engines.http.url and \
                     engines.http.kind"
                        .to_owned(),
                )
            })
        };
        texts.iter().map(one).collect()
    }

    /// One translation for each text, or nothing if the answer is anything else.
    fn ask(
        &self,
        codes: &Codes,
        texts: &[&str],
        stop: &StopFlag,
    ) -> Result<Option<Vec<String>>, CallError> {
        let mut body = json!({
            "q": texts,
            "source": &*codes.source,
            "target": &*codes.target,
            "format": "text"
        });
        if let Some(key) = &self.api_key {
            body["api_key"] = Value::from(key.expose());
        }
        let body = Some(body.to_string().into_bytes().into());
        let call = Call { url: Arc::clone(&self.url), authorization: None, body };
        let answer = self.caller.call(&call, stop)?;
        let translated = serde_json::from_slice::<Translated>(&answer).ok();
        let translations = translated.map(|translated| translated.texts).filter(|translations| {
            translations.len() == texts.len()
                && translations.iter().all(|text| !text.trim().is_empty())
        });
        if translations.is_some() {
            self.shared.is_alive.store(true, Ordering::Relaxed);
        }
        Ok(translations)
    }
}

impl Drop for LibreTranslate {
    fn drop(&mut self) {
        self.shared.stop.raise();
    }
}

impl Shared {
    /// What is known. The first to ask wait a little until there is something.
    fn known(self: &Arc<Self>) -> MutexGuard<'_, Known> {
        let known = self.refreshed();
        if known.is_first_over {
            return known;
        }
        let is_waiting = |known: &mut Known| !known.is_first_over;
        let waited = self.learned.wait_timeout_while(known, FIRST_WAIT, is_waiting);
        let mut known = waited.unwrap_or_else(PoisonError::into_inner).0;
        // One wait is enough: from here on nobody waits for it any more.
        if !known.is_first_over {
            known.problem = Some(self.not_reached("it did not answer in time"));
            known.is_first_over = true;
        }
        known
    }

    /// Sees to it that the server is asked if it is time to.
    fn refreshed(self: &Arc<Self>) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let every = if known.problem.is_some() { self.every.min(AGAIN_AFTER) } else { self.every };
        let is_recent =
            known.asked_at.is_some_and(|at| now().saturating_duration_since(at) < every);
        if known.is_asked || is_recent {
            return known;
        }
        let shared = Arc::clone(self);
        let asking = thread::Builder::new().name("http languages".to_owned());
        match asking.spawn(move || shared.learn()) {
            Ok(_) => known.is_asked = true,
            Err(err) => {
                known.asked_at = Some(now());
                known.problem = Some(format!("no thread could be started: {err}"));
                known.is_first_over = true;
            }
        }
        known
    }

    /// Asks the server for its languages and takes down what it says.
    fn learn(&self) {
        let was_alive = self.is_alive.swap(false, Ordering::Relaxed);
        let learned = self.ask();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // A server that translates may be too busy to answer this.
        let is_busy = was_alive || self.is_alive.load(Ordering::Relaxed);
        match learned {
            Ok(codes) => (known.codes, known.problem) = (codes, None),
            Err(problem) => {
                if !is_busy || known.problem.is_some() {
                    known.problem = Some(problem);
                }
            }
        }
        known.asked_at = Some(now());
        known.is_asked = false;
        known.is_first_over = true;
        self.learned.notify_all();
    }

    fn ask(&self) -> Result<BTreeMap<LanguagePair, Codes>, String> {
        let call = Call { url: Arc::clone(&self.url), authorization: None, body: None };
        let permit = self.permits.take(&self.stop).ok_or_else(|| "stopped".to_owned())?;
        let answer =
            self.client.send(call, permit, &self.stop).map_err(|no_answer| match no_answer {
                NoAnswer::Unreachable(reason) => self.not_reached(&reason),
                NoAnswer::TooLarge => self.not_reached("its list of languages is too long"),
                NoAnswer::Stopped => "stopped".to_owned(),
            })?;
        if answer.status != 200 {
            let reason = format!("it answered {} when asked for its languages", answer.status);
            return Err(self.not_reached(&reason));
        }
        let listed: Vec<Listed> = serde_json::from_slice(&answer.body)
            .map_err(|_| self.not_reached("its answer is no list of languages"))?;
        let codes = codes_of_pairs(&listed);
        if codes.is_empty() {
            return Err(self.not_reached("it lists no two languages that are known here"));
        }
        Ok(codes)
    }

    fn not_reached(&self, reason: &str) -> String {
        format!(
            "the LibreTranslate server at {} cannot be used: {reason}; start it, or check \
             engines.http.url and engines.http.kind",
            self.place
        )
    }
}

fn codes_of_pairs(listed: &[Listed]) -> BTreeMap<LanguagePair, Codes> {
    let listed = &listed[..listed.len().min(LANGUAGES_MAX)];
    let all: Vec<String> = listed.iter().map(|language| language.code.clone()).collect();
    let mut pairs = BTreeMap::new();
    for source in LanguageCode::all() {
        let Some(source_code) = code_among(source, &all) else { continue };
        let entry = listed.iter().find(|language| language.code == source_code);
        let targets = entry.and_then(|entry| entry.targets.as_ref());
        for target in LanguageCode::all().filter(|target| *target != source) {
            // Told by all codes: which Portuguese is meant depends on the others.
            let Some(target_code) = code_among(target, &all) else { continue };
            if targets.is_none_or(|targets| targets.iter().any(|code| code == target_code)) {
                let codes = Codes { source: source_code.into(), target: target_code.into() };
                pairs.insert(LanguagePair { source, target }, codes);
            }
        }
    }
    pairs
}
