//! Demo data: users, contacts, templates, messages in several states and campaigns.

mod drafts;
mod people;

use std::net::SocketAddr;

use chrono::Duration;
use crm_core::audience::Audience;
use crm_core::campaign::dates::DateRule;
use crm_core::campaign::quiet_hours::{QuietHours, SendingTimes, WallTime};
use crm_core::campaign::{CampaignFields, Schedule};
use crm_core::engine::{GenerateMessage, NewDraft, Session};
use crm_core::id::ContactId;
use crm_core::message::decide::Seen;
use crm_core::message::{Format, Message, Occasion};
use crm_core::port::store::ContactQuery;
use crm_core::template::TemplateFields;
use crm_core::{Actor, Role, Workspace};
use secrecy::{ExposeSecret as _, SecretString};

use crate::auth::accounts::{NewAccount, Registered};
use crate::auth::random_hex;
use crate::config::Config;
use crate::error::Problem;
use crate::state::App;

/// Name, occasion, language, subject, content.
const TEMPLATES: [(&str, Occasion, &str, &str, &str); 5] = [
    (
        "birthday",
        Occasion::Birthday,
        "ru",
        "С днём рождения!",
        "{{name}}, поздравляем вас с днём рождения! Желаем здоровья и удачи.",
    ),
    (
        "birthday",
        Occasion::Birthday,
        "en",
        "Happy birthday!",
        "Dear {{name}}, happy birthday! We wish you health and joy.",
    ),
    (
        "birthday",
        Occasion::Birthday,
        "uz",
        "Tugʻilgan kuningiz bilan!",
        "Hurmatli {{name}}, tugʻilgan kuningiz bilan tabriklaymiz!",
    ),
    (
        "new year",
        Occasion::NewYear,
        "ru",
        "С Новым годом!",
        "{{name}}, с Новым годом! Спасибо, что вы с нами.",
    ),
    (
        "offer",
        Occasion::Promotion,
        "en",
        "An offer for you",
        "Dear {{name}}, this month our regular guests get ten percent off.",
    ),
];

/// What the demo is, for the person who started it.
pub(crate) enum Demo {
    /// The data was written just now; all three users have this password.
    Filled {
        password: SecretString,
        /// Why no model wrote the drafts.
        stood_in: Option<String>,
    },
    /// There was data already.
    Kept,
}

impl Demo {
    /// Where to look and what to do next.
    pub(crate) fn told(&self, address: SocketAddr, config: &Config) -> String {
        let password = match (self, &config.demo_password) {
            (Self::Filled { password, .. }, _) => password.expose_secret(),
            (Self::Kept, Some(_)) => {
                "the one you set in CRM_DEMO_PASSWORD when you first started it"
            }
            (Self::Kept, None) => {
                "the one printed at the first start (delete the database to begin anew)"
            }
        };
        let mut from = crate::assemble::writers(config);
        // Said at once: a wrong key would show in the drafts alone.
        match self {
            Self::Filled {
                stood_in: Some(code),
                ..
            } if config.model_key.is_some() => {
                from += &format!(
                    ",\n                             which did not write those of the demo ({code}): templates and \
                     greetings stand in"
                );
            }
            Self::Kept => from += "; those that are there stay as they are",
            Self::Filled { .. } => {}
        }
        let page = match cfg!(feature = "web") {
            true => format!("\n  page                       http://{address}/"),
            false => String::new(),
        };
        format!(
            "{page}\n  API, to try in a browser   http://{address}/api/docs\n  \
             users                      admin@example.com  manager@example.com  viewer@example.com\n  \
             password of all three      {password}\n  \
             delivered messages         {}\n  \
             drafts come from           {from}\n\n  \
             Next: open the API page, or follow \"Five-minute tour\" in README.md. Ctrl-C stops.\n",
            config.outbox.display()
        )
    }
}

/// Fills an empty database; with so many `drafts` that wait for approval besides the usual data.
pub(crate) async fn run(
    app: &App,
    password: Option<SecretString>,
    drafts: u32,
) -> Result<Demo, String> {
    fill(app, password, drafts)
        .await
        .map_err(|problem| format!("the demo data cannot be written: {problem}"))
}

async fn fill(app: &App, password: Option<SecretString>, drafts: u32) -> Result<Demo, Problem> {
    let reader = Actor::new(Workspace::default(), "demo", Role::Viewer);
    let contacts = app
        .engine
        .act_as(reader)
        .contacts()
        .list(ContactQuery::default())
        .await?;
    if app.records.users().await? > 0 || !contacts.items.is_empty() {
        return Ok(Demo::Kept);
    }
    let password: SecretString = match password {
        Some(password) => password,
        None => random_hex()?.chars().take(20).collect::<String>().into(),
    };
    let mut ids = Vec::new();
    for role in [Role::Admin, Role::Manager, Role::Viewer] {
        let new = NewAccount {
            workspace: Workspace::default(),
            email: format!("{}@example.com", role.as_str()),
            full_name: format!("Demo {}", role.as_str()),
            password_hash: app
                .passwords
                .hash(password.expose_secret().to_owned())
                .await?,
            role,
        };
        // Of hosts that start together, the one that adds the first user fills the database.
        match app.records.register(new, ids.is_empty()).await? {
            Registered::Done(account) => ids.push((account.id, role)),
            Registered::NotFirst => return Ok(Demo::Kept),
            Registered::Duplicate => {
                return Err(Problem::unavailable("a demo user is already there"));
            }
        }
    }
    let session = |wanted: Role| {
        let id = ids
            .iter()
            .find(|(_, role)| *role == wanted)
            .map_or("demo", |(id, _)| id.as_str());
        app.engine
            .act_as(Actor::new(Workspace::default(), id, wanted))
    };
    let manager = session(Role::Manager);
    let people = people::run(&manager, app.engine.now()).await?;
    templates(&manager).await?;
    let stood_in = messages(app, &manager, &session(Role::Admin), &people).await?;
    campaigns(app, &manager, &people).await?;
    drafts::run(&manager, &session(Role::Admin), drafts, app.engine.now()).await?;
    Ok(Demo::Filled { password, stood_in })
}

