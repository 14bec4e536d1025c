//! Layouts of version 2 that a later one has replaced. They are read from masters of the version before, and
//! written for workers of the version before, during a rolling upgrade.

use serde::{Deserialize, Serialize};

use super::kind::{Kind, Message};
use super::to_worker::{self, ClaimVerdict, PackageGrant, Values};
use crate::ids::{Attempt, ClaimNumber, ExecutionId, SessionId};
use crate::logging_level::LoggingLevel;

/// [`ClaimAnswers`](to_worker::ClaimAnswers) whose grants have no logging level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimAnswers {
    pub session: SessionId,
    pub answers: Vec<ClaimAnswer>,
    pub packages: Vec<PackageGrant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimAnswer {
    pub number: ClaimNumber,
    pub execution: ExecutionId,
    pub attempt: Attempt,
    pub verdict: ClaimVerdict,
    pub grant: Option<Grant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub package: u32,
    pub values: Values,
    pub timeout_ms: Option<u64>,
    pub time_left_ms: Option<u64>,
    pub alone: bool,
}

impl Message for ClaimAnswers {
    const KIND: Kind = Kind::ClaimAnswers;
    const VERSION: u8 = 2;
}

impl From<to_worker::ClaimAnswers> for ClaimAnswers {
    fn from(answers: to_worker::ClaimAnswers) -> Self {
        let to_worker::ClaimAnswers { session, answers, packages } = answers;
        Self { session, answers: answers.into_iter().map(ClaimAnswer::from).collect(), packages }
    }
}

impl From<to_worker::ClaimAnswer> for ClaimAnswer {
    fn from(answer: to_worker::ClaimAnswer) -> Self {
        let to_worker::ClaimAnswer { number, execution, attempt, verdict, grant } = answer;
        Self { number, execution, attempt, verdict, grant: grant.map(Grant::from) }
    }
}

impl From<to_worker::Grant> for Grant {
    fn from(grant: to_worker::Grant) -> Self {
        let to_worker::Grant { package, values, timeout_ms, time_left_ms, alone, logging_level: _ } = grant;
        Self { package, values, timeout_ms, time_left_ms, alone }
    }
}

impl From<ClaimAnswers> for to_worker::ClaimAnswers {
    fn from(answers: ClaimAnswers) -> Self {
        let ClaimAnswers { session, answers, packages } = answers;
        Self { session, answers: answers.into_iter().map(Into::into).collect(), packages }
    }
}

impl From<ClaimAnswer> for to_worker::ClaimAnswer {
    fn from(answer: ClaimAnswer) -> Self {
        let ClaimAnswer { number, execution, attempt, verdict, grant } = answer;
        Self { number, execution, attempt, verdict, grant: grant.map(Into::into) }
    }
}

impl From<Grant> for to_worker::Grant {
    fn from(grant: Grant) -> Self {
        let Grant { package, values, timeout_ms, time_left_ms, alone } = grant;
        let logging_level = LoggingLevel::default();
        Self { package, values, timeout_ms, time_left_ms, alone, logging_level }
    }
}
