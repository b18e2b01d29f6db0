//! Answers of HTTP/1.1 as the load generator reads them: the status, and where the body ends. The body itself is passed
//! over, since whatever the generator does takes time from what it measures.

use anyhow::{Result, bail};

/// More header fields than the bridge or the yardstick ever send.
const HEADERS: usize = 48;

/// Head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Status code.
    pub(crate) status: u16,
    /// Bytes up to the body.
    pub(crate) length: usize,
    /// What follows.
    pub(crate) body: Body,
}

/// What is still to come of a body (RFC 9112 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// So many bytes.
    Bytes(u64),
    /// The line with the next chunk's length; what was read of it, and whether its extension began.
    Size(u64, bool),
    /// So many bytes of a chunk, the line break after it included.
    Chunk(u64),
    /// Trailers up to an empty line; the bytes of the present line.
    Trailers(u64),
}

/// Reads the head at the beginning of `bytes`; `None`: more is needed.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS];
    let mut answer = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = answer.parse(bytes)? else { return Ok(None) };
    let status = answer.code.unwrap_or_default();
    let mut body = None;
    for field in answer.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            body = Some(Body::Bytes(std::str::from_utf8(field.value)?.trim().parse()?));
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            body = Some(Body::Size(0, false));
        }
    }
    // RFC 9110 sections 15.3.5 and 15.4.5: these have no body, whatever their fields say.
    if matches!(status, 204 | 304) {
        body = Some(Body::Bytes(0));
    }
    let Some(body) = body else { bail!("an answer {status} of unknown length") };
    Ok(Some(Head { status, length, body }))
}

impl Body {
    /// Whether all of it was read.
    pub(crate) fn is_complete(self) -> bool {
        self == Self::Bytes(0)
    }

    /// Takes the next bytes, and keeps those of the body itself where `keep` wants them. Bytes past the end are an
    /// error: the generator never asks twice before it was answered.
    pub(crate) fn take(&mut self, mut bytes: &[u8], mut keep: Option<&mut Vec<u8>>) -> Result<()> {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self {
                Self::Bytes(0) => bail!("{} bytes after the end of an answer", bytes.len()),
                Self::Bytes(left) | Self::Chunk(left) => {
                    let before = usize::try_from(*left)?;
                    let (now, later) = bytes.split_at(bytes.len().min(before));
                    *left -= now.len() as u64;
                    // The line break after a chunk is not of the body.
                    let data = if matches!(self, Self::Chunk(_)) { before.saturating_sub(2) } else { before };
                    if let Some(keep) = keep.as_deref_mut() {
                        keep.extend(now.iter().take(data));
                    }
                    bytes = later;
                    if matches!(self, Self::Chunk(0)) {
                        *self = Self::Size(0, false);
                    }
                    continue;
                }
                Self::Size(0, _) if byte == b'\n' => *self = Self::Trailers(0),
                Self::Size(size, _) if byte == b'\n' => *self = Self::Chunk(*size + 2),
                Self::Size(_, extension @ false) if byte == b';' => *extension = true,
                Self::Size(size, false) => match char::from(byte).to_digit(16) {
                    Some(digit) if *size < 1 << 40 => *size = *size * 16 + u64::from(digit),
                    None if byte == b'\r' || byte == b' ' => {}
                    _ => bail!("a chunk of a length that is none"),
                },
                Self::Size(_, true) => {}
                Self::Trailers(0) if byte == b'\n' => *self = Self::Bytes(0),
                Self::Trailers(line) if byte == b'\n' => *line = 0,
                Self::Trailers(_) if byte == b'\r' => {}
                Self::Trailers(line) => *line += 1,
            }
            bytes = rest;
        }
        Ok(())
    }
}
