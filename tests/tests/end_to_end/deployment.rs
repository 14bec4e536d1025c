//! What `deploy/` gives operators, held against the program itself: its settings exist, its commands parse, its ports and
//! times agree. Builds no image and starts no service; the Debian package has a test of its own (deploy/deb-test.sh).

use std::fs;
use std::path::Path;

use scaleout_tests::harness::{Call, program, repository};
use yaml_rust2::{Yaml, YamlLoader};

const COMPOSE: &str = "deploy/container/compose.yaml";
const CONTAINERFILE: &str = "deploy/container/Containerfile";
/// The mount that the services of compose find the worker's folder at, and the image makes.
const WORKER_FOLDER: &str = "/var/lib/scaleout/worker";

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn defaults() -> toml::Table {
    read("common/src/settings/default.toml").parse().unwrap()
}

fn seconds(setting: &str) -> i64 {
    defaults()["worker"][setting].as_integer().unwrap()
}

/// A key of a mapping, or of what is merged into it (`<<`).
fn get<'a>(yaml: &'a Yaml, key: &str) -> &'a Yaml {
    let own = &yaml[key];
    if own.is_badvalue() && !yaml["<<"].is_badvalue() { get(&yaml["<<"], key) } else { own }
}

fn words(yaml: &Yaml) -> Vec<&str> {
    yaml.as_vec().map_or_else(Vec::new, |list| list.iter().filter_map(Yaml::as_str).collect())
}

fn names(yaml: &Yaml) -> Vec<&str> {
    yaml.as_hash().map_or_else(Vec::new, |map| map.keys().filter_map(Yaml::as_str).collect())
}

/// `${NAME:?}` and `${NAME:-}` as somebody who has set the first and not the second sees them.
fn substituted(text: &str) -> String {
    let mut parts = text.split("${");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').expect("a variable ends");
        if variable.ends_with(":?") {
            all.push_str("value");
        } else {
            assert!(variable.ends_with(":-"), "${{{variable}}} says neither `:?` nor `:-`");
        }
        all.push_str(rest);
    }
    all
}

async fn accepts(command: &[&str]) {
    Call::of(program(), &repository()).args(command).args(["--help"]).run().await.ok();
}

#[tokio::test]
async fn compose_names_settings_commands_ports_and_services_that_are_there() {
    let compose = YamlLoader::load_from_str(&read(COMPOSE)).unwrap().remove(0);
    let services = &compose["services"];
    let ours: Vec<&str> = names(services)
        .into_iter()
        .filter(|name| get(&services[*name], "image").as_str() == Some("scaleout"))
        .collect();
    assert_eq!(ours, ["migrate", "master", "worker"]);
    for name in names(services) {
        let service = &services[name];
        for needed in names(get(service, "depends_on")) {
            let condition = service["depends_on"][needed]["condition"].as_str().unwrap();
            let other = &services[needed];
            assert!(!other.is_badvalue(), "{name} waits for {needed}, which is not there");
            assert_eq!(
                condition == "service_healthy",
                !other["healthcheck"].is_badvalue(),
                "{name} on {needed}"
            );
        }
        for secret in words(get(service, "secrets")) {
            assert!(!compose["secrets"][secret].is_badvalue(), "{name}: no secret {secret}");
        }
        for volume in words(get(service, "volumes")) {
            let volume = volume.split(':').next().unwrap();
            assert!(names(&compose["volumes"]).contains(&volume), "{name}: no volume {volume}");
        }
    }
    for name in ours {
        let service = &services[name];
        accepts(&words(get(service, "command"))).await;
        let environment = get(service, "environment");
        let mut call = Call::scaleout(&repository()).args(["config", "show", "--format", "json"]);
        for variable in names(environment) {
            assert!(variable.starts_with("SCALEOUT__"), "{name}: {variable} is no setting");
            call = call.env(variable, substituted(get(environment, variable).as_str().unwrap()));
        }
        let shown = call.run().await.ok().stdout;
        let set = shown.lines().filter(|line| line.contains("environment variable SCALEOUT__")).count();
        assert_eq!(set, names(environment).len(), "{name}: not every variable is in effect:\n{shown}");
    }
    let listen = defaults()["master"]["listen"].as_str().unwrap().to_owned();
    let port = listen.rsplit(':').next().unwrap();
    let master = &services["master"];
    assert_eq!(words(&master["ports"]), [format!("{listen}:{port}")]);
    assert!(words(&master["healthcheck"]["test"]).contains(&format!("http://{listen}/readyz").as_str()));
    assert_eq!(
        services["worker"]["environment"]["SCALEOUT__WORKER__DATA_FOLDER"].as_str(),
        Some(WORKER_FOLDER)
    );
    let grace: i64 =
        services["worker"]["stop_grace_period"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
    assert!(grace >= seconds("drain_grace_s") + seconds("stop_grace_s") + 20, "{grace}");
}

#[test]
fn the_image_runs_the_program_as_an_ordinary_user_on_the_masters_port() {
    let text = read(CONTAINERFILE);
    let after =
        |word: &str| -> Vec<&str> { text.lines().filter_map(|line| line.strip_prefix(word)).collect() };
    let user = after("USER ");
    assert_eq!(user, ["scaleout"]);
    assert!(
        text.contains("useradd --system") && text.contains(&format!("-m 0700 {WORKER_FOLDER}")),
        "{text}"
    );
    assert_eq!(after("VOLUME "), [format!("[\"{WORKER_FOLDER}\"]")]);
    let listen = defaults()["master"]["listen"].as_str().unwrap().to_owned();
    assert_eq!(after("EXPOSE "), [listen.rsplit(':').next().unwrap()]);
    let entry = after("ENTRYPOINT ")[0];
    let entry: Vec<String> = serde_json::from_str(entry).unwrap();
    assert!(text.contains(&format!("COPY --from=build /scaleout {}", entry.last().unwrap())), "{entry:?}");
    let rust = read("Cargo.toml").parse::<toml::Table>().unwrap();
    let rust = rust["workspace"]["package"]["rust-version"].as_str().unwrap();
    assert!(
        text.starts_with('#') && text.contains(&format!("FROM rust:{rust}-")),
        "the image builds with {rust}"
    );
}

/// The value of a unit's last line `KEY=value`.
fn setting<'a>(unit: &'a str, key: &str) -> &'a str {
    let value = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).next_back();
    value.unwrap_or_else(|| panic!("the unit has no {key}"))
}

