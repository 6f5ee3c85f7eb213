//! Servers that are away, slow, busy, broken or hostile, and callers that give up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use super::server::{Reply, Server, completion};
use super::*;

/// What is said of a server that always answers so, and how often it was asked.
fn check(
    answer: fn() -> Reply,
    settings: impl Fn(HttpSettings) -> HttpSettings,
) -> (Result<Vec<String>, EngineError>, usize) {
    let server = Server::start(move |_, _| answer());
    let engine = open(&settings(super::settings(&server.url, HttpKind::OpenAi)));
    let result = translate(&engine, &["hello"]);
    if let Err(err) = &result {
        let said = format!("{err} {err:?}");
        assert!(!said.contains("hello") && !said.contains("sk-secret"), "{said}");
    }
    (result, server.received().len())
}

fn as_is(settings: HttpSettings) -> HttpSettings {
    HttpSettings { api_key: Some(ApiKey::new("sk-secret")), ..settings }
}

fn hasty(settings: HttpSettings) -> HttpSettings {
    HttpSettings { timeout: Duration::from_millis(100), attempts_max: 2, ..settings }
}

#[test]
fn a_server_that_nobody_runs_is_unavailable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let engine = open(&settings(&format!("http://{free}"), HttpKind::OpenAi));
    let reason = unavailable(translate(&engine, &["one"]));
    assert!(reason.contains("refused") && reason.contains("engines.http.url"), "{reason}");
}

#[test]
fn a_server_that_does_not_answer_in_time_is_unavailable() {
    for answer in [|| Reply::Silence, || Reply::Unfinished] {
        let (result, asked) = check(answer, hasty);
        let reason = unavailable(result);
        assert!(reason.contains("it did not answer in time"), "{reason}");
        assert_eq!(asked, 2);
    }
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    let (result, asked) = check(|| Reply::CutOff, as_is);
    unavailable(result);
    assert_eq!(asked, 3);
    let server = Server::start(
        |number, request| {
            if number == 0 { Reply::CutOff } else { completion(request) }
        },
    );
    assert_eq!(translate(&openai(&server), &["one"]).unwrap(), ["ONE"]);
}

#[test]
fn an_answer_without_end_is_given_up() {
    let (result, asked) =
        check(|| Reply::Endless, |settings| HttpSettings { answer_bytes_max: 100_000, ..settings });
    let reason = failed(result);
    assert!(reason.contains("too large"), "{reason}");
    assert_eq!(asked, 1);
}

#[test]
fn what_is_not_http_is_unavailable() {
    let reason = unavailable(check(|| Reply::Noise, as_is).0);
    assert!(reason.contains("does not speak HTTP"), "{reason}");
}

#[test]
fn a_busy_server_is_asked_again_after_a_pause() {
    for status in [408, 429, 500, 502, 503, 504] {
        let server = Server::start(move |number, request| match number {
            0 => Reply::Raw(status, "Retry-After: 3600\r\n", Vec::new()),
            1 => Reply::Raw(status, "Retry-After: nonsense\r\n", Vec::new()),
            _ => completion(request),
        });
        assert_eq!(translate(&openai(&server), &["one"]).unwrap(), ["ONE"]);
        assert_eq!(server.received().len(), 3);
    }
}

#[test]
fn a_server_that_stays_busy_is_unavailable_and_one_that_stays_broken_fails() {
    let (result, asked) = check(|| Reply::status(429), as_is);
    assert!(unavailable(result).contains("429 Too Many Requests"));
    assert_eq!(asked, 3);
    unavailable(check(|| Reply::status(503), as_is).0);
    let (result, asked) = check(|| Reply::status(500), as_is);
    assert!(failed(result).contains("500 Internal Server Error: its own log says why"));
    assert_eq!(asked, 3);
}

#[test]
fn a_refusal_is_final_and_says_what_to_do() {
    let check = |answer, expected: &str| {
        let (result, asked) = check(answer, as_is);
        let reason = failed(result);
        assert!(reason.ends_with(expected), "{reason}");
        assert_eq!(asked, 1);
    };
    check(|| Reply::status(401), "answered 401 Unauthorized: check engines.http.api_key_file");
    check(|| Reply::status(403), "answered 403 Forbidden: check engines.http.api_key_file");
    check(
        || Reply::status(404),
        "answered 404 Not Found: check engines.http.url and engines.http.model",
    );
    let elsewhere = || Reply::Raw(307, "Location: http://127.0.0.1:1/\r\n", Vec::new());
    check(elsewhere, "set engines.http.url to where it leads, redirects are not followed");
}

#[test]
fn a_raised_flag_ends_a_request_that_hangs() {
    for answer in [|| Reply::Silence, || Reply::Unfinished] {
        let server = Server::start(
            move |number, request| {
                if number == 0 { answer() } else { completion(request) }
            },
        );
        let engine =
            open(&HttpSettings { concurrency_max: 1, ..settings(&server.url, HttpKind::OpenAi) });
        let stop = StopFlag::default();
        let stopped = thread::scope(|scope| {
            let work = scope.spawn(|| {
                engine.translate(&Request::new(pair("en", "es"), &["one".into()], &stop))
            });
            server.wait_for(1);
            stop.raise();
            work.join().unwrap()
        });
        assert!(matches!(stopped, Err(EngineError::Stopped)), "{stopped:?}");
        // The server learns of it, and the place is free for another.
        server.wait_for_hang_up();
        assert_eq!(translate(&engine, &["two"]).unwrap(), ["TWO"]);
    }
}

