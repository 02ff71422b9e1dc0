//! Any text as an audience: refused with a reason, or written and read again as the same.
#![no_main]

use crm_core::audience::Audience;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(audience) = Audience::from_text(text) {
        let written = audience.to_text();
        let again = Audience::from_text(&written).expect("what was written is read");
        assert!(again == audience);
    }
});
