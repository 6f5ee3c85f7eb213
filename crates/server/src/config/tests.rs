//! Tests of the configuration: each key, each source, and each way to be wrong.

use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::auth::Key;

fn environment_of(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut settings = Settings::default();
    settings.add_file(Path::new("metaphrast.toml"), file)?;
    settings.add_environment(environment_of(variables))?;
    Config::from_settings(&settings, None)
}

fn check(file: &str, expected: &str) {
    let refused = load(file, &[]).unwrap_err();
    assert_eq!(refused.to_string(), expected, "{file}");
}

fn check_variable(name: &str, value: &str, expected: &str) {
    let refused = load("", &[(name, value)]).unwrap_err();
    assert_eq!(refused.to_string(), expected, "{name}={value}");
}

#[test]
fn without_anything_all_has_its_default() {
    let config = Config::load(None, [], Overrides::default()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.data_dir, Path::new("metaphrast-data"));
    assert_eq!((config.region.as_str(), config.account.as_str()), ("us-east-1", "000000000000"));
    assert_eq!((config.auth.mode, config.auth.is_insecure), (Mode::Off, false));
    assert!(config.auth.keys.is_empty());
    assert_eq!(config.store, StoreKind::Sqlite);
    assert_eq!(
        config.objects,
        Objects {
            kind: ObjectsKind::Folder,
            kms: Kms::Refuse,
            endpoint_url: None,
            is_path_style: true,
        }
    );
    assert_eq!(
        config.engines,
        Engines {
            order: vec![EngineName::Neural, EngineName::Apertium],
            memory_mb: 64,
            pseudo_delay_ms: 0,
            neural: Neural {
                models_dir: "metaphrast-data/models".into(),
                bundled: true,
                download: true,
                mirror: None,
                memory_mb_max: 1024,
            },
            http: None,
        }
    );
    assert_eq!(
        config.limits,
        Limits {
            jobs_running_max: 10,
            jobs_queued_max: 1000,
            requests_per_second: 0,
            retention_days: 90,
        }
    );
    assert_eq!(config.webhooks, []);
    assert_eq!(config.terminology_case, CaseRule::Insensitive);
    assert_eq!(config.catalog, Catalog::Installed);
    assert!(config.check_supported().is_ok());
    assert!(config.keys_without_effect().is_empty());
}

const EVERYTHING_BUT_THE_KEY_FILE: &str = r#"
listen = "[::]:9000"
data_dir = "/srv/data"
region = "eu-central-1"
account = "123456789012"

[auth]
mode = "strict"
insecure = true
[[auth.keys]]
access_key_id = "AKIAEXAMPLE"
secret_access_key = "verysecret"
account = "111122223333"
[[auth.keys]]
access_key_id = "minio"
secret_access_key = "othersecret"

[store]
url = "postgres://user:password@host/db"

[objects]
kind = "s3"
kms = "ignore"
endpoint_url = "http://localhost:9001"
path_style = false

[engines]
order = ["pseudo", "neural"]
memory_mb = 16
[engines.pseudo]
delay_ms = 250
[engines.neural]
models_dir = "/srv/models"
bundled = false
download = false
mirror = "https://user:mirrorsecret@host/models"
memory_mb_max = 300
[engines.http]
url = "https://host/v1"
kind = "libretranslate"
model = "m"
api_key_file = "KEY_FILE"
timeout_seconds = 30
concurrency_max = 3

[limits]
jobs_running_max = 3
jobs_queued_max = 5
requests_per_second = 7
retention_days = 0

[events]
webhooks = ["https://host/hook?token=hooksecret"]

[terminology]
case = "sensitive"

[catalog]
languages = "full"
"#;

fn load_everything() -> Config {
    let file = tempfile::NamedTempFile::new().unwrap();
    writeln!(&file, "apisecret").unwrap();
    let path = file.path().display().to_string();
    load(&EVERYTHING_BUT_THE_KEY_FILE.replace("KEY_FILE", &path), &[]).unwrap()
}

