//! The engine with programs made for the test, and with the real Apertium.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;
use std::thread;

use tempfile::TempDir;

use super::*;

fn pair(source: &str, target: &str) -> LanguagePair {
    LanguagePair { source: source.parse().unwrap(), target: target.parse().unwrap() }
}

fn try_translate(
    engine: &ApertiumEngine,
    pair: LanguagePair,
    texts: &[&str],
) -> Result<Vec<String>, EngineError> {
    let segments: Vec<Segment<'_>> = texts.iter().map(|text| (*text).into()).collect();
    let stop = StopFlag::default();
    let translated = engine.translate(&Request::new(pair, &segments, &stop))?;
    Ok(translated.into_iter().map(|translation| translation.text).collect())
}

/// Programs made for a test, which are called `lt-proc` and are scripts.
struct Fake {
    folder: TempDir,
    settings: ApertiumSettings,
}

impl Fake {
    /// One mode for each of `modes`, all with the program that `script` is.
    fn new(script: &str, modes: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let program = folder.path().join("lt-proc");
        let script = script.replace("FOLDER", folder.path().to_str().unwrap());
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        for mode in modes {
            fs::write(folder.path().join(format!("{mode}.mode")), "lt-proc a | lt-proc b").unwrap();
        }
        let settings = ApertiumSettings {
            modes_dir: folder.path().to_owned(),
            programs_dirs: vec![folder.path().to_owned()],
            silence_max: Duration::from_millis(300),
            ..ApertiumSettings::default()
        };
        Self { folder, settings }
    }

    fn engine(&self) -> ApertiumEngine {
        ApertiumEngine::open(&self.settings)
    }
}

/// A program that answers what it was asked.
const ECHO: &str = "exec /bin/cat";

/// What `engine` says of texts that its programs do not translate.
fn failure(script: &str) -> String {
    let fake = Fake::new(script, &["eng-spa"]);
    let engine = fake.engine();
    let failed = try_translate(&engine, pair("en", "es"), &["Red house.", "b"]).unwrap_err();
    assert!(matches!(failed, EngineError::Failed { .. }), "{failed:?}");
    assert_eq!(engine.pool.idle_count(), 0);
    failed.to_string()
}

#[test]
fn what_comes_back_as_it_went_is_whole() {
    let fake = Fake::new(ECHO, &["eng-spa"]);
    let engine = fake.engine();
    let texts =
        [" a  b\t", "", "^x$ [y] \\ / @ <z> {}", "12", "\u{A0}", "no end", "~", "ä\u{301}."];
    assert_eq!(try_translate(&engine, pair("en", "es"), &texts).unwrap(), texts);
    assert_eq!(engine.pool.idle_count(), 1);

    let marks = [0, 1, 2, 4, 5, 7, 8];
    let segment = Segment { text: " ab cd  ", marks: &marks };
    let stop = StopFlag::default();
    let translated = engine.translate(&Request::new(pair("en", "es"), &[segment], &stop)).unwrap();
    let expected = Links::Marks(vec![0, 1, 3, 4, 6, 7, 8]);
    assert_eq!(translated, [Translation { text: " ab cd  ".into(), links: expected }]);
}

#[test]
fn an_answer_larger_than_a_pipe_comes_whole() {
    let fake = Fake::new(ECHO, &["eng-spa"]);
    let engine = fake.engine();
    let text = "word ".repeat(40_000);
    let texts = vec![text.as_str(); 3];
    assert_eq!(try_translate(&engine, pair("en", "es"), &texts).unwrap(), texts);
}

#[test]
fn a_pipeline_that_hangs_is_ended_and_keeps_no_other_direction_waiting() {
    assert!(failure("exec /bin/sleep 1000").contains("did not answer"));

    let mut fake = Fake::new("[ $2 = a ] && exec /bin/cat; exec /bin/sleep 1000", &["eng-spa"]);
    fs::write(fake.folder.path().join("spa-eng.mode"), "lt-proc a").unwrap();
    fake.settings.silence_max = Duration::from_secs(1_000);
    let engine = fake.engine();
    let stop = StopFlag::default();
    thread::scope(|scope| {
        let hang = || engine.translate(&Request::new(pair("en", "es"), &["a.".into()], &stop));
        let hanging = [scope.spawn(hang), scope.spawn(hang)];
        assert_eq!(try_translate(&engine, pair("es", "en"), &["a."]).unwrap(), ["a."]);
        stop.raise();
        for caller in hanging {
            assert!(matches!(caller.join().unwrap(), Err(EngineError::Stopped)));
        }
    });
    assert_eq!(engine.pool.idle_count(), 1);
}

