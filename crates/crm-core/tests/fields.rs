//! Custom fields that are defined: who defines them, what that means for every way in, for what is there already, and
//! for audiences.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::io::Cursor;

use common::{World, world};
use crm_core::audience::Audience;
use crm_core::campaign::CampaignFields;
use crm_core::contact::definition::{DefinitionFields, FieldDefinition, FieldType};
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::SetField;
use crm_core::import::{Duplicates, Options};
use crm_core::intake::{IntakeState, Kind};
use crm_core::message::history::Subject;
use crm_core::port::store::{ContactQuery, EventQuery, IntakeQuery};
use crm_core::{Error, ErrorKind, Result, Workspace};
use serde_json::{Value, json};

fn wanted(name: &str, fields: DefinitionFields) -> SetField {
    SetField {
        name: name.to_owned(),
        version: None,
        fields,
    }
}

async fn define(world: &World, name: &str, fields: DefinitionFields) -> FieldDefinition {
    let set = world.admin().fields().set(wanted(name, fields)).await;
    set.unwrap()
}

/// A workspace with a field of each type.
async fn defined() -> World {
    let world = world();
    for kind in [
        FieldType::Text,
        FieldType::Number,
        FieldType::Boolean,
        FieldType::Date,
    ] {
        define(&world, kind.as_str(), DefinitionFields::of(kind)).await;
    }
    define(
        &world,
        "choice",
        DefinitionFields::choice(["Gold", "Серебро"]),
    )
    .await;
    world
}

fn named(external_id: &str, custom: &Value) -> ContactFields {
    ContactFields {
        name: "Анна".to_owned(),
        external_id: Some(external_id.to_owned()),
        custom_fields: serde_json::from_value(custom.clone()).unwrap(),
        ..ContactFields::default()
    }
}

async fn by_id(world: &World, external_id: &str) -> Option<Contact> {
    let query = ContactQuery {
        external_id: Some(external_id.to_owned()),
        ..ContactQuery::default()
    };
    let found = world.viewer().contacts().list(query).await.unwrap();
    found.items.into_iter().next()
}

fn first(error: &Error) -> (&str, &str) {
    let fault = &error.fields()[0];
    (&fault.field, &fault.message)
}

/// A way in for a new contact: what becomes of its custom fields.
async fn created(
    world: &World,
    id: &str,
    custom: &Value,
) -> std::result::Result<BTreeMap<String, Value>, String> {
    let made = world.manager().contacts().create(named(id, custom)).await;
    made.map(|contact| contact.fields.custom_fields)
        .map_err(|error| format!("{}: {}", first(&error).0, first(&error).1))
}

async fn updated(
    world: &World,
    id: &str,
    custom: &Value,
) -> std::result::Result<BTreeMap<String, Value>, String> {
    let made = world
        .manager()
        .contacts()
        .create(named(id, &json!({})))
        .await
        .unwrap();
    let done = world
        .manager()
        .contacts()
        .update(made.id, None, named(id, custom))
        .await;
    done.map(|contact| contact.fields.custom_fields)
        .map_err(|error| format!("{}: {}", first(&error).0, first(&error).1))
}

async fn through_the_intake(
    world: &World,
    id: &str,
    custom: &Value,
) -> std::result::Result<BTreeMap<String, Value>, String> {
    let payload = json!({"external_id": id, "name": "Анна", "custom_fields": custom});
    world
        .manager()
        .intake()
        .put(id, Kind::Contact, payload)
        .await
        .unwrap();
    world
        .engine
        .drain_intake(&Workspace::default(), 10)
        .await
        .unwrap();
    let query = IntakeQuery {
        key: Some(id.to_owned()),
        ..IntakeQuery::default()
    };
    let row = world
        .manager()
        .intake()
        .list(query)
        .await
        .unwrap()
        .remove(0);
    match row.state {
        IntakeState::Applied => Ok(by_id(world, id).await.unwrap().fields.custom_fields),
        _ => Err(row.reason.unwrap()),
    }
}

