//! The server: Amazon Translate's API on one's own machines.

pub mod api;
pub mod app;
pub mod auth;
pub mod commands;
pub mod config;
pub mod http;
pub mod runner;
pub mod s3;
pub mod secret;
pub mod startup;
#[cfg(test)]
mod test_app;
pub mod translate;
mod turns;
