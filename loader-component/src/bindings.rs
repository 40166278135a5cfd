//! What `wit-bindgen` makes of `../wit`: the types that every module of this crate speaks, and, on wasm, the imports and
//! the export. The only module with `unsafe` code, none of it ours.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, clippy::panic)]

wit_bindgen::generate!({
    path: "../wit",
    world: "model-loader",
    generate_all,
    pub_export_macro: true,
    additional_derives: [PartialEq, Clone, serde::Serialize],
    additional_derives_ignore: ["named-source"],
});
