//! The `file` task: what it does within its folder, and that it does nothing outside.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_worker::runtime::StopCause;

use super::world::{DEADLINE, World, task};

/// A folder beside the project's, with these files in it; each holds its own path.
fn data(world: &World, files: &[&str]) -> PathBuf {
    let data = world.folder.path().join("inbox");
    fs::create_dir_all(&data).unwrap();
    for file in files {
        fs::create_dir_all(data.join(file).parent().unwrap()).unwrap();
        fs::write(data.join(file), file).unwrap();
    }
    data
}

/// A file task in `folder`.
fn file(name: &str, folder: &Path, more: &str) -> String {
    format!("[tasks.{name}]\nkind = \"file\"\nfolder = '{}'\n{more}\n", folder.display())
}

/// Every path in `folder` that is no folder, sorted.
fn all(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                waiting.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn told(went: &super::world::Went) -> Vec<&str> {
    went.texts(MessageType::Information)
}

#[tokio::test]
async fn files_are_copied_moved_renamed_and_deleted() {
    let world = World::new().await;
    let data = data(&world, &["in/a.csv", "in/b.csv", "in/c.txt", "in/deep/d.csv", "old/x", "old/deep/y"]);
    fs::set_permissions(data.join("in/a.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    let steps = [
        "operation = \"copy\"\nfrom = \"in/a.csv\"\nto = \"copies/one/first.csv\"",
        "operation = \"copy\"\nfrom = \"in\"\npattern = \"*.csv\"\nrecursive = true\nto = \"all\"",
        "operation = \"move\"\nfrom = \"in\"\npattern = \"?.csv\"\nto = \"moved\"",
        "operation = \"rename\"\nfrom = \"in/c.txt\"\nto = \"{{ \"d\" + \".txt\" }}\"",
        "operation = \"move\"\nfrom = \"in/d.txt\"\nto = \"moved/\"",
        "operation = \"create-folder\"\nto = \"new/deep\"",
        "operation = \"create-folder\"\nto = \"new/deep\"",
        "operation = \"copy\"\nfrom = \"old\"\nto = \"older\"\nrecursive = true",
        "operation = \"delete\"\nfrom = \"old\"\nrecursive = true",
        "operation = \"delete\"\nfrom = \"copies/one/first.csv\"",
        "operation = \"move\"\nfrom = \"older\"\nto = \"new/\"\nrecursive = true",
        "operation = \"delete-contents\"\nfrom = \"all\"",
        "operation = \"delete\"\nfrom = \"gone\"\nmissing = \"ignore\"",
        "operation = \"delete\"\npattern = \"*.none\"\nmissing = \"ignore\"",
    ];
    let text: String = steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let after = if index > 0 { format!("after = [\"t{}\"]\n", index - 1) } else { String::new() };
            let step = step.replace("\"{{ \"d\" + \".txt\" }}\"", "'{{ \"d\" + \".txt\" }}'");
            file(&format!("t{index}"), &data, &format!("{after}{step}"))
        })
        .collect();
    let went = world.run(&text).await;
    went.succeeded();
    let shown = data.display();
    assert_eq!(
        told(&went),
        [
            "copied 1 file (8 bytes)".to_owned(),
            "copied 3 files (29 bytes)".to_owned(),
            "moved 2 files".to_owned(),
            "renamed 1 file".to_owned(),
            "moved 1 file".to_owned(),
            format!("made the folder {shown}/new/deep"),
            format!("the folder {shown}/new/deep was there"),
            "copied 2 files (15 bytes), made 2 folders".to_owned(),
            "deleted 2 files, 2 folders".to_owned(),
            "deleted 1 file".to_owned(),
            "moved 0 files, 1 folder".to_owned(),
            "deleted 3 files, 1 folder".to_owned(),
            format!("there was nothing to do: cannot look at {shown}/gone: it is not there"),
            format!("there was nothing to do: no file in {shown} matches \"*.none\""),
        ]
    );
    assert_eq!(
        all(&data),
        ["in/deep/d.csv", "moved/a.csv", "moved/b.csv", "moved/d.txt", "new/older/deep/y", "new/older/x"]
    );
    assert_eq!(fs::metadata(data.join("moved/a.csv")).unwrap().mode() & 0o777, 0o640);
    assert!(fs::read_dir(data.join("all")).unwrap().next().is_none(), "the folder itself stays, empty");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_changes_nothing() {
    let world = World::new().await;
    let data = data(&world, &["a", "b", "folder/c"]);
    symlink("a", data.join("link")).unwrap();
    for (step, expected) in [
        ("operation = \"copy\"\nfrom = \"a\"\nto = \"b\"", "overwrite = true"),
        ("operation = \"move\"\nfrom = \"a\"\nto = \"b\"", "overwrite = true"),
        ("operation = \"rename\"\nfrom = \"a\"\nto = \"b\"", "overwrite = true"),
        ("operation = \"copy\"\nfrom = \"gone\"\nto = \"x\"", "gone: it is not there"),
        ("operation = \"copy\"\nfrom = \"folder\"\nto = \"x\"", "recursive = true"),
        ("operation = \"copy\"\nfrom = \"link\"\nto = \"x\"", "is a link"),
        ("operation = \"copy\"\nfrom = \"a\"\nto = \"b/c\"", "b: it is not a folder"),
        ("operation = \"copy\"\nfrom = \"a\"\nto = \"folder\"\noverwrite = true", "folder"),
        ("operation = \"move\"\nfrom = \"folder\"\nto = \"folder/in\"\nrecursive = true", "into itself"),
        ("operation = \"delete\"\npattern = \"*.csv\"", "matches \"*.csv\""),
        ("operation = \"delete\"\nfrom = \".\"\nrecursive = true", "folder itself"),
        ("operation = \"copy\"\nfrom = '{{ \"../a\" }}'\nto = \"x\"", "leads out"),
        ("operation = \"copy\"\nfrom = \"a\"\nto = '{{ \"/x\" }}'", "absolute"),
        ("operation = \"delete-contents\"\nfrom = '{{ \"\" }}'", "is empty"),
        ("operation = \"delete\"\npattern = '{{ \"*/\" }}'", "for names of files"),
    ] {
        let went = world.run(&file("t", &data, step)).await;
        assert_eq!(went.kind(), OutcomeKind::Failed, "{step}");
        assert!(went.error().contains(expected), "{step}: {}", went.error());
        assert_eq!(all(&data), ["a", "b", "folder/c", "link"], "{step}");
        assert_eq!(fs::read_to_string(data.join("b")).unwrap(), "b");
    }
    let went = world
        .run(&file("t", &data.join("gone"), "operation = \"delete\"\nfrom = \"a\"\nmissing = \"ignore\""))
        .await;
    assert!(went.error().contains("cannot open the folder"), "{}", went.error());
    let went = world
        .run(&file("t", &data, "operation = \"copy\"\nfrom = \"a\"\nto = \"b\"\noverwrite = true"))
        .await;
    went.succeeded();
    assert_eq!(fs::read_to_string(data.join("b")).unwrap(), "a");
}

#[tokio::test]
async fn links_lead_nowhere_also_when_a_folder_becomes_one() {
    let world = World::new().await;
    let data = data(&world, &["in/a", "tree/b", "tree/sub/c"]);
    let outside = world.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "p").unwrap();
    symlink(&outside, data.join("tree/sub/out")).unwrap();
    // A process of the package swaps the folder between two tasks.
    let swap = format!("cd '{}' && mv in aside && ln -s '{}' in", data.display(), outside.display());
    for step in [
        "operation = \"copy\"\nfrom = \"aside/a\"\nto = \"in/a\"",
        "operation = \"move\"\nfrom = \"aside/a\"\nto = \"in/a\"",
        "operation = \"create-folder\"\nto = \"in/new\"",
        "operation = \"delete\"\nfrom = \"in/precious\"",
        "operation = \"delete\"\nfrom = \"in\"\npattern = \"*\"",
        "operation = \"delete-contents\"\nfrom = \"in\"",
        "operation = \"copy\"\nfrom = \"in/precious\"\nto = \"stolen\"",
        "operation = \"rename\"\nfrom = \"in/precious\"\nto = \"gone\"",
    ] {
        let text = format!(
            "{}{}",
            task("swap", &swap, ""),
            file("t", &data, &format!("after = [\"swap\"]\n{step}"))
        );
        let went = world.run(&text).await;
        assert!(
            went.error().contains("it is a link, and links are not followed"),
            "{step}: {}",
            went.error()
        );
        assert_eq!(all(&outside), ["precious"], "{step}");
        fs::remove_file(data.join("in")).unwrap();
        fs::rename(data.join("aside"), data.join("in")).unwrap();
    }
    // What is deleted of a tree is the link, and not what it leads to.
    let went =
        world.run(&file("t", &data, "operation = \"delete\"\nfrom = \"tree\"\nrecursive = true")).await;
    went.succeeded();
    assert_eq!((all(&data), all(&outside)), (vec!["in/a".to_owned()], vec!["precious".to_owned()]));
    // A part of the work folder that became a link is none of the task's folders.
    let swap = format!("ln -s '{}' $SCALEOUT_WORK_DIR/sub", outside.display());
    let step = "[tasks.t]\nkind = \"file\"\noperation = \"delete-contents\"\nfolder = \"{{ @[System::WorkDir] }}/sub\"\nafter = [\"swap\"]\n";
    let went = world.run(&format!("{}{step}", task("swap", &swap, ""))).await;
    assert!(went.error().contains("it is a link"), "{}", went.error());
    assert_eq!(all(&outside), ["precious"]);
}