async fn imported(
    world: &World,
    id: &str,
    custom: &Value,
) -> std::result::Result<BTreeMap<String, Value>, String> {
    let mut line = json!({"name": "Анна", "external_id": id});
    for (name, value) in custom.as_object().unwrap() {
        line[format!("custom_fields.{name}")] = value.clone();
    }
    let file = format!("{line}\n");
    let (session, options) = (world.manager(), Options::default());
    let contacts = session.contacts();
    let report = contacts.import_file(file.as_bytes(), &options);
    let report = report.await.unwrap();
    match report.rejected.into_iter().next() {
        Some(row) => Err(row.reason),
        None => Ok(by_id(world, id).await.unwrap().fields.custom_fields),
    }
}

#[tokio::test]
async fn an_admin_defines_fields_and_everybody_sees_them() {
    let world = world();
    let level = DefinitionFields {
        label: Some(" Уровень ".to_owned()),
        ..DefinitionFields::choice([" gold ", "silver"])
    };
    for session in [world.viewer(), world.manager()] {
        let refused = session.fields().set(wanted("level", level.clone())).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
        let refused = session.fields().remove("level").await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    }
    let set = define(&world, "level", level.clone()).await;
    assert_eq!(
        (set.version, set.fields.label.as_deref()),
        (1, Some("Уровень"))
    );
    assert_eq!(set.fields.options, ["gold", "silver"]);
    let all = world.viewer().fields().list().await.unwrap();
    assert_eq!(all.as_slice(), std::slice::from_ref(&set));
    let again = SetField {
        version: Some(1),
        ..wanted("level", DefinitionFields::of(FieldType::Text))
    };
    let fields = world.admin();
    let fields = fields.fields();
    let changed = fields.set(again.clone()).await.unwrap();
    assert_eq!((changed.version, &changed.created_by), (2, &set.created_by));
    let stale = fields.set(again).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    let new = SetField {
        version: Some(0),
        ..wanted("size", DefinitionFields::of(FieldType::Number))
    };
    fields.set(new.clone()).await.unwrap();
    assert_eq!(
        fields.set(new).await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
    fields.remove("size").await.unwrap();
    assert_eq!(
        fields.remove("size").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        fields.get("size").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let space = Workspace::default();
    let events = world.engine.store().events(&space, EventQuery::default());
    let told: Vec<String> = events
        .await
        .unwrap()
        .into_iter()
        .map(|stored| stored.event)
        .filter(|event| event.subject == Subject::FieldDefinition)
        .map(|event| {
            format!(
                "{} {} {}",
                event.version,
                event.action,
                event.reason.unwrap()
            )
        })
        .collect();
    let wanted = [
        "1 created level choice",
        "2 edited level text",
        "1 created size number",
        "2 deleted size",
    ];
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn what_cannot_be_a_definition_is_refused() {
    let world = world();
    let admin = world.admin();
    let choice = |options: &[&str]| DefinitionFields::choice(options.iter().copied());
    let labelled = |label: &str| DefinitionFields {
        label: Some(label.to_owned()),
        ..DefinitionFields::of(FieldType::Text)
    };
    let long = "x".repeat(201);
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    for (name, fields, field) in [
        ("Level", labelled("a"), "name"),
        ("", labelled("a"), "name"),
        ("уровень", labelled("a"), "name"),
        ("level", labelled(&long), "label"),
        ("level", labelled("a\nb"), "label"),
        ("level", choice(&[]), "options"),
        ("level", choice(&["gold", " GOLD "]), "options"),
        ("level", choice(&["a  b", "A B"]), "options"),
        ("level", choice(&["gold", " "]), "options"),
        ("level", choice(&[&long]), "options"),
        ("level", DefinitionFields::choice(many), "options"),
        (
            "level",
            DefinitionFields {
                kind: FieldType::Number,
                ..choice(&["1"])
            },
            "options",
        ),
    ] {
        let error = admin.fields().set(wanted(name, fields)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(first(&error).0, field, "{error}");
    }
    for number in 0..200 {
        define(
            &world,
            &format!("f{number}"),
            DefinitionFields::of(FieldType::Date),
        )
        .await;
    }
    let error = admin
        .fields()
        .set(wanted("one_more", labelled("")))
        .await
        .unwrap_err();
    assert_eq!(first(&error).0, "name");
    let text = define(&world, "f7", labelled(" ")).await;
    assert_eq!(text.fields.label, None);
}

#[tokio::test]
async fn all_ways_in_take_and_keep_the_same() {
    let world = defined().await;
    for (number, custom) in [
        json!({"text": "a b", "number": 1.0, "boolean": true, "date": "2024-02-29", "choice": "GOLD"}),
        json!({"text": 7, "number": "12.50", "boolean": "False", "choice": " серебро", "free": "x"}),
        json!({"number": "-0", "free": 12.5}),
        json!({"number": u64::MAX}),
        json!({"number": "  ", "date": "", "choice": null}),
        json!({"number": "many"}),
        json!({"number": 0.1 + 0.2}),
        json!({"boolean": 1}),
        json!({"date": "2023-02-29"}),
        json!({"choice": "bronze"}),
    ]
    .into_iter()
    .enumerate()
    {
        let one = created(&world, &format!("a{number}"), &custom).await;
        assert_eq!(one.is_ok(), number < 5, "{custom}: {one:?}");
        let id = format!("b{number}");
        assert_eq!(updated(&world, &id, &custom).await, one, "{custom}");
        let id = format!("c{number}");
        assert_eq!(through_the_intake(&world, &id, &custom).await, one, "{custom}");
        // Files say yes with a 1, too.
        if custom != json!({"boolean": 1}) {
            let id = format!("d{number}");
            assert_eq!(imported(&world, &id, &custom).await, one, "{custom}");
        }
    }
    let first = by_id(&world, "a0").await.unwrap().fields.custom_fields;
    let wanted = json!({"text": "a b", "number": 1, "boolean": true, "date": "2024-02-29", "choice": "Gold"});
    assert_eq!(json!(first), wanted);
    let second = by_id(&world, "a1").await.unwrap().fields.custom_fields;
    let wanted =
        json!({"text": "7", "number": 12.5, "boolean": false, "choice": "Серебро", "free": "x"});
    assert_eq!(json!(second), wanted);
    assert_eq!(
        created(&world, "z", &json!({"choice": "bronze"}))
            .await
            .unwrap_err(),
        "custom_fields.choice: use one of: Gold, Серебро"
    );
}

#[tokio::test]
async fn a_definition_never_changes_or_blocks_what_is_stored() {
    let world = world();
    let old = json!({"level": "GOLD", "note": "x"});
    let person = world
        .manager()
        .contacts()
        .create(named("1", &old))
        .await
        .unwrap();
    let fits = json!({"level": "gold"});
    world
        .manager()
        .contacts()
        .create(named("2", &fits))
        .await
        .unwrap();
    define(&world, "level", DefinitionFields::choice(["gold"])).await;
    let state = world.viewer().fields().get("level").await.unwrap();
    assert_eq!(state.unfitting, 1, "the other spelling");
    assert_eq!(json!(by_id(&world, "1").await.unwrap().custom_fields), old);

    // Whatever else is changed, the old value may stay.
    let mut fields = person.fields.clone();
    fields.company = Some("Chinor".to_owned());
    let after = world
        .manager()
        .contacts()
        .update(person.id, None, fields)
        .await
        .unwrap();
    assert_eq!(json!(after.custom_fields), old);
    let payload = json!({"external_id": "1", "position": "CEO"});
    world
        .manager()
        .intake()
        .put("k", Kind::Contact, payload)
        .await
        .unwrap();
    world
        .engine
        .drain_intake(&Workspace::default(), 10)
        .await
        .unwrap();
    let kept = by_id(&world, "1").await.unwrap();
    assert_eq!(
        (kept.position.as_deref(), json!(kept.custom_fields)),
        (Some("CEO"), old)
    );
    let payload = json!({"external_id": "1", "channel": "email", "topic": "marketing"});
    world
        .manager()
        .intake()
        .put("no", Kind::Consent, payload)
        .await
        .unwrap();
    world
        .engine
        .drain_intake(&Workspace::default(), 10)
        .await
        .unwrap();
    assert_eq!(
        by_id(&world, "1").await.unwrap().consent.len(),
        1,
        "who says no is heard"
    );
    let file = "external_id,name,phone\n1,Анна,+998901234567\n";
    let options = Options {
        duplicates: Duplicates::Update,
        ..Options::default()
    };
    let report = world
        .manager()
        .contacts()
        .import_file(file.as_bytes(), &options)
        .await
        .unwrap();
    assert_eq!(report.updated, 1);

    // A new value has to fit, and then none is left that does not.
    let kept = by_id(&world, "1").await.unwrap();
    let change = |level: &str| {
        let mut fields = kept.fields.clone();
        fields
            .custom_fields
            .insert("level".to_owned(), json!(level));
        fields
    };
    let session = world.manager();
    let refused = session
        .contacts()
        .update(kept.id, None, change("tin"))
        .await
        .unwrap_err();
    assert_eq!(first(&refused).0, "custom_fields.level");
    session
        .contacts()
        .update(kept.id, None, change("gOLD"))
        .await
        .unwrap();
    assert_eq!(
        world
            .viewer()
            .fields()
            .get("level")
            .await
            .unwrap()
            .unfitting,
        0
    );

    // Another type makes both misfits, and no definition none.
    define(&world, "level", DefinitionFields::of(FieldType::Number)).await;
    assert_eq!(
        world
            .viewer()
            .fields()
            .get("level")
            .await
            .unwrap()
            .unfitting,
        2
    );
    world.admin().fields().remove("level").await.unwrap();
    session
        .contacts()
        .update(kept.id, None, change("tin"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_file_is_read_by_the_types_and_a_preview_tells_of_them() {
    let world = defined().await;
    let file = "name;external_id;Сумма;date;Клиент;Уровень\n\
        Анна;1;1 234,50;3/25/2024;да;gold\n\
        Борис;2;много;3/7/2024;нет;СЕРЕБРО\n\
        Вера;3;5;2024-13-01;да;медь\n\
        Глеб;4;;;;\n\
        Дина;5;мало;1/2/2024;возможно;медь\n";
    let mapping = [
        ("Сумма", "custom_fields.number"),
        ("Клиент", "custom_fields.boolean"),
        ("Уровень", "custom_fields.choice"),
    ];
    let options = Options {
        mapping: mapping
            .map(|(column, field)| (column.to_owned(), Some(field.to_owned())))
            .into(),
        ..Options::default()
    };
    let session = world.manager();
    let contacts = session.contacts();
    let found = contacts
        .inspect(&mut Cursor::new(file), &options)
        .await
        .unwrap();
    assert_eq!(json!(found.dates), json!({"date": "month_first"}));
    let preview = contacts
        .preview_import(Cursor::new(file), &found, Duplicates::Skip)
        .await
        .unwrap();
    assert_eq!((preview.created, preview.rejected), (2, 3));
    let told: Vec<Value> = preview
        .fields
        .iter()
        .map(|one| json!([one.column, one.field, one.kind, one.refused, one.samples]))
        .collect();
    let wanted = json!([
        ["Сумма", "number", "number", 2, ["много", "мало"]],
        ["date", "date", "date", 1, ["2024-13-01"]],
        ["Клиент", "boolean", "boolean", 1, ["возможно"]],
        ["Уровень", "choice", "choice", 2, ["медь"]],
    ]);
    assert_eq!(json!(told), wanted);
    assert!(!format!("{preview:?}").contains("медь"));

    let report = contacts
        .import_file(file.as_bytes(), &options)
        .await
        .unwrap();
    let reasons: Vec<&str> = report
        .rejected
        .iter()
        .map(|row| row.reason.as_str())
        .collect();
    assert_eq!(
        reasons[0],
        "custom_fields.number: use a number of at most 15 digits, such as 12.5, or a whole one below 2^64"
    );
    for name in [
        "custom_fields.date: use a real date",
        "custom_fields.choice: use one of: Gold, Серебро",
    ] {
        assert!(reasons[1].contains(name), "{reasons:?}");
    }
    let anna = by_id(&world, "1").await.unwrap().fields.custom_fields;
    let wanted = json!({"number": 1234.5, "date": "2024-03-25", "boolean": true, "choice": "Gold"});
    assert_eq!(json!(anna), wanted);
    assert!(by_id(&world, "4").await.unwrap().custom_fields.is_empty());
}

async fn counted(world: &World, text: &str) -> Result<u64> {
    let audience = Audience::from_text(text)?;
    world.viewer().campaigns().audience_count(audience).await
}

#[tokio::test]
async fn audiences_follow_the_types() {
    let world = defined().await;
    for (id, custom) in [
        ("1", json!({"number": "12.50", "choice": "gold", "text": 5})),
        (
            "2",
            json!({"number": 3, "date": "2024-02-29", "boolean": "true"}),
        ),
    ] {
        created(&world, id, &custom).await.unwrap();
    }
    for (text, count) in [
        ("field.number >= 12.5", 1),
        ("field.number < 100", 2),
        ("field.choice = GOLD", 1),
        ("field.text = \"5\"", 1),
        ("field.boolean = true", 1),
        ("field.date < 2024-03-01", 1),
        ("not has field.date", 1),
    ] {
        assert_eq!(counted(&world, text).await.unwrap(), count, "{text}");
    }
    let error = counted(&world, "tag = a or field.text > 5")
        .await
        .unwrap_err();
    assert_eq!(
        first(&error),
        (
            "audience",
            "field.text holds texts, which have no order; ask with = or !="
        )
    );
    let campaign = |text: &str| -> CampaignFields {
        let fields = json!({"name": "All", "occasion_type": "custom", "audience": text,
            "schedule": {"type": "immediate"}, "channel": "email"});
        serde_json::from_value(fields).unwrap()
    };
    let session = world.manager();
    let error = session
        .campaigns()
        .create(campaign("field.choice = tin"))
        .await
        .unwrap_err();
    assert_eq!(first(&error).0, "audience");
    let made = session
        .campaigns()
        .create(campaign("field.choice = gOLd"))
        .await
        .unwrap();
    assert_eq!(made.fields.audience.to_text(), "field.choice = Gold");
    let error = session
        .campaigns()
        .update(made.id, None, campaign("field.number = x"))
        .await
        .unwrap_err();
    assert_eq!(first(&error).0, "audience");
    let query = ContactQuery {
        audience: Some(Audience::from_text("field.choice = tin").unwrap()),
        ..ContactQuery::default()
    };
    assert!(session.contacts().list(query.clone()).await.is_err());
    assert!(
        session
            .contacts()
            .export(query, &Default::default())
            .await
            .is_err()
    );

    // What was asked before goes on, whatever the field is now.
    define(&world, "choice", DefinitionFields::of(FieldType::Number)).await;
    assert_eq!(session.campaigns().cost(made.id).await.unwrap().to_draft, 1);
    let schema = world.viewer().fields().audience_schema().await.unwrap();
    let fields = &schema["$defs"]["audience"]["properties"]["custom_field"]["anyOf"];
    let names: Vec<&Value> = fields
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["properties"]["name"]["const"])
        .collect();
    assert_eq!(
        json!(names),
        json!(["boolean", "choice", "date", "number", "text", null])
    );
}
