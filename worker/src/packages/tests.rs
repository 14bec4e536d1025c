//! The cache of bundles against a small HTTP server that counts what it is asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use scaleout_common::hex;
use scaleout_common::settings::Worker;
use scaleout_package::bundle::{self, Bundle};
use scaleout_package::files::{FileContent, ProjectFiles};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::bundles::{BundleHash, BundleLoadError, Bundles};
use super::fetch::{FetchError, Masters};

/// Size of the one large file of each bundle; it packs small.
const FILE_BYTES: usize = 100_000;

fn bundle_of(name: &str) -> Bundle {
    let mut files = ProjectFiles::new();
    let large = FileContent { bytes: name.as_bytes().repeat(FILE_BYTES / name.len()), executable: false };
    files.insert("large.txt", large).unwrap();
    bundle::pack(&files).unwrap()
}

/// What a master would give, by path; and how often it was asked.
struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
}

async fn serve(bundles: &[(BundleHash, Vec<u8>)]) -> Server {
    let path = |hash: &BundleHash| format!("/api/v1/bundles/{}", hex::print(hash));
    let by_path: HashMap<String, Vec<u8>> =
        bundles.iter().map(|(hash, bytes)| (path(hash), bytes.clone())).collect();
    let by_path = Arc::new(Mutex::new(by_path));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(stream, by_path.clone()));
        }
    });
    Server { url, asked }
}

async fn answer(mut stream: TcpStream, by_path: Arc<Mutex<HashMap<String, Vec<u8>>>>) {
    let mut lines = BufReader::new(&mut stream).lines();
    let mut request = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.is_empty() {
            break;
        }
        if request.is_empty() {
            request = line;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let found = by_path.lock().unwrap().get(&path).cloned();
    let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
}

fn masters(urls: &[&str]) -> Masters {
    Masters::new(&Worker {
        ca_file: Default::default(),
        data_folder: "unused".into(),
        master_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        token: String::new().into(),
        name: String::new(),
        capacity: 1,
        run_as: Vec::new(),
        pools: Vec::new(),
        drain_grace_s: 0,
        stop_grace_s: 0,
        log_bytes_max: 0,
        bundle_cache_bytes_max: 0,
    })
    .unwrap()
}

#[tokio::test]
async fn a_bundle_is_fetched_once_however_many_ask() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle_of("a");
    let server = serve(&[(bundle.hash, bundle.bytes)]).await;
    // The first master is dead: the second one is asked.
    let masters = masters(&["http://127.0.0.1:9", &server.url]);
    let bundles = Bundles::new(folder.path().join("bundles"), u64::MAX).unwrap();
    let (one, other) = tokio::join!(bundles.get(bundle.hash, &masters), bundles.get(bundle.hash, &masters));
    assert_eq!(one.unwrap().folder, other.unwrap().folder);
    let again = bundles.get(bundle.hash, &masters).await.unwrap();
    assert_eq!(std::fs::read(again.folder.join("large.txt")).unwrap().len(), FILE_BYTES);
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_bundle_with_another_hash_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (asked_for, given) = (bundle_of("a"), bundle_of("b"));
    let server = serve(&[(asked_for.hash, given.bytes)]).await;
    let bundles = Bundles::new(folder.path().join("bundles"), u64::MAX).unwrap();
    let error = bundles.get(asked_for.hash, &masters(&[&server.url])).await.unwrap_err();
    assert!(matches!(error, BundleLoadError::Hash(_)), "{error}");
    assert_eq!(std::fs::read_dir(folder.path().join("bundles")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_no_master_has_is_gone_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(&[]).await;
    let bundles = Bundles::new(folder.path().join("bundles"), u64::MAX).unwrap();
    let error = bundles.get([7; 32], &masters(&[&server.url])).await.unwrap_err();
    assert!(matches!(error, BundleLoadError::Fetch(FetchError::Gone { .. })), "{error}");
}

#[tokio::test]
async fn the_cache_forgets_what_is_least_recently_used_but_never_what_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<Bundle> = ["a", "b", "c"].map(bundle_of).into();
    let served: Vec<_> = all.iter().map(|bundle| (bundle.hash, bundle.bytes.clone())).collect();
    let server = serve(&served).await;
    let masters = masters(&[&server.url]);
    // Room for one and a half.
    let bundles = Bundles::new(folder.path().join("bundles"), FILE_BYTES as u64 * 3 / 2).unwrap();
    let there = |bundle: &Bundle| folder.path().join("bundles").join(hex::print(&bundle.hash)).exists();

    let in_use = bundles.get(all[0].hash, &masters).await.unwrap();
    drop(bundles.get(all[1].hash, &masters).await.unwrap());
    assert!(there(&all[0]) && there(&all[1]), "the first is in use, the second was just asked for");
    drop(bundles.get(all[2].hash, &masters).await.unwrap());
    assert!(there(&all[0]) && !there(&all[1]) && there(&all[2]));
    drop(in_use);
    drop(bundles.get(all[1].hash, &masters).await.unwrap());
    assert!(!there(&all[0]) && there(&all[1]) && !there(&all[2]));
}
