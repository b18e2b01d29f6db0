//! CSV in the forms that a job may ask for.

use csv::{QuoteStyle, ReaderBuilder, Terminator, Writer, WriterBuilder};
use serde_json::{Map, Value};

use crate::sandbox::rest::fault::Fault;
use crate::sandbox::wire::Reply;

const DELIMITERS: &[(&str, u8)] =
    &[("COMMA", b','), ("SEMICOLON", b';'), ("TAB", b'\t'), ("PIPE", b'|'), ("CARET", b'^'), ("BACKQUOTE", b'`')];

/// How a job's CSV is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    delimiter: u8,
    crlf: bool,
}

impl Format {
    /// What the body of a new job asks for.
    pub(super) fn of(body: &Map<String, Value>) -> Result<Self, Fault> {
        let asked = |name: &str, default: &'static str| {
            body.get(name).map_or(Some(default), Value::as_str).map(str::to_ascii_uppercase).unwrap_or_default()
        };
        let wrong = |name: &str, value: &str| Fault::new("INVALIDJOB", format!("{name} cannot be '{value}'"));
        let content = asked("contentType", "CSV");
        if content != "CSV" {
            return Err(wrong("contentType", &content));
        }
        let delimiter = asked("columnDelimiter", "COMMA");
        let found = DELIMITERS.iter().find(|(name, _)| *name == delimiter);
        let (_, delimiter) = found.ok_or_else(|| wrong("columnDelimiter", &delimiter))?;
        let ending = asked("lineEnding", "LF");
        match ending.as_str() {
            "LF" | "CRLF" => Ok(Self { delimiter: *delimiter, crlf: ending == "CRLF" }),
            _ => Err(wrong("lineEnding", &ending)),
        }
    }

    /// `LF` or `CRLF`.
    pub(super) fn line_ending(self) -> &'static str {
        if self.crlf { "CRLF" } else { "LF" }
    }

    /// The name of the character between columns.
    pub(super) fn delimiter_name(self) -> &'static str {
        DELIMITERS.iter().find(|(_, delimiter)| *delimiter == self.delimiter).map_or("COMMA", |(name, _)| name)
    }

    /// One record as a line, all values in quotes.
    pub(super) fn line<I: AsRef<[u8]>>(self, values: impl IntoIterator<Item = I>) -> Vec<u8> {
        let mut writer: Writer<Vec<u8>> = WriterBuilder::new()
            .delimiter(self.delimiter)
            .quote_style(QuoteStyle::Always)
            .terminator(if self.crlf { Terminator::CRLF } else { Terminator::Any(b'\n') })
            .flexible(true)
            .from_writer(Vec::new());
        // Writing into memory does not fail.
        let _written = writer.write_record(values);
        writer.into_inner().unwrap_or_default()
    }

    /// The header and the records of an upload; the error says what is wrong with it.
    pub(super) fn read(self, upload: &[u8]) -> Result<(Vec<String>, Vec<Vec<String>>), String> {
        let mut reader = ReaderBuilder::new().delimiter(self.delimiter).from_reader(upload);
        let wrong = |error: csv::Error| format!("InvalidBatch : Failed to parse CSV: {error}");
        let header: Vec<String> = reader.headers().map_err(wrong)?.iter().map(|name| name.trim().to_owned()).collect();
        let mut records = Vec::new();
        for record in reader.records() {
            records.push(record.map_err(wrong)?.iter().map(ToOwned::to_owned).collect());
        }
        Ok((header, records))
    }
}

/// Lines as an answer.
pub(super) fn reply<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Reply {
    Reply::of(200, "text/csv; charset=UTF-8", lines.into_iter().flatten().copied().collect())
}
