//! Servers that speak LibreTranslate's API.

use std::thread;

use serde_json::{Value, json};

use super::server::{Received, Reply, Server};
use super::*;

/// What such a server answers: each text in capitals, with its codes.
pub(super) fn answer(request: &Received) -> Reply {
    if request.path == "/languages" {
        return languages();
    }
    let body = &request.body;
    let (source, target) = (body["source"].as_str().unwrap(), body["target"].as_str().unwrap());
    let translations: Vec<String> = texts(request)
        .iter()
        .map(|text| format!("{source}-{target} {}", text.to_uppercase()))
        .collect();
    Reply::Json(json!({ "translatedText": translations }))
}

fn texts(request: &Received) -> Vec<String> {
    let texts = request.body["q"].as_array().unwrap().iter();
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn languages() -> Reply {
    let language =
        |code: &str, targets: &[&str]| json!({ "code": code, "name": code, "targets": targets });
    Reply::Json(json!([
        language("en", &["en", "es", "pb", "zt", "nb"]),
        language("es", &["en"]),
        language("pb", &["en"]),
        language("pt", &["en"]),
        language("zt", &["en"]),
        language("nb", &[]),
        language("eo", &["en"]),
    ]))
}

fn is_translation(request: &Received) -> bool {
    request.path == "/translate"
}

/// How many translations were asked for.
fn translations(server: &Server) -> usize {
    server.received().iter().filter(|request| is_translation(request)).count()
}

#[test]
fn texts_are_translated_together_with_the_codes_of_the_server() {
    let server = Server::start(|_, request| answer(request));
    let engine = open(&HttpSettings {
        api_key: Some(ApiKey::new("sk-1")),
        ..settings(&server.url, HttpKind::LibreTranslate)
    });
    let translated = translate(&engine, &["one", "", " two "]).unwrap();
    assert_eq!(translated, ["en-es ONE", "", " en-es TWO "]);
    let into = |target: &str| try_translate(&engine, pair("en", target), &["a"]).unwrap();
    assert_eq!(into("pt"), ["en-pb A"]);
    assert_eq!(into("zh-TW"), ["en-zt A"]);
    assert_eq!(into("no"), ["en-nb A"]);

    let received = server.received();
    let asked = received.iter().find(|request| is_translation(request)).unwrap();
    let expected = json!({
        "q": ["one", "two"], "source": "en", "target": "es", "format": "text", "api_key": "sk-1"
    });
    assert_eq!((&asked.body, &asked.authorization), (&expected, &None));
    assert_eq!(received.iter().filter(|request| request.path == "/languages").count(), 1);
}

#[test]
fn the_pairs_are_those_that_the_server_lists() {
    let server = Server::start(|_, request| answer(request));
    let engine = libretranslate(&server);
    let mut pairs: Vec<String> = engine.pairs().iter().map(ToString::to_string).collect();
    pairs.sort();
    let expected = [
        "en to es",
        "en to no",
        "en to pt",
        "en to zh-TW",
        "es to en",
        "pt to en",
        "pt-PT to en",
        "zh-TW to en",
    ];
    assert_eq!(pairs, expected);
    assert!(engine.serves(pair("en", "es")) && !engine.serves(pair("es", "pt")));
    assert_eq!(engine.installed().len(), 8);
    assert_eq!(engine.abilities(pair("en", "es")), Abilities::default());
    let refused = try_translate(&engine, pair("en", "fr"), &["a"]);
    assert!(matches!(refused, Err(EngineError::UnsupportedPair(_))));
}

#[test]
fn older_servers_do_not_list_targets() {
    let server = Server::start(|_, _| {
        let code = |code: &str| json!({ "code": code, "name": code });
        Reply::Json(json!([code("en"), code("es"), code("zh")]))
    });
    assert_eq!(libretranslate(&server).pairs().len(), 6);
}

#[test]
fn a_server_that_is_away_serves_nothing_and_is_found_later() {
    let address = Server::start(|_, _| Reply::status(500)).address;
    // Another port of this machine that nobody listens at.
    let free = std::net::TcpListener::bind((address.ip(), 0)).unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let engine = open(&HttpSettings {
        languages_every: Duration::from_millis(1),
        ..settings(&url, HttpKind::LibreTranslate)
    });
    assert!(engine.pairs().is_empty() && !engine.serves(pair("en", "es")));
    let installed = engine.installed();
    assert_eq!((installed.len(), installed[0].pair), (1, None));
    let problem = installed[0].problem.as_deref().unwrap();
    assert!(problem.contains(&url) && problem.contains("refused"), "{problem}");
    assert!(problem.contains("start it, or check engines.http.url"), "{problem}");

    let server = Server::start_at(free, |_, request| answer(request));
    while !engine.serves(pair("en", "es")) {
        engine.tick();
        thread::yield_now();
    }
    assert_eq!(engine.installed()[0].problem, None);
    assert_eq!(translate(&engine, &["a"]).unwrap(), ["en-es A"]);
    drop(server);
}

#[test]
fn a_server_that_goes_away_is_not_offered_and_its_pairs_are_unavailable() {
    let server = Server::start(
        |number, request| {
            if number == 0 { answer(request) } else { Reply::status(503) }
        },
    );
    let engine = open(&HttpSettings {
        languages_every: Duration::from_millis(1),
        ..settings(&server.url, HttpKind::LibreTranslate)
    });
    while engine.serves(pair("en", "es")) {
        engine.tick();
        thread::yield_now();
    }
    assert!(engine.pairs().is_empty());
    let problem = engine.installed()[0].problem.clone().unwrap();
    assert!(problem.contains("it answered 503"), "{problem}");
    unavailable(translate(&engine, &["one"]));
}

#[test]
fn a_server_that_is_busy_translating_stays() {
    let server = Server::start(|number, request| {
        if number == 0 || is_translation(request) { answer(request) } else { Reply::status(503) }
    });
    let engine = open(&HttpSettings {
        languages_every: Duration::ZERO,
        ..settings(&server.url, HttpKind::LibreTranslate)
    });
    for _ in 0..5 {
        translate(&engine, &["one"]).unwrap();
    }
}

#[test]
fn nonsense_instead_of_languages_serves_nothing() {
    for body in [&b"<html>"[..], b"{}", b"[]", b"[{\"code\":7}]", b"[{\"code\":\"en\"}]", b"\xFF"] {
        let body = body.to_vec();
        let server = Server::start(move |_, _| Reply::Raw(200, "", body.clone()));
        let engine = libretranslate(&server);
        assert!(engine.pairs().is_empty());
        assert!(engine.installed()[0].problem.is_some());
    }
}

/// Answers a request for several texts with `first`, and others well.
fn check_asked_again(first: impl Fn() -> Reply + Send + Sync + 'static) {
    let server = Server::start(move |_, request| {
        let is_batch = is_translation(request) && 1 < texts(request).len();
        if is_batch { first() } else { answer(request) }
    });
    let translated = translate(&libretranslate(&server), &["one", "two"]).unwrap();
    assert_eq!(translated, ["en-es ONE", "en-es TWO"]);
    assert_eq!(translations(&server), 3);
}

#[test]
fn what_did_not_come_back_right_is_asked_for_one_by_one() {
    check_asked_again(|| Reply::status(400));
    check_asked_again(|| Reply::status(413));
    check_asked_again(|| Reply::Json(json!({ "translatedText": ["ONE"] })));
    check_asked_again(|| Reply::Json(json!({ "translatedText": ["ONE", ""] })));
    check_asked_again(|| Reply::Json(json!({ "translatedText": ["ONE", 2] })));
    check_asked_again(|| Reply::Json(json!({ "translatedText": "ONE" })));
    check_asked_again(|| Reply::Json(json!({ "translatedText": ["A", "B", "C"] })));
    check_asked_again(|| Reply::Raw(200, "", b"\xFF\xFE".to_vec()));
}

#[test]
fn a_server_that_never_answers_right_fails_the_request() {
    for wrong in [json!({ "error": "one" }), json!({ "translatedText": [" "] }), Value::Null] {
        let server = Server::start(move |_, request| {
            if is_translation(request) { Reply::Json(wrong.clone()) } else { answer(request) }
        });
        let reason = failed(translate(&libretranslate(&server), &["one"]));
        assert!(reason.contains("no translation"), "{reason}");
    }
}
