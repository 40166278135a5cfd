//! `cargo xtask …`: everything that one does with this repository beyond `cargo build`. A task is one file with its
//! options and its `run`; to add one, add its module, its variant and its line in `main`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bench;
mod book;
mod checkpoints;
mod component;
mod fuzz;
mod interface;
mod models;
mod needs;
mod packages;
mod packed;
mod python;
mod release;
mod run;
mod run_gui;
mod script;
mod setup;
mod shell;
mod soak;
mod stamp;
#[cfg(test)]
mod supply_chain;
mod test;
mod totals;
mod wasm_std;
mod web;
mod web_server;
mod wheel;
mod workflows;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Build tasks of Weighbridge.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Xtask {
    /// Install the system's packages that are missing without asking
    #[arg(long, global = true)]
    yes: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
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
    Soak(soak::Options),
    Book(book::Options),
    Release(release::Options),
    Wheel(wheel::Options),
}

fn main() -> ExitCode {
    let Xtask { yes, task } = Xtask::parse();
    if yes {
        needs::agree();
    }
    let done = match task {
        Task::Setup(options) => setup::run(&options),
        Task::Component(options) => component::run(&options),
        Task::Run(options) => run::run(&options),
        Task::RunGui(options) => run_gui::run(&options),
        Task::Web(options) => web::run(&options),
        Task::Models(options) => models::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Soak(options) => soak::run(&options),
        Task::Book(options) => book::run(&options),
        Task::Release(options) => release::run(&options),
        Task::Wheel(options) => wheel::run(&options),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
        ExitCode::FAILURE
    })
}
