//! Builds the parts and joins them: the only file that names the concrete ones
//! and that knows the real clock.

use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use domain::Timestamp;
use engine::{
    ApertiumEngine, ApertiumSettings, ApiKey, Engine, Engines, HttpEngine, HttpKind, HttpSettings,
    NeuralEngine, NeuralSettings, PseudoEngine,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use objects::folder::{FolderObjects, FolderSettings, KmsPolicy};
use s3s::auth::SecretKey;
use store::{Clock, JobStore, NodeId, SqliteStore};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::api::token::TokenKey;
use crate::app::App;
use crate::auth::Mode;
use crate::config::{self, Catalog, Config, EngineName, HttpEngineKind, Kms, Neural};
use crate::http::{self, Bodies, Http};
use crate::runner::{Runner, RunnerSettings};
use crate::s3::{self, S3AuthMode, S3AuthSettings, S3Key};
use crate::translate::Translator;

/// How often the figures are condensed.
const UPKEEP: Duration = Duration::from_secs(5);
/// How often engines look after themselves.
const TICK: Duration = Duration::from_secs(1);
/// The bounds of `metaphrast_stop_seconds`.
const STOP_SECONDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// The bounds of `ResponseTime`, in milliseconds.
const RESPONSE_MS: &[f64] =
    &[1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 1e4];

/// Serves until `shutdown`.
pub async fn serve(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    config.check_supported()?;
    for key in config.keys_without_effect() {
        tracing::warn!(key, "this setting has no effect in this version");
    }
    if config.engines.http.is_some() && !config.engines.order.contains(&EngineName::Http) {
        tracing::warn!("[engines.http] is not used, since \"http\" is not in engines.order");
    }
    let data_dir = &config.data_dir;
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("the data folder {} cannot be made", data_dir.display()))?;

    let clock = clock();
    // The database is opened first: it is what keeps a second server out of the folder.
    let store = Arc::new(SqliteStore::open(&config.database_file(), Arc::clone(&clock)).await?);
    let objects = open_objects(&config)?;
    let engines = Arc::new(engines(&config)?);
    let memory_bytes_max = config.engines.memory_bytes();
    let translator = Arc::new(Translator::new(Arc::clone(&engines), threads(), memory_bytes_max));
    let app = Arc::new(App {
        store: Arc::clone(&store) as Arc<_>,
        objects: Arc::new(objects.clone()),
        engines: Arc::clone(&engines),
        translator: Arc::clone(&translator),
        wake: Arc::new(Notify::new()),
        clock: Arc::clone(&clock),
        token_key: TokenKey::new(store.secret("page tokens", random()).await?),
        jobs_queued_max: config.limits.jobs_queued_max,
        lists_all_languages: config.catalog == Catalog::Full,
    });
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen: {} cannot be listened on", config.listen))?;
    let address = listener.local_addr()?;
    let metrics = metrics()?;
    let router = http::router(Arc::new(Http {
        app: Arc::clone(&app),
        verifier: config.verifier("translate"),
        bodies: Bodies::default(),
        metrics: metrics.clone(),
        s3: Some(s3::service(objects, s3_auth(&config))),
    }));

    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::new(runner(&config, &app)).run(shutdown.clone()));
    tasks.spawn(upkeep(metrics, shutdown.clone()));
    tasks.spawn(keep_ticking(translator, shutdown.clone()));
    tasks.spawn(http::serve(listener, router, shutdown));
    announce(&format!("listening on http://{address}"));
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    store.close().await;
    Ok(())
}

/// The engines of the configuration, the preferred one first.
pub fn engines(config: &Config) -> anyhow::Result<Engines> {
    let mut engines: Vec<Arc<dyn Engine>> = Vec::new();
    for name in &config.engines.order {
        match name {
            EngineName::Neural => engines.push(Arc::new(neural(&config.engines.neural)?)),
            EngineName::Pseudo => {
                let delay = Duration::from_millis(config.engines.pseudo_delay_ms.into());
                engines.push(Arc::new(PseudoEngine::new(delay)));
            }
            EngineName::Http => {
                let settings =
                    config.engines.http.as_ref().context("engines.http.url is missing")?;
                engines.push(Arc::new(http_engine(settings)?));
            }
            EngineName::Apertium => {
                engines.push(Arc::new(ApertiumEngine::open(&ApertiumSettings::default())));
            }
        }
    }
    Ok(Engines::new(engines))
}