#[test]
fn every_key_is_read() {
    let config = load_everything();
    assert_eq!(config.listen.to_string(), "[::]:9000");
    assert_eq!(config.data_dir, Path::new("/srv/data"));
    assert_eq!((config.region.as_str(), config.account.as_str()), ("eu-central-1", "123456789012"));
    assert_eq!((config.auth.mode, config.auth.is_insecure), (Mode::Strict, true));
    let key = |secret: &str, account: &str| Key {
        secret: Secret::new(secret),
        account: account.to_owned(),
    };
    let keys = [
        ("AKIAEXAMPLE".to_owned(), key("verysecret", "111122223333")),
        ("minio".to_owned(), key("othersecret", "123456789012")),
    ];
    assert_eq!(config.auth.keys, Keys::from(keys));
    let url = Secret::new("postgres://user:password@host/db");
    assert_eq!(config.store, StoreKind::Postgres(url));
    assert_eq!(
        config.objects,
        Objects {
            kind: ObjectsKind::S3,
            kms: Kms::Ignore,
            endpoint_url: Some("http://localhost:9001".to_owned()),
            is_path_style: false,
        }
    );
    assert_eq!(
        config.engines,
        Engines {
            order: vec![EngineName::Pseudo, EngineName::Neural],
            memory_mb: 16,
            pseudo_delay_ms: 250,
            neural: Neural {
                models_dir: "/srv/models".into(),
                bundled: false,
                download: false,
                mirror: Some(Secret::new("https://user:mirrorsecret@host/models")),
                memory_mb_max: 300,
            },
            http: Some(HttpEngine {
                url: "https://host/v1".to_owned(),
                kind: HttpEngineKind::LibreTranslate,
                model: Some("m".to_owned()),
                api_key: Some(Secret::new("apisecret")),
                timeout_seconds: 30,
                concurrency_max: 3,
            }),
        }
    );
    let limits = Limits {
        jobs_running_max: 3,
        jobs_queued_max: 5,
        requests_per_second: 7,
        retention_days: 0,
    };
    assert_eq!(config.limits, limits);
    assert_eq!(config.webhooks, [Secret::new("https://host/hook?token=hooksecret")]);
    assert_eq!(config.terminology_case, CaseRule::Sensitive);
    assert_eq!(config.catalog, Catalog::Full);
}

#[test]
fn no_secret_is_ever_printed() {
    let config = load_everything();
    let printed = format!("{config:?} {config:#?} {}", config.describe().join(" "));
    for secret in
        ["verysecret", "othersecret", "password", "hooksecret", "apisecret", "mirrorsecret"]
    {
        assert!(!printed.contains(secret), "{secret} is in {printed}");
    }
    for file in [
        "[[auth.keys]]\naccess_key_id = \"a\"\nsecret_access_key = \"hidden\" garbage",
        "[[auth.keys]]\naccess_key_id = \"a\"\nsecret_access_key = [\"hidden\"]",
        "[[auth.keys]]\naccess_key_id = \"a\"\nsecret_access_key = \"hidden\"\naccount = \"5\"",
        "auth.keys = [\"hidden\"]",
        "store.url = \"mysql://u:hidden@h\"",
        "store.url = [\"hidden\"]",
        "events.webhooks = [\"ftp://hidden\"]",
        "events.webhooks = \"hidden\"",
        "engines.http.url = \"http://u:hidden@h\"",
        "engines.http.url = \"hidden\"",
    ] {
        let refused = load(file, &[]).unwrap_err();
        let printed = format!("{refused} {refused:?}");
        assert!(!printed.contains("hidden\"") && !printed.contains("u:hidden"), "{printed}");
    }
    check_variable(
        "METAPHRAST_AUTH__KEYS",
        "hidden",
        "auth.keys (from METAPHRAST_AUTH__KEYS) is a hidden value: it must be a list of tables \
         in TOML, such as [{ access_key_id = \"…\" }]",
    );
}

#[test]
fn the_environment_goes_before_the_file_and_the_command_line_before_both() {
    let file = tempfile::NamedTempFile::new().unwrap();
    write!(&file, "listen = \"127.0.0.1:1\"\ndata_dir = \"a\"\nregion = \"file\"").unwrap();
    let variables = [
        ("METAPHRAST_LISTEN", "127.0.0.1:2"),
        ("METAPHRAST_DATA_DIR", "b"),
        ("PATH", "/bin"),
        ("METAPHRAST_ACCOUNT", ""),
    ];
    let load = |variables, overrides| {
        Config::load(Some(file.path()), environment_of(variables), overrides).unwrap()
    };
    let shown = |config: Config| {
        let models = config.engines.neural.models_dir.display().to_string();
        (config.listen.port(), models, config.region)
    };
    let expected = |port, models: &str| (port, models.to_owned(), "file".to_owned());
    assert_eq!(shown(load(&[], Overrides::default())), expected(1, "a/models"));
    assert_eq!(shown(load(&variables, Overrides::default())), expected(2, "b/models"));
    let overrides =
        Overrides { listen: Some("127.0.0.1:3".to_owned()), data_dir: Some("c".into()) };
    assert_eq!(shown(load(&variables, overrides)), expected(3, "c/models"));
}

