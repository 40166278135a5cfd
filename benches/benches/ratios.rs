//! `cargo xtask bench [-- NAME] [--quick]`: runs the suites whose names contain NAME and prints their tables.
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};
use weighbridge_benches::{
    Result, child,
    files::Folder,
    suites::{SUITES, Setting},
};

fn main() -> ExitCode {
    let began = Instant::now();
    match run(began) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(began: Instant) -> Result<()> {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|arg| arg == child::FLAG).is_some() {
        let (task, file) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
        return child::main(&task, file.into(), began);
    }
    // `--bench` is cargo's own.
    let args: Vec<String> = args.filter(|arg| arg != "--bench").collect();
    let quick = args.iter().any(|arg| arg == "--quick");
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let chosen = SUITES.iter().filter(|suite| names.is_empty() || names.iter().any(|name| suite.name.contains(*name)));
    let chosen: Vec<_> = chosen.collect();
    if chosen.is_empty() {
        let all: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        return Err(format!("no suite has such a name; there are {}", all.join(", ")).into());
    }
    let time = if quick { Duration::from_millis(300) } else { Duration::from_secs(5) };
    let setting = Setting { folder: Folder::new()?, time };
    let mut missed = 0;
    for suite in chosen {
        for report in (suite.run)(&setting)? {
            println!("{}", report.text);
            missed += report.missed;
        }
    }
    eprintln!("{missed} goals missed");
    Ok(())
}
