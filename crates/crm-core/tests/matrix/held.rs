//! Who may approve a message that guardrails hold, and with what words: every role, with and without a reason.

use crm_core::Role;
use crm_core::message::Status;
use crm_core::message::decide::Seen;

use super::Matrix;
use super::commands::letter;

const ROLES: [Role; 4] = [Role::Viewer, Role::Manager, Role::Admin, Role::System];

/// What must happen: `A`pproved, not allowed `-`, `f`orbidden, `i`nvalid; for a text with a blocking finding and for
/// one without.
const TABLE: &str = "
reason  viewer manager admin system
none    f/f    -/A     -/A   f/f
given   f/f    f/f     A/A   f/f
blank   f/f    f/f     i/i   f/f
long    f/f    f/f     i/i   f/f
";

#[tokio::test]
async fn only_an_admin_with_a_reason_approves_what_guardrails_hold() {
    let long = "д".repeat(501);
    let mut rows = TABLE.lines().skip(2);
    for (name, reason) in [
        ("none", None),
        ("given", Some("Так и задумано.")),
        ("blank", Some(" \n ")),
        ("long", Some(long.as_str())),
    ] {
        let cells: Vec<&str> = rows.next().unwrap().split_whitespace().collect();
        assert_eq!(cells[0], name);
        for (place, role) in ROLES.into_iter().enumerate() {
            let (held, clean) = cells[place + 1].split_once('/').unwrap();
            for (content, wanted) in [("Ждём вас, [Имя]!", held), ("Ждём вас!", clean)]
            {
                let at = format!("{name} x {}: {content}", role.as_str());
                let matrix = Matrix::new();
                let world = &matrix.world;
                let contact = world.contact("dilnoza@example.org").await;
                let message = world.draft(&contact, content).await;
                let before = matrix.snapshot(&message).await;
                let session = world.act("somebody", role);
                let approvals = session.approvals();
                let done = approvals
                    .approve_despite(message.id, Seen::of(&message), reason)
                    .await;
                let after = matrix.snapshot(&message).await;
                match done {
                    Ok(approved) => {
                        assert_eq!(("A", approved.status), (wanted, Status::Approved), "{at}");
                        let kept = after.trail.approvals[0].override_reason.as_deref();
                        // Where nothing holds it, nothing is overridden.
                        assert_eq!(
                            kept,
                            reason.filter(|_| wanted == held && content.contains('[')),
                            "{at}"
                        );
                    }
                    Err(error) => {
                        let letter = match error.kind() {
                            crm_core::ErrorKind::Invalid => 'i',
                            _ => letter(&error),
                        };
                        assert_eq!(letter.to_string(), wanted, "{at}: {error}");
                        assert_eq!(before, after, "{at}");
                    }
                }
            }
        }
    }
}
