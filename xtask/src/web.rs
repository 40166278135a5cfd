//! `cargo xtask web`: the page with the package `weighbridge` and the inspector in it, as static files.
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
    /// Only the package `weighbridge` with the component in it (host/web), for Node
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
        package(&tool()?, &std)?;
        say("host/web is ready");
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
    package(&tool, std)?;
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

/// Where what the package is made of goes: what is compiled, beside its JavaScript.
fn dist() -> PathBuf {
    root().join("host/web/dist")
}

/// The package: the host and the component, where its JavaScript looks for them, and the package where the example does.
fn package(tool: &Path, std: &WasmStd) -> Result<()> {
    module(tool, std)?;
    let made = dist().join(HOST_FILES[0]).is_file();
    bindings(tool, &mut compile_host(std), "web-host/weighbridge_web.wasm", &dist(), made)?;
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let text = fs::read(root().join(license)).with_context(|| format!("{license} could not be read"))?;
        write_if_changed(&root().join("host/web").join(license), &text)?;
    }
    link(&root().join("host/web"), &root().join("examples/node/node_modules/weighbridge"))
}

/// What `bindgen` makes of the host.
const HOST_FILES: [&str; 2] = ["weighbridge_web.js", "weighbridge_web_bg.wasm"];

/// `--crate-type cdylib`, because a crate that is a library too would not be optimised as a whole.
fn compile_host(std: &WasmStd) -> Command {
    let mut command = cargo(&["rustc", "-p", "weighbridge-web", "--lib", "--crate-type", "cdylib"]);
    command.args(["--profile", "web-host", "--target", TRIPLE]);
    std.apply(&mut command);
    command
}

