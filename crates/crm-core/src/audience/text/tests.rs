use serde_json::{Value, json};

use super::LONGEST_AUDIENCE;
use crate::audience::Audience;
use crate::error::ErrorKind;

fn read(text: &str) -> Value {
    match Audience::from_text(text) {
        Ok(audience) => json!(audience),
        Err(error) => panic!("{text}: {error}"),
    }
}

fn refused(text: &str) -> String {
    match Audience::from_text(text) {
        Ok(audience) => panic!("{text} was read as {audience:?}"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            error.detail().to_owned()
        }
    }
}

#[test]
fn every_condition_is_read() {
    let id = "018f3c1e-0000-7000-8000-000000000001";
    let cases = [
        ("segment = VIP", json!({"segment": "VIP"})),
        ("SEGMENT=\"VIP\"", json!({"segment": "VIP"})),
        ("segment != ВИП", json!({"not": {"segment": "ВИП"}})),
        ("tag in (gold)", json!({"tag": "gold"})),
        (
            "tag in (gold, \"a b\")",
            json!({"or": [{"tag": "gold"}, {"tag": "a b"}]}),
        ),
        (
            "tag Not In (a,b)",
            json!({"not": {"or": [{"tag": "a"}, {"tag": "b"}]}}),
        ),
        ("language = uz-Cyrl", json!({"language": "uz-Cyrl"})),
        ("tag = \"\\\"\\\\\"", json!({"tag": "\"\\"})),
        ("tag = 5", json!({"tag": "5"})),
        ("tag = everybody", json!({"tag": "everybody"})),
        ("birthday within 7d", json!({"birthday_within": 7})),
        ("birthday within 7 Days", json!({"birthday_within": 7})),
        ("birthday within 1 day", json!({"birthday_within": 1})),
        ("birthday in month 3", json!({"birthday_month": 3})),
        (
            "field.level = gold",
            json!({"custom_field": {"name": "level", "equals": "gold"}}),
        ),
        (
            "Field.Level != 5",
            json!({"not": {"custom_field": {"name": "Level", "equals": 5}}}),
        ),
        (
            "field.x = 5.0",
            json!({"custom_field": {"name": "x", "equals": 5.0}}),
        ),
        (
            "field.x = -1e-3",
            json!({"custom_field": {"name": "x", "equals": -0.001}}),
        ),
        (
            "field.x = \"5\"",
            json!({"custom_field": {"name": "x", "equals": "5"}}),
        ),
        (
            "field.x = 007",
            json!({"custom_field": {"name": "x", "equals": "007"}}),
        ),
        (
            "field.x = 1.",
            json!({"custom_field": {"name": "x", "equals": "1."}}),
        ),
        (
            "field.x = True",
            json!({"custom_field": {"name": "x", "equals": true}}),
        ),
        (
            "field.x = 18446744073709551615",
            json!({"custom_field": {"name": "x", "equals": u64::MAX}}),
        ),
        (
            "field.\"any name\" >= 100",
            json!({"custom_field": {"name": "any name", "at_least": 100}}),
        ),
        (
            "field.a.b < 1",
            json!({"custom_field": {"name": "a.b", "less_than": 1}}),
        ),
        (
            "field.a <= 2026-01-31",
            json!({"custom_field": {"name": "a", "at_most": "2026-01-31"}}),
        ),
        (
            "field.a > 2026-01-31T09:00:00+05:00",
            json!({"custom_field": {"name": "a", "greater_than": "2026-01-31T09:00:00+05:00"}}),
        ),
        (
            "has field.a",
            json!({"custom_field": {"name": "a", "exists": true}}),
        ),
        (
            "field.a in (1, \"1\")",
            json!({"or": [{"custom_field": {"name": "a", "equals": 1}}, {"custom_field": {"name": "a", "equals": "1"}}]}),
        ),
        (
            "consent email marketing = opted_in",
            json!({"consent": {"channel": "email", "topic": "marketing", "status": "opted_in"}}),
        ),
        (
            "consent \"*\" Relationship != none",
            json!({"not": {"consent": {"channel": "*", "topic": "relationship", "status": "none"}}}),
        ),
        (
            "last interaction before 90d",
            json!({"last_interaction_before": {"days": 90}}),
        ),
        (
            "last interaction before 0 days",
            json!({"last_interaction_before": {"days": 0}}),
        ),
        (
            "last interaction before 2026-01-31",
            json!({"last_interaction_before": {"date": "2026-01-31"}}),
        ),
        ("has email", json!({"has": "email"})),
        (
            "not HAS last_interaction_date",
            json!({"not": {"has": "last_interaction_date"}}),
        ),
        ("everybody", json!({"and": []})),
        ("nobody", json!({"or": []})),
        ("all of ()", json!({"and": []})),
        (
            "any of (tag = a, nobody)",
            json!({"or": [{"tag": "a"}, {"or": []}]}),
        ),
        ("all of (tag = a)", json!({"and": [{"tag": "a"}]})),
    ];
    for (text, wanted) in cases {
        assert_eq!(read(text), wanted, "{text}");
    }
    assert_eq!(read(&format!("contact = {id}")), json!({"contact": id}));
    assert_eq!(
        read(&format!("in campaign {id}")),
        json!({"in_campaign": id})
    );
    assert_eq!(
        read(&format!("not In Campaign {id}")),
        json!({"not": {"in_campaign": id}})
    );
    assert_eq!(read("message sent"), json!({"message": {"state": "sent"}}));
    assert_eq!(
        read("message Failed within 30 days"),
        json!({"message": {"state": "failed", "within_days": 30}})
    );
    assert_eq!(
        read(&format!(
            "message delivered in campaign {id} within 0d or tag = a"
        )),
        json!({"or": [{"message": {"state": "delivered", "campaign": id, "within_days": 0}}, {"tag": "a"}]})
    );
    assert_eq!(
        read(&format!("contact != \"{id}\"")),
        json!({"not": {"contact": id}})
    );
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    let tag = |name: &str| json!({"tag": name});
    assert_eq!(
        read("tag = a or tag = b and not tag = c and tag = d"),
        json!({"or": [tag("a"), {"and": [tag("b"), {"not": tag("c")}, tag("d")]}]})
    );
    assert_eq!(
        read("not (tag = a\nor tag = b)\tand tag = c"),
        json!({"and": [{"not": {"or": [tag("a"), tag("b")]}}, tag("c")]})
    );
    assert_eq!(read("((tag = a))"), tag("a"));
    assert_eq!(
        read("(tag = a and tag = b) and tag = c"),
        json!({"and": [{"and": [tag("a"), tag("b")]}, tag("c")]})
    );
    assert_eq!(read("not not tag = a"), json!({"not": {"not": tag("a")}}));
}

