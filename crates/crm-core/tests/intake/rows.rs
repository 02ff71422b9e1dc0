//! What each kind of row does, and what a bad one does.

use super::*;

#[tokio::test]
async fn a_submitted_text_waits_for_a_person_and_then_leaves() {
    let world = world();
    world.person("c-1", "dilnoza@example.org").await;
    world
        .put("m-1", Kind::Submit, text("c-1", "Здравствуйте!"))
        .await;
    world.worker().run_until_idle().await.unwrap();
    let message = world.made_by("m-1").await;
    assert_eq!(message.status, Status::PendingApproval);
    assert_eq!(message.revision.content, "Здравствуйте!");
    assert_eq!(
        (message.created_by.as_str(), message.approved_by.as_deref()),
        ("intake", None)
    );
    assert_eq!(world.channel.delivered().len(), 0, "nobody approved it");

    let row = world.row("m-1").await;
    assert_eq!(row.state, IntakeState::Applied);
    assert_eq!(row.contact_id, Some(message.contact_id));
    assert_eq!(row.payload, Value::Null, "its text is in one place");
    let events = world.events(Subject::Message, message.id.0).await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].actor.as_str(), events[0].role),
        ("intake", Role::System)
    );
    assert_eq!(events[0].reason, Some(format!("intake {}", row.seq)));

    world.approve(&message).await;
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.channel.delivered()[0].content(), "Здравствуйте!");
    assert!(world.manager().audit().verify(None).await.unwrap().valid);
    assert_eq!(world.admin().analytics().recount().await.unwrap(), []);
}

#[tokio::test]
async fn everything_a_draft_says_is_kept() {
    let world = world();
    world.person("c-1", "dilnoza@example.org").await;
    let payload = json!({
        "external_id": "c-1", "occasion_type": "promotion", "channel": "email",
        "subject": "Скидка", "content": "<b>10%</b>", "format": "html", "language": "uz-cyrl",
        "scheduled_for": "2026-12-01T09:00:00+05:00", "expires_at": "2026-12-02T00:00:00Z",
        "metadata": {"model": "their-own", "tone": "warm", "request_id": "r-9",
            "generated_at": "2026-11-30T00:00:00Z"},
        "draft": true,
    });
    world.put("m-1", Kind::Submit, payload).await;
    assert_eq!(world.drain().await, done(2, 0, 0));
    let message = world.made_by("m-1").await;
    let at = |text: &str| text.parse::<DateTime<Utc>>().ok();
    assert_eq!(message.status, Status::Draft);
    assert_eq!(message.occasion, Occasion::Promotion);
    assert_eq!(message.revision.subject.as_deref(), Some("Скидка"));
    assert_eq!(message.revision.format.as_str(), "html");
    assert_eq!(message.scheduled_for, at("2026-12-01T04:00:00Z"));
    assert_eq!(message.expires_at, at("2026-12-02T00:00:00Z"));
    assert_eq!(message.generated_by, GeneratedBy::Ai);
    let metadata = &message.metadata;
    assert_eq!(metadata.model.as_deref(), Some("their-own"));
    assert_eq!(metadata.tone.as_deref(), Some("warm"));
    assert_eq!(metadata.request_id.as_deref(), Some("r-9"));
    assert_eq!(metadata.language.as_deref(), Some("uz-Cyrl"));
    assert_eq!(metadata.generated_at, at("2026-11-30T00:00:00Z"));
}

#[tokio::test]
async fn a_key_is_applied_once() {
    let world = world();
    world.person("c-1", "dilnoza@example.org").await;
    world.put("m-1", Kind::Submit, text("c-1", "Раз")).await;
    world.put("m-1", Kind::Submit, text("c-1", "Раз")).await;
    assert_eq!(world.drain().await, done(2, 1, 0));
    world
        .put("m-1", Kind::Submit, text("c-1", "Другой текст"))
        .await;
    assert_eq!(world.drain().await, done(0, 1, 0));
    let rows = world.rows().await;
    let message = world.messages().await;
    assert_eq!(message.len(), 1);
    for row in &rows[2..] {
        assert_eq!(row.state, IntakeState::Duplicate);
        assert_eq!(
            row.message_id,
            Some(message[0].id),
            "refers to what the first made"
        );
        let first = format!("row {} of this key was applied", rows[1].seq);
        assert_eq!(row.reason, Some(first));
    }
}

