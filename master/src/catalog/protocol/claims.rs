//! Granting claims: one transaction per claim message.

use std::collections::HashMap;

use jiff::Timestamp;
use scaleout_common::ids::{BatchId, ClaimNumber, SessionId};
use scaleout_common::protocol::claim::{ClaimOf, Claimed, answer_claim};
use scaleout_common::protocol::lease::runs_alone;
use scaleout_common::wire::{
    BODY_BYTES_MAX, Claim, ClaimAnswer, ClaimAnswers, ClaimVerdict, Claims, Dialect, Grant, PackageGrant,
    Values,
};
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::packages::{PackageGrants, PackageKey, Reading};
use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// Largest parameter object that travels in an answer; a larger one is fetched.
const INLINE_BYTES_MAX: usize = 16 * 1024;

/// Values in one answer at most, in bytes; beyond it the rest are fetched. An answer that does not fit a message
/// would never arrive, and its session would ask for it for ever.
const ANSWER_VALUES_BYTES_MAX: usize = BODY_BYTES_MAX / 2;

/// What a claim message led to.
pub(crate) struct ClaimsGranted {
    pub(crate) answers: ClaimAnswers,
    pub(crate) granted: u64,
    /// When, by the database's clock.
    pub(crate) at: Option<Timestamp>,
    /// What the worker that asked understands.
    pub(crate) dialect: Dialect,
}

impl Catalog {
    /// Answers a claim message. The session's row is locked first: a grant and the session's end cannot pass each
    /// other, nor can a grant and what disables its worker. The answer must follow this function's return, which follows
    /// the commit. `None`: no answer now. The session's lease has run out and nobody has taken it: its heartbeat is on
    /// the way, and the claim comes again.
    pub(crate) async fn grant(
        &self,
        message: &Claims,
        known: &PackageGrants,
    ) -> Result<Option<ClaimsGranted>, CatalogError> {
        match self.try_grant(message, known, Hold::Shared).await? {
            Tried::Done(answered) => Ok(answered),
            Tried::Refuses => match self.try_grant(message, known, Hold::Alone).await? {
                Tried::Done(answered) => Ok(answered),
                Tried::Refuses => Err(CatalogError::Corrupt("claims that cannot be refused".to_owned())),
            },
        }
    }

    async fn try_grant(
        &self,
        message: &Claims,
        known: &PackageGrants,
        hold: Hold,
    ) -> Result<Tried, CatalogError> {
        let mut client = self.by_id().await?;
        let lock = match hold {
            Hold::Shared => sql::LOCK_SESSION,
            Hold::Alone => sql::LOCK_SESSION_ALONE,
        };
        let statements = Statements {
            lock: client.prepare_cached(lock).await?,
            grant: client.prepare_cached(sql::GRANT).await?,
            claimed: client.prepare_cached(sql::CLAIMED).await?,
            packages: Reading::prepare(&client).await?,
            refuse: client.prepare_cached(sql::REFUSE_CLAIMS).await?,
        };
        let transaction = client.transaction().await?;
        let session = message.session;
        let counter = rows::number_in(session.counter);
        let found = transaction.query_opt(&statements.lock, &[&session.worker.0, &counter]).await?;
        let Some(found) = found.filter(|row| row.get::<_, bool>("open")) else {
            return Ok(Tried::Done(Some(refuse_all(message))));
        };
        let dialect = Dialect::of_build(found.get("version"));
        if !found.get::<_, bool>("leased") {
            return Ok(Tried::Done(None));
        }
        let refused_through = rows::number_out(found.get("refused_through"))?;
        let open = message.claims.iter().filter(|claim| claim.number > refused_through);
        let Granted { mut executions, pools, at } =
            SortedClaims::new(open).grant(&transaction, &statements, session).await?;
        let granted = executions.len() as u64;
        let others = message.claims.iter().filter(|claim| !executions.contains_key(&claim.execution.0));
        executions.extend(SortedClaims::new(others).look(&transaction, &statements, &pools).await?);
        if let Some(refused) = highest_refused(message, &executions, refused_through)? {
            if hold == Hold::Shared {
                return Ok(Tried::Refuses);
            }
            // Another master may have granted a copy of it meanwhile: then that stands, and no copy is granted later.
            transaction.execute(&statements.refuse, &[&session.worker.0, &counter, &refused]).await?;
            let all = SortedClaims::new(message.claims.iter());
            executions = all.look(&transaction, &statements, &pools).await?;
        }
        let verdicts = verdicts(message, &executions, refused_through)?;
        let keys = verdicts.iter().filter_map(|(_, row)| row.map(package_key)).collect();
        let packages = known.of(&keys, &transaction, &statements.packages).await?;
        let mut answers = Answers::new(session, packages);
        for (claim, (verdict, row)) in message.claims.iter().zip(verdicts) {
            answers.add(claim, verdict, row)?;
        }
        transaction.commit().await?;
        Ok(Tried::Done(Some(ClaimsGranted { answers: answers.done, granted, at: Some(at), dialect })))
    }
}

