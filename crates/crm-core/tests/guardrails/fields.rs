//! Fields that try to give orders, and ordinary ones.

use crm_core::guardrail::injection::looks_like_instruction;

fn lines(file: &str) -> Vec<String> {
    let path = format!(
        "{}/tests/guardrails/{file}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_order_is_flagged() {
    let fields = lines("injections");
    assert!(fields.len() >= 60, "{}", fields.len());
    let missed: Vec<&String> = fields
        .iter()
        .filter(|field| looks_like_instruction(field).is_none())
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn no_ordinary_field_is_flagged() {
    let fields = lines("ordinary_fields");
    assert!(fields.len() >= 100, "{}", fields.len());
    let flagged: Vec<&String> = fields
        .iter()
        .filter(|field| looks_like_instruction(field).is_some())
        .collect();
    assert!(flagged.is_empty(), "{flagged:#?}");
}
