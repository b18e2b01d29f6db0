//! The parts of the benchmark that decide what its figures say: where an answer ends, and what is called kept.

#[path = "../../benches/scim/answer.rs"]
mod answer;
#[path = "../../benches/scim/report.rs"]
mod report;

use answer::Body;
use report::{Of, Row, Who};

/// Reads an answer that arrives in pieces of so many bytes; its status, its body, and whether it is complete.
fn read(bytes: &[u8], piece: usize) -> anyhow::Result<(u16, String, bool)> {
    let (mut head, mut body, mut kept): (Vec<u8>, Option<(u16, Body)>, Vec<u8>) = (Vec::new(), None, Vec::new());
    for piece in bytes.chunks(piece) {
        if let Some((_, body)) = &mut body {
            body.take(piece, Some(&mut kept))?;
            continue;
        }
        head.extend_from_slice(piece);
        if let Some(found) = answer::head(&head)? {
            let mut rest = found.body;
            rest.take(&head[found.length..], Some(&mut kept))?;
            body = Some((found.status, rest));
        }
    }
    let (status, rest) = body.ok_or_else(|| anyhow::anyhow!("no head"))?;
    Ok((status, String::from_utf8(kept)?, rest.is_complete()))
}

#[test]
fn an_answer_ends_where_its_fields_say_however_it_arrives() {
    let length = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nx: y\r\n\r\nhello world";
    let chunked = b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n\
        6;a=\"b\"\r\nhello \r\n5\r\nworld\r\n0\r\nx-trailer: 1\r\n\r\n";
    let nothing = b"HTTP/1.1 204 No Content\r\n\r\n";
    for piece in 1..80 {
        assert_eq!(read(length, piece).expect("it is read"), (200, "hello world".to_owned(), true), "{piece}");
        assert_eq!(read(chunked, piece).expect("it is read"), (201, "hello world".to_owned(), true), "{piece}");
        assert_eq!(read(nothing, piece).expect("it is read"), (204, String::new(), true), "{piece}");
        for cut in [1, 3] {
            let cut_off = read(&chunked[..chunked.len() - cut], piece).expect("it is read");
            assert_eq!(cut_off, (201, "hello world".to_owned(), false), "{piece} of all but {cut}");
        }
    }
}

#[test]
fn an_answer_that_does_not_say_where_it_ends_is_refused() {
    for wrong in [
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello, more",
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n",
        "SMTP\r\n\r\n",
    ] {
        assert!(read(wrong.as_bytes(), 4096).is_err(), "{wrong:?}");
    }
}

fn row(scenario: &str, who: Who, of: Of, size: usize, rate: f64, p50: u64) -> Row {
    Row {
        scenario: scenario.to_owned(),
        constant: true,
        connections: 64,
        who,
        of,
        size,
        rate,
        p50,
        p99: p50 * 10,
        errors: 0,
        processors: (1.5, 0.25),
        memory: (50_000_000, 60_000_000),
    }
}

/// Measurements that keep every promise, barely.
fn kept() -> Vec<Row> {
    vec![
        row("GET", Who::Bridge, Of::Users, 1000, 50_000.0, 1000),
        row("GET", Who::Bridge, Of::Users, 10_000, 30_000.0, 1900),
        row("GET", Who::Bare, Of::Users, 10_000, 60_000.0, 900),
        row("GET", Who::Bridge, Of::Users, 100_000, 40_000.0, 1200),
        row("PATCH", Who::Bridge, Of::Members, 10, 2000.0, 10_000),
        row("PATCH", Who::Bridge, Of::Members, 100_000, 2000.0, 12_000),
    ]
}

