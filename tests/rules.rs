//! Rules, from outside: which requests they apply to, and what becomes of the answers.

mod support;

#[path = "rules/answers.rs"]
mod answers;
#[path = "rules/counts.rs"]
mod counts;
#[path = "rules/delays.rs"]
mod delays;
#[path = "rules/fields.rs"]
mod fields;
#[path = "rules/late.rs"]
mod late;
#[path = "rules/limits.rs"]
mod limits;
#[path = "rules/malformed.rs"]
mod malformed;
#[path = "support/ruled.rs"]
mod ruled;
#[path = "rules/which.rs"]
mod which;