#[tokio::test]
async fn the_project_is_read_and_the_work_folder_written() {
    let world = World::new().await;
    world.file("templates/a.txt", "template", 0o644);
    let copy = "[tasks.copy]\nkind = \"file\"\noperation = \"copy\"\nfolder = \"templates\"\nfrom = \"a.txt\"\n\
                to-folder = \"{{ @[System::WorkDir] }}\"\nto = \"here/\"\n";
    let show = task("show", "cat $SCALEOUT_WORK_DIR/here/a.txt", "after = [\"copy\"]");
    let went = world.run(&format!("{copy}{show}")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["template"]);
    let absolute = world.project_folder();
    for step in [
        file("t", &absolute, "operation = \"delete\"\nfrom = \"templates/a.txt\""),
        file("t", &absolute, "operation = \"copy\"\nfrom = \"templates/a.txt\"\nto = \"b\""),
        file(
            "t",
            world.folder.path(),
            "operation = \"delete\"\nfrom = \"project/templates\"\nrecursive = true",
        ),
        file(
            "t",
            world.folder.path(),
            "operation = \"move\"\nfrom = \"project/templates/a.txt\"\nto = \"b\"",
        ),
    ] {
        let went = world.run(&step).await;
        assert!(went.error().contains("only read"), "{step}: {}", went.error());
        assert!(absolute.join("templates/a.txt").exists() && !absolute.join("b").exists());
    }
}

