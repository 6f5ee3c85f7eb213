//! The `aws-chunked` encoding of bodies: chunks with their lengths, then trailing headers.
//!
//! Where signatures are verified, `s3s` decodes it, but holds a whole chunk in
//! memory, however long it claims to be: [`bound`] refuses the long ones. Where
//! they are not, [`decode`] does it without looking at the signatures of chunks.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;

/// The longest chunk. Clients send 64 KiB to 1 MiB.
const CHUNK_BYTES_MAX: u64 = 16 << 20;

/// The longest line: a chunk's length with its signature, or a trailing header.
const LINE_BYTES_MAX: usize = 4096;

/// How many trailing headers there may be.
const TRAILERS_MAX: usize = 32;

/// Whether a body is encoded so.
pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    let kind = headers.get("x-amz-content-sha256");
    kind.is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"))
}

/// The headers after a body, once it has been read.
#[derive(Clone, Debug, Default)]
pub(super) struct Trailers(Arc<Mutex<HeaderMap>>);

impl Trailers {
    pub(super) fn get(&self, name: &str) -> Option<HeaderValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn set(&self, headers: HeaderMap) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = headers;
    }
}

/// The content of an encoded body, which has `length` bytes.
pub(super) fn decode(body: Body, length: u64, trailers: Trailers) -> Body {
    Body::from_stream(Decoded {
        body: body.into_data_stream(),
        decoder: Decoder::default(),
        left: length,
        trailers,
        is_over: false,
    })
}

/// Refuses an encoded body as soon as it announces a chunk that is too long.
pub(super) fn bound(request: Request) -> Request {
    if !is_chunked(request.headers()) {
        return request;
    }
    request.map(|body| {
        Body::from_stream(Bounded { body: body.into_data_stream(), decoder: Decoder::default() })
    })
}

struct Decoded {
    body: BodyDataStream,
    decoder: Decoder,
    left: u64,
    trailers: Trailers,
    is_over: bool,
}

impl Stream for Decoded {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.is_over {
                return Poll::Ready(None);
            }
            match self.decoder.next() {
                Ok(Some(piece)) => {
                    let length = piece.len() as u64;
                    if self.left < length {
                        self.is_over = true;
                        return Poll::Ready(Some(Err(malformed("more content than announced"))));
                    }
                    self.left -= length;
                    return Poll::Ready(Some(Ok(piece)));
                }
                Ok(None) => (),
                Err(err) => {
                    self.is_over = true;
                    return Poll::Ready(Some(Err(err)));
                }
            }
            match ready!(Pin::new(&mut self.body).poll_next(ctx)) {
                Some(Ok(piece)) => self.decoder.push(&piece),
                Some(Err(err)) => {
                    self.is_over = true;
                    return Poll::Ready(Some(Err(io::Error::other(err))));
                }
                None => {
                    self.is_over = true;
                    if 0 < self.left || !self.decoder.is_at_end() {
                        return Poll::Ready(Some(Err(malformed("the content is incomplete"))));
                    }
                    let trailers = std::mem::take(&mut self.decoder.trailers);
                    self.trailers.set(trailers);
                }
            }
        }
    }
}

struct Bounded {
    body: BodyDataStream,
    decoder: Decoder,
}

impl Stream for Bounded {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(piece) = ready!(Pin::new(&mut self.body).poll_next(ctx)) else {
            return Poll::Ready(None);
        };
        let piece = match piece {
            Ok(piece) => piece,
            Err(err) => return Poll::Ready(Some(Err(io::Error::other(err)))),
        };
        self.decoder.push(&piece);
        loop {
            match self.decoder.next() {
                Ok(Some(_)) => (),
                Ok(None) => return Poll::Ready(Some(Ok(piece))),
                Err(err) => return Poll::Ready(Some(Err(err))),
            }
        }
    }
}

/// Where in the encoding the decoder stands.
#[derive(Debug, Default)]
enum State {
    /// Before the line with a chunk's length.
    #[default]
    Length,
    /// In a chunk that has so many more bytes.
    Chunk(u64),
    /// Before the line end after a chunk.
    ChunkEnd,
    /// Before a trailing header, or the end.
    Trailer,
}

#[derive(Debug, Default)]
struct Decoder {
    state: State,
    /// What was pushed and not yet understood.
    input: BytesMut,
    trailers: HeaderMap,
}

impl Decoder {
    fn push(&mut self, piece: &[u8]) {
        self.input.extend_from_slice(piece);
    }

