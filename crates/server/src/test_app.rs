//! The operations and the runner together, without a socket, for tests: SQLite
//! in a fresh folder, objects in memory, the pseudo engine, a clock set by hand.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use domain::Timestamp;
use engine::{Engines, PseudoEngine};
use objects::memory::MemoryObjects;
use objects::{Access, Objects, PutOptions};
use serde_json::{Value, json};
use store::{Clock, NodeId, SqliteStore};
use tokio::sync::Notify;

use crate::api::token::TokenKey;
use crate::api::{self, Operation};
use crate::app::App;
use crate::auth::Caller;
use crate::runner::{Runner, RunnerSettings};
use crate::translate::Translator;

const ACCOUNT: &str = "111122223333";
/// Longer than any lease.
const LEASES_END_MS: i64 = 60_000;

pub(crate) struct TestApp {
    pub(crate) objects: Arc<MemoryObjects>,
    app: App,
    pub(crate) runner: Arc<Runner>,
    time: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(|objects| objects).await
    }

    /// Starts with objects that `wrap` makes of those in memory.
    pub(crate) async fn start_with(
        wrap: impl FnOnce(Arc<dyn Objects>) -> Arc<dyn Objects>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(1_000_000));
        let now = Arc::clone(&time);
        let clock: Clock = Arc::new(move || Timestamp(now.load(Ordering::SeqCst)));
        let store = SqliteStore::open(&folder.path().join("a.db"), Arc::clone(&clock)).await;
        let memory = Arc::new(MemoryObjects::new());
        for bucket in ["in", "out"].map(|name| format!("{name}-bucket")) {
            memory.create_bucket(ACCOUNT, &bucket);
        }
        let engines = Arc::new(Engines::new(vec![Arc::new(PseudoEngine::default())]));
        let translator = Translator::new(Arc::clone(&engines), NonZero::new(2).unwrap(), 0);
        let app = App {
            store: Arc::new(store.unwrap()),
            objects: wrap(Arc::clone(&memory) as Arc<dyn Objects>),
            engines,
            translator: Arc::new(translator),
            wake: Arc::new(Notify::new()),
            clock,
            token_key: TokenKey::new([7; 32]),
            jobs_queued_max: 1_000,
            lists_all_languages: true,
        };
        let runner = runner(&app, Arc::clone(&app.objects));
        Self { objects: memory, app, runner, time, _folder: folder }
    }

    /// Another runner, as after a crash: all leases have run out.
    pub(crate) fn crash(&mut self) {
        self.time.fetch_add(LEASES_END_MS, Ordering::SeqCst);
        self.runner = runner(&self.app, Arc::clone(&self.app.objects));
    }

    /// Another runner, as after a crash, for which the storage is undisturbed.
    pub(crate) fn restart(&mut self) {
        self.app.objects = Arc::clone(&self.objects) as Arc<dyn Objects>;
        self.crash();
    }

    pub(crate) async fn put(&self, key: &str, text: impl Into<Bytes>) {
        let options = PutOptions::default();
        self.objects.put(&access(), "in-bucket", key, text.into(), &options).await.unwrap();
    }

    /// Starts a job over `in-bucket/docs` with `changes` to its request; returns its id.
    pub(crate) async fn submit(&self, token: &str, changes: Value) -> String {
        let answer = self.call("StartTextTranslationJob", request(token, changes)).await.unwrap();
        answer["JobId"].as_str().unwrap().to_owned()
    }

    /// The answer, or the error's name and text.
    pub(crate) async fn call(&self, operation: &str, body: Value) -> Result<Value, String> {
        let caller = Caller {
            account: ACCOUNT.to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: None,
        };
        let operation = Operation::from_name(operation).unwrap();
        let body = body.to_string();
        match api::perform(&self.app, &caller, operation, body.as_bytes()).await {
            Ok(answer) => Ok(serde_json::from_str(&answer).unwrap()),
            Err(err) => Err(format!("{}: {}", err.name(), err.message().unwrap_or_default())),
        }
    }

    pub(crate) async fn describe(&self, id: &str) -> Value {
        let answer = self.call("DescribeTextTranslationJob", json!({ "JobId": id })).await.unwrap();
        answer["TextTranslationJobProperties"].clone()
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        self.describe(id).await["JobStatus"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn stop(&self, id: &str) -> String {
        let answer = self.call("StopTextTranslationJob", json!({ "JobId": id })).await.unwrap();
        answer["JobStatus"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn step(&self) -> bool {
        self.runner.step().await.unwrap()
    }

    pub(crate) async fn run_until_idle(&self) {
        while self.step().await {}
    }

    /// All objects of the output bucket, by their keys below the job's folder.
    pub(crate) async fn output(&self, id: &str) -> BTreeMap<String, String> {
        let folder = format!("res/{ACCOUNT}-TranslateText-{id}/");
        let mut output = BTreeMap::new();
        let page = self.objects.list(&access(), "out-bucket", "", None, 1_000).await.unwrap();
        assert!(!page.is_truncated);
        for object in page.objects {
            let bytes = self.objects.get(&access(), "out-bucket", &object.key, None, 1 << 30).await;
            let key = object.key.strip_prefix(&folder).unwrap_or(&object.key);
            output.insert(key.to_owned(), String::from_utf8(bytes.unwrap().into()).unwrap());
        }
        output
    }
}

pub(crate) fn access() -> Access {
    Access {
        account: ACCOUNT.to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/test".to_owned(),
    }
}

/// A request for a job over `in-bucket/docs`, with `changes`.
pub(crate) fn request(token: &str, changes: Value) -> Value {
    let mut request = json!({
        "InputDataConfig": { "S3Uri": "s3://in-bucket/docs", "ContentType": "text/plain" },
        "OutputDataConfig": { "S3Uri": "s3://out-bucket/res" },
        "DataAccessRoleArn": access().role_arn,
        "SourceLanguageCode": "en",
        "TargetLanguageCodes": ["fr"],
        "ClientToken": token,
    });
    if let Value::Object(changes) = changes {
        request.as_object_mut().unwrap().extend(changes);
    }
    request
}

fn runner(app: &App, objects: Arc<dyn Objects>) -> Arc<Runner> {
    Arc::new(Runner::new(
        Arc::clone(&app.store),
        objects,
        Arc::clone(&app.translator),
        Arc::clone(&app.wake),
        Arc::clone(&app.clock),
        RunnerSettings { node: NodeId("n".to_owned()), jobs_running_max: 10, retention: None },
    ))
}
