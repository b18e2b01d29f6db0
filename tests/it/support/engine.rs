//! The database engines that tests run on: each test on both, or it is not a test of the bridge.

use tempfile::TempDir;

use super::postgres;

/// A fresh, empty database. It goes away with this value (SQLite) or with the test process (PostgreSQL).
#[derive(Debug)]
pub(crate) struct Engine {
    name: &'static str,
    url: String,
    folder: TempDir,
}

impl Engine {
    /// A SQLite file in a folder of its own.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
        Self { name: "sqlite", url, folder }
    }

    /// A database in the throw-away PostgreSQL cluster; `None` where the server programs are not installed.
    pub(crate) fn postgres() -> Option<Self> {
        let url = postgres::database()?;
        Some(Self { name: "postgres", url, folder: tempfile::tempdir().expect("a temporary folder") })
    }

    /// A fresh database of the same engine.
    pub(crate) fn another(&self) -> Self {
        match self.name {
            "sqlite" => Self::sqlite(),
            _ => Self::postgres().expect("the cluster that made the first"),
        }
    }

    /// `sqlite` or `postgres`.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// What goes into `database.url`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A folder for files of the test.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// Makes of each function a module with two tests, `sqlite` and `postgres`, so that equally many run on both.
///
/// ```ignore
/// both_engines! {
///     async fn creates_a_user(engine: Engine) { … }
/// }
/// ```
macro_rules! both_engines {
    ($( $(#[$meta:meta])* async fn $name:ident($engine:ident: Engine) $body:block )+) => { $(
        $(#[$meta])*
        async fn $name($engine: $crate::support::engine::Engine) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::support::engine::Engine::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(engine) = $crate::support::engine::Engine::postgres() {
                    super::$name(engine).await;
                }
            }
        }
    )+ };
}

mod tests {
    use actix_web::{App, HttpResponse, HttpServer, web};
    use diesel::Connection;
    use diesel::connection::SimpleConnection;

    both_engines! {
        /// The server of the bridge runs inside such a test as it does in `serve`: its future is an ordinary task.
        async fn serves_http_over_a_fresh_database(engine: Engine) {
            let url = engine.url().to_owned();
            let server = HttpServer::new(move || {
                let url = url.clone();
                let make = move || {
                    let url = url.clone();
                    async move {
                        let made = web::block(move || create_table(&url)).await.expect("the blocking pool");
                        HttpResponse::Ok().body(made.map_or_else(|wrong| wrong, |()| "made".to_owned()))
                    }
                };
                App::new().route("/", web::get().to(make))
            })
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .expect("a free port");
            let address = server.addrs()[0];
            let server = server.run();
            let handle = server.handle();
            let running = tokio::spawn(server);

            let answer = reqwest::get(format!("http://{address}/")).await.expect("an answer");
            assert_eq!(answer.text().await.expect("a body"), "made");
            // Empty at first, and the same database afterwards.
            let again = create_table(engine.url()).expect_err("the table is there");
            assert!(again.contains("already exists"), "{}: {again}", engine.name());
            handle.stop(true).await;
            running.await.expect("no panic").expect("a clean stop");
            assert!(engine.folder().exists());
        }
    }

    fn create_table(url: &str) -> Result<(), String> {
        let statement = "CREATE TABLE people (name TEXT)";
        let done = match url.strip_prefix("sqlite:") {
            Some(path) => diesel::SqliteConnection::establish(path).expect("opens").batch_execute(statement),
            None => diesel::PgConnection::establish(url).expect("connects").batch_execute(statement),
        };
        done.map_err(|wrong| wrong.to_string())
    }
}
