//! One surface in three languages: operations, rows and inputs have the same names everywhere.
//!
//! That the rows really look so is tested in Python on rows of a running engine.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::{ACCEPTED, DRAFT, Kit};
use crm_bindings::OPERATIONS;
use crm_channels::settings::{Kind, Layers, Provider};
use serde_json::{Map, Value, json};

fn read(path: &str) -> String {
    let bindings = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(bindings.join(path)).unwrap()
}

/// Field names of each type, and whether they must be there.
type Shapes = BTreeMap<String, BTreeMap<String, bool>>;

fn inherit(shapes: &mut Shapes, name: &str, bases: &[&str]) {
    for base in bases {
        if let Some(fields) = shapes.get(*base).cloned() {
            shapes.get_mut(name).unwrap().extend(fields);
        }
    }
}

fn python_shapes() -> Shapes {
    let mut shapes = Shapes::new();
    let mut now: Option<(String, bool)> = None;
    for line in read("python/crm_engine/types.py").lines() {
        if let Some(head) = line.strip_prefix("class ") {
            let (name, bases) = head.split_once('(').unwrap();
            let bases = bases.trim_end_matches("):");
            now = (bases != "Protocol").then(|| {
                shapes.insert(name.to_owned(), BTreeMap::new());
                let bases: Vec<&str> = bases.split(", ").collect();
                inherit(&mut shapes, name, &bases);
                (name.to_owned(), bases.contains(&"total=False"))
            });
        } else if let Some((name, fields)) = line.split_once(" = TypedDict(") {
            // One field whose name is a word of the language, as a base of others.
            let field = fields.split('"').nth(3).unwrap().to_owned();
            let must = !fields.contains("NotRequired[");
            shapes.insert(name.to_owned(), BTreeMap::from([(field, must)]));
        } else if !line.is_empty() && !line.starts_with(' ') {
            now = None;
        } else if let (Some((name, partial)), Some((field, kind))) =
            (&now, line.trim().split_once(": "))
            && line.starts_with("    ")
            && field
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        {
            let must = !partial && !kind.starts_with("NotRequired[");
            shapes.get_mut(name).unwrap().insert(field.to_owned(), must);
        }
    }
    shapes.retain(|name, _| !name.starts_with('_'));
    shapes
}

