//! A `message/delivery-status` part (RFC 3464): what became of the recipients, by status and quoted reply.

use crm_core::port::callback::Fate;
use crm_core::port::channel::Outcome;

use super::super::classify::{Enhanced, Stage, classify};
use super::super::return_path::from_xtext;
use super::fields::Fields;

/// What the part says.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// As it was given with `MAIL FROM`.
    pub(super) envelope_id: Option<String>,
    /// Of our message, which had one recipient.
    pub(super) fate: Option<Fate>,
}

/// Reads the part: a block of fields about the message, then one for each recipient. A server may have made
/// several of our one; if any of them has the message it has arrived.
pub(super) fn read(part: &[u8]) -> Status {
    let mut status = Status::default();
    for block in blocks(part) {
        let fields = Fields::parse(&block);
        if status.envelope_id.is_none() {
            status.envelope_id = fields.get("original-envelope-id").map(str::to_owned);
        }
        if let Some(fate) = fate(&fields) {
            status.fate = Some(match status.fate.take() {
                Some(known) => better(known, fate),
                None => fate,
            });
        }
    }
    status
}

/// Runs of lines that are not empty.
fn blocks(part: &[u8]) -> Vec<Vec<u8>> {
    let mut blocks = vec![Vec::new()];
    for line in part.split_inclusive(|&byte| byte == b'\n') {
        if line.trim_ascii().is_empty() {
            blocks.push(Vec::new());
        } else if let Some(block) = blocks.last_mut() {
            block.extend_from_slice(line);
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// The further one. Of two failures the one after which the address may still live.
fn better(known: Fate, fate: Fate) -> Fate {
    let lives = matches!(
        (&known, &fate),
        (
            Fate::Failed { dead: true, .. },
            Fate::Failed { dead: false, .. }
        )
    );
    if lives || fate.outranks(&known) {
        fate
    } else {
        known
    }
}

/// By the action; an unknown one says nothing.
fn fate(fields: &Fields) -> Option<Fate> {
    let action = fields.get("action")?.split([' ', '(']).next()?;
    match action.to_ascii_lowercase().as_str() {
        "failed" => Some(failed(fields)),
        // On its way still, or handed to a server that reports no more.
        "delayed" | "relayed" | "expanded" => Some(Fate::Accepted),
        "delivered" => Some(Fate::Delivered),
        _ => None,
    }
}

/// By the status, or by the reply it comes from where that says more.
fn failed(fields: &Fields) -> Fate {
    let quoted = Quoted::parse(fields.get("diagnostic-code").unwrap_or_default());
    let status = fields.get("status").and_then(Enhanced::parse);
    // 5.0.0 says no more than that it failed.
    let exact = |status: &Enhanced| status.1 != 0;
    let status = status.filter(exact).or(quoted.status).or(status);
    let lasting = match (&status, quoted.code) {
        (Some(status), _) => status.0 == 5,
        (None, code) => code >= 500,
    };
    let outcome = match status.filter(exact) {
        Some(status) => classify(Stage::Rcpt, 550, Some(status), ""),
        None => classify(Stage::Rcpt, quoted.code, None, quoted.text),
    };
    let reason = match (status, quoted.code) {
        (Some(status), _) => format!("bounce_{status}"),
        (None, 0) => "bounce".to_owned(),
        (None, code) => format!("bounce_{code}"),
    };
    Fate::Failed {
        reason,
        dead: lasting && matches!(outcome, Outcome::Dead { .. }) && !was_forwarded(fields),
    }
}

/// Whether the one that failed is not the one we wrote to: that one took the message and passed it on.
fn was_forwarded(fields: &Fields) -> bool {
    let address = |name: &str| {
        let (_, address) = fields.get(name)?.split_once(';')?;
        Some(address.trim().trim_matches(['<', '>']).to_lowercase())
    };
    let (Some(ours), Some(last)) = (address("original-recipient"), address("final-recipient"))
    else {
        return false;
    };
    ours != last && from_xtext(&ours).as_ref() != Some(&last)
}

/// A `Diagnostic-Code` of SMTP: `smtp; 550 5.1.1 no such user`. All others say nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Quoted<'a> {
    /// Zero without one.
    code: u16,
    status: Option<Enhanced>,
    text: &'a str,
}

impl<'a> Quoted<'a> {
    fn parse(field: &'a str) -> Self {
        let reply = |field: &'a str| {
            let (kind, reply) = field.split_once(';')?;
            if !kind.trim().eq_ignore_ascii_case("smtp") {
                return None;
            }
            let (code, text) = reply.trim().split_at_checked(3)?;
            let code = code.parse().ok().filter(|code| (400..600).contains(code))?;
            let text = text.trim_start_matches(['-', ' ', '#']);
            let status = Enhanced::parse(text);
            Some(Self { code, status, text })
        };
        reply(field).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(lines: &str) -> Option<Fate> {
        read(format!("Reporting-MTA: dns; mx\r\n\r\n{lines}").as_bytes()).fate
    }

    #[track_caller]
    fn fails(lines: &str, reason: &str, dead: bool) {
        let reason = reason.to_owned();
        let lines = format!("Action: failed\r\n{lines}");
        assert_eq!(one(&lines), Some(Fate::Failed { reason, dead }), "{lines}");
    }

    #[test]
    fn the_status_decides_who_is_dead() {
        for status in ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"] {
            fails(
                &format!("Status: {status}"),
                &format!("bounce_{status}"),
                true,
            );
        }
        for status in [
            "5.2.2", "5.3.4", "5.4.4", "5.5.0", "5.6.0", "5.7.1", "5.7.26", "5.1.0", "5.1.8",
            "4.1.1", "4.2.1", "4.4.7", "2.1.1",
        ] {
            fails(
                &format!("Status: {status}"),
                &format!("bounce_{status}"),
                false,
            );
        }
    }

    #[test]
    fn the_quoted_reply_helps_where_the_status_is_vague() {
        let with = |status: &str, reply: &str| format!("{status}Diagnostic-Code: {reply}");
        let vague = "Status: 5.0.0\r\n";
        fails(&with(vague, "smtp; 550 5.1.1 x"), "bounce_5.1.1", true);
        fails(&with(vague, "SMTP;550-5.1.10 x"), "bounce_5.1.10", true);
        fails(&with(vague, "smtp; 550 #5.1.1 x"), "bounce_5.1.1", true);
        fails(&with(vague, "smtp; 550 no such user"), "bounce_5.0.0", true);
        fails(&with(vague, "smtp; 550 policy"), "bounce_5.0.0", false);
        fails(&with("", "smtp; 550 user unknown"), "bounce_550", true);
        fails(&with("", "smtp; 451 user unknown"), "bounce_451", false);
        fails(&with("", "smtp; 556 x"), "bounce_556", true);
        fails(
            &with("Status: nonsense\r\n", "smtp; 550 5.1.1 x"),
            "bounce_5.1.1",
            true,
        );
        // A clear status stands, whatever was quoted; other words than SMTP's are nobody's.
        fails(
            &with("Status: 5.7.1\r\n", "smtp; 550 5.1.1 x"),
            "bounce_5.7.1",
            false,
        );
        fails(
            &with("Status: 4.4.7\r\n", "smtp; 550 5.1.1 x"),
            "bounce_4.4.7",
            false,
        );
        fails(
            &with(vague, "X-Postfix; 550 user unknown"),
            "bounce_5.0.0",
            false,
        );
        for reply in [
            "",
            "smtp;",
            "smtp; 55",
            "smtp; ў50 x",
            "smtp; 999 x",
            "550 5.1.1",
        ] {
            fails(&with("", reply), "bounce", false);
        }
    }

    #[test]
    fn a_forwarded_message_does_not_kill_the_address_it_was_sent_to() {
        let to = |original: &str, last: &str| {
            format!("Original-Recipient: {original}\r\nFinal-Recipient: {last}\r\nStatus: 5.1.1")
        };
        let dead = |original, last, dead| fails(&to(original, last), "bounce_5.1.1", dead);
        dead("rfc822;Ann@x.example", "rfc822; ann@x.example", true);
        dead("rfc822;a+2Bb@x.example", "rfc822; a+b@x.example", true);
        dead("rfc822; <ann@x.example>", "RFC822;ann@x.example", true);
        dead("rfc822;ann@x.example", "rfc822; bob@x.example", false);
        dead("nonsense", "rfc822; bob@x.example", true);
    }

    #[test]
    fn actions_other_than_failure() {
        for (action, fate) in [
            ("delayed", Some(Fate::Accepted)),
            ("Relayed", Some(Fate::Accepted)),
            ("expanded (to 3)", Some(Fate::Accepted)),
            ("delivered", Some(Fate::Delivered)),
            ("lost", None),
            ("", None),
        ] {
            let lines = format!("Action: {action}\r\nStatus: 5.1.1\r\n");
            assert_eq!(one(&lines), fate, "{action}");
        }
        assert_eq!(one("Status: 5.1.1\r\n"), None);
    }

    #[test]
    fn of_several_recipients_the_best_counts() {
        let all = |parts: &[(&str, &str)]| {
            let block =
                |(action, status): &(&str, &str)| format!("Action: {action}\nStatus: {status}\n");
            one(&parts.iter().map(block).collect::<Vec<_>>().join("\n"))
        };
        let failed = |reason: &str, dead| {
            let reason = reason.to_owned();
            Some(Fate::Failed { reason, dead })
        };
        let (gone, full, late) = (
            ("failed", "5.1.1"),
            ("failed", "5.2.2"),
            ("delayed", "4.4.1"),
        );
        let arrived = ("delivered", "2.0.0");
        assert_eq!(all(&[gone, gone]), failed("bounce_5.1.1", true));
        assert_eq!(all(&[gone, full]), failed("bounce_5.2.2", false));
        assert_eq!(all(&[full, gone]), failed("bounce_5.2.2", false));
        for others in [[gone, arrived], [arrived, gone], [late, arrived]] {
            assert_eq!(all(&others), Some(Fate::Delivered), "{others:?}");
        }
    }

    #[test]
    fn the_envelope_id_is_found_anywhere() {
        for text in [
            "Original-Envelope-Id: a+2Bb\n\nAction: failed\n",
            "Action: failed\r\nOriginal-Envelope-Id:\r\n  a+2Bb\r\n",
            "\r\n \r\nX: y\n\nOriginal-Envelope-Id: a+2Bb\nAction: failed",
        ] {
            let status = read(text.as_bytes());
            assert_eq!(status.envelope_id.as_deref(), Some("a+2Bb"), "{text:?}");
            assert!(status.fate.is_some(), "{text:?}");
        }
    }
}
