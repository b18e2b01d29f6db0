//! The processes that are measured: the built bridge, and this program as the yardstick. Both end with their owner.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpSocket;

/// The binary of the same build.
const BINARY: &str = env!("CARGO_BIN_EXE_scim-bridge");
/// Path below which everything is that is measured.
pub(crate) const BASE: &str = "/scim/v2";

/// How long a bridge may take to stop.
const STOP: Duration = Duration::from_secs(40);

/// A child process that is killed when it is dropped, on a panic and on Ctrl-C too.
pub(crate) struct Process {
    child: Child,
    /// Address that it listens on.
    pub(crate) address: SocketAddr,
    // The yardstick ends when this is closed, so that it does so even when its owner is killed.
    _input: Option<ChildStdin>,
}

impl Process {
    /// Starts `command`; the first line on its standard output ends with the address that it listens on, or with a URL
    /// that has it.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut process = Self { child, address: unknown, _input: input };
        let mut line = String::new();
        BufReader::new(output.context("no standard output")?).read_line(&mut line)?;
        let place = line.split("//").last().and_then(|place| place.trim().split('/').next()).unwrap_or_default();
        process.address = place
            .parse()
            .with_context(|| format!("{} tells no address: {:?}", command.get_program().display(), line.trim()))?;
        Ok(process)
    }

    /// Memory in bytes that it has resident, and had at most since it was started.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let of = |name: &str| -> Result<u64> {
            let line =
                text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("{path}: {name}"))?;
            let kibibytes: u64 = line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse()?;
            Ok(kibibytes * 1024)
        };
        Ok(Memory { now: of("VmRSS")?, peak: of("VmHWM")? })
    }

    /// Processor time that it has used.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        processor_time(&format!("/proc/{}/stat", self.child.id()))
    }
}

/// Processor time that this process, which makes the load, has used.
pub(crate) fn own_processor_time() -> Result<Duration> {
    processor_time("/proc/self/stat")
}

fn processor_time(path: &str) -> Result<Duration> {
    let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
    // The name, in parentheses, may have blanks; user and system time are the 12th and 13th field after it.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks = fields.map(str::parse::<u32>).sum::<Result<u32, _>>().with_context(|| path.to_owned())?;
    Ok(TICK * ticks)
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Length of the kernel's clock tick, the unit of `/proc/PID/stat`: a hundredth of a second on every Linux that Rust
/// supports.
const TICK: Duration = Duration::from_millis(10);

/// Resident memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// At present.
    pub(crate) now: u64,
    /// The most there was.
    pub(crate) peak: u64,
}

/// An address on loopback at which nobody listens, nor can while this lives: each connection is refused at once.
///
/// It is the Salesforce org of the benchmark. A simulated org would take processor time from what is measured, in
/// amounts that change as its queue drains. With this one, a few deliveries fail, the circuit opens, and one delivery a
/// minute is tried: the outbox is written as always, and nothing is read from it.
pub(crate) struct NoOrg {
    socket: TcpSocket,
}

impl NoOrg {
    /// Takes a port.
    pub(crate) fn new() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { socket })
    }
}

/// A bridge with a database of its own.
pub(crate) struct Bridge {
    process: Process,
    folder: PathBuf,
    config: PathBuf,
    /// Its token.
    pub(crate) token: String,
}

impl Bridge {
    /// Starts a bridge on a fresh database at `database`; its other files are in `folder`.
    pub(crate) fn start(folder: &Path, database: &str, workers: usize, org: &NoOrg) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let config = folder.join("scim-bridge.toml");
        let mut text = String::new();
        write!(
            text,
            r#"[server]
listen = "127.0.0.1:0"
workers = {workers}
[database]
url = "{database}"
[delivery]
retry = ["1h"]
[tenant.bench.salesforce]
url = "http://{}"
flow = "client-credentials"
client_id = "bench"
client_secret = "bench"
[tenant.bench.entitlements]
default_profile = "Standard User"
"#,
            org.socket.local_addr()?
        )?;
        std::fs::write(&config, text)?;
        let made = command()
            .args(["token", "create", "--tenant", "bench", "--name", "bench", "--config"])
            .arg(&config)
            .output()
            .context("the bridge's binary cannot be started")?;
        if !made.status.success() {
            bail!("token create: {}: {}", made.status, String::from_utf8_lossy(&made.stderr));
        }
        let token = String::from_utf8(made.stdout)?.lines().last().unwrap_or_default().to_owned();
        let process = serve(folder, &config)?;
        Ok(Self { process, folder: folder.to_owned(), config, token })
    }

    /// Stops the process as an administrator does and starts another on the same database: what it keeps in memory,
    /// and the most it had, begin anew.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        let child = &mut self.process.child;
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        let asked = asked.context("kill")?.success();
        let begun = Instant::now();
        while asked && child.try_wait()?.is_none() && begun.elapsed() < STOP {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(child.kill());
        child.wait()?;
        self.process = serve(&self.folder, &self.config)?;
        Ok(())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// Its process.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }
}

/// The bridge's binary, without what the environment would configure.
fn command() -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SCIM_BRIDGE") {
            command.env_remove(name);
        }
    }
    command
}

fn serve(folder: &Path, config: &Path) -> Result<Process> {
    let log = folder.join("log");
    let file = std::fs::File::options().create(true).append(true).open(&log)?;
    let mut command = command();
    command.args(["serve", "--config"]).arg(config).stderr(file);
    Process::start(&mut command).with_context(|| std::fs::read_to_string(&log).unwrap_or_default())
}