#[tokio::test]
async fn rows_are_done_in_order() {
    let world = world();
    // Each needs the one before.
    world.person("c-1", "old@example.org").await;
    world.put("m-1", Kind::Submit, text("c-1", "Раз")).await;
    world.person("c-1", "new@example.org").await;
    world.put("m-2", Kind::Submit, text("c-1", "Два")).await;
    world
        .put(
            "x-1",
            Kind::Cancel,
            json!({"key": "m-1", "reason": "order was returned"}),
        )
        .await;
    // The address is free only now.
    world.person("c-2", "old@example.org").await;
    assert_eq!(world.drain().await, done(6, 0, 0));
    let (first, second) = (world.made_by("m-1").await, world.made_by("m-2").await);
    assert_eq!(first.status, Status::Cancelled);
    assert_eq!(first.failure.as_deref(), Some("order was returned"));
    assert_eq!(second.status, Status::PendingApproval);
    assert_eq!(second.recipient, "new@example.org");
    assert_eq!(
        world.known("c-2").await.email.as_deref(),
        Some("old@example.org")
    );
    assert_eq!(world.row("x-1").await.message_id, Some(first.id));
}

#[tokio::test]
async fn many_rows_of_few_people_keep_their_order() {
    let world = world();
    for round in 0..40 {
        for person in 0..5 {
            let payload =
                json!({"external_id": format!("c-{person}"), "name": format!("Анна {round}")});
            world
                .put(&format!("{person} {round}"), Kind::Contact, payload)
                .await;
        }
    }
    assert_eq!(world.drain().await, done(200, 0, 0));
    for person in 0..5 {
        let contact = world.known(&format!("c-{person}")).await;
        assert_eq!((contact.name.as_str(), contact.version), ("Анна 39", 40));
    }
}

#[tokio::test]
async fn a_contact_is_changed_field_by_field_and_loses_approvals() {
    let world = world();
    world.person("c-1", "old@example.org").await;
    world.put("m-1", Kind::Submit, text("c-1", "Раз")).await;
    world.drain().await;
    let approved = world.approve(&world.made_by("m-1").await).await;
    assert_eq!(approved.status, Status::Approved);

    let payload = json!({"external_id": "c-1", "email": "new@example.org", "tags": ["vip"]});
    world.put("k-2", Kind::Contact, payload.clone()).await;
    assert_eq!(world.drain().await, done(1, 0, 0));
    let contact = world.known("c-1").await;
    assert_eq!(
        (contact.name.as_str(), contact.version),
        ("Дилноза Каримова", 2)
    );
    assert!(contact.tags.contains("vip"));
    let message = world.reload(&approved).await;
    assert_eq!(
        message.status,
        Status::PendingApproval,
        "nobody approved this address"
    );
    assert_eq!(message.recipient, "new@example.org");
    let events = world.events(Subject::Contact, contact.id.0).await;
    let last = events.last().unwrap();
    assert_eq!(
        (last.action.as_str(), last.actor.as_str()),
        ("edited", "intake")
    );

    // What is known already changes nothing, and says so.
    world.put("k-3", Kind::Contact, payload).await;
    assert_eq!(world.drain().await, done(1, 0, 0));
    assert_eq!(world.known("c-1").await.version, 2);
    let told = world
        .events(Subject::Intake, subject_id(&Workspace::default(), "k-3"))
        .await;
    let actions: Vec<_> = told.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["put", "applied"]);
    assert_eq!(
        (told[0].actor.as_str(), told[1].actor.as_str()),
        ("manager", "intake")
    );
    assert_eq!(world.admin().analytics().recount().await.unwrap(), []);
}