#[test]
fn each_promise_is_judged_by_its_own_measurements() {
    let broken = |change: &dyn Fn(&mut Vec<Row>)| {
        let mut rows = kept();
        change(&mut rows);
        let bounds = report::bounds(&rows);
        assert_eq!(bounds.len(), 5, "{bounds:?}");
        bounds.into_iter().filter(|bound| !bound.holds).map(|bound| bound.what).collect::<Vec<_>>()
    };
    assert_eq!(broken(&|_| {}), Vec::<String>::new());
    assert_eq!(broken(&|rows| rows[3].p50 = 1201), ["GET, 64 connections: no slower when large"]);
    assert_eq!(broken(&|rows| rows[5].p50 = 0), ["PATCH, 64 connections: no slower when large"]);
    assert_eq!(broken(&|rows| rows[1].rate = 29_999.0), ["GET, 64 connections: against a bare server"]);
    assert_eq!(broken(&|rows| rows[1].memory.1 = 100_000_000), ["memory while compared with a bare server"]);
    assert_eq!(broken(&|rows| rows[0].errors = 1), ["every answer is 2xx"]);
    // A look-up is judged where it waits for no other, a group wherever it was measured.
    let queued = |rows: &mut Vec<Row>| {
        for place in [0, 3, 4, 5] {
            rows.push(Row { connections: 1, ..rows[place].clone() });
        }
        rows[3].p50 = 1600;
    };
    let mut rows = kept();
    queued(&mut rows);
    assert_eq!(report::bounds(&rows).iter().filter(|bound| bound.holds).count(), 7, "{rows:?}");
    rows[3].p50 = 1601;
    rows[7].p50 = 1201;
    rows[5].p50 = 12_001;
    let failed: Vec<_> =
        report::bounds(&rows).into_iter().filter(|bound| !bound.holds).map(|bound| bound.what).collect();
    assert_eq!(
        failed,
        [
            "GET, 64 connections: no slower when large",
            "PATCH, 64 connections: no slower when large",
            "GET, 1 connection: no slower when large",
        ],
        "{rows:?}"
    );
    // The others' memory is no promise: more is stored there, or written.
    assert_eq!(broken(&|rows| rows[3].memory.1 = 200_000_000), Vec::<String>::new());
}

#[test]
fn changes_are_judged_against_commits_alone_and_at_most_connections() {
    let failed = |who: Who, connections: usize, rate: f64| {
        let other = row("POST", who, Of::Users, 10_000, 1000.0, 0);
        let mut rows = vec![Row { constant: false, ..row("POST", Who::Bridge, Of::Users, 10_000, 900.0, 1000) }, other];
        for place in [0, 1] {
            rows.push(Row { connections, rate: if place == 0 { rate } else { 1000.0 }, ..rows[place].clone() });
        }
        let bounds = report::bounds(&rows);
        bounds.into_iter().filter(|bound| !bound.holds).map(|bound| bound.what).collect::<Vec<_>>()
    };
    assert_eq!(failed(Who::Commits, 1, 600.0), Vec::<String>::new());
    assert_eq!(failed(Who::Commits, 1, 599.0), ["POST, 1 connection: against commits"]);
    assert_eq!(failed(Who::Commits, 16, 10.0), Vec::<String>::new(), "of these nothing is promised");
    assert_eq!(failed(Who::Commits, 128, 499.0), ["POST, 128 connections: against commits"]);
    assert_eq!(failed(Who::Pgbench, 1, 500.0), Vec::<String>::new());
    assert_eq!(failed(Who::Pgbench, 16, 499.0), ["POST, 16 connections: against pgbench"]);
}

#[test]
fn tables_are_aligned_and_markdown_where_asked() {
    let rows = kept();
    let table = report::growth_table(&rows).expect("there are two sizes");
    assert_eq!(
        table.render(true),
        "**Large against small**\n\n\
         | request | connections |                 sizes | p50 large | p50 small | ratio |\n\
         | ------- | ----------: | --------------------: | --------: | --------: | ----: |\n\
         | GET     |          64 | 100,000 : 1,000 users |      1.20 |      1.00 |  1.20 |\n\
         | PATCH   |          64 |  100,000 : 10 members |      12.0 |      10.0 |  1.20 |\n"
    );
    let text = report::share_table(&rows, false).expect("there is a bare server").render(false);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Against a bare server");
    assert_eq!(lines[3], "GET              64 10,000       30,000     60,000  0.50");
    let all = report::measurements(&rows, Of::Members).expect("there are groups").render(false);
    assert!(
        all.contains("PATCH            64 100,000 bridge 2,000   12.0  120.0      0   150     25     50      60"),
        "{all}"
    );
    assert!(report::measurements(&[], Of::Users).is_none());
    assert!(report::share_table(&rows, true).is_none(), "nothing was compared with commits");
}