#[test]
fn every_kind_of_value_can_come_from_the_environment() {
    let config = load(
        "",
        &[
            ("METAPHRAST_AUTH__INSECURE", "true"),
            ("METAPHRAST_ENGINES__ORDER", "pseudo, neural"),
            ("METAPHRAST_LIMITS__JOBS_RUNNING_MAX", "2"),
            ("METAPHRAST_EVENTS__WEBHOOKS", "http://a,http://b"),
            ("METAPHRAST_AUTH__KEYS", "[{ access_key_id = \"a\", secret_access_key = \"s\" }]"),
        ],
    )
    .unwrap();
    assert!(config.auth.is_insecure);
    assert_eq!(config.auth.mode, Mode::Strict);
    assert_eq!(config.auth.keys["a"].secret, Secret::new("s"));
    assert_eq!(config.engines.order, [EngineName::Pseudo, EngineName::Neural]);
    assert_eq!(config.limits.jobs_running_max, 2);
    assert_eq!(config.webhooks.len(), 2);
}

#[test]
fn variables_of_kubernetes_are_nobodys_settings() {
    let variables = [
        ("METAPHRAST_PORT", "tcp://10.0.0.1:8080"),
        ("METAPHRAST_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("METAPHRAST_SERVICE_HOST", "10.0.0.1"),
    ];
    assert!(load("", &variables).is_ok());
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_legal_one() {
    check("lisen = \"x\"", "there is no key 'lisen': did you mean 'listen'?");
    check("auth.mod = 1", "there is no key 'auth.mod': did you mean 'auth.mode'?");
    check("[engine]\norder = []", "there is no key 'engine.order': did you mean 'engines.order'?");
    check("[limit]", "there is no key 'limit': did you mean 'listen'?");
    check(
        "[[auth.keys]]\nacess_key_id = \"a\"",
        "there is no key 'auth.keys[0].acess_key_id': did you mean 'auth.keys[0].access_key_id'?",
    );
    check("auth = 5", "auth is a single value: it must be a section, such as [auth]");
    check_variable(
        "METAPHRAST_LISEN",
        "x",
        "there is no key for the environment variable METAPHRAST_LISEN: did you mean \
         METAPHRAST_LISTEN?",
    );
    check_variable(
        "METAPHRAST_AUTH_MODE",
        "off",
        "there is no key for the environment variable METAPHRAST_AUTH_MODE: did you mean \
         METAPHRAST_AUTH__MODE?",
    );
}

#[test]
fn a_value_is_refused_with_what_is_legal() {
    check(
        "limits.retention_days = -1",
        "limits.retention_days is -1: it must be a whole number of days from 0 to 36500",
    );
    check(
        "limits.jobs_running_max = 0",
        "limits.jobs_running_max is 0: it must be a whole number of jobs from 1 to 10000",
    );
    check(
        "limits.jobs_queued_max = \"many\"",
        "limits.jobs_queued_max is \"many\": it must be a whole number of jobs from 1 to 1000000",
    );
    check(
        "engines.pseudo.delay_ms = 1.5",
        "engines.pseudo.delay_ms is 1.5: it must be a whole number of milliseconds from 0 to \
         60000",
    );
    check("auth.mode = \"on\"", "auth.mode is \"on\": it must be \"off\" or \"strict\"");
    check("auth.insecure = \"yes\"", "auth.insecure is \"yes\": it must be true or false");
    check("account = \"1\"", "account is \"1\": it must be twelve digits");
    check(
        "account = 123456789012",
        "account is 123456789012: it must be a text in quotation marks",
    );
    check(
        "listen = \"localhost\"",
        "listen is \"localhost\": it must be an address and a port, such as \"127.0.0.1:8080\" \
         or \"[::1]:8080\"",
    );
    check(
        "engines.order = [\"neural\", \"neural\"]",
        "engines.order is [\"neural\", \"neural\"]: it must be one or more of \"neural\", \
         \"apertium\", \"http\" and \"pseudo\", each once",
    );
    check(
        "store.url = \"mysql://x\"",
        "store.url is a hidden value: it must be \"sqlite\" or \"postgres://…\"",
    );
    check("data_dir = \"\"", "data_dir is \"\": it must be a path");
    check(
        "objects.endpoint_url = \"localhost\"",
        "objects.endpoint_url is \"localhost\": it must be a URL that begins with http:// or \
         https://",
    );
    check(
        "engines.http.model = \"m\"",
        "engines.http.url is missing: say where the server is, or remove [engines.http]",
    );
    check(
        "\n\nlisten = ",
        "metaphrast.toml, line 3: string values must be quoted, expected literal string",
    );
    check_variable(
        "METAPHRAST_LIMITS__RETENTION_DAYS",
        "x",
        "limits.retention_days (from METAPHRAST_LIMITS__RETENTION_DAYS) is \"x\": it must be a \
         whole number",
    );
    check_variable(
        "METAPHRAST_REGION",
        "US East",
        "region (from METAPHRAST_REGION) is \"US East\": it must be at most 64 lower-case \
         letters, digits and hyphens, such as \"us-east-1\"",
    );
}

#[test]
fn a_secret_can_be_in_a_file() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    writeln!(&secret, "fromfile").unwrap();
    let path = secret.path().display();
    let key = |rest: &str| format!("[[auth.keys]]\naccess_key_id = \"a\"\n{rest}");
    let config = load(&key(&format!("secret_access_key_file = \"{path}\"")), &[]).unwrap();
    assert_eq!(config.auth.keys["a"].secret, Secret::new("fromfile"));

    check(
        &key(&format!("secret_access_key = \"x\"\nsecret_access_key_file = \"{path}\"")),
        "auth.keys[0].secret_access_key is a hidden value: it must be left out where there is a \
         secret_access_key_file",
    );
    check(
        &key(""),
        "auth.keys[0].secret_access_key is missing: give the key a secret_access_key or a \
         secret_access_key_file",
    );
    check(
        &key("secret_access_key_file = \"/nowhere\""),
        "auth.keys[0].secret_access_key_file: the file /nowhere cannot be read: No such file or \
         directory (os error 2)",
    );
    let twice = format!("{0}{0}", key("secret_access_key = \"x\"\n"));
    check(
        &twice,
        "auth.keys[1].access_key_id is the id of another key too: it must be different for each \
         key",
    );
}

#[test]
fn nobody_is_let_in_from_outside_by_mistake() {
    let key = "[[auth.keys]]\naccess_key_id = \"a\"\nsecret_access_key = \"s\"\n";
    for open in ["0.0.0.0:8080", "[::]:8080", "192.168.0.1:80"] {
        let listen = format!("listen = \"{open}\"\n");
        let refused = load(&listen, &[]).unwrap_err();
        assert!(matches!(refused, ConfigError::OffBeyondLoopback { .. }), "{refused}");
        assert!(load(&format!("{listen}{key}"), &[]).is_ok());
        assert!(load(&format!("{listen}auth.insecure = true"), &[]).is_ok());
        let off = format!("{listen}auth.mode = \"off\"\n{key}");
        assert!(matches!(load(&off, &[]), Err(ConfigError::OffBeyondLoopback { .. })));
    }
    for closed in ["127.0.0.2:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(load(&format!("listen = \"{closed}\""), &[]).is_ok(), "{closed}");
    }
    let refused = load("auth.mode = \"strict\"", &[]);
    assert!(matches!(refused, Err(ConfigError::StrictWithoutKeys)));
}

