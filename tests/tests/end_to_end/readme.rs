//! The first session of README.md, as it stands there, and what docs/operating.md shows.

use scaleout_tests::harness::{Call, program, repository};

use crate::dev::open_folder;

/// The commands under a heading: what its `sh` block holds.
fn commands(text: &str, heading: &str) -> String {
    let (_, section) = text.split_once(heading).unwrap_or_else(|| panic!("there is no {heading:?}"));
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_first_session_runs() {
    let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let commands = commands(&text, "\n## A first session\n");
    let operating = std::fs::read_to_string(repository().join("docs/operating.md")).unwrap();
    let limits = self::commands(&operating, "\n## Concurrency limits\n");
    let schedules = self::commands(&operating, "\n## Schedules\n");
    let projects = self::commands(&operating, "\n## Projects\n");
    let commands = format!("{commands}{limits}{schedules}{projects}");
    for last in ["scaleout limit remove", "scaleout schedule remove", "scaleout project delete"] {
        assert!(commands.contains(last), "{commands}");
    }
    assert!(commands.lines().filter(|line| line.starts_with("scaleout ")).count() >= 9, "{commands}");
    let folder = open_folder();
    let script = folder.path().join("session.sh");
    std::fs::write(&script, format!("set -eux\n{commands}")).unwrap();
    let data = folder.path().join("data").display().to_string();
    let path = program().parent().unwrap().display().to_string();
    let path = format!("{path}:{}", std::env::var("PATH").unwrap());
    let dev = ["dev", "--data-dir", &data, "--workers", "2", "--port", "0", "--", "sh"];
    let call = Call::scaleout(&repository()).args(dev).args([&script]).env("PATH", path);
    let done = call.run().await.ok();
    for words in ["Hello, Ada!", "30 of 30 ended", "worker-1", "worker-2", "demo/hello/hello", "Hello, "] {
        assert!(done.stdout.contains(words), "{words:?} was not printed:\n{done}");
    }
}
