//! Reads the drafts, checks them and counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::NaiveDate;
use crm_core::contact::ContactFields;
use crm_core::guardrail::{Context, Draft, Finding, Others, Rule, Rulebook, Rules, check};
use serde::Deserialize;

/// One labelled draft.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) language: String,
    #[allow(dead_code, reason = "for the reader of the corpus")]
    pub(crate) occasion: String,
    pub(crate) contact: ContactFields,
    pub(crate) sources: Vec<String>,
    pub(crate) subject: Option<String>,
    pub(crate) content: String,
    pub(crate) max_length: Option<usize>,
    pub(crate) parts: Option<u32>,
    /// What is to be found, and nothing else.
    pub(crate) labels: Vec<Rule>,
}

pub(crate) fn cases(file: &str) -> Vec<Case> {
    let path = format!(
        "{}/tests/guardrails/{file}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The settings of the house that all drafts are of.
pub(crate) fn house() -> Rulebook {
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    Rulebook::new(Rules {
        banned_terms: list(&[
            "гарантированный доход",
            "казино",
            "casino",
            "kazino",
            "free money",
            "tekin pul",
            "текин пул",
        ]),
        allowed_hosts: list(&["shop.uz"]),
        facts: list(&[
            "Oq Bulut",
            "Оқ Булут",
            "+998 71 200 00 00",
            "info@oqbulut.uz",
        ]),
        ..Rules::default()
    })
}

pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    let rules = house();
    let others: Others = ["+998901234567", "kamron@mail.example", "Камрон Жалолов"]
        .into_iter()
        .collect();
    let sources: Vec<&str> = case.sources.iter().map(String::as_str).collect();
    let draft = Draft {
        subject: case.subject.as_deref(),
        content: &case.content,
        parts: case.parts,
    };
    let context = Context {
        rules: &rules,
        contact: &case.contact,
        language: &case.language,
        max_length: case.max_length,
        sources: &sources,
        prompt: &[],
        others: &others,
        today: NaiveDate::from_ymd_opt(2026, 11, 27),
    };
    check(&draft, &context)
}

/// Drafts by whether a finding was due and whether there was one.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) hits: u32,
    pub(crate) false_alarms: u32,
    pub(crate) misses: u32,
}

impl Score {
    pub(crate) fn precision(&self) -> f64 {
        ratio(self.hits, self.false_alarms)
    }

    pub(crate) fn recall(&self) -> f64 {
        ratio(self.hits, self.misses)
    }
}

fn ratio(hits: u32, others: u32) -> f64 {
    if hits + others == 0 {
        return 1.0;
    }
    f64::from(hits) / f64::from(hits + others)
}

pub(crate) fn measure(cases: &[Case]) -> BTreeMap<Rule, Score> {
    let mut scores: BTreeMap<Rule, Score> = BTreeMap::new();
    for case in cases {
        let found = findings(case);
        for rule in Rule::ALL {
            let score = scores.entry(rule).or_default();
            let hit: Vec<&Finding> = found
                .iter()
                .filter(|finding| finding.rule == rule)
                .collect();
            match (case.labels.contains(&rule), hit.first()) {
                (true, Some(_)) => score.hits += 1,
                (true, None) => {
                    score.misses += 1;
                    println!("{}: {} was missed", case.id, rule.as_str());
                }
                (false, Some(finding)) => {
                    score.false_alarms += 1;
                    println!(
                        "{}: {} is a false alarm: {finding:?} {}",
                        case.id,
                        rule.as_str(),
                        excerpt(case, finding)
                    );
                }
                (false, None) => {}
            }
        }
    }
    scores
}

fn excerpt(case: &Case, finding: &Finding) -> String {
    let text = match finding.part {
        crm_core::guardrail::Part::Subject => case.subject.clone().unwrap_or_default(),
        _ => case.content.clone(),
    };
    let span = finding.span.clone().unwrap_or_default();
    text.chars().skip(span.start).take(span.len()).collect()
}

/// The table of the docs: rules that the corpus has labels for.
pub(crate) fn table(measured: &[(&str, BTreeMap<Rule, Score>)]) -> String {
    let mut table = String::from(
        "| guardrail | drafts | drafts found | false alarms | precision | recall |\n|---|---|---|---|---|---|\n",
    );
    for (set, scores) in measured {
        for (rule, score) in scores {
            let due = score.hits + score.misses;
            if due == 0 {
                continue;
            }
            writeln!(
                table,
                "| `{}`, {set} | {due} | {} | {} | {:.2} | {:.2} |",
                rule.as_str(),
                score.hits,
                score.false_alarms,
                score.precision(),
                score.recall()
            )
            .unwrap();
        }
    }
    table
}