#[test]
fn what_this_version_does_not_have_is_not_served() {
    let check = |file: &str, expected: &str| {
        let refused = load(file, &[]).unwrap().check_supported().unwrap_err();
        assert_eq!(refused.to_string(), expected);
    };
    check(
        "store.url = \"postgres://h/d\"",
        "store.url = \"postgres://…\" is not supported by this version: use \"sqlite\"",
    );
    check(
        "objects.kind = \"s3\"",
        "objects.kind = \"s3\" is not supported by this version: use \"folder\"",
    );
}

#[test]
fn another_server_is_an_engine() {
    let http = |file: &str| load(file, &[]).unwrap().engines.http.unwrap();
    let expected = HttpEngine {
        url: "http://h:8000".to_owned(),
        kind: HttpEngineKind::OpenAi,
        model: None,
        api_key: None,
        timeout_seconds: 120,
        concurrency_max: 8,
    };
    let file = "engines.http.url = \"http://h:8000\"\n";
    assert_eq!(http(file), expected);
    let config = load(&format!("{file}engines.order = [\"http\"]"), &[]).unwrap();
    assert!(config.check_supported().is_ok() && config.keys_without_effect().is_empty());
    let said = "Sends texts to an OpenAI-compatible server at http://h:8000.";
    assert!(config.describe().contains(&said.to_owned()), "{:?}", config.describe());
    let unused = "Does not use [engines.http]: \"http\" is not in engines.order.";
    assert!(load(file, &[]).unwrap().describe().contains(&unused.to_owned()));

    check(
        "engines.order = [\"neural\", \"http\"]",
        "engines.http.url is missing: say where the server is, or take \"http\" out of \
         engines.order",
    );
    check(
        "engines.http.url = \"http://key@h\"",
        "engines.http.url is a hidden value: it must be a URL without user, password or query; \
         a key goes into engines.http.api_key_file",
    );
    check(
        &format!("{file}engines.http.timeout_seconds = 0"),
        "engines.http.timeout_seconds is 0: it must be a whole number of seconds from 1 to 3600",
    );
    check(
        &format!("{file}engines.http.concurrency_max = 0"),
        "engines.http.concurrency_max is 0: it must be a whole number of requests from 1 to 1000",
    );
    check(
        &format!("{file}engines.http.api_key_file = \"/nowhere\""),
        "engines.http.api_key_file: the file /nowhere cannot be read: No such file or directory \
         (os error 2)",
    );
}

