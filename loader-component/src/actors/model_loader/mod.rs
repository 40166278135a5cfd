//! Orchestrates: parse, bind, plan, transfer, apply, map layers, validate, and the way back. Owns neither mappings, nor
//! bytes, nor residency.
mod context;
mod events;
mod machine;

pub use context::Context;
pub use events::{
    Advise, Close, Command, Evict, Files, Load, Open, Outcome, Output, Parsed, Provide, Release, Selected,
};
pub use machine::{ModelLoader, ModelLoaderEvents as Event, TABLE};
