//! `provost check`: is this route valid, invalid or unknown, why, and how fresh is that?

mod args;
mod data;
mod human;
mod run;
mod table;
#[cfg(test)]
mod tests;
mod wire;
mod words;

pub use args::CheckArgs;
pub use run::run;