/// How the session's row is locked. Many grant at the same time; whoever has to refuse changes the row. Two that held it
/// already would wait for each other until PostgreSQL ends one of them, a second later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    Shared,
    Alone,
}

enum Tried {
    Done(Option<ClaimsGranted>),
    /// Nothing was done: something is to be refused, for which the session must be held alone.
    Refuses,
}

struct Statements {
    lock: tokio_postgres::Statement,
    grant: tokio_postgres::Statement,
    claimed: tokio_postgres::Statement,
    packages: Reading,
    refuse: tokio_postgres::Statement,
}

/// The highest number among the claims of this message that are refused as `not-yours` and were not before.
fn highest_refused(
    message: &Claims,
    executions: &HashMap<Uuid, Row>,
    refused_through: ClaimNumber,
) -> Result<Option<i64>, CatalogError> {
    let mut highest = None;
    for claim in message.claims.iter().filter(|claim| claim.number > refused_through) {
        let Some(row) = executions.get(&claim.execution.0) else { continue };
        if answer_claim(Some(claimed(row)?), claim_of(message.session, claim)) == ClaimVerdict::NotYours {
            highest = highest.max(Some(rows::number_in(claim.number)));
        }
    }
    Ok(highest)
}

fn claim_of(session: SessionId, claim: &Claim) -> ClaimOf {
    ClaimOf { session, number: claim.number, attempt: claim.attempt }
}

/// What was granted.
struct Granted {
    /// By id, as they are now.
    executions: HashMap<Uuid, Row>,
    /// The pools that the worker serves: a disabled one serves none.
    pools: Vec<String>,
    /// When, by the database's clock.
    at: Timestamp,
}

/// The claims as the statements take them: in the order of ids, so that two masters lock rows in the same order.
struct SortedClaims {
    ids: Vec<Uuid>,
    attempts: Vec<i32>,
    numbers: Vec<i64>,
}

impl SortedClaims {
    fn new<'a>(claims: impl Iterator<Item = &'a Claim>) -> Self {
        let mut sorted: Vec<&Claim> = claims.collect();
        // Of one execution the latest attempt last: the statement looks at the last.
        sorted.sort_unstable_by_key(|claim| (claim.execution, claim.attempt, claim.number));
        let ids: Vec<Uuid> = sorted.iter().map(|claim| claim.execution.0).collect();
        Self {
            attempts: sorted.iter().map(|claim| rows::small_in(claim.attempt)).collect(),
            numbers: sorted.iter().map(|claim| rows::number_in(claim.number)).collect(),
            ids,
        }
    }

    async fn grant(
        &self,
        transaction: &Transaction<'_>,
        statements: &Statements,
        session: SessionId,
    ) -> Result<Granted, CatalogError> {
        let counter = rows::number_in(session.counter);
        let found = transaction
            .query(
                &statements.grant,
                &[&self.ids, &self.attempts, &self.numbers, &session.worker.0, &counter],
            )
            .await?;
        let first = found.first().ok_or_else(|| CatalogError::Corrupt("a grant gave no row".to_owned()))?;
        let (pools, at) = (first.get("pools"), first.get("now"));
        let granted = found.into_iter().filter_map(|row| Some((row.get::<_, Option<Uuid>>("id")?, row)));
        Ok(Granted { executions: granted.collect(), pools, at })
    }

    async fn look(
        &self,
        transaction: &Transaction<'_>,
        statements: &Statements,
        pools: &[String],
    ) -> Result<HashMap<Uuid, Row>, CatalogError> {
        if self.ids.is_empty() {
            return Ok(HashMap::new());
        }
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&self.ids, &pools];
        let found = transaction.query(&statements.claimed, &parameters).await?;
        Ok(found.into_iter().map(|row| (row.get("id"), row)).collect())
    }
}

