//! `cargo xtask web`: the page with the component and the inspector in it, as static files.
use crate::setup::WasmOptions;
use crate::shell::{cargo, clean, finish, output, quiet, root, say, target, which, write_if_changed};
use crate::wasm_std::{self, TRIPLE, WasmStd};
use crate::{component, stamp, web_server};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// Build the page that loads models in a browser, in target/web
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask web --serve\n  cargo xtask web --without-inspector --serve --port 8080"
)]
pub(crate) struct Options {
    #[command(flatten)]
    wasm: WasmOptions,
    /// Serve it on this machine until interrupted
    #[arg(long)]
    serve: bool,
    /// Port to serve it on; 0 = any that is free
    #[arg(long, default_value_t = 8118)]
    port: u16,
    /// Leave out the inspector, which takes minutes to compile; the page's own plain view stays
    #[arg(long)]
    without_inspector: bool,
    /// Build nothing: serve what is there
    #[arg(long, requires = "serve")]
    as_it_is: bool,
    /// Only the component as a web module, for Node
    #[arg(long, conflicts_with_all = ["serve", "without_inspector"])]
    component_only: bool,
    /// Only test the inspector's web shell, in Node and in Chromium
    #[arg(long, conflicts_with_all = ["serve", "without_inspector", "component_only"])]
    test: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.as_it_is {
        web_server::serve(&folder(), options.port)?;
        return Ok(ExitCode::SUCCESS);
    }
    let std = wasm_std::find_or_make(options.wasm.wasm_std)?;
    if options.component_only {
        module(&tool()?, &std)?;
        say("target/web/component is ready");
        return Ok(ExitCode::SUCCESS);
    }
    if options.test {
        finish(&mut tests(&std, None)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    build(&std, !options.without_inspector)?;
    if options.serve {
        web_server::serve(&folder(), options.port)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the page.
pub(crate) fn build(std: &WasmStd, with_inspector: bool) -> Result<()> {
    let tool = tool()?;
    module(&tool, std)?;
    if with_inspector {
        inspector(&tool, std)?;
    } else if folder().join("inspector").exists() {
        fs::remove_dir_all(folder().join("inspector")).context("target/web/inspector could not be removed")?;
    }
    copy_page()?;
    let packed = output(clean(&tool).arg("pack").arg(folder()))?;
    let total = packed.lines().last().unwrap_or_default().trim();
    say(&format!("target/web is ready: {total}"));
    Ok(())
}

/// Where the page is.
pub(crate) fn folder() -> PathBuf {
    target().join("web")
}

/// The program that makes web modules, built when it is needed: it takes a minute, and only the page needs it.
fn tool() -> Result<PathBuf> {
    let (tool, mark) = (
        target().join("debug").join(format!("xtask-web{}", std::env::consts::EXE_SUFFIX)),
        target().join("web-tool.stamp"),
    );
    let value = stamp::of_files(&[root().join("xtask/web")])?;
    if !(tool.is_file() && stamp::holds(&mark, &value)) {
        quiet(&mut cargo(&["build", "-p", "xtask-web"]))?;
        stamp::set(&mark, &value)?;
    }
    Ok(tool)
}

/// The component as an ES module, and what the host tells about it.
fn module(tool: &Path, std: &WasmStd) -> Result<()> {
    let component = component::build(std, false)?;
    let out = folder().join("component");
    let mark = target().join("wasm/web-component");
    let value = stamp::of_files(&[component.clone(), tool.to_path_buf()])?;
    if !(stamp::holds(&mark, &value) && out.join("manifest.json").is_file()) {
        empty(&out)?;
        quiet(clean(tool).arg("component").arg(&component).arg(&out))?;
    }
    let bytes = fs::read(&component)?;
    let listing = fs::read_to_string(component.with_file_name("interface.txt"))?;
    write_if_changed(&out.join("manifest.json"), manifest(&bytes, &listing, &names(&out)?).as_bytes())?;
    stamp::set(&mark, &value)
}

/// JSON by hand: every text in it is a name of ours.
fn manifest(component: &[u8], listing: &str, files: &[String]) -> String {
    let list = |names: Vec<&str>| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    let starting = |with: &str| list(listing.lines().filter_map(|line| line.strip_prefix(with)).collect());
    format!(
        "{{\"id\":\"{}\",\"bytes\":{},\"version\":\"{}\",\"memoryLimit\":{},\"modules\":[{}],\"imports\":[{}],\"exports\":[{}]}}\n",
        stamp::hex(component),
        component.len(),
        env!("CARGO_PKG_VERSION"),
        1u32 << 30,
        list(files.iter().map(String::as_str).filter(|name| name.ends_with(".wasm")).collect()),
        starting("import "),
        starting("export "),
    )
}

/// The inspector, compiled for the web.
fn inspector(tool: &Path, std: &WasmStd) -> Result<()> {
    let out = folder().join("inspector");
    quiet(&mut compile_inspector(std))?;
    let module = target().join("wasm").join(TRIPLE).join("web/weighbridge_inspector.wasm");
    let mark = target().join("wasm/web-inspector");
    let value = stamp::of_files(&[module.clone(), tool.to_path_buf()])?;
    if stamp::holds(&mark, &value) && out.join("inspector.js").is_file() {
        return Ok(());
    }
    empty(&out)?;
    quiet(clean(tool).arg("bindgen").arg(&module).arg(&out).arg("inspector"))?;
    stamp::set(&mark, &value)
}

/// `--crate-type cdylib`, because a crate that is a library too would not be optimised as a whole.
fn compile_inspector(std: &WasmStd) -> Command {
    let mut command = cargo(&["rustc", "-p", "weighbridge-inspector", "--lib", "--crate-type", "cdylib"]);
    command.args(["--no-default-features", "--features", "web", "--profile", "web", "--target", TRIPLE]);
    std.apply(&mut command);
    command
}

/// The tests of the inspector's web shell: in Node what needs no page, the rest in headless Chromium.
pub(crate) fn tests(std: &WasmStd, filter: Option<&str>) -> Result<Command> {
    let tool = tool()?;
    let capabilities = target().join("wasm/webdriver.json");
    write_if_changed(&capabilities, webdriver(env::var("CHROMIUM").ok().as_deref()).as_bytes())?;
    let mut command = compile_tests(std);
    command.args(["--"]).args(filter);
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", format!("{} test", tool.display()));
    command.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities);
    if env::var_os("CHROMEDRIVER").is_none() && env::var_os("CHROMEDRIVER_REMOTE").is_none() {
        let driver =
            which("chromedriver").context("chromedriver is missing; `cargo xtask setup` says how to get it")?;
        command.env("CHROMEDRIVER", driver);
    }
    // In seconds; a machine may be slow, and without a graphics card it draws by itself.
    for (name, seconds) in [("WASM_BINDGEN_TEST_TIMEOUT", "300"), ("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60")] {
        if env::var_os(name).is_none() {
            command.env(name, seconds);
        }
    }
    Ok(command)
}

fn compile_tests(std: &WasmStd) -> Command {
    let mut command = cargo(&["test", "-p", "weighbridge-inspector", "--test", "web_node", "--test", "web_page"]);
    command.args(["--no-default-features", "--features", "web", "--profile", "web-test", "--target", TRIPLE]);
    std.apply(&mut command);
    command
}

/// What the browser is started with: by whomever, also where there is no sandbox, no graphics card and no network.
fn webdriver(chromium: Option<&str>) -> String {
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--window-size=1200,860",
    ];
    let arguments = arguments.map(|argument| format!("{argument:?}")).join(",");
    let binary = chromium.map(|path| format!("\"binary\":{path:?},")).unwrap_or_default();
    format!("{{\"goog:chromeOptions\":{{{binary}\"args\":[{arguments}]}}}}\n")
}

/// The page's own files beside what was made, and the list of all of them.
fn copy_page() -> Result<()> {
    let from = root().join("gui/web");
    for folder_name in ["host", "page", "worker"] {
        empty(&folder().join(folder_name))?;
    }
    for name in names(&from)? {
        let content = fs::read(from.join(&name)).with_context(|| format!("gui/web/{name} could not be read"))?;
        write_if_changed(&folder().join(&name), &content)?;
    }
    let listed: Vec<String> = names(&folder())?
        .into_iter()
        .filter(|name| !name.ends_with(".gz") && name != "files.json" && name != "sw.js")
        .map(|name| format!("\"{name}\""))
        .collect();
    write_if_changed(&folder().join("files.json"), format!("{{\"files\":[{}]}}\n", listed.join(",")).as_bytes())?;
    Ok(())
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} could not be cleared", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))
}

/// Every file below a folder by its path there, with `/`, sorted.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} could not be read", folder.display()))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { bail!("a file of the page has a name that is no text") };
        if entry.path().is_dir() {
            names.extend(self::names(&entry.path())?.into_iter().map(|below| format!("{name}/{below}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inspector_is_compiled_without_the_native_host() {
        let command = crate::shell::show(&compile_inspector(&WasmStd { rustc: None }));
        assert!(command.contains("--no-default-features --features web --profile web"), "{command}");
    }

    #[test]
    fn the_web_shell_is_tested_where_it_runs() {
        let command = crate::shell::show(&compile_tests(&WasmStd { rustc: None }));
        assert!(command.contains("--test web_node --test web_page --no-default-features --features web"), "{command}");
        assert!(
            webdriver(Some("/usr/bin/chromium"))
                .starts_with("{\"goog:chromeOptions\":{\"binary\":\"/usr/bin/chromium\",\"args\":[\"--headless")
        );
        assert!(webdriver(None).starts_with("{\"goog:chromeOptions\":{\"args\":[\"--headless=new\","));
    }

    #[test]
    fn the_manifest_names_what_the_component_reaches() {
        let listing = "import a:b/storage@0.1.0\n  allocate\nexport a:b/loader@0.1.0\n  describe\n";
        let text = manifest(b"abc", listing, &["x.core.wasm".into(), "x.js".into()]);
        assert!(text.contains("\"modules\":[\"x.core.wasm\"],\"imports\":[\"a:b/storage@0.1.0\"]"), "{text}");
        assert!(text.contains("\"bytes\":3") && text.contains("ba7816bf"), "{text}");
    }

    #[test]
    fn the_page_has_what_its_policy_allows_and_no_other_host() {
        for name in names(&root().join("gui/web")).unwrap() {
            if name.ends_with(".svg") {
                continue;
            }
            let text = fs::read_to_string(root().join("gui/web").join(&name)).unwrap();
            for line in text.lines().filter(|line| line.contains("://")) {
                assert!(line.contains("https://…"), "{name} names another host: {line}");
            }
        }
    }
}
