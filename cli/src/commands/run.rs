//! From the arguments to the command they ask for: the one `match`. It decides nothing else.

use super::{
    Context, audit, batch, bench, broker, catalog, completions, config, dev, enqueue, execution, limit, man,
    master, package, project, schedule, status, token, worker,
};
use crate::arguments::{Arguments, Command};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Does what the arguments ask for.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { global, command } = arguments;
    let context = Context { output: Output { format: global.format }, global };
    match command {
        Command::Dev(arguments) => dev::run(&context, arguments).await,
        Command::Enqueue(arguments) => enqueue::run(&context, arguments).await,
        Command::Batch(arguments) => batch::run(&context, arguments).await,
        Command::Execution(arguments) => execution::run(&context, arguments).await,
        Command::Project(arguments) => project::run(&context, arguments).await,
        Command::Package(arguments) => package::run(&context, arguments).await,
        Command::Limit(arguments) => limit::run(&context, arguments).await,
        Command::Schedule(arguments) => schedule::run(&context, arguments).await,
        Command::Worker(arguments) => worker::run(&context, arguments).await,
        Command::Status(arguments) => status::run(&context, arguments).await,
        Command::Bench(arguments) => bench::run(&context, arguments).await,
        Command::Broker(arguments) => broker::run(&context, arguments).await,
        Command::Master(arguments) => master::run(&context, arguments).await,
        Command::Catalog(arguments) => catalog::run(&context, arguments).await,
        Command::Token(arguments) => token::run(&context, arguments).await,
        Command::Audit(arguments) => audit::run(&context, arguments).await,
        Command::Config(arguments) => config::run(&context, arguments),
        Command::Completions(arguments) => completions::run(&context, arguments),
        Command::Man(arguments) => man::run(&context, arguments),
    }
}
