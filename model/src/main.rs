//! `make model`: visits larger scopes than the tests do, and prints a line for each. Names of scopes as arguments
//! choose among them; `twins` prints how each broken twin breaks.

use std::io::{self, Write};
use std::process::ExitCode;

use scaleout_model::check::{self, Report};
use scaleout_model::scopes::{LARGE, SMALL};
use scaleout_model::twins::{ACKNOWLEDGED, TWINS};
use scaleout_model::{Guards, Protocol};

fn main() -> io::Result<ExitCode> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let chosen = |name: &str| names.is_empty() || names.iter().any(|chosen| chosen == name);
    let threads = std::thread::available_parallelism()?.get();
    let mut out = io::stdout().lock();
    let mut broken = false;
    for scope in SMALL.iter().chain(LARGE).filter(|scope| chosen(scope.name)) {
        let report = check::whole(Protocol { scope: *scope, guards: Guards::all() }, threads);
        broken |= !report.is_well();
        tell(&mut out, &report)?;
    }
    if chosen("twins") {
        for twin in TWINS.iter().chain([&ACKNOWLEDGED]) {
            let report = check::until(Protocol { scope: twin.scope, guards: twin.guards() }, twin.breaks);
            broken |= report.trace(twin.breaks).is_none();
            writeln!(out, "\nwithout {:?}:", twin.guard)?;
            tell(&mut out, &report)?;
        }
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn tell(out: &mut impl Write, report: &Report) -> io::Result<()> {
    writeln!(out, "{}", report.line())?;
    for (name, steps) in &report.broken {
        writeln!(out, "  {name}:")?;
        for step in steps {
            writeln!(out, "    {step}")?;
        }
    }
    out.flush()
}
