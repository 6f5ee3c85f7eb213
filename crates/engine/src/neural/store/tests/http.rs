//! Mirrors behind HTTP, of every kind that is met.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::neural::store::fetch::Http;

/// What was asked.
#[derive(Clone, Debug, PartialEq)]
struct Ask {
    path: String,
    from: Option<usize>,
    if_range: Option<String>,
}

/// A server on a port of its own; each connection gets one answer.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Ask>>>,
}

impl Server {
    fn start(mut answer: impl FnMut(&Ask) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(first)) = lines.next() else { continue };
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let mut ask = Ask { path, from: None, if_range: None };
                for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
                    let (name, value) = line.split_once(": ").unwrap();
                    match name.to_ascii_lowercase().as_str() {
                        "range" => {
                            let from = value.trim_start_matches("bytes=").trim_end_matches('-');
                            ask.from = Some(from.parse().unwrap());
                        }
                        "if-range" => ask.if_range = Some(value.to_owned()),
                        _ => (),
                    }
                }
                let bytes = answer(&ask);
                seen.lock().unwrap().push(ask);
                // Whoever asked may have heard enough.
                let _heard = stream.write_all(&bytes);
            }
        });
        Self { url, asked }
    }

    fn asked_for_the_model(&self) -> Vec<Ask> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|ask| ask.path.ends_with(MODEL)).cloned().collect()
    }
}

fn whole(bytes: &[u8], tag: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nETag: {tag}\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    );
    [head.as_bytes(), bytes].concat()
}

fn rest(bytes: &[u8], from: usize) -> Vec<u8> {
    let (length, all) = (bytes.len() - from, bytes.len());
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Range: bytes {from}-{}/{all}\r\n\r\n",
        all - 1
    );
    [head.as_bytes(), &bytes[from..]].concat()
}

fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// The answer to all but the model itself.
fn small(path: &str) -> Option<Vec<u8>> {
    if path.ends_with("index.json") {
        let model = model_bytes("2");
        let index = index_of(&[(MODEL, &model), (VOCABULARY, b"vocabulary")]);
        return Some(whole(index.as_bytes(), "\"i\""));
    }
    path.ends_with(VOCABULARY).then(|| whole(b"vocabulary", "\"v\""))
}

/// A server that answers for the model as `answer` says: to the nth question.
fn mirror(mut answer: impl FnMut(usize, &Ask) -> Vec<u8> + Send + 'static) -> Server {
    let mut count = 0;
    Server::start(move |ask| {
        small(&ask.path).unwrap_or_else(|| {
            count += 1;
            answer(count, ask)
        })
    })
}

fn http() -> Http {
    Http::new(Duration::from_millis(500), Duration::from_millis(1))
}

fn pull(here: &Here, server: &Server) -> Result<Pulled, ModelStoreError> {
    let mirror = Mirror::parse(&server.url);
    let offers = mirror.offers_over(&http())?;
    let mut done = 0;
    let pulled = here.store.pull_over(&http(), &mirror, &offers, &mut |progress| {
        assert!(progress.done_bytes <= progress.size_bytes);
        done = progress.done_bytes;
    });
    let pulled = pulled?.remove(0);
    assert!(pulled.is_err() || done == offers[0].size_bytes);
    pulled
}

/// Pulls over version 1, which stays if nothing else comes.
fn check(answer: impl FnMut(usize, &Ask) -> Vec<u8> + Send + 'static, expected: &str) -> Server {
    let here = Here::with_model("1");
    let server = mirror(answer);
    let pulled = pull(&here, &server);
    if expected.is_empty() {
        assert!(matches!(pulled, Ok(Pulled::Installed(_))), "{pulled:?}");
        assert_eq!(here.version().as_deref(), Some("2"));
        assert!(here.hidden().is_empty(), "{:?}", here.hidden());
    } else {
        let said = pulled.expect_err(expected).to_string();
        assert!(said.contains(expected) && said.contains("en-de/model.ende.bin"), "{said}");
        assert_eq!(here.version().as_deref(), Some("1"));
    }
    server
}

#[test]
fn a_model_comes_over_http() {
    let server = check(|_, _| whole(&model_bytes("2"), "\"m\""), "");
    assert_eq!(server.asked_for_the_model().len(), 1);
}

#[test]
fn a_connection_that_is_cut_is_gone_on_with() {
    let model = model_bytes("2");
    let server = check(
        move |count, ask| match (count, ask.from) {
            (1, _) => whole(&model, "\"m\"")[..120_000].to_vec(),
            (_, Some(from)) => rest(&model, from),
            (_, None) => whole(&model, "\"m\""),
        },
        "",
    );
    let asked = server.asked_for_the_model();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].from.is_some_and(|from| 100_000 < from), "{asked:?}");
    assert_eq!(asked[1].if_range.as_deref(), Some("\"m\""));
}