#[tokio::test]
async fn consent_only_goes_down() {
    let world = world();
    world.person("c-1", "dilnoza@example.org").await;
    world.put("m-1", Kind::Submit, text("c-1", "Раз")).await;
    world.drain().await;
    world.approve(&world.made_by("m-1").await).await;
    let no = json!({"external_id": "c-1", "channel": "*", "topic": "relationship",
        "evidence": "form 5", "at": "2026-03-01T00:00:00Z"});
    world.put("no", Kind::Consent, no).await;
    let yes = json!({"external_id": "c-1", "consent": [{"channel": "*", "topic": "relationship",
        "status": "opted_in", "at": "2026-03-02T00:00:00Z"}]});
    world.put("yes", Kind::Contact, yes).await;
    assert_eq!(world.drain().await, done(2, 0, 0));
    let contact = world.known("c-1").await;
    let told = serde_json::to_value(&contact.consent).unwrap();
    assert_eq!(
        told,
        json!([{"channel": "*", "topic": "relationship", "status": "opted_out",
            "evidence": "form 5", "at": "2026-03-01T00:00:00Z"}])
    );
    let message = world.made_by("m-1").await;
    assert_eq!(message.status, Status::PendingApproval);
    world.approve(&message).await;
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.channel.delivered().len(), 0, "a no stays a no");
    let events = world.events(Subject::Contact, contact.id.0).await;
    assert_eq!(events[1].action, "consent_withdrawn");
    assert_eq!(events.len(), 2, "the yes changed nothing");
}

#[tokio::test]
async fn a_withdrawal_dates_from_its_row() {
    let world = world();
    world.person("c-1", "dilnoza@example.org").await;
    let no = json!({"external_id": "c-1", "channel": "sms", "topic": "marketing"});
    world.put("no", Kind::Consent, no).await;
    let inserted = world.engine.now();
    world.clock.advance(chrono::Duration::hours(3));
    world.drain().await;
    assert_eq!(world.known("c-1").await.consent[0].at, inserted);

    // The next no stands beside it; the same one again changes nothing.
    for (key, channel) in [("no 2", "email"), ("no 3", "sms")] {
        let no = json!({"external_id": "c-1", "channel": channel, "topic": "marketing"});
        world.put(key, Kind::Consent, no).await;
    }
    assert_eq!(world.drain().await, done(2, 0, 0));
    let contact = world.known("c-1").await;
    let channels: Vec<_> = contact
        .consent
        .iter()
        .map(|no| no.channel.as_str())
        .collect();
    assert_eq!((channels, contact.version), (vec!["sms", "email"], 3));
    assert_eq!(contact.consent[0].at, inserted);
}

#[tokio::test]
async fn what_has_begun_to_leave_is_not_cancelled() {
    let world = world();
    world.person("c-1", "dilnoza@example.org").await;
    for key in ["claimed", "sent", "rejected", "cancelled"] {
        world.put(key, Kind::Submit, text("c-1", key)).await;
    }
    world.drain().await;
    world.approve(&world.made_by("sent").await).await;
    world.worker().run_until_idle().await.unwrap();
    let declined = world.made_by("rejected").await;
    let manager = world.manager();
    manager
        .approvals()
        .reject(declined.id, None, None)
        .await
        .unwrap();
    let called_off = world.made_by("cancelled").await;
    manager
        .messages()
        .cancel(called_off.id, None)
        .await
        .unwrap();
    world.approve(&world.made_by("claimed").await).await;
    let claim = Claim {
        workspace: Workspace::default(),
        worker: "another".to_owned(),
        limit: 1,
        now: world.engine.now(),
        lease: chrono::Duration::minutes(5),
        parked: Vec::new(),
        ids: Arc::new(SequentialIds::starting_at(1_000_000)),
    };
    assert_eq!(world.engine.store().claim(claim).await.unwrap().len(), 1);
    for (key, reason) in [
        (
            "claimed",
            "a message that is claimed cannot be changed by cancel",
        ),
        ("sent", "a message that is sent cannot be changed by cancel"),
        (
            "rejected",
            "a message that is rejected cannot be changed by cancel",
        ),
        ("nothing", "key: no message was submitted under this key"),
        (
            "person c-1 dilnoza@example.org",
            "key: no message was submitted under this key",
        ),
    ] {
        let cancel = format!("x {key}");
        world.put(&cancel, Kind::Cancel, json!({"key": key})).await;
        assert_eq!(world.drain().await, done(0, 0, 1), "{key}");
        assert_eq!(world.row(&cancel).await.reason.as_deref(), Some(reason));
    }
    assert_eq!(world.made_by("claimed").await.status, Status::Claimed);
    world
        .put("x cancelled", Kind::Cancel, json!({"key": "cancelled"}))
        .await;
    assert_eq!(
        world.drain().await,
        done(1, 0, 0),
        "it is as it was asked for"
    );
}