/// A file that takes long to copy, and no room itself.
fn large(data: &Path) {
    let file = fs::File::create(data.join("large")).unwrap();
    file.set_len(1 << 38).unwrap();
}

#[tokio::test]
async fn a_timeout_ends_a_long_copy_and_leaves_nothing() {
    let world = World::new().await;
    let data = data(&world, &[]);
    large(&data);
    let begun = Instant::now();
    let went = world
        .run(&file("t", &data, "operation = \"copy\"\nfrom = \"large\"\nto = \"copy\"\ntimeout = \"100ms\""))
        .await;
    assert!(went.error().contains("timed out after 100ms"), "{}", went.error());
    assert_eq!(all(&data), ["large"]);
    assert!(begun.elapsed() < DEADLINE / 4, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_stop_ends_a_long_copy_and_leaves_nothing() {
    let world = World::new().await;
    let data = data(&world, &[]);
    large(&data);
    let running = world.start(&file("t", &data, "operation = \"copy\"\nfrom = \"large\"\nto = \"copy\""));
    let begun = Instant::now();
    while all(&data).len() < 2 {
        assert!(begun.elapsed() < DEADLINE, "the copy never began");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stopper.stop(StopCause::Told);
    let went = running.end().await;
    assert_eq!(went.kind(), OutcomeKind::Stopped);
    assert_eq!(all(&data), ["large"]);
}

#[tokio::test]
async fn a_fence_ends_a_long_copy_and_leaves_nothing() {
    let world = World::new().await;
    let data = data(&world, &[]);
    large(&data);
    let running = world.start(&file("t", &data, "operation = \"copy\"\nfrom = \"large\"\nto = \"copy\""));
    let begun = Instant::now();
    while all(&data).len() < 2 {
        assert!(begun.elapsed() < DEADLINE, "the copy never began");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stopper.stop(StopCause::Fenced);
    assert!(running.end().await.ended.is_none());
    // The thread ends by itself, behind the run.
    while all(&data).len() > 1 {
        assert!(begun.elapsed() < DEADLINE, "the copy goes on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(all(&data), ["large"]);
}

#[tokio::test]
async fn a_move_goes_to_another_file_system() {
    let world = World::new().await;
    let data = data(&world, &["tree/a", "tree/deep/b", "one"]);
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("NOT TESTED: a move to another file system; there is no /dev/shm");
        return;
    };
    if fs::metadata(elsewhere.path()).unwrap().dev() == fs::metadata(&data).unwrap().dev() {
        eprintln!("NOT TESTED: a move to another file system; /dev/shm is none");
        return;
    }
    let to =
        format!("operation = \"move\"\nto-folder = '{}'\nrecursive = true\n", elsewhere.path().display());
    let text = [
        file("t", &data, &format!("{to}from = \"tree\"\nto = \"tree\"")),
        file("u", &data, &format!("{to}from = \"one\"\nto = \"x/\"\nafter = [\"t\"]")),
    ];
    let went = world.run(&text.concat()).await;
    went.succeeded();
    assert_eq!(told(&went), ["moved 2 files (17 bytes), 2 folders", "moved 1 file (3 bytes)"]);
    assert_eq!(all(elsewhere.path()), ["tree/a", "tree/deep/b", "x/one"]);
    assert!(!data.join("tree").exists() && !data.join("one").exists());
}

#[tokio::test]
async fn it_acts_as_the_user_of_the_package() {
    let Some(world) = super::run_as::world(&["nobody"]).await else { return };
    let data = data(&world, &["open/a", "closed/b"]);
    let nobody = super::run_as::nobody();
    std::os::unix::fs::chown(data.join("open"), Some(nobody.user_id), None).unwrap();
    fs::set_permissions(data.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    let step = "operation = \"copy\"\nfrom = \"open/a\"\nto = \"open/c\"";
    let went = world.run(&file("t", &data, step)).await;
    went.succeeded();
    assert_eq!(fs::metadata(data.join("open/c")).unwrap().uid(), nobody.user_id);
    for step in [
        "operation = \"copy\"\nfrom = \"closed/b\"\nto = \"open/b\"",
        "operation = \"copy\"\nfrom = \"open/a\"\nto = \"closed/a\"",
        "operation = \"delete\"\nfrom = \"closed\"\nrecursive = true",
        "operation = \"create-folder\"\nto = \"new\"",
    ] {
        let went = world.run(&file("t", &data, step)).await;
        assert!(went.error().contains("whom the package runs as may not"), "{step}: {}", went.error());
    }
    assert_eq!(all(&data), ["closed/b", "open/a", "open/c"]);
    assert!(rustix::process::geteuid().is_root(), "the worker itself is still root");
}
