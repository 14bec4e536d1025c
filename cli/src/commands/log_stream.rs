//! Follows a log over server-sent events through whatever happens to connections and masters: what was printed last is
//! told to whoever is asked next, which goes on behind it. Keeps nothing but that place.

use std::time::Duration;

use scaleout_common::api::{
    END_EVENT, LogMessage, MISSING_EVENT, MissingEvent, RECONNECT_EVENT, ReconnectEvent, ReconnectReason,
    STATUS_EVENT, StatusEvent,
};
use scaleout_common::ids::ExecutionId;
use scaleout_common::status::Status;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::client::{Client, EventStream, NotOpened};
use crate::events::Event;
use crate::exit::Failure;
use crate::output::say;

/// How long masters may be out of reach before following is given up: the execution goes on without it.
const OUTAGE_MAX: Duration = Duration::from_secs(120);
/// The first wait before asking again; it doubles up to the longest.
const AGAIN_MIN: Duration = Duration::from_millis(200);
const AGAIN_MAX: Duration = Duration::from_secs(5);
/// A stream that lasted so long was one, also when there was nothing to send: a master keeps it alive every 10 s.
const STEADY: Duration = Duration::from_secs(15);

/// Follows until the execution has ended and its log is complete; `false` if the master cannot stream.
///
/// # Errors
/// There is no such execution, masters stay out of reach, or what is read cannot be printed.
pub(super) async fn follow(
    client: &Client,
    id: ExecutionId,
    mut print: impl FnMut(&[LogMessage]) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let id = id.to_string();
    let path = ["executions", &id, "messages", "stream"];
    let mut place = Place::default();
    let mut outage = Outage::default();
    loop {
        let lost = match client.open(&path, place.id.as_deref()).await {
            Ok(mut stream) => {
                if outage.tells_the_end() {
                    say(&format!("following again, at {}", client.here()));
                }
                let (began, from) = (Instant::now(), place.id.clone());
                let left = read(&mut stream, &mut place, &mut print).await?;
                if place.id != from || left == Left::Time || began.elapsed() >= STEADY {
                    outage = Outage::default();
                }
                match left {
                    Left::End => return Ok(true),
                    Left::Time => continue,
                    Left::Lost(why) => Failure::unreachable(format!("{} was lost: {why}", client.here())),
                }
            }
            Err(NotOpened::Older) => return Ok(false),
            Err(NotOpened::Refused(failure)) => return Err(failure),
            Err(NotOpened::Lost(failure)) => failure,
        };
        if outage.is_new() {
            let from = place.id.as_deref().map(|id| format!(" behind message {id}")).unwrap_or_default();
            say(&format!("{}; trying to go on{from}", lost.message));
        }
        let Some(wait) = outage.wait(Instant::now()) else { return Err(lost) };
        tokio::time::sleep(wait).await;
        client.turn();
    }
}

/// Nobody streams at this time, or streams end as soon as they begin.
#[derive(Default)]
struct Outage {
    /// When it was noticed.
    since: Option<Instant>,
    waited: u32,
    told: bool,
}

impl Outage {
    fn is_new(&self) -> bool {
        self.since.is_none()
    }

    /// Whether to say, once, that somebody streams again.
    fn tells_the_end(&mut self) -> bool {
        !self.is_new() && !std::mem::replace(&mut self.told, true)
    }

    /// How long to wait before asking again; `None`: it has lasted too long.
    fn wait(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let wait = AGAIN_MIN.saturating_mul(1 << self.waited.min(16)).min(AGAIN_MAX);
        self.waited += 1;
        (now.duration_since(since) < OUTAGE_MAX).then_some(wait)
    }
}

/// How far it has come.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    /// Of the message that was printed last.
    id: Option<String>,
    status: Option<Status>,
}

/// Why a stream was left.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    End,
    /// It lasted as long as it may: there is another one at once.
    Time,
    Lost(String),
}

async fn read(
    stream: &mut EventStream,
    place: &mut Place,
    print: &mut impl FnMut(&[LogMessage]) -> Result<(), Failure>,
) -> Result<Left, Failure> {
    loop {
        let events = match stream.next().await {
            Ok(Some(events)) => events,
            Ok(None) => return Ok(Left::Lost("the stream ended".to_owned())),
            Err(why) => return Ok(Left::Lost(why)),
        };
        if let Some(left) = take(events, place, print)? {
            return Ok(left);
        }
    }
}

