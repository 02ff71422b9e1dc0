//! Any bytes as a file of contacts: refused with a reason, or read to the end with as many rows as were counted.
#![no_main]

use std::io::Cursor;

use crm_core::contact::normalise::normalise;
use crm_core::import::{Options, Rows, inspect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut file = Cursor::new(bytes);
    let Ok(found) = inspect(&mut file, &Options::default()) else {
        return;
    };
    let rows = Rows::new(&mut file, &found).expect("it was read before");
    let mut count = 0;
    for row in rows {
        let row = row.expect("bytes in memory can be read");
        count += 1;
        if let Ok(person) = row.person {
            if let Ok(fields) = normalise(person.fields) {
                assert!(normalise(fields.clone()).is_ok_and(|again| again == fields));
            }
        }
    }
    assert_eq!(count, found.rows);
});
