//! Who may do what: the modes of all that is made, who can connect, and what a run asks of the system.

mod support;

#[path = "support/daemon.rs"]
mod daemon;
#[path = "permissions/modes.rs"]
mod modes;
#[path = "permissions/paths.rs"]
mod paths;
#[path = "support/steered.rs"]
mod steered;
#[path = "permissions/strangers.rs"]
mod strangers;
#[cfg(target_os = "linux")]
#[path = "permissions/witnessed.rs"]
mod witnessed;
