//! Model checking: breadth-first, to closure, of each actor under a hostile neighbour, and of all of them composed.
pub mod actors;
pub mod search;
pub mod session;