#[test]
fn what_is_written_reads_well() {
    let cases = [
        "segment = VIP and (tag = a or birthday in month 3) and not has email",
        "(segment = VIP and tag != a) or nobody",
        "not (tag = a and tag = b)",
        "tag not in (gold, \"big client\", \"and\")",
        "field.level in (gold, 5, \"5\", true, \"true\")",
        "field.\"my level\" >= 2026-01-31",
        "consent email marketing != opted_out",
        "last interaction before 2026-01-31 and has field.a",
        "not in campaign 018f3c1e-0000-7000-8000-000000000001 and not message sent within 30d",
        "any of (tag = a) and all of (everybody)",
    ];
    for text in cases {
        assert_eq!(Audience::from_text(text).unwrap().to_text(), text);
    }
}

#[test]
fn errors_say_where_and_what_was_expected() {
    let cases = [
        (
            "",
            "at character 1: expected a condition, such as segment = VIP, found the end",
        ),
        (
            "segmnt = VIP",
            "at character 1: no condition begins with this word; did you mean segment?",
        ),
        (
            "  tga = x",
            "at character 3: no condition begins with this word; did you mean tag?",
        ),
        (
            "Anna = x",
            "at character 1: no condition begins with this word; known are segment, tag",
        ),
        ("filed.level = x", "did you mean field.name?"),
        ("tag = ", "at character 7: expected a value, found the end"),
        (
            "tag gold",
            "at character 5: expected =, !=, in or not in, found another word",
        ),
        (
            "tag = ўзбек x",
            "at character 13: expected and, or, or the end, found another word",
        ),
        (
            "tag = a tag = b",
            "at character 9: expected and, or, or the end, found the word tag",
        ),
        (
            "tag = and",
            "at character 7: expected a value (put this word in quotes if it is one), found the word and",
        ),
        (
            "tag in gold",
            "at character 8: expected a bracket and a list of values, found another word",
        ),
        ("tag in ()", "at character 9: expected a value, found )"),
        (
            "tag in (a b)",
            "at character 11: expected a comma or a closing bracket, found another word",
        ),
        (
            "tag in (a, \"b\"",
            "at character 15: expected a comma or a closing bracket, found the end",
        ),
        ("tag not = a", "at character 9: expected in, found ="),
        (
            "(tag = a",
            "at character 9: expected and, or, or a closing bracket, found the end",
        ),
        (
            "tag = a)",
            "at character 8: expected and, or, or the end, found )",
        ),
        ("tag = \"a", "at character 7: this quote is never closed"),
        (
            "tag = \"a\\n\"",
            "at character 9: behind a backslash comes a quote or another backslash",
        ),
        ("tag = \"a\\", "at character 9: behind a backslash"),
        (
            "tag = 'a'",
            "at character 7: put texts in straight double quotes",
        ),
        (
            "tag = “a”",
            "at character 7: put texts in straight double quotes",
        ),
        (
            "tag = a & b",
            "at character 9: this character can only stand in quotes",
        ),
        ("tag == a", "at character 6: expected a value, found ="),
        (
            "tag < a",
            "at character 5: expected =, !=, in or not in, found <",
        ),
        (
            "tag = \"\"",
            "at character 7: a text has 1 to 255 characters",
        ),
        (
            "tag = \"a\0\"",
            "at character 7: a text has 1 to 255 characters",
        ),
        (
            "birthday",
            "at character 9: expected within or in month, found the end",
        ),
        (
            "birthday within",
            "at character 16: expected a number of days, such as 7d, found the end",
        ),
        (
            "birthday within 7",
            "at character 18: expected d or days, found the end",
        ),
        (
            "birthday within 7 weeks",
            "at character 19: expected d or days, found another word",
        ),
        (
            "birthday within 7w",
            "at character 17: expected d or days, found another word",
        ),
        (
            "birthday within 367d",
            "at character 17: birthday_within is 0 to 366",
        ),
        (
            "birthday within 99999999999d",
            "at character 17: expected a number of days",
        ),
        (
            "birthday in month 13",
            "at character 19: birthday_month is 1 to 12",
        ),
        (
            "birthday in month May",
            "at character 19: expected the number of a month, 1 to 12",
        ),
        (
            "field.x",
            "at character 8: expected =, !=, <, <=, >, >=, in or not in, found the end",
        ),
        ("field. = 1", "at character 8: expected the name of a field"),
        (
            "field.\"\" = 1",
            "at character 1: a text has 1 to 255 characters",
        ),
        (
            "field.x < gold",
            "at character 11: a custom_field is less or greater than a number, a date",
        ),
        (
            "field.x < 2026-02-30",
            "at character 11: a custom_field is less or greater than",
        ),
        (
            "field.x = 18446744073709551616",
            "at character 11: this number is too large",
        ),
        (
            "field.x = 1e999",
            "at character 11: this number is too large",
        ),
        (
            "has mail",
            "at character 5: there is no such field; did you mean email?",
        ),
        (
            "has \"email\"",
            "at character 5: expected the name of a field, found a text in quotes",
        ),
        (
            "consent email marketng = opted_in",
            "at character 15: expected relationship or marketing (did you mean marketing?)",
        ),
        (
            "consent email marketing opted_in",
            "at character 25: expected = or !=, found another word",
        ),
        (
            "consent email marketing = yes",
            "at character 27: expected opted_in, opted_out or none, found another word",
        ),
        (
            "last interaction before soon",
            "at character 25: expected a number of days, such as 90d, or a date",
        ),
        (
            "last interaction before 36501d",
            "at character 25: last_interaction_before takes 0 to 36,500 days",
        ),
        (
            "contact = 7",
            "at character 11: expected the id of a contact, a UUID",
        ),
        ("in (a, b)", "at character 4: expected campaign, found ("),
        (
            "in campaign spring",
            "at character 13: expected the id of a campaign, a UUID",
        ),
        (
            "message",
            "at character 8: expected sent, delivered, failed or replied, found the end",
        ),
        (
            "message snet",
            "at character 9: expected sent, delivered, failed or replied (did you mean sent?), found another word",
        ),
        (
            "message sent within 30",
            "at character 23: expected d or days, found the end",
        ),
        (
            "message sent within 36501d",
            "at character 14: message within_days is 0 to 36,500",
        ),
        ("any (tag = a)", "at character 5: expected of, found ("),
        (
            "all of (tag = a",
            "expected and, or, a comma, or a closing bracket, found the end",
        ),
        ("month = 3", "at character 1: expected a condition"),
    ];
    for (text, wanted) in cases {
        let error = refused(text);
        assert!(error.contains(wanted), "{text:?}: {error}");
    }
}