fn typescript_shapes() -> Shapes {
    let mut shapes = Shapes::new();
    let mut now: Option<String> = None;
    for line in read("node/index.d.ts").lines() {
        if let Some(head) = line.strip_prefix("export interface ") {
            let head = head.trim_end_matches(" {");
            let (name, bases) = head.split_once(" extends ").unwrap_or((head, ""));
            let name = name.split('<').next().unwrap();
            shapes.insert(name.to_owned(), BTreeMap::new());
            inherit(&mut shapes, name, &bases.split(", ").collect::<Vec<_>>());
            now = Some(name.to_owned());
        } else if line == "}" {
            now = None;
        } else if let (Some(name), Some((field, _))) = (&now, line.trim().split_once(": "))
            && !field.contains(['(', '*', '/', ' '])
        {
            let must = !field.ends_with('?');
            let field = field.trim_end_matches('?').trim_start_matches("readonly ");
            shapes.get_mut(name).unwrap().insert(field.to_owned(), must);
        }
    }
    shapes
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// The public methods a text defines with `before`, e.g. `    async def `.
fn methods(text: &str, before: &[&str]) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| before.iter().find_map(|start| line.strip_prefix(start)))
        .filter_map(|rest| rest.split_once('(').map(|(name, _)| name.to_owned()))
        .filter(|name| {
            !name.starts_with('_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
        .collect()
}

#[test]
fn all_languages_have_the_same_methods() {
    let mut wanted: BTreeSet<String> = OPERATIONS.iter().map(|&name| name.to_owned()).collect();
    wanted.extend(["open", "act_as", "stop_worker"].map(str::to_owned));

    let engine = read("python/crm_engine/_engine.py");
    let (blocking, coroutines) = engine.split_once("\nclass AsyncEngine").unwrap();
    let (_, blocking) = blocking.split_once("\nclass Engine(").unwrap();
    for (operations, class) in [("_operations", blocking), ("_async_operations", coroutines)] {
        let text = read(&format!("python/crm_engine/{operations}.py"));
        let mut found = methods(&text, &["    def ", "    async def "]);
        found.extend(methods(class, &["    def ", "    async def "]));
        assert_eq!(found, wanted, "{operations}");
    }

    let declared = read("node/index.d.ts");
    let class = declared.split("\nexport class Engine {").nth(1).unwrap();
    let class = class.split("\n}").next().unwrap();
    let typescript: BTreeSet<String> = methods(class, &["  static ", "  "])
        .iter()
        .map(|name| snake(name))
        .collect();
    assert_eq!(typescript, wanted, "index.d.ts");

    let script = read("node/index.js");
    let class = script.split("\nclass Engine {").nth(1).unwrap();
    let class = class.split("\n}").next().unwrap();
    let written: BTreeSet<String> = methods(class, &["  static async ", "  async ", "  "])
        .iter()
        .filter(|name| *name != "constructor")
        .map(|name| snake(name))
        .collect();
    assert_eq!(written, wanted, "index.js");
}

#[test]
fn all_languages_have_the_same_fields() {
    let (python, mut typescript) = (python_shapes(), typescript_shapes());
    // What a Python keyword argument, class or exception is instead.
    for own in [
        "Call",
        "Channel",
        "FieldError",
        "Llm",
        "Observer",
        "Options",
        "Subscriber",
    ] {
        assert!(typescript.remove(own).is_some(), "{own}");
    }
    assert_eq!(
        python.keys().collect::<Vec<_>>(),
        typescript.keys().collect::<Vec<_>>()
    );
    for (name, fields) in &python {
        assert!(!fields.is_empty(), "{name}");
        assert_eq!(fields, &typescript[name], "{name}");
    }
}

#[test]
fn both_errors_have_the_fields_of_a_failure() {
    let failure = serde_json::to_value(crm_bindings::Failure::closed()).unwrap();
    let python = read("python/crm_engine/errors.py");
    let declared = read("node/index.d.ts");
    for field in failure.as_object().unwrap().keys() {
        assert!(python.contains(&format!("\n    {field}: ")), "{field}");
        let readonly = declared.contains(&format!("  readonly {field}: "));
        assert!(readonly || field == "message", "{field}");
    }
}

#[test]
fn every_declared_input_is_accepted() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    let shapes = python_shapes();
    for (operation, shape, with_id) in [
        ("create_contact", "ContactFields", false),
        ("list_contacts", "ContactQuery", false),
        ("request_opt_in", "OptInWish", true),
        ("create_template", "TemplateFields", false),
        ("list_templates", "TemplateQuery", false),
        ("preview_template", "TemplatePreviewFor", true),
        ("generate_message", "GenerateMessage", false),
        ("create_message", "NewDraft", false),
        ("edit_message", "MessageEdit", true),
        ("list_messages", "MessageQuery", false),
        ("create_campaign", "CampaignFields", false),
        ("list_campaigns", "CampaignQuery", false),
        ("campaign_plan", "PlanQuery", true),
        ("usage", "UsageQuery", false),
        ("usage_calls", "UsageCallQuery", false),
    ] {
        let fields = &shapes[shape];
        // One at a time: the value is wrong or missing things are, but the name is known.
        for field in fields.keys() {
            let mut input = Map::from_iter([(field.clone(), json!(["wrong"]))]);
            if with_id {
                input.insert(
                    "id".to_owned(),
                    json!("01a21082-116d-74ff-ab75-248a1043d834"),
                );
            }
            let failure = kit.call(operation, Value::Object(input)).unwrap_err();
            let unknown = failure["fields"]
                .as_array()
                .unwrap()
                .iter()
                .any(|refused| refused["message"] == "there is no such field");
            assert!(!unknown, "{operation} does not know {field}");
        }
    }
    for field in shapes["MergeOptions"].keys() {
        let input = Map::from_iter([(field.clone(), json!({"wrong": 1}))]);
        let failure = kit
            .call("merge_contacts", Value::Object(input))
            .unwrap_err();
        let first = &failure["fields"][0];
        assert_ne!(first["message"], "there is no such field", "{field}");
    }
    // A list would do for one of these.
    for field in shapes["ExportOptions"].keys() {
        let input = Map::from_iter([(field.clone(), json!({"wrong": 1}))]);
        let failure = kit
            .call("export_contacts", Value::Object(input))
            .unwrap_err();
        let first = &failure["fields"][0];
        assert_ne!(first["message"], "there is no such field", "{field}");
    }
    let defaults = serde_json::to_value(crm_core::contact::ContactFields::default()).unwrap();
    let known: BTreeSet<&String> = defaults.as_object().unwrap().keys().collect();
    for shape in ["ContactFields", "ContactPatch"] {
        assert_eq!(known, shapes[shape].keys().collect(), "{shape}");
    }
}

/// The keys that settings may have, as the refusal of one that they may not have tells.
fn keys(kind: Kind, settings: Value) -> BTreeSet<String> {
    let said = Provider::read(kind, settings).unwrap_err().to_string();
    let (_, list) = said.split_once(", expected ").unwrap();
    let names = list.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn declared_settings_are_those_there_are() {
    let shapes = python_shapes();
    let of = |shape: &str| -> BTreeSet<String> { shapes[shape].keys().cloned().collect() };
    let mut layers = of("Layers");
    for kind in Kind::ALL {
        let mut declared: BTreeSet<String> = of(match kind {
            Kind::Eskiz => "EskizSettings",
            Kind::Outbox => "OutboxSettings",
            Kind::Smtp => "SmtpSettings",
            Kind::Telegram => "TelegramSettings",
            Kind::Twilio => "TwilioSettings",
            Kind::Webhook => "WebhookSettings",
            Kind::WhatsApp => "WhatsAppSettings",
        });
        declared.retain(|key| !layers.contains(key));
        let mut known = keys(kind, json!({"zzz": 1}));
        known.extend(["name", "type"].map(str::to_owned));
        assert_eq!(declared, known, "{kind:?}");
    }
    assert_eq!(
        of("Http"),
        keys(Kind::Telegram, json!({"http": {"zzz": 1}}))
    );
    assert_eq!(of("Dkim"), keys(Kind::Smtp, json!({"dkim": {"zzz": 1}})));
    let template = json!({"template": {"zzz": 1}});
    assert_eq!(of("WhatsAppTemplate"), keys(Kind::WhatsApp, template));
    // A folder is for a host, which is there all the time.
    layers.insert("bounces".to_owned());
    assert_eq!(layers, Layers::KEYS.map(str::to_owned).into());
}

#[test]
fn declared_capabilities_are_accepted() {
    for field in python_shapes()["Capabilities"].keys() {
        let options = json!({
            "path": "/nowhere/crm.db", "actor": "a", "role": "admin",
            "channels": {"sms": {field: ["wrong"]}},
        });
        let plugins = std::sync::Arc::new(common::Scripted {
            sms: ACCEPTED,
            llm: DRAFT,
        });
        let refused = crm_bindings::Handle::open(&options.to_string(), plugins).unwrap_err();
        let first = &refused.fields[0];
        assert_ne!(first.message, "there is no such field", "{field}");
    }
}

#[test]
fn declared_capabilities_of_subscribers_are_accepted() {
    for field in python_shapes()["SubscriberCapabilities"].keys() {
        let options = json!({
            "path": "/nowhere/crm.db", "actor": "a", "role": "admin",
            "subscribers": {"crm": {"capabilities": {field: ["wrong"]}}},
        });
        let plugins = std::sync::Arc::new(common::Scripted {
            sms: ACCEPTED,
            llm: DRAFT,
        });
        let refused = crm_bindings::Handle::open(&options.to_string(), plugins).unwrap_err();
        let first = &refused.fields[0];
        assert_ne!(first.message, "there is no such field", "{field}");
    }
}