#[test]
fn a_pipeline_that_dies_is_no_answer() {
    assert!(failure("exit 1").contains("ended"));
}

#[test]
fn an_answer_out_of_step_is_no_answer() {
    // An answer that came unasked may be taken for one until it is read.
    let early = failure("printf 'x\\000'; exec /bin/cat");
    assert!(early.contains("out of step") || early.contains("borders"), "{early}");
    // Separators are swallowed, or those of another block come back.
    let swallowed = "exec /bin/sed -uz 's/.@@[0-9.]*]//g'";
    assert!(failure(swallowed).contains("borders"));
    let other = "exec /bin/sed -uz 's/@@[0-9]*/@@77/g'";
    assert!(failure(other).contains("borders"));
}

#[test]
fn a_pipeline_that_answers_twice_never_mixes_answers_up() {
    // Each second answer comes together with the first or before the next question.
    let fake = Fake::new("exec /bin/sed -uz p", &["eng-spa"]);
    let engine = fake.engine();
    for number in 0..20 {
        let text = format!("text {number}");
        match try_translate(&engine, pair("en", "es"), &[&text]) {
            Ok(answer) => assert_eq!(answer, [text]),
            Err(EngineError::Failed { .. }) => (),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn where_borders_are_lost_between_segments_each_is_asked_alone() {
    // Loses all borders but the first two.
    let fake = Fake::new("exec /bin/sed -uz 's/.@@[0-9.]*]//3g'", &["eng-spa"]);
    let engine = fake.engine();
    let texts = ["one.", "two", "three!"];
    assert_eq!(try_translate(&engine, pair("en", "es"), &texts).unwrap(), texts);
}

#[test]
fn a_program_that_is_gone_is_said_to_be() {
    let fake = Fake::new(ECHO, &["eng-spa"]);
    let engine = fake.engine();
    fs::remove_file(fake.folder.path().join("lt-proc")).unwrap();
    let failed = try_translate(&engine, pair("en", "es"), &["a."]).unwrap_err();
    assert!(matches!(failed, EngineError::Unavailable { .. }), "{failed:?}");
    assert!(failed.to_string().contains("lt-proc cannot be started"), "{failed}");

    let engine = fake.engine();
    assert!(!engine.serves(pair("en", "es")) && engine.pairs().is_empty());
    let installed = engine.installed();
    assert_eq!(installed[0].pair, Some(pair("en", "es")));
    let problem = installed[0].problem.as_deref().unwrap();
    assert!(problem.ends_with("apt-get install lttoolbox"), "{problem}");
    let refused = try_translate(&engine, pair("en", "es"), &["a."]).unwrap_err();
    assert!(matches!(refused, EngineError::UnsupportedPair(_)));
}

#[test]
fn pipelines_go_when_they_are_idle_or_too_many() {
    let mut fake = Fake::new(ECHO, &["eng-spa", "spa-eng", "spa-cat"]);
    fake.settings.pipelines_max = 2;
    fake.settings.idle_ticks_max = 2;
    let engine = fake.engine();
    let memory = |engine: &ApertiumEngine| {
        let held = |one: &Installed| 0 < one.memory_bytes;
        let pairs = engine.installed().into_iter().filter(held).filter_map(|one| one.pair);
        pairs.map(|pair| pair.to_string()).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(memory(&engine), "");
    for (source, target) in [("en", "es"), ("es", "en"), ("en", "es"), ("es", "ca")] {
        try_translate(&engine, pair(source, target), &["a."]).unwrap();
    }
    assert_eq!(memory(&engine), "en to es, es to ca");
    engine.tick();
    engine.tick();
    try_translate(&engine, pair("en", "es"), &["a."]).unwrap();
    engine.tick();
    assert_eq!(memory(&engine), "en to es");
    engine.tick();
    engine.tick();
    assert_eq!(engine.pool.idle_count(), 0);
}

#[test]
fn many_callers_share_a_direction() {
    let mut fake = Fake::new(ECHO, &["eng-spa"]);
    fake.settings.silence_max = Duration::from_mins(1);
    for pipelines in [1, 2] {
        fake.settings.pipelines_per_direction_max = pipelines;
        let engine = fake.engine();
        thread::scope(|scope| {
            for caller in 0..6 {
                let engine = &engine;
                scope.spawn(move || {
                    for call in 0..10 {
                        let text = format!("caller {caller} call {call}");
                        let answer = try_translate(engine, pair("en", "es"), &[&text, "b"]);
                        assert_eq!(answer.unwrap(), [text.as_str(), "b"]);
                    }
                });
            }
        });
        assert!((1..=pipelines).contains(&engine.pool.idle_count()));
    }
}

#[test]
fn without_apertium_nothing_is_served() {
    let settings =
        ApertiumSettings { modes_dir: "/no/such/folder".into(), ..ApertiumSettings::default() };
    let engine = ApertiumEngine::open(&settings);
    assert!(engine.pairs().is_empty() && engine.installed().is_empty());

    let file = ApertiumSettings { modes_dir: "/dev/null".into(), ..settings };
    let installed = ApertiumEngine::open(&file).installed();
    assert!(installed[0].problem.as_deref().unwrap().contains("cannot be read"));
}

#[test]
fn programs_are_looked_for_on_a_search_path() {
    let settings = ApertiumSettings::default().with_search_path(OsStr::new("/a:relative:/b/c:"));
    assert_eq!(settings.programs_dirs, ["/a", "/b/c"].map(PathBuf::from));
}

/// The Apertium of this machine. None if it has none, which is no excuse in CI.
fn real() -> Option<&'static ApertiumEngine> {
    static ENGINE: OnceLock<ApertiumEngine> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| ApertiumEngine::open(&ApertiumSettings::default()));
    if engine.serves(pair("en", "es")) {
        return Some(engine);
    }
    #[expect(clippy::disallowed_methods, reason = "CI installs Apertium, a laptop need not")]
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "Apertium is missing: run scripts/setup.sh apertium");
    #[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
    {
        eprintln!("skipped: Apertium is missing; run scripts/setup.sh apertium");
    }
    None
}

#[test]
fn apertium_translates() {
    let Some(engine) = real() else { return };
    let check = |target: &str, texts: &[&str], expected: &[&str]| {
        assert_eq!(try_translate(engine, pair("en", target), texts).unwrap(), expected);
    };
    check(
        "es",
        &["The red house is big.", "I have two cats.  They are black"],
        &["La casa roja es grande.", "Tengo dos gatos.  Son negros"],
    );
    check(
        "es",
        &["Red house", "He said \"hello\" and left", "The zorgblatz eats apples."],
        &["Casa roja", "Dijo \"hola\" y dejó", "El zorgblatz come manzanas."],
    );
    check("es", &["", " \t", "12.5 %", "😀"], &["", " \t", "12.5 %", "😀"]);

    let segment = Segment { text: "The house is red.", marks: &[4, 9, 16] };
    let stop = StopFlag::default();
    let translated = engine.translate(&Request::new(pair("en", "es"), &[segment], &stop)).unwrap();
    assert_eq!(translated[0].text, "La casa es roja.");
    assert_eq!(translated[0].links, Links::Marks(vec![3, 7, 15]));
}

/// What texts are made of that are to be a trial.
#[rustfmt::skip]
const PARTS: &[&str] = &[
    "^", "$", "[", "]", "\\", "/", "@", "<", ">", "{", "}", "*", "#", "+", "~", "=", "_", "|",
    "[[", "]]", "[@@1.0]", "[@m0]", "\0", "\u{1}", "\u{7f}", "\u{85}", "\u{202E}", "\u{200D}",
    "\u{FEFF}", "\u{10FFFF}", "\u{A0}", "\t", "\r\n", "\n", "  ", " ", " ", " ", "😀", "é",
    "e\u{301}", "house", "the", "red", "is", "eat", "12", "3,500", "4-month", "can't", "\"",
    ".", "!", "?", ":", "...", "<b>", "&amp;", "%s", "{0}", "漢字", "дом", "-", "—", "parquote",
];

/// Numbers from a generator that is the same each time.
fn noise() -> impl FnMut(usize) -> usize {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    }
}

