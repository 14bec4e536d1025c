//! Identifiers. Each is a type of its own, so that an execution's id cannot be passed for a worker's.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        // Text for people (JSON), 16 bare bytes on the wire: uuid's own binary form has a length of 8 bytes.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    self.0.serialize(serializer)
                } else {
                    uuid::serde::compact::serialize(&self.0, serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    Uuid::deserialize(deserializer).map(Self)
                } else {
                    uuid::serde::compact::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

uuid_id! {
    /// One run of one package with one set of parameter values. A UUIDv7 minted by the master from the
    /// database's clock, so ids sort by the time of acceptance.
    ExecutionId
}
uuid_id! {
    /// What one enqueue request asked for. It is the client's request id: repeating the request finds the batch.
    BatchId
}
uuid_id! {
    /// One data folder of a worker; its id file holds this.
    WorkerId
}
uuid_id! {
    /// One running master process.
    MasterId
}
uuid_id! {
    /// One marker, published behind what a task queue holds.
    MarkerId
}

impl ExecutionId {
    /// The W3C trace context of one attempt. The trace id is the execution's own id, so that whoever knows the
    /// execution finds its trace without storing anything; the parent id is the attempt (never zero).
    pub fn traceparent(&self, attempt: Attempt) -> String {
        format!("00-{}-{:016x}-01", self.0.simple(), attempt)
    }
}

/// One start of an execution: 1, 2, …. `(execution, attempt)` is the fencing token of every report.
pub type Attempt = u32;

/// Numbers a session's claims from 1; never used twice within the session.
pub type ClaimNumber = u64;

/// One period of a worker between two hellos. It survives reconnects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId {
    pub worker: WorkerId,
    /// Rises by at least one with each session; kept in the worker's lock file and fsynced before the hello.
    pub counter: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.worker, self.counter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_named_by_its_execution() {
        let id: ExecutionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(id.traceparent(2), "00-01890a5dac96774bbcceb302099a8057-0000000000000002-01");
    }

    #[test]
    fn an_id_is_text_for_people() {
        let id: ExecutionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(id.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
    }
}
