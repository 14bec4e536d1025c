//! The supervisor: a link after each failure, an end as soon as it is asked for, and a reason for all it cannot do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use scaleout_broker::{BrokerError, Link, PublishError, supervise};
use scaleout_local::testing::vhost;
use tokio::io::{AsyncReadExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::management::Management;
use crate::world::{default_queue, next, settings, tasks, within};

/// An end that was asked for comes within this.
const PROMPT: Duration = Duration::from_secs(3);

#[tokio::test]
async fn connections_that_are_closed_are_opened_again() {
    let vhost = vhost().await;
    let (settings, stop) = (settings(&vhost.amqp_url), CancellationToken::new());
    let (links, mut served) = mpsc::unbounded_channel::<Link>();
    let (reports, mut reported) = mpsc::unbounded_channel();
    let stopped = stop.clone();
    let supervisor = tokio::spawn(async move {
        let inner = stopped.clone();
        let serve = |link: Link| {
            links.send(link).unwrap();
            let stopped = inner.clone();
            async move {
                stopped.cancelled().await;
                Ok(())
            }
        };
        let report = |error: &BrokerError| drop(reports.send(error.clone()));
        supervise(&settings, "test", &stopped, serve, report).await;
    });
    let first = within(served.recv()).await.unwrap();
    let mut subscription = first.consume(&default_queue(), 10).await.unwrap();
    let publisher = first.publisher(1).await.unwrap();
    Management::new(&vhost.name).close_connections(2).await;
    // Whoever waits on the old link hears of it, and so does who publishes there.
    assert!(within(subscription.next()).await.is_err());
    let lost = within(reported.recv()).await.unwrap();
    assert!(matches!(lost, BrokerError::Lost(_)), "{lost}");
    let unreachable = within(publisher.publish(tasks(1))).await;
    assert!(matches!(unreachable, Err(PublishError::Unreachable)), "{unreachable:?}");

    let second = within(served.recv()).await.unwrap();
    second.publisher(1).await.unwrap().publish(tasks(1)).await.unwrap();
    next(&mut second.consume(&default_queue(), 10).await.unwrap()).await;
    let began = Instant::now();
    stop.cancel();
    within(supervisor).await.unwrap();
    assert!(began.elapsed() < PROMPT, "it took {:?} to stop", began.elapsed());
    assert!(reported.try_recv().is_err(), "a stop is no failure");
}

#[tokio::test]
async fn a_link_that_is_given_up_is_followed_by_another() {
    let vhost = vhost().await;
    let (settings, stop) = (settings(&vhost.amqp_url), CancellationToken::new());
    let mut given_up = 0;
    let mut reports = Vec::new();
    let serve = |_link: Link| {
        given_up += 1;
        if given_up == 3 {
            stop.cancel();
        }
        let answer = match given_up {
            1 => Err(BrokerError::Canceled { queue: "mine".to_owned() }),
            _ => Ok(()),
        };
        async { answer }
    };
    within(supervise(&settings, "test", &stop, serve, |error| reports.push(error.to_string()))).await;
    assert_eq!(given_up, 3);
    let expected = [
        "the broker canceled the consumer of mine",
        "the connection to the broker failed: the link was given up",
    ];
    assert_eq!(reports, expected);
}

#[tokio::test]
async fn a_dead_port_is_reported_and_does_not_hold_up_a_stop() {
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let settings = settings(&format!("amqp://me:secret@127.0.0.1:{port}/v"));
    let (stop, reported) = (CancellationToken::new(), Arc::new(Notify::new()));
    let (stopped, heard) = (stop.clone(), reported.clone());
    let supervisor = tokio::spawn(async move {
        let mut reports = Vec::new();
        let serve = |_link: Link| async { unreachable!("there is no broker") };
        let report = |error: &BrokerError| {
            reports.push(error.clone());
            if reports.len() == 3 {
                heard.notify_one();
            }
        };
        supervise(&settings, "test", &stopped, serve, report).await;
        reports
    });
    within(reported.notified()).await;
    let began = Instant::now();
    stop.cancel();
    let reports = within(supervisor).await.unwrap();
    assert!(began.elapsed() < PROMPT, "it took {:?} to stop", began.elapsed());
    for error in reports {
        assert!(matches!(error, BrokerError::Connect { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("127.0.0.1:{port}")) && !text.contains("secret"), "{text}");
    }
}

/// A port that accepts and says nothing, as a hanging broker does.
#[tokio::test]
async fn a_silent_port_does_not_hold_up_a_stop_and_is_let_go() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = settings(&format!("amqp://me:secret@{address}/v"));
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let supervisor = tokio::spawn(async move {
        let serve = |_link: Link| async { unreachable!("there is no broker") };
        supervise(&settings, "test", &stopped, serve, |_| {}).await;
    });
    let (mut connection, _) = within(listener.accept()).await.unwrap();
    let began = Instant::now();
    stop.cancel();
    within(supervisor).await.unwrap();
    assert!(began.elapsed() < PROMPT, "it took {:?} to stop", began.elapsed());
    // To its end: of handshakes that stay there would be more and more.
    within(connection.read_to_end(&mut Vec::new())).await.unwrap();
}

/// As a load balancer whose broker has gone without a word.
#[tokio::test]
async fn a_connection_that_has_stalled_is_let_go() {
    let vhost = vhost().await;
    let broker = vhost.amqp_url.split('@').nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = settings(&vhost.amqp_url.replace(&broker, &address.to_string()));
    let stalled = CancellationToken::new();
    let stall = stalled.clone();
    let proxy = tokio::spawn(async move {
        let mut passing = JoinSet::new();
        for _ in 0..2 {
            let (mut client, _) = listener.accept().await.unwrap();
            let (broker, stall) = (broker.clone(), stall.clone());
            passing.spawn(async move {
                let mut server = TcpStream::connect(broker).await.unwrap();
                let _ = stall.run_until_cancelled(copy_bidirectional(&mut client, &mut server)).await;
                // Takes what comes, and passes nothing on.
                client.read_to_end(&mut Vec::new()).await.unwrap();
            });
        }
        passing.join_all().await;
    });
    let stop = CancellationToken::new();
    let serve = |_: Link| {
        let (stop, stalled) = (stop.clone(), stalled.clone());
        async move {
            stalled.cancel();
            stop.cancel();
            std::future::pending().await
        }
    };
    within(supervise(&settings, "test", &stop, serve, |_| {})).await;
    within(proxy).await.unwrap();
}

#[tokio::test]
async fn a_url_that_is_none_is_named_without_its_password() {
    let (stop, settings) = (CancellationToken::new(), settings("amqp://me:secret@[/v"));
    let mut reports = Vec::new();
    let report = |error: &BrokerError| {
        reports.push(error.to_string());
        stop.cancel();
    };
    let serve = |_link: Link| async { unreachable!("there is no broker") };
    within(supervise(&settings, "test", &stop, serve, report)).await;
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("rabbitmq.url") && !reports[0].contains("secret"), "{}", reports[0]);
}
