//! The `http` task against a small server of the test's own, with and without TLS.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_tls::{Authority, Shown, server_config};
use scaleout_worker::runtime::StopCause;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::world::{DEADLINE, World, task};

/// What the server was asked, head and body as they came.
pub(super) type Asked = Arc<Mutex<Vec<String>>>;

/// A server that gives each path its answer, head and body as they are written. `hang` is never answered.
pub(super) struct Server {
    pub(super) origin: String,
    pub(super) asked: Asked,
}

pub(super) async fn serve(answers: &[(&str, String)], tls: Option<TlsAcceptor>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
    let answers: HashMap<String, String> =
        answers.iter().map(|(path, answer)| ((*path).to_owned(), answer.clone())).collect();
    let (answers, asked) = (Arc::new(answers), Asked::default());
    let noted = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answers, noted, tls) = (answers.clone(), noted.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => answer(stream, &answers, &noted).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            answer(stream, &answers, &noted).await;
                        }
                    }
                }
            });
        }
    });
    Server { origin, asked }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: &HashMap<String, String>,
    noted: &Asked,
) {
    let mut request = Vec::new();
    let mut wanted = None;
    while wanted.is_none_or(|wanted| request.len() < wanted) {
        let mut piece = [0; 4096];
        let Ok(read @ 1..) = stream.read(&mut piece).await else { return };
        request.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let Some(head) = text.find("\r\n\r\n") else { continue };
        let length =
            text[..head].lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        wanted = Some(head + 4 + length.unwrap_or(0));
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    noted.lock().unwrap().push(request);
    match answers.get(&path) {
        Some(answer) => {
            // Who has read enough does not take the rest.
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        None => std::future::pending().await,
    }
}

pub(super) fn with(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

/// A task `get` of `url`.
fn http(url: &str, more: &str) -> String {
    format!("[tasks.get]\nkind = \"http\"\nurl = '{url}'\n{more}\n")
}

const VARIABLES: &str = "[variables]\nbody = { type = \"string\" }\nstatus = { type = \"int64\" }\ncount = { type = \"int64\" }\n";

fn show(text: &str) -> String {
    task("show", &format!("echo {text}"), "after = [{ task = \"get\", on = \"completion\" }]")
}

#[tokio::test]
async fn an_answer_goes_into_a_variable_with_its_status() {
    let world = World::new().await;
    let server =
        serve(&[("/a?day=1", with("200 OK", "hello\n")), ("/n", with("201 Created", " 42 "))], None).await;
    let more = "into = \"body\"\nstatus-into = \"status\"\n[tasks.get.headers]\nX-One = 'é {{ 1 + 1 }}'";
    let url = format!("{}/a?day={{{{ 1 }}}}", server.origin);
    let went =
        world.run(&format!("{VARIABLES}{}{}", http(&url, more), show("{{ @body }} {{ @status }}"))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["hello 200"]);
    let told = went.texts(MessageType::Information)[0];
    assert!(told.starts_with(&format!("GET {}/a: 200 OK, 6 bytes after ", server.origin)), "{told}");
    let asked = server.asked.lock().unwrap()[0].clone();
    assert!(asked.starts_with("GET /a?day=1 HTTP/1.1\r\n") && asked.contains("x-one: é 2\r\n"), "{asked}");
    let went = world
        .run(&format!(
            "{VARIABLES}{}{}",
            http(&format!("{}/n", server.origin), "into = \"count\""),
            show("{{ @count }}")
        ))
        .await;
    assert_eq!(went.stdout(), ["42"]);
}

#[tokio::test]
async fn bodies_are_sent_from_texts_and_files() {
    let world = World::new().await;
    let server = serve(&[("/p", with("204 No Content", ""))], None).await;
    world.file("requests/order.json", "{\"n\":1}", 0o644);
    let url = format!("{}/p", server.origin);
    for (more, method, expected) in [
        ("method = \"POST\"\nbody = 'day={{ 1 }}'", "POST", "day=1"),
        (
            "method = \"PUT\"\nbody-file = \"requests/order.json\"\nexpected-status = [204]",
            "PUT",
            "{\"n\":1}",
        ),
    ] {
        world.run(&http(&url, more)).await.succeeded();
        let asked = server.asked.lock().unwrap().pop().unwrap();
        assert!(asked.starts_with(method) && asked.ends_with(&format!("\r\n\r\n{expected}")), "{asked}");
        assert!(!asked.to_ascii_lowercase().contains("chunked"), "{asked}");
    }
    // A link out of the project, made behind the check.
    let _ = fs::remove_file(world.project_folder().join("requests/order.json"));
    world.file("requests/order.json", "x", 0o644);
    let text = http(
        &url,
        "method = \"PUT\"\nfolder = \"{{ @[System::WorkDir] }}\"\nbody-file = \"secret\"\nafter = [\"link\"]",
    );
    let link = task("link", "ln -s /etc/passwd $SCALEOUT_WORK_DIR/secret", "");
    let went = world.run(&format!("{link}{text}")).await;
    assert!(went.error().contains("it is a link"), "{}", went.error());
}

#[tokio::test]
async fn an_answer_goes_into_a_file() {
    let world = World::new().await;
    let server = serve(
        &[
            ("/f", with("200 OK", "content")),
            ("/cut", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncon".into()),
        ],
        None,
    )
    .await;
    let url = format!("{}/f", server.origin);
    let show =
        task("show", "cat $SCALEOUT_WORK_DIR/in/a.txt; ls -A $SCALEOUT_WORK_DIR/in", "after = [\"get\"]");
    let went = world.run(&format!("{}{show}", http(&url, "to-file = \"in/a.txt\""))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["contenta.txt"]);

    let folder = world.folder.path().join("told");
    fs::create_dir(&folder).unwrap();
    let told = format!("folder = '{}'\nto-file = \"a\"", folder.display());
    world.run(&http(&url, &told)).await.succeeded();
    let went = world.run(&http(&url, &told)).await;
    assert!(went.error().contains("overwrite = true"), "{}", went.error());
    world.run(&http(&url, &format!("{told}\noverwrite = true"))).await.succeeded();
    let went =
        world.run(&http(&format!("{}/cut", server.origin), &format!("{told}\noverwrite = true"))).await;
    assert!(went.error().contains("the answer broke off"), "{}", went.error());
    assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "content");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "what was not finished is gone");
}

#[tokio::test]
async fn what_was_not_expected_is_told_masked_and_short() {
    let mut world = World::new().await;
    let long = format!("bad token hunter2\n{}", "x".repeat(5_000));
    let server = serve(
        &[
            ("/no", with("403 Forbidden", &long)),
            ("/moved", redirect("http://elsewhere/?key=x")),
            ("/ok", with("200 OK", "\u{0}x")),
        ],
        None,
    )
    .await;
    world.values = serde_json::json!({ "token": "hunter2" });
    let parameter = "[parameters.token]\ntype = \"string\"\nsensitive = true\n";
    let more = "status-into = \"status\"\n[tasks.get.headers]\nAuthorization = \"Bearer {{ @token }}\"";
    let url = format!("{}/no", server.origin);
    let text = format!("{parameter}{VARIABLES}{}{}", http(&url, more), show("{{ @status }}"));
    let went = world.run(&text).await;
    let expected = format!("GET {url} answered 403 Forbidden: bad token *** xxx");
    assert!(went.error().contains(&expected) && went.error().len() < 1_300, "{}", went.error());
    assert_eq!(went.stdout(), ["403"]);
    assert!(!format!("{:?}", went.log).contains("hunter2"), "{:#?}", went.log);
    assert!(server.asked.lock().unwrap()[0].contains("authorization: Bearer hunter2"));

    let went = world.run(&format!("{parameter}{}", http(&format!("{}/moved", server.origin), ""))).await;
    assert!(went.error().contains("302 Found; follow-redirects"), "{}", went.error());
    assert!(!went.error().contains("key=x"), "{}", went.error());
    let went = world
        .run(&format!("{parameter}{}", http(&format!("{}/ok", server.origin), "expected-status = [201]")))
        .await;
    assert!(went.error().contains("answered 200 OK: \\x00x"), "{}", went.error());
}

#[tokio::test]
async fn answers_that_do_not_fit_fail() {
    let world = World::new().await;
    let server = serve(
        &[("/large", with("200 OK", &"x".repeat((1 << 20) + 5))), ("/text", with("200 OK", "many"))],
        None,
    )
    .await;
    let cases = [
        ("/large", "into = \"body\"", "more than a variable can hold"),
        ("/text", "into = \"count\"", "the answer's body is not an int64"),
    ];
    for (path, more, expected) in cases {
        let went =
            world.run(&format!("{VARIABLES}{}", http(&format!("{}{path}", server.origin), more))).await;
        assert!(went.error().contains(expected), "{}", went.error());
    }
    // Nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let went = world.run(&http(&format!("http://127.0.0.1:{free}/?secret"), "")).await;
    assert!(went.error().contains("got no answer: ") && !went.error().contains("secret"), "{}", went.error());
    for (url, expected) in
        [("{{ \"ftp://x/\" }}", "none of http or https"), ("{{ \"http://me:pw@x/\" }}", "user or password")]
    {
        let went = world.run(&http(url, "")).await;
        assert!(went.error().contains(expected) && !went.error().contains("pw"), "{}", went.error());
    }
    let went = world
        .run(&http(&format!("{}/text", server.origin), "[tasks.get.headers]\nX = \"a\\r\\nHost: b\""))
        .await;
    assert!(went.error().contains("the header X holds a character"), "{}", went.error());
}

#[tokio::test]
async fn redirects_are_followed_as_told_and_carry_nothing_to_others() {
    let world = World::new().await;
    let other = serve(&[("/end", with("200 OK", "there"))], None).await;
    let server = serve(
        &[
            ("/1", redirect("/2")),
            ("/2", redirect(&format!("{}/end", other.origin))),
            ("/round", redirect("/round")),
        ],
        None,
    )
    .await;
    let more = "follow-redirects = 2\ninto = \"body\"\n[tasks.get.headers]\nAuthorization = \"Bearer x\"\nX-Api-Key = \"y\"";
    let url = format!("{}/1", server.origin);
    let went = world.run(&format!("{VARIABLES}{}{}", http(&url, more), show("{{ @body }}"))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["there"]);
    assert!(server.asked.lock().unwrap().iter().all(|asked| asked.contains("authorization: Bearer x")));
    let asked = other.asked.lock().unwrap()[0].clone();
    assert!(!asked.contains("Bearer") && !asked.contains("api-key"), "{asked}");
    let went = world.run(&http(&format!("{}/round", server.origin), "follow-redirects = 3")).await;
    assert!(went.error().contains("answered 302 Found"), "{}", went.error());
    let rounds = server.asked.lock().unwrap().iter().filter(|asked| asked.contains("/round")).count();
    assert_eq!(rounds, 4);
}

#[tokio::test]
async fn certificates_are_verified_and_a_file_of_authorities_is_enough() {
    let world = World::new().await;
    let now = Timestamp::now();
    let authority = Authority::make(now).unwrap();
    let issued = authority.issue(&["localhost".to_owned()], now).unwrap();
    let shown = Shown::new(issued.chain, issued.key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server_config(shown).unwrap()));
    let server = serve(&[("/a", with("200 OK", "secure"))], Some(acceptor)).await;
    world.file("ca.pem", &authority.certificate, 0o644);
    let url = format!("{}/a", server.origin);
    let more = "into = \"body\"\nca-file = \"ca.pem\"";
    let went = world.run(&format!("{VARIABLES}{}{}", http(&url, more), show("{{ @body }}"))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["secure"]);

    let went = world.run(&http(&url, "")).await;
    assert!(went.error().contains("ca-file"), "{}", went.error());
    let by_address = url.replace("localhost", "127.0.0.1");
    let went = world.run(&http(&by_address, "ca-file = \"ca.pem\"")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(server.asked.lock().unwrap().len(), 1, "{}", went.error());
    world.file("none.pem", "nothing", 0o644);
    let went = world.run(&http(&url, "ca-file = \"none.pem\"")).await;
    assert!(went.error().contains("cannot use the ca-file"), "{}", went.error());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let world = World::new().await;
    let server = serve(&[], None).await;
    let url = format!("{}/hang", server.origin);
    let begun = Instant::now();
    let went = world.run(&http(&url, "timeout = \"100ms\"")).await;
    assert!(went.error().contains("timed out after 100ms"), "{}", went.error());
    let went = world.run(&http(&url, "request-timeout = \"100ms\"")).await;
    assert!(went.error().contains("within its request-timeout of 100ms"), "{}", went.error());

    let running = world.start(&http(&url, ""));
    while server.asked.lock().unwrap().len() < 3 {
        assert!(begun.elapsed() < DEADLINE, "nothing was asked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stopper.stop(StopCause::Told);
    assert_eq!(running.end().await.kind(), OutcomeKind::Stopped);
    assert!(begun.elapsed() < DEADLINE / 2);
}
