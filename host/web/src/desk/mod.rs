//! The desk that answers a page and the inspector in it: the core's, over what a page has. `js/desk.js` makes it.
mod digest;
mod embedder;
mod hashes;
mod numbers;
mod outbox;
mod page;
mod reading;
mod system;

pub use page::Desk;
