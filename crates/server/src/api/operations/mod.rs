//! One file for each operation: what it takes, what it answers, and what it does.

pub mod describe_text_translation_job;
pub mod list_languages;
pub mod list_text_translation_jobs;
pub mod start_text_translation_job;
pub mod stop_text_translation_job;
pub mod translate_document;
pub mod translate_text;