    /// Whether the input may end here.
    fn is_at_end(&self) -> bool {
        matches!(self.state, State::Trailer) && self.input.is_empty()
    }

    /// The next piece of content, or nothing until more is pushed.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.state {
                State::Length => {
                    let Some(line) = self.line()? else {
                        return Ok(None);
                    };
                    self.state = match chunk_length(&line)? {
                        0 => State::Trailer,
                        length => State::Chunk(length),
                    };
                }
                State::Chunk(0) => self.state = State::ChunkEnd,
                State::Chunk(left) => {
                    if self.input.is_empty() {
                        return Ok(None);
                    }
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.input.len());
                    self.state = State::Chunk(left - length as u64);
                    return Ok(Some(self.input.split_to(length).freeze()));
                }
                State::ChunkEnd => {
                    let Some(line) = self.line()? else {
                        return Ok(None);
                    };
                    if !line.is_empty() {
                        return Err(malformed("a chunk is longer than announced"));
                    }
                    self.state = State::Length;
                }
                State::Trailer => {
                    let Some(line) = self.line()? else {
                        return Ok(None);
                    };
                    self.trailer(&line)?;
                }
            }
        }
    }

    /// The next line without its end.
    fn line(&mut self) -> io::Result<Option<BytesMut>> {
        let Some(end) = self.input.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n')
        else {
            if LINE_BYTES_MAX <= self.input.len() {
                return Err(malformed("a line is too long"));
            }
            return Ok(None);
        };
        let mut line = self.input.split_to(end + 1);
        line.truncate(end);
        if line.last() == Some(&b'\r') {
            line.truncate(end - 1);
        }
        Ok(Some(line))
    }

    fn trailer(&mut self, line: &[u8]) -> io::Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.ok_or_else(|| malformed("a trailing header"))?);
        let name = HeaderName::from_bytes(name.trim_ascii());
        let value = HeaderValue::from_bytes(value[1..].trim_ascii());
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(malformed("a trailing header"));
        };
        if TRAILERS_MAX <= self.trailers.len() {
            return Err(malformed("too many trailing headers"));
        }
        self.trailers.append(name, value);
        Ok(())
    }
}

/// `10000;chunk-signature=…`, or `10000`.
fn chunk_length(line: &[u8]) -> io::Result<u64> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let length = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .ok_or_else(|| malformed("the length of a chunk"))?;
    if CHUNK_BYTES_MAX < length {
        return Err(malformed("a chunk of more than 16 MiB"));
    }
    Ok(length)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("aws-chunked encoding: {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pushes `input` in pieces of `size` bytes.
    fn decoded(input: &[u8], size: usize) -> io::Result<(Vec<u8>, HeaderMap)> {
        let mut decoder = Decoder::default();
        let mut content = Vec::new();
        for piece in input.chunks(size) {
            decoder.push(piece);
            while let Some(piece) = decoder.next()? {
                content.extend_from_slice(&piece);
            }
        }
        if !decoder.is_at_end() {
            return Err(malformed("incomplete"));
        }
        Ok((content, decoder.trailers))
    }

    #[test]
    fn chunks_and_trailers_come_apart_however_they_arrive() {
        let input = b"5;chunk-signature=abc\r\nhello\r\n3\r\n\r\n!\r\n0;chunk-signature=d\r\n\
                      x-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        for size in 1..input.len() {
            let (content, trailers) = decoded(input, size).unwrap();
            assert_eq!(content, b"hello\r\n!");
            assert_eq!(trailers.get("x-amz-checksum-crc32").unwrap(), "AAAAAA==");
        }
    }

    #[test]
    fn what_is_no_encoding_is_refused() {
        for input in ["x\r\n", "1\r\nab\r\n0\r\n", "1000001\r\n", "0\r\nno colon\r\n", "5\r\nhel"] {
            assert!(decoded(input.as_bytes(), 1000).is_err(), "{input}");
        }
        assert!(decoded(&vec![b'1'; LINE_BYTES_MAX], 7).is_err());
    }

    proptest! {
        #[test]
        fn any_content_comes_back(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            size in 1_usize..50,
        ) {
            let mut input = Vec::new();
            for chunk in &chunks {
                input.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                input.extend_from_slice(chunk);
                input.extend_from_slice(b"\r\n");
            }
            input.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(decoded(&input, size).unwrap().0, chunks.concat());
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            input in prop::collection::vec(any::<u8>(), 0..99), size in 1_usize..9
        ) {
            let _ = decoded(&input, size);
        }
    }
}