/// How each claim is answered, with the row of what it is granted.
fn verdicts<'a>(
    message: &Claims,
    executions: &'a HashMap<Uuid, Row>,
    refused_through: ClaimNumber,
) -> Result<Vec<(ClaimVerdict, Option<&'a Row>)>, CatalogError> {
    let verdict = |claim: &Claim| {
        let row = executions.get(&claim.execution.0);
        let mut found = row.map(claimed).transpose()?;
        if let (Some(found), Some(row)) = (&mut found, row) {
            // What comes too late to start is nobody's, and need not go back to its queue.
            found.allowed &= claim.number > refused_through || row.get::<_, bool>("late");
        }
        let verdict = answer_claim(found, claim_of(message.session, claim));
        Ok((verdict, row.filter(|_| verdict == ClaimVerdict::Granted)))
    };
    message.claims.iter().map(verdict).collect()
}

fn package_key(row: &Row) -> PackageKey {
    (BatchId(row.get("batch_id")), row.get("package_id"))
}

/// Collects the answers; packages are named once however many grants refer to them.
struct Answers {
    done: ClaimAnswers,
    packages: HashMap<PackageKey, PackageGrant>,
    /// Their places in the answer.
    named: HashMap<PackageKey, u32>,
    /// What is left for values, in bytes.
    room: usize,
}

impl Answers {
    fn new(session: SessionId, packages: HashMap<PackageKey, PackageGrant>) -> Self {
        let done = ClaimAnswers { session, answers: Vec::new(), packages: Vec::new() };
        Self { done, packages, named: HashMap::new(), room: ANSWER_VALUES_BYTES_MAX }
    }

    fn add(
        &mut self,
        claim: &Claim,
        verdict: ClaimVerdict,
        granted: Option<&Row>,
    ) -> Result<(), CatalogError> {
        let grant = match granted {
            Some(row) => {
                let mut grant = grant(row)?;
                grant.package = self.package(package_key(row));
                grant.values = self.fitting(grant.values);
                Some(grant)
            }
            None => None,
        };
        let Claim { number, execution, attempt } = *claim;
        self.done.answers.push(ClaimAnswer { number, execution, attempt, verdict, grant });
        Ok(())
    }

    /// The place of a package in the answer.
    fn package(&mut self, key: PackageKey) -> u32 {
        if let Some(place) = self.named.get(&key) {
            return *place;
        }
        let place = self.done.packages.len() as u32;
        let package = self.packages[&key].clone();
        let package = PackageGrant { project_values: self.fitting(package.project_values), ..package };
        self.done.packages.push(package);
        self.named.insert(key, place);
        place
    }

    /// The values as they are while there is room for them, else to be fetched.
    fn fitting(&mut self, values: Values) -> Values {
        match values {
            Values::Inline(text) if text.len() <= self.room => {
                self.room -= text.len();
                Values::Inline(text)
            }
            _ => Values::Fetch,
        }
    }
}

fn refuse_all(message: &Claims) -> ClaimsGranted {
    let refuse = |claim: &Claim| ClaimAnswer {
        number: claim.number,
        execution: claim.execution,
        attempt: claim.attempt,
        verdict: ClaimVerdict::SessionEnded,
        grant: None,
    };
    let answers = message.claims.iter().map(refuse).collect();
    ClaimsGranted {
        answers: ClaimAnswers { session: message.session, answers, packages: Vec::new() },
        granted: 0,
        at: None,
        // A session that nobody knows: without grants every build reads the oldest layout.
        dialect: Dialect::First,
    }
}

fn claimed(row: &Row) -> Result<Claimed, CatalogError> {
    let status = rows::status(row.get("status"))?;
    let number = row.get::<_, Option<i64>>("claim").map(rows::number_out).transpose()?;
    let holder = rows::session(row, "worker_id", "session").zip(number);
    Ok(Claimed {
        status,
        attempt: rows::small_out(row.get("attempt"))?,
        holder: holder.filter(|_| status.is_held()),
        allowed: row.get("allowed"),
    })
}

fn grant(row: &Row) -> Result<Grant, CatalogError> {
    let parameters: Option<String> = row.get("parameters");
    Ok(Grant {
        package: 0,
        values: values(parameters, row.get("sealed")),
        timeout_ms: milliseconds(row.get("timeout_ms")),
        time_left_ms: milliseconds(row.get("time_left_ms")),
        alone: runs_alone(rows::small_out(row.get("losses"))?),
        logging_level: rows::logging_level(row.get("logging_level"))?,
    })
}

fn milliseconds(column: Option<i64>) -> Option<u64> {
    column.map(|ms| ms.max(0).unsigned_abs())
}

/// Sensitive values and large ones never travel by AMQP.
pub(super) fn values(plain: Option<String>, sealed: bool) -> Values {
    match plain {
        _ if sealed => Values::Fetch,
        Some(text) if text.len() > INLINE_BYTES_MAX => Values::Fetch,
        Some(text) => Values::Inline(text),
        None => Values::Inline("{}".to_owned()),
    }
}