async fn templates(session: &Session) -> Result<(), Problem> {
    for (name, occasion_type, language, subject, content) in TEMPLATES {
        let fields = TemplateFields {
            name: name.to_owned(),
            occasion_type,
            segment: None,
            channel: None,
            language: language.to_owned(),
            subject: Some(subject.to_owned()),
            content: content.to_owned(),
            format: Format::Text,
            is_active: true,
        };
        session.templates().create(fields).await?;
    }
    Ok(())
}

/// Five messages: one that leaves, rejected, cancelled, approved for later, draft. The other two wait for approval:
/// a worker drafts them for the campaigns. Why no model wrote them, if none did.
async fn messages(
    app: &App,
    manager: &Session,
    admin: &Session,
    people: &[ContactId],
) -> Result<Option<String>, Problem> {
    let mut made: Vec<Message> = Vec::new();
    for (index, contact) in people.iter().copied().take(7).enumerate().skip(2) {
        let message = if index < 5 {
            let wanted = GenerateMessage {
                contact_id: contact,
                occasion_type: Occasion::Birthday,
                custom_context: None,
                tone: crm_core::generation::Tone::default(),
                channel: None,
            };
            manager.messages().generate(wanted).await?
        } else {
            let draft = NewDraft {
                subject: Some("Спасибо за визит".to_owned()),
                scheduled_for: (index == 5).then(|| app.engine.now() + Duration::days(14)),
                ..NewDraft::new(
                    contact,
                    Occasion::Custom,
                    "Спасибо за визит! Будем рады видеть вас снова.",
                )
            };
            manager.messages().create(draft).await?
        };
        made.push(message);
    }
    // The last one stays a draft.
    for (index, message) in made.iter().enumerate() {
        let seen = Seen {
            version: message.version,
            digest: Some(message.digest),
        };
        match index {
            0 | 3 => drop(admin.approvals().approve(message.id, seen).await?),
            1 => {
                let reason = Some("Слишком официально".to_owned());
                admin
                    .approvals()
                    .reject(message.id, Some(message.version), reason)
                    .await?;
            }
            2 => drop(manager.messages().cancel(message.id, None).await?),
            _ => {}
        }
    }
    Ok(made.into_iter().find_map(|message| {
        message
            .metadata
            .error
            .filter(|_| message.metadata.fallback_used)
    }))
}

/// One that runs for one person and is to leave next month, one draft, and one that greets people on their birthdays.
async fn campaigns(app: &App, manager: &Session, people: &[ContactId]) -> Result<(), Problem> {
    let fields = |name: &str, audience, schedule| CampaignFields {
        audience,
        schedule,
        ..CampaignFields::new(name, Occasion::NewYear)
    };
    let first = people
        .first()
        .copied()
        .map_or(Audience::everybody(), Audience::Contact);
    let at = app.engine.now() + Duration::days(30);
    let active = fields(
        "New Year, VIP",
        first,
        Schedule::Scheduled {
            at,
            local_time: true,
        },
    );
    let quiet_hours = QuietHours::new(WallTime::parse("21:00")?, WallTime::parse("09:00")?)?;
    let draft = CampaignFields {
        sending_times: SendingTimes {
            quiet_hours: Some(quiet_hours),
            holidays: vec!["uz".to_owned()],
            ..SendingTimes::default()
        },
        ..fields(
            "Partners",
            Audience::Segment("partner".into()),
            Schedule::Immediate,
        )
    };
    // Without holidays: who was born on one would never be greeted.
    let birthdays = CampaignFields {
        occasion_type: Occasion::Birthday,
        sending_times: SendingTimes {
            quiet_hours: Some(quiet_hours),
            ..SendingTimes::default()
        },
        ..fields(
            "Birthdays",
            Audience::Not(Box::new(Audience::Segment("partner".into()))),
            Schedule::Date(DateRule::birthday(10)),
        )
    };
    let active = manager.campaigns().create(active).await?;
    manager.campaigns().execute(active.id, false).await?;
    manager.campaigns().create(draft).await?;
    let birthdays = manager.campaigns().create(birthdays).await?;
    manager.campaigns().execute(birthdays.id, false).await?;
    Ok(())
}