#[test]
fn hostile_texts_come_back_in_their_places() {
    let Some(engine) = real() else { return };
    let mut below = noise();
    for round in 0..25 {
        let texts: Vec<String> = (0..20)
            .map(|index| {
                let mut text = String::new();
                for _ in 0..below(12) {
                    text.push_str(PARTS[below(PARTS.len())]);
                }
                write!(text, " zqx{round}q{index}zqx ").unwrap();
                for _ in 0..below(12) {
                    text.push_str(PARTS[below(PARTS.len())]);
                }
                text
            })
            .collect();
        let marks = [0, 3];
        let segments: Vec<Segment<'_>> =
            texts.iter().map(|text| Segment { text, marks: &marks }).collect();
        let stop = StopFlag::default();
        let translated =
            engine.translate(&Request::new(pair("en", "es"), &segments, &stop)).unwrap();
        assert_eq!(translated.len(), texts.len());
        for (index, translation) in translated.iter().enumerate() {
            let text = &translation.text;
            assert_eq!(text.matches("zqx").count(), 2, "{:?} became {text:?}", texts[index]);
            assert!(text.contains(&format!("zqx{round}q{index}zqx")), "{text:?}");
            if let Links::Marks(marks) = &translation.links {
                assert!(marks.iter().all(|mark| text.is_char_boundary(*mark)), "{text:?}");
            }
        }
    }
}