#[tokio::test]
async fn units_start_commands_that_are_there_with_settings_that_are_accepted() {
    let sysusers = read("deploy/systemd/scaleout.sysusers");
    let users: Vec<&str> =
        sysusers.lines().filter_map(|line| line.strip_prefix("u ")?.split_whitespace().next()).collect();
    for name in ["master", "worker"] {
        let unit = read(&format!("deploy/systemd/scaleout-{name}.service"));
        assert!(users.contains(&setting(&unit, "User")), "{name}");
        let start = setting(&unit, "ExecStart").strip_prefix("/usr/bin/scaleout ").unwrap();
        accepts(&start.split(' ').collect::<Vec<_>>()).await;
        let settings = setting(&unit, "ExecStart").rsplit(' ').next().unwrap();
        assert_eq!(settings, format!("/etc/scaleout/{name}.toml"));
        // With what the examples say in comments: every key there is one that is known.
        let example = read(&format!("deploy/systemd/{name}.toml"));
        let uncommented: String = example
            .lines()
            .map(|line| {
                line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line).to_owned() + "\n"
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        for text in [&example, &uncommented] {
            let file = folder.path().join("settings.toml");
            fs::write(&file, text).unwrap();
            Call::scaleout(folder.path())
                .args(["config", "show", "--settings"])
                .args([&file])
                .run()
                .await
                .ok();
        }
        assert_eq!((setting(&unit, "Restart"), setting(&unit, "RestartPreventExitStatus")), ("always", "2"));
    }
    let worker = read("deploy/systemd/scaleout-worker.service");
    assert_eq!((setting(&worker, "KillMode"), setting(&worker, "OOMPolicy")), ("mixed", "continue"));
    let stop: i64 = setting(&worker, "TimeoutStopSec").parse().unwrap();
    assert!(stop >= seconds("drain_grace_s") + seconds("stop_grace_s") + 20, "{stop}");
    let folder = format!("/var/lib/{}", setting(&worker, "StateDirectory"));
    assert_eq!(defaults()["worker"]["data_folder"].as_str(), Some(folder.as_str()));
}

/// Most exposure that `systemd-analyze security` may find, in tenths.
const EXPOSURE_MAX: [(&str, &str); 2] = [("master", "15"), ("worker", "40")];

#[tokio::test]
async fn systemd_finds_no_fault_in_the_units() {
    let known = Call::of("systemd-analyze", Path::new("/")).args(["--version"]);
    if std::process::Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("NOT TESTED: {known}: the units were not verified, because it is not there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, exposure) in EXPOSURE_MAX {
        let unit = format!("scaleout-{name}.service");
        let path = folder.path().join(&unit);
        let text =
            read(&format!("deploy/systemd/{unit}")).replace("/usr/bin/scaleout", program().to_str().unwrap());
        fs::write(&path, text).unwrap();
        let analyze =
            |arguments: &[&str]| Call::of("systemd-analyze", folder.path()).args(arguments).args([&path]);
        let verified = analyze(&["--man=no", "--recursive-errors=no", "verify"]).run().await.ok();
        let about_ours: Vec<&str> =
            verified.stderr.lines().filter(|line| line.contains("scaleout")).collect();
        assert_eq!(about_ours, [""; 0], "{verified}");
        let threshold = format!("--threshold={exposure}");
        let security = ["--no-pager", "--offline=true", threshold.as_str(), "security"];
        if name == "worker" {
            let drop_in = folder.path().join(format!("{unit}.d"));
            fs::create_dir(&drop_in).unwrap();
            fs::write(drop_in.join("run-as.conf"), read("deploy/systemd/run-as.conf")).unwrap();
        }
        analyze(&security).run().await.ok();
    }
}