#[tokio::test]
async fn a_bad_row_is_kept_with_its_reason_and_stops_nothing() {
    let world = world();
    world.person("c-1", "dilnoza@example.org").await;
    let secret = "secret@example.org";
    let bad = [
        (
            Kind::Submit,
            json!({"external_id": "c-1", "occasion_type": secret, "content": secret}),
        ),
        (Kind::Submit, text("c-9", secret)),
        (Kind::Submit, text("c-1", &secret.repeat(1_000))),
        (
            Kind::Submit,
            json!({"external_id": "c-1", "occasion_type": "custom", "content": secret,
            "channel": "pigeon"}),
        ),
        (Kind::Submit, json!([secret])),
        (
            Kind::Contact,
            json!({"external_id": "c-2", "name": "Анна", "email": "no address"}),
        ),
        (
            Kind::Contact,
            json!({"external_id": "c-2", "name": "Анна", "email": "dilnoza@example.org"}),
        ),
        (
            Kind::Consent,
            json!({"external_id": "c-9", "channel": "*", "topic": "marketing"}),
        ),
    ];
    let reasons = [
        "occasion_type: use birthday, new_year, holiday, promotion or custom",
        "external_id: no contact of this workspace has it",
        "content: write 1 to 10,000 characters",
        "channel: use one of the set-up channels: email",
        "payload: give a JSON object",
        "email: use an e-mail address, for example anna@example.org",
        "email is taken by another contact",
        "external_id: no contact of this workspace has it",
    ];
    for (number, (kind, payload)) in bad.into_iter().enumerate() {
        world.put(&format!("bad {number}"), kind, payload).await;
    }
    world.put("good", Kind::Submit, text("c-1", "Раз")).await;
    assert_eq!(world.drain().await, done(2, 0, 8));
    let rows = world.rows().await;
    for (row, reason) in rows[1..9].iter().zip(reasons) {
        assert_eq!(row.state, IntakeState::Rejected, "{}", row.key);
        assert_eq!(row.reason.as_deref(), Some(reason), "{}", row.key);
        let id = subject_id(&Workspace::default(), &row.key);
        let events = world.events(Subject::Intake, id).await;
        let last = events.last().unwrap();
        assert_eq!(
            (last.action.as_str(), last.reason.as_deref()),
            ("rejected", Some(reason))
        );
    }
    assert_eq!(world.drain().await, done(0, 0, 0), "settled for good");

    // Nothing was done, so the host may say it better under the same key.
    world.put("bad 0", Kind::Submit, text("c-1", "Два")).await;
    assert_eq!(world.drain().await, done(1, 0, 0));
}

#[tokio::test]
async fn only_managers_and_admins_see_the_intake() {
    let world = world();
    for (role, may) in [
        (Role::Viewer, false),
        (Role::System, false),
        (Role::Manager, true),
        (Role::Admin, true),
    ] {
        let session = world.act("somebody", role);
        let intake = session.intake();
        let put = intake.put("k", Kind::Cancel, json!({"key": "m"})).await;
        let listed = intake.list(IntakeQuery::default()).await;
        let refused = [put.err(), listed.err()].map(|error| error.map(|error| error.kind()));
        let wanted = (!may).then_some(ErrorKind::Forbidden);
        assert_eq!(refused, [wanted; 2], "{role:?}");
    }
    assert_eq!(world.rows().await.len(), 2);
    let long = world
        .manager()
        .intake()
        .put("", Kind::Cancel, json!({}))
        .await;
    assert_eq!(long.unwrap_err().kind(), ErrorKind::Invalid);
}
