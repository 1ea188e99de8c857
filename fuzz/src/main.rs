//! One target under libFuzzer. `LOCKSTEP_FUZZ` names it; `list` prints what there is. Everything else
//! on the command line is libFuzzer's own. `cargo xtask fuzz` builds and calls this.
#![no_main]

use std::sync::OnceLock;

use fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fuzz_target!(init: choose(), |bytes: &[u8]| {
    if let Some(target) = CHOSEN.get() {
        (target.run)(bytes);
    }
});

/// Ends the program where no target is named.
fn choose() {
    let name = std::env::var("LOCKSTEP_FUZZ").unwrap_or_default();
    if name == "list" {
        for target in TARGETS {
            println!("{} {}", target.name, target.seeds.join(" "));
        }
        std::process::exit(0);
    }
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        eprintln!("`LOCKSTEP_FUZZ` names no target: `{name}`");
        std::process::exit(2);
    };
    CHOSEN.get_or_init(|| target);
}