fn neural(neural: &Neural) -> anyhow::Result<NeuralEngine> {
    Ok(NeuralEngine::open(&NeuralSettings {
        models_dir: Some(neural.models_dir.clone()),
        bundled: neural.bundled,
        memory_bytes_max: u64::from(neural.memory_mb_max) << 20,
    })?)
}

fn http_engine(settings: &config::HttpEngine) -> anyhow::Result<HttpEngine> {
    let config::HttpEngine { url, kind, model, api_key, timeout_seconds, concurrency_max } =
        settings;
    let kind = match kind {
        HttpEngineKind::OpenAi => HttpKind::OpenAi,
        HttpEngineKind::LibreTranslate => HttpKind::LibreTranslate,
    };
    let settings = HttpSettings {
        model: model.clone(),
        api_key: api_key.as_ref().map(|key| ApiKey::new(key.expose())),
        timeout: Duration::from_secs(u64::from(*timeout_seconds)),
        concurrency_max: usize::try_from(*concurrency_max)?,
        ..HttpSettings::new(url, kind)
    };
    HttpEngine::open(&settings).context("engines.http")
}

/// How many threads translate at once.
pub fn threads() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

fn runner(config: &Config, app: &App) -> Runner {
    let days = config.limits.retention_days;
    let settings = RunnerSettings {
        node: NodeId(Uuid::new_v4().to_string()),
        jobs_running_max: config.limits.jobs_running_max,
        retention: (0 < days).then(|| Duration::from_secs(u64::from(days) * 24 * 60 * 60)),
    };
    let translator = Arc::clone(&app.translator);
    let (store, objects) = (Arc::clone(&app.store), Arc::clone(&app.objects));
    Runner::new(store, objects, translator, Arc::clone(&app.wake), Arc::clone(&app.clock), settings)
}

fn open_objects(config: &Config) -> anyhow::Result<FolderObjects> {
    let settings = FolderSettings {
        data_dir: config.data_dir.clone(),
        default_account: config.account.clone(),
        kms: match config.objects.kms {
            Kms::Refuse => KmsPolicy::Refuse,
            Kms::Ignore => KmsPolicy::Ignore,
        },
    };
    let objects = FolderObjects::open(settings, now()).with_context(|| {
        format!("the objects in the data folder {} cannot be used", config.data_dir.display())
    })?;
    if !objects.keeps_metadata() {
        tracing::warn!(
            folder = %config.data_dir.display(),
            "the file system keeps no extended attributes: content types are not kept, \
             and objects with user metadata are refused"
        );
    }
    Ok(objects)
}

fn s3_auth(config: &Config) -> S3AuthSettings {
    S3AuthSettings {
        mode: match config.auth.mode {
            Mode::Off => S3AuthMode::Off,
            Mode::Strict => S3AuthMode::Strict,
        },
        keys: config
            .auth
            .keys
            .iter()
            .map(|(id, key)| S3Key {
                access_key_id: id.clone(),
                secret_access_key: SecretKey::from(key.secret.expose()),
                account: key.account.clone(),
            })
            .collect(),
        default_account: config.account.clone(),
        region: config.region.clone(),
    }
}

fn metrics() -> anyhow::Result<PrometheusHandle> {
    let named = |name: &str| Matcher::Full(name.to_owned());
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(named("metaphrast_stop_seconds"), STOP_SECONDS)?
        .set_buckets_for_metric(named("ResponseTime"), RESPONSE_MS)?
        .install_recorder()?)
}

async fn upkeep(metrics: PrometheusHandle, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(UPKEEP) => metrics.run_upkeep(),
            () = shutdown.cancelled() => return,
        }
    }
}

/// Lets engines look after themselves, on a thread that may wait for a disk.
async fn keep_ticking(translator: Arc<Translator>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => (),
            () = shutdown.cancelled() => return,
        }
        let ticking = Arc::clone(&translator);
        if let Err(err) = tokio::task::spawn_blocking(move || ticking.tick()).await {
            tracing::error!(error = %err, "an engine could not look after itself");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that knows the real clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn clock() -> Clock {
    Arc::new(|| {
        let since = now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    let (one, two) = bytes.split_at_mut(16);
    one.copy_from_slice(Uuid::new_v4().as_bytes());
    two.copy_from_slice(Uuid::new_v4().as_bytes());
    bytes
}

/// One line on standard error that scripts wait for, whatever is logged.
#[expect(clippy::print_stderr, reason = "part of the contract")]
fn announce(line: &str) {
    eprintln!("{line}");
}