/// What `npm install` makes of a dependency on a folder.
fn link(package: &Path, at: &Path) -> Result<()> {
    if at.exists() {
        return Ok(());
    }
    let folder = at.parent().context("a link lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
    #[cfg(unix)]
    let linked = std::os::unix::fs::symlink(package, at);
    #[cfg(windows)]
    let linked = std::os::windows::fs::symlink_dir(package, at);
    #[cfg(not(any(unix, windows)))]
    let linked = Err(std::io::Error::from(std::io::ErrorKind::Unsupported));
    linked.with_context(|| format!("{} could not be made a link to {}", at.display(), package.display()))
}

/// The component as an ES module, and what the host tells about it.
fn module(tool: &Path, std: &WasmStd) -> Result<()> {
    let component = component::ready_with(|| Ok(std.clone()), false)?;
    let out = dist().join("component");
    let mark = target().join("wasm/web-component");
    let value = stamp::of_files(&[component.clone(), tool.to_path_buf()])?;
    if !(stamp::holds(&mark, &value) && out.join("index.js").is_file()) {
        empty(&out)?;
        quiet(clean(tool).arg("component").arg(&component).arg(&out))?;
    }
    let bytes = fs::read(&component)?;
    let listing = fs::read_to_string(component.with_file_name("interface.txt"))?;
    let files = names(&out)?;
    let manifest = manifest(&bytes, &listing, &files);
    write_if_changed(&out.join("index.js"), index(&manifest, &files).as_bytes())?;
    write_if_changed(&out.join("manifest.json"), manifest.as_bytes())?;
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

/// The component as one module: what is told about it, its glue, and its files by addresses as bundlers find and move them.
fn index(manifest: &str, files: &[String]) -> String {
    let modules = files.iter().filter(|name| name.ends_with(".wasm"));
    let files: String = modules.map(|name| format!("  '{name}': new URL('./{name}', import.meta.url),\n")).collect();
    format!(
        "export {{ instantiate }} from './weighbridge_loader.js';\nexport const manifest = {};\nexport const files = {{\n{files}}};\n",
        manifest.trim_end()
    )
}

/// The inspector, compiled for the web.
fn inspector(tool: &Path, std: &WasmStd) -> Result<()> {
    let out = folder().join("inspector");
    let made = out.join("inspector.js").is_file();
    if !made {
        empty(&out)?;
    }
    bindings(tool, &mut compile_inspector(std), "web/weighbridge_inspector.wasm", &out, made)
}

/// Compiles a library for the web and makes its bindings in `out`, under the name that is its own without the project's; `made` is
/// whether they are there.
fn bindings(tool: &Path, compile: &mut Command, wasm: &str, out: &Path, made: bool) -> Result<()> {
    quiet(compile)?;
    let module = target().join("wasm").join(TRIPLE).join(wasm);
    let name = module.file_stem().and_then(|stem| stem.to_str()).context("a module has a name")?;
    let mark = target().join("wasm").join(format!("{name}.bindings"));
    let value = stamp::of_files(&[module.clone(), tool.to_path_buf()])?;
    if made && stamp::holds(&mark, &value) {
        return Ok(());
    }
    // The page knows the inspector by a short name.
    let short = if name == "weighbridge_inspector" { "inspector" } else { name };
    quiet(clean(tool).arg("bindgen").arg(&module).arg(out).arg(short))?;
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

/// The page's own files and the package beside what was made, and the list of all of them.
fn copy_page() -> Result<()> {
    clear_but(&folder(), "inspector")?;
    for (from, to) in [("gui/web", ""), ("host/web/js", "host/js"), ("host/web/dist", "host/dist")] {
        for name in names(&root().join(from))? {
            let content = root().join(from).join(&name);
            let content = fs::read(&content).with_context(|| format!("{} could not be read", content.display()))?;
            write_if_changed(&folder().join(to).join(&name), &content)?;
        }
    }
    let listed: Vec<String> = names(&folder())?
        .into_iter()
        .filter(|name| !name.ends_with(".gz") && !name.ends_with(".br") && name != "files.json" && name != "sw.js")
        .map(|name| format!("\"{name}\""))
        .collect();
    write_if_changed(&folder().join("files.json"), format!("{{\"files\":[{}]}}\n", listed.join(",")).as_bytes())?;
    Ok(())
}

/// Removes what is in a folder, but for what takes minutes to make: nothing of an older page is left to be kept offline.
fn clear_but(folder: &Path, kept: &str) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
    for entry in fs::read_dir(folder).with_context(|| format!("{} could not be read", folder.display()))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == kept) {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("{} could not be removed", path.display()))?;
    }
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
    fn the_host_is_compiled_small_and_for_the_web() {
        let command = crate::shell::show(&compile_host(&WasmStd { rustc: None }));
        assert!(
            command.ends_with(
                "rustc -p weighbridge-web --lib --crate-type cdylib --profile web-host --target wasm32-unknown-unknown"
            ),
            "{command}"
        );
    }

    /// Whoever uses the package does so through what its `package.json` exports.
    #[test]
    fn the_page_and_the_example_use_the_package_through_its_exports() {
        let package = fs::read_to_string(root().join("host/web/package.json")).unwrap();
        for from in ["gui/web/page", "gui/web/worker", "examples/node"] {
            for entry in fs::read_dir(root().join(from)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_none_or(|end| end != "js" && end != "mjs") {
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                let modules =
                    text.split('\'').filter(|part| part.starts_with("../host/") || part.contains("host/web/"));
                for module in modules {
                    let entry = module.trim_start_matches("../host/");
                    assert!(package.contains(&format!("\"./{entry}\"")), "{} imports {module}", path.display());
                }
            }
        }
    }

    /// Of JavaScript there is only what only JavaScript can do.
    #[test]
    fn the_package_has_little_javascript() {
        let folder = root().join("host/web/js");
        let lines = names(&folder)
            .unwrap()
            .iter()
            .map(|name| fs::read_to_string(folder.join(name)).unwrap().lines().count())
            .sum::<usize>();
        assert!(lines <= 900, "{lines} lines");
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
    fn a_component_is_one_module_with_its_files_where_bundlers_see_them() {
        let text = index("{\"id\":\"x\"}\n", &["a.core.wasm".into(), "a.js".into()]);
        assert!(text.contains("export const manifest = {\"id\":\"x\"};\n"), "{text}");
        assert!(text.ends_with("{\n  'a.core.wasm': new URL('./a.core.wasm', import.meta.url),\n};\n"), "{text}");
    }

    #[test]
    fn of_an_older_page_only_the_inspector_stays() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["inspector", "component/deep"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("old.js.gz"), "").unwrap();
        clear_but(folder.path(), "inspector").unwrap();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(),
            ["inspector"]
        );
    }

    #[test]
    fn the_page_has_what_its_policy_allows_and_no_other_host() {
        for from in ["gui/web", "host/web/js"] {
            for name in names(&root().join(from)).unwrap().into_iter().filter(|name| !name.ends_with(".svg")) {
                let text = fs::read_to_string(root().join(from).join(&name)).unwrap();
                for line in text.lines().filter(|line| line.contains("://")) {
                    assert!(line.contains("https://…"), "{from}/{name} names another host: {line}");
                }
            }
        }
    }
}
