//! `weighbridge-inspector`: the inspector in a window, or driven by a script without one.
use clap::Parser;
use std::process::ExitCode;
use weighbridge_inspector::command::Look;
use weighbridge_inspector::native::{Picture, install_desktop, run_headless, run_window};
use weighbridge_inspector::panel::Panel;

/// See a model load as it happens, and why it failed
#[derive(Debug, Parser)]
#[command(version, about)]
struct Args {
    /// A model or a recording
    files: Vec<String>,
    /// Open the files, load, write a picture of the window and end
    #[arg(long, value_name = "FILE")]
    screenshot: Option<String>,
    /// The panel that the picture shows alone
    #[arg(long, value_name = "NAME", requires = "screenshot", value_parser = panel)]
    panel: Option<Panel>,
    /// dark or light; otherwise as the system
    #[arg(long, value_name = "THEME", value_parser = theme)]
    theme: Option<Look>,
    /// Run without a window
    #[arg(long, requires = "script")]
    headless: bool,
    /// Commands by name, one a line; `screenshot FILE` writes a picture
    #[arg(long, value_name = "FILE", requires = "headless")]
    script: Option<String>,
    /// Put an entry and an icon into the menu of this user's desktop, and end
    #[arg(long, exclusive = true)]
    install_desktop: bool,
}

fn panel(name: &str) -> Result<Panel, String> {
    let names: Vec<&str> = Panel::ALL.iter().filter_map(|p| p.info().name.strip_prefix("panel ")).collect();
    Panel::named(name).ok_or_else(|| format!("panels are {}", names.join(", ")))
}

fn theme(name: &str) -> Result<Look, String> {
    match name {
        "dark" => Ok(Look::Dark),
        "light" => Ok(Look::Light),
        _ => Err("themes are dark and light".into()),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.script {
        None if args.install_desktop => {
            install_desktop().map(|files| files.iter().for_each(|file| println!("{}", file.display())))
        }
        Some(script) => std::fs::read_to_string(&script)
            .map_err(|error| format!("{script} cannot be read: {error}"))
            .and_then(|text| run_headless(&text, [1280.0, 860.0], args.theme.unwrap_or(Look::Dark))),
        None => {
            let picture = args.screenshot.map(|file| Picture { file, panel: args.panel });
            run_window(args.files, args.theme, picture)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("weighbridge-inspector: {why}");
            ExitCode::FAILURE
        }
    }
}
