//! Packages as another user: really another one, and still the guard's. Who may run what needs no rights; to become
//! another user needs root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::process::Signal;
use scaleout_common::run_as::RunAs;
use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_worker::accounts::{Account, AccountError, Accounts};

use super::world::{Process, World, task};

fn find(names: &[&str]) -> Result<Accounts, AccountError> {
    let wanted: Vec<RunAs> = names.iter().map(|name| RunAs::try_from((*name).to_owned()).unwrap()).collect();
    Accounts::find(&wanted)
}

/// A world whose folders let others through, and whose packages may run as `names`. `None`, and said loudly, without
/// root: nobody else may become another user.
pub(super) async fn world(names: &[&str]) -> Option<World> {
    if !rustix::process::geteuid().is_root() {
        assert!(matches!(find(names), Err(AccountError::NoRight(_))), "only root may become {names:?}");
        eprintln!("NOT TESTED: packages as another user; run this test as root");
        return None;
    }
    let mut world = World::new().await;
    world.accounts = find(names).unwrap();
    open(world.folder.path());
    Some(world)
}

fn open(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(super) fn nobody() -> Account {
    Account::find(&RunAs::try_from("nobody".to_owned()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_process_is_its_user_with_group_groups_home_and_a_folder_of_its_own() {
    let Some(world) = world(&["nobody:daemon"]).await else { return };
    // As a worker that has groups of its own, which its packages must not get. This thread starts the process.
    rustix::thread::set_thread_groups(&[rustix::process::Gid::ROOT, rustix::process::Gid::from_raw(4)])
        .unwrap();
    world.script(
        "tell.sh",
        "id -u; id -g; id -G; echo $HOME $USER $LOGNAME; stat -c '%u %a' $SCALEOUT_WORK_DIR",
    );
    let script = "./tell.sh && cat packages/job.toml >/dev/null && echo '{\"ok\":1}' > $SCALEOUT_RESULT \
                  && grep -h '^Cap[PEA]' /proc/self/status && ! cat /etc/shadow";
    let went = world.run(&format!("run-as = \"nobody\"\n{}", task("run", script, ""))).await;
    went.succeeded();
    let nobody = nobody();
    let daemon = Account::find(&RunAs::try_from("nobody:daemon".to_owned()).unwrap()).unwrap();
    let said = went.stdout();
    let (user, group) = (nobody.user_id.to_string(), daemon.group_id.to_string());
    assert_eq!(said[..2], [user.as_str(), group.as_str()], "{said:?}");
    let mut groups: Vec<u32> = said[2].split(' ').map(|id| id.parse().unwrap()).collect();
    groups.sort_unstable();
    assert_eq!(groups, daemon.groups, "{said:?}");
    assert_eq!(said[3], format!("{} nobody nobody", nobody.home.display()));
    assert_eq!(said[4], format!("{user} 700"));
    let capabilities: Vec<&str> =
        said[5..].iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(capabilities, ["0000000000000000"; 3], "{said:?}");
    assert_eq!(went.ended.unwrap().result.as_deref(), Some(r#"{"ok":1}"#));
    assert_eq!(fs::read_dir(world.work_root()).unwrap().count(), 0, "the work folder is removed");
}

#[tokio::test]
async fn a_package_that_names_nobody_runs_as_the_first_of_the_list() {
    let Some(world) = world(&["nobody", "daemon"]).await else { return };
    let went = world.run_script("id -un").await;
    went.succeeded();
    assert_eq!(went.stdout(), ["nobody"]);
    let went = world.run(&format!("run-as = \"daemon\"\n{}", task("run", "id -un", ""))).await;
    assert_eq!(went.stdout(), ["daemon"]);
}

#[tokio::test]
async fn who_is_not_listed_is_refused_and_nothing_starts() {
    let world = World::new().await;
    let went = world.run(&format!("run-as = \"nobody\"\n{}", task("run", "touch ran", ""))).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert!(went.error().contains("nobody") && went.error().contains("worker.run_as"), "{}", went.error());
    assert_eq!(went.texts(MessageType::Error), [went.error()]);
    assert!(!world.project_folder().join("ran").exists());
}

#[tokio::test]
async fn the_guard_kills_what_runs_as_another_user_in_its_group_and_outside() {
    let Some(world) = world(&["nobody"]).await else { return };
    let script = "setsid sh -c 'echo stray $$; exec sleep 1000' & echo leader $$; id -un >&2; wait";
    let mut running = world.start(&task("run", script, ""));
    let (leader, stray) = (running.process("leader").await, running.process("stray").await);
    let guard = world.guard.clone();
    // The worker's own hands are not in it: its fence passes, and the guard alone acts.
    guard.fence(scaleout_worker::guard::boot_time());
    for process in [&leader, &stray] {
        Process::dies(process);
    }
    assert!(running.end().await.ended.is_none(), "it was fenced");
}

#[tokio::test]
async fn a_stop_reaches_what_runs_as_another_user() {
    let Some(world) = world(&["nobody"]).await else { return };
    let mut running = world.start(&task("run", "trap 'exit 3' TERM; echo leader $$; sleep 1000 & wait", ""));
    let leader = running.process("leader").await;
    leader.kill(Signal::TERM);
    let went = running.end().await;
    assert!(went.error().contains("exited with code 3"), "{}", went.error());
}

#[tokio::test]
async fn a_folder_that_the_user_may_not_enter_is_named() {
    let Some(world) = world(&["nobody"]).await else { return };
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let went = world.run_script("true").await;
    let expected = "nobody may not enter the project's folder";
    assert!(went.error().contains(expected), "{}", went.error());
}

#[tokio::test]
async fn a_result_that_leads_to_another_users_file_is_not_read() {
    let Some(world) = world(&["nobody"]).await else { return };
    // A hard link as an attacker would make it; root makes it here, because most systems keep others from it.
    let secret = world.folder.path().join("secret");
    fs::write(&secret, "{\"secret\":1}").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let mut running = world.start(&task(
        "run",
        "echo work $SCALEOUT_WORK_DIR; while ! test -e go; do sleep 0.05; done",
        "",
    ));
    let work = running.word("work").await;
    fs::hard_link(&secret, Path::new(&work).join(".scaleout-result.json")).unwrap();
    fs::write(world.project_folder().join("go"), "").unwrap();
    let went = running.end().await;
    went.succeeded();
    assert_eq!(went.ended.as_ref().unwrap().result, None);
    assert!(went.texts(MessageType::Warning)[0].contains("belongs to another user"), "{:#?}", went.log);
    assert_eq!(fs::metadata(&secret).unwrap().uid(), 0);
}

#[tokio::test]
async fn a_loop_over_files_sees_what_its_user_sees() {
    let Some(world) = world(&["nobody"]).await else { return };
    let (closed, shared) = (world.folder.path().join("closed"), world.folder.path().join("shared"));
    for folder in [&closed, &shared] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("a.csv"), "").unwrap();
    }
    open(&shared);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let text = |folder: &Path| {
        format!(
            "[tasks.each]\nkind = \"foreach\"\nfiles = {{ folder = '{}', retrieve = \"name\" }}\ninto = [\"file\"]\n\
             [tasks.each.variables.file]\ntype = \"string\"\n{}",
            folder.display(),
            task("each.tasks.show", "echo {{ @file }}", "")
        )
    };
    let went = world.run(&text(&shared)).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["a.csv"]);
    let went = world.run(&text(&closed)).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert!(went.error().contains("cannot read the folder") && went.stdout().is_empty(), "{went:#?}");
    // The threads of the worker itself are still root.
    assert!(rustix::process::geteuid().is_root() && fs::read_dir(&closed).is_ok());
}
