//! A program that has an engine of its own, with settings and a store of its own, and loads a model in it:
//! `cargo run -p own-engine -- target/models/minilm.safetensors`.
use std::{error::Error, path::Path};
use wasmtime::{
    Config, Engine, Store,
    component::{Component, Linker},
};
use weighbridge::{LoadOptions, Loader, Selection, SessionOptions, WeighbridgeCtx, add_to_linker};

/// What the stores of this program hold; the loader needs its part of it.
struct State {
    weighbridge: WeighbridgeCtx,
}

/// Loads all of a model, and returns how many tensors and bytes it has.
fn load(path: &Path) -> Result<(u32, u64), Box<dyn Error>> {
    let engine = Engine::new(Config::new().wasm_component_model(true))?;
    let component = Component::new(&engine, weighbridge::component_bytes())?;
    let mut linker = Linker::new(&engine);
    add_to_linker(&mut linker, |state: &mut State| &mut state.weighbridge)?;

    let mut store = Store::new(&engine, State { weighbridge: WeighbridgeCtx::new(SessionOptions::new()) });
    store.limiter(|state| &mut state.weighbridge);
    let instance = linker.instantiate(&mut store, &component)?;
    let mut model = Loader::new(&mut store, &instance, |state| &mut state.weighbridge)?.open(path)?;

    let report = model.load(&Selection::All, &LoadOptions::new())?;
    let bytes = model.resident()?.iter().map(|tensor| tensor.bytes().len() as u64).sum();
    model.close()?;
    Ok((report.tensors, bytes))
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("give the file of a model")?;
    let (tensors, bytes) = load(path.as_ref())?;
    println!("{tensors} tensors, {bytes} bytes");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::load;
    use std::{fs, path::Path};

    #[test]
    fn loads_minilm_with_an_engine_of_its_own() {
        // `cargo xtask models` makes it; a small file of the same kind stands in where it did not run.
        let minilm = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models/minilm.safetensors");
        if minilm.exists() {
            assert_eq!(load(&minilm).unwrap(), (104, 90_856_960));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.safetensors");
        let header = br#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
        fs::write(&path, [&(header.len() as u64).to_le_bytes()[..], header, b"abcd"].concat()).unwrap();
        assert_eq!(load(&path).unwrap(), (1, 4));
    }
}