#[test]
fn a_file_without_a_usable_key_is_refused() {
    for text in ["", "\n", "two words", "schlüssel"] {
        let key = tempfile::NamedTempFile::new().unwrap();
        write!(&key, "{text}").unwrap();
        let path = key.path().display();
        check(
            &format!("engines.http.url = \"http://h\"\nengines.http.api_key_file = \"{path}\""),
            &format!(
                "engines.http.api_key_file is \"{path}\": it must be a file with a key of visible \
                 ASCII characters and nothing else"
            ),
        );
    }
}

#[test]
fn a_mirror_is_a_url_or_a_folder() {
    let mirror = |text: &str| {
        let loaded = load(&format!("[engines.neural]\nmirror = \"{text}\""), &[]);
        loaded.map(|config| config.describe().join(" "))
    };
    assert!(mirror("/srv/mirror").unwrap().contains("fetches from /srv/mirror."));
    let shown = mirror("https://user:mirrorsecret@host/models").unwrap();
    assert!(shown.contains("fetches from https://host/models."), "{shown}");
    for bad in ["", "ftp://host/models", "http://"] {
        let refused = mirror(bad).unwrap_err().to_string();
        assert!(refused.starts_with("engines.neural.mirror is a hidden value: "), "{refused}");
    }
}

#[test]
fn keys_without_effect_are_named() {
    let config =
        load("[terminology]\ncase = \"sensitive\"\n[limits]\nrequests_per_second = 5", &[]);
    let expected = ["limits.requests_per_second", "terminology.case"];
    assert_eq!(config.unwrap().keys_without_effect(), expected);
}

#[test]
fn the_report_says_what_a_server_would_do() {
    let config = load("auth.insecure = true\nlisten = \"0.0.0.0:80\"", &[]).unwrap();
    assert_eq!(
        config.describe(),
        [
            "Listens on http://0.0.0.0:80.",
            "Verifies no signatures although others can reach it: EVERYONE IS LET IN as account \
             000000000000 in region us-east-1.",
            "Keeps jobs in the database metaphrast-data/metaphrast.db.",
            "Keeps objects in the folder metaphrast-data/objects; jobs with an encryption key \
             are refused.",
            "Translates with the engines neural, then apertium.",
            "Finds neural models in metaphrast-data/models and in the program itself, and holds up \
             to 1024 MB of them in memory.",
            "Runs at most 10 jobs of an account at once and keeps at most 1000 waiting.",
            "Forgets finished jobs after 90 days.",
            "Lists the languages that its engines serve.",
        ]
    );
    let strict = load_everything().describe();
    assert_eq!(strict[1], "Verifies signatures: 2 keys of 2 accounts may sign.");
}

#[test]
fn a_missing_file_is_named() {
    let refused = Config::load(Some(Path::new("/nowhere.toml")), [], Overrides::default());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "--config: the file /nowhere.toml cannot be read: No such file or directory (os error 2)"
    );
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(file in "[a-z_.=\\[\\]\"{}0-9 \n]{0,60}") {
        let _ = load(&file, &[]);
    }

    #[test]
    fn no_variable_makes_it_panic(name in "METAPHRAST_[A-Z_]{0,20}", value in ".{0,20}") {
        let _ = load("", &[(&name, &value)]);
    }
}
