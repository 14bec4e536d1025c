//! `scaleout dev`: it keeps its services running, keeps its state, and leaves nothing behind however it ends.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use scaleout_tests::harness::{Call, MOMENT, Output, Service, WHILE, processes_with, repository, until};
use tempfile::TempDir;

/// Servers and services are up.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// A folder that the servers' user can get through when root runs the tests.
pub(crate) fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

struct Dev {
    service: Service,
    /// Where it was started, with `.scaleout` in it.
    folder: PathBuf,
}

impl Dev {
    async fn start(folder: &Path, log: &str) -> Self {
        let call = Call::scaleout(folder).args(["dev", "--workers", "2", "--port", "0"]);
        let mut service = Service::start(log, &call, &folder.join(log));
        service.says("ready after", READY_WITHIN).await;
        Self { service, folder: folder.to_owned() }
    }

    /// Runs a command beside it, which finds it through its env file.
    async fn scaleout(&self, arguments: &[&str]) -> Output {
        Call::scaleout(&self.folder).args(arguments).run().await
    }

    fn data(&self) -> String {
        self.folder.join(".scaleout").display().to_string()
    }

    /// What runs for it; the data folder stands in each one's command, environment or current folder.
    fn processes(&self) -> Vec<String> {
        processes_with(&self.data()).into_iter().filter(|process| !process.contains("scaleout dev")).collect()
    }

    fn worker(&self, name: &str) -> Pid {
        let all = processes_with(&format!("{}/workers/{name}", self.data()));
        let worker = all.iter().find(|process| process.contains(" worker run ")).unwrap();
        Pid::from_raw(worker.split(' ').next().unwrap().parse().unwrap()).unwrap()
    }

    async fn leaves_nothing(&self) {
        until("nothing is left", MOMENT, async || match self.processes() {
            left if left.is_empty() => Ok(()),
            left => Err(left.join("\n")),
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_restarts_what_dies_keeps_its_state_and_leaves_nothing() {
    let folder = open_folder();
    let mut dev = Dev::start(folder.path(), "first.log").await;
    let all = dev.processes().join("\n");
    for name in ["postgres", "beam", "epmd", "master run", "worker run"] {
        assert!(all.contains(name), "{name} was not found, so its end would not be noticed:\n{all}");
    }
    let hello = repository().join("examples/hello").display().to_string();
    dev.scaleout(&["project", "deploy", &hello, "--folder", "demo"]).await.ok();
    let first =
        dev.scaleout(&["enqueue", "demo/hello/hello", "--wait", "--format", "json"]).await.ok().json();

    let call = Call::scaleout(folder.path()).args(["dev", "--port", "0"]);
    call.run().await.refused(1, &["in use by another `scaleout dev`", "--data-dir"]);

    kill_process(dev.worker("worker-1"), Signal::KILL).unwrap();
    let told = dev.service.says("worker-1 was killed by signal 9", MOMENT).await;
    assert!(told.contains("starting it again"), "{told}");
    until("both workers are online", MOMENT, async || {
        let listed = dev.scaleout(&["worker", "list", "--format", "json"]).await.ok().json_lines();
        let online: Vec<_> = listed.iter().filter(|worker| worker["state"] == "online").collect();
        let again = online.iter().filter(|worker| worker["session"] != 1).count();
        if (online.len(), again) == (2, 1) { Ok(()) } else { Err(format!("{listed:?}")) }
    })
    .await;
    dev.scaleout(&["enqueue", "demo/hello/hello", "--count", "20", "--wait"]).await.ok();

    dev.service.signal(Signal::INT);
    assert_eq!(dev.service.exit_code(WHILE).await, 0, "{}", dev.service.log());
    assert!(dev.service.log().contains("stopped"), "{}", dev.service.log());
    dev.leaves_nothing().await;

    let mut dev = Dev::start(folder.path(), "second.log").await;
    let batch = first["batch"].as_str().unwrap();
    let kept = dev.scaleout(&["batch", "show", batch, "--format", "json"]).await.ok().json();
    assert_eq!(kept["counts"]["succeeded"], 1, "{kept}");
    dev.scaleout(&["enqueue", "demo/hello/hello", "--wait"]).await.ok();
    dev.service.kill9();
    dev.leaves_nothing().await;
    let destroy = Call::scaleout(folder.path()).args(["dev", "destroy", "--yes"]);
    destroy.run().await.ok();
    assert!(!folder.path().join(".scaleout").exists());
}
