//! `cargo xtask …`: everything that one does with this repository beyond `cargo build`. A task is one file with its
//! options and its `run`; to add one, add its module, its variant and its line in `main`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bench;
mod component;
mod fuzz;
mod interface;
#[cfg(test)]
mod lockfile;
mod models;
mod needs;
mod python;
mod run;
mod run_gui;
mod script;
mod setup;
mod shell;
mod stamp;
mod test;
mod totals;
mod wasm_std;
mod web;
mod web_server;
mod wheel;

use clap::Parser;
use std::process::ExitCode;

/// Build tasks of Weighbridge.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    Setup(setup::Options),
    Component(component::Options),
    Run(run::Options),
    RunGui(run_gui::Options),
    Web(web::Options),
    Models(models::Options),
    Test(test::Options),
    Bench(bench::Options),
    Fuzz(fuzz::Options),
    Wheel(wheel::Options),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Setup(options) => setup::run(&options),
        Task::Component(options) => component::run(&options),
        Task::Run(options) => run::run(&options),
        Task::RunGui(options) => run_gui::run(&options),
        Task::Web(options) => web::run(&options),
        Task::Models(options) => models::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Wheel(options) => wheel::run(&options),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
        ExitCode::FAILURE
    })
}
