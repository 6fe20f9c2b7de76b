//! HTTP/1.1 on a raw stream (RFC 9112), as far as servers of the tests need it.
//!
//! Responsible for reading requests and answers byte for byte and for answering in every wrong way
//! a network can ([`Play`]). A server library would repair what the tests want to be broken.

use std::io;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt,
};
use tokio::net::TcpStream;

/// A connection that can be cut.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Lets closing send a reset, where the stream knows how.
    fn cut(&self) {}
}

impl Wire for TcpStream {
    fn cut(&self) {
        set_socket_linger(self, Some(Duration::ZERO)).expect("a TCP socket can linger");
    }
}

impl Wire for tokio_rustls::server::TlsStream<TcpStream> {
    fn cut(&self) {
        self.get_ref().0.cut();
    }
}

/// A request or an answer: first line, headers, body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// First line without its end.
    pub start: String,
    /// Headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Message {
    /// An answer with a JSON body.
    pub fn answer(status: u16, body: &str) -> Self {
        Self {
            start: format!("HTTP/1.1 {status} Status"),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    /// The same with another header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Target of a request: path and query.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Status of an answer.
    pub fn status(&self) -> u16 {
        self.target().parse().expect("an answer has a status")
    }

    /// Body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// First line and headers as they are sent, with the length of the body.
    pub fn head(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            if name != "content-length" && name != "transfer-encoding" {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        text.into_bytes()
    }

    /// Everything as it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        [self.head(), self.body.clone()].concat()
    }
}

/// Reads a message; none when the stream ends before one begins. `bodyless` for an answer to HEAD.
pub async fn read(
    stream: &mut (impl AsyncBufRead + Unpin),
    bodyless: bool,
) -> io::Result<Option<Message>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return match lines.is_empty() {
                true => Ok(None),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        match line.trim_end() {
            "" if lines.is_empty() => {}
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut message = Message { start: lines.swap_remove(0), headers, body: Vec::new() };
    if bodyless || (message.start.starts_with("HTTP/") && [204, 304].contains(&message.status())) {
        return Ok(Some(message));
    }
    if message.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        message.body = chunks(stream).await?;
    } else if let Some(length) = message.header("content-length") {
        message.body = vec![0; length.parse().map_err(io::Error::other)?];
        stream.read_exact(&mut message.body).await?;
    } else if message.start.starts_with("HTTP/") {
        stream.read_to_end(&mut message.body).await?;
    }
    Ok(Some(message))
}

async fn chunks(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        let start = body.len();
        // Each chunk is followed by an end of line, the last by the end of the trailers.
        body.resize(start + size + 2, 0);
        stream.read_exact(&mut body[start..]).await?;
        body.truncate(start + size);
        if size == 0 {
            return Ok(body);
        }
    }
}

/// How a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Play {
    /// As it should be.
    Answer(Message),
    /// After a while.
    Late(Duration, Message),
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// A reset of the connection instead of an answer.
    Reset,
    /// Nothing, for as long as the other side waits.
    Stall,
    /// Head at once, then one byte of the body each second.
    Drip(Message),
    /// The length that the answer has, and half of its body.
    Half(Message),
    /// A JSON text of this many bytes, with its length told or in chunks.
    Flood {
        /// Bytes.
        bytes: usize,
        /// Say so before.
        told: bool,
    },
}

impl Play {
    /// Plays on a stream; true when the connection goes on.
    pub async fn on(self, stream: &mut impl Wire) -> io::Result<bool> {
        match self {
            Self::Answer(answer) => stream.write_all(&answer.bytes()).await?,
            Self::Late(wait, answer) => {
                tokio::time::sleep(wait).await;
                stream.write_all(&answer.bytes()).await?;
            }
            Self::Bytes(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                return Ok(false);
            }
            Self::Reset => {
                stream.cut();
                return Ok(false);
            }
            Self::Stall => return hang_up(stream).await,
            Self::Drip(answer) => {
                stream.write_all(&answer.head()).await?;
                for byte in &answer.body {
                    stream.write_all(&[*byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Self::Half(answer) => {
                stream.write_all(&answer.head()).await?;
                stream.write_all(&answer.body[..answer.body.len() / 2]).await?;
                stream.flush().await?;
                return Ok(false);
            }
            Self::Flood { bytes, told } => return flood(stream, bytes, told).await,
        }
        stream.flush().await?;
        Ok(true)
    }
}

/// Waits until the other side has had enough.
async fn hang_up(stream: &mut impl Wire) -> io::Result<bool> {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(false)
}

async fn flood(stream: &mut impl Wire, bytes: usize, told: bool) -> io::Result<bool> {
    const PIECE: usize = 1 << 16;
    let coding = match told {
        true => format!("content-length: {bytes}"),
        false => "transfer-encoding: chunked".to_owned(),
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{coding}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut piece = vec![b'['; PIECE];
    if !told {
        piece.splice(0..0, format!("{PIECE:x}\r\n").into_bytes());
        piece.extend(b"\r\n");
    }
    for _ in 0..bytes / PIECE {
        stream.write_all(&piece).await?;
    }
    Ok(false)
}
