//! The inspector: shows a model load as it happens, state by state, and why it failed.
//!
//! This library knows egui and the event model of `weighbridge` (without its runtime) only. It opens no file, starts no
//! thread and reads no clock: a [`backend::Backend`] brings [`backend::Update`]s and takes [`backend::Request`]s, a
//! [`backend::Shell`] shows dialogs, and time is egui's. So the same code is the native program and the web page.
#![forbid(unsafe_code)]
pub mod app;
pub mod backend;
pub mod command;
pub mod demo;
pub mod info;
pub mod messages;
pub mod model;
#[cfg(feature = "native")]
pub mod native;
pub mod panel;
pub mod panels;
pub mod picture;
pub mod raster;
pub mod split;
pub mod state;
pub mod text;
pub mod theme;
#[cfg(all(feature = "web", target_arch = "wasm32"))]
pub mod web;

pub use app::Inspector;