#[test]
fn a_raised_flag_ends_a_pause_and_a_wait_for_a_place() {
    let server = Server::start(|number, _| {
        if number == 0 { Reply::Silence } else { Reply::Raw(429, "Retry-After: 9999\r\n", vec![]) }
    });
    let slow = Duration::from_secs(9_999);
    let engine = open(&HttpSettings {
        concurrency_max: 1,
        pause_max: slow,
        ..settings(&server.url, HttpKind::OpenAi)
    });
    let (first, second, third) = (StopFlag::default(), StopFlag::default(), StopFlag::default());
    let run = |stop: &StopFlag| {
        let result = engine.translate(&Request::new(pair("en", "es"), &["one".into()], stop));
        assert!(matches!(result, Err(EngineError::Stopped)), "{result:?}");
    };
    thread::scope(|scope| {
        let hanging = scope.spawn(|| run(&first));
        server.wait_for(1);
        let waiting = scope.spawn(|| run(&second));
        second.raise();
        waiting.join().unwrap();
        first.raise();
        hanging.join().unwrap();

        let pausing = scope.spawn(|| run(&third));
        server.wait_for(2);
        third.raise();
        pausing.join().unwrap();
    });
    assert_eq!(server.received().len(), 2);
}

#[test]
fn no_more_requests_are_under_way_than_allowed() {
    let (active, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Each of two requests answers only once the other is there.
    let both = Arc::new(Barrier::new(2));
    let (counted, highest) = (Arc::clone(&active), Arc::clone(&most));
    let server = Server::start(move |_, request| {
        highest.fetch_max(1 + counted.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        both.wait();
        counted.fetch_sub(1, Ordering::SeqCst);
        completion(request)
    });
    let engine =
        open(&HttpSettings { concurrency_max: 2, ..settings(&server.url, HttpKind::OpenAi) });
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| translate(&engine, &["one"]).unwrap());
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert_eq!(server.received().len(), 8);
}

#[test]
fn answers_are_never_mixed_up() {
    for kind in [HttpKind::OpenAi, HttpKind::LibreTranslate] {
        let server = Server::start(move |number, request| {
            if number % 7 == 3 && request.path != "/languages" {
                return Reply::status(503);
            }
            match kind {
                HttpKind::OpenAi => completion(request),
                HttpKind::LibreTranslate => libretranslate::answer(request),
            }
        });
        let engine = open(&HttpSettings {
            attempts_max: 100,
            concurrency_max: 4,
            ..settings(&server.url, kind)
        });
        let work = |worker: usize| {
            for round in 0..10 {
                let texts: Vec<String> =
                    (0..3).map(|text| format!("w{worker} r{round} t{text}")).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let prefix = if kind == HttpKind::OpenAi { "" } else { "en-es " };
                let expected: Vec<String> =
                    texts.iter().map(|text| format!("{prefix}{}", text.to_uppercase())).collect();
                assert_eq!(translate(&engine, &texts).unwrap(), expected);
            }
        };
        let work = &work;
        thread::scope(|scope| {
            for worker in 0..12 {
                scope.spawn(move || work(worker));
            }
        });
    }
}

#[test]
fn a_server_that_keeps_failing_is_left_alone() {
    let server = Server::start(|_, _| Reply::status(503));
    let engine = open(&HttpSettings {
        attempts_max: 5,
        failures_max: 2,
        rest: Duration::from_hours(1),
        ..settings(&server.url, HttpKind::OpenAi)
    });
    for _ in 0..3 {
        let reason = unavailable(translate(&engine, &["one"]));
        assert!(reason.contains("left alone for a while"), "{reason}");
    }
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_server_that_is_back_is_used_again() {
    let server = Server::start(
        |number, request| {
            if number < 3 { Reply::status(503) } else { completion(request) }
        },
    );
    let engine = open(&HttpSettings {
        attempts_max: 1,
        failures_max: 2,
        rest: Duration::ZERO,
        ..settings(&server.url, HttpKind::OpenAi)
    });
    for _ in 0..3 {
        unavailable(translate(&engine, &["one"]));
    }
    for _ in 0..3 {
        assert_eq!(translate(&engine, &["one"]).unwrap(), ["ONE"]);
    }
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let problem = |settings: &HttpSettings| HttpEngine::open(settings).unwrap_err();
    for kind in [HttpKind::OpenAi, HttpKind::LibreTranslate] {
        assert_eq!(problem(&settings("nonsense", kind)), HttpProblem::Url);
        assert_eq!(problem(&settings("http://u:p@h", kind)), HttpProblem::UrlParts);
        let key = Some(ApiKey::new("a\nb"));
        let settings = HttpSettings { api_key: key, ..settings("http://h", kind) };
        assert_eq!(problem(&settings), HttpProblem::ApiKey);
    }
}
