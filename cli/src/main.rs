//! The one binary: arguments, settings, output; starts master and worker. Holds no logic of theirs.

mod arguments;
mod exit;
mod output;

mod environment;
mod logging;
mod settings;
mod signals;

mod ask;
mod client;
mod events;
mod input;
mod progress;
mod tables;
mod times;
mod wait;

mod commands;
mod dev;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // Before threads and a runtime: this process may have been started to become something else.
    scaleout_local::keeper::run_if_asked();
    scaleout_worker::guard::main_if_asked();
    let arguments = arguments::Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return exit::finish(Err(exit::Failure::failed(format!("cannot start threads: {error}"))));
        }
    };
    let result = runtime.block_on(commands::run(arguments));
    // A task that still blocks (a read of the terminal) must not hold up the end.
    runtime.shutdown_background();
    exit::finish(result)
}
