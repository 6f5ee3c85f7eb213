//! An HTTP server on a port of its own, each of whose answers a test decides.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// How long to wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server received.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    /// Null if it was empty.
    pub(super) body: Value,
}

/// What it answers.
pub(super) enum Reply {
    Json(Value),
    /// A status, further headers with their line ends, and the body.
    Raw(u16, &'static str, Vec<u8>),
    /// Nothing, as long as the connection is open.
    Silence,
    /// The beginning of a body, and then nothing.
    Unfinished,
    /// The beginning of a body, and then the end of the connection.
    CutOff,
    /// A body without end.
    Endless,
    /// Not HTTP.
    Noise,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Raw(status, "", b"the key is sk-secret and the text was hello".to_vec())
    }
}

/// The server. Answers each connection on a thread of its own.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    hung_up: usize,
}

type Answer = dyn Fn(usize, &Received) -> Reply + Send + Sync;

impl Server {
    /// A server that answers with what `answer` makes of the number of the
    /// request, from 0, and the request.
    pub(super) fn start(
        answer: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), answer)
    }

    pub(super) fn start_at(
        address: SocketAddr,
        answer: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let (answer, shared): (Arc<Answer>, _) = (Arc::new(answer), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&shared));
                thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Self { url: format!("http://{address}"), address, seen }
    }

    /// What was received so far.
    pub(super) fn received(&self) -> Vec<Received> {
        self.seen.state.lock().unwrap().received.clone()
    }

    /// Waits until so many requests were received.
    pub(super) fn wait_for(&self, requests: usize) {
        self.wait_until(|state| requests <= state.received.len());
    }

    /// Waits until a client gave up waiting for an answer.
    pub(super) fn wait_for_hang_up(&self) {
        self.wait_until(|state| 0 < state.hung_up);
    }

    fn wait_until(&self, is_so: impl Fn(&State) -> bool) {
        let state = self.seen.state.lock().unwrap();
        let wait = self.seen.changed.wait_timeout_while(state, PATIENCE, |state| !is_so(state));
        assert!(!wait.unwrap().1.timed_out(), "it did not happen");
    }
}

fn serve(mut stream: TcpStream, answer: &Answer, seen: &Seen) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(received) = receive(&mut reader) {
        let number = {
            let mut state = seen.state.lock().unwrap();
            state.received.push(received.clone());
            state.received.len() - 1
        };
        seen.changed.notify_all();
        let reply = answer(number, &received);
        if !send(&mut stream, &mut reader, reply, seen) {
            return;
        }
    }
}

fn receive(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| 0 < *length)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = Some(value.to_owned()),
            _ => (),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Received { path, authorization, body })
}

/// Whether the connection may be used again.
fn send(stream: &mut TcpStream, reader: &mut impl Read, reply: Reply, seen: &Seen) -> bool {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\":";
    let head = |status: u16, headers: &str, length: usize| {
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n")
    };
    match reply {
        Reply::Json(body) => {
            let body = body.to_string();
            let whole = head(200, "Content-Type: application/json\r\n", body.len()) + &body;
            stream.write_all(whole.as_bytes()).is_ok()
        }
        Reply::Raw(status, headers, body) => {
            let whole = [head(status, headers, body.len()).as_bytes(), &body].concat();
            stream.write_all(&whole).is_ok()
        }
        Reply::Silence | Reply::Unfinished => {
            if matches!(reply, Reply::Unfinished) {
                let _ = stream.write_all(HALF);
            }
            let _ = reader.read(&mut [0]);
            seen.state.lock().unwrap().hung_up += 1;
            seen.changed.notify_all();
            false
        }
        Reply::CutOff => {
            let _ = stream.write_all(HALF);
            false
        }
        Reply::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while stream.write_all(&[b' '; 10_000]).is_ok() {}
            false
        }
        Reply::Noise => {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6 sk-secret\r\n");
            false
        }
    }
}

/// What a good model answers: each text in capitals, the last first.
pub(super) fn completion(request: &Received) -> Reply {
    let asked = items(request);
    let translations: Vec<Value> = asked
        .iter()
        .rev()
        .map(|(id, source)| json!({ "id": id, "text": source.to_uppercase() }))
        .collect();
    content(&json!({ "translations": translations }).to_string())
}

/// A completion with `content`.
pub(super) fn content(content: &str) -> Reply {
    Reply::Json(json!({
        "id": "x",
        "choices": [{
            "index": 0,
            "finish_reason": "stop",
            "message": { "role": "assistant", "content": content }
        }]
    }))
}

/// The numbers and texts that a request asks a model for.
pub(super) fn items(request: &Received) -> Vec<(u64, String)> {
    let data = request.body["messages"][1]["content"].as_str().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    let item =
        |item: &Value| (item["id"].as_u64().unwrap(), item["source"].as_str().unwrap().to_owned());
    data["items"].as_array().unwrap().iter().map(item).collect()
}