#[test]
fn errors_repeat_nothing_of_the_audience() {
    for text in [
        "Karimova",
        "tag Karimova",
        "tag = a Karimova",
        "consent email Karimova",
        "has Karimova",
    ] {
        assert!(!refused(text).contains("Karimova"), "{text}");
    }
}

#[test]
fn length_depth_and_size_are_bounded() {
    for open in ["(", "not ", "all of (", "any of (tag = a, ", "not("] {
        let text = open.repeat(1_000_000 / open.len());
        assert!(refused(&text).contains("nested deeper than 32"), "{open}");
    }
    assert!(refused("tag = a or ".repeat(90_000).as_str()).contains("more than 1,000 parts"));
    assert!(
        refused(&format!("tag in ({})", "a, ".repeat(300_000))).contains("more than 1,000 parts")
    );
    assert!(refused(&" ".repeat(LONGEST_AUDIENCE + 1)).contains("too long"));
    assert!(refused(&" ".repeat(LONGEST_AUDIENCE)).contains("found the end"));
    let brackets = |depth| format!("{}tag = a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Audience::from_text(&brackets(31)).is_ok());
    assert!(refused(&brackets(32)).contains("at character 33: it is nested deeper than 32"));
    let deep = |depth| format!("{}tag = a", "not ".repeat(depth));
    assert!(Audience::from_text(&deep(31)).is_ok());
    assert!(refused(&deep(32)).contains("nested deeper than 32"));
    // Deeper than it is nested: an operator in each pair of brackets.
    let stairs = format!("{}tag = a{}", "(tag = b and ".repeat(31), ")".repeat(31));
    assert!(Audience::from_text(&stairs).is_ok());
    let wide = |count| format!("tag in ({})", vec!["a"; count].join(", "));
    assert!(Audience::from_text(&wide(999)).is_ok());
    assert!(refused(&wide(1_000)).contains("more than 1,000 parts"));
}

#[test]
fn the_largest_audience_has_a_text() {
    let name = "\"".repeat(255);
    let field = Audience::custom_field(name.as_str(), name.as_str());
    let part = Audience::Or(vec![field.clone(), Audience::Tag("a".to_owned()), field]);
    let audience = Audience::And(vec![part; 249]);
    audience.validate().unwrap();
    let text = audience.to_text();
    assert!(text.chars().count() > 500_000);
    assert_eq!(Audience::from_text(&text).unwrap(), audience);
}
