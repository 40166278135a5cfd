//! Makes what a page can load of what cargo and `cargo xtask component` build. `cargo xtask web` runs it.
use anyhow::{Context, Result};
use clap::Parser;
use js_component_bindgen::{BindingsMode, InstantiationMode, TranspileOpts, transpile};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

mod glue;
mod memory;
mod pack;

/// Web modules of wasm
#[derive(Parser)]
#[command(name = "xtask-web")]
enum Task {
    /// A component as an ES module and its core modules
    Component {
        /// The component
        component: PathBuf,
        /// Folder for what is made
        out: PathBuf,
    },
    /// Compresses every file of a folder beside it, and prints what a visitor's browser fetches
    Pack {
        /// The folder
        folder: PathBuf,
    },
    /// A wasm-bindgen library as an ES module and its core module
    Bindgen {
        /// What cargo built
        module: PathBuf,
        /// Folder for what is made
        out: PathBuf,
        /// Name of the files
        name: String,
    },
    /// Runs a test binary of wasm-bindgen-test in Node or in a browser, as cargo's runner
    #[command(disable_help_flag = true)]
    Test {
        /// The binary, and what libtest takes
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<std::ffi::OsString>,
    },
}

fn main() -> Result<()> {
    match Task::parse() {
        Task::Component { component, out } => make_component(&component, &out),
        Task::Pack { folder } => pack::pack(&folder),
        Task::Bindgen { module, out, name } => make_bindings(&module, &out, &name),
        Task::Test { args } => {
            wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::iter::once("test".into()).chain(args))
        }
    }
}

/// The host gives the imports when it instantiates, so one module serves the page, Node and tests. What the component hands over
/// is checked: it is trusted no more than in the native host, and its memory has the same bound.
fn make_component(component: &Path, out: &Path) -> Result<()> {
    let bytes = fs::read(component).with_context(|| format!("{} could not be read", component.display()))?;
    let options = TranspileOpts {
        name: "weighbridge_loader".to_owned(),
        no_typescript: true,
        instantiation: Some(InstantiationMode::Sync),
        import_bindings: Some(BindingsMode::Js),
        map: Some(HashMap::new()),
        no_nodejs_compat: true,
        base64_cutoff: 0,
        tla_compat: false,
        valid_lifting_optimization: false,
        tracing: false,
        no_namespaced_exports: true,
        multi_memory: true,
        guest: false,
        async_mode: None,
    };
    let made = transpile(&bytes, options)?;
    fs::create_dir_all(out)?;
    for (name, content) in made.files {
        let file = out.join(&name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let content = if name.ends_with(".wasm") { memory::bounded(&content)? } else { glue::counted(content)? };
        fs::write(&file, content).with_context(|| format!("{} could not be written", file.display()))?;
    }
    Ok(())
}

fn make_bindings(module: &Path, out: &Path, name: &str) -> Result<()> {
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(module)
        .out_name(name)
        .web(true)?
        .typescript(false)
        .remove_producers_section(true)
        .remove_name_section(true)
        .omit_default_module_path(false)
        .generate(out)
}
