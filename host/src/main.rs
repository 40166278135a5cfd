//! The command line tool; `weighbridge --help` says what it does.
#![forbid(unsafe_code)]
mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