/// Prints what came, many messages at once, and says what is not of the log.
fn take(
    events: Vec<Event>,
    place: &mut Place,
    print: &mut impl FnMut(&[LogMessage]) -> Result<(), Failure>,
) -> Result<Option<Left>, Failure> {
    let mut messages: Vec<LogMessage> = Vec::new();
    let mut left = None;
    for event in events {
        match event.name.as_str() {
            "message" => {
                messages.push(data(&event)?);
                place.id = event.id;
                continue;
            }
            STATUS_EVENT => tell_status(place, data(&event)?),
            MISSING_EVENT => {
                print(&std::mem::take(&mut messages))?;
                say(&missing(&data(&event)?));
            }
            END_EVENT => left = Some(Left::End),
            RECONNECT_EVENT => left = Some(reason(data(&event)?)),
            // Of a newer master, which sends what is needed in other ways, too.
            _ => {}
        }
    }
    print(&messages)?;
    Ok(left)
}

fn data<T: DeserializeOwned>(event: &Event) -> Result<T, Failure> {
    serde_json::from_str(&event.data)
        .map_err(|error| Failure::failed(format!("the master sent an event that cannot be read: {error}")))
}

/// What a person who waits for lines wants to know; the end is told at the end.
fn tell_status(place: &mut Place, StatusEvent { status, attempt }: StatusEvent) {
    let before = place.status.replace(status);
    let is_plain = before.is_none() && status == Status::Running;
    if before != Some(status) && !is_plain && !status.is_terminal() {
        say(&format!("the execution is {status} (attempt {attempt})"));
    }
}

fn missing(MissingEvent { attempt, from, to }: &MissingEvent) -> String {
    match to {
        Some(to) => {
            format!("messages {attempt}.{from} to {attempt}.{to} are missing: they have not come in time")
        }
        None => format!("the end of the log of attempt {attempt} is missing: it has not come in time"),
    }
}

fn reason(ReconnectEvent { reason }: ReconnectEvent) -> Left {
    match reason {
        ReconnectReason::Time => Left::Time,
        ReconnectReason::Stopping => Left::Lost("the master stops".to_owned()),
        ReconnectReason::Failed => Left::Lost("the master cannot go on; its log says why".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, id: Option<&str>, data: &str) -> Event {
        Event { name: name.to_owned(), id: id.map(str::to_owned), data: data.to_owned() }
    }

    fn message(id: &str, text: &str) -> Event {
        let (attempt, sequence) = id.split_once('.').unwrap();
        let data = format!(
            r#"{{"attempt":{attempt},"sequence":{sequence},"at":"2026-03-01T10:00:00Z","type":"stdout","path":"","text":"{text}"}}"#
        );
        event("message", Some(id), &data)
    }

    #[test]
    fn an_outage_is_told_once_waits_longer_and_longer_and_ends() {
        let began = Instant::now();
        let (mut outage, mut at, mut waits) = (Outage::default(), began, Vec::new());
        assert!(!outage.tells_the_end() && outage.is_new());
        while let Some(wait) = outage.wait(at) {
            waits.push(wait.as_millis());
            at += wait;
        }
        assert_eq!(waits[..6], [200, 400, 800, 1_600, 3_200, 5_000]);
        let lasted = at.duration_since(began);
        assert!(lasted >= OUTAGE_MAX && lasted < OUTAGE_MAX + AGAIN_MAX, "{lasted:?}");
        assert_eq!([outage.tells_the_end(), outage.tells_the_end(), outage.is_new()], [true, false, false]);
    }

    #[test]
    fn what_was_printed_is_where_to_go_on() {
        let (mut place, mut printed) = (Place::default(), Vec::new());
        let mut print = |messages: &[LogMessage]| {
            printed.extend(messages.iter().map(|message| message.text.clone()));
            Ok(())
        };
        let status = event("status", None, r#"{"status":"running","attempt":1}"#);
        let left = take(vec![status, message("1.1", "a"), message("1.2", "b")], &mut place, &mut print);
        assert_eq!(left.unwrap(), None);
        assert_eq!(place, Place { id: Some("1.2".to_owned()), status: Some(Status::Running) });
        let missing = event("missing", None, r#"{"attempt":1,"from":3,"to":4}"#);
        let over = event("reconnect", None, r#"{"reason":"time"}"#);
        let left = take(vec![missing, message("1.5", "c"), over], &mut place, &mut print);
        assert_eq!(left.unwrap(), Some(Left::Time));
        let other = event("of-a-newer-master", None, "x");
        let end = event("end", None, r#"{"status":"succeeded","attempt":1}"#);
        assert_eq!(take(vec![other, end], &mut place, &mut print).unwrap(), Some(Left::End));
        assert_eq!(place.id.as_deref(), Some("1.5"));
        assert_eq!(printed, ["a", "b", "c"]);
    }

    #[test]
    fn what_cannot_be_read_or_printed_ends_it() {
        let mut place = Place::default();
        let mut print = |_: &[LogMessage]| Err(Failure::nobody_reads());
        let refused = take(vec![message("1.1", "a")], &mut place, &mut print).unwrap_err();
        assert_eq!(refused.exit, crate::exit::Exit::Done);
        assert!(
            take(vec![event("end", None, "x"), event("status", None, "x")], &mut place, &mut |_| Ok(()))
                .is_err()
        );
    }
}