#[test]
fn the_next_command_goes_on_where_the_last_one_failed() {
    let here = Here::with_model("1");
    let model = model_bytes("2");
    let server = mirror(move |count, ask| match ask.from {
        _ if count == 1 => whole(&model, "\"m\"")[..120_000].to_vec(),
        _ if count == 2 => status("403 Forbidden"),
        Some(from) => rest(&model, from),
        None => whole(&model, "\"m\""),
    });
    assert!(pull(&here, &server).unwrap_err().to_string().contains("403"));
    assert_eq!(here.hidden(), [".en-de.part"]);
    assert!(matches!(pull(&here, &server), Ok(Pulled::Installed(_))));
    let asked = server.asked_for_the_model();
    assert!(asked.len() == 3 && asked[2].from.is_some_and(|from| 100_000 < from), "{asked:?}");
    assert_eq!(here.version().as_deref(), Some("2"));
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let model = model_bytes("2");
    let whole_or_cut = move |count: usize, _: &Ask| {
        let end = if count < 3 { 120_000 } else { usize::MAX };
        let bytes = whole(&model, "W/\"weak\"");
        bytes[..end.min(bytes.len())].to_vec()
    };
    let server = check(whole_or_cut, "");
    let asked = server.asked_for_the_model();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[1].if_range, None);
}

#[test]
fn a_beginning_of_another_version_is_thrown_away_once() {
    let here = Here::with_model("1");
    let gathered = here.store.folder.join(".en-de.part");
    fs::create_dir(&gathered).unwrap();
    fs::write(gathered.join(format!("{MODEL}.part")), vec![b'?'; 100_000]).unwrap();
    let model = model_bytes("2");
    let server = mirror(move |_, ask| match ask.from {
        Some(from) => rest(&model, from),
        None => whole(&model, "\"m\""),
    });
    assert!(matches!(pull(&here, &server), Ok(Pulled::Installed(_))));
    let from: Vec<_> = server.asked_for_the_model().iter().map(|ask| ask.from).collect();
    assert_eq!(from, [Some(100_000), None]);
}

#[test]
fn wrong_bytes_are_never_installed() {
    let server = check(|_, _| whole(&model_bytes("3"), "\"m\""), "sha256");
    assert_eq!(server.asked_for_the_model().len(), 1);
    check(|_, _| whole(&model_bytes("too long"), "\"m\""), "more than");
    let endless = || {
        let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        [head.as_slice(), &model_bytes("2"), &vec![0; 100_000]].concat()
    };
    check(move |_, _| endless(), "more than");
    check(|_, _| whole(b"short", "\"m\""), "ended after 5 of");
}

#[test]
fn a_server_that_says_no_is_not_asked_again_and_one_in_trouble_is() {
    let server = check(|_, _| status("404 Not Found"), "404");
    assert_eq!(server.asked_for_the_model().len(), 1);
    let server = check(|_, _| status("503 Service Unavailable"), "503");
    assert_eq!(server.asked_for_the_model().len(), 5);
    let server = check(
        |count, _| match count {
            1 => status("503 Service Unavailable"),
            2 => status("429 Too Many Requests"),
            3 => Vec::new(),
            _ => whole(&model_bytes("2"), "\"m\""),
        },
        "",
    );
    assert_eq!(server.asked_for_the_model().len(), 4);
}

#[test]
fn other_ranges_than_were_asked_for_are_not_taken() {
    let model = model_bytes("2");
    check(
        move |count, ask| match (count, ask.from) {
            (1, _) => whole(&model, "\"m\"")[..120_000].to_vec(),
            (2, Some(_)) => rest(&model, 5),
            (3, None) => whole(&model, "\"m\"")[..120_000].to_vec(),
            (4, Some(_)) => status("416 Range Not Satisfiable"),
            (_, None) => whole(&model, "\"m\""),
            (_, Some(_)) => status("400 Bad Request"),
        },
        "",
    );
}

#[test]
fn a_server_that_falls_silent_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Connections are taken by the system, and nobody answers.
    let http = Http::new(Duration::from_millis(50), Duration::from_millis(1));
    let refused = Mirror::parse(&url).offers_over(&http).unwrap_err().to_string();
    assert!(refused.contains("given up after 5 attempts"), "{refused}");
    drop(listener);
}

#[test]
fn a_list_without_end_is_not_read() {
    let server = Server::start(|_| {
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 104857600\r\n\r\n".to_vec()
    });
    let refused = Mirror::parse(&server.url).offers_over(&http()).unwrap_err().to_string();
    assert!(refused.contains("more than the 16777216 bytes"), "{refused}");
}

#[test]
fn a_password_is_not_shown() {
    let server = Server::start(|_| status("404 Not Found"));
    let url = server.url.replace("http://", "http://me:hidden@");
    let refused = Mirror::parse(&url).offers_over(&http()).unwrap_err().to_string();
    assert!(refused.contains(&server.url) && !refused.contains("hidden"), "{refused}");
}
