//! What the tests of the kinds of tasks stand on: for each kind a task that succeeds, one that fails and one that
//! holds, and what the last one has outside of the worker: a process, a statement, a file, a connection.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use scaleout_local::testing::{self, TestDatabase};
use scaleout_tests::harness::{Cluster, Project, cluster, processes_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Client, NoTls};

/// A kind of task, as packages write it. `FOLDER`, `ORIGIN` and `EVALUATIONS` stand for what is known only when it runs.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What the package has besides the task.
    head: &'static str,
    succeeds: &'static str,
    fails: &'static str,
    /// Takes longer than any test waits.
    holds: &'static str,
    /// What the one that fails says.
    pub(crate) refusal: &'static str,
}

pub(crate) const KINDS: [Kind; 6] = [
    Kind {
        name: "process",
        head: "",
        succeeds: r#"command = ["true"]"#,
        fails: r#"command = ["sh", "-c", "exit 3"]"#,
        holds: r#"command = ["sleep", "86400"]"#,
        refusal: "sh exited with code 3",
    },
    Kind {
        name: "sql",
        head: "",
        succeeds: "connection = \"warehouse\"\nstatement = \"select 1\"",
        fails: "connection = \"warehouse\"\nstatement = \"select 1 / 0\"",
        holds: "connection = \"warehouse\"\nstatement = \"select pg_sleep(86400)\"",
        refusal: "division by zero",
    },
    Kind {
        name: "expression",
        head: "[variables]\nn = { type = \"int64\", value = 0 }\npiece = { type = \"string\", value = \"ab,\" }\n",
        succeeds: r#"assign = "@n = @n + 1""#,
        fails: r#"assign = "@n = 1 / @n""#,
        holds: "assign = [EVALUATIONS]",
        refusal: "cannot set n: ",
    },
    Kind {
        name: "file",
        head: "",
        succeeds: "operation = \"copy\"\nfolder = \"FOLDER\"\nfrom = \"small\"\nto = \"copied\"",
        fails: "operation = \"copy\"\nfolder = \"FOLDER\"\nfrom = \"missing\"\nto = \"never\"",
        holds: "operation = \"copy\"\nfolder = \"FOLDER\"\nfrom = \"large\"\nto = \"unfinished\"",
        refusal: "missing",
    },
    Kind {
        name: "http",
        head: "",
        succeeds: r#"url = "ORIGIN/good""#,
        fails: r#"url = "ORIGIN/bad""#,
        holds: r#"url = "ORIGIN/silent""#,
        refusal: "500",
    },
    Kind {
        name: "package",
        head: "",
        succeeds: r#"package = "process-succeeds""#,
        fails: r#"package = "process-fails""#,
        holds: r#"package = "process-holds""#,
        refusal: "sh exited with code 3",
    },
];

/// Looks through texts of some MiB: no evaluation may take long, but a task may have 100 of them.
const EVALUATION: &str = "@n = TOKENCOUNT(REPLICATE(@piece, 300000), REPLICATE(@piece, 300000)) \
                          + TOKENCOUNT(REPLICATE(@piece, 300000), REPLICATE(@piece, 300000))";
const EVALUATIONS: usize = 100;

/// Larger than a disk copies while a test waits. It takes no room itself.
const LARGE_BYTES: u64 = 1 << 38;

/// A cluster with the project `t/kinds`, and the outside.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    /// Dropped with the world.
    database: TestDatabase,
    client: Client,
    /// Requests that wait for an answer.
    silent: Arc<AtomicUsize>,
}

pub(crate) async fn world() -> World {
    let database = testing::database().await;
    let (client, connection) = tokio_postgres::connect(&database.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let silent = Arc::new(AtomicUsize::new(0));
    let origin = serve(silent.clone()).await;
    let cluster = cluster(1, 1, &[]).await;
    let world = World { cluster, database, client, silent };
    std::fs::create_dir(world.folder()).unwrap();
    std::fs::write(world.folder().join("small"), "small").unwrap();
    std::fs::File::create(world.folder().join("large")).unwrap().set_len(LARGE_BYTES).unwrap();
    world.deploy(&origin).await;
    world
}

impl World {
    /// Where the `file` tasks work.
    fn folder(&self) -> PathBuf {
        self.cluster.folder().join("files")
    }

    /// Deploys `KIND-succeeds`, `KIND-fails`, `KIND-holds`; `KIND-overdue`, which holds longer than it may; and
    /// `KIND-rests`, which fails and would be tried again in an hour.
    async fn deploy(&self, origin: &str) {
        let url = &self.database.url;
        let connection = format!("[connections.warehouse]\nkind = \"postgres\"\nurl = '{url}'\n");
        let mut project = Project::new(self.cluster.folder(), "kinds").manifest(&connection);
        let evaluations = vec![format!("\"{EVALUATION}\""); EVALUATIONS].join(", ");
        for kind in &KINDS {
            for (how, task, more) in [
                ("succeeds", kind.succeeds, ""),
                ("fails", kind.fails, ""),
                ("holds", kind.holds, ""),
                ("overdue", kind.holds, "timeout = \"1s\""),
                ("rests", kind.fails, "retries = 1\nretry-delay = \"1h\""),
            ] {
                let Kind { name, head, .. } = kind;
                let text = format!("{head}[tasks.run]\nkind = \"{name}\"\n{task}\n{more}\n")
                    .replace("FOLDER", &self.folder().display().to_string())
                    .replace("ORIGIN", origin)
                    .replace("EVALUATIONS", &evaluations);
                project = project.package(&format!("{name}-{how}"), &text);
            }
        }
        self.cluster.deploy(&project).await;
    }

    /// What the task of this execution has outside of the worker now; `None`: its kind has nothing there.
    pub(crate) async fn outside(&self, kind: &Kind, execution: &str) -> Option<usize> {
        match kind.name {
            // Each process has the execution's id in its environment.
            "process" | "package" => Some(processes_with(execution).len()),
            "sql" => {
                // Of a session that is idle it is the last one.
                let statements = "select count(*) from pg_stat_activity where datname = current_database()
                                  and pid <> pg_backend_pid() and query like '%pg_sleep%'";
                Some(self.client.query_one(statements, &[]).await.unwrap().get::<_, i64>(0) as usize)
            }
            "file" => {
                let names = std::fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().file_name());
                let known = ["small", "large", "copied"];
                Some(names.filter(|name| known.iter().all(|known| name != *known)).count())
            }
            "http" => Some(self.silent.load(Ordering::SeqCst)),
            _ => None,
        }
    }
}

/// A server that answers well, badly, or not at all; returns its origin.
async fn serve(silent: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, silent.clone()));
        }
    });
    origin
}

/// Answers one request. One that gets no answer counts until its client has closed the connection.
async fn answer(mut stream: TcpStream, silent: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let status = match &head {
        head if head.starts_with(b"GET /good ") => "200 OK",
        head if head.starts_with(b"GET /bad ") => "500 Internal Server Error",
        _ => {
            silent.fetch_add(1, Ordering::SeqCst);
            assert!(stream.read_u8().await.is_err(), "the client says more than its request");
            silent.fetch_sub(1, Ordering::SeqCst);
            return;
        }
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
}
