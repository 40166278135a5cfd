//! Every scenario, on the component through the host module of the web page, in Node.
#![cfg(feature = "component")]
use weighbridge_tests::{run::run_all, scripted::Node};

#[test]
fn every_scenario_holds() {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/web/dist/component/manifest.json");
    assert!(
        std::path::Path::new(built).is_file(),
        "no web module; run `cargo xtask web --component-only`, or `cargo xtask test`"
    );
    run_all::<Node>("component");
}
