//! The process task: what a program gets, how it ends, what it leaves.

use scaleout_common::wire::{MessageType, OutcomeKind};

use super::world::{World, task};

#[tokio::test]
async fn a_program_sees_what_it_should_and_nothing_else() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "day": "2024-02-29" });
    world.script("show.sh", "pwd; echo \"$@\"; env | cut -d= -f1 | sort | tr '\\n' ' '; echo; cat; echo \"$REGION $SCALEOUT_TASK $SCALEOUT_ATTEMPT\"");
    let went = world
        .run(
            r#"
            [parameters.day]
            type = "date"
            required = true
            [tasks.show]
            kind = "process"
            command = ["./show.sh", "{{ @day }}", "{{ @[System::TaskName] }} of {{ @[System::PackageName] }}", "two words"]
            [tasks.show.environment]
            REGION = "north {{ @day }}"
            "#,
        )
        .await;
    went.succeeded();
    let project = std::fs::canonicalize(world.project_folder()).unwrap();
    let stdout = went.stdout();
    assert_eq!(stdout[0], project.to_str().unwrap());
    assert_eq!(stdout[1], "2024-02-29 show of job two words");
    assert_eq!(stdout[3], "north 2024-02-29 \\Package\\show 1");
    let ours = ["REGION", "SCALEOUT_ATTEMPT", "SCALEOUT_EXECUTION_ID", "SCALEOUT_RESULT", "SCALEOUT_SESSION"];
    let ours = ours.iter().chain(&["SCALEOUT_TASK", "SCALEOUT_WORK_DIR", "PWD", "SHLVL", "_", "OLDPWD"]);
    let allowed: Vec<&str> = ours.chain(&["PATH", "HOME", "LANG", "TZ"]).copied().collect();
    let seen: Vec<&str> = stdout[2].split(' ').filter(|name| !name.is_empty()).collect();
    assert!(seen.iter().all(|name| allowed.contains(name)), "{seen:?}");
    assert!(seen.contains(&"SCALEOUT_EXECUTION_ID") && seen.contains(&"PATH"), "{seen:?}");
}