#[test]
fn a_stage_that_is_killed_is_replaced() {
    if real().is_none() {
        return;
    }
    let engine = ApertiumEngine::open(&ApertiumSettings::default());
    let check = || {
        let translated = try_translate(&engine, pair("en", "es"), &["Red house"]).unwrap();
        assert_eq!(translated, ["Casa roja"]);
    };
    check();
    assert!(engine.pool.kill_a_stage());
    check();
    assert_eq!(engine.pool.idle_count(), 1);
}

#[test]
fn work_that_is_not_wanted_any_more_is_given_up() {
    if real().is_none() {
        return;
    }
    let engine = ApertiumEngine::open(&ApertiumSettings::default());
    let text = "The red house is big. ".repeat(10_000);
    let stop = StopFlag::default();
    let segments = [Segment::from(text.as_str())];
    thread::scope(|scope| {
        let translate =
            || engine.translate(&Request::new(pair("en", "es"), &segments, &stop)).map(|_| ());
        let caller = scope.spawn(translate);
        stop.raise();
        assert!(matches!(caller.join().unwrap(), Err(EngineError::Stopped)));
    });
    assert_eq!(engine.pool.idle_count(), 0);
    let translated = try_translate(&engine, pair("en", "es"), &["Red house"]).unwrap();
    assert_eq!(translated, ["Casa roja"]);
}

#[test]
fn overlong_words_and_texts_take_no_longer_than_others() {
    let Some(engine) = real() else { return };
    let word = "x".repeat(5_000);
    let words = "word ".repeat(1_000);
    let translated =
        try_translate(engine, pair("en", "es"), &[&word, &words, "Red house"]).unwrap();
    assert_eq!((translated[0].as_str(), translated[2].as_str()), (word.as_str(), "Casa roja"));
    assert_eq!(translated[1].to_lowercase().matches("palabra").count(), 1_000);
}

#[test]
fn related_languages_and_repaired_packages_translate() {
    let Some(engine) = real() else { return };
    let check = |source: &str, target: &str, text: &str, expected: &str| {
        if engine.serves(pair(source, target)) {
            let translated = try_translate(engine, pair(source, target), &[text]).unwrap();
            assert_eq!(translated, [expected], "{source} to {target}");
        }
    };
    check("es", "ca", "La casa es roja.", "La casa és vermella.");
    check("es", "pt", "La casa es roja.", "A casa é vermelha.");
    check("ru", "uk", "Это большой дом.", "Це великий дім.");
}
