//! The yardstick: a bare actix-web server that answers from memory, byte for byte, what the bridge was heard to answer.
//! It is this program once more, as a process of its own.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::bridge::{BASE, Process};

/// What it answers with.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answers {
    /// Bodies by the id of a user.
    pub(crate) users: Vec<(String, String)>,
    /// Bodies by the query of a list of users, as the client writes it.
    pub(crate) lists: Vec<(String, String)>,
}

/// The same, as a request finds them.
struct Memory {
    users: HashMap<String, web::Bytes>,
    lists: HashMap<String, web::Bytes>,
}

/// Starts the yardstick; `file` is where its answers are handed over.
pub(crate) fn start(answers: &Answers, file: &Path, workers: usize) -> Result<Process> {
    std::fs::write(file, serde_json::to_vec(answers)?).with_context(|| file.display().to_string())?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--workers", &workers.to_string(), "--bare"]).arg(file);
    Process::start(&mut command)
}

/// Serves until standard input ends.
pub(crate) fn serve(file: &Path, workers: usize) -> Result<()> {
    let answers: Answers = serde_json::from_slice(&std::fs::read(file)?)?;
    let keep = |answers: Vec<(String, String)>| answers.into_iter().map(|(key, body)| (key, body.into())).collect();
    let memory = web::Data::new(Memory { users: keep(answers.users), lists: keep(answers.lists) });
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(memory.clone())
                .route(&format!("{BASE}/Users"), web::get().to(list))
                .route(&format!("{BASE}/Users/{{id}}"), web::get().to(user))
        });
        let server = server.workers(workers).bind(("127.0.0.1", 0))?;
        let address = server.addrs().into_iter().next().context("it listens nowhere")?;
        println!("http://{address}{BASE}");
        Ok(server.run().await?)
    })
}

async fn user(memory: web::Data<Memory>, id: web::Path<String>) -> HttpResponse {
    answer(memory.users.get(id.as_str()))
}

async fn list(memory: web::Data<Memory>, request: HttpRequest) -> HttpResponse {
    answer(memory.lists.get(request.query_string()))
}

fn answer(body: Option<&web::Bytes>) -> HttpResponse {
    match body {
        Some(body) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/scim+json")))
            .body(body.clone()),
        None => HttpResponse::NotFound().finish(),
    }
}