#[tokio::test]
async fn an_exit_code_fails_the_task_with_its_last_words() {
    let world = World::new().await;
    world.script("load.sh", "echo working; echo first >&2; echo 'no such day' >&2; echo >&2; exit 3");
    let went = world.run("[tasks.load]\nkind = \"process\"\ncommand = [\"./load.sh\"]\n").await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.error(), "\\Package\\load: ./load.sh exited with code 3: no such day");
    assert_eq!(went.texts(MessageType::Error), ["./load.sh exited with code 3: no such day"]);
    assert_eq!(went.texts(MessageType::Stderr), ["first", "no such day", ""]);
    assert_eq!(
        went.events(),
        [
            "pre-execute \\Package",
            "pre-execute \\Package\\load",
            "error \\Package\\load",
            "task-failed \\Package\\load",
            "post-execute \\Package\\load",
            "post-execute \\Package",
        ]
    );
    let numbers: Vec<u64> = went.log.iter().map(|record| record.sequence).collect();
    assert_eq!(numbers, (1..=went.log.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_program_that_kills_itself_is_told_from_one_that_exits() {
    let went = World::new().await.run_script("kill -SEGV $$").await;
    assert_eq!(went.error(), "\\Package\\run: sh was killed by signal 11 (SIGSEGV)");
}

#[tokio::test]
async fn programs_that_cannot_start_say_why() {
    let mut world = World::new().await;
    world.script("bad.sh", "");
    std::fs::write(world.project_folder().join("bad.sh"), "#!/nowhere/interpreter\n").unwrap();
    std::fs::write(world.project_folder().join("plain.txt"), "").unwrap();
    for (command, expected) in [
        ("./missing.sh", "cannot start ./missing.sh: there is no such file in the project's folder"),
        ("no-such-program", "there is no such program in PATH"),
        ("./plain.txt", "it is not executable"),
        ("./bad.sh", "asks for /nowhere/interpreter, which is not there"),
    ] {
        // By parameter: the reader itself refuses a literal that is not in the project.
        world.values = serde_json::json!({ "program": command });
        let parameter = "[parameters.program]\ntype = \"string\"\n";
        let command_line = "[tasks.go]\nkind = \"process\"\ncommand = [\"{{ @program }}\"]\n";
        let went = world.run(&format!("{parameter}{command_line}")).await;
        assert_eq!(went.kind(), OutcomeKind::Failed);
        assert!(went.error().contains(expected), "{command}: {}", went.error());
    }
}

#[tokio::test]
async fn a_result_is_kept_and_the_work_folder_is_gone() {
    let world = World::new().await;
    let went = world.run_script("cd \"$SCALEOUT_WORK_DIR\" && touch mine && echo '{\"rows\": 3}' > \"$SCALEOUT_RESULT\"; ls -ld .").await;
    went.succeeded();
    assert!(went.stdout()[0].starts_with("drwx------"), "{:?}", went.stdout());
    assert_eq!(went.ended.as_ref().unwrap().result.as_deref(), Some("{\"rows\": 3}"));
    assert_eq!(std::fs::read_dir(world.work_root()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_bad_result_is_dropped_with_its_reason_and_the_package_succeeds() {
    let world = World::new().await;
    for (script, reason) in [
        ("echo nonsense > \"$SCALEOUT_RESULT\"", "not JSON"),
        ("yes 1 | head -c 20000 > \"$SCALEOUT_RESULT\"", "16384"),
        ("mkfifo \"$SCALEOUT_RESULT\"", "plain file"),
    ] {
        let went = world.run_script(script).await;
        went.succeeded();
        assert_eq!(went.ended.as_ref().unwrap().result, None);
        let warnings = went.texts(MessageType::Warning);
        assert!(warnings.len() == 1 && warnings[0].contains(reason), "{script}: {warnings:?}");
    }
}

#[tokio::test]
async fn a_sensitive_value_appears_nowhere() {
    let mut world = World::new().await;
    world.settings("[parameters.key]\ntype = \"string\"\nsensitive = true\nrequired = true\n");
    world.values = serde_json::json!({ "token": "hunter2-hunter2" });
    world.project_values = serde_json::json!({ "key": "project-s3cret" });
    let script = r#"echo "got $1 and $KEY"; echo "$1$1" >&2; echo "{\"t\": \"$1\"}" > "$SCALEOUT_RESULT"; printf '%s' "$KEY"; exit 1"#;
    let package = format!(
        "[parameters.token]\ntype = \"string\"\nsensitive = true\nrequired = true\n\
         [tasks.run]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", '''{script}''', \"sh\", \"{{{{ @token }}}}\"]\n\
         [tasks.run.environment]\nKEY = \"{{{{ @[$Project::key] }}}}\"\n\
         [tasks.missing]\nkind = \"process\"\ncommand = [\"./{{{{ @token }}}}\"]\n"
    );
    let went = world.run(&package).await;
    assert_eq!(went.stdout(), ["got *** and ***", "***"]);
    assert_eq!(went.ended.as_ref().unwrap().result.as_deref(), Some("{\"t\":\"***\"}"));
    let everything = format!("{went:?}");
    assert!(!everything.contains("hunter2") && !everything.contains("s3cret"), "{everything}");
}

#[tokio::test]
async fn a_child_left_in_the_group_is_killed_with_the_success() {
    let world = World::new().await;
    let mut running =
        world.start(&task("run", "sleep 1000 >/dev/null 2>&1 & echo left $!; read go < go", ""));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        world.project_folder().join("go"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let left = running.process("left").await;
    std::fs::write(world.project_folder().join("go"), "\n").unwrap();
    running.end().await.succeeded();
    left.dies();
}

#[tokio::test]
async fn a_program_reads_its_input_whole_or_not_at_all() {
    let world = World::new().await;
    let text = "x".repeat(300_000);
    let variable = format!("[variables.text]\ntype = \"string\"\nvalue = \"{text}\"\n");
    let count = task("count", "wc -c", "stdin = \"{{ @text }}{{ @text }}\"");
    let went = world.run(&format!("{variable}{count}")).await;
    went.succeeded();
    assert_eq!(went.stdout()[0].trim(), "600000");
    // One that does not read it is not held up, whoever keeps the input open.
    let stray = "exec 3<&0; setsid sh -c 'touch $SCALEOUT_WORK_DIR/away; exec sleep 1000 >/dev/null 2>&1' & \
                 until test -e $SCALEOUT_WORK_DIR/away; do sleep 0.01; done";
    let idle = task("idle", stray, "stdin = \"{{ @text }}\"\ntimeout = \"2s\"");
    world.run(&format!("{variable}{idle}")).await.succeeded();
    let much = task("much", "wc -c", "stdin = \"{{ @text }}{{ @text }}{{ @text }}{{ @text }}\"");
    let went = world.run(&format!("{variable}{much}")).await;
    assert_eq!(
        went.error(),
        "\\Package\\much: cannot render {{ @text }}{{ @text }}{{ @text }}{{ @text }}: it would be longer than 1048576 bytes"
    );
}

#[tokio::test]
async fn a_program_starts_in_a_folder_of_the_project_or_the_work_folder() {
    let world = World::new().await;
    std::fs::create_dir(world.project_folder().join("inner")).unwrap();
    std::fs::write(world.project_folder().join("inner/file"), "").unwrap();
    world.script("show.sh", "pwd");
    let run = |folder: &str| {
        format!("[tasks.show]\nkind = \"process\"\ncommand = [\"./show.sh\"]\nfolder = '{folder}'\n")
    };
    let went = world.run(&run("inner")).await;
    went.succeeded();
    let project = std::fs::canonicalize(world.project_folder()).unwrap();
    assert_eq!(went.stdout(), [project.join("inner").to_str().unwrap()]);
    let went = world.run(&run("{{ @[System::WorkDir] }}")).await;
    went.succeeded();
    let folder = world.work_root().file_name().unwrap().to_owned();
    let around = std::path::Path::new(went.stdout()[0]).parent().unwrap().file_name();
    assert_eq!(around, Some(folder.as_os_str()), "{:?}", went.stdout());
    let went = world.run(&run("{{ @[System::WorkDir] }}/..")).await;
    assert!(went.error().contains("the work folder, or one inside them"), "{}", went.error());
    assert!(went.stdout().is_empty());
}

#[tokio::test]
async fn exit_codes_that_mean_success_are_the_tasks_to_say() {
    let world = World::new().await;
    world.run(&task("grep", "exit 1", "success-exit-codes = [0, 1]")).await.succeeded();
    let went = world.run(&task("grep", "exit 0", "success-exit-codes = [3]")).await;
    assert_eq!(went.error(), "\\Package\\grep: sh exited with code 0");
}
